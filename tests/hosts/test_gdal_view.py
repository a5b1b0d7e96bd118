# SPDX-License-Identifier: MIT
"""Which axes are bands, and what the open options choose."""
import json

import numpy
import pytest
from conftest import copied, memory_raster, open_quietly, opened, pattern

AXES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}


def write_image(folder, pixels, names, omero=None, levels=()):
    """A plain OME-Zarr 0.5 written by hand: one uncompressed chunk for each level."""
    levels = [pixels, *levels]
    datasets = []
    for n, level in enumerate(levels):
        array = folder / str(n)
        array.mkdir(parents=True)
        (array / "zarr.json").write_text(json.dumps({
            "zarr_format": 3, "node_type": "array", "shape": level.shape, "data_type": level.dtype.name, "fill_value": 0,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": level.shape}},
            "chunk_key_encoding": {"name": "default"}, "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}]}))
        chunk = array / ("c/" + "/".join("0" * level.ndim))
        chunk.parent.mkdir(parents=True)
        chunk.write_bytes(level.tobytes())
        scale = [float(round(a / b)) for a, b in zip(pixels.shape, level.shape)]
        datasets.append({"path": str(n), "coordinateTransformations": [{"type": "scale", "scale": scale}]})
    ome = {"version": "0.5", "multiscales": [{"axes": [{"name": a, "type": AXES[a]} for a in names], "datasets": datasets}]}
    if omero:
        ome["omero"] = omero
    (folder / "zarr.json").write_text(json.dumps({"zarr_format": 3, "node_type": "group", "attributes": {"ome": ome}}))
    return folder


@pytest.fixture(scope="module")
def five(tmp_path_factory):
    pixels = numpy.arange(2 * 3 * 4 * 5 * 6, dtype="uint16").reshape(2, 3, 4, 5, 6)
    omero = {"channels": [{"label": name, "color": color} for name, color in (("DAPI", "0000FF"), ("GFP", "00FF00"), ("RFP", "FF0000"))],
             "rdefs": {"defaultZ": 2, "defaultT": 1}}
    return write_image(tmp_path_factory.mktemp("five") / "five.zarr", pixels, "tczyx", omero), pixels


def test_channels_are_bands(five):
    folder, pixels = five
    dataset, said = opened(folder)
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), pixels[1, :, 2])
    assert [dataset.GetRasterBand(i).GetDescription() for i in (1, 2, 3)] == ["DAPI", "GFP", "RFP"]
    assert len(said.warnings()) == 1
    assert "z (4, shown: 2)" in said.warnings()[0] and "t (2, shown: 1)" in said.warnings()[0]


@pytest.mark.parametrize("options, expected", [
    (["Z=0", "T=0"], lambda p: p[0, :, 0]),
    (["BANDS=Z", "T=0", "C=2"], lambda p: p[0, 2]),
    (["C=1", "T=0"], lambda p: p[0, 1]),
    (["BANDS=T", "Z=3", "C=0"], lambda p: p[:, 0, 3]),
    (["BANDS=ALL"], lambda p: p.reshape(24, 5, 6)),
    (["BANDS=ALL", "T=1"], lambda p: p[1].reshape(12, 5, 6)),
    (["C=0", "Z=1", "T=0"], lambda p: p[0, 0, 1]),
])
def test_options(five, options, expected):
    folder, pixels = five
    dataset, said = opened(folder, *options)
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), expected(pixels))
    assert said.warnings() == []


@pytest.mark.parametrize("option, words", [
    ("Z=4", "from 0 to 3"), ("Z=-1", "Z=-1"), ("T=x", "T=x"), ("LEVEL=1", "LEVEL=1"), ("BANDS=Q", "BANDS=Q"),
])
def test_wrong_options(five, option, words):
    _, said = opened(five[0], option, errors=1)
    assert words in said.errors()[0] and "five.zarr" in said.errors()[0]


