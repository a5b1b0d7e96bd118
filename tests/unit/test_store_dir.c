/* SPDX-License-Identifier: MIT */
/*
 * The directory store and the file system: links, temporary files, rights,
 * many puts at once, files that are not what they should be, and threads that
 * write and read the same key.
 */
#include <pthread.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "ozr/store.h"
#include "support/check.h"

static struct ozr_err err;
static struct ozr_ctx *ctx;
static char root[PATH_MAX];    /* the store */
static char outside[PATH_MAX]; /* what no store may touch */

static struct ozr_store *open_store(int flags)
{
	struct ozr_store *s = NULL;
	CHECK_OK(ozr_store_open_dir(ctx, root, flags, OZR_FLUSH_NONE, &s, &err));
	return s;
}

static int put(struct ozr_store *s, const char *key, const char *value)
{
	return ozr_store_put(s, key, value, strlen(value), OZR_PUT_REPLACE, &err);
}

/* The code of reading a key, which must have this value when it is there. */
static int get(struct ozr_store *s, const char *key, const char *want)
{
	char *bytes = NULL;
	size_t len;
	int code = ozr_store_get(s, key, 1 << 20, &bytes, &len, NULL, &err);
	CHECK(code || (len == strlen(want) && memcmp(bytes, want, len) == 0));
	ozr_text_free(bytes);
	return code;
}

static void check_canary(void)
{
	char got[16] = "";
	CHECK(read_file(join(outside, "canary"), got, sizeof got) == 6);
	CHECK(memcmp(got, "canary", 6) == 0 && count_entries(outside, "") == 1);
}

/* --- Opening ---------------------------------------------------------------- */

static struct {
	char location[PATH_MAX];
	int for_write, refuse;
} asked;

static int refuse(void *user, const char *location, int for_write)
{
	(void)user;
	snprintf(asked.location, sizeof asked.location, "%s", location);
	asked.for_write = for_write != 0;
	return asked.refuse;
}

static void test_open(void)
{
	struct ozr_store *s = NULL;
	struct ozr_ctx *strict = NULL;
	struct ozr_ctx_options opt = {.host.refuse = refuse};
	char real[PATH_MAX];
	CHECK_CODE(OZR_NOT_FOUND,
		   ozr_store_open_dir(ctx, join(root, "none"), OZR_READ, 0, &s, &err));
	CHECK(strstr(err.msg, "none"));
	write_file(join(root, "file"), "x", 1);
	CHECK_CODE(OZR_NOT_FOUND,
		   ozr_store_open_dir(ctx, join(root, "file"), OZR_READ, 0, &s, &err));
	CHECK_CODE(OZR_NOT_FOUND,
		   ozr_store_open_dir(ctx, join(root, "file/x"), OZR_READ, 0, &s, &err));

	/* The host is asked about the place that a link leads to. */
	CHECK(realpath(root, real));
	CHECK(symlink(root, join(outside, "link")) == 0);
	CHECK_OK(ozr_ctx_new(&opt, &strict, &err));
	CHECK_OK(ozr_store_open_dir(strict, join(outside, "link"), OZR_READ, 0, &s, &err));
	CHECK(strcmp(asked.location, real) == 0 && !asked.for_write);
	ozr_store_unref(s);
	s = NULL;
	asked.refuse = 1;
	CHECK_CODE(OZR_DENIED, ozr_store_open_dir(strict, root, OZR_UPDATE, 0, &s, &err));
	CHECK(asked.for_write && !s);
	ozr_ctx_unref(strict);
	CHECK(unlink(join(outside, "link")) == 0 && unlink(join(root, "file")) == 0);
}

static void test_read_only(void)
{
	struct ozr_store *s = open_store(OZR_READ);
	struct ozr_put *p = NULL;
	void *token = NULL;
	CHECK(!(s->caps & (OZR_STORE_WRITE | OZR_STORE_DELETE | OZR_STORE_LOCK)));
	CHECK_CODE(OZR_DENIED, put(s, "k", "v"));
	CHECK_CODE(OZR_DENIED, ozr_put_begin(s, "k", 0, &p, &err));
	CHECK_CODE(OZR_DENIED, ozr_store_del(s, "k", &err));
	CHECK_CODE(OZR_UNSUPPORTED, ozr_store_lock(s, "k", &token, &err));
	CHECK(count_entries(root, "") == 0);
	ozr_store_unref(s);
}

