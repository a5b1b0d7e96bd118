/* SPDX-License-Identifier: MIT */
/*
 * From TIFF to twin without a codec: the tiles of a TIFF become the chunks of an
 * archive that is a TIFF again, both sides agree, and its tiles hold the bytes
 * of the first file.
 */
#include <zstd.h>

#include "ozr/tiff.h"
#include "ozr/twin.h"
#include "support/check.h"
#include "support/tiff.h"
#include "tiff/tags.h"

static struct ozr_err err;
static struct tiff_image file;

enum { SIDE = 40, TILE = 16, ACROSS = 3, TILES = ACROSS * ACROSS, MISSING = 4 };

static unsigned char pixel(unsigned y, unsigned x)
{
	return y < SIDE && x < SIDE ? (unsigned char)(1 + (y * 7 + x * 3) % 250) : 0xee;
}

static size_t encode(unsigned compression, unsigned number, unsigned char *out)
{
	unsigned char raw[TILE * TILE];
	for (unsigned i = 0; i < TILE * TILE; i++)
		raw[i] =
			pixel(number / ACROSS * TILE + i / TILE, number % ACROSS * TILE + i % TILE);
	if (number == MISSING)
		return 0;
	if (compression == OZR_TIFF_ZSTD)
		return ZSTD_compress(out, 4096, raw, sizeof(raw), 3);
	memcpy(out, raw, sizeof(raw));
	return sizeof(raw);
}

static void make_file(unsigned compression)
{
	uint64_t offset[TILES], size[TILES];
	unsigned char tile[4096];
	tiff_begin(&file, 0, 0);
	for (unsigned i = 0; i < TILES; i++) {
		size[i] = encode(compression, i, tile);
		offset[i] = size[i] ? tiff_bytes(&file, tile, size[i]) : 0;
	}
	const struct tiff_entry e[] = {
		{OZR_TAG_IMAGE_WIDTH, OZR_TIFF_SHORT, 1, SIDE, NULL, NULL},
		{OZR_TAG_IMAGE_LENGTH, OZR_TIFF_SHORT, 1, SIDE, NULL, NULL},
		{OZR_TAG_BITS_PER_SAMPLE, OZR_TIFF_SHORT, 1, 8, NULL, NULL},
		{OZR_TAG_COMPRESSION, OZR_TIFF_SHORT, 1, compression, NULL, NULL},
		{OZR_TAG_PHOTOMETRIC, OZR_TIFF_SHORT, 1, 1, NULL, NULL},
		{OZR_TAG_TILE_WIDTH, OZR_TIFF_SHORT, 1, TILE, NULL, NULL},
		{OZR_TAG_TILE_LENGTH, OZR_TIFF_SHORT, 1, TILE, NULL, NULL},
		{OZR_TAG_TILE_OFFSETS, OZR_TIFF_LONG, TILES, 0, offset, NULL},
		{OZR_TAG_TILE_BYTE_COUNTS, OZR_TIFF_LONG, TILES, 0, size, NULL}};
	tiff_page(&file, e, sizeof(e) / sizeof(*e));
}

/* The archive from the tiles of t, one level. */
static void make_twin(struct ozr_store *store, struct ozr_tiff *t)
{
	const struct ozr_zip_options zip_options = {.head = OZR_TWIN_HEAD};
	struct ozr_image_options opt = {
		.dtype = OZR_UINT8,
		.rank = 2,
		.shape = {SIDE, SIDE},
		.chunk = {TILE, TILE},
		.axes = {{"y", OZR_AXIS_SPACE, ""}, {"x", OZR_AXIS_SPACE, ""}},
		.levels = 1};
	const struct ozr_import what = {.channel_axis = -1, .y_axis = 0, .x_axis = 1};
	const struct ozr_twin_options how = {.samples = OZR_TWIN_AUTO};
	struct ozr_twin_storage storage;
	struct ozr_import_stats stats = {0};
	struct ozr_twin *twin;
	struct ozr_image *img;
	struct ozr_store *zip;
	CHECK_OK(ozr_tiff_importable(t, 0, 0, &opt.codec, &err));
	CHECK_OK(ozr_twin_complete(&opt, &how, &storage, &err));
	CHECK_OK(ozr_zip_create(store, "a.ozx", &zip_options, &zip, &err));
	CHECK_OK(ozr_image_create(zip, "", OZR_CREATE_DIRECT, &opt, &img, &err));
	CHECK_OK(ozr_twin_begin(zip, img, &how, &twin, &err));
	CHECK_OK(ozr_tiff_import(t, &what, ozr_image_level(img, 0), NULL, &stats, &err));
	CHECK(stats.tiles == TILES - 1 && stats.missing == 1 && stats.recoded == 0);
	CHECK_OK(ozr_image_commit(img, NULL, &err));
	CHECK_OK(ozr_twin_finish(twin, NULL, &err));
	ozr_twin_free(twin);
	ozr_image_close(img);
	CHECK_OK(ozr_zip_commit(zip, &err));
	ozr_store_unref(zip);
}

