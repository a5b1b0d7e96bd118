/* SPDX-License-Identifier: MIT */
/*
 * Subdatasets: labels of an image, series, fields of plates and wells. Never
 * levels or planes: programs open every subdataset that is listed.
 */
#ifndef OZR_GDAL_SUBDATASETS_H
#define OZR_GDAL_SUBDATASETS_H

#include "driver.h"
#include "ozr/collection.h"
#include "scene.h"

struct CloseCollection {
	void operator()(ozr_collection *collection) const
	{
		ozr_collection_close(collection);
	}
};
using Collection = std::unique_ptr<ozr_collection, CloseCollection>;

/* A kind of group that has no image of its own, but lists some. */
bool is_collection(ozr_kind kind);
/* nullptr after CPLError(). */
Collection open_collection(ozr_store *store, const Name &name);
/* The path of the only image of series or a well, which is shown instead of it; or "". */
std::string only_member(const ozr_collection *collection);
/* A dataset without bands that lists the members. Warns about what is left out. */
GDALDataset *list_collection(const ozr_collection *collection, ozr_store *store, const Name &name,
			     const std::string &text);

/* SUBDATASET_1_NAME=..., SUBDATASET_1_DESC=...: the labels of an image. Warns as above. */
CPLStringList list_labels(const Scene &scene);
/* Domain xml:OME: the OME-XML document of the layout that the path inside a store belongs to. */
CPLStringList find_ome_xml(ozr_store *store, const std::string &inner);

/* OMEZARR:"folder":inner/path in its parts; false when the name has no inner path. */
bool split_subdataset(const char *text, std::string &folder, std::string &inner);

#endif
