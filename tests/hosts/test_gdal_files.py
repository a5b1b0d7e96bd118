# SPDX-License-Identifier: MIT
"""Delete, Rename and CopyFiles: local folders and memory, whole or not at all, and only what is ours."""
import os
import zipfile

import numpy
import pytest
from conftest import copied, fingerprint, heard, memory_raster, open_quietly, pattern, run
from osgeo import gdal

PIXELS = pattern(2, 70, 90)
DRIVER = gdal.GetDriverByName("OMEZarr")
MEMORY = "/vsimem/test_gdal_files"


@pytest.fixture
def place(request, tmp_path):
    """A folder that is not there when the test begins: a local one or one in memory."""
    if request.param == "local":
        return str(tmp_path)
    gdal.RmdirRecursive(MEMORY)
    request.addfinalizer(lambda: gdal.RmdirRecursive(MEMORY))
    return MEMORY


everywhere = pytest.mark.parametrize("place", ["local", "memory"], indirect=True)


def made(place, name="a.ome.zarr"):
    copied(memory_raster(PIXELS), f"{place}/{name}")
    return f"{place}/{name}"


def contents(folder):
    """Every file below with its bytes, read by GDAL's own file functions."""
    out = {}
    for name in gdal.ReadDirRecursive(folder) or []:
        path = f"{folder}/{name}"
        if not name.endswith("/") and gdal.VSIStatL(path) and not gdal.VSIStatL(path).IsDirectory():
            handle = gdal.VSIFOpenL(path, "rb")
            out[name] = bytes(gdal.VSIFReadL(1, 1 << 24, handle) or b"")
            gdal.VSIFCloseL(handle)
    return out


def write(path, data=b"x"):
    handle = gdal.VSIFOpenL(path, "wb")
    gdal.VSIFWriteL(data, 1, len(data), handle)
    gdal.VSIFCloseL(handle)


def failed(call, *names):
    with heard() as said:
        assert call(*names) != gdal.CE_None
    assert len(said.errors()) == 1, said
    return said.errors()[0]


@everywhere
def test_delete(place):
    name = made(place)
    assert DRIVER.Delete(name) == gdal.CE_None
    assert not contents(name) and gdal.VSIStatL(name) is None


@everywhere
def test_rename(place):
    old = made(place)
    before = contents(old)
    assert DRIVER.Rename(f"{place}/b.ome.zarr", old) == gdal.CE_None
    assert gdal.VSIStatL(old) is None
    assert contents(f"{place}/b.ome.zarr") == before
    numpy.testing.assert_array_equal(open_quietly(f"{place}/b.ome.zarr").ReadAsArray(), PIXELS)


@everywhere
def test_copy(place):
    old = made(place)
    before = contents(old)
    assert len(before) > 3
    assert DRIVER.CopyFiles(f"{place}/b.ome.zarr", old) == gdal.CE_None
    assert contents(old) == contents(f"{place}/b.ome.zarr") == before


def test_copy_from_memory_to_a_folder_and_back(tmp_path):
    gdal.RmdirRecursive(MEMORY)
    local, memory = made(tmp_path), f"{MEMORY}/b.ome.zarr"
    assert DRIVER.CopyFiles(memory, local) == gdal.CE_None
    assert DRIVER.Rename(f"{tmp_path}/c.ome.zarr", memory) == gdal.CE_None
    assert fingerprint(f"{tmp_path}/c.ome.zarr") == fingerprint(local)
    assert gdal.VSIStatL(memory) is None
    gdal.RmdirRecursive(MEMORY)


@everywhere
def test_nothing_is_replaced(place):
    one, two = made(place, "one.ome.zarr"), made(place, "two.ome.zarr")
    before = contents(one), contents(two)
    for call in (DRIVER.Rename, DRIVER.CopyFiles):
        assert "exists" in failed(call, two, one)
    assert (contents(one), contents(two)) == before


@everywhere
def test_foreign_files_stay(place):
    """Neither the folder nor anything in it goes when something else lies at its root."""
    name = made(place)
    write(f"{name}/notes.txt")
    before = contents(name)
    for call, names in ((DRIVER.Delete, [name]), (DRIVER.Rename, [f"{place}/b.ome.zarr", name])):
        assert "notes.txt" in failed(call, *names)
    assert contents(name) == before
    assert not contents(f"{place}/b.ome.zarr")


