/* SPDX-License-Identifier: MIT */
/*
 * Reading what waits to be written, without publishing it: programs that read
 * and write in turn (line by line, window by window) would else write each
 * shard again and again. What is stored is read first; then the chunks that
 * wait go over it: of partly covered ones the covered elements, complete ones
 * decoded again.
 *
 * What has gone ahead into a put cannot be read back, and chunks that are read
 * over and over are better decoded from the store, with its cache: such shards
 * are published.
 */
#include "array/read.h"
#include "array/writer.h"

#include <stdlib.h>

#include "array/dtype.h"

enum { MANY_REREADS = 64 };

/* --- holding ----------------------------------------------------------------------- */

/* Lock held: how many shards the boxes touch; *publish and *wait: whether one must be published,
 * or is just being. */
static size_t look(struct ozr_writer *w, size_t n, const struct ozr_box *boxes,
		   struct ozr_open_shard **list, size_t room, int *publish, int *wait)
{
	size_t found = 0;

	*publish = *wait = 0;
	for (size_t i = 0; i < w->slots; i++) {
		for (struct ozr_open_shard *s = w->table[i]; s; s = s->chain) {
			if (!ozr_shard_touched(&w->a->meta.grid, s, n, boxes))
				continue;
			*wait |= s->closing;
			*publish |= !s->closing &&
				    (s->streams || s->streaming || s->rereads > MANY_REREADS);
			if (found < room)
				list[found] = s;
			found++;
		}
	}
	return found;
}

static int by_address(const void *x, const void *y)
{
	uintptr_t a = (uintptr_t) * (struct ozr_open_shard *const *)x;
	uintptr_t b = (uintptr_t) * (struct ozr_open_shard *const *)y;

	return a < b ? -1 : a > b;
}

/* One try; *again: something must be published, or there was too little room. */
static int try_hold(struct ozr_writer *w, size_t n, const struct ozr_box *boxes,
		    struct ozr_hold *hold, int *publish, int *again, struct ozr_err *err)
{
	size_t room = atomic_load(&w->pending) + 64, found;
	int wait;

	hold->shard = ozr_alloc(w->a->ctx, room * sizeof(*hold->shard), err);
	if (!hold->shard)
		return ozr_alloc_code(err);
	pthread_mutex_lock(&w->lock);
	found = look(w, n, boxes, hold->shard, room, publish, &wait);
	while (wait && !*publish) {
		pthread_cond_wait(&w->changed, &w->lock);
		found = look(w, n, boxes, hold->shard, room, publish, &wait);
	}
	*again = *publish || found > room;
	for (size_t i = 0; i < found && !*again; i++) {
		hold->shard[i]->users++;
		hold->shard[i]->readers++;
	}
	pthread_mutex_unlock(&w->lock);
	if (*again || found == 0) {
		ozr_free(w->a->ctx, hold->shard);
		hold->shard = NULL;
		return OZR_OK;
	}
	hold->writer = w;
	hold->n = found;
	qsort(hold->shard, found, sizeof(hold->shard[0]), by_address);
	return OZR_OK;
}

int ozr_hold_begin(struct ozr_writer *w, size_t n, const struct ozr_box *boxes,
		   const struct ozr_call *call, struct ozr_hold *hold, struct ozr_err *err)
{
	int again = 1, publish, rc = OZR_OK;

	while (rc == OZR_OK && again && atomic_load(&w->pending) > 0) {
		rc = ozr_writer_check(w, err);
		if (rc == OZR_OK)
			rc = try_hold(w, n, boxes, hold, &publish, &again, err);
		if (rc == OZR_OK && publish)
			rc = ozr_writer_settle(w, n, boxes, call, err);
	}
	return rc;
}

static int publish_task(void *arg, size_t i, struct ozr_worker *worker, struct ozr_err *err)
{
	const struct ozr_hold *hold = arg;
	int rc = ozr_shard_publish(hold->writer, hold->shard[i], worker, err);

	ozr_writer_drop(hold->writer, hold->shard[i]);
	hold->shard[i] = NULL;
	return rc;
}

