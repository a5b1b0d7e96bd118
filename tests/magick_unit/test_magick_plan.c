/* SPDX-License-Identifier: MIT */
/* Plans: levels, selections, regions, plane numbers, and refusals. Views are in test_magick_view.c. */
#include "location.h"
#include "plan_testing.h"

static struct ozr_ctx *ctx;
static struct ozr_err err;

static const struct sample volume = {
	.axes = "tczyx",
	.rank = 5,
	.levels = 3,
	.shape = {{4, 3, 10, 100, 200}, {4, 3, 5, 50, 100}, {4, 3, 3, 25, 50}}};

/* Selection as in brackets, defines as in omezarr:axes; NULL for none. */
static int try(const struct sample *sample, const char *brackets, const char *axes,
	       const struct wish *more, struct plan *out)
{
	struct ozr_image *img = sample_open(ctx, sample);
	struct read_options options = {0};
	struct selection selection = {0};
	struct wish wish = {.max_planes = 10000};
	char label[256] = "";
	int rc;

	if (more) {
		wish = *more;
		wish.max_planes = more->max_planes ? more->max_planes : 10000;
	}
	if (brackets)
		CHECK_OK(selection_parse(brackets, &selection, label, &err));
	if (axes)
		CHECK_OK(selection_parse(axes, &options.selection, label, &err));
	rc = plan_make(img, &selection, &options, &wish, out, &err);
	ozr_image_close(img);
	return rc;
}

static void refused(const struct sample *sample, const char *brackets, const struct wish *wish,
		    int code, const char *words)
{
	struct plan plan;

	memset(&plan, 0x5a, sizeof(plan));
	CHECK_CODE(code, try(sample, brackets, NULL, wish, &plan));
	if (!strstr(err.msg, words))
		check_failed(__FILE__, __LINE__, words, err.msg);
	for (size_t i = 0; i < sizeof(plan); i++)
		CHECK(((const unsigned char *)&plan)[i] == 0x5a);
}

/* Plane `number` is at these indices ("t,c,z,y,x"). */
static void is_at(const struct plan *plan, uint64_t number, const char *want)
{
	uint64_t index[OZR_MAX_RANK];
	struct text got = {.n = 0};

	plan_position(plan, number, 0, index);
	for (unsigned d = 0; d < plan->info.rank; d++)
		add(&got, "%s%" PRIu64, d ? "," : "", index[d]);
	if (strcmp(got.at, want) != 0)
		check_failed(__FILE__, __LINE__, want, got.at);
}

static void test_all(void)
{
	struct plan p;

	CHECK_OK(try(&volume, NULL, NULL, NULL, &p));
	CHECK(p.level == 0 && p.planes == 120 && p.n == 120 && p.whole);
	CHECK(p.y_axis == 3 && p.x_axis == 4 && p.channel_axis == 1 && p.view == VIEW_GRAY);
	CHECK(p.components == 1 && p.columns == 200 && p.rows == 100 && p.x == 0 && p.y == 0);
	CHECK(p.chunk[0] == 1 && p.chunk[4] == 5 && p.shape[2] == 10);
	is_at(&p, 0, "0,0,0,0,0");
	is_at(&p, 1, "0,0,1,0,0");
	is_at(&p, 10, "0,1,0,0,0");
	is_at(&p, 119, "3,2,9,0,0");
	plan_free(&p);
	plan_free(&p); /* harmless */
}

static void test_scenes(void)
{
	struct plan p;

	CHECK_OK(try(&volume, NULL, NULL, &(struct wish){.scenes = "12-10,3,-1"}, &p));
	CHECK(p.n == 5 && p.list[0] == 12 && p.list[3] == 3 && p.list[4] == 119 && !p.whole);
	plan_free(&p);
	CHECK_OK(try(&volume, NULL, NULL, &(struct wish){.scenes = "0--1"}, &p));
	CHECK(p.whole);
	plan_free(&p);
	CHECK_OK(try(&volume, NULL, NULL, &(struct wish){.scenes = "-1-0"}, &p));
	CHECK(!p.whole);
	plan_free(&p);
	refused(&volume, NULL, &(struct wish){.scenes = "120"}, OZR_BAD_ARG, "planes are 0 to 119");
	refused(&volume, NULL, &(struct wish){.max_planes = 119}, OZR_LIMIT, "[a-b]");
	refused(&volume, "t=1", &(struct wish){.scenes = "30"}, OZR_BAD_ARG, "planes are 0 to 29");
}

