/* SPDX-License-Identifier: MIT */
/*
 * The pipeline: order of start, the budget, tasks that use the parallel-for,
 * errors with drops, cancelling, closing early. Every task must run or be
 * dropped exactly once, whatever happens.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/mem.h"
#include "base/pool.h"
#include "support/check.h"
#include "support/fault.h"

enum { TASKS = 400 };

struct stage {
	uint64_t run; /* unlike any other's */
	_Atomic int started;
	_Atomic long held, most; /* weights under way */
	_Atomic int disorder;
	int fail_at; /* -1: never */
	int inner;   /* nested indices in each task */
	long nap_us;
};

struct task {
	struct stage *stage;
	int number;
	long weight;
	_Atomic int ran, dropped;
};

static struct task tasks[TASKS];

static struct ozr_ctx *new_ctx(unsigned threads)
{
	struct ozr_ctx_options opt = {.threads = threads, .cache_bytes = 1, .sys = &fault_sys};
	struct ozr_ctx *ctx;
	struct ozr_err err;
	CHECK_OK(ozr_ctx_new(&opt, &ctx, &err));
	return ctx;
}

static int inner(void *arg, size_t i, struct ozr_worker *w, struct ozr_err *err)
{
	(void)i, (void)w, (void)err;
	atomic_fetch_add((_Atomic int *)arg, 1);
	return OZR_OK;
}

static int run_task(void *arg, struct ozr_worker *w, struct ozr_err *err)
{
	struct task *t = arg;
	struct stage *s = t->stage;
	struct timespec nap = {0, s->nap_us * 1000};

	/* Taken in order of submission: so each thread sees them rise. */
	static _Thread_local uint64_t run;
	static _Thread_local int last;
	if (run == s->run && t->number <= last)
		s->disorder = 1;
	run = s->run;
	last = t->number;
	atomic_fetch_add(&s->started, 1);
	t->ran++;
	if (s->nap_us)
		nanosleep(&nap, NULL);
	int code = OZR_OK;
	if (s->inner) {
		_Atomic int n = 0;
		code = ozr_pool_for(ozr_worker_ctx(w), NULL, (size_t)s->inner, inner, &n, err);
		CHECK(code || n == s->inner);
	}
	s->held -= t->weight;
	if (t->number == s->fail_at)
		return ozr_fail(err, OZR_CORRUPT, "task %d", t->number);
	return code;
}

static void drop(void *arg)
{
	struct task *t = arg;
	t->stage->held -= t->weight;
	t->dropped++;
}

static void prepare(struct stage *s)
{
	static uint64_t runs;
	s->run = ++runs;
	for (int i = 0; i < TASKS; i++) {
		tasks[i].stage = s;
		tasks[i].number = i;
		tasks[i].weight = i % 7;
		tasks[i].ran = tasks[i].dropped = 0;
	}
}

/* Submits up to n tasks, stops at the first error. */
static int feed(struct ozr_pipe *p, struct stage *s, int from, int n, struct ozr_err *err)
{
	int code = OZR_OK;
	for (int i = from; i < from + n && !code; i++) {
		long held = s->held += tasks[i].weight;
		if (held > s->most)
			s->most = held;
		code = ozr_pipe_submit(p, (size_t)tasks[i].weight, run_task, drop, &tasks[i], err);
	}
	return code;
}

static void check_once(int submitted_at_least)
{
	for (int i = 0; i < TASKS; i++) {
		int times = tasks[i].ran + tasks[i].dropped;
		CHECK(times == 1 || (times == 0 && i >= submitted_at_least));
	}
}

static void test_all_run(void)
{
	static const unsigned threads[] = {1, 2, 3, 8};
	for (int k = 0; k < 4; k++) {
		struct ozr_ctx *ctx = new_ctx(threads[k]);
		for (int variant = 0; variant < 4; variant++) {
			struct stage s = {.fail_at = -1,
					  .inner = variant & 1 ? 3 : 0,
					  .nap_us = variant & 2 ? 100 : 0};
			struct ozr_pipe *p;
			struct ozr_err err;
			prepare(&s);
			CHECK_OK(ozr_pipe_open(ctx, NULL, 40, &p, &err));
			/* In two rounds: a drained pipe goes on. */
			CHECK_OK(feed(p, &s, 0, 250, &err));
			CHECK_OK(ozr_pipe_drain(p, &err));
			CHECK(s.started == 250 && s.held == 0);
			CHECK_OK(feed(p, &s, 250, TASKS - 250, &err));
			CHECK_OK(ozr_pipe_drain(p, &err));
			ozr_pipe_close(p);
			check_once(TASKS);
			CHECK(s.started == TASKS && s.held == 0 && !s.disorder);
			/* Never more than the budget and the task being submitted. */
			CHECK(s.most <= 40 + 6);
		}
		ozr_ctx_unref(ctx);
	}
}

