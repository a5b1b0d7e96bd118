/* SPDX-License-Identifier: MIT */
/*
 * Create(): an empty image with all its levels, in a hidden folder beside the
 * target until the first FlushCache() or Close() (update.cpp); an archive is packed
 * from that folder when it is closed. It is planned as a copy of an empty
 * raster would be, so that all creation options mean the same.
 */
#include "create.h"
#include "copy_image.h"
#include "dataset.h"
#include "georef.h"
#include "store.h"
#include "update.h"

/* A raster of that form, without pixels or memory for them. */
static std::unique_ptr<GDALDataset> blank_raster(int width, int height, int bands,
						 GDALDataType type)
{
	GDALDriver *driver = GetGDALDriverManager()->GetDriverByName("VRT");
	GDALDataset *blank = driver != nullptr
				     ? driver->Create("", width, height, bands, type, nullptr)
				     : nullptr;
	return std::unique_ptr<GDALDataset>(blank);
}

bool FreshImage::start(Image &out) const
{
	NewImage how;
	ozr_image *image = nullptr;
	ozr_err err = {};
	how.replace = plan.overwrite;
	how.durability = plan.durability;
	int rc = target.zipped ? packing.stage(target, plan, &image, &err)
			       : create_image(target, how, &plan.image, &image, &err);
	if (rc != OZR_OK)
		return report_creation(target, err, rc);
	out.reset(image);
	return true;
}

bool FreshImage::copy_to_twin() const
{
	CPLStringList copied(CSLDuplicate(options.List()), TRUE);
	/* these are in the image already */
	for (const char *key : {"PIXEL_SIZE", "UNIT", "GEOREF", "BAND_AXIS", "PIXELTYPE",
				"RESAMPLING", "PYRAMID", "LEVELS", "FACTORS"})
		copied.SetNameValue(key, nullptr);
	copied.SetNameValue("OVERVIEWS", "FORCE_USE_EXISTING");
	CopyRequest request = {target, FALSE, copied.List(), GDALDummyProgress, nullptr};
	std::unique_ptr<GDALDataset> source(open_in_store(packing.staged(), target.folder));
	if (!source)
		return false;
	return copy_image(request, source.get()) == Copied::YES;
}

/* Three or four bands of bytes are colors until somebody says otherwise, as in a GeoTIFF. Unlike
 * there the fourth is not taken for alpha: it may be infrared, and levels would be weighted by it. */
static void guess_colors(const Source &source, Stored &stored)
{
	static const GDALColorInterp colors[] = {GCI_RedBand, GCI_GreenBand, GCI_BlueBand};
	size_t bands = stored.bands.size();
	if (source.type != GDT_Byte || source.band_axis_name != "c" || (bands != 3 && bands != 4))
		return;
	for (size_t i = 0; i < 3; i++) {
		stored.bands[i].color_interpretation = colors[i];
		stored.bands[i].has_color_interpretation = true;
	}
	stored.changes.channels = true;
}

static bool make_scene(const Source &source, const char *name, FreshImage &creation, Scene &scene)
{
	if (!creation.start(scene.image))
		return false;
	scene.name = creation.target.prefixed ? name : creation.target.folder;
	scene.folder = creation.target.folder;
	scene.inner = creation.target.inner;
	scene.vsi = creation.target.vsi;
	scene.zipped = creation.target.zipped;
	scene.threads = creation.plan.threads;
	scene.access = Access::CREATING;
	ozr_image_get_info(scene.image.get(), &scene.info);
	for (unsigned i = 0; ozr_image_warning(scene.image.get(), i) != nullptr; i++)
		CPLError(CE_Warning, CPLE_AppDefined, "'%s': %s", name,
			 ozr_image_warning(scene.image.get(), i));
	if (!choose_view(scene, nullptr))
		return false;
	scene.stored = new_stored(source.band_axis_name,
				  static_cast<size_t>(source.dataset->GetRasterCount()));
	guess_colors(source, scene.stored);
	if (!source.georef.is_absent) { /* PIXEL_SIZE */
		default_geotransform(scene.image.get(), scene.view.x, scene.view.y, scene.stored);
		scene.stored.geotransform_is_ome = true;
	}
	if (creation.plan.deferred && scene.info.levels > 1)
		scene.stored.overviews.deferred = scene.stored.overviews.unseen =
			scene.stored.changes.overviews = true;
	return true;
}

GDALDataset *create(const char *name, int width, int height, int bands, GDALDataType type,
		    string_list options)
{
	auto creation = std::make_unique<FreshImage>(name);
	auto scene = std::make_shared<Scene>();
	Source source;
	if (refuse_target(creation->target))
		return nullptr;
	std::unique_ptr<GDALDataset> blank = blank_raster(width, height, bands, type);
	if (!blank || !look_at_source(blank.get(), FALSE, options, source) ||
	    !make_plan(source, creation->target, options, creation->plan) ||
	    !make_scene(source, name, *creation, *scene))
		return nullptr;
	creation->options = CPLStringList(CSLDuplicate(options), TRUE);
	scene->method_is_default = CSLFetchNameValue(options, "RESAMPLING") == nullptr;
	scene->update = std::make_unique<Update>(*scene, std::move(creation));
	auto dataset = std::make_unique<Dataset>(scene, 0);
	dataset->complete();
	return dataset.release();
}
