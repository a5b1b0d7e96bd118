#!/bin/sh
# SPDX-License-Identifier: MIT
# Run one of GDAL's suites on our driver (see test_gdal_autotest.py); without its sources, skip.
if [ ! -e "${OZR_GDAL_AUTOTEST:-}/pymod/gdaltest.py" ]; then
	echo "OZR_GDAL_AUTOTEST does not name GDAL's folder autotest: skipped"
	exit 77
fi
exec "$(dirname "$0")/../hosts/run_gdal.sh" "$@"
