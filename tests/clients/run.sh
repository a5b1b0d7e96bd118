#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh FOLDER: the clients, one after the other: three on a store of 9 planes, and a twin that
# whoever is there may read: unzip, libtiff's tools.
set -eu
bin=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
store=$folder/planes.ome.zarr
"$bin/append_planes" "$store" 9
"$bin/read_tiles" "$store" 500
"$bin/chunk_offsets" "$store" >"$folder/offsets"

# 9 planes of 3 x 3 chunks; what the chunks of a shard and its index (16 bytes an entry and a
# checksum of 4) take is the size of its file.
[ "$(wc -l <"$folder/offsets")" -eq 81 ] || { echo "81 chunks expected"; cat "$folder/offsets"; exit 1; }
awk '{sum[$1] += $3} END {for (f in sum) print f, sum[f] + 4 * 16 + 4}' "$folder/offsets" |
while read -r file size; do
	[ "$(stat -c %s "$store/$file")" -eq "$size" ] || { echo "$file: chunks and index take $size bytes"; exit 1; }
done

twin=$folder/twin.ozx
yes "these are 16 bits" | head -c $((2 * 2 * 3 * 300 * 400)) |
"$bin/make_twin" "$twin" uint16 czyx 2,3,300,400 tile=128 levels=3
[ -s "$twin" ] && [ ! -e "$folder/.twin"* ] || { echo "no twin"; exit 1; }
if "$bin/make_twin" "$folder/none.ozx" uint16 czyx 2,3,300,400 tile=100 </dev/null 2>"$folder/message" ||
	[ -e "$folder/none.ozx" ] || ! grep -q "multiples of 16" "$folder/message"; then
	echo "a tile of 100 is to be refused"
	exit 1
fi
if command -v unzip >/dev/null; then unzip -tq "$twin"; fi
if command -v tiffinfo >/dev/null; then
	[ "$(tiffinfo "$twin" 2>/dev/null | grep -c '^=== TIFF directory')" -eq 6 ] || { echo "6 pages expected"; exit 1; }
fi
echo ok
