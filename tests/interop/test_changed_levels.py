# SPDX-License-Identifier: MIT
"""Levels that gdaladdo has added, replaced and dropped, in stores of ours and of others: valid for
ome-zarr-models, and equal through zarr-python, tensorstore, ome-zarr-py and a GeoTIFF's overviews."""
import json
import warnings

import numpy
import pytest
import tensorstore
import zarr
from conftest import image

AXES = [{"name": "c", "type": "channel"}, {"name": "y", "type": "space"}, {"name": "x", "type": "space"}]


def multiscale(store):
    if (store / "zarr.json").exists():
        return json.loads((store / "zarr.json").read_text())["attributes"]["ome"]["multiscales"][0], "0.5"
    return json.loads((store / ".zattrs").read_text())["multiscales"][0], "0.4"


def validate(store):
    import ome_zarr_models.v04
    import ome_zarr_models.v05
    module = {"0.4": ome_zarr_models.v04, "0.5": ome_zarr_models.v05}[multiscale(store)[1]]
    return module.Image.from_zarr(zarr.open_group(store, mode="r"))


def geotiff_levels(gdal, tmp_path, pixels, method, factors):
    """What the same gdaladdo gives a GeoTIFF."""
    path = gdal.write(pixels, tmp_path / "reference.tif")
    gdal("gdaladdo", "-q", "-r", method, path, *factors)
    levels = []
    for i in range(len(factors)):
        gdal("gdal_translate", "-q", "-oo", f"OVERVIEW_LEVEL={i}", path, tmp_path / "level.tif")
        levels.append(gdal.read(tmp_path / "level.tif", tmp_path))
    path.unlink()
    return levels


def check(gdal, store, tmp_path, pixels, method, factors):
    """The levels are these and no others, whoever reads them; and there are no other arrays."""
    gdal("gdaladdo", "-q", "-r", method, store, *factors)
    validate(store)
    entry, version = multiscale(store)
    expected = [pixels, *geotiff_levels(gdal, tmp_path, pixels, method, factors)]
    assert len(entry["datasets"]) == len(expected)
    driver = "zarr3" if version == "0.5" else "zarr"
    for dataset, level in zip(entry["datasets"], expected):
        path = store / dataset["path"]
        spec = {"driver": driver, "kvstore": {"driver": "file", "path": str(path)}}
        for found in tensorstore.open(spec, open=True).result().read().result(), zarr.open_array(path, mode="r")[...]:
            numpy.testing.assert_array_equal(found.reshape(level.shape), level)
        scale = dataset["coordinateTransformations"][0]["scale"]
        first = entry["datasets"][0]["coordinateTransformations"][0]["scale"]
        numpy.testing.assert_allclose(numpy.divide(scale, first)[-2:], numpy.divide(pixels.shape, level.shape)[-2:])
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what zarr-python does not recognise ...
        warnings.filterwarnings("ignore", message=r"Object at \.ozr-lock ")  # ... but for this
        group = zarr.open_group(store, mode="r")
        members = {name for name, node in group.members(max_depth=None) if isinstance(node, zarr.Array)}
    assert members == {dataset["path"] for dataset in entry["datasets"]}
    return entry


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("method", ["nearest", "average", "cubic"])
def test_ours(gdal, tmp_path, version, method):
    pixels, store = image("uint16", (3, 401, 530)), tmp_path / "a.ome.zarr"
    gdal("gdal_translate", "-q", "-of", "OMEZarr", "-co", f"OME_VERSION={version}", "-co", "LEVELS=2", "-co", "BLOCKSIZE=64",
         gdal.write(pixels, tmp_path / "in.tif"), store)
    check(gdal, store, tmp_path, pixels, method, ["2", "4"])
    check(gdal, store, tmp_path, pixels, method, ["2", "4"])
    gdal("gdaladdo", "-q", "-clean", store)
    validate(store)
    check(gdal, store, tmp_path, pixels, method, ["3", "9"])


def by_zarr_python(store, pixels, version, **how):
    group = zarr.create_group(store, zarr_format=2 if version == "0.4" else 3, attributes={"mine": {"a": [1, 2.5]}})
    datasets = []
    for n, data in enumerate((pixels, pixels[:, ::2, ::2])):
        if version == "0.5":
            how["dimension_names"] = ["c", "y", "x"]
        group.create_array(str(n), data=data, chunk_key_encoding={"name": "v2" if version == "0.4" else "default",
                                                                  "separator": "/"}, **how)
        datasets.append({"path": str(n), "coordinateTransformations": [{"type": "scale", "scale": [1.0, 0.5 * 2**n, 0.5 * 2**n]}]})
    entry = {"name": "theirs", "axes": AXES, "datasets": datasets, "type": "stride", "extra": True}
    if version == "0.4":
        group.attrs["multiscales"] = [dict(entry, version="0.4")]
    else:
        group.attrs["ome"] = {"version": "0.5", "multiscales": [entry], "more": None}
    zarr.consolidate_metadata(store)


@pytest.mark.parametrize("version, how", [
    ("0.5", {"chunks": (1, 64, 64), "shards": (3, 256, 256)}),
    ("0.5", {"chunks": (3, 100, 90), "compressors": [zarr.codecs.GzipCodec(level=2)]}),
    ("0.5", {"chunks": (1, 128, 128), "filters": [zarr.codecs.TransposeCodec(order=(2, 0, 1))]}),
    ("0.4", {"chunks": (1, 128, 128)}),
    ("0.4", {"chunks": (2, 100, 530), "order": "F", "compressors": None}),
])
def test_zarr_python(gdal, tmp_path, version, how):
    """Levels like level 0; consolidated metadata, which would tell of the old ones, is gone."""
    pixels, store = image("uint16", (3, 401, 530)), tmp_path / "theirs.zarr"
    by_zarr_python(store, pixels, version, **how)
    entry = check(gdal, store, tmp_path, pixels, "average", ["2", "4", "8"])
    assert entry["extra"] is True and entry["name"] == "theirs"
    group = zarr.open_group(store, mode="r")
    assert group.attrs["mine"] == {"a": [1, 2.5]}
    assert group.metadata.consolidated_metadata is None
    first, last = (group[entry["datasets"][i]["path"]] for i in (0, 3))
    assert repr(first.compressors) == repr(last.compressors) and repr(first.filters) == repr(last.filters)
    assert first.order == last.order and first.fill_value == last.fill_value
    if version == "0.5":
        assert last.metadata.dimension_names == ("c", "y", "x")


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr_py(gdal, tmp_path, version):
    from ome_zarr.format import FormatV04, FormatV05
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader
    from ome_zarr.writer import write_image
    pixels, store = image("uint8", (2, 300, 420)), tmp_path / "theirs.ome.zarr"
    form = FormatV04() if version == "0.4" else FormatV05()
    group = zarr.open_group(store, mode="w", zarr_format=2 if version == "0.4" else 3)
    write_image(pixels, group, axes="cyx", fmt=form)
    check(gdal, store, tmp_path, pixels, "average", ["2", "4", "8", "16"])
    node = list(Reader(parse_url(str(store)))())[0]
    assert [tuple(level.shape) for level in node.data][:2] == [(2, 300, 420), (2, 150, 210)]
    numpy.testing.assert_array_equal(numpy.asarray(node.data[0]), pixels)
