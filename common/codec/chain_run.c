/* SPDX-License-Identifier: MIT */
/*
 * Running chains. With one compressor, the common case, bytes go straight from
 * the encoded chunk to the caller's memory and back; steps between several
 * compressors use temporary memory.
 */
#include <string.h>

#include "base/ckd.h"
#include "base/ctx.h"
#include "codec/blosc.h"
#include "codec/chain_impl.h"

int ozr_filter_decode(const struct ozr_filter *f, struct ozr_worker *w, const void *src, size_t len,
		      void *dst, size_t cap, size_t *out, struct ozr_err *err)
{
	size_t n = 0;
	int rc;
	switch (f->kind) {
	case OZR_FILTER_BLOSC:
		return ozr_blosc_decode(w, src, len, dst, cap, out, err);
	case OZR_FILTER_ZSTD:
		return ozr_zstd_unpack(w, src, len, dst, cap, out, err);
	case OZR_FILTER_GZIP:
	case OZR_FILTER_ZLIB:
		return ozr_gzip_decode(f, w, src, len, dst, cap, out, err);
	default:
		rc = ozr_crc32c_check(src, len, &n, err);
		if (rc)
			return rc;
		*out = n;
		if (n > cap)
			return OZR_FILTER_FULL;
		memcpy(dst, src, n);
		return OZR_OK;
	}
}

int ozr_filter_encode(const struct ozr_filter *f, struct ozr_worker *w, const void *src, size_t len,
		      struct ozr_buf *dst, struct ozr_err *err)
{
	size_t from = dst->len;
	int rc;
	switch (f->kind) {
	case OZR_FILTER_BLOSC:
		return ozr_blosc_encode(f, w, src, len, dst, err);
	case OZR_FILTER_ZSTD:
		return ozr_zstd_encode(f, w, src, len, dst, err);
	case OZR_FILTER_GZIP:
	case OZR_FILTER_ZLIB:
		return ozr_gzip_encode(f, w, src, len, dst, err);
	default:
		rc = ozr_buf_append(dst, src, len, err);
		return rc ? rc : ozr_crc32c_append(dst, from, err);
	}
}

/* No encoder makes more than this of n bytes; decoding stops there. */
static uint64_t encoded_bound(uint64_t n)
{
	return n + n / 8 + (64 << 10);
}

uint64_t ozr_chain_stage_size(const struct ozr_chain *c, unsigned n)
{
	uint64_t size = c->spec.bytes;
	for (unsigned i = 0; i < n; i++) {
		if (c->filter[i].kind != OZR_FILTER_CRC32C)
			return 0;
		size += 4;
	}
	return size;
}

unsigned ozr_chain_outer_sums(const struct ozr_chain *c)
{
	unsigned n = 0;
	while (n < c->filters && c->filter[c->filters - 1 - n].kind == OZR_FILTER_CRC32C)
		n++;
	return n;
}

static int wrong_size(const char *what, uint64_t found, uint64_t expected, struct ozr_err *err)
{
	if (found == 0)
		return ozr_fail(err, OZR_CORRUPT, "%s: decodes to more than %llu bytes", what,
				(unsigned long long)expected);
	return ozr_fail(err, OZR_CORRUPT, "%s: decodes to %llu bytes, expected %llu", what,
			(unsigned long long)found, (unsigned long long)expected);
}

/* Undo filters [0, n) of c; what comes out is exactly spec.bytes. */
static int undo(const struct ozr_chain *c, unsigned n, struct ozr_worker *w, const void *src,
		size_t len, void *dst, struct ozr_err *err)
{
	struct ozr_ctx *ctx = ozr_worker_ctx(w);
	void *held = NULL; /* what src points into, when it is ours */
	int rc = OZR_OK;
	while (n > 0 && rc == OZR_OK) {
		const struct ozr_filter *f = &c->filter[--n];
		uint64_t known = ozr_chain_stage_size(c, n);
		uint64_t cap = known ? known : encoded_bound(c->spec.bytes);
		size_t out = 0;
		if (f->kind == OZR_FILTER_CRC32C) { /* in place */
			rc = ozr_crc32c_check(src, len, &len, err);
			continue;
		}
		void *to = n == 0 ? dst : ozr_alloc(ctx, cap, err);
		if (!to) {
			rc = ozr_alloc_code(err);
			break;
		}
		rc = ozr_filter_decode(f, w, src, len, to, (size_t)cap, &out, err);
		if (rc == OZR_FILTER_FULL || (rc == OZR_OK && known && out != known))
			rc = wrong_size(ozr_filter_name(f), out, cap, err);
		ozr_free(ctx, held);
		held = to == dst ? NULL : to;
		src = to;
		len = out;
	}
	if (rc == OZR_OK && src != dst) {
		if (len == c->spec.bytes)
			memcpy(dst, src, len);
		else
			rc = ozr_fail(err, OZR_CORRUPT, "chunk has %zu bytes, expected %llu", len,
				      (unsigned long long)c->spec.bytes);
	}
	ozr_free(ctx, held);
	return rc;
}

