/* SPDX-License-Identifier: MIT */
/*
 * Reading chunks of shards, a wave of shards at a time: open the shards and
 * look up the wanted chunks (in parallel), sort these by offset, join
 * neighbours into reads, and decode what one read brought as one task. Large
 * chunks that are wanted in part are read by blocks, each as its own task.
 */
#include "array/read.h"

#include <stdlib.h>
#include <string.h>

enum {
	WAVE = 32,             /* shards open at once */
	AHEAD = 8,             /* reads announced ahead */
	WAVE_JOBS = 64 * 1024, /* and chunks looked up, beyond the first shard */
	GAP_LOCAL = 64 << 10,  /* neighbours closer than this are read together */
	GAP_REMOTE = 1 << 20,
	READ_MIN = 256 << 10, /* size of joined reads: from ... to, so that all threads work */
	READ_MIN_REMOTE = 4 << 20,
	READ_MAX = 16 << 20,
	PART_MIN = 128 << 10 /* partly wanted chunks from this encoded size on: by blocks */
};

struct shard_jobs {
	struct ozr_shard shard;
	uint64_t number;
	size_t first, count; /* jobs of the plan */
};

/* Chunks that one read brings: order[first ...]. */
struct group {
	size_t first, count;
	uint64_t offset, length; /* absolute in their root bytes */
	int by_blocks;
	size_t shard; /* number in the wave */
};

struct wave {
	struct ozr_reading *r;
	const struct ozr_plan *plan;
	struct shard_jobs shard[WAVE];
	size_t shards;
	size_t first, jobs; /* of the plan */
	struct ozr_chunk_job *job;
	struct ozr_chunk_job **order;
	struct group *group;
	size_t groups;
};

static int locate_task(void *arg, size_t i, struct ozr_worker *w, struct ozr_err *err)
{
	struct wave *v = arg;
	struct shard_jobs *s = &v->shard[i];
	uint64_t coord[OZR_MAX_RANK];

	ozr_plan_shard_at(v->plan, s->number, coord);
	int rc = ozr_shard_open(&s->shard, v->r->a, coord, err);
	if (rc == OZR_OK && !s->shard.object)
		atomic_store(&v->r->missing, 1);
	for (size_t k = 0; rc == OZR_OK && k < s->count; k++) {
		struct ozr_chunk_job *j = &v->job[s->first - v->first + k];
		ozr_chunk_job_init(j, v->r->a, v->plan, s->first + k);
		rc = ozr_chunk_job_context(j, ozr_shard_find(&s->shard, j->chunk, w, &j->at, err),
					   err);
		if (rc == OZR_OK)
			ozr_chunk_job_revisit(j);
		if (v->r->remote)
			ozr_chunk_job_recall(j);
	}
	return rc;
}

/* Where a window lies in its root (the object, or decoded memory). */
static uint64_t place_of(const struct ozr_chunk_job *j)
{
	return j->at.base;
}

static int by_place(const void *x, const void *y)
{
	const struct ozr_chunk_job *a = *(struct ozr_chunk_job *const *)x;
	const struct ozr_chunk_job *b = *(struct ozr_chunk_job *const *)y;

	if (!a->at.read != !b->at.read)
		return a->at.read ? 1 : -1;
	if (a->at.arg != b->at.arg)
		return (uintptr_t)a->at.arg < (uintptr_t)b->at.arg ? -1 : 1;
	return place_of(a) < place_of(b) ? -1 : place_of(a) > place_of(b);
}

static int joins(const struct wave *v, const struct group *g, const struct ozr_chunk_job *last,
		 const struct ozr_chunk_job *j, uint64_t most)
{
	uint64_t gap = v->r->remote ? GAP_REMOTE : GAP_LOCAL, end = g->offset + g->length;

	if (!last->at.read || !j->at.read)
		return !last->at.read && !j->at.read && g->count < 64;
	if (g->by_blocks || last->at.arg != j->at.arg || place_of(j) > end + gap)
		return 0;
	return place_of(j) + j->at.size - g->offset <= most;
}

/* Jobs of a shard, sorted, cut into groups. */
static void make_groups(struct wave *v, size_t shard, uint64_t most)
{
	size_t first = v->shard[shard].first - v->first, count = v->shard[shard].count;

	qsort(&v->order[first], count, sizeof(v->order[0]), by_place);
	for (size_t i = first; i < first + count; i++) {
		const struct ozr_chunk_job *j = v->order[i];
		struct group *g = i > first ? &v->group[v->groups - 1] : NULL;
		int part = j->at.read && !j->whole && !j->entire && j->at.size >= PART_MIN;
		part |= j->held != NULL; /* nothing to read */
		if (g && !part && joins(v, g, v->order[i - 1], j, most)) {
			uint64_t end = ozr_max_u64(g->offset + g->length, place_of(j) + j->at.size);
			g->length = end - g->offset;
			g->count++;
		} else {
			v->group[v->groups++] =
				(struct group){i, 1, place_of(j), j->at.size, part, shard};
		}
	}
}

static int run_group(struct wave *v, const struct group *g, struct ozr_worker *w,
		     struct ozr_err *err)
{
	struct ozr_chunk_job **job = &v->order[g->first];
	struct ozr_bytes_at span = job[0]->at;
	struct ozr_range all = {0, g->length};
	uint64_t limit = ozr_ctx_limits(v->r->a->ctx)->object_bytes;
	void *bytes;

