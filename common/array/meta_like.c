/* SPDX-License-Identifier: MIT */
/*
 * The metadata of an array that is stored as another one is: its document with
 * another shape, so that format, type, fill, codecs with all their settings,
 * key style, dimension names and members that we do not know are the same.
 * Chunks and shards are cut to what the new shape needs, where the chain is one
 * whose shapes can be told apart; an extent that was larger than the array on
 * purpose stays.
 */
#include "array/meta.h"

#include <string.h>

#include "base/ckd.h"

/* Chunk and shard of the new array. */
struct cut {
	uint64_t chunk[OZR_MAX_RANK], shard[OZR_MAX_RANK];
};

static void cut_to(const struct ozr_grid *g, const uint64_t *shape, int sharded, struct cut *out)
{
	for (unsigned d = 0; d < g->rank; d++) {
		const uint64_t count = g->shard[d] / g->chunk[d];
		const uint64_t extent = ozr_max_u64(shape[d], 1);
		uint64_t chunk = g->chunk[d];
		if (chunk <= g->shape[d])
			chunk = ozr_min_u64(chunk, extent);
		const uint64_t most = ozr_ceil_div(extent, chunk);
		out->chunk[d] = chunk;
		out->shard[d] = sharded ? chunk * ozr_min_u64(count, most) : chunk;
	}
}

/* A chain of shards of plain chunks whose axes are not swapped. */
static int is_plain_shard(const struct ozr_chain *chain)
{
	const struct ozr_shard_layout *layout = ozr_chain_shard(chain);
	const unsigned *order = ozr_chain_order(chain);

	if (ozr_chain_shard(layout->inner) != NULL)
		return 0;
	for (unsigned d = 0; d < ozr_chain_spec(chain)->rank; d++)
		if (order[d] != d)
			return 0;
	return 1;
}

/* The codecs, with other inner chunks in the shards. */
static int set_inner_chunk(struct ozr_ctx *ctx, struct ozr_json *doc, const struct cut *cut,
			   unsigned rank, struct ozr_err *err)
{
	struct ozr_jref root = ozr_jroot(doc), codecs = ozr_jget(&root, "codecs"), it;
	struct ozr_json *list = ozr_json_array();
	int bad = list == NULL;

	for (int more = ozr_jfirst(&codecs, &it); more && !bad; more = ozr_jnext(&it)) {
		struct ozr_jref name = ozr_jget(&it, "name");
		const char *text = "";
		struct ozr_json *codec = ozr_json_copy(ctx, it.v, err);
		if (name.v != NULL && ozr_jstring(&name, &text, NULL) == OZR_OK &&
		    strcmp(text, "sharding_indexed") == 0)
			bad = ozr_json_set_u64s(ozr_json_child(codec, "configuration"),
						"chunk_shape", cut->chunk, rank);
		bad |= ozr_json_append(list, codec);
	}
	if (bad) {
		ozr_json_free(list);
		return -1;
	}
	return ozr_json_set(doc, "codecs", list);
}

static int set_shapes(struct ozr_ctx *ctx, const struct ozr_meta *like, const uint64_t *shape,
		      struct ozr_json *doc, struct ozr_err *err)
{
	const struct ozr_grid *g = &like->grid;
	const int sharded = ozr_chain_shard(like->chain) != NULL;
	struct cut cut;
	int bad = ozr_json_set_u64s(doc, "shape", shape, g->rank);

	if (sharded && !is_plain_shard(like->chain))
		return bad;
	cut_to(g, shape, sharded, &cut);
	if (like->zarr_format == 2)
		return bad | ozr_json_set_u64s(doc, "chunks", cut.chunk, g->rank);
	struct ozr_json *grid = ozr_json_child(doc, "chunk_grid");
	bad |= ozr_json_set_u64s(ozr_json_child(grid, "configuration"), "chunk_shape", cut.shard,
				 g->rank);
	if (sharded)
		bad |= set_inner_chunk(ctx, doc, &cut, g->rank, err);
	return bad;
}

/* Takes attributes. In v2 the dimension names are among them. */
static int set_attributes(struct ozr_ctx *ctx, const struct ozr_meta *like, struct ozr_json *doc,
			  struct ozr_json *attributes, struct ozr_json **attrs, struct ozr_err *err)
{
	if (like->zarr_format == 3)
		return ozr_json_set(doc, "attributes", attributes);
	struct ozr_jref old = ozr_jroot(like->attrs);
	struct ozr_jref names = ozr_jget(&old, "_ARRAY_DIMENSIONS");
	*attrs = attributes;
	if (names.v == NULL)
		return 0;
	return ozr_json_set(attributes, "_ARRAY_DIMENSIONS", ozr_json_copy(ctx, names.v, err));
}

static int parse_again(struct ozr_ctx *ctx, int format, const struct ozr_json *doc,
		       const struct ozr_json *attrs, struct ozr_meta *out, struct ozr_err *err)
{
	char *text = NULL, *more = NULL;
	size_t len, more_len = 0;

	int rc = ozr_json_print(ctx, doc, 0, &text, &len, err);
	if (rc == OZR_OK && attrs != NULL)
		rc = ozr_json_print(ctx, attrs, 0, &more, &more_len, err);
	if (rc == OZR_OK)
		rc = format == 3 ? ozr_meta_parse_v3(ctx, text, len, out, err)
				 : ozr_meta_parse_v2(ctx, text, len, more, more_len, out, err);
	ozr_text_free(more);
	ozr_text_free(text);
	return rc;
}

int ozr_meta_like(struct ozr_ctx *ctx, const struct ozr_meta *like, const uint64_t *shape,
		  const char *attributes, struct ozr_meta *out, struct ozr_err *err)
{
	struct ozr_json *given = NULL, *attrs = NULL;
	struct ozr_json *doc = ozr_json_copy(ctx, like->doc, err);

	if (doc == NULL)
		return ozr_fail(err, OZR_NO_MEMORY, "metadata: out of memory");
	int rc = ozr_meta_attributes(ctx, attributes, &given, err);
	if (rc == OZR_OK && (set_shapes(ctx, like, shape, doc, err) |
			     set_attributes(ctx, like, doc, given, &attrs, err)) != 0)
		rc = ozr_fail(err, OZR_NO_MEMORY, "metadata: out of memory");
	if (rc == OZR_OK)
		rc = parse_again(ctx, like->zarr_format, doc, attrs, out, err);
	if (rc == OZR_OK && like->zarr_format == 2) { /* what was found out about the keys */
		out->separator = like->separator;
		out->separator_given = like->separator_given;
	}
	ozr_json_free(attrs);
	ozr_json_free(doc);
	return rc;
}
