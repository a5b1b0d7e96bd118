/* SPDX-License-Identifier: MIT */
/*
 * IFDs against arrays: as many pages as the image has planes, as many SubIFDs
 * as it has further levels, and sizes, tiles, type and compression that are
 * the array's. All of the IFDs are inside of their member.
 */
#include <inttypes.h>
#include <string.h>

#include "base/ckd.h"
#include "twin/check.h"

/* --- Geometry ----------------------------------------------------------------------- */

static int find_geometry(struct ozr_twin_checking *c, struct ozr_err *err)
{
	struct ozr_image_info info;
	struct ozr_twin_shape shape;
	struct ozr_tiff_page p;
	struct ozr_err why;
	int code = c->brief ? OZR_OK : ozr_image_load(c->img, &why);
	if (!code)
		code = ozr_tiff_page(c->tiff, 0, 0, &p, &why);
	if (code) {
		*err = why;
		return ozr_twin_outcome(c, code, &why);
	}
	ozr_image_get_info(c->img, &info);
	c->levels = info.levels;
	code = ozr_twin_shape(c->img, c->brief, &shape, &c->info, &why);
	if (!code)
		code = ozr_twin_geometry(&shape,
					 p.samples == 1 ? OZR_TWIN_PAGES
					 : p.separate   ? OZR_TWIN_PLANES
							: OZR_TWIN_PIXELS,
					 &c->geometry, &why);
	if (code && !ozr_twin_blames_file(code)) {
		*err = why;
		return code;
	}
	if (code)
		return ozr_twin_damaged(c, "the Zarr side is not what a TIFF can show: %s",
					why.msg);
	const uint64_t pages = ozr_tiff_pages(c->tiff);
	if (pages != c->geometry.pages && !c->brief)
		return ozr_twin_damaged(c, "the TIFF has %" PRIu64 " pages, the Zarr side %" PRIu64,
					pages, c->geometry.pages);
	return OZR_OK;
}

/* --- Pages --------------------------------------------------------------------------- */

struct fact {
	const char *name;
	uint64_t tiff, zarr;
};

/* TIFF has no type for bool. */
static enum ozr_dtype shown_as(enum ozr_dtype t)
{
	return t == OZR_BOOL ? OZR_UINT8 : t;
}

static int compare_page(struct ozr_twin_checking *c, size_t page, unsigned level,
			const struct ozr_tiff_page *p)
{
	const struct ozr_twin_geometry *g = &c->geometry;
	const struct ozr_twin_level *l = &g->level[level];
	const struct fact fact[] = {
		{"width", p->width, l->width},
		{"height", p->height, l->height},
		{"tile width", p->tile_width, g->tile_width},
		{"tile height", p->tile_height, g->tile_height},
		{"tiles", p->tiles, l->per_page},
		{"tiled", (uint64_t)p->tiled, 1},
		{"compression", p->compression, g->compression},
		{"predictor", p->predictor, 1},
		{"fill order", p->fill_order, 1},
		{"data type", p->has_dtype ? p->dtype : OZR_DTYPES, shown_as(g->dtype)},
		{"samples of a pixel", p->samples, g->per_pixel},
		{"samples in planes", (uint64_t)p->separate, g->samples == OZR_TWIN_PLANES},
		{"NewSubfileType", p->subfile, level > 0 ? OZR_TIFF_REDUCED : 0},
	};
	for (size_t i = 0; i < sizeof fact / sizeof *fact; i++)
		if (fact[i].tiff != fact[i].zarr)
			return ozr_twin_damaged(
				c,
				"page %zu, level %u: %s is %" PRIu64 " in the TIFF, %" PRIu64
				" in the Zarr side: one of them was changed",
				page, level, fact[i].name, fact[i].tiff, fact[i].zarr);
	/* Other kinds show other values than those that are stored. */
	if (p->photometric != OZR_TIFF_MIN_IS_BLACK &&
	    (p->photometric != OZR_TIFF_RGB || p->samples < 3))
		return ozr_twin_damaged(c,
					"page %zu, level %u: PhotometricInterpretation is %u: a "
					"TIFF program has changed the page",
					page, level, p->photometric);
	if (level == 0 && p->subifds != c->levels - 1)
		return ozr_twin_damaged(c, "page %zu has %u SubIFDs, the Zarr side %u levels", page,
					p->subifds, c->levels);
	if (p->offset < c->ifds.offset || p->offset - c->ifds.offset >= c->ifds.size)
		return ozr_twin_damaged(c,
					"page %zu, level %u: the IFD at %" PRIu64
					" is not in " OZR_TWIN_IFD_KEY
					": a TIFF program has changed the page",
					page, level, p->offset);
	return OZR_OK;
}

static int check_level(struct ozr_twin_checking *c, size_t page, unsigned level,
		       struct ozr_err *err)
{
	struct ozr_tiff_page p;
	struct ozr_err why;
	int code = ozr_tiff_page(c->tiff, page, level, &p, &why);
	if (code) {
		*err = why;
		c->report->tiff_side = 0;
		return ozr_twin_outcome(c, code, &why);
	}
	code = compare_page(c, page, level, &p);
	if (code)
		return code;
	if (c->depth > OZR_TWIN_QUICK)
		return ozr_twin_check_tiles(c, page, level, 0, p.tiles, err);
	code = ozr_twin_check_tiles(c, page, level, 0, 1, err);
	if (!code && p.tiles > 1)
		code = ozr_twin_check_tiles(c, page, level, p.tiles - 1, 1, err);
	return code;
}

int ozr_twin_check_pages(struct ozr_twin_checking *c, struct ozr_err *err)
{
	int code = find_geometry(c, err);
	const size_t pages = c->tiff->ifds;
	const size_t step = c->depth > OZR_TWIN_QUICK || pages < 2 ? 1 : pages - 1;
	for (size_t page = 0; page < pages && !code; page += step) {
		for (unsigned l = 0; l < c->geometry.levels && !code; l++)
			code = check_level(c, page, l, err);
		c->report->pages++;
	}
	return code;
}
