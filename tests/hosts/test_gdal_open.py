# SPDX-License-Identifier: MIT
"""What is ours, what goes to GDAL's Zarr driver without a word, and how names are understood."""
import json
import os
import shutil

import numpy
import pytest
from conftest import VERSION, copied, heard, memory_raster, open_quietly, opened, pattern, run
from osgeo import gdal

PIXELS = pattern(2, 30, 40)


@pytest.fixture
def store(tmp_path):
    copied(memory_raster(PIXELS), tmp_path / "a.ome.zarr")
    return tmp_path / "a.ome.zarr"


def bare_v2(folder, pixels):
    folder.mkdir()
    (folder / ".zarray").write_text(json.dumps({
        "zarr_format": 2, "shape": pixels.shape, "chunks": pixels.shape, "dtype": pixels.dtype.str, "compressor": None,
        "fill_value": 0, "filters": None, "order": "C"}))
    (folder / ".".join("0" * pixels.ndim)).write_bytes(pixels.tobytes())
    return folder


def driver_of(name):
    with heard() as said:
        dataset = gdal.Open(str(name))
    return dataset and dataset.GetDriver().ShortName, said


@pytest.mark.parametrize("form", ["{0}", "{0}/", "OMEZARR:{0}", 'OMEZARR:"{0}"', 'OMEZARR:"{0}":', "omezarr:{0}/", "{0}/zarr.json"])
def test_names(store, form):
    dataset = open_quietly(form.format(store))
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), PIXELS)
    assert driver_of(form.format(store))[0] == "OMEZarr"


def test_name_with_a_colon_and_quotes(store, tmp_path):
    odd = tmp_path / "a:b c.zarr"
    shutil.copytree(store, odd)
    for form in ("{0}", "OMEZARR:{0}", 'OMEZARR:"{0}"'):
        numpy.testing.assert_array_equal(open_quietly(form.format(odd)).ReadAsArray(), PIXELS)


def test_relative_name(store, monkeypatch):
    monkeypatch.chdir(store.parent)
    numpy.testing.assert_array_equal(open_quietly("a.ome.zarr").ReadAsArray(), PIXELS)


def test_inner_path(store, tmp_path):
    """An image inside a larger hierarchy, and one of its levels as a bare array."""
    outer = tmp_path / "outer.zarr"
    outer.mkdir()
    (outer / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group", "attributes": {}}')
    shutil.copytree(store, outer / "images/one")
    for form in ('OMEZARR:"{0}":images/one', 'OMEZARR:"{0}":/images/one/', "OMEZARR:{0}/images/one", "{0}/images/one",
                 'OMEZARR:"{0}":images/one/s0/image'):
        numpy.testing.assert_array_equal(open_quietly(form.format(outer), "BANDS=ALL").ReadAsArray(), PIXELS)


def test_bare_array_is_ours_only_with_the_prefix(tmp_path):
    pixels = pattern(4, 5, 6)
    folder = bare_v2(tmp_path / "bare.zarr", pixels)
    assert driver_of(folder)[0] == "Zarr"
    assert driver_of(folder)[1].errors() == []
    dataset = open_quietly(f"OMEZARR:{folder}")
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), pixels)


def test_a_group_without_images_goes_to_the_zarr_driver(tmp_path):
    folder = tmp_path / "group.zarr"
    folder.mkdir()
    (folder / ".zgroup").write_text('{"zarr_format": 2}')
    bare_v2(folder / "x", pattern(5, 6))
    name, said = driver_of(folder)
    assert name == "Zarr" and list(said) == []


