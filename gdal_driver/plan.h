/* SPDX-License-Identifier: MIT */
/*
 * What the creation options say about a new image. The caller fills in what it
 * knows about the image (axes, shape, type, transformation); plan_options()
 * adds what the options say, and checks every value.
 */
#ifndef OZR_GDAL_PLAN_H
#define OZR_GDAL_PLAN_H

#include <string>
#include <vector>

#include "driver.h"
#include "twin_plan.h"

using ImageOptions = struct ozr_image_options;

/* What becomes of overviews that the source has. */
enum class Overviews { AUTO, IGNORE_EXISTING, FORCE_USE_EXISTING, NONE };

struct Plan {
	ImageOptions image = {}; /* its pointers go into the members below */
	std::string name;
	std::vector<ozr_channel> channels;
	std::vector<unsigned> factors;
	std::vector<ozr_level_plan> levels; /* where they come from the source */
	Overviews overviews = Overviews::IGNORE_EXISTING;
	ozr_durability durability = OZR_FLUSH_NONE;
	bool overwrite = false;
	bool deferred = false;  /* levels above 0 are for others to build */
	bool read_only = false; /* an archive that nobody may write to */
	TwinPlan twin;
	unsigned threads = 0;  /* 0: all */
	bool has_srs = false;  /* in: pixels have a place on Earth, so PIXEL_SIZE is refused */
	bool has_size = false; /* out: PIXEL_SIZE was given and replaces any geotransform */

	Plan() = default;
	Plan(const Plan &) = delete;
	Plan &operator=(const Plan &) = delete;
};

/* OME_VERSION, on which the rest depends; false after CPLError(). */
/* FLUSH, of creation and of open options; unchanged without it. False after CPLError(). */
bool fetch_durability(CSLConstList options, ozr_durability &durability);
bool plan_version(CSLConstList options, Plan &plan);
/* label_target.cpp. When the target is a label: ids, in the version of the image that it belongs to;
 * placed_by_image: and, when it has that image's size, at its place (then plan.has_size).
 * False after CPLError(). */
bool plan_as_label(const Name &target, CSLConstList options, bool placed_by_image, Plan &plan);
/* plan_archive.cpp, parts of plan_options(): TWIN, before anything else; READ_ONLY, and what does not go
 * into archives; what a twin needs of the options, at the end. False after CPLError(). */
bool plan_twin(const Name &target, CSLConstList options, Plan &plan);
bool plan_archive(const Name &target, CSLConstList options, Plan &plan);
bool complete_twin(CSLConstList options, Plan &plan);
/* All others. In plan.image: rank, axes and shape, and as defaults name, scale, translation,
 * method, levels and factors. false after one CPLError(). */
bool plan_options(const Name &target, CSLConstList options, Plan &plan);
/* YES or NO and their like; false after CPLError(). */
bool fetch_bool(CSLConstList options, const char *key, bool &value);
/* Cut between characters when it is too long. */
void copy_text(char *out, const char *text, size_t room);

#endif
