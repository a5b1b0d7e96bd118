/* SPDX-License-Identifier: MIT */
/*
 * Typed getters. All say where the value is, what it must be and what it is:
 * "/chunk_grid/configuration/chunk_shape/1: must be an integer from 1 to
 * 2^63-1, found 0". A missing value is reported at the outermost place that
 * is missing.
 */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json_impl.h"

/* --- messages -------------------------------------------------------------- */

/* The way to r ("/a/0"), cut at the front when it is long. */
static const char *place(char *buf, size_t cap, const struct ozr_jref *r)
{
	char *at = buf + cap - 1;
	*at = 0;
	for (; r->up; r = r->up) {
		char q[OZR_QUOTE_MAX];
		if (r->name)
			ozr_quote(q, r->name, strlen(r->name));
		else
			snprintf(q, sizeof(q), "%zu", r->index);
		size_t n = strlen(q);
		if ((size_t)(at - buf) < n + 1 + 3) {
			at -= 3;
			memcpy(at, "...", 3);
			break;
		}
		at -= n + 1;
		*at = '/';
		memcpy(at + 1, q, n);
	}
	return at;
}

int ozr_jfail(const struct ozr_jref *r, struct ozr_err *err, int code, const char *fmt, ...)
{
	char where[200], what[300];
	va_list args;
	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	const char *p = place(where, sizeof(where), r);
	return ozr_fail(err, code, "%s%s%s", p, *p ? ": " : "", what);
}

static const char *word(const cJSON *item)
{
	if (cJSON_IsBool(item))
		return cJSON_IsTrue(item) ? "true" : "false";
	if (cJSON_IsArray(item))
		return item->child ? "[...]" : "[]";
	if (cJSON_IsObject(item))
		return item->child ? "{...}" : "{}";
	return "null";
}

/* A value in at most OZR_QUOTE_MAX bytes; what is inside a container is left out. */
static void quote_one(char buf[OZR_QUOTE_MAX], const cJSON *item)
{
	char q[OZR_QUOTE_MAX];
	const char *spelling = ozr_json_spelling(item);

	if (spelling)
		ozr_quote(buf, spelling, strlen(spelling));
	else if (cJSON_IsNumber(item))
		snprintf(buf, OZR_QUOTE_MAX, "%.0f", item->valuedouble);
	else if (cJSON_IsString(item))
		snprintf(buf, OZR_QUOTE_MAX, "\"%.97s\"",
			 ozr_quote(q, item->valuestring, strlen(item->valuestring)));
	else
		snprintf(buf, OZR_QUOTE_MAX, "%s", word(item));
}

const char *ozr_jquote(char buf[OZR_QUOTE_MAX], const struct ozr_jref *r)
{
	char one[OZR_QUOTE_MAX];
	size_t n = 1;

	if (!r->v) {
		memcpy(buf, "nothing", 8);
		return buf;
	}
	if (!ozr_jis(r, OZR_JSON_ARRAY)) {
		quote_one(buf, ozr_json_item(r->v));
		return buf;
	}
	buf[0] = '[';
	for (const cJSON *c = ozr_json_item(r->v)->child; c; c = c->next) {
		quote_one(one, c);
		size_t len = strlen(one);
		if (n + len + sizeof(", ...]") > OZR_QUOTE_MAX) {
			memcpy(buf + n, "...", 3);
			n += 3;
			break;
		}
		memcpy(buf + n, one, len);
		n += len;
		if (c->next) {
			memcpy(buf + n, ", ", 2);
			n += 2;
		}
	}
	memcpy(buf + n, "]", 2);
	return buf;
}

/* r is not what it must be. */
static int refuse(const struct ozr_jref *r, const char *must_be, struct ozr_err *err)
{
	char q[OZR_QUOTE_MAX];

	while (!r->v && r->up && !r->up->v)
		r = r->up;
	if (r->v)
		return ozr_jfail(r, err, OZR_BAD_FORMAT, "must be %s, found %s", must_be,
				 ozr_jquote(q, r));
	if (r->up && r->name && !ozr_jis(r->up, OZR_JSON_OBJECT))
		return refuse(r->up, "an object", err);
	return ozr_jfail(r, err, OZR_BAD_FORMAT, "is missing, must be %s", must_be);
}

/* --- types ------------------------------------------------------------------ */

int ozr_jneed(const struct ozr_jref *r, enum ozr_json_type type, struct ozr_err *err)
{
	static const char *const names[] = {
		[OZR_JSON_NULL] = "null",       [OZR_JSON_BOOL] = "true or false",
		[OZR_JSON_NUMBER] = "a number", [OZR_JSON_STRING] = "a string",
		[OZR_JSON_ARRAY] = "an array",  [OZR_JSON_OBJECT] = "an object",
	};
	return ozr_jis(r, type) ? OZR_OK : refuse(r, names[type], err);
}

int ozr_jbool(const struct ozr_jref *r, int *out, struct ozr_err *err)
{
	int code = ozr_jneed(r, OZR_JSON_BOOL, err);
	if (!code)
		*out = cJSON_IsTrue(ozr_json_item(r->v));
	return code;
}

