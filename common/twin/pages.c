/* SPDX-License-Identifier: MIT */
/*
 * The IFDs of a twin: first what pages share (the description, texts, the tile
 * of fill values), then page after page its IFD, the IFDs of its levels, each
 * followed by its arrays. Sizes follow from the geometry alone, so all offsets
 * are known before anything is written; the places of tiles are read from the
 * table as they are needed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "base/ctx.h"
#include "base/key.h"
#include "base/mem.h"
#include "ome/units.h"
#include "ozr/ozr.h"
#include "twin/twin_impl.h"

enum { OWN_FIELDS = 20, PIECE = 256 };

static const uint16_t own_tags[] = {
	OZR_TAG_NEW_SUBFILE_TYPE,  OZR_TAG_IMAGE_WIDTH,
	OZR_TAG_IMAGE_LENGTH,      OZR_TAG_BITS_PER_SAMPLE,
	OZR_TAG_COMPRESSION,       OZR_TAG_PHOTOMETRIC,
	OZR_TAG_IMAGE_DESCRIPTION, OZR_TAG_STRIP_OFFSETS,
	OZR_TAG_SAMPLES_PER_PIXEL, OZR_TAG_ROWS_PER_STRIP,
	OZR_TAG_STRIP_BYTE_COUNTS, OZR_TAG_X_RESOLUTION,
	OZR_TAG_Y_RESOLUTION,      OZR_TAG_PLANAR_CONFIGURATION,
	OZR_TAG_RESOLUTION_UNIT,   OZR_TAG_SOFTWARE,
	OZR_TAG_PREDICTOR,         OZR_TAG_TILE_WIDTH,
	OZR_TAG_TILE_LENGTH,       OZR_TAG_TILE_OFFSETS,
	OZR_TAG_TILE_BYTE_COUNTS,  OZR_TAG_SUB_IFDS,
	OZR_TAG_EXTRA_SAMPLES,     OZR_TAG_SAMPLE_FORMAT,
};

int ozr_twin_is_own_tag(unsigned tag)
{
	for (size_t i = 0; i < sizeof(own_tags) / sizeof(own_tags[0]); i++)
		if (own_tags[i] == tag)
			return 1;
	return 0;
}

/* One page of one level: where its tiles are brought from. */
struct tiles {
	struct pages *pages;
	unsigned level;
	uint64_t page;
};

struct pages {
	struct ozr_twin *t;
	const struct ozr_twin_geometry *g;
	const struct ozr_call *call;
	struct ozr_tiff_out *out;
	/* shared values and where they lie */
	const char *description;
	char software[40];
	uint64_t description_at, software_at, bits_at, format_at, extra_at;
	uint64_t *tag_at;                /* [t->tags]; owned */
	uint16_t *bits, *format, *extra; /* [per_pixel]; owned */
	uint64_t fill_at, fill_size;     /* the tile for those that are not stored */
	uint32_t resolution[OZR_TWIN_LEVELS_MOST][2][2]; /* of x and y */
	int has_resolution;
	/* the shard that was asked for last */
	int known;
	unsigned known_level;
	uint64_t coord[OZR_MAX_RANK];
	struct ozr_placement shard;
	struct ozr_ifd_field *field; /* [OWN_FIELDS + t->tags]; owned */
	unsigned fields;
	uint64_t sub_at[OZR_TWIN_LEVELS_MOST]; /* IFDs of the page's levels from 1 on */
	struct tiles tiles;
};

/* --- places of tiles ------------------------------------------------------------------- */

static int find_shard(struct pages *p, unsigned level, const uint64_t *chunk, struct ozr_err *err)
{
	const uint64_t *inner = p->g->level[level].inner;
	int same = p->known && p->known_level == level;
	char key[OZR_KEY_MAX + 1];

	for (unsigned d = 0; d < p->g->rank; d++) {
		uint64_t at = chunk[d] / inner[d];
		same = same && p->coord[d] == at;
		p->coord[d] = at;
	}
	if (same)
		return OZR_OK;
	p->known = 0;
	int rc = ozr_twin_key(p->t, level, chunk, key, err);
	if (rc == OZR_OK)
		rc = ozr_zip_placement(p->t->zip, key, &p->shard, err);
	if (rc == OZR_OK && p->shard.size == 0)
		rc = ozr_fail(err, OZR_BAD_ARG,
			      "'%s' has no place in the archive yet: the image must be committed "
			      "before",
			      key);
	p->known = rc == OZR_OK;
	p->known_level = level;
	return rc;
}

