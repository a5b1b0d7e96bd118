/* SPDX-License-Identifier: MIT */
/*
 * Boxes of an n-dimensional image out of the pixel caches of a list of images,
 * for the library to pull: on the calling thread, row by row, without a second
 * copy of the whole.
 */
#ifndef MAGICK_CODER_CACHE_SOURCE_H
#define MAGICK_CODER_CACHE_SOURCE_H

#include "export.h"
#include "gather.h"

/* Smallest and largest number. */
struct seen {
	int any;
	double min, max;
};

struct cache_source {
	const struct gathered *images;
	const struct layout *layout;
	uint64_t first[OZR_MAX_RANK]; /* the list begins here (appending), else 0 */
	struct export_rule rule;
	struct seen *seen; /* [channels] to be kept up to date, or NULL */
	int channel_axis;  /* -1: one channel */
	uint64_t channel;  /* of the plane that is read */
	Quantum *row;      /* room for a row */
	ExceptionInfo *exception;
	int told; /* exception says why a read has failed */
};

/* Borrows images and layout; free it. */
int cache_source_make(const struct gathered *images, const struct layout *layout,
		      const struct export_rule *rule, ExceptionInfo *exception,
		      struct cache_source *out, struct ozr_err *err);
void cache_source_free(struct cache_source *s);
/* As struct ozr_source wants it; user is a struct cache_source. */
int cache_source_read(void *user, const struct ozr_box *box, struct ozr_err *err);

#endif
