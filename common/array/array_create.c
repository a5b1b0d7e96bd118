/* SPDX-License-Identifier: MIT */
/*
 * Creating arrays, publishing their metadata, and growing them. What is added
 * is data first, metadata last: .zattrs before .zarray, chunks (by the caller)
 * before a new shape.
 */
#include "array/array_impl.h"

#include <string.h>

#include "base/key.h"

/* OZR_OK when no node is at path. */
static int check_free(struct ozr_array *a, struct ozr_err *err)
{
	static const char *const names[] = {"zarr.json", ".zarray", ".zgroup"};
	char key[OZR_KEY_MAX + 1];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct ozr_object *o = NULL;
		int rc = ozr_key_join(key, a->path, names[i], err);
		if (rc == OZR_OK)
			rc = ozr_object_open(a->store, key, &o, err);
		ozr_object_close(o);
		if (rc == OZR_OK)
			return ozr_fail(err, OZR_EXISTS, "%s is there already", names[i]);
		if (rc != OZR_NOT_FOUND)
			return rc;
	}
	return OZR_OK;
}

/* m is taken. */
static int create(struct ozr_store *s, const char *path, struct ozr_meta *m, int publish_later,
		  struct ozr_array **out, struct ozr_err *err)
{
	struct ozr_array *a = NULL;
	int rc = ozr_array_new(s, path, &a, err);

	if (rc) {
		ozr_meta_release(m);
		return rc;
	}
	a->fresh = 1;
	a->meta = *m;
	rc = check_free(a, err);
	if (rc == OZR_OK)
		rc = ozr_writer_new(a, err);
	if (rc)
		rc = ozr_array_context(a, rc, err);
	else if (!publish_later)
		rc = ozr_array_publish(a, err);
	if (rc)
		ozr_array_close(a);
	else
		*out = a;
	return rc;
}

/* The place in front of what is wrong with a new array's metadata. */
static int meta_context(const char *path, int rc, struct ozr_err *err)
{
	char q[OZR_QUOTE_MAX];

	if (rc == OZR_OK || *path == 0)
		return rc;
	return ozr_err_context(err, rc, "array '%s'", ozr_quote(q, path, strlen(path)));
}

int ozr_array_create(struct ozr_store *s, const char *path, const struct ozr_array_options *opt,
		     struct ozr_array **out, struct ozr_err *err)
{
	struct ozr_meta m;

	ozr_ctx_enter(s->ctx);
	if (!(s->caps & OZR_STORE_WRITE))
		return ozr_fail(err, OZR_DENIED, "the store is open for reading only");
	int rc = meta_context(path, ozr_meta_new(s->ctx, opt, &m, err), err);
	return rc ? rc : create(s, path, &m, opt->publish_later, out, err);
}

/* A chain that is read but not written: the default one then. */
static int is_writable(const struct ozr_meta *m)
{
	const struct ozr_grid *g = &m->grid;
	return g->depth == 0 || (g->depth == 1 && !g->level[0].layout->has_filters);
}

static int meta_default(struct ozr_ctx *ctx, const struct ozr_meta *like, const uint64_t *shape,
			const char *attributes, struct ozr_meta *out, struct ozr_err *err)
{
	const struct ozr_grid *g = &like->grid;
	struct ozr_array_options opt = {.zarr_format = like->zarr_format,
					.dtype = g->dtype,
					.rank = g->rank,
					.has_dim_names = like->has_dim_names,
					.attributes = attributes};
	memcpy(opt.shape, shape, g->rank * sizeof(opt.shape[0]));
	memcpy(opt.chunk, g->chunk, sizeof(opt.chunk));
	memcpy(opt.shard, g->shard, sizeof(opt.shard));
	memcpy(opt.fill, g->fill, sizeof(opt.fill));
	memcpy(opt.dim_names, like->dim_names, sizeof(opt.dim_names));
	return ozr_meta_new(ctx, &opt, out, err);
}

int ozr_array_create_like(struct ozr_store *s, const char *path, const struct ozr_array *like,
			  const uint64_t *shape, const char *attributes, struct ozr_array **out,
			  struct ozr_err *err)
{
	const struct ozr_meta *from = &like->meta;
	struct ozr_meta m;

	ozr_ctx_enter(s->ctx);
	if (!(s->caps & OZR_STORE_WRITE))
		return ozr_fail(err, OZR_DENIED, "the store is open for reading only");
	int rc = is_writable(from) ? ozr_meta_like(s->ctx, from, shape, attributes, &m, err)
				   : meta_default(s->ctx, from, shape, attributes, &m, err);
	rc = meta_context(path, rc, err);
	return rc ? rc : create(s, path, &m, 1, out, err);
}

static int put_document(struct ozr_array *a, const struct ozr_json *doc, const char *name,
			struct ozr_err *err)
{
	char key[OZR_KEY_MAX + 1];
	char *text = NULL;
	size_t len;
	int rc = ozr_key_join(key, a->path, name, err);

