# SPDX-License-Identifier: MIT
"""Update mode: pixels in any order, by any path, read back in the same handle; levels that follow."""
import numpy
import pytest
from conftest import alive, copied, heard, memory_raster, opened, pattern
from osgeo import gdal


def update(path, *options):
    with heard() as said:
        dataset = gdal.OpenEx(str(path), gdal.OF_RASTER | gdal.OF_UPDATE, ["OMEZarr"], list(options))
    assert dataset is not None and not said.errors(), said
    return dataset


def reduced(pixels, factors):
    """The mean of windows, cut at the edges, ties to even: as tensorstore's downsample driver."""
    values = pixels.astype("float64")
    for axis, f in enumerate(factors):
        starts = numpy.arange(0, values.shape[axis], f)
        values = numpy.add.reduceat(values, starts, axis=axis)
    counts = numpy.ones([1] * pixels.ndim)
    for axis, f in enumerate(factors):
        n = numpy.full(-(-pixels.shape[axis] // f), f)
        n[-1] = pixels.shape[axis] - f * (len(n) - 1)
        counts = counts * n.reshape([-1 if a == axis else 1 for a in range(pixels.ndim)])
    mean = values / counts
    return mean if pixels.dtype.kind == "f" else numpy.rint(mean).astype(pixels.dtype)


def check_levels(path, pixels):
    """Level 0 is the pixels (band, y, x), each level above the mean of the one before."""
    dataset, _ = opened(path)
    numpy.testing.assert_array_equal(numpy.atleast_3d(dataset.ReadAsArray()).reshape(pixels.shape), pixels)
    below = pixels
    for n in range(dataset.GetRasterBand(1).GetOverviewCount()):
        below = reduced(below, (1, 2, 2))
        level = numpy.stack([dataset.GetRasterBand(b + 1).GetOverview(n).ReadAsArray() for b in range(len(pixels))])
        numpy.testing.assert_array_equal(level, below, err_msg=f"level {n + 1}")
    alive.clear()
    return below


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "float64"])
def test_windows_in_random_order(tmp_path, dtype):
    pixels = pattern(3, 700, 600, dtype=dtype)
    copied(memory_raster(pixels), tmp_path / "a.ome.zarr", "BLOCKSIZE=64", "SHARDSIZE=256")
    alive.clear()
    random = numpy.random.default_rng(7)
    dataset = update(tmp_path / "a.ome.zarr")
    for i in range(80):
        band, x, y = (int(random.integers(0, n)) for n in (3, 560, 650))
        width, height = (int(random.integers(1, n)) for n in (600 - x, 700 - y))
        window = random.integers(0, 100, (height, width)).astype(dtype)
        assert dataset.GetRasterBand(band + 1).WriteArray(window, x, y) == 0
        pixels[band, y:y + height, x:x + width] = window
        if i % 8 == 0:
            numpy.testing.assert_array_equal(dataset.ReadAsArray(), pixels)
        if i % 20 == 0:
            level = dataset.GetRasterBand(band + 1).GetOverview(0).ReadAsArray()
            numpy.testing.assert_array_equal(level, reduced(pixels[band], (2, 2)))
    dataset = None
    check_levels(tmp_path / "a.ome.zarr", pixels)


def test_other_levels_cannot_be_updated(tmp_path):
    copied(memory_raster(pattern(1, 700, 600)), tmp_path / "a.ome.zarr")
    with heard() as said:
        dataset = gdal.OpenEx(str(tmp_path / "a.ome.zarr"), gdal.OF_RASTER | gdal.OF_UPDATE, ["OMEZarr"], ["LEVEL=1"])
    assert dataset is None and len(said.errors()) == 1 and "level 0" in said.errors()[0]
