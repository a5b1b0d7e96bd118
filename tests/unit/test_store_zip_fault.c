/* SPDX-License-Identifier: MIT */
/*
 * Zip archives when the system says no: every system call and every allocation
 * of making one, and of reading one, fails in turn. An archive is there whole or
 * the old one is; nothing else is left; nothing leaks; a reader gets an error
 * or the right bytes, and never hears that a key is missing.
 */
#include "ozr/zip.h"
#include "support/check.h"
#include "support/fault.h"

static struct ozr_err err;
static struct ozr_ctx *ctx;
static char root[PATH_MAX];

enum { BYTES = 70000, OLD = 3 };
static unsigned char value[BYTES];

/* --- What is done ---------------------------------------------------------------- */

static int fill(struct ozr_store *z)
{
	struct ozr_put *a = NULL, *b = NULL;
	int code = ozr_store_put(z, "0/zarr.json", "{}", 2, OZR_PUT_REPLACE, &err);
	if (!code)
		code = ozr_put_begin(z, "0/c/a", 0, &a, &err);
	if (!code)
		code = ozr_put_begin(z, "0/c/b", 0, &b, &err);
	if (!code)
		code = ozr_put_append(a, value, BYTES, &err);
	if (!code)
		code = ozr_put_append(b, value, 1000, &err);
	if (!code) {
		code = ozr_put_commit(b, OZR_PUT_REPLACE, NULL, &err); /* waits for a */
		b = NULL;
	}
	if (!code) {
		code = ozr_put_commit(a, OZR_PUT_REPLACE, NULL, &err);
		a = NULL;
	}
	ozr_put_abort(b);
	ozr_put_abort(a);
	if (!code)
		code = ozr_store_put(z, "zarr.json", "{\"root\":1}", 10, OZR_PUT_REPLACE, &err);
	return code;
}

/* Puts of the parent can be patched, or not: then the archive is made in a scratch file. */
static int make(int appends_only)
{
	struct ozr_store *folder = NULL, *z = NULL;
	struct ozr_store_ops poor;
	int code = ozr_store_open_dir(ctx, root, OZR_UPDATE, OZR_FLUSH_EACH, &folder, &err);
	if (code)
		return code;
	const struct ozr_store_ops *rich = folder->ops;
	poor = *rich;
	poor.put_patch = NULL;
	if (appends_only)
		folder->ops = &poor;
	code = ozr_zip_create(folder, "x.ozx", NULL, &z, &err);
	if (!code)
		code = fill(z);
	if (!code)
		code = ozr_zip_commit(z, &err);
	ozr_store_unref(z);
	folder->ops = rich;
	ozr_store_unref(folder);
	return code;
}

static int make_file(int unused)
{
	struct ozr_store *z = NULL;
	(void)unused;
	int code = ozr_zip_create_file(ctx, join(root, "x.ozx"), NULL, OZR_FLUSH_CLOSE, &z, &err);
	if (!code)
		code = fill(z);
	if (!code)
		code = ozr_zip_commit(z, &err);
	ozr_store_unref(z);
	return code;
}

static int check_value(struct ozr_store *s, const char *key, size_t size)
{
	char *bytes = NULL;
	size_t len;
	int code = ozr_store_get(s, key, BYTES, &bytes, &len, NULL, &err);
	CHECK(code || (len == size && memcmp(bytes, value, size) == 0));
	ozr_text_free(bytes);
	return code;
}

static int nothing(void *arg, const char *name, int is_prefix)
{
	(void)arg, (void)name, (void)is_prefix;
	return 0;
}

static int use(int unused)
{
	struct ozr_store *s = NULL;
	(void)unused;
	int code = ozr_store_open_zip_file(ctx, join(root, "x.ozx"), OZR_READ, &s, &err);
	if (!code)
		code = check_value(s, "0/c/a", BYTES);
	if (!code)
		code = check_value(s, "0/c/b", 1000);
	if (!code)
		code = ozr_store_list(s, "", nothing, NULL, &err);
	ozr_store_unref(s);
	return code;
}

/* --- Before and after ---------------------------------------------------------------- */

struct scenario {
	const char *name;
	int (*run)(int arg);
	int arg, reads;
};

static const struct scenario scenarios[] = {
	{"make", make, 0, 0},
	{"make from scratch", make, 1, 0},
	{"make a file", make_file, 0, 0},
	{"read", use, 0, 1},
};

static unsigned char archive[1 << 20];
static size_t archive_len;

static void begin(const struct scenario *sc)
{
	quick_temp_dir(root);
	write_file(join(root, "x.ozx"), sc->reads ? archive : (const unsigned char *)"old",
		   sc->reads ? archive_len : OLD);
}

static void look(const struct scenario *sc, int code)
{
	static unsigned char got[sizeof archive];
	ssize_t n = read_file(join(root, "x.ozx"), got, sizeof got);
	const int is_new = (size_t)n == archive_len && memcmp(got, archive, archive_len) == 0;
	CHECK(is_new || (n == OLD && memcmp(got, "old", OLD) == 0));
	CHECK(code || is_new || sc->reads);
}

static int one(const struct scenario *sc, int call, long at, int error, int sticky)
{
	struct ozr_stats before, after;
	begin(sc);
	ozr_ctx_stats(ctx, &before);
	err = (struct ozr_err){.code = OZR_OK};
	fault_arm(call, at, error, sticky);
	int code = sc->run(sc->arg);
	int struck = fault_disarm();
	if ((!struck && code) ||
	    (code && (code == OZR_NOT_FOUND || err.code != code || !err.msg[0]))) {
		fprintf(stderr, "%s: call %d number %ld error %d: %d '%s'\n", sc->name, call, at,
			error, code, err.msg);
		CHECK(0);
	}
	if (struck && call <= FAULT_RESIZE)
		CHECK_CODE(OZR_NO_MEMORY, code);
	if (struck && !sticky && (error == EINTR || error == FAULT_SHORT) &&
	    (call == FAULT_PREAD || call == FAULT_PWRITE))
		CHECK_OK(code);
	look(sc, code);
	if (!sticky && call != FAULT_UNLINKAT && call != FAULT_OPEN_BENEATH)
		CHECK(count_entries(root, "") == 1);
	ozr_ctx_stats(ctx, &after);
	CHECK(before.memory_bytes == after.memory_bytes);
	remove_tree(root);
	return struck;
}

static void sweep(const struct scenario *sc)
{
	static const int errors[] = {ENOSPC, EIO, EACCES, EINTR};
	for (int call = 0; call < FAULT_CALLS; call++) {
		const int memory = call <= FAULT_RESIZE;
		for (long at = 1; one(sc, call, at, memory ? ENOMEM : EIO, 0); at++) {
			one(sc, call, at, memory ? ENOMEM : EIO, 1);
			for (size_t e = 0; !memory && e < sizeof errors / sizeof *errors; e++)
				one(sc, call, at, errors[e], 0);
			if (call == FAULT_PREAD || call == FAULT_PWRITE)
				one(sc, call, at, FAULT_SHORT, 0);
		}
	}
}

int main(void)
{
	struct ozr_ctx_options opt = {.sys = &fault_sys};
	fill_bytes(value, BYTES, 5);
	CHECK_OK(ozr_ctx_new(&opt, &ctx, &err));
	quick_temp_dir(root);
	CHECK_OK(make(0));
	archive_len = (size_t)read_file(join(root, "x.ozx"), archive, sizeof archive);
	CHECK(archive_len > BYTES && archive_len < sizeof archive);
	remove_tree(root);
	for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
		sweep(&scenarios[i]);
	ozr_ctx_unref(ctx);
	return 0;
}
