# SPDX-License-Identifier: MIT
"""Real images: to OME-Zarr and back, and `compare` finds no pixel that differs."""
import numpy
import pytest
from writing import level0, shape_of


def differing(magick, one, two):
    """Pixels that differ, of every image of both."""
    done = magick.tool("compare", "-metric", "AE", one, two, "null:", ok=False)
    assert done.returncode in (0, 1), done.stderr
    numbers = [line for line in done.stderr.splitlines() if "warning" not in line.lower()]
    assert numbers, done.stderr
    return [float(word) for line in numbers for word in line.split()[:1]]


def images(magick, name):
    return len(magick.identify("-ping", "-format", "%s\n", name, ok="warned").stdout.split())


# name, how it is asked for, what it must be like to be compared, axes and how they are folded
CASES = [("sample.tif", [], "cyx"), ("CMU-1-Small-Region.svs[0]", [], "cyx"), ("subsampled.tif", ["-colorspace", "sRGB", "-depth", 8], "cyx"),
         ("multi-channel-z-series.ome.tif", ["-define", "omezarr:axes=czyx", "-define", "omezarr:size-c=3"], "czyx"),
         ("multi-channel-z-series.ome.tif", [], "zyx")]


@pytest.mark.parametrize("name, words, axes", CASES)
def test_there_and_back(magick, data, tmp_path, name, words, axes):
    if not (data / name.split("[")[0]).exists():
        pytest.skip(f"{name} is not there")
    store, source = tmp_path / "a.ome.zarr", tmp_path / "source.miff"
    magick.convert(data / name, *words, source, ok="warned")  # as one kind of file, in RGB or gray
    magick.write(store, data / name, *words, ok="warned")
    assert shape_of(store)[0] == axes
    n = images(magick, source)
    assert images(magick, store) == n
    magick.convert(store, tmp_path / "back_%d.tif" if n > 1 else tmp_path / "back_0.tif", ok="warned")
    for i in range(n):
        assert differing(magick, f"{source}[{i}]", f"{store}[{i}]") == [0]
        assert differing(magick, f"{source}[{i}]", tmp_path / f"back_{i}.tif") == [0]


def test_heart(magick, data, tmp_path):
    """Slices of a real volume become a volume again."""
    if not (data / "hoa_heart.zarr").is_dir():
        pytest.skip("hoa_heart.zarr is not there")
    heart = data / "hoa_heart.zarr"
    magick.convert(f"OMEZARR:{heart}", tmp_path / "slice_%03d.tif", ok="warned")
    slices = sorted(tmp_path.glob("slice_*.tif"))
    magick.write(tmp_path / "heart.ome.zarr", *slices, "-define", "omezarr:compression=none", "-define", "omezarr:shard=none", ok="warned")
    pixels = magick.pixels(f"OMEZARR:{heart}", depth=16, ok="warned")
    assert len(slices) == len(pixels) > 100
    scale = 257 if level0(tmp_path / "heart.ome.zarr").dtype == "uint8" else 1
    numpy.testing.assert_array_equal(level0(tmp_path / "heart.ome.zarr").astype("u4") * scale, pixels)
    magick.convert(tmp_path / "heart.ome.zarr", tmp_path / "again_%03d.tif", ok="warned")
    for i in (0, len(slices) // 2, len(slices) - 1):
        assert differing(magick, slices[i], tmp_path / f"again_{i:03}.tif") == [0]