static int place_tile(struct pages *p, unsigned level, const uint64_t *chunk,
		      const struct ozr_tile_place *place, uint64_t *offset, struct ozr_err *err)
{
	int rc = find_shard(p, level, chunk, err);

	if (rc == OZR_OK &&
	    (place->offset > p->shard.size || place->size > p->shard.size - place->offset))
		rc = ozr_fail(err, OZR_CORRUPT, "level %u: a chunk beyond the end of its shard",
			      level);
	*offset = p->shard.offset + place->offset;
	return rc;
}

static int bring_offsets(void *arg, uint64_t first, size_t n, uint64_t *values, struct ozr_err *err)
{
	const struct tiles *in = arg;
	struct pages *p = in->pages;
	const struct ozr_twin_level *l = &p->g->level[in->level];
	struct ozr_tile_place place[PIECE];
	uint64_t chunk[OZR_MAX_RANK];
	int rc = OZR_OK;

	for (size_t done = 0; rc == OZR_OK && done < n;) {
		size_t part = n - done < PIECE ? n - done : PIECE;
		uint64_t at = first + done;
		rc = ozr_tile_table_get(p->t->table, l->first + in->page * l->per_page + at, part,
					place, err);
		for (size_t i = 0; rc == OZR_OK && i < part; i++) {
			values[done + i] = p->fill_at;
			if (place[i].size == 0)
				continue;
			ozr_twin_chunk(p->g, in->level, in->page, at + i, chunk);
			rc = place_tile(p, in->level, chunk, &place[i], &values[done + i], err);
		}
		done += part;
	}
	return rc;
}

/* Uncompressed tiles have a checksum behind them, which is none of TIFF's business. */
static int bring_sizes(void *arg, uint64_t first, size_t n, uint64_t *values, struct ozr_err *err)
{
	const struct tiles *in = arg;
	struct pages *p = in->pages;
	const struct ozr_twin_level *l = &p->g->level[in->level];
	uint64_t plain = p->g->tile_elements * ozr_dtype_size(p->g->dtype);
	struct ozr_tile_place place[PIECE];
	int rc = OZR_OK;

	for (size_t done = 0; rc == OZR_OK && done < n;) {
		size_t part = n - done < PIECE ? n - done : PIECE;
		rc = ozr_tile_table_get(p->t->table,
					l->first + in->page * l->per_page + first + done, part,
					place, err);
		for (size_t i = 0; rc == OZR_OK && i < part; i++)
			values[done + i] = place[i].size == 0                   ? p->fill_size
					   : p->g->compression == OZR_TIFF_NONE ? plain
										: place[i].size;
		done += part;
	}
	return rc;
}

/* --- the fields of an IFD --------------------------------------------------------------- */

static struct ozr_ifd_field *add(struct pages *p, unsigned tag, unsigned type, uint64_t count)
{
	struct ozr_ifd_field *f = &p->field[p->fields++];

	*f = (struct ozr_ifd_field){.tag = (uint16_t)tag, .type = (uint16_t)type, .count = count};
	return f;
}

static void add_number(struct pages *p, unsigned tag, unsigned type, uint64_t number)
{
	add(p, tag, type, 1)->number = number;
}

static void add_shared(struct pages *p, unsigned tag, unsigned type, uint64_t count,
		       const void *value, uint64_t at)
{
	struct ozr_ifd_field *f = add(p, tag, type, count);

	f->value = value;
	f->at = at;
}

static void add_tiles(struct pages *p, unsigned tag, const struct ozr_twin_level *l,
		      int (*bring)(void *, uint64_t, size_t, uint64_t *, struct ozr_err *))
{
	struct ozr_ifd_field *f = add(p, tag, OZR_TIFF_LONG8, l->per_page);

	f->bring = bring;
	f->arg = &p->tiles;
}

