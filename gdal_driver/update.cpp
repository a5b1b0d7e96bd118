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
	if (scene.writable()) /* GDAL's ceiling for pixels in memory, within reason */
		call.budget = static_cast<size_t>(std::max<GIntBig>(
			64 << 20, std::min<GIntBig>(GDALGetCacheMax64(), 1 << 30)));
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

Update::Update(Scene &scene)
    : scene_(scene), levels_are_ours_(!scene.stored.overviews.deferred), unfinished_(scene)
{
	start_dirty();
	take_over();
}

Update::Update(Scene &scene, std::unique_ptr<FreshImage> creation)
    : scene_(scene), creation_(std::move(creation)), is_new_(true),
      levels_are_ours_(!scene.stored.overviews.deferred), fill_is_settled_(false),
      unfinished_(scene)
{
	start_dirty();
}

void Update::start_dirty()
{
	ArrayInfo info = {};
	Indices tile = {};
	ozr_array_get_info(ozr_image_level(scene_.image.get(), 0), &info);
	/* Small chunks are taken together on the axes of the raster. */
	for (unsigned d = 0; d < info.rank; d++) {
		uint64_t least = d == scene_.view.x || d == scene_.view.y ? 256 : 1;
		tile[d] = info.chunk[d] * ((least + info.chunk[d] - 1) / info.chunk[d]);
	}
	dirty_.start(info.rank, tile);
}

/* What updates have left that did not come to their end. */
void Update::take_over()
{
	if (!levels_are_ours_ || scene_.info.levels < 2)
		return;
	std::vector<Region> regions = unfinished_.take_over();
	if (regions.empty())
		return;
	CPLError(CE_Warning, CPLE_AppDefined,
		 "'%s': an earlier update was interrupted; levels that do not follow what it wrote "
		 "are brought up to date with this one",
		 scene_.name.c_str());
	touch_again(regions);
}

void Update::announce(const ozr_box *boxes, size_t count)
{
	if (creation_ == nullptr && levels_are_ours_ && !scene_.stored.overviews.deferred &&
	    scene_.info.levels > 1)
		unfinished_.announce(boxes, count);
}

void Update::touched(const ozr_box *boxes, size_t count)
{
	if (!levels_are_ours_ || scene_.info.levels < 2)
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
	levels_are_ours_ = true;
	dirty_.clear();
}

bool Update::is_dirty()
{
	std::lock_guard<std::mutex> guard(mutex_);
	return !dirty_.empty();
}

/* --- the fill value of a new image ----------------------------------------------------- */

/* Before the first pixel it is known what nodata is: parts that are never written read as that,
 * and the mean skips it. The empty image is then made anew. */
bool Update::settle_fill(bool for_good)
{
	if (fill_is_settled_)
		return true;
	fill_is_settled_ = for_good;
	ImageOptions &options = creation_->plan.image;
	unsigned char nodata[8];
	if (!common_nodata(scene_, nodata) || memcmp(options.fill, nodata, sizeof(nodata)) == 0)
		return true;
	memcpy(options.fill, nodata, sizeof(nodata));
	scene_.image.reset(); /* its folder goes, and the target is free again */
	scene_.rules_changed = true;
	return (creation_->start(scene_.image) && settle_level_rules(scene_)) || lose();
}

bool Update::lose()
{
	lost_ = true;
	return false;
}

bool Update::say_lost(const char *what) const
{
	CPLError(CE_Failure, CPLE_FileIO, "%s '%s': the image could not be created", what,
		 scene_.name.c_str());
	return false;
}

bool Update::prepare()
{
	if (lost_)
		return say_lost("write");
	if (creation_ == nullptr)
		return true;
	/* Other writers wait for a deferred image: it is there before its first pixel. */
	return levels_are_ours_ ? settle_fill(true) : publish_new(false);
}

bool Update::prepare_to_read()
{
	if (lost_)
		return say_lost("read");
	return creation_ == nullptr || settle_fill(false);
}

