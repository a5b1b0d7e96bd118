# SPDX-License-Identifier: MIT
"""What becomes of the values of a store: every type, windows, what cannot be represented, colors and composites, each
against numpy. Numbers come first: nothing is stretched without being asked for."""
import re

import numpy
import pytest
import stores

INTEGERS = ["u1", "<u2", "<u4", "<u8", "i1", "<i2", "<i4", "<i8"]
FULL = 65535  # of a quantum of 16 bits; with HDRI the same number, as a float


def image(folder, pixels, axes="yx", version="0.5", omero=None, chunks=None):
    ome = {"omero": {"channels": omero}} if omero else None
    stores.write_image(folder, version, axes, [pixels], [1] * len(axes), ome=ome, chunks=chunks)
    return folder


def channel(start=None, end=None, color="FFFFFF", active=True, label="signal"):
    window = {} if start is None else {"window": {"min": start, "max": end, "start": start, "end": end}}
    return {"color": color, "active": active, "label": label, **window}


def integers(dtype, shape=(37, 51), seed=1):
    """Values all over the range, both ends, and what is around 0."""
    dtype = numpy.dtype(dtype)
    info = numpy.iinfo(dtype)
    generator = numpy.random.default_rng(seed)
    pixels = generator.integers(info.min, info.max, shape, dtype.newbyteorder("="), endpoint=True).astype(dtype)
    near = [v for v in (info.min, info.min + 1, -1, 0, 1, 2, 65535, 65536, info.max - 1, info.max) if info.min <= v <= info.max]
    pixels.reshape(-1)[:len(near)] = near
    return pixels


def scaled(pixels):
    """The default of whole numbers: their type's range. Exact for types of at most 32 bits."""
    info = numpy.iinfo(pixels.dtype)
    span = info.max - info.min
    values = [(int(v) - info.min) * FULL / span for v in pixels.reshape(-1)]
    return numpy.array(values).reshape(pixels.shape)


def stretched(pixels, low, high):
    """0 to 65535 from low to high, not rounded and not clamped."""
    return (pixels.astype("f8") - low) * (FULL / (high - low))


def rounded(values):
    return numpy.floor(numpy.clip(numpy.nan_to_num(values, nan=0), 0, FULL) + 0.5).astype("u2")


def check(magick, name, exact, *options):
    """The name reads as these values, 0 to 65535, not rounded: in whole quanta, or with HDRI as they are."""
    if magick.hdri:
        got = magick.pixels(name, *options, depth="float", ok="warned").astype("f8") * FULL
        assert numpy.allclose(got, numpy.nan_to_num(exact, nan=0), rtol=1e-6, atol=1e-2)
    else:
        assert (magick.pixels(name, *options, ok="warned") == rounded(exact)).all()


def count(done_or_text):
    """How many values the one warning of a read counts; 0: there is none."""
    text = done_or_text if isinstance(done_or_text, str) else done_or_text.stderr
    found = re.findall(r"(\d+) values? of \w+ cannot be represented", text)
    assert len(found) <= 1, text
    return int(found[0]) if found else 0


def warned(magick, name, *options):
    return count(magick.convert(*options, name, "null:", ok="warned"))


def facts(magick, name, *options):
    """depth, omezarr:offset, quantum:format, omezarr:dtype"""
    text = "%z|%[omezarr:offset]|%[quantum:format]|%[omezarr:dtype]\n"
    return magick.identify("-ping", *options, "-format", text, name, ok="warned").stdout.decode().splitlines()[0].split("|")


# --- Types ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("dtype", INTEGERS + [">u2", ">i4"])
def test_integers(magick, tmp_path, dtype, version):
    pixels = integers(dtype)
    store = image(tmp_path / "a.zarr", pixels, version=version)
    check(magick, store, scaled(pixels))
    if pixels.itemsize <= 2:  # bit by bit in every build
        assert (magick.pixels(store) == scaled(pixels)).all()


@pytest.mark.parametrize("dtype,depth,offset", [
    ("u1", "8", ""), ("i1", "8", "128"), ("<u2", "16", ""), ("<i2", "16", "32768"), ("<u4", "32", ""),
    ("<i4", "32", "2147483648"), ("<u8", "32", ""), ("<i8", "32", "9.223372036854776e+18")])
