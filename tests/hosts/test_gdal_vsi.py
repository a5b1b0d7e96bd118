# SPDX-License-Identifier: MIT
"""Images over HTTP: few requests, no listing, and never a pixel out of an answer that is none."""
import contextlib
import json
import shutil
import threading

import numpy
import pytest
from conftest import copied, heard, memory_raster, open_quietly, opened, pattern
from http_server import served
from osgeo import gdal

# Noise, so that chunks are large enough to be read by ranges; the window lies in several of them.
PIXELS = numpy.random.default_rng(1).integers(0, 4000, (2, 1500, 1300), dtype="uint16")
WINDOW = (500, 600, 300, 200)
EXPECTED = PIXELS[:, 600:800, 500:800]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    source = memory_raster(PIXELS)
    copied(source, folder / "a.ome.zarr")
    copied(source, folder / "v4.ome.zarr", "OME_VERSION=0.4", "BLOCKSIZE=256")
    copied(memory_raster(pattern(1, 60, 50)), folder / "plain.zarr")
    return folder


@pytest.fixture
def web(images):
    with served(images) as server:
        yield server


def window(dataset):
    return dataset.ReadAsArray(*WINDOW)


def remote(web, name="a.ome.zarr"):
    return f'OMEZARR:"/vsicurl/{web.url}/{name}"'


@contextlib.contextmanager
def configured(options):
    for key, value in options.items():
        gdal.SetConfigOption(key, value)
    try:
        yield
    finally:
        for key in options:
            gdal.SetConfigOption(key, None)


# --- few requests ------------------------------------------------------------------------------


def test_at_most_six_requests(web):
    """Open and read a window of a sharded image; 404s and the like count too."""
    numpy.testing.assert_array_equal(window(open_quietly(remote(web))), EXPECTED)
    assert len(web.requests) <= 6, web.requests
    assert not [path for _, path, _ in web.requests if path.endswith("/")]


def test_what_is_known_costs_nothing(web):
    """The same window again, and one in chunks that were fetched in part."""
    dataset = open_quietly(remote(web))
    window(dataset)
    web.forget()
    window(dataset)
    dataset.ReadAsArray(513, 613, 100, 100)
    assert web.requests == []


def test_overviews_when_asked(web):
    dataset = open_quietly(remote(web))
    web.forget()
    small = dataset.ReadAsArray(buf_xsize=130, buf_ysize=150)
    assert small.shape == (2, 150, 130)
    assert {path for _, path, _ in web.requests} >= {"/a.ome.zarr/s1/image/zarr.json", "/a.ome.zarr/s3/image/zarr.json"}
    assert dataset.GetRasterBand(1).GetOverviewCount() == 3
    local = gdal.OpenEx(str(web.folder / "a.ome.zarr"), gdal.OF_RASTER, ["OMEZarr"])
    numpy.testing.assert_array_equal(small, local.ReadAsArray(buf_xsize=130, buf_ysize=150))


def test_the_older_version_without_shards(web):
    numpy.testing.assert_array_equal(window(open_quietly(remote(web, "v4.ome.zarr"))), EXPECTED)
    chunks = [r for r in web.requests if "/0/" in r[1] and not r[1].endswith((".zarray", ".zattrs", ".json"))]
    assert all(verb == "GET" for verb, _, _ in chunks) and len(chunks) == len({path for _, path, _ in chunks})


def test_files_are_named_without_requests(web):
    dataset = open_quietly(remote(web))
    web.forget()
    assert dataset.GetFileList() == [f"/vsicurl/{web.url}/a.ome.zarr/zarr.json"]
    assert web.requests == []


# --- names -------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["{0}/a.ome.zarr", "{0}/a.ome.zarr/", "{0}/a.ome.zarr/zarr.json", "OMEZARR:{0}/a.ome.zarr",
                                  'OMEZARR:"{0}/a.ome.zarr"', "OMEZARR:/vsicurl/{0}/a.ome.zarr", '{0}/a.ome.zarr?token=a%2Fb&x=1',
                                  'OMEZARR:"{0}/a.ome.zarr?token=a%2Fb&x=1"'])
def test_names(web, form):
    dataset = open_quietly(form.format(web.url))
    numpy.testing.assert_array_equal(window(dataset), EXPECTED)
    assert set(web.queries) == {"token=a%2Fb&x=1" if "token" in form else ""}


def test_inner_path(web):
    dataset = open_quietly(f'OMEZARR:"/vsicurl/{web.url}/a.ome.zarr":s2/image')
    assert (dataset.RasterXSize, dataset.RasterYSize) == (325, 375)


