/* SPDX-License-Identifier: MIT */
/*
 * Codec chains: what turns the elements of one chunk into stored bytes.
 *
 * A chain in normal form is
 *   order     the axes' order in memory (all transposes composed; v2 order F)
 *   array to bytes: either `bytes` (byte order) or `sharding_indexed`
 *   filters   bytes to bytes, applied in order when encoding: blosc, zstd,
 *             gzip, zlib, crc32c
 * A chain is immutable and shared by any number of threads; what a thread
 * needs (contexts, scratch) is in its struct ozr_worker.
 *
 * Decoding gives the chunk's elements in memory order (`order` not undone: the
 * array layer folds it into strides) and host byte order. Where the filters
 * allow it a chunk decodes in blocks, each on its own (blosc frames, raw
 * bytes), so that a part of a chunk costs only its blocks. Of the worker's
 * scratch codecs use OZR_SCRATCH_BLOCK and OZR_SCRATCH_OTHER, no other.
 *
 * Codecs see bytes, never stores: a struct ozr_bytes_at gives them ranges.
 */
#ifndef OZR_CODEC_CHAIN_H
#define OZR_CODEC_CHAIN_H

#include "base/json.h"
#include "base/pool.h"
#include "ozr/array.h"

/* What a chain works on. */
struct ozr_chunk_spec {
	enum ozr_dtype dtype;
	unsigned rank;
	uint64_t shape[OZR_MAX_RANK];
	uint64_t bytes; /* product * item size, checked against limits.chunk_bytes */
	unsigned char fill[8];
};
/* Checks rank, zero extents, overflow and limits.chunk_bytes (not for shards: pass whole = 0). */
int ozr_chunk_spec_check(struct ozr_ctx *ctx, struct ozr_chunk_spec *spec, int whole,
			 struct ozr_err *err) OZR_MUST_CHECK;

/* Encoded bytes that can be read in ranges: an object, a part of one, memory. */
struct ozr_bytes_at {
	int (*read)(const struct ozr_bytes_at *at, size_t n, const struct ozr_range *ranges,
		    void *const *dst, struct ozr_err *err); /* offsets relative to these bytes */
	uint64_t size;
	uint64_t base; /* read() adds it to every offset: a window is a copy with another base */
	void *arg;
	uint64_t identity; /* fingerprint of {store, key, version, base}; 0: do not remember */
};
/* Over memory: arg = bytes. */
struct ozr_bytes_at ozr_bytes_at_memory(const void *bytes, uint64_t size);
/* A window of another one: a copy with another base, size and identity. */
struct ozr_bytes_at ozr_bytes_at_window(const struct ozr_bytes_at *at, uint64_t offset,
					uint64_t size);

struct ozr_chain;
struct ozr_shard_layout;

/* Zarr v3 "codecs" (array), or v2 "compressor", "filters", "order", "dtype". All of the
 * configuration is checked here; an unknown codec is OZR_UNSUPPORTED with its name. */
int ozr_chain_from_v3(struct ozr_ctx *ctx, const struct ozr_jref *codecs,
		      const struct ozr_chunk_spec *spec, struct ozr_chain **out,
		      struct ozr_err *err) OZR_MUST_CHECK;
int ozr_chain_from_v2(struct ozr_ctx *ctx, const struct ozr_jref *zarray, int big_endian,
		      const struct ozr_chunk_spec *spec, struct ozr_chain **out,
		      struct ozr_err *err) OZR_MUST_CHECK;
/* The chain a writer wants: inner chunk spec; shard (spec of the whole shard) or NULL.
 * order: as ozr_array_options. */
int ozr_chain_new(struct ozr_ctx *ctx, const struct ozr_codec_options *opt, int zarr_format,
		  const unsigned *order, const struct ozr_chunk_spec *chunk,
		  const struct ozr_chunk_spec *shard, struct ozr_chain **out,
		  struct ozr_err *err) OZR_MUST_CHECK;
/* The metadata of a chain: the v3 "codecs" array; v2 sets compressor, filters, order. */
struct ozr_json *ozr_chain_to_v3(const struct ozr_chain *c);
int ozr_chain_to_v2(const struct ozr_chain *c, struct ozr_json *zarray);
void ozr_chain_free(struct ozr_chain *c); /* NULL is fine */