	if (g->length > limit)
		return ozr_chunk_job_context(job[0],
					     ozr_fail(err, OZR_LIMIT,
						      "chunk has %llu encoded bytes, the limit "
						      "(object_bytes) is %llu",
						      (unsigned long long)g->length,
						      (unsigned long long)limit),
					     err);
	bytes = ozr_worker_scratch(w, OZR_SCRATCH_ENCODED, g->length, err);
	if (!bytes)
		return ozr_alloc_code(err);
	/* a window as long as all of them */
	span.size = g->length;
	int rc = ozr_chunk_job_context(job[0], span.read(&span, 1, &all, &bytes, err), err);
	for (size_t i = 0; rc == OZR_OK && i < g->count; i++) {
		job[i]->memory = (const char *)bytes + (place_of(job[i]) - g->offset);
		rc = ozr_chunk_job_run(job[i], w, err);
	}
	return rc;
}

/* Let the system fetch what a later task will read. */
static void advise_ahead(const struct wave *v, size_t i)
{
	if (i >= v->groups || v->r->remote || v->group[i].by_blocks)
		return;
	const struct ozr_chunk_job *j = v->order[v->group[i].first];
	struct ozr_range range = {v->group[i].offset, v->group[i].length};
	struct ozr_object *object = v->shard[v->group[i].shard].shard.object;
	/* not for bytes that are in memory already */
	if (j->at.read && j->at.arg == object)
		ozr_object_advise(object, 1, &range);
}

static int group_task(void *arg, size_t i, struct ozr_worker *w, struct ozr_err *err)
{
	struct wave *v = arg;
	const struct group *g = &v->group[i];
	int rc = OZR_OK;

	for (size_t k = i ? AHEAD : 1; k <= AHEAD; k++)
		advise_ahead(v, i + k);
	if (g->by_blocks)
		return ozr_chunk_job_run(v->order[g->first], w, err);
	if (v->order[g->first]->at.read)
		return run_group(v, g, w, err);
	for (size_t k = 0; rc == OZR_OK && k < g->count; k++)
		ozr_chunk_job_fill(v->order[g->first + k]);
	return rc;
}

/* So much that each thread gets several reads. */
static uint64_t read_size(const struct wave *v)
{
	uint64_t total = 0;

	for (size_t i = 0; i < v->jobs; i++)
		total += v->job[i].at.read ? v->job[i].at.size : 0;
	total /= 4 * (uint64_t)v->r->threads;
	return ozr_max_u64(v->r->remote ? READ_MIN_REMOTE : READ_MIN, ozr_min_u64(total, READ_MAX));
}

static int run_wave(struct wave *v, struct ozr_err *err)
{
	struct ozr_ctx *ctx = v->r->a->ctx;
	int rc = OZR_OK;

	v->job = ozr_calloc(ctx, v->jobs, sizeof(*v->job), err);
	v->order = v->job ? ozr_alloc(ctx, v->jobs * sizeof(*v->order), err) : NULL;
	v->group = v->order ? ozr_alloc(ctx, v->jobs * sizeof(*v->group), err) : NULL;
	if (!v->group)
		rc = ozr_alloc_code(err);
	if (rc == OZR_OK)
		rc = ozr_read_for(v->r, v->shards, locate_task, v, err);
	if (rc == OZR_OK && ozr_read_worth_spreading(v->r, v->jobs)) {
		rc = ozr_read_spread(v->r, v->job, v->jobs, err);
	} else if (rc == OZR_OK) {
		uint64_t most = read_size(v);
		for (size_t i = 0; i < v->jobs; i++)
			v->order[i] = &v->job[i];
		v->groups = 0;
		for (size_t i = 0; i < v->shards; i++)
			make_groups(v, i, most);
		rc = ozr_read_for(v->r, v->groups, group_task, v, err);
	}
	for (size_t i = 0; v->job && i < v->jobs; i++)
		ozr_chunk_job_release(&v->job[i]);
	for (size_t i = 0; i < v->shards; i++)
		ozr_shard_close(&v->shard[i].shard);
	ozr_free(ctx, v->job);
	ozr_free(ctx, v->order);
	ozr_free(ctx, v->group);
	return rc;
}

/* Take the jobs of the next shards. */
static void next_wave(struct wave *v, size_t from)
{
	const struct ozr_plan *p = v->plan;

	v->first = from;
	v->shards = 0;
	v->jobs = 0;
	while (from < p->jobs) {
		size_t end = from;
		while (end < p->jobs && p->job[end].shard == p->job[from].shard)
			end++;
		if (v->shards == WAVE || (v->shards > 0 && v->jobs + (end - from) > WAVE_JOBS))
			return;
		struct shard_jobs *s = &v->shard[v->shards++];
		memset(s, 0, sizeof(*s));
		s->number = p->job[from].shard;
		s->first = from;
		s->count = end - from;
		v->jobs += s->count;
		from = end;
	}
}

int ozr_read_shards(struct ozr_reading *r, const struct ozr_plan *plan, struct ozr_err *err)
{
	struct wave *v = ozr_alloc(r->a->ctx, sizeof(*v), err);
	int rc = OZR_OK;

	if (!v)
		return ozr_alloc_code(err);
	memset(v, 0, sizeof(*v));
	v->r = r;
	v->plan = plan;
	for (size_t done = 0; rc == OZR_OK && done < plan->jobs; done += v->jobs) {
		next_wave(v, done);
		rc = run_wave(v, err);
	}
	ozr_free(r->a->ctx, v);
	return rc;
}
