/* SPDX-License-Identifier: MIT */
/*
 * Copies of our own datasets, from image to image. The library gives options,
 * attributes and pixels of the part that is copied; here they meet the creation
 * options and what is stored about the image for GDAL.
 */
#include "copy_image.h"

#include <cmath>

#include "copy_levels.h"
#include "georef.h"

static bool fail(const ozr_err &err)
{
	report(err);
	return false;
}

/* What of the image the open options have chosen. */
static void choose_part(ImageCopy &copy)
{
	const View &view = copy.source.scene().view;
	copy.part.level = view.level;
	for (unsigned d = 0; d < copy.source.scene().info.rank; d++) {
		copy.part.cut[d] = view.chosen[d] ? 1 : 0;
		copy.part.index[d] = view.planes[0][d];
	}
}

static bool wants_raster(const CopyRequest &request, const Dataset &source)
{
	const char *axis = CSLFetchNameValueDef(request.options, "BAND_AXIS", "AUTO");
	const char *type = CSLFetchNameValueDef(request.options, "PIXELTYPE", "DEFAULT");
	if (source.scene().access == Access::CREATING) /* an archive, which is packed at its end */
		return true;
	return source.level() != source.scene().view.level || source.scene().view.bands_chosen ||
	       !EQUAL(axis, "AUTO") || !EQUAL(type, "DEFAULT");
}

/* NOT_AN_IMAGE when the axes cannot be written. */
static Copied take_origin(ImageCopy &copy)
{
	ozr_origin *origin = nullptr;
	ozr_err err = {};
	choose_part(copy);
	int rc = ozr_origin_new(copy.source.scene().image.get(), &copy.part, &origin, &err);
	copy.origin.reset(origin);
	if (rc == OZR_OK)
		return Copied::YES;
	if (rc != OZR_UNSUPPORTED) {
		fail(err);
		return Copied::FAILED;
	}
	CPLError(copy.request.strict ? CE_Failure : CE_Warning, CPLE_NotSupported,
		 "%s; only the bands shown are copied", err.msg);
	return copy.request.strict ? Copied::FAILED : Copied::NOT_AN_IMAGE;
}

/* --- the plan --------------------------------------------------------------------------- */

/* Where axis `axis` of the source's image is in the copy. */
static unsigned axis_in_copy(const ImageCopy &copy, unsigned axis)
{
	for (unsigned i = 0; i < copy.plan.image.rank; i++)
		if (ozr_origin_axis(copy.origin.get(), i) == axis)
			return i;
	return copy.plan.image.rank - 1;
}

/* The layout that GDAL's own Zarr driver understands, where it shows anything: planes. */
static bool is_plane(const ImageOptions &image)
{
	unsigned space = 0;
	for (unsigned d = 0; d < image.rank; d++)
		space += image.axes[d].kind == OZR_AXIS_SPACE ? 1 : 0;
	return space == 2 && image.rank <= 3;
}

/* What GDAL knows and OME does not: palettes, nodata, alpha. */
static void plan_from_bands(ImageCopy &copy)
{
	ImageOptions &image = copy.plan.image;
	GDALRasterBand *band = copy.source.GetRasterBand(1);
	std::string nodata = common_nodata(&copy.source);
	if (image.method == OZR_MEAN && band->GetColorTable() != nullptr)
		image.method = OZR_MODE;
	if (!image.has_nodata && element_from_text(nodata, image.dtype, image.nodata))
		image.has_nodata = 1;
	for (unsigned d = 0; d < image.rank && image.alpha == 0; d++)
		if (image.axes[d].kind == OZR_AXIS_CHANNEL &&
		    image.shape[d] == static_cast<uint64_t>(copy.source.GetRasterCount()))
			image.alpha = alpha_band(&copy.source);
}

