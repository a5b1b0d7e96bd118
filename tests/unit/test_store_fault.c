/* SPDX-License-Identifier: MIT */
/*
 * The directory store when the system says no. Each scenario runs once to count
 * its system calls; then every call of every kind fails in turn, with each of a
 * list of errors, once and for good. Afterwards the files are looked at with
 * plain reads: each key holds its whole old value or its whole new one, a
 * reported success is true, and no temporary file is left that could have been
 * removed. The same for every allocation, over all kinds of stores.
 */
#include "ozr/store.h"
#include "support/check.h"
#include "support/fault.h"

static struct ozr_err err;
static struct ozr_ctx *ctx;
static char root[PATH_MAX];

enum { BYTES = 5000 };
static unsigned char old_value[BYTES], new_value[BYTES];

struct scenario {
	const char *name;
	int durability;
	/* The operation; *s is open. Puts that failed must have been ended. */
	int (*run)(struct ozr_store *s);
	const char *key; /* which it changes from old_value to new_value; NULL: none */
	int starts_new;  /* the key is not there before */
	int ends;        /* 1: the new value is there afterwards; 0: the key is gone */
	int crowded;     /* so many puts are open that another opens its file each time */
};

/* --- Scenarios --------------------------------------------------------------- */

static int put_parts(struct ozr_store *s, const char *key, enum ozr_put_mode mode)
{
	struct ozr_put *p = NULL;
	int code = ozr_put_begin(s, key, BYTES, &p, &err);
	if (!code)
		code = ozr_put_append(p, new_value, 1000, &err);
	if (!code)
		code = ozr_put_append(p, new_value + 1000, BYTES - 1000, &err);
	if (!code)
		return ozr_put_commit(p, mode, NULL, &err);
	/* A put whose append failed may not be committed either. */
	if (p && code == OZR_IO) {
		struct ozr_err second;
		CHECK(ozr_put_commit(p, mode, NULL, &second) != OZR_OK);
	} else {
		ozr_put_abort(p);
	}
	return code;
}

static int replace(struct ozr_store *s)
{
	return put_parts(s, "a/old", OZR_PUT_REPLACE);
}

static int create_deep(struct ozr_store *s)
{
	return put_parts(s, "x/y/z/new", OZR_PUT_CREATE_ONLY);
}

static int replace_and_sync(struct ozr_store *s)
{
	int code = put_parts(s, "a/old", OZR_PUT_REPLACE);
	return code ? code : ozr_store_sync(s, &err);
}

static int erase(struct ozr_store *s)
{
	return ozr_store_del(s, "a/old", &err);
}

static int get(struct ozr_store *s)
{
	char *bytes = NULL;
	size_t len;
	int code = ozr_store_get(s, "a/old", BYTES, &bytes, &len, NULL, &err);
	CHECK(code || (len == BYTES && memcmp(bytes, old_value, BYTES) == 0));
	ozr_text_free(bytes);
	return code;
}

static int count_names(void *arg, const char *name, int is_prefix)
{
	CHECK(is_prefix ? strcmp(name, "a") == 0 : strcmp(name, "link") == 0);
	++*(int *)arg;
	return 0;
}

static int list(struct ozr_store *s)
{
	int names = 0;
	int code = ozr_store_list(s, "", count_names, &names, &err);
	CHECK(code || names == 2);
	return code;
}

static int lock(struct ozr_store *s)
{
	void *token = NULL;
	int code = ozr_store_lock(s, "a/old", &token, &err);
	if (!code)
		ozr_store_unlock(s, token);
	return code;
}

static int open_again(struct ozr_store *s)
{
	struct ozr_store *again = NULL;
	(void)s;
	int code = ozr_store_open_dir(ctx, root, OZR_UPDATE, OZR_FLUSH_NONE, &again, &err);
	ozr_store_unref(again);
	return code;
}

