/* SPDX-License-Identifier: MIT */
/*
 * What is in a zip archive that the network brings. GDAL opens its members,
 * but does not tell one that is not there from one that could not be found
 * because a request failed; and a list of members that was cut short so, it
 * keeps. So absence is what the archive's own list of names says, read whole
 * and checked.
 */
#ifndef OZR_GDAL_VSI_ARCHIVE_H
#define OZR_GDAL_VSI_ARCHIVE_H

#include <cstdint>
#include <string>
#include <vector>

#include "ozr/error.h"

/* A value; any thread. */
class ArchiveNames
{
      public:
	/* path: of the archive, for GDAL's file functions. Two requests, or one. */
	int read(const std::string &path, ozr_err *err);
	bool has(const std::string &name) const;

      private:
	int walk(const std::string &directory, uint64_t count, ozr_err *err);
	std::vector<std::string> names_; /* sorted */
};

#endif
