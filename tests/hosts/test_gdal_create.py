# SPDX-License-Identifier: MIT
"""Creation options: each does what it says, and a wrong one is one clear error before anything is written."""
import json
import os
import subprocess

import numpy
import pytest
from conftest import VERSION, copied, fingerprint, memory_raster, open_quietly, opened, pattern, run
from osgeo import gdal

TYPES = ["uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"] + (["int8"] if VERSION >= 3070000 else [])


def documents(store):
    """The group's and level 0's metadata, in the words of v3."""
    if (store / "zarr.json").exists():
        group = json.loads((store / "zarr.json").read_text())
        ome = group["attributes"]["ome"]
        path = ome["multiscales"][0]["datasets"][0]["path"]
        return ome, json.loads((store / path / "zarr.json").read_text())
    ome = json.loads((store / ".zattrs").read_text())
    return ome, json.loads((store / ome["multiscales"][0]["datasets"][0]["path"] / ".zarray").read_text())


def sharding(array):
    return next((c["configuration"] for c in array["codecs"] if c["name"] == "sharding_indexed"), None)


def inner_codecs(array):
    shard = sharding(array)
    return [c["name"] for c in (shard or array)["codecs"]]


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("dtype", TYPES)
def test_types(tmp_path, dtype, version):
    kind = numpy.dtype(dtype)
    random = numpy.random.default_rng(1)
    if kind.kind == "f":
        pixels = random.normal(0, 1e6, (2, 300, 310)).astype(kind)
        pixels[0, :2, :3] = [[numpy.nan, numpy.inf, -numpy.inf], [0.0, -0.0, numpy.finfo(kind).tiny]]
    else:
        info = numpy.iinfo(kind)
        pixels = random.integers(info.min, info.max, (2, 300, 310), dtype=kind, endpoint=True)
    dataset, _ = copied(memory_raster(pixels), tmp_path / "a.ome.zarr", f"OME_VERSION={version}")
    assert dataset.ReadRaster() == pixels.tobytes()
    assert gdal.GetDataTypeName(dataset.GetRasterBand(1).DataType).lower().replace("byte", "uint8") == dtype


@pytest.mark.parametrize("compress, common, codecs", [
    ("BLOSC_ZSTD", "ZSTD", ["bytes", "blosc", "crc32c"]), ("BLOSC_LZ4", None, ["bytes", "blosc", "crc32c"]),
    ("BLOSC_LZ4HC", None, ["bytes", "blosc", "crc32c"]), ("BLOSC_ZLIB", "DEFLATE", ["bytes", "blosc", "crc32c"]),
    ("BLOSC_BLOSCLZ", None, ["bytes", "blosc", "crc32c"]), ("ZSTD", "ZSTD", ["bytes", "zstd"]),
    ("GZIP", "DEFLATE", ["bytes", "gzip", "crc32c"]), ("deflate", "DEFLATE", ["bytes", "gzip", "crc32c"]),
    ("NONE", None, ["bytes", "crc32c"])])
@pytest.mark.parametrize("level", [None, 0, 1, 5])
def test_compression(tmp_path, compress, common, codecs, level):
    pixels = pattern(1, 200, 210)
    options = [f"COMPRESS={compress}"] + ([f"LEVEL={level}"] if level is not None else [])
    dataset, _ = copied(memory_raster(pixels), tmp_path / "a.ome.zarr", *options)
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), pixels[0])
    _, array = documents(tmp_path / "a.ome.zarr")
    assert inner_codecs(array) == codecs
    # Software that knows GeoTIFF (rasterio's profile) takes no other words than GeoTIFF's.
    assert dataset.GetMetadataItem("COMPRESSION", "IMAGE_STRUCTURE") == common
    codec = {"NONE": None, "deflate": "GZIP"}.get(compress, compress)
    assert dataset.GetMetadataItem("CODEC", "IMAGE_STRUCTURE") == codec
    again, _ = copied(memory_raster(pixels), tmp_path / "b.ome.zarr", "OME_VERSION=0.4", *options)
    numpy.testing.assert_array_equal(again.ReadAsArray(), pixels[0])


