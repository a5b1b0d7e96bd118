/* SPDX-License-Identifier: MIT */
/*
 * The table of data types and how Zarr v2 ("<u2") and v3 ("uint16") name them.
 */
#include "array/dtype.h"

#include <string.h>

static const struct {
	const char *v3, *v2;
	unsigned size;
} types[OZR_DTYPES] = {
	[OZR_BOOL] = {"bool", "|b1", 1},       [OZR_INT8] = {"int8", "|i1", 1},
	[OZR_UINT8] = {"uint8", "|u1", 1},     [OZR_INT16] = {"int16", "<i2", 2},
	[OZR_UINT16] = {"uint16", "<u2", 2},   [OZR_INT32] = {"int32", "<i4", 4},
	[OZR_UINT32] = {"uint32", "<u4", 4},   [OZR_INT64] = {"int64", "<i8", 8},
	[OZR_UINT64] = {"uint64", "<u8", 8},   [OZR_FLOAT32] = {"float32", "<f4", 4},
	[OZR_FLOAT64] = {"float64", "<f8", 8},
};

unsigned ozr_dtype_size(enum ozr_dtype t)
{
	return (unsigned)t < OZR_DTYPES ? types[t].size : 0;
}

const char *ozr_dtype_name(enum ozr_dtype t)
{
	return (unsigned)t < OZR_DTYPES ? types[t].v3 : "?";
}

const char *ozr_dtype_v2_name(enum ozr_dtype t)
{
	return types[t].v2;
}

static int unsupported(const struct ozr_jref *r, struct ozr_err *err)
{
	char q[OZR_QUOTE_MAX];

	return ozr_jfail(r, err, OZR_UNSUPPORTED, "data type %s is not supported",
			 ozr_jquote(q, r));
}

int ozr_dtype_from_v3(const struct ozr_jref *r, enum ozr_dtype *out, struct ozr_err *err)
{
	struct ozr_jref name = *r;
	const char *s;

	if (ozr_jis(r, OZR_JSON_OBJECT))
		name = ozr_jget(r, "name");
	int rc = ozr_jstring(&name, &s, err);
	if (rc)
		return rc;
	for (unsigned t = 0; t < OZR_DTYPES; t++) {
		if (strcmp(s, types[t].v3) == 0) {
			*out = (enum ozr_dtype)t;
			return OZR_OK;
		}
	}
	return unsupported(r, err);
}

int ozr_dtype_from_v2(const struct ozr_jref *r, enum ozr_dtype *out, int *big_endian,
		      struct ozr_err *err)
{
	const char *s;

	if (ozr_jis(r, OZR_JSON_ARRAY)) /* a structured type: valid, not ours */
		return unsupported(r, err);
	int rc = ozr_jstring(r, &s, err);
	if (rc)
		return rc;
	if (strlen(s) != 3 || !strchr("<>|", s[0]))
		return unsupported(r, err);
	for (unsigned t = 0; t < OZR_DTYPES; t++) {
		/* '|' says that there is no byte order: only for single bytes */
		if (strcmp(s + 1, types[t].v2 + 1) == 0 && (s[0] != '|' || types[t].size == 1)) {
			*out = (enum ozr_dtype)t;
			*big_endian = s[0] == '>' && types[t].size > 1;
			return OZR_OK;
		}
	}
	return unsupported(r, err);
}
