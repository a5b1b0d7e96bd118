/* SPDX-License-Identifier: MIT */
/*
 * Documents that must be refused, each with its code, a part of its message
 * and, for most, the place; and what looks odd but is right. Limits of size,
 * depth and number of values, exactly at and just beyond. Cut and damaged
 * documents of any kind must end in an error or in a document, never worse.
 */
#include "base/json.h"
#include "support/check.h"

static const struct bad {
	const char *text, *says;
} bad[] = {
	{"", "expected a value, found the end"},
	{"  \n ", "line 2, column 2: expected a value"},
	{"\xef\xbb\xbf{}", "byte order mark"},
	{"{} x", "column 4: expected the end, found 'x'"},
	{"{}{}", "expected the end"},
	{"[1]]", "expected the end, found ']'"},
	{"nul", "expected a value, found 'nul'"},
	{"True", "expected a value, found 'True'"},
	{"'a'", "expected a value"},
	{"[1,]", "expected a value, found ']'"},
	{"[,1]", "expected a value, found ',1]'"},
	{"[1 2]", "expected ',' or ']', found '2]'"},
	{"[1", "expected ',' or ']', found the end"},
	{"[", "expected a value, found the end"},
	{"{", "expected a member's name, found the end"},
	{"{,}", "expected a member's name"},
	{"{a:1}", "expected a member's name, found 'a:1}'"},
	{"{\"a\"}", "expected ':', found '}'"},
	{"{\"a\":}", "expected a value, found '}'"},
	{"{\"a\":1,}", "expected a member's name, found '}'"},
	{"{\"a\":1 \"b\":2}", "expected ',' or '}'"},
	{"{\"a\":1", "expected ',' or '}', found the end"},
	{"{1:2}", "expected a member's name"},
	{"[1] // no", "expected the end"},
	{"/* no */ 1", "expected a value"},
	/* numbers */
	{"01", "leading zero"},
	{"-01", "leading zero"},
	{"00", "leading zero"},
	{"01.5", "leading zero"},
	{"-", "expected a digit, found the end"},
	{"+1", "expected a value, found '+1'"},
	{".5", "expected a value"},
	{"1.", "expected a digit"},
	{"[1.]", "column 4: expected a digit, found ']'"},
	{"1.e5", "expected a digit"},
	{"1e", "expected a digit"},
	{"1e+", "expected a digit"},
	{"1E-", "expected a digit"},
	{"1.5.5", "expected the end"},
	{"0x10", "expected the end, found 'x10'"},
	{"1_000", "expected the end"},
	{"--1", "expected a digit"},
	{"- 1", "expected a digit"},
	{"\xd9\xa1", "expected a value"}, /* an Arabic digit */
	{"NaN", "expected a value, found 'NaN'"},
	{"Infinity", "expected a value"},
	{"-Infinity", "expected a digit"},
	{"[nan]", "expected a value"},
	/* strings */
	{"\"", "expected the end of a string"},
	{"\"abc", "expected the end of a string"},
	{"\"a\\\"", "expected the end of a string"},
	{"\"\\", "expected an escape, found the end"},
	{"\"\\x41\"", "expected an escape, found 'x41\"'"},
	{"\"\\'\"", "expected an escape"},
	{"\"\\U0041\"", "expected an escape"},
	{"\"\\u12\"", "expected four hexadecimal digits"},
	{"\"\\u12g4\"", "expected four hexadecimal digits"},
	{"\"\\u", "expected four hexadecimal digits, found the end"},
	{"\"\\ud800\"", "surrogate"},
	{"\"\\ud800x\"", "surrogate"},
	{"\"\\ud800\\n\"", "surrogate"},
	{"\"\\ud800\\u0041\"", "surrogate"},
	{"\"\\ud83d\\ud83d\"", "surrogate"},
	{"\"\\udc00\"", "surrogate"},
	{"\"\\ude00\\ud83d\"", "surrogate"},
	{"\"a\tb\"", "control byte"},
	{"\"a\nb\"", "line 1, column 3: a control byte"},
	{"\"\x1f\"", "control byte"},
	{"\"\xff\"", "not UTF-8"},
	{"\"\xff"
	 "1\"",
	 "not UTF-8"}, /* looks like our tag */
	{"\"\xc3\"", "not UTF-8"},
	{"\"\xc0\xaf\"", "not UTF-8"},
	{"\"\xed\xa0\x80\"", "not UTF-8"},
	{"\"\xf4\x90\x80\x80\"", "not UTF-8"},
	{"{\"\xc3(\":1}", "not UTF-8"},
	/* the same member twice */
	{"{\"a\":1,\"a\":1}", "a second member 'a'"},
	{"{\"a\":1,\"b\":2,\"a\":{}}", "a second member 'a'"},
	{"{\"shape\":[1],\"sh\\u0061pe\":[2]}", "a second member 'sh\\u0061pe'"},
	{"{\"\xc3\xa9\":1,\"\\u00e9\":2}", "a second member"},
	{"{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\ude00\":2}", "a second member"},
	{"{\"\xe2\x82\xac\":1,\"\\u20AC\":2}", "a second member"},
	{"{\"\":1,\"\":2}", "a second member ''"},
	{"[{\"x\":{\"a\":1,\"b\":{\"a\":1},\"a\":2}}]", "a second member 'a'"},
	{"\n{\"a\":1,\n  \"a\":2}", "line 3, column 4: a second member 'a'"},
};

