# SPDX-License-Identifier: MIT
"""Levels are overviews: views of the whole read little, and chunks are decoded once."""
import shutil
import time

import numpy
import pytest
from conftest import copied, memory_raster, open_quietly, pattern, run
from osgeo import gdal


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    """3 bands of 1700 x 2100 in small chunks, without shards: a file each."""
    store = tmp_path_factory.mktemp("plane") / "a.ome.zarr"
    copied(memory_raster(pattern(3, 1700, 2100)), store, "BLOCKSIZE=256", "SHARDSIZE=NO")
    return store


@pytest.fixture(scope="module")
def volume(tmp_path_factory):
    store = tmp_path_factory.mktemp("volume") / "a.ome.zarr"
    copied(memory_raster(pattern(150, 140, 160)), store, "BAND_AXIS=Z", "BLOCKSIZE=64", "PYRAMID=NO")
    time.sleep(0.05)  # decoded chunks of files that are younger than a timer tick are not kept
    return store


def test_sizes_and_values(plane):
    dataset = open_quietly(plane)
    band = dataset.GetRasterBand(2)
    assert [(band.GetOverview(i).XSize, band.GetOverview(i).YSize) for i in range(band.GetOverviewCount())] == [
        (1050, 850), (525, 425), (263, 213), (132, 107)][:band.GetOverviewCount()]
    assert band.GetOverviewCount() >= 3
    previous = band.ReadAsArray().astype("float64")
    level = band.GetOverview(0).ReadAsArray()
    assert numpy.array_equal(level, numpy.round(previous.reshape(850, 2, 1050, 2).mean(axis=(1, 3))))


def opened_files(log, what):
    return [line for line in log.read_text().splitlines()
            if what in line and ("openat" in line or "open(" in line) and " = -1" not in line]


