/* SPDX-License-Identifier: MIT */
/*
 * An image that is being created: its documents, and its end without a result.
 * What is removed goes metadata first, what is published metadata last, the
 * group of the image as the very last.
 */
#include "ome/making.h"

#include <stdio.h>

#include "base/key.h"
#include "ome/group.h"
#include "ome/layout.h"
#include "ome/ome_meta.h"
#include "ome/omero.h"

/* --- ending ------------------------------------------------------------------------- */

void ozr_making_free(struct ozr_ctx *ctx, struct ozr_making *m)
{
	ozr_json_free(m->attributes);
	ozr_json_free(m->labels);
	ozr_store_unref(m->list);
	ozr_free(ctx, m->list_path);
	ozr_free(ctx, m->list_name);
	ozr_free(ctx, m->given);
	ozr_free(ctx, m->target);
	ozr_free(ctx, m);
}

static void remove_node(struct ozr_store *s, const char *path)
{
	static const char *const names[] = {"zarr.json", ".zgroup", ".zattrs", ".zarray"};
	char key[OZR_KEY_MAX + 1];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (ozr_key_join(key, path, names[i], NULL) != OZR_OK ||
		    ozr_store_del(s, key, NULL) != OZR_OK)
			return; /* nothing more can be done about it */
}

/* Where the store cannot list: at least nothing that looks like an image. */
static void remove_documents(struct ozr_image *img)
{
	char path[OZR_KEY_MAX + 1];

	remove_node(img->store, img->path);
	for (unsigned i = 0; i < img->info.levels; i++)
		if (img->level[i].path != NULL &&
		    ozr_key_join(path, img->path, img->level[i].path, NULL) == OZR_OK)
			remove_node(img->store, path);
}

void ozr_making_abort(struct ozr_image *img)
{
	struct ozr_making *m = img->making;

	for (unsigned i = 0; i < img->info.levels; i++) {
		ozr_array_close(img->level[i].array);
		img->level[i].array = NULL;
	}
	/* a child's copy of a stage knows by itself that it is not its own */
	if (m->mode == OZR_CREATE_STAGE)
		ozr_stage_abort(m->stage);
	else if (!ozr_image_owned(img, NULL) && m->began && !m->published &&
		 ozr_tree_clear(img->store, img->path, NULL) != OZR_OK)
		remove_documents(img);
	img->making = NULL;
	ozr_making_free(img->ctx, m);
}

/* --- documents ------------------------------------------------------------------------ */

static struct ozr_json *omero_member(const struct ozr_image *img)
{
	const struct ozr_making *m = img->making;
	struct ozr_json *holder = m->attributes;
	if (m->ome_version != 4)
		holder = ozr_json_child(holder, "ome");
	struct ozr_omero_source src = {
		.ctx = img->ctx,
		.base = ozr_json_child(holder, "omero"),
		.name = img->info.name,
		.version = m->ome_version == 4 ? "0.4" : NULL,
		.dtype = img->info.dtype,
		.n = (unsigned)img->stats_count,
		.given = m->given,
		.given_count = m->given_count,
		.stats = img->stats,
	};
	for (unsigned d = 0; d + 2 < img->info.rank; d++) /* the middle plane */
		if (img->info.axes[d].kind == OZR_AXIS_SPACE)
			src.default_z = img->level[0].shape[d] / 2;
	return ozr_omero_write(&src);
}

int ozr_making_document(struct ozr_image *img, struct ozr_json **out, struct ozr_err *err)
{
	struct ozr_json *omero = NULL;
	struct ozr_json *doc = ozr_json_copy(img->ctx, img->making->attributes, err);

	if (doc == NULL)
		return ozr_alloc_failed(err);
	if (img->making->omero) {
		omero = omero_member(img);
		if (omero == NULL) {
			ozr_json_free(doc);
			return ozr_fail(err, OZR_NO_MEMORY, "no memory for omero");
		}
	}
	int rc = ozr_ome_write(doc, img->making->ome_version, img, omero, err);
	if (rc == OZR_OK && img->making->grouped && img->making->zarr_format == 3)
		rc = ozr_layout_put(img->ctx, doc, img->level, img->info.levels, img->info.rank,
				    err);
	if (rc == OZR_OK)
		*out = doc;
	else
		ozr_json_free(doc);
	return rc;
}

int ozr_making_windows(struct ozr_image *img, struct ozr_json **out, struct ozr_err *err)
{
	struct ozr_json *doc = ozr_json_object(), *holder = doc;
	int bad = 0;

	if (img->making->ome_version != 4) {
		bad |= ozr_json_set(doc, "ome", ozr_json_object());
		holder = ozr_json_child(doc, "ome");
	}
	bad |= ozr_json_set(holder, "omero", omero_member(img));
	if (bad != 0) {
		ozr_json_free(doc);
		return ozr_fail(err, OZR_NO_MEMORY, "no memory for omero");
	}
	*out = doc;
	return OZR_OK;
}

/* s0, s1, ... in the layout where each level has a group. */
static int write_level_groups(struct ozr_image *img, struct ozr_err *err)
{
	char path[OZR_KEY_MAX + 1], name[32];

	for (unsigned i = 0; i < img->info.levels; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		int rc = ozr_key_join(path, img->path, name, err);
		if (rc == OZR_OK)
			rc = ozr_group_write(img->store, path, img->making->zarr_format, NULL, err);
		if (rc != OZR_OK)
			return rc;
	}
	return OZR_OK;
}

int ozr_making_publish(struct ozr_image *img, struct ozr_err *err)
{
	struct ozr_making *m = img->making;
	struct ozr_json *doc = NULL;

	int rc = ozr_making_document(img, &doc, err);
	if (rc == OZR_OK && m->grouped)
		rc = write_level_groups(img, err);
	if (rc == OZR_OK && m->labels != NULL)
		rc = ozr_label_publish(img, err);
	/* The groups above a label that is made with its image are that image's to make. */
	if (rc == OZR_OK && m->label_of == NULL)
		rc = ozr_group_make_parents(img->store, img->path, m->zarr_format, err);
	if (rc == OZR_OK)
		rc = ozr_group_write(img->store, img->path, m->zarr_format, doc, err);
	ozr_json_free(doc);
	return rc;
}

int ozr_making_place(struct ozr_image *img, struct ozr_err *err)
{
	const struct ozr_making *m = img->making;
	int rc = OZR_OK;

	/* RFC-9 wants an order of zarr.json; version 2 has attributes in files of their own. */
	if (!ozr_image_is_pending(img) || !(img->store->caps & OZR_STORE_SERIAL) ||
	    m->zarr_format != 3)
		return OZR_OK;
	for (unsigned i = 0; rc == OZR_OK && i < img->info.levels; i++)
		rc = ozr_array_publish(img->level[i].array, err);
	return rc == OZR_OK ? ozr_making_publish(img, err) : rc;
}
