# SPDX-License-Identifier: MIT
"""Import: tiles of GeoTIFFs become chunks as they are, or the reason why not is told; always the right pixels.

The files are written by GDAL's own driver, that is by libtiff; what was not decoded is seen in the bytes of the store."""
import json
import pathlib

import numpy
import pytest
from conftest import alive, copied, heard, memory_raster, open_quietly, opened, pattern, reduced
from osgeo import gdal, osr

GTIFF = gdal.GetDriverByName("GTiff")
HAS_ZSTD = "ZSTD" in GTIFF.GetMetadataItem("DMD_CREATIONOPTIONLIST")
CODECS = [pytest.param("ZSTD", marks=pytest.mark.skipif(not HAS_ZSTD, reason="libtiff has no zstd")), "DEFLATE", "NONE"]
OURS = {"ZSTD": "zstd", "DEFLATE": "gzip", "NONE": None}
MAGIC = {"ZSTD": b"\x28\xb5\x2f\xfd", "DEFLATE": b"\x1f\x8b"}
SHAPE = (500, 701)


def pixels(bands, dtype, shape=SHAPE):
    values = pattern(bands, *shape, dtype="uint32") % 251 + 1
    if dtype == "float32":
        return values.astype(dtype) / 3
    return (values - 100).astype(dtype) if dtype == "int16" else values.astype(dtype)


def tiff(path, values, *options, nodata=None, srs=None, tiled=True):
    memory = memory_raster(values)
    if nodata is not None:
        for b in range(memory.RasterCount):
            memory.GetRasterBand(b + 1).SetNoDataValue(nodata)
    if srs is not None:
        memory.SetProjection(srs)
        memory.SetGeoTransform([1000, 2, 0, 5000, 0, -2])
    options = [*(["TILED=YES"] if tiled else []), *options]
    written = GTIFF.CreateCopy(str(path), memory, 0, options)
    assert written is not None
    written = None
    return gdal.Open(str(path))


@pytest.fixture
def debug():
    """What our driver says with CPL_DEBUG=OMEZarr."""
    gdal.SetConfigOption("CPL_DEBUG", "OMEZarr")
    yield
    gdal.SetConfigOption("CPL_DEBUG", None)


def convert(source, target, *options, **more):
    dataset, said = copied(source, target, *options, **more)
    told = [text for kind, _, text in said if kind == gdal.CE_Debug]
    assert not said.warnings()
    return dataset, told


def codecs_of(target, level="s0/image"):
    document = json.loads((pathlib.Path(target) / level / "zarr.json").read_text())
    codecs = document["codecs"]
    chunk = document["chunk_grid"]["configuration"]["chunk_shape"]
    if codecs[0]["name"] == "sharding_indexed":
        chunk = codecs[0]["configuration"]["chunk_shape"]
        codecs = codecs[0]["configuration"]["codecs"]
    return {c["name"]: c.get("configuration", {}) for c in codecs}, chunk


def check(dataset, values):
    got = dataset.ReadAsArray().reshape(values.shape)
    assert got.dtype == values.dtype
    numpy.testing.assert_array_equal(got, values)


# --- What goes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("bands,interleave", [(1, "BAND"), (3, "PIXEL"), (3, "BAND")])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("codec", CODECS)
def test_pixels(tmp_path, debug, codec, dtype, bands, interleave):
    values = pixels(bands, dtype)
    source = tiff(tmp_path / "a.tif", values, f"COMPRESS={codec}", f"INTERLEAVE={interleave}")
    asked = ["COMPRESS=NONE"] if codec == "NONE" else []
    dataset, told = convert(source, tmp_path / "a.ome.zarr", *asked)
    tiles = 2 * 3 * (bands if interleave == "BAND" else 1)
    assert any(f"was imported: {tiles} tiles as they are" in text and "0 encoded anew" in text for text in told), told
    check(dataset, values)
    codecs, chunk = codecs_of(tmp_path / "a.ome.zarr")
    assert chunk == ([bands if interleave == "PIXEL" else 1] if bands > 1 else []) + [256, 256]
    assert ("transpose" in codecs) == (interleave == "PIXEL")
    assert {name for name in codecs if name not in ("transpose", "bytes", "crc32c")} == {OURS[codec]} - {None}
    assert ("crc32c" in codecs) == (codec != "ZSTD")
    if codec == "ZSTD":
        assert codecs["zstd"]["checksum"] is False
    # the levels above are made of it
    first = reduced(values[0], (2, 2))
    got = dataset.GetRasterBand(1).GetOverview(0).ReadAsArray()
    numpy.testing.assert_allclose(got, first, rtol=1e-6, atol=0)


