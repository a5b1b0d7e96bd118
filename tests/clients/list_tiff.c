/* SPDX-License-Identifier: MIT */
/*
 * list_tiff FILE.tif
 *
 * What the library's TIFF reader finds: a line for the file, then for each page and each of its
 * SubIFDs a line with its fields and one with offset and size of each tile. As JSON, a list.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ozr/ozr.h"

static int list_tiles(struct ozr_tiff *t, size_t page, unsigned sub, uint64_t tiles,
		      struct ozr_err *err)
{
	enum { SOME = 100 };
	struct ozr_range tile[SOME];
	int code = OZR_OK;
	for (uint64_t i = 0; i < tiles && !code; i += SOME) {
		const size_t n = tiles - i < SOME ? (size_t)(tiles - i) : SOME;
		code = ozr_tiff_tiles(t, page, sub, i, n, tile, err);
		for (size_t k = 0; k < n && !code; k++)
			printf("%s[%llu, %llu]", i + k ? ", " : "",
			       (unsigned long long)tile[k].offset,
			       (unsigned long long)tile[k].length);
	}
	return code;
}

static int list_page(struct ozr_tiff *t, size_t page, unsigned sub, struct ozr_err *err)
{
	struct ozr_tiff_page p;
	int code = ozr_tiff_page(t, page, sub, &p, err);
	if (code)
		return code;
	printf(",\n{\"page\": %zu, \"sub\": %u, \"offset\": %llu, \"width\": %llu, \"height\": "
	       "%llu, \"tile_width\": %llu, \"tile_height\": %llu, \"tiled\": %d, \"samples\": %u, "
	       "\"separate\": %d, \"dtype\": \"%s\", \"bits\": %u, \"format\": %u, "
	       "\"compression\": %u, \"predictor\": %u, \"photometric\": %u, \"alpha\": %u, "
	       "\"subfile\": %u, \"subifds\": %u,\n \"tiles\": [",
	       page, sub, (unsigned long long)p.offset, (unsigned long long)p.width,
	       (unsigned long long)p.height, (unsigned long long)p.tile_width,
	       (unsigned long long)p.tile_height, p.tiled, p.samples, p.separate,
	       p.has_dtype ? ozr_dtype_name(p.dtype) : "", p.bits, p.sample_format, p.compression,
	       p.predictor, p.photometric, p.alpha, (unsigned)p.subfile, p.subifds);
	code = list_tiles(t, page, sub, p.tiles, err);
	printf("]}");
	for (unsigned s = 1; sub == 0 && s <= p.subifds && !code; s++)
		code = list_page(t, page, s, err);
	return code;
}

int main(int argc, char **argv)
{
	struct ozr_ctx *ctx = NULL;
	struct ozr_tiff *t = NULL;
	struct ozr_err err;
	if (argc != 2) {
		fprintf(stderr, "usage: %s FILE.tif\n", argv[0]);
		return 2;
	}
	int code = ozr_ctx_new(NULL, &ctx, &err);
	if (!code)
		code = ozr_tiff_open_file(ctx, argv[1], &t, &err);
	if (!code)
		printf("[{\"big\": %d, \"big_endian\": %d, \"pages\": %zu}", ozr_tiff_is_big(t),
		       ozr_tiff_is_big_endian(t), ozr_tiff_pages(t));
	for (size_t i = 0; !code && i < ozr_tiff_pages(t); i++)
		code = list_page(t, i, 0, &err);
	printf("]\n");
	if (code)
		fprintf(stderr, "%s\n", err.msg);
	ozr_tiff_close(t);
	ozr_ctx_unref(ctx);
	return code ? 1 : 0;
}
