/* SPDX-License-Identifier: MIT */
/*
 * Messages: filling, prefixing and cutting them, quoting text from outside.
 * A message must stay NUL-terminated UTF-8 whatever was put into it; mbstowcs
 * of a UTF-8 locale is not assumed, a decoder written here is the judge.
 */
#include <locale.h>

#include "ozr/error.h"
#include "support/check.h"

/* Straight from the definition: decode, then compare with the shortest form. */
static int is_utf8(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	while (*s) {
		static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
		int more = *s < 0x80             ? 0
			   : (*s & 0xe0) == 0xc0 ? 1
			   : (*s & 0xf0) == 0xe0 ? 2
			   : (*s & 0xf8) == 0xf0 ? 3
						 : -1;
		if (more < 0)
			return 0;
		uint32_t c = more ? *s & (0x3fu >> more) : *s;
		for (int i = 1; i <= more; i++) {
			if ((s[i] & 0xc0) != 0x80)
				return 0;
			c = c << 6 | (s[i] & 0x3fu);
		}
		if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return 0;
		s += more + 1;
	}
	return 1;
}

static void test_fill(void)
{
	struct ozr_err err;
	CHECK(ozr_fail(&err, OZR_CORRUPT, "chunk %d of '%s'", 7, "x") == OZR_CORRUPT);
	CHECK(err.code == OZR_CORRUPT && err.sys == 0 && !strcmp(err.msg, "chunk 7 of 'x'"));
	CHECK(ozr_fail(NULL, OZR_IO, "nobody listens %d", 1) == OZR_IO);
	CHECK(ozr_fail_errno(NULL, ENOENT, "nobody listens") == OZR_NOT_FOUND);
	CHECK(ozr_err_context(NULL, OZR_IO, "nobody listens") == OZR_IO);
}

static void test_errno(void)
{
	static const struct {
		int sys, code;
	} table[] = {
		{ENOENT, OZR_NOT_FOUND}, {EACCES, OZR_DENIED},    {EPERM, OZR_DENIED},
		{EROFS, OZR_DENIED},     {ENOMEM, OZR_NO_MEMORY}, {EEXIST, OZR_EXISTS},
		{EIO, OZR_IO},           {ENOSPC, OZR_IO},        {ENOTDIR, OZR_IO},
		{EMFILE, OZR_IO},        {12345, OZR_IO},
	};
	struct ozr_err err;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		CHECK_CODE(table[i].code, ozr_fail_errno(&err, table[i].sys, "open '%s'", "a"));
		CHECK(err.sys == table[i].sys && err.code == table[i].code);
		CHECK(strncmp(err.msg, "open 'a': ", 10) == 0 && err.msg[10]);
	}
	/* English whatever the host's locale is. */
	setlocale(LC_ALL, "");
	ozr_fail_errno(&err, ENOSPC, "write");
	CHECK(strcmp(err.msg, "write: No space left on device") == 0);
	setlocale(LC_ALL, "C");
}

static void test_context(void)
{
	struct ozr_err err;
	ozr_fail_errno(&err, EIO, "read");
	CHECK(ozr_err_context(&err, OZR_CORRUPT, "level %d", 2) == OZR_CORRUPT);
	CHECK(err.code == OZR_CORRUPT && err.sys == EIO);
	CHECK(ozr_err_context(&err, OZR_CORRUPT, "open '%s'", "a.zarr") == OZR_CORRUPT);
	CHECK(strcmp(err.msg, "open 'a.zarr': level 2: read: Input/output error") == 0);
}

