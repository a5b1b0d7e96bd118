# SPDX-License-Identifier: MIT
"""What the GDAL tests share: errors as values, images to convert, the folder of real ones."""
import contextlib
import hashlib
import os
import pathlib
import subprocess

import numpy
import pytest
from osgeo import gdal

gdal.DontUseExceptions()
VERSION = int(gdal.VersionInfo())
if gdal.GetDriverByName("OMEZarr") is None:
    pytest.exit("GDAL did not load the driver from GDAL_DRIVER_PATH=" + os.environ.get("GDAL_DRIVER_PATH", ""), 1)


# Bands do not keep their dataset alive in Python; the tests' datasets live as long as their test.
alive = []


@pytest.fixture(autouse=True)
def let_go():
    yield
    alive.clear()


class Messages(list):
    """What GDAL said: (class, number, text)."""

    def errors(self):
        return [text for kind, _, text in self if kind >= gdal.CE_Failure]

    def warnings(self):
        return [text for kind, _, text in self if kind == gdal.CE_Warning]


@contextlib.contextmanager
def heard():
    said = Messages()
    gdal.ErrorReset()
    gdal.PushErrorHandler(lambda kind, number, text: said.append((kind, number, text)))
    try:
        yield said
    finally:
        gdal.PopErrorHandler()


def opened(name, *options, errors=0):
    """Open with our driver alone; the dataset and what was said."""
    with heard() as said:
        dataset = gdal.OpenEx(str(name), gdal.OF_RASTER, ["OMEZarr"], list(options))
    assert len(said.errors()) == errors, said
    assert (dataset is None) == (errors > 0)
    alive.append(dataset)
    return dataset, said


def open_quietly(name, *options):
    return opened(name, *options)[0]


def run(*words):
    return subprocess.run([str(w) for w in words], capture_output=True, text=True)


def memory_raster(pixels, data_type=None):
    """A MEM dataset of an array (band, y, x)."""
    from osgeo import gdal_array
    bands, lines, samples = pixels.shape
    code = data_type or gdal_array.NumericTypeCodeToGDALTypeCode(pixels.dtype)
    dataset = gdal.GetDriverByName("MEM").Create("", samples, lines, bands, code)
    for i in range(bands):
        dataset.GetRasterBand(i + 1).WriteArray(pixels[i])
    return dataset


def copied(source, target, *options, errors=0, callback=None, strict=0):
    """CreateCopy with our driver; the dataset and what was said."""
    with heard() as said:
        dataset = gdal.GetDriverByName("OMEZarr").CreateCopy(str(target), source, strict, list(options), callback)
    assert len(said.errors()) == errors, said
    assert (dataset is None) == (errors > 0)
    assert not [text for text in said.warnings() if "SIGNEDBYTE" in text], "3.7 warns whoever asks for PIXELTYPE"
    alive.append(dataset)
    return dataset, said


def pattern(*shape, dtype="uint16"):
    """Pixels that are all different from their neighbours on every axis."""
    index = numpy.indices(shape).reshape(len(shape), -1)
    weights = numpy.array([7919, 131, 17, 1][-len(shape):]).reshape(-1, 1)
    return (index * weights).sum(axis=0).reshape(shape).astype(dtype)


def reduced(pixels, factors):
    """The mean of windows, cut at the edges, ties to even: as tensorstore's downsample driver."""
    values = pixels.astype("float64")
    for axis, f in enumerate(factors):
        starts = numpy.arange(0, values.shape[axis], f)
        values = numpy.add.reduceat(values, starts, axis=axis)
    counts = numpy.ones([1] * pixels.ndim)
    for axis, f in enumerate(factors):
        n = numpy.full(-(-pixels.shape[axis] // f), f)
        n[-1] = pixels.shape[axis] - f * (len(n) - 1)
        counts = counts * n.reshape([-1 if a == axis else 1 for a in range(pixels.ndim)])
    mean = values / counts
    return mean if pixels.dtype.kind == "f" else numpy.rint(mean).astype(pixels.dtype)


def fingerprint(folder):
    """Every file below a folder with its bytes."""
    folder = pathlib.Path(folder)
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="session")
def data():
    beside = pathlib.Path(__file__).resolve().parents[3] / "shared"
    folder = pathlib.Path(os.environ.get("OZR_SHARED") or beside) / "data"
    if not folder.is_dir():
        give_up = pytest.fail if os.environ.get("OZR_REQUIRE_SHARED") == "1" else pytest.skip
        give_up(f"{folder}: the folder of real images is not here (OZR_SHARED)")
    return folder.resolve()
