/* SPDX-License-Identifier: MIT */
/*
 * Partly covered chunks: elements wait in memory or, when the budget is taken,
 * piece by piece in the scratch file, until the bitmap says that all are there
 * or somebody flushes. Pieces are applied in the order in which they came.
 */
#include "array/writer.h"

#include <string.h>

enum { MANY_SPILLS = 1024 }; /* then they are made one */

static uint64_t raw_bytes(const struct ozr_grid *g)
{
	return g->elements * g->item;
}

static void spilled_free(struct ozr_writer *w, struct ozr_spilled *p)
{
	while (p) {
		struct ozr_spilled *next = p->next;
		ozr_spool_drop(w->spool, p->value);
		ozr_free(w->a->ctx, p);
		p = next;
	}
}

void ozr_raw_free(struct ozr_writer *w, struct ozr_raw *raw)
{
	if (!raw)
		return;
	if (raw->bytes)
		w->raw -= raw_bytes(&w->a->meta.grid);
	spilled_free(w, raw->first);
	ozr_free(w->a->ctx, raw->covered);
	ozr_free(w->a->ctx, raw->bytes);
	ozr_free(w->a->ctx, raw);
}

static struct ozr_raw *raw_new(struct ozr_writer *w, int in_memory, struct ozr_err *err)
{
	const struct ozr_grid *g = &w->a->meta.grid;
	struct ozr_raw *raw = ozr_calloc(w->a->ctx, 1, sizeof(*raw), err);

	if (!raw)
		return NULL;
	raw->last = &raw->first;
	raw->covered = ozr_calloc(w->a->ctx, 1, ozr_coverage_bytes(g->elements), err);
	if (raw->covered && in_memory)
		raw->bytes = ozr_alloc(w->a->ctx, raw_bytes(g), err);
	if (raw->covered && (raw->bytes || !in_memory))
		return raw;
	ozr_free(w->a->ctx, raw->covered);
	ozr_free(w->a->ctx, raw);
	return NULL;
}

/* Lock held; become a user of a slot that is raw, which an empty one is made. */
static int use_raw(struct ozr_writer *w, struct ozr_chunk_slot *c, int *settled,
		   struct ozr_err *err)
{
	uint64_t bytes = raw_bytes(&w->a->meta.grid);

	while (c->busy)
		pthread_cond_wait(&w->changed, &w->lock);
	if (c->state == OZR_SLOT_EMPTY) {
		int in_memory = w->raw + bytes <= w->budget / 4 * 3;
		c->busy = 1;
		w->raw += in_memory ? bytes : 0;
		pthread_mutex_unlock(&w->lock);
		struct ozr_raw *raw = raw_new(w, in_memory, err);
		pthread_mutex_lock(&w->lock);
		c->busy = 0;
		pthread_cond_broadcast(&w->changed);
		if (!raw) {
			w->raw -= in_memory ? bytes : 0;
			return ozr_alloc_code(err);
		}
		c->state = OZR_SLOT_RAW;
		c->u.raw = raw;
	}
	if (c->state != OZR_SLOT_RAW) { /* completed since the caller looked */
		*settled = 1;
		return OZR_OK;
	}
	c->users++;
	return OZR_OK;
}

/* The part of a chunk that a box covers. */
static struct ozr_run_box part_of(const struct ozr_grid *g, const struct ozr_box *box,
				  const uint64_t *chunk)
{
	struct ozr_run_box part = {{0}, {0}};

	for (unsigned d = 0; d < g->rank; d++) {
		uint64_t origin = chunk[d] * g->chunk[d], first, end;
		ozr_box_range(box, d, origin, origin + g->chunk[d], &first, &end);
		part.lo[d] = box->start[d] + first - origin;
		part.hi[d] = part.lo[d] + (end - first);
	}
	return part;
}

/* The geometry of the same chunk with the elements of part dense in memory; *skip: where its
 * first one would be. */
static void dense_grid(const struct ozr_grid *g, const struct ozr_run_box *part,
		       struct ozr_grid *out, uint64_t *skip, uint64_t *elements)
{
	uint64_t stride = 1;

	*out = *g;
	*skip = 0;
	for (unsigned k = g->rank; k-- > 0;) {
		unsigned d = g->mem_axis[k];
		out->mem_stride[d] = stride;
		*skip += part->lo[d] * stride;
		stride *= part->hi[d] - part->lo[d];
	}
	*elements = stride;
}

static int spill(struct ozr_writer *w, struct ozr_raw *raw, const struct ozr_box *box,
		 const uint64_t *chunk, struct ozr_worker *worker, struct ozr_err *err)
{
	struct ozr_spilled *p;
	struct ozr_grid dense;
	uint64_t skip, elements;
	void *bytes;

	p = ozr_calloc(w->a->ctx, 1, sizeof(*p), err);
	if (!p)
		return ozr_alloc_code(err);
	p->box = part_of(&w->a->meta.grid, box, chunk);
	dense_grid(&w->a->meta.grid, &p->box, &dense, &skip, &elements);
	bytes = ozr_worker_scratch(worker, OZR_SCRATCH_DECODED, elements * dense.item, err);
	int rc = bytes ? OZR_OK : ozr_alloc_code(err);
	if (rc == OZR_OK) {
		ozr_box_transfer(&dense, box, chunk, &p->box, bytes, skip, OZR_FROM_BOX);
		rc = ozr_spool_put(w->spool, bytes, (size_t)(elements * dense.item), &p->value,
				   err);
	}
	if (rc) {
		ozr_free(w->a->ctx, p);
		return rc;
	}
	pthread_mutex_lock(&w->lock);
	*raw->last = p;
	raw->last = &p->next;
	raw->spills++;
	pthread_mutex_unlock(&w->lock);
	return OZR_OK;
}

