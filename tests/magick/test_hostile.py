# SPDX-License-Identifier: MIT
"""Damaged and hostile stores through stock ImageMagick, under 512 MiB of address space (a sanitized build: of what
ImageMagick may use only): one error each that names the file and what is wrong with it, and nothing else. No
pixels, no output, no crash, soon."""
import gzip
import json
import os
import pathlib
import sys
import time

import pytest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "hostile"))
from damage import ARRAY, BYTES, CASES, GOOD_SHARD, GROUP, SHARDING, V2_ARRAY, V2_CASES, changed, make, make_v2, shard  # noqa: E402

MEMORY = 512 << 20
SECONDS = 20
LIMITS = ("-limit", "memory", "512MiB")
MULTISCALES = "/attributes/ome/multiscales/0"
ENTRY = GROUP["attributes"]["ome"]["multiscales"][0]


def run(magick, name, folder, *options):
    """Read all of a store: what was said, and whether an image came of it."""
    output, start = folder / "output.miff", time.monotonic()
    done = magick.convert(*LIMITS, *options, name, output, ok=False, address_space=MEMORY, timeout=3 * SECONDS)
    assert time.monotonic() - start < SECONDS * (3 if magick.sanitized else 1)
    return done, output


def errors_of(done):
    """The exceptions, one line each; that no images are left for the output follows from the first."""
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return [line for line in lines if "no images " not in line]


def refused(magick, name, folder, *words, options=()):
    done, output = run(magick, name, folder, *options)
    errors = errors_of(done)
    assert done.returncode != 0, "read without an error: " + done.stderr
    assert len(errors) == 1, done.stderr
    for word in words:
        assert word in errors[0], errors[0]
    assert len(errors[0]) < 800
    assert all(c.isprintable() for c in errors[0]), repr(errors[0])
    assert not output.exists()


def test_the_good_ones(magick, tmp_path):
    """What the cases are made from is read: they fail for what was done to them."""
    sharded = dict(ARRAY, codecs=[SHARDING])
    for path in (make(tmp_path / "a.ome.zarr"), make(tmp_path / "b.ome.zarr", array=sharded, chunks=shard(GOOD_SHARD)),
                 make_v2(tmp_path / "c.ome.zarr"), planes(tmp_path / "d.ome.zarr", [3, 8, 8])):
        done, output = run(magick, path, tmp_path)
        assert done.returncode == 0 and done.stderr == "" and output.stat().st_size > 8 * 8, done.stderr
        output.unlink()


# A shape that GDAL cannot have is one that ImageMagick must not: the message names the limit or the size.
WORDS = {"shape-beyond-gdal": []}


@pytest.mark.parametrize("name", CASES)
def test_case(name, magick, tmp_path):
    what, words = CASES[name]
    path = make(tmp_path / f"{name}.ome.zarr", **what)
    refused(magick, path, tmp_path, path.name, *WORDS.get(name, words))


@pytest.mark.parametrize("name", V2_CASES)
def test_v2(name, magick, tmp_path):
    place, value, words = V2_CASES[name]
    path = make_v2(tmp_path / f"{name}.ome.zarr", changed(V2_ARRAY, place, value))
    refused(magick, path, tmp_path, path.name, ".zarray", *words)


# --- shapes ----------------------------------------------------------------

def planes(path, shape, chunk=(1, 4, 4), **more):
    """A store with an axis z; chunks are missing."""
    group = changed(changed(GROUP, MULTISCALES + "/axes", [{"name": n, "type": "space"} for n in "zyx"]),
                    MULTISCALES + "/datasets/0/coordinateTransformations/0/scale", [1, 1, 1])
    array = changed(changed(changed(ARRAY, "/shape", list(shape)), "/chunk_grid/configuration/chunk_shape", list(chunk)),
                    "/dimension_names", ["z", "y", "x"])
    make(path, group=group, array={**array, **more}, chunks=b"")
    (path / "0/c/0/0").unlink()
    return path


@pytest.mark.parametrize("shape", [[4 * 10**9, 4 * 10**9], [2**31, 8], [8, 2**40], [2**62, 2**62]])
def test_huge_plane(shape, magick, tmp_path):
    path = make(tmp_path / "a.ome.zarr", array=changed(ARRAY, "/shape", shape))
    refused(magick, path, tmp_path, path.name)


@pytest.mark.parametrize("shape", [[0, 8], [8, 0], [0, 0]])
def test_empty_plane(shape, magick, tmp_path):
    path = make(tmp_path / "a.ome.zarr", array=changed(ARRAY, "/shape", shape))
    refused(magick, path, tmp_path, path.name)


