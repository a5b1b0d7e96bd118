/* SPDX-License-Identifier: MIT */
/*
 * A store in memory: for tests, for fuzzing and as scratch. Keys hang in a
 * hash table; a value is immutable and reference-counted, so that an open
 * object keeps the version it was opened on while the key is replaced or
 * deleted. A put collects bytes of its own and its commit swaps one pointer.
 *
 * One mutex guards the table and the list of held keys; values are read and
 * written outside it. A child process must not use a memory store that another
 * thread was inside of at the time of the fork.
 */
#include <pthread.h>
#include <string.h>

#include "base/ctx.h"
#include "base/mem.h"
#include "store/children.h"

struct value {
	uint64_t refs; /* atomic */
	uint64_t version;
	size_t size;
	char *bytes;
};

struct cell {
	struct cell *next;
	uint64_t hash;
	struct value *value; /* owned reference */
	char key[];
};

/* A key that somebody holds; also the token of ozr_store_lock(). */
struct hold {
	struct hold *next;
	char key[];
};

struct mem_store {
	struct ozr_store base;
	pthread_mutex_t mutex;   /* guards all below */
	pthread_cond_t released; /* a hold has ended */
	struct cell **table;
	size_t slots, count; /* slots: a power of two, or 0 */
	struct hold *holds;
};

struct mem_object {
	struct ozr_object base;
	struct value *value; /* owned reference */
};

struct mem_put {
	struct ozr_put base;
	struct ozr_buf bytes;
	int broken; /* an append failed: the bytes are not the value */
	struct cell *cell;
};

static struct mem_store *mem(struct ozr_store *s)
{
	return (struct mem_store *)s;
}