/* A task heavier than the whole budget must not wait for room. */
static void test_heavy(void)
{
	struct ozr_ctx *ctx = new_ctx(3);
	struct stage s = {.fail_at = -1};
	struct ozr_pipe *p;
	struct ozr_err err;
	prepare(&s);
	for (int i = 0; i < TASKS; i++)
		tasks[i].weight = 1000;
	CHECK_OK(ozr_pipe_open(ctx, NULL, 10, &p, &err));
	CHECK_OK(feed(p, &s, 0, TASKS, &err));
	CHECK_OK(ozr_pipe_drain(p, &err));
	ozr_pipe_close(p);
	check_once(TASKS);
	CHECK(s.most <= 2000);
	ozr_ctx_unref(ctx);
}

static void test_errors(void)
{
	for (unsigned threads = 1; threads <= 4; threads += 3) {
		struct ozr_ctx *ctx = new_ctx(threads);
		for (int at = 0; at < TASKS; at += 57) {
			struct stage s = {.fail_at = at, .inner = at % 2 ? 4 : 0, .nap_us = 20};
			struct ozr_pipe *p;
			struct ozr_err err;
			char want[32];
			prepare(&s);
			CHECK_OK(ozr_pipe_open(ctx, NULL, 30, &p, &err));
			int code = feed(p, &s, 0, TASKS, &err);
			if (!code)
				code = ozr_pipe_drain(p, &err);
			CHECK_CODE(OZR_CORRUPT, code);
			snprintf(want, sizeof(want), "task %d", at);
			CHECK(strcmp(err.msg, want) == 0);
			/* It stays so. */
			CHECK_CODE(OZR_CORRUPT, ozr_pipe_drain(p, &err));
			struct task late = {.stage = &s, .number = 0};
			CHECK_CODE(OZR_CORRUPT, ozr_pipe_submit(p, 0, run_task, drop, &late, &err));
			CHECK(late.ran == 0 && late.dropped == 1);
			CHECK(ozr_pipe_submit(p, 0, run_task, NULL, &late, NULL) == OZR_CORRUPT);
			ozr_pipe_close(p);
			check_once(at + 1);
			CHECK(s.held == 0);
		}
		ozr_ctx_unref(ctx);
	}
}

/* Several fail, the earlier ones later in time: the first one submitted is reported. */
static int fail_slowly(void *arg, struct ozr_worker *w, struct ozr_err *err)
{
	const struct task *t = arg;
	const struct timespec nap = {0, t->number < 5 ? (5 - t->number) * 200000L : 0};
	(void)w;
	nanosleep(&nap, NULL);
	return t->number < 2 ? OZR_OK : ozr_fail(err, OZR_CORRUPT, "task %d", t->number);
}

static void test_first_error(void)
{
	struct ozr_ctx *ctx = new_ctx(4);
	struct ozr_err err;
	for (int round = 0; round < 300; round++) {
		struct stage s = {.fail_at = -1};
		struct ozr_pipe *p;
		int code = OZR_OK;
		prepare(&s);
		CHECK_OK(ozr_pipe_open(ctx, NULL, round % 2 ? 4 : 1000, &p, &err));
		for (int i = 0; i < 12 && !code; i++)
			code = ozr_pipe_submit(p, 1, fail_slowly, NULL, &tasks[i], &err);
		if (!code)
			code = ozr_pipe_drain(p, &err);
		CHECK_CODE(OZR_CORRUPT, code);
		CHECK(strcmp(err.msg, "task 2") == 0);
		ozr_pipe_close(p);
	}
	ozr_ctx_unref(ctx);
}

static void test_close_early(void)
{
	for (int n = 0; n < 60; n += 5) {
		struct ozr_ctx *ctx = new_ctx(1 + (unsigned)n % 4);
		struct stage s = {.fail_at = -1, .inner = n % 2 ? 50 : 0, .nap_us = 200};
		struct ozr_pipe *p;
		struct ozr_err err;
		prepare(&s);
		CHECK_OK(ozr_pipe_open(ctx, NULL, 1000, &p, &err));
		CHECK_OK(feed(p, &s, 0, n, &err));
		ozr_pipe_close(p);
		check_once(n);
		CHECK(s.held == 0);
		ozr_ctx_unref(ctx);
	}
	ozr_pipe_close(NULL);
}

