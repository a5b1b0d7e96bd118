/* SPDX-License-Identifier: MIT */
/*
 * The choice of a store, and making an image in it.
 */
#include "store.h"

#include <cstdlib>

#include "archive.h"
#include "ozr/labels.h"
#include "vsi_store.h"

static const char *setting(CSLConstList options, const char *option, const char *config,
			   const char *otherwise)
{
	const char *value = CSLFetchNameValue(options, option);
	return value != nullptr ? value : CPLGetConfigOption(config, otherwise);
}

VsiOptions vsi_options(int flags, CSLConstList options)
{
	VsiOptions out;
	out.update = flags == OZR_UPDATE;
	out.single_writer =
		CPLTestBool(setting(options, "SINGLE_WRITER", "OMEZARR_SINGLE_WRITER", "NO"));
	out.missing_403 = CPLTestBool(setting(options, "MISSING_403", "OMEZARR_MISSING_403", "NO"));
	const char *threads = setting(options, "IO_THREADS", "OMEZARR_IO_THREADS", "16");
	long n = std::strtol(threads, nullptr, 10);
	out.io_threads = static_cast<unsigned>(std::max(1L, std::min(n, 64L)));
	return out;
}

Store open_store(const Name &name, int flags, CSLConstList options, ozr_err *err,
		 ozr_durability durability)
{
	ozr_store *store = nullptr;
	ozr_ctx *ctx = Driver::get()->context();
	if (ctx == nullptr) {
		ozr_fail(err, OZR_NO_MEMORY, "the driver has no context");
		return nullptr;
	}
	if (name.zipped)
		return open_archive(name, flags, options, err);
	int rc = name.remote
			 ? open_vsi_store(ctx, name.vsi, vsi_options(flags, options), &store, err)
			 : ozr_store_open_dir(ctx, name.folder.c_str(), flags, durability, &store,
					      err);
	return Store(rc == OZR_OK ? store : nullptr);
}

/* Only stores of ours remember. */
static VsiStore *as_vsi(ozr_store *store)
{
	return strcmp(store->ops->name, "VSI") == 0 ? static_cast<VsiStore *>(store) : nullptr;
}

RememberDocuments::RememberDocuments(ozr_store *store) : store_(store)
{
	if (VsiStore *vsi = as_vsi(store_))
		vsi->remember_documents(true);
}

RememberDocuments::~RememberDocuments()
{
	if (VsiStore *vsi = as_vsi(store_))
		vsi->remember_documents(false);
}

CPLStringList makers_options(bool for_many)
{
	CPLStringList out;
	if (!for_many)
		out.SetNameValue("SINGLE_WRITER", "YES");
	return out;
}

const char *refuses_writing(const Name &name)
{
	if (!name.inner.empty() || name.folder.empty())
		return "the target must be the name of a folder, or of an archive (.ozx, .zip)";
	if (name.vsi.find("/vsizip/") == 0 || name.vsi.find("/vsitar/") == 0)
		return "what is inside an archive cannot be written; write a whole one, by a name "
		       "ending in .ozx or .zip";
	if (!name.remote)
		return nullptr;
	Place place(name.vsi);
	if (!place.memory && !place.objects)
		return "only local places, /vsimem/, /vsis3/, /vsigs/, /vsiaz/ and /vsioss/ can be "
		       "written";
	return nullptr;
}

const char *refuses_image(const Name &name)
{
	std::string of, label;
	if (!name.is_label(of, label))
		return refuses_writing(name);
	if (name.zipped)
		return archives_stay;
	return name.remote ? "labels are written into images in local folders only" : nullptr;
}

/* What is at the place of an image that is not staged goes, if it may, or is an error. */
static int make_room(const Name &target, const NewImage &how, ozr_err *err)
{
	if (!how.replace)
		return OZR_OK; /* the library refuses what is there */
	int rc = remove_image(target, err);
	if (rc == OZR_DENIED && !target.network)
		rc = err->code = OZR_EXISTS;
	return rc == OZR_NOT_FOUND ? static_cast<int>(OZR_OK) : rc;
}

/* A folder for an image that many will fill: theirs from the beginning, so there is no stage. */
static int make_folder(const Name &target, ozr_err *err)
{
	VSIStatBufL stat = {};
	const char *folder = target.folder.c_str();
	if (VSIMkdir(folder, 0777) == 0)
		return OZR_OK;
	if (VSIStatL(folder, &stat) != 0 || !VSI_ISDIR(stat.st_mode))
		return ozr_fail_errno(err, errno, "make the folder '%s'", folder);
	return OZR_OK;
}

int create_image(const Name &target, const NewImage &how, const ozr_image_options *options,
		 ozr_image **out, ozr_err *err)
{
	ozr_ctx *ctx = Driver::get()->context();
	if (ctx == nullptr)
		return ozr_fail(err, OZR_NO_MEMORY, "the driver has no context");
	std::string of, label;
	if (target.is_label(of, label))
		return ozr_label_create_dir(ctx, target.folder.c_str(), of.c_str(), label.c_str(),
					    how.replace, how.durability, options, out, err);
	if (!target.remote && !how.publish_empty)
		return ozr_image_create_dir(ctx, target.folder.c_str(), how.replace, how.durability,
					    options, out, err);
	int rc = make_room(target, how, err);
	if (rc == OZR_OK && !target.remote)
		rc = make_folder(target, err);
	if (rc != OZR_OK)
		return rc;
	Store store = open_store(target, OZR_UPDATE, makers_options(how.publish_empty).List(), err);
	if (!store)
		return err->code;
	return ozr_image_create(store.get(), "",
				how.publish_empty ? OZR_CREATE_PUBLISH_EMPTY : OZR_CREATE_DIRECT,
				options, out, err);
}
