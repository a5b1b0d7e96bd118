/* SPDX-License-Identifier: MIT */
/*
 * Zarr v3: the zarr.json of an array into struct ozr_meta. A member that this
 * file does not know is an error unless it says must_understand: false; names
 * of extensions that we lack are OZR_UNSUPPORTED.
 */
#include "array/meta.h"

#include <string.h>

#include "array/dtype.h"

static int check_node(const struct ozr_jref *doc, struct ozr_err *err)
{
	struct ozr_jref format = ozr_jget(doc, "zarr_format");
	struct ozr_jref type = ozr_jget(doc, "node_type");
	uint64_t v;
	const char *s;
	int rc = ozr_jneed(doc, OZR_JSON_OBJECT, err);

	if (rc == OZR_OK)
		rc = ozr_ju64(&format, 3, 3, &v, err);
	if (rc == OZR_OK)
		rc = ozr_jstring(&type, &s, err);
	if (rc)
		return rc;
	if (strcmp(s, "group") == 0)
		return ozr_jfail(&type, err, OZR_BAD_FORMAT, "is a group, not an array");
	if (strcmp(s, "array") != 0) {
		char q[OZR_QUOTE_MAX];
		return ozr_jfail(&type, err, OZR_BAD_FORMAT, "must be \"array\", found %s",
				 ozr_jquote(q, &type));
	}
	return OZR_OK;
}

static int check_members(const struct ozr_jref *doc, struct ozr_err *err)
{
	static const char *const known[] = {
		"zarr_format",
		"node_type",
		"shape",
		"data_type",
		"chunk_grid",
		"chunk_key_encoding",
		"fill_value",
		"codecs",
		"attributes",
		"dimension_names",
		"storage_transformers",
		"consolidated_metadata",
	};
	struct ozr_jref it;

	for (int more = ozr_jfirst(doc, &it); more; more = ozr_jnext(&it)) {
		size_t i = 0;
		while (i < sizeof(known) / sizeof(known[0]) && strcmp(it.name, known[i]) != 0)
			i++;
		if (i < sizeof(known) / sizeof(known[0]))
			continue;
		struct ozr_jref must = ozr_jget(&it, "must_understand");
		int understand = 1;
		if (ozr_jbool(&must, &understand, NULL) || understand)
			return ozr_jfail(&it, err, OZR_UNSUPPORTED,
					 "this extension is not known, and does not say "
					 "must_understand: false");
	}
	return OZR_OK;
}

/* An extension point: "name" or {"name": ..., "configuration": {...}}. */
static int named(const struct ozr_jref *r, const char **name, struct ozr_jref *configuration,
		 struct ozr_err *err)
{
	struct ozr_jref n = *r;

	*configuration = ozr_jget(r, "configuration");
	if (ozr_jis(r, OZR_JSON_OBJECT))
		n = ozr_jget(r, "name");
	return ozr_jstring(&n, name, err);
}

static int read_extents(struct ozr_ctx *ctx, const struct ozr_jref *doc, uint64_t *extent,
			struct ozr_chunk_spec *spec, struct ozr_err *err)
{
	struct ozr_jref shape = ozr_jget(doc, "shape"), grid = ozr_jget(doc, "chunk_grid");
	struct ozr_jref configuration, chunk;
	const char *name;
	int rc = named(&grid, &name, &configuration, err);

	if (rc)
		return rc;
	if (strcmp(name, "regular") != 0) {
		char q[OZR_QUOTE_MAX];
		return ozr_jfail(&grid, err, OZR_UNSUPPORTED, "chunk grid '%s' is not supported",
				 ozr_quote(q, name, strlen(name)));
	}
	rc = ozr_jneed(&configuration, OZR_JSON_OBJECT, err);
	if (rc)
		return rc;
	chunk = ozr_jget(&configuration, "chunk_shape");
	return ozr_meta_extents(ctx, &shape, &chunk, extent, spec, err);
}

static int read_keys(const struct ozr_jref *doc, struct ozr_meta *m, struct ozr_err *err)
{
	struct ozr_jref keys = ozr_jget(doc, "chunk_key_encoding"), configuration, sep;
	char q[OZR_QUOTE_MAX];
	const char *name, *s;
	int rc = named(&keys, &name, &configuration, err);

	if (rc)
		return rc;
	if (strcmp(name, "default") != 0 && strcmp(name, "v2") != 0)
		return ozr_jfail(&keys, err, OZR_UNSUPPORTED,
				 "chunk key encoding '%s' is not supported",
				 ozr_quote(q, name, strlen(name)));
	m->key_v2 = name[0] == 'v';
	m->separator = m->key_v2 ? '.' : '/';
	m->separator_given = 1;
	sep = ozr_jget(&configuration, "separator");
	if (!sep.v)
		return OZR_OK;
	rc = ozr_jstring(&sep, &s, err);
	if (rc)
		return rc;
	if (strcmp(s, ".") != 0 && strcmp(s, "/") != 0)
		return ozr_jfail(&sep, err, OZR_BAD_FORMAT, "must be \".\" or \"/\", found %s",
				 ozr_jquote(q, &sep));
	m->separator = s[0];
	return OZR_OK;
}

