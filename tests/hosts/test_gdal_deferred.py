# SPDX-License-Identifier: MIT
"""Deferred pyramids: many processes write one image, then build its levels in parts."""
import json
import signal
import subprocess
import sys
import textwrap

import numpy
import pytest
from conftest import alive, copied, fingerprint, heard, memory_raster, opened, pattern, reduced, run
from osgeo import gdal

OPTIONS = ["BLOCKSIZE=64", "SHARDSIZE=128", "NAME=n"]
PIXELS = pattern(2, 600, 500)
LEVELS = [reduced(PIXELS, (1, 2, 2)), reduced(reduced(PIXELS, (1, 2, 2)), (1, 2, 2))]

WORKER = """
    import sys
    import numpy
    from osgeo import gdal
    gdal.UseExceptions()
    name, x, y, width, height = sys.argv[1], *map(int, sys.argv[3:7])
    pixels = numpy.load(sys.argv[2])[:, y:y + height, x:x + width]
    dataset = gdal.OpenEx(name, gdal.OF_UPDATE | gdal.OF_RASTER, ["OMEZarr"])
    for line in range(height):
        dataset.WriteRaster(x, y + line, width, 1, numpy.ascontiguousarray(pixels[:, line]).tobytes())
        if line % 50 == 49:
            dataset.FlushCache()
            print(line, flush=True)
    dataset = None
"""
BUILDER = """
    import sys
    from osgeo import gdal
    gdal.UseExceptions()
    gdal.SetConfigOption("GDAL_NUM_THREADS", "1")
    def progress(fraction, *_):
        print(fraction, flush=True)
        return 1
    dataset = gdal.OpenEx(sys.argv[1], gdal.OF_UPDATE | gdal.OF_RASTER, ["OMEZarr"])
    dataset.BuildOverviews("AVERAGE", [], progress, options=sys.argv[2:])
    dataset = None
"""


def start(program, *words):
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(program), *map(str, words)], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(processes):
    for process in processes:
        _, stderr = process.communicate()
        assert process.returncode == 0 and stderr == "", stderr


def kill_after(process, lines):
    """SIGKILL when it has said so much."""
    for _ in range(lines):
        assert process.stdout.readline() != ""
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def documents(path):
    return {k: v for k, v in fingerprint(path).items() if "/c/" not in k and k != ".ozr-lock"}


def chunks(path):
    """Without what killed processes leave, which later ones remove."""
    return {k: v for k, v in fingerprint(path).items() if "/c/" in k and "/.ozr-tmp-" not in k}


def shown(path):
    """The levels that readers see, as arrays (band, y, x)."""
    dataset, _ = opened(path)
    bands = [dataset.GetRasterBand(b + 1) for b in range(dataset.RasterCount)]
    levels = [numpy.stack([b.GetOverview(n).ReadAsArray() for b in bands]) for n in range(bands[0].GetOverviewCount())]
    alive.clear()
    return levels


def assert_complete(path, whole):
    """Pixels and levels are those of numpy, and the very files of an image made in one go."""
    numpy.testing.assert_array_equal(opened(path)[0].ReadAsArray(), PIXELS)
    levels = shown(path)
    assert len(levels) == len(LEVELS)
    for found, expected in zip(levels, LEVELS):
        numpy.testing.assert_array_equal(found, expected)
    assert chunks(path) == chunks(whole)


def create(path, *options):
    dataset = gdal.GetDriverByName("OMEZarr").Create(str(path), 500, 600, 2, gdal.GDT_UInt16,
                                                     ["PYRAMID=DEFER", *OPTIONS, *options])
    assert dataset.GetRasterBand(1).GetOverviewCount() == 0
    dataset = None
    return path


@pytest.fixture
def whole(tmp_path):
    """An image made in one go; and its pixels, for the workers."""
    numpy.save(tmp_path / "pixels.npy", PIXELS)
    copied(memory_raster(PIXELS), tmp_path / "whole.ome.zarr", *OPTIONS)
    alive.clear()
    return tmp_path / "whole.ome.zarr"


@pytest.fixture
def deferred(whole, tmp_path):
    """An empty image, published, whose levels are to come."""
    return create(tmp_path / "a.ome.zarr")


@pytest.fixture
def filled(whole, tmp_path):
    """One with level 0 complete."""
    copied(memory_raster(PIXELS), tmp_path / "a.ome.zarr", "PYRAMID=DEFER", *OPTIONS)
    alive.clear()
    return tmp_path / "a.ome.zarr"


