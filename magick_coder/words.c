/* SPDX-License-Identifier: MIT */
/*
 * See words.h.
 */
#include "words.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

struct word word_trimmed(struct word word)
{
	while (word.n > 0 && is_blank(word.at[0])) {
		word.at++;
		word.n--;
	}
	while (word.n > 0 && is_blank(word.at[word.n - 1]))
		word.n--;
	return word;
}

struct word word_of(const char *text)
{
	struct word word = {text, strlen(text)};

	return word_trimmed(word);
}

int word_take(struct word *rest, char separator, struct word *out)
{
	size_t end = 0;
	int quoted = 0;

	if (!rest->at)
		return 0;
	for (; end < rest->n && (quoted || rest->at[end] != separator); end++)
		quoted ^= rest->at[end] == '"';
	out->at = rest->at;
	out->n = end;
	*out = word_trimmed(*out);
	if (end == rest->n) {
		rest->at = NULL;
		rest->n = 0;
	} else {
		rest->at += end + 1;
		rest->n -= end + 1;
	}
	return 1;
}

int word_is(struct word word, const char *text)
{
	size_t i = 0;

	for (; i < word.n && text[i]; i++)
		if (lower(word.at[i]) != lower(text[i]))
			return 0;
	return i == word.n && !text[i];
}

int names_equal(const char *a, const char *b)
{
	struct word word = {a, strlen(a)};

	return word_is(word, b);
}

/* Take an integer off the beginning; as word_integer(). */
static int take_integer(struct word *word, int64_t *out)
{
	size_t i = word->n > 0 && word->at[0] == '-';
	int negative = i > 0, large = 0;
	int64_t value = 0;

	if (i == word->n || !is_digit(word->at[i]))
		return 0;
	for (; i < word->n && is_digit(word->at[i]); i++) {
		int digit = word->at[i] - '0';

		large = large || value > (INT64_MAX - digit) / 10;
		if (!large)
			value = value * 10 + digit;
	}
	word->at += i;
	word->n -= i;
	*out = negative ? -value : value;
	return large ? -1 : 1;
}

int word_integer(struct word word, int64_t *out)
{
	int got = take_integer(&word, out);

	return word.n == 0 ? got : 0;
}

int word_range(struct word word, int64_t *first, int64_t *last)
{
	int got = take_integer(&word, first);

	*last = *first;
	word = word_trimmed(word);
	if (got == 0 || word.n == 0)
		return got;
	if (word.at[0] != '-')
		return 0;
	word.at++;
	word.n--;
	word = word_trimmed(word);
	switch (word_integer(word, last)) {
	case 0:
		return 0;
	case 1:
		return got;
	default:
		return -1;
	}
}

int word_number(struct word word, double *out)
{
	char text[64], *end;
	locale_t plain;

	if (word.n == 0 || !word_copy(word, text, sizeof(text)))
		return 0;
	if (!is_digit(text[0]) && !strchr("+-.", text[0]))
		return 0; /* "nan", "infinity" */
	plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (!plain)
		return 0;
	*out = strtod_l(text, &end, plain);
	freelocale(plain);
	return *end == '\0' && isfinite(*out);
}

int word_copy(struct word word, char *out, size_t room)
{
	if (word.n >= room)
		return 0;
	memcpy(out, word.at, word.n);
	out[word.n] = '\0';
	return 1;
}

/* Bytes of the character at s: as RFC 3629 has them, no overlong forms and no surrogates; 0: none. */
static size_t utf8_character(const unsigned char *s)
{
	const size_t n = s[0] < 0x80   ? 1
			 : s[0] < 0xc2 ? 0
			 : s[0] < 0xe0 ? 2
			 : s[0] < 0xf0 ? 3
			 : s[0] < 0xf5 ? 4
				       : 0;

	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0; /* the end of the text as well */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

size_t text_utf8(const char *text)
{
	size_t n = 0;

	while (text[n]) {
		size_t step = utf8_character((const unsigned char *)text + n);

		if (step == 0)
			break;
		n += step;
	}
	return n;
}

const char *word_quote(char out[OZR_QUOTE_MAX], struct word word)
{
	return ozr_quote(out, word.at, word.n);
}