@pytest.mark.parametrize("compress", ["LZW", "jpeg", "LERC_ZSTD"])
def test_compression_of_geotiff(tmp_path, compress):
    """Options that belong to the source, as rasterio's profile hands them over, do not stop a copy."""
    pixels = pattern(1, 40, 50)
    dataset, said = copied(memory_raster(pixels), tmp_path / "a.ome.zarr", f"COMPRESS={compress}")
    assert [text for text in said.warnings() if f"COMPRESS={compress}: not a method of OME-Zarr" in text] == said.warnings()[-1:]
    assert dataset.GetMetadataItem("CODEC", "IMAGE_STRUCTURE") == "BLOSC_ZSTD"
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), pixels[0])


@pytest.mark.parametrize("options, chunk, shard", [
    (["BLOCKSIZE=64", "SHARDSIZE=NO"], [1, 64, 64], None),
    (["BLOCKSIZE=64", "SHARDSIZE=256"], [1, 64, 64], [1, 256, 256]),
    (["BLOCKSIZE=3,64,32", "SHARDSIZE=3,128,96"], [3, 64, 32], [3, 128, 96]),
    (["BLOCKSIZE=64,32", "SHARDSIZE=NO"], [1, 64, 32], None),
])
def test_chunks(tmp_path, options, chunk, shard):
    dataset, _ = copied(memory_raster(pattern(3, 500, 400)), tmp_path / "a.ome.zarr", *options)
    _, array = documents(tmp_path / "a.ome.zarr")
    outer = array["chunk_grid"]["configuration"]["chunk_shape"]
    if shard is None:
        assert outer == chunk and sharding(array) is None
    else:
        assert outer == shard and sharding(array)["chunk_shape"] == chunk
        assert dataset.GetMetadataItem("SHARD_SHAPE", "IMAGE_STRUCTURE") == ",".join(map(str, shard))
    assert dataset.GetRasterBand(1).GetBlockSize() == chunk[:0:-1]
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), pattern(3, 500, 400))


@pytest.mark.parametrize("options, chunk, shard", [
    (["BLOCKSIZE=1000", "SHARDSIZE=NO"], [1, 1000, 5], None), (["BLOCKSIZE=1000"], [1, 1000, 5], [1, 2000, 5]),
    (["BLOCKSIZE=1000", "SHARDSIZE=2000"], [1, 1000, 5], [1, 2000, 5]), (["BLOCKSIZE=1000", "OME_VERSION=0.4"], [1, 1000, 5], None),
    (["BLOCKXSIZE=3", "BLOCKYSIZE=70", "SHARDSIZE=NO"], [1, 70, 3], None), (["BLOCKYSIZE=70", "SHARDSIZE=NO"], [1, 70, 5], None),
    (["INTERLEAVE=PIXEL", "SHARDSIZE=NO"], [3, 512, 5], None), (["INTERLEAVE=PIXEL", "BLOCKSIZE=256", "SHARDSIZE=NO"], [3, 256, 5], None)])
def test_chunks_of_a_thin_image(tmp_path, options, chunk, shard):
    """No chunk reaches beyond the image."""
    dataset, _ = copied(memory_raster(pattern(3, 1500, 5)), tmp_path / "a.ome.zarr", *options)
    array = documents(tmp_path / "a.ome.zarr")[1]
    if "OME_VERSION=0.4" in options:
        assert array["chunks"] == chunk
    else:
        assert array["chunk_grid"]["configuration"]["chunk_shape"] == (shard or chunk)
        assert shard is None or sharding(array)["chunk_shape"] == chunk
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), pattern(3, 1500, 5))


def test_block_sides_exclude_block_size(tmp_path):
    _, said = copied(memory_raster(pattern(1, 30, 40)), tmp_path / "a.ome.zarr", "BLOCKSIZE=16", "BLOCKXSIZE=8", errors=1)
    assert "BLOCKXSIZE=8" in said.errors()[0]
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("options, codecs", [
    (["CHECKSUM=NO"], ["bytes", "blosc"]), (["CHECKSUM=NO", "COMPRESS=NONE"], ["bytes"]), (["CHECKSUM=YES"], ["bytes", "blosc", "crc32c"])])
