# SPDX-License-Identifier: MIT
"""Other people's programs, without any plug-in of ours: each reads regions of a twin's pages and levels.

A reader says of a kind why it does not read it (`refusal`), which levels it reaches and which pages. What it
returns are samples as stored, (y, x) or (y, x, channel).
"""
import functools
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import typing
import zipfile

import numpy
import rfc9


class Region(typing.NamedTuple):
    level: int
    page: int
    y: int
    x: int
    height: int
    width: int

    def of(self, page):
        return page[self.y:self.y + self.height, self.x:self.x + self.width]


# No plug-in of ours, also where one is installed, and none of our settings.
STOCK = {k: v for k, v in os.environ.items() if not k.startswith(("GDAL_", "MAGICK_", "CPL_", "OZR_", "PYTHON", "LD_"))}
STOCK.update(GDAL_SKIP="OMEZarr", GDAL_PAM_ENABLED="NO", LC_ALL="C.UTF-8")


def run(*words, **more):
    done = subprocess.run([*map(str, words)], env=dict(STOCK, **more.pop("env", {})), capture_output=True, **more)
    if done.returncode:
        raise RuntimeError(f"{words[0]}: status {done.returncode}\n{done.stderr.decode()[-2000:]}")
    return done


def check_archive(path):
    """A zip archive as RFC-9 has it, and as two programs see it that know nothing of that."""
    found = rfc9.check(path)
    assert not found.must and not found.should, (found.must, found.should)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
    assert "No errors detected" in run("unzip", "-t", path).stdout.decode()


class Reader:
    side = "TIFF"
    levels = True      # 0 and those above
    pages = True       # all, not only the first
    windows = True     # reads a part of a large page without the rest

    def available(self):
        return shutil.which(self.program) is not None

    def refusal(self, kind):
        """Why it does not read this kind, or None."""
        return None


class PackageReader(Reader):
    """One that lives in the peers' virtual environment."""

    def available(self):
        return importlib.util.find_spec(self.package) is not None

    def version(self):
        return importlib.metadata.version(self.distribution)


# --- The Zarr side ------------------------------------------------------------


class ZarrReader(PackageReader):
    side = "Zarr"

    def read(self, path, kind, regions, folder):
        for r in regions:
            index = tuple(slice(None) if i is None else i for i in kind.index(r.page))
            part = self.level(path, r.level)(index + (slice(r.y, r.y + r.height), slice(r.x, r.x + r.width)))
            yield numpy.moveaxis(part, 0, -1) if kind.color else part


class ZarrPython(ZarrReader):
    name, package, distribution = "zarr-python", "zarr", "zarr"
    does = "`ZipStore`"

    def available(self):
        return super().available() and not self.version().startswith("2.")

    @staticmethod
    @functools.lru_cache(maxsize=4)
    def group(path):
        import zarr
        group = zarr.open_group(zarr.storage.ZipStore(path, mode="r"), mode="r")
        return group, group.attrs["ome"]["multiscales"][0]["datasets"]

    def level(self, path, number):
        group, datasets = self.group(path)
        return group[datasets[number]["path"]].__getitem__


class Tensorstore(ZarrReader):
    name, package, distribution = "tensorstore", "tensorstore", "tensorstore"
    # Reading a part of such an entry never ends (0.1.86), also in archives of zarr-python's `ZipStore`.
    does = "its `zip` adapter; 0.1.86 hangs in sharded entries of more than 1 to 2 MB, whoever wrote the archive"

    def level(self, path, number):
        import tensorstore
        base = {"driver": "zip", "base": {"driver": "file", "path": str(path)}}
        store = tensorstore.KvStore.open(base).result()
        datasets = json.loads(store["zarr.json"])["attributes"]["ome"]["multiscales"][0]["datasets"]
        spec = {"driver": "zarr3", "kvstore": dict(base, path=datasets[number]["path"] + "/")}
        array = tensorstore.open(spec, open=True, read=True).result()
        return lambda index: array[index].read().result()


