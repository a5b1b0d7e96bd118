/* SPDX-License-Identifier: MIT */
/*
 * Origins: an image, or a part of one, as what a copy is made of. Images that
 * were written by hand, with all that other programs put into their metadata,
 * are copied from version to version; pixels and metadata are compared with
 * what was written.
 */
#include <stdlib.h>

#include "ome/axes.h"
#include "ome/image_impl.h"
#include "unit/image_testing.h"

/* Time 2, channels 3, z 4, y 20, x 30; two levels: 1,1,1,2,2. */
static const uint64_t full[5] = {2, 3, 4, 20, 30};

#define AXES                                                                                       \
	"\"axes\":[{\"name\":\"t\",\"type\":\"time\",\"unit\":\"second\"},{\"name\":\"c\","        \
	"\"type\":\"channel\"},{\"name\":\"z\",\"type\":\"space\",\"unit\":\"micrometer\"},"       \
	"{\"name\":\"y\",\"type\":\"space\",\"unit\":\"micrometer\"},{\"name\":\"x\","             \
	"\"type\":\"space\",\"unit\":\"micrometer\"}]"
#define DATASET(path, y, x, ty, tx)                                                                \
	"{\"path\":\"" path "\",\"coordinateTransformations\":[{\"type\":\"scale\",\"scale\":"     \
	"[0.5,1,2.5," y "," x "]},{\"type\":\"translation\",\"translation\":[10,0,-4," ty "," tx   \
	"]}]}"
#define SCALES                                                                                     \
	"\"name\":\"cells\",\"type\":\"nearest\"," AXES                                            \
	",\"datasets\":[" DATASET("0", "0.25", "0.25", "1", "2") "," DATASET("1", "0.5", "0.5",    \
									     "1.125", "2.125") "]"
#define OMERO                                                                                      \
	"\"omero\":{%s\"id\":7,\"channels\":[{\"label\":\"DAPI\",\"color\":\"0000FF\","            \
	"\"active\":false,\"emission\":461,\"window\":{\"min\":0,\"max\":65535,\"start\":1e2,"     \
	"\"end\":900.50}},{\"label\":\"\",\"color\":\"oops\",\"window\":{\"start\":3,\"end\":"     \
	"4}},{\"color\":\"FF8000\",\"coefficient\":2,\"family\":\"poly\",\"inverted\":true}],"     \
	"\"rdefs\":{\"defaultZ\":3,\"defaultT\":1,\"model\":\"greyscale\",\"projection\":"         \
	"\"normal\"}}"
#define MORE "\"mine\":{\"pi\":3.1400,\"big\":12345678901234567890,\"bad\":NaN},\"labels\":[\"l\"]"

static uint16_t pixel(unsigned level, const uint64_t *at)
{
	uint64_t y = at[3] << level, x = at[4] << level;
	return (uint16_t)(at[0] * 30000 + at[1] * 9000 + at[2] * 2000 + y * 31 + x);
}

/* The level's pixels as they must be: of the part [t, c and so on], in the copy's axes. */
static void check_level(struct ozr_image *img, unsigned level, unsigned of, const int *map,
			const uint64_t *fixed)
{
	struct ozr_array_info a;
	uint64_t n = 1;

	ozr_array_get_info(ozr_image_level(img, level), &a);
	for (unsigned d = 0; d < a.rank; d++)
		n *= a.shape[d];
	uint16_t *data = malloc(n * sizeof(*data));
	assert_non_null(data);
	struct ozr_box box = {.data = data, .dtype = OZR_UINT16};
	memcpy(box.count, a.shape, sizeof(box.count));
	ozr_box_contiguous(&box, a.rank);
	OK(ozr_array_read(ozr_image_level(img, level), 1, &box, NULL, &err));
	for (uint64_t i = 0; i < n; i++) {
		uint64_t at[5], left = i;
		memcpy(at, fixed, sizeof(at));
		for (unsigned d = a.rank; d-- > 0;) {
			at[map[d]] = left % a.shape[d];
			left /= a.shape[d];
		}
		assert_int_equal(data[i], pixel(of, at));
	}
	free(data);
}

