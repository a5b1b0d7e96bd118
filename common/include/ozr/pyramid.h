/* SPDX-License-Identifier: MIT */
/*
 * Building the levels of an image in one pass over its level 0.
 *
 *   pull     the library asks a source for boxes, in an order that suits the
 *            source's own blocks and our shards (copying an image)
 *   push     the caller brings boxes in any order, each element once (planes
 *            of a stack, scanlines)
 *   refresh  level n + 1 and up from what is stored in level n (updates)
 *   extend   the image grows along one axis (appending)
 *
 * Each level comes from the one before: window [i * f, i * f + f) per axis,
 * cut at the edge. mean: over the elements inside, without nodata and NaN
 * unless all are, ties to even for integers, weighted by alpha if there is one; nearest: the first element;
 * mode: the most frequent, the smallest of equals. Same values whatever way
 * the level was built. Memory stays within call->budget (64 KiB at least, and
 * what threads need to encode a chunk each): what exceeds it waits in an
 * unlinked scratch file.
 *
 * Threads: pull, refresh, extend and finish from one thread at a time; push
 * from any number.
 */
#ifndef OZR_PYRAMID_H
#define OZR_PYRAMID_H

#include "image.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ozr_source {
	void *user;
	/* Fill box->data (dtype and strides as asked). Called on the calling thread of
	 * ozr_pyramid_pull(), one box at a time; every element of level 0 once. */
	int (*read)(void *user, const struct ozr_box *box, struct ozr_err *err);
	/* What the source reads at once; 0: no preference. A block is asked for in parts only
	 * when it does not fit into the budget by itself. */
	uint64_t block[OZR_MAX_RANK];
};

/* Level 0 and all levels of an image being created. Progress goes 0 to 1. */
OZR_API OZR_MUST_CHECK int ozr_pyramid_pull(struct ozr_image *img, const struct ozr_source *src,
					    const struct ozr_call *call, struct ozr_err *err);
/* The same where levels have sources of their own, src[i] for level i < n: their values are taken
 * as they are. A level whose source has no read function, and levels from n on, are made from the
 * one before. src[0] has one. */
OZR_API OZR_MUST_CHECK int ozr_pyramid_pull_levels(struct ozr_image *img,
						   const struct ozr_source *src, unsigned n,
						   const struct ozr_call *call,
						   struct ozr_err *err);
/* The same where levels with stored[i] have their elements already (ozr_tiff_import(),
 * ozr_array_write_encoded()): these are not written, and their sources, which they must have, are read
 * only where a level is made of them. */
OZR_API OZR_MUST_CHECK int ozr_pyramid_fill(struct ozr_image *img, const struct ozr_source *src,
					    const unsigned char *stored, unsigned n,
					    const struct ozr_call *call, struct ozr_err *err);
/* What an array holds, as a source; a must outlive it. Not of a store that cannot be read while it
 * is written (ozr_zip_create()). */
OZR_API struct ozr_source ozr_pyramid_stored(struct ozr_array *a);
/* Level 0 alone: the others stay empty, for whoever refreshes them later. */
OZR_API OZR_MUST_CHECK int ozr_pyramid_pull_first(struct ozr_image *img,
						  const struct ozr_source *src,
						  const struct ozr_call *call, struct ozr_err *err);
OZR_API OZR_MUST_CHECK int ozr_pyramid_push(struct ozr_image *img, const struct ozr_box *box,
					    const struct ozr_call *call, struct ozr_err *err);
/* What was pushed is complete: write what waits (elements never pushed are fill). After a
 * pull, push or finish that failed the image can only be closed; commit refuses it. */
OZR_API OZR_MUST_CHECK int ozr_pyramid_finish(struct ozr_image *img, const struct ozr_call *call,
					      struct ozr_err *err);
/* Level `level`'s elements [start, start + count) have changed: bring the levels above
 * up to date. NULL start: all of it. Only touched shards get new bytes. */
OZR_API OZR_MUST_CHECK int ozr_pyramid_refresh(struct ozr_image *img, unsigned level,
					       const uint64_t *start, const uint64_t *count,
					       const struct ozr_call *call, struct ozr_err *err);
/* A box of elements, wherever they are. */
struct ozr_region {
	uint64_t start[OZR_MAX_RANK], count[OZR_MAX_RANK];
};
/* The same for n regions (they may overlap) and up to level `last` (0: all). Each level's shards
 * are written once, after the level below is complete. With last = level + 1 it is one step, which
 * many processes can share: regions of `level` that lie above whole shards of level + 1 never
 * meet in a shard. */
OZR_API OZR_MUST_CHECK int ozr_pyramid_refresh_regions(struct ozr_image *img, unsigned level,
						       unsigned last, size_t n,
						       const struct ozr_region *regions,
						       const struct ozr_call *call,
						       struct ozr_err *err);
/* Grow axis by n elements and write box (its start is in the new coordinates), chunks
 * first, then the levels above, then the shapes from the highest level down to level 0:
 * readers see the old image or the new. After a failure the handle can only be closed; what is
 * stored has its old shapes, or is completed by extending by the same box again. OZR_BUSY while
 * somebody else extends it or changes its levels, OZR_CHANGED when that happened since it was
 * opened. */
OZR_API OZR_MUST_CHECK int ozr_pyramid_extend(struct ozr_image *img, unsigned axis,
					      const struct ozr_box *box,
					      const struct ozr_call *call, struct ozr_err *err);
/* The same by count elements that src brings, in boxes within call's budget, so that memory does
 * not grow with count. Progress goes 0 to 1. src->block is not looked at. */
OZR_API OZR_MUST_CHECK int ozr_pyramid_extend_pull(struct ozr_image *img, unsigned axis,
						   uint64_t count, const struct ozr_source *src,
						   const struct ozr_call *call,
						   struct ozr_err *err);

/* The kernel: reduce src (count elements, C order with byte strides) by factor into dst,
 * whose counts are ceil(count / factor). Pure function; single-threaded. */
struct ozr_reduce {
	enum ozr_method method;
	enum ozr_dtype dtype;
	unsigned rank;
	uint64_t count[OZR_MAX_RANK];
	unsigned factor[OZR_MAX_RANK];
	int64_t src_stride[OZR_MAX_RANK], dst_stride[OZR_MAX_RANK]; /* bytes */
	int has_nodata;
	unsigned char nodata[8];
	/* The mean of uint8, uint16 and floats weighs each element by element `weight` on this axis,
	 * which is not the last one, has factor 1 and is whole in src. The weights themselves get
	 * the plain mean, and so do windows whose weights are all 0. */
	int has_weight;
	unsigned weight_axis;
	uint64_t weight;
};
OZR_API OZR_MUST_CHECK int ozr_reduce_box(const struct ozr_reduce *how, const void *src, void *dst,
					  struct ozr_err *err);

#ifdef __cplusplus
}
#endif
#endif