class NodeReader(Reader):
    """A package of npm's, through twin_node.mjs."""

    program = "node"

    def available(self):
        return super().available() and (self.folder() / "node_modules" / self.package).is_dir()

    @staticmethod
    def folder():
        return pathlib.Path(os.environ.get("OZR_PEERS", "/nonexistent")) / "node"

    def version(self):
        return json.loads((self.folder() / "node_modules" / self.package / "package.json").read_text())["version"]

    def read(self, path, kind, regions, folder):
        requests = [{"level": r.level, "page": r.page, "window": r[2:], "index": kind.index(r.page)} for r in regions]
        out = folder / "samples"
        run("node", pathlib.Path(__file__).with_name("twin_node.mjs"), self.mode, path, out,
            input=json.dumps(requests).encode(), env={"TWIN_NODE": str(self.folder())})
        samples, at = numpy.fromfile(out, kind.dtype), 0
        for r in regions:
            count = r.height * r.width * kind.channels
            part, at = samples[at:at + count], at + count
            yield self.shaped(part, kind, r)
        assert at == samples.size

    def shaped(self, part, kind, r):
        return part.reshape((r.height, r.width, kind.channels) if kind.color else (r.height, r.width))


class Zarrita(NodeReader):
    name, package, mode, side = "zarrita", "zarrita", "zarrita", "Zarr"
    does = "over unzipit"

    def shaped(self, part, kind, r):
        return numpy.moveaxis(part.reshape(kind.channels, r.height, r.width), 0, -1) if kind.color else super().shaped(part, kind, r)


# --- The TIFF side ------------------------------------------------------------


class GeotiffJs(NodeReader):
    name, package, mode = "geotiff.js", "geotiff", "geotiff"
    does = "levels by `SubIFDs`"


def directories(path):
    """tiffinfo's view: for each page the offsets of its IFD and of its SubIFDs, and what it says about each."""
    said = run("tiffinfo", path)
    assert not said.stderr.strip(), said.stderr.decode()
    pages = []
    for text in re.split(r"=== TIFF directory \d+ ===\n", said.stdout.decode())[1:]:
        offsets = [int(n) for n in re.search(r"SubIFD Offsets:([ \d]+)", text).group(1).split()] if "SubIFD Offsets" in text else []
        own = int(re.search(r"TIFF Directory at offset 0x[0-9a-f]+ \((\d+)\)", text).group(1))
        pages.append([own, *offsets])
    return pages


class Libtiff(Reader):
    """libtiff-tools: every page and level copied to an uncompressed, stripped TIFF, which is read here."""

    name, program, windows = "tiffcp", "tiffcp", False
    does = "levels by `-o`, the offset of a SubIFD"

    def version(self):
        return re.search(r"Version ([\d.]+)", subprocess.run(["tiffinfo", "-h"], capture_output=True, text=True).stdout).group(1)

    def read(self, path, kind, regions, folder):
        pages = directories(path)
        copied = None
        for r in regions:
            if copied != r[:2]:
                copied = r[:2]
                # From an offset it goes on along the chain of IFDs, which a page is in and a level is not.
                source = ["-o", pages[r.page][r.level], path] if r.level else [f"{path},{r.page}"]
                run("tiffcp", "-c", "none", "-s", "-r", "1000000", "-p", "contig", *source, folder / "copy.tif")
                page = strip(folder / "copy.tif", kind)
            yield r.of(page)


def strip(path, kind):
    """The pixels of the one strip of the first IFD of a little-endian TIFF, classic or big."""
    raw = path.read_bytes()
    big = raw[2] == 43
    at = struct.unpack_from("<Q" if big else "<I", raw, 8 if big else 4)[0]
    count = struct.unpack_from("<Q" if big else "<H", raw, at)[0]
    tags = {}
    for i in range(count):
        place = at + (8 + 20 * i if big else 2 + 12 * i)
        tag, form = struct.unpack_from("<HH", raw, place)
        tags[tag] = struct.unpack_from({3: "<H", 16: "<Q"}.get(form, "<I"), raw, place + (12 if big else 8))[0]
    assert (tags[259], tags[277]) == (1, kind.channels)
    shape = (tags[257], tags[256]) + ((kind.channels,) if kind.color else ())
    return numpy.frombuffer(raw, kind.dtype, numpy.prod(shape), tags[273]).reshape(shape)


