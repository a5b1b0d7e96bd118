/* SPDX-License-Identifier: MIT */
/* Folding a list: which axes it gets, and which image holds which plane. */
#include "check.h"
#include "layout.h"

static struct ozr_err err;
static struct layout l;

static int make(uint64_t n, unsigned components, const char *axes, uint64_t t, uint64_t c,
		uint64_t z)
{
	const struct listed list = {n, 30, 20, components};
	struct write_options o = {.has_axes = axes != NULL, .size = {t, c, z}};

	(void)snprintf(o.axes, sizeof(o.axes), "%s", axes ? axes : "");
	return layout_make(&list, &o, NULL, 0, &l, &err);
}

/* Axes by their letters, and the shape. */
static void is(const char *axes, const uint64_t *shape)
{
	CHECK(l.rank == strlen(axes));
	for (unsigned d = 0; d < l.rank; d++)
		CHECK(l.axes[d].name[0] == axes[d] && !l.axes[d].name[1] && l.shape[d] == shape[d]);
}

static void refused(uint64_t n, unsigned components, const char *axes, uint64_t c,
		    const char *words)
{
	CHECK_CODE(OZR_BAD_ARG, make(n, components, axes, 0, c, 0));
	if (!strstr(err.msg, words))
		check_failed(__FILE__, __LINE__, axes ? axes : "", err.msg);
}

static void test_defaults(void)
{
	struct write_options none = {0};
	const struct listed one = {1, 30, 20, 1};

	CHECK_OK(make(1, 1, NULL, 0, 0, 0));
	is("yx", (const uint64_t[]){20, 30});
	CHECK_OK(make(7, 1, NULL, 0, 0, 0));
	is("zyx", (const uint64_t[]){7, 20, 30});
	CHECK(l.weight[0] == 1 && l.component_axis == -1);
	CHECK(l.axes[0].kind == OZR_AXIS_SPACE && l.axes[2].kind == OZR_AXIS_SPACE);
	CHECK_OK(make(7, 4, NULL, 0, 0, 0));
	is("czyx", (const uint64_t[]){4, 7, 20, 30});
	CHECK(l.component_axis == 0 && l.weight[0] == 0 && l.weight[1] == 1);
	CHECK_OK(layout_make(&one, &none, NULL, 1, &l, &err));
	is("zyx", (const uint64_t[]){1, 20, 30});
}

static void test_folding(void)
{
	CHECK_OK(make(24, 1, "tcz", 2, 3, 0));
	is("tczyx", (const uint64_t[]){2, 3, 4, 20, 30});
	CHECK(l.weight[0] == 12 && l.weight[1] == 4 && l.weight[2] == 1);
	/* ImageJ's order: channels run fastest; the store has them before z all the same */
	CHECK_OK(make(24, 1, "tzc", 2, 3, 4));
	is("tczyx", (const uint64_t[]){2, 3, 4, 20, 30});
	CHECK(l.weight[0] == 12 && l.weight[1] == 1 && l.weight[2] == 3);
	CHECK(l.axes[0].kind == OZR_AXIS_TIME && l.axes[1].kind == OZR_AXIS_CHANNEL);
	CHECK_OK(make(5, 1, "c", 0, 0, 0));
	is("cyx", (const uint64_t[]){5, 20, 30});
	CHECK_OK(make(1, 1, "tcz", 1, 1, 1));
	is("tczyx", (const uint64_t[]){1, 1, 1, 20, 30});
	CHECK(layout_axis(&l, 'c') == 1 && layout_axis(&l, 'x') == 4 && layout_axis(&l, 'q') == -1);
}

static void test_colors(void)
{
	CHECK_OK(make(8, 3, "tcz", 2, 0, 0));
	is("tczyx", (const uint64_t[]){2, 3, 4, 20, 30});
	CHECK(l.weight[0] == 4 && l.weight[1] == 0 && l.weight[2] == 1 && l.component_axis == 1);
	CHECK_OK(make(1, 4, "c", 0, 4, 0));
	is("cyx", (const uint64_t[]){4, 20, 30});
	refused(8, 3, "cz", 2, "3 colors, which are the channels");
}

static void test_errors(void)
{
	refused(24, 1, "tcz", 3, "size-t or omezarr:size-z is needed");
	refused(25, 1, "cz", 3, "25 images cannot be divided by 3");
	refused(2, 1, "cz", 3, "2 images cannot be divided by 3");
	refused(2, 1, "", 0, "there must be 1 images, found 2");
	refused(4, 1, "c", 3, "there must be 3 images, found 4");
	CHECK_CODE(OZR_BAD_ARG, make(4, 1, "tz", UINT64_MAX / 2, 0, 3));
	CHECK(strstr(err.msg, "overflow"));
}

static void test_restored(void)
{
	const struct restored r = {2, "tc", {2, 3, 0}, {1, 1, 0}};
	const struct listed list = {6, 30, 20, 1};
	struct write_options o = {0};

	CHECK_OK(layout_make(&list, &o, &r, 0, &l, &err));
	is("tcyx", (const uint64_t[]){2, 3, 20, 30});
	o.has_axes = 1; /* the user's word is more */
	(void)snprintf(o.axes, sizeof(o.axes), "z");
	CHECK_OK(layout_make(&list, &o, &r, 0, &l, &err));
	is("zyx", (const uint64_t[]){6, 20, 30});
}

/* Channels of one plane, and a store that is to grow. */
static void test_restored_stack(void)
{
	const struct restored r = {1, "c", {0, 3, 0}, {0, 1, 0}};
	const struct listed list = {3, 30, 20, 1};
	const struct write_options o = {0};

	CHECK_OK(layout_make(&list, &o, &r, 1, &l, &err));
	is("czyx", (const uint64_t[]){3, 1, 20, 30});
	CHECK(l.weight[0] == 1);
	CHECK_OK(layout_make(&list, &o, &r, 0, &l, &err));
	is("cyx", (const uint64_t[]){3, 20, 30});
}

static void test_growing(void)
{
	CHECK_OK(make(24, 1, "tcz", 2, 3, 0));
	CHECK(growing_axis(l.rank, l.axes) == 0);
	CHECK_OK(make(6, 1, "cz", 0, 3, 0));
	CHECK(growing_axis(l.rank, l.axes) == 1);
	CHECK_OK(make(6, 1, "c", 0, 0, 0));
	CHECK(growing_axis(l.rank, l.axes) == -1);
}

int main(void)
{
	test_defaults();
	test_folding();
	test_colors();
	test_errors();
	test_restored();
	test_restored_stack();
	test_growing();
	return 0;
}
