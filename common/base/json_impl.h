/* SPDX-License-Identifier: MIT */
/*
 * What the files json*.c share. A struct ozr_json is a cJSON item. A cJSON
 * number is always an integer of at most 2^53 in size, spelled the plain way;
 * every other number is a string item whose first byte is OZR_JSON_TAG,
 * followed by its exact spelling. The tag is no UTF-8, so no string of a
 * document starts with it.
 */
#ifndef OZR_BASE_JSON_IMPL_H
#define OZR_BASE_JSON_IMPL_H

#include <cJSON.h>

#include "base/json.h"
#include "base/json_number.h"

#define OZR_JSON_TAG   "\xff"
#define OZR_JSON_EXACT 9007199254740992.0 /* 2^53: integers up to here are exact doubles */
enum { OZR_JSON_RECURSION = 512 };

/* Check the text and append it to out, rewritten for cJSON, with a NUL. */
int ozr_json_scan(struct ozr_ctx *ctx, const char *text, size_t len, unsigned flags,
		  struct ozr_buf *out, struct ozr_err *err) OZR_MUST_CHECK;

static inline const cJSON *ozr_json_item(const struct ozr_json *v)
{
	return (const cJSON *)(const void *)v;
}

/* The spelling of a number that is kept as text, or NULL. */
static inline const char *ozr_json_spelling(const cJSON *item)
{
	if (!cJSON_IsString(item) || item->valuestring[0] != OZR_JSON_TAG[0])
		return NULL;
	return item->valuestring + 1;
}

#endif
