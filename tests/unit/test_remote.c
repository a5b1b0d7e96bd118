/* SPDX-License-Identifier: MIT */
/*
 * How little is asked of a store for which each request costs a round trip: a
 * memory store that says it is remote and counts. Levels that are opened when
 * wanted, hints, ranges that are joined, chunks that are fetched once, width
 * beyond the processors, and an object that is replaced while it is kept open.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "unit/image_testing.h"

enum { SIDE = 512, CHUNK = 64 };

static struct {
	_Atomic unsigned opens, reads, wide, most_wide;
	_Atomic uint64_t bytes;
	_Atomic int hint_what; /* of the last open of a chunk or shard */
	_Atomic uint64_t hint_bytes;
	_Atomic int slow, changed;
} seen;

static struct ozr_store_ops plain, ops;
static struct ozr_store *store;

static int counting_open(struct ozr_store *s, const char *key, const struct ozr_hint *hint,
			 struct ozr_object **out, struct ozr_err *e)
{
	atomic_fetch_add(&seen.opens, 1);
	if (strstr(key, ".json") == NULL) {
		seen.hint_what = (int)hint->what;
		seen.hint_bytes = hint->bytes;
	}
	return plain.open(s, key, out, e);
}

static int counting_read(struct ozr_object *o, size_t n, const struct ozr_range *ranges,
			 void *const *dst, struct ozr_err *e)
{
	unsigned wide = atomic_fetch_add(&seen.wide, 1) + 1;
	unsigned most = atomic_load(&seen.most_wide);

	while (wide > most && !atomic_compare_exchange_weak(&seen.most_wide, &most, wide))
		;
	atomic_fetch_add(&seen.reads, (unsigned)n);
	for (size_t i = 0; i < n; i++)
		atomic_fetch_add(&seen.bytes, ranges[i].length);
	for (int i = 0; i < 5000 && atomic_load(&seen.slow) &&
			atomic_load(&seen.wide) < (unsigned)atomic_load(&seen.slow);
	     i++)
		usleep(1000); /* until as many are in here, if they ever come */
	int rc = atomic_exchange(&seen.changed, 0)
			 ? ozr_fail(e, OZR_CHANGED, "was replaced while it was read")
			 : plain.read(o, n, ranges, dst, e);
	atomic_fetch_sub(&seen.wide, 1);
	return rc;
}

static void forget(void)
{
	memset(&seen, 0, sizeof(seen));
}

static uint16_t value_at(uint64_t y, uint64_t x)
{
	return (uint16_t)(y * 31 + x * x * 7);
}

/* An image of four levels, SIDE x SIDE, in one shard each (or none). */
static void make_image(int shards, uint64_t chunk)
{
	static uint16_t pixels[SIDE * SIDE];
	struct ozr_image_options opt = {.dtype = OZR_UINT16,
					.rank = 2,
					.shape = {SIDE, SIDE},
					.axes = {{.name = "y"}, {.name = "x"}},
					.chunk = {chunk, chunk},
					.shard = {SIDE, SIDE},
					.no_shards = !shards,
					.levels = 4};
	struct ozr_box box = {.count = {SIDE, SIDE}, .dtype = OZR_UINT16, .data = pixels};
	struct ozr_image *img;

	for (uint64_t i = 0; i < SIDE * SIDE; i++)
		pixels[i] = value_at(i / SIDE, i % SIDE);
	ozr_box_contiguous(&box, 2);
	OK(ozr_image_create(store, "", OZR_CREATE_DIRECT, &opt, &img, &err));
	OK(ozr_pyramid_push(img, &box, NULL, &err));
	OK(ozr_image_commit(img, NULL, &err));
	ozr_image_close(img);
}

static int setup(void **state, int shards, uint64_t chunk)
{
	struct ozr_ctx_options opt = {.threads = 2};

	(void)state;
	if (ozr_ctx_new(&opt, &ctx, &err) || ozr_store_open_mem(ctx, &store, &err))
		return -1;
	make_image(shards, chunk);
	plain = *store->ops;
	ops = plain;
	ops.open_for = counting_open;
	ops.read = counting_read;
	store->ops = &ops;
	store->caps |= OZR_STORE_REMOTE;
	store->io_width = 8;
	forget();
	return 0;
}

static int setup_shards(void **state)
{
	return setup(state, 1, CHUNK);
}

static int setup_chunks(void **state)
{
	return setup(state, 0, CHUNK);
}

/* One chunk of several blocks; and the same as if the store were local. */
static int setup_blocks(void **state)
{
	return setup(state, 0, SIDE);
}

