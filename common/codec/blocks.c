/* SPDX-License-Identifier: MIT */
/*
 * Chunks that decode in parts: raw bytes (cut into blocks of about 256 KiB) and
 * blosc frames (their own blocks), bare or under a crc32c. Everything else is
 * one block.
 *
 * A checksum covers the whole chunk, so the first part read of it costs reading
 * all of it; that it was right is remembered by the context.
 */
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "base/ctx.h"
#include "codec/blosc.h"
#include "codec/chain_impl.h"

enum {
	RAW_BLOCK = 256 << 10,
	SMALL = 128 << 10, /* a chunk that is not worth a table */
	GUESS = 4 << 10    /* holds the header and the starts of most frames: one read */
};

static int read_memory(const struct ozr_bytes_at *at, size_t n, const struct ozr_range *ranges,
		       void *const *dst, struct ozr_err *err)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t end;
		if (ozr_ckd_add(ranges[i].offset, ranges[i].length, &end) || end > at->size)
			return ozr_fail(
				err, OZR_CORRUPT, "%llu bytes at %llu wanted, there are %llu",
				(unsigned long long)ranges[i].length,
				(unsigned long long)ranges[i].offset, (unsigned long long)at->size);
		memcpy(dst[i], (const char *)at->arg + at->base + ranges[i].offset,
		       (size_t)ranges[i].length);
	}
	return OZR_OK;
}

struct ozr_bytes_at ozr_bytes_at_memory(const void *bytes, uint64_t size)
{
	return (struct ozr_bytes_at){
		.read = read_memory, .size = size, .arg = (void *)(uintptr_t)bytes};
}

struct ozr_bytes_at ozr_bytes_at_window(const struct ozr_bytes_at *at, uint64_t offset,
					uint64_t size)
{
	struct ozr_bytes_at w = *at;
	w.base += offset;
	w.size = size;
	if (w.identity)
		w.identity = ozr_hash(at->identity, &offset, sizeof(offset));
	return w;
}

static int read_at(const struct ozr_bytes_at *at, uint64_t offset, uint64_t n, void *dst,
		   struct ozr_err *err)
{
	struct ozr_range r = {offset, n};
	return at->read(at, 1, &r, &dst, err);
}

enum kind { WHOLE, RAW, BLOSC };

/* What is left when the outer checksums are taken off. */
static enum kind kind_of(const struct ozr_chain *c)
{
	unsigned n = c->filters - ozr_chain_outer_sums(c);
	if (n == 0)
		return RAW;
	return n == 1 && c->filter[0].kind == OZR_FILTER_BLOSC ? BLOSC : WHOLE;
}

static int alloc_ranges(struct ozr_blocks *b, struct ozr_err *err)
{
	b->range = ozr_calloc(b->ctx, b->count, sizeof(*b->range), err);
	return b->range ? OZR_OK : ozr_alloc_code(err);
}

static int open_whole(const struct ozr_chain *c, const struct ozr_bytes_at *at,
		      struct ozr_blocks *b, struct ozr_err *err)
{
	b->block_bytes = c->spec.bytes;
	b->count = 1;
	b->cacheable = kind_of(c) != RAW;
	int rc = alloc_ranges(b, err);
	if (rc == OZR_OK)
		b->range[0] = (struct ozr_range){0, at->size};
	return rc;
}

/* Decoded bytes that stand in a row from `from` on. */
static int open_stored(const struct ozr_chain *c, const struct ozr_bytes_at *at, uint64_t from,
		       struct ozr_blocks *b, struct ozr_err *err)
{
	uint64_t bytes = c->spec.bytes;
	if (bytes <= RAW_BLOCK)
		return open_whole(c, at, b, err);
	b->block_bytes = RAW_BLOCK; /* a multiple of every item size */
	b->count = ozr_ceil_div(bytes, RAW_BLOCK);
	b->cacheable = 0;
	int rc = alloc_ranges(b, err);
	for (uint64_t i = 0; rc == OZR_OK && i < b->count; i++)
		b->range[i] = (struct ozr_range){from + i * RAW_BLOCK,
						 ozr_min_u64(RAW_BLOCK, bytes - i * RAW_BLOCK)};
	return rc;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = ((const struct ozr_range *)a)->offset,
		 y = ((const struct ozr_range *)b)->offset;
	return x < y ? -1 : x > y;
}

