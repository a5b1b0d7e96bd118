# SPDX-License-Identifier: MIT
"""The program `gdal` of GDAL 3.11 and later, `gdal raster ...`: on our images the same as on GeoTIFFs."""
import shutil
import subprocess

import numpy
import pytest
from conftest import alive, copied, fingerprint, memory_raster, opened, pattern, run
from osgeo import gdal, osr


def has_program():
    """3.13's: earlier ones lack sub-commands, and other programs may have this name."""
    if not shutil.which("gdal"):
        return False
    done = subprocess.run(["gdal", "raster", "overview", "refresh", "--help"], capture_output=True, text=True)
    return done.returncode == 0 and "--bbox" in done.stdout


pytestmark = pytest.mark.skipif(not has_program(), reason="no `gdal raster overview refresh`")


@pytest.fixture
def scene(tmp_path):
    """A georeferenced GeoTIFF, 3 bands; a hole of nodata."""
    pixels = pattern(3, 420, 510) % 900 + 1
    pixels[:, 100:140, 200:260] = 0
    memory, srs = memory_raster(pixels), osr.SpatialReference()
    srs.ImportFromEPSG(32632)
    memory.SetSpatialRef(srs)
    memory.SetGeoTransform([500000, 30, 0, 5200000, 0, -30])
    for i in range(3):
        memory.GetRasterBand(i + 1).SetNoDataValue(0)
    gdal.GetDriverByName("GTiff").CreateCopy(str(tmp_path / "scene.tif"), memory).FlushCache()
    return tmp_path / "scene.tif"


@pytest.fixture
def pair(scene, tmp_path):
    """The same scene as our image, without levels, and as a GeoTIFF whose bands are interleaved as in ours."""
    for name, driver, options in (("a.ome.zarr", "OMEZarr", ["PYRAMID=NO", "BLOCKSIZE=64", "SHARDSIZE=128"]), ("a.tif", "GTiff", ["INTERLEAVE=PIXEL"])):
        good("convert", scene, tmp_path / name, f"--of={driver}", *[f"--co={option}" for option in options])
    return tmp_path / "a.ome.zarr", tmp_path / "a.tif"


def good(*words):
    done = run("gdal", "raster", words[0], *words[1:], *(["-q"] if words[0] != "edit" else []))
    assert done.returncode == 0 and "ERROR" not in done.stderr and "Warning" not in done.stderr, done.stderr


def color(band):
    """GeoTIFF calls the first band gray whatever it is told."""
    return band.GetColorInterpretation() if band.GetColorInterpretation() != gdal.GCI_GrayIndex else gdal.GCI_Undefined


def seen(path, levels=True):
    """All that is compared: place, nodata, metadata, pixels of all levels."""
    dataset = opened(path)[0] if str(path).endswith("zarr") else gdal.Open(str(path))
    srs, bands = dataset.GetSpatialRef(), [dataset.GetRasterBand(i + 1) for i in range(dataset.RasterCount)]
    metadata = {key: value for key, value in dataset.GetMetadata().items() if key != "AREA_OR_POINT"}
    said = (dataset.GetGeoTransform(), srs.GetAuthorityCode(None) if srs else None, metadata,
            [(b.GetNoDataValue(), b.GetScale(), b.GetOffset(), color(b), b.GetMetadata()) for b in bands])
    rasters = [dataset.ReadAsArray()]
    if levels:
        rasters += [numpy.stack([b.GetOverview(n).ReadAsArray() for b in bands]) for n in range(bands[0].GetOverviewCount())]
    dataset = bands = None
    alive.clear()
    return said, rasters


def assert_same(ours, theirs, levels=True):
    (said, rasters), (expected, expected_rasters) = seen(ours, levels), seen(theirs, levels)
    assert said == expected
    assert len(rasters) == len(expected_rasters)
    for one, other in zip(rasters, expected_rasters):
        numpy.testing.assert_array_equal(one, other)


def test_convert(scene, tmp_path):
    store, again = tmp_path / "a.ome.zarr", tmp_path / "again.tif"
    good("convert", scene, store, "--of=OMEZarr")
    assert_same(store, scene, levels=False)
    done = run("gdal", "raster", "convert", "-q", scene, store, "--of=OMEZarr")
    assert done.returncode != 0 and "exists" in done.stderr
    good("convert", scene, store, "--of=OMEZarr", "--overwrite", "--co=COMPRESS=ZSTD")
    good("convert", store, again)
    assert_same(again, scene)


