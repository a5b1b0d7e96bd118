/* SPDX-License-Identifier: MIT */
/*
 * Twins in memory, read back by both sides: the TIFF's by a small parser of its
 * own (tests/support/bigtiff.h), the Zarr's by the library. Uncompressed
 * pixels are compared with the formula they come from, page by page.
 */
#include "ozr/ozr.h"
#include "support/bigtiff.h"
#include "support/check.h"

static struct ozr_ctx *ctx;
static struct ozr_store *store;
static struct ozr_err err;

struct kind {
	const char *axes;
	uint64_t shape[5];
	enum ozr_dtype dtype;
	const char *codec;
	uint64_t tile;
	int levels;
	enum ozr_twin_samples samples;
	int no_shards;
};

static struct ozr_image_options options(const struct kind *k)
{
	struct ozr_image_options o = {.dtype = k->dtype, .levels = k->levels, .name = "a <twin>"};
	o.rank = (unsigned)strlen(k->axes);
	for (unsigned d = 0; d < o.rank; d++) {
		char a = k->axes[d];
		o.axes[d].name[0] = a;
		o.axes[d].kind = a == 't'   ? OZR_AXIS_TIME
				 : a == 'c' ? OZR_AXIS_CHANNEL
				 : a == 'q' ? OZR_AXIS_OTHER
					    : OZR_AXIS_SPACE;
		o.shape[d] = k->shape[d];
	}
	o.chunk[o.rank - 1] = o.chunk[o.rank - 2] = k->tile;
	o.no_shards = k->no_shards;
	o.grouped_levels = k->levels == 3; /* other paths */
	o.method = OZR_NEAREST;            /* so that levels follow the formula */
	snprintf(o.codec.codec, sizeof o.codec.codec, "%s", k->codec);
	return o;
}

/* Of level 0, 0 in places so that chunks are missing. The other levels take each 2^n-th. */
static uint32_t formula(const uint64_t at[5], const char *axes)
{
	uint64_t v = 1, x = 0;
	for (unsigned d = 0; axes[d]; d++) {
		v = v * 31 + at[d];
		x = axes[d] == 'x' ? at[d] : x;
	}
	return x < 64 ? 0 : (uint32_t)(v % 251);
}

static void push_all(struct ozr_image *img, const struct kind *k, const struct ozr_image_options *o)
{
	uint64_t at[5] = {0};
	for (;;) {
		struct ozr_box box = {.dtype = OZR_UINT32};
		uint64_t h = o->shape[o->rank - 2], w = o->shape[o->rank - 1];
		uint32_t *plane = malloc(h * w * sizeof *plane);
		CHECK(plane);
		for (uint64_t y = 0; y < h; y++)
			for (uint64_t x = 0; x < w; x++) {
				at[o->rank - 2] = y;
				at[o->rank - 1] = x;
				plane[y * w + x] = formula(at, k->axes);
			}
		at[o->rank - 2] = at[o->rank - 1] = 0;
		memcpy(box.start, at, sizeof at);
		for (unsigned d = 0; d < o->rank; d++)
			box.count[d] = d + 2 < o->rank ? 1 : o->shape[d];
		box.data = plane;
		ozr_box_contiguous(&box, o->rank);
		CHECK_OK(ozr_pyramid_push(img, &box, NULL, &err));
		free(plane);
		unsigned d = o->rank - 2;
		while (d-- > 0 && ++at[d] == o->shape[d])
			at[d] = 0;
		if (d == (unsigned)-1)
			return;
	}
}

