/* SPDX-License-Identifier: MIT */
/*
 * Levels in which colors count by their alpha: every way to build them gives
 * what a plain loop over the pixels gives, whatever the chunks and whatever
 * part of the channels is touched.
 */
#include <math.h>
#include <stdlib.h>

#include "unit/image_testing.h"

enum { CHANNELS = 4, HEIGHT = 157, WIDTH = 203, LEVELS = 3 };

struct level {
	uint64_t height, width;
	double *v; /* [CHANNELS][height][width] */
};

static double *at(const struct level *l, uint64_t c, uint64_t y, uint64_t x)
{
	return &l->v[(c * l->height + y) * l->width + x];
}

static double round_even(double v, enum ozr_dtype t)
{
	return t == OZR_FLOAT32 ? (double)(float)v : nearbyint(v);
}

/* One pixel of the next level; integers stay far below 2^53. */
static double reduce(const struct level *l, uint64_t alpha, uint64_t c, uint64_t y, uint64_t x,
		     enum ozr_dtype t)
{
	double sum = 0, all = 0, plain = 0;
	unsigned n = 0;

	for (uint64_t j = 2 * y; j < 2 * y + 2 && j < l->height; j++)
		for (uint64_t i = 2 * x; i < 2 * x + 2 && i < l->width; i++) {
			double w = *at(l, alpha, j, i), v = *at(l, c, j, i);
			sum += w * v;
			all += w;
			plain += v;
			n++;
		}
	if (t == OZR_FLOAT32 && (c == alpha || all == 0)) { /* sums of floats are floats there */
		float f = 0;
		for (uint64_t j = 2 * y; j < 2 * y + 2 && j < l->height; j++)
			for (uint64_t i = 2 * x; i < 2 * x + 2 && i < l->width; i++)
				f += (float)*at(l, c, j, i);
		return (double)(f / (float)n);
	}
	return round_even(c == alpha || all == 0 ? plain / n : sum / all, t);
}

static struct level next_level(const struct level *l, uint64_t alpha, enum ozr_dtype t)
{
	struct level up = {(l->height + 1) / 2, (l->width + 1) / 2, NULL};

	up.v = malloc(CHANNELS * up.height * up.width * sizeof(double));
	assert_non_null(up.v);
	for (uint64_t c = 0; c < CHANNELS; c++)
		for (uint64_t y = 0; y < up.height; y++)
			for (uint64_t x = 0; x < up.width; x++)
				*at(&up, c, y, x) = reduce(l, alpha, c, y, x, t);
	return up;
}

static struct level make_pixels(uint64_t alpha, double most)
{
	struct level l = {HEIGHT, WIDTH, malloc(CHANNELS * HEIGHT * WIDTH * sizeof(double))};
	uint64_t state = 12345;

	assert_non_null(l.v);
	for (uint64_t c = 0; c < CHANNELS; c++)
		for (uint64_t y = 0; y < HEIGHT; y++)
			for (uint64_t x = 0; x < WIDTH; x++) {
				state = state * 6364136223846793005u + 1442695040888963407u;
				double v = (double)(state >> 48) / 65535.0;
				if (c == alpha && (x / 30 + y / 20) % 3 == 0)
					v = 0; /* windows without weight, and edges of them */
				*at(&l, c, y, x) = floor(v * most);
			}
	return l;
}

static struct ozr_box whole(const struct level *l)
{
	struct ozr_box box = {
		.count = {CHANNELS, l->height, l->width}, .data = l->v, .dtype = OZR_FLOAT64};
	ozr_box_contiguous(&box, 3);
	return box;
}

