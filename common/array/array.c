/* SPDX-License-Identifier: MIT */
/*
 * Opening, describing and closing arrays. Opening reads the metadata and, for
 * v2 documents that do not say how chunk keys are separated, looks which of
 * the two styles the first chunk has; nothing is allocated in proportion to
 * the shape.
 */
#include "array/array_impl.h"

#include <string.h>

#include "base/key.h"

int ozr_array_context(const struct ozr_array *a, int rc, struct ozr_err *err)
{
	char q[OZR_QUOTE_MAX];

	if (rc == OZR_OK || a->path[0] == 0)
		return rc;
	return ozr_err_context(err, rc, "array '%s'", ozr_quote(q, a->path, strlen(a->path)));
}

/* *text stays NULL when the key does not exist. */
static int get_optional(struct ozr_store *s, const char *path, const char *name, char **text,
			size_t *len, uint64_t *version, struct ozr_err *err)
{
	char key[OZR_KEY_MAX + 1];
	int rc = ozr_key_join(key, path, name, err);

	*text = NULL;
	*len = 0;
	if (rc == OZR_OK)
		rc = ozr_store_get(s, key, ozr_ctx_limits(s->ctx)->json_bytes, text, len, version,
				   err);
	if (rc == OZR_NOT_FOUND) {
		*text = NULL;
		return OZR_OK;
	}
	return rc;
}

static int load_v2(struct ozr_store *s, const char *path, const char *zarray, size_t zarray_len,
		   struct ozr_meta *meta, struct ozr_err *err)
{
	char *zattrs;
	size_t zattrs_len;
	int rc = get_optional(s, path, ".zattrs", &zattrs, &zattrs_len, NULL, err);

	if (rc == OZR_OK)
		rc = ozr_meta_parse_v2(s->ctx, zarray, zarray_len, zattrs, zattrs_len, meta, err);
	ozr_text_free(zattrs);
	return rc;
}

static int no_array(struct ozr_store *s, const char *path, struct ozr_err *err)
{
	char *zgroup;
	size_t len;
	int rc = get_optional(s, path, ".zgroup", &zgroup, &len, NULL, err);

	if (rc)
		return rc;
	if (!zgroup)
		return ozr_fail(err, OZR_NOT_FOUND, "neither zarr.json nor .zarray is there");
	ozr_text_free(zgroup);
	return ozr_fail(err, OZR_BAD_FORMAT, ".zgroup: is a group, not an array");
}

int ozr_array_load(struct ozr_store *s, const char *path, struct ozr_meta *meta, uint64_t *version,
		   struct ozr_err *err)
{
	char *text;
	size_t len;
	int rc = get_optional(s, path, "zarr.json", &text, &len, version, err);

	if (rc)
		return rc;
	if (text) {
		rc = ozr_meta_parse_v3(s->ctx, text, len, meta, err);
		ozr_text_free(text);
		return rc;
	}
	rc = get_optional(s, path, ".zarray", &text, &len, version, err);
	if (rc)
		return rc;
	rc = text ? load_v2(s, path, text, len, meta, err) : no_array(s, path, err);
	ozr_text_free(text);
	return rc;
}

/* OZR_OK or OZR_NOT_FOUND for the chunk at the origin, or why it cannot be told. */
static int first_chunk(struct ozr_array *a, char separator, struct ozr_err *err)
{
	static const uint64_t origin[OZR_MAX_RANK];
	char key[OZR_KEY_MAX + 1], kept = a->meta.separator;
	struct ozr_object *o = NULL;

	a->meta.separator = separator;
	int rc = ozr_meta_key(&a->meta, a->path, origin, key, err);
	a->meta.separator = kept;
	if (rc == OZR_OK)
		rc = ozr_object_open(a->store, key, &o, err);
	ozr_object_close(o);
	return rc;
}

/* Writers of nested chunks exist that leave dimension_separator out. */
static int probe_separator(struct ozr_array *a, struct ozr_err *err)
{
	if (a->meta.separator_given || a->meta.grid.rank < 2)
		return OZR_OK;
	int rc = first_chunk(a, '.', err);
	if (rc != OZR_NOT_FOUND)
		return rc;
	rc = first_chunk(a, '/', err);
	if (rc == OZR_OK)
		a->meta.separator = '/';
	return rc == OZR_NOT_FOUND ? OZR_OK : rc;
}

int ozr_array_open(struct ozr_store *s, const char *path, int flags, struct ozr_array **out,
		   struct ozr_err *err)
{
	struct ozr_array *a = NULL;
	uint64_t version = 0;
	int rc;

