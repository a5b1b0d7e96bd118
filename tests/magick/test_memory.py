# SPDX-License-Identifier: MIT
"""Memory that no limit of ImageMagick counts stays small."""
import os
import subprocess

import numpy
import pytest
import stores


def peak(magick, *words):
    """Memory of a program at its largest, in MiB."""
    child = subprocess.Popen(magick.command("convert") + [str(w) for w in words], env=magick.environment())
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    return usage.ru_maxrss / 1024


@pytest.mark.parametrize("chunk", [64, 1024])
def test_pixel_caches_on_disk(magick, tmp_path, chunk):
    """An image of 122 MiB (of which 15 in the store) whose pixels are on disk."""
    if magick.sanitized:
        pytest.skip("the sanitizer's own memory is larger")
    limits = ["-limit", "memory", "16MiB", "-limit", "map", 0, "-limit", "disk", "4GiB"]
    stores.write_image(tmp_path / "a.zarr", "0.5", "yx", [numpy.full((4000, 4000), 7, "u1")], [1, 1], chunks=[chunk, chunk])
    assert peak(magick, *limits, f"{tmp_path}/a.zarr", "null:") < peak(magick, *limits, "xc:red", "null:") + 20