@pytest.mark.parametrize("codec", CODECS[:2])
def test_bytes_are_those_of_the_file(tmp_path, codec):
    """Each chunk has the compressed bytes of its tile, but for the header."""
    values = pixels(1, "uint16")
    source = tiff(tmp_path / "a.tif", values, f"COMPRESS={codec}")
    convert(source, tmp_path / "a.ome.zarr", "SHARDSIZE=NO", "PYRAMID=NO")
    band, raw = source.GetRasterBand(1), (tmp_path / "a.tif").read_bytes()
    for y in range(2):
        for x in range(3):
            at = int(band.GetMetadataItem(f"BLOCK_OFFSET_{x}_{y}", "TIFF"))
            size = int(band.GetMetadataItem(f"BLOCK_SIZE_{x}_{y}", "TIFF"))
            tile = raw[at : at + size]
            chunk = (tmp_path / "a.ome.zarr" / "s0/image" / f"c/{y}/{x}").read_bytes()
            assert chunk[: len(MAGIC[codec])] == MAGIC[codec]
            if codec == "ZSTD":
                assert chunk[10:] == tile[6:] and int.from_bytes(chunk[6:10], "little") == 256 * 256 * 2
            else:
                assert chunk[10:-12] == tile[2:-4] and int.from_bytes(chunk[-8:-4], "little") == 256 * 256 * 2


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("nodata", [None, 0, 77])
def test_sparse(tmp_path, codec, nodata):
    """Tiles that are not stored read as the nodata value, and are no chunks."""
    values = pixels(2, "uint16")
    values[:, :256, 256:512] = nodata or 0
    source = tiff(tmp_path / "a.tif", values, f"COMPRESS={codec}", "SPARSE_OK=YES", nodata=nodata)
    check(source, values)
    dataset, _ = convert(source, tmp_path / "a.ome.zarr", "IMPORT=YES", "SHARDSIZE=NO", "LEVELS=2")
    check(dataset, values)
    assert dataset.GetRasterBand(1).GetNoDataValue() == nodata
    assert not (tmp_path / "a.ome.zarr/s0/image/c/0/0/1").exists() and (tmp_path / "a.ome.zarr/s0/image/c/0/0/2").exists()


def test_large_tiles_and_small_image(tmp_path):
    values = pixels(1, "uint8", (40, 30))
    source = tiff(tmp_path / "a.tif", values, "COMPRESS=DEFLATE", "BLOCKXSIZE=512", "BLOCKYSIZE=128")
    dataset, _ = convert(source, tmp_path / "a.ome.zarr", "IMPORT=YES")
    check(dataset, values)
    assert codecs_of(tmp_path / "a.ome.zarr")[1] == [128, 512]


def test_all_else_is_copied_too(tmp_path):
    """Georeferencing, metadata and names are those of any copy."""
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(32631)
    values = pixels(3, "uint8")
    memory = tiff(tmp_path / "a.tif", values, "COMPRESS=DEFLATE", nodata=5, srs=srs.ExportToWkt())
    results = []
    for how in ("YES", "NO"):
        dataset, _ = convert(memory, tmp_path / f"{how}.ome.zarr", f"IMPORT={how}", "NAME=a", "PYRAMID=NO")
        results.append((dataset.GetGeoTransform(), dataset.GetSpatialRef().ExportToWkt(), dataset.GetRasterBand(2).GetNoDataValue(),
                        [dataset.GetRasterBand(b + 1).GetDescription() for b in range(3)], dataset.GetMetadata()))
        check(dataset, values)
    assert results[0] == results[1]