def test_what_integers_say(magick, tmp_path, dtype, depth, offset):
    store = image(tmp_path / "a.zarr", integers(dtype))
    assert facts(magick, store) == [depth, offset, "", numpy.dtype(dtype).name]


def test_bool(magick, tmp_path):
    pixels = numpy.random.default_rng(1).integers(0, 2, (20, 30)).astype(bool)
    store = image(tmp_path / "a.zarr", pixels)
    assert (magick.pixels(store) == pixels * FULL).all()
    assert facts(magick, store)[0] == "1"


@pytest.mark.parametrize("dtype", ["<f4", "<f8"])
def test_floats_inside(magick, tmp_path, dtype):
    pixels = numpy.random.default_rng(1).random((37, 51)).astype(dtype)
    pixels.reshape(-1)[:2] = 0, 1
    store = image(tmp_path / "a.zarr", pixels)
    check(magick, store, pixels.astype("f8") * FULL)
    depth = "64" if dtype == "<f8" and magick.hdri else "32"
    assert facts(magick, store) == [depth, "", "floating-point", pixels.dtype.name]


@pytest.mark.parametrize("dtype", ["?", "u1", "<i2", "<u4", "<i8", "<u8", "<f4", "<f8"])
def test_as_tiff(magick, tmp_path, dtype):
    """Other formats write what they can read."""
    pixels = (numpy.random.default_rng(1).random((37, 51)) * (1 if numpy.dtype(dtype).kind == "f" else 100)).astype(dtype)
    store = image(tmp_path / "a.zarr", pixels)
    magick.convert(store, "-compress", "zip", tmp_path / "a.tif")  # uncompressed floats it fails to write
    done = magick.tool("compare", "-metric", "AE", store, tmp_path / "a.tif", "null:", ok=False)
    assert (done.returncode, done.stderr.split()[0]) == (0, "0")


@pytest.mark.parametrize("dtype", ["<f4", "<f8"])
def test_floats_outside(magick, tmp_path, dtype):
    """Clamped with one warning that counts them; with HDRI all are kept."""
    pixels = (numpy.random.default_rng(1).random((3, 37, 51)) * 3 - 1).astype(dtype)
    store = image(tmp_path / "a.zarr", pixels, "zyx")
    exact = pixels.astype("f8") * FULL
    outside = int(((exact <= -0.5) | (exact >= FULL + 0.5)).sum())
    assert outside > 1000
    check(magick, store, exact)
    assert warned(magick, store) == (0 if magick.hdri else outside)


def test_not_finite(magick, tmp_path):
    pixels = numpy.full((8, 9), 0.5, "f4")
    pixels[0, :4] = numpy.nan, numpy.inf, -numpy.inf, 0.25
    store = image(tmp_path / "a.zarr", pixels)
    expected = numpy.full((8, 9), 0.5)
    expected[0, :4] = 0, 1, 0, 0.25
    check(magick, store, expected * FULL)
    assert warned(magick, store) == 3


def test_one_value(magick, tmp_path):
    pixels = numpy.zeros((8, 9), "f4")
    pixels[0, 0] = numpy.nan
    done = magick.convert(image(tmp_path / "a.zarr", pixels), "null:", ok="warned")
    assert "1 value of float32" in done.stderr


@pytest.mark.parametrize("low,high", [("-2", "6"), ("0.25", "0.75"), (None, "4")])
def test_quantum_minimum_maximum(magick, tmp_path, low, high):
    """ImageMagick's own way to say what floats are black and white."""
    pixels = numpy.random.default_rng(1).random((37, 51)).astype("f4") * 0.5 + 0.25
    store = image(tmp_path / "a.zarr", pixels)
    options = [word for key, value in (("minimum", low), ("maximum", high)) if value
               for word in ("-define", f"quantum:{key}={value}")]
    forget = [word for word in options if word.startswith("quantum:")]
    forget = [word for key in forget for word in ("+define", key.split("=")[0])]  # it counts for writing too
    raw = magick.home / "raw"
    magick.convert(*options, store, *forget, "-depth", "16", "-endian", "LSB", "-define", "quantum:format=unsigned", f"gray:{raw}")
    got = numpy.frombuffer(raw.read_bytes(), "<u2").reshape(pixels.shape)
    raw.unlink()
    expected = rounded(stretched(pixels, float(low or 0), float(high)))
    inside = (expected > 0) & (expected < FULL)
    assert abs(got.astype(int) - expected)[inside].max() <= 1


