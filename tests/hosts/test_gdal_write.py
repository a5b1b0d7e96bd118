# SPDX-License-Identifier: MIT
"""Create(): types, orders of writing, when the image appears, and what is never written."""
import json
import os
import signal
import subprocess
import sys
import textwrap

import numpy
import pytest
from conftest import VERSION, alive, copied, fingerprint, heard, memory_raster, opened, pattern
from osgeo import gdal, gdal_array

TYPES = ["uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]
if VERSION >= 3070000:
    TYPES.append("int8")


def create(path, pixels, *options, errors=0):
    """A new dataset of the form of an array (band, y, x)."""
    bands, lines, samples = pixels.shape
    code = gdal_array.NumericTypeCodeToGDALTypeCode(pixels.dtype)
    with heard() as said:
        dataset = gdal.GetDriverByName("OMEZarr").Create(str(path), samples, lines, bands, code, list(options))
    assert len(said.errors()) == errors and (dataset is None) == (errors > 0), said
    return dataset


def stored_chunks(path):
    """Files of chunks and shards below a store, by level."""
    return sorted(name for name in fingerprint(path) if "/c/" in name)


def halved(level):
    """The mean of 2 x 2 windows of planes with even sides."""
    bands, lines, samples = level.shape
    mean = level.reshape(bands, lines // 2, 2, samples // 2, 2).astype("float64").mean(axis=(2, 4))
    return mean if level.dtype.kind == "f" else numpy.rint(mean).astype(level.dtype)


def first_overview(dataset):
    return numpy.stack([dataset.GetRasterBand(i + 1).GetOverview(0).ReadAsArray() for i in range(dataset.RasterCount)])


@pytest.mark.parametrize("dtype", TYPES)
def test_random_windows_of_every_type(tmp_path, dtype):
    path, pixels = tmp_path / "a.ome.zarr", numpy.zeros((2, 700, 900), dtype)
    random = numpy.random.default_rng(5)
    dataset = create(path, pixels, "BLOCKSIZE=64", "SHARDSIZE=256")
    for i in range(40):
        band, x, y = (int(random.integers(0, n)) for n in (2, 800, 600))
        window = random.integers(0, 120, random.integers(1, 100, 2)).astype(dtype)
        dataset.GetRasterBand(band + 1).WriteArray(window, x, y)
        pixels[band, y:y + window.shape[0], x:x + window.shape[1]] = window
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), pixels)
    numpy.testing.assert_array_equal(first_overview(dataset), halved(pixels))
    assert os.listdir(tmp_path) != ["a.ome.zarr"] and not path.exists()
    dataset = None
    assert os.listdir(tmp_path) == ["a.ome.zarr"]
    dataset, _ = opened(path)
    assert dataset.ReadAsArray().dtype == dtype
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), pixels)
    numpy.testing.assert_array_equal(first_overview(dataset), halved(pixels))


@pytest.mark.parametrize("order", ["lines", "columns", "bands last", "backwards"])
@pytest.mark.parametrize("options", [["OME_VERSION=0.4", "BLOCKSIZE=100"], ["BAND_AXIS=Z", "BLOCKSIZE=2,50,70"],
                                     ["COMPRESS=NONE", "SHARDSIZE=NO"]])
def test_orders(tmp_path, order, options):
    path, pixels = tmp_path / "a.ome.zarr", pattern(5, 211, 187)
    dataset = create(path, pixels, *options)
    if order == "lines":
        for band in range(5):
            for y in range(211):
                dataset.GetRasterBand(band + 1).WriteArray(pixels[band, y:y + 1], 0, y)
    elif order == "columns":
        for x in range(0, 187, 11):
            for band in range(5):
                dataset.GetRasterBand(band + 1).WriteArray(pixels[band, :, x:x + 11], x, 0)
    elif order == "bands last":
        for y in range(0, 211, 13):
            dataset.WriteRaster(0, y, 187, len(pixels[0, y:y + 13]), pixels[:, y:y + 13].tobytes())
    else:
        for y in reversed(range(211)):
            dataset.WriteRaster(0, y, 187, 1, numpy.ascontiguousarray(pixels[::-1, y]).tobytes(),
                                band_list=[5, 4, 3, 2, 1])
    dataset = None
    numpy.testing.assert_array_equal(opened(path)[0].ReadAsArray(), pixels)