static bool make_plan(ImageCopy &copy)
{
	const Stored &stored = copy.source.scene().stored;
	const CopyRequest &request = copy.request;
	Plan &plan = copy.plan;
	ozr_origin_options(copy.origin.get(), &plan.image);
	plan.image.ome_version = 5; /* the default, whatever the source is */
	if (!plan_version(request.options, plan) ||
	    !fetch_bool(request.options, "GEOREF", copy.georef))
		return false;
	plan.image.grouped_levels =
		plan.image.ome_version == 5 && is_plane(plan.image) && plan.image.is_label == 0;
	copy.x = axis_in_copy(copy, copy.source.scene().view.x);
	copy.y = axis_in_copy(copy, copy.source.scene().view.y);
	plan.has_srs = copy.georef && !stored.srs.IsEmpty();
	plan_from_bands(copy);
	if (!plan_options(request.target, request.options, plan) ||
	    !plan_as_label(request.target, request.options, false, plan) ||
	    refuse_levels(request.options, plan))
		return false;
	if (plan.twin.wanted)
		add_geotiff_tags(&copy.source,
				 copy.georef && (!stored.gcps.empty() ||
						 (!stored.geotransform_is_ome &&
						  (plan.has_srs || stored.has_geotransform))),
				 plan.twin);
	if (stored.overviews.deferred) { /* nobody has built them yet */
		if (plan.overviews == Overviews::FORCE_USE_EXISTING)
			plan.image.levels = 1;
		plan.overviews = Overviews::IGNORE_EXISTING;
	}
	return take_levels(copy.origin.get(), plan.overviews, plan.image, plan.threads,
			   copy.levels);
}

/* --- attributes ---------------------------------------------------------------------------- */

static bool read_attributes(ImageCopy &copy)
{
	char *text = nullptr;
	ozr_err err = {};
	if (ozr_origin_attributes(copy.origin.get(), copy.plan.image.ome_version, &text, &err) !=
	    OZR_OK)
		return fail(err);
	copy.attributes = text;
	ozr_text_free(text);
	return true;
}

static const char *attributes_of(void *user, int level, const char *, const uint64_t *,
				 const double *, const double *)
{
	return level < 0 ? static_cast<ImageCopy *>(user)->attributes.c_str() : nullptr;
}

/* Of the bands of an axis that is cut only one is left. */
static void cut_bands(const ImageCopy &copy, CPLJSONObject &gdal)
{
	const Scene &scene = copy.source.scene();
	std::string axis = gdal.GetString("band_axis");
	CPLJSONArray bands = gdal.GetArray("bands");
	for (unsigned d = 0; d < scene.info.rank; d++) {
		if (copy.part.cut[d] == 0 || axis != scene.info.axes[d].name)
			continue;
		CPLJSONArray one;
		uint64_t i = copy.part.index[d];
		if (bands.IsValid() && i < static_cast<uint64_t>(bands.Size()))
			one.Add(bands[static_cast<int>(i)]);
		gdal.Delete("band_axis");
		gdal.Delete("bands");
		gdal.Add("bands", one);
	}
}

/* The member `gdal` without what is not true of the copy. */
static bool adapt_member(const ImageCopy &copy, ozr_image *made)
{
	CPLJSONDocument document;
	ozr_err err = {};
	{
		CPLErrorStateBackuper state;
		CPLErrorHandlerPusher mute(CPLQuietErrorHandler);
		if (!document.LoadMemory(copy.attributes))
			return true; /* it has numbers that only Python writes, and nothing of ours */
	}
	CPLJSONObject gdal = document.GetRoot().GetObj("gdal"), change;
	if (!gdal.IsValid() || gdal.GetType() != CPLJSONObject::Type::Object)
		return true;
	gdal.Delete("pyramid");
	gdal.Delete("overviews");
	cut_bands(copy, gdal);
	change.Add("gdal", gdal);
	std::string json = change.Format(CPLJSONObject::PrettyFormat::Plain);
	return ozr_image_set_attributes(made, json.c_str(), &err) == OZR_OK || fail(err);
}

/* --- georeferencing ------------------------------------------------------------------------- */

static void scale_item(CPLStringList &list, const char *name, double factor, bool is_position)
{
	const char *text = list.FetchNameValue(name);
	if (text == nullptr)
		return;
	double value = CPLAtof(text);
	value = is_position ? (value + 0.5) / factor - 0.5 : value / factor;
	list.SetNameValue(name, CPLSPrintf("%.17g", value));
}

