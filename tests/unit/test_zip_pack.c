/* SPDX-License-Identifier: MIT */
/*
 * Stores that are packed into archives: from a folder, memory, a part of a
 * store, another archive. What the archive has is what the store had, without
 * locks, leftovers and IFDs of a twin; metadata comes first; equal stores give equal bytes; a
 * failure leaves nothing.
 */
#include "ozr/zip.h"
#include "support/check.h"
#include "support/fault.h"

static struct ozr_err err;
static struct ozr_ctx *ctx;
static char root[PATH_MAX];

enum { VALUES = 40, LARGEST = 9 << 20 };
static unsigned char bytes[LARGEST];

static struct ozr_store *memory(struct ozr_ctx *c)
{
	struct ozr_store *s = NULL;
	CHECK_OK(ozr_store_open_mem(c, &s, &err));
	return s;
}

/* Some values are larger than what is read at once, one is empty. */
static size_t size_of(int i)
{
	return i == 3 ? 0 : i == 5 ? LARGEST : (size_t)(i * 997) % 40000;
}

static void key_of(int i, char key[64])
{
	snprintf(key, 64, i % 2 ? "%d/c/%d/%d" : "%d/c/%d-%d", i % 3, i, i % 7);
}

static void fill(struct ozr_store *s)
{
	char key[64];
	for (int i = 0; i < VALUES; i++) {
		key_of(i, key);
		CHECK_OK(ozr_store_put(s, key, bytes + i, size_of(i) - (size_of(i) ? (size_t)i : 0),
				       OZR_PUT_REPLACE, &err));
	}
	for (int i = 0; i < 3; i++) {
		snprintf(key, sizeof key, "%d/zarr.json", i);
		CHECK_OK(ozr_store_put(s, key, "{\"level\":1}", 11, OZR_PUT_REPLACE, &err));
	}
	CHECK_OK(ozr_store_put(s, "zarr.json", "{\"root\":1}", 10, OZR_PUT_REPLACE, &err));
	/* of a twin that was unpacked: offsets into another file */
	CHECK_OK(ozr_store_put(s, "OME/tiff.ifd", "offsets", 7, OZR_PUT_REPLACE, &err));
}

/* A document may have room behind it. */
static void same_text(struct ozr_store *s, const char *key, const char *want)
{
	char *text = NULL;
	size_t len;
	CHECK_OK(ozr_store_get(s, key, 1 << 20, &text, &len, NULL, &err));
	CHECK(len >= strlen(want) && memcmp(text, want, strlen(want)) == 0);
	CHECK(strspn(text + strlen(want), " ") == len - strlen(want));
	ozr_text_free(text);
}

struct counting {
	struct ozr_store *s;
	const char *prefix;
	int count;
};

static int count_child(void *arg, const char *name, int is_prefix)
{
	struct counting *c = arg;
	char key[200];
	snprintf(key, sizeof key, "%s%s%s", c->prefix, *c->prefix ? "/" : "", name);
	struct counting below = {c->s, key, 0};
	if (is_prefix)
		CHECK_OK(ozr_store_list(c->s, key, count_child, &below, &err));
	c->count += is_prefix ? below.count : 1;
	return 0;
}

static void compare(struct ozr_store *parent, const char *name)
{
	struct ozr_store *s = NULL;
	struct counting all = {.prefix = ""};
	char key[64];
	CHECK_OK(ozr_store_open_zip(parent, name, OZR_READ, &s, &err));
	for (int i = 0; i < VALUES; i++) {
		const size_t want = size_of(i) - (size_of(i) ? (size_t)i : 0);
		char *got = NULL;
		size_t len;
		key_of(i, key);
		CHECK_OK(ozr_store_get(s, key, LARGEST, &got, &len, NULL, &err));
		CHECK(len == want && memcmp(got, bytes + i, len) == 0);
		ozr_text_free(got);
	}
	same_text(s, "zarr.json", "{\"root\":1}");
	same_text(s, "2/zarr.json", "{\"level\":1}");
	all.s = s;
	CHECK_OK(ozr_store_list(s, "", count_child, &all, &err));
	CHECK(all.count == VALUES + 4);
	ozr_store_unref(s);
}

