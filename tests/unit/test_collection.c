/* SPDX-License-Identifier: MIT */
/*
 * What surrounds images: kinds of groups, labels, series, plates and wells,
 * found without listing and within bounds; and image-label tables.
 */
#include <stdlib.h>

#include "ozr/collection.h"
#include "unit/image_testing.h"

#define GROUP(attributes)                                                                          \
	"{\"zarr_format\":3,\"node_type\":\"group\",\"attributes\":" attributes "}"
#define IMAGE GROUP("{\"ome\":{\"version\":\"0.5\"," MULTISCALES "}}")

static void put_image(struct ozr_store *s, const char *path)
{
	char key[200];

	snprintf(key, sizeof(key), "%s/zarr.json", path);
	put(s, key, IMAGE);
	snprintf(key, sizeof(key), "%s/0/zarr.json", path);
	put_array(s, key, "");
}

/* A store that cannot list: nothing may need it. */
static struct ozr_store *new_store(void)
{
	struct ozr_store *s;

	OK(ozr_store_open_mem(ctx, &s, &err));
	s->caps &= ~(unsigned)OZR_STORE_LIST;
	return s;
}

static struct ozr_collection *open_at(struct ozr_store *s, const char *path, size_t max)
{
	struct ozr_collection *c = NULL;

	OK(ozr_collection_open(s, path, max, NULL, &c, &err));
	return c;
}

static void has_members(const struct ozr_collection *c, size_t n, const char *const *paths)
{
	assert_int_equal(ozr_collection_count(c), n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(ozr_collection_member(c, i)->path, paths[i]);
}

static int warns(const struct ozr_collection *c, const char *words)
{
	const char *text;

	for (unsigned i = 0; (text = ozr_collection_warning(c, i)) != NULL; i++)
		if (strstr(text, words) != NULL)
			return 1;
	return 0;
}

static void test_kinds(void **state)
{
	static const struct {
		const char *key, *text;
		enum ozr_kind kind;
	} cases[] = {
		{"i/zarr.json", IMAGE, OZR_KIND_IMAGE},
		{"i2/.zattrs", "{" MULTISCALES "}", OZR_KIND_IMAGE},
		{"l/zarr.json", GROUP("{\"ome\":{\"labels\":[\"a\"]}}"), OZR_KIND_LABELS},
		{"l2/.zattrs", "{\"labels\":[\"a\",\"b\"]}", OZR_KIND_LABELS},
		{"l3/.zattrs", "{\"labels\":[1,2]}", OZR_KIND_GROUP},
		{"s/zarr.json", GROUP("{\"ome\":{\"bioformats2raw.layout\":3}}"), OZR_KIND_SERIES},
		{"s2/.zattrs", "{\"bioformats2raw.layout\":3}", OZR_KIND_SERIES},
		{"p/zarr.json", GROUP("{\"ome\":{\"plate\":{\"wells\":[]}}}"), OZR_KIND_PLATE},
		{"p2/.zattrs", "{\"bioformats2raw.layout\":3,\"plate\":{\"wells\":[]}}",
		 OZR_KIND_PLATE},
		{"p3/.zattrs", "{\"plate\":\"dinner\"}", OZR_KIND_GROUP},
		{"w/zarr.json", GROUP("{\"ome\":{\"well\":{\"images\":[]}}}"), OZR_KIND_WELL},
		{"w2/.zattrs", "{\"well\":{\"images\":[]}}", OZR_KIND_WELL},
		{"g/zarr.json", GROUP("{\"ome\":{\"version\":\"0.5\"}}"), OZR_KIND_GROUP},
		{"a/.zarray", ARRAY_V2, OZR_KIND_ARRAY},
		{"broken/zarr.json", "{\"zarr_format\":3,", OZR_KIND_NOTHING},
	};
	struct ozr_store *s = new_store();

	(void)state;
	assert_int_equal(ozr_kind_probe(s, ""), OZR_KIND_NOTHING);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char path[100];
		put(s, cases[i].key, cases[i].text);
		snprintf(path, sizeof(path), "%.*s", (int)strcspn(cases[i].key, "/"), cases[i].key);
		if (ozr_kind_probe(s, path) != cases[i].kind)
			fail_msg("%s: %d", cases[i].key, (int)ozr_kind_probe(s, path));
	}
	ozr_store_unref(s);
}

