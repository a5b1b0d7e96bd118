# SPDX-License-Identifier: MIT
"""SIGKILL at random moments of a conversion: the target is absent or complete, an old target is the
old one or the new one, and the next run cleans up what the killed one left."""
import random
import shutil
import signal
import subprocess
import time

import pytest
from common import environment, fingerprint, same_pixels, specimen, translate, translate_command

ROUNDS = 100


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return specimen(tmp_path_factory.mktemp("source"), 96, 200, 220)


def run_time(source, target):
    start = time.monotonic()
    done = translate(source, target)
    assert done.returncode == 0, done.stderr
    return time.monotonic() - start


def kill_after(command, seconds):
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_new_target(source, tmp_path):
    target = tmp_path / "out.ome.zarr"
    whole = run_time(source, target)
    good = fingerprint(target)
    shutil.rmtree(target)
    absent = 0
    generator = random.Random(1)
    for _ in range(ROUNDS):
        kill_after(translate_command(source, target), generator.uniform(0, 1.1 * whole))
        if target.exists():
            assert fingerprint(target) == good
            shutil.rmtree(target)
        else:
            absent += 1
    assert 0 < absent
    run_time(source, target)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.ome.zarr"], "leftovers of killed runs"
    assert same_pixels(source, target)


def test_overwrite(source, tmp_path):
    target = tmp_path / "out.ome.zarr"
    other = specimen(tmp_path, 20, 200, 220)
    assert translate(other, target).returncode == 0
    old = fingerprint(target)
    # In a folder of its own, because the metadata holds the store's name.
    (tmp_path / "new").mkdir()
    whole = run_time(source, tmp_path / "new/out.ome.zarr")
    new = fingerprint(tmp_path / "new/out.ome.zarr")
    generator = random.Random(2)
    for _ in range(ROUNDS // 4):
        kill_after(translate_command(source, target, "-co", "OVERWRITE=YES"), generator.uniform(0, 1.1 * whole))
        now = fingerprint(target)
        assert now in (old, new)
        if now == new:
            done = translate(other, target, "-co", "OVERWRITE=YES")
            assert done.returncode == 0, done.stderr
