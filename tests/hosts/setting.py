# SPDX-License-Identifier: MIT
"""What the tests of GDAL's setters share: images open for writing, and what others find in them afterwards."""
import json
import shutil

import pytest
from conftest import alive, copied, heard, opened
from osgeo import gdal, osr

VERSIONS = pytest.mark.parametrize("version", ["OME_VERSION=0.4", "OME_VERSION=0.5"])
CAN_CREATE = gdal.GetDriverByName("OMEZarr").GetMetadataItem("DCAP_CREATE") == "YES"
WAYS = pytest.mark.parametrize("way", ["update", pytest.param("create", marks=pytest.mark.skipif(not CAN_CREATE, reason="no Create()"))])


@pytest.fixture(autouse=True)
def pam():
    """GDAL's default: whatever a driver does not keep would go to an .aux.xml."""
    gdal.SetConfigOption("GDAL_PAM_ENABLED", "YES")
    yield
    gdal.SetConfigOption("GDAL_PAM_ENABLED", None)


def crs(text, order=osr.OAMS_TRADITIONAL_GIS_ORDER):
    srs = osr.SpatialReference()
    assert srs.SetFromUserInput(text) == 0
    srs.SetAxisMappingStrategy(order)
    return srs


def update(path, *options):
    with heard() as said:
        dataset = gdal.OpenEx(str(path), gdal.OF_RASTER | gdal.OF_UPDATE, ["OMEZarr"], list(options))
    assert dataset is not None and list(said) == [], said
    return dataset


def made(folder, way, version="OME_VERSION=0.5", bands=1, size=(40, 30), code=gdal.GDT_UInt16, *options):
    """A new image, open for writing."""
    path = folder / "a.ome.zarr"
    options = [version, *options]
    if way == "create":
        with heard() as said:
            dataset = gdal.GetDriverByName("OMEZarr").Create(str(path), *size, bands, code, options)
        assert dataset is not None and not said.errors(), said
        return dataset
    copied(gdal.GetDriverByName("MEM").Create("", *size, bands, code), path, *options)
    alive.clear()
    return update(path)


def tiff(folder, bands=1, size=(40, 30), code=gdal.GDT_UInt16, *options):
    return gdal.GetDriverByName("GTiff").Create(str(folder / "a.tif"), *size, bands, code, ["PROFILE=GDALGeoTIFF", *options])


def reopened(folder, name="a.ome.zarr"):
    """What somebody else finds in a copy elsewhere. Nothing is beside the store."""
    alive.clear()
    if not name.endswith("zarr"):
        return gdal.Open(str(folder / name))
    assert not [p for p in folder.rglob("*.aux.xml") if ".tif." not in p.name]
    shutil.rmtree(folder / "moved.zarr", ignore_errors=True)
    shutil.copytree(folder / name, folder / "moved.zarr")
    return opened(folder / "moved.zarr")[0]


def document(folder, name="a.ome.zarr"):
    """The group's attributes."""
    v3 = folder / name / "zarr.json"
    return json.loads(v3.read_text())["attributes"] if v3.exists() else json.loads((folder / name / ".zattrs").read_text())


def ome(folder, name="a.ome.zarr"):
    attributes = document(folder, name)
    return attributes.get("ome", attributes)


def level_attributes(folder, n, name="a.ome.zarr"):
    path = ome(folder, name)["multiscales"][0]["datasets"][n]["path"]
    v3 = folder / name / path / "zarr.json"
    return json.loads(v3.read_text())["attributes"] if v3.exists() else json.loads((folder / name / path / ".zattrs").read_text())


def transform(folder, n=0, name="a.ome.zarr"):
    scale, translation = ome(folder, name)["multiscales"][0]["datasets"][n]["coordinateTransformations"]
    return scale["scale"], translation["translation"]


def points_of(dataset):
    return [(p.Id, p.Info, p.GCPPixel, p.GCPLine, p.GCPX, p.GCPY, p.GCPZ) for p in dataset.GetGCPs()]


def palette():
    table = gdal.ColorTable()
    for i in range(5):
        table.SetColorEntry(i, (i, 2 * i, 255 - i, 255))
    return table


def entries(table):
    return None if table is None else [table.GetColorEntry(i) for i in range(table.GetCount())]


def rat():
    table = gdal.RasterAttributeTable()
    table.CreateColumn("class", gdal.GFT_String, gdal.GFU_Name)
    table.CreateColumn("count", gdal.GFT_Integer, gdal.GFU_PixelCount)
    table.SetRowCount(2)
    table.SetValueAsString(1, 0, "forêt")
    table.SetValueAsInt(1, 1, 42)
    return table


def rows(table):
    return None if table is None else [[table.GetValueAsString(r, c) for c in range(table.GetColumnCount())] for r in range(table.GetRowCount())]
