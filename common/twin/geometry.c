/* SPDX-License-Identifier: MIT */
/*
 * From chunks to tiles: see geometry.h.
 */
#include "twin/geometry.h"

#include <stdio.h>
#include <string.h>

#include "base/ckd.h"
#include "base/ctx.h"
#include "tiff/tags.h"

int ozr_twin_axes(unsigned rank, const struct ozr_axis *axes, struct ozr_twin_geometry *g,
		  struct ozr_err *err)
{
	int *const place[] = {&g->t, &g->c, &g->z};
	static const enum ozr_axis_kind kind[] = {OZR_AXIS_TIME, OZR_AXIS_CHANNEL, OZR_AXIS_SPACE};
	unsigned next = 0;

	g->t = g->c = g->z = -1;
	g->rank = rank;
	if (rank < 2 || rank > 5)
		return ozr_fail(err, OZR_UNSUPPORTED, "%u axes: a twin has 2 to 5", rank);
	for (unsigned d = 0; d < rank; d++) {
		if (d + 2 >= rank) {
			if (axes[d].kind != OZR_AXIS_SPACE)
				return ozr_fail(
					err, OZR_UNSUPPORTED,
					"axis '%s': the last two axes of a twin are y and x",
					axes[d].name);
			continue;
		}
		while (next < 3 && axes[d].kind != kind[next])
			next++;
		if (next == 3)
			return ozr_fail(err, OZR_UNSUPPORTED,
					"axis '%s': a twin has the axes t, c, z, y and x, in that "
					"order",
					axes[d].name);
		*place[next++] = (int)d;
	}
	g->y = rank - 2;
	g->x = rank - 1;
	return OZR_OK;
}

static uint64_t extent(const struct ozr_twin_shape *s, int axis)
{
	return axis < 0 ? 1 : s->shape[0][axis];
}

static uint64_t chunk_extent(const struct ozr_twin_shape *s, int axis)
{
	return axis < 0 ? 1 : s->chunk[0][axis];
}

/* What pages hold: as asked, or as the chunks are. */
static int choose_samples(const struct ozr_twin_shape *s, enum ozr_twin_samples samples,
			  struct ozr_twin_geometry *g, struct ozr_err *err)
{
	if (samples == OZR_TWIN_AUTO)
		samples = chunk_extent(s, g->c) > 1 ? OZR_TWIN_PIXELS : OZR_TWIN_PAGES;
	if ((unsigned)samples > OZR_TWIN_PLANES)
		return ozr_fail(err, OZR_BAD_ARG, "unknown kind of samples %d", (int)samples);
	g->samples = g->channels == 1 ? OZR_TWIN_PAGES : samples;
	if (g->samples == OZR_TWIN_PAGES) {
		g->per_pixel = 1;
		return OZR_OK;
	}
	if (g->channels > UINT16_MAX)
		return ozr_fail(err, OZR_UNSUPPORTED,
				"a pixel of %llu samples: TIFF goes to %u; pages of one channel do",
				(unsigned long long)g->channels, UINT16_MAX);
	g->per_pixel = (unsigned)g->channels;
	return OZR_OK;
}

static int check_codec(const char *codec, struct ozr_twin_geometry *g, struct ozr_err *err)
{
	if (strcmp(codec, "zstd") == 0)
		g->compression = OZR_TIFF_ZSTD;
	else if (strcmp(codec, "none") == 0)
		g->compression = OZR_TIFF_NONE;
	else
		return ozr_fail(err, OZR_UNSUPPORTED,
				"codec '%s': TIFF's readers know 'zstd' and 'none'", codec);
	return OZR_OK;
}

