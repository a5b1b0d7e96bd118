# SPDX-License-Identifier: MIT
"""omezarr:append=true: slice by slice gives what all at once would give, and what does not fit changes nothing."""
import json

import numpy
import pytest
import stores
from writing import RAW, array_document, feed, files_of, gray, group, level0, multiscales, shape_of, write

APPEND = ["-define", "omezarr:append=true"]
KINDS = {"uint8": "u1", "uint16": "<u2"}


def append(magick, target, pixels, *words, ok=True):
    """Add images (n, rows, columns[, channels]) to a store, or begin it."""
    folder = target.parent / "in"
    folder.mkdir(exist_ok=True)
    number = len(list(folder.iterdir()))
    defines = [*words] if "quantum:format=floating-point" in words else []
    return magick.convert(*defines, *feed(magick, pixels, folder / f"p{number}"), *RAW, *APPEND, *words, target, ok=ok)


def refused(magick, store, pixels, says, *words):
    before = files_of(store)
    done = append(magick, store, pixels, *words, ok=False)
    assert done.returncode != 0 and says in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
    assert files_of(store) == before


def check_levels(levels, factors):
    """Every level is the mean of the one before, rounded to even at ties."""
    assert len(levels) > 1
    for finer, coarser in zip(levels, levels[1:]):
        padded = finer.astype(float)
        for axis, f in enumerate(factors):
            short = -finer.shape[axis] % f
            widths = [(0, short if i == axis else 0) for i in range(finer.ndim)]
            padded = numpy.pad(padded, widths, constant_values=numpy.nan)
        split = [k for n, f in zip(padded.shape, factors) for k in (n // f, f)]
        mean = numpy.nanmean(padded.reshape(split), axis=tuple(range(1, 2 * finer.ndim, 2)))
        numpy.testing.assert_array_equal(coarser, numpy.rint(mean))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_slices(magick, tmp_path, kind, version):
    """1 image at a time, and some at once."""
    pixels = (gray((11, 300, 270)) >> (8 if kind == "uint8" else 0)).astype(KINDS[kind])
    store = tmp_path / "a.ome.zarr"
    done = 0
    for n in (1, 1, 3, 1, 5):
        append(magick, store, pixels[done:done + n], "-define", f"omezarr:version={version}")
        done += n
        assert shape_of(store) == ("zyx", (done, 300, 270))
        numpy.testing.assert_array_equal(level0(store), pixels[:done])
    levels = stores.read_image(store)[0]
    check_levels(levels, (1, 2, 2))
    document = array_document(store)
    assert (document.get("chunks") or document["chunk_grid"]["configuration"]["chunk_shape"])[0] == 1
    numpy.testing.assert_array_equal(magick.pixels(store, depth=pixels.itemsize * 8), pixels)


def test_begin_with_several(magick, tmp_path):
    """However many planes the first call has, all is as if it were one."""
    pixels = gray((300, 9, 260))
    append(magick, tmp_path / "a.zarr", pixels[:299])
    append(magick, tmp_path / "b.zarr", pixels[:1])
    append(magick, tmp_path / "a.zarr", pixels[299:])
    append(magick, tmp_path / "b.zarr", pixels[1:])
    one, two = (stores.read_image(tmp_path / name)[0] for name in ("a.zarr", "b.zarr"))
    assert [level.shape for level in one] == [(300, 9, 260), (300, 5, 130)]
    for a, b in zip(one, two):
        numpy.testing.assert_array_equal(a, b)
    assert array_document(tmp_path / "a.zarr") == array_document(tmp_path / "b.zarr")


def test_one_process(magick, tmp_path):
    """-write in one command line, as long as one likes."""
    pixels = gray((6, 40, 50))
    store, words = tmp_path / "a.ome.zarr", []
    *head, _ = feed(magick, pixels[:1], tmp_path / "p")
    for i in range(6):
        path = tmp_path / f"{i}.gray"
        path.write_bytes(pixels[i].tobytes())
        words += [f"gray:{path}", "-write", store, "+delete"]
    magick.convert(*RAW, *APPEND, *head, *words, "xc:red", "null:")
    numpy.testing.assert_array_equal(level0(store), pixels)


def test_shards(magick, tmp_path):
    """One file for each plane, with more than one chunk in it; nothing of two planes in one."""
    pixels = gray((3, 1100, 700))
    store = tmp_path / "a.ome.zarr"
    for plane in pixels:
        magick.convert(*feed(magick, plane[None], tmp_path / "p"), *APPEND, store)
    document = array_document(store)
    assert document["chunk_grid"]["configuration"]["chunk_shape"] == [1, 1536, 1024]
    assert document["codecs"][0]["configuration"]["chunk_shape"] == [1, 512, 512]
    assert len([p for p in (store / "0/c").rglob("*") if p.is_file()]) == 3
    numpy.testing.assert_array_equal(magick.pixels(store), pixels)


def test_windows_follow(magick, tmp_path):
    pixels = numpy.full((3, 20, 30), 500, "<u2")
    pixels[1, 3, 4], pixels[2, 5, 6] = 900, 100
    store = tmp_path / "a.zarr"

    def window():
        return [group(store)["omero"]["channels"][0]["window"][key] for key in ("min", "max", "start", "end")]
    append(magick, store, pixels[:1])
    assert window() == [500, 500, 500, 501]
    append(magick, store, pixels[1:2])
    assert window() == [500, 900, 500, 900]
    append(magick, store, pixels[2:])
    assert window() == [100, 900, 100, 900]
    # what somebody has set stays
    document = json.loads((store / "zarr.json").read_text())
    document["attributes"]["ome"]["omero"]["channels"][0]["window"].update(start=200, end=300)
    document["attributes"]["mine"] = {"a": 1}
    (store / "zarr.json").write_text(json.dumps(document))
    append(magick, store, pixels[:1] * 2)
    assert window() == [100, 1000, 200, 300]
    assert stores.read_group(store)[1]["mine"] == {"a": 1}


def test_windows_of_channels(magick, tmp_path):
    pixels = numpy.arange(6, dtype="<u2")[:, None, None] * 100 + numpy.zeros((6, 9, 8), "<u2")
    store = tmp_path / "a.zarr"
    for i in range(0, 6, 2):
        append(magick, store, pixels[i:i + 2], "-define", "omezarr:axes=zcyx", "-define", "omezarr:size-c=2")
    assert shape_of(store) == ("czyx", (2, 3, 9, 8))
    windows = [[c["window"]["min"], c["window"]["max"]] for c in group(store)["omero"]["channels"]]
    assert windows == [[0, 400], [100, 500]]


def test_colors(magick, tmp_path):
    """Gray slices in between are colors, too."""
    pixels = numpy.random.default_rng(1).integers(0, 256, (4, 20, 30, 3)).astype("u1")
    pixels[2] = pixels[2, :, :, :1]
    store = tmp_path / "a.zarr"
    for plane in pixels:
        append(magick, store, plane[None])
    assert shape_of(store) == ("czyx", (3, 4, 20, 30))
    numpy.testing.assert_array_equal(level0(store), pixels.transpose(3, 0, 1, 2))
    assert [c["window"]["end"] for c in group(store)["omero"]["channels"]] == [255] * 3
    alpha = tmp_path / "alpha.zarr"
    append(magick, alpha, numpy.concatenate([pixels[:1], pixels[:1, ..., :1] // 2], axis=3))
    append(magick, alpha, pixels[1:2])
    assert (level0(alpha)[3, 1] == 255).all() and (level0(alpha)[3, 0] == pixels[0, ..., 0] // 2).all()


@pytest.mark.parametrize("axes, per_call", [("tyx", 1), ("tcyx", 3), ("tczyx", 6), ("czyx", 3), ("tzyx", 2)])
def test_other_axes(magick, tmp_path, axes, per_call):
    """The outermost of t and z grows; each call brings all of the axes inside it."""
    sizes = {"c": 3, "z": 2}
    pixels = gray((3 * per_call, 20, 30))
    grows = "t" if "t" in axes else "z"
    options = ["-define", f"omezarr:axes={axes}"]
    for a in axes[:-2]:
        if a != grows:
            options += ["-define", f"omezarr:size-{a}={sizes[a]}"]
    store = tmp_path / "a.zarr"
    for i in range(3):
        # without defines the store says how to fold
        append(magick, store, pixels[i * per_call:(i + 1) * per_call], *(options if i != 1 else []))
    shape = [3 if a == grows else sizes[a] for a in axes[:-2]]
    if axes == "czyx":  # c runs slower than the z that each call adds
        want = pixels.reshape(3, 3, 20, 30).transpose(1, 0, 2, 3)
    else:
        want = pixels.reshape(*shape, 20, 30)
    numpy.testing.assert_array_equal(level0(store), want)


def test_planes_of_another_store(magick, tmp_path):
    """All channels of one z at a time: they stay channels, and z grows."""
    pixels = gray((12, 20, 30)).reshape(3, 4, 20, 30)
    stores.write_image(tmp_path / "in.zarr", "0.5", "czyx", [pixels], [1, 2, 1, 1], units={"z": "micrometer"})
    for z in range(4):
        magick.convert(f"OMEZARR:{tmp_path / 'in.zarr'}[z={z}]", *RAW, *APPEND, tmp_path / "a.zarr")
    assert shape_of(tmp_path / "a.zarr") == ("czyx", (3, 4, 20, 30))
    numpy.testing.assert_array_equal(level0(tmp_path / "a.zarr"), pixels)


def test_unlike_images(magick, tmp_path):
    """One error, and nothing is changed."""
    store = tmp_path / "a.zarr"
    append(magick, store, gray((2, 20, 30)))
    refused(magick, store, gray((1, 21, 30)), "on axis y the images have 21 elements, the store has 20")
    refused(magick, store, gray((1, 20, 31)), "on axis x")
    refused(magick, store, gray((1, 20, 30)).astype("<u4"), "would be uint32, the store has uint16")
    refused(magick, store, gray((1, 20, 30)), "would be int16", "-define", "omezarr:dtype=int16")
    colors = numpy.random.default_rng(1).integers(0, 65536, (1, 20, 30, 3)).astype("<u2")
    refused(magick, store, colors, "3 color components, the store has no colors")
    refused(magick, store, gray((1, 20, 30)), "axes", "-define", "omezarr:axes=tyx")
    refused(magick, store, gray((2, 20, 30)), "axes", "-define", "omezarr:axes=tzyx", "-define", "omezarr:size-z=2")
    refused(magick, store, gray((1, 20, 30)), "not a label", "-define", "omezarr:label=true")
    # 8 bits fit into 16, as in one list
    append(magick, store, (gray((1, 20, 30)) >> 8).astype("u1"))
    assert (level0(store)[2] == (gray((1, 20, 30))[0] >> 8) * 257).all()
    bytes_ = tmp_path / "b.zarr"
    append(magick, bytes_, (gray((1, 20, 30)) >> 8).astype("u1"))
    refused(magick, bytes_, gray((1, 20, 30)), "would be uint16, the store has uint8")


def test_stores_that_cannot_grow(magick, tmp_path):
    plane = write(magick, tmp_path / "plane.zarr", gray((1, 20, 30)))
    refused(magick, plane, gray((1, 20, 30)), "no axis z or t")
    channels = write(magick, tmp_path / "c.zarr", gray((2, 20, 30)), "-define", "omezarr:axes=cyx")
    refused(magick, channels, gray((2, 20, 30)), "no axis z or t")
    done = append(magick, tmp_path / "new.zarr", gray((2, 20, 30)), "-define", "omezarr:axes=cyx", ok=False)
    assert "must have z or t" in done.stderr and not (tmp_path / "new.zarr").exists()
    (tmp_path / "folder.zarr").mkdir()
    (tmp_path / "folder.zarr/notes.txt").write_text("years")
    refused(magick, tmp_path / "folder.zarr", gray((1, 20, 30)), "folder.zarr")


def test_ordinary_stores_grow(magick, tmp_path):
    """Whose chunks hold many planes: they are written again, and all levels follow."""
    pixels = gray((9, 300, 140))
    store = write(magick, tmp_path / "a.zarr", pixels[:5], "-define", "omezarr:chunk=4x64x64")
    for plane in pixels[5:]:
        append(magick, store, plane[None])
    levels = stores.read_image(store)[0]
    numpy.testing.assert_array_equal(levels[0], pixels)
    check_levels(levels[:2], (2, 2, 2))


def test_labels(magick, tmp_path):
    ids = numpy.random.default_rng(1).integers(0, 50000, (3, 20, 30)).astype("<u2")
    store = tmp_path / "a.zarr"
    for i, plane in enumerate(ids):
        append(magick, store, plane[None], "-define", "omezarr:dtype=uint32", *(["-define", "omezarr:label=true"] if i < 2 else []))
    numpy.testing.assert_array_equal(level0(store), ids)


@pytest.mark.parametrize("spacing", [None, 4])
def test_rechunk(magick, tmp_path, spacing):
    """With the last slice the store becomes what one call would have made."""
    pixels = gray((7, 300, 200))
    more = ["-define", f"omezarr:z-spacing={spacing}", "-define", "omezarr:pixel-size=1"] if spacing else []
    store = tmp_path / "a.ome.zarr"
    for plane in pixels[:-1]:
        append(magick, store, plane[None], *more)
    document = json.loads((store / "zarr.json").read_text())
    document["attributes"]["mine"] = 1
    (store / "zarr.json").write_text(json.dumps(document))
    append(magick, store, pixels[-1:], "-define", "omezarr:rechunk=true", *more)
    (tmp_path / "once").mkdir()
    once = write(magick, tmp_path / "once/a.ome.zarr", pixels, *more)
    assert stores.read_group(store)[1].pop("mine") == 1
    grown, made = files_of(store), files_of(once)
    said, want = (json.loads(each.pop("zarr.json"))["attributes"]["ome"] for each in (grown, made))
    assert said["omero"]["rdefs"].pop("defaultZ") == 0 and want["omero"]["rdefs"].pop("defaultZ") == 3  # the first one stays
    assert said == want
    assert grown == made
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.ome.zarr", "in", "once"]


def test_rechunk_to(magick, tmp_path):
    pixels = gray((5, 100, 90))
    store = tmp_path / "a.zarr"
    for i, plane in enumerate(pixels):
        append(magick, store, plane[None], *(["-define", "omezarr:rechunk=2x32x45"] if i == 4 else []))
    assert array_document(store)["chunk_grid"]["configuration"]["chunk_shape"] == [2, 32, 45]
    numpy.testing.assert_array_equal(level0(store), pixels)


def test_rechunk_at_once(magick, tmp_path):
    """The first call may be the last one, too."""
    pixels = gray((5, 300, 200))
    append(magick, tmp_path / "a.ome.zarr", pixels, "-define", "omezarr:rechunk=true")
    (tmp_path / "once").mkdir()
    once = write(magick, tmp_path / "once/a.ome.zarr", pixels)
    assert array_document(tmp_path / "a.ome.zarr") == array_document(once)
    for a, b in zip(stores.read_image(tmp_path / "a.ome.zarr")[0], stores.read_image(once)[0], strict=True):
        numpy.testing.assert_array_equal(a, b)


def test_planes_of_itself(magick, tmp_path):
    """What is a part of a store may be added to it: nothing is replaced."""
    pixels = gray((3, 20, 30))
    append(magick, tmp_path / "a.zarr", pixels)
    magick.convert(f"OMEZARR:{tmp_path / 'a.zarr'}[1]", *RAW, *APPEND, tmp_path / "a.zarr")
    numpy.testing.assert_array_equal(level0(tmp_path / "a.zarr"), pixels[[0, 1, 2, 1]])


def test_floats(magick, tmp_path):
    values = numpy.random.default_rng(1).random((3, 20, 30)).astype("<f4")
    store = tmp_path / "a.zarr"
    for plane in values:
        append(magick, store, plane[None], "-define", "quantum:format=floating-point")
    assert level0(store).dtype == "float32"
    numpy.testing.assert_allclose(level0(store), values, atol=1e-5)
    window = group(store)["omero"]["channels"][0]["window"]
    numpy.testing.assert_allclose([window["min"], window["max"]], [level0(store).min(), level0(store).max()])
    assert multiscales(store)["axes"][0]["name"] == "z"
