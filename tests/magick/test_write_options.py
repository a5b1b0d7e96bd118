# SPDX-License-Identifier: MIT
"""What each define of writing makes of the store, and what is taken from the images when nothing is defined."""
import itertools

import numpy
import pytest
import stores
from writing import RAW, array_document, feed, gray, group, level0, multiscales, shape_of, write


def defined(**options):
    return [word for key, value in options.items() for word in ("-define", f"omezarr:{key.replace('_', '-')}={value}")]


def scales(store):
    """unit and scale of each axis of level 0"""
    entry = multiscales(store)
    units = [axis.get("unit", "") for axis in entry["axes"]]
    return list(zip(units, entry["datasets"][0]["coordinateTransformations"][0]["scale"]))


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_version(magick, tmp_path, version):
    pixels = gray((3, 40, 50))
    store = write(magick, tmp_path / "a.zarr", pixels, *defined(version=version))
    numpy.testing.assert_array_equal(level0(store), pixels)
    assert array_document(store)["zarr_format"] == (2 if version == "0.4" else 3)
    assert (group(store) if version == "0.5" else multiscales(store))["version"] == version


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("codec", ["blosc-zstd", "blosc-lz4", "blosc-zlib", "blosc-lz4hc", "blosc-blosclz", "zstd", "gzip", "none"])
def test_compression(magick, tmp_path, version, codec):
    """The numbers come back, and the store says how they are stored."""
    pixels = gray((2, 90, 80))
    store = write(magick, tmp_path / "a.zarr", pixels, *defined(version=version, compression=codec), raw=[])
    numpy.testing.assert_array_equal(magick.pixels(store), pixels)
    stored = str(array_document(store))
    for part in codec.replace("none", "").split("-"):
        assert part in stored
    if codec not in ("none", "zstd"):
        more = write(magick, tmp_path / "b.zarr", pixels, *defined(version=version, compression=codec, compression_level=9), raw=[])
        assert array_document(more) != array_document(store)


def test_chunks(magick, tmp_path):
    def chunks(images, **options):
        name = "-".join(f"{k}{v}" for k, v in options.items())
        store = write(magick, tmp_path / f"{images}{name}.zarr", gray((images, 300, 260)), *defined(**options), raw=[])
        document = array_document(store)
        outer = document["chunk_grid"]["configuration"]["chunk_shape"]
        codec = document["codecs"][0]
        return outer, codec["configuration"]["chunk_shape"] if codec["name"] == "sharding_indexed" else None
    assert chunks(1, chunk=64, shard=128) == ([128, 128], [64, 64])
    assert chunks(4, chunk="2x50x60", shard="none") == ([2, 50, 60], None)
    assert chunks(4, chunk="2x50x60", shard="4x100x180") == ([4, 100, 180], [2, 50, 60])
    assert chunks(4, chunk=32, shard="none") == ([32, 32, 32], None)
    assert chunks(4, chunk="50x60", shard="none")[0][1:] == [50, 60]


def test_pixel_sizes(magick, tmp_path):
    words = feed(magick, gray((2, 40, 50)), tmp_path / "in")

    def made(*more):
        target = tmp_path / f"{len(list(tmp_path.iterdir()))}.zarr"
        magick.write(target, *words, *more, *RAW)
        return scales(target)
    none = ("", 1)
    assert made() == [none] * 3
    # density and units, exactly
    assert made("-units", "PixelsPerCentimeter", "-density", "20000") == [none] + [("micrometer", 0.5)] * 2
    assert made("-units", "PixelsPerInch", "-density", "300x600") == [none, ("micrometer", 25400 / 600), ("micrometer", 25400 / 300)]
    assert made("-units", "Undefined", "-density", "300") == [none] * 3
    # defines, width by height
    assert made(*defined(pixel_size="0.5x0.4")) == [none, ("micrometer", 0.4), ("micrometer", 0.5)]
    assert made(*defined(pixel_size=3, unit="nanometer", z_spacing=7)) == [("nanometer", 7)] + [("nanometer", 3)] * 2
    assert made("-units", "PixelsPerCentimeter", "-density", "20000", *defined(z_spacing=2)) == [("micrometer", 2)] + [
        ("micrometer", 0.5)] * 2


def test_names(magick, tmp_path):
    assert multiscales(write(magick, tmp_path / "liver.ome.zarr", gray((1, 9, 9))))["name"] == "liver"
    store = write(magick, tmp_path / "b.zarr", gray((1, 9, 9)), *defined(name="Ä b"))
    assert multiscales(store)["name"] == "Ä b"