const struct ozr_chunk_spec *ozr_chain_spec(const struct ozr_chain *c);
/* order[i]: which axis of the array is the i-th (slowest first) in memory. */
const unsigned *ozr_chain_order(const struct ozr_chain *c);
/* "blosc-zstd", "zstd", "gzip", "none": of the innermost chunks. */
const char *ozr_chain_name(const struct ozr_chain *c);
/* NULL when the chain is not a sharding one. When the order of a sharding chain is not the
 * natural one, its grid and its inner chunks are in transposed axes. */
const struct ozr_shard_layout *ozr_chain_shard(const struct ozr_chain *c);

/* Decode a whole chunk into dst (spec->bytes). len is exact; more or fewer decoded bytes
 * than the spec says is OZR_CORRUPT. Not for sharding chains. */
int ozr_chain_decode(const struct ozr_chain *c, struct ozr_worker *w, const void *src, size_t len,
		     void *dst, struct ozr_err *err) OZR_MUST_CHECK;
/* Encode spec->bytes at src (elements in memory order, that is with `order` applied, host
 * byte order); appends to dst. Not for sharding chains. */
int ozr_chain_encode(const struct ozr_chain *c, struct ozr_worker *w, const void *src,
		     struct ozr_buf *dst, struct ozr_err *err) OZR_MUST_CHECK;

/* --- decoding parts ------------------------------------------------------ */

/* A chunk opened for decoding block by block. Block i holds decoded bytes
 * [i * block_bytes, min((i + 1) * block_bytes, spec->bytes)) in memory order. */
struct ozr_blocks {
	uint64_t block_bytes;
	uint64_t count;          /* 1: only whole */
	int cacheable;           /* 0: decoding costs no more than copying (raw bytes) */
	struct ozr_range *range; /* where each block lies in the encoded bytes; [count]; owned */
	unsigned char header[16];
	struct ozr_ctx *ctx;
};
/* Reads what is needed to know the blocks (a blosc header and its table) and, when the
 * chain has a checksum over all bytes, verifies it once per at->identity (then reads the
 * whole chunk). Chains that cannot be decoded in parts give count = 1. */
int ozr_blocks_open(const struct ozr_chain *c, struct ozr_worker *w, const struct ozr_bytes_at *at,
		    struct ozr_blocks *out, struct ozr_err *err) OZR_MUST_CHECK;
/* src: the len bytes of range[i]. dst: that block's decoded bytes. With count = 1, src is
 * the whole encoded chunk. */
int ozr_block_decode(const struct ozr_chain *c, struct ozr_worker *w, const struct ozr_blocks *b,
		     uint64_t i, const void *src, size_t len, void *dst,
		     struct ozr_err *err) OZR_MUST_CHECK;
void ozr_blocks_release(struct ozr_blocks *b);

/* --- shards ---------------------------------------------------------------- */

struct ozr_shard_layout {
	struct ozr_chain *inner;     /* may itself be a sharding chain */
	uint64_t grid[OZR_MAX_RANK]; /* inner chunks per axis */
	uint64_t entries;            /* product of grid, within limits.shard_entries */
	int index_at_start;
	int index_big_endian, index_crc;
	uint64_t index_bytes; /* encoded size of the index, fixed by its codecs */
	int has_filters; /* bytes-to-bytes codecs around the whole shard: decode it whole first */
};
/* An index: per inner chunk (C order of the grid) offset and length; both UINT64_MAX: absent. */
struct ozr_shard_entry {
	uint64_t offset, length;
};
/* Decode an index: checks its checksum, and that every entry lies inside the shard and
 * outside the index. src has layout->index_bytes. entry: [layout->entries], filled. */
int ozr_shard_index_decode(const struct ozr_shard_layout *l, const void *src, uint64_t shard_size,
			   struct ozr_shard_entry *entry, struct ozr_err *err) OZR_MUST_CHECK;
/* Encode; dst has layout->index_bytes. */
void ozr_shard_index_encode(const struct ozr_shard_layout *l, const struct ozr_shard_entry *entry,
			    void *dst);
/* Undo the filters around a whole shard (layout->has_filters): appends to dst. */
int ozr_shard_unfilter(const struct ozr_chain *c, struct ozr_worker *w, const void *src, size_t len,
		       struct ozr_buf *dst, struct ozr_err *err) OZR_MUST_CHECK;

/* Hardware instruction where there is one, else tables. crc of the bytes before: 0 at first. */
uint32_t ozr_crc32c(uint32_t crc, const void *bytes, size_t n);

#endif
