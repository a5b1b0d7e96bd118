/* SPDX-License-Identifier: MIT */
/*
 * Import: TIFFs made by hand, whose tiles libzstd and zlib have compressed,
 * become arrays that read as the pixels do, while no codec of ours runs. Types,
 * samples, odd sizes, missing tiles, SubIFDs; tiles that are not what they
 * should be; every reason to refuse a page or an array; faults.
 */
#include <zlib.h>
#include <zstd.h>

#include "base/ctx.h"
#include "ozr/tiff.h"
#include "support/check.h"
#include "support/fault.h"
#include "support/tiff.h"
#include "tiff/tags.h"

static struct ozr_err err;
static struct tiff_image file;

enum { NONE = 1, LZW = 5, DEFLATE = 8, OLD_DEFLATE = 32946, ZSTD = 50000 };
enum { TILES = 64, ROOM = 65536 };
enum kind { PLAIN, SIZED, SUMMED, TWO_FRAMES, SKIPPABLE, PADDED, SHORT, LONG, TORN, MISSING };

/* A page and its pixels: [plane][y][x][sample of a pixel]. */
struct scene {
	unsigned width, height, tile_w, tile_h, samples, separate;
	unsigned bits, format, compression;
	enum ozr_dtype dtype;
	enum kind kind[TILES]; /* by number of the tile */
	unsigned char *pixels; /* in the order of the file */
	unsigned item, planes, pixel, across, down;
	size_t bytes; /* of pixels */
};

static void scene_sizes(struct scene *s)
{
	s->item = s->bits / 8;
	s->planes = s->separate ? s->samples : 1;
	s->pixel = s->separate ? 1 : s->samples;
	s->across = (s->width + s->tile_w - 1) / s->tile_w;
	s->down = (s->height + s->tile_h - 1) / s->tile_h;
	s->bytes = (size_t)s->planes * s->height * s->width * s->pixel * s->item;
	CHECK(s->planes * s->across * s->down <= TILES);
	s->pixels = malloc(s->bytes);
	for (size_t i = 0; i < s->bytes; i++)
		s->pixels[i] = (unsigned char)(1 + i % 97 + i / 1009);
}

/* Elements beyond the edge are 0xee: nobody may see them. */
static size_t tile_pixels(const struct scene *s, unsigned number, unsigned char *out)
{
	const unsigned plane = number / (s->across * s->down),
		       rest = number % (s->across * s->down);
	const unsigned y0 = rest / s->across * s->tile_h, x0 = rest % s->across * s->tile_w;
	const size_t size = (size_t)s->pixel * s->item;
	memset(out, 0xee, s->tile_w * s->tile_h * size);
	for (unsigned y = 0; y < s->tile_h && y0 + y < s->height; y++)
		for (unsigned x = 0; x < s->tile_w && x0 + x < s->width; x++)
			memcpy(out + (y * s->tile_w + x) * size,
			       s->pixels + (((size_t)plane * s->height + y0 + y) * s->width + x0 +
					    x) * size,
			       size);
	return s->tile_w * s->tile_h * size;
}

static size_t zstd_stream(const void *src, size_t n, int sum, void *dst)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	ZSTD_inBuffer in = {src, n, 0};
	ZSTD_outBuffer out = {dst, ROOM, 0};
	ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, sum);
	CHECK(!ZSTD_isError(ZSTD_compressStream2(c, &out, &in, ZSTD_e_continue)));
	CHECK(ZSTD_compressStream2(c, &out, &in, ZSTD_e_end) == 0);
	ZSTD_freeCCtx(c);
	return out.pos;
}

static size_t encode_zstd(const unsigned char *raw, size_t n, enum kind kind, unsigned char *out)
{
	static const unsigned char skip[] = {0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 7, 7};
	size_t len;
	switch (kind) {
	case SIZED:
		return ZSTD_compress(out, ROOM, raw, n, 3);
	case TWO_FRAMES:
		len = ZSTD_compress(out, ROOM, raw, n / 3, 3);
		return len + ZSTD_compress(out + len, ROOM - len, raw + n / 3, n - n / 3, 3);
	case SKIPPABLE:
		memcpy(out, skip, sizeof(skip));
		return sizeof(skip) + zstd_stream(raw, n, 0, out + sizeof(skip));
	case SHORT:
		return ZSTD_compress(out, ROOM, raw, n - 1, 3);
	case LONG:
		return ZSTD_compress(out, ROOM, raw, n + 1, 3);
	case TORN:
		return zstd_stream(raw, n, 0, out) - 1;
	default:
		return zstd_stream(raw, n, kind == SUMMED, out);
	}
}

