/* SPDX-License-Identifier: MIT */
/*
 * What the pages of a twin are: how axes, levels and chunks of an image become
 * pages, SubIFDs and tiles, and whether they can. Pure functions, but for
 * ozr_twin_shape().
 *
 * Tiles are numbered through all levels: those of a level one after the other,
 * there page by page, plane by plane, row by row, as TileOffsets has them.
 */
#ifndef OZR_TWIN_GEOMETRY_H
#define OZR_TWIN_GEOMETRY_H

#include "ozr/twin.h"

enum {
	OZR_TWIN_LEVELS_MOST = 40,       /* 2^40 pixels a side */
	OZR_TWIN_PAGES_MOST = 1048575,   /* what libtiff 4.5 and later walk through */
	OZR_TWIN_PAGES_OLD = 65535,      /* what older ones do */
	OZR_TWIN_TILES_MOST = 268435455, /* of an IFD: libtiff takes arrays of up to 2 GiB */
	OZR_TWIN_SIDE_SAFE = INT32_MAX   /* pixels; TIFF itself goes to UINT32_MAX */
};

/* What an image is, as far as it matters here. */
struct ozr_twin_shape {
	unsigned rank, levels;
	enum ozr_dtype dtype;
	struct ozr_axis axes[OZR_MAX_RANK];
	uint64_t shape[OZR_TWIN_LEVELS_MOST][OZR_MAX_RANK];
	uint64_t chunk[OZR_TWIN_LEVELS_MOST][OZR_MAX_RANK];
	uint64_t shard[OZR_TWIN_LEVELS_MOST][OZR_MAX_RANK];
	unsigned order[OZR_MAX_RANK]; /* of the axes in a chunk, slowest first */
	const char *codec;
	int plain; /* a chunk's bytes are a tile's: one codec, little endian */
};
/* shape.c: what img is; of `levels` levels only (0: all). *first: level 0, which must outlive out.
 * OZR_UNSUPPORTED when levels are stored each in another way. */
int ozr_twin_shape(struct ozr_image *img, unsigned levels, struct ozr_twin_shape *out,
		   struct ozr_array_info *first, struct ozr_err *err) OZR_MUST_CHECK;

struct ozr_twin_level {
	uint64_t width, height;
	uint64_t across, down;        /* tiles of a plane */
	uint64_t per_page;            /* tiles of all planes of a page */
	uint64_t first;               /* number of its first tile */
	uint64_t inner[OZR_MAX_RANK]; /* chunks of a shard */
};

struct ozr_twin_geometry {
	enum ozr_dtype dtype;
	unsigned rank, levels;
	int t, c, z; /* axes, or -1 */
	unsigned y, x;
	enum ozr_twin_samples samples; /* not AUTO */
	unsigned per_pixel;            /* samples of a pixel in a page */
	uint64_t frames, channels, slices;
	uint64_t pages, tiles;
	uint64_t tile_width, tile_height, tile_elements;
	unsigned compression; /* TIFF's number */
	struct ozr_twin_level level[OZR_TWIN_LEVELS_MOST];
};

/* Which axes are t, c, z, y, x: OZR_UNSUPPORTED when there are others. */
int ozr_twin_axes(unsigned rank, const struct ozr_axis *axes, struct ozr_twin_geometry *out,
		  struct ozr_err *err) OZR_MUST_CHECK;
/* samples AUTO: what the chunks are made for. OZR_UNSUPPORTED says what does not go. */
int ozr_twin_geometry(const struct ozr_twin_shape *s, enum ozr_twin_samples samples,
		      struct ozr_twin_geometry *out, struct ozr_err *err) OZR_MUST_CHECK;
/* The number of the tile that a chunk is. The chunk lies in the array. */
uint64_t ozr_twin_tile(const struct ozr_twin_geometry *g, unsigned level, const uint64_t *chunk);
/* The other way round: the chunk of a page's i-th tile. */
void ozr_twin_chunk(const struct ozr_twin_geometry *g, unsigned level, uint64_t page, uint64_t i,
		    uint64_t *chunk);

/* Are the first channels red, green and blue? */
int ozr_twin_is_rgb(const struct ozr_channel *channel, unsigned channels);

#endif
