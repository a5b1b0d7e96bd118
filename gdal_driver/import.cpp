/* SPDX-License-Identifier: MIT */
/*
 * Whether a GeoTIFF can be imported, and doing it. A reason against it is text;
 * no text: there is none.
 */
#include "import.h"

#include <cinttypes>
#include <climits>
#include <cstdlib>

#include "archive.h"
#include "ozr/pyramid.h"
#include "vsi_store.h"

constexpr unsigned least_side = 64; /* smaller tiles make poor chunks */
constexpr unsigned default_level = 3;
constexpr double import_share = 0.3; /* of the time, when levels are to be built */

static std::string text_of(const ozr_err &err)
{
	return err.msg;
}

static bool has_suffix(const std::string &text, const char *suffix)
{
	size_t n = strlen(suffix);
	return text.size() >= n && EQUAL(text.c_str() + text.size() - n, suffix);
}

/* --- The file ------------------------------------------------------------------------------- */

/* "a.tif", "GTIFF_DIR:2:a.tif", "GTIFF_DIR:off:1234:a.tif". */
static bool tiff_of(const std::string &name, std::string &path, uint64_t &number, bool &is_offset)
{
	static const char prefix[] = "GTIFF_DIR:";
	number = 1;
	is_offset = false;
	path = name;
	if (!STARTS_WITH_CI(name.c_str(), prefix))
		return !STARTS_WITH_CI(name.c_str(), "GTIFF_RAW:");
	path.erase(0, sizeof(prefix) - 1);
	is_offset = STARTS_WITH_CI(path.c_str(), "off:");
	if (is_offset)
		path.erase(0, strlen("off:"));
	size_t colon = path.find(':');
	char *end = nullptr;
	number = std::strtoull(path.c_str(), &end, 10);
	if (colon == std::string::npos || end != path.c_str() + colon)
		return false;
	path.erase(0, colon + 1);
	return number > 0;
}

std::string Import::open(const Source &source)
{
	ozr_err err = {};
	std::string path;
	uint64_t number = 0;
	bool is_offset = false;
	ozr_tiff *tiff = nullptr;
	ozr_ctx *ctx = Driver::get()->context();
	if (ctx == nullptr || !tiff_of(source.dataset->GetDescription(), path, number, is_offset))
		return "its name is not that of a file or of a page in it";
	int rc;
	if (STARTS_WITH(path.c_str(), "/vsi")) {
		ArchivePlace place(path);
		ozr_store *store = nullptr;
		rc = open_vsi_store(ctx, place.folder, vsi_options(OZR_READ, nullptr), &store,
				    &err);
		if (rc == OZR_OK)
			rc = ozr_tiff_open(store, place.key.c_str(), &tiff, &err);
		ozr_store_unref(store);
	} else {
		rc = ozr_tiff_open_file(ctx, path.c_str(), &tiff, &err);
	}
	if (rc != OZR_OK)
		return text_of(err);
	tiff_.reset(tiff);
	for (page_ = 0; is_offset && page_ < ozr_tiff_pages(tiff); page_++) {
		Page page = {};
		if (ozr_tiff_page(tiff, page_, 0, &page, &err) == OZR_OK && page.offset == number)
			return "";
	}
	if (!is_offset)
		page_ = static_cast<size_t>(number - 1);
	return page_ < ozr_tiff_pages(tiff) ? "" : "its page was not found";
}

/* --- What GDAL shows of it, and what is asked for ----------------------------------------------- */

/* GDAL shows missing tiles as the nodata value of the band, or as 0; ours read as the fill value. */
static bool same_fill(GDALDataset *dataset, const Plan &plan)
{
	std::string text;
	for (int i = 1; i <= dataset->GetRasterCount() && !plan.image.has_nodata; i++)
		if (nodata_text(dataset->GetRasterBand(i), text))
			return false;
	return true;
}

