/* SPDX-License-Identifier: MIT */
/*
 * Every allocation, and every write to the scratch file, of a pyramid's life
 * fails once: pull, push and finish, refresh, extend. The call says so, what
 * was stored before is still read, and (under a sanitizer) nothing leaks.
 */
#include "../support/fault.h"
#include "../support/scene.h"

/* One life of an image up to the operation that is to fail. */
struct life {
	struct ozr_ctx *ctx;
	struct ozr_store *store;
	struct ozr_image *img;
	struct scene *s;
	struct ozr_call call;
	int call_to_fail;
};

static struct ozr_image_options options(uint64_t scale)
{
	const uint64_t shape[] = {20, 33 * scale, 48 * scale}, chunk[] = {4, 8, 16};
	struct ozr_image_options opt = scene_options(OZR_UINT8, 3, shape, chunk);
	opt.levels = 3;
	opt.no_shards = 0;
	opt.shard[0] = 8;
	opt.shard[1] = 16;
	opt.shard[2] = 32;
	return opt;
}

static int pull(struct life *l, struct ozr_err *err)
{
	l->s->source.block[0] = 1;
	l->s->source.block[1] = l->s->opt.shape[1];
	l->s->source.block[2] = l->s->opt.shape[2];
	int rc = ozr_pyramid_pull(l->img, &l->s->source, &l->call, err);
	return rc ? rc : ozr_image_commit(l->img, NULL, err);
}

static int push(struct life *l, struct ozr_err *err)
{
	const uint64_t y = l->s->opt.shape[1], x = l->s->opt.shape[2];
	int rc = OZR_OK;
	for (uint64_t z = 0; z < 20 && !rc; z++) {
		struct ozr_box box = {.start = {z},
				      .count = {1, y, x - 8},
				      .stride = {(int64_t)(y * x), (int64_t)x, 1},
				      .data = l->s->want[0] + z * y * x,
				      .dtype = OZR_UINT8};
		rc = ozr_pyramid_push(l->img, &box, &l->call, err);
	}
	return rc ? rc : ozr_image_commit(l->img, NULL, err);
}

static int update(struct life *l, struct ozr_err *err)
{
	static unsigned char pixels[9 * 9 * 9];
	struct ozr_box box = {.start = {5, 6, 7},
			      .count = {9, 9, 9},
			      .stride = {81, 9, 1},
			      .data = pixels,
			      .dtype = OZR_UINT8};
	int rc = ozr_array_write(ozr_image_level(l->img, 0), 1, &box, &l->call, err);
	return rc ? rc : ozr_pyramid_refresh(l->img, 0, box.start, box.count, &l->call, err);
}

static int extend(struct life *l, struct ozr_err *err)
{
	struct ozr_box box = {.start = {20},
			      .count = {3, 33, 48},
			      .stride = {33 * 48, 48, 1},
			      .data = l->s->want[0],
			      .dtype = OZR_UINT8};
	return ozr_pyramid_extend(l->img, 0, &box, &l->call, err);
}

static int read_new(void *user, const struct ozr_box *box, struct ozr_err *err)
{
	(void)user, (void)err;
	memset(box->data, 7, (size_t)(box->count[0] * box->count[1] * box->count[2]));
	return OZR_OK;
}

static int extend_pull(struct life *l, struct ozr_err *err)
{
	const struct ozr_source src = {.read = read_new};
	return ozr_pyramid_extend_pull(l->img, 0, 3, &src, &l->call, err);
}

typedef int (*operation)(struct life *l, struct ozr_err *err);

static int extends(operation run)
{
	return run == extend || run == extend_pull;
}

/* Level 0 of an image whose update failed: elements are old, or new where `run` writes. */
static void check_stored(struct life *l, operation run)
{
	struct ozr_image *img = NULL;
	struct ozr_array_info info;
	struct ozr_err err;
	if (run == pull || run == push) {
		CHECK(ozr_image_probe(l->store, "") == 0);
		return;
	}
	CHECK_OK(ozr_image_open(l->store, "", OZR_READ, &img, &err));
	ozr_array_get_info(ozr_image_level(img, 0), &info);
	CHECK(info.shape[0] == 20 || (extends(run) && info.shape[0] == 23));
	if (info.shape[0] == 20 && extends(run))
		scene_compare_level(l->s, img, 0);
	ozr_image_close(img);
	if (info.shape[0] == 20 && extends(run)) { /* a second attempt completes it */
		CHECK_OK(ozr_image_open(l->store, "", OZR_UPDATE, &l->img, &err));
		CHECK_OK(extend(l, &err));
		ozr_array_get_info(ozr_image_level(l->img, 2), &info);
		CHECK(info.shape[0] > l->s->plan[2].shape[0]);
		ozr_image_close(l->img);
	}
}

/* Returns whether the n-th call of a kind was reached. */
static int fail_at(struct scene *s, operation run, int kind, long n, int error, size_t budget)
{
	struct life l = {.s = s, .call = {.budget = budget}};
	const int creates = run == pull || run == push;
	struct ozr_err err;
	l.ctx = scene_ctx(2, &fault_sys);
	l.store = scene_store_mem(l.ctx);
	l.img = scene_image(s, l.store);
	if (!creates) {
		CHECK_OK(ozr_pyramid_pull(l.img, &s->source, NULL, &err));
		CHECK_OK(ozr_image_commit(l.img, NULL, &err));
		ozr_image_close(l.img);
		CHECK_OK(ozr_image_open(l.store, "", OZR_UPDATE, &l.img, &err));
	}
	fault_arm(kind, n, error, 0);
	const int rc = run(&l, &err);
	const int struck = fault_disarm();
	if (rc) {
		CHECK(struck);
		CHECK(rc == (kind == FAULT_ALLOC ? OZR_NO_MEMORY : OZR_IO));
		CHECK(err.msg[0]);
	}
	ozr_image_close(l.img);
	if (rc)
		check_stored(&l, run);
	ozr_store_unref(l.store);
	ozr_ctx_unref(l.ctx);
	return struck;
}

static void sweep(operation run, int kind, int error, size_t budget, uint64_t scale, long least)
{
	const struct ozr_image_options opt = options(scale);
	struct scene s;
	long n = 1;
	scene_open(&s, &opt);
	scene_paint(&s, 1);
	while (fail_at(&s, run, kind, n, error, budget))
		n += 1 + n / 16;
	CHECK(n > least);
	scene_close(&s);
}

int main(void)
{
	static const operation all[] = {pull, push, update, extend, extend_pull};
	for (size_t i = 0; i < 5; i++)
		sweep(all[i], FAULT_ALLOC, ENOMEM, 1, 1, 50);
	sweep(pull, FAULT_ALLOC, ENOMEM, 0, 1, 50);
	sweep(pull, FAULT_PWRITE, ENOSPC, 1, 4, 3);
	sweep(push, FAULT_PWRITE, EIO, 1, 4, 3);
	sweep(push, FAULT_PREAD, EIO, 1, 4, 3);
	return 0;
}
