/* SPDX-License-Identifier: MIT */
/*
 * What zip archives need of libdeflate: raw deflate data, unpacked whole, and
 * the CRC-32 of zip and gzip (not the CRC-32C of Zarr's codec).
 */
#ifndef OZR_BASE_INFLATE_H
#define OZR_BASE_INFLATE_H

#include <stddef.h>
#include <stdint.h>

#include "ozr/error.h"

/* No bytes: 0. Several calls, each with the result of the one before, make one checksum. */
uint32_t ozr_crc32(uint32_t crc, const void *bytes, size_t n);
/* OZR_CORRUPT unless len bytes of src are one deflate stream of exactly size bytes. */
int ozr_inflate(const void *src, size_t len, void *dst, size_t size,
		struct ozr_err *err) OZR_MUST_CHECK;

#endif
