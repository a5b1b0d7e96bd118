/* SPDX-License-Identifier: MIT */
/*
 * What an image will look like: levels, factors and transformations against
 * tables worked out by hand, chunk and shard shapes, and options that are
 * refused with a reason.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ome/axes.h"
#include "ome/plan.h"

static struct ozr_level_plan plan[64];

/* An image with the axes named by letters. */
static struct ozr_image_options options(const char *axes, const uint64_t *shape)
{
	struct ozr_image_options o = {.dtype = OZR_UINT16, .rank = (unsigned)strlen(axes)};

	for (unsigned d = 0; d < o.rank; d++) {
		o.axes[d].name[0] = axes[d];
		o.axes[d].kind = ozr_axis_guess(o.axes[d].name);
		o.shape[d] = shape[d];
	}
	return o;
}

static unsigned plan_of(const struct ozr_image_options *o)
{
	struct ozr_err err = {0};
	unsigned n = 0;

	memset(plan, 0xA5, sizeof(plan));
	int rc = ozr_image_plan(o, plan, 64, &n, &err);
	if (rc != OZR_OK)
		fail_msg("%s", err.msg);
	return n;
}

static void expect(const uint64_t *found, const uint64_t *wanted, unsigned rank, const char *what,
		   unsigned level)
{
	for (unsigned d = 0; d < rank; d++)
		if (found[d] != wanted[d])
			fail_msg("%s of level %u, axis %u: %llu, expected %llu", what, level, d,
				 (unsigned long long)found[d], (unsigned long long)wanted[d]);
}

static void test_plane(void **state)
{
	static const uint64_t shapes[][2] = {{1000, 777}, {500, 389}, {250, 195}};
	struct ozr_image_options o = options("yx", shapes[0]);

	(void)state;
	o.scale[0] = 0.5;
	o.scale[1] = 0.25 * 3; /* below twice 0.5: both are reduced */
	o.translation[1] = -8.0;
	assert_int_equal(plan_of(&o), 3);
	for (unsigned i = 0; i < 3; i++) {
		double f = (double)(1 << i);
		expect(plan[i].shape, shapes[i], 2, "shape", i);
		assert_int_equal(plan[i].factor[0], i == 0 ? 1 : 2);
		assert_true(plan[i].scale[0] == 0.5 * f && plan[i].scale[1] == 0.75 * f);
		/* the centre of pixel 0 of a bin of f pixels, from the definition */
		assert_true(plan[i].translation[0] == 0.5 * (f - 1) / 2);
		assert_true(plan[i].translation[1] == -8.0 + 0.75 * (f - 1) / 2);
	}
}

static void test_isotropy(void **state)
{
	/* z is four times as coarse: it joins when y and x have caught up */
	static const uint64_t shapes[][3] = {{300, 2048, 2048},
					     {300, 1024, 1024},
					     {300, 512, 512},
					     {150, 256, 256},
					     {75, 128, 128}};
	struct ozr_image_options o = options("zyx", shapes[0]);

	(void)state;
	o.scale[0] = 4.0;
	o.scale[1] = o.scale[2] = 1.0;
	assert_int_equal(plan_of(&o), 5);
	for (unsigned i = 0; i < 5; i++)
		expect(plan[i].shape, shapes[i], 3, "shape", i);
	assert_true(plan[4].scale[0] == 16.0 && plan[4].scale[1] == 16.0);
	assert_true(plan[4].translation[0] == 6.0 && plan[4].translation[2] == 7.5);

	/* a factor of exactly two is not below two, however it is written */
	o.scale[0] = 0.26;
	o.scale[1] = o.scale[2] = 0.13;
	plan_of(&o);
	assert_int_equal(plan[1].factor[0], 1);
	assert_int_equal(plan[2].factor[0], 2);
}

static void test_isotropy_over_units(void **state)
{
	static const uint64_t shape[] = {300, 512, 512};
	struct ozr_image_options o = options("zyx", shape);

	(void)state;
	o.scale[0] = 0.5; /* micrometers: as 500 nm, five times as coarse */
	o.scale[1] = o.scale[2] = 100.0;
	snprintf(o.axes[0].unit, sizeof(o.axes[0].unit), "micrometer");
	snprintf(o.axes[1].unit, sizeof(o.axes[1].unit), "nm");
	snprintf(o.axes[2].unit, sizeof(o.axes[2].unit), "nanometer");
	plan_of(&o);
	assert_int_equal(plan[1].factor[0], 1);
	assert_int_equal(plan[1].factor[1], 2);
	/* one unit that nobody knows: bare numbers are compared */
	snprintf(o.axes[1].unit, sizeof(o.axes[1].unit), "pixel");
	plan_of(&o);
	assert_int_equal(plan[1].factor[0], 2);
	assert_int_equal(plan[1].factor[1], 1);
}

