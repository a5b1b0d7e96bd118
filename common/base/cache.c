/* SPDX-License-Identifier: MIT */
/*
 * The cache: a table with chains for finding entries, and two lists for
 * dropping them. New entries are on trial; an entry that is asked for again
 * is kept. Room is made at the old end of the trial list first, so one scan
 * through a large image displaces only other scanned entries. The kept list
 * is held to three quarters of the capacity (its old end goes back on trial),
 * and who was not asked for while several capacities went by has to leave.
 *
 * One lock guards the table, the lists and the reference counts. It is not
 * held while memory is taken or freed, nor while an entry is filled. Entries
 * being filled are in the table but in no list: they cannot be dropped.
 * What is dropped while somebody holds it lives until it is released.
 */
#include "base/cache.h"

#include "base/ctx_impl.h"
#include "base/mem.h"

enum {
	ENTRY_COST = 256, /* charged beyond the bytes, so that tiny entries are bounded too */
	BYTES_PER_SLOT = 16 << 10,
	MAX_SLOTS = 1 << 20,
	PATIENCE = 8 /* capacities of new entries that a kept one outlasts unused */
};

enum place { NOWHERE, ON_TRIAL, KEPT, PLACES };

struct ozr_entry {
	struct ozr_cache *cache;
	struct ozr_cache_key key;
	size_t size;
	void *bytes;
	struct ozr_entry *chain;       /* next in the table's slot */
	struct ozr_entry *prev, *next; /* in its list; also links victims */
	enum place place;
	unsigned refs;
	unsigned waiters;
	uint64_t used_at; /* the cache's clock at the last use */
	uint64_t epoch;   /* the cache's when it went into the table; 0: not in the table */
	int filled;
};

struct list {
	struct ozr_entry *newest, *oldest;
	uint64_t bytes;
};

struct ozr_cache {
	struct ozr_ctx *ctx; /* borrowed */
	pthread_mutex_t lock;
	pthread_cond_t filled; /* some entry with waiters was published or abandoned */
	uint64_t capacity, used;
	uint64_t clock; /* bytes that ever went into the table */
	uint64_t epoch; /* grows when a fork emptied the table */
	struct list list[PLACES];
	size_t slots; /* a power of two */
	struct ozr_entry **slot;
};

/* --- lists and table; lock held ------------------------------------------- */

static uint64_t cost(const struct ozr_entry *e)
{
	return (uint64_t)e->size + ENTRY_COST;
}

static void list_remove(struct ozr_cache *c, struct ozr_entry *e)
{
	struct list *l = &c->list[e->place];
	if (e->place == NOWHERE)
		return;
	*(e->prev ? &e->prev->next : &l->newest) = e->next;
	*(e->next ? &e->next->prev : &l->oldest) = e->prev;
	l->bytes -= cost(e);
	e->prev = e->next = NULL;
	e->place = NOWHERE;
}

static void list_push(struct ozr_cache *c, struct ozr_entry *e, enum place place)
{
	struct list *l = &c->list[place];
	e->place = place;
	e->prev = NULL;
	e->next = l->newest;
	*(l->newest ? &l->newest->prev : &l->oldest) = e;
	l->newest = e;
	l->bytes += cost(e);
}

/* Asked for again: keep it, and put back on trial what that displaces. */
static void touch(struct ozr_cache *c, struct ozr_entry *e)
{
	list_remove(c, e);
	list_push(c, e, KEPT);
	e->used_at = c->clock;
	struct list *kept = &c->list[KEPT];
	while (kept->bytes > c->capacity / 4 * 3 && kept->oldest != e) {
		struct ozr_entry *old = kept->oldest;
		list_remove(c, old);
		list_push(c, old, ON_TRIAL);
	}
}

static struct ozr_entry **slot_of(struct ozr_cache *c, struct ozr_cache_key key)
{
	return &c->slot[(key.hi ^ key.lo) & (c->slots - 1)];
}

