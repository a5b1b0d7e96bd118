# SPDX-License-Identifier: MIT
"""Statistics go into the store, also those of a read-only dataset; gdal_edit.py and gdalinfo."""
import os
import shutil

import numpy
import pytest
from conftest import alive, copied, fingerprint, heard, memory_raster, opened, pattern, run
from osgeo import gdal
from setting import VERSIONS, ome, pam, points_of, reopened, update

# --- statistics ----------------------------------------------------------------------------

STATISTICS = ["STATISTICS_MAXIMUM", "STATISTICS_MEAN", "STATISTICS_MINIMUM", "STATISTICS_STDDEV", "STATISTICS_VALID_PERCENT"]


@VERSIONS
@pytest.mark.parametrize("readonly", [False, True])
def test_statistics(tmp_path, version, readonly):
    pixels = pattern(2, 60, 50)
    copied(memory_raster(pixels), tmp_path / "a.ome.zarr", version)
    alive.clear()
    other = gdal.GetDriverByName("GTiff").CreateCopy(str(tmp_path / "a.tif"), memory_raster(pixels))
    dataset = opened(tmp_path / "a.ome.zarr")[0] if readonly else update(tmp_path / "a.ome.zarr")
    with heard() as said:
        for i in (1, 2):
            assert dataset.GetRasterBand(i).ComputeStatistics(False) == other.GetRasterBand(i).ComputeStatistics(False)
        dataset = None
        alive.clear()
    assert list(said) == []
    dataset = reopened(tmp_path)
    for i in (1, 2):
        assert sorted(dataset.GetRasterBand(i).GetMetadata()) == STATISTICS
        assert dataset.GetRasterBand(i).GetMetadata() == other.GetRasterBand(i).GetMetadata()
        assert dataset.GetRasterBand(i).GetStatistics(False, False) == other.GetRasterBand(i).GetStatistics(False, False)
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), pixels)


def test_statistics_of_an_overview(tmp_path):
    """Approximate ones come from an overview, whose own items are not those of the image."""
    pixels = pattern(1, 1200, 1100)
    copied(memory_raster(pixels), tmp_path / "a.ome.zarr")
    alive.clear()
    dataset = update(tmp_path / "a.ome.zarr")
    dataset.GetRasterBand(1).ComputeStatistics(True)
    dataset = None
    band = reopened(tmp_path).GetRasterBand(1)
    assert sorted(band.GetMetadata()) == ["STATISTICS_APPROXIMATE", *STATISTICS]


