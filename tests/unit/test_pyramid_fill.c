/* SPDX-License-Identifier: MIT */
/*
 * Levels above elements that are stored already: equal to what a pull makes of
 * them, read from the arrays or from elsewhere, while what is there keeps its
 * bytes and is read only where a level is made of it.
 */
#include "../support/scene.h"
#include "ome/image_impl.h"

static struct ozr_err err;

static struct ozr_image_options plane(void)
{
	const uint64_t shape[] = {517, 1001}, chunk[] = {64, 96};
	return scene_options(OZR_UINT16, 2, shape, chunk);
}

/* A level's elements, written to its array by hand. */
static void write_level(const struct scene *s, struct ozr_image *img, unsigned level)
{
	struct ozr_box box = {.dtype = s->opt.dtype, .data = s->want[level]};
	memcpy(box.count, s->plan[level].shape, sizeof box.count);
	ozr_box_contiguous(&box, s->opt.rank);
	CHECK_OK(ozr_array_write(ozr_image_level(img, level), 1, &box, NULL, &err));
	CHECK_OK(ozr_array_flush(ozr_image_level(img, level), NULL, &err));
}

struct heard {
	double last;
	int calls;
};

static int on_progress(void *user, double fraction)
{
	struct heard *h = user;
	CHECK(fraction >= h->last && fraction <= 1);
	h->last = fraction;
	h->calls++;
	return 0;
}

static void fill_from_arrays(unsigned threads, size_t budget)
{
	const struct ozr_image_options opt = plane();
	struct ozr_ctx *ctx = scene_ctx(threads, NULL);
	struct ozr_store *store = scene_store_mem(ctx);
	struct heard heard = {0, 0};
	struct scene s;
	scene_open(&s, &opt);
	scene_paint(&s, 5);
	struct ozr_image *img = scene_image(&s, store);
	write_level(&s, img, 0);
	struct ozr_stats before, after;
	ozr_ctx_stats(ctx, &before);
	struct ozr_source src = ozr_pyramid_stored(ozr_image_level(img, 0));
	CHECK(src.block[0] == 64 && src.block[1] == 96);
	const unsigned char all[] = {1};
	const struct ozr_call call = {.budget = budget, .user = &heard, .progress = on_progress};
	CHECK_OK(ozr_pyramid_fill(img, &src, all, 1, &call, &err));
	CHECK(heard.last == 1 && heard.calls > 1);
	CHECK_OK(ozr_image_commit(img, NULL, &err));
	ozr_ctx_stats(ctx, &after);
	/* 9 x 11 chunks of level 0 are not encoded again; 5 x 6, 3 x 3 and 2 x 2 are */
	CHECK(after.chunks_encoded - before.chunks_encoded == 30 + 9 + 4);
	scene_compare(&s, img);
	ozr_image_close(img);
	scene_close(&s);
	ozr_store_unref(store);
	ozr_ctx_unref(ctx);
}

static int must_not(void *user, const struct ozr_box *box, struct ozr_err *e)
{
	(void)user, (void)box;
	return ozr_fail(e, OZR_IO, "nobody may read this");
}

/* Levels 0 and 1 are there, and only 1 is read: for level 2. Level 3 comes from elsewhere, then too. */
static void fill_between(void)
{
	const struct ozr_image_options opt = plane();
	struct ozr_ctx *ctx = scene_ctx(2, NULL);
	struct ozr_store *store = scene_store_mem(ctx);
	struct scene s;
	scene_open(&s, &opt);
	CHECK(s.levels == 4);
	scene_paint(&s, 5);
	/* level 1 is something else than level 0 makes; 2 follows it, 3 is its own */
	const size_t n1 = scene_elements(&s, 1), n3 = scene_elements(&s, 3);
	for (size_t i = 0; i < n1; i++)
		scene_store(s.want[1] + 2 * i, OZR_UINT16, (double)(i % 1000));
	for (unsigned l = 2; l < 4; l++) {
		uint64_t at[OZR_MAX_RANK] = {0};
		size_t i = 0;
		do {
			scene_store(s.want[l] + i++ * s.size, OZR_UINT16, scene_window(&s, l, at));
		} while (scene_step(at, s.plan[l].shape, 2));
	}
	for (size_t i = 0; i < n3; i++)
		scene_store(s.want[3] + 2 * i, OZR_UINT16, (double)(7 + i % 5));
	struct ozr_image *img = scene_image(&s, store);
	write_level(&s, img, 0);
	write_level(&s, img, 1);
	write_level(&s, img, 3);
	struct ozr_source src[4] = {{.read = must_not},
				    ozr_pyramid_stored(ozr_image_level(img, 1)),
				    {.read = NULL},
				    {.read = must_not}};
	const unsigned char stored[] = {1, 1, 0, 1};
	/* without a source level 3 would be made of 2, over what it has */
	src[3].read = NULL;
	CHECK_CODE(OZR_BAD_ARG, ozr_pyramid_fill(img, src, stored, 4, NULL, &err));
	src[3].read = must_not;
	CHECK_OK(ozr_pyramid_fill(img, src, stored, 4, NULL, &err));
	CHECK_OK(ozr_image_commit(img, NULL, &err));
	scene_compare(&s, img);
	ozr_image_close(img);
	/* a source that fails is an error, and the image is lost */
	store = (ozr_store_unref(store), scene_store_mem(ctx));
	img = scene_image(&s, store);
	src[0].read = must_not;
	CHECK_CODE(OZR_IO, ozr_pyramid_fill(img, src, stored, 1, NULL, &err));
	CHECK(ozr_image_commit(img, NULL, &err) != OZR_OK);
	ozr_image_close(img);
	scene_close(&s);
	ozr_store_unref(store);
	ozr_ctx_unref(ctx);
}

int main(void)
{
	fill_from_arrays(1, 0);
	fill_from_arrays(4, 0);
	fill_from_arrays(4, 100000);
	fill_between();
	return 0;
}
