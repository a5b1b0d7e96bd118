/* SPDX-License-Identifier: MIT */
/*
 * Creating an image: everything is checked and planned before the first byte
 * is written. The arrays of the levels are made at once, but their metadata,
 * and then that of the groups, is written by commit; PUBLISH_EMPTY writes it
 * here.
 */
#include <stdio.h>
#include <string.h>

#include "base/ctx.h"
#include "base/key.h"
#include "ome/axes.h"
#include "ome/group.h"
#include "ome/making.h"
#include "ome/omero.h"
#include "ome/plan.h"

enum { MANY_FILES = 100000 };

static int first_child(void *arg, const char *name, int is_prefix)
{
	(void)is_prefix;
	ozr_quote(arg, name, strlen(name));
	return 1;
}

int ozr_making_check_free(struct ozr_store *s, const char *path, struct ozr_err *err)
{
	char child[OZR_QUOTE_MAX] = "";
	int format, is_array;

	int rc = ozr_node_exists(s, path, &format, &is_array, err);
	if (rc != OZR_OK)
		return rc;
	if (format != 0)
		return ozr_fail(err, OZR_EXISTS, "there is a Zarr v%d %s already", format,
				is_array ? "array" : "group");
	if ((s->caps & OZR_STORE_LIST) == 0)
		return OZR_OK;
	rc = ozr_store_list(s, path, first_child, child, err);
	if (child[0] != '\0')
		return ozr_fail(err, OZR_EXISTS, "must be empty, holds '%s'", child);
	return rc == OZR_NOT_FOUND ? OZR_OK : rc;
}

/* The host's text for a level, or the group (level < 0), or NULL. */
static const char *host_attributes(const struct ozr_image_options *opt, int level,
				   const struct ozr_level *l)
{
	if (opt->attributes == NULL)
		return NULL;
	return opt->attributes(opt->user, level, level < 0 ? "" : l->path, l->shape, l->scale,
			       l->translation);
}

static int take_group_attributes(struct ozr_image *img, const struct ozr_image_options *opt,
				 struct ozr_err *err)
{
	const char *text = host_attributes(opt, -1, &img->level[0]);
	struct ozr_json *doc = NULL;

	if (text == NULL) {
		img->making->attributes = ozr_json_object();
		return img->making->attributes != NULL
			       ? OZR_OK
			       : ozr_fail(err, OZR_NO_MEMORY, "no memory for attributes");
	}
	int rc = ozr_json_parse(img->ctx, text, strlen(text), OZR_JSON_PYTHON, &doc, err);
	if (rc == OZR_OK) {
		struct ozr_jref root = ozr_jroot(doc);
		rc = ozr_jneed(&root, OZR_JSON_OBJECT, err);
	}
	if (rc != OZR_OK) {
		ozr_json_free(doc);
		return ozr_err_context(err, rc, "attributes of the group");
	}
	img->making->attributes = doc;
	return OZR_OK;
}

static int create_level(struct ozr_image *img, unsigned i, const struct ozr_image_options *opt,
			const struct ozr_level_plan *plan, struct ozr_err *err)
{
	struct ozr_level *l = &img->level[i];
	char path[OZR_KEY_MAX + 1];
	struct ozr_array_options a = {
		.zarr_format = img->making->zarr_format,
		.dtype = opt->dtype,
		.rank = opt->rank,
		.codec = opt->codec,
		.has_dim_names = 1,
		.publish_later = img->making->mode != OZR_CREATE_PUBLISH_EMPTY,
	};
	memcpy(a.shape, plan->shape, sizeof(a.shape));
	memcpy(a.chunk, plan->chunk, sizeof(a.chunk));
	memcpy(a.fill, opt->fill, sizeof(a.fill));
	memcpy(a.order, opt->order, sizeof(a.order));
	if (memcmp(plan->shard, plan->chunk, opt->rank * sizeof(plan->shard[0])) != 0)
		memcpy(a.shard, plan->shard, sizeof(a.shard));
	for (unsigned d = 0; d < opt->rank; d++)
		memcpy(a.dim_names[d], opt->axes[d].name, sizeof(a.dim_names[d]));
	a.attributes = host_attributes(opt, (int)i, l);
	int rc = ozr_key_join(path, img->path, l->path, err);
	if (rc == OZR_OK)
		rc = ozr_array_create(img->store, path, &a, &l->array, err);
	return rc == OZR_OK ? rc : ozr_err_context(err, rc, "level %u ('%s')", i, l->path);
}