static void test_selection(void)
{
	struct plan p;

	CHECK_OK(try(&volume, "t=3,c=1,Z=9", NULL, NULL, &p));
	CHECK(p.planes == 1 && p.n == 1 && p.list[0] == 0 && !p.whole);
	is_at(&p, 0, "3,1,9,0,0");
	plan_free(&p);
	CHECK_OK(try(&volume, "z=-2--4,t=1-2", NULL, &(struct wish){.scenes = "17"}, &p));
	CHECK(p.planes == 18 && p.n == 1);
	is_at(&p, 0, "1,0,8,0,0");
	is_at(&p, 1, "1,0,7,0,0");
	is_at(&p, 3, "1,1,8,0,0");
	is_at(&p, 17, "2,2,6,0,0");
	plan_free(&p);
	/* what stands in the name comes before the define, axis by axis */
	CHECK_OK(try(&volume, "t=3", "t=0,c=2", NULL, &p));
	CHECK(p.planes == 10);
	is_at(&p, 0, "3,2,0,0,0");
	plan_free(&p);
	CHECK_OK(try(&volume, "t=0-3,c=0-2,z=0-9", NULL, NULL, &p));
	CHECK(p.whole);
	plan_free(&p);
	CHECK_OK(try(&volume, "z=9-0", NULL, NULL, &p));
	CHECK(!p.whole);
	plan_free(&p);
}

static void test_selection_refused(void)
{
	refused(&volume, "t=4", NULL, OZR_BAD_ARG, "t=4: axis t goes from 0 to 3");
	refused(&volume, "t=-5", NULL, OZR_BAD_ARG, "t=-5: axis t goes from 0 to 3");
	refused(&volume, "z=3-10", NULL, OZR_BAD_ARG, "z=10: axis z goes from 0 to 9");
	refused(&volume, "y=1", NULL, OZR_BAD_ARG, "axis 'y' lies in the plane");
	refused(&volume, "q=1", NULL, OZR_BAD_ARG, "no axis 'q' to choose on; axes are: t, c, z");
	refused(&volume, "z=DAPI", NULL, OZR_BAD_ARG, "only channels have labels");
	refused(&volume, "c=DAPI", NULL, OZR_BAD_ARG, "no channel has the label 'DAPI'; the image");
	refused(&(struct sample){.axes = "yx", .rank = 2, .levels = 1, .shape = {{5, 5}}}, "c=0",
		NULL, OZR_BAD_ARG, "axes are: none");
}

static void test_labels(void)
{
	static const struct sample image = {
		.axes = "cyx",
		.rank = 3,
		.levels = 1,
		.shape = {{4, 8, 8}},
		.more = ",\"omero\":{\"channels\":[{\"label\":\"DAPI\"},{\"label\":\"dapi\"},"
			"{\"label\":\"488\"},{\"label\":\"Twice\"},{\"label\":\"Beyond\"}]}"};
	static const struct sample twice = {
		.axes = "cyx",
		.rank = 3,
		.levels = 1,
		.shape = {{3, 8, 8}},
		.more = ",\"omero\":{\"channels\":[{\"label\":\"a\"},{\"label\":\"b\"},"
			"{\"label\":\"a\"}]}"};
	struct plan p;

	CHECK_OK(try(&image, "c=DAPI", NULL, NULL, &p));
	is_at(&p, 0, "0,0,0");
	plan_free(&p);
	CHECK_OK(try(&image, "c=dapi", NULL, NULL, &p));
	is_at(&p, 0, "1,0,0");
	plan_free(&p);
	CHECK_OK(try(&image, "c=\"488\"", NULL, NULL, &p));
	is_at(&p, 0, "2,0,0");
	plan_free(&p);
	CHECK_OK(try(&image, "c=TWICE", NULL, NULL, &p));
	is_at(&p, 0, "3,0,0");
	plan_free(&p);
	refused(&image, "c=488", NULL, OZR_BAD_ARG, "axis c goes from 0 to 3");
	refused(&image, "c=Beyond", NULL, OZR_BAD_ARG, "no channel has the label");
	refused(&image, "c=Dapi", NULL, OZR_BAD_ARG, "2 channels have the label 'Dapi'");
	refused(&image, "c=GFP", NULL, OZR_BAD_ARG, "channels are 'DAPI', 'dapi', '488'");
	refused(&twice, "c=a", NULL, OZR_BAD_ARG, "say c=2 for the last of them");
}

static void test_levels(void)
{
	struct plan p;

	CHECK_OK(try(&volume, "level=1", NULL, NULL, &p));
	CHECK(p.level == 1 && p.planes == 60 && p.columns == 100 && p.rows == 50 && !p.whole);
	CHECK(p.factor[2] == 1 && p.shape[2] == 5);
	is_at(&p, 59, "3,2,4,0,0");
	plan_free(&p);
	CHECK_OK(try(&volume, "level=-1", "level=0", &(struct wish){.least_columns = 200}, &p));
	CHECK(p.level == 2 && p.planes == 36);
	plan_free(&p);
	refused(&volume, "level=3", NULL, OZR_BAD_ARG, "levels are 0 to 2, or -1 to -3");
	refused(&volume, "level=-4", NULL, OZR_BAD_ARG, "there is no level -4");
	refused(&volume, "level=1,z=5", NULL, OZR_BAD_ARG, "axis z goes from 0 to 4");
}

