/* SPDX-License-Identifier: MIT */
/*
 * OME-XML: see ome_xml.h.
 */
#include "twin/ome_xml.h"

#include <stdio.h>
#include <string.h>

#include "base/json_number.h"
#include "base/utf8.h"
#include "ome/units.h"
#include "ozr/ozr.h"

static const char *const types[OZR_DTYPES] = {
	[OZR_BOOL] = "uint8",    [OZR_INT8] = "int8",     [OZR_UINT8] = "uint8",
	[OZR_INT16] = "int16",   [OZR_UINT16] = "uint16", [OZR_INT32] = "int32",
	[OZR_UINT32] = "uint32", [OZR_FLOAT32] = "float", [OZR_FLOAT64] = "double",
};

const char *ozr_ome_type(enum ozr_dtype t)
{
	return (unsigned)t < OZR_DTYPES ? types[t] : NULL;
}

/* --- units ---------------------------------------------------------------------------- */

/* Decimal prefixes of both lists; OME writes them before "m" and "s". */
static const struct {
	const char *word, *symbol;
} prefixes[] = {
	{"yocto", "y"}, {"zepto", "z"},      {"atto", "a"},  {"femto", "f"}, {"pico", "p"},
	{"nano", "n"},  {"micro", "&#181;"}, {"milli", "m"}, {"centi", "c"}, {"deci", "d"},
	{"", ""},       {"hecto", "h"},      {"kilo", "k"},  {"mega", "M"},  {"giga", "G"},
	{"tera", "T"},  {"peta", "P"},       {"exa", "E"},   {"zetta", "Z"}, {"yotta", "Y"},
};
enum { PREFIXES = sizeof(prefixes) / sizeof(prefixes[0]) };
static const char *const lengths[PREFIXES] = {"ym", "zm", "am", "fm", "pm", "nm", "&#181;m",
					      "mm", "cm", "dm", "m",  "hm", "km", "Mm",
					      "Gm", "Tm", "Pm", "Em", "Zm", "Ym"};
static const char *const times[PREFIXES] = {"ys", "zs", "as", "fs", "ps", "ns", "&#181;s",
					    "ms", "cs", "ds", "s",  "hs", "ks", "Ms",
					    "Gs", "Ts", "Ps", "Es", "Zs", "Ys"};
static const char *const others[][2] = {
	{"angstrom", "&#197;"}, {"inch", "in"},    {"foot", "ft"}, {"yard", "yd"}, {"mile", "mi"},
	{"parsec", "pc"},       {"minute", "min"}, {"hour", "h"},  {"day", "d"},
};

const char *ozr_ome_unit(const char *unit, enum ozr_axis_kind kind)
{
	const char *const *symbols = kind == OZR_AXIS_SPACE ? lengths : times;
	const char *base = kind == OZR_AXIS_SPACE ? "meter" : "second";
	char name[32];
	double factor;

	if (ozr_unit_find(unit, kind, name, &factor) == OZR_UNIT_UNKNOWN)
		return NULL;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(name, others[i][0]) == 0)
			return others[i][1];
	for (size_t i = 0; i < PREFIXES; i++) {
		size_t n = strlen(prefixes[i].word);
		if (strncmp(name, prefixes[i].word, n) == 0 && strcmp(name + n, base) == 0)
			return symbols[i];
	}
	return NULL;
}

/* --- text ----------------------------------------------------------------------------- */

static int is_xml(uint32_t c)
{
	return c >= 0x20 && !(c >= 0x7f && c <= 0x9f) && c != 0xfffe && c != 0xffff;
}

int ozr_xml_text(struct ozr_buf *out, const char *text, size_t len, struct ozr_err *err)
{
	int rc = OZR_OK;

	for (size_t at = 0; rc == OZR_OK && at < len;) {
		uint32_t c = 0xfffd;
		size_t step = ozr_utf8_step(text + at, len - at, &c);
		if (step == 0)
			c = 0xfffd;
		if (is_xml(c) && (c > 0x7e || strchr("<>&\"'", (int)c) != NULL))
			rc = ozr_buf_printf(out, err, "&#%u;", (unsigned)c);
		else if (is_xml(c))
			rc = ozr_buf_append(out, text + at, 1, err);
		at += step > 0 ? step : 1;
	}
	return rc;
}

/* ' name="text"' */
static int attribute(struct ozr_buf *out, const char *name, const char *text, struct ozr_err *err)
{
	int rc = ozr_buf_printf(out, err, " %s=\"", name);

	if (rc == OZR_OK)
		rc = ozr_xml_text(out, text, strlen(text), err);
	return rc != OZR_OK ? rc : ozr_buf_append(out, "\"", 1, err);
}

/* --- the document ----------------------------------------------------------------------- */

/* Without a known unit a size would be taken for micrometers or seconds. */
static int put_scale(struct ozr_buf *out, const char *name, const struct ozr_axis *axis,
		     double scale, struct ozr_err *err)
{
	const char *unit = ozr_ome_unit(axis->unit, axis->kind);
	char number[OZR_NUMBER_TEXT];

	if (unit == NULL && (axis->kind == OZR_AXIS_TIME || (scale == 1.0 && !axis->unit[0])))
		return OZR_OK;
	ozr_number_print(number, scale);
	return ozr_buf_printf(out, err, " %s=\"%s\" %sUnit=\"%s\"", name, number, name,
			      unit != NULL ? unit : "reference frame");
}

