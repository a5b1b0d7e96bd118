/* SPDX-License-Identifier: MIT */
/*
 * chunk_offsets DIR: for a tool that serves byte ranges. Prints file, offset and size of every
 * stored inner chunk of level 0; the sizes of one file's chunks and its index add up to the file.
 */
#include <inttypes.h>
#include <stdio.h>

#include "ozr/ozr.h"

/* The next chunk in C order; 0 after the last. */
static int next(uint64_t *chunk, const struct ozr_array_info *info)
{
	for (unsigned d = info->rank; d-- > 0;) {
		if (++chunk[d] * info->chunk[d] < info->shape[d])
			return 1;
		chunk[d] = 0;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct ozr_ctx *ctx = NULL;
	struct ozr_image *img = NULL;
	struct ozr_array_info info;
	struct ozr_err err = {0};
	uint64_t chunk[OZR_MAX_RANK] = {0}, offset, size;
	char key[1100];
	if (argc != 2)
		return fprintf(stderr, "usage: chunk_offsets DIR\n"), 2;
	if (ozr_ctx_new(NULL, &ctx, &err) ||
	    ozr_image_open_dir(ctx, argv[1], "", OZR_READ, &img, &err))
		return fprintf(stderr, "chunk_offsets: %s\n", err.msg), 1;
	struct ozr_array *level0 = ozr_image_level(img, 0);
	ozr_array_get_info(level0, &info);
	do {
		int code = ozr_array_locate(level0, chunk, key, &offset, &size, &err);
		if (code == OZR_OK)
			printf("%s %" PRIu64 " %" PRIu64 "\n", key, offset, size);
		else if (code != OZR_NOT_FOUND)
			return fprintf(stderr, "chunk_offsets: %s\n", err.msg), 1;
	} while (next(chunk, &info));
	ozr_image_close(img);
	ozr_ctx_unref(ctx);
	return 0;
}
