/* SPDX-License-Identifier: MIT */
/*
 * Stages: nothing is seen before the commit and everything after it; what is
 * replaced must be a Zarr hierarchy and nothing else; leftovers of dead
 * processes go, those of living ones stay; a process that is killed at a random
 * moment, or that meets an error at any system call, leaves the old hierarchy
 * or the new one. And the removal of hierarchies: metadata first, no link
 * followed.
 */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "ozr/store.h"
#include "support/check.h"
#include "support/fault.h"

static struct ozr_err err;
static struct ozr_ctx *ctx;
static char dir[PATH_MAX];    /* where targets are */
static char target[PATH_MAX]; /* dir/t.zarr */

/* --- A hierarchy of one generation -------------------------------------------- */

static const char *const files[] = {"s0/c/0/0/0",   "s0/c/0/0/1",   "s0/c/1/0/0", "s1/c/0/0/0",
				    "s0/zarr.json", "s1/zarr.json", "zarr.json"};
enum { FILES = sizeof files / sizeof *files, BYTES = 3000 };

static void fill_generation(unsigned char bytes[BYTES], int file, unsigned generation)
{
	fill_bytes(bytes, BYTES, generation * FILES + (unsigned)file);
}

static int write_generation(struct ozr_store *s, unsigned generation)
{
	unsigned char bytes[BYTES];
	int code = OZR_OK;
	for (int i = 0; i < FILES && !code; i++) {
		fill_generation(bytes, i, generation);
		code = ozr_store_put(s, files[i], bytes, BYTES, OZR_PUT_REPLACE, &err);
	}
	return code;
}

static int holds_generation(unsigned generation)
{
	unsigned char want[BYTES], got[BYTES + 1];
	for (int i = 0; i < FILES; i++) {
		fill_generation(want, i, generation);
		if (read_file(join(target, files[i]), got, sizeof got) != BYTES ||
		    memcmp(want, got, BYTES) != 0)
			return 0;
	}
	return count_entries(join(target, "s0/c"), "") == 2 && count_entries(target, "s") == 3;
}

static int publish_generation(unsigned generation, int replace, enum ozr_durability durability)
{
	struct ozr_stage *st = NULL;
	int code = ozr_stage_new(ctx, target, replace, durability, &st, &err);
	if (!code)
		code = write_generation(ozr_stage_store(st), generation);
	if (!code)
		return ozr_stage_commit(st, &err);
	ozr_stage_abort(st);
	return code;
}

static int hidden(void)
{
	return count_entries(dir, ".ozr-");
}

static void fresh(void)
{
	quick_temp_dir(dir);
	snprintf(target, sizeof target, "%s", join(dir, "t.zarr"));
}

/* --- The plain course of things ------------------------------------------------- */

static void test_commit_and_abort(void)
{
	struct ozr_stage *st = NULL, *other = NULL;
	fresh();
	CHECK_OK(ozr_stage_new(ctx, target, 0, OZR_FLUSH_NONE, &st, &err));
	CHECK_OK(write_generation(ozr_stage_store(st), 1));
	CHECK(!exists(target) && hidden() == 1 && strstr(ozr_stage_store(st)->location, "t.zarr"));
	/* A second stage leaves the first, living one alone; the first commit wins. */
	CHECK_OK(ozr_stage_new(ctx, target, 0, OZR_FLUSH_NONE, &other, &err));
	CHECK(hidden() == 2);
	CHECK_OK(ozr_stage_commit(st, &err));
	CHECK(holds_generation(1) && !exists(join(target, ".ozr-lock")));
	CHECK_CODE(OZR_EXISTS, ozr_stage_commit(other, &err));
	CHECK(strstr(err.msg, "t.zarr") && hidden() == 0 && holds_generation(1));
	CHECK_CODE(OZR_EXISTS, ozr_stage_new(ctx, target, 0, OZR_FLUSH_NONE, &st, &err));

	CHECK_OK(ozr_stage_new(ctx, target, 1, OZR_FLUSH_NONE, &st, &err));
	CHECK_OK(write_generation(ozr_stage_store(st), 2));
	ozr_stage_abort(st);
	CHECK(holds_generation(1) && hidden() == 0);
	ozr_stage_abort(NULL);
	for (int durability = OZR_FLUSH_NONE; durability <= OZR_FLUSH_EACH; durability++) {
		CHECK_OK(publish_generation(5 + (unsigned)durability, 1, durability));
		CHECK(holds_generation(5 + (unsigned)durability) && hidden() == 0);
	}
	/* "replace" does not mean that there must be something. */
	remove_tree(target);
	CHECK_OK(publish_generation(9, 1, OZR_FLUSH_NONE));
	CHECK(holds_generation(9));
	remove_tree(dir);
}

