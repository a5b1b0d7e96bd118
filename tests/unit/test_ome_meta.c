/* SPDX-License-Identifier: MIT */
/*
 * The metadata parser: what each version looks like, what is an error (with
 * its place), what is a note; and that what is written parses back.
 * JSON is written with ' for " here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "ome/axes.h"
#include "ome/ome_meta.h"
#include "ome/omero.h"
#include "ome/units.h"

static struct ozr_ctx *ctx;
static uint64_t memory_before;

static struct ozr_json *parse(const char *text)
{
	char buf[8192];
	struct ozr_json *doc = NULL;
	struct ozr_err err = {0};
	size_t n = strlen(text);

	assert_true(n < sizeof(buf));
	for (size_t i = 0; i <= n; i++)
		buf[i] = text[i] == '\'' ? '"' : text[i];
	int rc = ozr_json_parse(ctx, buf, n, OZR_JSON_PYTHON, &doc, &err);
	if (rc != OZR_OK)
		fail_msg("%s\n%s", err.msg, buf);
	return doc;
}

/* attributes: the text of the attributes object. */
static int parse_ome(const char *attributes, int format, struct ozr_notes *notes,
		     struct ozr_ome *out, struct ozr_json **doc, struct ozr_err *err)
{
	*doc = parse(attributes);
	struct ozr_jref root = ozr_jroot(*doc);
	notes->ctx = ctx;
	return ozr_ome_parse(ctx, &root, format, notes, out, err);
}

static int noted(const struct ozr_notes *notes, const char *words)
{
	for (unsigned i = 0; i < notes->count; i++)
		if (strstr(notes->text[i], words) != NULL)
			return 1;
	return 0;
}

#define AXES_YX "'axes':[{'name':'y','type':'space'},{'name':'x','type':'space'}]"
#define SCALE1  "'coordinateTransformations':[{'type':'scale','scale':[1,1]}]"
#define DATASET "'datasets':[{'path':'0'," SCALE1 "}]"
#define V05(ms) "{'ome':{'version':'0.5','multiscales':[{" ms "}]}}"
#define V04(ms) "{'multiscales':[{'version':'0.4'," ms "}]}"

/* --- versions by shape ---------------------------------------------------------------- */

static void test_versions(void **state)
{
	static const struct {
		const char *text;
		int format;
		const char *version, *axes;
		unsigned levels;
	} cases[] = {
		{"{'multiscales':[{'datasets':[{'path':'0'},{'path':'1'}]}]}", 2, "0.1", "", 2},
		{"{'multiscales':[{'version':'0.2','datasets':[{'path':'a/b'}]}]}", 2, "0.2", "",
		 1},
		{"{'multiscales':[{'axes':['t','c','z','y','x'],'datasets':[{'path':'0'}]}]}", 2,
		 "0.3", "tczyx", 1},
		{V04(AXES_YX "," DATASET), 2, "0.4", "yx", 1},
		{"{'multiscales':[{" AXES_YX "," DATASET "}]}", 2, "0.4", "yx", 1},
		{V05(AXES_YX "," DATASET), 3, "0.5", "yx", 1},
		{"{'ome':{'multiscales':[{" AXES_YX "," DATASET "}]}}", 3, "0.5", "yx", 1},
		/* in the wrong place for the format: noted, read */
		{V04(AXES_YX "," DATASET), 3, "0.4", "yx", 1},
		{V05(AXES_YX "," DATASET), 2, "0.5", "yx", 1},
		/* 0.6: coordinate systems, a sequence, an identity */
		{"{'ome':{'version':'0.6','multiscales':[{'coordinateSystems':[{'name':'world',"
		 "'axes':[{'name':'a'},{'name':'b'}]},{'name':'physical'," AXES_YX "}],"
		 "'datasets':[{'path':'0','coordinateTransformations':[{'type':'sequence',"
		 "'input':{'path':'0'},'output':{'name':'physical'},'transformations':["
		 "{'type':'scale','scale':[2,3]},{'type':'translation','translation':[4,5]}]}]}],"
		 "'coordinateTransformations':[{'type':'affine','affine':[[1,0,0],[0,1,0]]}]}]}}",
		 3, "0.6", "yx", 1},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ozr_notes notes = {0};
		struct ozr_ome o = {0};
		struct ozr_err err = {0};
		struct ozr_json *doc;
		char axes[OZR_MAX_RANK + 1] = "";
		int rc = parse_ome(cases[i].text, cases[i].format, &notes, &o, &doc, &err);
		if (rc != OZR_OK)
			fail_msg("case %zu: %s", i, err.msg);
		for (unsigned d = 0; d < o.info.rank; d++)
			axes[d] = o.info.axes[d].name[0];
		assert_string_equal(o.info.version, cases[i].version);
		assert_string_equal(axes, cases[i].axes);
		assert_int_equal(o.info.levels, cases[i].levels);
		if (strcmp(cases[i].version, "0.6") == 0) {
			assert_true(o.dataset[0].t.scale[1] == 3.0);
			assert_true(o.dataset[0].t.translation[0] == 4.0);
		}
		ozr_ome_release(&o);
		ozr_notes_release(&notes);
		ozr_json_free(doc);
	}
}

