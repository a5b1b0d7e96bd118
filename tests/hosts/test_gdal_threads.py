# SPDX-License-Identifier: MIT
"""Several threads: handles of their own, one thread-safe handle (GDAL 3.10), one cache for all."""
import concurrent.futures
import random
import shutil
import time

import numpy
import pytest
from conftest import VERSION, copied, memory_raster, pattern
from osgeo import gdal

PIXELS = pattern(3, 300, 400)
THREADS, READS = 8, 30


@pytest.fixture(scope="module", params=[("SHARDSIZE=128",), ("SHARDSIZE=NO",), ("OME_VERSION=0.4",)], ids=lambda p: p[0])
def store(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("threads") / "a.ome.zarr"
    copied(memory_raster(PIXELS), folder, "BLOCKSIZE=64", *request.param)
    return str(folder)


@pytest.fixture
def fresh(store, tmp_path):
    """A copy of it, of which the cache has one corner."""
    shutil.copytree(store, tmp_path / "b.ome.zarr")
    wait_until_trusted(tmp_path / "b.ome.zarr")
    return str(tmp_path / "b.ome.zarr")


def decoded(dataset):
    return sum(int(dataset.GetMetadataItem(name, "OZR_STATS")) for name in ("CHUNKS_DECODED", "BLOCKS_DECODED"))


def wait_until_trusted(folder):
    """Files whose time stamps could still be given again are not cached for others: the other corner tells."""
    for _ in range(100):
        time.sleep(0.05)
        gdal.Open(str(folder)).ReadAsArray(390, 290, 5, 5)
        dataset = gdal.Open(str(folder))
        before = decoded(dataset)
        dataset.ReadAsArray(390, 290, 5, 5)
        if decoded(dataset) == before:
            return


def read_windows(dataset, seed):
    """Random windows of random bands; the first one that is wrong, or None."""
    chance = random.Random(seed)
    for _ in range(READS):
        x, y = chance.randrange(390), chance.randrange(290)
        width, height = chance.randrange(1, 400 - x + 1), chance.randrange(1, 300 - y + 1)
        band = chance.randrange(3)
        got = dataset.GetRasterBand(band + 1).ReadAsArray(x, y, width, height)
        if not numpy.array_equal(got, PIXELS[band, y:y + height, x:x + width]):
            return f"band {band + 1}, {width} x {height} at {x}, {y}"
    return None


def in_threads(function):
    """What the threads found wrong; an exception in one of them is raised here."""
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        return [wrong for wrong in pool.map(function, range(THREADS)) if wrong]


def test_a_handle_for_each_thread(store):
    def work(seed):
        wrong = None
        for i in range(3):
            dataset = gdal.OpenEx(store, gdal.OF_RASTER, ["OMEZarr"])
            wrong = wrong or (read_windows(dataset, 10 * seed + i) if dataset else "not opened")
            dataset = None
        return wrong

    assert in_threads(work) == []


def test_overviews_in_threads(store):
    whole = gdal.Open(store)
    expected = whole.GetRasterBand(1).GetOverview(0).ReadAsArray()

    def work(_):
        dataset = gdal.Open(store)
        got = dataset.GetRasterBand(1).GetOverview(0).ReadAsArray()
        return None if numpy.array_equal(got, expected) else "differs"

    assert in_threads(work) == []


def test_metadata_in_threads(store):
    expected = gdal.Open(store).GetMetadata("OME")

    def work(_):
        dataset = gdal.Open(store)
        same = dataset.GetMetadata("OME") == expected and not dataset.GetMetadata("SUBDATASETS")
        return None if same and dataset.GetGeoTransform() else "differs"

    assert in_threads(work) == []


def test_handles_share_decoded_chunks(fresh):
    """What one handle has decoded of partly read chunks, another one finds."""
    first, second = gdal.Open(fresh), gdal.Open(fresh)
    window = (10, 10, 40, 30)
    at_first = decoded(first)
    expected = first.ReadAsArray(*window)
    before = decoded(first)
    assert before > at_first  # the counters do count
    numpy.testing.assert_array_equal(second.ReadAsArray(*window), expected)
    numpy.testing.assert_array_equal(gdal.Open(fresh).ReadAsArray(*window), expected)
    assert decoded(first) == before


@pytest.mark.skipif(VERSION < 3100000, reason="thread-safe handles begin with GDAL 3.10")
class TestThreadSafe:
    def opened(self, store):
        dataset = gdal.OpenEx(store, gdal.OF_RASTER | gdal.OF_THREAD_SAFE, ["OMEZarr"])
        assert dataset is not None and dataset.IsThreadSafe(gdal.OF_RASTER)
        return dataset

    def test_one_handle_for_all(self, store):
        dataset = self.opened(store)
        assert in_threads(lambda seed: read_windows(dataset, seed)) == []

    def test_open_options_are_kept(self, store):
        """The threads' handles show what this one shows."""
        dataset = gdal.OpenEx(store, gdal.OF_RASTER | gdal.OF_THREAD_SAFE, ["OMEZarr"], ["C=1"])
        assert dataset.RasterCount == 1

        def work(_):
            return None if numpy.array_equal(dataset.ReadAsArray(), PIXELS[1]) else "differs"

        assert in_threads(work) == []

    def test_they_share_decoded_chunks(self, fresh):
        dataset = self.opened(fresh)
        window = (140, 75, 40, 30)
        at_first = decoded(gdal.Open(fresh))
        expected = dataset.ReadAsArray(*window)
        before = decoded(gdal.Open(fresh))
        assert before > at_first
        assert in_threads(lambda _: None if numpy.array_equal(dataset.ReadAsArray(*window), expected) else "differs") == []
        assert decoded(gdal.Open(fresh)) == before

    def test_subdataset(self, tmp_path):
        from test_gdal_view import write_image
        write_image(tmp_path / "x.zarr/labels/n", pattern(20, 30), "yx")
        name = f'OMEZARR:"{tmp_path}/x.zarr":labels/n'
        dataset = self.opened(name)
        assert in_threads(lambda _: None if numpy.array_equal(dataset.ReadAsArray(), pattern(20, 30)) else "differs") == []

    def test_update_is_not_thread_safe(self, store):
        with gdal.quiet_errors():
            assert gdal.OpenEx(store, gdal.OF_RASTER | gdal.OF_UPDATE | gdal.OF_THREAD_SAFE, ["OMEZarr"]) is None
