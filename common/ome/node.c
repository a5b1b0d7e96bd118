/* SPDX-License-Identifier: MIT */
/*
 * Reading what a path of a store holds. A zarr.json decides; without one the
 * files of v2 do, and a .zattrs alone is taken as a group, since some writers
 * leave .zgroup out.
 */
#include <string.h>

#include "ome/group.h"

/* Where a document is, for messages: the key's last segments below path. */
static const char *below(const char *key, const char *path)
{
	size_t n = strlen(path);
	return n == 0 ? key : key + n + 1;
}

int ozr_node_context(const struct ozr_node *n, const char *path, struct ozr_err *err, int code)
{
	return ozr_err_context(err, code, "%s", below(n->key, path));
}

/* Parse the value of n->key into n->doc; OZR_NOT_FOUND when there is none. */
static int read_doc(struct ozr_store *s, const char *path, struct ozr_node *n, struct ozr_err *err)
{
	char *text;
	size_t len;

	int rc = ozr_store_get(s, n->key, ozr_ctx_limits(s->ctx)->json_bytes, &text, &len, NULL,
			       err);
	if (rc != OZR_OK)
		return rc;
	/* Python writes NaN into attributes, in both formats. */
	rc = ozr_json_parse(s->ctx, text, len, OZR_JSON_PYTHON, &n->doc, err);
	ozr_text_free(text);
	return rc == OZR_OK ? rc : ozr_node_context(n, path, err, rc);
}

static int exists(struct ozr_store *s, const char *path, const char *name, int *yes,
		  struct ozr_err *err)
{
	char key[OZR_KEY_MAX + 1];
	struct ozr_object *o;

	int rc = ozr_key_join(key, path, name, err);
	if (rc == OZR_OK)
		rc = ozr_object_open(s, key, &o, err);
	if (rc == OZR_OK)
		ozr_object_close(o);
	*yes = rc == OZR_OK;
	return rc == OZR_NOT_FOUND ? OZR_OK : rc;
}

int ozr_node_exists(struct ozr_store *s, const char *path, int *format, int *is_array,
		    struct ozr_err *err)
{
	static const struct {
		const char *name;
		int format, is_array;
	} files[] = {{"zarr.json", 3, 0}, {".zarray", 2, 1}, {".zgroup", 2, 0}, {".zattrs", 2, 0}};
	int yes = 0;

	*format = 0;
	*is_array = 0;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int rc = exists(s, path, files[i].name, &yes, err);
		if (rc != OZR_OK)
			return rc;
		if (!yes)
			continue;
		*format = files[i].format;
		*is_array = files[i].is_array;
		break;
	}
	if (*format != 3)
		return OZR_OK;
	struct ozr_node n;
	int rc = ozr_node_read(s, path, &n, err);
	if (rc == OZR_OK) {
		*is_array = n.is_array;
		ozr_node_release(&n);
	}
	return rc;
}

static int check_v3(struct ozr_node *n, struct ozr_err *err)
{
	struct ozr_jref format = ozr_jget(&n->root, "zarr_format");
	struct ozr_jref type = ozr_jget(&n->root, "node_type");
	char q[OZR_QUOTE_MAX];
	const char *text;
	uint64_t v;

	int rc = ozr_jneed(&n->root, OZR_JSON_OBJECT, err);
	if (rc == OZR_OK)
		rc = ozr_ju64(&format, 3, 3, &v, err);
	if (rc == OZR_OK)
		rc = ozr_jstring(&type, &text, err);
	if (rc != OZR_OK)
		return rc;
	n->is_array = strcmp(text, "array") == 0;
	if (!n->is_array && strcmp(text, "group") != 0)
		return ozr_jfail(&type, err, OZR_BAD_FORMAT,
				 "must be 'array' or 'group', found '%s'",
				 ozr_quote(q, text, strlen(text)));
	return OZR_OK;
}

static int read_v3(struct ozr_store *s, const char *path, struct ozr_node *n, struct ozr_err *err)
{
	int rc = ozr_key_join(n->key, path, "zarr.json", err);
	if (rc == OZR_OK)
		rc = read_doc(s, path, n, err);
	if (rc != OZR_OK)
		return rc;
	n->zarr_format = 3;
	n->root = ozr_jroot(n->doc);
	n->attributes = ozr_jget(&n->root, "attributes");
	rc = check_v3(n, err);
	return rc == OZR_OK ? rc : ozr_node_context(n, path, err, rc);
}

static int read_v2(struct ozr_store *s, const char *path, struct ozr_node *n, struct ozr_err *err)
{
	int group = 0;

	int rc = ozr_key_join(n->key, path, ".zattrs", err);
	if (rc == OZR_OK)
		rc = read_doc(s, path, n, err);
	if (rc != OZR_OK && rc != OZR_NOT_FOUND)
		return rc;
	rc = exists(s, path, ".zarray", &n->is_array, err);
	if (rc == OZR_OK && n->doc == NULL && !n->is_array) {
		rc = exists(s, path, ".zgroup", &group, err);
		if (rc == OZR_OK && !group)
			rc = ozr_fail(err, OZR_NOT_FOUND,
				      "no zarr.json, .zattrs, .zarray or .zgroup");
	}
	if (rc == OZR_OK && n->doc == NULL) {
		n->doc = ozr_json_object();
		if (n->doc == NULL)
			rc = ozr_fail(err, OZR_NO_MEMORY, "no memory for attributes");
	}
	if (rc != OZR_OK)
		return rc;
	n->zarr_format = 2;
	n->root = ozr_jroot(n->doc);
	n->attributes = n->root;
	rc = ozr_jneed(&n->root, OZR_JSON_OBJECT, err);
	return rc == OZR_OK ? rc : ozr_node_context(n, path, err, rc);
}

int ozr_node_read(struct ozr_store *s, const char *path, struct ozr_node *out, struct ozr_err *err)
{
	memset(out, 0, sizeof(*out));
	int rc = ozr_prefix_check(path, err);
	if (rc != OZR_OK)
		return rc;
	rc = read_v3(s, path, out, err);
	if (rc == OZR_NOT_FOUND)
		rc = read_v2(s, path, out, err);
	if (rc != OZR_OK)
		ozr_node_release(out);
	return rc;
}

void ozr_node_release(struct ozr_node *n)
{
	ozr_json_free(n->doc);
	memset(n, 0, sizeof(*n));
}
