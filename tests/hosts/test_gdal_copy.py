# SPDX-License-Identifier: MIT
"""Copies of our own datasets copy the image: all axes, all metadata. What comes in and what goes out is made and read by numpy."""
import json
import os

import numpy
import pytest
from conftest import copied, fingerprint, memory_raster, open_quietly, opened, pattern, run
from osgeo import gdal
from stores import read_group, read_image, write_array, write_image

RAW = ["COMPRESS=NONE", "SHARDSIZE=NO", "CHECKSUM=NO"]  # what read_image() reads
OMERO = {"id": 3, "channels": [
    {"label": "DAPI", "color": "0000FF", "active": False, "emission": 461.5, "window": {"min": 0, "max": 65535, "start": 10, "end": 900}},
    {"label": "GFP", "color": "00FF00", "window": {"min": 0, "max": 65535, "start": 5, "end": 70}, "coefficient": 0.5}],
    "rdefs": {"defaultT": 1, "defaultZ": 2, "model": "greyscale", "projection": "normal"}}
MORE = {"specimen": {"id": 17, "tags": ["a", None, 2.5]}, "Größe": "µ"}
UNITS = {"t": "second", "z": "micrometer", "y": "micrometer", "x": "micrometer"}


def specimen(folder, version, shape=(3, 2, 5, 40, 50), reduce=(1, 1, 1, 2, 2), **more):
    """t, c, z, y, x with two levels; the second one is no mean of the first, so that it can be told."""
    full = pattern(*shape[1:]).astype("uint16")[None] + (numpy.arange(shape[0], dtype="uint16") * 911).reshape(-1, 1, 1, 1, 1)
    half = numpy.ascontiguousarray(full[tuple(slice(None, None, f) for f in reduce)]) + numpy.uint16(1)
    scale = [2.0, 1.0, 2.5, 0.25, 0.25]
    coarse = [s * f for s, f in zip(scale, reduce)]
    write_image(folder, version, "tczyx", [full, half], [scale, coarse],
                [[10.0, 0.0, -4.0, 1.0, 2.0], [10.0, 0.0, -4.0, 1.125, 2.125]], UNITS, (1, 1, 2, 16, 16), {"omero": OMERO}, {**MORE, **more})
    return full, half


def mean(pixels, factors):
    """Windows cut at the edge, ties to even."""
    index = [numpy.arange(0, n, f) for n, f in zip(pixels.shape, factors)]
    total, count = pixels.astype("float64"), numpy.ones(pixels.shape)
    for axis, starts in enumerate(index):
        total, count = numpy.add.reduceat(total, starts, axis), numpy.add.reduceat(count, starts, axis)
    return numpy.rint(total / count).astype(pixels.dtype)


def transforms(entry):
    return [[t[t["type"]] for t in d["coordinateTransformations"]] for d in entry["datasets"]]


@pytest.mark.parametrize("before", ["0.4", "0.5"])
@pytest.mark.parametrize("after", ["0.4", "0.5"])
def test_everything_comes_along(tmp_path, before, after):
    full, _ = specimen(tmp_path / "a.ome.zarr", before)
    copied(open_quietly(tmp_path / "a.ome.zarr"), tmp_path / "b.ome.zarr", f"OME_VERSION={after}", *RAW)
    levels, entry, ome, attributes = read_image(tmp_path / "b.ome.zarr")
    assert [level.shape for level in levels] == [(3, 2, 5, 40, 50), (3, 2, 5, 20, 25)]
    numpy.testing.assert_array_equal(levels[0], full)
    numpy.testing.assert_array_equal(levels[1], mean(full, (1, 1, 1, 2, 2)))
    assert [(a["name"], a.get("unit")) for a in entry["axes"]] == [(a, UNITS.get(a)) for a in "tczyx"]
    assert transforms(entry) == [[[2, 1, 2.5, 0.25, 0.25], [10, 0, -4, 1, 2]], [[2, 1, 2.5, 0.5, 0.5], [10, 0, -4, 1.125, 2.125]]]
    assert entry["name"] == "specimen" and ome.get("version", entry.get("version")) == after
    channels = ome["omero"].pop("channels")
    assert ome["omero"]["rdefs"] == OMERO["rdefs"] and ome["omero"]["id"] == 3
    for channel, source in zip(channels, OMERO["channels"]):
        assert {k: channel[k] for k in source} == source
    for key, value in MORE.items():
        assert attributes[key] == value
    assert after == "0.5" or "ome" not in attributes


