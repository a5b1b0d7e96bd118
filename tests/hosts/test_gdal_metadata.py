# SPDX-License-Identifier: MIT
"""What GDAL knows about a raster survives in the store, without side files."""
import json
import math

import numpy
import pytest
from conftest import VERSION, copied, heard, memory_raster, open_quietly, pattern
from osgeo import gdal, osr


def stored(source, folder, *options):
    copied(source, folder / "a.ome.zarr", *options)
    (folder / "a.ome.zarr").rename(folder / "moved.zarr")
    assert [p.name for p in folder.iterdir()] == ["moved.zarr"]
    return open_quietly(folder / "moved.zarr")


VERSIONS = pytest.mark.parametrize("version", ["OME_VERSION=0.4", "OME_VERSION=0.5"])


@VERSIONS
def test_bands(tmp_path, version):
    source = memory_raster(pattern(2, 20, 30))
    first, second = source.GetRasterBand(1), source.GetRasterBand(2)
    first.SetDescription("Réflectance / bande 1")
    first.SetUnitType("W/m²")
    first.SetScale(0.0001)
    first.SetOffset(-0.1)
    first.SetNoDataValue(65535)
    first.SetColorInterpretation(gdal.GCI_AlphaBand)
    second.SetMetadata({"a/b": "c=d", "quote": '"\\', "empty": ""})
    second.SetCategoryNames(["water", "", "land"])
    new = stored(source, tmp_path, version)
    one, two = new.GetRasterBand(1), new.GetRasterBand(2)
    assert (one.GetDescription(), one.GetUnitType(), one.GetScale(), one.GetOffset(), one.GetNoDataValue()) == (
        "Réflectance / bande 1", "W/m²", 0.0001, -0.1, 65535)
    assert one.GetColorInterpretation() == gdal.GCI_AlphaBand
    assert two.GetNoDataValue() is None and two.GetScale() in (None, 1) and two.GetUnitType() == ""
    assert two.GetMetadata() == {"a/b": "c=d", "quote": '"\\', "empty": ""}
    assert two.GetCategoryNames() == ["water", "", "land"]


@VERSIONS
def test_domains(tmp_path, version):
    source = memory_raster(pattern(1, 20, 30))
    source.SetMetadata({"AREA_OR_POINT": "Point", "note": "two\nlines = one value"})
    source.SetMetadata(["<x:xmpmeta>&amp;</x:xmpmeta>"], "xml:XMP")
    source.SetMetadata({"LINE_OFF": "1", "SAMP_OFF": "2"}, "RPC")
    source.SetMetadata({"COMPRESSION": "JPEG"}, "IMAGE_STRUCTURE")
    new = stored(source, tmp_path, version)
    assert new.GetMetadata() == {"AREA_OR_POINT": "Point", "note": "two\nlines = one value"}
    assert new.GetMetadata_List("xml:XMP") == ["<x:xmpmeta>&amp;</x:xmpmeta>"]
    assert new.GetMetadata("RPC") == {"LINE_OFF": "1", "SAMP_OFF": "2"}
    assert new.GetMetadataItem("COMPRESSION", "IMAGE_STRUCTURE") == "ZSTD"


@VERSIONS
@pytest.mark.parametrize("code, value", [
    (gdal.GDT_Byte, 0), (gdal.GDT_Int16, -32768), (gdal.GDT_UInt32, 2**32 - 1), (gdal.GDT_Int64, -2**63), (gdal.GDT_Int64, 2**53 + 1),
    (gdal.GDT_UInt64, 2**64 - 1), (gdal.GDT_Float32, math.nan), (gdal.GDT_Float64, -1.7976931348623157e308), (gdal.GDT_Float32, -3.4028234663852886e38),
    (gdal.GDT_Float64, math.inf),
])
def test_nodata(tmp_path, version, code, value):
    source = gdal.GetDriverByName("MEM").Create("", 8, 8, 1, code)
    source.GetRasterBand(1).SetNoDataValue(value)
    back = stored(source, tmp_path, version).GetRasterBand(1).GetNoDataValue()
    assert back == value or (math.isnan(value) and math.isnan(back))


def test_nodata_that_the_type_does_not_have(tmp_path):
    source = memory_raster(numpy.full((1, 10, 10), 7, "uint8"))
    source.GetRasterBand(1).SetNoDataValue(-9999)
    new = stored(source, tmp_path)
    assert new.GetRasterBand(1).GetNoDataValue() == -9999
    assert (new.ReadAsArray() == 7).all()


def test_zeros_are_pixels(tmp_path):
    """Zarr's fill value is not nodata."""
    assert stored(memory_raster(numpy.zeros((1, 10, 10), "uint8")), tmp_path).GetRasterBand(1).GetNoDataValue() is None