static int by_tag(const void *a, const void *b)
{
	const struct ozr_ifd_field *x = a, *y = b;

	return (int)x->tag - (int)y->tag;
}

static unsigned extra_samples(const struct pages *p)
{
	unsigned colors = p->t->rgb ? 3 : 1;

	return p->g->per_pixel - colors;
}

/* Of a page, or one of its levels: p->field, p->fields. */
static void set_fields(struct pages *p, uint64_t page, unsigned level)
{
	const struct ozr_twin_geometry *g = p->g;
	const struct ozr_twin_level *l = &g->level[level];
	unsigned extra = extra_samples(p);

	p->fields = 0;
	p->tiles = (struct tiles){p, level, page};
	add_number(p, OZR_TAG_NEW_SUBFILE_TYPE, OZR_TIFF_LONG, level > 0 ? OZR_TIFF_REDUCED : 0);
	add_number(p, OZR_TAG_IMAGE_WIDTH, OZR_TIFF_LONG, l->width);
	add_number(p, OZR_TAG_IMAGE_LENGTH, OZR_TIFF_LONG, l->height);
	add_shared(p, OZR_TAG_BITS_PER_SAMPLE, OZR_TIFF_SHORT, g->per_pixel, p->bits, p->bits_at);
	add_number(p, OZR_TAG_COMPRESSION, OZR_TIFF_SHORT, g->compression);
	add_number(p, OZR_TAG_PHOTOMETRIC, OZR_TIFF_SHORT,
		   p->t->rgb ? OZR_TIFF_RGB : OZR_TIFF_MIN_IS_BLACK);
	add_number(p, OZR_TAG_SAMPLES_PER_PIXEL, OZR_TIFF_SHORT, g->per_pixel);
	add_number(p, OZR_TAG_PLANAR_CONFIGURATION, OZR_TIFF_SHORT,
		   g->samples == OZR_TWIN_PLANES ? OZR_TIFF_SEPARATE : OZR_TIFF_CONTIGUOUS);
	add_number(p, OZR_TAG_TILE_WIDTH, OZR_TIFF_LONG, g->tile_width);
	add_number(p, OZR_TAG_TILE_LENGTH, OZR_TIFF_LONG, g->tile_height);
	add_tiles(p, OZR_TAG_TILE_OFFSETS, l, bring_offsets);
	add_tiles(p, OZR_TAG_TILE_BYTE_COUNTS, l, bring_sizes);
	add_shared(p, OZR_TAG_SAMPLE_FORMAT, OZR_TIFF_SHORT, g->per_pixel, p->format, p->format_at);
	if (extra > 0)
		add_shared(p, OZR_TAG_EXTRA_SAMPLES, OZR_TIFF_SHORT, extra, p->extra, p->extra_at);
	if (p->has_resolution) {
		add_shared(p, OZR_TAG_X_RESOLUTION, OZR_TIFF_RATIONAL, 1, p->resolution[level][0],
			   0);
		add_shared(p, OZR_TAG_Y_RESOLUTION, OZR_TIFF_RATIONAL, 1, p->resolution[level][1],
			   0);
		add_number(p, OZR_TAG_RESOLUTION_UNIT, OZR_TIFF_SHORT, OZR_TIFF_CENTIMETER);
	}
	if (level == 0) {
		add_shared(p, OZR_TAG_SOFTWARE, OZR_TIFF_ASCII, strlen(p->software) + 1,
			   p->software, p->software_at);
		if (page == 0 && p->description != NULL)
			add_shared(p, OZR_TAG_IMAGE_DESCRIPTION, OZR_TIFF_ASCII,
				   strlen(p->description) + 1, p->description, p->description_at);
		if (g->levels > 1)
			add_shared(p, OZR_TAG_SUB_IFDS, OZR_TIFF_IFD8, g->levels - 1, p->sub_at, 0);
		for (unsigned i = 0; i < p->t->tags; i++)
			add_shared(p, p->t->tag[i].tag, p->t->tag[i].type, p->t->tag[i].count,
				   p->t->tag[i].value, p->tag_at[i]);
	}
	qsort(p->field, p->fields, sizeof(*p->field), by_tag);
}

