/* SPDX-License-Identifier: MIT */
/*
 * One run of the encoder: what its steps share.
 */
#ifndef MAGICK_CODER_WRITING_H
#define MAGICK_CODER_WRITING_H

#include "cache_source.h"
#include "target.h"

struct writing {
	const ImageInfo *info;
	ExceptionInfo *exception;
	struct ozr_ctx *ctx; /* owned */
	struct meter meter;
	struct target target;
	struct write_options options;
	struct gathered images; /* owned */
	enum ozr_dtype dtype;
	struct restored restored;
	struct layout layout;
	int told; /* exception says already why it has failed */
};

/* Bytes that the library may hold for one call; grows: which adds a few planes to many. */
size_t writing_budget(int grows);
/* How pixels become numbers of w->dtype: floats as quantum:minimum and quantum:maximum say. */
void writing_rule(const struct writing *w, int is_label, struct export_rule *out);
/* A new store of the images, in their layout. */
int writing_create(struct writing *w, struct ozr_err *err);
/* Level 0 and all others of made. */
int writing_pull(struct writing *w, struct ozr_image *made, struct cache_source *source,
		 struct ozr_err *err);
void writing_warn_clamped(const struct writing *w, const struct cache_source *source);

#endif
