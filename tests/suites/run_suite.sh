#!/bin/sh
# SPDX-License-Identifier: MIT
# run_suite.sh VARIABLE FILE test...: run other people's tests on our driver, from the folder that the
# environment variable names, in which FILE must be; without it, skip.
variable=$1 file=$2
shift 2
eval "folder=\${$variable:-}"
if [ -z "$folder" ] || [ ! -e "$folder/$file" ]; then
	echo "$variable does not name a folder with $file: skipped"
	exit 77
fi
exec "$(dirname "$0")/../hosts/run_gdal.sh" "$@"