/* The store follows its directory, not the name. */
static void test_moved_root(void)
{
	struct ozr_store *s = open_store(OZR_UPDATE);
	CHECK_OK(put(s, "k", "before"));
	CHECK(rename(root, join(outside, "moved")) == 0 && mkdir(root, 0777) == 0);
	CHECK_OK(get(s, "k", "before"));
	CHECK_OK(put(s, "k", "after"));
	CHECK(count_entries(root, "") == 0);
	CHECK(rmdir(root) == 0 && rename(join(outside, "moved"), root) == 0);
	CHECK_OK(get(s, "k", "after"));
	CHECK_OK(ozr_store_del(s, "k", &err));
	ozr_store_unref(s);
}

/* --- Links and other strange files ------------------------------------------- */

enum { NAMES = 256 };

/* Collect the names that a listing shows. */
static int add_name(void *arg, const char *name, int is_prefix)
{
	size_t len = strlen(arg);
	(void)is_prefix;
	snprintf((char *)arg + len, NAMES - len, "%s ", name);
	return 0;
}

static void test_links_out(struct ozr_store *s)
{
	char names[NAMES] = "", up[PATH_MAX];
	snprintf(up, sizeof up, "../%s/canary", strrchr(outside, '/') + 1);
	CHECK(symlink(join(outside, "canary"), join(root, "absolute")) == 0);
	CHECK(symlink(up, join(root, "relative")) == 0);
	CHECK(symlink(outside, join(root, "dir")) == 0);
	CHECK(symlink("..", join(root, "up")) == 0);
	CHECK(symlink("loop", join(root, "loop")) == 0);
	CHECK(symlink("/proc/self/root", join(root, "magic")) == 0);
	CHECK_CODE(OZR_DENIED, get(s, "absolute", ""));
	CHECK(strstr(err.msg, "absolute"));
	CHECK_CODE(OZR_DENIED, get(s, "relative", ""));
	CHECK_CODE(OZR_DENIED, get(s, "dir/canary", ""));
	CHECK_CODE(OZR_DENIED, get(s, "up/x", ""));
	CHECK_CODE(OZR_DENIED, get(s, "loop", ""));
	CHECK_CODE(OZR_DENIED, get(s, "loop/x", ""));
	CHECK_CODE(OZR_DENIED, get(s, "magic/etc/passwd", ""));
	CHECK_CODE(OZR_DENIED, put(s, "dir/new", "x"));
	CHECK_CODE(OZR_DENIED, put(s, "dir/deep/new", "x"));
	CHECK_CODE(OZR_DENIED, ozr_store_del(s, "dir/canary", &err));
	CHECK_CODE(OZR_DENIED, ozr_store_list(s, "dir", add_name, names, &err));
	CHECK_OK(ozr_store_list(s, "", add_name, names, &err));
	CHECK(strcmp(names, "") == 0);
	/* A put replaces the link, not what it points to; so does a delete. */
	CHECK_OK(put(s, "absolute", "mine"));
	CHECK_OK(get(s, "absolute", "mine"));
	CHECK_OK(ozr_store_del(s, "relative", &err));
	check_canary();
	const char *const made[] = {"absolute", "dir", "up", "loop", "magic"};
	for (size_t i = 0; i < sizeof made / sizeof *made; i++)
		CHECK(unlink(join(root, made[i])) == 0);
}

static void test_links_inside(struct ozr_store *s)
{
	char names[NAMES] = "";
	CHECK_OK(put(s, "a/value", "v"));
	CHECK_OK(put(s, "b/x", "x"));
	CHECK(symlink("../a/value", join(root, "b/link")) == 0);
	CHECK(symlink("a", join(root, "alias")) == 0);
	CHECK(symlink("nowhere", join(root, "b/dangling")) == 0);
	CHECK_OK(get(s, "b/link", "v"));
	CHECK_OK(get(s, "alias/value", "v"));
	CHECK_CODE(OZR_NOT_FOUND, get(s, "b/dangling", ""));
	CHECK_OK(put(s, "alias/new", "n"));
	CHECK_OK(get(s, "a/new", "n"));
	CHECK_OK(ozr_store_list(s, "b", add_name, names, &err));
	CHECK(strcmp(names, "link x ") == 0);
}

