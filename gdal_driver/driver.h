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

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "compat.h"
#include "ozr/image.h"

/* Kept connections, as names of sessions of GDAL's HTTP client, that nobody uses now
 * (vsi_session.cpp). Any thread. */
class Sessions
{
      public:
	~Sessions();
	/* kind: everything that is set on a connection and stays set. */
	std::string take(const std::string &kind);
	void give(const std::string &kind, const std::string &name);

      private:
	struct Idle {
		std::string kind, name;
	};
	std::mutex mutex_;
	std::vector<Idle> idle_; /* the one used last at the end */
	unsigned made_ = 0;
	int pid_ = 0;
};

/* Names that somebody in this process holds alone (vsi_write.cpp). Any thread. */
class Locks
{
      public:
	bool hold(const std::string &name, bool waits); /* false: somebody else does */
	void release(const std::string &name);

      private:
	std::mutex mutex_;
	std::condition_variable released_;
	std::set<std::string> held_;
};

class Driver final : public GDALDriver
{
      public:
	Driver();
	~Driver() override;
	/* It is there whenever GDAL calls us. */
	static Driver *get();
	/* Borrowed; nullptr after CPLError(). */
	ozr_ctx *context();
	Sessions &sessions()
	{
		return sessions_;
	}
	Locks &locks()
	{
		return locks_;
	}
	uint64_t serial() /* another one each time; even, never 0 */
	{
		return serial_ += 2;
	}

      private:
	std::mutex mutex_;
	ozr_ctx *ctx_ = nullptr;
	Sessions sessions_;
	Locks locks_;
	std::atomic<uint64_t> serial_{0};
};

/* The inner path of an image that is listed beside its labels; QGIS takes it for the layer's name. */
constexpr char own_name[] = "./image";

/* What a user may write for a dataset: path, OMEZARR:path, OMEZARR:"path":inner/path, each with
 * a trailing slash or the name of a metadata file behind it. A path is a local one, one of GDAL's
 * virtual ones (/vsis3/..., /vsizip/...) or a URL. */
struct Name {
	explicit Name(const char *text);
	std::string folder;    /* without trailing slash */
	std::string inner;     /* key below folder, "" for its root */
	std::string vsi;       /* the folder as GDAL's file functions call it */
	bool prefixed = false; /* OMEZARR: */
	bool ours = false;     /* the prefix or the suffix says so: errors speak */
	bool zipped = false;   /* names a zip archive (or what may become one), not a folder */
	bool tiff = false;     /* and it ends as TIFFs do: another driver's, without the prefix */
	bool remote = false;   /* not a local folder: everything goes over GDAL's file functions */
	bool network = false;  /* looking costs requests */
	bool zarr = false;     /* the name says that it is some Zarr */
	bool by_document = false; /* it named a metadata file */
	std::string twin;    /* of an archive that is a TIFF, too: what check_twin() has found */
	bool itself = false; /* "./image": a subdataset that stands for the image itself */
	/* Whether it is "labels/nuclei" or "0/labels/nuclei", a label of the image at `of`. */
	bool is_label(std::string &of, std::string &label) const;
};

/* Whether a path of GDAL's file functions is a folder, or below it. */
bool is_inside(const std::string &path, const std::string &folder);

/* One CPLError() for a failed call. */
void report(const ozr_err &err);
/* As ozr_call.warn. */
void warn(void *, const char *message);
/* NUM_THREADS of the options, else GDAL_NUM_THREADS; 0: as many as there are CPUs. */
unsigned thread_count(CSLConstList options);

/* GDAL's callbacks (open.cpp, create.cpp, create_copy.cpp, files.cpp). */
int identify(GDALOpenInfo *info);
GDALDataset *open_dataset(GDALOpenInfo *info);
GDALDataset *create(const char *name, int width, int height, int bands, GDALDataType type,
		    string_list options);
GDALDataset *create_copy(const char *name, GDALDataset *source, int strict, string_list options,
			 GDALProgressFunc progress, void *progress_data);
CPLErr remove_dataset(const char *name);
CPLErr rename_dataset(const char *new_name, const char *old_name);
CPLErr copy_files(const char *new_name, const char *old_name);
/* Open what was just made. */
GDALDataset *open_by_name(const std::string &name, CSLConstList options);

/* The image at the root of a store, read-only; text: its name. */
GDALDataset *open_in_store(ozr_store *store, const std::string &text);

/* files.cpp: notice that GDAL's CreateCopy() is about to remove an existing target, which it does
 * without asking, and before the copy has begun. Called with each Identify(). */
bool copy_is_asking(const GDALOpenInfo *info);
/* The same for archives and versions of GDAL that ask for files alone, and only what they are: true when
 * there is one of ours, which then stays. */
bool claim_archive(const GDALOpenInfo *info, const Name &name);

#endif