/* A key that is locked in the stage stays locked in the published store. */
static void test_locked_key(void)
{
	struct ozr_stage *st = NULL;
	struct ozr_store *s;
	void *token = NULL;
	fresh();
	CHECK_OK(ozr_stage_new(ctx, target, 0, OZR_FLUSH_NONE, &st, &err));
	s = ozr_store_ref(ozr_stage_store(st));
	CHECK_OK(write_generation(s, 1));
	CHECK_OK(ozr_store_lock(s, "s0/c/0/0/0", &token, &err));
	CHECK_OK(ozr_stage_commit(st, &err));
	CHECK(exists(join(target, ".ozr-lock")));
	ozr_store_unlock(s, token);
	CHECK_OK(ozr_store_put(s, "s0/extra", "x", 1, OZR_PUT_REPLACE, &err)); /* still usable */
	CHECK(exists(join(target, "s0/extra")));
	ozr_store_unref(s);
	CHECK_OK(publish_generation(2, 1, OZR_FLUSH_NONE)); /* a lock file is not foreign */
	CHECK(holds_generation(2) && !exists(join(target, ".ozr-lock")));
	remove_tree(dir);
}

static void test_names(void)
{
	static const char *const good[] = {"%s/t.zarr",   "%s/t.zarr/",     "%s/t.zarr//",
					   "%s/t.zarr/.", "%s/./t.zarr/./", "%s//t.zarr/./."};
	static const char *const bad[] = {"", "/", ".", "..", "./", "x/..", "x/../", "../.", "//"};
	char path[PATH_MAX + 32], name[251];
	struct ozr_stage *st = NULL;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		fresh();
		int n = (int)(strstr(good[i], "%s") - good[i]);
		snprintf(path, sizeof path, "%.*s%s%s", n, good[i], dir, good[i] + n + 2);
		CHECK_OK(ozr_stage_new(ctx, path, 0, OZR_FLUSH_NONE, &st, &err));
		CHECK_OK(write_generation(ozr_stage_store(st), 1));
		CHECK_OK(ozr_stage_commit(st, &err));
		CHECK(holds_generation(1) && count_entries(dir, "") == 1);
		remove_tree(dir);
	}
	st = NULL;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_CODE(OZR_BAD_ARG, ozr_stage_new(ctx, bad[i], 0, 0, &st, &err));
	fresh();
	CHECK_CODE(OZR_NOT_FOUND, ozr_stage_new(ctx, join(dir, "no/t.zarr"), 0, 0, &st, &err));
	CHECK(strstr(err.msg, "/no") && strstr(err.msg, "does not exist") && !st);
	write_file(join(dir, "file"), "", 0);
	CHECK_CODE(OZR_NOT_FOUND, ozr_stage_new(ctx, join(dir, "file/t.zarr"), 0, 0, &st, &err));
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = 0;
	snprintf(target, sizeof target, "%s", join(dir, name));
	CHECK_OK(publish_generation(1, 0, OZR_FLUSH_NONE));
	CHECK(holds_generation(1));
	/* A relative one. */
	char here[PATH_MAX];
	CHECK(getcwd(here, sizeof here) && chdir(dir) == 0);
	CHECK_OK(ozr_stage_new(ctx, "relative", 0, OZR_FLUSH_NONE, &st, &err));
	CHECK_OK(ozr_stage_commit(st, &err));
	CHECK(exists(join(dir, "relative")) && chdir(here) == 0);
	remove_tree(dir);
}

/* --- What may be replaced or removed ------------------------------------------------ */

static void refuse_both(const char *message)
{
	struct ozr_stage *st = NULL;
	CHECK_CODE(OZR_EXISTS, ozr_stage_new(ctx, target, 1, OZR_FLUSH_NONE, &st, &err));
	CHECK(strstr(err.msg, message));
	CHECK_CODE(OZR_DENIED, ozr_tree_remove(ctx, target, &err));
	CHECK(strstr(err.msg, message) && err.code == OZR_DENIED);
	CHECK(hidden() == 0);
}

