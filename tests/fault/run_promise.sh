#!/bin/sh
# SPDX-License-Identifier: MIT
# run_promise.sh PROGRAM WHAT ROUNDS: in a fresh folder that is removed afterwards.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
timeout 500 "$1" "$2" "$folder/store.ome.zarr" "$3"
rest=$(ls -A "$folder" | grep -v '^store.ome.zarr$' || true)
[ -z "$rest" ] || { echo "left behind: $rest"; exit 1; }
