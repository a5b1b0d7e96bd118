# SPDX-License-Identifier: MIT
"""The table of readers in docs/twin.md, from what the tests of one run saw."""
import os
import pathlib

from twin_kinds import KINDS
from twin_readers import READERS

DOCUMENT = pathlib.Path(__file__).parents[2] / "docs/twin.md"
BEGIN, END = "<!-- made by tests/interop/twin_table.py -->\n", "<!-- end -->\n"
COLUMNS = ["reader", "version", "side", "levels", "pages", "read exactly", "beyond 4 GiB", "CRS", "notes"]
seen, large, crs = {}, {}, {}


def saw(reader, kind, reason=None):
    """A reader read a kind exactly, or did not, as expected, for a reason."""
    seen.setdefault(reader.name, {})[kind] = reason


def row(name):
    """What this run saw of a reader, for each column; None where it did not look."""
    reader, kinds = READERS[name], seen.get(name, {})
    if set(kinds) != set(KINDS):
        return None
    reasons = {}
    for kind, reason in kinds.items():
        reasons.setdefault(reason, []).append(kind)
    read = len(reasons.pop(None, []))
    not_read = "; ".join(f"does not read {reason}" for reason in reasons)
    return {"reader": name, "version": reader.version(), "side": reader.side, "levels": "all" if reader.levels else "0",
            "pages": "all" if reader.pages else "the first", "read exactly": f"{read} of {len(KINDS)} kinds",
            "beyond 4 GiB": large.get(name), "CRS": crs.get(name), "notes": "; ".join(filter(None, [reader.does, not_read]))}


def committed():
    """The rows in the document by name."""
    text = DOCUMENT.read_text()
    lines = text[text.index(BEGIN) + len(BEGIN):text.index(END)].splitlines()[2:]
    cells = ([c.strip() for c in line.strip().strip("|").split("|")] for line in lines)
    return {c[0]: dict(zip(COLUMNS, c)) for c in cells}


def written(rows):
    lines = [COLUMNS, ["---"] * len(COLUMNS)] + [[r[c] for c in COLUMNS] for r in rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def update():
    """Rows as they should be: those of this run, the others (and cells that it did not look at) as they are."""
    old, rows = committed(), []
    for name in READERS:
        before, now = old.get(name), row(name)
        if now:
            rows.append({c: now[c] if now[c] is not None else (before or {}).get(c, "-") for c in COLUMNS})
        elif before:
            rows.append(dict(before, **{"beyond 4 GiB": large.get(name, before["beyond 4 GiB"]), "CRS": crs.get(name, before["CRS"])}))
    return rows


def compare():
    rows = update()
    if os.environ.get("OZR_WRITE_TABLE"):
        text = DOCUMENT.read_text()
        DOCUMENT.write_text(text[:text.index(BEGIN) + len(BEGIN)] + written(rows) + text[text.index(END):])
    claims = [[{c: v for c, v in r.items() if c != "version"} for r in table] for table in (rows, committed().values())]
    assert claims[0] == claims[1], "docs/twin.md says something else; OZR_WRITE_TABLE=1 writes what was seen"
    assert {r["reader"] for r in rows} == set(READERS), "a reader is not in the table"
