#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The shared library exports what the public headers declare, and a plug-in only its entries.

usage: check-exports.py INCLUDE_DIR LIBOZR [PLUGIN=SYMBOL,... ...]
"""
import glob
import re
import subprocess
import sys


def exported(path):
    out = subprocess.run(["nm", "-D", "--defined-only", path], check=True, capture_output=True, text=True)
    # Weak and unique symbols of C++ templates (types V, W, u) belong to libstdc++'s headers.
    rows = [line.split() for line in out.stdout.splitlines()]
    names = {row[-1].split("@")[0] for row in rows if row[-2] in "TDBR"}
    return names - {"__bss_start", "_edata", "_end"}  # the linker's own


def declared(include_dir):
    names = set()
    for path in glob.glob(include_dir + "/ozr/*.h"):
        text = re.sub(r"/\*.*?\*/", "", open(path, encoding="utf-8").read(), flags=re.S)
        for match in re.finditer(r"OZR_API\b[^;{]*?\b(ozr_\w+)\s*\(", text):
            names.add(match.group(1))
    return names


def main():
    include_dir, library, plugins = sys.argv[1], sys.argv[2], sys.argv[3:]
    want, have = declared(include_dir), exported(library)
    bad = [f"{library}: {name} is declared, not exported" for name in sorted(want - have)]
    bad += [f"{library}: {name} is exported, not declared" for name in sorted(have - want)]
    for item in plugins:
        path, symbols = item.split("=")
        found, entries = exported(path), set(symbols.split(","))
        if found != entries:
            bad.append(f"{path}: exports {sorted(found)}, must export {sorted(entries)} and nothing else")
    print("\n".join(bad) if bad else f"{len(want)} public functions, all exported, nothing else")
    return 1 if bad or not want else 0


if __name__ == "__main__":
    sys.exit(main())
