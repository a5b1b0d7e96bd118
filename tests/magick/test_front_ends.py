# SPDX-License-Identifier: MIT
"""Whatever is made with ImageMagick gets OME-Zarr with the module: its other programs, MagickWand from C's side,
python-wand and PerlMagick."""
import importlib.util
import json
import os
import subprocess
import sys

import numpy
import pytest

import stores
import wand_library

VARIANT = os.environ["OZR_MAGICK_VARIANT"]
PLANES, ROWS, COLUMNS = 6, 20, 30


@pytest.fixture
def pixels():
    return numpy.random.default_rng(5).integers(0, 65536, (PLANES, ROWS, COLUMNS)).astype("<u2")


@pytest.fixture
def store(tmp_path, pixels):
    stores.write_image(tmp_path / "v.ome.zarr", "0.5", "zyx", [pixels], [2.0, 0.5, 0.5], units={"x": "micrometer", "y": "micrometer"},
                       chunks=[2, 16, 16])
    return tmp_path / "v.ome.zarr"


def test_montage(magick, store, pixels, tmp_path):
    (tmp_path / "any.pgm").write_bytes(b"P5 1 1 255\n\0")
    if "unable to read font" in magick.tool("montage", tmp_path / "any.pgm", tmp_path / "any.tif", ok=False).stderr:
        pytest.skip("montage of ImageMagick 7 needs a font, and there is none")
    magick.tool("montage", f"{store}[0-5]", "-tile", "3x2", "-geometry", f"{COLUMNS}x{ROWS}+0+0", tmp_path / "m.tif")
    mosaic = magick.pixels(tmp_path / "m.tif")[0]
    expected = numpy.block([[pixels[0], pixels[1], pixels[2]], [pixels[3], pixels[4], pixels[5]]])
    numpy.testing.assert_array_equal(mosaic, expected)


def test_compare(magick, store, pixels, tmp_path):
    changed = pixels[2].copy()
    changed[3, 4] ^= 0x0F00
    changed[7, 9] ^= 0x0F00
    (tmp_path / "changed.pgm").write_bytes(b"P5 %d %d 65535\n" % (COLUMNS, ROWS) + changed.astype(">u2").tobytes())
    done = magick.tool("compare", "-metric", "AE", f"{store}[2]", tmp_path / "changed.pgm", "null:", ok=False)
    counted = float(done.stderr.split()[0])
    summed = abs(changed.astype(float) - pixels[2]).sum() / 65535  # what AE means from 7.1.2 on
    assert done.returncode == 1 and (counted == 2 or abs(counted - summed) < 1e-4), done.stderr
    done = magick.tool("compare", "-metric", "AE", f"{store}[1]", f"{store}[1]", "null:", ok=False)
    assert done.returncode == 0 and done.stderr.split()[0] == "0", done.stderr


def test_mogrify_into_another_folder(magick, store, pixels, tmp_path):
    """-path and -format leave the store alone."""
    before = {p: p.read_bytes() for p in store.rglob("*") if p.is_file()}
    (tmp_path / "out").mkdir()
    magick.tool("mogrify", "-path", tmp_path / "out", "-format", "tif", "-flip", f"{store}[1]")
    (made,) = (tmp_path / "out").iterdir()
    numpy.testing.assert_array_equal(magick.pixels(made)[0], pixels[1, ::-1])
    assert before == {p: p.read_bytes() for p in store.rglob("*") if p.is_file()}


def test_mogrify_in_place_needs_leave(magick, store, pixels):
    before = {p: p.read_bytes() for p in store.rglob("*") if p.is_file()}
    said = magick.refused("-flip", store, tool="mogrify")
    assert "omezarr:overwrite" in said
    assert before == {p: p.read_bytes() for p in store.rglob("*") if p.is_file()}
    magick.tool("mogrify", "-define", "omezarr:overwrite=true", "-flip", store)
    numpy.testing.assert_array_equal(magick.pixels(store), pixels[:, ::-1])


def test_composite_and_conjure_of_a_plane(magick, store, pixels, tmp_path):
    magick.tool("composite", "-compose", "Difference", f"{store}[3]", f"{store}[4]", tmp_path / "d.tif")
    expected = numpy.abs(pixels[3].astype(int) - pixels[4])
    numpy.testing.assert_array_equal(magick.pixels(tmp_path / "d.tif")[0], expected)


# --- MagickWand ------------------------------------------------------------

WAND = """
import ctypes, sys
sys.path.insert(0, {here!r})
import wand_library
wand = wand_library.load()
wand.MagickWandGenesis()
{body}
wand.MagickWandTerminus()
"""


def environment(magick, **more):
    """For programs that leak by themselves, as Python and Perl do: our leaks are looked for in ImageMagick's."""
    env = magick.environment(**more)
    if "ASAN_OPTIONS" in env:
        env["ASAN_OPTIONS"] += ":detect_leaks=0"
    return env