int ozr_hold_release(struct ozr_hold *hold, const struct ozr_call *call, struct ozr_err *err)
{
	struct ozr_writer *w = hold->writer;
	size_t mine = 0;
	int rc = OZR_OK;

	if (hold->n == 0)
		return OZR_OK;
	if (ozr_writer_owned(w, NULL)) { /* the host has forked while it was asked */
		ozr_free(w->a->ctx, hold->shard);
		hold->shard = NULL;
		hold->n = 0;
		return OZR_OK;
	}
	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < hold->n; i++) {
		struct ozr_open_shard *s = hold->shard[i];
		s->users--;
		s->readers--;
		if (ozr_writer_claim(w, s))
			hold->shard[mine++] = s;
	}
	pthread_mutex_unlock(&w->lock);
	rc = ozr_pool_for(w->a->ctx, call, mine, publish_task, hold, err);
	for (size_t i = 0; i < mine; i++)
		if (hold->shard[i]) { /* not begun, after an error: it still waits */
			pthread_mutex_lock(&w->lock);
			hold->shard[i]->closing = 0;
			pthread_cond_broadcast(&w->changed);
			pthread_mutex_unlock(&w->lock);
		}
	ozr_free(w->a->ctx, hold->shard);
	hold->shard = NULL;
	hold->n = 0;
	return rc;
}

/* --- overlaying -------------------------------------------------------------------- */

struct overlaying {
	const struct ozr_hold *hold;
	const struct ozr_plan *plan;
	const struct ozr_call *call;
};

/* What a chunk's slot holds, to the boxes of a job. */
struct giving {
	const struct ozr_chunk_job *j;
	const struct ozr_box *box;
	void *bytes;
};

static void give_box(void *arg, const struct ozr_run_box *part)
{
	const struct giving *v = arg;

	ozr_box_transfer(v->j->plan->grid, v->box, v->j->chunk, part, v->bytes, 0, OZR_TO_BOX);
}

/* The elements of a chunk between the first and the last that a box wants. */
static struct ozr_run_box span_of(const struct ozr_grid *g, const struct ozr_box *box,
				  const uint64_t *chunk)
{
	struct ozr_run_box part = {{0}, {0}};

	for (unsigned d = 0; d < g->rank; d++) {
		uint64_t origin = chunk[d] * g->chunk[d], first, end, a, b;
		ozr_box_range(box, d, origin, origin + g->chunk[d], &first, &end);
		if (first >= end)
			return part;
		a = ozr_box_at(box, d, first) - origin;
		b = ozr_box_at(box, d, end - 1) - origin;
		part.lo[d] = ozr_min_u64(a, b);
		part.hi[d] = ozr_max_u64(a, b) + 1;
	}
	return part;
}

static int give_raw(const struct ozr_chunk_job *j, struct ozr_writer *w, const struct ozr_raw *raw,
		    struct ozr_worker *worker, struct ozr_err *err)
{
	const struct ozr_grid *g = j->plan->grid;
	void *bytes = raw->bytes;

	if (raw->first) { /* pieces in the scratch file */
		bytes = ozr_worker_scratch(worker, OZR_SCRATCH_DECODED, g->elements * g->item, err);
		if (!bytes)
			return ozr_alloc_code(err);
		int rc = ozr_raw_overlay(w, raw, worker, bytes, err);
		if (rc)
			return rc;
	}
	for (size_t i = 0; i < j->job->count; i++) {
		struct giving v = {j, ozr_chunk_job_box(j, i), bytes};
		struct ozr_run_box part = span_of(g, v.box, j->chunk);
		ozr_coverage_each(g, raw->covered, &part, give_box, &v);
	}
	return OZR_OK;
}

