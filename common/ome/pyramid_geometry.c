/* SPDX-License-Identifier: MIT */
/*
 * Levels, factors and cells of an image, and the arithmetic of boxes on them.
 * All sums and products of extents that can overflow are checked here once;
 * below this file boxes lie inside their level.
 */
#include "ome/pyramid_impl.h"
#include "ome/reduce_impl.h"

uint64_t ozr_lcm_below(uint64_t a, uint64_t b, uint64_t most)
{
	uint64_t x = a, y = b, lcm;
	while (y) {
		const uint64_t r = x % y;
		x = y;
		y = r;
	}
	if (ozr_ckd_mul(a / x, b, &lcm) || lcm > most)
		return most;
	return lcm;
}

int ozr_odometer(uint64_t *at, const uint64_t *first, const uint64_t *last, unsigned rank)
{
	for (unsigned d = rank; d-- > 0;) {
		if (at[d] < last[d]) {
			at[d]++;
			return 1;
		}
		at[d] = first[d];
	}
	return 0;
}

uint64_t ozr_box_elements(const struct ozr_box *box, unsigned rank)
{
	uint64_t n = 1;
	for (unsigned d = 0; d < rank; d++)
		n *= box->count[d];
	return n;
}

struct ozr_box ozr_box_part(const struct ozr_box *box, unsigned rank, const uint64_t *start,
			    const uint64_t *count)
{
	struct ozr_box part = *box;
	unsigned char *data = box->data;
	for (unsigned d = 0; d < rank; d++) {
		data += (int64_t)(start[d] - box->start[d]) * box->stride[d];
		part.start[d] = start[d];
		part.count[d] = count[d];
	}
	part.data = data;
	return part;
}

void ozr_box_cut(const struct ozr_box *box, unsigned rank, uint64_t *start, uint64_t *count)
{
	for (unsigned d = 0; d < rank; d++) {
		const uint64_t end =
			ozr_min_u64(start[d] + count[d], box->start[d] + box->count[d]);
		start[d] = ozr_max_u64(start[d], box->start[d]);
		count[d] = end - start[d];
	}
}

void ozr_cell_bounds(const struct ozr_geometry *g, unsigned level, const uint64_t *at,
		     uint64_t *start, uint64_t *count)
{
	const struct ozr_build_level *l = &g->level[level];
	for (unsigned d = 0; d < g->rank; d++) {
		start[d] = at[d] * l->cell[d];
		count[d] = ozr_min_u64(l->cell[d], l->shape[d] - start[d]);
	}
}

void ozr_cells_of(const struct ozr_geometry *g, unsigned level, const struct ozr_box *box,
		  uint64_t *first, uint64_t *last)
{
	const struct ozr_build_level *l = &g->level[level];
	for (unsigned d = 0; d < g->rank; d++) {
		first[d] = box->start[d] / l->cell[d];
		last[d] = (box->start[d] + box->count[d] - 1) / l->cell[d];
	}
}

int ozr_box_copy(const struct ozr_geometry *g, const struct ozr_box *from, const struct ozr_box *to,
		 struct ozr_err *err)
{
	const unsigned last = g->rank - 1;
	const uint64_t none[OZR_MAX_RANK] = {0};
	uint64_t at[OZR_MAX_RANK] = {0}, end[OZR_MAX_RANK];
	if (from->dtype == to->dtype) {
		/* All factors 1: a strided copy. */
		struct ozr_reduce how = {
			.method = OZR_NEAREST, .dtype = from->dtype, .rank = g->rank};
		for (unsigned d = 0; d < g->rank; d++) {
			how.count[d] = from->count[d];
			how.factor[d] = 1;
			how.src_stride[d] = from->stride[d];
			how.dst_stride[d] = to->stride[d];
		}
		return ozr_reduce_box(&how, from->data, to->data, err);
	}
	for (unsigned d = 0; d < last; d++)
		end[d] = from->count[d] - 1;
	do {
		const char *src = from->data;
		char *dst = to->data;
		for (unsigned d = 0; d < last; d++) {
			src += (int64_t)at[d] * from->stride[d];
			dst += (int64_t)at[d] * to->stride[d];
		}
		ozr_convert(src, from->dtype, from->stride[last], dst, to->dtype, to->stride[last],
			    (size_t)from->count[last]);
	} while (ozr_odometer(at, none, end, last));
	return OZR_OK;
}

