/* SPDX-License-Identifier: MIT */
/*
 * TIFF files, classic and BigTIFF, either byte order, as far as their tiles go:
 * where they lie and how they are encoded, never what their pixels are. And
 * zero-copy import: tiles of a TIFF become chunks of an array without being
 * decoded, where both formats have a codec for the same bytes.
 *
 *   TIFF compression     Zarr codec     what is done to each tile
 *   none (1)             none           copied
 *   zstd (50000)         zstd           the frame's header gets the content size, if it has none
 *   deflate (8, 32946)   gzip           wrapped as gzip, for which it is inflated once (its CRC)
 *
 * The file is hostile until proven otherwise: chains of IFDs that loop, counts
 * that do not fit into the file, and tiles outside of it are errors.
 *
 * Threads: a file may be read from any thread.
 */
#ifndef OZR_TIFF_H
#define OZR_TIFF_H

#include "array.h"

#ifdef __cplusplus
extern "C" {
#ifdef __GNUC__
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow" /* ozr_tiff_page, as stat, is a struct and a function */
#endif
#endif

struct ozr_tiff;

/* One IFD, and what its pixels are stored as. */
struct ozr_tiff_page {
	uint64_t offset; /* of the IFD in the file */
	uint64_t width, height;
	uint64_t tile_width, tile_height; /* strips: the image's width, RowsPerStrip */
	int tiled;
	uint64_t tiles;   /* or strips: as many as the sizes need; of all planes, when separate */
	unsigned samples; /* of a pixel */
	int separate;     /* PlanarConfiguration 2: samples in tiles of their own */
	int has_dtype; /* 0: bits and sample format that are no type of ours, or not one for all */
	enum ozr_dtype dtype;
	unsigned bits, sample_format; /* of the first sample, as in the tags */
	unsigned compression, predictor, photometric, fill_order; /* as in the tags */
	unsigned alpha;   /* 1 + index of the sample that is alpha; 0: none */
	uint32_t subfile; /* NewSubfileType: bit 0 reduced, bit 2 mask */
	unsigned subifds;
};

/* The TIFF at key of a store; keeps one version of it open, and a reference to the store.
 * OZR_BAD_FORMAT when it is none. The whole chain of IFDs is walked; limit: tiff_ifds. */
OZR_API OZR_MUST_CHECK int ozr_tiff_open(struct ozr_store *parent, const char *key,
					 struct ozr_tiff **out, struct ozr_err *err);
OZR_API OZR_MUST_CHECK int ozr_tiff_open_file(struct ozr_ctx *ctx, const char *path,
					      struct ozr_tiff **out, struct ozr_err *err);
OZR_API void ozr_tiff_close(struct ozr_tiff *t);              /* NULL is fine */
OZR_API int ozr_tiff_is_big(const struct ozr_tiff *t);        /* BigTIFF */
OZR_API int ozr_tiff_is_big_endian(const struct ozr_tiff *t); /* "MM" */
OZR_API size_t ozr_tiff_pages(const struct ozr_tiff *t);      /* IFDs of the main chain */
/* sub 0: the page itself; n > 0: its SubIFD n - 1. */
OZR_API OZR_MUST_CHECK int ozr_tiff_page(struct ozr_tiff *t, size_t page, unsigned sub,
					 struct ozr_tiff_page *out, struct ozr_err *err);
/* Where n tiles from `first` on lie, in the order of TileOffsets. Size 0: not stored. */
OZR_API OZR_MUST_CHECK int ozr_tiff_tiles(struct ozr_tiff *t, size_t page, unsigned sub,
					  uint64_t first, size_t n, struct ozr_range *out,
					  struct ozr_err *err);
/* A tag of type ASCII or UNDEFINED or BYTE as bytes with a NUL behind; take. OZR_NOT_FOUND. */
OZR_API OZR_MUST_CHECK int ozr_tiff_text(struct ozr_tiff *t, size_t page, unsigned sub,
					 unsigned tag, char **text, size_t *len,
					 struct ozr_err *err);
/* Any tag of numbers, as doubles: at most n of them into v. *count: how many there are. */
OZR_API OZR_MUST_CHECK int ozr_tiff_numbers(struct ozr_tiff *t, size_t page, unsigned sub,
					    unsigned tag, double *v, size_t n, uint64_t *count,
					    struct ozr_err *err);

/* --- Zero-copy import --------------------------------------------------------- */

/* OZR_UNSUPPORTED, and why, when the tiles of a page cannot be chunks as they are; else codec gets
 * the codec that the array must have. In a pixel-interleaved page the array's chunks hold all samples
 * (order: the channel axis last). */
OZR_API OZR_MUST_CHECK int ozr_tiff_importable(struct ozr_tiff *t, size_t page, unsigned sub,
					       struct ozr_codec_options *codec,
					       struct ozr_err *err);
struct ozr_import_stats {
	uint64_t tiles;    /* that became chunks as they are, or with another header */
	uint64_t inflated; /* of these: gzip's CRC had to be taken from the pixels */
	uint64_t recoded;  /* single tiles that were not what the codec says, and were decoded */
	uint64_t missing;  /* not stored: chunks that are missing too */
	uint64_t bytes;    /* written */
};
/* The tiles of a page become chunks of one plane of a: its axes y_axis and x_axis, and `at` (in
 * elements) on all others; samples go to channel_axis (-1: a page of one sample) from at[channel_axis]
 * on. a: being written, of the page's type and extent, chunks of the tiles' size, the codec of
 * ozr_tiff_importable(), or OZR_BAD_ARG says what is not. Tiles that are not stored read as the
 * array's fill value. The pixels of tiles are not looked at: what is damaged within stays so, and is
 * found by who reads it. Progress goes 0 to 1. stats are added to; NULL is fine. */
struct ozr_import {
	size_t page;
	unsigned sub;
	int channel_axis;
	unsigned y_axis, x_axis;
	uint64_t at[OZR_MAX_RANK];
};
OZR_API OZR_MUST_CHECK int ozr_tiff_import(struct ozr_tiff *t, const struct ozr_import *what,
					   struct ozr_array *a, const struct ozr_call *call,
					   struct ozr_import_stats *stats, struct ozr_err *err);

#ifdef __cplusplus
#ifdef __GNUC__
#pragma GCC diagnostic pop
#endif
}
#endif
#endif