static void write_pixels(struct ozr_store *s, const char *path, int format, unsigned level)
{
	struct ozr_array_options o = {.zarr_format = format,
				      .dtype = OZR_UINT16,
				      .rank = 5,
				      .shape = {2, 3, 4, 20 >> level, 30 >> level},
				      .chunk = {1, 2, 3, 7, 30}};
	struct ozr_array *a;
	uint64_t n = 2 * 3 * 4 * o.shape[3] * o.shape[4];
	uint16_t *data = malloc(n * sizeof(*data));

	assert_non_null(data);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t at[5], left = i;
		for (unsigned d = 5; d-- > 0;) {
			at[d] = left % o.shape[d];
			left /= o.shape[d];
		}
		data[i] = pixel(level, at);
	}
	OK(ozr_array_create(s, path, &o, &a, &err));
	struct ozr_box box = {.data = data, .dtype = OZR_UINT16};
	memcpy(box.count, o.shape, sizeof(box.count));
	ozr_box_contiguous(&box, 5);
	OK(ozr_array_write(a, 1, &box, NULL, &err));
	OK(ozr_array_flush(a, NULL, &err));
	ozr_array_close(a);
	free(data);
}

/* An image as another program may have written it. */
static struct ozr_image *foreign(struct ozr_store *s, int version)
{
	struct ozr_image *img;
	char omero[1200], text[4000];

	snprintf(omero, sizeof(omero), OMERO, version == 4 ? "\"version\":\"0.4\"," : "");
	if (version == 4) {
		snprintf(text, sizeof(text),
			 "{\"multiscales\":[{\"version\":\"0.4\"," SCALES "}],%s," MORE "}", omero);
		put(s, ".zgroup", "{\"zarr_format\":2}");
		put(s, ".zattrs", text);
	} else {
		snprintf(text, sizeof(text),
			 "{\"zarr_format\":3,\"node_type\":\"group\",\"attributes\":{\"ome\":{"
			 "\"version\":\"0.5\",\"multiscales\":[{" SCALES "}],%s,\"series\":[\"0\"],"
			 "\"_creator\":{\"name\":\"x\"}},\"multiscales\":{\"layout\":[]}," MORE
			 "}}",
			 omero);
		put(s, "zarr.json", text);
	}
	write_pixels(s, "0", version == 4 ? 2 : 3, 0);
	write_pixels(s, "1", version == 4 ? 2 : 3, 1);
	OK(ozr_image_open(s, "", OZR_READ, &img, &err));
	return img;
}

static char *base;

static const char *give_base(void *user, int level, const char *path, const uint64_t *shape,
			     const double *scale, const double *translation)
{
	(void)user, (void)path, (void)shape, (void)scale, (void)translation;
	return level < 0 ? base : NULL;
}

/* Copy a part into an empty store; the copy, open. */
static struct ozr_image *copy(struct ozr_store *to, struct ozr_image *img,
			      const struct ozr_part *part, int version)
{
	struct ozr_image_options opt;
	struct ozr_source src;
	struct ozr_origin *o;
	struct ozr_image *made;

	OK(ozr_origin_new(img, part, &o, &err));
	ozr_origin_options(o, &opt);
	opt.ome_version = version;
	OK(ozr_origin_attributes(o, version, &base, &err));
	opt.attributes = give_base;
	OK(ozr_image_create(to, "", OZR_CREATE_DIRECT, &opt, &made, &err));
	ozr_origin_source(o, 0, 1, &src);
	OK(ozr_pyramid_pull(made, &src, NULL, &err));
	OK(ozr_image_commit(made, NULL, &err));
	ozr_text_free(base);
	ozr_origin_free(o);
	for (unsigned i = 0; ozr_image_warning(made, i) != NULL; i++)
		fail_msg("warning: %s", ozr_image_warning(made, i));
	return made;
}

