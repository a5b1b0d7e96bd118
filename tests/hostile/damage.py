# SPDX-License-Identifier: MIT
"""Small valid stores with one thing damaged, for the tests of every host: CASES says what is done to the store, and
what the message must hold. Makers change documents; nothing here reads a store."""
import copy
import json
import struct
import zlib


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 & -(crc & 1))
    return crc ^ 0xFFFFFFFF


# --- a good store, as documents -------------------------------------------

GROUP = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": {"version": "0.5", "multiscales": [{
    "axes": [{"name": "y", "type": "space"}, {"name": "x", "type": "space"}],
    "datasets": [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 1]}]}]}]}}}
BYTES = {"name": "bytes", "configuration": {"endian": "little"}}
ARRAY = {"zarr_format": 3, "node_type": "array", "shape": [8, 8], "data_type": "uint16",
         "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [4, 4]}},
         "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
         "fill_value": 0, "codecs": [BYTES], "dimension_names": ["y", "x"], "attributes": {}}
SHARDING = {"name": "sharding_indexed", "configuration": {
    "chunk_shape": [2, 2], "codecs": [BYTES], "index_codecs": [BYTES, {"name": "crc32c"}], "index_location": "end"}}


def shard(entries, payload=b"\1\0" * 16, bad_crc=False):
    """A shard of four inner chunks with the given index entries."""
    index = b"".join(struct.pack("<QQ", *entry) for entry in entries)
    crc = crc32c(index) ^ (1 if bad_crc else 0)
    return payload + index + struct.pack("<I", crc)


GOOD_SHARD = [(0, 8), (8, 8), (16, 8), (24, 8)]


def make(path, group=GROUP, array=ARRAY, chunks=None):
    path.mkdir()
    (path / "zarr.json").write_text(group if isinstance(group, str) else json.dumps(group))
    (path / "0").mkdir()
    (path / "0/zarr.json").write_text(array if isinstance(array, str) else json.dumps(array))
    # A damaged chunk is alone: with several, whichever a worker meets first is the one that is named.
    for y, x in [(0, 0)] if chunks is not None else [(0, 0), (0, 1), (1, 0), (1, 1)]:
        chunk = path / f"0/c/{y}/{x}"
        chunk.parent.mkdir(parents=True, exist_ok=True)
        chunk.write_bytes(b"\7\0" * 16 if chunks is None else chunks)
    return path


def changed(document, place, value):
    """A copy of a document with the member at place ("/a/0/b") replaced; value None removes it."""
    document = copy.deepcopy(document)
    *way, last = place.strip("/").split("/")
    node = document
    for step in way:
        node = node[int(step) if isinstance(node, list) else step]
    if value is None:
        del node[last]
    else:
        node[int(last) if isinstance(node, list) else last] = value
    return document