static void test_strange_files(struct ozr_store *s)
{
	char names[NAMES] = "";
	CHECK(mkfifo(join(root, "fifo"), 0666) == 0);
	CHECK_CODE(OZR_BAD_FORMAT, get(s, "fifo", ""));
	CHECK(mkdir(join(root, "odd"), 0777) == 0);
	write_file(join(root, "odd/back\\slash"), "", 0);
	write_file(join(root, "odd/\xff"), "", 0);
	CHECK(mkdir(join(root, "odd/.x.ozr-stage-0123456789abcdef"), 0777) == 0);
	write_file(join(root, "odd/good"), "", 0);
	CHECK_OK(ozr_store_list(s, "odd", add_name, names, &err));
	CHECK(strcmp(names, "good ") == 0);

	CHECK_OK(put(s, "value", "v"));
	CHECK_CODE(OZR_BAD_FORMAT, put(s, "value/below", "x"));
	CHECK(strstr(err.msg, "value/below"));
	CHECK_CODE(OZR_BAD_FORMAT, put(s, "odd", "x"));
	CHECK_CODE(OZR_EXISTS, ozr_store_put(s, "odd", "x", 1, OZR_PUT_CREATE_ONLY, &err));
	CHECK_CODE(OZR_NOT_FOUND, get(s, "value/below", ""));
	CHECK_CODE(OZR_NOT_FOUND, get(s, "odd", ""));
	CHECK_OK(ozr_store_del(s, "value/below", &err));
	CHECK_OK(get(s, "value", "v"));
	CHECK(count_entries(root, ".ozr-tmp-") == 0 &&
	      count_entries(join(root, "odd"), "tmp") == 0);
}

static void test_shrinking(struct ozr_store *s)
{
	struct ozr_object *o = NULL;
	char got[8];
	void *dst = got;
	const struct ozr_range all = {0, 8};
	CHECK_OK(put(s, "shrinks", "12345678"));
	CHECK_OK(ozr_object_open(s, "shrinks", &o, &err));
	CHECK(truncate(join(root, "shrinks"), 5) == 0);
	CHECK_CODE(OZR_CORRUPT, ozr_object_read(o, 1, &all, &dst, &err));
	CHECK(strstr(err.msg, "shrinks"));
	ozr_object_close(o);
}

/* --- Temporary files ----------------------------------------------------------- */

static void age(const char *path, int seconds)
{
	struct timeval now, times[2];
	gettimeofday(&now, NULL);
	times[0] = times[1] = (struct timeval){now.tv_sec - seconds, 0};
	CHECK(utimes(path, times) == 0);
}

static void test_temporary_files(struct ozr_store *s)
{
	struct ozr_put *p = NULL, *q = NULL;
	char dir[PATH_MAX];
	snprintf(dir, sizeof dir, "%s", join(root, "t"));
	CHECK_OK(ozr_put_begin(s, "t/a", 0, &p, &err));
	CHECK_OK(ozr_put_begin(s, "t/a", 0, &q, &err));
	CHECK(count_entries(dir, ".ozr-tmp-") == 2 && count_entries(dir, "") == 2);
	CHECK_OK(ozr_put_append(p, "v", 1, &err));
	CHECK_OK(ozr_put_commit(p, OZR_PUT_REPLACE, NULL, &err));
	ozr_put_abort(q);
	CHECK(count_entries(dir, ".ozr-tmp-") == 0 && count_entries(dir, "") == 1);
}

