# SPDX-License-Identifier: MIT
"""GDAL's own programs that write: the same on our images as on GeoTIFFs, levels included."""
import sys

import numpy
import pytest
from conftest import alive, copied, fingerprint, heard, memory_raster, opened, pattern, run
from osgeo import gdal

UTM, DEGREES = "EPSG:32632", "EPSG:4326"


@pytest.fixture
def scene(tmp_path):
    """A georeferenced GeoTIFF, 3 bands, with a hole of nodata."""
    pixels = pattern(3, 420, 510) % 900 + 1
    pixels[:, 100:140, 200:260] = 0
    memory = memory_raster(pixels)
    memory.SetProjection(wkt(UTM))
    memory.SetGeoTransform([500000, 30, 0, 5200000, 0, -30])
    for i in range(3):
        memory.GetRasterBand(i + 1).SetNoDataValue(0)
    path = tmp_path / "scene.tif"
    gdal.GetDriverByName("GTiff").CreateCopy(str(path), memory).FlushCache()
    return path


def wkt(code):
    from osgeo import osr
    reference = osr.SpatialReference()
    reference.SetFromUserInput(code)
    return reference.ExportToWkt()


def same(ours, tif):
    """Pixels, place and nodata; and our levels follow from our level 0."""
    a, b = opened(ours)[0], gdal.Open(str(tif))
    numpy.testing.assert_array_equal(a.ReadAsArray(), b.ReadAsArray())
    assert a.GetGeoTransform() == b.GetGeoTransform()
    assert (a.GetSpatialRef() is None) == (b.GetSpatialRef() is None)
    assert a.GetSpatialRef() is None or a.GetSpatialRef().IsSame(b.GetSpatialRef())
    for i in range(a.RasterCount):
        assert a.GetRasterBand(i + 1).GetNoDataValue() == b.GetRasterBand(i + 1).GetNoDataValue()
    rebuilt = f"{ours}.rebuilt.ome.zarr"
    source = memory_raster(numpy.atleast_3d(a.ReadAsArray()).reshape(a.RasterCount, a.RasterYSize, a.RasterXSize))
    for i in range(a.RasterCount):
        if a.GetRasterBand(i + 1).GetNoDataValue() is not None:
            source.GetRasterBand(i + 1).SetNoDataValue(a.GetRasterBand(i + 1).GetNoDataValue())
    copied(source, rebuilt, "GEOREF=NO")
    c = opened(rebuilt)[0]
    count = a.GetRasterBand(1).GetOverviewCount()
    assert count == c.GetRasterBand(1).GetOverviewCount()
    for i in range(a.RasterCount):
        for n in range(count):
            numpy.testing.assert_array_equal(a.GetRasterBand(i + 1).GetOverview(n).ReadAsArray(),
                                             c.GetRasterBand(i + 1).GetOverview(n).ReadAsArray())
    alive.clear()


def good(done):
    assert done.returncode == 0 and "ERROR" not in done.stderr and "Warning" not in done.stderr, done.stderr


@pytest.mark.parametrize("method", ["near", "bilinear"])
def test_gdalwarp_to_a_new_image(scene, tmp_path, method):
    for name, driver in [("a.ome.zarr", "OMEZarr"), ("a.tif", "GTiff")]:
        good(run("gdalwarp", "-q", "-of", driver, "-r", method, "-t_srs", DEGREES, "-dstnodata", "0", "-wm", "1",
                 scene, tmp_path / name))
    same(tmp_path / "a.ome.zarr", tmp_path / "a.tif")


def test_gdalwarp_onto_an_existing_image(scene, tmp_path):
    """Two sources one after the other; the second overlaps the first."""
    for name, driver in [("a.ome.zarr", "OMEZarr"), ("a.tif", "GTiff")]:
        extent = ["-te", "498000", "5180000", "530000", "5202000"]
        good(run("gdalwarp", "-q", "-of", driver, *extent, "-tr", 45, 45, scene, tmp_path / name))
        good(run("gdal_translate", "-q", "-srcwin", 0, 0, 200, 150, "-a_ullr", 512000, 5195000, 518000, 5190500,
                 "-scale", 0, 1000, 1000, 2000, scene, tmp_path / "second.tif"))
        good(run("gdalwarp", "-q", "-wm", "1", tmp_path / "second.tif", tmp_path / name))
    same(tmp_path / "a.ome.zarr", tmp_path / "a.tif")


def test_gdal_calc(scene, tmp_path):
    for name, driver in [("a.ome.zarr", "OMEZarr"), ("a.tif", "GTiff")]:
        good(run(sys.executable, "-m", "osgeo_utils.gdal_calc", "-A", scene, "-B", scene, "--A_band=1", "--B_band=3",
                 "--calc=(A.astype(float)-B)/(A+B+1)", "--type=Float32", f"--format={driver}", "--quiet",
                 f"--outfile={tmp_path / name}"))
    same(tmp_path / "a.ome.zarr", tmp_path / "a.tif")


def test_fillnodata_and_rasterize(scene, tmp_path):
    """FillNodata reads and writes the same band in turn; RasterizeLayer burns into it."""
    from osgeo import ogr
    results = []
    copied(gdal.Open(str(scene)), tmp_path / "a.ome.zarr", "BLOCKSIZE=64")
    gdal.GetDriverByName("GTiff").CreateCopy(str(tmp_path / "a.tif"), gdal.Open(str(scene))).FlushCache()
    layer_source = ogr.GetDriverByName("Memory").CreateDataSource("")
    layer = layer_source.CreateLayer("l", srs=gdal.Open(str(scene)).GetSpatialRef())
    feature = ogr.Feature(layer.GetLayerDefn())
    feature.SetGeometry(ogr.CreateGeometryFromWkt(
        "POLYGON((501000 5199000, 508000 5196000, 503000 5190000, 501000 5199000))"))
    layer.CreateFeature(feature)
    for name in ["a.ome.zarr", "a.tif"]:
        with heard() as said:
            dataset = gdal.OpenEx(str(tmp_path / name), gdal.OF_UPDATE)
            assert gdal.FillNodata(dataset.GetRasterBand(1), None, 20, 1) == 0
            assert gdal.RasterizeLayer(dataset, [2, 3], layer, burn_values=[111, 222]) == 0
            results.append(dataset.ReadAsArray())
            dataset = None
        assert not said.errors(), said
    numpy.testing.assert_array_equal(*results)
    same(tmp_path / "a.ome.zarr", tmp_path / "a.tif")


