# SPDX-License-Identifier: MIT
"""Writing: what a list of images becomes, read back by numpy alone (raw chunks) or by the reader."""
import json

import numpy
import pytest
import stores
from writing import RAW, feed, gray, group, level0, multiscales, shape_of, write

GRAYS = {"uint8": (8, "u1"), "uint16": (16, "<u2")}
COLORS = {**GRAYS, "uint32": (32, "<u4")}


@pytest.mark.parametrize("kind", GRAYS)
def test_gray_numbers(magick, tmp_path, kind):
    """Every value of the type, bit for bit."""
    depth, dtype = GRAYS[kind]
    pixels = numpy.arange(256 ** (depth // 8) * 2, dtype=dtype).reshape(2, 16, -1)
    store = write(magick, tmp_path / "a.ome.zarr", pixels)
    numpy.testing.assert_array_equal(level0(store), pixels)
    assert level0(store).dtype == dtype
    numpy.testing.assert_array_equal(magick.pixels(f"OMEZARR:{store}", depth=depth), pixels)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("kind", COLORS)
@pytest.mark.parametrize("channels", [3, 4])
def test_colors(magick, tmp_path, kind, version, channels):
    """A channel axis, pure colors, full windows; read as colors again."""
    depth, dtype = COLORS[kind]
    pixels = numpy.random.default_rng(3).integers(0, 256 ** min(depth // 8, 2), (2, 21, 33, channels)).astype(dtype)
    pixels *= 65537 if depth == 32 else 1  # no more than a Q16 can hold
    store = write(magick, tmp_path / "a.ome.zarr", pixels, "-define", f"omezarr:version={version}")
    numpy.testing.assert_array_equal(level0(store), pixels.transpose(3, 0, 1, 2))
    full = 256 ** (depth // 8) - 1
    channel = group(store)["omero"]["channels"]
    assert [c["color"] for c in channel] == ["FF0000", "00FF00", "0000FF", "FFFFFF"][:channels]
    assert [c["window"] for c in channel] == [{"min": 0, "max": full, "start": 0, "end": full}] * channels
    assert [a["name"] for a in multiscales(store)["axes"]] == list("czyx")
    numpy.testing.assert_array_equal(magick.pixels(f"OMEZARR:{store}", depth=depth), pixels)


def test_8_bits_of_16_are_the_nearest(magick, tmp_path):
    """As ImageMagick's TIFF writer rounds."""
    pixels = numpy.arange(65536, dtype="<u2").reshape(1, 256, 256)
    store = write(magick, tmp_path / "a.ome.zarr", pixels, "-define", "omezarr:dtype=uint8")
    numpy.testing.assert_array_equal(level0(store), (2 * pixels[0].astype(int) + 257) // 514)


def test_one_image_has_no_z(magick, tmp_path):
    assert shape_of(write(magick, tmp_path / "a.ome.zarr", gray((1, 20, 30)))) == ("yx", (20, 30))
    assert shape_of(write(magick, tmp_path / "b.ome.zarr", gray((2, 20, 30)))) == ("zyx", (2, 20, 30))


def test_windows_of_the_data(magick, tmp_path):
    pixels = gray((3, 40, 50)) // 3 + 1000
    store = write(magick, tmp_path / "a.ome.zarr", pixels)
    assert group(store)["omero"]["channels"][0]["window"] == {
        "min": int(pixels.min()), "max": int(pixels.max()), "start": int(pixels.min()), "end": int(pixels.max())}


def test_bilevel_and_palette(magick, tmp_path):
    """What a TIFF would hold: 0 and 255, and the colors of a palette."""
    magick.write(tmp_path / "a.ome.zarr", "-size", "40x30", "-depth", 8, "xc:black", "-fill", "white", "-draw", "rectangle 3,4 20,9",
                 "-type", "bilevel", *RAW)
    want = numpy.zeros((30, 40), "u1")
    want[4:10, 3:21] = 255
    numpy.testing.assert_array_equal(level0(tmp_path / "a.ome.zarr"), want)
    pixels = numpy.random.default_rng(1).integers(0, 4, (30, 40))[..., None] * numpy.array([60, 20, 80])
    (tmp_path / "a.rgb").write_bytes(pixels.astype("u1").tobytes())
    magick.convert("-depth", 8, "-size", "40x30", f"rgb:{tmp_path / 'a.rgb'}", "-type", "palette", tmp_path / "palette.gif")
    magick.write(tmp_path / "b.ome.zarr", tmp_path / "palette.gif", *RAW)
    numpy.testing.assert_array_equal(level0(tmp_path / "b.ome.zarr"), pixels.transpose(2, 0, 1))


def test_gray_in_rgb_is_gray(magick, tmp_path):
    """As for TIFF: unless -type says TrueColor."""
    words = ["-size", "20x10", "xc:rgb(7,7,7)", "-set", "colorspace", "sRGB", *RAW]
    magick.write(tmp_path / "a.ome.zarr", *words)
    assert shape_of(tmp_path / "a.ome.zarr") == ("yx", (10, 20))
    magick.write(tmp_path / "b.ome.zarr", *words, "-type", "TrueColor")
    assert shape_of(tmp_path / "b.ome.zarr") == ("cyx", (3, 10, 20))


def test_gray_and_color_mixed(magick, tmp_path):
    magick.write(tmp_path / "a.ome.zarr", "-size", "20x10", "-depth", 8, "xc:gray20", "xc:red", *RAW)
    pixels = level0(tmp_path / "a.ome.zarr")
    assert pixels.shape == (3, 2, 10, 20)
    assert pixels[:, 0, 0, 0].tolist() == [51] * 3 and pixels[:, 1, 0, 0].tolist() == [255, 0, 0]


def test_alpha_of_one_image(magick, tmp_path):
    """Gray with alpha is RGBA; images without alpha are opaque."""
    magick.write(tmp_path / "a.ome.zarr", "-size", "20x10", "-depth", 8, "xc:gray20", "(", "xc:gray40", "-alpha", "set", "-channel", "A",
                 "-evaluate", "set", "20%", "+channel", ")", "xc:gray60", *RAW)
    pixels = level0(tmp_path / "a.ome.zarr")
    assert pixels.shape == (4, 3, 10, 20)
    assert pixels[3, :, 0, 0].tolist() == [255, 51, 255]
    assert pixels[0, :, 0, 0].tolist() == [51, 102, 153]


def test_other_colorspaces(magick, tmp_path):
    """CMYK becomes sRGB in the store, and stays CMYK in the program."""
    magick.convert("-size", "20x10", "-depth", 8, "xc:cmyk(0,255,255,0)", "-colorspace", "CMYK", *RAW, "-write", tmp_path / "a.ome.zarr",
                   tmp_path / "still.miff")
    assert level0(tmp_path / "a.ome.zarr")[:, 0, 0].tolist() == [255, 0, 0]
    assert magick.identify("-format", "%[colorspace]", tmp_path / "still.miff").stdout == b"CMYK"


def test_sizes_must_agree(magick, tmp_path):
    said = magick.refused("-size", "20x10", "xc:red", "-size", "21x10", "xc:red", tmp_path / "a.ome.zarr")
    assert "image 1 has 21x10, the first has 20x10" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dtype, low", [("int8", -128), ("int16", -32768), ("uint8", 0), ("uint16", 0)])
def test_types_of_16_bits(magick, tmp_path, dtype, low):
    """The inverse of what the reader does: the same numbers come back."""
    info = numpy.iinfo(dtype)
    numbers = numpy.random.default_rng(5).integers(info.min, info.max, (1, 64, 64), dtype, endpoint=True)
    scale = 257 if info.bits == 8 else 1
    store = write(magick, tmp_path / "a.ome.zarr", ((numbers.astype(int) - low) * scale).astype("<u2"), "-define",
                  f"omezarr:dtype={dtype}")
    numpy.testing.assert_array_equal(level0(store), numbers[0])
    assert level0(store).dtype == dtype


def test_16_bits_into_8(magick, tmp_path):
    """Rounded to the nearest, as ImageMagick does."""
    pixels = numpy.arange(65536, dtype="<u2").reshape(1, 256, 256)
    store = write(magick, tmp_path / "a.ome.zarr", pixels, "-define", "omezarr:dtype=uint8")
    numpy.testing.assert_array_equal(level0(store), (pixels[0].astype(int) + 128) // 257)


@pytest.mark.parametrize("dtype, low, high", [("uint32", 0, 2**32 - 1), ("int32", -2**31, 2**31 - 1), ("float32", 0, 1),
                                              ("float64", 0, 1)])
def test_wide_types(magick, tmp_path, dtype, low, high):
    pixels = gray((1, 64, 64))
    store = write(magick, tmp_path / "a.ome.zarr", pixels, "-define", f"omezarr:dtype={dtype}")
    values = level0(store)
    assert values.dtype == dtype
    if dtype.startswith("float"):
        numpy.testing.assert_array_equal(values, (pixels[0] / 65535).astype(dtype))
    else:
        numpy.testing.assert_array_equal(values, pixels[0].astype(numpy.int64) * 65537 + low)
    numpy.testing.assert_array_equal(magick.pixels(f"OMEZARR:{store}")[0], pixels[0])


def test_labels(magick, tmp_path):
    """Ids stay ids, and levels never invent one."""
    ids = numpy.random.default_rng(1).integers(0, 7, (60, 60)).repeat(7, 0).repeat(7, 1).astype("<u2") * 9001 % 60000
    for dtype in ("uint16", "uint32", "int32"):
        store = write(magick, tmp_path / f"{dtype}.ome.zarr", ids[None], "-define", "omezarr:label=true", "-define",
                      f"omezarr:dtype={dtype}")
        levels, entry, ome, _ = stores.read_image(store)
        numpy.testing.assert_array_equal(levels[0], ids)
        assert len(levels) > 1 and all(set(numpy.unique(level)) <= set(numpy.unique(ids)) for level in levels)
        assert entry["type"] == "mode" and "image-label" in ome and "omero" not in ome
    said = magick.refused("-size", "9x9", "xc:red", "-define", "omezarr:label=true", tmp_path / "red.zarr")
    assert "labels are gray" in said


def test_floats(magick, tmp_path):
    """Floats are asked for by depth and format; HDRI keeps what lies outside of 0 to 1."""
    values = numpy.random.default_rng(2).random((1, 50, 60)).astype("<f4")
    if magick.hdri:
        values = values * 4 - 1
    store = write(magick, tmp_path / "a.ome.zarr", values, "-define", "quantum:format=floating-point")
    assert level0(store).dtype == "float32"
    numpy.testing.assert_allclose(level0(store), values[0], atol=1e-5 if not magick.hdri else 1e-6)
    again = tmp_path / "b.ome.zarr"
    magick.write(again, f"OMEZARR:{store}", *RAW)
    assert level0(again).dtype == "float32"
    numpy.testing.assert_allclose(level0(again), values[0], atol=1e-5 if not magick.hdri else 1e-6)
    store = write(magick, tmp_path / "c.ome.zarr", values.astype("<f8"), "-define", "quantum:format=floating-point")
    assert level0(store).dtype == "float64"


def test_floats_between_numbers(magick, tmp_path):
    """quantum:minimum and maximum are black and white, as when reading: the numbers come back."""
    values = numpy.random.default_rng(2).random((50, 60)).astype("<f4") * 900 - 200
    stores.write_image(tmp_path / "in.zarr", "0.5", "yx", [values], [1, 1])
    magick.write(tmp_path / "out.zarr", "-define", "quantum:minimum=-200", "-define", "quantum:maximum=700", tmp_path / "in.zarr", *RAW)
    assert level0(tmp_path / "out.zarr").dtype == "float32"
    numpy.testing.assert_allclose(level0(tmp_path / "out.zarr"), values, atol=900 / 65535 if not magick.hdri else 1e-3)


def test_out_of_range_is_said(magick, tmp_path):
    if not magick.hdri:
        pytest.skip("only HDRI has values out of range")
    values = numpy.linspace(-1, 2, 300, dtype="<f4").reshape(1, 10, 30)
    words = feed(magick, values, tmp_path / "in")
    done = magick.convert("-define", "quantum:format=floating-point", *words, *RAW, "-define", "omezarr:dtype=uint16",
                          tmp_path / "a.ome.zarr", ok="warned")
    outside = int(((values < 0) | (values > 1)).sum())
    assert f"{outside} values out of the range of uint16" in done.stderr
    numpy.testing.assert_allclose(level0(tmp_path / "a.ome.zarr"), numpy.clip(values[0], 0, 1) * 65535, atol=1)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_signed_numbers_stay_signed(magick, tmp_path, dtype):
    """What was read as offset binary is written as it was, without being told."""
    info = numpy.iinfo(dtype)
    numbers = numpy.random.default_rng(5).integers(info.min, info.max, (3, 40, 50), dtype, endpoint=True)
    stores.write_image(tmp_path / "in.zarr", "0.5", "zyx", [numbers], [1, 1, 1])
    magick.write(tmp_path / "out.zarr", tmp_path / "in.zarr", *RAW)
    numpy.testing.assert_array_equal(level0(tmp_path / "out.zarr"), numbers)
    assert level0(tmp_path / "out.zarr").dtype == dtype
    magick.write(tmp_path / "unsigned.zarr", tmp_path / "in.zarr", *RAW, "-define", f"omezarr:dtype=u{dtype}")
    numpy.testing.assert_array_equal(level0(tmp_path / "unsigned.zarr").astype(int), numbers.astype(int) - info.min)


def test_levels(magick, tmp_path):
    """Each level is the mean of the one before, ties to even."""
    pixels = gray((1, 700, 530))
    levels = stores.read_image(write(magick, tmp_path / "a.ome.zarr", pixels))[0]
    assert [level.shape for level in levels] == [(700, 530), (350, 265), (175, 133)]
    for finer, coarser in zip(levels, levels[1:]):
        padded = numpy.pad(finer.astype(float), [(0, n % 2) for n in finer.shape], constant_values=numpy.nan)
        mean = numpy.nanmean(padded.reshape(coarser.shape[0], 2, coarser.shape[1], 2), axis=(1, 3))
        numpy.testing.assert_array_equal(coarser, numpy.rint(mean))
    store = write(magick, tmp_path / "b.ome.zarr", pixels, "-define", "omezarr:levels=1")
    assert len(stores.read_image(store)[0]) == 1
    levels = stores.read_image(write(magick, tmp_path / "c.ome.zarr", pixels, "-define", "omezarr:method=nearest"))[0]
    numpy.testing.assert_array_equal(levels[1], pixels[0, ::2, ::2])


def test_planes_are_reduced_with_pixels(magick, tmp_path):
    """An unknown distance of planes does not keep x and y from being reduced."""
    words = feed(magick, gray((6, 400, 300)), tmp_path / "in")
    magick.write(tmp_path / "a.ome.zarr", *words, "-units", "PixelsPerInch", "-density", "300", *RAW)
    shapes = [level.shape for level in stores.read_image(tmp_path / "a.ome.zarr")[0]]
    assert shapes == [(6, 400, 300), (3, 200, 150), (2, 100, 75)]
    entry = multiscales(tmp_path / "a.ome.zarr")
    assert entry["datasets"][0]["coordinateTransformations"][0]["scale"] == [1, 25400 / 300, 25400 / 300]
    magick.write(tmp_path / "b.ome.zarr", *words, "-define", "omezarr:z-spacing=4", "-define", "omezarr:pixel-size=1", *RAW)
    shapes = [level.shape for level in stores.read_image(tmp_path / "b.ome.zarr")[0]]
    assert shapes == [(6, 400, 300), (6, 200, 150), (6, 100, 75)]


def test_volume_of_many_chunks(magick, tmp_path):
    """Chunks across planes and images: odd sizes, each place right."""
    pixels = gray((7, 61, 83))
    store = write(magick, tmp_path / "a.ome.zarr", pixels, "-define", "omezarr:chunk=3x20x17")
    numpy.testing.assert_array_equal(level0(store), pixels)
    assert json.loads((store / "0/zarr.json").read_text())["chunk_grid"]["configuration"]["chunk_shape"] == [3, 20, 17]


@pytest.mark.parametrize("dtype", ["uint64", "int64", "uint32", "int32"])
def test_black_and_white_of_wide_types(magick, tmp_path, dtype):
    """The ends of the type (the last double that fits), and no warning of values beyond them."""
    pixels = numpy.array([[[0, 65535]]], "<u2")
    store = write(magick, tmp_path / "a.ome.zarr", pixels, "-define", f"omezarr:dtype={dtype}")
    info = numpy.iinfo(dtype)
    last = {32: info.max, 64: int(numpy.nextafter(float(info.max), 0))}[info.bits]
    assert level0(store).tolist() == [[info.min, last]]