def test_plain_zarr_is_not_ours(images):
    """Asked by name only, answered in silence; what is OME is ours, though its name does not say so."""
    folder = images / "bare.zarr"
    if not folder.exists():
        folder.mkdir()
        (folder / ".zgroup").write_text('{"zarr_format": 2}')
    with served(images) as web:
        for name, ours in (("bare.zarr", False), ("plain.zarr", True), ("nothing.zarr", False)):
            with heard() as said:
                dataset = gdal.OpenEx(f"{web.url}/{name}", gdal.OF_RASTER, ["OMEZarr"])
            assert (dataset is not None) == ours and said.errors() == []


def test_other_urls_are_not_asked_for(web):
    with heard() as said:
        assert gdal.OpenEx(f"{web.url}/image.tif", gdal.OF_RASTER, ["OMEZarr"]) is None
    assert list(said) == [] and web.requests == []


# --- answers that are none ---------------------------------------------------------------------

CHUNKS = r"/a.ome.zarr/s0/image/c/"


@pytest.mark.parametrize("mode, words", [(403, "403"), (401, "401"), (500, "500"), (503, "503"), ("wrong", "range"), ("ignored", "range"),
                                         ("truncated", "")])
@pytest.mark.parametrize("when", ["from the beginning", "after the index"])
def test_errors_are_no_fill_values(web, mode, words, when):
    dataset = open_quietly(remote(web))
    if when == "after the index":
        dataset.ReadAsArray(0, 0, 10, 10)
    web.modes[CHUNKS] = mode
    with heard() as said:
        assert dataset.GetRasterBand(2).ReadAsArray(*WINDOW) is None
    assert len(said.errors()) == 1 and words in said.errors()[0] and "c/" in said.errors()[0], said
    web.modes.clear()
    numpy.testing.assert_array_equal(window(dataset), EXPECTED)  # nothing of it is remembered


@pytest.mark.parametrize("mode", [403, 500, 503, "truncated"])
def test_errors_of_metadata(web, mode):
    """They are not taken for "no image here", and the message names the place without the token."""
    web.modes["s0/image/zarr.json"] = mode
    _, said = opened(f"{web.url}/a.ome.zarr?token=secret", errors=1)
    assert "s0/image" in said.errors()[0] and "secret" not in said.errors()[0].split(": ", 1)[1]
    web.modes.clear()
    web.modes["a.ome.zarr/zarr.json"] = mode
    opened(remote(web), errors=1)


@pytest.mark.parametrize("mode", [403, 500, "truncated"])
def test_errors_of_levels(web, mode):
    """Another level would give other pixels. Once it answers, it is used."""
    dataset = open_quietly(remote(web))
    web.modes["s2/image/"] = mode
    for read in (dataset.ReadAsArray, dataset.GetRasterBand(2).ReadAsArray):
        with heard() as said:
            assert read(buf_xsize=325, buf_ysize=375) is None
        assert len(said.errors()) == 1 and "s2/image" in said.errors()[0]
    web.modes.clear()
    local = gdal.OpenEx(str(web.folder / "a.ome.zarr"), gdal.OF_RASTER, ["OMEZarr"])
    numpy.testing.assert_array_equal(dataset.ReadAsArray(buf_xsize=325, buf_ysize=375), local.GetRasterBand(1).GetOverview(1).GetDataset().ReadAsArray())


@pytest.mark.parametrize("mode", [403, 503, "truncated", "wrong"])
def test_errors_in_one_of_many_workers(images, tmp_path, mode):
    """A file for each chunk, read by many: whoever meets the error, the read fails, with one message."""
    copied(memory_raster(PIXELS[:, :600, :600]), tmp_path / "n.ome.zarr", "OME_VERSION=0.4", "BLOCKSIZE=64", "PYRAMID=NO")
    with served(tmp_path) as web:
        dataset = open_quietly(remote(web, "n.ome.zarr"), "IO_THREADS=16", "NUM_THREADS=4")
        for chunk in ("0/0/0", "1/5/4", "0/9/9"):
            web.modes = {f"/0/{chunk}$": mode}
            with heard() as said:
                assert dataset.ReadAsArray() is None
            assert len(said.errors()) == 1 and chunk in said.errors()[0], said
        web.modes = {"/0/1/5/4$": 404}
        expected = PIXELS[:, :600, :600].copy()
        expected[1, 320:384, 256:320] = 0
        numpy.testing.assert_array_equal(dataset.ReadAsArray(), expected)


def test_errors_longer_than_the_range(web):
    dataset = open_quietly(remote(web))
    web.modes[CHUNKS], web.error_lines = 503, 20000
    with heard() as said:
        assert dataset.GetRasterBand(1).ReadAsArray(*WINDOW) is None
    assert "503" in said.errors()[0]


def test_missing_chunks_are_fill(images, tmp_path):
    shutil.copytree(images / "a.ome.zarr", tmp_path / "a.ome.zarr")
    shutil.rmtree(tmp_path / "a.ome.zarr/s0/image/c/1")
    with served(tmp_path) as web:
        data = window(open_quietly(remote(web)))
    numpy.testing.assert_array_equal(data[0], EXPECTED[0])
    assert not data[1].any()


