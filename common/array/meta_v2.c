/* SPDX-License-Identifier: MIT */
/*
 * Zarr v2: .zarray (and .zattrs) into struct ozr_meta. Members of .zarray that
 * the format does not know are kept and otherwise ignored, as all readers do.
 */
#include "array/meta.h"

#include <string.h>

#include "array/dtype.h"

static int read_separator(const struct ozr_jref *doc, struct ozr_meta *m, struct ozr_err *err)
{
	struct ozr_jref sep = ozr_jget(doc, "dimension_separator");
	const char *s;

	m->key_v2 = 1;
	m->separator = '.';
	if (!sep.v)
		return OZR_OK;
	int rc = ozr_jstring(&sep, &s, err);
	if (rc)
		return rc;
	if (strcmp(s, ".") != 0 && strcmp(s, "/") != 0) {
		char q[OZR_QUOTE_MAX];
		return ozr_jfail(&sep, err, OZR_BAD_FORMAT, "must be \".\" or \"/\", found %s",
				 ozr_jquote(q, &sep));
	}
	m->separator = s[0];
	m->separator_given = 1;
	return OZR_OK;
}

static int read_zarray(struct ozr_ctx *ctx, struct ozr_meta *m, struct ozr_err *err)
{
	struct ozr_jref doc = ozr_jroot(m->doc), r;
	struct ozr_jref shape = ozr_jget(&doc, "shape"), chunks = ozr_jget(&doc, "chunks");
	struct ozr_chunk_spec spec = {0};
	uint64_t format, extent[OZR_MAX_RANK];
	int big_endian = 0;
	int rc = ozr_jneed(&doc, OZR_JSON_OBJECT, err);

	if (rc == OZR_OK) {
		r = ozr_jget(&doc, "zarr_format");
		rc = ozr_ju64(&r, 2, 2, &format, err);
	}
	if (rc == OZR_OK)
		rc = ozr_meta_extents(ctx, &shape, &chunks, extent, &spec, err);
	if (rc == OZR_OK) {
		r = ozr_jget(&doc, "dtype");
		rc = ozr_dtype_from_v2(&r, &spec.dtype, &big_endian, err);
	}
	if (rc == OZR_OK) {
		r = ozr_jget(&doc, "fill_value");
		rc = ozr_fill_parse(&r, spec.dtype, 2, spec.fill, err);
	}
	if (rc == OZR_OK)
		rc = read_separator(&doc, m, err);
	if (rc == OZR_OK)
		rc = ozr_chunk_spec_check(ctx, &spec, 1, err);
	if (rc == OZR_OK)
		rc = ozr_chain_from_v2(ctx, &doc, big_endian, &spec, &m->chain, err);
	if (rc == OZR_OK)
		rc = ozr_grid_init(&m->grid, ctx, extent, m->chain, err);
	return rc;
}

/* xarray's convention; anything else under that name is somebody's own attribute. */
static void read_dim_names(struct ozr_meta *m)
{
	struct ozr_jref doc = ozr_jroot(m->attrs), list = ozr_jget(&doc, "_ARRAY_DIMENSIONS"), it;
	const char *name;
	unsigned d = 0;

	if (!ozr_jis(&list, OZR_JSON_ARRAY) || ozr_jcount(&list) != m->grid.rank)
		return;
	for (int more = ozr_jfirst(&list, &it); more; more = ozr_jnext(&it)) {
		if (ozr_jstring(&it, &name, NULL))
			return;
		ozr_meta_dim_name(m->dim_names[d++], name);
	}
	m->has_dim_names = 1;
}

int ozr_meta_parse_v2(struct ozr_ctx *ctx, const char *zarray, size_t zarray_len,
		      const char *zattrs, size_t zattrs_len, struct ozr_meta *out,
		      struct ozr_err *err)
{
	struct ozr_meta m = {.zarr_format = 2};
	const char *file = ".zarray";
	int rc = ozr_json_parse(ctx, zarray, zarray_len, OZR_JSON_PYTHON, &m.doc, err);

	if (rc == OZR_OK)
		rc = read_zarray(ctx, &m, err);
	if (rc == OZR_OK && zattrs) {
		file = ".zattrs";
		rc = ozr_json_parse(ctx, zattrs, zattrs_len, OZR_JSON_PYTHON, &m.attrs, err);
		if (rc == OZR_OK) {
			struct ozr_jref root = ozr_jroot(m.attrs);
			rc = ozr_jneed(&root, OZR_JSON_OBJECT, err);
		}
		if (rc == OZR_OK)
			read_dim_names(&m);
	}
	if (rc) {
		ozr_meta_release(&m);
		return ozr_err_context(err, rc, "%s", file);
	}
	*out = m;
	return OZR_OK;
}
