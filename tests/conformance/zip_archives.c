/* SPDX-License-Identifier: MIT */
/*
 * The zip store as a program, for zip_archives.py:
 *
 *	zip_archives make ARCHIVE	writes an archive with all kinds of values
 *	zip_archives large ARCHIVE	writes one of 4.9 GiB
 *	zip_archives dump ARCHIVE	prints "KEY<tab>SIZE<tab>HASH" of each value
 */
#include <inttypes.h>

#include "base/ctx.h"
#include "base/inflate.h"
#include "ozr/zip.h"
#include "support/check.h"

static struct ozr_err err;

static void put(struct ozr_store *s, const char *key, const void *bytes, size_t len)
{
	CHECK_OK(ozr_store_put(s, key, bytes, len, OZR_PUT_REPLACE, &err));
}

static void put_text(struct ozr_store *s, const char *key, const char *text)
{
	put(s, key, text, strlen(text));
}

/* Value i of 1000 begins at byte i of the pattern and has 37 i bytes. */
static int make(struct ozr_ctx *ctx, const char *path)
{
	static unsigned char pattern[64 << 10];
	const struct ozr_zip_options opt = {.head = 16};
	struct ozr_store *z = NULL;
	struct ozr_put *p = NULL;
	struct ozr_placement at;
	char key[64];
	for (size_t i = 0; i < sizeof pattern; i++)
		pattern[i] = (unsigned char)(i * 7 + i / 251);
	CHECK_OK(ozr_zip_create_file(ctx, path, &opt, OZR_FLUSH_NONE, &z, &err));
	put_text(z, "zarr.json", "{\"zarr_format\":3}");
	put_text(z, "labels/cells/zarr.json", "{}");
	put_text(z, "s0/zarr.json", "{\"a\":0}");
	CHECK_OK(ozr_put_begin(z, "s0/c/stream", 0, &p, &err));
	put(z, "s0/c/m\xc3\xbcll", pattern, 1234); /* waits for the stream */
	for (int i = 0; i < 100; i++)
		CHECK_OK(ozr_put_append(p, pattern, sizeof pattern, &err));
	CHECK_OK(ozr_put_commit(p, OZR_PUT_REPLACE, NULL, &err));
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(key, sizeof key, "s0/c/%u", i);
		put(z, key, pattern + i, 37 * (size_t)i);
	}
	put_text(z, "zarr.json", "{\"zarr_format\":3,\"node_type\":\"group\"}");
	put_text(z, "s1/zarr.json", "{\"late\":true}");
	CHECK_OK(ozr_zip_patch(z, 0, "II+\0", 4, &err));
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(key, sizeof key, "s0/c/%u", i);
		CHECK_OK(ozr_zip_placement(z, key, &at, &err));
		printf("%s\t%" PRIu64 "\t%" PRIu64 "\n", key, at.offset, at.size);
	}
	CHECK_OK(ozr_zip_commit(z, &err));
	ozr_store_unref(z);
	return 0;
}

/* 80 values of 1000 times the pattern. */
static int large(struct ozr_ctx *ctx, const char *path)
{
	static unsigned char pattern[64 << 10];
	struct ozr_store *z = NULL;
	struct ozr_put *p = NULL;
	char key[64];
	for (size_t i = 0; i < sizeof pattern; i++)
		pattern[i] = (unsigned char)(i * 7 + i / 251);
	CHECK_OK(ozr_zip_create_file(ctx, path, NULL, OZR_FLUSH_NONE, &z, &err));
	put_text(z, "zarr.json", "{}");
	for (int i = 0; i < 80; i++) {
		snprintf(key, sizeof key, "c/%d", i);
		CHECK_OK(ozr_put_begin(z, key, i % 2 ? 1000 * sizeof pattern : 0, &p, &err));
		for (int k = 0; k < 1000; k++)
			CHECK_OK(ozr_put_append(p, pattern, sizeof pattern, &err));
		CHECK_OK(ozr_put_commit(p, OZR_PUT_REPLACE, NULL, &err));
	}
	CHECK_OK(ozr_zip_commit(z, &err));
	ozr_store_unref(z);
	return 0;
}

struct walk {
	struct ozr_store *store;
	const char *prefix;
};

static int visit(void *arg, const char *name, int is_prefix)
{
	const struct walk *w = arg;
	char key[2100];
	char *bytes = NULL;
	size_t len = 0;
	snprintf(key, sizeof key, "%s%s%s", w->prefix, *w->prefix ? "/" : "", name);
	if (is_prefix) {
		struct walk below = {w->store, key};
		return ozr_store_list(w->store, key, visit, &below, &err);
	}
	int code = ozr_store_get(w->store, key, SIZE_MAX / 2, &bytes, &len, NULL, &err);
	if (code)
		printf("%s\t%s\t%s\n", key, ozr_code_name(code), err.msg);
	else
		printf("%s\t%zu\t%08x\n", key, len, (unsigned)ozr_crc32(0, bytes, len));
	ozr_text_free(bytes);
	return 0;
}

static int dump(struct ozr_ctx *ctx, const char *path)
{
	struct walk w = {.prefix = ""};
	int code = ozr_store_open_zip_file(ctx, path, OZR_READ, &w.store, &err);
	if (!code)
		code = ozr_store_list(w.store, "", visit, &w, &err);
	if (code)
		fprintf(stderr, "%s: %s\n", ozr_code_name(code), err.msg);
	ozr_store_unref(w.store);
	return code ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct ozr_ctx *ctx = NULL;
	if (argc != 3)
		return 2;
	CHECK_OK(ozr_ctx_new(NULL, &ctx, &err));
	int rc = strcmp(argv[1], "make") == 0    ? make(ctx, argv[2])
		 : strcmp(argv[1], "large") == 0 ? large(ctx, argv[2])
						 : dump(ctx, argv[2]);
	ozr_ctx_unref(ctx);
	return rc;
}
