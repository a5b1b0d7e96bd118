/* SPDX-License-Identifier: MIT */
/*
 * Refresh: one step from a level to the one above it, over regions that have
 * changed: read what the windows need, reduce, write, flush. pyramid_regions.c
 * goes from step to step.
 *
 * The work is cut into pieces: chunks of the upper level, gathered so that
 * source chunks are decoded once, in the order of its shards. Pieces run on
 * the pool while their source bytes fit into half of the budget; where a
 * single chunk's windows do not fit, they are read slab by slab.
 */
#include "ome/pyramid_refresh.h"

#include <stdlib.h>

enum { PIECE_BYTES = 8 << 20 /* source bytes worth a task */ };

/* One step, from `level` to the level above it. Regions and pieces are in the upper level. */
struct step {
	const struct ozr_geometry *g;
	unsigned level;
	uint64_t piece[OZR_MAX_RANK], slab[OZR_MAX_RANK];
	struct ozr_call call; /* for reads and writes within a task */
};

struct piece {
	const struct step *s;
	uint64_t start[OZR_MAX_RANK], count[OZR_MAX_RANK];
};

/* The source region of a box of the upper level. */
static void source_of(const struct step *s, const uint64_t *start, const uint64_t *count,
		      struct ozr_box *from)
{
	const struct ozr_build_level *l = &s->g->level[s->level];
	*from = (struct ozr_box){.dtype = s->g->how.dtype};
	for (unsigned d = 0; d < s->g->rank; d++) {
		from->start[d] = start[d] * l->factor[d];
		from->count[d] = ozr_min_u64(count[d] * l->factor[d], l->shape[d] - from->start[d]);
		from->step[d] = 1;
	}
	ozr_box_contiguous(from, s->g->rank);
}

static uint64_t source_bytes(const struct step *s, const uint64_t *count)
{
	const uint64_t none[OZR_MAX_RANK] = {0};
	struct ozr_box from;
	source_of(s, none, count, &from);
	return ozr_box_elements(&from, s->g->rank) * s->g->size;
}

/* Read and reduce one slab of a piece, into the piece's buffer. */
static int do_slab(const struct step *s, void *memory, const struct ozr_box *piece,
		   const uint64_t *start, struct ozr_err *err)
{
	const struct ozr_geometry *g = s->g;
	uint64_t count[OZR_MAX_RANK];
	struct ozr_box from;
	for (unsigned d = 0; d < g->rank; d++)
		count[d] = ozr_min_u64(s->slab[d], piece->start[d] + piece->count[d] - start[d]);
	source_of(s, start, count, &from);
	from.data = memory;
	const struct ozr_box to = ozr_box_part(piece, g->rank, start, count);
	int rc = ozr_array_read(g->level[s->level].array, 1, &from, &s->call, err);
	if (rc)
		return ozr_err_context(err, rc, "level %u", s->level);
	return ozr_reduce_level(g, s->level, &from, &to, err);
}

static int do_slabs(const struct step *s, void *memory, struct ozr_box *piece, struct ozr_err *err)
{
	const unsigned rank = s->g->rank;
	uint64_t at[OZR_MAX_RANK] = {0}, last[OZR_MAX_RANK], start[OZR_MAX_RANK];
	const uint64_t none[OZR_MAX_RANK] = {0};
	int rc;
	for (unsigned d = 0; d < rank; d++)
		last[d] = (piece->count[d] - 1) / s->slab[d];
	do {
		for (unsigned d = 0; d < rank; d++)
			start[d] = piece->start[d] + at[d] * s->slab[d];
		rc = do_slab(s, memory, piece, start, err);
	} while (!rc && ozr_odometer(at, none, last, rank));
	if (!rc)
		rc = ozr_array_write(s->g->level[s->level + 1].array, 1, piece, &s->call, err);
	return rc ? ozr_err_context(err, rc, "level %u", s->level + 1) : OZR_OK;
}

static void drop_piece(void *arg)
{
	struct piece *p = arg;
	ozr_free(p->s->g->ctx, p);
}