static void test_labels(void **state)
{
	struct ozr_store *s = new_store();
	struct ozr_collection *c;

	(void)state;
	put_image(s, "i");
	c = open_at(s, "i", 100);
	has_members(c, 0, NULL); /* no labels group at all */
	assert_null(ozr_collection_warning(c, 0));
	ozr_collection_close(c);

	put(s, "i/labels/zarr.json",
	    GROUP("{\"ome\":{\"labels\":[\"cells\",\"gone\",\"deep/er\",\"../"
		  "up\",\"cells\",\"\"]}}"));
	put_image(s, "i/labels/cells");
	put_image(s, "i/labels/deep/er");
	c = open_at(s, "i", 100);
	has_members(c, 2, (const char *[]){"labels/cells", "labels/deep/er"});
	const struct ozr_member *m = ozr_collection_member(c, 0);
	assert_true(m->known && m->info.rank == 2 && m->shape[0] == 4 && m->shape[1] == 6);
	assert_int_equal(m->info.dtype, OZR_UINT8);
	assert_string_equal(m->info.axes[1].name, "x");
	assert_true(warns(c, "'labels/gone' is listed, but not there"));
	assert_true(warns(c, "../up"));
	ozr_collection_close(c);

	c = open_at(s, "i/labels", 1);
	assert_int_equal(ozr_collection_kind(c), OZR_KIND_LABELS);
	has_members(c, 1, (const char *[]){"cells"});
	assert_true(warns(c, "there are 6 labels, the first 1 are shown"));
	ozr_collection_close(c);
	ozr_store_unref(s);
}

/* A member whose metadata are broken is there, but nothing is known of it. */
static void test_unreadable_member(void **state)
{
	struct ozr_store *s = new_store();

	(void)state;
	put(s, ".zattrs", "{" MULTISCALES "}");
	put(s, "0/.zarray", ARRAY_V2);
	put(s, "labels/.zattrs", "{\"labels\":[\"a\",\"b\"]}");
	put(s, "labels/a/.zattrs", "{\"multiscales\":[{\"datasets\":[{\"path\":7}]}]}");
	put(s, "labels/b/.zattrs", "{" MULTISCALES "}"); /* its level is not there */
	struct ozr_collection *c = open_at(s, "", 100);
	has_members(c, 2, (const char *[]){"labels/a", "labels/b"});
	assert_false(ozr_collection_member(c, 0)->known);
	assert_false(ozr_collection_member(c, 1)->known);
	ozr_collection_close(c);
	ozr_store_unref(s);
}

static void test_series(void **state)
{
	struct ozr_store *s = new_store();
	char *xml = NULL, path[20];

	(void)state;
	put(s, "zarr.json", GROUP("{\"ome\":{\"bioformats2raw.layout\":3}}"));
	struct ozr_collection *c = open_at(s, "", 100);
	has_members(c, 0, NULL);
	ozr_collection_close(c);
	for (int i = 0; i < 11; i++) {
		snprintf(path, sizeof(path), "%d", i);
		put_image(s, path);
	}
	put_image(s, "12"); /* behind the gap: not found */
	c = open_at(s, "", 100);
	assert_int_equal(ozr_collection_count(c), 11);
	assert_string_equal(ozr_collection_member(c, 10)->path, "10");
	ozr_collection_close(c);
	c = open_at(s, "", 9);
	assert_int_equal(ozr_collection_count(c), 9);
	assert_true(warns(c, "there are more than 9 series"));
	ozr_collection_close(c);

	assert_int_equal(ozr_series_xml(s, "", &xml, &err), OZR_NOT_FOUND);
	put(s, "OME/METADATA.ome.xml", "<OME/>");
	OK(ozr_series_xml(s, "", &xml, &err));
	assert_string_equal(xml, "<OME/>");
	ozr_text_free(xml);
	put(s, "OME/zarr.json", GROUP("{\"ome\":{\"series\":[\"12\",\"3\",\"99\"]}}"));
	c = open_at(s, "", 100);
	assert_int_equal(ozr_collection_kind(c), OZR_KIND_SERIES);
	has_members(c, 2, (const char *[]){"12", "3"});
	assert_true(warns(c, "'99' is listed, but not there"));
	ozr_collection_close(c);

	put(s, "OME/zarr.json", GROUP("{\"ome\":{\"series\":[0,1]}}"));
	assert_int_equal(ozr_collection_open(s, "", 100, NULL, &c, &err), OZR_BAD_FORMAT);
	has_text(err.msg, "/attributes/ome/series/0", 1);
	ozr_store_unref(s);
}

