#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Import of a GeoTIFF against the same copy by decoding and encoding: pairs, interleaved, medians.

usage: import_bench.py BUILD WORK [zstd|deflate ...]
  BUILD  a Release build of the project      WORK  a folder with 8 GB free
  run it by a Python with GDAL's bindings and numpy; the rows are those of bench.py

Per codec 1 GiB of uint16 (32768 x 16384, tiles of 512 x 512, 12 bits of noise on a ramp), no levels in both. The result is
read back and compared, and the library's counters, by tests/clients/import_tiff, must say that nothing was decoded.
"""
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

import numpy
from osgeo import gdal

ROUNDS = 5
WIDTH, HEIGHT = 32768, 16384
OURS = {"zstd": "ZSTD", "deflate": "GZIP"}
gdal.UseExceptions()


def rows(y, n):
    """Lines y to y + n, the same in every run."""
    random = numpy.random.default_rng(y)
    ramp = (numpy.arange(WIDTH)[None, :] // 64 + numpy.arange(y, y + n)[:, None] // 64 + 1000).astype("uint16")
    return ramp + (random.integers(0, 64, (n, WIDTH), "uint16") & random.integers(0, 64, (n, WIDTH), "uint16"))


def source(work, codec):
    path = work / f"{codec}.tif"
    if not path.exists():
        options = ["TILED=YES", "BLOCKXSIZE=512", "BLOCKYSIZE=512", f"COMPRESS={codec.upper()}", "BIGTIFF=YES", "NUM_THREADS=ALL_CPUS"]
        dataset = gdal.GetDriverByName("GTiff").Create(str(work / "new.tif"), WIDTH, HEIGHT, 1, gdal.GDT_UInt16, options)
        for y in range(0, HEIGHT, 512):
            dataset.GetRasterBand(1).WriteArray(rows(y, 512), 0, y)
        dataset = None
        os.rename(work / "new.tif", path)
    return path


def translate(env, path, target, *options):
    shutil.rmtree(target, ignore_errors=True)
    words = ["gdal_translate", "-q", "-of", "OMEZarr", "-co", "PYRAMID=NO"]
    for option in options:
        words += ["-co", option]
    start = time.perf_counter()
    subprocess.run([*words, path, target], check=True, env=env)
    return time.perf_counter() - start


def check(env, target):
    code = """
import sys, numpy
sys.path.insert(0, sys.argv[2])
import import_bench
dataset = import_bench.gdal.Open(sys.argv[1])
for y in range(0, import_bench.HEIGHT, 512):
    assert (dataset.ReadAsArray(0, y, import_bench.WIDTH, 512) == import_bench.rows(y, 512)).all(), y
"""
    subprocess.run([sys.executable, "-c", code, target, pathlib.Path(__file__).resolve().parent], check=True, env=env)


def main():
    build, work = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    work.mkdir(parents=True, exist_ok=True)
    plugins = ":".join(map(str, [build / "gdal_driver", *pathlib.Path("/usr/lib").glob("*/gdalplugins")]))
    env = dict(os.environ, GDAL_DRIVER_PATH=plugins, GDAL_PAM_ENABLED="NO", PYTHONDONTWRITEBYTECODE="1")
    print("| what | import | encoded anew | **ratio** (quartiles) | |\n|---|---|---|---|---|")
    for codec in sys.argv[3:] or OURS:
        path, ours, theirs = source(work, codec), work / "import.ome.zarr", work / "encoded.ome.zarr"
        again = ["IMPORT=NO", f"COMPRESS={OURS[codec]}", "BLOCKSIZE=512", "CHECKSUM=" + ("NO" if codec == "zstd" else "YES")]
        translate(env, path, ours, "IMPORT=YES"), translate(env, path, theirs, *again)
        check(env, ours), check(env, theirs)
        pairs = [(translate(env, path, ours, "IMPORT=YES"), translate(env, path, theirs, *again)) for _ in range(ROUNDS)]
        shutil.rmtree(ours), shutil.rmtree(theirs)
        counters = subprocess.run([build / "tests/import_tiff", path, ours], check=True, capture_output=True, text=True).stdout
        assert "chunks_decoded 0 blocks_decoded 0 chunks_encoded 0" in counters, counters
        shutil.rmtree(ours)
        ratio = [b / a for a, b in pairs]
        q = statistics.quantiles(ratio, n=4)
        a, b = (statistics.median(p[i] for p in pairs) for i in (0, 1))
        print(f"| {codec}, {path.stat().st_size >> 20} MiB | {a:.3g} s | {b:.3g} s | **{statistics.median(ratio):.2f}** "
              f"({q[0]:.2f}-{q[2]:.2f}) | {' '.join(counters.split())} |", flush=True)


if __name__ == "__main__":
    main()