static void test_other_axes_stay(void **state)
{
	static const uint64_t shape[] = {1000, 999, 1, 600, 1};
	struct ozr_image_options o = options("tczyx", shape);

	(void)state;
	assert_int_equal(plan_of(&o), 3); /* 600, 300, 150 <= 256: no volume */
	assert_int_equal(plan[2].shape[0], 1000);
	assert_int_equal(plan[2].shape[1], 999);
	assert_int_equal(plan[2].shape[2], 1);
	assert_int_equal(plan[2].shape[3], 150);
	assert_int_equal(plan[2].shape[4], 1);
	assert_int_equal(plan[1].factor[4], 1); /* an extent of 1 is not reduced */
	assert_false(ozr_plan_is_volume(&o));
	assert_true(plan[2].scale[4] == 1.0);
}

static void test_levels_and_factors(void **state)
{
	static const uint64_t shape[] = {64, 100, 1000};
	static const unsigned factors[] = {1, 2, 4, 2, 5, 3};
	struct ozr_image_options o = options("zyx", shape);

	(void)state;
	o.levels = 1;
	assert_int_equal(plan_of(&o), 1);
	o.levels = 4;
	o.factors = factors;
	o.factor_sets = 2;
	assert_int_equal(plan_of(&o), 4);
	expect(plan[1].shape, (const uint64_t[]){64, 50, 250}, 3, "shape", 1);
	expect(plan[2].shape, (const uint64_t[]){32, 10, 84}, 3, "shape", 2);
	expect(plan[3].shape, (const uint64_t[]){16, 2, 28}, 3, "shape",
	       3); /* the last row again */
	assert_true(plan[2].scale[2] == 12.0 && plan[2].translation[2] == 1.5 + 4.0);
	o.factors = NULL;
	o.levels = 64; /* more than there is to reduce: it ends at one voxel */
	unsigned n = plan_of(&o);
	assert_int_equal(n, 11);
	expect(plan[n - 1].shape, (const uint64_t[]){1, 1, 1}, 3, "shape", n - 1);
}

static void test_huge(void **state)
{
	static const uint64_t shape[] = {INT64_MAX, INT64_MAX};
	struct ozr_image_options o = options("yx", shape);

	(void)state;
	unsigned n = plan_of(&o);
	assert_true(n > 50 && n < 64);
	assert_true(plan[n - 1].shape[0] <= 256);
	assert_true(ozr_plan_files(plan, n, 2) > 1000000);
}

