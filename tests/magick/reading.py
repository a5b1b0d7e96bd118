# SPDX-License-Identifier: MIT
"""What the tests of reading share: stores of known pixels, written by numpy."""
import json
import re
import subprocess

import numpy
import stores

AXES, SHAPE = "tczyx", (2, 3, 5, 40, 60)


def noise(shape, dtype="<u2", seed=1):
    """Values all over the range of the type (0 to 1 for floats)."""
    generator, dtype = numpy.random.default_rng(seed), numpy.dtype(dtype)
    if dtype.kind == "f":
        return generator.random(shape).astype(dtype)
    if dtype.kind == "b":
        return generator.integers(0, 2, shape).astype(dtype)
    info = numpy.iinfo(dtype)
    return generator.integers(info.min, info.max, shape, dtype.newbyteorder("="), endpoint=True).astype(dtype)


def halved(pixels, axes):
    """A level: every second pixel of space."""
    return pixels[tuple(slice(None, None, 2 if a in "zyx" else 1) for a in axes)]


def volume(folder, version="0.5", axes=AXES, shape=SHAPE, dtype="<u2", levels=3, **more):
    """An image of noise; its levels."""
    pixels = [noise(shape, dtype)]
    while len(pixels) < levels:
        pixels.append(halved(pixels[-1], axes))
    stores.write_image(folder, version, axes, pixels, [1] * len(axes), **more)
    return pixels


def planes(pixels):
    """All planes in C order."""
    return pixels.reshape((-1,) + pixels.shape[-2:])


def omero(*channels):
    """color, start, end[, active[, label]] of each; start None: no window."""
    out = []
    for color, start, end, *rest in channels:
        channel = {"color": color, "active": rest[0] if rest else True}
        if start is not None:
            channel["window"] = {"min": start, "max": end, "start": start, "end": end}
        if len(rest) > 1:
            channel["label"] = rest[1]
        out.append(channel)
    return {"omero": {"channels": out}}


def scenes(magick, name, *options):
    """Numbers of the images that a name gives, and what `identify -ping -format` says."""
    done = magick.identify("-ping", *options, "-format", "%s\n", name)
    return [int(line) for line in done.stdout.split()]


def said(magick, name, text, *options):
    """`identify -ping -format`, one line for each image. ImageMagick warns of properties that are not there."""
    return magick.identify("-ping", *options, "-format", text + "\n", name, ok="warned").stdout.decode().splitlines()


def properties(magick, name, *options):
    """The omezarr: properties of the one image of this name."""
    done = magick.identify("-verbose", *options, name)
    return dict(re.findall(r"^ *(omezarr:\S+): (.*)$", done.stdout.decode(), re.M))


def opened(magick, folder, *words, tool="convert"):
    """Chunk files below folder that a command opens."""
    log = magick.home / "strace"
    command = ["strace", "-f", "-qq", "-e", "trace=open,openat,openat2", "-o", str(log)] + magick.command(tool) + list(map(str, words))
    done = subprocess.run(command, capture_output=True, env=magick.environment(), timeout=120)
    assert done.returncode == 0, done.stderr
    lines = log.read_text(errors="replace").splitlines()
    log.unlink()
    assert any("zarr.json" in line or ".zattrs" in line for line in lines), "strace saw no metadata"
    names = [match[1] for line in lines if " = -1 " not in line for match in [re.search(r'"([^"]*)"', line)] if match]
    chunk = re.compile(r"(^|/)(c/)?\d+(/\d+)+$")
    return sorted({name for name in names if chunk.search(name)})


def without_chunks(folder):
    """Metadata only: whoever wants a pixel gets the fill value."""
    for path in folder.rglob("*"):
        if path.is_file() and path.name.isdigit():
            path.unlink()


def edit(document, change):
    """Change a JSON document in place."""
    members = json.loads(document.read_text())
    change(members)
    document.write_text(json.dumps(members))
