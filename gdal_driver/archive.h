/* SPDX-License-Identifier: MIT */
/*
 * Images in one file: zip archives (.ozx, .zip) as stores. Local files are read
 * by the library itself, all others through the store of the folder that they
 * are in, so that each read is a range of one file. What is in an archive is
 * the hierarchy at its root or, as Finder and Explorer pack folders, below its only
 * folder.
 */
#ifndef OZR_GDAL_ARCHIVE_H
#define OZR_GDAL_ARCHIVE_H

#include "store.h"

/* name.zipped. Update is OZR_UNSUPPORTED: archives are never changed. NULL after a failure, which err
 * tells without the name. */
Store open_archive(const Name &name, int flags, CSLConstList options, ozr_err *err);
/* What a user may do instead; for messages. */
extern const char archives_stay[];

/* The folder that holds an archive, as GDAL's file functions call it, and the archive's key there. */
struct ArchivePlace {
	explicit ArchivePlace(const std::string &vsi);
	std::string folder, key;
};

/* archive_check.cpp. name.twin is filled. False after CPLError(), or for a file that is not ours: damage is
 * an error. TWIN_CHECK of the open options says how closely it is looked at. */
bool check_twin(Name &name, const char *text, CSLConstList options);

/* Remove an archive that holds a Zarr hierarchy; OZR_DENIED for any other file. */
int remove_archive(const Name &name, ozr_err *err);
/* Whether a file may be written over with an archive: OZR_OK for one with a Zarr hierarchy in it,
 * OZR_NOT_FOUND when nothing is there, else OZR_EXISTS. */
int check_archive(const Name &name, ozr_err *err);
/* Whether anything is at the name. */
bool archive_exists(const Name &name);

#endif
