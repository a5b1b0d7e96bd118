/* SPDX-License-Identifier: MIT */
/*
 * Reading what stored_save.cpp wrote. The attributes are
 * anybody's: members of the wrong type are taken as absent.
 */
#include <cmath>

#include "driver.h"
#include "georef.h"

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

static bool parse_number(const CPLJSONObject &value, double &out)
{
	if (!is(value, CPLJSONObject::Type::Double) && !is(value, CPLJSONObject::Type::Integer) &&
	    !is(value, CPLJSONObject::Type::Long))
		return false;
	double number = value.ToDouble();
	if (!std::isfinite(number))
		return false;
	out = number;
	return true;
}

static Histogram parse_histogram(const CPLJSONObject &histogram)
{
	Histogram out;
	CPLJSONArray counts = histogram.GetArray("counts");
	if (!counts.IsValid() || !parse_number(histogram.GetObj("min"), out.min) ||
	    !parse_number(histogram.GetObj("max"), out.max))
		return Histogram();
	for (int i = 0; i < counts.Size(); i++)
		out.counts.push_back(
			static_cast<GUIntBig>(std::max<GInt64>(0, counts[i].ToLong())));
	return out;
}

/* A band's own members, and those that it has in common with all others. */
static StoredBand parse_band(const CPLJSONObject &own, const CPLJSONObject &common)
{
	auto get = [&](const char *name) {
		CPLJSONObject value = own.GetObj(name);
		return value.IsValid() ? value : common.GetObj(name);
	};
	auto text = [&](const char *name) {
		CPLJSONObject value = get(name);
		return is(value, CPLJSONObject::Type::String) ? value.ToString() : "";
	};
	StoredBand out;
	out.known = true;
	out.description = text("description");
	out.unit = text("unit");
	out.nodata = text("nodata");
	std::string color = text("color_interpretation");
	if (!color.empty()) {
		out.has_color_interpretation = true;
		out.color_interpretation = GDALGetColorInterpretationByName(color.c_str());
	}
	out.has_scale = parse_number(get("scale"), out.scale);
	out.has_offset = parse_number(get("offset"), out.offset);
	CPLJSONArray categories = get("categories").ToArray();
	if (categories.IsValid())
		out.categories = parse_list(categories);
	out.colors = parse_colors(get("color_table"));
	out.table = parse_table(text("attribute_table"));
	out.histogram = parse_histogram(get("histogram"));
	out.metadata = parse_domains(get("metadata"));
	return out;
}

/* Axes may be long, and most bands have nothing of their own: those are not made here. */
void read_bands(const CPLJSONObject &gdal, uint64_t band_count, Stored &out)
{
	CPLJSONArray bands = gdal.GetArray("bands");
	CPLJSONObject common = gdal.GetObj("every_band");
	uint64_t listed = bands.IsValid() ? static_cast<uint64_t>(bands.Size()) : 0;
	bool all = is(common, CPLJSONObject::Type::Object);
	for (uint64_t i = 0; i < std::min(band_count, listed); i++) {
		CPLJSONObject own = bands[static_cast<int>(i)];
		if (all || is(own, CPLJSONObject::Type::Object))
			out.bands.push_back(parse_band(own, common));
		else
			out.bands.emplace_back();
	}
	if (all)
		out.every = std::make_shared<StoredBand>(parse_band(CPLJSONObject(), common));
}

static StoredBand copy_band(const StoredBand &from)
{
	StoredBand out;
	out.description = from.description;
	out.unit = from.unit;
	out.nodata = from.nodata;
	out.has_color_interpretation = from.has_color_interpretation;
	out.color_interpretation = from.color_interpretation;
	out.has_scale = from.has_scale;
	out.has_offset = from.has_offset;
	out.scale = from.scale;
	out.offset = from.offset;
	out.categories = from.categories;
	if (from.colors)
		out.colors.reset(from.colors->Clone());
	out.table = copy_table(from.table.get());
	out.histogram = from.histogram;
	out.metadata = from.metadata;
	out.known = from.known;
	return out;
}

void extend_bands(Stored &out, size_t count)
{
	while (out.bands.size() < count)
		out.bands.push_back(out.every ? copy_band(*out.every) : StoredBand());
}

static void parse_gcps(const CPLJSONObject &gcps, Stored &out)
{
	CPLJSONArray points = gcps.GetArray("points");
	for (int i = 0; points.IsValid() && i < points.Size(); i++) {
		const CPLJSONObject point = points[i];
		GroundPoint one = {point.GetString("id"), point.GetString("info"), 0, 0, 0, 0, 0};
		if (parse_number(point.GetObj("pixel"), one.pixel) &&
		    parse_number(point.GetObj("line"), one.line) &&
		    parse_number(point.GetObj("x"), one.x) &&
		    parse_number(point.GetObj("y"), one.y) &&
		    parse_number(point.GetObj("z"), one.z))
			out.gcps.push_back(one);
	}
	if (!out.gcps.empty())
		read_srs_alone(gcps.GetObj("srs"), out.gcp_srs);
}

uint64_t axis_extent(ozr_image *image, const std::string &name)
{
	ozr_image_info info = {};
	ozr_array_info array = {};
	ozr_image_get_info(image, &info);
	ozr_array_get_info(ozr_image_level(image, 0), &array);
	for (unsigned d = 0; d < info.rank; d++)
		if (name == info.axes[d].name)
			return array.shape[d];
	return 1;
}

void read_members(const CPLJSONObject &gdal, ozr_image *image, Stored &out)
{
	out.band_axis = gdal.GetString("band_axis");
	out.overviews.unseen = gdal.GetString("pyramid") == "empty";
	out.overviews.deferred = out.overviews.unseen || gdal.GetString("pyramid") == "deferred";
	CPLJSONObject overviews = gdal.GetObj("overviews");
	out.overviews.by_gdal = overviews.GetString("by") == "gdal";
	out.overviews.method = overviews.GetString("method");
	out.metadata = parse_domains(gdal.GetObj("metadata"));
	parse_gcps(gdal.GetObj("gcps"), out);
	read_bands(gdal, axis_extent(image, out.band_axis), out);
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
	read_members(own, image, out);
	return true;
}
