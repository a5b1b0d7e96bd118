/* SPDX-License-Identifier: MIT */
/*
 * The TIFF reader on files made by hand in all four variants: what it finds in
 * them, and what it says about those that lie. tests/interop compares it
 * with tifffile on files that other programs wrote.
 */
#include "support/check.h"
#include "support/tiff.h"

#include "ozr/tiff.h"
#include "tiff/tags.h"

static struct ozr_ctx *ctx;
static struct ozr_store *mem;
static struct ozr_err err;
static struct tiff_image z;

static int variant_big, variant_endian;

static void begin(void)
{
	tiff_begin(&z, variant_big, variant_endian);
}

static struct ozr_tiff *opened(void)
{
	struct ozr_tiff *t = NULL;
	CHECK_OK(ozr_store_put(mem, "a.tif", z.bytes, z.len, OZR_PUT_REPLACE, &err));
	CHECK_OK(ozr_tiff_open(mem, "a.tif", &t, &err));
	return t;
}

/* The file is no TIFF, and the message has this in it. */
static void refused(int code, const char *why)
{
	struct ozr_tiff *t = NULL;
	CHECK_OK(ozr_store_put(mem, "a.tif", z.bytes, z.len, OZR_PUT_REPLACE, &err));
	CHECK_CODE(code, ozr_tiff_open(mem, "a.tif", &t, &err));
	CHECK(!t && strstr(err.msg, "'a.tif': ") && strstr(err.msg, why));
}

static void bad_page(int code, const char *why)
{
	struct ozr_tiff *t = opened();
	struct ozr_tiff_page p;
	CHECK_CODE(code, ozr_tiff_page(t, 0, 0, &p, &err));
	if (!strstr(err.msg, why) || !strstr(err.msg, "'a.tif': IFD at "))
		check_failed(__FILE__, __LINE__, why, err.msg);
	ozr_tiff_close(t);
}

/* --- A page with 3 x 2 tiles --------------------------------------------------- */

enum { WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, TW, TL, OFFSETS, COUNTS, FIELDS };

static const uint64_t offsets[] = {100, 200, 300, 0, 500, 600};
static const uint64_t counts[] = {11, 22, 33, 0, 44, 55};

static void usual(struct tiff_entry e[FIELDS])
{
	const struct tiff_entry fields[] = {
		{256, OZR_TIFF_SHORT, 1, 40, NULL, NULL},
		{257, OZR_TIFF_LONG, 1, 32, NULL, NULL},
		{258, OZR_TIFF_SHORT, 1, 16, NULL, NULL},
		{259, OZR_TIFF_SHORT, 1, 50000, NULL, NULL},
		{262, OZR_TIFF_SHORT, 1, 1, NULL, NULL},
		{277, OZR_TIFF_SHORT, 1, 1, NULL, NULL},
		{322, OZR_TIFF_SHORT, 1, 16, NULL, NULL},
		{323, OZR_TIFF_LONG, 1, 16, NULL, NULL},
		{324, variant_big ? OZR_TIFF_LONG8 : OZR_TIFF_LONG, 6, 0, offsets, NULL},
		{325, OZR_TIFF_SHORT, 6, 0, counts, NULL},
	};
	memcpy(e, fields, sizeof fields);
}

static void room_for_tiles(void)
{
	z.len = 1000;
}

