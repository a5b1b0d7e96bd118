# SPDX-License-Identifier: MIT
"""Where may be written to, and what a failure, a stop or a limit leaves behind: what was there before."""
import json
import pathlib
import re
import subprocess
import sys

import conftest
import numpy
import pytest
import stores
from writing import RAW, feed, files_of, gray, level0, multiscales, shape_of, write

OVERWRITE = ["-define", "omezarr:overwrite=true"]


def names(folder):
    return sorted(p.name for p in folder.iterdir())


@pytest.fixture
def store(magick, tmp_path):
    """A stack of three, and nothing else beside it."""
    folder = tmp_path / "place"
    folder.mkdir()
    words = feed(magick, gray((3, 40, 50)), tmp_path / "in")
    return magick.write(folder / "a.ome.zarr", *words, *RAW)


def test_refused_without_overwrite(magick, store):
    before = files_of(store)
    said = magick.refused("xc:red", store)
    assert "exists already; -define omezarr:overwrite=true replaces it" in said
    assert files_of(store) == before and names(store.parent) == ["a.ome.zarr"]
    magick.write(store, "-size", "9x8", "xc:red", *OVERWRITE)
    assert shape_of(store) == ("cyx", (3, 8, 9)) and names(store.parent) == ["a.ome.zarr"]


def test_only_stores_are_replaced(magick, tmp_path):
    """Not folders or files of other people, however often it is asked for."""
    place = tmp_path / "place"
    (place / "folder.zarr").mkdir(parents=True)
    (place / "folder.zarr/thesis.tex").write_text("years")
    (place / "file.zarr").write_text("years")
    (place / "link.zarr").symlink_to(place / "folder.zarr")
    write(magick, tmp_path / "mixed.zarr", gray((1, 9, 9)))
    (tmp_path / "mixed.zarr/notes.txt").write_text("years")
    for target in (place / "folder.zarr", place / "file.zarr", place / "link.zarr", tmp_path / "mixed.zarr"):
        before = files_of(tmp_path)
        magick.refused("xc:red", *OVERWRITE, target)
        magick.refused("xc:red", target)
        assert files_of(tmp_path) == before
    assert names(place) == ["file.zarr", "folder.zarr", "link.zarr"]


def test_empty_places(magick, tmp_path):
    """An empty file or folder, as programs make them that want to be sure of a name."""
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "b.zarr").touch()
    for name in ("a.zarr", "b.zarr"):
        magick.refused("xc:red", tmp_path / name)
        magick.write(tmp_path / name, "-size", "9x8", "xc:red", *OVERWRITE)
        assert shape_of(tmp_path / name)[1] == (3, 8, 9)


@pytest.mark.parametrize("part", ["[1]", "[0-1]", "[20x20+3+4]", "[level=0,z=1]"])
def test_parts_never_replace_the_whole(magick, store, part):
    before = files_of(store)
    said = magick.refused(f"OMEZARR:{store}{part}", "-negate", *OVERWRITE, store)
    assert "only a part of it" in said
    assert files_of(store) == before and names(store.parent) == ["a.ome.zarr"]
    link = store.parent / "other.zarr"
    link.symlink_to(store)
    magick.refused(f"OMEZARR:{link}{part}", *OVERWRITE, store)
    magick.refused(f"OMEZARR:{store}{part}", *OVERWRITE, link)
    assert files_of(store) == before


def test_levels_never_replace_the_whole(magick, tmp_path):
    store = write(magick, tmp_path / "a.zarr", gray((1, 600, 500)))
    before = files_of(store)
    assert "only a part" in magick.refused("-define", "omezarr:level=1", store, *OVERWRITE, store)
    assert files_of(store) == before


def test_labels_never_replace_their_image(magick, tmp_path):
    store = write(magick, tmp_path / "a.zarr", gray((1, 60, 50)))
    stores.write_image(store / "labels/cells", "0.5", "yx", [numpy.ones((60, 50), "u1")], [1, 1], ome={"image-label": {}})
    stores.write_group(store / "labels", "0.5", {"labels": ["cells"]})
    before = files_of(store)
    assert "only a part" in magick.refused(f"OMEZARR:{store}[label=cells]", *OVERWRITE, store)
    assert files_of(store) == before


def test_the_whole_replaces_itself(magick, store):
    pixels = level0(store)
    magick.write(store, store, "-negate", *OVERWRITE, *RAW)
    numpy.testing.assert_array_equal(level0(store), 65535 - pixels)


def test_mogrify(magick, store):
    """mogrify moves the old store aside before it writes: no pixel is lost, whatever was read."""
    pixels = level0(store)
    magick.tool("mogrify", *OVERWRITE, *RAW, "-negate", store, ok=False)
    found = [level0(p) for p in store.parent.iterdir()]
    assert any(numpy.array_equal(p, pixels) or numpy.array_equal(p, 65535 - pixels) for p in found)
    other = store.parent.parent / "other"
    other.mkdir()
    magick.tool("mogrify", "-path", other, *RAW, "-negate", store.parent / "a.ome.zarr")
    assert shape_of(other / "a.ome.zarr")[0] == "zyx"