	ozr_ctx_enter(s->ctx);
	if ((flags & OZR_UPDATE) && !(s->caps & OZR_STORE_WRITE))
		return ozr_fail(err, OZR_DENIED, "the store is open for reading only");
	rc = ozr_array_new(s, path, &a, err);
	if (rc)
		return rc;
	rc = ozr_array_load(s, path, &a->meta, &version, err);
	if (rc == OZR_OK)
		rc = probe_separator(a, err);
	if (rc == OZR_OK && (flags & OZR_UPDATE))
		rc = ozr_writer_new(a, err);
	if (rc) {
		rc = ozr_array_context(a, rc, err);
		ozr_array_close(a);
		return rc;
	}
	atomic_store(&a->meta_version, version);
	*out = a;
	return OZR_OK;
}

int ozr_array_new(struct ozr_store *s, const char *path, struct ozr_array **out,
		  struct ozr_err *err)
{
	struct ozr_array *a;
	int rc = ozr_prefix_check(path, err);

	if (rc)
		return rc;
	a = ozr_calloc(s->ctx, 1, sizeof(*a), err);
	if (!a)
		return OZR_NO_MEMORY;
	a->path = ozr_strdup(s->ctx, path, err);
	if (!a->path) {
		ozr_free(s->ctx, a);
		return OZR_NO_MEMORY;
	}
	a->ctx = ozr_ctx_ref(s->ctx);
	a->store = ozr_store_ref(s);
	a->id = ozr_hash(ozr_hash(0, s->identity, sizeof(s->identity)), path, strlen(path));
	*out = a;
	return OZR_OK;
}

void ozr_array_close(struct ozr_array *a)
{
	if (!a)
		return;
	struct ozr_ctx *ctx = a->ctx;

	ozr_writer_free(a->writer);
	ozr_meta_release(&a->meta);
	ozr_store_unref(a->store);
	ozr_free(ctx, a->path);
	ozr_free(ctx, a);
	ozr_ctx_unref(ctx);
}

int ozr_array_still_there(struct ozr_array *a, struct ozr_err *err)
{
	char key[OZR_KEY_MAX + 1];
	uint64_t expected = atomic_load(&a->meta_version), version = 0;
	uint64_t seen = atomic_load(&a->seen_version);
	struct ozr_object *o = NULL;
	struct ozr_meta now;
	int rc;

	if (expected == 0) /* being created by this handle: missing chunks are not written yet */
		return OZR_OK;
	rc = ozr_key_join(key, a->path, a->meta.zarr_format == 3 ? "zarr.json" : ".zarray", err);
	if (rc == OZR_OK)
		rc = ozr_object_open(a->store, key, &o, err);
	if (rc == OZR_OK) {
		version = o->version;
		ozr_object_close(o);
		if (version == expected || version == seen)
			return OZR_OK;
		rc = ozr_array_load(a->store, a->path, &now, &version, err);
	}
	if (rc == OZR_NOT_FOUND)
		return ozr_fail(err, OZR_CHANGED, "the array was removed while it was read");
	if (rc)
		return rc;
	int same = ozr_meta_compatible(a->ctx, &a->meta, &now);
	ozr_meta_release(&now);
	if (!same)
		return ozr_fail(err, OZR_CHANGED, "the array was replaced while it was read");
	/* attributes changed, or it grew: remember, so that the next look is cheap; the document of
	 * this handle is still the older one */
	atomic_store(&a->seen_version, version);
	return OZR_OK;
}

void ozr_array_get_info(const struct ozr_array *a, struct ozr_array_info *out)
{
	const struct ozr_grid *g = &a->meta.grid;
	const char *codec = ozr_chain_name(a->meta.chain);

	memset(out, 0, sizeof(*out));
	out->zarr_format = a->meta.zarr_format;
	out->dtype = g->dtype;
	out->rank = g->rank;
	memcpy(out->shape, g->shape, sizeof(out->shape));
	memcpy(out->chunk, g->chunk, sizeof(out->chunk));
	memcpy(out->shard, g->shard, sizeof(out->shard));
	memcpy(out->order, g->mem_axis, sizeof(out->order));
	memcpy(out->fill, g->fill, sizeof(out->fill));
	memcpy(out->codec, codec, strnlen(codec, sizeof(out->codec) - 1));
	out->has_dim_names = a->meta.has_dim_names;
	memcpy(out->dim_names, a->meta.dim_names, sizeof(out->dim_names));
}

int ozr_array_attributes(const struct ozr_array *a, char **json, struct ozr_err *err)
{
	struct ozr_jref doc = ozr_jroot(a->meta.doc);
	struct ozr_json *empty = NULL;
	const struct ozr_json *v = a->meta.attrs;
	size_t len;

	if (a->meta.zarr_format == 3)
		v = ozr_jget(&doc, "attributes").v;
	if (!v) {
		v = empty = ozr_json_object();
		if (!v)
			return ozr_fail(err, OZR_NO_MEMORY, "attributes: out of memory");
	}
	int rc = ozr_json_print(a->ctx, v, 0, json, &len, err);
	ozr_json_free(empty);
	return rc;
}