std::string Import::compare(const Source &source, const Page &page, Plan &plan) const
{
	GDALDataset *dataset = source.dataset;
	if (page.width != static_cast<uint64_t>(dataset->GetRasterXSize()) ||
	    page.height != static_cast<uint64_t>(dataset->GetRasterYSize()) ||
	    page.samples != static_cast<unsigned>(dataset->GetRasterCount()))
		return "GDAL shows something else than the page";
	if (page.dtype != source.dtype)
		return "the type of the pixels is to be changed";
	if (!same_fill(dataset, plan))
		return "bands have different nodata values, or one that is no value of the type";
	return "";
}

/* COMPRESS and its like, against the codec that tiles are in already. */
static std::string adapt_codec(CSLConstList options, const ozr_codec_options &found, bool always,
			       Plan &plan)
{
	const char *compress = CSLFetchNameValue(options, "COMPRESS");
	ozr_codec_options &codec = plan.image.codec;
	if (compress != nullptr && strcmp(codec.codec, found.codec) != 0)
		return std::string("COMPRESS=") + compress + " is asked for, tiles are " +
		       found.codec;
	if (compress == nullptr && !always && EQUAL(found.codec, "none"))
		return "tiles are not compressed, which COMPRESS=NONE must ask for";
	for (const char *key : {"LEVEL", "SHUFFLE"})
		if (CSLFetchNameValue(options, key) != nullptr)
			return std::string(key) + " is asked for";
	bool checksum = false;
	if (!fetch_bool(options, "CHECKSUM", checksum))
		return "CHECKSUM cannot be understood";
	if (checksum && found.no_checksum)
		return "CHECKSUM is asked for, tiles have none";
	if (EQUAL(found.codec, "gzip") && CPLFetchBool(options, "TWIN", false))
		return "a twin cannot hold gzip";
	int no_checksum = codec.no_checksum;
	codec = found;
	codec.no_checksum |= no_checksum;
	codec.level = default_level;
	return "";
}

/* Chunks as tiles are; what was given must be that. */
static std::string adapt_chunks(const Source &source, bool blocks_given, uint64_t samples,
				uint64_t width, uint64_t height, ImageOptions &image)
{
	uint64_t wanted[OZR_MAX_RANK] = {};
	wanted[source.y] = height;
	wanted[source.x] = width;
	if (source.band_axis >= 0)
		wanted[source.band_axis] = samples;
	for (unsigned d = 0; d < image.rank; d++) {
		bool in_plane = d == source.y || d == source.x;
		uint64_t given = blocks_given || !in_plane ? image.chunk[d] : 0,
			 cut = std::min(wanted[d], image.shape[d]);
		if (given != 0 && given != wanted[d] && given != cut)
			return CPLSPrintf("blocks of %" PRIu64
					  " along %s are asked for, tiles have "
					  "%" PRIu64,
					  given, image.axes[d].name, wanted[d]);
		if (image.shard[d] % wanted[d] != 0)
			return CPLSPrintf("shards of %" PRIu64
					  " along %s are asked for, which tiles "
					  "of %" PRIu64 " do not divide",
					  image.shard[d], image.axes[d].name, wanted[d]);
	}
	std::copy_n(wanted, image.rank, image.chunk);
	return "";
}

std::string Import::adapt(const Source &source, const CopyRequest &request, const Page &page,
			  Plan &plan) const
{
	ozr_codec_options found = {};
	ozr_err err = {};
	ImageOptions &image = plan.image;
	const char *interleave = CSLFetchNameValue(request.options, "INTERLEAVE");
	bool mixed = page.samples > 1 && !page.separate;
	if (ozr_tiff_importable(tiff_.get(), page_, 0, &found, &err) != OZR_OK)
		return text_of(err);
	if (!always_ && (page.tile_width < least_side || page.tile_height < least_side))
		return "tiles are too small for chunks";
	if (!always_ && source.band_axis_name != "c" && !source.band_axis_name.empty())
		return "bands are a volume or a series";
	if (interleave != nullptr && page.samples > 1 && mixed != EQUAL(interleave, "PIXEL"))
		return std::string("INTERLEAVE=") + interleave + " is asked for";
	if (mixed && image.ome_version == 4)
		return "chunks of OME-Zarr 0.4 cannot hold interleaved pixels";
	bool blocks_given = false;
	for (const char *key : {"BLOCKSIZE", "BLOCKXSIZE", "BLOCKYSIZE"})
		blocks_given = blocks_given || CSLFetchNameValue(request.options, key) != nullptr;
	std::string why = adapt_codec(request.options, found, always_, plan);
	if (why.empty())
		why = adapt_chunks(source, blocks_given, mixed ? page.samples : 1, page.tile_width,
				   page.tile_height, image);
	for (unsigned d = 0; mixed && d < image.rank; d++) /* the bands are the first axis */
		image.order[d] = (d + 1) % image.rank;
	return why;
}

