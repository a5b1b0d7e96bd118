/* SPDX-License-Identifier: MIT */
/*
 * Decoded bytes of a chunk, or of a linear part of it, given to the boxes that
 * want them; and the question whether any box does.
 */
#include "array/read.h"

struct scatter {
	const struct ozr_chunk_job *j;
	void *bytes;
	uint64_t skip; /* elements of the chunk before bytes */
	int wanted;    /* set by is_wanted */
};

static void give_part(void *arg, const struct ozr_run_box *part)
{
	struct scatter *s = arg;

	for (size_t i = 0; i < s->j->job->count; i++)
		ozr_box_transfer(s->j->plan->grid, ozr_chunk_job_box(s->j, i), s->j->chunk, part,
				 s->bytes, s->skip, OZR_TO_BOX);
}

static void is_wanted(void *arg, const struct ozr_run_box *part)
{
	struct scatter *s = arg;
	const struct ozr_grid *g = s->j->plan->grid;

	for (size_t i = 0; i < s->j->job->count && !s->wanted; i++) {
		int all = 1;
		for (unsigned d = 0; d < g->rank && all; d++) {
			uint64_t origin = s->j->chunk[d] * g->chunk[d], first, end;
			ozr_box_range(ozr_chunk_job_box(s->j, i), d, origin + part->lo[d],
				      origin + part->hi[d], &first, &end);
			all = first < end;
		}
		s->wanted = all;
	}
}

void ozr_chunk_job_give(const struct ozr_chunk_job *j, void *bytes, uint64_t from, uint64_t to)
{
	struct scatter s = {j, bytes, from, 0};

	ozr_grid_run(j->plan->grid, from, to, give_part, &s);
}

int ozr_chunk_job_wants(const struct ozr_chunk_job *j, uint64_t from, uint64_t to)
{
	struct scatter s = {j, NULL, 0, j->whole};

	if (!s.wanted)
		ozr_grid_run(j->plan->grid, from, to, is_wanted, &s);
	return s.wanted;
}

void ozr_chunk_job_span(const struct ozr_chunk_job *j, uint64_t *from, uint64_t *to)
{
	const struct ozr_grid *g = j->plan->grid;

	*from = g->elements;
	*to = 0;
	for (size_t i = 0; i < j->job->count; i++) {
		const struct ozr_box *box = ozr_chunk_job_box(j, i);
		uint64_t lowest = 0, highest = 0;
		for (unsigned d = 0; d < g->rank; d++) {
			uint64_t origin = j->chunk[d] * g->chunk[d], first, end, a, b;
			ozr_box_range(box, d, origin, origin + g->chunk[d], &first, &end);
			a = ozr_box_at(box, d, first) - origin;
			b = ozr_box_at(box, d, end - 1) - origin;
			lowest += ozr_min_u64(a, b) * g->mem_stride[d];
			highest += ozr_max_u64(a, b) * g->mem_stride[d];
		}
		*from = ozr_min_u64(*from, lowest);
		*to = ozr_max_u64(*to, highest + 1);
	}
}
