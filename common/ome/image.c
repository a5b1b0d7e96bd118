/* SPDX-License-Identifier: MIT */
/*
 * The life of an image handle, and what it tells about itself. Opening is in
 * image_open.c, making one in image_create.c and image_commit.c.
 */

#include <unistd.h>

#include "base/ctx.h"
#include "base/key.h"
#include "ome/image_impl.h"

int ozr_image_new(struct ozr_store *s, const char *path, int flags, unsigned levels,
		  struct ozr_image **out, struct ozr_err *err)
{
	struct ozr_image *img = ozr_calloc(s->ctx, 1, sizeof(*img), err);

	if (img == NULL)
		return ozr_alloc_failed(err);
	img->ctx = ozr_ctx_ref(s->ctx);
	img->pid = getpid();
	img->notes.ctx = img->ctx;
	img->store = ozr_store_ref(s);
	img->flags = flags;
	img->channel_axis = -1;
	img->path = ozr_strdup(img->ctx, path, err);
	img->level = ozr_calloc(img->ctx, levels, sizeof(*img->level), err);
	if (img->path == NULL || img->level == NULL) {
		int rc = ozr_alloc_failed(err);
		ozr_image_free(img);
		return rc;
	}
	img->info.levels = levels;
	*out = img;
	return OZR_OK;
}

void ozr_image_free(struct ozr_image *img)
{
	if (img == NULL)
		return;
	struct ozr_ctx *ctx = img->ctx;
	for (unsigned i = 0; img->level != NULL && i < img->info.levels; i++) {
		ozr_array_close(img->level[i].array);
		ozr_free(ctx, img->level[i].path);
	}
	ozr_free(ctx, img->level);
	ozr_free(ctx, img->channel);
	ozr_free(ctx, img->stats);
	ozr_free(ctx, img->path);
	ozr_notes_release(&img->notes);
	ozr_store_unref(img->store);
	ozr_free(ctx, img);
	ozr_ctx_unref(ctx);
}

int ozr_image_owned(const struct ozr_image *img, struct ozr_err *err)
{
	if (img->pid == getpid())
		return OZR_OK;
	return ozr_fail(err, OZR_BAD_ARG,
			"the handle was opened for writing by the process that this one was "
			"forked from");
}

void ozr_image_close(struct ozr_image *img)
{
	if (img == NULL)
		return;
	ozr_ctx_enter(img->ctx);
	if (ozr_image_owned(img, NULL)) /* a thread of the parent may have been inside of it */
		img->build = NULL;
	if (img->build != NULL)
		img->build_free(img);
	if (img->making != NULL)
		ozr_making_abort(img);
	ozr_image_free(img);
}

void ozr_image_get_info(const struct ozr_image *img, struct ozr_image_info *out)
{
	*out = img->info;
}

int ozr_image_lock(struct ozr_image *img, void **token, struct ozr_err *err)
{
	struct ozr_store *s = img->store;
	char key[OZR_KEY_MAX + 1];

	*token = NULL;
	if ((s->caps & OZR_STORE_LOCK) == 0)
		return OZR_OK;
	int rc = ozr_key_join(key, img->path, "levels", err);
	if (rc == OZR_OK)
		rc = ozr_store_try_lock(s, key, token, err);
	if (rc == OZR_BUSY)
		rc = ozr_fail(err, rc, "somebody else is changing or extending the image's levels");
	return rc == OZR_UNSUPPORTED ? OZR_OK : rc; /* it can only wait */
}

struct ozr_array *ozr_image_level(struct ozr_image *img, unsigned level)
{
	if (level >= img->info.levels || (level > 0 && ozr_image_load(img, NULL) != OZR_OK))
		return NULL;
	return img->level[level].array;
}

const char *ozr_image_level_path(const struct ozr_image *img, unsigned level)
{
	return level < img->info.levels ? img->level[level].path : NULL;
}

void ozr_image_transform(const struct ozr_image *img, unsigned level, double scale[OZR_MAX_RANK],
			 double translation[OZR_MAX_RANK])
{
	/* what it changes is no part of what the image says */
	int there = level < img->info.levels &&
		    (level == 0 || ozr_image_load((struct ozr_image *)img, NULL) == OZR_OK);
	for (unsigned d = 0; d < OZR_MAX_RANK; d++) {
		int known = there && d < img->info.rank;
		scale[d] = known ? img->level[level].scale[d] : 1.0;
		translation[d] = known ? img->level[level].translation[d] : 0.0;
	}
}

int ozr_image_channel(const struct ozr_image *img, unsigned i, struct ozr_channel *out,
		      struct ozr_err *err)
{
	if (i >= img->info.channels)
		return ozr_fail(err, OZR_BAD_ARG, "channel %u: the image describes %u", i,
				img->info.channels);
	*out = img->channel[i];
	return OZR_OK;
}

const char *ozr_image_warning(const struct ozr_image *img, unsigned i)
{
	return i < img->notes.count ? img->notes.text[i] : NULL;
}
