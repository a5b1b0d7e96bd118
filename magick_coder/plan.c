/* SPDX-License-Identifier: MIT */
/*
 * See plan.h. What comes from the store (shapes up to 2^63 on each axis) and
 * from the user (any number) is compared and multiplied with care; nothing is
 * as large as the image but the list of planes, which has a limit.
 */
#include "plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "plan_axes.h"
#include "plan_view.h"
#include "scenes.h"

static int level_info(struct ozr_image *img, unsigned level, struct ozr_array_info *out,
		      const struct ozr_image_info *info, struct ozr_err *err)
{
	struct ozr_array *array = ozr_image_level(img, level);

	if (!array)
		return ozr_fail(err, OZR_NOT_FOUND, "level %u is not there", level);
	ozr_array_get_info(array, out);
	if (out->rank != info->rank)
		return ozr_fail(err, OZR_BAD_FORMAT, "level %u has %u axes, the image has %u",
				level, out->rank, info->rank);
	for (unsigned d = 0; d < out->rank; d++)
		if (out->shape[d] == 0)
			return ozr_fail(err, OZR_UNSUPPORTED,
					"level %u has no pixels: axis %u is empty", level, d);
	return OZR_OK;
}

/* --- The level ------------------------------------------------------------ */

static int named_level(int64_t number, unsigned levels, unsigned *out, struct ozr_err *err)
{
	int64_t from_start = number < 0 ? number + (int64_t)levels : number;

	if (from_start < 0 || from_start >= (int64_t)levels)
		return ozr_fail(err, OZR_BAD_ARG,
				"there is no level %" PRId64
				": levels are 0 to %u, or -1 to -%u from the smallest",
				number, levels - 1, levels);
	*out = (unsigned)from_start;
	return OZR_OK;
}

/* The smallest level that is large enough; level 0 when none is. */
static int level_by_size(struct plan *plan, struct ozr_image *img, const struct wish *wish,
			 struct ozr_err *err)
{
	uint64_t columns = UINT64_MAX, rows = UINT64_MAX;

	plan->level = 0;
	for (unsigned i = 0; i < plan->info.levels; i++) {
		struct ozr_array_info a;
		int rc = level_info(img, i, &a, &plan->info, err);

		if (rc)
			return rc;
		if (a.shape[plan->x_axis] < wish->least_columns ||
		    a.shape[plan->y_axis] < wish->least_rows || a.shape[plan->x_axis] > columns ||
		    a.shape[plan->y_axis] > rows)
			continue;
		columns = a.shape[plan->x_axis];
		rows = a.shape[plan->y_axis];
		plan->level = i;
	}
	return OZR_OK;
}

/* How many pixels of the full image one of the level stands for on an axis: what the scales say,
 * where the sizes agree (5 planes, halved twice, are 2: a factor of 4), else what the sizes say. */
static uint64_t factor_of(uint64_t full, uint64_t small, double ratio)
{
	uint64_t by_size = full / small + (full % small >= small - full % small), by_scale;

	if (ratio >= 1 && ratio < 4e9) {
		by_scale = (uint64_t)(ratio + 0.5);
		if (full / by_scale == small || (full - 1) / by_scale + 1 == small)
			return by_scale;
	}
	return by_size ? by_size : 1;
}

/* Fills level, shape, chunk, factor; numbering: the shape that planes are numbered by. */
static int choose_level(struct plan *plan, struct ozr_image *img, const int64_t *level,
			const struct wish *wish, uint64_t numbering[OZR_MAX_RANK],
			struct ozr_err *err)
{
	double scale[OZR_MAX_RANK], full_scale[OZR_MAX_RANK], moved[OZR_MAX_RANK];
	struct ozr_array_info a, full;
	int rc = OZR_OK;

	plan->level = 0;
	if (level)
		rc = named_level(*level, plan->info.levels, &plan->level, err);
	else if (!wish->has_region && (wish->least_columns || wish->least_rows))
		rc = level_by_size(plan, img, wish, err);
	rc = rc ? rc : level_info(img, plan->level, &a, &plan->info, err);
	rc = rc ? rc : level_info(img, level ? plan->level : 0, &full, &plan->info, err);
	if (rc)
		return rc;
	ozr_image_transform(img, plan->level, scale, moved);
	ozr_image_transform(img, level ? plan->level : 0, full_scale, moved);
	for (unsigned d = 0; d < plan->info.rank; d++) {
		plan->shape[d] = a.shape[d];
		plan->chunk[d] = a.chunk[d];
		plan->factor[d] = factor_of(full.shape[d], a.shape[d], scale[d] / full_scale[d]);
		numbering[d] = full.shape[d];
	}
	return OZR_OK;
}

/* --- The rectangle -------------------------------------------------------- */

/* Cut [at, at + n) to [0, size); n of 0: up to the border. 0: nothing is left. */
static int cut(int64_t at, uint64_t n, uint64_t size, uint64_t *first, uint64_t *count)
{
	uint64_t start = at < 0 ? 0 : (uint64_t)at,
		 before = at < 0 ? (uint64_t)0 - (uint64_t)at : 0;
	uint64_t left;

	if (start >= size || (n != 0 && n <= before))
		return 0;
	left = size - start;
	if (n != 0 && n - before < left)
		left = n - before;
	*first = start;
	*count = left;
	return 1;
}