static struct ozr_entry *find(struct ozr_cache *c, struct ozr_cache_key key)
{
	for (struct ozr_entry *e = *slot_of(c, key); e; e = e->chain)
		if (e->key.hi == key.hi && e->key.lo == key.lo)
			return e;
	return NULL;
}

static int in_table(const struct ozr_entry *e)
{
	return e->epoch == e->cache->epoch;
}

static void insert(struct ozr_cache *c, struct ozr_entry *e)
{
	struct ozr_entry **slot = slot_of(c, e->key);
	e->chain = *slot;
	*slot = e;
	e->epoch = c->epoch;
	c->used += cost(e);
	c->clock += cost(e);
}

static void detach(struct ozr_cache *c, struct ozr_entry *e)
{
	struct ozr_entry **at = slot_of(c, e->key);
	while (*at != e)
		at = &(*at)->chain;
	*at = e->chain;
	list_remove(c, e);
	e->epoch = 0;
	c->used -= cost(e);
}

/* Who has to leave first; NULL when all is being filled. */
static struct ozr_entry *victim(const struct ozr_cache *c)
{
	struct ozr_entry *kept = c->list[KEPT].oldest;
	if (kept && c->clock - kept->used_at > PATIENCE * c->capacity)
		return kept;
	return c->list[ON_TRIAL].oldest ? c->list[ON_TRIAL].oldest : kept;
}

/* Drop entries until the rest is at most `most`. Those that nobody holds are linked to
 * *victims, for the caller to free without the lock. 0 when all that is left is being filled. */
static int drop_to(struct ozr_cache *c, uint64_t most, struct ozr_entry **victims)
{
	while (c->used > most) {
		struct ozr_entry *e = victim(c);
		if (!e)
			return 0;
		detach(c, e);
		if (e->refs == 0) {
			e->next = *victims;
			*victims = e;
		}
	}
	return 1;
}

/* --- entries; no lock ------------------------------------------------------ */

static void entry_free(struct ozr_cache *c, struct ozr_entry *e)
{
	ozr_free(c->ctx, e->bytes);
	ozr_free(c->ctx, e);
}

static uint64_t free_all(struct ozr_cache *c, struct ozr_entry *victims)
{
	uint64_t freed = 0;
	while (victims) {
		struct ozr_entry *e = victims;
		victims = e->next;
		freed += cost(e);
		entry_free(c, e);
	}
	return freed;
}

static struct ozr_entry *entry_new(struct ozr_cache *c, struct ozr_cache_key key, size_t n,
				   struct ozr_err *err)
{
	struct ozr_entry *e = ozr_calloc(c->ctx, 1, sizeof(*e), err);
	if (!e)
		return NULL;
	e->bytes = ozr_alloc(c->ctx, n, err);
	if (!e->bytes) {
		ozr_free(c->ctx, e);
		return NULL;
	}
	e->cache = c;
	e->key = key;
	e->size = n;
	e->refs = 1;
	return e;
}

/* A victim of the same size gives its (warm) bytes to the new entry. */
static struct ozr_entry *reuse(struct ozr_entry **victims, struct ozr_cache_key key, size_t n)
{
	for (struct ozr_entry **at = victims; *at; at = &(*at)->next) {
		struct ozr_entry *e = *at;
		if (e->size != n)
			continue;
		*at = e->next;
		e->next = NULL;
		e->key = key;
		e->refs = 1;
		e->filled = 0;
		return e;
	}
	return NULL;
}

/* --- the interface --------------------------------------------------------- */