static void make(const char *key, const struct kind *k, const struct ozr_twin_options *how)
{
	const struct ozr_zip_options zo = {.head = OZR_TWIN_HEAD};
	struct ozr_image_options o = options(k);
	struct ozr_twin_storage storage;
	struct ozr_store *zip;
	struct ozr_image *img;
	struct ozr_twin *twin;
	CHECK_OK(ozr_twin_complete(&o, how, &storage, &err));
	CHECK_OK(ozr_zip_create(store, key, &zo, &zip, &err));
	CHECK_OK(ozr_image_create(zip, "", OZR_CREATE_DIRECT, &o, &img, &err));
	CHECK_OK(ozr_twin_begin(zip, img, how, &twin, &err));
	push_all(img, k, &o);
	CHECK_OK(ozr_image_commit(img, NULL, &err));
	CHECK_OK(ozr_twin_finish(twin, NULL, &err));
	CHECK_CODE(OZR_BAD_ARG, ozr_twin_finish(twin, NULL, &err));
	ozr_twin_free(twin);
	ozr_image_close(img);
	CHECK_OK(ozr_zip_commit(zip, &err));
	ozr_store_unref(zip);
}

/* --- the TIFF side ------------------------------------------------------------------- */

static uint64_t extent(const struct kind *k, char axis)
{
	const char *p = strchr(k->axes, axis);
	return p ? k->shape[p - k->axes] : 1;
}

static double number_of(enum ozr_dtype t, const void *p)
{
	double v;
	ozr_convert(p, t, 0, &v, OZR_FLOAT64, 0, 1);
	return v;
}

/* A pixel of a page and level as the formula has it, in the range of the type. */
static double want_pixel(const struct kind *k, unsigned level, const uint64_t tczyx[5])
{
	static const char names[] = "tczyx";
	uint64_t at[5] = {0};
	for (unsigned d = 0; k->axes[d]; d++) {
		uint64_t v = tczyx[strchr(names, k->axes[d]) - names];
		at[d] = k->axes[d] == 'y' || k->axes[d] == 'x' ? v << level : v;
	}
	uint32_t v = formula(at, k->axes);
	return k->dtype == OZR_INT8 && v > 127 ? 127 : v;
}

static void check_tiles(const struct bigtiff *t, uint64_t ifd, const struct kind *k, unsigned level,
			const uint64_t page[3], unsigned samples)
{
	uint64_t w = tiff_value(t, ifd, 256, 0), h = tiff_value(t, ifd, 257, 0);
	uint64_t tw = tiff_value(t, ifd, 322, 0), th = tiff_value(t, ifd, 323, 0);
	uint64_t across = (w + tw - 1) / tw, down = (h + th - 1) / th;
	unsigned item = ozr_dtype_size(k->dtype);
	int separate = tiff_value(t, ifd, 284, 0) == 2;
	CHECK(tw == k->tile && th == k->tile);
	CHECK(tiff_count(t, ifd, 324) == across * down * (separate ? samples : 1));
	CHECK(tiff_count(t, ifd, 325) == tiff_count(t, ifd, 324));
	for (uint64_t s = 0; s < samples; s++)
		for (uint64_t y = 0; y < h; y++)
			for (uint64_t x = 0; x < w; x++) {
				uint64_t i = y / th * across + x / tw;
				uint64_t in = y % th * tw + x % tw;
				uint64_t at[5] = {page[0], page[1] + s, page[2], y, x};
				if (separate)
					i += s * across * down;
				else
					in = in * samples + s;
				uint64_t p = tiff_value(t, ifd, 324, i) + in * item;
				CHECK(tiff_value(t, ifd, 325, i) ==
				      tw * th * item * (separate ? 1 : samples));
				CHECK(p + item <= t->size);
				CHECK(number_of(k->dtype, t->bytes + p) ==
				      want_pixel(k, level, at));
			}
}

