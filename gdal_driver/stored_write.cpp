/* SPDX-License-Identifier: MIT */
/*
 * The `gdal` member: everything about a source that a copy can keep and OME
 * metadata cannot hold. stored.h shows its form. Nothing goes to .aux.xml.
 */
#include <cmath>
#include <cstring>

#include "stored.h"

static std::string utf8(const char *text)
{
	if (CPLIsUTF8(text, -1))
		return text;
	char *recoded = CPLRecode(text, CPL_ENC_ISO8859_1, CPL_ENC_UTF8);
	std::string out = recoded;
	CPLFree(recoded);
	return out;
}

/* Domains that describe the source file and not the image, or that we make ourselves. */
static bool is_kept(const std::string &domain)
{
	for (const char *other :
	     {"IMAGE_STRUCTURE", "SUBDATASETS", "DERIVED_SUBDATASETS", "xml:VRT", "vrt_sources",
	      "new_vrt_sources", "OME", "json:OME", "_DEBUG_", "TIFF", "OVERVIEWS"})
		if (EQUAL(domain.c_str(), other))
			return false;
	return true;
}

static bool write_domain(string_list items, const std::string &name, CPLJSONObject &domains)
{
	bool pairs =
		!STARTS_WITH_CI(name.c_str(), "xml:") && !STARTS_WITH_CI(name.c_str(), "json:");
	CPLJSONArray list;
	CPLJSONObject object;
	if (items == nullptr || items[0] == nullptr)
		return false;
	for (int i = 0; items[i] != nullptr; i++) {
		/* CPLParseNameValue() would cut at ':' too, and take spaces away. */
		const char *equals = strchr(items[i], '=');
		pairs = pairs && equals != nullptr && equals != items[i];
		if (pairs) {
			CPLJSONArray holder; /* the one way to a text value without a name */
			holder.Add(utf8(equals + 1));
			std::string key(items[i], static_cast<size_t>(equals - items[i]));
			object.AddNoSplitName(utf8(key.c_str()), holder[0]);
		}
		list.Add(utf8(items[i]));
	}
	domains.AddNoSplitName(name, pairs ? object : CPLJSONObject(list));
	return true;
}

static bool write_metadata(GDALMajorObject *object, CPLJSONObject &out)
{
	CPLStringList names(object->GetMetadataDomainList());
	CPLJSONObject domains;
	bool any = write_domain(object->GetMetadata(""), "", domains);
	for (int i = 0; i < names.size(); i++)
		if (names[i][0] != '\0' && is_kept(names[i]))
			any |= write_domain(object->GetMetadata(names[i]), names[i], domains);
	if (any)
		out.Add("metadata", domains);
	return any;
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
		out = std::isnan(value) ? "nan" : CPLSPrintf("%.17g", value);
	}
	return has != FALSE;
}

static CPLJSONObject write_colors(const GDALColorTable &table)
{
	CPLJSONObject out;
	CPLJSONArray entries;
	for (int i = 0; i < table.GetColorEntryCount(); i++) {
		const GDALColorEntry *entry = table.GetColorEntry(i);
		CPLJSONArray c;
		for (int part : {entry->c1, entry->c2, entry->c3, entry->c4})
			c.Add(part);
		entries.Add(c);
	}
	out.Add("interpretation",
		GDALGetPaletteInterpretationName(table.GetPaletteInterpretation()));
	out.Add("entries", entries);
	return out;
}

static void write_table(GDALRasterBand *band, CPLJSONObject &out)
{
	const GDALRasterAttributeTable *table = band->GetDefaultRAT();
	CPLXMLNode *root = table != nullptr ? table->Serialize() : nullptr;
	if (root == nullptr)
		return;
	char *xml = CPLSerializeXMLTree(root);
	out.Add("attribute_table", utf8(xml));
	CPLFree(xml);
	CPLDestroyXMLNode(root);
}

/* Text, numbers and names of a band. */
static void write_band_items(GDALRasterBand *band, CPLJSONObject &out)
{
	int has = FALSE;
	std::string nodata;
	if (*band->GetDescription() != '\0')
		out.Add("description", utf8(band->GetDescription()));
	out.Add("color_interpretation",
		GDALGetColorInterpretationName(band->GetColorInterpretation()));
	if (nodata_text(band, nodata))
		out.Add("nodata", nodata);
	if (*band->GetUnitType() != '\0')
		out.Add("unit", utf8(band->GetUnitType()));
	double scale = band->GetScale(&has);
	if (has && scale != 1.0 && std::isfinite(scale))
		out.Add("scale", scale);
	double offset = band->GetOffset(&has);
	if (has && offset != 0.0 && std::isfinite(offset))
		out.Add("offset", offset);
}

static CPLJSONObject write_band(GDALRasterBand *band)
{
	CPLJSONObject out;
	write_band_items(band, out);
	string_list categories = band->GetCategoryNames();
	if (categories != nullptr) {
		CPLJSONArray list;
		for (int i = 0; categories[i] != nullptr; i++)
			list.Add(utf8(categories[i]));
		out.Add("categories", list);
	}
	if (band->GetColorTable() != nullptr)
		out.Add("color_table", write_colors(*band->GetColorTable()));
	write_table(band, out);
	write_metadata(band, out);
	return out;
}

CPLJSONObject write_stored(GDALDataset *source, const char *band_axis, const Georef &georef)
{
	CPLJSONObject out;
	CPLJSONArray bands;
	out.Add("version", 1);
	if (*band_axis != '\0')
		out.Add("band_axis", band_axis);
	if (georef.is_absent)
		out.Add("geotransform", false);
	if (georef.srs != nullptr) {
		CPLJSONObject srs;
		write_srs_details(*georef.srs, srs);
		out.Add("srs", srs);
	}
	write_metadata(source, out);
	for (int i = 1; i <= source->GetRasterCount(); i++)
		bands.Add(write_band(source->GetRasterBand(i)));
	out.Add("bands", bands);
	return out;
}