static void value_unref(struct ozr_ctx *ctx, struct value *v)
{
	if (!v || __atomic_fetch_sub(&v->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	ozr_free(ctx, v->bytes);
	ozr_free(ctx, v);
}

static uint64_t hash_key(const char *key)
{
	return ozr_hash(0, key, strlen(key));
}

/* Where the key's cell hangs, or the end of its chain. Called with the mutex. */
static struct cell **find(struct mem_store *s, const char *key, uint64_t hash)
{
	struct cell **at = &s->table[hash & (s->slots - 1)];
	while (*at && ((*at)->hash != hash || strcmp((*at)->key, key) != 0))
		at = &(*at)->next;
	return at;
}

/* Make room for one more cell. Called with the mutex. */
static int grow(struct mem_store *s, struct ozr_err *err)
{
	if (s->count < s->slots)
		return OZR_OK;
	size_t slots = s->slots ? 2 * s->slots : 64;
	struct cell **table = ozr_calloc(s->base.ctx, slots, sizeof(*table), err);
	if (!table)
		return ozr_alloc_code(err);
	for (size_t i = 0; i < s->slots; i++) {
		for (struct cell *c = s->table[i], *next; c; c = next) {
			next = c->next;
			struct cell **at = &table[c->hash & (slots - 1)];
			c->next = *at;
			*at = c;
		}
	}
	ozr_free(s->base.ctx, s->table);
	s->table = table;
	s->slots = slots;
	return OZR_OK;
}

/* --- Reading ------------------------------------------------------------ */

static int mem_open(struct ozr_store *base, const char *key, struct ozr_object **out,
		    struct ozr_err *err)
{
	struct mem_store *s = mem(base);
	struct mem_object *o = ozr_alloc(base->ctx, sizeof *o, err);
	if (!o)
		return ozr_alloc_code(err);
	pthread_mutex_lock(&s->mutex);
	struct cell *c = s->slots ? *find(s, key, hash_key(key)) : NULL;
	struct value *v = c ? c->value : NULL;
	if (v)
		__atomic_fetch_add(&v->refs, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&s->mutex);
	if (!v) {
		char quoted[OZR_QUOTE_MAX];
		ozr_free(base->ctx, o);
		return ozr_fail(err, OZR_NOT_FOUND, "'%s': no such key",
				ozr_quote(quoted, key, strlen(key)));
	}
	*o = (struct mem_object){{base, v->size, v->version}, v};
	*out = &o->base;
	return OZR_OK;
}

static int mem_read(struct ozr_object *base, size_t n, const struct ozr_range *ranges,
		    void *const *dst, struct ozr_err *err)
{
	const struct value *v = ((struct mem_object *)base)->value;
	(void)err; /* store.c has checked the ranges */
	for (size_t i = 0; i < n; i++)
		if (ranges[i].length)
			memcpy(dst[i], v->bytes + ranges[i].offset, (size_t)ranges[i].length);
	return OZR_OK;
}

static void mem_close(struct ozr_object *base)
{
	struct ozr_ctx *ctx = base->store->ctx;
	value_unref(ctx, ((struct mem_object *)base)->value);
	ozr_free(ctx, base);
}

/* --- Writing ------------------------------------------------------------ */

static void put_free(struct mem_put *p)
{
	struct ozr_ctx *ctx = p->base.store->ctx;
	ozr_buf_release(&p->bytes);
	ozr_free(ctx, p->cell);
	ozr_free(ctx, p);
}

static int mem_put_begin(struct ozr_store *base, const char *key, uint64_t size_hint,
			 struct ozr_put **out, struct ozr_err *err)
{
	struct ozr_ctx *ctx = base->ctx;
	size_t len = strlen(key) + 1;
	(void)size_hint;
	struct mem_put *p = ozr_calloc(ctx, 1, sizeof *p, err);
	if (!p)
		return ozr_alloc_code(err);
	struct cell *c = ozr_alloc(ctx, sizeof *c + len, err);
	if (!c) {
		ozr_free(ctx, p);
		return ozr_alloc_code(err);
	}
	c->hash = hash_key(key);
	memcpy(c->key, key, len);
	p->base.store = base;
	p->cell = c;
	ozr_buf_init(&p->bytes, ctx, SIZE_MAX / 2);
	*out = &p->base;
	return OZR_OK;
}

static int mem_put_append(struct ozr_put *base, const void *bytes, size_t len, struct ozr_err *err)
{
	struct mem_put *p = (struct mem_put *)base;
	int code = ozr_buf_append(&p->bytes, bytes, len, err);
	p->broken |= code != OZR_OK;
	return code;
}

static int mem_put_patch(struct ozr_put *base, uint64_t offset, const void *bytes, size_t len,
			 struct ozr_err *err)
{
	struct mem_put *p = (struct mem_put *)base;
	(void)err; /* store.c has checked the range */
	memcpy(p->bytes.data + offset, bytes, len);
	return OZR_OK;
}

/* Hang the value under the put's key; what it replaces is left in *old. Called with the mutex. */
static int publish(struct mem_store *s, struct mem_put *p, enum ozr_put_mode mode, struct value *v,
		   struct value **old, struct ozr_err *err)
{
	int code = grow(s, err);
	if (code)
		return code;
	struct cell **at = find(s, p->cell->key, p->cell->hash);
	if (*at && mode == OZR_PUT_CREATE_ONLY)
		return ozr_fail(err, OZR_EXISTS, "the key exists");
	if (*at) {
		*old = (*at)->value;
		(*at)->value = v;
		return OZR_OK;
	}
	p->cell->value = v;
	p->cell->next = NULL;
	*at = p->cell;
	p->cell = NULL;
	s->count++;
	return OZR_OK;
}

static int mem_put_commit(struct ozr_put *base, enum ozr_put_mode mode, struct ozr_placement *out,
			  struct ozr_err *err)
{
	struct mem_put *p = (struct mem_put *)base;
	struct mem_store *s = mem(base->store);
	struct ozr_ctx *ctx = s->base.ctx;
	char quoted[OZR_QUOTE_MAX];
	ozr_quote(quoted, p->cell->key, strlen(p->cell->key));
	(void)out; /* a value has a place of its own: offset 0 */
	struct value *v = NULL, *old = NULL;
	int code;
	if (p->broken) {
		code = ozr_fail(err, OZR_BAD_ARG, "an append failed before");
		goto out;
	}
	v = ozr_alloc(ctx, sizeof *v, err);
	if (!v) {
		code = ozr_alloc_code(err);
		goto out;
	}
	*v = (struct value){1, ozr_ctx_serial(ctx) + 1, p->bytes.len, p->bytes.data};
	pthread_mutex_lock(&s->mutex);
	code = publish(s, p, mode, v, &old, err);
	pthread_mutex_unlock(&s->mutex);
	if (!code)
		ozr_buf_init(&p->bytes, ctx, 0); /* the bytes are the value's now */
	else
		ozr_free(ctx, v);
out:
	value_unref(ctx, old);
	put_free(p);
	return code ? ozr_err_context(err, code, "write '%s'", quoted) : OZR_OK;
}

static void mem_put_abort(struct ozr_put *base)
{
	put_free((struct mem_put *)base);
}

static int mem_del(struct ozr_store *base, const char *key, struct ozr_err *err)
{
	struct mem_store *s = mem(base);
	struct cell *c = NULL;
	(void)err;
	pthread_mutex_lock(&s->mutex);
	if (s->slots) {
		struct cell **at = find(s, key, hash_key(key));
		c = *at;
		if (c) {
			*at = c->next;
			s->count--;
		}
	}
	pthread_mutex_unlock(&s->mutex);
	if (c)
		value_unref(base->ctx, c->value);
	ozr_free(base->ctx, c);
	return OZR_OK;
}

/* --- Listing ------------------------------------------------------------ */

static int mem_list(struct ozr_store *base, const char *prefix,
		    int (*fn)(void *arg, const char *name, int is_prefix), void *arg,
		    struct ozr_err *err)
{
	struct mem_store *s = mem(base);
	struct ozr_children c;
	int code = OZR_OK;
	ozr_children_init(&c, base->ctx);
	pthread_mutex_lock(&s->mutex);
	for (size_t i = 0; i < s->slots && !code; i++)
		for (struct cell *at = s->table[i]; at && !code; at = at->next)
			code = ozr_children_note(&c, at->key, prefix, err);
	pthread_mutex_unlock(&s->mutex);
	if (!code)
		code = ozr_children_tell(&c, fn, arg, err);
	ozr_children_release(&c);
	return code;
}

/* --- Locks: against other threads, for there are no other processes ------ */

static int is_held(const struct mem_store *s, const char *key)
{
	for (const struct hold *h = s->holds; h; h = h->next)
		if (strcmp(h->key, key) == 0)
			return 1;
	return 0;
}

static int hold(struct ozr_store *base, const char *key, int wait, void **token,
		struct ozr_err *err)
{
	struct mem_store *s = mem(base);
	size_t len = strlen(key) + 1;
	struct hold *h = ozr_alloc(base->ctx, sizeof *h + len, err);
	if (!h)
		return ozr_alloc_code(err);
	memcpy(h->key, key, len);
	pthread_mutex_lock(&s->mutex);
	while (wait && is_held(s, key))
		pthread_cond_wait(&s->released, &s->mutex);
	int busy = is_held(s, key);
	if (!busy) {
		h->next = s->holds;
		s->holds = h;
	}
	pthread_mutex_unlock(&s->mutex);
	if (busy) {
		ozr_free(base->ctx, h);
		return ozr_fail(err, OZR_BUSY, "lock '%s': somebody else holds it", key);
	}
	*token = h;
	return OZR_OK;
}

static int mem_lock(struct ozr_store *base, const char *key, void **token, struct ozr_err *err)
{
	return hold(base, key, 1, token, err);
}

static int mem_try_lock(struct ozr_store *base, const char *key, void **token, struct ozr_err *err)
{
	return hold(base, key, 0, token, err);
}

static void mem_unlock(struct ozr_store *base, void *token)
{
	struct mem_store *s = mem(base);
	pthread_mutex_lock(&s->mutex);
	struct hold **at = &s->holds;
	while (*at && *at != token)
		at = &(*at)->next;
	if (*at)
		*at = (*at)->next;
	pthread_cond_broadcast(&s->released);
	pthread_mutex_unlock(&s->mutex);
	ozr_free(base->ctx, token);
}

/* --- Life --------------------------------------------------------------- */

static void mem_destroy(struct ozr_store *base)
{
	struct mem_store *s = mem(base);
	struct ozr_ctx *ctx = ozr_ctx_ref(base->ctx);
	for (size_t i = 0; i < s->slots; i++) {
		for (struct cell *c = s->table[i], *next; c; c = next) {
			next = c->next;
			value_unref(ctx, c->value);
			ozr_free(ctx, c);
		}
	}
	ozr_free(ctx, s->table);
	pthread_cond_destroy(&s->released);
	pthread_mutex_destroy(&s->mutex);
	ozr_store_release(base);
	ozr_free(ctx, s);
	ozr_ctx_unref(ctx);
}

static const struct ozr_store_ops mem_ops = {
	.name = "mem",
	.open = mem_open,
	.read = mem_read,
	.close = mem_close,
	.put_begin = mem_put_begin,
	.put_append = mem_put_append,
	.put_patch = mem_put_patch,
	.put_commit = mem_put_commit,
	.put_abort = mem_put_abort,
	.del = mem_del,
	.list = mem_list,
	.lock = mem_lock,
	.unlock = mem_unlock,
	.try_lock = mem_try_lock,
	.destroy = mem_destroy,
};

int ozr_store_open_mem(struct ozr_ctx *ctx, struct ozr_store **out, struct ozr_err *err)
{
	struct mem_store *s = ozr_calloc(ctx, 1, sizeof *s, err);
	if (!s)
		return ozr_alloc_code(err);
	int code = ozr_store_init(
		&s->base, &mem_ops, ctx, "memory",
		OZR_STORE_WRITE | OZR_STORE_DELETE | OZR_STORE_LIST | OZR_STORE_LOCK, err);
	if (code) {
		ozr_free(ctx, s);
		return code;
	}
	pthread_mutex_init(&s->mutex, NULL);
	pthread_cond_init(&s->released, NULL);
	/* No file system has this device number. */
	s->base.identity[0] = UINT64_MAX;
	s->base.identity[1] = ozr_ctx_serial(ctx);
	*out = &s->base;
	return OZR_OK;
}
