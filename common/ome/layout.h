/* SPDX-License-Identifier: MIT */
/*
 * The zarr-conventions "multiscales": a second list of the levels, in the
 * attributes of a Zarr v3 group, from which GDAL's own Zarr driver (3.13 and
 * later) takes overviews. An asset is the group that holds a level's array,
 * or the array itself. No I/O.
 */
#ifndef OZR_OME_LAYOUT_H
#define OZR_OME_LAYOUT_H

#include "ome/image_impl.h"

/* Does this attributes object have such a list? */
int ozr_layout_is_there(const struct ozr_json *attributes);
/* Make attributes list these levels. Entries that are right already, and members that we do not
 * know, stay. Also names the convention in zarr_conventions. */
int ozr_layout_put(struct ozr_ctx *ctx, struct ozr_json *attributes, const struct ozr_level *level,
		   unsigned levels, unsigned rank, struct ozr_err *err) OZR_MUST_CHECK;

#endif
