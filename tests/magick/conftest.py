# SPDX-License-Identifier: MIT
"""What the ImageMagick tests share: the programs of one variant with our module, in an environment of their own.

Nothing is tested when ImageMagick answers instead of our module: it writes a file of another format under the
name of a store, and says that all is well. So the module is looked for before the first test, and what was
written is checked to be a folder."""
import os
import pathlib
import resource
import subprocess
import sys

import numpy
import pytest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "hosts"))  # stores.py

VARIANT = os.environ["OZR_MAGICK_VARIANT"]  # 6.Q16HDRI
MODULE = pathlib.Path(os.environ["OZR_MAGICK_MODULE"])
CODERS = os.environ["OZR_MAGICK_CODERS"]  # ImageMagick's own
PROGRAM = pathlib.Path(os.environ["OZR_MAGICK_PROGRAM"])  # convert of 6, magick of 7
PRELOAD = os.environ.get("OZR_MAGICK_PRELOAD", "")
SECONDS = 120
TYPES = {8: "u1", 16: "<u2", 32: "<u4", "float": "<f4", "double": "<f8"}


class Magick:
    """The programs of one variant. All files that they make beside their outputs go to `folder`."""
    version = int(VARIANT[0])
    hdri = VARIANT.endswith("HDRI")
    sanitized = bool(PRELOAD)

    def __init__(self, folder):
        self.home, self.temporary = folder / "home", folder / "temporary"
        for each in (self.home, self.temporary):
            each.mkdir()

    def environment(self, modules=f"{MODULE.parent}:{CODERS}", **more):
        env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(self.home), "OMP_WAIT_POLICY": "passive",
               "MAGICK_TEMPORARY_PATH": str(self.temporary), "MAGICK_CODER_MODULE_PATH": modules}
        if PRELOAD:
            here = pathlib.Path(__file__).parent
            env.update(LD_PRELOAD=PRELOAD, UBSAN_OPTIONS="print_stacktrace=1",
                       ASAN_OPTIONS="detect_leaks=0:allocator_may_return_null=1",
                       LSAN_OPTIONS=f"suppressions={here}/leaks.supp:print_suppressions=0")
        env.update({k: v for k, v in more.items() if v is not None})
        return {k: v for k, v in env.items() if k not in more or more[k] is not None}

    def command(self, tool):
        """How a tool is called: version 7 has one program for all."""
        if self.version >= 7:
            return [str(PROGRAM)] + ([] if tool == "convert" else [tool])
        return [str(PROGRAM.with_name(PROGRAM.name.replace("convert", tool)))]

    def tool(self, tool, *words, input=None, ok=True, env=None, cwd=None, address_space=None, timeout=SECONDS):
        """Run a tool. ok: it must succeed and say nothing; ok=False: either; ok="warned": succeed, may warn."""
        def limit():
            if address_space and not PRELOAD:
                resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
        command = self.command(tool) + [str(word) for word in words]
        env = self.environment(**(env or {}))
        if PRELOAD:  # not inside Python and Perl, which leave much of their own
            env["ASAN_OPTIONS"] = env["ASAN_OPTIONS"].replace("detect_leaks=0", "detect_leaks=1:fast_unwind_on_malloc=0")
        done = subprocess.run(command, input=input, capture_output=True, env=env, cwd=cwd,
                              preexec_fn=limit, timeout=timeout)
        done.stderr = done.stderr.decode(errors="backslashreplace")
        what = f"{' '.join(command)}\nreturned {done.returncode}: {done.stderr[-4000:]}"
        assert done.returncode >= 0, "killed by a signal: " + what
        assert "Sanitizer" not in done.stderr and "runtime error:" not in done.stderr, what
        if ok:
            assert done.returncode == 0, what
            assert ok == "warned" or done.stderr == "", what
        return done

    def convert(self, *words, input=None, ok=True, **more):
        return self.tool("convert", *words, input=input, ok=ok, **more)

    def identify(self, *words, input=None, ok=True, **more):
        return self.tool("identify", *words, input=input, ok=ok, **more)

    def refused(self, *words, tool="convert", **more):
        """The one error with which a command must end."""
        done = self.tool(tool, *words, ok=False, **more)
        assert done.returncode != 0, f"{words} succeeded: {done.stderr}"
        assert done.stdout == b""
        return done.stderr

    def pixels(self, name, *options, depth=16, shape=None, ok=True, after=()):
        """What a name reads as, (images, rows, columns) or, in color, (images, rows, columns, 3 or 4).

        options stand before the name, after behind it. depth 8, 16 or 32: whole numbers of that many bits;
        "float" or "double": 0 to 1 for what is black to white."""
        bits, kind = {"float": (32, "floating-point"), "double": (64, "floating-point")}.get(depth, (depth, "unsigned"))
        facts, raw = self.home / "facts", self.home / "raw"
        self.convert(*options, name, *after, "-format", "%w %h %[colorspace] %A\n", "-write", f"info:{facts}", "-depth", bits,
                     "-endian", "LSB", "-define", f"quantum:format={kind}", f"rgba:{raw}", ok=ok)
        images = [line.split() for line in facts.read_text().splitlines()]
        data = numpy.frombuffer(raw.read_bytes(), TYPES[depth])
        facts.unlink(), raw.unlink()
        assert len({(w, h) for w, h, *_ in images}) == 1, images
        columns, rows = map(int, images[0][:2])
        data = data.reshape(len(images), rows, columns, 4)
        gray = all("gray" in space.lower() for _, _, space, _ in images)
        if not any(alpha in ("True", "Blend") for *_, alpha in images):
            data = data[..., :3]
            if gray:
                assert (data == data[..., :1]).all()
                data = data[..., 0]
        assert shape is None or data.shape == tuple(shape), data.shape
        return data

    def write(self, target, *words, ok=True, **more):
        """convert words... target, which must then be a folder: a store, and not some image file of that name."""
        self.convert(*words, target, ok=ok, **more)
        path = pathlib.Path(str(target).split(":", 1)[-1])
        assert path.is_dir(), f"{path} is not a folder: our module did not write it"
        return path


@pytest.fixture(scope="session", autouse=True)
def module(tmp_path_factory):
    """Our module answers to its names, and comes from the build under test."""
    magick = Magick(tmp_path_factory.mktemp("module"))
    for name in ("OMEZARR", "ZARR", "OZX"):
        done = magick.identify("-debug", "module", f"{name}:/no/such/store", ok=False)
        if done.returncode == 0 or "no decode delegate" in done.stderr or str(MODULE.parent) not in done.stderr:
            pytest.exit(f"ImageMagick {VARIANT} did not load {MODULE} for {name}:\n{done.stderr}", 1)


@pytest.fixture
def magick(tmp_path_factory):
    """The programs, with a home and a temporary folder of this test's own, in which nothing may be left."""
    host = Magick(tmp_path_factory.mktemp("host"))
    yield host
    left = [str(p) for each in (host.home, host.temporary) for p in each.rglob("*") if p.is_file()]
    assert left == [], "left behind"


@pytest.fixture(scope="session")
def data():
    beside = pathlib.Path(__file__).resolve().parents[3] / "shared"
    folder = pathlib.Path(os.environ.get("OZR_SHARED") or beside) / "data"
    if not folder.is_dir():
        give_up = pytest.fail if os.environ.get("OZR_REQUIRE_SHARED") == "1" else pytest.skip
        give_up(f"{folder}: the folder of real images is not here (OZR_SHARED)")
    return folder.resolve()
