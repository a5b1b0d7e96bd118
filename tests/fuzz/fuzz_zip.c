/* SPDX-License-Identifier: MIT */
/*
 * Zip archives: whatever the bytes say, opening, listing and reading all
 * members ends with an error that explains itself or with values that have
 * their checksums, in bounded memory. The seeds are made by hand.
 */
#include "fuzz.h"

#include "base/inflate.h"
#include "base/key.h"
#include "ozr/zip.h"
#include "support/zip.h"

/* "aaaa..." 100 times, by deflate. */
static const unsigned char packed[] = {0x4b, 0x4c, 0xa4, 0x3d, 0x00, 0x00};

static void deflated(struct zip_image *z, int descriptor)
{
	unsigned char plain[100];
	memset(plain, 'a', sizeof plain);
	FUZZ_CHECK(ozr_inflate(packed, sizeof packed, plain, sizeof plain, NULL) == OZR_OK);
	const struct zip_entry e = {.name = "0/deflated",
				    .name_len = 10,
				    .data = packed,
				    .packed = sizeof packed,
				    .size = sizeof plain,
				    .crc = zip_crc(plain, sizeof plain),
				    .method = 8,
				    .descriptor = descriptor};
	zip_member(z, &e);
}

size_t fuzz_seed(unsigned i, uint8_t *out, size_t room)
{
	static struct zip_image z;
	if (i >= 5)
		return 0;
	memset(&z, 0, sizeof z);
	zip_text(&z, "zarr.json", "{}");
	zip_text(&z, "0/c/0", "value");
	if (i == 1 || i == 4)
		deflated(&z, i == 4);
	if (i == 2) {
		const struct zip_entry e = {.name = "sixty-four",
					    .name_len = 10,
					    .data = "hello",
					    .packed = 5,
					    .size = 5,
					    .crc = zip_crc("hello", 5),
					    .zip64 = 1};
		zip_member(&z, &e);
	}
	if (i == 3) {
		zip_text(&z, "folder/", "");
		const struct zip_entry e = {.name = "caf\x82", .name_len = 4};
		zip_member(&z, &e);
	}
	zip_finish(&z, i == 2, i == 3 ? "comment" : "");
	FUZZ_CHECK(z.len <= room);
	memcpy(out, z.bytes, z.len);
	return z.len;
}

struct walk {
	struct ozr_store *store;
	const char *prefix;
	unsigned count;
};

static int visit(void *arg, const char *name, int is_prefix)
{
	struct walk *w = arg;
	struct ozr_err err;
	char key[OZR_KEY_MAX + 1];
	char *bytes = NULL;
	size_t len = 0;
	FUZZ_CHECK(ozr_key_join(key, w->prefix, name, NULL) == OZR_OK);
	w->count++;
	if (is_prefix) {
		struct walk below = {w->store, key, 0};
		FUZZ_CHECK(ozr_store_list(w->store, key, visit, &below, &err) == OZR_OK);
		FUZZ_CHECK(below.count > 0);
		return 0;
	}
	int code = ozr_store_get(w->store, key, 1 << 20, &bytes, &len, NULL, &err);
	if (code) {
		FUZZ_CHECK(code != OZR_NOT_FOUND); /* it was listed */
		fuzz_check_error(code, &err);
	}
	ozr_text_free(bytes);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ozr_store *mem;
	struct walk w = {.prefix = ""};
	struct ozr_err err;
	struct ozr_stats before, after;
	if (!mem)
		FUZZ_CHECK(ozr_store_open_mem(fuzz_ctx(), &mem, NULL) == OZR_OK);
	FUZZ_CHECK(ozr_store_put(mem, "a.ozx", data, size, OZR_PUT_REPLACE, NULL) == OZR_OK);
	ozr_ctx_stats(fuzz_ctx(), &before);
	int code = ozr_store_open_zip(mem, "a.ozx", OZR_READ, &w.store, &err);
	if (code) {
		FUZZ_CHECK(code != OZR_NOT_FOUND);
		fuzz_check_error(code, &err);
	} else {
		FUZZ_CHECK(ozr_store_list(w.store, "", visit, &w, &err) == OZR_OK);
		ozr_store_unref(w.store);
	}
	ozr_ctx_stats(fuzz_ctx(), &after);
	FUZZ_CHECK(before.memory_bytes == after.memory_bytes);
	return 0;
}