static void check_numbers(const struct bigtiff *t, uint64_t ifd, const struct kind *k,
			  unsigned level, unsigned samples)
{
	uint64_t w = extent(k, 'x'), h = extent(k, 'y');
	for (unsigned i = 0; i < level; i++)
		w = (w + 1) / 2, h = (h + 1) / 2;
	CHECK(tiff_value(t, ifd, 254, 0) == (level > 0));
	CHECK(tiff_value(t, ifd, 256, 0) == w && tiff_value(t, ifd, 257, 0) == h);
	CHECK(tiff_value(t, ifd, 277, 0) == samples);
	CHECK(tiff_value(t, ifd, 259, 0) == (strcmp(k->codec, "none") == 0 ? 1 : 50000));
	CHECK(tiff_count(t, ifd, 258) == samples && tiff_count(t, ifd, 339) == samples);
	for (unsigned s = 0; s < samples; s++) {
		enum ozr_dtype d = k->dtype;
		CHECK(tiff_value(t, ifd, 258, s) == 8 * ozr_dtype_size(d));
		CHECK(tiff_value(t, ifd, 339, s) ==
		      (d == OZR_FLOAT32 || d == OZR_FLOAT64                                  ? 3u
		       : d == OZR_INT8 || d == OZR_INT16 || d == OZR_INT32 || d == OZR_INT64 ? 2u
											     : 1u));
	}
}

static unsigned samples_of(const struct kind *k)
{
	return k->samples == OZR_TWIN_PAGES || k->samples == OZR_TWIN_AUTO
		       ? 1
		       : (unsigned)extent(k, 'c');
}

static void check_tiff(const struct bigtiff *t, const struct kind *k)
{
	unsigned samples = samples_of(k);
	uint64_t ifd = tiff_first(t);
	for (uint64_t frame = 0; frame < extent(k, 't'); frame++)
		for (uint64_t c = 0; c < extent(k, 'c'); c += samples)
			for (uint64_t z = 0; z < extent(k, 'z'); z++) {
				uint64_t page[3] = {frame, c, z};
				CHECK(ifd != 0);
				CHECK(tiff_count(t, ifd, 330) == (uint64_t)k->levels - 1);
				CHECK((tiff_count(t, ifd, 270) > 0) ==
				      (frame + c + z == 0 && k->dtype != OZR_INT64 &&
				       k->dtype != OZR_UINT64));
				for (unsigned l = 0; l < (unsigned)k->levels; l++) {
					uint64_t at = l ? tiff_value(t, ifd, 330, l - 1) : ifd;
					check_numbers(t, at, k, l, samples);
					CHECK(l == 0 || tiff_next(t, at) == 0);
					if (strcmp(k->codec, "none") == 0)
						check_tiles(t, at, k, l, page, samples);
				}
				ifd = tiff_next(t, ifd);
			}
	CHECK(ifd == 0);
}

/* --- the Zarr side, and that tiles are its chunks ------------------------------------------ */

static void check_zarr(const char *key, const struct bigtiff *t, const struct kind *k)
{
	struct ozr_store *zip;
	struct ozr_image *img;
	struct ozr_image_info info;
	uint64_t ifd = tiff_first(t);
	CHECK_OK(ozr_store_open_zip(store, key, OZR_READ, &zip, &err));
	CHECK_OK(ozr_image_open(zip, "", OZR_READ, &img, &err));
	ozr_image_get_info(img, &info);
	CHECK(info.levels == (unsigned)k->levels && strcmp(info.version, "0.5") == 0);
	for (unsigned l = 0; l < info.levels; l++) {
		struct ozr_array *a = ozr_image_level(img, l);
		struct ozr_array_info ai;
		uint64_t chunk[OZR_MAX_RANK] = {0}, offset, size, shared = 0;
		char name[1100];
		ozr_array_get_info(a, &ai);
		unsigned y = ai.rank - 2, x = ai.rank - 1;
		uint64_t at = l ? tiff_value(t, ifd, 330, l - 1) : ifd;
		uint64_t across = (ai.shape[x] + ai.chunk[x] - 1) / ai.chunk[x];
		for (uint64_t i = 0; i < across * ((ai.shape[y] + ai.chunk[y] - 1) / ai.chunk[y]);
		     i++) { /* of the first page */
			chunk[y] = i / across;
			chunk[x] = i % across;
			uint64_t tile = tiff_value(t, at, 324, i);
			int rc = ozr_array_locate(a, chunk, name, &offset, &size, &err);
			if (rc == OZR_NOT_FOUND) { /* all of them at one place */
				CHECK(shared == 0 || tile == shared);
				shared = tile;
				continue;
			}
			CHECK_OK(rc);
			struct ozr_object *o;
			unsigned char bytes[64];
			void *dst = bytes;
			struct ozr_range r = {offset, size < 64 ? size : 64};
			CHECK_OK(ozr_object_open(zip, name, &o, &err));
			CHECK_OK(ozr_object_read(o, 1, &r, &dst, &err));
			ozr_object_close(o);
			CHECK(tile + size <= t->size);
			CHECK(memcmp(t->bytes + tile, bytes, r.length) == 0);
			if (strcmp(k->codec, "zstd") == 0)
				CHECK(tiff_value(t, at, 325, i) == size &&
				      tiff_number(t, tile, 4) == 0xfd2fb528);
		}
	}
	ozr_image_close(img);
	ozr_store_unref(zip);
}

