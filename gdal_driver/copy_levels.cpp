/* SPDX-License-Identifier: MIT */
/*
 * OVERVIEWS: levels that a source has already, taken as they are. A level of
 * the plan is taken from an overview of its very size (AUTO), or the source's
 * overviews are the plan (FORCE_USE_EXISTING), rounded down or up as they are.
 */
#include "copy_levels.h"

#include <cmath>

static bool fail(const ozr_err &err)
{
	report(err);
	return false;
}

bool refuse_levels(CSLConstList options, const Plan &plan)
{
	const char *taken = CSLFetchNameValue(options, "OVERVIEWS");
	if (plan.deferred && taken != nullptr && plan.overviews != Overviews::IGNORE_EXISTING) {
		CPLError(
			CE_Failure, CPLE_IllegalArg,
			"OVERVIEWS=%s: must be left out with PYRAMID=DEFER: levels are built later",
			taken);
		return true;
	}
	if (plan.overviews != Overviews::FORCE_USE_EXISTING)
		return false;
	for (const char *key : {"PYRAMID", "LEVELS", "FACTORS"})
		if (CSLFetchNameValue(options, key) != nullptr) {
			CPLError(CE_Failure, CPLE_IllegalArg,
				 "%s=%s: must be left out with OVERVIEWS=FORCE_USE_EXISTING", key,
				 CSLFetchNameValue(options, key));
			return true;
		}
	return false;
}

/* The levels that image would have by itself. */
static bool plan_levels(const ImageOptions &image, std::vector<ozr_level_plan> &out)
{
	ozr_err err = {};
	unsigned n = 0;
	out.resize(64);
	if (ozr_image_plan(&image, out.data(), 64, &n, &err) != OZR_OK)
		return fail(err);
	out.resize(n);
	return true;
}

/* --- images ---------------------------------------------------------------------------- */

bool take_levels(ozr_origin *origin, Overviews how, ImageOptions &image, unsigned threads,
		 std::vector<ozr_source> &levels)
{
	std::vector<ozr_level_plan> plan;
	ozr_err err = {};
	levels.resize(1);
	ozr_origin_source(origin, 0, threads, &levels[0]);
	if (how == Overviews::FORCE_USE_EXISTING) {
		if (ozr_origin_take_levels(origin, &image, &err) != OZR_OK)
			return fail(err);
		levels.resize(ozr_origin_levels(origin));
		for (unsigned n = 1; n < levels.size(); n++)
			ozr_origin_source(origin, n, threads, &levels[n]);
		return true;
	}
	if (how != Overviews::AUTO)
		return true;
	if (!plan_levels(image, plan))
		return false;
	for (unsigned n = 1; n < plan.size(); n++)
		for (unsigned m = 1; m < ozr_origin_levels(origin); m++) {
			uint64_t shape[OZR_MAX_RANK];
			ozr_origin_shape(origin, m, shape);
			if (!std::equal(shape, shape + image.rank, plan[n].shape))
				continue;
			levels.resize(n + 1);
			ozr_origin_source(origin, m, threads, &levels[n]);
			image.taken_levels = 1;
			break;
		}
	return true;
}

/* --- rasters ---------------------------------------------------------------------------- */

/* The overviews of all bands; those that some band does not have in this size are left out. */
static std::vector<Source> list_overviews(const Source &source)
{
	std::vector<Source> out;
	GDALRasterBand *first = source.dataset->GetRasterBand(1);
	for (int i = 0; i < first->GetOverviewCount(); i++) {
		Source level = source;
		level.level.clear();
		for (int b = 1; b <= source.dataset->GetRasterCount(); b++) {
			GDALRasterBand *band = source.dataset->GetRasterBand(b);
			GDALRasterBand *one =
				i < band->GetOverviewCount() ? band->GetOverview(i) : nullptr;
			if (one == nullptr || (!level.level.empty() &&
					       (one->GetXSize() != level.level[0]->GetXSize() ||
						one->GetYSize() != level.level[0]->GetYSize())))
				break;
			level.level.push_back(one);
		}
		if (level.level.size() == static_cast<size_t>(source.dataset->GetRasterCount()))
			out.push_back(level);
	}
	std::stable_sort(out.begin(), out.end(), [](const Source &a, const Source &b) {
		return a.level[0]->GetXSize() > b.level[0]->GetXSize();
	});
	return out;
}

