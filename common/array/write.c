/* SPDX-License-Identifier: MIT */
/*
 * Writing boxes: plan, then one task per chunk. A chunk that one box covers is
 * gathered (what lies beyond the array is fill), encoded and handed to its
 * shard; anything less waits as raw elements. Whoever completes a shard
 * publishes it. Flushing publishes what is incomplete, too.
 */
#include "array/writer.h"

#include <string.h>

#include "array/dtype.h"

/* --- chunks -------------------------------------------------------------------------- */

static int write_whole(struct ozr_writer *w, struct ozr_open_shard *s, struct ozr_chunk_slot *c,
		       const struct ozr_box *box, const uint64_t *chunk, struct ozr_worker *worker,
		       struct ozr_err *err)
{
	const struct ozr_grid *g = &w->a->meta.grid;
	struct ozr_run_box all = {{0}, {0}};
	const void *elements = ozr_box_direct(g, box, chunk);
	uint64_t length;
	void *bytes, *scratch;

	if (!elements) {
		scratch =
			ozr_worker_scratch(worker, OZR_SCRATCH_DECODED, g->elements * g->item, err);
		if (!scratch)
			return ozr_alloc_code(err);
		if (ozr_grid_valid(g, chunk, all.hi) < g->elements)
			ozr_fill_memory(scratch, g->fill, g->item, (size_t)g->elements);
		ozr_box_transfer(g, box, chunk, &all, scratch, 0, OZR_FROM_BOX);
		elements = scratch;
	}
	int rc = ozr_chunk_encode(w, worker, elements, &bytes, &length, err);
	if (rc)
		return rc;
	ozr_slot_seize(w, c);
	ozr_chunk_deliver(w, s, c, bytes, length);
	return OZR_OK;
}

/* A raw chunk that is complete, and busy for us. */
static int finish_raw(struct ozr_writer *w, struct ozr_open_shard *s, struct ozr_chunk_slot *c,
		      const uint64_t *chunk, struct ozr_worker *worker, struct ozr_err *err)
{
	const struct ozr_grid *g = &w->a->meta.grid;
	const void *elements = c->u.raw->bytes;
	uint64_t extent[OZR_MAX_RANK], length = 0;
	void *bytes = NULL;
	int rc = OZR_OK;

	if (!elements || ozr_grid_valid(g, chunk, extent) < g->elements) {
		void *base =
			ozr_worker_scratch(worker, OZR_SCRATCH_DECODED, g->elements * g->item, err);
		if (!base)
			rc = ozr_alloc_code(err);
		if (rc == OZR_OK) {
			ozr_fill_memory(base, g->fill, g->item, (size_t)g->elements);
			rc = ozr_raw_overlay(w, c->u.raw, worker, base, err);
		}
		elements = base;
	}
	if (rc == OZR_OK)
		rc = ozr_chunk_encode(w, worker, elements, &bytes, &length, err);
	if (rc == OZR_OK) {
		ozr_chunk_deliver(w, s, c, bytes, length);
		return OZR_OK;
	}
	pthread_mutex_lock(&w->lock);
	c->busy = 0;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	return rc;
}

struct writing {
	struct ozr_writer *w;
	const struct ozr_plan *plan;
};

/* A part of a chunk that is complete already: publish the shard, so that the part can be
 * merged with it. We are a user of it, and then no longer. */
static int settle_complete(struct ozr_writer *w, struct ozr_open_shard *s,
			   struct ozr_worker *worker, struct ozr_err *err)
{
	int mine = 0;

	pthread_mutex_lock(&w->lock);
	s->users--;
	pthread_cond_broadcast(&w->changed);
	if (!s->closing) {
		ozr_writer_close_shard(w, s);
		mine = 1;
	}
	pthread_mutex_unlock(&w->lock);
	if (!mine)
		return OZR_OK;
	int rc = ozr_shard_publish(w, s, worker, err);
	ozr_writer_drop(w, s);
	return rc;
}

static int is_complete(struct ozr_writer *w, const struct ozr_chunk_slot *c)
{
	pthread_mutex_lock(&w->lock);
	while (c->busy)
		pthread_cond_wait(&w->changed, &w->lock);
	int complete = c->state != OZR_SLOT_EMPTY && c->state != OZR_SLOT_RAW;
	pthread_mutex_unlock(&w->lock);
	return complete;
}

static int write_job(struct ozr_writer *w, const struct ozr_plan *plan, const struct ozr_job *job,
		     struct ozr_worker *worker, struct ozr_err *err)
{
	const struct ozr_box *box = &plan->box[plan->piece[job->first].box];
	uint64_t shard[OZR_MAX_RANK], chunk[OZR_MAX_RANK], extent[OZR_MAX_RANK];
	struct ozr_open_shard *s;
	struct ozr_chunk_slot *c;
	int complete, settled, rc;

	ozr_plan_shard_at(plan, job->shard, shard);
	ozr_grid_chunk_at(plan->grid, shard, job->inner, chunk);
	int whole = job->count == 1 && ozr_box_wants(plan->grid, box, chunk) ==
					       ozr_grid_valid(plan->grid, chunk, extent);
	do {
		complete = settled = 0;
		rc = ozr_writer_enter(w, chunk, &s, err);
		while (rc == OZR_OK && !whole && is_complete(w, &s->slot[job->inner])) {
			rc = settle_complete(w, s, worker, err);
			if (rc == OZR_OK)
				rc = ozr_writer_enter(w, chunk, &s, err);
		}
		if (rc)
			return rc;
		c = &s->slot[job->inner];
		if (whole)
			rc = write_whole(w, s, c, box, chunk, worker, err);
		else
			rc = ozr_raw_add(w, c, plan, job, chunk, worker, &complete, &settled, err);
		if (settled) { /* another thread completed it after we had looked */
			rc = settle_complete(w, s, worker, err);
			if (rc)
				return rc;
		}
	} while (settled);
	if (rc == OZR_OK && complete)
		rc = finish_raw(w, s, c, chunk, worker, err);
	int left = ozr_writer_leave(w, s, worker, rc ? NULL : err);
	return rc ? rc : left;
}

static int write_task(void *arg, size_t i, struct ozr_worker *worker, struct ozr_err *err)
{
	struct writing *wr = arg;
	int rc = write_job(wr->w, wr->plan, &wr->plan->job[i], worker, err);

	return rc ? rc : ozr_writer_relieve(wr->w, worker, err);
}

struct write_request {
	struct ozr_writer *w;
	const struct ozr_call *call;
};

static int write_plan(void *arg, const struct ozr_plan *plan, struct ozr_err *err)
{
	struct write_request *r = arg;
	struct writing wr = {r->w, plan};

	return ozr_pool_for(r->w->a->ctx, r->call, plan->jobs, write_task, &wr, err);
}

int ozr_array_write(struct ozr_array *a, size_t n, const struct ozr_box *boxes,
		    const struct ozr_call *call, struct ozr_err *err)
{
	struct write_request r = {a->writer, call};
	int rc;

	ozr_ctx_enter(a->ctx);
	rc = ozr_writer_check(a->writer, err);
	if (rc == OZR_OK)
		rc = ozr_boxes_check(&a->meta.grid, n, boxes, OZR_BOX_WRITE, err);
	if (rc)
		return ozr_array_context(a, rc, err);
	if (call && call->budget) {
		pthread_mutex_lock(&a->writer->lock);
		a->writer->budget = call->budget;
		pthread_mutex_unlock(&a->writer->lock);
	}
	rc = ozr_plan_each(a->ctx, &a->meta.grid, n, boxes, write_plan, &r, err);
	return ozr_array_context(a, rc, err);
}
