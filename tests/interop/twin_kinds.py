# SPDX-License-Identifier: MIT
"""Twins of every kind, what goes into them, and what has to come out, page by page and level by level."""
import functools
import os
import subprocess

import numpy
from conftest import image


class Kind:
    """samples: PAGES (each plane is a page), PIXELS (channels interleaved in a page), PLANES (separate in a page)."""

    def __init__(self, dtype, axes, shape, levels, codec="zstd", samples="PAGES", tile=128, more=("shard=2",)):
        self.dtype, self.axes, self.shape, self.levels = numpy.dtype(dtype), axes, shape, levels
        self.codec, self.samples, self.tile, self.more = codec, samples, tile, more
        self.color = samples != "PAGES"
        self.channels = shape[axes.index("c")] if self.color else 1
        # Sizes of the axes that count pages.
        self.pages = [n for a, n in zip(axes, shape) if a not in ("y", "x") and not (a == "c" and self.color)]
        self.page_count = int(numpy.prod(self.pages, dtype=int))

    def level_shape(self, level):
        return tuple(self.shape[:-2]) + tuple(-(-n // 2**level) for n in self.shape[-2:])

    def index(self, page):
        """Where a page is on the axes before y and x; None: all of the axis (the channels of a color page)."""
        at = iter(numpy.unravel_index(page, self.pages)) if self.pages else iter(())
        return [None if a == "c" and self.color else int(next(at)) for a in self.axes[:-2]]

    def part(self, array, r):
        """A region of an array of a level in the order of pixels: (y, x), or (y, x, channel) for color."""
        index = tuple(slice(None) if i is None else i for i in self.index(r.page))
        part = array[index + (slice(r.y, r.y + r.height), slice(r.x, r.x + r.width))]
        return numpy.moveaxis(part, 0, -1) if self.color else part


# Beyond 4 GiB: pages for the programs that read whole ones, and a plane of the size of a slide. Shards are small because
# of tensorstore, see there.
LARGE = {
    "volume-u16-large": Kind("uint16", "zyx", (66, 4096, 8192), 3, "none", tile=256),
    "rgb-u8-large": Kind("uint8", "cyx", (3, 36000, 40961), 3, "none", "PIXELS", 256),
}
KINDS = {
    "plane-u8": Kind("uint8", "yx", (701, 903), 4),
    "plane-u8-none-8-levels": Kind("uint8", "yx", (1023, 1301), 8, "none"),
    "plane-u16-one-level": Kind("uint16", "yx", (515, 300), 1),
    "plane-i16-none": Kind("int16", "yx", (333, 444), 2, "none"),
    "plane-f32": Kind("float32", "yx", (600, 500), 3, tile=256),
    "volume-u16": Kind("uint16", "zyx", (5, 401, 333), 3),
    "volume-f32-none": Kind("float32", "zyx", (3, 301, 257), 2, "none"),
    "channels-i16": Kind("int16", "czyx", (2, 2, 290, 301), 3, tile=64),
    "hyperstack-u8": Kind("uint8", "tczyx", (2, 3, 2, 201, 155), 2, tile=48),
    "hyperstack-u16-none": Kind("uint16", "tczyx", (2, 2, 3, 210, 190), 3, "none", tile=64),
    "hyperstack-f32": Kind("float32", "tczyx", (2, 1, 2, 150, 250), 2, tile=112),
    "rgb-u8": Kind("uint8", "cyx", (3, 901, 1203), 4, samples="PIXELS"),
    "rgb-u8-none": Kind("uint8", "cyx", (3, 600, 700), 2, "none", "PIXELS", 256),
    "rgb-u8-stack": Kind("uint8", "tczyx", (2, 3, 2, 301, 257), 3, samples="PIXELS"),
    "rgb-u16": Kind("uint16", "cyx", (3, 411, 303), 3, samples="PIXELS"),
    "rgba-u8": Kind("uint8", "cyx", (4, 411, 303), 2, samples="PIXELS", more=("shard=2", "alpha=4")),
    "rgb-u8-planes": Kind("uint8", "cyx", (3, 411, 603), 3, samples="PLANES"),
}


def mean_of_rgba(array):
    """The colors weighed by alpha, where there is any; alpha itself as ever."""
    colors, alpha = array[:3].astype("float64"), array[3].astype("float64")
    part = [(colors[:, y::2, x::2], alpha[y::2, x::2]) for y in (0, 1) for x in (0, 1)]
    total, weight = numpy.zeros((3, *part[0][1].shape)), numpy.zeros(part[0][1].shape)
    for c, a in part:
        total[:, :a.shape[0], :a.shape[1]] += c * a
        weight[:a.shape[0], :a.shape[1]] += a
    plain = mean(array)
    plain[:3] = numpy.where(weight > 0, numpy.rint(total / numpy.maximum(weight, 1)), plain[:3])
    return plain


def write_large(kind, path):
    """Samples of a large kind: no plane and no tile of them like another, none of them fill."""
    height, width = kind.shape[-2:]
    base = image("uint16", (height // 8, width)) // 2 + 1
    with open(path, "wb") as file:
        for plane in range(int(numpy.prod(kind.shape[:-2]))):
            for y in range(0, height, len(base)):
                rows = base[:height - y].astype("uint32") + 1009 * plane + y
                (rows % 65521 + 1 if kind.dtype == "uint16" else rows % 251 + 1).astype(kind.dtype).tofile(file)


def part_of_large(kind, array, region):
    """What a region of a level has to be, from level 0."""
    f = 2**region.level
    below = region._replace(y=region.y * f, x=region.x * f, height=region.height * f, width=region.width * f)
    part = numpy.ascontiguousarray(kind.part(array, below))
    for _ in range(region.level):
        part = numpy.moveaxis(mean(numpy.moveaxis(part, -1, 0)), 0, -1) if kind.color else mean(part)
    return part


def mean(array):
    """Half the size in y and x: means over what lies inside of each 2 x 2 window, integers rounded half to even,
    floats summed row by row as they are."""
    wide = "float32" if array.dtype == "float32" else "float64"
    pads = [(0, 0)] * (array.ndim - 2) + [(0, n % 2) for n in array.shape[-2:]]
    inside = numpy.pad(numpy.ones(array.shape, wide), pads)
    values = numpy.pad(array.astype(wide), pads)
    total, count = (sum(a[..., y::2, x::2] for y in (0, 1) for x in (0, 1)) for a in (values, inside))
    return (numpy.rint(total / count) if array.dtype.kind in "iu" else total / count).astype(array.dtype)


@functools.lru_cache(maxsize=2)
def expected(name):
    """The levels of a kind."""
    kind = KINDS[name]
    levels = [image(kind.dtype, kind.shape)]
    while len(levels) < kind.levels:
        levels.append(mean(levels[-1]) if "alpha=4" not in kind.more else mean_of_rgba(levels[-1]))
    return levels


def make(kind, raw, path):
    """A twin from raw samples in C order, by a program that uses the library as anybody would."""
    words = [f"codec={kind.codec}", f"levels={kind.levels}", f"tile={kind.tile}", f"samples={kind.samples.lower()}", *kind.more]
    with open(raw, "rb") as pixels:
        subprocess.run([os.environ["OZR_MAKE_TWIN"], path, kind.dtype.name, kind.axes, ",".join(map(str, kind.shape)), *words],
                       stdin=pixels, check=True)


def make_kind(name, folder):
    path = folder / f"{name}.ozx"
    expected(name)[0].tofile(folder / "raw")
    make(KINDS[name], folder / "raw", path)
    (folder / "raw").unlink()
    return path
