# SPDX-License-Identifier: MIT
"""Label images: colors, properties, where they lie, how they are resampled."""
import json
import math

import numpy
import pytest
from conftest import copied, heard, memory_raster, open_quietly, opened, pattern
from osgeo import gdal, osr
from test_gdal_subdatasets import group
from test_gdal_view import write_image


def label(folder, pixels, axes, info, levels=(), scale=None, more=None):
    """A label image with image-label metadata, in the form of 0.5."""
    write_image(folder, pixels, axes, levels=levels)
    document = json.loads((folder / "zarr.json").read_text())
    document["attributes"]["ome"]["image-label"] = info
    document["attributes"].update(more or {})
    if scale:
        for dataset in document["attributes"]["ome"]["multiscales"][0]["datasets"]:
            dataset["coordinateTransformations"] = scale
    (folder / "zarr.json").write_text(json.dumps(document))
    return folder


COLORS = [{"label-value": 1, "rgba": [255, 0, 0, 255]}, {"label-value": 4, "rgba": [0, 255, 255, 128]}]


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_color_table(tmp_path, dtype):
    dataset, said = opened(label(tmp_path / "l.zarr", pattern(10, 12, dtype=dtype), "yx", {"colors": COLORS}))
    band = dataset.GetRasterBand(1)
    assert band.GetColorInterpretation() == gdal.GCI_PaletteIndex
    table = band.GetColorTable()
    assert [table.GetColorEntry(i) for i in range(table.GetCount())] == [
        (0, 0, 0, 0), (255, 0, 0, 255), (0, 0, 0, 0), (0, 0, 0, 0), (0, 255, 255, 128)]
    assert band.GetDefaultRAT() is None and not band.GetCategoryNames()
    assert said.warnings() == []


def test_every_plane_has_the_colors(tmp_path):
    dataset = open_quietly(label(tmp_path / "l.zarr", pattern(3, 10, 12, dtype="uint8"), "zyx", {"colors": COLORS}))
    assert dataset.RasterCount == 3
    for i in (1, 2, 3):
        assert dataset.GetRasterBand(i).GetColorTable().GetColorEntry(4) == (0, 255, 255, 128)


def columns(table):
    return {table.GetNameOfCol(i): (table.GetTypeOfCol(i), table.GetUsageOfCol(i)) for i in range(table.GetColumnCount())}


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "int64"])
def test_attribute_table(tmp_path, dtype):
    properties = [{"label-value": 4, "name": "tail", "area (pixels)": 1650, "mean": 0.5, "split": True},
                  {"label-value": 1, "name": "head", "area (pixels)": 1200, "neighbours": [4, 7]},
                  {"label-value": 7, "name": "\u00e6ther", "mean": 3}]
    folder = label(tmp_path / "l.zarr", pattern(10, 12, dtype=dtype), "yx", {"colors": COLORS, "properties": properties})
    dataset, said = opened(folder)
    assert said.warnings() == []
    band = dataset.GetRasterBand(1)
    table = band.GetDefaultRAT()
    assert table.GetTableType() == gdal.GRTT_THEMATIC
    assert columns(table) == {
        "Value": (gdal.GFT_Integer, gdal.GFU_MinMax),
        "R": (gdal.GFT_Integer, gdal.GFU_Red), "G": (gdal.GFT_Integer, gdal.GFU_Green),
        "B": (gdal.GFT_Integer, gdal.GFU_Blue), "A": (gdal.GFT_Integer, gdal.GFU_Alpha),
        "name": (gdal.GFT_String, gdal.GFU_Name), "area (pixels)": (gdal.GFT_Integer, gdal.GFU_Generic),
        "mean": (gdal.GFT_Real, gdal.GFU_Generic), "split": (gdal.GFT_Integer, gdal.GFU_Generic),
        "neighbours": (gdal.GFT_String, gdal.GFU_Generic)}
    by_name = {table.GetNameOfCol(i): i for i in range(table.GetColumnCount())}
    rows = [table.GetValueAsInt(i, 0) for i in range(table.GetRowCount())]
    assert rows == [1, 4, 7]
    assert [table.GetValueAsInt(1, by_name[c]) for c in "RGBA"] == [0, 255, 255, 128]
    assert [table.GetValueAsInt(2, by_name[c]) for c in "RGBA"] == [0, 0, 0, 0]
    assert [table.GetValueAsString(i, by_name["name"]) for i in range(3)] == ["head", "tail", "\u00e6ther"]
    assert [table.GetValueAsInt(i, by_name["area (pixels)"]) for i in range(3)] == [1200, 1650, 0]
    mean = [table.GetValueAsDouble(i, by_name["mean"]) for i in range(3)]
    assert math.isnan(mean[0]) and mean[1:] == [0.5, 3.0]
    assert table.GetValueAsString(0, by_name["neighbours"]) == "[4,7]"
    assert table.GetValueAsInt(1, by_name["split"]) == 1
    assert (band.GetColorTable() is not None) == (dtype == "uint8")
    assert band.GetColorInterpretation() == (gdal.GCI_PaletteIndex if dtype == "uint8" else gdal.GCI_GrayIndex)
    assert band.GetCategoryNames() == (["", "head", "", "", "tail", "", "", "\u00e6ther"] if dtype == "uint8" else None)


