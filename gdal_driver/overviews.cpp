/* SPDX-License-Identifier: MIT */
/*
 * BuildOverviews: the levels of the image are the overviews. New ones are
 * built by GDAL's own kernels, so that they are what any format of GDAL's has, in
 * arrays that nobody sees; then one write makes them the image's. What fails or
 * is cancelled before that leaves the old levels.
 *
 * Only y and x are reduced. Levels that are not named stay, but for those that
 * also reduce other axes: one image does not have both.
 */
#include "overviews.h"

#include "archive.h"
#include "driver.h"

namespace
{
struct AbortLevels {
	void operator()(ozr_levels *levels) const
	{
		ozr_levels_abort(levels);
	}
};
using Levels = std::unique_ptr<ozr_levels, AbortLevels>;

/* The attributes of new levels, as the library asks for them. */
struct NewAttributes {
	const Scene *scene;
	double scale[OZR_MAX_RANK];
	std::string text;
};
} // namespace

static const char *attributes_of(void *user, int, const char *, const uint64_t *shape,
				 const double *scale, const double *)
{
	auto &a = *static_cast<NewAttributes *>(user);
	const View &view = a.scene->view;
	a.text = coarser_attributes(*a.scene, scale[view.x] / a.scale[view.x],
				    scale[view.y] / a.scale[view.y], shape);
	return a.text.empty() ? nullptr : a.text.c_str();
}

static bool fail(const Scene &scene, ozr_err &err)
{
	ozr_err_context(&err, err.code, "build overviews of '%s'", scene.name.c_str());
	report(err);
	return false;
}

static bool begin(const Scene &scene, const OverviewPlan &plan, const StoredOverviews &record,
		  Levels &out)
{
	ozr_levels_options options = {};
	NewAttributes attributes = {&scene, {}, ""};
	double ignored[OZR_MAX_RANK];
	std::string type = CPLString(record.method).tolower();
	std::string method = "gdaladdo -r " + type, group = overview_record(scene, record);
	ozr_image_transform(scene.image.get(), 0, attributes.scale, ignored);
	options.keep = plan.keep.data();
	options.add = plan.add.data();
	options.added = static_cast<unsigned>(plan.add.size());
	options.same_extent = 1; /* GDAL's kernels divide extents */
	if (record.by_gdal) {
		options.type = type == "gauss" ? "gaussian" : type.c_str();
		options.method = method.c_str();
		options.version = GDALVersionInfo("RELEASE_NAME");
	}
	options.group = group.empty() ? nullptr : group.c_str();
	options.attributes = attributes_of;
	options.user = &attributes;
	ozr_levels *levels = nullptr;
	ozr_err err = {};
	if (ozr_levels_begin(scene.image.get(), &options, &levels, &err) != OZR_OK)
		return fail(scene, err);
	out.reset(levels);
	return true;
}

static bool build(Dataset &dataset, const OverviewPlan &plan, const StoredOverviews &record,
		  Progress progress)
{
	const Scene &scene = dataset.scene();
	Levels levels;
	if (!begin(scene, plan, record, levels))
		return false;
	std::vector<ozr_array *> arrays;
	for (unsigned i = 0; i < plan.add.size(); i++)
		arrays.push_back(ozr_levels_array(levels.get(), i));
	Progress part = progress;
	part.to = progress.from + 0.99 * (progress.to - progress.from);
	if (!arrays.empty() &&
	    !regenerate(dataset, arrays, record.method.c_str(), nullptr, false, part))
		return false;
	ozr_err err = {};
	ozr_call call = library_call(scene, nullptr);
	if (ozr_levels_commit(levels.release(), &call, &err) != OZR_OK)
		return fail(scene, err);
	return true;
}

std::string method_name(const char *resampling)
{
	CPLString name(resampling);
	name.toupper();
	if (STARTS_WITH(name.c_str(), "NEAR"))
		return "NEAREST";
	return name;
}