ABSENT = (2**64 - 1, 2**64 - 1)
TEXT = json.dumps(GROUP)
# name: (what make() gets, words that the message must hold)
CASES = {
    "group-empty": (dict(group=""), ["zarr.json"]),
    "group-truncated": (dict(group=TEXT[:100]), ["zarr.json"]),
    "group-trailing-garbage": (dict(group=TEXT + "}"), ["zarr.json"]),
    "group-duplicate-member": (dict(group=TEXT[:-1] + ', "attributes": {"ome": {"multiscales": []}}}'), ["zarr.json", "attributes"]),
    "group-deep": (dict(group='{"attributes": {"ome": ' + "[" * 100000 + "]" * 100000 + "}}"), ["zarr.json"]),
    "group-not-utf8": (dict(group=TEXT.replace('"y"', '"\\ud800"')), ["zarr.json"]),
    "multiscales-empty": (dict(group=changed(GROUP, "/attributes/ome/multiscales", [])), ["multiscales"]),
    "datasets-missing": (dict(group=changed(GROUP, "/attributes/ome/multiscales/0/datasets", None)), ["datasets"]),
    "datasets-many": (dict(group=changed(GROUP, "/attributes/ome/multiscales/0/datasets", GROUP["attributes"]["ome"]["multiscales"][0]["datasets"] * 5000)), ["datasets"]),
    "path-absolute": (dict(group=changed(GROUP, "/attributes/ome/multiscales/0/datasets/0/path", "/etc")), ["/datasets/0/path", "/etc"]),
    "path-escapes": (dict(group=changed(GROUP, "/attributes/ome/multiscales/0/datasets/0/path", "../../x")), ["/datasets/0/path", "../../x"]),
    "path-missing": (dict(group=changed(GROUP, "/attributes/ome/multiscales/0/datasets/0/path", "9")), ["9"]),
    "axes-too-few": (dict(group=changed(GROUP, "/attributes/ome/multiscales/0/axes/0", {"name": "x", "type": "space"})), ["axes", "x"]),
    "axes-wrong-number": (dict(group=changed(GROUP, "/attributes/ome/multiscales/0/axes", [{"name": n, "type": "space"} for n in "zyx"])), ["3", "2"]),
    "scale-infinite": (dict(group=json.dumps(GROUP).replace('"scale": [1, 1]', '"scale": [1, 1e999]')), ["scale"]),
    "array-truncated": (dict(array=json.dumps(ARRAY)[:60]), ["array '0': zarr.json"]),
    "array-is-a-group": (dict(array={"zarr_format": 3, "node_type": "group"}), ["array '0': zarr.json", "group"]),
    "shape-negative": (dict(array=changed(ARRAY, "/shape/1", -5)), ["/shape/1", "-5"]),
    "shape-fraction": (dict(array=changed(ARRAY, "/shape/0", 8.5)), ["/shape/0", "8.5"]),
    "shape-huge": (dict(array=json.dumps(ARRAY).replace('"shape": [8, 8]', '"shape": [8, 18446744073709551616]')), ["/shape/1", "18446744073709551616"]),
    "shape-text": (dict(array=changed(ARRAY, "/shape", "8,8")), ["/shape"]),
    "shape-beyond-gdal": (dict(array=changed(ARRAY, "/shape", [2**62, 2**62])), ["4611686018427387904"]),
    "rank-many": (dict(array=changed(changed(ARRAY, "/shape", [1] * 5000), "/chunk_grid/configuration/chunk_shape", [1] * 5000)), ["shape"]),
    "chunk-zero": (dict(array=changed(ARRAY, "/chunk_grid/configuration/chunk_shape/1", 0)), ["chunk_shape/1", "found 0"]),
    "chunk-huge": (dict(array=changed(ARRAY, "/chunk_grid/configuration/chunk_shape", [2**40, 2**40])), ["chunk"]),
    "chunk-2-gib": (dict(array=changed(ARRAY, "/chunk_grid/configuration/chunk_shape", [2**15, 2**15])), ["chunk"]),
    "chunk-rank": (dict(array=changed(ARRAY, "/chunk_grid/configuration/chunk_shape", [4])), ["chunk_shape"]),
    "grid-unknown": (dict(array=changed(ARRAY, "/chunk_grid/name", "hexagonal")), ["chunk_grid", "hexagonal"]),
    "dtype-unknown": (dict(array=changed(ARRAY, "/data_type", "complex999")), ["data_type", "complex999"]),
    "fill-out-of-range": (dict(array=changed(ARRAY, "/fill_value", 70000)), ["fill_value", "70000"]),
    "codec-unknown": (dict(array=changed(ARRAY, "/codecs", [BYTES, {"name": "middle-out"}])), ["codecs", "middle-out"]),
    "codecs-empty": (dict(array=changed(ARRAY, "/codecs", [])), ["codecs"]),
    "codec-order": (dict(array=changed(ARRAY, "/codecs", [{"name": "zstd", "configuration": {"level": 1}}, BYTES])), ["codecs"]),
    "member-must-understand": (dict(array=changed(ARRAY, "/flux", {"must_understand": True})), ["flux"]),
    "chunk-short": (dict(chunks=b"\7\0" * 15), ["array '0': c/0/0", "30", "32"]),
    "chunk-long": (dict(chunks=b"\7\0" * 17), ["array '0': c/0/0", "34", "32"]),
    "chunk-empty": (dict(chunks=b""), ["array '0': c/0/0"]),
    "zstd-garbage": (dict(array=changed(ARRAY, "/codecs", [BYTES, {"name": "zstd", "configuration": {"level": 1}}]), chunks=b"garbage!" * 4), ["array '0': c/0/0", "zstd"]),
    "gzip-garbage": (dict(array=changed(ARRAY, "/codecs", [BYTES, {"name": "gzip", "configuration": {"level": 1}}]), chunks=zlib.compress(bytes(32))), ["array '0': c/0/0", "gzip"]),
    "blosc-garbage": (dict(array=changed(ARRAY, "/codecs", [BYTES, {"name": "blosc", "configuration": {"cname": "lz4", "clevel": 1, "shuffle": "shuffle", "typesize": 2, "blocksize": 0}}]), chunks=b"\2\1\1\2" + struct.pack("<III", 2**31 - 1, 4096, 64) + bytes(48)), ["array '0': c/0/0", "blosc"]),
    "crc-wrong": (dict(array=changed(ARRAY, "/codecs", [BYTES, {"name": "crc32c"}]), chunks=bytes(36)[:-1] + b"\1"), ["array '0': c/0/0", "crc32c"]),
    "shard-index-crc": (dict(array=dict(ARRAY, codecs=[SHARDING]), chunks=shard(GOOD_SHARD, bad_crc=True)), ["array '0': c/0/0", "index"]),
    "shard-too-small": (dict(array=dict(ARRAY, codecs=[SHARDING]), chunks=b"tiny"), ["array '0': c/0/0", "index"]),
    "shard-entry-past-end": (dict(array=dict(ARRAY, codecs=[SHARDING]), chunks=shard([(0, 8), (8, 8), (16, 8), (4096, 8)])), ["array '0': c/0/0", "4096"]),
    "shard-entry-overflow": (dict(array=dict(ARRAY, codecs=[SHARDING]), chunks=shard([(0, 8), (8, 8), (2**64 - 4, 8), ABSENT])), ["array '0': c/0/0", "18446744073709551612"]),
    "shard-entry-in-index": (dict(array=dict(ARRAY, codecs=[SHARDING]), chunks=shard([(0, 8), (8, 8), (16, 8), (36, 8)])), ["array '0': c/0/0", "36"]),
    "shard-inner-short": (dict(array=dict(ARRAY, codecs=[SHARDING]), chunks=shard([(0, 7), (8, 8), (16, 8), (24, 8)])), ["array '0': c/0/0"]),
    "shard-not-divisible": (dict(array=dict(ARRAY, codecs=[changed(SHARDING, "/configuration/chunk_shape", [3, 2])])), ["sharding_indexed", "shard of 4 elements", "inner chunks of 3"]),
    "shard-many-entries": (dict(array=dict(changed(ARRAY, "/chunk_grid/configuration/chunk_shape", [2**40, 2**20]), codecs=[SHARDING])), ["sharding_indexed", "shard_entries"]),
}

V2_ARRAY = {"zarr_format": 2, "shape": [8, 8], "chunks": [4, 4], "dtype": "<u2", "compressor": None, "fill_value": 0, "order": "C", "filters": None, "dimension_separator": "/"}
V2_CASES = {
    "v2-dtype": ("/dtype", "|O", ["dtype", "|O"]),
    "v2-filter": ("/filters", [{"id": "delta"}], ["filters", "delta"]),
    "v2-compressor": ("/compressor", {"id": "lzma"}, ["compressor", "lzma"]),
    "v2-chunks": ("/chunks/0", 0, ["/chunks/0"]),
    "v2-order": ("/order", "Z", ["order", "Z"]),
    "v2-shape-missing": ("/shape", None, ["shape"]),
}


def make_v2(path, array=V2_ARRAY):
    (path / "0").mkdir(parents=True)
    (path / ".zgroup").write_text('{"zarr_format": 2}')
    (path / ".zattrs").write_text(json.dumps({"multiscales": [dict(GROUP["attributes"]["ome"]["multiscales"][0], version="0.4")]}))
    (path / "0/.zarray").write_text(json.dumps(array))
    return path
