/* SPDX-License-Identifier: MIT */
/*
 * Members of an archive as bytes of a file: where they lie, and whether they
 * have their checksums. And the folder of a local file as a store.
 */
#include "support/check.h"
#include "support/zip.h"

#include "ozr/zip.h"

static struct ozr_err err;
static struct ozr_ctx *ctx;
static struct ozr_store *mem;
static struct zip_image z;

enum { LARGE = 40000 };
static unsigned char large[LARGE];

/* "aaaa..." 100 times, by deflate. */
static const unsigned char packed[] = {0x4b, 0x4c, 0xa4, 0x3d, 0x00, 0x00};

static struct ozr_store *opened(void)
{
	struct ozr_store *s = NULL;
	CHECK_OK(ozr_store_put(mem, "a.zip", z.bytes, z.len, OZR_PUT_REPLACE, &err));
	CHECK_OK(ozr_store_open_zip(mem, "a.zip", OZR_READ, &s, &err));
	return s;
}

static void make(void)
{
	unsigned char plain[100];
	memset(plain, 'a', sizeof plain);
	memset(&z, 0, sizeof z);
	for (size_t i = 0; i < LARGE; i++)
		large[i] = (unsigned char)(i * 7 + i / 251);
	const struct zip_entry big = {.name = "0/c/0",
				      .name_len = 5,
				      .data = large,
				      .packed = LARGE,
				      .size = LARGE,
				      .crc = zip_crc(large, LARGE)};
	const struct zip_entry small = {.name = "packed",
					.name_len = 6,
					.data = packed,
					.packed = sizeof packed,
					.size = sizeof plain,
					.crc = zip_crc(plain, sizeof plain),
					.method = 8};
	zip_text(&z, "zarr.json", "{}");
	zip_text(&z, "empty", "");
	zip_member(&z, &big);
	zip_member(&z, &small);
	zip_finish(&z, 1, "");
}

static void test_places(void)
{
	static const char *const keys[] = {"zarr.json", "empty", "0/c/0"};
	struct ozr_placement p;
	struct ozr_store *s = opened();
	for (int i = 0; i < 3; i++) {
		CHECK_OK(ozr_zip_placement(s, keys[i], &p, &err));
		CHECK(p.offset == z.entry[i].stored && p.size == z.entry[i].size);
	}
	CHECK_CODE(OZR_UNSUPPORTED, ozr_zip_placement(s, "packed", &p, &err));
	CHECK_CODE(OZR_NOT_FOUND, ozr_zip_placement(s, "none", &p, &err));
	ozr_store_unref(s);
	/* The local header is another one's. */
	z.bytes[z.entry[2].local + 30] ^= 1;
	s = opened();
	CHECK_CODE(OZR_CORRUPT, ozr_zip_placement(s, "0/c/0", &p, &err));
	ozr_store_unref(s);
	z.bytes[z.entry[2].local + 30] ^= 1;
}

static int stop(void *user)
{
	(void)user;
	return 1;
}

static void test_checksums(void)
{
	static const char *const keys[] = {"zarr.json", "empty", "0/c/0", "packed"};
	const struct ozr_call call = {.cancelled = stop};
	struct ozr_store *s = opened();
	for (int i = 0; i < 4; i++)
		CHECK_OK(ozr_zip_verify(s, keys[i], NULL, &err));
	CHECK_CODE(OZR_NOT_FOUND, ozr_zip_verify(s, "none", NULL, &err));
	CHECK_CODE(OZR_CANCELLED, ozr_zip_verify(s, "0/c/0", &call, &err));
	CHECK_CODE(OZR_BAD_ARG, ozr_zip_verify(mem, "a.zip", NULL, &err));
	ozr_store_unref(s);
	for (int i = 0; i < 4; i++) {
		if (!z.entry[i].packed)
			continue;
		const size_t at = z.entry[i].stored + z.entry[i].packed / 2;
		z.bytes[at] ^= 1;
		s = opened();
		CHECK_CODE(OZR_CORRUPT, ozr_zip_verify(s, keys[i], NULL, &err));
		CHECK(strstr(err.msg, keys[i]));
		for (int k = 0; k < 4; k++)
			if (k != i)
				CHECK_OK(ozr_zip_verify(s, keys[k], NULL, &err));
		ozr_store_unref(s);
		z.bytes[at] ^= 1;
	}
}

/* --- Folders ---------------------------------------------------------------------- */

static int refuse(void *user, const char *location, int for_write)
{
	CHECK(!for_write);
	return strcmp(location, user) == 0;
}

static void test_folders(void)
{
	char dir[PATH_MAX], real[PATH_MAX], name[OZR_NAME_MAX], *bytes = NULL;
	struct ozr_store *folder = NULL;
	struct ozr_ctx *strict = NULL;
	size_t len;
	temp_dir(dir);
	write_file(join(dir, "a.bin"), "abc", 3);
	CHECK(symlink("a.bin", join(dir, "link")) == 0);
	CHECK(realpath(join(dir, "a.bin"), real));
	static const char *const names[] = {"a.bin", "link"};
	for (int i = 0; i < 2; i++) {
		CHECK_OK(ozr_store_open_folder_of(ctx, join(dir, names[i]), name, &folder, &err));
		CHECK(strcmp(name, "a.bin") == 0);
		CHECK_OK(ozr_store_get(folder, name, 10, &bytes, &len, NULL, &err));
		CHECK(len == 3 && memcmp(bytes, "abc", 3) == 0);
		CHECK(ozr_store_put(folder, "b", "x", 1, OZR_PUT_REPLACE, &err) != OZR_OK);
		ozr_text_free(bytes);
		ozr_store_unref(folder);
	}
	CHECK_CODE(OZR_NOT_FOUND,
		   ozr_store_open_folder_of(ctx, join(dir, "none"), name, &folder, &err));
	CHECK_CODE(OZR_NOT_FOUND,
		   ozr_store_open_folder_of(ctx, join(dir, "a.bin/b"), name, &folder, &err));
	const struct ozr_ctx_options opt = {.host = {.user = real, .refuse = refuse}};
	CHECK_OK(ozr_ctx_new(&opt, &strict, &err));
	CHECK_CODE(OZR_DENIED,
		   ozr_store_open_folder_of(strict, join(dir, "link"), name, &folder, &err));
	ozr_ctx_unref(strict);
	remove_tree(dir);
}

int main(void)
{
	CHECK_OK(ozr_ctx_new(NULL, &ctx, &err));
	CHECK_OK(ozr_store_open_mem(ctx, &mem, &err));
	make();
	test_places();
	test_checksums();
	test_folders();
	ozr_store_unref(mem);
	ozr_ctx_unref(ctx);
	return 0;
}
