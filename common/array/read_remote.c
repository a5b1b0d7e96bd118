/* SPDX-License-Identifier: MIT */
/*
 * Reading where a request costs a round trip: what an open should bring along,
 * how wide to work, and the encoded bytes of chunks that are wanted in part,
 * which are fetched whole and kept in the cache, so that reading a volume plane
 * by plane asks for each chunk once. Of large ones only blocks are fetched.
 */
#include "array/read.h"

#include <string.h>

enum {
	TAIL_MAX = 1 << 20,   /* an index longer than this is read when it is wanted */
	ENTIRE_MAX = 4 << 20, /* encoded bytes of a partly wanted chunk that are fetched at once */
};

int ozr_read_for(const struct ozr_reading *r, size_t n, ozr_task_fn fn, void *arg,
		 struct ozr_err *err)
{
	if (!r->remote)
		return ozr_pool_for(r->a->ctx, r->call, n, fn, arg, err);
	return ozr_pool_for_wide(r->a->ctx, r->call, r->threads, n, fn, arg, err);
}

unsigned ozr_read_width(const struct ozr_array *a, const struct ozr_call *call)
{
	unsigned threads = ozr_ctx_threads(a->ctx), wide = a->store->io_width;

	if ((a->store->caps & OZR_STORE_REMOTE) && wide > 0)
		return wide;
	return call && call->threads && call->threads < threads ? call->threads : threads;
}

struct ozr_hint ozr_shard_hint(const struct ozr_grid *g)
{
	struct ozr_hint hint = {OZR_FIRST_NOTHING, 0};
	const struct ozr_shard_layout *layout = g->depth ? g->level[0].layout : NULL;

	if (layout && !layout->has_filters && layout->index_bytes <= TAIL_MAX) {
		hint.what = layout->index_at_start ? OZR_FIRST_HEAD : OZR_FIRST_TAIL;
		hint.bytes = layout->index_bytes;
	}
	return hint;
}

struct ozr_hint ozr_chunk_hint(const struct ozr_grid *g, int whole)
{
	struct ozr_hint hint = {OZR_FIRST_NOTHING, 0};
	uint64_t bytes = g->elements * g->item; /* what does not shrink grows by little */

	if (whole || bytes <= ENTIRE_MAX) {
		hint.what = OZR_FIRST_HEAD;
		hint.bytes = bytes + bytes / 8 + 4096;
	}
	return hint;
}

void ozr_chunk_job_recall(struct ozr_chunk_job *j)
{
	struct ozr_ctx *ctx = j->a->ctx;

	if (!j->at.read || j->whole || j->at.size > ENTIRE_MAX)
		return;
	j->entire = 1;
	j->held = ozr_cache_peek(ctx, ozr_array_cache_key(j->at.identity, OZR_CACHED_ENCODED, 0));
	if (j->held) {
		j->memory = ozr_entry_bytes(j->held);
		return;
	}
	j->held = ozr_cache_peek(ctx, ozr_array_cache_key(j->at.identity, OZR_CACHED_CHUNK, 0));
}

void ozr_chunk_job_keep(const struct ozr_chunk_job *j)
{
	struct ozr_ctx *ctx = j->a->ctx;
	struct ozr_entry *entry;
	int fill;

	if (!j->entire || j->held || !j->memory)
		return;
	/* decoded as a whole, it is there already */
	entry = ozr_cache_peek(ctx, ozr_array_cache_key(j->at.identity, OZR_CACHED_CHUNK, 0));
	if (!entry &&
	    ozr_cache_get(ctx, ozr_array_cache_key(j->at.identity, OZR_CACHED_ENCODED, 0),
			  (size_t)j->at.size, &entry, &fill, NULL) == OZR_OK &&
	    fill) {
		memcpy(ozr_entry_bytes(entry), j->memory, (size_t)j->at.size);
		ozr_cache_publish(entry);
	}
	ozr_entry_release(entry);
}

void ozr_chunk_job_release(struct ozr_chunk_job *j)
{
	ozr_entry_release(j->held);
	j->held = NULL;
}
