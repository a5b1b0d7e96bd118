# SPDX-License-Identifier: MIT
"""Which planes come back: scene lists, positions in brackets, sub-paths, labels, and orders of axes. Never more images
than asked for, each under its own number."""
import shutil

import numpy
import pytest
import stores
from reading import AXES, edit, noise, omero, planes, said, scenes, volume, without_chunks

FORMS = [
    ("", range(30)),
    ("[3]", [3]),
    ("[10-20]", range(10, 21)),
    ("[20-17]", [20, 19, 18, 17]),
    ("[0,3]", [0, 3]),
    ("[12-10,3,3]", [12, 11, 10, 3, 3]),
    ("[-1]", [29]),
    ("[-3--1]", [27, 28, 29]),
    ("[0--1]", range(30)),
    ("[29,0-2]", [29, 0, 1, 2]),
]


@pytest.fixture(scope="module", params=["0.4", "0.5"])
def store(request, tmp_path_factory):
    """A folder with one volume, and its pixels."""
    folder = tmp_path_factory.mktemp("store") / "vol.ome.zarr"
    return folder, volume(folder, request.param, ome=omero(("FF0000", 0, 100, True, "DAPI"), ("00FF00", 0, 100, True, "488"),
                                                           ("0000FE", 0, 100, True, "far-red")))[0]


@pytest.mark.parametrize("form,numbers", FORMS)
def test_scenes(magick, store, form, numbers):
    folder, pixels = store
    for prefix in ("", "omezarr:", "ZARR:") if form == "[3]" else ("",):
        assert scenes(magick, f"{prefix}{folder}{form}") == list(numbers)
    got = magick.pixels(f"{folder}{form}")
    assert (got == planes(pixels)[list(numbers)]).all()


def test_output_names(magick, store, tmp_path):
    folder, pixels = store
    magick.convert(f"{folder}[10-12]", tmp_path / "slice_%03d.pgm")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["slice_010.pgm", "slice_011.pgm", "slice_012.pgm"]
    for i in (10, 11, 12):
        assert (magick.pixels(tmp_path / f"slice_{i:03}.pgm")[0] == planes(pixels)[i]).all()


def test_scenes_after_settings(magick, store):
    """Two names in one command do not disturb each other."""
    folder, pixels = store
    got = magick.pixels(f"{folder}[2]", after=[f"{folder}[1-0]", f"OMEZARR:{folder}[t=1,c=2,z=4]"])
    assert (got == planes(pixels)[[2, 1, 0, 29]]).all()


@pytest.mark.parametrize("form,words", [
    ("[30]", "there is no plane 30: planes are 0 to 29"),
    ("[-31]", "there is no plane -31"),
    ("[28-30]", "there is no plane 30"),
    ("[5,99999999999999999999]", "planes are 0 to 29"),
])
def test_scenes_that_are_not_there(magick, store, form, words):
    folder, _ = store
    text = magick.refused(f"{folder}{form}", "info:")
    assert words in text and text.count("`") >= 1
    assert len([line for line in text.splitlines() if "vol.ome.zarr" in line]) == 1, text


# --- Brackets -----------------------------------------------------------------------------------

SELECTIONS = [
    ("t=1,c=2,z=3", numpy.s_[1:2, 2:3, 3:4]),
    ("T=-1", numpy.s_[1:2]),
    ("z=1-3", numpy.s_[:, :, 1:4]),
    ("z=3-1,t=0", numpy.s_[0:1, :, 3:0:-1]),
    ("c=DAPI", numpy.s_[:, 0:1]),
    ("c=dapi,z=0", numpy.s_[:, 0:1, 0:1]),
    ("c=far-red", numpy.s_[:, 2:3]),
    ('c="488",t=0', numpy.s_[0:1, 1:2]),
    ("c=-2--1,z=-1,t=1", numpy.s_[1:2, 1:3, 4:5]),
]


@pytest.mark.parametrize("text,part", SELECTIONS)
def test_brackets(magick, store, text, part):
    folder, pixels = store
    want = planes(pixels[part])
    assert (magick.pixels(f"OMEZARR:{folder}[{text}]") == want).all()
    assert (magick.pixels(folder, "-define", f"omezarr:axes={text}") == want).all()
    assert scenes(magick, f"OMEZARR:{folder}[{text}]") == list(range(len(want)))


def test_brackets_and_scenes(magick, store):
    """Numbers count within the selection, wherever it stands."""
    folder, pixels = store
    define = ["-define", "omezarr:axes=c=1,t=1"]
    assert (magick.pixels(f"{folder}[3-2]", *define) == pixels[1, 1, 3:1:-1]).all()
    assert (magick.pixels(f"OMEZARR:{folder}[c=1,t=1][3-2]") == pixels[1, 1, 3:1:-1]).all()
    assert (magick.pixels(f"OMEZARR:{folder}[t=0]", *define) == pixels[0, 1]).all()
    assert "planes are 0 to 4" in magick.refused(*define, f"{folder}[5]", "info:")


