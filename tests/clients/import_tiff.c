/* SPDX-License-Identifier: MIT */
/*
 * import_tiff TIFF DIR: the first page of a tiled TIFF as a new OME-Zarr image of one level, whose
 * chunks are the tiles. Prints what became of them, and what the library decoded and encoded.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ozr/ozr.h"
#include "ozr/tiff.h"

static void add_axis(struct ozr_image_options *opt, const char *name, uint64_t extent,
		     uint64_t chunk)
{
	const unsigned d = opt->rank++;
	snprintf(opt->axes[d].name, sizeof opt->axes[d].name, "%s", name);
	opt->axes[d].kind = name[0] == 'c' ? OZR_AXIS_CHANNEL : OZR_AXIS_SPACE;
	opt->shape[d] = extent;
	opt->chunk[d] = chunk;
}

/* An image of the page's shape, whose chunks are its tiles. */
static struct ozr_import describe(const struct ozr_tiff_page *p, struct ozr_image_options *opt)
{
	static const unsigned samples_last[] = {1, 2, 0};
	struct ozr_import what = {.channel_axis = -1};
	opt->dtype = p->dtype;
	opt->levels = 1;
	if (p->samples > 1) {
		add_axis(opt, "c", p->samples, p->separate ? 1 : p->samples);
		what.channel_axis = 0;
		if (!p->separate)
			memcpy(opt->order, samples_last, sizeof samples_last);
	}
	what.y_axis = opt->rank;
	add_axis(opt, "y", p->height, p->tile_height);
	what.x_axis = opt->rank;
	add_axis(opt, "x", p->width, p->tile_width);
	return what;
}

static int import(struct ozr_ctx *ctx, struct ozr_tiff *t, const char *dir, struct ozr_err *err)
{
	struct ozr_image_options opt = {0};
	struct ozr_import_stats done = {0};
	struct ozr_image *img = NULL;
	struct ozr_tiff_page page;
	struct ozr_stats stats;
	int rc = ozr_tiff_page(t, 0, 0, &page, err);
	if (rc == OZR_OK)
		rc = ozr_tiff_importable(t, 0, 0, &opt.codec, err);
	if (rc)
		return rc;
	const struct ozr_import what = describe(&page, &opt);
	rc = ozr_image_create_dir(ctx, dir, 0, OZR_FLUSH_NONE, &opt, &img, err);
	if (rc == OZR_OK)
		rc = ozr_tiff_import(t, &what, ozr_image_level(img, 0), NULL, &done, err);
	if (rc == OZR_OK)
		rc = ozr_image_commit(img, NULL, err);
	ozr_image_close(img);
	if (rc)
		return rc;
	ozr_ctx_stats(ctx, &stats);
	printf("tiles %" PRIu64 " inflated %" PRIu64 " recoded %" PRIu64 " missing %" PRIu64
	       " bytes %" PRIu64 "\nchunks_decoded %" PRIu64 " blocks_decoded %" PRIu64
	       " chunks_encoded %" PRIu64 " memory_peak %" PRIu64 "\n",
	       done.tiles, done.inflated, done.recoded, done.missing, done.bytes,
	       stats.chunks_decoded, stats.blocks_decoded, stats.chunks_encoded, stats.memory_peak);
	return OZR_OK;
}

int main(int argc, char **argv)
{
	struct ozr_ctx *ctx = NULL;
	struct ozr_tiff *t = NULL;
	struct ozr_err err = {0};
	if (argc != 3)
		return fprintf(stderr, "usage: import_tiff TIFF DIR\n"), 2;
	int rc = ozr_ctx_new(NULL, &ctx, &err);
	if (rc == OZR_OK)
		rc = ozr_tiff_open_file(ctx, argv[1], &t, &err);
	if (rc == OZR_OK)
		rc = import(ctx, t, argv[2], &err);
	if (rc)
		fprintf(stderr, "import_tiff: %s\n", err.msg);
	ozr_tiff_close(t);
	ozr_ctx_unref(ctx);
	return rc != OZR_OK;
}
