/* SPDX-License-Identifier: MIT */
/*
 * A store over the part of another store below a prefix. Keys are prefixed and
 * handed on; objects and puts are the parent's own, so that reading, appending
 * and committing cost nothing extra. Holds a reference to the parent.
 * Messages name the parent's keys. Threads: as the parent.
 */
#include <string.h>

#include "base/ctx.h"
#include "base/key.h"
#include "base/mem.h"
#include "ozr/store.h"

struct sub_store {
	struct ozr_store base;
	struct ozr_store *parent; /* owned reference */
	char prefix[OZR_KEY_MAX + 1];
};

static struct sub_store *sub(struct ozr_store *s)
{
	return (struct sub_store *)s;
}

static int sub_open(struct ozr_store *s, const char *key, struct ozr_object **out,
		    struct ozr_err *err)
{
	char full[OZR_KEY_MAX + 1];
	int code = ozr_key_join(full, sub(s)->prefix, key, err);
	return code ? code : sub(s)->parent->ops->open(sub(s)->parent, full, out, err);
}

static int sub_open_for(struct ozr_store *s, const char *key, const struct ozr_hint *hint,
			struct ozr_object **out, struct ozr_err *err)
{
	struct ozr_store *parent = sub(s)->parent;
	char full[OZR_KEY_MAX + 1];
	int code = ozr_key_join(full, sub(s)->prefix, key, err);
	if (code)
		return code;
	return parent->ops->open_for ? parent->ops->open_for(parent, full, hint, out, err)
				     : parent->ops->open(parent, full, out, err);
}

static int sub_put_begin(struct ozr_store *s, const char *key, uint64_t size_hint,
			 struct ozr_put **out, struct ozr_err *err)
{
	char full[OZR_KEY_MAX + 1];
	int code = ozr_key_join(full, sub(s)->prefix, key, err);
	return code ? code
		    : sub(s)->parent->ops->put_begin(sub(s)->parent, full, size_hint, out, err);
}

static int sub_del(struct ozr_store *s, const char *key, struct ozr_err *err)
{
	char full[OZR_KEY_MAX + 1];
	int code = ozr_key_join(full, sub(s)->prefix, key, err);
	return code ? code : sub(s)->parent->ops->del(sub(s)->parent, full, err);
}

static int sub_list(struct ozr_store *s, const char *prefix,
		    int (*fn)(void *arg, const char *name, int is_prefix), void *arg,
		    struct ozr_err *err)
{
	if (!*prefix)
		return ozr_store_list(sub(s)->parent, sub(s)->prefix, fn, arg, err);
	char full[OZR_KEY_MAX + 1];
	int code = ozr_key_join(full, sub(s)->prefix, prefix, err);
	return code ? code : ozr_store_list(sub(s)->parent, full, fn, arg, err);
}

static int sub_sync(struct ozr_store *s, struct ozr_err *err)
{
	return ozr_store_sync(sub(s)->parent, err);
}

static int sub_lock(struct ozr_store *s, const char *key, void **token, struct ozr_err *err)
{
	char full[OZR_KEY_MAX + 1];
	int code = ozr_key_join(full, sub(s)->prefix, key, err);
	return code ? code : ozr_store_lock(sub(s)->parent, full, token, err);
}

static void sub_unlock(struct ozr_store *s, void *token)
{
	ozr_store_unlock(sub(s)->parent, token);
}

static int sub_try_lock(struct ozr_store *s, const char *key, void **token, struct ozr_err *err)
{
	char full[OZR_KEY_MAX + 1];
	int code = ozr_key_join(full, sub(s)->prefix, key, err);
	return code ? code : ozr_store_try_lock(sub(s)->parent, full, token, err);
}

static int sub_clear(struct ozr_store *s, const char *prefix, struct ozr_err *err)
{
	struct ozr_store *parent = sub(s)->parent;
	char full[OZR_KEY_MAX + 1];
	int code = ozr_key_join(full, sub(s)->prefix, prefix, err);
	if (!code && !parent->ops->clear)
		code = ozr_fail(err, OZR_UNSUPPORTED, "a %s store removes keys only",
				parent->ops->name);
	return code ? code : parent->ops->clear(parent, full, err);
}

static void sub_destroy(struct ozr_store *s)
{
	struct ozr_store *parent = sub(s)->parent;
	ozr_store_release(s);
	ozr_free(parent->ctx, s); /* the parent still holds the context */
	ozr_store_unref(parent);
}

/* Objects and puts belong to the parent, whose functions read and commit them. */
static const struct ozr_store_ops sub_ops = {
	.name = "sub",
	.open = sub_open,
	.open_for = sub_open_for,
	.put_begin = sub_put_begin,
	.del = sub_del,
	.list = sub_list,
	.sync = sub_sync,
	.lock = sub_lock,
	.unlock = sub_unlock,
	.try_lock = sub_try_lock,
	.clear = sub_clear,
	.destroy = sub_destroy,
};

int ozr_store_open_sub(struct ozr_store *parent, const char *prefix, struct ozr_store **out,
		       struct ozr_err *err)
{
	int code = ozr_prefix_check(prefix, err);
	if (code)
		return code;
	if (!*prefix) {
		*out = ozr_store_ref(parent);
		return OZR_OK;
	}
	struct ozr_ctx *ctx = parent->ctx;
	struct sub_store *s = ozr_alloc(ctx, sizeof *s, err);
	struct ozr_buf location;
	ozr_buf_init(&location, ctx, SIZE_MAX / 2);
	if (!s) {
		code = ozr_alloc_code(err);
		goto out;
	}
	code = ozr_buf_printf(&location, err, "%s/%s", parent->location, prefix);
	if (!code)
		code = ozr_store_init(&s->base, &sub_ops, ctx, location.data, parent->caps, err);
	if (code)
		goto out;
	for (int i = 0; i < 2; i++)
		s->base.identity[i] = ozr_hash(parent->identity[i], prefix, strlen(prefix));
	s->base.io_width = parent->io_width;
	memcpy(s->prefix, prefix, strlen(prefix) + 1);
	s->parent = ozr_store_ref(parent);
	*out = &s->base;
	s = NULL;
out:
	ozr_free(ctx, s);
	ozr_buf_release(&location);
	return code;
}
