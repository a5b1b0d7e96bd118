# SPDX-License-Identifier: MIT
"""Images in an S3 server that are changed: equal to local ones; and what is left when a request fails."""
import json

import numpy
import pytest
from conftest import copied, heard, memory_raster, open_quietly, opened
from osgeo import gdal, osr
from s3_bucket import SETTINGS, Bucket, Proxy, bucket, files, proxy, same, set_for_this_thread, signed  # noqa: F401 - fixtures

PIXELS = numpy.random.default_rng(1).integers(0, 4000, (2, 700, 600), dtype="uint16")
SMALL = ("BLOCKSIZE=128", "SHARDSIZE=256")
FEW = PIXELS[:, :280, :270]  # 4 shards a band, and one of level 1
ALONE = "SINGLE_WRITER=YES"


def updated(name, *options):
    return gdal.OpenEx(name, gdal.OF_RASTER | gdal.OF_UPDATE, ["OMEZarr"], list(options))


def read(name):
    return open_quietly(name).ReadAsArray()


def every_setter(dataset):
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(32633)
    dataset.SetSpatialRef(srs)
    dataset.SetGeoTransform((500000, 10, 0, 5000000, 0, -10))
    dataset.SetMetadata({"A": "1"})
    dataset.SetMetadata({"B": "2"}, "OTHER")
    band = dataset.GetRasterBand(2)
    band.SetDescription("far red")
    band.SetNoDataValue(7)
    band.SetScale(0.5)
    band.SetOffset(-3)
    band.SetUnitType("K")
    band.SetMetadataItem("C", "3")


def changes(dataset):
    """Pixels of parts of some shards, in several steps; all that can be set."""
    band = dataset.GetRasterBand(1)
    band.WriteArray(numpy.full((30, 300), 9, "uint16"), 100, 240)
    dataset.FlushCache()
    every_setter(dataset)
    dataset.GetRasterBand(2).WriteArray(PIXELS[0, :256, :256], 0, 0)
    dataset.FlushCache()
    band.WriteArray(numpy.full((7, 5), 11, "uint16"), 590, 690)


# --- equal to local ones -----------------------------------------------------------------------


def test_update(signed, tmp_path):
    """Only what was touched is written again, each shard once; and nothing of it differs from a local one."""
    names = ["/vsis3/bucket/u.ome.zarr", str(tmp_path / "u.ome.zarr")]
    for name in names:
        copied(memory_raster(PIXELS), name, *SMALL)
    before, seen = files(signed.root / "u.ome.zarr"), len(signed.requests())
    for name in names:
        with heard() as said:
            dataset = updated(name, ALONE)
            dataset.GetRasterBand(1).WriteArray(numpy.full((30, 300), 9, "uint16"), 100, 240)
            dataset = None
        assert said == []
    after = files(signed.root / "u.ome.zarr")
    same(files(tmp_path / "u.ome.zarr"), after)
    changed = sorted("u.ome.zarr/" + key for key in after if after[key] != before.get(key))
    puts = sorted(key for operation, key in signed.requests()[seen:] if operation == "PutObject")
    assert [key for key in puts if "/c/" in key] == [key for key in changed if "/c/" in key]
    expected = PIXELS.copy()
    expected[0, 240:270, 100:400] = 9
    numpy.testing.assert_array_equal(read(names[0]), expected)


def test_all_kinds_of_changes(signed, tmp_path):
    names = ["/vsis3/bucket/k.ome.zarr", "/vsimem/test_gdal_s3/k.ome.zarr", str(tmp_path / "k.ome.zarr")]
    for name in names:
        copied(memory_raster(PIXELS), name, *SMALL)
        with heard() as said:
            dataset = updated(name, ALONE)
            changes(dataset)
            dataset = None
        assert said == []
    local = files(tmp_path / "k.ome.zarr")
    same(local, files(signed.root / "k.ome.zarr"))
    for key, data in local.items():
        handle = gdal.VSIFOpenL(f"{names[1]}/{key}", "rb")
        stored = bytes(gdal.VSIFReadL(1, 1 << 26, handle))
        gdal.VSIFCloseL(handle)
        same({key: stored}, {key: data})
    dataset = open_quietly(names[0])
    assert dataset.GetGeoTransform() == (500000, 10, 0, 5000000, 0, -10) and dataset.GetMetadataItem("A") == "1"
    assert (dataset.GetRasterBand(2).GetNoDataValue(), dataset.GetRasterBand(2).GetUnitType()) == (7, "K")
    gdal.RmdirRecursive("/vsimem/test_gdal_s3")


