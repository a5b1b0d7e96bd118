# SPDX-License-Identifier: MIT
"""GDAL programs under valgrind: no error and no leak has a frame of ours in its stack. (GDAL and its
libraries have some of their own.)"""
import os
import shutil
import subprocess
import xml.etree.ElementTree

import pytest

pytestmark = [pytest.mark.skipif(not shutil.which("valgrind"), reason="valgrind is not installed"),
              pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="valgrind needs /proc")]


def ours(error):
    """The stack of an error, when a frame of it is in our plug-in."""
    frames = [(f.findtext("obj") or "", f.findtext("fn") or "?") for f in error.iter("frame")]
    return [fn for obj, fn in frames] if any("gdal_OMEZarr" in obj for obj, _ in frames) else None


def run(folder, *words, status=0):
    report = folder / "valgrind.xml"
    done = subprocess.run(["valgrind", "--leak-check=full", "--show-leak-kinds=definite,indirect", "--num-callers=40", "--xml=yes",
                           f"--xml-file={report}", *map(str, words)], capture_output=True, text=True)
    assert (done.returncode == 0) == (status == 0), done.stderr
    found = [(e.findtext("kind"), ours(e)) for e in xml.etree.ElementTree.parse(report).iter("error") if ours(e)]
    assert not found, "\n".join(f"{kind}: {' < '.join(stack)}" for kind, stack in found)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """48 planes of 200 x 180, as a raw file with an ENVI header."""
    path = tmp_path_factory.mktemp("source") / "specimen.img"
    subprocess.run([os.environ["OZR_SPECIMEN"], "48", "200", "180", str(path)], check=True)
    return path


def test_write_and_read(source, tmp_path):
    store = tmp_path / "out.ome.zarr"
    run(tmp_path, "/usr/bin/gdal_translate", "-q", "-of", "OMEZarr", "-co", "BAND_AXIS=Z", source, store)
    run(tmp_path, "/usr/bin/gdalinfo", "-checksum", store)
    run(tmp_path, "/usr/bin/gdal_translate", "-q", "-outsize", "50%", "0", "-b", "7", store, tmp_path / "small.tif")


def test_failures(source, tmp_path):
    store = tmp_path / "out.ome.zarr"
    subprocess.run(["/usr/bin/gdal_translate", "-q", "-of", "OMEZarr", "-co", "BAND_AXIS=Z", source, store], check=True)
    run(tmp_path, "/usr/bin/gdal_translate", "-q", "-of", "OMEZarr", source, store, status=1)
    for chunk in (store / "0/c").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(chunk.read_bytes()[:100])
    run(tmp_path, "/usr/bin/gdal_translate", "-q", "-of", "ENVI", store, tmp_path / "read.img", status=1)
    (store / "0/zarr.json").write_text("{")
    run(tmp_path, "/usr/bin/gdalinfo", store, status=1)
