/* SPDX-License-Identifier: MIT */
/*
 * From creation options to the library's. Lists of numbers have one entry for
 * each axis; leading ones may be left out, and a single number means the
 * spatial axes. Every value that is not understood is one error: GDAL itself
 * only warns.
 */
#include <climits>
#include <cmath>
#include <cstdlib>

#include "plan.h"

static bool bad_option(const char *key, const char *value, const char *must)
{
	CPLError(CE_Failure, CPLE_IllegalArg, "%s=%s: must be %s", key, value, must);
	return false;
}

namespace
{
/* A word that an option may have, and what it means. */
struct Choice {
	const char *word;
	int meaning;
};
} // namespace

/* value keeps what it is when the option is not given. must: the words, for the message. */
static bool fetch_choice(CSLConstList options, const char *key, const std::vector<Choice> &choices,
			 const char *must, int &value)
{
	const char *text = CSLFetchNameValue(options, key);
	if (text == nullptr)
		return true;
	for (const Choice &choice : choices)
		if (EQUAL(text, choice.word)) {
			value = choice.meaning;
			return true;
		}
	return bad_option(key, text, must);
}

bool fetch_bool(CSLConstList options, const char *key, bool &value)
{
	static const std::vector<Choice> words = {{"YES", 1}, {"TRUE", 1},  {"ON", 1},  {"1", 1},
						  {"NO", 0},  {"FALSE", 0}, {"OFF", 0}, {"0", 0}};
	int number = value ? 1 : 0;
	bool good = fetch_choice(options, key, words, "YES or NO", number);
	value = number != 0;
	return good;
}

void copy_text(char *out, const char *text, size_t room)
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
	CPLStringList parts(CSLTokenizeString2(
		text, ",", CSLT_STRIPLEADSPACES | CSLT_STRIPENDSPACES | CSLT_ALLOWEMPTYTOKENS));
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