@VERSIONS
def test_palette(tmp_path, version):
    source = memory_raster(numpy.arange(256, dtype="uint8").reshape(1, 16, 16))
    table = gdal.ColorTable()
    for i in range(5):
        table.SetColorEntry(i, (i, 2 * i, 255 - i, 255 if i else 0))
    source.GetRasterBand(1).SetColorTable(table)
    source.GetRasterBand(1).SetColorInterpretation(gdal.GCI_PaletteIndex)
    band = stored(source, tmp_path, version).GetRasterBand(1)
    back = band.GetColorTable()
    assert [back.GetColorEntry(i) for i in range(back.GetCount())] == [table.GetColorEntry(i) for i in range(table.GetCount())]
    assert band.GetColorInterpretation() == gdal.GCI_PaletteIndex


def test_palette_levels_hold_no_new_colors(tmp_path):
    pixels = numpy.random.default_rng(1).choice([0, 3], (1, 600, 600)).astype("uint8")
    source = memory_raster(pixels)
    source.GetRasterBand(1).SetColorTable(gdal.ColorTable())
    dataset, _ = copied(source, tmp_path / "a.ome.zarr")
    assert set(numpy.unique(dataset.GetRasterBand(1).GetOverview(0).ReadAsArray())) == {0, 3}


def test_attribute_table(tmp_path):
    source = memory_raster(pattern(1, 4, 4))
    table = gdal.RasterAttributeTable()
    table.CreateColumn("class", gdal.GFT_String, gdal.GFU_Name)
    table.CreateColumn("count", gdal.GFT_Integer, gdal.GFU_PixelCount)
    table.SetRowCount(2)
    table.SetValueAsString(1, 0, "forêt")
    table.SetValueAsInt(1, 1, 42)
    source.GetRasterBand(1).SetDefaultRAT(table)
    back = stored(source, tmp_path).GetRasterBand(1).GetDefaultRAT()
    assert back.GetRowCount() == 2 and back.GetValueAsString(1, 0) == "forêt" and back.GetValueAsInt(1, 1) == 42


@VERSIONS
@pytest.mark.parametrize("gt", [
    (440720.1, 60.00000000000001, 0, 3751320.3, 0, -60.1), (1.1, 2.2, 0.3, 4.4, 0.5, -6.6), (0.1, 1 / 3, 0, 0.2, 0, 1 / 7)])
def test_geotransform_exactly(tmp_path, version, gt):
    source = memory_raster(pattern(1, 700, 600))
    source.SetGeoTransform(gt)
    new = stored(source, tmp_path, version)
    assert new.GetGeoTransform() == gt


def test_no_geotransform_stays_none(tmp_path):
    new = stored(memory_raster(pattern(1, 70, 60)), tmp_path)
    assert new.GetGeoTransform(can_return_null=True) is None


CRS = {
    "utm": "EPSG:31985", "geographic": "EPSG:4326", "feet": "EPSG:2225", "compound": "EPSG:4326+5773",
    "towgs84": "+proj=utm +zone=25 +south +ellps=GRS80 +towgs84=1,2,3,0,0,0,0 +units=m",
    "local": 'LOCAL_CS["arbitrary",UNIT["metre",1]]', "geostationary": "+proj=geos +h=35785831 +lon_0=9.5 +ellps=WGS84 +units=m"}


@VERSIONS
@pytest.mark.parametrize("name", CRS)
def test_crs_exactly(tmp_path, version, name):
    srs = osr.SpatialReference()
    assert srs.SetFromUserInput(CRS[name]) == 0
    srs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    if name == "geographic":
        srs.SetCoordinateEpoch(2021.25)
    source = memory_raster(pattern(1, 20, 30))
    source.SetSpatialRef(srs)
    source.SetGeoTransform((10, 1, 0, 20, 0, -1))
    new = stored(source, tmp_path, version)
    assert new.GetProjection() == source.GetProjection()
    assert new.GetSpatialRef().GetDataAxisToSRSAxisMapping() == source.GetSpatialRef().GetDataAxisToSRSAxisMapping()
    assert new.GetSpatialRef().GetCoordinateEpoch() == source.GetSpatialRef().GetCoordinateEpoch()


