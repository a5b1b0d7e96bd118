# SPDX-License-Identifier: MIT
"""What goes wrong while writing, and what goes on at the same time: files that may not grow, threads, little memory."""
import os
import resource
import signal
import subprocess

import numpy
import pytest
import stores
from reading import noise
from test_front_ends import with_wand
from writing import RAW, feed, files_of, gray, level0

APPEND = ["-define", "omezarr:append=true"]


def limited(magick, *words, kib=96):
    """convert, whose files may not be larger than that: a full disk."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (kib << 10, kib << 10))
    done = subprocess.run(magick.command("convert") + [str(w) for w in words], env=magick.environment(), capture_output=True,
                          text=True, preexec_fn=limit, timeout=120, restore_signals=False)
    assert done.returncode > 0, done
    return done.stderr


@pytest.fixture
def store(magick, tmp_path):
    folder = tmp_path / "place"
    folder.mkdir()
    return magick.write(folder / "a.ome.zarr", *feed(magick, gray((3, 40, 50)), tmp_path / "old"), *RAW)


def test_full_disk(magick, store, tmp_path):
    """No new store, and the old one byte for byte."""
    words = feed(magick, gray((2, 600, 500)), tmp_path / "new")
    before = files_of(store)
    for target, more in ((store.parent / "b.zarr", []), (store, ["-define", "omezarr:overwrite=true"])):
        said = limited(magick, *words, *RAW, *more, target)
        assert len(said.splitlines()) == 1 and target.name in said, said
        assert files_of(store) == before and [p.name for p in store.parent.iterdir()] == ["a.ome.zarr"]


def test_full_disk_while_appending(magick, tmp_path):
    """The store stays as readers know it; when there is room again the next append completes it."""
    pixels = numpy.concatenate([gray((2, 300, 260)) // 4000 * 4000, noise((1, 300, 260))])
    grows = tmp_path / "a.zarr"
    for plane in pixels[:2]:
        magick.convert(*feed(magick, plane[None], tmp_path / "p"), *APPEND, grows)
    before = magick.pixels(grows)
    said = limited(magick, *feed(magick, pixels[2:], tmp_path / "last"), *APPEND, grows)
    assert len(said.splitlines()) == 1, said
    numpy.testing.assert_array_equal(magick.pixels(grows), before)
    magick.convert(*feed(magick, pixels[2:], tmp_path / "last"), *APPEND, grows)
    numpy.testing.assert_array_equal(magick.pixels(grows), pixels)
    levels = [magick.pixels(grows, "-define", f"omezarr:level={i}") for i in range(2)]
    mean = levels[0].reshape(3, 150, 2, 130, 2).mean(axis=(2, 4))
    numpy.testing.assert_array_equal(levels[1], numpy.rint(mean))


def peak(magick, *words):
    """KiB that a command has had in memory at most."""
    child = subprocess.Popen(magick.command("convert") + [str(w) for w in words], env=magick.environment())
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = status
    assert status == 0
    return usage.ru_maxrss


def test_memory_of_appending(magick, tmp_path):
    """It does not grow with the number of slices."""
    if magick.sanitized:
        pytest.skip("sanitizers keep what was freed")
    *head, slice_ = feed(magick, gray((1, 700, 800)), tmp_path / "p")

    def appended(n, name):
        words = [word for _ in range(n) for word in (slice_, "-write", tmp_path / name, "+delete")]
        return peak(magick, *RAW, *APPEND, *head, *words, "xc:red", "null:")
    few, many = appended(4, "few.zarr"), appended(60, "many.zarr")
    assert stores.read_image(tmp_path / "many.zarr")[0][0].shape[0] == 60
    assert many < few + 3000


def test_threads(magick, tmp_path):
    """A program's threads write stores of their own side by side."""
    pixels = gray((4, 200, 180))
    words = feed(magick, pixels, tmp_path / "in")
    for i in range(4):
        magick.convert(*words[:-4], words[-4 + i], tmp_path / f"{i}.miff")
    said = with_wand(magick, f"""
import threading
folder, options = {str(tmp_path)!r}, {[w.split("=") for w in RAW if w != "-define"]!r}
said = []
def work(i):
    for turn in range(3):
        w = ctypes.c_void_p(wand.NewMagickWand())
        good = all(wand.MagickReadImage(w, f"{{folder}}/{{(i + k) % 4}}.miff".encode()) for k in range(4))
        for key, value in options:
            wand.MagickSetOption(w, key.encode(), value.encode())
        good = good and wand.MagickWriteImages(w, f"{{folder}}/out-{{i}}-{{turn}}.zarr".encode(), 1)
        said.append(good)
        wand.DestroyMagickWand(w)
threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(*said)""")
    assert said.split() == ["1"] * 12
    for i in range(4):
        for turn in range(3):
            numpy.testing.assert_array_equal(level0(tmp_path / f"out-{i}-{turn}.zarr"), numpy.roll(pixels, -i, axis=0))