class Gdal(Reader):
    """GDAL's GTiff driver: a page is a subdataset, its levels are overviews."""

    name, does = "GDAL GTiff", "pages as subdatasets, levels as overviews of each"
    WORKER = """
import json, sys
from osgeo import gdal
gdal.UseExceptions()
path, out, requests = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
with open(out, "wb") as file:
    for level, page, y, x, height, width in requests:
        dataset = gdal.OpenEx(f"GTIFF_DIR:{page + 1}:{path}" if page else path, gdal.OF_RASTER, ["GTiff"])
        bands = [dataset.GetRasterBand(i + 1) for i in range(dataset.RasterCount)]
        bands = [band.GetOverview(level - 1) for band in bands] if level else bands
        for band in bands:
            file.write(band.ReadAsArray(x, y, width, height).tobytes())
"""

    def available(self):
        return subprocess.run(["/usr/bin/python3", "-c", "import osgeo"], env=STOCK, capture_output=True).returncode == 0

    def version(self):
        return run("/usr/bin/python3", "-c", "import osgeo; print(osgeo.__version__)").stdout.decode().strip()

    def read(self, path, kind, regions, folder):
        said = run("/usr/bin/python3", "-c", self.WORKER, path, folder / "samples", json.dumps(regions))
        warnings = [line for line in said.stderr.decode().splitlines() if "GDAL_SKIP" not in line]  # nothing to skip
        assert not warnings, warnings
        at = 0
        for r in regions:
            part = numpy.fromfile(folder / "samples", kind.dtype, kind.channels * r.height * r.width, offset=at)
            at += part.nbytes
            part = part.reshape(kind.channels, r.height, r.width)
            yield numpy.moveaxis(part, 0, -1) if kind.color else part[0]
        assert at == os.path.getsize(folder / "samples")


class ImageMagick(Reader):
    """`program`, of one series of versions; pages are images of the list."""

    levels, windows = False, False
    does = "full resolution alone: it knows no SubIFDs"

    def __init__(self, series, program):
        self.name, self.program, self.series = f"ImageMagick {series}", program, series

    def available(self):
        return super().available() and self.version().startswith(self.series)

    def version(self):
        return re.search(r"ImageMagick ([\d.-]+)", run(self.program, "-version").stdout.decode()).group(1)

    def refusal(self, kind):
        if kind.dtype.kind == "i" and self.series != "7.1.2":
            return "int16, which it takes for unsigned"
        if kind.dtype.kind == "f":
            return "float32, which it scales to its own range"
        return None

    def read(self, path, kind, regions, folder):
        depth = 8 * kind.dtype.itemsize
        for r in regions:
            assert r.level == 0
            form = {1: "gray", 3: "rgb", 4: "rgba"}[kind.channels]
            said = run(self.program, f"{path}[{r.page}]", "-depth", depth, "-endian", "LSB", f"{form}:{folder / 'samples'}")
            assert not said.stderr.strip(), said.stderr.decode()
            page = numpy.fromfile(folder / "samples", kind.dtype).reshape(-1, kind.shape[-1], kind.channels)
            yield r.of(page if kind.color else page[..., 0])


class Vips(Reader):
    name, program = "libvips", "vips"
    does = "`[page=n,subifd=m]`"

    def refusal(self, kind):
        return "separate planes" if kind.samples == "PLANES" else None

    def version(self):
        return re.search(r"vips[- ]([\d.]+)", run("vips", "--version").stdout.decode()).group(1)

    def read(self, path, kind, regions, folder):
        for r in regions:
            name = f"{path}[page={r.page}" + (f",subifd={r.level - 1}]" if r.level else "]")
            if r[4:] != kind.level_shape(r.level)[-2:]:
                run("vips", "crop", name, folder / "part.v", r.x, r.y, r.width, r.height)
                name = folder / "part.v"
            run("vips", "rawsave", name, folder / "samples")
            part = numpy.fromfile(folder / "samples", kind.dtype)
            yield part.reshape((r.height, r.width, kind.channels) if kind.color else (r.height, r.width))


