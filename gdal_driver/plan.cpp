/* SPDX-License-Identifier: MIT */
/*
 * What a raster says about the image that is made of it: axes, shape, scale
 * and translation, units, channels.
 */
#include <cmath>

#include "create.h"
#include "georef.h"

static void plan_axes(const Source &source, Plan &plan)
{
	GDALDataset *dataset = source.dataset;
	ImageOptions &image = plan.image;
	std::string names = source.band_axis_name + "yx";
	image.rank = static_cast<unsigned>(names.size());
	for (unsigned d = 0; d < image.rank; d++) {
		image.axes[d].name[0] = names[d];
		image.axes[d].kind = names[d] == 'c'   ? OZR_AXIS_CHANNEL
				     : names[d] == 't' ? OZR_AXIS_TIME
						       : OZR_AXIS_SPACE;
		image.scale[d] = 1;
	}
	if (source.band_axis >= 0)
		image.shape[source.band_axis] = static_cast<uint64_t>(dataset->GetRasterCount());
	image.shape[source.y] = static_cast<uint64_t>(dataset->GetRasterYSize());
	image.shape[source.x] = static_cast<uint64_t>(dataset->GetRasterXSize());
}

/* Scale and translation from a geotransform. They hold for north-up images; for others they are
 * the size of a pixel and the centre of the first one. */
static void plan_transform(const Source &source, Plan &plan)
{
	ImageOptions &image = plan.image;
	OmePlace x, y;
	if (!source.georef.has_geotransform || !ome_place(source.georef.gt, x, y))
		return;
	image.scale[source.x] = x.scale;
	image.scale[source.y] = y.scale;
	image.translation[source.x] = x.translation;
	image.translation[source.y] = y.translation;
}

static void set_unit(Plan &plan, unsigned axis, const std::string &unit)
{
	copy_text(plan.image.axes[axis].unit, unit.c_str(), sizeof(plan.image.axes[axis].unit));
}

/* What an image of ours says about an axis that a raster does not have, or about units. */
static void plan_from_ome(const Source &source, Plan &plan)
{
	CPLStringList ome(CSLDuplicate(source.dataset->GetMetadata("OME")));
	CPLStringList axes(CSLTokenizeString2(ome.FetchNameValueDef("AXES", ""), ",", 0));
	CPLStringList units(
		CSLTokenizeString2(ome.FetchNameValueDef("UNITS", ""), ",", CSLT_ALLOWEMPTYTOKENS));
	CPLStringList scales(CSLTokenizeString2(ome.FetchNameValueDef("SCALE", ""), ",", 0));
	CPLStringList moves(CSLTokenizeString2(ome.FetchNameValueDef("TRANSLATION", ""), ",", 0));
	if (axes.size() != units.size() || axes.size() != scales.size() ||
	    axes.size() != moves.size())
		return;
	for (unsigned d = 0; d < plan.image.rank; d++) {
		int i = axes.FindString(plan.image.axes[d].name);
		if (i < 0)
			continue;
		set_unit(plan, d, units[i]);
		double scale = CPLAtof(scales[i]), move = CPLAtof(moves[i]);
		if (scale > 0 && std::isfinite(scale) && std::isfinite(move) &&
		    (static_cast<int>(d) == source.band_axis || !source.georef.has_geotransform)) {
			plan.image.scale[d] = scale;
			plan.image.translation[d] = move;
		}
	}
}

static void plan_units(const Source &source, Plan &plan)
{
	const OGRSpatialReference *srs = source.georef.srs;
	if (srs == nullptr || srs->IsGeographic())
		return;
	const char *unit = ome_unit(*srs);
	set_unit(plan, source.y, unit);
	set_unit(plan, source.x, unit);
}

/* omero: names and, for red, green and blue, colors; the library adds windows of the data. */
static void plan_channels(const Source &source, Plan &plan)
{
	plan.image.omero = 1;
	if (source.band_axis >= 0 && source.band_axis_name != "c")
		return;
	for (int i = 1; i <= source.dataset->GetRasterCount(); i++) {
		GDALRasterBand *band = source.dataset->GetRasterBand(i);
		ozr_channel channel = {};
		const char *label = band->GetDescription();
		if (*label == '\0' || !CPLIsUTF8(label, -1))
			label = CPLSPrintf("Band %d", i);
		copy_text(channel.label, label, sizeof(channel.label));
		bool alpha = band->GetColorInterpretation() == GCI_AlphaBand;
		channel.active = !alpha; /* viewers that know no alpha would add it as light */
		channel.has_color = alpha;
		if (alpha)
			std::fill_n(channel.rgb, 3, static_cast<unsigned char>(255));
		int part = band->GetColorInterpretation() - GCI_RedBand;
		if (part >= 0 && part < 3) {
			channel.has_color = 1;
			channel.rgb[part] = 255;
		}
		plan.channels.push_back(channel);
	}
	plan.image.channel = plan.channels.data();
	plan.image.channels = static_cast<unsigned>(plan.channels.size());
}

bool make_plan(Source &source, const Name &target, CSLConstList options, Plan &plan)
{
	plan.image.ome_version = 5;
	if (!plan_version(options, plan))
		return false;
	/* Planes get the layout from which GDAL's own Zarr driver takes overviews and a CRS. */
	plan.image.grouped_levels = plan.image.ome_version == 5 && source.band_axis_name != "z";
	plan_axes(source, plan);
	plan_transform(source, plan);
	plan_from_ome(source, plan);
	plan_units(source, plan);
	plan_channels(source, plan);
	plan.image.dtype = source.dtype;
	if (source.band_axis_name == "c")
		plan.image.alpha = alpha_band(source.dataset);
	plan.has_srs = source.georef.srs != nullptr;
	/* The mean of two palette entries is a third color. */
	if (source.dataset->GetRasterBand(1)->GetColorTable() != nullptr)
		plan.image.method = OZR_MODE;
	if (!plan_options(target, options, plan) ||
	    !plan_as_label(target, options, source.georef.is_absent, plan))
		return false;
	if (plan.has_size) /* it replaces a geotransform without a CRS */
		source.georef.has_geotransform = source.georef.is_absent = false;
	if (plan.twin.wanted)
		add_geotiff_tags(
			source.dataset,
			plan.has_srs || source.georef.has_geotransform ||
				(source.georef.is_wanted && source.dataset->GetGCPCount() > 0),
			plan.twin);
	if (element_from_text(source.nodata, source.dtype, plan.image.nodata)) {
		plan.image.has_nodata = 1;
		memcpy(plan.image.fill, plan.image.nodata, sizeof(plan.image.fill));
	}
	return true;
}