/* --- errors name the place ------------------------------------------------------------- */

static void test_errors(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *words[3];
	} cases[] = {
		{"{}", OZR_BAD_FORMAT, {"no multiscales", "a group"}},
		{"{'ome':{'plate':{}}}", OZR_BAD_FORMAT, {"no multiscales", "a plate"}},
		{"{'ome':{'multiscales':[]}}", OZR_BAD_FORMAT, {"/ome/multiscales", "empty"}},
		{"{'ome':{'multiscales':{}}}", OZR_BAD_FORMAT, {"/ome/multiscales", "array"}},
		{"{'ome':{'multiscales':[3]}}", OZR_BAD_FORMAT, {"/ome/multiscales/0", "object"}},
		{V05(AXES_YX), OZR_BAD_FORMAT, {"/ome/multiscales/0/datasets", "array"}},
		{V05(AXES_YX ",'datasets':[]"), OZR_BAD_FORMAT, {"/datasets", "empty"}},
		{V05(AXES_YX ",'datasets':[{}]"), OZR_BAD_FORMAT, {"/datasets/0/path", "string"}},
		{V05(AXES_YX ",'datasets':[{'path':0}]"), OZR_BAD_FORMAT, {"/datasets/0/path"}},
		{V05(AXES_YX ",'datasets':[{'path':'/etc'}]"),
		 OZR_BAD_FORMAT,
		 {"/datasets/0/path", "/etc"}},
		{V05(AXES_YX ",'datasets':[{'path':'0'},{'path':'../1'}]"),
		 OZR_BAD_FORMAT,
		 {"/datasets/1/path", "../1"}},
		{V05("'axes':[]," DATASET), OZR_BAD_FORMAT, {"/multiscales/0/axes", "empty"}},
		{V05("'axes':'yx'," DATASET), OZR_BAD_FORMAT, {"/multiscales/0/axes", "array"}},
		{V05("'axes':[{'type':'space'}]," DATASET), OZR_BAD_FORMAT, {"/axes/0/name"}},
		{V05("'axes':[{'name':''}]," DATASET), OZR_BAD_FORMAT, {"/axes/0/name", "empty"}},
		{V05("'axes':[{'name':'x'},{'name':'x'}]," DATASET),
		 OZR_BAD_FORMAT,
		 {"/axes/1", "'x'", "axis 0"}},
		{V05("'axes':[1,2]," DATASET), OZR_BAD_FORMAT, {"/axes/0", "object"}},
		{V05("'axes':['a','b','c','d','e','f','g','h','i','j','k','l','m','n','o','p','q']"
		     "," DATASET),
		 OZR_LIMIT,
		 {"/axes", "17", "16"}},
		{V05(AXES_YX ",'datasets':[{'path':'0','coordinateTransformations':"
			     "[{'type':'scale','scale':[1,1,1]}]}]"),
		 OZR_BAD_FORMAT,
		 {"/coordinateTransformations/0/scale", "2 axes", "found 3"}},
		{V05(AXES_YX ",'datasets':[{'path':'0','coordinateTransformations':"
			     "[{'type':'scale','scale':[1,'a']}]}]"),
		 OZR_BAD_FORMAT,
		 {"/scale/1", "number"}},
		{V05(AXES_YX ",'datasets':[{'path':'0','coordinateTransformations':"
			     "[{'type':'scale','scale':[1,NaN]}]}]"),
		 OZR_BAD_FORMAT,
		 {"/scale/1"}},
		{V05(AXES_YX
		     ",'datasets':[{'path':'0','coordinateTransformations':"
		     "[{'type':'scale','scale':[1e200,1]},{'type':'scale','scale':[1e200,1]}]}]"),
		 OZR_BAD_FORMAT,
		 {"/coordinateTransformations/1/scale", "axis 0"}},
		{V05(AXES_YX ",'datasets':[{'path':'0','coordinateTransformations':"
			     "[{'type':'translation','scale':[1,1]}]}]"),
		 OZR_BAD_FORMAT,
		 {"/0/translation"}},
		{V05(AXES_YX ",'datasets':[{'path':'0','coordinateTransformations':[{}]}]"),
		 OZR_BAD_FORMAT,
		 {"/coordinateTransformations/0/type"}},
		{V05(AXES_YX ",'datasets':[{'path':'0','coordinateTransformations':{}}]"),
		 OZR_BAD_FORMAT,
		 {"/coordinateTransformations", "array"}},
		{V05(AXES_YX "," DATASET
			     ",'coordinateTransformations':[{'type':'scale','scale':[1]}]"),
		 OZR_BAD_FORMAT,
		 {"/multiscales/0/coordinateTransformations/0/scale", "found 1"}},
		{V05("'coordinateSystems':[]," DATASET),
		 OZR_BAD_FORMAT,
		 {"/coordinateSystems", "empty"}},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ozr_notes notes = {0};
		struct ozr_ome o = {0};
		struct ozr_err err = {0};
		struct ozr_json *doc;
		int rc = parse_ome(cases[i].text, 3, &notes, &o, &doc, &err);
		if (rc != cases[i].code)
			fail_msg("case %zu: %d %s", i, rc, err.msg);
		for (unsigned w = 0; w < 3 && cases[i].words[w] != NULL; w++)
			if (strstr(err.msg, cases[i].words[w]) == NULL)
				fail_msg("case %zu: no '%s' in: %s", i, cases[i].words[w], err.msg);
		assert_null(o.dataset);
		ozr_notes_release(&notes);
		ozr_json_free(doc);
	}
}

