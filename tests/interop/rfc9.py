#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Does a file follow OME-NGFF's RFC-9 (zipped OME-Zarr, ".ozx")? What it demands (MUST, SHALL) and what it
recommends (SHOULD). Written from the RFC's text and PKWARE's APPNOTE alone, so that it knows nothing of our writer.

usage: rfc9.py FILE...      prints what is wrong; status 2: a demand is not met, 1: a recommendation, 0: neither
"""
import io
import json
import struct
import sys
import zipfile
import zlib

END, END64, LOCATOR64 = b"PK\5\6", b"PK\6\6", b"PK\6\7"
ENTRY, LOCAL = b"PK\1\2", b"PK\3\4"
ALL32 = 0xFFFFFFFF
ARCHIVES = (b"PK\3\4", b"PK\5\6")


class Findings:
    def __init__(self):
        self.must, self.should = [], []


class Entry:
    """One record of the central directory, and what its local header says."""

    def __init__(self, raw, at):
        (mark, _, _, self.flags, self.method, _, _, self.crc, self.packed, self.size, name_length, extra_length,
         comment_length, self.disk, _, _, self.offset) = struct.unpack_from("<4s6H3I5H2I", raw, at)
        assert mark == ENTRY, f"no directory entry at {at}"
        at += 46
        self.raw_name = raw[at:at + name_length]
        self.name = self.raw_name.decode("utf-8" if self.flags & 0x800 or self.raw_name.isascii() else "cp437")
        wide = field(raw[at + name_length:at + name_length + extra_length], 1)
        self.zip64 = wide is not None
        values = iter(struct.unpack_from(f"<{len(wide or b'') // 8}Q", wide or b""))
        self.size, self.packed, self.offset = (next(values) if v == ALL32 else v for v in (self.size, self.packed, self.offset))
        self.next = at + name_length + extra_length + comment_length

    def read_local(self, file):
        file.seek(self.offset)
        head = file.read(30)
        mark, _, flags, method, _, _, crc, packed, size, name_length, extra_length = struct.unpack("<4s5H3I2H", head)
        assert mark == LOCAL, f"{self.name}: no local header at {self.offset}"
        name, extra = file.read(name_length), file.read(extra_length)
        assert (name, method) == (self.raw_name, self.method), f"{self.name}: the local header is another entry's"
        self.local_zip64 = field(extra, 1) is not None
        if self.local_zip64 and ALL32 in (packed, size):
            size, packed = struct.unpack_from("<2Q", field(extra, 1))
        if not flags & 8:
            assert (crc, packed, size) == (self.crc, self.packed, self.size), f"{self.name}: header and directory differ"
        self.data = self.offset + 30 + name_length + extra_length
        self.end = self.data + self.packed


def field(extra, wanted):
    """The extra field of that number, or None."""
    at = 0
    while at + 4 <= len(extra):
        number, length = struct.unpack_from("<2H", extra, at)
        if number == wanted:
            return extra[at + 4:at + 4 + length]
        at += 4 + length
    return None


class Archive:
    def __init__(self, file):
        self.file = file
        self.size = file.seek(0, io.SEEK_END)
        tail_at = max(0, self.size - 65557 - 76)
        file.seek(tail_at)
        tail = file.read()
        at = tail.rfind(END)
        while at >= 0 and at + 22 + struct.unpack_from("<H", tail, at + 20)[0] != len(tail):
            at = tail.rfind(END, 0, at)
        assert at >= 0, "no end of a zip directory"
        self.disk, self.start_disk, here, self.count, length, offset, _ = struct.unpack_from("<4H2IH", tail, at + 4)
        self.comment = tail[at + 22:]
        self.end_at = tail_at + at
        self.disks = 1
        self.zip64 = at >= 20 and tail[at - 20:at - 16] == LOCATOR64
        if self.zip64:
            _, end64, self.disks = struct.unpack_from("<IQI", tail, at - 16)
            file.seek(end64)
            record = file.read(56)
            assert record[:4] == END64, "the locator names no ZIP64 record"
            self.disk, self.start_disk, here, self.count, length, offset = struct.unpack_from("<2I4Q", record, 16)
        self.here = here
        file.seek(offset)
        directory = file.read(length)
        self.entries, at = [], 0
        while at < len(directory):
            entry = Entry(directory, at)
            at = entry.next
            self.entries.append(entry)
        assert len(self.entries) == self.count, f"{len(self.entries)} entries, but the end record says {self.count}"
        for entry in self.entries:
            entry.read_local(file)

    def read(self, entry):
        self.file.seek(entry.data)
        raw = self.file.read(entry.packed)
        return zlib.decompress(raw, -15) if entry.method == 8 else raw

    def begin(self, entry, n):
        self.file.seek(entry.data)
        return self.file.read(min(n, entry.packed)) if entry.method == 0 else self.read(entry)[:n]


def out_of_order(documents):
    """Breadth-first: the groups that documents lie in come in the order of these groups. The pair that is not so."""
    place = {name[:-len("zarr.json")]: i for i, name in enumerate(documents)}
    last = (-1, "")
    for name in documents[1:]:
        folder = name[:-len("zarr.json")]
        while folder and (folder not in place or folder + "zarr.json" == name):
            folder = folder[:-1].rpartition("/")[0]
            folder += "/" if folder else ""
        if place.get(folder, 0) < last[0]:
            return last[1], name
        last = (place.get(folder, 0), name)
    return None


def check_order(found, names, where):
    """The root's zarr.json first, the others directly behind it, and none later; a level of folders before the next one."""
    documents = [n for n in names if n.rsplit("/", 1)[-1] == "zarr.json"]
    if not names or names[0] != "zarr.json":
        found.should.append(f"{where}: the first entry is {names[0] if names else 'absent'}, not zarr.json")
    if names[:len(documents)] != documents:
        late = next(n for i, n in enumerate(names) if n in set(documents) and i >= len(documents))
        found.should.append(f"{where}: {late} comes after other entries")
    pair = out_of_order(documents)
    if pair:
        found.should.append(f"{where}: {pair[1]} comes after {pair[0]}, which is not breadth-first")