int ozr_reduce_level(const struct ozr_geometry *g, unsigned level, const struct ozr_box *from,
		     const struct ozr_box *to, struct ozr_err *err)
{
	struct ozr_reduce how = g->how;
	for (unsigned d = 0; d < g->rank; d++) {
		how.count[d] = from->count[d];
		how.factor[d] = g->level[level].factor[d];
		how.src_stride[d] = from->stride[d];
		how.dst_stride[d] = to->stride[d];
	}
	return ozr_reduce_box(&how, from->data, to->data, err);
}

static uint64_t cell_size(const struct ozr_geometry *g, const struct ozr_build_level *l)
{
	uint64_t bytes;
	return ozr_ckd_product(l->cell, g->rank, g->size, &bytes) ? UINT64_MAX : bytes;
}

/* Chunks can be small; cells that are small too would cost more in handling than in work.
 * Grow them along the reduced axes, the last one first. */
static void grow_cells(const struct ozr_geometry *g, struct ozr_build_level *l, uint64_t wanted)
{
	for (int grown = 1; grown && cell_size(g, l) < wanted;) {
		grown = 0;
		for (unsigned d = g->rank; d-- > 0 && cell_size(g, l) < wanted;) {
			if (l->factor[d] == 1 || l->cell[d] >= l->shape[d])
				continue;
			l->cell[d] = ozr_min_u64(2 * l->cell[d], l->shape[d]);
			grown = 1;
		}
	}
}

static int make_cells(const struct ozr_geometry *g, struct ozr_build_level *l, uint64_t wanted,
		      struct ozr_err *err)
{
	for (unsigned d = 0; d < g->rank; d++)
		l->cell[d] = ozr_is_whole(g, d)
				     ? l->shape[d]
				     : ozr_lcm_below(l->chunk[d], l->factor[d], l->shape[d]);
	grow_cells(g, l, wanted);
	if (cell_size(g, l) > PTRDIFF_MAX / 4)
		return ozr_fail(err, OZR_LIMIT,
				"chunks and factors have no common multiple that fits into memory");
	for (unsigned d = 0; d < g->rank; d++)
		l->grid[d] = ozr_ceil_div(l->shape[d], l->cell[d]);
	if (ozr_ckd_product(l->grid, g->rank, 1, &l->cells))
		return ozr_fail(err, OZR_LIMIT, "the number of chunks overflows 64 bits");
	return OZR_OK;
}

/* Is `above` what windows of `factor` make of `below`? */
static int fits(uint64_t below, unsigned factor, uint64_t above, int exact)
{
	if (factor == 0)
		return 0;
	return above == ozr_ceil_div(below, factor) || (!exact && above == below / factor);
}

static int check_step(const struct ozr_geometry *g, const struct ozr_image *img, unsigned level,
		      int exact, struct ozr_err *err)
{
	const struct ozr_build_level *l = &g->level[level - 1];
	for (unsigned d = 0; d < g->rank; d++) {
		const unsigned f = img->level[g->first + level].factor[d];
		if (fits(l->shape[d], f, l[1].shape[d], exact))
			continue;
		return ozr_fail(err, OZR_UNSUPPORTED,
				"level %u: /shape/%u is %llu, but windows of %u make %llu of %llu",
				g->first + level, d, (unsigned long long)l[1].shape[d], f,
				(unsigned long long)(f ? ozr_ceil_div(l->shape[d], f) : 0),
				(unsigned long long)l->shape[d]);
	}
	return OZR_OK;
}

