/* SPDX-License-Identifier: MIT */
/*
 * Opening archives, and removing them.
 */
#include "archive.h"

#include <cpl_vsi_error.h>

#include "ozr/collection.h"
#include "ozr/zip.h"
#include "vsi_store.h"

const char archives_stay[] =
	"a zip archive is written once and never changed; make a folder of it (gdal_translate -of "
	"OMEZarr x.ozx x.ome.zarr), change that, and pack it again";

ArchivePlace::ArchivePlace(const std::string &vsi)
{
	std::string path = vsi, query;
	bool http = STARTS_WITH(vsi.c_str(), "/vsicurl/http");
	size_t mark = http ? vsi.find('?') : std::string::npos;
	if (mark != std::string::npos) {
		query = vsi.substr(mark);
		path.resize(mark);
	}
	size_t slash = path.rfind('/');
	key = path.substr(slash + 1);
	folder = path.substr(0, slash) + query;
	if (!http)
		return;
	/* the store escapes it again */
	char *plain = CPLUnescapeString(key.c_str(), nullptr, CPLES_URL);
	key = plain;
	CPLFree(plain);
}

namespace
{
/* What is at the root of an archive. */
struct Root {
	std::string folder;
	unsigned folders = 0;
	bool has_document = false;
};
} // namespace

static int look_at_root(void *arg, const char *name, int is_prefix)
{
	auto &root = *static_cast<Root *>(arg);
	if (is_prefix == 0) {
		root.has_document = root.has_document || is_document(name);
	} else if (name[0] != '.' && !EQUAL(name, "__MACOSX")) {
		root.folder = name;
		root.folders++;
	}
	return 0;
}

/* Below the only folder, unless the inner path names it. */
static int enter_folder(const Name &name, Store &store, ozr_err *err)
{
	Root root;
	ozr_store *inside = nullptr;
	int rc = ozr_store_list(store.get(), "", look_at_root, &root, err);
	if (rc != OZR_OK || root.has_document || root.folders != 1 ||
	    (name.inner + "/").compare(0, root.folder.size() + 1, root.folder + "/") == 0)
		return rc;
	rc = ozr_store_open_sub(store.get(), root.folder.c_str(), &inside, err);
	if (rc == OZR_OK)
		store.reset(inside);
	return rc;
}

static int open_remote(ozr_ctx *ctx, const Name &name, CSLConstList options, ozr_store **out,
		       ozr_err *err)
{
	ArchivePlace place(name.vsi);
	ozr_store *folder = nullptr;
	int rc = open_vsi_store(ctx, place.folder, vsi_options(OZR_READ, options), &folder, err);
	Store parent(folder);
	return rc == OZR_OK ? ozr_store_open_zip(folder, place.key.c_str(), OZR_READ, out, err)
			    : rc;
}

Store open_archive(const Name &name, int flags, CSLConstList options, ozr_err *err)
{
	ozr_ctx *ctx = Driver::get()->context();
	ozr_store *opened = nullptr;
	int rc = OZR_OK;
	if (ctx == nullptr)
		rc = ozr_fail(err, OZR_NO_MEMORY, "the driver has no context");
	else if (flags == OZR_UPDATE)
		rc = ozr_fail(err, OZR_UNSUPPORTED, "%s", archives_stay);
	else if (name.remote)
		rc = open_remote(ctx, name, options, &opened, err);
	else
		rc = ozr_store_open_zip_file(ctx, name.folder.c_str(), OZR_READ, &opened, err);
	Store store(opened);
	if (rc == OZR_OK)
		rc = enter_folder(name, store, err);
	return rc == OZR_OK ? std::move(store) : nullptr;
}

/* --- files --------------------------------------------------------------------------------- */

bool archive_exists(const Name &name)
{
	VSIStatBufL stat = {};
	Muted mute;
	LocalOption no_listing("GDAL_DISABLE_READDIR_ON_OPEN", "EMPTY_DIR");
	if (name.network)
		VSICurlPartialClearCache(name.vsi.c_str());
	return VSIStatExL(name.vsi.c_str(), &stat, VSI_STAT_EXISTS_FLAG) == 0;
}

int check_archive(const Name &name, ozr_err *err)
{
	ozr_err why = {};
	if (!archive_exists(name))
		return ozr_fail(err, OZR_NOT_FOUND, "there is no such file");
	Store store = open_archive(name, OZR_READ, nullptr, &why);
	if (!store)
		return ozr_fail(err, OZR_EXISTS,
				"the file there is no zip archive with an image: %s", why.msg);
	if (ozr_kind_probe(store.get(), "") == OZR_KIND_NOTHING)
		return ozr_fail(err, OZR_EXISTS, "the zip archive there holds no Zarr hierarchy");
	return OZR_OK;
}

int remove_archive(const Name &name, ozr_err *err)
{
	int rc = check_archive(name, err);
	if (rc == OZR_EXISTS)
		rc = err->code = OZR_DENIED;
	if (rc != OZR_OK)
		return rc;
	Muted mute;
	if (VSIUnlink(name.vsi.c_str()) == 0)
		return OZR_OK;
	return ozr_fail(err, name.network ? OZR_NET : OZR_IO, "'%s' cannot be removed: %s",
			name.folder.c_str(),
			name.remote ? vsi_reason().c_str() : VSIStrerror(errno));
}