/* PIXEL_SIZE and UNIT. */
static bool plan_pixel_size(CSLConstList options, Plan &plan)
{
	const char *size = CSLFetchNameValue(options, "PIXEL_SIZE");
	const char *unit = CSLFetchNameValue(options, "UNIT");
	if (size != nullptr) {
		if (plan.has_srs) {
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
		plan.has_size = true;
		for (unsigned d = 0; d < plan.image.rank; d++)
			if (is_spatial(plan, d))
				plan.image.translation[d] = 0;
	}
	if (unit == nullptr)
		return true;
	if (*unit == '\0' || strlen(unit) >= sizeof(plan.image.axes[0].unit) ||
	    !CPLIsUTF8(unit, -1))
		return bad_option("UNIT", unit, "the name of a unit, such as micrometer");
	for (unsigned d = 0; d < plan.image.rank; d++)
		if (is_spatial(plan, d))
			copy_text(plan.image.axes[d].unit, unit, sizeof(plan.image.axes[d].unit));
	return true;
}

/* COMPRESS as the library names it. Programs hand over a GeoTIFF's creation options as they found
 * them (rasterio's profile); what we do not have then becomes our default, which loses nothing. */
static std::string codec_name(const char *name, const char *usual)
{
	static const char *const others[] = {"LZW",      "PACKBITS",  "JPEG",     "LZMA",
					     "LERC",     "LERC_ZSTD", "WEBP",     "LERC_DEFLATE",
					     "JXL",      "JPEG2000",  "CCITTRLE", "CCITTFAX3",
					     "CCITTFAX4"};
	if (EQUAL(name, "BLOSC"))
		return "blosc-zstd";
	if (EQUAL(name, "DEFLATE"))
		return "gzip";
	for (const char *other : others)
		if (EQUAL(name, other)) {
			CPLError(CE_Warning, CPLE_NotSupported,
				 "COMPRESS=%s: not a method of OME-Zarr, %s is used", name, usual);
			name = usual;
			break;
		}
	std::string text = CPLString(name).tolower();
	std::replace(text.begin(), text.end(), '_', '-');
	return text;
}

static bool plan_codec(CSLConstList options, Plan &plan)
{
	static const char *const known[] = {"blosc-zstd", "blosc-lz4",     "blosc-lz4hc",
					    "blosc-zlib", "blosc-blosclz", "zstd",
					    "gzip",       "none"};
	const char *usual = plan.twin.wanted ? "ZSTD" : "BLOSC_ZSTD";
	const char *name = CSLFetchNameValueDef(options, "COMPRESS", usual);
	const char *level = CSLFetchNameValue(options, "LEVEL");
	ozr_codec_options &codec = plan.image.codec;
	double number;
	bool checksum = true;
	std::string text = codec_name(name, usual);
	if (std::find(std::begin(known), std::end(known), text) == std::end(known))
		return bad_option("COMPRESS", name,
				  "BLOSC_ZSTD, BLOSC_LZ4, BLOSC_LZ4HC, BLOSC_ZLIB, BLOSC_BLOSCLZ, "
				  "ZSTD, GZIP or NONE");
	CPLStrlcpy(codec.codec, text.c_str(), sizeof(codec.codec));
	if (level != nullptr) {
		if (!parse_number(level, -7, 22, true, number))
			return bad_option("LEVEL", level, "a whole number from -7 to 22");
		codec.level = number == 0 ? INT_MIN : static_cast<int>(number);
	}
	if (!fetch_choice(options, "SHUFFLE", {{"AUTO", 0}, {"NO", 1}, {"BYTE", 2}, {"BIT", 3}},
			  "AUTO, NO, BYTE or BIT", codec.shuffle) ||
	    !fetch_bool(options, "CHECKSUM", checksum))
		return false;
	codec.no_checksum = checksum ? 0 : 1;
	return true;
}

static bool parse_sizes(const Plan &plan, const char *key, const char *text, uint64_t *out)
{
	double values[OZR_MAX_RANK] = {};
	if (!parse_axes(plan, text, true, values))
		return bad_option(key, text,
				  "a positive whole number, or one for each axis, as in "
				  "64,256,256");
	std::copy_n(values, plan.image.rank, out);
	return true;
}

/* BLOCKSIZE, or BLOCKXSIZE and BLOCKYSIZE, which GDAL's own drivers have. */
static bool plan_blocks(CSLConstList options, Plan &plan)
{
	ImageOptions &image = plan.image;
	const char *block = CSLFetchNameValue(options, "BLOCKSIZE");
	double number;
	if (block != nullptr && !parse_sizes(plan, "BLOCKSIZE", block, image.chunk))
		return false;
	/* tiles of a twin are planes */
	for (unsigned d = 0; plan.twin.wanted && block != nullptr && d + 2 < image.rank; d++)
		if (strchr(block, ',') == nullptr)
			image.chunk[d] = 0;
	unsigned behind = 1;
	for (const char *key : {"BLOCKXSIZE", "BLOCKYSIZE"}) {
		const char *text = CSLFetchNameValue(options, key);
		unsigned axis = image.rank - behind++;
		if (text == nullptr)
			continue;
		if (block != nullptr)
			return bad_option(key, text, "left out when there is BLOCKSIZE");
		if (!parse_number(text, 1, 9007199254740992.0, true, number))
			return bad_option(key, text, "a positive whole number");
		image.chunk[axis] = static_cast<uint64_t>(number);
	}
	int pixel = 0;
	if (!fetch_choice(options, "INTERLEAVE", {{"BAND", 0}, {"PIXEL", 1}}, "BAND or PIXEL",
			  pixel))
		return false;
	for (unsigned d = 0; d < image.rank && pixel != 0 && !plan.twin.wanted; d++)
		if (image.axes[d].kind == OZR_AXIS_CHANNEL && image.chunk[d] == 0)
			image.chunk[d] = image.shape[d];
	return true;
}

/* What reaches beyond the image is of no use; a shard that was made of such chunks is one. */
static void clip_blocks(ImageOptions &image)
{
	for (unsigned d = 0; d < image.rank; d++) {
		uint64_t &chunk = image.chunk[d], &shard = image.shard[d];
		if (chunk <= image.shape[d])
			continue;
		if (shard % chunk == 0)
			shard = shard == 0 ? 0 : image.shape[d];
		chunk = image.shape[d];
	}
}

static bool plan_chunks(CSLConstList options, Plan &plan)
{
	const char *shard = CSLFetchNameValue(options, "SHARDSIZE");
	if (!plan_blocks(options, plan))
		return false;
	if (shard != nullptr && !EQUAL(shard, "AUTO")) {
		if (EQUAL(shard, "NO") || EQUAL(shard, "NONE"))
			plan.image.no_shards = 1;
		else if (plan.image.ome_version == 4)
			return bad_option("SHARDSIZE", shard, "NO: OME-Zarr 0.4 has no shards");
		else if (!parse_sizes(plan, "SHARDSIZE", shard, plan.image.shard))
			return false;
	}
	if (!plan.twin.wanted) /* its tiles are whole */
		clip_blocks(plan.image);
	return true;
}

static bool plan_factors(const char *factors, Plan &plan)
{
	double values[OZR_MAX_RANK];
	CPLStringList rows(CSLTokenizeString2(factors, ";", CSLT_ALLOWEMPTYTOKENS));
	plan.factors.clear();
	for (int i = 0; i < rows.size(); i++) {
		std::fill_n(values, OZR_MAX_RANK, 1.0);
		if (!parse_axes(plan, rows[i], true, values) ||
		    *std::max_element(values, values + plan.image.rank) > 64)
			break;
		for (unsigned d = 0; d < plan.image.rank; d++)
			plan.factors.push_back(static_cast<unsigned>(values[d]));
	}
	plan.image.factors = plan.factors.data();
	plan.image.factor_sets = static_cast<unsigned>(plan.factors.size() / plan.image.rank);
	if (rows.size() > 0 && plan.image.factor_sets == static_cast<unsigned>(rows.size()))
		return true;
	return bad_option("FACTORS", factors,
			  "whole numbers from 1 to 64: one, or one for each axis, levels apart by "
			  "';', as in 1,2,2;2,2,2");
}

/* PYRAMID, LEVELS, FACTORS. What the image has before holds when none of them is given. */
static bool plan_levels(CSLConstList options, Plan &plan)
{
	ImageOptions &image = plan.image;
	const char *pyramid = CSLFetchNameValue(options, "PYRAMID");
	const char *levels = CSLFetchNameValue(options, "LEVELS");
	const char *factors = CSLFetchNameValue(options, "FACTORS");
	double number;
	int overviews = static_cast<int>(plan.overviews);
	if (!fetch_choice(options, "OVERVIEWS",
			  {{"AUTO", static_cast<int>(Overviews::AUTO)},
			   {"IGNORE_EXISTING", static_cast<int>(Overviews::IGNORE_EXISTING)},
			   {"FORCE_USE_EXISTING", static_cast<int>(Overviews::FORCE_USE_EXISTING)},
			   {"NONE", static_cast<int>(Overviews::NONE)}},
			  "AUTO, IGNORE_EXISTING, FORCE_USE_EXISTING or NONE", overviews))
		return false;
	plan.overviews = static_cast<Overviews>(overviews);
	int build = 1;
	if (!fetch_choice(options, "PYRAMID", {{"AUTO", 1}, {"YES", 1}, {"NO", 0}, {"DEFER", 2}},
			  "AUTO, NO or DEFER", build))
		return false;
	plan.deferred = build == 2;
	if (pyramid != nullptr || factors != nullptr)
		image.levels = 0;
	if (pyramid != nullptr) {
		image.factors = nullptr;
		image.factor_sets = 0;
	}
	if (factors != nullptr && !plan_factors(factors, plan))
		return false;
	if (plan.overviews == Overviews::NONE)
		build = 0;
	if (build == 0)
		image.levels = 1;
	if (levels == nullptr)
		return true;
	if (!parse_number(levels, 1, 64, true, number))
		return bad_option("LEVELS", levels, "a whole number from 1 to 64");
	if (build == 0 && number != 1)
		return bad_option("LEVELS", levels, "1 without a pyramid");
	image.levels = static_cast<int>(number);
	return true;
}

static bool plan_method(CSLConstList options, Plan &plan)
{
	int method = plan.image.method;
	if (!fetch_choice(options, "RESAMPLING",
			  {{"AVERAGE", OZR_MEAN},
			   {"MEAN", OZR_MEAN},
			   {"NEAREST", OZR_NEAREST},
			   {"NEAR", OZR_NEAREST},
			   {"MODE", OZR_MODE}},
			  "AVERAGE, MEAN, NEAREST or MODE", method))
		return false;
	plan.image.method = static_cast<ozr_method>(method);
	return true;
}

bool plan_version(CSLConstList options, Plan &plan)
{
	return fetch_choice(options, "OME_VERSION", {{"0.5", 5}, {"0.4", 4}}, "0.4 or 0.5",
			    plan.image.ome_version);
}

bool fetch_durability(CSLConstList options, ozr_durability &durability)
{
	int flush = durability;
	if (!fetch_choice(options, "FLUSH",
			  {{"NONE", OZR_FLUSH_NONE},
			   {"CLOSE", OZR_FLUSH_CLOSE},
			   {"EACH", OZR_FLUSH_EACH}},
			  "NONE, CLOSE or EACH", flush))
		return false;
	durability = static_cast<ozr_durability>(flush);
	return true;
}

static bool plan_writing(CSLConstList options, Plan &plan)
{
	double number;
	const char *threads = CSLFetchNameValue(options, "NUM_THREADS");
	if (!fetch_durability(options, plan.durability) ||
	    !fetch_bool(options, "OVERWRITE", plan.overwrite))
		return false;
	if (threads != nullptr && !EQUAL(threads, "ALL_CPUS") &&
	    !parse_number(threads, 1, 1024, true, number))
		return bad_option("NUM_THREADS", threads, "ALL_CPUS, or a number from 1 to 1024");
	plan.threads = thread_count(options);
	return true;
}

static void plan_name(const Name &target, CSLConstList options, Plan &plan)
{
	const char *name = CSLFetchNameValue(options, "NAME");
	if (name == nullptr && plan.image.name != nullptr)
		return; /* a copy keeps it */
	plan.name = name != nullptr ? name : CPLGetFilename(target.folder.c_str());
	for (const char *suffix : {".tif", ".tiff", ".ozx", ".zip", ".zarr", ".ome"}) {
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

bool plan_options(const Name &target, CSLConstList options, Plan &plan)
{
	plan_name(target, options, plan);
	return plan_twin(target, options, plan) && plan_pixel_size(options, plan) &&
	       plan_codec(options, plan) && plan_chunks(options, plan) &&
	       plan_levels(options, plan) && plan_method(options, plan) &&
	       plan_writing(options, plan) && plan_archive(target, options, plan) &&
	       complete_twin(options, plan);
}
