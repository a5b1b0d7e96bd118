# SPDX-License-Identifier: MIT
"""Every setter of GDAL is kept in the store, in update mode and by Create, and reads back as GeoTIFF gives it."""
import json
import math

import numpy
import pytest
from conftest import heard, opened
from osgeo import gdal
from setting import VERSIONS, WAYS, crs, document, entries, level_attributes, made, ome, palette, pam, points_of, rat, reopened, rows, tiff, transform, update

# --- georeferencing ------------------------------------------------------------------------

GEOTRANSFORMS = {"north up": (440720.1, 60.00000000000001, 0, 3751320.3, 0, -60.1), "rotated": (1.1, 2.2, 0.3, 4.4, 0.5, -6.6),
                 "south up": (0.1, 1 / 3, 0, 0.2, 0, 1 / 7), "mirrored": (5, -1, 0, 6, 0, -2)}


@VERSIONS
@WAYS
@pytest.mark.parametrize("name", GEOTRANSFORMS)
def test_geotransform(tmp_path, version, way, name):
    dataset = made(tmp_path, way, version, 1, (600, 700))
    assert dataset.GetGeoTransform(can_return_null=True) is None
    gt = GEOTRANSFORMS[name]
    assert dataset.SetGeoTransform(gt) == 0
    assert dataset.GetGeoTransform() == gt
    dataset = None
    assert reopened(tmp_path).GetGeoTransform() == gt
    a, b, c, d, e, f = gt
    for n in range(3):
        k = 2**n
        assert level_attributes(tmp_path, n)["spatial:transform"] == pytest.approx([b * k, c * k, a, e * k, f * k, d], rel=1e-15)
        scale, translation = transform(tmp_path, n)
        assert scale == pytest.approx([math.hypot(c, f) * k, math.hypot(b, e) * k], rel=1e-14)
        # the centre of the first pixel of the level's grid, y down
        assert translation == pytest.approx([(d + (e + f) / 2) * (1 if f > 0 else -1) + math.hypot(c, f) * (k - 1) / 2,
                                             a + (b + c) / 2 + math.hypot(b, e) * (k - 1) / 2], rel=1e-12)


@VERSIONS
@WAYS
@pytest.mark.parametrize("gt", [(0, 1, 0, 0, 0, 1), (0, 0, 0, 0, 0, 0)])
def test_geotransform_removed(tmp_path, version, way, gt):
    dataset = made(tmp_path, way, version, 1, (600, 700))
    dataset.SetGeoTransform((10, 2, 0, 20, 0, -3))
    dataset.FlushCache()
    assert dataset.SetGeoTransform(gt) == 0
    assert dataset.GetGeoTransform(can_return_null=True) is None
    dataset = None
    assert reopened(tmp_path).GetGeoTransform(can_return_null=True) is None
    assert transform(tmp_path, 0) == ([1, 1], [0, 0]) and transform(tmp_path, 1) == ([2, 2], [0.5, 0.5])
    for attributes in (document(tmp_path), level_attributes(tmp_path, 0), level_attributes(tmp_path, 1)):
        assert not [key for key in attributes if key.startswith("spatial:")]
        assert "spatial:" not in [c["name"] for c in attributes.get("zarr_conventions", [])]


def test_geotransform_is_no_number(tmp_path):
    dataset = made(tmp_path, "update")
    with heard() as said:
        assert dataset.SetGeoTransform((0, math.nan, 0, 0, 0, -1)) != 0
    assert len(said.errors()) == 1 and dataset.GetGeoTransform(can_return_null=True) is None


def test_ome_alone_is_north_up(tmp_path):
    """A store that GDAL has not georeferenced: y of the image is minus the geographic y. Set, it is verbatim."""
    dataset = made(tmp_path, "update", "OME_VERSION=0.5", 1, (40, 30), gdal.GDT_Byte, "PIXEL_SIZE=0.5", "UNIT=micrometer")
    assert dataset.GetGeoTransform() == (-0.25, 0.5, 0, 0.25, 0, -0.5)
    dataset.SetGeoTransform((100, 2, 0, 50, 0, 2))
    dataset = None
    assert reopened(tmp_path).GetGeoTransform() == (100, 2, 0, 50, 0, 2)
    assert [a["unit"] for a in ome(tmp_path)["multiscales"][0]["axes"]] == ["micrometer", "micrometer"]
    file = tmp_path / "a.ome.zarr/zarr.json"
    text = json.loads(file.read_text())
    for key in [k for k in text["attributes"] if k != "ome"]:
        del text["attributes"][key]
    file.write_text(json.dumps(text))
    array = tmp_path / "a.ome.zarr/s0/image/zarr.json"
    text = json.loads(array.read_text())
    text["attributes"] = {}
    array.write_text(json.dumps(text))
    assert opened(tmp_path / "a.ome.zarr")[0].GetGeoTransform() == (100, 2, 0, -50, 0, -2)


