/* SPDX-License-Identifier: MIT */
/*
 * Fill values: parsing, writing, spreading over memory and finding again.
 *
 * Floats may be numbers, "NaN", "Infinity", "-Infinity" or, in v3, the bits as
 * "0x7fc00001"; "NaN" is the quiet NaN with an empty payload, any other NaN is
 * written as bits (v2 has no way to say those, and gets "NaN").
 */
#include "array/dtype.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t nan32 = 0x7fc00000u;
static const uint64_t nan64 = 0x7ff8000000000000u;

/* What an integer type can hold; uint64 is handled on its own. */
static int int_range(enum ozr_dtype t, int64_t *min, int64_t *max)
{
	switch (t) {
	case OZR_BOOL:
		*min = 0, *max = 1;
		return 1;
	case OZR_INT8:
		*min = INT8_MIN, *max = INT8_MAX;
		return 1;
	case OZR_UINT8:
		*min = 0, *max = UINT8_MAX;
		return 1;
	case OZR_INT16:
		*min = INT16_MIN, *max = INT16_MAX;
		return 1;
	case OZR_UINT16:
		*min = 0, *max = UINT16_MAX;
		return 1;
	case OZR_INT32:
		*min = INT32_MIN, *max = INT32_MAX;
		return 1;
	case OZR_UINT32:
		*min = 0, *max = UINT32_MAX;
		return 1;
	case OZR_INT64:
		*min = INT64_MIN, *max = INT64_MAX;
		return 1;
	default:
		return 0;
	}
}

static void store_int(unsigned char fill[8], enum ozr_dtype t, uint64_t v)
{
	uint8_t b1 = (uint8_t)v;
	uint16_t b2 = (uint16_t)v;
	uint32_t b4 = (uint32_t)v;

	switch (ozr_dtype_size(t)) {
	case 1:
		memcpy(fill, &b1, 1);
		break;
	case 2:
		memcpy(fill, &b2, 2);
		break;
	case 4:
		memcpy(fill, &b4, 4);
		break;
	default:
		memcpy(fill, &v, 8);
	}
}

static int parse_int(const struct ozr_jref *r, enum ozr_dtype t, unsigned char fill[8],
		     struct ozr_err *err)
{
	int64_t min, max, v = 0;
	uint64_t u = 0;
	int rc, truth;

	if (ozr_jis(r, OZR_JSON_BOOL)) {
		rc = ozr_jbool(r, &truth, err);
		u = (uint64_t)truth;
	} else if (int_range(t, &min, &max)) {
		rc = ozr_ji64(r, min, max, &v, err);
		u = (uint64_t)v;
	} else {
		rc = ozr_ju64(r, 0, UINT64_MAX, &u, err);
	}
	if (rc)
		return rc;
	store_int(fill, t, u);
	return OZR_OK;
}

static void store_double(unsigned char fill[8], enum ozr_dtype t, double v)
{
	float f = (float)v;

	if (t == OZR_FLOAT32)
		memcpy(fill, &f, 4);
	else
		memcpy(fill, &v, 8);
}

/* "0x7fc00001": all the bits, most significant first. */
static int parse_hex(const struct ozr_jref *r, enum ozr_dtype t, const char *s,
		     unsigned char fill[8], struct ozr_err *err)
{
	size_t digits = 2 * (size_t)ozr_dtype_size(t);

	if (strlen(s) != 2 + digits || strspn(s + 2, "0123456789abcdefABCDEF") != digits)
		return ozr_jfail(r, err, OZR_BAD_FORMAT,
				 "must have %zu hexadecimal digits behind 0x for %s", digits,
				 ozr_dtype_name(t));
	store_int(fill, t, strtoull(s + 2, NULL, 16));
	return OZR_OK;
}

static int parse_float_text(const struct ozr_jref *r, enum ozr_dtype t, int zarr_format,
			    unsigned char fill[8], struct ozr_err *err)
{
	char q[OZR_QUOTE_MAX];
	const char *s;
	int rc = ozr_jstring(r, &s, err);

	if (rc)
		return rc;
	if (strcmp(s, "NaN") == 0)
		store_int(fill, t, t == OZR_FLOAT32 ? nan32 : nan64);
	else if (strcmp(s, "Infinity") == 0)
		store_double(fill, t, (double)INFINITY);
	else if (strcmp(s, "-Infinity") == 0)
		store_double(fill, t, -(double)INFINITY);
	else if (zarr_format == 3 && strncmp(s, "0x", 2) == 0)
		return parse_hex(r, t, s, fill, err);
	else
		return ozr_jfail(r, err, OZR_BAD_FORMAT,
				 "must be a number, \"NaN\", \"Infinity\" or \"-Infinity\", "
				 "found %s",
				 ozr_jquote(q, r));
	return OZR_OK;
}

