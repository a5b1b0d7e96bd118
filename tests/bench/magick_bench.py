#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""ImageMagick with our coder against its own tiled TIFF: whole programs, in pairs, interleaved, medians of 7.

usage: magick_bench.py BUILD WORK [start|region|plane|stack|large|append ...]
  BUILD  a Release build of the project with both plug-ins (GDAL makes the inputs)
  WORK   a folder with 20 GB free
OZR_MAGICK_VARIANT names the variant (default: the first one of Q16 in BUILD). Both sides read and write 16-bit
gray, in tiles or chunks of 512 x 512, compressed by zstd. Nothing here is a test: times are not asserted.
"""
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time

import numpy

ROUNDS = 7
SIDE = 4096  # of the plane
SLICES, SLICE = 16, 2048
LARGE = 40000
APPENDED = 1000


def timed(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def pairs(ours, peer, rounds=ROUNDS):
    """Warm up both, then take them in turn."""
    ours(), peer()
    times = [(timed(ours), timed(peer)) for _ in range(rounds)]
    return [t[0] for t in times], [t[1] for t in times]


def row(name, ours, peer, peer_name, more=""):
    ratio = [p / o for o, p in zip(ours, peer)]
    q = statistics.quantiles(ratio, n=4)
    print(f"| {name} | {1000 * statistics.median(ours):.0f} ms | {peer_name} {1000 * statistics.median(peer):.0f} ms | "
          f"**{statistics.median(ratio):.2f}** ({q[0]:.2f}-{q[2]:.2f}) | {more} |", flush=True)


def line(name, value, more=""):
    print(f"| {name} | {value} | | | {more} |", flush=True)


class Bench:
    def __init__(self, build, work):
        self.build, self.work = pathlib.Path(build).resolve(), pathlib.Path(work).resolve()
        self.work.mkdir(parents=True, exist_ok=True)
        found = sorted(p.name for p in (self.build / "magick_coder").glob("*.Q16"))
        self.variant = os.environ.get("OZR_MAGICK_VARIANT") or found[0]
        major, quantum = self.variant.split(".")
        tool = {"6": "convert", "7": "magick"}[major]
        self.program = f"/usr/bin/{tool}-im{major}.{quantum.lower()}"
        configure = subprocess.run([self.program, "-list", "configure"], check=True, capture_output=True, text=True).stdout
        coders = re.search(r"^CODER_PATH +(\S+)", configure, re.M).group(1)
        plugins = ":".join(map(str, [self.build / "gdal_driver", *pathlib.Path("/usr/lib").glob("*/gdalplugins")]))
        keep = {k: v for k, v in os.environ.items() if not k.startswith("MAGICK_")}
        self.env = dict(keep, GDAL_DRIVER_PATH=plugins, GDAL_PAM_ENABLED="NO",
                        MAGICK_CODER_MODULE_PATH=f"{self.build / 'magick_coder' / self.variant}:{coders}")
        version = subprocess.run([self.program, "-version"], check=True, capture_output=True, text=True).stdout
        print(version.splitlines()[0])

    def magick(self, *words, **more):
        """One run of the program. It must say nothing."""
        done = subprocess.run([self.program, *map(str, words)], env=self.env, capture_output=True, text=True, **more)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        return done.stdout

    def measured(self, *words):
        """The same with its peak memory, MiB."""
        done = subprocess.run(["/usr/bin/time", "-f", "%M", self.program, *map(str, words)], env=self.env, capture_output=True, text=True)
        assert done.returncode == 0 and len(done.stderr.split()) == 1, done.stderr
        return int(done.stderr) / 1024

    def translate(self, source, target, driver, *options):
        subprocess.run(["/usr/bin/gdal_translate", "-q", "-of", driver, *options, source, target], env=self.env, check=True)

    # --- inputs -------------------------------------------------------------

    def raw(self, side, name):
        """A plane, as the specimen's slices side by side would be: one slice of that size."""
        path = self.work / f"{name}.img"
        if not path.exists():
            subprocess.run([self.build / "tools/specimen/ozr_specimen", "1", str(side), str(side), path], check=True)
        return path

    def plane(self):
        raw, tif, store = self.raw(SIDE, "plane"), self.work / "plane.tif", self.work / "plane.ome.zarr"
        if not tif.exists():
            self.translate(raw, tif, "GTiff", "-co", "TILED=YES", "-co", "BLOCKXSIZE=512", "-co", "BLOCKYSIZE=512", "-co", "COMPRESS=ZSTD")
        if not store.exists():
            self.translate(raw, store, "OMEZarr", "-co", "BLOCKSIZE=512", "-co", "COMPRESS=ZSTD")
        return tif, store

    # --- lines --------------------------------------------------------------

    def start(self):
        times = [timed(lambda: self.magick("-size", "1x1", "xc:red", "null:")) for _ in range(3 * ROUNDS)]
        line("ImageMagick itself: start, make one pixel, end", f"{1000 * statistics.median(times):.1f} ms")

    def region(self):
        tif, store = self.plane()
        for side in (512, 2048):
            for x, y in ((1000, 2000),):
                what = f"[{side}x{side}+{x}+{y}]"
                same = [self.magick(f"{p}{what}", "-depth", "16", "-format", "%#", "info:") for p in (tif, store)]
                assert same[0] == same[1]
                ours = lambda: self.magick(f"{store}{what}", "null:")  # noqa: E731
                peer = lambda: self.magick(f"{tif}{what}", "null:")  # noqa: E731
                memory = [self.measured(f"{p}{what}", "null:") for p in (store, tif)]
                row(f"read {side} x {side} of {SIDE} x {SIDE}", *pairs(ours, peer), "tiled TIFF", f"{memory[0]:.0f} and {memory[1]:.0f} MiB")

    def plane_whole(self):
        tif, store = self.plane()
        same = [self.magick(p, "-depth", "16", "-format", "%#", "info:") for p in (tif, store)]
        assert same[0] == same[1]
        memory = [self.measured(p, "null:") for p in (store, tif)]
        row(f"read all of {SIDE} x {SIDE}", *pairs(lambda: self.magick(store, "null:"), lambda: self.magick(tif, "null:")), "tiled TIFF",
            f"{memory[0]:.0f} and {memory[1]:.0f} MiB")

    def slices(self, count=SLICES):
        folder = self.work / "slices"
        paths = [folder / f"s{i:02}.gray" for i in range(count)]
        if not paths[-1].exists():
            folder.mkdir(exist_ok=True)
            volume = folder / "volume.img"
            subprocess.run([self.build / "tools/specimen/ozr_specimen", str(count), str(SLICE), str(SLICE), volume], check=True)
            pixels = numpy.memmap(volume, "<u2").reshape(count, SLICE, SLICE)
            for path, one in zip(paths, pixels):
                path.write_bytes(one.tobytes())
            volume.unlink()
        return [["-size", f"{SLICE}x{SLICE}", "-depth", "16", "-endian", "LSB", f"gray:{p}"] for p in paths]

    def stack(self):
        words = sum(self.slices(), [])
        ours, peer = self.work / "stack.ome.zarr", self.work / "stack.tif"
        # ImageMagick's defaults would put the list on disk: it is in memory on both sides.
        limits = ["-limit", "memory", "8GiB", "-limit", "map", "8GiB"]

        def write_ours():
            shutil.rmtree(ours, ignore_errors=True)
            self.magick(*limits, *words, "-define", "omezarr:compression=zstd", ours)
            assert ours.is_dir()

        def write_peer():
            peer.unlink(missing_ok=True)
            self.magick(*limits, *words, "-compress", "Zstd", "-define", "tiff:tile-geometry=512x512", peer)
        times = pairs(write_ours, write_peer)
        want = b"".join(pathlib.Path(w[5:]).read_bytes() for w in words if w.startswith("gray:"))
        for made in (ours, peer):
            command = [self.program, *limits, made, "-depth", "16", "-endian", "LSB", "gray:-"]
            assert subprocess.run(command, env=self.env, check=True, capture_output=True).stdout == want
        row(f"write {SLICES} slices of {SLICE} x {SLICE} (ours with all levels)", *times, "tiled TIFF",
            f"{folder_size(ours) / 1e6:.0f} and {peer.stat().st_size / 1e6:.0f} MB")

    def large(self):
        raw, store = self.raw(LARGE, "large"), self.work / "large.ome.zarr"
        if not store.exists():
            self.translate(raw, store, "OMEZarr", "-co", "BLOCKSIZE=512")
        what = f"{store}[512x512+20000+10000]"
        start = lambda: self.magick("-size", "1x1", "xc:red", "null:")  # noqa: E731
        ours, start = pairs(lambda: self.magick(what, "null:"), start, 3 * ROUNDS)
        more = [1000 * (o - s) for o, s in zip(ours, start)]
        trace = self.work / "trace"
        subprocess.run(["strace", "-f", "-qq", "-e", "trace=open,openat,openat2", "-o", trace, self.program, what, "null:"], env=self.env, check=True)
        opened = re.findall(r'open\w*\([^"]*"([^"]*)".* = \d+$', trace.read_text(), re.M)
        chunks = [name for name in opened if re.search(r"/c(/\d+)+$", name)]
        pixels = numpy.memmap(raw, "<u2").reshape(LARGE, LARGE)[10000:10512, 20000:20512]
        data = subprocess.run([self.program, what, "-depth", "16", "-endian", "LSB", "gray:-"], env=self.env, check=True, capture_output=True).stdout
        assert numpy.array_equal(numpy.frombuffer(data, "<u2").reshape(512, 512), pixels)
        line(f"512 x 512 of {LARGE} x {LARGE}, over the program's own start", f"{statistics.median(more):.1f} ms",
             f"{self.measured(what, 'null:'):.0f} MiB in all, the program alone {self.measured('-size', '1x1', 'xc:red', 'null:'):.0f} MiB; files of chunks (shards) opened: {len(chunks)}")

    def append(self):
        """One process that reads a slice, appends it and forgets it, a thousand times; it says when each is done."""
        target = self.work / "appended.ome.zarr"
        shutil.rmtree(target, ignore_errors=True)
        slices = self.slices()
        words = ["-define", "omezarr:append=true"]
        for i in range(APPENDED):
            words += [*slices[i % len(slices)], "-write", str(target), "-print", "done\n", "+delete"]
        words += ["-size", "1x1", "xc:red", "null:"]
        start, ends, cpu = time.perf_counter(), [], []
        child = subprocess.Popen(["stdbuf", "-oL", self.program, *words], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        peak, said = [0], []
        threading.Thread(target=watch_memory, args=(child, peak), daemon=True).start()
        threading.Thread(target=lambda: said.append(child.stderr.read()), daemon=True).start()
        for _ in child.stdout:
            ends.append(time.perf_counter() - start)
            cpu.append(cpu_seconds(child.pid))
        assert child.wait() == 0 and len(ends) == APPENDED, (len(ends), said)
        first, last = (ends[99], cpu[99]), (ends[-1] - ends[-101], cpu[-1] - cpu[-101])
        line(f"append {APPENDED} slices of {SLICE} x {SLICE}, one process, default policy", f"{ends[-1]:.0f} s",
             f"peak {peak[0]:.0f} MiB; first 100 slices {first[0]:.2f} s ({first[1]:.2f} of processors), last 100 {last[0]:.2f} s ({last[1]:.2f}); {folder_size(target) / 1e9:.2f} GB")
        shutil.rmtree(target)


def cpu_seconds(pid):
    """What a process has used so far, in user and system mode."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def watch_memory(child, peak):
    status = pathlib.Path(f"/proc/{child.pid}/status")
    while child.poll() is None:
        try:
            found = re.search(r"VmHWM:\s+(\d+)", status.read_text())
        except OSError:
            return
        if found:
            peak[0] = max(peak[0], int(found.group(1)) / 1024)
        time.sleep(0.05)


def folder_size(folder):
    return sum(p.stat().st_size for p in pathlib.Path(folder).rglob("*") if p.is_file())


def main():
    bench = Bench(*sys.argv[1:3])
    print("| what | ours | peer | peer / ours | |\n|---|---|---|---|---|")
    for name in sys.argv[3:] or ["start", "region", "plane", "stack", "large", "append"]:
        getattr(bench, {"plane": "plane_whole"}.get(name, name))()


if __name__ == "__main__":
    main()
