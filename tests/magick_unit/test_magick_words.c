/* SPDX-License-Identifier: MIT */
/* Pieces of text and numbers, in locales that write them differently. */
#include <locale.h>

#include "check.h"
#include "words.h"

static void test_pieces(void)
{
	struct word rest = word_of("  a , \"b,c\" ,, d=1 "), item;
	static const char *const want[] = {"a", "\"b,c\"", "", "d=1"};

	for (unsigned i = 0; i < 4; i++) {
		CHECK(word_take(&rest, ',', &item));
		CHECK(item.n == strlen(want[i]) && memcmp(item.at, want[i], item.n) == 0);
	}
	CHECK(!word_take(&rest, ',', &item));
	rest = word_of("");
	CHECK(word_take(&rest, ',', &item) && item.n == 0 && !word_take(&rest, ',', &item));
	rest = word_of("x,\"open,");
	CHECK(word_take(&rest, ',', &item) && item.n == 1);
	CHECK(word_take(&rest, ',', &item) && item.n == 6 && !word_take(&rest, ',', &item));
}

static void test_names(void)
{
	CHECK(word_is(word_of("OmErO"), "omero") && !word_is(word_of("omer"), "omero"));
	CHECK(!word_is(word_of("omeroo"), "omero") && word_is(word_of(""), ""));
	CHECK(names_equal("Z", "z") && !names_equal("z", "zz") && !names_equal("[", "{"));
}

static void test_integers(void)
{
	int64_t n = 7, m;
	static const char *const none[] = {"",    "-",  "+1",  "1.0", "0x10", "1e3", "a1",   "1 2",
					   "--1", "1-", "-1-", "1--", "1,",   "١",   "1-2-3"};

	CHECK(word_integer(word_of(" -12 "), &n) == 1 && n == -12);
	CHECK(word_integer(word_of("9223372036854775807"), &n) == 1 && n == INT64_MAX);
	CHECK(word_integer(word_of("-9223372036854775807"), &n) == 1 && n == -INT64_MAX);
	CHECK(word_integer(word_of("9223372036854775808"), &n) == -1);
	CHECK(word_integer(word_of("-99999999999999999999999"), &n) == -1);
	CHECK(word_integer(word_of("99999999999999999999999x"), &n) == 0);
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		CHECK(word_integer(word_of(none[i]), &n) == 0);
		CHECK(word_range(word_of(none[i]), &n, &m) == 0);
	}
	CHECK(word_range(word_of("5"), &n, &m) == 1 && n == 5 && m == 5);
	CHECK(word_range(word_of("-5"), &n, &m) == 1 && n == -5 && m == -5);
	CHECK(word_range(word_of("2-7"), &n, &m) == 1 && n == 2 && m == 7);
	CHECK(word_range(word_of("-3--1"), &n, &m) == 1 && n == -3 && m == -1);
	CHECK(word_range(word_of("0 - -1"), &n, &m) == 1 && n == 0 && m == -1);
	CHECK(word_range(word_of("1-99999999999999999999"), &n, &m) == -1);
	CHECK(word_range(word_of("99999999999999999999-1"), &n, &m) == -1);
}

static void test_numbers(void)
{
	static const char *const none[] = {"",    "nan", "inf", "-infinity", "1e999", "1x",
					   "1 2", "0,5", "+",   ".",         "e5",    "-nan"};
	double d;

	CHECK(word_number(word_of("0.5"), &d) && d == 0.5);
	CHECK(word_number(word_of(" -1e3"), &d) && d == -1000);
	CHECK(word_number(word_of("+.25"), &d) && d == 0.25);
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		CHECK(!word_number(word_of(none[i]), &d));
}

static void test_copies(void)
{
	char text[4], q[OZR_QUOTE_MAX];

	CHECK(word_copy(word_of("abc"), text, 4) && strcmp(text, "abc") == 0);
	CHECK(!word_copy(word_of("abcd"), text, 4));
	CHECK(strcmp(word_quote(q, word_of("a\001b")), "a\\x01b") == 0);
}

/* The ends of the ranges of RFC 3629, and what lies beside them. */
static void test_utf8(void)
{
	static const char good[] =
		"a\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"
		"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf";
	static const char *const bad[] = {"\x80",
					  "\xc1\xbf",
					  "\xe0\x9f\xbf",
					  "\xed\xa0\x80",
					  "\xf0\x8f\xbf\xbf",
					  "\xf4\x90\x80\x80",
					  "\xf5\x80\x80\x80",
					  "\xc3",
					  "\xe2\x82",
					  "\xf0\x9f\x98",
					  "\xe9 ",
					  "\xff"};

	CHECK(text_utf8("") == 0 && text_utf8(good) == sizeof(good) - 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char text[16];

		(void)snprintf(text, sizeof(text), "ab%sc", bad[i]);
		CHECK(text_utf8(text) == 2);
		CHECK(text_utf8(bad[i]) == 0);
	}
}

int main(void)
{
	static const char *const locales[] = {"C", "C.UTF-8", "de_DE.UTF-8", "tr_TR.UTF-8"};

	for (size_t i = 0; i < sizeof(locales) / sizeof(*locales); i++) {
		if (!setlocale(LC_ALL, locales[i]))
			continue; /* not installed here */
		test_pieces();
		test_names();
		test_integers();
		test_numbers();
		test_copies();
		test_utf8();
	}
	return 0;
}
