/* SPDX-License-Identifier: MIT */
/*
 * Publishing what a handle wrote, in the order that leaves no reader with
 * metadata of pixels that are not there: pixels, levels, metadata; and for a
 * new image the commit at the very end.
 */
#include "update.h"

#include "driver.h"

Scene::Scene() = default;
Scene::~Scene() = default;

static int on_progress(void *user, double fraction)
{
	auto *p = static_cast<Progress *>(user);
	return p->fn(p->from + (p->to - p->from) * fraction, "", p->data) ? 0 : 1;
}

ozr_call library_call(const Scene &scene, Progress *progress)
{
	ozr_call call = {};
	call.warn = warn;
	call.threads = scene.threads;
	if (progress != nullptr && progress->fn != nullptr) {
		call.user = progress;
		call.progress = on_progress;
	}
	return call;
}

static bool fail(const Scene &scene, const char *what, ozr_err &err, int rc)
{
	ozr_err_context(&err, rc, "%s '%s'", what, scene.name.c_str());
	report(err);
	return false;
}

Update::Update(Scene &scene) : scene_(scene), pyramid_is_ours_(!scene.stored.overviews.deferred)
{
	ArrayInfo info = {};
	Indices tile = {};
	ozr_array_get_info(ozr_image_level(scene.image.get(), 0), &info);
	/* Small chunks are taken together on the axes of the raster. */
	for (unsigned d = 0; d < info.rank; d++) {
		uint64_t least = d == scene.view.x || d == scene.view.y ? 256 : 1;
		tile[d] = info.chunk[d] * ((least + info.chunk[d] - 1) / info.chunk[d]);
	}
	dirty_.start(info.rank, tile);
}

void Update::touched(const ozr_box *boxes, size_t count)
{
	if (!pyramid_is_ours_ || scene_.info.levels < 2)
		return;
	std::lock_guard<std::mutex> guard(mutex_);
	for (size_t i = 0; i < count; i++) {
		Indices start, extent;
		std::copy_n(boxes[i].start, OZR_MAX_RANK, start.begin());
		std::copy_n(boxes[i].count, OZR_MAX_RANK, extent.begin());
		dirty_.add(start, extent);
	}
}

void Update::forget_dirty()
{
	std::lock_guard<std::mutex> guard(mutex_);
	dirty_.clear();
}

bool Update::is_dirty()
{
	std::lock_guard<std::mutex> guard(mutex_);
	return !dirty_.empty();
}

bool Update::write_pixels()
{
	ozr_call call = library_call(scene_, nullptr);
	for (unsigned n = 0; n < scene_.info.levels; n++) {
		ozr_err err = {};
		int rc = ozr_array_flush(ozr_image_level(scene_.image.get(), n), &call, &err);
		if (rc != OZR_OK)
			return fail(scene_, "write", err, rc);
	}
	return true;
}

bool Update::publish()
{
	bool written = write_pixels();
	return save_stored(scene_) && written;
}

bool Update::refresh(Progress progress)
{
	std::vector<Region> regions;
	{
		std::lock_guard<std::mutex> guard(mutex_);
		regions = dirty_.regions();
		dirty_.clear();
	}
	if (regions.empty() || scene_.info.levels < 2)
		return true;
	ozr_err err = {};
	ozr_call call = library_call(scene_, &progress);
	int rc = ozr_pyramid_refresh_regions(scene_.image.get(), 0, 0, regions.size(),
					     regions.data(), &call, &err);
	if (levels_changed)
		levels_changed();
	if (rc == OZR_OK)
		return true;
	std::lock_guard<std::mutex> guard(mutex_);
	for (const Region &region : regions) {
		Indices start, extent;
		std::copy_n(region.start, OZR_MAX_RANK, start.begin());
		std::copy_n(region.count, OZR_MAX_RANK, extent.begin());
		dirty_.add(start, extent);
	}
	return fail(scene_, "update the levels of", err, rc);
}

bool Update::finish(Progress progress, bool)
{
	bool written = write_pixels();
	bool refreshed = refresh(progress);
	bool saved = save_stored(scene_);
	return written && refreshed && saved;
}

bool refresh_region(Scene &scene, unsigned level, const Region &region, Progress progress)
{
	ozr_err err = {};
	ozr_call call = library_call(scene, &progress);
	int rc = ozr_pyramid_refresh_regions(scene.image.get(), level - 1, level, 1, &region, &call,
					     &err);
	return rc == OZR_OK || fail(scene, "build the levels of", err, rc);
}
