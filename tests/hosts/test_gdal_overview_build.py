# SPDX-License-Identifier: MIT
"""gdaladdo: levels have the very pixels that GDAL gives a GeoTIFF, and change in one step."""
import json
import pathlib
import signal
import subprocess
import sys

import numpy
import pytest
from conftest import VERSION, copied, fingerprint, heard, memory_raster, open_quietly, run
from osgeo import gdal, osr

METHODS = ("nearest", "average", "rms", "gauss", "bilinear", "cubic", "cubicspline", "lanczos", "average_magphase",
           "mode")


def noise(bands, lines, samples, dtype, low, high, seed=7):
    """Steps and noise: what smoothing and voting tell apart."""
    random = numpy.random.default_rng(seed)
    values = random.uniform(low, high, (bands, lines // 5 + 1, samples // 5 + 1)).repeat(5, axis=1).repeat(5, axis=2)
    values = values[:, :lines, :samples] * 0.7 + random.uniform(low, high, (bands, lines, samples)) * 0.3
    return values.astype(dtype)


def raster(kind):
    if kind == "byte":
        return memory_raster(noise(3, 211, 307, "uint8", 0, 255))
    if kind == "uint16":
        return memory_raster(noise(1, 130, 401, "uint16", 0, 65535))
    if kind == "int16":
        return memory_raster(noise(2, 97, 101, "int16", -30000, 30000))
    if kind == "int32":
        return memory_raster(noise(1, 63, 65, "int32", -2e9, 2e9))
    if kind == "double":
        return memory_raster(noise(1, 63, 65, "float64", -1e9, 1e9))
    if kind == "nodata":
        pixels = noise(2, 150, 203, "float32", -5, 5)
        pixels[pixels > 3] = -9999
        pixels[:, 40:90, 30:120] = -9999
        dataset = memory_raster(pixels)
        for i in (1, 2):
            dataset.GetRasterBand(i).SetNoDataValue(-9999)
        return dataset
    if kind == "nan":
        pixels = noise(1, 150, 203, "float32", -5, 5)
        pixels[:, 20:80, 50:100] = numpy.nan
        dataset = memory_raster(pixels)
        dataset.GetRasterBand(1).SetNoDataValue(numpy.nan)
        return dataset
    if kind == "palette":
        dataset = memory_raster(noise(1, 121, 147, "uint8", 0, 16))
        colors = gdal.ColorTable()
        for i in range(16):
            colors.SetColorEntry(i, (i * 16, 255 - i * 9, (i * 53) % 256, 255))
        dataset.GetRasterBand(1).SetColorTable(colors)
        dataset.GetRasterBand(1).SetColorInterpretation(gdal.GCI_PaletteIndex)
        return dataset
    pixels = noise(4, 133, 171, "uint8", 0, 255)  # colors with alpha
    pixels[3, 30:70, 60:140] = 0
    dataset = memory_raster(pixels)
    for i, part in enumerate((gdal.GCI_RedBand, gdal.GCI_GreenBand, gdal.GCI_BlueBand, gdal.GCI_AlphaBand)):
        dataset.GetRasterBand(i + 1).SetColorInterpretation(part)
    return dataset


def build(name, method, levels, callback=None, options=()):
    """BuildOverviews of what is stored; what was said."""
    with heard() as said:
        dataset = gdal.OpenEx(str(name), gdal.OF_RASTER | gdal.OF_UPDATE)
        assert dataset is not None
        said.code = dataset.BuildOverviews(method, levels, callback=callback, options=list(options))
        dataset = None
    return said


def overviews(name, *options):
    """Pixels of all levels above 0, by size: {(height, width): (bands, height, width)}."""
    dataset = gdal.OpenEx(str(name), gdal.OF_RASTER, open_options=list(options))
    band, out = dataset.GetRasterBand(1), {}
    for k in range(band.GetOverviewCount()):
        level = [dataset.GetRasterBand(i + 1).GetOverview(k).ReadAsArray() for i in range(dataset.RasterCount)]
        out[level[0].shape] = numpy.array(level)
    return out


def assert_same(ours, theirs):
    assert list(ours) == list(theirs)
    for size in ours:
        numpy.testing.assert_array_equal(ours[size], theirs[size], err_msg=str(size))


def geotiff(source, target, method, levels, *options):
    """Pixel by pixel, whatever a version's default is: GDAL takes another kernel for band after band."""
    gdal.GetDriverByName("GTiff").CreateCopy(str(target), source, options=["INTERLEAVE=PIXEL", *options])
    build(target, method, levels)
    return overviews(target)


def documents(store):
    return json.loads((pathlib.Path(store) / "zarr.json").read_text())["attributes"]


@pytest.fixture
def store(tmp_path):
    """3 bands of 500 x 700 with two levels."""
    name = tmp_path / "a.ome.zarr"
    copied(memory_raster(noise(3, 500, 700, "uint8", 0, 255)), name, "LEVELS=3", "BLOCKSIZE=64")
    return name


# --- the pixels ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["byte", "uint16", "int16", "int32", "double", "nodata", "nan", "palette", "alpha"])
@pytest.mark.parametrize("method", METHODS)
def test_equal_to_geotiff(kind, method, tmp_path):
    source, store = raster(kind), tmp_path / "a.ome.zarr"
    copied(source, store, "PYRAMID=NO", "BLOCKSIZE=64")
    said = build(store, method, [2, 4, 8])
    assert said.errors() == []
    assert_same(overviews(store), geotiff(source, tmp_path / "a.tif", method, [2, 4, 8]))


@pytest.mark.parametrize("method", ["nearest", "average", "cubic", "mode"])
@pytest.mark.parametrize("levels", [[3], [5, 7, 21], [2, 3, 6, 60], [2, 1000]])
def test_any_factor(method, levels, tmp_path):
    if 1000 in levels and VERSION >= 3130000:
        pytest.skip("GDAL 3.13 leaves the overview of a GeoTIFF empty that is a single pixel")
    source, store = raster("byte"), tmp_path / "a.ome.zarr"
    copied(source, store, "PYRAMID=NO", "BLOCKSIZE=32,48", "SHARDSIZE=NO")
    assert build(store, method, levels[::-1] + levels[:1]).errors() == []  # in any order, twice
    assert_same(overviews(store), geotiff(source, tmp_path / "a.tif", method, levels))


@pytest.mark.parametrize("method", ["nearest", "average", "lanczos"])
def test_larger_than_a_chunk_of_the_kernel(method, tmp_path):
    """GDAL takes images of more than 10 MiB in parts; with threads, too."""
    source = memory_raster(noise(1, 1901, 3403, "uint16", 0, 4000))
    store = tmp_path / "a.ome.zarr"
    copied(source, store, "PYRAMID=NO", "BLOCKSIZE=256")
    gdal.SetConfigOption("GDAL_NUM_THREADS", "3")
    try:
        assert build(store, method, [2, 4, 8]).errors() == []
    finally:
        gdal.SetConfigOption("GDAL_NUM_THREADS", None)
    assert_same(overviews(store), geotiff(source, tmp_path / "a.tif", method, [2, 4, 8], "TILED=YES"))


@pytest.mark.parametrize("option", ["OME_VERSION=0.4", "INTERLEAVE=PIXEL", "SHARDSIZE=128", "BAND_AXIS=T"])
def test_layouts(option, tmp_path):
    source, store = raster("byte"), tmp_path / "a.ome.zarr"
    copied(source, store, "PYRAMID=NO", "BLOCKSIZE=64", option)
    assert build(store, "average", [2, 4]).errors() == []
    assert_same(overviews(store), geotiff(source, tmp_path / "a.tif", "average", [2, 4]))


def test_bits(tmp_path):
    """Truth values stay truth values."""
    pixels = (noise(1, 101, 103, "uint8", 0, 255) > 128).astype("uint8")
    name = tmp_path / "bits.ome.zarr"
    (name / "0" / "c" / "0").mkdir(parents=True)
    (name / "zarr.json").write_text(json.dumps({
        "zarr_format": 3, "node_type": "group", "attributes": {"ome": {"version": "0.5", "multiscales": [{
            "axes": [{"name": "y", "type": "space"}, {"name": "x", "type": "space"}],
            "datasets": [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 1]}]}]}]}}}))
    (name / "0" / "zarr.json").write_text(json.dumps({
        "zarr_format": 3, "node_type": "array", "shape": [101, 103], "data_type": "bool", "fill_value": False,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [101, 103]}},
        "chunk_key_encoding": {"name": "default"}, "codecs": [{"name": "bytes"}]}))
    (name / "0" / "c" / "0" / "0").write_bytes(pixels.tobytes())
    source = memory_raster(pixels)
    for method in "nearest", "average", "mode", "cubic":
        said = build(name, method, [2, 4])
        assert said.errors() == []
        (tmp_path / "a.tif").unlink(missing_ok=True)
        expected = geotiff(source, tmp_path / "a.tif", method, [2, 4])  # with NBITS=1 it has a palette
        assert_same(overviews(name), {size: level.clip(0, 1) for size, level in expected.items()})
    assert build(name, "average_bit2grayscale", [2]).errors()[0].count("bool") == 1


