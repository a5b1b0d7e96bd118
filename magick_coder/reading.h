/* SPDX-License-Identifier: MIT */
/*
 * One read while it goes on: what its parts share. Made and ended by
 * coder_read(); the parts are
 *
 *   images.c      the list of images, without pixels
 *   properties.c  what each says about itself
 *   windows.c     what is black and what is white
 *   bands.c       pixels of the store, in the order of its chunks
 *   paint.c       pixels of the images, from bands
 *
 * All run on the thread that called ImageMagick.
 */
#ifndef MAGICK_CODER_READING_H
#define MAGICK_CODER_READING_H

#include "coder.h"
#include "location.h"
#include "mapping.h"
#include "plan.h"
#include "source.h"

struct reading {
	const ImageInfo *info;
	ExceptionInfo *exception;
	const char *name; /* of the file, for messages */
	struct location location;
	struct read_options options;
	struct ozr_ctx *ctx;
	struct source source;
	struct plan plan;
	struct ozr_array *array; /* of the plan's level; borrowed */
	enum ozr_dtype dtype;    /* its type */
	int found_range;         /* WINDOW_MINMAX: low and high of options are known */
	uint64_t lost;           /* values that could not be represented */
	Image **image;           /* one for each entry of plan.list; the list's own */
};

/* --- images.c -------------------------------------------------------------- */

/* All images, without pixels: fills reading->image. On failure (reported) the ones that were made
 * are still there. */
MagickBooleanType images_make(struct reading *reading);
/* End with all of them. */
void images_destroy(struct reading *reading);

/* --- properties.c ---------------------------------------------------------- */

/* Properties, resolution and canvas of image `item` of the list. */
void properties_set(struct reading *reading, size_t item);

/* --- windows.c ------------------------------------------------------------- */

/* How values become quanta, in a plane (its position) of a channel. */
int window_choose(const struct reading *reading, uint64_t channel, struct mapping *out,
		  struct ozr_err *err);
/* The same for a composite: value start is nothing of the channel's color, end all of it. */
int window_of_color(const struct reading *reading, uint64_t channel, double *start, double *end,
		    unsigned char rgb[3], int *active, struct ozr_err *err);
/* Are values of this channel taken as numbers, not as a part of their type's range? */
int window_is_raw(const struct reading *reading, uint64_t channel);

/* --- bands.c --------------------------------------------------------------- */

/* Rows y to y + rows - 1 (of the images) of some planes: those of item[i], i < n. */
struct band {
	const size_t *item; /* positions in plan.list */
	size_t n;
	uint64_t y, rows;
	const unsigned char *data;
	size_t size; /* bytes of the rows of one component of one plane; they follow each other:
	              * component j of plane i is at (i * components + j) * size */
};

/* Reads all that the plan wants, each part once: call use for each. meter: its part of the
 * progress. */
int bands_read(struct reading *reading, struct meter *meter,
	       int (*use)(struct reading *reading, const struct band *band, struct ozr_err *err),
	       struct ozr_err *err);

/* --- paint.c --------------------------------------------------------------- */

/* Pixels of all images. Where a pixel cache fails, ImageMagick has reported it: err->msg is then
 * empty. */
int paint(struct reading *reading, struct ozr_err *err);

#endif
