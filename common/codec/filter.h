/* SPDX-License-Identifier: MIT */
/*
 * Bytes-to-bytes codecs ("filters"): their configuration and the functions
 * that run them. One file a codec; only that file knows the library behind it.
 *
 * Decoders write into memory of a known size and never beyond it. What holds
 * more than that is not decoded further: OZR_FILTER_FULL, without a message,
 * with the true size in *out when the header tells it, else 0. Encoders append.
 *
 * Scratch of the worker that codecs use: OZR_SCRATCH_BLOCK, OZR_SCRATCH_OTHER.
 */
#ifndef OZR_CODEC_FILTER_H
#define OZR_CODEC_FILTER_H

#include <limits.h>

#include "base/mem.h"
#include "base/pool.h"

enum {
	OZR_FILTER_FULL = 1,
	OZR_ENCODE_SLACK = 64 /* room that encoders leave behind their bytes: for checksums */
};

enum ozr_filter_kind {
	OZR_FILTER_BLOSC,
	OZR_FILTER_ZSTD,
	OZR_FILTER_GZIP,
	OZR_FILTER_ZLIB,
	OZR_FILTER_CRC32C
};

enum ozr_blosc_codec {
	OZR_BLOSC_BLOSCLZ,
	OZR_BLOSC_LZ4,
	OZR_BLOSC_LZ4HC,
	OZR_BLOSC_SNAPPY,
	OZR_BLOSC_ZLIB,
	OZR_BLOSC_ZSTD,
	OZR_BLOSC_CODECS
};

/* The numbers that numcodecs and c-blosc use. */
enum ozr_blosc_shuffle { OZR_BLOSC_NOSHUFFLE, OZR_BLOSC_SHUFFLE, OZR_BLOSC_BITSHUFFLE };

struct ozr_filter {
	enum ozr_filter_kind kind;
	int level;
	int checksum;  /* zstd: frame checksum */
	int numcodecs; /* v3: goes by its numcodecs.* name */
	int reference; /* blosc: byte-identical to c-blosc */
	enum ozr_blosc_codec cname;
	enum ozr_blosc_shuffle shuffle;
	unsigned typesize;  /* blosc: 1-255 */
	uint32_t blocksize; /* blosc: 0: chosen by the encoder */
};

const char *ozr_filter_name(const struct ozr_filter *f); /* "zstd": for messages */
const char *ozr_blosc_codec_name(enum ozr_blosc_codec c);
/* Returns 0, or -1 when there is no such codec. */
int ozr_blosc_codec_find(const char *name, enum ozr_blosc_codec *out);

/* *out <= cap bytes are written to dst. */
int ozr_filter_decode(const struct ozr_filter *f, struct ozr_worker *w, const void *src, size_t len,
		      void *dst, size_t cap, size_t *out, struct ozr_err *err) OZR_MUST_CHECK;
int ozr_filter_encode(const struct ozr_filter *f, struct ozr_worker *w, const void *src, size_t len,
		      struct ozr_buf *dst, struct ozr_err *err) OZR_MUST_CHECK;

/* --- zstd.c ---------------------------------------------------------------- */

/* A level for ozr_zstd_pack(): hardly a search, but literals are always coded by frequency. */
enum { OZR_ZSTD_NOISE = INT_MIN };

/* Frames, concatenated ones and skippable ones too. */
int ozr_zstd_unpack(struct ozr_worker *w, const void *src, size_t len, void *dst, size_t cap,
		    size_t *out, struct ozr_err *err) OZR_MUST_CHECK;
/* One frame without a checksum. *out = 0: it does not fit into cap. */
int ozr_zstd_pack(struct ozr_worker *w, int level, const void *src, size_t len, void *dst,
		  size_t cap, size_t *out, struct ozr_err *err) OZR_MUST_CHECK;
int ozr_zstd_encode(const struct ozr_filter *f, struct ozr_worker *w, const void *src, size_t len,
		    struct ozr_buf *dst, struct ozr_err *err) OZR_MUST_CHECK;
int ozr_zstd_max_level(void);

/* --- lz4.c: raw blocks ------------------------------------------------------ */

int ozr_lz4_unpack(const void *src, size_t len, void *dst, size_t cap, size_t *out,
		   struct ozr_err *err) OZR_MUST_CHECK;
/* Returns the bytes written, or 0: it does not fit into cap. */
size_t ozr_lz4_pack(int acceleration, const void *src, size_t len, void *dst, size_t cap);

/* --- gzip.c: gzip (several members too) and zlib ----------------------------- */

int ozr_gzip_decode(const struct ozr_filter *f, struct ozr_worker *w, const void *src, size_t len,
		    void *dst, size_t cap, size_t *out, struct ozr_err *err) OZR_MUST_CHECK;
int ozr_gzip_encode(const struct ozr_filter *f, struct ozr_worker *w, const void *src, size_t len,
		    struct ozr_buf *dst, struct ozr_err *err) OZR_MUST_CHECK;

/* --- crc32c.c ------------------------------------------------------------------ */

/* The bytes without their checksum are [src, src + *out): nothing is copied. */
int ozr_crc32c_check(const void *src, size_t len, size_t *out, struct ozr_err *err) OZR_MUST_CHECK;
/* What ozr_crc32c() does without the instruction. */
uint32_t ozr_crc32c_tables(uint32_t crc, const void *bytes, size_t n);
/* Appends the checksum of the bytes from `from` to the end of dst. */
int ozr_crc32c_append(struct ozr_buf *dst, size_t from, struct ozr_err *err) OZR_MUST_CHECK;

/* --- bytes.c ------------------------------------------------------------------- */

/* Reverse the bytes of each item (1, 2, 4 or 8 bytes); dst may be src. n is in bytes. */
void ozr_bytes_swap(void *dst, const void *src, size_t n, unsigned item);

static inline uint32_t ozr_load_le32(const void *p)
{
	const unsigned char *b = p;
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline void ozr_store_le32(void *p, uint32_t v)
{
	unsigned char *b = p;
	b[0] = (unsigned char)v;
	b[1] = (unsigned char)(v >> 8);
	b[2] = (unsigned char)(v >> 16);
	b[3] = (unsigned char)(v >> 24);
}

#endif
