# SPDX-License-Identifier: MIT
"""What the owner of a system forbids (policy.xml) and limits (-limit, environment) holds for stores too."""
import numpy
import pytest

import stores

POLICY = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE policymap [<!ELEMENT policymap (policy)*> <!ATTLIST policymap xmlns CDATA #FIXED ''>
<!ELEMENT policy EMPTY> <!ATTLIST policy xmlns CDATA #FIXED '' domain NMTOKEN #REQUIRED name NMTOKEN #IMPLIED
pattern CDATA #IMPLIED rights NMTOKEN #IMPLIED stealth NMTOKEN #IMPLIED value CDATA #IMPLIED>]>
<policymap>{rules}</policymap>
"""


@pytest.fixture
def store(tmp_path):
    pixels = numpy.arange(40 * 60 * 70).reshape(40, 60, 70).astype("<u2")
    stores.write_image(tmp_path / "v.ome.zarr", "0.5", "zyx", [pixels], [1.0, 1.0, 1.0], chunks=[8, 32, 32])
    return tmp_path / "v.ome.zarr"


@pytest.fixture
def with_policy(magick, tmp_path):
    """The same programs under these rules."""
    def made(*rules):
        folder = tmp_path / "configuration"
        folder.mkdir(exist_ok=True)
        (folder / "policy.xml").write_text(POLICY.format(rules="".join(f"<policy {rule}/>" for rule in rules)))
        return {"MAGICK_CONFIGURE_PATH": str(folder)}
    return made


def refused(magick, *words, env=None):
    return magick.refused(*words, env=env)


@pytest.mark.parametrize("coder", ["OMEZARR", "ZARR", "OZX"])
def test_a_coder_is_forbidden_under_all_its_names(magick, with_policy, store, tmp_path, coder):
    env = with_policy(f'domain="coder" rights="none" pattern="{coder}"')
    for name in (store, f"OMEZARR:{store}", f"ZARR:{store}"):
        said = refused(magick, name, tmp_path / "out.png", env=env)
        assert "olicy" in said or "not allowed" in said
    for name in (tmp_path / "new.ome.zarr", f"OMEZARR:{tmp_path / 'new.ome.zarr'}"):
        refused(magick, "xc:red", name, env=env)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["configuration", "v.ome.zarr"]


def test_reading_alone_is_allowed(magick, with_policy, store, tmp_path):
    env = with_policy('domain="coder" rights="read" pattern="{OMEZARR,ZARR,OZX}"')
    magick.convert(f"{store}[1]", tmp_path / "out.png", env=env)
    refused(magick, "xc:red", tmp_path / "new.ome.zarr", env=env)
    assert not (tmp_path / "new.ome.zarr").exists()


def test_a_path_is_forbidden(magick, with_policy, store, tmp_path):
    env = with_policy(f'domain="path" rights="none" pattern="{tmp_path}/*"')
    refused(magick, store, "png:-", env=env)
    refused(magick, "xc:red", tmp_path / "new.ome.zarr", env=env)
    assert not (tmp_path / "new.ome.zarr").exists()


@pytest.mark.parametrize("name, value", [("width", "69"), ("height", "59")])
def test_the_size_of_an_image_is_limited(magick, with_policy, store, name, value):
    """Of what is read, not of what is stored: a window of a large image is small."""
    env = with_policy(f'domain="resource" name="{name}" value="{value}"')
    said = refused(magick, f"{store}[1]", "png:-", env=env)
    assert "limit" in said.lower() or "exceed" in said.lower(), said
    magick.convert(f"{store}[20x20+5+5]", "null:", env=env)


def test_area_sends_pixels_to_disk(magick, with_policy, store, tmp_path):
    """That is what it means to ImageMagick; no disk left is an error."""
    env = with_policy('domain="resource" name="area" value="64"', 'domain="resource" name="disk" value="0"')
    refused(magick, f"{store}[1]", "info:", env=env)
    env = with_policy('domain="resource" name="area" value="64"')
    expected = magick.pixels(f"{store}[1]")
    magick.convert(f"{store}[1]", "-depth", "16", "-endian", "LSB", f"gray:{tmp_path / 'out.gray'}", env=env)
    numpy.testing.assert_array_equal(numpy.fromfile(tmp_path / "out.gray", "<u2").reshape(60, 70), expected[0])


def test_memory_for_a_whole_volume(magick, with_policy, store):
    """The message says how to read a part."""
    rules = [f'domain="resource" name="{name}" value="100KiB"' for name in ("memory", "map", "disk")]
    said = refused(magick, store, "info:", env=with_policy(*rules))
    assert "[" in said and "-" in said and "40" in said, said


def test_list_length(magick, with_policy, store):
    env = with_policy('domain="resource" name="list-length" value="10"')
    refused(magick, store, "info:", env=env)  # null: is always written by ImageMagick 7
    magick.convert(f"{store}[0-3]", "null:", env=env)


def test_one_thread(magick, store):
    """As many threads as ImageMagick may use, ours among them."""
    magick.convert("-limit", "thread", "1", store, "null:")