def with_wand(magick, body):
    """What a program that uses MagickWand prints."""
    try:
        wand_library.load()
    except OSError:
        pytest.skip(f"libMagickWand-{VARIANT} is not installed")
    here = os.path.dirname(os.path.abspath(__file__))
    env = environment(magick, OZR_MAGICK_VARIANT=VARIANT)
    done = subprocess.run([sys.executable, "-B", "-c", WAND.format(here=here, body=body)], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_wand_reads_and_writes(magick, store, pixels, tmp_path):
    said = with_wand(magick, f"""
w = ctypes.c_void_p(wand.NewMagickWand())
assert wand.MagickReadImage(w, {str(store)!r}.encode() + b"[2-4]")
print(wand.MagickGetNumberImages(w), wand.MagickGetImageWidth(w), wand.MagickGetImageHeight(w))
assert wand.MagickWriteImages(w, {str(tmp_path / 'w.ome.zarr')!r}.encode(), 1)
wand.DestroyMagickWand(w)""")
    assert said.split() == ["3", str(COLUMNS), str(ROWS)]
    numpy.testing.assert_array_equal(magick.pixels(tmp_path / "w.ome.zarr"), pixels[2:5])


CANCEL = """
calls = []
def monitor(text, offset, span, data):
    calls.append((text, offset, span))
    return len(calls) < {calls}
keep = wand_library.MONITOR(monitor)
w = ctypes.c_void_p(wand.NewMagickWand())
wand.MagickSetProgressMonitor(w, keep, None)
"""


def test_wand_stops_a_read(magick, store):
    """No image is left of a read that the user ended."""
    said = with_wand(magick, CANCEL.format(calls=2) + f"""
print(wand.MagickReadImage(w, {str(store)!r}.encode()), wand.MagickGetNumberImages(w), len(calls))""")
    assert said.split() == ["0", "0", "2"]


def test_wand_stops_a_write(magick, store, tmp_path):
    """Nothing is left of a write that the user ended, and what was to be replaced is still there."""
    target = tmp_path / "t.ome.zarr"
    magick.write(target, store)
    before = {p: p.read_bytes() for p in target.rglob("*") if p.is_file()}
    entries = sorted(p.name for p in tmp_path.iterdir())
    body = CANCEL.format(calls=10 ** 9) + """
assert wand.MagickReadImage(w, {store!r}.encode())
wand.MagickNegateImage(w, 0)
wand.MagickSetOption(w, b"omezarr:overwrite", b"true")
saves = []
def stop(text, offset, span, data):
    if text.startswith(b"Save"):
        saves.append(offset)
        return 0
    return 1
keep2 = wand_library.MONITOR(stop)
wand.MagickSetProgressMonitor(w, keep2, None)
for i in range(6):
    wand.MagickSetIteratorIndex(w, i)
    wand.MagickSetImageProgressMonitor(w, keep2, None)
print(wand.MagickWriteImages(w, {target!r}.encode(), 1), len(saves) > 0)"""
    said = with_wand(magick, body.format(store=str(store), target=str(target)))
    assert said.split() == ["0", "True"]
    assert before == {p: p.read_bytes() for p in target.rglob("*") if p.is_file()}
    assert entries == sorted(p.name for p in tmp_path.iterdir())


def test_wand_blob_is_refused(magick, store):
    """A folder does not fit into a blob: an error, and nothing left in the temporary folder (the fixture looks)."""
    said = with_wand(magick, f"""
w = ctypes.c_void_p(wand.NewMagickWand())
assert wand.MagickReadImage(w, {str(store)!r}.encode() + b"[0]")
assert wand.MagickSetImageFormat(w, b"OMEZARR")
n = ctypes.c_size_t()
print(wand.MagickGetImageBlob(w, ctypes.byref(n)))
kind = ctypes.c_int()
print(ctypes.string_at(wand.MagickGetException(w, ctypes.byref(kind))).decode())""")
    lines = said.splitlines()
    assert lines[0] in ("None", "0") and "folder" in lines[1], said


# --- Languages -------------------------------------------------------------

def test_python_wand(magick, store, pixels, tmp_path):
    if importlib.util.find_spec("wand") is None:
        pytest.skip("python3-wand is not installed")
    program = f"""
from wand.image import Image
from wand.version import MAGICK_VERSION
import numpy
with Image(filename={str(store)!r} + "[1,4]") as list_of:
    print(len(list_of.sequence), list_of.width, list_of.height)
    list_of.save(filename={str(tmp_path / 'p.ome.zarr')!r})
"""
    env = environment(magick, WAND_MAGICK_LIBRARY_SUFFIX=f"-{VARIANT}")
    done = subprocess.run([sys.executable, "-B", "-c", program], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["2", str(COLUMNS), str(ROWS)]
    numpy.testing.assert_array_equal(magick.pixels(tmp_path / "p.ome.zarr"), pixels[[1, 4]])


def test_perl(magick, store, pixels, tmp_path):
    module = "Image::Magick::" + VARIANT.split(".")[1]
    if subprocess.run(["/usr/bin/perl", f"-M{module}", "-e", "1"], capture_output=True).returncode:
        pytest.skip(f"{module} is not installed")
    program = f"""
use {module};
my $image = {module}->new;
my $said = $image->Read('{store}[3-5]');
die $said if $said;
my ($scene, $density, $axes) = ($image->[1]->Get('scene'), $image->[1]->Get('density'), $image->[1]->Get('omezarr:axes'));
print scalar(@$image), " $scene $axes\\n";
$said = $image->Write('{tmp_path / "p.ome.zarr"}');
die $said if $said;
my $none = {module}->new;
$said = $none->Read('{store}[77]');
print "$said\\n";
"""
    done = subprocess.run(["/usr/bin/perl", "-e", program], env=environment(magick), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].split() == ["3", "4", "zyx"]
    assert "77" in done.stdout.splitlines()[1]
    numpy.testing.assert_array_equal(magick.pixels(tmp_path / "p.ome.zarr"), pixels[3:])


def test_json(magick, store):
    """What is known of an image is in its JSON form too."""
    done = magick.convert(f"{store}[2]", "json:-")
    (entry,) = json.loads(done.stdout)
    properties = entry["image"]["properties"]
    assert properties["omezarr:axes"] == "zyx" and properties["omezarr:z"] == "2"
