/* SPDX-License-Identifier: MIT */
/*
 * Label images and the group that lists them. A label of an image that is
 * being created waits for that image's commit, which writes the group. In a
 * folder a label is staged like an image; the first one of an image together
 * with the group, so that the two appear at once.
 */
#include <stdio.h>
#include <string.h>

#include "base/ctx.h"
#include "base/key.h"
#include "ome/group.h"
#include "ome/making.h"
#include "ome/ome_meta.h"
#include "ome/plan.h"
#include "ozr/labels.h"

/* --- the list ----------------------------------------------------------------------- */

/* The object that holds `labels` in attributes of a group. */
static struct ozr_jref holder_of(const struct ozr_jref *attributes, int format)
{
	return format == 3 ? ozr_jget(attributes, "ome") : *attributes;
}

/* Is name in the list? Other members of it go into *copy when that is not NULL. */
static int read_list(const struct ozr_jref *list, const char *name, struct ozr_json *copy, int *bad)
{
	struct ozr_jref it;
	const char *text;
	int found = 0;

	for (int more = ozr_jis(list, OZR_JSON_ARRAY) && ozr_jfirst(list, &it); more;
	     more = ozr_jnext(&it)) {
		if (ozr_jstring(&it, &text, NULL) != OZR_OK)
			continue;
		found |= strcmp(text, name) == 0;
		*bad |= ozr_json_append(copy, ozr_json_text(text));
	}
	return found;
}

/* { "labels": list }, in the form of the version; list is taken. */
static struct ozr_json *list_members(struct ozr_json *list, int format)
{
	struct ozr_json *out = ozr_json_object(), *holder = out;
	int bad = 0;

	if (format == 3) {
		bad |= ozr_json_set(out, "ome", ozr_json_object());
		holder = ozr_json_child(out, "ome");
		bad |= ozr_json_set_text(holder, "version", "0.5");
	}
	bad |= ozr_json_set(holder, "labels", list);
	if (bad != 0) {
		ozr_json_free(out);
		return NULL;
	}
	return out;
}

/* Put name into the list of the group at path, which is made when it is not there. */
static int add_to_list(struct ozr_store *s, const char *path, int format, const char *name,
		       struct ozr_err *err)
{
	struct ozr_json *list = ozr_json_array(), *members = NULL;
	struct ozr_node node = {0};
	int bad = list == NULL, found = 0, there;

	int rc = ozr_node_read(s, path, &node, err);
	there = rc == OZR_OK;
	if (there) {
		struct ozr_jref holder = holder_of(&node.attributes, node.zarr_format);
		struct ozr_jref old = ozr_jget(&holder, "labels");
		found = read_list(&old, name, list, &bad);
		ozr_node_release(&node);
	} else if (rc != OZR_NOT_FOUND) {
		ozr_json_free(list);
		return rc;
	}
	if (found) {
		ozr_json_free(list);
		return OZR_OK;
	}
	bad |= ozr_json_append(list, ozr_json_text(name));
	members = list_members(list, format);
	if (bad != 0 || members == NULL)
		rc = ozr_fail(err, OZR_NO_MEMORY, "no memory for the list of labels");
	else if (there)
		rc = ozr_node_merge(s, path, members, NULL, NULL, err);
	else
		rc = ozr_group_write(s, path, format, members, err);
	ozr_json_free(members);
	return rc;
}

static int add_locked(struct ozr_store *s, const char *path, int format, const char *name,
		      struct ozr_err *err)
{
	char key[OZR_KEY_MAX + 1];
	void *token = NULL;
	int rc = OZR_OK;

	if ((s->caps & OZR_STORE_LOCK) != 0) {
		rc = ozr_key_join(key, path, "list-of-labels", err); /* no such value */
		if (rc == OZR_OK)
			rc = ozr_store_lock(s, key, &token, err);
	}
	if (rc == OZR_OK)
		rc = add_to_list(s, path, format, name, err);
	if (token != NULL)
		ozr_store_unlock(s, token);
	return rc == OZR_OK ? ozr_consolidated_drop(s, path, err) : rc;
}

static int note_label(struct ozr_making *m, const char *name, struct ozr_err *err)
{
	if (m->labels == NULL)
		m->labels = ozr_json_array();
	if (ozr_json_append(m->labels, ozr_json_text(name)) != 0)
		return ozr_fail(err, OZR_NO_MEMORY, "no memory for the list of labels");
	return OZR_OK;
}

