# SPDX-License-Identifier: MIT
"""What images say about themselves: place, size, units, channel, part; numbers that come back exactly."""
import os
import shutil

import numpy
import pytest
import stores
from reading import edit, noise, omero, properties, said, volume

SCALE, TRANSLATION = [1, 1, 2.5, 0.5, 0.25], [0, 0, -10, 7.125, 1e-3]
UNITS = {"t": "second", "z": "micrometer", "y": "micrometer", "x": "micrometer"}


@pytest.fixture(params=["0.4", "0.5"])
def store(request, tmp_path):
    folder = tmp_path / "vol.ome.zarr"
    stores.write_image(
        folder, request.param, "tczyx", [noise((2, 2, 3, 20, 30)), noise((2, 2, 3, 10, 15), seed=2)],
        [SCALE, [1, 1, 2.5, 1, 0.5]], [TRANSLATION, [0, 0, -10, 7.375, 0.126]], UNITS,
        ome=omero(("FF0000", 0, 4095, True, "DAPI"), ("00FF00", 0, 4095, True, "far \"red\"")))
    return folder


def test_one_plane(magick, store):
    got = properties(magick, f"OMEZARR:{store}[t=1,c=0,z=2]")
    assert got.pop("omezarr:source").split()[0] == f"{os.stat(store).st_dev}:{os.stat(store).st_ino}"
    assert got == {
        "omezarr:axes": "tczyx", "omezarr:shape": "2x2x3x20x30", "omezarr:t": "1", "omezarr:c": "0", "omezarr:z": "2",
        "omezarr:channel": "DAPI", "omezarr:dtype": "uint16", "omezarr:part": "true", "omezarr:level": "0/2",
        "omezarr:levels": "2x2x3x20x30 2x2x3x10x15", "omezarr:name": "specimen",
        "omezarr:scale-t": "1 second", "omezarr:scale-z": "2.5 micrometer", "omezarr:scale-y": "0.5 micrometer",
        "omezarr:scale-x": "0.25 micrometer", "omezarr:position-t": "1 second", "omezarr:position-z": "-5 micrometer",
        "omezarr:position-y": "7.125 micrometer", "omezarr:position-x": "0.001 micrometer"}


def test_every_plane(magick, store):
    """Axes are counted out in C order; the whole of level 0 is no part."""
    want = [f"{i} {t} {c} {z} []" for i, (t, c, z) in enumerate(numpy.ndindex(2, 2, 3))]
    assert said(magick, store, "%s %[omezarr:t] %[omezarr:c] %[omezarr:z] [%[omezarr:part]]") == want
    assert said(magick, f"{store}[3]", "%[omezarr:channel]") == ['far "red"']


@pytest.mark.parametrize("words", [["{}[0]"], ["{}[0-10]"], ["{}[11-0]"], ["{}[29x20+0+0]"], ["OMEZARR:{}[z=0-1]"],
                                   ["-define", "omezarr:level=1", "{}"], ["-size", "10x10", "{}"]])
def test_parts(magick, store, words):
    done = magick.convert(*[word.format(store) for word in words], "-format", "%[omezarr:part]\n", "info:")
    assert set(done.stdout.decode().split()) == {"true"}


@pytest.mark.parametrize("words", [["{}"], ["{}[0--1]"], ["OMEZARR:{}[z=0-2,t=0--1]"], ["{}[30x20+0+0]"], ["{}[100x100-5-5]"],
                                   ["-define", "omezarr:level=0", "{}"]])
def test_wholes(magick, store, words):
    done = magick.convert(*[word.format(store) for word in words], "-format", "[%[omezarr:part]]\n", "info:", ok="warned")
    assert set(done.stdout.decode().split()) == {"[]"}


def test_density(magick, store):
    """Pixels per centimetre: exact for sizes that have a decimal of their own."""
    line = said(magick, f"{store}[0]", "%x %y %U")[0].replace("PixelsPerCentimeter", "").split()
    assert (float(line[0]), float(line[-1] if len(line) == 2 else line[1])) == (40000, 20000)
    assert "PixelsPerCentimeter" in said(magick, f"{store}[0]", "%U")[0]
    line = said(magick, f"{store}[0]", "%x", "-define", "omezarr:level=1")[0]
    assert float(line.split()[0].replace("PixelsPerCentimeter", "")) == 20000
    got = properties(magick, f"OMEZARR:{store}[t=0,c=0,z=0,level=1]")
    assert got["omezarr:scale-x"] == "0.5 micrometer" and got["omezarr:position-y"] == "7.375 micrometer"


