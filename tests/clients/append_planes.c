/* SPDX-License-Identifier: MIT */
/*
 * append_planes DIR N: a camera that does not know how many planes will come. The first plane
 * makes the image, each further one extends it along z; the levels above follow.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ozr/ozr.h"

enum { SIDE = 300 };

static int fail(const struct ozr_err *err)
{
	fprintf(stderr, "append_planes: %s\n", err->msg);
	return 1;
}

static struct ozr_box plane(uint64_t z, uint16_t *pixels)
{
	struct ozr_box box = {
		.start = {z, 0, 0}, .count = {1, SIDE, SIDE}, .data = pixels, .dtype = OZR_UINT16};
	ozr_box_contiguous(&box, 3);
	for (size_t i = 0; i < (size_t)SIDE * SIDE; i++)
		pixels[i] = (uint16_t)(z * 1000 + i % SIDE + i / SIDE);
	return box;
}

int main(int argc, char **argv)
{
	static uint16_t pixels[SIDE * SIDE];
	static const unsigned factors[3] = {1, 2, 2}; /* z is not reduced: planes come one by one */
	struct ozr_image_options opt = {.dtype = OZR_UINT16,
					.rank = 3,
					.shape = {1, SIDE, SIDE},
					.axes = {{"z", OZR_AXIS_SPACE, "micrometer"},
						 {"y", OZR_AXIS_SPACE, "micrometer"},
						 {"x", OZR_AXIS_SPACE, "micrometer"}},
					.chunk = {1, 128, 128},
					.shard = {1, 256, 256},
					.levels = 2,
					.factors = factors,
					.factor_sets = 1};
	struct ozr_ctx *ctx = NULL;
	struct ozr_image *img = NULL;
	struct ozr_err err = {0};
	if (argc != 3)
		return fprintf(stderr, "usage: append_planes DIR N\n"), 2;
	struct ozr_box box = plane(0, pixels);
	if (ozr_ctx_new(NULL, &ctx, &err) ||
	    ozr_image_create_dir(ctx, argv[1], 0, OZR_FLUSH_NONE, &opt, &img, &err) ||
	    ozr_pyramid_push(img, &box, NULL, &err) || ozr_pyramid_finish(img, NULL, &err) ||
	    ozr_image_commit(img, NULL, &err))
		return fail(&err);
	ozr_image_close(img);
	if (ozr_image_open_dir(ctx, argv[1], "", OZR_UPDATE, &img, &err))
		return fail(&err);
	for (uint64_t z = 1; z < strtoull(argv[2], NULL, 10); z++) {
		box = plane(z, pixels);
		if (ozr_pyramid_extend(img, 0, &box, NULL, &err))
			return fail(&err);
	}
	ozr_image_close(img);
	ozr_ctx_unref(ctx);
	return 0;
}