@pytest.mark.parametrize("kind", ["big", "vsimem", "directory", "offset", "vsizip"])
def test_ways_to_name_it(tmp_path, debug, kind):
    values, other = pixels(1, "uint16"), pixels(1, "uint16") + numpy.uint16(9)
    path = "/vsimem/import.tif" if kind == "vsimem" else str(tmp_path / "a.tif")
    source = tiff(path, other if kind in ("directory", "offset") else values, "COMPRESS=DEFLATE",
                  *(["BIGTIFF=YES"] if kind == "big" else []))
    if kind in ("directory", "offset"):
        source = None
        assert GTIFF.CreateCopy(path, memory_raster(values), 0, ["TILED=YES", "COMPRESS=DEFLATE", "APPEND_SUBDATASET=YES"])
        alive.clear()
        name = f"GTIFF_DIR:2:{path}"
        if kind == "offset":
            second = gdal.Open(name)
            offset = second.GetRasterBand(1).GetMetadataItem("IFD_OFFSET", "TIFF")
            name = f"GTIFF_DIR:off:{offset}:{path}"
        source = gdal.Open(name)
    elif kind == "vsizip":
        import zipfile
        with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
            archive.write(path, "in/a.tif")
        source = gdal.Open(f"/vsizip/{tmp_path}/b.zip/in/a.tif")
    dataset, told = convert(source, tmp_path / "a.ome.zarr")
    check(dataset, values)
    assert any("was imported: 6 tiles" in text for text in told), told
    if kind == "vsimem":
        gdal.Unlink(path)


def test_targets(tmp_path):
    values = pixels(3, "uint8")
    source = tiff(tmp_path / "a.tif", values, "COMPRESS=DEFLATE", "INTERLEAVE=PIXEL")
    for name in (tmp_path / "a.ozx", "/vsimem/import.ome.zarr"):
        dataset, _ = convert(source, name, "IMPORT=YES", "LEVELS=3")
        check(dataset, values)
        got = dataset.GetRasterBand(2).GetOverview(0).ReadAsArray()
        numpy.testing.assert_array_equal(got, reduced(values[1], (2, 2)))
    gdal.RmdirRecursive("/vsimem/import.ome.zarr")
    dataset, _ = convert(tiff(tmp_path / "b.tif", values, "COMPRESS=DEFLATE", "INTERLEAVE=BAND"), tmp_path / "b.ome.zarr", "IMPORT=YES", "OME_VERSION=0.4")
    check(dataset, values)


# --- Overviews --------------------------------------------------------------------------------------


def with_overviews(path, values, *options):
    source = tiff(path, values, *options)
    source = None
    dataset = gdal.Open(str(path), gdal.GA_Update)
    gdal.SetConfigOption("GDAL_TIFF_OVR_BLOCKSIZE", "256")
    dataset.BuildOverviews("NEAREST", [2, 4])
    gdal.SetConfigOption("GDAL_TIFF_OVR_BLOCKSIZE", None)
    for b in range(1, dataset.RasterCount + 1):
        for i in range(2):
            band = dataset.GetRasterBand(b).GetOverview(i)
            band.WriteArray(pattern(band.YSize, band.XSize, dtype="uint32").astype(values.dtype) % 100 + 10 * b + i)
    dataset = None
    return gdal.Open(str(path))


