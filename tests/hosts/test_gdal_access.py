# SPDX-License-Identifier: MIT
"""What programs ask about pixels without reading them: coverage, block patterns, advice."""
import json

import numpy
import pytest
from conftest import copied, heard, memory_raster, open_quietly, run
from osgeo import gdal

DATA, EMPTY, UNKNOWN = gdal.GDAL_DATA_COVERAGE_STATUS_DATA, gdal.GDAL_DATA_COVERAGE_STATUS_EMPTY, gdal.GDAL_DATA_COVERAGE_STATUS_UNIMPLEMENTED


def islands():
    """Two islands in a sea of zeros: chunks of 32 that are all zero are not stored."""
    pixels = numpy.zeros((2, 256, 320), "uint16")
    pixels[0, 40:60, 70:90] = 7     # chunk (1, 2)
    pixels[1, 200:256, 310:320] = 9  # chunks (6, 9) and (7, 9)
    return pixels


LAYOUTS = [["SHARDSIZE=NO"], ["SHARDSIZE=64"], ["OME_VERSION=0.4"], ["SHARDSIZE=128", "COMPRESS=ZSTD"]]


@pytest.fixture(params=range(len(LAYOUTS)))
def sparse(request, tmp_path):
    return copied(memory_raster(islands()), tmp_path / "a.ome.zarr", "BLOCKSIZE=32", *LAYOUTS[request.param])[0]


def status(dataset, band, *window, stop=0):
    return tuple(dataset.GetRasterBand(band).GetDataCoverageStatus(*window, stop))


def test_coverage(sparse):
    decoded = int(sparse.GetMetadataItem("CHUNKS_DECODED", "OZR_STATS"))
    flags, percent = status(sparse, 1, 0, 0, 320, 256)
    assert flags == DATA | EMPTY and percent == pytest.approx(100 * 32 * 32 / (320 * 256))
    flags, percent = status(sparse, 2, 0, 0, 320, 256)
    assert flags == DATA | EMPTY and percent == pytest.approx(100 * 2 * 32 * 32 / (320 * 256))
    assert status(sparse, 1, 64, 32, 32, 32) == (DATA, 100)
    assert status(sparse, 1, 64, 32, 1, 1) == (DATA, 100)  # chunks are all that is known
    assert status(sparse, 2, 64, 32, 32, 32) == (EMPTY, 0)
    assert status(sparse, 1, 0, 0, 64, 256) == (EMPTY, 0)
    assert status(sparse, 1, 48, 32, 32, 32) == (DATA | EMPTY, 50)
    assert int(sparse.GetMetadataItem("CHUNKS_DECODED", "OZR_STATS")) == decoded


def test_stopping_early(sparse):
    flags, percent = status(sparse, 1, 0, 0, 320, 256, stop=EMPTY)
    assert flags == EMPTY and percent == -1
    flags, percent = status(sparse, 1, 64, 32, 256, 224, stop=DATA)
    assert flags == DATA and percent == -1
    assert status(sparse, 1, 0, 0, 64, 256, stop=DATA) == (EMPTY, 0)  # nothing to stop at


def test_coverage_of_overviews(tmp_path):
    pixels = numpy.zeros((1, 1024, 1024), "uint8")
    pixels[0, :64, :64] = 5
    dataset = copied(memory_raster(pixels), tmp_path / "a.ome.zarr", "BLOCKSIZE=64", "SHARDSIZE=128")[0]
    band = dataset.GetRasterBand(1).GetOverview(0)
    assert band.XSize == 512
    flags, percent = band.GetDataCoverageStatus(0, 0, 512, 512)
    assert flags == DATA | EMPTY and percent == pytest.approx(100 / 64)


@pytest.mark.parametrize("fill, nodata, known", [(0, None, True), (5, None, False), (5, "5", True), (0, "5", False), (0, "-1", False)])
def test_missing_pixels_must_be_what_gdal_takes_them_for(tmp_path, fill, nodata, known):
    """GDAL takes empty blocks for nodata or, without it, for 0; a fill value may be something else."""
    folder = tmp_path / "a.ome.zarr"
    copied(memory_raster(islands()), folder, "BLOCKSIZE=32", "SHARDSIZE=NO")
    for path in folder.rglob("zarr.json"):
        text = json.loads(path.read_text())
        if text["node_type"] == "array":
            text["fill_value"] = fill
        elif nodata and "gdal" in text["attributes"]:
            for band in text["attributes"]["gdal"]["bands"] or [text["attributes"]["gdal"].setdefault("every_band", {})]:
                band["nodata"] = nodata
        path.write_text(json.dumps(text))
    dataset = open_quietly(folder)
    assert dataset.GetRasterBand(1).GetNoDataValue() == (float(nodata) if nodata else None)
    flags, _ = status(dataset, 1, 0, 0, 32, 32)
    assert flags == (EMPTY if known else UNKNOWN | DATA)


def test_update_says_nothing(tmp_path):
    """What was written may wait in memory."""
    folder = tmp_path / "a.ome.zarr"
    copied(memory_raster(islands()), folder, "BLOCKSIZE=32")
    dataset = gdal.OpenEx(str(folder), gdal.OF_RASTER | gdal.OF_UPDATE, ["OMEZarr"])
    assert status(dataset, 1, 0, 0, 320, 256)[0] == UNKNOWN | DATA


def test_sparse_copy(sparse, tmp_path):
    """GDAL leaves out what is not there, and the pixels are the same."""
    with heard() as said:
        gdal.Translate(str(tmp_path / "a.tif"), sparse, creationOptions=["SPARSE_OK=TRUE", "TILED=YES", "BLOCKXSIZE=32", "BLOCKYSIZE=32", "INTERLEAVE=BAND"])
    assert said.errors() == []
    tif = gdal.Open(str(tmp_path / "a.tif"))
    numpy.testing.assert_array_equal(tif.ReadAsArray(), islands())
    stored = [(b, x, y) for b in (1, 2) for y in range(8) for x in range(10)
              if tif.GetRasterBand(b).GetMetadataItem(f"BLOCK_OFFSET_{x}_{y}", "TIFF") is not None]
    assert stored == [(1, 2, 1), (2, 9, 6), (2, 9, 7)]


def test_missing_store(sparse, tmp_path):
    """An array that was removed meanwhile is no empty one."""
    assert run("rm", "-r", tmp_path / "a.ome.zarr").returncode == 0
    flags, _ = status(sparse, 1, 0, 0, 64, 256)
    assert flags == UNKNOWN | DATA


def test_advice_is_free(sparse):
    """Advice about all, a part or a reduced window changes nothing that is read."""
    band = sparse.GetRasterBand(1)
    with heard() as said:
        assert sparse.AdviseRead(0, 0, 320, 256) == gdal.CE_None
        small = gdal.Translate("", sparse, format="MEM", width=32, height=26, srcWin=[0, 0, 320, 256])
        assert band.AdviseRead(5, 6, 300, 200) == gdal.CE_None
    assert list(said) == []
    numpy.testing.assert_array_equal(sparse.ReadAsArray(), islands())
    numpy.testing.assert_array_equal(small.ReadAsArray(), sparse.ReadAsArray(buf_xsize=32, buf_ysize=26))