	if (rc == OZR_OK)
		rc = ozr_json_print(a->ctx, doc, 1, &text, &len, err);
	if (rc == OZR_OK)
		rc = ozr_store_put(a->store, key, text, len, OZR_PUT_REPLACE, err);
	ozr_text_free(text);
	return rc;
}

/* The version that our own put made; another writer's would only cost a second look. */
static void remember_version(struct ozr_array *a, const char *name)
{
	char key[OZR_KEY_MAX + 1];
	struct ozr_object *o = NULL;

	if (ozr_key_join(key, a->path, name, NULL) == OZR_OK &&
	    ozr_object_open(a->store, key, &o, NULL) == OZR_OK) {
		atomic_store(&a->meta_version, o->version);
		ozr_object_close(o);
	}
}

/* Before the document is written again: when somebody else has changed it (attributes, say)
 * since we read it, theirs is taken, with our shape. */
static int take_newer(struct ozr_array *a, struct ozr_err *err)
{
	struct ozr_meta *m = &a->meta, now;
	uint64_t version = 0;
	int rc;

	if (atomic_load(&a->meta_version) == 0)
		return OZR_OK;
	rc = ozr_array_load(a->store, a->path, &now, &version, err);
	if (rc)
		return rc;
	if (version != atomic_load(&a->meta_version)) {
		struct ozr_json *doc = m->doc, *attrs = m->attrs;
		m->doc = now.doc;
		m->attrs = now.attrs;
		now.doc = doc;
		now.attrs = attrs;
		if (now.grid.rank != m->grid.rank)
			rc = ozr_fail(err, OZR_CHANGED, "the array was replaced meanwhile");
		for (unsigned d = 0; rc == OZR_OK && d < m->grid.rank; d++)
			if (now.grid.shape[d] > m->grid.shape[d])
				rc = ozr_fail(
					err, OZR_CHANGED,
					"the array has grown meanwhile: axis %u has %llu elements",
					d, (unsigned long long)now.grid.shape[d]);
		if (rc == OZR_OK)
			rc = ozr_meta_set_shape(m, m->grid.shape, err);
	}
	ozr_meta_release(&now);
	return rc;
}

int ozr_array_publish(struct ozr_array *a, struct ozr_err *err)
{
	const char *name = a->meta.zarr_format == 3 ? "zarr.json" : ".zarray";
	struct ozr_jref attrs;
	int rc = OZR_OK;

	ozr_ctx_enter(a->ctx);
	if (!a->writer)
		return ozr_fail(err, OZR_BAD_ARG, "the array is open for reading only");
	rc = ozr_writer_owned(a->writer, err);
	if (rc)
		return ozr_array_context(a, rc, err);
	attrs = ozr_jroot(a->meta.attrs);
	if (a->meta.attrs && ozr_jcount(&attrs) > 0 && atomic_load(&a->meta_version) == 0)
		rc = put_document(a, a->meta.attrs, ".zattrs", err);
	else
		rc = take_newer(a, err);
	if (rc == OZR_OK)
		rc = put_document(a, a->meta.doc, name, err);
	if (rc)
		return ozr_array_context(a, rc, err);
	remember_version(a, name);
	return OZR_OK;
}

/* v3 keeps them in the document, v2 beside it. */
static struct ozr_json *own_attributes(struct ozr_meta *m)
{
	struct ozr_json *made;

	if (m->zarr_format == 3) {
		if (ozr_json_child(m->doc, "attributes") == NULL &&
		    ozr_json_set(m->doc, "attributes", ozr_json_object()) != 0)
			return NULL;
		return ozr_json_child(m->doc, "attributes");
	}
	made = m->attrs == NULL ? ozr_json_object() : m->attrs;
	m->attrs = made;
	return made;
}

int ozr_array_merge_attributes(struct ozr_array *a, const struct ozr_json *changes,
			       struct ozr_err *err)
{
	struct ozr_json *into = own_attributes(&a->meta);

	if (into == NULL)
		return ozr_fail(err, OZR_NO_MEMORY, "attributes: out of memory");
	return ozr_json_merge(a->ctx, into, changes, err);
}

int ozr_array_resize(struct ozr_array *a, const uint64_t *shape, struct ozr_err *err)
{
	const struct ozr_grid *g = &a->meta.grid;
	int rc;

	ozr_ctx_enter(a->ctx);
	if (!a->writer)
		return ozr_fail(err, OZR_BAD_ARG, "the array is open for reading only");
	rc = ozr_writer_owned(a->writer, err);
	if (rc)
		return ozr_array_context(a, rc, err);
	for (unsigned d = 0; d < g->rank; d++)
		if (shape[d] < g->shape[d] || shape[d] > INT64_MAX)
			return ozr_fail(err, OZR_BAD_ARG,
					"axis %u: the new extent %llu must be from %llu to 2^63-1",
					d, (unsigned long long)shape[d],
					(unsigned long long)g->shape[d]);
	/* what waits was counted against the old shape */
	rc = ozr_array_flush(a, NULL, err);
	if (rc == OZR_OK)
		rc = ozr_meta_set_shape(&a->meta, shape, err);
	return ozr_array_context(a, rc, err);
}