@pytest.mark.parametrize("text,words", [
    ("t=2", "t=2: axis t goes from 0 to 1"),
    ("z=3-5", "z=5: axis z goes from 0 to 4"),
    ("q=1", "no axis 'q' to choose on; axes are: t, c, z"),
    ("y=1", "axis 'y' lies in the plane"),
    ("z=top", "only channels have labels"),
    ("c=GFP", "no channel has the label 'GFP'; channels are 'DAPI', '488', 'far-red'"),
    ("z=1,z=2", "axis 'z' is given twice"),
    ("z=", "must be a number, a range"),
    ("level=9", "there is no level 9: levels are 0 to 2"),
    ("label=nuclei", "label"),
])
def test_brackets_refused(magick, store, text, words):
    folder, _ = store
    assert words in magick.refused(f"OMEZARR:{folder}[{text}]", "info:")
    assert words in magick.refused("-define", f"omezarr:axes={text}", folder, "info:")


def test_names_of_folders(magick, tmp_path):
    """Slashes at the end, and brackets that belong to the name."""
    pixels = volume(tmp_path / "a.zarr", shape=(2, 8, 8), axes="zyx", levels=1)[0]
    shutil.copytree(tmp_path / "a.zarr", tmp_path / "odd [z=1]")
    shutil.copytree(tmp_path / "a.zarr", tmp_path / "noname")
    for name in ("a.zarr/", "a.zarr//", "noname", "odd [z=1]/"):
        assert (magick.pixels(f"OMEZARR:{tmp_path}/{name}") == pixels).all()
    assert (magick.pixels(f"OMEZARR:{tmp_path}/a.zarr/[z=1]") == pixels[1]).all()
    assert (magick.pixels(f"OMEZARR:{tmp_path}/odd [z=1]/[z=0]") == pixels[0]).all()
    assert "`" in magick.refused(f"OMEZARR:{tmp_path}/odd [z=1]", "info:")


def test_relative_names(magick, tmp_path):
    """From inside the folder, and names that begin with what means something else."""
    pixels = volume(tmp_path / "a.zarr", shape=(8, 8), axes="yx", levels=1)[0]
    shutil.copytree(tmp_path / "a.zarr", tmp_path / "-n.zarr")
    for name, cwd in (("a.zarr", tmp_path), ("OMEZARR:.", tmp_path / "a.zarr"), ("OMEZARR:-n.zarr", tmp_path)):
        done = magick.convert(name, "-depth", 16, "-endian", "LSB", "gray:-", cwd=cwd)
        assert done.stdout == pixels.tobytes()


# --- Deeper ---------------------------------------------------------------------------------------

def test_labels_and_arrays(magick, tmp_path):
    folder = tmp_path / "vol.ome.zarr"
    pixels = volume(folder, axes="zyx", shape=(3, 20, 24), levels=2)
    stores.write_group(folder / "labels", "0.5", {"labels": ["nuclei"]})
    ids = noise((3, 20, 24), "<u2", seed=5)
    stores.write_image(folder / "labels" / "nuclei", "0.5", "zyx", [ids], [1, 1, 1], ome={"image-label": {}})
    assert (magick.pixels(f"OMEZARR:{folder}[label=nuclei]") == ids).all()
    assert (magick.pixels(folder, "-define", "omezarr:axes=label=nuclei,z=1") == ids[1]).all()
    assert (magick.pixels(f"OMEZARR:{folder}/labels/nuclei[2]") == ids[2]).all()
    assert (magick.pixels(f"OMEZARR:{folder}/labels") == ids).all()  # the only one there is
    assert (magick.pixels(f"OMEZARR:{folder}/1") == pixels[1]).all()  # a bare array
    text = magick.refused(f"OMEZARR:{folder}[label=cells]", "info:")
    assert "cells" in text and "nuclei" in text


def test_image_below_the_root(magick, tmp_path):
    """A plate: its images by their paths, and a message that shows them."""
    wells = {"A/1": noise((2, 8, 8), seed=7), "B/2": noise((2, 8, 8), seed=8)}
    stores.write_group(tmp_path / "p.zarr", "0.4", {"plate": {
        "columns": [{"name": "1"}, {"name": "2"}], "rows": [{"name": "A"}, {"name": "B"}],
        "wells": [{"path": p, "rowIndex": i, "columnIndex": i} for i, p in enumerate(wells)], "version": "0.4"}})
    for path, pixels in wells.items():
        stores.write_group(tmp_path / "p.zarr" / path, "0.4", {"well": {"images": [{"path": "0"}], "version": "0.4"}})
        stores.write_image(tmp_path / "p.zarr" / path / "0", "0.4", "zyx", [pixels], [1, 1, 1])
        assert (magick.pixels(f"OMEZARR:{tmp_path}/p.zarr/{path}/0") == pixels).all()
        assert (magick.pixels(f"OMEZARR:{tmp_path}/p.zarr/{path}[1]") == pixels[1]).all()
    text = magick.refused(f"{tmp_path}/p.zarr", "info:")
    assert "A/1/0" in text and "B/2/0" in text


