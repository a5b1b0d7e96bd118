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