def test_foreign_zarr_json_is_not_ours_to_complain_about(tmp_path):
    folder = tmp_path / "broken.zarr"
    folder.mkdir()
    (folder / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group", "attrib')
    with heard() as said:
        assert gdal.OpenEx(str(folder), gdal.OF_RASTER, ["OMEZarr"]) is None
    assert list(said) == []


@pytest.mark.parametrize("name", ["broken.ome.zarr", "OMEZARR:broken.zarr"])
def test_ours_by_name_speaks(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / name.replace("OMEZARR:", "")
    folder.mkdir()
    (folder / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group", "attrib')
    done = run("gdalinfo", name)
    assert done.returncode != 0
    assert done.stderr.count("ERROR") == 1 and f"{folder.name}': zarr.json: " in done.stderr


def test_ours_by_content_speaks(store, tmp_path):
    """Metadata with multiscales, in a folder with any name, and one thing wrong in it."""
    folder = tmp_path / "plain.zarr"
    shutil.copytree(store, folder)
    text = (folder / "zarr.json").read_text()
    (folder / "zarr.json").write_text(text.replace('"s0/image"', '"../outside"'))
    _, said = opened(folder, errors=1)
    assert "../outside" in said.errors()[0]


@pytest.mark.parametrize("remove, words", [("zarr.json", "zarr.json"), ("s0/image/zarr.json", "s0/image")])
def test_missing_metadata(store, remove, words):
    (store / remove).unlink()
    _, said = opened(store, errors=1)
    assert words in said.errors()[0]


def test_absent(tmp_path):
    _, said = opened(f"OMEZARR:{tmp_path}/nothing.zarr", errors=1)
    assert "nothing.zarr" in said.errors()[0]


def test_what_is_no_store_on_other_file_systems(tmp_path):
    _, said = opened("OMEZARR:/vsimem/x.zarr", errors=1)
    assert "'/vsimem/x.zarr'" in said.errors()[0] and "zarr.json" in said.errors()[0]
    (tmp_path / "x.ozx").write_bytes(b"PK\3\4" + bytes(100))
    _, said = opened(tmp_path / "x.ozx", errors=1)
    assert "x.ozx" in said.errors()[0]


def test_ordinary_files_cost_nothing(tmp_path):
    """Opening a TIFF makes no system call on our behalf: neither its folder nor a zarr.json is looked at."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    gdal.GetDriverByName("GTiff").CreateCopy(str(tmp_path / "a.tif"), memory_raster(PIXELS)).FlushCache()
    log = tmp_path / "log"
    done = run("strace", "-f", "-e", "trace=file", "-o", log, "gdalinfo", tmp_path / "a.tif")
    assert done.returncode == 0
    assert not [line for line in log.read_text().splitlines() if "zarr.json" in line or ".zattrs" in line or ".zgroup" in line]


def test_driver_metadata():
    driver = gdal.GetDriverByName("OMEZarr")
    assert ("zarr" in driver.GetMetadataItem("DMD_EXTENSIONS").split()) == (VERSION < 3110000)
    assert "ome.zarr" in driver.GetMetadataItem("DMD_EXTENSIONS").split()
    assert driver.GetMetadataItem("DCAP_MULTIDIM_RASTER") is None
    for key in ("DMD_OPENOPTIONLIST", "DMD_CREATIONOPTIONLIST"):
        assert gdal.ParseXMLString(driver.GetMetadataItem(key)) is not None
    assert driver.GetMetadataItem("DMD_CONNECTION_PREFIX") == "OMEZARR:"


def test_hidden_driver(store):
    """GDAL_SKIP gives everything back to the built-in driver."""
    done = run("gdalinfo", "--config", "GDAL_SKIP", "OMEZarr", store)
    assert "OMEZarr" not in done.stdout


def test_files(store):
    assert open_quietly(store).GetFileList() == [str(store / "zarr.json")]
    assert os.listdir(store.parent) == ["a.ome.zarr"]


def test_corrupt_chunk(store):
    """One error with the chunk's name, and no pixels."""
    chunk = max((p for p in store.rglob("s0/image/c/*/*/*") if p.is_file()), key=lambda p: p.stat().st_size)
    raw = bytearray(chunk.read_bytes())
    raw[len(raw) // 3] ^= 0x40
    chunk.write_bytes(raw)
    dataset = open_quietly(store)
    with heard() as said:
        assert dataset.ReadAsArray() is None
    assert len(said.errors()) == 1 and str(chunk.relative_to(store / "s0/image")) in said.errors()[0]
