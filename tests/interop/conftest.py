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

# ENVI "data type" numbers: a raw file with a small text header, which stock GDAL reads and writes.
# int8 has none: it travels as bytes.
ENVI = {"uint8": 1, "int16": 2, "int32": 3, "float32": 4, "float64": 5, "uint16": 12, "uint32": 13,
        "int64": 14, "uint64": 15}


class Gdal:
    """Runs a GDAL program; raises with its messages when it fails."""

    def __init__(self):
        folders = [os.environ["OZR_DRIVER_FOLDER"]] + glob.glob("/usr/lib/*/gdalplugins")
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("GDAL_", "CPL_", "PYTHON"))}
        self.env = dict(keep, GDAL_DRIVER_PATH=":".join(folders), GDAL_PAM_ENABLED="NO")

    def __call__(self, program, *args):
        done = subprocess.run(["/usr/bin/" + program, *map(str, args)], env=self.env, capture_output=True, text=True)
        if done.returncode or "ERROR" in done.stderr:
            raise RuntimeError(f"{program} {' '.join(map(str, args))}: status {done.returncode}\n{done.stderr}")
        return done.stdout

    def read(self, name, folder, *args):
        """The bands of a dataset as one array (band, y, x)."""
        raw = pathlib.Path(folder) / "read.img"
        self("gdal_translate", "-q", "-of", "ENVI", *args, name, raw)
        header = dict(line.split(" = ", 1) for line in open(raw.with_suffix(".hdr")).read().splitlines() if " = " in line)
        kind = {number: dtype for dtype, number in ENVI.items()}[int(header["data type"])]
        shape = [int(header[key]) for key in ("bands", "lines", "samples")]
        return numpy.fromfile(raw, kind).reshape(shape)


@pytest.fixture(scope="session")
def gdal():
    return Gdal()


@pytest.fixture(scope="session")
def shared():
    folder = pathlib.Path(os.environ.get("OZR_SHARED", "../shared"))
    if not folder.is_dir():
        pytest.skip("OZR_SHARED names no folder: other people's suites are not here")
    return folder


def write_raw(pixels, path):
    """pixels (band, y, x) as a raw file with an ENVI header; returns its path."""
    bands, lines, samples = pixels.shape
    pixels.tofile(path)
    path.with_suffix(".hdr").write_text(
        f"ENVI\nsamples = {samples}\nlines = {lines}\nbands = {bands}\nheader offset = 0\n"
        f"file type = ENVI Standard\ndata type = {ENVI[pixels.dtype.name]}\ninterleave = bsq\nbyte order = 0\n")
    return path


def image(dtype, shape, seed=1):
    """A smooth image with noise over the whole range of the type, and a patch of zeros (missing chunks)."""
    random = numpy.random.default_rng(seed)
    grid = numpy.meshgrid(*[numpy.linspace(0, 3, n) for n in shape], indexing="ij", sparse=True)
    smooth = sum(numpy.sin(g + i) for i, g in enumerate(grid))
    smooth = (smooth - smooth.min()) / (smooth.max() - smooth.min())
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
