/* SPDX-License-Identifier: MIT */
/*
 * One suite for all stores: memory, directory, and a part of each. What every
 * store promises is checked one by one, then random operations run against a
 * plain table of keys that knows what each value must be.
 */
#include <inttypes.h>

#include "base/sys.h"
#include "ozr/store.h"
#include "support/check.h"

static struct ozr_err err;

/* --- Helpers -------------------------------------------------------------- */

static void put(struct ozr_store *s, const char *key, const char *value)
{
	CHECK_OK(ozr_store_put(s, key, value, strlen(value), OZR_PUT_REPLACE, &err));
}

static int has(struct ozr_store *s, const char *key, const char *value)
{
	char *bytes = NULL;
	size_t len;
	CHECK_OK(ozr_store_get(s, key, 1 << 20, &bytes, &len, NULL, &err));
	int same = len == strlen(value) && memcmp(bytes, value, len + 1) == 0;
	ozr_text_free(bytes);
	return same;
}

static int missing(struct ozr_store *s, const char *key)
{
	struct ozr_object *o = NULL;
	int code = ozr_object_open(s, key, &o, &err);
	ozr_object_close(o);
	CHECK(code == OZR_OK || code == OZR_NOT_FOUND);
	CHECK(code == OZR_OK || (!o && strstr(err.msg, strrchr(key, '/') ? "/" : key)));
	return code == OZR_NOT_FOUND;
}

static uint64_t version(struct ozr_store *s, const char *key)
{
	struct ozr_object *o = NULL;
	CHECK_OK(ozr_object_open(s, key, &o, &err));
	uint64_t v = o->version;
	CHECK(v != 0);
	ozr_object_close(o);
	return v;
}

struct names {
	char text[4096];
	struct ozr_store *store; /* called back when not NULL */
	int stop_after;
};

static int add_name(void *arg, const char *name, int is_prefix)
{
	struct names *n = arg;
	size_t len = strlen(n->text);
	snprintf(n->text + len, sizeof n->text - len, "%s%s ", name, is_prefix ? "/" : "");
	if (n->store)
		put(n->store, "called/back", name);
	return n->stop_after && --n->stop_after == 0 ? OZR_CANCELLED : OZR_OK;
}

static void check_list(struct ozr_store *s, const char *prefix, const char *want)
{
	struct names n = {.stop_after = 0};
	CHECK_OK(ozr_store_list(s, prefix, add_name, &n, &err));
	if (strcmp(n.text, want) != 0)
		fprintf(stderr, "'%s' instead of '%s'\n", n.text, want);
	CHECK(strcmp(n.text, want) == 0);
}

/* --- The suite ------------------------------------------------------------ */

static void test_values(struct ozr_store *s)
{
	CHECK(missing(s, "zarr.json"));
	put(s, "zarr.json", "{}");
	CHECK(has(s, "zarr.json", "{}"));
	uint64_t first = version(s, "zarr.json");
	CHECK(version(s, "zarr.json") == first);
	put(s, "zarr.json", "{\"a\": 1}");
	CHECK(has(s, "zarr.json", "{\"a\": 1}"));
	CHECK(version(s, "zarr.json") != first);

	put(s, "c/0/1", "chunk");
	CHECK(has(s, "c/0/1", "chunk"));
	CHECK(missing(s, "c/0")); /* a prefix is no value */
	CHECK(missing(s, "c"));
	CHECK(missing(s, "c/0/1/2")); /* nor has a value children */
	put(s, "empty", "");
	CHECK(has(s, "empty", ""));

	CHECK_OK(ozr_store_put(s, "new", "1", 1, OZR_PUT_CREATE_ONLY, &err));
	CHECK_CODE(OZR_EXISTS, ozr_store_put(s, "new", "2", 1, OZR_PUT_CREATE_ONLY, &err));
	CHECK(strstr(err.msg, "new"));
	CHECK(has(s, "new", "1"));

	CHECK_OK(ozr_store_del(s, "new", &err));
	CHECK(missing(s, "new"));
	CHECK_OK(ozr_store_del(s, "new", &err));
	CHECK_OK(ozr_store_del(s, "not/there", &err));
	CHECK_OK(ozr_store_del(s, "c/0", &err));
	CHECK(has(s, "c/0/1", "chunk"));
}

