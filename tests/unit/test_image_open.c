/* SPDX-License-Identifier: MIT */
/*
 * Opening images that others wrote: what is taken for an image, what is an
 * error and how it reads; and changing attributes so that all else survives.
 */
#include "ome/image_impl.h"
#include "unit/image_testing.h"

/* --- attributes --- */

static void test_set_attributes(void **state)
{
	struct ozr_image *img = NULL;
	struct ozr_image_info info;
	struct ozr_store *s;
	char *text;

	(void)state;
	OK(ozr_store_open_mem(ctx, &s, &err));
	put_array(s, "i/0/zarr.json", "");
	put(s, "i/zarr.json",
	    "{\"zarr_format\":3,\"node_type\":\"group\",\"alien\":{\"must_understand\":false},"
	    "\"attributes\":{\"big\":12345678901234567890,\"ome\":{\"version\":\"0.5\",\"odd\":["
	    "null]," MULTISCALES "},\"gone\":1}}");
	put(s, "zarr.json",
	    "{\"zarr_format\":3,\"node_type\":\"group\",\"kept\":1,"
	    "\"consolidated_metadata\":{\"metadata\":{\"i\":{}}}}");
	OK(ozr_image_open(s, "i", OZR_READ, &img, &err));
	assert_int_equal(ozr_image_set_attributes(img, "{}", &err), OZR_BAD_ARG);
	ozr_image_close(img);

	OK(ozr_image_open(s, "i", OZR_UPDATE, &img, &err));
	OK(ozr_image_set_attributes(img,
				    "{\"new\":{\"a\":0.30},\"gone\":null,\"ome\":{\"omero\":{"
				    "\"channels\":[{\"label\":\"k\"}]}}}",
				    &err));
	ozr_image_get_info(img, &info);
	assert_int_equal(info.channels, 1); /* seen at once */
	text = get(s, "i/zarr.json");
	has_text(text, "12345678901234567890", 1);
	has_text(text, "\"alien\"", 1);
	has_text(text, "\"odd\"", 1);
	has_text(text, "\"mine\"", 1);
	has_text(text, "\"omero\"", 1);
	has_text(text, "\"new\"", 1);
	has_text(text, "\"gone\"", 0);
	ozr_text_free(text);
	text = get(s, "zarr.json"); /* the copy that would be stale is dropped, nothing else */
	has_text(text, "consolidated_metadata", 0);
	has_text(text, "\"kept\"", 1);
	ozr_text_free(text);

	/* a change that would break the image is refused, and nothing is written */
	assert_int_equal(ozr_image_set_attributes(img, "{\"ome\":null}", &err), OZR_BAD_FORMAT);
	assert_int_equal(ozr_image_set_attributes(img, "{\"ome\":{\"multiscales\":[]}}", &err),
			 OZR_BAD_FORMAT);
	assert_int_equal(ozr_image_set_attributes(img, "[1]", &err), OZR_BAD_FORMAT);
	assert_int_equal(ozr_image_set_attributes(img, "{\"a\":", &err), OZR_BAD_FORMAT);
	assert_int_equal(ozr_image_probe(s, "i"), 1);
	ozr_image_close(img);
	ozr_store_unref(s);
}

static void test_set_attributes_v2(void **state)
{
	struct ozr_image *img = NULL;
	struct ozr_object *o;
	struct ozr_store *s;
	char *text;

	(void)state;
	OK(ozr_store_open_mem(ctx, &s, &err));
	put(s, "0/.zarray", ARRAY_V2);
	put(s, ".zattrs", "{\"nan\":NaN,\"n\":9007199254740993," MULTISCALES "}");
	put(s, ".zmetadata", "{\"metadata\":{}}");
	OK(ozr_image_open(s, "", OZR_UPDATE, &img, &err)); /* without a .zgroup, too */
	OK(ozr_image_set_attributes(img, "{\"omero\":{\"channels\":[]}}", &err));
	text = get(s, ".zattrs");
	has_text(text, "NaN", 1);
	has_text(text, "9007199254740993", 1);
	has_text(text, "\"omero\"", 1);
	has_text(text, "\"mine\"", 1);
	ozr_text_free(text);
	assert_int_equal(ozr_object_open(s, ".zmetadata", &o, &err), OZR_NOT_FOUND);
	ozr_image_close(img);
	ozr_store_unref(s);
}

