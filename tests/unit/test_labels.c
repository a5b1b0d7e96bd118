/* SPDX-License-Identifier: MIT */
/*
 * Writing label images: with the image they belong to, into one that exists,
 * in folders and elsewhere; replaced, given up, in the wrong place. Each time:
 * what is listed, in which order it appears, and that nothing is left behind.
 */
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "ome/image_impl.h"
#include "unit/image_testing.h"

enum { SIDE = 300 };

static char folder[200]; /* of this run */

static struct ozr_image_options options(int version, int label)
{
	struct ozr_image_options o = {
		.ome_version = version,
		.dtype = label ? OZR_UINT32 : OZR_UINT8,
		.rank = 2,
		.shape = {SIDE, SIDE},
		.axes = {{"y", OZR_AXIS_SPACE, ""}, {"x", OZR_AXIS_SPACE, ""}},
		.omero = !label};
	return o;
}

static void fill(struct ozr_image *img, uint32_t value)
{
	uint32_t *data = malloc(SIDE * SIDE * sizeof(*data));
	struct ozr_box box = {.count = {SIDE, SIDE}, .data = data, .dtype = OZR_UINT32};

	assert_non_null(data);
	for (unsigned i = 0; i < SIDE * SIDE; i++)
		data[i] = value;
	ozr_box_contiguous(&box, 2);
	OK(ozr_pyramid_push(img, &box, NULL, &err));
	free(data);
}

static uint32_t first_pixel(struct ozr_store *s, const char *path)
{
	struct ozr_image *img;
	uint32_t value = 0;
	struct ozr_box box = {.count = {1, 1}, .data = &value, .dtype = OZR_UINT32};

	OK(ozr_image_open(s, path, OZR_READ, &img, &err));
	ozr_box_contiguous(&box, 2);
	OK(ozr_array_read(ozr_image_level(img, 0), 1, &box, NULL, &err));
	ozr_image_close(img);
	return value;
}

/* The document of a node; "" when there is none. */
static void document(struct ozr_store *s, const char *path, char out[4000])
{
	static const char *const names[] = {"zarr.json", ".zattrs"};
	char key[300];

	*out = '\0';
	for (unsigned i = 0; i < 2 && *out == '\0'; i++) {
		char *text;
		size_t len;
		snprintf(key, sizeof(key), "%s%s%s", path, *path != '\0' ? "/" : "", names[i]);
		if (ozr_store_get(s, key, 3999, &text, &len, NULL, NULL) != OZR_OK)
			continue;
		memcpy(out, text, len + 1);
		ozr_text_free(text);
	}
}

static void lists(struct ozr_store *s, const char *names)
{
	char text[4000], *at = text, *list;

	document(s, "labels", text);
	for (const char *p = text; *p != '\0'; p++) /* without blanks */
		if (*p != ' ' && *p != '\n')
			*at++ = *p;
	*at = '\0';
	list = strstr(text, "\"labels\":[");
	if (list == NULL)
		fail_msg("no list in %s", text);
	list += strlen("\"labels\":");
	list[strcspn(list, "]") + 1] = '\0';
	assert_string_equal(list, names);
}

static struct ozr_image *label_of(struct ozr_image *img, const char *name, uint32_t value)
{
	struct ozr_image_options o = options(0, 1);
	struct ozr_image *label;

	OK(ozr_label_create(img, name, &o, &label, &err));
	fill(label, value);
	return label;
}

static int count_entries(const char *dir)
{
	DIR *d = opendir(dir);
	int n = 0;

	if (d == NULL)
		return -1;
	for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(d);
	return n;
}

