/* SPDX-License-Identifier: MIT */
/*
 * Copies of our own datasets: the image with all its axes, not the raster that
 * is shown of it. What the open options of the source choose is what is copied:
 *
 *   none of them     everything; axes of which one plane is shown come whole
 *   Z=, T=, C=       this plane only; its axis goes
 *   LEVEL=           from this level on
 *   BANDS=C, Z, T    the raster as it is shown, as of any other source
 *
 * BAND_AXIS and PIXELTYPE speak of rasters and lead to a copy of the raster, too.
 */
#ifndef OZR_GDAL_COPY_IMAGE_H
#define OZR_GDAL_COPY_IMAGE_H

#include <memory>

#include "creation.h"
#include "dataset.h"
#include "ozr/copy.h"

struct FreeOrigin {
	void operator()(ozr_origin *origin) const
	{
		ozr_origin_free(origin);
	}
};
using Origin = std::unique_ptr<ozr_origin, FreeOrigin>;

/* A copy while it is made. */
struct ImageCopy {
	const CopyRequest &request;
	Dataset &source;
	ozr_part part;
	Origin origin;
	Plan plan;
	std::vector<ozr_source> levels; /* where the pixels of levels come from */
	bool georef;
	unsigned x, y;          /* axes of the copy */
	std::string attributes; /* of the group, as the copy is to have them */
};

/* A label of the source, with what it needs to be copied. */
struct LabelCopy {
	std::string name;
	Image image;
	Origin origin;
	ImageOptions options = {};
	std::vector<unsigned> factors;
	std::vector<ozr_source> levels;
	std::string attributes;
	double size = 0; /* elements of level 0 */
};

/* copy_labels.cpp. The labels to be copied, planned as the image is. What beside the image is not
 * copied is said in one warning; with strict that is an error. False after CPLError(). */
bool plan_labels(const ImageCopy &copy, std::vector<LabelCopy> &out);
/* One of them into the image that is being made; `until`: the progress that this brings. */
bool copy_label(const ImageCopy &copy, LabelCopy &label, Creation &creation, double until);

enum class Copied { YES, FAILED, NOT_AN_IMAGE };

/* FAILED: after CPLError(). NOT_AN_IMAGE: it is to be copied as a raster; nothing was done, but
 * perhaps a warning was given that axes are lost. */
Copied copy_image(const CopyRequest &request, GDALDataset *source);

#endif
