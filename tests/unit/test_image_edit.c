/* SPDX-License-Identifier: MIT */
/*
 * Changing what an image says about itself: an image that was changed has the
 * very documents of one that was made so, before its commit and afterwards, in
 * 0.4 and 0.5; members of others survive; what cannot be changed is refused and
 * nothing is written.
 */
#include <math.h>

#include "ome/axes.h"
#include "unit/image_testing.h"

static struct ozr_image_options options(int version)
{
	struct ozr_image_options o = {
		.ome_version = version, .dtype = OZR_UINT16, .rank = 3, .name = "cells"};
	static const char axes[] = "cyx";
	static const unsigned factors[] = {1, 2, 2, 1, 3, 2};

	for (unsigned d = 0; d < 3; d++) {
		o.axes[d].name[0] = axes[d];
		o.axes[d].kind = ozr_axis_guess(o.axes[d].name);
	}
	o.shape[0] = 3;
	o.shape[1] = 60;
	o.shape[2] = 30;
	o.chunk[0] = 1;
	o.chunk[1] = o.chunk[2] = 16;
	o.no_shards = 1;
	o.levels = 3;
	o.factors = factors;
	o.factor_sets = 2;
	o.grouped_levels = version == 5;
	o.omero = 1;
	o.method = OZR_MODE;
	o.scale[1] = 0.7; /* to be changed */
	o.translation[1] = -3.3;
	return o;
}

/* What the changes below make of it. */
static void changed_options(struct ozr_image_options *o, struct ozr_channel *channels)
{
	static const unsigned char rgb[3] = {255, 128, 0};

	o->scale[0] = 1;
	o->scale[1] = 0.1;
	o->scale[2] = 60.00000000000001;
	o->translation[1] = -3751320.3;
	o->translation[2] = 440720.1;
	snprintf(o->axes[1].unit, sizeof(o->axes[1].unit), "meter");
	snprintf(o->axes[2].unit, sizeof(o->axes[2].unit), "meter");
	o->method = OZR_MEAN;
	o->alpha = 2;
	o->has_nodata = 1;
	o->nodata[0] = 7;
	for (unsigned i = 0; i < 3; i++)
		channels[i].active = 1;
	snprintf(channels[0].label, sizeof(channels[0].label), "Réd");
	channels[0].has_color = 1;
	memcpy(channels[0].rgb, rgb, 3);
	channels[1].active = 0;
	channels[1].has_window = 1;
	channels[1].max = channels[1].end = 4095.5;
	channels[1].start = 0.1;
	o->channels = 3; /* the third one has the usual name and color */
	o->channel = channels;
}

static void change(struct ozr_image *img)
{
	struct ozr_image_options o = options(5);
	struct ozr_channel channels[3] = {0};
	static const char *const unit[] = {NULL, "meter", "meter"};

	changed_options(&o, channels);
	const struct ozr_level_rules rules = {
		.method = OZR_MEAN, .alpha = 2, .has_nodata = 1, .nodata = {7}};
	const struct ozr_image_changes changes = {
		.scale = o.scale,
		.translation = o.translation,
		.unit = unit,
		.channels = 3,
		.channel = channels,
		.rules = &rules,
		.attributes = "{\"theirs\":{\"pi\":3.140}}",
	};
	OK(ozr_image_change(img, &changes, &err));
	for (unsigned i = 0; i < 3; i++)
		OK(ozr_image_set_level_attributes(img, i, "{\"level\":[1,2]}", &err));
}

static const char *attributes(void *user, int level, const char *path, const uint64_t *shape,
			      const double *scale, const double *translation)
{
	(void)user;
	(void)path;
	(void)shape;
	(void)scale;
	(void)translation;
	return level < 0 ? "{\"theirs\":{\"pi\":3.140}}" : "{\"level\":[1,2]}";
}

static const char *const documents[2][4] = {
	{".zattrs", "0/.zattrs", "1/.zattrs", "2/.zattrs"},
	{"zarr.json", "s0/image/zarr.json", "s1/image/zarr.json", "s2/image/zarr.json"},
};

