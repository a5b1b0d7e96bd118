/* SPDX-License-Identifier: MIT */
/*
 * Identify and Open. GDAL asks us first about every file that anybody opens,
 * so what is no folder, has no prefix and no name of ours costs a few string
 * comparisons. A folder that holds no OME-NGFF image goes to GDAL's own Zarr
 * driver without a word: an error here would end the search. Names that say
 * they are ours (OMEZARR:, *.ome.zarr, *.ozx) get our errors.
 */
#include <climits>

#include "archive.h"
#include "dataset.h"
#include "driver.h"
#include "plan.h"
#include "store.h"
#include "subdatasets.h"
#include "update.h"

static bool exists(const std::string &path)
{
	VSIStatBufL stat;
	return VSIStatExL(path.c_str(), &stat, VSI_STAT_EXISTS_FLAG) == 0;
}

static bool has_metadata(const std::string &folder)
{
	return exists(folder + "/zarr.json") || exists(folder + "/.zattrs") ||
	       exists(folder + "/.zgroup") || exists(folder + "/.zarray");
}

static bool is_zip(const GDALOpenInfo *info)
{
	return info->nHeaderBytes >= 4 && memcmp(info->pabyHeader, "PK\3\4", 4) == 0;
}

/* Over a network the directory of every zip file would be read, so its first entry must look like it:
 * "zarr.json", "x.zarr/...". */
static bool may_be_archive(const GDALOpenInfo *info, const Name &name)
{
	if (name.tiff)
		return false;
	if (name.zarr)
		return name.network || info->nHeaderBytes > 0;
	if (!is_zip(info))
		return false;
	const size_t head = 30;
	auto bytes = reinterpret_cast<const char *>(info->pabyHeader);
	std::string first(bytes, static_cast<size_t>(info->nHeaderBytes));
	first = first.substr(std::min(head, first.size()));
	bool looks = strcasestr(first.c_str(), "zarr") != nullptr || first.compare(0, 2, ".z") == 0;
	return looks || !name.network;
}

/* Where folders need not exist for the files in them: looking inside costs nothing. */
static bool is_in_memory(const char *text)
{
	return STARTS_WITH(text, "/vsimem/");
}

/* The cheap questions, without a request: whether it is worth looking inside. */
static bool may_be_ours(const GDALOpenInfo *info, const Name &name)
{
	if (name.prefixed)
		return true;
	if (name.zipped)
		return may_be_archive(info, name);
	if (name.network)
		return name.zarr || info->bIsDirectory;
	if (info->bIsDirectory || (name.remote && name.zarr) || is_in_memory(info->pszFilename))
		return name.ours || has_metadata(name.vsi);
	return name.by_document;
}

/* A list of labels alone is not enough: any group may have such an attribute. */
static bool is_ours(ozr_kind kind)
{
	return kind == OZR_KIND_IMAGE || (is_collection(kind) && kind != OZR_KIND_LABELS);
}

static ozr_kind identify_quietly(const Name &name)
{
	ozr_err err = {};
	Store store = open_store(name, OZR_READ, nullptr, &err);
	return store ? ozr_kind_probe(store.get(), name.inner.c_str()) : OZR_KIND_NOTHING;
}

static bool is_some_zarr(const Name &name)
{
	if (name.zipped) /* CreateCopy() asks: whatever it is, nobody must remove it yet */
		return archive_exists(name);
	return name.network ? identify_quietly(name) != OZR_KIND_NOTHING : has_metadata(name.vsi);
}

/* Most files that GDAL is asked for can be told by their names. */
static bool is_foreign(const GDALOpenInfo *info)
{
	const char *text = info->pszFilename;
	if (info->bIsDirectory || STARTS_WITH_CI(text, "OMEZARR:") || is_in_memory(text))
		return false;
	for (const char *word : {"zarr", ".ozx", ".zattrs", ".zgroup"})
		if (strcasestr(text, word) != nullptr)
			return false;
	if (is_zip(info))
		return false;
	/* a TIFF may be the target of a copy of ours */
	return !(copy_opens_target && errors_are_muted() && strcasestr(text, ".tif") != nullptr);
}

/* Whether an archive of ours is about to be removed by a copy or Create() of an old GDAL, which asks
 * nobody: then it is claimed, and stays. */
