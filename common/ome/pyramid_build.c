/* SPDX-License-Identifier: MIT */
/*
 * Processing cells: statistics (level 0), encoding and writing, reducing into
 * the cells above, which may complete them, and so on. The list of complete
 * cells is worked off depth first, so that a thread holds few of them.
 */
#include "ome/pyramid_impl.h"

enum {
	DEFAULT_BUDGET = 256 << 20,
	LEAST_BUDGET = 64 << 10,
	CELL_BYTES = 1 << 20,     /* what small chunks are gathered to */
	DONE_CELLS_MAX = 1u << 28 /* larger images are built without a map of what came */
};

size_t ozr_call_budget(const struct ozr_call *call)
{
	const size_t asked = call && call->budget ? call->budget : (size_t)DEFAULT_BUDGET;
	return asked < LEAST_BUDGET ? (size_t)LEAST_BUDGET : asked;
}

int ozr_call_progress(const struct ozr_call *call, double fraction, struct ozr_err *err)
{
	if (call && call->cancelled && call->cancelled(call->user))
		return ozr_fail(err, OZR_CANCELLED, "cancelled");
	if (call && call->progress && call->progress(call->user, fraction))
		return ozr_fail(err, OZR_CANCELLED, "cancelled");
	return OZR_OK;
}

/* --- life ------------------------------------------------------------------ */

static int allocate(struct ozr_build *b, struct ozr_err *err)
{
	struct ozr_err mine;
	if (b->g.level[0].cells <= DONE_CELLS_MAX) {
		b->done = ozr_calloc(b->ctx, b->g.level[0].cells / 8 + 1, 1, &mine);
		if (!b->done)
			return ozr_fail(err, mine.code, "%s", mine.msg);
	}
	b->seen = ozr_calloc(b->ctx, b->img->stats_count, sizeof *b->seen, &mine);
	if (!b->seen)
		return ozr_fail(err, mine.code, "%s", mine.msg);
	return OZR_OK;
}

int ozr_build_new(struct ozr_image *img, unsigned first, unsigned levels, size_t budget,
		  struct ozr_build **out, struct ozr_err *err)
{
	struct ozr_err mine;
	struct ozr_build *b = ozr_calloc(img->ctx, 1, sizeof *b, &mine);
	if (!b)
		return ozr_fail(err, mine.code, "%s", mine.msg);
	b->img = img;
	b->ctx = img->ctx;
	b->write.threads = 1;
	b->write_budget = budget / 4;
	b->log_limit = budget / 8;
	b->direct_limit = budget / 2;
	b->upper_limit = budget / 4;
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->spilled, NULL);
	const size_t cell = budget / 64 < CELL_BYTES ? budget / 64 : CELL_BYTES;
	int rc = ozr_geometry_init_part(&b->g, img, first, levels, cell, 1, err);
	if (!rc)
		rc = ozr_pending_init(b, err);
	if (!rc)
		rc = allocate(b, err);
	if (!rc)
		rc = ozr_spool_new(b->ctx, &b->spool, err);
	if (rc)
		ozr_build_free(b);
	else
		*out = b;
	return rc;
}

void ozr_build_free(struct ozr_build *b)
{
	if (!b)
		return;
	struct ozr_ctx *ctx = b->ctx;
	ozr_pending_release(b);
	ozr_spool_free(b->spool);
	if (b->g.level)
		ozr_geometry_release(&b->g);
	ozr_free(ctx, b->done);
	ozr_free(ctx, b->seen);
	pthread_cond_destroy(&b->spilled);
	pthread_mutex_destroy(&b->lock);
	ozr_free(ctx, b);
}

/* --- one cell ---------------------------------------------------------------- */

static void take_range(struct ozr_build *b, const struct ozr_box *cell, uint64_t channel)
{
	const struct ozr_geometry *g = &b->g;
	const struct ozr_range_stats r =
		ozr_range_of(cell, g->rank, g->how.has_nodata ? g->how.nodata : NULL);
	pthread_mutex_lock(&b->lock);
	ozr_range_merge(&b->img->stats[channel], &r);
	b->seen[channel] += ozr_box_elements(cell, g->rank);
	pthread_mutex_unlock(&b->lock);
}

static void take_ranges(struct ozr_build *b, const struct ozr_box *cell)
{
	const int axis = b->img->channel_axis;
	if (b->img->stats_count == 0)
		return;
	if (axis < 0 || b->img->stats_count == 1) {
		take_range(b, cell, 0);
		return;
	}
	struct ozr_box one = *cell;
	one.count[axis] = 1;
	for (uint64_t i = 0; i < cell->count[axis]; i++) {
		const uint64_t channel = cell->start[axis] + i;
		one.data = (char *)cell->data + (int64_t)i * cell->stride[axis];
		if (channel < b->img->stats_count)
			take_range(b, &one, channel);
	}
}

/* Reduce the windows of `cell` that lie in one cell above: elements [start, start + count)
 * of that level. */
