/* SPDX-License-Identifier: MIT */
/*
 * The parallel-for: every index once, taken in rising order, nested use,
 * many callers at once, width, errors, cancelling, the host's thread state,
 * workers and their scratch. Runs under the thread sanitizer too.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "base/mem.h"
#include "base/pool.h"
#include "support/check.h"
#include "support/fault.h"

static struct ozr_ctx *new_ctx(unsigned threads, const struct ozr_host *host)
{
	struct ozr_ctx_options opt = {.threads = threads, .cache_bytes = 1, .sys = &fault_sys};
	struct ozr_ctx *ctx;
	struct ozr_err err;
	if (host)
		opt.host = *host;
	CHECK_OK(ozr_ctx_new(&opt, &ctx, &err));
	CHECK(ozr_ctx_threads(ctx) == threads);
	return ctx;
}

static void nap(long us)
{
	struct timespec t = {0, us * 1000};
	nanosleep(&t, NULL);
}

/* --- every index once ------------------------------------------------------ */

struct tally {
	_Atomic unsigned hits[1000];
	uint64_t run; /* unlike any other's */
	_Atomic int disorder;
	unsigned inner; /* > 0: each task runs a nested for of this many */
};

static int count_one(void *arg, size_t i, struct ozr_worker *w, struct ozr_err *err)
{
	char *scratch = ozr_worker_scratch(w, OZR_SCRATCH_OTHER, 1000 + i, err);
	CHECK(scratch);
	memset(scratch, (int)i, 1000 + i); /* a data race if two threads had one worker */
	atomic_fetch_add((_Atomic unsigned *)arg, 1);
	CHECK(scratch[999] == (char)i);
	return OZR_OK;
}

static int tally_one(void *arg, size_t i, struct ozr_worker *w, struct ozr_err *err)
{
	struct tally *t = arg;
	/* Taken in rising order: so each thread sees them rise. */
	static _Thread_local uint64_t run;
	static _Thread_local size_t last;
	if (run == t->run && i <= last)
		t->disorder = 1;
	run = t->run;
	last = i;
	atomic_fetch_add(&t->hits[i], 1);
	if (!t->inner)
		return OZR_OK;

	char *mine = ozr_worker_scratch(w, OZR_SCRATCH_OTHER, 64, err);
	_Atomic unsigned n = 0;
	CHECK(mine);
	memset(mine, 'm', 64);
	CHECK(!ozr_pool_for(ozr_worker_ctx(w), NULL, t->inner, count_one, &n, NULL));
	CHECK(n == t->inner && mine[63] == 'm'); /* nested tasks have other workers */
	return OZR_OK;
}

static void run_tally(struct ozr_ctx *ctx, const struct ozr_call *call, size_t n, unsigned inner)
{
	static _Thread_local struct tally t;
	static _Atomic uint64_t runs;
	memset(&t, 0, sizeof(t));
	t.run = atomic_fetch_add(&runs, 1) + 1;
	t.inner = inner;
	CHECK(!ozr_pool_for(ctx, call, n, tally_one, &t, NULL));
	for (size_t i = 0; i < 1000; i++)
		CHECK(t.hits[i] == (i < n));
	CHECK(!t.disorder);
}

static void test_counts(void)
{
	for (unsigned threads = 1; threads <= 8; threads += threads < 3 ? 1 : 5) {
		struct ozr_ctx *ctx = new_ctx(threads, NULL);
		for (size_t n = 0; n < 1000; n = n * 3 + 1) {
			run_tally(ctx, NULL, n, 0);
			run_tally(ctx, NULL, n, n < 100 ? 5 : 1);
		}
		ozr_ctx_unref(ctx);
	}
}

static void *caller(void *arg)
{
	for (int i = 0; i < 30; i++) {
		run_tally(arg, NULL, 50, 3);
		run_tally(arg, NULL, 7, 0);
	}
	return NULL;
}

static void test_many_callers(void)
{
	struct ozr_ctx *ctx = new_ctx(4, NULL);
	pthread_t t[8];
	for (int i = 0; i < 8; i++)
		CHECK(pthread_create(&t[i], NULL, caller, ctx) == 0);
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	ozr_ctx_unref(ctx);
}

/* Contexts come and go with threads still starting. */
static void test_short_lives(void)
{
	for (int i = 0; i < 100; i++) {
		struct ozr_ctx *ctx = new_ctx(6, NULL);
		_Atomic unsigned n = 0;
		CHECK(!ozr_pool_for(ctx, NULL, 6, count_one, &n, NULL));
		CHECK(n == 6);
		ozr_ctx_unref(ctx);
	}
}

/* --- width ------------------------------------------------------------------ */

struct width {
	_Atomic int now, most;
	const struct ozr_call *call;
	int nested;
};

