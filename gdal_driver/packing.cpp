/* SPDX-License-Identifier: MIT */
/*
 * Writing archives.
 */
#include "packing.h"

#include <cstdlib>
#include <functional>

#include "ozr/zip.h"
#include "vsi_store.h"

Packing::~Packing()
{
	ozr_stage_abort(stage_);
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
	options.head = plan.twin.wanted ? static_cast<unsigned>(OZR_TWIN_HEAD) : 0;
	options.read_only = plan.read_only ? 1 : 0;
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
	ozr_twin *twin = nullptr;
	ozr_image *image = nullptr;
	int rc = create(target, plan, err);
	if (rc == OZR_OK)
		rc = ozr_image_create(zip_.get(), "", OZR_CREATE_DIRECT, &plan.image, &image, err);
	if (rc == OZR_OK && plan.twin.wanted)
		rc = ozr_twin_begin(zip_.get(), image, &plan.twin.how, &twin, err);
	twin_.reset(twin);
	if (rc != OZR_OK)
		ozr_image_close(image);
	else
		*out = image;
	return rc;
}

int Packing::commit(const ozr_call *call, ozr_err *err)
{
	int rc = twin_ ? ozr_twin_finish(twin_.get(), call, err) : static_cast<int>(OZR_OK);
	twin_.reset();
	if (rc == OZR_OK)
		rc = ozr_zip_commit(zip_.get(), err);
	zip_.reset();
	return rc;
}

/* --- images that are packed at the end ------------------------------------------------------ */

/* Nothing is ever made there; stages are called after it. Equal for equal targets, so that what dead
 * processes have left is found. */
static std::string stage_name(const Name &target)
{
	if (!target.remote)
		return target.folder + ".unpacked";
	const char *folder = secure_getenv("TMPDIR");
	return std::string(folder != nullptr ? folder : "/var/tmp") + "/ozr-" +
	       std::to_string(std::hash<std::string>()(target.vsi));
}

int Packing::stage(const Name &target, const Plan &plan, ozr_image **out, ozr_err *err)
{
	ozr_ctx *ctx = Driver::get()->context();
	if (ctx == nullptr)
		return ozr_fail(err, OZR_NO_MEMORY, "the driver has no context");
	int rc = make_way(target, plan, err);
	ozr_stage_abort(stage_);
	stage_ = nullptr;
	if (rc == OZR_OK)
		rc = ozr_stage_new(ctx, stage_name(target).c_str(), 0, OZR_FLUSH_NONE, &stage_,
				   err);
	return rc == OZR_OK ? ozr_image_create(ozr_stage_store(stage_), "", OZR_CREATE_DIRECT,
					       &plan.image, out, err)
			    : rc;
}

int Packing::pack(const Name &target, const Plan &plan, const ozr_call *call, ozr_err *err)
{
	return pack(target, plan, ozr_stage_store(stage_), call, err);
}

int Packing::pack(const Name &target, const Plan &plan, ozr_store *from, const ozr_call *call,
		  ozr_err *err)
{
	int rc = create(target, plan, err);
	if (rc == OZR_OK)
		rc = ozr_zip_pack(zip_.get(), from, call, err);
	if (rc == OZR_OK)
		rc = commit(call, err);
	zip_.reset();
	return rc;
}
