#!/bin/sh
# SPDX-License-Identifier: MIT
# peers.sh DIR: make virtual environments with pinned peers, DIR/v3 and DIR/v2, and DIR/dask, which sees
# the distribution's GDAL; and DIR/node with packages from npm. Quick when they are there already.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=$1

make_env() { # NAME REQUIREMENTS [OPTION OF venv]
	env=$target/$1
	if [ -e "$env/made-from" ] && cmp -s "$here/$2" "$env/made-from"; then
		return
	fi
	rm -rf "$env"
	/usr/bin/python3 -m venv ${3:+"$3"} "$env"
	"$env/bin/pip" install --quiet --disable-pip-version-check -r "$here/$2"
	cp "$here/$2" "$env/made-from"
}

mkdir -p "$target"
make_env v3 requirements.txt
make_env v2 requirements-v2.txt
make_env dask requirements-dask.txt --system-site-packages

if ! cmp -s "$here/package.json" "$target/node/made-from"; then
	if ! command -v npm >/dev/null; then
		echo "No npm: zarrita and geotiff.js are not among the peers"
		exit 0
	fi
	rm -rf "$target/node"
	mkdir "$target/node"
	cp "$here/package.json" "$target/node"
	(cd "$target/node" && npm install --silent --no-audit --no-fund --no-package-lock --ignore-scripts)
	cp "$here/package.json" "$target/node/made-from"
fi
