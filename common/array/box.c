/* SPDX-License-Identifier: MIT */
/*
 * Boxes: checks, the arithmetic of stepped axes against chunk bounds, and the
 * copies between a box and the memory of a chunk.
 */
#include "array/copy_nd.h"
#include "array/plan.h"

#include <string.h>

void ozr_box_contiguous(struct ozr_box *box, unsigned rank)
{
	int64_t stride = (int64_t)ozr_dtype_size(box->dtype);

	for (unsigned d = rank; d-- > 0;) {
		box->stride[d] = stride;
		stride *= (int64_t)box->count[d];
	}
}

static int64_t step_of(const struct ozr_box *box, unsigned d)
{
	return box->step[d] ? box->step[d] : 1;
}

static uint64_t magnitude(int64_t v)
{
	return v < 0 ? (uint64_t)0 - (uint64_t)v : (uint64_t)v;
}

static int axis_inside(const struct ozr_box *box, unsigned d, uint64_t extent)
{
	uint64_t way;

	if (box->start[d] >= extent ||
	    ozr_ckd_mul(box->count[d] - 1, magnitude(box->step[d]), &way))
		return 0;
	if (box->step[d] == 0)
		way = box->count[d] - 1;
	return step_of(box, d) < 0 ? way <= box->start[d] : way < extent - box->start[d];
}

static int check_axis(const struct ozr_grid *g, const struct ozr_box *box, unsigned d,
		      enum ozr_box_use use, struct ozr_err *err)
{
	if (!axis_inside(box, d, g->shape[d]))
		return ozr_fail(err, OZR_BAD_ARG,
				"axis %u: start %llu, count %llu, step %lld leave the extent %llu",
				d, (unsigned long long)box->start[d],
				(unsigned long long)box->count[d], (long long)step_of(box, d),
				(unsigned long long)g->shape[d]);
	if (use == OZR_BOX_WRITE && step_of(box, d) != 1)
		return ozr_fail(err, OZR_BAD_ARG, "axis %u: writes have step 1, found %lld", d,
				(long long)box->step[d]);
	if (use == OZR_BOX_READ && box->stride[d] == 0 && box->count[d] > 1)
		return ozr_fail(err, OZR_BAD_ARG, "axis %u: stride 0 for %llu elements", d,
				(unsigned long long)box->count[d]);
	return OZR_OK;
}

int ozr_boxes_check(const struct ozr_grid *g, size_t n, const struct ozr_box *box,
		    enum ozr_box_use use, struct ozr_err *err)
{
	for (size_t i = 0; i < n; i++) {
		int empty = 0, rc = OZR_OK;
		if ((unsigned)box[i].dtype >= OZR_DTYPES)
			return ozr_fail(err, OZR_BAD_ARG, "box %zu: dtype %d is not known", i,
					(int)box[i].dtype);
		for (unsigned d = 0; d < g->rank; d++)
			empty |= box[i].count[d] == 0;
		if (empty)
			continue;
		if (!box[i].data && use != OZR_BOX_LOOK)
			return ozr_fail(err, OZR_BAD_ARG, "box %zu has no data", i);
		for (unsigned d = 0; rc == OZR_OK && d < g->rank; d++)
			rc = check_axis(g, &box[i], d, use, err);
		if (rc)
			return ozr_err_context(err, rc, "box %zu", i);
	}
	return OZR_OK;
}

void ozr_box_range(const struct ozr_box *box, unsigned d, uint64_t lo, uint64_t hi, uint64_t *first,
		   uint64_t *end)
{
	int64_t step = step_of(box, d);
	uint64_t start = box->start[d], a = 0, b = 0, by = magnitude(step);

	if (step > 0) {
		a = start >= lo ? 0 : (lo - start + by - 1) / by;
		b = start >= hi ? 0 : (hi - 1 - start) / by + 1;
	} else if (start >= lo) {
		a = start < hi ? 0 : (start - hi) / by + 1;
		b = (start - lo) / by + 1;
	}
	*end = ozr_min_u64(b, box->count[d]);
	*first = ozr_min_u64(a, *end);
}

