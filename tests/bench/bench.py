#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Benchmarks as ratios to peers measured in the same run: pairs, interleaved, medians of 7.

usage: bench.py BUILD WORK [read|gdal|replay|tile|write|twin|memory ...]
  BUILD  a Release build of the project      WORK  a folder with 40 GB free (memory needs most of it)
  run it by the python of the peers' environment (tests/interop/peers.sh); OZR_GDAL313 names the root of a
  system with GDAL 3.13 (a debootstrap of Debian testing) for `gdal` and `replay`, and OZR_GDAL313_DRIVER the
  folder in there with the driver built for it (tools/matrix.sh makes both).

Results go to stdout as a Markdown table (docs/performance.md). Nothing here is a test: times are not asserted.
"""
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import time

import numpy

sys.path.insert(0, os.path.dirname(__file__))
from libozr import Image  # noqa: E402

ROUNDS = 7
SHAPE = (806, 629, 629)
BYTES = SHAPE[0] * SHAPE[1] * SHAPE[2] * 2


def row(name, ours, peer, peer_name, unit="s", more=""):
    ratio = [p / o for o, p in zip(ours, peer)]
    q = statistics.quantiles(ratio, n=4) if len(ratio) > 1 else [ratio[0]] * 3
    print(f"| {name} | {statistics.median(ours):.3g} {unit} | {peer_name} {statistics.median(peer):.3g} {unit} | "
          f"**{statistics.median(ratio):.2f}** ({q[0]:.2f}-{q[2]:.2f}) | {more} |", flush=True)


def timed(function, *args):
    start = time.perf_counter()
    function(*args)
    return time.perf_counter() - start


def pairs(ours, peer):
    """Warm up both, then take them in turn."""
    ours(), peer()
    times = [(timed(ours), timed(peer)) for _ in range(ROUNDS)]
    return [t[0] for t in times], [t[1] for t in times]


class Bench:
    def __init__(self, build, work):
        self.build, self.work = pathlib.Path(build).resolve(), pathlib.Path(work).resolve()
        self.work.mkdir(parents=True, exist_ok=True)
        plugins = ":".join(map(str, [self.build / "gdal_driver", *pathlib.Path("/usr/lib").glob("*/gdalplugins")]))
        self.env = dict(os.environ, GDAL_DRIVER_PATH=plugins, GDAL_PAM_ENABLED="NO")

    # --- inputs -----------------------------------------------------------

    def specimen(self):
        raw = self.work / "heart.img"
        if not raw.exists():
            subprocess.run([self.build / "tools/specimen/ozr_specimen", *map(str, SHAPE), raw], check=True)
        return raw

    def foreign_store(self):
        """The heart as others write it: Zarr v3, chunks of 128^3, blosc-zstd-3 with shuffle, no shards."""
        import zarr
        path = self.work / "heart-zarr3.ome.zarr"
        if not path.exists():
            pixels = numpy.memmap(self.specimen(), "<u2").reshape(SHAPE)
            group = zarr.open_group(path, mode="w", zarr_format=3)
            scale = [{"type": "scale", "scale": [1, 1, 1]}]
            axes = [{"name": n, "type": "space"} for n in "zyx"]
            group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}]}]}
            blosc = zarr.codecs.BloscCodec(cname="zstd", clevel=3, shuffle="shuffle")
            group.create_array("0", shape=SHAPE, dtype="uint16", chunks=(128, 128, 128), compressors=blosc,
                               dimension_names=["z", "y", "x"])[:] = pixels
        return path

    def translate(self, source, target, *options, driver="OMEZarr"):
        subprocess.run(["/usr/bin/gdal_translate", "-q", "-of", driver, *options, source, target], env=self.env, check=True)

    # --- lines ------------------------------------------------------------

    def read(self):
        import tensorstore
        path = self.foreign_store()
        image = Image(str(self.build / "common/libozr.so"), str(path))
        peer = tensorstore.open({"driver": "zarr3", "kvstore": {"driver": "file", "path": str(path / "0")}}, open=True).result()
        assert numpy.array_equal(image.read(), peer.read().result())
        row("read all, fresh memory", *pairs(lambda: image.read(), lambda: peer.read().result()), "tensorstore")
        buffer = numpy.zeros(SHAPE, "uint16")
        target = tensorstore.array(numpy.zeros(SHAPE, "uint16"))
        row("read all, into touched memory", *pairs(lambda: image.read(out=buffer), lambda: target.write(peer).result()), "tensorstore")
        import zarr
        array = zarr.open_array(path / "0", mode="r")
        row("read all", *pairs(lambda: image.read(), lambda: array[...]), "zarr-python 3")

    def gdal(self):
        root = os.environ["OZR_GDAL313"]
        inside = pathlib.Path(root) / "ozr-bench"
        target = inside / "heart.zarr"
        if not target.exists():
            inside.mkdir(exist_ok=True)
            shutil.copytree(self.foreign_store() / "0", target)
        image = Image(str(self.build / "common/libozr.so"), str(self.foreign_store()))
        # Opened anew for the timed read: GDAL keeps decoded chunks of an open array.
        program = ("import time\nfrom osgeo import gdal\ngdal.UseExceptions()\n"
                   "def read():\n"
                   "    group = gdal.OpenEx('/ozr-bench/heart.zarr', gdal.OF_MULTIDIM_RASTER).GetRootGroup()\n"
                   "    array = group.OpenMDArray(group.GetMDArrayNames()[0])\n"
                   "    start = time.perf_counter()\n"
                   "    array.ReadAsArray()\n"
                   "    return time.perf_counter() - start\n"
                   "read()\nprint(read())")
        for threads in ("1", "2"):
            def peer():
                done = subprocess.run(["chroot", root, "env", "GDAL_CACHEMAX=4096", f"GDAL_NUM_THREADS={threads}", "/usr/bin/python3", "-c", program],
                                      check=True, capture_output=True, text=True)
                return float(done.stdout)
            image.read()
            times = [(timed(image.read), peer()) for _ in range(ROUNDS)]
            row("read all", *zip(*times), f"GDAL 3.13 Zarr, {threads} threads")

    def replay(self):
        """Panning and zooming over one store that both drivers read: planes are written in the layout that GDAL's takes overviews from."""
        root, driver = pathlib.Path(os.environ["OZR_GDAL313"]), os.environ["OZR_GDAL313_DRIVER"]
        inside = root / "ozr-bench"
        inside.mkdir(exist_ok=True)
        target = inside / "plane.ome.zarr"
        if not target.exists():
            self.translate(self.plane(), target)
        shutil.copy(pathlib.Path(__file__).with_name("replay.py"), inside)

        def run(*settings, raster, name):
            command = ["chroot", root, "env", *settings, "GDAL_PAM_ENABLED=NO", "/usr/bin/python3", "/ozr-bench/replay.py", raster, name]
            seconds, check, overviews = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            assert int(overviews) >= 3, f"{name} has {overviews} overviews"
            return float(seconds), check
        for threads in ("1", "2"):
            def ours():
                return run(f"GDAL_DRIVER_PATH={driver}", f"GDAL_NUM_THREADS={threads}", raster="/ozr-bench/plane.ome.zarr", name="OMEZarr")

            def peer():
                # level 0 by its name: without georeferencing that driver lists the levels of such a group as subdatasets
                level = 'ZARR:"/ozr-bench/plane.ome.zarr":/s0/image'
                return run("GDAL_DRIVER_PATH=disable", f"GDAL_NUM_THREADS={threads}", raster=level, name="Zarr")
            assert ours()[1] == peer()[1], "the drivers do not show the same"
            times = [(ours()[0], peer()[0]) for _ in range(ROUNDS)]
            row(f"1000 views of 1024 x 768 on 4 levels, {threads} threads", *zip(*times), "GDAL 3.13 Zarr")

    def tile(self):
        import tensorstore
        import zarr
        path = self.foreign_store()
        image = Image(str(self.build / "common/libozr.so"), str(path))
        array = zarr.open_array(path / "0", mode="r")
        store = tensorstore.open({"driver": "zarr3", "kvstore": {"driver": "file", "path": str(path / "0")}}, open=True).result()
        generator = random.Random(1)
        spots = [(generator.randrange(SHAPE[0]), generator.randrange(SHAPE[1] - 256), generator.randrange(SHAPE[2] - 256)) for _ in range(300)]

        def window(z, y, x):
            return (z, slice(y, y + 256), slice(x, x + 256))
        for name, peer in (("zarr-python 3", lambda s: array[window(*s)]), ("tensorstore", lambda s: store[window(*s)].read().result())):
            ours, theirs = [], []
            for spot in spots:
                ours.append(timed(lambda: image.read(0, list(spot), [1, 256, 256])))
                theirs.append(timed(peer, spot))
            ours, theirs = sorted(ours), sorted(theirs)
            print(f"| random 256 x 256 tile of a z-slice, p50 | {ours[150] * 1e3:.2f} ms | {name} {theirs[150] * 1e3:.2f} ms | "
                  f"**{theirs[150] / ours[150]:.1f}** | p99 {ours[297] * 1e3:.2f} and {theirs[297] * 1e3:.2f} ms |", flush=True)

    def write(self):
        """The volume as a plane as well: COG is a format for planes."""
        plane = self.plane()
        for name, source, options in (("plane", plane, []), ("volume", self.specimen(), ["-co", "BAND_AXIS=Z"])):
            ours, cog = self.work / f"w-{name}.ome.zarr", self.work / f"w-{name}.tif"
            peer = ["-co", "COMPRESS=ZSTD", "-co", "PREDICTOR=YES", "-co", "NUM_THREADS=2", "-co", "BIGTIFF=YES"]

            def write_ours():
                shutil.rmtree(ours, ignore_errors=True)
                self.translate(source, ours, *options)

            def write_peer():
                cog.unlink(missing_ok=True)
                self.translate(source, cog, *peer, driver="COG")
            times = pairs(write_ours, write_peer)
            sizes = folder_size(ours), cog.stat().st_size
            row(f"write with full pyramid, {name}", *times, "GDAL COG ZSTD PREDICTOR", more=f"{sizes[0] / 1e6:.0f} and {sizes[1] / 1e6:.0f} MB ({sizes[0] / sizes[1]:.3f})")

    def plane(self):
        """The slices of the volume side by side: 29 columns of 28 rows, 18241 x 17612."""
        raw = self.work / "plane.img"
        if not raw.exists():
            volume = numpy.memmap(self.specimen(), "<u2").reshape(SHAPE)
            plane = numpy.memmap(raw, "<u2", "w+", shape=(28 * 629, 29 * 629))
            for i in range(min(SHAPE[0], 28 * 29)):
                y, x = divmod(i, 29)
                plane[y * 629:(y + 1) * 629, x * 629:(x + 1) * 629] = volume[i]
            raw.with_suffix(".hdr").write_text(f"ENVI\nsamples = {29 * 629}\nlines = {28 * 629}\nbands = 1\nheader offset = 0\n"
                                               "file type = ENVI Standard\ndata type = 12\ninterleave = bsq\nbyte order = 0\n")
        return raw

    def twin(self):
        """An archive against a folder, a twin against an archive: the same chunks, codec and levels."""
        for codec in ("zstd", "none"):
            times, peaks = {}, {}
            for _ in range(ROUNDS + 1):
                for form in ("folder", "ozx", "twin"):
                    target = self.work / f"form.{form}"
                    shutil.rmtree(target, ignore_errors=True) if target.is_dir() else target.unlink(missing_ok=True)
                    words = [self.build / "tests/twin_bench", form, target, self.specimen(), *map(str, SHAPE), codec]
                    seconds, peak = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
                    times.setdefault(form, []).append(float(seconds))
                    peaks.setdefault(form, []).append(int(peak))
            for form, base in (("ozx", "folder"), ("twin", "ozx")):
                ratio = [a / b for a, b in zip(times[form][1:], times[base][1:])]
                q = statistics.quantiles(ratio, n=4)
                print(f"| write volume, {codec}: {form} | {statistics.median(times[form][1:]):.3g} s, {max(peaks[form])} MiB | "
                      f"{base} {statistics.median(times[base][1:]):.3g} s, {max(peaks[base])} MiB | "
                      f"**{statistics.median(ratio):.3f}** of the time ({q[0]:.3f}-{q[2]:.3f}) | |", flush=True)

    def memory(self):
        for name, make in (("16 GiB volume", self.big_volume), ("131072 x 65536 stripped GeoTIFF", self.big_strips)):
            source, options = make()
            target = self.work / "big.ome.zarr"
            shutil.rmtree(target, ignore_errors=True)
            start = time.perf_counter()
            done = subprocess.run(["/usr/bin/time", "-f", "%M", "/usr/bin/gdal_translate", "-q", "-of", "OMEZarr", *options, source, target],
                                  env=self.env, check=True, capture_output=True, text=True)
            seconds, peak = time.perf_counter() - start, int(done.stderr.split()[-1]) / 1024
            print(f"| {name} to OME-Zarr with pyramid | {seconds:.0f} s | peak memory {peak:.0f} MiB | | {folder_size(target) / 1e9:.2f} GB |", flush=True)
            shutil.rmtree(target)

    def big_volume(self):
        """2048^3 uint16: 16 slabs of 128 planes, each the first with a constant added, as a VRT over raw files."""
        vrt, slab = self.work / "big.vrt", self.work / "slab.img"
        if not vrt.exists():
            subprocess.run([self.build / "tools/specimen/ozr_specimen", "128", "2048", "2048", slab], check=True)
            first = numpy.fromfile(slab, "<u2")
            bands = []
            for s in range(16):
                raw = self.work / f"slab{s}.raw"
                (first + numpy.uint16(37 * s)).tofile(raw)
                bands += [f'<VRTRasterBand dataType="UInt16" band="{s * 128 + z + 1}" subClass="VRTRawRasterBand"><SourceFilename relativetoVRT="1">{raw.name}</SourceFilename>'
                          f'<ImageOffset>{z * 2048 * 2048 * 2}</ImageOffset><PixelOffset>2</PixelOffset><LineOffset>4096</LineOffset><ByteOrder>LSB</ByteOrder></VRTRasterBand>' for z in range(128)]
            vrt.write_text('<VRTDataset rasterXSize="2048" rasterYSize="2048">' + "".join(bands) + "</VRTDataset>")
        return vrt, ["-co", "BAND_AXIS=Z"]

    def big_strips(self):
        tif = self.work / "big.tif"
        if not tif.exists():
            raw = self.work / "big.raw"
            row0 = numpy.fromfile(self.specimen(), "<u2", 131072 * 1024).reshape(1024, 131072)
            with open(raw, "wb") as file:
                for i in range(64):
                    (row0 + numpy.uint16(11 * i)).tofile(file)
            raw.with_suffix(".hdr").write_text("ENVI\nsamples = 131072\nlines = 65536\nbands = 1\nheader offset = 0\nfile type = ENVI Standard\n"
                                               "data type = 12\ninterleave = bsq\nbyte order = 0\n")
            self.translate(raw, tif, "-co", "COMPRESS=ZSTD", "-co", "ZSTD_LEVEL=1", "-co", "BIGTIFF=YES", "-co", "NUM_THREADS=2", driver="GTiff")
            raw.unlink()
        return tif, []


def folder_size(folder):
    return sum(p.stat().st_size for p in pathlib.Path(folder).rglob("*") if p.is_file())


def main():
    bench = Bench(*sys.argv[1:3])
    print("| what | ours | peer | peer / ours | |\n|---|---|---|---|---|")
    for name in sys.argv[3:] or ["read", "gdal", "replay", "tile", "write", "twin", "memory"]:
        getattr(bench, name)()


if __name__ == "__main__":
    main()
