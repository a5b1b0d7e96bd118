/* SPDX-License-Identifier: MIT */
/*
 * Changing the levels of an image: adding, replacing, dropping, in memory and
 * in folders, of every version and layout; what survives in the metadata, what
 * is left in the store, what an abort, a crash and somebody else's change do.
 */
#include <math.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "ozr/levels.h"
#include "support/check.h"
#include "unit/image_testing.h"

enum { HIGH = 70, WIDE = 51 };

static struct ozr_store *mem(void)
{
	struct ozr_store *s;

	OK(ozr_store_open_mem(ctx, &s, &err));
	return s;
}

static struct ozr_image *open_image(struct ozr_store *s)
{
	struct ozr_image *img;

	OK(ozr_image_open(s, "", OZR_UPDATE, &img, &err));
	for (unsigned i = 0; ozr_image_warning(img, i) != NULL; i++)
		fail_msg("warning: %s", ozr_image_warning(img, i));
	return img;
}

static void near(double found, double want)
{
	if (fabs(found - want) > 1e-12)
		fail_msg("%.17g instead of %.17g", found, want);
}

/* Every element of an array is value + its place in C order. */
static void fill(struct ozr_array *a, unsigned value, int write)
{
	struct ozr_array_info info;
	struct ozr_box box = {.dtype = OZR_UINT16};
	uint64_t n = 1;

	ozr_array_get_info(a, &info);
	for (unsigned d = 0; d < info.rank; d++)
		n *= box.count[d] = info.shape[d];
	ozr_box_contiguous(&box, info.rank);
	uint16_t *data = calloc(n, sizeof(*data));
	assert_non_null(data);
	box.data = data;
	for (uint64_t i = 0; write && i < n; i++)
		data[i] = (uint16_t)(value + i);
	if (write)
		OK(ozr_array_write(a, 1, &box, NULL, &err));
	else
		OK(ozr_array_read(a, 1, &box, NULL, &err));
	for (uint64_t i = 0; i < n; i++)
		assert_int_equal(data[i], (uint16_t)(value + i));
	free(data);
}

/* (c, y, x) of 2 x 70 x 51 with `levels` levels. */
static void make_image(struct ozr_store *s, int version, int grouped, int levels)
{
	static const unsigned factors[] = {1, 2, 2};
	struct ozr_image_options o = {.ome_version = version,
				      .dtype = OZR_UINT16,
				      .rank = 3,
				      .shape = {2, HIGH, WIDE},
				      .axes = {{"c", OZR_AXIS_CHANNEL, ""},
					       {"y", OZR_AXIS_SPACE, "micrometer"},
					       {"x", OZR_AXIS_SPACE, "micrometer"}},
				      .scale = {1, 0.5, 0.25},
				      .translation = {0, 10, 0},
				      .chunk = {1, 16, 32},
				      .levels = levels,
				      .factors = factors,
				      .factor_sets = 1,
				      .grouped_levels = grouped,
				      .fill = {7},
				      .codec = {.codec = "gzip", .level = 7}};
	struct ozr_image *img;

	if (version == 5) {
		o.shard[0] = 2;
		o.shard[1] = 32;
		o.shard[2] = 64;
	}
	OK(ozr_image_create(s, "", OZR_CREATE_DIRECT, &o, &img, &err));
	for (int i = 0; i < levels; i++)
		fill(ozr_image_level(img, (unsigned)i), 1000u * (unsigned)i, 1);
	OK(ozr_image_commit(img, NULL, &err));
	ozr_image_close(img);
}

static const struct ozr_new_level by4 = {{1, 4, 4}}, by3[] = {{{1, 3, 3}}, {{1, 10, 7}}};

static void add(struct ozr_image *img, const unsigned char *keep, const struct ozr_new_level *add,
		unsigned n, unsigned value)
{
	struct ozr_levels_options o = {.keep = keep, .add = add, .added = n};
	struct ozr_levels *l;

	OK(ozr_levels_begin(img, &o, &l, &err));
	for (unsigned i = 0; i < n; i++)
		fill(ozr_levels_array(l, i), value + i, 1);
	OK(ozr_levels_commit(l, NULL, &err));
}

struct want {
	uint64_t y, x;
	double sy, sx, ty;
	unsigned value;
};

