/* SPDX-License-Identifier: MIT */
/*
 * The member `gdal`, as stored.h shows it. What all bands have in common is
 * written once; an image may have thousands of them.
 */
#include <cmath>
#include <cstring>
#include <set>

#include "georef.h"

static std::string utf8(const char *text)
{
	if (CPLIsUTF8(text, -1))
		return text;
	char *recoded = CPLRecode(text, CPL_ENC_ISO8859_1, CPL_ENC_UTF8);
	std::string out = recoded;
	CPLFree(recoded);
	return out;
}

void write_number(CPLJSONObject &object, const char *name, double number)
{
	CPLJSONArray holder;
	holder.Add(number);
	object.Add(name, holder[0]);
}

/* Items as an object; false when an object would not give all of them back. */
static bool write_pairs(const CPLStringList &items, CPLJSONObject &object)
{
	std::set<std::string> keys;
	for (int i = 0; i < items.size(); i++) {
		/* CPLParseNameValue() would cut at ':' too, and take spaces away. */
		const char *equals = strchr(items[i], '=');
		if (equals == nullptr || equals == items[i])
			return false;
		std::string key = utf8(std::string(items[i], equals).c_str());
		if (!keys.insert(key).second)
			return false;
		CPLJSONArray holder; /* the one way to a text value without a name */
		holder.Add(utf8(equals + 1));
		object.AddNoSplitName(key, holder[0]);
	}
	return true;
}

static CPLJSONObject write_domain(const std::string &name, const CPLStringList &items)
{
	CPLJSONObject object;
	if (!STARTS_WITH_CI(name.c_str(), "xml:") && !STARTS_WITH_CI(name.c_str(), "json:") &&
	    write_pairs(items, object))
		return object;
	CPLJSONArray list;
	for (int i = 0; i < items.size(); i++)
		list.Add(utf8(items[i]));
	return list;
}