def test_denied_may_mean_missing(web):
    """S3 says so to those who may not list."""
    web.modes["/c/1/"] = 403
    dataset = open_quietly(remote(web))
    with heard() as said:
        assert dataset.GetRasterBand(2).ReadAsArray(*WINDOW) is None
    assert "403" in said.errors()[0]
    data = window(open_quietly(remote(web), "MISSING_403=YES"))
    numpy.testing.assert_array_equal(data[0], EXPECTED[0])
    assert not data[1].any()


def test_a_retry_is_made_when_asked_for(web):
    dataset = open_quietly(remote(web))
    web.modes[CHUNKS] = 503
    real = web.mode_of

    def only_once(path):
        mode = real(path)
        web.modes.clear()
        return mode
    web.mode_of = only_once
    with configured({"GDAL_HTTP_MAX_RETRY": "2", "GDAL_HTTP_RETRY_DELAY": "0.01"}):
        numpy.testing.assert_array_equal(window(dataset), EXPECTED)


def test_a_timeout_is_an_error(web):
    dataset = open_quietly(remote(web))
    web.modes[CHUNKS] = "slow"
    with configured({"GDAL_HTTP_TIMEOUT": "0.2"}), heard() as said:
        assert dataset.GetRasterBand(1).ReadAsArray(*WINDOW) is None
    assert len(said.errors()) == 1 and "time" in said.errors()[0].lower()
    web.release.set()


def test_a_server_that_is_gone(images):
    with served(images) as web:
        dataset = open_quietly(remote(web))
    with heard() as said:
        assert dataset.GetRasterBand(1).ReadAsArray(*WINDOW) is None
    assert len(said.errors()) == 1


# --- servers that know less ----------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["no suffix", "no version"])
def test_modest_servers(web, mode):
    """Without ranges from the end (Azure), or without anything that tells versions apart."""
    web.modes["."] = mode
    dataset = open_quietly(remote(web))
    numpy.testing.assert_array_equal(window(dataset), EXPECTED)


def test_no_ranges_at_all(web):
    """Python's own server: good enough for images without shards."""
    web.modes["."] = "ignored"
    numpy.testing.assert_array_equal(window(open_quietly(remote(web, "v4.ome.zarr"))), EXPECTED)


# --- versions --------------------------------------------------------------------------------------


def test_replaced_while_it_is_read(images, tmp_path):
    """A shard that was opened is replaced: its index and its chunks are never of two versions."""
    source = PIXELS[:, ::-1].copy()
    shutil.copytree(images / "a.ome.zarr", tmp_path / "a.ome.zarr")
    copied(memory_raster(source), tmp_path / "b.ome.zarr")
    with served(tmp_path) as web:
        dataset = open_quietly(remote(web))
        dataset.ReadAsArray(0, 0, 10, 10)
        for shard in (tmp_path / "b.ome.zarr/s0/image/c").rglob("0"):
            if shard.is_file():
                shutil.copy(shard, tmp_path / "a.ome.zarr" / shard.relative_to(tmp_path / "b.ome.zarr"))
        numpy.testing.assert_array_equal(window(dataset), source[:, 600:800, 500:800])
        for document in (tmp_path / "a.ome.zarr").rglob("zarr.json"):
            document.unlink()
        for shard in (tmp_path / "a.ome.zarr/s0/image/c").rglob("0"):
            if shard.is_file():
                shard.unlink()
        with heard() as said:
            assert dataset.GetRasterBand(1).ReadAsArray(1000, 1200, 300, 300) is None
        assert "removed" in said.errors()[0]


# --- settings of the user ------------------------------------------------------------------------


def test_credentials_of_a_thread_reach_the_workers(web):
    """As rasterio.Env sets them: configuration of one thread, while another has none."""
    web.password = "Basic dXNlcjpzZWNyZXQ="  # user:secret
    results = {}

    def look(name, setting):
        if setting:
            gdal.SetThreadLocalConfigOption("GDAL_HTTP_USERPWD", setting)
        with heard():
            dataset = gdal.OpenEx(remote(web), gdal.OF_RASTER, ["OMEZarr"], ["IO_THREADS=8"])
            results[name] = dataset and dataset.ReadAsArray()
        gdal.SetThreadLocalConfigOption("GDAL_HTTP_USERPWD", None)
    for name, setting in (("with", "user:secret"), ("without", None), ("again", "user:secret"), ("wrong", "user:wrong")):
        thread = threading.Thread(target=look, args=(name, setting))
        thread.start()
        thread.join()
    numpy.testing.assert_array_equal(results["with"], PIXELS)
    numpy.testing.assert_array_equal(results["again"], PIXELS)
    assert results["without"] is None and results["wrong"] is None


