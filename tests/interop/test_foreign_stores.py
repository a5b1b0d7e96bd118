# SPDX-License-Identifier: MIT
"""Stores written by zarr-python 2 and 3, ome-zarr-py and tensorstore, read exactly through GDAL:
v2 and v3, sharded or not, all compressors, ragged edges, missing chunks, byte orders, transposes."""
import json
import os
import pathlib
import subprocess

import numpy
import pytest
import tensorstore
import zarr
from conftest import image

SHAPE = (5, 201, 163)  # ragged against every chunk shape below
AXES = [{"name": "z", "type": "space"}, {"name": "y", "type": "space"}, {"name": "x", "type": "space"}]


def dress(path, zarr_format, level="0"):
    """OME metadata around an array that a plain Zarr writer made at path/level."""
    entry = {"axes": AXES, "datasets": [{"path": level, "coordinateTransformations": [{"type": "scale", "scale": [1, 1, 1]}]}]}
    if zarr_format == 3:
        document = {"zarr_format": 3, "node_type": "group",
                    "attributes": {"ome": {"version": "0.5", "multiscales": [entry]}}}
        (path / "zarr.json").write_text(json.dumps(document))
    else:
        (path / ".zgroup").write_text('{"zarr_format": 2}')
        (path / ".zattrs").write_text(json.dumps({"multiscales": [dict(entry, version="0.4")]}))
    return path


def check(gdal, path, pixels, tmp_path):
    numpy.testing.assert_array_equal(gdal.read(path, tmp_path), pixels)
    # A part, by another way through the engine: one plane's window.
    part = gdal.read(path, tmp_path, "-b", "3", "-srcwin", "37", "51", "100", "120")
    numpy.testing.assert_array_equal(part[0], pixels[2, 51:171, 37:137])


V3 = {
    "zstd": {},
    "none": {"compressors": None},
    "gzip": {"compressors": zarr.codecs.GzipCodec(level=6)},
    "zstd-checksum": {"compressors": zarr.codecs.ZstdCodec(level=5, checksum=True)},
    "blosc-lz4": {"compressors": zarr.codecs.BloscCodec(cname="lz4", shuffle="shuffle")},
    "blosc-zstd-bit": {"compressors": zarr.codecs.BloscCodec(cname="zstd", shuffle="bitshuffle")},
    "blosc-blosclz": {"compressors": zarr.codecs.BloscCodec(cname="blosclz", shuffle="shuffle")},
    "blosc-lz4hc-none": {"compressors": zarr.codecs.BloscCodec(cname="lz4hc", shuffle="noshuffle")},
    "blosc-zlib": {"compressors": zarr.codecs.BloscCodec(cname="zlib", shuffle="shuffle")},
    "crc32c": {"compressors": [zarr.codecs.Crc32cCodec()]},
    "blosc-crc32c": {"compressors": [zarr.codecs.BloscCodec(cname="zstd"), zarr.codecs.Crc32cCodec()]},
    "big-endian": {"serializer": zarr.codecs.BytesCodec(endian="big")},
    "transpose": {"filters": [zarr.codecs.TransposeCodec(order=(2, 0, 1))]},
    "sharded": {"shards": (4, 128, 96)},
    "sharded-gzip": {"shards": (2, 64, 192), "compressors": zarr.codecs.GzipCodec()},
    "sharded-blosc": {"shards": (6, 192, 96), "compressors": zarr.codecs.BloscCodec(cname="zstd")},
    "v2-keys": {"chunk_key_encoding": {"name": "v2", "separator": "."}},
    "dot-keys": {"chunk_key_encoding": {"name": "default", "separator": "."}},
    "fill-7": {"fill_value": 7},
}


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
@pytest.mark.parametrize("name", V3)
def test_zarr_python_3(name, dtype, gdal, tmp_path):
    pixels = image(dtype, SHAPE)
    path = tmp_path / "in.ome.zarr"
    array = zarr.create_array(path / "0", shape=SHAPE, dtype=dtype, chunks=(2, 64, 48), **{"fill_value": 0, **V3[name]})
    array[:] = pixels
    if "fill" in name:  # a hole that only the fill value fills
        chunk = path / "0/c/1/1/1"
        chunk.unlink()
        pixels[2:4, 64:128, 48:96] = 7
    check(gdal, dress(path, 3), pixels, tmp_path)


def test_bool_and_wide_integers(gdal, tmp_path):
    for dtype in ("uint8", "int16", "int32", "uint32", "int64", "uint64", "float64"):
        pixels = image(dtype, SHAPE)
        path = tmp_path / f"{dtype}.ome.zarr"
        zarr.create_array(path / "0", shape=SHAPE, dtype=dtype, chunks=(2, 64, 48), shards=(2, 128, 96))[:] = pixels
        check(gdal, dress(path, 3), pixels, tmp_path)
    mask = image("uint8", SHAPE) > 100
    path = tmp_path / "bool.ome.zarr"
    zarr.create_array(path / "0", shape=SHAPE, dtype="bool", chunks=(2, 64, 48))[:] = mask
    check(gdal, dress(path, 3), mask.astype("uint8"), tmp_path)


