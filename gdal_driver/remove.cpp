/* SPDX-License-Identifier: MIT */
/*
 * Removing stores, and not removing them.
 *
 * GDAL's CreateCopy() deletes what is at the target before it calls us, and
 * would so lose the old store whether or not OVERWRITE was asked for, and
 * whether or not the copy then succeeds. It asks nobody, but it can be told
 * from a deletion that somebody wants: in the same thread, with errors muted,
 * it first opens the target for reading with our driver alone, then
 * asks all drivers what it is, and only then deletes it. In that case
 * we claim any folder (another driver must not delete it instead) and keep it:
 * create_copy() decides what happens to it.
 * Versions before 3.10 leave folders alone.
 */
#include "driver.h"

namespace
{
/* How far this thread has come in the sequence above; GDAL offers no other place for it. */
struct Sequence {
	std::string name;
	enum { NOTHING, OPENED, IDENTIFIED } seen = NOTHING;
};
thread_local Sequence sequence;
} // namespace

bool copy_is_asking(const GDALOpenInfo *info)
{
	if (!copy_opens_target || !errors_are_muted()) {
		sequence.seen = Sequence::NOTHING;
		return false;
	}
	constexpr int telling = GDAL_OF_KIND_MASK | GDAL_OF_UPDATE | GDAL_OF_VERBOSE_ERROR;
	if ((info->nOpenFlags & telling) == GDAL_OF_RASTER) {
		sequence.name = info->pszFilename;
		sequence.seen = Sequence::OPENED;
		return false;
	}
	bool next = is_identification(info) && sequence.seen == Sequence::OPENED &&
		    sequence.name == info->pszFilename;
	sequence.seen = next ? Sequence::IDENTIFIED : Sequence::NOTHING;
	return next;
}

CPLErr remove_dataset(const char *text)
{
	bool copying = sequence.seen == Sequence::IDENTIFIED && sequence.name == text;
	sequence.seen = Sequence::NOTHING;
	if (copying) {
		CPLDebug("OMEZarr", "'%s' stays until its copy is complete", text);
		return CE_Failure;
	}
	Name name(text);
	if (name.remote || name.zipped || !name.inner.empty()) {
		CPLError(CE_Failure, CPLE_NotSupported, "delete '%s': only whole local folders",
			 text);
		return CE_Failure;
	}
	ozr_ctx *ctx = Driver::get()->context();
	ozr_err err = {};
	if (ctx == nullptr)
		return CE_Failure;
	int rc = ozr_tree_remove(ctx, name.folder.c_str(), &err);
	if (rc == OZR_OK)
		return CE_None;
	ozr_err_context(&err, rc, "delete '%s'", name.folder.c_str());
	report(err);
	return CE_Failure;
}
