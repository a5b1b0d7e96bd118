/* SPDX-License-Identifier: MIT */
/*
 * Reading a chunk by its blocks: only those that a box touches, their encoded
 * bytes in few reads, and what is decoded of a partly used chunk kept in the
 * context's cache. The table of blocks is kept there too.
 */
#include "array/read.h"

#include <string.h>

enum {
	BATCH = 64,            /* blocks read at once */
	BATCH_BYTES = 16 << 20 /* and their encoded bytes */
};

struct cached_table {
	uint64_t block_bytes, count;
	int cacheable;
	unsigned char header[16];
	struct ozr_range range[];
};

static struct ozr_blocks table_view(struct ozr_ctx *ctx, struct ozr_entry *entry)
{
	struct cached_table *t = ozr_entry_bytes(entry);
	struct ozr_blocks b = {.block_bytes = t->block_bytes,
			       .count = t->count,
			       .cacheable = t->cacheable,
			       .range = t->range,
			       .ctx = ctx};

	memcpy(b.header, t->header, sizeof(b.header));
	return b;
}

/* Best effort: a table that does not fit is read again next time. */
static void remember_table(struct ozr_ctx *ctx, struct ozr_cache_key key,
			   const struct ozr_blocks *b)
{
	size_t ranges = (size_t)b->count * sizeof(struct ozr_range);
	struct ozr_entry *entry;
	int fill;

	if (ozr_cache_get(ctx, key, sizeof(struct cached_table) + ranges, &entry, &fill, NULL))
		return;
	if (fill) {
		struct cached_table *t = ozr_entry_bytes(entry);
		t->block_bytes = b->block_bytes;
		t->count = b->count;
		t->cacheable = b->cacheable;
		memcpy(t->header, b->header, sizeof(t->header));
		memcpy(t->range, b->range, ranges);
		ozr_cache_publish(entry);
	}
	ozr_entry_release(entry);
}

/* Are decoded parts of the chunk in the cache? Only what was wanted in part leaves these behind. */
static int was_kept(const struct ozr_chunk_job *j)
{
	struct ozr_ctx *ctx = j->a->ctx;
	struct ozr_entry *entry =
		ozr_cache_peek(ctx, ozr_array_cache_key(j->at.identity, OZR_CACHED_TABLE, 0));
	int kept = entry && ((const struct cached_table *)ozr_entry_bytes(entry))->cacheable;

	if (!entry) {
		entry = ozr_cache_peek(ctx,
				       ozr_array_cache_key(j->at.identity, OZR_CACHED_CHUNK, 0));
		kept = entry != NULL;
	}
	ozr_entry_release(entry);
	return kept;
}

void ozr_chunk_job_revisit(struct ozr_chunk_job *j)
{
	if (!j->whole || !j->at.read || !was_kept(j))
		return;
	j->whole = 0;
	j->direct = NULL;
}

int ozr_block_table_get(const struct ozr_chunk_job *j, struct ozr_worker *w,
			struct ozr_block_table *out, struct ozr_err *err)
{
	struct ozr_ctx *ctx = ozr_worker_ctx(w);
	struct ozr_cache_key key = ozr_array_cache_key(j->at.identity, OZR_CACHED_TABLE, 0);
	struct ozr_block_table t = {.entry = j->whole ? NULL : ozr_cache_peek(ctx, key)};

	if (t.entry) {
		t.blocks = table_view(ctx, t.entry);
	} else {
		int rc = ozr_blocks_open(j->plan->grid->leaf, w, &j->at, &t.blocks, err);
		if (rc)
			return rc;
		if (!j->whole && t.blocks.count > 1)
			remember_table(ctx, key, &t.blocks);
	}
	*out = t;
	return OZR_OK;
}

void ozr_block_table_release(struct ozr_block_table *t)
{
	if (t->entry)
		ozr_entry_release(t->entry);
	else
		ozr_blocks_release(&t->blocks);
}

int ozr_block_table_divides(const struct ozr_chunk_job *j, const struct ozr_block_table *t)
{
	return t->blocks.count > 1 && t->blocks.block_bytes % j->plan->grid->item == 0;
}

struct block {
	uint64_t i, from, to; /* elements */
	size_t bytes;         /* decoded */
};

static struct ozr_cache_key block_key(const struct ozr_chunk_job *j, const struct block *k)
{
	return ozr_array_cache_key(j->at.identity, OZR_CACHED_BLOCK, k->i);
}

static struct block block_at(const struct ozr_chunk_job *j, const struct ozr_blocks *b, uint64_t i)
{
	const struct ozr_grid *g = j->plan->grid;
	struct block k = {.i = i};
	uint64_t per = b->block_bytes / g->item;

	k.from = i * per;
	k.to = ozr_min_u64(k.from + per, g->elements);
	k.bytes = (size_t)(k.to - k.from) * g->item;
	return k;
}

/* Give a block that is in the cache; 0 when it is not. */
static int give_cached(const struct ozr_chunk_job *j, struct ozr_ctx *ctx, const struct block *k)
{
	struct ozr_entry *entry = ozr_cache_peek(ctx, block_key(j, k));

	if (!entry)
		return 0;
	ozr_chunk_job_give(j, ozr_entry_bytes(entry), k->from, k->to);
	ozr_entry_release(entry);
	return 1;
}