AXES = ["".join(p) for n in (1, 2, 3) for p in itertools.permutations("tcz", n)]


@pytest.mark.parametrize("axes", AXES)
def test_axes(magick, tmp_path, axes):
    """The list runs in the order of the letters; the store has them in its own order."""
    sizes = {"t": 2, "c": 3, "z": 4}
    shape = [sizes[a] for a in axes]
    pixels = gray((int(numpy.prod(shape)), 20, 30))
    options = {f"size_{a}": sizes[a] for a in axes[1:]}
    store = write(magick, tmp_path / "a.zarr", pixels, *defined(axes=axes + "yx", **options))
    order = [axes.index(a) for a in "tcz" if a in axes]
    want = pixels.reshape(*shape, 20, 30).transpose(*order, len(axes), len(axes) + 1)
    numpy.testing.assert_array_equal(level0(store), want)
    assert shape_of(store)[0] == "".join(a for a in "tcz" if a in axes) + "yx"
    kinds = {a["name"]: a["type"] for a in multiscales(store)["axes"]}
    assert kinds == {a: stores.KINDS[a] for a in shape_of(store)[0]}


def test_colors_on_axes(magick, tmp_path):
    pixels = numpy.random.default_rng(1).integers(0, 256, (6, 20, 30, 3)).astype("u1")
    store = write(magick, tmp_path / "a.zarr", pixels, *defined(axes="tczyx", size_z=3))
    numpy.testing.assert_array_equal(level0(store), pixels.reshape(2, 3, 20, 30, 3).transpose(0, 4, 1, 2, 3))
    numpy.testing.assert_array_equal(magick.pixels(store, depth=8), pixels)


@pytest.mark.parametrize("axes, shape", [("tczyx", (2, 3, 4, 20, 30)), ("tyx", (5, 20, 30)), ("cyx", (2, 20, 30)), ("zyx", (1, 20, 30)),
                                         ("tczyx", (1, 1, 1, 20, 30)), ("yx", (20, 30))])
def test_axes_are_restored(magick, tmp_path, axes, shape):
    """Images that were read from a store are written with its axes, and physical sizes."""
    pixels = gray((int(numpy.prod(shape[:-2])), 20, 30)).reshape(shape)
    scale = [0.1 * (i + 1) for i in range(len(axes))]
    for i, a in enumerate(axes):
        scale[i] = 1 if a == "c" else scale[i]
    stores.write_image(tmp_path / "in.zarr", "0.5", axes, [pixels], scale, units={"z": "nanometer", "y": "micrometer", "x": "micrometer",
                                                                                 "t": "second"})
    magick.write(tmp_path / "out.zarr", tmp_path / "in.zarr", *RAW)
    assert shape_of(tmp_path / "out.zarr") == (axes, shape)
    numpy.testing.assert_array_equal(level0(tmp_path / "out.zarr"), pixels)
    assert scales(tmp_path / "out.zarr") == scales(tmp_path / "in.zarr")
    # the user's word is more
    magick.write(tmp_path / "told.zarr", tmp_path / "in.zarr", *RAW, *defined(axes="zyx", pixel_size=9))
    assert shape_of(tmp_path / "told.zarr")[0] == "zyx" and scales(tmp_path / "told.zarr")[-1] == ("micrometer", 9)


def test_colors_are_restored(magick, tmp_path):
    pixels = numpy.random.default_rng(1).integers(0, 256, (6, 20, 30, 3)).astype("u1")
    store = write(magick, tmp_path / "a.zarr", pixels, *defined(axes="tczyx", size_z=3))
    magick.write(tmp_path / "b.zarr", store, *RAW)
    numpy.testing.assert_array_equal(level0(tmp_path / "b.zarr"), level0(store))
    assert shape_of(tmp_path / "b.zarr") == shape_of(store)
    magick.write(tmp_path / "gray.zarr", store, "-colorspace", "gray", *RAW)
    assert shape_of(tmp_path / "gray.zarr") == ("tzyx", (2, 3, 20, 30))