static const struct scenario scenarios[] = {
	{"replace", OZR_FLUSH_NONE, replace, "a/old", 0, 1, 0},
	{"replace, flushed", OZR_FLUSH_EACH, replace, "a/old", 0, 1, 0},
	{"create", OZR_FLUSH_NONE, create_deep, "x/y/z/new", 1, 1, 0},
	{"create, flushed", OZR_FLUSH_EACH, create_deep, "x/y/z/new", 1, 1, 0},
	{"replace, crowded", OZR_FLUSH_EACH, replace, "a/old", 0, 1, 1},
	{"replace, synced", OZR_FLUSH_CLOSE, replace_and_sync, "a/old", 0, 1, 0},
	{"delete", OZR_FLUSH_NONE, erase, "a/old", 0, 0, 0},
	{"delete, flushed", OZR_FLUSH_EACH, erase, "a/old", 0, 0, 0},
	{"get", OZR_FLUSH_NONE, get, NULL, 0, 0, 0},
	{"list", OZR_FLUSH_NONE, list, NULL, 0, 0, 0},
	{"lock", OZR_FLUSH_NONE, lock, NULL, 0, 0, 0},
	{"open", OZR_FLUSH_NONE, open_again, NULL, 0, 0, 0},
};

/* --- Before and after ---------------------------------------------------------- */

enum { CROWD = 128 };
static struct ozr_put *crowd[CROWD];

static struct ozr_store *begin(const struct scenario *sc)
{
	struct ozr_store *s = NULL;
	quick_temp_dir(root);
	CHECK(mkdir(join(root, "a"), 0777) == 0);
	write_file(join(root, "a/old"), old_value, BYTES);
	CHECK(symlink("a/old", join(root, "link")) == 0);
	CHECK_OK(ozr_store_open_dir(ctx, root, OZR_UPDATE, sc->durability, &s, &err));
	for (int i = 0; sc->crowded && i < CROWD; i++)
		CHECK_OK(ozr_put_begin(s, "crowd/key", 0, &crowd[i], &err));
	return s;
}

static void end(const struct scenario *sc, struct ozr_store *s)
{
	for (int i = 0; sc->crowded && i < CROWD; i++)
		ozr_put_abort(crowd[i]);
	ozr_store_unref(s);
	remove_tree(root);
}

enum state { NONE, OLD, NEW };

static enum state look(const char *key)
{
	unsigned char got[BYTES + 1];
	ssize_t n = read_file(join(root, key), got, sizeof got);
	if (n < 0)
		return NONE;
	CHECK(n == BYTES);
	CHECK(memcmp(got, old_value, BYTES) == 0 || memcmp(got, new_value, BYTES) == 0);
	return memcmp(got, old_value, BYTES) == 0 ? OLD : NEW;
}

static int temps_below(const char *path)
{
	int n = count_entries(path, ".ozr-tmp-");
	DIR *dir = opendir(path);
	for (const struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
		char below[PATH_MAX];
		snprintf(below, sizeof below, "%s", join(path, e->d_name));
		if (e->d_type == DT_DIR && e->d_name[0] != '.')
			n += temps_below(below);
	}
	if (dir)
		closedir(dir);
	return n;
}

static void check_disk(const struct scenario *sc, int code)
{
	if (!sc->key) {
		CHECK(look("a/old") == OLD);
		return;
	}
	enum state now = look(sc->key), before = sc->starts_new ? NONE : OLD,
		   after = sc->ends ? NEW : NONE;
	CHECK(now == before || now == after);
	CHECK(code || now == after);
}

/* --- System calls ----------------------------------------------------------------- */

/* Interrupted and short transfers are no errors. */
static int must_succeed(int call, int error)
{
	if (error == FAULT_SHORT)
		return call == FAULT_PREAD || call == FAULT_PWRITE;
	return error == EINTR &&
	       (call == FAULT_PREAD || call == FAULT_PWRITE || call == FAULT_OPEN_BENEATH ||
		call == FAULT_FSYNC || call == FAULT_FDATASYNC || call == FAULT_SYNCFS);
}

/* Returns 0 when the scenario has no call number `at` of this kind. */
static int one_fault(const struct scenario *sc, int call, long at, int error, int sticky)
{
	struct ozr_store *s = begin(sc);
	err.code = OZR_OK;
	err.msg[0] = 0;
	fault_arm(call, at, error, sticky);
	int code = sc->run(s);
	int struck = fault_disarm();
	if (code && (code == OZR_NOT_FOUND || err.code != code || !err.msg[0])) {
		fprintf(stderr, "%s: call %d number %ld error %d: %d '%s'\n", sc->name, call, at,
			error, code, err.msg);
		CHECK(0);
	}
	CHECK(struck || code == OZR_OK);
	if (struck && !sticky && must_succeed(call, error))
		CHECK_OK(code);
	check_disk(sc, code);
	/* What blocks the removal itself may leave a temporary file. */
	if (!sticky && call != FAULT_UNLINKAT)
		CHECK(temps_below(root) == (sc->crowded ? CROWD : 0) || call == FAULT_OPEN_BENEATH);
	/* Nothing is stuck: the same store goes on. */
	CHECK_OK(put_parts(s, "later", OZR_PUT_REPLACE));
	CHECK(look("later") == NEW);
	end(sc, s);
	return struck;
}