static void test_foreign(void)
{
	static const char *const known[] = {".zattrs", ".zmetadata", ".ozr-lock", ".ozr-tmp-1-2-3",
					    "0",       "0.1.2",      "c",         "c.0.1"};
	static const char *const foreign[] = {"notes.txt", "0.x", "c.", "1.", ".DS_Store", "x.tif"};
	fresh();
	write_file(target, "precious", 8);
	refuse_both("is a file");
	CHECK(unlink(target) == 0 && mkdir(target, 0777) == 0);
	refuse_both("without zarr.json");
	write_file(join(target, "data.bin"), "precious", 8);
	refuse_both("without zarr.json");
	CHECK(unlink(join(target, "data.bin")) == 0);
	write_file(join(target, "zarr.json"), "{}", 2);
	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
		write_file(join(target, foreign[i]), "precious", 8);
		refuse_both(foreign[i]);
		CHECK(unlink(join(target, foreign[i])) == 0);
	}
	write_file(join(target, "b.txt"), "", 0);
	write_file(join(target, "a.txt"), "", 0);
	refuse_both("'a.txt'");
	CHECK(unlink(join(target, "a.txt")) == 0 && unlink(join(target, "b.txt")) == 0);
	CHECK(symlink(dir, join(target, "labels")) == 0);
	refuse_both("'labels'");
	CHECK(unlink(join(target, "labels")) == 0 && mkdir(join(target, "labels"), 0777) == 0);
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		write_file(join(target, known[i]), "", 0);
	CHECK_OK(publish_generation(1, 1, OZR_FLUSH_NONE));
	CHECK(holds_generation(1) && hidden() == 0);

	CHECK(rename(target, join(dir, "real")) == 0 && symlink("real", target) == 0);
	refuse_both("symbolic link");
	CHECK(exists(join(dir, "real/zarr.json")));
	remove_tree(dir);
}

/* A foreign file that appears while the stage is being written stops the commit. */
static void test_foreign_at_commit(void)
{
	struct ozr_stage *st = NULL;
	fresh();
	CHECK_OK(publish_generation(1, 0, OZR_FLUSH_NONE));
	CHECK_OK(ozr_stage_new(ctx, target, 1, OZR_FLUSH_NONE, &st, &err));
	CHECK_OK(write_generation(ozr_stage_store(st), 2));
	write_file(join(target, "notes"), "", 0);
	CHECK_CODE(OZR_EXISTS, ozr_stage_commit(st, &err));
	CHECK(unlink(join(target, "notes")) == 0);
	CHECK(holds_generation(1) && hidden() == 0);
	remove_tree(dir);
}

static int refuse(void *user, const char *location, int for_write)
{
	(void)user;
	return for_write && strstr(location, "/t.zarr") != NULL;
}

static void test_host_policy(void)
{
	struct ozr_ctx_options opt = {.host.refuse = refuse};
	struct ozr_ctx *strict = NULL;
	struct ozr_stage *st = NULL;
	fresh();
	CHECK_OK(publish_generation(1, 0, OZR_FLUSH_NONE));
	CHECK_OK(ozr_ctx_new(&opt, &strict, &err));
	CHECK_CODE(OZR_DENIED, ozr_stage_new(strict, target, 1, OZR_FLUSH_NONE, &st, &err));
	CHECK_CODE(OZR_DENIED, ozr_tree_remove(strict, target, &err));
	CHECK(holds_generation(1) && hidden() == 0);
	ozr_ctx_unref(strict);
	remove_tree(dir);
}

/* --- Removal -------------------------------------------------------------------------- */

static char order[4096]; /* names in the order in which they were removed */

static int noting_unlinkat(int fd, const char *name, int flags)
{
	int rc = ozr_sys_real.unlinkat(fd, name, flags);
	size_t len = strlen(order);
	if (!rc)
		snprintf(order + len, sizeof order - len, "%s ", name);
	return rc;
}

static void test_remove(void)
{
	struct ozr_sys noting = ozr_sys_real;
	struct ozr_ctx_options opt = {.sys = &noting};
	struct ozr_ctx *watched = NULL;
	noting.unlinkat = noting_unlinkat;
	fresh();
	CHECK_OK(publish_generation(1, 0, OZR_FLUSH_NONE));
	write_file(join(target, ".zmetadata"), "", 0);
	CHECK(mkdir(join(dir, "outside"), 0777) == 0);
	write_file(join(dir, "outside/canary"), "", 0);
	CHECK(symlink(join(dir, "outside"), join(target, "s0/link")) == 0);
	CHECK_OK(ozr_ctx_new(&opt, &watched, &err));
	CHECK_OK(ozr_tree_remove(watched, join(dir, "t.zarr/"), &err));
	CHECK(!exists(target) && exists(join(dir, "outside/canary")));
	/* The metadata of all levels, the root's first, then the rest. */
	static const char first[] = ".zmetadata zarr.json zarr.json zarr.json ";
	CHECK(strncmp(order, first, strlen(first)) == 0);
	CHECK(!strstr(order + strlen(first), "json") && strstr(order, "link"));
	ozr_ctx_unref(watched);
	CHECK_CODE(OZR_NOT_FOUND, ozr_tree_remove(ctx, target, &err));
	remove_tree(dir);
}