def test_a_password_goes_to_nobody_else(images):
    """A connection that is kept keeps what was set on it; another server must not get that."""
    with served(images) as one, served(images) as other:
        one.password = "Basic dXNlcjpzZWNyZXQ="
        with configured({"GDAL_HTTP_USERPWD": "user:secret"}):
            window(open_quietly(remote(one)))
        window(open_quietly(remote(other)))
        assert [h for h in one.headers if "Authorization" in h]
        assert not [h for h in other.headers if "Authorization" in h]
        other.forget()
        with heard():
            assert gdal.OpenEx(remote(one), gdal.OF_RASTER, ["OMEZarr"]) is None


def test_headers(web):
    with configured({"GDAL_HTTP_HEADERS": "X-One: 1,X-Two: 2"}):
        window(open_quietly(remote(web)))
    assert all(h.get("X-One") == "1" and h.get("X-Two") == "2" and h.get("Accept-Encoding") == "identity" for h in web.headers)


def test_headers_of_a_thread_and_of_a_path(web):
    """They belong to whoever asks, in all of the requests, and to nobody else."""
    def look(value):
        if value:
            gdal.SetThreadLocalConfigOption("GDAL_HTTP_HEADERS", f"X-One: {value}")
        open_quietly(remote(web), "IO_THREADS=8").ReadAsArray()
        gdal.SetThreadLocalConfigOption("GDAL_HTTP_HEADERS", None)
    for value in ("a", None, "b"):
        web.forget()
        thread = threading.Thread(target=look, args=(value,))
        thread.start()
        thread.join()
        assert len(web.headers) > 4 and {h.get("X-One") for h in web.headers} == {value}
    gdal.SetPathSpecificOption(f"/vsicurl/{web.url}/a.ome.zarr", "GDAL_HTTP_HEADERS", "X-One: path")
    for name, value in (("a.ome.zarr", "path"), ("v4.ome.zarr", None)):
        web.forget()
        open_quietly(remote(web, name), "IO_THREADS=8").ReadAsArray()
        assert {h.get("X-One") for h in web.headers} == {value}
    gdal.SetPathSpecificOption(f"/vsicurl/{web.url}/a.ome.zarr", "GDAL_HTTP_HEADERS", None)


def test_many_readers(web):
    """Handles of several threads over one server; each kept connection is used by one at a time."""
    failures = []

    def read():
        try:
            for _ in range(3):
                numpy.testing.assert_array_equal(gdal.OpenEx(remote(web), gdal.OF_RASTER, ["OMEZarr"]).ReadAsArray(), PIXELS)
        except Exception as e:  # noqa: BLE001 - told below
            failures.append(e)
    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


# --- memory ------------------------------------------------------------------------------------


def test_memory_equals_a_folder(images, tmp_path):
    """Byte for byte, but for the name of the image."""
    target = "/vsimem/test_gdal_vsi/a.ome.zarr"
    copied(memory_raster(PIXELS), target)
    numpy.testing.assert_array_equal(window(open_quietly(target)), EXPECTED)
    for path in sorted((images / "a.ome.zarr").rglob("*")):
        if path.is_file():
            handle = gdal.VSIFOpenL(f"{target}/{path.relative_to(images / 'a.ome.zarr')}", "rb")
            data = bytes(gdal.VSIFReadL(1, 1 << 26, handle))
            gdal.VSIFCloseL(handle)
            assert json.loads(data) == json.loads(path.read_bytes()) if path.suffix == ".json" else data == path.read_bytes()
    gdal.RmdirRecursive("/vsimem/test_gdal_vsi")


def test_a_cancelled_copy_leaves_nothing_in_memory():
    copied(memory_raster(PIXELS), "/vsimem/test_gdal_vsi/c.ome.zarr", errors=1, callback=lambda fraction, *_: fraction < 0.4)
    assert gdal.VSIStatL("/vsimem/test_gdal_vsi/c.ome.zarr/zarr.json") is None
    assert not gdal.ReadDirRecursive("/vsimem/test_gdal_vsi/c.ome.zarr")


def test_overwriting_in_memory():
    target = "/vsimem/test_gdal_vsi/d.ome.zarr"
    copied(memory_raster(PIXELS), target)
    _, said = copied(memory_raster(EXPECTED), target, errors=1)
    assert "OVERWRITE" in said.errors()[0]
    numpy.testing.assert_array_equal(window(open_quietly(target)), EXPECTED)
    copied(memory_raster(EXPECTED), target, "OVERWRITE=YES")
    numpy.testing.assert_array_equal(open_quietly(target).ReadAsArray(), EXPECTED)
    gdal.RmdirRecursive("/vsimem/test_gdal_vsi")
