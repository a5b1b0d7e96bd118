# SPDX-License-Identifier: MIT
"""Labels, series, plates and wells as subdatasets; the groups around them; xml:OME."""
import json

import numpy
import pytest
from conftest import VERSION, copied, heard, memory_raster, open_quietly, opened, pattern
from osgeo import gdal
from test_gdal_view import write_image


def group(folder, ome, version=3):
    """A group with OME metadata, in the form of 0.5 or of 0.4."""
    folder.mkdir(parents=True, exist_ok=True)
    if version == 3:
        (folder / "zarr.json").write_text(json.dumps(
            {"zarr_format": 3, "node_type": "group", "attributes": {"ome": {"version": "0.5", **ome}}}))
    else:
        (folder / ".zgroup").write_text('{"zarr_format": 2}')
        (folder / ".zattrs").write_text(json.dumps(ome))
    return folder


def subdatasets(dataset):
    return dataset.GetMetadata("SUBDATASETS")


@pytest.fixture
def labelled(tmp_path):
    """A volume with two labels, one of them listed and not there."""
    root = write_image(tmp_path / "cells.ome.zarr", pattern(3, 20, 30), "zyx")
    group(root / "labels", {"labels": ["nuclei", "deep/er", "gone"]})
    write_image(root / "labels/nuclei", pattern(3, 20, 30, dtype="uint32"), "zyx")
    write_image(root / "labels/deep/er", pattern(20, 30, dtype="uint8"), "yx")
    return root


def test_labels(labelled):
    dataset, said = opened(labelled)
    assert said.warnings() == []  # nobody asked for labels
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), pattern(3, 20, 30))
    with heard() as said:
        found = subdatasets(dataset)
    assert found == {
        "SUBDATASET_1_NAME": f'OMEZARR:"{labelled}":./image',
        "SUBDATASET_1_DESC": "[3x20x30] image (zyx, UInt16)",
        "SUBDATASET_2_NAME": f'OMEZARR:"{labelled}":labels/nuclei',
        "SUBDATASET_2_DESC": "[3x20x30] labels/nuclei (zyx, UInt32)",
        "SUBDATASET_3_NAME": f'OMEZARR:"{labelled}":labels/deep/er',
        "SUBDATASET_3_DESC": "[20x30] labels/deep/er (yx, Byte)"}
    assert len(said.warnings()) == 1 and "labels/gone" in said.warnings()[0]
    with heard() as said:
        assert dataset.GetMetadataItem("SUBDATASET_3_DESC", "SUBDATASETS").startswith("[20x30]")
        assert "SUBDATASETS" in dataset.GetMetadataDomainList()
        assert dataset.GetSubDatasets()[0][0] == found["SUBDATASET_1_NAME"]
    assert list(said) == []  # said once
    nuclei = open_quietly(found["SUBDATASET_2_NAME"])
    numpy.testing.assert_array_equal(nuclei.ReadAsArray(), pattern(3, 20, 30, dtype="uint32"))
    numpy.testing.assert_array_equal(open_quietly(found["SUBDATASET_3_NAME"]).ReadAsArray(), pattern(20, 30, dtype="uint8"))


def test_the_image_is_one_of_its_subdatasets(labelled):
    """Programs that find subdatasets take nothing else; by that name it has none, or they would go round in circles."""
    image = open_quietly(open_quietly(labelled).GetSubDatasets()[0][0])
    numpy.testing.assert_array_equal(image.ReadAsArray(), pattern(3, 20, 30))
    assert subdatasets(image) == {} and image.GetFileList() == open_quietly(labelled).GetFileList()
    deep = open_quietly(f'OMEZARR:"{labelled}":labels/nuclei/./image')
    numpy.testing.assert_array_equal(deep.ReadAsArray(), pattern(3, 20, 30, dtype="uint32"))


def test_labels_are_looked_for_when_asked(labelled):
    """Opening and reading never looks beside the image."""
    (labelled / "labels/zarr.json").write_text("broken")
    dataset, said = opened(labelled)
    dataset.ReadAsArray()
    dataset.GetMetadata()
    assert list(said) == []
    with heard() as said:
        assert subdatasets(dataset) == {}
    assert said.errors() == [] and "zarr.json" in said.warnings()[0]


