/* SPDX-License-Identifier: MIT */
/*
 * What a handle leaves behind when its process dies between writing pixels and
 * bringing the levels above them up to date: a small value beside level 0,
 * "<level 0>/ozr-update-<n>", with a box around all that it has written. It is
 * there before the first of these pixels and goes when the levels follow. A lock
 * on its key, which ends with the process, tells those of the living from those
 * of the dead; the next handle that opens the image for update takes the latter
 * over. In stores without locks, and over a network, there are none.
 *
 * Threads: announce() from any; the rest from the one that the dataset belongs to.
 */
#ifndef OZR_GDAL_UNFINISHED_H
#define OZR_GDAL_UNFINISHED_H

#include <mutex>

#include "dirty.h"
#include "scene.h"
#include "store.h"

class Unfinished
{
      public:
	explicit Unfinished(Scene &scene) : scene_(scene)
	{
	}
	/* What has not been settled stays for the next one. */
	~Unfinished();
	Unfinished(const Unfinished &) = delete;
	Unfinished &operator=(const Unfinished &) = delete;

	/* What the dead have left. */
	std::vector<Region> take_over();
	/* These elements of level 0 are about to be written. Never fails: without a mark the
	 * levels are up to date after all that ends well. */
	void announce(const ozr_box *boxes, size_t count);
	/* The levels follow. */
	void settle();

      private:
	struct Mark {
		std::string key;
		void *token;
	};
	std::string key(unsigned slot) const;
	bool hold(unsigned slot, Mark &out);
	void release(const Mark &mark, bool remove);
	bool choose_own();
	bool read_mark(const std::string &key, Region &out) const;
	bool grow(const ozr_box &box);

	Scene &scene_;
	Store store_;            /* once something is held */
	std::vector<Mark> held_; /* (mutex_) */
	std::string own_;        /* (mutex_) key of what this handle leaves; "" as yet */
	bool has_box_ = false, cannot_ = false;
	Region box_ = {}; /* (mutex_) around what was announced, and more */
	std::mutex mutex_;
};

#endif
