/* SPDX-License-Identifier: MIT */
/*
 * Push: the caller brings boxes, from any threads and in any order; the first
 * one makes the build, which stays with the image until finish, commit or
 * close. Cells that finish finds incomplete are made whole by the fill value,
 * level by level from below.
 *
 * What was never pushed is fill on every level, because a window of fill is
 * fill: exactly so for integers, but not for sums of every float. Where it is
 * not, the cells that nobody touched are processed like the others.
 */
#include "ome/pyramid_impl.h"

enum { LARGEST_WINDOW = 4096 };

/* Is the mean of any number of fill values, up to a window, the fill value? */
static int fill_is_stable(const struct ozr_geometry *g, unsigned level)
{
	unsigned char fill[LARGEST_WINDOW * 8], out[8];
	struct ozr_reduce how = g->how;
	uint64_t window = 1;
	if (how.dtype != OZR_FLOAT32 && how.dtype != OZR_FLOAT64)
		return 1;
	for (unsigned d = 0; d < g->rank; d++)
		if (ozr_ckd_mul(window, g->level[level].factor[d], &window) ||
		    window > LARGEST_WINDOW)
			return 0;
	for (size_t i = 0; i < LARGEST_WINDOW; i++)
		memcpy(fill + i * g->size, g->fill, g->size);
	how.rank = 1;
	how.factor[0] = LARGEST_WINDOW;
	how.src_stride[0] = how.dst_stride[0] = g->size;
	for (uint64_t n = 1; n <= window; n++) {
		how.count[0] = n;
		if (ozr_reduce_box(&how, fill, out, NULL) || memcmp(out, g->fill, g->size) != 0)
			return 0;
	}
	return 1;
}

/* --- finish ------------------------------------------------------------------------- */

struct cell_list {
	struct ozr_build *b;
	struct ozr_cell **cell;
	size_t n;
};

static int process_one(void *arg, size_t i, struct ozr_worker *w, struct ozr_err *err)
{
	struct cell_list *list = arg;
	struct ozr_cell *c = list->cell[i];
	(void)w;
	list->cell[i] = NULL;
	return ozr_build_process(list->b, c, err);
}

/* Process what waits on one level, missing elements being fill. */
static int finish_level(struct ozr_build *b, unsigned level, const struct ozr_call *call,
			struct ozr_err *err)
{
	struct ozr_err mine;
	struct cell_list list = {.b = b};
	struct ozr_cell *c, *taken = ozr_pending_take(b, level);
	for (c = taken; c; c = c->next)
		list.n++;
	if (list.n == 0)
		return OZR_OK;
	list.cell = ozr_calloc(b->ctx, list.n, sizeof(*list.cell), &mine);
	if (!list.cell) {
		ozr_build_drop(b, taken);
		return ozr_fail(err, mine.code, "%s", mine.msg);
	}
	for (size_t i = 0; taken; i++) {
		list.cell[i] = taken;
		taken = taken->next;
		list.cell[i]->next = NULL;
	}
	int rc = ozr_pool_for(b->ctx, call, list.n, process_one, &list, err);
	for (size_t i = 0; i < list.n; i++)
		if (list.cell[i])
			ozr_cell_free(b, list.cell[i]);
	ozr_free(b->ctx, list.cell);
	return rc;
}

/* Open every cell of level 0 that nobody touched, and process it. */
static int process_untouched(struct ozr_build *b, const struct ozr_call *call, struct ozr_err *err)
{
	const struct ozr_build_level *l = &b->g.level[0];
	uint64_t at[OZR_MAX_RANK] = {0}, last[OZR_MAX_RANK];
	const uint64_t none[OZR_MAX_RANK] = {0};
	int rc = OZR_OK;
	if (!b->done)
		return ozr_fail(err, OZR_LIMIT,
				"%llu cells with a fill value that is no mean of itself",
				(unsigned long long)l->cells);
	for (unsigned d = 0; d < b->g.rank; d++)
		last[d] = l->grid[d] - 1;
	do {
		struct ozr_cell *c;
		if (ozr_pending_is_done(b, at))
			continue;
		rc = ozr_call_progress(call, 0, err);
		if (!rc)
			rc = ozr_pending_empty(b, at, &c, err);
		if (!rc)
			rc = ozr_build_process(b, c, err);
	} while (!rc && ozr_odometer(at, none, last, b->g.rank));
	return rc;
}

/* Channels that miss elements have the fill value among their values. */
static void range_of_missing(struct ozr_build *b)
{
	const struct ozr_geometry *g = &b->g;
	struct ozr_box one = {.data = b->g.fill, .dtype = g->how.dtype};
	for (unsigned d = 0; d < g->rank; d++)
		one.count[d] = 1;
	const struct ozr_range_stats fill =
		ozr_range_of(&one, g->rank, g->how.has_nodata ? g->how.nodata : NULL);
	for (uint64_t i = 0; i < b->img->stats_count; i++)
		if (b->seen[i] < g->elements / b->img->stats_count)
			ozr_range_merge(&b->img->stats[i], &fill);
}

static int finish(struct ozr_build *b, const struct ozr_call *call, struct ozr_err *err)
{
	int rc = OZR_OK, stable = 1;
	for (unsigned i = 0; i + 1 < b->g.levels; i++)
		stable &= fill_is_stable(&b->g, i);
	for (unsigned i = 0; i < b->g.levels && !rc; i++) {
		rc = finish_level(b, i, call, err);
		if (!rc && i == 0 && !stable && atomic_load(&b->fed) < b->g.elements)
			rc = process_untouched(b, call, err);
	}
	if (!rc)
		range_of_missing(b);
	return rc;
}

