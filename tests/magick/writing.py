# SPDX-License-Identifier: MIT
"""What the tests of writing share: pixels for ImageMagick, and what is in a store that it made."""
import json
import pathlib

import numpy
import stores

# Chunks as files of raw bytes, which numpy reads alone.
RAW = ["-define", "omezarr:compression=none", "-define", "omezarr:shard=none"]


def gray(shape, seed=1):
    """Noise on a slope, uint16; every plane another one."""
    generator = numpy.random.default_rng(seed)
    slope = numpy.linspace(0, 60000, shape[-1]) + numpy.arange(shape[-2])[:, None]
    return (slope * 0.9 + generator.integers(0, 5000, shape)).astype("<u2")


def feed(magick, pixels, beside):
    """Words that make ImageMagick have these pixels: (images, rows, columns[, channels]), any type of 8 to 64 bits."""
    kind = {1: "gray", 3: "rgb", 4: "rgba"}[pixels.shape[3] if pixels.ndim == 4 else 1]
    files = []
    for i, plane in enumerate(pixels):
        path = pathlib.Path(f"{beside}-{i}.{kind}")
        path.write_bytes(plane.tobytes())
        files.append(f"{kind}:{path}")
    rows, columns = pixels.shape[1:3]
    return ["-depth", 8 * pixels.dtype.itemsize, "-endian", "LSB", "-size", f"{columns}x{rows}", *files]


def write(magick, target, pixels, *words, raw=RAW):
    """pixels (images, rows, columns[, channels]) to a store of raw chunks."""
    extra = [w for w in words]
    defines = extra if "quantum:format=floating-point" in extra else []
    folder = target.parent / (target.name + ".in")
    folder.mkdir(exist_ok=True)
    return magick.write(target, *defines, *feed(magick, pixels, folder / "p"), *raw, *extra)


def group(store):
    """What the group says under `ome` (0.5), or beside all else (0.4)."""
    return stores.read_group(store)[0]


def multiscales(store):
    return group(store)["multiscales"][0]


def level0(store):
    return stores.read_array(pathlib.Path(store) / multiscales(store)["datasets"][0]["path"])


def array_document(store, level=0):
    folder = pathlib.Path(store) / multiscales(store)["datasets"][level]["path"]
    name = "zarr.json" if (folder / "zarr.json").exists() else ".zarray"
    return json.loads((folder / name).read_text())


def shape_of(store):
    """("zyx", (3, 20, 30))"""
    return "".join(a["name"] for a in multiscales(store)["axes"]), tuple(array_document(store)["shape"])


def files_of(folder):
    """Every file below a folder, and its bytes. The empty lock file of stores that grow does not count."""
    folder = pathlib.Path(folder)
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file() and
            not (p.name == ".ozr-lock" and (p.parent / ".zgroup").exists() | (p.parent / "zarr.json").exists())}
