# SPDX-License-Identifier: MIT
"""Every level of the stores that we write, read by zarr-python 3 and tensorstore and compared with
tensorstore's own downsampling; the metadata validated by ome-zarr-models and read by ome-zarr-py."""
import json
import pathlib

import numpy
import pytest
import tensorstore
import zarr
from conftest import image

METHOD = {"AVERAGE": "mean", "NEAREST": "stride", "MODE": "mode"}

# name: (dtype, shape (band, y, x), creation options)
CASES = {
    "plane-u8": ("uint8", (1, 700, 901), []),
    "plane-u16-v04": ("uint16", (1, 700, 901), ["OME_VERSION=0.4"]),
    "rgb-u8": ("uint8", (3, 513, 300), []),
    "channels-f32": ("float32", (4, 300, 421), ["COMPRESS=ZSTD"]),
    "channels-i16-v04": ("int16", (2, 640, 480), ["OME_VERSION=0.4", "COMPRESS=GZIP"]),
    "volume-u16": ("uint16", (150, 200, 170), ["BAND_AXIS=Z"]),
    "volume-u16-v04": ("uint16", (150, 200, 170), ["BAND_AXIS=Z", "OME_VERSION=0.4"]),
    "volume-u8-anisotropic": ("uint8", (40, 500, 400), ["BAND_AXIS=Z", "PIXEL_SIZE=1,1,4", "UNIT=micrometer"]),
    "volume-i32-odd-chunks": ("int32", (33, 301, 257), ["BAND_AXIS=Z", "BLOCKSIZE=7,50,61", "SHARDSIZE=21,150,122"]),
    "plane-f64-none": ("float64", (1, 333, 444), ["COMPRESS=NONE"]),
    "plane-u32-lz4": ("uint32", (1, 600, 600), ["COMPRESS=BLOSC_LZ4"]),
    "plane-i64-zstd-v04": ("int64", (1, 300, 600), ["COMPRESS=ZSTD", "OME_VERSION=0.4"]),
    "plane-u64": ("uint64", (1, 520, 530), []),
    "labels-u16-mode": ("uint16", (1, 600, 500), ["RESAMPLING=MODE"]),
    "labels-u32-mode-volume": ("uint32", (60, 140, 150), ["RESAMPLING=MODE", "BAND_AXIS=Z"]),
    "plane-u16-nearest": ("uint16", (1, 600, 500), ["RESAMPLING=NEAREST"]),
    "no-shards": ("uint16", (1, 1100, 1200), ["SHARDSIZE=NO", "BLOCKSIZE=256"]),
    "factors-3": ("uint16", (1, 1000, 1200), ["FACTORS=1,3,2", "LEVELS=3"]),
    "one-level": ("uint8", (1, 1000, 1200), ["PYRAMID=NO"]),
    "time": ("uint16", (6, 270, 280), ["BAND_AXIS=T"]),
    "tiny": ("uint8", (1, 1, 1), []),
}