static struct ozr_store *new_image(const struct ozr_image_options *o, enum ozr_create_mode mode,
				   struct ozr_image **img)
{
	struct ozr_store *s;

	OK(ozr_store_open_mem(ctx, &s, &err));
	OK(ozr_image_create(s, "", mode, o, img, &err));
	return s;
}

/* An image that was made as the changes make one. */
static struct ozr_store *expected_store(int version)
{
	struct ozr_image_options o = options(version);
	struct ozr_channel channels[3] = {0};
	struct ozr_image *img;

	changed_options(&o, channels);
	o.attributes = attributes;
	struct ozr_store *s = new_image(&o, OZR_CREATE_DIRECT, &img);
	OK(ozr_image_commit(img, NULL, &err));
	ozr_image_close(img);
	return s;
}

static void same_documents(struct ozr_store *a, struct ozr_store *b, int version)
{
	/* of 0.4's arrays the members stand in another order */
	for (unsigned i = 0; i < (version == 4 ? 1 : 4); i++) {
		char *x = get(a, documents[version - 4][i]), *y = get(b, documents[version - 4][i]);
		assert_string_equal(x, y);
		ozr_text_free(x);
		ozr_text_free(y);
	}
}

/* Members may stand in another order: compare what the image says. */
static void same_images(struct ozr_store *a, struct ozr_store *b)
{
	struct ozr_image_info info, other_info;
	struct ozr_image *img, *other;

	OK(ozr_image_open(a, "", OZR_READ, &img, &err));
	OK(ozr_image_open(b, "", OZR_READ, &other, &err));
	ozr_image_get_info(img, &info);
	ozr_image_get_info(other, &other_info);
	assert_memory_equal(&info, &other_info, sizeof(info));
	for (unsigned i = 0; i < 3; i++) {
		double v[4][OZR_MAX_RANK];
		struct ozr_channel c = {0}, d = {0};
		ozr_image_transform(img, i, v[0], v[1]);
		ozr_image_transform(other, i, v[2], v[3]);
		assert_memory_equal(v[0], v[2], sizeof(v[0]));
		assert_memory_equal(v[1], v[3], sizeof(v[1]));
		OK(ozr_image_channel(img, i, &c, &err));
		OK(ozr_image_channel(other, i, &d, &err));
		assert_memory_equal(&c, &d, sizeof(c));
	}
	ozr_image_close(img);
	ozr_image_close(other);
}

static void test_while_creating(void **state)
{
	(void)state;
	for (int version = 4; version <= 5; version++) {
		struct ozr_image_options o = options(version);
		struct ozr_store *expected = expected_store(version);
		struct ozr_image *img;
		struct ozr_channel c;
		char *text;
		struct ozr_store *s = new_image(&o, OZR_CREATE_DIRECT, &img);
		change(img);
		OK(ozr_image_channel(img, 0, &c, &err));
		assert_string_equal(c.label, "Réd");
		OK(ozr_array_attributes(ozr_image_level(img, 1), &text, &err));
		has_text(text, "\"level\":[1,2]", 1);
		ozr_text_free(text);
		OK(ozr_image_commit(img, NULL, &err));
		ozr_image_close(img);
		same_documents(s, expected, version);
		text = get(s, documents[version - 4][2]);
		has_text(text, "\"level\": [1, 2]", 1);
		ozr_text_free(text);
		ozr_store_unref(s);
		ozr_store_unref(expected);
	}
}

