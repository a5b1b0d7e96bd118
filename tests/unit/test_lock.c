/* SPDX-License-Identifier: MIT */
/*
 * Locks of keys: threads and processes that add to numbers in a file, each
 * number under the lock of its key and with a pause between reading and
 * writing, lose no addition; a holder that is killed releases; a lock file that
 * is removed while others wait for it does not let two of them in; a child that
 * inherits a descriptor does not keep the lock.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "ozr/store.h"
#include "support/check.h"

static struct ozr_err err;
static struct ozr_ctx *ctx;
static char root[PATH_MAX];
static int numbers = -1; /* the file, opened by each process */

enum { PROCESSES = 3, THREADS = 2, ADDITIONS = 100, KEYS = 2, SHORT = 300, LONG = 20000 };

static struct ozr_store *open_store(void)
{
	struct ozr_store *s = NULL;
	CHECK_OK(ozr_store_open_dir(ctx, root, OZR_UPDATE, OZR_FLUSH_NONE, &s, &err));
	return s;
}

static const char *const keys[KEYS] = {"c/0/0", "c/0/1"};

static void *add(void *arg)
{
	struct ozr_store *s = arg;
	struct ozr_err e;
	for (int i = 0; i < ADDITIONS; i++) {
		uint32_t n;
		void *token = NULL;
		off_t at = (i % KEYS) * (off_t)sizeof n;
		CHECK(ozr_store_lock(s, keys[i % KEYS], &token, &e) == OZR_OK);
		CHECK(pread(numbers, &n, sizeof n, at) == sizeof n);
		sched_yield();
		n++;
		CHECK(pwrite(numbers, &n, sizeof n, at) == sizeof n);
		ozr_store_unlock(s, token);
	}
	return NULL;
}

static void add_in_threads(struct ozr_store *s)
{
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, add, s) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
}

static void reset_numbers(void)
{
	const uint32_t zero[KEYS] = {0};
	CHECK(pwrite(numbers, zero, sizeof zero, 0) == sizeof zero);
}

static void check_numbers(uint32_t each)
{
	uint32_t got[KEYS];
	CHECK(pread(numbers, got, sizeof got, 0) == sizeof got);
	for (int i = 0; i < KEYS; i++)
		CHECK(got[i] == each);
}

static void wait_for(pid_t child)
{
	int status;
	CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && !WEXITSTATUS(status));
}

static void test_exclusion(void)
{
	pid_t children[PROCESSES];
	reset_numbers();
	for (int i = 0; i < PROCESSES; i++) {
		children[i] = fork();
		CHECK(children[i] >= 0);
		if (!children[i]) {
			add_in_threads(open_store());
			_exit(0);
		}
	}
	for (int i = 0; i < PROCESSES; i++)
		wait_for(children[i]);
	check_numbers(PROCESSES * THREADS * ADDITIONS / KEYS);
}

static void test_threads_in_memory(void)
{
	struct ozr_store *s = NULL;
	CHECK_OK(ozr_store_open_mem(ctx, &s, &err));
	reset_numbers();
	add_in_threads(s);
	check_numbers(THREADS * ADDITIONS / KEYS);
	ozr_store_unref(s);
}

/* A child that holds the lock of keys[0] until it is killed. */
static pid_t start_holder(void)
{
	int ready[2];
	char byte;
	CHECK(pipe(ready) == 0);
	pid_t child = fork();
	CHECK(child >= 0);
	if (!child) {
		void *token = NULL;
		struct ozr_store *s = open_store();
		CHECK_OK(ozr_store_lock(s, keys[0], &token, &err));
		CHECK(write(ready[1], "x", 1) == 1);
		for (;;)
			pause();
	}
	CHECK(read(ready[0], &byte, 1) == 1);
	close(ready[0]);
	close(ready[1]);
	return child;
}

/* Whether another process waits in vain for the lock, for so many milliseconds. */
static int is_locked(struct ozr_store *s, unsigned patience)
{
	const struct itimerval timer = {{0, 0}, {patience / 1000, patience % 1000 * 1000}};
	pid_t child = fork();
	CHECK(child >= 0);
	if (!child) {
		void *token = NULL;
		setitimer(ITIMER_REAL, &timer, NULL); /* it ends the process */
		CHECK_OK(ozr_store_lock(s, keys[0], &token, &err));
		_exit(0);
	}
	int status;
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status) ? WEXITSTATUS(status) == 0 : WTERMSIG(status) == SIGALRM);
	return WIFSIGNALED(status);
}

static void test_killed_holder(struct ozr_store *s)
{
	void *token = NULL;
	pid_t holder = start_holder();
	CHECK(is_locked(s, SHORT));
	CHECK_OK(ozr_store_lock(s, keys[1], &token, &err)); /* another key is free */
	ozr_store_unlock(s, token);
	CHECK(kill(holder, SIGKILL) == 0 && waitpid(holder, NULL, 0) == holder);
	CHECK_OK(ozr_store_lock(s, keys[0], &token, &err));
	ozr_store_unlock(s, token);
}

/* A descriptor that a child inherited must not keep what its parent has released. */
static void test_inherited(struct ozr_store *s)
{
	void *token = NULL;
	CHECK_OK(ozr_store_lock(s, keys[0], &token, &err));
	pid_t child = fork();
	CHECK(child >= 0);
	if (!child)
		for (;;)
			pause();
	CHECK(is_locked(s, SHORT));
	ozr_store_unlock(s, token);
	CHECK(!is_locked(s, LONG));
	CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
}

struct waiter {
	struct ozr_store *store;
	void *token;
};

static void *lock_first(void *arg)
{
	struct waiter *w = arg;
	struct ozr_err e;
	CHECK(ozr_store_lock(w->store, keys[0], &w->token, &e) == OZR_OK);
	return NULL;
}

/* The lock file is removed while one thread holds it and one waits: the waiter must end up on
 * the file that newcomers lock. */
static void test_removed_lock_file(struct ozr_store *s)
{
	struct waiter first = {s, NULL}, second = {s, NULL};
	pthread_t thread;
	lock_first(&first);
	CHECK(pthread_create(&thread, NULL, lock_first, &second) == 0);
	usleep(50000); /* let it wait; if it has not come so far, the test is only weaker */
	CHECK(unlink(join(root, ".ozr-lock")) == 0);
	ozr_store_unlock(s, first.token);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK(exists(join(root, ".ozr-lock")));
	CHECK(is_locked(s, SHORT));
	ozr_store_unlock(s, second.token);
	CHECK(!is_locked(s, LONG));
}

int main(void)
{
	struct ozr_store *s;
	CHECK_OK(ozr_ctx_new(NULL, &ctx, &err));
	temp_dir(root);
	numbers = open(join(root, "numbers"), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	CHECK(numbers >= 0);
	test_exclusion();
	test_threads_in_memory();
	s = open_store();
	test_killed_holder(s);
	test_inherited(s);
	test_removed_lock_file(s);
	ozr_store_unref(s);
	close(numbers);
	ozr_ctx_unref(ctx);
	remove_tree(root);
	return 0;
}
