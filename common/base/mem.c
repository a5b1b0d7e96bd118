/* SPDX-License-Identifier: MIT */
/*
 * Accounted memory. Each block has a header in front that knows its size and
 * its account, so freeing needs no context and a block may outlive it. Blocks
 * of 4 MiB and more start on a 2 MiB boundary and ask for huge pages; they
 * are never resized in place.
 *
 * When a block does not fit below limits.memory_bytes, the cache and the
 * scratch of idle workers give way first.
 */
#include <string.h>
#include <sys/mman.h>

#include "base/ckd.h"
#include "base/ctx_impl.h"
#include "base/mem.h"

enum { HUGE_PAGE = 2 << 20, HUGE_FROM = 4 << 20 };

/* In front of every block; keeps malloc's alignment. */
struct head {
	_Alignas(16) uint64_t size; /* as asked for */
	struct ozr_account *account;
};

/* In front of a block of HUGE_FROM bytes or more. */
struct huge_head {
	void *base; /* what the seam gave */
	struct head head;
};

struct ozr_account *ozr_account_new(const struct ozr_sys *sys, uint64_t limit)
{
	struct ozr_account *a = sys->alloc(sizeof(*a));
	if (!a)
		return NULL;
	atomic_init(&a->live, OZR_ACCOUNT_OPEN);
	atomic_init(&a->peak, 0);
	a->limit = limit;
	a->sys = sys;
	return a;
}

static void uncharge(struct ozr_account *a, uint64_t n)
{
	if (atomic_fetch_sub(&a->live, n) == n)
		a->sys->free(a);
}

void ozr_account_close(struct ozr_account *a)
{
	uncharge(a, OZR_ACCOUNT_OPEN);
}

static int try_charge(struct ozr_account *a, uint64_t n)
{
	uint64_t live = atomic_load(&a->live);
	uint64_t now;
	do {
		now = live & ~OZR_ACCOUNT_OPEN;
		if (n > a->limit || now > a->limit - n)
			return 0;
	} while (!atomic_compare_exchange_weak(&a->live, &live, live + n));

	uint64_t peak = atomic_load_explicit(&a->peak, memory_order_relaxed);
	while (peak < now + n && !atomic_compare_exchange_weak(&a->peak, &peak, now + n))
		;
	return 1;
}

/* Nonzero when something gave way. */
static int reclaim(struct ozr_ctx *ctx, uint64_t n)
{
	ozr_ctx_enter(ctx);
	return ozr_cache_shrink(ctx->cache, n) + ozr_workers_trim(ctx) > 0;
}

static int charge(struct ozr_ctx *ctx, uint64_t n, struct ozr_err *err)
{
	struct ozr_account *a = ctx->account;
	if (try_charge(a, n) || (reclaim(ctx, n) && try_charge(a, n)))
		return OZR_OK;
	return ozr_fail(
		err, OZR_LIMIT,
		"%llu bytes do not fit below the limit memory_bytes: %llu of %llu are in use",
		(unsigned long long)n,
		(unsigned long long)(atomic_load(&a->live) & ~OZR_ACCOUNT_OPEN),
		(unsigned long long)a->limit);
}

static struct head *head_of(void *p)
{
	return (struct head *)p - 1;
}

static int is_huge(uint64_t n)
{
	return n >= HUGE_FROM;
}

/* What a block of n bytes costs. */
static uint64_t cost(uint64_t n)
{
	return n + sizeof(struct head);
}

static void *place_huge(char *base, uint64_t n)
{
	uintptr_t from = (uintptr_t)base + sizeof(struct huge_head);
	uintptr_t skip = (HUGE_PAGE - from % HUGE_PAGE) % HUGE_PAGE;
	char *p = base + sizeof(struct huge_head) + skip;
	struct huge_head *h = (struct huge_head *)(void *)p - 1;

	h->base = base;
	/* Only a wish: without huge pages everything works, a little slower. */
	(void)madvise(p, (size_t)n, MADV_HUGEPAGE);
	return p;
}

