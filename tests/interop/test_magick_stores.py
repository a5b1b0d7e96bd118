# SPDX-License-Identifier: MIT
"""Stores that ImageMagick has written, read by zarr-python 3 and tensorstore: every level equals what tensorstore's
own downsampling makes of the one before, and ome-zarr-models finds nothing to say."""
import importlib.util
import pathlib
import sys

import numpy
import pytest
import tensorstore
import zarr
from conftest import image
from test_written_stores import multiscale, open_tensorstore, validate

MAGICK = pathlib.Path(__file__).resolve().parents[1] / "magick"
sys.path.append(str(MAGICK))


def load(name, path):
    """The ImageMagick tests' conftest.py, which has the name of ours."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


magick_conftest = load("magick_conftest", MAGICK / "conftest.py")
magick, module = magick_conftest.magick, magick_conftest.module

from writing import feed  # noqa: E402 (after the path)

# name: (dtype, shape (image, y, x[, color]), defines)
CASES = {
    "plane-u8": ("uint8", (1, 700, 901), []),
    "plane-u16-v04": ("uint16", (1, 700, 901), ["version=0.4"]),
    "stack-u16": ("uint16", (150, 200, 170), []),
    "stack-u16-v04": ("uint16", (50, 200, 170), ["version=0.4"]),
    "stack-u8-anisotropic": ("uint8", (40, 500, 400), ["pixel-size=1", "z-spacing=4"]),
    "stack-odd-chunks": ("uint16", (33, 301, 257), ["chunk=7x50x61", "shard=21x150x122"]),
    "rgb-u8": ("uint8", (1, 513, 300, 3), []),
    "rgb-stack-u16": ("uint16", (5, 260, 300, 3), ["compression=zstd"]),
    "five-axes": ("uint16", (12, 270, 280), ["axes=tczyx", "size-t=2", "size-c=2", "size-z=3"]),
    "gzip-v04": ("uint8", (3, 300, 310), ["version=0.4", "compression=gzip"]),
    "nearest": ("uint16", (1, 600, 500), ["method=nearest"]),
    "no-shards": ("uint16", (1, 1100, 1200), ["shard=none", "chunk=256"]),
    "one-level": ("uint8", (1, 1000, 1200), ["levels=1"]),
    "int16": ("uint16", (4, 300, 200), ["dtype=int16", "method=mode"]),
    "labels": ("uint16", (1, 600, 500), ["label=true", "method=mode"]),
    "label-volume-u32": ("uint16", (20, 140, 150), ["label=true", "method=mode", "dtype=uint32", "version=0.4"]),
    "alpha-stack": ("uint8", (3, 40, 50, 4), []),
    "tiny": ("uint8", (1, 1, 1), []),
}
METHODS = {"mean": "mean", "nearest": "stride", "mode": "mode"}


def check_levels(store, version, method, axes=None):
    """All levels but the first; what level 0 holds is given back."""
    entry, found, zarr_format = multiscale(store)
    assert found == version and (axes is None or "".join(a["name"] for a in entry["axes"]) == axes)
    validate(store, version)
    previous, first = None, None
    for number, dataset in enumerate(entry["datasets"]):
        values = open_tensorstore(store / dataset["path"], zarr_format).read().result()
        numpy.testing.assert_array_equal(zarr.open_array(store / dataset["path"], mode="r")[...], values)
        scale = dataset["coordinateTransformations"][0]["scale"]
        if previous is None:
            first = values
        else:
            factors = [round(b / a) for a, b in zip(previous_scale, scale)]
            want = tensorstore.downsample(tensorstore.array(previous), factors, METHODS[method]).read().result()
            numpy.testing.assert_array_equal(values, want, err_msg=f"level {number}")
        previous, previous_scale = values, scale
    return first


@pytest.mark.parametrize("name", CASES)
def test_levels(name, magick, tmp_path):
    dtype, shape, defines = CASES[name]
    pixels = image(dtype, shape)
    options = dict(d.split("=") for d in defines)
    words = [word for d in defines for word in ("-define", f"omezarr:{d}")]
    store = magick.write(tmp_path / "out.ome.zarr", *feed(magick, pixels, tmp_path / "p"), *words)
    values = check_levels(store, options.get("version", "0.5"), options.get("method", "mean"), options.get("axes"))
    want = numpy.moveaxis(pixels, 3, 0) if pixels.ndim == 4 else pixels
    if "size-t" in options:
        want = want.reshape([int(options[f"size-{a}"]) for a in "tcz"] + list(shape[1:3]))
    elif shape[0] == 1:
        want = want[:, 0] if pixels.ndim == 4 else want[0]
    if options.get("dtype") == "int16":
        want = (want.astype(int) - 32768).astype("int16")
    numpy.testing.assert_array_equal(values, want)
    assert values.dtype == options.get("dtype", want.dtype)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_appended(magick, tmp_path, version):
    """Slice by slice, then rechunked."""
    pixels = image("uint16", (9, 300, 260))
    store = tmp_path / "out.ome.zarr"
    defines = ["-define", "omezarr:append=true", "-define", f"omezarr:version={version}"]
    for i in range(9):
        magick.write(store, *feed(magick, pixels[i:i + 1], tmp_path / f"p{i}"), *defines)
        if i in (0, 5, 8):
            numpy.testing.assert_array_equal(check_levels(store, version, "mean", "zyx"), pixels[:i + 1])
    magick.write(store, *feed(magick, pixels[:1], tmp_path / "last"), *defines, "-define", "omezarr:rechunk=true")
    numpy.testing.assert_array_equal(check_levels(store, version, "mean", "zyx"), numpy.concatenate([pixels, pixels[:1]]))


def test_heart(magick, shared, tmp_path):
    """A real volume: its slices become a volume again."""
    heart = shared / "data/hoa_heart.zarr"
    pixels = zarr.open_array(heart, mode="r")[...]
    magick.convert(f"OMEZARR:{heart}[60]", tmp_path / "60.pgm", ok="warned")
    magick.convert(f"OMEZARR:{heart}", tmp_path / "slice_%03d.png", ok="warned")
    slices = sorted(tmp_path.glob("slice_*.png"))
    store = magick.write(tmp_path / "heart.ome.zarr", *slices)
    numpy.testing.assert_array_equal(check_levels(store, "0.5", "mean", "zyx"), pixels)
    magick.convert(store, tmp_path / "again_%03d.png")
    kind = numpy.dtype(pixels.dtype)
    for i in (0, 60, len(pixels) - 1):
        raw = magick.convert(tmp_path / f"again_{i:03}.png", "-depth", 8 * kind.itemsize, "-endian", "LSB", "gray:-").stdout
        numpy.testing.assert_array_equal(numpy.frombuffer(raw, kind.newbyteorder("<")).reshape(pixels.shape[1:]), pixels[i])
