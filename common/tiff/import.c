/* SPDX-License-Identifier: MIT */
/*
 * Which pages can be imported, and into which arrays: a tile must be, element
 * for element and byte for byte, what a chunk of the array decodes to, and its
 * compression one that a codec of ours can read.
 */
#include "tiff/import.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/ckd.h"
#include "base/ctx.h"

static const char *compression_name(unsigned compression)
{
	static const struct {
		unsigned number;
		const char *name;
	} names[] = {{1, "none"},          {2, "CCITT RLE"},     {3, "CCITT fax 3"},
		     {4, "CCITT fax 4"},   {5, "LZW"},           {6, "old JPEG"},
		     {7, "JPEG"},          {8, "deflate"},       {32773, "PackBits"},
		     {32946, "deflate"},   {33003, "JPEG 2000"}, {33005, "JPEG 2000"},
		     {34712, "JPEG 2000"}, {34887, "LERC"},      {34925, "LZMA"},
		     {50000, "zstd"},      {50001, "WebP"},      {50002, "JPEG XL"}};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].number == compression)
			return names[i].name;
	return "of an unknown kind";
}

static int codec_of(const struct ozr_tiff_page *p, struct ozr_codec_options *codec,
		    struct ozr_err *err)
{
	memset(codec, 0, sizeof(*codec));
	switch (p->compression) {
	case OZR_TIFF_NONE:
		memcpy(codec->codec, "none", sizeof("none"));
		return OZR_OK;
	case OZR_TIFF_ZSTD:
		memcpy(codec->codec, "zstd", sizeof("zstd"));
		codec->no_checksum = 1; /* libtiff writes frames without */
		return OZR_OK;
	case OZR_TIFF_DEFLATE:
	case OZR_TIFF_OLD_DEFLATE:
		memcpy(codec->codec, "gzip", sizeof("gzip"));
		return OZR_OK;
	default:
		return ozr_fail(err, OZR_UNSUPPORTED,
				"compression %u (%s): no codec of Zarr reads it", p->compression,
				compression_name(p->compression));
	}
}

/* What the numbers of the pixels mean is the caller's matter, but they must be there. */
static int is_plain(unsigned photometric)
{
	const unsigned last = 3, cmyk = 5, cfa = 32803; /* 0 to 3: gray, RGB, palette */
	return photometric <= last || photometric == cmyk || photometric == cfa;
}

static int check_depth(struct ozr_tiff *t, size_t page, unsigned sub, struct ozr_err *err)
{
	static const unsigned tags[] = {OZR_TAG_IMAGE_DEPTH, OZR_TAG_TILE_DEPTH};
	for (int i = 0; i < 2; i++) {
		double depth = 1;
		uint64_t n = 0;
		int rc = ozr_tiff_numbers(t, page, sub, tags[i], &depth, 1, &n, err);
		if (rc == OZR_NOT_FOUND)
			continue;
		if (rc)
			return rc;
		if (n > 0 && !(depth == 1))
			return ozr_fail(err, OZR_UNSUPPORTED, "tiles have a depth of %g", depth);
	}
	return OZR_OK;
}

static int check_page(struct ozr_tiff *t, const struct ozr_tiff_page *p,
		      struct ozr_codec_options *codec, struct ozr_err *err)
{
	if (!p->tiled)
		return ozr_fail(err, OZR_UNSUPPORTED, "it has strips, not tiles");
	if (!p->has_dtype)
		return ozr_fail(err, OZR_UNSUPPORTED,
				"samples of %u bits and format %u are no type of ours, or not all "
				"alike",
				p->bits, p->sample_format);
	int rc = codec_of(p, codec, err);
	if (rc)
		return rc;
	if (ozr_tiff_is_big_endian(t) && ozr_dtype_size(p->dtype) > 1)
		return ozr_fail(err, OZR_UNSUPPORTED, "samples are big endian");
	if (p->predictor > 1)
		return ozr_fail(err, OZR_UNSUPPORTED, "predictor %u", p->predictor);
	if (p->fill_order != 1)
		return ozr_fail(err, OZR_UNSUPPORTED, "FillOrder %u", p->fill_order);
	if (!is_plain(p->photometric))
		return ozr_fail(err, OZR_UNSUPPORTED,
				"PhotometricInterpretation %u%s: pixels are not as they are shown",
				p->photometric, p->photometric == 6 ? " (YCbCr)" : "");
	return OZR_OK;
}

