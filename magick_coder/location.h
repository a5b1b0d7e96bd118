/* SPDX-License-Identifier: MIT */
/*
 * What a file name says: the folder of the store, the image below its root,
 * and, in brackets behind the OMEZARR: prefix, positions on axes:
 *
 *   vol.ome.zarr                    the image at the root
 *   plate.zarr/A/1/0                an image deeper in the hierarchy
 *   vol.ome.zarr[t=3,c=1,z=9]       one plane
 *   vol.ome.zarr[z=10-20]           a range; negative counts from the end
 *   vol.ome.zarr[c=DAPI]            a channel by its label
 *   vol.ome.zarr[label=nuclei]      labels/nuclei
 *   vol.ome.zarr[level=2]
 *   vol.ome.zarr[t=3][10-20]        scenes of these (ImageMagick looks at the first brackets only)
 *
 * Names count without case. Text in double quotes is always a label: c="488". A
 * folder whose own name ends in brackets is named with a slash behind it.
 *
 * Nothing here touches a file or ImageMagick.
 */
#ifndef MAGICK_CODER_LOCATION_H
#define MAGICK_CODER_LOCATION_H

#include <ozr/ozr.h>

enum { MAX_SELECTED = OZR_MAX_RANK, MAX_PATH_TEXT = 4096 };

/* Positions first to last (last < first: backwards) on the axis of this name. */
struct selected {
	char axis[32];
	int by_label; /* label instead of first, last: of the channel axis */
	char label[128];
	int64_t first, last; /* negative: from the end, -1 is the last */
};

struct selection {
	unsigned n;
	struct selected axis[MAX_SELECTED];
	int has_level;
	int64_t level; /* negative: from the smallest */
};

struct location {
	char folder[MAX_PATH_TEXT]; /* without brackets and trailing slashes */
	char label[256];            /* "" or the name of a label of that image */
	struct selection selection;
	char scenes[256]; /* "" or a list for scenes_parse(), unchecked */
};

/* OZR_BAD_ARG names the part that cannot be understood. A name that has brackets which are not
 * ours (no "name=value" inside) is a folder's name. */
int location_parse(const char *name, struct location *out, struct ozr_err *err);
/* The text inside the brackets, also of -define omezarr:axes=...; adds to out. */
int selection_parse(const char *text, struct selection *out, char label[256], struct ozr_err *err);

#endif
