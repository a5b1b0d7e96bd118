/* SPDX-License-Identifier: MIT */
/*
 * Contexts: defaults, references, counters, verified marks, and what happens
 * after a fork. A child finds out by the process id at its first call and
 * makes pool, cache and worker list anew; a second thread of the child waits
 * for the first one to finish that.
 */
#include "base/ctx.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "base/ctx_impl.h"
#include "base/mem.h"
#include "ozr/array.h"

enum {
	MAX_THREADS = 64,
	MAX_JSON_DEPTH = 512, /* what recursion in json*.c may use of a 256 KiB stack */
	CACHE_BYTES = 256 << 20,
	CACHE_MIN = 4096,
	VERIFIED_SETS = 1 << 14,
	VERIFIED_WAYS = 4
};

static unsigned usable_cpus(void)
{
	cpu_set_t set;
	long n = 0;
	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		n = CPU_COUNT(&set);
	else
		n = sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : n > MAX_THREADS ? MAX_THREADS : (unsigned)n;
}

static uint64_t quarter_of_ram(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
	if (pages <= 0 || size <= 0)
		return UINT64_C(1) << 30;
	return (uint64_t)pages * (uint64_t)size / 4;
}

#define OR_DEFAULT(field, value)                                                                   \
	do {                                                                                       \
		if (!(field))                                                                      \
			(field) = (value);                                                         \
	} while (0)

static void set_limits(struct ozr_limits *l, const struct ozr_limits *asked)
{
	*l = *asked;
	OR_DEFAULT(l->json_bytes, (size_t)64 << 20);
	OR_DEFAULT(l->json_depth, 64);
	OR_DEFAULT(l->json_nodes, (size_t)1 << 20);
	OR_DEFAULT(l->rank, OZR_MAX_RANK);
	OR_DEFAULT(l->chunk_bytes, UINT64_C(1) << 30);
	OR_DEFAULT(l->object_bytes, UINT64_C(4) << 30);
	OR_DEFAULT(l->shard_entries, UINT64_C(16) << 20);
	OR_DEFAULT(l->levels, 64);
	OR_DEFAULT(l->memory_bytes, quarter_of_ram());
	OR_DEFAULT(l->zip_directory, UINT64_C(256) << 20);
	OR_DEFAULT(l->tiff_ifds, UINT64_C(4) << 20);
	if (l->json_depth > MAX_JSON_DEPTH)
		l->json_depth = MAX_JSON_DEPTH;
	if (l->rank > OZR_MAX_RANK)
		l->rank = OZR_MAX_RANK;
}

static size_t cache_capacity(size_t asked, uint64_t memory)
{
	size_t n = asked ? asked : CACHE_BYTES;
	if (n > memory / 2)
		n = (size_t)(memory / 2);
	return n < CACHE_MIN ? 0 : n;
}

static void destroy(struct ozr_ctx *ctx)
{
	ozr_pool_free(ctx->pool);
	ozr_cache_free(ctx->cache);
	ctx->cache = NULL;
	ozr_workers_release(ctx);
	ozr_free(ctx, ctx->verified);
	struct ozr_account *account = ctx->account;
	ctx->sys->free(ctx);
	ozr_account_close(account);
}

int ozr_ctx_new(const struct ozr_ctx_options *opt, struct ozr_ctx **out, struct ozr_err *err)
{
	static const struct ozr_ctx_options none;
	const struct ozr_ctx_options *o = opt ? opt : &none;
	const struct ozr_sys *sys = o->sys ? o->sys : &ozr_sys_real;

	struct ozr_ctx *ctx = sys->alloc(sizeof(*ctx));
	if (!ctx)
		return ozr_fail(err, OZR_NO_MEMORY, "no memory for a context");
	memset(ctx, 0, sizeof(*ctx));
	atomic_store(&ctx->refs, 1);
	atomic_store(&ctx->pid, getpid());
	ctx->sys = sys;
	ctx->host = o->host;
	ctx->threads = o->threads ? o->threads : usable_cpus();
	if (ctx->threads > MAX_THREADS)
		ctx->threads = MAX_THREADS;
	set_limits(&ctx->limits, &o->limits);
	ctx->account = ozr_account_new(sys, ctx->limits.memory_bytes);
	if (!ctx->account) {
		sys->free(ctx);
		return ozr_fail(err, OZR_NO_MEMORY, "no memory for a context");
	}

	int code = ozr_workers_init(ctx, err);
	if (code) {
		ozr_account_close(ctx->account);
		sys->free(ctx);
		return code;
	}
	size_t capacity = cache_capacity(o->cache_bytes, ctx->limits.memory_bytes);
	code = ozr_cache_new(ctx, capacity, &ctx->cache, err);
	if (!code)
		code = ozr_pool_new(ctx, &ctx->pool, err);
	if (!code) {
		ctx->verified =
			ozr_calloc(ctx, VERIFIED_SETS * VERIFIED_WAYS, sizeof(*ctx->verified), err);
		if (!ctx->verified)
			code = ozr_alloc_code(err);
	}
	if (code) {
		destroy(ctx);
		return code;
	}
	*out = ctx;
	return OZR_OK;
}