static struct bigtiff load(const char *key)
{
	char *text;
	size_t len;
	CHECK_OK(ozr_store_get(store, key, 1 << 30, &text, &len, NULL, &err));
	return (struct bigtiff){(unsigned char *)text, len};
}

static void unload(struct bigtiff *t)
{
	ozr_text_free((char *)(uintptr_t)t->bytes);
}

static void test_kinds(void)
{
	static const struct kind kinds[] = {
		{"yx", {100, 200}, OZR_UINT8, "none", 32, 2, OZR_TWIN_PAGES, 0},
		{"yx", {100, 200}, OZR_BOOL, "zstd", 64, 3, OZR_TWIN_AUTO, 0},
		{"zyx", {3, 99, 131}, OZR_INT16, "none", 16, 3, OZR_TWIN_PAGES, 0},
		{"cyx", {3, 99, 131}, OZR_UINT16, "none", 16, 2, OZR_TWIN_PIXELS, 0},
		{"cyx", {4, 99, 131}, OZR_UINT8, "none", 32, 2, OZR_TWIN_PLANES, 0},
		{"cyx", {5, 99, 131}, OZR_INT8, "none", 32, 1, OZR_TWIN_PIXELS, 1},
		{"tczyx", {2, 3, 4, 70, 90}, OZR_FLOAT32, "none", 32, 2, OZR_TWIN_PAGES, 0},
		{"tczyx", {2, 3, 4, 70, 90}, OZR_UINT16, "none", 32, 2, OZR_TWIN_PIXELS, 0},
		{"tczyx", {2, 3, 4, 70, 90}, OZR_UINT32, "none", 32, 2, OZR_TWIN_PLANES, 1},
		{"tyx", {2, 70, 90}, OZR_INT32, "none", 48, 1, OZR_TWIN_PAGES, 1},
		{"tzyx", {2, 2, 70, 90}, OZR_FLOAT64, "none", 48, 1, OZR_TWIN_PAGES, 0},
		{"yx", {300, 200}, OZR_INT64, "none", 64, 8, OZR_TWIN_PAGES, 0},
		{"yx", {300, 200}, OZR_UINT64, "zstd", 64, 2, OZR_TWIN_PAGES, 0},
		{"tczyx", {1, 2, 2, 300, 500}, OZR_UINT16, "zstd", 64, 4, OZR_TWIN_PAGES, 0},
		{"cyx", {3, 300, 500}, OZR_UINT8, "zstd", 64, 4, OZR_TWIN_PIXELS, 1},
		{"cyx", {1, 70, 90}, OZR_UINT8, "none", 32, 1, OZR_TWIN_PIXELS, 0},
		{"yx", {1, 40}, OZR_UINT8, "none", 16, 2, OZR_TWIN_PAGES, 0},
	};
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		struct ozr_twin_options how = {.samples = kinds[i].samples};
		char key[16];
		fprintf(stderr, "%s %s %s\n", kinds[i].axes, ozr_dtype_name(kinds[i].dtype),
			kinds[i].codec);
		snprintf(key, sizeof key, "%zu.ozx", i);
		make(key, &kinds[i], &how);
		struct bigtiff t = load(key);
		check_tiff(&t, &kinds[i]);
		check_zarr(key, &t, &kinds[i]);
		unload(&t);
	}
}