static size_t encode_tile(const struct scene *s, unsigned number, unsigned char *out)
{
	static unsigned char raw[ROOM];
	const enum kind kind = s->kind[number];
	const size_t n = tile_pixels(s, number, raw);
	uLongf len = ROOM;
	if (kind == MISSING)
		return 0;
	if (s->compression == ZSTD)
		return encode_zstd(raw, n, kind, out);
	if (s->compression == NONE || s->compression == LZW) {
		memcpy(out, raw, n + 1);
		return kind == SHORT ? n - 1 : kind == LONG ? n + 1 : n;
	}
	CHECK(compress2(out, &len, raw,
			kind == SHORT  ? n - 1
			: kind == LONG ? n + 1
				       : n,
			6) == Z_OK);
	if (kind == PADDED)
		out[len++] = 0;
	return kind == TORN ? len - 1 : len;
}

/* The entries of its IFD; tiles go to the file at once. */
struct page {
	struct tiff_entry e[20];
	size_t n;
	uint64_t offset[TILES], size[TILES], bits[8], format[8];
};

static void add(struct page *p, unsigned tag, unsigned type, uint64_t v)
{
	size_t i = p->n++;
	for (; i > 0 && p->e[i - 1].tag > tag; i--)
		p->e[i] = p->e[i - 1];
	p->e[i] = (struct tiff_entry){.tag = tag, .type = type, .count = 1, .v = v};
}

static struct tiff_entry *entry(struct page *p, unsigned tag)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->e[i].tag == tag)
			return &p->e[i];
	return NULL;
}

static void array(struct page *p, unsigned tag, const uint64_t *values, size_t n)
{
	struct tiff_entry *e = entry(p, tag);
	e->count = n;
	e->values = values;
}

static void describe(struct page *p, const struct scene *s)
{
	static unsigned char tile[ROOM];
	const unsigned tiles = s->planes * s->across * s->down;
	memset(p, 0, sizeof(*p));
	for (unsigned i = 0; i < tiles; i++) {
		const size_t len = encode_tile(s, i, tile);
		p->offset[i] = len ? tiff_bytes(&file, tile, len) : 0;
		p->size[i] = len;
	}
	for (unsigned i = 0; i < s->samples; i++) {
		p->bits[i] = s->bits;
		p->format[i] = s->format;
	}
	add(p, OZR_TAG_IMAGE_WIDTH, OZR_TIFF_LONG, s->width);
	add(p, OZR_TAG_IMAGE_LENGTH, OZR_TIFF_LONG, s->height);
	add(p, OZR_TAG_BITS_PER_SAMPLE, OZR_TIFF_SHORT, 0);
	add(p, OZR_TAG_COMPRESSION, OZR_TIFF_SHORT, s->compression);
	add(p, OZR_TAG_PHOTOMETRIC, OZR_TIFF_SHORT, s->samples == 3 ? 2 : 1);
	add(p, OZR_TAG_SAMPLES_PER_PIXEL, OZR_TIFF_SHORT, s->samples);
	add(p, OZR_TAG_PLANAR_CONFIGURATION, OZR_TIFF_SHORT, s->separate ? 2 : 1);
	add(p, OZR_TAG_TILE_WIDTH, OZR_TIFF_LONG, s->tile_w);
	add(p, OZR_TAG_TILE_LENGTH, OZR_TIFF_LONG, s->tile_h);
	add(p, OZR_TAG_TILE_OFFSETS, OZR_TIFF_LONG, 0);
	add(p, OZR_TAG_TILE_BYTE_COUNTS, OZR_TIFF_LONG, 0);
	add(p, OZR_TAG_SAMPLE_FORMAT, OZR_TIFF_SHORT, 0);
	array(p, OZR_TAG_BITS_PER_SAMPLE, p->bits, s->samples);
	array(p, OZR_TAG_SAMPLE_FORMAT, p->format, s->samples);
	array(p, OZR_TAG_TILE_OFFSETS, p->offset, tiles);
	array(p, OZR_TAG_TILE_BYTE_COUNTS, p->size, tiles);
}