def test_large_values(tmp_path):
    """Identifiers beyond 32 bits, and beyond what a double can count."""
    folder = label(tmp_path / "a.zarr", pattern(4, 5, dtype="uint64"), "yx",
                   {"properties": [{"label-value": 2 ** 40, "n": 2 ** 33}, {"label-value": 3, "n": 1}]})
    table = open_quietly(folder).GetRasterBand(1).GetDefaultRAT()
    assert columns(table)["Value"][0] == gdal.GFT_Real and columns(table)["n"][0] == gdal.GFT_Real
    assert [table.GetValueAsDouble(i, 0) for i in (0, 1)] == [3, 2 ** 40]
    folder = label(tmp_path / "b.zarr", pattern(4, 5, dtype="uint64"), "yx",
                   {"properties": [{"label-value": 2 ** 64 - 1, "n": 1}, {"label-value": 3, "n": 2 ** 60 + 1}]})
    table = open_quietly(folder).GetRasterBand(1).GetDefaultRAT()
    values = [table.GetValueAsString(i, 0) for i in (0, 1)]
    assert sorted(values) == ["18446744073709551615", "3"]
    assert table.GetValueAsString(values.index("3"), 1) == str(2 ** 60 + 1)


def test_nonsense_is_left_out(tmp_path):
    info = {"colors": [{"label-value": 1, "rgba": [1, 2, 3]}, {"rgba": [1, 2, 3, 4]}, {"label-value": 300, "rgba": [9, 9, 9, 9]}],
            "properties": "none"}
    dataset, said = opened(label(tmp_path / "l.zarr", pattern(4, 5, dtype="uint8"), "yx", info))
    assert len(said.warnings()) == 3 and said.errors() == []
    assert dataset.GetRasterBand(1).GetColorTable() is None  # 300 is no value of a byte
    assert dataset.GetRasterBand(1).GetColorInterpretation() == gdal.GCI_GrayIndex


def test_empty_image_label(tmp_path):
    dataset, said = opened(label(tmp_path / "l.zarr", pattern(4, 5, dtype="uint8"), "yx", {"version": "0.5"}))
    assert said.warnings() == []
    assert dataset.GetRasterBand(1).GetDefaultRAT() is None


def test_an_image_that_is_no_label(tmp_path):
    """The same words elsewhere mean nothing."""
    folder = write_image(tmp_path / "i.zarr", pattern(4, 5, dtype="uint8"), "yx")
    assert open_quietly(folder).GetRasterBand(1).GetColorTable() is None


def test_copy_keeps_colors(tmp_path):
    folder = label(tmp_path / "l.zarr", pattern(30, 40, dtype="uint8") % 5, "yx",
                   {"colors": COLORS, "properties": [{"label-value": 1, "name": "head"}]})
    dataset = open_quietly(folder)
    copy, said = copied(dataset, tmp_path / "copy.ome.zarr")
    assert said.warnings() == []
    band = copy.GetRasterBand(1)
    assert band.GetColorTable().GetColorEntry(4) == (0, 255, 255, 128)
    assert band.GetDefaultRAT().GetValueAsString(0, 5) == "head"
    assert band.GetCategoryNames() == ["", "head"]
    tif = gdal.GetDriverByName("GTiff").CreateCopy(str(tmp_path / "c.tif"), dataset)
    assert tif.GetRasterBand(1).GetColorTable().GetColorEntry(1) == (255, 0, 0, 255)


def test_levels_are_used_as_they_are(tmp_path):
    """An overview of labels holds labels; reads at its size take it and never mix ids."""
    pixels = numpy.kron(numpy.array([[1, 200], [7, 90]], "uint8"), numpy.ones((16, 16), "uint8"))
    half = pixels[::2, ::2].copy()
    folder = label(tmp_path / "l.zarr", pixels, "yx", {"colors": COLORS}, levels=[half])
    dataset = open_quietly(folder)
    for method in (gdal.GRIORA_NearestNeighbour, gdal.GRIORA_Mode):
        got = dataset.ReadAsArray(buf_xsize=16, buf_ysize=16, resample_alg=method)
        numpy.testing.assert_array_equal(got, half)
        small = dataset.ReadAsArray(buf_xsize=5, buf_ysize=5, resample_alg=method)
        assert set(numpy.unique(small)) <= {1, 7, 90, 200}