# --- which levels ----------------------------------------------------------------------------------


def sizes(name):
    return [shape for shape in overviews(name)]


def test_rebuild_replaces_and_keeps(store, tmp_path):
    """Levels that are named are built anew; the others keep their bytes."""
    source = gdal.Translate("", str(store), format="MEM")
    before, files = overviews(store), fingerprint(store)
    assert build(store, "cubic", [4, 8]).errors() == []
    after = overviews(store)
    assert list(after) == [(250, 350), (125, 175), (63, 88)]
    expected = geotiff(source, tmp_path / "a.tif", "cubic", [4, 8])
    for size in expected:
        numpy.testing.assert_array_equal(after[size], expected[size])
    numpy.testing.assert_array_equal(after[(250, 350)], before[(250, 350)])
    kept = {key: value for key, value in files.items() if key.startswith("s1/")}
    assert kept and kept.items() <= fingerprint(store).items()


def test_clean(store):
    assert build(store, "none", []).errors() == []
    assert sizes(store) == []
    assert sorted(p.name for p in store.iterdir() if p.name != ".ozr-lock") == ["s0", "zarr.json"]
    assert "overviews" not in documents(store)["gdal"]
    assert build(store, "average", [2]).errors() == []
    assert sizes(store) == [(250, 350)]
    assert documents(store)["ome"]["multiscales"][0]["datasets"][1]["path"] == "s1/image"


