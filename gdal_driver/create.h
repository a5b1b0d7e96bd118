/* SPDX-License-Identifier: MIT */
/*
 * A copy being made: the creation options as the user gave them, the source
 * as the library reads it, and the plan for the new image.
 */
#ifndef OZR_GDAL_CREATE_H
#define OZR_GDAL_CREATE_H

#include <memory>
#include <string>
#include <vector>

#include "ozr/pyramid.h"
#include "plan.h"
#include "stored.h"

/* A raster as a source of boxes. Axes of the new image: [band,] y, x. */
struct Source {
	GDALDataset *dataset = nullptr;
	GDALDataType type = GDT_Unknown; /* as GDAL reads it */
	ozr_dtype dtype = OZR_UINT8;     /* as we store it */
	int band_axis = -1;
	unsigned y = 0, x = 1;
	std::string band_axis_name; /* "c", "z", "t" or "" */
	Georef georef;
	std::string nodata; /* of all bands alike, or "" */
	/* GDAL has reported what went wrong; shared by the overviews. */
	std::shared_ptr<bool> failed = std::make_shared<bool>(false);
	std::vector<GDALRasterBand *> level; /* an overview of each band; empty: the full raster */
};

/* Type, axes, nodata, georeferencing; false after CPLError(). Warns about what a copy cannot keep;
 * with strict that is an error. */
bool look_at_source(GDALDataset *dataset, int strict, CSLConstList options, Source &out);
/* The nodata that all bands have, as an exact number, or "". */
std::string common_nodata(GDALDataset *dataset);
/* 1 + index of the alpha band beside others; 0: there is none. */
unsigned alpha_band(GDALDataset *dataset);
/* The library's view of it; `source` must outlive the result. */
ozr_source as_ozr_source(Source &source);
/* An exact number as text, as one element of a type; false when the type does not have it. */
bool element_from_text(const std::string &text, ozr_dtype type, unsigned char out[8]);

/* target.cpp. Whether nothing can be written at a name, after CPLError(). */
bool refuse_target(const Name &target);
/* CPLError() for an image that cannot be created; false. */
bool report_creation(const Name &target, const ozr_err &err, int rc);
/* Side files of an older image of this name would be taken for the new one's. */
void remove_side_files(const Name &target);

/* What the source and the options say about the new image; false after CPLError(). */
bool make_plan(Source &source, const Name &target, CSLConstList options, Plan &plan);

#endif