int ozr_label_list(struct ozr_image *img, int staged, struct ozr_err *err)
{
	struct ozr_making *m = img->making;
	int rc;

	if (m->list_name == NULL)
		return OZR_OK;
	if (m->label_of != NULL)
		return note_label(m->label_of->making, m->list_name, err);
	if (m->list_staged)
		rc = staged ? add_to_list(img->store, "", m->zarr_format, m->list_name, err)
			    : ozr_consolidated_drop(m->list, m->list_path, err);
	else
		rc = staged ? OZR_OK
			    : add_locked(m->list, m->list_path, m->zarr_format, m->list_name, err);
	return rc == OZR_OK ? rc : ozr_err_context(err, rc, "list the label '%s'", m->list_name);
}

int ozr_label_publish(struct ozr_image *img, struct ozr_err *err)
{
	struct ozr_making *m = img->making;
	struct ozr_json *list = ozr_json_copy(img->ctx, m->labels, err), *members;
	char path[OZR_KEY_MAX + 1];

	int rc =
		list == NULL ? ozr_alloc_failed(err) : ozr_key_join(path, img->path, "labels", err);
	if (rc != OZR_OK) {
		ozr_json_free(list);
		return rc;
	}
	members = list_members(list, m->zarr_format);
	rc = members == NULL ? ozr_fail(err, OZR_NO_MEMORY, "no memory for the list of labels")
			     : ozr_group_write(img->store, path, m->zarr_format, members, err);
	ozr_json_free(members);
	return rc;
}

/* --- creating ------------------------------------------------------------------------- */

static int check_name(const char *name, struct ozr_err *err)
{
	char q[OZR_QUOTE_MAX];

	if (*name != '\0' && strchr(name, '/') == NULL && name[0] != '.' &&
	    ozr_prefix_check(name, NULL) == OZR_OK)
		return OZR_OK;
	return ozr_fail(err, OZR_BAD_ARG, "'%s' is no name for a label",
			ozr_quote(q, name, strlen(name)));
}

/* opt checked, as a label's, in the version of an image of this format. */
static int complete(const struct ozr_image_options *opt, int format, struct ozr_image_options *out,
		    struct ozr_err *err)
{
	struct ozr_image_options o = *opt;
	int version = format == 2 ? 4 : 5;

	if (o.ome_version != 0 && o.ome_version != version)
		return ozr_fail(err, OZR_BAD_ARG, "the image is 0.%d, and so are its labels",
				version);
	o.ome_version = version;
	o.is_label = 1;
	return ozr_options_complete(&o, out, err);
}

static int name_list(struct ozr_making *m, struct ozr_store *list, const char *path,
		     const char *name, struct ozr_err *err)
{
	struct ozr_ctx *ctx = list->ctx;

	m->list = ozr_store_ref(list);
	m->list_path = ozr_strdup(ctx, path, err);
	m->list_name = ozr_strdup(ctx, name, err);
	return m->list_path != NULL && m->list_name != NULL ? OZR_OK : ozr_alloc_failed(err);
}

static int format_of(const struct ozr_image *img)
{
	struct ozr_array_info a;

	ozr_array_get_info(img->level[0].array, &a);
	return a.zarr_format;
}

static int create(struct ozr_image *of, const char *name, const struct ozr_image_options *opt,
		  struct ozr_image **out, struct ozr_err *err)
{
	char list[OZR_KEY_MAX + 1], path[OZR_KEY_MAX + 1];
	int being_made = of->making != NULL && of->making->mode != OZR_CREATE_PUBLISH_EMPTY;
	struct ozr_image_options o;

	if ((of->flags & OZR_UPDATE) == 0 && of->making == NULL)
		return ozr_fail(err, OZR_BAD_ARG, "the image is not open for update");
	if (of->info.is_bare)
		return ozr_fail(err, OZR_BAD_ARG, "an array without OME metadata has no labels");
	int rc = check_name(name, err);
	if (rc == OZR_OK)
		rc = complete(opt, format_of(of), &o, err);
	if (rc == OZR_OK)
		rc = ozr_key_join(list, of->path, "labels", err);
	if (rc == OZR_OK)
		rc = ozr_key_join(path, list, name, err);
	if (rc == OZR_OK)
		rc = ozr_making_check_free(of->store, path, err);
	if (rc != OZR_OK)
		return rc;
	struct ozr_making *m = ozr_making_new(of->ctx, OZR_CREATE_DIRECT, err);
	if (m == NULL)
		return ozr_alloc_failed(err);
	m->label_of = being_made ? of : NULL;
	rc = name_list(m, of->store, list, name, err);
	if (rc == OZR_OK)
		return ozr_making_start(of->store, path, m, &o, out, err);
	ozr_making_free(of->ctx, m);
	return rc;
}

int ozr_label_create(struct ozr_image *of, const char *name, const struct ozr_image_options *opt,
		     struct ozr_image **out, struct ozr_err *err)
{
	struct ozr_err local;