def test_option_for_an_axis_that_is_not_there(tmp_path):
    folder = write_image(tmp_path / "a.zarr", numpy.zeros((3, 4, 5), "uint8"), "cyx")
    _, said = opened(folder, "Z=0", errors=1)
    assert "no z axis" in said.errors()[0]
    _, said = opened(folder, "BANDS=T", errors=1)
    assert "no such axis" in said.errors()[0]


def test_axes_in_an_unusual_order(tmp_path):
    """x and y are where their names are."""
    pixels = numpy.arange(3 * 4 * 5, dtype="int16").reshape(3, 4, 5)
    dataset = open_quietly(write_image(tmp_path / "a.zarr", pixels, "yxc"))
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), pixels.transpose(2, 0, 1))


def test_red_green_blue(tmp_path):
    from osgeo import gdal
    colors = {"channels": [{"label": n, "color": c} for n, c in (("R", "FF0000"), ("G", "00FF00"), ("B", "0000FF"))]}
    dataset = open_quietly(write_image(tmp_path / "a.zarr", numpy.zeros((3, 4, 5), "uint8"), "cyx", colors))
    assert [dataset.GetRasterBand(i).GetColorInterpretation() for i in (1, 2, 3)] == [gdal.GCI_RedBand, gdal.GCI_GreenBand, gdal.GCI_BlueBand]


def test_level(tmp_path):
    """LEVEL=n is a raster of its own, with the coarser ones as overviews."""
    pixels = pattern(40, 60)
    levels = [pixels[::2, ::2].copy(), pixels[::4, ::4].copy()]
    folder = write_image(tmp_path / "a.zarr", pixels, "yx", levels=levels)
    dataset = open_quietly(folder, "LEVEL=1")
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), levels[0])
    assert dataset.GetRasterBand(1).GetOverviewCount() == 1
    whole = open_quietly(folder)
    assert [(whole.GetRasterBand(1).GetOverview(i).XSize) for i in (0, 1)] == [30, 15]
    fine, coarse = whole.GetGeoTransform(), dataset.GetGeoTransform()
    assert coarse == (fine[0], 2 * fine[1], 0, fine[3], 0, 2 * fine[5])


def test_overview_of_a_plane_of_a_volume(tmp_path):
    """z is reduced too: plane k shows plane k // 2 of the next level."""
    pixels = numpy.arange(5 * 8 * 8, dtype="uint16").reshape(5, 8, 8)
    coarse = (1000 + numpy.arange(3 * 4 * 4, dtype="uint16")).reshape(3, 4, 4)
    dataset = open_quietly(write_image(tmp_path / "a.zarr", pixels, "zyx", levels=[coarse]))
    for z in range(5):
        numpy.testing.assert_array_equal(dataset.GetRasterBand(z + 1).GetOverview(0).ReadAsArray(), coarse[z // 2])


def test_north_up(tmp_path):
    """Scale and translation (of pixel centres) as a geotransform whose y goes up."""
    folder = write_image(tmp_path / "a.zarr", numpy.zeros((4, 5), "uint8"), "yx")
    text = (folder / "zarr.json").read_text()
    (folder / "zarr.json").write_text(text.replace(
        '[{"type": "scale", "scale": [1.0, 1.0]}]',
        '[{"type": "scale", "scale": [0.5, 0.25]}, {"type": "translation", "translation": [10, 20]}]'))
    assert open_quietly(folder).GetGeoTransform() == (20 - 0.125, 0.25, 0, -(10 - 0.25), 0, -0.5)


@pytest.mark.parametrize("band_axis, axes", [("C", "c,y,x"), ("Z", "z,y,x"), ("T", "t,y,x")])
def test_band_axis(tmp_path, band_axis, axes):
    pixels = pattern(3, 20, 30)
    dataset, _ = copied(memory_raster(pixels), tmp_path / "a.ome.zarr", f"BAND_AXIS={band_axis}")
    assert dataset.GetMetadataItem("AXES", "OME") == axes
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), pixels)
    again, _ = copied(dataset, tmp_path / "b.ome.zarr")
    assert again.GetMetadataItem("AXES", "OME") == axes