@pytest.mark.parametrize("n", [10**5, 2**40, 2**62])
def test_absurd_number_of_planes(n, magick, tmp_path):
    path = planes(tmp_path / "a.ome.zarr", [n, 8, 8])
    refused(magick, path, tmp_path, path.name, "[")


def test_one_of_many_planes(magick, tmp_path):
    """The same store is fine when it is asked for one plane of it."""
    path = planes(tmp_path / "a.ome.zarr", [2**40, 8, 8])
    done, output = run(magick, f"{path}[1000000000]", tmp_path)
    assert done.returncode == 0 and errors_of(done) == [] and output.exists(), done.stderr


def test_huge_chunk_that_is_missing(magick, tmp_path):
    """Nothing of it is stored: a terabyte of the fill value, of which one pixel is wanted."""
    array = changed(changed(ARRAY, "/shape", [2**20, 2**20]), "/chunk_grid/configuration/chunk_shape", [2**20, 2**20])
    path = make(tmp_path / "a.ome.zarr", array=array)
    refused(magick, f"{path}[8x8+0+0]", tmp_path, path.name, "chunk")


# --- levels that disagree ----------------------------------------------------

def two_levels(path, second):
    datasets = [{"path": p, "coordinateTransformations": [{"type": "scale", "scale": [s, s]}]} for p, s in (("0", 1), ("1", 2))]
    make(path, group=changed(GROUP, MULTISCALES + "/datasets", datasets))
    (path / "1").mkdir()
    (path / "1/zarr.json").write_text(json.dumps(second))
    return path


SECOND = {
    "level-other-type": changed(changed(ARRAY, "/shape", [4, 4]), "/data_type", "float32"),
    "level-other-rank": changed(changed(changed(ARRAY, "/shape", [1, 4, 4]), "/chunk_grid/configuration/chunk_shape", [1, 4, 4]), "/dimension_names", ["z", "y", "x"]),
    "level-larger": changed(ARRAY, "/shape", [2**33, 2**33]),
    "level-is-a-group": {"zarr_format": 3, "node_type": "group"},
    "level-empty": changed(ARRAY, "/shape", [0, 4]),
    "level-chunk-zero": changed(ARRAY, "/chunk_grid/configuration/chunk_shape", [0, 4]),
}


@pytest.mark.parametrize("name", SECOND)
def test_second_level(name, magick, tmp_path):
    path = two_levels(tmp_path / f"{name}.ome.zarr", SECOND[name])
    refused(magick, path, tmp_path, path.name, options=("-define", "omezarr:level=1"))


# --- names that lead elsewhere -------------------------------------------------

@pytest.mark.parametrize("label", ["../../secret", "/etc", "..", "a/../../..", "."])
def test_label_that_escapes(label, magick, tmp_path):
    path = make(tmp_path / "a.ome.zarr")
    make(tmp_path / "secret")
    (path / "labels").mkdir()
    (path / "labels/zarr.json").write_text(json.dumps({"zarr_format": 3, "node_type": "group", "attributes": {"ome": {"version": "0.5", "labels": [label]}}}))
    refused(magick, f"OMEZARR:{path}[label={label}]", tmp_path, "label")


@pytest.mark.parametrize("place", ["zarr.json", "0/zarr.json", "0/c/0/0"])
def test_link_out_of_the_store(place, magick, tmp_path):
    path, other = make(tmp_path / "a.ome.zarr"), make(tmp_path / "b.ome.zarr")
    (path / place).unlink()
    (path / place).symlink_to(other / place)
    refused(magick, path, tmp_path, path.name, place.split("/")[-1])


def test_folder_that_is_a_link_out(magick, tmp_path):
    path, other = make(tmp_path / "a.ome.zarr"), make(tmp_path / "b.ome.zarr")
    (path / "0").rename(tmp_path / "away")
    (path / "0").symlink_to(other / "0")
    refused(magick, path, tmp_path, path.name)


@pytest.mark.parametrize("target", ["/dev/zero", "/etc/passwd", "/proc/self/mem"])
def test_chunk_that_is_a_link_to_the_system(target, magick, tmp_path):
    path = make(tmp_path / "a.ome.zarr")
    (path / "0/c/0/0").unlink()
    (path / "0/c/0/0").symlink_to(target)
    refused(magick, path, tmp_path, path.name, "c/0/0")


# --- files that are none -------------------------------------------------------