static void test_get_limit(struct ozr_store *s)
{
	char *bytes = NULL;
	size_t len = 7;
	uint64_t v = 7;
	put(s, "five", "12345");
	CHECK_CODE(OZR_LIMIT, ozr_store_get(s, "five", 4, &bytes, &len, &v, &err));
	CHECK(!bytes && len == 7 && v == 7 && strstr(err.msg, "five") && strstr(err.msg, "5"));
	CHECK_OK(ozr_store_get(s, "five", 5, &bytes, &len, &v, &err));
	CHECK(len == 5 && v == version(s, "five"));
	ozr_text_free(bytes);
	CHECK_CODE(OZR_NOT_FOUND, ozr_store_get(s, "none", 5, &bytes, &len, &v, NULL));
}

static void test_ranges(struct ozr_store *s)
{
	struct ozr_object *o = NULL;
	char a[4] = "", b[4] = "", c[4] = "";
	const struct ozr_range r[] = {{6, 3}, {0, 2}, {10, 0}};
	void *const dst[] = {a, b, c};
	put(s, "digits", "0123456789");
	CHECK_OK(ozr_object_open(s, "digits", &o, &err));
	CHECK(o->size == 10);
	ozr_object_advise(o, 3, r);
	CHECK_OK(ozr_object_read(o, 3, r, dst, &err));
	CHECK(strcmp(a, "678") == 0 && strcmp(b, "01") == 0 && !*c);
	CHECK_OK(ozr_object_read(o, 0, NULL, NULL, &err));

	static const struct ozr_range bad[] = {{0, 11},         {10, 1},         {11, 0},
					       {UINT64_MAX, 1}, {1, UINT64_MAX}, {UINT64_MAX, 0}};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		const struct ozr_range two[] = {{0, 1}, bad[i]};
		a[0] = 'x';
		CHECK_CODE(OZR_CORRUPT, ozr_object_read(o, 2, two, dst, &err));
		CHECK(a[0] == 'x'); /* nothing is read before all is checked */
	}
	ozr_object_close(o);
	ozr_object_close(NULL);
}

static void test_object_keeps_version(struct ozr_store *s)
{
	struct ozr_object *o = NULL, *p = NULL;
	char got[6] = "";
	void *dst = got;
	const struct ozr_range all = {0, 5};
	put(s, "held", "older");
	CHECK_OK(ozr_object_open(s, "held", &o, &err));
	put(s, "held", "newer value");
	CHECK_OK(ozr_object_open(s, "held", &p, &err));
	CHECK(o->version != p->version && p->size == 11);
	CHECK_OK(ozr_store_del(s, "held", &err));
	CHECK_OK(ozr_object_read(o, 1, &all, &dst, &err));
	CHECK(strcmp(got, "older") == 0);
	CHECK_OK(ozr_object_read(p, 1, &all, &dst, &err));
	CHECK(strcmp(got, "newer") == 0);
	ozr_object_close(o);
	ozr_object_close(p);
}

static void test_puts(struct ozr_store *s)
{
	struct ozr_put *a = NULL, *b = NULL;
	struct ozr_placement place = {9, 9};
	put(s, "p", "old");
	CHECK_OK(ozr_put_begin(s, "p", 0, &a, &err));
	CHECK_OK(ozr_put_begin(s, "p", 6, &b, &err)); /* the last commit wins */
	CHECK_OK(ozr_put_append(a, "AA", 2, &err));
	CHECK_OK(ozr_put_append(a, "", 0, &err));
	CHECK_OK(ozr_put_append(b, "bbb", 3, &err));
	CHECK_OK(ozr_put_append(a, "A", 1, &err));
	CHECK(a->size == 3 && b->size == 3);
	CHECK(has(s, "p", "old"));
	CHECK_OK(ozr_put_commit(a, OZR_PUT_REPLACE, &place, &err));
	CHECK(place.offset == 0 && place.size == 3);
	CHECK(has(s, "p", "AAA"));
	CHECK_OK(ozr_put_commit(b, OZR_PUT_REPLACE, NULL, &err));
	CHECK(has(s, "p", "bbb"));

	CHECK_OK(ozr_put_begin(s, "p", 0, &a, &err));
	CHECK_OK(ozr_put_append(a, "never", 5, &err));
	ozr_put_abort(a);
	CHECK_OK(ozr_put_begin(s, "q/r", 0, &a, &err));
	ozr_put_abort(a);
	ozr_put_abort(NULL);
	CHECK(has(s, "p", "bbb") && missing(s, "q/r"));
	CHECK_OK(ozr_store_sync(s, &err));
}