@pytest.mark.parametrize("option", ["PYRAMID=AUTO", "PYRAMID=NO", "OME_VERSION=0.4"])
def test_create(signed, tmp_path, option):
    """Who makes an image is alone with it until it is closed."""
    names = ["/vsis3/bucket/n.ome.zarr", str(tmp_path / "n.ome.zarr")]
    for name in names:
        with heard() as said:
            chosen = [option, "OVERWRITE=YES"] + (["BLOCKSIZE=128"] if "0.4" in option else list(SMALL))
            dataset = gdal.GetDriverByName("OMEZarr").Create(name, 600, 700, 2, gdal.GDT_UInt16, chosen)
            for i in (0, 1):
                dataset.GetRasterBand(i + 1).WriteArray(PIXELS[i])
            changes(dataset)
            dataset = None
        assert said == []
    same(files(tmp_path / "n.ome.zarr"), files(signed.root / "n.ome.zarr"))
    numpy.testing.assert_array_equal(read(names[0]), read(names[1]))


def test_overviews(signed, tmp_path):
    names = ["/vsis3/bucket/o.ome.zarr", str(tmp_path / "o.ome.zarr")]
    for name in names:
        copied(memory_raster(PIXELS), name, *SMALL, "PYRAMID=NO")
        dataset = updated(name, ALONE)
        assert dataset.BuildOverviews("CUBIC", [2, 4]) == gdal.CE_None
        dataset = None
    same(files(tmp_path / "o.ome.zarr"), files(signed.root / "o.ome.zarr"))


# --- without locks -----------------------------------------------------------------------------


def test_who_is_not_alone_is_refused(signed):
    copied(memory_raster(PIXELS), "/vsis3/bucket/l.ome.zarr", *SMALL)
    before = files(signed.root / "l.ome.zarr")
    for options in ([], ["SINGLE_WRITER=NO"]):
        with heard() as said:
            assert updated("/vsis3/bucket/l.ome.zarr", *options) is None
        assert len(said) == 1 and "SINGLE_WRITER" in said.errors()[0] and "no locks" in said.errors()[0]
    assert files(signed.root / "l.ome.zarr") == before
    set_for_this_thread({"OMEZARR_SINGLE_WRITER": "YES"})
    assert updated("/vsis3/bucket/l.ome.zarr") is not None
    set_for_this_thread({"OMEZARR_SINGLE_WRITER": None})


def test_many_writers_write_whole_shards(signed):
    """Parts of a shard, stored or not, are refused: another one's part would be lost."""
    name = "/vsis3/bucket/many.ome.zarr"
    options = [*SMALL, "PYRAMID=DEFER"]
    made = gdal.GetDriverByName("OMEZarr").Create(name, 600, 700, 2, gdal.GDT_UInt16, options)
    made = None
    for x in (0, 256):
        dataset = updated(name)
        dataset.GetRasterBand(1).WriteArray(PIXELS[0, :256, x:x + 256], x, 0)
        with heard() as said:
            dataset = None
        assert said == []
    before = files(signed.root / "many.ome.zarr")
    for x in (0, 512):  # one that is there, one that is not
        dataset = updated(name)
        with heard() as said:
            dataset.GetRasterBand(1).WriteArray(PIXELS[0, 300:310, :10] if x else PIXELS[0, :10, :10], x, 300 if x else 0)
            dataset = None
        assert len(said.errors()) == 1 and "lock" in said.errors()[0], said
    assert files(signed.root / "many.ome.zarr") == before
    expected = numpy.zeros_like(PIXELS)
    expected[0, :256, :512] = PIXELS[0, :256, :512]
    numpy.testing.assert_array_equal(read(name), expected)


# --- requests that fail ------------------------------------------------------------------------


@pytest.mark.parametrize("status", [500, 403, None])
def test_a_copy_that_fails(proxy, signed, status):
    """Whichever request it is: one error, and nothing that looks like an image."""
    name = "/vsis3/bucket/f.ome.zarr"
    for n in range(1, 60):
        proxy.reset("PUT", n, status)
        with heard() as said:
            dataset = gdal.GetDriverByName("OMEZarr").CreateCopy(name, memory_raster(FEW), 0, [*SMALL, "OVERWRITE=YES"])
        if dataset is not None:
            break
        assert len(said.errors()) == 1, said
        assert files(signed.root / "f.ome.zarr") == {}, n
        opened(f"OMEZARR:{name}", errors=1)
    assert n > 10 and len(proxy.seen) == n - 1 and said == []
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), FEW)


