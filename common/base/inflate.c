/* SPDX-License-Identifier: MIT */
/*
 * Raw deflate and CRC-32 by libdeflate. Nothing is written beyond the size
 * that the caller has checked, whatever the stream holds.
 */
#include "base/inflate.h"

#include <libdeflate.h>

uint32_t ozr_crc32(uint32_t crc, const void *bytes, size_t n)
{
	return n ? libdeflate_crc32(crc, bytes, n) : crc;
}

int ozr_inflate(const void *src, size_t len, void *dst, size_t size, struct ozr_err *err)
{
	size_t used = 0, made = 0;
	struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
	if (!d)
		return ozr_fail(err, OZR_NO_MEMORY, "deflate: no memory for a context");
	enum libdeflate_result r =
		libdeflate_deflate_decompress_ex(d, src, len, dst, size, &used, &made);
	libdeflate_free_decompressor(d);
	if (r == LIBDEFLATE_INSUFFICIENT_SPACE)
		return ozr_fail(err, OZR_CORRUPT, "deflate: more than the %zu bytes it declares",
				size);
	if (r != LIBDEFLATE_SUCCESS)
		return ozr_fail(err, OZR_CORRUPT, "deflate: malformed or damaged data in %zu bytes",
				len);
	if (made != size || used != len)
		return ozr_fail(err, OZR_CORRUPT,
				"deflate: %zu bytes made of %zu, must be %zu made of %zu", made,
				used, size, len);
	return OZR_OK;
}