int ozr_fill_parse(const struct ozr_jref *r, enum ozr_dtype t, int zarr_format,
		   unsigned char fill[8], struct ozr_err *err)
{
	unsigned char out[8] = {0};
	double v;
	int rc = OZR_OK;

	if (ozr_jtype(r) == OZR_JSON_NULL) {
		if (zarr_format == 3)
			rc = ozr_jfail(r, err, OZR_BAD_FORMAT,
				       r->v ? "must not be null" : "is missing");
	} else if (t != OZR_FLOAT32 && t != OZR_FLOAT64) {
		rc = parse_int(r, t, out, err);
	} else if (ozr_jis(r, OZR_JSON_STRING)) {
		rc = parse_float_text(r, t, zarr_format, out, err);
	} else {
		rc = ozr_jdouble(r, &v, err);
		if (rc == OZR_OK)
			store_double(out, t, v);
	}
	if (rc == OZR_OK)
		memcpy(fill, out, 8);
	return rc;
}

static struct ozr_json *float_json(uint64_t bits, double v, enum ozr_dtype t, int zarr_format)
{
	char hex[20];

	if (!isnan(v)) {
		if (isinf(v))
			return ozr_json_text(v > 0 ? "Infinity" : "-Infinity");
		return ozr_json_number(v);
	}
	if (zarr_format == 2 || bits == (t == OZR_FLOAT32 ? nan32 : nan64))
		return ozr_json_text("NaN");
	snprintf(hex, sizeof(hex), "0x%0*" PRIx64, (int)(2 * ozr_dtype_size(t)), bits);
	return ozr_json_text(hex);
}

static uint64_t load_bits(const unsigned char *fill, unsigned size)
{
	uint16_t b2;
	uint32_t b4;
	uint64_t b8;

	switch (size) {
	case 1:
		return fill[0];
	case 2:
		memcpy(&b2, fill, 2);
		return b2;
	case 4:
		memcpy(&b4, fill, 4);
		return b4;
	default:
		memcpy(&b8, fill, 8);
		return b8;
	}
}

struct ozr_json *ozr_fill_json(const unsigned char *fill, enum ozr_dtype t, int zarr_format)
{
	uint64_t bits = load_bits(fill, ozr_dtype_size(t));
	float f;
	double d;

	switch (t) {
	case OZR_BOOL:
		return ozr_json_bool(bits != 0);
	case OZR_INT8:
		return ozr_json_i64((int8_t)bits);
	case OZR_INT16:
		return ozr_json_i64((int16_t)bits);
	case OZR_INT32:
		return ozr_json_i64((int32_t)bits);
	case OZR_INT64:
		return ozr_json_i64((int64_t)bits);
	case OZR_FLOAT32:
		memcpy(&f, fill, 4);
		return float_json(bits, (double)f, t, zarr_format);
	case OZR_FLOAT64:
		memcpy(&d, fill, 8);
		return float_json(bits, d, t, zarr_format);
	default:
		return ozr_json_u64(bits);
	}
}

void ozr_fill_memory(void *dst, const unsigned char *fill, unsigned item, size_t n)
{
	char *p = dst;
	size_t total = n * item, done = item;

	if (n == 0)
		return;
	if (ozr_fill_only(fill, (const unsigned char[8]){0}, 1, item)) {
		memset(p, 0, total);
		return;
	}
	/* doubling copies up to a size that stays in the first cache */
	memcpy(p, fill, item);
	while (done < total) {
		size_t step = done < 4096 ? done : 4096;
		if (step > total - done)
			step = total - done;
		memcpy(p + done, p, step);
		done += step;
	}
}

int ozr_fill_only(const void *p, const unsigned char *fill, unsigned item, size_t n)
{
	const char *s = p;
	size_t total = n * item;

	/* every element equals the one before it */
	return n == 0 || (memcmp(s, fill, item) == 0 && memcmp(s, s + item, total - item) == 0);
}
