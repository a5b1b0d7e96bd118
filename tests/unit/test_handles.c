/* SPDX-License-Identifier: MIT */
/*
 * One image in several hands: the handle that made an array and a second one,
 * a forked copy that is closed, an extension that failed and is tried again,
 * and one by a handle that has not seen another's.
 */
#include <pthread.h>
#include <sys/wait.h>

#include "ozr/ozr.h"
#include "support/check.h"

enum { ROWS = 64, COLUMNS = 64, UPDATES = 300 };

static struct ozr_image_options options(void)
{
	struct ozr_image_options opt = {.dtype = OZR_UINT8,
					.rank = 2,
					.shape = {ROWS, COLUMNS},
					.chunk = {16, 64},
					.no_shards = 1,
					.levels = 2};
	for (unsigned d = 0; d < 2; d++) {
		opt.axes[d].kind = OZR_AXIS_SPACE;
		opt.axes[d].name[0] = "yx"[d];
	}
	return opt;
}

static struct ozr_box rows(uint64_t first, uint64_t count, unsigned char *pixels, int value)
{
	struct ozr_box box = {
		.start = {first, 0}, .count = {count, COLUMNS}, .data = pixels, .dtype = OZR_UINT8};
	memset(pixels, value, count * COLUMNS);
	ozr_box_contiguous(&box, 2);
	return box;
}

static void push_all(struct ozr_image *img, int value)
{
	static unsigned char pixels[ROWS * COLUMNS];
	struct ozr_box box = rows(0, ROWS, pixels, value);
	struct ozr_err err;
	CHECK_OK(ozr_pyramid_push(img, &box, NULL, &err));
	CHECK_OK(ozr_pyramid_finish(img, NULL, &err));
}

static int pixel(struct ozr_image *img, uint64_t row)
{
	unsigned char value = 0;
	struct ozr_box box = {
		.start = {row, 0}, .count = {1, 1}, .data = &value, .dtype = OZR_UINT8};
	struct ozr_err err;
	ozr_box_contiguous(&box, 2);
	CHECK_OK(ozr_array_read(ozr_image_level(img, 0), 1, &box, NULL, &err));
	return value;
}

/* --- an array's maker and another handle ------------------------------------- */

struct half {
	struct ozr_array *array;
	uint64_t first;
};

static void *update_half(void *arg)
{
	const struct half *h = arg;
	struct ozr_err err;
	for (uint64_t i = 0; i < UPDATES; i++) {
		unsigned char value = (unsigned char)(1 + i % 250);
		struct ozr_box box = {.start = {2 * i + h->first},
				      .count = {1},
				      .data = &value,
				      .dtype = OZR_UINT8};
		ozr_box_contiguous(&box, 1);
		CHECK_OK(ozr_array_write(h->array, 1, &box, NULL, &err));
		CHECK_OK(ozr_array_flush(h->array, NULL, &err));
	}
	return NULL;
}

static void test_maker_and_worker(struct ozr_ctx *ctx, const char *dir)
{
	struct ozr_array_options opt = {
		.dtype = OZR_UINT8, .rank = 1, .shape = {2 * UPDATES}, .chunk = {2 * UPDATES}};
	struct half h[2] = {{NULL, 0}, {NULL, 1}};
	static unsigned char all[2 * UPDATES];
	struct ozr_store *s;
	struct ozr_err err;
	pthread_t thread[2];

	CHECK(mkdir(dir, 0777) == 0);
	CHECK_OK(ozr_store_open_dir(ctx, dir, OZR_UPDATE, OZR_FLUSH_NONE, &s, &err));
	CHECK_OK(ozr_array_create(s, "a", &opt, &h[0].array, &err));
	CHECK_OK(ozr_array_open(s, "a", OZR_UPDATE, &h[1].array, &err));
	for (int i = 0; i < 2; i++)
		CHECK(pthread_create(&thread[i], NULL, update_half, &h[i]) == 0);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	struct ozr_box box = {.count = {2 * UPDATES}, .data = all, .dtype = OZR_UINT8};
	ozr_box_contiguous(&box, 1);
	CHECK_OK(ozr_array_read(h[1].array, 1, &box, NULL, &err));
	for (int i = 0; i < 2 * UPDATES; i++)
		CHECK(all[i] == 1 + i / 2 % 250);
	ozr_array_close(h[0].array);
	ozr_array_close(h[1].array);
	ozr_store_unref(s);
}

/* --- a forked copy that is closed --------------------------------------------- */