/* Nothing stored at all: each tile of each level is the fill tile. */
static void test_empty(void)
{
	static const struct kind k = {"cyx", {2, 130, 200}, OZR_INT16, "none", 64,
				      2,     OZR_TWIN_AUTO, 0};
	struct ozr_image_options o = options(&k);
	const struct ozr_zip_options zo = {.head = OZR_TWIN_HEAD};
	const int16_t fill = -7;
	struct ozr_twin_storage storage;
	struct ozr_store *zip;
	struct ozr_image *img;
	struct ozr_twin *twin;
	memcpy(o.fill, &fill, sizeof fill);
	CHECK_OK(ozr_twin_complete(&o, NULL, &storage, &err));
	CHECK_OK(ozr_zip_create(store, "empty", &zo, &zip, &err));
	CHECK_OK(ozr_image_create(zip, "", OZR_CREATE_DIRECT, &o, &img, &err));
	CHECK_OK(ozr_twin_begin(zip, img, NULL, &twin, &err));
	CHECK_CODE(OZR_BAD_ARG, ozr_twin_finish(twin, NULL, &err)); /* shards may still come */
	CHECK(strstr(err.msg, "twin 'empty'"));
	CHECK_OK(ozr_image_commit(img, NULL, &err));
	CHECK_OK(ozr_twin_finish(twin, NULL, &err));
	ozr_twin_free(twin);
	ozr_image_close(img);
	CHECK_OK(ozr_zip_commit(zip, &err));
	ozr_store_unref(zip);

	struct bigtiff t = load("empty");
	uint64_t ifd = tiff_first(&t), sub = tiff_value(&t, ifd, 330, 0);
	uint64_t tile = tiff_value(&t, ifd, 324, 0);
	for (; ifd; ifd = tiff_next(&t, ifd))
		for (uint64_t i = 0; i < tiff_count(&t, ifd, 324); i++)
			CHECK(tiff_value(&t, ifd, 324, i) == tile &&
			      tiff_value(&t, ifd, 325, i) == 64 * 64 * 2);
	CHECK(tiff_value(&t, sub, 324, 0) == tile);
	for (uint64_t i = 0; i < 64 * 64; i++)
		CHECK((int16_t)tiff_number(&t, tile + 2 * i, 2) == fill);
	unload(&t);
}

static void test_tags(void)
{
	static const struct kind k = {"zyx", {2, 100, 100}, OZR_UINT8, "zstd", 64,
				      2,     OZR_TWIN_AUTO, 0};
	static const double scale[3] = {0.5, 0.25, 0};
	static const uint16_t keys[8] = {1, 1, 0, 1, 1024, 0, 1, 2};
	static const char text[] = "0";
	const struct ozr_tiff_tag tags[] = {{42113, 2, 2, text},
					    {33550, 12, 3, scale},
					    {34735, 3, 8, keys},
					    {65000, 1, 1, "\x2a"}};
	struct ozr_twin_options how = {.tags = 4, .tag = tags, .description = "my own"};
	make("tags", &k, &how);
	struct bigtiff t = load("tags");
	uint64_t ifd = tiff_first(&t), page = 0;
	CHECK(tiff_count(&t, ifd, 270) == 7);
	CHECK(tiff_value(&t, ifd, 270, 0) == 'm' && tiff_value(&t, ifd, 270, 6) == 0);
	for (; ifd; ifd = tiff_next(&t, ifd), page++) {
		for (unsigned i = 0; i < 8; i++)
			CHECK(tiff_value(&t, ifd, 34735, i) == keys[i]);
		for (unsigned i = 0; i < 3; i++) {
			uint64_t bits;
			memcpy(&bits, &scale[i], 8);
			CHECK(tiff_value(&t, ifd, 33550, i) == bits);
		}
		CHECK(tiff_value(&t, ifd, 42113, 0) == '0' && tiff_value(&t, ifd, 65000, 0) == 42);
		CHECK(tiff_count(&t, tiff_value(&t, ifd, 330, 0), 34735) == 0);
	}
	CHECK(page == 2);
	unload(&t);
}

