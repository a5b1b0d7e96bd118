#!/bin/sh
# SPDX-License-Identifier: MIT
# Run a file of GDAL tests with the Python that has the distribution's GDAL; without it, or without
# the module that OZR_NEEDS names, or without the S3 server for the tests that use it, skip.
# The environment of the user must not change what GDAL does.
for name in $(env | sed -n 's/^\(\(GDAL\|CPL\|PYTHON\|PROJ\|VSI\)[A-Z_0-9]*\)=.*/\1/p'); do
	unset "$name"
done
python=/usr/bin/python3
$python -c 'import numpy, pytest; from osgeo import gdal' 2>/dev/null ||
	{ echo "python3-gdal, python3-numpy or python3-pytest is missing: skipped"; exit 77; }
[ -z "${OZR_NEEDS:-}" ] || $python -c "import $OZR_NEEDS" 2>/dev/null ||
	{ echo "Python's $OZR_NEEDS is missing: skipped"; exit 77; }
case " $*" in *test_gdal_s3*)
	[ -x "${OZR_PEERS:-}/s3/versitygw" ] ||
		{ echo "OZR_PEERS does not name a folder with an S3 server (tests/interop/s3_server.sh): skipped"; exit 77; }
	;;
esac
GDAL_DRIVER_PATH="$OZR_DRIVER_FOLDER:$(echo /usr/lib/*/gdalplugins | tr ' ' ':')" GDAL_PAM_ENABLED=NO \
	exec $python -B -m pytest -q -rs -p no:cacheprovider "$@"
