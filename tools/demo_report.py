#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""demo_report.py IMAGE STORE PNG SECONDS: compare the store with its source, print what was
made and how fast, and draw one plane of every level side by side."""
import os
import sys

import numpy
from osgeo import gdal

gdal.UseExceptions()
HEIGHT = 360  # of the picture, in pixels
GAP = 8


def stored(path):
    sizes = [os.path.getsize(os.path.join(base, name)) for base, _, names in os.walk(path) for name in names]
    return sum(sizes), len(sizes)


def compare(source, result):
    """Every band, a strip of rows at a time."""
    for number in range(1, source.RasterCount + 1):
        one, two = source.GetRasterBand(number), result.GetRasterBand(number)
        for row in range(0, source.RasterYSize, 1024):
            rows = min(1024, source.RasterYSize - row)
            window = (0, row, source.RasterXSize, rows)
            if not numpy.array_equal(one.ReadAsArray(*window), two.ReadAsArray(*window), equal_nan=one.DataType in (6, 7)):
                sys.exit(f"band {number} differs from the source in rows {row} to {row + rows - 1}")


def level_bands(dataset):
    """The bands to draw (one, or three of an RGB image), for each level."""
    rgb = dataset.RasterCount in (3, 4) and dataset.GetRasterBand(1).DataType == gdal.GDT_Byte
    numbers = [1, 2, 3] if rgb else [dataset.RasterCount // 2 + 1]
    first = [dataset.GetRasterBand(n) for n in numbers]
    yield first
    for level in range(first[0].GetOverviewCount()):
        yield [band.GetOverview(level) for band in first]


def tile(bands, low, high):
    """A level, drawn HEIGHT pixels high with its own pixels visible."""
    height = HEIGHT
    width = max(1, round(bands[0].XSize * height / bands[0].YSize))
    planes = [band.ReadAsArray(buf_xsize=width, buf_ysize=height).astype(float) for band in bands]
    grey = [numpy.clip((p - low) * 255 / ((high - low) or 1), 0, 255).astype(numpy.uint8) for p in planes]
    return numpy.stack(grey * (3 // len(grey)))


def draw(dataset, path):
    levels = list(level_bands(dataset))
    smallest = numpy.stack([b.ReadAsArray() for b in levels[-1]]).astype(float)
    valid = smallest[numpy.isfinite(smallest)]
    low, high = numpy.percentile(valid[valid != 0] if (valid != 0).any() else valid, (3, 99.7))
    tiles = [tile(bands, low, high) for bands in levels]
    gap = numpy.full((3, HEIGHT, GAP), 255, numpy.uint8)
    strip = numpy.concatenate([part for t in tiles for part in (t, gap)][:-1], axis=2)
    memory = gdal.GetDriverByName("MEM").Create("", strip.shape[2], strip.shape[1], 3, gdal.GDT_Byte)
    memory.WriteArray(strip)
    gdal.SetConfigOption("GDAL_PAM_ENABLED", "NO")
    gdal.GetDriverByName("PNG").CreateCopy(path, memory)
    return [f"{bands[0].XSize} x {bands[0].YSize}" for bands in levels]


def main():
    image, store, png, seconds = sys.argv[1:]
    source, result = gdal.Open(image), gdal.Open(store)
    compare(source, result)
    sizes = draw(result, png)
    band = source.GetRasterBand(1)
    raw = source.RasterXSize * source.RasterYSize * source.RasterCount * (gdal.GetDataTypeSize(band.DataType) // 8)
    size, files = stored(store)
    print(f"{result.RasterCount} bands of {result.RasterXSize} x {result.RasterYSize}, "
          f"{gdal.GetDataTypeName(band.DataType)}: every pixel is equal to the source's")
    print(f"{len(sizes)} levels: {', '.join(sizes)}")
    print(f"{raw / 1e6:.1f} MB became {size / 1e6:.1f} MB in {files} files, pyramid included, "
          f"in {float(seconds):.2f} s ({raw / 1e6 / float(seconds):.0f} MB/s)")


if __name__ == "__main__":
    main()
