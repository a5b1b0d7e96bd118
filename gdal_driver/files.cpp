/* SPDX-License-Identifier: MIT */
/*
 * Whole images as GDAL's file management sees them: Delete, Rename, CopyFiles.
 * Only what is a Zarr hierarchy without foreign files at its root is touched.
 * Local folders are renamed in one step and copied into a stage; elsewhere a
 * copy comes data first, metadata last, and what is removed goes metadata
 * first, so that at no time a part looks like a whole.
 *
 * And not removing them: GDAL's CreateCopy() deletes what is at the target
 * before it calls us, and would so lose the old store whether or not OVERWRITE
 * was asked for, and whether or not the copy then succeeds. It asks nobody, but
 * it can be told from a deletion that somebody wants: in the same thread, with
 * errors muted, it first opens the target for reading with our driver alone,
 * then perhaps the source, asks all drivers what the target is, and only then
 * deletes it. In that case we claim any folder (another driver must not delete it instead) and keep it:
 * create_copy() decides what happens to it. Versions before 3.10 leave folders
 * alone. Create() of 3.12 asks, muted, what the target is, and deletes it
 * aloud: then nothing is said of what is not there, or is a label.
 */
#include <utility>

#include "archive.h"
#include "packing.h"
#include "store.h"
#include "vsi_place.h"

namespace
{
/* How far this thread has come in the sequence above; GDAL offers no other place for it. */
struct Sequence {
	std::string name, before; /* opened last, and the one before */
	enum { NOTHING, OPENED, IDENTIFIED, ONLY_IDENTIFIED } seen = NOTHING;
};
thread_local Sequence sequence;
} // namespace

bool copy_is_asking(const GDALOpenInfo *info)
{
	if (!copy_opens_target || !errors_are_muted()) {
		sequence = {};
		return false;
	}
	constexpr int telling = GDAL_OF_KIND_MASK | GDAL_OF_UPDATE | GDAL_OF_VERBOSE_ERROR;
	if ((info->nOpenFlags & telling) == GDAL_OF_RASTER) {
		if (sequence.name != info->pszFilename)
			sequence.before = std::exchange(sequence.name, info->pszFilename);
		sequence.seen = Sequence::OPENED;
		return false;
	}
	bool asks = is_identification(info);
	bool next = asks && sequence.seen == Sequence::OPENED &&
		    (sequence.name == info->pszFilename || sequence.before == info->pszFilename);
	sequence.seen = next   ? Sequence::IDENTIFIED
			: asks ? Sequence::ONLY_IDENTIFIED
			       : Sequence::NOTHING;
	sequence.name = info->pszFilename;
	return next;
}

bool claim_archive(const GDALOpenInfo *info, const Name &name)
{
	ozr_err err = {};
	if (check_archive(name, &err) != OZR_OK)
		return false;
	sequence.name = info->pszFilename;
	sequence.seen = Sequence::IDENTIFIED;
	return true;
}

static CPLErr fail(const char *what, const char *name, int rc, ozr_err &err)
{
	ozr_err_context(&err, rc, "%s '%s'", what, name);
	report(err);
	return CE_Failure;
}

/* Directories are things of their own in memory. */
static void remove_empty(const Name &name)
{
	if (STARTS_WITH(name.vsi.c_str(), "/vsimem/"))
		VSIRmdirRecursive(name.vsi.c_str());
}

int remove_image(const Name &name, ozr_err *err)
{
	ozr_ctx *ctx = Driver::get()->context();
	if (ctx == nullptr)
		return ozr_fail(err, OZR_NO_MEMORY, "the driver has no context");
	if (name.zipped)
		return remove_archive(name, err);
	if (!name.remote)
		return ozr_tree_remove(ctx, name.folder.c_str(), err);
	Store store = open_store(name, OZR_UPDATE, nullptr, err);
	int rc = store ? ozr_hierarchy_remove(store.get(), err) : err->code;
	if (rc == OZR_OK)
		remove_empty(name);
	return rc;
}

