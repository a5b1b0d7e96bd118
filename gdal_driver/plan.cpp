/* SPDX-License-Identifier: MIT */
/*
 * From creation options to the library's. Lists of numbers have one entry for
 * each axis; leading ones may be left out, and a single number means the
 * spatial axes.
 */
#include <climits>
#include <cmath>
#include <cstdlib>

#include "create.h"

static bool bad_option(const char *key, const char *value, const char *must)
{
	CPLError(CE_Failure, CPLE_IllegalArg, "%s=%s: must be %s", key, value, must);
	return false;
}

/* Cut between characters when it is too long. */
static void copy_text(char *out, const char *text, size_t room)
{
	size_t n = CPLStrlcpy(out, text, room);
	for (n = std::min(n, room - 1); !CPLIsUTF8(out, -1) && n > 0; n--)
		out[n - 1] = '\0';
}

static bool is_spatial(const Plan &plan, unsigned axis)
{
	return plan.image.axes[axis].kind == OZR_AXIS_SPACE;
}

static bool parse_number(const char *text, double least, double most, bool whole, double &out)
{
	char *end = nullptr;
	out = CPLStrtod(text, &end);
	return end != text && *end == '\0' && out >= least && out <= most &&
	       (!whole || out == std::floor(out));
}

/* A list for the axes into out[rank]; axes that are not named keep their value. */
static bool parse_axes(const Plan &plan, const char *text, bool whole, double *out)
{
	CPLStringList parts(
		CSLTokenizeString2(text, ",", CSLT_STRIPLEADSPACES | CSLT_STRIPENDSPACES));
	int rank = static_cast<int>(plan.image.rank), n = parts.size();
	double least = whole ? 1 : 1e-300, most = whole ? 9007199254740992.0 : 1e300, value;
	if (n == 0)
		return false;
	if (n == 1) {
		if (!parse_number(parts[0], least, most, whole, value))
			return false;
		for (int d = 0; d < rank; d++)
			if (is_spatial(plan, static_cast<unsigned>(d)))
				out[d] = value;
		return true;
	}
	for (int i = 0; i < n; i++) {
		if (!parse_number(parts[i], least, most, whole, value))
			return false;
		if (i + rank >= n)
			out[i + rank - n] = value;
		else if (value != 1.0) /* an axis that the image does not have */
			return false;
	}
	return true;
}

static bool plan_axes(const Source &source, Plan &plan)
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
	return true;
}

/* Scale and translation from a geotransform. They hold for north-up images; for others they are
 * the size of a pixel and the centre of the first one. */
static void plan_transform(const Source &source, Plan &plan)
{
	const double *gt = source.georef.gt;
	ImageOptions &image = plan.image;
	if (!source.georef.has_geotransform)
		return;
	double sx = std::hypot(gt[1], gt[4]), sy = std::hypot(gt[2], gt[5]);
	double cx = gt[0] + (gt[1] + gt[2]) / 2, cy = gt[3] + (gt[4] + gt[5]) / 2;
	if (!std::isfinite(sx) || !std::isfinite(sy) || sx == 0 || sy == 0 || !std::isfinite(cx) ||
	    !std::isfinite(cy))
		return;
	image.scale[source.x] = sx;
	image.scale[source.y] = sy;
	image.translation[source.x] = cx;
	image.translation[source.y] = gt[5] > 0 ? cy : -cy;
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
	double meters = srs->GetLinearUnits();
	const char *unit = std::fabs(meters - 1) < 1e-12               ? "meter"
			   : std::fabs(meters - 1000) < 1e-9           ? "kilometer"
			   : std::fabs(meters - 0.3048) < 1e-12        ? "foot"
			   : std::fabs(meters - 1200.0 / 3937) < 1e-12 ? "foot"
								       : "";
	set_unit(plan, source.y, unit);
	set_unit(plan, source.x, unit);
}

/* PIXEL_SIZE and UNIT. */
static bool plan_pixel_size(Source &source, CSLConstList options, Plan &plan)
{
	const char *size = CSLFetchNameValue(options, "PIXEL_SIZE");
	const char *unit = CSLFetchNameValue(options, "UNIT");
	if (size != nullptr) {
		if (source.georef.srs != nullptr) {
			CPLError(CE_Failure, CPLE_IllegalArg,
				 "PIXEL_SIZE=%s: the source has a coordinate system; GEOREF=NO "
				 "drops it",
				 size);
			return false;
		}
		if (!parse_axes(plan, size, false, plan.image.scale))
			return bad_option("PIXEL_SIZE", size,
					  "one positive number, or one for each axis, as in "
					  "2.5,0.5,0.5");
		/* The size replaces a geotransform without a CRS. */
		source.georef.has_geotransform = source.georef.is_absent = false;
		std::fill_n(plan.image.translation, plan.image.rank, 0.0);
	}
	for (unsigned d = 0; unit != nullptr && d < plan.image.rank; d++)
		if (is_spatial(plan, d))
			set_unit(plan, d, unit);
	return true;
}

