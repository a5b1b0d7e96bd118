# SPDX-License-Identifier: MIT
"""Each case is a small valid store with one thing damaged. Reading it must end with exactly one error that
names the file, the key and the value, quickly and in little memory; never with pixels."""
import glob
import json
import os
import resource
import subprocess
import time

import pytest
from damage import ARRAY, CASES, GOOD_SHARD, SHARDING, V2_ARRAY, V2_CASES, changed, make, make_v2, shard

MEMORY = 2 << 30  # bytes of address space: GDAL itself maps about 1 GiB
SECONDS = 20


def environment():
    folders = [os.environ["OZR_DRIVER_FOLDER"]] + glob.glob("/usr/lib/*/gdalplugins")
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("GDAL_", "CPL_"))}
    return dict(keep, GDAL_DRIVER_PATH=":".join(folders), GDAL_PAM_ENABLED="NO")


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def read(path, *args):
    """gdal_translate to a raw file: opens the store and reads every pixel of it."""
    start = time.monotonic()
    done = subprocess.run(["/usr/bin/gdal_translate", "-q", "-of", "ENVI", *args, str(path), str(path) + ".img"],
                          env=environment(), capture_output=True, text=True, preexec_fn=limit, timeout=SECONDS * 3)
    assert time.monotonic() - start < SECONDS
    assert done.returncode >= 0, f"killed by signal {-done.returncode}"
    return done


def test_the_good_one(tmp_path):
    assert read(make(tmp_path / "a.ome.zarr")).returncode == 0
    sharded = dict(ARRAY, codecs=[SHARDING])
    assert read(make(tmp_path / "b.ome.zarr", array=sharded, chunks=shard(GOOD_SHARD))).returncode == 0


@pytest.mark.parametrize("name", CASES)
def test_case(name, tmp_path):
    what, words = CASES[name]
    path = make(tmp_path / f"{name}.ome.zarr", **what)
    done = read(path)
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    assert done.returncode != 0, "read without an error"
    assert len(errors) == 1, done.stderr
    for word in words + [path.name]:
        assert word in errors[0], errors[0]
    assert len(errors[0]) < 600


def test_missing_store(tmp_path):
    done = read(tmp_path / "no.ome.zarr")
    assert done.returncode != 0 and "no.ome.zarr" in done.stderr


def test_link_out_of_the_store(tmp_path):
    path = make(tmp_path / "a.ome.zarr")
    secret = tmp_path / "secret"
    secret.write_bytes(b"\1\0" * 16)
    (path / "0/c/0/0").unlink()
    (path / "0/c/0/0").symlink_to(secret)
    done = read(path)
    assert done.returncode != 0 and "c/0/0" in done.stderr, done.stderr


def test_unreadable_chunk_is_not_a_missing_one(tmp_path):
    path = make(tmp_path / "a.ome.zarr")
    (path / "0/c/1/1").unlink()
    (path / "0/c/1/1").symlink_to("1")  # a loop: ELOOP, not "not found"
    done = read(path)
    assert done.returncode != 0 and "c/1/1" in done.stderr, done.stderr


def test_big_shape_costs_nothing(tmp_path):
    """An image of 2^31 x 2^31 pixels opens, and a window of it is read, in little memory."""
    path = make(tmp_path / "a.ome.zarr", array=changed(ARRAY, "/shape", [2**31 - 1, 2**31 - 1]))
    done = read(path, "-srcwin", "1000000000", "2000000000", "64", "64")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.ome.zarr.img").read_bytes() == bytes(64 * 64 * 2)


@pytest.mark.parametrize("name", V2_CASES)
def test_v2(name, tmp_path):
    place, value, words = V2_CASES[name]
    path = make_v2(tmp_path / f"{name}.ome.zarr")
    assert read(path).returncode == 0
    (path / "0/.zarray").write_text(json.dumps(changed(V2_ARRAY, place, value)))
    done = read(path)
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    assert done.returncode != 0 and len(errors) == 1, done.stderr
    for word in words + [".zarray"]:
        assert word in errors[0], errors[0]
