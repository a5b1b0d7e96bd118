/* SPDX-License-Identifier: MIT */
/*
 * Where the tiles of a twin lie: one record for each, found by its number. The
 * table is in memory while that is small, else in a scratch file without a
 * name.
 *
 * Threads: put may come from any thread, for different records; get when all
 * puts are done.
 */
#ifndef OZR_TWIN_TABLE_H
#define OZR_TWIN_TABLE_H

#include "ozr/context.h"

struct ozr_tile_place {
	uint64_t offset, size; /* in the value of the shard's key; size 0: not stored */
};

struct ozr_tile_table;

/* memory: bytes that it may take there. All tiles are not stored at first. */
int ozr_tile_table_new(struct ozr_ctx *ctx, uint64_t tiles, size_t memory,
		       struct ozr_tile_table **out, struct ozr_err *err) OZR_MUST_CHECK;
int ozr_tile_table_put(struct ozr_tile_table *t, uint64_t first, size_t n,
		       const struct ozr_tile_place *place, struct ozr_err *err) OZR_MUST_CHECK;
int ozr_tile_table_get(struct ozr_tile_table *t, uint64_t first, size_t n,
		       struct ozr_tile_place *place, struct ozr_err *err) OZR_MUST_CHECK;
void ozr_tile_table_free(struct ozr_tile_table *t); /* NULL is fine */

#endif
