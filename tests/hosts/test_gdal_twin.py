# SPDX-License-Identifier: MIT
"""Files that are .ozx and TIFF: what we read, what GDAL's own GeoTIFF driver reads, and the pixels that were written."""
import concurrent.futures
import os
import pathlib
import shutil
import zipfile

import numpy
import pytest
from conftest import alive, copied, heard, memory_raster, open_quietly, opened, pattern, reduced, run
from osgeo import gdal, osr

DRIVER = gdal.GetDriverByName("OMEZarr")
TRANSFORM = (400000.0, 10.0, 0.0, 5000000.0, 0.0, -10.0)
COLORS = [gdal.GCI_RedBand, gdal.GCI_GreenBand, gdal.GCI_BlueBand, gdal.GCI_AlphaBand]


def raster(pixels, colors=False, epsg=32632, nodata=None):
    out = memory_raster(pixels)
    if epsg:
        srs = osr.SpatialReference()
        srs.ImportFromEPSG(epsg)
        out.SetSpatialRef(srs)
        out.SetGeoTransform(TRANSFORM)
    for i in range(len(pixels)):
        band = out.GetRasterBand(i + 1)
        band.SetDescription(f"band {i}")
        if nodata is not None:
            band.SetNoDataValue(nodata)
        if colors:
            band.SetColorInterpretation(COLORS[i])
    return out


def stock(name):
    """By GDAL's own driver."""
    with heard() as said:
        dataset = gdal.OpenEx(str(name), gdal.OF_RASTER, ["GTiff"])
    assert dataset is not None and not said, said
    alive.append(dataset)
    return dataset


def same_everywhere(name, pixels, levels=1):
    """Every level, both sides, and the numbers that numpy has for them."""
    zarr, tiff = open_quietly(f"OMEZARR:{name}"), stock(name)
    assert zarr.GetMetadataItem("TWIN", "IMAGE_STRUCTURE") == "YES"
    for dataset in (zarr, tiff):
        assert dataset.RasterCount == len(pixels)
        numpy.testing.assert_array_equal(dataset.ReadAsArray().reshape(pixels.shape), pixels)
    for b in range(len(pixels)):
        expected = pixels[b]
        assert zarr.GetRasterBand(b + 1).GetOverviewCount() == tiff.GetRasterBand(b + 1).GetOverviewCount() == levels
        for n in range(levels):
            expected = reduced(expected, (2, 2))
            for dataset in (zarr, tiff):
                numpy.testing.assert_array_equal(dataset.GetRasterBand(b + 1).GetOverview(n).ReadAsArray(), expected)
    return zarr, tiff


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "float32", "float64"])
@pytest.mark.parametrize("name", ["a.ozx", "a.ome.tif"])
def test_planes(tmp_path, dtype, name):
    pixels = pattern(1, 300, 450, dtype=dtype)
    _, said = copied(raster(pixels), tmp_path / name, "TWIN=YES", "BLOCKSIZE=128")
    assert not said
    same_everywhere(tmp_path / name, pixels)


@pytest.mark.parametrize("compress", ["ZSTD", "NONE"])
@pytest.mark.parametrize("bands", [3, 4])
def test_colors(tmp_path, bands, compress):
    pixels = pattern(bands, 300, 450, dtype="uint8")
    if bands == 4:
        pixels[3] = 255
    copied(raster(pixels, colors=True), tmp_path / "a.tif", "TWIN=YES", f"COMPRESS={compress}")
    zarr, tiff = same_everywhere(tmp_path / "a.tif", pixels)
    assert [tiff.GetRasterBand(b + 1).GetColorInterpretation() for b in range(bands)] == COLORS[:bands]
    assert tiff.GetMetadataItem("INTERLEAVE", "IMAGE_STRUCTURE") == zarr.GetMetadataItem("INTERLEAVE", "IMAGE_STRUCTURE") == "PIXEL"


