# SPDX-License-Identifier: MIT
"""What the library's TIFF reader finds in files that tifffile wrote, against what tifffile finds in them."""
import itertools
import json
import os
import subprocess

import numpy
import pytest

try:
    import tifffile
except ImportError:
    tifffile = None
pytestmark = pytest.mark.skipif(tifffile is None, reason="no tifffile")

LIST_TIFF = os.environ["OZR_LIST_TIFF"]


def listed(path):
    done = subprocess.run([LIST_TIFF, str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def expected(tiff):
    """The same list by tifffile."""
    out = [{"big": int(tiff.is_bigtiff), "big_endian": int(tiff.byteorder == ">"), "pages": len(tiff.pages)}]
    for number, page in enumerate(tiff.pages):
        page = page.aspage()
        out.append(describe(page, number, 0))
        out += [describe(sub.aspage(), number, i + 1) for i, sub in enumerate(page.pages or [])]
    return out


def describe(page, number, sub):
    separate = int(page.planarconfig == 2 and page.samplesperpixel > 1)
    alpha = [i for i, kind in enumerate(page.extrasamples) if kind in (1, 2)]
    ours = page.dtype is not None and page.dtype.kind in "uif" and page.dtype != "float16"
    dtype = page.dtype.name if ours else ""
    return {
        "page": number, "sub": sub, "offset": page.offset, "width": page.imagewidth, "height": page.imagelength,
        "tile_width": page.tilewidth if page.is_tiled else page.imagewidth,
        "tile_height": page.tilelength if page.is_tiled else min(page.rowsperstrip, page.imagelength),
        "tiled": int(page.is_tiled), "samples": page.samplesperpixel, "separate": separate, "dtype": dtype,
        "bits": page.bitspersample, "format": int(page.sampleformat), "compression": int(page.compression),
        "predictor": int(page.predictor), "photometric": int(page.photometric),
        "alpha": 1 + page.samplesperpixel - len(page.extrasamples) + alpha[0] if alpha else 0,
        "subfile": int(page.subfiletype), "subifds": len(page.subifds or []),
        "tiles": [[o if n else 0, n] for o, n in zip(page.dataoffsets, page.databytecounts)],
    }


def compare(path):
    with tifffile.TiffFile(path) as tiff:
        want = expected(tiff)
    assert listed(path) == want
    return want


def image(dtype, shape):
    n = int(numpy.prod(shape))
    return (numpy.arange(n) % 113).reshape(shape).astype(dtype)


@pytest.mark.parametrize("big,order,tile", itertools.product((False, True), "<>", (None, (32, 48))))
def test_variants(tmp_path, big, order, tile):
    path = tmp_path / "a.tif"
    for dtype in ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", "c8"):
        tifffile.imwrite(path, image(dtype, (3, 100, 70)), bigtiff=big, byteorder=order, tile=tile,
                         photometric="minisblack", rowsperstrip=None if tile else 7)
        assert len(compare(path)) == 4


@pytest.mark.parametrize("planar", ("contig", "separate"))
@pytest.mark.parametrize("tile", (None, (16, 16)))
def test_samples(tmp_path, planar, tile):
    for samples, extra in ((3, []), (4, ["unassalpha"]), (4, ["assocalpha"]), (5, ["unspecified", "unassalpha"])):
        shape = (40, 50, samples) if planar == "contig" else (samples, 40, 50)
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, image("u2", shape), photometric="rgb", planarconfig=planar, extrasamples=extra, tile=tile)
        assert len(compare(path)) == 2


@pytest.mark.parametrize("big,order", itertools.product((False, True), "<>"))
def test_pyramid(tmp_path, big, order):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path, bigtiff=big, byteorder=order) as writer:
        for _ in range(3):
            options = {"tile": (64, 64), "compression": "zlib", "photometric": "minisblack"}
            writer.write(image("u2", (300, 500)), subifds=2, **options)
            for level in (1, 2):
                writer.write(image("u2", (300 >> level, 500 >> level)), subfiletype=1, **options)
    assert [entry["subifds"] for entry in compare(path)[1:]] == [2, 0, 0] * 3


def test_predictor_and_bits(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, image("u2", (64, 64)), tile=(32, 32), compression="zlib", predictor=2)
    assert compare(path)[1]["predictor"] == 2
    tifffile.imwrite(path, image("?", (64, 64)), tile=(32, 32))
    assert compare(path)[1]["bits"] == 1


def test_sparse(tmp_path):
    """Tiles that are not stored."""
    path = tmp_path / "a.tif"
    tiles = (b"" if i % 3 else bytes(16 * 16) for i in range(12))
    tifffile.imwrite(path, tiles, shape=(48, 64), dtype="u1", tile=(16, 16), photometric="minisblack")
    assert [n for _, n in compare(path)[1]["tiles"]].count(0) == 8


def test_many_tiles_and_pages(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, image("u1", (1600, 1600)), tile=(16, 16), photometric="minisblack")
    assert len(compare(path)[1]["tiles"]) == 10000
    with tifffile.TiffWriter(path) as writer:
        for i in range(500):
            writer.write(numpy.full((16, 16), i % 256, "u1"), contiguous=False, photometric="minisblack")
    assert len(compare(path)) == 501
