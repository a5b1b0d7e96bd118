# SPDX-License-Identifier: MIT
"""Monitors see a read rise to its end and can stop it at any moment; several threads of a program can read at once;
streams are refused."""
import hashlib

import numpy
import pytest
import stores
from test_front_ends import with_wand

MONITOR = """
seen, most = [], None
def monitor(text, offset, span, data):
    seen.append((text.decode(), offset, span))
    return most is None or len(seen) < most
keep = wand_library.MONITOR(monitor)
def read(name, *defines):
    w = ctypes.c_void_p(wand.NewMagickWand())
    wand.MagickSetProgressMonitor(w, keep, None)
    for define in defines:
        key, value = define.split("=")
        wand.MagickSetOption(w, key.encode(), value.encode())
    del seen[:]
    ok = wand.MagickReadImage(w, name.encode())
    n = wand.MagickGetNumberImages(w)
    severity = ctypes.c_int()
    wand.MagickGetException(w, ctypes.byref(severity))
    wand.DestroyMagickWand(w)
    return ok, n, severity.value
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Several bands, and several planes in each chunk: 12 planes of 3 MB."""
    folder = tmp_path_factory.mktemp("store") / "vol.ome.zarr"
    pixels = numpy.random.default_rng(1).integers(0, 65536, (12, 1000, 1500)).astype("<u2")
    stores.write_image(folder, "0.5", "zyx", [pixels], [1, 1, 1], chunks=[4, 250, 250])
    return folder, pixels


@pytest.mark.parametrize("define", ["", '"omezarr:window=minmax"'])
def test_it_rises(magick, store, define):
    said = with_wand(magick, MONITOR + f"""
print(read({str(store[0])!r}, {define}))
for each in seen:
    print(*each)""").splitlines()
    assert said[0] == "(1, 12, 0)"
    calls = [line.rsplit(" ", 2) for line in said[1:]]
    for tag in sorted({text for text, *_ in calls}):
        offsets = [int(offset) for text, offset, _ in calls if text == tag]
        assert offsets == sorted(offsets), tag
    pixels = [(int(offset), int(span)) for text, offset, span in calls if text.startswith("Load/Image/")]
    assert len(pixels) >= 6 and pixels[-1] == (999, 1000)  # as ImageMagick counts
    assert pixels[0][0] < 200


@pytest.mark.parametrize("define", ["", '"omezarr:window=minmax"'])
def test_it_stops_anywhere(magick, store, define):
    """Stopped at any call: no image, one error that says so, nobody asked again; the next read is whole."""
    said = with_wand(magick, MONITOR + f"""
name = {str(store[0])!r}
assert read(name, {define}) == (1, 12, 0)
calls = len(seen)
assert calls > 10
for most in range(1, calls + 1):
    got = read(name, {define})
    assert got == (0, 0, 485), (most, got)  # MonitorError
    assert len(seen) == most, (most, len(seen))
most = None
print(read(name, {define}))""")
    assert said.split("\n")[0] == "(1, 12, 0)"


def test_threads(magick, store, tmp_path):
    """A program's threads read the same and other stores side by side."""
    pixels = store[1][:3, :300, :400]
    names = []
    for i in range(3):
        folder = tmp_path / f"{i}.ome.zarr"
        stores.write_image(folder, "0.4", "zyx", [pixels + i], [1, 1, 1], chunks=[2, 64, 64])
        names += [f"{folder}[{z}]" for z in range(3)]
    sums = [hashlib.sha256((pixels[z] + numpy.uint16(i)).tobytes()).hexdigest() for i in range(3) for z in range(3)]
    said = with_wand(magick, f"""
import hashlib, threading
names = {names!r}
sums = [None] * len(names) * 4
def work(first):
    for i in range(first, len(sums), 6):
        w = ctypes.c_void_p(wand.NewMagickWand())
        if wand.MagickReadImage(w, names[i % len(names)].encode()):
            buffer = ctypes.create_string_buffer(300 * 400 * 2)
            columns, rows = ctypes.c_size_t(400), ctypes.c_size_t(300)
            wand.MagickExportImagePixels(w, ctypes.c_ssize_t(0), ctypes.c_ssize_t(0), columns, rows, b"I", SHORT, buffer)
            sums[i] = hashlib.sha256(buffer.raw).hexdigest()
        wand.DestroyMagickWand(w)
SHORT = 7  # enum StorageType
threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(*sums)""")
    assert said.split() == sums * 4


def test_not_from_a_stream(magick, store):
    """One error that says why, from a pipe and from a program's file."""
    document = (store[0] / "zarr.json").read_bytes()
    for name in ("zarr:-", "OMEZARR:-"):
        said = magick.refused(name, "info:", input=document)
        assert "it is read by its name, and not from a stream" in said or "is not a folder" in said
    assert with_wand(magick, MONITOR + f"""
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen({str(store[0] / "zarr.json")!r}.encode(), b"rb"))
w = ctypes.c_void_p(wand.NewMagickWand())
wand.MagickSetFormat(w, b"OMEZARR")
wand.MagickSetFilename(w, b"OMEZARR:")
print(wand.MagickReadImageFile(w, file), wand.MagickGetNumberImages(w))""").split() == ["0", "0"]
