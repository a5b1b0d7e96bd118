/* SPDX-License-Identifier: MIT */
/* The key grammar: what is a key, what is not, and joining. */
#include "base/key.h"
#include "support/check.h"

static const char *const good[] = {
	"a",   "zarr.json", "0/c/1/2",  "0.1.2", ".zarray", "a b", "caf\xc3\xa9/\xf0\x9f\x98\x80",
	"...", "..a",       "a..",      ".ozr",  "ozr-x",   "c:x", "cc:",
	"1:",  "a/.zgroup", "\xc2\xa0",
};

static const char *const bad[] = {
	"",
	"/",
	"/a",
	"a/",
	"a//b",
	".",
	"..",
	"a/.",
	"a/..",
	"../a",
	"a/../b",
	"./a",
	"a\\b",
	"a\nb",
	"\x7f",
	"a\x1f",
	"c:",
	"C:/x",
	"a/z:",
	".ozr-",
	".ozr-1/x",
	"a/.ozr-lock",
	"\xff",
	"\xc3",
	"a\xc0\xaf"
	"b",
	"\xed\xa0\x80",
	"\xf4\x90\x80\x80",
	"\xc2\x85",
};

static void test_tables(void)
{
	struct ozr_err err;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CHECK_OK(ozr_key_check(good[i], &err));
		CHECK_OK(ozr_prefix_check(good[i], &err));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_CODE(OZR_BAD_FORMAT, ozr_key_check(bad[i], &err));
		CHECK(strstr(err.msg, "key '") == err.msg);
		if (*bad[i])
			CHECK_CODE(OZR_BAD_FORMAT, ozr_prefix_check(bad[i], &err));
		CHECK(ozr_key_check(bad[i], NULL) == OZR_BAD_FORMAT);
	}
	CHECK_OK(ozr_prefix_check("", &err));
}

/* A key of n bytes with a '/' after every 200. */
static void make_key(char *key, size_t n)
{
	for (size_t i = 0; i < n; i++)
		key[i] = i % 201 == 200 && i + 1 < n ? '/' : 'k';
	key[n] = 0;
}

static void test_lengths(void)
{
	char key[1100];
	struct ozr_err err;

	make_key(key, OZR_KEY_MAX);
	CHECK_OK(ozr_key_check(key, &err));
	make_key(key, OZR_KEY_MAX + 1);
	CHECK_CODE(OZR_BAD_FORMAT, ozr_key_check(key, &err));
	memset(key, 's', 256);
	key[255] = 0;
	CHECK_OK(ozr_key_check(key, &err));
	key[255] = 's';
	key[256] = 0;
	CHECK_CODE(OZR_BAD_FORMAT, ozr_key_check(key, &err));
}

static void test_join(void)
{
	struct {
		char out[OZR_KEY_MAX + 1];
		char guard;
	} room = {.guard = 'G'};
	char long_key[OZR_KEY_MAX + 10];
	struct ozr_err err;

	CHECK_OK(ozr_key_join(room.out, "a/b", "c/0", &err));
	CHECK(strcmp(room.out, "a/b/c/0") == 0);
	CHECK_OK(ozr_key_join(room.out, "", "zarr.json", &err));
	CHECK(strcmp(room.out, "zarr.json") == 0);

	/* On failure the output is as it was. */
	CHECK_CODE(OZR_BAD_FORMAT, ozr_key_join(room.out, "a", "../b", &err));
	CHECK_CODE(OZR_BAD_FORMAT, ozr_key_join(room.out, "a", "", &err));
	CHECK_CODE(OZR_BAD_FORMAT, ozr_key_join(room.out, "a", "/b", &err));
	CHECK_CODE(OZR_BAD_FORMAT, ozr_key_join(room.out, "a/", "b", &err));
	CHECK(strcmp(room.out, "zarr.json") == 0);

	make_key(long_key, OZR_KEY_MAX - 2);
	CHECK_OK(ozr_key_join(room.out, long_key, "x", &err));
	CHECK(strlen(room.out) == OZR_KEY_MAX);
	CHECK_CODE(OZR_BAD_FORMAT, ozr_key_join(room.out, long_key, "xy", &err));
	CHECK_OK(ozr_key_join(room.out, "x", long_key, &err));
	CHECK(room.guard == 'G');
	/* The prefix may be the output. */
	CHECK_OK(ozr_key_join(room.out, "a", "b", &err));
	CHECK_OK(ozr_key_join(room.out, room.out, "c", &err));
	CHECK(strcmp(room.out, "a/b/c") == 0);
}

int main(void)
{
	test_tables();
	test_lengths();
	test_join();
	return 0;
}