/* From a level on: what counts in pixels counts in larger ones. */
static void scale_pixels(Stored &stored, double fx, double fy)
{
	for (GroundPoint &point : stored.gcps) {
		point.pixel /= fx;
		point.line /= fy;
	}
	auto rpc = stored.metadata.find("RPC");
	if (rpc == stored.metadata.end())
		return;
	scale_item(rpc->second, "LINE_OFF", fy, true);
	scale_item(rpc->second, "SAMP_OFF", fx, true);
	scale_item(rpc->second, "LINE_SCALE", fy, false);
	scale_item(rpc->second, "SAMP_SCALE", fx, false);
	stored.changes.metadata = true;
}

static void scale_to_level(const ImageCopy &copy, Stored &stored)
{
	const Scene &scene = copy.source.scene();
	double fine[OZR_MAX_RANK], coarse[OZR_MAX_RANK], ignored[OZR_MAX_RANK];
	if (copy.part.level == 0)
		return;
	ozr_image_transform(scene.image.get(), 0, fine, ignored);
	ozr_image_transform(scene.image.get(), copy.part.level, coarse, ignored);
	double fx = coarse[scene.view.x] / fine[scene.view.x];
	double fy = coarse[scene.view.y] / fine[scene.view.y];
	double gt[6];
	std::copy_n(stored.geotransform, 6, gt);
	coarser_geotransform(gt, fx, fy, stored.geotransform);
	scale_pixels(stored, fx, fy);
	stored.changes.gcps = !stored.gcps.empty();
}

/* Geotransform and CRS are in the attributes already; the levels get theirs, and what the options
 * or the level change is changed. */
static bool describe(const ImageCopy &copy, ozr_image *made)
{
	const Stored &before = copy.source.scene().stored;
	Stored stored;
	if (!adapt_member(copy, made) || !read_stored(made, copy.x, copy.y, stored))
		return false;
	bool exact = before.has_geotransform && !before.geotransform_is_ome;
	if (exact || !before.has_geotransform) {
		stored.has_geotransform = before.has_geotransform;
		stored.geotransform_is_ome = false;
		std::copy_n(before.geotransform, 6, stored.geotransform);
		stored.changes.geotransform = exact;
	}
	stored.srs = before.srs;
	stored.changes.srs = !before.srs.IsEmpty();
	scale_to_level(copy, stored);
	if (!copy.georef) {
		stored.has_geotransform = stored.geotransform_is_ome = false;
		stored.srs.Clear();
		stored.changes.gcps = !stored.gcps.empty();
		stored.gcps.clear();
		stored.changes.geotransform = stored.changes.srs = true;
	}
	if (copy.plan.has_size) {
		stored.has_geotransform = stored.geotransform_is_ome = true;
		stored.changes.geotransform = true;
	}
	return write_stored(made, copy.x, copy.y, stored);
}

/* --- pixels ------------------------------------------------------------------------------- */

static bool build(ImageCopy &copy, std::vector<LabelCopy> &labels)
{
	Creation creation(copy.request);
	copy.plan.image.attributes = attributes_of;
	copy.plan.image.user = &copy;
	if (!creation.begin(copy.plan) || !describe(copy, creation.image()))
		return false;
	double own = 1, all = 0, done = 0;
	for (unsigned d = 0; d < copy.plan.image.rank; d++)
		own *= static_cast<double>(copy.plan.image.shape[d]);
	all = own;
	for (const LabelCopy &label : labels)
		all += label.size;
	if (!creation.pull(creation.image(), copy.levels, (done = own) / all, nullptr))
		return false;
	for (LabelCopy &label : labels)
		if (!copy_label(copy, label, creation, (done += label.size) / all))
			return false;
	return creation.commit();
}

Copied copy_image(const CopyRequest &request, GDALDataset *dataset)
{
	auto *source = dynamic_cast<Dataset *>(dataset);
	if (source == nullptr || wants_raster(request, *source))
		return Copied::NOT_AN_IMAGE;
	if (!source->complete_levels()) /* what waits there, too */
		return Copied::FAILED;
	ImageCopy copy = {request, *source, {}, nullptr, {}, {}, true, 0, 0, ""};
	Copied rc = take_origin(copy);
	if (rc != Copied::YES)
		return rc;
	std::vector<LabelCopy> labels;
	bool done = make_plan(copy) && read_attributes(copy) && plan_labels(copy, labels) &&
		    build(copy, labels);
	return done ? Copied::YES : Copied::FAILED;
}
