/* SPDX-License-Identifier: MIT */
/*
 * The checker of twins: whatever the bytes say, it ends with a report or with an
 * error that explains itself, in bounded memory, and says "intact" only where
 * both sides open, and every tile that the TIFF names is inside the file. Each
 * input is checked as it is, and with the checksum of the IFDs put right, so
 * that what is behind it is reached. The seeds are made by the library.
 */
#include "fuzz.h"

#include "support/twin.h"

static const struct twin_recipe recipes[] = {
	{"yx", {20, 33}, OZR_UINT8, "zstd", 16, 2, OZR_TWIN_AUTO},
	{"zyx", {2, 20, 33}, OZR_INT16, "none", 16, 2, OZR_TWIN_AUTO},
	{"cyx", {3, 20, 33}, OZR_UINT8, "zstd", 16, 2, OZR_TWIN_PIXELS},
	{"cyx", {2, 20, 17}, OZR_UINT16, "zstd", 16, 1, OZR_TWIN_PLANES},
};

size_t fuzz_seed(unsigned i, uint8_t *out, size_t room)
{
	struct ozr_store *mem = NULL;
	struct ozr_err err;
	char *bytes = NULL;
	size_t len = 0;
	if (i >= sizeof recipes / sizeof *recipes)
		return 0;
	FUZZ_CHECK(ozr_store_open_mem(fuzz_ctx(), &mem, NULL) == OZR_OK);
	FUZZ_CHECK(twin_make(mem, "t.ozx", &recipes[i], &err) == OZR_OK);
	FUZZ_CHECK(ozr_store_get(mem, "t.ozx", room, &bytes, &len, NULL, &err) == OZR_OK);
	memcpy(out, bytes, len);
	ozr_text_free(bytes);
	ozr_store_unref(mem);
	return len;
}

static void look_at_page(struct ozr_tiff *t, size_t page, unsigned sub, uint64_t *tiles)
{
	struct ozr_tiff_page p;
	struct ozr_range tile[64];
	FUZZ_CHECK(ozr_tiff_page(t, page, sub, &p, NULL) == OZR_OK);
	for (uint64_t i = 0; i < p.tiles; i += 64)
		FUZZ_CHECK(ozr_tiff_tiles(t, page, sub, i,
					  p.tiles - i < 64 ? (size_t)(p.tiles - i) : 64, tile,
					  NULL) == OZR_OK);
	*tiles += p.tiles;
	for (unsigned s = 1; sub == 0 && s <= p.subifds; s++)
		look_at_page(t, page, s, tiles);
}

/* Both sides open, and the TIFF's tiles are those that were counted. */
static void check_intact(struct ozr_store *mem, const struct ozr_twin_report *r, int all)
{
	struct ozr_store *zip = NULL;
	struct ozr_image *img = NULL;
	struct ozr_tiff *t = NULL;
	uint64_t tiles = 0;
	FUZZ_CHECK(r->zarr_side && r->tiff_side && r->tiles && r->pages && !r->problem[0]);
	FUZZ_CHECK(ozr_store_open_zip(mem, "t.ozx", OZR_READ, &zip, NULL) == OZR_OK);
	FUZZ_CHECK(ozr_image_open(zip, "", OZR_READ, &img, NULL) == OZR_OK);
	FUZZ_CHECK(ozr_tiff_open(mem, "t.ozx", &t, NULL) == OZR_OK);
	for (size_t i = 0; all && i < ozr_tiff_pages(t); i++)
		look_at_page(t, i, 0, &tiles);
	FUZZ_CHECK(!all || tiles == r->tiles);
	ozr_tiff_close(t);
	ozr_image_close(img);
	ozr_store_unref(zip);
}

static void check(const uint8_t *data, size_t size)
{
	static struct ozr_store *mem;
	struct ozr_twin_report r;
	struct ozr_stats before, after;
	struct ozr_err err;
	if (!mem)
		FUZZ_CHECK(ozr_store_open_mem(fuzz_ctx(), &mem, NULL) == OZR_OK);
	FUZZ_CHECK(ozr_store_put(mem, "t.ozx", data, size, OZR_PUT_REPLACE, NULL) == OZR_OK);
	ozr_ctx_stats(fuzz_ctx(), &before);
	for (int depth = OZR_TWIN_QUICK; depth <= OZR_TWIN_BYTES; depth++) {
		memset(&r, 0xff, sizeof r);
		int code = ozr_twin_check(mem, "t.ozx", (enum ozr_twin_depth)depth, NULL, &r, &err);
		if (code) {
			FUZZ_CHECK(code != OZR_NOT_FOUND);
			fuzz_check_error(code, &err);
			continue;
		}
		FUZZ_CHECK(memchr(r.problem, 0, sizeof r.problem));
		FUZZ_CHECK((r.state == OZR_TWIN_DAMAGED) == (r.problem[0] != 0));
		FUZZ_CHECK(r.state <= OZR_TWIN_DAMAGED);
		if (r.state == OZR_TWIN_INTACT)
			check_intact(mem, &r, depth > OZR_TWIN_QUICK);
		if (r.state != OZR_TWIN_INTACT) /* nor would a deeper look be */
			break;
	}
	ozr_ctx_stats(fuzz_ctx(), &after);
	/* What workers keep may grow, once. */
	FUZZ_CHECK(after.memory_bytes <= before.memory_bytes + (2 << 20));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *fixed = malloc(size ? size : 1);
	FUZZ_CHECK(fixed);
	memcpy(fixed, data, size);
	twin_fix(fixed, size);
	check(data, size);
	if (memcmp(fixed, data, size) != 0)
		check(fixed, size);
	free(fixed);
	return 0;
}