def update(path, *options):
    return gdal.OpenEx(str(path), gdal.OF_UPDATE | gdal.OF_RASTER, ["OMEZarr"], list(options))


def build(path, *options, method="AVERAGE", factors=(), open_options=()):
    """BuildOverviews in this process; what was said."""
    dataset = update(path, *open_options)
    with heard() as said:
        rc = dataset.BuildOverviews(method, list(factors), options=list(options))
        dataset = None
    assert (rc != 0) == (said.errors() != [])
    return said


# --- writing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seam", [256, 200, 233])
def test_four_writers(deferred, whole, tmp_path, seam):
    """Whole shards, parts of shards, parts of chunks: nothing is lost, no document is touched."""
    before = documents(deferred)
    finish([start(WORKER, deferred, tmp_path / "pixels.npy", x, y, width, height)
            for x, width in [(0, seam), (seam, 500 - seam)] for y, height in [(0, seam), (seam, 600 - seam)]])
    assert documents(deferred) == before and shown(deferred) == []
    numpy.testing.assert_array_equal(opened(deferred)[0].ReadAsArray(), PIXELS)
    assert chunks(deferred) == {k: v for k, v in chunks(whole).items() if k.startswith("s0/")}


def test_other_file_systems(whole):
    """Whole shards from two handles."""
    create("/vsimem/deferred.ome.zarr")
    writers = [update("/vsimem/deferred.ome.zarr") for _ in range(2)]
    for i, (x, width) in enumerate([(0, 256), (256, 244)]):
        writers[i].WriteArray(numpy.ascontiguousarray(PIXELS[:, :, x:x + width]), x, 0)
    writers.clear()
    for y, height in (0, 512), (512, 88):
        assert build("/vsimem/deferred.ome.zarr", "LEVEL=1-2", f"REGION=0,{y},500,{height}") == []
    assert build("/vsimem/deferred.ome.zarr", "PUBLISH=YES") == []
    for found, expected in zip(shown("/vsimem/deferred.ome.zarr"), LEVELS):
        numpy.testing.assert_array_equal(found, expected)
    gdal.GetDriverByName("OMEZarr").Delete("/vsimem/deferred.ome.zarr")


def test_killed_writer(deferred, whole, tmp_path):
    """What it had flushed stays; the same once more completes it."""
    parts = [(0, 0, 256, 600), (256, 0, 244, 600)]
    workers = [start(WORKER, deferred, tmp_path / "pixels.npy", *part) for part in parts]
    kill_after(workers[0], 3)
    finish(workers[1:])
    half = opened(deferred)[0].ReadAsArray()
    numpy.testing.assert_array_equal(half[:, :100, :], PIXELS[:, :100, :])
    numpy.testing.assert_array_equal(half[:, :, 256:], PIXELS[:, :, 256:])
    finish([start(WORKER, deferred, tmp_path / "pixels.npy", *parts[0])])
    assert build(deferred, "LEVEL=1-2", "PUBLISH=YES") == []
    assert_complete(deferred, whole)


def test_creator_may_write_too(tmp_path):
    """With its first pixel everything is published, what was set before included."""
    dataset = gdal.GetDriverByName("OMEZarr").Create(str(tmp_path / "a.ome.zarr"), 500, 600, 2, gdal.GDT_UInt16,
                                                     ["PYRAMID=DEFER", *OPTIONS])
    dataset.SetGeoTransform([1, 2, 0, 3, 0, -4])
    dataset.GetRasterBand(1).WriteArray(PIXELS[0])
    assert opened(tmp_path / "a.ome.zarr")[0].GetGeoTransform() == (1, 2, 0, 3, 0, -4)
    dataset = None
    numpy.testing.assert_array_equal(opened(tmp_path / "a.ome.zarr")[0].GetRasterBand(1).ReadAsArray(), PIXELS[0])
    assert shown(tmp_path / "a.ome.zarr") == []