static void check(struct ozr_image *img, const struct level *base, uint64_t alpha, enum ozr_dtype t)
{
	struct level l = {base->height, base->width,
			  malloc(CHANNELS * HEIGHT * WIDTH * sizeof(double))};

	memcpy(l.v, base->v, CHANNELS * HEIGHT * WIDTH * sizeof(double));
	for (unsigned n = 0; n < LEVELS; n++) {
		struct level found = {l.height, l.width,
				      malloc(CHANNELS * l.height * l.width * sizeof(double))};
		struct ozr_box box = whole(&found);
		OK(ozr_array_read(ozr_image_level(img, n), 1, &box, NULL, &err));
		for (uint64_t i = 0; i < CHANNELS * l.height * l.width; i++)
			if (found.v[i] != l.v[i])
				fail_msg("level %u: element %u is %.17g, not %.17g", n, (unsigned)i,
					 found.v[i], l.v[i]);
		struct level up = next_level(&l, alpha, t);
		free(found.v);
		free(l.v);
		l = up;
	}
	free(l.v);
}

static int read_source(void *user, const struct ozr_box *box, struct ozr_err *e)
{
	const struct level *l = user;

	(void)e;
	for (uint64_t c = 0; c < box->count[0]; c++)
		for (uint64_t y = 0; y < box->count[1]; y++)
			ozr_convert(at(l, box->start[0] + c, box->start[1] + y, box->start[2]),
				    OZR_FLOAT64, 8,
				    (char *)box->data + (int64_t)c * box->stride[0] +
					    (int64_t)y * box->stride[1],
				    box->dtype, box->stride[2], box->count[2]);
	return OZR_OK;
}

static struct ozr_image_options options(enum ozr_dtype t, uint64_t alpha, uint64_t chunk)
{
	static const char axes[] = "cyx";
	struct ozr_image_options o = {.dtype = t,
				      .rank = 3,
				      .shape = {CHANNELS, HEIGHT, WIDTH},
				      .levels = LEVELS,
				      .chunk = {chunk, 32, 48},
				      .shard = {chunk, 64, 96},
				      .alpha = alpha + 1};
	for (unsigned d = 0; d < 3; d++) {
		o.axes[d].name[0] = axes[d];
		o.axes[d].kind = d == 0 ? OZR_AXIS_CHANNEL : OZR_AXIS_SPACE;
	}
	return o;
}

static void one(enum ozr_dtype t, double most, uint64_t alpha, uint64_t chunk, int push)
{
	struct ozr_image_options o = options(t, alpha, chunk);
	struct level l = make_pixels(alpha, most);
	struct ozr_source src = {.user = &l, .read = read_source, .block = {1, 1, WIDTH}};
	struct ozr_call call = {.budget = 1 << 20};
	struct ozr_image *img;
	struct ozr_store *s;
	struct ozr_box box = whole(&l);

	OK(ozr_store_open_mem(ctx, &s, &err));
	OK(ozr_image_create(s, "", OZR_CREATE_DIRECT, &o, &img, &err));
	for (uint64_t c = CHANNELS; push && c-- > 0;) { /* channel after channel, the last first */
		struct ozr_box part = box;
		part.start[0] = c;
		part.count[0] = 1;
		part.data = at(&l, c, 0, 0);
		OK(ozr_pyramid_push(img, &part, &call, &err));
	}
	if (!push)
		OK(ozr_pyramid_pull(img, &src, &call, &err));
	OK(ozr_image_commit(img, NULL, &err));
	ozr_image_close(img);
	OK(ozr_image_open(s, "", OZR_UPDATE, &img, &err)); /* the metadata says how to go on */
	check(img, &l, alpha, t);
	/* A part of the alpha channel alone: all channels of the levels follow. */
	double patch[20 * 30];
	struct ozr_box edit = {.start = {alpha, 41, 101},
			       .count = {1, 20, 30},
			       .data = patch,
			       .dtype = OZR_FLOAT64};
	ozr_box_contiguous(&edit, 3);
	for (unsigned i = 0; i < 600; i++) {
		patch[i] = (double)(i % 5);
		*at(&l, alpha, 41 + i / 30, 101 + i % 30) = patch[i];
	}
	OK(ozr_array_write(ozr_image_level(img, 0), 1, &edit, NULL, &err));
	OK(ozr_pyramid_refresh(img, 0, edit.start, edit.count, &call, &err));
	check(img, &l, alpha, t);
	ozr_image_close(img);
	ozr_store_unref(s);
	free(l.v);
}