int ozr_tiff_importable(struct ozr_tiff *t, size_t page, unsigned sub,
			struct ozr_codec_options *codec, struct ozr_err *err)
{
	struct ozr_codec_options found;
	struct ozr_tiff_page p;

	ozr_ctx_enter(t->ctx);
	int rc = ozr_tiff_page(t, page, sub, &p, err);
	if (rc)
		return rc;
	rc = check_page(t, &p, &found, err);
	if (rc == OZR_OK)
		rc = check_depth(t, page, sub, err);
	if (rc)
		return ozr_tiff_context(t, p.offset, rc, err);
	*codec = found;
	return OZR_OK;
}

/* --- the array ----------------------------------------------------------------------------- */

static int need(const char *what, uint64_t found, uint64_t wanted, struct ozr_err *err)
{
	return ozr_fail(err, OZR_BAD_ARG,
			"import: %s of the array is %" PRIu64 ", must be %" PRIu64, what, found,
			wanted);
}

static int check_axes(const struct ozr_import *w, unsigned rank, unsigned samples,
		      struct ozr_err *err)
{
	if (w->y_axis >= rank || w->x_axis >= rank || w->y_axis == w->x_axis ||
	    w->channel_axis < -1 || w->channel_axis >= (int)rank ||
	    w->channel_axis == (int)w->y_axis || w->channel_axis == (int)w->x_axis)
		return ozr_fail(err, OZR_BAD_ARG,
				"import: y, x and channel axis are %u, %u and %d in an array of "
				"rank %u",
				w->y_axis, w->x_axis, w->channel_axis, rank);
	if (w->channel_axis < 0 && samples > 1)
		return ozr_fail(err, OZR_BAD_ARG, "import: %u samples need a channel axis",
				samples);
	return OZR_OK;
}

/* Extent, chunk and place along one axis. */
static int check_axis(const struct ozr_importing *im, unsigned d, struct ozr_err *err)
{
	const struct ozr_tiff_page *p = &im->page;
	const uint64_t shape = im->info.shape[d], chunk = im->info.chunk[d], at = im->what->at[d];
	const int is_x = d == im->what->x_axis, is_channel = (int)d == im->what->channel_axis;
	char what[32];

	snprintf(what, sizeof(what), "axis %u", d);
	if (is_x || d == im->what->y_axis) {
		const uint64_t tile = is_x ? p->tile_width : p->tile_height;
		const uint64_t extent = is_x ? p->width : p->height;
		if (at != 0)
			return ozr_fail(err, OZR_BAD_ARG,
					"import: axis %u begins at %" PRIu64 ", must be at 0", d,
					at);
		if (shape != extent)
			return need(what, shape, extent, err);
		snprintf(what, sizeof(what), "the chunk on axis %u", d);
		return chunk == tile ? OZR_OK : need(what, chunk, tile, err);
	}
	const uint64_t n = is_channel ? p->samples : 1;
	const uint64_t held = is_channel && !p->separate ? p->samples : 1;
	snprintf(what, sizeof(what), "the chunk on axis %u", d);
	if (chunk != held)
		return need(what, chunk, held, err);
	if (at > shape || n > shape - at || at % held != 0)
		return ozr_fail(err, OZR_BAD_ARG,
				"import: axis %u: %" PRIu64 " elements from %" PRIu64
				" on, of an extent of %" PRIu64,
				d, n, at, shape);
	return OZR_OK;
}