# --- Labels, and other numbers of many bits -----------------------------------------------------------


@pytest.mark.parametrize("dtype", ["<u4", "<i4", "<u8", "<i8"])
def test_labels_are_numbers(magick, tmp_path, dtype):
    """Ids up to 65535 survive; as parts of their type's range all would be black."""
    image(tmp_path / "a.zarr", integers("<u2"))
    ids = numpy.random.default_rng(1).integers(0, 65536, (37, 51)).astype(dtype)
    stores.write_group(tmp_path / "a.zarr" / "labels", "0.5", {"labels": ["nuclei"]})
    image(tmp_path / "a.zarr" / "labels" / "nuclei", ids)
    for name in (f"OMEZARR:{tmp_path}/a.zarr[label=nuclei]", f"OMEZARR:{tmp_path}/a.zarr/labels/nuclei"):
        assert (magick.pixels(name) == ids).all()
        assert facts(magick, name)[:2] == ["16", ""]


def test_labels_too_large(magick, tmp_path):
    ids = numpy.array([[0, 1, 65535, 65536, 70000, -5]], "i4")
    stores.write_image(tmp_path / "a.zarr", "0.5", "yx", [ids], [1, 1], ome={"image-label": {"colors": []}})
    if magick.hdri:
        assert numpy.allclose(magick.pixels(tmp_path / "a.zarr", depth="float") * FULL, ids, rtol=1e-6)
        assert warned(magick, tmp_path / "a.zarr") == 0
    else:
        assert magick.pixels(tmp_path / "a.zarr", ok="warned").tolist() == [[[0, 1, 65535, 65535, 65535, 0]]]
        assert warned(magick, tmp_path / "a.zarr") == 3


def test_labels_of_few_bits(magick, tmp_path):
    """Types that fit keep to the rule of all images."""
    for dtype in ("u1", "<u2", "<i2"):
        ids = integers(dtype)
        name = numpy.dtype(dtype).name
        stores.write_image(tmp_path / name, "0.5", "yx", [ids], [1, 1], ome={"image-label": {"colors": []}})
        assert (magick.pixels(f"OMEZARR:{tmp_path / name}") == scaled(ids)).all()


@pytest.mark.parametrize("window,numbers", [((0, 4095), True), ((0, 65535), True), ((0, 65536), False), ((-1, 100), False)])
def test_small_by_omero(magick, tmp_path, window, numbers):
    """A camera's 12 bits in a uint32."""
    pixels = numpy.random.default_rng(1).integers(0, 4096, (37, 51)).astype("<u4")
    store = image(tmp_path / "a.zarr", pixels[None], "cyx", omero=[channel(*window)])
    check(magick, store, (pixels if numbers else scaled(pixels))[None])


# --- Windows ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype,low,high", [
    ("u1", 10, 200), ("<u2", 1000, 3000), ("<i2", -500, 500), ("i1", -3, 4), ("<u4", 0, 4294967295), ("<f4", -0.5, 1.5),
    ("<f8", 0.25, 0.26), ("<i8", -9e18, 9e18)])
def test_given_window(magick, tmp_path, dtype, low, high):
    kind = numpy.dtype(dtype).kind
    pixels = numpy.random.default_rng(1).random((37, 51)).astype(dtype) if kind == "f" else integers(dtype)
    store = image(tmp_path / "a.zarr", pixels)
    options = ("-define", f"omezarr:window={low},{high}")
    exact = stretched(pixels, low, high)
    check(magick, store, exact, *options)
    assert warned(magick, store, *options) == (0 if magick.hdri else ((exact <= -0.5) | (exact >= FULL + 0.5)).sum())


def test_omero_windows(magick, tmp_path):
    """Each channel by its own."""
    pixels = integers("<u2", (2, 37, 51))
    store = image(tmp_path / "a.zarr", pixels, "cyx", omero=[channel(100, 60000), channel(0, 70000)])
    exact = numpy.stack([stretched(pixels[0], 100, 60000), stretched(pixels[1], 0, 70000)])
    check(magick, store, exact, "-define", "omezarr:window=omero")
    plain = image(tmp_path / "b.zarr", pixels, "cyx", omero=[channel(0, 1), channel()])
    said = magick.refused("-define", "omezarr:window=omero", plain, "info:")
    assert "channel 1 has no omero window" in said and "channel 0" not in said


