/* SPDX-License-Identifier: MIT */
/*
 * Requests: what pool.c (parallel-for) and pipe.c have in common. A request
 * is a source of tasks that pool threads may join while it is open. Requests
 * opened inside a task of another one are nested in it: they share the width
 * and the host's snapshot of the outermost (the root).
 *
 * Which error a request reports does not depend on timing. Its tasks bear
 * numbers, from 1 in the order in which they are taken; when one fails, those
 * with lower numbers have begun already and run to their end, nested requests
 * included, and the failure with the lowest number counts. What has a higher
 * number stops. Failures that belong to no task (the host cancels, memory is
 * out) have the number 0 and stop all.
 *
 * No deadlock: a pool thread joins a request only while it has nothing else
 * to do, a thread in a task waits only for requests that it opened itself,
 * and those are always being worked on by somebody, itself first of all.
 */
#ifndef OZR_BASE_POOL_IMPL_H
#define OZR_BASE_POOL_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/ctx_impl.h"
#include "base/pool.h"

struct ozr_request {
	struct ozr_ctx *ctx; /* owned reference */
	const struct ozr_call *call;
	struct ozr_request *next;  /* open ones, newest first; pool lock */
	struct ozr_request *outer; /* NULL at the root */
	uint64_t outer_number;     /* of the outer's task in which this one was opened */
	struct ozr_request *root;
	unsigned width;          /* root: threads that may work at once, the owner included */
	unsigned helpers;        /* root: pool threads in it or in a nested one; pool lock */
	unsigned active;         /* pool threads in this one; pool lock */
	unsigned forks;          /* the pool's when it was opened */
	pthread_t owner;         /* who opened it, or runs its tasks now; pool lock */
	int owner_inside;        /* the owner is running tasks of it; pool lock */
	uint64_t owner_number;   /* of the task in which the owner is; its own thread only */
	int polls;               /* the owner may call back into the host */
	void *snapshot;          /* root: the host's thread state */
	pthread_cond_t changed;  /* a task or a helper is done; pool lock */
	_Atomic uint64_t failed; /* lowest number of a task that failed, or OZR_NONE_FAILED */
	struct ozr_err err;      /* its error; pool lock */
	/* Is there a task to take? Pool lock held. */
	int (*ready)(struct ozr_request *r);
	/* Run tasks until there is none; *number is kept at that of the running one. No lock held. */
	void (*work)(struct ozr_request *r, struct ozr_worker *w, uint64_t *number);
};

#define OZR_NONE_FAILED UINT64_MAX

/* Threads that a request of this call may use. */
unsigned ozr_request_width(struct ozr_ctx *ctx, const struct ozr_call *call);
/* Are this call's callbacks allowed here: is this not a pool thread? */
int ozr_request_may_poll(struct ozr_ctx *ctx, const struct ozr_call *call);
/* ready and work are set by the caller before; all else is filled. */
int ozr_request_open(struct ozr_request *r, struct ozr_ctx *ctx, const struct ozr_call *call,
		     unsigned width, struct ozr_err *err) OZR_MUST_CHECK;
/* Waits for helpers; nobody joins any more. */
void ozr_request_close(struct ozr_request *r);

/* The lock of the pool, which guards requests and queues. */
void ozr_request_lock(struct ozr_request *r);
void ozr_request_unlock(struct ozr_request *r);
/* Lock held: wake or start up to n helpers. */
void ozr_request_rouse(struct ozr_request *r, size_t n);
/* Lock held: wait until something changed, or 50 ms when the owner has to poll. */
void ozr_request_wait(struct ozr_request *r);

/* How many forks this process' pool has lived through as the child. */
unsigned ozr_pool_forks(const struct ozr_ctx *ctx);
/* Was it opened before a fork, in the parent? Then its helpers are not here. */
int ozr_request_lost(const struct ozr_request *r);
/* Lock held: are pool threads working for it? */
int ozr_request_has_helpers(const struct ozr_request *r);
/* Lock held: the calling thread becomes the owner and starts (1) or stops (0) running tasks. */
void ozr_request_inside(struct ozr_request *r, int inside);
/* Note the error of task number (0: of none) and stop. Lock not held. */
void ozr_request_fail(struct ozr_request *r, uint64_t number, const struct ozr_err *err);
/* No more tasks are to begin: this one has failed, or an outer one has before it came to the
 * task that this one is in, or the process has forked. */
int ozr_request_stopped(const struct ozr_request *r);
/* Ask the host whether to go on (lock not held); fails the request if not. */
void ozr_request_poll(struct ozr_request *r);
/* The error that has stopped this one, its own or an outer one's, into err; OZR_OK when none.
 * Nobody is in a task of it any more. Lock not held. */
int ozr_request_result(struct ozr_request *r, struct ozr_err *err);

#endif
