# SPDX-License-Identifier: MIT
"""Stock GDAL programs with our driver, and images as numpy arrays on both sides.

GDAL is only used through its programs: the peers live in a virtual environment of their own.
"""
import glob
import os
import pathlib
import subprocess

import numpy
import pytest

# Run by Debian's Python, which has GDAL's bindings: numpy files in and out.
READ = """
import sys, numpy
from osgeo import gdal
gdal.UseExceptions()
pixels = gdal.Open(sys.argv[1]).ReadAsArray()
numpy.save(sys.argv[2], pixels if pixels.ndim == 3 else pixels[None])
"""
WRITE = """
import sys, numpy
from osgeo import gdal, gdal_array
gdal.UseExceptions()
gdal_array.SaveArray(numpy.load(sys.argv[1]), sys.argv[2], "GTiff")
"""


class Gdal:
    """Runs a GDAL program; raises with its messages when it fails."""

    def __init__(self):
        folders = [os.environ["OZR_DRIVER_FOLDER"]] + glob.glob("/usr/lib/*/gdalplugins")
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("GDAL_", "CPL_", "PYTHON"))}
        self.env = dict(keep, GDAL_DRIVER_PATH=":".join(folders), GDAL_PAM_ENABLED="NO")

    def run(self, *words):
        done = subprocess.run([*map(str, words)], env=self.env, capture_output=True, text=True)
        if done.returncode or "ERROR" in done.stderr:
            raise RuntimeError(f"{' '.join(map(str, words[-6:]))}: status {done.returncode}\n{done.stderr}")
        return done.stdout

    def __call__(self, program, *args):
        return self.run("/usr/bin/" + program, *args)

    def read(self, name, folder, *args):
        """The bands of a dataset as one array (band, y, x). args: of gdal_translate, for a part of it."""
        folder = pathlib.Path(folder)
        if args:
            self("gdal_translate", "-q", "-of", "VRT", *args, name, folder / "read.vrt")
            name = folder / "read.vrt"
        self.run("/usr/bin/python3", "-c", READ, name, folder / "read.npy")
        return numpy.load(folder / "read.npy")

    def write(self, pixels, path):
        """pixels (band, y, x) as a GeoTIFF; returns its path."""
        numpy.save(path.with_suffix(".npy"), pixels)
        self.run("/usr/bin/python3", "-c", WRITE, path.with_suffix(".npy"), path)
        return path


@pytest.fixture(scope="session")
def gdal():
    return Gdal()


@pytest.fixture(scope="session")
def shared():
    folder = pathlib.Path(os.environ.get("OZR_SHARED", "../shared"))
    if not folder.is_dir():
        pytest.skip("OZR_SHARED names no folder: other people's suites are not here")
    return folder


def image(dtype, shape, seed=1):
    """A smooth image with noise over the whole range of the type, and a patch of zeros (missing chunks)."""
    random = numpy.random.default_rng(seed)
    grid = numpy.meshgrid(*[numpy.linspace(0, 3, n) for n in shape], indexing="ij", sparse=True)
    smooth = sum(numpy.sin(g + i) for i, g in enumerate(grid))
    smooth = (smooth - smooth.min()) / max(smooth.max() - smooth.min(), 1e-9)
    kind = numpy.dtype(dtype)
    if kind.kind == "f":
        pixels = (smooth * 1e4 + random.normal(0, 5, shape)).astype(kind)
    else:
        info = numpy.iinfo(kind)
        low, high = float(info.min), float(info.max)
        values = low + (high - low) * (0.02 + 0.96 * smooth) + random.normal(0, (high - low) / 500, shape)
        pixels = numpy.clip(values, low, min(high, 2.0**63 - 1024 if info.max > 2**53 else high)).astype(kind)
    pixels[..., : shape[-2] // 3, : shape[-1] // 3] = 0
    return pixels