static int do_piece(void *arg, struct ozr_worker *w, struct ozr_err *err)
{
	struct piece *p = arg;
	const struct step *s = p->s;
	struct ozr_ctx *ctx = s->g->ctx;
	struct ozr_err mine;
	struct ozr_box box = {.dtype = s->g->how.dtype};
	uint64_t slab[OZR_MAX_RANK];
	int rc;
	(void)w;
	for (unsigned d = 0; d < s->g->rank; d++) {
		box.start[d] = p->start[d];
		box.count[d] = p->count[d];
		slab[d] = ozr_min_u64(s->slab[d], p->count[d]);
	}
	ozr_box_contiguous(&box, s->g->rank);
	void *memory = ozr_alloc(ctx, source_bytes(s, slab), &mine);
	if (memory)
		box.data = ozr_alloc(ctx, ozr_box_elements(&box, s->g->rank) * s->g->size, &mine);
	if (memory && box.data)
		rc = do_slabs(s, memory, &box, err);
	else
		rc = ozr_fail(err, mine.code, "%s", mine.msg);
	ozr_free(ctx, box.data);
	ozr_free(ctx, memory);
	drop_piece(p);
	return rc;
}

/* --- cutting ------------------------------------------------------------------------- */

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
	while (b) {
		const uint64_t r = a % b;
		a = b;
		b = r;
	}
	return a;
}

/* Pieces: chunks of the upper level; if it fits, so many that whole source chunks are read;
 * small ones are gathered. Slabs: parts of a piece whose source fits into `share`. */
static void cut(struct step *s, uint64_t share)
{
	const struct ozr_build_level *l = &s->g->level[s->level], *up = l + 1;
	const uint64_t most = ozr_min_u64(share, PIECE_BYTES);
	const unsigned rank = s->g->rank;
	uint64_t more[OZR_MAX_RANK];
	for (unsigned d = 0; d < rank; d++) {
		s->piece[d] = ozr_is_whole(s->g, d) ? up->shape[d]
						    : ozr_min_u64(up->chunk[d], up->shape[d]);
		more[d] = ozr_lcm_below(s->piece[d],
					l->chunk[d] / common_divisor(l->chunk[d], l->factor[d]),
					up->shape[d]);
	}
	if (source_bytes(s, more) <= share)
		memcpy(s->piece, more, sizeof more);
	for (int grown = 1; grown;) {
		grown = 0;
		for (unsigned d = rank; d-- > 0;) {
			uint64_t other[OZR_MAX_RANK];
			memcpy(other, s->piece, sizeof other);
			other[d] = ozr_min_u64(2 * other[d], up->shape[d]);
			if (other[d] == s->piece[d] || source_bytes(s, other) > most)
				continue;
			s->piece[d] = other[d];
			grown = 1;
		}
	}
	memcpy(s->slab, s->piece, sizeof s->slab);
	for (unsigned d = 0; d < rank && source_bytes(s, s->slab) > share;) {
		if (s->slab[d] > 1 && !ozr_is_whole(s->g, d))
			s->slab[d] = ozr_ceil_div(s->slab[d], 2);
		else
			d++;
	}
}

/* A box of the upper level that lies in one piece. */
static int submit_piece(const struct step *s, struct ozr_pipe *pipe, const uint64_t *start,
			const uint64_t *count, struct ozr_refresh_progress *progress,
			struct ozr_err *err)
{
	struct ozr_err mine;
	struct piece *p = ozr_calloc(s->g->ctx, 1, sizeof *p, &mine);
	double elements = 1;
	if (!p)
		return ozr_fail(err, mine.code, "%s", mine.msg);
	p->s = s;
	for (unsigned d = 0; d < s->g->rank; d++) {
		p->start[d] = start[d];
		p->count[d] = count[d];
		elements *= (double)count[d];
	}
	const size_t weight = (size_t)source_bytes(s, s->slab);
	int rc = ozr_pipe_submit(pipe, weight, do_piece, drop_piece, p, err);
	progress->done += elements;
	if (progress->done > progress->all) /* regions that were joined have more */
		progress->done = progress->all;
	if (!rc)
		rc = ozr_call_progress(progress->call, 0.999 * progress->done / progress->all, err);
	return rc;
}

