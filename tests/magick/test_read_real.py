# SPDX-License-Identifier: MIT
"""A real volume (a heart by X-ray tomography, a bare array of blosc frames), against c-blosc and numpy."""
import ctypes
import ctypes.util
import itertools
import json

import numpy
import pytest


@pytest.fixture(scope="module")
def heart(data):
    """The folder and all its pixels, decoded by c-blosc."""
    folder = data / "hoa_heart.zarr"
    name = ctypes.util.find_library("blosc")
    if not name:
        pytest.skip("c-blosc is not installed: nothing to compare with")
    blosc = ctypes.CDLL(name)
    document = json.loads((folder / ".zarray").read_text())
    shape, chunks = document["shape"], document["chunks"]
    pixels = numpy.zeros(shape, document["dtype"])
    for index in itertools.product(*[range(-(-n // c)) for n, c in zip(shape, chunks)]):
        frame = (folder / ".".join(map(str, index))).read_bytes()
        block = ctypes.create_string_buffer(int(numpy.prod(chunks)) * pixels.itemsize)
        assert blosc.blosc_decompress_ctx(frame, block, ctypes.c_size_t(len(block)), 1) == len(block)
        region = tuple(slice(i * c, min((i + 1) * c, n)) for i, c, n in zip(index, chunks, shape))
        pixels[region] = numpy.frombuffer(block, pixels.dtype).reshape(chunks)[tuple(slice(r.stop - r.start) for r in region)]
    return folder, pixels


def test_planes(magick, heart):
    folder, pixels = heart
    assert len(pixels) == 120 and pixels[60].max() > 100
    assert (magick.pixels(f"OMEZARR:{folder}[60]", depth=8) == pixels[60]).all()
    assert (magick.pixels(f"OMEZARR:{folder}[z=60]", depth=8) == pixels[60]).all()
    assert (magick.pixels(f"OMEZARR:{folder}[119,0,63-65]", depth=8) == pixels[[119, 0, 63, 64, 65]]).all()
    assert (magick.pixels(f"OMEZARR:{folder}", depth=8) == pixels).all()


def test_regions(magick, heart):
    folder, pixels = heart
    assert (magick.pixels(f"OMEZARR:{folder}[7x90+61+20]", depth=8) == pixels[:, 20:110, 61:68]).all()
    assert (magick.pixels(f"OMEZARR:{folder}[60]", "-extract", "64x64+64+64", depth=8) == pixels[60, 64:, 64:128][:56]).all()


def test_slices(magick, heart, tmp_path):
    """Files named by the planes' own numbers."""
    folder, pixels = heart
    magick.convert(f"OMEZARR:{folder}[10-20]", tmp_path / "slice_%03d.png")
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"slice_{i:03}.png" for i in range(10, 21)]
    for i in range(10, 21):
        assert (magick.pixels(tmp_path / f"slice_{i:03}.png", depth=8) == pixels[i]).all()


def test_facts(magick, heart):
    folder, _ = heart
    lines = magick.identify(f"OMEZARR:{folder}").stdout.decode().splitlines()
    assert len(lines) == 120 and all(" OMEZARR 139x120 " in line and "8-bit" in line for line in lines)
