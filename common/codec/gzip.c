/* SPDX-License-Identifier: MIT */
/*
 * gzip and zlib by libdeflate: whole buffers, no streams. A gzip file may
 * consist of several members, followed by zero bytes at most.
 */
#include <libdeflate.h>

#include "codec/filter.h"

struct pack {
	struct ozr_ctx *ctx;
	int level;
	struct libdeflate_compressor *c;
};

static void free_unpack(void *p)
{
	libdeflate_free_decompressor(p);
}

static void free_pack(void *p)
{
	struct pack *k = p;
	libdeflate_free_compressor(k->c);
	ozr_free(k->ctx, k);
}

static struct libdeflate_compressor *compressor(struct ozr_worker *w, int level,
						struct ozr_err *err)
{
	void **slot = ozr_worker_slot(w, OZR_SLOT_DEFLATE_C, free_pack);
	struct pack *k = *slot;
	if (!k) {
		k = ozr_calloc(ozr_worker_ctx(w), 1, sizeof(*k), err);
		if (!k)
			return NULL;
		k->ctx = ozr_worker_ctx(w);
		*slot = k;
	}
	if (!k->c || k->level != level) {
		libdeflate_free_compressor(k->c);
		k->c = libdeflate_alloc_compressor(level);
		k->level = level;
	}
	if (!k->c)
		ozr_fail(err, OZR_NO_MEMORY, "deflate: no memory for level %d", level);
	return k->c;
}

static int all_zero(const unsigned char *p, size_t n)
{
	while (n && *p == 0)
		p++, n--;
	return n == 0;
}

static enum libdeflate_result unpack_members(struct libdeflate_decompressor *d,
					     const unsigned char *src, size_t len,
					     unsigned char *dst, size_t cap, size_t *out)
{
	size_t total = 0;
	do {
		size_t used, made;
		enum libdeflate_result r = libdeflate_gzip_decompress_ex(d, src, len, dst + total,
									 cap - total, &used, &made);
		if (r != LIBDEFLATE_SUCCESS)
			return r;
		src += used;
		len -= used;
		total += made;
	} while (!all_zero(src, len));
	*out = total;
	return LIBDEFLATE_SUCCESS;
}

static enum libdeflate_result unpack_zlib(struct libdeflate_decompressor *d, const void *src,
					  size_t len, void *dst, size_t cap, size_t *out)
{
	size_t used;
	enum libdeflate_result r = libdeflate_zlib_decompress_ex(d, src, len, dst, cap, &used, out);
	return r == LIBDEFLATE_SUCCESS && used != len ? LIBDEFLATE_BAD_DATA : r;
}

int ozr_gzip_decode(const struct ozr_filter *f, struct ozr_worker *w, const void *src, size_t len,
		    void *dst, size_t cap, size_t *out, struct ozr_err *err)
{
	void **slot = ozr_worker_slot(w, OZR_SLOT_DEFLATE_D, free_unpack);
	if (!*slot)
		*slot = libdeflate_alloc_decompressor();
	if (!*slot)
		return ozr_fail(err, OZR_NO_MEMORY, "deflate: no memory for a context");
	size_t made = 0;
	enum libdeflate_result r = f->kind == OZR_FILTER_ZLIB
					   ? unpack_zlib(*slot, src, len, dst, cap, &made)
					   : unpack_members(*slot, src, len, dst, cap, &made);
	if (r == LIBDEFLATE_INSUFFICIENT_SPACE) {
		*out = 0;
		return OZR_FILTER_FULL;
	}
	if (r != LIBDEFLATE_SUCCESS)
		return ozr_fail(err, OZR_CORRUPT, "%s: malformed or damaged data in %zu bytes",
				ozr_filter_name(f), len);
	*out = made;
	return OZR_OK;
}

int ozr_gzip_encode(const struct ozr_filter *f, struct ozr_worker *w, const void *src, size_t len,
		    struct ozr_buf *dst, struct ozr_err *err)
{
	struct libdeflate_compressor *c = compressor(w, f->level, err);
	if (!c)
		return ozr_alloc_code(err);
	int zlib = f->kind == OZR_FILTER_ZLIB;
	size_t bound = zlib ? libdeflate_zlib_compress_bound(c, len)
			    : libdeflate_gzip_compress_bound(c, len);
	int rc = ozr_buf_reserve(dst, dst->len + bound + OZR_ENCODE_SLACK, err);
	if (rc)
		return rc;
	size_t n = zlib ? libdeflate_zlib_compress(c, src, len, dst->data + dst->len, bound)
			: libdeflate_gzip_compress(c, src, len, dst->data + dst->len, bound);
	if (n == 0)
		return ozr_fail(err, OZR_BAD_ARG, "%s: %zu bytes do not fit into %zu",
				ozr_filter_name(f), len, bound);
	dst->len += n;
	return OZR_OK;
}
