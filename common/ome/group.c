/* SPDX-License-Identifier: MIT */
/*
 * Writing groups and changing attributes. A change reads the document again
 * under the store's lock, so that two processes that set different members
 * lose nothing, and writes back all that it found.
 */
#include "ome/group.h"

#include <string.h>

static int put_doc(struct ozr_store *s, const char *key, const struct ozr_json *doc,
		   struct ozr_err *err)
{
	char *text;
	size_t len;

	int rc = ozr_json_print(s->ctx, doc, 1, &text, &len, err);
	if (rc != OZR_OK)
		return rc;
	rc = ozr_store_put(s, key, text, len, OZR_PUT_REPLACE, err);
	ozr_text_free(text);
	return rc;
}

static int put_at(struct ozr_store *s, const char *path, const char *name,
		  const struct ozr_json *doc, struct ozr_err *err)
{
	char key[OZR_KEY_MAX + 1];

	int rc = ozr_key_join(key, path, name, err);
	return rc != OZR_OK ? rc : put_doc(s, key, doc, err);
}

static int copy_attributes(struct ozr_ctx *ctx, const struct ozr_json *from, struct ozr_json **out,
			   struct ozr_err *err)
{
	*out = from != NULL ? ozr_json_copy(ctx, from, err) : ozr_json_object();
	if (*out != NULL)
		return OZR_OK;
	return ozr_fail(err, OZR_NO_MEMORY, "no memory for attributes");
}

/* zarr.json, with everything in one document. */
static int write_v3(struct ozr_store *s, const char *path, const struct ozr_json *attributes,
		    struct ozr_err *err)
{
	struct ozr_json *doc = ozr_json_object(), *copy;

	int rc = copy_attributes(s->ctx, attributes, &copy, err);
	if (rc == OZR_OK) {
		int bad = ozr_json_set(doc, "zarr_format", ozr_json_u64(3)) |
			  ozr_json_set_text(doc, "node_type", "group");
		bad |= ozr_json_set(doc, "attributes", copy);
		rc = bad == 0 ? put_at(s, path, "zarr.json", doc, err)
			      : ozr_fail(err, OZR_NO_MEMORY, "no memory for zarr.json");
	}
	ozr_json_free(doc);
	return rc;
}

/* .zattrs before .zgroup: what makes it a group comes last. */
static int write_v2(struct ozr_store *s, const char *path, const struct ozr_json *attributes,
		    struct ozr_err *err)
{
	struct ozr_json *doc = ozr_json_object();
	int rc = OZR_OK;

	if (attributes != NULL)
		rc = put_at(s, path, ".zattrs", attributes, err);
	if (rc == OZR_OK && ozr_json_set(doc, "zarr_format", ozr_json_u64(2)) != 0)
		rc = ozr_fail(err, OZR_NO_MEMORY, "no memory for .zgroup");
	if (rc == OZR_OK)
		rc = put_at(s, path, ".zgroup", doc, err);
	ozr_json_free(doc);
	return rc;
}

int ozr_group_write(struct ozr_store *s, const char *path, int zarr_format,
		    const struct ozr_json *attributes, struct ozr_err *err)
{
	return zarr_format == 3 ? write_v3(s, path, attributes, err)
				: write_v2(s, path, attributes, err);
}

/* Cut the last segment of path off; 0 when path is the root already. */
static int up(char *path)
{
	if (*path == '\0')
		return 0;
	char *slash = strrchr(path, '/');
	*(slash != NULL ? slash : path) = '\0';
	return 1;
}

static int make_one(struct ozr_store *s, const char *path, int zarr_format, struct ozr_err *err)
{
	int format, is_array;

	int rc = ozr_node_exists(s, path, &format, &is_array, err);
	if (rc != OZR_OK)
		return rc;
	if (is_array)
		return ozr_fail(err, OZR_EXISTS, "'%s' is an array, which holds no images", path);
	if (format != 0 && format != zarr_format)
		return ozr_fail(err, OZR_EXISTS, "'%s' is a group of Zarr v%d, the image is of v%d",
				path, format, zarr_format);
	return format != 0 ? OZR_OK : ozr_group_write(s, path, zarr_format, NULL, err);
}

int ozr_group_make_parents(struct ozr_store *s, const char *path, int zarr_format,
			   struct ozr_err *err)
{
	char parent[OZR_KEY_MAX + 1];

