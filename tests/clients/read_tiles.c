/* SPDX-License-Identifier: MIT */
/*
 * read_tiles DIR N: a viewer. Reads N random tiles of 100 x 100 pixels over all levels of what
 * append_planes wrote, as float32, and checks each value.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ozr/ozr.h"

enum { TILE = 100 };

/* Level l is the mean over windows of 2^l x 2^l of z * 1000 + y + x; that is linear, so it is the
 * value at the window's centre, which rounding to even moves by less than 1. */
static int wrong(float value, unsigned level, uint64_t z, uint64_t y, uint64_t x)
{
	double f = (double)(1u << level), centre = (f - 1) / 2;
	double exact = (double)z * 1000 + ((double)y + (double)x) * f + 2 * centre;
	return (double)value < exact - 1 || (double)value > exact + 1;
}

int main(int argc, char **argv)
{
	static float tile[TILE][TILE];
	struct ozr_ctx *ctx = NULL;
	struct ozr_image *img = NULL;
	struct ozr_image_info info;
	struct ozr_err err = {0};
	if (argc != 3)
		return fprintf(stderr, "usage: read_tiles DIR N\n"), 2;
	if (ozr_ctx_new(NULL, &ctx, &err) ||
	    ozr_image_open_dir(ctx, argv[1], "", OZR_READ, &img, &err))
		return fprintf(stderr, "read_tiles: %s\n", err.msg), 1;
	ozr_image_get_info(img, &info);
	srand(1);
	for (long n = strtol(argv[2], NULL, 10); n > 0; n--) {
		struct ozr_array_info level;
		unsigned l = (unsigned)rand() % info.levels;
		struct ozr_array *array = ozr_image_level(img, l);
		ozr_array_get_info(array, &level);
		struct ozr_box box = {.count = {1, TILE, TILE}, .data = tile, .dtype = OZR_FLOAT32};
		for (unsigned d = 0; d < 3; d++)
			box.start[d] = (uint64_t)rand() % (level.shape[d] - box.count[d] + 1);
		ozr_box_contiguous(&box, 3);
		if (ozr_array_read(array, 1, &box, NULL, &err))
			return fprintf(stderr, "read_tiles: %s\n", err.msg), 1;
		for (uint64_t y = 0; y < TILE; y++)
			for (uint64_t x = 0; x < TILE; x++)
				if (wrong(tile[y][x], l, box.start[0], box.start[1] + y,
					  box.start[2] + x))
					return fprintf(stderr, "read_tiles: wrong value\n"), 1;
	}
	ozr_image_close(img);
	ozr_ctx_unref(ctx);
	return 0;
}
