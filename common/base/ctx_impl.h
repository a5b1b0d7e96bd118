/* SPDX-License-Identifier: MIT */
/*
 * The context as base/ sees it. Each part (memory, workers, pool, cache) is
 * made, emptied and re-made after a fork by the file that owns it; ctx.c only
 * calls them in order. Lock order: none is ever held while taking another.
 */
#ifndef OZR_BASE_CTX_IMPL_H
#define OZR_BASE_CTX_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/ctx.h"

/* Accounted bytes. It outlives the context while blocks are alive (texts given to callers),
 * so a block always finds it: the context itself counts as OZR_ACCOUNT_OPEN bytes. */
#define OZR_ACCOUNT_OPEN (UINT64_C(1) << 63)
struct ozr_account {
	_Atomic uint64_t live, peak;
	uint64_t limit;
	const struct ozr_sys *sys;
};

struct ozr_pool;
struct ozr_cache;

/* Idle workers, last returned first out (its scratch is warm). */
struct ozr_workers {
	pthread_mutex_t lock;
	struct ozr_worker *idle;
	unsigned count; /* of idle ones */
};

struct ozr_ctx {
	_Atomic uint64_t refs;
	const struct ozr_sys *sys;
	struct ozr_host host;
	struct ozr_limits limits;
	unsigned threads;
	_Atomic int64_t pid; /* whose threads and locks these are; negative: being re-made */
	struct ozr_account *account;
	struct ozr_workers workers;
	struct ozr_pool *pool;
	struct ozr_cache *cache;
	_Atomic uint64_t *verified; /* fingerprints */
	_Atomic uint64_t serial;
	_Atomic uint64_t counters[sizeof(struct ozr_stats) / sizeof(uint64_t)];
};

struct ozr_account *ozr_account_new(const struct ozr_sys *sys, uint64_t limit);
void ozr_account_close(struct ozr_account *a);

/* *_forked: in the child, by one thread, before any other function of this part. */
int ozr_workers_init(struct ozr_ctx *ctx, struct ozr_err *err) OZR_MUST_CHECK;
void ozr_workers_release(struct ozr_ctx *ctx);
void ozr_workers_forked(struct ozr_ctx *ctx);
uint64_t ozr_workers_trim(struct ozr_ctx *ctx); /* free the scratch of idle workers; bytes */

int ozr_pool_new(struct ozr_ctx *ctx, struct ozr_pool **out, struct ozr_err *err) OZR_MUST_CHECK;
void ozr_pool_free(struct ozr_pool *p); /* joins the threads; NULL is fine */
void ozr_pool_forked(struct ozr_pool *p);

int ozr_cache_new(struct ozr_ctx *ctx, size_t capacity, struct ozr_cache **out,
		  struct ozr_err *err) OZR_MUST_CHECK;
void ozr_cache_free(struct ozr_cache *c); /* NULL is fine */
void ozr_cache_forked(struct ozr_cache *c);
/* Evict at least n bytes if so much can be evicted; returns what was freed. */
uint64_t ozr_cache_shrink(struct ozr_cache *c, uint64_t n);

#endif
