/* SPDX-License-Identifier: MIT */
/*
 * Pyramids that many processes build (PYRAMID=DEFER). The image is there with
 * all its levels, but those above 0 are empty, and readers do not show them. Any
 * number of handles write level 0. Then each builds regions, as options of
 * BuildOverviews() or, for gdaladdo, as configuration options:
 *
 *   LEVEL=n or n-m              levels; else those that the factors name
 *   REGION=x,y,width,height     pixels of the raster; else all of it
 *   PUBLISH=YES                 the levels are complete: show them
 *
 * Level n comes from level n - 1 alone. A region must be whole shards of every
 * level that it builds, so that no two processes ever write to one file; what to
 * divide the raster by is told in IMAGE_STRUCTURE.
 */
#include <cmath>
#include <cstdlib>
#include <numeric>

#include "overviews.h"

namespace
{
struct Part {
	unsigned first = 0, last = 0; /* levels to build; 0: none */
	uint64_t x = 0, y = 0, width = 0, height = 0;
	bool publish = false;
};
} // namespace

/* --- the grid of regions ------------------------------------------------------------------ */

static ArrayInfo array_of(const Scene &scene, unsigned level)
{
	ArrayInfo info = {};
	ozr_array_get_info(ozr_image_level(scene.image.get(), level), &info);
	return info;
}

/* Elements of level 0 on an axis that make one of a level. */
static uint64_t factor_of(const Scene &scene, unsigned level, unsigned axis)
{
	double fine[OZR_MAX_RANK], coarse[OZR_MAX_RANK], ignored[OZR_MAX_RANK];
	ozr_image_transform(scene.image.get(), 0, fine, ignored);
	ozr_image_transform(scene.image.get(), level, coarse, ignored);
	double ratio = std::round(coarse[axis] / fine[axis]);
	return ratio >= 1 && ratio < 1e15 ? static_cast<uint64_t>(ratio) : 1;
}

/* Elements of level 0 that lie under one shard of each of these levels; at most the extent. */
static uint64_t region_side(const Scene &scene, unsigned first, unsigned last, unsigned axis)
{
	uint64_t extent = array_of(scene, 0).shape[axis], side = 1;
	for (unsigned n = first; n <= last; n++) {
		ArrayInfo level = array_of(scene, n);
		uint64_t factor = factor_of(scene, n, axis);
		if (level.shard[axis] >= level.shape[axis] || factor > extent / level.shard[axis])
			return extent;
		uint64_t own = level.shard[axis] * factor;
		uint64_t common = side / std::gcd(side, own);
		if (common > extent / own)
			return extent;
		side = common * own;
	}
	return std::min(side, extent);
}

CPLStringList list_regions(const Scene &scene)
{
	CPLStringList out;
	out.SetNameValue("PYRAMID", "DEFERRED");
	for (unsigned n = 0; n < scene.info.levels; n++) {
		uint64_t x = region_side(scene, std::min(n, 1U), n, scene.view.x);
		uint64_t y = region_side(scene, std::min(n, 1U), n, scene.view.y);
		out.SetNameValue(("REGION_" + std::to_string(n)).c_str(),
				 (std::to_string(x) + "," + std::to_string(y)).c_str());
	}
	return out;
}

/* --- what is asked for ---------------------------------------------------------------------- */

static const char *setting(CSLConstList options, const char *name)
{
	std::string config = std::string("OMEZARR_BUILD_") + name;
	const char *value = CSLFetchNameValue(options, name);
	return value != nullptr ? value : CPLGetConfigOption(config.c_str(), nullptr);
}

static bool refuse(const Scene &scene, const std::string &why)
{
	CPLError(CE_Failure, CPLE_IllegalArg, "build overviews of '%s': %s", scene.name.c_str(),
		 why.c_str());
	return false;
}

static bool check_keys(const Scene &scene, CSLConstList options)
{
	for (CSLConstList item = options; item != nullptr && *item != nullptr; item++) {
		char *key = nullptr;
		bool known = CPLParseNameValue(*item, &key) != nullptr &&
			     (EQUAL(key, "LEVEL") || EQUAL(key, "REGION") || EQUAL(key, "PUBLISH"));
		CPLFree(key);
		if (!known)
			return refuse(scene, std::string("option '") + *item +
						     "': must be LEVEL, REGION or PUBLISH");
	}
	return true;
}

static bool parse_levels(const Scene &scene, const char *text, Part &part)
{
	char *end = nullptr;
	long most = static_cast<long>(scene.info.levels) - 1;
	long first = std::strtol(text, &end, 10), last = first;
	bool good = end != text;
	if (good && *end == '-') {
		const char *rest = end + 1;
		last = std::strtol(rest, &end, 10);
		good = end != rest;
	}
	if (!good || *end != '\0' || first < 1 || last < first || last > most)
		return refuse(scene, std::string("LEVEL=") + text + ": must be a level from 1 to " +
					     std::to_string(most) +
					     ", or two with a - between them");
	part.first = static_cast<unsigned>(first);
	part.last = static_cast<unsigned>(last);
	return true;
}

/* Levels with these factors; without factors all. */
static bool find_levels(const Scene &scene, int count, const int *factors, Part &part)
{
	part.first = 1;
	part.last = scene.info.levels - 1;
	if (count == 0)
		return true;
	std::vector<unsigned> levels = levels_with_factors(scene, count, factors);
	if (levels.size() != static_cast<size_t>(count) ||
	    levels.back() - levels.front() + 1 != levels.size())
		return refuse(scene, "the factors must be those of levels that follow each other; "
				     "LEVEL= names them by number");
	part.first = levels.front();
	part.last = levels.back();
	return true;
}