CRS = {"metre": ("EPSG:32611", "meter"), "foot": ("EPSG:2225", "foot"), "degree": ("EPSG:4326", None), "compound": ("EPSG:4326+5773", None),
       "custom": ('PROJCS["mine",GEOGCS["g",DATUM["d",SPHEROID["s",6378000,300]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],'
                  'PROJECTION["Transverse_Mercator"],PARAMETER["central_meridian",7],UNIT["metre",1]]', "meter"),
       "local": ('LOCAL_CS["arbitrary",UNIT["metre",1]]', "meter")}


@VERSIONS
@WAYS
@pytest.mark.parametrize("name", CRS)
def test_crs(tmp_path, version, way, name):
    text, unit = CRS[name]
    dataset = made(tmp_path, way, version, 2, (300, 290))
    srs = crs(text)
    if name == "degree":
        srs.SetCoordinateEpoch(2021.25)
    assert dataset.SetSpatialRef(srs) == 0 and dataset.SetGeoTransform((10, 1, 0, 20, 0, -1)) == 0
    other = tiff(tmp_path)
    other.SetSpatialRef(srs)
    for open_now in (True, False):
        if not open_now:
            dataset = None
            dataset = reopened(tmp_path)
        assert dataset.GetProjection() == other.GetProjection()
        back = dataset.GetSpatialRef()
        assert back.GetDataAxisToSRSAxisMapping() == srs.GetDataAxisToSRSAxisMapping()
        assert back.GetCoordinateEpoch() == srs.GetCoordinateEpoch()
        assert back.GetLinearUnits() == srs.GetLinearUnits()
    axes = ome(tmp_path)["multiscales"][0]["axes"]
    assert [a.get("unit") for a in axes] == [None, unit, unit]
    for n in range(2):
        attributes = level_attributes(tmp_path, n)
        assert "proj:code" in attributes or "proj:wkt2" in attributes
        assert {c["name"] for c in attributes["zarr_conventions"]} == {"spatial:", "proj:"}


@VERSIONS
@WAYS
def test_crs_replaced_and_removed(tmp_path, version, way):
    dataset = made(tmp_path, way, version, 1, (600, 700))
    dataset.SetSpatialRef(crs("EPSG:32611"))
    dataset.SetGeoTransform((10, 1, 0, 20, 0, -1))
    dataset.FlushCache()
    custom = crs(CRS["custom"][0])
    dataset.SetSpatialRef(custom)
    dataset = None
    assert reopened(tmp_path).GetSpatialRef().IsSame(custom)
    assert "proj:code" not in document(tmp_path) and "proj:code" not in level_attributes(tmp_path, 1)
    dataset = update(tmp_path / "a.ome.zarr")
    assert dataset.SetProjection("") == 0 and dataset.GetSpatialRef() is None
    dataset = None
    dataset = reopened(tmp_path)
    assert dataset.GetSpatialRef() is None and dataset.GetProjection() == "" and dataset.GetGeoTransform() == (10, 1, 0, 20, 0, -1)
    for attributes in (document(tmp_path), level_attributes(tmp_path, 0), level_attributes(tmp_path, 1)):
        assert not [key for key in attributes if key.startswith("proj:")]
        assert [c["name"] for c in attributes["zarr_conventions"] if c["name"] != "multiscales"] == ["spatial:"]
    assert "unit" not in ome(tmp_path)["multiscales"][0]["axes"][1]
    assert "srs" not in document(tmp_path)["gdal"]