def test_small_view_opens_no_chunk_of_level_0(plane, tmp_path):
    """A 256 x 256 view of the whole."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    log = tmp_path / "log"
    done = run("strace", "-f", "-e", "trace=open,openat,openat2", "-o", log, "gdal_translate", "-q", "-of", "ENVI",
               "-outsize", "256", "256", plane, tmp_path / "small.img")
    assert done.returncode == 0, done.stderr
    chunks = [line for line in opened_files(log, "/c/") + opened_files(log, "c/") if "zarr.json" not in line]
    level0 = [line for line in chunks if "s0/image/c/" in line]
    assert chunks, "the log does not show chunks at all"
    assert level0 == []


@pytest.mark.parametrize("method", ["nearest", "average", "bilinear"])
def test_view_of_the_whole_looks_like_it(plane, method):
    names = {"nearest": gdal.GRIORA_NearestNeighbour, "average": gdal.GRIORA_Average, "bilinear": gdal.GRIORA_Bilinear}
    dataset = open_quietly(plane)
    view = dataset.ReadAsArray(buf_xsize=210, buf_ysize=170, resample_alg=names[method])
    whole = dataset.ReadAsArray().astype("float64")
    exact = whole.reshape(3, 170, 10, 210, 10).mean(axis=(2, 4))
    assert numpy.abs(view - exact).mean() < 0.02 * (whole.max() - whole.min())


def test_windows_of_every_kind(plane):
    """Windows over chunk borders, single bands, other orders and other types of buffers."""
    dataset = open_quietly(plane)
    whole = pattern(3, 1700, 2100)
    random = numpy.random.default_rng(5)
    for _ in range(40):
        x, y = int(random.integers(0, 2099)), int(random.integers(0, 1699))
        w, h = int(random.integers(1, min(700, 2100 - x) + 1)), int(random.integers(1, min(700, 1700 - y) + 1))
        expected = whole[:, y:y + h, x:x + w]
        numpy.testing.assert_array_equal(dataset.ReadAsArray(x, y, w, h), expected)
        numpy.testing.assert_array_equal(dataset.ReadAsArray(x, y, w, h, interleave="pixel"), expected.transpose(1, 2, 0))
        numpy.testing.assert_array_equal(dataset.ReadAsArray(x, y, w, h, band_list=[3, 1]), expected[[2, 0]])
        numpy.testing.assert_array_equal(dataset.GetRasterBand(2).ReadAsArray(x, y, w, h), expected[1])


@pytest.mark.parametrize("code", [gdal.GDT_Byte, gdal.GDT_Int16, gdal.GDT_UInt32, gdal.GDT_Float32, gdal.GDT_Float64, gdal.GDT_Int64,
                                  gdal.GDT_CFloat32])
def test_types_of_buffers(plane, code):
    """As GDAL converts: a MEM dataset is the oracle."""
    expected = memory_raster(pattern(3, 1700, 2100)).ReadRaster(100, 200, 300, 400, buf_type=code)
    assert open_quietly(plane).ReadRaster(100, 200, 300, 400, buf_type=code) == expected


def test_blocks(plane):
    band = open_quietly(plane).GetRasterBand(3)
    assert band.GetBlockSize() == [256, 256]
    whole = pattern(3, 1700, 2100)[2]
    block = numpy.frombuffer(band.ReadBlock(8, 6), "uint16").reshape(256, 256)
    numpy.testing.assert_array_equal(block[:1700 - 6 * 256, :2100 - 8 * 256], whole[6 * 256:, 8 * 256:])


def counter(dataset, name="CHUNKS_DECODED"):
    return int(dataset.GetMetadataItem(name, "OZR_STATS"))


def test_volume_band_by_band_decodes_each_chunk_once(volume):
    dataset = open_quietly(volume)
    assert dataset.GetMetadataItem("INTERLEAVE", "IMAGE_STRUCTURE") == "BAND"
    before = counter(dataset)
    blocks, size = counter(dataset, "BLOCKS_DECODED"), counter(dataset, "BYTES_DECODED")
    pixels = [dataset.GetRasterBand(z + 1).ReadAsArray() for z in range(150)]
    numpy.testing.assert_array_equal(numpy.stack(pixels), pattern(150, 140, 160))
    chunks = 3 * 3 * 3
    assert counter(dataset) - before <= chunks
    assert counter(dataset, "BYTES_DECODED") - size <= 64**3 * 2 * chunks
    assert counter(dataset) - before + counter(dataset, "BLOCKS_DECODED") - blocks > 0


def test_copy_of_a_volume_decodes_each_chunk_once(volume, tmp_path):
    dataset = open_quietly(volume)
    size = counter(dataset, "BYTES_DECODED")
    copy = gdal.GetDriverByName("GTiff").CreateCopy(str(tmp_path / "a.tif"), dataset)
    assert copy.GetMetadataItem("INTERLEAVE", "IMAGE_STRUCTURE") == "BAND"
    assert counter(dataset, "BYTES_DECODED") - size <= 64**3 * 2 * 27


def test_interleave(plane, tmp_path):
    assert open_quietly(plane).GetMetadataItem("INTERLEAVE", "IMAGE_STRUCTURE") == "BAND"
    dataset, _ = copied(memory_raster(pattern(3, 300, 300)), tmp_path / "b.ome.zarr", "BLOCKSIZE=3,128,128")
    assert dataset.GetMetadataItem("INTERLEAVE", "IMAGE_STRUCTURE") == "PIXEL"
    assert dataset.GetMetadataItem("CHUNK_SHAPE", "IMAGE_STRUCTURE") == "3,128,128"


def test_overviews_beside_an_array_without_levels(data, tmp_path):
    """gdaladdo on somebody's bare array."""
    shutil.copytree(data / "hoa_heart.zarr", tmp_path / "heart.zarr")
    assert run("gdaladdo", "-q", "-ro", f"OMEZARR:{tmp_path}/heart.zarr", "2").returncode == 0
    dataset = open_quietly(f"OMEZARR:{tmp_path}/heart.zarr")
    assert dataset.GetRasterBand(7).GetOverview(0).XSize == 70
    assert sorted(p.name for p in tmp_path.iterdir()) == ["heart.zarr", "heart.zarr.ovr"]


def test_own_levels_are_not_rebuilt(plane):
    from conftest import heard
    dataset = open_quietly(plane)
    with heard() as said:
        assert dataset.BuildOverviews("NEAREST", [2]) != 0
    assert len(said.errors()) == 1 and "levels" in said.errors()[0]