def test_blobs_and_pipes(magick, tmp_path):
    """Nothing is written, also not to a temporary folder (the fixture looks there)."""
    for name in ("OMEZARR:-", "ZARR:-"):
        done = magick.convert("xc:red", name, ok=False, cwd=tmp_path)
        assert done.returncode != 0 and done.stdout == b"" and "an OME-Zarr is a folder" in done.stderr
    assert names(tmp_path) == []


def test_zipped(magick, tmp_path):
    for name in (tmp_path / "a.ozx", f"OZX:{tmp_path / 'a.zarr'}"):
        done = magick.convert("xc:red", name, ok=False)
        assert done.returncode != 0 and "(.ozx) are not written" in done.stderr
        for left in tmp_path.iterdir():  # version 6 makes an empty file before it asks us
            assert left.stat().st_size == 0
            left.unlink()


def test_names_of_several(magick, tmp_path):
    words = feed(magick, gray((3, 20, 30)), tmp_path / "in")
    magick.convert(*words, *RAW, tmp_path / "out" / "a.zarr", ok=False)
    (tmp_path / "out").mkdir()
    magick.convert(*words, *RAW, "+adjoin", tmp_path / "out/a.ome.zarr")
    assert names(tmp_path / "out") == ["a-0.ome.zarr", "a-1.ome.zarr", "a-2.ome.zarr"]
    magick.convert(*words, *RAW, "+adjoin", tmp_path / "out/b_%02d.zarr")
    assert names(tmp_path / "out")[3:] == ["b_00.zarr", "b_01.zarr", "b_02.zarr"]
    pixels = gray((3, 20, 30))
    for i in range(3):
        numpy.testing.assert_array_equal(level0(tmp_path / f"out/a-{i}.ome.zarr"), pixels[i])
        numpy.testing.assert_array_equal(level0(tmp_path / f"out/b_{i:02}.zarr"), pixels[i])
    magick.convert(*words[:-2], *RAW, "+adjoin", tmp_path / "out/c.zarr")
    assert (tmp_path / "out/c.zarr").is_dir()


def test_names_of_folders(magick, tmp_path):
    magick.convert("xc:red", f"OMEZARR:{tmp_path}/slash/")
    magick.convert("xc:red", f"OMEZARR:{tmp_path}/no.suffix")
    assert shape_of(tmp_path / "slash")[0] == "cyx" and multiscales(tmp_path / "no.suffix")["name"] == "no.suffix"
    said = magick.refused("xc:red", tmp_path / "missing/a.zarr")
    assert "missing" in said and "does not exist" in said


def test_positions_are_not_written(magick, store):
    before = files_of(store)
    for place in ("[z=1]", "[label=cells]", "[level=0]", "[z=oops]"):
        for more in ([], OVERWRITE, ["-define", "omezarr:append=true"]):
            assert store.name in magick.refused("-size", "50x40", "xc:red", *more, f"OMEZARR:{store}{place}")
    assert files_of(store) == before and names(store.parent) == ["a.ome.zarr"]


@pytest.mark.parametrize("define, says", [
    ("chunk=0", "chunk=0: must be"), ("axes=zzyx", "axes=zzyx: must be"), ("version=0.3", "0.4 or 0.5"),
    ("shard=100", "multiple of the chunk"), ("chunk=2x2x9x9", "4 numbers for an image of 3 axes"),
    ("axes=tzyx", "size-z is needed"), ("axes=yx", "must be 1 images"), ("levels=nine", "from 1"),
    ("dtype=half", "uint8"), ("compression=jpeg", "blosc-zstd"), ("label=perhaps", "true or false")])
def test_errors_before_anything_is_made(magick, store, tmp_path, define, says):
    """One error, and not even the old store is touched."""
    before = files_of(store)
    words = feed(magick, gray((3, 40, 50)), tmp_path / "again")
    for more, target in (([], store.parent / "new.zarr"), (OVERWRITE, store)):
        done = magick.convert(*words, *more, "-define", "omezarr:" + define, target, ok=False)
        assert done.returncode != 0 and says in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
        assert files_of(store) == before and names(store.parent) == ["a.ome.zarr"]


def test_unknown_define(magick, tmp_path):
    done = magick.convert("xc:red", "-define", "omezarr:chnuk=3", tmp_path / "a.zarr", ok="warned")
    assert "omezarr:chnuk" in done.stderr and (tmp_path / "a.zarr").is_dir()


# --- Monitors ---------------------------------------------------------------------------------


