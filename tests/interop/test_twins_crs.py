# SPDX-License-Identifier: MIT
"""Twins of georeferenced images, made by GDAL with our driver: the TIFF side is a GeoTIFF for those without it."""
import json
import os
import subprocess

import numpy
import pytest
import twin_readers
import twin_table
from conftest import image

pytestmark = pytest.mark.skipif(not os.environ.get("OZR_DRIVER_FOLDER"), reason="there is no GDAL driver")

LOOK = """
import json, sys
from osgeo import gdal, osr
gdal.UseExceptions()
said = []
for path in sys.argv[1:]:
    dataset = gdal.OpenEx(path, gdal.OF_RASTER, ["GTiff"])
    said.append({"crs": dataset.GetSpatialRef().ExportToProj4(), "code": dataset.GetSpatialRef().GetAuthorityCode(None),
                 "transform": dataset.GetGeoTransform(), "size": [dataset.RasterXSize, dataset.RasterYSize],
                 "overviews": dataset.GetRasterBand(1).GetOverviewCount(), "driver": dataset.GetDriver().ShortName})
print(json.dumps(said))
"""
PAINT = """
import sys, numpy
from osgeo import gdal, osr
pixels = numpy.load(sys.argv[1])
bands, height, width = pixels.shape
dataset = gdal.GetDriverByName("GTiff").Create(sys.argv[2], width, height, bands, gdal.GDT_UInt16)
crs = osr.SpatialReference()
crs.ImportFromEPSG(32631)
dataset.SetSpatialRef(crs)
dataset.SetGeoTransform([440000, 30, 0, 5200000, 0, -30])
dataset.WriteArray(pixels)
"""


@pytest.fixture(autouse=True)
def twins_are_made(gdal):
    if "'TWIN'" not in gdal("gdalinfo", "--format", "OMEZarr"):
        pytest.skip("this driver makes no twins")


def look(*paths):
    """What GDAL sees that has no driver of ours."""
    return json.loads(twin_readers.run("/usr/bin/python3", "-c", LOOK, *paths).stdout)


def translate(gdal, source, target, *options):
    gdal("gdal_translate", "-q", "-of", "OMEZarr", "-co", "TWIN=YES", *options, source, target)
    twin_readers.check_archive(target)


def test_made(gdal, tmp_path):
    pixels = image("uint16", (1, 700, 800))
    numpy.save(tmp_path / "in.npy", pixels)
    twin_readers.run("/usr/bin/python3", "-c", PAINT, tmp_path / "in.npy", tmp_path / "in.tif")
    translate(gdal, tmp_path / "in.tif", tmp_path / "out.ozx")
    before, after = look(tmp_path / "in.tif", tmp_path / "out.ozx")
    assert after == dict(before, overviews=after["overviews"]) and after["overviews"] > 0
    assert after["code"] == "32631"
    twin_table.crs["GDAL GTiff"] = "listed"
    numpy.testing.assert_array_equal(gdal.read(tmp_path / "out.ozx", tmp_path), pixels)


def test_tifffile(gdal, tmp_path):
    tifffile = pytest.importorskip("tifffile")
    numpy.save(tmp_path / "in.npy", image("uint16", (1, 300, 400)))
    twin_readers.run("/usr/bin/python3", "-c", PAINT, tmp_path / "in.npy", tmp_path / "in.tif")
    translate(gdal, tmp_path / "in.tif", tmp_path / "out.ozx")
    with tifffile.TiffFile(tmp_path / "out.ozx") as tiff:
        tags = tiff.pages[0].geotiff_tags
    assert tags["ProjectedCSTypeGeoKey"] == 32631 and tags["ModelPixelScale"][:2] == [30, 30]
    assert tags["ModelTiepoint"][:5] == [0, 0, 0, 440000, 5200000]
    twin_table.crs["tifffile"] = "GeoTIFF keys"


@pytest.mark.parametrize("name", ["L7_ETMs.tif", "olinda_dem_utm25s.tif"])
def test_shared(name, gdal, shared, tmp_path):
    source = shared / "data" / name
    translate(gdal, source, tmp_path / "out.ozx")
    before, after = look(source, tmp_path / "out.ozx")
    assert after["transform"] == pytest.approx(before["transform"], rel=1e-12)
    assert (after["crs"], after["size"]) == (before["crs"], before["size"]) and after["driver"] == "GTiff"
    pixels = gdal.read(source, tmp_path)
    numpy.testing.assert_array_equal(gdal.read(tmp_path / "out.ozx", tmp_path), pixels)
    stock = {**twin_readers.STOCK, "NAME": str(tmp_path / "out.ozx"), "OUT": str(tmp_path / "stock.npy")}
    program = ("import os, numpy\nfrom osgeo import gdal\ngdal.UseExceptions()\n"
               "first = gdal.OpenEx(os.environ['NAME'], gdal.OF_RASTER, ['GTiff'])\n"
               "pages = [s for s, _ in first.GetSubDatasets()] or [os.environ['NAME']]\n"
               "arrays = [gdal.OpenEx(p, gdal.OF_RASTER, ['GTiff']).ReadAsArray() for p in pages]\n"
               "numpy.save(os.environ['OUT'], numpy.concatenate([a if a.ndim == 3 else a[None] for a in arrays]))\n")
    subprocess.run(["/usr/bin/python3", "-c", program], env=stock, check=True)
    numpy.testing.assert_array_equal(numpy.load(tmp_path / "stock.npy"), pixels)


def test_slide(gdal, shared, tmp_path):
    """A region of a real slide through OpenSlide: RGB as it is in the original, which GDAL decodes."""
    openslide = pytest.importorskip("openslide")
    source = shared / "data/CMU-1-Small-Region.svs"
    pixels = gdal.read(source, tmp_path)
    translate(gdal, source, tmp_path / "out.ozx", "-co", "INTERLEAVE=PIXEL")
    with openslide.OpenSlide(tmp_path / "out.ozx") as slide:
        assert slide.dimensions == pixels.shape[:0:-1]
        part = numpy.asarray(slide.read_region((500, 1000), 0, (700, 600)))[..., :3]
    numpy.testing.assert_array_equal(part, numpy.moveaxis(pixels[:, 1000:1600, 500:1200], 0, -1))
