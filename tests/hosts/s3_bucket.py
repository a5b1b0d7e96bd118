# SPDX-License-Identifier: MIT
"""A bucket in a real S3 server that checks signatures (tests/interop/s3_server.sh), and a proxy that counts and fails."""
import http.client
import http.server
import os
import pathlib
import re
import socket
import subprocess
import threading
import time

import pytest
from osgeo import gdal

SETTINGS = {"AWS_ACCESS_KEY_ID": "testkey", "AWS_SECRET_ACCESS_KEY": "testsecret", "AWS_HTTPS": "NO", "AWS_VIRTUAL_HOSTING": "NO",
            "AWS_REGION": "us-east-1"}


PROGRAM = pathlib.Path(os.environ.get("OZR_PEERS", "/nonexistent"), "s3/versitygw")
if not PROGRAM.exists():
    pytest.skip("OZR_PEERS does not name a folder with an S3 server (tests/interop/s3_server.sh)", allow_module_level=True)


class Bucket:
    """The bucket "bucket"; its objects are files in `root`."""

    def __init__(self, folder):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.endpoint = f"127.0.0.1:{s.getsockname()[1]}"
        self.root, self.log = folder / "root/bucket", folder / "access.log"
        self.root.mkdir(parents=True)
        # Unnamed files need /proc, which a chroot may not have.
        environment = dict(os.environ, ROOT_ACCESS_KEY="testkey", ROOT_SECRET_KEY="testsecret", VGW_DISABLE_OTMP="true")
        self.process = subprocess.Popen([PROGRAM, "--port", self.endpoint, "--access-log", self.log, "posix", self.root.parent],
                                        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(400):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", int(self.endpoint.split(":")[1]))) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError("the S3 server does not answer")

    def requests(self):
        """(operation, key) of each request so far."""
        return re.findall(r" s3_(\w+) (\S+) ", self.log.read_text()) if self.log.exists() else []

    def kill(self):
        self.process.kill()
        self.process.wait()


class Forward(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *words):
        pass

    def forward(self):
        proxy = self.server.owner
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status = proxy.before(self.command, self.path)
        if status is None:  # as if the line were cut
            self.close_connection = True
            return
        if status:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        behind = http.client.HTTPConnection(proxy.endpoint_behind, timeout=30)
        behind.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for key, value in self.headers.items():  # Host is signed, too
            if key.lower() not in ("expect", "connection"):
                behind.putheader(key, value)
        behind.endheaders(body)
        answer = behind.getresponse()
        data = answer.read()
        self.send_response_only(answer.status, answer.reason)
        for key, value in answer.getheaders():
            if key.lower() not in ("connection", "transfer-encoding"):
                self.send_header(key, value)
        self.end_headers()
        self.wfile.write(data)
        behind.close()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = forward


class Proxy:
    """Between a client and the bucket: answers the nth request of a kind itself, with `status` (None: cut)."""

    def __init__(self, bucket):
        self.endpoint_behind = bucket.endpoint
        self.lock = threading.Lock()
        self.reset("PUT", 0, 500)
        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forward)
        self.httpd.owner = self
        self.endpoint = f"127.0.0.1:{self.httpd.server_address[1]}"
        threading.Thread(target=self.httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def reset(self, verb, nth, status, lasts=False):
        """nth: from 1; 0: none. lasts: all after it, too."""
        with self.lock:
            self.verb, self.nth, self.status, self.lasts, self.seen = verb, nth, status, lasts, []

    def before(self, verb, path):
        with self.lock:
            if verb == self.verb:
                self.seen.append(path)
                n = len(self.seen)
                if self.nth and (n == self.nth or (self.lasts and n > self.nth)):
                    return self.status
        return 0

    def close(self):
        self.httpd.shutdown()
        self.httpd.server_close()


def set_for_this_thread(settings):
    for key, value in settings.items():
        gdal.SetThreadLocalConfigOption(key, value)


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    bucket = Bucket(tmp_path_factory.mktemp("s3"))
    yield bucket
    bucket.kill()


@pytest.fixture
def signed(bucket):
    """Credentials in the configuration of this thread alone, as rasterio.Env sets them."""
    set_for_this_thread(dict(SETTINGS, AWS_S3_ENDPOINT=bucket.endpoint))
    yield bucket
    set_for_this_thread(dict.fromkeys([*SETTINGS, "AWS_S3_ENDPOINT"]))


@pytest.fixture
def proxy(signed):
    proxy = Proxy(signed)
    set_for_this_thread({"AWS_S3_ENDPOINT": proxy.endpoint})
    yield proxy
    proxy.close()


def files(folder):
    folder = pathlib.Path(folder)
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != ".ozr-lock"}


def same(one, two):
    """Byte for byte; metadata but for the name of the image."""
    assert one.keys() == two.keys()
    for key, data in one.items():
        if key.endswith(".json"):
            assert re.sub(rb'"name": "[^"]*"', b"", data) == re.sub(rb'"name": "[^"]*"', b"", two[key])
        else:
            assert data == two[key], key
