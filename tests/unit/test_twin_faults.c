/* SPDX-License-Identifier: MIT */
/*
 * Making a twin when the system says no: every allocation and every system call
 * fails in turn. The twin is there whole, the same bytes as ever, or the old file
 * is; nothing else is left and nothing leaks. And the table of tiles in its
 * scratch file, which only large twins have.
 */
#include "ozr/ozr.h"
#include "support/check.h"
#include "support/fault.h"
#include "twin/table.h"

enum { SIDE = 150, OLD = 3 };
static struct ozr_err err;
static struct ozr_ctx *ctx;
static char root[PATH_MAX];
static unsigned char want[1 << 20], got[sizeof want];
static size_t want_len;

struct job {
	struct ozr_store *zip;
	struct ozr_image *img;
	struct ozr_twin *twin;
};

static int push(struct ozr_image *img)
{
	static uint16_t pixels[SIDE * SIDE];
	int code = OZR_OK;
	for (uint64_t c = 0; c < 3 && !code; c++) {
		struct ozr_box box = {.start = {c, 0, 0},
				      .count = {1, SIDE, SIDE},
				      .data = pixels,
				      .dtype = OZR_UINT16};
		ozr_box_contiguous(&box, 3);
		for (size_t i = 0; i < SIDE * SIDE; i++)
			pixels[i] = (uint16_t)(i % SIDE < 64 ? 0 : i * 7 + c);
		code = ozr_pyramid_push(img, &box, NULL, &err);
	}
	return code ? code : ozr_pyramid_finish(img, NULL, &err);
}

static int fill(struct job *j)
{
	struct ozr_image_options o = {.dtype = OZR_UINT16,
				      .rank = 3,
				      .shape = {3, SIDE, SIDE},
				      .axes = {{"c", OZR_AXIS_CHANNEL, ""},
					       {"y", OZR_AXIS_SPACE, "micrometer"},
					       {"x", OZR_AXIS_SPACE, "micrometer"}},
				      .chunk = {0, 64, 64},
				      .levels = 2};
	static const uint32_t number[4] = {1, 2, 3, 4};
	const struct ozr_tiff_tag tag = {65000, 4, 4, number};
	const struct ozr_twin_options how = {.tags = 1, .tag = &tag};
	struct ozr_twin_storage storage;
	int code = ozr_twin_complete(&o, &how, &storage, &err);
	if (!code)
		code = ozr_image_create(j->zip, "", OZR_CREATE_DIRECT, &o, &j->img, &err);
	if (!code)
		code = ozr_twin_begin(j->zip, j->img, &how, &j->twin, &err);
	if (!code)
		code = push(j->img);
	if (!code)
		code = ozr_image_commit(j->img, NULL, &err);
	if (!code)
		code = ozr_twin_finish(j->twin, NULL, &err);
	return code ? code : ozr_zip_commit(j->zip, &err);
}

static int make(void)
{
	const struct ozr_zip_options zo = {.head = OZR_TWIN_HEAD};
	struct job j = {NULL, NULL, NULL};
	int code =
		ozr_zip_create_file(ctx, join(root, "x.ozx"), &zo, OZR_FLUSH_CLOSE, &j.zip, &err);
	if (!code)
		code = fill(&j);
	ozr_twin_free(j.twin);
	ozr_image_close(j.img);
	ozr_store_unref(j.zip);
	return code;
}

/* What workers keep between calls is given back when memory is short: so after a run that works. */
static uint64_t memory_after_success(void)
{
	struct ozr_stats stats;
	quick_temp_dir(root);
	CHECK_OK(make());
	want_len = (size_t)read_file(join(root, "x.ozx"), want, sizeof want);
	remove_tree(root);
	ozr_ctx_stats(ctx, &stats);
	return stats.memory_bytes;
}

static int one(int call, long at, int error, int sticky)
{
	quick_temp_dir(root);
	write_file(join(root, "x.ozx"), "old", OLD);
	err = (struct ozr_err){.code = OZR_OK};
	fault_arm(call, at, error, sticky);
	int code = make();
	int struck = fault_disarm();
	if ((!struck && code) || (code && (err.code != code || !err.msg[0]))) {
		fprintf(stderr, "call %d number %ld error %d: %d '%s'\n", call, at, error, code,
			err.msg);
		CHECK(0);
	}
	ssize_t n = read_file(join(root, "x.ozx"), got, sizeof got);
	int is_new = (size_t)n == want_len && memcmp(got, want, want_len) == 0;
	CHECK(is_new || (n == OLD && memcmp(got, "old", OLD) == 0));
	CHECK(code || is_new);
	if (!sticky && call != FAULT_UNLINKAT && call != FAULT_OPEN_BENEATH)
		CHECK(count_entries(root, "") == 1);
	remove_tree(root);
	return struck;
}

/* The table in its scratch file, the first call of a kind failing. */
static int table(int call, int error)
{
	struct ozr_tile_table *t = NULL;
	struct ozr_tile_place place[20], back[20];
	for (unsigned i = 0; i < 20; i++)
		place[i] = (struct ozr_tile_place){i * 1000, i + 1};
	fault_arm(call, 1, error, error == ENOMEM); /* one that fails is tried again */
	int code = ozr_tile_table_new(ctx, 1000, 100, &t, &err);
	if (!code)
		code = ozr_tile_table_put(t, 900, 20, place, &err);
	if (!code)
		code = ozr_tile_table_get(t, 900, 20, back, &err);
	CHECK(fault_disarm() || call == FAULT_CALLS);
	CHECK(code || memcmp(place, back, sizeof place) == 0);
	ozr_tile_table_free(t);
	return code;
}

int main(void)
{
	struct ozr_ctx_options opt = {.sys = &fault_sys, .threads = 1, .cache_bytes = 1};
	CHECK_OK(ozr_ctx_new(&opt, &ctx, &err));
	memory_after_success();
	CHECK(want_len > 10000 && want_len < sizeof want);
	uint64_t memory = memory_after_success();
	for (int call = 0; call < FAULT_CALLS; call++) {
		int error = call <= FAULT_RESIZE ? ENOMEM : ENOSPC;
		for (long at = 1; one(call, at, error, 0); at++)
			one(call, at, error, 1);
		CHECK(memory_after_success() == memory);
	}
	CHECK(table(FAULT_CALLS, 0) == OZR_OK);
	CHECK(table(FAULT_ALLOC, ENOMEM) == OZR_NO_MEMORY);
	CHECK(table(FAULT_OPEN, EMFILE) != OZR_OK);
	CHECK(table(FAULT_PWRITE, ENOSPC) != OZR_OK);
	CHECK(table(FAULT_PREAD, EIO) != OZR_OK);
	CHECK(table(FAULT_PWRITE, FAULT_SHORT) == OZR_OK);
	CHECK(table(FAULT_PREAD, FAULT_SHORT) == OZR_OK);
	CHECK(table(FAULT_PWRITE, EINTR) == OZR_OK);
	CHECK(memory_after_success() == memory);
	ozr_ctx_unref(ctx);
	return 0;
}
