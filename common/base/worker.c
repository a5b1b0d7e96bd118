/* SPDX-License-Identifier: MIT */
/*
 * Workers: what a thread keeps between tasks, leased from a list of idle ones
 * so that any calling thread finds warm scratch and codec contexts. A worker
 * is used by one thread at a time; the lock guards the list only.
 */
#include "base/ckd.h"
#include "base/ctx_impl.h"
#include "base/mem.h"
#include "base/pool.h"

enum { SCRATCH_KEPT = 64 << 20, SCRATCH_STEP = 64 << 10 };

struct ozr_worker {
	struct ozr_worker *next; /* in the list of idle ones */
	struct ozr_ctx *ctx;
	struct {
		void *bytes;
		uint64_t size;
	} scratch[OZR_SCRATCHES];
	struct {
		void *object;
		void (*free_fn)(void *);
	} slot[OZR_SLOTS];
};

/* Free what is larger than kept; returns the bytes. */
static uint64_t drop_scratch(struct ozr_worker *w, uint64_t kept)
{
	uint64_t freed = 0;
	for (unsigned i = 0; i < OZR_SCRATCHES; i++) {
		if (w->scratch[i].size <= kept)
			continue;
		freed += w->scratch[i].size;
		ozr_free(w->ctx, w->scratch[i].bytes);
		w->scratch[i].bytes = NULL;
		w->scratch[i].size = 0;
	}
	return freed;
}

static void worker_free(struct ozr_worker *w)
{
	drop_scratch(w, 0);
	for (unsigned i = 0; i < OZR_SLOTS; i++)
		if (w->slot[i].object && w->slot[i].free_fn)
			w->slot[i].free_fn(w->slot[i].object);
	ozr_free(w->ctx, w);
}

int ozr_workers_init(struct ozr_ctx *ctx, struct ozr_err *err)
{
	if (pthread_mutex_init(&ctx->workers.lock, NULL))
		return ozr_fail(err, OZR_NO_MEMORY, "no memory for a lock");
	return OZR_OK;
}

void ozr_workers_release(struct ozr_ctx *ctx)
{
	while (ctx->workers.idle) {
		struct ozr_worker *w = ctx->workers.idle;
		ctx->workers.idle = w->next;
		worker_free(w);
	}
	pthread_mutex_destroy(&ctx->workers.lock);
}

void ozr_workers_forked(struct ozr_ctx *ctx)
{
	if (ozr_lock_forked(&ctx->workers.lock))
		return;
	ctx->workers.idle = NULL; /* half-linked: abandoned */
	ctx->workers.count = 0;
}

uint64_t ozr_workers_trim(struct ozr_ctx *ctx)
{
	uint64_t freed = 0;
	pthread_mutex_lock(&ctx->workers.lock);
	struct ozr_worker *all = ctx->workers.idle;
	ctx->workers.idle = NULL;
	ctx->workers.count = 0;
	pthread_mutex_unlock(&ctx->workers.lock);

	while (all) {
		struct ozr_worker *w = all;
		all = w->next;
		freed += drop_scratch(w, 0);
		ozr_worker_return(w);
	}
	return freed;
}

struct ozr_worker *ozr_worker_lease(struct ozr_ctx *ctx, struct ozr_err *err)
{
	ozr_ctx_enter(ctx);
	pthread_mutex_lock(&ctx->workers.lock);
	struct ozr_worker *w = ctx->workers.idle;
	if (w) {
		ctx->workers.idle = w->next;
		ctx->workers.count--;
	}
	pthread_mutex_unlock(&ctx->workers.lock);
	if (w)
		return w;
	w = ozr_calloc(ctx, 1, sizeof(*w), err);
	if (w)
		w->ctx = ctx;
	return w;
}

void ozr_worker_return(struct ozr_worker *w)
{
	struct ozr_ctx *ctx = w->ctx;
	drop_scratch(w, SCRATCH_KEPT);

	ozr_ctx_enter(ctx);
	pthread_mutex_lock(&ctx->workers.lock);
	/* More than this are idle only after a crowd of calling threads has left. */
	int keep = ctx->workers.count < 2 * ctx->threads + 2;
	if (keep) {
		w->next = ctx->workers.idle;
		ctx->workers.idle = w;
		ctx->workers.count++;
	}
	pthread_mutex_unlock(&ctx->workers.lock);
	if (!keep)
		worker_free(w);
}

void *ozr_worker_scratch(struct ozr_worker *w, enum ozr_scratch which, uint64_t n,
			 struct ozr_err *err)
{
	if (w->scratch[which].bytes && w->scratch[which].size >= n)
		return w->scratch[which].bytes;

	/* The old bytes go first: nobody needs them, and both need not fit. */
	ozr_free(w->ctx, w->scratch[which].bytes);
	w->scratch[which].bytes = NULL;
	w->scratch[which].size = 0;
	uint64_t size = ozr_ceil_div(n, SCRATCH_STEP) * SCRATCH_STEP;
	if (size < n || size == 0)
		size = n ? n : SCRATCH_STEP;
	void *bytes = ozr_alloc(w->ctx, size, err);
	if (bytes) {
		w->scratch[which].bytes = bytes;
		w->scratch[which].size = size;
	}
	return bytes;
}

void **ozr_worker_slot(struct ozr_worker *w, enum ozr_slot slot, void (*free_fn)(void *))
{
	w->slot[slot].free_fn = free_fn;
	return &w->slot[slot].object;
}

struct ozr_ctx *ozr_worker_ctx(struct ozr_worker *w)
{
	return w->ctx;
}
