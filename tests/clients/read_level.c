/* SPDX-License-Identifier: MIT */
/*
 * read_level FILE.ozx LEVEL > PIXELS
 *
 * All elements of a level of an image in a zip archive, in C order and the byte order of the host.
 * Nothing is written when one of them cannot be read.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ozr/ozr.h"

static int read_level(struct ozr_image *img, unsigned level, struct ozr_err *err)
{
	struct ozr_array *a = ozr_image_level(img, level);
	struct ozr_array_info info;
	if (!a)
		return ozr_fail(err, OZR_BAD_ARG, "there is no level %u", level);
	ozr_array_get_info(a, &info);
	struct ozr_box box = {.dtype = info.dtype};
	size_t n = ozr_dtype_size(info.dtype);
	for (unsigned d = 0; d < info.rank; d++)
		n *= (size_t)(box.count[d] = info.shape[d]);
	ozr_box_contiguous(&box, info.rank);
	box.data = malloc(n);
	if (!box.data)
		return ozr_fail(err, OZR_NO_MEMORY, "%zu bytes", n);
	int code = ozr_array_read(a, 1, &box, NULL, err);
	if (!code && fwrite(box.data, 1, n, stdout) != n)
		code = ozr_fail(err, OZR_IO, "cannot write the pixels");
	free(box.data);
	return code;
}

int main(int argc, char **argv)
{
	struct ozr_ctx *ctx = NULL;
	struct ozr_store *zip = NULL;
	struct ozr_image *img = NULL;
	struct ozr_err err;
	if (argc != 3) {
		fprintf(stderr, "usage: %s FILE.ozx LEVEL\n", argv[0]);
		return 2;
	}
	int code = ozr_ctx_new(NULL, &ctx, &err);
	if (!code)
		code = ozr_store_open_zip_file(ctx, argv[1], OZR_READ, &zip, &err);
	if (!code)
		code = ozr_image_open(zip, "", OZR_READ, &img, &err);
	if (!code)
		code = read_level(img, (unsigned)strtoul(argv[2], NULL, 10), &err);
	if (code)
		fprintf(stderr, "%s\n", err.msg);
	ozr_image_close(img);
	ozr_store_unref(zip);
	ozr_ctx_unref(ctx);
	return code ? 1 : 0;
}
