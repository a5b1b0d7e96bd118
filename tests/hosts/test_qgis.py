# SPDX-License-Identifier: MIT
"""The driver inside QGIS: what the browser lists, what a layer is, and which level a view reads."""
import gc
import os
import shutil

import numpy
import pytest
from conftest import alive, copied, fingerprint, heard, memory_raster, opened, pattern
from qgis.core import (Qgis, QgsApplication, QgsDataCollectionItem, QgsDirectoryItem, QgsLayerItem, QgsMapRendererSequentialJob,
                       QgsMapSettings, QgsProviderRegistry, QgsRasterLayer, QgsRectangle)
from qgis.PyQt.QtCore import QSize
from stores import write_group, write_image


@pytest.fixture(scope="module", autouse=True)
def application(tmp_path_factory):
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    os.environ["QGIS_CUSTOM_CONFIG_PATH"] = str(tmp_path_factory.mktemp("profile"))
    QgsApplication.setPrefixPath("/usr", True)
    app = QgsApplication([], False)
    app.initQgis()
    yield app
    alive.clear()
    gc.collect()
    app.exitQgis()


PLANE = pattern(1024, 1536)
VOLUME = pattern(40, 300, 280, dtype="uint8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A plane and a volume without shards (a file for each chunk), and a folder that is no image."""
    folder = tmp_path_factory.mktemp("qgis")
    source = memory_raster(PLANE[None])
    source.SetGeoTransform([1000, 0.5, 0, 2000, 0, -0.5])
    copied(source, folder / "plane.ome.zarr", "BLOCKSIZE=256", "SHARDSIZE=NO", "NAME=My plane")
    copied(memory_raster(VOLUME), folder / "volume.ome.zarr", "BAND_AXIS=Z", "BLOCKSIZE=64", "SHARDSIZE=NO")
    shutil.copytree(folder / "volume.ome.zarr", folder / "unnamed")
    (folder / "other").mkdir()
    return folder


def scanned(path, fast):
    flags = Qgis.SublayerQueryFlags(Qgis.SublayerQueryFlag.FastScan) if fast else Qgis.SublayerQueryFlags()
    return [found for found in QgsProviderRegistry.instance().querySublayers(str(path), flags)
            if found.providerKey() == "gdal"]


def layer_of(uri):
    layer = QgsRasterLayer(str(uri), "layer", "gdal")
    assert layer.isValid(), layer.error().message()
    return layer


def block_of(layer, extent, width, height, band=1):
    """Pixels as QGIS gets them for a view."""
    block = layer.dataProvider().block(band, extent, width, height)
    assert block.isValid()
    types = {Qgis.DataType.Byte: "uint8", Qgis.DataType.UInt16: "uint16"}
    return numpy.frombuffer(bytes(block.data()), types[block.dataType()]).reshape(height, width)


def test_fast_scan_lists_the_folder(folder):
    found = scanned(folder / "plane.ome.zarr", fast=True)
    assert [(f.uri(), f.type(), f.name()) for f in found] == [
        (str(folder / "plane.ome.zarr"), scanned(folder / "plane.ome.zarr", fast=False)[0].type(), "plane.ome")]
    assert scanned(folder / "other", fast=True) == []


@pytest.mark.parametrize("name", ["plane.ome.zarr", "unnamed"])
def test_full_scan_finds_the_image_whatever_its_name(folder, name):
    found = scanned(folder / name, fast=False)
    assert [(f.driverName(), f.uri()) for f in found] == [("OMEZarr", str(folder / name))]
    assert scanned(folder / "other", fast=False) == []


def layers_in(item):
    """Layers that the browser shows below an item. Newer versions of QGIS take whatever ends in .zarr for a
    collection, which they look into when it is opened."""
    found = []
    for child in item.createChildren():
        if isinstance(child, QgsLayerItem):
            found.append(child)
        elif isinstance(child, QgsDataCollectionItem) and not isinstance(child, QgsDirectoryItem):
            inside = layers_in(child)
            assert child.hasDragEnabled() and [layer.uri() for layer in inside] == [child.path()]
            found += inside
        alive.append(child)
    return found


def test_browser_shows_images_as_layers(folder):
    item = QgsDirectoryItem(None, "folder", str(folder))
    layers = {layer.uri(): layer.providerKey() for layer in layers_in(item)}
    assert layers == {str(folder / name): "gdal" for name in ("plane.ome.zarr", "volume.ome.zarr")}


def test_layer_is_the_image(folder):
    layer = layer_of(folder / "plane.ome.zarr")
    assert (layer.width(), layer.height(), layer.bandCount()) == (1536, 1024, 1)
    assert layer.renderer().type() == "singlebandgray"
    # QGIS warps, and so reads everything at full size, what is not north up.
    assert layer.extent() == QgsRectangle(1000, 2000 - 512, 1000 + 768, 2000)
    numpy.testing.assert_array_equal(block_of(layer, layer.extent(), 1536, 1024), PLANE)
    part = QgsRectangle(1050, 2000 - 162, 1150, 2000 - 100)
    numpy.testing.assert_array_equal(block_of(layer, part, 200, 124), PLANE[200:324, 100:300])


def pyramids(layer):
    found = []
    for level in layer.dataProvider().buildPyramidList():
        exists = level.getExists() if hasattr(level, "getExists") else level.exists
        size = (level.getXDim(), level.getYDim()) if hasattr(level, "getXDim") else (level.xDim, level.yDim)
        if exists:
            found.append(size)
    return found


def test_pyramids_exist(folder):
    assert pyramids(layer_of(folder / "plane.ome.zarr")) == [(768, 512), (384, 256), (192, 128)]


def test_view_of_the_whole_reads_a_pyramid_level(folder, tmp_path):
    """Without level 0's chunks, which are gone, the view is right and complete."""
    store = tmp_path / "a.ome.zarr"
    shutil.copytree(folder / "plane.ome.zarr", store)
    expected = opened(folder / "plane.ome.zarr", "LEVEL=2")[0].ReadAsArray()
    shutil.rmtree(store / "s0" / "image" / "c")
    layer = layer_of(store)
    counters = opened(store)[0]  # of the process: one GDAL serves both
    before = int(counters.GetMetadataItem("BYTES_DECODED", "OZR_STATS"))
    numpy.testing.assert_array_equal(block_of(layer, layer.extent(), 384, 256), expected)
    assert 0 < int(counters.GetMetadataItem("BYTES_DECODED", "OZR_STATS")) - before <= 2 * expected.nbytes
    assert not block_of(layer, layer.extent(), 1536, 1024).any(), "level 0 should be gone"


def test_one_plane_of_a_volume(folder):
    """All planes are bands, of which QGIS shows three as a color; Z= makes it a single grey plane."""
    whole = layer_of(folder / "volume.ome.zarr")
    assert whole.bandCount() == 40
    uri = QgsProviderRegistry.instance().encodeUri(
        "gdal", {"path": str(folder / "volume.ome.zarr"), "openOptions": ["Z=17"]})
    layer = layer_of(uri)
    assert (layer.bandCount(), layer.renderer().type()) == (1, "singlebandgray")
    numpy.testing.assert_array_equal(block_of(layer, layer.extent(), 280, 300), VOLUME[17])
    assert layer_of(f"{folder / 'volume.ome.zarr'}|option:Z=17").bandCount() == 1


def test_prefix(folder):
    layer = layer_of(f"OMEZARR:{folder / 'volume.ome.zarr'}|option:Z=3")
    numpy.testing.assert_array_equal(block_of(layer, layer.extent(), 280, 300), VOLUME[3])


def test_image_and_labels(folder, tmp_path):
    """Dropped on the map the folder offers the image first, then its labels, which have the colors that are stored."""
    store, ids = tmp_path / "cells.ome.zarr", VOLUME[3] // 64
    shutil.copytree(folder / "plane.ome.zarr", store)
    write_group(store / "labels", "0.5", {"labels": ["cells"]})
    colors = [{"label-value": i, "rgba": [80 * i, 9, 255 - 80 * i, 255]} for i in (1, 2, 3)]
    write_image(store / "labels/cells", "0.5", "yx", [ids], [1, 1], ome={"image-label": {"colors": colors}})
    found = [f.uri() for f in scanned(store, fast=False)]
    assert found == [f'OMEZARR:"{store}":./image', f'OMEZARR:"{store}":labels/cells']
    image = layer_of(found[0])
    numpy.testing.assert_array_equal(block_of(image, image.extent(), 1536, 1024), PLANE)
    assert pyramids(image) == [(768, 512), (384, 256), (192, 128)]
    labels = layer_of(found[1])
    numpy.testing.assert_array_equal(block_of(labels, labels.extent(), 280, 300), ids)
    table = {entry.value: entry.color.name() for entry in labels.dataProvider().colorTable(1)}
    assert labels.renderer().type() == "paletted" and (table[1], table[3]) == ("#5009af", "#f0090f")


def test_drawing_a_map_leaves_no_file_and_says_nothing(folder):
    before = fingerprint(folder)
    layer = layer_of(folder / "plane.ome.zarr")
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setExtent(layer.extent())
    settings.setOutputSize(QSize(300, 200))
    with heard() as said:
        job = QgsMapRendererSequentialJob(settings)
        job.start()
        job.waitForFinished()
        image = job.renderedImage()
    assert said == []
    greys = {image.pixelColor(x, y).red() for x in range(0, 300, 7) for y in range(0, 200, 7)}
    assert len(greys) > 20, "the map is empty"
    layer.dataProvider().bandStatistics(1)
    layer.dataProvider().histogram(1)
    assert fingerprint(folder) == before