def test_scale_and_translation_of_a_georeferenced_image(tmp_path):
    """OME's y is minus the geographic y, and gives pixel centres; the CRS' metre is the unit."""
    source = memory_raster(pattern(1, 600, 700))
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(32611)
    source.SetSpatialRef(srs)
    source.SetGeoTransform((1000, 30, 0, 5000, 0, -20))
    copied(source, tmp_path / "a.ome.zarr")
    image = json.loads((tmp_path / "a.ome.zarr/zarr.json").read_text())["attributes"]["ome"]["multiscales"][0]
    assert [a["unit"] for a in image["axes"]] == ["meter", "meter"]
    scale, translation = image["datasets"][0]["coordinateTransformations"]
    assert scale["scale"] == [20, 30] and translation["translation"] == [-4990, 1015]
    scale, translation = image["datasets"][1]["coordinateTransformations"]
    assert scale["scale"] == [40, 60] and translation["translation"] == [-4980, 1030]


def test_conventions_on_every_level(tmp_path):
    """What GDAL's own Zarr driver (3.13) takes overviews, CRS and geotransform from."""
    source = memory_raster(pattern(1, 600, 700))
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(32611)
    source.SetSpatialRef(srs)
    source.SetGeoTransform((1000, 30, 0, 5000, 0, -20))
    copied(source, tmp_path / "a.ome.zarr")
    root = json.loads((tmp_path / "a.ome.zarr/zarr.json").read_text())["attributes"]
    assert [item["asset"] for item in root["multiscales"]["layout"]] == ["s0", "s1", "s2"]
    for n in range(3):
        array = json.loads((tmp_path / f"a.ome.zarr/s{n}/image/zarr.json").read_text())
        assert array["attributes"]["proj:code"] == "EPSG:32611"
        assert array["attributes"]["spatial:transform"] == [30 * 2**n, 0, 1000, 0, -20 * 2**n, 5000]
        assert {c["name"] for c in array["attributes"]["zarr_conventions"]} == {"spatial:", "proj:"}
        assert array["dimension_names"] == ["y", "x"]


@pytest.mark.skipif(VERSION < 3130000, reason="GDAL's Zarr driver takes overviews from 3.13 on")
def test_gdals_own_driver_sees_the_same(tmp_path):
    source = memory_raster(pattern(1, 600, 700))
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(32611)
    source.SetSpatialRef(srs)
    source.SetGeoTransform((1000, 30, 0, 5000, 0, -20))
    copied(source, tmp_path / "a.ome.zarr")
    with heard() as said:
        other = gdal.OpenEx(str(tmp_path / "a.ome.zarr"), gdal.OF_RASTER, ["Zarr"])
        if other.RasterCount == 0:
            other = gdal.Open(next(name for name, _ in other.GetSubDatasets() if "s0" in name))
        sizes = [(other.GetRasterBand(1).GetOverview(i).XSize, other.GetRasterBand(1).GetOverview(i).YSize)
                 for i in range(other.GetRasterBand(1).GetOverviewCount())]
    assert list(said) == []
    assert sizes == [(350, 300), (175, 150)]
    assert other.GetGeoTransform() == (1000, 30, 0, 5000, 0, -20)
    assert other.GetSpatialRef().IsSame(source.GetSpatialRef())


def test_json_ome(tmp_path):
    dataset, _ = copied(memory_raster(pattern(2, 30, 40)), tmp_path / "a.ome.zarr")
    document = json.loads(dataset.GetMetadata_List("json:OME")[0])
    assert [a["name"] for a in document["ome"]["multiscales"][0]["axes"]] == ["c", "y", "x"]
    assert [c["label"] for c in document["ome"]["omero"]["channels"]] == ["Band 1", "Band 2"]


def test_red_green_blue(tmp_path):
    source = memory_raster(pattern(4, 30, 40, dtype="uint8"))
    colors = [gdal.GCI_RedBand, gdal.GCI_GreenBand, gdal.GCI_BlueBand, gdal.GCI_AlphaBand]
    for i, color in enumerate(colors):
        source.GetRasterBand(i + 1).SetColorInterpretation(color)
    dataset = stored(source, tmp_path)
    assert [dataset.GetRasterBand(i + 1).GetColorInterpretation() for i in range(4)] == colors
    assert dataset.GetRasterBand(1).GetMaskFlags() == source.GetRasterBand(1).GetMaskFlags()
    channels = json.loads(dataset.GetMetadata_List("json:OME")[0])["ome"]["omero"]["channels"]
    assert [c["color"].upper() for c in channels] == ["FF0000", "00FF00", "0000FF", "FFFFFF"]
    assert [c["active"] for c in channels] == [True, True, True, False]


def test_what_cannot_be_kept(tmp_path):
    source = memory_raster(pattern(1, 30, 40))
    source.CreateMaskBand(gdal.GMF_PER_DATASET)
    _, said = copied(source, tmp_path / "a.ome.zarr")
    assert len(said.warnings()) == 1
    copied(source, tmp_path / "b.ome.zarr", strict=1, errors=1)