static void test_remove_deep(void)
{
	char path[PATH_MAX];
	fresh();
	for (int levels = 63; levels <= 64; levels++) {
		snprintf(path, sizeof path, "%s", target);
		CHECK(mkdir(path, 0777) == 0);
		write_file(join(path, "zarr.json"), "{}", 2);
		for (int i = 0; i < levels; i++) {
			snprintf(path, sizeof path, "%s", join(path, "d"));
			CHECK(mkdir(path, 0777) == 0);
		}
		CHECK_CODE(levels == 63 ? OZR_OK : OZR_LIMIT, ozr_tree_remove(ctx, target, &err));
		CHECK(exists(target) == (levels == 64));
	}
	remove_tree(dir);
}

/* --- Death ------------------------------------------------------------------------------ */

static void test_leftovers(void)
{
	int ready[2], go[2];
	char byte;
	struct ozr_stage *st = NULL;
	fresh();
	CHECK(pipe(ready) == 0 && pipe(go) == 0);
	pid_t child = fork();
	CHECK(child >= 0);
	if (!child) {
		CHECK_OK(ozr_stage_new(ctx, target, 0, OZR_FLUSH_NONE, &st, &err));
		CHECK_OK(write_generation(ozr_stage_store(st), 1));
		CHECK(write(ready[1], "x", 1) == 1);
		(void)!read(go[0], &byte, 1);
		_exit(0);
	}
	CHECK(read(ready[0], &byte, 1) == 1 && hidden() == 1);
	/* What only looks alike is nobody's business. */
	CHECK(mkdir(join(dir, ".t.zarr.ozr-stage-mine"), 0777) == 0);
	CHECK(mkdir(join(dir, ".u.zarr.ozr-stage-0123456789abcdef"), 0777) == 0);
	write_file(join(dir, ".t.zarr.ozr-stage-0123456789abcdef"), "", 0);
	CHECK_OK(ozr_stage_new(ctx, target, 0, OZR_FLUSH_NONE, &st, &err));
	CHECK(hidden() == 5); /* the child lives */
	ozr_stage_abort(st);
	CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
	CHECK(hidden() == 4);
	/* A stage that died before it had a lock file is a leftover too. */
	CHECK(mkdir(join(dir, ".t.zarr.ozr-stage-aaaaaaaaaaaaaaaa"), 0777) == 0);
	CHECK_OK(ozr_stage_new(ctx, target, 0, OZR_FLUSH_NONE, &st, &err));
	ozr_stage_abort(st);
	CHECK(hidden() == 3);
	close(ready[0]), close(ready[1]), close(go[0]), close(go[1]);
	remove_tree(dir);
}

/* Kill a writer that replaces the target, at a random moment, again and again. */
static void test_kill(void)
{
	enum { ROUNDS = 100 };
	uint64_t random = 7;
	unsigned now = 0, finished = 0;
	struct timespec from, to;
	fresh();
	/* How long one takes here: the moments are spread over that and a little more. */
	clock_gettime(CLOCK_MONOTONIC, &from);
	CHECK_OK(publish_generation(ROUNDS + 2, 0, OZR_FLUSH_NONE));
	clock_gettime(CLOCK_MONOTONIC, &to);
	remove_tree(target);
	uint64_t span = (uint64_t)((to.tv_sec - from.tv_sec) * 1000000 +
				   (to.tv_nsec - from.tv_nsec) / 1000) +
			1;
	for (unsigned round = 1; round <= ROUNDS; round++) {
		int status;
		pid_t child = fork();
		CHECK(child >= 0);
		if (!child)
			_exit(publish_generation(round, 1, OZR_FLUSH_NONE) ? 2 : 0);
		usleep((useconds_t)(next_random(&random) % (4 * span + 500)));
		kill(child, SIGKILL);
		CHECK(waitpid(child, &status, 0) == child);
		CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
		if (holds_generation(round))
			now = round;
		else
			CHECK(now ? holds_generation(now) : !exists(target));
		CHECK(WIFSIGNALED(status) || now == round);
		finished += now == round;
	}
	CHECK_OK(publish_generation(ROUNDS + 1, 1, OZR_FLUSH_NONE));
	CHECK(holds_generation(ROUNDS + 1) && hidden() == 0);
	fprintf(stderr, "%u of %d writers finished before they were killed\n", finished, ROUNDS);
	remove_tree(dir);
}