static void test_builds(void **state)
{
	static const struct {
		enum ozr_dtype t;
		double most;
	} types[] = {{OZR_UINT8, 255}, {OZR_UINT16, 65535}, {OZR_FLOAT32, 1000}};
	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		for (int push = 0; push < 2; push++) {
			one(types[i].t, types[i].most, 3, 1, push);
			one(types[i].t, types[i].most, 0, 4, push);
			one(types[i].t, types[i].most, 2, 3, push);
		}
}

/* Elsewhere the option changes nothing: types and methods that know no weights. */
static void test_where_it_does_not_apply(void **state)
{
	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		struct ozr_image_options o = options(kind ? OZR_UINT8 : OZR_INT32, 3, 1);
		struct level l = make_pixels(3, 100);
		struct ozr_box box = whole(&l);
		struct ozr_image *img;
		struct ozr_store *s;
		int32_t v;

		o.method = kind ? OZR_NEAREST : OZR_MEAN;
		OK(ozr_store_open_mem(ctx, &s, &err));
		OK(ozr_image_create(s, "", OZR_CREATE_DIRECT, &o, &img, &err));
		OK(ozr_pyramid_push(img, &box, NULL, &err));
		OK(ozr_image_commit(img, NULL, &err));
		struct ozr_box p = {.start = {1, 7, 9}, .count = {1, 1, 1}, .data = &v};
		p.dtype = OZR_INT32;
		ozr_box_contiguous(&p, 3);
		OK(ozr_array_read(ozr_image_level(img, 1), 1, &p, NULL, &err));
		double sum = *at(&l, 1, 14, 18) + *at(&l, 1, 14, 19) + *at(&l, 1, 15, 18) +
			     *at(&l, 1, 15, 19);
		assert_true(v ==
			    (kind ? (int32_t)*at(&l, 1, 14, 18) : (int32_t)nearbyint(sum / 4)));
		ozr_image_close(img);
		ozr_store_unref(s);
		free(l.v);
	}
}

static void test_what_cannot_be(void **state)
{
	struct ozr_image_options o = options(OZR_UINT8, 4, 1);
	struct ozr_level_plan plan[8];
	unsigned n;
	uint8_t byte = 0;
	(void)state;

	assert_int_equal(ozr_image_plan(&o, plan, 8, &n, &err), OZR_BAD_ARG);
	has_text(err.msg, "there is no channel 4", 1);
	struct ozr_reduce how = {.dtype = OZR_UINT8,
				 .rank = 2,
				 .count = {1, 1},
				 .factor = {1, 1},
				 .has_weight = 1,
				 .weight_axis = 1};
	assert_int_equal(ozr_reduce_box(&how, &byte, &byte, &err), OZR_BAD_ARG);
	how.weight_axis = 0;
	how.weight = 1;
	assert_int_equal(ozr_reduce_box(&how, &byte, &byte, &err), OZR_BAD_ARG);
	how.weight = 0;
	how.dtype = OZR_INT8;
	assert_int_equal(ozr_reduce_box(&how, &byte, &byte, &err), OZR_BAD_ARG);
}

static int make_ctx(void **state)
{
	(void)state;
	return ozr_ctx_new(NULL, &ctx, &err);
}

static int drop_ctx(void **state)
{
	(void)state;
	ozr_ctx_unref(ctx);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_builds),
		cmocka_unit_test(test_where_it_does_not_apply),
		cmocka_unit_test(test_what_cannot_be),
	};
	return cmocka_run_group_tests(tests, make_ctx, drop_ctx);
}