/* The order of elements in a chunk: y, x, then the samples of a pixel. */
static int check_order(const struct ozr_importing *im, struct ozr_err *err)
{
	const uint64_t *stride = im->encoding.mem_stride;
	const uint64_t pixel = im->page.separate ? 1 : im->page.samples;
	const struct ozr_import *w = im->what;

	if (pixel > 1 && stride[w->channel_axis] != 1)
		return ozr_fail(err, OZR_BAD_ARG,
				"import: samples of a pixel lie %" PRIu64
				" elements apart in a chunk, must be 1 (the transpose codec)",
				stride[w->channel_axis]);
	if ((im->page.tile_width > 1 && stride[w->x_axis] != pixel) ||
	    (im->page.tile_height > 1 && stride[w->y_axis] != pixel * im->page.tile_width))
		return ozr_fail(err, OZR_BAD_ARG,
				"import: pixels of a chunk are in another order than in a tile");
	return OZR_OK;
}

static int check_encoding(const struct ozr_importing *im, const struct ozr_codec_options *codec,
			  struct ozr_err *err)
{
	const struct ozr_encoding *e = &im->encoding;
	static const char *const names[] = {"none", "zstd", "gzip"};

	if (strcmp(names[e->kind], codec->codec) != 0)
		return ozr_fail(err, OZR_BAD_ARG,
				"import: the codec of the array is %s, must be %s", names[e->kind],
				codec->codec);
	if (e->checksum)
		return ozr_fail(err, OZR_BAD_ARG,
				"import: zstd of the array promises checksums, which frames in a "
				"TIFF do not have");
	if (e->big_endian && ozr_dtype_size(im->page.dtype) > 1)
		return ozr_fail(err, OZR_BAD_ARG, "import: the array is big endian");
	return OZR_OK;
}

static int check_array(struct ozr_importing *im, const struct ozr_codec_options *codec,
		       struct ozr_err *err)
{
	ozr_array_get_info(im->a, &im->info);
	int rc = check_axes(im->what, im->info.rank, im->page.samples, err);
	if (rc == OZR_OK && im->info.dtype != im->page.dtype)
		rc = ozr_fail(err, OZR_BAD_ARG, "import: the array is %s, the page %s",
			      ozr_dtype_name(im->info.dtype), ozr_dtype_name(im->page.dtype));
	for (unsigned d = 0; rc == OZR_OK && d < im->info.rank; d++)
		rc = check_axis(im, d, err);
	if (rc == OZR_OK)
		rc = ozr_array_encoding(im->a, &im->encoding, err);
	if (rc == OZR_OK)
		rc = check_encoding(im, codec, err);
	return rc ? rc : check_order(im, err);
}

static void add_stats(const struct ozr_importing *im, struct ozr_import_stats *stats)
{
	if (!stats)
		return;
	stats->tiles += atomic_load(&im->tiles);
	stats->inflated += atomic_load(&im->inflated);
	stats->recoded += atomic_load(&im->recoded);
	stats->missing += atomic_load(&im->missing);
	stats->bytes += atomic_load(&im->written);
}

int ozr_tiff_import(struct ozr_tiff *t, const struct ozr_import *what, struct ozr_array *a,
		    const struct ozr_call *call, struct ozr_import_stats *stats,
		    struct ozr_err *err)
{
	struct ozr_importing im = {.t = t, .a = a, .what = what, .call = call};
	struct ozr_codec_options codec;

	int rc = ozr_tiff_importable(t, what->page, what->sub, &codec, err);
	if (rc == OZR_OK)
		rc = ozr_tiff_page(t, what->page, what->sub, &im.page, err);
	if (rc)
		return rc;
	im.inner.budget = call ? call->budget : 0;
	im.inner.threads = 1;
	im.across = ozr_ceil_div(im.page.width, im.page.tile_width);
	im.down = ozr_ceil_div(im.page.height, im.page.tile_height);
	im.planes = im.page.separate ? im.page.samples : 1;
	rc = check_array(&im, &codec, err);
	if (rc == OZR_OK) {
		im.bytes = im.encoding.elements * ozr_dtype_size(im.page.dtype);
		rc = ozr_import_walk(&im, err);
	}
	add_stats(&im, stats);
	return rc ? ozr_tiff_context(t, im.page.offset, rc, err) : OZR_OK;
}
