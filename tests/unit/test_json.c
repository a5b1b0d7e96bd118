/* SPDX-License-Identifier: MIT */
/*
 * JSON that is right: values come out of print as they were spelled, getters
 * are exact to 64 bits and say where a value is wrong, documents are built,
 * merged and copied, the host's locale changes nothing, and failing
 * allocations leave nothing behind.
 */
#include <cjson/cJSON.h>
#include <float.h>
#include <locale.h>
#include <math.h>

#include "base/json.h"
#include "support/check.h"
#include "support/fault.h"

static struct ozr_ctx *ctx;

static struct ozr_json *parse(const char *text)
{
	struct ozr_json *doc = NULL;
	struct ozr_err err;
	CHECK_OK(ozr_json_parse(ctx, text, strlen(text), OZR_JSON_PYTHON, &doc, &err));
	return doc;
}

static void expect_text(const struct ozr_json *doc, int pretty, const char *want)
{
	struct ozr_err err;
	char *text;
	size_t len;
	CHECK_OK(ozr_json_print(ctx, doc, pretty, &text, &len, &err));
	if (strcmp(text, want) != 0)
		fprintf(stderr, "printed: %s\nwanted:  %s\n", text, want);
	CHECK(strcmp(text, want) == 0 && len == strlen(want));
	ozr_text_free(text);
}

/* --- text in, the same text out ---------------------------------------------- */

static void test_spelling(void)
{
	static const char *const same[] = {
		"null",
		"[true,false,null]",
		"{\"b\":1,\"a\":2,\"B\":3}",
		"[0,-0,-1,1.0,1.50,-0.0,1e5,1E5,1e+05,1E-400,1e400]",
		"[9007199254740991,9007199254740992,9007199254740993,-9007199254740993]",
		"[18446744073709551615,18446744073709551616,-9223372036854775808]",
		"[999999999999999,1000000000000000,100000000000000000000,1000000]",
		"[0.1,0.30000000000000004,3.141592653589793238462643383279]",
		"[NaN,Infinity,-Infinity]",
		"{\"\":{\"\":[]},\"x\":{}}",
		"\"caf\xc3\xa9 \xf0\x9f\x98\x80 \\\" \\\\ / \\n\\r\\t\\b\\f \\u0001\\u001f \x7f\"",
	};
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		struct ozr_json *doc = parse(same[i]), *copy;
		struct ozr_err err;
		expect_text(doc, 0, same[i]);
		copy = ozr_json_copy(ctx, doc, &err);
		ozr_json_free(doc);
		expect_text(copy, 0, same[i]);
		ozr_json_free(copy);
	}
	struct ozr_json *doc = parse(" [ \"\\u00e9\\/\\ud83d\\ude00\" , 1 ] ");
	expect_text(doc, 0, "[\"\xc3\xa9/\xf0\x9f\x98\x80\",1]");
	ozr_json_free(doc);
}

static void test_pretty(void)
{
	struct ozr_json *doc = parse("{\"shape\":[1,2,3],\"empty\":[],\"o\":{},\"s\":[\"a\",null],"
				     "\"n\":[[1,2],{\"x\":[]}],\"long\":["
				     "1111111111,2222222222,3333333333,4444444444,5555555555,"
				     "6666666666,7777777777,8888888888,9999999999]}");
	expect_text(doc, 1,
		    "{\n"
		    "  \"shape\": [1, 2, 3],\n"
		    "  \"empty\": [],\n"
		    "  \"o\": {},\n"
		    "  \"s\": [\"a\", null],\n"
		    "  \"n\": [\n"
		    "    [1, 2],\n"
		    "    {\n"
		    "      \"x\": []\n"
		    "    }\n"
		    "  ],\n"
		    "  \"long\": [\n"
		    "    1111111111,\n    2222222222,\n    3333333333,\n    4444444444,\n"
		    "    5555555555,\n    6666666666,\n    7777777777,\n    8888888888,\n"
		    "    9999999999\n"
		    "  ]\n"
		    "}\n");
	ozr_json_free(doc);
}