static void test_page(void)
{
	struct tiff_entry e[FIELDS];
	struct ozr_tiff_page p;
	struct ozr_range tile[6];
	begin();
	room_for_tiles();
	usual(e);
	const size_t first = tiff_page(&z, e, FIELDS);
	e[BITS].v = 8;
	tiff_page(&z, e, FIELDS);
	struct ozr_tiff *t = opened();
	CHECK(ozr_tiff_pages(t) == 2);
	CHECK(ozr_tiff_is_big(t) == variant_big && ozr_tiff_is_big_endian(t) == variant_endian);
	CHECK_OK(ozr_tiff_page(t, 0, 0, &p, &err));
	CHECK(p.offset == first && p.width == 40 && p.height == 32);
	CHECK(p.tile_width == 16 && p.tile_height == 16 && p.tiled && p.tiles == 6);
	CHECK(p.samples == 1 && !p.separate && p.has_dtype && p.dtype == OZR_UINT16);
	CHECK(p.bits == 16 && p.sample_format == 1 && p.compression == 50000 && p.predictor == 1);
	CHECK(p.photometric == 1 && p.fill_order == 1 && p.alpha == 0 && p.subfile == 0);
	CHECK(p.subifds == 0);
	CHECK_OK(ozr_tiff_page(t, 1, 0, &p, &err));
	CHECK(p.dtype == OZR_UINT8);
	CHECK_OK(ozr_tiff_tiles(t, 0, 0, 0, 6, tile, &err));
	for (int i = 0; i < 6; i++)
		CHECK(tile[i].offset == offsets[i] && tile[i].length == counts[i]);
	CHECK_OK(ozr_tiff_tiles(t, 0, 0, 4, 2, tile, &err));
	CHECK(tile[0].offset == 500 && tile[1].offset == 600);
	CHECK_OK(ozr_tiff_tiles(t, 0, 0, 6, 0, tile, &err));
	CHECK_CODE(OZR_BAD_ARG, ozr_tiff_tiles(t, 0, 0, 5, 2, tile, &err));
	CHECK_CODE(OZR_BAD_ARG, ozr_tiff_page(t, 2, 0, &p, &err));
	CHECK_CODE(OZR_NOT_FOUND, ozr_tiff_page(t, 0, 1, &p, &err));
	ozr_tiff_close(t);
}

/* The types that offsets may have. */
static void test_offset_types(void)
{
	static const unsigned types[] = {OZR_TIFF_BYTE, OZR_TIFF_SHORT, OZR_TIFF_LONG,
					 OZR_TIFF_IFD,  OZR_TIFF_LONG8, OZR_TIFF_IFD8};
	static const uint64_t low[] = {20, 40, 60, 80, 100, 120};
	struct tiff_entry e[FIELDS];
	struct ozr_range tile[6];
	for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
		begin();
		room_for_tiles();
		usual(e);
		e[OFFSETS].type = types[k];
		e[OFFSETS].values = low;
		tiff_page(&z, e, FIELDS);
		struct ozr_tiff *t = opened();
		CHECK_OK(ozr_tiff_tiles(t, 0, 0, 0, 6, tile, &err));
		for (int i = 0; i < 6; i++)
			CHECK(tile[i].offset == (counts[i] ? low[i] : 0));
		ozr_tiff_close(t);
	}
}

/* More tiles than fit into the window, asked for from the middle. */
static void test_many_tiles(void)
{
	enum { N = 3000 };
	static uint64_t many[N], sizes[N];
	static struct ozr_range tile[N];
	struct tiff_entry e[FIELDS];
	for (unsigned i = 0; i < N; i++) {
		many[i] = 16 + i;
		sizes[i] = i % 7;
	}
	begin();
	z.len = 4000;
	usual(e);
	e[WIDTH].v = 16 * 60;
	e[LENGTH].v = 16 * 50;
	e[OFFSETS].count = e[COUNTS].count = N;
	e[OFFSETS].values = many;
	e[COUNTS].values = sizes;
	tiff_page(&z, e, FIELDS);
	struct ozr_tiff *t = opened();
	for (unsigned first = 0; first < N; first += 501) {
		const size_t n = N - first;
		CHECK_OK(ozr_tiff_tiles(t, 0, 0, first, n, tile, &err));
		for (unsigned i = 0; i < n; i++)
			CHECK(tile[i].length == sizes[first + i] &&
			      tile[i].offset == (sizes[first + i] ? many[first + i] : 0));
	}
	ozr_tiff_close(t);
}

