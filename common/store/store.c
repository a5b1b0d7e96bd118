/* SPDX-License-Identifier: MIT */
/*
 * The front of all stores: keys, ranges and rights are checked here, once, so
 * that no implementation ever sees a bad one; then the call is dispatched.
 * Whole values (get, put) are built on objects and puts here, so that each
 * implementation has one way to read and one way to write.
 *
 * Only the reference count is shared state of this file; it is atomic.
 */
#include <inttypes.h>
#include <string.h>

#include "base/ckd.h"
#include "base/ctx.h"
#include "base/key.h"
#include "base/mem.h"
#include "ozr/store.h"

int ozr_store_init(struct ozr_store *s, const struct ozr_store_ops *ops, struct ozr_ctx *ctx,
		   const char *location, unsigned caps, struct ozr_err *err)
{
	char *copy = ozr_strdup(ctx, location, err);
	if (!copy)
		return ozr_alloc_code(err);
	*s = (struct ozr_store){
		.ops = ops, .ctx = ozr_ctx_ref(ctx), .location = copy, .caps = caps, .refs = 1};
	return OZR_OK;
}

void ozr_store_release(struct ozr_store *s)
{
	ozr_free(s->ctx, s->location);
	ozr_ctx_unref(s->ctx);
	s->location = NULL;
	s->ctx = NULL;
}

struct ozr_store *ozr_store_ref(struct ozr_store *s)
{
	__atomic_fetch_add(&s->refs, 1, __ATOMIC_RELAXED);
	return s;
}

void ozr_store_unref(struct ozr_store *s)
{
	if (s && __atomic_fetch_sub(&s->refs, 1, __ATOMIC_ACQ_REL) == 1)
		s->ops->destroy(s);
}

static int need(const struct ozr_store *s, unsigned cap, const char *what, struct ozr_err *err)
{
	if (s->caps & cap)
		return OZR_OK;
	if (cap & (OZR_STORE_WRITE | OZR_STORE_DELETE))
		return ozr_fail(err, OZR_DENIED, "%s: the %s store is open for reading only", what,
				s->ops->name);
	return ozr_fail(err, OZR_UNSUPPORTED, "%s: not possible in a %s store", what, s->ops->name);
}

/* --- Objects ------------------------------------------------------------ */

int ozr_object_open_for(struct ozr_store *s, const char *key, const struct ozr_hint *hint,
			struct ozr_object **out, struct ozr_err *err)
{
	int code = ozr_key_check(key, err);
	if (!code && s->ops->open_for)
		code = s->ops->open_for(s, key, hint, out, err);
	else if (!code)
		code = s->ops->open(s, key, out, err);
	if (!code)
		OZR_COUNT(s->ctx, objects_opened, 1);
	return code;
}

int ozr_object_open(struct ozr_store *s, const char *key, struct ozr_object **out,
		    struct ozr_err *err)
{
	const struct ozr_hint nothing = {OZR_FIRST_NOTHING, 0};
	return ozr_object_open_for(s, key, &nothing, out, err);
}

int ozr_object_read(struct ozr_object *o, size_t n, const struct ozr_range *ranges,
		    void *const *dst, struct ozr_err *err)
{
	uint64_t total = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t end;
		if (ozr_ckd_add(ranges[i].offset, ranges[i].length, &end) || end > o->size)
			return ozr_fail(err, OZR_CORRUPT,
					"bytes %" PRIu64 "+%" PRIu64
					" are wanted, but the value has %" PRIu64,
					ranges[i].offset, ranges[i].length, o->size);
		/* The same bytes may be asked for twice, so that the sum is not bounded. */
		if (ozr_ckd_add(total, ranges[i].length, &total))
			return ozr_fail(err, OZR_BAD_ARG, "%zu ranges exceed 2^64 bytes", n);
	}
	int code = n ? o->store->ops->read(o, n, ranges, dst, err) : OZR_OK;
	if (!code)
		OZR_COUNT(o->store->ctx, bytes_read, total);
	return code;
}

void ozr_object_advise(struct ozr_object *o, size_t n, const struct ozr_range *ranges)
{
	if (o->store->ops->advise && n)
		o->store->ops->advise(o, n, ranges);
}

void ozr_object_close(struct ozr_object *o)
{
	if (o)
		o->store->ops->close(o);
}

/* --- Puts --------------------------------------------------------------- */

int ozr_put_begin(struct ozr_store *s, const char *key, uint64_t size_hint, struct ozr_put **out,
		  struct ozr_err *err)
{
	int code = ozr_key_check(key, err);
	if (!code)
		code = need(s, OZR_STORE_WRITE, "write", err);
	if (!code)
		code = s->ops->put_begin(s, key, size_hint, out, err);
	return code;
}

int ozr_put_append(struct ozr_put *p, const void *bytes, size_t len, struct ozr_err *err)
{
	if (!len)
		return OZR_OK;
	uint64_t size;
	if (ozr_ckd_add(p->size, len, &size) || size > INT64_MAX)
		return ozr_fail(err, OZR_LIMIT, "a value may not exceed 2^63-1 bytes");
	int code = p->store->ops->put_append(p, bytes, len, err);
	if (!code)
		p->size = size;
	return code;
}