def test_bytes_do_not_depend_on_the_order(tmp_path):
    """Nor on whether an image was created or copied."""
    pixels = pattern(2, 600, 500)
    copied(memory_raster(pixels), tmp_path / "copy.ome.zarr", "NAME=n", "BLOCKSIZE=64", "SHARDSIZE=256")
    dataset = create(tmp_path / "lines.ome.zarr", pixels, "NAME=n", "BLOCKSIZE=64", "SHARDSIZE=256")
    for y in range(600):
        dataset.WriteRaster(0, y, 500, 1, numpy.ascontiguousarray(pixels[:, y]).tobytes())
    dataset = None
    want, got = (fingerprint(tmp_path / name) for name in ("copy.ome.zarr", "lines.ome.zarr"))
    for name in want:
        assert not name.count("/c/") or got[name] == want[name], name
    assert set(got) == set(want)


def test_types_are_converted(tmp_path):
    """As GDAL does: rounded, clamped; complex numbers lose their imaginary part."""
    path, values = tmp_path / "a.ome.zarr", numpy.array([[-3.5, 0.49, 2.5, 254.7, 300, 17]], "float64")
    for code, sent in [(gdal.GDT_Float64, values), (gdal.GDT_CFloat64, values + 5j)]:
        outputs = []
        for driver, name in [("OMEZarr", str(path)), ("MEM", "")]:
            dataset = gdal.GetDriverByName(driver).Create(name, 6, 1, 1, gdal.GDT_Byte, options=["OVERWRITE=YES"]
                                                          if driver == "OMEZarr" else [])
            dataset.WriteRaster(0, 0, 6, 1, sent.tobytes(), buf_type=code)
            outputs.append(dataset.ReadAsArray())
            dataset = None
        numpy.testing.assert_array_equal(*outputs)


def test_flush_publishes_and_goes_on(tmp_path):
    path, pixels = tmp_path / "a.ome.zarr", pattern(1, 600, 500)
    dataset = create(path, pixels)
    dataset.GetRasterBand(1).WriteArray(pixels[0, :300])
    dataset.FlushCache()
    assert os.listdir(tmp_path) == ["a.ome.zarr"]
    other, _ = opened(path)
    numpy.testing.assert_array_equal(other.ReadAsArray()[:300], pixels[0, :300])
    assert other.GetRasterBand(1).GetOverviewCount() == 0, "levels that are not built are not shown"
    dataset.GetRasterBand(1).WriteArray(pixels[0, 300:], 0, 300)
    numpy.testing.assert_array_equal(first_overview(dataset), halved(pixels))
    dataset = None
    other, _ = opened(path)
    assert other.GetRasterBand(1).GetOverviewCount() > 0
    numpy.testing.assert_array_equal(other.ReadAsArray(), pixels[0])
    numpy.testing.assert_array_equal(first_overview(other), halved(pixels))


@pytest.mark.parametrize("dtype, bands, colors", [("uint8", 3, [3, 4, 5]), ("uint8", 4, [3, 4, 5, 0]), ("uint8", 2, [0, 0]), ("uint8", 5, [0] * 5),
                                                  ("uint16", 3, [0, 0, 0])])
@pytest.mark.parametrize("options", [[], ["BAND_AXIS=Z"]])
def test_bytes_are_colors_until_told(tmp_path, dtype, bands, colors, options):
    """As in a GeoTIFF, whose fourth band would be alpha: it may be infrared here. Bands that are planes have no colors."""
    pixels = pattern(bands, 300, 300).astype(dtype)
    dataset = create(tmp_path / "a.ome.zarr", pixels, *options)
    dataset.WriteArray(pixels)
    dataset.GetRasterBand(2).SetColorInterpretation(gdal.GCI_YellowBand)
    dataset = None
    if options:
        colors = [gdal.GCI_GrayIndex] * bands
    again = opened(tmp_path / "a.ome.zarr")[0]
    assert [again.GetRasterBand(i + 1).GetColorInterpretation() for i in range(bands)] == [colors[0], gdal.GCI_YellowBand, *colors[2:]]
    channels = json.loads((tmp_path / "a.ome.zarr/zarr.json").read_text())["attributes"]["ome"].get("omero", {}).get("channels", [{}])
    assert (channels[0].get("color") == "FF0000") == (colors[0] == gdal.GCI_RedBand)


