/* SPDX-License-Identifier: MIT */
/*
 * Building overviews (gdaladdo): which levels an image is to have, and GDAL's
 * kernels run onto them. overviews.cpp decides and publishes, regenerate.cpp runs
 * the kernels.
 */
#ifndef OZR_GDAL_OVERVIEWS_H
#define OZR_GDAL_OVERVIEWS_H

#include "dataset.h"
#include "ozr/levels.h"
#include "update.h"

/* overview_plan.cpp: which levels an image is to have. */
struct OverviewPlan {
	std::vector<ozr_new_level> add;  /* finest first */
	std::vector<unsigned char> keep; /* of each level of the image */
	bool keeps_any = false;
	unsigned also_reduced = 0; /* levels that reduce other axes too: they go */
};
/* factors: as gdaladdo gives them, none to drop all. False after CPLError(). */
bool plan_overviews(const Scene &scene, int count, const int *factors, OverviewPlan &plan);
/* Levels of the image whose factor is one of these. */
std::vector<unsigned> levels_with_factors(const Scene &scene, int count, const int *factors);
/* Attributes of a level's array that is fx and fy times coarser than level 0, from level 0's:
 * where it lies on Earth. "" for none. */
std::string coarser_attributes(const Scene &scene, double fx, double fy, const uint64_t *shape);
/* multiscales' type, "" without one. */
std::string multiscale_type(const Scene &scene);
/* The group's member `gdal` as it is now, with a new record of how the levels were made; "" when it
 * cannot be had. */
std::string overview_record(const Scene &scene, const StoredOverviews &overviews);

/* deferred.cpp: a part of deferred levels, if the options ask for one, or their publication; asked:
 * they did. Everything that was written is in the store. False after CPLError(). */
bool build_part(Dataset &dataset, const char *resampling, int count, const int *factors,
		CSLConstList options, Progress progress, bool &asked);
/* Items of IMAGE_STRUCTURE of an image with deferred levels: what to divide it by to build them. */
CPLStringList list_regions(const Scene &scene);
/* What gdaladdo calls the method of an image's levels; "" when nobody knows. */
std::string known_method(const Scene &scene);
/* "NEAREST" of whatever gdaladdo takes for it. */
std::string method_name(const char *resampling);

/* GDAL's kernel `method` from level 0 onto these arrays, for every plane of the image, also those
 * that the view hides; or, with bands (from 1), for the planes of these. skip_equal: only what
 * differs from what is stored is written. False after CPLError(). */
bool regenerate(Dataset &dataset, const std::vector<ozr_array *> &levels, const char *method,
		const std::vector<int> *bands, bool skip_equal, Progress progress);
/* All levels of an image whose levels GDAL's kernels made, for bands that have changed: they are
 * then what building them anew would give. As Update::rebuild. */
bool rebuild_overviews(Dataset &dataset, const std::vector<int> &bands, Progress progress);

#endif