/* An image with two labels, made at once: nothing is seen before the image's commit. */
static void test_with_the_image(void **state)
{
	(void)state;
	for (int version = 4; version <= 5; version++) {
		struct ozr_image_options o = options(version, 0);
		struct ozr_image *img, *one, *two, *lost;
		struct ozr_store *s;
		char dir[300], text[4000];

		snprintf(dir, sizeof(dir), "%s/with%d.zarr", folder, version);
		OK(ozr_image_create_dir(ctx, dir, 0, OZR_FLUSH_NONE, &o, &img, &err));
		fill(img, 9);
		one = label_of(img, "nuclei", 70000);
		two = label_of(img, "cells", 5);
		lost = label_of(img, "lost", 6);
		OK(ozr_image_commit(one, NULL, &err));
		OK(ozr_image_commit(two, NULL, &err));
		ozr_image_close(lost);
		ozr_image_close(one);
		ozr_image_close(two);
		assert_int_equal(access(dir, F_OK), -1);
		OK(ozr_image_commit(img, NULL, &err));
		ozr_image_close(img);
		OK(ozr_store_open_dir(ctx, dir, OZR_READ, OZR_FLUSH_NONE, &s, &err));
		lists(s, "[\"nuclei\",\"cells\"]");
		assert_int_equal(first_pixel(s, ""), 9);
		assert_int_equal(first_pixel(s, "labels/nuclei"), 70000);
		assert_int_equal(first_pixel(s, "labels/cells"), 5);
		document(s, "labels/nuclei", text);
		has_text(text, "\"image\": \"../../\"", 1);
		has_text(text, "\"type\": \"mode\"", 1);
		document(s, "labels/lost", text);
		assert_string_equal(text, "");
		ozr_store_unref(s);
	}
}

static void make_image(const char *dir, int version)
{
	struct ozr_image_options o = options(version, 0);
	struct ozr_image *img;

	OK(ozr_image_create_dir(ctx, dir, 0, OZR_FLUSH_NONE, &o, &img, &err));
	fill(img, 1);
	OK(ozr_image_commit(img, NULL, &err));
	ozr_image_close(img);
}

static int add(const char *dir, const char *name, int replace, uint32_t value, int commit)
{
	struct ozr_image_options o = options(0, 1);
	struct ozr_image *label;

	int rc =
		ozr_label_create_dir(ctx, dir, "", name, replace, OZR_FLUSH_NONE, &o, &label, &err);
	if (rc != OZR_OK)
		return rc;
	fill(label, value);
	if (commit)
		OK(ozr_image_commit(label, NULL, &err));
	ozr_image_close(label);
	return OZR_OK;
}

/* Into a folder: the first one brings the group along, later ones are added to its list. */
static void test_into_a_folder(void **state)
{
	(void)state;
	for (int version = 4; version <= 5; version++) {
		struct ozr_store *s;
		char dir[300], labels[310], text[4000];

		snprintf(dir, sizeof(dir), "%s/into%d.zarr", folder, version);
		snprintf(labels, sizeof(labels), "%s/labels", dir);
		make_image(dir, version);
		OK(ozr_store_open_dir(ctx, dir, OZR_UPDATE, OZR_FLUSH_NONE, &s, &err));
		int before = count_entries(dir);
		OK(add(dir, "a", 0, 1, 0)); /* given up: nothing is left */
		assert_int_equal(count_entries(dir), before);
		OK(add(dir, "a", 0, 2, 1));
		lists(s, "[\"a\"]");
		OK(add(dir, "b", 0, 3, 0));
		assert_int_equal(count_entries(labels), version == 4 ? 3 : 2);
		OK(add(dir, "b", 0, 4, 1));
		lists(s, "[\"a\",\"b\"]");
		document(s, "labels/b", text);
		has_text(text, "\"image\": \"../../\"", 1);
		assert_int_equal(add(dir, "b", 0, 5, 1), OZR_EXISTS);
		has_text(err.msg, "create the label 'b'", 1);
		OK(add(dir, "b", 1, 5, 0));
		assert_int_equal(first_pixel(s, "labels/b"), 4);
		OK(add(dir, "b", 1, 6, 1));
		lists(s, "[\"a\",\"b\"]");
		assert_int_equal(first_pixel(s, "labels/a"), 2);
		assert_int_equal(first_pixel(s, "labels/b"), 6);
		assert_int_equal(count_entries(labels), version == 4 ? 4 : 3);
		ozr_store_unref(s);
	}
}