uint64_t ozr_box_at(const struct ozr_box *box, unsigned d, uint64_t i)
{
	return box->start[d] + i * (uint64_t)step_of(box, d);
}

uint64_t ozr_box_wants(const struct ozr_grid *g, const struct ozr_box *box, const uint64_t *chunk)
{
	uint64_t n = 1, first, end;

	for (unsigned d = 0; d < g->rank; d++) {
		uint64_t lo = chunk[d] * g->chunk[d];
		ozr_box_range(box, d, lo, lo + g->chunk[d], &first, &end);
		n *= end - first;
	}
	return n;
}

void ozr_box_transfer(const struct ozr_grid *g, const struct ozr_box *box, const uint64_t *chunk,
		      const struct ozr_run_box *part, void *bytes, uint64_t skip,
		      enum ozr_direction direction)
{
	struct ozr_copy how = {.rank = g->rank};
	uint64_t element = 0;
	char *outside = box->data;

	for (unsigned d = 0; d < g->rank; d++) {
		uint64_t origin = chunk[d] * g->chunk[d], first, end;
		ozr_box_range(box, d, origin + part->lo[d], origin + part->hi[d], &first, &end);
		if (first >= end)
			return;
		uint64_t at = ozr_box_at(box, d, first);
		element += (at - origin) * g->mem_stride[d];
		outside += (ptrdiff_t)first * box->stride[d];
		how.count[d] = (size_t)(end - first);
		how.src_step[d] =
			(ptrdiff_t)((int64_t)(g->mem_stride[d] * g->item) * step_of(box, d));
		how.dst_step[d] = (ptrdiff_t)box->stride[d];
	}
	char *inside = (char *)bytes + (element - skip) * g->item;
	how.src_type = g->dtype;
	how.dst_type = box->dtype;
	if (direction == OZR_TO_BOX) {
		ozr_copy_nd(&how, inside, outside);
		return;
	}
	for (unsigned d = 0; d < g->rank; d++) {
		ptrdiff_t swap = how.src_step[d];
		how.src_step[d] = how.dst_step[d];
		how.dst_step[d] = swap;
	}
	how.src_type = box->dtype;
	how.dst_type = g->dtype;
	ozr_copy_nd(&how, outside, inside);
}

void ozr_box_fill(const struct ozr_grid *g, const struct ozr_box *box, const uint64_t *chunk)
{
	struct ozr_copy how = {.rank = g->rank, .src_type = box->dtype, .dst_type = box->dtype};
	unsigned char value[8];
	char *outside = box->data;

	/* converted once; a source without steps spreads it */
	ozr_convert(g->fill, g->dtype, 0, value, box->dtype, 0, 1);
	for (unsigned d = 0; d < g->rank; d++) {
		uint64_t lo = chunk[d] * g->chunk[d], first, end;
		ozr_box_range(box, d, lo, lo + g->chunk[d], &first, &end);
		outside += (ptrdiff_t)first * box->stride[d];
		how.count[d] = (size_t)(end - first);
		how.dst_step[d] = (ptrdiff_t)box->stride[d];
	}
	ozr_copy_nd(&how, value, outside);
}

char *ozr_box_direct(const struct ozr_grid *g, const struct ozr_box *box, const uint64_t *chunk)
{
	char *p = box->data;

	if (box->dtype != g->dtype || g->dtype == OZR_BOOL)
		return NULL;
	for (unsigned d = 0; d < g->rank; d++) {
		uint64_t origin = chunk[d] * g->chunk[d], first, end;
		ozr_box_range(box, d, origin, origin + g->chunk[d], &first, &end);
		if (end - first != g->chunk[d])
			return NULL;
		if (g->chunk[d] > 1 && (box->step[d] > 1 || box->step[d] < 0 ||
					box->stride[d] != (int64_t)(g->mem_stride[d] * g->item)))
			return NULL;
		p += (ptrdiff_t)first * box->stride[d];
	}
	/* codecs may want their elements aligned */
	return (uintptr_t)p % g->item == 0 ? p : NULL;
}
