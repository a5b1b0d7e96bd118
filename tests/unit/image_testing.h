/* SPDX-License-Identifier: MIT */
/* What the tests of images share: one context, checks that show messages, documents. */
#ifndef OZR_TEST_IMAGE_TESTING_H
#define OZR_TEST_IMAGE_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "ozr/ozr.h"

static struct ozr_ctx *ctx;
static struct ozr_err err;

#define OK(call)                                                                                   \
	do {                                                                                       \
		err.msg[0] = '\0';                                                                 \
		if ((call) != OZR_OK)                                                              \
			fail_msg("%s:%d: %s", __FILE__, __LINE__, err.msg);                        \
	} while (0)

static inline void has_text(const char *text, const char *words, int yes)
{
	if ((strstr(text, words) != NULL) != yes)
		fail_msg("'%s' is %s in: %s", words, yes ? "not" : "unexpectedly", text);
}

static inline void put(struct ozr_store *s, const char *key, const char *text)
{
	OK(ozr_store_put(s, key, text, strlen(text), OZR_PUT_REPLACE, &err));
}

static inline char *get(struct ozr_store *s, const char *key)
{
	char *text;
	size_t len;

	OK(ozr_store_get(s, key, 1 << 20, &text, &len, NULL, &err));
	return text;
}

#define MULTISCALES                                                                                \
	"\"multiscales\":[{\"axes\":[{\"name\":\"y\",\"type\":\"space\"},{\"name\":\"x\","         \
	"\"type\":\"space\"}],\"datasets\":[{\"path\":\"0\",\"coordinateTransformations\":"        \
	"[{\"type\":\"scale\",\"scale\":[1,1]}]}],\"mine\":[1e-3,0.10]}]"
#define ARRAY_V3                                                                                   \
	"{\"zarr_format\":3,\"node_type\":\"array\",\"shape\":[4,6],\"data_type\":\"uint8\","      \
	"\"chunk_grid\":{\"name\":\"regular\",\"configuration\":{\"chunk_shape\":[2,3]}},"         \
	"\"chunk_key_encoding\":{\"name\":\"default\",\"configuration\":{\"separator\":\"/\"}},"   \
	"\"fill_value\":0,\"codecs\":[{\"name\":\"bytes\"}]%s}"
#define ARRAY_V2                                                                                   \
	"{\"zarr_format\":2,\"shape\":[4,6],\"chunks\":[2,3],\"dtype\":\"|u1\",\"compressor\":"    \
	"null,"                                                                                    \
	"\"fill_value\":0,\"order\":\"C\",\"filters\":null}"

static inline void put_array(struct ozr_store *s, const char *key, const char *more)
{
	char text[1000];

	snprintf(text, sizeof(text), ARRAY_V3, more);
	put(s, key, text);
}

#endif
