# SPDX-License-Identifier: MIT
"""An update that is killed after its pixels are there and before the levels are: the next update brings them up to date,
where that one has written and nowhere else."""
import signal
import subprocess
import sys
import textwrap

import numpy
import pytest
from conftest import VERSION, alive, copied, fingerprint, heard, memory_raster, opened, pattern, reduced, run
from osgeo import gdal

PIXELS = pattern(2, 700, 600)
WORKER = """
    import sys
    import numpy
    from osgeo import gdal
    gdal.UseExceptions()
    dataset = gdal.OpenEx(sys.argv[1], gdal.OF_UPDATE | gdal.OF_RASTER, ["OMEZarr"])
    for window in sys.argv[2:]:
        x, y, width, height = map(int, window.split(","))
        dataset.GetRasterBand(2).WriteArray(numpy.full((height, width), 50000, "uint16"), x, y)
    dataset.FlushCache()
    print("flushed", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def image(tmp_path):
    copied(memory_raster(PIXELS), tmp_path / "a.ome.zarr", "BLOCKSIZE=32", "SHARDSIZE=64", "NAME=n")
    alive.clear()
    return tmp_path / "a.ome.zarr"


def start(path, *windows):
    """A process that has flushed these windows and waits before it closes."""
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(WORKER), str(path), *windows], text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline() == "flushed\n", process.communicate()
    return process


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.communicate()


def finish(process):
    _, stderr = process.communicate("go on\n")
    assert process.returncode == 0 and stderr == "", stderr


def written(*windows):
    pixels = PIXELS.copy()
    for window in windows:
        x, y, width, height = map(int, window.split(","))
        pixels[1, y:y + height, x:x + width] = 50000
    return pixels


def levels(path):
    dataset, said = opened(path)
    assert said == []
    bands = [dataset.GetRasterBand(b + 1) for b in range(2)]
    found = [numpy.stack([b.ReadAsArray() for b in bands])]
    found += [numpy.stack([b.GetOverview(n).ReadAsArray() for b in bands]) for n in range(bands[0].GetOverviewCount())]
    alive.clear()
    return found


def assert_levels(path, pixels):
    found = levels(path)
    assert len(found) == 3
    for level in found:
        numpy.testing.assert_array_equal(level, pixels)
        pixels = reduced(pixels, (1, 2, 2))


def marks(path):
    return sorted(str(p.relative_to(path)) for p in path.rglob("ozr-update-*"))


def update(path, change=lambda dataset: None):
    """What is said by an update that writes nothing, or little."""
    with heard() as said:
        dataset = gdal.OpenEx(str(path), gdal.OF_UPDATE | gdal.OF_RASTER, ["OMEZarr"])
        change(dataset)
        dataset = None
    assert said.errors() == []
    return said.warnings()


@pytest.mark.parametrize("change", [
    lambda dataset: None,
    lambda dataset: dataset.SetMetadataItem("a", "b"),
    lambda dataset: dataset.GetRasterBand(2).WriteArray(numpy.full((9, 9), 50000, "uint16"), 105, 205),
], ids=["nothing", "metadata", "pixels"])
def test_killed(image, change):
    window = "100,200,40,30"
    kill(start(image, window))
    assert marks(image) == ["s0/image/ozr-update-0"]
    numpy.testing.assert_array_equal(levels(image)[0], written(window))
    said = update(image, change)
    assert len(said) == 1 and "interrupted" in said[0], said
    assert_levels(image, written(window))
    assert marks(image) == [] and update(image) == []


def test_killed_again(image):
    """Whoever takes over leaves as much."""
    kill(start(image, "100,200,40,30"))
    kill(start(image, "500,600,10,10"))
    assert len(marks(image)) == 2
    assert len(update(image)) == 1
    assert_levels(image, written("100,200,40,30", "500,600,10,10"))
    assert marks(image) == []


def test_levels_are_read_before_the_end(image):
    kill(start(image, "100,200,40,30"))
    with heard():
        dataset = gdal.OpenEx(str(image), gdal.OF_UPDATE | gdal.OF_RASTER, ["OMEZarr"])
    numpy.testing.assert_array_equal(dataset.GetRasterBand(2).GetOverview(0).ReadAsArray(),
                                     reduced(written("100,200,40,30"), (1, 2, 2))[1])


def test_the_living_are_left_alone(image):
    workers = [start(image, window) for window in ("0,0,10,10", "300,300,10,10", "500,100,10,10")]
    assert len(marks(image)) == 3
    assert update(image) == [] and len(marks(image)) == 3
    kill(workers[1])
    assert len(update(image)) == 1 and len(marks(image)) == 2
    numpy.testing.assert_array_equal(levels(image)[1][1, 150:155, 150:155], 50000)
    for worker in (workers[0], workers[2]):
        finish(worker)
    assert marks(image) == []
    assert_levels(image, written("0,0,10,10", "300,300,10,10", "500,100,10,10"))


def test_only_what_was_written(image):
    """Of the levels, shards outside of the box are not written again; the box does not grow with each line."""
    lines = [f"64,{y},200,1" for y in range(100, 140)]
    kill(start(image, *lines))
    text = next(image.rglob("ozr-update-*")).read_text().split()
    y, height, x, width = map(int, text[2:6])
    assert (x, width) == (64, 200) and y <= 100 and y + height >= 140 and height <= 80
    before = {k: v.stat().st_mtime_ns for k, v in ((p, p) for p in image.rglob("c/**/*")) if v.is_file()}
    update(image)
    changed = {str(p.relative_to(image)) for p, when in before.items() if p.stat().st_mtime_ns != when}
    assert "s1/image/c/1/0/0" in changed and not [c for c in changed if c.startswith("s0/") or c.split("/c/")[1].startswith("0/")]
    assert "s1/image/c/1/4/4" not in changed
    assert_levels(image, written(*lines))


@pytest.mark.parametrize("content", ["", "nonsense", "5", "0 99999999999999999999 0 5 0 5", "-1 2 3 4 5 6", "7 7 700 1 600 1"])
def test_marks_that_say_nothing(image, content):
    """It is a file: the image is opened whatever is in it."""
    (image / "s0/image/ozr-update-3").write_text(content)
    assert len(update(image)) == 1
    assert_levels(image, PIXELS)
    assert marks(image) == []


def test_levels_that_gdaladdo_built(image):
    done = run("gdaladdo", "-q", "-r", "cubic", image, 2, 4)
    assert done.returncode == 0, done.stderr
    kill(start(image, "100,200,40,30"))
    update(image)
    found = levels(image)
    done = run("gdaladdo", "-q", "-r", "cubic", image, 2, 4)
    assert done.returncode == 0, done.stderr
    for level, expected in zip(found, levels(image)):
        numpy.testing.assert_array_equal(level, expected)


def test_images_with_marks_are_ours(image, tmp_path):
    """They are copied, replaced and deleted like any other."""
    kill(start(image, "100,200,40,30"))
    driver = gdal.GetDriverByName("OMEZarr")
    assert driver.CopyFiles(str(tmp_path / "b.ome.zarr"), str(image)) == 0
    assert len(update(tmp_path / "b.ome.zarr")) == 1
    assert_levels(tmp_path / "b.ome.zarr", written("100,200,40,30"))
    copied(memory_raster(PIXELS), image, "OVERWRITE=YES", "BLOCKSIZE=32", "SHARDSIZE=64", "NAME=n")
    alive.clear()
    assert marks(image) == [] and update(image) == []
    kill(start(image, "100,200,40,30"))
    assert driver.Delete(str(image)) == 0 and not image.exists()


def test_nothing_is_left_by_images_without_levels(tmp_path):
    copied(memory_raster(PIXELS), tmp_path / "a.ome.zarr", "PYRAMID=NO")
    alive.clear()
    kill(start(tmp_path / "a.ome.zarr", "100,200,40,30"))
    assert marks(tmp_path) == [] and update(tmp_path / "a.ome.zarr") == []


@pytest.mark.skipif(VERSION < 3130000, reason="Close() cannot be cancelled before 3.13")
def test_cancelled(image):
    dataset = gdal.OpenEx(str(image), gdal.OF_UPDATE | gdal.OF_RASTER, ["OMEZarr"])
    dataset.GetRasterBand(2).WriteArray(numpy.full((30, 40), 50000, "uint16"), 100, 200)
    with heard() as said:
        assert dataset.Close(lambda *_: 0) == gdal.CE_Failure
    assert len(said.errors()) == 1
    assert len(update(image)) == 1
    assert_levels(image, written("100,200,40,30"))


def test_fingerprint_after_an_update(image):
    """One that ends well leaves nothing but its pixels."""
    before = fingerprint(image).keys()
    finish(start(image, "100,200,40,30"))
    assert fingerprint(image).keys() - before <= {".ozr-lock"}