def test_what_is_never_written_is_not_stored(tmp_path):
    path, pixels = tmp_path / "a.ome.zarr", numpy.zeros((3, 1200, 1000), "uint16")
    dataset = create(path, pixels, "BLOCKSIZE=128", "SHARDSIZE=256")
    pixels[1, 500:510, 300:310] = 9
    dataset.GetRasterBand(2).WriteArray(pixels[1, 500:510, 300:310], 300, 500)
    dataset.GetRasterBand(1).Fill(0)
    dataset = None
    # one shard of each level: 256 pixels are 128 on the next one, and all of the third
    assert stored_chunks(path) == ["s0/image/c/1/1/1", "s1/image/c/1/0/0", "s2/image/c/1/0/0", "s3/image/c/1/0/0"][
        :len(stored_chunks(path))] and len(stored_chunks(path)) >= 3
    numpy.testing.assert_array_equal(opened(path)[0].ReadAsArray(), pixels)


def test_empty_image(tmp_path):
    """Created and closed: all fill, valid, with its levels."""
    create(tmp_path / "a.ome.zarr", numpy.zeros((1, 600, 500), "float32"))
    assert stored_chunks(tmp_path / "a.ome.zarr") == []
    dataset, _ = opened(tmp_path / "a.ome.zarr")
    assert not dataset.ReadAsArray().any() and dataset.GetRasterBand(1).GetOverviewCount() > 0