static void test_stored(void **state)
{
	(void)state;
	for (int version = 4; version <= 5; version++) {
		struct ozr_image_options o = options(version);
		struct ozr_store *expected = expected_store(version);
		struct ozr_level_rules rules;
		struct ozr_image *img;
		struct ozr_store *s = new_image(&o, OZR_CREATE_DIRECT, &img);
		OK(ozr_image_commit(img, NULL, &err));
		ozr_image_close(img);
		OK(ozr_image_open(s, "", OZR_UPDATE, &img, &err));
		change(img);
		ozr_image_close(img);
		same_images(s, expected);
		OK(ozr_image_open(s, "", OZR_READ, &img, &err));
		ozr_image_rules(img, &rules);
		assert_true(rules.method == OZR_MEAN && rules.alpha == 2 && rules.has_nodata &&
			    rules.nodata[0] == 7);
		ozr_image_close(img);
		for (unsigned i = 0; i < 4; i++) {
			char *text = get(s, documents[version - 4][i]);
			has_text(text, i == 0 ? "3.140" : "\"level\"", 1);
			ozr_text_free(text);
		}
		char *text = get(s, documents[version - 4][0]);
		has_text(text, "\"nodata\": 7", 1);
		has_text(text, "\"color\": \"FF8000\"", 1);
		ozr_text_free(text);
		ozr_store_unref(s);
		ozr_store_unref(expected);
	}
}

/* Many workers have the image open meanwhile: the commit writes nothing back that has changed. */
static void test_published_empty(void **state)
{
	struct ozr_image_options o = options(5);
	struct ozr_store *expected = expected_store(5);
	struct ozr_image *img, *worker;
	static uint16_t pixels[3 * 60 * 30];
	struct ozr_box box = {.count = {3, 60, 30}, .data = pixels, .dtype = OZR_UINT16};
	struct ozr_channel c;

	(void)state;
	struct ozr_store *s = new_image(&o, OZR_CREATE_PUBLISH_EMPTY, &img);
	change(img);
	OK(ozr_image_open(s, "", OZR_UPDATE, &worker, &err));
	OK(ozr_image_set_attributes(worker, "{\"worker\":1,\"theirs\":{\"pi\":3}}", &err));
	ozr_image_close(worker);
	same_images(s, expected);
	pixels[100] = 5;
	ozr_box_contiguous(&box, 3);
	OK(ozr_pyramid_push(img, &box, NULL, &err));
	OK(ozr_pyramid_finish(img, NULL, &err));
	OK(ozr_image_commit(img, NULL, &err));
	OK(ozr_image_channel(img, 0, &c, &err));
	assert_true(c.max == 5 && c.has_window);
	assert_string_equal(c.label, "Réd");
	ozr_image_close(img);
	char *text = get(s, "zarr.json");
	has_text(text, "\"worker\": 1", 1);
	has_text(text, "\"pi\": 3\n", 1);
	has_text(text, "440720.1", 1);
	ozr_text_free(text);
	ozr_store_unref(s);
	ozr_store_unref(expected);
}

/* --- images of others ------------------------------------------------------------- */

#define AXES "\"axes\":[{\"name\":\"y\",\"type\":\"space\"},{\"name\":\"x\",\"type\":\"space\"}]"

static struct ozr_image *foreign(struct ozr_store **s, const char *multiscale, const char *more)
{
	struct ozr_image *img;
	char text[2000];

	OK(ozr_store_open_mem(ctx, s, &err));
	snprintf(text, sizeof(text),
		 "{\"zarr_format\":3,\"node_type\":\"group\",\"attributes\":{\"ome\":{\"version\":"
		 "\"0.5\",\"multiscales\":[{%s,\"mine\":[1e-3]}]%s}}}",
		 multiscale, more);
	put(*s, "zarr.json", text);
	put_array(*s, "0/zarr.json", "");
	put_array(*s, "1/zarr.json", "");
	OK(ozr_image_open(*s, "", OZR_UPDATE, &img, &err));
	return img;
}

