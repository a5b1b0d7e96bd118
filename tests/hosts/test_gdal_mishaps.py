# SPDX-License-Identifier: MIT
"""What goes wrong around a dataset that is written: errors instead of crashes, and nothing is lost."""
import json
import subprocess
import sys

import numpy
import pytest
from conftest import VERSION, alive, heard, opened
from osgeo import gdal

DRIVER = gdal.GetDriverByName("OMEZarr")


def made(path, size, value, *options):
    dataset = DRIVER.Create(str(path), size, size, 1, gdal.GDT_Byte, list(options))
    assert dataset.GetRasterBand(1).Fill(value) == 0


def test_image_that_could_not_be_created(tmp_path):
    """Somebody takes the name before the first pixel: every call fails with one error, none crashes."""
    path = tmp_path / "a.ome.zarr"
    dataset = DRIVER.Create(str(path), 700, 600, 1, gdal.GDT_Byte)
    assert dataset.SetGeoTransform((1, 2, 0, 3, 0, -2)) == 0
    band = dataset.GetRasterBand(1)
    overview = band.GetOverview(0)
    band.SetNoDataValue(5)  # the empty image is made anew with it
    path.mkdir()
    (path / "mine").write_text("x")
    with heard() as said:
        assert band.WriteArray(numpy.ones((600, 700), "uint8")) != 0
    assert len(said.errors()) == 1 and "exists" in said.errors()[0]
    calls = [lambda: band.WriteArray(numpy.ones((600, 700), "uint8")), lambda: band.SetNoDataValue(7), band.DeleteNoDataValue,
             lambda: band.SetColorInterpretation(gdal.GCI_RedBand), lambda: dataset.SetGeoTransform((1, 1, 0, 2, 0, -1)),
             lambda: dataset.BuildOverviews("NEAREST", [2])]
    for call in calls:
        with heard() as said:
            assert call() != 0
        assert len(said.errors()) == 1 and "could not be created" in said.errors()[0]
    with heard() as said:
        assert DRIVER.CreateCopy(str(tmp_path / "b.ome.zarr"), dataset) is None
    assert len(said.errors()) == 1
    for look in (band, overview):
        with heard() as said:
            assert look.ReadAsArray() is None
        assert len(said.errors()) >= 1
    with heard() as said:
        dataset.SetMetadataItem("a", "b")
        band.SetDescription("c")
        assert dataset.GetGeoTransform() == (1, 2, 0, 3, 0, -2)
        assert band.GetOverview(0) is None
        dataset = band = None
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.ome.zarr"]
    assert [entry.name for entry in path.iterdir()] == ["mine"]


