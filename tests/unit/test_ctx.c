/* SPDX-License-Identifier: MIT */
/*
 * Contexts: defaults, counters, verified marks, the host's refusal, the hash;
 * and forking: a child uses pool, cache, pipe and JSON of the parent's context
 * again, while the parent's threads are in the middle of things.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "base/cache.h"
#include "base/ctx.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/pool.h"
#include "support/check.h"

/*
 * What sanitizers cannot follow: a child of many threads that starts threads (TSAN), and a
 * fork while another thread is in the allocator, whose lock stays locked in the child (ASAN).
 */
#ifndef __SANITIZE_THREAD__
#define CAN_FORK
#ifndef __SANITIZE_ADDRESS__
#define CAN_FORK_BUSY
#endif
#endif

static struct ozr_ctx *new_ctx(const struct ozr_ctx_options *opt)
{
	struct ozr_ctx *ctx;
	struct ozr_err err;
	CHECK_OK(ozr_ctx_new(opt, &ctx, &err));
	return ctx;
}

static void test_defaults(void)
{
	struct ozr_ctx *ctx = new_ctx(NULL);
	const struct ozr_limits *l = ozr_ctx_limits(ctx);
	CHECK(l->json_bytes == 64 << 20 && l->json_depth == 64 && l->json_nodes == 1 << 20);
	CHECK(l->rank == 16 && l->chunk_bytes == 1 << 30 && l->object_bytes == 4LL << 30);
	CHECK(l->shard_entries == 16 << 20 && l->levels == 64);
	CHECK(l->memory_bytes > 64 << 20);
	CHECK(ozr_ctx_threads(ctx) >= 1 && ozr_ctx_threads(ctx) <= 64);
	CHECK(ozr_ctx_sys(ctx) == &ozr_sys_real);
	CHECK(ozr_ctx_ref(ctx) == ctx);
	ozr_ctx_unref(ctx);
	uint64_t a = ozr_ctx_serial(ctx);
	CHECK(a > 0 && ozr_ctx_serial(ctx) != a);
	ozr_ctx_unref(ctx);

	struct ozr_ctx_options opt = {.threads = 1000};
	opt.limits.rank = 99;
	opt.limits.json_depth = 1 << 30;
	opt.limits.json_nodes = 7;
	ctx = new_ctx(&opt);
	l = ozr_ctx_limits(ctx);
	CHECK(l->rank == 16 && l->json_depth == 512 && l->json_nodes == 7);
	CHECK(ozr_ctx_threads(ctx) == 64);
	ozr_ctx_unref(ctx);
}

static int refuse(void *user, const char *location, int for_write)
{
	CHECK(user == (void *)refuse);
	return for_write || strncmp(location, "/etc/", 5) == 0;
}

static void test_host(void)
{
	struct ozr_ctx_options opt = {.host = {.user = (void *)refuse, .refuse = refuse}};
	struct ozr_ctx *ctx = new_ctx(&opt), *free_ctx = new_ctx(NULL);
	struct ozr_err err;
	CHECK_OK(ozr_ctx_allowed(ctx, "/data/a.zarr", 0, &err));
	CHECK_CODE(OZR_DENIED, ozr_ctx_allowed(ctx, "/data/a.zarr", 1, &err));
	CHECK_CODE(OZR_DENIED, ozr_ctx_allowed(ctx, "/etc/a\nb", 0, &err));
	CHECK(strstr(err.msg, "'/etc/a\\x0ab'"));
	CHECK_OK(ozr_ctx_allowed(free_ctx, "/etc/x", 1, &err));
	ozr_ctx_unref(ctx);
	ozr_ctx_unref(free_ctx);
}

static int count_some(void *arg, size_t i, struct ozr_worker *w, struct ozr_err *err)
{
	(void)err;
	OZR_COUNT(ozr_worker_ctx(w), blocks_decoded, 1);
	OZR_COUNT(ozr_worker_ctx(w), bytes_read, i);
	atomic_fetch_add((_Atomic size_t *)arg, 1);
	return OZR_OK;
}