static void make_file(const struct scene *s, int big_endian)
{
	struct page p;
	tiff_begin(&file, 1, big_endian);
	describe(&p, s);
	tiff_page(&file, p.e, p.n);
}

struct place {
	struct ozr_ctx *ctx;
	struct ozr_store *store;
	struct ozr_tiff *t;
};

static struct place open_place(const struct ozr_sys *sys, unsigned threads)
{
	const struct ozr_ctx_options opt = {.sys = sys, .threads = threads};
	struct place p = {0};
	CHECK_OK(ozr_ctx_new(&opt, &p.ctx, &err));
	CHECK_OK(ozr_store_open_mem(p.ctx, &p.store, &err));
	CHECK_OK(ozr_store_put(p.store, "a.tif", file.bytes, file.len, OZR_PUT_REPLACE, &err));
	CHECK_OK(ozr_tiff_open(p.store, "a.tif", &p.t, &err));
	return p;
}

static void close_place(struct place *p)
{
	ozr_tiff_close(p->t);
	ozr_store_unref(p->store);
	ozr_ctx_unref(p->ctx);
}

/* The array that the page wants: axes z, c, y, x; z = 2 of 4 and the samples from c = samples on. */
static struct ozr_array_options wanted(const struct scene *s, const struct ozr_codec_options *codec,
				       int sharded)
{
	const unsigned per = s->separate ? 1 : s->samples;
	struct ozr_array_options opt = {.dtype = s->dtype,
					.rank = 4,
					.shape = {4, 3 * s->samples, s->height, s->width},
					.chunk = {1, per, s->tile_h, s->tile_w},
					.codec = *codec};
	for (unsigned d = 0; sharded && d < 4; d++)
		opt.shard[d] = opt.chunk[d] * (d == 0 ? 1 : d == 1 ? 3 : 2);
	if (per > 1) {
		static const unsigned order[] = {0, 2, 3, 1};
		memcpy(opt.order, order, sizeof(order));
	}
	return opt;
}

static struct ozr_import what_of(const struct scene *s)
{
	struct ozr_import w = {.channel_axis = 1, .y_axis = 2, .x_axis = 3};
	w.at[0] = 2;
	w.at[1] = s->samples;
	return w;
}

/* Pixels of missing tiles are the fill value. */
static void expect(const struct scene *s, unsigned char *out)
{
	const size_t size = (size_t)s->pixel * s->item;
	memcpy(out, s->pixels, s->bytes);
	for (unsigned p = 0; p < s->planes; p++)
		for (unsigned y = 0; y < s->height; y++)
			for (unsigned x = 0; x < s->width; x++)
				if (s->kind[(p * s->down + y / s->tile_h) * s->across +
					    x / s->tile_w] == MISSING)
					memset(out + ((p * s->height + y) * (size_t)s->width + x) *
							       size,
					       0, size);
}

/* Read in the order of the file and compare. */
static void check_pixels(const struct scene *s, struct ozr_array *a)
{
	unsigned char *got = malloc(s->bytes), *want = malloc(s->bytes);
	struct ozr_box box = {.start = {2, s->samples, 0, 0},
			      .count = {1, s->samples, s->height, s->width},
			      .data = got,
			      .dtype = s->dtype};
	const int64_t item = s->item, row = (int64_t)s->width * s->pixel * item;
	box.stride[0] = 1;
	box.stride[1] = s->separate ? row * s->height : item;
	box.stride[2] = row;
	box.stride[3] = s->pixel * item;
	memset(got, 0x5a, s->bytes);
	CHECK_OK(ozr_array_read(a, 1, &box, NULL, &err));
	expect(s, want);
	CHECK(memcmp(got, want, s->bytes) == 0);
	free(got);
	free(want);
}

static unsigned count(const struct scene *s, enum kind kind)
{
	unsigned n = 0;
	for (unsigned i = 0; i < s->planes * s->across * s->down; i++)
		n += s->kind[i] == kind;
	return n;
}