@pytest.mark.parametrize("dtype", ["u1", "<i2", "<u4", "<f4"])
def test_minmax(magick, tmp_path, dtype):
    """One window for all that is read, and for that alone."""
    pixels = numpy.random.default_rng(1).integers(3, 100, (3, 37, 51)).astype(dtype)
    pixels[1] += 20
    if dtype == "<f4":
        pixels[0, 0, 0] = numpy.nan
    store = image(tmp_path / "a.zarr", pixels, "zyx")
    for form, part in (("", pixels), ("[1]", pixels[1:2]), ("[1-2]", pixels[1:])):
        low, high = numpy.nanmin(part), numpy.nanmax(part)
        check(magick, f"{store}{form}", stretched(part, float(low), float(high)), "-define", "omezarr:window=minmax")
    lost = warned(magick, store, "-define", "omezarr:window=minmax")
    assert lost == (1 if dtype == "<f4" else 0)


def test_minmax_of_one_value(magick, tmp_path):
    for value in (0, 7, numpy.nan):
        store = image(tmp_path / f"{value}.zarr", numpy.full((5, 6), value, "f4"))
        assert (magick.pixels(store, "-define", "omezarr:window=minmax", ok="warned") == 0).all()


@pytest.mark.parametrize("dtype", ["u1", "<u2", "<u4", "i1", "<f4"])
def test_raw(magick, tmp_path, dtype):
    """The number itself, 0 to 65535."""
    pixels = (numpy.random.default_rng(1).random((37, 51)) * 120).astype(dtype)
    store = image(tmp_path / "a.zarr", pixels)
    check(magick, store, pixels.astype("f8"), "-define", "omezarr:window=raw")


def test_windows_do_not_change_the_type(magick, tmp_path):
    store = image(tmp_path / "a.zarr", integers("<i2"))
    assert facts(magick, store, "-define", "omezarr:window=-5,5") == ["16", "", "", "int16"]


# --- Colors ------------------------------------------------------------------------------------------

PURE = [channel(color="FF0000"), channel(color="00FF00"), channel(color="0000FF"), channel(label="A")]


@pytest.mark.parametrize("dtype", ["u1", "<u2", "<f4"])
@pytest.mark.parametrize("n", [3, 4])
def test_colors(magick, tmp_path, dtype, n):
    generator = numpy.random.default_rng(1)
    pixels = generator.random((2, n, 37, 51)).astype(dtype) if dtype == "<f4" else integers(dtype, (2, n, 37, 51))
    store = image(tmp_path / "a.zarr", pixels, "zcyx", omero=PURE[:n], chunks=[1, n, 16, 16])
    exact = pixels.astype("f8") * FULL if dtype == "<f4" else scaled(pixels)
    check(magick, store, numpy.moveaxis(exact, 1, -1))
    check(magick, store, exact.reshape(-1, 37, 51), "-define", "omezarr:channels=separate")


@pytest.mark.parametrize("dtype", ["u1", "<u2", "<i4", "<f4"])
def test_composite(magick, tmp_path, dtype):
    """The sum of colors, each by its window, of the active channels."""
    generator = numpy.random.default_rng(1)
    pixels = (generator.random((2, 4, 37, 51)) * 250).astype(dtype)
    if dtype == "<f4":
        pixels[0, 0, 0, :3] = numpy.nan, numpy.inf, -numpy.inf
    windows = [(10, 200), (0, 300), (50, 51), (0, 10)]
    colors = ["FF8000", "0040FF", "2080C0", "FFFFFF"]
    active = [True, True, True, False]
    store = image(tmp_path / "a.zarr", pixels, "zcyx",
                  omero=[channel(*w, color=c, active=a) for w, c, a in zip(windows, colors, active)])
    total = numpy.zeros((2, 37, 51, 3))
    for i, ((low, high), color) in enumerate(zip(windows, colors)):
        part = numpy.clip((pixels[:, i].astype("f8") - low) / (high - low), 0, 1)
        rgb = numpy.array([int(color[k:k + 2], 16) / 255 for k in (0, 2, 4)])
        if active[i]:
            total += numpy.nan_to_num(part, nan=0)[..., None] * rgb
    got = magick.pixels(store, "-define", "omezarr:channels=composite")
    assert abs(got.astype(int) - rounded(numpy.minimum(total, 1) * FULL)).max() <= 1  # the order of the sum
    assert facts(magick, store, "-define", "omezarr:channels=composite")[:3] == ["16", "", ""]