#if !defined(__SANITIZE_THREAD__)
static void close_in_child(struct ozr_image *img)
{
	int status = -1;
	pid_t pid = fork();
	if (pid == 0) {
		ozr_image_close(img);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void test_child_closes(struct ozr_ctx *ctx, const char *staged, const char *direct)
{
	struct ozr_image_options opt = options();
	struct ozr_image *img;
	struct ozr_store *s;
	struct ozr_err err;

	CHECK_OK(ozr_image_create_dir(ctx, staged, 0, OZR_FLUSH_NONE, &opt, &img, &err));
	push_all(img, 7);
	close_in_child(img);
	CHECK_OK(ozr_image_commit(img, NULL, &err));
	CHECK(pixel(img, 0) == 7);
	ozr_image_close(img);

	CHECK(mkdir(direct, 0777) == 0);
	CHECK_OK(ozr_store_open_dir(ctx, direct, OZR_UPDATE, OZR_FLUSH_NONE, &s, &err));
	CHECK_OK(ozr_image_create(s, "", OZR_CREATE_DIRECT, &opt, &img, &err));
	push_all(img, 7);
	CHECK_OK(ozr_array_flush(ozr_image_level(img, 0), NULL, &err));
	close_in_child(img);
	CHECK_OK(ozr_image_commit(img, NULL, &err));
	CHECK(pixel(img, 0) == 7);
	ozr_image_close(img);
	ozr_store_unref(s);
}
#endif

/* --- extending ------------------------------------------------------------------ */

static int at_once(void *user)
{
	(void)user;
	return 1;
}

static void make(struct ozr_store *s)
{
	struct ozr_image_options opt = options();
	struct ozr_image *img;
	struct ozr_err err;
	CHECK_OK(ozr_image_create(s, "", OZR_CREATE_DIRECT, &opt, &img, &err));
	push_all(img, 7);
	CHECK_OK(ozr_image_commit(img, NULL, &err));
	ozr_image_close(img);
}

static uint64_t stored_rows(struct ozr_store *s)
{
	struct ozr_array_info info;
	struct ozr_array *a;
	struct ozr_err err;
	CHECK_OK(ozr_array_open(s, "0", OZR_READ, &a, &err));
	ozr_array_get_info(a, &info);
	ozr_array_close(a);
	return info.shape[0];
}

static void test_extend_again(struct ozr_ctx *ctx)
{
	static unsigned char pixels[16 * COLUMNS];
	struct ozr_box box = rows(ROWS, 16, pixels, 9);
	struct ozr_call stop = {.cancelled = at_once};
	struct ozr_store *s;
	struct ozr_image *img;
	struct ozr_err err;

	CHECK_OK(ozr_store_open_mem(ctx, &s, &err));
	make(s);
	CHECK_OK(ozr_image_open(s, "", OZR_UPDATE, &img, &err));
	CHECK_CODE(OZR_CANCELLED, ozr_pyramid_extend(img, 0, &box, &stop, &err));
	CHECK(stored_rows(s) == ROWS);
	CHECK_OK(ozr_pyramid_extend(img, 0, &box, NULL, &err));
	CHECK(stored_rows(s) == ROWS + 16);
	CHECK(pixel(img, ROWS - 1) == 7 && pixel(img, ROWS + 15) == 9);
	ozr_image_close(img);
	ozr_store_unref(s);
}

static void test_two_extend(struct ozr_ctx *ctx)
{
	static unsigned char pixels[32 * COLUMNS];
	struct ozr_image *one, *two;
	struct ozr_store *s;
	struct ozr_err err;

	CHECK_OK(ozr_store_open_mem(ctx, &s, &err));
	make(s);
	CHECK_OK(ozr_image_open(s, "", OZR_UPDATE, &one, &err));
	CHECK_OK(ozr_image_open(s, "", OZR_UPDATE, &two, &err));
	struct ozr_box box = rows(ROWS, 32, pixels, 9);
	CHECK_OK(ozr_pyramid_extend(one, 0, &box, NULL, &err));
	box = rows(ROWS, 16, pixels, 8);
	CHECK_CODE(OZR_CHANGED, ozr_pyramid_extend(two, 0, &box, NULL, &err));
	CHECK(stored_rows(s) == ROWS + 32);
	box = rows(ROWS, 32, pixels, 8); /* as many: the shape alone would not tell */
	CHECK_CODE(OZR_CHANGED, ozr_pyramid_extend(two, 0, &box, NULL, &err));
	CHECK(pixel(one, ROWS + 31) == 9);
	ozr_image_close(one);
	ozr_image_close(two);
	ozr_store_unref(s);
}

int main(void)
{
	char dir[] = "/tmp/ozr-handles-XXXXXX", path[3][64];
	struct ozr_ctx_options opt = {.threads = 2};
	struct ozr_ctx *ctx;
	struct ozr_err err;

	CHECK(mkdtemp(dir) != NULL);
	for (int i = 0; i < 3; i++)
		snprintf(path[i], sizeof path[i], "%s/%d.ome.zarr", dir, i);
	CHECK_OK(ozr_ctx_new(&opt, &ctx, &err));
	test_maker_and_worker(ctx, path[0]);
#if !defined(__SANITIZE_THREAD__)
	test_child_closes(ctx, path[1], path[2]);
#endif
	test_extend_again(ctx);
	test_two_extend(ctx);
	ozr_ctx_unref(ctx);
	remove_tree(dir);
	return 0;
}