static int setup_local_blocks(void **state)
{
	int failed = setup(state, 0, SIDE);
	store->caps &= ~(unsigned)OZR_STORE_REMOTE;
	return failed;
}

static int teardown(void **state)
{
	(void)state;
	ozr_store_unref(store);
	ozr_ctx_unref(ctx);
	return 0;
}

static int read_window(struct ozr_image *img, uint64_t y, uint64_t x, uint64_t height,
		       uint64_t width)
{
	static uint16_t got[SIDE * SIDE];
	struct ozr_box box = {
		.start = {y, x}, .count = {height, width}, .dtype = OZR_UINT16, .data = got};

	ozr_box_contiguous(&box, 2);
	int rc = ozr_array_read(ozr_image_level(img, 0), 1, &box, NULL, &err);
	for (uint64_t i = 0; rc == OZR_OK && i < height * width; i++)
		assert_int_equal(got[i], value_at(y + i / width, x + i % width));
	return rc;
}

/* --- levels ------------------------------------------------------------------------- */

static void test_window_of_level_0(void **state)
{
	struct ozr_image *img;

	(void)state;
	OK(ozr_image_open(store, "", OZR_READ, &img, &err));
	assert_int_equal(seen.opens, 2); /* the group, level 0 */
	OK(read_window(img, 70, 70, 100, 100));
	assert_int_equal(seen.opens, 3);     /* the shard */
	assert_int_equal(seen.reads, 2 + 2); /* its index, and 2 x 2 chunks in one range */
	assert_int_equal(seen.hint_what, OZR_FIRST_TAIL);
	assert_int_equal(seen.hint_bytes, 8 * 8 * 16 + 4);
	ozr_image_close(img);
}

static void test_levels_when_wanted(void **state)
{
	struct ozr_image *img;
	struct ozr_array_info a;
	double scale[OZR_MAX_RANK], translation[OZR_MAX_RANK];

	(void)state;
	OK(ozr_image_open(store, "", OZR_READ, &img, &err));
	ozr_array_get_info(ozr_image_level(img, 3), &a);
	assert_int_equal(a.shape[1], SIDE / 8);
	assert_int_equal(seen.opens, 2 + 3); /* all of the others, together */
	OK(ozr_image_load(img, &err));
	ozr_image_transform(img, 3, scale, translation);
	assert_true(scale[0] == 8.0);
	assert_int_equal(seen.opens, 5);
	ozr_image_close(img);
	OK(ozr_image_open(store, "", OZR_READ, &img, &err));
	ozr_image_transform(img, 1, scale, translation); /* without a load before */
	assert_true(scale[1] == 2.0 && translation[1] == 0.5);
	ozr_image_close(img);
}

/* What is wrong with a level is said when it is wanted, and the image goes on without. */
static void test_a_level_that_is_missing(void **state)
{
	struct ozr_image *img;

	(void)state;
	OK(ozr_store_del(store, "2/zarr.json", &err));
	OK(ozr_image_open(store, "", OZR_READ, &img, &err));
	OK(read_window(img, 0, 0, 10, 10));
	assert_int_equal(ozr_image_load(img, &err), OZR_BAD_FORMAT);
	has_text(err.msg, "level 2 ('2')", 1);
	assert_null(ozr_image_level(img, 1));
	OK(read_window(img, 0, 0, 10, 10));
	ozr_image_close(img);
	/* who writes needs all of them */
	assert_int_equal(ozr_image_open(store, "", OZR_UPDATE, &img, &err), OZR_BAD_FORMAT);
}

static void *load(void *arg)
{
	struct ozr_array_info a;

	ozr_array_get_info(ozr_image_level(arg, 2), &a);
	return a.shape[0] == SIDE / 4 ? arg : NULL;
}

static void test_many_want_levels(void **state)
{
	struct ozr_image *img;
	pthread_t thread[8];
	void *result;

	(void)state;
	OK(ozr_image_open(store, "", OZR_READ, &img, &err));
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, load, img), 0);
	for (int i = 0; i < 8; i++) {
		pthread_join(thread[i], &result);
		assert_ptr_equal(result, img);
	}
	ozr_image_close(img);
}

/* --- chunks -------------------------------------------------------------------------- */

/* Line by line each chunk is fetched once. */
static void test_parts_are_fetched_once(void **state)
{
	struct ozr_image *img;

	(void)state;
	OK(ozr_image_open(store, "", OZR_READ, &img, &err));
	forget();
	OK(read_window(img, 0, 0, 1, SIDE));
	unsigned first = seen.reads;
	assert_true(first >= 1 && first <= 2 + 8);
	for (uint64_t y = 1; y < CHUNK; y++)
		OK(read_window(img, y, 0, 1, SIDE));
	assert_int_equal(seen.reads, first);
	OK(read_window(img, CHUNK, 0, 1, SIDE));
	assert_true(seen.reads > first);
	ozr_image_close(img);
}