def test_composite_window(magick, tmp_path):
    """A step where start is end; without a window the type's range; a given window for all."""
    pixels = integers("u1", (2, 37, 51))
    store = image(tmp_path / "a.zarr", pixels, "cyx", omero=[channel(100, 100, "FF0000"), channel(color="0000FF")])
    got = magick.pixels(store, "-define", "omezarr:channels=composite")[0]
    assert (got[..., 0] == numpy.where(pixels[0] >= 100, FULL, 0)).all()
    assert (got[..., 1] == 0).all() and (got[..., 2] == pixels[1].astype(int) * 257).all()
    got = magick.pixels(store, "-define", "omezarr:channels=composite", "-define", "omezarr:window=0,51")[0]
    assert (got[..., 0] == numpy.minimum(pixels[0].astype(int) * 1285, FULL)).all()


# --- Bands -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("memory,chunks", [
    (memory, chunks) for memory in ("8MiB", "256MiB") for chunks in ([8, 64, 64], [1, 100, 901], [20, 700, 3], [3, 7, 450])
] + [("256MiB", [20, 700, 901])])
def test_order_of_reading(magick, tmp_path, chunks, memory):
    """Planes of one chunk together, in pieces where memory is short: the same pixels in the same places."""
    pixels = integers("<u2", (20, 700, 901))
    store = image(tmp_path / "a.zarr", pixels, "zyx", chunks=chunks)
    raw = magick.home / "raw"
    for form, part in (("", pixels), ("[13,2-4,4]", pixels[[13, 2, 3, 4, 4]])):
        magick.convert("-limit", "memory", memory, "-limit", "map", "2GiB", f"{store}{form}", "-depth", "16", "-endian", "LSB",
                       f"gray:{raw}")
        assert (numpy.fromfile(raw, "<u2").reshape(part.shape) == part).all()
    magick.convert("-limit", "memory", memory, "-limit", "map", "2GiB", "-extract", "500x333+77+129", f"{store}[5-9]", "-depth",
                   "16", "-endian", "LSB", f"gray:{raw}")
    assert (numpy.fromfile(raw, "<u2").reshape(5, 333, 500) == pixels[5:10, 129:462, 77:577]).all()
    raw.unlink()


@pytest.mark.parametrize("chunks", [[9000, 1, 5], [50, 1, 5]])
def test_many_tiny_planes(magick, tmp_path, chunks):
    """More than one call takes, in one chunk and in many."""
    pixels = integers("<u2", (9000, 1, 5))
    store = image(tmp_path / "a.zarr", pixels, "zyx", chunks=chunks)
    done = magick.tool("stream", "-map", "i", "-storage-type", "short", "-define", "omezarr:max-planes=9000", f"{store}[1-8]", "-")
    assert (numpy.frombuffer(done.stdout, "<u2").reshape(8, 1, 5) == pixels[1:9]).all()
    got = magick.pixels(store, "-define", "omezarr:max-planes=9000", after=("-append",))
    assert (got.reshape(pixels.shape) == pixels).all()


@pytest.mark.parametrize("dtype", ["u1", "<u2"])
def test_stream(magick, tmp_path, dtype):
    """Row by row, plane after plane, whatever the chunks are."""
    pixels = integers(dtype, (6, 70, 90))
    store = image(tmp_path / "a.zarr", pixels, "zyx", chunks=[4, 32, 32])
    raw = magick.home / "raw"
    for words, part in (([f"{store}[1-4]"], pixels[1:5]), (["-extract", "30x20+50+45", f"{store}[5]"], pixels[5:, 45:65, 50:80])):
        magick.tool("stream", "-map", "i", "-storage-type", "short", *words, raw)
        assert (numpy.fromfile(raw, "<u2").reshape(part.shape) == scaled(part)).all()
    raw.unlink()