static void check_omero(struct ozr_image *img, const char *document, int version)
{
	struct ozr_image_info info;
	struct ozr_channel c;

	ozr_image_get_info(img, &info);
	assert_int_equal(info.channels, 3);
	assert_true(info.has_default_z && info.default_z == 3 && info.default_t == 1);
	OK(ozr_image_channel(img, 0, &c, &err));
	assert_string_equal(c.label, "DAPI");
	assert_true(!c.active && c.rgb[2] == 255 && c.start == 100 && c.end == 900.5);
	OK(ozr_image_channel(img, 1, &c, &err)); /* what it lacks is made up */
	assert_string_equal(c.label, "Channel 1");
	assert_true(c.has_color && c.rgb[0] == 255 && c.start == 3 && c.end == 4 && c.active);
	OK(ozr_image_channel(img, 2, &c, &err));
	assert_string_equal(c.label, "Channel 2");
	assert_true(c.has_window && c.min == 18000 && c.max > 50000 && c.rgb[1] == 128);
	for (const char *const *word =
		     (const char *const[]){"\"emission\": 461", "\"start\": 1e2", "\"end\": 900.50",
					   "\"coefficient\": 2", "\"poly\"", "\"inverted\": true",
					   "\"projection\": \"normal\"", "\"greyscale\"",
					   "\"id\": 7", "3.1400", "12345678901234567890", "NaN",
					   NULL};
	     *word != NULL; word++)
		has_text(document, *word, 1);
	has_text(document, version == 4 ? "\"0.5\"" : "\"0.4\"", 0);
	has_text(document, "\"series\"", 0);
	has_text(document, "\"layout\"", 0);
	has_text(document, "\"labels\"", 0);
}

static void check_scales(struct ozr_image *img)
{
	static const double scale[2][5] = {{0.5, 1, 2.5, 0.25, 0.25}, {0.5, 1, 2.5, 0.5, 0.5}};
	static const double move[2][5] = {{10, 0, -4, 1, 2}, {10, 0, -4, 1.125, 2.125}};
	struct ozr_image_info info;

	ozr_image_get_info(img, &info);
	assert_int_equal(info.levels, 2);
	assert_string_equal(info.axes[0].unit, "second");
	assert_string_equal(info.axes[2].unit, "micrometer");
	assert_string_equal(info.name, "cells");
	for (unsigned l = 0; l < 2; l++) {
		double s[OZR_MAX_RANK], t[OZR_MAX_RANK];
		ozr_image_transform(img, l, s, t);
		for (unsigned d = 0; d < 5; d++)
			assert_true(s[d] == scale[l][d] && t[d] == move[l][d]);
	}
}

static void test_versions(void **state)
{
	static const int whole[5] = {0, 1, 2, 3, 4};
	static const uint64_t none[5];
	(void)state;

	for (int from = 4; from <= 5; from++)
		for (int to = 4; to <= 5; to++) {
			struct ozr_store *a, *b;
			OK(ozr_store_open_mem(ctx, &a, &err));
			OK(ozr_store_open_mem(ctx, &b, &err));
			struct ozr_image *img = foreign(a, from), *made = copy(b, img, NULL, to);
			char *text = get(b, to == 4 ? ".zattrs" : "zarr.json");
			check_omero(made, text, to);
			if (from == 5)
				has_text(text, "\"_creator\"", 1);
			check_scales(made);
			for (unsigned l = 0; l < 2; l++)
				check_level(made, l, l, whole, none);
			ozr_text_free(text);
			ozr_image_close(made);
			ozr_image_close(img);
			ozr_store_unref(a);
			ozr_store_unref(b);
		}
}

/* One channel, one point of time, from level 1 on. */
static void test_part(void **state)
{
	static const int map[3] = {2, 3, 4};
	static const uint64_t fixed[5] = {1, 2};
	const struct ozr_part part = {.level = 1, .cut = {1, 1}, .index = {1, 2}};
	struct ozr_store *a, *b;
	struct ozr_image_info info;
	struct ozr_channel c;
	double s[OZR_MAX_RANK], t[OZR_MAX_RANK];
	(void)state;

	OK(ozr_store_open_mem(ctx, &a, &err));
	OK(ozr_store_open_mem(ctx, &b, &err));
	struct ozr_image *img = foreign(a, 4), *made = copy(b, img, &part, 5);
	ozr_image_get_info(made, &info);
	assert_int_equal(info.rank, 3);
	assert_string_equal(info.axes[0].name, "z");
	assert_int_equal(info.channels, 1);
	assert_true(info.has_default_z && info.default_z == 3);
	OK(ozr_image_channel(made, 0, &c, &err));
	assert_true(c.rgb[0] == 255 && c.rgb[1] == 128); /* it was the last one */
	ozr_image_transform(made, 0, s, t);
	assert_true(s[0] == 2.5 && s[1] == 0.5 && t[0] == -4 && t[2] == 2.125);
	check_level(made, 0, 1, map, fixed);
	ozr_image_close(made);
	ozr_image_close(img);
	ozr_store_unref(a);
	ozr_store_unref(b);
}