def test_mask_of_a_new_image(tmp_path):
    """GDAL keeps masks beside images that have no levels: the commit must not take it for an old one's."""
    path = tmp_path / "a.ome.zarr"
    dataset = DRIVER.Create(str(path), 64, 64, 1, gdal.GDT_Byte, ["LEVELS=1"])
    mask = numpy.zeros((64, 64), "uint8")
    mask[:, 20:] = 255
    assert dataset.CreateMaskBand(gdal.GMF_PER_DATASET) == 0
    assert dataset.GetRasterBand(1).GetMaskBand().WriteArray(mask) == 0
    assert dataset.GetRasterBand(1).WriteArray(mask // 2) == 0
    dataset = None
    dataset, _ = opened(path)
    band = dataset.GetRasterBand(1)
    assert band.GetMaskFlags() == gdal.GMF_PER_DATASET
    numpy.testing.assert_array_equal(band.GetMaskBand().ReadAsArray(), mask)
    numpy.testing.assert_array_equal(band.ReadAsArray(), mask // 2)


@pytest.mark.parametrize("work", ["dataset.GetRasterBand(1).Fill(3)", "dataset.FlushCache()", "dataset.GetMetadataItem('X', 'OZR_STATS')", "pass"])
def test_driver_that_is_deregistered(tmp_path, work):
    code = f"""
from osgeo import gdal
driver = gdal.GetDriverByName("OMEZarr")
dataset = driver.Create({str(tmp_path / "a.ome.zarr")!r}, 64, 64, 1, gdal.GDT_Byte)
driver.Deregister()
{work}
dataset = None
driver.Register()
assert gdal.OpenEx({str(tmp_path / "a.ome.zarr")!r}, gdal.OF_RASTER, ["OMEZarr"]).RasterXSize == 64
"""
    done = subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_metadata_given_back(tmp_path):
    """What a getter gave may be what a setter gets (GDAL's programs in C do that)."""
    import ctypes
    from osgeo import _gdal
    lib = ctypes.CDLL(_gdal.__file__)  # which is linked with GDAL
    for name, restype, argtypes in (("GDALOpen", ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_int]), ("GDALClose", None, [ctypes.c_void_p]),
                                    ("GDALGetMetadata", ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p]),
                                    ("GDALSetMetadata", ctypes.c_int, [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p]),
                                    ("GDALGetRasterBand", ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_int]),
                                    ("GDALGetRasterUnitType", ctypes.c_void_p, [ctypes.c_void_p]),
                                    ("GDALSetRasterUnitType", ctypes.c_int, [ctypes.c_void_p, ctypes.c_void_p])):
        function = getattr(lib, name)
        function.restype, function.argtypes = restype, argtypes
    path = tmp_path / "a.ome.zarr"
    dataset = DRIVER.Create(str(path), 64, 64, 2, gdal.GDT_Byte)
    items = {f"KEY_{i}": "value " * 20 + str(i) for i in range(50)}
    dataset.SetMetadata(items)
    dataset.GetRasterBand(1).SetMetadata(items)
    dataset.GetRasterBand(1).SetUnitType("m")
    dataset = None
    handle = lib.GDALOpen(str(path).encode(), gdal.GA_Update)
    bands = [lib.GDALGetRasterBand(handle, i) for i in (1, 2)]
    assert lib.GDALSetMetadata(handle, lib.GDALGetMetadata(handle, None), None) == 0
    assert lib.GDALSetMetadata(bands[0], lib.GDALGetMetadata(bands[0], None), None) == 0
    assert lib.GDALSetMetadata(bands[1], lib.GDALGetMetadata(bands[0], None), None) == 0
    assert lib.GDALSetRasterUnitType(bands[1], lib.GDALGetRasterUnitType(bands[0])) == 0
    lib.GDALClose(handle)
    dataset, _ = opened(path)
    assert dataset.GetMetadata() == items
    for i in (1, 2):
        assert dataset.GetRasterBand(i).GetMetadata() == items
        assert dataset.GetRasterBand(i).GetUnitType() == "m"


@pytest.mark.parametrize("overviews", ["AUTO", "FORCE_USE_EXISTING", "IGNORE_EXISTING"])
def test_copy_of_what_is_being_written(tmp_path, overviews):
    """The copy has the pixels written last, in all its levels, though the source is still open."""
    made(tmp_path / "a.ome.zarr", 1024, 10, "BLOCKSIZE=256", "LEVELS=3")
    dataset = gdal.OpenEx(str(tmp_path / "a.ome.zarr"), gdal.OF_RASTER | gdal.OF_UPDATE)
    assert dataset.GetRasterBand(1).WriteArray(numpy.full((1024, 1024), 99, "uint8")) == 0
    copy = DRIVER.CreateCopy(str(tmp_path / "b.ome.zarr"), dataset, options=["OVERVIEWS=" + overviews])
    band = copy.GetRasterBand(1)
    assert band.GetOverviewCount() == 2
    for level in (band, band.GetOverview(0), band.GetOverview(1)):
        assert set(level.ReadAsArray().flat) == {99}


@pytest.mark.parametrize("overviews", ["AUTO", "FORCE_USE_EXISTING", "IGNORE_EXISTING"])
def test_copy_without_levels_nobody_has_built(tmp_path, overviews):
    made(tmp_path / "a.ome.zarr", 1024, 10, "BLOCKSIZE=256", "PYRAMID=DEFER")
    source, _ = opened(tmp_path / "a.ome.zarr")
    copy = DRIVER.CreateCopy(str(tmp_path / "b.ome.zarr"), source, options=["OVERVIEWS=" + overviews])
    band = copy.GetRasterBand(1)
    assert band.GetOverviewCount() == (0 if overviews == "FORCE_USE_EXISTING" else 2)
    for i in range(band.GetOverviewCount()):
        assert set(band.GetOverview(i).ReadAsArray().flat) == {10}


