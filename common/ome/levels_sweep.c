/* SPDX-License-Identifier: MIT */
/*
 * Removing arrays that are levels no more, and what unfinished changes have
 * left. Nothing that any multiscales of the group lists is touched, nor a
 * group that holds something else: the list of what is pending is text in a
 * file, and so believed only where it cannot do harm.
 */
#include <string.h>

#include "ome/levels_impl.h"

static int first_child(void *arg, const char *name, int is_prefix)
{
	(void)name;
	(void)is_prefix;
	*(int *)arg = 1;
	return 1;
}

/* Cut the last segment off; 0 when there is no other. */
static int cut_last(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash == NULL)
		return 0;
	*slash = '\0';
	return 1;
}

int ozr_level_is_free(struct ozr_image *img, const char *path, int *yes, struct ozr_err *err)
{
	char full[OZR_KEY_MAX + 1], above[OZR_KEY_MAX + 1];
	int format, is_array, any = 0;

	*yes = 0;
	int rc = ozr_key_join(full, img->path, path, err);
	if (rc == OZR_OK)
		rc = ozr_node_exists(img->store, full, &format, &is_array, err);
	if (rc != OZR_OK || format != 0)
		return rc;
	rc = ozr_store_list(img->store, full, first_child, &any, err);
	if (any || (rc != OZR_OK && rc != OZR_NOT_FOUND))
		return any ? OZR_OK : rc;
	memcpy(above, path, strlen(path) + 1);
	while (cut_last(above)) { /* an array holds no arrays */
		rc = ozr_key_join(full, img->path, above, err);
		if (rc == OZR_OK)
			rc = ozr_node_exists(img->store, full, &format, &is_array, err);
		if (rc != OZR_OK || is_array)
			return rc;
	}
	*yes = 1;
	return OZR_OK;
}

/* --- what is listed ------------------------------------------------------------------- */

