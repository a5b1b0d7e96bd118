# SPDX-License-Identifier: MIT
"""Reads at another resolution: the same pixels as of a GeoTIFF that has the same overviews."""
import numpy
import pytest
from conftest import copied, memory_raster, open_quietly, pattern
from osgeo import gdal

METHODS = {"nearest": gdal.GRIORA_NearestNeighbour, "bilinear": gdal.GRIORA_Bilinear, "cubic": gdal.GRIORA_Cubic,
           "cubicspline": gdal.GRIORA_CubicSpline, "lanczos": gdal.GRIORA_Lanczos, "average": gdal.GRIORA_Average,
           "mode": gdal.GRIORA_Mode, "gauss": gdal.GRIORA_Gauss, "rms": gdal.GRIORA_RMS}
# window, size of the buffer
REQUESTS = [((0, 0, 1203, 901), (601, 450)), ((0, 0, 1203, 901), (602, 451)), ((0, 0, 1203, 901), (500, 400)), ((0, 0, 1203, 901), (150, 100)),
            ((100, 60, 800, 600), (200, 150)), ((33, 17, 501, 333), (250, 160)), ((33, 17, 501, 333), (420, 290)),
            ((7, 7, 1, 1), (3, 3)), ((10, 20, 60, 40), (130, 95)), ((0, 0, 1203, 901), (1203, 3)), ((5, 0, 3, 901), (3, 90))]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """An image with overviews of 602 x 451, 301 x 226, ... and a GeoTIFF with the same pixels in all of them."""
    folder = tmp_path_factory.mktemp("resampling")
    waves = numpy.sin(numpy.arange(901).reshape(-1, 1) / 9) * numpy.cos(numpy.arange(1203) / 7)
    pixels = numpy.stack([2000 + 1900 * waves, 2000 - 1900 * waves, pattern(901, 1203) % 4000]).astype("uint16")
    copied(memory_raster(pixels), folder / "a.ome.zarr", "BLOCKSIZE=128", "PYRAMID=AUTO")
    ours = open_quietly(folder / "a.ome.zarr")
    tif = gdal.GetDriverByName("GTiff").CreateCopy(str(folder / "a.tif"), memory_raster(pixels), options=["TILED=YES"])
    count = ours.GetRasterBand(1).GetOverviewCount()
    assert count >= 2
    tif.BuildOverviews("NONE", [2 ** (i + 1) for i in range(count)])
    for band in (1, 2, 3):
        for i in range(count):
            mine, theirs = ours.GetRasterBand(band).GetOverview(i), tif.GetRasterBand(band).GetOverview(i)
            assert (mine.XSize, mine.YSize) == (theirs.XSize, theirs.YSize)
            theirs.WriteArray(mine.ReadAsArray())
    tif = None
    return str(folder / "a.ome.zarr"), str(folder / "a.tif")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_same_pixels(both, method, request_):
    (x, y, width, height), (columns, lines) = request_
    ours, tif = gdal.Open(both[0]), gdal.Open(both[1])
    how = {"buf_xsize": columns, "buf_ysize": lines, "resample_alg": METHODS[method]}
    numpy.testing.assert_array_equal(ours.ReadAsArray(x, y, width, height, **how), tif.ReadAsArray(x, y, width, height, **how))
    got = ours.GetRasterBand(2).ReadAsArray(x, y, width, height, **how)
    numpy.testing.assert_array_equal(got, tif.GetRasterBand(2).ReadAsArray(x, y, width, height, **how))


def test_windows_between_pixels(both):
    """Windows given as floating-point numbers, as warping and zooming viewers do."""
    for method in ("nearest", "bilinear", "cubic", "average"):
        arrays = []
        for name in both:
            dataset = gdal.Open(name)
            arrays.append(dataset.GetRasterBand(1).ReadAsArray(10.4, 20.7, 400.3, 300.9, buf_xsize=151, buf_ysize=113, resample_alg=METHODS[method]))
        numpy.testing.assert_array_equal(*arrays)


@pytest.mark.parametrize("threshold", ["1.0", "1.5", "3"])
def test_threshold(both, threshold):
    """GDAL's rule for the choice of an overview holds."""
    gdal.SetConfigOption("GDAL_OVERVIEW_OVERSAMPLING_THRESHOLD", threshold)
    try:
        for method in ("nearest", "average"):
            how = {"buf_xsize": 480, "buf_ysize": 360, "resample_alg": METHODS[method]}
            ours, tif = gdal.Open(both[0]), gdal.Open(both[1])
            numpy.testing.assert_array_equal(ours.ReadAsArray(**how), tif.ReadAsArray(**how))
    finally:
        gdal.SetConfigOption("GDAL_OVERVIEW_OVERSAMPLING_THRESHOLD", None)


def decoded_bytes(dataset):
    return int(dataset.GetMetadataItem("BYTES_DECODED", "OZR_STATS"))


def test_small_reads_cost_little(both):
    """A view of a quarter of the size decodes the overview alone."""
    dataset = gdal.Open(both[0])
    for read in (dataset.ReadAsArray, dataset.GetRasterBand(1).ReadAsArray):
        before = decoded_bytes(dataset)
        read(buf_xsize=301, buf_ysize=226)
        assert decoded_bytes(dataset) - before <= 3 * 512 * 512 * 2


def test_translate_and_warp(both, tmp_path):
    """Programs that choose overviews by themselves."""
    small, warped = [], []
    for name in both:
        small.append(gdal.Translate("", name, format="MEM", width=250, height=180, resampleAlg="average").ReadAsArray())
        placed = gdal.Translate(str(tmp_path / f"{len(small)}.vrt"), name, outputBounds=[0, 901, 1203, 0], outputSRS="EPSG:32631")
        warped.append(gdal.Warp("", placed, format="MEM", width=220, height=170, resampleAlg="bilinear").ReadAsArray())
    numpy.testing.assert_array_equal(*small)
    numpy.testing.assert_array_equal(*warped)
