# SPDX-License-Identifier: MIT
"""Arrays and images from other people's test suites, decoded by us and by zarr-python.

A store that one of the two cannot read must be in REFUSED with its reason: a new refusal fails."""
import json
import pathlib

import numpy
import pytest
import zarr

KINDS = "biuf"


def arrays(folder):
    """Every array below folder, as a path."""
    for path in sorted(folder.rglob("*")):
        if path.name == ".zarray":
            yield path.parent
        elif path.name == "zarr.json":
            if json.loads(path.read_text()).get("node_type") == "array":
                yield path.parent


def readable(path):
    """The array by zarr-python, or None when it is of a kind that images do not have."""
    array = zarr.open_array(path, mode="r")
    if array.dtype.kind not in KINDS or array.dtype.itemsize < 1 or array.dtype.name == "float16":
        return None
    return array


def planes(array):
    """The array as GDAL shows it with BANDS=ALL: (band, y, x)."""
    values = array[...]
    if values.ndim < 2:
        return None
    return values.reshape((-1,) + values.shape[-2:])


def compare(gdal, path, tmp_path):
    """None when equal, else why not."""
    try:
        array = readable(path)
        expected = None if array is None else planes(array)
    except Exception as error:  # zarr-python cannot: then we may not either, but must not crash
        expected = None
        array = error
    if expected is None:
        return f"not compared: {array if isinstance(array, Exception) else 'kind or rank'}"
    if expected.size == 0:
        return "not compared: empty"
    if expected.dtype.name in ("bool", "int8"):
        expected = expected.view("uint8")
    try:
        found = gdal.read(f"OMEZARR:{path}", tmp_path, "-oo", "BANDS=ALL")
    except RuntimeError as error:
        return f"refused: {str(error).splitlines()[-1]}"
    numpy.testing.assert_array_equal(found, expected.astype(expected.dtype.newbyteorder("=")), err_msg=str(path))
    return None


# part of the path: why we may refuse it
REFUSED = {
    "delta.i4.mixed": "the numcodecs.delta filter: no OME-Zarr writer uses it",
}


@pytest.mark.parametrize("suite", ["zarrita.js/fixtures", "zarr-java/testdata", "ome-zarr-examples/data"])
def test_suite(suite, gdal, shared, tmp_path):
    folder = shared / "conformance" / suite
    equal, notes = 0, []
    for path in arrays(folder):
        why = compare(gdal, path, tmp_path)
        if why is None:
            equal += 1
        else:
            notes.append(f"{path.relative_to(folder)}: {why}")
    print(f"{suite}: {equal} arrays equal")
    print("\n".join(notes))
    refused = [n for n in notes if ": refused" in n and not any(key in n for key in REFUSED)]
    assert not refused, "\n".join(refused)
    assert equal > 0
