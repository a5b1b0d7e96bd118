# SPDX-License-Identifier: MIT
"""A program of its own over MagickWand, with a progress monitor that can say stop:

    monitor.py LIBRARY STOP_AFTER TARGET READ... [-- KEY=VALUE...]

reads the files, sets the options, and writes all images to TARGET. STOP_AFTER: calls of the monitor while
writing after which it says stop; 0: never. Prints JSON: the result, the error, and what the monitor was told."""
import ctypes
import json
import sys


def main(library, stop, target, *words):
    wand_library = ctypes.CDLL(library)
    reads = words[: words.index("--")] if "--" in words else words
    options = words[words.index("--") + 1:] if "--" in words else ()
    told, writing = [], []

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, ctypes.c_int64, ctypes.c_uint64, ctypes.c_void_p)
    def monitor(tag, offset, extent, data):
        if not writing:
            return 1
        told.append((tag.decode(), offset, extent))
        return 0 if int(stop) and len([t for t in told if t[0].startswith("Save")]) >= int(stop) else 1

    def function(name, result, *arguments):
        found = getattr(wand_library, name)
        found.restype, found.argtypes = result, arguments
        return found

    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    function("MagickWandGenesis", None)()
    wand = function("NewMagickWand", pointer)()
    function("MagickSetProgressMonitor", pointer, pointer, pointer, pointer)(wand, ctypes.cast(monitor, pointer), None)
    result = 1
    for name in reads:
        result = result and function("MagickReadImage", ctypes.c_int, pointer, text)(wand, name.encode())
    for option in options:
        key, value = option.split("=", 1)
        function("MagickSetOption", ctypes.c_int, pointer, text, text)(wand, key.encode(), value.encode())
    writing.append(1)
    if target.startswith("blob:"):
        size = ctypes.c_size_t()
        function("MagickResetIterator", None, pointer)(wand)
        function("MagickSetFormat", ctypes.c_int, pointer, text)(wand, target[5:].encode())
        while function("MagickNextImage", ctypes.c_int, pointer)(wand):
            function("MagickSetImageFormat", ctypes.c_int, pointer, text)(wand, target[5:].encode())
        result = bool(function("MagickGetImagesBlob", pointer, pointer, pointer)(wand, ctypes.addressof(size))) and size.value
    else:
        result = result and function("MagickWriteImages", ctypes.c_int, pointer, text, ctypes.c_int)(wand, target.encode(), 1)
    severity = ctypes.c_int()
    error = function("MagickGetException", pointer, pointer, pointer)(wand, ctypes.addressof(severity))
    print(json.dumps({"result": result, "error": ctypes.string_at(error).decode(errors="replace"), "told": told}))
    function("DestroyMagickWand", pointer, pointer)(wand)
    function("MagickWandTerminus", None)()


main(*sys.argv[1:])