	if (*path == '\0')
		return OZR_OK;
	int rc = make_one(s, "", zarr_format, err);
	for (const char *p = strchr(path, '/'); rc == OZR_OK && p != NULL; p = strchr(p + 1, '/')) {
		memcpy(parent, path, (size_t)(p - path));
		parent[p - path] = '\0';
		rc = make_one(s, parent, zarr_format, err);
	}
	return rc;
}

/* --- changing attributes -------------------------------------------------------- */

int ozr_attributes_parse(struct ozr_ctx *ctx, const char *json, struct ozr_json **out,
			 struct ozr_err *err)
{
	struct ozr_json *doc;

	int rc = ozr_json_parse(ctx, json, strlen(json), 0, &doc, err);
	if (rc != OZR_OK)
		return rc;
	struct ozr_jref root = ozr_jroot(doc);
	rc = ozr_jneed(&root, OZR_JSON_OBJECT, err);
	if (rc == OZR_OK)
		*out = doc;
	else
		ozr_json_free(doc);
	return rc;
}

int ozr_attributes_merge(struct ozr_ctx *ctx, struct ozr_json *attributes,
			 const struct ozr_json *changes, struct ozr_err *err)
{
	struct ozr_jref root = ozr_jroot(changes), theirs = ozr_jget(&root, "ome");
	struct ozr_jref into = ozr_jroot(attributes), ours = ozr_jget(&into, "ome");

	if (!ozr_jis(&theirs, OZR_JSON_OBJECT) || !ozr_jis(&ours, OZR_JSON_OBJECT))
		return ozr_json_merge(ctx, attributes, changes, err);
	/* All but ome, then the members of ome. */
	struct ozr_json *rest = ozr_json_copy(ctx, changes, err);
	if (rest == NULL)
		return ozr_fail(err, OZR_NO_MEMORY, "no memory for attributes");
	ozr_json_remove(rest, "ome");
	int rc = ozr_json_merge(ctx, attributes, rest, err);
	if (rc == OZR_OK)
		rc = ozr_json_merge(ctx, ozr_json_child(attributes, "ome"), theirs.v, err);
	ozr_json_free(rest);
	return rc;
}

/* The object that holds a node's attributes, made when it has none. */
static struct ozr_json *attributes_of(struct ozr_node *node)
{
	if (node->zarr_format == 2)
		return node->doc;
	if (!ozr_jis(&node->attributes, OZR_JSON_OBJECT) &&
	    ozr_json_set(node->doc, "attributes", ozr_json_object()) != 0)
		return NULL;
	node->attributes = ozr_jget(&node->root, "attributes");
	return ozr_json_child(node->doc, "attributes");
}

/* The lock of the document, where the store has locks. */
static int lock_doc(struct ozr_store *s, const char *path, const char *name, void **token,
		    struct ozr_err *err)
{
	char key[OZR_KEY_MAX + 1];

	*token = NULL;
	if ((s->caps & OZR_STORE_LOCK) == 0)
		return OZR_OK;
	int rc = ozr_key_join(key, path, name, err);
	return rc != OZR_OK ? rc : ozr_store_lock(s, key, token, err);
}

static void unlock_doc(struct ozr_store *s, void *token)
{
	if (token != NULL)
		ozr_store_unlock(s, token);
}

/* The document as it is stored now, through edit, and back; the caller holds its lock. */
static int rewrite(struct ozr_store *s, const char *path,
		   int (*edit)(void *arg, struct ozr_node *node, struct ozr_json *attributes,
			       struct ozr_err *err),
		   void *arg, struct ozr_err *err)
{
	struct ozr_node node;

	int rc = ozr_node_read(s, path, &node, err);
	if (rc != OZR_OK)
		return rc;
	struct ozr_json *attributes = attributes_of(&node);
	rc = attributes == NULL ? ozr_fail(err, OZR_NO_MEMORY, "no memory for attributes")
				: edit(arg, &node, attributes, err);
	if (rc == OZR_OK)
		rc = put_doc(s, node.key, node.doc, err);
	ozr_node_release(&node);
	return rc;
}

int ozr_node_rewrite(struct ozr_store *s, const char *path,
		     int (*edit)(void *arg, struct ozr_node *node, struct ozr_json *attributes,
				 struct ozr_err *err),
		     void *arg, struct ozr_err *err)
{
	int format, is_array;
	void *token;

	int rc = ozr_node_exists(s, path, &format, &is_array, err);
	if (rc == OZR_OK)
		rc = lock_doc(s, path, format == 3 ? "zarr.json" : ".zattrs", &token, err);
	if (rc != OZR_OK)
		return rc;
	rc = rewrite(s, path, edit, arg, err);
	unlock_doc(s, token);
	return rc;
}