# --- copies --------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["0.5", "0.4"])
def test_copy(tmp_path, version):
    """CreateCopy() writes level 0 alone."""
    options = ["BLOCKSIZE=64", "NAME=n", f"OME_VERSION={version}"]
    copied(memory_raster(PIXELS), tmp_path / "whole.ome.zarr", *options)
    calls = []
    copied(memory_raster(PIXELS), tmp_path / "a.ome.zarr", "PYRAMID=DEFER", *options,
           callback=lambda fraction, *_: calls.append(fraction) or 1)
    assert calls == sorted(calls) and calls[-1] == 1
    assert shown(tmp_path / "a.ome.zarr") == []
    levels = lambda path: {k: v for k, v in fingerprint(path).items() if not k.endswith(("zarr.json", ".zattrs", ".ozr-lock"))}
    whole, deferred = levels(tmp_path / "whole.ome.zarr"), levels(tmp_path / "a.ome.zarr")
    assert deferred.items() <= whole.items() and any(k.startswith("s0/" if version == "0.5" else "0/") for k in deferred)
    assert not [k for k in deferred if k.startswith(("s1/", "1/", "s2/", "2/")) and not k.endswith(".zarray") and
                not k.endswith(".zgroup")]
    assert build(tmp_path / "a.ome.zarr", "LEVEL=1-2") == []
    assert shown(tmp_path / "a.ome.zarr") == []
    assert build(tmp_path / "a.ome.zarr", "PUBLISH=YES") == []
    for found, expected in zip(shown(tmp_path / "a.ome.zarr"), LEVELS):
        numpy.testing.assert_array_equal(found, expected)
    assert levels(tmp_path / "a.ome.zarr") == whole


def test_copy_of_an_image_of_ours(whole, tmp_path):
    """The n-D image, too; and a copy of a deferred image is an image with levels."""
    copied(opened(whole)[0], tmp_path / "a.ome.zarr", "PYRAMID=DEFER", *OPTIONS)
    assert shown(tmp_path / "a.ome.zarr") == []
    assert chunks(tmp_path / "a.ome.zarr") == {k: v for k, v in chunks(whole).items() if k.startswith("s0/")}
    copied(opened(tmp_path / "a.ome.zarr")[0], tmp_path / "b.ome.zarr", *OPTIONS)
    assert_complete(tmp_path / "b.ome.zarr", whole)
    assert opened(tmp_path / "b.ome.zarr")[0].GetMetadataItem("PYRAMID", "IMAGE_STRUCTURE") is None


@pytest.mark.parametrize("overviews", ["AUTO", "FORCE_USE_EXISTING", "NONE"])
def test_levels_from_the_source_cannot_be_deferred(tmp_path, overviews):
    _, said = copied(memory_raster(PIXELS), tmp_path / "a.ome.zarr", "PYRAMID=DEFER", "OVERVIEWS=" + overviews, errors=1)
    assert "PYRAMID=DEFER" in said.errors()[0] and not (tmp_path / "a.ome.zarr").exists()


def test_cancelled_copy(tmp_path):
    copied(memory_raster(PIXELS), tmp_path / "a.ome.zarr", "PYRAMID=DEFER", errors=1,
           callback=lambda fraction, *_: fraction < 0.5)
    assert list(tmp_path.iterdir()) == []


# --- building ------------------------------------------------------------------------------------


def test_regions_are_told(filled):
    """Shards of level n times the factor; as much as there is, at the most."""
    told = opened(filled)[0].GetMetadata("IMAGE_STRUCTURE")
    assert told["PYRAMID"] == "DEFERRED" and told["LEVELS"] == "3"
    assert [told[f"REGION_{n}"] for n in range(3)] == ["128,128", "256,256", "500,512"]
    build(filled, "LEVEL=1-2", "PUBLISH=YES")
    assert not [k for k in opened(filled)[0].GetMetadata("IMAGE_STRUCTURE") if k.startswith(("PYRAMID", "REGION"))]


def test_levels_by_region(filled, whole):
    """Level after level, each by several processes: no document is touched before the end."""
    before = documents(filled)
    finish([start(BUILDER, filled, "LEVEL=1", f"REGION={x},{y},{min(256, 500 - x)},{min(256, 600 - y)}")
            for x in (0, 256) for y in (0, 256, 512)])
    assert shown(filled) == []
    finish([start(BUILDER, filled, "LEVEL=2", "REGION=0,0,500,512"), start(BUILDER, filled, "LEVEL=2", "REGION=0,512,500,88")])
    assert documents(filled) == before and shown(filled) == []
    finish([start(BUILDER, filled, "PUBLISH=YES")])
    assert_complete(filled, whole)
    finish([start(BUILDER, filled, "PUBLISH=YES")])  # by whoever is not sure