static bool is_removal_of_archive(const GDALOpenInfo *info, const Name &name)
{
	return !copy_opens_target && is_identification(info) && errors_are_muted() && name.zipped &&
	       !name.tiff && !name.network;
}

/* Older ones delete, unasked, what a copy's target is identified as if it is no folder. */
static bool is_removal_of_other(const GDALOpenInfo *info, const Name &name)
{
	return !copy_opens_target && !info->bIsDirectory && is_identification(info) &&
	       errors_are_muted() && (name.prefixed || name.remote);
}

int identify(GDALOpenInfo *info)
{
	if (is_foreign(info))
		return FALSE;
	Name name(info->pszFilename);
	if (copy_is_asking(info))
		return name.prefixed || is_some_zarr(name);
	if (is_removal_of_archive(info, name))
		return (name.ours || is_ours(identify_quietly(name))) && claim_archive(info, name);
	if (is_removal_of_other(info, name))
		return FALSE;
	if (!may_be_ours(info, name))
		return FALSE;
	/* Newer ones have Create() delete what its target is identified as, and errors are heard. */
	if (copy_opens_target && is_identification(info) && !info->bIsDirectory &&
	    name.inner.empty() && !is_some_zarr(name))
		return FALSE;
	if (name.ours)
		return TRUE;
	if (name.network)
		return GDAL_IDENTIFY_UNKNOWN;
	return is_ours(identify_quietly(name));
}

static bool refuse_what_is_not_supported(const GDALOpenInfo *info)
{
	if (info->eAccess != GA_Update ||
	    CSLFetchNameValue(info->papszOpenOptions, "LEVEL") == nullptr)
		return false;
	CPLError(CE_Failure, CPLE_NotSupported,
		 "open '%s': other levels follow from level 0, which alone can be updated; leave "
		 "LEVEL out",
		 info->pszFilename);
	return true;
}

static bool fits_gdal(const Scene &scene)
{
	ArrayInfo array = {};
	ozr_array_get_info(ozr_image_level(scene.image.get(), scene.view.level), &array);
	for (unsigned d : {scene.view.x, scene.view.y})
		if (array.shape[d] > INT_MAX) {
			CPLError(CE_Failure, CPLE_NotSupported,
				 "open '%s': axis '%s' has %llu elements, GDAL's limit is %d",
				 scene.name.c_str(), scene.info.axes[d].name,
				 static_cast<unsigned long long>(array.shape[d]), INT_MAX);
			return false;
		}
	return GDALCheckBandCount(static_cast<int>(scene.view.planes.size()), FALSE) != FALSE;
}

/* Without locks, what another process writes at the same time would be lost. Images with deferred
 * levels are for many writers, who write whole shards and no metadata; parts are then refused. */
static bool refuse_without_locks(const Scene &scene, int flags)
{
	if (flags != OZR_UPDATE || scene.stored.overviews.deferred ||
	    (scene.store->caps & OZR_STORE_LOCK) != 0)
		return false;
	CPLError(
		CE_Failure, CPLE_NotSupported,
		"open '%s' for update: an object store has no locks. SINGLE_WRITER=YES (open "
		"option, or configuration option OMEZARR_SINGLE_WRITER) says that no other process "
		"writes the image at the same time",
		scene.store->location);
	return true;
}

static GDALDataset *open_image(const Name &name, const char *text, ozr_store *store, int flags,
			       CSLConstList options);

/* A group without an image of its own: its only image, or a list of them. */
static GDALDataset *open_members(const Name &name, const char *text, ozr_store *store, int flags,
				 CSLConstList options)
{
	Collection collection = open_collection(store, name);
	if (!collection)
		return nullptr;
	std::string only = only_member(collection.get());
	if (only.empty())
		return list_collection(collection.get(), store, name, text);
	Name inside = name;
	inside.inner += (inside.inner.empty() ? "" : "/") + only;
	return open_image(inside, text, store, flags, options);
}

