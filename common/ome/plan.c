/* SPDX-License-Identifier: MIT */
/*
 * The levels of an image: shapes, factors and transformations.
 *
 * By default an axis of space takes part in a reduction when its voxel size is
 * below twice the smallest one, so that voxels become isotropic; levels are
 * added until every extent of space is small. Time and channels stay. The
 * centre of pixel 0 moves by scale * (factor - 1) / 2 with each reduction.
 */
#include "ome/plan.h"

#include <math.h>
#include <string.h>

#include "base/ckd.h"
#include "ome/units.h"

enum { SMALL_VOLUME = 128, SMALL_PLANE = 256 };

int ozr_plan_is_volume(const struct ozr_image_options *opt)
{
	unsigned after = 0; /* space axes behind d */

	for (unsigned d = opt->rank; d-- > 0;) {
		if (opt->axes[d].kind != OZR_AXIS_SPACE)
			continue;
		if (after >= 2 && opt->shape[d] > 1)
			return 1;
		after++;
	}
	return 0;
}

/* What to multiply scales by so that axes can be compared: their units when all axes of space
 * have one that is known, else nothing. */
static void unit_sizes(const struct ozr_image_options *opt, double size[OZR_MAX_RANK])
{
	char name[32];
	int all = 1;

	for (unsigned d = 0; d < opt->rank; d++) {
		size[d] = 1.0;
		if (opt->axes[d].kind == OZR_AXIS_SPACE &&
		    ozr_unit_find(opt->axes[d].unit, OZR_AXIS_SPACE, name, &size[d]) ==
			    OZR_UNIT_UNKNOWN)
			all = 0;
	}
	for (unsigned d = 0; d < opt->rank && !all; d++)
		size[d] = 1.0;
}

static int reducible(const struct ozr_image_options *opt, const struct ozr_level_plan *l,
		     unsigned d)
{
	return opt->axes[d].kind == OZR_AXIS_SPACE && l->shape[d] > 1;
}

static void isotropic_factors(const struct ozr_image_options *opt,
			      const struct ozr_level_plan *from, unsigned factor[OZR_MAX_RANK])
{
	double unit[OZR_MAX_RANK], smallest = 0.0;
	int any = 0;

	unit_sizes(opt, unit);
	for (unsigned d = 0; d < opt->rank; d++) {
		double size = from->scale[d] * unit[d];
		if (reducible(opt, from, d) && (!any || size < smallest)) {
			smallest = size;
			any = 1;
		}
	}
	/* The margin keeps 0.26 out when the smallest is 0.13, however it was computed. */
	for (unsigned d = 0; d < opt->rank; d++)
		factor[d] = reducible(opt, from, d) &&
					    from->scale[d] * unit[d] < 2.0 * smallest * (1.0 - 1e-9)
				    ? 2
				    : 1;
}

static void choose_factors(const struct ozr_image_options *opt, const struct ozr_level_plan *from,
			   unsigned index, unsigned factor[OZR_MAX_RANK])
{
	if (opt->factors == NULL) {
		isotropic_factors(opt, from, factor);
		return;
	}
	unsigned row = index - 1 < opt->factor_sets ? index - 1 : opt->factor_sets - 1;
	memcpy(factor, opt->factors + (size_t)row * opt->rank, opt->rank * sizeof(factor[0]));
}

/* Fill plan[index] from the levels before. Returns 0 when nothing would get smaller. */
static int next_level(const struct ozr_image_options *opt, struct ozr_level_plan *plan,
		      unsigned index)
{
	const struct ozr_level_plan *from = &plan[index - 1];
	struct ozr_level_plan *to = &plan[index];
	int smaller = 0;

	memset(to, 0, sizeof(*to));
	choose_factors(opt, from, index, to->factor);
	for (unsigned d = 0; d < opt->rank; d++) {
		double all = 1.0; /* from level 0 on, so that rounding does not add up */
		for (unsigned i = 1; i <= index; i++)
			all *= (double)plan[i].factor[d];
		to->shape[d] = ozr_ceil_div(from->shape[d], to->factor[d]);
		to->scale[d] = opt->scale[d] * all;
		to->translation[d] = opt->translation[d] + opt->scale[d] * (all - 1.0) / 2.0;
		smaller |= to->shape[d] < from->shape[d];
	}
	return smaller;
}

