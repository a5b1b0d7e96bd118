/* SPDX-License-Identifier: MIT */
/*
 * Reading what waits to be written: it is seen, and nothing is published for
 * it. What cannot be read where it waits (chunks that have gone ahead, chunks
 * that are read again and again) is published and seen all the same. Threads
 * that complete a shard never hide from a reader what was there before.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "support/model.h"

enum { SIDE = 64, CHUNK = 16, SHARD = 32 };

static struct ozr_err err;

static struct ozr_array *create(struct ozr_store *s, const char *path)
{
	struct ozr_array_options opt = {.dtype = OZR_INT32,
					.rank = 2,
					.shape = {SIDE, SIDE},
					.chunk = {CHUNK, CHUNK},
					.shard = {SHARD, SHARD}};
	struct ozr_array *a;
	CHECK_OK(ozr_array_create(s, path, &opt, &a, &err));
	return a;
}

static struct ozr_box box(uint64_t y, uint64_t x, uint64_t h, uint64_t w, int32_t *data)
{
	struct ozr_box b = {.start = {y, x}, .count = {h, w}, .data = data, .dtype = OZR_INT32};
	ozr_box_contiguous(&b, 2);
	return b;
}

static void put(struct ozr_array *a, uint64_t y, uint64_t x, uint64_t h, uint64_t w, int32_t first,
		size_t budget)
{
	static int32_t values[SIDE * SIDE];
	struct ozr_call call = {.budget = budget};
	struct ozr_box b = box(y, x, h, w, values);
	for (uint64_t i = 0; i < h * w; i++)
		values[i] = first + (int32_t)i;
	CHECK_OK(ozr_array_write(a, 1, &b, &call, &err));
}

static void expect(struct ozr_array *a, uint64_t y, uint64_t x, int32_t value)
{
	int32_t got = -1;
	struct ozr_box b = box(y, x, 1, 1, &got);
	CHECK_OK(ozr_array_read(a, 1, &b, NULL, &err));
	if (got != value)
		fprintf(stderr, "at %d, %d: %d, not %d\n", (int)y, (int)x, (int)got, (int)value);
	CHECK(got == value);
}

static int stored(const char *dir, const char *key)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s", dir, key);
	return access(path, F_OK) == 0;
}

/* Lines, a whole chunk and an older version below. */
static void check_seen(struct ozr_store *s, const char *dir)
{
	struct ozr_array *a = create(s, "seen");
	for (uint64_t y = 0; y < SHARD; y += 2) {
		put(a, y, 0, 1, SIDE, (int32_t)(1000 * y), 0);
		for (uint64_t x = 0; x < SIDE; x += 7)
			expect(a, y, x, (int32_t)(1000 * y + x));
		expect(a, y + 1, 3, 0);
	}
	put(a, CHUNK, 0, CHUNK, CHUNK, 500000, 0); /* complete, in an incomplete shard */
	expect(a, CHUNK + 2, 5, 500000 + 2 * CHUNK + 5);
	CHECK(!stored(dir, "seen/c/0/0") && !stored(dir, "seen/c/0/1"));
	CHECK_OK(ozr_array_flush(a, NULL, &err));
	CHECK(stored(dir, "seen/c/0/0") && stored(dir, "seen/c/0/1"));
	/* now over what is stored */
	put(a, 1, 1, 1, 3, 7, 0);
	expect(a, 1, 0, 0);
	expect(a, 1, 2, 8);
	expect(a, 0, 2, 2);
	/* fill hides what is stored, too */
	int32_t none[CHUNK * CHUNK] = {0};
	struct ozr_box b = box(0, 0, CHUNK, CHUNK, none);
	CHECK_OK(ozr_array_write(a, 1, &b, NULL, &err));
	expect(a, 0, 2, 0);
	ozr_array_close(a); /* drops it */
	CHECK_OK(ozr_array_open(s, "seen", OZR_READ, &a, &err));
	expect(a, 0, 2, 2);
	ozr_array_close(a);
}

