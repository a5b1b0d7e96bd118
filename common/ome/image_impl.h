/* SPDX-License-Identifier: MIT */
/*
 * The inside of struct ozr_image, for the files of ome/ only: what image*.c
 * keep about an image that is open or being created, and what the pyramid
 * engine (pyramid*.c) finds here and leaves here.
 *
 * Threads: what an image is (levels, paths, axes, method) is constant from
 * open, create or commit on. `build`, `stats` and `made` belong to the engine:
 * it takes its own lock around them while ozr_pyramid_push() runs in several
 * threads; commit and close are exclusive.
 */
#ifndef OZR_OME_IMAGE_IMPL_H
#define OZR_OME_IMAGE_IMPL_H

#include <stdatomic.h>

#include "base/json.h"
#include "base/mem.h"
#include "ome/notes.h"
#include "ozr/pyramid.h"

struct ozr_level {
	struct ozr_array *array; /* owned; NULL only while opening or creating */
	char *path;              /* owned; below the image: "0", "s1/image" */
	uint64_t shape[OZR_MAX_RANK];
	/* To the level before, 1 for level 0; of an opened image the whole number that fits scale
	 * and shape best: a builder must check that ceil(before / factor) is the shape. */
	unsigned factor[OZR_MAX_RANK];
	double scale[OZR_MAX_RANK], translation[OZR_MAX_RANK];
};

/* True range of one channel's elements in level 0, without NaN and nodata. */
struct ozr_range_stats {
	double min, max;
	int any; /* 0: nothing seen, min and max mean nothing */
};

/* Of the levels above the first of an opened image. */
enum ozr_later { OZR_LEVELS_THERE, OZR_LEVELS_LATER, OZR_LEVELS_COMING };

struct ozr_image {
	struct ozr_ctx *ctx;     /* owned reference */
	struct ozr_store *store; /* owned reference; holds the image at path */
	int64_t pid;             /* whose handle it is */
	char *path;              /* owned; key prefix of the image, "" for the root */
	int flags;               /* OZR_READ or OZR_UPDATE */
	struct ozr_image_info info;
	struct ozr_level *level; /* [info.levels] */
	_Atomic int later; /* enum ozr_later: without ozr_image_load() only level[0] may be used */
	struct ozr_channel *channel; /* [info.channels] */
	struct ozr_notes notes;      /* warnings */

	/* How levels are made from the one before: as asked when creating, else as the metadata
	 * says (method_known), else mean, or mode for labels. */
	enum ozr_method method;
	int method_known;
	uint64_t alpha; /* 1 + index of the channel that weighs the others; 0: none */
	int has_nodata;
	unsigned char nodata[8], fill[8];
	int channel_axis; /* -1: none */
	int changing;     /* its levels are (levels.h) */

	/* Range of the data by index along channel_axis, one for all without one. Filled by the
	 * engine while level 0 is written; commit makes omero windows of it. */
	struct ozr_range_stats *stats; /* [stats_count]; NULL with 0 when nobody needs it */
	uint64_t stats_count;

	/* The pyramid engine's state, NULL when idle. Commit calls build_finish (write what waits)
	 * and then build_free; close and a failed commit call build_free only. build_free frees
	 * the state and sets build to NULL. */
	void *build;
	int (*build_finish)(struct ozr_image *img, const struct ozr_call *call,
			    struct ozr_err *err);
	void (*build_free)(struct ozr_image *img);

	struct ozr_making *making; /* owned; NULL unless being created (making.h) */
};

/* image.c: an empty image over s (a reference is taken) with room for levels. */
int ozr_image_new(struct ozr_store *s, const char *path, int flags, unsigned levels,
		  struct ozr_image **out, struct ozr_err *err) OZR_MUST_CHECK;
/* image_load.c: the level 0 of an image that is being opened, and the others now or later. */
int ozr_image_open_levels(struct ozr_image *img, struct ozr_err *err) OZR_MUST_CHECK;
/* image_load.c: scales that the metadata leaves open, and factors, of all levels. */
void ozr_image_complete_levels(struct ozr_image *img);
/* image.c: keep everybody else who adds levels or elements out, until ozr_store_unlock(). OZR_BUSY
 * when somebody is in; nobody waits. *token is NULL where the store cannot do that. */
int ozr_image_lock(struct ozr_image *img, void **token, struct ozr_err *err) OZR_MUST_CHECK;
/* image.c: OZR_BAD_ARG in a forked child, whose copy of the parent's handle may not write. */
int ozr_image_owned(const struct ozr_image *img, struct ozr_err *err) OZR_MUST_CHECK;
/* image.c: everything but the making. NULL is fine. */
void ozr_image_free(struct ozr_image *img);
/* making.c: end the making without a result: stage or what was written is removed, the
 * levels are closed. In a forked child nothing is removed. */
void ozr_making_abort(struct ozr_image *img);

/* The code to return when ozr_alloc() and the like have filled err. */
static inline int ozr_alloc_failed(const struct ozr_err *err)
{
	return err != NULL && err->code == OZR_LIMIT ? OZR_LIMIT : OZR_NO_MEMORY;
}

#endif