static bool plan_codec(CSLConstList options, Plan &plan)
{
	static const char *const known[] = {"blosc-zstd", "blosc-lz4",     "blosc-lz4hc",
					    "blosc-zlib", "blosc-blosclz", "zstd",
					    "gzip",       "none"};
	const char *name = CSLFetchNameValueDef(options, "COMPRESS", "BLOSC_ZSTD");
	const char *level = CSLFetchNameValue(options, "LEVEL");
	ozr_codec_options &codec = plan.image.codec;
	double number;
	std::string text = CPLString(EQUAL(name, "BLOSC") ? "BLOSC_ZSTD" : name).tolower();
	std::replace(text.begin(), text.end(), '_', '-');
	if (std::find(std::begin(known), std::end(known), text) == std::end(known))
		return bad_option("COMPRESS", name,
				  "BLOSC_ZSTD, BLOSC_LZ4, BLOSC_LZ4HC, BLOSC_ZLIB, BLOSC_BLOSCLZ, "
				  "ZSTD, GZIP or NONE");
	CPLStrlcpy(codec.codec, text.c_str(), sizeof(codec.codec));
	if (level == nullptr)
		return true;
	if (!parse_number(level, -7, 22, true, number))
		return bad_option("LEVEL", level, "a whole number from -7 to 22");
	codec.level = number == 0 ? INT_MIN : static_cast<int>(number);
	return true;
}

/* BLOCKSIZE and SHARDSIZE. */
static bool plan_chunks(CSLConstList options, Plan &plan)
{
	const char *block = CSLFetchNameValue(options, "BLOCKSIZE");
	const char *shard = CSLFetchNameValue(options, "SHARDSIZE");
	double values[OZR_MAX_RANK];
	auto parse = [&](const char *key, const char *text, uint64_t *out) {
		std::fill_n(values, OZR_MAX_RANK, 0.0);
		if (!parse_axes(plan, text, true, values))
			return bad_option(key, text,
					  "a positive whole number, or one for each axis, as in "
					  "64,256,256");
		std::copy_n(values, plan.image.rank, out);
		return true;
	};
	if (block != nullptr && !parse("BLOCKSIZE", block, plan.image.chunk))
		return false;
	if (shard == nullptr || EQUAL(shard, "AUTO"))
		return true;
	if (EQUAL(shard, "NO") || EQUAL(shard, "NONE")) {
		plan.image.no_shards = 1;
		return true;
	}
	if (plan.image.ome_version == 4)
		return bad_option("SHARDSIZE", shard, "NO: OME-Zarr 0.4 has no shards");
	return parse("SHARDSIZE", shard, plan.image.shard);
}

/* PYRAMID, LEVELS, FACTORS. */
static bool plan_levels(CSLConstList options, Plan &plan)
{
	const char *pyramid = CSLFetchNameValueDef(options, "PYRAMID", "AUTO");
	const char *levels = CSLFetchNameValue(options, "LEVELS");
	const char *factors = CSLFetchNameValue(options, "FACTORS");
	double number, values[OZR_MAX_RANK];
	if (!EQUAL(pyramid, "AUTO") && !EQUAL(pyramid, "YES") && !EQUAL(pyramid, "NO"))
		return bad_option("PYRAMID", pyramid, "AUTO or NO");
	if (EQUAL(pyramid, "NO"))
		plan.image.levels = 1;
	if (levels != nullptr) {
		if (!parse_number(levels, 1, 64, true, number))
			return bad_option("LEVELS", levels, "a whole number from 1 to 64");
		if (plan.image.levels == 1 && number != 1)
			return bad_option("LEVELS", levels, "1 with PYRAMID=NO");
		plan.image.levels = static_cast<int>(number);
	}
	CPLStringList rows(CSLTokenizeString2(factors != nullptr ? factors : "", ";", 0));
	for (int i = 0; i < rows.size(); i++) {
		std::fill_n(values, OZR_MAX_RANK, 1.0);
		if (!parse_axes(plan, rows[i], true, values) ||
		    *std::max_element(values, values + plan.image.rank) > 64)
			return bad_option("FACTORS", factors,
					  "whole numbers from 1 to 64: one, or one for each axis, "
					  "levels apart by ';', as in 1,2,2;2,2,2");
		for (unsigned d = 0; d < plan.image.rank; d++)
			plan.factors.push_back(static_cast<unsigned>(values[d]));
	}
	plan.image.factors = plan.factors.empty() ? nullptr : plan.factors.data();
	plan.image.factor_sets = static_cast<unsigned>(rows.size());
	return true;
}

