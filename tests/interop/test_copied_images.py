# SPDX-License-Identifier: MIT
"""Copies and updates of n-D images that ome-zarr-py wrote, with their labels: valid for ome-zarr-models, and equal
to numpy's through zarr-python and tensorstore, every level."""
import json

import numpy
import pytest
import tensorstore
import zarr
from conftest import image

AXES = "tczyx"
SHAPE = (2, 2, 6, 140, 150)
SCALE = [2.0, 1.0, 2.5, 0.25, 0.25]


def theirs(path, version):
    """An image and a label image of ome-zarr-py; gives level 0 of both."""
    from ome_zarr.format import FormatV04, FormatV05
    from ome_zarr.writer import write_image, write_labels
    form = FormatV04() if version == "0.4" else FormatV05()
    group = zarr.open_group(path, mode="w", zarr_format=2 if version == "0.4" else 3)
    pixels = image("uint16", SHAPE)
    labels = numpy.kron(numpy.random.default_rng(5).integers(0, 900, (2, 2, 6, 14, 15)), numpy.ones((10, 10), int)).astype("uint32")
    how = {"axes": AXES, "fmt": form, "scale_factors": [2], "scale": dict(zip(AXES, SCALE))}
    write_image(pixels, group, **how)
    write_labels(labels, group, "nuclei", **how)
    return pixels, labels


def read(store, version):
    """All levels, alike for two readers, and the multiscales entry."""
    if version == "0.5":
        entry = json.loads((store / "zarr.json").read_text())["attributes"]["ome"]["multiscales"][0]
    else:
        entry = json.loads((store / ".zattrs").read_text())["multiscales"][0]
    driver = {"0.4": "zarr", "0.5": "zarr3"}[version]
    levels = []
    for dataset in entry["datasets"]:
        path = store / dataset["path"]
        levels.append(zarr.open_array(path, mode="r")[...])
        spec = {"driver": driver, "kvstore": {"driver": "file", "path": str(path)}}
        numpy.testing.assert_array_equal(tensorstore.open(spec, open=True).result().read().result(), levels[-1])
    return levels, entry


def check_levels(levels, entry, method):
    """Each is the downsampling of the one before by the factors of its scale."""
    scales = [dataset["coordinateTransformations"][0]["scale"] for dataset in entry["datasets"]]
    for before, after, fine, coarse in zip(levels, levels[1:], scales, scales[1:]):
        factors = [round(c / f) for c, f in zip(coarse, fine)]
        expected = tensorstore.downsample(tensorstore.array(before), factors, method).read().result()
        numpy.testing.assert_array_equal(after, expected)


def validate(store, version):
    import ome_zarr_models.v04
    import ome_zarr_models.v05
    module = {"0.4": ome_zarr_models.v04, "0.5": ome_zarr_models.v05}[version]
    whole = module.Image.from_zarr(zarr.open_group(store, mode="r"))
    label = module.ImageLabel.from_zarr(zarr.open_group(store / "labels/nuclei", mode="r"))
    return whole, label


@pytest.mark.parametrize("before", ["0.4", "0.5"])
@pytest.mark.parametrize("after", ["0.4", "0.5"])
def test_copy(gdal, tmp_path, before, after):
    pixels, labels = theirs(tmp_path / "a.ome.zarr", before)
    gdal("gdal_translate", "-q", "-of", "OMEZarr", "-co", f"OME_VERSION={after}", tmp_path / "a.ome.zarr", tmp_path / "b.ome.zarr")
    validate(tmp_path / "b.ome.zarr", after)
    for folder, expected, method in (("b.ome.zarr", pixels, "mean"), ("b.ome.zarr/labels/nuclei", labels, "mode")):
        levels, entry = read(tmp_path / folder, after)
        numpy.testing.assert_array_equal(levels[0], expected)
        assert [axis["name"] for axis in entry["axes"]] == list(AXES)
        assert entry["datasets"][0]["coordinateTransformations"][0]["scale"] == SCALE
        check_levels(levels, entry, method)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_update_of_a_copy(gdal, tmp_path, version):
    """A plane of one channel and time is burnt; the rest and the labels stay."""
    pixels, labels = theirs(tmp_path / "a.ome.zarr", "0.5")
    store = tmp_path / "b.ome.zarr"
    gdal("gdal_translate", "-q", "-of", "OMEZarr", "-co", f"OME_VERSION={version}", tmp_path / "a.ome.zarr", store)
    burn = ("import sys\nfrom osgeo import gdal\ngdal.UseExceptions()\n"
            "dataset = gdal.OpenEx(sys.argv[1], gdal.OF_UPDATE, open_options=['BANDS=Z', 'T=1', 'C=0'])\n"
            "band = dataset.GetRasterBand(4)\n"
            "values = band.ReadAsArray(20, 30, 77, 61)\nband.WriteArray(values // 2, 20, 30)\n")
    gdal.run("/usr/bin/python3", "-c", burn, store)
    validate(store, version)
    pixels[1, 0, 3, 30:91, 20:97] //= 2
    levels, entry = read(store, version)
    numpy.testing.assert_array_equal(levels[0], pixels)
    check_levels(levels, entry, "mean")
    numpy.testing.assert_array_equal(read(store / "labels/nuclei", version)[0][0], labels)