/* --- what pages share -------------------------------------------------------------------- */

/* Pixels in a centimeter, where both axes have a unit of length and fractions can say it. */
static void find_resolution(struct pages *p)
{
	double scale[OZR_MAX_RANK], translation[OZR_MAX_RANK], size;
	struct ozr_image_info info;
	char name[32];

	ozr_image_get_info(p->t->img, &info);
	for (unsigned i = 0; i < p->g->levels; i++) {
		ozr_image_transform(p->t->img, i, scale, translation);
		for (unsigned k = 0; k < 2; k++) {
			unsigned d = k == 0 ? p->g->x : p->g->y;
			if (ozr_unit_find(info.axes[d].unit, OZR_AXIS_SPACE, name, &size) ==
				    OZR_UNIT_UNKNOWN ||
			    !ozr_tiff_rational(0.01 / (scale[d] * size), p->resolution[i][k]))
				return;
		}
	}
	p->has_resolution = 1;
}

static unsigned sample_format(enum ozr_dtype t)
{
	switch (t) {
	case OZR_INT8:
	case OZR_INT16:
	case OZR_INT32:
	case OZR_INT64:
		return OZR_TIFF_INT;
	case OZR_FLOAT32:
	case OZR_FLOAT64:
		return OZR_TIFF_IEEE;
	default:
		return OZR_TIFF_UINT;
	}
}

static int prepare(struct pages *p, struct ozr_err *err)
{
	struct ozr_ctx *ctx = p->t->ctx;
	unsigned n = p->g->per_pixel;

	snprintf(p->software, sizeof(p->software), "ozr %s", ozr_version());
	find_resolution(p);
	p->field = ozr_calloc(ctx, OWN_FIELDS + p->t->tags, sizeof(*p->field), err);
	p->tag_at = ozr_calloc(ctx, p->t->tags, sizeof(*p->tag_at), err);
	p->bits = ozr_calloc(ctx, n, sizeof(*p->bits), err);
	p->format = ozr_calloc(ctx, n, sizeof(*p->format), err);
	p->extra = ozr_calloc(ctx, n, sizeof(*p->extra), err);
	if (p->field == NULL || p->tag_at == NULL || p->bits == NULL || p->format == NULL ||
	    p->extra == NULL)
		return ozr_alloc_code(err);
	for (unsigned i = 0; i < n; i++) {
		p->bits[i] = (uint16_t)(8 * ozr_dtype_size(p->g->dtype));
		p->format[i] = (uint16_t)sample_format(p->g->dtype);
	}
	if (p->t->alpha > n - extra_samples(p)) /* of the samples behind the colors */
		p->extra[p->t->alpha - 1 - (n - extra_samples(p))] = OZR_TIFF_UNASSOCIATED_ALPHA;
	return OZR_OK;
}

/* Values that do not fit into an entry, once for all pages. */
static int put_shared(struct pages *p, unsigned type, uint64_t count, const void *value,
		      uint64_t *at, struct ozr_err *err)
{
	if (count * ozr_tiff_type_size(type) <= 8)
		return OZR_OK;
	int rc = ozr_tiff_put_align(p->out, err);
	*at = p->out->at;
	return rc != OZR_OK ? rc : ozr_tiff_put_values(p->out, type, count, value, err);
}

static int put_fill(struct pages *p, struct ozr_err *err)
{
	struct ozr_twin *t = p->t;
	void *bytes = NULL;
	size_t len = 0;

	if (atomic_load(&t->stored) == p->g->tiles)
		return OZR_OK; /* nobody needs it */
	int rc = ozr_tiff_fill_tile(t->ctx, p->g->compression, p->g->dtype, p->g->tile_elements,
				    t->fill, &bytes, &len, err);
	if (rc == OZR_OK)
		rc = ozr_tiff_put_align(p->out, err);
	p->fill_at = p->out->at;
	p->fill_size = len;
	if (rc == OZR_OK)
		rc = ozr_tiff_put(p->out, bytes, len, err);
	ozr_free(t->ctx, bytes);
	return rc;
}

