/* SPDX-License-Identifier: MIT */
/*
 * The image that a location means, open: the folder's own, a label of it, or
 * the only one of a collection (series, plate, well). Of several none is
 * picked: the message lists what to choose from. Nothing here knows
 * ImageMagick.
 */
#ifndef MAGICK_CODER_SOURCE_H
#define MAGICK_CODER_SOURCE_H

#include "location.h"

enum { MAX_KEY_TEXT = 1280, MAX_IDENTITY_TEXT = 48, MAX_LINEAGE = 7 };

struct source {
	struct ozr_store *store;
	struct ozr_image *image;
	char path[MAX_KEY_TEXT];                     /* of the image below the folder; mostly "" */
	char document[MAX_PATH_TEXT + MAX_KEY_TEXT]; /* path of a metadata file that is there */
	int is_label;                                /* says so, or stands under labels/ */
	/* Property omezarr:source: identity of the image's folder, and behind it, each after a
	 * blank, of the groups that hold it: writing there would replace more than the image. */
	char lineage[MAX_LINEAGE * MAX_IDENTITY_TEXT];
};

/* Close it. On failure there is nothing to close. */
int source_open(struct ozr_ctx *ctx, const struct location *location, struct source *out,
		struct ozr_err *err);
void source_close(struct source *source);

/* "DEVICE:INODE" of a folder. 0: there is no such folder. */
int source_identity(const char *folder, char out[MAX_IDENTITY_TEXT]);

#endif