/* Decode into the cache (another thread may have been faster) and give. */
static int decode_cached(const struct ozr_chunk_job *j, const struct ozr_blocks *b,
			 const struct block *k, const void *src, struct ozr_worker *w,
			 struct ozr_err *err)
{
	struct ozr_entry *entry;
	int fill;
	int rc = ozr_cache_get(ozr_worker_ctx(w), block_key(j, k), k->bytes, &entry, &fill, err);

	if (rc)
		return rc;
	if (fill) {
		rc = ozr_block_decode(j->plan->grid->leaf, w, b, k->i, src,
				      (size_t)b->range[k->i].length, ozr_entry_bytes(entry), err);
		if (rc) {
			ozr_cache_abandon(entry);
			return rc;
		}
		ozr_cache_publish(entry);
	}
	ozr_chunk_job_give(j, ozr_entry_bytes(entry), k->from, k->to);
	ozr_entry_release(entry);
	return OZR_OK;
}

static int decode_block(const struct ozr_chunk_job *j, const struct ozr_blocks *b,
			const struct block *k, const void *src, struct ozr_worker *w,
			struct ozr_err *err)
{
	if (b->cacheable && !j->whole)
		return decode_cached(j, b, k, src, w, err);
	char *dst = j->direct ? j->direct + k->from * j->plan->grid->item
			      : ozr_worker_scratch(w, OZR_SCRATCH_DECODED, k->bytes, err);
	if (!dst)
		return ozr_alloc_code(err);
	int rc = ozr_block_decode(j->plan->grid->leaf, w, b, k->i, src,
				  (size_t)b->range[k->i].length, dst, err);
	if (rc == OZR_OK && !j->direct)
		ozr_chunk_job_give(j, dst, k->from, k->to);
	return rc;
}

/* Read the encoded bytes of n blocks in one go, then decode them. Neighbours are joined. */
static int run_batch(const struct ozr_chunk_job *j, const struct ozr_blocks *b,
		     const struct block *k, size_t n, struct ozr_worker *w, struct ozr_err *err)
{
	struct ozr_range range[BATCH];
	void *dst[BATCH];
	const char *src[BATCH];
	size_t ranges = 0, total = 0;
	char *scratch = NULL;
	int rc = OZR_OK;

	if (n == 0)
		return OZR_OK;
	for (size_t i = 0; i < n; i++)
		total += (size_t)b->range[k[i].i].length;
	if (!j->memory) {
		scratch = ozr_worker_scratch(w, OZR_SCRATCH_ENCODED, total, err);
		if (!scratch)
			return ozr_alloc_code(err);
	}
	for (size_t i = 0; i < n; i++) {
		const struct ozr_range *r = &b->range[k[i].i];
		src[i] = j->memory ? j->memory + r->offset : scratch;
		if (j->memory)
			continue;
		if (ranges && range[ranges - 1].offset + range[ranges - 1].length == r->offset) {
			range[ranges - 1].length += r->length;
		} else {
			range[ranges] = *r;
			dst[ranges++] = scratch;
		}
		scratch += r->length;
	}
	if (ranges)
		rc = j->at.read(&j->at, ranges, range, dst, err);
	for (size_t i = 0; rc == OZR_OK && i < n; i++)
		rc = decode_block(j, b, &k[i], src[i], w, err);
	return rc;
}

int ozr_block_run(const struct ozr_chunk_job *j, const struct ozr_block_table *t, uint64_t i,
		  struct ozr_worker *w, struct ozr_err *err)
{
	const struct ozr_blocks *b = &t->blocks;
	struct block k = block_at(j, b, i);

	if (!ozr_chunk_job_wants(j, k.from, k.to))
		return OZR_OK;
	if (b->cacheable && !j->whole && give_cached(j, ozr_worker_ctx(w), &k))
		return OZR_OK;
	return run_batch(j, b, &k, 1, w, err);
}

int ozr_blocks_run(const struct ozr_chunk_job *j, const struct ozr_block_table *t,
		   struct ozr_worker *w, struct ozr_err *err)
{
	const struct ozr_blocks *b = &t->blocks;
	struct block batch[BATCH];
	size_t n = 0;
	uint64_t bytes = 0;
	uint64_t from, to, per = b->block_bytes / j->plan->grid->item;
	int rc = OZR_OK;

	ozr_chunk_job_span(j, &from, &to);
	for (uint64_t i = from / per; rc == OZR_OK && i * per < to; i++) {
		struct block k = block_at(j, b, i);
		if (!ozr_chunk_job_wants(j, k.from, k.to))
			continue;
		if (b->cacheable && !j->whole && give_cached(j, ozr_worker_ctx(w), &k))
			continue;
		if (n == BATCH || (n > 0 && bytes + b->range[i].length > BATCH_BYTES)) {
			rc = run_batch(j, b, batch, n, w, err);
			n = 0;
			bytes = 0;
		}
		batch[n++] = k;
		bytes += b->range[i].length;
	}
	return rc ? rc : run_batch(j, b, batch, n, w, err);
}
