/* SPDX-License-Identifier: MIT */
/*
 * The parallel-for: indices are taken from an atomic counter by the calling
 * thread and by the pool threads that joined. Index i is task number i + 1.
 */
#include "base/mem.h"
#include "base/pool_impl.h"

struct for_job {
	struct ozr_request r; /* first */
	size_t n;
	unsigned width;
	ozr_task_fn fn;
	void *arg;
	_Atomic size_t next;
};

static int for_ready(struct ozr_request *r)
{
	const struct for_job *job = (const struct for_job *)r;
	return atomic_load(&job->next) < job->n;
}

/* Take and run one index; 0 when there is none. */
static int for_step(struct for_job *job, struct ozr_worker *w, uint64_t *number)
{
	struct ozr_err err;

	if (ozr_request_stopped(&job->r))
		return 0;
	size_t i = atomic_load(&job->next);
	do {
		if (i >= job->n)
			return 0;
	} while (!atomic_compare_exchange_weak(&job->next, &i, i + 1));

	*number = (uint64_t)i + 1;
	err.msg[0] = 0;
	err.sys = 0;
	int code = job->fn(job->arg, i, w, &err);
	if (code) {
		err.code = code;
		ozr_request_fail(&job->r, *number, &err);
	}
	return 1;
}

static void for_work(struct ozr_request *r, struct ozr_worker *w, uint64_t *number)
{
	while (for_step((struct for_job *)r, w, number))
		;
}

/* Wait for the helpers' last tasks, asking the host now and then. */
static void for_wait(struct ozr_request *r)
{
	ozr_request_lock(r);
	ozr_request_inside(r, 0);
	while (ozr_request_has_helpers(r)) {
		ozr_request_wait(r);
		if (r->polls) {
			ozr_request_unlock(r);
			ozr_request_poll(r);
			ozr_request_lock(r);
		}
	}
	ozr_request_unlock(r);
}

static int run_shared(struct ozr_ctx *ctx, const struct ozr_call *call, struct for_job *job,
		      struct ozr_worker *w, struct ozr_err *err)
{
	struct ozr_request *r = &job->r;
	int code = ozr_request_open(r, ctx, call, job->width, err);
	if (code)
		return code;

	ozr_request_lock(r);
	ozr_request_inside(r, 1);
	ozr_request_rouse(r, job->n - 1);
	ozr_request_unlock(r);
	do
		ozr_request_poll(r);
	while (for_step(job, w, &r->owner_number));
	for_wait(r);

	/* When all ran, an outer request that stopped meanwhile is no failure of this one. */
	int skipped = atomic_load(&job->next) < job->n;
	if (r->err.code || skipped || ozr_request_lost(r))
		code = ozr_request_result(r, err);
	if (!code && skipped) /* an outer pipe was closed: it has no error to give */
		code = ozr_fail(err, OZR_CANCELLED, "cancelled");
	ozr_request_close(r);
	return code;
}

static int run_alone(struct ozr_ctx *ctx, const struct ozr_call *call, const struct for_job *job,
		     struct ozr_worker *w, struct ozr_err *err)
{
	int polls = ozr_request_may_poll(ctx, call);
	unsigned forks = ozr_pool_forks(ctx);
	int code = OZR_OK;

	for (size_t i = 0; i < job->n && !code; i++) {
		if (polls && call->cancelled(call->user))
			code = ozr_fail(err, OZR_CANCELLED, "cancelled");
		ozr_ctx_enter(ctx); /* the host may have forked in there */
		if (!code && ozr_pool_forks(ctx) != forks)
			code = ozr_fail(err, OZR_CANCELLED, "the process forked meanwhile");
		if (!code)
			code = job->fn(job->arg, i, w, err);
	}
	return code;
}

int ozr_pool_for(struct ozr_ctx *ctx, const struct ozr_call *call, size_t n, ozr_task_fn fn,
		 void *arg, struct ozr_err *err)
{
	return ozr_pool_for_wide(ctx, call, ozr_request_width(ctx, call), n, fn, arg, err);
}

int ozr_pool_for_wide(struct ozr_ctx *ctx, const struct ozr_call *call, unsigned width, size_t n,
		      ozr_task_fn fn, void *arg, struct ozr_err *err)
{
	struct for_job job = {.n = n, .width = width, .fn = fn, .arg = arg};

	if (n == 0)
		return OZR_OK;
	ozr_ctx_enter(ctx);
	struct ozr_worker *w = ozr_worker_lease(ctx, err);
	if (!w)
		return ozr_alloc_code(err);
	job.r.ready = for_ready;
	job.r.work = for_work;
	int code;
	if (n == 1 || width <= 1)
		code = run_alone(ctx, call, &job, w, err);
	else
		code = run_shared(ctx, call, &job, w, err);
	ozr_worker_return(w);
	return code;
}
