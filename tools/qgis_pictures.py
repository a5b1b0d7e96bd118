# SPDX-License-Identifier: MIT
"""Run by QGIS itself (qgis_pictures.sh starts it with --code): the pictures of docs/qgis.md.

Each picture is a list of steps, one for each turn of the event loop; a step that returns False is
tried again, up to a limit of time, then the picture fails and QGIS ends with an error.
"""
import os
import sys
import time
import traceback

from qgis.core import QgsApplication, QgsBilinearRasterResampler, QgsContrastEnhancement, QgsProject, QgsRasterMinMaxOrigin
from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtWidgets import QApplication, QDialog, QDockWidget, QListWidget, QTreeView
from qgis.utils import iface

DATA = os.environ["OZR_PICTURES_DATA"]
OUT = os.environ["OZR_PICTURES_OUT"]
WINDOW = iface.mainWindow()
PROJECT = QgsProject.instance()


def dock(name, shown):
    found = WINDOW.findChild(QDockWidget, name)
    if found is not None:
        found.setVisible(shown)
    return found


def prepare():
    """A window without what the pictures are not about."""
    for found in WINDOW.findChildren(QDockWidget):
        found.setVisible(found.objectName() in ("Layers", "Browser"))
    for bar in ("mDigitizeToolBar", "mAdvancedDigitizeToolBar", "mLabelToolBar", "mPluginToolBar", "mDatabaseToolBar",
                "mWebToolBar", "mRasterToolBar", "mHelpToolBar", "mShapeDigitizeToolBar", "mSnappingToolBar", "mMeshToolBar",
                "mVectorToolBar", "mSelectionToolBar", "mAnnotationsToolBar", "mBookmarkToolbar"):
        found = getattr(WINDOW, bar, None) or WINDOW.findChild(type(iface.fileToolBar()), bar)
        if found is not None:
            found.setVisible(False)
    WINDOW.showNormal()
    WINDOW.setGeometry(0, 0, 800, 520)


def add(uri, name):
    layer = iface.addRasterLayer(uri, name, "gdal")
    assert layer is not None and layer.isValid(), uri
    return layer


def rendered():
    canvas = iface.mapCanvas()
    return not canvas.isDrawing() and not QgsApplication.taskManager().countActiveTasks()


def grab(widget, name):
    assert widget.grab().save(os.path.join(OUT, name + ".png")), name


def clear():
    PROJECT.clear()
    iface.messageBar().clearWidgets()


def zoom(layer, factor=1.0):
    extent = layer.extent()
    extent.scale(factor)
    iface.mapCanvas().setExtent(extent)
    iface.mapCanvas().refresh()


def child_of(view, index, name):
    """The last row of the browser with this name, once it has been read: layers come after folders."""
    model = view.model()
    view.expand(index)
    children = [model.index(row, 0, index) for row in range(model.rowCount(index))]
    return next((child for child in reversed(children) if model.data(child) == name), None)


def browser_picture():
    """The folder in the browser, one of its images on the map."""
    def load():
        clear()
        iface.browserModel().addFavoriteDirectory(DATA, "images")
        layer = add(os.path.join(DATA, "landsat.ome.zarr"), "landsat.ome")
        layer.setContrastEnhancement(QgsContrastEnhancement.ContrastEnhancementAlgorithm.StretchToMinimumMaximum,
                                     QgsRasterMinMaxOrigin.Limits.CumulativeCut)
        zoom(layer, 1.02)
        view = dock("Browser", True).findChild(QTreeView)
        view.header().resizeSection(0, 240)
        WINDOW.resizeDocks([dock("Browser", True), dock("Layers", True)], [300, 200], Qt.Orientation.Vertical)
        WINDOW.resizeDocks([dock("Browser", True)], [270], Qt.Orientation.Horizontal)

    def expand():
        view = dock("Browser", True).findChild(QTreeView)
        index = view.rootIndex()
        for name in ("Favorites", "images", "landsat.ome.zarr"):
            index = child_of(view, index, name)
            if index is None:
                return False
        view.setCurrentIndex(index)
        view.scrollToTop()
        return True
    return [load, expand, wait(1), rendered, lambda: grab(WINDOW, "qgis-browser")]


def heart_picture():
    """One plane of a volume, in grey."""
    def load():
        clear()
        dock("Browser", False)
        layer = add(os.path.join(DATA, "heart.ome.zarr") + "|option:Z=60", "heart, Z=60")
        assert layer.bandCount() == 1 and layer.renderer().type() == "singlebandgray"
        layer.setContrastEnhancement(QgsContrastEnhancement.ContrastEnhancementAlgorithm.StretchToMinimumMaximum)
        layer.resampleFilter().setZoomedInResampler(QgsBilinearRasterResampler())
        iface.layerTreeView().refreshLayerSymbology(layer.id())
        zoom(layer, 1.05)
    return [load, rendered, lambda: grab(WINDOW, "qgis-heart")]


def page(dialog, words):
    """Show the page of a dialog that has one of these words for a name."""
    for chooser in dialog.findChildren(QTreeView) + dialog.findChildren(QListWidget):
        model = chooser.model()
        for row in range(model.rowCount()):
            if str(model.data(model.index(row, 0))) in words:
                chooser.setCurrentIndex(model.index(row, 0))
                return True
    return False


def shown_dialog():
    return next((w for w in QApplication.topLevelWidgets() if isinstance(w, QDialog) and w.isVisible()), None)


def pyramids_picture():
    """The pyramids page of a layer's properties. The dialog is modal: it is shown by a timer."""
    def load():
        clear()
        layer = add(os.path.join(DATA, "slide.ome.zarr"), "slide.ome")
        zoom(layer)
        QTimer.singleShot(0, lambda: iface.showLayerProperties(layer))

    def choose():
        dialog = shown_dialog()
        if dialog is None or not page(dialog, ("Pyramids",)):
            return False
        dialog.resize(860, 520)
        return True

    def close():
        grab(shown_dialog(), "qgis-pyramids")
        shown_dialog().reject()
    return [load, choose, wait(1), close]


def wait(seconds):
    until = []

    def step():
        if not until:
            until.append(time.monotonic() + seconds)
        return time.monotonic() > until[0]
    return step


PICTURES = {"browser": browser_picture, "heart": heart_picture, "pyramids": pyramids_picture}
steps = [prepare]
for picture in os.environ["OZR_PICTURES"].split():
    steps += PICTURES[picture]() + [wait(0.5)]
started = time.monotonic()


def end(code):
    os._exit(code)


def turn():
    global started
    try:
        done = steps[0]()
        if done is False and time.monotonic() - started > 60:
            raise TimeoutError("step %r takes too long" % steps[0])
        if done is not False:
            steps.pop(0)
            started = time.monotonic()
        if not steps:
            end(0)
        QTimer.singleShot(500, turn)
    except Exception:
        traceback.print_exc()
        grab(WINDOW, "qgis-failed")
        sys.stderr.flush()
        end(1)


QTimer.singleShot(3000, turn)
