/* SPDX-License-Identifier: MIT */
/*
 * Where an image is written to, and whether it may be: a folder, whose name
 * may come from a pattern, and which must not be there unless the user says
 * so. Never replaced is what the images to be written are only a part of.
 */
#ifndef MAGICK_CODER_TARGET_H
#define MAGICK_CODER_TARGET_H

#include "gather.h"

enum target_state {
	TARGET_FREE,   /* nothing there */
	TARGET_EMPTY,  /* an empty file or folder, which may go */
	TARGET_STORED, /* a folder */
};

struct target {
	char path[PATH_EXTENT];
	enum target_state state;
};

/* The path that image is to be written to; fails for what is not a folder: blobs, pipes, .ozx. */
int target_name(const ImageInfo *info, Image *image, struct target *out, ExceptionInfo *exception,
		struct ozr_err *err);
/* Look at what is there. OZR_EXISTS when the options do not allow to go on. */
int target_check(struct target *target, const struct gathered *images,
		 const struct write_options *options, ExceptionInfo *exception,
		 struct ozr_err *err);
/* Make room: an empty file or folder, which ImageMagick or a caller has put there, goes. */
int target_clear(const struct target *target, struct ozr_err *err);
/* The name of the image by its folder: "vol" for "a/vol.ome.zarr". */
void target_title(const struct target *target, char out[256]);

#endif
