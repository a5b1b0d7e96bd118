# SPDX-License-Identifier: MIT
"""Zipped images, local and over HTTP: what is not in the archive is missing, what cannot be read is an error."""
import shutil
import zipfile

import numpy
import pytest
from conftest import copied, heard, memory_raster, open_quietly, opened
from http_server import served
from osgeo import gdal

PIXELS = numpy.random.default_rng(2).integers(0, 4000, (2, 700, 650), dtype="uint16")
WINDOW = (100, 300, 300, 200)
EXPECTED = PIXELS[:, 300:500, 100:400]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    source = memory_raster(PIXELS)
    copied(source, folder / "a.ome.zarr", "SHARDSIZE=512")
    copied(source, folder / "v4.ome.zarr", "OME_VERSION=0.4", "BLOCKSIZE=256")
    return folder


def packed(folder, archive, compression=zipfile.ZIP_STORED):
    """Only files: the directories of a zip are names, no more."""
    with zipfile.ZipFile(archive, "w", compression) as out:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            out.write(path, path.relative_to(folder))


def window(dataset):
    return dataset.ReadAsArray(*WINDOW)


def zipped(web, name="a.zip"):
    return f"OMEZARR:/vsizip/{{/vsicurl/{web.url}/{name}}}"


def test_archives(images, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "a"), "zip", images / "a.ome.zarr")
    shutil.copy(archive, tmp_path / "a.ozx")
    shutil.copy(archive, tmp_path / "a.ome.zarr.zip")
    for name in (tmp_path / "a.ozx", f"/vsizip/{{{tmp_path}/a.ozx}}", tmp_path / "a.ome.zarr.zip", f"/vsizip/{tmp_path}/a.ome.zarr.zip",
                 f"OMEZARR:/vsizip/{tmp_path}/a.zip"):
        numpy.testing.assert_array_equal(window(open_quietly(name)), EXPECTED)
    with served(tmp_path) as web:
        numpy.testing.assert_array_equal(window(open_quietly(f"OMEZARR:/vsizip/{{/vsicurl/{web.url}/a.ozx}}")), EXPECTED)
        numpy.testing.assert_array_equal(window(open_quietly(f"{web.url}/a.ozx")), EXPECTED)
    _, said = copied(memory_raster(EXPECTED), f"/vsizip/{tmp_path}/new.zip/a.ome.zarr", errors=1)
    assert "inside an archive" in said.errors()[0]


def test_an_archive_that_was_replaced(tmp_path):
    """Equal names, sizes and time stamps inside: what was cached of the first is not the second."""
    for fill in (1, 2):
        copied(memory_raster(numpy.full((1, 64, 64), fill, "uint8")), tmp_path / f"{fill}.ome.zarr", "COMPRESS=NONE")
    for fill in (1, 2):
        shutil.make_archive(str(tmp_path / "x"), "zip", tmp_path / f"{fill}.ome.zarr")
        shutil.move(tmp_path / "x.zip", tmp_path / "x.ozx")
        assert open_quietly(tmp_path / "x.ozx").ReadAsArray()[3, 4] == fill


# --- over HTTP ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.ome.zarr", "v4.ome.zarr"])
def test_few_requests(images, tmp_path, name):
    """The list of names is read once, not for each member."""
    packed(images / name, tmp_path / "a.zip")
    with served(tmp_path) as web:
        for form in (zipped(web), f"OMEZARR:/vsizip//vsicurl/{web.url}/a.zip"):
            web.forget()
            numpy.testing.assert_array_equal(window(open_quietly(form)), EXPECTED)
            assert len(web.requests) <= 20, web.requests


def test_in_a_folder_of_the_archive(images, tmp_path):
    packed(images, tmp_path / "all.zip", zipfile.ZIP_DEFLATED)
    with served(tmp_path) as web:
        for form in ("OMEZARR:/vsizip/{{/vsicurl/{0}/all.zip}}/v4.ome.zarr", "/vsizip//vsicurl/{0}/all.zip/a.ome.zarr",
                     'OMEZARR:"/vsizip/{{/vsicurl/{0}/all.zip}}":a.ome.zarr'):
            numpy.testing.assert_array_equal(window(open_quietly(form.format(web.url))), EXPECTED)


