# SPDX-License-Identifier: MIT
"""Update mode: pixels in any order, by any path, read back in the same handle; levels that follow."""
import shutil
import sys

import numpy
import pytest
from conftest import alive, copied, heard, memory_raster, opened, pattern, reduced, run
from osgeo import gdal


def update(path, *options):
    with heard() as said:
        dataset = gdal.OpenEx(str(path), gdal.OF_RASTER | gdal.OF_UPDATE, ["OMEZarr"], list(options))
    assert dataset is not None and not said.errors(), said
    return dataset


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


WRITER = """
import sys
from osgeo import gdal
gdal.UseExceptions()
way, path, flush = sys.argv[1:]
if way == "update":
    dataset = gdal.OpenEx(path, gdal.OF_UPDATE, open_options=[flush])
else:
    dataset = gdal.GetDriverByName("OMEZarr").Create(path, 600, 500, options=[flush])
    dataset.FlushCache()
print("image", flush=True)
dataset.GetRasterBand(1).Fill(7)
dataset = None
"""


@pytest.mark.parametrize("way", ["update", "create"])
@pytest.mark.parametrize("flush, calls", [("NONE", []), ("CLOSE", ["syncfs"]), ("EACH", ["fdatasync", "fsync"])])
def test_flush(tmp_path, way, flush, calls):
    """What is changed in an image that exists is made as durable as the option says, after Create's first flush too."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    path, log = tmp_path / "a.ome.zarr", tmp_path / "log"
    if way == "update":
        copied(memory_raster(pattern(1, 500, 600)), path)
        alive.clear()
    done = run("strace", "-f", "-o", log, "-e", "trace=fsync,fdatasync,syncfs,write", sys.executable, "-c", WRITER, way, path, f"FLUSH={flush}")
    assert done.returncode == 0, done.stderr
    lines = log.read_text().splitlines()
    made = next(n for n, line in enumerate(lines) if '"image\\n"' in line)
    seen = {line.split("(")[0].split()[-1] for line in lines[made:] if "sync(" in line or "syncfs(" in line}
    assert bool(seen) == bool(calls) and seen <= set(calls), seen
    if flush == "CLOSE":
        assert sum("syncfs(" in line for line in lines[made:]) == 1
    numpy.testing.assert_array_equal(opened(path)[0].ReadAsArray(), 7)


def test_unknown_flush(tmp_path):
    copied(memory_raster(pattern(1, 50, 60)), tmp_path / "a.ome.zarr")
    with heard() as said:
        assert gdal.OpenEx(str(tmp_path / "a.ome.zarr"), gdal.OF_UPDATE, ["OMEZarr"], ["FLUSH=MAYBE"]) is None
    assert "FLUSH=MAYBE" in said.errors()[-1]
