/* SPDX-License-Identifier: MIT */
/*
 * Documents under construction. Nodes are linked by hand where cJSON would
 * copy a name again or compare names without case, so that once a node exists
 * putting it in place cannot fail.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json_impl.h"

static struct ozr_json *wrap(cJSON *item)
{
	return (struct ozr_json *)(void *)item;
}

static cJSON *item_of(struct ozr_json *v)
{
	return (cJSON *)(void *)v;
}

struct ozr_json *ozr_json_object(void)
{
	return wrap(cJSON_CreateObject());
}

struct ozr_json *ozr_json_array(void)
{
	return wrap(cJSON_CreateArray());
}

struct ozr_json *ozr_json_text(const char *s)
{
	return wrap(cJSON_CreateString(s));
}

struct ozr_json *ozr_json_bool(int v)
{
	return wrap(cJSON_CreateBool(v != 0));
}

struct ozr_json *ozr_json_null(void)
{
	return wrap(cJSON_CreateNull());
}

struct ozr_json *ozr_json_number(double v)
{
	char text[1 + OZR_NUMBER_TEXT] = OZR_JSON_TAG;

	if (!isfinite(v))
		return ozr_json_null();
	if (fabs(v) <= OZR_JSON_EXACT && v == floor(v) && !(v == 0 && signbit(v)))
		return wrap(cJSON_CreateNumber(v));
	ozr_number_print(text + 1, v);
	return wrap(cJSON_CreateString(text));
}

struct ozr_json *ozr_json_u64(uint64_t v)
{
	char text[32];
	if (v <= (uint64_t)OZR_JSON_EXACT)
		return wrap(cJSON_CreateNumber((double)v));
	snprintf(text, sizeof(text), OZR_JSON_TAG "%llu", (unsigned long long)v);
	return wrap(cJSON_CreateString(text));
}

struct ozr_json *ozr_json_i64(int64_t v)
{
	char text[32];
	if (v >= 0)
		return ozr_json_u64((uint64_t)v);
	if (v >= -(int64_t)OZR_JSON_EXACT)
		return wrap(cJSON_CreateNumber((double)v));
	snprintf(text, sizeof(text), OZR_JSON_TAG "%lld", (long long)v);
	return wrap(cJSON_CreateString(text));
}

/* --- putting in place -------------------------------------------------------- */

static cJSON *find(const cJSON *obj, const char *name)
{
	cJSON *c = cJSON_IsObject(obj) ? obj->child : NULL;
	while (c && strcmp(c->string, name) != 0)
		c = c->next;
	return c;
}

/* Give a loose item its name; -1 when memory is out. */
static int rename_item(cJSON *item, const char *name)
{
	size_t n = strlen(name) + 1;
	char *copy = cJSON_malloc(n);
	if (!copy)
		return -1;
	memcpy(copy, name, n);
	cJSON_free(item->string);
	item->string = copy;
	return 0;
}

/* A named item becomes a member, in the place of an older one of that name. */
static void place_member(cJSON *obj, cJSON *item)
{
	cJSON *old = find(obj, item->string);
	if (old)
		cJSON_ReplaceItemViaPointer(obj, old, item);
	else
		cJSON_AddItemToArray(obj, item); /* links any container's child */
}

int ozr_json_set(struct ozr_json *obj, const char *name, struct ozr_json *v)
{
	if (!obj || !v || !cJSON_IsObject(item_of(obj)) || rename_item(item_of(v), name)) {
		ozr_json_free(v);
		return -1;
	}
	place_member(item_of(obj), item_of(v));
	return 0;
}

int ozr_json_append(struct ozr_json *array, struct ozr_json *v)
{
	if (!array || !v || !cJSON_IsArray(item_of(array)) ||
	    !cJSON_AddItemToArray(item_of(array), item_of(v))) {
		ozr_json_free(v);
		return -1;
	}
	return 0;
}

int ozr_json_set_text(struct ozr_json *obj, const char *name, const char *s)
{
	return ozr_json_set(obj, name, ozr_json_text(s));
}