def stages(expected):
    """What a pixel may be while an update is under way: before and after."""
    after = expected.copy()
    after[0, 240:270, 100:262] = 9
    after[1, :128, :128] = expected[0, :128, :128]
    return expected, after


@pytest.mark.parametrize("status", [500, None])
def test_an_update_that_fails(proxy, signed, status):
    """One error; the image is whole, each of its pixels the old or the new one; the next update mends it."""
    name = "/vsis3/bucket/g.ome.zarr"
    old, new = stages(FEW)
    for n in range(1, 60):
        proxy.reset("PUT", 0, status)
        copied(memory_raster(FEW), name, *SMALL, "OVERWRITE=YES")
        proxy.reset("PUT", n, status)
        with heard() as said:
            dataset = updated(f"OMEZARR:{name}", ALONE)
            dataset.GetRasterBand(1).WriteArray(new[0, 240:270, 100:262], 100, 240)
            dataset.GetRasterBand(2).WriteArray(new[1, :128, :128], 0, 0)
            dataset.SetMetadataItem("A", "1")
            dataset = None
        got = open_quietly(name)
        pixels = got.ReadAsArray()
        assert ((pixels == old) | (pixels == new)).all()
        assert got.GetRasterBand(1).GetOverview(0).ReadAsArray() is not None
        if said == []:
            break
        assert len(said.errors()) == 1, said
    assert n > 4
    numpy.testing.assert_array_equal(pixels, new)
    assert got.GetMetadataItem("A") == "1"


def test_a_server_that_dies(tmp_path, signed):
    """In the midst of a copy and of an update: one error each, in finite time."""
    mortal = Bucket(tmp_path / "s3")
    proxy = Proxy(mortal)
    set_for_this_thread({"AWS_S3_ENDPOINT": proxy.endpoint})
    copied(memory_raster(FEW), "/vsis3/bucket/a.ome.zarr", *SMALL)
    dataset = updated("/vsis3/bucket/a.ome.zarr", ALONE)
    reader = open_quietly("/vsis3/bucket/a.ome.zarr")

    def before(verb, path):
        if verb == "PUT" and "c/0/1" in path:
            mortal.kill()
        return None if mortal.process.poll() is not None else 0
    proxy.before = before
    copied(memory_raster(FEW), "/vsis3/bucket/b.ome.zarr", *SMALL, errors=1)
    assert not (mortal.root / "b.ome.zarr/zarr.json").exists()
    with heard() as said:
        assert dataset.GetRasterBand(1).WriteArray(FEW[1]) != gdal.CE_None
    assert len(said.errors()) == 1, said
    with heard() as said:
        dataset = None  # the levels cannot follow what may have been written
    assert len(said.errors()) == 1, said
    with heard() as said:
        assert reader.ReadAsArray() is None
    assert len(said.errors()) == 1, said
    proxy.close()
    assert json.loads((mortal.root / "a.ome.zarr/zarr.json").read_text())["node_type"] == "group"


@pytest.mark.parametrize("what", ["copy", "rename"])
def test_management_that_fails(proxy, signed, what):
    """The source is whole until the target is."""
    driver = gdal.GetDriverByName("OMEZarr")
    one, two = (f"/vsis3/bucket/{what}{i}.ome.zarr" for i in "12")
    from_folder, to_folder = (signed.root / f"{what}{i}.ome.zarr" for i in "12")
    copied(memory_raster(FEW[:1]), one, *SMALL)
    before = files(from_folder)
    for n in range(1, 60):
        proxy.reset("PUT", n, 500)
        with heard() as said:
            done = (driver.CopyFiles if what == "copy" else driver.Rename)(two, one) == gdal.CE_None
        if done:
            break
        assert len(said.errors()) == 1, said
        assert files(from_folder) == before and files(to_folder) == {}
    assert n == len(before) + 1 and files(to_folder) == before
    assert files(from_folder) == (before if what == "copy" else {})


def test_a_deletion_that_fails(proxy, signed):
    """It can be done again, and what is left does not look like an image."""
    driver = gdal.GetDriverByName("OMEZarr")
    copied(memory_raster(FEW[:1]), "/vsis3/bucket/d.ome.zarr", *SMALL)
    proxy.reset("DELETE", 5, 500, lasts=True)
    with heard() as said:
        assert driver.Delete("/vsis3/bucket/d.ome.zarr") != gdal.CE_None
    assert len(said.errors()) == 1, said
    assert files(signed.root / "d.ome.zarr") != {}
    opened("OMEZARR:/vsis3/bucket/d.ome.zarr", errors=1)
