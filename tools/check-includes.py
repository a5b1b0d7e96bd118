#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who may include whom, and which calls are banned (docs/architecture.md, "Layers").

usage: check-includes.py ROOT        exit status 1 and one line for each offence
"""
import os
import re
import sys

# What each folder of common/ may include with quotes, besides its own folder.
LAYERS = {
    "base": ["ozr/"],
    "store": ["ozr/", "base/"],
    "codec": ["ozr/", "base/"],
    "array": ["ozr/", "base/", "store/", "codec/"],
    "ome": ["ozr/", "base/", "array/"],
    "tiff": ["ozr/", "base/", "codec/", "array/"],
    "twin": ["ozr/", "base/", "array/encoding.h", "tiff/", "ome/"],
}
# Third-party headers and the files that may see them.
THIRD_PARTY = {
    "cJSON.h": r"common/base/json\w*\.[ch]$",
    "zstd.h": r"common/codec/zstd\w*\.c$",
    "zstd_errors.h": r"common/codec/zstd\w*\.c$",
    "libdeflate.h": r"common/(codec/gzip\w*|base/inflate)\.c$",
    "lz4.h": r"common/codec/lz4\.c$",
    "blosc.h": r"common/codec/blosc_lib\.c$",
    "curl/curl.h": r"common/store/transport\w*\.c$",
}
BANNED = re.compile(
    r"(?<![\w.>])(strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|sscanf|alloca|setenv|putenv|signal|"
    r"exit|_exit|abort|strerror|tmpnam|mktemp|system|popen|gets|localtime|gmtime|setlocale|atexit|"
    r"cJSON_InitHooks|cJSON_Compare|cJSON_GetObjectItem)\s*\(")
# Memory and system calls go through these files only.
SEAM = re.compile(r"(?<![\w.>])(malloc|calloc|realloc|free|open|openat|rename|renameat|unlink|unlinkat|"
                  r"fsync|fdatasync|mkdir|mkdirat|mmap|fopen)\s*\(")
SEAM_FILES = re.compile(r"common/base/(sys|mem)\w*\.c$")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def strip_comments(text):
    text = re.sub(r'"(\\.|[^"\\\n])*"', '""', text)
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.S)
    return re.sub(r"//[^\n]*", "", text)


def sources(root, folder):
    for base, dirs, files in os.walk(os.path.join(root, folder)):
        for name in sorted(files):
            if name.endswith((".c", ".h", ".cpp")):
                yield os.path.join(base, name)


def check_includes(path, rel, say):
    parts = rel.split("/")
    layer = parts[1] if parts[0] == "common" else None
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        kind, header = match.groups()
        for name, where in THIRD_PARTY.items():
            if header == name and not re.search(where, rel):
                say(f"{rel}:{number}: <{name}> belongs in {where} only")
        if layer == "include":
            if kind == '"' and not re.fullmatch(r"(ozr/)?\w+\.h", header):
                say(f"{rel}:{number}: a public header includes {header}")
        elif layer and kind == '"' and "/" in header:
            if not any(header.startswith(p) for p in LAYERS[layer] + [layer + "/"]):
                say(f"{rel}:{number}: {layer} may not include {header}")
        elif not layer and kind == '"' and "/" in header and not header.startswith("ozr/"):
            say(f"{rel}:{number}: a plug-in may include ozr/*.h only, not {header}")


def check_calls(path, rel, say):
    text = strip_comments(open(path, encoding="utf-8").read())
    for number, line in enumerate(text.split("\n"), 1):
        for match in BANNED.finditer(line):
            say(f"{rel}:{number}: {match.group(1)}() is banned")
        if rel.startswith("common/") and not SEAM_FILES.search(rel):
            for match in SEAM.finditer(line):
                say(f"{rel}:{number}: {match.group(1)}() goes through base/mem.h or base/sys.h")


def main():
    root = sys.argv[1]
    offences = []
    count = 0
    for folder in ("common", "gdal_driver", "tiff_codec", "magick_coder"):
        for path in sources(root, folder):
            rel = os.path.relpath(path, root)
            count += 1
            check_includes(path, rel, offences.append)
            check_calls(path, rel, offences.append)
    for line in offences:
        print(line)
    print(f"{count} files, {len(offences)} offences")
    return 1 if offences or not count else 0


if __name__ == "__main__":
    sys.exit(main())