/* A random document as text, by a writer that is not the library's. */
static size_t random_text(char *out, uint64_t *random, int depth)
{
	static const char *const scalars[] = {
		"0",
		"-17",
		"1.25",
		"true",
		"null",
		"\"\"",
		"\"x\\ny\"",
		"18446744073709551615",
		"\"\xe2\x82\xac\"",
		"1e-7",
		"9007199254740993",
		"\"{[,:\"",
	};
	unsigned kind = (unsigned)(next_random(random) % (depth > 0 ? 4 : 2));
	size_t n = 0;
	if (kind < 2)
		return (size_t)sprintf(out, "%s", scalars[next_random(random) % 12]);
	unsigned count = (unsigned)(next_random(random) % 6);
	n += (size_t)sprintf(out + n, "%c", kind == 2 ? '[' : '{');
	for (unsigned i = 0; i < count; i++) {
		n += (size_t)sprintf(out + n, "%s", i ? "," : "");
		if (kind == 3)
			n += (size_t)sprintf(out + n, "\"k%u\":", i);
		n += random_text(out + n, random, depth - 1);
	}
	return n + (size_t)sprintf(out + n, "%c", kind == 2 ? ']' : '}');
}

static void test_random(void)
{
	static char text[1 << 18];
	uint64_t random = 11;
	for (int i = 0; i < 2000; i++) {
		struct ozr_err err;
		char *pretty;
		random_text(text, &random, 6);
		struct ozr_json *doc = parse(text), *again;
		expect_text(doc, 0, text);
		CHECK_OK(ozr_json_print(ctx, doc, 1, &pretty, NULL, &err));
		again = parse(pretty);
		expect_text(again, 0, text);
		ozr_text_free(pretty);
		ozr_json_free(doc);
		ozr_json_free(again);
	}
}

/* Numbers made by us read back equal, and not longer than need be. */
static void test_doubles(void)
{
	static const double some[] = {0.1,
				      1.0 / 3,
				      1e300,
				      5e-324,
				      DBL_MAX,
				      DBL_MIN,
				      123456.789,
				      1e22,
				      1e15,
				      1e16,
				      0.5,
				      1e-5,
				      9007199254740994.0,
				      -2.5,
				      -1e-300,
				      0.325,
				      26.0,
				      4096,
				      0.65};
	uint64_t random = 4;
	for (int i = 0; i < 20000; i++) {
		double v;
		uint64_t bits = next_random(&random);
		memcpy(&v, &bits, 8);
		if (i < (int)(sizeof(some) / sizeof(some[0])))
			v = some[i];
		if (!isfinite(v))
			continue;
		struct ozr_json *n = ozr_json_number(v);
		struct ozr_err err;
		char *text, shorter[40];
		CHECK_OK(ozr_json_print(ctx, n, 0, &text, NULL, &err));
		CHECK(strtod(text, NULL) == v);
		snprintf(shorter, sizeof(shorter), "%.15g", v);
		if (v != floor(v) || fabs(v) > 1e16) /* whole numbers are written out */
			CHECK(strtod(shorter, NULL) != v || strcmp(text, shorter) == 0);
		struct ozr_json *back = parse(text);
		struct ozr_jref r = ozr_jroot(back);
		double again = 0;
		CHECK_OK(ozr_jdouble(&r, &again, &err));
		CHECK(again == v);
		ozr_text_free(text);
		ozr_json_free(n);
		ozr_json_free(back);
	}
	struct ozr_json *minus_zero = ozr_json_number(-0.0), *nan = ozr_json_number(NAN);
	expect_text(minus_zero, 0, "-0.0");
	expect_text(nan, 0, "null");
	ozr_json_free(minus_zero);
	ozr_json_free(nan);
}

/* --- getters ------------------------------------------------------------------ */

