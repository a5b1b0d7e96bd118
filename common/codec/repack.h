/* SPDX-License-Identifier: MIT */
/*
 * Encoded bytes of other formats made into those of a codec of ours, without
 * encoding anything: a zstd frame gets the content size that readers of Zarr
 * want, a zlib stream the header and trailer of gzip. Bytes in, bytes out.
 */
#ifndef OZR_CODEC_REPACK_H
#define OZR_CODEC_REPACK_H

#include "base/mem.h"
#include "base/pool.h"

enum ozr_frame_state {
	OZR_FRAME_READY,  /* one frame that says how much it holds: `content` bytes */
	OZR_FRAME_HEADER, /* the same with another header */
	OZR_FRAME_OTHER   /* anything else: to be decoded and encoded anew, if it can be decoded */
};
enum { OZR_FRAME_HEADER_MAX = 14 };

/* What a zstd frame needs to become one that says how much it holds. */
struct ozr_frame {
	enum ozr_frame_state state;
	const char *why; /* OTHER: "has several frames"; a constant */
	int checksum;    /* the frame has one */
	/* HEADER: these bytes take the place of the first `old` ones. */
	size_t old, len;
	unsigned char header[OZR_FRAME_HEADER_MAX];
};
/* Look at len bytes that hold `content` bytes, encoded. Blocks are walked by their headers, none
 * is decoded: whether they hold what they should is found by who decodes them. */
void ozr_zstd_frame_look(const void *src, size_t len, uint64_t content, struct ozr_frame *out);

/* Append the gzip member that holds what a zlib stream does: `content` bytes exactly, for whose CRC
 * they are decoded into the worker's scratch (OZR_SCRATCH_BLOCK); the stream's own checksum is
 * verified. Bytes behind the stream are left out. OZR_CORRUPT when it is damaged or holds another
 * amount. */
int ozr_zlib_to_gzip(struct ozr_worker *w, const void *src, size_t len, uint64_t content,
		     struct ozr_buf *dst, struct ozr_err *err) OZR_MUST_CHECK;

#endif