static GDALDataset *open_image(const Name &name, const char *text, ozr_store *store, int flags,
			       CSLConstList options)
{
	auto scene = std::make_shared<Scene>();
	ozr_image *image = nullptr;
	ozr_err err = {};
	int rc = ozr_image_open(store, name.inner.c_str(), flags, &image, &err);
	if (rc == OZR_BAD_FORMAT && is_collection(ozr_kind_probe(store, name.inner.c_str())))
		return open_members(name, text, store, flags, options);
	if (rc != OZR_OK) {
		report(err); /* it names the folder */
		return nullptr;
	}
	scene->image.reset(image);
	scene->store.reset(ozr_store_ref(store));
	scene->name = text;
	scene->folder = name.folder;
	scene->inner = name.inner;
	scene->vsi = name.vsi;
	scene->network = name.network;
	scene->zipped = name.zipped;
	scene->twin = name.twin;
	scene->itself = name.itself;
	scene->threads = thread_count(options);
	ozr_image_get_info(image, &scene->info);
	if (!choose_view(*scene, options) || !fits_gdal(*scene) ||
	    !read_stored(image, scene->view.x, scene->view.y, scene->stored) ||
	    refuse_without_locks(*scene, flags))
		return nullptr;
	read_labels(*scene);
	inherit_place(*scene, options);
	for (unsigned i = 0; ozr_image_warning(image, i) != nullptr; i++)
		CPLError(CE_Warning, CPLE_AppDefined, "'%s': %s", text,
			 ozr_image_warning(image, i));
	if (flags == OZR_UPDATE) {
		scene->access = Access::UPDATE;
		scene->update = std::make_unique<Update>(*scene);
	}
	auto dataset = std::make_unique<Dataset>(scene, scene->view.level);
	dataset->complete();
	return dataset.release();
}

/* A trailing slash would make GDAL look for files inside the store. */
static std::string plain_name(const Name &name, const char *text)
{
	return name.prefixed ? text : name.folder;
}

/* Twins begin as a TIFF does, unless somebody has written them anew: that is found where looking
 * costs nothing. */
static bool may_be_twin(const GDALOpenInfo *info, const Name &name)
{
	return name.zipped && !(name.network && is_zip(info));
}

/* Archives of others are theirs to refuse. */
static GDALDataset *refuse_update(const GDALOpenInfo *info, const Name &name)
{
	if (name.ours || is_ours(identify_quietly(name)))
		CPLError(CE_Failure, CPLE_NotSupported, "open '%s' for update: %s",
			 info->pszFilename, archives_stay);
	return nullptr;
}

GDALDataset *open_dataset(GDALOpenInfo *info)
{
	Name name(info->pszFilename);
	int kind = info->nOpenFlags & GDAL_OF_KIND_MASK;
	if ((kind != 0 && (kind & GDAL_OF_RASTER) == 0) || !may_be_ours(info, name))
		return nullptr;
	ozr_err err = {};
	int flags = info->eAccess == GA_Update ? OZR_UPDATE : OZR_READ;
	ozr_durability durability = OZR_FLUSH_NONE;
	if (!fetch_durability(info->papszOpenOptions, durability))
		return nullptr;
	if (name.zipped && flags == OZR_UPDATE)
		return refuse_update(info, name);
	if (may_be_twin(info, name) && !check_twin(name, info->pszFilename, info->papszOpenOptions))
		return nullptr;
	Store store = open_store(name, flags, info->papszOpenOptions, &err, durability);
	if (!store) {
		if (name.ours) {
			ozr_err_context(&err, err.code, "open '%s'", info->pszFilename);
			report(err);
		}
		return nullptr;
	}
	RememberDocuments opening(store.get());
	if (!name.ours && !is_ours(ozr_kind_probe(store.get(), name.inner.c_str())))
		return nullptr;
	if (refuse_what_is_not_supported(info))
		return nullptr;
	return open_image(name, plain_name(name, info->pszFilename).c_str(), store.get(), flags,
			  info->papszOpenOptions);
}

GDALDataset *open_by_name(const std::string &text, CSLConstList options)
{
	Name name(text.c_str());
	ozr_err err = {};
	if (name.zipped && !check_twin(name, text.c_str(), options))
		return nullptr;
	Store store = open_store(name, OZR_READ, options, &err);
	if (!store) {
		ozr_err_context(&err, err.code, "open '%s'", text.c_str());
		report(err);
		return nullptr;
	}
	RememberDocuments opening(store.get());
	return open_image(name, text.c_str(), store.get(), OZR_READ, options);
}

GDALDataset *open_in_store(ozr_store *store, const std::string &text)
{
	return open_image(Name(text.c_str()), text.c_str(), store, OZR_READ, nullptr);
}
