/* SPDX-License-Identifier: MIT */
/*
 * What `-define omezarr:...` says about writing. Values are checked strictly,
 * and against each other; the message names define, value and what is allowed.
 * Nothing here touches a file or ImageMagick.
 */
#ifndef MAGICK_CODER_WRITE_OPTIONS_H
#define MAGICK_CODER_WRITE_OPTIONS_H

#include "read_options.h"

/* "64" (all axes of space) or "8x512x512": the last n axes, outermost first. n 0: not given. */
struct extents {
	unsigned n;
	uint64_t size[OZR_MAX_RANK];
};

enum { LIST_T, LIST_C, LIST_Z, LIST_AXES };

struct write_options {
	int ome_version;                /* omezarr:version: 4 or 5; 0: not given */
	struct extents chunk;           /* omezarr:chunk */
	struct extents shard;           /* omezarr:shard */
	int no_shards;                  /* "none" */
	struct ozr_codec_options codec; /* omezarr:compression, omezarr:compression-level */
	int levels;                     /* omezarr:levels; 0: not given */
	/* omezarr:axes without yx: letters of t, c, z in the order in which the list runs, the last
	 * one fastest. "" when the image has y and x alone. */
	int has_axes;
	char axes[LIST_AXES + 1];
	uint64_t size[LIST_AXES]; /* omezarr:size-t, -c, -z; 0: not given */
	int has_dtype;
	enum ozr_dtype dtype;    /* omezarr:dtype */
	double pixel_x, pixel_y; /* omezarr:pixel-size; 0: not given */
	double z_spacing;        /* omezarr:z-spacing; 0: not given */
	char unit[32];           /* omezarr:unit; "": not given */
	char name[256];          /* omezarr:name; "": not given */
	int has_method;
	enum ozr_method method; /* omezarr:method */
	int label, overwrite, append;
	int rechunk; /* omezarr:rechunk; with rechunk_to.n, to these chunks */
	struct extents rechunk_to;
};

int write_options_parse(const struct defines *defines, struct write_options *out,
			struct ozr_err *err);

#endif