static void check_levels(struct ozr_image *img, const struct want *want, unsigned n)
{
	struct ozr_image_info info;
	struct ozr_array_info first, a;

	ozr_image_get_info(img, &info);
	assert_int_equal(info.levels, n);
	ozr_array_get_info(ozr_image_level(img, 0), &first);
	for (unsigned i = 0; i < n; i++) {
		double scale[OZR_MAX_RANK], translation[OZR_MAX_RANK];
		ozr_array_get_info(ozr_image_level(img, i), &a);
		assert_int_equal(a.shape[0], 2);
		assert_int_equal(a.shape[1], want[i].y);
		assert_int_equal(a.shape[2], want[i].x);
		assert_string_equal(a.codec, first.codec);
		assert_int_equal(a.fill[0], 7);
		assert_int_equal(a.has_dim_names, first.has_dim_names);
		assert_string_equal(a.dim_names[2], first.dim_names[2]);
		ozr_image_transform(img, i, scale, translation);
		near(scale[0], 1.0);
		near(scale[1], want[i].sy);
		near(scale[2], want[i].sx);
		near(translation[1], want[i].ty);
		fill(ozr_image_level(img, i), want[i].value, 0);
	}
}

/* The same image from its store as from the handle that changed it. */
static void check_both(struct ozr_store *s, struct ozr_image *img, const struct want *want,
		       unsigned n)
{
	struct ozr_image *again = open_image(s);

	check_levels(img, want, n);
	check_levels(again, want, n);
	ozr_image_close(again);
}

static int count_child(void *arg, const char *name, int is_prefix)
{
	(void)name;
	*(int *)arg += is_prefix;
	return 0;
}

static int prefixes(struct ozr_store *s, const char *path)
{
	int n = 0;

	OK(ozr_store_list(s, path, count_child, &n, &err));
	return n;
}

static void no_note(struct ozr_image *img)
{
	char *text;

	OK(ozr_image_attributes(img, &text, &err));
	has_text(text, "ozr_pending", 0);
	ozr_text_free(text);
}

static void life(struct ozr_store *s, int version, int grouped)
{
	static const struct want two[] = {{70, 51, 0.5, 0.25, 10, 0},
					  {35, 26, 1, 0.5, 10.25, 1000}};
	static const struct want added[] = {{70, 51, 0.5, 0.25, 10, 0},
					    {35, 26, 1, 0.5, 10.25, 1000},
					    {24, 17, 1.5, 0.75, 10.5, 50},
					    {7, 8, 5, 1.75, 12.25, 51}};
	static const struct want replaced[] = {{70, 51, 0.5, 0.25, 10, 0},
					       {35, 26, 1, 0.5, 10.25, 1000},
					       {18, 13, 2, 1, 10.75, 90}};
	static const unsigned char keep[] = {0, 1, 0, 0};

	make_image(s, version, grouped, 2);
	struct ozr_image *img = open_image(s);
	struct ozr_array *first = ozr_image_level(img, 0);
	check_both(s, img, two, 2);
	add(img, keep, by3, 2, 50);
	check_both(s, img, added, 4);
	assert_string_equal(ozr_image_level_path(img, 2), grouped ? "s2/image" : "2");
	assert_int_equal(prefixes(s, ""), 4);
	add(img, keep, &by4, 1, 90);
	check_both(s, img, replaced, 3);
	assert_string_equal(ozr_image_level_path(img, 2), grouped ? "s4/image" : "4");
	assert_int_equal(prefixes(s, ""), 3);
	add(img, keep, NULL, 0, 0);
	check_both(s, img, two, 2);
	add(img, NULL, NULL, 0, 0);
	check_both(s, img, two, 1);
	assert_int_equal(prefixes(s, ""), 1);
	assert_ptr_equal(ozr_image_level(img, 0), first);
	no_note(img);
	add(img, NULL, &by4, 1, 90);
	assert_string_equal(ozr_image_level_path(img, 1), grouped ? "s1/image" : "1");
	ozr_image_close(img);
}

static void test_life(void **state)
{
	(void)state;
	for (int kind = 0; kind < 3; kind++) {
		struct ozr_store *s = mem();
		char folder[PATH_MAX];
		life(s, kind == 0 ? 4 : 5, kind == 2);
		ozr_store_unref(s);
		OK(ozr_store_open_dir(ctx, quick_temp_dir(folder), OZR_UPDATE, OZR_FLUSH_NONE, &s,
				      &err));
		life(s, kind == 0 ? 4 : 5, kind == 2);
		assert_int_equal(count_entries(folder, ""), kind == 0 ? 5 : 4); /* and the lock */
		ozr_store_unref(s);
		remove_tree(folder);
	}
}