static void test_counters_and_marks(void)
{
	struct ozr_ctx *ctx = new_ctx(&(struct ozr_ctx_options){.threads = 4});
	struct ozr_stats s;
	_Atomic size_t n = 0;
	CHECK(!ozr_pool_for(ctx, NULL, 1000, count_some, &n, NULL));
	ozr_ctx_stats(ctx, &s);
	CHECK(n == 1000 && s.blocks_decoded == 1000 && s.bytes_read == 999 * 500);
	CHECK(s.chunks_decoded == 0 && s.chunks_encoded == 0);

	/* Marks: what was not marked is never claimed; few enough are all remembered. */
	uint64_t random = 9;
	for (int i = 0; i < 5000; i++) {
		uint64_t f = next_random(&random);
		CHECK(!ozr_ctx_verified(ctx, f));
		ozr_ctx_mark_verified(ctx, f);
		CHECK(ozr_ctx_verified(ctx, f));
	}
	random = 9;
	int remembered = 0;
	for (int i = 0; i < 5000; i++)
		remembered += ozr_ctx_verified(ctx, next_random(&random));
	CHECK(remembered > 4990);
	/* However many there are, the newest is known. */
	for (int i = 0; i < 300000; i++) {
		uint64_t f = next_random(&random);
		ozr_ctx_mark_verified(ctx, f);
		CHECK(ozr_ctx_verified(ctx, f));
	}
	ozr_ctx_mark_verified(ctx, 0);
	CHECK(!ozr_ctx_verified(ctx, 0));
	ozr_ctx_unref(ctx);
}

/* Every bit of the input changes about half of the bits of the hash. */
static void test_hash(void)
{
	unsigned char text[40];
	for (size_t n = 0; n <= sizeof(text); n++) {
		memset(text, 0, sizeof(text));
		uint64_t h = ozr_hash(5, text, n);
		CHECK(h == ozr_hash(5, text, n) && h != ozr_hash(6, text, n));
		CHECK(n == sizeof(text) || h != ozr_hash(5, text, n + 1));
		for (size_t bit = 0; bit < 8 * n; bit++) {
			text[bit / 8] ^= (unsigned char)(1 << bit % 8);
			int changed = __builtin_popcountll(h ^ ozr_hash(5, text, n));
			CHECK(changed > 10 && changed < 54);
			text[bit / 8] ^= (unsigned char)(1 << bit % 8);
		}
	}
}

#ifdef CAN_FORK

/* --- forks ----------------------------------------------------------------- */

static int nested(void *arg, size_t i, struct ozr_worker *w, struct ozr_err *err)
{
	void *scratch = ozr_worker_scratch(w, OZR_SCRATCH_DECODED, 20000 + i, err);
	CHECK(scratch);
	memset(scratch, 1, 20000 + i);
	return ozr_pool_for(ozr_worker_ctx(w), NULL, 3, count_some, arg, err);
}

static int piped(void *arg, struct ozr_worker *w, struct ozr_err *err)
{
	return ozr_pool_for(ozr_worker_ctx(w), NULL, 2, count_some, arg, err);
}

/* A little of everything. */
static void use_all(struct ozr_ctx *ctx, uint64_t seed)
{
	static const char text[] = "{\"a\": [1, 2, 18446744073709551615]}";
	struct ozr_err err;
	struct ozr_pipe *p;
	struct ozr_json *doc;
	_Atomic size_t n = 0;

	CHECK_OK(ozr_pool_for(ctx, NULL, 20, nested, &n, &err));
	CHECK(n == 60);
	CHECK_OK(ozr_pipe_open(ctx, NULL, 50, &p, &err));
	for (int i = 0; i < 20; i++)
		CHECK_OK(ozr_pipe_submit(p, 10, piped, NULL, &n, &err));
	CHECK_OK(ozr_pipe_drain(p, &err));
	ozr_pipe_close(p);
	CHECK(n == 100);
	for (uint64_t k = 0; k < 30; k++) {
		struct ozr_cache_key key = {k, seed % 3};
		struct ozr_entry *e;
		int fill;
		CHECK_OK(ozr_cache_get(ctx, key, 5000, &e, &fill, &err));
		if (fill) {
			memset(ozr_entry_bytes(e), (int)k, 5000);
			ozr_cache_publish(e);
		}
		CHECK(((char *)ozr_entry_bytes(e))[4999] == (char)k);
		ozr_entry_release(e);
	}
	CHECK_OK(ozr_json_parse(ctx, text, strlen(text), 0, &doc, &err));
	ozr_json_free(doc);
}

static void expect_child(pid_t pid)
{
	int status;
	CHECK(waitpid(pid, &status, 0) == pid);
	if (status)
		fprintf(stderr, "child %d ended with status %#x\n", (int)pid, (unsigned)status);
	CHECK(status == 0);
}