@VERSIONS
@WAYS
def test_ground_control_points(tmp_path, version, way):
    points = [gdal.GCP(0.1, 1 / 3, -7.5, 0.5, 2.25, "Église", "a"), gdal.GCP(10, 20, 30, 39, 29.75, "", "b"), gdal.GCP(1, 2, 0, 0, 0)]
    dataset = made(tmp_path, way, version)
    assert dataset.SetGCPs(points, crs("EPSG:4326")) == 0
    memory = gdal.GetDriverByName("MEM").Create("", 4, 4, 1)
    memory.SetGCPs(points, crs("EPSG:4326"))
    for open_now in (True, False):
        if not open_now:
            dataset = None
            dataset = reopened(tmp_path)
        assert dataset.GetGCPCount() == 3 and points_of(dataset) == points_of(memory)
        assert dataset.GetGCPProjection() == memory.GetGCPProjection() and dataset.GetGCPSpatialRef().IsSame(crs("EPSG:4326"))
        assert dataset.GetSpatialRef() is None
    dataset = update(tmp_path / "a.ome.zarr")
    assert dataset.SetGCPs([], None) == 0
    dataset = None
    dataset = reopened(tmp_path)
    assert dataset.GetGCPCount() == 0 and dataset.GetGCPSpatialRef() is None and "gcps" not in document(tmp_path)["gdal"]


# --- metadata ------------------------------------------------------------------------------

DOMAINS = {
    "": {"AREA_OR_POINT": "Point", "note": "two\nlines = one value", "a:b": "c", "ключ": "значение"},
    "RPC": {"LINE_OFF": "1", "SAMP_OFF": "2", "HEIGHT_OFF": "0"}, "IMAGERY": {"SATELLITEID": "X", "CLOUDCOVER": "3"}, "mine/x": {"k": ""}}
TEXTS = {"xml:XMP": ["<x:xmpmeta>&amp;</x:xmpmeta>"], "json:thing": ['{"a": [1, "ß"]}']}


@VERSIONS
@WAYS
def test_metadata(tmp_path, version, way):
    dataset = made(tmp_path, way, version, 2)
    for target in (dataset, dataset.GetRasterBand(2)):
        for domain, items in DOMAINS.items():
            assert target.SetMetadata(items, domain) == 0
        for domain, texts in TEXTS.items():
            assert target.SetMetadata(texts, domain) == 0
        assert target.SetMetadataItem("alone", "1", "ONE") == 0
    target = None
    for open_now in (True, False):
        if not open_now:
            dataset = None
            dataset = reopened(tmp_path)
        for target in (dataset, dataset.GetRasterBand(2)):
            for domain, items in DOMAINS.items():
                assert target.GetMetadata(domain) == items
            for domain, texts in TEXTS.items():
                assert target.GetMetadata_List(domain) == texts
            assert target.GetMetadata("ONE") == {"alone": "1"}
            assert set(target.GetMetadataDomainList()) >= {*DOMAINS, *TEXTS, "ONE"}
        assert not dataset.GetRasterBand(1).GetMetadata()
    target = None
    dataset = update(tmp_path / "a.ome.zarr")
    for target in (dataset, dataset.GetRasterBand(2)):
        assert target.SetMetadataItem("note", None) == 0 and target.SetMetadataItem("NEW", "x") == 0
        assert target.SetMetadata(None, "RPC") == 0 and target.SetMetadata([], "xml:XMP") == 0
        assert target.SetMetadataItem("alone", None, "ONE") == 0
    target = dataset = None
    dataset = reopened(tmp_path)
    for target in (dataset, dataset.GetRasterBand(2)):
        left = {**DOMAINS[""], "NEW": "x"}
        del left["note"]
        assert target.GetMetadata() == left and target.GetMetadata("IMAGERY") == DOMAINS["IMAGERY"]
        assert not target.GetMetadata("RPC") and not target.GetMetadata_List("xml:XMP") and not target.GetMetadata("ONE")