static void check_import(struct scene *s, int big_endian, int sharded, int no_checksum,
			 size_t budget)
{
	struct ozr_import_stats stats = {0};
	struct ozr_codec_options codec;
	struct ozr_call call = {.budget = budget};
	struct ozr_stats before, after;
	struct ozr_array *a;
	make_file(s, big_endian);
	struct place p = open_place(NULL, 0);
	struct ozr_import what = what_of(s);
	CHECK_OK(ozr_tiff_importable(p.t, 0, 0, &codec, &err));
	CHECK(strcmp(codec.codec, s->compression == ZSTD   ? "zstd"
				  : s->compression == NONE ? "none"
							   : "gzip") == 0);
	CHECK(codec.no_checksum == (s->compression == ZSTD));
	codec.no_checksum |= no_checksum;
	struct ozr_array_options opt = wanted(s, &codec, sharded);
	CHECK_OK(ozr_array_create(p.store, "a", &opt, &a, &err));
	ozr_ctx_stats(p.ctx, &before);
	CHECK_OK(ozr_tiff_import(p.t, &what, a, &call, &stats, &err));
	CHECK_OK(ozr_array_flush(a, NULL, &err));
	ozr_ctx_stats(p.ctx, &after);
	const unsigned all = s->planes * s->across * s->down, missing = count(s, MISSING);
	const unsigned recoded = count(s, TWO_FRAMES) + count(s, SKIPPABLE);
	CHECK(stats.missing == missing && stats.recoded == recoded);
	CHECK(stats.tiles == all - missing - recoded && stats.bytes > 0);
	CHECK(stats.inflated == (strcmp(codec.codec, "gzip") == 0 ? stats.tiles : 0));
	CHECK(after.chunks_decoded == before.chunks_decoded);
	CHECK(after.blocks_decoded == before.blocks_decoded);
	CHECK(after.chunks_encoded - before.chunks_encoded == recoded);
	check_pixels(s, a);
	ozr_array_close(a);
	/* by another handle, from what is stored */
	CHECK_OK(ozr_array_open(p.store, "a", OZR_READ, &a, &err));
	check_pixels(s, a);
	ozr_array_close(a);
	close_place(&p);
}

static void check_all(void)
{
	static const struct {
		unsigned bits, format;
		enum ozr_dtype dtype;
	} types[] = {{8, 1, OZR_UINT8},
		     {16, 1, OZR_UINT16},
		     {16, 2, OZR_INT16},
		     {32, 3, OZR_FLOAT32},
		     {64, 3, OZR_FLOAT64}};
	static const unsigned compressions[] = {NONE, ZSTD, DEFLATE, OLD_DEFLATE};
	for (unsigned t = 0; t < 5; t++)
		for (unsigned c = 0; c < 4; c++)
			for (unsigned how = 0; how < 12; how++) {
				struct scene s = {.width = 37,
						  .height = 50,
						  .tile_w = 16,
						  .tile_h = how % 2 ? 16 : 32,
						  .bits = types[t].bits,
						  .format = types[t].format,
						  .dtype = types[t].dtype,
						  .compression = compressions[c]};
				s.samples = how % 3 == 0 ? 1 : 3;
				s.separate = how % 3 == 2;
				scene_sizes(&s);
				s.kind[1] = MISSING;
				if (compressions[c] == ZSTD) {
					s.kind[2] = TWO_FRAMES;
					s.kind[3] = SIZED;
					s.kind[4] = SUMMED;
					s.kind[5] = SKIPPABLE;
				} else if (compressions[c] != NONE) {
					s.kind[2] = PADDED;
				}
				check_import(&s, how == 4 && s.item == 1, how < 6, how & 1,
					     how % 4 == 3 ? 1 : 0);
				free(s.pixels);
			}
}

/* --- tiles that lie ------------------------------------------------------------------------ */

static void check_bad_tile(unsigned compression, enum kind kind, const char *why)
{
	struct scene s = {.width = 40,
			  .height = 40,
			  .tile_w = 16,
			  .tile_h = 16,
			  .samples = 1,
			  .bits = 8,
			  .format = 1,
			  .compression = compression,
			  .dtype = OZR_UINT8};
	struct ozr_import_stats stats = {0};
	struct ozr_codec_options codec;
	struct ozr_array *a;
	scene_sizes(&s);
	s.kind[7] = kind;
	make_file(&s, 0);
	struct place p = open_place(NULL, 0);
	struct ozr_import what = what_of(&s);
	CHECK_OK(ozr_tiff_importable(p.t, 0, 0, &codec, &err));
	struct ozr_array_options opt = wanted(&s, &codec, 1);
	CHECK_OK(ozr_array_create(p.store, "a", &opt, &a, &err));
	CHECK_CODE(OZR_CORRUPT, ozr_tiff_import(p.t, &what, a, NULL, &stats, &err));
	if (!strstr(err.msg, why) || !strstr(err.msg, "tile 7: "))
		fprintf(stderr, "%s\n", err.msg);
	CHECK(strstr(err.msg, why) && strstr(err.msg, "tile 7: ") && strstr(err.msg, "'a.tif'"));
	ozr_array_close(a);
	close_place(&p);
	free(s.pixels);
}

