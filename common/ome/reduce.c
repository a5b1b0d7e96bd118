/* SPDX-License-Identifier: MIT */
/*
 * Reducing a box: argument checks, the walk over its lines, and the method
 * "nearest". The rules are those of tensorstore's downsample driver: windows
 * start at the box's first element and hold what lies inside; a box with all
 * factors 1 is a copy. Pure functions: no memory, no locks.
 */
#include "base/ckd.h"
#include "ome/reduce_impl.h"

static int check(const struct ozr_reduce *how, struct ozr_err *err)
{
	uint64_t window = 1;
	if (how->rank == 0 || how->rank > OZR_MAX_RANK)
		return ozr_fail(err, OZR_BAD_ARG, "reduce: rank must be 1 to %d, found %u",
				OZR_MAX_RANK, how->rank);
	if ((unsigned)how->dtype >= OZR_DTYPES)
		return ozr_fail(err, OZR_BAD_ARG, "reduce: unknown data type %d", (int)how->dtype);
	if (how->method != OZR_MEAN && how->method != OZR_NEAREST && how->method != OZR_MODE)
		return ozr_fail(err, OZR_BAD_ARG, "reduce: unknown method %d", (int)how->method);
	if (how->has_weight &&
	    (how->weight_axis + 1 >= how->rank || how->factor[how->weight_axis] != 1 ||
	     how->weight >= how->count[how->weight_axis] || !ozr_reduce_weighs(how->dtype)))
		return ozr_fail(err, OZR_BAD_ARG,
				"reduce: type %s cannot be weighted by element %llu of axis %u",
				ozr_dtype_name(how->dtype), (unsigned long long)how->weight,
				how->weight_axis);
	for (unsigned d = 0; d < how->rank; d++) {
		if (how->factor[d] == 0)
			return ozr_fail(err, OZR_BAD_ARG, "reduce: factor of axis %u is 0", d);
		if (ozr_ckd_mul(window, ozr_min_u64(how->factor[d], how->count[d]), &window) ||
		    window > OZR_WINDOW_MAX)
			return ozr_fail(err, OZR_LIMIT,
					"reduce: windows of more than 2^31 elements");
	}
	return OZR_OK;
}

/* Copies the first element of each window; the size is a constant in each caller. */
static inline void pick_first(const struct ozr_line *l, size_t size)
{
	const int64_t step = l->src_step * (int64_t)l->factor;
	const char *p = l->src;
	char *q = l->dst;
	for (size_t i = 0; i < l->n; i++, p += step, q += l->dst_step)
		memcpy(q, p, size);
}

static void nearest(const struct ozr_line *l)
{
	const unsigned size = ozr_dtype_size(l->how->dtype);
	if (l->factor == 1 && l->src_step == (int64_t)size && l->dst_step == (int64_t)size)
		memcpy(l->dst, l->src, l->n * size);
	else if (size == 1)
		pick_first(l, 1);
	else if (size == 2)
		pick_first(l, 2);
	else if (size == 4)
		pick_first(l, 4);
	else
		pick_first(l, 8);
}

static void mean(const struct ozr_line *l, const uint64_t *at)
{
	const struct ozr_reduce *how = l->how;
	if (how->has_weight && at[how->weight_axis] != how->weight) {
		const int64_t away = (int64_t)how->weight - (int64_t)at[how->weight_axis];
		ozr_reduce_weighted(l, away * how->src_stride[how->weight_axis]);
		return;
	}
	size_t done = ozr_reduce_mean_fast(l);
	if (done < l->n)
		ozr_reduce_mean(l, done);
}

/* The walk over the lines. */
struct walk {
	uint64_t at[OZR_MAX_RANK];  /* output position along each outer axis */
	uint64_t out[OZR_MAX_RANK]; /* output extents */
};

static void set_extent(struct ozr_line *l, const struct walk *w, unsigned d)
{
	const uint64_t rest = l->how->count[d] - w->at[d] * l->how->factor[d];
	l->extent[d] = (unsigned)ozr_min_u64(rest, l->how->factor[d]);
}

/* Step to the next line in C order; 0 at the end. */
static int next_line(struct ozr_line *l, struct walk *w)
{
	const struct ozr_reduce *how = l->how;
	unsigned d = l->axes;
	while (d-- > 0) {
		const int64_t in = how->src_stride[d] * (int64_t)how->factor[d];
		if (++w->at[d] < w->out[d]) {
			l->src += in;
			l->dst += how->dst_stride[d];
			set_extent(l, w, d);
			break;
		}
		l->src -= in * (int64_t)(w->out[d] - 1);
		l->dst -= how->dst_stride[d] * (int64_t)(w->out[d] - 1);
		w->at[d] = 0;
		set_extent(l, w, d);
	}
	if (d == UINT32_MAX)
		return 0;
	l->rows = 1;
	for (d = 0; d < l->axes; d++)
		l->rows *= l->extent[d];
	return 1;
}

static void first_line(struct ozr_line *l, struct walk *w)
{
	const struct ozr_reduce *how = l->how;
	const unsigned last = how->rank - 1;
	l->n = (size_t)ozr_ceil_div(how->count[last], how->factor[last]);
	l->width = how->count[last];
	l->factor = how->factor[last];
	l->src_step = how->src_stride[last];
	l->dst_step = how->dst_stride[last];
	l->axes = last;
	l->rows = 1;
	for (unsigned d = 0; d < last; d++) {
		w->out[d] = ozr_ceil_div(how->count[d], how->factor[d]);
		w->at[d] = 0;
		l->stride[d] = how->src_stride[d];
		set_extent(l, w, d);
		l->rows *= l->extent[d];
	}
}

int ozr_reduce_box(const struct ozr_reduce *how, const void *src, void *dst, struct ozr_err *err)
{
	struct ozr_line line = {.how = how, .src = src, .dst = dst};
	struct walk walk;
	int copy = 1;
	int rc = check(how, err);
	if (rc)
		return rc;
	for (unsigned d = 0; d < how->rank; d++) {
		if (how->count[d] == 0)
			return OZR_OK;
		copy &= how->factor[d] == 1;
	}
	first_line(&line, &walk);
	do {
		if (copy || how->method == OZR_NEAREST)
			nearest(&line);
		else if (how->method == OZR_MODE)
			ozr_reduce_mode(&line);
		else
			mean(&line, walk.at);
	} while (next_line(&line, &walk));
	return OZR_OK;
}
