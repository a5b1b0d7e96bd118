/* SPDX-License-Identifier: MIT */
/*
 * TIFFs: whatever the bytes say, opening, describing all pages and asking for
 * their tiles, texts and numbers ends with an error that explains itself, or
 * with tiles that are inside the file; in bounded memory. The seeds are made
 * by hand, in all four variants.
 */
#include "fuzz.h"

#include "ozr/tiff.h"
#include "support/tiff.h"
#include "tiff/tags.h"

static const uint64_t offsets[] = {100, 110, 120, 0, 140, 150};
static const uint64_t counts[] = {10, 10, 10, 0, 10, 10};

/* A page with tiles, its text, its resolution and a SubIFD; then a page of strips. */
size_t fuzz_seed(unsigned i, uint8_t *out, size_t room)
{
	static struct tiff_image z;
	static const uint64_t third[] = {1, 3}, bits[] = {8, 8, 8, 8};
	if (i >= 4)
		return 0;
	tiff_begin(&z, i & 1, i >> 1);
	z.len = 160;
	struct tiff_entry e[] = {
		{254, OZR_TIFF_LONG, 1, 1, NULL, NULL},
		{256, OZR_TIFF_SHORT, 1, 20, NULL, NULL},
		{257, OZR_TIFF_LONG, 1, 10, NULL, NULL},
		{258, OZR_TIFF_SHORT, 1, 16, NULL, NULL},
		{259, OZR_TIFF_SHORT, 1, 50000, NULL, NULL},
		{262, OZR_TIFF_SHORT, 1, 1, NULL, NULL},
		{270, OZR_TIFF_ASCII, 12, 0, NULL, "<OME></OME>"},
		{277, OZR_TIFF_SHORT, 1, 1, NULL, NULL},
		{282, OZR_TIFF_RATIONAL, 1, 0, third, NULL},
		{322, OZR_TIFF_SHORT, 1, 16, NULL, NULL},
		{323, OZR_TIFF_SHORT, 1, 16, NULL, NULL},
		{324, OZR_TIFF_LONG, 2, 0, offsets, NULL},
		{325, OZR_TIFF_SHORT, 2, 0, counts, NULL},
		{330, OZR_TIFF_IFD, 1, 0, NULL, NULL},
	};
	const size_t n = sizeof e / sizeof *e;
	e[n - 1].v = tiff_alone(&z, e, n - 1);
	e[0].v = 0;
	e[1].v = 40;
	e[2].v = 32;
	e[n - 2].count = e[n - 3].count = 6;
	tiff_page(&z, e, n);
	const struct tiff_entry strips[] = {
		{256, OZR_TIFF_SHORT, 1, 20, NULL, NULL}, {257, OZR_TIFF_LONG, 1, 30, NULL, NULL},
		{258, OZR_TIFF_SHORT, 4, 0, bits, NULL},  {273, OZR_TIFF_LONG, 3, 0, offsets, NULL},
		{277, OZR_TIFF_SHORT, 1, 4, NULL, NULL},  {278, OZR_TIFF_LONG, 1, 10, NULL, NULL},
		{279, OZR_TIFF_LONG, 3, 0, counts, NULL}, {338, OZR_TIFF_SHORT, 1, 2, NULL, NULL},
	};
	tiff_page(&z, strips, sizeof strips / sizeof *strips);
	FUZZ_CHECK(z.len <= room);
	memcpy(out, z.bytes, z.len);
	return z.len;
}

static void look_at_tiles(struct ozr_tiff *t, size_t page, unsigned sub,
			  const struct ozr_tiff_page *p, size_t size)
{
	enum { SOME = 300 };
	struct ozr_range tile[SOME];
	struct ozr_err err;
	for (uint64_t first = 0; first < p->tiles && first < 4 * SOME; first += SOME) {
		const size_t n = p->tiles - first < SOME ? (size_t)(p->tiles - first) : SOME;
		int code = ozr_tiff_tiles(t, page, sub, first, n, tile, &err);
		if (code) {
			fuzz_check_error(code, &err);
			return;
		}
		for (size_t i = 0; i < n; i++)
			FUZZ_CHECK(tile[i].offset <= size &&
				   tile[i].length <= size - tile[i].offset);
	}
}

static void look_at(struct ozr_tiff *t, size_t page, unsigned sub, size_t size)
{
	static const unsigned tags[] = {270, 282, 324, 256};
	struct ozr_tiff_page p;
	struct ozr_err err;
	double v[4];
	uint64_t count;
	char *text;
	size_t len;
	int code = ozr_tiff_page(t, page, sub, &p, &err);
	if (code) {
		fuzz_check_error(code, &err);
	} else {
		FUZZ_CHECK(p.width && p.height && p.tile_width && p.tile_height && p.samples);
		FUZZ_CHECK(p.tiles && p.tiles <= size); /* each has an entry */
		FUZZ_CHECK(p.alpha <= p.samples);
		look_at_tiles(t, page, sub, &p, size);
		for (unsigned i = 1; sub == 0 && i <= p.subifds && i <= 8; i++)
			look_at(t, page, i, size);
	}
	for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
		code = ozr_tiff_numbers(t, page, sub, tags[i], v, 4, &count, &err);
		if (code)
			fuzz_check_error(code, &err);
		code = ozr_tiff_text(t, page, sub, tags[i], &text, &len, &err);
		if (code) {
			fuzz_check_error(code, &err);
			continue;
		}
		FUZZ_CHECK(len <= size && text[len] == '\0');
		ozr_text_free(text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ozr_store *mem;
	struct ozr_tiff *t = NULL;
	struct ozr_stats before, after;
	struct ozr_err err;
	if (!mem)
		FUZZ_CHECK(ozr_store_open_mem(fuzz_ctx(), &mem, NULL) == OZR_OK);
	FUZZ_CHECK(ozr_store_put(mem, "a.tif", data, size, OZR_PUT_REPLACE, NULL) == OZR_OK);
	ozr_ctx_stats(fuzz_ctx(), &before);
	int code = ozr_tiff_open(mem, "a.tif", &t, &err);
	if (code) {
		FUZZ_CHECK(code != OZR_NOT_FOUND);
		fuzz_check_error(code, &err);
	} else {
		FUZZ_CHECK(ozr_tiff_pages(t) > 0 && ozr_tiff_pages(t) <= size);
		for (size_t i = 0; i < ozr_tiff_pages(t) && i < 16; i++)
			look_at(t, i, 0, size);
		ozr_tiff_close(t);
	}
	ozr_ctx_stats(fuzz_ctx(), &after);
	FUZZ_CHECK(before.memory_bytes == after.memory_bytes);
	return 0;
}