static bool check_request(Dataset &dataset, const std::string &method, int bands)
{
	const Scene &scene = dataset.scene();
	const char *why = nullptr;
	if (bands != dataset.GetRasterCount())
		why = "a level of the image has all bands; overviews of some of them cannot be "
		      "built";
	else if (dataset.array().dtype == OZR_BOOL && STARTS_WITH(method.c_str(), "AVERAGE_BIT2G"))
		why = "levels have the type of the image, bool: there is no grey";
	if (why != nullptr)
		CPLError(CE_Failure, CPLE_NotSupported, "'%s': %s", scene.name.c_str(), why);
	return why == nullptr;
}

/* Levels beside the image (.ovr), as GDAL makes them for any format. */
CPLErr Dataset::build_beside(const char *resampling, int count, const int *factors, int bands,
			     const int *band_list, GDALProgressFunc progress, void *data,
			     CSLConstList options)
{
	if (overview_count() == 0)
		return DatasetBase::IBuildOverviews(resampling, count, factors, bands, band_list,
						    progress, data, options);
	CPLError(CE_Failure, CPLE_NotSupported,
		 "'%s': has levels of its own, which would hide those of an .ovr file; %s",
		 scene_->name.c_str(),
		 scene_->zipped ? archives_stay
				: "to build them anew, or to drop them, open it for update "
				  "(gdaladdo without -ro)");
	return CE_Failure;
}

using LevelList = std::vector<std::pair<unsigned, std::unique_ptr<Dataset>>>;

static void flush_all(const LevelList &levels)
{
	for (const auto &one : levels)
		if (one.second)
			one.second->FlushCache(false);
}

/* One that is being created. */
static bool refuse_for_archive(const Scene &scene)
{
	if (scene.zipped)
		CPLError(CE_Failure, CPLE_NotSupported,
			 "'%s': the levels of an archive are made when it is closed; creation "
			 "options LEVELS, FACTORS and RESAMPLING say how",
			 scene.name.c_str());
	return scene.zipped;
}

CPLErr Dataset::IBuildOverviews(const char *resampling, int count, const int *factors, int bands,
				const int *band_list, GDALProgressFunc progress, void *data,
				CSLConstList options)
{
	Progress p;
	p.fn = progress != nullptr ? progress : GDALDummyProgress;
	p.data = data;
	if (!scene_->writable() || scene_->info.is_bare)
		return build_beside(resampling, count, factors, bands, band_list, progress, data,
				    options);
	if (refuse_for_archive(*scene_))
		return CE_Failure;
	/* Everything that was written is in the store. */
	flush_all(overviews_);
	bool is_part = false;
	if (flush_blocks(false) != CE_None || !publish() ||
	    !build_part(*this, resampling, count, factors, options, p, is_part))
		return CE_Failure;
	if (is_part) {
		take_new_levels(); /* they may be published now */
		p.fn(1.0, "", p.data);
		return CE_None;
	}
	StoredOverviews record;
	record.method = method_name(resampling);
	record.by_gdal = count > 0;
	OverviewPlan plan;
	if ((count > 0 && !check_request(*this, record.method, bands)) ||
	    !plan_overviews(*scene_, count, factors, plan))
		return CE_Failure;
	if (plan.also_reduced > 0)
		CPLError(CE_Warning, CPLE_AppDefined,
			 "'%s': %u levels that reduce other axes than y and x are replaced",
			 scene_->name.c_str(), plan.also_reduced);
	/* Levels that stay follow what was written. */
	if ((plan.keeps_any && !scene_->update->refresh({})) || !build(*this, plan, record, p))
		return CE_Failure;
	bool unseen = scene_->stored.overviews.unseen;
	scene_->stored.overviews = record;
	scene_->update->forget_dirty();
	take_new_levels();
	if (unseen && count > 0 && !settle_windows(*scene_))
		return CE_Failure;
	p.fn(1.0, "", p.data);
	return CE_None;
}