static int describe_levels(struct ozr_image *img, const struct ozr_image_options *opt,
			   const struct ozr_level_plan *plan, struct ozr_err *err)
{
	for (unsigned i = 0; i < img->info.levels; i++) {
		struct ozr_level *l = &img->level[i];
		char path[32];
		snprintf(path, sizeof(path), opt->grouped_levels ? "s%u/image" : "%u", i);
		l->path = ozr_strdup(img->ctx, path, err);
		if (l->path == NULL)
			return ozr_alloc_failed(err);
		memcpy(l->shape, plan[i].shape, sizeof(l->shape));
		memcpy(l->factor, plan[i].factor, sizeof(l->factor));
		memcpy(l->scale, plan[i].scale, sizeof(l->scale));
		memcpy(l->translation, plan[i].translation, sizeof(l->translation));
	}
	return OZR_OK;
}

static void describe_image(struct ozr_image *img, const struct ozr_image_options *opt)
{
	struct ozr_image_info *info = &img->info;

	snprintf(info->version, sizeof(info->version), opt->ome_version == 4 ? "0.4" : "0.5");
	ozr_text_fit(info->name, sizeof(info->name), opt->name != NULL ? opt->name : "image");
	info->rank = opt->rank;
	info->dtype = opt->dtype;
	info->is_label = opt->is_label;
	memcpy(info->axes, opt->axes, opt->rank * sizeof(opt->axes[0]));
	img->method = opt->method;
	img->method_known = 1;
	img->alpha = opt->alpha;
	img->has_nodata = opt->has_nodata;
	memcpy(img->nodata, opt->nodata, sizeof(img->nodata));
	memcpy(img->fill, opt->fill, sizeof(img->fill));
	img->channel_axis = ozr_axes_index(opt->rank, opt->axes, OZR_AXIS_CHANNEL);
}

/* The channels as the caller describes them, and room for the ranges of the data. */
static int describe_channels(struct ozr_image *img, const struct ozr_image_options *opt,
			     struct ozr_err *err)
{
	uint64_t n = img->channel_axis < 0 ? 1 : opt->shape[img->channel_axis];
	struct ozr_making *m = img->making;

	m->omero = opt->omero || opt->channels > 0;
	if (!m->omero)
		return OZR_OK;
	if (n > OZR_OMERO_CHANNELS_MAX) {
		ozr_note(&img->notes, "omero is left out: %llu channels, it takes %d",
			 (unsigned long long)n, OZR_OMERO_CHANNELS_MAX);
		m->omero = 0;
		return OZR_OK;
	}
	img->stats = ozr_calloc(img->ctx, n, sizeof(*img->stats), err);
	if (img->stats == NULL)
		return ozr_alloc_failed(err);
	img->stats_count = n;
	if (opt->channels == 0)
		return OZR_OK;
	m->given = ozr_calloc(img->ctx, opt->channels, sizeof(*m->given), err);
	img->channel = ozr_calloc(img->ctx, opt->channels, sizeof(*img->channel), err);
	if (m->given == NULL || img->channel == NULL)
		return ozr_alloc_failed(err);
	memcpy(m->given, opt->channel, opt->channels * sizeof(*m->given));
	memcpy(img->channel, opt->channel, opt->channels * sizeof(*img->channel));
	m->given_count = opt->channels;
	img->info.channels = opt->channels;
	return OZR_OK;
}

static int create_all(struct ozr_image *img, const struct ozr_image_options *opt,
		      const struct ozr_level_plan *plan, struct ozr_err *err)
{
	uint64_t files = ozr_plan_files(plan, img->info.levels, opt->rank);

	if (files > MANY_FILES)
		ozr_note(&img->notes,
			 "the image will have up to %llu files; larger chunks%s make fewer",
			 (unsigned long long)files,
			 opt->ome_version == 4 ? ", or 0.5 with shards," : " or shards");
	describe_image(img, opt);
	int rc = describe_levels(img, opt, plan, err);
	if (rc == OZR_OK)
		rc = describe_channels(img, opt, err);
	if (rc == OZR_OK)
		rc = take_group_attributes(img, opt, err);
	img->making->began = 1;
	for (unsigned i = 0; rc == OZR_OK && i < img->info.levels; i++)
		rc = create_level(img, i, opt, &plan[i], err);
	if (rc == OZR_OK && img->making->mode == OZR_CREATE_PUBLISH_EMPTY) {
		rc = ozr_making_publish(img, err);
		img->making->published = rc == OZR_OK;
	}
	if (rc == OZR_OK)
		rc = ozr_making_place(img, err);
	return rc;
}