/* Those of dead writers go, when they are old enough, by the hand of a store that may write. */
static void test_leftovers(struct ozr_store *s)
{
	enum { HOUR = 3600, ELSEWHERE = 0, DEAD = 1 };
	struct ozr_put *p = NULL;
	char dir[PATH_MAX], name[NAME_MAX + 1] = "", where[32] = "", names[NAMES] = "";
	snprintf(dir, sizeof dir, "%s", join(root, "left"));
	CHECK_OK(ozr_put_begin(s, "left/a", 0, &p, &err));
	DIR *d = opendir(dir);
	CHECK(d);
	for (const struct dirent *e; (e = readdir(d)) != NULL;)
		if (e->d_name[0] == '.' && e->d_name[1] == 'o')
			snprintf(name, sizeof name, "%s", e->d_name);
	closedir(d);
	/* ".ozr-tmp-<16 hex>-<pid>-..." */
	char *pid = name + strlen(".ozr-tmp-") + 16;
	CHECK(strlen(name) > 30 && *pid == '-' && strtol(pid + 1, NULL, 10) == getpid());
	memcpy(where, name + strlen(".ozr-tmp-"), 16);

	pid_t child = fork();
	if (child == 0)
		_exit(0);
	CHECK(child > 0 && waitpid(child, NULL, 0) == child); /* its id is nobody's now */
	const struct {
		const char *where;
		long pid;
		int age, stays;
	} cases[] = {
		{where, child, 2 * HOUR, 0},
		{where, child, HOUR / 2, 1},
		{where, (long)getppid(), 900 * HOUR, 1},
		{where, (long)getpid(), 900 * HOUR, 1},
		{where, 1, 900 * HOUR, 1},
		{where, 0, 2 * HOUR, 1},
		{where, 0, 49 * HOUR, 0},
		{where, -5, 49 * HOUR, 0},
		{"0123456789abcdef", child, 2 * HOUR, 1},
		{"0123456789abcdef", child, 47 * HOUR, 1},
		{"0123456789abcdef", (long)getpid(), 49 * HOUR, 0},
		{"0000000000000000", (long)getpid(), 47 * HOUR, 1},
		{"0000000000000000", (long)getpid(), 49 * HOUR, 0},
		{"1", child, 47 * HOUR, 1},
		{"1", child, 49 * HOUR, 0},
	};
	enum { CASES = sizeof cases / sizeof *cases };
	char paths[CASES][PATH_MAX];
	for (unsigned i = 0; i < CASES; i++) {
		CHECK(snprintf(paths[i], PATH_MAX, "%s/.ozr-tmp-%s-%ld-%u-0", dir, cases[i].where,
			       cases[i].pid, i) < PATH_MAX);
		write_file(paths[i], "", 0);
		age(paths[i], cases[i].age);
	}
	struct ozr_store *reader = open_store(OZR_READ);
	CHECK_OK(ozr_store_list(reader, "left", add_name, names, &err));
	CHECK(!names[0] && count_entries(dir, ".ozr-tmp-") == CASES + 1);
	ozr_store_unref(reader);
	CHECK_OK(ozr_store_list(s, "left", add_name, names, &err));
	for (unsigned i = 0; i < CASES; i++)
		CHECK(exists(paths[i]) == cases[i].stays);
	CHECK_OK(ozr_put_append(p, "v", 1, &err));
	CHECK_OK(ozr_put_commit(p, OZR_PUT_REPLACE, NULL, &err));
	CHECK_OK(get(s, "left/a", "v"));
	remove_tree(dir);
}

/* --- Many puts at once ----------------------------------------------------------- */

enum { PUTS = 400, FDS = 200 };

static void test_many_puts(struct ozr_store *s)
{
	static struct ozr_put *puts[PUTS];
	struct rlimit old, low;
	char key[32], part[64], want[192];
	CHECK(getrlimit(RLIMIT_NOFILE, &old) == 0);
	low = old;
	low.rlim_cur = FDS;
	CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
	for (int i = 0; i < PUTS; i++) {
		snprintf(key, sizeof key, "many/%d/%d", i % 7, i);
		CHECK_OK(ozr_put_begin(s, key, 0, &puts[i], &err));
	}
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < PUTS; i++) {
			snprintf(part, sizeof part, "put %d part %d;", i, round);
			CHECK_OK(ozr_put_append(puts[i], part, strlen(part), &err));
		}
	}
	CHECK(count_entries("/proc/self/fd", "") < FDS - 30); /* room for the host */
	for (int i = 0; i < PUTS; i++) {
		if (i % 10 == 9)
			ozr_put_abort(puts[i]);
		else
			CHECK_OK(ozr_put_commit(puts[i], OZR_PUT_CREATE_ONLY, NULL, &err));
	}
	for (int i = 0; i < PUTS; i++) {
		snprintf(key, sizeof key, "many/%d/%d", i % 7, i);
		snprintf(want, sizeof want, "put %d part 0;put %d part 1;put %d part 2;", i, i, i);
		CHECK_CODE(i % 10 == 9 ? OZR_NOT_FOUND : OZR_OK, get(s, key, want));
	}
	for (int i = 0; i < 7; i++) {
		snprintf(key, sizeof key, "many/%d", i);
		CHECK(count_entries(join(root, key), ".ozr-tmp-") == 0);
	}
	CHECK(setrlimit(RLIMIT_NOFILE, &old) == 0);
}