static unsigned level_for(uint64_t columns, uint64_t rows)
{
	struct plan p;

	CHECK_OK(try(&volume, NULL, NULL,
		     &(struct wish){.least_columns = columns, .least_rows = rows}, &p));
	CHECK(p.planes == 120);
	plan_free(&p);
	return p.level;
}

static void test_levels_by_size(void)
{
	struct plan p;

	CHECK(level_for(50, 25) == 2 && level_for(51, 25) == 1 && level_for(50, 26) == 1);
	CHECK(level_for(1, 0) == 2 && level_for(0, 40) == 1 && level_for(0, 0) == 0);
	CHECK(level_for(150, 10) == 0 && level_for(5000, 5000) == 0);
	/* numbers stay those of level 0 */
	CHECK_OK(try(&volume, "z=8-9,t=2", NULL, &(struct wish){.least_columns = 50}, &p));
	CHECK(p.level == 2 && p.factor[2] == 4 && p.factor[3] == 4 && p.factor[0] == 1);
	CHECK(p.planes == 6 && p.columns == 50 && p.rows == 25 && !p.whole);
	is_at(&p, 0, "2,0,2,0,0");
	is_at(&p, 5, "2,2,2,0,0");
	plan_free(&p);
	/* the pixels of a region are those of level 0 */
	CHECK_OK(try(&volume, NULL, NULL,
		     &(struct wish){.least_columns = 50, .has_region = 1, .columns = 9, .rows = 9},
		     &p));
	CHECK(p.level == 0);
	plan_free(&p);
}

static void test_factors(void)
{
	static const struct sample five = {.axes = "zyx",
					   .rank = 3,
					   .levels = 3,
					   .shape = {{5, 90, 90}, {3, 45, 45}, {2, 23, 23}}};
	struct sample claims = five;
	struct plan p;

	CHECK_OK(try(&five, NULL, NULL, &(struct wish){.least_columns = 20}, &p));
	CHECK(p.level == 2 && p.factor[0] == 4);
	is_at(&p, 3, "0,0,0");
	is_at(&p, 4, "1,0,0");
	plan_free(&p);
	claims.no_scales = 1; /* scales that say nothing: sizes */
	CHECK_OK(try(&claims, NULL, NULL, &(struct wish){.least_columns = 20}, &p));
	CHECK(p.level == 2 && p.factor[0] == 3);
	is_at(&p, 2, "0,0,0");
	is_at(&p, 4, "1,0,0");
	plan_free(&p);
	claims.shape[2][0] = 9; /* more planes than level 0 */
	CHECK_OK(try(&claims, NULL, NULL, &(struct wish){.least_columns = 20}, &p));
	CHECK(p.factor[0] == 1);
	is_at(&p, 4, "4,0,0");
	plan_free(&p);
}

static void region_is(int64_t x, int64_t y, uint64_t columns, uint64_t rows, uint64_t want[4])
{
	struct wish wish = {.has_region = 1, .x = x, .y = y, .columns = columns, .rows = rows};
	uint64_t index[OZR_MAX_RANK];
	struct plan p;

	CHECK_OK(try(&volume, NULL, NULL, &wish, &p));
	CHECK(p.x == want[0] && p.y == want[1] && p.columns == want[2] && p.rows == want[3]);
	plan_position(&p, 119, 0, index);
	CHECK(index[3] == p.y && index[4] == p.x && index[2] == 9);
	CHECK(p.whole == (p.columns == 200 && p.rows == 100));
	plan_free(&p);
}

