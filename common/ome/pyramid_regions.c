/* SPDX-License-Identifier: MIT */
/*
 * Refresh: bring the levels above changed regions up to date, one level after
 * the other, each complete and published before the next one is read.
 */
#include "ome/pyramid_refresh.h"

/* The region of level + 1 above one of `level`; 0 when there is none. */
static int lift(const struct ozr_geometry *g, unsigned level, struct ozr_region *r)
{
	const struct ozr_build_level *l = &g->level[level];
	for (unsigned d = 0; d < g->rank; d++) {
		const uint64_t end = ozr_min_u64(
			ozr_ceil_div(r->start[d] + r->count[d], l->factor[d]), l[1].shape[d]);
		r->start[d] /= l->factor[d];
		if (r->start[d] >= end)
			return 0;
		r->count[d] = end - r->start[d];
	}
	return 1;
}

static void lift_all(const struct ozr_geometry *g, unsigned level, struct ozr_regions *regions)
{
	size_t kept = 0;
	for (size_t i = 0; i < regions->n; i++)
		if (lift(g, level, &regions->region[i]))
			regions->region[kept++] = regions->region[i];
	regions->n = kept;
}

/* Elements that will be written on all levels, counting what regions share more than once. */
static double work(const struct ozr_geometry *g, unsigned level, unsigned last,
		   const struct ozr_regions *regions)
{
	double all = 0;
	for (size_t i = 0; i < regions->n; i++) {
		struct ozr_region r = regions->region[i];
		for (unsigned n = level; n < last && lift(g, n, &r); n++) {
			double elements = 1;
			for (unsigned d = 0; d < g->rank; d++)
				elements *= (double)r.count[d];
			all += elements;
		}
	}
	return all;
}

static int refresh(const struct ozr_geometry *g, unsigned level, unsigned last,
		   struct ozr_regions *regions, const struct ozr_call *call, struct ozr_err *err)
{
	struct ozr_refresh_progress progress = {call, 0, work(g, level, last, regions)};
	int rc = ozr_call_progress(call, 0, err);
	if (!rc)
		rc = ozr_array_flush(g->level[level].array, call, err);
	for (; !rc && level < last; level++) {
		lift_all(g, level, regions);
		if (regions->n == 0)
			break;
		rc = ozr_refresh_step(g, level, regions, &progress, err);
	}
	return rc ? rc : ozr_call_progress(call, 1, err);
}

static int check_region(const struct ozr_geometry *g, unsigned level, const struct ozr_region *r,
			int *empty, struct ozr_err *err)
{
	*empty = 0;
	for (unsigned d = 0; d < g->rank; d++) {
		const uint64_t shape = g->level[level].shape[d];
		if (r->start[d] > shape || r->count[d] > shape - r->start[d])
			return ozr_fail(
				err, OZR_BAD_ARG,
				"refresh: axis %u: %llu elements from %llu on, the extent is %llu",
				d, (unsigned long long)r->count[d], (unsigned long long)r->start[d],
				(unsigned long long)shape);
		*empty |= r->count[d] == 0;
	}
	return OZR_OK;
}

/* regions NULL: one, all of the level. */
static int take_regions(const struct ozr_geometry *g, unsigned level, size_t n,
			const struct ozr_region *regions, struct ozr_regions *out,
			struct ozr_err *err)
{
	int rc = OZR_OK, empty;
	if (!regions)
		n = 1;
	out->region = ozr_calloc(g->ctx, n ? n : 1, sizeof *out->region, err);
	if (!out->region)
		return err && err->code == OZR_LIMIT ? OZR_LIMIT : OZR_NO_MEMORY;
	for (size_t i = 0; i < n && !rc; i++) {
		struct ozr_region *r = &out->region[out->n];
		if (regions)
			*r = regions[i];
		else
			memcpy(r->count, g->level[level].shape, sizeof r->count);
		rc = check_region(g, level, r, &empty, err);
		for (unsigned d = 0; d < g->rank; d++)
			if (ozr_is_whole(g, d)) {
				r->start[d] = 0;
				r->count[d] = g->level[level].shape[d];
			}
		out->n += !empty;
	}
	return rc;
}

static int refresh_image(struct ozr_image *img, unsigned level, unsigned last, size_t n,
			 const struct ozr_region *regions, const struct ozr_call *call,
			 struct ozr_err *err)
{
	struct ozr_regions list = {NULL, 0};
	struct ozr_geometry g;
	struct ozr_err local;
	if (err == NULL)
		err = &local;
	if (level >= img->info.levels)
		return ozr_fail(err, OZR_BAD_ARG, "refresh: level %u, the image has %u", level,
				img->info.levels);
	if (last == 0 || last >= img->info.levels)
		last = img->info.levels - 1;
	if (level >= last)
		return ozr_call_progress(call, 1, err);
	ozr_ctx_enter(img->ctx);
	int rc = ozr_image_owned(img, err);
	if (!rc)
		rc = ozr_geometry_init(&g, img, 0, 0, err);
	if (rc)
		return ozr_err_context(err, rc, "refresh");
	rc = take_regions(&g, level, n, regions, &list, err);
	if (!rc)
		rc = list.n == 0 ? ozr_call_progress(call, 1, err)
				 : refresh(&g, level, last, &list, call, err);
	ozr_free(g.ctx, list.region);
	ozr_geometry_release(&g);
	return rc;
}

int ozr_pyramid_refresh_regions(struct ozr_image *img, unsigned level, unsigned last, size_t n,
				const struct ozr_region *regions, const struct ozr_call *call,
				struct ozr_err *err)
{
	static const struct ozr_region none;
	return refresh_image(img, level, last, n, n ? regions : &none, call, err);
}

int ozr_pyramid_refresh(struct ozr_image *img, unsigned level, const uint64_t *start,
			const uint64_t *count, const struct ozr_call *call, struct ozr_err *err)
{
	struct ozr_region r;
	if (!start)
		return refresh_image(img, level, 0, 1, NULL, call, err);
	for (unsigned d = 0; d < OZR_MAX_RANK; d++) { /* the caller's may be as short as the rank */
		r.start[d] = d < img->info.rank ? start[d] : 0;
		r.count[d] = d < img->info.rank ? count[d] : 0;
	}
	return refresh_image(img, level, 0, 1, &r, call, err);
}