/* The slot is busy for us: one value instead of many. */
static int compact(struct ozr_writer *w, struct ozr_raw *raw, struct ozr_worker *worker,
		   struct ozr_err *err)
{
	const struct ozr_grid *g = &w->a->meta.grid;
	struct ozr_spilled *old = raw->first;
	struct ozr_spilled *p = ozr_calloc(w->a->ctx, 1, sizeof(*p), err);
	void *bytes = ozr_worker_scratch(worker, OZR_SCRATCH_DECODED, raw_bytes(g), err);

	if (!p || !bytes) {
		ozr_free(w->a->ctx, p);
		return ozr_alloc_code(err);
	}
	memset(bytes, 0, (size_t)raw_bytes(g));
	int rc = ozr_raw_overlay(w, raw, worker, bytes, err);
	if (rc == OZR_OK)
		rc = ozr_spool_put(w->spool, bytes, (size_t)raw_bytes(g), &p->value, err);
	if (rc) {
		ozr_free(w->a->ctx, p);
		return rc;
	}
	p->masked = 1;
	raw->first = p;
	raw->last = &p->next;
	raw->spills = 1;
	spilled_free(w, old);
	return OZR_OK;
}

static int copy_pieces(struct ozr_writer *w, struct ozr_raw *raw, const struct ozr_plan *plan,
		       const struct ozr_job *job, const uint64_t *chunk, struct ozr_worker *worker,
		       struct ozr_err *err)
{
	int rc = OZR_OK;

	for (size_t i = 0; rc == OZR_OK && i < job->count; i++) {
		const struct ozr_box *box = &plan->box[plan->piece[job->first + i].box];
		struct ozr_run_box part = part_of(plan->grid, box, chunk);
		if (raw->bytes)
			ozr_box_transfer(plan->grid, box, chunk, &part, raw->bytes, 0,
					 OZR_FROM_BOX);
		else
			rc = spill(w, raw, box, chunk, worker, err);
	}
	return rc;
}

int ozr_raw_add(struct ozr_writer *w, struct ozr_chunk_slot *c, const struct ozr_plan *plan,
		const struct ozr_job *job, const uint64_t *chunk, struct ozr_worker *worker,
		int *complete, int *settled, struct ozr_err *err)
{
	uint64_t extent[OZR_MAX_RANK], valid = ozr_grid_valid(plan->grid, chunk, extent);
	int crowded = 0;

	*complete = 0;
	*settled = 0;
	pthread_mutex_lock(&w->lock);
	int rc = use_raw(w, c, settled, err);
	struct ozr_raw *raw = c->u.raw;
	pthread_mutex_unlock(&w->lock);
	if (rc || *settled)
		return rc;
	rc = copy_pieces(w, raw, plan, job, chunk, worker, err);
	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; rc == OZR_OK && i < job->count; i++) {
		const struct ozr_box *box = &plan->box[plan->piece[job->first + i].box];
		struct ozr_run_box part = part_of(plan->grid, box, chunk);
		raw->count += ozr_coverage_mark(plan->grid, raw->covered, &part);
	}
	c->users--;
	if (rc == OZR_OK && c->users == 0 && !c->busy) {
		*complete = raw->count == valid;
		crowded = !*complete && raw->spills > MANY_SPILLS;
		c->busy = *complete || crowded;
	}
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	if (crowded) {
		rc = compact(w, raw, worker, err);
		pthread_mutex_lock(&w->lock);
		c->busy = 0;
		pthread_cond_broadcast(&w->changed);
		pthread_mutex_unlock(&w->lock);
	}
	return rc;
}

/* One value of the scratch file over base. */
static int overlay_spilled(struct ozr_writer *w, const struct ozr_raw *raw,
			   const struct ozr_spilled *p, struct ozr_worker *worker, char *base,
			   struct ozr_err *err)
{
	static const uint64_t origin[OZR_MAX_RANK];
	const struct ozr_grid *g = &w->a->meta.grid;
	struct ozr_box box = {.dtype = g->dtype};
	struct ozr_grid dense;
	uint64_t skip, elements = g->elements;

	if (!p->masked)
		dense_grid(g, &p->box, &dense, &skip, &elements);
	/* DECODED is the caller's base */
	void *bytes = ozr_worker_scratch(worker, OZR_SCRATCH_ENCODED, elements * g->item, err);
	if (!bytes)
		return ozr_alloc_code(err);
	int rc = ozr_spool_get(w->spool, p->value, 0, bytes, (size_t)(elements * g->item), err);
	if (rc)
		return rc;
	if (p->masked) {
		ozr_coverage_overlay(raw->covered, elements, g->item, bytes, base);
		return OZR_OK;
	}
	for (unsigned d = 0; d < g->rank; d++) {
		box.start[d] = p->box.lo[d];
		box.count[d] = p->box.hi[d] - p->box.lo[d];
		box.stride[d] = (int64_t)(dense.mem_stride[d] * g->item);
	}
	box.data = bytes;
	ozr_box_transfer(g, &box, origin, &p->box, base, 0, OZR_FROM_BOX);
	return OZR_OK;
}

int ozr_raw_overlay(struct ozr_writer *w, const struct ozr_raw *raw, struct ozr_worker *worker,
		    void *base, struct ozr_err *err)
{
	const struct ozr_grid *g = &w->a->meta.grid;
	int rc = OZR_OK;

	if (raw->bytes)
		ozr_coverage_overlay(raw->covered, g->elements, g->item, raw->bytes, base);
	for (const struct ozr_spilled *p = raw->first; rc == OZR_OK && p; p = p->next)
		rc = overlay_spilled(w, raw, p, worker, base, err);
	return rc;
}