PLACES = pytest.mark.parametrize("place", ["zarr.json", "0/zarr.json", "0/c/0/0"])


@PLACES
def test_pipe(place, magick, tmp_path):
    path = make(tmp_path / "a.ome.zarr")
    (path / place).unlink()
    os.mkfifo(path / place)
    refused(magick, path, tmp_path, path.name)


@pytest.mark.parametrize("place", ["zarr.json", "0/zarr.json"])
def test_folder(place, magick, tmp_path):
    path = make(tmp_path / "a.ome.zarr")
    (path / place).unlink()
    (path / place).mkdir()
    refused(magick, path, tmp_path, path.name)


def test_folder_in_place_of_a_chunk(magick, tmp_path):
    """A folder is no value: the chunk is missing, as it is for zarr-python."""
    path = make(tmp_path / "a.ome.zarr")
    (path / "0/c/0/0").unlink()
    (path / "0/c/0/0").mkdir()
    want = [[0] * 4 + [7] * 4] * 4 + [[7] * 8] * 4
    assert magick.pixels(path)[0].tolist() == want


@PLACES
def test_loop_of_links(place, magick, tmp_path):
    """Unreadable (ELOOP) is not missing: no fill value, no other kind of store."""
    path = make(tmp_path / "a.ome.zarr")
    (path / place).unlink()
    (path / place).symlink_to(pathlib.Path(place).name)
    refused(magick, path, tmp_path, path.name)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for root")
@PLACES
def test_unreadable(place, magick, tmp_path):
    path = make(tmp_path / "a.ome.zarr")
    (path / place).chmod(0)
    refused(magick, path, tmp_path, path.name, "ermission")


@pytest.mark.parametrize("content", [b"", b"PK\3\4" + bytes(100), b"\x89PNG\r\n\x1a\n", os.urandom(1000)], ids=["empty", "zip", "png", "noise"])
def test_file_instead_of_a_folder(content, magick, tmp_path):
    path = tmp_path / "a.ome.zarr"
    path.write_bytes(content)
    refused(magick, f"OMEZARR:{path}", tmp_path, path.name)


def test_empty_folder(magick, tmp_path):
    (tmp_path / "a.ome.zarr").mkdir()
    refused(magick, tmp_path / "a.ome.zarr", tmp_path, "a.ome.zarr")


def test_missing_store(magick, tmp_path):
    refused(magick, tmp_path / "no.ome.zarr", tmp_path, "no.ome.zarr")


# --- bombs -----------------------------------------------------------------------

def codec(name, **configuration):
    return changed(ARRAY, "/codecs", [BYTES, {"name": name, "configuration": configuration}])


def test_gzip_bomb(magick, tmp_path):
    path = make(tmp_path / "a.ome.zarr", array=codec("gzip", level=9), chunks=gzip.compress(bytes(1 << 30)) if not magick.sanitized else gzip.compress(bytes(1 << 26)))
    refused(magick, path, tmp_path, path.name, "c/0/0", "gzip")


def test_zstd_bomb(magick, tmp_path):
    """A frame that says it holds 2^62 bytes."""
    frame = b"\x28\xb5\x2f\xfd" + b"\xe0" + (2**62).to_bytes(8, "little") + b"\x03\x00\x00\x07" + b"\x01\x00\x00"
    path = make(tmp_path / "a.ome.zarr", array=codec("zstd", level=1), chunks=frame)
    refused(magick, path, tmp_path, path.name, "c/0/0", "zstd")


def test_metadata_of_200_megabytes(magick, tmp_path):
    path = make(tmp_path / "a.ome.zarr")
    with open(path / "zarr.json", "ab") as file:
        file.truncate(200 << 20)
    refused(magick, path, tmp_path, path.name, "zarr.json")


def test_million_labels(magick, tmp_path):
    path = make(tmp_path / "a.ome.zarr")
    (path / "labels").mkdir()
    names = ",".join('"a"' for _ in range(10**5 if magick.sanitized else 10**6))
    (path / "labels/zarr.json").write_text('{"zarr_format": 3, "node_type": "group", "attributes": {"ome": {"version": "0.5", "labels": [%s]}}}' % names)
    refused(magick, f"OMEZARR:{path}[label=b]", tmp_path, "b")


def test_checksum_of_a_flipped_chunk(magick, tmp_path):
    path = make(tmp_path / "a.ome.zarr", array=changed(ARRAY, "/codecs", [BYTES, {"name": "crc32c"}]), chunks=bytes(32) + b"\1\2\3\4")
    refused(magick, path, tmp_path, path.name, "c/0/0", "crc32c")


