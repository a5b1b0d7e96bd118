/* SPDX-License-Identifier: MIT */
/* How channels become colors: by what the image says, or as the user says. */
#include "plan_testing.h"

static struct ozr_ctx *ctx;
static struct ozr_err err;

#define CHANNEL(color, window) "{\"color\":\"" color "\"" window "}"
#define WINDOW(start, end)     ",\"window\":{\"min\":0,\"max\":1,\"start\":" start ",\"end\":" end "}"
#define OMERO(list)            ",\"omero\":{\"channels\":[" list "]}"
#define RGB(window)                                                                                \
	CHANNEL("FF0000", window) "," CHANNEL("00FF00", window) "," CHANNEL("0000FF", window)

static const char rgb[] = OMERO(RGB(""));
static const char rgba[] = OMERO(RGB("") ",{\"label\":\"A\",\"color\":\"FFFFFF\"}");

static int try(const struct sample *sample, enum channel_mode mode, const char *selection,
	       struct plan *out)
{
	struct ozr_image *img = sample_open(ctx, sample);
	const struct wish wish = {.max_planes = 1000};
	struct read_options options = {.channels = mode};
	struct selection none = {0};
	char label[256] = "";
	int rc;

	if (selection)
		CHECK_OK(selection_parse(selection, &options.selection, label, &err));
	rc = plan_make(img, &none, &options, &wish, out, &err);
	ozr_image_close(img);
	return rc;
}

static struct sample image(uint64_t channels, const char *dtype, const char *omero)
{
	struct sample sample = {.axes = "tcyx",
				.rank = 4,
				.levels = 1,
				.shape = {{2, channels, 5, 6}},
				.dtype = dtype,
				.more = omero};
	return sample;
}

static enum view by_itself(uint64_t channels, const char *dtype, const char *omero)
{
	struct sample sample = image(channels, dtype, omero);
	struct plan p;

	CHECK_OK(try(&sample, CHANNELS_AUTO, NULL, &p));
	CHECK(p.components == (p.view == VIEW_GRAY ? 1 : channels));
	CHECK(p.planes == (p.view == VIEW_GRAY ? 2 * channels : 2) && p.whole);
	plan_free(&p);
	return p.view;
}

static void test_auto(void)
{
	static const char *const other[] = {
		OMERO(CHANNEL("FF0000", "") "," CHANNEL("00FE00", "") "," CHANNEL("0000FF", "")),
		OMERO(CHANNEL("00FF00", "") "," CHANNEL("FF0000", "") "," CHANNEL("0000FF", "")),
		OMERO(RGB("") "," CHANNEL("FFFFFF", "")),
		OMERO(RGB(WINDOW("0", "65534"))),
		OMERO(RGB(WINDOW("1", "65535"))),
		OMERO("{\"label\":\"R\"},{\"label\":\"G\"},{\"label\":\"B\"}"),
		OMERO(CHANNEL("FF0000", "") "," CHANNEL("00FF00", "")),
	};

	CHECK(by_itself(3, "uint8", rgb) == VIEW_RGB);
	CHECK(by_itself(3, "uint16", rgb) == VIEW_RGB);
	CHECK(by_itself(3, "float32", rgb) == VIEW_RGB);
	CHECK(by_itself(3, "float64", rgb) == VIEW_RGB);
	CHECK(by_itself(4, "uint8", rgba) == VIEW_RGBA);
	CHECK(by_itself(3, "uint8", OMERO(RGB(WINDOW("0", "255")))) == VIEW_RGB);
	CHECK(by_itself(3, "uint16", OMERO(RGB(WINDOW("0.0", "65535.0")))) == VIEW_RGB);
	CHECK(by_itself(3, "float32", OMERO(RGB(WINDOW("0", "1")))) == VIEW_RGB);
	/* anything that could lose something stays separate */
	CHECK(by_itself(3, "uint8", OMERO(RGB(WINDOW("0", "65535")))) == VIEW_GRAY);
	CHECK(by_itself(3, "float32", OMERO(RGB(WINDOW("0", "255")))) == VIEW_GRAY);
	CHECK(by_itself(3, "int16", rgb) == VIEW_GRAY);
	CHECK(by_itself(3, "int32", rgb) == VIEW_GRAY);
	CHECK(by_itself(3, "bool", rgb) == VIEW_GRAY);
	CHECK(by_itself(3, "uint16", NULL) == VIEW_GRAY);
	CHECK(by_itself(4, "uint16", rgb) == VIEW_GRAY);
	CHECK(by_itself(3, "uint16", rgba) == VIEW_GRAY);
	CHECK(by_itself(2, "uint16", rgb) == VIEW_GRAY);
	for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++)
		for (uint64_t n = 2; n < 5; n++)
			CHECK(by_itself(n, "uint16", other[i]) == VIEW_GRAY);
}