int ozr_chain_decode(const struct ozr_chain *c, struct ozr_worker *w, const void *src, size_t len,
		     void *dst, struct ozr_err *err)
{
	if (c->sharded)
		return ozr_fail(err, OZR_BAD_ARG, "a shard does not decode as one chunk");
	int rc = undo(c, c->filters, w, src, len, dst, err);
	if (rc)
		return rc;
	if (c->big_endian)
		ozr_bytes_swap(dst, dst, c->spec.bytes, ozr_item_size(&c->spec));
	OZR_COUNT(c->ctx, chunks_decoded, 1);
	OZR_COUNT(c->ctx, bytes_decoded, c->spec.bytes);
	return OZR_OK;
}

static int append_copy(struct ozr_buf *dst, const void *src, size_t len, struct ozr_err *err)
{
	int rc = ozr_buf_reserve(dst, dst->len + len + OZR_ENCODE_SLACK, err);
	return rc ? rc : ozr_buf_append(dst, src, len, err);
}

/* Filters [0, last) into temporary buffers, filter `last` and the checksums behind it to dst. */
static int apply(const struct ozr_chain *c, struct ozr_worker *w, const void *src, size_t len,
		 struct ozr_buf *dst, struct ozr_err *err)
{
	unsigned last = c->filters - ozr_chain_outer_sums(c);
	size_t from = dst->len;
	struct ozr_buf held, next;
	int rc = OZR_OK;
	ozr_buf_init(&held, c->ctx, SIZE_MAX);
	for (unsigned i = 0; i + 1 < last && rc == OZR_OK; i++) {
		ozr_buf_init(&next, c->ctx, SIZE_MAX);
		rc = ozr_filter_encode(&c->filter[i], w, src, len, &next, err);
		ozr_buf_release(&held);
		held = next;
		src = held.data;
		len = held.len;
	}
	if (rc == OZR_OK && last > 0)
		rc = ozr_filter_encode(&c->filter[last - 1], w, src, len, dst, err);
	else if (rc == OZR_OK)
		rc = append_copy(dst, src, len, err);
	for (unsigned i = last; i < c->filters && rc == OZR_OK; i++)
		rc = ozr_crc32c_append(dst, from, err);
	ozr_buf_release(&held);
	if (rc)
		dst->len = from;
	return rc;
}

int ozr_chain_encode(const struct ozr_chain *c, struct ozr_worker *w, const void *src,
		     struct ozr_buf *dst, struct ozr_err *err)
{
	size_t from = dst->len, bytes = (size_t)c->spec.bytes;
	void *swapped = NULL;
	if (c->sharded)
		return ozr_fail(err, OZR_BAD_ARG, "a shard does not encode as one chunk");
	if (c->big_endian) {
		swapped = ozr_alloc(c->ctx, bytes, err);
		if (!swapped)
			return ozr_alloc_code(err);
		ozr_bytes_swap(swapped, src, bytes, ozr_item_size(&c->spec));
		src = swapped;
	}
	int rc = apply(c, w, src, bytes, dst, err);
	ozr_free(c->ctx, swapped);
	if (rc)
		return rc;
	OZR_COUNT(c->ctx, chunks_encoded, 1);
	OZR_COUNT(c->ctx, bytes_encoded, dst->len - from);
	return OZR_OK;
}

/* The decoded size of a shard is not known: room is doubled until it fits. */
static int undo_growing(const struct ozr_filter *f, struct ozr_worker *w, const void *src,
			size_t len, struct ozr_buf *dst, struct ozr_err *err)
{
	size_t room = len < 1 << 20 ? 4 << 20 : len * 4;
	for (;;) {
		size_t left = dst->limit - dst->len, out = 0;
		if (room > left)
			room = left;
		int rc = ozr_buf_reserve(dst, dst->len + room, err);
		if (rc)
			return rc;
		rc = ozr_filter_decode(f, w, src, len, dst->data + dst->len, room, &out, err);
		if (rc == OZR_OK)
			dst->len += out;
		if (rc != OZR_FILTER_FULL)
			return rc;
		if (room == left)
			return ozr_fail(err, OZR_LIMIT, "%s: shard decodes to more than %zu bytes",
					ozr_filter_name(f), left);
		room = out > room ? out : room > SIZE_MAX / 2 ? SIZE_MAX : room * 2;
	}
}

int ozr_shard_unfilter(const struct ozr_chain *c, struct ozr_worker *w, const void *src, size_t len,
		       struct ozr_buf *dst, struct ozr_err *err)
{
	struct ozr_buf held, next;
	int rc = OZR_OK;
	ozr_buf_init(&held, c->ctx, dst->limit);
	for (unsigned n = c->filters; n-- > 0 && rc == OZR_OK;) {
		ozr_buf_init(&next, c->ctx, dst->limit);
		rc = undo_growing(&c->filter[n], w, src, len, &next, err);
		ozr_buf_release(&held);
		held = next;
		src = held.data;
		len = held.len;
	}
	if (rc == OZR_OK)
		rc = ozr_buf_append(dst, src, len, err);
	ozr_buf_release(&held);
	return rc;
}
