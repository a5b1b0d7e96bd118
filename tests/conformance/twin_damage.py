#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Twins after other programs had them: the checker names the damage, and the Zarr reader gives an error or
the pixels that were written, never others.

usage: twin_damage.py FOLDER        where make_twin, check_twin and read_level are; 77: a program is missing
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
import zipfile

FOLDER = os.path.abspath(sys.argv[1])
HEIGHT, WIDTH, PAGES, LEVELS = 150, 130, 3, 2
# The TIFF side, all pages, by GDAL's GTiff.
READ_TIFF = """
import sys
from osgeo import gdal
gdal.UseExceptions()
ds = gdal.OpenEx(sys.argv[1], gdal.OF_RASTER, allowed_drivers=["GTiff"])
names = [name for name, _ in ds.GetSubDatasets()] or [sys.argv[1]]
for name in names:
    page = gdal.OpenEx(name, gdal.OF_RASTER, allowed_drivers=["GTiff"])
    sys.stdout.buffer.write(page.GetRasterBand(1).ReadRaster())
"""
UPDATE_TIFF = """
import os, sys
from osgeo import gdal
gdal.UseExceptions()
ds = gdal.OpenEx(sys.argv[1], gdal.OF_UPDATE, allowed_drivers=["GTiff"])
band = ds.GetRasterBand(1)
n = len(band.ReadRaster())
band.WriteRaster(0, 0, ds.RasterXSize, ds.RasterYSize, b"\\7" * n if sys.argv[2] == "7" else os.urandom(n))
"""


def pixels():
    """Three planes of bytes; the first tile of the first plane is not stored."""
    planes = [bytearray((x * 3 + y * 7 + z * 50 + x * y % 11) % 251 for y in range(HEIGHT) for x in range(WIDTH))
              for z in range(PAGES)]
    for y in range(64):
        planes[0][y * WIDTH:y * WIDTH + 64] = bytes(64)
    return b"".join(planes)


def run(*words, **more):
    return subprocess.run([str(w) for w in words], capture_output=True, **more)


def tool(name, *words, **more):
    return run(os.path.join(FOLDER, name), *words, **more)


def gdal(*words, **more):
    """A GDAL program that has no plug-ins."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("GDAL_")}
    return run(*words, env=dict(env, GDAL_DRIVER_PATH="disable", GDAL_PAM_ENABLED="NO"), **more)


def check(path, depth="quick"):
    """state, sides, problem"""
    done = tool("check_twin", depth, path, text=True)
    assert done.returncode in (0, 1), done.stderr
    state, sides, _, _, problem = done.stdout.rstrip("\n").split(" ", 4)
    return state, sides, problem


def levels(path):
    """Pixels of each level by the Zarr reader, without a check; None where it says why it cannot."""
    found = []
    for level in range(LEVELS):
        done = tool("read_level", path, level)
        assert done.returncode == 0 or (done.returncode == 1 and done.stderr and not done.stdout), done
        found.append(done.stdout if done.returncode == 0 else None)
    return found


def append_member(path, name, text):
    warnings.simplefilter("ignore")  # of names that are there already
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, text)


def change(path, at, mask):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ mask]))


def edit_json(path):
    """The root's document with one more attribute, by zip -u."""
    with zipfile.ZipFile(path) as archive:
        document = json.loads(archive.read("zarr.json"))
    document["attributes"]["edited"] = True
    os.makedirs("edited", exist_ok=True)
    with open("edited/zarr.json", "w", encoding="utf-8") as f:
        json.dump(document, f)
    run("zip", "-u", path, "zarr.json", cwd="edited")


def cut(path, size):
    os.truncate(path, size)


def gain(path, data):
    with open(path, "ab") as f:
        f.write(data)


