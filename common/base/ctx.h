/* SPDX-License-Identifier: MIT */
/*
 * The inside of a context. Layers above reach pool, cache and counters through
 * these functions; the struct itself is known to base/ only.
 */
#ifndef OZR_BASE_CTX_H
#define OZR_BASE_CTX_H

#include <pthread.h>

#include "base/sys.h"
#include "ozr/context.h"

const struct ozr_sys *ozr_ctx_sys(const struct ozr_ctx *ctx);
const struct ozr_host *ozr_ctx_host(const struct ozr_ctx *ctx);
/* First thing in every public entry that uses threads, cache or locks: after a
 * fork it makes them anew in the child. Cheap when nothing happened. */
void ozr_ctx_enter(struct ozr_ctx *ctx);
/* In a forked child: is the structure behind this inherited lock whole (nobody was changing
 * it at the time of the fork)? In either case the lock is made anew and free. */
int ozr_lock_forked(pthread_mutex_t *lock);
/* A number nobody had before in this context. */
uint64_t ozr_ctx_serial(struct ozr_ctx *ctx);
/* The host's policy; OZR_DENIED with the location. */
int ozr_ctx_allowed(struct ozr_ctx *ctx, const char *location, int for_write,
		    struct ozr_err *err) OZR_MUST_CHECK;

/* Counters of struct ozr_stats, by offset, added to atomically. */
#define OZR_COUNT(ctx, field, n)                                                                   \
	ozr_ctx_count(ctx, offsetof(struct ozr_stats, field), (uint64_t)(n))
void ozr_ctx_count(struct ozr_ctx *ctx, size_t offset, uint64_t n);

/* A set of "this was verified" marks, fixed in size: 64-bit fingerprints of
 * {store, key, version, chunk}. May forget, never claims what was not marked
 * (up to a collision of 64-bit hashes). Lock-free. */
int ozr_ctx_verified(struct ozr_ctx *ctx, uint64_t fingerprint);
void ozr_ctx_mark_verified(struct ozr_ctx *ctx, uint64_t fingerprint);

/* 64-bit hash of bytes, for fingerprints and cache keys (not against adversaries
 * who choose keys in our own process). */
uint64_t ozr_hash(uint64_t seed, const void *bytes, size_t n);

#endif