def test_there_and_back_again(tmp_path):
    """0.4 to 0.5 to 0.4: what the first program wrote is still there."""
    full, _ = specimen(tmp_path / "a.ome.zarr", "0.4")
    copied(open_quietly(tmp_path / "a.ome.zarr"), tmp_path / "b.ome.zarr", "BLOCKSIZE=1,2,4,32,32")
    copied(open_quietly(tmp_path / "b.ome.zarr"), tmp_path / "c.ome.zarr", "OME_VERSION=0.4", *RAW)
    levels, entry, ome, attributes = read_image(tmp_path / "c.ome.zarr")
    numpy.testing.assert_array_equal(levels[0], full)
    for key, value in MORE.items():
        assert attributes[key] == value
    assert [c["label"] for c in ome["omero"]["channels"]] == ["DAPI", "GFP"]


def test_by_gdal_translate(tmp_path):
    """A plain gdal_translate hands our dataset over; options of its own wrap it in a VRT, which has only the bands shown."""
    full, _ = specimen(tmp_path / "a.ome.zarr", "0.4")
    done = run("gdal_translate", "-q", "-of", "OMEZarr", *[w for o in RAW for w in ("-co", o)], tmp_path / "a.ome.zarr", tmp_path / "b.ome.zarr")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("Warning") == 1 and "one plane" in done.stderr  # of the source; not of the copy again
    numpy.testing.assert_array_equal(read_image(tmp_path / "b.ome.zarr")[0][0], full)
    done = run("gdal_translate", "-q", "-of", "OMEZarr", "-srcwin", "0", "0", "20", "10", tmp_path / "a.ome.zarr", tmp_path / "c.ome.zarr")
    assert done.returncode == 0, done.stderr
    numpy.testing.assert_array_equal(open_quietly(tmp_path / "c.ome.zarr").ReadAsArray(), full[1, :, 2, :10, :20])


@pytest.mark.parametrize("options, cut, axes", [
    (["T=2"], numpy.s_[2], "czyx"), (["Z=4"], numpy.s_[:, :, 4], "tcyx"), (["C=1"], numpy.s_[:, 1], "tzyx"),
    (["T=0", "C=0"], numpy.s_[0, 0], "zyx"), (["T=1", "Z=1", "C=1"], numpy.s_[1, 1, 1], "yx"), (["BANDS=ALL"], numpy.s_[:], "tczyx")])
@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_what_open_options_choose(tmp_path, options, cut, axes, version):
    """A plane that is chosen is what is copied, without its axis; axes that are only not shown come whole."""
    full, _ = specimen(tmp_path / "a.ome.zarr", version)
    copied(open_quietly(tmp_path / "a.ome.zarr", *options), tmp_path / "b.ome.zarr", f"OME_VERSION={version}", *RAW)
    levels, entry, ome, _ = read_image(tmp_path / "b.ome.zarr")
    assert "".join(a["name"] for a in entry["axes"]) == axes
    numpy.testing.assert_array_equal(levels[0], full[cut])
    assert len(levels) == 2
    names = [c["label"] for c in ome["omero"]["channels"]]
    assert names == (["DAPI", "GFP"] if "c" in axes else ["DAPI"] if "C=0" in options else ["GFP"])
    scale = dict(zip("tczyx", [2, 1, 2.5, 0.25, 0.25]))
    assert transforms(entry)[0][0] == [scale[a] for a in axes]


def test_bands_option_copies_what_is_shown(tmp_path):
    full, _ = specimen(tmp_path / "a.ome.zarr", "0.5")
    copied(open_quietly(tmp_path / "a.ome.zarr", "BANDS=Z", "C=1"), tmp_path / "b.ome.zarr", *RAW)
    levels, entry, _, _ = read_image(tmp_path / "b.ome.zarr")
    assert "".join(a["name"] for a in entry["axes"]) == "zyx"
    numpy.testing.assert_array_equal(levels[0], full[1, 1])  # time as omero wants it shown
    assert transforms(entry)[0][0] == [2.5, 0.25, 0.25]


def test_level_option_copies_from_there_on(tmp_path):
    _, half = specimen(tmp_path / "a.ome.zarr", "0.5")
    copied(open_quietly(tmp_path / "a.ome.zarr", "LEVEL=1"), tmp_path / "b.ome.zarr", *RAW)
    levels, entry, _, _ = read_image(tmp_path / "b.ome.zarr")
    assert len(levels) == 1
    numpy.testing.assert_array_equal(levels[0], half)
    assert transforms(entry)[0] == [[2, 1, 2.5, 0.5, 0.5], [10, 0, -4, 1.125, 2.125]]


