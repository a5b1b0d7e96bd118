/* SPDX-License-Identifier: MIT */
/*
 * Decodes a tile and compares each of its elements.
 */
#include "tiff/fill_check.h"

#include <string.h>

#include "base/ckd.h"
#include "codec/filter.h"
#include "tiff/tags.h"

static int all_equal(const unsigned char *p, size_t bytes, unsigned item, const void *value)
{
	for (size_t at = 0; at < bytes; at += item)
		if (memcmp(p + at, value, item) != 0)
			return 0;
	return 1;
}

static int decode(struct ozr_ctx *ctx, const void *bytes, size_t len, void *dst, size_t room,
		  size_t *got, struct ozr_err *err)
{
	struct ozr_worker *w = ozr_worker_lease(ctx, err);
	if (!w)
		return ozr_alloc_code(err);
	int code = ozr_zstd_unpack(w, bytes, len, dst, room, got, err);
	ozr_worker_return(w);
	if (code == OZR_FILTER_FULL) /* more elements than a tile has: not the fill tile */
		return ozr_fail(err, OZR_CORRUPT,
				"the tile of fill values is longer than %zu bytes", room);
	return code;
}

int ozr_tiff_is_fill(struct ozr_ctx *ctx, unsigned compression, unsigned item, uint64_t elements,
		     const unsigned char fill[8], const void *bytes, size_t len, int *is,
		     struct ozr_err *err)
{
	const uint64_t most = ozr_ctx_limits(ctx)->chunk_bytes;
	unsigned char value[8];
	uint64_t size;
	size_t got = 0;
	memcpy(value, fill, sizeof value);
	if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
		ozr_bytes_swap(value, value, item, item);
	if (ozr_ckd_mul(elements, item, &size) || size > most)
		return ozr_fail(err, OZR_LIMIT, "a tile of more than chunk_bytes (%llu)",
				(unsigned long long)most);
	if (compression == OZR_TIFF_NONE) {
		*is = len == size && all_equal(bytes, len, item, value);
		return OZR_OK;
	}
	unsigned char *plain = ozr_alloc(ctx, size, err);
	if (!plain)
		return ozr_alloc_code(err);
	int code = decode(ctx, bytes, len, plain, (size_t)size, &got, err);
	if (!code)
		*is = got == size && all_equal(plain, got, item, value);
	ozr_free(ctx, plain);
	return code;
}
