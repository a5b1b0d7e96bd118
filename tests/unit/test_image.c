/* SPDX-License-Identifier: MIT */
/*
 * Creating images in every mode, in memory and in folders, in 0.4 and 0.5: what
 * commit publishes and what close without it leaves; read back with pixels,
 * transformations, channels and attributes.
 */
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "ome/axes.h"
#include "ome/image_impl.h"
#include "unit/image_testing.h"

static char folder[200]; /* of this run */

static struct ozr_image_options options(int version)
{
	struct ozr_image_options o = {
		.ome_version = version, .dtype = OZR_UINT16, .rank = 3, .name = "cells"};
	static const char axes[] = "cyx";

	for (unsigned d = 0; d < 3; d++) {
		o.axes[d].name[0] = axes[d];
		o.axes[d].kind = ozr_axis_guess(o.axes[d].name);
	}
	snprintf(o.axes[1].unit, sizeof(o.axes[1].unit), "micrometer");
	snprintf(o.axes[2].unit, sizeof(o.axes[2].unit), "micrometer");
	o.shape[0] = 2;
	o.shape[1] = 600;
	o.shape[2] = 300;
	o.scale[1] = o.scale[2] = 0.25;
	o.translation[2] = 3.5;
	o.omero = 1;
	return o;
}

static uint16_t pixel(unsigned level, uint64_t c, uint64_t y, uint64_t x)
{
	return (uint16_t)(level * 20000 + c * 5000 + y * 7 + x);
}

/* Write every level with known values, or read them back and compare. */
static void all_pixels(struct ozr_image *img, int write)
{
	struct ozr_image_info info;

	ozr_image_get_info(img, &info);
	for (unsigned l = 0; l < info.levels; l++) {
		struct ozr_array_info a;
		ozr_array_get_info(ozr_image_level(img, l), &a);
		uint64_t plane = a.shape[1] * a.shape[2];
		uint16_t *data = malloc(a.shape[0] * plane * sizeof(*data));
		assert_non_null(data);
		struct ozr_box box = {.data = data, .dtype = OZR_UINT16};
		memcpy(box.count, a.shape, sizeof(box.count));
		ozr_box_contiguous(&box, 3);
		for (uint64_t i = 0; write && i < a.shape[0] * plane; i++)
			data[i] = pixel(l, i / plane, i % plane / a.shape[2], i % a.shape[2]);
		if (write) {
			OK(ozr_array_write(ozr_image_level(img, l), 1, &box, NULL, &err));
		} else {
			OK(ozr_array_read(ozr_image_level(img, l), 1, &box, NULL, &err));
			for (uint64_t i = 0; i < a.shape[0] * plane; i++)
				assert_int_equal(data[i],
						 pixel(l, i / plane, i % plane / a.shape[2],
						       i % a.shape[2]));
		}
		free(data);
	}
}

static void check_image(struct ozr_image *img, const char *version)
{
	struct ozr_image_info info;
	double scale[OZR_MAX_RANK], translation[OZR_MAX_RANK];

	for (unsigned i = 0; ozr_image_warning(img, i) != NULL; i++)
		fail_msg("warning: %s", ozr_image_warning(img, i));
	ozr_image_get_info(img, &info);
	assert_string_equal(info.version, version);
	assert_string_equal(info.name, "cells");
	assert_int_equal(info.rank, 3);
	assert_int_equal(info.levels, 3); /* 600, 300, 150 */
	assert_int_equal(info.dtype, OZR_UINT16);
	assert_int_equal(info.axes[0].kind, OZR_AXIS_CHANNEL);
	assert_string_equal(info.axes[2].unit, "micrometer");
	assert_int_equal(info.channels, 2);
	assert_false(info.is_label || info.is_bare);
	ozr_image_transform(img, 2, scale, translation);
	assert_true(scale[0] == 1.0 && scale[1] == 1.0 && scale[2] == 1.0);
	assert_true(translation[1] == 0.375 && translation[2] == 3.875);
	assert_int_equal(img->level[2].factor[0], 1);
	assert_int_equal(img->level[2].factor[1], 2);
	assert_int_equal(img->channel_axis, 0);
	assert_true(img->method_known);
}

/* --- modes ------------------------------------------------------------------------------- */