def test_the_group_of_labels(labelled):
    """Ours by the prefix only: any group may have a list called labels."""
    dataset, _ = opened(f'OMEZARR:"{labelled}":labels')
    assert dataset.RasterCount == 0
    assert subdatasets(dataset)["SUBDATASET_1_NAME"] == f'OMEZARR:"{labelled}":labels/nuclei'
    with heard() as said:
        assert gdal.OpenEx(str(labelled / "labels"), gdal.OF_RASTER, ["OMEZarr"]) is None
    assert list(said) == []


def test_no_labels(tmp_path):
    dataset, _ = copied(memory_raster(pattern(2, 20, 30)), tmp_path / "a.ome.zarr")
    with heard() as said:
        assert subdatasets(dataset) == {} and not dataset.GetMetadata("xml:OME")
        assert "SUBDATASETS" not in dataset.GetMetadataDomainList()
    assert list(said) == []


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("listed", [True, False])
def test_series(tmp_path, version, listed):
    root = group(tmp_path / "many.zarr", {"bioformats2raw.layout": 3}, version)
    for i in range(3):
        write_image(root / str(i), pattern(10 + i, 20), "yx")
    group(root / "OME", {"series": ["2", "0"]} if listed else {}, version)
    (root / "OME/METADATA.ome.xml").write_text("<OME>\u00b5</OME>", encoding="utf-8")
    dataset, said = opened(root)
    assert dataset.RasterCount == 0 and list(said) == []
    names = [name for name, _ in dataset.GetSubDatasets()]
    assert names == [f'OMEZARR:"{root}":{i}' for i in (["2", "0"] if listed else ["0", "1", "2"])]
    assert dataset.GetMetadata("xml:OME")[0] == "<OME>\u00b5</OME>"
    one = open_quietly(names[0])
    assert one.RasterYSize == (12 if listed else 10)
    assert one.GetMetadata("xml:OME")[0] == "<OME>\u00b5</OME>"  # of the layout around it
    assert gdal.Open(str(root)).GetDriver().ShortName == "OMEZarr"  # not GDAL's own Zarr driver
    assert "IDENTIFIER" not in dataset.GetMetadata()


def test_a_single_series_is_opened(tmp_path):
    root = group(tmp_path / "one.zarr", {"bioformats2raw.layout": 3})
    write_image(root / "0", pattern(10, 20), "yx")
    group(root / "0/labels", {"labels": ["a"]})
    write_image(root / "0/labels/a", pattern(10, 20), "yx")
    dataset, said = opened(root)
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), pattern(10, 20))
    assert list(said) == [] and dataset.GetDescription() == str(root)
    names = [f'OMEZARR:"{root}":0/./image', f'OMEZARR:"{root}":0/labels/a']
    assert [name for name, _ in dataset.GetSubDatasets()] == names
    numpy.testing.assert_array_equal(open_quietly(names[0]).ReadAsArray(), pattern(10, 20))
    assert open_quietly(f'OMEZARR:"{root}":0/labels/a').RasterXSize == 20


def test_open_options_reach_the_single_series(tmp_path):
    root = group(tmp_path / "one.zarr", {"bioformats2raw.layout": 3})
    write_image(root / "0", pattern(3, 10, 20), "zyx")
    numpy.testing.assert_array_equal(open_quietly(root, "Z=1").ReadAsArray(), pattern(3, 10, 20)[1])


def plate(root, rows, columns, fields, version=3):
    names = [(r, c) for r in rows for c in columns]
    group(root, {"plate": {"name": "P1", "field_count": fields, "rows": [{"name": r} for r in rows], "columns": [{"name": c} for c in columns],
                           "wells": [{"path": f"{r}/{c}", "rowIndex": rows.index(r), "columnIndex": columns.index(c)} for r, c in names]}}, version)
    for r, c in names:
        group(root / r / c, {"well": {"images": [{"path": str(f)} for f in range(fields)]}}, version)
        for f in range(fields):
            write_image(root / r / c / str(f), numpy.full((4, 6), 10 * rows.index(r) + f, "uint16"), "yx")
    return root