# --- Axes -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("axes", ["yx", "xy", "zyx", "yxz", "xzy", "cyx", "yxc", "tyx", "tzyxc", "xyczt", "qyx", "qtzyx"])
@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_orders_of_axes(magick, tmp_path, axes, version):
    """Planes are y by x wherever these stand; the others count in their order."""
    sizes = {"t": 2, "c": 3, "z": 4, "q": 2, "y": 9, "x": 7}
    shape = [sizes[a] for a in axes]
    pixels = noise(shape, ">u2" if version == "0.4" else "<u2")
    stores.write_image(tmp_path / "a.zarr", version, axes, [pixels], [1] * len(axes), chunks=[min(n, 4) for n in shape],
                       reverse=version == "0.5")
    rest = [i for i, a in enumerate(axes) if a not in "yx"]
    want = planes(pixels.transpose(rest + [axes.index("y"), axes.index("x")]))
    assert (magick.pixels(tmp_path / "a.zarr") == want).all()
    assert (magick.pixels(f"{tmp_path}/a.zarr[3x2+1+4]") == want[:, 4:6, 1:4]).all()


@pytest.mark.parametrize("version,axes", [("0.1", None), ("0.2", None), ("0.3", list(AXES))])
def test_older_versions(magick, tmp_path, version, axes):
    """Images without axes are tczyx; those of 0.3 name them."""
    folder = tmp_path / "a.ome.zarr"
    pixels = volume(folder, "0.4", levels=2)

    def change(document):
        entry = document["multiscales"][0]
        entry.update(version=version, datasets=[{"path": "0"}, {"path": "1"}])
        entry.pop("axes")
        if axes:
            entry["axes"] = axes
    edit(folder / ".zattrs", change)
    assert (magick.pixels(f"OMEZARR:{folder}[t=1,z=2]") == pixels[0][1, :, 2]).all()
    assert (magick.pixels(f"{folder}[-1]", "-define", "omezarr:level=1") == pixels[1][1, 2, -1]).all()


@pytest.mark.parametrize("rank", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_bare_arrays(magick, tmp_path, rank, version):
    pixels = noise((2, 1, 3, 2, 6, 5)[-rank:])
    stores.write_array(tmp_path / "a.zarr", pixels, [2] * rank, version)
    assert (magick.pixels(tmp_path / "a.zarr") == planes(pixels)).all()


def test_one_axis_is_no_image(magick, tmp_path):
    stores.write_array(tmp_path / "a.zarr", noise((7,)), [7], "0.5")
    assert "two axes" in magick.refused(tmp_path / "a.zarr", "info:")


# --- How many -------------------------------------------------------------------------------------

def test_many_planes(magick, tmp_path):
    """A thousand planes are not read by mistake, and the message says what to type."""
    folder = tmp_path / "a.zarr"
    stores.write_image(folder, "0.5", "zyx", [numpy.zeros((1000, 2, 2), "u1")], [1, 1, 1], chunks=[1000, 2, 2])
    text = magick.refused(folder, "info:")
    assert "1000 planes" in text and "[a-b]" in text and "omezarr:max-planes=1000" in text
    assert len(magick.pixels(folder, "-define", "omezarr:max-planes=1000")) == 1000
    assert len(magick.pixels(f"{folder}[900-999]")) == 100
    assert scenes(magick, folder, "-define", "omezarr:max-planes=1000") == list(range(1000))
    assert "4 planes at once" in magick.refused("-define", "omezarr:max-planes=3", f"{folder}[5-8]", "info:")
    for value in ("0", "x", "-3"):
        assert f"omezarr:max-planes={value}" in magick.refused("-define", f"omezarr:max-planes={value}", folder, "info:")


def test_planes_beyond_all_memory(magick, tmp_path):
    """Only what is asked for is counted out: the other planes of a huge axis cost nothing."""
    folder = tmp_path / "a.zarr"
    stores.write_image(folder, "0.4", "tzyx", [numpy.zeros((1, 1, 4, 4), "u1")], [1] * 4)
    without_chunks(folder)
    edit(folder / "0" / ".zarray", lambda d: d.update(shape=[2 ** 62, 2 ** 62, 4, 4], fill_value=7))
    assert "planes" in magick.refused(folder, "info:", address_space=2 << 30)
    assert "planes" in magick.refused(f"OMEZARR:{folder}[t=5]", "info:", address_space=2 << 30)
    done = magick.pixels(f"OMEZARR:{folder}[t=-1,z=12345678901]", depth=8)
    assert (done == 7).all() and done.shape == (1, 4, 4)
    assert said(magick, f"OMEZARR:{folder}[t=-1,z=12345678901]", "%[omezarr:t] %[omezarr:z]") == [f"{2 ** 62 - 1} 12345678901"]
