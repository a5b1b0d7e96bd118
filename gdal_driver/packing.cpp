/* SPDX-License-Identifier: MIT */
/*
 * Writing archives.
 */
#include "packing.h"

#include <cstdlib>
#include <unistd.h>

#include "ozr/zip.h"
#include "vsi_store.h"

Packing::~Packing()
{
	ozr_stage_abort(stage_);
	if (!scratch_.empty())
		rmdir(scratch_.c_str());
}

/* What the archive takes the place of. */
static int make_way(const Name &target, const Plan &plan, ozr_err *err)
{
	if (!plan.overwrite)
		return archive_exists(target)
			       ? ozr_fail(err, OZR_EXISTS, "'%s' exists", target.folder.c_str())
			       : static_cast<int>(OZR_OK);
	int rc = check_archive(target, err);
	return rc == OZR_NOT_FOUND ? static_cast<int>(OZR_OK) : rc;
}

static Store open_parent(const ArchivePlace &place, ozr_err *err)
{
	ozr_store *store = nullptr;
	int rc = open_vsi_store(Driver::get()->context(), place.folder,
				vsi_options(OZR_UPDATE, makers_options(false).List()), &store, err);
	return Store(rc == OZR_OK ? store : nullptr);
}

int Packing::create(const Name &target, const Plan &plan, ozr_err *err)
{
	ozr_ctx *ctx = Driver::get()->context();
	ozr_store *zip = nullptr;
	ozr_zip_options options = {};
	if (ctx == nullptr)
		return ozr_fail(err, OZR_NO_MEMORY, "the driver has no context");
	int rc = make_way(target, plan, err);
	if (rc != OZR_OK)
		return rc;
	options.mode = plan.overwrite ? OZR_PUT_REPLACE : OZR_PUT_CREATE_ONLY;
	if (plan.image.ome_version == 4)
		options.comment = "";
	if (target.remote) {
		ArchivePlace place(target.vsi);
		Store parent = open_parent(place, err);
		rc = parent ? ozr_zip_create(parent.get(), place.key.c_str(), &options, &zip, err)
			    : err->code;
	} else {
		rc = ozr_zip_create_file(ctx, target.folder.c_str(), &options, plan.durability,
					 &zip, err);
	}
	zip_.reset(rc == OZR_OK ? zip : nullptr);
	return rc;
}

int Packing::begin(const Name &target, const Plan &plan, ozr_image **out, ozr_err *err)
{
	int rc = create(target, plan, err);
	return rc == OZR_OK
		       ? ozr_image_create(zip_.get(), "", OZR_CREATE_DIRECT, &plan.image, out, err)
		       : rc;
}

int Packing::commit(const ozr_call *, ozr_err *err)
{
	int rc = ozr_zip_commit(zip_.get(), err);
	zip_.reset();
	return rc;
}