@pytest.mark.parametrize("form", ["zip", "zip64"])
def test_missing_members_are_missing(images, tmp_path, form, monkeypatch):
    """Also where the counts are in the record for many members."""
    if form == "zip64":
        monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    shutil.copytree(images / "a.ome.zarr", tmp_path / "x")
    shutil.rmtree(tmp_path / "x/s0/image/c/1")
    packed(tmp_path / "x", tmp_path / "a.zip")
    if form == "zip64":
        data = bytearray((tmp_path / "a.zip").read_bytes())
        assert data[-42:-38] == b"PK\6\7"
        data[-14:-2] = b"\xff" * 12  # all counts are in the other record
        (tmp_path / "a.zip").write_bytes(data)
    with served(tmp_path) as web:
        data = window(open_quietly(zipped(web)))
        _, said = opened(zipped(web) + "/nothing", errors=1)
    numpy.testing.assert_array_equal(data[0], EXPECTED[0])
    assert not data[1].any()
    assert "no zarr.json" in said.errors()[0], said


@pytest.mark.parametrize("mode", [403, 404, 500, "truncated", "wrong", "ignored"])
def test_errors_while_it_is_read(images, tmp_path, mode):
    packed(images / "a.ome.zarr", tmp_path / "a.zip")
    with served(tmp_path) as web:
        dataset = open_quietly(zipped(web), "IO_THREADS=4")
        web.modes["a.zip"] = mode
        with heard() as said:
            assert dataset.GetRasterBand(2).ReadAsArray(*WINDOW) is None
        assert len(said.errors()) == 1
        web.modes.clear()
        numpy.testing.assert_array_equal(window(dataset), EXPECTED)  # nothing of it is remembered


@pytest.mark.parametrize("mode", [403, 404, 500, "truncated"])
def test_errors_when_it_is_opened(images, tmp_path, mode):
    packed(images / "v4.ome.zarr", tmp_path / "a.zip")
    with served(tmp_path) as web:
        web.modes["a.zip"] = mode
        opened(zipped(web), errors=1)
        web.modes.clear()
        numpy.testing.assert_array_equal(window(open_quietly(zipped(web))), EXPECTED)


@pytest.mark.parametrize("damage", ["no end", "count", "names", "bytes"])
def test_damaged_lists_of_names(images, tmp_path, damage):
    """Nothing is missing because the list is wrong."""
    packed(images / "a.ome.zarr", tmp_path / "a.zip")
    data = bytearray((tmp_path / "a.zip").read_bytes())
    end = data.rfind(b"PK\5\6")
    first = int.from_bytes(data[end + 16:end + 20], "little")
    if damage == "no end":
        data[end] = 0
    elif damage == "count":
        data[end + 10] += 1
    elif damage == "names":
        data[first] = 0
    else:
        data[end + 12:end + 16] = (len(data) + 1).to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(data)
    with served(tmp_path) as web:
        _, said = opened(zipped(web), errors=1)
    assert "zarr.json" in said.errors()[0] and "archive" in said.errors()[0]


def test_replaced_on_the_server(images, tmp_path):
    """The next opening sees the new archive."""
    packed(images / "a.ome.zarr", tmp_path / "a.zip")
    copied(memory_raster(PIXELS[:, ::-1]), tmp_path / "b.ome.zarr", "SHARDSIZE=512")
    with served(tmp_path) as web:
        numpy.testing.assert_array_equal(window(open_quietly(zipped(web))), EXPECTED)
        packed(tmp_path / "b.ome.zarr", tmp_path / "a.zip")
        numpy.testing.assert_array_equal(window(open_quietly(zipped(web))), PIXELS[:, ::-1][:, 300:500, 100:400])