static void test_list(struct ozr_store *s)
{
	struct names n = {.store = s};
	struct ozr_put *open = NULL;
	put(s, "l/b", "");
	put(s, "l/a/x", "");
	put(s, "l/a/y/z", "");
	put(s, "l/B", "");
	put(s, "l/10", "");
	put(s, "l/9", "");
	put(s, "l/\xc3\xa9", "");
	put(s, "l/.zattrs", "");
	put(s, "la", "");
	CHECK_OK(ozr_put_begin(s, "l/hidden", 0, &open, &err));
	check_list(s, "l", ".zattrs 10 9 B a/ b \xc3\xa9 ");
	ozr_put_abort(open);
	check_list(s, "l/a", "x y/ ");
	check_list(s, "l/a/y", "z ");
	check_list(s, "none", "");
	check_list(s, "l/b", "");
	CHECK_OK(ozr_store_list(s, "l/a", add_name, &n, &err));
	CHECK(has(s, "called/back", "y"));
	struct names stop = {.stop_after = 2};
	CHECK_CODE(OZR_CANCELLED, ozr_store_list(s, "l", add_name, &stop, &err));
	CHECK(strcmp(stop.text, ".zattrs 10 ") == 0);
}

static void test_locks(struct ozr_store *s)
{
	void *a = NULL, *b = NULL;
	CHECK_OK(ozr_store_lock(s, "c/0/0", &a, &err));
	CHECK_OK(ozr_store_lock(s, "c/0/1", &b, &err)); /* another key */
	ozr_store_unlock(s, a);
	CHECK_OK(ozr_store_lock(s, "c/0/0", &a, &err));
	ozr_store_unlock(s, b);
	ozr_store_unlock(s, a);
}

/* --- Bad keys -------------------------------------------------------------- */

static char too_long[1026], long_segment[257];

static const char *const bad_keys[] = {
	"",
	"/",
	"/a",
	"a/",
	"a//b",
	".",
	"..",
	"./a",
	"a/.",
	"a/./b",
	"../a",
	"a/..",
	"a/../b",
	"../../etc/x",
	"a\\b",
	"\\a",
	"a\nb",
	"a\tb",
	"\x01",
	"a\x7f",
	"a\x1f/b",
	"\xff",
	"a/\xc3",
	"\xc0\x80",
	"\xed\xa0\x80",
	"\xf4\x90\x80\x80",
	"c:",
	"c:/x",
	"a/C:",
	".ozr-lock",
	".ozr-tmp-1",
	"a/.ozr-lock",
	"a/.ozr-x/b",
	"//server/x",
	"a///b",
	"\xc2\x85",
	"a/..\x2f"
	"b",
	"...\\..",
	"../",
	"/../a",
	too_long,
	long_segment,
};

static void test_bad_keys(struct ozr_store *s)
{
	struct ozr_object *o = NULL;
	struct ozr_put *p = NULL;
	struct ozr_store *sub = NULL;
	struct names n = {.stop_after = 0};
	char *bytes = NULL;
	void *token = NULL;
	size_t len;
	memset(too_long, 'x', sizeof too_long - 1);
	for (size_t i = 200; i < sizeof too_long - 1; i += 200)
		too_long[i] = '/';
	memset(long_segment, 'x', sizeof long_segment - 1);
	for (size_t i = 0; i < sizeof bad_keys / sizeof *bad_keys; i++) {
		const char *k = bad_keys[i];
		CHECK_CODE(OZR_BAD_FORMAT, ozr_object_open(s, k, &o, &err));
		CHECK_CODE(OZR_BAD_FORMAT, ozr_put_begin(s, k, 0, &p, &err));
		CHECK_CODE(OZR_BAD_FORMAT, ozr_store_get(s, k, 9, &bytes, &len, NULL, &err));
		CHECK_CODE(OZR_BAD_FORMAT, ozr_store_put(s, k, "", 0, OZR_PUT_REPLACE, &err));
		CHECK_CODE(OZR_BAD_FORMAT, ozr_store_del(s, k, &err));
		CHECK_CODE(OZR_BAD_FORMAT, ozr_store_lock(s, k, &token, &err));
		if (!*k)
			continue; /* as a prefix it is the root */
		CHECK_CODE(OZR_BAD_FORMAT, ozr_store_list(s, k, add_name, &n, &err));
		CHECK_CODE(OZR_BAD_FORMAT, ozr_store_open_sub(s, k, &sub, &err));
	}
	CHECK(!o && !p && !sub && !bytes && !token && !n.text[0]);
}

/* --- Random operations against a table ------------------------------------ */

enum { KEYS = 48, HELD = 6, LARGEST = 3000 };

