# SPDX-License-Identifier: MIT
"""Images in one file, read by the name of the file wherever it is; nothing that is not ours is touched."""
import concurrent.futures
import pathlib
import shutil
import zipfile

import numpy
import pytest
from conftest import copied, fingerprint, heard, memory_raster, open_quietly, opened, pattern, reduced, run
from http_server import served
from osgeo import gdal
from stores import write_array, write_image

PIXELS = pattern(2, 700, 650)
MEMORY = "/vsimem/test_gdal_zip"


def packed(folder, archive, prefix="", compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(archive, "w", compression) as out:
        for path in sorted(p for p in pathlib.Path(folder).rglob("*") if p.is_file()):
            out.write(path, prefix + str(path.relative_to(folder)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The same image as a folder and in archives of all kinds."""
    out = tmp_path_factory.mktemp("images")
    copied(memory_raster(PIXELS), out / "a.ome.zarr", "SHARDSIZE=512", "BLOCKSIZE=128")
    for name in ("a.ozx", "a.zip", "a.ome.zarr.zip", "a.bin", "a.ome.tif"):
        packed(out / "a.ome.zarr", out / name)
    packed(out / "a.ome.zarr", out / "deflated.ozx", compression=zipfile.ZIP_DEFLATED)
    packed(out / "a.ome.zarr", out / "below.zip", "a.ome.zarr/")
    return out


@pytest.fixture
def memory():
    yield MEMORY
    gdal.RmdirRecursive(MEMORY)


def check(name, files=None, driver=True):
    dataset = opened(name)[0] if driver else gdal.Open(str(name))
    assert dataset is not None and dataset.GetDriver().ShortName == "OMEZarr"
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), PIXELS)
    for b in (1, 2):
        overview = dataset.GetRasterBand(b).GetOverview(0)
        numpy.testing.assert_array_equal(overview.ReadAsArray(), reduced(PIXELS[b - 1], (2, 2)))
    assert dataset.GetFileList() == [files or str(name)]


@pytest.mark.parametrize("name", ["a.ozx", "a.zip", "a.ome.zarr.zip", "deflated.ozx", "below.zip"])
def test_by_name(folder, name):
    check(folder / name, driver=False)
    assert gdal.IdentifyDriver(str(folder / name)).ShortName == "OMEZarr"
    words = run("gdalinfo", folder / name)
    assert words.returncode == 0 and "Driver: OMEZarr/" in words.stdout, words


@pytest.mark.parametrize("name", ["a.bin", "a.ome.tif", "a.ozx"])
def test_by_prefix(folder, name):
    check(f"OMEZARR:{folder / name}", str(folder / name))
    check(f'OMEZARR:"{folder / name}"', str(folder / name))


def test_without_prefix_others_files_are_theirs(folder):
    for name in ("a.bin", "a.ome.tif"):
        with heard() as said:
            assert gdal.OpenEx(str(folder / name), gdal.OF_RASTER) is None
        assert not said.errors()


def test_what_is_not_ours_is_yielded(tmp_path):
    write_array(tmp_path / "bare", pattern(20, 30), [10, 10], "0.5")
    packed(tmp_path / "bare", tmp_path / "bare.zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as out:
        out.writestr("zarr.txt", "no")
    (tmp_path / "broken.zip").write_bytes(b"PK\3\4" + bytes(100))
    for name in ("bare.zip", "other.zip", "broken.zip"):
        for flags in (gdal.OF_RASTER, gdal.OF_RASTER | gdal.OF_UPDATE):
            with heard() as said:
                assert gdal.OpenEx(str(tmp_path / name), flags, ["OMEZarr"]) is None
            assert not said.errors(), said
            assert gdal.IdentifyDriver(str(tmp_path / name)) is None or gdal.IdentifyDriver(str(tmp_path / name)).ShortName != "OMEZarr"
    numpy.testing.assert_array_equal(open_quietly(f"OMEZARR:{tmp_path}/bare.zip").ReadAsArray(), pattern(20, 30))


def test_in_memory(folder, memory):
    data = (folder / "a.ozx").read_bytes()
    for name in (f"{memory}/x.ozx", f"{memory}/deep/er/x.zip", "/vsimem/test_gdal_zip.ozx"):
        gdal.FileFromMemBuffer(name, data)
        check(name, driver=False)
    gdal.Unlink("/vsimem/test_gdal_zip.ozx")
    check(f"/vsisubfile/0_{len(data)},{folder}/a.ozx")


def test_same_as_by_vsizip(folder):
    direct, inside = open_quietly(folder / "a.ozx"), open_quietly(f"/vsizip/{{{folder}/a.ozx}}")
    numpy.testing.assert_array_equal(direct.ReadAsArray(), inside.ReadAsArray())
    for domain in ("", "OME", "IMAGE_STRUCTURE", "json:OME"):
        assert direct.GetMetadata(domain) == inside.GetMetadata(domain)


def test_over_http(folder, tmp_path):
    shutil.copy(folder / "a.ozx", tmp_path / "a%20b.ozx")  # this server takes names as they come
    for name in ("a.zip", "a.ozx", "below.zip"):
        shutil.copy(folder / name, tmp_path)
    copied(memory_raster(PIXELS), tmp_path / "first.zip")  # zarr.json is its first entry
    with served(tmp_path) as web:
        check(f"{web.url}/a.ozx", f"/vsicurl/{web.url}/a.ozx")
        assert len(web.requests) <= 25, web.requests
        check(f"OMEZARR:/vsicurl/{web.url}/a.zip", f"/vsicurl/{web.url}/a.zip")
        check(f"OMEZARR:/vsicurl/{web.url}/below.zip", f"/vsicurl/{web.url}/below.zip")
        check(f"/vsicurl/{web.url}/first.zip")
        check(f"/vsicurl/{web.url}/a%20b.ozx")
        _, said = opened(f"{web.url}/none.ozx", errors=1)
        assert "404" in said.errors()[0] or "no such" in said.errors()[0]


def test_replaced_while_it_is_open(folder, tmp_path):
    """A handle keeps what it opened; the next one sees what is there."""
    shutil.copy(folder / "a.ozx", tmp_path)
    before = open_quietly(tmp_path / "a.ozx")
    copied(memory_raster(PIXELS + 1), tmp_path / "a.ozx", "OVERWRITE=YES", "SHARDSIZE=512")
    numpy.testing.assert_array_equal(before.ReadAsArray(), PIXELS)
    numpy.testing.assert_array_equal(open_quietly(tmp_path / "a.ozx").ReadAsArray(), PIXELS + 1)


# --- what lies deeper ---------------------------------------------------------------------------


def test_labels(tmp_path):
    source = memory_raster(PIXELS)
    copied(source, tmp_path / "a.ome.zarr")
    ids = (pattern(1, 700, 650) % 5).astype("uint8")
    copied(memory_raster(ids), f'OMEZARR:"{tmp_path}/a.ome.zarr":labels/cells')
    packed(tmp_path / "a.ome.zarr", tmp_path / "a.ozx")
    listed = open_quietly(tmp_path / "a.ozx").GetSubDatasets()
    assert [name for name, _ in listed] == [f'OMEZARR:"{tmp_path}/a.ozx":./image', f'OMEZARR:"{tmp_path}/a.ozx":labels/cells']
    numpy.testing.assert_array_equal(open_quietly(listed[1][0]).ReadAsArray(), ids[0])
    numpy.testing.assert_array_equal(open_quietly(listed[0][0]).ReadAsArray(), PIXELS)
    opened(f'OMEZARR:"{tmp_path}/a.ozx":labels/none', errors=1)


def test_many_images(tmp_path):
    images = {name: pattern(20, 30 + i).astype("uint8") for i, name in enumerate("ab")}
    for name, pixels in images.items():
        write_image(tmp_path / "all" / name, "0.5", "yx", [pixels], [1, 1])
    packed(tmp_path / "all", tmp_path / "all.zip")
    for name, pixels in images.items():
        numpy.testing.assert_array_equal(open_quietly(f'OMEZARR:"{tmp_path}/all.zip":{name}').ReadAsArray(), pixels)


def test_version_4_without_shards(tmp_path):
    write_image(tmp_path / "v4", "0.4", "czyx", [pattern(2, 3, 40, 50)], [1, 1, 1, 1])
    packed(tmp_path / "v4", tmp_path / "v4.zip")
    dataset, said = opened(tmp_path / "v4.zip", "Z=2")
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), pattern(2, 3, 40, 50)[:, 2])
    assert not said


# --- what is refused ---------------------------------------------------------------------------


def test_update_says_what_to_do(folder, tmp_path):
    before = fingerprint(folder)
    for name in (f"{folder}/a.ozx", f"{folder}/below.zip", f"OMEZARR:{folder}/a.bin"):
        with heard() as said:
            assert gdal.OpenEx(name, gdal.OF_RASTER | gdal.OF_UPDATE) is None
        assert len(said.errors()) == 1 and "never changed" in said.errors()[0] and "gdal_translate" in said.errors()[0]
    dataset = open_quietly(folder / "a.ozx")
    with heard() as said:
        assert dataset.SetGeoTransform([1, 1, 0, 1, 0, -1]) != gdal.CE_None
    assert said.errors()
    dataset.GetRasterBand(1).ComputeStatistics(False)
    del dataset
    assert fingerprint(folder) == before


@pytest.mark.parametrize("damage", ["empty", "begin", "middle", "end", "directory", "chunk"])
def test_damage_is_an_error(folder, tmp_path, damage):
    data = bytearray((folder / "a.ozx").read_bytes())
    directory = data.index(b"PK\1\2")
    with zipfile.ZipFile(folder / "a.ozx") as archive:
        chunk = archive.getinfo("s0/image/c/0/0/0")
    if damage == "directory":
        data[directory + 10] ^= 0xff
    elif damage == "chunk":
        for i in range(chunk.header_offset + 100, chunk.header_offset + 400):
            data[i] ^= 0xff
    else:
        data = data[:{"empty": 0, "begin": 10, "middle": directory // 2, "end": len(data) - 1}[damage]]
    (tmp_path / "a.ozx").write_bytes(data)
    with heard() as said:
        dataset = gdal.OpenEx(str(tmp_path / "a.ozx"), gdal.OF_RASTER | gdal.OF_VERBOSE_ERROR, ["OMEZarr"])
        pixels = None if dataset is None else dataset.ReadAsArray()
    assert pixels is None and said.errors(), said
    assert (dataset is None) == (damage not in ("chunk", "directory"))  # the first member is a chunk


def test_threads_and_many_handles(folder):
    def read(i):
        dataset = gdal.OpenEx(str(folder / "a.ozx"), gdal.OF_RASTER, ["OMEZarr"])
        x, y = 37 * i % 500, 53 * i % 600
        return (dataset.ReadAsArray(x, y, 100, 90) == PIXELS[:, y:y + 90, x:x + 100]).all()

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(200)))


# --- files ---------------------------------------------------------------------------------------


def test_file_management(folder, tmp_path):
    driver = gdal.GetDriverByName("OMEZarr")
    shutil.copy(folder / "a.ozx", tmp_path / "a.ozx")
    data = (tmp_path / "a.ozx").read_bytes()
    assert driver.CopyFiles(str(tmp_path / "b.ozx"), str(tmp_path / "a.ozx")) == gdal.CE_None
    assert (tmp_path / "b.ozx").read_bytes() == data
    assert driver.Rename(str(tmp_path / "c.ozx"), str(tmp_path / "b.ozx")) == gdal.CE_None
    assert (tmp_path / "c.ozx").read_bytes() == data and not (tmp_path / "b.ozx").exists()
    # packed and unpacked
    assert driver.CopyFiles(str(tmp_path / "d.ome.zarr"), str(tmp_path / "a.ozx")) == gdal.CE_None
    assert fingerprint(tmp_path / "d.ome.zarr") == fingerprint(folder / "a.ome.zarr")
    assert driver.CopyFiles(str(tmp_path / "e.ozx"), str(tmp_path / "d.ome.zarr")) == gdal.CE_None
    check(tmp_path / "e.ozx")
    assert zipfile.ZipFile(tmp_path / "e.ozx").testzip() is None
    for target in ("a.ozx", "d.ome.zarr"):
        with heard() as said:
            assert driver.CopyFiles(str(tmp_path / target), str(tmp_path / "c.ozx")) != gdal.CE_None
        assert "exist" in said.errors()[0]
    for name in ("a", "c", "e"):
        assert driver.Delete(str(tmp_path / f"{name}.ozx")) == gdal.CE_None
    assert [p.name for p in tmp_path.iterdir()] == ["d.ome.zarr"]


def test_only_archives_are_deleted(tmp_path):
    for name, data in (("a.ozx", b"text"), ("a.tif", b"II*\0"), ("b.zip", b"PK\5\6" + bytes(18))):
        (tmp_path / name).write_bytes(data)
        with heard() as said:
            assert gdal.GetDriverByName("OMEZarr").Delete(f"OMEZARR:{tmp_path / name}") != gdal.CE_None
        assert said.errors() and (tmp_path / name).read_bytes() == data
