/* SPDX-License-Identifier: MIT */
/*
 * What an IFD describes: size, samples and type of an image, and how its tiles
 * or strips are stored; then where they lie. Sizes that contradict each other
 * are errors, so that whoever gets a page may rely on it: sides are 1 to
 * 2^32 - 1, tiles are as many as the sizes need, and each has offset and size.
 */
#include <inttypes.h>
#include <string.h>

#include "base/ckd.h"
#include "tiff/tiff.h"

/* --- Which IFD ------------------------------------------------------------------- */

static int find_sub(struct ozr_tiff *t, struct ozr_tiff_window *w, uint64_t page, unsigned sub,
		    uint64_t *ifd, struct ozr_err *err)
{
	static const uint16_t tag = OZR_TAG_SUB_IFDS;
	struct ozr_tiff_field f;
	int code = ozr_tiff_find(t, w, page, &tag, 1, &f, err);
	if (!code && sub > f.count)
		return ozr_fail(err, OZR_NOT_FOUND, "has %" PRIu64 " SubIFDs, %u is asked for",
				f.count, sub);
	if (!code)
		code = ozr_tiff_integers(t, w, &f, sub - 1, 1, ifd, err);
	if (!code && (*ifd == 0 || *ifd == page))
		return ozr_fail(err, OZR_BAD_FORMAT, "SubIFD %u is at %" PRIu64 ", %s", sub - 1,
				*ifd, *ifd ? "which is its own page" : "where the header is");
	return code;
}

int ozr_tiff_locate(struct ozr_tiff *t, struct ozr_tiff_window *w, size_t page, unsigned sub,
		    uint64_t *ifd, struct ozr_err *err)
{
	if (page >= t->ifds)
		return ozr_fail(err, OZR_BAD_ARG, "'%s': page %zu, there are %zu", t->name, page,
				t->ifds);
	*ifd = t->ifd[page];
	if (sub == 0)
		return OZR_OK;
	int code = find_sub(t, w, t->ifd[page], sub, ifd, err);
	return code ? ozr_tiff_context(t, t->ifd[page], code, err) : OZR_OK;
}

/* --- Its fields -------------------------------------------------------------------- */

enum field {
	SUBFILE,
	WIDTH,
	LENGTH,
	BITS,
	COMPRESSION,
	PHOTOMETRIC,
	FILL_ORDER,
	STRIP_OFFSETS,
	SAMPLES,
	ROWS,
	STRIP_COUNTS,
	PLANAR,
	PREDICTOR,
	TILE_WIDTH,
	TILE_LENGTH,
	TILE_OFFSETS,
	TILE_COUNTS,
	SUB_IFDS,
	EXTRA,
	FORMAT,
	FIELDS
};

static const uint16_t tags[FIELDS] = {
	OZR_TAG_NEW_SUBFILE_TYPE, OZR_TAG_IMAGE_WIDTH,       OZR_TAG_IMAGE_LENGTH,
	OZR_TAG_BITS_PER_SAMPLE,  OZR_TAG_COMPRESSION,       OZR_TAG_PHOTOMETRIC,
	OZR_TAG_FILL_ORDER,       OZR_TAG_STRIP_OFFSETS,     OZR_TAG_SAMPLES_PER_PIXEL,
	OZR_TAG_ROWS_PER_STRIP,   OZR_TAG_STRIP_BYTE_COUNTS, OZR_TAG_PLANAR_CONFIGURATION,
	OZR_TAG_PREDICTOR,        OZR_TAG_TILE_WIDTH,        OZR_TAG_TILE_LENGTH,
	OZR_TAG_TILE_OFFSETS,     OZR_TAG_TILE_BYTE_COUNTS,  OZR_TAG_SUB_IFDS,
	OZR_TAG_EXTRA_SAMPLES,    OZR_TAG_SAMPLE_FORMAT,
};

