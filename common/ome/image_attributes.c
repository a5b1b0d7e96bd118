/* SPDX-License-Identifier: MIT */
/*
 * The attributes of an image's group, and of the arrays of its levels: read as
 * they are in the store, changed so that every other key survives, and never
 * so that the image would not open any more.
 */
#include <string.h>

#include "array/array_impl.h"
#include "base/ctx.h"
#include "base/key.h"
#include "ome/group.h"
#include "ome/making.h"
#include "ome/ome_meta.h"
#include "ozr/collection.h"

/* ozr_image_attributes() of an image that is not published yet. */
static int making_text(const struct ozr_image *img, char **json, struct ozr_err *err)
{
	size_t len;
	return ozr_json_print(img->ctx, img->making->attributes, 0, json, &len, err);
}

int ozr_image_attributes(const struct ozr_image *img, char **json, struct ozr_err *err)
{
	ozr_ctx_enter(img->ctx);
	if (ozr_image_is_pending(img))
		return making_text(img, json, err);
	return ozr_node_attributes(img->store, img->path, json, err);
}

int ozr_image_still_opens(void *arg, const struct ozr_node *node, struct ozr_err *err)
{
	const struct ozr_image *img = arg;
	struct ozr_ome o = {0};

	if (img->info.is_bare)
		return OZR_OK;
	int rc = ozr_ome_parse(img->ctx, &node->attributes, node->zarr_format, NULL, &o, err);
	if (rc == OZR_OK && o.info.levels != img->info.levels)
		rc = ozr_fail(err, OZR_BAD_ARG, "the image has %u levels, not %u", img->info.levels,
			      o.info.levels);
	ozr_ome_release(&o);
	return rc == OZR_OK ? rc : ozr_err_context(err, rc, "the change would break the image");
}

void ozr_image_refresh_info(struct ozr_image *img)
{
	struct ozr_node node;
	struct ozr_ome o = {0};
	struct ozr_err err;

	if (img->info.is_bare || ozr_node_read(img->store, img->path, &node, &err) != OZR_OK)
		return;
	if (ozr_ome_parse(img->ctx, &node.attributes, node.zarr_format, NULL, &o, &err) == OZR_OK) {
		struct ozr_channel *channel = img->channel;
		img->channel = o.channel;
		o.channel = channel;
		img->info.channels = o.info.channels;
		img->info.has_default_z = o.info.has_default_z;
		img->info.default_z = o.info.default_z;
		img->info.has_default_t = o.info.has_default_t;
		img->info.default_t = o.info.default_t;
		img->info.is_label = o.info.is_label;
		memcpy(img->info.name, o.info.name, sizeof(img->info.name));
		ozr_ome_release(&o);
	}
	ozr_node_release(&node);
}

/* The store first: what this handle knows may only ever be older. */
static int change_level(struct ozr_image *img, unsigned level, const struct ozr_json *change,
			struct ozr_err *err)
{
	char path[OZR_KEY_MAX + 1];
	struct ozr_level *l = &img->level[level];
	const char *at = img->path; /* of a bare array */
	int rc = OZR_OK;

	if (*l->path != '\0') {
		rc = ozr_key_join(path, img->path, l->path, err);
		at = path;
	}
	if (rc == OZR_OK && !ozr_image_is_pending(img))
		rc = ozr_node_merge(img->store, at, change, NULL, NULL, err);
	if (rc == OZR_OK)
		rc = ozr_array_merge_attributes(l->array, change, err);
	return rc == OZR_OK ? rc : ozr_err_context(err, rc, "level %u ('%s')", level, l->path);
}

int ozr_image_set_level_attributes(struct ozr_image *img, unsigned level, const char *json,
				   struct ozr_err *err)
{
	struct ozr_json *change = NULL;
	struct ozr_err local;

	if (err == NULL)
		err = &local;
	int rc = OZR_OK;
	ozr_ctx_enter(img->ctx);
	if ((img->flags & OZR_UPDATE) == 0)
		rc = ozr_fail(err, OZR_BAD_ARG, "the image is not open for update");
	if (rc == OZR_OK && level >= img->info.levels)
		rc = ozr_fail(err, OZR_BAD_ARG, "level %u: the image has %u", level,
			      img->info.levels);
	if (rc == OZR_OK)
		rc = ozr_image_owned(img, err);
	if (rc == OZR_OK)
		rc = ozr_attributes_parse(img->ctx, json, &change, err);
	if (rc == OZR_OK)
		rc = change_level(img, level, change, err);
	if (rc == OZR_OK)
		rc = ozr_making_place(img, err);
	ozr_json_free(change);
	return rc == OZR_OK ? rc : ozr_err_context(err, rc, "set attributes");
}
