/* SPDX-License-Identifier: MIT */
/*
 * The attributes of a copy: all that is in the group, from either version to
 * either, without the members that describe levels (they are written anew) or
 * collections (a copy is one image).
 */
#include <string.h>

#include "base/ctx.h"
#include "ome/group.h"
#include "ome/origin.h"

/* Members of the specification that say nothing about a single image's pixels. */
static const char *const structure[] = {"multiscales", "plate",  "well",
					"labels",      "series", "bioformats2raw.layout"};

static void drop_structure(struct ozr_json *members)
{
	for (size_t i = 0; i < sizeof(structure) / sizeof(structure[0]); i++)
		ozr_json_remove(members, structure[i]);
}

/* The version of what was copied is not that of the copy. */
static void drop_version(struct ozr_json *members, const char *name)
{
	struct ozr_json *v = ozr_json_child(members, name);
	struct ozr_jref r = ozr_jroot(v);

	if (v != NULL && ozr_jis(&r, OZR_JSON_OBJECT))
		ozr_json_remove(v, "version");
}

/* A channel was chosen: it is the only one that is left. */
static int keep_channel(struct ozr_ctx *ctx, struct ozr_json *omero, uint64_t index,
			struct ozr_err *err)
{
	struct ozr_jref root = ozr_jroot(omero), list = ozr_jget(&root, "channels"), it;
	struct ozr_json *one = ozr_json_array();
	int bad = one == NULL;
	uint64_t i = 0;

	for (int more = ozr_jfirst(&list, &it); more && bad == 0; more = ozr_jnext(&it))
		if (i++ == index)
			bad |= ozr_json_append(one, ozr_json_copy(ctx, it.v, err));
	bad |= ozr_json_set(omero, "channels", one);
	return bad == 0 ? OZR_OK : ozr_fail(err, OZR_NO_MEMORY, "no memory for omero");
}

/* What omero says about axes that are cut. */
static int cut_omero(const struct ozr_origin *o, struct ozr_json *members, struct ozr_err *err)
{
	const struct ozr_image_info *info = &o->img->info;
	struct ozr_json *omero = ozr_json_child(members, "omero");
	struct ozr_jref r = ozr_jroot(omero);
	int rc = OZR_OK;

	if (omero == NULL || !ozr_jis(&r, OZR_JSON_OBJECT))
		return OZR_OK;
	struct ozr_json *rdefs = ozr_json_child(omero, "rdefs");
	r = ozr_jroot(rdefs);
	if (rdefs != NULL && !ozr_jis(&r, OZR_JSON_OBJECT))
		rdefs = NULL;
	for (unsigned d = 0; d < info->rank && rc == OZR_OK; d++) {
		if (!o->part.cut[d])
			continue;
		if ((int)d == o->img->channel_axis)
			rc = keep_channel(o->img->ctx, omero, o->part.index[d], err);
		else
			ozr_json_remove(rdefs, info->axes[d].kind == OZR_AXIS_TIME ? "defaultT"
										   : "defaultZ");
	}
	return rc;
}

/* Bring the members of `ome` and those beside it into the form of a version. */
static int arrange(struct ozr_ctx *ctx, struct ozr_json *all, int ome_version, struct ozr_err *err)
{
	static const char *const moved[] = {"omero", "image-label"};
	struct ozr_json *ome = ozr_json_child(all, "ome");
	struct ozr_jref r = ozr_jroot(ome), root = ozr_jroot(all);
	int bad = 0, rc = OZR_OK;

	if (ome != NULL && !ozr_jis(&r, OZR_JSON_OBJECT)) {
		ozr_json_remove(all, "ome");
		ome = NULL;
	}
	if (ome_version == 4 && ome != NULL) {
		/* Members of `ome` win: there is no other place for them in 0.4. */
		struct ozr_json *inner = ozr_json_copy(ctx, ome, err);
		ozr_json_remove(all, "ome");
		rc = inner != NULL ? ozr_json_merge(ctx, all, inner, err) : ozr_alloc_failed(err);
		ozr_json_free(inner);
		return rc;
	}
	if (ome_version == 4)
		return OZR_OK;
	if (ome == NULL) {
		bad = ozr_json_set(all, "ome", ozr_json_object());
		ome = ozr_json_child(all, "ome");
	}
	for (size_t i = 0; i < sizeof(moved) / sizeof(moved[0]); i++) {
		struct ozr_jref from = ozr_jget(&root, moved[i]);
		if (from.v == NULL)
			continue;
		if (ozr_json_child(ome, moved[i]) == NULL)
			bad |= ozr_json_set(ome, moved[i], ozr_json_copy(ctx, from.v, err));
		ozr_json_remove(all, moved[i]);
	}
	return bad == 0 ? OZR_OK : ozr_fail(err, OZR_NO_MEMORY, "no memory for attributes");
}

static int clean(const struct ozr_origin *o, struct ozr_json *all, int ome_version,
		 struct ozr_err *err)
{
	struct ozr_json *ome = ozr_json_child(all, "ome");

	drop_structure(all);
	if (ome != NULL) {
		drop_structure(ome);
		ozr_json_remove(ome, "version");
	}
	int rc = arrange(o->img->ctx, all, ome_version, err);
	if (rc != OZR_OK)
		return rc;
	struct ozr_json *holder = ome_version == 4 ? all : ozr_json_child(all, "ome");
	drop_version(holder, "omero");
	drop_version(holder, "image-label");
	return cut_omero(o, holder, err);
}

/* A bare array's attributes say nothing that a group's do not: they come along as well. */
int ozr_origin_attributes(const struct ozr_origin *o, int ome_version, char **json,
			  struct ozr_err *err)
{
	struct ozr_image *img = o->img;
	struct ozr_json *all = NULL;
	struct ozr_node node;
	struct ozr_err local;
	size_t len;

	if (err == NULL)
		err = &local;
	ozr_ctx_enter(img->ctx);
	int rc = ozr_node_read(img->store, img->path, &node, err);
	if (rc == OZR_OK) {
		all = ozr_jis(&node.attributes, OZR_JSON_OBJECT)
			      ? ozr_json_copy(img->ctx, node.attributes.v, err)
			      : ozr_json_object();
		ozr_node_release(&node);
		rc = all != NULL ? clean(o, all, ome_version, err)
				 : ozr_fail(err, OZR_NO_MEMORY, "no memory for attributes");
	}
	if (rc == OZR_OK)
		rc = ozr_json_print(img->ctx, all, 0, json, &len, err);
	ozr_json_free(all);
	return rc == OZR_OK ? rc : ozr_err_context(err, rc, "copy '%s'", img->store->location);
}