/* Each block ends where the next one in the file begins: c-blosc with several threads writes
 * them in any order. */
static int set_lengths(struct ozr_blocks *b, uint64_t end, struct ozr_err *err)
{
	struct ozr_range *r = b->range;
	int sorted = 1;
	for (uint64_t i = 1; i < b->count; i++)
		sorted = sorted && r[i - 1].offset <= r[i].offset;
	if (!sorted) {
		/* .length holds the number of the block while they stand in file order */
		struct ozr_range *by = ozr_alloc(b->ctx, b->count * sizeof(*by), err);
		if (!by)
			return ozr_alloc_code(err);
		for (uint64_t i = 0; i < b->count; i++)
			by[i] = (struct ozr_range){r[i].offset, i};
		qsort(by, b->count, sizeof(*by), compare);
		for (uint64_t k = b->count; k-- > 0; end = by[k].offset)
			r[by[k].length].length = end - by[k].offset;
		ozr_free(b->ctx, by);
		return OZR_OK;
	}
	for (uint64_t i = b->count; i-- > 0; end = r[i].offset)
		r[i].length = end - r[i].offset;
	return OZR_OK;
}

/* starts: the table of a frame of `size` bytes. */
static int set_ranges(const struct ozr_blosc_head *h, const unsigned char *starts, uint64_t size,
		      struct ozr_blocks *b, struct ozr_err *err)
{
	uint64_t first = OZR_BLOSC_HEADER + (uint64_t)h->blocks * 4;
	b->block_bytes = h->blocksize;
	b->count = h->blocks;
	b->cacheable = 1;
	int rc = alloc_ranges(b, err);
	if (rc)
		return rc;
	for (uint64_t i = 0; i < b->count; i++) {
		uint64_t start = ozr_load_le32(starts + 4 * i);
		if (start < first || start > size)
			return ozr_fail(err, OZR_CORRUPT,
					"blosc: block %llu starts at %llu, must be from %llu to "
					"%llu",
					(unsigned long long)i, (unsigned long long)start,
					(unsigned long long)first, (unsigned long long)size);
		b->range[i].offset = start;
	}
	return set_lengths(b, size, err);
}

/* got: the first n bytes of the frame, which has size bytes and is at the front of `at`. */
static int open_blosc(const struct ozr_chain *c, struct ozr_worker *w,
		      const struct ozr_bytes_at *at, uint64_t size, const unsigned char *got,
		      size_t n, struct ozr_blocks *b, struct ozr_err *err)
{
	struct ozr_blosc_head h;
	if (n < OZR_BLOSC_HEADER)
		return ozr_fail(err, OZR_CORRUPT, "blosc: %llu bytes, a frame has at least 16",
				(unsigned long long)size);
	int rc = ozr_blosc_head_parse(got, size, &h, err);
	if (rc)
		return rc;
	if (h.bytes != c->spec.bytes)
		return ozr_fail(err, OZR_CORRUPT, "blosc: decodes to %u bytes, expected %llu",
				(unsigned)h.bytes, (unsigned long long)c->spec.bytes);
	memcpy(b->header, got, OZR_BLOSC_HEADER);
	if (h.flags & OZR_BLOSC_F_MEMCPYED)
		return open_stored(c, at, OZR_BLOSC_HEADER, b, err);
	if (h.blocks == 1 || h.blocksize % ozr_item_size(&c->spec))
		return open_whole(c, at, b, err);
	uint64_t table = OZR_BLOSC_HEADER + (uint64_t)h.blocks * 4;
	if (table > n) {
		unsigned char *all = ozr_worker_scratch(w, OZR_SCRATCH_OTHER, table, err);
		if (!all)
			return ozr_alloc_code(err);
		rc = read_at(at, 0, table, all, err);
		if (rc)
			return rc;
		got = all;
	}
	return set_ranges(&h, got + OZR_BLOSC_HEADER, size, b, err);
}

/* Reads and checks all of the chunk, unless that was done. *got: its bytes, NULL when they
 * were not read. */
