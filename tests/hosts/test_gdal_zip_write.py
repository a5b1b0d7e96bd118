# SPDX-License-Identifier: MIT
"""Images written into one file: it is there when it is whole, and what was there stays until then."""
import json
import os
import pathlib
import sys
import zipfile

import numpy
import pytest
from conftest import VERSION, alive, copied, heard, memory_raster, open_quietly, opened, pattern, reduced, run
from osgeo import gdal, osr

PIXELS = pattern(2, 700, 650)
DRIVER = gdal.GetDriverByName("OMEZarr")
MEMORY = "/vsimem/test_gdal_zip_write"


@pytest.fixture(autouse=True)
def memory():
    yield
    gdal.RmdirRecursive(MEMORY)


def names(folder):
    return sorted(p.name for p in pathlib.Path(folder).iterdir())


def check(name, pixels=PIXELS):
    dataset = open_quietly(name)
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), pixels)
    numpy.testing.assert_array_equal(dataset.GetRasterBand(1).GetOverview(0).ReadAsArray(), reduced(pixels[0], (2, 2)))
    return dataset


def check_rfc9(path):
    """The rules of RFC-9 that can be seen with Python's zipfile."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        listed = [info.filename for info in archive.infolist()]
        assert listed[0] == "zarr.json" and len(set(listed)) == len(listed)
        documents = [name.endswith("zarr.json") for name in listed]
        assert documents == sorted(documents, reverse=True)
        assert all(info.compress_type == zipfile.ZIP_STORED for info in archive.infolist())
        comment = json.loads(archive.comment)
        assert comment == {"ome": {"version": "0.5", "zipFile": {"centralDirectory": {"jsonFirst": True}}}}
        assert json.loads(archive.read("zarr.json"))["attributes"]["ome"]["version"] == "0.5"


# --- copies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.ozx", "a.zip", "a.ome.zarr.zip"])
def test_copy(tmp_path, name):
    dataset, said = copied(memory_raster(PIXELS), tmp_path / name, "BLOCKSIZE=128")
    assert not said and dataset.GetFileList() == [str(tmp_path / name)] and dataset.GetMetadata("OME")["NAME"] == "a"
    assert names(tmp_path) == [name]
    check(tmp_path / name)
    check_rfc9(tmp_path / name)


def test_copy_by_program(tmp_path):
    source = gdal.GetDriverByName("GTiff").CreateCopy(str(tmp_path / "a.tif"), memory_raster(PIXELS))
    del source
    words = run("gdal_translate", "-q", "-of", "OMEZarr", tmp_path / "a.tif", tmp_path / "b.ozx")
    assert words.returncode == 0 and not words.stderr, words
    check(tmp_path / "b.ozx")
    assert "ozx" in DRIVER.GetMetadataItem("DMD_EXTENSIONS").split()


def test_versions(tmp_path):
    source = memory_raster(PIXELS)
    copied(source, tmp_path / "a.ome.zarr.zip", "OME_VERSION=0.4")
    check(tmp_path / "a.ome.zarr.zip")
    with zipfile.ZipFile(tmp_path / "a.ome.zarr.zip") as archive:
        assert ".zattrs" in archive.namelist() and archive.comment == b""
    _, said = copied(source, tmp_path / "a.ozx", "OME_VERSION=0.4", errors=1)
    assert "0.5" in said.errors()[0]
    _, said = copied(source, tmp_path / "a.ozx", "PYRAMID=DEFER", errors=1)
    assert "DEFER" in said.errors()[0]
    assert names(tmp_path) == ["a.ome.zarr.zip"]


def test_into_memory():
    for name in (f"{MEMORY}/a.ozx", f"{MEMORY}/deep/er/b.zip"):
        copied(memory_raster(PIXELS), name)
        check(name)
    _, said = copied(memory_raster(PIXELS), f"{MEMORY}/a.ozx", errors=1)
    assert "OVERWRITE" in said.errors()[0]


def test_georeferencing_is_kept(tmp_path):
    source = memory_raster(PIXELS)
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(32632)
    source.SetSpatialRef(srs)
    source.SetGeoTransform([400000, 10, 0, 5000000, 0, -10])
    source.GetRasterBand(1).SetDescription("first")
    copied(source, tmp_path / "a.ozx")
    dataset = check(tmp_path / "a.ozx")
    assert dataset.GetGeoTransform() == (400000, 10, 0, 5000000, 0, -10)
    assert dataset.GetSpatialRef().IsSame(srs) and dataset.GetRasterBand(1).GetDescription() == "first"


def test_overwriting(tmp_path):
    copied(memory_raster(PIXELS), tmp_path / "a.ozx")
    before = (tmp_path / "a.ozx").read_bytes()
    alive.clear()
    _, said = copied(memory_raster(PIXELS + 1), tmp_path / "a.ozx", errors=1)
    assert "OVERWRITE=YES" in said.errors()[0]
    for stop in (0.0, 0.5, 0.98):
        copied(memory_raster(PIXELS + 1), tmp_path / "a.ozx", "OVERWRITE=YES", errors=1,
               callback=lambda done, *_: 0 if done >= stop else 1)
        assert (tmp_path / "a.ozx").read_bytes() == before and names(tmp_path) == ["a.ozx"]
    copied(memory_raster(PIXELS + 1), tmp_path / "a.ozx", "OVERWRITE=YES")
    check(tmp_path / "a.ozx", PIXELS + 1)
    (tmp_path / "b.zip").write_bytes(b"something else")
    _, said = copied(memory_raster(PIXELS), tmp_path / "b.zip", "OVERWRITE=YES", errors=1)
    assert (tmp_path / "b.zip").read_bytes() == b"something else"
    # onto itself
    copied(open_quietly(tmp_path / "a.ozx"), tmp_path / "a.ozx", "OVERWRITE=YES", "BLOCKSIZE=64")
    check(tmp_path / "a.ozx", PIXELS + 1)


def test_deleting(tmp_path):
    """GDAL 3.6 asks for it in the same way before a copy, so there the archive stays, which is said."""
    for name in ("a.ozx", "b.ozx", "c.ozx"):
        copied(memory_raster(PIXELS), tmp_path / name)
    with heard() as said:
        assert gdal.GetDriverByName("OMEZarr").Delete(str(tmp_path / "a.ozx")) == 0
    assert not said and names(tmp_path) == ["b.ozx", "c.ozx"]
    done = run("gdalmanage", "delete", tmp_path / "b.ozx")
    with heard() as said:
        driver = gdal.IdentifyDriver(str(tmp_path / "c.ozx"))
        deleted = driver.Delete(str(tmp_path / "c.ozx")) == 0
    if VERSION < 3070000:
        assert "is not deleted" in done.stderr and not deleted and "is not deleted" in said.warnings()[0]
        assert names(tmp_path) == ["b.ozx", "c.ozx"]
    else:
        assert done.returncode == 0 and not done.stderr and deleted and not said and names(tmp_path) == []


def test_cancelled(tmp_path):
    for stop in (0.0, 0.5, 0.98):
        copied(memory_raster(PIXELS), tmp_path / "a.ozx", errors=1, callback=lambda done, *_: 0 if done >= stop else 1)
        assert names(tmp_path) == []


@pytest.mark.parametrize("way", ["copy", "create"])
def test_full_disk(tmp_path, way):
    """As far as a limit of the size of files is one."""
    script = f"""