def test_domains_that_are_made_by_the_driver_are_not_stored(tmp_path):
    dataset = made(tmp_path, "update")
    dataset.SetMetadata({"COMPRESSION": "NEW", "FOO": "BAR"}, "IMAGE_STRUCTURE")
    dataset.SetMetadata({"AXES": "x"}, "OME")
    dataset.SetMetadata(["{}"], "json:OME")
    dataset.GetRasterBand(1).SetMetadataItem("NBITS", "3", "IMAGE_STRUCTURE")
    dataset = None
    dataset = reopened(tmp_path)
    assert dataset.GetMetadataItem("COMPRESSION", "IMAGE_STRUCTURE") == "ZSTD" and dataset.GetMetadataItem("FOO", "IMAGE_STRUCTURE") is None
    assert dataset.GetMetadataItem("AXES", "OME") == "y,x" and "metadata" not in document(tmp_path)["gdal"]


# --- bands ---------------------------------------------------------------------------------

NODATA = [(gdal.GDT_Byte, 0), (gdal.GDT_Byte, -9999), (gdal.GDT_Int16, -32768), (gdal.GDT_UInt32, 2**32 - 1), (gdal.GDT_Int64, -2**63),
          (gdal.GDT_Int64, 2**53 + 1), (gdal.GDT_UInt64, 2**64 - 1), (gdal.GDT_Float32, math.nan), (gdal.GDT_Float32, 0.1),
          (gdal.GDT_Float32, -3.4028234663852886e38), (gdal.GDT_Float64, -1.7976931348623157e308), (gdal.GDT_Float64, math.inf)]


def same(a, b):
    return a == b or (a is not None and b is not None and math.isnan(a) and math.isnan(b))


@VERSIONS
@WAYS
@pytest.mark.parametrize("code, value", NODATA)
def test_nodata(tmp_path, version, way, code, value):
    dataset, other = made(tmp_path, way, version, 1, (8, 8), code), tiff(tmp_path, 1, (8, 8), code)
    assert dataset.GetRasterBand(1).GetNoDataValue() is None
    for target in (dataset, other):
        assert target.GetRasterBand(1).SetNoDataValue(value) == 0
    if code == gdal.GDT_Float32:
        value = float(numpy.float32(value))
    assert same(dataset.GetRasterBand(1).GetNoDataValue(), value)
    dataset = other = target = None
    dataset, other = reopened(tmp_path), reopened(tmp_path, "a.tif")
    assert same(dataset.GetRasterBand(1).GetNoDataValue(), value) and same(other.GetRasterBand(1).GetNoDataValue(), value)
    dataset = update(tmp_path / "a.ome.zarr")
    assert same(dataset.GetRasterBand(1).GetNoDataValue(), value)
    assert dataset.GetRasterBand(1).DeleteNoDataValue() == 0
    assert dataset.GetRasterBand(1).GetNoDataValue() is None
    dataset = None
    assert reopened(tmp_path).GetRasterBand(1).GetNoDataValue() is None


def test_nodata_of_one_band(tmp_path):
    dataset = made(tmp_path, "update", "OME_VERSION=0.5", 3)
    dataset.GetRasterBand(2).SetNoDataValue(7)
    dataset = None
    dataset = reopened(tmp_path)
    assert [dataset.GetRasterBand(i).GetNoDataValue() for i in (1, 2, 3)] == [None, 7, None]
    assert dataset.GetRasterBand(2).GetMaskFlags() == gdal.GMF_NODATA and dataset.GetRasterBand(1).GetMaskFlags() == gdal.GMF_ALL_VALID


def test_nodata_of_another_type(tmp_path):
    dataset = made(tmp_path, "update", "OME_VERSION=0.5", 1, (8, 8), gdal.GDT_Int16)
    for setter in (dataset.GetRasterBand(1).SetNoDataValueAsInt64, dataset.GetRasterBand(1).SetNoDataValueAsUInt64):
        with heard() as said:
            assert setter(1) != 0
        assert len(said.errors()) == 1 and dataset.GetRasterBand(1).GetNoDataValue() is None


def seen(band):
    return {"description": band.GetDescription(), "unit": band.GetUnitType(), "scale": band.GetScale(), "offset": band.GetOffset(),
            "color": band.GetColorInterpretation(), "palette": entries(band.GetColorTable()), "categories": band.GetCategoryNames() or None,
            "table": rows(band.GetDefaultRAT())}