int ozr_cache_new(struct ozr_ctx *ctx, size_t capacity, struct ozr_cache **out, struct ozr_err *err)
{
	struct ozr_cache *c = ozr_calloc(ctx, 1, sizeof(*c), err);
	if (!c)
		return ozr_alloc_code(err);
	c->slots = 64;
	while (c->slots < MAX_SLOTS && c->slots < capacity / BYTES_PER_SLOT)
		c->slots *= 2;
	c->slot = ozr_calloc(ctx, c->slots, sizeof(struct ozr_entry *), err);
	if (!c->slot) {
		ozr_free(ctx, c);
		return ozr_alloc_code(err);
	}
	if (pthread_mutex_init(&c->lock, NULL) || pthread_cond_init(&c->filled, NULL)) {
		ozr_free(ctx, c->slot);
		ozr_free(ctx, c);
		return ozr_fail(err, OZR_NO_MEMORY, "no memory for a lock");
	}
	c->ctx = ctx;
	c->capacity = capacity;
	c->epoch = 1;
	*out = c;
	return OZR_OK;
}

void ozr_cache_free(struct ozr_cache *c)
{
	if (!c)
		return;
	ozr_cache_shrink(c, UINT64_MAX);
	pthread_cond_destroy(&c->filled);
	pthread_mutex_destroy(&c->lock);
	ozr_free(c->ctx, c->slot);
	ozr_free(c->ctx, c);
}

void ozr_cache_forked(struct ozr_cache *c)
{
	struct ozr_entry *victims = NULL;

	/* If the parent was changing the lists they cannot be walked: they are abandoned. */
	if (ozr_lock_forked(&c->lock))
		drop_to(c, 0, &victims);
	/* What was being filled is no longer known; a filler that is here, and holders of other
	 * entries, see by the epoch that theirs is not in the table. */
	for (size_t i = 0; i < c->slots; i++)
		c->slot[i] = NULL;
	c->list[ON_TRIAL] = c->list[KEPT] = (struct list){NULL, NULL, 0};
	c->used = 0;
	c->epoch++;
	pthread_cond_init(&c->filled, NULL);
	free_all(c, victims);
}

uint64_t ozr_cache_shrink(struct ozr_cache *c, uint64_t n)
{
	struct ozr_entry *victims = NULL;
	if (!c)
		return 0;
	pthread_mutex_lock(&c->lock);
	drop_to(c, n < c->used ? c->used - n : 0, &victims);
	pthread_mutex_unlock(&c->lock);
	return free_all(c, victims);
}

/* Lock held. A filled entry of this key (referenced), or NULL: there is none, the caller is
 * to be the filler. When the wait is for a filler that gives up, the first waiter gets its
 * turn because the entry is no longer in the table. */
static struct ozr_entry *await(struct ozr_cache *c, struct ozr_cache_key key)
{
	struct ozr_entry *e;
	while ((e = find(c, key)) != NULL && !e->filled) {
		e->waiters++;
		e->refs++;
		while (!e->filled && in_table(e))
			pthread_cond_wait(&c->filled, &c->lock);
		e->waiters--;
		if (e->filled)
			return e;
		if (--e->refs == 0) {
			pthread_mutex_unlock(&c->lock);
			entry_free(c, e);
			pthread_mutex_lock(&c->lock);
		}
	}
	if (e) {
		e->refs++;
		touch(c, e);
	}
	return e;
}

static int private_entry(struct ozr_cache *c, struct ozr_cache_key key, size_t n,
			 struct ozr_entry **out, int *fill, struct ozr_err *err)
{
	struct ozr_entry *e = entry_new(c, key, n, err);
	if (!e)
		return ozr_alloc_code(err);
	*out = e;
	*fill = 1;
	return OZR_OK;
}

/* Hand out what was found; it must be what was asked for. */
static int hit(struct ozr_entry *e, size_t n, struct ozr_entry **out, int *fill,
	       struct ozr_err *err)
{
	size_t size = e->size;
	if (size != n) {
		ozr_entry_release(e);
		return ozr_fail(err, OZR_BAD_ARG, "a cache entry of %zu bytes was asked for as %zu",
				size, n);
	}
	OZR_COUNT(e->cache->ctx, cache_hits, 1);
	*out = e;
	*fill = 0;
	return OZR_OK;
}

