#!/bin/sh
# SPDX-License-Identifier: MIT
# magick_validate.sh [format...]: the format tests of ImageMagick's own validation suite (tests/validate.c in its
# sources) on our formats, in its three modes: pixel caches in memory, mapped, and on disk. What is tested is in
# OZR_MAGICK_* (tests/magick/tests.cmake). Three changes are made: the list of formats; what is written replaces
# the empty file that stands there (omezarr:overwrite); and the variant in memory is left out, as a folder cannot
# be in memory. Each mode has 13 kinds of images (bilevel to color separation, with and without alpha, 1 to 16
# bits) for each format. The program's exit status is always 0: what counts is its summary.
# Without the sources (magick_source.sh) skip; OZR_REQUIRE_SHARED=1 makes that an error.
set -eu
[ $# -gt 0 ] || set -- OMEZARR ZARR
here=$(cd "$(dirname "$0")" && pwd)

skip() {
	[ "${OZR_REQUIRE_SHARED:-}" != 1 ] || { echo "$1, and OZR_REQUIRE_SHARED=1"; exit 1; }
	echo "$1: skipped"
	exit 77
}

[ -n "$OZR_MAGICK_PROGRAM" ] || skip "The programs of ImageMagick $OZR_MAGICK_VARIANT are not installed"
major=${OZR_MAGICK_VARIANT%%.*}
rc=0
source=$(sh "$here/magick_source.sh" "$major" "${OZR_PEERS:-$OZR_MAGICK_BUILD/peers}") || rc=$?
[ "$rc" -ne 77 ] || skip "The sources of ImageMagick are not here"
[ "$rc" -eq 0 ] || exit 1
wand=$(ldd "$OZR_MAGICK_PROGRAM" | awk '/libMagickWand/ {print $3}')
[ -n "$wand" ] || { echo "$OZR_MAGICK_PROGRAM is not linked with MagickWand"; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/home" "$work/temporary"
formats=
for format in "$@"; do
	formats="$formats    { \"$format\", UndefinedCompression, 0.0 },\n"
done
awk -v formats="$formats" '
	/reference_formats\[\] =/ { print; getline; print; printf formats; inside = 1; next }
	inside && /\(const char \*\) NULL|\{ *\(char \*\) NULL|^  \};/ { inside = 0 }
	!inside' "$source/tests/validate.h" >"$work/validate.h"
sed -e 's/^ *tests+=ValidateImageFormatsInMemory(image_info,reference_filename,$/tests+=left_out(image_info,reference_filename,/' \
	-e 's/^  image_info=AcquireImageInfo();$/&\n  (void) SetImageOption(image_info,"omezarr:overwrite","true");/' \
	-e 's/^int main(/static size_t left_out(ImageInfo *a,const char *b,const char *c,size_t *d,ExceptionInfo *e)\n{ (void) a; (void) b; (void) c; (void) d; (void) e; return(0); }\n&/' \
	"$source/tests/validate.c" >"$work/validate.c"
for change in 'tests+=left_out:3' 'omezarr:overwrite:1' 'static size_t left_out:1'; do
	[ "$(grep -c "${change%:*}" "$work/validate.c")" = "${change##*:}" ] ||
		{ echo "$source/tests/validate.c is not as expected: '${change%:*}'"; exit 1; }
done
# shellcheck disable=SC2046
cc -O1 -w -I"$work" -I"$source" $(pkg-config --cflags "MagickCore-$OZR_MAGICK_VARIANT") -o "$work/validate" \
	"$work/validate.c" "$wand" $(pkg-config --libs "MagickCore-$OZR_MAGICK_VARIANT") -lm

failed=
for mode in memory map disk; do
	rc=0
	(cd "$work" && env -i PATH=/usr/bin:/bin LC_ALL=C.UTF-8 HOME="$work/home" MAGICK_TEMPORARY_PATH="$work/temporary" \
		OMP_WAIT_POLICY=passive MAGICK_CODER_MODULE_PATH="$(dirname "$OZR_MAGICK_MODULE"):$OZR_MAGICK_CODERS" \
		./validate -validate "formats-$mode") >"$work/log" 2>&1 || rc=$?
	want=$((13 * $#))
	if [ "$rc" -eq 0 ] && grep -q "summary: $want subtests; $want passed; 0 failed\." "$work/log"; then
		echo "formats-$mode: $want of $want passed"
	else
		cat "$work/log"
		echo "formats-$mode: FAILED (status $rc)"
		failed=1
	fi
done
[ -z "$failed" ]
