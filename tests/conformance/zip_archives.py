#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The zip store against Python's zipfile and Info-ZIP: what each writes the other reads.

usage: zip_archives.py PROGRAM        (tests/conformance/zip_archives.c)
"""
import io
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib

PROGRAM = sys.argv[1]
DATA = bytes((i * 7 + i // 251) % 256 for i in range(64 << 10))


def run(*args, code=0):
    out = subprocess.run([PROGRAM, *args], capture_output=True, text=True)
    assert out.returncode == code, (args, out.returncode, out.stderr)
    return out


def dumped(path):
    return {line.split("\t")[0]: tuple(line.split("\t")[1:]) for line in run("dump", path).stdout.splitlines()}


def check_ours(folder):
    path = os.path.join(folder, "ours.ozx")
    places = [line.split("\t") for line in run("make", path).stdout.splitlines()]
    raw = open(path, "rb").read()
    assert raw[:4] == b"II+\0" and len(places) == 1000
    for key, offset, size in places:
        i = int(key.rsplit("/", 1)[1])
        assert int(offset) % 64 == 0 and int(size) == 37 * i
        assert raw[int(offset):int(offset) + 37 * i] == DATA[i:i + 37 * i], key
    with zipfile.ZipFile(path) as z:
        assert z.testzip() is None
        names = z.namelist()
        assert names[:4] == ["zarr.json", "s0/zarr.json", "s1/zarr.json", "labels/cells/zarr.json"], names[:5]
        assert len(names) == len(set(names)) == 1006
        assert z.read("s0/c/stream") == DATA * 100 and z.read("s0/c/müll") == DATA[:1234]
        assert z.read("zarr.json").rstrip(b" ") == b'{"zarr_format":3,"node_type":"group"}'
        for i in range(1000):
            assert z.read(f"s0/c/{i}") == DATA[i:i + 37 * i]
        assert json.loads(z.comment)["ome"]["zipFile"]["centralDirectory"]["jsonFirst"] is True
        infos = z.infolist()
        assert all(i.compress_type == zipfile.ZIP_STORED and i.date_time == (1980, 1, 1, 0, 0, 0) for i in infos)
        first = sorted(infos, key=lambda i: i.header_offset)[:3]
        assert [i.filename for i in first] == ["zarr.json", "s0/zarr.json", "labels/cells/zarr.json"]
        want = {i.filename: (str(i.file_size), f"{i.CRC:08x}") for i in infos}
    assert dumped(path) == want
    again = os.path.join(folder, "again.ozx")
    run("make", again)
    assert open(again, "rb").read() == raw
    if shutil.which("unzip"):
        out = subprocess.run(["unzip", "-tqq", path], capture_output=True, text=True)
        assert out.returncode == 0 and not out.stdout and not out.stderr, out


class Pipe(io.RawIOBase):
    """Not seekable: zipfile writes data descriptors."""

    def __init__(self, f):
        self.f = f

    def writable(self):
        return True

    def write(self, b):
        return self.f.write(b)

    def flush(self):
        self.f.flush()


def fill(z, method):
    z.writestr(zipfile.ZipInfo("folder/"), b"")
    for name, data in (("zarr.json", b"{}"), ("c/0", DATA), ("c/1", b""), ("ünï/cödé/鑰", b"x" * 5000)):
        z.writestr(name, data, compress_type=method)


def same_as_python(path):
    with zipfile.ZipFile(path) as z:
        want = {i.filename: (str(i.file_size), f"{i.CRC:08x}") for i in z.infolist() if not i.is_dir()}
    got = dumped(path)
    assert got == want, (path, got, want)


def check_theirs(folder):
    path = os.path.join(folder, "theirs.zip")
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(path, "w") as z:
            fill(z, method)
        same_as_python(path)
        with open(path, "wb") as f, zipfile.ZipFile(Pipe(f), "w") as z:
            fill(z, method)
        same_as_python(path)
        with zipfile.ZipFile(path, "w") as z:
            with z.open(zipfile.ZipInfo("big"), "w", force_zip64=True) as f:
                f.write(DATA)
            fill(z, method)
            z.comment = b"c" * 65535
        same_as_python(path)
    with zipfile.ZipFile(path, "w") as z:  # more than the old record can count
        for i in range(70000):
            z.writestr(zipfile.ZipInfo(f"{i % 300}/{i}"), b"%d" % i)
    same_as_python(path)
    with zipfile.ZipFile(path, "w") as z:
        fill(z, zipfile.ZIP_BZIP2)
    got = dumped(path)
    assert got["c/0"][0] == "UNSUPPORTED" and "method 12" in got["c/0"][1], got


def check_info_zip(folder):
    if not shutil.which("zip"):
        return
    os.makedirs(os.path.join(folder, "tree/a/ü"))
    for name in ("zarr.json", "a/0", "a/ü/1"):
        with open(os.path.join(folder, "tree", name), "wb") as f:
            f.write(DATA[: 100 * len(name)])
    for number, options in enumerate((["-0"], ["-9"], ["-fz"], ["-D"])):
        path = os.path.join(folder, f"info{number}.zip")
        subprocess.run(["zip", "-qr", *options, path, "."], check=True, cwd=os.path.join(folder, "tree"),
                       env={**os.environ, "LC_ALL": "C.UTF-8"})
        got = dumped(path)
        assert set(got) == {"zarr.json", "a/0", "a/ü/1"}, got
        assert got["a/0"] == ("300", f"{zlib.crc32(DATA[:300]):08x}")
    # From a pipe: sizes follow the data, in ZIP64.
    path = os.path.join(folder, "pipe.zip")
    with open(path, "wb") as f:
        subprocess.run(["zip", "-q", "-", "-"], input=DATA, stdout=f, check=True)
    assert dumped(path) == {"-": (str(len(DATA)), f"{zlib.crc32(DATA):08x}")}


def check_kinds(folder):
    """What is seldom: bytes before the first entry, another order, an archive appended to, members that we cannot read."""
    path = os.path.join(folder, "kinds.zip")
    with open(path, "wb") as f:
        f.write(DATA[:5000])
    for i in range(3):  # appended to, each time with a new directory
        with zipfile.ZipFile(path, "a") as z:
            z.writestr(f"c/{i}", DATA[i:], compress_type=zipfile.ZIP_DEFLATED if i else zipfile.ZIP_STORED)
        same_as_python(path)
    with zipfile.ZipFile(path, "w") as z:
        fill(z, zipfile.ZIP_STORED)
        z.filelist.reverse()
        z._didModify = True
    same_as_python(path)
    with open(path, "wb") as f, zipfile.ZipFile(Pipe(f), "w") as z:  # ZIP64 sizes behind the data
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            info = zipfile.ZipInfo(f"große/{method}")
            info.compress_type = method
            with z.open(info, "w", force_zip64=True) as member:
                member.write(DATA)
    same_as_python(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as z:
        z.writestr("lzma", DATA)
        z.writestr("stored", DATA, compress_type=zipfile.ZIP_STORED)
        link = zipfile.ZipInfo("link")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        z.writestr(link, b"stored", compress_type=zipfile.ZIP_STORED)
    got = dumped(path)
    assert got["lzma"][0] == "UNSUPPORTED" and "method 14" in got["lzma"][1], got
    assert got["link"][0] == "UNSUPPORTED" and "symbolic link" in got["link"][1], got
    assert got["stored"] == (str(len(DATA)), f"{zlib.crc32(DATA):08x}")


def check_large(folder):
    """More than 4 GiB, ours and Python's; only with OZR_LONG."""
    if not os.environ.get("OZR_LONG"):
        return
    path = os.path.join(folder, "large.ozx")
    run("large", path)
    with zipfile.ZipFile(path) as z:
        last = z.getinfo("c/79")
        assert last.header_offset > 1 << 32 and last.file_size == 1000 * len(DATA)
        assert z.testzip() is None
        assert z.read("c/79")[: len(DATA)] == DATA
    assert len(dumped(path)) == 81
    os.remove(path)
    with zipfile.ZipFile(path, "w") as z:
        for i in range(3):  # one member beyond 4 GiB, one behind it
            with z.open(f"c/{i}", "w", force_zip64=True) as f:
                for _ in range((1, 66000, 1)[i]):
                    f.write(DATA)
    same_as_python(path)
    os.remove(path)


def check_refused(folder):
    path = os.path.join(folder, "bad.zip")
    for name in ("../up", "/root", "a/./b", "a\x07b"):
        with zipfile.ZipFile(path, "w") as z:
            z.writestr(name, b"x")
        out = run("dump", path, code=1)
        assert "BAD_FORMAT" in out.stderr and "entry" in out.stderr, out.stderr
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("a", b"x")
    raw = bytearray(open(path, "rb").read())
    struct.pack_into("<H", raw, len(raw) - 18, 1)
    open(path, "wb").write(raw)
    assert "several files" in run("dump", path, code=1).stderr


def main():
    with tempfile.TemporaryDirectory() as folder:
        for check in (check_ours, check_theirs, check_info_zip, check_kinds, check_refused, check_large):
            check(folder)
            print("ok", check.__name__)


if __name__ == "__main__":
    main()