/* The TIFF side's tiles are those of the first file, byte for byte; the Zarr side's pixels, too. */
static void check_sides(struct ozr_store *store, struct ozr_tiff *t)
{
	struct ozr_range from[TILES], to[TILES];
	struct ozr_object *first, *second;
	struct ozr_tiff *again;
	CHECK_OK(ozr_tiff_open(store, "a.ozx", &again, &err));
	CHECK_OK(ozr_tiff_tiles(t, 0, 0, 0, TILES, from, &err));
	CHECK_OK(ozr_tiff_tiles(again, 0, 0, 0, TILES, to, &err));
	CHECK_OK(ozr_object_open(store, "a.tif", &first, &err));
	CHECK_OK(ozr_object_open(store, "a.ozx", &second, &err));
	for (unsigned i = 0; i < TILES; i++) {
		char a[4096], b[4096];
		void *into_a = a, *into_b = b;
		if (i == MISSING)
			continue; /* all of these share one tile of fill there */
		CHECK(from[i].length == to[i].length && from[i].length <= sizeof(a));
		CHECK_OK(ozr_object_read(first, 1, &from[i], &into_a, &err));
		CHECK_OK(ozr_object_read(second, 1, &to[i], &into_b, &err));
		CHECK(memcmp(a, b, (size_t)from[i].length) == 0);
	}
	ozr_object_close(first);
	ozr_object_close(second);
	ozr_tiff_close(again);

	unsigned char got[SIDE * SIDE];
	struct ozr_box box = {.count = {SIDE, SIDE}, .data = got, .dtype = OZR_UINT8};
	struct ozr_image *img;
	struct ozr_store *zip;
	ozr_box_contiguous(&box, 2);
	CHECK_OK(ozr_store_open_zip(store, "a.ozx", OZR_READ, &zip, &err));
	CHECK_OK(ozr_image_open(zip, "", OZR_READ, &img, &err));
	CHECK_OK(ozr_array_read(ozr_image_level(img, 0), 1, &box, NULL, &err));
	for (unsigned i = 0; i < SIDE * SIDE; i++) {
		const unsigned y = i / SIDE, x = i % SIDE;
		const int missing = y / TILE * ACROSS + x / TILE == MISSING;
		CHECK(got[i] == (missing ? 0 : pixel(y, x)));
	}
	ozr_image_close(img);
	ozr_store_unref(zip);
}

static void check_twin(unsigned compression)
{
	struct ozr_twin_report report;
	struct ozr_store *store;
	struct ozr_ctx *ctx;
	struct ozr_tiff *t;
	make_file(compression);
	CHECK_OK(ozr_ctx_new(NULL, &ctx, &err));
	CHECK_OK(ozr_store_open_mem(ctx, &store, &err));
	CHECK_OK(ozr_store_put(store, "a.tif", file.bytes, file.len, OZR_PUT_REPLACE, &err));
	CHECK_OK(ozr_tiff_open(store, "a.tif", &t, &err));
	make_twin(store, t);
	CHECK_OK(ozr_twin_check(store, "a.ozx", OZR_TWIN_BYTES, NULL, &report, &err));
	CHECK(report.state == OZR_TWIN_INTACT && report.tiles == TILES && report.pages == 1);
	check_sides(store, t);
	struct ozr_stats stats;
	ozr_ctx_stats(ctx, &stats);
	CHECK(stats.chunks_encoded <= 1); /* the shared tile of fill */
	ozr_tiff_close(t);
	ozr_store_unref(store);
	ozr_ctx_unref(ctx);
}

int main(void)
{
	check_twin(OZR_TIFF_NONE);
	check_twin(OZR_TIFF_ZSTD);
	return 0;
}
