/* SPDX-License-Identifier: MIT */
/*
 * An image being made by CreateCopy: created at its target, filled, committed.
 * Until the commit, and when anything fails or is cancelled, what was at the
 * target is still there (where the store can do that, see store.h).
 */
#ifndef OZR_GDAL_CREATION_H
#define OZR_GDAL_CREATION_H

#include <functional>
#include <vector>

#include "create.h"
#include "packing.h"
#include "scene.h"

/* What CreateCopy() was called with. */
struct CopyRequest {
	Name target;
	int strict;
	CSLConstList options;
	GDALProgressFunc progress;
	void *data;
};

class Creation
{
      public:
	explicit Creation(const CopyRequest &request) : request_(request)
	{
	}
	~Creation()
	{
		packing_.let_go();
	}
	/* The image at the target; false after CPLError(). */
	bool begin(const Plan &plan);
	ozr_image *image() const
	{
		return image_.get();
	}
	/* Level 0 of an image from levels[0], others from theirs or from the one before; this brings
	 * the progress to `until` (1: all that is to be read). reported: GDAL has said already what
	 * is wrong with the source. False after CPLError(). */
	bool pull(ozr_image *into, const std::vector<ozr_source> &levels, double until,
		  const bool *reported);
	/* Anything else that writes pixels, as pull(). */
	using Work = std::function<int(const ozr_call &, ozr_err *)>;
	bool work(double until, const bool *reported, const Work &what);
	bool commit();

      private:
	bool hide_levels();
	static int on_progress(void *user, double fraction);

	const CopyRequest &request_;
	Packing packing_; /* when the target is an archive; outlives the image */
	unsigned threads_ = 0;
	bool deferred_ = false; /* levels above 0 stay empty */
	Image image_;
	double from_ = 0, until_ = 0; /* of the pull that is running */
};

#endif
