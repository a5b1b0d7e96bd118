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

/* What GDAL knows about the source. The plan has scale, translation, units and channels. */
static bool describe(ozr_image *image, const Source &source)
{
	const Georef &georef = source.georef;
	Stored stored = collect_stored(source.dataset, source.band_axis_name, georef.is_wanted);
	stored.has_geotransform = georef.has_geotransform;
	stored.geotransform_is_ome = !georef.has_geotransform && !georef.is_absent;
	return write_stored(image, source.x, source.y, stored);
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
		return report_creation(target, err, rc);
	Image image(made);
	if (!describe(made, source))
		return false;
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
	return source.failed ? false : report_creation(target, err, rc);
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
	if (!build(target, source, plan, {progress, progress_data}))
		return nullptr;
	remove_side_files(target);
	progress(1.0, "", progress_data);
	return open_by_name(target.folder, nullptr);
}