static uint64_t extent(const Source &overview, bool is_x)
{
	int n = is_x ? overview.level[0]->GetXSize() : overview.level[0]->GetYSize();
	return static_cast<uint64_t>(n);
}

/* The whole factor that makes `after` of `before`, rounding up or down; 0: there is none. */
static unsigned factor_between(uint64_t before, uint64_t after)
{
	if (after == 0 || after > before)
		return 0;
	for (uint64_t f : {(before + after - 1) / after, before / after})
		if ((before + f - 1) / f == after || before / f == after)
			return static_cast<unsigned>(f);
	return 0;
}

/* Level n of the plan from an overview. False when no whole factor leads there. */
static bool level_of(const Source &source, const ImageOptions &image, const Source &overview,
		     std::vector<ozr_level_plan> &plan)
{
	ozr_level_plan level = plan.back();
	for (unsigned d = 0; d < image.rank; d++)
		level.factor[d] = 1;
	for (unsigned d : {source.x, source.y}) {
		uint64_t after = extent(overview, d == source.x);
		unsigned f = factor_between(level.shape[d], after);
		if (f == 0)
			return false;
		level.shape[d] = after;
		level.factor[d] = f;
		level.translation[d] += level.scale[d] * (f - 1) / 2.0;
		level.scale[d] *= f;
	}
	plan.push_back(level);
	return true;
}

static bool force_overviews(const Source &source, Plan &plan, std::vector<Source> &overviews)
{
	ImageOptions &image = plan.image;
	ozr_level_plan base = {};
	for (unsigned d = 0; d < image.rank; d++) {
		base.shape[d] = image.shape[d];
		base.factor[d] = 1;
		base.scale[d] = image.scale[d];
		base.translation[d] = image.translation[d];
	}
	plan.levels = {base};
	for (const Source &overview : overviews)
		if (!level_of(source, image, overview, plan.levels)) {
			CPLError(
				CE_Failure, CPLE_NotSupported,
				"OVERVIEWS=FORCE_USE_EXISTING: an overview of %d x %d pixels "
				"cannot "
				"follow a level of %llu x %llu",
				overview.level[0]->GetXSize(), overview.level[0]->GetYSize(),
				static_cast<unsigned long long>(plan.levels.back().shape[source.x]),
				static_cast<unsigned long long>(
					plan.levels.back().shape[source.y]));
			return false;
		}
	image.level_plan = plan.levels.data();
	image.levels = static_cast<int>(plan.levels.size());
	image.taken_levels = overviews.empty() ? 0 : 1;
	return true;
}

/* Overviews of the size of a level, in the order of the levels: those of others are dropped. */
static bool match_overviews(const Source &source, Plan &plan, std::vector<Source> &overviews,
			    std::vector<unsigned> &level)
{
	std::vector<ozr_level_plan> levels;
	std::vector<Source> kept;
	const ImageOptions &image = plan.image;
	if (!plan_levels(image, levels))
		return false;
	for (unsigned n = 1; n < levels.size(); n++)
		for (const Source &overview : overviews) {
			bool whole = source.band_axis < 0 || levels[n].shape[source.band_axis] ==
								     image.shape[source.band_axis];
			if (!whole || extent(overview, true) != levels[n].shape[source.x] ||
			    extent(overview, false) != levels[n].shape[source.y])
				continue;
			kept.push_back(overview);
			level.push_back(n);
			break;
		}
	overviews.swap(kept);
	plan.image.taken_levels = overviews.empty() ? 0 : 1;
	return true;
}

bool take_levels(Source &source, Plan &plan, std::vector<Source> &overviews,
		 std::vector<ozr_source> &levels)
{
	std::vector<unsigned> level;
	levels = {as_ozr_source(source)};
	if (plan.overviews != Overviews::AUTO && plan.overviews != Overviews::FORCE_USE_EXISTING)
		return true;
	overviews = list_overviews(source);
	if (plan.overviews == Overviews::FORCE_USE_EXISTING) {
		if (!force_overviews(source, plan, overviews))
			return false;
		for (unsigned n = 1; n <= overviews.size(); n++)
			level.push_back(n);
	} else if (!match_overviews(source, plan, overviews, level)) {
		return false;
	}
	for (size_t i = 0; i < overviews.size(); i++) {
		levels.resize(level[i] + 1);
		levels[level[i]] = as_ozr_source(overviews[i]);
	}
	return true;
}