/* A complete chunk that is read in parts for ever is published some time. */
static void check_rereads(struct ozr_store *s, const char *dir)
{
	struct ozr_array *a = create(s, "again");
	put(a, 0, 0, CHUNK, CHUNK, 1, 0);
	for (int i = 0; i < 1000; i++)
		expect(a, 3, (uint64_t)i % CHUNK, 1 + 3 * CHUNK + i % CHUNK);
	CHECK(stored(dir, "again/c/0/0"));
	ozr_array_close(a);
}

/* With no budget chunks go ahead into the shard's put, pieces into the scratch file. */
static void check_no_budget(struct ozr_store *s)
{
	struct ozr_array *a = create(s, "poor");
	put(a, 0, 0, CHUNK, CHUNK, 1, 1);
	put(a, 20, 20, 5, 5, 9000, 1);
	put(a, 22, 18, 1, 8, 8000, 1);
	expect(a, 2, 2, 1 + 2 * CHUNK + 2);
	expect(a, 22, 21, 8003);
	expect(a, 23, 24, 9000 + 3 * 5 + 4);
	expect(a, 16, 16, 0);
	put(a, 2, 2, 1, 1, 77, 1);
	expect(a, 2, 2, 77);
	expect(a, 2, 3, 1 + 2 * CHUNK + 3);
	ozr_array_close(a);
}

/* --- threads ---------------------------------------------------------------------- */

struct race {
	struct ozr_array *a;
	_Atomic uint64_t lines; /* complete */
};

static void *write_lines(void *arg)
{
	struct race *r = arg;
	int32_t line[SIDE];
	struct ozr_err e;
	for (uint64_t i = 0; i < SIDE; i++)
		line[i] = (int32_t)i + 1;
	for (uint64_t y = 0; y < SIDE; y++) {
		struct ozr_box b = box(y, 0, 1, SIDE, line);
		CHECK(ozr_array_write(r->a, 1, &b, NULL, &e) == OZR_OK);
		atomic_store(&r->lines, y + 1);
	}
	return NULL;
}

static void *read_lines(void *arg)
{
	struct race *r = arg;
	static _Thread_local int32_t got[SIDE * SIDE];
	struct ozr_err e;
	uint64_t lines;
	do {
		lines = atomic_load(&r->lines);
		if (lines == 0)
			continue;
		/* nothing of what is being written just now */
		struct ozr_box b = box(0, 0, lines, SIDE, got);
		CHECK(ozr_array_read(r->a, 1, &b, NULL, &e) == OZR_OK);
		for (uint64_t i = 0; i < lines * SIDE; i++)
			CHECK(got[i] == (int32_t)(i % SIDE) + 1);
	} while (lines < SIDE);
	return NULL;
}

static void check_threads(struct ozr_store *s)
{
	for (int round = 0; round < 10; round++) {
		struct race r = {.lines = 0};
		pthread_t thread[3];
		char path[16];
		snprintf(path, sizeof(path), "t%d", round);
		r.a = create(s, path);
		for (int i = 0; i < 3; i++)
			CHECK(!pthread_create(&thread[i], NULL, i ? read_lines : write_lines, &r));
		for (int i = 0; i < 3; i++)
			CHECK(!pthread_join(thread[i], NULL));
		CHECK_OK(ozr_array_flush(r.a, NULL, &err));
		expect(r.a, SIDE - 1, 5, 6);
		ozr_array_close(r.a);
	}
}

int main(void)
{
	struct ozr_ctx_options co = {.threads = 3};
	struct ozr_ctx *ctx;
	struct ozr_store *s;
	char dir[PATH_MAX];
	temp_dir(dir);
	CHECK_OK(ozr_ctx_new(&co, &ctx, &err));
	CHECK_OK(ozr_store_open_dir(ctx, dir, OZR_UPDATE, OZR_FLUSH_NONE, &s, &err));
	check_seen(s, dir);
	check_rereads(s, dir);
	check_no_budget(s);
	check_threads(s);
	ozr_store_unref(s);
	ozr_ctx_unref(ctx);
	remove_tree(dir);
	return 0;
}