static int is_at_or_below(const char *path, const char *top)
{
	const size_t n = strlen(top);
	return strncmp(path, top, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static int list_names(const struct ozr_jref *multiscales, const char *path)
{
	struct ozr_jref it, set;
	const char *text;

	for (int more = ozr_jfirst(multiscales, &it); more; more = ozr_jnext(&it)) {
		struct ozr_jref datasets = ozr_jget(&it, "datasets");
		for (int go = ozr_jfirst(&datasets, &set); go; go = ozr_jnext(&set)) {
			struct ozr_jref p = ozr_jget(&set, "path");
			if (ozr_jstring(&p, &text, NULL) == OZR_OK &&
			    (is_at_or_below(text, path) || is_at_or_below(path, text)))
				return 1;
		}
	}
	return 0;
}

int ozr_levels_lists(const struct ozr_jref *attributes, const char *path)
{
	struct ozr_jref ome = ozr_jget(attributes, "ome");
	struct ozr_jref inner = ozr_jget(&ome, "multiscales");
	struct ozr_jref outer = ozr_jget(attributes, "multiscales");

	return list_names(&inner, path) || list_names(&outer, path);
}

/* --- removing ------------------------------------------------------------------------- */

static int other_child(void *arg, const char *name, int is_prefix)
{
	static const char *const ours[] = {"zarr.json", ".zgroup", ".zattrs"};

	for (size_t i = 0; !is_prefix && i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strcmp(name, ours[i]) == 0)
			return 0;
	*(int *)arg = 1;
	return 1;
}

/* Groups above a removed array, as long as they hold nothing. */
static int remove_empty_groups(struct ozr_image *img, char *path, struct ozr_err *err)
{
	char full[OZR_KEY_MAX + 1];

	while (cut_last(path)) {
		int more = 0;
		int rc = ozr_key_join(full, img->path, path, err);
		if (rc == OZR_OK)
			rc = ozr_store_list(img->store, full, other_child, &more, err);
		if (more)
			return OZR_OK;
		if (rc == OZR_OK)
			rc = ozr_tree_clear(img->store, full, err);
		if (rc != OZR_OK)
			return rc == OZR_NOT_FOUND ? OZR_OK : rc;
	}
	return OZR_OK;
}

struct nodes {
	struct ozr_store *store;
	const char *path;
	int any;
};

static int look_for_node(void *arg, const char *name, int is_prefix)
{
	struct nodes *n = arg;
	char key[OZR_KEY_MAX + 1];
	int format = 0, is_array;

	if (is_prefix && ozr_key_join(key, n->path, name, NULL) == OZR_OK)
		n->any |= ozr_node_exists(n->store, key, &format, &is_array, NULL) != OZR_OK ||
			  format != 0;
	return n->any;
}

/* Attributes alone: those of an array of v2 are written before the array's own document, and
 * removed after it. */
static int is_named_group(struct ozr_store *s, const char *full, int format, int *yes,
			  struct ozr_err *err)
{
	char key[OZR_KEY_MAX + 1];
	struct ozr_object *o = NULL;

	*yes = format == 3;
	if (format != 2)
		return OZR_OK;
	int rc = ozr_key_join(key, full, ".zgroup", err);
	if (rc == OZR_OK)
		rc = ozr_object_open(s, key, &o, err);
	ozr_object_close(o);
	*yes = rc == OZR_OK;
	return rc == OZR_NOT_FOUND ? OZR_OK : rc;
}

/* An array, or what is left of one: no group, with metadata or without. */
static int was_array(struct ozr_image *img, const char *full, int *yes, struct ozr_err *err)
{
	struct nodes below = {img->store, full, 0};
	int format, is_array, group = 0;

	int rc = ozr_node_exists(img->store, full, &format, &is_array, err);
	*yes = rc == OZR_OK && is_array;
	if (rc != OZR_OK || is_array)
		return rc;
	rc = is_named_group(img->store, full, format, &group, err);
	if (rc != OZR_OK || group)
		return rc;
	rc = ozr_store_list(img->store, full, look_for_node, &below, err);
	*yes = !below.any;
	return below.any || rc == OZR_NOT_FOUND ? OZR_OK : rc;
}

int ozr_level_remove(struct ozr_image *img, const char *path, struct ozr_err *err)
{
	char full[OZR_KEY_MAX + 1], rest[OZR_KEY_MAX + 1];
	int yes = 0;

	int rc = ozr_key_join(full, img->path, path, err);
	if (rc == OZR_OK)
		rc = was_array(img, full, &yes, err);
	if (rc == OZR_OK && yes)
		rc = ozr_tree_clear(img->store, full, err);
	if (rc != OZR_OK || !yes)
		return rc;
	memcpy(rest, path, strlen(path) + 1);
	return remove_empty_groups(img, rest, err);
}

static int sweep_listed(struct ozr_image *img, const struct ozr_node *node,
			const struct ozr_jref *pending, struct ozr_err *err)
{
	struct ozr_jref it;
	const char *path;

	for (int more = ozr_jfirst(pending, &it); more; more = ozr_jnext(&it)) {
		if (ozr_jstring(&it, &path, NULL) != OZR_OK ||
		    ozr_key_check(path, NULL) != OZR_OK ||
		    ozr_levels_lists(&node->attributes, path))
			continue;
		int rc = ozr_level_remove(img, path, err);
		if (rc != OZR_OK)
			return ozr_err_context(err, rc, "remove what an earlier change has left");
	}
	return OZR_OK;
}

int ozr_levels_sweep(struct ozr_image *img, struct ozr_err *err)
{
	struct ozr_node node;

	int rc = ozr_node_read(img->store, img->path, &node, err);
	if (rc != OZR_OK)
		return rc;
	struct ozr_jref pending = ozr_jget(&node.attributes, ozr_pending_member);
	if (pending.v != NULL) {
		rc = sweep_listed(img, &node, &pending, err);
		if (rc == OZR_OK)
			rc = ozr_node_rewrite(img->store, img->path, ozr_levels_clear, NULL, err);
	}
	ozr_node_release(&node);
	return rc;
}