@everywhere
def test_what_is_no_zarr_stays(place):
    gdal.Mkdir(place, 0o755)
    gdal.Mkdir(f"{place}/x.ome.zarr", 0o755)
    write(f"{place}/x.ome.zarr/0")
    for call, names in ((DRIVER.Delete, [f"{place}/x.ome.zarr"]), (DRIVER.CopyFiles, [f"{place}/b.ome.zarr", f"{place}/x.ome.zarr"])):
        assert "zarr.json" in failed(call, *names)
    assert list(contents(f"{place}/x.ome.zarr")) == ["0"]


@everywhere
def test_what_is_not_there(place):
    for call, names in ((DRIVER.Delete, [f"{place}/x.ome.zarr"]), (DRIVER.CopyFiles, [f"{place}/b.ome.zarr", f"{place}/x.ome.zarr"]),
                        (DRIVER.Rename, [f"{place}/b.ome.zarr", f"{place}/x.ome.zarr"])):
        assert "x.ome.zarr" in failed(call, *names)


def test_links_are_not_followed(tmp_path):
    name = made(tmp_path)
    os.symlink(name, tmp_path / "link.ome.zarr")
    before = fingerprint(name)
    assert "symbolic link" in failed(DRIVER.Delete, str(tmp_path / "link.ome.zarr"))
    assert fingerprint(name) == before


@everywhere
def test_nothing_is_left_of_a_copy_that_fails(place, tmp_path):
    """A zip whose chunk cannot be unpacked: its file is cut short where the directory says it is not."""
    name = tmp_path / "source.ome.zarr"
    copied(memory_raster(pattern(1, 300, 300)), name, "COMPRESS=NONE")
    archive = tmp_path / "source.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for path in sorted(name.rglob("*")):
            out.write(path, path.relative_to(tmp_path))
        chunk = max(out.infolist(), key=lambda i: i.compress_size)
    raw = bytearray(archive.read_bytes())
    start = chunk.header_offset + 30 + len(chunk.filename) + 10
    raw[start:start + chunk.compress_size // 2] = bytes(b ^ 0x5a for b in raw[start:start + chunk.compress_size // 2])
    archive.write_bytes(raw)
    target = f"{place}/target.ome.zarr"
    assert chunk.filename.split("/", 1)[1] in failed(DRIVER.CopyFiles, target, f"/vsizip/{archive}/source.ome.zarr")
    assert gdal.VSIStatL(target) is None and sorted(os.listdir(tmp_path)) == ["source.ome.zarr", "source.zip"]


def test_gdalmanage(tmp_path):
    name = made(tmp_path)
    before = fingerprint(name)
    for words in (["copy", name, tmp_path / "b.ome.zarr"], ["rename", tmp_path / "b.ome.zarr", tmp_path / "c.ome.zarr"], ["delete", name]):
        done = run("gdalmanage", *words)
        assert done.returncode == 0, done.stderr + done.stdout
    assert os.listdir(tmp_path) == ["c.ome.zarr"]
    assert fingerprint(tmp_path / "c.ome.zarr") == before


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_cancelled_copy_leaves_no_folders_in_memory(version):
    target = MEMORY + "/cancelled.tif.tst"
    source, driver = memory_raster(pattern(1, 30, 40)), gdal.GetDriverByName("OMEZarr")
    with heard():
        assert driver.CreateCopy(target, source, 0, [f"OME_VERSION={version}"], lambda part, *_: part <= 0.5) is None
    assert not gdal.ReadDirRecursive(target)
    assert driver.CreateCopy(target, source, 0, [f"OME_VERSION={version}"]) is not None
    assert driver.Delete(target) == 0


@pytest.mark.parametrize("target", ["/b.ome.zarr", "/./b.ome.zarr", "//b.ome.zarr", "/../a.ome.zarr/b.ome.zarr", ""])
@pytest.mark.parametrize("move", [DRIVER.Rename, DRIVER.CopyFiles])
def test_into_itself(target, move):
    """A copy inside its source would be removed with it, or would be a part of what is copied."""
    gdal.RmdirRecursive(MEMORY)
    gdal.Mkdir(MEMORY, 0o777)
    source = made(MEMORY)
    before = contents(MEMORY)
    with heard() as said:
        assert move(source + target, source) != 0
    assert len(said.errors()) == 1
    assert before and contents(MEMORY) == before
    gdal.RmdirRecursive(MEMORY)
