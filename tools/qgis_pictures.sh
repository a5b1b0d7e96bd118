#!/bin/sh
# SPDX-License-Identifier: MIT
# qgis_pictures.sh DRIVER_FOLDER OUT [picture...]: take the pictures of docs/qgis.md from a real QGIS on
# a screen in memory, with images made from the folder OZR_SHARED. Look at them before committing them.
# Pictures: browser, heart, pyramids. Packages: qgis, xvfb, xauth, pngquant, fonts-dejavu-core.
set -eu
ROOT=$(cd "$(dirname "$0")/.." && pwd)
. "$ROOT/tools/lib.sh"

[ $# -ge 2 ] || die "usage: $0 DRIVER_FOLDER OUT [picture...]"
drivers=$(cd "$1" && pwd)
mkdir -p "$2"
out=$(cd "$2" && pwd)
shift 2
[ $# -gt 0 ] || set -- browser heart pyramids
images=${OZR_SHARED:-$ROOT/../shared}/data
[ -d "$images" ] || die "$images: the folder of real images is not here (OZR_SHARED)"
GDAL_DRIVER_PATH="$drivers:$(gdal_plugin_folder)"
export GDAL_DRIVER_PATH

work=$(mktemp -d -p /var/tmp) # QGIS marks layers below /tmp as temporary ones
trap 'rm -rf "$work"' EXIT
data=$work/images
mkdir "$data"
gdal_translate -q -of OMEZarr -oo BANDS=Z "OMEZARR:$images/hoa_heart.zarr" "$data/heart.ome.zarr"
gdal_translate -q -of OMEZarr "$images/L7_ETMs.tif" "$data/landsat.ome.zarr"
gdal_translate -q -of OMEZarr "$images/CMU-1-Small-Region.svs" "$data/slide.ome.zarr"

# Neither tips nor news nor questions.
mkdir -p "$work/profiles/profiles/default/QGIS"
cat >"$work/profiles/profiles/default/QGIS/QGIS3.ini" <<'END'
[qgis]
checkVersion=false
showTips=false
askToSaveProjectChanges=false

[app]
projections\unknownCrsBehavior=NoAction

[projections]
unknownCrsBehavior=NoAction

[core]
NewsFeed\disabled=true
END
HOME=$work OZR_PICTURES="$*" OZR_PICTURES_DATA=$data OZR_PICTURES_OUT=$out XDG_RUNTIME_DIR=$work QT_QPA_PLATFORM=xcb \
	timeout 300 xvfb-run -a -s "-screen 0 1280x900x24" \
	qgis --nologo --noversioncheck --noplugins --profiles-path "$work/profiles" --code "$ROOT/tools/qgis_pictures.py"
for picture in "$@"; do
	pngquant --force --speed 1 --strip --output "$out/qgis-$picture.png" 48 "$out/qgis-$picture.png"
done