static void test_exact_integers(void)
{
	static const struct {
		const char *text;
		int fits_u64, fits_i64;
		uint64_t u;
		int64_t i;
	} table[] = {
		{"0", 1, 1, 0, 0},
		{"-0", 1, 1, 0, 0},
		{"-0.0", 1, 1, 0, 0},
		{"1.0", 1, 1, 1, 1},
		{"1e3", 1, 1, 1000, 1000},
		{"-5E0", 0, 1, 0, -5},
		{"9007199254740991", 1, 1, 9007199254740991u, 9007199254740991},
		{"9007199254740993", 1, 1, 9007199254740993u, 9007199254740993},
		{"-9007199254740993", 0, 1, 0, -9007199254740993},
		{"9223372036854775807", 1, 1, INT64_MAX, INT64_MAX},
		{"9223372036854775808", 1, 0, (uint64_t)INT64_MAX + 1, 0},
		{"-9223372036854775808", 0, 1, 0, INT64_MIN},
		{"-9223372036854775809", 0, 0, 0, 0},
		{"18446744073709551615", 1, 0, UINT64_MAX, 0},
		{"18446744073709551616", 0, 0, 0, 0},
		{"184467440737095516150", 0, 0, 0, 0},
		{"1.5", 0, 0, 0, 0},
		{"1e400", 0, 0, 0, 0},
		{"1e18", 0, 0, 0, 0}, /* beyond 2^53 only digits are exact */
		{"NaN", 0, 0, 0, 0},
		{"\"1\"", 0, 0, 0, 0},
		{"true", 0, 0, 0, 0},
		{"[1]", 0, 0, 0, 0},
	};
	for (size_t k = 0; k < sizeof(table) / sizeof(table[0]); k++) {
		struct ozr_json *doc = parse(table[k].text);
		struct ozr_jref r = ozr_jroot(doc);
		struct ozr_err err;
		uint64_t u = 77;
		int64_t i = 77;
		CHECK_CODE(table[k].fits_u64 ? OZR_OK : OZR_BAD_FORMAT,
			   ozr_ju64(&r, 0, UINT64_MAX, &u, &err));
		CHECK(u == (table[k].fits_u64 ? table[k].u : 77));
		CHECK_CODE(table[k].fits_i64 ? OZR_OK : OZR_BAD_FORMAT,
			   ozr_ji64(&r, INT64_MIN, INT64_MAX, &i, &err));
		CHECK(i == (table[k].fits_i64 ? table[k].i : 77));
		ozr_json_free(doc);
	}
	/* And back. */
	struct ozr_json *a = ozr_json_array();
	static const int64_t is[] = {
		0, -1, INT64_MIN, INT64_MAX, -9007199254740992, -9007199254740993};
	static const uint64_t us[] = {UINT64_MAX, 9007199254740992u, 9007199254740993u};
	for (size_t k = 0; k < 6; k++)
		CHECK(!ozr_json_append(a, ozr_json_i64(is[k])));
	for (size_t k = 0; k < 3; k++)
		CHECK(!ozr_json_append(a, ozr_json_u64(us[k])));
	expect_text(a, 0,
		    "[0,-1,-9223372036854775808,9223372036854775807,-9007199254740992,"
		    "-9007199254740993,18446744073709551615,9007199254740992,9007199254740993]");
	ozr_json_free(a);
}

static void expect_error(int code, const struct ozr_err *err, const char *want)
{
	if (strcmp(err->msg, want) != 0)
		fprintf(stderr, "said:   %s\nwanted: %s\n", err->msg, want);
	CHECK(code == OZR_BAD_FORMAT && err->code == code && strcmp(err->msg, want) == 0);
}

