/* SPDX-License-Identifier: MIT */
/*
 * The step of plan_make() that decides how channels become colors.
 */
#ifndef MAGICK_CODER_PLAN_VIEW_H
#define MAGICK_CODER_PLAN_VIEW_H

#include "plan.h"

/* Fills view and components from info, channel_axis and the selection on it. `channels` is how many
 * the image has. */
int plan_choose_view(struct plan *plan, enum channel_mode mode, uint64_t channels,
		     struct ozr_image *img, struct ozr_err *err);

/* White of channels that are colors, whose black is 0: what the writer makes their windows of, and
 * the reader knows them by. 0: channels of this type are not colors. */
double color_white(enum ozr_dtype dtype);

#endif