struct model {
	uint64_t seed[KEYS]; /* 0: no such key */
	size_t len[KEYS];
	struct {
		struct ozr_object *object;
		uint64_t seed;
		size_t len;
	} held[HELD];
	uint64_t random;
};

static const char *key_of(unsigned i)
{
	static char key[32];
	if (i < 16)
		snprintf(key, sizeof key, "v%u", i);
	else
		snprintf(key, sizeof key, "d%u/e%u/%u", i % 3, i % 5, i);
	return key;
}

static void random_put(struct ozr_store *s, struct model *m, unsigned i)
{
	unsigned char bytes[LARGEST];
	struct ozr_put *p = NULL;
	uint64_t seed = next_random(&m->random) | 1;
	size_t len = next_random(&m->random) % LARGEST;
	int create_only = next_random(&m->random) % 4 == 0;
	fill_bytes(bytes, len, seed);
	CHECK_OK(ozr_put_begin(s, key_of(i), len, &p, &err));
	for (size_t at = 0, n; at < len; at += n) {
		n = 1 + next_random(&m->random) % (len - at);
		CHECK_OK(ozr_put_append(p, bytes + at, n, &err));
	}
	if (next_random(&m->random) % 8 == 0) {
		ozr_put_abort(p);
		return;
	}
	int code =
		ozr_put_commit(p, create_only ? OZR_PUT_CREATE_ONLY : OZR_PUT_REPLACE, NULL, &err);
	CHECK_CODE(create_only && m->seed[i] ? OZR_EXISTS : OZR_OK, code);
	if (code)
		return;
	m->seed[i] = seed;
	m->len[i] = len;
}

static void check_object(struct ozr_object *o, uint64_t seed, size_t len, uint64_t *random)
{
	unsigned char want[LARGEST], got[LARGEST];
	CHECK(o->size == len);
	uint64_t from = next_random(random) % (len + 1), n = next_random(random) % (len - from + 1);
	const struct ozr_range r[] = {{from, n}, {0, from}};
	void *const dst[] = {got + from, got};
	fill_bytes(want, len, seed);
	CHECK_OK(ozr_object_read(o, 2, r, dst, &err));
	CHECK(memcmp(want, got, from + n) == 0);
}

static void random_open(struct ozr_store *s, struct model *m, unsigned i)
{
	struct ozr_object *o = NULL;
	unsigned h = next_random(&m->random) % HELD;
	CHECK_CODE(m->seed[i] ? OZR_OK : OZR_NOT_FOUND, ozr_object_open(s, key_of(i), &o, &err));
	if (!o)
		return;
	check_object(o, m->seed[i], m->len[i], &m->random);
	ozr_object_close(m->held[h].object);
	m->held[h].object = o;
	m->held[h].seed = m->seed[i];
	m->held[h].len = m->len[i];
}

struct children {
	unsigned values, prefixes;
	char last[64];
};

static int count_child(void *arg, const char *name, int is_prefix)
{
	struct children *c = arg;
	CHECK(strcmp(c->last, name) < 0);
	snprintf(c->last, sizeof c->last, "%s", name);
	c->values += !is_prefix;
	c->prefixes += is_prefix != 0;
	return 0;
}

static void check_lists(struct ozr_store *s, const struct model *m)
{
	struct children root = {.values = 0};
	unsigned top = 0, below = 0, seen = 0;
	for (unsigned i = 0; i < KEYS; i++)
		*(i < 16 ? &top : &below) += m->seed[i] != 0;
	CHECK_OK(ozr_store_list(s, "", count_child, &root, &err));
	CHECK(root.values == top && root.prefixes <= 3);
	for (unsigned d = 0; d < 3; d++) {
		for (unsigned e = 0; e < 5; e++) {
			char prefix[16];
			struct children c = {.values = 0};
			snprintf(prefix, sizeof prefix, "d%u/e%u", d, e);
			CHECK_OK(ozr_store_list(s, prefix, count_child, &c, &err));
			seen += c.values;
		}
	}
	CHECK(seen == below);
}

static void test_random(struct ozr_store *s, unsigned steps)
{
	struct model m = {.random = steps};
	for (unsigned step = 0; step < steps; step++) {
		unsigned i = next_random(&m.random) % KEYS, h = next_random(&m.random) % HELD;
		switch (next_random(&m.random) % 8) {
		case 0:
			CHECK_OK(ozr_store_del(s, key_of(i), &err));
			m.seed[i] = 0;
			break;
		case 1:
		case 2:
			random_put(s, &m, i);
			break;
		case 3:
			if (m.held[h].object)
				check_object(m.held[h].object, m.held[h].seed, m.held[h].len,
					     &m.random);
			break;
		case 4:
			if (step % 16 == 0)
				check_lists(s, &m);
			break;
		default:
			random_open(s, &m, i);
		}
	}
	for (unsigned h = 0; h < HELD; h++)
		ozr_object_close(m.held[h].object);
}

