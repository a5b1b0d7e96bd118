/* SPDX-License-Identifier: MIT */
/*
 * Whether a tile holds one value only, as the tile does that stands for all
 * tiles which are not stored.
 */
#ifndef OZR_TIFF_FILL_CHECK_H
#define OZR_TIFF_FILL_CHECK_H

#include "ozr/context.h"

/* bytes: the tile as it is stored, by OZR_TIFF_NONE or OZR_TIFF_ZSTD, little endian; fill: one
 * element of item bytes in the order of the host. *is: 1 when it is `elements` times this value.
 * OZR_CORRUPT when it cannot be decoded. */
int ozr_tiff_is_fill(struct ozr_ctx *ctx, unsigned compression, unsigned item, uint64_t elements,
		     const unsigned char fill[8], const void *bytes, size_t len, int *is,
		     struct ozr_err *err) OZR_MUST_CHECK;

#endif