int ozr_making_start(struct ozr_store *s, const char *path, struct ozr_making *m,
		     const struct ozr_image_options *opt, struct ozr_image **out,
		     struct ozr_err *err)
{
	struct ozr_ctx *ctx = s->ctx; /* s ends with the stage */
	unsigned max = ozr_ctx_limits(ctx)->levels, levels;
	struct ozr_image *img = NULL;
	struct ozr_level_plan *plan = ozr_calloc(ctx, max, sizeof(*plan), err);

	int rc =
		plan == NULL ? ozr_alloc_failed(err) : ozr_image_plan(opt, plan, max, &levels, err);
	if (rc == OZR_OK)
		rc = ozr_image_new(s, path, OZR_UPDATE, levels, &img, err);
	if (rc == OZR_OK) {
		m->ome_version = opt->ome_version;
		m->zarr_format = opt->ome_version == 4 ? 2 : 3;
		m->grouped = opt->grouped_levels;
		m->taken = opt->taken_levels;
		img->making = m;
		rc = create_all(img, opt, plan, err);
		if (rc == OZR_OK)
			*out = img;
		else
			ozr_image_close(img);
	} else {
		ozr_stage_abort(m->stage);
		ozr_making_free(ctx, m);
	}
	ozr_free(ctx, plan);
	return rc;
}

struct ozr_making *ozr_making_new(struct ozr_ctx *ctx, enum ozr_create_mode mode,
				  struct ozr_err *err)
{
	struct ozr_making *m = ozr_calloc(ctx, 1, sizeof(*m), err);

	if (m != NULL)
		m->mode = mode;
	return m;
}

int ozr_image_create_dir(struct ozr_ctx *ctx, const char *dir, int replace,
			 enum ozr_durability durability, const struct ozr_image_options *opt,
			 struct ozr_image **out, struct ozr_err *err)
{
	struct ozr_image_options o;
	struct ozr_making *m = NULL;
	struct ozr_err local;

	if (err == NULL)
		err = &local;
	ozr_ctx_enter(ctx);
	int rc = ozr_options_complete(opt, &o, err);
	if (rc == OZR_OK) {
		m = ozr_making_new(ctx, OZR_CREATE_STAGE, err);
		rc = m != NULL ? OZR_OK : ozr_alloc_failed(err);
	}
	if (rc == OZR_OK) {
		m->durability = durability;
		m->target = ozr_strdup(ctx, dir, err);
		rc = m->target == NULL
			     ? ozr_alloc_failed(err)
			     : ozr_stage_new(ctx, dir, replace, durability, &m->stage, err);
		if (rc == OZR_OK)
			rc = ozr_making_start(ozr_stage_store(m->stage), "", m, &o, out, err);
		else
			ozr_making_free(ctx, m);
	}
	return rc == OZR_OK ? rc : ozr_err_context(err, rc, "create '%s'", dir);
}

int ozr_image_create(struct ozr_store *s, const char *path, enum ozr_create_mode mode,
		     const struct ozr_image_options *opt, struct ozr_image **out,
		     struct ozr_err *err)
{
	struct ozr_image_options o;
	struct ozr_err local;

	if (err == NULL)
		err = &local;
	if (mode != OZR_CREATE_DIRECT && mode != OZR_CREATE_PUBLISH_EMPTY)
		return ozr_fail(err, OZR_BAD_ARG, "staging needs a folder: ozr_image_create_dir()");
	ozr_ctx_enter(s->ctx);
	int rc = ozr_prefix_check(path, err);
	if (rc == OZR_OK)
		rc = ozr_options_complete(opt, &o, err);
	if (rc == OZR_OK)
		rc = ozr_making_check_free(s, path, err);
	if (rc == OZR_OK) {
		struct ozr_making *m = ozr_making_new(s->ctx, mode, err);
		rc = m == NULL ? ozr_alloc_failed(err) : ozr_making_start(s, path, m, &o, out, err);
	}
	if (rc == OZR_OK)
		return rc;
	return ozr_err_context(err, rc, "create '%s%s%s'", s->location, *path != '\0' ? "/" : "",
			       path);
}
