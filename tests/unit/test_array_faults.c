/* SPDX-License-Identifier: MIT */
/*
 * Writing when something fails: every allocation and every system call of a
 * scenario fails once. Either all is well, or there is an error with a message
 * and every chunk is the old or the new one; nothing leaks, and the same write
 * succeeds afterwards. And pieces so many that the scratch file compacts them.
 */
#include "support/fault.h"
#include "support/model.h"

static struct ozr_err err;

enum { SIDE = 20, CHUNK = 8, SHARD = 16, BYTES = SIDE * SIDE * 2 };

static struct ozr_array_options plane(int sharded)
{
	struct ozr_array_options opt = {
		.dtype = OZR_UINT16, .rank = 2, .shape = {SIDE, SIDE}, .chunk = {CHUNK, CHUNK}};
	strcpy(opt.codec.codec, sharded ? "blosc-lz4" : "zstd");
	if (sharded)
		opt.shard[0] = opt.shard[1] = SHARD;
	return opt;
}

static struct ozr_box box_of(void *data, uint64_t y, uint64_t h)
{
	struct ozr_box b = {.start = {y, 0}, .count = {h, SIDE}, .data = data, .dtype = OZR_UINT16};
	ozr_box_contiguous(&b, 2);
	return b;
}

static uint16_t before[SIDE * SIDE], after[SIDE * SIDE], got[SIDE * SIDE];

/* Open, write in strips that share chunks, flush, close. */
static int scenario(struct ozr_store *store, const uint16_t *values, size_t budget)
{
	struct ozr_call call = {.budget = budget};
	struct ozr_array *a = NULL;
	int rc = ozr_array_open(store, "a", OZR_UPDATE, &a, &err);
	for (uint64_t y = 0; rc == OZR_OK && y < SIDE; y += 5) {
		struct ozr_box b = box_of((void *)(uintptr_t)(values + y * SIDE), y, 5);
		rc = ozr_array_write(a, 1, &b, &call, &err);
	}
	if (rc == OZR_OK)
		rc = ozr_array_flush(a, NULL, &err);
	ozr_array_close(a);
	return rc;
}

/* Each chunk (shards may be published in parts) is old, new, or, row by row of a strip, both. */
static void check_content(struct ozr_store *store, int all_new)
{
	struct ozr_array *a;
	struct ozr_box b = box_of(got, 0, SIDE);
	CHECK_OK(ozr_array_open(store, "a", OZR_READ, &a, &err));
	CHECK_OK(ozr_array_read(a, 1, &b, NULL, &err));
	ozr_array_close(a);
	for (size_t i = 0; i < SIDE * SIDE; i++)
		CHECK(got[i] == after[i] || (!all_new && got[i] == before[i]));
}

static void check_calls(const char *dir, int sharded, int call, int sys, size_t budget)
{
	struct ozr_ctx_options co = {.threads = 1, .sys = &fault_sys};
	struct ozr_array_options opt = plane(sharded);
	int failures = 0;
	for (long at = 1;; at += at < 40 ? 1 : 3) {
		struct ozr_ctx *ctx;
		struct ozr_store *store;
		struct ozr_array *a;
		struct ozr_stats start, end;
		CHECK_OK(ozr_ctx_new(&co, &ctx, &err));
		CHECK_OK(ozr_store_open_dir(ctx, dir, OZR_UPDATE, OZR_FLUSH_NONE, &store, &err));
		CHECK_OK(ozr_array_create(store, "a", &opt, &a, &err));
		ozr_array_close(a);
		CHECK_OK(scenario(store, before, 0));
		ozr_ctx_stats(ctx, &start);
		err.msg[0] = 0;
		fault_arm(call, at, sys, 0);
		int rc = scenario(store, after, budget);
		int hit = fault_disarm();
		if (rc) {
			CHECK(err.msg[0] && err.code == rc);
			CHECK(call == FAULT_ALLOC || call == FAULT_RESIZE ? rc == OZR_NO_MEMORY
									  : rc == OZR_IO);
		}
		failures += rc != OZR_OK;
		check_content(store, rc == OZR_OK);
		CHECK(count_entries(join(dir, "a/c"), ".ozr") == 0);
		CHECK_OK(scenario(store, after, budget));
		check_content(store, 1);
		ozr_ctx_stats(ctx, &end);
		ozr_store_unref(store);
		ozr_ctx_unref(ctx);
		remove_tree(join(dir, "a"));
		if (!hit)
			break;
	}
	/* giving back the room of a worst case may fail without harm */
	CHECK(failures > 0 || call == FAULT_RESIZE);
}