def test_checksum(tmp_path, options, codecs):
    copied(memory_raster(pattern(1, 30, 40)), tmp_path / "a.ome.zarr", *options)
    assert inner_codecs(documents(tmp_path / "a.ome.zarr")[1]) == codecs


@pytest.mark.parametrize("shuffle, stored", [("AUTO", "shuffle"), ("NO", "noshuffle"), ("BYTE", "shuffle"), ("BIT", "bitshuffle")])
def test_shuffle(tmp_path, shuffle, stored):
    dataset, _ = copied(memory_raster(pattern(1, 300, 400)), tmp_path / "a.ome.zarr", f"SHUFFLE={shuffle}")
    array = documents(tmp_path / "a.ome.zarr")[1]
    codecs = (sharding(array) or array)["codecs"]
    assert [c["configuration"]["shuffle"] for c in codecs if c["name"] == "blosc"] == [stored]
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), pattern(1, 300, 400)[0])


@pytest.mark.parametrize("options, sizes", [
    (["PYRAMID=NO"], []), (["LEVELS=1"], []), (["LEVELS=2"], [(450, 350)]), (["LEVELS=3"], [(450, 350), (225, 175)]),
    (["FACTORS=3", "LEVELS=3"], [(300, 234), (100, 78)]), (["FACTORS=1,2,4", "LEVELS=2"], [(225, 350)]),
    (["FACTORS=2,2;1,5,5", "LEVELS=4"], [(450, 350), (90, 70), (18, 14)]), ([], [(450, 350), (225, 175)])])
def test_levels(tmp_path, options, sizes):
    dataset, _ = copied(memory_raster(pattern(2, 700, 900)), tmp_path / "a.ome.zarr", *options)
    band = dataset.GetRasterBand(1)
    assert [(band.GetOverview(i).XSize, band.GetOverview(i).YSize) for i in range(band.GetOverviewCount())] == sizes


@pytest.mark.parametrize("method, expected", [
    ("AVERAGE", lambda b: numpy.rint(b.mean(axis=-1))), ("MEAN", lambda b: numpy.rint(b.mean(axis=-1))), ("NEAREST", lambda b: b[..., 0]),
    ("MODE", lambda b: numpy.apply_along_axis(lambda v: numpy.unique(v)[numpy.unique(v, return_counts=True)[1].argmax()], -1, b))])
def test_resampling(tmp_path, method, expected):
    pixels = numpy.random.default_rng(3).integers(0, 4, (1, 300, 280)).astype("uint8")
    dataset, _ = copied(memory_raster(pixels), tmp_path / "a.ome.zarr", f"RESAMPLING={method}")
    blocks = pixels[0].reshape(150, 2, 140, 2).transpose(0, 2, 1, 3).reshape(150, 140, 4)
    numpy.testing.assert_array_equal(dataset.GetRasterBand(1).GetOverview(0).ReadAsArray(), expected(blocks))


def test_mean_skips_nodata(tmp_path):
    pixels = numpy.full((1, 300, 300), 10, "int16")
    pixels[0, ::2, ::2] = -9999
    pixels[0, 100:200, 100:200] = -9999
    source = memory_raster(pixels)
    source.GetRasterBand(1).SetNoDataValue(-9999)
    dataset, _ = copied(source, tmp_path / "a.ome.zarr")
    level = dataset.GetRasterBand(1).GetOverview(0).ReadAsArray()
    assert (level[50:100, 50:100] == -9999).all()
    level[50:100, 50:100] = 10
    assert (level == 10).all()