def test_statistics_where_nothing_may_be_written(tmp_path):
    copied(memory_raster(pattern(1, 60, 50)), tmp_path / "a.ome.zarr")
    alive.clear()
    before = fingerprint(tmp_path)
    gdal.SetConfigOption("GDAL_PAM_ENABLED", "NO")
    with heard() as said:
        dataset = opened(tmp_path / "a.ome.zarr")[0]
        dataset.GetRasterBand(1).ComputeStatistics(False)
        assert dataset.GetRasterBand(1).GetMetadataItem("STATISTICS_MEAN") is not None
        dataset = None
        alive.clear()
    assert list(said) == [] and fingerprint(tmp_path) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_statistics_of_a_store_that_is_read_only(tmp_path):
    copied(memory_raster(pattern(1, 60, 50)), tmp_path / "a.ome.zarr")
    alive.clear()
    folders = [tmp_path, *(p for p in tmp_path.rglob("*") if p.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        with heard() as said:
            dataset = opened(tmp_path / "a.ome.zarr")[0]
            dataset.GetRasterBand(1).ComputeStatistics(False)
            dataset = None
            alive.clear()
        assert list(said) == [] and [p.name for p in tmp_path.iterdir()] == ["a.ome.zarr"]
    finally:
        for folder in folders:
            folder.chmod(0o755)


def test_statistics_are_forgotten(tmp_path):
    copied(memory_raster(pattern(2, 60, 50)), tmp_path / "a.ome.zarr")
    alive.clear()
    dataset = update(tmp_path / "a.ome.zarr")
    dataset.GetRasterBand(1).SetMetadataItem("kept", "1")
    dataset.GetRasterBand(1).ComputeStatistics(False)
    dataset.FlushCache()
    dataset.ClearStatistics()
    dataset = None
    assert reopened(tmp_path).GetRasterBand(1).GetMetadata() == {"kept": "1"}


# --- gdal_edit.py and gdalinfo ---------------------------------------------------------------

def program(*words):
    done = run(*words)
    assert done.returncode == 0 and done.stderr == "", done
    return done.stdout


def edited(folder, *options):
    """The same on our image and on a GeoTIFF."""
    tool = shutil.which("gdal_edit.py") or shutil.which("gdal_edit")
    os.environ["GDAL_PAM_ENABLED"] = "YES"
    try:
        for name in ("a.ome.zarr", "a.tif"):
            program(tool, *options, str(folder / name))
    finally:
        os.environ["GDAL_PAM_ENABLED"] = "NO"
    return opened(folder / "a.ome.zarr")[0], gdal.Open(str(folder / "a.tif"))


@pytest.mark.skipif(shutil.which("gdal_edit.py") is None and shutil.which("gdal_edit") is None, reason="gdal_edit.py is not here")
@VERSIONS
def test_gdal_edit(tmp_path, version):
    source = memory_raster(pattern(3, 60, 50, dtype="uint8"))
    copied(source, tmp_path / "a.ome.zarr", version)
    alive.clear()
    gdal.GetDriverByName("GTiff").CreateCopy(str(tmp_path / "a.tif"), source)
    ours, other = edited(tmp_path, "-a_srs", "EPSG:32631", "-a_ullr", "1000", "2000", "1100", "1880", "-a_nodata", "7", "-mo", "K=V=1",
                         "-colorinterp_1", "red", "-colorinterp_2", "green", "-colorinterp_3", "blue", "-scale", "2", "3", "4", "-offset", "5", "6", "7",
                         "-units", "m", "-stats")
    assert ours.GetGeoTransform() == other.GetGeoTransform() == (1000, 2, 0, 2000, 0, -2)
    assert ours.GetProjection() == other.GetProjection()
    assert ours.GetMetadataItem("K") == "V=1"
    for i in (1, 2, 3):
        a, b = ours.GetRasterBand(i), other.GetRasterBand(i)
        assert (a.GetNoDataValue(), a.GetScale(), a.GetOffset(), a.GetUnitType(), a.GetColorInterpretation(), a.GetMetadata()) == (
            b.GetNoDataValue(), b.GetScale(), b.GetOffset(), b.GetUnitType(), b.GetColorInterpretation(), b.GetMetadata())
        assert a.GetMetadataItem("STATISTICS_MEAN") is not None and a.GetNoDataValue() == 7
    a = b = ours = None
    alive.clear()
    ours, other = edited(tmp_path, "-unsetnodata", "-unsetstats", "-unsetmd", "-a_srs", "")
    assert ours.GetRasterBand(1).GetNoDataValue() is None and not ours.GetRasterBand(1).GetMetadata() and ours.GetSpatialRef() is None
    assert ours.GetMetadataItem("K") is None
    ours = None
    alive.clear()
    ours, other = edited(tmp_path, "-unsetgt")
    assert ours.GetGeoTransform(can_return_null=True) is None
    ours = None
    alive.clear()
    ours, other = edited(tmp_path, "-a_srs", "EPSG:4326", "-gcp", "1", "2", "3", "4", "-gcp", "5", "6", "7", "8", "9", "-gcp", "9", "1", "2", "3")
    assert [p[2:] for p in points_of(ours)] == [p[2:] for p in points_of(other)] and ours.GetGCPCount() == 3
    assert ours.GetGCPProjection() == other.GetGCPProjection()
    assert sorted(p.name for p in tmp_path.iterdir() if not p.name.startswith("a.tif")) == ["a.ome.zarr"]


def test_gdalinfo(tmp_path):
    copied(memory_raster(pattern(1, 60, 50)), tmp_path / "a.ome.zarr")
    alive.clear()
    os.environ["GDAL_PAM_ENABLED"] = "YES"
    try:
        first = program("gdalinfo", "-stats", tmp_path / "a.ome.zarr")
        second = program("gdalinfo", tmp_path / "a.ome.zarr")
    finally:
        os.environ["GDAL_PAM_ENABLED"] = "NO"
    assert "STATISTICS_MEAN=" in first and "STATISTICS_MEAN=" in second
    assert [p.name for p in tmp_path.iterdir()] == ["a.ome.zarr"]
