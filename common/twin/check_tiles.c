/* SPDX-License-Identifier: MIT */
/*
 * Tiles against chunks: a tile lies where the archive's member and the index
 * of the shard say that the chunk lies. Behind a chunk that is not compressed
 * there may be its checksum, which is no part of the tile. A chunk that is not
 * stored is a tile in the IFDs' member that holds the fill value.
 */
#include <inttypes.h>
#include <string.h>

#include "base/ckd.h"
#include "base/key.h"
#include "base/mem.h"
#include "tiff/fill_check.h"
#include "twin/check.h"

enum { BATCH = 512, CHECKSUM = 4 };

/* One page's level, and the member that the last chunk was in. */
struct place {
	struct ozr_twin_checking *c;
	size_t page;
	unsigned level;
	char key[OZR_KEY_MAX + 128];
	struct ozr_placement member;
};

static int differs(struct place *p, uint64_t tile, const struct ozr_range *r, const char *what,
		   uint64_t offset, uint64_t size)
{
	return ozr_twin_damaged(p->c,
				"page %zu, level %u, tile %" PRIu64 ": %" PRIu64
				" bytes at %" PRIu64 " in the TIFF, %s %" PRIu64
				" bytes at %" PRIu64
				": one side was changed, or the archive was rewritten",
				p->page, p->level, tile, r->length, r->offset, what, size, offset);
}

static uint64_t tile_bytes(const struct ozr_twin_geometry *g)
{
	return g->tile_elements * ozr_dtype_size(g->dtype);
}

/* --- Tiles that are no chunks --------------------------------------------------------- */

static int read_bytes(struct ozr_twin_checking *c, const struct ozr_range *r, void *dst,
		      struct ozr_err *err)
{
	struct ozr_object *o = NULL;
	const struct ozr_range inside = {r->offset - c->ifds.offset, r->length};
	int code = ozr_object_open(c->zip, OZR_TWIN_IFD_KEY, &o, err);
	if (!code)
		code = ozr_object_read(o, 1, &inside, &dst, err);
	ozr_object_close(o);
	return code;
}

/* A quick check decodes no more than this: files may say that each of their tiles is large. */
static const uint64_t quick_fill = 64 << 20;

static int too_much(struct ozr_twin_checking *c, uint64_t bytes)
{
	if (c->depth > OZR_TWIN_QUICK)
		return 0;
	if (bytes > quick_fill - c->decoded)
		return 1;
	c->decoded += bytes;
	return 0;
}

static int check_fill(struct place *p, uint64_t tile, const struct ozr_range *r,
		      struct ozr_err *err)
{
	struct ozr_twin_checking *c = p->c;
	const struct ozr_twin_geometry *g = &c->geometry;
	struct ozr_err why;
	int is_fill = 0;
	if (r->length && r->offset == c->fill.offset && r->length == c->fill.length)
		return OZR_OK;
	if (r->length == 0 || r->offset < c->ifds.offset ||
	    r->offset - c->ifds.offset > c->ifds.size ||
	    r->length > c->ifds.size - (r->offset - c->ifds.offset) ||
	    r->length > (ozr_sat_mul(tile_bytes(g), 2) | 4095)) /* no codec makes it longer */
		return differs(p, tile, r, "the chunk is not stored, and the IFDs' member has",
			       c->ifds.offset, c->ifds.size);
	if (too_much(c, ozr_max_u64(tile_bytes(g), r->length)))
		return OZR_OK;
	void *bytes = ozr_alloc(c->ctx, r->length, err);
	if (!bytes)
		return ozr_alloc_code(err);
	int code = read_bytes(c, r, bytes, &why);
	if (!code)
		code = ozr_tiff_is_fill(c->ctx, g->compression, ozr_dtype_size(g->dtype),
					g->tile_elements, c->info.fill, bytes, (size_t)r->length,
					&is_fill, &why);
	ozr_free(c->ctx, bytes);
	if (code) {
		*err = why;
		return ozr_twin_outcome(c, code, &why);
	}
	if (!is_fill)
		return ozr_twin_damaged(c,
					"page %zu, level %u, tile %" PRIu64
					": the chunk is not stored, and the tile is not the fill "
					"value: one side was changed",
					p->page, p->level, tile);
	c->fill = *r;
	return OZR_OK;
}

/* --- Tiles that are chunks -------------------------------------------------------------- */

static int find_member(struct place *p, const char *key, struct ozr_err *err)
{
	struct ozr_err why;
	if (strcmp(key, p->key) == 0)
		return OZR_OK;
	p->key[0] = '\0';
	int code = ozr_zip_placement(p->c->zip, key, &p->member, &why);
	if (code) {
		*err = why;
		return ozr_twin_outcome(p->c, code, &why);
	}
	memcpy(p->key, key, strlen(key) + 1);
	return OZR_OK;
}

static int check_tile(struct place *p, uint64_t tile, const struct ozr_range *r,
		      struct ozr_err *err)
{
	struct ozr_twin_checking *c = p->c;
	const struct ozr_twin_geometry *g = &c->geometry;
	uint64_t chunk[OZR_MAX_RANK] = {0}, offset = 0, size = 0;
	char key[OZR_KEY_MAX + 128];
	struct ozr_err why;
	ozr_twin_chunk(g, p->level, p->page, tile, chunk);
	int code = ozr_array_locate(ozr_image_level(c->img, p->level), chunk, key, &offset, &size,
				    &why);
	if (code == OZR_NOT_FOUND)
		return check_fill(p, tile, r, err);
	if (code) {
		*err = why;
		if (ozr_twin_blames_file(code))
			c->report->zarr_side = 0;
		return ozr_twin_outcome(c, code, &why);
	}
	code = find_member(p, key, err);
	if (code)
		return code;
	if (g->compression == OZR_TIFF_NONE && size == tile_bytes(g) + CHECKSUM)
		size -= CHECKSUM;
	if (r->length != size || r->offset != p->member.offset + offset)
		return differs(p, tile, r, "its chunk in the Zarr side has",
			       p->member.offset + offset, size);
	if (g->compression == OZR_TIFF_NONE && size != tile_bytes(g))
		return differs(p, tile, r, "a tile that is not compressed has",
			       p->member.offset + offset, tile_bytes(g));
	return OZR_OK;
}

int ozr_twin_check_tiles(struct ozr_twin_checking *c, size_t page, unsigned level, uint64_t first,
			 uint64_t n, struct ozr_err *err)
{
	struct place p = {.c = c, .page = page, .level = level};
	struct ozr_range r[BATCH];
	struct ozr_err why;
	int code = OZR_OK;
	for (uint64_t done = 0; done < n && !code;) {
		const size_t some = (size_t)ozr_min_u64(n - done, BATCH);
		const double part = (double)c->report->tiles / (double)c->geometry.tiles;
		code = ozr_twin_poll(c, 1, part, err);
		if (code)
			break;
		code = ozr_tiff_tiles(c->tiff, page, level, first + done, some, r, &why);
		if (code) {
			*err = why;
			c->report->tiff_side = 0;
			return ozr_twin_outcome(c, code, &why);
		}
		for (size_t i = 0; i < some && !code; i++)
			code = check_tile(&p, first + done + i, &r[i], err);
		done += some;
		c->report->tiles += some;
	}
	return code;
}