def points_of(dataset):
    return [(p.Id, p.Info, p.GCPPixel, p.GCPLine, p.GCPX, p.GCPY, p.GCPZ) for p in dataset.GetGCPs()]


@VERSIONS
def test_ground_control_points(tmp_path, version):
    source = memory_raster(pattern(1, 30, 40))
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(4326)
    srs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    points = [gdal.GCP(0.1, 1 / 3, -7.5, 0.5, 2.25, "Église", "a"), gdal.GCP(10, 20, 30, 39, 29.75, "", "b")]
    source.SetGCPs(points, srs)
    new = stored(source, tmp_path, version)
    assert new.GetGCPCount() == 2 and points_of(new) == points_of(source)
    assert new.GetGCPSpatialRef().IsSame(srs) and new.GetGCPProjection() == source.GetGCPProjection()
    assert new.GetSpatialRef() is None and new.GetGeoTransform(can_return_null=True) is None
    dropped, _ = copied(source, tmp_path / "b.ome.zarr", version, "GEOREF=NO")
    assert dropped.GetGCPCount() == 0 and dropped.GetGCPSpatialRef() is None


def test_an_item_that_is_there_twice(tmp_path):
    """Metadata are a list of texts; an object would lose one."""
    source = memory_raster(pattern(1, 20, 30))
    items = ["a=1", "b=2", "a=3", "no equals sign"]
    source.SetMetadata(items[:3], "TWICE")
    source.SetMetadata(items[3:], "PLAIN")
    new = stored(source, tmp_path)
    for domain in ("TWICE", "PLAIN"):
        assert new.GetMetadata_List(domain) == source.GetMetadata_List(domain)
    assert sorted(new.GetMetadata_List("TWICE")) == sorted(items[:3])


@VERSIONS
def test_what_bands_have_in_common_is_written_once(tmp_path, version):
    source = memory_raster(pattern(806, 4, 5))
    for i in range(1, 807):
        source.GetRasterBand(i).SetNoDataValue(65535)
    source.GetRasterBand(3).SetDescription("third")
    new = stored(source, tmp_path, version, "BAND_AXIS=Z")
    text = json.dumps(json.loads(new.GetMetadata_List("json:OME")[0])["gdal"])
    assert len(text) < 500
    for i in range(1, 807):
        band = new.GetRasterBand(i)
        assert (band.GetDescription(), band.GetNoDataValue()) == ("third" if i == 3 else "", 65535)
        assert band.GetColorInterpretation() == gdal.GCI_Undefined


def test_a_mask_of_any_band_is_missed(tmp_path):
    source = memory_raster(pattern(2, 30, 40))
    source.GetRasterBand(2).CreateMaskBand(0)
    _, said = copied(source, tmp_path / "a.ome.zarr")
    assert len(said.warnings()) == 1 and "mask" in said.warnings()[0]
    copied(source, tmp_path / "b.ome.zarr", strict=1, errors=1)


def test_keys_with_colons_and_spaces(tmp_path):
    items = {"xmp:CreateDate": "2020", "a:b": "c", "led": "  by spaces"}
    source = memory_raster(pattern(1, 20, 30))
    source.SetMetadata(items)
    source.SetMetadata(items, "OTHER")
    source.GetRasterBand(1).SetMetadata(items)
    new = stored(source, tmp_path)
    assert new.GetMetadata() == new.GetMetadata("OTHER") == new.GetRasterBand(1).GetMetadata() == source.GetMetadata()


def test_foreign_attributes_of_the_wrong_type(tmp_path):
    """Anything may stand where we look for ours."""
    copied(memory_raster(pattern(1, 30, 40)), tmp_path / "a.ome.zarr")
    file = tmp_path / "a.ome.zarr/zarr.json"
    good = json.loads(file.read_text())
    for value in (1, "text", None, [], {"bands": 3}, {"bands": [1, None, "x"]}, {"metadata": {"": [1]}}, {"metadata": 7},
                  {"bands": [{"color_table": {"entries": [[1, 2]]}, "nodata": {}, "scale": "x", "attribute_table": "<"}]},
                  {"srs": {"wkt": "GEOGCS[", "data_axes": ["a", 9, -3], "epoch": "x"}}):
        good["attributes"]["gdal"] = value
        good["attributes"]["spatial:transform"] = value if value != 1 else [1, 2, 3, 4, 5, "6x"]
        good["attributes"]["proj:wkt2"] = "nonsense"
        file.write_text(json.dumps(good))
        with heard():
            dataset = gdal.Open(str(tmp_path / "a.ome.zarr"))
            assert dataset is not None and dataset.RasterCount == 1
            dataset.GetMetadata(), dataset.GetSpatialRef(), dataset.GetRasterBand(1).GetNoDataValue()
            dataset = None