static int raise_part(struct ozr_build *b, unsigned level, const struct ozr_box *cell,
		      const uint64_t *at, const uint64_t *start, const uint64_t *count,
		      struct ozr_cell **ready, struct ozr_err *err)
{
	const struct ozr_geometry *g = &b->g;
	uint64_t from[OZR_MAX_RANK], n[OZR_MAX_RANK];
	struct ozr_room room;
	struct ozr_cell *complete;
	for (unsigned d = 0; d < g->rank; d++) {
		const unsigned f = g->level[level].factor[d];
		from[d] = start[d] * f;
		n[d] = ozr_min_u64(count[d] * f, cell->start[d] + cell->count[d] - from[d]);
	}
	const struct ozr_box part = ozr_box_part(cell, g->rank, from, n);
	int rc = ozr_pending_reserve(b, level + 1, at, start, count, &room, err);
	if (!rc)
		rc = ozr_reduce_level(g, level, &part, &room.to, err);
	if (!rc)
		rc = ozr_pending_arrived(b, &room, &complete, err);
	if (!rc && complete) {
		complete->next = *ready;
		*ready = complete;
	}
	return rc;
}

static int raise(struct ozr_build *b, unsigned level, const struct ozr_box *cell,
		 struct ozr_cell **ready, struct ozr_err *err)
{
	const struct ozr_geometry *g = &b->g;
	struct ozr_box up = {.dtype = cell->dtype};
	uint64_t at[OZR_MAX_RANK], first[OZR_MAX_RANK] = {0}, last[OZR_MAX_RANK];
	uint64_t start[OZR_MAX_RANK], count[OZR_MAX_RANK];
	int rc;
	for (unsigned d = 0; d < g->rank; d++) {
		const unsigned f = g->level[level].factor[d];
		up.start[d] = cell->start[d] / f;
		up.count[d] = ozr_ceil_div(cell->count[d], f);
	}
	ozr_cells_of(g, level + 1, &up, first, last);
	memcpy(at, first, sizeof at);
	do {
		ozr_cell_bounds(g, level + 1, at, start, count);
		ozr_box_cut(&up, g->rank, start, count);
		rc = raise_part(b, level, cell, at, start, count, ready, err);
	} while (!rc && ozr_odometer(at, first, last, g->rank));
	return rc;
}

int ozr_build_cell(struct ozr_build *b, unsigned level, const struct ozr_box *cell,
		   struct ozr_cell **ready, struct ozr_err *err)
{
	struct ozr_call write = b->write;
	write.budget = b->write_budget >> (level < 3 ? level + 1 : 4);
	if (b->g.first + level == 0)
		take_ranges(b, cell);
	int rc = OZR_OK;
	if (level > 0 || !b->stored)
		rc = ozr_array_write(b->g.level[level].array, 1, cell, &write, err);
	if (rc)
		return ozr_err_context(err, rc, "level %u", b->g.first + level);
	return level + 1 < b->g.levels ? raise(b, level, cell, ready, err) : OZR_OK;
}

/* --- lists of cells ---------------------------------------------------------- */

void ozr_build_drop(struct ozr_build *b, struct ozr_cell *list)
{
	while (list) {
		struct ozr_cell *c = list;
		list = c->next;
		ozr_cell_free(b, c);
	}
}

int ozr_build_process(struct ozr_build *b, struct ozr_cell *list, struct ozr_err *err)
{
	int rc = OZR_OK;
	while (list && !rc) {
		struct ozr_cell *c = list;
		list = c->next;
		rc = ozr_cell_load(b, c, err);
		if (!rc)
			rc = ozr_build_cell(b, c->level, &c->box, &list, err);
		ozr_cell_free(b, c);
	}
	ozr_build_drop(b, list);
	return rc;
}

/* --- feeding level 0 ----------------------------------------------------------- */

int ozr_build_whole(const struct ozr_build *b, const struct ozr_box *box, const uint64_t *at)
{
	uint64_t start[OZR_MAX_RANK], count[OZR_MAX_RANK];
	if (box->dtype != b->g.how.dtype)
		return 0;
	ozr_cell_bounds(&b->g, 0, at, start, count);
	for (unsigned d = 0; d < b->g.rank; d++)
		if (box->start[d] > start[d] || box->start[d] + box->count[d] < start[d] + count[d])
			return 0;
	return 1;
}

int ozr_build_feed(struct ozr_build *b, const struct ozr_box *box, const uint64_t *at,
		   struct ozr_cell **complete, struct ozr_err *err)
{
	uint64_t start[OZR_MAX_RANK], count[OZR_MAX_RANK];
	struct ozr_cell *ready = NULL;
	struct ozr_room room;
	int rc;
	*complete = NULL;
	ozr_cell_bounds(&b->g, 0, at, start, count);
	const int whole = ozr_build_whole(b, box, at);
	if (!whole)
		ozr_box_cut(box, b->g.rank, start, count);
	const struct ozr_box part = ozr_box_part(box, b->g.rank, start, count);
	if (whole) {
		rc = ozr_pending_whole(b, at, err);
		if (!rc)
			rc = ozr_build_cell(b, 0, &part, &ready, err);
		if (!rc)
			rc = ozr_build_process(b, ready, err);
		else
			ozr_build_drop(b, ready);
	} else {
		rc = ozr_pending_reserve(b, 0, at, start, count, &room, err);
		if (!rc)
			rc = ozr_box_copy(&b->g, &part, &room.to, err);
		if (!rc)
			rc = ozr_pending_arrived(b, &room, complete, err);
	}
	if (!rc)
		atomic_fetch_add(&b->fed, ozr_box_elements(&part, b->g.rank));
	return rc;
}
