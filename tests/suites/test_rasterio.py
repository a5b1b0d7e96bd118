# SPDX-License-Identifier: MIT
"""Rasterio's own tests, run on our driver: those that are not about one format or about rasterio alone.

OZR_RASTERIO_TESTS names the folder `tests` of rasterio's sources, of the version that is installed (written for 1.3.5,
which is Debian 12's). A copy of it is turned over to OME-Zarr: the rasters in data/ become images of the same name,
x.tif becomes x.ome.zarr and GTiff becomes OMEZarr wherever the tests say so. What fails then must be named below
with its reason, and what is named must fail; a test that fails on GeoTIFF too, in the sources as they are, does not
count (no network, another version of PROJ)."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree

import pytest
from osgeo import gdal

SOURCE = pathlib.Path(os.environ["OZR_RASTERIO_TESTS"])

FILES = """band band_masks blocks boundless_read checksum colorinterp colormap complex_dtypes coords creation_options dataset
    dataset_mask dataset_rw descriptions dtypes gcps gdal_raster_io image_structure indexing int8 mask meta no_georef nodata open
    open_options open_overview_level open_sharing overviews process_pool_executor profile read read_boundless read_dtype
    read_resample reshape_image revolvingdoor rio_blocks rio_bounds rio_convert rio_edit_info rio_info rio_overview rpcs sampling
    scale_offset shutil subdatasets tag_item tag_ns tags thread_pool_executor threading transform units update warpedvrt windows
    write""".split()

# Reason: tests.
EXCEPTIONS = {
    "the numbers are those of a GeoTIFF that is stored in strips of three lines, or in small tiles": """
        blocks.RasterBlocksTest::test_blocks blocks::test_block_windows_unfiltered blocks::test_block_windows_filtered_all
        blocks::test_block_windows_filtered_one profile::test_dataset_profile_property_tiled
        profile::test_dataset_profile_property_untiled profile::test_dataset_convert_untiled_to_tiled
        rio_blocks::test_windows_precision rio_blocks::test_windows_indent rio_blocks::test_windows_compact rio_convert::test_tiled
        windows::test_round_window_already_at_edge write::test_context""",
    "TIFF's tags and its domain of metadata about them": "blocks::test_block_size_tiff tag_item::test_get_tag_item_Tiff",
    "TIFF's creation options (photometric, compress=jpeg) and what GDAL makes of them": """
        colorinterp::test_cmyk_interp""",
    "bands of a new image have no color until somebody says so, but three or four of bytes; TIFF takes the first of others for grey": """
        colorinterp::test_set_colorinterp[uint8] colorinterp::test_set_colorinterp[int16]""",
    "the text of a warning, or a list of open files, in which GTiff is a part of a longer word": """
        creation_options::test_warning open_sharing::test_sharing_on open_sharing::test_sharing_off
        warpedvrt::test_warped_vrt_add_alpha warpedvrt::test_open_datasets warpedvrt::test_warp_warp""",
    "the driver is found by the end of the name .tif or .tiff": """
        rio_convert::test_autodetect_format[TIF-OMEZarr] rio_convert::test_autodetect_format[tiff-OMEZarr]
        write::test_write__autodetect_driver[tif-OMEZarr] write::test_write__autodetect_driver[tiff-OMEZarr]""",
    "how the file is compressed: ours always are, with zstd": """
        image_structure::test_compression_none image_structure::test_compression_deflate""",
    "IMAGE_STRUCTURE says more of ours than of a TIFF": "tags::test_tags_read",
    "OME-Zarr has no masks beside the pixels": """
        band_masks::test_mask_flags_sidecar band_masks::test_mask_flags_shadow band_masks::test_warning_shadow
        band_masks::test_masking_no_nodata band_masks::test_masking_sidecar_mask read_boundless::test_msk_read_masks
        warpedvrt::test_warped_vrt_msk_add_alpha""",
    "OME-Zarr has no complex numbers": """
        complex_dtypes::test_read_array[20-20-complex] complex_dtypes::test_read_array[20-20-complex64]
        complex_dtypes::test_read_array[20-20-complex128] complex_dtypes::test_complex_nodata complex_dtypes::test_complex_int16
        dtypes::test_complex""",
    "overviews in a file beside the image, which the test exchanges": "boundless_read::test_hit_ovr warpedvrt::test_hit_ovr",
    "a file .aux.xml beside the image": "dataset::test_files",
    "an image is a folder, and the test opens or makes a file": "shutil::test_delete[OMEZarr-tif] warpedvrt::test_vrt_mem_src_kept_alive",
    "an open option of GTiff": "open_options::test_open_specific_driver_with_options",
    "TIFF's limit of 4 GiB": "write::test_too_big_for_tiff",
}
# Hypothesis gives up when a machine is busy.
TIMED = ["boundless_read::test_outer_boundless_pixel_fidelity"]

HEAD = '''
import os, shutil, sys, types
import rasterio.profiles
rasterio.profiles.DefaultGTiffProfile.defaults["driver"] = "OMEZarr"
rasterio.profiles.default_gtiff_profile["driver"] = "OMEZarr"
copy_file = shutil.copy
def copy_any(source, target):
    if not os.path.isdir(source):
        return copy_file(source, target)
    return shutil.copytree(source, os.path.join(target, os.path.basename(source)) if os.path.isdir(target) else target)
shutil.copy = copy_any
'''
# Asked whether there are credentials for S3; not everybody has it.
NO_BOTO = '''
import sys, types
try:
    import boto3
except ImportError:
    sys.modules["boto3"] = types.SimpleNamespace(Session=lambda: types.SimpleNamespace(get_credentials=lambda: None))
'''


def copy_of_sources(folder, head):
    shutil.copytree(SOURCE, folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    conftest = folder / "tests/conftest.py"
    conftest.write_text(head + conftest.read_text())
    return folder


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    return copy_of_sources(tmp_path_factory.mktemp("theirs"), NO_BOTO)


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    folder = copy_of_sources(tmp_path_factory.mktemp("ours"), NO_BOTO + HEAD)
    tests, driver = folder / "tests", gdal.GetDriverByName("OMEZarr")
    for path in [*tests.glob("*.py"), *tests.glob("data/*.vrt")]:
        text = re.sub(r"(['\"])GTiff\1", r"\1OMEZarr\1", path.read_text())
        path.write_text(re.sub(r"\.tif\b(?!\.)", ".ome.zarr", text))
    for path in sorted(tests.glob("data/*.tif")):
        source = gdal.Open(str(path))
        levels = "OVERVIEWS=FORCE_USE_EXISTING" if source.GetRasterBand(1).GetOverviewCount() else "PYRAMID=NO"
        assert driver.CreateCopy(str(path.with_suffix(".ome.zarr")), source, 0, [levels]) is not None, path
        source = None
        path.unlink()
    return folder


def results_of(folder, names):
    """{test: whether it passes} of files."""
    report = folder / "report.xml"
    environment = {key: value for key, value in os.environ.items() if key != "GDAL_PAM_ENABLED"}
    done = subprocess.run([sys.executable, "-B", "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", "--junitxml", str(report),
                           *(f"tests/test_{name}.py" for name in names)], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stdout[-3000:] + done.stderr[-3000:]
    (folder / "report.txt").write_text(done.stdout)
    cases = xml.etree.ElementTree.parse(report).getroot().findall(".//testcase")
    return {case.get("classname").replace("tests.test_", "") + "::" + case.get("name"):
            case.find("failure") is None and case.find("error") is None for case in cases}


def file_of(test):
    return re.split("[.:]", test)[0]


@pytest.fixture(scope="module")
def results(ours):
    return results_of(ours, FILES)


@pytest.mark.parametrize("name", FILES)
def test_file(name, results, ours, theirs):
    expected = {test for tests in EXCEPTIONS.values() for test in tests.split() if file_of(test) == name}
    found = {test for test in results if file_of(test) == name}
    bad = {test for test in found if not results[test]} - set(TIMED)
    assert found
    if bad - expected:
        bad -= {test for test, passes in results_of(theirs, [name]).items() if not passes}
    assert bad - expected == set(), f"see {ours / 'report.txt'}"
    assert expected - bad == set(), "named as exceptions, but they pass"