static int put_scales(struct ozr_buf *out, const struct ozr_image *img,
		      const struct ozr_twin_geometry *g, struct ozr_err *err)
{
	const struct {
		const char *name;
		int axis;
	} which[] = {{"PhysicalSizeX", (int)g->x},
		     {"PhysicalSizeY", (int)g->y},
		     {"PhysicalSizeZ", g->z},
		     {"TimeIncrement", g->t}};
	double scale[OZR_MAX_RANK], translation[OZR_MAX_RANK];
	struct ozr_image_info info;
	int rc = OZR_OK;

	ozr_image_get_info(img, &info);
	ozr_image_transform(img, 0, scale, translation);
	for (size_t i = 0; rc == OZR_OK && i < sizeof(which) / sizeof(which[0]); i++)
		if (which[i].axis >= 0)
			rc = put_scale(out, which[i].name, &info.axes[which[i].axis],
				       scale[which[i].axis], err);
	return rc;
}

static int put_channel(struct ozr_buf *out, const struct ozr_image *img, uint64_t i,
		       unsigned samples, struct ozr_err *err)
{
	struct ozr_image_info info;
	struct ozr_channel c;
	int rc = ozr_buf_printf(out, err, "<Channel ID=\"Channel:0:%llu\" SamplesPerPixel=\"%u\"",
				(unsigned long long)i, samples);

	ozr_image_get_info(img, &info);
	if (rc == OZR_OK && samples == 1 && i < info.channels) {
		rc = ozr_image_channel(img, (unsigned)i, &c, err);
		if (rc == OZR_OK && c.label[0] != '\0')
			rc = attribute(out, "Name", c.label, err);
		if (rc == OZR_OK && c.has_color) {
			uint32_t rgba = (uint32_t)c.rgb[0] << 24 | (uint32_t)c.rgb[1] << 16 |
					(uint32_t)c.rgb[2] << 8 | 255;
			long long number =
				rgba > INT32_MAX ? (long long)rgba - (1LL << 32) : (long long)rgba;
			rc = ozr_buf_printf(out, err, " Color=\"%lld\"", number);
		}
	}
	return rc != OZR_OK ? rc : ozr_buf_printf(out, err, "/>");
}

static int put_pixels(const struct ozr_image *img, const struct ozr_twin_geometry *g,
		      struct ozr_buf *out, struct ozr_err *err)
{
	const struct ozr_twin_level *l = &g->level[0];
	unsigned samples = g->samples == OZR_TWIN_PAGES ? 1 : g->per_pixel;

	int rc = ozr_buf_printf(
		out, err,
		"<Pixels ID=\"Pixels:0\" DimensionOrder=\"XYZCT\" Type=\"%s\" SizeX=\"%llu\" "
		"SizeY=\"%llu\" SizeZ=\"%llu\" SizeC=\"%llu\" SizeT=\"%llu\" BigEndian=\"false\" "
		"Interleaved=\"%s\"",
		ozr_ome_type(g->dtype), (unsigned long long)l->width, (unsigned long long)l->height,
		(unsigned long long)g->slices, (unsigned long long)g->channels,
		(unsigned long long)g->frames, g->samples == OZR_TWIN_PIXELS ? "true" : "false");
	if (rc == OZR_OK)
		rc = put_scales(out, img, g, err);
	if (rc == OZR_OK)
		rc = ozr_buf_printf(out, err, ">");
	for (uint64_t i = 0; rc == OZR_OK && i < g->channels / samples; i++)
		rc = put_channel(out, img, i, samples, err);
	if (rc == OZR_OK)
		rc = ozr_buf_printf(out, err, "<TiffData IFD=\"0\" PlaneCount=\"%llu\"/></Pixels>",
				    (unsigned long long)g->pages);
	return rc;
}

int ozr_ome_xml(const struct ozr_image *img, const struct ozr_twin_geometry *g, struct ozr_buf *out,
		struct ozr_err *err)
{
	static const char ns[] = "http://www.openmicroscopy.org/Schemas/OME/2016-06";
	struct ozr_image_info info;

	ozr_image_get_info(img, &info);
	int rc = ozr_buf_printf(out, err,
				"<?xml version=\"1.0\" encoding=\"UTF-8\"?><OME xmlns=\"%s\" "
				"xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
				"xsi:schemaLocation=\"%s %s/ome.xsd\" Creator=\"ozr %s\">"
				"<Image ID=\"Image:0\"",
				ns, ns, ns, ozr_version());
	if (rc == OZR_OK && info.name[0] != '\0')
		rc = attribute(out, "Name", info.name, err);
	if (rc == OZR_OK)
		rc = ozr_buf_printf(out, err, ">");
	if (rc == OZR_OK)
		rc = put_pixels(img, g, out, err);
	return rc != OZR_OK ? rc : ozr_buf_printf(out, err, "</Image></OME>");
}
