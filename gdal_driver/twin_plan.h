/* SPDX-License-Identifier: MIT */
/*
 * TWIN=YES: what a file that is an .ozx and an OME-TIFF needs beside the plan of
 * its image: how pages hold the channels, and the tags that make its TIFF side a
 * GeoTIFF.
 */
#ifndef OZR_GDAL_TWIN_PLAN_H
#define OZR_GDAL_TWIN_PLAN_H

#include <list>
#include <string>
#include <vector>

#include "driver.h"
#include "ozr/twin.h"

struct TwinPlan {
	bool wanted = false;
	ozr_twin_options how = {}; /* its pointers go into the members below */
	ozr_twin_storage storage = {};
	std::vector<ozr_tiff_tag> tags;
	std::list<std::string> values; /* of the tags, as bytes; a list: they stay where they are */
};

/* Georeferencing, nodata and names of bands as GDAL's own GeoTIFF driver writes them for such a
 * raster. georef: GEOREF and the source have it. Without that driver a warning, and no tags. */
void add_geotiff_tags(GDALDataset *source, bool georef, TwinPlan &twin);

#endif