# --- what is said about the image ---------------------------------------------------

@pytest.mark.parametrize("scale", ["NaN", "Infinity", "1e999", '"1"', "null"])
def test_scale(scale, magick, tmp_path):
    path = make(tmp_path / "a.ome.zarr", group=json.dumps(GROUP).replace('"scale": [1, 1]', f'"scale": [1, {scale}]'))
    refused(magick, path, tmp_path, path.name)


def no_escapes(*texts):
    """Nothing that a file says steers the terminal of who looks at it."""
    for text in texts:
        lines = text if isinstance(text, str) else text.decode()
        assert all(c.isprintable() or c == "\n" for c in lines), repr([c for c in lines if not c.isprintable() and c != "\n"])


@pytest.mark.parametrize("name", ["y\r", "y\x1b[31m", "y\x7f", "y\x9b31m", "y" * 100000], ids=["return", "escape", "delete", "csi", "long"])
def test_axis_name(name, magick, tmp_path):
    """An axis of planes: its name is in properties and in messages."""
    path = planes(tmp_path / "a.ome.zarr", [3, 8, 8])
    group = json.loads((path / "zarr.json").read_text())
    (path / "zarr.json").write_text(json.dumps(changed(group, MULTISCALES + "/axes/0/name", name)))
    done, output = run(magick, path, tmp_path)
    assert (done.returncode == 0) == output.exists()
    seen = magick.identify("-verbose", path, ok=False)
    no_escapes(done.stderr, seen.stderr, seen.stdout)
    no_escapes(magick.identify(f"OMEZARR:{path}[q=1]", ok=False).stderr)


def channels(path, omero):
    """A store of two channels."""
    group = changed(changed(GROUP, MULTISCALES + "/axes", [{"name": "c", "type": "channel"}, *ENTRY["axes"]]),
                    MULTISCALES + "/datasets/0/coordinateTransformations/0/scale", [1, 1, 1])
    group["attributes"]["ome"]["omero"] = omero
    array = changed(changed(changed(ARRAY, "/shape", [2, 8, 8]), "/chunk_grid/configuration/chunk_shape", [1, 8, 8]), "/dimension_names", ["c", "y", "x"])
    make(path, group=group, array=array, chunks=b"")
    (path / "0/c/0/0").unlink()
    return path


OMERO = {
    "omero-text": "all of them",
    "omero-number": {"channels": 7},
    "omero-null-channels": {"channels": [None, None]},
    "omero-other-count": {"channels": [{"color": "FF0000"}] * 5},
    "omero-none": {"channels": []},
    "omero-color": {"channels": [{"color": "GG0000"}, {"color": "\x1b[31m"}]},
    "omero-window-text": {"channels": [{"color": "FF0000", "window": {"start": "a", "end": "b", "min": 0, "max": 1}}] * 2},
    "omero-window-backwards": {"channels": [{"color": "FF0000", "window": {"start": 9, "end": 1, "min": 0, "max": 1}}] * 2},
    "omero-window-empty": {"channels": [{"color": "FF0000", "window": {"start": 5, "end": 5, "min": 5, "max": 5}}] * 2},
    "omero-label-control": {"channels": [{"color": "FF0000", "label": "a\x1b[31m\nb"}] * 2},
    "omero-deep": {"channels": [{"color": "FF0000", "family": [[[[[[]]]]]]}] * 2},
}


@pytest.mark.parametrize("name", OMERO)
def test_omero(name, magick, tmp_path):
    """omero is decoration: pixels are read without it, and a composite needs it, or says what is wrong with it."""
    path = channels(tmp_path / f"{name}.ome.zarr", OMERO[name])
    done, output = run(magick, path, tmp_path)
    assert done.returncode == 0 and output.exists(), done.stderr
    output.unlink()
    done, output = run(magick, path, tmp_path, "-define", "omezarr:channels=composite")
    assert (done.returncode == 0) == output.exists(), done.stderr
    assert done.returncode == 0 or len(errors_of(done)) == 1, done.stderr
    seen = magick.identify("-verbose", path, ok=False)
    no_escapes(done.stderr, seen.stderr, seen.stdout)


def test_wanted_scenes_that_are_not_there(magick, tmp_path):
    path = planes(tmp_path / "a.ome.zarr", [3, 8, 8])
    for scenes in ("3", "99999999999999999", "0-18446744073709551615", "-4", "1,2,3"):
        refused(magick, f"{path}[{scenes}]", tmp_path)
