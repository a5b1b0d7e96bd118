# SPDX-License-Identifier: MIT
"""As much of libozr in ctypes as the benchmarks need: open an image, read boxes of a level."""
import ctypes

import numpy

RANK = 16
DTYPES = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]


class Err(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("sys", ctypes.c_int), ("msg", ctypes.c_char * 500)]


class Box(ctypes.Structure):
    _fields_ = [("start", ctypes.c_uint64 * RANK), ("count", ctypes.c_uint64 * RANK), ("step", ctypes.c_int64 * RANK),
                ("stride", ctypes.c_int64 * RANK), ("data", ctypes.c_void_p), ("dtype", ctypes.c_int)]


class ArrayInfo(ctypes.Structure):
    _fields_ = [("zarr_format", ctypes.c_int), ("dtype", ctypes.c_int), ("rank", ctypes.c_uint),
                ("shape", ctypes.c_uint64 * RANK), ("chunk", ctypes.c_uint64 * RANK), ("shard", ctypes.c_uint64 * RANK),
                ("fill", ctypes.c_ubyte * 8), ("codec", ctypes.c_char * 32), ("has_dim_names", ctypes.c_int),
                ("dim_names", (ctypes.c_char * 32) * RANK)]


class Image:
    """A local store, read by one context with the given number of threads (0: all)."""

    def __init__(self, library, path):
        self.lib = ctypes.CDLL(library)
        self.lib.ozr_image_level.restype = ctypes.c_void_p
        self.lib.ozr_image_level.argtypes = [ctypes.c_void_p, ctypes.c_uint]
        self.lib.ozr_array_get_info.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        self.lib.ozr_array_read.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
        self.ctx, self.image = ctypes.c_void_p(), ctypes.c_void_p()
        self.check(self.lib.ozr_ctx_new, None, ctypes.byref(self.ctx))
        self.check(self.lib.ozr_image_open_dir, self.ctx, path.encode(), b"", 0, ctypes.byref(self.image))

    def check(self, function, *args):
        err = Err()
        if function(*args, ctypes.byref(err)):
            raise RuntimeError(err.msg.decode())

    def level(self, number=0):
        array = self.lib.ozr_image_level(self.image, number)
        info = ArrayInfo()
        self.lib.ozr_array_get_info(array, ctypes.byref(info))
        return array, info

    def read(self, number=0, start=None, count=None, out=None):
        """A box of a level as a numpy array (into out when given)."""
        array, info = self.level(number)
        start = start or [0] * info.rank
        count = count or [info.shape[d] - start[d] for d in range(info.rank)]
        if out is None:
            out = numpy.empty(count, DTYPES[info.dtype])
        box = Box(data=out.ctypes.data, dtype=info.dtype)
        for d in range(info.rank):
            box.start[d], box.count[d], box.stride[d] = start[d], count[d], out.strides[d]
        self.check(self.lib.ozr_array_read, array, 1, ctypes.byref(box), None)
        return out