static const char *const odd_but_right[] = {
	"null",
	"true",
	"\"\"",
	" [ ] ",
	"\t{\r\n}\n",
	"0",
	"-0",
	"-0.0",
	"1e5",
	"1E+5",
	"1e-0005",
	"123456789012345678901234567890",
	"1e999999",
	"-1e-999999",
	"0.1234567890123456789012345",
	"{\"a\":1,\"A\":2}",
	"{\"a\":{\"a\":{\"a\":1}}}",
	"[{\"a\":1},{\"a\":2}]",
	"{\"\":1}",
	"\"\\/\"",
	"\"\\u0001\"",
	"\"\\ud83d\\ude00\"",
	"\"\x7f\"",
	"\"\xc2\x80\"",
	"\"\\uFFFF\"",
	"\"NaN\"",
	"{\"a b\":1,\"a\":2}",
	"\"\\u00e9\xc3\xa9\"",
};

static struct ozr_ctx *ctx;

static int parse(const char *text, size_t len, unsigned flags, struct ozr_err *err)
{
	struct ozr_json *doc = NULL;
	/* In a block of exactly that size, so that the sanitizer sees one byte too far. */
	char *exact = malloc(len ? len : 1);
	CHECK(exact);
	memcpy(exact, text, len);
	int code = ozr_json_parse(ctx, exact, len, flags, &doc, err);
	CHECK((code == OZR_OK) == (doc != NULL));
	free(exact);
	ozr_json_free(doc);
	return code;
}

static void test_tables(void)
{
	struct ozr_err err;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int code = parse(bad[i].text, strlen(bad[i].text), 0, &err);
		if (code != OZR_BAD_FORMAT || !strstr(err.msg, bad[i].says))
			fprintf(stderr, "%s: %s %s\n", bad[i].text, ozr_code_name(code), err.msg);
		CHECK_CODE(OZR_BAD_FORMAT, code);
		CHECK(strstr(err.msg, bad[i].says) && strstr(err.msg, "JSON, line ") == err.msg);
		CHECK(parse(bad[i].text, strlen(bad[i].text), 0, NULL) == OZR_BAD_FORMAT);
	}
	for (size_t i = 0; i < sizeof(odd_but_right) / sizeof(odd_but_right[0]); i++)
		CHECK_OK(parse(odd_but_right[i], strlen(odd_but_right[i]), 0, &err));

	/* U+0000, escaped and not. */
	CHECK_CODE(OZR_UNSUPPORTED, parse("\"a\\u0000b\"", 10, 0, &err));
	CHECK_CODE(OZR_BAD_FORMAT, parse("\"a\0b\"", 5, 0, &err));
	CHECK_CODE(OZR_BAD_FORMAT, parse("1\0", 2, 0, &err));
	/* Python's words, and not more of them. */
	CHECK_OK(parse("[NaN, Infinity, -Infinity]", 26, OZR_JSON_PYTHON, &err));
	CHECK_CODE(OZR_BAD_FORMAT, parse("-NaN", 4, OZR_JSON_PYTHON, &err));
	CHECK_CODE(OZR_BAD_FORMAT, parse("NaNa", 4, OZR_JSON_PYTHON, &err));
	CHECK_CODE(OZR_BAD_FORMAT, parse("inf", 3, OZR_JSON_PYTHON, &err));
}

static void new_ctx(size_t bytes, unsigned depth, size_t nodes)
{
	struct ozr_ctx_options opt = {.threads = 1, .cache_bytes = 1};
	struct ozr_err err;
	opt.limits.json_bytes = bytes;
	opt.limits.json_depth = depth;
	opt.limits.json_nodes = nodes;
	ozr_ctx_unref(ctx);
	CHECK_OK(ozr_ctx_new(&opt, &ctx, &err));
}

