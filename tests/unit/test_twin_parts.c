/* SPDX-License-Identifier: MIT */
/*
 * OME-XML: hostile names, units, the attributes of an image; and the pieces of
 * IFDs that a whole twin seldom shows: fractions, odd counts, the table of
 * tiles in its file.
 */
#include <math.h>

#include "base/ctx.h"
#include "base/mem.h"
#include "ozr/ozr.h"
#include "support/bigtiff.h"
#include "support/check.h"
#include "tiff/write.h"
#include "twin/ome_xml.h"
#include "twin/table.h"

static struct ozr_ctx *ctx;
static struct ozr_err err;

static void test_text(void)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"plain", "plain"},
		{"a<b>&\"c'd", "a&#60;b&#62;&#38;&#34;c&#39;d"},
		{"\xC2\xB5m \xF0\x9F\x94\xAC", "&#181;m &#128300;"},
		{"\x01tab\tline\n\x7f\xC2\x85.", "tabline."},
		{"\xff|\xC0\x80|\xED\xA0\x80",
		 "&#65533;|&#65533;&#65533;|&#65533;&#65533;&#65533;"},
		{"\xEF\xBF\xBE\xEF\xBF\xBF\xEF\xBF\xBD", "&#65533;"},
		{"]]>", "]]&#62;"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ozr_buf b;
		ozr_buf_init(&b, ctx, 1000);
		CHECK_OK(ozr_xml_text(&b, cases[i].text, strlen(cases[i].text), &err));
		CHECK_OK(ozr_buf_append(&b, "", 1, &err));
		if (strcmp(b.data, cases[i].want) != 0)
			fprintf(stderr, "%zu: %s\n", i, b.data);
		CHECK(strcmp(b.data, cases[i].want) == 0);
		ozr_buf_release(&b);
	}
}

static void test_units(void)
{
	static const struct {
		const char *unit;
		enum ozr_axis_kind kind;
		const char *want;
	} cases[] = {
		{"micrometer", OZR_AXIS_SPACE, "&#181;m"},
		{"nm", OZR_AXIS_SPACE, "nm"},
		{"meter", OZR_AXIS_SPACE, "m"},
		{"zettameter", OZR_AXIS_SPACE, "Zm"},
		{"yoctometer", OZR_AXIS_SPACE, "ym"},
		{"angstrom", OZR_AXIS_SPACE, "&#197;"},
		{"foot", OZR_AXIS_SPACE, "ft"},
		{"second", OZR_AXIS_TIME, "s"},
		{"microsecond", OZR_AXIS_TIME, "&#181;s"},
		{"hour", OZR_AXIS_TIME, "h"},
		{"exasecond", OZR_AXIS_TIME, "Es"},
		{"degree", OZR_AXIS_SPACE, NULL},
		{"", OZR_AXIS_SPACE, NULL},
		{"second", OZR_AXIS_SPACE, NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *got = ozr_ome_unit(cases[i].unit, cases[i].kind);
		CHECK((got == NULL) == (cases[i].want == NULL));
		CHECK(got == NULL || strcmp(got, cases[i].want) == 0);
	}
	CHECK(ozr_ome_type(OZR_INT64) == NULL && ozr_ome_type(OZR_UINT64) == NULL);
	CHECK(strcmp(ozr_ome_type(OZR_BOOL), "uint8") == 0);
	CHECK(strcmp(ozr_ome_type(OZR_FLOAT64), "double") == 0);
}

/* The whole document, of an image as a twin has it. */
static void test_document(void)
{
	struct ozr_channel channel[2] = {
		{.label = "DAPI & <co>", .has_color = 1, .rgb = {0, 0, 255}},
		{.label = "", .has_color = 1, .rgb = {255, 128, 1}}};
	struct ozr_image_options o = {.dtype = OZR_UINT16,
				      .rank = 5,
				      .name = "a \"name\"",
				      .shape = {3, 2, 4, 100, 90},
				      .axes = {{"t", OZR_AXIS_TIME, "millisecond"},
					       {"c", OZR_AXIS_CHANNEL, ""},
					       {"z", OZR_AXIS_SPACE, "nanometer"},
					       {"y", OZR_AXIS_SPACE, "furlong"},
					       {"x", OZR_AXIS_SPACE, ""}},
				      .scale = {0.1, 1, 500, 0.25, 1},
				      .channels = 2,
				      .channel = channel};
	const struct ozr_twin_geometry g = {.dtype = OZR_UINT16,
					    .rank = 5,
					    .t = 0,
					    .c = 1,
					    .z = 2,
					    .y = 3,
					    .x = 4,
					    .samples = OZR_TWIN_PAGES,
					    .per_pixel = 1,
					    .frames = 3,
					    .channels = 2,
					    .slices = 4,
					    .pages = 24,
					    .level[0] = {.width = 90, .height = 100}};
	static const char *const parts[] = {
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?><OME "
		"xmlns=\"http://www.openmicroscopy.org/"
		"Schemas/OME/2016-06\"",
		"<Image ID=\"Image:0\" Name=\"a &#34;name&#34;\">",
		"<Pixels ID=\"Pixels:0\" DimensionOrder=\"XYZCT\" Type=\"uint16\" SizeX=\"90\" "
		"SizeY=\"100\" SizeZ=\"4\" SizeC=\"2\" SizeT=\"3\" BigEndian=\"false\" "
		"Interleaved=\"false\" PhysicalSizeY=\"0.25\" "
		"PhysicalSizeYUnit=\"reference frame\" PhysicalSizeZ=\"500\" "
		"PhysicalSizeZUnit=\"nm\" TimeIncrement=\"0.1\" TimeIncrementUnit=\"ms\">",
		"<Channel ID=\"Channel:0:0\" SamplesPerPixel=\"1\" Name=\"DAPI &#38; "
		"&#60;co&#62;\" "
		"Color=\"65535\"/>",
		"<Channel ID=\"Channel:0:1\" SamplesPerPixel=\"1\" Color=\"-8388097\"/>",
		"<TiffData IFD=\"0\" PlaneCount=\"24\"/></Pixels></Image></OME>"};
	struct ozr_store *store;
	struct ozr_image *img;
	struct ozr_buf b;
	CHECK_OK(ozr_store_open_mem(ctx, &store, &err));
	CHECK_OK(ozr_image_create(store, "", OZR_CREATE_DIRECT, &o, &img, &err));
	ozr_buf_init(&b, ctx, 1 << 20);
	CHECK_OK(ozr_ome_xml(img, &g, &b, &err));
	CHECK_OK(ozr_buf_append(&b, "", 1, &err));
	const char *at = b.data;
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		at = strstr(at, parts[i]);
		if (!at)
			fprintf(stderr, "'%s' is not in '%s'\n", parts[i], b.data);
		CHECK(at);
		at += strlen(parts[i]);
	}
	CHECK(*at == 0);
	ozr_buf_release(&b);
	ozr_image_close(img);
	ozr_store_unref(store);
}