/* One element at a time, without a budget: thousands of pieces in the scratch file. */
static void check_pieces(struct ozr_ctx *ctx)
{
	struct ozr_array_options opt = {
		.dtype = OZR_UINT16, .rank = 2, .shape = {SIDE, SIDE}, .chunk = {SIDE, SIDE}};
	struct ozr_call call = {.budget = 1};
	struct ozr_store *store;
	struct ozr_array *a;
	uint64_t random = 5;
	CHECK_OK(ozr_store_open_mem(ctx, &store, &err));
	CHECK_OK(ozr_array_create(store, "p", &opt, &a, &err));
	memset(got, 0, BYTES);
	for (int i = 0; i < 6000; i++) {
		uint64_t r = next_random(&random), y = r % SIDE, x = r / SIDE % (SIDE - 1);
		uint16_t v[2] = {(uint16_t)(r >> 32), (uint16_t)(r >> 48)};
		struct ozr_box b = {
			.start = {y, x}, .count = {1, 2}, .data = v, .dtype = OZR_UINT16};
		ozr_box_contiguous(&b, 2);
		CHECK_OK(ozr_array_write(a, 1, &b, &call, &err));
		memcpy(&got[y * SIDE + x], v, 4);
	}
	struct ozr_box b = box_of(after, 0, SIDE);
	CHECK_OK(ozr_array_flush(a, NULL, &err));
	CHECK_OK(ozr_array_read(a, 1, &b, NULL, &err));
	CHECK(memcmp(got, after, BYTES) == 0);
	ozr_array_close(a);
	ozr_store_unref(store);
}

/* A put that fails while the shard goes ahead of itself: an error, once; others go on. */
static void check_stream(const char *dir)
{
	struct ozr_ctx_options co = {.threads = 2, .sys = &fault_sys};
	struct ozr_array_options opt = plane(1);
	for (long at = 1; at < 30; at++) {
		struct ozr_ctx *ctx;
		struct ozr_store *store;
		struct ozr_array *a;
		struct ozr_call call = {.budget = 1};
		CHECK_OK(ozr_ctx_new(&co, &ctx, &err));
		CHECK_OK(ozr_store_open_dir(ctx, dir, OZR_UPDATE, OZR_FLUSH_NONE, &store, &err));
		CHECK_OK(ozr_array_create(store, "a", &opt, &a, &err));
		fault_arm(FAULT_PWRITE, at, ENOSPC, 0);
		int failures = 0;
		for (uint64_t y = 0; y < SIDE; y += CHUNK) {
			struct ozr_box b =
				box_of(after + y * SIDE, y, SIDE - y < CHUNK ? SIDE - y : CHUNK);
			failures += ozr_array_write(a, 1, &b, &call, &err) != OZR_OK;
		}
		failures += ozr_array_flush(a, NULL, &err) != OZR_OK;
		CHECK(fault_disarm() == (failures > 0));
		ozr_array_close(a);
		CHECK(count_entries(join(dir, "a/c"), ".ozr") == 0);
		ozr_store_unref(store);
		ozr_ctx_unref(ctx);
		remove_tree(join(dir, "a"));
	}
}

int main(void)
{
	char dir[PATH_MAX];
	struct ozr_ctx *ctx;
	for (size_t i = 0; i < SIDE * SIDE; i++) {
		before[i] = (uint16_t)(i * 7 + 1);
		after[i] = (uint16_t)(i * 13 + 30000);
	}
	temp_dir(dir);
	for (int sharded = 0; sharded < 2; sharded++) {
		check_calls(dir, sharded, FAULT_PWRITE, ENOSPC, 0);
		check_calls(dir, sharded, FAULT_PREAD, EIO, 0);
		check_calls(dir, sharded, FAULT_RENAMEAT2, EIO, 0);
		check_calls(dir, sharded, FAULT_LOCK, EIO, 0);
		check_calls(dir, sharded, FAULT_PWRITE, ENOSPC, 1);
		check_calls(dir, sharded, FAULT_ALLOC, 0, 0);
		check_calls(dir, sharded, FAULT_ALLOC, 0, 1);
		check_calls(dir, sharded, FAULT_RESIZE, 0, 0);
	}
	check_stream(dir);
	remove_tree(dir);
	CHECK_OK(ozr_ctx_new(NULL, &ctx, &err));
	check_pieces(ctx);
	ozr_ctx_unref(ctx);
	return 0;
}