static int put_all_shared(struct pages *p, struct ozr_err *err)
{
	unsigned n = p->g->per_pixel;
	int rc = OZR_OK;

	if (p->description != NULL)
		rc = put_shared(p, OZR_TIFF_ASCII, strlen(p->description) + 1, p->description,
				&p->description_at, err);
	if (rc == OZR_OK)
		rc = put_shared(p, OZR_TIFF_ASCII, strlen(p->software) + 1, p->software,
				&p->software_at, err);
	if (rc == OZR_OK)
		rc = put_shared(p, OZR_TIFF_SHORT, n, p->bits, &p->bits_at, err);
	if (rc == OZR_OK)
		rc = put_shared(p, OZR_TIFF_SHORT, n, p->format, &p->format_at, err);
	if (rc == OZR_OK)
		rc = put_shared(p, OZR_TIFF_SHORT, extra_samples(p), p->extra, &p->extra_at, err);
	for (unsigned i = 0; rc == OZR_OK && i < p->t->tags; i++)
		rc = put_shared(p, p->t->tag[i].type, p->t->tag[i].count, p->t->tag[i].value,
				&p->tag_at[i], err);
	if (rc == OZR_OK)
		rc = put_fill(p, err);
	return rc != OZR_OK ? rc : ozr_tiff_put_align(p->out, err);
}

/* --- all of them --------------------------------------------------------------------------- */

/* Bytes of a page with all its levels. */
static uint64_t page_bytes(struct pages *p, uint64_t page)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < p->g->levels; i++) {
		set_fields(p, page, i);
		all += ozr_ifd_bytes(p->field, p->fields);
	}
	return all;
}

static int write_page(struct pages *p, uint64_t page, uint64_t next, struct ozr_err *err)
{
	uint64_t at;
	int rc = OZR_OK;

	set_fields(p, page, 0);
	at = p->out->at + ozr_ifd_bytes(p->field, p->fields);
	for (unsigned i = 1; i < p->g->levels; i++) {
		p->sub_at[i - 1] = at;
		set_fields(p, page, i);
		at += ozr_ifd_bytes(p->field, p->fields);
	}
	for (unsigned i = 0; rc == OZR_OK && i < p->g->levels; i++) {
		set_fields(p, page, i);
		rc = ozr_ifd_write(p->out, p->field, p->fields, i == 0 ? next : 0, err);
	}
	return rc;
}

static int write_all(struct pages *p, uint64_t *first, struct ozr_err *err)
{
	const struct ozr_call *call = p->call;
	int rc = prepare(p, err);

	if (rc == OZR_OK)
		rc = ozr_tiff_put_align(p->out, err);
	if (rc == OZR_OK)
		rc = put_all_shared(p, err);
	*first = p->out->at;
	for (uint64_t i = 0; rc == OZR_OK && i < p->g->pages; i++) {
		if (call != NULL && call->cancelled != NULL && call->cancelled(call->user))
			return ozr_fail(err, OZR_CANCELLED, "cancelled");
		uint64_t next = i + 1 < p->g->pages ? p->out->at + page_bytes(p, i) : 0;
		rc = write_page(p, i, next, err);
	}
	return rc;
}

int ozr_twin_write_pages(struct ozr_twin *t, struct ozr_tiff_out *out, const char *description,
			 const struct ozr_call *call, uint64_t *first, struct ozr_err *err)
{
	struct pages *p = ozr_calloc(t->ctx, 1, sizeof(*p), err);

	if (p == NULL)
		return ozr_alloc_code(err);
	p->t = t;
	p->g = &t->geometry;
	p->out = out;
	p->description = description;
	p->call = call;
	int rc = write_all(p, first, err);
	ozr_free(t->ctx, p->field);
	ozr_free(t->ctx, p->tag_at);
	ozr_free(t->ctx, p->bits);
	ozr_free(t->ctx, p->format);
	ozr_free(t->ctx, p->extra);
	ozr_free(t->ctx, p);
	return rc;
}