/* --- metadata ------------------------------------------------------------------------------- */

static void test_same_extent(void **state)
{
	struct ozr_levels_options o = {.add = &by4,
				       .added = 1,
				       .same_extent = 1,
				       .type = "gauss",
				       .method = "gdaladdo",
				       .version = "3.6"};
	struct ozr_store *s = mem();
	struct ozr_levels *l;
	double scale[OZR_MAX_RANK], translation[OZR_MAX_RANK];
	char *text;

	(void)state;
	make_image(s, 5, 0, 1);
	struct ozr_image *img = open_image(s);
	OK(ozr_image_set_attributes(img, "{\"spatial\":1}", &err));
	o.group = "[]";
	assert_int_equal(ozr_levels_begin(img, &o, &l, &err), OZR_BAD_FORMAT);
	o.group = "{\"gdal\":{\"by\":1},\"spatial\":null}";
	OK(ozr_levels_begin(img, &o, &l, &err));
	assert_int_equal(ozr_levels_index(l, 0), 1);
	assert_int_equal(ozr_levels_count(l), 2);
	OK(ozr_levels_commit(l, NULL, &err));
	ozr_image_transform(img, 1, scale, translation);
	near(scale[1], 0.5 * 70 / 18);
	near(translation[1], 10 + 0.5 * (70.0 / 18 - 1) / 2);
	OK(ozr_image_attributes(img, &text, &err));
	has_text(text, "\"type\":\"gauss\"", 1);
	has_text(text, "\"method\":\"gdaladdo\"", 1);
	has_text(text, "\"version\":\"3.6\"", 1);
	has_text(text, "ozr mean", 0);
	has_text(text, "\"gdal\":{\"by\":1}", 1);
	has_text(text, "spatial", 0);
	ozr_text_free(text);
	ozr_image_close(img);
	ozr_store_unref(s);
}

/* Whether the layout lists these assets, each derived from the one before. */
static void check_layout(struct ozr_image *img, const char *const *assets, unsigned n)
{
	struct ozr_jref attributes, multiscales, layout, it;
	struct ozr_json *doc;
	const char *asset;
	char *text;
	unsigned i = 0;

	OK(ozr_image_attributes(img, &text, &err));
	OK(ozr_json_parse(ctx, text, strlen(text), 0, &doc, &err));
	ozr_text_free(text);
	attributes = ozr_jroot(doc);
	multiscales = ozr_jget(&attributes, "multiscales");
	layout = ozr_jget(&multiscales, "layout");
	for (int more = ozr_jfirst(&layout, &it); more; more = ozr_jnext(&it), i++) {
		struct ozr_jref name = ozr_jget(&it, "asset"), from = ozr_jget(&it, "derived_from");
		assert_true(i < n);
		OK(ozr_jstring(&name, &asset, &err));
		assert_string_equal(asset, assets[i]);
		assert_int_equal(from.v != NULL, i > 0);
		if (i > 0) {
			OK(ozr_jstring(&from, &asset, &err));
			assert_string_equal(asset, assets[i - 1]);
		}
	}
	assert_int_equal(i, n);
	ozr_json_free(doc);
}

static void test_layout(void **state)
{
	static const char *const before[] = {"s0", "s1", "s2"}, *const after[] = {"s0", "s2", "s3"};
	static const unsigned char keep[] = {1, 0, 1};
	static const struct ozr_new_level by5 = {{1, 5, 5}};
	struct ozr_store *s = mem();
	char *text;

	(void)state;
	make_image(s, 5, 1, 3);
	struct ozr_image *img = open_image(s);
	check_layout(img, before, 3);
	OK(ozr_image_set_attributes(img, "{\"spatial:dimensions\":[\"y\",\"x\"]}", &err));
	add(img, keep, &by5, 1, 0);
	check_layout(img, after, 3);
	OK(ozr_image_attributes(img, &text, &err));
	has_text(text, "\"scale\":[1,4,4]", 1);       /* s2 comes from s0 now */
	has_text(text, "\"scale\":[1,1.25,1.25]", 1); /* and s3 from s2 */
	has_text(text, "d35379db-88df-4056-af3a-620245f8e347", 1);
	has_text(text, "spatial:dimensions", 1);
	ozr_text_free(text);
	ozr_image_close(img);
	/* an image that is not in groups has none, and gets none */
	struct ozr_store *plain = mem();
	make_image(plain, 5, 0, 1);
	img = open_image(plain);
	add(img, NULL, &by4, 1, 0);
	check_layout(img, NULL, 0);
	ozr_image_close(img);
	ozr_store_unref(plain);
	ozr_store_unref(s);
}