struct reading {
	struct ozr_tiff *t;
	struct ozr_tiff_window *w;
	struct ozr_tiff_field field[FIELDS];
	struct ozr_err *err;
};

/* The value of a field, from `least` to `most`; `otherwise` when it is not there. */
static int value(struct reading *r, enum field i, uint64_t otherwise, uint64_t least, uint64_t most,
		 uint64_t *out)
{
	char name[OZR_TIFF_NAME];
	int code = ozr_tiff_integer(r->t, r->w, &r->field[i], otherwise, out, r->err);
	if (!code && (*out < least || *out > most))
		return ozr_fail(r->err, OZR_BAD_FORMAT,
				"%s is %" PRIu64 ", must be %" PRIu64 " to %" PRIu64,
				ozr_tiff_tag_name(name, tags[i]), *out, least, most);
	return code;
}

static int small(struct reading *r, enum field i, unsigned otherwise, unsigned least, unsigned most,
		 unsigned *out)
{
	uint64_t v = otherwise;
	int code = value(r, i, otherwise, least, most, &v);
	*out = (unsigned)v;
	return code;
}

static int required(const struct reading *r, enum field i)
{
	char name[OZR_TIFF_NAME];
	if (r->field[i].count == 0)
		return ozr_fail(r->err, OZR_BAD_FORMAT, "has no %s",
				ozr_tiff_tag_name(name, tags[i]));
	return OZR_OK;
}

/* --- Types ---------------------------------------------------------------------------- */

/* One value for all samples: *same is 0 when they differ. A single value stands for all. */
static int for_all_samples(struct reading *r, enum field i, unsigned samples, unsigned otherwise,
			   unsigned *out, int *same)
{
	const struct ozr_tiff_field *f = &r->field[i];
	uint64_t first = otherwise, v = otherwise;
	int code = OZR_OK;
	if (f->count)
		code = ozr_tiff_integers(r->t, r->w, f, 0, 1, &first, r->err);
	for (unsigned k = 1; k < samples && f->count > 1 && !code; k++) {
		code = ozr_tiff_integers(r->t, r->w, f, k, 1, &v, r->err);
		if (!code && v != first)
			*same = 0;
	}
	*out = (unsigned)ozr_min_u64(first, UINT16_MAX);
	return code;
}

/* Samples without a format are taken for unsigned integers, as everybody does. */
static int dtype_of(unsigned bits, unsigned format, enum ozr_dtype *out)
{
	static const struct {
		unsigned bits, format;
		enum ozr_dtype dtype;
	} known[] = {
		{8, OZR_TIFF_UINT, OZR_UINT8},    {8, OZR_TIFF_INT, OZR_INT8},
		{16, OZR_TIFF_UINT, OZR_UINT16},  {16, OZR_TIFF_INT, OZR_INT16},
		{32, OZR_TIFF_UINT, OZR_UINT32},  {32, OZR_TIFF_INT, OZR_INT32},
		{64, OZR_TIFF_UINT, OZR_UINT64},  {64, OZR_TIFF_INT, OZR_INT64},
		{32, OZR_TIFF_IEEE, OZR_FLOAT32}, {64, OZR_TIFF_IEEE, OZR_FLOAT64},
	};
	const unsigned undefined = 4;
	if (format == undefined)
		format = OZR_TIFF_UINT;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (known[i].bits == bits && known[i].format == format) {
			*out = known[i].dtype;
			return 1;
		}
	return 0;
}

static int samples_of(struct reading *r, struct ozr_tiff_page *out)
{
	unsigned planar = 1;
	int same = 1;
	int code = small(r, SAMPLES, 1, 1, UINT16_MAX, &out->samples);
	if (!code)
		code = small(r, PLANAR, OZR_TIFF_CONTIGUOUS, 1, 2, &planar);
	if (!code)
		code = for_all_samples(r, BITS, out->samples, 1, &out->bits, &same);
	if (!code)
		code = for_all_samples(r, FORMAT, out->samples, OZR_TIFF_UINT, &out->sample_format,
				       &same);
	if (code)
		return code;
	out->separate = planar == OZR_TIFF_SEPARATE && out->samples > 1;
	out->has_dtype = same && dtype_of(out->bits, out->sample_format, &out->dtype);
	return OZR_OK;
}

