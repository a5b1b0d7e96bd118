/* SPDX-License-Identifier: MIT */
/*
 * Opening an image: the group's metadata, then its levels (image_load.c). Also a
 * bare array as an image of one level, and the quick look that tells hosts what a
 * path is.
 */
#include <math.h>
#include <string.h>

#include "array/dtype.h"
#include "base/ckd.h"
#include "base/ctx.h"
#include "base/key.h"
#include "ome/axes.h"
#include "ome/group.h"
#include "ome/ome_meta.h"

int ozr_image_probe(struct ozr_store *s, const char *path)
{
	struct ozr_node node;
	struct ozr_err err;

	ozr_ctx_enter(s->ctx);
	if (ozr_node_read(s, path, &node, &err) != OZR_OK)
		return 0;
	int what = node.is_array ? 2 : ozr_ome_is_image(&node.attributes) ? 1 : 3;
	ozr_node_release(&node);
	return what;
}

/* --- images --------------------------------------------------------------------------- */

/* Take over what was parsed; o's lists are emptied. */
static void adopt(struct ozr_image *img, struct ozr_ome *o)
{
	unsigned levels = img->info.levels;

	img->info = o->info;
	img->info.levels = levels;
	img->channel = o->channel;
	o->channel = NULL;
	img->method = o->method;
	img->method_known = o->method_known;
	img->alpha = o->alpha;
	for (unsigned i = 0; i < levels; i++) {
		struct ozr_level *l = &img->level[i];
		const struct ozr_transform *t = &o->dataset[i].t;
		l->path = o->dataset[i].path;
		o->dataset[i].path = NULL;
		memcpy(l->translation, t->translation, sizeof(l->translation));
		for (unsigned d = 0; d < OZR_MAX_RANK; d++)
			l->scale[d] = i == 0 || t->scales > 0 ? t->scale[d] : 0.0;
	}
}

static void note_channels(struct ozr_image *img)
{
	img->channel_axis = ozr_axes_index(img->info.rank, img->info.axes, OZR_AXIS_CHANNEL);
	uint64_t n = img->channel_axis < 0 ? 1 : img->level[0].shape[img->channel_axis];
	if (img->info.channels != 0 && img->info.channels != n)
		ozr_note(&img->notes, "omero describes %u channels, the image has %llu",
			 img->info.channels, (unsigned long long)n);
}

static void take_nodata(struct ozr_image *img, const struct ozr_json *nodata)
{
	struct ozr_jref r = ozr_jroot(nodata);
	char q[OZR_QUOTE_MAX];

	if (nodata == NULL)
		return;
	if (ozr_fill_parse(&r, img->info.dtype, 3, img->nodata, NULL) == OZR_OK)
		img->has_nodata = 1;
	else
		ozr_note(&img->notes, "nodata %s is no value of type %s, ignored",
			 ozr_jquote(q, &r), ozr_dtype_name(img->info.dtype));
}

static int open_group(struct ozr_store *s, const char *path, int flags, const struct ozr_node *node,
		      struct ozr_image **out, struct ozr_err *err)
{
	struct ozr_notes notes = {.ctx = s->ctx};
	struct ozr_image *img = NULL;
	struct ozr_ome o = {0};

	int rc = ozr_ome_parse(s->ctx, &node->attributes, node->zarr_format, &notes, &o, err);
	if (rc != OZR_OK) {
		rc = ozr_node_context(node, path, err, rc);
		goto out;
	}
	rc = ozr_image_new(s, path, flags, o.info.levels, &img, err);
	if (rc != OZR_OK)
		goto out;
	img->notes = notes;
	memset(&notes, 0, sizeof(notes));
	adopt(img, &o);
	rc = ozr_image_open_levels(img, err);
	if (rc != OZR_OK)
		goto out;
	note_channels(img);
	take_nodata(img, o.nodata);
	*out = img;
	img = NULL;
out:
	ozr_image_free(img);
	ozr_ome_release(&o);
	ozr_notes_release(&notes);
	return rc;
}

static int open_bare(struct ozr_store *s, const char *path, int flags, struct ozr_image **out,
		     struct ozr_err *err)
{
	struct ozr_image *img;
	struct ozr_array_info a;

	int rc = ozr_image_new(s, path, flags, 1, &img, err);
	if (rc != OZR_OK)
		return rc;
	struct ozr_level *l = &img->level[0];
	l->path = ozr_strdup(img->ctx, "", err);
	rc = l->path == NULL ? ozr_alloc_failed(err)
			     : ozr_array_open(s, path, flags, &l->array, err);
	if (rc != OZR_OK) {
		ozr_image_free(img);
		return rc;
	}
	ozr_array_get_info(l->array, &a);
	img->info.is_bare = 1;
	img->info.rank = a.rank;
	img->info.dtype = a.dtype;
	if (!ozr_axes_from_names(&a, img->info.axes))
		ozr_axes_default(a.rank, img->info.axes);
	memcpy(img->fill, a.fill, sizeof(img->fill));
	memcpy(l->shape, a.shape, sizeof(l->shape));
	for (unsigned d = 0; d < OZR_MAX_RANK; d++) {
		l->scale[d] = 1.0;
		l->factor[d] = 1;
	}
	note_channels(img);
	*out = img;
	return OZR_OK;
}

/* Opening failed. When the node's own document has gone meanwhile, that is the reason: an
 * overwrite removes it before anything below it. */
static int explain(struct ozr_store *s, const char *path, int rc, struct ozr_err *err)
{
	int format = 0, is_array = 0;

	if (ozr_node_exists(s, path, &format, &is_array, NULL) != OZR_OK || format != 0)
		return rc;
	return ozr_fail(err, OZR_CHANGED, "was replaced or removed while it was opened");
}

int ozr_image_open(struct ozr_store *s, const char *path, int flags, struct ozr_image **out,
		   struct ozr_err *err)
{
	struct ozr_node node;
	struct ozr_err local;

	if (err == NULL)
		err = &local;
	ozr_ctx_enter(s->ctx);
	int rc = ozr_node_read(s, path, &node, err);
	if (rc == OZR_OK) {
		rc = node.is_array ? open_bare(s, path, flags, out, err)
				   : open_group(s, path, flags, &node, out, err);
		ozr_node_release(&node);
		if (rc != OZR_OK)
			rc = explain(s, path, rc, err);
	}
	if (rc == OZR_OK)
		return rc;
	return ozr_err_context(err, rc, "open '%s%s%s'", s->location, *path != '\0' ? "/" : "",
			       path);
}

int ozr_image_open_dir(struct ozr_ctx *ctx, const char *dir, const char *path, int flags,
		       struct ozr_image **out, struct ozr_err *err)
{
	struct ozr_store *s;

	int rc = ozr_store_open_dir(ctx, dir, flags, OZR_FLUSH_NONE, &s, err);
	if (rc != OZR_OK)
		return rc;
	rc = ozr_image_open(s, path, flags, out, err);
	ozr_store_unref(s);
	return rc;
}
