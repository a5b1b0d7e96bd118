/* SPDX-License-Identifier: MIT */
/*
 * The inside of the write path. What was written and is not published yet is
 * kept by shard (an unsharded chunk is a shard of one chunk): chunks that are
 * partly covered as raw elements, complete ones encoded.
 *
 * Locking: one mutex per writer guards the table and everything in it that is
 * marked (L). It is held for bookkeeping only, never over copies, codecs or
 * I/O: a thread that works inside a shard counts as its user, and whoever
 * closes a shard (to publish it) waits until the users have left and then has
 * it for itself. A writing thread is a user of at most one shard and waits for
 * nothing else while it is, but for chunks that another one is just encoding. A
 * read is a user of all shards that it touches, which it becomes at once or,
 * when one of them is being published, later.
 *
 * Budget: raw elements take up to 3/4 of it; chunks that begin when these are
 * taken collect their pieces in a scratch file. Encoded chunks beyond it go
 * ahead into their shard's put, or into the scratch file.
 */
#ifndef OZR_ARRAY_WRITER_H
#define OZR_ARRAY_WRITER_H

#include <pthread.h>

#include "array/array_impl.h"
#include "array/coverage.h"
#include "array/plan.h"
#include "base/key.h"
#include "base/spool.h"

/* A box of elements of a chunk in the scratch file, dense, in memory order. */
struct ozr_spilled {
	struct ozr_spilled *next; /* written later */
	struct ozr_spooled *value;
	struct ozr_run_box box;
	int masked; /* a whole chunk of which only covered elements count */
};

/* A partly covered chunk. */
struct ozr_raw {
	unsigned char *covered;            /* (L) bitmap */
	uint64_t count;                    /* (L) of covered elements */
	char *bytes;                       /* elements in memory order, or NULL: spilled */
	struct ozr_spilled *first, **last; /* (L) */
	size_t spills;                     /* (L) */
};

enum ozr_slot_state {
	OZR_SLOT_EMPTY,
	OZR_SLOT_RAW,
	OZR_SLOT_FILL,     /* complete, all fill: nothing to store */
	OZR_SLOT_ENCODED,  /* complete, in memory */
	OZR_SLOT_SPOOLED,  /* complete, in the scratch file */
	OZR_SLOT_STREAMED, /* complete, in the shard's put already */
};

/* One inner chunk. (L), all of it. */
struct ozr_chunk_slot {
	enum ozr_slot_state state;
	unsigned short busy;  /* a thread has it for itself */
	unsigned short users; /* threads that add pieces */
	union {
		struct ozr_raw *raw;
		void *bytes;
		struct ozr_spooled *spooled;
		uint64_t offset;
	} u;
	uint64_t length; /* encoded bytes */
};

struct ozr_open_shard {
	struct ozr_open_shard *chain; /* (L) next in the table's slot */
	uint64_t coord[OZR_MAX_RANK];
	uint64_t valid;         /* chunks that lie in the array */
	uint64_t done;          /* (L) complete chunks */
	uint64_t encoded;       /* (L) bytes of encoded chunks in memory */
	unsigned users;         /* (L) */
	unsigned readers;       /* (L) of the users: their shard must not begin to stream */
	unsigned rereads;       /* (L) complete chunks that were decoded again to be read */
	int closing, streaming; /* (L) */
	int broken;             /* (L) its put failed: it cannot be published */
	unsigned streams;       /* (L) 1: counted in the writer's puts */
	int published;          /* by whoever closed it */
	struct ozr_put *put;    /* of the one that streams or has closed it */
	struct ozr_chunk_slot slot[];
};

struct ozr_writer {
	struct ozr_array *a;
	int64_t pid; /* whose handle it is: a forked child may not write with it */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct ozr_open_shard **table; /* (L) */
	size_t slots, shards;          /* (L) slots: a power of two */
	unsigned puts;                 /* (L) shards that stream */
	uint64_t raw, encoded;         /* (L) bytes held */
	uint64_t budget;               /* (L) of the latest call */
	_Atomic size_t pending;        /* = shards, readable without the lock */
	struct ozr_spool *spool;
	struct ozr_chunk_watch watch; /* .stored NULL: nobody; does not change while writing */
};

/* --- writer.c: the table. ------------------------------------------------------ */