static int pack(struct ozr_store *parent, const char *name, struct ozr_store *from,
		const struct ozr_call *call)
{
	struct ozr_store *zip = NULL;
	int code = ozr_zip_create(parent, name, NULL, &zip, &err);
	if (code)
		return code;
	code = ozr_zip_pack(zip, from, call, &err);
	if (!code)
		code = ozr_zip_commit(zip, &err);
	ozr_store_unref(zip);
	return code;
}

static size_t bytes_of(struct ozr_store *s, const char *name, char **out)
{
	size_t len;
	CHECK_OK(ozr_store_get(s, name, SIZE_MAX / 2, out, &len, NULL, &err));
	return len;
}

static void test_sources(void)
{
	struct ozr_store *folder = NULL, *mem = memory(ctx), *part = NULL, *zip = NULL;
	struct ozr_store *to = memory(ctx);
	void *token = NULL;
	char *a, *b;
	CHECK(mkdir(join(root, "x.zarr"), 0777) == 0);
	CHECK_OK(ozr_store_open_dir(ctx, join(root, "x.zarr"), OZR_UPDATE, OZR_FLUSH_NONE, &folder,
				    &err));
	fill(folder);
	CHECK_OK(ozr_store_lock(folder, "zarr.json", &token, &err));
	ozr_store_unlock(folder, token);
	write_file(join(root, "x.zarr/.ozr-lock"), "", 0);
	CHECK_OK(pack(to, "folder.ozx", folder, NULL));
	compare(to, "folder.ozx");
	CHECK_OK(ozr_store_open_sub(mem, "a/b", &part, &err));
	fill(part);
	CHECK_OK(pack(to, "part.ozx", part, NULL));
	compare(to, "part.ozx");
	CHECK_OK(ozr_store_open_zip(to, "part.ozx", OZR_READ, &zip, &err));
	CHECK_OK(pack(to, "again.ozx", zip, NULL));
	compare(to, "again.ozx");
	ozr_store_unref(zip);
	/* The same values, the same bytes. */
	size_t n = bytes_of(to, "folder.ozx", &a);
	CHECK(bytes_of(to, "part.ozx", &b) == n && memcmp(a, b, n) == 0);
	/* The documents of the root and of level 0 are the beginning. */
	CHECK(memcmp(a + 30, "zarr.json", 9) == 0);
	CHECK(memmem(a, 20000, "0/zarr.json", 11) != NULL);
	ozr_text_free(a);
	ozr_text_free(b);
	ozr_store_unref(to);
	ozr_store_unref(part);
	ozr_store_unref(mem);
	ozr_store_unref(folder);
	remove_tree(join(root, "x.zarr"));
}

/* --- The caller's wishes ------------------------------------------------------------- */

struct host {
	int asked, stop_at;
	double last;
};

static int progress(void *user, double fraction)
{
	struct host *h = user;
	CHECK(fraction >= h->last && fraction <= 1);
	h->last = fraction;
	return ++h->asked == h->stop_at;
}

static int cancelled(void *user)
{
	struct host *h = user;
	return ++h->asked == h->stop_at;
}

