#!/bin/sh
# SPDX-License-Identifier: MIT
# run_magick.sh test...: run files of ImageMagick tests with the distribution's Python. What they test is in
# OZR_MAGICK_* (tests.cmake). Without the programs of that variant, or numpy and pytest, skip.
# The environment of the user must not change what ImageMagick does.
for name in $(env | sed -n 's/^\(\(MAGICK\|OMP\|GOMP\|PYTHON\|LD\|XDG\)_*[A-Z_0-9]*\)=.*/\1/p'); do
	unset "$name"
done
python=/usr/bin/python3
$python -c 'import numpy, pytest' 2>/dev/null || { echo "python3-numpy or python3-pytest is missing: skipped"; exit 77; }
[ -n "${OZR_MAGICK_PROGRAM:-}" ] ||
	{ echo "The programs of ImageMagick $OZR_MAGICK_VARIANT are not installed, only its headers: skipped"; exit 77; }
exec $python -B -m pytest -q -rs -p no:cacheprovider "$@"