static void direct(int version, const char *path)
{
	struct ozr_image_options o = options(version);
	struct ozr_image *img = NULL;
	struct ozr_store *s;

	OK(ozr_store_open_mem(ctx, &s, &err));
	OK(ozr_image_create(s, path, OZR_CREATE_DIRECT, &o, &img, &err));
	all_pixels(img, 1);
	assert_int_equal(ozr_image_probe(s, path), 0); /* not before commit */
	OK(ozr_image_commit(img, NULL, &err));
	assert_int_equal(ozr_image_probe(s, path), 1);
	check_image(img, version == 4 ? "0.4" : "0.5");
	all_pixels(img, 0); /* the handle reads the result */
	assert_int_equal(ozr_image_commit(img, NULL, &err), OZR_BAD_ARG);
	ozr_image_close(img);

	OK(ozr_image_open(s, path, OZR_READ, &img, &err));
	check_image(img, version == 4 ? "0.4" : "0.5");
	all_pixels(img, 0);
	ozr_image_close(img);
	if (*path != '\0') { /* its parents have become groups */
		assert_int_equal(ozr_image_probe(s, ""), 3);
		assert_int_equal(ozr_image_probe(s, "a"), 3);
	}
	/* the place is taken now */
	assert_int_equal(ozr_image_create(s, path, OZR_CREATE_DIRECT, &o, &img, &err), OZR_EXISTS);
	ozr_store_unref(s);
}

static void test_direct(void **state)
{
	(void)state;
	direct(4, "");
	direct(5, "");
	direct(5, "a/b");
	direct(4, "a/b");
}

static int count_child(void *arg, const char *name, int is_prefix)
{
	(void)name;
	(void)is_prefix;
	++*(int *)arg;
	return 0;
}

static void test_direct_abort(void **state)
{
	struct ozr_image_options o = options(5);
	struct ozr_image *img = NULL;
	struct ozr_store *s;
	int children = 0;

	(void)state;
	OK(ozr_store_open_mem(ctx, &s, &err));
	OK(ozr_image_create(s, "", OZR_CREATE_DIRECT, &o, &img, &err));
	all_pixels(img, 1);
	OK(ozr_array_flush(ozr_image_level(img, 0), NULL, &err)); /* some of it is in the store */
	ozr_image_close(img);
	OK(ozr_store_list(s, "", count_child, &children, &err));
	assert_int_equal(children, 0);
	ozr_store_unref(s);
}

static void test_publish_empty(void **state)
{
	struct ozr_image_options o = options(5);
	struct ozr_image *img = NULL, *worker = NULL;
	struct ozr_channel c;
	struct ozr_store *s;

	(void)state;
	OK(ozr_store_open_mem(ctx, &s, &err));
	OK(ozr_image_create(s, "x", OZR_CREATE_PUBLISH_EMPTY, &o, &img, &err));
	OK(ozr_image_open(s, "x", OZR_UPDATE, &worker, &err)); /* before anything is written */
	check_image(worker, "0.5");
	all_pixels(worker, 1);
	for (unsigned l = 0; l < 3; l++)
		OK(ozr_array_flush(ozr_image_level(worker, l), NULL, &err));
	ozr_image_close(worker);
	ozr_image_close(img); /* no commit, and yet */
	OK(ozr_image_open(s, "x", OZR_READ, &img, &err));
	all_pixels(img, 0);
	OK(ozr_image_channel(img, 1, &c, &err)); /* nobody knew the data: the type's range */
	assert_true(c.min == 0.0 && c.max == 65535.0);
	ozr_image_close(img);
	ozr_store_unref(s);
}

static int entries(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	assert_non_null(d);
	for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(d);
	return n;
}