struct canceller {
	pthread_t thread;
	int asked, cancel_at;
};

static int cancelled(void *user)
{
	struct canceller *c = user;
	CHECK(pthread_equal(c->thread, pthread_self()));
	return ++c->asked >= c->cancel_at;
}

static void test_cancel(void)
{
	for (unsigned threads = 1; threads <= 4; threads += 3) {
		struct ozr_ctx *ctx = new_ctx(threads);
		for (int at = 1; at < 100; at += 13) {
			struct canceller c = {pthread_self(), 0, at};
			struct ozr_call call = {.user = &c, .cancelled = cancelled};
			struct stage s = {.fail_at = -1, .inner = 2};
			struct ozr_pipe *p;
			struct ozr_err err;
			prepare(&s);
			CHECK_OK(ozr_pipe_open(ctx, &call, 100, &p, &err));
			int code = feed(p, &s, 0, TASKS, &err);
			if (!code)
				code = ozr_pipe_drain(p, &err);
			CHECK_CODE(OZR_CANCELLED, code);
			CHECK(s.started <= at);
			ozr_pipe_close(p);
			check_once(1);
			CHECK(s.held == 0 && c.asked == at);
		}
		ozr_ctx_unref(ctx);
	}
	/* While the producer only waits for what runs elsewhere. */
	struct ozr_ctx *ctx = new_ctx(3);
	struct canceller c = {pthread_self(), 0, INT_MAX};
	struct ozr_call call = {.user = &c, .cancelled = cancelled};
	struct stage s = {.fail_at = -1, .nap_us = 300000};
	struct ozr_pipe *p;
	struct ozr_err err;
	prepare(&s);
	CHECK_OK(ozr_pipe_open(ctx, &call, 100, &p, &err));
	CHECK_OK(feed(p, &s, 0, 2, &err));
	nanosleep(&(struct timespec){0, 30000000}, NULL); /* both are taken */
	CHECK_OK(ozr_pipe_drain(p, &err));
	CHECK(c.asked >= 5);
	ozr_pipe_close(p);
	ozr_ctx_unref(ctx);
}

/* A pipe that stays open does not swallow or limit other work of its producer. */
static void test_beside_other_work(void)
{
	struct ozr_ctx *ctx = new_ctx(3);
	struct ozr_call narrow = {.threads = 1};
	struct stage s = {.fail_at = 0};
	struct ozr_pipe *p;
	struct ozr_err err;
	_Atomic int n = 0;
	prepare(&s);
	CHECK_OK(ozr_pipe_open(ctx, &narrow, 100, &p, &err));
	CHECK_CODE(OZR_CORRUPT, feed(p, &s, 0, 1, &err));
	CHECK_OK(ozr_pool_for(ctx, NULL, 100, inner, &n, &err));
	CHECK(n == 100);
	ozr_pipe_close(p);
	ozr_ctx_unref(ctx);
}

static void test_no_memory(void)
{
	for (unsigned threads = 1; threads <= 3; threads += 2) {
		long n = 1;
		for (; n < 1000; n += n < 20 ? 1 : 37) {
			struct ozr_ctx *ctx = new_ctx(threads);
			struct stage s = {.fail_at = -1, .inner = 2};
			struct ozr_pipe *p = NULL;
			struct ozr_err err;
			prepare(&s);
			fault_arm(FAULT_ALLOC, n, ENOMEM, 0);
			int code = ozr_pipe_open(ctx, NULL, 30, &p, &err);
			if (!code)
				code = feed(p, &s, 0, TASKS, &err);
			if (!code)
				code = ozr_pipe_drain(p, &err);
			ozr_pipe_close(p);
			int struck = fault_disarm();
			CHECK(code == (struck ? OZR_NO_MEMORY : OZR_OK));
			check_once(code ? 0 : TASKS);
			CHECK(code == OZR_OK || s.held >= 0);
			ozr_ctx_unref(ctx);
			if (!struck)
				break;
		}
		CHECK(n > 20);
	}
}

int main(void)
{
	test_all_run();
	test_heavy();
	test_errors();
	test_first_error();
	test_close_early();
	test_cancel();
	test_beside_other_work();
	test_no_memory();
	return 0;
}