static void test_call(void)
{
	struct ozr_store *from = memory(ctx), *to = memory(ctx);
	struct ozr_object *o = NULL;
	struct host h = {0};
	fill(from);
	struct ozr_call call = {.user = &h, .progress = progress};
	CHECK_OK(pack(to, "a.ozx", from, &call));
	CHECK(h.asked >= VALUES && h.last == 1.0);
	h = (struct host){.stop_at = 7};
	CHECK_CODE(OZR_CANCELLED, pack(to, "b.ozx", from, &call));
	h = (struct host){.stop_at = 3};
	call = (struct ozr_call){.user = &h, .cancelled = cancelled};
	CHECK_CODE(OZR_CANCELLED, pack(to, "b.ozx", from, &call));
	CHECK(strstr(err.msg, "pack 'b.ozx'"));
	CHECK_CODE(OZR_NOT_FOUND, ozr_object_open(to, "b.ozx", &o, &err));
	CHECK_CODE(OZR_BAD_ARG, ozr_zip_pack(to, from, NULL, &err)); /* no archive */
	/* A key that the archive has already. */
	struct ozr_store *zip = NULL;
	char key[64];
	key_of(4, key);
	CHECK_OK(ozr_zip_create(to, "c.ozx", NULL, &zip, &err));
	CHECK_OK(ozr_store_put(zip, key, "x", 1, OZR_PUT_REPLACE, &err));
	CHECK_CODE(OZR_UNSUPPORTED, ozr_zip_pack(zip, from, NULL, &err));
	CHECK(strstr(err.msg, key));
	ozr_store_unref(zip);
	ozr_store_unref(from);
	ozr_store_unref(to);
}

/* --- Faults ---------------------------------------------------------------------------- */

static void test_faults(void)
{
	static const char *const keys[] = {"zarr.json", "0/zarr.json", "0/c/0", "0/c/1"};
	const struct ozr_ctx_options opt = {.sys = &fault_sys};
	struct ozr_store *folder = NULL, *to = NULL;
	struct ozr_ctx *faulty = NULL;
	struct ozr_stats before, after;
	struct ozr_object *o = NULL;
	int failures = 0, struck = 1;
	CHECK(mkdir(join(root, "y.zarr"), 0777) == 0);
	CHECK_OK(ozr_ctx_new(&opt, &faulty, &err));
	CHECK_OK(ozr_store_open_dir(faulty, join(root, "y.zarr"), OZR_UPDATE, OZR_FLUSH_NONE,
				    &folder, &err));
	CHECK_OK(ozr_store_open_dir(faulty, root, OZR_UPDATE, OZR_FLUSH_NONE, &to, &err));
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		CHECK_OK(ozr_store_put(folder, keys[i], bytes, 3000, OZR_PUT_REPLACE, &err));
	CHECK_OK(pack(to, "warm.ozx", folder, NULL)); /* buffers that workers keep */
	ozr_ctx_stats(faulty, &before);
	for (int call = 0; call < FAULT_CALLS; call++) {
		for (long at = 1; at == 1 || struck; at++) {
			fault_arm(call, at, call <= FAULT_RESIZE ? ENOMEM : EIO, 0);
			const int code = pack(to, "y.ozx", folder, NULL);
			struck = fault_disarm();
			failures += code != OZR_OK;
			CHECK(struck || !code);
			CHECK(!code || (err.code == code && err.msg[0]));
			if (code) {
				CHECK_CODE(OZR_NOT_FOUND, ozr_object_open(to, "y.ozx", &o, &err));
			} else {
				CHECK_OK(ozr_store_del(to, "y.ozx", &err));
			}
			if (call != FAULT_UNLINKAT && call != FAULT_OPEN_BENEATH)
				CHECK(count_entries(root, "ozr-tmp") == 0);
		}
	}
	CHECK_OK(pack(to, "warm.ozx", folder, NULL));
	ozr_ctx_stats(faulty, &after);
	CHECK(before.memory_bytes == after.memory_bytes);
	CHECK(failures > 60);
	ozr_store_unref(folder);
	ozr_store_unref(to);
	ozr_ctx_unref(faulty);
}

int main(void)
{
	temp_dir(root);
	fill_bytes(bytes, LARGEST, 4);
	CHECK_OK(ozr_ctx_new(NULL, &ctx, &err));
	test_sources();
	test_call();
	test_faults();
	ozr_ctx_unref(ctx);
	remove_tree(root);
	return 0;
}
