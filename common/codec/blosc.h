/* SPDX-License-Identifier: MIT */
/*
 * Blosc 1 frames.
 *
 * A frame is a header of 16 bytes (format version 2, version of the inner
 * codec 1, flags, type size; decoded bytes, block size, encoded bytes as
 * little-endian 32-bit numbers), the start of each block, and the blocks. A
 * block is one stream, or one for each byte plane ("split"); a stream is its
 * length in 4 bytes and an lz4 block, a zstd frame or the like, or the bytes
 * themselves when the length is that of the decoded stream. A frame with the
 * flag "memcpyed" is the header and the decoded bytes.
 *
 * zstd and lz4 with byte shuffle or none are coded here; the other inner codecs
 * and the bit shuffle go through c-blosc (blosc_lib.c), one thread, no lock.
 */
#ifndef OZR_CODEC_BLOSC_H
#define OZR_CODEC_BLOSC_H

#include "codec/filter.h"

enum {
	OZR_BLOSC_HEADER = 16,
	OZR_BLOSC_MAX_BYTES = INT_MAX - OZR_BLOSC_HEADER, /* decoded, in one frame */
	OZR_BLOSC_MIN_BYTES = 128, /* shorter ones are not compressed; nor shorter streams */
	OZR_BLOSC_MAX_SPLITS = 16
};

enum ozr_blosc_flags {
	OZR_BLOSC_F_SHUFFLE = 0x01,
	OZR_BLOSC_F_MEMCPYED = 0x02,
	OZR_BLOSC_F_BITSHUFFLE = 0x04,
	OZR_BLOSC_F_RESERVED = 0x08,
	OZR_BLOSC_F_DONT_SPLIT = 0x10
	/* bits 5-7: format of the streams */
};

enum ozr_blosc_format {
	OZR_BLOSC_FMT_BLOSCLZ,
	OZR_BLOSC_FMT_LZ4,
	OZR_BLOSC_FMT_SNAPPY,
	OZR_BLOSC_FMT_ZLIB,
	OZR_BLOSC_FMT_ZSTD
};

struct ozr_blosc_head {
	unsigned flags, format, typesize;
	uint32_t bytes, blocksize, encoded;
	uint32_t blocks;
};

/* All that can be known from the first 16 bytes of a frame of `size` bytes. */
int ozr_blosc_head_parse(const void *src, uint64_t size, struct ozr_blosc_head *out,
			 struct ozr_err *err) OZR_MUST_CHECK;
/* Decoded bytes of block i. */
uint32_t ozr_blosc_block_bytes(const struct ozr_blosc_head *h, uint32_t i);
/* Decode block i of a frame that is not memcpyed, from bytes that begin at its start. */
int ozr_blosc_block_decode(const struct ozr_blosc_head *h, struct ozr_worker *w, uint32_t i,
			   const void *src, size_t len, void *dst,
			   struct ozr_err *err) OZR_MUST_CHECK;
int ozr_blosc_decode(struct ozr_worker *w, const void *src, size_t len, void *dst, size_t cap,
		     size_t *out, struct ozr_err *err) OZR_MUST_CHECK;
int ozr_blosc_encode(const struct ozr_filter *f, struct ozr_worker *w, const void *src, size_t len,
		     struct ozr_buf *dst, struct ozr_err *err) OZR_MUST_CHECK;

/* --- blosc_lib.c: through c-blosc ------------------------------------------- */

/* A whole frame whose header was parsed; dst has h->bytes. */
int ozr_blosc_lib_decode(const struct ozr_blosc_head *h, struct ozr_worker *w, const void *src,
			 size_t len, void *dst, struct ozr_err *err) OZR_MUST_CHECK;
int ozr_blosc_lib_block(const struct ozr_blosc_head *h, struct ozr_worker *w, uint32_t i,
			const void *src, size_t len, void *dst, struct ozr_err *err) OZR_MUST_CHECK;
int ozr_blosc_lib_encode(const struct ozr_filter *f, struct ozr_worker *w, const void *src,
			 size_t len, struct ozr_buf *dst, struct ozr_err *err) OZR_MUST_CHECK;

/* --- shuffle.c ------------------------------------------------------------------ */

/* n bytes of items of `item` bytes to byte planes and back; what is left over when n is not
 * a multiple of item stays at the end. src and dst do not overlap. */
void ozr_shuffle(unsigned item, size_t n, const void *src, void *dst);
void ozr_unshuffle(unsigned item, size_t n, const void *src, void *dst);

/* --- blosc_plan.c: how the encoder codes a chunk ---------------------------------- */

struct ozr_blosc_plan {
	uint32_t blocksize;
	int zstd; /* else lz4 */
	int shuffle, split;
	int level;                             /* zstd level, or lz4 acceleration */
	int plane_level[OZR_BLOSC_MAX_SPLITS]; /* the same for each stream of a split block */
};
/* From a sample of the chunk. */
int ozr_blosc_plan_make(const struct ozr_filter *f, struct ozr_worker *w, const void *src,
			size_t len, struct ozr_blosc_plan *out, struct ozr_err *err) OZR_MUST_CHECK;
/* One stream with one of the plan's levels. *out = 0: it does not fit into cap. */
int ozr_blosc_stream_pack(const struct ozr_blosc_plan *p, struct ozr_worker *w, int level,
			  const void *src, size_t len, void *dst, size_t cap, size_t *out,
			  struct ozr_err *err) OZR_MUST_CHECK;

#endif