CPLErr remove_dataset(const char *text)
{
	bool copying = sequence.seen == Sequence::IDENTIFIED && sequence.name == text;
	bool creating = sequence.seen == Sequence::ONLY_IDENTIFIED && sequence.name == text;
	sequence.seen = Sequence::NOTHING;
	if (copying) {
		if (muting_is_known)
			CPLDebug("OMEZarr", "'%s' stays until its copy is complete", text);
		else
			CPLError(CE_Warning, CPLE_AppDefined,
				 "'%s' is not deleted now: a copy to its name replaces it at the "
				 "end, with OVERWRITE=YES; to have it deleted, remove the file "
				 "(this GDAL does not tell which is wanted)",
				 text);
		return CE_Failure;
	}
	Name name(text);
	if (creating && name.zipped && !create_deletes) {
		CPLDebug("OMEZarr", "'%s' stays until its successor is complete", text);
		return CE_Failure;
	}
	ozr_err err = {};
	const char *why = refuses_writing(name);
	int rc = why != nullptr ? ozr_fail(&err, OZR_UNSUPPORTED, "%s", why)
				: remove_image(name, &err);
	if (creating && (rc == OZR_NOT_FOUND || !name.inner.empty())) {
		CPLDebug("OMEZarr", "nothing to delete for '%s'", text);
		return CE_Failure;
	}
	return rc == OZR_OK ? CE_None : fail("delete", text, rc, err);
}

/* --- copying ---------------------------------------------------------------------------- */

static int copy_to_stage(ozr_store *from, const Name &to, ozr_err *err)
{
	ozr_stage *stage = nullptr;
	int rc = ozr_stage_new(Driver::get()->context(), to.folder.c_str(), 0, OZR_FLUSH_NONE,
			       &stage, err);
	if (rc != OZR_OK)
		return rc;
	rc = ozr_hierarchy_copy(from, ozr_stage_store(stage), nullptr, err);
	if (rc == OZR_OK)
		return ozr_stage_commit(stage, err);
	ozr_stage_abort(stage);
	return rc;
}

static int copy_in_place(ozr_store *from, const Name &to, ozr_err *err)
{
	Store store = open_store(to, OZR_UPDATE, nullptr, err);
	if (!store)
		return err->code;
	int rc = ozr_hierarchy_check(store.get(), err);
	if (rc != OZR_NOT_FOUND)
		return rc == OZR_OK ? ozr_fail(err, OZR_EXISTS, "'%s' exists", to.folder.c_str())
				    : rc;
	rc = ozr_hierarchy_copy(from, store.get(), nullptr, err);
	if (rc != OZR_OK) {
		ozr_err ignored = {}; /* the first one counts */
		if (ozr_hierarchy_clear(store.get(), &ignored) == OZR_OK)
			remove_empty(to);
	}
	return rc;
}

/* A file as it is; what is at the target when it comes appears whole. */
static int copy_archive(const Name &from, const Name &to, ozr_err *err)
{
	int rc = archive_exists(to) ? ozr_fail(err, OZR_EXISTS, "'%s' exists", to.folder.c_str())
				    : check_archive(from, err);
	if (rc != OZR_OK)
		return rc;
	std::string part = to.vsi + ".ozr-part";
	const std::string &first = to.network ? to.vsi : part; /* uploads appear whole */
	Muted mute;
	if (CPLCopyFile(first.c_str(), from.vsi.c_str()) == 0 &&
	    (to.network || VSIRename(part.c_str(), to.vsi.c_str()) == 0))
		return OZR_OK;
	std::string why = vsi_reason();
	VSIUnlink(first.c_str());
	return ozr_fail(err, OZR_IO, "write '%s': %s", to.folder.c_str(), why.c_str());
}