def test_numbers_keep_all_digits(tmp_path):
    odd = [0.1 + 0.2, 1 / 3, 123456789.123456789, 2 / 7, 4.9406564584124654e-324, 1.7976931348623157e308]
    dataset = made(tmp_path, "update", "0.5")
    band = dataset.GetRasterBand(1)
    for step in (band.SetScale(odd[0]), band.SetOffset(odd[2]), dataset.SetGCPs([gdal.GCP(odd[0], odd[1], odd[2], odd[3], odd[4])], crs("EPSG:4326")),
                 band.SetDefaultHistogram(odd[0], odd[5], [1, 2])):
        assert step in (0, None)
    band = dataset = None
    dataset = reopened(tmp_path)
    band = dataset.GetRasterBand(1)
    assert [band.GetScale(), band.GetOffset()] == [odd[0], odd[2]]
    point = dataset.GetGCPs()[0]
    assert [point.GCPX, point.GCPY, point.GCPZ, point.GCPPixel, point.GCPLine] == odd[:5]
    assert tuple(band.GetDefaultHistogram(force=0)[:2]) == (odd[0], odd[5])


@VERSIONS
@WAYS
def test_bands_like_geotiff(tmp_path, version, way):
    """One after the other, with what GeoTIFF gives back as the truth; palette, categories and tables in its .aux.xml."""
    steps = [lambda b: b.SetDescription("Réflectance / bande 1"), lambda b: b.SetUnitType("W/m²"), lambda b: b.SetScale(0.0001),
             lambda b: b.SetOffset(-0.1), lambda b: b.SetColorInterpretation(gdal.GCI_AlphaBand), lambda b: b.SetCategoryNames(["water", "", "land"]),
             lambda b: b.SetDefaultRAT(rat())]
    dataset, other = made(tmp_path, way, version, 3, (40, 30), gdal.GDT_Byte), tiff(tmp_path, 3, (40, 30), gdal.GDT_Byte)
    for step in steps:
        for target in (dataset, other):
            assert step(target.GetRasterBand(2)) in (0, None)
    now = seen(dataset.GetRasterBand(2))
    dataset = other = target = None
    dataset, other = reopened(tmp_path), reopened(tmp_path, "a.tif")
    expected = seen(other.GetRasterBand(2))
    assert seen(dataset.GetRasterBand(2)) == expected == now
    assert dataset.GetRasterBand(1).GetDescription() == "" and dataset.GetRasterBand(3).GetUnitType() == ""
    dataset = update(tmp_path / "a.ome.zarr")
    band = dataset.GetRasterBand(2)
    for step in (lambda: band.SetDescription(""), lambda: band.SetUnitType(""), lambda: band.SetCategoryNames([]),
                 lambda: band.SetColorInterpretation(gdal.GCI_Undefined)):
        assert step() in (0, None)
    band = dataset = None
    left = seen(reopened(tmp_path).GetRasterBand(2))
    assert left == {**expected, "description": "", "unit": "", "categories": None, "color": gdal.GCI_Undefined}


@VERSIONS
@WAYS
def test_palette(tmp_path, version, way):
    dataset = made(tmp_path, way, version, 1, (40, 30), gdal.GDT_Byte)
    assert dataset.GetRasterBand(1).SetColorTable(palette()) == 0
    for open_now in (True, False):
        if not open_now:
            dataset = None
            dataset = reopened(tmp_path)
        band = dataset.GetRasterBand(1)
        assert entries(band.GetColorTable()) == entries(palette()) and band.GetColorInterpretation() == gdal.GCI_PaletteIndex
    band = None
    dataset = update(tmp_path / "a.ome.zarr")
    assert dataset.GetRasterBand(1).SetColorTable(None) == 0
    dataset = None
    band = reopened(tmp_path).GetRasterBand(1)
    assert band.GetColorTable() is None and band.GetColorInterpretation() == gdal.GCI_GrayIndex


@VERSIONS
@WAYS
def test_histogram(tmp_path, version, way):
    dataset = made(tmp_path, way, version)
    assert dataset.GetRasterBand(1).SetDefaultHistogram(-0.5, 255.5, [1, 2, 3, 2**40]) == 0
    for open_now in (True, False):
        if not open_now:
            dataset = None
            dataset = reopened(tmp_path)
        assert list(dataset.GetRasterBand(1).GetDefaultHistogram(force=False)) == [-0.5, 255.5, 4, [1, 2, 3, 2**40]]