def monitored(magick, stop, target, *words):
    """Write with a monitor that says stop after so many calls."""
    libraries = subprocess.run(["ldd", conftest.PROGRAM], capture_output=True, text=True).stdout
    library = re.search(r"libMagickWand\S* => (\S+)", libraries)[1]
    script = pathlib.Path(__file__).with_name("monitor.py")
    env = magick.environment()
    if "ASAN_OPTIONS" in env:  # Python's leaks are not ours
        env["ASAN_OPTIONS"] += ":detect_leaks=0"
    done = subprocess.run([sys.executable, script, library, str(stop), str(target), *map(str, words)], capture_output=True,
                          text=True, env=env, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("images", [1, 2])
def test_memory(magick, tmp_path, images):
    """Into memory: an error, no bytes, and nothing in a temporary folder (the fixture looks there)."""
    magick.convert(*feed(magick, gray((images, 40, 30)), tmp_path / "in"), tmp_path / "in.miff")
    assert monitored(magick, 0, "blob:PNG", tmp_path / "in.miff")["result"] > 100
    told = monitored(magick, 0, "blob:OMEZARR", tmp_path / "in.miff")
    assert told["result"] == 0 and "an OME-Zarr is a folder" in told["error"]


@pytest.mark.parametrize("images", [1, 3])
def test_progress(magick, tmp_path, images):
    """The monitor is told of the whole way, once and upwards."""
    magick.convert(*feed(magick, gray((images, 400, 300)), tmp_path / "in"), tmp_path / "in.miff")
    told = monitored(magick, 0, tmp_path / "a.zarr", tmp_path / "in.miff")
    assert told["result"] == 1 and (tmp_path / "a.zarr").is_dir()
    ours = [offset / extent for tag, offset, extent in told["told"] if tag.startswith("Save/Image/")]
    assert len(ours) >= 3 and ours == sorted(ours) and ours[0] == 0 and 0.99 < ours[-1] <= 1


def test_stop(magick, store, tmp_path):
    """Whenever it comes: no new store, and the old one byte for byte."""
    magick.convert(*feed(magick, gray((3, 400, 300)), tmp_path / "in"), tmp_path / "in.miff")
    before, stopped, calls = files_of(store), 0, 0
    while True:
        calls += 1
        for target, options in ((store.parent / "new.zarr", []), (store, ["omezarr:overwrite=true"])):
            told = monitored(magick, calls, target, tmp_path / "in.miff", "--", *options)
            if told["result"]:
                break
            stopped += 1
            assert files_of(store) == before and names(store.parent) == ["a.ome.zarr"]
        if told["result"]:
            break
    assert stopped >= 4


def test_stopped_append(magick, store, tmp_path):
    """Readers see the store as it was, and the next append completes it."""
    pixels = level0(store)
    more = gray((2, 40, 50), seed=5)
    magick.convert(*feed(magick, more, tmp_path / "more"), tmp_path / "in.miff")
    told = monitored(magick, 1, store, tmp_path / "in.miff", "--", "omezarr:append=true")
    assert told["result"] == 0
    numpy.testing.assert_array_equal(level0(store), pixels)
    told = monitored(magick, 0, store, tmp_path / "in.miff", "--", "omezarr:append=true")
    assert told["result"] == 1
    numpy.testing.assert_array_equal(level0(store), numpy.concatenate([pixels, more]))


# --- Policy and limits ------------------------------------------------------------------------


def policy(folder, *lines):
    folder.mkdir(exist_ok=True)
    (folder / "policy.xml").write_text("<policymap>\n" + "\n".join(f"<policy {line}/>" for line in lines) + "\n</policymap>")
    return {"MAGICK_CONFIGURE_PATH": str(folder)}


@pytest.mark.parametrize("name", ["OMEZARR", "ZARR", "OZX"])
def test_policy_of_coders(magick, tmp_path, name):
    """Forbidden under one of its names is forbidden under all; what may be read still is."""
    store = write(magick, tmp_path / "a.zarr", gray((1, 9, 9)))
    env = policy(tmp_path / "policy", f'domain="coder" rights="read" pattern="{name}"')
    for prefix in ("OMEZARR:", "ZARR:", ""):
        done = magick.convert("xc:red", f"{prefix}{tmp_path}/b.zarr", ok=False, env=env)
        assert done.returncode != 0 and not (tmp_path / "b.zarr").exists()
        assert "not allowed" in done.stderr or "not authorized" in done.stderr.lower() or "does not allow" in done.stderr
    magick.convert(store, "null:", env=env)


def test_policy_of_paths(magick, tmp_path):
    env = policy(tmp_path / "policy", f'domain="path" rights="read" pattern="{tmp_path}/closed/*"')
    (tmp_path / "closed").mkdir()
    done = magick.convert("xc:red", tmp_path / "closed/b.zarr", ok=False, env=env)
    assert done.returncode != 0 and "policy" in done.stderr.lower()
    assert names(tmp_path / "closed") == []
    magick.convert("xc:red", tmp_path / "open.zarr", env=env)


def test_small_memory(magick, tmp_path):
    """The library's buffers stay within the limit for memory."""
    pixels = gray((4, 700, 600))
    words = feed(magick, pixels, tmp_path / "in")
    magick.write(tmp_path / "a.zarr", "-limit", "memory", "8MiB", "-limit", "map", "64MiB", *words, *RAW, "-define",
                 "omezarr:chunk=1x128x128")
    numpy.testing.assert_array_equal(level0(tmp_path / "a.zarr"), pixels)