static void test_strips_and_samples(void)
{
	static const uint64_t bits[] = {8, 8, 8, 8}, formats[] = {1, 1, 1, 1}, extra[] = {2};
	static const uint64_t at[] = {100, 200, 300}, size[] = {5, 6, 7};
	const struct tiff_entry e[] = {
		{254, OZR_TIFF_LONG, 1, 4, NULL, NULL},
		{256, OZR_TIFF_LONG, 1, 33, NULL, NULL},
		{257, OZR_TIFF_LONG, 1, 25, NULL, NULL},
		{258, OZR_TIFF_SHORT, 4, 0, bits, NULL},
		{259, OZR_TIFF_SHORT, 1, 8, NULL, NULL},
		{262, OZR_TIFF_SHORT, 1, 2, NULL, NULL},
		{266, OZR_TIFF_SHORT, 1, 2, NULL, NULL},
		{273, OZR_TIFF_LONG, 3, 0, at, NULL},
		{277, OZR_TIFF_SHORT, 1, 4, NULL, NULL},
		{278, OZR_TIFF_LONG, 1, 10, NULL, NULL},
		{279, OZR_TIFF_LONG, 3, 0, size, NULL},
		{284, OZR_TIFF_SHORT, 1, 1, NULL, NULL},
		{317, OZR_TIFF_SHORT, 1, 2, NULL, NULL},
		{338, OZR_TIFF_SHORT, 1, 0, extra, NULL},
		{339, OZR_TIFF_SHORT, 4, 0, formats, NULL},
	};
	struct ozr_tiff_page p;
	struct ozr_range tile[3];
	begin();
	room_for_tiles();
	tiff_page(&z, e, sizeof e / sizeof *e);
	struct ozr_tiff *t = opened();
	CHECK_OK(ozr_tiff_page(t, 0, 0, &p, &err));
	CHECK(!p.tiled && p.tile_width == 33 && p.tile_height == 10 && p.tiles == 3);
	CHECK(p.samples == 4 && p.alpha == 4 && p.has_dtype && p.dtype == OZR_UINT8);
	CHECK(p.predictor == 2 && p.photometric == 2 && p.fill_order == 2 && p.subfile == 4);
	CHECK(p.compression == 8);
	CHECK_OK(ozr_tiff_tiles(t, 0, 0, 0, 3, tile, &err));
	CHECK(tile[2].offset == 300 && tile[2].length == 7);
	ozr_tiff_close(t);
}

/* Every type of ours, and some that are not. */
static void test_dtypes(void)
{
	static const struct {
		unsigned bits, format;
		int dtype;
	} known[] = {{8, 1, OZR_UINT8},    {8, 2, OZR_INT8},    {16, 1, OZR_UINT16},
		     {16, 2, OZR_INT16},   {32, 1, OZR_UINT32}, {32, 2, OZR_INT32},
		     {64, 1, OZR_UINT64},  {64, 2, OZR_INT64},  {32, 3, OZR_FLOAT32},
		     {64, 3, OZR_FLOAT64}, {16, 4, OZR_UINT16}, {16, 3, -1},
		     {1, 1, -1},           {12, 1, -1},         {32, 6, -1}};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		struct tiff_entry e[FIELDS + 1];
		struct ozr_tiff_page p;
		begin();
		room_for_tiles();
		usual(e);
		e[BITS].v = known[i].bits;
		e[FIELDS] =
			(struct tiff_entry){339, OZR_TIFF_SHORT, 1, known[i].format, NULL, NULL};
		tiff_page(&z, e, FIELDS + 1);
		struct ozr_tiff *t = opened();
		CHECK_OK(ozr_tiff_page(t, 0, 0, &p, &err));
		CHECK(p.has_dtype == (known[i].dtype >= 0));
		CHECK(known[i].dtype < 0 || (int)p.dtype == known[i].dtype);
		ozr_tiff_close(t);
	}
}

static void test_separate(void)
{
	static const uint64_t bits[] = {16, 8}, at[12] = {100}, size[12] = {1};
	struct tiff_entry e[FIELDS + 1];
	struct ozr_tiff_page p;
	begin();
	room_for_tiles();
	usual(e);
	e[SAMPLES].v = 2;
	e[BITS].count = 2;
	e[BITS].values = bits;
	e[OFFSETS].count = e[COUNTS].count = 12;
	e[OFFSETS].values = at;
	e[COUNTS].values = size;
	e[FIELDS] = (struct tiff_entry){284, OZR_TIFF_SHORT, 1, 2, NULL, NULL};
	tiff_page(&z, e, FIELDS + 1);
	struct ozr_tiff *t = opened();
	CHECK_OK(ozr_tiff_page(t, 0, 0, &p, &err));
	CHECK(p.separate && p.samples == 2 && p.tiles == 12 && !p.has_dtype);
	ozr_tiff_close(t);
}

/* --- SubIFDs ----------------------------------------------------------------------- */

