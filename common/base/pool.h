/* SPDX-License-Identifier: MIT */
/*
 * Worker threads: a blocking parallel-for and a pipeline with one producer.
 *
 * Threads are started lazily, at most threads - 1 of them; the calling thread
 * works too, so nested use cannot deadlock, and one thread means no pool. When
 * tasks fail, what has not started by then is skipped, and the error of the lowest
 * index (or of the first one submitted) is reported, whatever the timing. Cancel and
 * progress are polled on the calling thread between its tasks (while it only
 * waits, at least every 50 ms). The host's thread state is entered and left around the
 * tasks of a request on each worker. A forked child starts its own threads.
 */
#ifndef OZR_BASE_POOL_H
#define OZR_BASE_POOL_H

#include "ozr/context.h"

/* What a thread keeps between tasks: codec contexts and scratch. A task has
 * exclusive use of its worker while it runs. */
struct ozr_worker;
enum ozr_scratch {
	OZR_SCRATCH_ENCODED,
	OZR_SCRATCH_DECODED,
	OZR_SCRATCH_BLOCK,
	OZR_SCRATCH_OTHER,
	OZR_SCRATCHES
};
/* At least n bytes, contents unspecified, valid until the next call for the same
 * `which` on this worker. Grown, kept between tasks (trimmed to 64 MiB each when idle). */
void *ozr_worker_scratch(struct ozr_worker *w, enum ozr_scratch which, uint64_t n,
			 struct ozr_err *err) OZR_MUST_CHECK;
/* One lazily made object per slot: *slot is NULL at first; free_fn is called at the end. */
enum ozr_slot {
	OZR_SLOT_ZSTD_D,
	OZR_SLOT_ZSTD_C,
	OZR_SLOT_DEFLATE_D,
	OZR_SLOT_DEFLATE_C,
	OZR_SLOT_LZ4,
	OZR_SLOT_OTHER,
	OZR_SLOTS
};
void **ozr_worker_slot(struct ozr_worker *w, enum ozr_slot slot, void (*free_fn)(void *));
struct ozr_ctx *ozr_worker_ctx(struct ozr_worker *w);
/* For single-threaded use outside a task: lease, use, return. */
struct ozr_worker *ozr_worker_lease(struct ozr_ctx *ctx, struct ozr_err *err) OZR_MUST_CHECK;
void ozr_worker_return(struct ozr_worker *w);

typedef int (*ozr_task_fn)(void *arg, size_t i, struct ozr_worker *w, struct ozr_err *err);
/* Run fn(arg, i) for each i < n, taken in rising order. call may be NULL. Reports no
 * progress of its own; checks call->cancelled. */
int ozr_pool_for(struct ozr_ctx *ctx, const struct ozr_call *call, size_t n, ozr_task_fn fn,
		 void *arg, struct ozr_err *err) OZR_MUST_CHECK;

/* The same by up to width threads, even when these are more than the context's: for tasks that
 * mostly wait for a network. */
int ozr_pool_for_wide(struct ozr_ctx *ctx, const struct ozr_call *call, unsigned width, size_t n,
		      ozr_task_fn fn, void *arg, struct ozr_err *err) OZR_MUST_CHECK;

/* Pipeline: the producer submits tasks that run on the pool, in order of submission,
 * several at a time. call, when given, must stay valid until
 * the pipe is closed. weight is what a task holds (bytes); while the sum of unfinished
 * weights is above the budget, submit runs tasks on the producer's thread or waits. */
struct ozr_pipe;
int ozr_pipe_open(struct ozr_ctx *ctx, const struct ozr_call *call, size_t budget,
		  struct ozr_pipe **out, struct ozr_err *err) OZR_MUST_CHECK;
/* fn runs once, or, when the pipe has failed before, drop does (NULL: nothing). A task
 * may not submit. Returns the pipe's error as soon as there is one and what runs has ended;
 * arg is then already taken care of. */
int ozr_pipe_submit(struct ozr_pipe *p, size_t weight,
		    int (*fn)(void *arg, struct ozr_worker *w, struct ozr_err *err),
		    void (*drop)(void *arg), void *arg, struct ozr_err *err) OZR_MUST_CHECK;
/* Wait for everything submitted; the error, if any. The pipe can be used again after OZR_OK. */
int ozr_pipe_drain(struct ozr_pipe *p, struct ozr_err *err) OZR_MUST_CHECK;
void ozr_pipe_close(struct ozr_pipe *p); /* drops what waits, waits for what runs */

#endif
