# SPDX-License-Identifier: MIT
"""What setters leave of the metadata of others and of OME; what happens when a dataset is open for reading only."""
import json

import numpy
import pytest
from conftest import VERSION, alive, copied, fingerprint, heard, memory_raster, opened, pattern
from osgeo import gdal
from setting import CAN_CREATE, VERSIONS, WAYS, crs, document, level_attributes, made, ome, palette, pam, rat, reopened, transform, update

# --- OME: what other programs see ------------------------------------------------------------

@VERSIONS
@WAYS
def test_channels_are_named_and_colored(tmp_path, version, way):
    dataset = made(tmp_path, way, version, 4, (40, 30), gdal.GDT_Byte)
    for i, (name, color) in enumerate([("red one", gdal.GCI_RedBand), ("g", gdal.GCI_GreenBand), ("b", gdal.GCI_BlueBand), ("", gdal.GCI_AlphaBand)]):
        dataset.GetRasterBand(i + 1).SetDescription(name)
        dataset.GetRasterBand(i + 1).SetColorInterpretation(color)
    dataset = None
    reopened(tmp_path)
    channels = ome(tmp_path)["omero"]["channels"]
    assert [c["label"] for c in channels] == ["red one", "g", "b", "Band 4"]
    assert [c["color"] for c in channels] == ["FF0000", "00FF00", "0000FF", "FFFFFF"]
    assert [c["active"] for c in channels] == [True, True, True, False]
    assert all(set(c["window"]) == {"min", "max", "start", "end"} for c in channels)


def test_a_foreign_image(tmp_path):
    """Keys of others survive, and what OME said of the other channels."""
    made(tmp_path, "update", "OME_VERSION=0.5", 3)
    alive.clear()
    file = tmp_path / "a.ome.zarr/zarr.json"
    text = json.loads(file.read_text())
    attributes = text["attributes"]
    del attributes["gdal"]
    attributes["theirs"] = {"pi": 3.14, "big": 12345678901234567890}
    attributes["zarr_conventions"].append({"uuid": "1", "name": "theirs"})
    attributes["ome"]["more"] = [1e-3]
    for i, channel in enumerate(attributes["ome"]["omero"]["channels"]):
        channel.update(label=f"dye {i}", theirs=i)
    attributes["ome"]["multiscales"][0]["coordinateTransformations"] = [{"type": "scale", "scale": [1, 2, 2]}]
    file.write_text(json.dumps(text))
    dataset = update(tmp_path / "a.ome.zarr")
    assert [dataset.GetRasterBand(i).GetDescription() for i in (1, 2, 3)] == ["dye 0", "dye 1", "dye 2"]
    dataset.GetRasterBand(2).SetNoDataValue(3)
    dataset.SetGeoTransform((5, 1, 0, 6, 0, -1))
    dataset.SetSpatialRef(crs("EPSG:32611"))
    dataset = None
    dataset = reopened(tmp_path)
    assert [dataset.GetRasterBand(i).GetDescription() for i in (1, 2, 3)] == ["dye 0", "dye 1", "dye 2"]
    assert [dataset.GetRasterBand(i).GetNoDataValue() for i in (1, 2, 3)] == [None, 3, None]
    now = document(tmp_path)
    assert now["theirs"] == {"pi": 3.14, "big": 12345678901234567890} and now["ome"]["more"] == [1e-3]
    assert [c["theirs"] for c in now["ome"]["omero"]["channels"]] == [0, 1, 2]
    assert "theirs" in [c["name"] for c in now["zarr_conventions"]]
    assert transform(tmp_path) == ([1, 1, 1], [0, -5.5, 5.5]) and "coordinateTransformations" not in now["ome"]["multiscales"][0]