/* --- All stores ----------------------------------------------------------- */

static void suite(struct ozr_store *s, unsigned steps)
{
	struct ozr_store *fresh = NULL;
	CHECK_OK(ozr_store_open_sub(s, "random", &fresh, &err));
	test_random(fresh, steps);
	CHECK_OK(ozr_store_sync(fresh, &err));
	ozr_store_unref(fresh);
	test_values(s);
	test_get_limit(s);
	test_ranges(s);
	test_object_keeps_version(s);
	test_puts(s);
	test_list(s);
	test_locks(s);
	test_bad_keys(s);
}

static void test_sub(struct ozr_store *s)
{
	struct ozr_store *a = NULL, *b = NULL, *root = NULL;
	char deep[1020];
	CHECK_OK(ozr_store_open_sub(s, "x", &a, &err));
	CHECK_OK(ozr_store_open_sub(a, "y/z", &b, &err));
	put(b, "k", "deep");
	CHECK(has(s, "x/y/z/k", "deep") && has(a, "y/z/k", "deep"));
	check_list(a, "", "y/ ");
	check_list(b, "", "k ");
	CHECK(memcmp(a->identity, b->identity, sizeof a->identity) != 0);
	CHECK(memcmp(a->identity, s->identity, sizeof a->identity) != 0);
	CHECK(strstr(b->location, "x/y/z"));
	CHECK_OK(ozr_store_open_sub(s, "", &root, &err));
	CHECK(has(root, "x/y/z/k", "deep"));
	ozr_store_unref(root);
	/* A key that is good alone may be too long together. */
	memset(deep, 'x', sizeof deep);
	for (size_t i = 200; i < sizeof deep; i += 200)
		deep[i] = '/';
	deep[sizeof deep - 1] = 0;
	struct ozr_object *o = NULL;
	CHECK_CODE(OZR_NOT_FOUND, ozr_object_open(s, deep, &o, &err));
	CHECK_CODE(OZR_BAD_FORMAT, ozr_object_open(b, deep, &o, &err));
	ozr_store_unref(a); /* b holds on to it */
	CHECK(has(b, "k", "deep"));
	suite(b, 300);
	ozr_store_unref(b);
}

static void test_mem_stores_differ(struct ozr_ctx *ctx)
{
	struct ozr_store *a = NULL, *b = NULL;
	CHECK_OK(ozr_store_open_mem(ctx, &a, &err));
	CHECK_OK(ozr_store_open_mem(ctx, &b, &err));
	CHECK(memcmp(a->identity, b->identity, sizeof a->identity) != 0);
	put(a, "k", "a");
	CHECK(missing(b, "k"));
	ozr_store_unref(a);
	ozr_store_unref(b);
	ozr_store_unref(NULL);
}

/* So that files are old enough for their versions to last. */
static int64_t in_a_while(void)
{
	return ozr_sys_real.now_ns() + INT64_C(10000000000);
}

int main(void)
{
	char path[PATH_MAX];
	struct ozr_sys sys = ozr_sys_real;
	struct ozr_ctx_options opt = {.sys = &sys};
	struct ozr_ctx *ctx = NULL;
	struct ozr_store *s = NULL;
	struct ozr_stats stats;
	sys.now_ns = in_a_while;
	CHECK_OK(ozr_ctx_new(&opt, &ctx, &err));

	CHECK_OK(ozr_store_open_mem(ctx, &s, &err));
	suite(s, 20000);
	test_sub(s);
	ozr_store_unref(s);
	test_mem_stores_differ(ctx);

	for (int durability = OZR_FLUSH_NONE; durability <= OZR_FLUSH_EACH; durability++) {
		temp_dir(path);
		CHECK_OK(ozr_store_open_dir(ctx, path, OZR_UPDATE, durability, &s, &err));
		suite(s, durability == OZR_FLUSH_NONE ? 6000 : 300);
		test_sub(s);
		ozr_store_unref(s);
		remove_tree(path);
	}
	ozr_ctx_stats(ctx, &stats);
	CHECK(stats.objects_opened > 0 && stats.bytes_read > 0);
	ozr_ctx_unref(ctx);
	return 0;
}