static int measure_inner(void *arg, size_t i, struct ozr_worker *w, struct ozr_err *err)
{
	struct width *m = arg;
	(void)i, (void)w, (void)err;
	int now = atomic_fetch_add(&m->now, 1) + 1;
	int most = atomic_load(&m->most);
	while (now > most && !atomic_compare_exchange_weak(&m->most, &most, now))
		;
	nap(300);
	atomic_fetch_sub(&m->now, 1);
	return OZR_OK;
}

static int measure_outer(void *arg, size_t i, struct ozr_worker *w, struct ozr_err *err)
{
	struct width *m = arg;
	(void)i;
	return ozr_pool_for(ozr_worker_ctx(w), m->call, 4, measure_inner, m, err);
}

static void test_width(void)
{
	struct ozr_ctx *ctx = new_ctx(6, NULL);
	for (unsigned threads = 1; threads <= 7; threads++) {
		struct ozr_call call = {.threads = threads};
		int limit = threads < 6 ? (int)threads : 6;

		struct width flat = {.call = &call}, nested = {.call = &call};
		CHECK(!ozr_pool_for(ctx, &call, 40, measure_inner, &flat, NULL));
		CHECK(flat.most <= limit && (limit == 1 || flat.most > 1));
		CHECK(!ozr_pool_for(ctx, &call, 10, measure_outer, &nested, NULL));
		CHECK(nested.most <= limit && (limit == 1 || nested.most > 1));
	}
	ozr_ctx_unref(ctx);
}

/* --- errors and cancelling ---------------------------------------------------- */

struct failing {
	_Atomic int ran;
	size_t at;
	const struct ozr_call *call;
};

static int fail_at(void *arg, size_t i, struct ozr_worker *w, struct ozr_err *err)
{
	struct failing *f = arg;
	(void)w;
	atomic_fetch_add(&f->ran, 1);
	if (i == f->at)
		return ozr_fail(err, OZR_CORRUPT, "task %zu", i);
	nap(50);
	return OZR_OK;
}

/* A nested run fails: its error comes out of the outer one, and ends the others' runs. */
static int fail_nested(void *arg, size_t i, struct ozr_worker *w, struct ozr_err *err)
{
	struct failing *f = arg;
	struct failing inner = {.at = i == f->at ? 3 : SIZE_MAX};
	int code = ozr_pool_for(ozr_worker_ctx(w), f->call, i == f->at ? 10 : 2000, fail_at, &inner,
				err);
	CHECK(code == OZR_OK || code == OZR_CORRUPT);
	atomic_fetch_add(&f->ran, inner.ran);
	return code;
}

static void test_errors(void)
{
	for (unsigned threads = 1; threads <= 4; threads += 3) {
		struct ozr_ctx *ctx = new_ctx(threads, NULL);
		struct ozr_err err;
		for (size_t at = 0; at < 60; at += 7) {
			struct failing f = {.at = at};
			char want[32];
			CHECK_CODE(OZR_CORRUPT, ozr_pool_for(ctx, NULL, 500, fail_at, &f, &err));
			snprintf(want, sizeof(want), "task %zu", at);
			CHECK(err.code == OZR_CORRUPT && strcmp(err.msg, want) == 0);
			CHECK(f.ran > (int)at && f.ran < 400);
			CHECK(ozr_pool_for(ctx, NULL, 500, fail_at, &f, NULL) == OZR_CORRUPT);
		}
		if (threads > 1) {
			struct failing f = {.at = 2};
			CHECK_CODE(OZR_CORRUPT, ozr_pool_for(ctx, NULL, 8, fail_nested, &f, &err));
			CHECK(strcmp(err.msg, "task 3") == 0 && f.ran < 15000);
		}
		ozr_ctx_unref(ctx);
	}
}

/* Which of many failures is reported does not depend on which comes first. */
struct storm {
	size_t failing[2]; /* this index, and all from that on */
	unsigned inner;    /* > 0: the first one fails in a nested run */
	uint64_t random;
	_Atomic unsigned whole; /* nested runs that came to their end */
};

static int storm_inner(void *arg, size_t i, struct ozr_worker *w, struct ozr_err *err)
{
	const struct storm *s = arg;
	(void)w;
	nap(20);
	return i + 1 == s->inner ? ozr_fail(err, OZR_CORRUPT, "inner %zu", i) : OZR_OK;
}