class OpenCv(Reader):
    """Debian's build, through a program of a few lines: the wheels on PyPI have a libtiff without zstd."""

    name, levels, windows = "OpenCV", False, False
    does = "`imreadmulti`: full resolution alone; the wheels on PyPI are built without zstd"

    def refusal(self, kind):
        return "RGBA, whose colors it multiplies by alpha" if kind.channels == 4 else None
    def available(self):
        return os.path.exists("/usr/include/opencv4/opencv2/imgcodecs.hpp") and shutil.which("g++") is not None

    @functools.cached_property
    def program(self):
        import tempfile
        self.folder = tempfile.TemporaryDirectory()
        program = pathlib.Path(self.folder.name) / "twin_opencv"
        run("g++", "-O1", "-isystem", "/usr/include/opencv4", pathlib.Path(__file__).with_name("twin_opencv.cpp"), "-o", program,
            "-lopencv_imgcodecs", "-lopencv_core")
        return program

    def version(self):
        return run(self.program).stdout.decode().strip()

    def read(self, path, kind, regions, folder):
        for r in regions:
            assert r.level == 0
            run(self.program, path, r.page, folder / "samples")
            page = numpy.fromfile(folder / "samples", kind.dtype).reshape(-1, kind.shape[-1], kind.channels)
            page = page[..., [2, 1, 0, 3][:kind.channels]] if kind.color else page[..., 0]  # blue first, it says
            yield r.of(page)


class Tifffile(PackageReader):
    name, package, distribution = "tifffile", "tifffile", "tifffile"
    does = "one series by its OME-XML, with levels; zstd by imagecodecs"

    def read(self, path, kind, regions, folder):
        import tifffile
        import zarr
        with tifffile.TiffFile(path) as tiff:
            assert tiff.is_ome and len(tiff.series) == 1
            assert len(tiff.series[0].levels) == kind.levels
            series = tiff.series[0]
            axes = series.axes.replace("S", "C") if kind.color else series.axes
            for r in regions:
                array = zarr.open_array(series.aszarr(level=r.level), mode="r")
                at = dict(zip(kind.axes.upper(), kind.index(r.page)), Y=slice(r.y, r.y + r.height), X=slice(r.x, r.x + r.width))
                part = array[tuple(slice(None) if at[a] is None else at[a] for a in axes)]
                yield numpy.moveaxis(part, [a for a in axes if a in "CYX"].index("C"), -1) if kind.color else part


class OpenSlide(PackageReader):
    name, package, distribution = "OpenSlide", "openslide", "openslide-bin"
    levels, pages = False, False
    does = "the first page of RGB (`generic-tiff`); it takes levels only from the main chain"

    def refusal(self, kind):
        return None if kind.color and kind.dtype == "uint8" and kind.channels == 3 else "other images than 8-bit RGB"

    def version(self):
        import openslide
        return openslide.__library_version__

    def read(self, path, kind, regions, folder):
        import openslide
        with openslide.OpenSlide(path) as slide:
            assert slide.level_dimensions[0] == kind.shape[:-3:-1]
            for r in regions:
                part = numpy.asarray(slide.read_region((r.x, r.y), r.level, (r.width, r.height)))
                assert (part[..., 3] == 255).all()
                yield part[..., :3]


READERS = {reader.name: reader for reader in [
    ZarrPython(), Tensorstore(), Zarrita(), Libtiff(), Gdal(),
    ImageMagick("6", "convert-im6.q16"), ImageMagick("7.1.1", "magick-im7.q16"), ImageMagick("7.1.2", "magick-im7.q16"),
    Vips(), OpenCv(), Tifffile(), OpenSlide(), GeotiffJs()]}