@pytest.mark.parametrize("how", ["AUTO", "FORCE_USE_EXISTING"])
@pytest.mark.parametrize("interleave", ["PIXEL", "BAND"])
def test_overviews_are_imported(tmp_path, debug, how, interleave):
    values = pixels(3, "uint8", (1100, 901))
    source = with_overviews(tmp_path / "a.tif", values, "COMPRESS=DEFLATE", f"INTERLEAVE={interleave}")
    dataset, told = convert(source, tmp_path / "a.ome.zarr", f"OVERVIEWS={how}", "LEVELS=3" if how == "AUTO" else "IMPORT=YES")
    per = 1 if interleave == "PIXEL" else 3
    # 5 x 4 tiles of level 0, 3 x 2 and 2 x 1 of the overviews
    assert any(f"was imported: {(20 + 6 + 2) * per} tiles" in text for text in told), told
    check(dataset, values)
    for b in range(1, 4):
        for i in range(2):
            numpy.testing.assert_array_equal(dataset.GetRasterBand(b).GetOverview(i).ReadAsArray(),
                                             source.GetRasterBand(b).GetOverview(i).ReadAsArray())


def test_overviews_that_do_not_go_are_read(tmp_path, debug):
    """Other tiles than the image's: encoded anew, with the pixels that they have."""
    values = pixels(1, "uint8", (1100, 901))
    path = tmp_path / "a.tif"
    tiff(path, values, "COMPRESS=DEFLATE", "BLOCKXSIZE=128", "BLOCKYSIZE=128")
    source = with_overviews(path, values, "COMPRESS=DEFLATE", "BLOCKXSIZE=128", "BLOCKYSIZE=128")
    dataset, told = convert(source, tmp_path / "a.ome.zarr", "OVERVIEWS=AUTO", "LEVELS=4")
    assert any("was imported: 72 tiles" in text for text in told), told
    check(dataset, values)
    for i in range(2):
        numpy.testing.assert_array_equal(dataset.GetRasterBand(1).GetOverview(i).ReadAsArray(),
                                         source.GetRasterBand(1).GetOverview(i).ReadAsArray())
    last = reduced(source.GetRasterBand(1).GetOverview(1).ReadAsArray(), (2, 2))
    numpy.testing.assert_array_equal(dataset.GetRasterBand(1).GetOverview(2).ReadAsArray(), last)


def test_external_overviews_are_not_mixed_up(tmp_path):
    """The .ovr file is what GDAL shows, whatever the file has inside."""
    values = pixels(1, "uint8", (1100, 901))
    source = with_overviews(tmp_path / "a.tif", values, "COMPRESS=DEFLATE")
    source = None
    dataset = gdal.Open(str(tmp_path / "a.tif"))  # read only: outside
    gdal.SetConfigOption("TIFF_USE_OVR", "YES")
    dataset.BuildOverviews("NEAREST", [2])
    gdal.SetConfigOption("TIFF_USE_OVR", None)
    dataset = None
    source = gdal.Open(str(tmp_path / "a.tif"))
    shown = source.GetRasterBand(1).GetOverview(0).ReadAsArray()
    result, _ = convert(source, tmp_path / "a.ome.zarr", "OVERVIEWS=AUTO", "IMPORT=YES", "LEVELS=2")
    numpy.testing.assert_array_equal(result.GetRasterBand(1).GetOverview(0).ReadAsArray(), shown)


# --- What is encoded anew ---------------------------------------------------------------------------


REASONS = [
    (["ENDIANNESS=BIG", "COMPRESS=DEFLATE"], [], "samples are big endian"),
    (["COMPRESS=DEFLATE", "PREDICTOR=2"], [], "predictor 2"),
    (["COMPRESS=LZW"], [], "compression 5 (LZW): no codec of Zarr reads it"),
    (["COMPRESS=DEFLATE"], ["COMPRESS=ZSTD"], "COMPRESS=ZSTD is asked for, tiles are gzip"),
    (["COMPRESS=DEFLATE"], ["COMPRESS=GZIP", "LEVEL=1"], "LEVEL is asked for"),
    (["COMPRESS=DEFLATE"], ["BLOCKSIZE=128"], "blocks of 128 along y are asked for, tiles have 256"),
    (["COMPRESS=DEFLATE"], ["SHARDSIZE=640", "BLOCKSIZE=128"], "blocks of 128"),
    (["COMPRESS=DEFLATE", "INTERLEAVE=BAND"], ["INTERLEAVE=PIXEL"], "INTERLEAVE=PIXEL is asked for"),
    (["COMPRESS=DEFLATE", "INTERLEAVE=PIXEL"], ["INTERLEAVE=BAND"], "INTERLEAVE=BAND is asked for"),
    (["COMPRESS=DEFLATE", "INTERLEAVE=PIXEL"], ["OME_VERSION=0.4"], "chunks of OME-Zarr 0.4 cannot hold interleaved pixels"),
]


