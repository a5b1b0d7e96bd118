/* SPDX-License-Identifier: MIT */
/*
 * One chunk of a read: from encoded bytes to the boxes.
 *
 * A chunk that is wanted whole is decoded once and not remembered: straight
 * into the box where layout and type allow it, else block by block through
 * scratch that stays in the processor's cache. Of a chunk that is wanted in
 * part only the blocks that a box touches are decoded, and kept in the
 * context's cache, so that reading it plane by plane decodes each block once.
 */
#include "array/read.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/key.h"

void ozr_chunk_job_init(struct ozr_chunk_job *j, const struct ozr_array *a,
			const struct ozr_plan *plan, size_t job)
{
	const struct ozr_grid *g = plan->grid;
	uint64_t shard[OZR_MAX_RANK], extent[OZR_MAX_RANK], wanted = 0;

	memset(j, 0, sizeof(*j));
	j->a = a;
	j->plan = plan;
	j->job = &plan->job[job];
	ozr_plan_shard_at(plan, j->job->shard, shard);
	ozr_grid_chunk_at(g, shard, j->job->inner, j->chunk);
	for (size_t i = 0; i < j->job->count; i++)
		wanted +=
			ozr_box_wants(g, &plan->box[plan->piece[j->job->first + i].box], j->chunk);
	j->whole = wanted >= ozr_grid_valid(g, j->chunk, extent);
	if (j->whole && j->job->count == 1)
		j->direct = ozr_box_direct(g, &plan->box[plan->piece[j->job->first].box], j->chunk);
}

void ozr_chunk_job_fill(const struct ozr_chunk_job *j)
{
	for (size_t i = 0; i < j->job->count; i++)
		ozr_box_fill(j->plan->grid, ozr_chunk_job_box(j, i), j->chunk);
}

int ozr_chunk_job_context(const struct ozr_chunk_job *j, int rc, struct ozr_err *err)
{
	const struct ozr_grid *g = j->plan->grid;
	char key[OZR_KEY_MAX + 1] = "", text[OZR_MAX_RANK * 21 + 1] = "";
	uint64_t shard[OZR_MAX_RANK];
	size_t at = 0;

	if (rc == OZR_OK || rc == OZR_CANCELLED || rc == OZR_NO_MEMORY)
		return rc;
	for (unsigned d = 0; d < g->rank; d++) {
		shard[d] = j->chunk[d] / g->inner[d];
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%" PRIu64, d ? "," : "",
				       j->chunk[d]);
	}
	if (ozr_meta_key(&j->a->meta, "", shard, key, NULL))
		return rc;
	if (g->depth > 0)
		return ozr_err_context(err, rc, "%s: chunk (%s)", key, text);
	return ozr_err_context(err, rc, "%s", key);
}

/* --- decoding ---------------------------------------------------------------- */

/* All encoded bytes, in memory. */
static int encoded_bytes(const struct ozr_chunk_job *j, struct ozr_worker *w, const void **src,
			 struct ozr_err *err)
{
	struct ozr_range all = {0, j->at.size};
	uint64_t limit = ozr_ctx_limits(ozr_worker_ctx(w))->object_bytes;
	void *dst;

	*src = j->memory;
	if (j->memory)
		return OZR_OK;
	if (j->at.size > limit || j->at.size > SIZE_MAX / 2)
		return ozr_fail(err, OZR_LIMIT,
				"chunk has %llu encoded bytes, the limit (object_bytes) is %llu",
				(unsigned long long)j->at.size, (unsigned long long)limit);
	dst = ozr_worker_scratch(w, OZR_SCRATCH_ENCODED, j->at.size, err);
	if (!dst)
		return ozr_alloc_code(err);
	*src = dst;
	return j->at.read(&j->at, 1, &all, &dst, err);
}

static int run_undivided(const struct ozr_chunk_job *j, int keep, struct ozr_worker *w,
			 struct ozr_err *err)
{
	const struct ozr_grid *g = j->plan->grid;
	struct ozr_cache_key key = ozr_array_cache_key(j->at.identity, OZR_CACHED_CHUNK, 0);
	size_t bytes = (size_t)g->elements * g->item;
	struct ozr_entry *entry = NULL;
	const void *src;
	char *dst = j->direct;
	int fill = 1, rc = OZR_OK;

	if (keep) {
		rc = ozr_cache_get(ozr_worker_ctx(w), key, bytes, &entry, &fill, err);
		if (rc)
			return rc;
		dst = ozr_entry_bytes(entry);
	} else if (!dst) {
		dst = ozr_worker_scratch(w, OZR_SCRATCH_DECODED, bytes, err);
		if (!dst)
			return ozr_alloc_code(err);
	}
	if (fill) {
		rc = encoded_bytes(j, w, &src, err);
		if (rc == OZR_OK)
			rc = ozr_chain_decode(g->leaf, w, src, (size_t)j->at.size, dst, err);
		if (rc && entry)
			ozr_cache_abandon(entry);
		if (rc)
			return rc;
		if (entry)
			ozr_cache_publish(entry);
	}
	if (dst != j->direct)
		ozr_chunk_job_give(j, dst, 0, g->elements);
	if (entry)
		ozr_entry_release(entry);
	return OZR_OK;
}

/* Decoded as a whole and kept by an earlier request. */
static int give_kept(const struct ozr_chunk_job *j, struct ozr_ctx *ctx)
{
	struct ozr_cache_key key = ozr_array_cache_key(j->at.identity, OZR_CACHED_CHUNK, 0);
	struct ozr_entry *entry = j->whole ? NULL : ozr_cache_peek(ctx, key);

	if (!entry)
		return 0;
	ozr_chunk_job_give(j, ozr_entry_bytes(entry), 0, j->plan->grid->elements);
	ozr_entry_release(entry);
	return 1;
}

static int run_present(struct ozr_chunk_job *j, struct ozr_worker *w, struct ozr_err *err)
{
	struct ozr_block_table t;
	const void *src;
	int rc = OZR_OK;

	if (give_kept(j, ozr_worker_ctx(w)))
		return OZR_OK;
	if (j->whole || j->entire) {
		rc = encoded_bytes(j, w, &src, err);
		j->memory = src;
		if (rc == OZR_OK && j->whole && j->direct)
			return run_undivided(j, 0, w, err);
	}
	if (rc)
		return rc;
	/* blocks are looked up in memory when that is where they are */
	struct ozr_chunk_job local = *j;
	if (j->memory) {
		local.at = ozr_bytes_at_memory(j->memory, j->at.size);
		local.at.identity = j->at.identity;
	}
	rc = ozr_block_table_get(&local, w, &t, err);
	if (rc)
		return rc;
	if (ozr_block_table_divides(&local, &t))
		rc = ozr_blocks_run(&local, &t, w, err);
	else
		rc = run_undivided(&local, !j->whole && t.blocks.cacheable, w, err);
	ozr_block_table_release(&t);
	if (rc == OZR_OK)
		ozr_chunk_job_keep(j);
	return rc;
}

int ozr_chunk_job_run(const struct ozr_chunk_job *j, struct ozr_worker *w, struct ozr_err *err)
{
	struct ozr_chunk_job mine = *j;

	if (!j->at.read) {
		ozr_chunk_job_fill(j);
		return OZR_OK;
	}
	return ozr_chunk_job_context(j, run_present(&mine, w, err), err);
}