static void test_sub_ifds(void)
{
	struct tiff_entry e[FIELDS + 1];
	struct ozr_tiff_page p;
	struct ozr_range tile[2];
	uint64_t sub[2];
	begin();
	room_for_tiles();
	usual(e);
	e[FIELDS] = (struct tiff_entry){254, OZR_TIFF_LONG, 1, 1, NULL, NULL};
	e[OFFSETS].count = e[COUNTS].count = 2;
	e[WIDTH].v = 20;
	e[LENGTH].v = 16;
	sub[0] = tiff_alone(&z, e, FIELDS + 1);
	e[WIDTH].v = 17;
	sub[1] = tiff_alone(&z, e, FIELDS + 1);
	usual(e);
	e[FIELDS] = (struct tiff_entry){330, variant_big ? OZR_TIFF_IFD8 : OZR_TIFF_IFD, 2, 0, sub,
					NULL};
	tiff_page(&z, e, FIELDS + 1);
	struct ozr_tiff *t = opened();
	CHECK(ozr_tiff_pages(t) == 1);
	CHECK_OK(ozr_tiff_page(t, 0, 0, &p, &err));
	CHECK(p.subifds == 2 && p.width == 40);
	CHECK_OK(ozr_tiff_page(t, 0, 1, &p, &err));
	CHECK(p.width == 20 && p.subfile == 1 && p.offset == sub[0] && p.tiles == 2);
	CHECK_OK(ozr_tiff_page(t, 0, 2, &p, &err));
	CHECK(p.width == 17);
	CHECK_OK(ozr_tiff_tiles(t, 0, 2, 0, 2, tile, &err));
	CHECK(tile[1].offset == 200);
	CHECK_CODE(OZR_NOT_FOUND, ozr_tiff_page(t, 0, 3, &p, &err));
	ozr_tiff_close(t);
	/* A SubIFD that is its own page, and one in the header. */
	for (int k = 0; k < 2; k++) {
		begin();
		room_for_tiles();
		e[FIELDS].values = sub;
		sub[0] = 0;
		size_t ifd = tiff_page(&z, e, FIELDS + 1);
		if (k) {
			begin();
			room_for_tiles();
			sub[0] = ifd;
			CHECK(tiff_page(&z, e, FIELDS + 1) == ifd);
		}
		t = opened();
		CHECK_CODE(OZR_BAD_FORMAT, ozr_tiff_page(t, 0, 1, &p, &err));
		CHECK(strstr(err.msg, k ? "its own page" : "the header"));
		ozr_tiff_close(t);
	}
}

/* --- Text and numbers ----------------------------------------------------------------- */

static void test_tags(void)
{
	static const uint64_t third[] = {1, 3}, minus[] = {(uint32_t)-1, 2},
			      tie[] = {UINT64_C(0x4000000000000000), UINT64_C(0xc008000000000000),
				       0};
	struct tiff_entry e[FIELDS + 6];
	double v[3] = {0};
	uint64_t n;
	size_t len;
	char *text;
	begin();
	room_for_tiles();
	usual(e);
	e[FIELDS] = (struct tiff_entry){270, OZR_TIFF_ASCII, 12, 0, NULL, "<OME></OME>"};
	e[FIELDS + 1] = (struct tiff_entry){282, OZR_TIFF_RATIONAL, 1, 0, third, NULL};
	e[FIELDS + 2] = (struct tiff_entry){60000, OZR_TIFF_SRATIONAL, 1, 0, minus, NULL};
	e[FIELDS + 3] = (struct tiff_entry){33550, OZR_TIFF_DOUBLE, 3, 0, tie, NULL};
	e[FIELDS + 4] = (struct tiff_entry){60001, OZR_TIFF_SBYTE, 1, 0xfe, NULL, NULL};
	e[FIELDS + 5] = (struct tiff_entry){60002, 99, 1, 0, NULL, NULL};
	tiff_page(&z, e, FIELDS + 6);
	struct ozr_tiff *t = opened();
	CHECK_OK(ozr_tiff_text(t, 0, 0, 270, &text, &len, &err));
	CHECK(len == 12 && strcmp(text, "<OME></OME>") == 0);
	ozr_text_free(text);
	CHECK_OK(ozr_tiff_numbers(t, 0, 0, 282, v, 3, &n, &err));
	CHECK(n == 1 && v[0] == 1.0 / 3);
	CHECK_OK(ozr_tiff_numbers(t, 0, 0, 60000, v, 3, &n, &err));
	CHECK(n == 1 && v[0] == -0.5);
	CHECK_OK(ozr_tiff_numbers(t, 0, 0, 33550, v, 2, &n, &err));
	CHECK(n == 3 && v[0] == 2 && v[1] == -3 && v[2] == 0);
	CHECK_OK(ozr_tiff_numbers(t, 0, 0, 60001, v, 1, &n, &err));
	CHECK(n == 1 && v[0] == -2);
	CHECK_OK(ozr_tiff_numbers(t, 0, 0, 325, v, 3, &n, &err));
	CHECK(n == 6 && v[2] == 33);
	CHECK_CODE(OZR_BAD_FORMAT, ozr_tiff_numbers(t, 0, 0, 60002, v, 1, &n, &err));
	CHECK_CODE(OZR_BAD_FORMAT, ozr_tiff_numbers(t, 0, 0, 270, v, 1, &n, &err));
	CHECK_CODE(OZR_BAD_FORMAT, ozr_tiff_text(t, 0, 0, 256, &text, &len, &err));
	CHECK_CODE(OZR_NOT_FOUND, ozr_tiff_text(t, 0, 0, 305, &text, &len, &err));
	CHECK(strstr(err.msg, "has no Software"));
	CHECK_CODE(OZR_BAD_ARG, ozr_tiff_text(t, 0, 0, 70000, &text, &len, &err));
	ozr_tiff_close(t);
}