@pytest.mark.parametrize("made,asked,why", REASONS)
def test_reasons(tmp_path, debug, made, asked, why):
    values = pixels(3, "uint16")
    source = tiff(tmp_path / "a.tif", values, *made)
    dataset, told = convert(source, tmp_path / "a.ome.zarr", *asked)
    check(dataset, values)
    assert any("is encoded anew: " in text and why in text for text in told), told
    _, said = copied(source, tmp_path / "b.ome.zarr", "IMPORT=YES", *asked, errors=1)
    assert "IMPORT=YES: " in said.errors()[0] and why in said.errors()[0]
    assert not (tmp_path / "b.ome.zarr").exists()


def test_only_when_asked_for(tmp_path, debug):
    """Uncompressed tiles stay so, and small ones too, for who says so."""
    values = pixels(1, "uint16")
    for options, why in ([], "tiles are not compressed"), (["COMPRESS=DEFLATE", "BLOCKXSIZE=32", "BLOCKYSIZE=32"], "too small"):
        source = tiff(tmp_path / "a.tif", values, *options)
        dataset, told = convert(source, tmp_path / "a.ome.zarr", "OVERWRITE=YES")
        assert any(why in text for text in told), told
        assert "blosc" in codecs_of(tmp_path / "a.ome.zarr")[0]
        dataset, told = convert(source, tmp_path / "a.ome.zarr", "OVERWRITE=YES", "IMPORT=YES")
        assert any("was imported" in text for text in told)
        check(dataset, values)


def test_strips_jpeg_and_others(tmp_path, debug):
    values = pixels(3, "uint8")
    sources = {"it has strips": tiff(tmp_path / "strips.tif", values, "COMPRESS=DEFLATE", tiled=False),
               "compression 7 (JPEG)": tiff(tmp_path / "jpeg.tif", values, "COMPRESS=JPEG", "PHOTOMETRIC=YCBCR", "INTERLEAVE=PIXEL"),
               "is not a GeoTIFF": memory_raster(values),
               "the type of the pixels": tiff(tmp_path / "nbits.tif", pixels(1, "uint16"), "NBITS=12", "COMPRESS=DEFLATE")}
    for i, (why, source) in enumerate(sources.items()):
        dataset, told = convert(source, tmp_path / f"{i}.ome.zarr")
        assert any(why in text for text in told), (why, told)
        check(dataset, source.ReadAsArray().reshape(-1, *SHAPE))
    # a window, bands in another order: that is another dataset, and no import
    source = tiff(tmp_path / "a.tif", values, "COMPRESS=DEFLATE")
    part = gdal.Translate("", source, format="VRT", srcWin=[10, 20, 300, 310])
    dataset, told = convert(part, tmp_path / "part.ome.zarr")
    check(dataset, values[:, 20:330, 10:310])
    assert any("is not a GeoTIFF" in text for text in told)


def test_open_for_writing(tmp_path, debug):
    """What was changed and is not in the file yet is in the copy."""
    values = pixels(1, "uint8")
    tiff(tmp_path / "a.tif", values, "COMPRESS=DEFLATE")
    source = gdal.Open(str(tmp_path / "a.tif"), gdal.GA_Update)
    source.GetRasterBand(1).WriteArray(numpy.full((5, 6), 200, "uint8"), 7, 8)
    values[0, 8:13, 7:13] = 200
    dataset, told = convert(source, tmp_path / "a.ome.zarr")
    check(dataset, values)
    assert any("is open for writing" in text for text in told)