static int check_chunk(const struct ozr_twin_shape *s, const struct ozr_twin_geometry *g,
		       unsigned level, struct ozr_err *err)
{
	for (unsigned d = 0; d < s->rank; d++) {
		uint64_t chunk = s->chunk[level][d], want = 1;
		if (d == g->y || d == g->x) {
			if (chunk % 16 != 0 || chunk == 0 || chunk > UINT32_MAX)
				return ozr_fail(err, OZR_UNSUPPORTED,
						"level %u, axis '%s': a chunk of %llu, a tile's "
						"sides are multiples of 16",
						level, s->axes[d].name, (unsigned long long)chunk);
			want = s->chunk[0][d];
		} else if ((int)d == g->c && g->samples == OZR_TWIN_PIXELS) {
			want = g->channels;
		}
		if (chunk != want)
			return ozr_fail(err, OZR_UNSUPPORTED,
					"level %u, axis '%s': a chunk of %llu, a twin needs %llu",
					level, s->axes[d].name, (unsigned long long)chunk,
					(unsigned long long)want);
	}
	return OZR_OK;
}

/* Elements of a tile: rows, in them pixels, in them samples. Axes of one element do not count. */
static int check_order(const struct ozr_twin_shape *s, const struct ozr_twin_geometry *g,
		       struct ozr_err *err)
{
	unsigned want[3] = {g->y, g->x, 0}, n = 2, found = 0;

	if (g->samples == OZR_TWIN_PIXELS)
		want[n++] = (unsigned)g->c;
	for (unsigned k = 0; k < s->rank; k++) {
		unsigned d = s->order[k];
		if (s->chunk[0][d] == 1)
			continue;
		if (found >= n || want[found] != d)
			return ozr_fail(err, OZR_UNSUPPORTED,
					"the order of the axes in a chunk must be y, x%s",
					n == 3 ? ", c" : "");
		found++;
	}
	return OZR_OK;
}

static int measure_level(const struct ozr_twin_shape *s, unsigned i, struct ozr_twin_geometry *g,
			 struct ozr_err *err)
{
	struct ozr_twin_level *l = &g->level[i];
	uint64_t all;

	l->width = s->shape[i][g->x];
	l->height = s->shape[i][g->y];
	if (l->width > UINT32_MAX || l->height > UINT32_MAX)
		return ozr_fail(err, OZR_UNSUPPORTED, "%llu x %llu pixels: TIFF goes to %u",
				(unsigned long long)l->width, (unsigned long long)l->height,
				UINT32_MAX);
	for (unsigned d = 0; d < s->rank; d++) {
		if (d != g->y && d != g->x && s->shape[i][d] != s->shape[0][d])
			return ozr_fail(err, OZR_UNSUPPORTED,
					"level %u, axis '%s': %llu of %llu; levels of a twin are "
					"smaller in y and x only",
					i, s->axes[d].name, (unsigned long long)s->shape[i][d],
					(unsigned long long)s->shape[0][d]);
		l->inner[d] = ozr_max_u64(s->shard[i][d] / s->chunk[i][d], 1);
	}
	l->across = ozr_ceil_div(l->width, g->tile_width);
	l->down = ozr_ceil_div(l->height, g->tile_height);
	l->per_page = l->across * l->down; /* of 32 bits each */
	if (ozr_ckd_mul(l->per_page, g->samples == OZR_TWIN_PLANES ? g->channels : 1,
			&l->per_page) ||
	    l->per_page > OZR_TWIN_TILES_MOST)
		return ozr_fail(err, OZR_UNSUPPORTED,
				"level %u: more than %d tiles in a page; larger chunks make fewer",
				i, OZR_TWIN_TILES_MOST);
	l->first = g->tiles;
	if (ozr_ckd_mul(l->per_page, g->pages, &all) || ozr_ckd_add(g->tiles, all, &g->tiles) ||
	    g->tiles > UINT64_MAX / 64)
		return ozr_fail(err, OZR_UNSUPPORTED, "too many tiles");
	return OZR_OK;
}