static void test_level_limit(void **state)
{
	char text[8192] = "{'ome':{'multiscales':[{'axes':['y','x'],'datasets':[";
	struct ozr_notes notes = {0};
	struct ozr_ome o = {0};
	struct ozr_err err = {0};
	struct ozr_json *doc;

	(void)state;
	for (int i = 0; i < 65; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s{'path':'%d'}",
			 i == 0 ? "" : ",", i);
	snprintf(text + strlen(text), sizeof(text) - strlen(text), "]}]}}");
	assert_int_equal(parse_ome(text, 3, &notes, &o, &doc, &err), OZR_LIMIT);
	assert_non_null(strstr(err.msg, "65"));
	assert_non_null(strstr(err.msg, "levels"));
	ozr_notes_release(&notes);
	ozr_json_free(doc);
}

/* --- notes ------------------------------------------------------------------------------- */

static void test_notes(void **state)
{
	static const struct {
		const char *text;
		const char *words;
	} cases[] = {
		{V05("'axes':[{'name':'y','type':'space','unit':'\xCE\xBCm'},{'name':'x','type':'"
		     "space'}]," DATASET),
		 "'micrometer'"},
		{V05("'axes':[{'name':'y','type':'space','unit':'furlong'},{'name':'x','type':'"
		     "space'}]," DATASET),
		 "furlong"},
		{V05("'axes':[{'name':'y','type':'space','unit':3},{'name':'x','type':'space'}]"
		     "," DATASET),
		 "not text"},
		{V05("'axes':[{'name':'x','type':'space'},{'name':'c','type':'channel'}]," DATASET),
		 "too late"},
		{V05("'axes':[{'name':'c','type':'channel'},{'name':'x','type':'space'}]," DATASET),
		 "1 space axes"},
		{V05(AXES_YX ",'datasets':[{'path':'0'}]"), "0 scales"},
		{V05(AXES_YX
		     ",'datasets':[{'path':'0','coordinateTransformations':[{'type':'scale',"
		     "'scale':[0,1]}]}]"),
		 "is 0, taken as 1"},
		{V05(AXES_YX
		     ",'datasets':[{'path':'0','coordinateTransformations':[{'type':'scale',"
		     "'scale':[-2,1]}]}]"),
		 "negative (-2)"},
		{V05(AXES_YX
		     ",'datasets':[{'path':'0','coordinateTransformations':[{'type':'rotation',"
		     "'rotation':[[1,0],[0,1]]}]}]"),
		 "'rotation' is not supported"},
		{V05(AXES_YX
		     ",'datasets':[{'path':'0','coordinateTransformations':[{'type':'scale',"
		     "'path':'s'}]}]"),
		 "'path'"},
		{V05(AXES_YX "," DATASET "},{" AXES_YX "," DATASET), "2 multiscales"},
		{"{'ome':{'version':'0.5','multiscales':[{'version':'0.4'," AXES_YX "," DATASET
		 "}]}}",
		 "'0.5', its multiscales '0.4'"},
		{"{'multiscales':[{" AXES_YX "," DATASET "}]}", "under 'ome'"},
		{"{'ome':{'multiscales':[{" AXES_YX "," DATASET "}],'omero':[]}}", "omero is not"},
		{"{'ome':{'multiscales':[{" AXES_YX "," DATASET "}],'omero':{'channels':3}}}",
		 "no list of channels"},
		{"{'ome':{'multiscales':[{" AXES_YX "," DATASET
		 "}],'omero':{'channels':[{'color':255}]}}}",
		 "channel 0: color"},
		{"{'ome':{'multiscales':[{" AXES_YX "," DATASET
		 "}],'omero':{'channels':[{},{'window':{'min':'a'}}]}}}",
		 "channel 1: window min"},
		{"{'ome':{'multiscales':[{" AXES_YX "," DATASET
		 "}],'omero':{'channels':[],'rdefs':{'defaultZ':-1}}}}",
		 "defaultZ"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ozr_notes notes = {0};
		struct ozr_ome o = {0};
		struct ozr_err err = {0};
		struct ozr_json *doc;
		int rc = parse_ome(cases[i].text, 3, &notes, &o, &doc, &err);
		if (rc != OZR_OK)
			fail_msg("case %zu: %s", i, err.msg);
		if (!noted(&notes, cases[i].words))
			fail_msg("case %zu: no note with '%s', first of %u: %s", i, cases[i].words,
				 notes.count, notes.count > 0 ? notes.text[0] : "-");
		ozr_ome_release(&o);
		ozr_notes_release(&notes);
		ozr_json_free(doc);
	}
}

static void test_notes_are_bounded(void **state)
{
	struct ozr_notes notes = {.ctx = ctx};

	(void)state;
	for (int i = 0; i < 1000; i++)
		ozr_note(&notes, "note %d", i / 2);
	assert_int_equal(notes.count, OZR_NOTES_MAX);
	assert_string_equal(notes.text[1], "note 1");
	ozr_notes_release(&notes);
}

/* --- values -------------------------------------------------------------------------------- */

static void test_transform_composition(void **state)
{
	/* s = s_ms * s_ds, t = s_ms * t_ds + t_ms */
	const char *text =
		V05(AXES_YX ",'datasets':[{'path':'0','coordinateTransformations':["
			    "{'type':'scale','scale':[2,3]},"
			    "{'type':'translation','translation':[10,20]}]}],"
			    "'coordinateTransformations':[{'type':'scale','scale':[0.5,4]},"
			    "{'type':'translation','translation':[1,2]}]");
	struct ozr_notes notes = {0};
	struct ozr_ome o = {0};
	struct ozr_json *doc;

	(void)state;
	assert_int_equal(parse_ome(text, 3, &notes, &o, &doc, NULL), OZR_OK);
	assert_true(o.dataset[0].t.scale[0] == 1.0 && o.dataset[0].t.scale[1] == 12.0);
	assert_true(o.dataset[0].t.translation[0] == 6.0 && o.dataset[0].t.translation[1] == 82.0);
	assert_int_equal(notes.count, 0);
	ozr_ome_release(&o);
	ozr_notes_release(&notes);
	ozr_json_free(doc);
}

static void test_omero(void **state)
{
	const char *text =
		"{'ome':{'version':'0.5','image-label':{},'multiscales':[{'name':'n'," AXES_YX
		"," DATASET ",'type':'nearest','metadata':{'nodata':7}}],'omero':{'channels':["
		"{'label':'DAPI','color':'#0080fF','active':false,"
		"'window':{'min':1,'max':9,'start':2,'end':8}},"
		"{'color':'FF00000'},{'window':{'start':3,'end':4}}],"
		"'rdefs':{'defaultZ':5,'defaultT':6}}}}";
	struct ozr_notes notes = {0};
	struct ozr_ome o = {0};
	struct ozr_json *doc;

	(void)state;
	assert_int_equal(parse_ome(text, 3, &notes, &o, &doc, NULL), OZR_OK);
	assert_int_equal(o.info.channels, 3);
	assert_string_equal(o.channel[0].label, "DAPI");
	assert_int_equal(o.channel[0].active, 0);
	assert_true(o.channel[0].has_color && o.channel[0].rgb[0] == 0 &&
		    o.channel[0].rgb[1] == 128 && o.channel[0].rgb[2] == 255);
	assert_true(o.channel[0].has_window && o.channel[0].min == 1.0 && o.channel[0].end == 8.0);
	assert_false(o.channel[1].has_color);
	assert_true(o.channel[2].has_window && o.channel[2].min == 3.0 && o.channel[2].max == 4.0);
	assert_true(o.info.has_default_z && o.info.default_z == 5);
	assert_true(o.info.has_default_t && o.info.default_t == 6);
	assert_true(o.info.is_label && o.method_known && o.method == OZR_NEAREST);
	assert_non_null(o.nodata);
	assert_string_equal(o.info.name, "n");
	ozr_ome_release(&o);
	ozr_notes_release(&notes);
	ozr_json_free(doc);
}

static void test_axis_kinds(void **state)
{
	const char *text = V05("'axes':[{'name':'t'},{'name':'angle'},{'name':'z','type':'lag'},"
			       "{'name':'y','type':'space','unit':'nanometer'},{'name':'x'}],"
			       "'datasets':[{'path':'0'}]");
	struct ozr_notes notes = {0};
	struct ozr_ome o = {0};
	struct ozr_json *doc;

	(void)state;
	assert_int_equal(parse_ome(text, 3, &notes, &o, &doc, NULL), OZR_OK);
	assert_int_equal(o.info.axes[0].kind, OZR_AXIS_TIME);
	assert_int_equal(o.info.axes[1].kind, OZR_AXIS_OTHER);
	assert_int_equal(o.info.axes[2].kind, OZR_AXIS_OTHER);
	assert_int_equal(o.info.axes[3].kind, OZR_AXIS_SPACE);
	assert_int_equal(o.info.axes[4].kind, OZR_AXIS_SPACE);
	assert_string_equal(o.info.axes[3].unit, "nanometer");
	ozr_ome_release(&o);
	ozr_notes_release(&notes);
	ozr_json_free(doc);
}

static void test_is_image(void **state)
{
	static const struct {
		const char *text;
		int yes;
	} cases[] = {
		{"{}", 0},
		{"[]", 0},
		{"{'ome':{'multiscales':[]}}", 1},
		{"{'ome':{'multiscales':{}}}", 0},
		{"{'ome':{'plate':{}}}", 0},
		{"{'ome':3}", 0},
		{"{'multiscales':[{'datasets':[]}]}", 1},
		{"{'multiscales':[]}", 0},
		{"{'multiscales':[{}]}", 0},
		{"{'multiscales':[3]}", 0},
		/* the zarr-conventions' member of the same name */
		{"{'multiscales':{'layout':[{'asset':'s0'}]}}", 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ozr_json *doc = parse(cases[i].text);
		struct ozr_jref root = ozr_jroot(doc);
		if (ozr_ome_is_image(&root) != cases[i].yes)
			fail_msg("%s", cases[i].text);
		ozr_json_free(doc);
	}
}

static void test_units(void **state)
{
	static const struct {
		const char *unit;
		enum ozr_axis_kind kind;
		enum ozr_unit_match match;
		const char *name;
		double factor;
	} cases[] = {
		{"micrometer", OZR_AXIS_SPACE, OZR_UNIT_EXACT, "micrometer", 1e-6},
		{"um", OZR_AXIS_SPACE, OZR_UNIT_SYNONYM, "micrometer", 1e-6},
		{"\xC2\xB5m", OZR_AXIS_SPACE, OZR_UNIT_SYNONYM, "micrometer", 1e-6},
		{"\xCE\xBCm", OZR_AXIS_SPACE, OZR_UNIT_SYNONYM, "micrometer", 1e-6},
		{"Micrometres", OZR_AXIS_SPACE, OZR_UNIT_SYNONYM, "micrometer", 1e-6},
		{"micron", OZR_AXIS_SPACE, OZR_UNIT_SYNONYM, "micrometer", 1e-6},
		{"nm", OZR_AXIS_SPACE, OZR_UNIT_SYNONYM, "nanometer", 1e-9},
		{"mm", OZR_AXIS_SPACE, OZR_UNIT_SYNONYM, "millimeter", 1e-3},
		{"Mm", OZR_AXIS_SPACE, OZR_UNIT_SYNONYM, "megameter", 1e6},
		{"m", OZR_AXIS_SPACE, OZR_UNIT_SYNONYM, "meter", 1.0},
		{"meter", OZR_AXIS_SPACE, OZR_UNIT_EXACT, "meter", 1.0},
		{"foot", OZR_AXIS_SPACE, OZR_UNIT_EXACT, "foot", 0.3048},
		{"\xC3\x85", OZR_AXIS_SPACE, OZR_UNIT_SYNONYM, "angstrom", 1e-10},
		{"seconds", OZR_AXIS_TIME, OZR_UNIT_SYNONYM, "second", 1.0},
		{"s", OZR_AXIS_TIME, OZR_UNIT_SYNONYM, "second", 1.0},
		{"ms", OZR_AXIS_TIME, OZR_UNIT_SYNONYM, "millisecond", 1e-3},
		{"min", OZR_AXIS_TIME, OZR_UNIT_SYNONYM, "minute", 60.0},
		{"pixel", OZR_AXIS_SPACE, OZR_UNIT_UNKNOWN, NULL, 0},
		{"", OZR_AXIS_SPACE, OZR_UNIT_UNKNOWN, NULL, 0},
		{"second", OZR_AXIS_SPACE, OZR_UNIT_UNKNOWN, NULL, 0},
		{"meter", OZR_AXIS_CHANNEL, OZR_UNIT_UNKNOWN, NULL, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char name[32] = "";
		double factor = 0.0;
		enum ozr_unit_match m = ozr_unit_find(cases[i].unit, cases[i].kind, name, &factor);
		if (m != cases[i].match ||
		    (m != OZR_UNIT_UNKNOWN &&
		     (strcmp(name, cases[i].name) != 0 || factor != cases[i].factor)))
			fail_msg("%s: %d %s %g", cases[i].unit, (int)m, name, factor);
	}
}

static void test_default_axes(void **state)
{
	static const char *const want[] = {"", "x", "yx", "zyx", "czyx", "tczyx"};
	struct ozr_array_info a = {.rank = 3, .has_dim_names = 1, .dim_names = {"Band", "Y", "x"}};
	struct ozr_axis axes[OZR_MAX_RANK];

	(void)state;
	for (unsigned rank = 1; rank <= 5; rank++) {
		ozr_axes_default(rank, axes);
		for (unsigned d = 0; d < rank; d++)
			assert_int_equal(axes[d].name[0], want[rank][d]);
		assert_int_equal(axes[rank - 1].kind, OZR_AXIS_SPACE);
	}
	ozr_axes_default(7, axes);
	assert_string_equal(axes[6].name, "d6");
	assert_int_equal(axes[6].kind, OZR_AXIS_OTHER);
	assert_true(ozr_axes_from_names(&a, axes));
	assert_string_equal(axes[0].name, "c");
	assert_string_equal(axes[1].name, "y");
	assert_int_equal(axes[0].kind, OZR_AXIS_CHANNEL);
	snprintf(a.dim_names[0], sizeof(a.dim_names[0]), "latitude");
	assert_false(ozr_axes_from_names(&a, axes));
	snprintf(a.dim_names[0], sizeof(a.dim_names[0]), "Y");
	assert_false(ozr_axes_from_names(&a, axes)); /* twice y */
}

static void test_text_fit(void **state)
{
	char room[6];

	(void)state;
	ozr_text_fit(room, sizeof(room), "abcd\xC2\xB5"); /* the cut would split the sign */
	assert_string_equal(room, "abcd");
	ozr_text_fit(room, sizeof(room), "abcde");
	assert_string_equal(room, "abcde");
}

/* --- written and parsed back ------------------------------------------------------------------ */

static void test_write(void **state)
{
	struct ozr_level level[2] = {
		{.path = (char *)"0", .shape = {3, 4}, .scale = {0.25, 0.1}},
		{.path = (char *)"1", .scale = {0.5, 0.2}, .translation = {0.125, 0.05}}};
	struct ozr_image img = {.ctx = ctx,
				.path = (char *)"labels/a",
				.level = level,
				.has_nodata = 1,
				.nodata = {200},
				.method = OZR_MODE};

	(void)state;
	ozr_axes_default(2, img.info.axes);
	img.info.rank = 2;
	img.info.levels = 2;
	img.info.dtype = OZR_UINT8;
	img.info.is_label = 1;
	snprintf(img.info.name, sizeof(img.info.name), "back");
	for (int version = 4; version <= 5; version++) {
		struct ozr_json *doc =
			parse("{'keep':[1.50,'x'],'ome':{'other':12345678901234567890}}");
		struct ozr_range_stats stats = {3, 90, 1};
		struct ozr_omero_source src = {.dtype = OZR_UINT8, .n = 1, .stats = &stats};
		struct ozr_notes notes = {.ctx = ctx};
		struct ozr_ome o = {0};
		struct ozr_err err = {0};
		char *text;
		size_t len;

		assert_int_equal(ozr_ome_write(doc, version, &img, ozr_omero_write(&src), &err),
				 OZR_OK);
		assert_int_equal(ozr_json_print(ctx, doc, 0, &text, &len, &err), OZR_OK);
		assert_non_null(strstr(text, "12345678901234567890"));
		assert_non_null(strstr(text, "\"keep\""));
		ozr_text_free(text);
		struct ozr_jref root = ozr_jroot(doc);
		int rc = ozr_ome_parse(ctx, &root, version == 4 ? 2 : 3, &notes, &o, &err);
		if (rc != OZR_OK)
			fail_msg("%s", err.msg);
		assert_string_equal(o.info.version, version == 4 ? "0.4" : "0.5");
		assert_string_equal(o.info.name, "back");
		assert_true(o.info.is_label && o.method == OZR_MODE && o.method_known);
		assert_int_equal(o.info.levels, 2);
		assert_true(o.dataset[1].t.scale[1] == 0.2 &&
			    o.dataset[1].t.translation[1] == 0.05);
		assert_int_equal(o.info.channels, 1);
		assert_true(o.channel[0].min == 3.0 && o.channel[0].end == 90.0 &&
			    o.channel[0].has_color);
		assert_non_null(o.nodata);
		assert_int_equal(notes.count, 0);
		ozr_ome_release(&o);
		ozr_notes_release(&notes);
		ozr_json_free(doc);
	}
}

static int setup(void **state)
{
	(void)state;
	struct ozr_stats stats;
	if (ozr_ctx_new(NULL, &ctx, NULL) != OZR_OK)
		return -1;
	ozr_ctx_stats(ctx, &stats);
	memory_before = stats.memory_bytes;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	struct ozr_stats stats;
	ozr_ctx_stats(ctx, &stats);
	ozr_ctx_unref(ctx);
	if (stats.memory_bytes != memory_before)
		print_error("%llu bytes were not given back\n",
			    (unsigned long long)(stats.memory_bytes - memory_before));
	return stats.memory_bytes == memory_before ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_level_limit),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_notes_are_bounded),
		cmocka_unit_test(test_transform_composition),
		cmocka_unit_test(test_omero),
		cmocka_unit_test(test_axis_kinds),
		cmocka_unit_test(test_is_image),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_default_axes),
		cmocka_unit_test(test_text_fit),
		cmocka_unit_test(test_write),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
