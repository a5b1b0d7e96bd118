# SPDX-License-Identifier: MIT
"""Twins of more than 4.3 GB of real data (OZR_LONG): level 0 beyond the offset of 4 GiB is read exactly."""
import os

import numpy
import pytest
import twin_kinds
import twin_readers
import twin_table
from twin_kinds import LARGE
from twin_readers import READERS, Region

pytestmark = pytest.mark.skipif(not os.environ.get("OZR_LONG"), reason="12 GB: only with OZR_LONG")


@pytest.fixture(scope="module", params=LARGE)
def twin(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("large")
    kind, raw, path = LARGE[request.param], folder / "raw", folder / "twin.ozx"
    twin_kinds.write_large(kind, raw)
    assert raw.stat().st_size > 4.3e9
    twin_kinds.make(kind, raw, path)
    yield request.param, kind, numpy.memmap(raw, kind.dtype, "r", shape=kind.shape), path
    raw.unlink()
    path.unlink()


def tile_offsets(path, ifd):
    """Of an IFD at that offset, by tiffinfo."""
    said = twin_readers.run("tiffinfo", "-s", "-o", ifd, path).stdout.decode()
    return [int(line.split("[")[1].split(",")[0]) for line in said.splitlines() if line.lstrip()[:1].isdigit() and "[" in line]


def test_archive(twin):
    twin_readers.check_archive(twin[3])


@pytest.mark.parametrize("reader", READERS)
def test_read(reader, twin, tmp_path):
    name, kind, pixels, path = twin
    reader = READERS[reader]
    if not reader.available():
        pytest.skip(f"{reader.name} is not here")
    if reader.refusal(kind) or not (reader.windows or kind.page_count > 1):
        pytest.skip("does not read this kind" if reader.refusal(kind) else "reads whole pages, and this is one of 4.4 GB")
    regions = []
    for level in range(kind.levels if reader.levels else 1):
        height, width = kind.level_shape(level)[-2:]
        for page in {0, kind.page_count - 1}:
            regions += [Region(level, page, 0, 0, 700, 600), Region(level, page, height - 700, width - 600, 700, 600)]
    for region, part in zip(regions, reader.read(path, kind, regions, tmp_path), strict=True):
        numpy.testing.assert_array_equal(part, twin_kinds.part_of_large(kind, pixels, region), err_msg=str(region))
    last = twin_readers.directories(path)[-1][0]
    assert max(tile_offsets(path, last)) > 2**32
    twin_table.large[reader.name] = "exact"
