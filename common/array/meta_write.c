/* SPDX-License-Identifier: MIT */
/*
 * The metadata of a new array: options are checked, the chain is made, and the
 * documents are built from both.
 */
#include "array/meta.h"

#include <string.h>

#include "array/dtype.h"

static int check_options(struct ozr_ctx *ctx, const struct ozr_array_options *opt,
			 struct ozr_err *err)
{
	unsigned limit = ozr_ctx_limits(ctx)->rank;

	if (opt->zarr_format != 0 && opt->zarr_format != 2 && opt->zarr_format != 3)
		return ozr_fail(err, OZR_BAD_ARG, "zarr_format must be 2 or 3, found %d",
				opt->zarr_format);
	if ((unsigned)opt->dtype >= OZR_DTYPES)
		return ozr_fail(err, OZR_BAD_ARG, "dtype %d is not known", (int)opt->dtype);
	if (opt->rank > OZR_MAX_RANK || opt->rank > limit)
		return ozr_fail(err, OZR_LIMIT, "%u dimensions, the limit (rank) is %u", opt->rank,
				limit < OZR_MAX_RANK ? limit : OZR_MAX_RANK);
	for (unsigned d = 0; d < opt->rank; d++) {
		if (opt->shape[d] > INT64_MAX)
			return ozr_fail(err, OZR_BAD_ARG, "shape[%u] is beyond 2^63-1", d);
		if (opt->chunk[d] == 0 || opt->chunk[d] > INT64_MAX)
			return ozr_fail(err, OZR_BAD_ARG, "chunk[%u] must be from 1 to 2^63-1", d);
		if (opt->shard[d] % opt->chunk[d] != 0)
			return ozr_fail(err, OZR_BAD_ARG,
					"shard[%u] is not a multiple of chunk[%u]", d, d);
		if (opt->shard[d] != 0 && opt->zarr_format == 2)
			return ozr_fail(err, OZR_UNSUPPORTED, "Zarr v2 has no shards");
	}
	return OZR_OK;
}

/* The shard's spec; returns whether there are shards: all extents given, or none. */
static int shard_spec(const struct ozr_array_options *opt, struct ozr_chunk_spec *shard, int *has,
		      struct ozr_err *err)
{
	unsigned given = 0;

	for (unsigned d = 0; d < opt->rank; d++) {
		shard->shape[d] = opt->shard[d];
		given += opt->shard[d] != 0;
	}
	*has = given > 0;
	if (given != 0 && given != opt->rank)
		return ozr_fail(err, OZR_BAD_ARG, "shard has %u of %u extents", given, opt->rank);
	return OZR_OK;
}

static int new_chain(struct ozr_ctx *ctx, const struct ozr_array_options *opt, struct ozr_meta *m,
		     struct ozr_err *err)
{
	struct ozr_chunk_spec chunk = {.dtype = opt->dtype, .rank = opt->rank}, shard;
	unsigned order[OZR_MAX_RANK], sum = 0;
	int sharded;

	memcpy(chunk.shape, opt->chunk, sizeof(chunk.shape));
	memcpy(chunk.fill, opt->fill, ozr_dtype_size(opt->dtype));
	for (unsigned d = 0; d < opt->rank; d++) {
		order[d] = opt->order[d];
		sum |= opt->order[d];
	}
	for (unsigned d = 0; sum == 0 && d < opt->rank; d++)
		order[d] = d;
	shard = chunk;
	int rc = shard_spec(opt, &shard, &sharded, err);
	if (rc == OZR_OK)
		rc = ozr_chunk_spec_check(ctx, &chunk, 1, err);
	if (rc == OZR_OK && sharded)
		rc = ozr_chunk_spec_check(ctx, &shard, 0, err);
	if (rc == OZR_OK)
		rc = ozr_chain_new(ctx, &opt->codec, m->zarr_format, order, &chunk,
				   sharded ? &shard : NULL, &m->chain, err);
	if (rc == OZR_OK)
		rc = ozr_grid_init(&m->grid, ctx, opt->shape, m->chain, err);
	return rc;
}

static struct ozr_json *dim_name_list(const struct ozr_meta *m)
{
	struct ozr_json *list = ozr_json_array();

	for (unsigned d = 0; d < m->grid.rank; d++) {
		struct ozr_json *name = m->dim_names[d][0] || m->zarr_format == 2
						? ozr_json_text(m->dim_names[d])
						: ozr_json_null();
		if (ozr_json_append(list, name)) {
			ozr_json_free(list);
			return NULL;
		}
	}
	return list;
}

int ozr_meta_attributes(struct ozr_ctx *ctx, const char *text, struct ozr_json **out,
			struct ozr_err *err)
{
	struct ozr_json *v = NULL;
	int rc = OZR_OK;