#define AXES "\"axes\":[{\"name\":\"y\",\"type\":\"space\"},{\"name\":\"x\",\"type\":\"space\"}]"

/* Somebody else's: another multiscales that lists "half" too, unknown members, transformations
 * for all levels together, consolidated metadata. */
static void put_foreign(struct ozr_store *s)
{
	put(s, "zarr.json",
	    "{\"zarr_format\":3,\"node_type\":\"group\",\"mine\":1.50,\"attributes\":{\"other\":[1]"
	    ","
	    "\"ome\":{\"version\":\"0.5\",\"multiscales\":[{" AXES
	    ",\"datasets\":[{\"path\":\"full\","
	    "\"coordinateTransformations\":[{\"type\":\"scale\",\"scale\":[2,2]}]},{\"path\":"
	    "\"half\","
	    "\"coordinateTransformations\":[{\"type\":\"scale\",\"scale\":[4,4]}]},"
	    "{\"path\":\"deep/er/q\",\"note\":\"kept\","
	    "\"coordinateTransformations\":[{\"type\":\"scale\",\"scale\":[8,8]}]}],"
	    "\"coordinateTransformations\":[{\"type\":\"scale\",\"scale\":[10,10]},"
	    "{\"type\":\"translation\",\"translation\":[100,0]}],\"extra\":true},"
	    "{\"name\":\"second\"," AXES ",\"datasets\":[{\"path\":\"half\","
	    "\"coordinateTransformations\":[{\"type\":\"scale\",\"scale\":[1,1]}]}]}]}},"
	    "\"consolidated_metadata\":{\"kind\":\"inline\",\"must_understand\":false,"
	    "\"metadata\":{}}}");
	put_array(s, "full/zarr.json", ",\"attributes\":{\"a\":1}");
	put_array(s, "half/zarr.json", "");
	put_array(s, "deep/er/q/zarr.json", "");
	put(s, "deep/zarr.json", "{\"zarr_format\":3,\"node_type\":\"group\"}");
	put(s, "deep/notes.txt", "mine");
	put(s, "deep/er/zarr.json", "{\"zarr_format\":3,\"node_type\":\"group\"}");
}

static int there(struct ozr_store *s, const char *key)
{
	struct ozr_object *o;

	if (ozr_object_open(s, key, &o, &err) != OZR_OK)
		return 0;
	ozr_object_close(o);
	return 1;
}

static void test_foreign(void **state)
{
	static const struct ozr_new_level level = {{2, 3}};
	struct ozr_store *s = mem();
	struct ozr_image *img;
	double scale[OZR_MAX_RANK], translation[OZR_MAX_RANK];
	struct ozr_levels_options o = {.add = &level, .added = 1};
	struct ozr_levels *l;

	(void)state;
	put_foreign(s);
	OK(ozr_image_open(s, "", OZR_UPDATE, &img, &err));
	OK(ozr_levels_begin(img, &o, &l, &err));
	OK(ozr_levels_commit(l, NULL, &err));
	assert_string_equal(ozr_image_level_path(img, 1), "full_1");
	char *text = get(s, "zarr.json"), *array = get(s, "full_1/zarr.json");
	has_text(text, "\"mine\": 1.50", 1);
	has_text(text, "\"other\"", 1);
	has_text(text, "\"extra\": true", 1);
	has_text(text, "second", 1);
	has_text(text, "consolidated", 0);
	has_text(text, "ozr_pending", 0);
	has_text(array, "\"a\"", 0);
	ozr_text_free(array);
	ozr_text_free(text);
	/* "half" is listed by the other one; of "deep" what was not ours stays */
	assert_true(there(s, "half/zarr.json"));
	assert_false(there(s, "deep/er/q/zarr.json"));
	assert_false(there(s, "deep/er/zarr.json"));
	assert_true(there(s, "deep/zarr.json"));
	assert_true(there(s, "deep/notes.txt"));
	for (int again = 0; again < 2; again++) {
		ozr_image_transform(img, 1, scale, translation);
		near(scale[0], 40);
		near(scale[1], 60);
		near(translation[0], 110);
		near(translation[1], 20);
		ozr_image_close(img);
		OK(ozr_image_open(s, "", OZR_UPDATE, &img, &err));
	}
	ozr_image_close(img);
	ozr_store_unref(s);
}