def test_parts_are_restored(magick, tmp_path):
    """Whole rows of the grid keep their axes; what has one position left loses the axis."""
    pixels = gray((24, 20, 30)).reshape(2, 3, 4, 20, 30)
    stores.write_image(tmp_path / "in.zarr", "0.5", "tczyx", [pixels], [1] * 5)

    def made(name, *words):
        target = tmp_path / f"{len(list(tmp_path.iterdir()))}.zarr"
        magick.write(target, name, *words, *RAW)
        return shape_of(target)[0], level0(target)
    store = f"OMEZARR:{tmp_path / 'in.zarr'}"
    for part, axes, want in (("[t=1]", "czyx", pixels[1]), ("[c=0-1,z=2]", "tcyx", pixels[:, :2, 2]), ("[t=0,c=1,z=2]", "yx", pixels[0, 1, 2]),
                             ("[z=1-2]", "tczyx", pixels[:, :, 1:3]), ("[t=0,c=2]", "zyx", pixels[0, 2])):
        got, values = made(store + part)
        assert got == axes, part
        numpy.testing.assert_array_equal(values, want)
    # not a grid, or not in its order: a flat list
    flat = pixels.reshape(24, 20, 30)
    for part, want in (("[0-6]", flat[:7]), ("[3,2,1,0]", flat[3::-1]), ("[5,5]", flat[[5, 5]])):
        got, values = made(store + part)
        assert got == "zyx", part
        numpy.testing.assert_array_equal(values, want)
    got, values = made(store, "-reverse")
    assert got == "zyx"
    numpy.testing.assert_array_equal(values, flat[::-1])


def test_sizes_of_other_images_are_not_restored(magick, tmp_path):
    """A resized image has other pixels: its density says how large they are."""
    pixels = gray((1, 40, 60))[0]
    stores.write_image(tmp_path / "in.zarr", "0.5", "yx", [pixels], [0.5, 0.5], units={"y": "micrometer", "x": "micrometer"})
    magick.write(tmp_path / "a.zarr", tmp_path / "in.zarr", "-resample", "10000", *RAW)
    assert shape_of(tmp_path / "a.zarr")[1] == (20, 30)
    assert scales(tmp_path / "a.zarr") == [("micrometer", 1)] * 2


def test_levels_of_images_read(magick, tmp_path):
    """A level that was read is an image of its own size."""
    store = write(magick, tmp_path / "a.zarr", gray((1, 600, 500)), *defined(pixel_size=2))
    magick.write(tmp_path / "b.zarr", "-define", "omezarr:level=1", store, *RAW)
    assert shape_of(tmp_path / "b.zarr")[1] == (300, 250)
    assert scales(tmp_path / "b.zarr") == [("micrometer", 4)] * 2


def test_places_are_restored(magick, tmp_path):
    """Where a part lies, how far its planes are from each other, and what its channels are called."""
    pixels = gray((24, 20, 30)).reshape(3, 8, 20, 30)
    channels = [{"label": name, "color": "FFFFFF", "active": True, "window": {"min": 0, "max": 9, "start": 0, "end": 9}} for name in
                ("DAPI", "GFP", "Cy5")]
    stores.write_image(tmp_path / "in.zarr", "0.5", "czyx", [pixels], [1, 2, 0.5, 0.25], translation=[0, 100, 20, 10],
                       units={a: "micrometer" for a in "zyx"}, ome={"omero": {"channels": channels}})

    def made(part):
        target = tmp_path / f"{len(list(tmp_path.iterdir()))}.zarr"
        magick.write(target, f"OMEZARR:{tmp_path / 'in.zarr'}{part}", *RAW)
        moves = [t["translation"] for t in multiscales(target)["datasets"][0]["coordinateTransformations"] if t["type"] == "translation"]
        return shape_of(target)[0], scales(target), moves[0], [c["label"] for c in group(target)["omero"]["channels"]]
    um = "micrometer"
    assert made("") == ("czyx", [("", 1), (um, 2), (um, 0.5), (um, 0.25)], [0, 100, 20, 10], ["DAPI", "GFP", "Cy5"])
    assert made("[c=1-2,z=3-6]") == ("czyx", [("", 1), (um, 2), (um, 0.5), (um, 0.25)], [0, 106, 20, 10], ["GFP", "Cy5"])
    assert made("[1,3,5,7]") == ("zyx", [(um, 4), (um, 0.5), (um, 0.25)], [102, 20, 10], ["Channel 0"])  # every other plane
    assert made("[1,2,5]") == ("zyx", [("", 1), (um, 0.5), (um, 0.25)], [0, 20, 10], ["Channel 0"])  # uneven: not known
    assert made("[2,1,0]")[1][0] == ("", 1)
