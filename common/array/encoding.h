/* SPDX-License-Identifier: MIT */
/*
 * For layers above that bring chunks encoded already: what an encoded chunk of
 * an array is made of, and the way in without a copy.
 */
#ifndef OZR_ARRAY_ENCODING_H
#define OZR_ARRAY_ENCODING_H

#include "ozr/array.h"

enum ozr_encoding_kind { OZR_ENCODING_NONE, OZR_ENCODING_ZSTD, OZR_ENCODING_GZIP };

/* By-value snapshot. Encoded bytes: the elements in memory order, through `kind`, then `sums`
 * times a crc32c of all before it. */
struct ozr_encoding {
	enum ozr_encoding_kind kind;
	unsigned sums;
	int checksum;                      /* zstd: frames are said to have one */
	int big_endian;                    /* elements of several bytes */
	uint64_t elements;                 /* of a chunk */
	uint64_t mem_stride[OZR_MAX_RANK]; /* elements of memory per step along an axis */
};
/* OZR_UNSUPPORTED for chains that are anything else. */
int ozr_array_encoding(const struct ozr_array *a, struct ozr_encoding *out,
		       struct ozr_err *err) OZR_MUST_CHECK;

/* ozr_array_write_encoded() for bytes from ozr_alloc() on the array's context, which are taken in
 * any case. */
int ozr_array_take_encoded(struct ozr_array *a, const uint64_t *chunk, void *bytes, size_t len,
			   const struct ozr_call *call, struct ozr_err *err) OZR_MUST_CHECK;

#endif
