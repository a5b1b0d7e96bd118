/* SPDX-License-Identifier: MIT */
/*
 * Changing the levels of an image that exists: new ones are added, others
 * replaced or dropped. Level 0 stays as it is.
 *
 *   begin   makes the arrays of the new levels; no reader sees them
 *   ...     the caller fills them (ozr_array_write() on ozr_levels_array())
 *   commit  one put of the group's metadata makes the new list the image's; then
 *           what is listed no more is removed, metadata first
 *
 * Whatever ends the process in between, readers find the old list or the new
 * one, with all its levels. What an unfinished change has left (its arrays are
 * named in the attribute ozr_pending_levels) goes with the next change.
 *
 * Threads: begin, commit and abort as the image's own thread; the new arrays
 * may be written from any. Between them the image's levels can be read, and
 * level 0 written.
 */
#ifndef OZR_LEVELS_H
#define OZR_LEVELS_H

#include "image.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How much coarser than level 0, per axis: whole numbers, 1 where nothing is reduced. The
 * extent is that of level 0 divided, rounded up. */
struct ozr_new_level {
	unsigned factor[OZR_MAX_RANK];
};

/* Zeroed members mean the default in brackets. */
struct ozr_levels_options {
	const unsigned char *keep; /* [none] for each level of the image: 1 stays; level 0 does */
	const struct ozr_new_level *add; /* in any order */
	unsigned added;
	int same_extent;    /* 0: a pixel is `factor` pixels of level 0. 1: the level covers what
	                  * level 0 covers, so that a pixel is extent / extent of them */
	const char *type;   /* multiscales' type ("average"); NULL: as it is */
	const char *method; /* its metadata: what made the levels, and that one's version */
	const char *version;
	const char *group; /* as for ozr_image_set_attributes(): written with the new list */
	/* Optional: JSON object text with attributes for the array of add[i]; NULL for none.
	 * The text is borrowed until the next call. scale and translation are the level's. */
	const char *(*attributes)(void *user, int i, const char *level_path, const uint64_t *shape,
				  const double *scale, const double *translation);
	void *user;
};

struct ozr_levels;

/* OZR_BUSY while somebody else changes the levels of this image. The image must be open for
 * update, over a store that can list and delete. Metadata of 0.6 is not added to
 * (OZR_UNSUPPORTED). opt is not needed afterwards. */
OZR_API OZR_MUST_CHECK int ozr_levels_begin(struct ozr_image *img,
					    const struct ozr_levels_options *opt,
					    struct ozr_levels **out, struct ozr_err *err);
/* The array of add[i], to be filled; borrowed until the end, then the image's. */
OZR_API struct ozr_array *ozr_levels_array(struct ozr_levels *l, unsigned i);
/* The level that add[i] is, in an image of how many. */
OZR_API unsigned ozr_levels_index(const struct ozr_levels *l, unsigned i);
OZR_API unsigned ozr_levels_count(const struct ozr_levels *l);
/* Arrays of dropped levels are closed, those of kept ones stay what they were. Frees l whatever
 * it returns; on failure the image has its old levels, and the new arrays are removed. */
OZR_API OZR_MUST_CHECK int ozr_levels_commit(struct ozr_levels *l, const struct ozr_call *call,
					     struct ozr_err *err);
/* Remove the new arrays and free l. NULL is fine. */
OZR_API void ozr_levels_abort(struct ozr_levels *l);

#ifdef __cplusplus
}
#endif
#endif