@pytest.mark.parametrize("options, shapes", [
    ([], [(3, 2, 5, 40, 50), (3, 2, 5, 20, 25)]), (["PYRAMID=NO"], [(3, 2, 5, 40, 50)]), (["LEVELS=3"], [(3, 2, 5, 40, 50), (3, 2, 5, 20, 25), (3, 2, 5, 10, 13)]),
    (["FACTORS=2,3,3", "LEVELS=2"], [(3, 2, 5, 40, 50), (3, 2, 3, 14, 17)]), (["PYRAMID=AUTO"], [(3, 2, 5, 40, 50)])])
def test_levels(tmp_path, options, shapes):
    """The levels are those of the source, made anew, unless options want others."""
    specimen(tmp_path / "a.ome.zarr", "0.5")
    copied(open_quietly(tmp_path / "a.ome.zarr"), tmp_path / "b.ome.zarr", *RAW, *options)
    assert [level.shape for level in read_image(tmp_path / "b.ome.zarr")[0]] == shapes


def test_creation_options_apply(tmp_path):
    full, _ = specimen(tmp_path / "a.ome.zarr", "0.4")
    copied(open_quietly(tmp_path / "a.ome.zarr"), tmp_path / "b.ome.zarr", "BLOCKSIZE=1,2,4,32,32", "SHARDSIZE=3,2,4,64,64", "NAME=other",
           "PIXEL_SIZE=3,0.5,0.5", "UNIT=nanometer", "COMPRESS=ZSTD")
    array = json.loads((tmp_path / "b.ome.zarr/0/zarr.json").read_text())
    assert array["chunk_grid"]["configuration"]["chunk_shape"] == [3, 2, 4, 64, 64]
    assert array["codecs"][0]["configuration"]["chunk_shape"] == [1, 2, 4, 32, 32]
    entry = read_group(tmp_path / "b.ome.zarr")[0]["multiscales"][0]
    assert entry["name"] == "other"
    assert transforms(entry)[1][0] == [2, 1, 3, 1, 1]
    assert [a.get("unit") for a in entry["axes"]] == ["second", None] + ["nanometer"] * 3
    dataset = open_quietly(tmp_path / "b.ome.zarr", "T=1", "Z=3", "C=0")
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), full[1, 0, 3])


def test_nearest_stays_nearest(tmp_path):
    """How levels are made is said in the source, and kept."""
    pixels = numpy.random.default_rng(1).integers(0, 9, (1, 300, 280)).astype("uint8")
    copied(memory_raster(pixels), tmp_path / "a.ome.zarr", "RESAMPLING=NEAREST")
    copied(open_quietly(tmp_path / "a.ome.zarr"), tmp_path / "b.ome.zarr", *RAW)
    levels, entry, _, _ = read_image(tmp_path / "b.ome.zarr")
    assert entry["type"] == "nearest"
    numpy.testing.assert_array_equal(levels[1], pixels[0, ::2, ::2])