static int pack_copy(ozr_store *from, const Name &to, ozr_err *err)
{
	Plan plan;
	Packing packing;
	ozr_object *document = nullptr;
	int rc = ozr_object_open(from, "zarr.json", &document, err);
	if (rc != OZR_OK && rc != OZR_NOT_FOUND)
		return rc;
	plan.image.ome_version = rc == OZR_OK ? 5 : 4;
	ozr_object_close(document);
	if (plan.image.ome_version == 4 && EQUAL(CPLGetExtension(to.folder.c_str()), "ozx"))
		return ozr_fail(err, OZR_UNSUPPORTED,
				"an .ozx file is Zarr v3, and this is v2; a name ending in "
				".ome.zarr.zip takes it");
	return packing.pack(to, plan, from, nullptr, err);
}

static int copy_image(const Name &from, const Name &to, ozr_err *err)
{
	const char *why = refuses_writing(to);
	if (why != nullptr)
		return ozr_fail(err, OZR_UNSUPPORTED, "'%s': %s", to.folder.c_str(), why);
	if (to.remote && is_inside(to.vsi, from.vsi))
		return ozr_fail(err, OZR_BAD_ARG, "'%s' is inside it", to.folder.c_str());
	if (!from.inner.empty())
		return ozr_fail(err, OZR_UNSUPPORTED, "only whole hierarchies");
	if (from.zipped && to.zipped)
		return copy_archive(from, to, err);
	Store store = open_store(from, OZR_READ, nullptr, err);
	if (!store)
		return err->code;
	int rc = ozr_hierarchy_check(store.get(), err);
	if (rc != OZR_OK)
		return rc;
	if (to.zipped)
		return pack_copy(store.get(), to, err);
	return to.remote ? copy_in_place(store.get(), to, err)
			 : copy_to_stage(store.get(), to, err);
}

CPLErr copy_files(const char *new_text, const char *old_text)
{
	ozr_err err = {};
	int rc = copy_image(Name(old_text), Name(new_text), &err);
	return rc == OZR_OK ? CE_None : fail("copy", old_text, rc, err);
}

/* --- renaming --------------------------------------------------------------------------- */

static int rename_archive(const Name &from, const Name &to, ozr_err *err)
{
	int rc = archive_exists(to) ? ozr_fail(err, OZR_EXISTS, "'%s' exists", to.folder.c_str())
				    : check_archive(from, err);
	if (rc != OZR_OK || VSIRename(from.vsi.c_str(), to.vsi.c_str()) == 0)
		return rc;
	rc = copy_archive(from, to, err); /* on another disk */
	return rc == OZR_OK ? remove_archive(from, err) : rc;
}

static int rename_image(const Name &from, const Name &to, ozr_err *err)
{
	for (const Name *name : {&to, &from}) {
		const char *why = refuses_writing(*name);
		if (why != nullptr)
			return ozr_fail(err, OZR_UNSUPPORTED, "'%s': %s", name->folder.c_str(),
					why);
	}
	ozr_ctx *ctx = Driver::get()->context();
	if (ctx == nullptr)
		return ozr_fail(err, OZR_NO_MEMORY, "the driver has no context");
	int rc = OZR_UNSUPPORTED;
	if (from.zipped && to.zipped && !from.network && !to.network)
		return rename_archive(from, to, err);
	if (!from.remote && !to.remote && !from.zipped && !to.zipped)
		rc = ozr_tree_rename(ctx, from.folder.c_str(), to.folder.c_str(), err);
	if (rc != OZR_UNSUPPORTED)
		return rc;
	rc = copy_image(from, to, err);
	return rc == OZR_OK ? remove_image(from, err) : rc;
}

CPLErr rename_dataset(const char *new_text, const char *old_text)
{
	ozr_err err = {};
	int rc = rename_image(Name(old_text), Name(new_text), &err);
	return rc == OZR_OK ? CE_None : fail("rename", old_text, rc, err);
}
