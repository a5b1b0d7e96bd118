/* SPDX-License-Identifier: MIT */
/*
 * The pyramid engine's inside. Levels are cut into cells: boxes on a grid that
 * is a multiple of the level's chunks and of the windows to the next level, so
 * that a complete cell encodes into whole chunks and reduces by itself. A cell
 * is *processed* by writing it to its array and reducing it into the cells
 * above; a cell above is complete when all its elements have arrived, and is
 * then processed in turn. What arrives in a cell is disjoint.
 *
 *   geometry  levels, factors, cells                    pyramid_geometry.c
 *   range     true minimum and maximum of level 0       pyramid_range.c
 *   pending   cells that wait for elements; spilling    pyramid_pending.c, pyramid_log.c
 *   build     processing, from boxes to the last level  pyramid_build.c
 *   plan      which boxes to read in which order        pyramid_plan.c
 *   pull, push (and finish), refresh, extend            one file each
 *
 * Threads: a build may be fed from any number of threads; its lock guards the
 * pending cells and is never held over copying, I/O, encoding or allocation.
 */
#ifndef OZR_OME_PYRAMID_IMPL_H
#define OZR_OME_PYRAMID_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/ckd.h"
#include "base/ctx.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/spool.h"
#include "ome/image_impl.h"

/* --- geometry ------------------------------------------------------------- */

struct ozr_build_level {
	struct ozr_array *array; /* borrowed */
	uint64_t shape[OZR_MAX_RANK], chunk[OZR_MAX_RANK], shard[OZR_MAX_RANK];
	unsigned factor[OZR_MAX_RANK]; /* to the next level; 1 where there is nothing to reduce */
	uint64_t cell[OZR_MAX_RANK];   /* extents of a cell, cut at the edge of the level */
	uint64_t grid[OZR_MAX_RANK];   /* cells along each axis */
	uint64_t cells;
};

struct ozr_geometry {
	struct ozr_ctx *ctx; /* borrowed */
	unsigned rank;
	unsigned first, levels; /* levels `first` and up of the image, counted from 0 here */
	unsigned size;          /* bytes of an element */
	struct ozr_reduce how;  /* method, type, rank, nodata, weight; the rest for each box */
	unsigned char fill[8];
	uint64_t elements; /* of the first level */
	struct ozr_build_level *level;
};

/* cell_bytes: make cells at least this large where chunks are smaller. exact: every level must be
 * ceil(before / factor), which builds need; refreshing also takes levels that are one smaller. */
int ozr_geometry_init(struct ozr_geometry *g, struct ozr_image *img, uint64_t cell_bytes, int exact,
		      struct ozr_err *err) OZR_MUST_CHECK;
/* The same for some of the levels only. */
int ozr_geometry_init_part(struct ozr_geometry *g, struct ozr_image *img, unsigned first,
			   unsigned levels, uint64_t cell_bytes, int exact,
			   struct ozr_err *err) OZR_MUST_CHECK;
/* Windows take all elements of this axis together: cells and pieces are never cut there. */
static inline int ozr_is_whole(const struct ozr_geometry *g, unsigned axis)
{
	return g->how.has_weight && g->how.weight_axis == axis;
}
void ozr_geometry_release(struct ozr_geometry *g);

/* Step `at` through the box [first, last] (both inside), C order; 0 at the end. */
int ozr_odometer(uint64_t *at, const uint64_t *first, const uint64_t *last, unsigned rank);
/* Least common multiple, or `most` when that is smaller (or it overflows). */
uint64_t ozr_lcm_below(uint64_t a, uint64_t b, uint64_t most);
/* Elements of a box that has been checked. */
uint64_t ozr_box_elements(const struct ozr_box *box, unsigned rank);
/* The part [start, start + count) of a box, as a view of the same memory. */
struct ozr_box ozr_box_part(const struct ozr_box *box, unsigned rank, const uint64_t *start,
			    const uint64_t *count);
/* Cut [start, start + count) to what lies in the box. They touch. */
void ozr_box_cut(const struct ozr_box *box, unsigned rank, uint64_t *start, uint64_t *count);
/* start and count of a cell. */
void ozr_cell_bounds(const struct ozr_geometry *g, unsigned level, const uint64_t *at,
		     uint64_t *start, uint64_t *count);
/* The cells that a box of the level touches: first to last, both inside. */
void ozr_cells_of(const struct ozr_geometry *g, unsigned level, const struct ozr_box *box,
		  uint64_t *first, uint64_t *last);