static void free_build(struct ozr_image *img)
{
	ozr_build_free(img->build);
	img->build = NULL;
}

int ozr_pyramid_finish(struct ozr_image *img, const struct ozr_call *call, struct ozr_err *err)
{
	struct ozr_build *b = __atomic_load_n(&img->build, __ATOMIC_ACQUIRE);
	if (!b)
		return OZR_OK;
	ozr_ctx_enter(img->ctx);
	int rc = ozr_image_owned(img, err);
	if (rc)
		return ozr_err_context(err, rc, "finish");
	rc = atomic_load(&b->failed);
	if (rc)
		return ozr_fail(err, rc, "an earlier step of building it has failed");
	rc = finish(b, call, err);
	if (rc)
		return ozr_build_failed(img, b, rc);
	free_build(img);
	return OZR_OK;
}

/* What is there stays until close, so that nobody takes the image for complete. */
int ozr_build_failed(struct ozr_image *img, struct ozr_build *b, int rc)
{
	int none = OZR_OK;
	atomic_compare_exchange_strong(&b->failed, &none, rc);
	img->build_finish = ozr_pyramid_finish;
	img->build_free = free_build;
	img->build = b;
	return rc;
}

/* --- push --------------------------------------------------------------------------- */

static int get_build(struct ozr_image *img, const struct ozr_call *call, struct ozr_build **out,
		     struct ozr_err *err)
{
	struct ozr_build *b = __atomic_load_n(&img->build, __ATOMIC_ACQUIRE);
	void *none = NULL;
	if (!b) {
		int rc = ozr_build_new(img, 0, img->info.levels, ozr_call_budget(call), &b, err);
		if (rc)
			return rc;
		b->prefill = 1;
		if (__atomic_compare_exchange_n(&img->build, &none, (void *)b, 0, __ATOMIC_ACQ_REL,
						__ATOMIC_ACQUIRE)) {
			/* Read by commit and close only, which no push may accompany. */
			__atomic_store_n(&img->build_finish, ozr_pyramid_finish, __ATOMIC_RELEASE);
			__atomic_store_n(&img->build_free, free_build, __ATOMIC_RELEASE);
		} else {
			ozr_build_free(b);
			b = none;
		}
	}
	*out = b;
	return OZR_OK;
}

static int check_box(const struct ozr_geometry *g, const struct ozr_box *box, struct ozr_err *err)
{
	if ((unsigned)box->dtype >= OZR_DTYPES)
		return ozr_fail(err, OZR_BAD_ARG, "unknown data type %d", (int)box->dtype);
	for (unsigned d = 0; d < g->rank; d++) {
		const uint64_t shape = g->level[0].shape[d];
		if (box->step[d] != 0 && box->step[d] != 1)
			return ozr_fail(err, OZR_BAD_ARG, "axis %u: step %lld, must be 1", d,
					(long long)box->step[d]);
		if (box->start[d] > shape || box->count[d] > shape - box->start[d])
			return ozr_fail(err, OZR_BAD_ARG,
					"axis %u: %llu elements from %llu on, the extent is %llu",
					d, (unsigned long long)box->count[d],
					(unsigned long long)box->start[d],
					(unsigned long long)shape);
	}
	return OZR_OK;
}

struct push {
	struct ozr_build *b;
	const struct ozr_box *box;
	uint64_t first[OZR_MAX_RANK], last[OZR_MAX_RANK];
};

static int push_cell(void *arg, size_t i, struct ozr_worker *w, struct ozr_err *err)
{
	const struct push *p = arg;
	uint64_t at[OZR_MAX_RANK], rest = i;
	struct ozr_cell *complete;
	(void)w;
	for (unsigned d = p->b->g.rank; d-- > 0;) {
		const uint64_t n = p->last[d] - p->first[d] + 1;
		at[d] = p->first[d] + rest % n;
		rest /= n;
	}
	int rc = ozr_build_feed(p->b, p->box, at, &complete, err);
	return !rc && complete ? ozr_build_process(p->b, complete, err) : rc;
}

int ozr_pyramid_push(struct ozr_image *img, const struct ozr_box *box, const struct ozr_call *call,
		     struct ozr_err *err)
{
	struct push p = {.box = box};
	uint64_t cells = 1;
	ozr_ctx_enter(img->ctx);
	int rc = ozr_image_owned(img, err);
	if (!rc)
		rc = get_build(img, call, &p.b, err);
	if (!rc && atomic_load(&p.b->failed))
		rc = ozr_fail(err, atomic_load(&p.b->failed),
			      "an earlier step of building it has failed");
	if (!rc)
		rc = check_box(&p.b->g, box, err);
	if (rc)
		return ozr_err_context(err, rc, "push");
	for (unsigned d = 0; d < p.b->g.rank; d++)
		if (box->count[d] == 0)
			return OZR_OK;
	ozr_cells_of(&p.b->g, 0, box, p.first, p.last);
	for (unsigned d = 0; d < p.b->g.rank; d++)
		cells *= p.last[d] - p.first[d] + 1;
	rc = ozr_pool_for(img->ctx, call, (size_t)cells, push_cell, &p, err);
	if (rc) {
		int none = OZR_OK;
		atomic_compare_exchange_strong(&p.b->failed, &none, rc);
	}
	return rc;
}
