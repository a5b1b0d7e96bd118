/* SPDX-License-Identifier: MIT */
/*
 * The geometry of an array, as a by-value snapshot in the array's own axes:
 * shards (what is stored under one key), innermost chunks (what is decoded),
 * where a chunk stands in the shard indices on the way to it, and how its
 * elements lie in memory (transposes are folded into the strides). Without
 * shards every chunk is a shard of one chunk.
 */
#ifndef OZR_ARRAY_GRID_H
#define OZR_ARRAY_GRID_H

#include "base/ckd.h"
#include "codec/chain.h"

enum { OZR_MAX_NESTING = 4 }; /* shards in shards */

/* One sharding codec on the way from the stored object to the chunk. */
struct ozr_grid_level {
	const struct ozr_chain *chain; /* borrowed */
	const struct ozr_shard_layout *layout;
	uint64_t chunk[OZR_MAX_RANK];        /* extents of its inner chunks */
	uint64_t entry_stride[OZR_MAX_RANK]; /* index entries per step along an axis */
};

struct ozr_grid {
	enum ozr_dtype dtype;
	unsigned item; /* bytes of an element */
	unsigned rank;
	uint64_t shape[OZR_MAX_RANK];
	uint64_t shard[OZR_MAX_RANK];
	uint64_t chunk[OZR_MAX_RANK];
	uint64_t inner[OZR_MAX_RANK]; /* innermost chunks per shard, along each axis */
	uint64_t inner_total;
	uint64_t elements; /* of a chunk */
	unsigned char fill[8];
	unsigned mem_axis[OZR_MAX_RANK];   /* axis that is the k-th slowest in memory */
	uint64_t mem_stride[OZR_MAX_RANK]; /* elements of memory per step along an axis */
	unsigned depth;                    /* how many levels; 0: not sharded */
	struct ozr_grid_level level[OZR_MAX_NESTING];
	const struct ozr_chain *leaf; /* decodes a chunk; borrowed */
};

/* From the shape and the chain of the stored objects; checks every limit. */
int ozr_grid_init(struct ozr_grid *g, struct ozr_ctx *ctx, const uint64_t *shape,
		  const struct ozr_chain *chain, struct ozr_err *err) OZR_MUST_CHECK;

/* Coordinates on the grid of chunks from a shard and the number (C order) of a chunk in it. */
void ozr_grid_chunk_at(const struct ozr_grid *g, const uint64_t *shard, uint64_t inner,
		       uint64_t *chunk);
/* The number of a chunk within its shard. */
uint64_t ozr_grid_inner(const struct ozr_grid *g, const uint64_t *chunk);
/* Its place in the index of level l. */
uint64_t ozr_grid_entry(const struct ozr_grid *g, unsigned l, const uint64_t *chunk);
/* The part of a chunk that lies in the array: extents per axis; returns the elements. */
uint64_t ozr_grid_valid(const struct ozr_grid *g, const uint64_t *chunk, uint64_t *extent);
/* How many chunks of a shard lie at least partly in the array. */
uint64_t ozr_grid_shard_chunks(const struct ozr_grid *g, const uint64_t *shard);

/* A part [lo, hi) of the elements of a chunk in memory order, as boxes (coordinates in the
 * chunk): fn for each of at most 2 * rank of them, in order. */
struct ozr_run_box {
	uint64_t lo[OZR_MAX_RANK], hi[OZR_MAX_RANK];
};
void ozr_grid_run(const struct ozr_grid *g, uint64_t lo, uint64_t hi,
		  void (*fn)(void *arg, const struct ozr_run_box *box), void *arg);

#endif