struct ozr_ctx *ozr_ctx_ref(struct ozr_ctx *ctx)
{
	atomic_fetch_add_explicit(&ctx->refs, 1, memory_order_relaxed);
	return ctx;
}

void ozr_ctx_unref(struct ozr_ctx *ctx)
{
	if (!ctx || atomic_fetch_sub(&ctx->refs, 1) != 1)
		return;
	ozr_ctx_enter(ctx); /* a forked child has no threads to join */
	destroy(ctx);
}

int ozr_lock_forked(pthread_mutex_t *lock)
{
	int whole = pthread_mutex_trylock(lock) == 0;
	if (whole)
		pthread_mutex_unlock(lock);
	else
		pthread_mutex_init(lock, NULL);
	return whole;
}

static void remake(struct ozr_ctx *ctx)
{
	ozr_workers_forked(ctx);
	ozr_pool_forked(ctx->pool);
	ozr_cache_forked(ctx->cache);
}

void ozr_ctx_enter(struct ozr_ctx *ctx)
{
	int64_t me = getpid();
	int64_t pid = atomic_load_explicit(&ctx->pid, memory_order_acquire);

	while (pid != me) {
		if (pid == -me) {
			sched_yield(); /* another thread of this child is at it */
			pid = atomic_load_explicit(&ctx->pid, memory_order_acquire);
		} else if (atomic_compare_exchange_strong(&ctx->pid, &pid, -me)) {
			remake(ctx);
			atomic_store_explicit(&ctx->pid, me, memory_order_release);
			pid = me;
		}
	}
}

const struct ozr_sys *ozr_ctx_sys(const struct ozr_ctx *ctx)
{
	return ctx->sys;
}

const struct ozr_host *ozr_ctx_host(const struct ozr_ctx *ctx)
{
	return &ctx->host;
}

const struct ozr_limits *ozr_ctx_limits(const struct ozr_ctx *ctx)
{
	return &ctx->limits;
}

unsigned ozr_ctx_threads(const struct ozr_ctx *ctx)
{
	return ctx->threads;
}

uint64_t ozr_ctx_serial(struct ozr_ctx *ctx)
{
	return atomic_fetch_add(&ctx->serial, 1) + 1;
}

int ozr_ctx_allowed(struct ozr_ctx *ctx, const char *location, int for_write, struct ozr_err *err)
{
	if (!ctx->host.refuse || !ctx->host.refuse(ctx->host.user, location, for_write))
		return OZR_OK;
	char q[OZR_QUOTE_MAX];
	return ozr_fail(err, OZR_DENIED, "the host's policy does not allow to %s '%s'",
			for_write ? "write" : "read", ozr_quote(q, location, strlen(location)));
}

void ozr_ctx_count(struct ozr_ctx *ctx, size_t offset, uint64_t n)
{
	atomic_fetch_add_explicit(&ctx->counters[offset / sizeof(uint64_t)], n,
				  memory_order_relaxed);
}

void ozr_ctx_stats(const struct ozr_ctx *ctx, struct ozr_stats *out)
{
	uint64_t v[sizeof(*out) / sizeof(uint64_t)];
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		v[i] = atomic_load_explicit(&ctx->counters[i], memory_order_relaxed);
	memcpy(out, v, sizeof(*out));
	out->memory_bytes = atomic_load(&ctx->account->live) & ~OZR_ACCOUNT_OPEN;
	out->memory_peak = atomic_load(&ctx->account->peak);
}

/* The marks: a fingerprint may stand in any of the few places of its set. Zero marks a free
 * place, so the fingerprint zero is not remembered. */
int ozr_ctx_verified(struct ozr_ctx *ctx, uint64_t fingerprint)
{
	_Atomic uint64_t *set = ctx->verified + fingerprint % VERIFIED_SETS * VERIFIED_WAYS;
	if (fingerprint == 0)
		return 0;
	for (unsigned i = 0; i < VERIFIED_WAYS; i++)
		if (atomic_load_explicit(set + i, memory_order_relaxed) == fingerprint)
			return 1;
	return 0;
}

void ozr_ctx_mark_verified(struct ozr_ctx *ctx, uint64_t fingerprint)
{
	_Atomic uint64_t *set = ctx->verified + fingerprint % VERIFIED_SETS * VERIFIED_WAYS;
	if (fingerprint == 0 || ozr_ctx_verified(ctx, fingerprint))
		return;
	for (unsigned i = 0; i < VERIFIED_WAYS; i++) {
		uint64_t empty = 0;
		if (atomic_compare_exchange_strong(set + i, &empty, fingerprint))
			return;
	}
	/* Full: the upper bits choose who is forgotten. */
	atomic_store_explicit(set + (fingerprint >> 62), fingerprint, memory_order_relaxed);
}