static void check_bad_tiles(void)
{
	check_bad_tile(NONE, SHORT, "255 bytes, must be 256");
	check_bad_tile(NONE, LONG, "257 bytes, must be 256");
	check_bad_tile(ZSTD, SHORT, "holds 255 bytes, must be 256");
	check_bad_tile(ZSTD, LONG, "holds more than 256 bytes");
	check_bad_tile(ZSTD, TORN, "the tile is cut off or damaged");
	check_bad_tile(DEFLATE, SHORT, "holds 255 bytes, must be 256");
	check_bad_tile(DEFLATE, LONG, "holds more than 256 bytes");
	check_bad_tile(DEFLATE, TORN, "malformed or damaged");
}

/* --- what is refused -------------------------------------------------------------------------- */

static struct scene small_scene(unsigned samples)
{
	struct scene s = {.width = 40,
			  .height = 40,
			  .tile_w = 16,
			  .tile_h = 16,
			  .samples = samples,
			  .bits = 16,
			  .format = 1,
			  .compression = ZSTD,
			  .dtype = OZR_UINT16};
	scene_sizes(&s);
	return s;
}

static void check_page(int big_endian, unsigned tag, uint64_t v, const char *why)
{
	struct scene s = small_scene(1);
	struct ozr_codec_options codec;
	struct page page;
	tiff_begin(&file, 0, big_endian);
	describe(&page, &s);
	if (tag == OZR_TAG_BITS_PER_SAMPLE || tag == OZR_TAG_SAMPLE_FORMAT)
		entry(&page, tag)->values = NULL;
	if (tag && entry(&page, tag))
		entry(&page, tag)->v = v;
	else if (tag)
		add(&page, tag, OZR_TIFF_SHORT, v);
	tiff_page(&file, page.e, page.n);
	struct place p = open_place(NULL, 0);
	CHECK_CODE(OZR_UNSUPPORTED, ozr_tiff_importable(p.t, 0, 0, &codec, &err));
	if (!strstr(err.msg, why))
		fprintf(stderr, "%s\n", err.msg);
	CHECK(strstr(err.msg, why));
	close_place(&p);
	free(s.pixels);
}

static void check_strips(void)
{
	struct tiff_entry e[] = {{OZR_TAG_IMAGE_WIDTH, OZR_TIFF_SHORT, 1, 4, NULL, NULL},
				 {OZR_TAG_IMAGE_LENGTH, OZR_TIFF_SHORT, 1, 4, NULL, NULL},
				 {OZR_TAG_BITS_PER_SAMPLE, OZR_TIFF_SHORT, 1, 8, NULL, NULL},
				 {OZR_TAG_STRIP_OFFSETS, OZR_TIFF_LONG, 1, 8, NULL, NULL},
				 {OZR_TAG_ROWS_PER_STRIP, OZR_TIFF_SHORT, 1, 4, NULL, NULL},
				 {OZR_TAG_STRIP_BYTE_COUNTS, OZR_TIFF_LONG, 1, 16, NULL, NULL}};
	struct ozr_codec_options codec;
	tiff_begin(&file, 0, 0);
	tiff_bytes(&file, "0123456789abcdef", 16);
	tiff_page(&file, e, 6);
	struct place p = open_place(NULL, 0);
	CHECK_CODE(OZR_UNSUPPORTED, ozr_tiff_importable(p.t, 0, 0, &codec, &err));
	CHECK(strstr(err.msg, "it has strips, not tiles"));
	close_place(&p);
}