static bool fetch_import(CSLConstList options, bool &never, bool &always)
{
	const char *text = CSLFetchNameValueDef(options, "IMPORT", "AUTO");
	always = never = false;
	if (EQUAL(text, "AUTO"))
		return true;
	bool yes = false;
	if (!fetch_bool(options, "IMPORT", yes))
		return false;
	always = yes;
	never = !yes;
	return true;
}

bool Import::look(const Source &source, const CopyRequest &request, Plan &plan)
{
	bool never = false;
	GDALDriver *driver = source.dataset->GetDriver();
	std::string of, label, why;
	if (!fetch_import(request.options, never, always_))
		return false;
	if (never)
		return true;
	ozr_codec_options codec = plan.image.codec;
	Page page = {};
	ozr_err err = {};
	if (driver == nullptr || !EQUAL(driver->GetDescription(), "GTiff"))
		why = "the source is not a GeoTIFF";
	else if (source.dataset->GetAccess() != GA_ReadOnly)
		why = "the source is open for writing";
	else if (request.target.is_label(of, label))
		why = "labels are not imported";
	else
		why = open(source);
	if (why.empty() && ozr_tiff_page(tiff_.get(), page_, 0, &page, &err) != OZR_OK)
		why = text_of(err);
	if (why.empty())
		why = compare(source, page, plan);
	if (why.empty())
		why = adapt(source, request, page, plan);
	readable_ = !request.target.zipped;
	deferred_ = plan.deferred;
	CPLStringList files(source.dataset->GetFileList());
	own_overviews_ = files.size() > 0;
	for (int i = 0; i < files.size(); i++)
		own_overviews_ = own_overviews_ && !has_suffix(files[i], ".ovr");
	if (why.empty())
		return true;
	tiff_.reset();
	plan.image.codec = codec;
	if (always_) {
		CPLError(CE_Failure, CPLE_NotSupported, "IMPORT=YES: '%s': %s",
			 source.dataset->GetDescription(), why.c_str());
		return false;
	}
	CPLDebug("OMEZarr", "'%s' is encoded anew: %s", source.dataset->GetDescription(),
		 why.c_str());
	return true;
}

/* --- Import --------------------------------------------------------------------------------- */

/* Whether a page of overviews becomes a level as it is. */
bool Import::matches(ozr_image *image, unsigned level, const ozr_import &what,
		     const Page &page) const
{
	ozr_codec_options found = {}, base = {};
	ozr_err err = {};
	ArrayInfo info = {};
	ozr_array_get_info(ozr_image_level(image, level), &info);
	const uint64_t held = page.separate ? 1 : page.samples;
	const uint64_t samples =
		what.channel_axis < 0 ? 1 : info.shape[static_cast<unsigned>(what.channel_axis)];
	const uint64_t chunk =
		what.channel_axis < 0 ? 1 : info.chunk[static_cast<unsigned>(what.channel_axis)];
	return page.has_dtype && page.dtype == info.dtype && page.samples == samples &&
	       held == chunk && page.tile_width == info.chunk[what.x_axis] &&
	       page.tile_height == info.chunk[what.y_axis] &&
	       ozr_tiff_importable(tiff_.get(), what.page, what.sub, &found, &err) == OZR_OK &&
	       ozr_tiff_importable(tiff_.get(), page_, 0, &base, &err) == OZR_OK &&
	       strcmp(found.codec, base.codec) == 0;
}

