/* SPDX-License-Identifier: MIT */
/*
 * Where a store is that GDAL's virtual file systems reach: which of them, how
 * a key becomes the name of a file or a URL, and what may be said of it in
 * messages (no passwords, no tokens). A value, any thread.
 */
#ifndef OZR_GDAL_VSI_PLACE_H
#define OZR_GDAL_VSI_PLACE_H

#include <cstdint>
#include <string>

#include "compat.h"
#include "ozr/error.h"

/* Whether GDAL's file functions need the network for it, archives there included. */
bool is_network(const std::string &path);

struct Place {
	/* path: as GDAL's file functions take it ("/vsis3/bucket/x.zarr"), without trailing slash. */
	explicit Place(const std::string &path);

	std::string file(const char *key) const; /* for VSI functions */
	std::string url(const char *key) const;  /* only when http: escaped, with the query */
	std::string location() const;            /* for messages */

	std::string base, query; /* http: without "/vsicurl/", parted before '?' */
	/* A zip archive over a network: its path, and the store's inside, ending in '/' or empty. */
	std::string archive, inside;
	bool http = false; /* "/vsicurl/http...": plain requests do */
	bool network = false;
	bool memory = false;  /* /vsimem/ */
	bool objects = false; /* an object store that takes whole values: can be written */
};

/* While one lives, errors of GDAL are recorded for this thread but not shown; at the end the state
 * of before is back. */
class Muted
{
      public:
	Muted() : mute_(CPLQuietErrorHandler)
	{
		CPLErrorReset();
	}

      private:
	CPLErrorStateBackuper state_;
	CPLErrorHandlerPusher mute_;
};

/* What GDAL's file functions have said about a failure since VSIErrorReset(). */
std::string vsi_reason();

/* A configuration option for the duration of a scope and of this thread. */
class LocalOption
{
      public:
	LocalOption(const char *name, const char *value);
	~LocalOption();
	LocalOption(const LocalOption &) = delete;
	LocalOption &operator=(const LocalOption &) = delete;

      private:
	std::string name_, before_;
	bool had_ = false;
};

#endif
