# SPDX-License-Identifier: MIT
"""One handle never contradicts itself: GDAL's block cache stands between a user and both level 0 and its overviews."""
import subprocess
import sys

import numpy
import pytest
from osgeo import gdal

OPTIONS = ["BLOCKSIZE=256", "FACTORS=2", "LEVELS=3"]


def filled(path, value):
    dataset = gdal.GetDriverByName("OMEZarr").Create(str(path), 1024, 1024, 1, gdal.GDT_Byte, OPTIONS)
    write(dataset, value)
    return dataset


def write(dataset, value):
    assert dataset.GetRasterBand(1).WriteArray(numpy.full((1024, 1024), value, "uint8")) == 0


def by_band(dataset, overview):
    return overview.ReadAsArray(0, 0, 512, 512)


def resampled(dataset, overview):
    return overview.ReadAsArray(0, 0, 512, 512, 100, 100)


def dataset_resampled(dataset, overview):
    return dataset.ReadAsArray(0, 0, 1024, 1024, buf_xsize=200, buf_ysize=200)


def statistics(dataset, overview):
    return numpy.array(dataset.GetRasterBand(1).ComputeStatistics(True)[:3])


def statistics_of_overview(dataset, overview):
    return numpy.array(overview.ComputeStatistics(False)[:3])


@pytest.mark.parametrize("look", [by_band, resampled, dataset_resampled, statistics, statistics_of_overview])
def test_overviews_follow_level_0(tmp_path, look):
    dataset = filled(tmp_path / "a.ome.zarr", 10)
    band = dataset.GetRasterBand(1)
    overview = band.GetOverview(0)
    assert set(look(dataset, overview).flat) == {10}
    for value in (20, 30):
        write(dataset, value)
        assert set(look(dataset, overview).flat) == {value}
    band.Fill(40)  # the new pixels are in GDAL's cache alone
    assert set(look(dataset, overview).flat) == {40}
    band.WriteRaster(0, 0, 1024, 1024, b"\x32" * 256 * 256, 256, 256)  # these too
    assert set(look(dataset, overview).flat) == {50}


def test_no_block_is_left_behind(tmp_path):
    """A block of an overview that GDAL's cache still has when its dataset is gone is freed memory in use."""
    code = f"""
import numpy
from osgeo import gdal
dataset = gdal.GetDriverByName("OMEZarr").Create({str(tmp_path / "a.ome.zarr")!r}, 1024, 1024, 1, 1, {OPTIONS!r})
band = dataset.GetRasterBand(1)
overview = band.GetOverview(0)
for value in (1, 2, 3):
    band.WriteArray(numpy.full((1024, 1024), value, "uint8"))
    assert overview.ReadAsArray(0, 0, 512, 512, 100, 100)[0, 0] == value
dataset = band = overview = None
assert gdal.GetCacheUsed() == 0, gdal.GetCacheUsed()
"""
    done = subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
