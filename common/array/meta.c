/* SPDX-License-Identifier: MIT */
/*
 * What the metadata of both formats share: extents, dimension names, chunk
 * keys, comparison.
 */
#include "array/meta.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/key.h"

static int check_rank(struct ozr_ctx *ctx, const struct ozr_jref *shape, unsigned *max,
		      struct ozr_err *err)
{
	unsigned limit = ozr_ctx_limits(ctx)->rank;

	*max = limit < OZR_MAX_RANK ? limit : OZR_MAX_RANK;
	if (ozr_jcount(shape) > *max)
		return ozr_jfail(shape, err, OZR_LIMIT, "%zu dimensions, the limit (rank) is %u",
				 ozr_jcount(shape), *max);
	return OZR_OK;
}

int ozr_meta_extents(struct ozr_ctx *ctx, const struct ozr_jref *shape,
		     const struct ozr_jref *chunk, uint64_t *extent, struct ozr_chunk_spec *spec,
		     struct ozr_err *err)
{
	unsigned rank = 0, chunk_rank = 0, max;
	int rc = ozr_jneed(shape, OZR_JSON_ARRAY, err);

	if (rc == OZR_OK)
		rc = ozr_jneed(chunk, OZR_JSON_ARRAY, err);
	if (rc == OZR_OK)
		rc = check_rank(ctx, shape, &max, err);
	if (rc)
		return rc;
	if (ozr_jcount(chunk) != ozr_jcount(shape))
		return ozr_jfail(chunk, err, OZR_BAD_FORMAT,
				 "must have %zu entries like the shape, found %zu",
				 ozr_jcount(shape), ozr_jcount(chunk));
	rc = ozr_ju64_list(shape, 0, INT64_MAX, max, &rank, extent, err);
	if (rc == OZR_OK)
		rc = ozr_ju64_list(chunk, 1, INT64_MAX, max, &chunk_rank, spec->shape, err);
	spec->rank = rank;
	return rc;
}

void ozr_meta_dim_name(char out[32], const char *name)
{
	size_t n = strlen(name);

	if (n > 31)
		n = 31;
	/* 10xxxxxx continues a character: do not cut there */
	while (n > 0 && n == 31 && ((unsigned char)name[n] & 0xc0) == 0x80) {
		do
			n--;
		while (n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80);
	}
	memset(out, 0, 32);
	memcpy(out, name, n);
}

void ozr_meta_release(struct ozr_meta *m)
{
	ozr_chain_free(m->chain);
	ozr_json_free(m->doc);
	ozr_json_free(m->attrs);
	memset(m, 0, sizeof(*m));
}

int ozr_meta_set_shape(struct ozr_meta *m, const uint64_t *shape, struct ozr_err *err)
{
	if (ozr_json_set_u64s(m->doc, "shape", shape, m->grid.rank))
		return ozr_fail(err, OZR_NO_MEMORY, "metadata: out of memory");
	for (unsigned d = 0; d < m->grid.rank; d++)
		m->grid.shape[d] = shape[d];
	return OZR_OK;
}

static int same_member(struct ozr_ctx *ctx, const struct ozr_meta *a, const struct ozr_meta *b,
		       const char *name)
{
	struct ozr_jref root_a = ozr_jroot(a->doc), root_b = ozr_jroot(b->doc);
	struct ozr_jref ma = ozr_jget(&root_a, name), mb = ozr_jget(&root_b, name);
	char *text_a = NULL, *text_b = NULL;
	size_t len_a, len_b;
	int same = 0;

	if (!ma.v || !mb.v)
		return !ma.v && !mb.v;
	if (ozr_json_print(ctx, ma.v, 0, &text_a, &len_a, NULL) == OZR_OK &&
	    ozr_json_print(ctx, mb.v, 0, &text_b, &len_b, NULL) == OZR_OK)
		same = len_a == len_b && memcmp(text_a, text_b, len_a) == 0;
	ozr_text_free(text_a);
	ozr_text_free(text_b);
	return same;
}

int ozr_meta_compatible(struct ozr_ctx *ctx, const struct ozr_meta *a, const struct ozr_meta *b)
{
	static const char *const members[] = {"codecs", "compressor", "filters", "order", "dtype"};
	const struct ozr_grid *g = &a->grid, *h = &b->grid;

	if (a->zarr_format != b->zarr_format || g->rank != h->rank || g->dtype != h->dtype ||
	    a->key_v2 != b->key_v2 || memcmp(g->fill, h->fill, sizeof(g->fill)) != 0)
		return 0;
	for (unsigned d = 0; d < g->rank; d++)
		if (g->shard[d] != h->shard[d] || g->chunk[d] != h->chunk[d] ||
		    g->shape[d] > h->shape[d])
			return 0;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (!same_member(ctx, a, b, members[i]))
			return 0;
	return 1;
}

int ozr_meta_key(const struct ozr_meta *m, const char *path, const uint64_t *shard, char *out,
		 struct ozr_err *err)
{
	char name[OZR_MAX_RANK * 21 + 2];
	size_t at = 0;

	if (!m->key_v2)
		name[at++] = 'c';
	else if (m->grid.rank == 0)
		name[at++] = '0';
	for (unsigned d = 0; d < m->grid.rank; d++) {
		if (at > 0)
			name[at++] = m->separator;
		at += (size_t)snprintf(name + at, sizeof(name) - at, "%" PRIu64, shard[d]);
	}
	name[at] = 0;
	return ozr_key_join(out, path, name, err);
}
