/* SPDX-License-Identifier: MIT */
/*
 * Strict JSON over cJSON.
 *
 * json_scan.c checks a document before cJSON sees it: RFC 8259 grammar, UTF-8,
 * no U+0000, depth, size, node count, no duplicate members; and it rewrites
 * all numbers but plain integers up to 2^53 and, with OZR_JSON_PYTHON, bare
 * NaN and Infinity into tagged strings, so that ozr_json_print() gives every
 * number back as it was spelled.
 *
 * A place (struct ozr_jref) is a value and the way to it, kept on the caller's
 * stack, so that getters can say where they are:
 *   /chunk_grid/configuration/chunk_shape/1: must be an integer from 1 to ..., found 0
 * All getters return OZR_BAD_FORMAT with such a message on a wrong type or range.
 *
 * Threads: a parsed document may be read from many threads.
 */
#ifndef OZR_BASE_JSON_H
#define OZR_BASE_JSON_H

#include "base/mem.h"

struct ozr_json; /* a value and what is below it (a cJSON item) */

enum ozr_json_flags { OZR_JSON_PYTHON = 1 /* NaN, Infinity, -Infinity: written by Python in v2 */ };

int ozr_json_parse(struct ozr_ctx *ctx, const char *text, size_t len, unsigned flags,
		   struct ozr_json **out, struct ozr_err *err) OZR_MUST_CHECK;
void ozr_json_free(struct ozr_json *v); /* NULL is fine */
/* Text, with a NUL; take (ozr_text_free). pretty: two-space indentation, short arrays of
 * numbers on one line, final newline. */
int ozr_json_print(struct ozr_ctx *ctx, const struct ozr_json *v, int pretty, char **text,
		   size_t *len, struct ozr_err *err) OZR_MUST_CHECK;

/* --- reading ---------------------------------------------------------- */

enum ozr_json_type {
	OZR_JSON_NULL,
	OZR_JSON_BOOL,
	OZR_JSON_NUMBER,
	OZR_JSON_STRING,
	OZR_JSON_ARRAY,
	OZR_JSON_OBJECT
};

struct ozr_jref {
	const struct ozr_json *v;  /* NULL: not there */
	const struct ozr_jref *up; /* NULL at the root */
	const char *name;          /* member name, or NULL: element number index */
	size_t index;
};

struct ozr_jref ozr_jroot(const struct ozr_json *doc);
/* obj's member; .v is NULL when obj is not an object or has no such member. */
struct ozr_jref ozr_jget(const struct ozr_jref *obj, const char *name);
enum ozr_json_type ozr_jtype(const struct ozr_jref *r); /* a missing value is OZR_JSON_NULL; bare
							  * NaN and Infinity are numbers */
int ozr_jis(const struct ozr_jref *r, enum ozr_json_type type); /* there, and of this type */
size_t ozr_jcount(const struct ozr_jref *r); /* members or elements; 0 for others */
/* Loop over members or elements: "struct ozr_jref it; int more; for (more = ozr_jfirst(&r, &it);
 * more; more = ozr_jnext(&it))". it.name is the member's name in objects. */
int ozr_jfirst(const struct ozr_jref *container, struct ozr_jref *it);
int ozr_jnext(struct ozr_jref *it);

int ozr_jneed(const struct ozr_jref *r, enum ozr_json_type type,
	      struct ozr_err *err) OZR_MUST_CHECK;
int ozr_ju64(const struct ozr_jref *r, uint64_t min, uint64_t max, uint64_t *out,
	     struct ozr_err *err) OZR_MUST_CHECK;
int ozr_ji64(const struct ozr_jref *r, int64_t min, int64_t max, int64_t *out,
	     struct ozr_err *err) OZR_MUST_CHECK;
int ozr_jdouble(const struct ozr_jref *r, double *out,
		struct ozr_err *err) OZR_MUST_CHECK; /* finite */
int ozr_jbool(const struct ozr_jref *r, int *out, struct ozr_err *err) OZR_MUST_CHECK;
/* Borrowed, NUL-terminated. */
int ozr_jstring(const struct ozr_jref *r, const char **out, struct ozr_err *err) OZR_MUST_CHECK;
/* An array of integers: of at most max_n, their number in *n; or, with n NULL, of exactly max_n. */
int ozr_ju64_list(const struct ozr_jref *r, uint64_t min, uint64_t max, unsigned max_n, unsigned *n,
		  uint64_t *out, struct ozr_err *err) OZR_MUST_CHECK;
/* Fail with the place in front: "/a/b/0: " + message. code as given. */
int ozr_jfail(const struct ozr_jref *r, struct ozr_err *err, int code, const char *fmt, ...)
	OZR_PRINTF(4, 5);
/* The value as short text for messages ("[1, 2, ..."), cut. */
const char *ozr_jquote(char buf[OZR_QUOTE_MAX], const struct ozr_jref *r);

/* --- building: NULL when out of memory; NULL containers are passed through,
 * so that the results of a chain of calls can be or-ed and checked once ---- */

struct ozr_json *ozr_json_object(void);
struct ozr_json *ozr_json_array(void);
struct ozr_json *ozr_json_number(double v); /* text that reads back equal; NaN, infinity: null */
struct ozr_json *ozr_json_u64(uint64_t v);  /* exact */
struct ozr_json *ozr_json_i64(int64_t v);   /* exact */
struct ozr_json *ozr_json_text(const char *s);
struct ozr_json *ozr_json_bool(int v);
struct ozr_json *ozr_json_null(void);
/* Add or replace; take v (freed on failure). Returns 0, or -1 when anything is NULL or
 * memory is out. */
int ozr_json_set(struct ozr_json *obj, const char *name, struct ozr_json *v);
int ozr_json_append(struct ozr_json *array, struct ozr_json *v);
int ozr_json_set_text(struct ozr_json *obj, const char *name, const char *s);
int ozr_json_set_u64s(struct ozr_json *obj, const char *name, const uint64_t *v, unsigned n);
int ozr_json_set_doubles(struct ozr_json *obj, const char *name, const double *v, unsigned n);
void ozr_json_remove(struct ozr_json *obj, const char *name);
/* Borrowed child of a document under construction, or NULL. */
struct ozr_json *ozr_json_child(struct ozr_json *obj, const char *name);
struct ozr_json *ozr_json_element(struct ozr_json *array, size_t index);
/* NULL with err filled when memory is out. */
struct ozr_json *ozr_json_copy(struct ozr_ctx *ctx, const struct ozr_json *v, struct ozr_err *err);
/* Members of `from` (an object) put into `into`; null members delete. */
int ozr_json_merge(struct ozr_ctx *ctx, struct ozr_json *into, const struct ozr_json *from,
		   struct ozr_err *err) OZR_MUST_CHECK;

#endif