/* The part of a region (of the upper level) that lies in the piece at `at`. */
static void part_in_piece(const struct step *s, const struct ozr_region *r, const uint64_t *at,
			  struct ozr_region *out)
{
	for (unsigned d = 0; d < s->g->rank; d++) {
		const uint64_t end =
			ozr_min_u64((at[d] + 1) * s->piece[d], r->start[d] + r->count[d]);
		out->start[d] = ozr_max_u64(at[d] * s->piece[d], r->start[d]);
		out->count[d] = end - out->start[d];
	}
}

/* One region: all its pieces, shard after shard. */
static int submit_region(const struct step *s, struct ozr_pipe *pipe, const struct ozr_region *r,
			 struct ozr_refresh_progress *progress, struct ozr_err *err)
{
	const struct ozr_build_level *up = &s->g->level[s->level + 1];
	const unsigned rank = s->g->rank;
	uint64_t outer[OZR_MAX_RANK], first_outer[OZR_MAX_RANK], last_outer[OZR_MAX_RANK];
	uint64_t shard[OZR_MAX_RANK], at[OZR_MAX_RANK];
	uint64_t first[OZR_MAX_RANK] = {0}, last[OZR_MAX_RANK];
	struct ozr_region part;
	int rc;
	for (unsigned d = 0; d < rank; d++) {
		shard[d] = ozr_lcm_below(s->piece[d], up->shard[d], up->shape[d]);
		outer[d] = first_outer[d] = r->start[d] / shard[d];
		last_outer[d] = (r->start[d] + r->count[d] - 1) / shard[d];
	}
	do {
		for (unsigned d = 0; d < rank; d++) {
			const uint64_t from = ozr_max_u64(outer[d] * shard[d], r->start[d]);
			const uint64_t to =
				ozr_min_u64((outer[d] + 1) * shard[d], r->start[d] + r->count[d]);
			first[d] = from / s->piece[d];
			last[d] = (to - 1) / s->piece[d];
		}
		memcpy(at, first, sizeof at);
		do {
			part_in_piece(s, r, at, &part);
			rc = submit_piece(s, pipe, part.start, part.count, progress, err);
		} while (!rc && ozr_odometer(at, first, last, rank));
	} while (!rc && ozr_odometer(outer, first_outer, last_outer, rank));
	return rc;
}

/* --- many regions ---------------------------------------------------------------------- */

/* What several regions want of one piece. */
struct wanted {
	uint64_t shard, piece; /* numbers on their grids: the order of work */
	struct ozr_region part;
};

static int in_order(const void *x, const void *y)
{
	const struct wanted *a = x, *b = y;
	if (a->shard != b->shard)
		return a->shard < b->shard ? -1 : 1;
	if (a->piece != b->piece)
		return a->piece < b->piece ? -1 : 1;
	return 0;
}

static void number(const struct step *s, const uint64_t *at, struct wanted *w)
{
	const struct ozr_build_level *up = &s->g->level[s->level + 1];
	w->shard = w->piece = 0;
	for (unsigned d = 0; d < s->g->rank; d++) {
		w->piece = w->piece * ozr_ceil_div(up->shape[d], s->piece[d]) + at[d];
		w->shard = w->shard * ozr_ceil_div(up->shape[d], up->shard[d]) +
			   at[d] * s->piece[d] / up->shard[d];
	}
}

/* The smallest box around both. */
static void join(unsigned rank, struct ozr_region *into, const struct ozr_region *more)
{
	for (unsigned d = 0; d < rank; d++) {
		const uint64_t end = ozr_max_u64(into->start[d] + into->count[d],
						 more->start[d] + more->count[d]);
		into->start[d] = ozr_min_u64(into->start[d], more->start[d]);
		into->count[d] = end - into->start[d];
	}
}