static void check_pages(void)
{
	check_page(0, OZR_TAG_COMPRESSION, LZW, "compression 5 (LZW): no codec of Zarr");
	check_page(0, OZR_TAG_COMPRESSION, 7, "compression 7 (JPEG)");
	check_page(0, OZR_TAG_COMPRESSION, 12345, "compression 12345 (of an unknown kind)");
	check_page(0, OZR_TAG_PREDICTOR, 2, "predictor 2");
	check_page(0, OZR_TAG_FILL_ORDER, 2, "FillOrder 2");
	check_page(0, OZR_TAG_PHOTOMETRIC, 6, "PhotometricInterpretation 6 (YCbCr)");
	check_page(0, OZR_TAG_PHOTOMETRIC, 8, "PhotometricInterpretation 8");
	check_page(0, OZR_TAG_BITS_PER_SAMPLE, 12, "samples of 12 bits");
	check_page(0, OZR_TAG_SAMPLE_FORMAT, 3, "samples of 16 bits and format 3");
	check_page(0, OZR_TAG_TILE_DEPTH, 2, "a depth of 2");
	check_page(1, 0, 0, "samples are big endian");
	check_strips();
}

/* An array that one option makes unfit. */
static void check_array(unsigned samples,
			void (*spoil)(struct ozr_array_options *, struct ozr_import *),
			const char *why)
{
	struct scene s = small_scene(samples);
	struct ozr_codec_options codec;
	struct ozr_array *a;
	make_file(&s, 0);
	struct place p = open_place(NULL, 0);
	CHECK_OK(ozr_tiff_importable(p.t, 0, 0, &codec, &err));
	struct ozr_array_options opt = wanted(&s, &codec, 0);
	struct ozr_import what = what_of(&s);
	spoil(&opt, &what);
	CHECK_OK(ozr_array_create(p.store, "a", &opt, &a, &err));
	int rc = ozr_tiff_import(p.t, &what, a, NULL, NULL, &err);
	if (rc == OZR_OK || !strstr(err.msg, why))
		fprintf(stderr, "'%s' instead of '%s'\n", rc ? err.msg : "", why);
	CHECK((rc == OZR_BAD_ARG || rc == OZR_UNSUPPORTED) && strstr(err.msg, why));
	ozr_array_close(a);
	close_place(&p);
	free(s.pixels);
}

#define SPOIL(name, change)                                                                        \
	static void name(struct ozr_array_options *opt, struct ozr_import *what)                   \
	{                                                                                          \
		(void)opt, (void)what;                                                             \
		change;                                                                            \
	}
SPOIL(other_type, opt->dtype = OZR_INT16)
SPOIL(other_width, opt->shape[3] = 41)
SPOIL(other_chunk, opt->chunk[2] = 8)
SPOIL(deep_chunk, opt->chunk[0] = 2)
SPOIL(no_room, what->at[0] = 4)
SPOIL(no_channels, opt->shape[1] = 5)
SPOIL(no_axis, what->channel_axis = -1)
SPOIL(same_axis, what->y_axis = 3)
SPOIL(moved, what->at[3] = 16)
SPOIL(other_codec, strcpy(opt->codec.codec, "gzip"))
SPOIL(blosc, strcpy(opt->codec.codec, "blosc-zstd"))
SPOIL(sums, opt->codec.no_checksum = 0)
SPOIL(no_order, memset(opt->order, 0, sizeof(opt->order)))
SPOIL(other_order, opt->order[1] = 3; opt->order[2] = 2)

static void check_arrays(void)
{
	check_array(1, other_type, "the array is int16, the page uint16");
	check_array(1, other_width, "axis 3 of the array is 41, must be 40");
	check_array(1, other_chunk, "the chunk on axis 2 of the array is 8, must be 16");
	check_array(1, deep_chunk, "the chunk on axis 0 of the array is 2, must be 1");
	check_array(1, no_room, "axis 0: 1 elements from 4 on, of an extent of 4");
	check_array(3, no_channels, "axis 1: 3 elements from 3 on, of an extent of 5");
	check_array(3, no_axis, "3 samples need a channel axis");
	check_array(1, same_axis, "y, x and channel axis are 3, 3 and 1");
	check_array(1, moved, "axis 3 begins at 16, must be at 0");
	check_array(1, other_codec, "the codec of the array is gzip, must be zstd");
	check_array(1, blosc, "the array's codec is blosc-zstd");
	check_array(1, sums, "promises checksums");
	check_array(3, no_order, "samples of a pixel lie 256 elements apart");
	check_array(3, other_order, "pixels of a chunk are in another order");
}

/* --- SubIFDs, cancelling, faults ----------------------------------------------------------- */