@pytest.mark.parametrize("nodata,goes", [((77, 77), True), ((77, 78), False), ((-1, -1), False), ((None, 5), False)])
def test_nodata_from_elsewhere(tmp_path, debug, nodata, goes):
    """Missing tiles read as what GDAL shows, also when a side file has the nodata values."""
    values = pixels(2, "uint16")
    values[:, :256, 256:512] = 0
    tiff(tmp_path / "a.tif", values, "COMPRESS=DEFLATE", "SPARSE_OK=YES")
    bands = "".join(f"<PAMRasterBand band='{b + 1}'><NoDataValue>{n}</NoDataValue></PAMRasterBand>" for b, n in enumerate(nodata) if n)
    (tmp_path / "a.tif.aux.xml").write_text(f"<PAMDataset>{bands}</PAMDataset>")
    gdal.SetConfigOption("GDAL_PAM_ENABLED", "YES")
    source = gdal.Open(str(tmp_path / "a.tif"))
    assert source.GetRasterBand(2).GetNoDataValue() == nodata[1]
    shown = source.ReadAsArray()
    with heard() as said:
        dataset = gdal.GetDriverByName("OMEZarr").CreateCopy(str(tmp_path / "a.ome.zarr"), source)
    gdal.SetConfigOption("GDAL_PAM_ENABLED", "NO")
    check(dataset, shown)
    assert any(("was imported" if goes else "nodata") in text for _, _, text in said), said


# --- Damage ------------------------------------------------------------------------------------------


def test_wrong_option(tmp_path):
    source = tiff(tmp_path / "a.tif", pixels(1, "uint8"), "COMPRESS=DEFLATE")
    _, said = copied(source, tmp_path / "a.ome.zarr", "IMPORT=PERHAPS", errors=1)
    assert "IMPORT=PERHAPS: must be" in said.errors()[0]


def test_damaged_tile(tmp_path):
    """A deflate tile whose checksum is wrong: an error that names it, and nothing is left."""
    values = pixels(1, "uint16")
    source = tiff(tmp_path / "a.tif", values, "COMPRESS=DEFLATE")
    band = source.GetRasterBand(1)
    at = int(band.GetMetadataItem("BLOCK_OFFSET_1_1", "TIFF")) + int(band.GetMetadataItem("BLOCK_SIZE_1_1", "TIFF")) // 2
    source = band = None
    raw = bytearray((tmp_path / "a.tif").read_bytes())
    raw[at] ^= 0x10
    (tmp_path / "a.tif").write_bytes(raw)
    _, said = copied(gdal.Open(str(tmp_path / "a.tif")), tmp_path / "a.ome.zarr", errors=1)
    assert "tile 4: zlib: " in said.errors()[0] and "IMPORT=NO" in said.errors()[0]
    assert not (tmp_path / "a.ome.zarr").exists()


def test_cancel(tmp_path):
    source = tiff(tmp_path / "a.tif", pixels(1, "uint16"), "COMPRESS=DEFLATE")
    with heard() as said:
        dataset = gdal.GetDriverByName("OMEZarr").CreateCopy(str(tmp_path / "a.ome.zarr"), source, 0, [], lambda *a: 0)
    assert dataset is None and not (tmp_path / "a.ome.zarr").exists() and len(said.errors()) == 1
    fractions = []
    copied(source, tmp_path / "a.ome.zarr", callback=lambda done, *a: fractions.append(done) or 1)
    assert fractions == sorted(fractions) and fractions[-1] == 1
    assert opened(tmp_path / "a.ome.zarr")[0] and open_quietly(tmp_path / "a.ome.zarr").RasterXSize == SHAPE[1]