KILLED = """
    import os, signal, sys, numpy
    from osgeo import gdal
    dataset = gdal.GetDriverByName("OMEZarr").Create(sys.argv[1], 500, 600, 1, gdal.GDT_UInt16, ["BLOCKSIZE=64"])
    dataset.GetRasterBand(1).WriteArray(numpy.full((600, 500), 7, "uint16"))
    if sys.argv[2] == "published":
        dataset.FlushCache()
        dataset.GetRasterBand(1).WriteArray(numpy.full((300, 500), 8, "uint16"))
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("stage", ["new", "published"])
def test_killed_process(tmp_path, stage):
    """A new image is absent, or what the last flush has published; no level is wrong."""
    path = tmp_path / "a.ome.zarr"
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(KILLED), str(path), stage], capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert path.exists() == (stage == "published")
    if stage == "published":
        dataset, _ = opened(path)
        assert set(numpy.unique(dataset.ReadAsArray())) <= {7, 8}
        assert dataset.GetRasterBand(1).GetOverviewCount() == 0
        alive.clear()
    dataset = create(path, numpy.zeros((1, 20, 20), "uint8"), "OVERWRITE=YES")  # and the leftovers are gone
    dataset = None
    assert os.listdir(tmp_path) == ["a.ome.zarr"]


@pytest.mark.skipif(VERSION >= 3110000, reason="newer versions delete what is at a new dataset's name, unasked")
def test_existing_target(tmp_path):
    path, pixels = tmp_path / "a.ome.zarr", pattern(1, 60, 50)
    copied(memory_raster(pixels), path)
    alive.clear()
    before = fingerprint(path)
    create(path, pixels, errors=1)
    assert fingerprint(path) == before
    dataset = create(path, pixels, "OVERWRITE=YES")
    dataset.GetRasterBand(1).Fill(3)
    assert fingerprint(path) == before, "the old one stays until the new one is complete"
    dataset = None
    assert (opened(path)[0].ReadAsArray() == 3).all()
    assert os.listdir(tmp_path) == ["a.ome.zarr"]


def test_prefixed_name(tmp_path):
    """Newer versions ask for the deletion of what is there; nothing is, and nothing is said."""
    pixels = pattern(1, 30, 40)
    with heard() as said:
        dataset = gdal.GetDriverByName("OMEZarr").Create(f"OMEZARR:{tmp_path}/a.zarr", 40, 30, 1, gdal.GDT_UInt16)
        dataset.WriteArray(pixels[0])
        dataset = None
    assert list(said) == []
    numpy.testing.assert_array_equal(opened(f"OMEZARR:{tmp_path}/a.zarr")[0].ReadAsArray(), pixels[0])
    with heard() as said:
        assert gdal.GetDriverByName("OMEZarr").Delete(f"OMEZARR:{tmp_path}/b.zarr") != 0
    assert len(said.errors()) == 1


@pytest.mark.parametrize("options", [["BLOCKSIZE=x"], ["PYRAMID=LATER"], ["BAND_AXIS=Q"]])
def test_bad_options_leave_nothing(tmp_path, options):
    create(tmp_path / "a.ome.zarr", numpy.zeros((1, 60, 50), "uint8"), *options, errors=1)
    assert os.listdir(tmp_path) == []


def test_types_that_cannot_be_stored(tmp_path):
    with heard() as said:
        assert gdal.GetDriverByName("OMEZarr").Create(str(tmp_path / "a.ome.zarr"), 5, 5, 1, gdal.GDT_CInt16) is None
    assert len(said.errors()) == 1 and "CInt16" in said.errors()[0]


def windows(store):
    document = json.loads((store / "zarr.json").read_text())["attributes"]["ome"]
    return [(c["window"]["start"], c["window"]["end"]) for c in document["omero"]["channels"]]


@pytest.mark.parametrize("flush", [False, True])
@pytest.mark.parametrize("options, planes", [([], 2), (["BAND_AXIS=Z"], 2), (["PYRAMID=NO"], 2), ([], 1)])
def test_windows_follow_the_pixels(tmp_path, flush, options, planes):
    """What viewers show: the range of the coarsest level, without nodata; the type's range would be black."""
    pixels = (pattern(planes, 600, 500) % 300 + 100).astype("uint16")
    pixels[0, 200:, 100:] += 1000
    pixels[:, 40:80, 40:80] = 9999
    store = tmp_path / "a.ome.zarr"
    dataset = create(store, pixels, *options)
    for i in range(planes):
        dataset.GetRasterBand(i + 1).SetNoDataValue(9999)
    if flush:
        dataset.WriteArray(pixels[:, :10])
        dataset.FlushCache()
    dataset.WriteArray(pixels)
    dataset = None
    again = opened(store)[0]
    levels = again.GetRasterBand(1).GetOverviewCount()
    coarsest = [b if not levels else b.GetOverview(levels - 1) for b in (again.GetRasterBand(i + 1) for i in range(planes))]
    coarsest = numpy.ma.masked_equal([b.ReadAsArray() for b in coarsest], 9999)
    expected = [(coarsest.min(), coarsest.max())] if options == ["BAND_AXIS=Z"] else [(plane.min(), plane.max()) for plane in coarsest]
    assert windows(store) == expected and expected[0][1] > 700
    before = windows(store)
    gdal.OpenEx(str(store), gdal.OF_UPDATE).WriteArray(pixels * 0)
    assert windows(store) == before  # those of an image that was there are its owner's


def test_window_of_a_constant(tmp_path):
    store = tmp_path / "a.ome.zarr"
    create(store, numpy.zeros((1, 20, 20), "float32")).WriteArray(numpy.full((20, 20), numpy.nan, "float32"))
    assert windows(store) == [(0, 1)]


@pytest.mark.parametrize("name", ["/vsimem/new.ome.zarr", "/vsimem/new/b.zarr", "OMEZARR:/vsimem/other.ome.zarr", "OMEZARR:{}/a",
                                  "{}/b.ome.zarr"])
@pytest.mark.parametrize("exceptions", [False, True])
def test_nothing_is_said_of_a_new_name(tmp_path, name, exceptions):
    """GDAL 3.10 deletes what the name is identified as, and its errors are heard."""
    name, driver = name.format(tmp_path), gdal.GetDriverByName("OMEZarr")
    with heard() as said:
        if exceptions:
            gdal.UseExceptions()
        try:
            dataset = driver.Create(name, 60, 50, 1)
            assert dataset.GetRasterBand(1).Fill(7) == gdal.CE_None
            dataset = None
            assert gdal.Open(name).ReadAsArray(50, 40, 1, 1) == [[7]]
            assert driver.Create(name, 10, 20, 1, options=["OVERWRITE=YES"]) is not None
            assert driver.Delete(name) == gdal.CE_None
        finally:
            gdal.DontUseExceptions()
    assert said == []