/* Versions before 0.4 list paths only; those after 0.5 are not added to. */
static void test_versions(void **state)
{
	static const struct ozr_new_level level = {{2, 2}};
	struct ozr_store *s = mem();
	struct ozr_levels_options o = {.add = &level, .added = 1};
	struct ozr_levels *l;
	struct ozr_image *img;

	(void)state;
	put(s, ".zgroup", "{\"zarr_format\":2}");
	put(s, ".zattrs",
	    "{\"multiscales\":[{\"version\":\"0.3\",\"axes\":[\"y\",\"x\"],"
	    "\"datasets\":[{\"path\":\"0\"}]}]}");
	put(s, "0/.zarray", ARRAY_V2);
	OK(ozr_image_open(s, "", OZR_UPDATE, &img, &err));
	OK(ozr_levels_begin(img, &o, &l, &err));
	OK(ozr_levels_commit(l, NULL, &err));
	ozr_image_close(img);
	char *text = get(s, ".zattrs"), *array = get(s, "1/.zarray");
	has_text(text, "\"path\": \"1\"", 1);
	has_text(text, "coordinateTransformations", 0);
	has_text(array, "dimension_separator", 0); /* as in level 0 */
	ozr_text_free(array);
	ozr_text_free(text);
	ozr_store_unref(s);

	s = mem();
	put(s, "zarr.json",
	    "{\"zarr_format\":3,\"node_type\":\"group\",\"attributes\":{\"ome\":{\"version\":\"0."
	    "6\","
	    "\"multiscales\":[{\"coordinateSystems\":[{\"name\":\"w\"," AXES "}],\"datasets\":["
	    "{\"path\":\"0\",\"coordinateTransformations\":[{\"type\":\"scale\",\"scale\":[1,1],"
	    "\"input\":\"0\",\"output\":\"w\"}]},"
	    "{\"path\":\"1\",\"coordinateTransformations\":[{\"type\":\"scale\",\"scale\":[2,2],"
	    "\"input\":\"1\",\"output\":\"w\"}]}]}]}}}");
	put_array(s, "0/zarr.json", "");
	put_array(s, "1/zarr.json", "");
	OK(ozr_image_open(s, "", OZR_UPDATE, &img, &err));
	assert_int_equal(ozr_levels_begin(img, &o, &l, &err), OZR_UNSUPPORTED);
	has_text(err.msg, "0.6", 1);
	add(img, NULL, NULL, 0, 0);
	assert_false(there(s, "1/zarr.json"));
	ozr_image_close(img);
	ozr_store_unref(s);
}

/* --- unfinished ones ------------------------------------------------------------------------ */

static void test_abort(void **state)
{
	struct ozr_levels_options o = {.add = by3, .added = 2};
	struct ozr_levels *l, *second;
	struct ozr_store *s;
	char folder[PATH_MAX];

	(void)state;
	OK(ozr_store_open_dir(ctx, quick_temp_dir(folder), OZR_UPDATE, OZR_FLUSH_NONE, &s, &err));
	make_image(s, 5, 1, 2);
	char *before = get(s, "zarr.json");
	struct ozr_image *img = open_image(s), *other = open_image(s);
	OK(ozr_levels_begin(img, &o, &l, &err));
	fill(ozr_levels_array(l, 0), 1, 1);
	OK(ozr_array_flush(ozr_levels_array(l, 0), NULL, &err));
	assert_true(exists(join(folder, "s2/image")));
	assert_int_equal(ozr_levels_begin(img, &o, &second, &err), OZR_BUSY);
	assert_int_equal(ozr_levels_begin(other, &o, &second, &err), OZR_BUSY);
	has_text(err.msg, "somebody else", 1);
	ozr_levels_abort(l);
	char *after = get(s, "zarr.json");
	assert_string_equal(before, after);
	assert_int_equal(count_entries(folder, ""), 4); /* zarr.json, s0, s1, the lock */
	/* others may change them now; then our list is not the image's any more */
	add(other, NULL, NULL, 0, 0);
	assert_int_equal(ozr_levels_begin(img, &o, &second, &err), OZR_CHANGED);
	ozr_image_close(other);
	ozr_image_close(img);
	ozr_text_free(after);
	ozr_text_free(before);
	ozr_store_unref(s);
	remove_tree(folder);
}

