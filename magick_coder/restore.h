/* SPDX-License-Identifier: MIT */
/*
 * What the reader has noted on images: where they were, so that a list that
 * was read from an n-dimensional image is written as one again.
 */
#ifndef MAGICK_CODER_RESTORE_H
#define MAGICK_CODER_RESTORE_H

#include "gather.h"

/* The axes of the list, when its images are, in their order, all combinations of the positions
 * that they have on the axes of one image; else out->n is 0. An axis on which all have one
 * position out of several is left out. */
void restore_axes(const struct gathered *g, struct restored *out, ExceptionInfo *exception);

/* Where the list lies on an axis of space or time. */
struct noted_place {
	double scale, position; /* of a pixel, of the first one */
	char unit[32];
};

/* As noted on the first image. 0: nothing is, or it does not hold any more: columns or rows are not
 * what they were, or images do not follow each other evenly on this axis. */
int restore_place(const struct gathered *g, const struct restored *restored, char axis,
		  struct noted_place *out, ExceptionInfo *exception);
/* The label of the channel that an image of the list shows; "" when there is none. */
void restore_label(const struct gathered *g, uint64_t number, char out[128],
		   ExceptionInfo *exception);

#endif