static void test_stage(void **state)
{
	struct ozr_image_options o = options(5);
	struct ozr_image *img = NULL;
	char target[300];

	(void)state;
	snprintf(target, sizeof(target), "%s/a.ome.zarr", folder);
	/* abort leaves nothing, not even the stage */
	OK(ozr_image_create_dir(ctx, target, 0, OZR_FLUSH_NONE, &o, &img, &err));
	all_pixels(img, 1);
	assert_int_not_equal(access(target, F_OK), 0);
	ozr_image_close(img);
	assert_int_equal(entries(folder), 0);
	/* commit */
	OK(ozr_image_create_dir(ctx, target, 0, OZR_FLUSH_NONE, &o, &img, &err));
	all_pixels(img, 1);
	OK(ozr_image_commit(img, NULL, &err));
	check_image(img, "0.5");
	all_pixels(img, 0);
	ozr_image_close(img);
	assert_int_equal(entries(folder), 1);
	/* what is there is not replaced unless asked for */
	assert_int_equal(ozr_image_create_dir(ctx, target, 0, OZR_FLUSH_NONE, &o, &img, &err),
			 OZR_EXISTS);
	assert_non_null(strstr(err.msg, "a.ome.zarr"));
	/* an aborted replacement keeps the old one */
	OK(ozr_image_create_dir(ctx, target, 1, OZR_FLUSH_NONE, &o, &img, &err));
	ozr_image_close(img);
	OK(ozr_image_open_dir(ctx, target, "", OZR_READ, &img, &err));
	all_pixels(img, 0);
	ozr_image_close(img);
	/* a finished one replaces it: now without any pixel */
	o.name = "new";
	OK(ozr_image_create_dir(ctx, target, 1, OZR_FLUSH_CLOSE, &o, &img, &err));
	OK(ozr_image_commit(img, NULL, &err));
	ozr_image_close(img);
	struct ozr_image_info info;
	OK(ozr_image_open_dir(ctx, target, "", OZR_READ, &img, &err));
	ozr_image_get_info(img, &info);
	assert_string_equal(info.name, "new");
	ozr_image_close(img);
	assert_int_equal(entries(folder), 1);
	OK(ozr_tree_remove(ctx, target, &err));
}

static int stop_at_once(void *user)
{
	(void)user;
	return 1;
}

static void test_cancelled_commit(void **state)
{
	struct ozr_image_options o = options(4);
	struct ozr_call call = {.cancelled = stop_at_once};
	struct ozr_image *img = NULL;
	char target[300];

	(void)state;
	snprintf(target, sizeof(target), "%s/b.ome.zarr", folder);
	OK(ozr_image_create_dir(ctx, target, 0, OZR_FLUSH_NONE, &o, &img, &err));
	assert_int_equal(ozr_image_commit(img, &call, &err), OZR_CANCELLED);
	assert_int_equal(entries(folder), 0);
	ozr_image_close(img);
}

/* --- attributes ----------------------------------------------------------------------------- */

static const char *attributes(void *user, int level, const char *path, const uint64_t *shape,
			      const double *scale, const double *translation)
{
	static char text[300];

	++*(int *)user;
	if (level < 0)
		return "{\"spatial:dimensions\":[\"y\",\"x\"],\"ome\":{\"extra\":{\"n\":1.50}},"
		       "\"multiscales\":{\"layout\":[]}}";
	snprintf(text, sizeof(text), "{\"path\":\"%s\",\"wide\":%llu,\"s\":%g,\"t\":%g}", path,
		 (unsigned long long)shape[2], scale[2], translation[2]);
	return text;
}

