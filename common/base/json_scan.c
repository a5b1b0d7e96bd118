/* SPDX-License-Identifier: MIT */
/*
 * The strict scan in front of cJSON, which alone would take leading zeros,
 * raw control bytes, bad UTF-8, a cut "a\u0000b", and members that differ
 * only in later duplicates. Recursion is bounded by limits.json_depth.
 *
 * The text is copied to `out` as it is but for numbers that a double or
 * cJSON's printing would change: those become tagged strings.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_impl.h"
#include "base/utf8.h"

struct member {
	uint64_t hash; /* of the decoded name */
	size_t at;
};

struct scan {
	const struct ozr_limits *limits;
	const char *text;
	size_t len, at;
	size_t copied; /* text before this is in out */
	unsigned flags, depth;
	size_t nodes;
	struct ozr_buf *out;
	struct ozr_buf members; /* of all open objects, outermost first */
	struct ozr_err *err;
};

static int scan_value(struct scan *s);

/* --- messages -------------------------------------------------------------- */

static int fail_at(struct scan *s, size_t at, int code, const char *fmt, ...) OZR_PRINTF(4, 5);

static int fail_at(struct scan *s, size_t at, int code, const char *fmt, ...)
{
	size_t line = 1, start = 0;
	for (size_t i = 0; i < at; i++) {
		if (s->text[i] == '\n') {
			line++;
			start = i + 1;
		}
	}
	char what[300];
	va_list args;
	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	return ozr_fail(s->err, code, "JSON, line %zu, column %zu: %s", line, at - start + 1, what);
}

/* "expected X, found Y" for what stands at s->at. */
static int unexpected(struct scan *s, const char *expected)
{
	char q[OZR_QUOTE_MAX];
	size_t n = s->len - s->at;
	if (n == 0)
		return fail_at(s, s->at, OZR_BAD_FORMAT, "expected %s, found the end", expected);
	return fail_at(s, s->at, OZR_BAD_FORMAT, "expected %s, found '%s'", expected,
		       ozr_quote(q, s->text + s->at, n < 12 ? n : 12));
}

/* --- small steps ------------------------------------------------------------ */

static int peek(const struct scan *s)
{
	return s->at < s->len ? (unsigned char)s->text[s->at] : -1;
}

static void skip_space(struct scan *s)
{
	int c;
	while ((c = peek(s)) == ' ' || c == '\t' || c == '\n' || c == '\r')
		s->at++;
}

static int take_char(struct scan *s, char c)
{
	if (peek(s) != c)
		return 0;
	s->at++;
	return 1;
}

static int take_word(struct scan *s, const char *word)
{
	size_t n = strlen(word);
	if (s->len - s->at < n || memcmp(s->text + s->at, word, n) != 0)
		return 0;
	s->at += n;
	return 1;
}

static size_t take_digits(struct scan *s)
{
	size_t from = s->at;
	while (peek(s) >= '0' && peek(s) <= '9')
		s->at++;
	return s->at - from;
}

/* --- numbers ---------------------------------------------------------------- */

/* Replace [from, s->at) by a tagged string with the same characters. */
static int tag(struct scan *s, size_t from)
{
	int code = ozr_buf_append(s->out, s->text + s->copied, from - s->copied, s->err);
	if (!code)
		code = ozr_buf_append(s->out, "\"" OZR_JSON_TAG, 2, s->err);
	if (!code)
		code = ozr_buf_append(s->out, s->text + from, s->at - from, s->err);
	if (!code)
		code = ozr_buf_append(s->out, "\"", 1, s->err);
	s->copied = s->at;
	return code;
}

/* Digits of an integer that a double holds exactly? */
static int is_exact(const char *digits, size_t n)
{
	static const char most[] = "9007199254740992";
	return n < sizeof(most) - 1 || (n == sizeof(most) - 1 && memcmp(digits, most, n) <= 0);
}

static int scan_number(struct scan *s)
{
	size_t from = s->at, fraction = 0, exponent = 0;
	int minus = take_char(s, '-');
	size_t first = s->at;
	size_t digits = take_digits(s);

	if (digits == 0)
		return unexpected(s, minus ? "a digit" : "a value");
	if (digits > 1 && s->text[first] == '0')
		return fail_at(s, from, OZR_BAD_FORMAT, "a number with a leading zero");
	size_t end = s->at;
	if (take_char(s, '.')) {
		fraction = take_digits(s);
		if (fraction == 0)
			return unexpected(s, "a digit");
	}
	if (take_char(s, 'e') || take_char(s, 'E')) {
		if (!take_char(s, '+'))
			(void)take_char(s, '-');
		exponent = take_digits(s);
		if (exponent == 0)
			return unexpected(s, "a digit");
	}
	int minus_zero = minus && s->text[first] == '0';
	if (fraction || exponent || minus_zero || !is_exact(s->text + first, end - first))
		return tag(s, from);
	return OZR_OK;
}

