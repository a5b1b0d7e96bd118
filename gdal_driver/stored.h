/* SPDX-License-Identifier: MIT */
/*
 * What GDAL knows about a raster and OME-NGFF has no place for, as stored in
 * the image group's attributes: `spatial:`, `proj:` and, in one member named
 * `gdal`, the rest. georef.cpp and stored_read.cpp read it, stored_write.cpp writes it.
 *
 * "gdal": {
 *   "version": 1,
 *   "band_axis": "c",          what "bands" lists; absent with one band
 *   "geotransform": false,     the source had none (scale and translation alone do not tell)
 *   "srs": {"exact": "proj:code",  the form that gives the very same CRS back, or
 *           "wkt": "...",          when there is none
 *           "data_axes": [1, 2], "epoch": 2020.5},
 *   "pyramid": "deferred",     levels above 0 are not built yet: nobody shows them
 *   "overviews": {"method": "CUBIC", "by": "gdal"},   built by GDAL's kernels
 *   "metadata": {"": {"AREA_OR_POINT": "Area"}, "xml:XMP": ["<x/>"]},
 *   "bands": [{"description": "...", "color_interpretation": "Red", "nodata": "-9999",
 *              "unit": "m", "scale": 0.1, "offset": 0, "categories": ["..."],
 *              "color_table": {"interpretation": "RGB", "entries": [[r, g, b, a]]},
 *              "attribute_table": "<xml/>", "metadata": {"": {...}}}]
 * }
 */
#ifndef OZR_GDAL_STORED_H
#define OZR_GDAL_STORED_H

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "compat.h"
#include "ozr/image.h"

using Domains = std::map<std::string, CPLStringList>;

struct StoredBand {
	std::string description, unit, nodata; /* nodata: "" for none, else an exact number */
	bool has_color_interpretation = false;
	GDALColorInterp color_interpretation = GCI_Undefined;
	bool has_scale = false, has_offset = false;
	double scale = 1, offset = 0;
	CPLStringList categories;
	std::unique_ptr<GDALColorTable> colors;
	std::unique_ptr<GDALDefaultRasterAttributeTable> table;
	Domains metadata;
};

/* How the levels above 0 were made. */
struct StoredOverviews {
	std::string method;    /* a name of gdaladdo's when by_gdal, else "": the image says */
	bool by_gdal = false;  /* by GDAL's kernels: refreshing them is up to overviews.cpp */
	bool deferred = false; /* they are not there yet: readers must not show them */
};

struct Stored {
	StoredOverviews overviews;
	std::string band_axis; /* name of the axis that `bands` lists */
	std::vector<StoredBand> bands;
	Domains metadata;
	bool has_geotransform = false;
	double geotransform[6] = {0, 1, 0, 0, 0, 1}; /* of level 0 */
	OGRSpatialReference srs;                     /* empty: none */
	std::string attributes;                      /* the group's, as they are */
};

/* From the attributes of the group and, where it has no georeferencing, of level 0's array.
 * What does not make sense is left out, with a warning. false after CPLError(). */
bool read_stored(ozr_image *image, unsigned x, unsigned y, Stored &out);

/* georef.cpp. Exactly what was stored, or else from scale and translation. */
void read_georeferencing(const CPLJSONObject &attributes, Stored &out);
void default_geotransform(ozr_image *image, unsigned x, unsigned y, Stored &out);
/* gt of a level that is fx and fy times coarser. */
void coarser_geotransform(const double gt[6], double fx, double fy, double out[6]);

/* An exact number as text, for nodata values of every type; false when the band has none. */
bool nodata_text(GDALRasterBand *band, std::string &out);

/* stored_write.cpp: the member `gdal`, and georef.cpp: spatial: and proj:, of a new image. */
struct Georef {
	bool has_geotransform = false;
	bool is_absent = false; /* nothing says how large a pixel is */
	double gt[6] = {0, 1, 0, 0, 0, 1};
	const OGRSpatialReference *srs = nullptr; /* borrowed */
};
CPLJSONObject write_stored(GDALDataset *source, const char *band_axis, const Georef &georef);
/* What a document is about: the group, or the array of a level. */
struct About {
	bool is_group;
	double fx, fy; /* how much coarser than level 0 */
};
/* conventions: what zarr_conventions must list. */
void write_georeferencing(const Georef &georef, const About &level, CPLJSONObject &attributes,
			  CPLJSONArray &conventions);
void write_srs_details(const OGRSpatialReference &srs, CPLJSONObject &out);
CPLJSONObject convention(const char *uuid, const char *name, const char *repository,
			 const char *description);

#endif