/* A process dies in the middle; the next change removes what it left. */
static void test_death(void **state)
{
	static const struct want one[] = {{70, 51, 0.5, 0.25, 10, 0}, {18, 13, 2, 1, 10.75, 90}};
	struct ozr_levels_options o = {.add = by3, .added = 2};
	struct ozr_levels *l;
	struct ozr_store *s;
	char folder[PATH_MAX];
	int status;

	(void)state;
	OK(ozr_store_open_dir(ctx, quick_temp_dir(folder), OZR_UPDATE, OZR_FLUSH_NONE, &s, &err));
	make_image(s, 5, 1, 2);
	ozr_store_unref(s);
	pid_t child = fork();
	if (child == 0) {
		struct ozr_image *img;
		if (ozr_image_open_dir(ctx, folder, "", OZR_UPDATE, &img, &err) != OZR_OK ||
		    ozr_levels_begin(img, &o, &l, &err) != OZR_OK)
			_exit(1);
		fill(ozr_levels_array(l, 1), 1, 1);
		_exit(ozr_array_flush(ozr_levels_array(l, 1), NULL, &err) != OZR_OK);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(exists(join(folder, "s3/image")));
	OK(ozr_store_open_dir(ctx, folder, OZR_UPDATE, OZR_FLUSH_NONE, &s, &err));
	struct ozr_image *img = open_image(s);
	add(img, NULL, &by4, 1, 90);
	check_both(s, img, one, 2);
	no_note(img);
	assert_false(exists(join(folder, "s3")));
	assert_int_equal(prefixes(s, ""), 2);
	ozr_image_close(img);
	ozr_store_unref(s);
	remove_tree(folder);
}

/* What a note names is removed only when it was an array and is listed nowhere. */
static void test_hostile_note(void **state)
{
	struct ozr_store *s = mem();

	(void)state;
	make_image(s, 5, 0, 2);
	struct ozr_image *img = open_image(s);
	put(s, "labels/cells/zarr.json", "{\"zarr_format\":3,\"node_type\":\"group\"}");
	put(s, "tables/zarr.json", "{\"zarr_format\":3,\"node_type\":\"group\"}");
	put(s, "9/c/0/0/0", "left");
	put_array(s, "8/zarr.json", "");
	OK(ozr_image_set_attributes(
		img,
		"{\"ozr_pending_levels\":[\"labels\",\"tables\",\"9\",\"8\",\"0\","
		"\"1\",\"1/c\",\"../x\",\"\",7,\"nothing\"]}",
		&err));
	add(img, NULL, &by4, 1, 90);
	assert_true(there(s, "labels/cells/zarr.json"));
	assert_true(there(s, "tables/zarr.json"));
	assert_false(there(s, "9/c/0/0/0"));
	assert_false(there(s, "8/zarr.json"));
	fill(ozr_image_level(img, 0), 0, 0);
	no_note(img);
	ozr_image_close(img);
	ozr_store_unref(s);
}

static void test_refused(void **state)
{
	static const struct ozr_new_level none = {{1, 1, 1}}, zero = {{1, 0, 2}};
	struct ozr_levels_options o = {.add = &none, .added = 1};
	struct ozr_store *s = mem();
	struct ozr_levels *l;
	struct ozr_image *img;

	(void)state;
	make_image(s, 5, 0, 1);
	img = open_image(s);
	assert_int_equal(ozr_levels_begin(img, &o, &l, &err), OZR_BAD_ARG);
	has_text(err.msg, "coarser", 1);
	o.add = &zero;
	assert_int_equal(ozr_levels_begin(img, &o, &l, &err), OZR_BAD_ARG);
	has_text(err.msg, "axis 'y'", 1);
	ozr_image_close(img);
	o.add = &by4;
	OK(ozr_image_open(s, "", OZR_READ, &img, &err));
	assert_int_equal(ozr_levels_begin(img, &o, &l, &err), OZR_BAD_ARG);
	ozr_image_close(img);
	OK(ozr_image_open(s, "0", OZR_UPDATE, &img, &err));
	assert_int_equal(ozr_levels_begin(img, &o, &l, &err), OZR_UNSUPPORTED);
	has_text(err.msg, "bare array", 1);
	ozr_image_close(img);
	ozr_store_unref(s);
}

static int set_up(void **state)
{
	(void)state;
	return ozr_ctx_new(NULL, &ctx, &err);
}

static int tear_down(void **state)
{
	(void)state;
	ozr_ctx_unref(ctx);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),     cmocka_unit_test(test_same_extent),
		cmocka_unit_test(test_layout),   cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_versions), cmocka_unit_test(test_abort),
		cmocka_unit_test(test_death),    cmocka_unit_test(test_hostile_note),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