static int read_dim_names(const struct ozr_jref *doc, struct ozr_meta *m, struct ozr_err *err)
{
	struct ozr_jref list = ozr_jget(doc, "dimension_names"), it;
	const char *name;
	unsigned d = 0;

	if (ozr_jtype(&list) == OZR_JSON_NULL)
		return OZR_OK;
	int rc = ozr_jneed(&list, OZR_JSON_ARRAY, err);
	if (rc)
		return rc;
	if (ozr_jcount(&list) != m->grid.rank)
		return ozr_jfail(&list, err, OZR_BAD_FORMAT,
				 "must have %u entries like the shape, found %zu", m->grid.rank,
				 ozr_jcount(&list));
	for (int more = ozr_jfirst(&list, &it); more; more = ozr_jnext(&it), d++) {
		if (ozr_jtype(&it) == OZR_JSON_NULL)
			continue;
		rc = ozr_jstring(&it, &name, err);
		if (rc)
			return rc;
		ozr_meta_dim_name(m->dim_names[d], name);
	}
	m->has_dim_names = 1;
	return OZR_OK;
}

static int check_rest(const struct ozr_jref *doc, struct ozr_err *err)
{
	struct ozr_jref attributes = ozr_jget(doc, "attributes");
	struct ozr_jref transformers = ozr_jget(doc, "storage_transformers");
	int rc = OZR_OK;

	if (attributes.v)
		rc = ozr_jneed(&attributes, OZR_JSON_OBJECT, err);
	if (rc == OZR_OK && transformers.v) {
		rc = ozr_jneed(&transformers, OZR_JSON_ARRAY, err);
		if (rc == OZR_OK && ozr_jcount(&transformers) > 0)
			rc = ozr_jfail(&transformers, err, OZR_UNSUPPORTED,
				       "storage transformers are not supported");
	}
	return rc;
}

static int read_document(struct ozr_ctx *ctx, struct ozr_meta *m, struct ozr_err *err)
{
	struct ozr_jref doc = ozr_jroot(m->doc), r;
	struct ozr_chunk_spec spec = {0};
	uint64_t extent[OZR_MAX_RANK];
	int rc = check_node(&doc, err);

	if (rc == OZR_OK)
		rc = check_members(&doc, err);
	if (rc == OZR_OK)
		rc = read_extents(ctx, &doc, extent, &spec, err);
	if (rc == OZR_OK) {
		r = ozr_jget(&doc, "data_type");
		rc = ozr_dtype_from_v3(&r, &spec.dtype, err);
	}
	if (rc == OZR_OK) {
		r = ozr_jget(&doc, "fill_value");
		rc = ozr_fill_parse(&r, spec.dtype, 3, spec.fill, err);
	}
	if (rc == OZR_OK)
		rc = read_keys(&doc, m, err);
	if (rc == OZR_OK)
		rc = check_rest(&doc, err);
	if (rc == OZR_OK) /* a shard may be larger than limits.chunk_bytes */
		rc = ozr_chunk_spec_check(ctx, &spec, 0, err);
	if (rc == OZR_OK) {
		r = ozr_jget(&doc, "codecs");
		rc = ozr_chain_from_v3(ctx, &r, &spec, &m->chain, err);
	}
	if (rc == OZR_OK)
		rc = ozr_grid_init(&m->grid, ctx, extent, m->chain, err);
	if (rc == OZR_OK)
		rc = read_dim_names(&doc, m, err);
	return rc;
}

int ozr_meta_parse_v3(struct ozr_ctx *ctx, const char *text, size_t len, struct ozr_meta *out,
		      struct ozr_err *err)
{
	struct ozr_meta m = {.zarr_format = 3};
	/* zarr-python 3 writes bare NaN into attributes, too */
	int rc = ozr_json_parse(ctx, text, len, OZR_JSON_PYTHON, &m.doc, err);

	if (rc == OZR_OK)
		rc = read_document(ctx, &m, err);
	if (rc) {
		ozr_meta_release(&m);
		return ozr_err_context(err, rc, "zarr.json");
	}
	*out = m;
	return OZR_OK;
}
