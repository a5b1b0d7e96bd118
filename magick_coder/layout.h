/* SPDX-License-Identifier: MIT */
/*
 * How a flat list of images of one size becomes an n-dimensional image: which
 * axes it has (always in the order t, c, z, y, x), and which image of the list
 * holds which plane. Nothing here touches a file or ImageMagick.
 */
#ifndef MAGICK_CODER_LAYOUT_H
#define MAGICK_CODER_LAYOUT_H

#include "write_options.h"

/* What the list is. */
struct listed {
	uint64_t n, columns, rows;
	unsigned components; /* 1, or 3 or 4: colors, which become the channel axis */
};

/* The axes that images of a read list had, as the reader's properties tell: letters of t, c, z
 * in the order of the list, and how many of each. */
struct restored {
	unsigned n; /* 0: nothing is restored */
	char axes[LIST_AXES + 1];
	uint64_t size[LIST_AXES];
	uint64_t step[LIST_AXES]; /* from one position to the next; 0: not the same everywhere */
};

struct layout {
	unsigned rank;
	struct ozr_axis axes[OZR_MAX_RANK];
	uint64_t shape[OZR_MAX_RANK];
	unsigned components;
	int component_axis; /* -1: none */
	/* Image of the list = sum of index * weight; 0 for y, x and the colors. */
	uint64_t weight[OZR_MAX_RANK];
};

/* By the options; where they say nothing as restored (NULL: nothing); else along z. stack: there
 * is an axis to append along, also for a single image. */
int layout_make(const struct listed *list, const struct write_options *options,
		const struct restored *restored, int stack, struct layout *out,
		struct ozr_err *err);
/* The axis of this name, or -1. */
int layout_axis(const struct layout *layout, char name);
/* The axis along which an image with these axes grows: its outermost of t and z. -1: none. */
int growing_axis(unsigned rank, const struct ozr_axis *axes);

#endif
