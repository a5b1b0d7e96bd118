# SPDX-License-Identifier: MIT
"""The program of docs/distributed.md, as it stands there: eight processes fill one store and build its levels. The
result is that of a single process, also when some are killed. OZR_LONG: 4 GiB."""
import hashlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy
import pytest

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "distributed.md"
SIZE = ("64", "130", "150")
OPTIONS = ("BLOCKSIZE=16", "SHARDSIZE=32", "NAME=n")

# The same pixels through one handle, whose levels follow as always.
SINGLE = """
import sys
sys.path.insert(0, sys.argv[1])
import fill
size, options = tuple(map(int, sys.argv[3:6])), sys.argv[6:]
image = fill.gdal.GetDriverByName("OMEZarr").Create(sys.argv[2], size[2], size[1], size[0], fill.gdal.GDT_UInt16,
                                                    ["BAND_AXIS=Z", *options])
for start, shape in fill.blocks(size, (64, size[1], size[2])):
    image.WriteArray(fill.pixels(start, shape), start[2], start[1], band_list=list(range(start[0] + 1, start[0] + 1 + shape[0])))
image.FlushCache()
"""


@pytest.fixture
def program(tmp_path):
    """The one block of Python on the page, as a file."""
    (text,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), flags=re.M | re.S)
    (tmp_path / "fill.py").write_text(text)
    return tmp_path / "fill.py"


def start(gdal, program, store, size=SIZE, options=OPTIONS):
    words = [sys.executable, program, store, "--size", *size, *(word for one in options for word in ("--co", one))]
    return subprocess.Popen([*map(str, words)], env=gdal.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def assert_no_errors(process, stderr):
    """Nothing from GDAL, and no task that failed and was done again. Dask's own log may tell of connections that it
    lost while it shut down."""
    assert process.returncode == 0, stderr
    assert not re.search(r"^ERROR \d+: |Compute Failed", stderr, flags=re.M), stderr


def finish(process):
    """What it printed; errors may not be among it."""
    stdout, stderr = process.communicate()
    assert_no_errors(process, stderr)
    return stdout


def single(gdal, program, store, size=SIZE, options=OPTIONS):
    gdal.run(sys.executable, "-c", SINGLE, program.parent, store, *size, *options)


def chunks(store):
    """The files of all levels, without what killed processes leave."""
    found = {}
    for path in store.rglob("c/**/*"):
        if path.is_file() and not path.name.startswith(".ozr-tmp-"):
            with path.open("rb") as file:
                found[str(path.relative_to(store))] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def workers(parent):
    """The processes that dask has started."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            status, command = (entry / "stat").read_text(), (entry / "cmdline").read_text()
        except OSError:
            continue  # it has just ended
        if int(status.rpartition(")")[2].split()[1]) == parent and "spawn_main" in command:
            found.append(int(entry.name))
    return found


def wait_for(process, words):
    for line in process.stdout:
        if line.startswith(words):
            return
    raise AssertionError(process.communicate()[1])


def test_equal_to_one_process(gdal, program, tmp_path):
    single(gdal, program, tmp_path / "single.ome.zarr")
    said = finish(start(gdal, program, tmp_path / "many.ome.zarr"))
    assert "blocks: 50 of 50" in said and "level 1: " in said
    assert chunks(tmp_path / "many.ome.zarr") == chunks(tmp_path / "single.ome.zarr") != {}
    expected = numpy.fromfunction(lambda z, y, x: ((y * 13 + x * 3 ^ y * x >> 7) + z * 7) % 4093, [*map(int, SIZE)], dtype=int)
    numpy.testing.assert_array_equal(gdal.read(tmp_path / "many.ome.zarr", tmp_path), expected)


def test_one_worker_is_killed(gdal, program, tmp_path):
    """Its work is done by others, in the same run."""
    single(gdal, program, tmp_path / "single.ome.zarr")
    process = start(gdal, program, tmp_path / "many.ome.zarr")
    wait_for(process, "blocks: 3 ")
    found = workers(process.pid)
    assert len(found) == 8
    os.kill(found[0], signal.SIGKILL)
    _, stderr = process.communicate()  # dask tells of the worker
    assert process.returncode == 0, stderr
    assert chunks(tmp_path / "many.ome.zarr") == chunks(tmp_path / "single.ome.zarr")


def test_all_are_killed(gdal, program, tmp_path):
    """The next run goes on."""
    store = tmp_path / "many.ome.zarr"
    single(gdal, program, tmp_path / "single.ome.zarr")
    for _ in range(10):
        shutil.rmtree(store, ignore_errors=True)
        process = start(gdal, program, store)
        wait_for(process, "blocks: 3 ")
        for pid in [process.pid, *workers(process.pid)]:
            os.kill(pid, signal.SIGKILL)
        process.communicate()
        half = chunks(store)
        if '"pyramid"' in (store / "zarr.json").read_text():
            break  # else it had been complete before
    else:
        raise AssertionError("never killed in the middle")
    assert 3 <= len(half)
    finish(start(gdal, program, store))
    assert chunks(store) == chunks(tmp_path / "single.ome.zarr")
    assert finish(start(gdal, program, store)) == "complete\n"


@pytest.mark.skipif(not os.environ.get("OZR_LONG"), reason="4 GiB: only with OZR_LONG")
def test_large(gdal, program, tmp_path):
    size = ("1024", "1024", "2048")
    begun = time.monotonic()
    single(gdal, program, tmp_path / "single.ome.zarr", size, ())
    alone = time.monotonic()
    process = start(gdal, program, tmp_path / "many.ome.zarr", size, ())
    wait_for(process, "blocks: 20 ")
    os.kill(workers(process.pid)[0], signal.SIGKILL)
    peak = 0
    for _ in process.stdout:
        resident = 0
        for pid in workers(process.pid):
            try:
                resident += int((pathlib.Path("/proc") / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
            except OSError:
                pass
        peak = max(peak, resident)
    _, stderr = process.communicate()
    assert_no_errors(process, stderr)
    print(f"one process: {alone - begun:.0f} s; eight: {time.monotonic() - alone:.0f} s, {peak >> 20} MiB")
    assert chunks(tmp_path / "many.ome.zarr") == chunks(tmp_path / "single.ome.zarr")