/* Colors of the channels decide what AUTO means; pixels per centimeter come from units. */
static void test_colors(void)
{
	struct ozr_channel rgba[4] = {{.label = "r", .has_color = 1, .rgb = {255, 0, 0}},
				      {.label = "g", .has_color = 1, .rgb = {0, 255, 0}},
				      {.label = "b", .has_color = 1, .rgb = {0, 0, 255}},
				      {.label = "a"}};
	static const struct {
		uint64_t channels;
		enum ozr_dtype dtype;
		uint64_t alpha;
		int green; /* of the green channel */
		unsigned photometric, samples;
	} cases[] = {{3, OZR_UINT8, 0, 255, 2, 3},
		     {4, OZR_UINT16, 4, 255, 2, 4},
		     {4, OZR_UINT8, 0, 255, 1, 1},
		     {3, OZR_UINT8, 0, 254, 1, 1},
		     {3, OZR_FLOAT32, 0, 255, 1, 1}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct kind k = {"cyx",
				 {cases[i].channels, 64, 64},
				 cases[i].dtype,
				 "none",
				 64,
				 1,
				 OZR_TWIN_AUTO,
				 0};
		const struct ozr_zip_options zo = {.head = OZR_TWIN_HEAD};
		struct ozr_image_options o = options(&k);
		struct ozr_twin_storage storage;
		struct ozr_store *zip;
		struct ozr_image *img;
		struct ozr_twin *twin;
		rgba[1].rgb[1] = (unsigned char)cases[i].green;
		o.channels = (unsigned)cases[i].channels;
		o.channel = rgba;
		o.alpha = cases[i].alpha;
		o.scale[1] = 0.5;
		o.scale[2] = 0.25;
		snprintf(o.axes[1].unit, sizeof o.axes[1].unit, "micrometer");
		snprintf(o.axes[2].unit, sizeof o.axes[2].unit, "micrometer");
		CHECK_OK(ozr_twin_complete(&o, NULL, &storage, &err));
		CHECK_OK(ozr_zip_create(store, "colors", &zo, &zip, &err));
		CHECK_OK(ozr_image_create(zip, "", OZR_CREATE_DIRECT, &o, &img, &err));
		CHECK_OK(ozr_twin_begin(zip, img, NULL, &twin, &err));
		push_all(img, &k, &o);
		CHECK_OK(ozr_image_commit(img, NULL, &err));
		CHECK_OK(ozr_twin_finish(twin, NULL, &err));
		ozr_twin_free(twin);
		ozr_image_close(img);
		CHECK_OK(ozr_zip_commit(zip, &err));
		ozr_store_unref(zip);
		struct bigtiff t = load("colors");
		uint64_t ifd = tiff_first(&t);
		CHECK(tiff_value(&t, ifd, 262, 0) == cases[i].photometric);
		CHECK(tiff_value(&t, ifd, 277, 0) == cases[i].samples);
		CHECK(tiff_count(&t, ifd, 338) == (cases[i].samples == 4));
		CHECK(cases[i].samples < 4 || tiff_value(&t, ifd, 338, 0) == 2);
		CHECK(tiff_value(&t, ifd, 296, 0) == 3);
		CHECK(tiff_value(&t, ifd, 282, 0) == 40000 && tiff_value(&t, ifd, 282, 1) == 1);
		CHECK(tiff_value(&t, ifd, 283, 0) == 20000 && tiff_value(&t, ifd, 283, 1) == 1);
		unload(&t);
	}
}

