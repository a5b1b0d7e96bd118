/* SPDX-License-Identifier: MIT */
/*
 * What of a box is stored, with and without shards: counts, stopping early,
 * limits; errors are errors, not absence.
 */
#include "support/model.h"

enum { SIDE = 64, CHUNK = 16, SHARD = 32 };

static struct ozr_err err;
static struct ozr_ctx *ctx;

/* Only the chunks (1, 1) and (2, 3) of 4 x 4 hold anything but fill. */
static struct ozr_array *make(struct ozr_store *s, int sharded)
{
	static int32_t pixels[SIDE * SIDE];
	struct ozr_array_options opt = {
		.dtype = OZR_INT32, .rank = 2, .shape = {SIDE, SIDE}, .chunk = {CHUNK, CHUNK}};
	struct ozr_box all = {.count = {SIDE, SIDE}, .data = pixels, .dtype = OZR_INT32};
	struct ozr_array *a;

	if (sharded)
		opt.shard[0] = opt.shard[1] = SHARD;
	pixels[20 * SIDE + 20] = 1;
	pixels[40 * SIDE + 63] = 2;
	CHECK_OK(ozr_array_create(s, "a", &opt, &a, &err));
	ozr_box_contiguous(&all, 2);
	CHECK_OK(ozr_array_write(a, 1, &all, NULL, &err));
	CHECK_OK(ozr_array_flush(a, NULL, &err));
	struct ozr_presence p;
	CHECK(ozr_array_presence(a, 1, &all, 0, 100, &p, &err) == OZR_UNSUPPORTED);
	ozr_array_close(a);
	CHECK_OK(ozr_array_open(s, "a", OZR_READ, &a, &err));
	return a;
}

static struct ozr_presence look(struct ozr_array *a, uint64_t y, uint64_t x, uint64_t h, uint64_t w,
				unsigned stop)
{
	struct ozr_box box = {.start = {y, x}, .count = {h, w}, .dtype = OZR_INT32};
	struct ozr_presence p;

	CHECK_OK(ozr_array_presence(a, 1, &box, stop, 100, &p, &err));
	return p;
}

static void check_layout(int sharded)
{
	struct ozr_box all = {.count = {SIDE, SIDE}, .dtype = OZR_INT32}, two[2];
	struct ozr_store *s;
	struct ozr_presence p;
	struct ozr_stats before, after;

	CHECK_OK(ozr_store_open_mem(ctx, &s, &err));
	struct ozr_array *a = make(s, sharded);
	ozr_ctx_stats(ctx, &before);
	p = look(a, 0, 0, SIDE, SIDE, 0);
	CHECK(p.stored == 2 * CHUNK * CHUNK && p.missing == 14 * CHUNK * CHUNK && p.complete);
	p = look(a, 17, 18, 10, 5, 0);
	CHECK(p.stored == 50 && p.missing == 0 && p.complete);
	p = look(a, 15, 15, 2, 2, 0);
	CHECK(p.stored == 1 && p.missing == 3 && p.complete);
	p = look(a, 0, 0, 16, SIDE, OZR_STOP_STORED);
	CHECK(p.stored == 0 && p.complete);
	p = look(a, 0, 0, SIDE, SIDE, OZR_STOP_MISSING);
	CHECK(p.stored == 0 && p.missing > 0 && !p.complete);
	p = look(a, 0, 0, SIDE, SIDE, OZR_STOP_STORED);
	CHECK(p.stored == CHUNK * CHUNK && !p.complete);
	/* a box counts for itself, also when another one covers it; and steps are steps */
	two[0] = two[1] = all;
	two[1].step[0] = two[1].step[1] = 20;
	two[1].count[0] = two[1].count[1] = 4;
	CHECK_OK(ozr_array_presence(a, 2, two, 0, 100, &p, &err));
	CHECK(p.stored == 2 * CHUNK * CHUNK + 2 && p.missing == 14 * CHUNK * CHUNK + 14);
	ozr_ctx_stats(ctx, &after);
	CHECK(after.chunks_decoded == before.chunks_decoded);
	CHECK(after.blocks_decoded == before.blocks_decoded);
	CHECK(ozr_array_presence(a, 1, &all, 0, 3, &p, &err) == OZR_LIMIT);
	all.count[0] = SIDE + 1;
	CHECK(ozr_array_presence(a, 1, &all, 0, 100, &p, &err) == OZR_BAD_ARG);
	all.count[0] = SIDE;

	/* a shard whose index is broken is not absent; an array that is gone is not empty */
	if (sharded) {
		CHECK_OK(ozr_store_put(s, "a/c/0/0", "short", 5, OZR_PUT_REPLACE, &err));
		CHECK(ozr_array_presence(a, 1, &all, 0, 100, &p, &err) == OZR_CORRUPT);
		CHECK(strstr(err.msg, "c/0/0: shard has 5 bytes") != NULL);
	}
	CHECK_OK(ozr_store_del(s, "a/zarr.json", &err));
	CHECK_OK(ozr_store_del(s, "a/c/0/0", &err));
	CHECK(ozr_array_presence(a, 1, &all, 0, 100, &p, &err) == OZR_CHANGED);
	ozr_array_close(a);
	ozr_store_unref(s);
}

int main(void)
{
	CHECK_OK(ozr_ctx_new(NULL, &ctx, &err));
	check_layout(0);
	check_layout(1);
	ozr_ctx_unref(ctx);
	return 0;
}