/* A block without accounting; the head is not filled. */
static void *take(const struct ozr_sys *sys, uint64_t n)
{
	if (is_huge(n)) {
		char *base = sys->alloc((size_t)n + sizeof(struct huge_head) + HUGE_PAGE);
		return base ? place_huge(base, n) : NULL;
	}
	struct head *h = sys->alloc((size_t)cost(n));
	return h ? h + 1 : NULL;
}

static void give(const struct ozr_sys *sys, void *p, uint64_t n)
{
	if (is_huge(n))
		sys->free(((struct huge_head *)p - 1)->base);
	else
		sys->free(head_of(p));
}

void *ozr_alloc(struct ozr_ctx *ctx, uint64_t n, struct ozr_err *err)
{
	const struct ozr_sys *sys = ctx->sys;

	if (n > PTRDIFF_MAX - 2 * (uint64_t)HUGE_PAGE) {
		ozr_fail(err, OZR_LIMIT, "%llu bytes are more than can be addressed",
			 (unsigned long long)n);
		return NULL;
	}
	if (charge(ctx, cost(n), err))
		return NULL;
	void *p = take(sys, n);
	if (!p && reclaim(ctx, n))
		p = take(sys, n);
	if (!p) {
		uncharge(ctx->account, cost(n));
		ozr_fail(err, OZR_NO_MEMORY, "no memory for %llu bytes", (unsigned long long)n);
		return NULL;
	}
	head_of(p)->size = n;
	head_of(p)->account = ctx->account;
	return p;
}

void *ozr_calloc(struct ozr_ctx *ctx, uint64_t count, uint64_t size, struct ozr_err *err)
{
	uint64_t n;
	if (ozr_ckd_mul(count, size, &n)) {
		ozr_fail(err, OZR_LIMIT, "%llu times %llu bytes overflow",
			 (unsigned long long)count, (unsigned long long)size);
		return NULL;
	}
	void *p = ozr_alloc(ctx, n, err);
	if (p)
		memset(p, 0, (size_t)n);
	return p;
}

/* Small blocks grow where they are if malloc can. */
static void *resize_small(struct ozr_ctx *ctx, void *p, uint64_t n, struct ozr_err *err)
{
	uint64_t old = head_of(p)->size;

	if (n > old && charge(ctx, n - old, err))
		return NULL;
	struct head *h = ctx->sys->resize(head_of(p), (size_t)cost(n));
	if (!h) {
		if (n > old)
			uncharge(ctx->account, n - old);
		ozr_fail(err, OZR_NO_MEMORY, "no memory for %llu bytes", (unsigned long long)n);
		return NULL;
	}
	if (n < old)
		uncharge(ctx->account, old - n);
	h->size = n;
	return h + 1;
}

void *ozr_resize(struct ozr_ctx *ctx, void *p, uint64_t n, struct ozr_err *err)
{
	if (!p)
		return ozr_alloc(ctx, n, err);
	uint64_t old = head_of(p)->size;
	if (!is_huge(old) && !is_huge(n))
		return resize_small(ctx, p, n, err);
	void *q = ozr_alloc(ctx, n, err);
	if (!q)
		return NULL;
	memcpy(q, p, (size_t)(n < old ? n : old));
	ozr_free(ctx, p);
	return q;
}

static void release(void *p)
{
	if (!p)
		return;
	struct ozr_account *a = head_of(p)->account;
	uint64_t n = head_of(p)->size;
	give(a->sys, p, n);
	uncharge(a, cost(n)); /* last: the account may go with it */
}

void ozr_free(struct ozr_ctx *ctx, void *p)
{
	(void)ctx;
	release(p);
}

char *ozr_strdup(struct ozr_ctx *ctx, const char *s, struct ozr_err *err)
{
	size_t n = strlen(s) + 1;
	char *copy = ozr_alloc(ctx, n, err);
	if (copy)
		memcpy(copy, s, n);
	return copy;
}

char *ozr_text_new(struct ozr_ctx *ctx, uint64_t n, struct ozr_err *err)
{
	return ozr_alloc(ctx, n, err);
}

void ozr_text_free(char *text)
{
	release(text);
}