def make(name):
    dtype, shape, options = CASES[name]
    if "labels" in name:
        blobs = numpy.random.default_rng(3).integers(0, 40, [(n + 8) // 9 for n in shape])
        pixels = numpy.kron(blobs, numpy.ones([9] * 3, int))[tuple(slice(n) for n in shape)].astype(dtype)
    else:
        pixels = image(dtype, shape)
    return pixels, options


def multiscale(store):
    """The multiscales entry, its metadata file's version and the zarr format."""
    new = store / "zarr.json"
    if new.exists():
        ome = json.loads(new.read_text())["attributes"]["ome"]
        return ome["multiscales"][0], ome["version"], 3
    entry = json.loads((store / ".zattrs").read_text())["multiscales"][0]
    return entry, entry["version"], 2


def open_tensorstore(path, zarr_format):
    driver = "zarr3" if zarr_format == 3 else "zarr"
    return tensorstore.open({"driver": driver, "kvstore": {"driver": "file", "path": str(path)}}, open=True).result()


def validate(store, version):
    import ome_zarr_models
    import ome_zarr_models.v04
    import ome_zarr_models.v05
    group = zarr.open_group(store, mode="r")
    module = {"0.4": ome_zarr_models.v04, "0.5": ome_zarr_models.v05}[version]
    return module.Image.from_zarr(group)


def method_of(options):
    named = [o.split("=")[1] for o in options if o.startswith("RESAMPLING")]
    return METHOD[named[0] if named else "AVERAGE"]


@pytest.mark.parametrize("name", CASES)
def test_levels(name, gdal, tmp_path):
    pixels, options = make(name)
    store = tmp_path / "out.ome.zarr"
    gdal("gdal_translate", "-q", "-of", "OMEZarr", *[word for o in options for word in ("-co", o)],
         gdal.write(pixels, tmp_path / "in.tif"), store)
    entry, version, zarr_format = multiscale(store)
    assert version == ("0.4" if "OME_VERSION=0.4" in options else "0.5")
    validate(store, version)

    expected = pixels if len(entry["axes"]) == 3 else pixels[0]
    previous = None
    for number, dataset in enumerate(entry["datasets"]):
        path = store / dataset["path"]
        level = open_tensorstore(path, zarr_format)
        values = level.read().result()
        if previous is not None:
            scales = [b / a for a, b in zip(previous_scale, dataset["coordinateTransformations"][0]["scale"])]
            factors = [round(s) for s in scales]
            assert all(-(-p // f) == v for p, f, v in zip(previous.shape, factors, values.shape))
            expected = tensorstore.downsample(tensorstore.array(previous), factors, method_of(options)).read().result()
        numpy.testing.assert_array_equal(values, expected, err_msg=f"level {number}")
        numpy.testing.assert_array_equal(zarr.open_array(path, mode="r")[...], values, err_msg=f"level {number}, zarr-python")
        previous, previous_scale = values, dataset["coordinateTransformations"][0]["scale"]
    check_level_count(name, options, entry, pixels, previous)
    numpy.testing.assert_array_equal(gdal.read(store, tmp_path), pixels)


def check_level_count(name, options, entry, pixels, last):
    """Levels end where every spatial extent is small, unless the options say otherwise."""
    axes = [axis["name"] for axis in entry["axes"] if axis["type"] == "space"]
    if any(o.startswith(("LEVELS", "PYRAMID")) for o in options):
        return
    limit = 128 if "z" in axes else 256
    assert max(last.shape[-len(axes):]) <= limit
    small = max(pixels.shape[-len(axes):]) <= limit
    assert (len(entry["datasets"]) == 1) == small


def test_transforms(gdal, tmp_path):
    """Scale and translation of each level: pixel centres stay where they are."""
    pixels = image("uint16", (1, 1000, 800))
    store = tmp_path / "out.ome.zarr"
    gdal("gdal_translate", "-q", "-of", "OMEZarr", "-co", "PIXEL_SIZE=0.5", "-co", "UNIT=micrometer",
         gdal.write(pixels, tmp_path / "in.tif"), store)
    entry, _, _ = multiscale(store)
    spatial = [axis for axis in entry["axes"] if axis["type"] == "space"]
    assert [axis["unit"] for axis in spatial] == ["micrometer"] * 2
    for number, dataset in enumerate(entry["datasets"]):
        scale, translation = dataset["coordinateTransformations"]
        assert scale["scale"][-2:] == [0.5 * 2**number] * 2
        assert translation["translation"][-2:] == pytest.approx([0.5 * (2**number - 1) / 2] * 2)


def test_ome_zarr_py_reads(gdal, tmp_path):
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader
    pixels = image("uint8", (3, 600, 500))
    for version in ("0.4", "0.5"):
        store = tmp_path / f"{version}.ome.zarr"
        gdal("gdal_translate", "-q", "-of", "OMEZarr", "-co", f"OME_VERSION={version}",
             gdal.write(pixels, tmp_path / "in.tif"), store)
        node = list(Reader(parse_url(str(store)))())[0]
        numpy.testing.assert_array_equal(numpy.asarray(node.data[0]), pixels)
        assert len(node.data) == len(multiscale(store)[0]["datasets"])


def test_shared_images(gdal, shared, tmp_path):
    """A real one of each kind: the heart (bands = z) and Landsat (bands = channels)."""
    for name in (f"OMEZARR:{shared / 'data/hoa_heart.zarr'}", shared / "data/L7_ETMs.tif"):
        pixels = gdal.read(name, tmp_path)
        store = tmp_path / (pathlib.Path(str(name)).stem + ".ome.zarr")
        gdal("gdal_translate", "-q", "-of", "OMEZarr", name, store)
        entry, version, zarr_format = multiscale(store)
        validate(store, version)
        level0 = open_tensorstore(store / entry["datasets"][0]["path"], zarr_format).read().result()
        numpy.testing.assert_array_equal(level0.reshape(pixels.shape), pixels)
