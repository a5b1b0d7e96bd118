# SPDX-License-Identifier: MIT
"""Copies take the labels of an image along, cut and stored as the image is; what stays behind is said."""
import json
import os

import numpy
import pytest
from conftest import copied, fingerprint, open_quietly, pattern
from stores import read_group, read_image, write_group, write_image

RAW = ["COMPRESS=NONE", "SHARDSIZE=NO", "CHECKSUM=NO"]
LABEL = {"image-label": {"colors": [{"label-value": 1, "rgba": [255, 0, 0, 255]}, {"label-value": 7, "rgba": [0, 9, 0, 255]}],
                         "properties": [{"label-value": 1, "area": 12.5, "class": "Zelle"}], "source": {"image": "../../"}}}


def specimen(folder, version, labels=True):
    """t, c, z, y, x and two labels: one with time and z, one plain."""
    image = pattern(2, 3, 40, 60).astype("uint16")[:, None].repeat(2, 1)
    write_image(folder, version, "tczyx", [image, image[..., ::2, ::2]], [1.0, 1.0, 2.0, 0.5, 0.5], chunks=(1, 1, 3, 32, 32))
    cells = (pattern(2, 3, 40, 60) % 9).astype("uint32")
    flat = (pattern(40, 60) % 5).astype("uint8")
    if labels:
        write_image(folder / "labels/cells", version, "tzyx", [cells, cells[..., ::2, ::2]], [1.0, 2.0, 0.5, 0.5], chunks=(1, 3, 32, 32), ome=LABEL,
                    attributes={"mine": [1, 2]})
        write_image(folder / "labels/flat", version, "yx", [flat], [0.5, 0.5], chunks=(16, 16), ome={"image-label": {}})
        write_group(folder / "labels", version, {"labels": ["cells", "flat"]})
    return image, cells, flat


def listed(store):
    return read_group(store / "labels")[0]["labels"]


@pytest.mark.parametrize("before", ["0.4", "0.5"])
@pytest.mark.parametrize("after", ["0.4", "0.5"])
def test_labels_come_along(tmp_path, before, after):
    image, cells, flat = specimen(tmp_path / "a.ome.zarr", before)
    _, said = copied(open_quietly(tmp_path / "a.ome.zarr"), tmp_path / "b.ome.zarr", f"OME_VERSION={after}", "BLOCKSIZE=1,1,2,16,32", *RAW, strict=1)
    assert not said.warnings()
    new = tmp_path / "b.ome.zarr"
    assert listed(new) == ["cells", "flat"]
    numpy.testing.assert_array_equal(read_image(new)[0][0], image)
    levels, entry, ome, attributes = read_image(new / "labels/cells")
    numpy.testing.assert_array_equal(levels[0], cells)
    assert [level.shape for level in levels] == [(2, 3, 40, 60), (2, 3, 20, 30)]
    assert set(numpy.unique(levels[1])) <= set(numpy.unique(cells))
    assert [a["name"] for a in entry["axes"]] == ["t", "z", "y", "x"] and entry["type"] == "mode"
    label = ome["image-label"]
    assert {k: label[k] for k in LABEL["image-label"]} == LABEL["image-label"] and label.get("version", "0.4") == "0.4"
    assert attributes["mine"] == [1, 2] and "omero" not in ome
    document = json.loads((new / "labels/cells/0" / (".zarray" if after == "0.4" else "zarr.json")).read_text())
    assert (document.get("chunks") or document["chunk_grid"]["configuration"]["chunk_shape"]) == [1, 2, 16, 32]
    numpy.testing.assert_array_equal(read_image(new / "labels/flat")[0][0], flat)


def test_cut_like_the_image(tmp_path):
    image, cells, flat = specimen(tmp_path / "a.ome.zarr", "0.5")
    copied(open_quietly(tmp_path / "a.ome.zarr", "T=1", "Z=2"), tmp_path / "b.ome.zarr", *RAW)
    new = tmp_path / "b.ome.zarr"
    numpy.testing.assert_array_equal(read_image(new)[0][0], image[1, :, 2])
    numpy.testing.assert_array_equal(read_image(new / "labels/cells")[0][0], cells[1, 2])
    numpy.testing.assert_array_equal(read_image(new / "labels/flat")[0][0], flat)


