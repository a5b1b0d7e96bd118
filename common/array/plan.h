/* SPDX-License-Identifier: MIT */
/*
 * From boxes to chunks. A plan lists which chunks the boxes of a request touch
 * (pieces: one chunk, one box), sorted by shard and chunk, so that a chunk that
 * several boxes want becomes one job. Requests that touch very many chunks are
 * cut into regions of the shard grid, one plan after the other.
 */
#ifndef OZR_ARRAY_PLAN_H
#define OZR_ARRAY_PLAN_H

#include "array/grid.h"

struct ozr_piece {
	uint64_t shard; /* number in the plan's region, C order */
	uint64_t inner; /* number of the chunk in the shard, C order */
	size_t box;
};

/* One chunk and the pieces that want it. */
struct ozr_job {
	size_t first, count; /* in plan->piece */
	uint64_t shard, inner;
};

struct ozr_plan {
	struct ozr_ctx *ctx;
	const struct ozr_grid *grid;
	size_t boxes;
	const struct ozr_box *box;
	uint64_t lo[OZR_MAX_RANK], hi[OZR_MAX_RANK]; /* region: shard coordinates */
	size_t pieces, jobs;
	struct ozr_piece *piece;
	struct ozr_job *job;
};

/* Every element of every box inside the array, strides and types sensible: else OZR_BAD_ARG.
 * Steps of writes are 1 (or 0); for a look data is not needed. */
enum ozr_box_use { OZR_BOX_READ, OZR_BOX_WRITE, OZR_BOX_LOOK };
int ozr_boxes_check(const struct ozr_grid *g, size_t n, const struct ozr_box *box,
		    enum ozr_box_use use, struct ozr_err *err) OZR_MUST_CHECK;
/* Call fn with one plan for each region, in storage order, until one fails. Boxes are
 * borrowed, and have been checked. */
int ozr_plan_each(struct ozr_ctx *ctx, const struct ozr_grid *g, size_t n,
		  const struct ozr_box *box,
		  int (*fn)(void *arg, const struct ozr_plan *plan, struct ozr_err *err), void *arg,
		  struct ozr_err *err) OZR_MUST_CHECK;
void ozr_plan_shard_at(const struct ozr_plan *p, uint64_t shard, uint64_t *coord);

/* Elements i of the box's axis d with lo <= start + i * step < hi: [*first, *end). */
void ozr_box_range(const struct ozr_box *box, unsigned d, uint64_t lo, uint64_t hi, uint64_t *first,
		   uint64_t *end);
/* The coordinate of the box's element i along an axis. */
uint64_t ozr_box_at(const struct ozr_box *box, unsigned d, uint64_t i);
/* How many elements of a chunk the box wants. */
uint64_t ozr_box_wants(const struct ozr_grid *g, const struct ozr_box *box, const uint64_t *chunk);

/* Copy between a box and decoded bytes. part: coordinates within the chunk; bytes: the
 * chunk's memory from element `skip` on. */
enum ozr_direction { OZR_TO_BOX, OZR_FROM_BOX };
void ozr_box_transfer(const struct ozr_grid *g, const struct ozr_box *box, const uint64_t *chunk,
		      const struct ozr_run_box *part, void *bytes, uint64_t skip,
		      enum ozr_direction direction);

/* Where a chunk's decoded bytes lie in the box, when all of them do, dense, in memory order
 * and of the same type; else NULL. */
char *ozr_box_direct(const struct ozr_grid *g, const struct ozr_box *box, const uint64_t *chunk);
/* Fill what a box wants of a chunk with the fill value. */
void ozr_box_fill(const struct ozr_grid *g, const struct ozr_box *box, const uint64_t *chunk);

#endif