bool rebuild_overviews(Dataset &dataset, const std::vector<int> &bands, Progress progress)
{
	const Scene &scene = dataset.scene();
	std::vector<ozr_array *> arrays;
	for (unsigned n = 1; n < scene.info.levels; n++)
		arrays.push_back(ozr_image_level(scene.image.get(), n));
	if (arrays.empty())
		return true;
	if (!regenerate(dataset, arrays, scene.stored.overviews.method.c_str(), &bands, true,
			progress))
		return false;
	ozr_call call = library_call(scene, nullptr);
	for (ozr_array *array : arrays) {
		ozr_err err = {};
		if (ozr_array_flush(array, &call, &err) != OZR_OK)
			return fail(scene, err);
	}
	return true;
}

/* --- the dataset's overviews ---------------------------------------------------------------- */

/* GDAL's programs ask for it when they bring overviews up to date. */
std::string known_method(const Scene &scene)
{
	static const char *const names[][2] = {
		{"mean", "AVERAGE"},    {"average", "AVERAGE"}, {"local_mean", "AVERAGE"},
		{"nearest", "NEAREST"}, {"stride", "NEAREST"},  {"mode", "MODE"},
		{"majority", "MODE"},   {"gaussian", "GAUSS"},
	};
	const StoredOverviews &overviews = scene.stored.overviews;
	if (overviews.by_gdal)
		return overviews.method;
	std::string type = multiscale_type(scene);
	for (const auto &name : names)
		if (type == name[0])
			return name[1];
	return "";
}

static void tell_method(Dataset &overview)
{
	std::string method = known_method(overview.scene());
	for (int band = 1; band <= overview.GetRasterCount(); band++)
		overview.GetRasterBand(band)->SetMetadataItem(
			"RESAMPLING", method.empty() ? nullptr : method.c_str());
}

Dataset *Dataset::overview(int i) const
{
	find_overviews();
	auto &one = overviews_[static_cast<size_t>(i)];
	if (one.second)
		return one.second.get();
	one.second = std::make_unique<Dataset>(scene_, one.first);
	tell_method(*one.second);
	return one.second.get();
}

/* --- after a change ------------------------------------------------ */

bool Dataset::is_gone() const
{
	if (level_ == no_level)
		CPLError(CE_Failure, CPLE_AppDefined,
			 "'%s': this overview was replaced or dropped; ask for it again",
			 scene_->name.c_str());
	return level_ == no_level;
}

/* Whoever holds an overview of a size that still exists goes on with that one; others, which would
 * lead nowhere, say so when they are used. */
void Dataset::take_new_levels()
{
	auto old = std::move(overviews_);
	overviews_.clear();
	ozr_image_get_info(scene_->image.get(), &scene_->info);
	has_looked_ = false;
	find_overviews();
	for (auto &one : old) {
		if (!one.second)
			continue;
		for (auto &fresh : overviews_) {
			ArrayInfo info = {};
			ozr_array_get_info(ozr_image_level(scene_->image.get(), fresh.first),
					   &info);
			if (fresh.second || one.second == nullptr ||
			    info.shape[scene_->view.x] !=
				    static_cast<uint64_t>(one.second->nRasterXSize) ||
			    info.shape[scene_->view.y] !=
				    static_cast<uint64_t>(one.second->nRasterYSize))
				continue;
			one.second->show_level(fresh.first);
			tell_method(*one.second);
			fresh.second = std::move(one.second);
		}
		if (one.second) {
			one.second->level_ = no_level;
			retired_.push_back(std::move(one.second));
		}
	}
	if (oOvManager.IsInitialized())
		oOvManager.CleanOverviews(); /* they would be those of another time */
	if (overviews_.empty() && !oOvManager.IsInitialized())
		oOvManager.Initialize(this, scene_->folder.c_str());
	char *text = nullptr;
	if (ozr_image_attributes(scene_->image.get(), &text, nullptr) == OZR_OK)
		scene_->stored.attributes = text;
	ozr_text_free(text);
	set_structure();
	set_metadata();
}
