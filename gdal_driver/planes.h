/* SPDX-License-Identifier: MIT */
/*
 * Planes of an array as a raster for GDAL's overview kernels: a level that is
 * being built, which no dataset shows yet, or planes of level 0 that the user's
 * view hides. Pixels go to and from the library, past GDAL's block cache. What a
 * kernel asks about a band (nodata, colors) is answered as its model does, the
 * band that a user sees.
 *
 * Belongs to one thread; borrows the array and the models.
 */
#ifndef OZR_GDAL_PLANES_H
#define OZR_GDAL_PLANES_H

#include "dataset.h"

class Planes final : public GDALDataset
{
      public:
	/* planes: index on every axis but x and y; one band each. models: as many, nullptr for
	 * none. skip_equal: writing what is there already does nothing. */
	Planes(const Scene &scene, ozr_array *array, const std::vector<Indices> &planes,
	       const std::vector<GDALRasterBand *> &models, bool skip_equal);
	~Planes() override;

	CPLErr transfer(GDALRWFlag flag, const Window &window, int band, const Pixels &pixels);

      private:
	ozr_box box(const Window &window, int band, const Pixels &pixels, ozr_dtype type) const;
	CPLErr move(GDALRWFlag flag, const Window &window, int band, const Pixels &pixels,
		    ozr_dtype type);
	CPLErr write_difference(const Window &window, int band, const Pixels &pixels);

	const Scene &scene_;
	ozr_array *array_;
	ArrayInfo info_ = {};
	std::vector<Indices> planes_;
	bool skip_equal_;
};

#endif