static int verify(const struct ozr_chain *c, struct ozr_worker *w, const struct ozr_bytes_at *at,
		  const unsigned char **got, struct ozr_err *err)
{
	uint64_t mark = at->identity ? at->identity ^ at->size : 0;
	size_t n;
	if (at->size > ozr_ctx_limits(c->ctx)->object_bytes || ozr_ckd_size(at->size, &n))
		return ozr_fail(err, OZR_LIMIT,
				"chunk of %llu encoded bytes, limit object_bytes "
				"is %llu",
				(unsigned long long)at->size,
				(unsigned long long)ozr_ctx_limits(c->ctx)->object_bytes);
	if (mark && ozr_ctx_verified(c->ctx, mark))
		return OZR_OK;
	unsigned char *p = ozr_worker_scratch(w, OZR_SCRATCH_OTHER, n, err);
	if (!p)
		return ozr_alloc_code(err);
	int rc = read_at(at, 0, n, p, err);
	for (unsigned i = ozr_chain_outer_sums(c); i-- > 0 && rc == OZR_OK;)
		rc = ozr_crc32c_check(p, n, &n, err);
	if (rc)
		return rc;
	if (mark)
		ozr_ctx_mark_verified(c->ctx, mark);
	*got = p;
	return OZR_OK;
}

static int open_parts(const struct ozr_chain *c, struct ozr_worker *w,
		      const struct ozr_bytes_at *at, enum kind kind, struct ozr_blocks *b,
		      struct ozr_err *err)
{
	unsigned sums = ozr_chain_outer_sums(c);
	const unsigned char *got = NULL;
	unsigned char head[GUESS];
	if (at->size < 4 * sums)
		return ozr_fail(err, OZR_CORRUPT, "crc32c: %llu bytes, needs at least %u",
				(unsigned long long)at->size, 4 * sums);
	uint64_t size = at->size - 4 * sums;
	if (kind == RAW && size != c->spec.bytes)
		return ozr_fail(err, OZR_CORRUPT, "chunk has %llu bytes, expected %llu",
				(unsigned long long)size, (unsigned long long)c->spec.bytes);
	int rc = sums ? verify(c, w, at, &got, err) : OZR_OK;
	if (rc)
		return rc;
	if (kind == RAW)
		return open_stored(c, at, 0, b, err);
	size_t n = (size_t)ozr_min_u64(size, got ? SIZE_MAX : GUESS);
	if (!got) {
		rc = read_at(at, 0, n, head, err);
		if (rc)
			return rc;
		got = head;
	}
	return open_blosc(c, w, at, size, got, n, b, err);
}

int ozr_blocks_open(const struct ozr_chain *c, struct ozr_worker *w, const struct ozr_bytes_at *at,
		    struct ozr_blocks *out, struct ozr_err *err)
{
	struct ozr_blocks b = {.ctx = c->ctx};
	enum kind kind = kind_of(c);
	if (c->sharded)
		return ozr_fail(err, OZR_BAD_ARG, "a shard has no blocks");
	int whole = kind == WHOLE || c->spec.bytes <= SMALL;
	int rc = whole ? open_whole(c, at, &b, err) : open_parts(c, w, at, kind, &b, err);
	if (rc)
		ozr_blocks_release(&b);
	else
		*out = b;
	return rc;
}

int ozr_block_decode(const struct ozr_chain *c, struct ozr_worker *w, const struct ozr_blocks *b,
		     uint64_t i, const void *src, size_t len, void *dst, struct ozr_err *err)
{
	struct ozr_blosc_head h = {0};
	uint64_t bytes = ozr_min_u64(b->block_bytes, c->spec.bytes - i * b->block_bytes);
	int rc = OZR_OK;
	if (b->count == 1)
		return ozr_chain_decode(c, w, src, len, dst, err);
	if (!b->cacheable) {
		if (len != bytes)
			return ozr_fail(err, OZR_CORRUPT, "block has %zu bytes, expected %llu", len,
					(unsigned long long)bytes);
		memcpy(dst, src, len);
	} else {
		rc = ozr_blosc_head_parse(b->header, ozr_load_le32(b->header + 12), &h, err);
		if (rc == OZR_OK)
			rc = ozr_blosc_block_decode(&h, w, (uint32_t)i, src, len, dst, err);
	}
	if (rc)
		return rc;
	if (c->big_endian)
		ozr_bytes_swap(dst, dst, bytes, ozr_item_size(&c->spec));
	OZR_COUNT(c->ctx, blocks_decoded, 1);
	OZR_COUNT(c->ctx, bytes_decoded, bytes);
	return OZR_OK;
}

void ozr_blocks_release(struct ozr_blocks *b)
{
	if (b && b->range)
		ozr_free(b->ctx, b->range);
	if (b)
		b->range = NULL;
}
