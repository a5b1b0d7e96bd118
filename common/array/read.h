/* SPDX-License-Identifier: MIT */
/*
 * The inside of the read path: a request, and the steps from a chunk's encoded
 * bytes to the boxes that want it.
 */
#ifndef OZR_ARRAY_READ_H
#define OZR_ARRAY_READ_H

#include "array/array_impl.h"
#include "array/plan.h"

struct ozr_reading {
	struct ozr_array *a;
	const struct ozr_grid *g;
	const struct ozr_call *call;
	unsigned threads;
	int remote;
	_Atomic int missing; /* a stored object was not there */
};

/* One chunk of a request: what is wanted, and where its encoded bytes are. */
struct ozr_chunk_job {
	const struct ozr_array *a;
	const struct ozr_plan *plan;
	const struct ozr_job *job;
	uint64_t chunk[OZR_MAX_RANK];
	int whole;              /* the boxes want all of it */
	char *direct;           /* not NULL: the chunk's decoded bytes belong right here */
	struct ozr_bytes_at at; /* .read NULL: there is none, fill */
	const char *memory;     /* all of the encoded bytes, when they have been read; or NULL */
	int entire;             /* wanted in part, but all encoded bytes are read and kept */
	struct ozr_entry *held; /* what the cache has of it, encoded or decoded, or NULL */
};

static inline const struct ozr_box *ozr_chunk_job_box(const struct ozr_chunk_job *j, size_t piece)
{
	return &j->plan->box[j->plan->piece[j->job->first + piece].box];
}
/* Coordinates, whole and direct; bytes are not known yet. */
void ozr_chunk_job_init(struct ozr_chunk_job *j, const struct ozr_array *a,
			const struct ozr_plan *plan, size_t job);
/* Where its bytes are is known: one that was wanted in part before is in the cache, and comes from
 * there although it is wanted whole now, as when a view is moved. */
void ozr_chunk_job_revisit(struct ozr_chunk_job *j);
/* Do all of it. */
int ozr_chunk_job_run(const struct ozr_chunk_job *j, struct ozr_worker *w,
		      struct ozr_err *err) OZR_MUST_CHECK;
void ozr_chunk_job_fill(const struct ozr_chunk_job *j);
/* Elements [from, to) in memory order, which bytes holds, into the boxes. */
void ozr_chunk_job_give(const struct ozr_chunk_job *j, void *bytes, uint64_t from, uint64_t to);
/* All elements that a box wants are in [from, to). */
void ozr_chunk_job_span(const struct ozr_chunk_job *j, uint64_t *from, uint64_t *to);
int ozr_chunk_job_wants(const struct ozr_chunk_job *j, uint64_t from, uint64_t to);
/* Put the key (and, in shards, the chunk) in front of an error. */
int ozr_chunk_job_context(const struct ozr_chunk_job *j, int rc, struct ozr_err *err);

/* The blocks of a chunk, remembered in the cache. */
struct ozr_block_table {
	struct ozr_blocks blocks;
	struct ozr_entry *entry; /* owns blocks.range when not NULL */
};
int ozr_block_table_get(const struct ozr_chunk_job *j, struct ozr_worker *w,
			struct ozr_block_table *out, struct ozr_err *err) OZR_MUST_CHECK;
void ozr_block_table_release(struct ozr_block_table *t);
/* More than one block, and elements do not straddle them. */
int ozr_block_table_divides(const struct ozr_chunk_job *j, const struct ozr_block_table *t);
/* All blocks that a box wants. */
int ozr_blocks_run(const struct ozr_chunk_job *j, const struct ozr_block_table *t,
		   struct ozr_worker *w, struct ozr_err *err) OZR_MUST_CHECK;
/* Decode block i and give it to the boxes, if one wants it: bytes are read as needed. */
int ozr_block_run(const struct ozr_chunk_job *j, const struct ozr_block_table *t, uint64_t i,
		  struct ozr_worker *w, struct ozr_err *err) OZR_MUST_CHECK;

/* read_remote.c: all tasks of a request, as wide as its store wants it. */
int ozr_read_for(const struct ozr_reading *r, size_t n, ozr_task_fn fn, void *arg,
		 struct ozr_err *err) OZR_MUST_CHECK;
unsigned ozr_read_width(const struct ozr_array *a, const struct ozr_call *call);
/* What opening a shard, or a chunk of its own, should bring along. */
struct ozr_hint ozr_shard_hint(const struct ozr_grid *g);
struct ozr_hint ozr_chunk_hint(const struct ozr_grid *g, int whole);
/* For remote stores: what an earlier request has left of a chunk that is wanted in part; what
 * this one leaves; the end of it. */
void ozr_chunk_job_recall(struct ozr_chunk_job *j);
void ozr_chunk_job_keep(const struct ozr_chunk_job *j);
void ozr_chunk_job_release(struct ozr_chunk_job *j);

/* Run jobs whose bytes are known and that are too few to occupy all threads: by blocks. */
int ozr_read_spread(struct ozr_reading *r, struct ozr_chunk_job *jobs, size_t n,
		    struct ozr_err *err) OZR_MUST_CHECK;
int ozr_read_worth_spreading(const struct ozr_reading *r, size_t jobs);

/* All jobs of a plan: arrays without and with shards. */
int ozr_read_chunks(struct ozr_reading *r, const struct ozr_plan *plan,
		    struct ozr_err *err) OZR_MUST_CHECK;
int ozr_read_shards(struct ozr_reading *r, const struct ozr_plan *plan,
		    struct ozr_err *err) OZR_MUST_CHECK;

/* --- shards, for reading, locating and updating --------------------------- */

/* An open shard. Zero-initialised by ozr_shard_open(). */
struct ozr_shard {
	const struct ozr_array *a;
	struct ozr_object *object;                /* NULL: there is none */
	struct ozr_bytes_at at;                   /* what chunk offsets are relative to */
	struct ozr_entry *index[OZR_MAX_NESTING]; /* the last one used of each level */
	uint64_t index_id[OZR_MAX_NESTING];
	struct ozr_unfiltered *unfiltered; /* buffers of shards that are encoded as a whole */
};
/* Must stay where it is until ozr_shard_close(). A missing object is OZR_OK. */
int ozr_shard_open(struct ozr_shard *s, const struct ozr_array *a, const uint64_t *coord,
		   struct ozr_err *err) OZR_MUST_CHECK;
void ozr_shard_close(struct ozr_shard *s);
/* The encoded bytes of a chunk, valid until close; out->read is NULL when it is absent. */
int ozr_shard_find(struct ozr_shard *s, const uint64_t *chunk, struct ozr_worker *w,
		   struct ozr_bytes_at *out, struct ozr_err *err) OZR_MUST_CHECK;

#endif
