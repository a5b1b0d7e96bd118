/* SPDX-License-Identifier: MIT */
/*
 * Twins whose planes are pushed by eight threads: shards end in any order, in
 * threads of their own, and both sides agree all the same. And twins of very
 * many tiles, whose table and IFDs must not be held in memory.
 */
#include <pthread.h>

#include "ozr/ozr.h"
#include "support/bigtiff.h"
#include "support/check.h"

enum { THREADS = 8, PLANES = 24, SIDE = 200, TILE = 64 };
static struct ozr_ctx *ctx;
static struct ozr_err err;

struct job {
	struct ozr_image *img;
	unsigned number;
	int code;
};

static uint16_t value_at(uint64_t z, uint64_t y, uint64_t x)
{
	return x / TILE == 1 && z % 3 == 0 ? 0 : (uint16_t)(z * 2000 + y * 9 + x + 1);
}

static void *push_planes(void *arg)
{
	struct job *j = arg;
	struct ozr_call call = {.threads = 2, .budget = 1 << 20};
	struct ozr_err mine;
	uint16_t *plane = malloc(SIDE * SIDE * sizeof *plane);
	CHECK(plane);
	for (uint64_t z = j->number; z < PLANES; z += THREADS) {
		struct ozr_box box = {.start = {z, 0, 0},
				      .count = {1, SIDE, SIDE},
				      .data = plane,
				      .dtype = OZR_UINT16};
		ozr_box_contiguous(&box, 3);
		for (uint64_t i = 0; i < SIDE * SIDE; i++)
			plane[i] = value_at(z, i / SIDE, i % SIDE);
		j->code |= ozr_pyramid_push(j->img, &box, &call, &mine);
	}
	free(plane);
	return NULL;
}

static struct ozr_image_options options(void)
{
	return (struct ozr_image_options){.dtype = OZR_UINT16,
					  .rank = 3,
					  .shape = {PLANES, SIDE, SIDE},
					  .axes = {{"z", OZR_AXIS_SPACE, ""},
						   {"y", OZR_AXIS_SPACE, ""},
						   {"x", OZR_AXIS_SPACE, ""}},
					  .chunk = {0, TILE, TILE},
					  .levels = 3};
}

/* Every page's uncompressed tiles. */
static void check_pages(const struct bigtiff *t)
{
	uint64_t ifd = tiff_first(t);
	for (uint64_t z = 0; z < PLANES; z++, ifd = tiff_next(t, ifd)) {
		CHECK(ifd);
		for (uint64_t i = 0; i < SIDE * SIDE; i++) {
			uint64_t y = i / SIDE, x = i % SIDE;
			uint64_t at = tiff_value(t, ifd, 324, y / TILE * 4 + x / TILE) +
				      2 * (y % TILE * TILE + x % TILE);
			CHECK(tiff_number(t, at, 2) == value_at(z, y, x));
		}
	}
	CHECK(ifd == 0);
}