	if (err == NULL)
		err = &local;
	ozr_ctx_enter(of->ctx);
	int rc = create(of, name, opt, out, err);
	return rc == OZR_OK ? rc : ozr_err_context(err, rc, "create the label '%s'", name);
}

/* --- staged ----------------------------------------------------------------------------- */

/* A label in a folder, while it is being prepared. */
struct staged {
	const char *dir, *name;
	int replace;
	enum ozr_durability durability;
	struct ozr_store *store;    /* of the folder */
	char list[OZR_KEY_MAX + 1]; /* the group of the labels */
};

/* "<dir>/<key>"; take. */
static int local_path(struct ozr_ctx *ctx, const char *dir, const char *key, char **out,
		      struct ozr_err *err)
{
	size_t n = strlen(dir) + strlen(key) + 2;

	*out = ozr_alloc(ctx, n, err);
	if (*out == NULL)
		return ozr_alloc_failed(err);
	snprintf(*out, n, "%s/%s", dir, key);
	return OZR_OK;
}

/* Stage the label, or, where there is no folder of labels yet, the whole group. */
static int stage(const struct staged *w, struct ozr_making *m, const char **path,
		 struct ozr_err *err)
{
	struct ozr_ctx *ctx = w->store->ctx;
	char key[OZR_KEY_MAX + 1];

	*path = "";
	int rc = ozr_key_join(key, w->list, w->name, err);
	if (rc == OZR_OK)
		rc = local_path(ctx, w->dir, key, &m->target, err);
	if (rc == OZR_OK)
		rc = ozr_stage_new(ctx, m->target, w->replace, w->durability, &m->stage, err);
	if (rc == OZR_OK)
		return name_list(m, w->store, w->list, w->name, err);
	if (rc != OZR_NOT_FOUND)
		return rc;
	ozr_free(ctx, m->target);
	m->target = NULL;
	rc = local_path(ctx, w->dir, w->list, &m->target, err);
	if (rc == OZR_OK)
		rc = ozr_stage_new(ctx, m->target, 0, w->durability, &m->stage, err);
	if (rc != OZR_OK)
		return rc;
	*path = w->name;
	m->list_staged = 1;
	return name_list(m, w->store, w->list, w->name, err);
}

static int create_staged(struct staged *w, const char *image, const struct ozr_image_options *opt,
			 struct ozr_image **out, struct ozr_err *err)
{
	struct ozr_ctx *ctx = w->store->ctx;
	struct ozr_image_options o;
	struct ozr_node node;
	const char *path;

	int rc = ozr_node_read(w->store, image, &node, err);
	if (rc != OZR_OK)
		return rc;
	int format = node.zarr_format,
	    is_image = !node.is_array && ozr_ome_is_image(&node.attributes);
	ozr_node_release(&node);
	if (!is_image)
		return ozr_fail(err, OZR_NOT_FOUND, "there is no image that could have labels");
	rc = complete(opt, format, &o, err);
	if (rc == OZR_OK)
		rc = ozr_key_join(w->list, image, "labels", err);
	if (rc != OZR_OK)
		return rc;
	struct ozr_making *m = ozr_making_new(ctx, OZR_CREATE_STAGE, err);
	if (m == NULL)
		return ozr_alloc_failed(err);
	m->durability = w->durability;
	m->replaces = w->replace;
	rc = stage(w, m, &path, err);
	if (rc == OZR_OK)
		return ozr_making_start(ozr_stage_store(m->stage), path, m, &o, out, err);
	ozr_stage_abort(m->stage);
	ozr_making_free(ctx, m);
	return rc;
}

int ozr_label_create_dir(struct ozr_ctx *ctx, const char *dir, const char *path, const char *name,
			 int replace, enum ozr_durability durability,
			 const struct ozr_image_options *opt, struct ozr_image **out,
			 struct ozr_err *err)
{
	struct staged w = {.dir = dir, .name = name, .replace = replace, .durability = durability};
	struct ozr_err local;

	if (err == NULL)
		err = &local;
	ozr_ctx_enter(ctx);
	int rc = check_name(name, err);
	if (rc == OZR_OK)
		rc = ozr_store_open_dir(ctx, dir, OZR_UPDATE, durability, &w.store, err);
	if (rc == OZR_OK) {
		rc = create_staged(&w, path, opt, out, err);
		ozr_store_unref(w.store);
	}
	return rc == OZR_OK ? rc
			    : ozr_err_context(err, rc, "create the label '%s' of '%s%s%s'", name,
					      dir, *path != '\0' ? "/" : "", path);
}