/* The one page behind the source's, or SubIFD of it, that is reduced to the size of a level. GDAL
 * takes overviews from there; if two are of that size nobody knows which. */
bool Import::find_overview(const Source &source, unsigned level, ozr_image *image,
			   ozr_import &what) const
{
	ArrayInfo info = {};
	ozr_err err = {};
	Page base = {}, page = {}, found = {};
	unsigned n = 0;
	ozr_array_get_info(ozr_image_level(image, level), &info);
	if (!own_overviews_ || ozr_tiff_page(tiff_.get(), page_, 0, &base, &err) != OZR_OK)
		return false;
	const uint64_t pages = ozr_tiff_pages(tiff_.get());
	for (uint64_t i = 1; i <= base.subifds + (pages - page_ - 1); i++) {
		bool is_sub = i <= base.subifds;
		size_t number = is_sub ? page_ : page_ + static_cast<size_t>(i - base.subifds);
		unsigned sub = is_sub ? static_cast<unsigned>(i) : 0;
		if (ozr_tiff_page(tiff_.get(), number, sub, &page, &err) != OZR_OK)
			return false;
		if (!is_sub && (page.subfile & 1) == 0)
			break; /* the next image */
		if ((page.subfile & 4) != 0 || page.width != info.shape[source.x] ||
		    page.height != info.shape[source.y])
			continue;
		what.page = number;
		what.sub = sub;
		found = page;
		n++;
	}
	return n == 1 && matches(image, level, what, found);
}

int Import::import_level(ozr_image *image, unsigned level, const ozr_import &what,
			 const ozr_call &call, ozr_err *err)
{
	int rc = ozr_tiff_import(tiff_.get(), &what, ozr_image_level(image, level), &call, &stats_,
				 err);
	if (rc == OZR_CORRUPT && !always_)
		return ozr_err_context(err, rc, "IMPORT=NO decodes the tiles instead");
	return rc;
}

bool Import::run(Creation &creation, const Source &source, const std::vector<Source> &overviews,
		 const std::vector<ozr_source> &levels)
{
	ozr_image *image = creation.image();
	ImageInfo info = {};
	ozr_image_get_info(image, &info);
	std::vector<ozr_source> from(levels);
	std::vector<unsigned char> stored(levels.size(), 0);
	bool builds = !deferred_ && overviews.size() + 1 < info.levels;
	for (unsigned n = 0; n < levels.size(); n++) {
		ozr_import what = {};
		what.page = page_;
		what.channel_axis = source.band_axis;
		what.y_axis = source.y;
		what.x_axis = source.x;
		if (levels[n].read == nullptr ||
		    (n > 0 && !find_overview(source, n, image, what))) {
			builds = builds || levels[n].read != nullptr;
			continue;
		}
		double until = n > 0 ? import_share : builds ? 0.75 * import_share : 1;
		if (!creation.work(until, nullptr, [&](const ozr_call &call, ozr_err *err) {
			    return import_level(image, n, what, call, err);
		    }))
			return false;
		stored[n] = 1;
		if (readable_)
			from[n] = ozr_pyramid_stored(ozr_image_level(image, n));
	}
	CPLDebug("OMEZarr",
		 "'%s' was imported: %" PRIu64 " tiles as they are (%" PRIu64
		 " inflated for their CRC), %" PRIu64 " encoded anew, %" PRIu64 " missing",
		 source.dataset->GetDescription(), stats_.tiles, stats_.inflated, stats_.recoded,
		 stats_.missing);
	if (deferred_)
		return true;
	return creation.work(1, source.failed.get(), [&](const ozr_call &call, ozr_err *err) {
		return ozr_pyramid_fill(image, from.data(), stored.data(),
					static_cast<unsigned>(from.size()), &call, err);
	});
}
