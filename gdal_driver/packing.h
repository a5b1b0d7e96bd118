/* SPDX-License-Identifier: MIT */
/*
 * An archive that is being written for an image: made beside its target, or in
 * a scratch file for what is not local, and published by commit(). Until then, and when
 * anything fails, what was at the target is still there.
 *
 * CreateCopy() streams the image into it. Create(), whose pixels come in any
 * order and may come again, builds the image in a hidden folder, which is packed at the
 * end.
 */
#ifndef OZR_GDAL_PACKING_H
#define OZR_GDAL_PACKING_H

#include "archive.h"
#include "plan.h"

struct FreeTwin {
	void operator()(ozr_twin *twin) const
	{
		ozr_twin_free(twin);
	}
};

class Packing
{
      public:
	Packing() = default;
	~Packing();
	Packing(const Packing &) = delete;
	Packing &operator=(const Packing &) = delete;

	/* The image at the root of a new archive. */
	int begin(const Name &target, const Plan &plan, ozr_image **out, ozr_err *err);
	/* Before an image is closed that will not be committed. */
	void let_go()
	{
		twin_.reset();
	}
	/* After the image's commit: what comes behind its pixels, and the archive itself. */
	int commit(const ozr_call *call, ozr_err *err);

	/* The image in a folder of its own; what begun before must be closed. */
	int stage(const Name &target, const Plan &plan, ozr_image **out, ozr_err *err);
	/* Where that is. */
	ozr_store *staged() const
	{
		return ozr_stage_store(stage_);
	}
	/* After the image's commit and close: into the archive, and commit() of that. */
	int pack(const Name &target, const Plan &plan, const ozr_call *call, ozr_err *err);
	/* The same for any store. */
	int pack(const Name &target, const Plan &plan, ozr_store *from, const ozr_call *call,
		 ozr_err *err);

      private:
	int create(const Name &target, const Plan &plan, ozr_err *err);

	Store zip_;
	std::unique_ptr<ozr_twin, FreeTwin> twin_;
	ozr_stage *stage_ = nullptr;
};

#endif
