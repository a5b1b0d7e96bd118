/* SPDX-License-Identifier: MIT */
/* The direct children of a prefix among keys in no order: see children.h. */
#include "store/children.h"

#include <stdlib.h>
#include <string.h>

void ozr_children_init(struct ozr_children *c, struct ozr_ctx *ctx)
{
	ozr_buf_init(&c->names, ctx, SIZE_MAX / 2);
	c->count = 0;
}

void ozr_children_release(struct ozr_children *c)
{
	ozr_buf_release(&c->names);
}

int ozr_children_note(struct ozr_children *c, const char *key, const char *prefix,
		      struct ozr_err *err)
{
	size_t skip = strlen(prefix);
	if (strncmp(key, prefix, skip) != 0 || (skip && key[skip] != '/'))
		return OZR_OK;
	const char *child = key + skip + (skip != 0);
	size_t len = strcspn(child, "/");
	c->count++;
	int code = ozr_buf_append(&c->names, child[len] ? "p" : "v", 1, err);
	if (!code)
		code = ozr_buf_append(&c->names, child, len, err);
	return code ? code : ozr_buf_append(&c->names, "", 1, err);
}

/* By name; a value comes before the prefix of the same name. */
static int compare(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;
	int order = strcmp(x + 1, y + 1);
	return order ? order : (unsigned char)*y - (unsigned char)*x;
}

int ozr_children_tell(const struct ozr_children *c,
		      int (*fn)(void *arg, const char *name, int is_prefix), void *arg,
		      struct ozr_err *err)
{
	const char *name = c->names.data;
	int code = OZR_OK;
	if (!c->count)
		return OZR_OK;
	const char **order = ozr_calloc(c->names.ctx, c->count, sizeof(*order), err);
	if (!order)
		return ozr_alloc_code(err);
	for (size_t i = 0; i < c->count; i++, name += strlen(name) + 1)
		order[i] = name;
	qsort(order, c->count, sizeof(*order), compare);
	for (size_t i = 0; i < c->count && !code; i++)
		if (!i || strcmp(order[i], order[i - 1]) != 0)
			code = fn(arg, order[i] + 1, order[i][0] == 'p');
	ozr_free(c->names.ctx, order);
	return code;
}
