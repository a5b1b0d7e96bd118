/* SPDX-License-Identifier: MIT */
/*
 * Which boxes a pull reads, in which order. A pure function of the geometry,
 * the source's blocks and the budget.
 *
 * A group is a box that is made of whole cells and whole source blocks. If it
 * fits, groups are read whole and cells are taken from the box as they are.
 * If not, groups are read in thin boxes along the source's blocks, and cells
 * wait until they are complete. A source block is read in parts only when it
 * does not fit by itself.
 *
 * Groups are visited along a Z-order curve over the axes that the pyramid
 * reduces, so that the cells above complete soon; the other axes (time,
 * channels) are outermost.
 */
#include "ome/pyramid_impl.h"

enum { SMALL_BOX = 8 << 20 /* bytes; smaller boxes cost more in calls than they save */ };

static uint64_t bytes_of(const struct ozr_geometry *g, const uint64_t *count)
{
	uint64_t bytes = UINT64_MAX;
	return ozr_ckd_product(count, g->rank, g->size, &bytes) ? UINT64_MAX : bytes;
}

/* Bytes of a box with another extent along one axis. */
static uint64_t bytes_with(const struct ozr_geometry *g, const uint64_t *count, unsigned axis,
			   uint64_t n)
{
	uint64_t other[OZR_MAX_RANK];
	memcpy(other, count, g->rank * sizeof *count);
	other[axis] = n;
	return bytes_of(g, other);
}

/* Larger groups: whole shards if they fit, then up to a size that keeps all threads busy. */
static void grow_group(const struct ozr_geometry *g, uint64_t limit, unsigned threads,
		       struct ozr_read_plan *p)
{
	const struct ozr_build_level *l = &g->level[0];
	const uint64_t cell = bytes_of(g, l->cell);
	const uint64_t busy = ozr_max_u64(SMALL_BOX, 4 * (uint64_t)threads * cell);
	const uint64_t wanted = ozr_min_u64(limit, busy);
	for (unsigned d = g->rank; d-- > 0;) {
		const uint64_t n = ozr_lcm_below(p->group[d], l->shard[d], l->shape[d]);
		if (bytes_with(g, p->group, d, n) <= limit)
			p->group[d] = n;
	}
	for (int outer = 0; outer < 2; outer++)
		for (int grown = 1; grown;) {
			grown = 0;
			for (unsigned d = g->rank; d-- > 0;) {
				const uint64_t n = ozr_min_u64(2 * p->group[d], l->shape[d]);
				if (p->outer[d] != outer || n == p->group[d] ||
				    bytes_with(g, p->group, d, n) > wanted)
					continue;
				p->group[d] = n;
				grown = 1;
			}
		}
}

/* A source block that is too large by itself is halved, slowest axis first. */
static void shrink_box(const struct ozr_geometry *g, uint64_t limit, uint64_t *box)
{
	for (unsigned d = 0; d < g->rank && bytes_of(g, box) > limit;) {
		if (box[d] > 1)
			box[d] = ozr_ceil_div(box[d], 2);
		else
			d++;
	}
}

/* Thin boxes: as many source blocks as fit, along the fastest axis first. */
static void thin_box(const struct ozr_geometry *g, const uint64_t *block, uint64_t limit,
		     struct ozr_read_plan *p)
{
	for (unsigned d = 0; d < g->rank; d++)
		p->box[d] = ozr_min_u64(block[d], p->group[d]);
	shrink_box(g, limit, p->box);
	for (unsigned d = g->rank; d-- > 0;) {
		const uint64_t blocks = ozr_ceil_div(p->group[d], p->box[d]);
		const uint64_t most = limit / ozr_max_u64(1, bytes_of(g, p->box));
		if (most > 1) {
			/* Boxes of about equal size rather than a small one at the end. */
			const uint64_t boxes = ozr_ceil_div(blocks, most);
			p->box[d] =
				ozr_min_u64(p->box[d] * ozr_ceil_div(blocks, boxes), p->group[d]);
		}
		if (p->box[d] < p->group[d])
			break;
	}
}

/* What waits while thin boxes sweep through a group: everything but along the first axis that
 * is cut, where it is what one box touches. */
static uint64_t front(const struct ozr_geometry *g, const struct ozr_read_plan *p)
{
	for (unsigned d = 0; d < g->rank; d++) {
		const uint64_t cell = g->level[0].cell[d];
		if (p->box[d] >= p->group[d])
			continue;
		const uint64_t n = (ozr_ceil_div(p->box[d], cell) + (p->box[d] % cell != 0)) * cell;
		return bytes_with(g, p->group, d, ozr_min_u64(n, p->group[d]));
	}
	return 0;
}