def test_from_a_level_on(tmp_path):
    """A label without a level of that size has no place beside the smaller image."""
    _, cells, _ = specimen(tmp_path / "a.ome.zarr", "0.4")
    source = open_quietly(tmp_path / "a.ome.zarr", "LEVEL=1")
    copied(source, tmp_path / "b.ome.zarr", *RAW, strict=1, errors=1)
    _, said = copied(source, tmp_path / "b.ome.zarr", *RAW)
    assert len(said.warnings()) == 1 and "labels/flat" in said.warnings()[0] and "cells" not in said.warnings()[0]
    assert listed(tmp_path / "b.ome.zarr") == ["cells"]
    numpy.testing.assert_array_equal(read_image(tmp_path / "b.ome.zarr/labels/cells")[0][0], cells[..., ::2, ::2])


def test_options_for_levels(tmp_path):
    specimen(tmp_path / "a.ome.zarr", "0.4")
    copied(open_quietly(tmp_path / "a.ome.zarr"), tmp_path / "b.ome.zarr", *RAW, "FACTORS=3,2,5", "LEVELS=2", "PIXEL_SIZE=4,1,1", "UNIT=nanometer")
    levels, entry, _, _ = read_image(tmp_path / "b.ome.zarr/labels/cells")
    assert [level.shape for level in levels] == [(2, 3, 40, 60), (2, 1, 20, 12)]
    assert entry["datasets"][0]["coordinateTransformations"][0]["scale"] == [1, 4, 1, 1]
    assert entry["axes"][1]["unit"] == "nanometer"


def test_what_stands_beside_is_named(tmp_path):
    specimen(tmp_path / "a.ome.zarr", "0.5", labels=False)
    write_group(tmp_path / "a.ome.zarr/tables", "0.5", {})
    source = open_quietly(tmp_path / "a.ome.zarr")
    _, said = copied(source, tmp_path / "b.ome.zarr", strict=1, errors=1)
    assert "tables" in said.errors()[0] and os.listdir(tmp_path) == ["a.ome.zarr"]
    _, said = copied(source, tmp_path / "b.ome.zarr")
    assert len(said.warnings()) == 1 and "not copied: 'tables'" in said.warnings()[0]
    assert not (tmp_path / "b.ome.zarr/labels").exists()


def test_label_as_source(tmp_path):
    """A label is an image, too; it keeps its colors."""
    _, cells, _ = specimen(tmp_path / "a.ome.zarr", "0.4")
    copied(open_quietly(f'OMEZARR:"{tmp_path}/a.ome.zarr":labels/cells'), tmp_path / "b.ome.zarr", *RAW)
    levels, _, ome, _ = read_image(tmp_path / "b.ome.zarr")
    numpy.testing.assert_array_equal(levels[0], cells)
    assert ome["image-label"]["colors"] == LABEL["image-label"]["colors"]


@pytest.mark.parametrize("percent", [20, 50, 90, 99])
def test_cancelled(tmp_path, percent):
    specimen(tmp_path / "a.ome.zarr", "0.5")
    specimen(tmp_path / "b.ome.zarr", "0.4")
    before = fingerprint(tmp_path / "b.ome.zarr")
    seen = []

    def stop(done, message, data):
        seen.append(done)
        return 0 if done >= percent / 100 else 1
    for target, options in (("c.ome.zarr", []), ("b.ome.zarr", ["OVERWRITE=YES"])):
        seen.clear()
        copied(open_quietly(tmp_path / "a.ome.zarr"), tmp_path / target, *options, errors=1, callback=stop)
        assert seen == sorted(seen)
    assert fingerprint(tmp_path / "b.ome.zarr") == before
    assert sorted(os.listdir(tmp_path)) == ["a.ome.zarr", "b.ome.zarr"]


def test_damaged_label(tmp_path):
    specimen(tmp_path / "a.ome.zarr", "0.5")
    (tmp_path / "a.ome.zarr/labels/cells/0/c/1/0/1/1").write_bytes(b"x")
    _, said = copied(open_quietly(tmp_path / "a.ome.zarr"), tmp_path / "b.ome.zarr", errors=1)
    assert os.listdir(tmp_path) == ["a.ome.zarr"]


def test_listed_label_that_is_missing(tmp_path):
    image, _, _ = specimen(tmp_path / "a.ome.zarr", "0.5")
    write_group(tmp_path / "a.ome.zarr/labels", "0.5", {"labels": ["cells", "gone"]})
    dataset, said = copied(open_quietly(tmp_path / "a.ome.zarr"), tmp_path / "b.ome.zarr", *RAW)
    assert any("gone" in text for text in said.warnings())
    assert listed(tmp_path / "b.ome.zarr") == ["cells"]
    numpy.testing.assert_array_equal(read_image(tmp_path / "b.ome.zarr")[0][0], image)
