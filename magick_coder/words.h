/* SPDX-License-Identifier: MIT */
/*
 * Reading what users type: pieces of text, numbers and names, the same in every
 * locale (the host may have set any, and "0,5" or a Turkish i must not change
 * what a name means). Nothing here touches a file or ImageMagick.
 */
#ifndef MAGICK_CODER_WORDS_H
#define MAGICK_CODER_WORDS_H

#include <ozr/ozr.h>

/* A piece of a text that belongs to somebody else. */
struct word {
	const char *at;
	size_t n;
};

/* The text, without blanks around it. */
struct word word_of(const char *text);
struct word word_trimmed(struct word word);
/* Take what stands before the next separator (not counting those between double quotes) off rest,
 * and the separator too, without blanks around it. 0: rest->at is NULL, which follows the last. */
int word_take(struct word *rest, char separator, struct word *out);
int word_is(struct word word, const char *text); /* without regard to case (ASCII) */
int names_equal(const char *a, const char *b);   /* the same */
/* An integer and nothing else: 1, with the value. 0: it is none. -1: an integer too large. */
int word_integer(struct word word, int64_t *out);
/* "5", "2-7", "-3--1": 1, with both ends (the same one twice for "5"). 0 and -1 as above. */
int word_range(struct word word, int64_t *first, int64_t *last);
/* A finite number and nothing else: 1. */
int word_number(struct word word, double *out);
/* To a text of its own; 0: it does not fit. */
int word_copy(struct word word, char *out, size_t room);
/* How many bytes of text are UTF-8, from its beginning: all of them when text[n] is 0. */
size_t text_utf8(const char *text);
/* For messages. */
const char *word_quote(char out[OZR_QUOTE_MAX], struct word word);

#endif
