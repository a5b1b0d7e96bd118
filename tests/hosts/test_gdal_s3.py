# SPDX-License-Identifier: MIT
"""Images in a real S3 server that checks signatures (tests/interop/s3_server.sh): written, read, refused, deleted."""
import threading

import numpy
import pytest
from conftest import copied, heard, memory_raster, open_quietly, opened
from osgeo import gdal
from s3_bucket import SETTINGS, bucket, files, same, set_for_this_thread, signed  # noqa: F401 - fixtures

PIXELS = numpy.random.default_rng(1).integers(0, 4000, (2, 900, 800), dtype="uint16")


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
        set_for_this_thread({"AWS_S3_ENDPOINT": signed.endpoint, "AWS_HTTPS": "NO", "AWS_VIRTUAL_HOSTING": "NO", "AWS_NO_SIGN_REQUEST": "YES"})
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


def test_long_values_are_one_request(signed):
    """GDAL sends what is longer than 50 MiB in parts, unless told otherwise."""
    pixels = numpy.arange(1 * 7600 * 3700, dtype="uint16").reshape(1, 7600, 3700)
    copied(memory_raster(pixels), "/vsis3/bucket/long.ome.zarr", "COMPRESS=NONE", "BLOCKSIZE=3840", "SHARDSIZE=7680", "PYRAMID=NO")
    stored = files(signed.root / "long.ome.zarr")
    assert max(map(len, stored.values())) > 52 << 20
    asked = [operation for operation, key in signed.requests() if key.startswith("long.ome.zarr/")]
    assert asked.count("PutObject") == len(stored) and not [o for o in asked if "Multipart" in o or "Part" in o]
    numpy.testing.assert_array_equal(open_quietly("OMEZARR:/vsis3/bucket/long.ome.zarr").ReadAsArray(), pixels[0])


class TestRasterio:
    """Credentials that rasterio.Env holds, for the thread that uses it."""

    @pytest.fixture
    def environment(self, bucket):
        rasterio = pytest.importorskip("rasterio")
        session = pytest.importorskip("rasterio.session")

        class Keys(session.Session):
            """As AWSSession, which needs boto3."""

            def __init__(self, secret):
                self._creds, self.secret = {}, secret

            def get_credential_options(self):
                return dict(SETTINGS, AWS_SECRET_ACCESS_KEY=self.secret, AWS_S3_ENDPOINT=bucket.endpoint)
        return rasterio, lambda secret="testsecret": rasterio.Env(session=Keys(secret))

    def test_read(self, environment, signed):
        rasterio, env = environment
        copied(memory_raster(PIXELS), "/vsis3/bucket/r.ome.zarr")
        set_for_this_thread(dict.fromkeys([*SETTINGS, "AWS_S3_ENDPOINT"]))
        results = {}

        def read(name, secret):
            try:
                with env(secret), rasterio.open("s3://bucket/r.ome.zarr") as dataset:
                    results[name] = dataset.read()
            except rasterio.errors.RasterioIOError as e:
                results[name] = str(e)
        for name, secret in (("right", "testsecret"), ("wrong", "nonsense"), ("again", "testsecret")):
            thread = threading.Thread(target=read, args=(name, secret))
            thread.start()
            thread.join()
        numpy.testing.assert_array_equal(results["right"], PIXELS)
        numpy.testing.assert_array_equal(results["again"], PIXELS)
        assert "ignature" in results["wrong"]

    def test_write(self, environment, bucket, tmp_path):
        rasterio, env = environment
        profile = {"driver": "OMEZarr", "width": 800, "height": 900, "count": 2, "dtype": "uint16"}
        for target in ("/vsis3/bucket/w.ome.zarr", str(tmp_path / "w.ome.zarr")):
            with env(), rasterio.open(target, "w", **profile, crs="EPSG:32633", transform=rasterio.Affine(10, 0, 5e5, 0, -10, 5e6)) as out:
                for row in range(0, 900, 300):
                    out.write(PIXELS[:, row:row + 300], window=rasterio.windows.Window(0, row, 800, 300))
                out.set_band_description(1, "red")
        same(files(tmp_path / "w.ome.zarr"), files(bucket.root / "w.ome.zarr"))


def test_listings_that_gdal_keeps(signed):
    """What it has found in a folder before is not what is there now."""
    copied(memory_raster(PIXELS), "/vsis3/bucket/listed.ome.zarr", "PYRAMID=NO")
    for document in ("zarr.json", "s0/image/zarr.json"):
        path = signed.root / "listed.ome.zarr" / document
        text = path.read_bytes()
        path.unlink()
        (path.parent / "other").write_text("other")
        gdal.VSICurlPartialClearCache("/vsis3/bucket/listed.ome.zarr")
        folder = "/vsis3/bucket/" + str(path.parent.relative_to(signed.root))
        assert "other" in gdal.ReadDir(folder) and "zarr.json" not in gdal.ReadDir(folder)
        path.write_bytes(text)
        numpy.testing.assert_array_equal(open_quietly("OMEZARR:/vsis3/bucket/listed.ome.zarr").ReadAsArray(), PIXELS)
