#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh FOLDER: the three clients, one after the other, on a store of 9 planes.
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
echo ok