static void run(struct ozr_store *store, uint64_t shard)
{
	const struct ozr_zip_options zo = {.head = OZR_TWIN_HEAD};
	struct ozr_image_options o = options();
	struct ozr_twin_storage storage;
	struct ozr_store *zip;
	struct ozr_twin *twin;
	struct ozr_image *img;
	pthread_t thread[THREADS];
	struct job job[THREADS];
	char *text;
	size_t len;
	snprintf(o.codec.codec, sizeof o.codec.codec, "none");
	o.shard[0] = shard;
	CHECK_OK(ozr_twin_complete(&o, NULL, &storage, &err));
	CHECK_OK(ozr_zip_create(store, "t", &zo, &zip, &err));
	CHECK_OK(ozr_image_create(zip, "", OZR_CREATE_DIRECT, &o, &img, &err));
	CHECK_OK(ozr_twin_begin(zip, img, NULL, &twin, &err));
	for (unsigned i = 0; i < THREADS; i++) {
		job[i] = (struct job){img, i, 0};
		CHECK(pthread_create(&thread[i], NULL, push_planes, &job[i]) == 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		CHECK(pthread_join(thread[i], NULL) == 0);
		CHECK(job[i].code == OZR_OK);
	}
	CHECK_OK(ozr_pyramid_finish(img, NULL, &err));
	CHECK_OK(ozr_image_commit(img, NULL, &err));
	CHECK_OK(ozr_twin_finish(twin, NULL, &err));
	ozr_twin_free(twin);
	ozr_image_close(img);
	CHECK_OK(ozr_zip_commit(zip, &err));
	ozr_store_unref(zip);
	CHECK_OK(ozr_store_get(store, "t", 1 << 30, &text, &len, NULL, &err));
	check_pages(&(struct bigtiff){(unsigned char *)text, len});
	ozr_text_free(text);
}

static int cancel_later(void *user)
{
	int *left = user;
	return (*left)-- <= 0;
}

/* Few pixels in very many tiles. */
static void test_many_tiles(const char *dir)
{
	enum { WIDE = 16 * 1500, CHUNK = 16 };
	const struct ozr_zip_options zo = {.head = OZR_TWIN_HEAD};
	struct ozr_image_options o = {
		.dtype = OZR_UINT8,
		.rank = 2,
		.shape = {WIDE, WIDE},
		.axes = {{"y", OZR_AXIS_SPACE, ""}, {"x", OZR_AXIS_SPACE, ""}},
		.chunk = {CHUNK, CHUNK},
		.shard = {WIDE / 10, WIDE / 10},
		.levels = 1};
	unsigned char pixels[CHUNK * CHUNK];
	struct ozr_box box = {.count = {CHUNK, CHUNK}, .data = pixels, .dtype = OZR_UINT8};
	struct ozr_twin_storage storage;
	struct ozr_stats before, after;
	struct ozr_store *folder, *zip;
	struct ozr_twin *twin;
	struct ozr_image *img;
	uint64_t place[2][OZR_MAX_RANK] = {{WIDE - CHUNK, WIDE - CHUNK}, {4800, 32}};
	snprintf(o.codec.codec, sizeof o.codec.codec, "none");
	memset(pixels, 77, sizeof pixels);
	ozr_box_contiguous(&box, 2);
	CHECK_OK(ozr_twin_complete(&o, NULL, &storage, &err));
	CHECK_OK(ozr_store_open_dir(ctx, dir, OZR_UPDATE, OZR_FLUSH_NONE, &folder, &err));
	CHECK_OK(ozr_zip_create(folder, "many", &zo, &zip, &err));
	CHECK_OK(ozr_image_create(zip, "", OZR_CREATE_DIRECT, &o, &img, &err));
	CHECK_OK(ozr_twin_begin(zip, img, NULL, &twin, &err));
	for (unsigned i = 0; i < 2; i++) {
		memcpy(box.start, place[i], sizeof box.start);
		CHECK_OK(ozr_array_write(ozr_image_level(img, 0), 1, &box, NULL, &err));
	}
	CHECK_OK(ozr_image_commit(img, NULL, &err));
	ozr_ctx_stats(ctx, &before);
	CHECK_OK(ozr_twin_finish(twin, NULL, &err));
	ozr_ctx_stats(ctx, &after);
	/* the table alone would take 36 MB, the IFD is as large */
	CHECK(after.memory_peak <= before.memory_peak ||
	      after.memory_peak < before.memory_bytes + (4 << 20));
	ozr_twin_free(twin);
	ozr_image_close(img);
	CHECK_OK(ozr_zip_commit(zip, &err));
	ozr_store_unref(zip);

	char *text;
	size_t len;
	CHECK_OK(ozr_store_get(folder, "many", 1 << 30, &text, &len, NULL, &err));
	struct bigtiff t = {(unsigned char *)text, len};
	uint64_t ifd = tiff_first(&t), fill = tiff_value(&t, ifd, 324, 0), stored = 0;
	struct tiff_field f;
	CHECK(tiff_find(&t, ifd, 324, &f) && f.count == 1500 * 1500);
	for (uint64_t i = 0; i < f.count; i++)
		stored += tiff_number(&t, f.at + 8 * i, 8) != fill;
	CHECK(stored == 2);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t at = tiff_number(
			&t, f.at + 8 * (place[i][0] / CHUNK * 1500 + place[i][1] / CHUNK), 8);
		CHECK(tiff_number(&t, at, 1) == 77 && tiff_number(&t, at + 255, 1) == 77);
	}
	ozr_text_free(text);
	ozr_store_unref(folder);
}

