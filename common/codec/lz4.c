/* SPDX-License-Identifier: MIT */
/*
 * Raw lz4 blocks, as they stand in blosc frames. lz4hc gives the same format.
 */
#include <lz4.h>

#include "codec/filter.h"

int ozr_lz4_unpack(const void *src, size_t len, void *dst, size_t cap, size_t *out,
		   struct ozr_err *err)
{
	if (len > INT_MAX || cap > INT_MAX)
		return ozr_fail(err, OZR_CORRUPT, "lz4: block of %zu bytes", len);
	int r = LZ4_decompress_safe(src, dst, (int)len, (int)cap);
	if (r < 0)
		return ozr_fail(err, OZR_CORRUPT, "lz4: malformed block of %zu bytes", len);
	*out = (size_t)r;
	return OZR_OK;
}

size_t ozr_lz4_pack(int acceleration, const void *src, size_t len, void *dst, size_t cap)
{
	if (len > INT_MAX || cap > INT_MAX)
		return 0;
	int r = LZ4_compress_fast(src, dst, (int)len, (int)cap, acceleration);
	return r > 0 ? (size_t)r : 0;
}