/* --- Files that lie ---------------------------------------------------------------------- */

static void test_bad_headers(void)
{
	begin();
	refused(OZR_BAD_FORMAT, "without any IFD");
	z.len = 7;
	refused(OZR_BAD_FORMAT, "not a TIFF: 7 bytes");
	z.len = 0;
	refused(OZR_BAD_FORMAT, "not a TIFF: 0 bytes");
	begin();
	tiff_set(&z, 2, 2, 44);
	refused(OZR_BAD_FORMAT, "not a TIFF: it begins with");
	begin();
	z.bytes[1] = 'J';
	refused(OZR_BAD_FORMAT, "not a TIFF: it begins with");
	begin();
	tiff_set(&z, z.link, variant_big ? 8 : 4, 5000);
	refused(OZR_CORRUPT, "IFD at 5000");
	if (!variant_big)
		return;
	begin();
	z.len = 12;
	refused(OZR_CORRUPT, "cut off");
	begin();
	tiff_set(&z, 4, 2, 4);
	refused(OZR_BAD_FORMAT, "offsets of 4 bytes");
}

/* Chains of 1 to 40 IFDs that come back to each of them. */
static void test_loops(void)
{
	struct tiff_entry e = {256, OZR_TIFF_SHORT, 1, 1, NULL, NULL};
	for (int n = 1; n <= 40; n++) {
		size_t at[40];
		for (int back = 0; back < n; back++) {
			begin();
			for (int i = 0; i < n; i++)
				at[i] = tiff_page(&z, &e, 1);
			tiff_set(&z, z.link, variant_big ? 8 : 4, at[back]);
			refused(OZR_BAD_FORMAT, "comes back");
		}
	}
}

static void test_many_ifds(void)
{
	const struct ozr_ctx_options opt = {.limits.tiff_ifds = 10};
	struct tiff_entry e = {256, OZR_TIFF_SHORT, 1, 1, NULL, NULL};
	struct ozr_ctx *small = NULL;
	struct ozr_store *store = NULL, *usual_store = mem;
	CHECK_OK(ozr_ctx_new(&opt, &small, &err));
	CHECK_OK(ozr_store_open_mem(small, &store, &err));
	mem = store;
	begin();
	for (int i = 0; i < 10; i++)
		tiff_page(&z, &e, 1);
	ozr_tiff_close(opened());
	tiff_page(&z, &e, 1);
	refused(OZR_LIMIT, "tiff_ifds (10)");
	mem = usual_store;
	ozr_store_unref(store);
	ozr_ctx_unref(small);
}

static void test_bad_ifds(void)
{
	struct tiff_entry e = {256, OZR_TIFF_SHORT, 1, 1, NULL, NULL};
	begin();
	size_t ifd = tiff_page(&z, &e, 1);
	tiff_set(&z, ifd, variant_big ? 8 : 2, 0);
	refused(OZR_BAD_FORMAT, "has no entries");
	tiff_set(&z, ifd, variant_big ? 8 : 2, 4097);
	refused(OZR_UNSUPPORTED, "4097 entries");
	tiff_set(&z, ifd, variant_big ? 8 : 2, 2);
	refused(OZR_CORRUPT, "2 entries");
}