/* After CPLError(): an image that lacks pixels must not take the place of another. */
bool Update::is_spoiled()
{
	std::lock_guard<std::mutex> guard(mutex_);
	if (!spoiled_.empty())
		CPLError(CE_Failure, CPLE_FileIO,
			 "create '%s': there is no image, since pixels could not be written: %s",
			 scene_.name.c_str(), spoiled_.c_str());
	return !spoiled_.empty();
}

void Update::spoil(const char *why)
{
	std::lock_guard<std::mutex> guard(mutex_);
	if (spoiled_.empty())
		spoiled_ = why;
}

/* --- publishing ------------------------------------------------------------------------ */

bool Update::write_pixels()
{
	ozr_call call = library_call(scene_, nullptr);
	bool written = settle_level_rules(scene_);
	for (unsigned n = 0; n < scene_.info.levels && written; n++) {
		ozr_err err = {};
		int rc = ozr_array_flush(ozr_image_level(scene_.image.get(), n), &call, &err);
		if (rc != OZR_OK)
			written = fail(scene_, "write", err, rc);
	}
	return written;
}

bool Update::commit()
{
	ozr_err err = {};
	ozr_call call = library_call(scene_, nullptr);
	int rc = ozr_image_commit(scene_.image.get(), &call, &err);
	if (rc == OZR_OK && creation_->target.zipped) {
		scene_.image.reset();
		if (creation_->plan.twin.wanted)
			return creation_->copy_to_twin();
		rc = creation_->packing.pack(creation_->target, creation_->plan, &call, &err);
	}
	if (rc != OZR_OK)
		return report_creation(creation_->target, err, rc);
	remove_side_files(creation_->target);
	return true;
}

/* The new image is at its target: go on there. */
bool Update::reopen()
{
	ozr_err err = {};
	ozr_image *image = nullptr;
	CPLStringList options = makers_options(creation_->plan.deferred);
	Store store = open_store(creation_->target, OZR_UPDATE, options.List(), &err,
				 creation_->plan.durability);
	int rc = store ? ozr_image_open(store.get(), scene_.inner.c_str(), OZR_UPDATE, &image, &err)
		       : err.code;
	if (rc != OZR_OK)
		return fail(scene_, "open", err, rc);
	scene_.image.reset(image);
	scene_.access = Access::UPDATE;
	scene_.store = std::move(store);
	creation_.reset();
	return true;
}

/* hide_levels: they are not built yet. */
bool Update::publish_new(bool hide_levels)
{
	if (is_spoiled() || !settle_fill(true))
		return lose();
	if (hide_levels)
		scene_.stored.overviews.deferred = scene_.stored.overviews.unseen =
			scene_.stored.changes.overviews = true;
	return (write_pixels() && save_stored(scene_) && commit() && reopen()) || lose();
}

bool Update::publish()
{
	if (lost_)
		return say_lost("write");
	if (creation_ != nullptr && creation_->target.zipped) /* packed once, at the end */
		return !fill_is_settled_ || (!is_spoiled() && write_pixels()) || lose();
	if (creation_ != nullptr)
		return publish_new(is_dirty());
	return write_pixels() && save_stored(scene_);
}

/* --- levels ------------------------------------------------------------------------------ */

void Update::touch_again(const std::vector<Region> &regions)
{
	std::lock_guard<std::mutex> guard(mutex_);
	for (const Region &region : regions) {
		Indices start, extent;
		std::copy_n(region.start, OZR_MAX_RANK, start.begin());
		std::copy_n(region.count, OZR_MAX_RANK, extent.begin());
		dirty_.add(start, extent);
	}
}

/* The bands of which something has changed, all levels. */
bool Update::refresh_by_gdal(const std::vector<Region> &regions, Progress progress)
{
	std::vector<int> bands;
	const View &view = scene_.view;
	for (size_t i = 0; i < view.planes.size(); i++)
		for (const Region &region : regions) {
			bool inside = true;
			for (unsigned d = 0; d < scene_.info.rank; d++)
				inside = inside &&
					 (d == view.x || d == view.y ||
					  (view.planes[i][d] >= region.start[d] &&
					   view.planes[i][d] - region.start[d] < region.count[d]));
			if (inside) {
				bands.push_back(static_cast<int>(i) + 1);
				break;
			}
		}
	return rebuild(bands, progress);
}