static void test_regions(void)
{
	const int64_t far = INT64_MAX;
	uint64_t big = UINT64_MAX;

	region_is(10, 20, 30, 40, (uint64_t[]){10, 20, 30, 40});
	region_is(0, 0, 200, 100, (uint64_t[]){0, 0, 200, 100});
	region_is(190, 90, 30, 40, (uint64_t[]){190, 90, 10, 10});
	region_is(-5, -6, 30, 40, (uint64_t[]){0, 0, 25, 34});
	region_is(-5, -6, 1000, 1000, (uint64_t[]){0, 0, 200, 100});
	region_is(7, 8, 0, 0, (uint64_t[]){7, 8, 193, 92});
	region_is(-7, 99, 0, 0, (uint64_t[]){0, 99, 200, 1});
	region_is(199, 99, big, big, (uint64_t[]){199, 99, 1, 1});
	region_is(INT64_MIN, 0, (UINT64_C(1) << 63) + 3, 5, (uint64_t[]){0, 0, 3, 5});
	refused(&volume, NULL, &(struct wish){.has_region = 1, .x = 200, .columns = 5, .rows = 5},
		OZR_BAD_ARG, "the region 5x5+200+0 lies outside the image of 200x100 pixels");
	refused(&volume, NULL, &(struct wish){.has_region = 1, .y = -5, .columns = 5, .rows = 5},
		OZR_BAD_ARG, "the region 5x5+0-5 lies outside");
	refused(&volume, NULL, &(struct wish){.has_region = 1, .x = far, .y = far}, OZR_BAD_ARG,
		"lies outside");
	refused(&volume, NULL,
		&(struct wish){.has_region = 1, .x = INT64_MIN, .columns = far, .rows = 1},
		OZR_BAD_ARG, "lies outside");
}

static void axes_are(const char *axes, unsigned rank, unsigned y, unsigned x, int channel)
{
	struct sample sample = {.axes = axes, .rank = rank, .levels = 1};
	struct plan p;

	for (unsigned d = 0; d < rank; d++)
		sample.shape[0][d] = d + 2;
	CHECK_OK(try(&sample, NULL, NULL, NULL, &p));
	CHECK(p.y_axis == y && p.x_axis == x && p.channel_axis == channel);
	CHECK(p.rows == y + 2 && p.columns == x + 2);
	plan_free(&p);
}

static void test_axes(void)
{
	axes_are("yx", 2, 0, 1, -1);
	axes_are("xy", 2, 1, 0, -1);
	axes_are("xyz", 3, 1, 0, -1);
	axes_are("yxc", 3, 0, 1, 2);
	axes_are("tzyxc", 5, 2, 3, 4);
	axes_are("zx", 2, 0, 1, -1);
	axes_are("czx", 3, 1, 2, 0);
	axes_are("??", 2, 0, 1, -1);
	axes_are("c?", 2, 0, 1, -1);
	axes_are("t??", 3, 1, 2, -1);
	axes_are("?zyx", 4, 2, 3, -1);
	axes_are(NULL, 2, 0, 1, -1);
	axes_are(NULL, 3, 1, 2, -1);
	axes_are(NULL, 4, 2, 3, 0);
	axes_are(NULL, 5, 3, 4, 1);
	axes_are(NULL, 7, 5, 6, -1);
	refused(&(struct sample){.rank = 1, .levels = 1, .shape = {{5}}}, NULL, NULL,
		OZR_UNSUPPORTED, "needs two axes");
}

/* Planes of y, x anywhere count over the other axes in their order. */
static void test_transposed(void)
{
	static const struct sample image = {
		.axes = "xcyt", .rank = 4, .levels = 1, .shape = {{7, 2, 5, 3}}};
	struct plan p;

	CHECK_OK(try(&image, NULL, NULL, &(struct wish){.has_region = 1, .x = 1, .y = 2}, &p));
	CHECK(p.planes == 6 && p.columns == 6 && p.rows == 3);
	is_at(&p, 1, "1,0,2,1");
	is_at(&p, 5, "1,1,2,2");
	plan_free(&p);
}

static void test_hostile(void)
{
	const uint64_t big = INT64_MAX;
	struct sample image = {.axes = "tczyx", .rank = 5, .levels = 1, .shape = {{1, 1, 1, 1, 1}}};
	struct plan p;

	for (unsigned d = 0; d < 5; d++)
		image.shape[0][d] = big;
	refused(&image, NULL, NULL, OZR_LIMIT, "more than 2^64 planes");
	refused(&image, "t=0", NULL, OZR_LIMIT, "more than 2^64 planes");
	refused(&image, "t=0,c=0", NULL, OZR_LIMIT, "choose some by name[a-b]");
	CHECK_OK(try(&image, "t=0,c=0", NULL, &(struct wish){.scenes = "-1"}, &p));
	is_at(&p, p.list[0], "0,0,9223372036854775806,0,0");
	CHECK(p.columns == big && p.n == 1);
	plan_free(&p);
	image.shape[0][2] = 0;
	refused(&image, NULL, NULL, OZR_UNSUPPORTED, "axis 2 is empty");
}

int main(void)
{
	CHECK_OK(ozr_ctx_new(NULL, &ctx, &err));
	test_all();
	test_scenes();
	test_selection();
	test_selection_refused();
	test_labels();
	test_levels();
	test_levels_by_size();
	test_factors();
	test_regions();
	test_axes();
	test_transposed();
	test_hostile();
	ozr_ctx_unref(ctx);
	return 0;
}
