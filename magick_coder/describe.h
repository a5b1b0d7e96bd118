/* SPDX-License-Identifier: MIT */
/*
 * From the options and the images to what the library is asked to make.
 */
#ifndef MAGICK_CODER_DESCRIBE_H
#define MAGICK_CODER_DESCRIBE_H

#include "gather.h"
#include "layout.h"

enum { MOST_LEVELS = 64, MOST_LABELS = 64 };

struct description {
	struct ozr_image_options image; /* points into this struct */
	struct ozr_channel channel[MOST_LABELS];
	unsigned factors[(MOST_LEVELS - 1) * OZR_MAX_RANK];
	char name[256];
};

/* title: the name when the options have none. */
int describe(const struct write_options *options, const struct gathered *images,
	     const struct restored *restored, const struct layout *layout, enum ozr_dtype dtype,
	     const char *title, ExceptionInfo *exception, struct description *out,
	     struct ozr_err *err);

/* Chunks or shards of an image with these axes; key: for the message. */
int describe_extents(const struct extents *from, const char *key, unsigned rank,
		     const struct ozr_axis *axes, uint64_t out[OZR_MAX_RANK], struct ozr_err *err);
/* Levels as they would be if planes were as far from each other as pixels. factors: room as in
 * struct description; image then points there. */
int describe_levels_as_cubes(struct ozr_image_options *image, unsigned *factors,
			     struct ozr_err *err);

#endif
