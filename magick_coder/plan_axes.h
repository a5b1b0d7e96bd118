/* SPDX-License-Identifier: MIT */
/*
 * Steps of plan_make() that are about axes: which ones are y, x and channel,
 * and what a selection takes of the others.
 */
#ifndef MAGICK_CODER_PLAN_AXES_H
#define MAGICK_CODER_PLAN_AXES_H

#include "plan.h"

/* Fills y_axis, x_axis, channel_axis from plan->info. */
int plan_find_axes(struct plan *plan, struct ozr_err *err);
/* Fills first, count, backwards from shape (of the numbering level); `chosen` comes before
 * `otherwise` where both name an axis. Channels by label are looked up in img. */
int plan_select(struct plan *plan, const uint64_t shape[OZR_MAX_RANK], struct ozr_image *img,
		const struct selection *chosen, const struct selection *otherwise,
		struct ozr_err *err);

#endif