static int choose_rectangle(struct plan *plan, const struct wish *wish, struct ozr_err *err)
{
	uint64_t width = plan->shape[plan->x_axis], height = plan->shape[plan->y_axis];

	plan->x = plan->y = 0;
	plan->columns = width;
	plan->rows = height;
	if (!wish->has_region)
		return OZR_OK;
	if (!cut(wish->x, wish->columns, width, &plan->x, &plan->columns) ||
	    !cut(wish->y, wish->rows, height, &plan->y, &plan->rows))
		return ozr_fail(err, OZR_BAD_ARG,
				"the region %" PRIu64 "x%" PRIu64 "%+" PRId64 "%+" PRId64
				" lies outside the image of %" PRIu64 "x%" PRIu64 " pixels",
				wish->columns, wish->rows, wish->x, wish->y, width, height);
	return OZR_OK;
}

/* --- Planes ---------------------------------------------------------------- */

/* Is this an axis that planes are numbered along? */
static int is_counted(const struct plan *plan, unsigned d)
{
	return d != plan->y_axis && d != plan->x_axis &&
	       (plan->view == VIEW_GRAY || (int)d != plan->channel_axis);
}

static int count_planes(struct plan *plan, struct ozr_err *err)
{
	plan->planes = 1;
	for (unsigned d = 0; d < plan->info.rank; d++) {
		if (!is_counted(plan, d))
			continue;
		if (plan->count[d] > UINT64_MAX / plan->planes)
			return ozr_fail(err, OZR_LIMIT,
					"the image has more than 2^64 planes: choose some by "
					"name[axis=position]");
		plan->planes *= plan->count[d];
	}
	return OZR_OK;
}

static int is_whole(const struct plan *plan)
{
	if (plan->level != 0 || plan->view == VIEW_COMPOSITE || plan->n != plan->planes ||
	    plan->columns != plan->shape[plan->x_axis] || plan->rows != plan->shape[plan->y_axis])
		return 0;
	for (unsigned d = 0; d < plan->info.rank; d++)
		if (d != plan->y_axis && d != plan->x_axis &&
		    (plan->count[d] != plan->shape[d] || plan->backwards[d] ||
		     (!is_counted(plan, d) && plan->components != plan->shape[d])))
			return 0;
	for (size_t i = 0; i < plan->n; i++)
		if (plan->list[i] != i)
			return 0;
	return 1;
}

static uint64_t channels_of(const struct plan *plan, const uint64_t shape[OZR_MAX_RANK])
{
	return plan->channel_axis < 0 ? 0 : shape[plan->channel_axis];
}

int plan_make(struct ozr_image *img, const struct selection *selection,
	      const struct read_options *options, const struct wish *wish, struct plan *out,
	      struct ozr_err *err)
{
	const int64_t *level = selection->has_level           ? &selection->level
			       : options->has_level           ? &options->level
			       : options->selection.has_level ? &options->selection.level
							      : NULL;
	uint64_t numbering[OZR_MAX_RANK];
	struct plan plan;
	int rc;

	memset(&plan, 0, sizeof(plan));
	ozr_image_get_info(img, &plan.info);
	rc = plan_find_axes(&plan, err);
	rc = rc ? rc : choose_level(&plan, img, level, wish, numbering, err);
	rc = rc ? rc : plan_select(&plan, numbering, img, selection, &options->selection, err);
	rc = rc ? rc
		: plan_choose_view(&plan, options->channels, channels_of(&plan, numbering), img,
				   err);
	rc = rc ? rc : choose_rectangle(&plan, wish, err);
	rc = rc ? rc : count_planes(&plan, err);
	rc = rc ? rc
		: scenes_parse(wish->scenes, plan.planes,
			       options->max_planes ? options->max_planes : wish->max_planes,
			       &plan.list, &plan.n, err);
	if (rc)
		return rc;
	plan.whole = is_whole(&plan);
	*out = plan;
	return OZR_OK;
}

void plan_free(struct plan *plan)
{
	free(plan->list);
	plan->list = NULL;
	plan->n = 0;
}

/* Position i within the selection on axis d, as an index of the level. */
static uint64_t index_of(const struct plan *plan, unsigned d, uint64_t i)
{
	uint64_t at = plan->backwards[d] ? plan->first[d] - i : plan->first[d] + i;

	at /= plan->factor[d];
	return at < plan->shape[d] ? at : plan->shape[d] - 1;
}

void plan_position(const struct plan *plan, uint64_t number, unsigned component,
		   uint64_t index[OZR_MAX_RANK])
{
	for (unsigned d = plan->info.rank; d-- > 0;) {
		if (d == plan->y_axis) {
			index[d] = plan->y;
		} else if (d == plan->x_axis) {
			index[d] = plan->x;
		} else if (is_counted(plan, d)) {
			index[d] = index_of(plan, d, number % plan->count[d]);
			number /= plan->count[d];
		} else {
			index[d] = index_of(plan, d, component);
		}
	}
}