static void test_levels_keep_their_place(void **state)
{
	static const double scale[] = {10, 20}, translation[] = {1000, 2000};
	const struct ozr_image_changes changes = {.scale = scale, .translation = translation};
	double s1[OZR_MAX_RANK], t1[OZR_MAX_RANK];
	struct ozr_store *s;

	(void)state;
	/* 1024 pixels became 341: 3.0029 times as large, and corner aligned */
	struct ozr_image *img = foreign(
		&s,
		AXES ",\"datasets\":[{\"path\":\"0\",\"coordinateTransformations\":[{\"type\":"
		     "\"scale\",\"scale\":[0.5,1]}]},{\"path\":\"1\","
		     "\"coordinateTransformations\":[{\"type\":\"scale\",\"scale\":[1.50145,2]},"
		     "{\"type\":\"translation\",\"translation\":[0.25,0]}]}],"
		     "\"coordinateTransformations\":[{\"type\":\"scale\",\"scale\":[2,3]}]",
		"");
	OK(ozr_image_change(img, &changes, &err));
	ozr_image_transform(img, 1, s1, t1);
	assert_true(fabs(s1[0] - 30.029) < 1e-9 && s1[1] == 40);
	assert_true(fabs(t1[0] - 1005) < 1e-9 && t1[1] == 2000);
	ozr_image_close(img);
	OK(ozr_image_open(s, "", OZR_READ, &img, &err));
	ozr_image_transform(img, 0, s1, t1);
	assert_true(s1[0] == 10 && s1[1] == 20 && t1[0] == 1000 && t1[1] == 2000);
	ozr_image_transform(img, 1, s1, t1);
	assert_true(fabs(s1[0] - 30.029) < 1e-9 && fabs(t1[0] - 1005) < 1e-9);
	ozr_image_close(img);
	char *text = get(s, "zarr.json");
	has_text(text, "1e-3", 1);
	ozr_text_free(text);
	ozr_store_unref(s);
}

static void test_units(void **state)
{
	static const double one[] = {1, 1}, zero[] = {0, 0};
	static const char *const unit[] = {"micrometer", NULL}, *const none[] = {"", NULL};
	struct ozr_image_changes changes = {.scale = one, .translation = zero, .unit = unit};
	struct ozr_image_info info;
	struct ozr_store *s;

	(void)state;
	struct ozr_image *img = foreign(&s, AXES ",\"datasets\":[{\"path\":\"0\"}]", "");
	OK(ozr_image_change(img, &changes, &err));
	ozr_image_get_info(img, &info);
	assert_string_equal(info.axes[0].unit, "micrometer");
	char *text = get(s, "zarr.json");
	has_text(text, "\"unit\": \"micrometer\"", 1);
	ozr_text_free(text);
	changes.unit = none;
	OK(ozr_image_change(img, &changes, &err));
	text = get(s, "zarr.json");
	has_text(text, "unit", 0);
	ozr_text_free(text);
	ozr_image_close(img);
	ozr_store_unref(s);
}

static void test_channels_of_others(void **state)
{
	struct ozr_channel channels[3] = {{.label = "a", .active = 1}};
	const struct ozr_channel shown = {
		.has_window = 1, .min = -1, .max = 70000, .start = 0.5, .end = 20};
	const struct ozr_image_changes changes = {.channels = 3, .channel = channels};
	struct ozr_image_info info;
	struct ozr_store *s;
	static const char *const omero[] = {"", ",\"omero\":7", ",\"omero\":{\"channels\":[3]}"};

	(void)state;
	for (unsigned i = 0; i < 3; i++) { /* nothing is made up where there is none */
		struct ozr_image *img =
			foreign(&s, AXES ",\"datasets\":[{\"path\":\"0\"}]", omero[i]);
		OK(ozr_image_change(img, &changes, &err));
		ozr_image_close(img);
		char *text = get(s, "zarr.json");
		has_text(text, "label", 0);
		ozr_text_free(text);
		ozr_store_unref(s);
	}
	struct ozr_image *img =
		foreign(&s, AXES ",\"datasets\":[{\"path\":\"0\"}]",
			",\"omero\":{\"channels\":[{\"color\":\"00FF00\","
			"\"mine\":1,\"window\":{\"min\":1,\"max\":2,\"their\":3}}]}");
	OK(ozr_image_change(img, &changes, &err));
	ozr_image_get_info(img, &info);
	assert_int_equal(info.channels, 1);
	ozr_image_close(img);
	char *text = get(s, "zarr.json");
	has_text(text, "\"label\": \"a\"", 1);
	has_text(text, "\"color\": \"00FF00\"", 1);
	has_text(text, "\"mine\": 1", 1);
	has_text(text, "\"max\": 2", 1);
	ozr_text_free(text);
	channels[0] = shown;
	OK(ozr_image_open(s, "", OZR_UPDATE, &img, &err));
	OK(ozr_image_change(img, &changes, &err));
	OK(ozr_image_channel(img, 0, &channels[1], &err));
	assert_true(channels[1].has_window && channels[1].min == -1 && channels[1].max == 70000 &&
		    channels[1].start == 0.5 && channels[1].end == 20);
	ozr_image_close(img);
	text = get(s, "zarr.json");
	has_text(text, "\"label\": \"a\"", 1);
	has_text(text, "\"their\": 3", 1);
	ozr_text_free(text);
	ozr_store_unref(s);
}