/* chunk and shard of level 0 and of the last level */
static void test_storage(void **state)
{
	static const struct {
		const char *axes;
		uint64_t shape[5];
		int version;
		enum ozr_dtype dtype;
		uint64_t chunk[5], shard[5], last_chunk[5], last_shard[5];
	} cases[] = {
		/* volumes: cubes of 128; 32 MiB are 256^3 of uint16 */
		{"zyx",
		 {1000, 1000, 1000},
		 5,
		 OZR_UINT16,
		 {128, 128, 128},
		 {256, 256, 256},
		 {125, 125, 125},
		 {125, 125, 125}},
		/* uint8: one more doubling, of y */
		{"zyx",
		 {1000, 1000, 1000},
		 5,
		 OZR_UINT8,
		 {128, 128, 128},
		 {256, 512, 256},
		 {125, 125, 125},
		 {125, 125, 125}},
		{"zyx",
		 {1000, 1000, 1000},
		 5,
		 OZR_FLOAT64,
		 {128, 128, 128},
		 {128, 256, 128},
		 {125, 125, 125},
		 {125, 125, 125}},
		{"zyx",
		 {1000, 1000, 1000},
		 4,
		 OZR_UINT16,
		 {128, 128, 128},
		 {128, 128, 128},
		 {125, 125, 125},
		 {125, 125, 125}},
		/* planes: 512 with shards of 4096 x 4096, 1024 in 0.4 */
		{"yx",
		 {20000, 20000},
		 5,
		 OZR_UINT16,
		 {512, 512},
		 {4096, 4096},
		 {157, 157},
		 {157, 157}},
		{"yx",
		 {20000, 20000},
		 4,
		 OZR_UINT16,
		 {1024, 1024},
		 {1024, 1024},
		 {157, 157},
		 {157, 157}},
		/* a shard never reaches beyond the array's chunks */
		{"cyx",
		 {3, 700, 5000},
		 5,
		 OZR_UINT8,
		 {1, 512, 512},
		 {1, 1024, 5120},
		 {1, 22, 157},
		 {1, 22, 157}},
		/* small images: one chunk, no shards */
		{"yx", {100, 200}, 5, OZR_UINT16, {100, 200}, {100, 200}, {100, 200}, {100, 200}},
		{"tczyx",
		 {5, 2, 60, 60, 60},
		 5,
		 OZR_UINT16,
		 {1, 1, 60, 60, 60},
		 {1, 1, 60, 60, 60},
		 {1, 1, 60, 60, 60},
		 {1, 1, 60, 60, 60}},
		/* few planes: wider chunks */
		{"zyx",
		 {20, 1000, 1000},
		 4,
		 OZR_UINT16,
		 {20, 256, 256},
		 {20, 256, 256},
		 {3, 125, 125},
		 {3, 125, 125}},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ozr_image_options o = options(cases[i].axes, cases[i].shape);
		o.ome_version = cases[i].version;
		o.dtype = cases[i].dtype;
		unsigned n = plan_of(&o);
		print_message("case %zu\n", i);
		expect(plan[0].chunk, cases[i].chunk, o.rank, "chunk", 0);
		expect(plan[0].shard, cases[i].shard, o.rank, "shard", 0);
		expect(plan[n - 1].chunk, cases[i].last_chunk, o.rank, "chunk", n - 1);
		expect(plan[n - 1].shard, cases[i].last_shard, o.rank, "shard", n - 1);
	}
}

static void test_storage_as_asked(void **state)
{
	static const uint64_t shape[] = {300, 300, 300};
	struct ozr_image_options o = options("zyx", shape);

	(void)state;
	o.chunk[1] = 64; /* one axis only; the others as ever */
	unsigned n = plan_of(&o);
	expect(plan[0].chunk, (const uint64_t[]){128, 64, 128}, 3, "chunk", 0);
	expect(plan[n - 1].chunk, (const uint64_t[]){75, 64, 75}, 3, "chunk", n - 1);
	o.shard[1] = 256; /* given: no others are made up, and it is not cut */
	plan_of(&o);
	expect(plan[0].shard, (const uint64_t[]){128, 256, 128}, 3, "shard", 0);
	expect(plan[n - 1].shard, (const uint64_t[]){75, 256, 75}, 3, "shard", n - 1);
	o.no_shards = 1;
	plan_of(&o);
	expect(plan[0].shard, plan[0].chunk, 3, "shard", 0);
	/* a shard larger than the image keeps our chunk whole */
	memset(o.chunk, 0, sizeof(o.chunk));
	o.no_shards = 0;
	o.shard[0] = o.shard[1] = o.shard[2] = 1024;
	plan_of(&o);
	expect(plan[0].chunk, (const uint64_t[]){128, 128, 128}, 3, "chunk", 0);
	expect(plan[0].shard, (const uint64_t[]){1024, 1024, 1024}, 3, "shard", 0);
}

static void test_shards_divide(void **state)
{
	/* whatever the shape, a shard holds whole chunks and at most 64 MiB */
	(void)state;
	for (unsigned seed = 1; seed < 2000; seed++) {
		uint64_t shape[5];
		unsigned r = seed * 2654435761u;
		for (unsigned d = 0; d < 5; d++, r = r * 1664525u + 1013904223u)
			shape[d] = 1 + (r >> 8) % (1u << (r & 15));
		struct ozr_image_options o = options("tczyx", shape);
		o.dtype = (enum ozr_dtype)(seed % OZR_DTYPES);
		unsigned n = plan_of(&o);
		for (unsigned i = 0; i < n; i++) {
			uint64_t bytes = ozr_dtype_size(o.dtype);
			for (unsigned d = 0; d < 5; d++) {
				const struct ozr_level_plan *l = &plan[i];
				assert_true(l->chunk[d] >= 1 && l->chunk[d] <= l->shape[d]);
				assert_int_equal(l->shard[d] % l->chunk[d], 0);
				assert_true(l->shard[d] < l->shape[d] + l->chunk[d]);
				bytes *= l->shard[d];
				if (i > 0)
					assert_int_equal(l->shape[d],
							 (plan[i - 1].shape[d] + l->factor[d] - 1) /
								 l->factor[d]);
			}
			assert_true(bytes <= 64u << 20);
		}
	}
}

