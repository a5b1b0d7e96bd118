/* SPDX-License-Identifier: MIT */
/*
 * The order of import: shard after shard of the array, so that each is
 * complete soon and what waits stays small, whatever the order in the file.
 * Tiles are looked up a row of a shard at a time and handed to the pool in
 * batches; between batches the caller hears of progress and may stop.
 */
#include "tiff/import.h"

#include <inttypes.h>

#include "base/ckd.h"
#include "base/ctx.h"
#include "base/mem.h"
#include "ozr/store.h"

enum { BATCH = 1024 }; /* tiles */

struct batch {
	struct ozr_importing *im;
	size_t n;
	uint64_t seen; /* tiles of all batches */
	struct ozr_import_tile tile[BATCH];
	struct ozr_range range[BATCH];
};

static int report(const struct ozr_importing *im, double fraction, struct ozr_err *err)
{
	const struct ozr_call *call = im->call;

	if (call && ((call->cancelled && call->cancelled(call->user)) ||
		     (call->progress && call->progress(call->user, fraction))))
		return ozr_fail(err, OZR_CANCELLED, "cancelled");
	ozr_ctx_enter(im->t->ctx); /* the host may have forked in there */
	return OZR_OK;
}

static int import_one(void *arg, size_t i, struct ozr_worker *worker, struct ozr_err *err)
{
	struct batch *b = arg;
	int rc = ozr_import_tile(b->im, &b->tile[i], worker, err);

	return rc ? ozr_err_context(err, rc, "tile %" PRIu64, b->tile[i].number) : OZR_OK;
}

static int run_batch(struct batch *b, struct ozr_err *err)
{
	struct ozr_importing *im = b->im;
	const struct ozr_store *from = im->t->store;
	unsigned width =
		im->call && im->call->threads ? im->call->threads : ozr_ctx_threads(im->t->ctx);

	if ((from->caps & OZR_STORE_REMOTE) && from->io_width > width)
		width = from->io_width;
	for (size_t i = 0; i < b->n; i++)
		b->range[i] = b->tile[i].at;
	ozr_object_advise(im->t->file, b->n, b->range);
	int rc = ozr_pool_for_wide(im->t->ctx, im->call, width, b->n, import_one, b, err);
	b->n = 0;
	if (rc == OZR_OK)
		rc = report(im, (double)b->seen / (double)im->page.tiles, err);
	return rc;
}

/* n tiles of a row, at most BATCH. */
static int add_run(struct batch *b, uint64_t plane, uint64_t y, uint64_t x, size_t n,
		   struct ozr_err *err)
{
	struct ozr_importing *im = b->im;
	const uint64_t first = (plane * im->down + y) * im->across + x;
	int rc = b->n + n > BATCH ? run_batch(b, err) : OZR_OK;

	if (rc == OZR_OK)
		rc = ozr_tiff_tiles(im->t, im->what->page, im->what->sub, first, n, b->range, err);
	for (size_t i = 0; rc == OZR_OK && i < n; i++) {
		const struct ozr_import_tile tile = {first + i, plane, y, x + i, b->range[i]};
		b->seen++;
		if (tile.at.length)
			b->tile[b->n++] = tile;
		else
			atomic_fetch_add(&im->missing, 1);
	}
	return rc;
}

/* The tiles [lo, hi) along plane, y and x: those of a shard. */
static int add_shard(struct batch *b, const uint64_t lo[3], const uint64_t hi[3],
		     struct ozr_err *err)
{
	int rc = OZR_OK;

	for (uint64_t p = lo[0]; rc == OZR_OK && p < hi[0]; p++)
		for (uint64_t y = lo[1]; rc == OZR_OK && y < hi[1]; y++)
			for (uint64_t x = lo[2]; rc == OZR_OK && x < hi[2]; x += BATCH)
				rc = add_run(b, p, y, x, (size_t)ozr_min_u64(hi[2] - x, BATCH),
					     err);
	return rc;
}

static int walk(struct batch *b, const uint64_t step[3], struct ozr_err *err)
{
	const struct ozr_importing *im = b->im;
	const uint64_t all[3] = {im->planes, im->down, im->across};
	uint64_t lo[3] = {0}, hi[3];
	int rc = OZR_OK;

	for (lo[0] = 0; rc == OZR_OK && lo[0] < all[0]; lo[0] += step[0])
		for (lo[1] = 0; rc == OZR_OK && lo[1] < all[1]; lo[1] += step[1])
			for (lo[2] = 0; rc == OZR_OK && lo[2] < all[2]; lo[2] += step[2]) {
				for (int k = 0; k < 3; k++)
					hi[k] = lo[k] + ozr_min_u64(step[k], all[k] - lo[k]);
				rc = add_shard(b, lo, hi, err);
			}
	return rc ? rc : run_batch(b, err);
}

int ozr_import_walk(struct ozr_importing *im, struct ozr_err *err)
{
	const struct ozr_array_info *info = &im->info;
	const struct ozr_import *w = im->what;
	uint64_t step[3] = {1, info->shard[w->y_axis] / info->chunk[w->y_axis],
			    info->shard[w->x_axis] / info->chunk[w->x_axis]};

	if (im->planes > 1) /* a chunk of one sample each */
		step[0] = info->shard[w->channel_axis];
	/* one long row: the runs of several shards are looked up at once */
	if (step[0] == 1 && step[1] == 1)
		step[2] = ozr_max_u64(step[2], BATCH / step[2] * step[2]);
	struct batch *b = ozr_calloc(im->t->ctx, 1, sizeof(*b), err);
	if (!b)
		return ozr_alloc_code(err);
	b->im = im;
	int rc = report(im, 0, err);
	if (rc == OZR_OK)
		rc = walk(b, step, err);
	ozr_free(im->t->ctx, b);
	return rc;
}
