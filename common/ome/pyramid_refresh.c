/* SPDX-License-Identifier: MIT */
/*
 * Refresh: bring the levels above a changed region up to date, one level
 * after the other: read what the windows need, reduce, write, flush.
 *
 * The work is cut into pieces: chunks of the upper level, gathered so that
 * source chunks are decoded once, in the order of its shards. Pieces run on
 * the pool while their source bytes fit into half of the budget; where a
 * single chunk's windows do not fit, they are read slab by slab.
 */
#include "ome/pyramid_impl.h"

enum { PIECE_BYTES = 8 << 20 /* source bytes worth a task */ };

/* One step, from `level` to the level above it. Regions and pieces are in the upper level. */
struct step {
	const struct ozr_geometry *g;
	unsigned level;
	uint64_t start[OZR_MAX_RANK], end[OZR_MAX_RANK];
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
		s->piece[d] = ozr_min_u64(up->chunk[d], up->shape[d]);
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
		if (s->slab[d] > 1)
			s->slab[d] = ozr_ceil_div(s->slab[d], 2);
		else
			d++;
	}
}

struct progress {
	const struct ozr_call *call;
	double done, all; /* elements of upper levels */
};

static int submit_piece(const struct step *s, struct ozr_pipe *pipe, const uint64_t *at,
			struct progress *progress, struct ozr_err *err)
{
	struct ozr_err mine;
	struct piece *p = ozr_calloc(s->g->ctx, 1, sizeof *p, &mine);
	double elements = 1;
	if (!p)
		return ozr_fail(err, mine.code, "%s", mine.msg);
	p->s = s;
	for (unsigned d = 0; d < s->g->rank; d++) {
		const uint64_t end = ozr_min_u64((at[d] + 1) * s->piece[d], s->end[d]);
		p->start[d] = ozr_max_u64(at[d] * s->piece[d], s->start[d]);
		p->count[d] = end - p->start[d];
		elements *= (double)p->count[d];
	}
	const size_t weight = (size_t)source_bytes(s, s->slab);
	int rc = ozr_pipe_submit(pipe, weight, do_piece, drop_piece, p, err);
	progress->done += elements;
	if (!rc)
		rc = ozr_call_progress(progress->call, 0.999 * progress->done / progress->all, err);
	return rc;
}

/* All pieces of the region, shard after shard. */
static int submit_all(const struct step *s, struct ozr_pipe *pipe, struct progress *progress,
		      struct ozr_err *err)
{
	const struct ozr_build_level *up = &s->g->level[s->level + 1];
	const unsigned rank = s->g->rank;
	uint64_t outer[OZR_MAX_RANK], first_outer[OZR_MAX_RANK], last_outer[OZR_MAX_RANK];
	uint64_t shard[OZR_MAX_RANK], at[OZR_MAX_RANK];
	uint64_t first[OZR_MAX_RANK] = {0}, last[OZR_MAX_RANK];
	int rc;
	for (unsigned d = 0; d < rank; d++) {
		shard[d] = ozr_lcm_below(s->piece[d], up->shard[d], up->shape[d]);
		outer[d] = first_outer[d] = s->start[d] / shard[d];
		last_outer[d] = (s->end[d] - 1) / shard[d];
	}
	do {
		for (unsigned d = 0; d < rank; d++) {
			const uint64_t from = ozr_max_u64(outer[d] * shard[d], s->start[d]);
			const uint64_t to = ozr_min_u64((outer[d] + 1) * shard[d], s->end[d]);
			first[d] = from / s->piece[d];
			last[d] = (to - 1) / s->piece[d];
		}
		memcpy(at, first, sizeof at);
		do {
			rc = submit_piece(s, pipe, at, progress, err);
		} while (!rc && ozr_odometer(at, first, last, rank));
	} while (!rc && ozr_odometer(outer, first_outer, last_outer, rank));
	return rc;
}

/* --- levels ---------------------------------------------------------------------------- */

/* The region above `start` to `end` (in level `level`): 0 when there is none. */
static int lift(const struct ozr_geometry *g, unsigned level, uint64_t *start, uint64_t *end)
{
	const struct ozr_build_level *l = &g->level[level];
	for (unsigned d = 0; d < g->rank; d++) {
		start[d] /= l->factor[d];
		end[d] = ozr_min_u64(ozr_ceil_div(end[d], l->factor[d]), l[1].shape[d]);
		if (start[d] >= end[d])
			return 0;
	}
	return 1;
}