static int give_encoded(const struct ozr_chunk_job *j, struct ozr_writer *w,
			const struct ozr_chunk_slot *c, struct ozr_worker *worker,
			struct ozr_err *err)
{
	const struct ozr_grid *g = j->plan->grid;
	void *bytes = ozr_worker_scratch(worker, OZR_SCRATCH_DECODED, g->elements * g->item, err);
	void *src = c->state == OZR_SLOT_SPOOLED
			    ? ozr_worker_scratch(worker, OZR_SCRATCH_ENCODED, c->length, err)
			    : c->u.bytes;
	int rc = OZR_OK;

	if (!bytes || !src)
		return ozr_alloc_code(err);
	if (c->state == OZR_SLOT_SPOOLED)
		rc = ozr_spool_get(w->spool, c->u.spooled, 0, src, (size_t)c->length, err);
	if (rc == OZR_OK)
		rc = ozr_chain_decode(g->leaf, worker, src, (size_t)c->length, bytes, err);
	if (rc == OZR_OK)
		ozr_chunk_job_give(j, bytes, 0, g->elements);
	return rc;
}

static int give_slot(const struct ozr_chunk_job *j, struct ozr_writer *w,
		     const struct ozr_chunk_slot *c, struct ozr_worker *worker, struct ozr_err *err)
{
	switch (c->state) {
	case OZR_SLOT_RAW:
		return give_raw(j, w, c->u.raw, worker, err);
	case OZR_SLOT_FILL:
		ozr_chunk_job_fill(j);
		return OZR_OK;
	case OZR_SLOT_ENCODED:
	case OZR_SLOT_SPOOLED:
		return give_encoded(j, w, c, worker, err);
	default: /* empty; nothing streams while it is held */
		return OZR_OK;
	}
}

static struct ozr_open_shard *held(const struct ozr_hold *hold, const uint64_t *coord)
{
	struct ozr_writer *w = hold->writer;

	pthread_mutex_lock(&w->lock);
	struct ozr_open_shard *s = ozr_writer_find(w, coord);
	pthread_mutex_unlock(&w->lock);
	/* one that came later holds what is being written at the same time */
	if (!s || !bsearch(&s, hold->shard, hold->n, sizeof(hold->shard[0]), by_address))
		return NULL;
	return s;
}

static int overlay_task(void *arg, size_t i, struct ozr_worker *worker, struct ozr_err *err)
{
	const struct overlaying *o = arg;
	struct ozr_writer *w = o->hold->writer;
	uint64_t coord[OZR_MAX_RANK];
	struct ozr_chunk_job j;

	ozr_plan_shard_at(o->plan, o->plan->job[i].shard, coord);
	struct ozr_open_shard *s = held(o->hold, coord);
	if (!s)
		return OZR_OK;
	struct ozr_chunk_slot *c = &s->slot[o->plan->job[i].inner];
	ozr_chunk_job_init(&j, w->a, o->plan, i);
	ozr_slot_seize(w, c);
	int rc = give_slot(&j, w, c, worker, err);
	pthread_mutex_lock(&w->lock);
	s->rereads += !j.whole && (c->state == OZR_SLOT_ENCODED || c->state == OZR_SLOT_SPOOLED);
	c->busy = 0;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	return ozr_chunk_job_context(&j, rc, err);
}

static int overlay_plan(void *arg, const struct ozr_plan *plan, struct ozr_err *err)
{
	struct overlaying *o = arg;

	o->plan = plan;
	return ozr_pool_for(o->hold->writer->a->ctx, o->call, plan->jobs, overlay_task, o, err);
}

int ozr_hold_overlay(const struct ozr_hold *hold, size_t n, const struct ozr_box *boxes,
		     const struct ozr_call *call, struct ozr_err *err)
{
	struct overlaying o = {hold, NULL, call};
	const struct ozr_array *a = hold->writer->a;

	return ozr_plan_each(a->ctx, &a->meta.grid, n, boxes, overlay_plan, &o, err);
}