static void sweep_calls(const struct scenario *sc)
{
	static const int errors[] = {ENOSPC, EIO, EMFILE, EACCES, EINTR, EDQUOT};
	for (int call = FAULT_RESIZE + 1; call < FAULT_CALLS; call++) {
		int transfer = call == FAULT_PREAD || call == FAULT_PWRITE;
		for (long at = 1; one_fault(sc, call, at, EIO, 0); at++) {
			for (size_t e = 0; e < sizeof errors / sizeof *errors; e++) {
				one_fault(sc, call, at, errors[e], 0);
				if (errors[e] != EINTR) /* for ever would be for ever */
					one_fault(sc, call, at, errors[e], 1);
			}
			if (transfer) {
				one_fault(sc, call, at, FAULT_SHORT, 0);
				one_fault(sc, call, at, FAULT_SHORT, 1);
			}
		}
	}
}

/* A missing file is "not found" only where a key is opened. */
static void test_enoent(void)
{
	static const int calls[] = {FAULT_PREAD, FAULT_PWRITE, FAULT_FSTAT, FAULT_RENAMEAT2,
				    FAULT_CLOSE};
	for (size_t sc = 0; sc < sizeof scenarios / sizeof *scenarios; sc++)
		for (size_t c = 0; c < sizeof calls / sizeof *calls; c++)
			one_fault(&scenarios[sc], calls[c], 1, ENOENT, 0);
}

/* File systems that know less: no rename flags, no links, no locks, no directory flush. */
static void test_poor_file_systems(void)
{
	struct ozr_store *s = begin(&scenarios[3]);
	void *token = NULL;
	fault_arm(FAULT_RENAMEAT2, 1, EINVAL, 0);
	CHECK_OK(create_deep(s));
	CHECK(fault_disarm() && look("x/y/z/new") == NEW);
	fault_arm(FAULT_RENAMEAT2, 1, EINVAL, 0);
	CHECK_CODE(OZR_EXISTS, create_deep(s));
	fault_arm(FAULT_RENAMEAT2, 1, ENOSYS, 0);
	CHECK_CODE(OZR_EXISTS, ozr_store_put(s, "a/old", "", 0, OZR_PUT_CREATE_ONLY, &err));
	CHECK(look("a/old") == OLD && temps_below(root) == 0);
	fault_arm(FAULT_FSYNC, 1, EINVAL, 1);
	CHECK_OK(replace(s));
	CHECK(fault_disarm());
	static const int none[] = {ENOLCK, EINVAL, EOPNOTSUPP, ENOSYS};
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		fault_arm(FAULT_LOCK, 1, none[i], 0);
		CHECK_CODE(OZR_UNSUPPORTED, ozr_store_lock(s, "a/old", &token, &err));
		CHECK(fault_disarm());
	}
	ozr_store_unref(s);
	remove_tree(root);
}

/* sync() that failed has not happened: the next one does it. */
static void test_sync_again(void)
{
	struct ozr_store *s = begin(&scenarios[5]);
	CHECK_OK(replace(s));
	fault_arm(FAULT_SYNCFS, 1, EIO, 0);
	CHECK_CODE(OZR_IO, ozr_store_sync(s, &err));
	CHECK_OK(ozr_store_sync(s, &err));
	CHECK(fault.seen[FAULT_SYNCFS] == 2);
	CHECK_OK(ozr_store_sync(s, &err));
	CHECK(fault.seen[FAULT_SYNCFS] == 2); /* nothing was written since */
	fault_disarm();
	ozr_store_unref(s);
	remove_tree(root);
}