/* A view is moved: chunks that were at its edge are inside, and come from the cache. */
static void test_whole_after_parts(void **state)
{
	struct ozr_array_info info;
	struct ozr_image *img;

	(void)state;
	OK(ozr_image_open(store, "", OZR_READ, &img, &err));
	ozr_array_get_info(ozr_image_level(img, 0), &info);
	uint64_t side = info.chunk[0];
	forget();
	OK(read_window(img, 0, 0, side, side - 1));
	uint64_t bytes = seen.bytes;
	assert_true(bytes > 0);
	OK(read_window(img, 0, 0, side, side));
	assert_int_equal(seen.bytes, bytes);
	/* what was never wanted in part is not kept */
	if (side < SIDE) {
		OK(read_window(img, side, 0, side, side));
		bytes = seen.bytes;
		OK(read_window(img, side, 0, side, side));
		assert_true(seen.bytes > bytes);
	}
	ozr_image_close(img);
}

static void test_chunks_of_their_own(void **state)
{
	struct ozr_image *img;

	(void)state;
	OK(ozr_image_open(store, "", OZR_READ, &img, &err));
	forget();
	OK(read_window(img, 0, 0, 2 * CHUNK, 2 * CHUNK));
	assert_int_equal(seen.opens, 4);
	assert_int_equal(seen.reads, 4);
	assert_int_equal(seen.hint_what, OZR_FIRST_HEAD);
	assert_true(seen.hint_bytes > CHUNK * CHUNK * 2);
	ozr_image_close(img);
}

/* Two threads are in the context, eight requests are under way. */
static void test_width(void **state)
{
	struct ozr_image *img;

	(void)state;
	OK(ozr_image_open(store, "", OZR_READ, &img, &err));
	forget();
	seen.slow = 8;
	OK(read_window(img, 0, 0, SIDE, SIDE));
	assert_int_equal(seen.most_wide, 8);
	ozr_image_close(img);
}

/* A kept object turned out to be history: once, it is tried again. */
static void test_replaced_under_the_reader(void **state)
{
	struct ozr_image *img;

	(void)state;
	OK(ozr_image_open(store, "", OZR_READ, &img, &err));
	seen.changed = 1;
	OK(read_window(img, 70, 70, 100, 100));
	seen.changed = 1;
	OK(ozr_store_del(store, "zarr.json", &err));
	OK(ozr_store_del(store, "0/zarr.json", &err));
	assert_int_equal(read_window(img, 300, 300, 100, 100), OZR_CHANGED);
	has_text(err.msg, "removed", 1);
	ozr_image_close(img);
}

/* Advice that the store cannot take costs no request. */
static void test_advice_in_vain(void **state)
{
	struct ozr_box box = {.count = {SIDE, SIDE}, .dtype = OZR_UINT16};
	struct ozr_image *img;

	(void)state;
	OK(ozr_image_open(store, "", OZR_READ, &img, &err));
	forget();
	ozr_array_advise(ozr_image_level(img, 0), 1, &box);
	assert_int_equal(seen.opens + seen.reads, 0);
	ozr_image_close(img);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_window_of_level_0, setup_shards, teardown),
		cmocka_unit_test_setup_teardown(test_levels_when_wanted, setup_shards, teardown),
		cmocka_unit_test_setup_teardown(test_a_level_that_is_missing, setup_shards,
						teardown),
		cmocka_unit_test_setup_teardown(test_many_want_levels, setup_shards, teardown),
		cmocka_unit_test_setup_teardown(test_parts_are_fetched_once, setup_shards,
						teardown),
		cmocka_unit_test_setup_teardown(test_parts_are_fetched_once, setup_chunks,
						teardown),
		cmocka_unit_test_setup_teardown(test_whole_after_parts, setup_shards, teardown),
		cmocka_unit_test_setup_teardown(test_whole_after_parts, setup_blocks, teardown),
		cmocka_unit_test_setup_teardown(test_whole_after_parts, setup_local_blocks,
						teardown),
		cmocka_unit_test_setup_teardown(test_chunks_of_their_own, setup_chunks, teardown),
		cmocka_unit_test_setup_teardown(test_width, setup_chunks, teardown),
		cmocka_unit_test_setup_teardown(test_advice_in_vain, setup_shards, teardown),
		cmocka_unit_test_setup_teardown(test_advice_in_vain, setup_chunks, teardown),
		cmocka_unit_test_setup_teardown(test_replaced_under_the_reader, setup_shards,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