static int list_pieces(const struct step *s, const struct ozr_regions *regions,
		       struct wanted **list, size_t *n, struct ozr_err *err)
{
	const unsigned rank = s->g->rank;
	uint64_t at[OZR_MAX_RANK], first[OZR_MAX_RANK], last[OZR_MAX_RANK];
	size_t room = 0;
	for (size_t i = 0; i < regions->n; i++) {
		const struct ozr_region *r = &regions->region[i];
		for (unsigned d = 0; d < rank; d++) {
			at[d] = first[d] = r->start[d] / s->piece[d];
			last[d] = (r->start[d] + r->count[d] - 1) / s->piece[d];
		}
		do {
			if (*n == room) {
				room = 2 * room + 64;
				void *more =
					ozr_resize(s->g->ctx, *list, room * sizeof **list, err);
				if (!more)
					return err && err->code == OZR_LIMIT ? OZR_LIMIT
									     : OZR_NO_MEMORY;
				*list = more;
			}
			number(s, at, &(*list)[*n]);
			part_in_piece(s, r, at, &(*list)[(*n)++].part);
		} while (ozr_odometer(at, first, last, rank));
	}
	return OZR_OK;
}

/* Each piece once, whatever the regions have in common; they become the parts of the pieces. */
static int submit_regions(const struct step *s, struct ozr_pipe *pipe, struct ozr_regions *regions,
			  struct ozr_refresh_progress *progress, struct ozr_err *err)
{
	struct ozr_ctx *ctx = s->g->ctx;
	struct wanted *list = NULL;
	struct ozr_region *parts = NULL;
	size_t n = 0, kept = 0;
	int rc = list_pieces(s, regions, &list, &n, err);
	if (!rc) {
		qsort(list, n, sizeof *list, in_order);
		for (size_t i = 1; i < n; i++) {
			if (list[i].piece == list[kept].piece)
				join(s->g->rank, &list[kept].part, &list[i].part);
			else
				list[++kept] = list[i];
		}
		n = kept + 1;
		parts = ozr_alloc(ctx, n * sizeof *parts, err);
		if (!parts)
			rc = err && err->code == OZR_LIMIT ? OZR_LIMIT : OZR_NO_MEMORY;
	}
	for (size_t i = 0; !rc && i < n; i++) {
		parts[i] = list[i].part;
		rc = submit_piece(s, pipe, parts[i].start, parts[i].count, progress, err);
	}
	ozr_free(ctx, list);
	if (rc) {
		ozr_free(ctx, parts);
		return rc;
	}
	ozr_free(ctx, regions->region);
	regions->region = parts;
	regions->n = n;
	return OZR_OK;
}

int ozr_refresh_step(const struct ozr_geometry *g, unsigned level, struct ozr_regions *regions,
		     struct ozr_refresh_progress *progress, struct ozr_err *err)
{
	const struct ozr_call *call = progress->call;
	struct step s = {.g = g, .level = level};
	const size_t budget = ozr_call_budget(call);
	unsigned threads = ozr_ctx_threads(g->ctx);
	struct ozr_pipe *pipe = NULL;
	if (call && call->threads && call->threads < threads)
		threads = call->threads;
	s.call = (struct ozr_call){.threads = 1, .budget = budget / 4};
	cut(&s, ozr_max_u64(budget / 2 / threads, 1));
	int rc = ozr_pipe_open(g->ctx, call, budget / 2 ? budget / 2 : 1, &pipe, err);
	if (!rc)
		rc = regions->n == 1 ? submit_region(&s, pipe, &regions->region[0], progress, err)
				     : submit_regions(&s, pipe, regions, progress, err);
	if (!rc)
		rc = ozr_pipe_drain(pipe, err);
	ozr_pipe_close(pipe);
	if (!rc) {
		rc = ozr_array_flush(g->level[level + 1].array, call, err);
		if (rc)
			ozr_err_context(err, rc, "level %u", level + 1);
	}
	return rc;
}