def test_what_gdal_knows_comes_along(tmp_path):
    """Georeferencing, names, tables and metadata of an image that GDAL wrote; side by side with a copy of the GeoTIFF."""
    source = memory_raster(pattern(3, 300, 280))
    source.SetGeoTransform((440720.1, 60.00000000000001, 0.5, 3751320.3, 0.25, -60.1))
    source.SetProjection("EPSG:31985")
    source.SetMetadata({"AREA_OR_POINT": "Point", "note": "x"})
    source.SetMetadata({"LINE_OFF": "1", "SAMP_OFF": "2"}, "RPC")
    for i in range(1, 4):
        band = source.GetRasterBand(i)
        band.SetNoDataValue(i)
        band.SetDescription(f"β{i}")
        band.SetUnitType("W/m²")
        band.SetScale(0.125 * i)
        band.SetMetadata({"item": str(i)})
    copied(source, tmp_path / "a.ome.zarr")
    for version in ("0.5", "0.4", "0.5"):
        copied(open_quietly(tmp_path / "a.ome.zarr"), tmp_path / "b.ome.zarr", f"OME_VERSION={version}", "BLOCKSIZE=64")
        one, two = open_quietly(tmp_path / "a.ome.zarr"), open_quietly(tmp_path / "b.ome.zarr")
        assert two.GetGeoTransform() == source.GetGeoTransform()
        assert two.GetSpatialRef().IsSame(one.GetSpatialRef()) and two.GetSpatialRef().GetAuthorityCode(None) == "31985"
        assert two.GetMetadata() == one.GetMetadata() and two.GetMetadata("RPC") == one.GetMetadata("RPC")
        for i in range(1, 4):
            mine, theirs = two.GetRasterBand(i), source.GetRasterBand(i)
            assert (mine.GetNoDataValue(), mine.GetDescription(), mine.GetUnitType(), mine.GetScale(), mine.GetMetadata()) == (
                theirs.GetNoDataValue(), theirs.GetDescription(), theirs.GetUnitType(), theirs.GetScale(), theirs.GetMetadata())
        numpy.testing.assert_array_equal(two.ReadAsArray(), source.ReadAsArray())
        # the arrays of the levels say where they lie, for other readers
        ome, attributes = read_group(tmp_path / "b.ome.zarr")
        path = tmp_path / "b.ome.zarr" / ome["multiscales"][0]["datasets"][1]["path"]
        level = read_group(path)[1]
        assert level["spatial:transform"][0] == 2 * 60.00000000000001 and level["proj:code"] == "EPSG:31985"
        assert ("multiscales" in attributes) and (version == "0.4" or "layout" in attributes["multiscales"])
        gdal.GetDriverByName("OMEZarr").Delete(str(tmp_path / "b.ome.zarr"))


def test_part_of_what_gdal_knows(tmp_path):
    """One channel keeps what belongs to it; a coarser level keeps its place."""
    source = memory_raster(pattern(3, 600, 560))
    source.SetGeoTransform((1000, 2, 0, 5000, 0, -2))
    source.SetMetadata({"LINE_OFF": "99.5", "SAMP_OFF": "49.5", "LINE_SCALE": "100", "SAMP_SCALE": "50", "HEIGHT_OFF": "7"}, "RPC")
    for i in range(1, 4):
        source.GetRasterBand(i).SetDescription(f"b{i}")
        source.GetRasterBand(i).SetOffset(i)
    copied(source, tmp_path / "a.ome.zarr")
    one, _ = copied(open_quietly(tmp_path / "a.ome.zarr", "C=1"), tmp_path / "b.ome.zarr")
    assert one.RasterCount == 1
    band = one.GetRasterBand(1)
    assert (band.GetDescription(), band.GetOffset()) == ("b2", 2)
    numpy.testing.assert_array_equal(one.ReadAsArray(), source.GetRasterBand(2).ReadAsArray())
    coarse, _ = copied(open_quietly(tmp_path / "a.ome.zarr", "LEVEL=1"), tmp_path / "c.ome.zarr")
    assert coarse.GetGeoTransform() == (1000, 4, 0, 5000, 0, -4)
    assert coarse.GetMetadata("RPC") == {"LINE_OFF": "49.5", "SAMP_OFF": "24.5", "LINE_SCALE": "50", "SAMP_SCALE": "25", "HEIGHT_OFF": "7"}
    assert [coarse.GetRasterBand(i).GetDescription() for i in (1, 2, 3)] == ["b1", "b2", "b3"]


def test_georef_no(tmp_path):
    source = memory_raster(pattern(1, 300, 280))
    source.SetGeoTransform((440720, 60, 0, 3751320, 0, -60))
    source.SetProjection("EPSG:31985")
    copied(source, tmp_path / "a.ome.zarr")
    dataset, _ = copied(open_quietly(tmp_path / "a.ome.zarr"), tmp_path / "b.ome.zarr", "GEOREF=NO")
    assert dataset.GetSpatialRef() is None and dataset.GetGeoTransform(can_return_null=True) is None
    for path in ("b.ome.zarr", "b.ome.zarr/s0/image"):
        assert not [k for k in read_group(tmp_path / path)[1] if k.startswith(("spatial:", "proj:"))]
    _, said = copied(open_quietly(tmp_path / "a.ome.zarr"), tmp_path / "c.ome.zarr", "PIXEL_SIZE=2", errors=1)
    assert "GEOREF=NO" in said.errors()[0]
    dataset, _ = copied(open_quietly(tmp_path / "a.ome.zarr"), tmp_path / "c.ome.zarr", "PIXEL_SIZE=2", "GEOREF=NO")
    assert dataset.GetGeoTransform() == (-1, 2, 0, 1, 0, -2)


