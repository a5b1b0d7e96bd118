# SPDX-License-Identifier: MIT
"""Appending by several programs at once, to what others have made, and killed in the middle: nothing is lost silently."""
import concurrent.futures

import numpy
import pytest
import stores
from writing import RAW, feed, files_of, gray, level0

APPEND = ["-define", "omezarr:append=true"]


def test_several_programs(magick, tmp_path):
    """All planes of all are there, also when one replaces the store by one of other chunks."""
    store = tmp_path / "a.zarr"

    def append(value):
        rechunk = ["-define", "omezarr:rechunk=true"] if value % 5 == 0 else []
        magick.convert("-size", "40x30", "-depth", 8, f"xc:gray({value})", *RAW, *APPEND, *rechunk, store)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(append, range(1, 18)))  # whoever is first begins the store
    planes = level0(store)
    assert sorted(planes[:, 0, 0].tolist()) == list(range(1, 18)) and (planes == planes[:, :1, :1]).all()
    assert [p.name for p in tmp_path.iterdir()] == ["a.zarr"]


def test_through_a_link(magick, tmp_path):
    """What grows may be behind a link; what is replaced is none."""
    magick.convert("-size", "40x30", "-depth", 8, "xc:gray(1)", *RAW, *APPEND, tmp_path / "a.zarr")
    (tmp_path / "link.zarr").symlink_to("a.zarr")
    magick.convert("-size", "40x30", "-depth", 8, "xc:gray(2)", *APPEND, tmp_path / "link.zarr")
    assert level0(tmp_path / "a.zarr")[:, 0, 0].tolist() == [1, 2] and (tmp_path / "link.zarr").is_symlink()


def rebuilt(pixels, shape):
    """The mean over windows, cut at the edge, ties to even."""
    factor = [-(-a // b) for a, b in zip(pixels.shape, shape)]
    padded = numpy.pad(pixels.astype(float), [(0, f * n - a) for a, n, f in zip(pixels.shape, shape, factor)],
                       constant_values=numpy.nan)
    z, y, x = shape
    return numpy.rint(numpy.nanmean(padded.reshape(z, factor[0], y, factor[1], x, factor[2]), (1, 3, 5)))


@pytest.mark.parametrize("version, chunks", [("0.4", (2, 16, 16)), ("0.5", (3, 64, 20))])
@pytest.mark.parametrize("planes", [1, 2, 5])
def test_stores_of_others(magick, tmp_path, version, chunks, planes):
    """Planes share chunks and pixels of the levels; labels, and what else is kept there, stay."""
    pixels = gray((5, 40, 52))
    levels = [pixels, rebuilt(pixels, (3, 20, 26)).astype("<u2")]
    levels.append(rebuilt(levels[1], (2, 10, 13)).astype("<u2"))
    store = tmp_path / "a.zarr"
    stores.write_image(store, version, "zyx", levels, [[f, f, f] for f in (1, 2, 4)], chunks=chunks, attributes={"mine": {"a": [1]}})
    stores.write_image(store / "labels/cells", version, "zyx", [numpy.ones((5, 40, 52), "u1")], [1, 1, 1], ome={"image-label": {}})
    stores.write_group(store / "labels", version, {"labels": ["cells"]})
    more = gray((planes, 40, 52), seed=7)
    magick.convert(*feed(magick, more, tmp_path / "in"), *APPEND, store)
    got = stores.read_image(store)[0]
    wanted = numpy.concatenate([pixels, more])
    numpy.testing.assert_array_equal(got[0], wanted)
    for shape in ((-(-len(wanted) // 2), 20, 26), (-(-(-(-len(wanted) // 2)) // 2), 10, 13)):
        wanted = rebuilt(wanted, shape)
        numpy.testing.assert_array_equal(got[1 if shape[1] == 20 else 2], wanted)
    assert stores.read_group(store)[1]["mine"] == {"a": [1]}
    assert (magick.pixels(f"OMEZARR:{store}[label=cells]", depth=8) == 1).all()


def test_labels_are_not_lost_by_other_chunks(magick, tmp_path):
    """Nothing is appended then, either."""
    store = tmp_path / "a.zarr"
    stores.write_image(store, "0.5", "zyx", [gray((2, 30, 40))], [1, 1, 1])
    stores.write_image(store / "labels/cells", "0.5", "zyx", [numpy.ones((2, 30, 40), "u1")], [1, 1, 1], ome={"image-label": {}})
    stores.write_group(store / "labels", "0.5", {"labels": ["cells"]})
    before = files_of(store)
    assert "its labels would be lost" in magick.refused("-size", "40x30", "-depth", 16, "xc:gray", *APPEND, "-define",
                                                        "omezarr:rechunk=true", store)
    assert files_of(store) == before