int ozr_twin_geometry(const struct ozr_twin_shape *s, enum ozr_twin_samples samples,
		      struct ozr_twin_geometry *g, struct ozr_err *err)
{
	memset(g, 0, sizeof(*g));
	int rc = ozr_twin_axes(s->rank, s->axes, g, err);
	if (rc != OZR_OK)
		return rc;
	g->dtype = s->dtype;
	g->levels = s->levels;
	g->frames = extent(s, g->t);
	g->channels = extent(s, g->c);
	g->slices = extent(s, g->z);
	if (s->levels > OZR_TWIN_LEVELS_MOST)
		return ozr_fail(err, OZR_UNSUPPORTED, "%u levels: a twin has at most %d", s->levels,
				OZR_TWIN_LEVELS_MOST);
	rc = choose_samples(s, samples, g, err);
	if (rc == OZR_OK)
		rc = check_codec(s->codec, g, err);
	if (rc == OZR_OK && !s->plain)
		rc = ozr_fail(err, OZR_UNSUPPORTED,
			      "chunks are big endian, or encoded by more than one codec: tiles "
			      "cannot be");
	for (unsigned i = 0; rc == OZR_OK && i < s->levels; i++)
		rc = check_chunk(s, g, i, err);
	if (rc == OZR_OK)
		rc = check_order(s, g, err);
	if (rc != OZR_OK)
		return rc;
	if (ozr_ckd_mul(g->frames, g->slices, &g->pages) ||
	    ozr_ckd_mul(g->pages, g->samples == OZR_TWIN_PAGES ? g->channels : 1, &g->pages) ||
	    g->pages > OZR_TWIN_PAGES_MOST)
		return ozr_fail(err, OZR_UNSUPPORTED,
				"too many pages: TIFF's readers walk through %d at most",
				OZR_TWIN_PAGES_MOST);
	g->tile_width = s->chunk[0][g->x];
	g->tile_height = s->chunk[0][g->y];
	g->tile_elements = g->tile_width * g->tile_height;
	if (g->samples == OZR_TWIN_PIXELS &&
	    ozr_ckd_mul(g->tile_elements, g->per_pixel, &g->tile_elements))
		return ozr_fail(err, OZR_UNSUPPORTED, "a tile of that size");
	for (unsigned i = 0; rc == OZR_OK && i < s->levels; i++)
		rc = measure_level(s, i, g, err);
	return rc;
}

static uint64_t coordinate(const uint64_t *chunk, int axis)
{
	return axis < 0 ? 0 : chunk[axis];
}

uint64_t ozr_twin_tile(const struct ozr_twin_geometry *g, unsigned level, const uint64_t *chunk)
{
	const struct ozr_twin_level *l = &g->level[level];
	uint64_t t = coordinate(chunk, g->t), c = coordinate(chunk, g->c),
		 z = coordinate(chunk, g->z), page, plane = 0;

	if (g->samples == OZR_TWIN_PAGES) {
		page = (t * g->channels + c) * g->slices + z;
	} else {
		page = t * g->slices + z;
		plane = c; /* 0 when pixels are interleaved */
	}
	return l->first + page * l->per_page + (plane * l->down + chunk[g->y]) * l->across +
	       chunk[g->x];
}

void ozr_twin_chunk(const struct ozr_twin_geometry *g, unsigned level, uint64_t page, uint64_t i,
		    uint64_t *chunk)
{
	const struct ozr_twin_level *l = &g->level[level];
	uint64_t c = 0, rest = page;

	chunk[g->x] = i % l->across;
	i /= l->across;
	chunk[g->y] = i % l->down;
	if (g->samples == OZR_TWIN_PLANES)
		c = i / l->down;
	if (g->z >= 0)
		chunk[g->z] = rest % g->slices;
	rest /= g->slices;
	if (g->samples == OZR_TWIN_PAGES) {
		c = rest % g->channels;
		rest /= g->channels;
	}
	if (g->c >= 0)
		chunk[g->c] = c;
	if (g->t >= 0)
		chunk[g->t] = rest;
}

int ozr_twin_is_rgb(const struct ozr_channel *channel, unsigned channels)
{
	static const unsigned char pure[3][3] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}};

	if (channels < 3 || channels > 4)
		return 0;
	for (unsigned i = 0; i < 3; i++)
		if (!channel[i].has_color || memcmp(channel[i].rgb, pure[i], 3) != 0)
			return 0;
	return 1;
}