static void test_fractions(void)
{
	static const double good[] = {
		1,       40000,     0.5,       1.0 / 3, 3.14159265358979, 4294967295.0,
		0x1p-32, 12345.678, 0.0000123, 2.54};
	static const double bad[] = {0, -1, 4294967296.0, 1e300, 1e-12};
	uint32_t f[2];
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		CHECK(ozr_tiff_rational(good[i], f));
		double v = (double)f[0] / (double)f[1], off = v / good[i] - 1;
		CHECK(f[1] > 0 && off < 1e-9 && off > -1e-9);
	}
	CHECK(ozr_tiff_rational(0.1, f) && f[0] == 1 && f[1] == 10);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CHECK(!ozr_tiff_rational(bad[i], f));
	CHECK(!ozr_tiff_rational((double)NAN, f) && !ozr_tiff_rational((double)INFINITY, f));
}

struct sink {
	unsigned char *bytes;
	size_t len, room;
};

static int keep(void *user, const void *bytes, size_t n, struct ozr_err *e)
{
	struct sink *s = user;
	(void)e;
	CHECK(n <= s->room - s->len);
	memcpy(s->bytes + s->len, bytes, n);
	s->len += n;
	return OZR_OK;
}

static int bring(void *arg, uint64_t first, size_t n, uint64_t *values, struct ozr_err *e)
{
	(void)arg, (void)e;
	for (size_t i = 0; i < n; i++)
		values[i] = (first + i) * 1000003;
	return OZR_OK;
}