def test_georeferenced_bands_are_one_raster(tmp_path):
    pixels = pattern(5, 300, 450)
    copied(raster(pixels, nodata=7), tmp_path / "a.ozx", "TWIN=YES")
    zarr = open_quietly(tmp_path / "a.ozx")
    tiff = stock(tmp_path / "a.ozx")
    numpy.testing.assert_array_equal(tiff.ReadAsArray(), pixels)
    for dataset in (zarr, tiff):
        assert dataset.GetGeoTransform() == TRANSFORM and dataset.GetSpatialRef().GetAuthorityCode(None) == "32632"
        assert [dataset.GetRasterBand(b).GetNoDataValue() for b in range(1, 6)] == [7] * 5
        assert [dataset.GetRasterBand(b).GetDescription() for b in range(1, 6)] == [f"band {i}" for i in range(5)]
    for b in range(1, 6):
        numpy.testing.assert_array_equal(zarr.GetRasterBand(b).GetOverview(0).ReadAsArray(), tiff.GetRasterBand(b).GetOverview(0).ReadAsArray())


def test_pixel_is_point_and_rotation(tmp_path):
    source = raster(pattern(1, 60, 70), epsg=4326)
    source.SetGeoTransform([10, 0.5, 0.1, 50, -0.1, -0.5])
    copied(source, tmp_path / "a.ozx", "TWIN=YES")
    source.SetGeoTransform([10, 0.5, 0, 50, 0, -0.5])
    source.SetMetadataItem("AREA_OR_POINT", "Point")
    copied(source, tmp_path / "b.ozx", "TWIN=YES")
    for name, transform in (("a.ozx", (10, 0.5, 0.1, 50, -0.1, -0.5)), ("b.ozx", (10, 0.5, 0, 50, 0, -0.5))):
        tiff = stock(tmp_path / name)
        numpy.testing.assert_allclose(tiff.GetGeoTransform(), transform, rtol=1e-15)
        assert tiff.GetSpatialRef().GetAuthorityCode(None) == "4326"
    assert stock(tmp_path / "b.ozx").GetMetadataItem("AREA_OR_POINT") == "Point"


def test_channels_without_a_place_are_pages(tmp_path):
    pixels = pattern(3, 100, 120)
    copied(raster(pixels, epsg=None), tmp_path / "a.ome.tif", "TWIN=YES")
    numpy.testing.assert_array_equal(open_quietly(f"OMEZARR:{tmp_path}/a.ome.tif").ReadAsArray(), pixels)
    for i in range(3):
        numpy.testing.assert_array_equal(stock(f"GTIFF_DIR:{i + 1}:{tmp_path}/a.ome.tif").ReadAsArray(), pixels[i])
    assert "OME" in stock(tmp_path / "a.ome.tif").GetMetadataItem("TIFFTAG_IMAGEDESCRIPTION")
    copied(raster(pixels, epsg=None), tmp_path / "b.tif", "TWIN=PIXELS")
    numpy.testing.assert_array_equal(stock(tmp_path / "b.tif").ReadAsArray(), pixels)


def test_without_our_driver(tmp_path):
    pixels = pattern(3, 300, 450, dtype="uint8")
    copied(raster(pixels, colors=True), tmp_path / "a.ozx", "TWIN=YES")
    environment = dict(os.environ, GDAL_SKIP="OMEZarr")
    import subprocess
    words = subprocess.run(["gdalinfo", str(tmp_path / "a.ozx")], env=environment, capture_output=True, text=True)
    assert words.returncode == 0 and "Driver: GTiff/" in words.stdout and "Overviews: 225x150" in words.stdout, words
    words = run("gdalinfo", tmp_path / "a.ozx")
    assert "Driver: OMEZarr/" in words.stdout and "TWIN=YES" in words.stdout


def test_tiff_names_stay_those_of_the_tiff_driver(tmp_path):
    copied(raster(pattern(1, 60, 70)), tmp_path / "a.ome.tif", "TWIN=YES")
    assert gdal.Open(str(tmp_path / "a.ome.tif")).GetDriver().ShortName == "GTiff"
    assert gdal.IdentifyDriver(str(tmp_path / "a.ome.tif")).ShortName == "GTiff"
    _, said = copied(raster(pattern(1, 60, 70)), tmp_path / "b.tif", errors=1)
    assert "TWIN=YES" in said.errors()[0] and not (tmp_path / "b.tif").exists()