/* Axes in an order that only old versions allow are put right, pixels too. */
static void test_old_order(void **state)
{
	struct ozr_image_options opt;
	struct ozr_store *s, *to;
	struct ozr_image *img;
	struct ozr_origin *o;
	uint8_t data[2 * 3 * 4], found[2 * 3 * 4];
	struct ozr_array_options ao = {.zarr_format = 2,
				       .dtype = OZR_UINT8,
				       .rank = 3,
				       .shape = {2, 3, 4},
				       .chunk = {2, 3, 2}};
	struct ozr_array *a;
	(void)state;

	OK(ozr_store_open_mem(ctx, &s, &err));
	OK(ozr_store_open_mem(ctx, &to, &err));
	put(s, ".zgroup", "{\"zarr_format\":2}");
	put(s, ".zattrs",
	    "{\"multiscales\":[{\"version\":\"0.3\",\"axes\":[\"y\",\"x\",\"c\"],"
	    "\"datasets\":[{\"path\":\"0\"}]}]}");
	OK(ozr_array_create(s, "0", &ao, &a, &err));
	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	struct ozr_box box = {.count = {2, 3, 4}, .data = data, .dtype = OZR_UINT8};
	ozr_box_contiguous(&box, 3);
	OK(ozr_array_write(a, 1, &box, NULL, &err));
	OK(ozr_array_flush(a, NULL, &err));
	ozr_array_close(a);
	OK(ozr_image_open(s, "", OZR_READ, &img, &err));
	OK(ozr_origin_new(img, NULL, &o, &err));
	ozr_origin_options(o, &opt);
	assert_int_equal(ozr_origin_axis(o, 0), 2);
	assert_string_equal(opt.axes[0].name, "c");
	assert_int_equal(opt.shape[0], 4);
	ozr_origin_free(o);
	struct ozr_image *made = copy(to, img, NULL, 5);
	box = (struct ozr_box){.count = {4, 2, 3}, .data = found, .dtype = OZR_UINT8};
	ozr_box_contiguous(&box, 3);
	OK(ozr_array_read(ozr_image_level(made, 0), 1, &box, NULL, &err));
	for (unsigned c = 0; c < 4; c++)
		for (unsigned i = 0; i < 6; i++)
			assert_int_equal(found[c * 6 + i], data[i * 4 + c]);
	ozr_image_close(made);
	ozr_image_close(img);
	ozr_store_unref(s);
	ozr_store_unref(to);
}

static void test_what_cannot_be(void **state)
{
	const struct ozr_part deep = {.level = 2}, far = {.cut = {[2] = 1}, .index = {[2] = 4}};
	const struct ozr_part flat = {.cut = {[3] = 1, [2] = 1}};
	struct ozr_origin *o;
	struct ozr_store *s;
	(void)state;

	OK(ozr_store_open_mem(ctx, &s, &err));
	struct ozr_image *img = foreign(s, 5);
	assert_int_equal(ozr_origin_new(img, &deep, &o, &err), OZR_BAD_ARG);
	has_text(err.msg, "level 2, the image has 2", 1);
	assert_int_equal(ozr_origin_new(img, &far, &o, &err), OZR_BAD_ARG);
	has_text(err.msg, "axis 'z': element 4 of 4", 1);
	assert_int_equal(ozr_origin_new(img, &flat, &o, &err), OZR_UNSUPPORTED);
	has_text(err.msg, "1 space axes", 1);
	assert_int_equal(err.code, OZR_UNSUPPORTED);
	ozr_image_close(img);
	ozr_store_unref(s);
}