/* One entry of the usual page changed. */
static void page_with(int i, const struct tiff_entry *e, int code, const char *why)
{
	struct tiff_entry fields[FIELDS];
	begin();
	room_for_tiles();
	usual(fields);
	fields[i] = *e;
	tiff_page(&z, fields, FIELDS);
	bad_page(code, why);
}

static void value_of(int i, uint64_t v, const char *why)
{
	struct tiff_entry e[FIELDS];
	usual(e);
	e[i].v = v;
	e[i].type = OZR_TIFF_LONG;
	page_with(i, &e[i], OZR_BAD_FORMAT, why);
}

static void test_bad_pages(void)
{
	const struct tiff_entry twice = {256, OZR_TIFF_SHORT, 1, 40, NULL, NULL};
	const struct tiff_entry other = {60000, OZR_TIFF_SHORT, 1, 40, NULL, NULL};
	const struct tiff_entry text = {256, OZR_TIFF_ASCII, 1, 40, NULL, NULL};
	const struct tiff_entry two = {257, OZR_TIFF_SHORT, 2, 40, NULL, NULL};
	const struct tiff_entry few = {324, OZR_TIFF_LONG, 5, 0, offsets, NULL};
	const struct tiff_entry floats = {324, OZR_TIFF_FLOAT, 6, 0, offsets, NULL};
	const struct tiff_entry bytes = {325, OZR_TIFF_SHORT, 4, 0, counts, NULL};
	page_with(PHOTOMETRIC, &twice, OZR_BAD_FORMAT, "ImageWidth is there twice");
	page_with(WIDTH, &other, OZR_BAD_FORMAT, "has no ImageWidth");
	page_with(OFFSETS, &other, OZR_BAD_FORMAT, "has no TileOffsets");
	page_with(COUNTS, &other, OZR_BAD_FORMAT, "has no TileByteCounts");
	page_with(TW, &other, OZR_BAD_FORMAT, "has no TileWidth");
	page_with(WIDTH, &text, OZR_BAD_FORMAT, "ImageWidth has the type 2");
	page_with(LENGTH, &two, OZR_BAD_FORMAT, "ImageLength has 2 values");
	page_with(OFFSETS, &few, OZR_BAD_FORMAT, "TileOffsets has 5 values");
	page_with(OFFSETS, &floats, OZR_BAD_FORMAT, "TileOffsets has the type 11");
	page_with(COUNTS, &bytes, OZR_BAD_FORMAT, "TileByteCounts has 4 values");
	value_of(WIDTH, 0, "ImageWidth is 0");
	value_of(TW, 0, "TileWidth is 0");
	value_of(TL, 0, "TileLength is 0");
	value_of(SAMPLES, 0, "SamplesPerPixel is 0");
	value_of(SAMPLES, 70000, "SamplesPerPixel is 70000");
	value_of(WIDTH, UINT32_MAX, "TileOffsets has 6 values");
	value_of(WIDTH, 70, "70 x 32 pixels in tiles of 16 x 16 need 10");
	value_of(WIDTH, 16, "need 2");
}

/* Tiles so large that their sizes overflow. */
static void test_absurd_sizes(void)
{
	struct tiff_entry e[FIELDS];
	static const uint64_t one[] = {100};
	begin();
	room_for_tiles();
	usual(e);
	for (int i = 0; i < 2; i++) {
		e[WIDTH + i].type = e[TW + i].type = OZR_TIFF_LONG;
		e[WIDTH + i].v = e[TW + i].v = UINT32_MAX;
	}
	e[OFFSETS].count = e[COUNTS].count = 1;
	e[OFFSETS].values = e[COUNTS].values = one;
	tiff_page(&z, e, FIELDS);
	bad_page(OZR_BAD_FORMAT, "are too large");
	begin();
	room_for_tiles();
	e[TW].v = e[TL].v = 1;
	tiff_page(&z, e, FIELDS);
	bad_page(OZR_BAD_FORMAT, "TileOffsets has 1 values");
}