def test_pixel_size(tmp_path):
    source = memory_raster(pattern(4, 300, 400))
    copied(source, tmp_path / "a.ome.zarr", "BAND_AXIS=Z", "PIXEL_SIZE=2.5,0.65,0.65", "UNIT=micrometer")
    ome, _ = documents(tmp_path / "a.ome.zarr")
    entry = ome["multiscales"][0]
    assert [(a["name"], a["unit"]) for a in entry["axes"]] == [("z", "micrometer"), ("y", "micrometer"), ("x", "micrometer")]
    assert entry["datasets"][0]["coordinateTransformations"][0]["scale"] == [2.5, 0.65, 0.65]
    dataset = open_quietly(tmp_path / "a.ome.zarr")
    assert dataset.GetGeoTransform() == (-0.325, 0.65, 0, 0.325, 0, -0.65)
    again, _ = copied(dataset, tmp_path / "b.ome.zarr", "OME_VERSION=0.4")
    ome, _ = documents(tmp_path / "b.ome.zarr")
    entry = ome["multiscales"][0]
    assert [a["unit"] for a in entry["axes"]] == ["micrometer"] * 3
    assert entry["datasets"][0]["coordinateTransformations"][0]["scale"] == [2.5, 0.65, 0.65]
    assert again.GetGeoTransform() == dataset.GetGeoTransform()


def test_name(tmp_path):
    copied(memory_raster(pattern(1, 30, 40)), tmp_path / "cells.ome.zarr")
    copied(memory_raster(pattern(1, 30, 40)), tmp_path / "b.ome.zarr", "NAME=Zellen / 细胞")
    assert documents(tmp_path / "cells.ome.zarr")[0]["multiscales"][0]["name"] == "cells"
    assert documents(tmp_path / "b.ome.zarr")[0]["multiscales"][0]["name"] == "Zellen / 细胞"


def test_signed_bytes_by_option(tmp_path):
    copied(memory_raster(pattern(1, 30, 40, dtype="uint8")), tmp_path / "a.ome.zarr", "PIXELTYPE=SIGNEDBYTE")
    assert documents(tmp_path / "a.ome.zarr")[1]["data_type"] == "int8"
    band = open_quietly(tmp_path / "a.ome.zarr").GetRasterBand(1)
    assert band.ReadRaster() == pattern(1, 30, 40, dtype="uint8").tobytes()


def test_georef_no(tmp_path):
    source = memory_raster(pattern(1, 30, 40))
    source.SetGeoTransform((10, 2, 0, 20, 0, -3))
    source.SetProjection("EPSG:4326")
    dataset, _ = copied(source, tmp_path / "a.ome.zarr", "GEOREF=NO")
    assert dataset.GetSpatialRef() is None and dataset.GetGeoTransform(can_return_null=True) is None
    _, said = copied(source, tmp_path / "b.ome.zarr", "PIXEL_SIZE=2", errors=1)
    assert "GEOREF=NO" in said.errors()[0]
    assert os.listdir(tmp_path) == ["a.ome.zarr"]


@pytest.mark.parametrize("option, words", [
    ("OME_VERSION=0.6", "0.4 or 0.5"), ("COMPRESS=BLOSC_LZX", "lzx"), ("LEVEL=99", "LEVEL=99"), ("BLOCKSIZE=0", "BLOCKSIZE=0"),
    ("BLOCKSIZE=64,64,64,64", "BLOCKSIZE"), ("BLOCKSIZE=-1", "BLOCKSIZE=-1"), ("SHARDSIZE=x", "SHARDSIZE=x"), ("LEVELS=-1", "LEVELS"),
    ("FACTORS=0", "FACTORS=0"), ("FACTORS=1000", "FACTORS"), ("RESAMPLING=CUBIC", "CUBIC"), ("BAND_AXIS=X", "BAND_AXIS=X"), ("PIXEL_SIZE=0", "PIXEL_SIZE=0"),
    ("PIXEL_SIZE=nan", "PIXEL_SIZE=nan"), ("FLUSH=MAYBE", "FLUSH"), ("PYRAMID=MAYBE", "PYRAMID=MAYBE"), ("PYRAMID=NO", "LEVELS=3: must be 1"),
    ("NUM_THREADS=-4", "NUM_THREADS=-4"), ("NUM_THREADS=many", "NUM_THREADS=many"), ("NUM_THREADS=0", "NUM_THREADS=0"), ("BLOCKXSIZE=0", "BLOCKXSIZE=0"),
    ("BLOCKYSIZE=big", "BLOCKYSIZE=big"), ("INTERLEAVE=LINE", "INTERLEAVE=LINE"), ("SHUFFLE=X", "SHUFFLE=X"), ("CHECKSUM=PERHAPS", "CHECKSUM=PERHAPS"),
    ("OVERWRITE=2", "OVERWRITE=2"), ("GEOREF=OURS", "GEOREF=OURS"), ("PIXELTYPE=COMPLEX", "PIXELTYPE=COMPLEX"), ("FACTORS=2;;2", "FACTORS=2;;2"),
    ("FACTORS=", "FACTORS="), ("BLOCKSIZE=64,,64", "BLOCKSIZE=64,,64"), ("UNIT=" + 40 * "x", "UNIT=xx"), ("LEVEL=1.5", "LEVEL=1.5"), ("LEVELS=65", "LEVELS=65")])
