# SPDX-License-Identifier: MIT
"""Twins (docs/twin.md) read by other people's programs without any plug-in of ours: both sides, all kinds,
every level and page that a program reaches, exactly. What goes in is known; levels above are compared with a
mean made here and with tensorstore's. The table in docs/twin.md is what this run sees (test_table).

OZR_MAKE_TWIN names the program that makes twins; OZR_WRITE_TABLE=1 writes the table instead of comparing it;
OZR_LONG: twins beyond 4 GiB too.
"""
import numpy
import pytest
import twin_kinds
import twin_readers
import twin_table
from twin_kinds import KINDS, expected
from twin_readers import READERS, Region


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    """name of a kind: its file, made when it is first asked for."""
    folder, made = tmp_path_factory.mktemp("twins"), {}

    def twin(name):
        if name not in made:
            made[name] = twin_kinds.make_kind(name, folder)
        return made[name]
    return twin


def regions_of(kind, reader):
    """Every level, and its first, last and some other pages whole, and a part that lies in several tiles."""
    for level in range(kind.levels if reader.levels else 1):
        height, width = kind.level_shape(level)[-2:]
        last = kind.page_count - 1 if reader.pages else 0
        for page in sorted({0, last // 3, last // 2, last}):
            yield Region(level, page, 0, 0, height, width)
        yield Region(level, last, height // 3, width // 2, (height + 1) // 2, (width + 2) // 3)


@pytest.mark.parametrize("name", KINDS)
def test_archive(name, twins):
    twin_readers.check_archive(twins(name))


@pytest.mark.parametrize("name", [name for name in KINDS if name != "rgba-u8"])  # whose colors are weighed
def test_mean(name):
    """The levels that everything is compared with are those of tensorstore, too."""
    tensorstore = pytest.importorskip("tensorstore")
    kind, levels = KINDS[name], expected(name)
    for below, level in zip(levels, levels[1:]):
        factors = [1] * (len(kind.shape) - 2) + [2, 2]
        numpy.testing.assert_array_equal(level, tensorstore.downsample(tensorstore.array(below), factors, "mean").read().result())


@pytest.mark.parametrize("name", KINDS)
def test_pages(name, twins):
    """What tiffinfo lists: a page for each plane, and all its levels in SubIFDs. It decodes all tiles without a word."""
    kind, path = KINDS[name], twins(name)
    pages = twin_readers.directories(path)
    assert [len(p) for p in pages] == [kind.levels] * kind.page_count
    for page in pages[0], pages[-1]:
        for level, offset in enumerate(page):
            said = twin_readers.run("tiffinfo", "-D", "-o", offset, path)
            height, width = kind.level_shape(level)[-2:]
            assert f"Image Width: {width} Image Length: {height}\n" in said.stdout.decode()
            assert not said.stderr.strip(), said.stderr.decode()


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("reader", READERS)
def test_read(reader, name, twins, tmp_path):
    reader, kind = READERS[reader], KINDS[name]
    if not reader.available():
        pytest.skip(f"{reader.name} is not here")
    path, levels = twins(name), expected(name)
    regions = list(regions_of(kind, reader))

    def read():
        parts = list(reader.read(path, kind, regions, tmp_path))
        assert len(parts) == len(regions)
        for region, part in zip(regions, parts):
            numpy.testing.assert_array_equal(part, kind.part(levels[region.level], region), err_msg=str(region))
    if reader.refusal(kind) is None:
        read()
        twin_table.saw(reader, name)
    else:
        with pytest.raises(Exception):
            read()
        twin_table.saw(reader, name, reader.refusal(kind))
