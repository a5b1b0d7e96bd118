/* SPDX-License-Identifier: MIT */
/*
 * Setters of a band: they change its entry in what is stored. Bands of overviews
 * show the same entry and change nothing, except for metadata that GDAL itself
 * keeps on them while it computes statistics.
 */
#include <cmath>
#include <cstdlib>

#include "dataset.h"

template <typename F> CPLErr Band::change(const char *what, F fn)
{
	if (!dataset()->may_change(what))
		return CE_Failure;
	Scene &scene = dataset()->scene();
	fn(change_band(scene, nBand));
	scene.rules_changed = true;
	return CE_None;
}

static CPLErr refuse(const char *what, const std::string &name, const char *why)
{
	CPLError(CE_Failure, CPLE_IllegalArg, "set %s of '%s': %s", what, name.c_str(), why);
	return CE_Failure;
}

/* --- names and metadata ----------------------------------------------------------------- */

void Band::SetDescription(const char *text)
{
	GDALRasterBand::SetDescription(text);
	if (!dataset()->is_main())
		return;
	if (!dataset()->scene().writable()) {
		dataset()->warn_of_memory();
		return;
	}
	change_band(dataset()->scene(), nBand).description = text != nullptr ? text : "";
	dataset()->scene().stored.changes.channels = true;
}

CPLErr Band::SetMetadata(string_list items, const char *domain)
{
	std::string name = domain != nullptr ? domain : "";
	CPLStringList copy(CSLDuplicate(items)); /* they may be the ones that are replaced */
	CPLErr rc = GDALRasterBand::SetMetadata(copy.List(), name.c_str());
	if (rc != CE_None || !dataset()->is_main() || !is_stored_domain(name))
		return rc;
	Scene &scene = dataset()->scene();
	if (scene.writable())
		store_items(copy.List(), name, change_band(scene, nBand).metadata,
			    scene.stored.changes.bands);
	else
		dataset()->warn_of_memory();
	return rc;
}

CPLErr Band::SetMetadataItem(const char *name, const char *value, const char *domain)
{
	std::string where = domain != nullptr ? domain : "";
	std::string key = name, text = value != nullptr ? value : ""; /* theirs may be replaced */
	name = key.c_str();
	value = value != nullptr ? text.c_str() : nullptr;
	CPLErr rc = GDALRasterBand::SetMetadataItem(name, value, where.c_str());
	if (rc != CE_None || !dataset()->is_main() || !is_stored_domain(where))
		return rc;
	Scene &scene = dataset()->scene();
	if (scene.writable())
		store_item(name, value, where, change_band(scene, nBand).metadata,
			   scene.stored.changes.bands);
	else if (where.empty() && is_statistic(name))
		dataset()->statistics_changed(nBand);
	else
		dataset()->warn_of_memory();
	return rc;
}

/* --- nodata ----------------------------------------------------------------------------- */

CPLErr Band::set_nodata(const std::string &text)
{
	return change("the nodata value", [&](StoredBand &band) { band.nodata = text; });
}

CPLErr Band::SetNoDataValue(double value)
{
	bool whole = value == std::floor(value);
	if (eDataType == GDT_Int64 && whole && value >= -0x1p63 && value < 0x1p63)
		return SetNoDataValueAsInt64(static_cast<int64_t>(value));
	if (eDataType == GDT_UInt64 && whole && value >= 0 && value < 0x1p64)
		return SetNoDataValueAsUInt64(static_cast<uint64_t>(value));
	if (eDataType == GDT_Int64 || eDataType == GDT_UInt64)
		return refuse("the nodata value", dataset()->scene().name,
			      "it is no number of the band's type");
	return set_nodata(number_text(value));
}

CPLErr Band::SetNoDataValueAsInt64(int64_t value)
{
	if (eDataType != GDT_Int64)
		return refuse("the nodata value", dataset()->scene().name,
			      "the band is not of type Int64");
	return set_nodata(std::to_string(value));
}

CPLErr Band::SetNoDataValueAsUInt64(uint64_t value)
{
	if (eDataType != GDT_UInt64)
		return refuse("the nodata value", dataset()->scene().name,
			      "the band is not of type UInt64");
	return set_nodata(std::to_string(value));
}

CPLErr Band::DeleteNoDataValue()
{
	return set_nodata("");
}

/* --- what the numbers mean -------------------------------------------------------------- */

CPLErr Band::SetUnitType(const char *unit)
{
	return change("the unit",
		      [&](StoredBand &band) { band.unit = unit != nullptr ? unit : ""; });
}

CPLErr Band::SetScale(double scale)
{
	if (!std::isfinite(scale))
		return refuse("the scale", dataset()->scene().name, "it must be finite");
	return change("the scale", [&](StoredBand &band) {
		band.scale = scale;
		band.has_scale = true;
	});
}

CPLErr Band::SetOffset(double offset)
{
	if (!std::isfinite(offset))
		return refuse("the offset", dataset()->scene().name, "it must be finite");
	return change("the offset", [&](StoredBand &band) {
		band.offset = offset;
		band.has_offset = true;
	});
}

CPLErr Band::SetCategoryNames(char **names)
{
	return change("the categories", [&](StoredBand &band) {
		band.categories = CPLStringList(CSLDuplicate(names));
	});
}

CPLErr Band::SetDefaultRAT(const GDALRasterAttributeTable *table)
{
	std::unique_ptr<GDALDefaultRasterAttributeTable> copy = copy_table(table);
	if (table != nullptr && copy == nullptr)
		return refuse("the attribute table", dataset()->scene().name, "it is too large");
	return change("the attribute table",
		      [&](StoredBand &band) { band.table = std::move(copy); });
}

CPLErr Band::SetDefaultHistogram(double min, double max, int count, GUIntBig *counts)
{
	if (!std::isfinite(min) || !std::isfinite(max) || count < 0)
		return refuse("the histogram", dataset()->scene().name, "its range must be finite");
	return change("the histogram", [&](StoredBand &band) {
		band.histogram.min = min;
		band.histogram.max = max;
		band.histogram.counts.assign(counts, counts + count);
	});
}

/* --- colors ----------------------------------------------------------------------------- */

CPLErr Band::SetColorInterpretation(GDALColorInterp color)
{
	dataset()->scene().stored.changes.channels |= dataset()->scene().writable();
	return change("the color interpretation", [&](StoredBand &band) {
		band.color_interpretation = color;
		band.has_color_interpretation = true;
	});
}

CPLErr Band::SetColorTable(GDALColorTable *table)
{
	bool was_palette = GetColorInterpretation() == GCI_PaletteIndex;
	return change("the color table", [&](StoredBand &band) {
		band.colors.reset(table != nullptr ? table->Clone() : nullptr);
		if (table != nullptr) {
			band.color_interpretation = GCI_PaletteIndex;
			band.has_color_interpretation = true;
		} else if (was_palette) {
			band.has_color_interpretation = false;
		}
	});
}
