/* SPDX-License-Identifier: MIT */
/*
 * Chains: making, checking, naming. Immutable once made, shared by threads.
 */
#include <string.h>

#include "base/ckd.h"
#include "base/ctx.h"
#include "codec/chain_impl.h"

static const char *const filter_names[] = {"blosc", "zstd", "gzip", "zlib", "crc32c"};
static const char *const blosc_names[OZR_BLOSC_CODECS] = {"blosclz", "lz4",  "lz4hc",
							  "snappy",  "zlib", "zstd"};

const char *ozr_filter_name(const struct ozr_filter *f)
{
	return filter_names[f->kind];
}

const char *ozr_blosc_codec_name(enum ozr_blosc_codec c)
{
	return blosc_names[c];
}

int ozr_blosc_codec_find(const char *name, enum ozr_blosc_codec *out)
{
	for (unsigned i = 0; i < OZR_BLOSC_CODECS; i++) {
		if (strcmp(name, blosc_names[i]) == 0) {
			*out = (enum ozr_blosc_codec)i;
			return 0;
		}
	}
	return -1;
}

int ozr_chunk_spec_check(struct ozr_ctx *ctx, struct ozr_chunk_spec *spec, int whole,
			 struct ozr_err *err)
{
	const struct ozr_limits *lim = ozr_ctx_limits(ctx);
	uint64_t bytes;
	if (spec->rank > lim->rank || spec->rank > OZR_MAX_RANK)
		return ozr_fail(err, OZR_LIMIT, "%u dimensions, limit rank is %u", spec->rank,
				lim->rank);
	for (unsigned d = 0; d < spec->rank; d++)
		if (spec->shape[d] == 0)
			return ozr_fail(err, OZR_BAD_FORMAT, "chunk has no elements along axis %u",
					d);
	if (ozr_ckd_product(spec->shape, spec->rank, ozr_item_size(spec), &bytes))
		return ozr_fail(err, OZR_LIMIT, "chunk of more than 2^64 bytes");
	if (whole && bytes > lim->chunk_bytes)
		return ozr_fail(err, OZR_LIMIT, "chunk of %llu bytes, limit chunk_bytes is %llu",
				(unsigned long long)bytes, (unsigned long long)lim->chunk_bytes);
	spec->bytes = bytes;
	return OZR_OK;
}

int ozr_chain_alloc(struct ozr_ctx *ctx, const struct ozr_chunk_spec *spec, struct ozr_chain **out,
		    struct ozr_err *err)
{
	struct ozr_chain *c = ozr_calloc(ctx, 1, sizeof(*c), err);
	if (!c)
		return ozr_alloc_code(err);
	c->ctx = ozr_ctx_ref(ctx);
	c->spec = *spec;
	for (unsigned d = 0; d < OZR_MAX_RANK; d++)
		c->order[d] = d;
	*out = c;
	return OZR_OK;
}

void ozr_chain_free(struct ozr_chain *c)
{
	while (c) {
		struct ozr_chain *inner = c->shard.inner;
		struct ozr_ctx *ctx = c->ctx;
		ozr_free(ctx, c);
		ozr_ctx_unref(ctx);
		c = inner;
	}
}

int ozr_chain_add(struct ozr_chain *c, const struct ozr_filter *f, struct ozr_err *err)
{
	if (c->filters == OZR_MAX_FILTERS)
		return ozr_fail(err, OZR_UNSUPPORTED, "more than %d codecs in a row",
				OZR_MAX_FILTERS);
	c->filter[c->filters++] = *f;
	return OZR_OK;
}

static void put_name(struct ozr_chain *c)
{
	const char *prefix = "", *name = "none";
	for (unsigned i = 0; i < c->filters; i++) {
		const struct ozr_filter *f = &c->filter[i];
		if (f->kind == OZR_FILTER_CRC32C)
			continue;
		prefix = f->kind == OZR_FILTER_BLOSC ? "blosc-" : "";
		name = *prefix ? ozr_blosc_codec_name(f->cname) : ozr_filter_name(f);
		break;
	}
	if (c->sharded) {
		memcpy(c->name, c->shard.inner->name, sizeof(c->name));
		return;
	}
	size_t n = strlen(prefix);
	memcpy(c->name, prefix, n);
	memcpy(c->name + n, name, strlen(name) + 1);
}

int ozr_chain_finish(struct ozr_chain *c, struct ozr_err *err)
{
	int rc = ozr_chunk_spec_check(c->ctx, &c->spec, !c->sharded, err);
	if (rc)
		return rc;
	c->shard.has_filters = c->sharded && c->filters > 0;
	put_name(c);
	return OZR_OK;
}

void ozr_shard_size_index(struct ozr_shard_layout *l)
{
	l->index_bytes = l->entries * 16 + (l->index_crc ? 4 : 0);
}

int ozr_chain_set_shard(struct ozr_chain *c, struct ozr_chain *inner, struct ozr_err *err)
{
	struct ozr_shard_layout *l = &c->shard;
	uint64_t max = ozr_ctx_limits(c->ctx)->shard_entries;
	c->sharded = 1;
	l->inner = inner;
	if (inner->spec.rank != c->spec.rank)
		return ozr_fail(err, OZR_BAD_ARG, "inner chunks have %u dimensions, the shard %u",
				inner->spec.rank, c->spec.rank);
	for (unsigned d = 0; d < c->spec.rank; d++) {
		uint64_t whole = c->spec.shape[c->order[d]], part = inner->spec.shape[d];
		if (part == 0 || whole % part)
			return ozr_fail(
				err, OZR_BAD_FORMAT,
				"shard of %llu elements along axis %u, inner chunks of %llu "
				"do not fill it",
				(unsigned long long)whole, c->order[d], (unsigned long long)part);
		l->grid[d] = whole / part;
	}
	if (ozr_ckd_product(l->grid, c->spec.rank, 1, &l->entries) || l->entries > max ||
	    l->entries > UINT64_MAX / 32)
		return ozr_fail(err, OZR_LIMIT,
				"shard of more inner chunks than %llu, the limit "
				"shard_entries",
				(unsigned long long)max);
	l->index_crc = 1;
	ozr_shard_size_index(l);
	return OZR_OK;
}

const struct ozr_chunk_spec *ozr_chain_spec(const struct ozr_chain *c)
{
	return &c->spec;
}

const unsigned *ozr_chain_order(const struct ozr_chain *c)
{
	return c->order;
}

const char *ozr_chain_name(const struct ozr_chain *c)
{
	return c->name;
}

const struct ozr_shard_layout *ozr_chain_shard(const struct ozr_chain *c)
{
	return c->sharded ? &c->shard : NULL;
}