/* --- File systems that cannot exchange names ---------------------------------------------- */

static int die_at; /* the process ends before this plain rename; 0: never */

static int poor_renameat2(int from_dir, const char *from, int to_dir, const char *to,
			  unsigned flags)
{
	if (flags) {
		errno = EINVAL;
		return -1;
	}
	if (strstr(from, "t.zarr") && strstr(to, "t.zarr") && die_at && --die_at == 0)
		_exit(0);
	return ozr_sys_real.renameat2(from_dir, from, to_dir, to, 0);
}

static void test_without_exchange(void)
{
	struct ozr_sys poor = ozr_sys_real;
	struct ozr_ctx_options opt = {.sys = &poor};
	struct ozr_ctx *rich = ctx;
	struct ozr_stage *st = NULL;
	poor.renameat2 = poor_renameat2;
	CHECK_OK(ozr_ctx_new(&opt, &ctx, &err));
	fresh();
	CHECK_OK(publish_generation(1, 0, OZR_FLUSH_NONE));
	CHECK(holds_generation(1));
	CHECK_OK(publish_generation(2, 1, OZR_FLUSH_NONE));
	CHECK(holds_generation(2) && hidden() == 0);
	CHECK_CODE(OZR_EXISTS, publish_generation(3, 0, OZR_FLUSH_NONE));
	for (int at = 1; at <= 2; at++) {
		pid_t child = fork();
		CHECK(child >= 0);
		if (!child) {
			die_at = at;
			_exit(publish_generation(3, 1, OZR_FLUSH_NONE) ? 2 : 3);
		}
		int status;
		CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) &&
		      WEXITSTATUS(status) == 0);
		/* It died before the old tree was aside, or between the two renames. */
		CHECK(at == 1 ? holds_generation(2) : !exists(target));
		CHECK_OK(ozr_stage_new(ctx, target, 1, OZR_FLUSH_NONE, &st, &err));
		CHECK(holds_generation(2));
		ozr_stage_abort(st);
		CHECK(hidden() == 0);
	}
	CHECK_OK(publish_generation(4, 1, OZR_FLUSH_NONE));
	CHECK(holds_generation(4) && hidden() == 0);
	remove_tree(dir);
	ozr_ctx_unref(ctx);
	ctx = rich;
}

/* --- Faults at every call -------------------------------------------------------------------- */

/* Returns 0 when there is no call number `at` of this kind. */
static int one_fault(int call, long at, int error, int replace)
{
	fresh();
	if (replace)
		CHECK_OK(publish_generation(1, 0, OZR_FLUSH_NONE));
	fault_arm(call, at, error, 0);
	int code = publish_generation(2, replace, OZR_FLUSH_CLOSE);
	int struck = fault_disarm();
	CHECK(struck || code == OZR_OK);
	CHECK(code ? (replace ? holds_generation(1) : !exists(target)) : holds_generation(2));
	CHECK(!code || (err.msg[0] && err.code == code));
	/* What was in the way of cleaning up is left to the next run. */
	CHECK_OK(publish_generation(3, 1, OZR_FLUSH_NONE));
	CHECK(holds_generation(3) && hidden() == 0);
	remove_tree(dir);
	return struck;
}

static void test_faults(void)
{
	static const int errors[] = {EIO, EACCES, ENOSPC, EMFILE};
	struct ozr_ctx_options opt = {.sys = &fault_sys};
	struct ozr_ctx *sane = ctx;
	struct ozr_stats before, after;
	CHECK_OK(ozr_ctx_new(&opt, &ctx, &err));
	ozr_ctx_stats(ctx, &before);
	for (int replace = 0; replace < 2; replace++) {
		for (int call = 0; call < FAULT_CALLS; call++)
			for (long at = 1, struck = 1; struck; at++)
				struck = one_fault(call, at, errors[at % 4], replace);
		for (long at = 1; one_fault(FAULT_LOCK, at, ENOLCK, replace); at++)
			;
	}
	ozr_ctx_stats(ctx, &after);
	CHECK(before.memory_bytes == after.memory_bytes);
	ozr_ctx_unref(ctx);
	ctx = sane;
}

int main(void)
{
	CHECK_OK(ozr_ctx_new(NULL, &ctx, &err));
	test_commit_and_abort();
	test_locked_key();
	test_names();
	test_foreign();
	test_foreign_at_commit();
	test_host_policy();
	test_remove();
	test_remove_deep();
	test_leftovers();
	test_kill();
	test_without_exchange();
	test_faults();
	ozr_ctx_unref(ctx);
	return 0;
}