static void count_warning(void *user, const char *msg)
{
	if (strstr(msg, "70000 pages"))
		++*(int *)user;
}

/* More pages than old readers can walk through. */
static void test_many_pages(struct ozr_store *store)
{
	enum { PAGES = 70000 };
	const struct ozr_zip_options zo = {.head = OZR_TWIN_HEAD};
	struct ozr_image_options o = options();
	int warnings = 0;
	struct ozr_call call = {.user = &warnings, .warn = count_warning};
	struct ozr_twin_storage storage;
	struct ozr_store *zip;
	struct ozr_twin *twin;
	struct ozr_image *img;
	char *text;
	size_t len, pages = 0;
	o.shape[0] = PAGES;
	o.levels = 2;
	CHECK_OK(ozr_twin_complete(&o, NULL, &storage, &err));
	CHECK_OK(ozr_zip_create(store, "pages", &zo, &zip, &err));
	CHECK_OK(ozr_image_create(zip, "", OZR_CREATE_DIRECT, &o, &img, &err));
	CHECK_OK(ozr_twin_begin(zip, img, NULL, &twin, &err));
	CHECK_OK(ozr_image_commit(img, NULL, &err));
	CHECK_OK(ozr_twin_finish(twin, &call, &err));
	CHECK(warnings == 1);
	ozr_twin_free(twin);
	ozr_image_close(img);
	CHECK_OK(ozr_zip_commit(zip, &err));
	ozr_store_unref(zip);
	CHECK_OK(ozr_store_get(store, "pages", 1 << 30, &text, &len, NULL, &err));
	struct bigtiff t = {(unsigned char *)text, len};
	for (uint64_t ifd = tiff_first(&t); ifd; ifd = tiff_next(&t, ifd), pages++)
		CHECK(tiff_value(&t, tiff_value(&t, ifd, 330, 0), 256, 0) == SIDE / 2);
	CHECK(pages == PAGES);
	ozr_text_free(text);
}

/* Cancelled in the middle of its pages, and then nothing is there. */
static void test_cancel(struct ozr_store *store)
{
	const struct ozr_zip_options zo = {.head = OZR_TWIN_HEAD};
	struct ozr_image_options o = options();
	int left = 10;
	struct ozr_call call = {.user = &left, .cancelled = cancel_later};
	struct ozr_twin_storage storage;
	struct ozr_store *zip;
	struct ozr_twin *twin;
	struct ozr_image *img;
	struct ozr_object *object;
	CHECK_OK(ozr_twin_complete(&o, NULL, &storage, &err));
	CHECK_OK(ozr_zip_create(store, "gone", &zo, &zip, &err));
	CHECK_OK(ozr_image_create(zip, "", OZR_CREATE_DIRECT, &o, &img, &err));
	CHECK_OK(ozr_twin_begin(zip, img, NULL, &twin, &err));
	CHECK_OK(ozr_image_commit(img, NULL, &err));
	CHECK_CODE(OZR_CANCELLED, ozr_twin_finish(twin, &call, &err));
	ozr_twin_free(twin);
	ozr_image_close(img);
	ozr_store_unref(zip);
	CHECK_CODE(OZR_NOT_FOUND, ozr_object_open(store, "gone", &object, &err));
}

int main(void)
{
	struct ozr_ctx_options co = {.threads = 3};
	struct ozr_store *store;
	char dir[PATH_MAX];
	temp_dir(dir);
	CHECK_OK(ozr_ctx_new(&co, &ctx, &err));
	CHECK_OK(ozr_store_open_mem(ctx, &store, &err));
	run(store, 1);
	run(store, 5);
	test_cancel(store);
	test_many_tiles(dir);
	test_many_pages(store);
	ozr_store_unref(store);
	ozr_ctx_unref(ctx);
	remove_tree(dir);
	return 0;
}
