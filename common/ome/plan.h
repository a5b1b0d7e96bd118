/* SPDX-License-Identifier: MIT */
/*
 * What an image to be created will look like: the options checked and
 * completed, and from them the levels. Pure functions.
 */
#ifndef OZR_OME_PLAN_H
#define OZR_OME_PLAN_H

#include "ozr/image.h"

/* A checked copy of in with its scalar defaults filled (version, method, scale); pointers are
 * still the caller's. OZR_BAD_ARG says what is wrong. */
int ozr_options_complete(const struct ozr_image_options *in, struct ozr_image_options *out,
			 struct ozr_err *err) OZR_MUST_CHECK;
/* Chunk and shard shapes of all levels: plan[].shape is filled already. */
int ozr_plan_storage(const struct ozr_image_options *opt, struct ozr_level_plan *plan,
		     unsigned levels, struct ozr_err *err) OZR_MUST_CHECK;
/* How many chunk (or shard) files a full image has; saturates. */
uint64_t ozr_plan_files(const struct ozr_level_plan *plan, unsigned levels, unsigned rank);
/* Has a space axis before y and x with more than one element. */
int ozr_plan_is_volume(const struct ozr_image_options *opt);

#endif