/* Every length around the end of the buffer, with characters of 1 to 4 bytes at the cut. */
static void test_cut(void)
{
	static const char *const chars[] = {"x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
	char text[1200];
	struct ozr_err err;

	for (size_t c = 0; c < 4; c++) {
		for (size_t lead = 0; lead < 8; lead++) {
			size_t n = lead, width = strlen(chars[c]);
			memset(text, 'a', lead);
			for (; n + width < sizeof(text) - 1; n += width)
				memcpy(text + n, chars[c], width);
			text[n] = 0;

			ozr_fail(&err, OZR_IO, "%s", text);
			size_t full = sizeof(err.msg) - 1;
			CHECK(strlen(err.msg) > full - width && is_utf8(err.msg));
			CHECK(strncmp(err.msg, text, strlen(err.msg)) == 0);
			ozr_err_context(&err, OZR_IO, "in front");
			CHECK(strlen(err.msg) > full - width && is_utf8(err.msg));
			CHECK(strncmp(err.msg, "in front: ", 10) == 0);
			CHECK(strncmp(err.msg + 10, text, strlen(err.msg + 10)) == 0);
			ozr_fail_errno(&err, EIO, "%s", text);
			CHECK(is_utf8(err.msg));
		}
	}
	/* Exactly full is not cut. */
	memset(text, 'b', sizeof(err.msg) - 3);
	memcpy(text + sizeof(err.msg) - 3, "\xc3\xa9", 3);
	ozr_fail(&err, OZR_IO, "%s", text);
	CHECK(strcmp(err.msg, text) == 0);
}

static void test_names(void)
{
	CHECK(!strcmp(ozr_code_name(OZR_OK), "OK"));
	CHECK(!strcmp(ozr_code_name(OZR_NOT_FOUND), "NOT_FOUND"));
	CHECK(!strcmp(ozr_code_name(OZR_NET), "NET"));
	CHECK(!strcmp(ozr_code_name(OZR_CORRUPT), "CORRUPT"));
	CHECK(!strcmp(ozr_code_name(OZR_LIMIT), "LIMIT"));
	CHECK(!strcmp(ozr_code_name(OZR_CANCELLED), "CANCELLED"));
	CHECK(!strcmp(ozr_code_name(OZR_EXISTS), "EXISTS"));
	CHECK(!strcmp(ozr_code_name(1), "UNKNOWN"));
	CHECK(!strcmp(ozr_code_name(OZR_EXISTS - 1), "UNKNOWN"));
	CHECK(!strcmp(ozr_code_name(INT_MIN), "UNKNOWN"));
}

static void check_quote(const char *text, size_t len, const char *want)
{
	char buf[OZR_QUOTE_MAX];
	CHECK(ozr_quote(buf, text, len) == buf);
	if (strcmp(buf, want) != 0)
		fprintf(stderr, "quoted as: %s\n", buf);
	CHECK(strcmp(buf, want) == 0);
}

static void test_quote(void)
{
	char long_text[200], want[OZR_QUOTE_MAX];

	check_quote("", 0, "");
	check_quote("caf\xc3\xa9", 5, "caf\xc3\xa9");
	check_quote("a\nb\x1b[31m", 7, "a\\x0ab\\x1b[31");
	check_quote("a\0b", 3, "a\\x00b");
	check_quote("\x7f", 1, "\\x7f");
	check_quote("\xc2\x9b"
		    "31m",
		    5, "\\xc2\\x9b31m"); /* a control character in UTF-8 */
	check_quote("\xff\xc3", 2, "\\xff\\xc3");
	check_quote("\xed\xa0\x80", 3, "\\xed\\xa0\\x80"); /* a surrogate */
	check_quote("\xc0\xaf", 2, "\\xc0\\xaf");          /* an overlong '/' */

	memset(long_text, 'x', sizeof(long_text));
	memset(want, 'x', 80);
	memcpy(want + 80, "...", 4);
	check_quote(long_text, sizeof(long_text), want);
	want[80] = 0;
	check_quote(long_text, 80, want);

	/* Whatever goes in, what comes out fits and is UTF-8. */
	uint64_t random = 1;
	for (int i = 0; i < 20000; i++) {
		char buf[OZR_QUOTE_MAX + 1];
		size_t n = next_random(&random) % sizeof(long_text);
		fill_bytes(long_text, n, (uint64_t)i);
		if (i % 2) /* mostly plain */
			for (size_t k = 0; k < n; k++)
				if (k % 11)
					long_text[k] = 'p';
		buf[OZR_QUOTE_MAX] = 'Z';
		ozr_quote(buf, long_text, n);
		CHECK(buf[OZR_QUOTE_MAX] == 'Z' && strlen(buf) < OZR_QUOTE_MAX && is_utf8(buf));
		for (const char *c = buf; *c; c++)
			CHECK((unsigned char)*c >= 0x20 && *c != 0x7f);
	}
}

int main(void)
{
	test_fill();
	test_errno();
	test_context();
	test_cut();
	test_names();
	test_quote();
	return 0;
}