bool Update::refresh(Progress progress)
{
	std::vector<Region> regions;
	{
		std::lock_guard<std::mutex> guard(mutex_);
		regions = dirty_.regions();
		dirty_.clear();
	}
	if (regions.empty() || lost_)
		return !lost_;
	bool done = settle_level_rules(scene_);
	if (!done) {
		touch_again(regions);
		return false;
	}
	if (scene_.stored.overviews.by_gdal && rebuild) {
		done = refresh_by_gdal(regions, progress);
	} else {
		ozr_err err = {};
		ozr_call call = library_call(scene_, &progress);
		int rc = ozr_pyramid_refresh_regions(scene_.image.get(), 0, 0, regions.size(),
						     regions.data(), &call, &err);
		done = rc == OZR_OK || fail(scene_, "update the levels of", err, rc);
	}
	if (!done)
		touch_again(regions);
	return done;
}

bool Update::bring_up_to_date()
{
	if (!levels_are_ours_ || scene_.info.levels < 2)
		return true;
	return (!flush_changed_blocks || flush_changed_blocks()) && refresh({});
}

bool Update::settle()
{
	if (!levels_are_ours_ || scene_.info.levels < 2)
		return true;
	if (flush_changed_blocks && !flush_changed_blocks())
		return false;
	if (is_dirty())
		forget_cached_levels();
	return refresh({});
}

void Update::forget_cached_levels()
{
	if (levels_are_cached_ && drop_cached_levels)
		drop_cached_levels();
	levels_are_cached_ = false;
}

/* --- the end ------------------------------------------------------------------------------- */

bool Update::finish_new(Progress progress, bool abandon)
{
	bool done = !abandon && !is_spoiled() && settle_fill(true) && write_pixels() &&
		    refresh(progress) && settle_windows(scene_) && save_stored(scene_) && commit();
	if (!done)
		lose();
	scene_.image.reset(); /* what was not committed goes */
	return done || abandon;
}

/* After a failure, which was told, the rest is done as far as it goes, without another word. */
template <typename Step> static bool go_on(bool done, const Step &step)
{
	if (done)
		return step();
	CPLErrorStateBackuper state;
	CPLErrorHandlerPusher mute(CPLQuietErrorHandler);
	step();
	return false;
}

bool Update::finish(Progress progress, bool abandon)
{
	if (lost_)
		return false;
	if (creation_ != nullptr)
		return finish_new(progress, abandon);
	bool done = write_pixels();
	done = go_on(done, [&] { return refresh(progress); });
	if (done && levels_are_ours_ && scene_.stored.overviews.deferred) {
		scene_.stored.overviews.deferred = scene_.stored.overviews.unseen = false;
		scene_.stored.changes.overviews = true;
	}
	if (done && is_new_)
		done = settle_windows(scene_);
	done = go_on(done, [&] { return save_stored(scene_); });
	if (done)
		unfinished_.settle();
	return go_on(done, [&] {
		ozr_err err = {};
		int rc = ozr_store_sync(scene_.store.get(), &err);
		return rc == OZR_OK || fail(scene_, "write", err, rc);
	});
}

bool refresh_region(Scene &scene, unsigned first, unsigned last, const Region &region,
		    Progress progress)
{
	ozr_err err = {};
	ozr_call call = library_call(scene, &progress);
	int rc = ozr_pyramid_refresh_regions(scene.image.get(), first - 1, last, 1, &region, &call,
					     &err);
	return rc == OZR_OK || fail(scene, "build the levels of", err, rc);
}

bool publish_pyramid(Scene &scene)
{
	StoredOverviews before = scene.stored.overviews;
	if (!before.deferred)
		return true;
	scene.stored.overviews.deferred = scene.stored.overviews.unseen = false;
	scene.stored.changes.overviews = true;
	if ((before.unseen && !settle_windows(scene)) || !save_stored(scene)) {
		scene.stored.overviews = before;
		return false;
	}
	scene.update->forget_dirty();
	return true;
}
