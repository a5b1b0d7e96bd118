# SPDX-License-Identifier: MIT
"""Existing targets, cancelled and failed copies, deleting: what was there stays until it is meant to go."""
import os

import numpy
import pytest
from conftest import copied, fingerprint, heard, memory_raster, open_quietly, pattern, run
from osgeo import gdal

OLD, NEW = pattern(2, 60, 50), pattern(2, 600, 700) + 9


@pytest.fixture
def old(tmp_path):
    copied(memory_raster(OLD), tmp_path / "a.ome.zarr")
    return tmp_path / "a.ome.zarr"


@pytest.fixture
def new_tif(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    gdal.GetDriverByName("GTiff").CreateCopy(str(folder / "new.tif"), memory_raster(NEW)).FlushCache()
    return folder / "new.tif"


def stopping_at(fraction):
    return lambda done, message, data: 0 if done >= fraction else 1


@pytest.mark.parametrize("form", ["{0}", "{0}/", "OMEZARR:{0}", 'OMEZARR:"{0}"'])
def test_existing_target_is_refused(old, new_tif, form):
    before = fingerprint(old)
    done = run("gdal_translate", "-q", "-of", "OMEZarr", new_tif, form.format(old))
    assert done.returncode != 0
    assert done.stderr.count("ERROR") == 1 and "OVERWRITE=YES" in done.stderr
    assert fingerprint(old) == before


@pytest.mark.parametrize("form", ["{0}", "{0}/", "OMEZARR:{0}"])
def test_overwrite(old, new_tif, form):
    done = run("gdal_translate", "-q", "-of", "OMEZarr", "-co", "OVERWRITE=YES", new_tif, form.format(old))
    assert done.returncode == 0 and done.stderr == ""
    numpy.testing.assert_array_equal(open_quietly(old).ReadAsArray(), NEW)
    assert sorted(os.listdir(old.parent)) == ["a.ome.zarr", "source"]


@pytest.mark.parametrize("percent", [0, 1, 50, 99])
@pytest.mark.parametrize("muted", [False, True])
def test_cancelled_overwrite(old, percent, muted):
    before = fingerprint(old)
    if muted:
        gdal.PushErrorHandler("CPLQuietErrorHandler")
        try:
            made = gdal.GetDriverByName("OMEZarr").CreateCopy(str(old), memory_raster(NEW), 0, ["OVERWRITE=YES"],
                                                             stopping_at(percent / 100))
        finally:
            gdal.PopErrorHandler()
        assert made is None
    else:
        _, said = copied(memory_raster(NEW), old, "OVERWRITE=YES", callback=stopping_at(percent / 100), errors=1)
        assert said[-1][1] == 9  # CPLE_UserInterrupt
    assert fingerprint(old) == before
    assert os.listdir(old.parent) == ["a.ome.zarr"]


@pytest.mark.parametrize("percent", [0, 1, 50, 99])
def test_cancelled_copy_leaves_nothing(tmp_path, percent):
    copied(memory_raster(NEW), tmp_path / "a.ome.zarr", callback=stopping_at(percent / 100), errors=1)
    assert os.listdir(tmp_path) == []


def test_progress_rises_to_one(tmp_path):
    seen = []
    copied(memory_raster(NEW), tmp_path / "a.ome.zarr", callback=lambda done, message, data: seen.append(done) or 1)
    assert seen == sorted(seen) and seen[-1] == 1.0 and len(seen) > 2


def test_unreadable_source_keeps_the_old(old, tmp_path):
    """A TIFF whose pixels end too early: one error from its driver, the old image stays."""
    tif = tmp_path / "cut.tif"
    gdal.GetDriverByName("GTiff").CreateCopy(str(tif), memory_raster(NEW), 0, ["COMPRESS=DEFLATE"]).FlushCache()
    with open(tif, "r+b") as file:
        file.truncate(tif.stat().st_size // 2)
    before = fingerprint(old)
    done = run("gdal_translate", "-q", "-of", "OMEZarr", "-co", "OVERWRITE=YES", tif, old)
    assert done.returncode != 0 and "ERROR" in done.stderr
    assert fingerprint(old) == before
    assert sorted(os.listdir(tmp_path)) == ["a.ome.zarr", "cut.tif"]


def test_wrong_option_keeps_the_old(old):
    before = fingerprint(old)
    for option in ("LEVELS=0", "BLOCKSIZE=x", "COMPRESS=MIDDLE_OUT", "SHARDSIZE=100,100,100"):
        _, said = copied(memory_raster(NEW), old, "OVERWRITE=YES", "BLOCKSIZE=64" if "SHARD" in option else "NAME=x", option, errors=1)
        assert option.split("=")[0].lower()[:5] in said.errors()[0].lower()
        assert fingerprint(old) == before


def test_foreign_folder_is_never_replaced(tmp_path):
    folder = tmp_path / "precious.ome.zarr"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    for options in ([], ["OVERWRITE=YES"]):
        copied(memory_raster(OLD), folder, *options, errors=1)
        assert fingerprint(folder).keys() == {"thesis.txt"}


def test_array_of_somebody_else_is_replaced_only_when_asked(tmp_path):
    """A Zarr folder that GDAL's own driver would delete for us."""
    folder = tmp_path / "bare.zarr"
    folder.mkdir()
    (folder / ".zarray").write_text('{"zarr_format": 2, "shape": [4, 4], "chunks": [4, 4], "dtype": "|u1", "compressor": null, '
                                    '"fill_value": 0, "filters": null, "order": "C"}')
    (folder / "0.0").write_bytes(bytes(16))
    before = fingerprint(folder)
    copied(memory_raster(OLD), folder, errors=1)
    assert fingerprint(folder) == before
    copied(memory_raster(OLD), folder, "OVERWRITE=YES", callback=stopping_at(0.5), errors=1)
    assert fingerprint(folder) == before
    copied(memory_raster(OLD), folder, "OVERWRITE=YES")
    numpy.testing.assert_array_equal(open_quietly(folder).ReadAsArray(), OLD)


def test_foreign_file_in_a_store(old):
    (old / "notes.txt").write_text("mine")
    before = fingerprint(old)
    copied(memory_raster(NEW), old, "OVERWRITE=YES", errors=1)
    assert fingerprint(old) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    _, said = copied(memory_raster(OLD), folder / "a.ome.zarr", errors=1)
    assert "a.ome.zarr" in said.errors()[0]


def test_missing_parent(tmp_path):
    _, said = copied(memory_raster(OLD), tmp_path / "no/such/a.ome.zarr", errors=1)
    assert "no/such" in said.errors()[0]


def test_copy_onto_itself(old):
    """The source stays readable until the new image is complete."""
    copied(open_quietly(old), old, "OVERWRITE=YES", "OME_VERSION=0.4")
    dataset = open_quietly(old)
    assert dataset.GetMetadataItem("OME_VERSION", "OME") == "0.4"
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), OLD)


