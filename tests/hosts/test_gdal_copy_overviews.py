# SPDX-License-Identifier: MIT
"""OVERVIEWS: levels that the source has already are taken as they are, or are not."""
import os

import numpy
import pytest
from conftest import copied, memory_raster, open_quietly, pattern
from osgeo import gdal
from stores import read_group, read_image, write_group, write_image

RAW = ["COMPRESS=NONE", "SHARDSIZE=NO", "CHECKSUM=NO", "IMPORT=NO"]


def geotiff(path, pixels, factors, value=7):
    """A GeoTIFF whose overviews can be told from everything that is made of its pixels."""
    gdal.GetDriverByName("GTiff").CreateCopy(str(path), memory_raster(pixels), 0, ["TILED=YES"]).FlushCache()
    dataset = gdal.Open(str(path), gdal.GA_Update)
    dataset.BuildOverviews("NEAREST", factors)
    for b in range(1, dataset.RasterCount + 1):
        band = dataset.GetRasterBand(b)
        for i in range(band.GetOverviewCount()):
            band.GetOverview(i).Fill(value + 10 * b + i)
    dataset = None
    return gdal.Open(str(path))


def levels_of(store):
    levels, entry, _, _ = read_image(store)
    return levels, [d["coordinateTransformations"][0]["scale"] for d in entry["datasets"]], entry


@pytest.mark.parametrize("bands", [1, 3])
def test_auto_takes_what_fits(tmp_path, bands):
    """Overviews 2 and 4 are levels 1 and 2; level 3 is made of level 2; the overview 5 is of no use."""
    source = geotiff(tmp_path / "a.tif", pattern(bands, 1501, 1203, dtype="uint8"), [2, 4, 5])
    copied(source, tmp_path / "b.ome.zarr", "OVERVIEWS=AUTO", "LEVELS=4", *RAW)
    levels, scales, entry = levels_of(tmp_path / "b.ome.zarr")
    assert [level.shape[-2:] for level in levels] == [(1501, 1203), (751, 602), (376, 301), (188, 151)]
    for b in range(bands):
        for n, expected in ((1, 7), (2, 8), (3, 8)):
            assert (levels[n].reshape(bands, *levels[n].shape[-2:])[b] == expected + 10 * (b + 1)).all()
    numpy.testing.assert_array_equal(levels[0].reshape(bands, 1501, 1203), source.ReadAsArray().reshape(bands, 1501, 1203))
    assert "taken" in entry["metadata"]["method"]
    dataset = open_quietly(tmp_path / "b.ome.zarr")
    assert dataset.GetRasterBand(1).GetOverview(0).ReadAsArray()[0, 0] == 17


def test_ignored_unless_asked_for(tmp_path):
    source = geotiff(tmp_path / "a.tif", pattern(1, 700, 600, dtype="uint8"), [2, 4])
    for options in ([], ["OVERVIEWS=IGNORE_EXISTING"]):
        copied(source, tmp_path / "b.ome.zarr", "OVERWRITE=YES", *options, *RAW)
        levels, _, entry = levels_of(tmp_path / "b.ome.zarr")
        assert len(levels) == 3 and len(numpy.unique(levels[1])) > 9 and "mean" in entry["metadata"]["method"]
    copied(source, tmp_path / "b.ome.zarr", "OVERWRITE=YES", "OVERVIEWS=NONE", *RAW)
    assert len(levels_of(tmp_path / "b.ome.zarr")[0]) == 1