/* NaN, Infinity, -Infinity as Python writes them. */
static int scan_python(struct scan *s, int *taken)
{
	size_t from = s->at;
	*taken = (s->flags & OZR_JSON_PYTHON) &&
		 (take_word(s, "NaN") || take_word(s, "Infinity") || take_word(s, "-Infinity"));
	return *taken ? tag(s, from) : OZR_OK;
}

/* --- strings ---------------------------------------------------------------- */

/* FNV-1a over the decoded bytes: equal names have equal hashes however they are escaped. */
static uint64_t hash_byte(uint64_t h, uint32_t byte)
{
	return (h ^ byte) * UINT64_C(0x100000001b3);
}

static uint64_t hash_char(uint64_t h, uint32_t c)
{
	if (c < 0x80)
		return hash_byte(h, c);
	if (c < 0x800)
		return hash_byte(hash_byte(h, 0xc0 | c >> 6), 0x80 | (c & 0x3f));
	h = c < 0x10000 ? hash_byte(h, 0xe0 | c >> 12)
			: hash_byte(hash_byte(h, 0xf0 | c >> 18), 0x80 | (c >> 12 & 0x3f));
	return hash_byte(hash_byte(h, 0x80 | (c >> 6 & 0x3f)), 0x80 | (c & 0x3f));
}

static int scan_hex4(struct scan *s, uint32_t *out)
{
	uint32_t v = 0;
	for (int i = 0; i < 4; i++, s->at++) {
		int c = peek(s);
		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			v = v << 4 | (uint32_t)((c | 32) - 'a' + 10);
		else
			return unexpected(s, "four hexadecimal digits");
	}
	*out = v;
	return OZR_OK;
}

/* Behind "\u". */
static int scan_unicode(struct scan *s, uint32_t *c)
{
	size_t from = s->at - 2;
	uint32_t low = 0;
	int code = scan_hex4(s, c);
	if (code)
		return code;
	if (*c == 0)
		return fail_at(s, from, OZR_UNSUPPORTED, "U+0000 in a string");
	if (*c < 0xd800 || *c > 0xdfff)
		return OZR_OK;
	if (*c > 0xdbff || !take_word(s, "\\u"))
		return fail_at(s, from, OZR_BAD_FORMAT, "half of a surrogate pair");
	code = scan_hex4(s, &low);
	if (code)
		return code;
	if (low < 0xdc00 || low > 0xdfff)
		return fail_at(s, from, OZR_BAD_FORMAT, "half of a surrogate pair");
	*c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
	return OZR_OK;
}

static int scan_escape(struct scan *s, uint32_t *c)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	int next = peek(s);
	if (next == 'u') {
		s->at++;
		return scan_unicode(s, c);
	}
	const char *which = next > 0 ? strchr(from, next) : NULL;
	if (!which)
		return unexpected(s, "an escape");
	s->at++;
	*c = (unsigned char)to[which - from];
	return OZR_OK;
}

/* Behind the opening quote; to behind the closing one. */
static int scan_string(struct scan *s, uint64_t *hash)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	for (;;) {
		uint32_t c;
		int next = peek(s), code = OZR_OK;
		if (next < 0)
			return unexpected(s, "the end of a string");
		if (next == '"') {
			s->at++;
			*hash = h;
			return OZR_OK;
		}
		if (next < 0x20)
			return fail_at(s, s->at, OZR_BAD_FORMAT, "a control byte in a string");
		if (next == '\\') {
			s->at++;
			code = scan_escape(s, &c);
			if (code)
				return code;
		} else {
			size_t n = ozr_utf8_step(s->text + s->at, s->len - s->at, &c);
			if (n == 0)
				return fail_at(s, s->at, OZR_BAD_FORMAT,
					       "bytes that are not UTF-8");
			s->at += n;
		}
		h = hash_char(h, c);
	}
}

/* --- containers ------------------------------------------------------------- */

