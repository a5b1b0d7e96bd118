# SPDX-License-Identifier: MIT
"""How the module is found, loaded and refused. A module for another quantum depth would load, bind to the library
of the process, and turn pixels into nonsense with status 0; no module at all makes ImageMagick write another format
under the name of a store. Neither may pass for success here."""
import os
import pathlib
import re
import subprocess

import pytest
from conftest import CODERS, MODULE, VARIANT

OTHER = MODULE.parent.with_name(VARIANT[:-4] if VARIANT.endswith("HDRI") else VARIANT + "HDRI")
NAMES = ("omezarr", "zarr", "ozx")
CMAKE = pathlib.Path("/usr/bin/cmake")


def refusals(magick, folder, modules):
    """What reading and writing say when no coder of ours is there. Nothing may be made."""
    env = {"MAGICK_CODER_MODULE_PATH": modules}
    said = []
    for name in (folder / "a.ome.zarr", f"ZARR:{folder}/a", f"OMEZARR:{folder}/a"):
        said.append(magick.refused("-size", "4x4", "xc:red", name, env=env))
        said.append(magick.refused(name, "info:", env=env))
    assert list(folder.iterdir()) == []
    return said


def test_files_beside_the_module():
    for name in NAMES:
        assert (MODULE.parent / f"{name}.la").read_text() == "dlname='omezarr.so'\n"


def test_no_module(magick, tmp_path):
    assert all("delegate" in text for text in refusals(magick, tmp_path, CODERS))


def test_other_depth(magick, tmp_path):
    if not (OTHER / "omezarr.so").exists():
        pytest.skip(f"ImageMagick {OTHER.name} was not built: no module of another depth to refuse")
    assert all("delegate" in text for text in refusals(magick, tmp_path, f"{OTHER}:{CODERS}"))
    done = magick.identify("-debug", "module", f"OMEZARR:{tmp_path}/a", ok=False, env={"MAGICK_CODER_MODULE_PATH": f"{OTHER}:{CODERS}"})
    assert str(OTHER / "omezarr.la") in done.stderr, "it was not even tried"


def test_a_missing_module_is_noticed(magick, tmp_path):
    """An image read from a file keeps its format, when nothing writes the one asked for: status 0, and no store."""
    magick.convert("-size", "4x4", "xc:red", tmp_path / "a.png")
    with pytest.raises(AssertionError, match="is not a folder"):
        magick.write(tmp_path / "a.ome.zarr", tmp_path / "a.png", env={"MAGICK_CODER_MODULE_PATH": CODERS})


def maps(magick, modules):
    """The files of ours that ImageMagick maps when it is asked for a store, from the linker's own log."""
    done = magick.identify("OMEZARR:/no/such/store", ok=False, env={"MAGICK_CODER_MODULE_PATH": modules, "LD_DEBUG": "files"})
    return set(re.findall(r"calling init: (\S*/omezarr\.so)", done.stderr))


def cmake(*words, root):
    done = subprocess.run([CMAKE, *words], capture_output=True, text=True, env=dict(os.environ, DESTDIR=str(root)))
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not CMAKE.exists(), reason="cmake is not in /usr/bin")
def test_installed_side_by_side(magick, tmp_path):
    """All variants of the build are installed below one root; each program takes its own, and uninstall leaves nothing."""
    build, root = pathlib.Path(os.environ["OZR_MAGICK_BUILD"]), tmp_path / "root"
    record = build / "install_manifest_magick.txt"
    before = record.read_bytes() if record.exists() else None
    try:
        cmake("--install", build, "--component", "magick", root=root)
        folders = [p.parent for p in sorted(root.rglob("omezarr.so"))]
        assert len(folders) == len(list(MODULE.parents[1].glob("*/omezarr.so")))
        for folder in folders:
            assert sorted(p.name for p in folder.iterdir()) == sorted(["omezarr.so"] + [f"{n}.la" for n in NAMES])
        mine = [p for p in folders if str(p).endswith(CODERS) or str(p).endswith(f"coders/{VARIANT}")]
        mine = mine or [p for p in folders if p.parent.name == f"modules-{VARIANT[2:]}" and f"ImageMagick-{magick.version}" in str(p)]
        assert len(mine) == 1, folders
        for folder in folders:
            env = {"MAGICK_CODER_MODULE_PATH": f"{folder}:{CODERS}"}
            answer = magick.identify("OMEZARR:/no/such/store", ok=False, env=env).stderr
            assert ("`/no/such/store'" in answer and "delegate" not in answer) == (folder == mine[0]), answer
        assert maps(magick, f"{mine[0]}:{CODERS}") == {str(mine[0] / "omezarr.so")}
        cmake("-P", build / "uninstall.cmake", root=root)
        assert [p for p in root.rglob("*") if p.is_file()] == []
    finally:
        record.unlink(missing_ok=True)
        if before is not None:
            record.write_bytes(before)