/* Nothing is added without items. */
static void write_metadata(const Domains &metadata, CPLJSONObject &out)
{
	CPLJSONObject domains;
	bool any = false;
	for (const auto &domain : metadata) {
		if (domain.second.empty())
			continue;
		domains.AddNoSplitName(utf8(domain.first.c_str()),
				       write_domain(domain.first, domain.second));
		any = true;
	}
	if (any)
		out.Add("metadata", domains);
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

static void write_table(const GDALRasterAttributeTable &table, CPLJSONObject &out)
{
	CPLXMLNode *root = table.Serialize();
	if (root == nullptr)
		return;
	char *xml = CPLSerializeXMLTree(root);
	out.Add("attribute_table", utf8(xml));
	CPLFree(xml);
	CPLDestroyXMLNode(root);
}

static void write_histogram(const Histogram &histogram, CPLJSONObject &out)
{
	CPLJSONObject object;
	CPLJSONArray counts;
	for (GUIntBig count : histogram.counts)
		counts.Add(static_cast<GInt64>(count));
	write_number(object, "min", histogram.min);
	write_number(object, "max", histogram.max);
	object.Add("counts", counts);
	out.Add("histogram", object);
}

static CPLJSONObject write_band(const StoredBand &band)
{
	CPLJSONObject out;
	if (!band.description.empty())
		out.Add("description", utf8(band.description.c_str()));
	if (band.has_color_interpretation)
		out.Add("color_interpretation",
			GDALGetColorInterpretationName(band.color_interpretation));
	if (!band.nodata.empty())
		out.Add("nodata", band.nodata);
	if (!band.unit.empty())
		out.Add("unit", utf8(band.unit.c_str()));
	if (band.has_scale)
		write_number(out, "scale", band.scale);
	if (band.has_offset)
		write_number(out, "offset", band.offset);
	if (!band.categories.empty()) {
		CPLJSONArray list;
		for (int i = 0; i < band.categories.size(); i++)
			list.Add(utf8(band.categories[i]));
		out.Add("categories", list);
	}
	if (band.colors != nullptr)
		out.Add("color_table", write_colors(*band.colors));
	if (band.table != nullptr)
		write_table(*band.table, out);
	if (!band.histogram.counts.empty())
		write_histogram(band.histogram, out);
	write_metadata(band.metadata, out);
	return out;
}

/* The members that all bands have, equal in all. */
static CPLJSONObject common_members(const std::vector<CPLJSONObject> &bands)
{
	static const auto plain = CPLJSONObject::PrettyFormat::Plain;
	CPLJSONObject common;
	for (const CPLJSONObject &member : bands[0].GetChildren()) {
		std::string text = member.Format(plain);
		bool all = true;
		for (size_t i = 1; all && i < bands.size(); i++) {
			CPLJSONObject other = bands[i].GetObj(member.GetName());
			all = other.IsValid() && other.Format(plain) == text;
		}
		if (all)
			common.Add(member.GetName(), member);
	}
	return common;
}

/* Ours where they have changed, else what the store has now. What all have in common is compared
 * over all of them: beyond the most that GDAL shows they are let go. */
static std::vector<const StoredBand *> newest(const Stored &stored, const Stored &now,
					      uint64_t band_count)
{
	constexpr size_t most = 1 << 20;
	std::vector<const StoredBand *> bands;
	size_t n = std::max(stored.bands.size(), now.bands.size());
	if (now.every)
		n = std::max(n, static_cast<size_t>(std::min<uint64_t>(band_count, most)));
	for (size_t i = 0; i < n; i++) {
		bool stands = i < now.bands.size() || now.every;
		bool ours = i < stored.bands.size() && (stored.bands[i].changed || !stands);
		bands.push_back(ours                   ? &stored.bands[i]
				: i < now.bands.size() ? &now.bands[i]
						       : now.every.get());
	}
	return bands;
}

static void write_bands(const std::vector<const StoredBand *> &bands, uint64_t band_count,
			CPLJSONObject &gdal)
{
	std::vector<CPLJSONObject> entries;
	CPLJSONArray list;
	bool all_known = bands.size() == band_count;
	for (const StoredBand *band : bands) {
		all_known = all_known && band->known;
		entries.push_back(write_band(*band));
	}
	if (all_known && entries.size() > 1) {
		CPLJSONObject common = common_members(entries);
		for (const CPLJSONObject &member : common.GetChildren())
			for (CPLJSONObject &entry : entries)
				entry.Delete(member.GetName());
		gdal.Add("every_band", common);
		while (!entries.empty() && entries.back().GetChildren().empty())
			entries.pop_back();
	}
	for (size_t i = 0; i < entries.size(); i++) {
		if (bands[i]->known)
			list.Add(entries[i]);
		else
			list.Add(false); /* what OME says of it */
	}
	gdal.Add("bands", list);
}

static void write_gcps(const Stored &stored, CPLJSONObject &gdal)
{
	CPLJSONObject out;
	CPLJSONArray points;
	for (const GroundPoint &one : stored.gcps) {
		CPLJSONObject point;
		point.Add("id", utf8(one.id.c_str()));
		point.Add("info", utf8(one.info.c_str()));
		for (const auto &number :
		     {std::make_pair("pixel", one.pixel), std::make_pair("line", one.line),
		      std::make_pair("x", one.x), std::make_pair("y", one.y),
		      std::make_pair("z", one.z)})
			write_number(point, number.first, number.second);
		points.Add(point);
	}
	if (!stored.gcp_srs.IsEmpty())
		out.Add("srs", srs_details(stored.gcp_srs, true));
	out.Add("points", points);
	gdal.Add("gcps", out);
}

static void write_geotransform(const Stored &stored, bool verbatim, CPLJSONObject &gdal)
{
	CPLJSONArray numbers;
	for (double number : stored.geotransform)
		numbers.Add(number);
	if (stored.geotransform_is_ome)
		return;
	if (!stored.has_geotransform)
		gdal.Add("geotransform", false);
	else if (verbatim)
		gdal.Add("geotransform", numbers);
}

static void write_overviews(const StoredOverviews &overviews, CPLJSONObject &gdal)
{
	CPLJSONObject how;
	if (overviews.deferred)
		gdal.Add("pyramid", overviews.unseen ? "empty" : "deferred");
	if (!overviews.by_gdal)
		return;
	how.Add("method", overviews.method);
	how.Add("by", "gdal");
	gdal.Add("overviews", how);
}

void write_members(const Stored &stored, bool verbatim, uint64_t band_count, CPLJSONObject &gdal)
{
	const Stored::Changes &changes = stored.changes;
	auto anew = [&](const char *name) { gdal.Delete(name); };
	if (!gdal.GetObj("version").IsValid())
		gdal.Add("version", 1);
	Stored now;
	if (changes.bands) {
		if (gdal.GetString("band_axis") == stored.band_axis)
			read_bands(gdal, band_count, now);
		anew("band_axis");
		anew("every_band");
		anew("bands");
		if (!stored.band_axis.empty())
			gdal.Add("band_axis", stored.band_axis);
	}
	if (changes.geotransform) {
		anew("geotransform");
		write_geotransform(stored, verbatim, gdal);
	}
	if (changes.srs) {
		anew("srs");
		if (!stored.srs.IsEmpty())
			gdal.Add("srs", srs_details(stored.srs, verbatim));
	}
	if (changes.gcps) {
		anew("gcps");
		if (!stored.gcps.empty())
			write_gcps(stored, gdal);
	}
	if (changes.overviews) {
		anew("pyramid");
		anew("overviews");
		write_overviews(stored.overviews, gdal);
	}
	if (changes.metadata) {
		anew("metadata");
		write_metadata(stored.metadata, gdal);
	}
	if (changes.bands)
		write_bands(newest(stored, now, band_count), band_count, gdal);
}