@pytest.mark.parametrize("by", ["itself", "VRT"])
def test_copy_onto_its_source_in_memory(by):
    """There the old image is removed before the new one is written."""
    name = "/vsimem/test_gdal_mishaps.ome.zarr"
    made(name, 100, 7)
    source = gdal.Open(name)
    if by == "VRT":
        source = gdal.Translate("", source, format="VRT")
    with heard() as said:
        assert DRIVER.CreateCopy("/vsimem/./test_gdal_mishaps.ome.zarr", source, options=["OVERWRITE=YES"]) is None
    assert len(said.errors()) == 1 and "the source is there" in said.errors()[0]
    source = None
    assert set(gdal.Open(name).ReadAsArray().flat) == {7}
    assert DRIVER.Delete(name) == 0


@pytest.mark.parametrize("way", ["direct", "by way of GDAL's cache"])
def test_full_disk(tmp_path, way):
    """A new image that lacks pixels does not take the place of the old one, whenever that is found."""
    made(tmp_path / "a.ome.zarr", 300, 7)
    write = "band.WriteArray(pixels)" if way == "direct" else "band.WriteRaster(0, 0, 1024, 1024, pixels[:512, :512].tobytes(), 512, 512)"
    code = f"""
import resource
import numpy
from osgeo import gdal
gdal.DontUseExceptions()
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, resource.RLIM_INFINITY))
dataset = gdal.GetDriverByName("OMEZarr").Create({str(tmp_path / "a.ome.zarr")!r}, 1024, 1024, 1, 1, ["OVERWRITE=YES", "BLOCKSIZE=256"])
band = dataset.GetRasterBand(1)
pixels = numpy.random.default_rng(1).integers(0, 255, (1024, 1024)).astype("uint8")
{write}
gdal.ErrorReset()
dataset = band = None
print(gdal.GetLastErrorMsg())
"""
    done = subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and "there is no image" in done.stdout and "File too large" in done.stdout, done
    if VERSION >= 3110000:  # GDAL deletes what is at a new dataset's name, before the driver is asked
        assert list(tmp_path.iterdir()) == []
        return
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.ome.zarr"]
    dataset, _ = opened(tmp_path / "a.ome.zarr")
    assert set(dataset.ReadAsArray().flat) == {7}


def test_nodata_around_what_is_written(tmp_path):
    """Parts of a block that was read before the first write, by the user or by GDAL's cache, are nodata too."""
    dataset = DRIVER.Create(str(tmp_path / "a.ome.zarr"), 64, 64, 1, gdal.GDT_Byte)
    band = dataset.GetRasterBand(1)
    for value in (0, 3, 4):
        if value:
            band.SetNoDataValue(value)
        assert set(band.ReadAsArray().flat) == {value}
    assert band.WriteRaster(0, 0, 30, 30, b"\x09" * 225, 15, 15) == 0  # through the cache
    wanted = numpy.full((64, 64), 4, "uint8")
    wanted[:30, :30] = 9
    numpy.testing.assert_array_equal(band.ReadAsArray(), wanted)
    dataset = band = None
    dataset, _ = opened(tmp_path / "a.ome.zarr")
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), wanted)


@pytest.mark.parametrize("extent", [3, 100000000000])
def test_what_all_frames_have_in_common(tmp_path, extent):
    """An axis may be longer than memory; what is changed for one frame is not for the others."""
    path = tmp_path / "a.ome.zarr"
    dataset = DRIVER.Create(str(path), 16, 16, 3, gdal.GDT_Byte, ["BAND_AXIS=T", "LEVELS=1", "SHARDSIZE=NO"])
    dataset = None
    for name in ("zarr.json", "s0/image/zarr.json"):
        document = json.loads((path / name).read_text())
        if name == "zarr.json":
            document["attributes"]["gdal"] = {"version": 1, "band_axis": "t", "every_band": {"unit": "m", "nodata": "7"}, "bands": [{"unit": "s"}]}
        else:
            document["shape"][0] = extent
        (path / name).write_text(json.dumps(document))

    def band(t, flags=gdal.OF_RASTER):
        dataset = gdal.OpenEx(str(path), flags, ["OMEZarr"], [f"T={t}"])
        alive.append(dataset)
        return dataset.GetRasterBand(1)

    assert [band(t).GetUnitType() for t in (0, 1, extent - 1)] == ["s", "m", "m"]
    if extent == 3:
        assert band(1, gdal.OF_RASTER | gdal.OF_UPDATE).SetUnitType("km") == 0
        alive.clear()
        assert [band(t).GetUnitType() for t in (0, 1, 2)] == ["s", "km", "m"]
        assert [band(t).GetNoDataValue() for t in (0, 1, 2)] == [7, 7, 7]