static void test_fork_idle(void)
{
	struct ozr_ctx *ctx =
		new_ctx(&(struct ozr_ctx_options){.threads = 4, .cache_bytes = 1 << 20});
	struct ozr_entry *held;
	struct ozr_err err;
	int fill;

	use_all(ctx, 0);
	CHECK_OK(ozr_cache_get(ctx, (struct ozr_cache_key){1000, 0}, 100, &held, &fill, &err));
	memset(ozr_entry_bytes(held), 'h', 100);
	ozr_cache_publish(held);
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		alarm(30);
		/* The cache starts empty; what is held stays whole and can be given back. */
		CHECK(!ozr_cache_peek(ctx, (struct ozr_cache_key){1, 0}));
		CHECK(((char *)ozr_entry_bytes(held))[99] == 'h');
		use_all(ctx, 0);
		ozr_entry_release(held);
		pid_t grandchild = fork();
		if (grandchild == 0) {
			use_all(ctx, 1);
			ozr_ctx_unref(ctx);
			_exit(0);
		}
		expect_child(grandchild);
		use_all(ctx, 2);
		ozr_ctx_unref(ctx);
		_exit(0);
	}
	use_all(ctx, 1);
	expect_child(pid);
	struct ozr_entry *again = ozr_cache_peek(ctx, (struct ozr_cache_key){1000, 0});
	CHECK(again == held);
	ozr_entry_release(again);
	ozr_entry_release(held);

	/* The child drops the last reference without having used it. */
	pid = fork();
	if (pid == 0) {
		alarm(30);
		ozr_ctx_unref(ctx);
		_exit(0);
	}
	expect_child(pid);
	ozr_ctx_unref(ctx);
}

#ifdef CAN_FORK_BUSY

struct busy {
	struct ozr_ctx *ctx;
	_Atomic int stop;
};

static void *keep_busy(void *arg)
{
	struct busy *b = arg;
	for (uint64_t i = 0; !b->stop; i++)
		use_all(b->ctx, i);
	return NULL;
}

/* Forks at random moments while three threads use the context; some locks are held then. */
static void test_fork_busy(void)
{
	struct busy b = {
		.ctx = new_ctx(&(struct ozr_ctx_options){.threads = 3, .cache_bytes = 100000})};
	pthread_t t[3];
	for (int i = 0; i < 3; i++)
		CHECK(pthread_create(&t[i], NULL, keep_busy, &b) == 0);
	for (int i = 0; i < 60; i++) {
		pid_t pid = fork();
		CHECK(pid >= 0);
		if (pid == 0) {
			alarm(30);
			use_all(b.ctx, (uint64_t)i);
			if (i % 2)
				ozr_ctx_unref(b.ctx);
			_exit(0);
		}
		if (i % 3)
			use_all(b.ctx, (uint64_t)i);
		expect_child(pid);
	}
	b.stop = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	ozr_ctx_unref(b.ctx);
}

/* Forking inside a callback: the child's own open work fails, and it can go on. */
struct forker {
	int asked;
	pid_t pid;
};

static int fork_when_asked(void *user)
{
	struct forker *f = user;
	if (f->asked++ == 0) {
		f->pid = fork();
		if (f->pid == 0)
			alarm(30);
	}
	return 0;
}

static void test_fork_inside(void)
{
	struct ozr_ctx *ctx = new_ctx(&(struct ozr_ctx_options){.threads = 3});
	for (int round = 0; round < 10; round++) {
		struct forker f = {.pid = -1};
		struct ozr_call call = {.user = &f, .cancelled = fork_when_asked};
		struct ozr_pipe *p;
		struct ozr_err err;
		_Atomic size_t n = 0;
		int code;
		if (round % 2) {
			code = ozr_pool_for(ctx, &call, 500, nested, &n, &err);
		} else {
			CHECK_OK(ozr_pipe_open(ctx, &call, 50, &p, &err));
			code = OZR_OK;
			for (int i = 0; i < 50 && !code; i++)
				code = ozr_pipe_submit(p, 10, piped, NULL, &n, &err);
			if (!code)
				code = ozr_pipe_drain(p, &err);
			ozr_pipe_close(p);
		}
		if (f.pid == 0) {
			/* All was done, or it says that it was not. */
			CHECK(code == OZR_CANCELLED ||
			      (code == OZR_OK && n == (round % 2 ? 1500 : 100)));
			use_all(ctx, 0);
			ozr_ctx_unref(ctx);
			_exit(0);
		}
		CHECK_OK(code);
		CHECK(n == (round % 2 ? 1500 : 100));
		expect_child(f.pid);
	}
	ozr_ctx_unref(ctx);
}

#endif
#endif

int main(void)
{
	test_defaults();
	test_host();
	test_counters_and_marks();
	test_hash();
#ifdef CAN_FORK
	test_fork_idle();
#endif
#ifdef CAN_FORK_BUSY
	test_fork_busy();
	test_fork_inside();
#endif
	return 0;
}