def test_siblings_with_the_other_multiscales(tmp_path):
    """With spatial: in such a store GDAL 3.13's own Zarr driver crashes: the numbers are kept elsewhere."""
    copied(memory_raster(pattern(1, 600, 700)), tmp_path / "a.ome.zarr", "BAND_AXIS=Z", "BLOCKSIZE=64")
    alive.clear()
    file = tmp_path / "a.ome.zarr/zarr.json"
    text = json.loads(file.read_text())
    assert text["attributes"]["ome"]["multiscales"][0]["datasets"][0]["path"] == "0"
    text["attributes"]["multiscales"] = {"layout": [{"asset": "0"}, {"asset": "1", "derived_from": "0"}]}
    file.write_text(json.dumps(text))
    dataset = update(tmp_path / "a.ome.zarr")
    dataset.SetGeoTransform((5.1, 1, 0, 6.7, 0, -1))
    dataset.SetSpatialRef(crs("EPSG:32611"))
    dataset = None
    dataset = reopened(tmp_path)
    assert dataset.GetGeoTransform() == (5.1, 1, 0, 6.7, 0, -1) and dataset.GetSpatialRef().IsSame(crs("EPSG:32611"))
    for attributes in (document(tmp_path), level_attributes(tmp_path, 0)):
        assert not [key for key in attributes if key.startswith(("spatial:", "proj:"))]


@pytest.mark.skipif(VERSION < 3130000, reason="GDAL's Zarr driver takes overviews from 3.13 on")
@WAYS
@pytest.mark.parametrize("bands", [1, 3])
def test_gdals_own_driver_sees_the_same(tmp_path, way, bands):
    """Overviews, CRS and geotransform, set in update mode or after Create(), also when it is done in two steps."""
    dataset = made(tmp_path, way, "OME_VERSION=0.5", bands, (700, 600))
    dataset.SetGeoTransform((1000, 30, 0, 5000, 0, -20))
    dataset.FlushCache()
    dataset.SetSpatialRef(crs("EPSG:32611"))
    dataset = None
    other = reopened(tmp_path)
    with heard() as said:
        theirs = gdal.OpenEx(str(tmp_path / "a.ome.zarr"), gdal.OF_RASTER, ["Zarr"])
        if theirs.RasterCount == 0:
            theirs = gdal.OpenEx(next(name for name, _ in theirs.GetSubDatasets() if "s0" in name), gdal.OF_RASTER, ["Zarr"])
        band = theirs.GetRasterBand(1)
        sizes = [(band.GetOverview(i).XSize, band.GetOverview(i).YSize) for i in range(band.GetOverviewCount())]
    assert list(said) == []
    assert theirs.RasterCount == bands and sizes == [(350, 300), (175, 150)]
    assert theirs.GetGeoTransform() == other.GetGeoTransform() == (1000, 30, 0, 5000, 0, -20)
    assert theirs.GetSpatialRef().IsSame(other.GetSpatialRef())
    with heard() as said:
        dataset = update(tmp_path / "a.ome.zarr")
        dataset.SetSpatialRef(None)
        dataset.SetGeoTransform((0, 1, 0, 0, 0, 1))
        band = theirs = dataset = None
        theirs = gdal.OpenEx(f'ZARR:"{tmp_path / "a.ome.zarr"}":/s0/image', gdal.OF_RASTER, ["Zarr"])
    assert list(said) == [] and theirs.GetSpatialRef() is None and theirs.GetGeoTransform(can_return_null=True) is None


def has_palette(dataset):
    dataset.GetRasterBand(1).SetColorTable(palette())


def has_nodata(dataset):
    for i in range(dataset.RasterCount):
        dataset.GetRasterBand(i + 1).SetNoDataValue(3)


def has_alpha(dataset):
    dataset.GetRasterBand(dataset.RasterCount).SetColorInterpretation(gdal.GCI_AlphaBand)


@pytest.mark.skipif(not CAN_CREATE, reason="no Create()")
@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("setter, bands", [(has_palette, 1), (has_nodata, 2), (has_alpha, 4)])
def test_levels_are_made_as_the_setters_want(tmp_path, setter, bands, before):
    """As in a copy: no mean of palette entries or of nodata, colors weighted by alpha; whenever it is said before the end."""
    pixels = numpy.random.default_rng(2).choice([0, 3, 200], (bands, 600, 700)).astype("uint8")
    source = memory_raster(pixels)
    setter(source)
    expected, _ = copied(source, tmp_path / "copy.ome.zarr")
    dataset = made(tmp_path, "create", "OME_VERSION=0.5", bands, (700, 600), gdal.GDT_Byte)
    if before:
        setter(dataset)
    dataset.WriteArray(pixels)
    if not before:
        setter(dataset)
    dataset = None
    dataset = opened(tmp_path / "a.ome.zarr")[0]
    plain, _ = copied(memory_raster(pixels), tmp_path / "plain.ome.zarr")
    for n in range(2):
        levels = [numpy.stack([d.GetRasterBand(b + 1).GetOverview(n).ReadAsArray() for b in range(bands)]) for d in (dataset, expected, plain)]
        numpy.testing.assert_array_equal(levels[0], levels[1])
        assert (levels[0] != levels[2]).any()


