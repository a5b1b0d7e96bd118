/* SPDX-License-Identifier: MIT */
/*
 * What an archive costs over a folder, and a twin over an archive: the same
 * volume with the same chunks, codec and levels, written as one of them.
 *
 *   twin_bench folder|ozx|twin OUT PIXELS Z Y X CODEC
 *
 * PIXELS: raw uint16, C order. Prints seconds from the first call to what is
 * published, and the peak of memory in MiB.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "ozr/ozr.h"

struct volume {
	int fd;
	uint64_t shape[3];
};

/* Whole rows of a plane at once where the box has them so. */
static int read_box(void *user, const struct ozr_box *box, struct ozr_err *err)
{
	const struct volume *v = user;
	int64_t row = (int64_t)box->count[2] * 2;
	uint64_t whole = box->count[2] == v->shape[2] && box->stride[1] == row;
	uint64_t rows = whole ? box->count[1] : 1;
	for (uint64_t z = 0; z < box->count[0]; z++)
		for (uint64_t y = 0; y < box->count[1]; y += rows) {
			uint64_t at = ((box->start[0] + z) * v->shape[1] + box->start[1] + y) *
					      v->shape[2] +
				      box->start[2];
			char *to = (char *)box->data + (int64_t)z * box->stride[0] +
				   (int64_t)y * box->stride[1];
			ssize_t want = (ssize_t)rows * row;
			if (pread(v->fd, to, (size_t)want, (off_t)at * 2) != want) {
				snprintf(err->msg, sizeof(err->msg), "too few pixels");
				return OZR_IO;
			}
		}
	return OZR_OK;
}

static struct ozr_image_options volume_options(const struct volume *v, const char *codec)
{
	struct ozr_image_options opt = {.dtype = OZR_UINT16, .rank = 3};
	for (unsigned d = 0; d < 3; d++) {
		opt.shape[d] = v->shape[d];
		opt.axes[d].name[0] = "zyx"[d];
		opt.axes[d].kind = OZR_AXIS_SPACE;
	}
	snprintf(opt.codec.codec, sizeof(opt.codec.codec), "%s", codec);
	return opt;
}

static int write_folder(struct ozr_ctx *ctx, const char *out, const struct ozr_image_options *opt,
			const struct ozr_source *src, struct ozr_err *err)
{
	struct ozr_image *img = NULL;
	int code = ozr_image_create_dir(ctx, out, 0, OZR_FLUSH_NONE, opt, &img, err);
	if (!code)
		code = ozr_pyramid_pull(img, src, NULL, err);
	if (!code)
		code = ozr_image_commit(img, NULL, err);
	ozr_image_close(img);
	return code;
}

static int write_zip(struct ozr_ctx *ctx, const char *out, const struct ozr_image_options *opt,
		     const struct ozr_source *src, int is_twin, struct ozr_err *err)
{
	const struct ozr_zip_options how = {.head = is_twin ? OZR_TWIN_HEAD : 0};
	const struct ozr_twin_options pages = {.samples = OZR_TWIN_PAGES};
	struct ozr_store *zip = NULL;
	struct ozr_image *img = NULL;
	struct ozr_twin *twin = NULL;
	int code = ozr_zip_create_file(ctx, out, &how, OZR_FLUSH_NONE, &zip, err);
	if (!code)
		code = ozr_image_create(zip, "", OZR_CREATE_DIRECT, opt, &img, err);
	if (!code && is_twin)
		code = ozr_twin_begin(zip, img, &pages, &twin, err);
	if (!code)
		code = ozr_pyramid_pull(img, src, NULL, err);
	if (!code)
		code = ozr_image_commit(img, NULL, err);
	if (!code && is_twin)
		code = ozr_twin_finish(twin, NULL, err);
	if (!code)
		code = ozr_zip_commit(zip, err);
	ozr_twin_free(twin);
	ozr_image_close(img);
	ozr_store_unref(zip);
	return code;
}

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
	struct volume v = {0};
	struct ozr_err err = {0};
	struct ozr_twin_storage storage;
	const struct ozr_twin_options pages = {.samples = OZR_TWIN_PAGES};
	struct ozr_ctx *ctx = NULL;
	struct rusage use;
	if (argc != 8)
		return fprintf(stderr,
			       "usage: twin_bench folder|ozx|twin OUT PIXELS Z Y X CODEC\n"),
		       2;
	for (int d = 0; d < 3; d++)
		v.shape[d] = strtoull(argv[4 + d], NULL, 10);
	v.fd = open(argv[3], O_RDONLY);
	if (v.fd < 0)
		return perror(argv[3]), 1;
	struct ozr_source src = {
		.user = &v, .read = read_box, .block = {1, v.shape[1], v.shape[2]}};
	struct ozr_image_options opt = volume_options(&v, argv[7]);
	double start = seconds();
	int code = ozr_twin_complete(&opt, &pages, &storage, &err);
	if (!code)
		code = ozr_ctx_new(NULL, &ctx, &err);
	if (!code)
		code = strcmp(argv[1], "folder") == 0
			       ? write_folder(ctx, argv[2], &opt, &src, &err)
			       : write_zip(ctx, argv[2], &opt, &src, strcmp(argv[1], "twin") == 0,
					   &err);
	if (code)
		return fprintf(stderr, "twin_bench: %s\n", err.msg), 1;
	double taken = seconds() - start;
	ozr_ctx_unref(ctx);
	getrusage(RUSAGE_SELF, &use);
	printf("%.4f %ld\n", taken, use.ru_maxrss / 1024);
	return 0;
}
