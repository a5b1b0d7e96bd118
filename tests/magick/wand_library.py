# SPDX-License-Identifier: MIT
"""libMagickWand of the variant under test, as C programs see it, for programs that tests run."""
import ctypes
import os

MONITOR = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, ctypes.c_longlong, ctypes.c_ulonglong, ctypes.c_void_p)


def load():
    """OSError where it is not installed."""
    variant = os.environ["OZR_MAGICK_VARIANT"]
    library = ctypes.CDLL(f"libMagickWand-{variant}.so." + ("6" if variant[0] == "6" else "10"))
    for name in ("NewMagickWand", "MagickGetException", "MagickGetImageBlob"):
        getattr(library, name).restype = ctypes.c_void_p
    for name in ("MagickGetNumberImages", "MagickGetImageWidth", "MagickGetImageHeight"):
        getattr(library, name).restype = ctypes.c_size_t
    return library
