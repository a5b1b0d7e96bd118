/* SPDX-License-Identifier: MIT */
/*
 * What a copy can keep of a raster of any driver, through GDAL's own interface.
 */
#include <cmath>

#include "stored.h"

bool is_stored_domain(const std::string &domain)
{
	for (const char *other :
	     {"IMAGE_STRUCTURE", "SUBDATASETS", "DERIVED_SUBDATASETS", "xml:VRT", "vrt_sources",
	      "new_vrt_sources", "OME", "json:OME", "OZR_STATS", "_DEBUG_", "TIFF", "OVERVIEWS"})
		if (EQUAL(domain.c_str(), other))
			return false;
	return true;
}

bool is_statistic(const char *name)
{
	return STARTS_WITH_CI(name, "STATISTICS_");
}

void store_items(CSLConstList items, const std::string &domain, Domains &metadata, bool &changed)
{
	CPLStringList copy(CSLDuplicate(items));
	changed = true;
	if (copy.empty())
		metadata.erase(domain);
	else
		metadata[domain] = copy;
}

void store_item(const char *name, const char *value, const std::string &domain, Domains &metadata,
		bool &changed)
{
	changed = true;
	metadata[domain].SetNameValue(name, value);
	if (metadata[domain].empty())
		metadata.erase(domain);
}

static Domains collect_metadata(GDALMajorObject *object)
{
	CPLStringList names(object->GetMetadataDomainList());
	Domains out;
	auto take = [&](const char *name) {
		CPLStringList items(CSLDuplicate(object->GetMetadata(name)));
		if (!items.empty())
			out[name] = items;
	};
	take("");
	for (int i = 0; i < names.size(); i++)
		if (names[i][0] != '\0' && is_stored_domain(names[i]))
			take(names[i]);
	return out;
}

bool nodata_text(GDALRasterBand *band, std::string &out)
{
	int has = FALSE;
	if (band->GetRasterDataType() == GDT_Int64) {
		int64_t value = band->GetNoDataValueAsInt64(&has);
		out = std::to_string(value);
	} else if (band->GetRasterDataType() == GDT_UInt64) {
		uint64_t value = band->GetNoDataValueAsUInt64(&has);
		out = std::to_string(value);
	} else {
		double value = band->GetNoDataValue(&has);
		out = number_text(value);
	}
	return has != FALSE;
}

std::string number_text(double value)
{
	return std::isnan(value) ? "nan" : CPLSPrintf("%.17g", value);
}

std::unique_ptr<GDALDefaultRasterAttributeTable> copy_table(const GDALRasterAttributeTable *table)
{
	std::unique_ptr<GDALDefaultRasterAttributeTable> out;
	CPLXMLNode *root = table != nullptr ? table->Serialize() : nullptr;
	if (root == nullptr)
		return out;
	out = std::make_unique<GDALDefaultRasterAttributeTable>();
	out->XMLInit(root, "");
	CPLDestroyXMLNode(root);
	return out;
}

static StoredBand collect_band(GDALRasterBand *band)
{
	StoredBand out;
	int has = FALSE;
	out.known = true;
	out.description = band->GetDescription();
	out.unit = band->GetUnitType();
	out.has_color_interpretation = true;
	out.color_interpretation = band->GetColorInterpretation();
	if (!nodata_text(band, out.nodata))
		out.nodata.clear();
	double scale = band->GetScale(&has);
	out.has_scale = has && scale != 1.0 && std::isfinite(scale);
	out.scale = out.has_scale ? scale : 1;
	double offset = band->GetOffset(&has);
	out.has_offset = has && offset != 0.0 && std::isfinite(offset);
	out.offset = out.has_offset ? offset : 0;
	out.categories = CPLStringList(CSLDuplicate(band->GetCategoryNames()));
	if (band->GetColorTable() != nullptr)
		out.colors.reset(band->GetColorTable()->Clone());
	out.table = copy_table(band->GetDefaultRAT());
	out.metadata = collect_metadata(band);
	out.changed = true;
	return out;
}

GroundPoint ground_point(const GDAL_GCP &gcp)
{
	auto text = [](const char *given) { return std::string(given != nullptr ? given : ""); };
	return {text(gcp.pszId), text(gcp.pszInfo), gcp.dfGCPPixel, gcp.dfGCPLine,
		gcp.dfGCPX,      gcp.dfGCPY,        gcp.dfGCPZ};
}

bool is_finite(const GroundPoint &point)
{
	return std::isfinite(point.pixel) && std::isfinite(point.line) && std::isfinite(point.x) &&
	       std::isfinite(point.y) && std::isfinite(point.z);
}

static void collect_gcps(GDALDataset *source, Stored &out)
{
	const GDAL_GCP *points = source->GetGCPs();
	for (int i = 0; points != nullptr && i < source->GetGCPCount(); i++) {
		out.gcps.push_back(ground_point(points[i]));
		if (!is_finite(out.gcps.back())) {
			CPLError(CE_Warning, CPLE_NotSupported,
				 "ground control point '%s' of '%s' has no place and is left out",
				 out.gcps.back().id.c_str(), source->GetDescription());
			out.gcps.pop_back();
		}
	}
	if (!out.gcps.empty() && source->GetGCPSpatialRef() != nullptr)
		out.gcp_srs = *source->GetGCPSpatialRef();
}

static void mark_new(Stored &stored)
{
	Stored::Changes &changes = stored.changes;
	changes.geotransform = changes.srs = changes.gcps = changes.metadata = changes.bands = true;
}

Stored collect_stored(GDALDataset *source, const std::string &band_axis, bool georef)
{
	Stored out;
	if (georef) {
		out.has_geotransform = GDALGetGeoTransform(GDALDataset::ToHandle(source),
							   out.geotransform) == CE_None;
		if (source->GetSpatialRef() != nullptr)
			out.srs = *source->GetSpatialRef();
		collect_gcps(source, out);
	}
	out.metadata = collect_metadata(source);
	out.band_axis = band_axis;
	for (int i = 1; i <= source->GetRasterCount(); i++)
		out.bands.push_back(collect_band(source->GetRasterBand(i)));
	mark_new(out);
	return out;
}

Stored new_stored(const std::string &band_axis, size_t bands)
{
	Stored out;
	out.band_axis = band_axis;
	out.bands.resize(bands);
	for (StoredBand &band : out.bands)
		band.known = band.changed = true;
	mark_new(out);
	return out;
}