static int storm_task(void *arg, size_t i, struct ozr_worker *w, struct ozr_err *err)
{
	struct storm *s = arg;
	uint64_t r = s->random + i;
	if (i > s->failing[0] && i < s->failing[1])
		return OZR_OK;
	nap(i <= s->failing[0] ? (long)(next_random(&r) % 300) : 0);
	if (i >= s->failing[1] || (i == s->failing[0] && !s->inner))
		return ozr_fail(err, OZR_CORRUPT, "task %zu", i);
	if (!s->inner)
		return OZR_OK;
	/* Of those below the first failure none is stopped. */
	struct storm one = {.inner = i == s->failing[0] ? s->inner : 0};
	int code = ozr_pool_for(ozr_worker_ctx(w), NULL, 12, storm_inner, &one, err);
	CHECK((code != 0) == (i == s->failing[0]));
	atomic_fetch_add(&s->whole, 1);
	return code ? ozr_err_context(err, code, "task %zu", i) : OZR_OK;
}

static void test_lowest_error(void)
{
	for (unsigned threads = 2; threads <= 8; threads += 3) {
		struct ozr_ctx *ctx = new_ctx(threads, NULL);
		struct ozr_err err;
		for (unsigned round = 0; round < 600; round++) {
			size_t first = round % 7;
			struct storm s = {.failing = {first, first + 1 + round % 3},
					  .inner = round % 2 ? 1 + round % 12 : 0,
					  .random = round};
			char want[64];
			CHECK_CODE(OZR_CORRUPT, ozr_pool_for(ctx, NULL, 40, storm_task, &s, &err));
			int n = snprintf(want, sizeof want, "task %zu", first);
			if (s.inner)
				snprintf(want + n, sizeof want - (size_t)n, ": inner %u",
					 s.inner - 1);
			if (strcmp(err.msg, want) != 0)
				fprintf(stderr, "'%s' instead of '%s'\n", err.msg, want);
			CHECK(strcmp(err.msg, want) == 0);
			CHECK(s.whole == (s.inner ? first + 1 : 0));
		}
		ozr_ctx_unref(ctx);
	}
}

struct canceller {
	pthread_t thread; /* callbacks come on this one only */
	_Atomic int asked, cancel_at;
};

static int cancelled(void *user)
{
	struct canceller *c = user;
	CHECK(pthread_equal(c->thread, pthread_self()));
	return atomic_fetch_add(&c->asked, 1) + 1 >= c->cancel_at;
}

static int long_elsewhere(void *arg, size_t i, struct ozr_worker *w, struct ozr_err *err)
{
	pthread_t *caller_thread = arg;
	(void)i, (void)w, (void)err;
	/* The caller's share is over at once: it waits, and must go on asking. */
	if (!pthread_equal(*caller_thread, pthread_self()))
		nap(250000);
	else
		nap(20000);
	return OZR_OK;
}

static void test_cancel(void)
{
	for (unsigned threads = 1; threads <= 4; threads += 3) {
		struct ozr_ctx *ctx = new_ctx(threads, NULL);
		struct canceller c = {.thread = pthread_self(), .cancel_at = 5};
		struct ozr_call call = {.user = &c, .cancelled = cancelled};
		struct failing f = {.at = SIZE_MAX, .call = &call};
		struct ozr_err err;
		CHECK_CODE(OZR_CANCELLED, ozr_pool_for(ctx, &call, 5000, fail_at, &f, &err));
		CHECK(c.asked == 5 && f.ran < 4000);
		/* Nested runs with the same call do not ask on other threads. */
		c.asked = 0;
		c.cancel_at = INT_MAX;
		f.at = 1000;
		CHECK_OK(ozr_pool_for(ctx, &call, 4, fail_nested, &f, &err));
		CHECK(c.asked >= 1);
		ozr_ctx_unref(ctx);
	}
	/* While it only waits. */
	struct ozr_ctx *ctx = new_ctx(3, NULL);
	struct canceller c = {.thread = pthread_self(), .cancel_at = INT_MAX};
	struct ozr_call call = {.user = &c, .cancelled = cancelled};
	CHECK(!ozr_pool_for(ctx, &call, 3, long_elsewhere, &c.thread, NULL));
	CHECK(c.asked >= 4); /* 230 ms of waiting, asked every 50 ms */
	ozr_ctx_unref(ctx);
}

/* --- the host's state ----------------------------------------------------------- */

static _Thread_local int host_state;
static _Atomic int captured, released, entered, left;

static void *capture(void *user)
{
	CHECK(user == &captured);
	captured++;
	return &host_state;
}

static void enter(void *user, void *snapshot)
{
	(void)user;
	CHECK(snapshot && host_state == 0);
	host_state = 42;
	entered++;
}

static void leave(void *user, void *snapshot)
{
	(void)user, (void)snapshot;
	CHECK(host_state == 42);
	host_state = 0;
	left++;
}

static void release(void *user, void *snapshot)
{
	(void)user;
	CHECK(snapshot == &host_state); /* on the thread that captured */
	released++;
}

