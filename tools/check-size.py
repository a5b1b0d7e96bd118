#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sizes that keep the code readable: files, functions, complexity (pmccabe). CONTRIBUTING.md has the reasons.

usage: check-size.py ROOT      exit status 1 beyond a hard cap, 77 without pmccabe
"""
import glob
import shutil
import statistics
import subprocess
import sys

FILE_CAP, HEADER_CAP, FUNCTION_CAP, COMPLEXITY_CAP = 700, 330, 90, 20
FILE_MEDIAN, FUNCTION_MEDIAN, FUNCTION_P90, COMPLEXITY_P90 = 350, 25, 60, 12
FOLDERS = ("common/*", "common/include/ozr", "gdal_driver", "tiff_codec", "magick_coder")


def lines(path):
    with open(path, encoding="utf-8") as file:
        return sum(1 for _ in file)


def p90(values):
    return sorted(values)[int(0.9 * (len(values) - 1))]


def main():
    root = sys.argv[1]
    if not shutil.which("pmccabe"):
        print("pmccabe is not installed: skipped")
        return 77
    found = lambda end: sorted(p for f in FOLDERS for p in glob.glob(f"{root}/{f}/*{end}"))
    code, headers = found(".c") + found(".cpp"), found(".h")
    bad = [f"{p}: {lines(p)} lines, cap {FILE_CAP}" for p in code if lines(p) > FILE_CAP]
    bad += [f"{p}: {lines(p)} lines, cap {HEADER_CAP}" for p in headers if lines(p) > HEADER_CAP]
    out = subprocess.run(["pmccabe"] + code, check=True, capture_output=True, text=True).stdout
    functions = []
    for row in out.splitlines():
        complexity, _, _, _, length, where = row.split("\t", 5)
        if where.split(": ")[-1].isupper():
            continue  # a macro that makes functions, which pmccabe takes for one
        functions.append((int(complexity), int(length)))
        if int(complexity) > COMPLEXITY_CAP:
            bad.append(f"{where}: complexity {complexity}, cap {COMPLEXITY_CAP}")
        if int(length) > FUNCTION_CAP:
            bad.append(f"{where}: {length} lines, cap {FUNCTION_CAP}")
    lengths = [f[1] for f in functions]
    figures = [
        ("median of file lengths", statistics.median(map(lines, code)), FILE_MEDIAN),
        ("median of function lengths", statistics.median(lengths), FUNCTION_MEDIAN),
        ("90 % of function lengths", p90(lengths), FUNCTION_P90),
        ("90 % of complexities", p90([f[0] for f in functions]), COMPLEXITY_P90),
    ]
    bad += [f"{name}: {value:g}, cap {cap}" for name, value, cap in figures if value > cap]
    print(f"{len(code)} files, {len(headers)} headers, {len(functions)} functions; "
          + "; ".join(f"{name} {value:g}" for name, value, _ in figures))
    print("\n".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
