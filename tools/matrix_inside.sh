#!/bin/sh
# SPDX-License-Identifier: MIT
# The part of matrix.sh that runs inside a root: install, build, test, and a summary in which
# everything that was skipped is named. Its environment is made by matrix.sh.
set -eu
ROOT=/ozr/source
. "$ROOT/tools/lib.sh"

dpkg --configure -a # where an earlier run was interrupted
# shellcheck disable=SC2046,SC2086
need_packages $TEST_PACKAGES $(magick_packages test) $MATRIX_PACKAGES
# shellcheck disable=SC2086
[ -z "$SUITES" ] || need_packages $SUITES_PACKAGES
# shellcheck disable=SC2086
[ -z "$QGIS" ] || need_packages $QGIS_PACKAGES
apt-get clean
[ -z "$PREPARE" ] || exit 0

say "Building"
export CMAKE_BUILD_PARALLEL_LEVEL="$JOBS"
[ -n "$UNIT" ] || TARGETS="gdal_OMEZarr magick_coders ozr_specimen make_twin"
build /ozr/build -DCMAKE_BUILD_TYPE=RelWithDebInfo -DOZR_WERROR=ON -DOZR_GDAL=ON -DOZR_MAGICK=ON

say "Tests"
[ -z "$SHARED" ] || export OZR_SHARED=/ozr/shared
[ -n "$OZR_LONG" ] || unset OZR_LONG
[ -z "$REQUIRE" ] || export OZR_REQUIRE_SHARED="$REQUIRE"
labels='hosts|validate'
[ -z "$UNIT" ] || labels="$labels|unit"
if [ -n "$SUITES" ]; then
	version=$(gdal-config --version | cut -d. -f1,2)
	OZR_GDAL_AUTOTEST=/ozr/suites/$version/autotest
	[ -e "$OZR_GDAL_AUTOTEST/pymod/gdaltest.py" ] || die "$SUITES/$version/autotest is not GDAL's folder autotest"
	export OZR_GDAL_AUTOTEST
	labels="$labels|suites"
fi
# What Valgrind finds depends little on the release: with OZR_LONG only.
[ -n "${OZR_LONG:-}" ] && except='^$' || except='gdal_valgrind'
ctest --test-dir /ozr/build --output-on-failure --no-tests=error -j "$JOBS" -L "^($labels)\$" -E "$except"

say "Summary"
# The version of the first of these packages that is installed.
package() {
	for name in "$@"; do
		dpkg-query -W -f '${Version}' "$name" 2>/dev/null && return
	done
	echo absent
}
printf 'Debian %s: GDAL %s, ImageMagick %s, gcc %s, Python %s, QGIS %s\n' "$(cat /etc/debian_version)" "$(gdal-config --version)" \
	"$(package imagemagick-7.q16 imagemagick-6.q16)" \
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
printf "ImageMagick's own format validation: %s of 6 modes passed\n" "$(grep -c '^formats-.* passed$' "$log")"
sed -n -e '/^The mirror lacks/p' -e '/^SKIPPED \[/p' -e '/: skipped$/p' "$log" | sed 's/^/  /'