/* rows x columns wells of `fields` images each. */
static void put_plate(struct ozr_store *s, int rows, int columns, int fields)
{
	static char text[200000];
	int n = snprintf(text, sizeof(text),
			 "{\"plate\":{\"name\":\"P\",\"field_count\":%d,"
			 "\"rows\":[",
			 fields);

	for (int r = 0; r < rows; r++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%s{\"name\":\"%c\"}",
			      r ? "," : "", 'A' + r);
	n += snprintf(text + n, sizeof(text) - (size_t)n, "],\"columns\":[");
	for (int i = 0; i < columns; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%s{\"name\":\"%d\"}",
			      i ? "," : "", i + 1);
	n += snprintf(text + n, sizeof(text) - (size_t)n, "],\"wells\":[");
	for (int i = 0; i < rows * columns; i++) {
		char key[100], well[1000] = "{\"well\":{\"images\":[";
		int r = i / columns, k = i % columns;
		n += snprintf(text + n, sizeof(text) - (size_t)n,
			      "%s{\"path\":\"%c/%d\",\"rowIndex\":%d,\"columnIndex\":%d}",
			      i ? "," : "", 'A' + r, k + 1, r, k);
		int m = (int)strlen(well);
		for (int f = 0; f < fields; f++)
			m += snprintf(well + m, sizeof(well) - (size_t)m, "%s{\"path\":\"%d\"}",
				      f ? "," : "", f);
		snprintf(well + m, sizeof(well) - (size_t)m, "]}}");
		snprintf(key, sizeof(key), "%c/%d/.zattrs", 'A' + r, k + 1);
		put(s, key, well);
		for (int f = 0; f < fields; f++) {
			snprintf(key, sizeof(key), "%c/%d/%d/.zattrs", 'A' + r, k + 1, f);
			put(s, key, "{" MULTISCALES "}");
			snprintf(key, sizeof(key), "%c/%d/%d/0/.zarray", 'A' + r, k + 1, f);
			put(s, key, ARRAY_V2);
		}
	}
	snprintf(text + n, sizeof(text) - (size_t)n, "]}}");
	put(s, ".zattrs", text);
}

static void test_plate(void **state)
{
	struct ozr_store *s = new_store();

	(void)state;
	put_plate(s, 3, 4, 2);
	struct ozr_collection *c = open_at(s, "", 100);
	assert_int_equal(ozr_collection_kind(c), OZR_KIND_PLATE);
	assert_string_equal(ozr_collection_name(c), "P");
	assert_int_equal(ozr_collection_count(c), 24);
	assert_string_equal(ozr_collection_member(c, 0)->path, "A/1/0");
	assert_string_equal(ozr_collection_member(c, 23)->path, "C/4/1");
	assert_true(ozr_collection_member(c, 23)->known);
	assert_null(ozr_collection_warning(c, 0)); /* nothing wrong, nothing hidden */
	ozr_collection_close(c);

	c = open_at(s, "", 24); /* just enough */
	assert_int_equal(ozr_collection_count(c), 24);
	assert_null(ozr_collection_warning(c, 0));
	ozr_collection_close(c);
	c = open_at(s, "", 5);
	assert_int_equal(ozr_collection_count(c), 5);
	assert_string_equal(ozr_collection_member(c, 4)->path, "A/3/0");
	assert_string_equal(ozr_collection_warning(c, 0),
			    "the plate has 12 wells of up to 2 fields, "
			    "the first 5 fields are shown");
	assert_null(ozr_collection_warning(c, 1));
	ozr_collection_close(c);

	OK(ozr_store_del(s, "A/2/.zattrs", &err)); /* a well that is not there */
	put(s, "B/1/.zattrs", "{\"well\":{\"images\":[{\"path\":\"x\"},{}]}}");
	c = open_at(s, "", 100);
	assert_true(warns(c, "well 'A/2' is left out"));
	assert_true(warns(c, "well 'B/1' is left out"));
	assert_string_equal(ozr_collection_member(c, 2)->path, "A/3/0");
	ozr_collection_close(c);

	c = open_at(s, "C/4", 1);
	assert_int_equal(ozr_collection_kind(c), OZR_KIND_WELL);
	has_members(c, 1, (const char *[]){"0"});
	assert_true(warns(c, "there are 2 fields, the first 1 are shown"));
	ozr_collection_close(c);
	ozr_store_unref(s);
}

/* Bounds of what others write: work and messages stay small. */
static void test_hostile(void **state)
{
	enum { WELLS = 20000 };
	struct ozr_store *s = new_store();
	struct ozr_collection *c = NULL;
	char *text = malloc(WELLS * 40 + 100);
	int n = sprintf(text, "{\"plate\":{\"wells\":[");

	(void)state;
	for (int i = 0; i < WELLS; i++)
		n += snprintf(text + n, 100, "%s{\"path\":\"A/%d\"}", i ? "," : "", i);
	snprintf(text + n, 100, "]}}");
	put(s, ".zattrs", text);
	free(text);
	c = open_at(s, "", (size_t)-1); /* none of the wells exists */
	assert_int_equal(ozr_collection_count(c), 0);
	unsigned warnings = 0;
	while (ozr_collection_warning(c, warnings) != NULL)
		warnings++;
	assert_true(warnings >= 1 && warnings <= 32);
	ozr_collection_close(c);
	put(s, ".zattrs", "{\"plate\":{\"wells\":[{\"path\":\"/etc\"},{\"path\":\"..\"}]}}");
	c = open_at(s, "", 10);
	assert_true(ozr_collection_count(c) == 0 && warns(c, "'/etc'") && warns(c, "'..'"));
	ozr_collection_close(c);
	put(s, ".zattrs", "{\"plate\":{\"wells\":[{\"path\":7}]}}");
	assert_int_equal(ozr_collection_open(s, "", 10, NULL, &c, &err), OZR_BAD_FORMAT);
	has_text(err.msg, "/plate/wells/0/path", 1);
	put(s, "g/.zgroup", "{\"zarr_format\":2}");
	assert_int_equal(ozr_collection_open(s, "g", 10, NULL, &c, &err), OZR_UNSUPPORTED);
	assert_int_equal(ozr_collection_open(s, "nothing", 10, NULL, &c, &err), OZR_NOT_FOUND);
	ozr_store_unref(s);
}

/* --- image-label ----------------------------------------------------------------------- */

static struct ozr_label_table *parse(const char *label)
{
	struct ozr_label_table *t = NULL;
	char text[2000];

	snprintf(text, sizeof(text), "{\"image-label\":%s}", label);
	OK(ozr_label_table_parse(ctx, text, &t, &err));
	return t;
}

static void test_label_table(void **state)
{
	struct ozr_label_table *t = parse(
		"{\"colors\":[{\"label-value\":4,\"rgba\":[0,255,255,128]},"
		"{\"label-value\":1,\"rgba\":[1,2,3,4]},{\"label-value\":1,\"rgba\":[255,254,0,255]"
		"},"
		"{\"label-value\":18446744073709551615}],"
		"\"properties\":[{\"label-value\":1,\"area\":1200,\"class\":\"foo\",\"ok\":true},"
		"{\"label-value\":-7,\"area\":0.5,\"box\":[1,2],\"class\":null},"
		"{\"label-value\":4,\"area\":9007199254740993,\"ok\":false}]}");
	enum ozr_column_kind kind;
	int64_t whole;
	double real;
	char *text;

	(void)state;
	assert_int_equal(ozr_label_table_rows(t), 4);
	assert_int_equal(ozr_label_table_row(t, 0)->value, -7);
	assert_int_equal(ozr_label_table_row(t, 1)->value, -1); /* 2^64 - 1 */
	assert_int_equal(ozr_label_table_row(t, 2)->value, 1);
	assert_int_equal(ozr_label_table_row(t, 3)->value, 4);
	assert_false(ozr_label_table_row(t, 1)->has_color);
	assert_memory_equal(ozr_label_table_row(t, 2)->rgba, "\xff\xfe\0\xff", 4); /* the last */
	assert_memory_equal(ozr_label_table_row(t, 3)->rgba, "\0\xff\xff\x80", 4);
	assert_int_equal(ozr_label_table_columns(t), 4);
	assert_string_equal(ozr_label_table_column(t, 0, &kind), "area");
	assert_int_equal(kind, OZR_COLUMN_REAL);
	assert_true(ozr_label_table_real(t, 2, 0, &real) && real == 1200.0);
	assert_true(ozr_label_table_real(t, 0, 0, &real) && real == 0.5);
	assert_false(ozr_label_table_real(t, 1, 0, &real));
	unsigned column = 0;
	while (strcmp(ozr_label_table_column(t, column, &kind), "ok") != 0)
		column++;
	assert_int_equal(kind, OZR_COLUMN_INTEGER);
	assert_true(ozr_label_table_integer(t, 2, column, &whole) && whole == 1);
	assert_true(ozr_label_table_integer(t, 3, column, &whole) && whole == 0);
	column = 0;
	while (strcmp(ozr_label_table_column(t, column, &kind), "box") != 0)
		column++;
	assert_true(kind == OZR_COLUMN_TEXT && ozr_label_table_text(t, 0, column, &text));
	assert_string_equal(text, "[1,2]");
	ozr_text_free(text);
	has_text(ozr_label_table_warning(t, 0), "twice", 1);
	assert_null(ozr_label_table_warning(t, 1));
	ozr_label_table_free(t);
}

static void test_label_table_hostile(void **state)
{
	static const char *const bad[] = {
		"{\"colors\":7}",
		"{\"colors\":[{\"label-value\":\"x\"}]}",
		"{\"colors\":[{\"rgba\":[1,2,3,4]}]}",
		"{\"colors\":[{\"label-value\":1,\"rgba\":[1,2,3]}]}",
		"{\"colors\":[{\"label-value\":1,\"rgba\":[1,2,3,256]}]}",
		"{\"colors\":[{\"label-value\":1.5}]}",
		"{\"properties\":[7]}",
	};
	struct ozr_label_table *t = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		t = parse(bad[i]);
		if (ozr_label_table_warning(t, 0) == NULL)
			fail_msg("no warning: %s", bad[i]);
		for (size_t r = 0; r < ozr_label_table_rows(t); r++)
			assert_false(ozr_label_table_row(t, r)->has_color);
		ozr_label_table_free(t);
	}
	for (const char *const *none = (const char *const[]){"null", "[]", "{}", NULL}; *none;
	     none++) {
		t = parse(*none);
		assert_int_equal(ozr_label_table_rows(t), 0);
		ozr_label_table_free(t);
	}
	assert_int_equal(ozr_label_table_parse(ctx, "{", &t, &err), OZR_BAD_FORMAT);
	/* more properties than columns are shown */
	char text[8000] = "{\"properties\":[{\"label-value\":1";
	size_t n = strlen(text);
	for (int i = 0; i < 100; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ",\"p%d\":%d", i, i);
	snprintf(text + n, sizeof(text) - n, "}]}");
	char whole[9000];
	snprintf(whole, sizeof(whole), "{\"ome\":{\"image-label\":%s}}", text);
	OK(ozr_label_table_parse(ctx, whole, &t, &err));
	assert_int_equal(ozr_label_table_columns(t), 64);
	has_text(ozr_label_table_warning(t, 0), "64", 1);
	ozr_label_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_unreadable_member),
		cmocka_unit_test(test_series),
		cmocka_unit_test(test_plate),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_label_table),
		cmocka_unit_test(test_label_table_hostile),
	};

	if (ozr_ctx_new(NULL, &ctx, &err) != OZR_OK)
		return 1;
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	ozr_ctx_unref(ctx);
	return rc;
}
