# SPDX-License-Identifier: MIT
"""Real images to OME-Zarr and back: gdalcompare.py finds nothing but what the format is about."""
import re
import shutil

import pytest
from conftest import VERSION, open_quietly, run
from osgeo import gdal

IMAGES = ["heart", "L7_ETMs.tif", "olinda_dem_utm25s.tif", "geomatrix.tif", "CMU-1-Small-Region.svs", "sample.tif", "stack"]
ALLOWED = re.compile(r"Files differ at the binary level|Skipped binary|Differences Found|.*\boverview\b")


def differences(golden, new):
    """Lines of gdalcompare.py, without those about overviews and files."""
    done = run("/usr/bin/gdalcompare.py", golden, new)
    assert done.stderr.replace("\n", "") == "" or "Warning" in done.stderr, done.stderr
    assert "Differences Found" in done.stdout, done.stdout + done.stderr
    left, allowed = [], False
    for line in done.stdout.splitlines():
        if not line.startswith(" "):
            allowed = bool(ALLOWED.match(line))
        if not allowed:
            left.append(line)
    return left


@pytest.fixture(scope="module")
def stack(data, tmp_path_factory):
    """The 15 pages of an OME-TIFF of int8, one band each."""
    vrt = tmp_path_factory.mktemp("vrt") / "stack.vrt"
    pages = [f"GTIFF_DIR:{i}:{data}/multi-channel-z-series.ome.tif" for i in range(1, 16)]
    assert run("gdalbuildvrt", "-q", "-separate", vrt, *pages).returncode == 0
    return vrt


@pytest.fixture(params=IMAGES)
def image(request, data, stack):
    return {"heart": f"OMEZARR:{data}/hoa_heart.zarr", "stack": stack}.get(request.param, data / request.param)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_there_and_back(image, version, tmp_path):
    store, moved = tmp_path / "a.ome.zarr", tmp_path / "elsewhere/b.ome.zarr"
    done = run("gdal_translate", "-q", "-of", "OMEZarr", "-co", f"OME_VERSION={version}", image, store)
    assert done.returncode == 0 and "ERROR" not in done.stderr, done.stderr
    moved.parent.mkdir()
    shutil.move(store, moved)
    assert differences(image, moved) == []
    for source, tif in ((moved, "back.tif"), (image, "direct.tif")):
        assert run("gdal_translate", "-q", source, tmp_path / tif).returncode == 0
    # TIFF cannot say that the first of several bands is not gray.
    assert differences(image, tmp_path / "back.tif") == differences(image, tmp_path / "direct.tif")
    assert [p.name for p in tmp_path.rglob("*.aux.xml")] == []


def test_int8_is_kept(stack, tmp_path):
    """GDAL 3.6 does not say that the VRT's bytes are signed; the source of its source does."""
    assert run("gdal_translate", "-q", "-of", "OMEZarr", stack, tmp_path / "a.ome.zarr").returncode == 0
    band = open_quietly(tmp_path / "a.ome.zarr").GetRasterBand(1)
    if VERSION >= 3070000:
        assert band.DataType == gdal.GDT_Int8
    else:
        assert band.GetMetadataItem("PIXELTYPE", "IMAGE_STRUCTURE") == "SIGNEDBYTE"
    assert '"int8"' in (tmp_path / "a.ome.zarr/s0/image/zarr.json").read_text()


def test_heart_is_a_volume(data, tmp_path):
    """Bands = z before and after."""
    store = tmp_path / "heart.ome.zarr"
    assert run("gdal_translate", "-q", "-of", "OMEZarr", f"OMEZARR:{data}/hoa_heart.zarr", store).returncode == 0
    dataset = open_quietly(store)
    assert dataset.RasterCount == 120
    assert dataset.GetMetadataItem("AXES", "OME") == "z,y,x"