/* ExtraSamples describes the last samples of a pixel. */
static int alpha_of(struct reading *r, struct ozr_tiff_page *out)
{
	const struct ozr_tiff_field *f = &r->field[EXTRA];
	uint64_t kind = 0;
	if (f->count > out->samples)
		return ozr_fail(r->err, OZR_BAD_FORMAT,
				"ExtraSamples has %" PRIu64 " values for %u samples", f->count,
				out->samples);
	for (uint64_t i = 0; i < f->count; i++) {
		int code = ozr_tiff_integers(r->t, r->w, f, i, 1, &kind, r->err);
		if (code)
			return code;
		if (kind == OZR_TIFF_ASSOCIATED_ALPHA || kind == OZR_TIFF_UNASSOCIATED_ALPHA) {
			out->alpha = 1 + (unsigned)(out->samples - f->count + i);
			break;
		}
	}
	return OZR_OK;
}

/* --- Tiles ------------------------------------------------------------------------------- */

static int tile_sides(struct reading *r, struct ozr_tiff_page *out)
{
	const struct ozr_tiff_field *f = r->field;
	out->tiled = f[TILE_WIDTH].count || f[TILE_LENGTH].count || f[TILE_OFFSETS].count;
	if (!out->tiled) {
		int code = value(r, ROWS, UINT32_MAX, 1, UINT32_MAX, &out->tile_height);
		out->tile_width = out->width;
		out->tile_height = ozr_min_u64(out->tile_height, out->height);
		return code;
	}
	int code = required(r, TILE_WIDTH);
	if (!code)
		code = required(r, TILE_LENGTH);
	if (!code)
		code = value(r, TILE_WIDTH, 0, 1, UINT32_MAX, &out->tile_width);
	if (!code)
		code = value(r, TILE_LENGTH, 0, 1, UINT32_MAX, &out->tile_height);
	return code;
}

/* As many entries as tiles. Some programs wrote tiles as strips: either name is taken. */
static int tile_arrays(struct reading *r, const struct ozr_tiff_page *page,
		       struct ozr_tiff_field *offsets, struct ozr_tiff_field *counts)
{
	char name[OZR_TIFF_NAME];
	const int tiles = page->tiled && r->field[TILE_OFFSETS].count;
	const enum field o = tiles ? TILE_OFFSETS : STRIP_OFFSETS;
	const enum field c = tiles ? TILE_COUNTS : STRIP_COUNTS;
	int code = required(r, page->tiled && !r->field[o].count ? TILE_OFFSETS : o);
	if (!code)
		code = required(r, c);
	for (int i = 0; i < 2 && !code; i++) {
		const struct ozr_tiff_field *f = &r->field[i ? c : o];
		if (f->count != page->tiles)
			code = ozr_fail(
				r->err, OZR_BAD_FORMAT,
				"%s has %" PRIu64 " values, %" PRIu64 " x %" PRIu64
				" pixels in tiles of %" PRIu64 " x %" PRIu64 " need %" PRIu64,
				ozr_tiff_tag_name(name, f->tag), f->count, page->width,
				page->height, page->tile_width, page->tile_height, page->tiles);
		if (!code) /* all of them are integers and inside the file */
			code = ozr_tiff_integers(r->t, r->w, f, 0, 0, NULL, r->err);
	}
	*offsets = r->field[o];
	*counts = r->field[c];
	return code;
}