static int edit_and_check(void *arg, struct ozr_node *node, struct ozr_json *attributes,
			  struct ozr_err *err)
{
	const struct ozr_node_change *c = arg;

	int rc = c->edit(c->arg, attributes, err);
	return rc == OZR_OK && c->check != NULL ? c->check(c->arg, node, err) : rc;
}

int ozr_node_edit(struct ozr_store *s, const char *path, const struct ozr_node_change *change,
		  struct ozr_err *err)
{
	struct ozr_node_change c = *change;

	int rc = ozr_node_rewrite(s, path, edit_and_check, &c, err);
	return rc == OZR_OK ? ozr_consolidated_drop(s, path, err) : rc;
}

struct merge {
	struct ozr_ctx *ctx;
	const struct ozr_json *members;
	int (*check)(void *arg, const struct ozr_node *node, struct ozr_err *err);
	void *arg;
};

static int merge_members(void *arg, struct ozr_json *attributes, struct ozr_err *err)
{
	const struct merge *m = arg;

	return ozr_attributes_merge(m->ctx, attributes, m->members, err);
}

static int check_merged(void *arg, const struct ozr_node *node, struct ozr_err *err)
{
	const struct merge *m = arg;

	return m->check != NULL ? m->check(m->arg, node, err) : OZR_OK;
}

int ozr_node_merge(struct ozr_store *s, const char *path, const struct ozr_json *changes,
		   int (*check)(void *arg, const struct ozr_node *node, struct ozr_err *err),
		   void *arg, struct ozr_err *err)
{
	struct merge m = {s->ctx, changes, check, arg};
	const struct ozr_node_change change = {merge_members, check_merged, &m};

	return ozr_node_edit(s, path, &change, err);
}

/* --- consolidated metadata ------------------------------------------------------- */

/* v3: a member of the group's own zarr.json. With write 0 only looks whether it is there. */
static int drop_member(struct ozr_store *s, const char *path, int write, int *there,
		       struct ozr_err *err)
{
	struct ozr_node node;

	*there = 0;
	int rc = ozr_node_read(s, path, &node, err);
	if (rc != OZR_OK) /* a parent that is no node has no copy of anything */
		return rc == OZR_NOT_FOUND ? OZR_OK : rc;
	struct ozr_jref r = ozr_jget(&node.root, "consolidated_metadata");
	*there = node.zarr_format == 3 && r.v != NULL;
	if (*there && write) {
		ozr_json_remove(node.doc, "consolidated_metadata");
		rc = put_doc(s, node.key, node.doc, err);
	}
	ozr_node_release(&node);
	return rc;
}

static int drop_member_locked(struct ozr_store *s, const char *path, struct ozr_err *err)
{
	void *token;
	int there;

	int rc = drop_member(s, path, 0, &there, err);
	if (rc != OZR_OK || !there)
		return rc;
	rc = lock_doc(s, path, "zarr.json", &token, err);
	if (rc != OZR_OK)
		return rc;
	rc = drop_member(s, path, 1, &there, err);
	unlock_doc(s, token);
	return rc;
}

/* v2: a file of its own. */
static int drop_file(struct ozr_store *s, const char *path, struct ozr_err *err)
{
	char key[OZR_KEY_MAX + 1];
	struct ozr_object *o;

	int rc = ozr_key_join(key, path, ".zmetadata", err);
	if (rc == OZR_OK)
		rc = ozr_object_open(s, key, &o, err);
	if (rc != OZR_OK)
		return rc == OZR_NOT_FOUND ? OZR_OK : rc;
	ozr_object_close(o);
	return ozr_store_del(s, key, err);
}

int ozr_consolidated_drop(struct ozr_store *s, const char *path, struct ozr_err *err)
{
	char at[OZR_KEY_MAX + 1];

	int rc = ozr_prefix_check(path, err);
	if (rc != OZR_OK)
		return rc;
	memcpy(at, path, strlen(path) + 1);
	rc = drop_file(s, at, err);
	while (rc == OZR_OK && up(at)) {
		rc = drop_file(s, at, err);
		if (rc == OZR_OK)
			rc = drop_member_locked(s, at, err);
	}
	return rc;
}