SCALE = [{"type": "scale", "scale": [2.0, 2.0]}, {"type": "translation", "translation": [0.5, 0.5]}]


@pytest.fixture
def mapped(tmp_path):
    """An image on Earth, written by GDAL: its transform and CRS are in spatial: and proj:."""
    source = memory_raster(pattern(1, 40, 60))
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(32631)
    source.SetSpatialRef(srs)
    source.SetGeoTransform((500000, 10, 1, 4600000, 2, -10))
    copied(source, tmp_path / "map.ome.zarr")
    root = tmp_path / "map.ome.zarr"
    group(root / "labels", {"labels": ["same", "half", "own"]})
    label(root / "labels/same", pattern(40, 60, dtype="uint8"), "yx", {})
    return root


def test_label_lies_where_its_image_does(mapped):
    image = open_quietly(mapped)
    for name in (f'OMEZARR:"{mapped}":labels/same', str(mapped / "labels/same")):
        same = open_quietly(name)
        assert same.GetGeoTransform() == image.GetGeoTransform() == (500000, 10, 1, 4600000, 2, -10)
        assert same.GetSpatialRef().IsSame(image.GetSpatialRef())


def test_coarser_label(mapped):
    """Half as many pixels: OME's transforms relate the two."""
    image = open_quietly(mapped)
    scale = [float(v) for v in image.GetMetadataItem("SCALE", "OME").split(",")][-2:]
    place = [float(v) for v in image.GetMetadataItem("TRANSLATION", "OME").split(",")][-2:]
    transform = [{"type": "scale", "scale": [2 * s for s in scale]},
                 {"type": "translation", "translation": [p + s / 2 for p, s in zip(place, scale)]}]
    label(mapped / "labels/half", pattern(20, 30, dtype="uint8"), "yx", {}, scale=transform)
    half = open_quietly(f'OMEZARR:"{mapped}":labels/half')
    numpy.testing.assert_allclose(half.GetGeoTransform(), (500000, 20, 2, 4600000, 4, -20))


def test_label_with_a_place_of_its_own(mapped):
    more = {"spatial:transform": [1.0, 0.0, 100.0, 0.0, -1.0, 200.0], "spatial:dimensions": ["y", "x"]}
    label(mapped / "labels/own", pattern(20, 30, dtype="uint8"), "yx", {}, more=more)
    own = open_quietly(f'OMEZARR:"{mapped}":labels/own')
    assert own.GetGeoTransform() == (100, 1, 0, 200, 0, -1)
    assert own.GetSpatialRef() is None


def test_label_of_an_image_without_a_place(tmp_path):
    """Then scale and translation of the label itself count."""
    root = write_image(tmp_path / "i.zarr", pattern(20, 30), "yx")
    group(root / "labels", {"labels": ["l"]})
    label(root / "labels/l", pattern(20, 30, dtype="uint8"), "yx", {}, scale=SCALE)
    assert open_quietly(f'OMEZARR:"{root}":labels/l').GetGeoTransform() == (-0.5, 2, 0, 0.5, 0, -2)


def test_label_whose_image_is_gone(mapped):
    (mapped / "zarr.json").unlink()
    same, said = opened(f'OMEZARR:"{mapped}":labels/same')
    assert same.GetGeoTransform() == (-0.5, 1, 0, 0.5, 0, -1) and list(said) == []


def test_warnings_are_told_once(tmp_path):
    dataset, said = opened(label(tmp_path / "l.zarr", pattern(4, 5, dtype="uint8"), "yx", {"colors": 3}))
    assert len(said.warnings()) == 1
    with heard() as said:
        dataset.GetRasterBand(1).GetColorTable()
        dataset.GetMetadata("SUBDATASETS")
    assert list(said) == []


def test_setters_keep_colors(tmp_path):
    """What image-label says stays when something else about the band is set."""
    info = {"colors": COLORS, "properties": [{"label-value": 1, "name": "head"}]}
    folder = label(tmp_path / "l.zarr", pattern(10, 12, dtype="uint8"), "yx", info)
    with heard() as said:
        dataset = gdal.OpenEx(str(folder), gdal.OF_RASTER | gdal.OF_UPDATE, ["OMEZarr"])
        dataset.GetRasterBand(1).SetUnitType("id")
        dataset = None
    assert list(said) == []
    band = open_quietly(folder).GetRasterBand(1)
    assert band.GetUnitType() == "id" and band.GetColorTable().GetColorEntry(4) == (0, 255, 255, 128)
    assert band.GetCategoryNames() == ["", "head"] and band.GetDefaultRAT().GetRowCount() == 2
    assert band.GetColorInterpretation() == gdal.GCI_PaletteIndex