def test_record(store):
    build(store, "gauss", [2, 4])
    attributes = documents(store)
    assert attributes["gdal"]["overviews"] == {"method": "GAUSS", "by": "gdal"}
    assert attributes["gdal"]["band_axis"] == "c"  # and all the rest
    scale = attributes["ome"]["multiscales"][0]
    assert scale["type"] == "gaussian"
    assert scale["metadata"]["method"] == "gdaladdo -r gauss"
    assert scale["metadata"]["version"] == gdal.VersionInfo("RELEASE_NAME")
    assert [item["asset"] for item in attributes["multiscales"]["layout"]] == ["s0", "s3", "s4"]


def test_place_of_levels(tmp_path):
    """A level covers what level 0 covers: in OME's terms and in GDAL's."""
    source = memory_raster(noise(1, 101, 203, "uint8", 0, 255))
    source.SetGeoTransform((1000, 2, 0, 5000, 0, -3))
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(32633)
    source.SetProjection(srs.ExportToWkt())
    name = tmp_path / "a.ome.zarr"
    copied(source, name, "PYRAMID=NO")
    build(name, "average", [4])
    (first, second) = documents(name)["ome"]["multiscales"][0]["datasets"]
    scale = second["coordinateTransformations"][0]["scale"]
    shift = [t["coordinateTransformations"][1]["translation"][-1] for t in (first, second)]
    numpy.testing.assert_allclose(scale[-2:], [3 * 101 / 26, 2 * 203 / 51], rtol=1e-14)
    numpy.testing.assert_allclose(shift, [1001, 1000 + 203 / 51], rtol=1e-14)
    attributes = json.loads((name / "s1" / "image" / "zarr.json").read_text())["attributes"]
    numpy.testing.assert_allclose(attributes["spatial:transform"],
                                  [2 * 203 / 51, 0, 1000, 0, -3 * 101 / 26, 5000], rtol=1e-14)
    assert attributes["proj:code"] == "EPSG:32633"
    assert {c["name"] for c in attributes["zarr_conventions"]} == {"spatial:", "proj:"}


def test_volume(tmp_path):
    """Its levels reduce z too; gdaladdo's do not: one warning."""
    pixels = noise(40, 60, 80, "uint16", 0, 4000)
    name = tmp_path / "v.ome.zarr"
    copied(memory_raster(pixels), name, "BAND_AXIS=Z", "BLOCKSIZE=16", "LEVELS=3")
    said = build(name, "average", [2])
    assert said.errors() == []
    assert len(said.warnings()) == 1 and "2 levels that reduce other axes" in said.warnings()[0]
    assert_same(overviews(name), geotiff(memory_raster(pixels), tmp_path / "a.tif", "average", [2]))
    assert build(name, "average", [2, 4]).warnings() == []


