#!/bin/sh
# SPDX-License-Identifier: MIT
# The part of matrix.sh that runs inside a root: install, build, test, and a summary in which
# everything that was skipped is named. Its environment is made by matrix.sh.
set -eu
ROOT=/ozr/source
. "$ROOT/tools/lib.sh"

dpkg --configure -a # where an earlier run was interrupted
# shellcheck disable=SC2086
need_packages $TEST_PACKAGES $MATRIX_PACKAGES
# shellcheck disable=SC2086
[ -z "$SUITES" ] || need_packages $SUITES_PACKAGES
# shellcheck disable=SC2086
[ -z "$QGIS" ] || need_packages $QGIS_PACKAGES
apt-get clean
[ -z "$PREPARE" ] || exit 0

say "Building"
export CMAKE_BUILD_PARALLEL_LEVEL="$JOBS"
[ -n "$UNIT" ] || TARGETS="gdal_OMEZarr ozr_specimen"
build /ozr/build -DCMAKE_BUILD_TYPE=RelWithDebInfo -DOZR_WERROR=ON -DOZR_GDAL=ON

say "Tests"
[ -z "$SHARED" ] || export OZR_SHARED=/ozr/shared
[ -n "$OZR_LONG" ] || unset OZR_LONG
labels='hosts'
[ -z "$UNIT" ] || labels="$labels|unit"
if [ -n "$SUITES" ]; then
	version=$(gdal-config --version | cut -d. -f1,2)
	OZR_GDAL_AUTOTEST=/ozr/suites/$version/autotest
	[ -e "$OZR_GDAL_AUTOTEST/pymod/gdaltest.py" ] || die "$SUITES/$version/autotest is not GDAL's folder autotest"
	export OZR_GDAL_AUTOTEST
	labels="$labels|suites"
fi
ctest --test-dir /ozr/build --output-on-failure --no-tests=error -j "$JOBS" -L "^($labels)\$"

say "Summary"
package() {
	dpkg-query -W -f '${Version}' "$1" 2>/dev/null || echo absent
}
printf 'Debian %s: GDAL %s, gcc %s, Python %s, QGIS %s\n' "$(cat /etc/debian_version)" "$(gdal-config --version)" \
	"$(gcc -dumpfullversion)" "$(/usr/bin/python3 -c 'import platform; print(platform.python_version())')" \
	"$(package python3-qgis)"
log=/ozr/build/Testing/Temporary/LastTest.log
awk '/^[0-9]+ passed|, [0-9]+ passed|^[0-9]+ skipped/ {
	for (i = 2; i <= NF; i++) {
		if ($i ~ /^passed/) passed += $(i - 1)
		if ($i ~ /^skipped/) skipped += $(i - 1)
	}
}
END {printf "Tests inside the hosts: %d passed, %d skipped\n", passed, skipped}' "$log"
sed -n -e '/^SKIPPED \[/p' -e '/: skipped$/p' "$log" | sed 's/^/  /'
