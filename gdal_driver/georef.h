/* SPDX-License-Identifier: MIT */
/*
 * Georeferencing, both ways: between what GDAL says (a geotransform of pixel
 * corners, a CRS) and what a store says (OME scale and translation of pixel
 * centres, y down; `spatial:` and `proj:` attributes, verbatim). Pure functions
 * on JSON and numbers: stored_read.cpp and stored_save.cpp do the rest.
 */
#ifndef OZR_GDAL_GEOREF_H
#define OZR_GDAL_GEOREF_H

#include <string>

#include "stored.h"

/* A member that comes back as the very same double: Add(name, number) of GDAL 3.6 drops digits. */
void write_number(CPLJSONObject &object, const char *name, double number);

/* --- georef.cpp ------------------------------------------------------------------ */

/* Exactly what was stored; what is there already stays. */
void read_georeferencing(const CPLJSONObject &attributes, Stored &out);
/* From scale and translation: always north up, y of the image is minus the geographic y. */
void default_geotransform(ozr_image *image, unsigned x, unsigned y, Stored &out);
/* gt of a level that is fx and fy times coarser. */
void coarser_geotransform(const double gt[6], double fx, double fy, double out[6]);
/* Pixel size and centre of the first pixel as OME has them: of x and of y. They hold for north-up
 * images; of others they are the size of a pixel and where the first one is. False when gt has
 * no pixels with a size. */
struct OmePlace {
	double scale, translation;
};
bool ome_place(const double gt[6], OmePlace &x, OmePlace &y);
/* Members spatial:* of a group, or of a level that is fx and fy times coarser; nulls, which
 * delete them, without a geotransform. x and y: names of the axes. */
void write_spatial(const Stored &stored, double fx, double fy, const char *x, const char *y,
		   CPLJSONObject &attributes);

/* --- srs.cpp --------------------------------------------------------------------- */

/* From the members proj:* and gdal.srs of attributes; empty when there is none. */
void read_srs(const CPLJSONObject &attributes, OGRSpatialReference &srs);
/* Members proj:*: of a group in every form, of the arrays of levels in one that identifies it;
 * nulls for an empty CRS. */
void write_srs(const OGRSpatialReference &srs, bool is_group, CPLJSONObject &attributes);
/* Which of them gives the very same CRS back, or its text when none does; axis order, epoch.
 * alone: always the text. */
CPLJSONObject srs_details(const OGRSpatialReference &srs, bool alone);
/* What srs_details(srs, true) gave. */
void read_srs_alone(const CPLJSONObject &details, OGRSpatialReference &srs);
/* The unit of OME for the axes of a CRS, "" when there is none. */
const char *ome_unit(const OGRSpatialReference &srs);

/* --- conventions.cpp ---------------------------------------------------------------- */

/* The list zarr_conventions of attributes with some of ours and without others, into out; those
 * that are not ours stay. */
enum Conventions : unsigned { NONE = 0, PROJ = 1, SPATIAL = 2, MULTISCALES = 4 };
void list_conventions(const CPLJSONObject &attributes, unsigned present, unsigned absent,
		      CPLJSONObject &out);
/* Whether each level is in a group of its own (s0/image, ...), the only layout that GDAL's Zarr
 * driver understands with georeferencing. */
bool has_grouped_levels(ozr_image *image);
/* Siblings (0, 1, ...) that the zarr-conventions' multiscales lists: with spatial: beside it GDAL
 * 3.13's Zarr driver crashes, so it must not be written there. */
bool spatial_would_crash(ozr_image *image, const CPLJSONObject &attributes);
/* The zarr-conventions' multiscales for levels in groups, as GDAL's Zarr driver reads it. */
CPLJSONObject convention_multiscales(ozr_image *image);

#endif
