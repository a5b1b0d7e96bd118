/* SPDX-License-Identifier: MIT */
/*
 * CreateCopy: level 0 and all others in one pass over the source, built in a
 * sibling folder that takes the target's name when it is complete. Until then,
 * and when the copy fails or is cancelled, what was at the target is still there.
 */
#include "create.h"
#include "dataset.h"
#include "store.h"

namespace
{
/* The attributes that the library asks for, level by level. */
struct Attributes {
	const Source *source;
	const Plan *plan;
	CPLJSONObject stored;
	std::vector<ozr_level_plan> levels;
	std::string text;
};
} // namespace

/* The zarr-conventions "multiscales", as GDAL's own Zarr driver reads it. */
static CPLJSONObject multiscales(const Attributes &a)
{
	CPLJSONArray layout;
	for (size_t n = 0; n < a.levels.size(); n++) {
		CPLJSONObject item, transform;
		CPLJSONArray scale, translation;
		for (unsigned d = 0; d < a.plan->image.rank; d++) {
			double factor = n == 0 ? 1 : a.levels[n].factor[d];
			scale.Add(factor);
			translation.Add(0.0);
		}
		item.Add("asset", "s" + std::to_string(n));
		if (n > 0)
			item.Add("derived_from", "s" + std::to_string(n - 1));
		transform.Add("scale", scale);
		transform.Add("translation", translation);
		item.Add("transform", transform);
		layout.Add(item);
	}
	CPLJSONObject out;
	out.Add("layout", layout);
	return out;
}

static const char *attributes_of(void *user, int level, const char *, const uint64_t *,
				 const double *scale, const double *)
{
	auto &a = *static_cast<Attributes *>(user);
	const Source &source = *a.source;
	CPLJSONObject out;
	CPLJSONArray conventions;
	About about = {level < 0, 1, 1};
	if (level >= 0) {
		about.fx = scale[source.x] / a.plan->image.scale[source.x];
		about.fy = scale[source.y] / a.plan->image.scale[source.y];
	}
	write_georeferencing(source.georef, about, out, conventions);
	if (level < 0 && a.plan->image.grouped_levels) {
		conventions.Add(convention("d35379db-88df-4056-af3a-620245f8e347", "multiscales",
					   "zarr-conventions/multiscales",
					   "Multiscale layout of zarr datasets"));
		out.Add("multiscales", multiscales(a));
	}
	if (conventions.Size() > 0)
		out.Add("zarr_conventions", conventions);
	if (level < 0)
		out.Add("gdal", a.stored);
	a.text = out.Format(CPLJSONObject::PrettyFormat::Plain);
	return a.text.c_str();
}

/* The library's messages about the target name it already. */
static bool fail(const Name &target, const ozr_err &before, int rc)
{
	ozr_err err = before;
	if (rc == OZR_EXISTS)
		ozr_fail(&err, rc, "%s; -co OVERWRITE=YES replaces an image", before.msg);
	else if (!STARTS_WITH(err.msg, "create '"))
		ozr_err_context(&err, rc, "create '%s'", target.folder.c_str());
	report(err);
	return false;
}

namespace
{
struct Progress {
	GDALProgressFunc fn;
	void *data;
};
} // namespace

static int on_progress(void *user, double fraction)
{
	auto *p = static_cast<Progress *>(user);
	return p->fn(0.99 * fraction, "", p->data) ? 0 : 1; /* the rest is the commit */
}

static bool build(const Name &target, Source &source, const Plan &plan, Progress progress)
{
	ozr_image *made = nullptr;
	ozr_err err = {};
	ozr_call call = {};
	NewImage how;
	how.replace = plan.overwrite;
	how.durability = plan.durability;
	int rc = create_image(target, how, &plan.image, &made, &err);
	if (rc != OZR_OK)
		return fail(target, err, rc);
	Image image(made);
	call.user = &progress;
	call.progress = on_progress;
	call.warn = warn;
	call.threads = plan.threads;
	ozr_source reader = as_ozr_source(source);
	rc = ozr_pyramid_pull(made, &reader, &call, &err);
	if (rc == OZR_OK && !progress.fn(0.99, "", progress.data))
		rc = ozr_fail(&err, OZR_CANCELLED, "cancelled");
	if (rc == OZR_OK)
		rc = ozr_image_commit(made, nullptr, &err);
	if (rc == OZR_OK)
		return true;
	return source.failed ? false : fail(target, err, rc);
}

static bool plan_levels(const Plan &plan, Attributes &attributes)
{
	ozr_err err = {};
	unsigned n = 0;
	attributes.levels.resize(64);
	if (ozr_image_plan(&plan.image, attributes.levels.data(), 64, &n, &err) != OZR_OK) {
		report(err);
		return false;
	}
	attributes.levels.resize(n);
	return true;
}

static bool refuse_target(const Name &target)
{
	const char *why = refuses_writing(target);
	if (why != nullptr)
		CPLError(CE_Failure, CPLE_NotSupported, "create '%s': %s", target.folder.c_str(),
			 why);
	return why != nullptr;
}

/* Side files of an older image of this name would be taken for the new one's. */
static void remove_side_files(const Name &target)
{
	for (const char *suffix : {".aux.xml", ".ovr", ".msk"}) {
		VSIStatBufL stat;
		std::string path = target.vsi + suffix;
		if (VSIStatL(path.c_str(), &stat) == 0)
			VSIUnlink(path.c_str());
	}
}

GDALDataset *create_copy(const char *name, GDALDataset *dataset, int strict, string_list options,
			 GDALProgressFunc progress, void *progress_data)
{
	Name target(name);
	Source source;
	Plan plan;
	if (progress == nullptr)
		progress = GDALDummyProgress;
	if (refuse_target(target) || !look_at_source(dataset, strict, options, source) ||
	    !make_plan(source, target, options, plan))
		return nullptr;
	Attributes attributes = {
		&source,
		&plan,
		write_stored(dataset, source.band_axis_name.c_str(), source.georef),
		{},
		""};
	if (!plan_levels(plan, attributes))
		return nullptr;
	plan.image.attributes = attributes_of;
	plan.image.user = &attributes;
	if (!build(target, source, plan, {progress, progress_data}))
		return nullptr;
	if (!target.network)
		remove_side_files(target);
	progress(1.0, "", progress_data);
	return open_by_name(target.folder, nullptr);
}
