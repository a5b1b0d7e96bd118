/* SPDX-License-Identifier: MIT */
/*
 * What GDAL knows about a raster and OME-NGFF has no place for, as stored in
 * the image group's attributes: `spatial:`, `proj:` and, in one member named
 * `gdal`, the rest. A struct Stored is filled from the attributes of an image
 * (stored_read.cpp, georef.cpp) or from any raster of GDAL's (stored_collect.cpp),
 * changed by setters, and written by stored_write.cpp and stored_save.cpp.
 *
 * "gdal": {
 *   "version": 1,
 *   "band_axis": "c",          what "bands" lists; absent with one band
 *   "geotransform": false,     there is none (scale and translation alone do not tell), or
 *                   [6],       the numbers, where spatial: must not be written
 *   "srs": {"exact": "proj:code",  the form that gives the very same CRS back, or
 *           "wkt": "...",          when there is none
 *           "data_axes": [1, 2], "epoch": 2020.5},
 *   "gcps": {"srs": {"wkt": "...", ...},
 *            "points": [{"id": "1", "info": "", "pixel": 0, "line": 0, "x": 1, "y": 2, "z": 3}]},
 *   "pyramid": "deferred",     levels above 0 are not built yet: nobody shows them; "empty":
 *                              and windows of channels are to be found with them
 *   "overviews": {"method": "CUBIC", "by": "gdal"},   built by GDAL's kernels
 *   "metadata": {"": {"AREA_OR_POINT": "Area"}, "xml:XMP": ["<x/>"]},
 *   "every_band": {...},       what all bands have in common; all of them are described then,
 *                              also those that "bands" ends before
 *   "bands": [{"description": "...", "color_interpretation": "Red", "nodata": "-9999",
 *              "unit": "m", "scale": 0.1, "offset": 0, "categories": ["..."],
 *              "color_table": {"interpretation": "RGB", "entries": [[r, g, b, a]]},
 *              "attribute_table": "<xml/>", "metadata": {"": {...}},
 *              "histogram": {"min": 0, "max": 256, "counts": [1, 2]}},
 *             false]         nothing is known but what OME says
 * }
 */
#ifndef OZR_GDAL_STORED_H
#define OZR_GDAL_STORED_H

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "compat.h"
#include "ozr/image.h"

using Domains = std::map<std::string, CPLStringList>;

struct Histogram {
	double min = 0, max = 0;
	std::vector<GUIntBig> counts;
};

struct StoredBand {
	std::string description, unit, nodata; /* nodata: "" for none, else an exact number */
	bool has_color_interpretation = false;
	GDALColorInterp color_interpretation = GCI_Undefined;
	bool has_scale = false, has_offset = false;
	double scale = 1, offset = 0;
	CPLStringList categories;
	std::unique_ptr<GDALColorTable> colors;
	std::unique_ptr<GDALDefaultRasterAttributeTable> table;
	Histogram histogram; /* without counts: none */
	Domains metadata;
	bool known = false;   /* what is empty here is none; else OME may say something */
	bool changed = false; /* not in the store yet */
};

/* What a getter gave of one stays where it is when another one is added. */
using StoredBands = std::deque<StoredBand>;

struct GroundPoint {
	std::string id, info;
	double pixel, line, x, y, z;
};

/* How the levels above 0 were made. */
struct StoredOverviews {
	std::string method;    /* a name of gdaladdo's when by_gdal, else "": the image says */
	bool by_gdal = false;  /* by GDAL's kernels: refreshing them is up to overviews.cpp */
	bool deferred = false; /* they are not there yet: readers must not show them */
	bool unseen = false;   /* nor is known what range the pixels have (windows.cpp) */
};

struct Stored {
	StoredOverviews overviews;
	std::string band_axis; /* name of the axis that `bands` lists, "" for none */
	StoredBands bands;     /* perhaps fewer than there are */
	std::shared_ptr<const StoredBand>
		every; /* those behind `bands`; nullptr: only what OME says */
	Domains metadata;
	bool has_geotransform = false;
	bool geotransform_is_ome = false; /* it follows from scale and translation: not stored */
	double geotransform[6] = {0, 1, 0, 0, 0, 1}; /* of level 0 */
	OGRSpatialReference srs;                     /* empty: none */
	std::vector<GroundPoint> gcps;
	OGRSpatialReference gcp_srs; /* empty: none */
	std::string attributes;      /* the group's, as they are */

	/* What is not in the store yet. place, unit and channels: what OME has of geotransform, CRS
	 * and bands must follow. */
	struct Changes {
		bool geotransform, srs, gcps, metadata, bands, overviews;
		bool place, unit, channels;
		bool any() const
		{
			return geotransform || srs || gcps || metadata || bands || overviews;
		}
	} changes = {};
};

/* From the attributes of the group and, where it has no georeferencing, of level 0's array.
 * What does not make sense is left out. false after CPLError(). */
bool read_stored(ozr_image *image, unsigned x, unsigned y, Stored &out);
/* All that a copy can keep of a raster, without georef but for its place on Earth; marked as
 * changed. band_axis: "" for none. */
Stored collect_stored(GDALDataset *source, const std::string &band_axis, bool georef = true);
/* Of a new image with this many bands, about which nothing is known; marked as changed. */
Stored new_stored(const std::string &band_axis, size_t bands);
/* What has changed in `stored` into an image that is open for update or being created; nothing
 * is marked any more. x and y: its axes. False after CPLError(), and all is still marked. */
bool write_stored(ozr_image *image, unsigned x, unsigned y, Stored &stored);

/* Whether a metadata domain is about the image; others describe the source's file, or are made
 * by us. */
bool is_stored_domain(const std::string &domain);
/* An exact number as text, for nodata values of every type; false when the band has none. */
bool nodata_text(GDALRasterBand *band, std::string &out);
std::string number_text(double value);
GroundPoint ground_point(const GDAL_GCP &gcp);
bool is_finite(const GroundPoint &point); /* JSON has no other numbers */
/* nullptr when it is too large to be copied. */
std::unique_ptr<GDALDefaultRasterAttributeTable> copy_table(const GDALRasterAttributeTable *table);
/* A domain of metadata, or an item ("" or nullptr: none), put into what is stored. */
void store_items(CSLConstList items, const std::string &domain, Domains &metadata, bool &changed);
void store_item(const char *name, const char *value, const std::string &domain, Domains &metadata,
		bool &changed);
/* STATISTICS_MEAN and the like, a name or an item. */
bool is_statistic(const char *name);

/* The member `gdal`, of an image with band_count elements along the band axis. Write: what has
 * changed; verbatim: it holds geotransform and CRS too, since spatial: must not be written. */
void read_members(const CPLJSONObject &gdal, ozr_image *image, Stored &out);
void read_bands(const CPLJSONObject &gdal, uint64_t band_count, Stored &out);
/* out.bands grows to `count`. */
void extend_bands(Stored &out, size_t count);
void write_members(const Stored &stored, bool verbatim, uint64_t band_count, CPLJSONObject &gdal);
/* Extent of an axis, 1 when the image has none of that name. */
uint64_t axis_extent(ozr_image *image, const std::string &name);

/* Where a new image lies; a view of a raster's, for its plan. */
struct Georef {
	bool has_geotransform = false;
	bool is_wanted = true;  /* also ground control points */
	bool is_absent = false; /* nothing says how large a pixel is */
	double gt[6] = {0, 1, 0, 0, 0, 1};
	const OGRSpatialReference *srs = nullptr; /* borrowed */
};

#endif