/* Levels and factors come along only where ours would have the same shapes. */
static void test_levels(void **state)
{
	struct ozr_image_options opt;
	struct ozr_origin *o;
	struct ozr_store *s;
	uint64_t shape[OZR_MAX_RANK];
	(void)state;

	OK(ozr_store_open_mem(ctx, &s, &err));
	struct ozr_image *img = foreign(s, 5);
	OK(ozr_origin_new(img, NULL, &o, &err));
	ozr_origin_options(o, &opt);
	assert_int_equal(opt.method, OZR_NEAREST);
	assert_int_equal(opt.levels, 2);
	assert_int_equal(ozr_origin_levels(o), 2);
	ozr_origin_shape(o, 1, shape);
	for (unsigned d = 0; d < 5; d++) {
		assert_int_equal(opt.factors[d], d < 3 ? 1 : 2);
		assert_int_equal(shape[d], d < 3 ? full[d] : full[d] / 2);
	}
	ozr_origin_free(o);
	ozr_image_close(img);
	ozr_store_unref(s);
}

/* An image whose second level is one smaller than ours would be, and has nothing to do with the
 * first; with a third one that we make. */
static struct ozr_image *odd_levels(struct ozr_store *s)
{
	struct ozr_image *img;
	struct ozr_array_options o = {.zarr_format = 3,
				      .dtype = OZR_UINT8,
				      .rank = 2,
				      .shape = {21, 31},
				      .chunk = {8, 8}};
	uint8_t data[21 * 31];

	put(s, "zarr.json",
	    "{\"zarr_format\":3,\"node_type\":\"group\",\"attributes\":{\"ome\":{\"version\":"
	    "\"0.5\",\"multiscales\":[{\"axes\":[{\"name\":\"y\",\"type\":\"space\"},{\"name\":"
	    "\"x\",\"type\":\"space\"}],\"datasets\":[{\"path\":\"0\","
	    "\"coordinateTransformations\":[{\"type\":\"scale\",\"scale\":[0.1,0.1]}]},{\"path\":"
	    "\"1\",\"coordinateTransformations\":[{\"type\":\"scale\",\"scale\":[0.2,0.3]},{"
	    "\"type\":\"translation\",\"translation\":[0,0.07]}]}]}]}}}");
	for (unsigned l = 0; l < 2; l++) {
		struct ozr_array *a;
		struct ozr_box box = {.data = data, .dtype = OZR_UINT8};
		char path[2] = {(char)('0' + l), '\0'};
		o.shape[0] = l == 0 ? 21 : 10;
		o.shape[1] = l == 0 ? 31 : 10;
		for (unsigned i = 0; i < sizeof(data); i++)
			data[i] = (uint8_t)(l == 0 ? i % 7 : 100 + i % 11);
		memcpy(box.count, o.shape, sizeof(box.count));
		ozr_box_contiguous(&box, 2);
		OK(ozr_array_create(s, path, &o, &a, &err));
		OK(ozr_array_write(a, 1, &box, NULL, &err));
		OK(ozr_array_flush(a, NULL, &err));
		ozr_array_close(a);
	}
	OK(ozr_image_open(s, "", OZR_READ, &img, &err));
	return img;
}

struct seen {
	double last;
	unsigned calls;
};

static int watch(void *user, double fraction)
{
	struct seen *seen = user;
	assert_true(fraction >= seen->last && fraction <= 1 + 1e-9);
	seen->last = fraction;
	seen->calls++;
	return 0;
}

