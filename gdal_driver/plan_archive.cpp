/* SPDX-License-Identifier: MIT */
/*
 * What the creation options say of images in one file: archives, and those
 * that are TIFFs as well.
 */
#include "plan.h"

static bool refuse(const Name &target, const char *why)
{
	CPLError(CE_Failure, CPLE_NotSupported, "create '%s': %s", target.folder.c_str(), why);
	return false;
}

bool plan_archive(const Name &target, CSLConstList options, Plan &plan)
{
	plan.read_only = plan.twin.wanted;
	if (!fetch_bool(options, "READ_ONLY", plan.read_only))
		return false;
	if (!target.zipped && CSLFetchNameValue(options, "READ_ONLY") != nullptr)
		return refuse(target, "READ_ONLY: it is for archives (.ozx, .zip)");
	if (!target.zipped)
		return true;
	if (target.tiff && !plan.twin.wanted)
		return refuse(target, "a file that ends as TIFFs do must be a twin: TWIN=YES");
	if (plan.deferred)
		return refuse(target, "PYRAMID=DEFER: an archive has all its levels or none, since "
				      "it is never changed");
	const char *suffix = CPLGetExtension(target.folder.c_str());
	if (plan.image.ome_version == 4 && EQUAL(suffix, "ozx"))
		return refuse(target, "OME_VERSION=0.4: an .ozx file is OME-Zarr 0.5 or later; a "
				      "name ending in .ome.zarr.zip takes 0.4");
	return true;
}

bool plan_twin(const Name &target, CSLConstList options, Plan &plan)
{
	/* not INTERLEAVE, which GDAL takes from the source of a copy without being asked */
	static const struct {
		const char *word;
		ozr_twin_samples samples;
	} known[] = {{"PIXELS", OZR_TWIN_PIXELS},
		     {"PLANES", OZR_TWIN_PLANES},
		     {"PAGES", OZR_TWIN_PAGES}};
	const char *text = CSLFetchNameValueDef(options, "TWIN", "NO");
	for (const auto &one : known)
		if (EQUAL(text, one.word))
			plan.twin.how.samples = one.samples;
	plan.twin.wanted = plan.twin.how.samples != OZR_TWIN_AUTO;
	/* its own words go through here, and are no YES or NO */
	if (!plan.twin.wanted && !fetch_bool(options, "TWIN", plan.twin.wanted))
		return false;
	return !plan.twin.wanted || target.zipped ||
	       refuse(target, "TWIN=YES: the name of a twin ends in .ozx, .zip, .tif or .tiff");
}

/* Whether the bands of a raster are one page of the TIFF side, as programs for GeoTIFF want it. */
static bool bands_belong_together(const Plan &plan)
{
	const ImageOptions &image = plan.image;
	return image.rank == 3 && image.axes[0].kind == OZR_AXIS_CHANNEL && plan.has_srs;
}

/* Colors of one pixel are one sample group, whatever the number of axes. */
static bool are_colors(const ImageOptions &image)
{
	bool bytes = image.dtype == OZR_UINT8 || image.dtype == OZR_UINT16;
	if (!bytes || (image.channels != 3 && !(image.channels == 4 && image.alpha == 4)))
		return false;
	for (unsigned i = 0; i < 3; i++)
		for (unsigned j = 0; j < 3; j++)
			if (image.channel[i].has_color == 0 ||
			    image.channel[i].rgb[j] != (i == j ? 255 : 0))
				return false;
	return true;
}

/* Levels of a twin are smaller in y and x only. */
static void drop_other_factors(CSLConstList options, Plan &plan)
{
	ImageOptions &image = plan.image;
	bool drops = false;
	if (CSLFetchNameValue(options, "FACTORS") != nullptr || image.factors == nullptr)
		return;
	for (unsigned i = 0; i < image.factor_sets * image.rank; i++)
		drops = drops || (image.factors[i] > 1 && i % image.rank + 2 < image.rank);
	if (!drops)
		return;
	image.factors = nullptr;
	image.factor_sets = 0;
	if (CSLFetchNameValue(options, "LEVELS") == nullptr && image.levels != 1)
		image.levels = 0;
}

bool complete_twin(CSLConstList options, Plan &plan)
{
	ozr_err err = {};
	ozr_twin_options &how = plan.twin.how;
	if (!plan.twin.wanted)
		return true;
	if (how.samples == OZR_TWIN_AUTO && are_colors(plan.image))
		how.samples = OZR_TWIN_PIXELS;
	else if (how.samples == OZR_TWIN_AUTO)
		how.samples = bands_belong_together(plan) ? OZR_TWIN_PLANES : OZR_TWIN_PAGES;
	drop_other_factors(options, plan);
	if (ozr_twin_complete(&plan.image, &how, &plan.twin.storage, &err) == OZR_OK)
		return true;
	report(err);
	return false;
}