/* Copy a box into one of the same extents, converting between their types. */
int ozr_box_copy(const struct ozr_geometry *g, const struct ozr_box *from, const struct ozr_box *to,
		 struct ozr_err *err) OZR_MUST_CHECK;
/* Reduce a box of level `level` into a box of the level above it. */
int ozr_reduce_level(const struct ozr_geometry *g, unsigned level, const struct ozr_box *from,
		     const struct ozr_box *to, struct ozr_err *err) OZR_MUST_CHECK;

/* --- range ---------------------------------------------------------------- */

/* Range of a box of type t without NaN and, when it is not NULL, nodata. */
struct ozr_range_stats ozr_range_of(const struct ozr_box *box, unsigned rank, const void *nodata);
void ozr_range_merge(struct ozr_range_stats *into, const struct ozr_range_stats *more);

/* --- builds ----------------------------------------------------------------- */

struct ozr_block; /* a piece of a cell's log */

/* A cell that waits. Its elements are in memory of its own, or, when that would exceed the
 * budget, in a log of what arrived, whose blocks go to the scratch file oldest first. */
struct ozr_cell {
	struct ozr_cell *next; /* in its chain of the table; then in a list of taken cells */
	unsigned level;
	uint64_t at[OZR_MAX_RANK];
	struct ozr_box box; /* data: NULL while there is only a log */
	size_t charged;     /* bytes of it in direct_held */
	uint64_t elements, reserved, arrived;
	struct ozr_block *log; /* newest first */
	unsigned spilling;     /* blocks being written out */
};

struct ozr_build {
	struct ozr_image *img; /* borrowed */
	struct ozr_ctx *ctx;   /* borrowed */
	struct ozr_geometry g;
	struct ozr_spool *spool;
	struct ozr_call write; /* for array writes: one thread, no callbacks */
	size_t write_budget;   /* for the arrays of all levels together */
	int prefill;           /* cells may stay incomplete: their memory starts as fill */
	int stored;            /* level 0 has its elements already: it is not written */

	/* Most bytes of memory of cells: of all levels, of those above level 0; of logs. */
	size_t direct_limit, upper_limit, log_limit;

	pthread_mutex_t lock;
	pthread_cond_t spilled;
	struct ozr_cell **table; /* hash chains of waiting cells */
	size_t direct_held, upper_held, log_held;
	struct ozr_block *oldest, *newest; /* blocks in memory, in order of age */
	unsigned char *done;               /* a bit for each cell of level 0, or NULL */
	uint64_t *seen;                    /* [img->stats_count] elements in the statistics */
	_Atomic int failed;                /* the first error's code: the build is lost */
	_Atomic uint64_t fed;              /* elements of level 0 that arrived */
};

/* Of levels `first` and up; `first` is what is fed and called level 0 then. */
int ozr_build_new(struct ozr_image *img, unsigned first, unsigned levels, size_t budget,
		  struct ozr_build **out, struct ozr_err *err) OZR_MUST_CHECK;
void ozr_build_free(struct ozr_build *b); /* NULL is fine; nobody uses it any more */

/* Where a part of a cell goes: fill `to`, then say so. */
struct ozr_room {
	struct ozr_cell *cell;
	struct ozr_block *block;
	struct ozr_box to;
};
int ozr_pending_init(struct ozr_build *b, struct ozr_err *err) OZR_MUST_CHECK;
void ozr_pending_release(struct ozr_build *b);
/* Room for elements [start, start + count) in cell `at` of a level. */
int ozr_pending_reserve(struct ozr_build *b, unsigned level, const uint64_t *at,
			const uint64_t *start, const uint64_t *count, struct ozr_room *room,
			struct ozr_err *err) OZR_MUST_CHECK;
/* The room is filled. *complete: the cell, now the caller's, when this was the last part. */
int ozr_pending_arrived(struct ozr_build *b, const struct ozr_room *room,
			struct ozr_cell **complete, struct ozr_err *err) OZR_MUST_CHECK;
/* Take all cells of a level out of the table, as a list (those that nothing completes). */
struct ozr_cell *ozr_pending_take(struct ozr_build *b, unsigned level);
/* Bring a taken cell's elements into memory (missing ones are fill). */
int ozr_cell_load(struct ozr_build *b, struct ozr_cell *c, struct ozr_err *err) OZR_MUST_CHECK;
void ozr_cell_free(struct ozr_build *b, struct ozr_cell *c);
/* A whole cell of level 0 comes: OZR_BAD_ARG when parts of it, or all, came before. */
int ozr_pending_whole(struct ozr_build *b, const uint64_t *at, struct ozr_err *err) OZR_MUST_CHECK;

