# SPDX-License-Identifier: MIT
"""A thousand bands: made and updated within a part of the memory that the pixels would take, as planes and as a volume."""
import subprocess
import sys
import textwrap

import numpy
import pytest
from conftest import alive, opened

BANDS, LINES, SAMPLES = 1000, 300, 400  # 229 MiB

PROGRAM = """
    import resource
    import sys
    import numpy
    from osgeo import gdal
    gdal.UseExceptions()
    gdal.SetCacheMax(64 << 20)
    what, name = sys.argv[1:3]
    bands, lines, samples = map(int, sys.argv[3:6])
    pixels = numpy.add.outer(numpy.arange(lines) * 13, numpy.arange(samples) * 7)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if what == "create":
        dataset = gdal.GetDriverByName("OMEZarr").Create(name, samples, lines, bands, gdal.GDT_UInt16, sys.argv[6:])
        for band in range(bands):
            dataset.GetRasterBand(band + 1).WriteArray(((pixels + band) % 4093).astype("uint16"))
    else:
        dataset = gdal.OpenEx(name, gdal.OF_UPDATE, ["OMEZarr"])
        for band in range(bands):
            dataset.GetRasterBand(band + 1).WriteArray(numpy.full((20, 30), band, "uint16"), 333, 222)
    dataset = None
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def run(what, path, *options):
    """How much memory it took, MiB."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(PROGRAM), what, path, *map(str, (BANDS, LINES, SAMPLES)), *options],
                          capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return int(done.stdout) / 1024


@pytest.mark.parametrize("options", [(), ("BAND_AXIS=Z",)], ids=["planes", "volume"])
def test_a_thousand_bands(tmp_path, options):
    path = tmp_path / "a.ome.zarr"
    plane = numpy.add.outer(numpy.arange(LINES) * 13, numpy.arange(SAMPLES) * 7)
    memory = [run("create", path, *options), run("update", path)]
    assert max(memory) < 160, memory
    dataset, _ = opened(path)
    for band in (0, 1, 499, 998, 999):
        expected = (plane + band) % 4093
        expected[222:242, 333:363] = band
        numpy.testing.assert_array_equal(dataset.GetRasterBand(band + 1).ReadAsArray(), expected)
        coarser = dataset.GetRasterBand(band + 1).GetOverview(0).ReadAsArray()
        if not options:
            windows = expected.reshape(LINES // 2, 2, SAMPLES // 2, 2)
            numpy.testing.assert_array_equal(coarser, numpy.rint(windows.mean((1, 3))))
    alive.clear()