/* The bytes were accepted and then lost: flushing or closing says so, and the old value stays. */
static void test_late_errors(void)
{
	for (int crowded = 0; crowded < 2; crowded++) {
		const struct scenario *sc = &scenarios[crowded ? 4 : 1];
		struct ozr_store *s = begin(sc);
		struct ozr_put *p = NULL;
		for (int call = 0; call < 2; call++) {
			CHECK_OK(ozr_put_begin(s, "a/old", 0, &p, &err));
			CHECK_OK(ozr_put_append(p, new_value, BYTES, &err));
			fault_arm(call ? FAULT_CLOSE : FAULT_FDATASYNC, 1, EIO, 0);
			CHECK_CODE(OZR_IO, ozr_put_commit(p, OZR_PUT_REPLACE, NULL, &err));
			CHECK(fault_disarm() && look("a/old") == OLD);
			CHECK(count_entries(join(root, "a"), "") == 1);
		}
		end(sc, s);
	}
}

/* A read that goes stale is a change, not an I/O error and not a missing chunk. */
static void test_stale(void)
{
	struct ozr_store *s = begin(&scenarios[0]);
	fault_arm(FAULT_PREAD, 1, ESTALE, 0);
	CHECK_CODE(OZR_CHANGED, get(s));
	fault_disarm();
	ozr_store_unref(s);
	remove_tree(root);
}

/* --- Memory ------------------------------------------------------------------------- */

static int one_name(void *arg, const char *name, int is_prefix)
{
	CHECK(!is_prefix && strcmp(name, "d") == 0);
	++*(int *)arg;
	return 0;
}

/* One of each operation, through a part of the store. */
static int everything(struct ozr_store *s)
{
	struct ozr_store *sub = NULL;
	char *bytes = NULL;
	size_t len;
	void *token = NULL;
	int names = 0;
	int code = ozr_store_open_sub(s, "b", &sub, &err);
	if (!code)
		code = put_parts(sub, "c/d", OZR_PUT_REPLACE);
	if (!code)
		code = ozr_store_get(s, "b/c/d", BYTES, &bytes, &len, NULL, &err);
	CHECK(code || memcmp(bytes, new_value, BYTES) == 0);
	ozr_text_free(bytes);
	if (!code)
		code = ozr_store_list(sub, "c", one_name, &names, &err);
	CHECK(code || names == 1);
	if (!code)
		code = ozr_store_lock(sub, "c/d", &token, &err);
	if (!code)
		ozr_store_unlock(sub, token);
	if (!code)
		code = ozr_store_del(sub, "c/d", &err);
	ozr_store_unref(sub);
	return code;
}

static int open_and_use(int in_memory)
{
	struct ozr_store *s = NULL;
	int code = in_memory ? ozr_store_open_mem(ctx, &s, &err)
			     : ozr_store_open_dir(ctx, root, OZR_UPDATE, OZR_FLUSH_NONE, &s, &err);
	if (!code)
		code = everything(s);
	ozr_store_unref(s);
	return code;
}

/* Allocation number `at` fails, once or from then on: an error, no leak, and no mark on the disk
 * but empty directories. */
static void sweep_memory(int in_memory)
{
	struct ozr_stats before, after;
	for (int call = FAULT_ALLOC; call <= FAULT_RESIZE; call++) {
		for (int sticky = 0; sticky < 2; sticky++) {
			for (long at = 1, struck = 1; struck; at++) {
				quick_temp_dir(root);
				ozr_ctx_stats(ctx, &before);
				fault_arm(call, at, ENOMEM, sticky);
				int code = open_and_use(in_memory);
				struck = fault_disarm();
				CHECK_CODE(struck ? OZR_NO_MEMORY : OZR_OK, code);
				ozr_ctx_stats(ctx, &after);
				CHECK(before.memory_bytes == after.memory_bytes);
				CHECK(temps_below(root) == 0 && look("b/c/d") != OLD);
				remove_tree(root);
			}
		}
	}
}

int main(void)
{
	struct ozr_ctx_options opt = {.sys = &fault_sys};
	fill_bytes(old_value, BYTES, 1);
	fill_bytes(new_value, BYTES, 2);
	CHECK_OK(ozr_ctx_new(&opt, &ctx, &err));
	for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
		sweep_calls(&scenarios[i]);
	test_enoent();
	test_poor_file_systems();
	test_sync_again();
	test_late_errors();
	test_stale();
	sweep_memory(0);
	sweep_memory(1);
	ozr_ctx_unref(ctx);
	return 0;
}