static void test_places(void)
{
	struct ozr_json *doc =
		parse("{\"a\":{\"list\":[1,0,3],\"s\":\"x\\ny\",\"d\":1e400,"
		      "\"deep\":[[{\"t\":true}]]},\"n\":5,\"shape\":[4,5,6],"
		      "\"bad\":[1,2.5,[2],\"abcdefghijklmnopqrstuvwxyz\","
		      "\"abcdefghijklmnopqrstuvwxyz\",\"abcdefghijklmnopqrstuvwxyz\"]}");
	struct ozr_jref root = ozr_jroot(doc), a = ozr_jget(&root, "a"), it;
	struct ozr_jref list = ozr_jget(&a, "list"), s = ozr_jget(&a, "s"), d = ozr_jget(&a, "d");
	struct ozr_jref n = ozr_jget(&root, "n"), below = ozr_jget(&n, "x");
	struct ozr_jref none = ozr_jget(&root, "none"), none2 = ozr_jget(&none, "more");
	struct ozr_jref shape = ozr_jget(&root, "shape"), bad = ozr_jget(&root, "bad");
	struct ozr_err err;
	uint64_t v[4] = {9, 9, 9, 9};
	int64_t i;
	double x;
	unsigned count = 7;
	const char *text;
	int yes;

	expect_error(ozr_ju64_list(&list, 1, INT64_MAX, 4, &count, v, &err), &err,
		     "/a/list/1: must be an integer from 1 to 2^63-1, found 0");
	CHECK(v[0] == 9 && count == 7);
	expect_error(ozr_jdouble(&d, &x, &err), &err, "/a/d: must be a finite number, found 1e400");
	expect_error(ozr_jneed(&s, OZR_JSON_OBJECT, &err), &err,
		     "/a/s: must be an object, found \"x\\x0ay\"");
	expect_error(ozr_ju64(&n, 6, UINT64_MAX, v, &err), &err,
		     "/n: must be an integer from 6 to 2^64-1, found 5");
	expect_error(ozr_ju64(&n, 3, 3, v, &err), &err, "/n: must be the integer 3, found 5");
	expect_error(ozr_ji64(&n, INT64_MIN, -2, &i, &err), &err,
		     "/n: must be an integer from -2^63 to -2, found 5");
	expect_error(ozr_jstring(&none, &text, &err), &err, "/none: is missing, must be a string");
	expect_error(ozr_jbool(&none2, &yes, &err), &err,
		     "/none: is missing, must be true or false");
	expect_error(ozr_jbool(&below, &yes, &err), &err, "/n: must be an object, found 5");
	expect_error(ozr_jneed(&root, OZR_JSON_ARRAY, &err), &err, "must be an array, found {...}");
	expect_error(ozr_ju64_list(&shape, 1, 10, 2, NULL, v, &err), &err,
		     "/shape: must have 2 elements, found 3: [4, 5, 6]");
	expect_error(ozr_ju64_list(&shape, 1, 10, 2, &count, v, &err), &err,
		     "/shape: must have at most 2 elements, found 3: [4, 5, 6]");
	expect_error(ozr_ju64_list(&bad, 1, 10, 2, NULL, v, &err), &err,
		     "/bad: must have 2 elements, found 6: [1, 2.5, [...], "
		     "\"abcdefghijklmnopqrstuvwxyz\", \"abcdefghijklmnopqrstuvwxyz\", ...]");
	CHECK_CODE(OZR_UNSUPPORTED, ozr_jfail(&s, &err, OZR_UNSUPPORTED, "codec %d", 3));
	CHECK(strcmp(err.msg, "/a/s: codec 3") == 0);

	CHECK_OK(ozr_ju64_list(&shape, 1, 10, 3, NULL, v, &err));
	CHECK(v[0] == 4 && v[2] == 6 && v[3] == 9);
	CHECK_OK(ozr_ju64_list(&shape, 1, 10, 4, &count, v, &err));
	CHECK(count == 3 && v[3] == 9);
	CHECK_OK(ozr_jstring(&s, &text, &err));
	CHECK(strcmp(text, "x\ny") == 0);
	CHECK(ozr_jtype(&d) == OZR_JSON_NUMBER && ozr_jtype(&none) == OZR_JSON_NULL);
	CHECK(!ozr_jis(&none, OZR_JSON_NULL) && ozr_jcount(&none) == 0 && ozr_jcount(&a) == 4);

	/* Loops. */
	static const char *const names[] = {"list", "s", "d", "deep"};
	size_t k = 0;
	for (int more = ozr_jfirst(&a, &it); more; more = ozr_jnext(&it), k++)
		CHECK(it.index == k && strcmp(it.name, names[k]) == 0);
	CHECK(k == 4 && !ozr_jfirst(&n, &it) && !ozr_jfirst(&none, &it));

	struct ozr_jref deep = ozr_jget(&a, "deep"), e0, e1;
	CHECK(ozr_jfirst(&deep, &e0) && ozr_jfirst(&e0, &e1));
	struct ozr_jref t = ozr_jget(&e1, "t");
	CHECK_OK(ozr_jbool(&t, &yes, &err));
	CHECK(yes == 1);
	expect_error(ozr_jdouble(&t, &x, &err), &err,
		     "/a/deep/0/0/t: must be a finite number, found true");
	ozr_json_free(doc);
}

/* Quotes and places fit their buffers whatever is in the document. */
static void test_long_places(void)
{
	char text[4000], q[OZR_QUOTE_MAX + 1];
	struct ozr_jref r[40];
	struct ozr_err err;
	double x;
	size_t n = 0;

	for (int i = 0; i < 30; i++)
		n += (size_t)sprintf(text + n, "{\"a\\u0001%040d\":", i);
	n += (size_t)sprintf(text + n,
			     "[\"\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001"
			     "\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001"
			     "\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\"]");
	for (int i = 0; i < 30; i++)
		n += (size_t)sprintf(text + n, "}");
	struct ozr_json *doc = parse(text);
	r[0] = ozr_jroot(doc);
	for (int i = 0; i < 31; i++)
		CHECK(ozr_jfirst(&r[i], &r[i + 1]));
	CHECK(ozr_jdouble(&r[31], &x, &err) == OZR_BAD_FORMAT);
	CHECK(strncmp(err.msg, ".../a\\x01000", 12) == 0 && strstr(err.msg, "0029/0: must be"));
	for (int i = 0; i < 32; i++) {
		q[OZR_QUOTE_MAX] = 'Z';
		ozr_jquote(q, &r[i]);
		CHECK(q[OZR_QUOTE_MAX] == 'Z' && strlen(q) < OZR_QUOTE_MAX);
	}
	ozr_json_free(doc);
}

