/* SPDX-License-Identifier: MIT */
/*
 * Making an image: create, pull, commit, with progress and one error.
 */
#include "creation.h"

#include "store.h"

constexpr double all_read = 0.99; /* the rest is the commit */

bool Creation::begin(const Plan &plan)
{
	ozr_image *made = nullptr;
	ozr_err err = {};
	NewImage how;
	how.replace = plan.overwrite;
	how.durability = plan.durability;
	threads_ = plan.threads;
	deferred_ = plan.deferred;
	int rc = request_.target.zipped
			 ? packing_.begin(request_.target, plan, &made, &err)
			 : create_image(request_.target, how, &plan.image, &made, &err);
	if (rc != OZR_OK)
		return report_creation(request_.target, err, rc);
	image_.reset(made);
	return true;
}

int Creation::on_progress(void *user, double fraction)
{
	auto *self = static_cast<Creation *>(user);
	double done = self->from_ + (self->until_ - self->from_) * fraction;
	return self->request_.progress(all_read * done, "", self->request_.data) ? 0 : 1;
}

bool Creation::work(double until, const bool *reported, const Work &what)
{
	ozr_err err = {};
	ozr_call call = {};
	call.user = this;
	call.progress = on_progress;
	call.warn = warn;
	call.threads = threads_;
	until_ = until;
	int rc = what(call, &err);
	from_ = until;
	if (rc == OZR_OK)
		return true;
	return reported != nullptr && *reported ? false : report_creation(request_.target, err, rc);
}

bool Creation::pull(ozr_image *into, const std::vector<ozr_source> &levels, double until,
		    const bool *reported)
{
	return work(until, reported, [&](const ozr_call &call, ozr_err *err) {
		if (deferred_ && into == image_.get())
			return ozr_pyramid_pull_first(into, &levels[0], &call, err);
		return ozr_pyramid_pull_levels(into, levels.data(),
					       static_cast<unsigned>(levels.size()), &call, err);
	});
}

/* Nobody shows the levels before they are built. */
bool Creation::hide_levels()
{
	Stored mark;
	ImageInfo info = {};
	ozr_image_get_info(image_.get(), &info);
	mark.overviews.deferred = mark.changes.overviews = deferred_ && info.levels > 1;
	return write_stored(image_.get(), 0, 0, mark);
}

bool Creation::commit()
{
	ozr_err err = {};
	int rc = OZR_OK;
	if (!hide_levels())
		return false;
	if (!request_.progress(all_read, "", request_.data))
		rc = ozr_fail(&err, OZR_CANCELLED, "cancelled");
	if (rc == OZR_OK)
		rc = ozr_image_commit(image_.get(), nullptr, &err);
	if (rc == OZR_OK && request_.target.zipped)
		rc = packing_.commit(nullptr, &err);
	return rc == OZR_OK || report_creation(request_.target, err, rc);
}
