/* SPDX-License-Identifier: MIT */
/*
 * Which store a name is in: local folders are the library's own, everything
 * else goes over GDAL's virtual file systems.
 */
#ifndef OZR_GDAL_STORE_H
#define OZR_GDAL_STORE_H

#include <memory>

#include "driver.h"

struct CloseStore {
	void operator()(ozr_store *store) const
	{
		ozr_store_unref(store);
	}
};
using Store = std::unique_ptr<ozr_store, CloseStore>;

/* flags: OZR_READ, OZR_UPDATE. options: open options, or NULL. durability: of what is written to
 * a local folder. NULL after a failure, which err tells without the name. No request is made for
 * what is not local. */
Store open_store(const Name &name, int flags, CSLConstList options, ozr_err *err,
		 ozr_durability durability = OZR_FLUSH_NONE);

/* While one lives, the documents of a store (zarr.json, ...) are asked for once, for what looks at
 * an image from several sides while it is opened. */
class RememberDocuments
{
      public:
	explicit RememberDocuments(ozr_store *store);
	~RememberDocuments();
	RememberDocuments(const RememberDocuments &) = delete;
	RememberDocuments &operator=(const RememberDocuments &) = delete;

      private:
	ozr_store *store_;
};

/* A new image at a name: staged and renamed when local, else made in place, its metadata last.
 * OZR_EXISTS when something is there and replace is false; what is replaced must be a Zarr
 * hierarchy without foreign files, and goes at once where there is no staging. publish_empty:
 * for many workers, in place everywhere. */
struct NewImage {
	bool replace = false;
	bool publish_empty = false;
	ozr_durability durability = OZR_FLUSH_NONE;
};
int create_image(const Name &target, const NewImage &how, const ozr_image_options *options,
		 ozr_image **out, ozr_err *err);

/* files.cpp: remove a whole hierarchy, metadata first; OZR_DENIED when it is something else, or holds
 * foreign files. */
int remove_image(const Name &name, ozr_err *err);

/* Open options for who makes an image: nobody else writes it, unless it is for many. */
CPLStringList makers_options(bool for_many);

/* Why nothing can be written at a name; NULL: it can. */
const char *refuses_writing(const Name &name);
/* The same for a new image, which may be a label of an image in a local folder. */
const char *refuses_image(const Name &name);

#endif