/* The change fails with a code and words, and the document is what it was. */
static void refused(struct ozr_image *img, struct ozr_store *s,
		    const struct ozr_image_changes *changes, int code, const char *words)
{
	char *before = get(s, "zarr.json"), *after;

	assert_int_equal(ozr_image_change(img, changes, &err), code);
	has_text(err.msg, words, 1);
	after = get(s, "zarr.json");
	assert_string_equal(before, after);
	ozr_text_free(before);
	ozr_text_free(after);
}

static void test_refused(void **state)
{
	static const double one[] = {1, 1}, zero[] = {0, 0}, negative[] = {1, -1},
			    infinite[] = {INFINITY, 0}, huge[] = {1e308, 1e308};
	static const char *const long_unit[] = {"a unit that has more than 32 characters", NULL},
				 *const bad_unit[] = {NULL, "\xff"};
	struct ozr_channel bad = {.label = "\xc3"}, shown = {.has_window = 1, .start = 5, .end = 5};
	struct ozr_image_changes c = {.scale = one};
	struct ozr_store *s;

	(void)state;
	struct ozr_image *img = foreign(&s,
					AXES ",\"datasets\":[{\"path\":\"0\"},{\"path\":\"1\","
					     "\"coordinateTransformations\":[{\"type\":\"scale\","
					     "\"scale\":[4,4]}]}]",
					"");
	refused(img, s, &c, OZR_BAD_ARG, "belong together");
	c = (struct ozr_image_changes){.scale = negative, .translation = zero};
	refused(img, s, &c, OZR_BAD_ARG, "axis 'x': scale -1");
	c = (struct ozr_image_changes){.scale = one, .translation = infinite};
	refused(img, s, &c, OZR_BAD_ARG, "axis 'y'");
	c = (struct ozr_image_changes){.scale = huge, .translation = zero};
	refused(img, s, &c, OZR_BAD_ARG, "level 1");
	c = (struct ozr_image_changes){.scale = one, .translation = zero, .unit = long_unit};
	refused(img, s, &c, OZR_BAD_ARG, "limit is 31");
	c.unit = bad_unit;
	refused(img, s, &c, OZR_BAD_ARG, "must be UTF-8");
	c = (struct ozr_image_changes){.channels = 1, .channel = &shown};
	refused(img, s, &c, OZR_BAD_ARG, "the window 5 to 5");
	shown.end = NAN;
	refused(img, s, &c, OZR_BAD_ARG, "channel 0: the window");
	c.channel = &bad;
	refused(img, s, &c, OZR_BAD_ARG, "must be UTF-8");
	memset(bad.label, 'a', sizeof(bad.label));
	refused(img, s, &c, OZR_BAD_ARG, "has no end");
	c = (struct ozr_image_changes){
		.scale = one, .translation = zero, .attributes = "{\"ome\":{\"multiscales\":[]}}"};
	refused(img, s, &c, OZR_BAD_FORMAT, "would break the image");
	c.attributes = "{\"a\":1,\"a\":2}";
	refused(img, s, &c, OZR_BAD_FORMAT, "a");
	assert_int_equal(ozr_image_set_level_attributes(img, 2, "{}", &err), OZR_BAD_ARG);
	assert_int_equal(ozr_image_set_level_attributes(img, 1, "[]", &err), OZR_BAD_FORMAT);
	ozr_image_close(img);
	OK(ozr_image_open(s, "", OZR_READ, &img, &err));
	c.attributes = "{}";
	refused(img, s, &c, OZR_BAD_ARG, "not open for update");
	assert_int_equal(ozr_image_set_level_attributes(img, 0, "{}", &err), OZR_BAD_ARG);
	ozr_image_close(img);
	ozr_store_unref(s);
}