/* A transpose codec on all levels: in the metadata, in the bytes of a chunk, and not in the pixels. */
static void test_order(void **state)
{
	struct ozr_image_options o = options(5);
	struct ozr_store *s;
	struct ozr_image *img;
	char *text;
	size_t len;

	(void)state;
	o.order[0] = 1;
	o.order[1] = 2;
	o.chunk[0] = 2;
	o.chunk[1] = o.chunk[2] = 64;
	o.no_shards = 1;
	o.levels = 2;
	o.codec = (struct ozr_codec_options){.codec = "none", .no_checksum = 1};
	OK(ozr_store_open_mem(ctx, &s, &err));
	OK(ozr_image_create(s, "i", OZR_CREATE_DIRECT, &o, &img, &err));
	all_pixels(img, 1);
	OK(ozr_image_commit(img, NULL, &err));
	all_pixels(img, 0);
	ozr_image_close(img);
	OK(ozr_image_open(s, "i", OZR_READ, &img, &err));
	all_pixels(img, 0);
	ozr_image_close(img);
	for (unsigned l = 0; l < 2; l++) {
		char key[40];
		snprintf(key, sizeof(key), "i/%u/zarr.json", l);
		text = get(s, key);
		char *shorter = text, *end = text;
		for (const char *p = text; *p != '\0'; p++)
			if (*p != ' ' && *p != '\n')
				*end++ = *p;
		*end = '\0';
		has_text(shorter,
			 "{\"name\":\"transpose\",\"configuration\":{\"order\":[1,2,0]}},{"
			 "\"name\":\"bytes\"",
			 1);
		ozr_text_free(text);
	}
	OK(ozr_store_get(s, "i/1/c/0/1/2", 1 << 20, &text, &len, NULL, &err));
	assert_int_equal(len, 2 * 64 * 64 * 2);
	for (uint64_t c = 0; c < 2; c++) { /* y 64 and 75 of level 1, x 128 and 149: the last */
		assert_int_equal(((uint16_t *)(void *)text)[c], pixel(1, c, 64, 128));
		assert_int_equal(((uint16_t *)(void *)text)[(11 * 64 + 21) * 2 + c],
				 pixel(1, c, 75, 149));
	}
	ozr_text_free(text);

	o.order[2] = 2;
	assert_int_equal(ozr_image_create(s, "j", OZR_CREATE_DIRECT, &o, &img, &err), OZR_BAD_ARG);
	has_text(err.msg, "found 2 at place 2", 1);
	o.order[2] = 3;
	assert_int_equal(ozr_image_create(s, "j", OZR_CREATE_DIRECT, &o, &img, &err), OZR_BAD_ARG);
	o.order[2] = 0;
	o.ome_version = 4;
	assert_int_equal(ozr_image_create(s, "j", OZR_CREATE_DIRECT, &o, &img, &err),
			 OZR_UNSUPPORTED);
	has_text(err.msg, "0.4 has no transpose codec", 1);
	ozr_store_unref(s);
}

static void test_grouped(void **state)
{
	struct ozr_image_options o = options(5);
	struct ozr_image *img = NULL;
	struct ozr_store *s;
	char *text;
	int calls = 0;

	(void)state;
	o.grouped_levels = 1;
	o.attributes = attributes;
	o.user = &calls;
	OK(ozr_store_open_mem(ctx, &s, &err));
	OK(ozr_image_create(s, "", OZR_CREATE_DIRECT, &o, &img, &err));
	all_pixels(img, 1);
	OK(ozr_image_commit(img, NULL, &err));
	assert_int_equal(calls, 4);
	check_image(img, "0.5");
	assert_string_equal(ozr_image_level_path(img, 1), "s1/image");
	assert_int_equal(ozr_image_probe(s, "s1"), 3);
	assert_int_equal(ozr_image_probe(s, "s1/image"), 2);
	all_pixels(img, 0);
	OK(ozr_image_attributes(img, &text, &err));
	has_text(text, "spatial:dimensions", 1);
	has_text(text, "\"layout\"", 1); /* the other multiscales beside ours */
	has_text(text, "\"datasets\"", 1);
	has_text(text, "\"extra\"", 1);
	ozr_text_free(text);
	OK(ozr_array_attributes(ozr_image_level(img, 1), &text, &err));
	has_text(text, "s1/image", 1);
	has_text(text, "150", 1);
	ozr_text_free(text);
	ozr_image_close(img);
	ozr_store_unref(s);
}

static const char *bad_attributes(void *user, int level, const char *path, const uint64_t *shape,
				  const double *scale, const double *translation)
{
	(void)path;
	(void)shape;
	(void)scale;
	(void)translation;
	return level == *(int *)user ? "{\"a\":1,\"a\":2}" : NULL;
}

static void test_bad_host_attributes(void **state)
{
	struct ozr_image_options o = options(5);
	struct ozr_image *img = NULL;
	struct ozr_store *s;

	(void)state;
	o.attributes = bad_attributes;
	for (int level = -1; level < 2; level++) {
		int children = 0;
		o.user = &level;
		OK(ozr_store_open_mem(ctx, &s, &err));
		assert_int_not_equal(ozr_image_create(s, "", OZR_CREATE_DIRECT, &o, &img, &err),
				     OZR_OK);
		has_text(err.msg,
			 level < 0    ? "attributes of the group"
			 : level == 0 ? "level 0"
				      : "level 1",
			 1);
		OK(ozr_store_list(s, "", count_child, &children, &err));
		assert_int_equal(children, 0);
		ozr_store_unref(s);
	}
}