	if (!text) {
		v = ozr_json_object();
		if (!v)
			return ozr_fail(err, OZR_NO_MEMORY, "attributes: out of memory");
	} else {
		rc = ozr_json_parse(ctx, text, strlen(text), OZR_JSON_PYTHON, &v, err);
		if (rc == OZR_OK) {
			struct ozr_jref root = ozr_jroot(v);
			rc = ozr_jneed(&root, OZR_JSON_OBJECT, err);
		}
	}
	if (rc) {
		ozr_json_free(v);
		return ozr_err_context(err, rc, "attributes");
	}
	*out = v;
	return OZR_OK;
}

/* {"name": name, "configuration": {member: value}}; takes value. */
static struct ozr_json *extension(const char *name, const char *member, struct ozr_json *value)
{
	struct ozr_json *v = ozr_json_object(), *configuration = ozr_json_object();
	int bad = ozr_json_set_text(v, "name", name);

	bad |= ozr_json_set(configuration, member, value);
	bad |= ozr_json_set(v, "configuration", configuration);
	if (bad) {
		ozr_json_free(v);
		return NULL;
	}
	return v;
}

static struct ozr_json *u64_list(const uint64_t *v, unsigned n)
{
	struct ozr_json *list = ozr_json_array();

	for (unsigned i = 0; i < n; i++) {
		if (ozr_json_append(list, ozr_json_u64(v[i]))) {
			ozr_json_free(list);
			return NULL;
		}
	}
	return list;
}

/* Takes attributes. */
static int build_v3(struct ozr_meta *m, struct ozr_json *attributes)
{
	const struct ozr_grid *g = &m->grid;
	struct ozr_json *doc = m->doc = ozr_json_object();
	int bad = ozr_json_set(doc, "zarr_format", ozr_json_u64(3));

	bad |= ozr_json_set_text(doc, "node_type", "array");
	bad |= ozr_json_set_u64s(doc, "shape", g->shape, g->rank);
	bad |= ozr_json_set_text(doc, "data_type", ozr_dtype_name(g->dtype));
	bad |= ozr_json_set(doc, "chunk_grid",
			    extension("regular", "chunk_shape", u64_list(g->shard, g->rank)));
	bad |= ozr_json_set(doc, "chunk_key_encoding",
			    extension("default", "separator", ozr_json_text("/")));
	bad |= ozr_json_set(doc, "fill_value", ozr_fill_json(g->fill, g->dtype, 3));
	bad |= ozr_json_set(doc, "codecs", ozr_chain_to_v3(m->chain));
	bad |= ozr_json_set(doc, "attributes", attributes);
	if (m->has_dim_names)
		bad |= ozr_json_set(doc, "dimension_names", dim_name_list(m));
	bad |= ozr_json_set(doc, "storage_transformers", ozr_json_array());
	return bad;
}

/* Takes attributes; without any there is no .zattrs. */
static int build_v2(struct ozr_meta *m, struct ozr_json *attributes)
{
	const struct ozr_grid *g = &m->grid;
	struct ozr_json *doc = m->doc = ozr_json_object();
	int bad = ozr_json_set(doc, "zarr_format", ozr_json_u64(2));

	m->attrs = attributes;
	bad |= ozr_json_set_u64s(doc, "shape", g->shape, g->rank);
	bad |= ozr_json_set_u64s(doc, "chunks", g->chunk, g->rank);
	bad |= ozr_json_set_text(doc, "dtype", ozr_dtype_v2_name(g->dtype));
	bad |= ozr_json_set(doc, "fill_value", ozr_fill_json(g->fill, g->dtype, 2));
	bad |= ozr_chain_to_v2(m->chain, doc);
	bad |= ozr_json_set_text(doc, "dimension_separator", "/");
	if (m->has_dim_names)
		bad |= ozr_json_set(m->attrs, "_ARRAY_DIMENSIONS", dim_name_list(m));
	return bad;
}

int ozr_meta_new(struct ozr_ctx *ctx, const struct ozr_array_options *opt, struct ozr_meta *out,
		 struct ozr_err *err)
{
	struct ozr_meta m = {.zarr_format = opt->zarr_format ? opt->zarr_format : 3,
			     .separator = '/',
			     .separator_given = 1,
			     .has_dim_names = opt->has_dim_names != 0};
	struct ozr_json *attributes = NULL;
	int rc = check_options(ctx, opt, err);

	m.key_v2 = m.zarr_format == 2;
	if (rc == OZR_OK)
		rc = new_chain(ctx, opt, &m, err);
	for (unsigned d = 0; rc == OZR_OK && m.has_dim_names && d < opt->rank; d++) {
		char name[33] = {0};
		memcpy(name, opt->dim_names[d], 32);
		ozr_meta_dim_name(m.dim_names[d], name);
	}
	if (rc == OZR_OK)
		rc = ozr_meta_attributes(ctx, opt->attributes, &attributes, err);
	if (rc == OZR_OK &&
	    (m.zarr_format == 3 ? build_v3(&m, attributes) : build_v2(&m, attributes)))
		rc = ozr_fail(err, OZR_NO_MEMORY, "metadata: out of memory");
	if (rc) {
		ozr_meta_release(&m);
		return rc;
	}
	*out = m;
	return OZR_OK;
}
