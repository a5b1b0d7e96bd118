/* SPDX-License-Identifier: MIT */
/*
 * The pipeline: a queue of tasks that pool threads take from in the order of
 * submission. When more than the budget is under way the producer works too;
 * it sleeps only when all that is left runs elsewhere. With one thread each
 * task runs as it is submitted.
 *
 * The queue and the sums are guarded by the pool's lock. Submit, drain and
 * close belong to one thread at a time.
 */
#include "base/mem.h"
#include "base/pool_impl.h"

enum { DEFAULT_BUDGET = 256 << 20 };

struct pipe_task {
	struct pipe_task *next;
	size_t weight;
	int (*fn)(void *arg, struct ozr_worker *w, struct ozr_err *err);
	void (*drop)(void *arg);
	void *arg;
};

struct ozr_pipe {
	struct ozr_request r; /* first */
	size_t budget;
	struct pipe_task *head, **tail;
	size_t held;    /* weights of unfinished tasks */
	uint64_t taken; /* tasks: the number of the last one */
};

static int pipe_ready(struct ozr_request *r)
{
	return ((const struct ozr_pipe *)r)->head != NULL;
}

/* Take the whole queue and drop it. */
static void drop_queue(struct ozr_pipe *p)
{
	ozr_request_lock(&p->r);
	struct pipe_task *all = p->head;
	p->head = NULL;
	p->tail = &p->head;
	ozr_request_unlock(&p->r);

	size_t freed = 0;
	while (all) {
		struct pipe_task *t = all;
		all = t->next;
		freed += t->weight;
		if (t->drop)
			t->drop(t->arg);
		ozr_free(p->r.ctx, t);
	}
	ozr_request_lock(&p->r);
	p->held -= freed;
	pthread_cond_signal(&p->r.changed);
	ozr_request_unlock(&p->r);
}

/* Take and run the oldest waiting task; 0 when there is none. */
static int pipe_step(struct ozr_pipe *p, struct ozr_worker *w, uint64_t *number)
{
	struct ozr_err err;

	if (ozr_request_stopped(&p->r)) {
		drop_queue(p);
		return 0;
	}
	ozr_request_lock(&p->r);
	struct pipe_task *t = p->head;
	if (t) {
		p->head = t->next;
		if (!p->head)
			p->tail = &p->head;
		*number = ++p->taken;
	}
	ozr_request_unlock(&p->r);
	if (!t)
		return 0;

	size_t weight = t->weight;
	err.msg[0] = 0;
	err.sys = 0;
	int code = t->fn(t->arg, w, &err);
	ozr_free(p->r.ctx, t);
	if (code) {
		err.code = code;
		ozr_request_fail(&p->r, *number, &err);
	}
	ozr_request_lock(&p->r);
	p->held -= weight;
	pthread_cond_signal(&p->r.changed);
	ozr_request_unlock(&p->r);
	return 1;
}

static void pipe_work(struct ozr_request *r, struct ozr_worker *w, uint64_t *number)
{
	while (pipe_step((struct ozr_pipe *)r, w, number))
		;
}

int ozr_pipe_open(struct ozr_ctx *ctx, const struct ozr_call *call, size_t budget,
		  struct ozr_pipe **out, struct ozr_err *err)
{
	ozr_ctx_enter(ctx);
	struct ozr_pipe *p = ozr_calloc(ctx, 1, sizeof(*p), err);
	if (!p)
		return ozr_alloc_code(err);
	p->tail = &p->head;
	p->budget = budget;
	if (p->budget == 0)
		p->budget = call && call->budget ? call->budget : DEFAULT_BUDGET;
	p->r.ready = pipe_ready;
	p->r.work = pipe_work;
	int code = ozr_request_open(&p->r, ctx, call, ozr_request_width(ctx, call), err);
	if (code) {
		ozr_free(ctx, p);
		return code;
	}
	*out = p;
	return OZR_OK;
}