/* --- Threads ----------------------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 400, BIG = 20000 };

struct shared {
	struct ozr_store *store;
	int index;
	int won;
};

static void put_generation(struct ozr_store *s, const char *key, uint64_t seed)
{
	struct ozr_err e;
	struct ozr_put *p = NULL;
	static _Thread_local unsigned char bytes[BIG];
	size_t len = 8 + seed % (BIG - 8);
	memcpy(bytes, &seed, 8);
	fill_bytes(bytes + 8, len - 8, seed);
	CHECK(ozr_put_begin(s, key, len, &p, &e) == 0);
	CHECK(ozr_put_append(p, bytes, len / 2, &e) == 0);
	CHECK(ozr_put_append(p, bytes + len / 2, len - len / 2, &e) == 0);
	CHECK(ozr_put_commit(p, OZR_PUT_REPLACE, NULL, &e) == 0);
}

static void check_generation(struct ozr_store *s, const char *key)
{
	struct ozr_err e;
	char *bytes = NULL;
	size_t len;
	uint64_t seed;
	static _Thread_local unsigned char want[BIG];
	CHECK(ozr_store_get(s, key, BIG, &bytes, &len, NULL, &e) == 0);
	memcpy(&seed, bytes, 8);
	CHECK(len == 8 + seed % (BIG - 8));
	fill_bytes(want, len - 8, seed);
	CHECK(memcmp(bytes + 8, want, len - 8) == 0);
	ozr_text_free(bytes);
}

static void *write_and_read(void *arg)
{
	struct shared *t = arg;
	uint64_t random = (uint64_t)t->index;
	for (int i = 0; i < ROUNDS; i++) {
		if (t->index % 2)
			put_generation(t->store, "torn", next_random(&random));
		else
			check_generation(t->store, "torn");
	}
	return NULL;
}

/* All threads make the same directories, and only one may create the value. */
static void *create_same(void *arg)
{
	struct shared *t = arg;
	struct ozr_err e;
	char key[64];
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof key, "race/%d/x/y/value", i);
		int code = ozr_store_put(t->store, key, "v", 1, OZR_PUT_CREATE_ONLY, &e);
		CHECK(code == OZR_OK || code == OZR_EXISTS);
		t->won += code == OZR_OK;
	}
	return NULL;
}

static int run_threads(struct ozr_store *s, void *(*fn)(void *))
{
	pthread_t threads[THREADS];
	struct shared shared[THREADS];
	int won = 0;
	for (int i = 0; i < THREADS; i++) {
		shared[i] = (struct shared){s, i, 0};
		CHECK(pthread_create(&threads[i], NULL, fn, &shared[i]) == 0);
	}
	for (int i = 0; i < THREADS; i++) {
		CHECK(pthread_join(threads[i], NULL) == 0);
		won += shared[i].won;
	}
	return won;
}

static void test_threads(struct ozr_store *s)
{
	put_generation(s, "torn", 1);
	run_threads(s, write_and_read);
	CHECK(run_threads(s, create_same) == 100);
}

int main(void)
{
	CHECK_OK(ozr_ctx_new(NULL, &ctx, &err));
	temp_dir(root);
	temp_dir(outside);
	test_open();
	test_read_only();
	test_moved_root();
	write_file(join(outside, "canary"), "canary", 6);

	struct ozr_store *s = open_store(OZR_UPDATE);
	test_links_out(s);
	test_links_inside(s);
	test_strange_files(s);
	test_shrinking(s);
	test_temporary_files(s);
	test_leftovers(s);
	test_many_puts(s);
	test_threads(s);
	check_canary();
	ozr_store_unref(s);

	ozr_ctx_unref(ctx);
	remove_tree(root);
	remove_tree(outside);
	return 0;
}