@pytest.mark.parametrize("method", ["nearest", "average", "cubic", "mode", "lanczos", "rms"])
def test_overview_add_and_delete(pair, method):
    for path in pair:
        good("overview", "add", path, "--levels=2,4", "-r", method)
    assert_same(*pair)
    for path in pair:
        good("overview", "add", path, "--levels=8", "-r", method)
    assert_same(*pair)
    for path in pair:
        good("overview", "delete", path)
    assert_same(*pair)
    assert len(seen(pair[0])[1]) == 1


def test_overview_min_size(pair):
    for path in pair:
        good("overview", "add", path, "--min-size=100", "-r", "average")
    assert_same(*pair)
    assert len(seen(pair[0])[1]) > 2


def burn(path, x, y, pixels):
    """A change that leaves overviews as they were, as a mosaic whose sources have changed."""
    dataset = gdal.OpenEx(str(path), gdal.OF_UPDATE)
    dataset.WriteArray(pixels, x, y)
    dataset = None


def test_overview_refresh(pair):
    """In whole and in part: 3.13 rewrites only the blocks of the box. Levels of ours follow an update anyway."""
    for path in pair:
        good("overview", "add", path, "--levels=2,4", "-r", "average")
    for path in pair:
        burn(path, 64, 128, pattern(3, 70, 80) % 777 + 1)
        good("overview", "refresh", path)
    assert_same(*pair)
    before = fingerprint(pair[0])
    for path in pair:
        good("overview", "refresh", path, f"--bbox={500000 + 30 * 64},{5200000 - 30 * 198},{500000 + 30 * 144},{5200000 - 30 * 128}")
    assert_same(*pair)
    assert {k: v for k, v in fingerprint(pair[0]).items() if "/c/" in k} == {k: v for k, v in before.items() if "/c/" in k}


def test_edit(pair):
    for path in pair:
        good("edit", path, "--crs=EPSG:32633", "--bbox=0,0,510,420", "--metadata=A=b", "--scale=2=0.5", "--offset=2=-7")
    assert_same(*pair)


def test_edit_statistics(pair):
    for path in pair:
        good("edit", path, "--stats")
    statistics = [[dataset.GetRasterBand(i + 1).GetStatistics(False, False) for i in range(3)]
                  for dataset in (opened(pair[0])[0], gdal.Open(str(pair[1])))]
    alive.clear()
    assert statistics[0] == statistics[1]
    assert not list(pair[0].parent.glob("a.ome.zarr.*")) and not list(pair[0].rglob("*.aux.xml"))


@pytest.mark.parametrize("step", [
    ["reproject", "--output-crs=EPSG:4326", "-r", "bilinear"], ["resize", "--size=200,170", "-r", "average"],
    ["clip", "--window=30,40,300,200"], ["select", "--band=3,1"], ["scale", "--output-data-type=UInt8"],
    ["calc", "--calc=A/2+1", "--input=A={}"], ["hillshade", "--band=2"], ["fill-nodata", "--band=1"]])
def test_programs_that_read_and_write(pair, tmp_path, step):
    """From ours to ours as from GeoTIFF to GeoTIFF."""
    for source, name, driver in ((pair[0], "out.ome.zarr", "OMEZarr"), (pair[1], "out.tif", "GTiff")):
        words = [word.format(source) for word in step]
        inputs = [] if "{}" in step[-1] else [source]
        good(words[0], *words[1:], *inputs, tmp_path / name, f"--of={driver}")
    assert_same(tmp_path / "out.ome.zarr", tmp_path / "out.tif", levels=False)


def test_pipeline(pair, tmp_path):
    for source, name, driver in ((pair[0], "out.ome.zarr", "OMEZarr"), (pair[1], "out.tif", "GTiff")):
        good("pipeline", "read", source, "!", "clip", "--window=10,20,400,300", "!", "edit", "--metadata=STEP=2", "!", "write", f"--of={driver}",
             tmp_path / name)
    assert_same(tmp_path / "out.ome.zarr", tmp_path / "out.tif", levels=False)