def test_hidden_planes(tmp_path):
    """Levels have all planes of the image, whatever a view shows."""
    name = tmp_path / "five.ome.zarr"
    pixels = noise(6, 31, 47, "uint8", 0, 255).reshape(3, 2, 31, 47)  # t, c, y, x
    (name / "0").mkdir(parents=True)
    (name / ".zgroup").write_text('{"zarr_format": 2}')
    axes = [{"name": "t", "type": "time"}, {"name": "c", "type": "channel"}, {"name": "y", "type": "space"},
            {"name": "x", "type": "space"}]
    (name / ".zattrs").write_text(json.dumps({"mine": [1.50, "\u00e4"], "multiscales": [{
        "version": "0.4", "name": "five", "extra": {"a": 1}, "axes": axes,
        "datasets": [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 1, 0.5, 0.25]}]}]}]}))
    (name / "0" / ".zarray").write_text(json.dumps({
        "zarr_format": 2, "shape": [3, 2, 31, 47], "chunks": [1, 2, 31, 47], "dtype": "|u1", "compressor": None,
        "fill_value": 0, "order": "C", "filters": None}))
    for t in range(3):
        (name / "0" / f"{t}.0.0.0").write_bytes(pixels[t].tobytes())
    assert build(name, "average", [2]).errors() == []
    for t in range(3):
        expected = geotiff(memory_raster(pixels[t]), tmp_path / f"{t}.tif", "average", [2])
        assert_same(overviews(name, f"T={t}"), expected)
    written = json.loads((name / ".zattrs").read_text())
    assert written["mine"] == [1.5, "\u00e4"] and written["multiscales"][0]["extra"] == {"a": 1}
    array = json.loads((name / "1" / ".zarray").read_text())
    assert array["compressor"] is None and array["shape"] == [3, 2, 16, 24] and "dimension_separator" not in array
    assert (name / "1" / "2.0.0.0").is_file()


def test_gdaladdo_program(store):
    assert run("gdaladdo", "-q", "-clean", store).returncode == 0
    assert sizes(store) == []
    done = run("gdaladdo", "-q", "-r", "average", store)  # until a side is below 256
    assert done.returncode == 0, done.stderr
    assert sizes(store) == [(250, 350), (125, 175)]


# --- updates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["nearest", "gauss", "cubicspline", "mode", "average_magphase"])
def test_update_equals_rebuild(method, tmp_path):
    """Pixels that change later change the levels as building them anew would, and no others."""
    source, name = memory_raster(noise(2, 401, 503, "uint8", 0, 255)), tmp_path / "a.ome.zarr"
    copied(source, name, "PYRAMID=NO", "BLOCKSIZE=32", "SHARDSIZE=NO")
    build(name, method, [2, 4, 8])
    before = fingerprint(name)
    patch = noise(1, 30, 41, "uint8", 0, 255, seed=3)[0]
    source.GetRasterBand(2).WriteArray(patch, 300, 111)
    dataset = gdal.OpenEx(str(name), gdal.OF_UPDATE)
    dataset.GetRasterBand(2).WriteArray(patch, 300, 111)
    expected = geotiff(source, tmp_path / "a.tif", method, [2, 4, 8])
    level = dataset.GetRasterBand(2).GetOverview(1)  # of the same handle
    numpy.testing.assert_array_equal(level.ReadAsArray(), expected[(101, 126)][1])
    dataset = level = None
    assert_same(overviews(name), expected)
    after = fingerprint(name)
    changed = {key for key in after if before.get(key) != after[key] and "/c/" in key}
    assert changed and all("/c/1/" in key for key in changed) and len(changed) < 20
    build(name, method, [2, 4, 8])
    assert_same(overviews(name), expected)


def test_method_is_told(store):
    """For programs that bring overviews up to date."""
    def told():
        return open_quietly(store).GetRasterBand(1).GetOverview(0).GetMetadataItem("RESAMPLING")

    assert told() == "AVERAGE"
    build(store, "cubic", [2])
    assert told() == "CUBIC"


# --- what is refused -------------------------------------------------------------------------------


def test_refused(store):
    before = fingerprint(store)
    assert "2 or more" in build(store, "nearest", [1]).errors()[0]
    done = run("gdaladdo", "-b", "2", store, "2")
    assert done.returncode != 0 and done.stderr.count("ERROR") == 1 and "all bands" in done.stderr
    done = run("gdaladdo", "-ro", store, "2")
    assert done.returncode != 0 and done.stderr.count("ERROR") == 1 and "-ro" in done.stderr
    assert len(build(store, "no such method", [2]).errors()) == 1
    after = fingerprint(store)
    assert {k: v for k, v in after.items() if k != ".ozr-lock"} == before
    assert not pathlib.Path(str(store) + ".ovr").exists()