int ozr_json_set_u64s(struct ozr_json *obj, const char *name, const uint64_t *v, unsigned n)
{
	struct ozr_json *array = ozr_json_array();
	int failed = 0;
	for (unsigned i = 0; i < n && !failed; i++)
		failed = ozr_json_append(array, ozr_json_u64(v[i]));
	return ozr_json_set(obj, name, array) || failed ? -1 : 0;
}

int ozr_json_set_doubles(struct ozr_json *obj, const char *name, const double *v, unsigned n)
{
	struct ozr_json *array = ozr_json_array();
	int failed = 0;
	for (unsigned i = 0; i < n && !failed; i++)
		failed = ozr_json_append(array, ozr_json_number(v[i]));
	return ozr_json_set(obj, name, array) || failed ? -1 : 0;
}

void ozr_json_remove(struct ozr_json *obj, const char *name)
{
	cJSON *old = obj ? find(item_of(obj), name) : NULL;
	if (old)
		cJSON_Delete(cJSON_DetachItemViaPointer(item_of(obj), old));
}

struct ozr_json *ozr_json_child(struct ozr_json *obj, const char *name)
{
	return obj ? wrap(find(item_of(obj), name)) : NULL;
}

struct ozr_json *ozr_json_element(struct ozr_json *array, size_t index)
{
	cJSON *c = cJSON_IsArray(item_of(array)) ? item_of(array)->child : NULL;
	while (c && index-- > 0)
		c = c->next;
	return wrap(c);
}

/* --- copies ------------------------------------------------------------------ */

static cJSON *copy_one(const cJSON *from)
{
	cJSON *c;
	if (cJSON_IsString(from))
		c = cJSON_CreateString(from->valuestring);
	else if (cJSON_IsNumber(from))
		c = cJSON_CreateNumber(from->valuedouble);
	else if (cJSON_IsBool(from))
		c = cJSON_CreateBool(cJSON_IsTrue(from));
	else if (cJSON_IsArray(from))
		c = cJSON_CreateArray();
	else if (cJSON_IsObject(from))
		c = cJSON_CreateObject();
	else
		c = cJSON_CreateNull();
	if (c && from->string && rename_item(c, from->string)) {
		cJSON_Delete(c);
		return NULL;
	}
	return c;
}

static cJSON *copy_tree(const cJSON *from, unsigned depth)
{
	if (depth > OZR_JSON_RECURSION)
		return NULL;
	cJSON *to = copy_one(from);
	for (const cJSON *c = from->child; to && c; c = c->next) {
		cJSON *child = copy_tree(c, depth + 1);
		if (!child) {
			cJSON_Delete(to);
			return NULL;
		}
		cJSON_AddItemToArray(to, child);
	}
	return to;
}

struct ozr_json *ozr_json_copy(struct ozr_ctx *ctx, const struct ozr_json *v, struct ozr_err *err)
{
	(void)ctx;
	cJSON *copy = copy_tree(ozr_json_item(v), 0);
	if (!copy)
		ozr_fail(err, OZR_NO_MEMORY, "no memory to copy JSON");
	return wrap(copy);
}

int ozr_json_merge(struct ozr_ctx *ctx, struct ozr_json *into, const struct ozr_json *from,
		   struct ozr_err *err)
{
	if (!cJSON_IsObject(item_of(into)) || !cJSON_IsObject(ozr_json_item(from)))
		return ozr_fail(err, OZR_BAD_ARG, "only objects can be merged");
	struct ozr_json *copy = ozr_json_copy(ctx, from, err);
	if (!copy)
		return OZR_NO_MEMORY;
	/* From here on nothing can fail. */
	while (item_of(copy)->child) {
		cJSON *c = cJSON_DetachItemViaPointer(item_of(copy), item_of(copy)->child);
		if (cJSON_IsNull(c)) {
			ozr_json_remove(into, c->string);
			cJSON_Delete(c);
		} else {
			place_member(item_of(into), c);
		}
	}
	ozr_json_free(copy);
	return OZR_OK;
}
