# SPDX-License-Identifier: MIT
"""GDAL's own driver tests, run on our driver: the class GDALTest and the check of driver metadata, from the
sources of the GDAL version that runs.

OZR_GDAL_AUTOTEST names a folder `autotest` of GDAL's source tree, of the same minor version as the GDAL that is
tested. Debian packages no copy of it, so without the variable run_suite.sh skips the tests."""
import importlib.util
import os
import pathlib
import sys

import pytest
from osgeo import gdal

AUTOTEST = pathlib.Path(os.environ["OZR_GDAL_AUTOTEST"])
sys.path.insert(0, str(AUTOTEST / "pymod"))
import gdaltest  # noqa: E402

DATA = AUTOTEST / "gcore/data"
IMAGES = {"byte.tif": 1, "utmsmall.tif": 1, "rgbsmall.tif": 3}
VERSIONS = ["0.4", "0.5"]

pytestmark = pytest.mark.parametrize("ome", VERSIONS)


@pytest.fixture(autouse=True)
def in_own_folder(tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    (tmp_path / "data").symlink_to(DATA)
    monkeypatch.chdir(tmp_path)


def checksum(path, band):
    dataset = gdal.Open(str(path))
    return dataset.GetRasterBand(band).Checksum()


def case(ome, image="byte.tif", band=1):
    """Its methods take the image from data/ and write to tmp/."""
    return gdaltest.GDALTest("OMEZarr", image, band, checksum(DATA / image, band), options=[f"OME_VERSION={ome}"])


def expect(result):
    """Older versions return 'success' or 'fail', newer ones assert."""
    assert result in (None, "success"), result


def store_of(image, ome):
    target = pathlib.Path(image).with_suffix(".ome.zarr").name
    dataset = gdal.GetDriverByName("OMEZarr").CreateCopy(target, gdal.Open(str(DATA / image)), options=[f"OME_VERSION={ome}"])
    assert dataset is not None
    return target


@pytest.mark.parametrize("image", IMAGES)
def test_open(image, ome):
    band = IMAGES[image]
    target = store_of(image, ome)
    source = gdal.Open(str(DATA / image))
    test = gdaltest.GDALTest("OMEZarr", target, band, checksum(DATA / image, band), filename_absolute=1)
    statistics = source.GetRasterBand(band).ComputeStatistics(False)
    expect(test.testOpen(check_prj=source.GetProjection() or None, check_gt=source.GetGeoTransform(),
                         check_stat=tuple(statistics), check_approx_stat=tuple(statistics), stat_epsilon=20))


@pytest.mark.parametrize("vsimem", [0, 1])
@pytest.mark.parametrize("image", IMAGES)
def test_create_copy(image, vsimem, ome):
    expect(case(ome, image, IMAGES[image]).testCreateCopy(vsimem=vsimem, check_gt=1, check_srs=1, strict_in=1))


@pytest.mark.parametrize("vsimem", [0, 1])
def test_create_copy_interrupted(vsimem, ome):
    expect(case(ome).testCreateCopy(vsimem=vsimem, interrupt_during_copy=True))


@pytest.mark.parametrize("vsimem", [0, 1])
@pytest.mark.parametrize("image", IMAGES)
def test_create(image, vsimem, ome):
    bands = gdal.Open(str(DATA / image)).RasterCount
    expect(case(ome, image, min(bands, 3)).testCreate(vsimem=vsimem, out_bands=bands))


@pytest.mark.parametrize("method", ["testSetGeoTransform", "testSetProjection", "testSetMetadata", "testSetNoDataValue",
                                    "testSetNoDataValueAndDelete", "testSetDescription", "testSetUnitType"])
def test_setter(method, ome):
    expect(getattr(case(ome), method)())


def test_driver_metadata(ome):
    """Its checks are functions of one driver's name, in whatever version."""
    if ome != VERSIONS[-1]:
        pytest.skip("nothing of it depends on the version that is written")
    pytest.importorskip("lxml")
    path = AUTOTEST / "gcore/test_driver_metadata.py"
    spec = importlib.util.spec_from_file_location("test_driver_metadata", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    ran = 0
    for name, function in vars(module).items():
        if name.startswith("test_") and "driver_name" in function.__code__.co_varnames[:function.__code__.co_argcount]:
            try:
                function("OMEZarr")
            except pytest.skip.Exception:
                pass
            ran += 1
    assert ran > 0