def test_several_levels_of_a_region(filled, whole):
    """Nothing to wait for between levels."""
    finish([start(BUILDER, filled, "LEVEL=1-2", "REGION=0,0,500,512"), start(BUILDER, filled, "REGION=0,512,500,88")])
    finish([start(BUILDER, filled, "PUBLISH=YES")])
    assert_complete(filled, whole)


def test_killed_builder(filled, whole):
    kill_after(start(BUILDER, filled, "LEVEL=1-2"), 2)
    assert shown(filled) == []
    finish([start(BUILDER, filled, "LEVEL=1-2", "PUBLISH=YES")])
    assert_complete(filled, whole)


def test_written_again_before_the_end(filled, whole):
    """Levels that were built of other pixels: empty chunks go, too."""
    dataset = update(filled)
    dataset.WriteArray(numpy.zeros_like(PIXELS))
    dataset = None
    assert build(filled, "LEVEL=1-2") == []
    assert not chunks(filled)
    dataset = update(filled)
    dataset.WriteArray(PIXELS)
    dataset = None
    assert build(filled, "LEVEL=1-2", "PUBLISH=YES") == []
    assert_complete(filled, whole)


def test_gdaladdo_by_region(filled, whole):
    """Configuration options, and factors instead of levels."""
    for words in [["BUILD_REGION", "0,0,500,256", 2], ["BUILD_REGION", "0,256,500,344", 2], ["BUILD_REGION", "0,0,500,600", 4],
                  ["BUILD_PUBLISH", "YES", 2]]:
        done = run("gdaladdo", "-q", "-r", "average", "--config", "OMEZARR_" + words[0], words[1], filled, words[2])
        assert done.returncode == 0 and done.stderr == "", done.stderr
    assert_complete(filled, whole)


def test_plain_gdaladdo_builds_and_shows_all(filled):
    done = run("gdaladdo", "-q", "-r", "nearest", filled, 2, 4)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    levels = shown(filled)
    assert len(levels) == 2
    numpy.testing.assert_array_equal(levels[0], PIXELS[:, ::2, ::2])
    assert "PYRAMID" not in opened(filled)[0].GetMetadata("IMAGE_STRUCTURE")


def test_levels_follow_once_they_are_published(filled):
    dataset = update(filled)
    assert dataset.BuildOverviews("AVERAGE", [], options=["LEVEL=1-2", "PUBLISH=YES"]) == 0
    assert dataset.GetRasterBand(1).GetOverviewCount() == 2
    changed = PIXELS.copy()
    changed[1, 100:200, 50:300] = 7
    dataset.WriteArray(changed)
    dataset = None
    numpy.testing.assert_array_equal(shown(filled)[0], reduced(changed, (1, 2, 2)))


def test_one_plane(tmp_path):
    """What an open option chooses is all that is built."""
    pixels = pattern(3, 600, 500)
    copied(memory_raster(pixels), tmp_path / "a.ome.zarr", "PYRAMID=DEFER", "BAND_AXIS=T", *OPTIONS)
    for t in (2, 0, 1):
        assert build(tmp_path / "a.ome.zarr", "LEVEL=1-2", open_options=[f"T={t}"]) == []
        done = {k.split("/c/")[1].split("/")[0] for k in chunks(tmp_path / "a.ome.zarr") if k.startswith("s1/")}
        assert done == {2: {"2"}, 0: {"0", "2"}, 1: {"0", "1", "2"}}[t]
    assert build(tmp_path / "a.ome.zarr", "PUBLISH=YES") == []
    numpy.testing.assert_array_equal(shown(tmp_path / "a.ome.zarr")[0], reduced(pixels, (1, 2, 2)))