/* Every field type and way to bring values, inline and outside, through a small buffer's edge. */
static void test_ifd(void)
{
	enum { MANY = 20000, SHARED = 16 };
	static const uint16_t shorts[5] = {1, 2, 3, 4, 65535};
	static const int16_t negative[1] = {-2};
	static const uint32_t fraction[2] = {7, 9}, fractions[4] = {1, 2, 3, 4};
	static const double doubles[2] = {1.5, -2.5};
	const struct ozr_ifd_field field[] = {
		{.tag = 10, .type = 3, .count = 5, .value = shorts},
		{.tag = 11, .type = 3, .count = 4, .value = shorts},
		{.tag = 12, .type = 8, .count = 1, .value = negative},
		{.tag = 13, .type = 5, .count = 1, .value = fraction},
		{.tag = 14, .type = 5, .count = 2, .value = fractions},
		{.tag = 15, .type = 12, .count = 2, .value = doubles},
		{.tag = 16, .type = 2, .count = 3, .value = "ab"},
		{.tag = 17, .type = 2, .count = 9, .value = "abcdefgh", .at = SHARED},
		{.tag = 18, .type = 16, .count = MANY, .bring = bring},
		{.tag = 19, .type = 16, .count = 1, .bring = bring},
		{.tag = 20, .type = 4, .count = 1, .number = 4000000000u},
	};
	enum { FIELDS = sizeof field / sizeof field[0] };
	struct sink s = {.room = 1 << 20, .bytes = malloc(1 << 20)};
	struct ozr_tiff_out *o = calloc(1, sizeof *o);
	CHECK(o && s.bytes);
	o->write = keep;
	o->user = &s;
	unsigned char header[OZR_TIFF_HEADER];
	ozr_tiff_header(header, 32);
	CHECK_OK(ozr_tiff_put(o, header, sizeof header, &err));
	CHECK_OK(ozr_tiff_put_values(o, OZR_TIFF_ASCII, 9, "abcdefgh", &err));
	CHECK_OK(ozr_tiff_put_align(o, &err));
	CHECK(o->at == 32);
	CHECK_OK(ozr_ifd_write(o, field, FIELDS, 4711, &err));
	CHECK(o->at == 32 + ozr_ifd_bytes(field, FIELDS));
	CHECK_OK(ozr_tiff_flush(o, &err));
	CHECK(s.len == o->at);

	struct bigtiff t = {s.bytes, s.len};
	uint64_t ifd = tiff_first(&t), bits;
	CHECK(ifd == 32 && tiff_next(&t, ifd) == 4711 && tiff_number(&t, ifd, 8) == FIELDS);
	for (unsigned i = 0; i < 5; i++)
		CHECK(tiff_value(&t, ifd, 10, i) == shorts[i]);
	CHECK(tiff_value(&t, ifd, 11, 3) == 4 && tiff_value(&t, ifd, 12, 0) == 65534);
	CHECK(tiff_value(&t, ifd, 13, 0) == 7 && tiff_value(&t, ifd, 13, 1) == 9);
	for (unsigned i = 0; i < 4; i++)
		CHECK(tiff_value(&t, ifd, 14, i) == i + 1);
	memcpy(&bits, &doubles[1], 8);
	CHECK(tiff_value(&t, ifd, 15, 1) == bits);
	CHECK(tiff_value(&t, ifd, 16, 1) == 'b' && tiff_value(&t, ifd, 16, 2) == 0);
	CHECK(tiff_value(&t, ifd, 17, 7) == 'h');
	for (uint64_t i = 0; i < MANY; i++)
		CHECK(tiff_value(&t, ifd, 18, i) == i * 1000003);
	CHECK(tiff_value(&t, ifd, 19, 0) == 0 && tiff_value(&t, ifd, 20, 0) == 4000000000u);

	struct ozr_ifd_field wrong[2] = {field[1], field[0]};
	CHECK_CODE(OZR_BAD_ARG, ozr_ifd_write(o, wrong, 2, 0, &err));
	wrong[0] = (struct ozr_ifd_field){.tag = 1, .type = 14, .count = 1};
	CHECK_CODE(OZR_BAD_ARG, ozr_ifd_write(o, wrong, 1, 0, &err));
	wrong[0] = (struct ozr_ifd_field){.tag = 1, .type = 4, .count = 3};
	CHECK_CODE(OZR_BAD_ARG, ozr_ifd_write(o, wrong, 1, 0, &err));
	free(o);
	free(s.bytes);
}

static void test_table(void)
{
	enum { TILES = 5000 };
	static const size_t memory[] = {1 << 20, 1000};
	for (unsigned m = 0; m < 2; m++) {
		struct ozr_tile_table *t;
		struct ozr_tile_place place[100];
		CHECK_OK(ozr_tile_table_new(ctx, TILES, memory[m], &t, &err));
		for (uint64_t at = 0; at + 7 < TILES; at += 300) {
			for (unsigned i = 0; i < 7; i++)
				place[i] = (struct ozr_tile_place){at + i, i + 1};
			CHECK_OK(ozr_tile_table_put(t, at, 7, place, &err));
		}
		for (uint64_t at = 0; at < TILES; at += 100) {
			CHECK_OK(ozr_tile_table_get(t, at, 100, place, &err));
			for (unsigned i = 0; i < 100; i++) {
				uint64_t in = (at + i) % 300;
				CHECK(place[i].size == (in < 7 ? in + 1 : 0));
				CHECK(place[i].offset == (in < 7 ? at + i : 0));
			}
		}
		ozr_tile_table_free(t);
	}
}

int main(void)
{
	CHECK_OK(ozr_ctx_new(NULL, &ctx, &err));
	test_text();
	test_units();
	test_document();
	test_fractions();
	test_ifd();
	test_table();
	ozr_ctx_unref(ctx);
	return 0;
}
