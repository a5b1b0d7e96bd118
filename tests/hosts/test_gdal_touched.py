# SPDX-License-Identifier: MIT
"""After an update of a window the levels are what building them anew gives, and only shards that the window touches
have new bytes, on every level."""
import json

import numpy
import pytest
from conftest import alive, copied, fingerprint, memory_raster, opened, pattern, reduced
from osgeo import gdal

SHAPE = (3, 700, 600)  # band, y, x
WINDOWS = [(0, 0, 1, 1), (250, 255, 10, 3), (599, 699, 1, 1), (37, 300, 400, 2), (128, 128, 64, 64)]
CASES = {
    "sharded": ["BLOCKSIZE=32", "SHARDSIZE=64"],
    "chunks": ["BLOCKSIZE=64", "SHARDSIZE=NO"],
    "channels together": ["BLOCKSIZE=3,32,32", "SHARDSIZE=3,128,128"],
    "0.4": ["OME_VERSION=0.4", "BLOCKSIZE=48"],
    "nearest": ["RESAMPLING=NEAREST", "BLOCKSIZE=64", "SHARDSIZE=128"],
    "factors": ["FACTORS=1,2,3", "BLOCKSIZE=32", "SHARDSIZE=64", "LEVELS=4"],
    "volume": ["BAND_AXIS=Z", "FACTORS=2,2,2", "BLOCKSIZE=2,32,32", "SHARDSIZE=2,64,64", "LEVELS=3"],
}


def levels(path):
    """Of each level: its folder, shape, and the shape of what is in one file."""
    if (path / "zarr.json").exists():
        paths = [d["path"] for d in json.loads((path / "zarr.json").read_text())["attributes"]["ome"]["multiscales"][0]["datasets"]]
        arrays = [json.loads((path / p / "zarr.json").read_text()) for p in paths]
        return [(p + "/c/", a["shape"], a["chunk_grid"]["configuration"]["chunk_shape"]) for p, a in zip(paths, arrays)]
    paths = [d["path"] for d in json.loads((path / ".zattrs").read_text())["multiscales"][0]["datasets"]]
    arrays = [json.loads((path / p / ".zarray").read_text()) for p in paths]
    return [(p + "/", a["shape"], a["chunks"]) for p, a in zip(paths, arrays)]


def files_above(path, start, end):
    """The files that hold what depends on elements [start, end) of level 0. Works on extents, not on factors."""
    found, below = set(), None
    for folder, shape, side in levels(path):
        if below is not None:
            factor = [round(a / b + 0.499) if a > b else 1 for a, b in zip(below, shape)]
            start, end = [s // f for s, f in zip(start, factor)], [-(-e // f) for e, f in zip(end, factor)]
        grid = [range(s // n, (min(e, extent) - 1) // n + 1) for s, e, n, extent in zip(start, end, side, shape)]
        found |= {folder + "/".join(map(str, index)) for index in
                  numpy.stack(numpy.meshgrid(*grid, indexing="ij"), -1).reshape(-1, len(grid))}
        below = shape
    return found


def bands_of(path):
    dataset, _ = opened(path)
    pixels = dataset.ReadAsArray()
    alive.clear()
    return pixels


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("window", WINDOWS, ids=lambda w: "x".join(map(str, w)))
def test_update(tmp_path, case, window):
    pixels, (x, y, width, height) = pattern(*SHAPE), window
    path = tmp_path / "a.ome.zarr"
    copied(memory_raster(pixels), path, "NAME=n", *CASES[case])
    alive.clear()
    before = fingerprint(path)
    dataset = gdal.OpenEx(str(path), gdal.OF_UPDATE | gdal.OF_RASTER, ["OMEZarr"])
    pixels[1, y:y + height, x:x + width] += 31000
    dataset.GetRasterBand(2).WriteArray(pixels[1, y:y + height, x:x + width], x, y)
    dataset = None
    after = fingerprint(path)
    changed = {name for name in after.keys() | before.keys() if after.get(name) != before.get(name)} - {".ozr-lock"}
    expected = files_above(path, (1, y, x), (2, y + height, x + width))
    if "NEAREST" in CASES[case][0]:
        assert changed <= expected and changed >= {n for n in expected if n.startswith("s0/")}
    else:
        assert changed == expected
    numpy.testing.assert_array_equal(bands_of(path), pixels)
    copied(memory_raster(pixels), tmp_path / "anew.ome.zarr", "NAME=n", *CASES[case])
    anew = fingerprint(tmp_path / "anew.ome.zarr")
    assert {k: v for k, v in after.items() if not k.endswith(("zarr.json", ".zattrs")) and k != ".ozr-lock"} == \
        {k: v for k, v in anew.items() if not k.endswith(("zarr.json", ".zattrs"))}
    if case == "sharded":
        level, _ = opened(path, "LEVEL=1")
        numpy.testing.assert_array_equal(level.ReadAsArray(), reduced(pixels, (1, 2, 2)))


def test_many_windows(tmp_path):
    """Far apart, in one handle: nothing between them is touched."""
    pixels, path = pattern(*SHAPE), tmp_path / "a.ome.zarr"
    copied(memory_raster(pixels), path, "NAME=n", *CASES["sharded"])
    alive.clear()
    before, expected = fingerprint(path), set()
    dataset = gdal.OpenEx(str(path), gdal.OF_UPDATE | gdal.OF_RASTER, ["OMEZarr"])
    for band, x, y in [(0, 5, 5), (2, 590, 690), (0, 300, 20), (2, 3, 650)]:
        pixels[band, y:y + 4, x:x + 4] += 31000
        dataset.GetRasterBand(band + 1).WriteArray(pixels[band, y:y + 4, x:x + 4], x, y)
        expected |= files_above(path, (band, y, x), (band + 1, y + 4, x + 4))
    dataset = None
    after = fingerprint(path)
    assert {name for name in after if after[name] != before.get(name)} - {".ozr-lock"} == expected
    numpy.testing.assert_array_equal(bands_of(path), pixels)