def test_beside(tmp_path):
    """Read-only: an .ovr file, as long as the image has no levels of its own."""
    name = tmp_path / "a.ome.zarr"
    copied(raster("byte"), name, "PYRAMID=NO")
    before = fingerprint(name)
    done = run("gdaladdo", "-q", "-ro", "-r", "average", name, "2", "4")
    assert done.returncode == 0, done.stderr
    outside = pathlib.Path(str(name) + ".ovr")
    assert outside.exists() and fingerprint(name) == before
    assert sizes(name) == [(106, 154), (53, 77)]
    assert build(name, "average", [2]).errors() == []
    assert sizes(name) == [(106, 154)] and not outside.exists()


# --- unfinished ones -------------------------------------------------------------------------------


@pytest.mark.parametrize("stop", [0.0, 0.4, 0.9])
def test_cancel(store, stop):
    before, old = fingerprint(store), overviews(store)
    said = build(store, "cubic", [2, 8], callback=lambda done, text, data: int(done < stop))
    assert len(said.errors()) == 1 and said.code != 0
    after = fingerprint(store)
    assert {k: v for k, v in after.items() if k != ".ozr-lock"} == before
    assert_same(overviews(store), old)


def test_progress(store):
    seen = []
    build(store, "average", [2, 4], callback=lambda done, text, data: seen.append(done) or 1)
    assert seen == sorted(seen) and seen[0] < 0.2 and seen[-1] == 1.0 and len(seen) > 4


def test_killed(store):
    """Killed in the middle: the old levels; the next gdaladdo leaves nothing of it."""
    old = overviews(store)
    program = f"""
import os, signal
from osgeo import gdal
dataset = gdal.OpenEx({str(store)!r}, gdal.OF_UPDATE)
def die(done, text, data):
    if done > 0.5:
        os.kill(os.getpid(), signal.SIGKILL)
    return 1
dataset.BuildOverviews("cubic", [2, 8], callback=die)
"""
    done = subprocess.run([sys.executable, "-c", program])
    assert done.returncode == -signal.SIGKILL
    assert "ozr_pending_levels" in documents(store)
    assert_same(overviews(store), old)
    assert build(store, "nearest", [2]).errors() == []
    assert "ozr_pending_levels" not in documents(store)
    listed = {d["path"].split("/")[0] for d in documents(store)["ome"]["multiscales"][0]["datasets"]}
    assert {p.name for p in store.iterdir() if p.is_dir()} == listed


def test_held_overviews(store):
    """Who holds an overview goes on with the new one, or hears that it is gone."""
    dataset = gdal.OpenEx(str(store), gdal.OF_UPDATE)
    half, quarter = (dataset.GetRasterBand(1).GetOverview(i) for i in (0, 1))
    half.ReadAsArray()
    dataset.BuildOverviews("nearest", [2])
    numpy.testing.assert_array_equal(half.ReadAsArray(), dataset.GetRasterBand(1).GetOverview(0).ReadAsArray())
    dataset.BuildOverviews("nearest", [])
    assert dataset.GetRasterBand(1).GetOverviewCount() == 0
    for band in half, quarter:
        with heard() as said:
            assert band.ReadAsArray() is None
        assert "replaced or dropped" in said.errors()[0]


def test_others_see_old_or_new(store):
    """A dataset that was open before reads the old levels, or an error: never something else."""
    other = open_quietly(store)
    old = [other.GetRasterBand(1).GetOverview(i).ReadAsArray() for i in (0, 1)]
    other = open_quietly(store)
    build(store, "gauss", [2, 4])
    for i in 0, 1:
        with heard() as said:
            found = other.GetRasterBand(1).GetOverview(i).ReadAsArray()
        assert said.errors() or numpy.array_equal(found, old[i])


@pytest.mark.skipif(VERSION < 3130000, reason="GDAL's own driver takes overviews from 3.13 on")
def test_builtin_driver_sees_them(store):
    """The same levels without our driver, which takes each array for a raster of its own."""
    build(store, "average", [2, 4, 8])
    with heard() as said:
        other = gdal.OpenEx(f'ZARR:"{store}":/s0/image', gdal.OF_RASTER, ["Zarr"])
        bands = [other.GetRasterBand(i + 1) for i in range(other.RasterCount)]
        found = [numpy.array([band.GetOverview(k).ReadAsArray() for band in bands])
                 for k in range(bands[0].GetOverviewCount())]
    assert list(said) == []
    assert_same({level[0].shape: level for level in found}, overviews(store))