static int refresh_level(struct step *s, const struct ozr_call *call, struct progress *progress,
			 struct ozr_err *err)
{
	struct ozr_ctx *ctx = s->g->ctx;
	const size_t budget = ozr_call_budget(call);
	unsigned threads = ozr_ctx_threads(ctx);
	struct ozr_pipe *pipe = NULL;
	if (call && call->threads && call->threads < threads)
		threads = call->threads;
	s->call = (struct ozr_call){.threads = 1, .budget = budget / 4};
	cut(s, ozr_max_u64(budget / 2 / threads, 1));
	int rc = ozr_pipe_open(ctx, call, budget / 2 ? budget / 2 : 1, &pipe, err);
	if (!rc)
		rc = submit_all(s, pipe, progress, err);
	if (!rc)
		rc = ozr_pipe_drain(pipe, err);
	ozr_pipe_close(pipe);
	if (!rc) {
		rc = ozr_array_flush(s->g->level[s->level + 1].array, call, err);
		if (rc)
			ozr_err_context(err, rc, "level %u", s->level + 1);
	}
	return rc;
}

/* Elements that will be written on all levels. */
static double work(const struct ozr_geometry *g, unsigned level, const uint64_t *start,
		   const uint64_t *end)
{
	uint64_t from[OZR_MAX_RANK], to[OZR_MAX_RANK];
	double all = 0;
	memcpy(from, start, sizeof from);
	memcpy(to, end, sizeof to);
	for (; level + 1 < g->levels && lift(g, level, from, to); level++) {
		double n = 1;
		for (unsigned d = 0; d < g->rank; d++)
			n *= (double)(to[d] - from[d]);
		all += n;
	}
	return all;
}

static int refresh(const struct ozr_geometry *g, unsigned level, const uint64_t *start,
		   const uint64_t *end, const struct ozr_call *call, struct ozr_err *err)
{
	struct step s = {.g = g};
	struct progress progress = {.call = call, .all = work(g, level, start, end)};
	memcpy(s.start, start, sizeof s.start);
	memcpy(s.end, end, sizeof s.end);
	int rc = ozr_call_progress(call, 0, err);
	if (!rc)
		rc = ozr_array_flush(g->level[level].array, call, err);
	for (; !rc && level + 1 < g->levels && lift(g, level, s.start, s.end); level++) {
		s.level = level;
		rc = refresh_level(&s, call, &progress, err);
	}
	return rc ? rc : ozr_call_progress(call, 1, err);
}

int ozr_pyramid_refresh(struct ozr_image *img, unsigned level, const uint64_t *start,
			const uint64_t *count, const struct ozr_call *call, struct ozr_err *err)
{
	uint64_t from[OZR_MAX_RANK] = {0}, to[OZR_MAX_RANK] = {0};
	struct ozr_geometry g;
	if (level >= img->info.levels)
		return ozr_fail(err, OZR_BAD_ARG, "refresh: level %u, the image has %u", level,
				img->info.levels);
	if (img->info.levels == 1)
		return ozr_call_progress(call, 1, err);
	ozr_ctx_enter(img->ctx);
	int rc = ozr_geometry_init(&g, img, 0, 0, err);
	if (rc)
		return ozr_err_context(err, rc, "refresh");
	for (unsigned d = 0; d < g.rank && !rc; d++) {
		const uint64_t shape = g.level[level].shape[d];
		from[d] = start ? start[d] : 0;
		to[d] = shape;
		if (!start)
			continue;
		if (start[d] > shape || count[d] > shape - start[d])
			rc = ozr_fail(
				err, OZR_BAD_ARG,
				"refresh: axis %u: %llu elements from %llu on, the extent is %llu",
				d, (unsigned long long)count[d], (unsigned long long)start[d],
				(unsigned long long)shape);
		to[d] = start[d] + count[d];
	}
	int empty = 0;
	for (unsigned d = 0; d < g.rank; d++)
		empty |= from[d] >= to[d];
	if (!rc)
		rc = empty ? ozr_call_progress(call, 1, err)
			   : refresh(&g, level, from, to, call, err);
	ozr_geometry_release(&g);
	return rc;
}
