/* SPDX-License-Identifier: MIT */
/*
 * Copying a strided n-d box of elements to another one, with conversion by
 * ozr_convert()'s rules. Steps are in bytes and may be negative or zero (source
 * only). Axes are dropped, joined and reordered so that the inner loop is long
 * and dense where the layouts allow it. Source and destination do not overlap.
 */
#ifndef OZR_ARRAY_COPY_ND_H
#define OZR_ARRAY_COPY_ND_H

#include "ozr/array.h"

struct ozr_copy {
	unsigned rank;
	size_t count[OZR_MAX_RANK];
	ptrdiff_t src_step[OZR_MAX_RANK], dst_step[OZR_MAX_RANK];
	enum ozr_dtype src_type, dst_type;
};

void ozr_copy_nd(const struct ozr_copy *how, const void *src, void *dst);

#endif
