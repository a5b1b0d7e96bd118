/* SPDX-License-Identifier: MIT */
/*
 * Strided n-d copies. A copy is first brought into a simple form (no axes of
 * one element, adjacent axes joined where both sides run on, the axis with the
 * smallest destination step innermost), then run as rows.
 */
#include "array/copy_nd.h"
#include "array/dtype.h"

#include <string.h>

struct axis {
	size_t count;
	ptrdiff_t src, dst;
};

static size_t magnitude(ptrdiff_t v)
{
	return v < 0 ? (size_t)0 - (size_t)v : (size_t)v;
}

/* Axes in the order in which the destination is laid out, slowest first. */
static unsigned sorted_axes(const struct ozr_copy *how, struct axis *axis)
{
	unsigned n = 0;

	for (unsigned d = 0; d < how->rank; d++) {
		struct axis a = {how->count[d], how->src_step[d], how->dst_step[d]};
		if (a.count == 1)
			continue;
		unsigned at = n++;
		while (at > 0 && magnitude(axis[at - 1].dst) < magnitude(a.dst)) {
			axis[at] = axis[at - 1];
			at--;
		}
		axis[at] = a;
	}
	return n;
}

/* Join neighbours that run on from one into the other on both sides. */
static unsigned join_axes(struct axis *axis, unsigned n)
{
	unsigned out = 0;

	for (unsigned d = 1; d < n; d++) {
		struct axis *a = &axis[out], *b = &axis[d];
		if (a->src == b->src * (ptrdiff_t)b->count &&
		    a->dst == b->dst * (ptrdiff_t)b->count) {
			b->count *= a->count;
			*a = *b;
		} else {
			axis[++out] = *b;
		}
	}
	return n ? out + 1 : 0;
}

/* Rows of a few elements (interleaved samples) cost more than a strided walk. */
static void lengthen_rows(struct axis *axis, unsigned n)
{
	if (n < 2 || axis[n - 1].count >= 16 || axis[n - 2].count <= axis[n - 1].count)
		return;
	struct axis swap = axis[n - 1];
	axis[n - 1] = axis[n - 2];
	axis[n - 2] = swap;
}

enum row_kind { STRIDED, DENSE, SPREAD };

static enum row_kind kind_of(const struct ozr_copy *how, const struct axis *row)
{
	ptrdiff_t item = (ptrdiff_t)ozr_dtype_size(how->dst_type);

	if (how->src_type != how->dst_type || row->dst != item)
		return STRIDED;
	if (row->src == 0)
		return SPREAD;
	/* bool is never copied raw: what is read is 0 or 1 */
	return row->src == item && how->src_type != OZR_BOOL ? DENSE : STRIDED;
}

static void copy_row(const struct ozr_copy *how, const struct axis *row, enum row_kind kind,
		     const char *src, char *dst)
{
	unsigned item = ozr_dtype_size(how->src_type);

	if (kind == DENSE)
		memcpy(dst, src, row->count * item);
	else if (kind == SPREAD)
		ozr_fill_memory(dst, (const unsigned char *)src, item, row->count);
	else
		ozr_convert(src, how->src_type, row->src, dst, how->dst_type, row->dst, row->count);
}

void ozr_copy_nd(const struct ozr_copy *how, const void *src, void *dst)
{
	struct axis axis[OZR_MAX_RANK + 1];
	size_t at[OZR_MAX_RANK] = {0};
	const char *s = src;
	char *t = dst;

	for (unsigned d = 0; d < how->rank; d++)
		if (how->count[d] == 0)
			return;
	unsigned n = join_axes(axis, sorted_axes(how, axis));
	lengthen_rows(axis, n);
	if (n == 0)
		axis[n++] = (struct axis){1, (ptrdiff_t)ozr_dtype_size(how->src_type),
					  (ptrdiff_t)ozr_dtype_size(how->dst_type)};
	const struct axis *row = &axis[n - 1];
	enum row_kind kind = kind_of(how, row);

	for (;;) {
		copy_row(how, row, kind, s, t);
		unsigned d = n - 1;
		for (;;) {
			if (d == 0)
				return;
			d--;
			s += axis[d].src;
			t += axis[d].dst;
			if (++at[d] < axis[d].count)
				break;
			s -= axis[d].src * (ptrdiff_t)axis[d].count;
			t -= axis[d].dst * (ptrdiff_t)axis[d].count;
			at[d] = 0;
		}
	}
}