static int small_enough(const struct ozr_image_options *opt, const struct ozr_level_plan *l)
{
	uint64_t small = ozr_plan_is_volume(opt) ? SMALL_VOLUME : SMALL_PLANE;

	for (unsigned d = 0; d < opt->rank; d++)
		if (opt->axes[d].kind == OZR_AXIS_SPACE && l->shape[d] > small)
			return 0;
	return 1;
}

/* --- levels that the caller has ------------------------------------------------------ */

static int check_given(const struct ozr_image_options *o, unsigned i, struct ozr_err *err)
{
	const struct ozr_level_plan *l = &o->level_plan[i], *from = l - 1;

	for (unsigned d = 0; d < o->rank; d++) {
		uint64_t f = l->factor[d];
		if (!(l->scale[d] > 0) || !isfinite(l->scale[d]) || !isfinite(l->translation[d]))
			return ozr_fail(err, OZR_BAD_ARG,
					"level %u: axis '%s': scale %g and translation %g", i,
					o->axes[d].name, l->scale[d], l->translation[d]);
		if (i == 0 && l->shape[d] == o->shape[d])
			continue;
		if (i == 0 || f == 0 || l->shape[d] == 0 ||
		    (l->shape[d] != ozr_ceil_div(from->shape[d], f) &&
		     l->shape[d] != from->shape[d] / f))
			return ozr_fail(err, OZR_BAD_ARG,
					"level %u: axis '%s': an extent of %llu, which windows of "
					"%llu do not make",
					i, o->axes[d].name, (unsigned long long)l->shape[d],
					(unsigned long long)f);
		if (f > 1 && o->axes[d].kind != OZR_AXIS_SPACE)
			return ozr_fail(err, OZR_BAD_ARG,
					"level %u: axis '%s': only space is reduced", i,
					o->axes[d].name);
	}
	return OZR_OK;
}

static int take_given(const struct ozr_image_options *o, struct ozr_level_plan *plan, unsigned max,
		      struct ozr_err *err)
{
	const struct ozr_level_plan *base = &o->level_plan[0];
	int rc = OZR_OK;

	if (o->levels < 1 || (unsigned)o->levels > max)
		return ozr_fail(err, OZR_BAD_ARG, "%d levels are given, from 1 to %u can be",
				o->levels, max);
	for (unsigned i = 0; rc == OZR_OK && i < (unsigned)o->levels; i++) {
		rc = check_given(o, i, err);
		plan[i] = o->level_plan[i];
		for (unsigned d = 0; d < o->rank; d++) {
			struct ozr_level_plan *l = &plan[i];
			double ratio = o->scale[d] / base->scale[d];
			if (ratio == 1.0 && o->translation[d] == base->translation[d])
				continue; /* exactly as they are */
			l->scale[d] *= ratio;
			l->translation[d] = o->translation[d] +
					    (l->translation[d] - base->translation[d]) * ratio;
		}
	}
	return rc;
}

static unsigned plan_levels(const struct ozr_image_options *o, struct ozr_level_plan *plan,
			    unsigned max)
{
	unsigned n = 1;

	memset(&plan[0], 0, sizeof(plan[0]));
	for (unsigned d = 0; d < o->rank; d++) {
		plan[0].shape[d] = o->shape[d];
		plan[0].factor[d] = 1;
		plan[0].scale[d] = o->scale[d];
		plan[0].translation[d] = o->translation[d];
	}
	while (n < (o->levels > 0 ? (unsigned)o->levels : max)) {
		if (o->levels == 0 && small_enough(o, &plan[n - 1]))
			break;
		if (!next_level(o, plan, n))
			break;
		n++;
	}
	return n;
}

int ozr_image_plan(const struct ozr_image_options *opt, struct ozr_level_plan *plan, unsigned max,
		   unsigned *levels, struct ozr_err *err)
{
	struct ozr_image_options o;
	unsigned n;

	int rc = ozr_options_complete(opt, &o, err);
	if (rc != OZR_OK)
		return rc;
	if (max == 0 || (unsigned)o.levels > max)
		return ozr_fail(err, OZR_BAD_ARG, "%d levels are asked for, the limit is %u",
				o.levels, max);
	if (o.level_plan != NULL) {
		rc = take_given(&o, plan, max, err);
		if (rc != OZR_OK)
			return rc;
		n = (unsigned)o.levels;
	} else {
		n = plan_levels(&o, plan, max);
	}
	rc = ozr_plan_storage(&o, plan, n, err);
	if (rc == OZR_OK)
		*levels = n;
	return rc;
}