/* Forms of the metadata that have no such members, or others. */
static void test_other_forms(void **state)
{
	static const double one[] = {1, 1}, zero[] = {0, 0};
	static const char *const forms[] = {
		"\"datasets\":[{\"path\":\"0\"}]",
		"\"axes\":[\"y\",\"x\"],\"datasets\":[{\"path\":\"0\"}]",
		"\"coordinateSystems\":[{\"name\":\"p\"," AXES
		"}],\"datasets\":[{\"path\":\"0\",\"coordinateTransformations\":[{\"type\":"
		"\"scale\",\"scale\":[2,2],\"input\":\"0\",\"output\":\"p\"}]}]",
	};
	const struct ozr_image_changes c = {.scale = one, .translation = zero};
	struct ozr_store *s;
	struct ozr_image *img;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		img = foreign(&s, forms[i], "");
		refused(img, s, &c, OZR_UNSUPPORTED, "axes");
		OK(ozr_image_set_attributes(img, "{\"still\":1}", &err));
		ozr_image_close(img);
		ozr_store_unref(s);
	}
	OK(ozr_store_open_mem(ctx, &s, &err));
	put_array(s, "zarr.json", "");
	OK(ozr_image_open(s, "", OZR_UPDATE, &img, &err));
	refused(img, s, &c, OZR_UNSUPPORTED, "bare array");
	OK(ozr_image_set_attributes(img, "{\"still\":1}", &err));
	OK(ozr_image_set_level_attributes(img, 0, "{\"and\":2}", &err));
	char *text = get(s, "zarr.json");
	has_text(text, "\"still\": 1", 1);
	has_text(text, "\"and\": 2", 1);
	ozr_text_free(text);
	ozr_image_close(img);
	ozr_store_unref(s);
}

/* Rules, where others have written none, or of their own. */
static void test_rules(void **state)
{
	struct ozr_level_rules rules = {.method = OZR_NEAREST, .has_nodata = 1, .nodata = {3}};
	struct ozr_image_changes c = {.rules = &rules};
	struct ozr_store *s;

	(void)state;
	struct ozr_image *img = foreign(
		&s, AXES ",\"datasets\":[{\"path\":\"0\"}],\"metadata\":{\"theirs\":1}", "");
	OK(ozr_image_change(img, &c, &err));
	char *text = get(s, "zarr.json");
	has_text(text, "\"nodata\": 3", 1);
	has_text(text, "\"type\": \"nearest\"", 1);
	has_text(text, "\"theirs\": 1", 1);
	ozr_text_free(text);
	rules.has_nodata = 0;
	OK(ozr_image_change(img, &c, &err));
	text = get(s, "zarr.json");
	has_text(text, "nodata", 0);
	ozr_text_free(text);
	rules.method = (enum ozr_method)7;
	refused(img, s, &c, OZR_BAD_ARG, "method 7");
	ozr_image_close(img);
	ozr_store_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_while_creating),
		cmocka_unit_test(test_stored),
		cmocka_unit_test(test_published_empty),
		cmocka_unit_test(test_levels_keep_their_place),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_channels_of_others),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_other_forms),
		cmocka_unit_test(test_rules),
	};
	if (ozr_ctx_new(NULL, &ctx, NULL) != OZR_OK)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	ozr_ctx_unref(ctx);
	return failed;
}