static void test_levels_as_they_are(void **state)
{
	struct ozr_image_options opt;
	struct ozr_store *s, *to;
	struct ozr_origin *o;
	struct ozr_image *made;
	struct ozr_source src[2];
	struct ozr_array_info a;
	struct seen seen = {0};
	struct ozr_call call = {.user = &seen, .progress = watch};
	double scale[OZR_MAX_RANK], move[OZR_MAX_RANK];
	uint8_t data[100];
	(void)state;

	OK(ozr_store_open_mem(ctx, &s, &err));
	OK(ozr_store_open_mem(ctx, &to, &err));
	struct ozr_image *img = odd_levels(s);
	OK(ozr_origin_new(img, NULL, &o, &err));
	ozr_origin_options(o, &opt);
	assert_int_equal(opt.levels, 0); /* ours would be another */
	assert_null(opt.factors);
	OK(ozr_origin_take_levels(o, &opt, &err));
	OK(ozr_image_create(to, "", OZR_CREATE_DIRECT, &opt, &made, &err));
	ozr_origin_source(o, 0, 0, &src[0]);
	ozr_origin_source(o, 1, 0, &src[1]);
	OK(ozr_pyramid_pull_levels(made, src, 2, &call, &err));
	assert_true(seen.calls > 3 && seen.last > 0.999);
	OK(ozr_image_commit(made, NULL, &err));
	ozr_array_get_info(ozr_image_level(made, 1), &a);
	assert_true(a.shape[0] == 10 && a.shape[1] == 10);
	ozr_image_transform(made, 1, scale, move);
	assert_true(scale[0] == 0.2 && scale[1] == 0.3 && move[0] == 0 && move[1] == 0.07);
	struct ozr_box box = {.count = {10, 10}, .data = data, .dtype = OZR_UINT8};
	ozr_box_contiguous(&box, 2);
	OK(ozr_array_read(ozr_image_level(made, 1), 1, &box, NULL, &err));
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(data[i], 100 + i % 11);
	char *text = get(to, "zarr.json");
	has_text(text, "taken as they were", 1);
	ozr_text_free(text);
	/* With another pixel size the levels follow. */
	struct ozr_level_plan plan[3];
	unsigned n;
	opt.scale[0] = opt.scale[1] = 1;
	opt.translation[1] = 5;
	OK(ozr_image_plan(&opt, plan, 3, &n, &err));
	assert_int_equal(n, 2);
	assert_true(plan[1].scale[0] == 2 && plan[1].translation[1] > 5.69 &&
		    plan[1].translation[1] < 5.71);
	ozr_image_close(made);
	ozr_origin_free(o);
	ozr_image_close(img);
	ozr_store_unref(s);
	ozr_store_unref(to);
}

/* Level 1 is taken, level 2 made of it. */
static int give(void *user, const struct ozr_box *box, struct ozr_err *e)
{
	uint8_t *data = box->data;
	(void)e;
	for (uint64_t y = 0; y < box->count[0]; y++)
		for (uint64_t x = 0; x < box->count[1]; x++)
			data[(int64_t)y * box->stride[0] + (int64_t)x * box->stride[1]] =
				*(uint8_t *)user;
	return OZR_OK;
}

static void test_levels_of_several_sources(void **state)
{
	struct ozr_image_options opt = {
		.dtype = OZR_UINT8,
		.rank = 2,
		.shape = {700, 500},
		.axes = {{"y", OZR_AXIS_SPACE, ""}, {"x", OZR_AXIS_SPACE, ""}},
		.levels = 4,
		.omero = 1};
	uint8_t value[3] = {1, 0, 3}, found;
	struct ozr_source src[3] = {{.user = &value[0], .read = give},
				    {.read = NULL},
				    {.user = &value[2], .read = give, .block = {10, 500}}};
	struct ozr_channel c;
	struct ozr_store *s;
	struct ozr_image *img;
	(void)state;

	OK(ozr_store_open_mem(ctx, &s, &err));
	OK(ozr_image_create(s, "", OZR_CREATE_DIRECT, &opt, &img, &err));
	assert_int_equal(ozr_pyramid_pull_levels(img, src + 1, 1, NULL, &err), OZR_BAD_ARG);
	OK(ozr_pyramid_pull_levels(img, src, 3, NULL, &err));
	OK(ozr_image_commit(img, NULL, &err));
	for (unsigned l = 0; l < 4; l++) {
		static const uint8_t must[] = {1, 1, 3, 3};
		struct ozr_array_info a;
		ozr_array_get_info(ozr_image_level(img, l), &a);
		struct ozr_box box = {.start = {a.shape[0] - 1, a.shape[1] - 1},
				      .count = {1, 1},
				      .data = &found,
				      .dtype = OZR_UINT8};
		OK(ozr_array_read(ozr_image_level(img, l), 1, &box, NULL, &err));
		assert_int_equal(found, must[l]);
	}
	OK(ozr_image_channel(img, 0, &c, &err));
	assert_true(c.min == 1 && c.max == 1); /* of level 0 alone */
	ozr_image_close(img);
	ozr_store_unref(s);
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
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_part),
		cmocka_unit_test(test_old_order),
		cmocka_unit_test(test_what_cannot_be),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_levels_as_they_are),
		cmocka_unit_test(test_levels_of_several_sources),
	};
	return cmocka_run_group_tests(tests, make_ctx, drop_ctx);
}
