/* SPDX-License-Identifier: MIT */
/*
 * Between the files of the reduction kernels. A box is reduced line by line:
 * a line is one row of output elements along the last axis, made from the
 * input rows that its windows take along all other axes. Within a window the
 * elements are visited in C order, which fixes the sums of floats bit by bit.
 */
#ifndef OZR_OME_REDUCE_IMPL_H
#define OZR_OME_REDUCE_IMPL_H

#include <string.h>

#include "ozr/pyramid.h"

/* The largest window that sums are exact for (32-bit elements in 64-bit sums). */
#define OZR_WINDOW_MAX ((uint64_t)1 << 31)

struct ozr_line {
	const struct ozr_reduce *how;
	const char *src;            /* first element of the first input row */
	char *dst;                  /* first output element */
	size_t n;                   /* output elements */
	uint64_t width;             /* input elements in a row: the last window may be cut */
	unsigned factor;            /* along the row */
	int64_t src_step, dst_step; /* bytes between elements of a row */
	/* The other axes: how many rows a window takes along each (cut at the edge). */
	unsigned axes;
	unsigned extent[OZR_MAX_RANK];
	int64_t stride[OZR_MAX_RANK];
	uint64_t rows; /* product of the extents */
};

/* First element of input row i, rows counted in C order. */
static inline const char *ozr_line_row(const struct ozr_line *l, uint64_t i)
{
	const char *p = l->src;
	for (unsigned d = l->axes; d-- > 0 && i > 0;) {
		p += (int64_t)(i % l->extent[d]) * l->stride[d];
		i /= l->extent[d];
	}
	return p;
}

/* How many elements of a row the window of output i takes. */
static inline unsigned ozr_line_window(const struct ozr_line *l, size_t i)
{
	uint64_t rest = l->width - (uint64_t)i * l->factor;
	return rest < l->factor ? (unsigned)rest : l->factor;
}

/* The mean, for any factor, stride and type; outputs [first, l->n). */
void ozr_reduce_mean(const struct ozr_line *l, size_t first);
/* The mean by vector code: how many outputs from the start of the line were made (0: not
 * a case for it). */
size_t ozr_reduce_mean_fast(const struct ozr_line *l);
void ozr_reduce_mode(const struct ozr_line *l);
/* Can the mean of this type be weighted? */
int ozr_reduce_weighs(enum ozr_dtype t);
/* The mean, each element weighted by the one to_weight bytes behind it. */
void ozr_reduce_weighted(const struct ozr_line *l, int64_t to_weight);

#endif
