/* SPDX-License-Identifier: MIT */
/*
 * Reading what stored_write.cpp and georef.cpp wrote. The attributes are
 * anybody's: members of the wrong type are taken as absent.
 */
#include <cmath>

#include "driver.h"
#include "stored.h"

static bool is(const CPLJSONObject &value, CPLJSONObject::Type type)
{
	return value.IsValid() && value.GetType() == type;
}

static CPLStringList parse_list(const CPLJSONArray &list)
{
	CPLStringList out;
	for (int i = 0; i < list.Size(); i++)
		out.AddString(list[i].ToString().c_str());
	return out;
}

/* A domain is an object of items or, when it holds text of another kind (XML), a list. */
static CPLStringList parse_domain(const CPLJSONObject &domain)
{
	if (is(domain, CPLJSONObject::Type::Array))
		return parse_list(domain.ToArray());
	CPLStringList out;
	for (const CPLJSONObject &item : domain.GetChildren())
		out.AddNameValue(item.GetName().c_str(), item.ToString().c_str());
	return out;
}

static Domains parse_domains(const CPLJSONObject &domains)
{
	Domains out;
	if (is(domains, CPLJSONObject::Type::Object))
		for (const CPLJSONObject &domain : domains.GetChildren())
			out[domain.GetName()] = parse_domain(domain);
	return out;
}

static std::unique_ptr<GDALColorTable> parse_colors(const CPLJSONObject &colors)
{
	CPLJSONArray entries = colors.GetArray("entries");
	if (!entries.IsValid() || entries.Size() == 0 || entries.Size() > 65536)
		return nullptr;
	GDALPaletteInterp kind = GPI_RGB;
	for (GDALPaletteInterp known : {GPI_Gray, GPI_CMYK, GPI_HLS})
		if (colors.GetString("interpretation") == GDALGetPaletteInterpretationName(known))
			kind = known;
	auto table = std::make_unique<GDALColorTable>(kind);
	for (int i = 0; i < entries.Size(); i++) {
		CPLJSONArray c = entries[i].ToArray();
		if (!c.IsValid() || c.Size() != 4)
			return nullptr;
		GDALColorEntry entry = {
			static_cast<short>(c[0].ToInteger()), static_cast<short>(c[1].ToInteger()),
			static_cast<short>(c[2].ToInteger()), static_cast<short>(c[3].ToInteger())};
		table->SetColorEntry(i, &entry);
	}
	return table;
}

static std::unique_ptr<GDALDefaultRasterAttributeTable> parse_table(const std::string &xml)
{
	/* what is wrong counts as absent */
	CPLErrorStateBackuper state;
	CPLErrorHandlerPusher mute(CPLQuietErrorHandler);
	CPLXMLNode *root = xml.empty() ? nullptr : CPLParseXMLString(xml.c_str());
	if (root == nullptr)
		return nullptr;
	auto table = std::make_unique<GDALDefaultRasterAttributeTable>();
	CPLErr rc = table->XMLInit(root, "");
	CPLDestroyXMLNode(root);
	return rc == CE_None ? std::move(table) : nullptr;
}

static bool parse_number(const CPLJSONObject &band, const char *name, double &out)
{
	double value = band.GetDouble(name, NAN);
	if (!std::isfinite(value))
		return false;
	out = value;
	return true;
}

static StoredBand parse_band(const CPLJSONObject &band)
{
	StoredBand out;
	out.description = band.GetString("description");
	out.unit = band.GetString("unit");
	out.nodata = band.GetString("nodata");
	std::string color = band.GetString("color_interpretation");
	if (!color.empty()) {
		out.has_color_interpretation = true;
		out.color_interpretation = GDALGetColorInterpretationByName(color.c_str());
	}
	out.has_scale = parse_number(band, "scale", out.scale);
	out.has_offset = parse_number(band, "offset", out.offset);
	CPLJSONArray categories = band.GetArray("categories");
	if (categories.IsValid())
		out.categories = parse_list(categories);
	out.colors = parse_colors(band.GetObj("color_table"));
	out.table = parse_table(band.GetString("attribute_table"));
	out.metadata = parse_domains(band.GetObj("metadata"));
	return out;
}

static bool take_text(int rc, char *text, const ozr_err &err, std::string &out)
{
	if (rc != OZR_OK) {
		report(err);
		return false;
	}
	out = text;
	ozr_text_free(text);
	return true;
}

static bool read_attributes(ozr_image *image, Stored &out, std::string &array)
{
	char *text = nullptr;
	ozr_err err = {};
	int rc = ozr_image_attributes(image, &text, &err);
	if (!take_text(rc, text, err, out.attributes))
		return false;
	rc = ozr_array_attributes(ozr_image_level(image, 0), &text, &err);
	return take_text(rc, text, err, array);
}

bool read_stored(ozr_image *image, unsigned x, unsigned y, Stored &out)
{
	std::string array;
	if (!read_attributes(image, out, array))
		return false;
	/* The library has checked the text; GDAL's parser may still not like numbers that only
	 * Python writes (NaN), and then there is nothing for us in it. */
	CPLJSONDocument group, level0;
	{
		CPLErrorStateBackuper state;
		CPLErrorHandlerPusher mute(CPLQuietErrorHandler);
		if (!group.LoadMemory(out.attributes))
			group = CPLJSONDocument();
		if (!level0.LoadMemory(array))
			level0 = CPLJSONDocument();
		read_georeferencing(group.GetRoot(), out);
		read_georeferencing(level0.GetRoot(), out);
	}
	CPLJSONObject own = group.GetRoot().GetObj("gdal");
	if (!out.has_geotransform && own.GetBool("geotransform", true))
		default_geotransform(image, x, y, out);
	out.band_axis = own.GetString("band_axis");
	out.overviews.deferred = own.GetString("pyramid") == "deferred";
	CPLJSONObject overviews = own.GetObj("overviews");
	out.overviews.by_gdal = overviews.GetString("by") == "gdal";
	out.overviews.method = overviews.GetString("method");
	out.metadata = parse_domains(own.GetObj("metadata"));
	CPLJSONArray bands = own.GetArray("bands");
	if (bands.IsValid())
		for (int i = 0; i < bands.Size(); i++)
			out.bands.push_back(parse_band(bands[i]));
	return true;
}