@pytest.mark.parametrize("factors", [[2, 4, 8], [3, 9], [2, 6], [4]])
@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_forced(tmp_path, factors, version):
    """The overviews are the levels, whatever their factors."""
    source = geotiff(tmp_path / "a.tif", pattern(2, 701, 603, dtype="int16"), factors)
    source_levels = [(-(-701 // f), -(-603 // f)) for f in factors]
    copied(source, tmp_path / "b.ome.zarr", "OVERVIEWS=FORCE_USE_EXISTING", "PIXEL_SIZE=0.5", f"OME_VERSION={version}", *RAW)
    levels, scales, _ = levels_of(tmp_path / "b.ome.zarr")
    assert [level.shape for level in levels] == [(2, 701, 603)] + [(2, *shape) for shape in source_levels]
    for i, (level, scale) in enumerate(zip(levels[1:], scales[1:])):
        assert (level[0] == 17 + i).all() and (level[1] == 27 + i).all()
        assert scale == [1, 0.5 * factors[i], 0.5 * factors[i]]


def test_forced_without_any(tmp_path):
    """As COG's: then there are none."""
    copied(memory_raster(pattern(1, 700, 600)), tmp_path / "b.ome.zarr", "OVERVIEWS=FORCE_USE_EXISTING", *RAW)
    assert len(levels_of(tmp_path / "b.ome.zarr")[0]) == 1


def test_wrong_combinations(tmp_path):
    source = geotiff(tmp_path / "a.tif", pattern(1, 700, 600, dtype="uint8"), [2])
    for option, words in (("LEVELS=2", "LEVELS=2"), ("FACTORS=2", "FACTORS=2"), ("PYRAMID=AUTO", "PYRAMID=AUTO")):
        _, said = copied(source, tmp_path / "b.ome.zarr", "OVERVIEWS=FORCE_USE_EXISTING", option, errors=1)
        assert words in said.errors()[0]
    _, said = copied(source, tmp_path / "b.ome.zarr", "OVERVIEWS=SOMETIMES", errors=1)
    assert "SOMETIMES" in said.errors()[0]
    assert os.listdir(tmp_path) == ["a.tif"]


def ours(folder, version, floor):
    """Levels that are no means of each other, rounded down or up, by mixed factors; the same for a label."""
    full = pattern(3, 5, 41, 63).astype("uint16")
    half = (5000 + pattern(3, 5, *((20, 31) if floor else (21, 32)))).astype("uint16")
    third = (9000 + pattern(3, *((2, 6, 10) if floor else (3, 7, 11)))).astype("uint16")
    scales = [[1.0, 3.0, 0.1, 0.1], [1.0, 3.0, 0.2, 0.2], [1.0, 6.0, 0.6, 0.6]]
    moves = [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.07, 0.05], [0.0, 0.0, 0.25, 0.2]]
    write_image(folder, version, "czyx", [full, half, third], scales, moves, chunks=(1, 2, 16, 16))
    label = [(a[0] % 7).astype("uint8") for a in (full, half, third)]
    write_image(folder / "labels/cells", version, "zyx", label, [s[1:] for s in scales], chunks=(2, 16, 16), ome={"image-label": {}})
    write_group(folder / "labels", version, {"labels": ["cells"]})
    return [full, half, third], label, scales, moves


@pytest.mark.parametrize("floor", [False, True])
@pytest.mark.parametrize("before, after", [("0.4", "0.5"), ("0.5", "0.4")])
def test_levels_of_our_own(tmp_path, floor, before, after):
    """Taken exactly as they are: values, shapes, places; labels too."""
    image, label, scales, moves = ours(tmp_path / "a.ome.zarr", before, floor)
    copied(open_quietly(tmp_path / "a.ome.zarr"), tmp_path / "b.ome.zarr", "OVERVIEWS=FORCE_USE_EXISTING", f"OME_VERSION={after}", *RAW)
    for store, levels in ((tmp_path / "b.ome.zarr", image), (tmp_path / "b.ome.zarr/labels/cells", label)):
        found, entry, _, _ = read_image(store)
        assert len(found) == 3
        for one, two in zip(found, levels):
            numpy.testing.assert_array_equal(one, two)
    entry = read_group(tmp_path / "b.ome.zarr")[0]["multiscales"][0]
    assert [[t[t["type"]] for t in d["coordinateTransformations"]] for d in entry["datasets"]] == [list(p) for p in zip(scales, moves)]


def test_auto_with_our_own(tmp_path):
    """A level of the same shape is taken; the next one is made of it."""
    image, _, _, _ = ours(tmp_path / "a.ome.zarr", "0.5", False)
    copied(open_quietly(tmp_path / "a.ome.zarr"), tmp_path / "b.ome.zarr", "OVERVIEWS=AUTO", "FACTORS=1,2,2;1,7,8", "LEVELS=3", *RAW)
    levels, _, _ = levels_of(tmp_path / "b.ome.zarr")
    numpy.testing.assert_array_equal(levels[1], image[1])
    assert levels[2].shape == (3, 5, 3, 4) and levels[2].min() >= 5000


def test_levels_that_no_factor_makes(tmp_path):
    full, odd = pattern(40, 60), pattern(27, 40)
    write_image(tmp_path / "a.ome.zarr", "0.5", "yx", [full, odd], [[1.0, 1.0], [1.5, 1.5]])
    source = open_quietly(tmp_path / "a.ome.zarr")
    _, said = copied(source, tmp_path / "b.ome.zarr", "OVERVIEWS=FORCE_USE_EXISTING", errors=1)
    assert "level 1" in said.errors()[0] and os.listdir(tmp_path) == ["a.ome.zarr"]
    copied(source, tmp_path / "b.ome.zarr", "OVERVIEWS=AUTO", *RAW)
    numpy.testing.assert_array_equal(levels_of(tmp_path / "b.ome.zarr")[0][0], full)


def test_updates_refresh_levels_that_were_rounded_down(tmp_path):
    """What was taken stays, but where level 0 changes."""
    image, _, _, _ = ours(tmp_path / "a.ome.zarr", "0.5", True)
    copied(open_quietly(tmp_path / "a.ome.zarr"), tmp_path / "b.ome.zarr", "OVERVIEWS=FORCE_USE_EXISTING", "BLOCKSIZE=1,1,4,4", *RAW)
    dataset = gdal.OpenEx(str(tmp_path / "b.ome.zarr"), gdal.OF_RASTER | gdal.OF_UPDATE, ["OMEZarr"], ["Z=0"])
    dataset.GetRasterBand(1).WriteArray(numpy.full((2, 2), 60000, "uint16"), 8, 8)
    dataset = None
    levels, _, _ = levels_of(tmp_path / "b.ome.zarr")
    expected = image[1].copy()
    assert levels[1][0, 0, 4, 4] == 60000
    assert (levels[1][1:] == expected[1:]).all() and (levels[1][0, 1:] == expected[0, 1:]).all()


def test_cancelled_in_a_level(tmp_path):
    source = geotiff(tmp_path / "a.tif", pattern(1, 1501, 1203, dtype="uint8"), [2, 4])
    seen = []
    copied(source, tmp_path / "b.ome.zarr", "OVERVIEWS=AUTO", errors=1, callback=lambda done, message, data: seen.append(done) or (0 if done > 0.85 else 1))
    assert seen == sorted(seen) and os.listdir(tmp_path) == ["a.tif"]