int ozr_put_patch(struct ozr_put *p, uint64_t offset, const void *bytes, size_t len,
		  struct ozr_err *err)
{
	uint64_t end;
	if (!p->store->ops->put_patch)
		return ozr_fail(err, OZR_UNSUPPORTED, "change written bytes: not in a %s store",
				p->store->ops->name);
	if (ozr_ckd_add(offset, len, &end) || end > p->size)
		return ozr_fail(err, OZR_BAD_ARG,
				"bytes %" PRIu64 "+%zu are to be changed, %" PRIu64 " were written",
				offset, len, p->size);
	return len ? p->store->ops->put_patch(p, offset, bytes, len, err) : OZR_OK;
}

int ozr_put_read_only(struct ozr_put *p, struct ozr_err *err)
{
	return p->store->ops->put_read_only ? p->store->ops->put_read_only(p, err) : OZR_OK;
}

int ozr_put_commit(struct ozr_put *p, enum ozr_put_mode mode, struct ozr_placement *out,
		   struct ozr_err *err)
{
	struct ozr_placement place = {0, p->size};
	int code = p->store->ops->put_commit(p, mode, &place, err);
	if (!code && out)
		*out = place;
	return code;
}

void ozr_put_abort(struct ozr_put *p)
{
	if (p)
		p->store->ops->put_abort(p);
}

/* --- Whole values ------------------------------------------------------- */

/* The value of an open object as text that the caller will own. */
static int read_whole(struct ozr_object *o, size_t limit, char **bytes, size_t *len,
		      struct ozr_err *err)
{
	if (o->size > limit || o->size > SIZE_MAX / 2)
		return ozr_fail(err, OZR_LIMIT,
				"the value has %" PRIu64 " bytes, more than the limit of %zu",
				o->size, limit);
	char *text = ozr_text_new(o->store->ctx, o->size + 1, err);
	if (!text)
		return ozr_alloc_code(err);
	const struct ozr_range all = {0, o->size};
	void *dst = text;
	int code = ozr_object_read(o, 1, &all, &dst, err);
	if (code) {
		ozr_text_free(text);
		return code;
	}
	text[o->size] = '\0';
	*bytes = text;
	*len = (size_t)o->size;
	return OZR_OK;
}

int ozr_store_get(struct ozr_store *s, const char *key, size_t limit, char **bytes, size_t *len,
		  uint64_t *version, struct ozr_err *err)
{
	const struct ozr_hint all = {OZR_FIRST_HEAD, limit};
	struct ozr_object *o = NULL;
	int code = ozr_object_open_for(s, key, &all, &o, err);
	if (code)
		return code;
	uint64_t seen = o->version;
	code = read_whole(o, limit, bytes, len, err);
	ozr_object_close(o);
	if (code) {
		char quoted[OZR_QUOTE_MAX];
		return ozr_err_context(err, code, "%s", ozr_quote(quoted, key, strlen(key)));
	}
	if (version)
		*version = seen;
	return OZR_OK;
}

int ozr_store_put(struct ozr_store *s, const char *key, const void *bytes, size_t len,
		  enum ozr_put_mode mode, struct ozr_err *err)
{
	struct ozr_put *p = NULL;
	int code = ozr_put_begin(s, key, len, &p, err);
	if (code)
		return code;
	code = ozr_put_append(p, bytes, len, err);
	if (code) {
		ozr_put_abort(p);
		return code;
	}
	return ozr_put_commit(p, mode, NULL, err);
}

/* --- The rest ----------------------------------------------------------- */

int ozr_store_del(struct ozr_store *s, const char *key, struct ozr_err *err)
{
	int code = ozr_key_check(key, err);
	if (!code)
		code = need(s, OZR_STORE_DELETE, "delete", err);
	if (!code)
		code = s->ops->del(s, key, err);
	return code;
}

int ozr_store_list(struct ozr_store *s, const char *prefix,
		   int (*fn)(void *arg, const char *name, int is_prefix), void *arg,
		   struct ozr_err *err)
{
	int code = ozr_prefix_check(prefix, err);
	if (!code)
		code = need(s, OZR_STORE_LIST, "list", err);
	if (!code)
		code = s->ops->list(s, prefix, fn, arg, err);
	return code;
}

int ozr_store_sync(struct ozr_store *s, struct ozr_err *err)
{
	return s->ops->sync ? s->ops->sync(s, err) : OZR_OK;
}

int ozr_store_lock(struct ozr_store *s, const char *key, void **token, struct ozr_err *err)
{
	int code = ozr_key_check(key, err);
	if (!code)
		code = need(s, OZR_STORE_LOCK, "lock", err);
	if (!code)
		code = s->ops->lock(s, key, token, err);
	return code;
}

int ozr_store_try_lock(struct ozr_store *s, const char *key, void **token, struct ozr_err *err)
{
	int code = ozr_key_check(key, err);
	if (!code)
		code = need(s, OZR_STORE_LOCK, "lock", err);
	if (!code && !s->ops->try_lock)
		code = ozr_fail(err, OZR_UNSUPPORTED, "lock '%s': a %s store can only wait", key,
				s->ops->name);
	if (!code)
		code = s->ops->try_lock(s, key, token, err);
	return code;
}

void ozr_store_unlock(struct ozr_store *s, void *token)
{
	s->ops->unlock(s, token);
}