static int tiles_of(struct reading *r, struct ozr_tiff_page *out, struct ozr_tiff_field *offsets,
		    struct ozr_tiff_field *counts)
{
	uint64_t bits;
	int code = tile_sides(r, out);
	if (code)
		return code;
	/* Each factor is at most 2^32 - 1, the product of the first two below 2^64. */
	const uint64_t across = ozr_ceil_div(out->width, out->tile_width);
	const uint64_t down = ozr_ceil_div(out->height, out->tile_height);
	if (ozr_ckd_mul(across * down, out->separate ? out->samples : 1, &out->tiles))
		return ozr_fail(r->err, OZR_BAD_FORMAT,
				"%" PRIu64 " x %" PRIu64 " tiles of %u samples are too many",
				across, down, out->samples);
	const uint64_t side[] = {out->tile_width, out->tile_height,
				 out->separate ? 1 : out->samples};
	if (ozr_ckd_product(side, 3, out->bits, &bits) || bits > INT64_MAX)
		return ozr_fail(r->err, OZR_BAD_FORMAT,
				"tiles of %" PRIu64 " x %" PRIu64
				" pixels of %u samples of %u bits are too large",
				out->tile_width, out->tile_height, out->samples, out->bits);
	return tile_arrays(r, out, offsets, counts);
}

/* --- The page ------------------------------------------------------------------------------ */

int ozr_tiff_describe(struct ozr_tiff *t, struct ozr_tiff_window *w, uint64_t ifd,
		      struct ozr_tiff_page *out, struct ozr_tiff_field *offsets,
		      struct ozr_tiff_field *counts, struct ozr_err *err)
{
	struct reading r = {.t = t, .w = w, .err = err};
	struct ozr_tiff_page page = {.offset = ifd};
	unsigned subfile = 0;
	int code = ozr_tiff_find(t, w, ifd, tags, FIELDS, r.field, err);
	if (!code)
		code = required(&r, WIDTH);
	if (!code)
		code = required(&r, LENGTH);
	if (!code)
		code = value(&r, WIDTH, 0, 1, UINT32_MAX, &page.width);
	if (!code)
		code = value(&r, LENGTH, 0, 1, UINT32_MAX, &page.height);
	if (!code)
		code = samples_of(&r, &page);
	if (!code)
		code = alpha_of(&r, &page);
	if (!code)
		code = small(&r, COMPRESSION, OZR_TIFF_NONE, 0, UINT16_MAX, &page.compression);
	if (!code)
		code = small(&r, PREDICTOR, 1, 0, UINT16_MAX, &page.predictor);
	if (!code)
		code = small(&r, PHOTOMETRIC, 0, 0, UINT16_MAX, &page.photometric);
	if (!code)
		code = small(&r, FILL_ORDER, 1, 0, UINT16_MAX, &page.fill_order);
	if (!code)
		code = small(&r, SUBFILE, 0, 0, UINT32_MAX, &subfile);
	if (!code && r.field[SUB_IFDS].count > OZR_TIFF_SUB_IFDS)
		code = ozr_fail(err, OZR_UNSUPPORTED, "%" PRIu64 " SubIFDs, must be at most %d",
				r.field[SUB_IFDS].count, OZR_TIFF_SUB_IFDS);
	if (!code)
		code = tiles_of(&r, &page, offsets, counts);
	if (code)
		return code;
	page.subfile = subfile;
	page.subifds = (unsigned)r.field[SUB_IFDS].count;
	*out = page;
	return OZR_OK;
}

int ozr_tiff_page(struct ozr_tiff *t, size_t page, unsigned sub, struct ozr_tiff_page *out,
		  struct ozr_err *err)
{
	struct ozr_tiff_field offsets, counts;
	struct ozr_tiff_window w;
	uint64_t ifd = 0;
	ozr_tiff_window_init(&w);
	int code = ozr_tiff_locate(t, &w, page, sub, &ifd, err);
	if (code)
		return code;
	code = ozr_tiff_describe(t, &w, ifd, out, &offsets, &counts, err);
	return code ? ozr_tiff_context(t, ifd, code, err) : OZR_OK;
}