/* --- what is refused ------------------------------------------------------------------------ */

static void refused(const struct ozr_image_options *opt, enum ozr_twin_samples samples,
		    const char *words)
{
	struct ozr_image_options o = *opt;
	struct ozr_twin_options how = {.samples = samples};
	struct ozr_twin_storage storage;
	CHECK_CODE(OZR_UNSUPPORTED, ozr_twin_complete(&o, &how, &storage, &err));
	if (!strstr(err.msg, words))
		fprintf(stderr, "'%s' is not in '%s'\n", words, err.msg);
	CHECK(strstr(err.msg, words));
	CHECK(memcmp(&o, opt, sizeof o) == 0); /* nothing is changed then */
}

static void test_refused(void)
{
	static const struct kind k = {"tczyx", {2, 3, 4, 100, 90}, OZR_UINT8, "zstd", 64,
				      1,       OZR_TWIN_AUTO,      0};
	static const unsigned factors[5] = {1, 1, 2, 2, 2};
	struct ozr_image_options o = options(&k), ok = o;
	struct ozr_level_plan *plan = calloc(2, sizeof *plan);
	struct ozr_twin_storage storage;
	CHECK(plan);
	CHECK_OK(ozr_twin_complete(&ok, NULL, &storage, &err));
	CHECK(ok.chunk[2] == 1 && ok.chunk[4] == 64 && strcmp(ok.codec.codec, "zstd") == 0);

	o.ome_version = 4;
	refused(&o, OZR_TWIN_AUTO, "0.5, not 0.4");
	o = options(&k);
	snprintf(o.codec.codec, sizeof o.codec.codec, "gzip");
	refused(&o, OZR_TWIN_AUTO, "codec 'gzip'");
	o = options(&k);
	o.chunk[4] = 100;
	refused(&o, OZR_TWIN_AUTO, "axis 'x': a chunk of 100");
	o = options(&k);
	o.chunk[2] = 2;
	refused(&o, OZR_TWIN_AUTO, "axis 'z': a chunk of 2, a twin needs 1");
	o = options(&k);
	o.chunk[1] = 3;
	refused(&o, OZR_TWIN_PLANES, "axis 'c': a chunk of 3, a twin needs 1");
	o.chunk[1] = 1;
	refused(&o, OZR_TWIN_PIXELS, "axis 'c': a chunk of 1, a twin needs 3");
	o = options(&k);
	o.factors = factors;
	o.factor_sets = 1;
	o.levels = 2;
	refused(&o, OZR_TWIN_AUTO, "axis 'z': a factor of 2");
	o = options(&k);
	for (unsigned d = 0; d < 5; d++)
		o.order[d] = d < 3 ? d : 7 - d; /* x before y */
	refused(&o, OZR_TWIN_AUTO, "the order of the axes in a chunk must be y, x");
	o = options(&k);
	o.axes[1] = (struct ozr_axis){"q", OZR_AXIS_OTHER, ""};
	refused(&o, OZR_TWIN_AUTO, "axis 'q'");
	o = options(&k);
	o.shape[0] = 1 << 20;
	refused(&o, OZR_TWIN_AUTO, "too many pages");
	o = options(&k);
	o.shape[4] = UINT64_C(5000000000);
	refused(&o, OZR_TWIN_AUTO, "TIFF goes to 4294967295");
	o = options(&k);
	o.shape[3] = o.shape[4] = 2000000000;
	o.chunk[3] = o.chunk[4] = 16;
	refused(&o, OZR_TWIN_AUTO, "tiles in a page");
	o = options(&k);
	o.shape[1] = 70000;
	refused(&o, OZR_TWIN_PIXELS, "samples: TIFF goes to 65535");
	o = options(&k);
	o.levels = 2;
	o.level_plan = plan; /* an image whose levels halve z, too */
	for (unsigned i = 0; i < 2; i++)
		for (unsigned d = 0; d < 5; d++) {
			plan[i].factor[d] = i && d > 1 ? 2 : 1;
			plan[i].shape[d] = (o.shape[d] + plan[i].factor[d] - 1) / plan[i].factor[d];
			plan[i].scale[d] = plan[i].factor[d];
		}
	refused(&o, OZR_TWIN_AUTO, "level 1, axis 'z': 2 of 4");
	free(plan);
}