int ozr_jstring(const struct ozr_jref *r, const char **out, struct ozr_err *err)
{
	int code = ozr_jneed(r, OZR_JSON_STRING, err);
	if (!code)
		*out = ozr_json_item(r->v)->valuestring;
	return code;
}

/* --- numbers ---------------------------------------------------------------- */

static double value_of(const cJSON *item)
{
	const char *spelling = ozr_json_spelling(item);
	return spelling ? ozr_number_read(spelling) : item->valuedouble;
}

/* Sign and size of an integer, exact to 2^64-1; 0 when it is not one. 1.0 and 1e3 are
 * integers as far as a double tells them exactly. */
static int read_integer(const cJSON *item, int *minus, uint64_t *size)
{
	const char *s = ozr_json_spelling(item);

	if (s && s[strspn(s, "-0123456789")] == 0) {
		uint64_t v = 0;
		*minus = *s == '-';
		for (s += *minus; *s; s++)
			if (__builtin_mul_overflow(v, 10u, &v) ||
			    __builtin_add_overflow(v, (unsigned)(*s - '0'), &v))
				return 0;
		*size = v;
		return 1;
	}
	double d = value_of(item);
	if (!(fabs(d) <= OZR_JSON_EXACT) || d != floor(d))
		return 0;
	*minus = d < 0;
	*size = (uint64_t)fabs(d);
	return 1;
}

/* A bound in words that people know. */
static const char *bound(char buf[32], int minus, uint64_t v)
{
	const char *sign = minus ? "-" : "";
	if (v == UINT64_MAX)
		snprintf(buf, 32, "%s2^64-1", sign);
	else if (v >= UINT64_C(1) << 63)
		snprintf(buf, 32, "%s2^63", sign);
	else if (v == INT64_MAX)
		snprintf(buf, 32, "%s2^63-1", sign);
	else
		snprintf(buf, 32, "%s%" PRIu64, sign, v);
	return buf;
}

static int refuse_range(const struct ozr_jref *r, const char *min, const char *max,
			struct ozr_err *err)
{
	char must_be[100];
	if (strcmp(min, max) == 0)
		snprintf(must_be, sizeof(must_be), "the integer %s", min);
	else
		snprintf(must_be, sizeof(must_be), "an integer from %s to %s", min, max);
	return refuse(r, must_be, err);
}

int ozr_ju64(const struct ozr_jref *r, uint64_t min, uint64_t max, uint64_t *out,
	     struct ozr_err *err)
{
	char a[32], b[32];
	uint64_t v;
	int minus;

	if (ozr_jis(r, OZR_JSON_NUMBER) && read_integer(ozr_json_item(r->v), &minus, &v) &&
	    !(minus && v) && v >= min && v <= max) {
		*out = v;
		return OZR_OK;
	}
	return refuse_range(r, bound(a, 0, min), bound(b, 0, max), err);
}

static uint64_t size_of(int64_t v)
{
	return v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
}

int ozr_ji64(const struct ozr_jref *r, int64_t min, int64_t max, int64_t *out, struct ozr_err *err)
{
	char a[32], b[32];
	uint64_t size;
	int minus;

	if (ozr_jis(r, OZR_JSON_NUMBER) && read_integer(ozr_json_item(r->v), &minus, &size) &&
	    size <= (uint64_t)INT64_MAX + (unsigned)minus) {
		int64_t v = minus ? (int64_t)(0 - size) : (int64_t)size;
		if (v >= min && v <= max) {
			*out = v;
			return OZR_OK;
		}
	}
	return refuse_range(r, bound(a, min < 0, size_of(min)), bound(b, max < 0, size_of(max)),
			    err);
}

int ozr_jdouble(const struct ozr_jref *r, double *out, struct ozr_err *err)
{
	double v = NAN;
	if (ozr_jis(r, OZR_JSON_NUMBER))
		v = value_of(ozr_json_item(r->v));
	if (!isfinite(v))
		return refuse(r, "a finite number", err);
	*out = v;
	return OZR_OK;
}

int ozr_ju64_list(const struct ozr_jref *r, uint64_t min, uint64_t max, unsigned max_n, unsigned *n,
		  uint64_t *out, struct ozr_err *err)
{
	struct ozr_jref it;
	char q[OZR_QUOTE_MAX];
	int code = ozr_jneed(r, OZR_JSON_ARRAY, err);
	size_t count = code ? 0 : ozr_jcount(r);
	uint64_t v;

	if (!code && (count > max_n || (!n && count != max_n)))
		code = ozr_jfail(r, err, OZR_BAD_FORMAT, "must have %s%u elements, found %zu: %s",
				 n ? "at most " : "", max_n, count, ozr_jquote(q, r));
	/* First all are checked: on failure out is untouched. */
	for (int more = !code && ozr_jfirst(r, &it); more && !code; more = ozr_jnext(&it))
		code = ozr_ju64(&it, min, max, &v, err);
	if (code)
		return code;
	for (int more = ozr_jfirst(r, &it); more && !code; more = ozr_jnext(&it))
		code = ozr_ju64(&it, min, max, &out[it.index], err);
	if (n)
		*n = (unsigned)count;
	return code;
}