def test_position_of_a_region(magick, store):
    done = magick.convert("-extract", "5x4+8+6", f"{store}[0]", "-format", "%[omezarr:position-x];%[omezarr:position-y];%g", "info:")
    assert done.stdout.decode() == f"{0.001 + 8 * 0.25!r} micrometer;{7.125 + 6 * 0.5!r} micrometer;30x20+8+6"


@pytest.mark.parametrize("unit,density", [("nanometer", 1e7), ("millimeter", 10), ("meter", 0.01), ("inch", 1 / 2.54), (None, None),
                                          ("second", None), ("furlong", None)])
def test_units(magick, tmp_path, unit, density):
    """No unit of length: no density."""
    units = {"y": unit, "x": unit} if unit else None
    stores.write_image(tmp_path / "a.zarr", "0.5", "yx", [noise((4, 4))], [1, 1], None, units)
    x, name = said(magick, tmp_path / "a.zarr", "%x;%U")[0].split(";")
    if density is None:
        assert name.strip() == "Undefined"
    else:
        assert "PixelsPerCentimeter" in name
        assert float(x.replace("PixelsPerCentimeter", "")) == pytest.approx(density, rel=1e-5)
    assert properties(magick, tmp_path / "a.zarr")["omezarr:scale-x"] == ("1 " + unit if unit else "1")


def test_colors_have_no_channel(magick, tmp_path):
    stores.write_image(tmp_path / "a.zarr", "0.5", "tcyx", [noise((2, 3, 4, 5), "u1")], [1] * 4,
                       ome=omero(("FF0000", 0, 255), ("00FF00", 0, 255), ("0000FF", 0, 255)))
    assert said(magick, tmp_path / "a.zarr", "%s [%[omezarr:c]] %[omezarr:t] [%[omezarr:part]]") == ["0 [] 0 []", "1 [] 1 []"]
    said_separately = said(magick, tmp_path / "a.zarr", "%[omezarr:c]", "-define", "omezarr:channels=separate")
    assert said_separately == list("012012")
    assert said(magick, tmp_path / "a.zarr", "%[omezarr:part]", "-define", "omezarr:channels=composite") == ["true"] * 2


def test_source_tells_stores_apart(magick, tmp_path):
    volume(tmp_path / "a.zarr", axes="yx", shape=(4, 4), levels=1)
    shutil.copytree(tmp_path / "a.zarr", tmp_path / "b.zarr")
    (tmp_path / "link.zarr").symlink_to("a.zarr")
    a, b, link = (said(magick, tmp_path / f"{name}.zarr", "%[omezarr:source]")[0] for name in ("a", "b", "link"))
    assert a == link != b


def test_numbers_in_other_locales(magick, tmp_path):
    """Points stay points."""
    stores.write_image(tmp_path / "a.zarr", "0.5", "yx", [noise((4, 4))], [0.1, 1 / 3], None, {"y": "micrometer", "x": "micrometer"})
    for locale in ("C", "de_DE.UTF-8"):
        done = magick.identify("-format", "%[omezarr:scale-x];%[omezarr:scale-y]", tmp_path / "a.zarr", env={"LC_ALL": locale})
        x, y = done.stdout.decode().split(";")
        assert float(x.split()[0]) == 1 / 3 and float(y.split()[0]) == 0.1


def test_warnings(magick, tmp_path):
    """What the library finds odd is told, and is no failure."""
    stores.write_image(tmp_path / "a.zarr", "0.5", "yx", [noise((4, 4))], [1, 1])
    assert "omezarr:warnings" not in properties(magick, tmp_path / "a.zarr")
    edit(tmp_path / "a.zarr" / "zarr.json", lambda d: d["attributes"]["ome"]["multiscales"][0]["axes"][0].update(unit="furlong"))
    assert "furlong" in properties(magick, tmp_path / "a.zarr")["omezarr:warnings"]


def test_names_of_formats(magick, store):
    """ImageMagick's own facts."""
    assert said(magick, f"{store}[0]", "%m %z %[colorspace] %wx%h") == ["ZARR 16 Gray 30x20"]
    assert said(magick, f"OMEZARR:{store}[z=0,c=0,t=0]", "%m") == ["OMEZARR"]
    date = magick.identify("-format", "%[date:modify]", f"{store}[0]").stdout.decode()
    assert date[:4].isdigit() and not date.startswith("1970")