def test_image_of_microscopy_gets_no_spatial_attributes(tmp_path):
    """The geotransform that GDAL is shown follows from the scale; it is not stored because of that."""
    specimen(tmp_path / "a.ome.zarr", "0.5")
    copied(open_quietly(tmp_path / "a.ome.zarr"), tmp_path / "b.ome.zarr")
    assert not [k for k in read_group(tmp_path / "b.ome.zarr")[1] if k.startswith(("spatial:", "proj:", "gdal"))]


def test_bare_array(tmp_path):
    """Without OME metadata: axes by custom, an image all the same."""
    pixels = pattern(4, 70, 60)
    write_array(tmp_path / "bare.zarr", pixels, [1, 32, 32], "0.4", {"mine": 1})
    copied(open_quietly(f"OMEZARR:{tmp_path / 'bare.zarr'}"), tmp_path / "b.ome.zarr", *RAW)
    levels, entry, _, attributes = read_image(tmp_path / "b.ome.zarr")
    numpy.testing.assert_array_equal(levels[0], pixels)
    assert [a["name"] for a in entry["axes"]] == ["z", "y", "x"] and attributes["mine"] == 1


def test_axes_that_cannot_be_written(tmp_path):
    """More than the specification allows: what is shown is copied, and that is said."""
    pixels = pattern(2, 3, 20, 30).astype("uint16")[None, None]
    write_array(tmp_path / "six.zarr", pixels, [1, 1, 1, 1, 20, 30], "0.4")
    name = f"OMEZARR:{tmp_path / 'six.zarr'}"
    _, said = copied(open_quietly(name), tmp_path / "b.ome.zarr", strict=1, errors=1)
    dataset, said = copied(open_quietly(name), tmp_path / "b.ome.zarr")
    assert len(said.warnings()) == 1 and "only the bands shown" in said.warnings()[0]
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), open_quietly(name).ReadAsArray())


@pytest.mark.parametrize("percent", [0, 30, 80, 99])
def test_cancelled(tmp_path, percent):
    specimen(tmp_path / "a.ome.zarr", "0.5")
    specimen(tmp_path / "b.ome.zarr", "0.4")
    before = fingerprint(tmp_path / "b.ome.zarr")
    for target, options in (("c.ome.zarr", []), ("b.ome.zarr", ["OVERWRITE=YES"])):
        _, said = copied(open_quietly(tmp_path / "a.ome.zarr"), tmp_path / target, *options, errors=1,
                         callback=lambda done, message, data: 0 if done >= percent / 100 else 1)
        assert said[-1][1] == 9  # CPLE_UserInterrupt
    assert fingerprint(tmp_path / "b.ome.zarr") == before
    assert sorted(os.listdir(tmp_path)) == ["a.ome.zarr", "b.ome.zarr"]


def test_damaged_source(tmp_path):
    """A chunk that is cut short: one error that names the source, nothing is left."""
    specimen(tmp_path / "a.ome.zarr", "0.5")
    (tmp_path / "a.ome.zarr/0/c/2/1/1/1/1").write_bytes(b"x")
    _, said = copied(open_quietly(tmp_path / "a.ome.zarr"), tmp_path / "b.ome.zarr", errors=1)
    assert "a.ome.zarr" in said.errors()[0]
    assert os.listdir(tmp_path) == ["a.ome.zarr"]


def test_any_name_in_memory(tmp_path):
    """Folders are no things of their own there, and nothing in this name says Zarr."""
    copied(memory_raster(pattern(2, 30, 40)), "/vsimem/copy.tif.tst")
    dataset = gdal.Open("/vsimem/copy.tif.tst")
    assert dataset.GetDriver().ShortName == "OMEZarr"
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), pattern(2, 30, 40))
    again, _ = copied(dataset, "/vsimem/again.ome.zarr", "OME_VERSION=0.4")
    numpy.testing.assert_array_equal(again.ReadAsArray(), pattern(2, 30, 40))
    dataset = again = None
    for name in ("/vsimem/copy.tif.tst", "/vsimem/again.ome.zarr"):
        gdal.RmdirRecursive(name)


def test_progress_rises_to_one(tmp_path):
    specimen(tmp_path / "a.ome.zarr", "0.5")
    seen = []
    copied(open_quietly(tmp_path / "a.ome.zarr"), tmp_path / "b.ome.zarr", callback=lambda done, message, data: seen.append(done) or 1)
    assert seen == sorted(seen) and seen[-1] == 1.0 and len(seen) > 2
