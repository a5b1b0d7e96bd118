/* SPDX-License-Identifier: MIT */
/*
 * A cache of byte blocks (decoded chunks, blocks of chunks, shard indices),
 * bounded in bytes, least recently used out first with a "seen once" bit so
 * that one scan does not empty it. An entry handed out stays valid until it
 * is released, even after eviction. One filler per key: other threads that
 * want it wait. A thread must hold at most one unfilled entry (deadlock).
 */
#ifndef OZR_BASE_CACHE_H
#define OZR_BASE_CACHE_H

#include "ozr/context.h"

/* {store identity, array, object version, chunk, part}, hashed to 128 bits by the user. */
struct ozr_cache_key {
	uint64_t hi, lo;
};

struct ozr_entry;

/* Look up, or reserve for filling. On OZR_OK *out is a reference; *fill tells whether the
 * caller must write ozr_entry_bytes() (n bytes, unspecified) and call publish or abandon.
 * A waiter whose filler abandoned becomes the filler. Entries larger than the whole
 * cache, or a cache of size 0, give private entries: *fill = 1 always. */
int ozr_cache_get(struct ozr_ctx *ctx, struct ozr_cache_key key, size_t n, struct ozr_entry **out,
		  int *fill, struct ozr_err *err) OZR_MUST_CHECK;
/* Only a look: NULL when it is not there and filled. */
struct ozr_entry *ozr_cache_peek(struct ozr_ctx *ctx, struct ozr_cache_key key);
void ozr_cache_publish(struct ozr_entry *e);
void ozr_cache_abandon(struct ozr_entry *e); /* also releases */
void *ozr_entry_bytes(struct ozr_entry *e);
size_t ozr_entry_size(const struct ozr_entry *e);
void ozr_entry_release(struct ozr_entry *e); /* NULL is fine */
size_t ozr_cache_capacity(const struct ozr_ctx *ctx);

#endif
