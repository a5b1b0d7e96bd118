# SPDX-License-Identifier: MIT
"""Imported TIFFs, whose tiles nobody decoded: zarr-python and tensorstore read the pixels that were written, every level."""
import json

import numpy
import pytest
import tensorstore
import zarr
from conftest import image

SHAPE = (300, 421)


@pytest.mark.parametrize("bands,interleave", [(1, "BAND"), (3, "PIXEL"), (3, "BAND")])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("codec,shards", [("ZSTD", "AUTO"), ("DEFLATE", "AUTO"), ("NONE", "AUTO"), ("ZSTD", "NO"), ("DEFLATE", "NO")])
def test_pixels(tmp_path, gdal, codec, shards, dtype, bands, interleave):
    pixels = image(dtype, (bands, *SHAPE))
    pixels[:, :128, 128:256] = 0  # tiles that are not stored
    plain = gdal.write(pixels, tmp_path / "plain.tif")
    gdal("gdal_translate", "-q", "-co", "TILED=YES", "-co", "BLOCKXSIZE=128", "-co", "BLOCKYSIZE=128", "-co", f"COMPRESS={codec}",
         "-co", f"INTERLEAVE={interleave}", "-co", "SPARSE_OK=YES", plain, tmp_path / "tiled.tif")
    store = tmp_path / "a.ome.zarr"
    gdal("gdal_translate", "-q", "-of", "OMEZarr", "-co", "IMPORT=YES", "-co", f"SHARDSIZE={shards}", "-co", "LEVELS=3",
         tmp_path / "tiled.tif", store)
    levels = []
    for dataset in json.loads((store / "zarr.json").read_text())["attributes"]["ome"]["multiscales"][0]["datasets"]:
        path = store / dataset["path"]
        levels.append(zarr.open_array(path, mode="r")[...])
        spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(path)}}
        numpy.testing.assert_array_equal(tensorstore.open(spec, open=True).result().read().result(), levels[-1])
    numpy.testing.assert_array_equal(levels[0].reshape(pixels.shape), pixels)
    assert levels[0].dtype == pixels.dtype and len(levels) == 3
    for before, after in zip(levels, levels[1:]):
        factors = [1] * (before.ndim - 2) + [2, 2]
        expected = tensorstore.downsample(tensorstore.array(before), factors, "mean").read().result()
        numpy.testing.assert_allclose(after, expected, rtol=1e-6)
