/* SPDX-License-Identifier: MIT */
/*
 * Between pyramid_refresh.c, which does one step from a level to the one above
 * it, and pyramid_regions.c, which walks up the levels.
 */
#ifndef OZR_OME_PYRAMID_REFRESH_H
#define OZR_OME_PYRAMID_REFRESH_H

#include "ome/pyramid_impl.h"

struct ozr_regions {
	struct ozr_region *region; /* owned; none is empty */
	size_t n;
};

struct ozr_refresh_progress {
	const struct ozr_call *call;
	double done, all; /* elements of upper levels */
};

/* Recompute the regions (of level + 1, at least one) from `level` and publish them. Regions that
 * overlap are taken apart: afterwards they are other ones with the same elements, or some more. */
int ozr_refresh_step(const struct ozr_geometry *g, unsigned level, struct ozr_regions *regions,
		     struct ozr_refresh_progress *progress, struct ozr_err *err) OZR_MUST_CHECK;

#endif