def test_images_of_ours(tmp_path):
    from stores import write_image
    volume = pattern(2, 3, 100, 120)
    write_image(tmp_path / "v.ome.zarr", "0.4", "czyx", [volume], [1, 2, 1, 1])
    source = opened(tmp_path / "v.ome.zarr")[0]
    copied(source, tmp_path / "v.ome.tif", "TWIN=YES", "BLOCKSIZE=64")
    for c in range(2):
        for z in range(3):
            tiff = stock(f"GTIFF_DIR:{1 + 3 * c + z}:{tmp_path}/v.ome.tif")
            numpy.testing.assert_array_equal(tiff.ReadAsArray(), volume[c, z])
    for z in range(3):
        numpy.testing.assert_array_equal(open_quietly(f"OMEZARR:{tmp_path}/v.ome.tif", f"Z={z}").ReadAsArray(), volume[:, z])


def test_ground_control_points(tmp_path):
    source = raster(pattern(1, 60, 70), epsg=None)
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(4326)
    points = [gdal.GCP(1, 50, 0, 0, 0), gdal.GCP(2, 50, 0, 70, 0.5), gdal.GCP(1, 49, 0, 0, 60), gdal.GCP(2, 49.25, 0, 70, 60)]
    source.SetGCPs(points, srs.ExportToWkt())
    copied(source, tmp_path / "a.ozx", "TWIN=YES")
    copied(open_quietly(tmp_path / "a.ozx"), tmp_path / "b.ozx", "TWIN=YES")
    copied(source, tmp_path / "none.ozx", "TWIN=YES", "GEOREF=NO")
    for name in ("a.ozx", "b.ozx"):
        tiff = stock(tmp_path / name)
        got = [(p.GCPX, p.GCPY, p.GCPPixel, p.GCPLine) for p in tiff.GetGCPs()]
        assert got == [(p.GCPX, p.GCPY, p.GCPPixel, p.GCPLine) for p in points]
        assert tiff.GetGCPSpatialRef().GetAuthorityCode(None) == "4326"
    assert stock(tmp_path / "none.ozx").GetGCPCount() == 0


def test_the_tiff_side_stays_in_its_file(tmp_path):
    """A copy has other offsets, so its IFDs would be wrong; a copy that is a twin makes its own."""
    pixels = pattern(2, 100, 120)
    copied(raster(pixels), tmp_path / "a.ozx", "TWIN=YES")
    source = open_quietly(tmp_path / "a.ozx")
    for target, *options in (["b.ome.zarr"], ["b.ozx"], ["b.tif", "TWIN=YES"]):
        _, said = copied(source, tmp_path / target, *options, strict=1)
        assert not said
        numpy.testing.assert_array_equal(open_quietly(f"OMEZARR:{tmp_path / target}").ReadAsArray(), pixels)
    assert not (tmp_path / "b.ome.zarr/OME").exists()
    with zipfile.ZipFile(tmp_path / "a.ozx") as archive:
        archive.extractall(tmp_path / "unzipped.ome.zarr")
    assert (tmp_path / "unzipped.ome.zarr/OME/tiff.ifd").exists()
    for old, new in (("a.ozx", "c.ome.zarr"), ("c.ome.zarr", "d.ozx"), ("unzipped.ome.zarr", "e.ozx"), ("unzipped.ome.zarr", "f.ome.zarr")):
        with heard() as said:
            assert DRIVER.CopyFiles(str(tmp_path / new), str(tmp_path / old)) == 0
        assert not said
        image = open_quietly(tmp_path / new)
        assert image.GetMetadataItem("TWIN", "IMAGE_STRUCTURE") is None
        numpy.testing.assert_array_equal(image.ReadAsArray(), pixels)
    assert not (tmp_path / "c.ome.zarr/OME").exists() and not (tmp_path / "f.ome.zarr/OME").exists()


def test_overviews_cannot_be_added(tmp_path):
    copied(raster(pattern(1, 300, 300)), tmp_path / "a.ozx", "TWIN=YES")
    for words in (["2"], ["-ro", "2"], ["-clean"]):
        flags = [w for w in words if w.startswith("-")]
        done = run("gdaladdo", *flags, tmp_path / "a.ozx", *[w for w in words if w not in flags])
        assert done.returncode != 0 and "never changed" in done.stderr and "without -ro" not in done.stderr
    assert os.listdir(tmp_path) == ["a.ozx"]