static void test_refusals(void **state)
{
	static const uint64_t shape[] = {4, 5, 6};
	static const unsigned zero[] = {1, 0, 1}, channel[] = {2, 1, 1};
	static const struct ozr_channel one[1] = {{.label = "a"}};
	const struct ozr_image_options good = options("cyx", shape);
	struct ozr_image_options bad[20];
	const char *words[20];
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		bad[i] = good;
#define REFUSE(change, text)                                                                       \
	do {                                                                                       \
		bad[n].change;                                                                     \
		words[n++] = text;                                                                 \
	} while (0)
	REFUSE(rank = 1, "2 to 5");
	REFUSE(rank = 40, "2 to 5");
	REFUSE(ome_version = 6, "found 6");
	REFUSE(shape[1] = 0, "axis 'y': the extent");
	REFUSE(scale[2] = -1.0, "axis 'x': the scale");
	REFUSE(scale[2] = NAN, "axis 'x': the scale");
	REFUSE(translation[0] = INFINITY, "axis 'c': the translation");
	REFUSE(axes[1].name[0] = 'x', "axes 1 and 2 are both 'x'");
	REFUSE(axes[1].name[0] = '\0', "axis 1: has no name");
	REFUSE(axes[2].kind = OZR_AXIS_TIME, "axis 2 ('x') comes too late");
	REFUSE(axes[1].kind = OZR_AXIS_OTHER, "2 channel or custom");
	REFUSE(dtype = OZR_DTYPES, "data type");
	REFUSE(levels = -1, "found -1");
	REFUSE(levels = 65, "the limit is 64");
	REFUSE(factors = zero; bad[n].factor_sets = 1, "axis 'y': the factor");
	REFUSE(factors = channel; bad[n].factor_sets = 1, "axis 'c': only space");
	REFUSE(channels = 1; bad[n].channel = one, "1 channels are described, the image has 4");
	REFUSE(shard[1] = 7, "axis 'y': the shard must be a multiple");
	REFUSE(is_label = 1; bad[n].dtype = OZR_FLOAT32, "labels must be integers");
	REFUSE(chunk[1] = UINT64_MAX, "does not fit");
	for (unsigned i = 0; i < n; i++) {
		struct ozr_err err = {0};
		unsigned levels = 99;
		assert_int_equal(ozr_image_plan(&bad[i], plan, 64, &levels, &err), OZR_BAD_ARG);
		if (strstr(err.msg, words[i]) == NULL)
			fail_msg("%u: no '%s' in: %s", i, words[i], err.msg);
		assert_int_equal(levels, 99);
	}
}

static void test_defaults(void **state)
{
	static const uint64_t shape[] = {4, 5};
	struct ozr_image_options in = options("yx", shape), out;

	(void)state;
	assert_int_equal(ozr_options_complete(&in, &out, NULL), OZR_OK);
	assert_int_equal(out.ome_version, 5);
	assert_int_equal(out.method, OZR_MEAN);
	assert_true(out.scale[0] == 1.0);
	in.is_label = 1; /* a mean would invent ids */
	assert_int_equal(ozr_options_complete(&in, &out, NULL), OZR_OK);
	assert_int_equal(out.method, OZR_MODE);
	in.method = OZR_NEAREST;
	assert_int_equal(ozr_options_complete(&in, &out, NULL), OZR_OK);
	assert_int_equal(out.method, OZR_NEAREST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plane),
		cmocka_unit_test(test_isotropy),
		cmocka_unit_test(test_isotropy_over_units),
		cmocka_unit_test(test_other_axes_stay),
		cmocka_unit_test(test_levels_and_factors),
		cmocka_unit_test(test_huge),
		cmocka_unit_test(test_storage),
		cmocka_unit_test(test_storage_as_asked),
		cmocka_unit_test(test_shards_divide),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_defaults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