static int take_level(struct ozr_geometry *g, struct ozr_image *img, unsigned level, int exact,
		      struct ozr_err *err)
{
	struct ozr_build_level *l = &g->level[level];
	const unsigned of = g->first + level; /* in the image */
	struct ozr_array_info info;
	l->array = img->level[of].array;
	ozr_array_get_info(l->array, &info);
	if (info.rank != g->rank || info.dtype != g->how.dtype)
		return ozr_fail(err, OZR_UNSUPPORTED,
				"level %u has type %s and %u axes, not %s and %u", of,
				ozr_dtype_name(info.dtype), info.rank, ozr_dtype_name(g->how.dtype),
				g->rank);
	for (unsigned d = 0; d < g->rank; d++) {
		if (info.shape[d] == 0)
			return ozr_fail(err, OZR_UNSUPPORTED, "level %u: /shape/%u is 0", of, d);
		l->shape[d] = info.shape[d];
		l->chunk[d] = info.chunk[d];
		l->shard[d] = info.shard[d];
		l->factor[d] = 1;
		if (level + 1 < g->levels && info.shape[d] > 1)
			l->factor[d] = img->level[of + 1].factor[d];
	}
	return level ? check_step(g, img, level, exact, err) : OZR_OK;
}

/* Alpha: only where it changes anything, and can. */
static void take_weight(struct ozr_geometry *g, const struct ozr_image *img,
			const struct ozr_array_info *info)
{
	const int axis = img->channel_axis;
	if (img->alpha == 0 || axis < 0 || (unsigned)axis + 1 >= info->rank ||
	    img->alpha > info->shape[axis] || img->method != OZR_MEAN ||
	    !ozr_reduce_weighs(info->dtype))
		return;
	g->how.has_weight = 1;
	g->how.weight_axis = (unsigned)axis;
	g->how.weight = img->alpha - 1;
}

int ozr_geometry_init(struct ozr_geometry *g, struct ozr_image *img, uint64_t cell_bytes, int exact,
		      struct ozr_err *err)
{
	return ozr_geometry_init_part(g, img, 0, img->info.levels, cell_bytes, exact, err);
}

int ozr_geometry_init_part(struct ozr_geometry *g, struct ozr_image *img, unsigned first,
			   unsigned levels, uint64_t cell_bytes, int exact, struct ozr_err *err)
{
	struct ozr_err mine;
	struct ozr_array_info info;
	int rc = OZR_OK;
	ozr_array_get_info(img->level[first].array, &info);
	*g = (struct ozr_geometry){.ctx = img->ctx,
				   .rank = info.rank,
				   .first = first,
				   .levels = levels,
				   .size = ozr_dtype_size(info.dtype)};
	g->how = (struct ozr_reduce){.method = img->method,
				     .dtype = info.dtype,
				     .rank = info.rank,
				     .has_nodata = img->has_nodata};
	memcpy(g->how.nodata, img->nodata, sizeof g->how.nodata);
	take_weight(g, img, &info);
	memcpy(g->fill, info.fill, sizeof g->fill);
	if (ozr_ckd_product(info.shape, info.rank, 1, &g->elements) ||
	    g->elements > UINT64_MAX / 16)
		return ozr_fail(err, OZR_LIMIT, "the number of elements overflows 64 bits");
	g->level = ozr_calloc(g->ctx, g->levels, sizeof *g->level, &mine);
	if (!g->level)
		return ozr_fail(err, mine.code, "%s", mine.msg);
	for (unsigned i = 0; i < g->levels && !rc; i++)
		rc = take_level(g, img, i, exact, err);
	for (unsigned i = 0; i < g->levels && !rc; i++) {
		rc = make_cells(g, &g->level[i], cell_bytes, err);
		if (rc)
			ozr_err_context(err, rc, "level %u", first + i);
	}
	if (rc)
		ozr_geometry_release(g);
	return rc;
}

void ozr_geometry_release(struct ozr_geometry *g)
{
	ozr_free(g->ctx, g->level);
	g->level = NULL;
}
