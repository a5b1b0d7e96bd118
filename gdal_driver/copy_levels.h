/* SPDX-License-Identifier: MIT */
/*
 * OVERVIEWS: which levels of a copy are taken from the source as they are, and
 * which are made. What is filled here must outlive the pull.
 */
#ifndef OZR_GDAL_COPY_LEVELS_H
#define OZR_GDAL_COPY_LEVELS_H

#include <vector>

#include "create.h"
#include "ozr/copy.h"

/* Options about levels that a copy cannot follow, or not together: true after CPLError(). */
bool refuse_levels(CSLConstList options, const Plan &plan);
/* levels: sources by level, for ozr_pyramid_pull_levels(); image: levels as the source has them.
 * False after CPLError(). */
bool take_levels(ozr_origin *origin, Overviews how, ImageOptions &image, unsigned threads,
		 std::vector<ozr_source> &levels);
/* The same for a raster; overviews: what levels read from. */
bool take_levels(Source &source, Plan &plan, std::vector<Source> &overviews,
		 std::vector<ozr_source> &levels);

#endif
