# SPDX-License-Identifier: MIT
"""Chunks that cannot be read, and chunks that are not there: the first end a read with one exception and without any
output, whichever plane they belong to; the second are the fill value."""
import pytest
import stores
from reading import edit, noise, omero, volume, without_chunks

SHAPE, CHUNKS = (4, 20, 24), [1, 10, 24]


def chunk_of(folder, version, plane, band=0):
    return folder.joinpath("0", *(["c"] if version == "0.5" else []), str(plane), str(band), "0")


@pytest.fixture(params=["0.4", "0.5"])
def store(request, tmp_path):
    """A volume whose last plane has half a chunk."""
    folder = tmp_path / "a.ome.zarr"
    pixels = volume(folder, request.param, "zyx", SHAPE, levels=1, chunks=CHUNKS)[0]
    last = chunk_of(folder, request.param, 3, 1)
    last.write_bytes(last.read_bytes()[:100])
    return folder, pixels


@pytest.mark.parametrize("words", [["{}", "{}/out_%d.png"], ["{}[0,3]", "{}/out.tif"], ["{}[3]", "-resize", "5x5", "{}/out.png"],
                                   ["-extract", "5x5+0+15", "{}[3]", "{}/out.png"], ["+adjoin", "{}", "{}/out.gif"],
                                   ["-define", "omezarr:window=minmax", "{}", "{}/out.png"]])
def test_one_error_and_no_output(magick, store, tmp_path, words):
    folder, _ = store
    (tmp_path / "out").mkdir()
    words = [w.format(tmp_path / "out" if "/out" in w else folder) for w in words]
    text = magick.refused(*words)
    ours = [line for line in text.splitlines() if "a.ome.zarr" in line]
    assert len(ours) == 1 and "3/1/0" in ours[0], text
    assert list((tmp_path / "out").iterdir()) == []


def test_the_rest_can_be_read(magick, store):
    """What does not touch the chunk is not lost with it."""
    folder, pixels = store
    assert (magick.pixels(f"{folder}[0-2]") == pixels[:3]).all()
    assert (magick.pixels(f"{folder}[3]", "-extract", "24x10+0+0") == pixels[3, :10]).all()
    assert magick.identify(folder).stdout.count(b"\n") == 4


def test_the_next_name_is_read(magick, store, tmp_path):
    """An error of one input leaves the other inputs alone; the status tells."""
    folder, pixels = store
    done = magick.convert(f"{folder}[3]", f"{folder}[1]", "-depth", 16, "-endian", "LSB", "gray:-", ok=False)
    assert done.returncode != 0
    assert done.stdout in (b"", pixels[1].tobytes())


def test_stream_fails(magick, store):
    folder, _ = store
    out = magick.home / "out"
    done = magick.tool("stream", "-map", "r", "-storage-type", "short", f"{folder}[3]", out, ok=False)
    out.unlink(missing_ok=True)
    assert done.returncode != 0 and "3/1/0" in done.stderr


def test_colors_and_composites(magick, tmp_path):
    """One channel of a picture is damaged: no picture."""
    folder = tmp_path / "a.ome.zarr"
    stores.write_image(folder, "0.5", "cyx", [noise((3, 8, 8), "u1")], [1] * 3, chunks=[1, 8, 8],
                       ome=omero(("FF0000", 0, 255), ("00FF00", 0, 255), ("0000FF", 0, 255)))
    (folder / "0/c/2/0/0").write_bytes(b"1234")
    for mode in ("rgb", "composite"):
        assert "c/2/0/0" in magick.refused("-define", f"omezarr:channels={mode}", folder, tmp_path / "out.png")
    assert not (tmp_path / "out.png").exists()
    assert magick.pixels(f"{folder}[0-1]", "-define", "omezarr:channels=separate", depth=8).shape == (2, 8, 8)


# --- Missing chunks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("dtype,fill,shown", [("u1", 7, 7 * 257), ("<u2", 1234, 1234), ("<i2", -5, 32763), ("<f4", 0.25, 16384),
                                              ("<f8", 1, 65535)])
def test_missing_chunks(magick, tmp_path, version, dtype, fill, shown):
    folder = tmp_path / "a.ome.zarr"
    volume(folder, version, "zyx", SHAPE, dtype, levels=1, chunks=CHUNKS)
    before = magick.pixels(folder)
    document = folder / "0" / (".zarray" if version == "0.4" else "zarr.json")
    edit(document, lambda d: d.update(fill_value=fill))
    chunk_of(folder, version, 2, 0).unlink()
    want = before.copy()
    want[2, :10] = shown
    assert (magick.pixels(folder) == want).all()
    without_chunks(folder)
    assert (magick.pixels(folder) == shown).all()


def test_missing_level(magick, tmp_path):
    """The metadata promise it: not an image without levels, and not another one."""
    folder = tmp_path / "a.ome.zarr"
    volume(folder, axes="zyx", shape=SHAPE, levels=2)
    (folder / "1" / "zarr.json").unlink()
    assert "level 1 ('1')" in magick.refused(folder, "info:")


def test_sizes_that_lie(magick, tmp_path):
    """A level with other planes than its image: within its bounds, or an error; never beyond."""
    folder = tmp_path / "a.ome.zarr"
    levels = volume(folder, axes="zyx", shape=(6, 20, 24), levels=2)
    document = folder / "1" / "zarr.json"
    for depth in (1, 2, 3):
        edit(document, lambda d: d.update(shape=[depth, 10, 12]))
        got = magick.pixels(f"{folder}[5,0]", "-size", "12x10")
        assert (got[1] == levels[1][0]).all() and (got[0] == levels[1][depth - 1]).all()
