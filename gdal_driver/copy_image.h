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

enum class Copied { YES, FAILED, NOT_AN_IMAGE };

/* FAILED: after CPLError(). NOT_AN_IMAGE: it is to be copied as a raster; nothing was done, but
 * perhaps a warning was given that axes are lost. */
Copied copy_image(const CopyRequest &request, GDALDataset *source);

#endif