def test_wrong_options(tmp_path, option, words):
    more = ["LEVELS=3"] if option == "PYRAMID=NO" else []
    _, said = copied(memory_raster(pattern(2, 30, 40)), tmp_path / "a.ome.zarr", option, *more, errors=1)
    assert words.lower() in said.errors()[0].lower()
    assert os.listdir(tmp_path) == []


def test_shards_that_are_no_multiple_of_chunks(tmp_path):
    _, said = copied(memory_raster(pattern(1, 300, 400)), tmp_path / "a.ome.zarr", "BLOCKSIZE=64", "SHARDSIZE=100", errors=1)
    assert "100" in said.errors()[0] and "64" in said.errors()[0]
    assert os.listdir(tmp_path) == []


def test_shards_in_version_0_4(tmp_path):
    _, said = copied(memory_raster(pattern(1, 30, 40)), tmp_path / "a.ome.zarr", "OME_VERSION=0.4", "SHARDSIZE=64", errors=1)
    assert "SHARDSIZE" in said.errors()[0]


def test_types_that_have_no_place(tmp_path):
    source = gdal.GetDriverByName("MEM").Create("", 4, 4, 1, gdal.GDT_CFloat32)
    _, said = copied(source, tmp_path / "a.ome.zarr", errors=1)
    assert "CFloat32" in said.errors()[0]


def test_bands_of_different_types(tmp_path):
    source = gdal.GetDriverByName("MEM").Create("", 4, 4, 1, gdal.GDT_Byte)
    source.AddBand(gdal.GDT_Int16)
    source.GetRasterBand(1).Fill(200)
    source.GetRasterBand(2).Fill(-5)
    _, said = copied(source, tmp_path / "a.ome.zarr", strict=1, errors=1)
    dataset, said = copied(source, tmp_path / "a.ome.zarr")
    assert len(said.warnings()) == 1 and "Int16" in said.warnings()[0]
    assert dataset.ReadAsArray()[:, 0, 0].tolist() == [200, -5]


def test_targets_that_cannot_be(tmp_path):
    for target, words in (("/vsizip/a.zip/a.ome.zarr", "inside an archive"), (tmp_path / "a.tif", "TWIN=YES"),
                          ("/vsicurl/http://127.0.0.1:1/a.ome.zarr", "local"), (f'OMEZARR:"{tmp_path}/a.zarr":inner', "folder")):
        _, said = copied(memory_raster(pattern(1, 30, 40)), target, errors=1)
        assert words in said.errors()[0]
    assert os.listdir(tmp_path) == []


def test_misspelt_option_is_noticed(tmp_path):
    """GDAL checks options against the driver's list."""
    _, said = copied(memory_raster(pattern(1, 30, 40)), tmp_path / "a.ome.zarr", "BLOKSIZE=64")
    assert any("BLOKSIZE" in text for text in said.warnings())


def test_threads_change_nothing(tmp_path):
    """Neither the pixels nor a byte of the store."""
    pixels = pattern(3, 600, 500)
    stores = []
    for threads in ("1", "2", "ALL_CPUS"):
        store = tmp_path / threads / "a.ome.zarr"
        store.parent.mkdir()
        copied(memory_raster(pixels), store, f"NUM_THREADS={threads}", "BLOCKSIZE=64", "SHARDSIZE=256")
        numpy.testing.assert_array_equal(open_quietly(store, f"NUM_THREADS={threads}").ReadAsArray(), pixels)
        stores.append(fingerprint(store))
    assert stores[0] == stores[1] == stores[2]


