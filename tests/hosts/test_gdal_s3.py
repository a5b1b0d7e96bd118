# SPDX-License-Identifier: MIT
"""Images in a real S3 server that checks signatures (tests/interop/s3_server.sh): written, read, refused, deleted."""
import json
import os
import pathlib
import re
import socket
import subprocess
import threading
import time

import numpy
import pytest
from conftest import copied, heard, memory_raster, open_quietly, opened
from osgeo import gdal

PIXELS = numpy.random.default_rng(1).integers(0, 4000, (2, 900, 800), dtype="uint16")
SETTINGS = {"AWS_ACCESS_KEY_ID": "testkey", "AWS_SECRET_ACCESS_KEY": "testsecret", "AWS_HTTPS": "NO", "AWS_VIRTUAL_HOSTING": "NO",
            "AWS_REGION": "us-east-1"}


class Bucket:
    def __init__(self, folder, program):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.endpoint = f"127.0.0.1:{s.getsockname()[1]}"
        self.root, self.log = folder / "root/bucket", folder / "access.log"
        self.root.mkdir(parents=True)
        environment = dict(os.environ, ROOT_ACCESS_KEY="testkey", ROOT_SECRET_KEY="testsecret")
        self.process = subprocess.Popen([program, "--port", self.endpoint, "--access-log", self.log, "posix", self.root.parent],
                                        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", int(self.endpoint.split(":")[1]))) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError("the S3 server does not answer")

    def requests(self):
        """(operation, key) of each request so far."""
        return re.findall(r" s3_(\w+) (\S+) ", self.log.read_text()) if self.log.exists() else []


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    program = pathlib.Path(os.environ.get("OZR_PEERS", "/nonexistent"), "s3/versitygw")
    if not program.exists():
        if os.environ.get("OZR_REQUIRE_SHARED") == "1":
            pytest.fail(f"{program} is not there (OZR_PEERS, tests/interop/s3_server.sh)")
        pytest.skip("OZR_PEERS does not name a folder with an S3 server (tests/interop/s3_server.sh)")
    bucket = Bucket(tmp_path_factory.mktemp("s3"), program)
    yield bucket
    bucket.process.terminate()
    bucket.process.wait()


@pytest.fixture
def signed(bucket):
    """Credentials in the configuration of this thread alone, as rasterio.Env sets them."""
    for key, value in dict(SETTINGS, AWS_S3_ENDPOINT=bucket.endpoint).items():
        gdal.SetThreadLocalConfigOption(key, value)
    yield bucket
    for key in [*SETTINGS, "AWS_S3_ENDPOINT"]:
        gdal.SetThreadLocalConfigOption(key, None)


def files(folder):
    folder = pathlib.Path(folder)
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def same(one, two):
    """Byte for byte; metadata but for the name of the image."""
    assert one.keys() == two.keys()
    for key, data in one.items():
        if key.endswith(".json"):
            assert re.sub(rb'"name": "[^"]*"', b"", data) == re.sub(rb'"name": "[^"]*"', b"", two[key])
        else:
            assert data == two[key], key


def test_round_trip(signed, tmp_path):
    """What arrives is what a local copy is; one PUT for each value, the root's metadata last."""
    copied(memory_raster(PIXELS), "/vsis3/bucket/a.ome.zarr")
    copied(memory_raster(PIXELS), tmp_path / "a.ome.zarr")
    same(files(tmp_path / "a.ome.zarr"), files(signed.root / "a.ome.zarr"))
    puts = [key for operation, key in signed.requests() if operation == "PutObject"]
    assert sorted(puts) == sorted("a.ome.zarr/" + key for key in files(tmp_path / "a.ome.zarr"))
    assert puts[-1] == "a.ome.zarr/zarr.json"
    assert not [operation for operation, _ in signed.requests() if "Multipart" in operation]
    seen = len(signed.requests())
    dataset = open_quietly("OMEZARR:/vsis3/bucket/a.ome.zarr", "IO_THREADS=8")
    numpy.testing.assert_array_equal(dataset.ReadAsArray(), PIXELS)
    asked = [operation for operation, _ in signed.requests()[seen:]]
    assert set(asked) <= {"GetObject", "HeadObject"}, asked


def test_few_requests(signed):
    copied(memory_raster(PIXELS[:1]), "/vsis3/bucket/few.ome.zarr")
    seen = len(signed.requests())
    data = open_quietly('OMEZARR:"s3://bucket/few.ome.zarr"').ReadAsArray(100, 200, 50, 60)
    numpy.testing.assert_array_equal(data, PIXELS[0, 200:260, 100:150])
    assert len(signed.requests()) - seen <= 6, signed.requests()[seen:]


def test_wrong_or_no_credentials(signed):
    """An error that says so; with other credentials in another thread nothing is shared."""
    copied(memory_raster(PIXELS), "/vsis3/bucket/b.ome.zarr")
    gdal.SetThreadLocalConfigOption("AWS_SECRET_ACCESS_KEY", "wrong")
    _, said = opened("OMEZARR:/vsis3/bucket/b.ome.zarr", errors=1)
    assert "ignature" in said.errors()[0]
    _, said = copied(memory_raster(PIXELS), "/vsis3/bucket/c.ome.zarr", errors=1)
    results = []

    def elsewhere():
        gdal.SetThreadLocalConfigOption("AWS_S3_ENDPOINT", signed.endpoint)
        gdal.SetThreadLocalConfigOption("AWS_HTTPS", "NO")
        gdal.SetThreadLocalConfigOption("AWS_VIRTUAL_HOSTING", "NO")
        gdal.SetThreadLocalConfigOption("AWS_NO_SIGN_REQUEST", "YES")
        with heard():
            results.append(gdal.OpenEx("OMEZARR:/vsis3/bucket/b.ome.zarr", gdal.OF_RASTER, ["OMEZarr"]))
    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert results == [None]
    assert not (signed.root / "c.ome.zarr").exists()


def test_denied_while_it_is_read(signed):
    """Credentials that are withdrawn after the open: no fill values."""
    copied(memory_raster(PIXELS), "/vsis3/bucket/d.ome.zarr")
    dataset = open_quietly("OMEZARR:/vsis3/bucket/d.ome.zarr")
    gdal.SetThreadLocalConfigOption("AWS_SECRET_ACCESS_KEY", "wrong")
    with heard() as said:
        assert dataset.ReadAsArray() is None
    assert len(said.errors()) == 1


def test_missing(signed):
    _, said = opened("OMEZARR:/vsis3/bucket/nothing.ome.zarr", errors=1)
    assert "nothing.ome.zarr" in said.errors()[0] and "zarr.json" in said.errors()[0]
    _, said = opened("OMEZARR:/vsis3/nobucket/a.ome.zarr", errors=1)
    assert "bucket" in said.errors()[0]
    sparse = PIXELS.copy()
    sparse[1] = 0
    copied(memory_raster(sparse), "/vsis3/bucket/sparse.ome.zarr")
    assert not (signed.root / "sparse.ome.zarr/s0/image/c/1").exists()
    numpy.testing.assert_array_equal(open_quietly("OMEZARR:/vsis3/bucket/sparse.ome.zarr").ReadAsArray(), sparse)


def test_nothing_is_replaced_unasked(signed):
    copied(memory_raster(PIXELS), "/vsis3/bucket/e.ome.zarr")
    before = files(signed.root / "e.ome.zarr")
    _, said = copied(memory_raster(PIXELS[:, :500]), "OMEZARR:/vsis3/bucket/e.ome.zarr", errors=1)
    assert "OVERWRITE" in said.errors()[0]
    assert files(signed.root / "e.ome.zarr") == before
    copied(memory_raster(PIXELS[:, :500]), "OMEZARR:/vsis3/bucket/e.ome.zarr", "OVERWRITE=YES")
    numpy.testing.assert_array_equal(open_quietly("OMEZARR:/vsis3/bucket/e.ome.zarr").ReadAsArray(), PIXELS[:, :500])


def test_a_cancelled_copy_leaves_nothing(signed):
    copied(memory_raster(PIXELS), "/vsis3/bucket/f.ome.zarr", "SHARDSIZE=512", errors=1, callback=lambda done, *_: done < 0.5)
    assert files(signed.root / "f.ome.zarr") == {}


def test_management(signed, tmp_path):
    driver = gdal.GetDriverByName("OMEZarr")
    copied(memory_raster(PIXELS), tmp_path / "g.ome.zarr")
    assert driver.CopyFiles("/vsis3/bucket/g.ome.zarr", str(tmp_path / "g.ome.zarr")) == gdal.CE_None
    assert files(signed.root / "g.ome.zarr") == files(tmp_path / "g.ome.zarr")
    assert driver.Rename("/vsis3/bucket/h.ome.zarr", "/vsis3/bucket/g.ome.zarr") == gdal.CE_None
    assert files(signed.root / "h.ome.zarr") == files(tmp_path / "g.ome.zarr")
    assert files(signed.root / "g.ome.zarr") == {}
    (signed.root / "h.ome.zarr/notes.txt").write_text("mine")
    with heard() as said:
        assert driver.Delete("/vsis3/bucket/h.ome.zarr") != gdal.CE_None
    assert "notes.txt" in said.errors()[0]
    (signed.root / "h.ome.zarr/notes.txt").unlink()
    assert driver.Delete("/vsis3/bucket/h.ome.zarr") == gdal.CE_None
    assert files(signed.root / "h.ome.zarr") == {}


def test_update(signed):
    """Part of a shard is changed: the rest of it stays, levels follow."""
    copied(memory_raster(PIXELS), "/vsis3/bucket/u.ome.zarr")
    with heard() as said:
        dataset = gdal.OpenEx("OMEZARR:/vsis3/bucket/u.ome.zarr", gdal.OF_RASTER | gdal.OF_UPDATE, ["OMEZarr"])
    assert dataset is not None, said
    expected = PIXELS.copy()
    expected[0, 100:130, 200:240] = 9
    dataset.GetRasterBand(1).WriteArray(expected[0, 100:130, 200:240], 200, 100)
    dataset = None
    numpy.testing.assert_array_equal(open_quietly("OMEZARR:/vsis3/bucket/u.ome.zarr").ReadAsArray(), expected)
    assert json.loads((signed.root / "u.ome.zarr/zarr.json").read_text())["node_type"] == "group"
