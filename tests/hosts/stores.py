# SPDX-License-Identifier: MIT
"""Stores as any program may write them, made and read by numpy alone: raw chunks, one file each."""
import itertools
import json
import pathlib

import numpy

KINDS = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space", "q": "angle"}


def write_array(folder, pixels, chunks, version, attributes=None, reverse=False):
    """One array, Zarr v2 (0.4) or v3 (0.5), without compression, in the byte order of pixels. reverse: the first axis
    changes fastest inside a chunk."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    if version == "0.4":
        document = {"zarr_format": 2, "shape": pixels.shape, "chunks": chunks, "dtype": pixels.dtype.str, "compressor": None,
                    "fill_value": 0, "filters": None, "order": "F" if reverse else "C", "dimension_separator": "/"}
        (folder / ".zarray").write_text(json.dumps(document))
        if attributes:
            (folder / ".zattrs").write_text(json.dumps(attributes))
    else:
        turned = {"name": "transpose", "configuration": {"order": list(range(pixels.ndim))[::-1]}}
        endian = "big" if pixels.dtype.str[0] == ">" else "little"
        document = {"zarr_format": 3, "node_type": "array", "shape": pixels.shape, "data_type": pixels.dtype.name, "fill_value": 0,
                    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunks}},
                    "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
                    "codecs": [turned] * reverse + [{"name": "bytes", "configuration": {"endian": endian}}],
                    "attributes": attributes or {}}
        (folder / "zarr.json").write_text(json.dumps(document))
    grid = [range(-(-n // c)) for n, c in zip(pixels.shape, chunks)]
    for index in itertools.product(*grid):
        block = numpy.zeros(chunks, pixels.dtype)
        part = pixels[tuple(slice(i * c, (i + 1) * c) for i, c in zip(index, chunks))]
        block[tuple(slice(n) for n in part.shape)] = part
        path = folder.joinpath(*([] if version == "0.4" else ["c"]), *map(str, index))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((block.T if reverse else block).tobytes())


def read_array(folder):
    """An array whose chunks are files of raw bytes, perhaps with a checksum behind; missing ones are 0."""
    folder, behind = pathlib.Path(folder), 0
    if (folder / ".zarray").exists():
        document = json.loads((folder / ".zarray").read_text())
        assert document["compressor"] is None
        shape, chunks, dtype, prefix = document["shape"], document["chunks"], numpy.dtype(document["dtype"]), ()
    else:
        document = json.loads((folder / "zarr.json").read_text())
        names = [c["name"] for c in document["codecs"]]
        assert names in (["bytes"], ["bytes", "crc32c"]), document["codecs"]
        behind = 4 * (len(names) - 1)
        shape, dtype, prefix = document["shape"], numpy.dtype(document["data_type"]), ("c",)
        chunks = document["chunk_grid"]["configuration"]["chunk_shape"]
    pixels = numpy.zeros(shape, dtype)
    for index in itertools.product(*[range(-(-n // c)) for n, c in zip(shape, chunks)]):
        path = folder.joinpath(*prefix, *map(str, index))
        if path.exists():
            stored = path.read_bytes()
            block = numpy.frombuffer(stored[: len(stored) - behind], dtype).reshape(chunks)
            region = tuple(slice(i * c, min((i + 1) * c, n)) for i, c, n in zip(index, chunks, shape))
            pixels[region] = block[tuple(slice(r.stop - r.start) for r in region)]
    return pixels


def write_group(folder, version, ome, attributes=None):
    """A group; ome: what stands under `ome` (0.5) or beside all else (0.4)."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if version == "0.4":
        (folder / ".zgroup").write_text('{"zarr_format": 2}')
        (folder / ".zattrs").write_text(json.dumps({**ome, **(attributes or {})}))
    else:
        members = {"ome": {"version": "0.5", **ome}, **(attributes or {})}
        (folder / "zarr.json").write_text(json.dumps({"zarr_format": 3, "node_type": "group", "attributes": members}))


def read_group(folder):
    """What is under `ome`, or would be, and all attributes."""
    folder = pathlib.Path(folder)
    if (folder / ".zattrs").exists():
        attributes = json.loads((folder / ".zattrs").read_text())
        return attributes, attributes
    attributes = json.loads((folder / "zarr.json").read_text())["attributes"]
    return attributes.get("ome", {}), attributes


def write_image(folder, version, axes, levels, scale, translation=None, units=None, chunks=None, ome=None, attributes=None,
                reverse=False):
    """A multiscale image. levels: arrays, the full one first. scale: of level 0, or of each level."""
    scales = scale if isinstance(scale[0], (list, tuple)) else [
        [s * n / m for s, n, m in zip(scale, levels[0].shape, level.shape)] for level in levels]
    translations = translation if translation and isinstance(translation[0], (list, tuple)) else [translation] * len(levels)
    datasets = []
    for i, pixels in enumerate(levels):
        write_array(pathlib.Path(folder) / str(i), pixels, list(chunks or [min(n, 16) for n in pixels.shape]), version,
                    reverse=reverse)
        moves = [{"type": "translation", "translation": translations[i]}] if translations[i] else []
        datasets.append({"path": str(i), "coordinateTransformations": [{"type": "scale", "scale": scales[i]}, *moves]})
    entry = {"name": "specimen", "datasets": datasets,
             "axes": [{"name": a, "type": KINDS[a], **({"unit": units[a]} if units and a in units else {})} for a in axes]}
    if version == "0.4":
        entry["version"] = "0.4"
    write_group(folder, version, {"multiscales": [entry], **(ome or {})}, attributes)


def read_image(folder):
    """The levels of an image, its multiscales entry, its `ome` and all attributes."""
    ome, attributes = read_group(folder)
    entry = ome["multiscales"][0]
    levels = [read_array(pathlib.Path(folder) / d["path"]) for d in entry["datasets"]]
    return levels, entry, ome, attributes
