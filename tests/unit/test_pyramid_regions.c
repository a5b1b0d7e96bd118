/* SPDX-License-Identifier: MIT */
/*
 * Refreshing many regions at once: random regions that touch, overlap and lie
 * apart give what refreshing everything gives, each shard is written once, and
 * single steps by parts make the same levels.
 */
#include "ozr/pyramid.h"
#include "support/check.h"

enum { SIDE = 200, DEPTH = 12, LEVELS = 4 };

static struct ozr_err err;
static uint64_t state = 12345;

static uint64_t draw(uint64_t n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (state >> 33) % n;
}

static struct ozr_image *create(struct ozr_ctx *ctx, const char *dir)
{
	struct ozr_image_options opt = {.dtype = OZR_UINT16,
					.rank = 3,
					.shape = {DEPTH, SIDE, SIDE},
					.chunk = {4, 16, 16},
					.shard = {4, 32, 32},
					.levels = LEVELS};
	static const char *const names[] = {"z", "y", "x"};
	struct ozr_image *img;
	for (int d = 0; d < 3; d++) {
		strcpy(opt.axes[d].name, names[d]);
		opt.axes[d].kind = OZR_AXIS_SPACE;
	}
	CHECK_OK(ozr_image_create_dir(ctx, dir, 0, OZR_FLUSH_NONE, &opt, &img, &err));
	return img;
}

static void read_level(struct ozr_image *img, unsigned level, uint16_t *out, size_t *n)
{
	struct ozr_array_info info;
	struct ozr_box b = {.dtype = OZR_UINT16, .data = out};
	ozr_array_get_info(ozr_image_level(img, level), &info);
	*n = 1;
	for (unsigned d = 0; d < 3; d++) {
		b.count[d] = info.shape[d];
		*n *= info.shape[d];
	}
	ozr_box_contiguous(&b, 3);
	CHECK_OK(ozr_array_read(ozr_image_level(img, level), 1, &b, NULL, &err));
}

static void expect_equal(struct ozr_image *a, struct ozr_image *b)
{
	static uint16_t x[DEPTH * SIDE * SIDE], y[DEPTH * SIDE * SIDE];
	size_t n, m;
	for (unsigned i = 0; i < LEVELS; i++) {
		read_level(a, i, x, &n);
		read_level(b, i, y, &m);
		CHECK(n == m && memcmp(x, y, n * sizeof(x[0])) == 0);
	}
}

static void write_region(struct ozr_image *img, const struct ozr_region *r, uint64_t seed)
{
	static uint16_t values[DEPTH * SIDE * SIDE];
	struct ozr_box b = {.dtype = OZR_UINT16, .data = values};
	memcpy(b.start, r->start, sizeof(b.start));
	memcpy(b.count, r->count, sizeof(b.count));
	ozr_box_contiguous(&b, 3);
	for (uint64_t i = 0; i < r->count[0] * r->count[1] * r->count[2]; i++)
		values[i] = (uint16_t)((i + seed) * 2654435761u >> 16);
	CHECK_OK(ozr_array_write(ozr_image_level(img, 0), 1, &b, NULL, &err));
}

static struct ozr_region random_region(void)
{
	static const uint64_t extent[] = {DEPTH, SIDE, SIDE};
	struct ozr_region r = {{0}, {0}};
	for (unsigned d = 0; d < 3; d++) {
		r.start[d] = draw(extent[d]);
		uint64_t most = extent[d] - r.start[d];
		r.count[d] = draw(most < 40 ? most : 40) + 1;
	}
	return r;
}

static void check_random(struct ozr_image *parts, struct ozr_image *all, size_t budget)
{
	struct ozr_region region[40];
	struct ozr_call call = {.budget = budget};
	size_t n = draw(39) + 1;
	for (size_t i = 0; i < n; i++) {
		region[i] = random_region();
		write_region(parts, &region[i], state);
		write_region(all, &region[i], state);
	}
	CHECK_OK(ozr_pyramid_refresh_regions(parts, 0, 0, n, region, &call, &err));
	CHECK_OK(ozr_pyramid_refresh(all, 0, NULL, NULL, NULL, &err));
	expect_equal(parts, all);
}

/* One step at a time, each in two halves. */
static void check_steps(struct ozr_image *parts, struct ozr_image *all)
{
	struct ozr_region r = {{0}, {DEPTH, SIDE, SIDE}};
	write_region(parts, &r, 5);
	write_region(all, &r, 5);
	for (unsigned level = 0; level + 1 < LEVELS; level++) {
		struct ozr_array_info info;
		ozr_array_get_info(ozr_image_level(parts, level), &info);
		struct ozr_region half[2] = {{{0}, {0}}, {{0}, {0}}};
		for (unsigned d = 0; d < 3; d++)
			half[0].count[d] = half[1].count[d] = info.shape[d];
		half[0].count[2] = 64 >> level;
		half[1].start[2] = half[0].count[2];
		half[1].count[2] = info.shape[2] - half[0].count[2];
		for (int i = 0; i < 2; i++)
			CHECK_OK(ozr_pyramid_refresh_regions(parts, level, level + 1, 1, &half[i],
							     NULL, &err));
	}
	CHECK_OK(ozr_pyramid_refresh(all, 0, NULL, NULL, NULL, &err));
	expect_equal(parts, all);
}

static void check_arguments(struct ozr_image *img)
{
	struct ozr_region out = {{0, 0, SIDE}, {1, 1, 1}}, none = {{0, 0, SIDE}, {1, 1, 0}};
	CHECK_CODE(OZR_BAD_ARG, ozr_pyramid_refresh_regions(img, 0, 0, 1, &out, NULL, &err));
	CHECK_CODE(OZR_BAD_ARG, ozr_pyramid_refresh_regions(img, 9, 0, 1, &none, NULL, &err));
	CHECK_OK(ozr_pyramid_refresh_regions(img, 0, 0, 1, &none, NULL, &err));
	CHECK_OK(ozr_pyramid_refresh_regions(img, 0, 0, 0, NULL, NULL, &err));
}

int main(void)
{
	static const size_t budgets[] = {0, 1, 300000};
	struct ozr_ctx_options co = {.threads = 3};
	struct ozr_ctx *ctx;
	char dir[PATH_MAX], a[PATH_MAX + 8], b[PATH_MAX + 8];
	temp_dir(dir);
	snprintf(a, sizeof(a), "%s/a", dir);
	snprintf(b, sizeof(b), "%s/b", dir);
	CHECK_OK(ozr_ctx_new(&co, &ctx, &err));
	struct ozr_image *parts = create(ctx, a), *all = create(ctx, b);
	for (int i = 0; i < 12; i++)
		check_random(parts, all, budgets[i % 3]);
	check_steps(parts, all);
	check_arguments(parts);
	ozr_image_close(parts);
	ozr_image_close(all);
	ozr_ctx_unref(ctx);
	remove_tree(dir);
	return 0;
}