static void view_is(const struct sample *sample, enum channel_mode mode, const char *selection,
		    enum view view, unsigned components, const char *channels)
{
	struct plan p;

	CHECK_OK(try(sample, mode, selection, &p));
	CHECK(p.view == view && p.components == components);
	for (unsigned i = 0; i < components; i++) {
		uint64_t index[OZR_MAX_RANK];

		plan_position(&p, 0, i, index);
		CHECK(index[1] == (uint64_t)(channels[i] - '0'));
	}
	plan_free(&p);
}

static void test_asked(void)
{
	struct sample three = image(3, "uint16", rgb), five = image(5, "int32", NULL);
	struct sample flat = {.axes = "yx", .rank = 2, .levels = 1, .shape = {{5, 6}}};
	struct plan p;

	view_is(&three, CHANNELS_SEPARATE, NULL, VIEW_GRAY, 1, "0");
	view_is(&three, CHANNELS_AUTO, "c=2", VIEW_GRAY, 1, "2");
	view_is(&three, CHANNELS_AUTO, "c=0-1", VIEW_GRAY, 1, "0");
	view_is(&three, CHANNELS_AUTO, "c=0-2", VIEW_RGB, 3, "012");
	view_is(&three, CHANNELS_AUTO, "c=2-0", VIEW_GRAY, 1, "2");
	view_is(&three, CHANNELS_RGB, "c=2-0", VIEW_RGB, 3, "210");
	view_is(&five, CHANNELS_AUTO, NULL, VIEW_GRAY, 1, "0");
	view_is(&five, CHANNELS_RGB, NULL, VIEW_RGB, 3, "012");
	view_is(&five, CHANNELS_RGB, "c=1-4", VIEW_RGBA, 4, "1234");
	view_is(&five, CHANNELS_RGB, "c=2-4", VIEW_RGB, 3, "234");
	CHECK_OK(try(&five, CHANNELS_RGB, NULL, &p));
	CHECK(!p.whole && p.planes == 2);
	plan_free(&p);
	CHECK_CODE(OZR_BAD_ARG, try(&three, CHANNELS_RGB, "c=1-2", &p));
	CHECK(strstr(err.msg, "at least 3 channels, found 2"));
	CHECK_CODE(OZR_BAD_ARG, try(&flat, CHANNELS_RGB, NULL, &p));
	CHECK(strstr(err.msg, "found 1"));
}

static void test_composite(void)
{
	struct sample two = image(2, "uint16", OMERO(CHANNEL("FF8000", "") ",{}"));
	struct sample more = image(3, "uint16", OMERO(CHANNEL("FF8000", "") ",{}"));
	struct sample flat = {.axes = "yx",
			      .rank = 2,
			      .levels = 1,
			      .shape = {{5, 6}},
			      .more = OMERO(CHANNEL("FF8000", ""))};
	struct plan p;

	view_is(&two, CHANNELS_COMPOSITE, NULL, VIEW_COMPOSITE, 2, "01");
	view_is(&two, CHANNELS_COMPOSITE, "c=1", VIEW_COMPOSITE, 1, "1");
	view_is(&more, CHANNELS_COMPOSITE, "c=1-0", VIEW_COMPOSITE, 2, "10");
	CHECK_OK(try(&two, CHANNELS_COMPOSITE, NULL, &p));
	CHECK(!p.whole && p.planes == 2);
	plan_free(&p);
	CHECK_OK(try(&flat, CHANNELS_COMPOSITE, NULL, &p));
	CHECK(p.components == 1 && p.planes == 1);
	plan_free(&p);
	CHECK_CODE(OZR_BAD_ARG, try(&more, CHANNELS_COMPOSITE, NULL, &p));
	CHECK(strstr(err.msg, "channel 2 has no omero metadata (2 channels have)"));
	CHECK_CODE(OZR_BAD_ARG, try(&more, CHANNELS_COMPOSITE, "c=2-1", &p));
	CHECK(strstr(err.msg, "channel 2"));
	flat.more = NULL;
	CHECK_CODE(OZR_BAD_ARG, try(&flat, CHANNELS_COMPOSITE, NULL, &p));
	more.shape[0][1] = INT64_MAX; /* nothing is as large as what a store says */
	CHECK_CODE(OZR_BAD_ARG, try(&more, CHANNELS_COMPOSITE, NULL, &p));
}

int main(void)
{
	CHECK_OK(ozr_ctx_new(NULL, &ctx, &err));
	test_auto();
	test_asked();
	test_composite();
	ozr_ctx_unref(ctx);
	return 0;
}