import resource, signal, sys, numpy
from osgeo import gdal
gdal.DontUseExceptions()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (500000, 500000))
pixels = numpy.random.default_rng(1).integers(0, 60000, (1000, 1000)).astype("uint16")
source = gdal.GetDriverByName("MEM").Create("", 1000, 1000, 1, gdal.GDT_UInt16)
source.WriteArray(pixels)
driver = gdal.GetDriverByName("OMEZarr")
if {way == "copy"}:
    made = driver.CreateCopy("{tmp_path}/a.ozx", source)
    sys.exit(made is not None)
made = driver.Create("{tmp_path}/a.ozx", 1000, 1000, 1, gdal.GDT_UInt16)
made.WriteArray(pixels)
made = None
sys.exit(gdal.GetLastErrorType() < gdal.CE_Failure)
"""
    words = run(sys.executable, "-c", script)
    assert words.returncode == 0 and "ERROR" in words.stderr, words
    assert names(tmp_path) == []


def test_whole_images(tmp_path):
    """All axes, both ways."""
    from stores import write_image
    volume = pattern(2, 3, 40, 50)
    write_image(tmp_path / "v.ome.zarr", "0.5", "czyx", [volume], [1, 2, 1, 1])
    copied(opened(tmp_path / "v.ome.zarr")[0], tmp_path / "v.ozx")
    check_rfc9(tmp_path / "v.ozx")
    copied(opened(tmp_path / "v.ozx")[0], tmp_path / "w.ome.zarr")
    for name in ("v.ozx", "w.ome.zarr"):
        for z in range(3):
            numpy.testing.assert_array_equal(open_quietly(tmp_path / name, f"Z={z}").ReadAsArray(), volume[:, z])


def test_labels_come_along(tmp_path):
    copied(memory_raster(PIXELS), tmp_path / "a.ome.zarr")
    ids = (pattern(1, 700, 650) % 5).astype("uint8")
    copied(memory_raster(ids), f'OMEZARR:"{tmp_path}/a.ome.zarr":labels/cells')
    _, said = copied(open_quietly(tmp_path / "a.ome.zarr"), tmp_path / "a.ozx")
    assert not said
    numpy.testing.assert_array_equal(open_quietly(f'OMEZARR:"{tmp_path}/a.ozx":labels/cells').ReadAsArray(), ids[0])
    check_rfc9(tmp_path / "a.ozx")
    _, said = copied(memory_raster(ids), f'OMEZARR:"{tmp_path}/a.ozx":labels/more', errors=1)
    assert "never changed" in said.errors()[0]


def test_read_only(tmp_path):
    copied(memory_raster(PIXELS), tmp_path / "a.ozx")
    copied(memory_raster(PIXELS), tmp_path / "b.ozx", "READ_ONLY=YES")
    assert os.stat(tmp_path / "a.ozx").st_mode & 0o222 and not os.stat(tmp_path / "b.ozx").st_mode & 0o222
    copied(memory_raster(PIXELS + 1), tmp_path / "b.ozx", "OVERWRITE=YES")
    check(tmp_path / "b.ozx", PIXELS + 1)
    _, said = copied(memory_raster(PIXELS), tmp_path / "c.ome.zarr", "READ_ONLY=YES", errors=1)
    assert "archives" in said.errors()[0]


# --- Create() -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.ozx", "a.zip", MEMORY + "/a.ozx"])
def test_create(tmp_path, name):
    path = name if name.startswith("/vsimem") else str(tmp_path / name)
    dataset = DRIVER.Create(path, 650, 700, 2, gdal.GDT_UInt16)
    dataset.SetGeoTransform([5, 1, 0, 7, 0, -1])
    dataset.GetRasterBand(2).WriteArray(PIXELS[1])
    dataset.FlushCache()
    assert gdal.VSIStatL(path) is None
    dataset.GetRasterBand(1).WriteArray(PIXELS[0] + 1)
    dataset.GetRasterBand(1).WriteArray(PIXELS[0])
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), PIXELS)
    with heard() as said:
        assert dataset.BuildOverviews("NEAREST", [2]) != gdal.CE_None
        assert dataset.GetRasterBand(1).CreateMaskBand(gdal.GMF_PER_DATASET) != gdal.CE_None or gdal.VSIStatL(path + ".msk") is None
    assert "closed" in said.errors()[0]
    dataset = None
    assert check(path).GetGeoTransform() == (5, 1, 0, 7, 0, -1)
    if path.startswith(str(tmp_path)):
        assert names(tmp_path) == [name]
        check_rfc9(path)


def test_create_and_copy_before_it_is_closed(tmp_path):
    dataset = DRIVER.Create(str(tmp_path / "a.ozx"), 650, 700, 2, gdal.GDT_UInt16)
    dataset.WriteArray(PIXELS)
    copied(dataset, tmp_path / "b.ozx")
    check(tmp_path / "b.ozx")


def test_create_over_another(tmp_path):
    copied(memory_raster(PIXELS + 1), tmp_path / "a.ozx")
    alive.clear()
    if VERSION < 3120000:
        with heard() as said:
            assert DRIVER.Create(str(tmp_path / "a.ozx"), 650, 700, 2, gdal.GDT_UInt16) is None
        assert "OVERWRITE" in said.errors()[0]
        check(tmp_path / "a.ozx", PIXELS + 1)
        alive.clear()
    dataset = DRIVER.Create(str(tmp_path / "a.ozx"), 650, 700, 2, gdal.GDT_UInt16, ["OVERWRITE=YES"])
    dataset.WriteArray(PIXELS)
    dataset = None
    check(tmp_path / "a.ozx")
    assert names(tmp_path) == ["a.ozx"]


def test_killed(tmp_path):
    """The next one removes what a process has left that came to its end too early."""
    script = f"""
import os
from osgeo import gdal
dataset = gdal.GetDriverByName("OMEZarr").Create("{tmp_path}/a.ozx", 650, 700, 2, gdal.GDT_UInt16)
dataset.GetRasterBand(1).Fill(3)
dataset.FlushCache()
os._exit(0)
"""
    assert run(sys.executable, "-c", script).returncode == 0
    assert "a.ozx" not in names(tmp_path)
    dataset = DRIVER.Create(str(tmp_path / "a.ozx"), 650, 700, 2, gdal.GDT_UInt16)
    dataset.WriteArray(PIXELS)
    dataset = None
    check(tmp_path / "a.ozx")
    assert names(tmp_path) == ["a.ozx"]


def test_warp(tmp_path):
    source = memory_raster(PIXELS)
    source.SetGeoTransform([0, 1, 0, 700, 0, -1])
    made = gdal.Warp(str(tmp_path / "a.ozx"), source, format="OMEZarr", srcSRS="EPSG:32632", dstSRS="EPSG:32632")
    assert made is not None
    made = None
    check(tmp_path / "a.ozx")
