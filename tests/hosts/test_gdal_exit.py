# SPDX-License-Identifier: MIT
"""Programs that end while datasets are open, bands outlive them or threads read: quietly, and what was written is there."""
import subprocess
import sys
import textwrap

import numpy
import pytest
from conftest import copied, memory_raster, open_quietly, pattern

PIXELS = pattern(2, 300, 400)
WAYS = {
    "read": "kept = gdal.Open(name); kept.ReadAsArray()",
    "band": "kept = gdal.Open(name).GetRasterBand(1)",
    "overview": "dataset = gdal.Open(name); kept = dataset.GetRasterBand(1).GetOverview(0); kept.ReadAsArray()",
    "circle": "kept = [gdal.Open(name)]; kept.append(kept); kept[0].ReadAsArray()",
    "announced": "kept = gdal.Open(name); kept.AdviseRead(0, 0, 400, 300)",
    "thread-safe": "kept = gdal.OpenEx(name, gdal.OF_RASTER | getattr(gdal, 'OF_THREAD_SAFE', 0)); kept.ReadAsArray()",
    "vrt": "kept = gdal.Translate('/vsimem/a.vrt', name, format='VRT'); kept.ReadAsArray()",
    "copied": "kept = driver.CreateCopy('/vsimem/b.ome.zarr', gdal.Open(name))",
    "created in memory": "kept = driver.Create('/vsimem/b.ome.zarr', 300, 300, 1); kept.GetRasterBand(1).Fill(1)",
    "failed": "kept = gdal.Open(name + 'x')",
    "threads": """
        def read():
            dataset = gdal.Open(name)
            kept.append(dataset)
            while True:
                dataset.ReadAsArray(3, 3, 380, 290)
        kept = []
        for i in range(4):
            threading.Thread(target=read, daemon=True).start()
        while len(kept) < 4:
            time.sleep(0.01)""",
    "update": "kept = gdal.OpenEx(name, gdal.OF_UPDATE); kept.GetRasterBand(1).Fill(9)",
    "create": "kept = driver.Create(name + '.b.ome.zarr', 400, 300, 1); kept.GetRasterBand(1).Fill(9)",
}


def ended(name, program):
    words = "import sys, threading, time\nfrom osgeo import gdal\ngdal.DontUseExceptions()\n"
    words += f"name, driver = {name!r}, gdal.GetDriverByName('OMEZarr')\ngdal.PushErrorHandler('CPLQuietErrorHandler')\n"
    return subprocess.run([sys.executable, "-B", "-X", "faulthandler", "-c", words + textwrap.dedent(program)], capture_output=True,
                          text=True, timeout=120)


@pytest.mark.parametrize("way", WAYS)
def test_exit(tmp_path, way):
    name = tmp_path / "a.ome.zarr"
    copied(memory_raster(PIXELS), name, "BLOCKSIZE=64")
    done = ended(str(name), WAYS[way])
    assert (done.returncode, done.stderr) == (0, "")
    if way == "update":
        assert (open_quietly(name).GetRasterBand(1).ReadAsArray() == 9).all()
        assert (open_quietly(name).GetRasterBand(1).GetOverview(0).ReadAsArray() == 9).all()
    elif way == "create":
        assert (open_quietly(f"{name}.b.ome.zarr").ReadAsArray() == 9).all()
    else:
        numpy.testing.assert_array_equal(open_quietly(name).ReadAsArray(), PIXELS)