/* A miss: memory is taken without the lock, so somebody else may have come first. */
static int reserve(struct ozr_cache *c, struct ozr_cache_key key, size_t n, struct ozr_entry **out,
		   int *fill, struct ozr_err *err)
{
	struct ozr_entry *mine = NULL, *theirs, *victims = NULL;
	int code = private_entry(c, key, n, &mine, fill, err);
	if (code)
		return code;
	pthread_mutex_lock(&c->lock);
	theirs = await(c, key);
	if (!theirs && drop_to(c, c->capacity - cost(mine), &victims))
		insert(c, mine); /* when all is being filled it stays private */
	pthread_mutex_unlock(&c->lock);
	free_all(c, victims);
	if (theirs) {
		entry_free(c, mine);
		return hit(theirs, n, out, fill, err);
	}
	*out = mine;
	return OZR_OK;
}

int ozr_cache_get(struct ozr_ctx *ctx, struct ozr_cache_key key, size_t n, struct ozr_entry **out,
		  int *fill, struct ozr_err *err)
{
	struct ozr_cache *c = ctx->cache;
	struct ozr_entry *victims = NULL, *mine = NULL;

	ozr_ctx_enter(ctx);
	if (c->capacity < ENTRY_COST || n > c->capacity - ENTRY_COST)
		return private_entry(c, key, n, out, fill, err);

	pthread_mutex_lock(&c->lock);
	struct ozr_entry *e = await(c, key);
	if (!e && drop_to(c, c->capacity - ENTRY_COST - n, &victims)) {
		mine = reuse(&victims, key, n);
		if (mine)
			insert(c, mine);
	}
	pthread_mutex_unlock(&c->lock);
	free_all(c, victims);

	if (e)
		return hit(e, n, out, fill, err);
	if (!mine)
		return reserve(c, key, n, out, fill, err);
	*out = mine;
	*fill = 1;
	return OZR_OK;
}

struct ozr_entry *ozr_cache_peek(struct ozr_ctx *ctx, struct ozr_cache_key key)
{
	struct ozr_cache *c = ctx->cache;

	ozr_ctx_enter(ctx);
	pthread_mutex_lock(&c->lock);
	struct ozr_entry *e = find(c, key);
	if (e && e->filled) {
		e->refs++;
		touch(c, e);
	} else {
		e = NULL;
	}
	pthread_mutex_unlock(&c->lock);
	if (e)
		OZR_COUNT(ctx, cache_hits, 1);
	return e;
}

void ozr_cache_publish(struct ozr_entry *e)
{
	struct ozr_cache *c = e->cache;

	ozr_ctx_enter(c->ctx);
	pthread_mutex_lock(&c->lock);
	e->filled = 1;
	if (in_table(e))
		list_push(c, e, ON_TRIAL);
	if (e->waiters > 0)
		pthread_cond_broadcast(&c->filled);
	pthread_mutex_unlock(&c->lock);
}

void ozr_cache_abandon(struct ozr_entry *e)
{
	struct ozr_cache *c = e->cache;

	ozr_ctx_enter(c->ctx);
	pthread_mutex_lock(&c->lock);
	if (in_table(e))
		detach(c, e);
	if (e->waiters > 0)
		pthread_cond_broadcast(&c->filled);
	pthread_mutex_unlock(&c->lock);
	ozr_entry_release(e);
}

void *ozr_entry_bytes(struct ozr_entry *e)
{
	return e->bytes;
}

size_t ozr_entry_size(const struct ozr_entry *e)
{
	return e->size;
}

void ozr_entry_release(struct ozr_entry *e)
{
	if (!e)
		return;
	struct ozr_cache *c = e->cache;

	ozr_ctx_enter(c->ctx);
	pthread_mutex_lock(&c->lock);
	int last = --e->refs == 0 && !in_table(e);
	pthread_mutex_unlock(&c->lock);
	if (last)
		entry_free(c, e);
}

size_t ozr_cache_capacity(const struct ozr_ctx *ctx)
{
	return (size_t)ctx->cache->capacity;
}