/* A taken cell of level 0 of which nothing arrived. */
int ozr_pending_empty(struct ozr_build *b, const uint64_t *at, struct ozr_cell **out,
		      struct ozr_err *err) OZR_MUST_CHECK;
/* Was this cell of level 0 processed? Needs `done`. */
int ozr_pending_is_done(struct ozr_build *b, const uint64_t *at);

/* The log of a cell (pyramid_log.c). *p: `bytes` of it, in *block, until they are said to be
 * filled (lock held). */
int ozr_log_reserve(struct ozr_build *b, struct ozr_cell *c, size_t bytes, unsigned char **p,
		    struct ozr_block **block, struct ozr_err *err) OZR_MUST_CHECK;
void ozr_log_filled(struct ozr_block *block);
/* Write blocks to the scratch file until the logs are within their limit. */
int ozr_log_balance(struct ozr_build *b, struct ozr_err *err) OZR_MUST_CHECK;
/* Lock held: the cell is taken; its log stays as it is from now on. */
void ozr_log_seal(struct ozr_build *b, struct ozr_cell *c);
/* Call visit for each block's bytes of a taken cell. */
int ozr_log_replay(struct ozr_build *b, const struct ozr_cell *c,
		   int (*visit)(struct ozr_build *b, const struct ozr_cell *c, unsigned char *bytes,
				size_t n, struct ozr_err *err),
		   struct ozr_err *err) OZR_MUST_CHECK;
void ozr_log_free(struct ozr_build *b, struct ozr_cell *c);

/* Does cell `at` of level 0 lie in the box, in the array's own type? */
int ozr_build_whole(const struct ozr_build *b, const struct ozr_box *box, const uint64_t *at);
/* Feed the part of a box of level 0 that lies in cell `at`. A whole cell is processed from
 * the box's memory; else the part is copied, and *complete is the cell when that was the last
 * part of it. */
int ozr_build_feed(struct ozr_build *b, const struct ozr_box *box, const uint64_t *at,
		   struct ozr_cell **complete, struct ozr_err *err) OZR_MUST_CHECK;
/* Process taken cells, and those that become complete by it. The cells are freed. */
int ozr_build_process(struct ozr_build *b, struct ozr_cell *list,
		      struct ozr_err *err) OZR_MUST_CHECK;
/* Write a whole cell and reduce it into the level above; cells that this completes are put
 * in front of *ready. */
int ozr_build_cell(struct ozr_build *b, unsigned level, const struct ozr_box *cell,
		   struct ozr_cell **ready, struct ozr_err *err) OZR_MUST_CHECK;
/* Free a list of taken cells. */
void ozr_build_drop(struct ozr_build *b, struct ozr_cell *list);

/* --- plan ------------------------------------------------------------------- */

/* Boxes are read group by group, row by row within a group. */
struct ozr_read_plan {
	unsigned rank;
	uint64_t shape[OZR_MAX_RANK];
	uint64_t box[OZR_MAX_RANK], group[OZR_MAX_RANK];
	uint64_t groups[OZR_MAX_RANK];   /* along each axis */
	int outer[OZR_MAX_RANK];         /* axes that no level reduces: walked outermost */
	int whole;                       /* boxes are unions of cells */
	uint64_t box_bytes, front_bytes; /* of one box; of the cells that wait meanwhile */
};
/* whole_limit, thin_limit: most bytes of a box that is, or is not, a union of cells. */
void ozr_read_plan_make(const struct ozr_geometry *g, const uint64_t *block, uint64_t whole_limit,
			uint64_t thin_limit, unsigned threads, struct ozr_read_plan *plan);
struct ozr_read_walk {
	uint64_t code;                                     /* of the group, see the file */
	uint64_t group[OZR_MAX_RANK];                      /* its position */
	uint64_t start[OZR_MAX_RANK], count[OZR_MAX_RANK]; /* the box */
	int running;
};
/* The next box; 0 at the end. Zero-initialise the walk. */
int ozr_read_plan_next(const struct ozr_read_plan *plan, struct ozr_read_walk *walk);

/* --- shared by the entry points ---------------------------------------------- */

/* The image is lost: commit refuses it. Keeps the build for that; returns rc. */
int ozr_build_failed(struct ozr_image *img, struct ozr_build *b, int rc);
/* What a call may hold: as it says (64 KiB at least), or 256 MiB. */
size_t ozr_call_budget(const struct ozr_call *call);
/* Report to the host; OZR_CANCELLED when it says stop. */
int ozr_call_progress(const struct ozr_call *call, double fraction,
		      struct ozr_err *err) OZR_MUST_CHECK;

#endif