@pytest.mark.parametrize("version", [2, 3])
def test_plate(tmp_path, version):
    root = plate(tmp_path / "p.zarr", ["A", "B"], ["1", "2", "3"], 2, version)
    dataset, said = opened(root)
    assert list(said) == [] and dataset.RasterCount == 0
    assert dataset.GetMetadataItem("NAME", "OME") == "P1"
    found = dataset.GetSubDatasets()
    assert len(found) == 12
    assert found[7] == (f'OMEZARR:"{root}":B/1/1', "[4x6] B/1/1 (yx, UInt16)")
    assert (open_quietly(found[7][0]).ReadAsArray() == 11).all()
    well = open_quietly(f'OMEZARR:"{root}":B/3')
    assert [name for name, _ in well.GetSubDatasets()] == [f'OMEZARR:"{root}":B/3/0', f'OMEZARR:"{root}":B/3/1']
    assert gdal.Open(str(root / "A/2")).GetDriver().ShortName == "OMEZarr"  # a well by its own path


def test_a_large_plate_is_cut(tmp_path):
    """At most 100 fields, and one warning that says how many there are."""
    root = plate(tmp_path / "p.zarr", list("ABCDEF"), [str(i) for i in range(1, 10)], 2)
    dataset, said = opened(root)
    assert len(dataset.GetSubDatasets()) == 100
    assert len(said.warnings()) == 1
    assert "54 wells of up to 2 fields, the first 100 fields" in said.warnings()[0]


def test_a_well_with_one_field_is_opened(tmp_path):
    root = plate(tmp_path / "p.zarr", ["A"], ["1"], 1)
    assert len(opened(root)[0].GetSubDatasets()) == 1  # a plate is always a list
    assert open_quietly(f'OMEZARR:"{root}":A/1').RasterXSize == 6


def test_nothing_to_show(tmp_path):
    root = group(tmp_path / "empty.zarr", {"bioformats2raw.layout": 3})
    _, said = opened(root, errors=1)
    assert "empty.zarr" in said.errors()[0] and "no images" in said.errors()[0]


def test_broken_plate(tmp_path):
    root = group(tmp_path / "p.zarr", {"plate": {"wells": [{"path": 1}]}})
    _, said = opened(root, errors=1)
    assert "/attributes/ome/plate/wells/0/path" in said.errors()[0]


def test_a_path_with_quotes(tmp_path):
    root = write_image(tmp_path / 'a"b.zarr', pattern(4, 5), "yx")
    group(root / "labels", {"labels": ["n"]})
    write_image(root / "labels/n", pattern(4, 5), "yx")
    name = open_quietly(root).GetSubDatasets()[0][0]
    numpy.testing.assert_array_equal(open_quietly(name).ReadAsArray(), pattern(4, 5))


def test_a_field_that_cannot_be_read(tmp_path):
    root = plate(tmp_path / "p.zarr", ["A"], ["1", "2"], 1)
    text = (root / "A/1/0/0/zarr.json").read_text()
    (root / "A/1/0/0/zarr.json").write_text(text.replace("uint16", "complex64"))
    dataset, said = opened(root)
    assert [text for _, text in dataset.GetSubDatasets()] == ["A/1/0 (cannot be read)", "[4x6] A/2/0 (yx, UInt16)"]


def test_driver_item():
    assert gdal.GetDriverByName("OMEZarr").GetMetadataItem("DMD_SUBDATASETS") == "YES"


@pytest.mark.skipif(VERSION < 3080000, reason="GDAL 3.8 and later")
def test_subdataset_info(labelled):
    name = f'OMEZARR:"{labelled}":labels/nuclei'
    info = gdal.GetSubdatasetInfo(name)
    assert info.GetPathComponent() == str(labelled)
    assert info.GetSubdatasetComponent() == "labels/nuclei"
    assert info.ModifyPathComponent("/elsewhere/x.zarr") == 'OMEZARR:"/elsewhere/x.zarr":labels/nuclei'
    assert gdal.GetSubdatasetInfo(str(labelled)) is None
    assert gdal.GetSubdatasetInfo(f"OMEZARR:{labelled}") is None


def test_copy_of_an_image_with_labels(labelled, tmp_path):
    """-sds of gdal_translate: each label becomes a file of its own."""
    dataset = open_quietly(labelled)
    for i, (name, _) in enumerate(dataset.GetSubDatasets()):
        with heard() as said:
            tif = gdal.Translate(str(tmp_path / f"{i}.tif"), name)
        assert said.errors() == []
        numpy.testing.assert_array_equal(tif.ReadAsArray(), open_quietly(name).ReadAsArray())