static bool plan_method(const Source &source, CSLConstList options, Plan &plan)
{
	const char *name = CSLFetchNameValue(options, "RESAMPLING");
	bool palette = source.dataset->GetRasterBand(1)->GetColorTable() != nullptr;
	if (name == nullptr) /* the mean of two palette entries is a third color */
		plan.image.method = palette ? OZR_MODE : OZR_MEAN;
	else if (EQUAL(name, "AVERAGE") || EQUAL(name, "MEAN"))
		plan.image.method = OZR_MEAN;
	else if (EQUAL(name, "NEAREST") || EQUAL(name, "NEAR"))
		plan.image.method = OZR_NEAREST;
	else if (EQUAL(name, "MODE"))
		plan.image.method = OZR_MODE;
	else
		return bad_option("RESAMPLING", name, "AVERAGE, MEAN, NEAREST or MODE");
	return true;
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

static bool plan_version(const Source &source, CSLConstList options, Plan &plan)
{
	const char *version = CSLFetchNameValueDef(options, "OME_VERSION", "0.5");
	if (!EQUAL(version, "0.4") && !EQUAL(version, "0.5"))
		return bad_option("OME_VERSION", version, "0.4 or 0.5");
	plan.image.ome_version = EQUAL(version, "0.4") ? 4 : 5;
	/* Planes get the layout from which GDAL's own Zarr driver takes overviews and a CRS. */
	plan.image.grouped_levels = plan.image.ome_version == 5 && source.band_axis_name != "z";
	return true;
}

static bool plan_writing(CSLConstList options, Plan &plan)
{
	const char *flush = CSLFetchNameValueDef(options, "FLUSH", "NONE");
	if (EQUAL(flush, "CLOSE"))
		plan.durability = OZR_FLUSH_CLOSE;
	else if (EQUAL(flush, "EACH"))
		plan.durability = OZR_FLUSH_EACH;
	else if (!EQUAL(flush, "NONE"))
		return bad_option("FLUSH", flush, "NONE, CLOSE or EACH");
	plan.overwrite = CPLFetchBool(options, "OVERWRITE", false);
	return true;
}

static void plan_name(const Name &target, CSLConstList options, Plan &plan)
{
	const char *name = CSLFetchNameValue(options, "NAME");
	plan.name = name != nullptr ? name : CPLGetFilename(target.folder.c_str());
	for (const char *suffix : {".zarr", ".ome"}) {
		size_t n = strlen(suffix);
		if (name == nullptr && plan.name.size() > n &&
		    EQUAL(plan.name.c_str() + plan.name.size() - n, suffix))
			plan.name.resize(plan.name.size() - n);
	}
	if (!CPLIsUTF8(plan.name.c_str(), -1)) {
		char *recoded = CPLRecode(plan.name.c_str(), CPL_ENC_ISO8859_1, CPL_ENC_UTF8);
		plan.name = recoded;
		CPLFree(recoded);
	}
	plan.image.name = plan.name.c_str();
}

bool make_plan(Source &source, const Name &target, CSLConstList options, Plan &plan)
{
	if (!plan_version(source, options, plan) || !plan_axes(source, plan))
		return false;
	plan_name(target, options, plan);
	plan_transform(source, plan);
	plan_from_ome(source, plan);
	plan_units(source, plan);
	if (!plan_pixel_size(source, options, plan) || !plan_codec(options, plan) ||
	    !plan_chunks(options, plan) || !plan_levels(options, plan) ||
	    !plan_method(source, options, plan) || !plan_writing(options, plan))
		return false;
	plan_channels(source, plan);
	plan.image.dtype = source.dtype;
	if (element_from_text(source.nodata, source.dtype, plan.image.nodata)) {
		plan.image.has_nodata = 1;
		memcpy(plan.image.fill, plan.image.nodata, sizeof(plan.image.fill));
	}
	return true;
}
