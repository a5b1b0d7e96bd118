/* SPDX-License-Identifier: MIT */
/*
 * Data types and fill values as the two formats spell them. Pure functions
 * over parsed JSON: no I/O, any thread.
 */
#ifndef OZR_ARRAY_DTYPE_H
#define OZR_ARRAY_DTYPE_H

#include "base/json.h"
#include "ozr/array.h"

/* "uint16", or an object with that name. Others are OZR_UNSUPPORTED with the type. */
int ozr_dtype_from_v3(const struct ozr_jref *r, enum ozr_dtype *out,
		      struct ozr_err *err) OZR_MUST_CHECK;
/* "<u2" and the like. */
int ozr_dtype_from_v2(const struct ozr_jref *r, enum ozr_dtype *out, int *big_endian,
		      struct ozr_err *err) OZR_MUST_CHECK;
const char *ozr_dtype_v2_name(enum ozr_dtype t); /* little endian: "<u2" */

/* A fill value into fill[8] (host byte order, unused bytes zero). null is zero, which
 * only v2 may say; hexadecimal strings are v3's. */
int ozr_fill_parse(const struct ozr_jref *r, enum ozr_dtype t, int zarr_format,
		   unsigned char fill[8], struct ozr_err *err) OZR_MUST_CHECK;
/* The JSON that parses back to the same bits; NULL when out of memory. */
struct ozr_json *ozr_fill_json(const unsigned char *fill, enum ozr_dtype t, int zarr_format);

/* n elements of fill at dst. */
void ozr_fill_memory(void *dst, const unsigned char *fill, unsigned item, size_t n);
/* 1 when all n elements at p have the bits of fill. */
int ozr_fill_only(const void *p, const unsigned char *fill, unsigned item, size_t n);

#endif