def test_volume(tmp_path):
    """z is reduced too: regions are columns."""
    pixels = pattern(40, 90, 100)
    options = ["BAND_AXIS=Z", "BLOCKSIZE=8", "SHARDSIZE=16", "LEVELS=3", "FACTORS=2"]
    copied(memory_raster(pixels), tmp_path / "whole.ome.zarr", *options)
    copied(memory_raster(pixels), tmp_path / "a.ome.zarr", "PYRAMID=DEFER", *options)
    told = opened(tmp_path / "a.ome.zarr")[0].GetMetadata("IMAGE_STRUCTURE")
    for level in (1, 2):
        width, height = map(int, told[f"REGION_{level}"].split(","))
        assert (width, height) == (32 * level, 32 * level)
        for y in range(0, 90, height):
            for x in range(0, 100, width):
                region = f"REGION={x},{y},{min(width, 100 - x)},{min(height, 90 - y)}"
                assert build(tmp_path / "a.ome.zarr", f"LEVEL={level}", region) == []
    said = build(tmp_path / "a.ome.zarr", "LEVEL=1", open_options=["Z=3"])
    assert "a shard of these levels holds 32" in said.errors()[0]
    assert build(tmp_path / "a.ome.zarr", "PUBLISH=YES") == []
    dataset = opened(tmp_path / "a.ome.zarr", "LEVEL=1")[0]
    numpy.testing.assert_array_equal(dataset.ReadAsArray()[::2], reduced(pixels, (2, 2, 2)))
    assert chunks(tmp_path / "a.ome.zarr") == chunks(tmp_path / "whole.ome.zarr")


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("options, words", [
    (["LEVEL=3"], "from 1 to 2"), (["LEVEL=0"], "from 1 to 2"), (["LEVEL=2-1"], "from 1 to 2"), (["LEVEL=1,2"], "from 1 to 2"),
    (["LEVEL="], "from 1 to 2"), (["REGION=0,0,501,10"], "500 x 600"), (["REGION=1,2,3"], "500 x 600"),
    (["REGION=-256,0,256,256"], "500 x 600"), (["REGION=0,0,9223372036854775807,1"], "500 x 600"), (["REGION="], "500 x 600"),
    (["LEVEL=1", "REGION=0,0,128,256"], "256 x 256"), (["LEVEL=1", "REGION=64,0,256,256"], "256 x 256"),
    (["LEVEL=1-2", "REGION=0,0,500,256"], "500 x 512"), (["REGIN=0,0,256,256"], "LEVEL, REGION or PUBLISH"),
    (["LEVEL=1", "SPEED=9"], "LEVEL, REGION or PUBLISH"), (["nonsense"], "LEVEL, REGION or PUBLISH")])
def test_bad_parts(filled, options, words):
    before = fingerprint(filled)
    said = build(filled, *options)
    assert len(said.errors()) == 1 and words in said.errors()[0], said
    assert fingerprint(filled) == before


def test_bad_calls(filled, whole):
    for said, words in [(build(filled, "LEVEL=1", method="CUBIC"), "must be AVERAGE"),
                        (build(filled, "REGION=0,0,500,600", factors=[3]), "factors"),
                        (build(whole, "LEVEL=1"), "PYRAMID=DEFER"), (build(whole, "REGION=0,0,256,256"), "PYRAMID=DEFER")]:
        assert len(said.errors()) == 1 and words in said.errors()[0], said


def test_document(filled):
    """What other programs find: all levels are listed, and the mark says that they are not built."""
    attributes = json.loads((filled / "zarr.json").read_text())["attributes"]
    assert len(attributes["ome"]["multiscales"][0]["datasets"]) == 3 and attributes["gdal"]["pyramid"] == "deferred"
    build(filled, "LEVEL=1-2", "PUBLISH=YES")
    assert "pyramid" not in json.loads((filled / "zarr.json").read_text())["attributes"]["gdal"]


@pytest.mark.parametrize("by", ["regions", "gdaladdo"])
def test_windows(deferred, tmp_path, by):
    """What viewers show is known when the levels are; a copy has known it before."""
    def windows(path):
        channels = json.loads((path / "zarr.json").read_text())["attributes"]["ome"]["omero"]["channels"]
        return [(c["window"]["start"], c["window"]["end"]) for c in channels]
    finish([start(WORKER, deferred, tmp_path / "pixels.npy", 0, 0, 500, 600)])
    assert windows(deferred) == [(0, 65535)] * 2
    if by == "regions":
        build(deferred, "LEVEL=1-2", "PUBLISH=YES")
        assert windows(deferred) == [(plane.min(), plane.max()) for plane in LEVELS[1]]
    else:
        build(deferred, method="NEAREST", factors=[4])
        assert windows(deferred) == [(plane.min(), plane.max()) for plane in PIXELS[:, ::4, ::4]]
    copied(memory_raster(PIXELS), tmp_path / "copy.ome.zarr", "PYRAMID=DEFER", *OPTIONS)
    for _ in range(2):
        assert windows(tmp_path / "copy.ome.zarr") == [(plane.min(), plane.max()) for plane in PIXELS]
        build(tmp_path / "copy.ome.zarr", "LEVEL=1-2", "PUBLISH=YES")
