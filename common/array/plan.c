/* SPDX-License-Identifier: MIT */
/*
 * The planner. A region is bisected until the pieces in it are few enough and
 * its shards can be numbered in 64 bits; after each cut it shrinks to what the
 * boxes really touch, so that two far corners do not span the space between.
 */
#include "array/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { MAX_PIECES = 128 * 1024 };

struct planner {
	struct ozr_ctx *ctx;
	const struct ozr_grid *grid;
	size_t boxes;
	const struct ozr_box *box;
	int (*fn)(void *arg, const struct ozr_plan *plan, struct ozr_err *err);
	void *arg;
};

struct region {
	uint64_t lo[OZR_MAX_RANK], hi[OZR_MAX_RANK];
};

/* The chunks along one axis that a box touches within a region: dense, or, for steps
 * beyond a chunk, one for each element. */
struct axis_chunks {
	uint64_t n;
	uint64_t first; /* chunk coordinate (dense), else index of the element */
	int sparse;
};

static struct axis_chunks chunks_along(const struct planner *p, const struct ozr_box *box,
				       unsigned d, const struct region *r)
{
	const struct ozr_grid *g = p->grid;
	struct axis_chunks c = {0};
	uint64_t first, end;
	/* the region may reach beyond the array, and so beyond 64 bits */
	uint64_t lo = r->lo[d] * g->shard[d];
	uint64_t hi = r->hi[d] > g->shape[d] / g->shard[d] ? g->shape[d] : r->hi[d] * g->shard[d];
	int64_t step = box->step[d] ? box->step[d] : 1;

	ozr_box_range(box, d, lo, hi, &first, &end);
	if (first >= end)
		return c;
	c.sparse = step > (int64_t)g->chunk[d] || step < -(int64_t)g->chunk[d];
	if (c.sparse) {
		c.first = first;
		c.n = end - first;
		return c;
	}
	uint64_t a = (box->start[d] + first * (uint64_t)step) / g->chunk[d];
	uint64_t b = (box->start[d] + (end - 1) * (uint64_t)step) / g->chunk[d];
	c.first = ozr_min_u64(a, b);
	c.n = ozr_max_u64(a, b) - c.first + 1;
	return c;
}

static uint64_t chunk_number(const struct planner *p, const struct ozr_box *box, unsigned d,
			     const struct axis_chunks *c, uint64_t i)
{
	if (!c->sparse)
		return c->first + i;
	return (box->start[d] + (c->first + i) * (uint64_t)box->step[d]) / p->grid->chunk[d];
}

/* Pieces in a region, at most MAX_PIECES + 1; shrinks to fit the boxes. */
static uint64_t count_pieces(const struct planner *p, const struct region *r, struct region *fit)
{
	const struct ozr_grid *g = p->grid;
	struct region f;
	uint64_t total = 0;

	for (unsigned d = 0; d < g->rank; d++) {
		f.lo[d] = UINT64_MAX;
		f.hi[d] = 0;
	}
	for (size_t i = 0; i < p->boxes; i++) {
		uint64_t n = 1, lo[OZR_MAX_RANK], hi[OZR_MAX_RANK];
		for (unsigned d = 0; d < g->rank && n; d++) {
			struct axis_chunks c = chunks_along(p, &p->box[i], d, r);
			if (c.n == 0 || ozr_ckd_mul(n, c.n, &n))
				n = c.n ? MAX_PIECES + 1 : 0;
			if (n == 0)
				break;
			uint64_t a = chunk_number(p, &p->box[i], d, &c, 0) / g->inner[d];
			uint64_t b = chunk_number(p, &p->box[i], d, &c, c.n - 1) / g->inner[d];
			lo[d] = ozr_min_u64(a, b);
			hi[d] = ozr_max_u64(a, b) + 1;
		}
		for (unsigned d = 0; d < g->rank && n; d++) {
			f.lo[d] = ozr_min_u64(f.lo[d], lo[d]);
			f.hi[d] = ozr_max_u64(f.hi[d], hi[d]);
		}
		total = ozr_min_u64(total + ozr_min_u64(n, MAX_PIECES + 1), MAX_PIECES + 1);
	}
	*fit = f;
	return total;
}

static int by_place(const void *x, const void *y)
{
	const struct ozr_piece *a = x, *b = y;

	if (a->shard != b->shard)
		return a->shard < b->shard ? -1 : 1;
	if (a->inner != b->inner)
		return a->inner < b->inner ? -1 : 1;
	return a->box < b->box ? -1 : a->box > b->box;
}

static void add_pieces(const struct planner *p, const struct region *r, size_t box,
		       struct ozr_plan *plan)
{
	const struct ozr_grid *g = p->grid;
	struct axis_chunks c[OZR_MAX_RANK];
	uint64_t at[OZR_MAX_RANK] = {0}, chunk[OZR_MAX_RANK];

