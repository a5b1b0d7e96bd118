#!/bin/sh
# SPDX-License-Identifier: MIT
# Layout of C and C++ files, by clang-format 14 (Debian 12's). Other versions lay out
# differently, so without that one the check is skipped (exit status 77).
# usage: check-format.sh ROOT [fix]
cd "$1" || exit 1
tool=
for t in clang-format-14 clang-format; do
	if command -v $t >/dev/null && $t --version | grep -q 'version 14\.'; then
		tool=$t
		break
	fi
done
[ -n "$tool" ] || { echo "clang-format 14 is not installed: skipped"; exit 77; }
files=$(find common gdal_driver tiff_codec magick_coder tests tools examples \
	\( -name '*.c' -o -name '*.h' -o -name '*.cpp' \) 2>/dev/null | sort)
[ -n "$files" ] || { echo "no files"; exit 1; }
if [ "$2" = fix ]; then
	echo "$files" | xargs $tool -i
	exit
fi
echo "$files" | xargs $tool --dry-run --Werror 2>&1 | grep -E 'error:' | cut -d: -f1 | sort | uniq -c |
	awk '{print $2 ": " $1 " places; run tools/check-format.sh . fix"; bad = 1} END {exit bad}'