def check_hierarchy(found, archive):
    """Exactly one, with its root at the archive's: every document is below groups up to the root."""
    by_name = {e.name: e for e in archive.entries}
    if len(by_name) != len(archive.entries):
        found.must.append("an entry's name is there twice")
    if "zarr.json" not in by_name:
        found.must.append("no zarr.json at the root")
        return
    documents = {n: json.loads(archive.read(e)) for n, e in by_name.items() if n.rsplit("/", 1)[-1] == "zarr.json"}
    root = documents["zarr.json"]
    if root.get("zarr_format") != 3 or root.get("node_type") not in ("group", "array"):
        found.must.append("the root's zarr.json is no Zarr v3 node")
    if "ome" not in root.get("attributes", {}):
        found.must.append("the root's zarr.json has no OME metadata")
    folders = {n[:-len("zarr.json")] for n in documents}
    for folder in folders - {""}:
        parent = folder[:-1].rpartition("/")[0]
        while parent and parent + "/" not in folders:
            parent = parent.rpartition("/")[0]
        above = documents[parent + "/zarr.json" if parent else "zarr.json"]
        if above["node_type"] != "group":
            found.must.append(f"{folder}zarr.json lies below an array: another hierarchy")
    arrays = [d for d in documents.values() if d.get("node_type") == "array"]
    # Shards are there to have fewer entries: an array of one chunk is one entry anyway.
    many = [d for d in arrays if any(c < n for c, n in zip(d["chunk_grid"]["configuration"]["chunk_shape"], d["shape"]))]
    unsharded = [d for d in many if not any(c["name"] == "sharding_indexed" for c in d["codecs"])]
    if unsharded:
        found.should.append(f"{len(unsharded)} of {len(arrays)} arrays are not sharded")
    for name, entry in by_name.items():
        if name.lower().endswith((".ozx", ".zip")) or archive.begin(entry, 4) in ARCHIVES:
            found.must.append(f"{name}: an archive inside of the archive")


def check_comment(found, archive):
    try:
        ome = json.loads(archive.comment.decode("utf-8"))["ome"]
        if not isinstance(ome["version"], str):
            raise TypeError("version is no string")
    except (ValueError, KeyError, TypeError) as e:
        found.should.append(f"the comment is not RFC-9's JSON: {e!r}")
        return
    first = ome.get("zipFile", {}).get("centralDirectory", {}).get("jsonFirst", False)
    names = [e.name for e in archive.entries]
    probe = Findings()
    check_order(probe, names, "directory")
    if first is True and probe.should:
        found.must.append(f"the comment says jsonFirst, but: {probe.should[0]}")
    elif first is not True:
        found.should.append("the comment does not say jsonFirst")


def check_bytes(found, archive):
    """What every zip has to be, twins in particular: entries apart from each other, checksums right."""
    last = 0
    for entry in sorted(archive.entries, key=lambda e: e.offset):
        if entry.offset < last:
            found.must.append(f"{entry.name} overlaps the entry before it")
        last = entry.end
        if entry.name.startswith("/") or ".." in entry.name.split("/") or "\\" in entry.name:
            found.must.append(f"{entry.name}: not a name for a Zarr key")


def check(path):
    found = Findings()
    with open(path, "rb") as file:
        try:
            archive = Archive(file)
        except (AssertionError, struct.error, StopIteration) as e:
            found.must.append(f"not a zip archive: {e}")
            return found
        if archive.disk or archive.start_disk or archive.disks > 1 or archive.here != archive.count or any(e.disk for e in archive.entries):
            found.must.append("the archive has several parts")
        check_bytes(found, archive)
        check_hierarchy(found, archive)
        check_comment(found, archive)
        if not archive.zip64:
            found.should.append("no ZIP64 end of directory")
        narrow = [e.name for e in archive.entries if not (e.zip64 or e.local_zip64)]
        if narrow:
            found.should.append(f"no ZIP64 fields for {len(narrow)} entries, the first {narrow[0]}")
        packed = [e.name for e in archive.entries if e.method != 0]
        if packed:
            found.should.append(f"compressed by zip: {packed[0]} and {len(packed) - 1} more")
        check_order(found, [e.name for e in archive.entries], "directory")
        check_order(found, [e.name for e in sorted(archive.entries, key=lambda e: e.offset)], "file")
    if not str(path).endswith(".ozx"):
        found.should.append("the file's name does not end in .ozx")
    with zipfile.ZipFile(path) as z:  # a second opinion about the directory
        if [i.filename for i in z.infolist()] != [e.name for e in archive.entries]:
            found.must.append("Python's zipfile sees other entries")
    return found


def main():
    status = 0
    for path in sys.argv[1:]:
        found = check(path)
        for line in found.must:
            print(f"{path}: MUST: {line}")
        for line in found.should:
            print(f"{path}: SHOULD: {line}")
        status = max(status, 2 if found.must else 1 if found.should else 0)
    return status


if __name__ == "__main__":
    sys.exit(main())