def test_create(tmp_path):
    pixels = pattern(3, 300, 450)
    source = raster(pixels)
    dataset = DRIVER.Create(str(tmp_path / "a.ozx"), 450, 300, 3, gdal.GDT_UInt16, ["TWIN=YES", "BLOCKSIZE=128"])
    dataset.SetSpatialRef(source.GetSpatialRef())
    dataset.SetGeoTransform(TRANSFORM)
    dataset.WriteArray(pixels)
    dataset = None
    _, tiff = same_everywhere(tmp_path / "a.ozx", pixels)
    assert tiff.GetGeoTransform() == TRANSFORM and tiff.GetSpatialRef().GetAuthorityCode(None) == "32632"
    assert [p.name for p in tmp_path.iterdir()] == ["a.ozx"]


def test_missing_chunks_and_sizes(tmp_path):
    pixels = numpy.zeros((1, 1000, 1030), "uint16")
    pixels[0, 990:, 1020:] = 5
    copied(raster(pixels), tmp_path / "a.ozx", "TWIN=YES", "BLOCKSIZE=128", "LEVELS=4")
    same_everywhere(tmp_path / "a.ozx", pixels, levels=3)
    assert (tmp_path / "a.ozx").stat().st_size < 300000


def test_in_memory():
    pixels = pattern(1, 300, 450)
    copied(raster(pixels), "/vsimem/test_gdal_twin/a.tif", "TWIN=YES")
    same_everywhere("/vsimem/test_gdal_twin/a.tif", pixels)
    gdal.RmdirRecursive("/vsimem/test_gdal_twin")


@pytest.mark.parametrize("option, word", [
    ("BLOCKSIZE=100", "16"), ("COMPRESS=GZIP", "gzip"), ("COMPRESS=BLOSC_LZ4", "blosc"), ("OME_VERSION=0.4", "0.5"),
    ("PYRAMID=DEFER", "DEFER"), ("FACTORS=2,2,2", "factor"), ("TWIN=maybe", "TWIN")])
def test_what_does_not_go(tmp_path, option, word):
    _, said = copied(raster(pattern(3, 60, 70)), tmp_path / "a.ozx", *(["TWIN=YES"] if "TWIN" not in option else []), option, errors=1)
    assert word in said.errors()[0] and not list(tmp_path.iterdir())
    _, said = copied(raster(pattern(3, 60, 70)), tmp_path / "a.ome.zarr", "TWIN=YES", errors=1)
    assert "TWIN=YES" in said.errors()[0]


def test_cancelled_and_overwritten(tmp_path):
    pixels = pattern(1, 700, 650)
    for stop in (0.0, 0.5, 0.98):
        copied(raster(pixels), tmp_path / "a.ozx", "TWIN=YES", errors=1, callback=lambda done, *_: 0 if done >= stop else 1)
        assert not list(tmp_path.iterdir())
    copied(raster(pixels), tmp_path / "a.ozx", "TWIN=YES")
    before = (tmp_path / "a.ozx").read_bytes()
    alive.clear()
    _, said = copied(raster(pixels + 1), tmp_path / "a.ozx", "TWIN=YES", errors=1)
    copied(raster(pixels + 1), tmp_path / "a.ozx", "TWIN=YES", "OVERWRITE=YES", errors=1, callback=lambda done, *_: 0 if done > 0.5 else 1)
    assert (tmp_path / "a.ozx").read_bytes() == before
    copied(raster(pixels + 1), tmp_path / "a.ozx", "TWIN=YES", "OVERWRITE=YES")
    numpy.testing.assert_array_equal(open_quietly(tmp_path / "a.ozx").ReadAsArray(), pixels[0] + 1)


def test_read_only(tmp_path):
    copied(raster(pattern(1, 60, 70)), tmp_path / "a.ozx", "TWIN=YES")
    copied(raster(pattern(1, 60, 70)), tmp_path / "b.ozx", "TWIN=YES", "READ_ONLY=NO")
    assert not os.stat(tmp_path / "a.ozx").st_mode & 0o222 and os.stat(tmp_path / "b.ozx").st_mode & 0o200
    with heard() as said:
        assert gdal.OpenEx(str(tmp_path / "a.ozx"), gdal.OF_RASTER | gdal.OF_UPDATE, ["OMEZarr"]) is None
    assert "never changed" in said.errors()[0]


