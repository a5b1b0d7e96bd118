#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Somebody pans and zooms: 1000 views of 1024 x 768 pixels on 4 levels of a raster, through GDAL's raster API.

usage: replay.py RASTER [DRIVER]
  DRIVER  the only one that may open RASTER; prints seconds for all views and a checksum of what was seen.

The walk is the same for every reader: runs of small steps within a level (as when a map is dragged), now and
then a step to the next finer or coarser level about the same centre.
"""
import random
import sys
import time
import zlib

from osgeo import gdal

gdal.UseExceptions()
VIEW = (1024, 768)
LEVELS = 4


def walk(width, height, count=1000):
    """(x, y, width, height) of each view, in full-resolution pixels."""
    generator = random.Random(7)
    level, x, y = LEVELS - 1, width / 2, height / 2
    for _ in range(count):
        if generator.random() < 0.1:
            level = min(LEVELS - 1, max(0, level + generator.choice((-1, 1))))
            x, y = x + generator.uniform(-200, 200) * 2**level, y + generator.uniform(-200, 200) * 2**level
        else:
            x += generator.uniform(-300, 300) * 2**level
            y += generator.uniform(-300, 300) * 2**level
        w, h = VIEW[0] << level, VIEW[1] << level
        x, y = min(max(x, w / 2), width - w / 2 - 1), min(max(y, h / 2), height - h / 2 - 1)
        # on whole pixels of the level, so that every reader takes the same ones
        left, top = (int((centre - size / 2)) >> level << level for centre, size in ((x, w), (y, h)))
        yield left, top, w, h


def main():
    drivers = sys.argv[2:3] or None
    start = time.perf_counter()
    dataset = gdal.OpenEx(sys.argv[1], gdal.OF_RASTER, allowed_drivers=drivers)
    check = 0
    for left, top, w, h in walk(dataset.RasterXSize, dataset.RasterYSize):
        pixels = dataset.GetRasterBand(1).ReadAsArray(left, top, w, h, *VIEW)
        check = zlib.crc32(pixels[::64].tobytes(), check)
    print(f"{time.perf_counter() - start:.6f} {check:08x} {dataset.GetRasterBand(1).GetOverviewCount()}")


if __name__ == "__main__":
    main()
