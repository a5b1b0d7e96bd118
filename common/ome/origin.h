/* SPDX-License-Identifier: MIT */
/*
 * The inside of struct ozr_origin: which axes of the image become which of the
 * copy, and which elements the others are cut to.
 */
#ifndef OZR_OME_ORIGIN_H
#define OZR_OME_ORIGIN_H

#include "ome/image_impl.h"
#include "ozr/copy.h"

struct ozr_origin_level {
	const struct ozr_origin *o;
	const struct ozr_level *level; /* borrowed from the image */
	unsigned threads;
};

struct ozr_origin {
	struct ozr_image *img; /* borrowed */
	struct ozr_part part;
	unsigned rank;
	unsigned axis[OZR_MAX_RANK]; /* of the image, for each of the copy */
	unsigned levels;
	struct ozr_origin_level *level; /* [levels] */
	struct ozr_level_plan *plan;    /* [levels] or NULL: not asked for */
	unsigned *factors; /* [levels - 1][rank]; NULL: there are none, or they do not fit */
};

#endif
