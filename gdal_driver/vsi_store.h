/* SPDX-License-Identifier: MIT */
/*
 * The library's store interface over GDAL's virtual file systems: objects that
 * are read, the store that opens them, whole values that are written.
 *
 * Reading has two ways. Plain HTTP is asked directly (vsi_read_http.cpp), so
 * that a missing key, a refusal, a wrong range and a new version are told
 * apart, and the end of a shard comes without asking for its size first.
 * Everything else is a file of GDAL's (vsi_read_file.cpp).
 *
 * An opened shard or chunk of a remote store is kept for the next request, at
 * most `pool_size` of them: one version each, which is checked again whenever
 * bytes of it arrive. Threads: as the library wants it; a mutex guards the
 * lists here and is never held while something is read.
 */
#ifndef OZR_GDAL_VSI_STORE_H
#define OZR_GDAL_VSI_STORE_H

#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "ozr/store.h"
#include "vsi_archive.h"
#include "vsi_place.h"

/* One version of a value. The pool and each user hold a reference. */
class VsiObject : public ozr_object
{
      public:
	VsiObject(ozr_store *in, const char *named) : ozr_object(), key(named)
	{
		store = in;
	}
	virtual ~VsiObject() = default;
	virtual int fetch(size_t n, const ozr_range *ranges, void *const *dst, ozr_err *err) = 0;
	/* Nobody but the pool has it now: let go of what was read ahead. */
	virtual void rest()
	{
	}

	void hold()
	{
		refs_++;
	}
	void drop()
	{
		if (--refs_ == 0)
			delete this;
	}
	/* A user's last word: the pool, if it has the object too, keeps it. */
	void close()
	{
		if (refs_ == 2)
			rest();
		drop();
	}
	std::string key;

      private:
	std::atomic<int> refs_{1};
};

struct VsiOptions {
	bool update = false;
	bool single_writer = false; /* SINGLE_WRITER: no other process writes the same image */
	bool missing_403 = false;   /* OMEZARR_MISSING_403: S3 without the right to list */
	unsigned io_threads = 0;    /* requests at a time */
};

class VsiStore : public ozr_store
{
      public:
	explicit VsiStore(const Place &where, const VsiOptions &how)
	    : ozr_store(), place(where), options(how)
	{
	}
	~VsiStore();
	int open_object(const char *key, const ozr_hint &hint, VsiObject **out, ozr_err *err);
	/* A version of a key that has turned out to be history. */
	void forget(const std::string &key);
	/* Whether an archive over a network has a key. */
	int archive_has(const char *key, bool &yes, ozr_err *err);
	/* Documents (zarr.json, ...) that are read while an image is being opened are read once. */
	void remember_documents(bool yes);

	const Place place;
	const VsiOptions options;
	std::atomic<bool> no_tails{false}; /* the server does not know ranges from the end */

      private:
	VsiObject *from_pool(const std::string &key);
	void to_pool(VsiObject *object);
	int open_document(const char *key, const ozr_hint &hint, VsiObject **out, ozr_err *err);

	struct Document {
		bool missing;
		std::string text, why;
		uint64_t version;
	};
	std::mutex mutex_;            /* guards all below */
	std::list<VsiObject *> pool_; /* the one used last in front */
	std::map<std::string, std::list<VsiObject *>::iterator> by_key_;
	bool remembers_ = false;
	std::map<std::string, Document> documents_;
	std::shared_ptr<const ArchiveNames> names_; /* NULL: not read yet */
};

/* vsi_read_http.cpp, vsi_read_file.cpp */
int open_http_object(VsiStore &store, const char *key, const ozr_hint &hint, VsiObject **out,
		     ozr_err *err);
int open_file_object(VsiStore &store, const char *key, const ozr_hint &hint, VsiObject **out,
		     ozr_err *err);

/* vsi_write.cpp */
int begin_put(VsiStore &store, const char *key, ozr_put **out, ozr_err *err);
int append_put(ozr_put *put, const void *bytes, size_t n, ozr_err *err);
int commit_put(ozr_put *put, ozr_put_mode mode, ozr_err *err);
void abort_put(ozr_put *put);
int delete_key(VsiStore &store, const char *key, ozr_err *err);
int list_prefix(VsiStore &store, const char *prefix,
		int (*fn)(void *arg, const char *name, int is_prefix), void *arg, ozr_err *err);
int clear_prefix(VsiStore &store, const char *prefix, ozr_err *err);

/* zarr.json, .zattrs, ... */
bool is_document(const std::string &key);
/* Equal inputs give equal numbers, odd ones: Driver::serial() gives the even ones. */
uint64_t version_of(const std::string &tag, uint64_t size);
/* Whether what is stamped so, in whole seconds, may be replaced by something with the same stamp. */
bool is_young(GIntBig stamp);

/* store.cpp. What the open options of a dataset, or configuration options, say. */
VsiOptions vsi_options(int flags, CSLConstList options);
/* A store over a path of GDAL's file functions, without a request. update: OZR_DENIED when what is
 * there cannot be written by whole values. */
int open_vsi_store(ozr_ctx *ctx, const std::string &path, const VsiOptions &options,
		   ozr_store **out, ozr_err *err);

#endif