/* --- opening what others wrote -------------------------------------------------------------------- */

static void test_bare(void **state)
{
	struct ozr_image *img = NULL;
	struct ozr_image_info info;
	struct ozr_store *s;
	char *text;

	(void)state;
	OK(ozr_store_open_mem(ctx, &s, &err));
	put_array(s, "zarr.json", "");
	put_array(s, "named/zarr.json", ",\"dimension_names\":[\"band\",\"X\"]");
	put(s, "two/.zarray", ARRAY_V2);
	assert_int_equal(ozr_image_probe(s, ""), 2);
	assert_int_equal(ozr_image_probe(s, "two"), 2);
	OK(ozr_image_open(s, "", OZR_READ, &img, &err));
	ozr_image_get_info(img, &info);
	assert_true(info.is_bare && info.levels == 1 && info.version[0] == '\0');
	assert_string_equal(info.axes[0].name, "y");
	OK(ozr_image_attributes(img, &text, &err));
	assert_string_equal(text, "{}");
	ozr_text_free(text);
	ozr_image_close(img);
	OK(ozr_image_open(s, "named", OZR_READ, &img, &err));
	ozr_image_get_info(img, &info);
	assert_string_equal(info.axes[0].name, "c");
	assert_string_equal(info.axes[1].name, "x");
	assert_int_equal(info.axes[0].kind, OZR_AXIS_CHANNEL);
	ozr_image_close(img);
	OK(ozr_image_open(s, "two", OZR_READ, &img, &err));
	ozr_image_close(img);
	ozr_store_unref(s);
}