/* --- building ------------------------------------------------------------------- */

static void test_building(void)
{
	struct ozr_json *o = ozr_json_object(), *inner = ozr_json_object();
	static const uint64_t u[] = {1, UINT64_MAX};
	static const double d[] = {1, 0.5};
	struct ozr_err err;
	int bad = 0;

	bad |= ozr_json_set_text(o, "t", "a\"\xc3\xa9");
	bad |= ozr_json_set_u64s(o, "u", u, 2);
	bad |= ozr_json_set_doubles(o, "d", d, 2);
	bad |= ozr_json_set_u64s(o, "none", NULL, 0);
	bad |= ozr_json_set(o, "b", ozr_json_bool(5));
	bad |= ozr_json_set(o, "z", ozr_json_null());
	bad |= ozr_json_set(inner, "T", ozr_json_u64(1));
	bad |= ozr_json_set(o, "o", inner);
	CHECK(!bad && ozr_json_child(o, "o") == inner && !ozr_json_child(o, "O"));
	expect_text(o, 0,
		    "{\"t\":\"a\\\"\xc3\xa9\",\"u\":[1,18446744073709551615],\"d\":[1,0.5],"
		    "\"none\":[],\"b\":true,\"z\":null,\"o\":{\"T\":1}}");
	/* Replaced in place, by exact name. */
	CHECK(!ozr_json_set(o, "T", ozr_json_u64(2)) && !ozr_json_set_text(o, "u", "x"));
	ozr_json_remove(o, "d");
	ozr_json_remove(o, "D");
	ozr_json_remove(o, "none");
	ozr_json_remove(NULL, "x");
	expect_text(o, 0,
		    "{\"t\":\"a\\\"\xc3\xa9\",\"u\":\"x\",\"b\":true,\"z\":null,\"o\":{\"T\":1},"
		    "\"T\":2}");

	/* NULL is passed through and what was to be added is freed. */
	CHECK(ozr_json_set(NULL, "x", ozr_json_u64(1)) == -1);
	CHECK(ozr_json_set(o, "x", NULL) == -1);
	CHECK(ozr_json_append(o, ozr_json_u64(1)) == -1); /* not an array */
	CHECK(ozr_json_append(NULL, ozr_json_u64(1)) == -1);
	CHECK(ozr_json_set_text(NULL, "x", "y") == -1);
	CHECK(!ozr_json_child(NULL, "x"));

	struct ozr_json *from =
		parse("{\"z\":1.0,\"b\":null,\"absent\":null,\"new\":{\"n\":null}}");
	CHECK_OK(ozr_json_merge(ctx, o, from, &err));
	expect_text(o, 0,
		    "{\"t\":\"a\\\"\xc3\xa9\",\"u\":\"x\",\"z\":1.0,\"o\":{\"T\":1},\"T\":2,"
		    "\"new\":{\"n\":null}}");
	expect_text(from, 0, "{\"z\":1.0,\"b\":null,\"absent\":null,\"new\":{\"n\":null}}");
	struct ozr_json *list = ozr_json_array();
	CHECK_CODE(OZR_BAD_ARG, ozr_json_merge(ctx, o, list, &err));
	CHECK_CODE(OZR_BAD_ARG, ozr_json_merge(ctx, list, from, &err));
	ozr_json_free(list);
	ozr_json_free(from);
	ozr_json_free(o);
	ozr_json_free(NULL);
}

/* A host with a decimal comma. Without such a locale on the machine only "C" is tried. */
static void test_locale(void)
{
	static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "nl_NL.UTF-8", "C"};
	for (size_t i = 0; i < 4; i++) {
		if (!setlocale(LC_ALL, names[i]))
			continue;
		struct ozr_json *doc = parse("[1.5,2.25e-3]"), *n = ozr_json_number(0.625);
		struct ozr_jref r = ozr_jroot(doc), it;
		struct ozr_err err;
		double v = 0;
		CHECK(ozr_jfirst(&r, &it));
		CHECK_OK(ozr_jdouble(&it, &v, &err));
		CHECK(v == 1.5);
		expect_text(doc, 0, "[1.5,2.25e-3]");
		expect_text(n, 0, "0.625");
		CHECK(strcmp(setlocale(LC_ALL, NULL), names[i]) == 0);
		ozr_json_free(doc);
		ozr_json_free(n);
	}
}