static bool parse_window(const Scene &scene, const char *text, Part &part)
{
	ArrayInfo info = array_of(scene, 0);
	uint64_t width = info.shape[scene.view.x], height = info.shape[scene.view.y];
	uint64_t *const value[] = {&part.x, &part.y, &part.width, &part.height};
	CPLStringList words(
		CSLTokenizeString2(text, ",", CSLT_STRIPLEADSPACES | CSLT_ALLOWEMPTYTOKENS));
	bool good = words.size() == 4;
	for (int i = 0; i < 4 && good; i++) {
		char *end = nullptr;
		long long number = std::strtoll(words[i], &end, 10);
		good = end != words[i] && *end == '\0' && number >= 0;
		*value[i] = static_cast<uint64_t>(number);
	}
	if (!good || part.width == 0 || part.height == 0 || part.x >= width || part.y >= height ||
	    part.width > width - part.x || part.height > height - part.y)
		return refuse(scene, std::string("REGION=") + text +
					     ": must be x,y,width,height within the " +
					     std::to_string(width) + " x " +
					     std::to_string(height) + " pixels of the raster");
	uint64_t x = region_side(scene, part.first, part.last, scene.view.x);
	uint64_t y = region_side(scene, part.first, part.last, scene.view.y);
	auto whole = [](uint64_t start, uint64_t count, uint64_t side, uint64_t extent) {
		return start % side == 0 && (count % side == 0 || start + count == extent);
	};
	if (!whole(part.x, part.width, x, width) || !whole(part.y, part.height, y, height))
		return refuse(scene,
			      std::string("REGION=") + text +
				      ": must be whole shards of these levels, multiples of " +
				      std::to_string(x) + " x " + std::to_string(y) +
				      " pixels or up to the edge");
	return true;
}

/* The image must be one that leaves its levels to others, and they are made by its own method. */
static bool check_image(const Scene &scene, const char *resampling)
{
	std::string method = known_method(scene), asked = method_name(resampling);
	if (!scene.stored.overviews.deferred)
		return refuse(scene, "LEVEL and REGION are for images with PYRAMID=DEFER, until "
				     "their levels are published");
	if (!asked.empty() && !method.empty() && asked != method)
		return refuse(scene, "resampling " + asked + ": must be " + method +
					     ", that of the image, for LEVEL and REGION");
	return true;
}

static bool parse_part(const Scene &scene, const char *resampling, int count, const int *factors,
		       CSLConstList options, Part &part)
{
	const char *level = setting(options, "LEVEL"), *region = setting(options, "REGION");
	const char *publish = setting(options, "PUBLISH");
	part.publish = publish != nullptr && CPLTestBool(publish);
	if (level == nullptr && region == nullptr)
		return true;
	if (!check_image(scene, resampling))
		return false;
	bool known = level != nullptr ? parse_levels(scene, level, part)
				      : find_levels(scene, count, factors, part);
	if (!known)
		return false;
	if (region != nullptr)
		return parse_window(scene, region, part);
	ArrayInfo info = array_of(scene, 0);
	part.width = info.shape[scene.view.x];
	part.height = info.shape[scene.view.y];
	return true;
}

/* --- doing it ------------------------------------------------------------------------------- */

/* Of the level below the first one. Axes of which an open option chose one element are built there
 * alone. */
static bool place_region(const Scene &scene, const Part &part, Region &out)
{
	const View &view = scene.view;
	ArrayInfo below = array_of(scene, part.first - 1);
	for (unsigned d = 0; d < below.rank; d++) {
		uint64_t start = d == view.x ? part.x : part.y;
		uint64_t count = d == view.x ? part.width : part.height;
		uint64_t side = region_side(scene, part.first, part.last, d);
		out.count[d] = below.shape[d];
		if (d != view.x && d != view.y) {
			if (!view.chosen[d])
				continue;
			start = view.planes[0][d];
			count = 1;
			if (side > 1)
				return refuse(scene, std::string("one element of axis '") +
							     scene.info.axes[d].name +
							     "' is chosen, and a shard of these "
							     "levels holds " +
							     std::to_string(side));
		}
		uint64_t factor = factor_of(scene, part.first - 1, d);
		uint64_t end = (start + count + factor - 1) / factor;
		out.start[d] = start / factor;
		out.count[d] = std::min(end, below.shape[d]) - out.start[d];
	}
	return true;
}

bool build_part(Dataset &dataset, const char *resampling, int count, const int *factors,
		CSLConstList options, Progress progress, bool &asked)
{
	Scene &scene = dataset.scene();
	Part part;
	Region region = {};
	asked = setting(options, "LEVEL") != nullptr || setting(options, "REGION") != nullptr ||
		setting(options, "PUBLISH") != nullptr;
	if (!check_keys(scene, options))
		return false;
	if (!asked)
		return true;
	if (!parse_part(scene, resampling, count, factors, options, part))
		return false;
	if (part.first > 0 && (!place_region(scene, part, region) ||
			       !refresh_region(scene, part.first, part.last, region, progress)))
		return false;
	return !part.publish || publish_pyramid(scene);
}