/* May elements be written: is it ours, and can we? */
int ozr_writer_check(const struct ozr_writer *w, struct ozr_err *err) OZR_MUST_CHECK;
/* Lock held: the shard at a place of the shard grid, or NULL. */
struct ozr_open_shard *ozr_writer_find(struct ozr_writer *w, const uint64_t *coord);
/* The chunk's slot for us alone: busy. */
void ozr_slot_seize(struct ozr_writer *w, struct ozr_chunk_slot *c);
/* Become a user of the shard that holds chunk. */
int ozr_writer_enter(struct ozr_writer *w, const uint64_t *chunk, struct ozr_open_shard **out,
		     struct ozr_err *err) OZR_MUST_CHECK;
/* No longer. The last user of a complete shard publishes it. */
int ozr_writer_leave(struct ozr_writer *w, struct ozr_open_shard *s, struct ozr_worker *worker,
		     struct ozr_err *err) OZR_MUST_CHECK;
/* The same for the one who set s->streaming. */
int ozr_writer_streamed(struct ozr_writer *w, struct ozr_open_shard *s, struct ozr_worker *worker,
			struct ozr_err *err) OZR_MUST_CHECK;
/* Lock held: mark the shard as ours and wait until its users have left. */
void ozr_writer_close_shard(struct ozr_writer *w, struct ozr_open_shard *s);
/* Lock held, the caller just left or stopped streaming: is the shard complete and idle? Then
 * it is closed and the caller's to publish. */
int ozr_writer_claim(struct ozr_writer *w, struct ozr_open_shard *s);
/* Closed by us: take it out of the table and free it. */
void ozr_writer_drop(struct ozr_writer *w, struct ozr_open_shard *s);
/* The one who set s->streaming could not write: what the shard holds is lost. */
void ozr_writer_discard(struct ozr_writer *w, struct ozr_open_shard *s);
void ozr_slot_clear(struct ozr_writer *w, struct ozr_open_shard *s, struct ozr_chunk_slot *c);

/* --- write_flush.c ---------------------------------------------------------------- */

/* Publish what waits for the shards that the boxes touch. */
int ozr_writer_settle(struct ozr_writer *w, size_t n, const struct ozr_box *boxes,
		      const struct ozr_call *call, struct ozr_err *err) OZR_MUST_CHECK;
/* Does one of the boxes touch the shard? */
int ozr_shard_touched(const struct ozr_grid *g, const struct ozr_open_shard *s, size_t n,
		      const struct ozr_box *boxes);

/* --- write_raw.c: partly covered chunks ---------------------------------------- */

/* Add what a job's boxes bring. *complete: the caller is to finish the chunk; the slot is
 * then busy for it. *settled: it was completed meanwhile, and nothing was added. */
int ozr_raw_add(struct ozr_writer *w, struct ozr_chunk_slot *c, const struct ozr_plan *plan,
		const struct ozr_job *job, const uint64_t *chunk, struct ozr_worker *worker,
		int *complete, int *settled, struct ozr_err *err) OZR_MUST_CHECK;
/* The covered elements over base (a decoded chunk). */
int ozr_raw_overlay(struct ozr_writer *w, const struct ozr_raw *raw, struct ozr_worker *worker,
		    void *base, struct ozr_err *err) OZR_MUST_CHECK;
void ozr_raw_free(struct ozr_writer *w, struct ozr_raw *raw); /* lock held or not shared */

/* --- write_chunk.c: complete chunks -------------------------------------------- */

/* Encode decoded elements; *bytes (take) is NULL when they are all fill. */
int ozr_chunk_encode(struct ozr_writer *w, struct ozr_worker *worker, const void *elements,
		     void **bytes, uint64_t *length, struct ozr_err *err) OZR_MUST_CHECK;
/* The slot (busy for us) gets its encoded bytes; takes bytes. */
void ozr_chunk_deliver(struct ozr_writer *w, struct ozr_open_shard *s, struct ozr_chunk_slot *c,
		       void *bytes, uint64_t length);
/* Bring the encoded bytes held down to the budget. */
int ozr_writer_relieve(struct ozr_writer *w, struct ozr_worker *worker,
		       struct ozr_err *err) OZR_MUST_CHECK;

/* --- write_publish.c ------------------------------------------------------------- */

/* Put a shard that the caller has closed; merges with what is stored when it is incomplete. */
int ozr_shard_publish(struct ozr_writer *w, struct ozr_open_shard *s, struct ozr_worker *worker,
		      struct ozr_err *err) OZR_MUST_CHECK;

#endif