def test_nothing_is_written_when_nothing_changes(tmp_path):
    dataset = made(tmp_path, "update")
    dataset.SetGeoTransform((5, 1, 0, 6, 0, -1))
    dataset = None
    before = fingerprint(tmp_path / "a.ome.zarr")
    stamps = {p: p.stat().st_mtime_ns for p in (tmp_path / "a.ome.zarr").rglob("*") if p.is_file()}
    dataset = update(tmp_path / "a.ome.zarr")
    dataset.SetGeoTransform((5, 1, 0, 6, 0, -1))
    dataset.GetMetadata(), dataset.GetRasterBand(1).GetNoDataValue()
    dataset = None
    assert fingerprint(tmp_path / "a.ome.zarr") == before
    assert {p: p.stat().st_mtime_ns for p in stamps} == stamps


def test_two_handles_change_different_things(tmp_path):
    made(tmp_path, "update", "OME_VERSION=0.5", 3)
    alive.clear()
    one, two = update(tmp_path / "a.ome.zarr"), update(tmp_path / "a.ome.zarr")
    one.SetMetadataItem("a", "1")
    one.GetRasterBand(1).SetDescription("first")
    two.GetRasterBand(2).SetDescription("second")
    two.SetGeoTransform((5, 1, 0, 6, 0, -1))
    one = None
    two = None
    dataset = reopened(tmp_path)
    assert dataset.GetMetadataItem("a") == "1" and dataset.GetGeoTransform() == (5, 1, 0, 6, 0, -1)
    assert [dataset.GetRasterBand(i).GetDescription() for i in (1, 2, 3)] == ["first", "second", ""]


# --- reading only --------------------------------------------------------------------------

def test_read_only(tmp_path):
    made(tmp_path, "update")
    alive.clear()
    before = fingerprint(tmp_path)
    dataset = opened(tmp_path / "a.ome.zarr")[0]
    band = dataset.GetRasterBand(1)
    for setter in (lambda: dataset.SetGeoTransform((5, 1, 0, 6, 0, -1)), lambda: dataset.SetSpatialRef(crs("EPSG:4326")),
                   lambda: dataset.SetGCPs([gdal.GCP(1, 2, 3, 4, 5)], ""), lambda: band.SetNoDataValue(1), lambda: band.DeleteNoDataValue(),
                   lambda: band.SetUnitType("m"), lambda: band.SetScale(2), lambda: band.SetOffset(2), lambda: band.SetColorTable(palette()),
                   lambda: band.SetColorInterpretation(gdal.GCI_RedBand), lambda: band.SetCategoryNames(["a"]), lambda: band.SetDefaultRAT(rat()),
                   lambda: band.SetDefaultHistogram(0, 1, [1])):
        with heard() as said:
            assert setter() != 0
        assert len(said.errors()) == 1 and "reading only" in said.errors()[0] and len(said) == 1
    with heard() as said:
        assert dataset.SetMetadataItem("a", "1") == 0 and band.SetMetadata({"b": "2"}) == 0 and band.SetDescription("c") is None
    assert len(said) == 1 and "memory" in said.warnings()[0]
    assert dataset.GetMetadata() == {"a": "1"} and band.GetMetadata() == {"b": "2"} and band.GetDescription() == "c"
    band = dataset = None
    alive.clear()
    assert fingerprint(tmp_path) == before


def test_overviews_are_not_set(tmp_path):
    dataset = made(tmp_path, "update", "OME_VERSION=0.5", 1, (600, 700))
    with heard() as said:
        assert dataset.GetRasterBand(1).GetOverview(0).SetNoDataValue(1) != 0
    assert len(said.errors()) == 1 and "overview" in said.errors()[0]