/* Through a handle of the image, in any store; what others keep in the group survives. */
static void test_into_an_open_image(void **state)
{
	(void)state;
	for (int version = 4; version <= 5; version++) {
		struct ozr_image_options o = options(version, 0);
		struct ozr_image *img, *label, *same;
		struct ozr_store *s;
		char text[4000];

		OK(ozr_store_open_mem(ctx, &s, &err));
		OK(ozr_image_create(s, "", OZR_CREATE_DIRECT, &o, &img, &err));
		fill(img, 1);
		OK(ozr_image_commit(img, NULL, &err));
		ozr_image_close(img);
		OK(ozr_image_open(s, "", OZR_UPDATE, &img, &err));
		label = label_of(img, "a", 3);
		document(s, "labels/a", text);
		assert_string_equal(text, "");
		OK(ozr_image_commit(label, NULL, &err));
		ozr_image_close(label);
		lists(s, "[\"a\"]");
		if (version == 4) {
			put(s, "labels/.zattrs", "{\"labels\":[\"a\"],\"mine\":1.50}");
			put(s, ".zmetadata", "{}");
		} else {
			put(s, "labels/zarr.json",
			    "{\"zarr_format\":3,\"node_type\":\"group\",\"attributes\":{\"mine\":1."
			    "50,"
			    "\"ome\":{\"version\":\"0.5\",\"labels\":[\"a\"],\"yours\":2}}}");
		}
		label = label_of(img, "b", 4);
		ozr_image_close(label); /* given up */
		lists(s, "[\"a\"]");
		label = label_of(img, "b", 4);
		OK(ozr_image_commit(label, NULL, &err));
		ozr_image_close(label);
		lists(s, "[\"a\",\"b\"]");
		document(s, "labels", text);
		has_text(text, "1.50", 1);
		has_text(text, "yours", version == 5);
		struct ozr_object *copy; /* of the metadata: it did not know the label */
		assert_int_equal(ozr_object_open(s, ".zmetadata", &copy, &err), OZR_NOT_FOUND);
		o = options(0, 1);
		assert_int_equal(ozr_label_create(img, "b", &o, &same, &err), OZR_EXISTS);
		ozr_image_close(img);
		ozr_store_unref(s);
	}
}

static void test_what_cannot_be(void **state)
{
	struct ozr_image_options o = options(0, 1), wrong = options(4, 1), floating = options(0, 1);
	struct ozr_image *img, *label;
	char dir[300], empty[300];
	(void)state;

	snprintf(dir, sizeof(dir), "%s/cannot.zarr", folder);
	snprintf(empty, sizeof(empty), "%s/nothing.zarr", folder);
	make_image(dir, 5);
	int before = count_entries(dir);
	static const char *const names[] = {"", "a/b", "..", ".hidden", "a\\b"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(add(dir, names[i], 0, 1, 1), OZR_BAD_ARG);
	assert_int_equal(add(empty, "a", 0, 1, 1), OZR_NOT_FOUND);
	assert_int_equal(
		ozr_label_create_dir(ctx, dir, "0", "a", 0, OZR_FLUSH_NONE, &o, &label, &err),
		OZR_NOT_FOUND); /* an array, not an image */
	has_text(err.msg, "no image", 1);
	assert_int_equal(
		ozr_label_create_dir(ctx, dir, "", "a", 0, OZR_FLUSH_NONE, &wrong, &label, &err),
		OZR_BAD_ARG);
	has_text(err.msg, "0.5", 1);
	floating.dtype = OZR_FLOAT32;
	assert_int_equal(
		ozr_label_create_dir(ctx, dir, "", "a", 0, OZR_FLUSH_NONE, &floating, &label, &err),
		OZR_BAD_ARG);
	OK(ozr_image_open_dir(ctx, dir, "", OZR_READ, &img, &err));
	assert_int_equal(ozr_label_create(img, "a", &o, &label, &err), OZR_BAD_ARG);
	has_text(err.msg, "not open for update", 1);
	ozr_image_close(img);
	assert_int_equal(count_entries(dir), before);
}

static int make_ctx(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(folder, sizeof(folder), "%s/ozr-labels-XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(folder) == NULL)
		return -1;
	return ozr_ctx_new(NULL, &ctx, &err);
}

static int drop_ctx(void **state)
{
	DIR *d = opendir(folder);
	int rc = d == NULL ? -1 : 0;

	(void)state;
	for (struct dirent *e = d != NULL ? readdir(d) : NULL; e != NULL; e = readdir(d)) {
		char path[600];
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		if (e->d_name[0] != '.')
			rc |= ozr_tree_remove(ctx, path, &err);
	}
	if (d != NULL)
		closedir(d);
	ozr_ctx_unref(ctx);
	return rmdir(folder) | rc;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_with_the_image),
		cmocka_unit_test(test_into_a_folder),
		cmocka_unit_test(test_into_an_open_image),
		cmocka_unit_test(test_what_cannot_be),
	};
	return cmocka_run_group_tests(tests, make_ctx, drop_ctx);
}