def test_gdal_edit(scene, tmp_path):
    copied(gdal.Open(str(scene)), tmp_path / "a.ome.zarr")
    gdal.GetDriverByName("GTiff").CreateCopy(str(tmp_path / "a.tif"), gdal.Open(str(scene))).FlushCache()
    alive.clear()
    chunks = {k: v for k, v in fingerprint(tmp_path / "a.ome.zarr").items() if "/c/" in k}
    for name in ["a.ome.zarr", "a.tif"]:
        good(run(sys.executable, "-m", "osgeo_utils.gdal_edit", "-a_srs", "EPSG:32633", "-a_ullr", 0, 420, 510, 0,
                 "-mo", "A=b", tmp_path / name))
    same(tmp_path / "a.ome.zarr", tmp_path / "a.tif")
    assert {k: v for k, v in fingerprint(tmp_path / "a.ome.zarr").items() if "/c/" in k} == chunks
    assert opened(tmp_path / "a.ome.zarr")[0].GetMetadataItem("A") == "b"


def profile_write(path, driver, pixels):
    """As rasterio does in mode "w": everything is set before the first pixel; windows; statistics at the end."""
    options = ["BLOCKSIZE=64"] if driver == "OMEZarr" else ["TILED=YES"]
    dataset = gdal.GetDriverByName(driver).Create(str(path), pixels.shape[2], pixels.shape[1], pixels.shape[0],
                                                  gdal.GDT_UInt16, options)
    dataset.SetProjection(wkt(UTM))
    dataset.SetGeoTransform([1, 2, 0, 3, 0, -4])
    for i in range(len(pixels)):
        band = dataset.GetRasterBand(i + 1)
        band.SetNoDataValue(5)
        band.SetDescription(f"band {i}")
    for y in range(0, pixels.shape[1], 90):
        for x in range(0, pixels.shape[2], 130):
            window = numpy.ascontiguousarray(pixels[:, y:y + 90, x:x + 130])
            dataset.WriteRaster(x, y, window.shape[2], window.shape[1], window.tobytes())
    dataset.SetMetadataItem("LATE", "yes")
    dataset.FlushCache()


def test_as_rasterio_writes_and_updates(tmp_path):
    pixels = pattern(3, 420, 510) % 900 + 1
    for name, driver in [("a.ome.zarr", "OMEZarr"), ("a.tif", "GTiff")]:
        profile_write(tmp_path / name, driver, pixels)
        # mode "r+": read a window, change it, write it back, read again
        dataset = gdal.OpenEx(str(tmp_path / name), gdal.OF_UPDATE)
        for i in range(30):
            x, y = i * 13 % 400, i * 29 % 300
            window = dataset.ReadAsArray(x, y, 100, 80)
            dataset.WriteRaster(x, y, 100, 80, (window * 2).tobytes())
            numpy.testing.assert_array_equal(dataset.ReadAsArray(x, y, 100, 80), window * 2)
        dataset = None
    same(tmp_path / "a.ome.zarr", tmp_path / "a.tif")
    dataset, _ = opened(tmp_path / "a.ome.zarr")
    assert dataset.GetMetadataItem("LATE") == "yes" and dataset.GetRasterBand(2).GetDescription() == "band 1"


def test_block_cache_and_direct_writes_mix(tmp_path):
    """Fill, resampled writes and statistics go through GDAL's block cache, plain windows do not."""
    results, statistics = [], []
    pixels = pattern(2, 300, 333)
    copied(memory_raster(pixels), tmp_path / "a.ome.zarr", "BLOCKSIZE=32")
    gdal.GetDriverByName("GTiff").CreateCopy(str(tmp_path / "a.tif"), memory_raster(pixels), 0,
                                             ["TILED=YES", "BLOCKXSIZE=32", "BLOCKYSIZE=32"]).FlushCache()
    alive.clear()
    for name in ["a.ome.zarr", "a.tif"]:
        dataset = gdal.OpenEx(str(tmp_path / name), gdal.OF_UPDATE)
        one, two = dataset.GetRasterBand(1), dataset.GetRasterBand(2)
        one.Fill(7)
        one.WriteArray(pixels[0, :100, :100], 50, 50)
        small = pixels[1, :40, :50]
        two.WriteRaster(20, 10, 150, 120, small.tobytes(), 50, 40)  # enlarged
        two.WriteArray(pixels[1, 200:230, :60], 100, 100)
        statistics.append(two.ComputeStatistics(False))
        one.WriteRaster(0, 0, 20, 20, numpy.full(100, 99, "uint16").tobytes(), 10, 10)
        statistics.append(one.Checksum())
        results.append(dataset.ReadAsArray())
        one.Fill(11)
        results.append(one.ReadAsArray())
        two.WriteArray(pixels[0, :10, :10], 290, 290)
        dataset = None
    numpy.testing.assert_array_equal(results[0], results[2])
    numpy.testing.assert_array_equal(results[1], results[3])
    assert statistics[:2] == statistics[2:]
    same(tmp_path / "a.ome.zarr", tmp_path / "a.tif")