def test_delete(old):
    assert run("gdalmanage", "delete", old).returncode == 0
    assert not old.exists()


def test_driver_delete(old):
    with heard() as said:
        assert gdal.GetDriverByName("OMEZarr").Delete(str(old)) == 0
    assert list(said) == [] and not old.exists()


def test_delete_of_what_is_no_store(tmp_path):
    folder = tmp_path / "x.ome.zarr"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    with heard() as said:
        assert gdal.GetDriverByName("OMEZarr").Delete(str(folder)) != 0
    assert len(said.errors()) == 1 and (folder / "thesis.txt").exists()


def test_open_dataset_of_a_replaced_store(old):
    """Pixels of the old image or an error, never a mixture of the two."""
    dataset = open_quietly(old)
    copied(memory_raster(OLD + 1), old, "OVERWRITE=YES")
    with heard() as said:
        pixels = dataset.ReadAsArray()
    assert (pixels is None and len(said.errors()) == 1) or numpy.array_equal(pixels, OLD)


def test_stale_side_files_go(old):
    for suffix in (".aux.xml", ".ovr"):
        (old.parent / (old.name + suffix)).write_text("of another image")
    copied(memory_raster(NEW), old, "OVERWRITE=YES")
    assert os.listdir(old.parent) == ["a.ome.zarr"]


