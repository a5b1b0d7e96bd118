/* SPDX-License-Identifier: MIT */
/* The inside of a chain, shared by the chain_*.c files and blocks.c. */
#ifndef OZR_CODEC_CHAIN_IMPL_H
#define OZR_CODEC_CHAIN_IMPL_H

#include "codec/chain.h"
#include "codec/filter.h"

enum {
	OZR_MAX_FILTERS = 8,
	OZR_SHARD_DEPTH = 4 /* shards in shards */
};

struct ozr_chain {
	struct ozr_ctx *ctx; /* owned reference */
	struct ozr_chunk_spec spec;
	unsigned order[OZR_MAX_RANK];
	int big_endian;
	int sharded; /* then shard is filled, and byte order means nothing */
	struct ozr_shard_layout shard;
	unsigned filters;
	struct ozr_filter filter[OZR_MAX_FILTERS];
	char name[32];
};

/* Bytes of one element; ozr_dtype_size() belongs to the layer above. */
static inline unsigned ozr_item_size(const struct ozr_chunk_spec *spec)
{
	static const unsigned char size[OZR_DTYPES] = {
		[OZR_BOOL] = 1,   [OZR_INT8] = 1,    [OZR_UINT8] = 1,  [OZR_INT16] = 2,
		[OZR_UINT16] = 2, [OZR_INT32] = 4,   [OZR_UINT32] = 4, [OZR_INT64] = 8,
		[OZR_UINT64] = 8, [OZR_FLOAT32] = 4, [OZR_FLOAT64] = 8};
	return size[spec->dtype];
}

/* A chain without filters in natural order. spec is copied. */
int ozr_chain_alloc(struct ozr_ctx *ctx, const struct ozr_chunk_spec *spec, struct ozr_chain **out,
		    struct ozr_err *err) OZR_MUST_CHECK;
/* Put what was parsed into force: checks the spec, names the chain. */
int ozr_chain_finish(struct ozr_chain *c, struct ozr_err *err) OZR_MUST_CHECK;
int ozr_chain_add(struct ozr_chain *c, const struct ozr_filter *f,
		  struct ozr_err *err) OZR_MUST_CHECK;
/* Make c a sharding chain over inner (taken, also on failure), whose spec is that of the inner
 * chunks. Index: little endian with a checksum, at the end. */
int ozr_chain_set_shard(struct ozr_chain *c, struct ozr_chain *inner,
			struct ozr_err *err) OZR_MUST_CHECK;
/* Size of the index from entries and index_crc. */
void ozr_shard_size_index(struct ozr_shard_layout *l);

/* A codec as numcodecs configures it: v2 compressors, numcodecs.* in v3. spec tells the item
 * size. An unknown id is OZR_UNSUPPORTED. */
int ozr_filter_from_numcodecs(const char *id, const struct ozr_jref *conf, unsigned item,
			      struct ozr_filter *out, struct ozr_err *err) OZR_MUST_CHECK;
/* Sets the members of a configuration, without an id. */
int ozr_filter_to_numcodecs(const struct ozr_filter *f, struct ozr_json *conf);
/* "zstd" for a numcodecs id. */
const char *ozr_filter_numcodecs_id(const struct ozr_filter *f);

/* Bytes after decoding the first n filters' worth: known while they keep sizes; 0: unknown. */
uint64_t ozr_chain_stage_size(const struct ozr_chain *c, unsigned n);
/* Checksums at the outer end: how many crc32c filters close the chain. */
unsigned ozr_chain_outer_sums(const struct ozr_chain *c);

#endif