/* Each allocation through the seam failed in turn, from one on and once. */
static void test_no_memory(void)
{
	static const char text[] = "{\"a\":[1.5,2,{\"b\":[]}],\"c\":18446744073709551615}";
	for (int sticky = 0; sticky < 2; sticky++) {
		for (int kind = FAULT_ALLOC; kind <= FAULT_RESIZE; kind++) {
			long n = 1;
			for (;; n++) {
				struct ozr_json *doc = NULL;
				struct ozr_err err;
				char *out = NULL;
				fault_arm(kind, n, ENOMEM, sticky);
				int code = ozr_json_parse(ctx, text, strlen(text), 0, &doc, &err);
				if (!code)
					code = ozr_json_print(ctx, doc, 1, &out, NULL, &err);
				int struck = fault_disarm();
				CHECK_CODE(struck ? OZR_NO_MEMORY : OZR_OK, code);
				CHECK((out == NULL) == struck);
				ozr_text_free(out);
				ozr_json_free(doc);
				if (!struck)
					break;
			}
			CHECK(n > 1 || kind == FAULT_RESIZE);
		}
	}
}

/* cJSON allocates on its own: here its n-th allocation fails. Only a test may use hooks. */
static long cjson_seen, cjson_fails_at;

static void *cjson_alloc(size_t n)
{
	return ++cjson_seen == cjson_fails_at ? NULL : malloc(n);
}

/* Everything that makes nodes; 0, or what failed, with nothing left behind. */
static int make_nodes(struct ozr_json *from)
{
	static const uint64_t u[] = {1, UINT64_MAX};
	static const double d[] = {0.5, NAN};
	static const char text[] = "{\"a\":[1.5,{\"b\":\"c\"}]}";
	struct ozr_err err = {0};
	struct ozr_json *doc = NULL, *copy = NULL, *o = ozr_json_object();
	int bad = ozr_json_set_text(o, "t", "x");
	bad |= ozr_json_set_u64s(o, "u", u, 2);
	bad |= ozr_json_set_doubles(o, "t", d, 2);
	bad |= ozr_json_set(o, "b", ozr_json_bool(0));

	int code = ozr_json_parse(ctx, text, sizeof(text) - 1, 0, &doc, &err);
	CHECK(code == OZR_OK || (code == OZR_NO_MEMORY && !doc));
	bad |= code;
	copy = ozr_json_copy(ctx, from, &err);
	CHECK(copy || err.code == OZR_NO_MEMORY);
	bad |= !copy;
	if (doc) {
		code = ozr_json_merge(ctx, doc, from, &err);
		CHECK(code == OZR_OK || code == OZR_NO_MEMORY);
		/* All or nothing. */
		expect_text(doc, 0,
			    code ? "{\"a\":[1.5,{\"b\":\"c\"}]}"
				 : "{\"x\":{\"y\":[1,2.5]},\"z\":\"\"}");
		bad |= code;
	}
	if (!bad)
		expect_text(o, 0, "{\"t\":[0.5,null],\"u\":[1,18446744073709551615],\"b\":false}");
	ozr_json_free(o);
	ozr_json_free(doc);
	ozr_json_free(copy);
	return bad;
}

static void test_no_memory_in_cjson(void)
{
	cJSON_Hooks hooks = {cjson_alloc, free};
	struct ozr_json *from = parse("{\"x\":{\"y\":[1,2.5]},\"a\":null,\"z\":\"\"}");
	long n = 1;
	for (;; n++) {
		cjson_seen = 0;
		cjson_fails_at = n;
		cJSON_InitHooks(&hooks);
		int bad = make_nodes(from);
		cJSON_InitHooks(NULL);
		CHECK((bad != 0) == (cjson_seen >= n));
		if (!bad)
			break;
	}
	CHECK(n > 40);
	ozr_json_free(from);
}

int main(void)
{
	struct ozr_ctx_options opt = {.threads = 1, .cache_bytes = 1, .sys = &fault_sys};
	struct ozr_err err;
	CHECK_OK(ozr_ctx_new(&opt, &ctx, &err));
	test_spelling();
	test_pretty();
	test_random();
	test_doubles();
	test_exact_integers();
	test_places();
	test_long_places();
	test_building();
	test_locale();
	test_no_memory();
	test_no_memory_in_cjson();
	ozr_ctx_unref(ctx);
	return 0;
}
