# SPDX-License-Identifier: MIT
"""What goes wrong at the end: a full disk, one that is read-only by then, a user who cancels. It is said once, and
nothing is torn: the same again, when it can be done, completes the image."""
import contextlib
import os
import subprocess

import numpy
import pytest
from conftest import VERSION, alive, copied, fingerprint, heard, memory_raster, opened, pattern, reduced
from osgeo import gdal

OPTIONS = ["BLOCKSIZE=64", "SHARDSIZE=128", "COMPRESS=NONE", "NAME=n"]
PIXELS = pattern(1, 700, 600)
closes = pytest.mark.skipif(VERSION < 3130000, reason="Close() has a progress function from 3.13 on")


@pytest.fixture
def disk(tmp_path):
    """A file system of its own, of 4 MiB."""
    if os.getuid() != 0 or not os.path.exists("/proc/self/mountinfo"):
        pytest.skip("mounting a tmpfs needs root and /proc")
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip("mounting a tmpfs is not possible here: " + done.stderr.strip())
    yield folder
    alive.clear()
    subprocess.run(["umount", "-l", folder], check=True)


def remount(folder, *options):
    subprocess.run(["mount", "-o", "remount," + ",".join(options), folder], check=True)


@contextlib.contextmanager
def nobody():
    """This process may write nothing that is root's."""
    if os.getuid() != 0:
        pytest.skip("becoming somebody else needs root")
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def update(path):
    """The dataset in a list, see close()."""
    with heard() as said:
        dataset = gdal.OpenEx(str(path), gdal.OF_UPDATE | gdal.OF_RASTER, ["OMEZarr"])
    assert dataset is not None and not said, said
    return [dataset]


def create(path, size=(600, 700)):
    return [gdal.GetDriverByName("OMEZarr").Create(str(path), *size, 1, gdal.GDT_UInt16, OPTIONS)]


def close(handle, callback=None):
    """Takes the dataset out of its list: GDAL 3.6 has no Close(). What was said, and from 3.8 on what was returned."""
    dataset, rc = handle.pop(), None
    with heard() as said:
        if VERSION >= 3080000:
            rc = dataset.Close(callback) if callback else dataset.Close()
        dataset = None
    return said, rc


def assert_one_error(said, rc, words):
    assert len(said.errors()) == 1 and words in said.errors()[0], said
    if VERSION >= 3080000:
        assert rc == gdal.CE_Failure


def assert_complete(path, pixels):
    dataset, _ = opened(path)
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), pixels[0])
    numpy.testing.assert_array_equal(dataset.GetRasterBand(1).GetOverview(0).ReadAsArray(), reduced(pixels, (1, 2, 2))[0])
    alive.clear()


def write(dataset, pixels):
    with heard() as said:
        dataset[0].GetRasterBand(1).WriteArray(pixels[0])
    return said


# --- no room -------------------------------------------------------------------------------------


def test_full_disk_while_a_new_image_is_made(disk):
    dataset = create(disk / "a.ome.zarr", (3000, 3000))
    said = write(dataset, pattern(1, 3000, 3000))
    more, rc = close(dataset)
    assert_one_error(said, gdal.CE_Failure, "No space left")
    assert_one_error(more, rc, "No space left")
    assert list(disk.iterdir()) == []


def test_full_disk_at_the_end_of_an_update(disk):
    """Shards are old or new; with room, the same update completes the image."""
    path = disk / "a.ome.zarr"
    copied(memory_raster(PIXELS), path, *OPTIONS)
    alive.clear()
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    other = PIXELS + 1000
    dataset = update(path)
    said = write(dataset, other)
    more, rc = close(dataset)
    assert_one_error(said, gdal.CE_Failure, "No space left")
    assert_one_error(more, rc, "No space left")
    found = opened(path)[0].ReadAsArray()
    assert ((found == PIXELS[0]) | (found == other[0])).all()
    alive.clear()
    ballast.unlink()
    with heard():  # the interrupted one is told of
        dataset = [gdal.OpenEx(str(path), gdal.OF_UPDATE | gdal.OF_RASTER, ["OMEZarr"])]
    assert write(dataset, other) == []
    said, rc = close(dataset)
    assert said == []
    assert_complete(path, other)


# --- no right to write ----------------------------------------------------------------------------


def test_no_right_at_the_end_of_an_update(tmp_path):
    path = tmp_path / "a.ome.zarr"
    copied(memory_raster(PIXELS), path, *OPTIONS)
    alive.clear()
    before = fingerprint(path)
    dataset = update(path)
    dataset[0].GetRasterBand(1).WriteArray(numpy.zeros((5, 5), "uint16"), 100, 100)
    with nobody():
        said, rc = close(dataset)
    assert_one_error(said, rc, "Permission denied")
    assert {k: v for k, v in fingerprint(path).items() if k != ".ozr-lock" and "ozr-update" not in k} == before


def test_no_right_at_the_end_of_a_change_of_metadata(tmp_path):
    path = tmp_path / "a.ome.zarr"
    copied(memory_raster(PIXELS), path, *OPTIONS)
    alive.clear()
    before = fingerprint(path)
    dataset = update(path)
    dataset[0].SetMetadataItem("a", "b")
    with nobody():
        said, rc = close(dataset)
    assert_one_error(said, rc, "Permission denied")
    assert {k: v for k, v in fingerprint(path).items() if k != ".ozr-lock"} == before


def test_read_only_from_the_beginning(disk):
    path = disk / "a.ome.zarr"
    copied(memory_raster(PIXELS), path, *OPTIONS)
    alive.clear()
    remount(disk, "ro")
    with heard() as said:
        assert create(disk / "b.ome.zarr") == [None]
    assert len(said.errors()) == 1 and "Read-only file system" in said.errors()[0], said
    numpy.testing.assert_array_equal(opened(path)[0].ReadAsArray(), PIXELS[0])


# --- cancelled -----------------------------------------------------------------------------------


@closes
def test_progress_of_close(tmp_path):
    for dataset in create(tmp_path / "a.ome.zarr"), None:
        dataset = dataset or update(tmp_path / "a.ome.zarr")
        write(dataset, PIXELS)
        calls = []
        said, rc = close(dataset, lambda fraction, *_: calls.append(fraction) or 1)
        assert said == [] and rc == gdal.CE_None and calls == sorted(calls) and calls[-1] == 1 and len(calls) > 2
    assert_complete(tmp_path / "a.ome.zarr", PIXELS)


@closes
def test_cancelled_creation(tmp_path):
    dataset = create(tmp_path / "a.ome.zarr")
    write(dataset, PIXELS)
    said, rc = close(dataset, lambda fraction, *_: fraction < 0.5)
    assert_one_error(said, rc, "cancelled")
    assert list(tmp_path.iterdir()) == []


@closes
def test_cancelled_update(tmp_path):
    """Pixels are there; levels follow with the next update (test_gdal_unfinished.py)."""
    path, other = tmp_path / "a.ome.zarr", PIXELS + 1000
    copied(memory_raster(PIXELS), path, *OPTIONS)
    alive.clear()
    dataset = update(path)
    write(dataset, other)
    said, rc = close(dataset, lambda fraction, *_: 0)
    assert_one_error(said, rc, "cancelled")
    numpy.testing.assert_array_equal(opened(path)[0].ReadAsArray(), other[0])
