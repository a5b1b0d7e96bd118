/* SPDX-License-Identifier: MIT */
/*
 * Opening an image: the group's metadata, then all of its levels, which must
 * fit together. Also a bare array as an image of one level, and the quick look
 * that tells hosts what a path is.
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

/* --- levels ----------------------------------------------------------------------- */

static int open_level(struct ozr_image *img, unsigned i, struct ozr_err *err)
{
	struct ozr_level *l = &img->level[i];
	struct ozr_array_info a;
	char path[OZR_KEY_MAX + 1];

	int rc = ozr_key_join(path, img->path, l->path, err);
	if (rc == OZR_OK)
		rc = ozr_array_open(img->store, path, img->flags, &l->array, err);
	if (rc == OZR_NOT_FOUND) /* the image promises it: not the same as "no image here" */
		rc = ozr_fail(err, OZR_BAD_FORMAT,
			      "no array there, but the metadata of the image "
			      "names it");
	if (rc != OZR_OK)
		return rc;
	ozr_array_get_info(l->array, &a);
	memcpy(l->shape, a.shape, sizeof(l->shape));
	if (i == 0) {
		img->info.dtype = a.dtype;
		memcpy(img->fill, a.fill, sizeof(img->fill));
	}
	if (img->info.rank == 0) { /* 0.1 and 0.2 have no axes */
		img->info.rank = a.rank;
		if (!ozr_axes_from_names(&a, img->info.axes))
			ozr_axes_default(a.rank, img->info.axes);
	}
	if (a.rank != img->info.rank)
		return ozr_fail(err, OZR_BAD_FORMAT, "has %u dimensions, the image has %u axes",
				a.rank, img->info.rank);
	if (a.dtype != img->info.dtype)
		return ozr_fail(err, OZR_BAD_FORMAT, "has data type %s, level 0 has %s",
				ozr_dtype_name(a.dtype), ozr_dtype_name(img->info.dtype));
	return OZR_OK;
}

static void note_names(struct ozr_image *img, unsigned i)
{
	struct ozr_array_info a;

	ozr_array_get_info(img->level[i].array, &a);
	for (unsigned d = 0; a.has_dim_names && d < a.rank; d++)
		if (a.dim_names[d][0] != '\0' &&
		    strcmp(a.dim_names[d], img->info.axes[d].name) != 0)
			ozr_note(&img->notes,
				 "level %u: dimension %u is named '%s', the axis of the image '%s'",
				 i, d, a.dim_names[d], img->info.axes[d].name);
}

static void note_sizes(struct ozr_image *img, unsigned i)
{
	for (unsigned d = 0; i > 0 && d < img->info.rank; d++)
		if (img->level[i].shape[d] > img->level[i - 1].shape[d])
			ozr_note(&img->notes, "level %u is larger than level %u on axis '%s'", i,
				 i - 1, img->info.axes[d].name);
}

static int fits(uint64_t before, uint64_t after, double factor)
{
	return factor >= 1.0 && factor <= 4294967295.0 &&
	       ozr_ceil_div(before, (uint64_t)factor) == after;
}

/* The whole number by which a level was made: from the scales where they agree with the
 * shapes, else from the shapes alone. */
static unsigned factor_between(const struct ozr_level *before, const struct ozr_level *l,
			       unsigned d)
{
	uint64_t from = before->shape[d], to = l->shape[d];
	double ratio = round(l->scale[d] / before->scale[d]);

	if (fits(from, to, ratio))
		return (unsigned)ratio;
	if (to == 0 || from <= to)
		return 1;
	uint64_t up = ozr_ceil_div(from, to);
	double f = fits(from, to, (double)up) ? (double)up : round((double)from / (double)to);
	return f < 4294967295.0 ? (unsigned)f : 4294967295u;
}

void ozr_image_complete_levels(struct ozr_image *img)
{
	for (unsigned i = 0; i < img->info.levels; i++) {
		struct ozr_level *l = &img->level[i];
		for (unsigned d = 0; d < img->info.rank; d++) {
			if (l->scale[d] == 0.0) /* not given */
				l->scale[d] = l->shape[d] == 0
						      ? 1.0
						      : img->level[0].scale[d] *
								(double)img->level[0].shape[d] /
								(double)l->shape[d];
			l->factor[d] = i == 0 ? 1 : factor_between(&img->level[i - 1], l, d);
		}
	}
}

static int open_levels(struct ozr_image *img, struct ozr_err *err)
{
	char q[OZR_QUOTE_MAX];

	for (unsigned i = 0; i < img->info.levels; i++) {
		int rc = open_level(img, i, err);
		if (rc != OZR_OK)
			return ozr_err_context(
				err, rc, "level %u ('%s')", i,
				ozr_quote(q, img->level[i].path, strlen(img->level[i].path)));
		note_names(img, i);
		note_sizes(img, i);
	}
	ozr_image_complete_levels(img);
	return OZR_OK;
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
	rc = open_levels(img, err);
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