/* Run one waiting task on the calling thread; 0 when there is none. */
static int run_one(struct ozr_pipe *p)
{
	struct ozr_err err;
	struct ozr_worker *w = ozr_worker_lease(p->r.ctx, &err);
	if (!w) {
		ozr_request_fail(&p->r, 0, &err);
		return 0;
	}
	ozr_request_lock(&p->r);
	ozr_request_inside(&p->r, 1);
	ozr_request_unlock(&p->r);
	int ran = pipe_step(p, w, &p->r.owner_number);
	ozr_request_lock(&p->r);
	ozr_request_inside(&p->r, 0);
	ozr_request_unlock(&p->r);
	ozr_worker_return(w);
	return ran;
}

/* Lock held: is so little under way that the producer may go on? */
static int settled(const struct ozr_pipe *p, size_t most)
{
	if (most == 0)
		return !p->head && !ozr_request_has_helpers(&p->r);
	return p->held <= most || ozr_request_stopped(&p->r);
}

/* Help, or wait when there is nothing to take, until at most so much is under way. */
static void settle(struct ozr_pipe *p, size_t most)
{
	int done;
	do {
		ozr_request_poll(&p->r);
		if (ozr_request_stopped(&p->r))
			drop_queue(p);
		int ran = run_one(p);
		ozr_request_lock(&p->r);
		if (!ran && !p->head && !settled(p, most))
			ozr_request_wait(&p->r);
		done = settled(p, most);
		ozr_request_unlock(&p->r);
	} while (!done);
}

static int result(struct ozr_pipe *p, struct ozr_err *err)
{
	if (!ozr_request_stopped(&p->r))
		return OZR_OK;
	settle(p, 0); /* what runs may yet fail, and count for more */
	return ozr_request_result(&p->r, err);
}

/* The task goes into the queue; 0 when the pipe has stopped or memory is out. */
static int enqueue(struct ozr_pipe *p, const struct pipe_task *task)
{
	struct ozr_err err;
	if (ozr_request_stopped(&p->r))
		return 0;
	struct pipe_task *t = ozr_alloc(p->r.ctx, sizeof(*t), &err);
	if (!t) {
		ozr_request_fail(&p->r, 0, &err);
		return 0;
	}
	*t = *task;
	ozr_request_lock(&p->r);
	*p->tail = t;
	p->tail = &t->next;
	p->held += t->weight;
	ozr_request_rouse(&p->r, 1);
	ozr_request_unlock(&p->r);
	return 1;
}

int ozr_pipe_submit(struct ozr_pipe *p, size_t weight,
		    int (*fn)(void *arg, struct ozr_worker *w, struct ozr_err *err),
		    void (*drop)(void *arg), void *arg, struct ozr_err *err)
{
	struct pipe_task task = {NULL, weight, fn, drop, arg};

	ozr_ctx_enter(p->r.ctx);
	ozr_request_poll(&p->r);
	if (!enqueue(p, &task)) {
		if (drop)
			drop(arg);
		return result(p, err);
	}
	if (p->r.root->width == 1)
		run_one(p);
	ozr_request_lock(&p->r);
	int over = p->held > p->budget;
	ozr_request_unlock(&p->r);
	if (over)
		settle(p, p->budget);
	return result(p, err);
}

int ozr_pipe_drain(struct ozr_pipe *p, struct ozr_err *err)
{
	ozr_ctx_enter(p->r.ctx);
	settle(p, 0);
	return result(p, err);
}

void ozr_pipe_close(struct ozr_pipe *p)
{
	if (!p)
		return;
	struct ozr_ctx *ctx = ozr_ctx_ref(p->r.ctx);
	ozr_ctx_enter(ctx);
	atomic_store(&p->r.failed, 0);
	drop_queue(p);
	ozr_request_close(&p->r);
	ozr_free(ctx, p);
	ozr_ctx_unref(ctx);
}