# --- the check -----------------------------------------------------------------------------------


@pytest.fixture
def twin(tmp_path):
    pixels = pattern(1, 300, 450)
    copied(raster(pixels), tmp_path / "a.ozx", "TWIN=YES", "BLOCKSIZE=128", "READ_ONLY=NO")
    alive.clear()
    return tmp_path / "a.ozx"


def test_check_on_request(twin):
    for depth in ("TILES", "BYTES"):
        assert "agree" in open_quietly(twin, f"TWIN_CHECK={depth}").GetMetadataItem("TWIN", "IMAGE_STRUCTURE")
    assert open_quietly(twin, "TWIN_CHECK=NO").GetMetadataItem("TWIN", "IMAGE_STRUCTURE") is None
    with heard() as said:
        assert gdal.OpenEx(str(twin), gdal.OF_RASTER, ["OMEZarr"], ["TWIN_CHECK=perhaps"]) is None
    assert "QUICK" in said.errors()[0]
    copied(memory_raster(pattern(1, 60, 70)), twin.parent / "plain.ozx")
    for depth in ("QUICK", "BYTES"):
        assert open_quietly(twin.parent / "plain.ozx", f"TWIN_CHECK={depth}").GetMetadataItem("TWIN", "IMAGE_STRUCTURE") is None


def test_changed_by_the_tiff_driver(twin):
    """Never wrong pixels: an error that says so."""
    dataset = gdal.OpenEx(str(twin), gdal.OF_RASTER | gdal.OF_UPDATE, ["GTiff"])
    dataset.GetRasterBand(1).WriteArray(numpy.full((300, 450), 9, "uint16"))
    dataset = None
    _, said = opened(twin, errors=1)
    assert "no longer agree" in said.errors()[0] or "zip" in said.errors()[0], said


@pytest.mark.skipif(shutil.which("zip") is None, reason="no zip")
def test_changed_by_zip(twin):
    (twin.parent / "note.txt").write_text("a note")
    assert run("zip", "-j", "-u", twin, twin.parent / "note.txt").returncode == 0
    with heard() as said:
        dataset = gdal.OpenEx(str(twin), gdal.OF_RASTER, ["OMEZarr"])
    if dataset is None:
        assert "no longer agree" in said.errors()[0], said
    else:  # it has added a member behind all others, and what was there stayed in its place
        numpy.testing.assert_array_equal(dataset.ReadAsArray(), pattern(1, 300, 450)[0])
        numpy.testing.assert_array_equal(stock(twin).ReadAsArray(), pattern(1, 300, 450)[0])


def test_header_changed(twin):
    data = bytearray(twin.read_bytes())
    data[8] ^= 0x40  # where the first IFD is
    twin.write_bytes(data)
    _, said = opened(twin, errors=1)
    assert "no longer agree" in said.errors()[0] and "TWIN_CHECK=NO" in said.errors()[0]
    numpy.testing.assert_array_equal(open_quietly(twin, "TWIN_CHECK=NO").ReadAsArray(), pattern(1, 300, 450)[0])


def test_truncated_and_flipped(twin):
    """Errors, or the right pixels."""
    data = twin.read_bytes()
    expected = pattern(1, 300, 450)[0]
    random = numpy.random.default_rng(4)
    for i in range(60):
        changed = bytearray(data)
        if i % 2:
            del changed[int(random.integers(len(data))):]
        else:
            changed[int(random.integers(len(data)))] ^= 1 << int(random.integers(8))
        twin.write_bytes(changed)
        with heard() as said:
            dataset = gdal.OpenEx(str(twin), gdal.OF_RASTER | gdal.OF_VERBOSE_ERROR, ["OMEZarr"])
            pixels = None if dataset is None else dataset.ReadAsArray()
        if pixels is None:
            assert said.errors()
        else:
            numpy.testing.assert_array_equal(pixels, expected)


def test_threads(twin):
    expected = pattern(1, 300, 450)[0]

    def read(i):
        dataset = gdal.OpenEx(str(twin), gdal.OF_RASTER, ["OMEZarr" if i % 2 else "GTiff"])
        x, y = 37 * i % 300, 53 * i % 200
        return (dataset.ReadAsArray(x, y, 100, 90) == expected[y:y + 90, x:x + 100]).all()

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(100)))