static int see_state(void *arg, size_t i, struct ozr_worker *w, struct ozr_err *err)
{
	sigset_t now;
	(void)i, (void)w, (void)err;
	CHECK(host_state == 42);
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	if (!pthread_equal(*(pthread_t *)arg, pthread_self()))
		CHECK(sigismember(&now, SIGINT) && sigismember(&now, SIGTERM));
	nap(100);
	return OZR_OK;
}

/* A nested run carries the same state, captured once. */
static int see_state_outer(void *arg, size_t i, struct ozr_worker *w, struct ozr_err *err)
{
	CHECK(see_state(arg, i, w, err) == OZR_OK);
	return ozr_pool_for(ozr_worker_ctx(w), NULL, 4, see_state, arg, err);
}

static void test_host_state(void)
{
	struct ozr_host host = {&captured, NULL, capture, enter, leave, release};
	struct ozr_ctx *ctx = new_ctx(4, &host);
	pthread_t me = pthread_self();
	for (int round = 0; round < 20; round++) {
		host_state = 42; /* the caller's own */
		CHECK(!ozr_pool_for(ctx, NULL, 7, see_state_outer, &me, NULL));
		CHECK(captured == round + 1 && released == captured && entered == left);
	}
	CHECK(entered > 0);
	ozr_ctx_unref(ctx);
}

/* --- workers -------------------------------------------------------------------- */

static _Atomic int slots_freed;

static void free_slot(void *object)
{
	free(object);
	slots_freed++;
}

static void test_workers(void)
{
	struct ozr_ctx *ctx = new_ctx(2, NULL);
	struct ozr_stats before, after;
	struct ozr_err err;

	struct ozr_worker *a = ozr_worker_lease(ctx, &err), *b = ozr_worker_lease(ctx, &err);
	CHECK(a && b && a != b && ozr_worker_ctx(a) == ctx);
	char *p = ozr_worker_scratch(a, OZR_SCRATCH_BLOCK, 0, &err);
	CHECK(p);
	p = ozr_worker_scratch(a, OZR_SCRATCH_BLOCK, 300000, &err);
	CHECK(p);
	fill_bytes(p, 300000, 1);
	CHECK(ozr_worker_scratch(a, OZR_SCRATCH_BLOCK, 100, &err) == p); /* kept, not shrunk */
	CHECK(ozr_worker_scratch(a, OZR_SCRATCH_DECODED, 300000, &err) != p);
	void **slot = ozr_worker_slot(a, OZR_SLOT_ZSTD_D, free_slot);
	CHECK(slot && !*slot);
	*slot = malloc(8);
	ozr_worker_return(b);
	ozr_worker_return(a);

	/* The last one returned is leased first, with what it kept. */
	CHECK(ozr_worker_lease(ctx, &err) == a);
	CHECK(*ozr_worker_slot(a, OZR_SLOT_ZSTD_D, free_slot) == *slot);
	CHECK(ozr_worker_scratch(a, OZR_SCRATCH_BLOCK, 200000, &err) == p);
	ozr_ctx_stats(ctx, &before);
	CHECK(ozr_worker_scratch(a, OZR_SCRATCH_ENCODED, (64 << 20) + 1, &err));
	ozr_worker_return(a); /* what is above 64 MiB is given back */
	ozr_ctx_stats(ctx, &after);
	CHECK(after.memory_bytes <= before.memory_bytes);

	fault_arm(FAULT_ALLOC, 1, ENOMEM, 1);
	a = ozr_worker_lease(ctx, &err);
	CHECK(a && !ozr_worker_scratch(a, OZR_SCRATCH_OTHER, 100000, &err));
	CHECK(err.code == OZR_NO_MEMORY);
	CHECK(fault_disarm());
	ozr_worker_return(a);
	ozr_ctx_unref(ctx);
	CHECK(slots_freed == 1);
}

/* Allocation failures end in an error or a success, never in a lost index. */
static void test_no_memory(void)
{
	long n = 1;
	for (;; n++) {
		struct ozr_ctx *ctx = new_ctx(3, NULL);
		struct tally t = {.inner = 0};
		struct ozr_err err;
		fault_arm(FAULT_ALLOC, n, ENOMEM, 1);
		int code = ozr_pool_for(ctx, NULL, 100, tally_one, &t, &err);
		int struck = fault_disarm();
		CHECK(code == OZR_OK || (code == OZR_NO_MEMORY && struck));
		for (size_t i = 0; i < 100 && !code; i++)
			CHECK(t.hits[i] == 1);
		ozr_ctx_unref(ctx);
		if (!struck)
			break;
	}
	CHECK(n > 1);
}

int main(void)
{
	test_counts();
	test_many_callers();
	test_short_lives();
	test_width();
	test_errors();
	test_lowest_error();
	test_cancel();
	test_host_state();
	test_workers();
	test_no_memory();
	return 0;
}
