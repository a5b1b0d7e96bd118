# SPDX-License-Identifier: MIT
"""What the writer makes of the reader's notes (properties of images) when others have changed them, of odd names,
and that a store is never replaced by what was read from deeper in it."""
import os

import numpy
import pytest
import stores
from writing import RAW, files_of, gray, group, level0, multiscales, shape_of, write

OVERWRITE = ["-define", "omezarr:overwrite=true"]


@pytest.mark.parametrize("axes, shape, name", [
    ("xyx", "1x10x20", "x"), ("yyx", "1x10x20", "y"), ("zzyx", "1x1x10x20", "z"), ("ctzcyx", "1x1x1x1x10x20", "c"),
    ("zyx", "0x10x20", "z"), ("zyx", "1x10", "z"), ("zyx", "99999999999999999999x10x20", "z"), ("zyx", "", "z"),
    ("", "", "z"), ("qyx", "1x10x20", "q"), ("z", "1", "z")])
def test_notes_that_make_no_sense(magick, tmp_path, axes, shape, name):
    """As if they were not there: text in any file may become a property."""
    words = ["-size", "20x10", "-depth", "8", "xc:gray(20%)", "-set", "omezarr:axes", axes, "-set", "omezarr:shape", shape,
             "-set", f"omezarr:{name}", "0"]
    store = magick.write(tmp_path / "a.zarr", *words, *RAW)
    assert shape_of(store) == ("yx", (10, 20)) and level0(store)[0, 0] == 51


@pytest.mark.parametrize("noted, scale, unit", [
    ("0.5 micrometer", 0.5, "micrometer"), ("0.5", 0.5, None), ("0.5 \udcff", 1, None), ("0.5 " + 40 * "m", 1, None), ("nan", 1, None),
    ("-1 micrometer", 1, None), ("0.5micrometer", 1, None), ("1e999 micrometer", 1, None)])
def test_notes_of_sizes(magick, tmp_path, noted, scale, unit):
    store = magick.write(tmp_path / "a.zarr", "-size", "20x10", "xc:gray", "-set", "omezarr:axes", "yx", "-set", "omezarr:shape", "10x20",
                         "-set", "omezarr:scale-x", noted, *RAW)
    entry = multiscales(store)
    assert entry["datasets"][0]["coordinateTransformations"][0]["scale"][1] == scale
    assert entry["axes"][1].get("unit") == unit


@pytest.mark.parametrize("name, title", [
    (b"caf\xe9.ome.zarr", "caf_"), ("é" * 100 + ".zarr", "é" * 100), ("日本\n語 'x\" y", "日本\n語 'x\" y"), (b"\xff\xfe.zarr", "__")])
def test_names_of_any_bytes(magick, tmp_path, name, title):
    """A folder may have any bytes for a name."""
    store = os.path.join(os.fsencode(tmp_path), os.fsencode(name))
    magick.convert("-size", "20x10", "xc:gray(20%)", "-depth", "8", *RAW, "omezarr:" + os.fsdecode(store))
    assert multiscales(os.fsdecode(store))["name"] == title
    assert (magick.pixels("omezarr:" + os.fsdecode(store), depth=8) == 51).all()


def test_patterns_in_names(magick, tmp_path):
    """As TIFF files get them, one image or several."""
    words = ["-size", "20x10", "xc:gray(20%)", "-set", "filename:x", "foo"]
    for name in ("a-%d", "b-%[filename:x]", "c%03d", "100%"):
        magick.convert(*words, "-write", tmp_path / f"{name}.tif", tmp_path / f"{name}.zarr")
    for name in ("two-%d", "two%03d"):
        magick.convert(*words, "(", "+clone", ")", "-write", tmp_path / f"{name}.tif", tmp_path / f"{name}.zarr")
    names = sorted(p.name for p in tmp_path.glob("*.zarr"))
    assert names == sorted([p.name.replace(".tif", ".zarr") for p in tmp_path.glob("*.tif")])
    assert {"a-0.zarr", "b-foo.zarr", "c000.zarr", "100%.zarr", "two-1.zarr", "two001.zarr"} < set(names)


# --- What is read from deeper in a store ------------------------------------------------------


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_images_of_a_series_never_replace_it(magick, tmp_path, version):
    """By whatever path they were read."""
    store = tmp_path / "series.zarr"
    for i in range(2):
        stores.write_image(store / str(i), version, "yx", [gray((20, 30), seed=i)], [1, 1])
    stores.write_group(store, version, {"bioformats2raw.layout": 3})
    (tmp_path / "link.zarr").symlink_to(store / "1")
    before = files_of(store)
    for name in (f"{store}/0", f"{store}/./1/", f"{store}/../series.zarr/0/0", f"{tmp_path}/link.zarr"):
        assert "only a part of it" in magick.refused(f"OMEZARR:{name}", *OVERWRITE, f"OMEZARR:{store}")
        assert files_of(store) == before
    magick.convert(f"OMEZARR:{store}/0", "-negate", *RAW, *OVERWRITE, f"OMEZARR:{store}/1")
    numpy.testing.assert_array_equal(level0(store / "1"), 65535 - gray((20, 30), seed=0))


def test_fields_of_a_plate_never_replace_it(magick, tmp_path):
    """Nor where a row of the plate is no group of its own."""
    store = tmp_path / "plate.zarr"
    stores.write_image(store / "A/1/0", "0.5", "yx", [gray((20, 30))], [1, 1])
    stores.write_group(store / "A/1", "0.5", {"well": {"images": [{"path": "0"}]}})
    stores.write_group(store, "0.5", {"plate": {"rows": [{"name": "A"}], "columns": [{"name": "1"}], "wells": [
        {"path": "A/1", "rowIndex": 0, "columnIndex": 0}]}})
    before = files_of(store)
    for name in (store, store / "A/1", store / "A/1/0"):
        for target in (store, store / "A/1") if name != store else (store,):
            assert "only a part of it" in magick.refused(f"OMEZARR:{name}", *OVERWRITE, f"OMEZARR:{target}")
            assert files_of(store) == before


def test_a_store_with_labels_is_not_replaced_by_its_images(magick, tmp_path):
    """They do not have the labels with them. Other images may replace all of it."""
    store = write(magick, tmp_path / "a.zarr", gray((2, 20, 30)))
    stores.write_image(store / "labels/cells", "0.5", "zyx", [numpy.ones((2, 20, 30), "u1")], [1, 1, 1], ome={"image-label": {}})
    stores.write_group(store / "labels", "0.5", {"labels": ["cells"]})
    before = files_of(store)
    assert "its labels would be lost" in magick.refused(store, "-negate", *OVERWRITE, store)
    assert files_of(store) == before
    magick.write(store, "-size", "9x8", "xc:gray", *OVERWRITE)
    assert shape_of(store)[1] == (8, 9) and not (store / "labels").exists()


def test_a_store_of_its_own_is_replaced(magick, tmp_path):
    """Other images beside it, or a folder above that is none, are no reason to refuse."""
    for name in "ab":
        write(magick, tmp_path / f"{name}.zarr", gray((1, 20, 30), seed=ord(name)))
    magick.write(tmp_path / "b.zarr", f"{tmp_path}/a.zarr", *RAW, *OVERWRITE)
    numpy.testing.assert_array_equal(level0(tmp_path / "b.zarr"), gray((1, 20, 30), seed=ord("a"))[0])
    assert "omero" in group(tmp_path / "b.zarr")