@pytest.mark.parametrize("flush", ["NONE", "CLOSE", "EACH"])
def test_flush(tmp_path, flush):
    dataset, _ = copied(memory_raster(pattern(2, 300, 400)), tmp_path / "a.ome.zarr", f"FLUSH={flush}")
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), pattern(2, 300, 400))


def test_subwindow_and_bands_by_gdal_translate(tmp_path):
    """gdal_translate wraps its source in a VRT for these."""
    gdal.GetDriverByName("GTiff").CreateCopy(str(tmp_path / "a.tif"), memory_raster(pattern(3, 300, 400))).FlushCache()
    done = run("gdal_translate", "-q", "-of", "OMEZarr", "-b", "3", "-b", "1", "-srcwin", "10", "20", "200", "150", tmp_path / "a.tif", tmp_path / "b.ome.zarr")
    assert done.returncode == 0, done.stderr
    numpy.testing.assert_array_equal(open_quietly(tmp_path / "b.ome.zarr").ReadAsArray(), pattern(3, 300, 400)[[2, 0], 20:170, 10:210])


@pytest.mark.parametrize("options", [["-b", "1"], ["-outsize", "50%", "50%"], ["-a_nodata", "0"], ["-scale"]])
def test_bytes_behind_a_vrt(tmp_path, options):
    """On 3.6 the driver looks whether the bytes of a VRT's sources are signed; that look crashed."""
    gdal.GetDriverByName("GTiff").CreateCopy(str(tmp_path / "a.tif"), memory_raster(pattern(2, 30, 40, dtype="uint8"))).FlushCache()
    for driver, name in (("OMEZarr", "b.ome.zarr"), ("GTiff", "b.tif")):
        done = run("gdal_translate", "-q", "-of", driver, *options, tmp_path / "a.tif", tmp_path / name)
        assert done.returncode == 0, done.stderr
    numpy.testing.assert_array_equal(open_quietly(tmp_path / "b.ome.zarr").ReadAsArray(), gdal.Open(str(tmp_path / "b.tif")).ReadAsArray())


def test_name_that_is_not_utf8(tmp_path):
    """It must not make a store that nobody can read, least of all over a good one."""
    gdal.GetDriverByName("GTiff").CreateCopy(str(tmp_path / "a.tif"), memory_raster(pattern(1, 30, 40))).FlushCache()
    for target, options in ((str(tmp_path / "b.ome.zarr").encode(), [b"-co", b"NAME=b\xff"]), (str(tmp_path / "c").encode() + b"\xff.ome.zarr", [])):
        done = subprocess.run([b"gdal_translate", b"-q", b"-of", b"OMEZarr", *options, str(tmp_path / "a.tif").encode(), target], capture_output=True)
        assert done.returncode == 0, done.stderr
        assert subprocess.run([b"gdalinfo", target], capture_output=True).returncode == 0


def test_infinities_are_no_window(tmp_path):
    pixels = pattern(1, 30, 40, dtype="float32")
    pixels[0, 3, 4], pixels[0, 5, 6] = numpy.inf, -numpy.inf
    copied(memory_raster(pixels), tmp_path / "a.ome.zarr")
    assert "null" not in (tmp_path / "a.ome.zarr/zarr.json").read_text()
    dataset, said = opened(tmp_path / "a.ome.zarr")
    assert not said.warnings()
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), pixels[0])


def test_block_cache_is_kept_small(tmp_path):
    """A source that fills GDAL's cache: it is emptied on the way."""
    gdal.GetDriverByName("GTiff").CreateCopy(str(tmp_path / "a.tif"), memory_raster(pattern(1, 9000, 9000)), 0, ["COMPRESS=LZW"]).FlushCache()
    source = gdal.Open(str(tmp_path / "a.tif"))
    dataset, _ = copied(source, tmp_path / "b.ome.zarr", "COMPRESS=NONE", "PYRAMID=NO")
    assert gdal.GetCacheUsed() <= 80 << 20
    assert dataset.GetRasterBand(1).Checksum() == source.GetRasterBand(1).Checksum()