/* How many levels and which tiles come when nothing is said. */
static void test_defaults(void)
{
	static const struct kind k = {"zyx", {300, 2000, 700}, OZR_UINT8, "", 0,
				      0,     OZR_TWIN_AUTO,    0};
	struct ozr_image_options o = options(&k);
	struct ozr_twin_storage storage;
	CHECK_OK(ozr_twin_complete(&o, NULL, &storage, &err));
	CHECK(o.levels == 4 && o.chunk[0] == 1 && o.chunk[1] == 512 && o.chunk[2] == 512);
	CHECK(o.factor_sets == 1 && o.factors[0] == 1 && o.factors[1] == 2 && o.factors[2] == 2);
	o = options(&k);
	o.shape[1] = 1;
	o.shape[2] = 100;
	CHECK_OK(ozr_twin_complete(&o, NULL, &storage, &err));
	CHECK(o.levels == 1 && o.chunk[1] == 16 && o.chunk[2] == 112 && o.factors[1] == 1);
}

static void begin_fails(const struct ozr_image_options *o, unsigned head,
			const struct ozr_twin_options *how, int code, const char *words)
{
	const struct ozr_zip_options zo = {.head = head};
	struct ozr_store *zip;
	struct ozr_image *img;
	struct ozr_twin *twin;
	CHECK_OK(ozr_zip_create(store, "refused", &zo, &zip, &err));
	CHECK_OK(ozr_image_create(zip, "", OZR_CREATE_DIRECT, o, &img, &err));
	CHECK_CODE(code, ozr_twin_begin(zip, img, how, &twin, &err));
	if (!strstr(err.msg, words))
		fprintf(stderr, "'%s' is not in '%s'\n", words, err.msg);
	CHECK(strstr(err.msg, words));
	ozr_image_close(img);
	ozr_store_unref(zip);
}

static void test_begin_refused(void)
{
	static const struct kind k = {"yx", {100, 90}, OZR_UINT8, "zstd", 64, 1, OZR_TWIN_AUTO, 0};
	struct ozr_image_options o = options(&k);
	struct ozr_tiff_tag tag[2] = {{256, 4, 1, "1234"}, {65000, 1, 1, "1"}};
	struct ozr_twin_options how = {.tags = 1, .tag = tag};
	begin_fails(&o, 8, NULL, OZR_BAD_ARG, "before the first entry");
	begin_fails(&o, 16, &how, OZR_BAD_ARG, "tag 256 is the writer's own");
	tag[0] = (struct ozr_tiff_tag){65000, 14, 1, "1234"};
	begin_fails(&o, 16, &how, OZR_BAD_ARG, "tag 65000: type 14");
	tag[0] = tag[1];
	how.tags = 2;
	begin_fails(&o, 16, &how, OZR_BAD_ARG, "tag 65000 is there twice");
	snprintf(o.codec.codec, sizeof o.codec.codec, "blosc-zstd");
	begin_fails(&o, 16, NULL, OZR_UNSUPPORTED, "codec 'blosc-zstd'");
}

int main(void)
{
	CHECK_OK(ozr_ctx_new(NULL, &ctx, &err));
	CHECK_OK(ozr_store_open_mem(ctx, &store, &err));
	test_kinds();
	test_empty();
	test_tags();
	test_colors();
	test_refused();
	test_defaults();
	test_begin_refused();
	ozr_store_unref(store);
	ozr_ctx_unref(ctx);
	return 0;
}
