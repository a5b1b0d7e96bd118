/* SPDX-License-Identifier: MIT */
/*
 * Parsing, and walking a parsed document: members, elements, types. What the
 * getters say about a value is in json_get.c.
 */
#include "base/json.h"

#include <string.h>

#include "base/json_impl.h"

int ozr_json_parse(struct ozr_ctx *ctx, const char *text, size_t len, unsigned flags,
		   struct ozr_json **out, struct ozr_err *err)
{
	struct ozr_buf clean;

	/* A tagged number takes three bytes more; the shortest ("1.0") has three. */
	ozr_buf_init(&clean, ctx, 2 * len + 16);
	int code = ozr_json_scan(ctx, text, len, flags, &clean, err);
	if (!code) {
		/* After the scan only memory can be missing. */
		cJSON *doc = cJSON_ParseWithLength(clean.data, clean.len);
		if (doc)
			*out = (struct ozr_json *)(void *)doc;
		else
			code = ozr_fail(err, OZR_NO_MEMORY, "no memory for JSON of %zu bytes", len);
	}
	ozr_buf_release(&clean);
	return code;
}

void ozr_json_free(struct ozr_json *v)
{
	cJSON_Delete((cJSON *)(void *)v);
}

struct ozr_jref ozr_jroot(const struct ozr_json *doc)
{
	return (struct ozr_jref){.v = doc};
}

struct ozr_jref ozr_jget(const struct ozr_jref *obj, const char *name)
{
	struct ozr_jref r = {.up = obj, .name = name};
	if (!ozr_jis(obj, OZR_JSON_OBJECT))
		return r;
	for (const cJSON *c = ozr_json_item(obj->v)->child; c && !r.v; c = c->next)
		if (strcmp(c->string, name) == 0)
			r.v = (const struct ozr_json *)(const void *)c;
	return r;
}

enum ozr_json_type ozr_jtype(const struct ozr_jref *r)
{
	const cJSON *item = ozr_json_item(r->v);
	if (!item || cJSON_IsNull(item))
		return OZR_JSON_NULL;
	if (cJSON_IsBool(item))
		return OZR_JSON_BOOL;
	if (cJSON_IsNumber(item) || ozr_json_spelling(item))
		return OZR_JSON_NUMBER;
	if (cJSON_IsString(item))
		return OZR_JSON_STRING;
	return cJSON_IsArray(item) ? OZR_JSON_ARRAY : OZR_JSON_OBJECT;
}

int ozr_jis(const struct ozr_jref *r, enum ozr_json_type type)
{
	return r->v && ozr_jtype(r) == type;
}

static const cJSON *first_child(const struct ozr_jref *r)
{
	if (!ozr_jis(r, OZR_JSON_ARRAY) && !ozr_jis(r, OZR_JSON_OBJECT))
		return NULL;
	return ozr_json_item(r->v)->child;
}

size_t ozr_jcount(const struct ozr_jref *r)
{
	size_t n = 0;
	for (const cJSON *c = first_child(r); c; c = c->next)
		n++;
	return n;
}

static int show(struct ozr_jref *it, const cJSON *c)
{
	it->v = (const struct ozr_json *)(const void *)c;
	it->name = c ? c->string : NULL;
	return c != NULL;
}

int ozr_jfirst(const struct ozr_jref *container, struct ozr_jref *it)
{
	it->up = container;
	it->index = 0;
	return show(it, first_child(container));
}

int ozr_jnext(struct ozr_jref *it)
{
	it->index++;
	return show(it, ozr_json_item(it->v)->next);
}