static int by_hash(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* Two readers of one file could disagree about the value of such a member. Equal hashes
 * are taken as equal names: what else meets here was made for it. */
static int refuse_duplicates(struct scan *s, size_t first)
{
	struct member *m = (struct member *)(void *)s->members.data + first;
	size_t n = s->members.len / sizeof(*m) - first;

	if (n < 2)
		return OZR_OK;
	qsort(m, n, sizeof(*m), by_hash);
	for (size_t i = 1; i < n; i++) {
		if (m[i].hash != m[i - 1].hash)
			continue;
		const char *name = s->text + m[i].at;
		const char *end = memchr(name, '"', s->len - m[i].at);
		char q[OZR_QUOTE_MAX];
		return fail_at(s, m[i].at, OZR_BAD_FORMAT, "a second member '%s'",
			       ozr_quote(q, name, end ? (size_t)(end - name) : 0));
	}
	return OZR_OK;
}

static int scan_member(struct scan *s)
{
	struct member m;
	skip_space(s);
	if (!take_char(s, '"'))
		return unexpected(s, "a member's name");
	m.at = s->at;
	int code = scan_string(s, &m.hash);
	if (!code)
		code = ozr_buf_append(&s->members, &m, sizeof(m), s->err);
	if (code)
		return code;
	skip_space(s);
	if (!take_char(s, ':'))
		return unexpected(s, "':'");
	return scan_value(s);
}

static int scan_object(struct scan *s)
{
	size_t first = s->members.len / sizeof(struct member);
	int code;

	skip_space(s);
	if (take_char(s, '}'))
		return OZR_OK;
	do {
		code = scan_member(s);
		if (code)
			return code;
		skip_space(s);
	} while (take_char(s, ','));
	if (!take_char(s, '}'))
		return unexpected(s, "',' or '}'");
	code = refuse_duplicates(s, first);
	s->members.len = first * sizeof(struct member);
	return code;
}

static int scan_array(struct scan *s)
{
	skip_space(s);
	if (take_char(s, ']'))
		return OZR_OK;
	do {
		int code = scan_value(s);
		if (code)
			return code;
		skip_space(s);
	} while (take_char(s, ','));
	return take_char(s, ']') ? OZR_OK : unexpected(s, "',' or ']'");
}

static int scan_container(struct scan *s, int (*inside)(struct scan *))
{
	if (s->depth >= s->limits->json_depth)
		return fail_at(s, s->at, OZR_LIMIT, "nested deeper than the limit json_depth, %u",
			       s->limits->json_depth);
	s->at++;
	s->depth++;
	int code = inside(s);
	s->depth--;
	return code;
}

static int scan_value(struct scan *s)
{
	uint64_t unused;
	int python = 0;

	skip_space(s);
	if (s->nodes++ >= s->limits->json_nodes)
		return fail_at(s, s->at, OZR_LIMIT, "more values than the limit json_nodes, %zu",
			       s->limits->json_nodes);
	switch (peek(s)) {
	case '{':
		return scan_container(s, scan_object);
	case '[':
		return scan_container(s, scan_array);
	case '"':
		s->at++;
		return scan_string(s, &unused);
	default:
		break;
	}
	if (take_word(s, "true") || take_word(s, "false") || take_word(s, "null"))
		return OZR_OK;
	int code = scan_python(s, &python);
	return code || python ? code : scan_number(s);
}

static int scan_document(struct scan *s)
{
	if (s->len >= 3 && memcmp(s->text, "\xef\xbb\xbf", 3) == 0)
		return fail_at(s, 0, OZR_BAD_FORMAT, "a byte order mark in front of the document");
	int code = scan_value(s);
	if (code)
		return code;
	skip_space(s);
	if (s->at < s->len)
		return unexpected(s, "the end");
	code = ozr_buf_append(s->out, s->text + s->copied, s->len - s->copied, s->err);
	return code ? code : ozr_buf_append(s->out, "", 1, s->err);
}

int ozr_json_scan(struct ozr_ctx *ctx, const char *text, size_t len, unsigned flags,
		  struct ozr_buf *out, struct ozr_err *err)
{
	const struct ozr_limits *limits = ozr_ctx_limits(ctx);
	struct ozr_err mine; /* the caller's may be NULL, messages are made in steps */
	struct scan s = {.limits = limits, .text = text, .len = len, .flags = flags, .out = out};

	if (len > limits->json_bytes)
		return ozr_fail(err, OZR_LIMIT,
				"JSON of %zu bytes is larger than the limit json_bytes, %zu", len,
				limits->json_bytes);
	s.err = err ? err : &mine;
	ozr_buf_init(&s.members, ctx, SIZE_MAX / 2);
	int code = ozr_buf_reserve(out, out->len + len + 1, s.err);
	if (!code)
		code = scan_document(&s);
	ozr_buf_release(&s.members);
	return code;
}
