/* SPDX-License-Identifier: MIT */
/*
 * What a handle that writes still owes its store. Pixels go to the library's
 * write-back at once; the levels above them are brought up to date when
 * somebody looks at one through the same handle, and at the end. So there is a
 * set of regions of level 0 that have changed.
 *
 * An image by Create() is absent until the first flush or close, which commits
 * it; then it is opened again for update and the handle goes on. Where the
 * pyramid is deferred (PYRAMID=DEFER), handles write pixels and never touch
 * levels or metadata: the image belongs to many writers.
 *
 * Threads: announce() and touched() from any (GDAL flushes its block cache from whatever thread
 * needs room), the rest from the one that the dataset belongs to.
 */
#ifndef OZR_GDAL_UPDATE_H
#define OZR_GDAL_UPDATE_H

#include <functional>
#include <mutex>

#include "create.h"
#include "dirty.h"
#include "packing.h"
#include "scene.h"
#include "store.h"
#include "unfinished.h"

/* A GDAL progress function as the library calls it: call.user is the Progress. */
struct Progress {
	GDALProgressFunc fn = nullptr;
	void *data = nullptr;
	double from = 0, to = 1; /* the part of the whole that this call is */
};
/* What every call of the driver brings along; progress must outlive it. */
ozr_call library_call(const Scene &scene, Progress *progress);

/* A new image that is at its target not before the first commit. */
struct FreshImage {
	explicit FreshImage(const char *name) : target(name)
	{
	}
	/* create.cpp: with all levels, but without pixels; false after CPLError(). */
	bool start(Image &out) const;
	/* The same: the image, which is in its hidden folder, into a file that is a TIFF, too: pixels
	 * are encoded again, since only then it is known where in the file they lie. */
	bool copy_to_twin() const;

	Name target;
	Plan plan;
	mutable Packing packing; /* of an archive */
	CPLStringList options;   /* as they were given, for a twin */
};

class Update
{
      public:
	/* Of an existing image. */
	explicit Update(Scene &scene);
	Update(Scene &scene, std::unique_ptr<FreshImage> creation);

	/* Pixels are about to be written; false after CPLError(). */
	bool prepare();
	/* Pixels are about to be read: what nobody has written is nodata by now. False after
	 * CPLError(). */
	bool prepare_to_read();
	/* Pixels of a new image could not be written, whatever becomes of it. Any thread. */
	void spoil(const char *why);
	/* A new image could not be written: there is nothing to read from or to write to. */
	bool is_lost() const
	{
		return lost_;
	}

	/* CPLError() that says so; false. */
	bool say_lost(const char *what) const;

	/* These elements of level 0 are going to be written: should this process die, others know
	 * that the levels do not follow yet. */
	void announce(const ozr_box *boxes, size_t count);
	/* These elements of level 0 were written, or may have been. */
	void touched(const ozr_box *boxes, size_t count);
	/* The levels were made anew by other means: they follow from now on, whoever they
	 * belonged to. */
	void forget_dirty();
	/* Whether they follow: false when they are deferred. */
	bool owns_levels() const
	{
		return levels_are_ours_;
	}
	bool is_dirty();

	/* Pixels, and what setters changed, to the store; commits a new image. Levels stay as
	 * they are: a new image says that its own are not built yet. False after CPLError(). */
	bool publish();
	/* Levels above what was touched. */
	bool refresh(Progress progress);
	/* publish() and refresh() for the last time. abandon: a new image comes to nothing. */
	bool finish(Progress progress, bool abandon);

	/* OVERVIEWS: builds all levels of these bands (from 1) with GDAL's kernels, when
	 * stored.overviews.by_gdal says that they were made so. */
	std::function<bool(const std::vector<int> &bands, Progress progress)> rebuild;
	/* What stands in GDAL's block cache between a user and the arrays: blocks of level 0 that
	 * were changed (false after CPLError()), and blocks of levels, which grow old. */
	std::function<bool()> flush_changed_blocks;
	std::function<void()> drop_cached_levels;
	/* GDAL's block cache may have blocks of levels now. */
	void level_was_cached()
	{
		levels_are_cached_ = true;
	}
	/* Somebody writes to level 0: those are old. Never while a block of a level is being
	 * read, which GDAL would lose from its list. */
	void forget_cached_levels();
	/* Levels as they should be, before a block of one is read. */
	bool bring_up_to_date();
	/* The same before anything else is done with a level: GDAL's cache follows too. */
	bool settle();

      private:
	void start_dirty();
	bool settle_fill(bool for_good);
	bool is_spoiled();
	bool write_pixels();
	bool commit();
	bool reopen();
	bool publish_new(bool hide_levels);
	void take_over();
	bool finish_new(Progress progress, bool abandon);
	bool refresh_by_gdal(const std::vector<Region> &regions, Progress progress);
	void touch_again(const std::vector<Region> &regions);
	bool lose();

	Scene &scene_;
	std::unique_ptr<FreshImage> creation_; /* until the commit */
	bool is_new_ = false;                  /* made through this handle */
	bool levels_are_ours_;        /* to refresh; false: deferred, they belong to nobody yet */
	bool fill_is_settled_ = true; /* false: nodata may still become the new image's fill */
	bool lost_ = false;
	bool levels_are_cached_ = false;
	std::mutex mutex_;
	std::string spoiled_; /* why (mutex_) */
	DirtySet dirty_;      /* (mutex_) */
	Unfinished unfinished_;
};

/* Build levels `first` (from 1) to `last` where they depend on a region of the level before `first`:
 * the part that one of many processes builds. Regions under whole shards of each of these levels
 * never meet in a shard. */
bool refresh_region(Scene &scene, unsigned first, unsigned last, const Region &region,
		    Progress progress);
/* The levels are complete: readers may show them, and they follow what this handle writes. */
bool publish_pyramid(Scene &scene);

#endif
