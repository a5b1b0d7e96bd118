# SPDX-License-Identifier: MIT
"""Labels written into an image that is there: OMEZARR:"scan.ome.zarr":labels/nuclei as the target of CreateCopy and Create."""
import json
import os

import numpy
import pytest
from conftest import alive, copied, fingerprint, heard, memory_raster, opened, pattern, run
from osgeo import gdal, osr
from stores import read_image, write_image

RAW = ["COMPRESS=NONE", "SHARDSIZE=NO", "CHECKSUM=NO"]  # what read_image() reads
IDS = (numpy.arange(600 * 500, dtype="uint32").reshape(1, 600, 500) // 1000) + 1


def target(store, name="labels/nuclei"):
    return f'OMEZARR:"{store}":{name}'


@pytest.fixture(params=["0.4", "0.5"])
def store(request, tmp_path):
    """A georeferenced image without labels."""
    source, srs = memory_raster(pattern(1, 600, 500)), osr.SpatialReference()
    srs.ImportFromEPSG(32632)
    source.SetSpatialRef(srs)
    source.SetGeoTransform([500000, 2, 0, 5200000, 0, -2])
    copied(source, tmp_path / "a.ome.zarr", f"OME_VERSION={request.param}")
    alive.clear()
    return tmp_path / "a.ome.zarr"


def listed(store, path="labels"):
    new = store / path / "zarr.json"
    if new.exists():
        return json.loads(new.read_text())["attributes"]["ome"]["labels"]
    return json.loads((store / path / ".zattrs").read_text())["labels"]


def is_label(folder):
    new = folder / "zarr.json"
    attributes = json.loads(new.read_text())["attributes"]["ome"] if new.exists() else json.loads((folder / ".zattrs").read_text())
    return "image-label" in attributes and "omero" not in attributes


def check(store, name, ids):
    """Level 0 as it was given, levels of ids that are there, the place of the image."""
    assert is_label(store / "labels" / name)
    levels, entry, _, _ = read_image(store / "labels" / name)
    numpy.testing.assert_array_equal(levels[0].reshape(ids.shape), ids)
    assert len(levels) > 1 and set(numpy.unique(levels[-1])) <= set(numpy.unique(ids))
    image, label = opened(store)[0], opened(target(store, f"labels/{name}"))[0]
    assert label.GetGeoTransform() == image.GetGeoTransform()
    assert label.GetSpatialRef().IsSame(image.GetSpatialRef())
    numpy.testing.assert_array_equal(label.ReadAsArray().reshape(ids.shape), ids)
    alive.clear()


def test_copies(store):
    """The image itself is not touched; the second label joins the first; both are subdatasets."""
    before = fingerprint(store)
    dataset, _ = copied(memory_raster(IDS), target(store), *RAW)
    assert dataset.GetDescription() == target(store)
    dataset = None
    copied(memory_raster(IDS[:, ::-1].copy()), target(store, "labels/cells"), *RAW)
    check(store, "nuclei", IDS)
    check(store, "cells", IDS[:, ::-1])
    assert listed(store) == ["nuclei", "cells"]
    after = fingerprint(store)
    assert {key: value for key, value in after.items() if key in before} == before
    names = [name for name, _ in opened(store)[0].GetSubDatasets()]
    assert names[-2:] == [target(store), target(store, "labels/cells")]


def test_created_and_filled(store):
    """Nothing is listed before the first flush; levels follow at the end."""
    with heard() as said:
        dataset = gdal.GetDriverByName("OMEZarr").Create(target(store), 500, 600, 1, gdal.GDT_UInt32, RAW)
        dataset.WriteRaster(0, 0, 500, 100, IDS[:, :100].tobytes())
        assert not (store / "labels").exists()
        dataset.FlushCache()
        assert listed(store) == ["nuclei"]
        dataset.WriteRaster(0, 100, 500, 500, IDS[:, 100:].tobytes())
        dataset = None
    assert said.errors() == []
    check(store, "nuclei", IDS)
    dataset = gdal.OpenEx(target(store), gdal.OF_UPDATE)
    dataset.WriteRaster(0, 0, 500, 1, numpy.full(500, 7, "uint32").tobytes())
    dataset = None
    changed = IDS.copy()
    changed[:, 0] = 7
    check(store, "nuclei", changed)


def test_by_gdal_programs(store, tmp_path):
    gdal.GetDriverByName("GTiff").CreateCopy(str(tmp_path / "ids.tif"), memory_raster(IDS)).FlushCache()
    done = run("gdal_translate", "-q", "-of", "OMEZarr", *[word for o in RAW for word in ("-co", o)], tmp_path / "ids.tif", target(store))
    assert done.returncode == 0 and done.stderr == "", done.stderr
    check(store, "nuclei", IDS)


def test_georeferenced_label_keeps_its_place(store):
    source = memory_raster(IDS[:, :50, :60].copy())
    source.SetGeoTransform([500010, 2, 0, 5199990, 0, -2])
    source.SetSpatialRef(opened(store)[0].GetSpatialRef())
    copied(source, target(store, "labels/part"))
    assert opened(target(store, "labels/part"))[0].GetGeoTransform() == (500010, 2, 0, 5199990, 0, -2)


def test_replaced_only_when_asked(store):
    copied(memory_raster(IDS), target(store), *RAW)
    alive.clear()
    before = fingerprint(store)
    _, said = copied(memory_raster(IDS + 1), target(store), *RAW, errors=1)
    assert "nuclei" in said.errors()[0] and "OVERWRITE=YES" in said.errors()[0]
    assert fingerprint(store) == before
    copied(memory_raster(IDS + 1), target(store), "OVERWRITE=YES", *RAW)
    check(store, "nuclei", IDS + 1)
    assert listed(store) == ["nuclei"]


@pytest.mark.parametrize("percent", [10, 60, 99])
def test_cancelled(store, percent):
    before = fingerprint(store)
    copied(memory_raster(IDS), target(store), *RAW, callback=lambda done, message, data: int(done * 100 < percent), errors=1)
    assert fingerprint(store) == before and not (store / "labels").exists()


@pytest.mark.parametrize("name, options, dtype, words", [
    ("labels/", [], "uint32", "folder"), ("masks/a", [], "uint32", "folder"), ("labels/a/labels/b", [], "uint32", "labels/a"),
    ("labels/a", ["PYRAMID=DEFER"], "uint32", "DEFER"), ("labels/a", ["OME_VERSION=other"], "uint32", "OME_VERSION"),
    ("labels/a", [], "float32", "integers"), ("labels/.a", [], "uint32", "no name"), ("no/labels/a", [], "uint32", "no")])
def test_refused(store, name, options, dtype, words):
    other = "0.5" if (store / ".zattrs").exists() else "0.4"
    options = [option.replace("other", other) for option in options]
    before = fingerprint(store)
    _, said = copied(memory_raster(IDS.astype(dtype)), target(store, name), *options, errors=1)
    assert words in said.errors()[0] and "a.ome.zarr" in said.errors()[0], said
    assert fingerprint(store) == before


def test_no_image(tmp_path):
    _, said = copied(memory_raster(IDS), target(tmp_path / "a.ome.zarr"), errors=1)
    assert "a.ome.zarr" in said.errors()[0] and os.listdir(tmp_path) == []


def test_a_label_is_never_deleted_as_its_image(store):
    """Delete() of an inner path refuses: the folder that it stands in is the whole image."""
    copied(memory_raster(IDS), target(store))
    alive.clear()
    before = fingerprint(store)
    with heard() as said:
        assert gdal.GetDriverByName("OMEZarr").Delete(target(store)) != 0
    assert len(said.errors()) == 1 and fingerprint(store) == before


@pytest.mark.parametrize("before, after", [("0.4", "0.5"), ("0.5", "0.4")])
def test_n_dimensional_label_of_another_image(tmp_path, before, after):
    """All axes come along."""
    ids = (numpy.arange(2 * 3 * 40 * 50) // 100).reshape(2, 1, 3, 40, 50).astype("uint32")
    for name, version in (("a", before), ("b", after)):
        write_image(tmp_path / f"{name}.ome.zarr", version, "tczyx", [ids.astype("uint16")], [[1, 1, 2, 0.5, 0.5]], [[0] * 5], {}, (1, 1, 2, 16, 16), {}, {})
    write_image(tmp_path / "a.ome.zarr/labels/n", before, "tczyx", [ids], [[1, 1, 2, 0.5, 0.5]], [[0] * 5], {}, (1, 1, 2, 16, 16),
                {"image-label": {"colors": [{"label-value": 1, "rgba": [255, 0, 0, 255]}]}}, {})
    copied(opened(target(tmp_path / "a.ome.zarr", "labels/n"))[0], target(tmp_path / "b.ome.zarr", "labels/m"), *RAW)
    levels, entry, _, _ = read_image(tmp_path / "b.ome.zarr/labels/m")
    numpy.testing.assert_array_equal(levels[0], ids)
    assert [axis["name"] for axis in entry["axes"]] == list("tczyx")
    assert entry["datasets"][0]["coordinateTransformations"][0]["scale"] == [1, 1, 2, 0.5, 0.5]
    assert is_label(tmp_path / "b.ome.zarr/labels/m") and listed(tmp_path / "b.ome.zarr") == ["m"]
