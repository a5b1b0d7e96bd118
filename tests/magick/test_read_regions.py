# SPDX-License-Identifier: MIT
"""Which pixels come back: regions, levels, and rows for `stream`; and that nothing else is touched."""
import random

import numpy
import pytest
import stores
from conftest import PRELOAD
from reading import edit, halved, noise, omero, opened, planes, said, scenes, volume, without_chunks

no_sanitizer = pytest.mark.skipif(bool(PRELOAD), reason="strace and a preloaded sanitizer do not go together")
SHAPE = (5, 100, 150)
CHUNKS = [2, 16, 32]


@pytest.fixture(scope="module", params=["0.4", "0.5"])
def store(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("store") / "vol.ome.zarr"
    return folder, volume(folder, request.param, "zyx", SHAPE, levels=3, chunks=CHUNKS)


def cut(pixels, columns, rows, x, y):
    """What ImageMagick's own crop leaves, and where."""
    return pixels[..., max(y, 0):max(y + rows, 0), max(x, 0):max(x + columns, 0)]


# --- Regions ----------------------------------------------------------------------------------------

REGIONS = [(20, 10, 30, 40), (150, 100, 0, 0), (1, 1, 149, 99), (33, 17, 31, 15), (50, 50, 140, 90), (500, 7, 0, 3),
           (30, 30, -10, -20), (1000, 1000, -1, -1)]


@pytest.mark.parametrize("region", REGIONS)
def test_regions(magick, store, region):
    folder, (pixels, *_) = store
    text = "%dx%d%+d%+d" % region
    want = cut(pixels, *region)
    assert (magick.pixels(f"{folder}[{text}]") == want).all()
    assert (magick.pixels(f"{folder}[2,0]", "-extract", text) == want[[2, 0]]).all()
    assert (magick.pixels(f"OMEZARR:{folder}[z=1]", "-extract", text) == want[1]).all()
    canvas = "%dx%d%+d%+d" % (150, 100, max(region[2], 0), max(region[3], 0)) if want.shape != pixels.shape else "150x100+0+0"
    facts = magick.convert(f"{folder}[{text}]", "-format", "%wx%h %g\n", "info:").stdout.decode().split("\n")[0]
    assert facts == f"{want.shape[2]}x{want.shape[1]} {canvas}"


@pytest.mark.parametrize("region", ["10x10+150+0", "10x10+0+100", "10x10-10+0", "10x10+5000+5000", "1x1+0-1"])
def test_regions_outside(magick, store, region):
    folder, _ = store
    assert f"the region {region} lies outside the image of 150x100 pixels" in magick.refused(f"{folder}[{region}]", "info:")
    assert "lies outside" in magick.refused("-extract", region, f"{folder}[1]", "info:")


def test_region_of_a_level(magick, store):
    """Its pixels are those of the level that was named."""
    folder, levels = store
    got = magick.pixels(f"{folder}[20x10+30+40]", "-define", "omezarr:level=1")
    assert (got == levels[1][:, 40:50, 30:50]).all()
    assert (magick.pixels(f"OMEZARR:{folder}[level=1,z=0]", "-extract", "20x10+30+40") == levels[1][0, 40:50, 30:50]).all()


def test_random_regions(magick, store):
    """Many regions, levels and scene lists in few commands, each against numpy's slice."""
    folder, levels = store
    generator = random.Random(7)
    for _ in range(4):
        words, want = [], b""
        for _ in range(12):
            level = generator.randrange(3)
            pixels = levels[level]
            _, height, width = pixels.shape
            x, y = generator.randrange(-5, width), generator.randrange(-5, height)
            columns, rows = generator.randrange(6, width + 20), generator.randrange(6, height + 20)
            some = [generator.randrange(pixels.shape[0]) for _ in range(generator.randrange(1, 4))]
            words += ["(", "-define", f"omezarr:level={level}", "-extract", f"{columns}x{rows}{x:+d}{y:+d}",
                      f"{folder}[{','.join(map(str, some))}]", "+extract", ")"]
            want += cut(pixels[some], columns, rows, x, y).tobytes()
        done = magick.convert(*words, "-depth", 16, "-endian", "LSB", "gray:-")
        assert done.stdout == want


# --- What is touched -----------------------------------------------------------------------------------

@no_sanitizer
@pytest.mark.parametrize("words,chunks", [
    (["{}[20x10+30+40]"], 3 * 2 * 2),
    (["-extract", "2x2+0+0", "{}[0]"], 1),
    (["-extract", "2x2+31+15", "{}[1]"], 4),
    (["-extract", "2x2+31+15", "{}[2]"], 4),
    (["-extract", "150x1+0+99", "{}[0-1]"], 5),
    (["{}[0]"], 7 * 5),
    (["{}[0,1]"], 7 * 5),
    (["{}[1x1-1-1]"], None),
    (["OMEZARR:{}[z=1,level=2]"], 2 * 2),
    (["-define", "omezarr:level=1", "-extract", "1x1+64+32", "{}[0]"], 1),
    (["-size", "40x30", "{}[0]"], 4 * 3),
])
def test_only_its_chunks(magick, store, words, chunks):
    folder, _ = store
    words = [word.format(folder) for word in words]
    if chunks is None:
        assert "lies outside" in magick.refused(*words, "info:")
        return
    assert len(opened(magick, folder, *words, "null:")) == chunks


@no_sanitizer
def test_sizes_read_little(magick, store):
    """A small picture is made of a small level."""
    folder, _ = store
    assert len(opened(magick, folder, f"{folder}[30x20]", "null:")) == 2 * 2  # level 2: 38 x 25 pixels
    assert len(opened(magick, folder, f"{folder}[0]", "null:")) == 35


@no_sanitizer
def test_facts_read_no_pixels(magick, store):
    folder, _ = store
    assert opened(magick, folder, folder, tool="identify") == []
    assert opened(magick, folder, "-ping", "-format", "%w %h %[omezarr:z]\n", folder, tool="identify") == []
    assert opened(magick, folder, "-ping", f"{folder}[10x10+5+5]", "info:") == []
    assert len(opened(magick, folder, "-format", "%k\n", f"{folder}[0]", tool="identify")) == 35


def test_ping(magick, tmp_path):
    """Sizes and numbers without a pixel; chunks are not there."""
    folder = tmp_path / "a.ome.zarr"
    volume(folder, shape=(1, 2, 3, 1000, 1200), levels=1, chunks=[1, 1, 1, 500, 600])
    without_chunks(folder)
    lines = magick.identify(folder).stdout.decode().splitlines()
    assert len(lines) == 6 and all(" 1200x1000 " in line and "16-bit" in line and "Gray" in line for line in lines)
    assert [line.split()[0] for line in lines] == [f"{folder}[{i}]" for i in range(6)]
    assert said(magick, f"{folder}[4-5]", "%s %w %h %z %[omezarr:c] %[omezarr:z]") == ["4 1200 1000 16 1 1", "5 1200 1000 16 1 2"]
    assert said(magick, folder, "%w", "-define", "omezarr:max-planes=6") == ["1200"] * 6


def test_huge_image(magick, tmp_path):
    """A region of an image far beyond all limits; the whole is refused without being tried."""
    folder = tmp_path / "a.ome.zarr"
    stores.write_image(folder, "0.4", "yx", [numpy.zeros((64, 64), "<u2")], [1, 1], chunks=[64, 64])
    part = noise((64, 64))
    edit(folder / "0" / ".zarray", lambda d: d.update(shape=[2 ** 40, 2 ** 41], fill_value=77))
    path = folder / "0" / str(2 ** 34 - 1) / "3"
    path.parent.mkdir()
    path.write_bytes(part.tobytes())
    region = f"80x70+{3 * 64}+{2 ** 40 - 64}"
    done = magick.convert(f"{folder}[{region}]", "-depth", 16, "-endian", "LSB", "gray:-", address_space=4 << 30)
    got = numpy.frombuffer(done.stdout, "<u2").reshape(64, 80)
    assert (got[:, :64] == part).all() and (got[:, 64:] == 77).all()
    assert "a.ome.zarr" in magick.refused(folder, "info:", address_space=4 << 30)


def test_pixel_caches_on_disk(magick, store):
    """A limit of no memory at all means this, and not that nothing can be read."""
    folder, levels = store
    for memory in ("0", "100KiB"):
        assert (magick.pixels(folder, "-limit", "memory", memory, "-limit", "map", 0) == levels[0]).all()


# --- Levels ----------------------------------------------------------------------------------------------

def test_levels(magick, store):
    folder, levels = store
    for level, number in ((0, "0"), (1, "1"), (2, "2"), (2, "-1"), (0, "-3")):
        assert (magick.pixels(folder, "-define", f"omezarr:level={number}") == levels[level]).all()
        assert (magick.pixels(f"OMEZARR:{folder}[level={number}]") == levels[level]).all()
    # planes are the level's own
    assert (magick.pixels(f"{folder}[-1]", "-define", "omezarr:level=1") == levels[1][-1]).all()
    for number in ("3", "-4", "two"):
        assert "level" in magick.refused("-define", f"omezarr:level={number}", folder, "info:")


@pytest.mark.parametrize("size,level", [("150x100", 0), ("76x1", 0), ("75x50", 1), ("39x10", 1), ("38x25", 2), ("10x", 2),
                                        ("x25", 2), ("x26", 1), ("1000x1000", 0), ("1x1!", 2), ("40x10>", 1)])
def test_levels_by_size(magick, store, tmp_path, size, level):
    """The smallest level that is large enough; planes keep their numbers."""
    folder, levels = store
    if size[-1] not in "!>":
        assert (magick.pixels(f"{folder}[4,0]", "-size", size) == levels[level][[4 >> level, 0]]).all()
    assert scenes(magick, f"{folder}[4,0]", "-size", size) == [4, 0]
    # [WxH] is resized by ImageMagick from what we give it: exactly as from the level itself
    rows, columns = levels[level][0].shape
    (tmp_path / "level.gray").write_bytes(levels[level][0].tobytes())
    want = magick.pixels(tmp_path / "level.gray", "-depth", 16, "-size", f"{columns}x{rows}", "-endian", "LSB", after=["-resize", size])
    assert (magick.pixels(f"{folder}[{size}]")[0] == want[0]).all()


def test_levels_of_z_and_time(magick, tmp_path):
    """Plane k is shown by plane floor(k / factor) of the level; axes that no level reduces stay."""
    full = noise((2, 5, 40, 40))
    small = halved(halved(full, "tzyx"), "tzyx")
    stores.write_image(tmp_path / "a.zarr", "0.5", "tzyx", [full, halved(full, "tzyx"), small], [[1, 1, 1, 1], [1, 2, 2, 2], [1, 4, 4, 4]])
    got = magick.pixels(tmp_path / "a.zarr", "-size", "10x10")
    assert (got == small[:, [0, 0, 0, 0, 1]].reshape(10, 10, 10)).all()
    assert (magick.pixels(f"OMEZARR:{tmp_path}/a.zarr[z=4,t=1]", "-size", "10x10") == small[1, 1]).all()
    assert said(magick, f"{tmp_path}/a.zarr[9]", "%[omezarr:level] %s", "-size", "10x10") == ["2/3 9"]


# --- stream ------------------------------------------------------------------------------------------------

def streamed(magick, *words):
    out = magick.home / "out"
    magick.tool("stream", "-map", "r", "-storage-type", "short", *words, out)
    data = numpy.frombuffer(out.read_bytes(), "u2")  # native
    out.unlink()
    return data


def test_stream(magick, store):
    folder, levels = store
    pixels = levels[0]
    assert (streamed(magick, f"{folder}[1]") == pixels[1].ravel()).all()
    assert (streamed(magick, f"{folder}[2-0]") == pixels[2::-1].ravel()).all()
    assert (streamed(magick, "-extract", "20x10+30+40", f"{folder}[2]") == pixels[2, 40:50, 30:50].ravel()).all()
    assert (streamed(magick, "-extract", "150x1+0+99", f"{folder}[0]") == pixels[0, 99].ravel()).all()
    assert (streamed(magick, "-define", "omezarr:level=1", f"{folder}[0]") == levels[1][0].ravel()).all()
    assert (streamed(magick, f"OMEZARR:{folder}[z=1,level=2]") == levels[2][1].ravel()).all()


def test_stream_colors(magick, tmp_path):
    pixels = noise((3, 20, 30), "u1")
    stores.write_image(tmp_path / "a.zarr", "0.5", "cyx", [pixels], [1] * 3,
                       ome=omero(("FF0000", 0, 255), ("00FF00", 0, 255), ("0000FF", 0, 255)))
    out = tmp_path / "out"
    magick.tool("stream", "-map", "bgr", "-storage-type", "char", tmp_path / "a.zarr", out)
    assert out.read_bytes() == pixels[::-1].transpose(1, 2, 0).tobytes()