	for (unsigned d = 0; d < g->rank; d++) {
		c[d] = chunks_along(p, &p->box[box], d, r);
		if (c[d].n == 0)
			return;
		chunk[d] = chunk_number(p, &p->box[box], d, &c[d], 0);
	}
	for (;;) {
		struct ozr_piece *piece = &plan->piece[plan->pieces++];
		piece->shard = 0;
		for (unsigned d = 0; d < g->rank; d++)
			piece->shard = piece->shard * (r->hi[d] - r->lo[d]) +
				       (chunk[d] / g->inner[d] - r->lo[d]);
		piece->inner = ozr_grid_inner(g, chunk);
		piece->box = box;
		unsigned d = g->rank;
		do {
			if (d == 0)
				return;
			d--;
			at[d] = at[d] + 1 < c[d].n ? at[d] + 1 : 0;
			chunk[d] = chunk_number(p, &p->box[box], d, &c[d], at[d]);
		} while (at[d] == 0);
	}
}

static void group_jobs(struct ozr_plan *plan)
{
	int sorted = 1;

	for (size_t i = 1; i < plan->pieces && sorted; i++)
		sorted = by_place(&plan->piece[i - 1], &plan->piece[i]) <= 0;
	if (!sorted)
		qsort(plan->piece, plan->pieces, sizeof(plan->piece[0]), by_place);
	for (size_t i = 0; i < plan->pieces; i++) {
		const struct ozr_piece *piece = &plan->piece[i];
		struct ozr_job *job = plan->jobs ? &plan->job[plan->jobs - 1] : NULL;
		if (job && job->shard == piece->shard && job->inner == piece->inner)
			job->count++;
		else
			plan->job[plan->jobs++] =
				(struct ozr_job){i, 1, piece->shard, piece->inner};
	}
}

static int run_plan(const struct planner *p, const struct region *r, size_t pieces,
		    struct ozr_err *err)
{
	struct ozr_plan plan = {.ctx = p->ctx, .grid = p->grid, .boxes = p->boxes, .box = p->box};
	int rc = OZR_NO_MEMORY;

	memcpy(plan.lo, r->lo, sizeof(plan.lo));
	memcpy(plan.hi, r->hi, sizeof(plan.hi));
	plan.piece = ozr_alloc(p->ctx, pieces * sizeof(plan.piece[0]), err);
	plan.job = plan.piece ? ozr_alloc(p->ctx, pieces * sizeof(plan.job[0]), err) : NULL;
	if (plan.job) {
		for (size_t i = 0; i < p->boxes; i++)
			add_pieces(p, r, i, &plan);
		group_jobs(&plan);
		rc = p->fn(p->arg, &plan, err);
	}
	ozr_free(p->ctx, plan.piece);
	ozr_free(p->ctx, plan.job);
	return rc;
}

/* The axis to cut: the slowest one with more than one shard; rank when there is none. */
static unsigned cut_axis(const struct ozr_grid *g, const struct region *r)
{
	unsigned d = 0;

	while (d < g->rank && r->hi[d] - r->lo[d] <= 1)
		d++;
	return d;
}

static int plan_region(const struct planner *p, const struct region *given, struct ozr_err *err)
{
	struct region r, half;
	uint64_t pieces = count_pieces(p, given, &r), shards = 1;
	int overflow = 0;

	if (pieces == 0)
		return OZR_OK;
	for (unsigned d = 0; d < p->grid->rank; d++)
		overflow |= ozr_ckd_mul(shards, r.hi[d] - r.lo[d], &shards);
	unsigned d = cut_axis(p->grid, &r);
	if (d < p->grid->rank && (overflow || pieces > MAX_PIECES)) {
		uint64_t middle = r.lo[d] + (r.hi[d] - r.lo[d]) / 2;
		half = r;
		half.hi[d] = middle;
		int rc = plan_region(p, &half, err);
		if (rc)
			return rc;
		half = r;
		half.lo[d] = middle;
		return plan_region(p, &half, err);
	}
	if (pieces > MAX_PIECES) { /* within one shard: its chunks are bounded by a limit */
		pieces = 0;
		for (size_t i = 0; i < p->boxes; i++) {
			uint64_t n = 1;
			for (unsigned k = 0; k < p->grid->rank; k++)
				n *= chunks_along(p, &p->box[i], k, &r).n;
			pieces += n;
		}
	}
	return run_plan(p, &r, pieces, err);
}

int ozr_plan_each(struct ozr_ctx *ctx, const struct ozr_grid *g, size_t n,
		  const struct ozr_box *box,
		  int (*fn)(void *arg, const struct ozr_plan *plan, struct ozr_err *err), void *arg,
		  struct ozr_err *err)
{
	struct planner p = {ctx, g, n, box, fn, arg};
	struct region all;

	for (unsigned d = 0; d < g->rank; d++) {
		all.lo[d] = 0;
		all.hi[d] = ozr_ceil_div(g->shape[d], g->shard[d]);
	}
	return plan_region(&p, &all, err);
}

void ozr_plan_shard_at(const struct ozr_plan *p, uint64_t shard, uint64_t *coord)
{
	for (unsigned d = p->grid->rank; d-- > 0;) {
		uint64_t extent = p->hi[d] - p->lo[d];
		coord[d] = p->lo[d] + shard % extent;
		shard /= extent;
	}
}