static void check_sub(void)
{
	struct scene s = small_scene(1), half = s;
	struct ozr_codec_options codec;
	struct page page, sub;
	struct ozr_array *a;
	half.width = half.height = 20;
	half.compression = NONE;
	scene_sizes(&half);
	tiff_begin(&file, 0, 0);
	describe(&sub, &half);
	const uint64_t at = tiff_alone(&file, sub.e, sub.n);
	describe(&page, &s);
	add(&page, OZR_TAG_SUB_IFDS, OZR_TIFF_LONG, at);
	tiff_page(&file, page.e, page.n);
	struct place p = open_place(NULL, 0);
	CHECK_OK(ozr_tiff_importable(p.t, 0, 1, &codec, &err));
	CHECK(strcmp(codec.codec, "none") == 0);
	struct ozr_array_options opt = wanted(&half, &codec, 1);
	struct ozr_import what = what_of(&half);
	what.sub = 1;
	CHECK_OK(ozr_array_create(p.store, "a", &opt, &a, &err));
	CHECK_OK(ozr_tiff_import(p.t, &what, a, NULL, NULL, &err));
	check_pixels(&half, a);
	what.sub = 2;
	CHECK_CODE(OZR_NOT_FOUND, ozr_tiff_import(p.t, &what, a, NULL, NULL, &err));
	ozr_array_close(a);
	close_place(&p);
	free(s.pixels);
	free(half.pixels);
}

struct watcher {
	int calls, stop_at;
	double last;
};

static int watch_progress(void *user, double fraction)
{
	struct watcher *w = user;
	CHECK(fraction >= w->last && fraction <= 1);
	w->last = fraction;
	return ++w->calls == w->stop_at;
}

static void check_progress(void)
{
	struct scene s = small_scene(1);
	struct ozr_codec_options codec;
	make_file(&s, 0);
	for (int stop = 0; stop < 3; stop++) {
		struct place p = open_place(NULL, 0);
		struct watcher w = {.stop_at = stop};
		struct ozr_call call = {.user = &w, .progress = watch_progress};
		struct ozr_import what = what_of(&s);
		struct ozr_array *a;
		CHECK_OK(ozr_tiff_importable(p.t, 0, 0, &codec, &err));
		struct ozr_array_options opt = wanted(&s, &codec, 0);
		CHECK_OK(ozr_array_create(p.store, "a", &opt, &a, &err));
		CHECK_CODE(stop ? OZR_CANCELLED : OZR_OK,
			   ozr_tiff_import(p.t, &what, a, &call, NULL, &err));
		CHECK(stop || w.last == 1);
		CHECK(w.calls >= 2 || stop == 1);
		ozr_array_close(a);
		close_place(&p);
	}
	free(s.pixels);
}

static void check_faults(unsigned compression)
{
	struct scene s = small_scene(1);
	struct ozr_codec_options codec;
	int hit = 1, failures = 0;
	free(s.pixels);
	s.compression = compression;
	scene_sizes(&s);
	if (compression == ZSTD)
		s.kind[4] = TWO_FRAMES;
	make_file(&s, 0);
	for (long n = 1; hit; n++) {
		struct place p = open_place(&fault_sys, 1);
		struct ozr_import what = what_of(&s);
		struct ozr_array *a;
		CHECK_OK(ozr_tiff_importable(p.t, 0, 0, &codec, &err));
		struct ozr_array_options opt = wanted(&s, &codec, 1);
		CHECK_OK(ozr_array_create(p.store, "a", &opt, &a, &err));
		err.msg[0] = 0;
		fault_arm(FAULT_ALLOC, n, 0, 1);
		int rc = ozr_tiff_import(p.t, &what, a, NULL, NULL, &err);
		if (rc == OZR_OK)
			rc = ozr_array_flush(a, NULL, &err);
		hit = fault_disarm();
		CHECK(rc == OZR_OK || (rc == OZR_NO_MEMORY && err.code == rc && err.msg[0]));
		failures += rc != OZR_OK;
		/* the same again succeeds */
		CHECK_OK(ozr_tiff_import(p.t, &what, a, NULL, NULL, &err));
		CHECK_OK(ozr_array_flush(a, NULL, &err));
		check_pixels(&s, a);
		ozr_array_close(a);
		close_place(&p);
	}
	CHECK(failures > 5);
	free(s.pixels);
}

int main(void)
{
	check_all();
	check_bad_tiles();
	check_pages();
	check_arrays();
	check_sub();
	check_progress();
	check_faults(NONE);
	check_faults(DEFLATE);
	check_faults(ZSTD);
	return 0;
}