static void test_attributes_while_creating(void **state)
{
	struct ozr_image_options o = options(4);
	struct ozr_image *img = NULL;
	struct ozr_store *s;
	char *text;

	(void)state;
	OK(ozr_store_open_mem(ctx, &s, &err));
	OK(ozr_image_create(s, "", OZR_CREATE_DIRECT, &o, &img, &err));
	OK(ozr_image_attributes(img, &text, &err));
	assert_string_equal(text, "{}");
	ozr_text_free(text);
	OK(ozr_image_set_attributes(img, "{\"later\":[1,2]}", &err));
	OK(ozr_image_commit(img, NULL, &err));
	check_image(img, "0.4");
	OK(ozr_image_attributes(img, &text, &err));
	has_text(text, "\"later\"", 1);
	has_text(text, "\"multiscales\"", 1);
	ozr_text_free(text);
	ozr_image_close(img);
	ozr_store_unref(s);
}

/* --- omero ------------------------------------------------------------------------------------ */

static void test_windows(void **state)
{
	struct ozr_channel given[2] = {
		{.label = "red", .has_color = 1, .rgb = {255, 0, 0}, .active = 1},
		{.label = "ir", .has_window = 1, .min = -1, .max = 9, .end = 5}};
	struct ozr_image_options o = options(5);
	struct ozr_image *img = NULL;
	struct ozr_channel c;
	struct ozr_store *s;

	(void)state;
	o.channels = 2;
	o.channel = given;
	OK(ozr_store_open_mem(ctx, &s, &err));
	OK(ozr_image_create(s, "", OZR_CREATE_DIRECT, &o, &img, &err));
	assert_int_equal(img->stats_count, 2);
	img->stats[0] = (struct ozr_range_stats){12, 3456, 1}; /* as the engine would */
	img->stats[1] = (struct ozr_range_stats){1, 2, 1};
	OK(ozr_image_commit(img, NULL, &err));
	OK(ozr_image_channel(img, 0, &c, &err));
	assert_string_equal(c.label, "red");
	assert_true(c.has_color && c.rgb[0] == 255 && c.rgb[1] == 0);
	assert_true(c.min == 12 && c.max == 3456 && c.start == 12 && c.end == 3456 && c.active);
	OK(ozr_image_channel(img, 1, &c, &err)); /* what was given stays */
	assert_true(c.min == -1 && c.max == 9 && c.start == 0 && c.end == 5 && !c.active);
	assert_int_equal(ozr_image_channel(img, 2, &c, &err), OZR_BAD_ARG);
	ozr_image_close(img);
	ozr_store_unref(s);
}

/* --- the engine's hooks ------------------------------------------------------------------------- */

static int finished, freed;

static int finish_build(struct ozr_image *img, const struct ozr_call *call, struct ozr_err *e)
{
	(void)call;
	(void)e;
	assert_non_null(img->build);
	finished++;
	return OZR_OK;
}

static void free_build(struct ozr_image *img)
{
	img->build = NULL;
	freed++;
}

static void test_build_hooks(void **state)
{
	struct ozr_image_options o = options(5);
	struct ozr_image *img = NULL;
	struct ozr_store *s;

	(void)state;
	for (int commit = 0; commit < 2; commit++) {
		finished = freed = 0;
		OK(ozr_store_open_mem(ctx, &s, &err));
		OK(ozr_image_create(s, "", OZR_CREATE_DIRECT, &o, &img, &err));
		img->build = &finished;
		img->build_finish = finish_build;
		img->build_free = free_build;
		if (commit)
			OK(ozr_image_commit(img, NULL, &err));
		ozr_image_close(img);
		assert_int_equal(finished, commit);
		assert_int_equal(freed, 1);
		ozr_store_unref(s);
	}
}

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(folder, sizeof(folder), "%s/ozr-test-image-XXXXXX", tmp != NULL ? tmp : "/tmp");
	return mkdtemp(folder) != NULL && ozr_ctx_new(NULL, &ctx, NULL) == OZR_OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	ozr_ctx_unref(ctx);
	return rmdir(folder); /* fails when something was left in it */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_direct),
		cmocka_unit_test(test_direct_abort),
		cmocka_unit_test(test_publish_empty),
		cmocka_unit_test(test_stage),
		cmocka_unit_test(test_cancelled_commit),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_grouped),
		cmocka_unit_test(test_bad_host_attributes),
		cmocka_unit_test(test_attributes_while_creating),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_build_hooks),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
