/* SPDX-License-Identifier: MIT */
/*
 * The driver object, and the few things that all its files use: the library's
 * context, names of datasets, errors.
 *
 * The context belongs to the driver object and is made when the first dataset
 * is opened or made, so that a process that never meets an OME-Zarr pays
 * nothing. Datasets hold their own references to it.
 */
#ifndef OZR_GDAL_DRIVER_H
#define OZR_GDAL_DRIVER_H

#include <mutex>
#include <string>

#include "compat.h"
#include "ozr/image.h"

class Driver final : public GDALDriver
{
      public:
	Driver();
	~Driver() override;
	/* The registered one; it is there whenever GDAL calls us. */
	static Driver *get();
	/* Borrowed; nullptr after CPLError(). */
	ozr_ctx *context();

      private:
	std::mutex mutex_;
	ozr_ctx *ctx_ = nullptr;
};

/* What a user may write for a dataset: path, OMEZARR:path, OMEZARR:"path":inner/path, each with
 * a trailing slash or the name of a metadata file behind it. */
struct Name {
	explicit Name(const char *text);
	std::string folder;    /* without trailing slash */
	std::string inner;     /* key below folder, "" for its root */
	bool prefixed = false; /* OMEZARR: */
	bool ours = false;     /* the prefix or the suffix says so: errors speak */
	bool zipped = false;   /* .ozx */
	bool remote = false;   /* not a local path */
};

/* One CPLError() for a failed call. */
void report(const ozr_err &err);
/* As ozr_call.warn. */
void warn(void *, const char *message);
/* NUM_THREADS of the options, else GDAL_NUM_THREADS; 0: as many as there are CPUs. */
unsigned thread_count(CSLConstList options);

/* GDAL's callbacks (open.cpp, create_copy.cpp, remove.cpp). */
int identify(GDALOpenInfo *info);
GDALDataset *open_dataset(GDALOpenInfo *info);
GDALDataset *create_copy(const char *name, GDALDataset *source, int strict, string_list options,
			 GDALProgressFunc progress, void *progress_data);
CPLErr remove_dataset(const char *name);
/* Open what was just made. */
GDALDataset *open_by_name(const std::string &name, CSLConstList options);

/* remove.cpp: notice that GDAL's CreateCopy() is about to remove an existing target, which it does
 * without asking, and before the copy has begun. Called with each Identify(). */
bool copy_is_asking(const GDALOpenInfo *info);

#endif