void ozr_read_plan_make(const struct ozr_geometry *g, const uint64_t *block, uint64_t whole_limit,
			uint64_t thin_limit, unsigned threads, struct ozr_read_plan *p)
{
	const struct ozr_build_level *l = &g->level[0];
	uint64_t step[OZR_MAX_RANK];
	*p = (struct ozr_read_plan){.rank = g->rank};
	for (unsigned d = 0; d < g->rank; d++) {
		p->shape[d] = l->shape[d];
		p->outer[d] = 1;
		for (unsigned i = 0; i < g->levels; i++)
			p->outer[d] &= g->level[i].factor[d] == 1;
		step[d] = ozr_min_u64(ozr_max_u64(block[d], 1), l->shape[d]);
		p->group[d] = ozr_lcm_below(l->cell[d], step[d], l->shape[d]);
	}
	p->whole = bytes_of(g, p->group) <= whole_limit;
	if (p->whole) {
		grow_group(g, whole_limit, threads, p);
		memcpy(p->box, p->group, sizeof p->box);
	} else {
		thin_box(g, step, thin_limit, p);
		p->front_bytes = front(g, p);
	}
	p->box_bytes = bytes_of(g, p->box);
	for (unsigned d = 0; d < g->rank; d++)
		p->groups[d] = ozr_ceil_div(p->shape[d], p->group[d]);
}

/* --- order ------------------------------------------------------------------------- */

static unsigned bits_for(uint64_t n)
{
	unsigned bits = 0;
	while (bits < 64 && n > 1 && (n - 1) >> bits)
		bits++;
	return bits;
}

/* Spread a code over the axes: row by row over the outer ones, interleaved bits over the
 * others. 0 when the position is outside the grid, -1 when the code is past the end. */
static int group_at(const struct ozr_read_plan *p, uint64_t code, uint64_t *group)
{
	unsigned left[OZR_MAX_RANK], shift[OZR_MAX_RANK], most = 0;
	for (unsigned d = 0; d < p->rank; d++) {
		group[d] = 0;
		shift[d] = 0;
		left[d] = p->outer[d] ? 0 : bits_for(p->groups[d]);
		most = left[d] > most ? left[d] : most;
	}
	for (unsigned round = 0; round < most; round++)
		for (unsigned d = p->rank; d-- > 0;)
			if (shift[d] < left[d]) {
				group[d] |= (code & 1) << shift[d]++;
				code >>= 1;
			}
	for (unsigned d = p->rank; d-- > 0;)
		if (p->outer[d]) {
			group[d] = code % p->groups[d];
			code /= p->groups[d];
		}
	if (code)
		return -1;
	for (unsigned d = 0; d < p->rank; d++)
		if (group[d] >= p->groups[d])
			return 0;
	return 1;
}

static void set_counts(const struct ozr_read_plan *p, struct ozr_read_walk *w)
{
	for (unsigned d = 0; d < p->rank; d++) {
		const uint64_t end = ozr_min_u64((w->group[d] + 1) * p->group[d], p->shape[d]);
		w->count[d] = ozr_min_u64(p->box[d], end - w->start[d]);
	}
}

/* The next box of the group, row by row; 0 at its end. */
static int next_in_group(const struct ozr_read_plan *p, struct ozr_read_walk *w)
{
	for (unsigned d = p->rank; d-- > 0;) {
		const uint64_t end = ozr_min_u64((w->group[d] + 1) * p->group[d], p->shape[d]);
		w->start[d] += p->box[d];
		if (w->start[d] < end)
			return 1;
		w->start[d] = w->group[d] * p->group[d];
	}
	return 0;
}

int ozr_read_plan_next(const struct ozr_read_plan *p, struct ozr_read_walk *w)
{
	int found;
	if (w->running && next_in_group(p, w)) {
		set_counts(p, w);
		return 1;
	}
	w->code += (uint64_t)w->running;
	w->running = 1;
	while ((found = group_at(p, w->code, w->group)) == 0)
		w->code++;
	if (found < 0)
		return 0;
	for (unsigned d = 0; d < p->rank; d++)
		w->start[d] = w->group[d] * p->group[d];
	set_counts(p, w);
	return 1;
}