static void test_probe(void **state)
{
	static const struct {
		const char *key, *text;
		int what;
	} cases[] = {
		{"zarr.json",
		 "{\"zarr_format\":3,\"node_type\":\"group\",\"attributes\":{\"ome\":{" MULTISCALES
		 "}}}",
		 1},
		{"zarr.json",
		 "{\"zarr_format\":3,\"node_type\":\"group\",\"attributes\":{" MULTISCALES "}}", 1},
		{"zarr.json", "{\"zarr_format\":3,\"node_type\":\"group\"}", 3},
		{"zarr.json",
		 "{\"zarr_format\":3,\"node_type\":\"group\",\"attributes\":{\"ome\":{\"plate\":{}}"
		 "}}",
		 3},
		{"zarr.json", "{\"zarr_format\":3,\"node_type\":\"group\",\"attri", 0},
		{"zarr.json", "{\"zarr_format\":2,\"node_type\":\"group\"}", 0},
		{"zarr.json", "", 0},
		{".zattrs", "{" MULTISCALES "}", 1},
		{".zattrs", "{\"multiscales\":", 0},
		{".zgroup", "{\"zarr_format\":2}", 3},
		{".zarray", ARRAY_V2, 2},
		{"other.json", "{}", 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ozr_store *s;
		OK(ozr_store_open_mem(ctx, &s, &err));
		put(s, cases[i].key, cases[i].text);
		if (ozr_image_probe(s, "") != cases[i].what)
			fail_msg("case %zu: %d", i, ozr_image_probe(s, ""));
		ozr_store_unref(s);
	}
}

static void test_open_errors(void **state)
{
	struct ozr_image *img = NULL;
	struct ozr_store *s;

	(void)state;
	OK(ozr_store_open_mem(ctx, &s, &err));
	assert_int_equal(ozr_image_open(s, "", OZR_READ, &img, &err), OZR_NOT_FOUND);
	assert_int_equal(ozr_image_open(s, "../x", OZR_READ, &img, &err), OZR_BAD_FORMAT);
	put(s, "i/zarr.json",
	    "{\"zarr_format\":3,\"node_type\":\"group\",\"attributes\":{\"ome\":{" MULTISCALES
	    "}}}");
	/* the image names a level that is not there: broken, not "no image" */
	assert_int_equal(ozr_image_open(s, "i", OZR_READ, &img, &err), OZR_BAD_FORMAT);
	has_text(err.msg, "i': level 0 ('0'): ", 1);
	put_array(s, "i/0/zarr.json", ",\"dimension_names\":[\"a\",\"x\"]");
	OK(ozr_image_open(s, "i", OZR_READ, &img, &err));
	has_text(ozr_image_warning(img, 0), "'a'", 1);
	ozr_image_close(img);
	put(s, "i/zarr.json",
	    "{\"zarr_format\":3,\"node_type\":\"group\",\"attributes\":{\"ome\":{\"multiscales\":"
	    "[{\"axes\":[\"z\",\"y\",\"x\"],\"datasets\":[{\"path\":\"0\"}]}]}}}");
	assert_int_equal(ozr_image_open(s, "i", OZR_READ, &img, &err), OZR_BAD_FORMAT);
	has_text(err.msg, "has 2 dimensions, the image has 3 axes", 1);
	put(s, "i/zarr.json",
	    "{\"zarr_format\":3,\"node_type\":\"group\",\"attributes\":{\"ome\":{\"multiscales\":"
	    "[{\"axes\":[\"y\",\"x\"],\"datasets\":[{\"path\":3}]}]}}}");
	assert_int_equal(ozr_image_open(s, "i", OZR_READ, &img, &err), OZR_BAD_FORMAT);
	has_text(err.msg, "zarr.json: /attributes/ome/multiscales/0/datasets/0/path: ", 1);
	put(s, "i/zarr.json", "{\"zarr_format\":3,\"node_type\":\"grape\"}");
	assert_int_equal(ozr_image_open(s, "i", OZR_READ, &img, &err), OZR_BAD_FORMAT);
	has_text(err.msg, "/node_type", 1);
	has_text(err.msg, "grape", 1);
	ozr_store_unref(s);
}

static void test_old_versions(void **state)
{
	struct ozr_image *img = NULL;
	struct ozr_image_info info;
	struct ozr_store *s;
	double scale[OZR_MAX_RANK], translation[OZR_MAX_RANK];

	(void)state;
	OK(ozr_store_open_mem(ctx, &s, &err));
	put(s, "0/.zarray", ARRAY_V2);
	put(s, "1/.zarray",
	    "{\"zarr_format\":2,\"shape\":[2,2],\"chunks\":[2,3],\"dtype\":\"|u1\",\"compressor\":"
	    "null,"
	    "\"fill_value\":0,\"order\":\"C\",\"filters\":null}");
	put(s, ".zattrs", "{\"multiscales\":[{\"datasets\":[{\"path\":\"0\"},{\"path\":\"1\"}]}]}");
	OK(ozr_image_open(s, "", OZR_READ, &img, &err));
	ozr_image_get_info(img, &info);
	assert_string_equal(info.version, "0.1");
	assert_int_equal(info.rank, 2);
	assert_string_equal(info.axes[0].name, "y");
	ozr_image_transform(img, 1, scale, translation);
	assert_true(scale[0] == 2.0 && scale[1] == 3.0); /* from the shapes */
	assert_int_equal(img->level[1].factor[1], 3);
	ozr_image_close(img);
	ozr_store_unref(s);
}

static int setup(void **state)
{
	(void)state;
	return ozr_ctx_new(NULL, &ctx, NULL);
}

static int teardown(void **state)
{
	(void)state;
	ozr_ctx_unref(ctx);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_attributes), cmocka_unit_test(test_set_attributes_v2),
		cmocka_unit_test(test_bare),           cmocka_unit_test(test_probe),
		cmocka_unit_test(test_open_errors),    cmocka_unit_test(test_old_versions),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