TIFF = "a TIFF program has changed"
MOVED = "a zip program has moved the members"
# name, what is done to the file at p, sides that are good, what the checker says
# zip writes the archive anew, but moves nothing as long as no member changes its size.
CASES = [
    ("nothing", lambda p: None, "both", ""),
    ("tiffset", lambda p: run("tiffset", "-s", 305, "another program", p), "tiff", TIFF),
    ("tiffset, page 2", lambda p: run("tiffset", "-d", 2, "-s", 305, "another program", p), "tiff", TIFF),
    ("tiffset, description", lambda p: run("tiffset", "-s", 270, "text", p), "tiff", TIFF),
    ("tiffcp -a", lambda p: run("tiffcp", "-a", p + ".copy", p), "tiff", TIFF),
    ("gdal_edit.py", lambda p: gdal("gdal_edit.py", "-mo", "A=B", p), "tiff", TIFF),
    ("gdaladdo", lambda p: gdal("gdaladdo", p, 4), "tiff", TIFF),
    ("zip, another member", lambda p: run("zip", p, "new.txt"), "both", ""),
    ("zip -u", lambda p: run("zip", "-u", p, "new.txt"), "both", ""),
    ("zip -u zarr.json, edited", edit_json, "zarr", MOVED),
    ("zip -u zarr.json", lambda p: run("zip", "-u", p, "zarr.json"), "neither", MOVED),
    ("zip -d", lambda p: run("zip", "-d", p, "1/zarr.json"), "neither", MOVED),
    ("zip -d OME/tiff.ifd", lambda p: run("zip", "-d", p, "OME/tiff.ifd"), "zarr", "no member OME/tiff.ifd"),
    ("zip -A", lambda p: run("zip", "-A", p), "both", ""),
    ("zip -z", lambda p: run("zip", "-z", p, input=b"comment\n"), "both", ""),
    ("zipfile, another member", lambda p: append_member(p, "README", "text"), "both", ""),
    ("zipfile, zarr.json again", lambda p: append_member(p, "zarr.json", "{}"), "tiff", "is there twice"),
    ("one byte more", lambda p: gain(p, b"x"), "tiff", "1 bytes were appended"),
    ("100000 bytes more", lambda p: gain(p, bytes(100000)), "tiff", "100000 bytes were appended"),
    ("cut by one byte", lambda p: cut(p, os.path.getsize(p) - 1), "tiff", "cut off"),
    ("cut in the middle", lambda p: cut(p, os.path.getsize(p) // 2), "neither", "cut off"),
    ("a byte of the header", lambda p: change(p, 2, 1), "zarr", "does not begin with the header of a BigTIFF"),
]
# What only a deeper look or a reader finds: GDAL changes pixels in place where they fit.
PIXELS = [("gdal, pixels that are smaller", "7"), ("gdal, pixels that are larger", "noise")]


class Trial:
    def __init__(self, folder, codec):
        self.good = os.path.join(folder, f"{codec}.ome.tif")
        self.codec = codec
        done = tool("make_twin", self.good, "uint8", "zyx", f"{PAGES},{HEIGHT},{WIDTH}", "tile=64",
                    f"levels={LEVELS}", f"codec={codec}", input=pixels())
        assert done.returncode == 0, done.stderr
        self.want = levels(self.good)
        assert self.want[0] == pixels() and self.want[1]
        self.path = os.path.join(folder, "x.ome.tif")
        self.wrong = []

    def fresh(self):
        for path in (self.path, self.path + ".copy"):
            if os.path.exists(path):
                os.remove(path)
            shutil.copyfile(self.good, path)

    def expect(self, name, ok, what):
        if not ok:
            self.wrong.append(f"{self.codec}, {name}: {what}")

    def never_wrong(self, name):
        for level, (got, want) in enumerate(zip(levels(self.path), self.want)):
            self.expect(name, got in (None, want), f"level {level} reads as other pixels")

    def case(self, name, act, sides, problem):
        self.fresh()
        act(self.path)
        got = check(self.path)
        self.expect(name, got[0] == ("damaged" if problem else "intact") and got[1] == sides and problem in got[2], got)
        self.never_wrong(name)
        if got[0] == "intact":
            self.expect(name, levels(self.path) == self.want, "the Zarr side is not what it was")
            self.expect(name, self.tiff_pixels() == pixels(), "the TIFF side is not what it was")

    def tiff_pixels(self):
        done = gdal("/usr/bin/python3", "-c", READ_TIFF, self.path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def pixels_changed(self, name, what):
        self.fresh()
        done = gdal("/usr/bin/python3", "-c", UPDATE_TIFF, self.path, what)
        assert done.returncode == 0, done.stderr
        self.expect(name, self.tiff_pixels() != pixels(), "the program changed nothing")
        self.expect(name, check(self.path, "bytes")[0] == "damaged", "is not noticed")
        self.never_wrong(name)


def main():
    missing = [p for p in ("tiffset", "tiffcp", "zip", "gdaladdo", "gdal_edit.py") if not shutil.which(p)]
    if missing or run("/usr/bin/python3", "-c", "from osgeo import gdal").returncode:
        print("skipped: not installed:", *missing or ["python3-gdal"])
        return 77
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name in ("new.txt", "zarr.json"):
            with open(name, "w", encoding="utf-8") as f:
                f.write("{}")
        for codec in ("zstd", "none"):
            trial = Trial(folder, codec)
            for case in CASES:
                trial.case(*case)
            for case in PIXELS:
                trial.pixels_changed(*case)
            wrong += trial.wrong
    print(*wrong, f"{2 * (len(CASES) + len(PIXELS))} cases, {len(wrong)} wrong", sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