/* Arrays and tiles that are not inside the file. */
static void test_outside(void)
{
	static const uint64_t where[] = {4, 60000, UINT32_MAX};
	struct tiff_entry e[FIELDS];
	struct ozr_range tile[6];
	uint64_t at[6];
	for (int i = 0; i < 3; i++) {
		begin();
		room_for_tiles();
		usual(e);
		memcpy(at, offsets, sizeof at);
		at[5] = where[i];
		e[OFFSETS].values = at;
		tiff_page(&z, e, FIELDS);
		struct ozr_tiff *t = opened();
		CHECK_OK(ozr_tiff_tiles(t, 0, 0, 0, 5, tile, &err));
		CHECK_CODE(OZR_CORRUPT, ozr_tiff_tiles(t, 0, 0, 0, 6, tile, &err));
		CHECK(strstr(err.msg, "'a.tif': IFD at ") && strstr(err.msg, "tile 5: 55 bytes"));
		ozr_tiff_close(t);
	}
	/* Counts beyond the file: the array's place, then its length. */
	const unsigned word = variant_big ? 8 : 4, entry = variant_big ? 20 : 12;
	for (int i = 0; i < 2; i++) {
		begin();
		room_for_tiles();
		usual(e);
		const size_t ifd = tiff_page(&z, e, FIELDS);
		const size_t p = ifd + (variant_big ? 8 : 2) + OFFSETS * entry + 4;
		tiff_set(&z, p + (i ? 0 : word), word, i ? 6 : UINT32_MAX - 3);
		if (i) /* values that end with the file, and one byte more */
			tiff_set(&z, p + word, word, z.len - 6 * word + 1);
		bad_page(OZR_CORRUPT, "TileOffsets: 6 values");
	}
}

/* Cut off after each byte: an error or the same tiles. */
static void test_cut_off(void)
{
	struct tiff_entry e[FIELDS];
	struct ozr_range tile[6];
	begin();
	room_for_tiles();
	usual(e);
	tiff_page(&z, e, FIELDS);
	for (size_t n = 0; n < z.len; n++) {
		struct ozr_tiff *t = NULL;
		CHECK_OK(ozr_store_put(mem, "a.tif", z.bytes, n, OZR_PUT_REPLACE, &err));
		int code = ozr_tiff_open(mem, "a.tif", &t, &err);
		if (!code)
			code = ozr_tiff_tiles(t, 0, 0, 0, 6, tile, &err);
		CHECK(code == OZR_CORRUPT || code == OZR_BAD_FORMAT);
		ozr_tiff_close(t);
	}
}

static void test_files(void)
{
	char dir[PATH_MAX];
	struct tiff_entry e[FIELDS];
	struct ozr_tiff *t = NULL;
	temp_dir(dir);
	begin();
	room_for_tiles();
	usual(e);
	tiff_page(&z, e, FIELDS);
	write_file(join(dir, "a.tif"), z.bytes, z.len);
	CHECK(symlink("a.tif", join(dir, "link.tif")) == 0);
	CHECK_OK(ozr_tiff_open_file(ctx, join(dir, "a.tif"), &t, &err));
	CHECK(ozr_tiff_pages(t) == 1);
	ozr_tiff_close(t);
	CHECK_OK(ozr_tiff_open_file(ctx, join(dir, "link.tif"), &t, &err));
	ozr_tiff_close(t);
	CHECK_CODE(OZR_NOT_FOUND, ozr_tiff_open_file(ctx, join(dir, "b.tif"), &t, &err));
	CHECK_CODE(OZR_NOT_FOUND, ozr_tiff_open_file(ctx, join(dir, "a.tif/b"), &t, &err));
	CHECK_CODE(OZR_NOT_FOUND, ozr_tiff_open(mem, "none.tif", &t, &err));
	remove_tree(dir);
}

int main(void)
{
	struct ozr_stats before, after;
	CHECK_OK(ozr_ctx_new(NULL, &ctx, &err));
	ozr_ctx_stats(ctx, &before);
	CHECK_OK(ozr_store_open_mem(ctx, &mem, &err));
	for (int v = 0; v < 4; v++) {
		variant_big = v & 1;
		variant_endian = v >> 1;
		test_page();
		test_offset_types();
		test_many_tiles();
		test_strips_and_samples();
		test_dtypes();
		test_separate();
		test_sub_ifds();
		test_tags();
		test_bad_headers();
		test_loops();
		test_many_ifds();
		test_bad_ifds();
		test_bad_pages();
		test_absurd_sizes();
		test_outside();
		test_cut_off();
	}
	test_files();
	ozr_tiff_close(NULL);
	ozr_store_unref(mem);
	ozr_ctx_stats(ctx, &after);
	CHECK(before.memory_bytes == after.memory_bytes);
	ozr_ctx_unref(ctx);
	return 0;
}
