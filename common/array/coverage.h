/* SPDX-License-Identifier: MIT */
/*
 * Which elements of a chunk have been written: one bit per element, in memory
 * order.
 */
#ifndef OZR_ARRAY_COVERAGE_H
#define OZR_ARRAY_COVERAGE_H

#include "array/grid.h"

uint64_t ozr_coverage_bytes(uint64_t elements);
/* Mark a box of the chunk; returns how many of its elements were not marked before. */
uint64_t ozr_coverage_mark(const struct ozr_grid *g, unsigned char *bits,
			   const struct ozr_run_box *box);
/* Copy the marked elements from src to dst. */
void ozr_coverage_overlay(const unsigned char *bits, uint64_t elements, unsigned item,
			  const void *src, void *dst);

/* Call fn with boxes that together are the marked elements of `part`. */
void ozr_coverage_each(const struct ozr_grid *g, const unsigned char *bits,
		       const struct ozr_run_box *part,
		       void (*fn)(void *arg, const struct ozr_run_box *box), void *arg);

#endif