V2 = {
    "blosc-default": "numcodecs.Blosc()",
    "blosc-zstd-bit": "numcodecs.Blosc('zstd', 3, numcodecs.Blosc.BITSHUFFLE)",
    "blosc-lz4hc": "numcodecs.Blosc('lz4hc', 5, numcodecs.Blosc.NOSHUFFLE)",
    "blosc-zlib": "numcodecs.Blosc('zlib', 5)",
    "blosc-blosclz": "numcodecs.Blosc('blosclz', 5)",
    "zstd": "numcodecs.Zstd(3)",
    "gzip": "numcodecs.GZip(5)",
    "zlib": "numcodecs.Zlib(5)",
    "none": "None",
}
WRITE_V2 = """
import sys, numpy, numcodecs, zarr
source, target, compressor, order, separator, dtype = sys.argv[1:]
pixels = numpy.load(source)
array = zarr.open_array(target, mode="w", shape=pixels.shape, chunks=(2, 64, 48), dtype=dtype or pixels.dtype,
                        compressor=eval(compressor), order=order, dimension_separator=separator, fill_value=0,
                        write_empty_chunks=False)
array[:] = pixels
"""


@pytest.mark.parametrize("order, separator, dtype", [("C", "/", ""), ("F", ".", ""), ("C", ".", ">u2")])
@pytest.mark.parametrize("name", V2)
def test_zarr_python_2(name, order, separator, dtype, gdal, tmp_path):
    pixels = image("uint16", SHAPE)
    numpy.save(tmp_path / "in.npy", pixels)
    path = tmp_path / "in.ome.zarr"
    python = pathlib.Path(os.environ["OZR_PEERS"]) / "v2/bin/python"
    subprocess.run([python, "-c", WRITE_V2, tmp_path / "in.npy", path / "0", V2[name], order, separator, dtype], check=True)
    check(gdal, dress(path, 2), pixels, tmp_path)


TENSORSTORE = {
    "v2-blosc": ("zarr", {"compressor": {"id": "blosc", "cname": "zstd", "clevel": 5, "shuffle": 1}, "chunks": [2, 64, 48]}),
    "v2-raw": ("zarr", {"compressor": None, "chunks": [2, 64, 48], "order": "F"}),
    "v3-shard-start": ("zarr3", {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [4, 128, 96]}}, "codecs": [
        {"name": "sharding_indexed", "configuration": {
            "chunk_shape": [2, 32, 48], "index_location": "start",
            "codecs": [{"name": "bytes", "configuration": {"endian": "little"}},
                       {"name": "blosc", "configuration": {"cname": "zstd", "clevel": 3, "shuffle": "shuffle"}}],
            "index_codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}]}}]}),
    "v3-nested-shards": ("zarr3", {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [4, 128, 96]}}, "codecs": [
        {"name": "sharding_indexed", "configuration": {
            "chunk_shape": [2, 64, 96],
            "codecs": [{"name": "sharding_indexed", "configuration": {
                "chunk_shape": [1, 32, 48],
                "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "zstd", "configuration": {"level": 1}}]}}]}}]}),
    "v3-gzip-transpose": ("zarr3", {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2, 64, 48]}}, "codecs": [
        {"name": "transpose", "configuration": {"order": [1, 2, 0]}},
        {"name": "bytes", "configuration": {"endian": "big"}}, {"name": "gzip", "configuration": {"level": 4}}]}),
}


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
@pytest.mark.parametrize("name", TENSORSTORE)
def test_tensorstore(name, dtype, gdal, tmp_path):
    driver, metadata = TENSORSTORE[name]
    pixels = image(dtype, SHAPE)
    path = tmp_path / "in.ome.zarr"
    spec = {"driver": driver, "kvstore": {"driver": "file", "path": str(path / "0")}, "metadata": dict(metadata)}
    if driver == "zarr":
        spec["metadata"].update(shape=list(SHAPE), dtype=numpy.dtype(dtype).str)
    else:
        spec["metadata"].update(shape=list(SHAPE), data_type=dtype)
    store = tensorstore.open(spec, create=True).result()
    store.write(pixels).result()
    check(gdal, dress(path, 3 if driver == "zarr3" else 2), pixels, tmp_path)


def test_ome_zarr_py(gdal, tmp_path):
    from ome_zarr.format import FormatV04, FormatV05
    from ome_zarr.writer import write_image
    pixels = image("uint16", (3, 401, 333))
    for fmt in (FormatV04(), FormatV05()):
        path = tmp_path / f"{fmt.version}.ome.zarr"
        group = zarr.open_group(str(path), mode="w", zarr_format=fmt.zarr_format)
        write_image(pixels, group, axes="cyx", fmt=fmt, storage_options={"chunks": (1, 100, 128)})
        check(gdal, path, pixels, tmp_path)
        assert "Overviews" in gdal("gdalinfo", path)
        level1 = zarr.open_array(path / zarr.open_group(path, mode="r").attrs.asdict().get("ome", zarr.open_group(path, mode="r").attrs.asdict())["multiscales"][0]["datasets"][1]["path"], mode="r")[...]
        numpy.testing.assert_array_equal(gdal.read(path, tmp_path, "-oo", "LEVEL=1"), level1)
