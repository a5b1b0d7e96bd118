# SPDX-License-Identifier: MIT
"""A file system that is too small, and one that is read-only: one clear message, nothing half-made, the
old store intact. Needs the right to mount a tmpfs (root, or a user namespace)."""
import os
import shutil
import subprocess

import pytest
from common import environment, fingerprint, specimen, translate


@pytest.fixture
def small_disk(tmp_path):
    """A folder that is a file system of 3 MiB."""
    if os.getuid() != 0:
        pytest.skip("mounting a tmpfs needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip("mounting a tmpfs is not possible here: " + done.stderr.strip())
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def errors(done):
    return [line for line in done.stderr.splitlines() if line.startswith("ERROR")]


def test_no_space(small_disk, tmp_path):
    source = specimen(tmp_path, 96, 256, 256)
    target = small_disk / "out.ome.zarr"
    done = translate(source, target)
    assert done.returncode != 0
    assert len(errors(done)) == 1 and "No space left" in done.stderr and "out.ome.zarr" in done.stderr, done.stderr
    assert list(small_disk.iterdir()) == []


def test_no_space_for_an_overwrite(small_disk, tmp_path):
    target = small_disk / "out.ome.zarr"
    small = specimen(tmp_path, 8, 100, 100)
    assert translate(small, target).returncode == 0
    before = fingerprint(small_disk)
    big = specimen(tmp_path, 96, 256, 256)
    done = translate(big, target, "-co", "OVERWRITE=YES")
    assert done.returncode != 0 and len(errors(done)) == 1, done.stderr
    assert fingerprint(small_disk) == before


def test_read_only(small_disk, tmp_path):
    source = specimen(tmp_path, 8, 100, 100)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    done = translate(source, small_disk / "out.ome.zarr")
    assert done.returncode != 0 and len(errors(done)) == 1, done.stderr
    assert "Read-only file system" in done.stderr


def test_existing_target(tmp_path):
    source = specimen(tmp_path, 8, 100, 100)
    target = tmp_path / "out.ome.zarr"
    assert translate(source, target).returncode == 0
    before = fingerprint(target)
    done = translate(source, target)
    assert done.returncode != 0 and "OVERWRITE=YES" in done.stderr, done.stderr
    assert fingerprint(target) == before
    shutil.rmtree(target)
    target.mkdir()
    (target / "letters.txt").write_text("not ours")
    done = translate(source, target, "-co", "OVERWRITE=YES")
    assert done.returncode != 0 and (target / "letters.txt").read_text() == "not ours", done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.ome.zarr", "specimen.img", "specimen.img.hdr"]


def test_missing_parent(tmp_path):
    source = specimen(tmp_path, 4, 50, 50)
    done = translate(source, tmp_path / "no" / "such" / "out.ome.zarr")
    assert done.returncode != 0 and len(errors(done)) == 1 and "such" in done.stderr, done.stderr
