# SPDX-License-Identifier: MIT
"""GDAL's own stress programs on our driver: multireadtest opens and reads one store from many threads,
testblockcache reads its blocks from several threads in three orders.

OZR_GDAL_AUTOTEST is as in test_gdal_autotest.py; both are compiled from there (Debian has libgtest-dev for the
newer versions of the second)."""
import os
import pathlib
import subprocess

import numpy
import pytest
from osgeo import gdal

AUTOTEST = pathlib.Path(os.environ["OZR_GDAL_AUTOTEST"])

HOW_GTEST_STARTS = """
#include "gtest/gtest.h"
int global_argc;
char **global_argv;
int main(int argc, char **argv)
{
    testing::InitGoogleTest(&argc, argv);
    global_argc = argc;
    global_argv = argv;
    return RUN_ALL_TESTS();
}
"""


def compiled(folder, source):
    program = folder / source.stem
    flags = subprocess.run(["gdal-config", "--cflags"], check=True, capture_output=True, text=True).stdout.split()
    words = ["g++", "-std=c++17", "-O1", "-w", *flags, "-I", str(AUTOTEST / "cpp"), str(source)]
    libraries = ["-lgdal", "-lpthread"]
    if "gtest_include.h" in source.read_text():
        (folder / "main.cpp").write_text(HOW_GTEST_STARTS)
        words.append(str(folder / "main.cpp"))
        libraries.append("-lgtest")
    done = subprocess.run(words + ["-o", str(program)] + libraries, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return program


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    target = str(tmp_path_factory.mktemp("store") / "noise.ome.zarr")
    pixels = numpy.random.default_rng(1).integers(0, 256, (3, 700, 900), "uint8")
    source = gdal.GetDriverByName("MEM").Create("", 900, 700, 3)
    for i in range(3):
        source.GetRasterBand(i + 1).WriteArray(pixels[i])
    assert gdal.GetDriverByName("OMEZarr").CreateCopy(target, source, options=["BLOCKSIZE=64"]) is not None
    return target


def passes(program, *words):
    done = subprocess.run([str(program), *words], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    for bad in ("ERROR", "ailed", "wrong", "expected"):
        assert bad not in done.stderr, done.stderr[-2000:]
    return done.stdout


def test_multireadtest(tmp_path, store):
    program = compiled(tmp_path, AUTOTEST.parent / "apps/multireadtest.cpp")
    for more in ([], ["-lock_on_open"], ["-open_in_main"]):
        passes(program, "-t", "4", "-i", "3", *more, store)


def test_testblockcache(tmp_path, store):
    program = compiled(tmp_path, AUTOTEST / "cpp/testblockcache.cpp")
    for strategy in ("random", "line", "block"):
        passes(program, "-threads", "4", "-loops", "2", "-strategy", strategy, store)
