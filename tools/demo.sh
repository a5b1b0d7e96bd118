#!/bin/sh
# SPDX-License-Identifier: MIT
# demo.sh [image]: install what is needed, build, and do the main job: turn an image into an
# OME-Zarr pyramid with stock gdal_translate, read it back, and draw its levels; then ImageMagick takes
# slices from it, and makes an OME-Zarr of them. Without an image it makes one, a synthetic tomogram. Results
# are in demo-out/.
set -eu
ROOT=$(cd "$(dirname "$0")/.." && pwd)
. "$ROOT/tools/lib.sh"

image=${1:-}
[ -z "$image" ] || [ -e "$image" ] || die "$image: no such image"

# shellcheck disable=SC2046,SC2086
need_packages $DEMO_PACKAGES $(magick_packages demo)
say "Building"
build "$ROOT/build" -DCMAKE_BUILD_TYPE=Release -DOZR_GDAL=ON -DOZR_MAGICK=ON -DBUILD_TESTING=OFF
mkdir -p "$ROOT/demo-out"
cd "$ROOT"
printf 'export GDAL_DRIVER_PATH="%s"\nexport MAGICK_CODER_MODULE_PATH="%s"\n' \
	"$ROOT/build/gdal_driver:$(gdal_plugin_folder)" "$(magick_coder_path "$ROOT/build")" >build/ozr-env.sh
# shellcheck disable=SC1091
. build/ozr-env.sh
gdalinfo --formats | grep -q OMEZarr || die "GDAL does not load the OMEZarr driver"

store=demo-out/scan.ome.zarr
if [ -z "$image" ]; then
	say "Making a specimen: 192 x 512 x 512 voxels, uint16"
	image=demo-out/specimen.img
	build/tools/specimen/ozr_specimen 192 512 512 "$image"
	set -- -co BAND_AXIS=Z -co PIXEL_SIZE=20 -co UNIT=micrometer
else
	set --
fi

say "gdal_translate -of OMEZarr $* $image $store"
start=$(seconds)
gdal_translate -q -of OMEZarr -co OVERWRITE=YES "$@" "$image" "$store"
took=$(elapsed "$start")

say "Checking: every pixel read back, and a picture of the levels"
/usr/bin/python3 tools/demo_report.py "$image" "$store" demo-out/levels.png "$took"

magick=$(magick_program)
slices=
if [ "$image" = demo-out/specimen.img ]; then
	say "$(basename "$magick") '${store}[90-101]' demo-out/slice_%03d.png, and back to slices.ome.zarr"
	rm -f demo-out/slice_*.png
	"$magick" "${store}[90-101]" demo-out/slice_%03d.png
	"$magick" -define omezarr:overwrite=true demo-out/slice_*.png demo-out/slices.ome.zarr
	[ -d demo-out/slices.ome.zarr ] || die "ImageMagick does not load the coder"
	"$magick" "${store}[90-101]" -depth 16 gray:demo-out/one.raw
	"$magick" demo-out/slices.ome.zarr -depth 16 gray:demo-out/two.raw
	cmp demo-out/one.raw demo-out/two.raw || die "the slices differ from the store"
	rm demo-out/one.raw demo-out/two.raw
	echo "12 slices out and in again: identical"
	slices="
The slices:   demo-out/slice_*.png, demo-out/slices.ome.zarr"
fi

cat <<TXT

The store:    $store
The picture:  demo-out/levels.png$slices
To use the plug-ins in this shell, also in QGIS:
  . $ROOT/build/ozr-env.sh
TXT