static size_t nest(char *text, unsigned depth, int objects)
{
	size_t n = 0;
	for (unsigned i = 0; i < depth; i++)
		n += (size_t)sprintf(text + n, "%s", objects && i % 2 ? "{\"a\":" : "[");
	n += (size_t)sprintf(text + n, "1");
	for (unsigned i = depth; i-- > 0;)
		n += (size_t)sprintf(text + n, "%s", objects && i % 2 ? "}" : "]");
	return n;
}

static void test_limits(void)
{
	static char text[200000];
	struct ozr_err err;

	new_ctx(1000, 10, 100);
	memset(text, ' ', sizeof(text));
	text[0] = '1';
	CHECK_OK(parse(text, 1000, 0, &err));
	CHECK_CODE(OZR_LIMIT, parse(text, 1001, 0, &err));
	CHECK(strstr(err.msg, "json_bytes"));
	for (int objects = 0; objects < 2; objects++) {
		CHECK_OK(parse(text, nest(text, 10, objects), 0, &err));
		CHECK_CODE(OZR_LIMIT, parse(text, nest(text, 11, objects), 0, &err));
		CHECK(strstr(err.msg, "json_depth"));
	}
	size_t n = 0;
	text[n++] = '[';
	for (int i = 0; i < 98; i++, n += 2)
		memcpy(text + n, "1,", 2);
	memcpy(text + n, "1]", 2);
	CHECK_OK(parse(text, n + 2, 0, &err));
	memcpy(text + n, "1,1]", 4);
	CHECK_CODE(OZR_LIMIT, parse(text, n + 4, 0, &err));
	CHECK(strstr(err.msg, "json_nodes"));

	/* The deepest that can be allowed, and a bomb far beyond it. */
	new_ctx(0, 1 << 20, 0);
	CHECK_OK(parse(text, nest(text, 512, 1), 0, &err));
	CHECK_CODE(OZR_LIMIT, parse(text, nest(text, 513, 1), 0, &err));
	memset(text, '[', sizeof(text));
	CHECK_CODE(OZR_LIMIT, parse(text, sizeof(text), 0, &err));
	new_ctx(0, 0, 0);
}

/* Time and memory stay in proportion: many members, one long number, one long name. */
static void test_large(void)
{
	enum { SIZE = 2 << 20 };
	char *text = malloc(SIZE + 64);
	struct ozr_err err;
	size_t n = 0;
	CHECK(text);

	text[n++] = '{';
	for (unsigned i = 0; n < SIZE; i++)
		n += (size_t)sprintf(text + n, "\"m%u\":%u,", i * 7919u, i);
	text[n - 1] = '}';
	CHECK_OK(parse(text, n, 0, &err));
	n--;
	n += (size_t)sprintf(text + n, ",\"m7919\":0}");
	CHECK_CODE(OZR_BAD_FORMAT, parse(text, n, 0, &err));
	CHECK(strstr(err.msg, "a second member 'm7919'"));

	memset(text, '9', SIZE);
	CHECK_OK(parse(text, SIZE, 0, &err));
	text[0] = text[SIZE - 1] = '"';
	CHECK_OK(parse(text, SIZE, 0, &err));
	free(text);
}

/* Every prefix of a good document, and every byte of it replaced by every other. */
static void test_damage(void)
{
	static const char doc[] =
		"{\"zarr_format\": 3, \"shape\": [1, -2.5e+10, 18446744073709551615], "
		"\"\\u00e9\\n\xc3\xa9\": {\"x\": [true, false, null, \"\\ud83d\\ude00\"]}}";
	size_t len = sizeof(doc) - 1, ok = 0;
	char text[sizeof(doc)];
	struct ozr_err err;

	CHECK_OK(parse(doc, len, 0, &err));
	for (size_t n = 0; n < len; n++)
		CHECK_CODE(OZR_BAD_FORMAT, parse(doc, n, 0, &err));
	for (size_t i = 0; i < len; i++) {
		memcpy(text, doc, len);
		for (unsigned b = 0; b < 256; b++) {
			text[i] = (char)b;
			int code = parse(text, len, OZR_JSON_PYTHON, &err);
			CHECK(code == OZR_OK || code == OZR_BAD_FORMAT || code == OZR_UNSUPPORTED);
			ok += code == OZR_OK;
		}
	}
	CHECK(ok > len && ok < 256 * len / 2);
}

int main(void)
{
	new_ctx(0, 0, 0);
	test_tables();
	test_limits();
	test_large();
	test_damage();
	ozr_ctx_unref(ctx);
	return 0;
}
