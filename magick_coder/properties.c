/* SPDX-License-Identifier: MIT */
/*
 * What an image says about itself: where it is from (omezarr:source), which
 * part of that it is, and its physical size. The writer takes axes and places
 * from here; docs/imagemagick.md lists the properties.
 *
 * Numbers are written with a point in every locale, and as many digits as
 * give them back exactly.
 */
#include "reading.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

/* --- Text -------------------------------------------------------------------- */

struct text {
	char at[8192];
	size_t n;
};

/* All of it or nothing: 0 when it does not fit. */
static int add(struct text *text, const char *format, ...) OZR_PRINTF(2, 3);
static int add(struct text *text, const char *format, ...)
{
	size_t room = sizeof(text->at) - text->n;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text->at + text->n, room, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= room) {
		text->at[text->n] = '\0';
		return 0;
	}
	text->n += (size_t)n;
	return 1;
}

/* identify prints properties as they are, to a terminal often: what would steer one becomes "?". */
static const char *clean(const char *from, struct text *to)
{
	for (to->n = 0; from[to->n] && to->n + 1 < sizeof(to->at); to->n++) {
		unsigned char c = (unsigned char)from[to->n];
		int c1 = to->n && (unsigned char)from[to->n - 1] == 0xc2 && c < 0xa0;

		to->at[to->n] = (char)(c < ' ' || c == 0x7f || c1 ? '?' : c);
		if (c1)
			to->at[to->n - 1] = '?';
	}
	to->at[to->n] = '\0';
	return to->at;
}

static void set(struct reading *r, Image *image, const char *key, const char *value)
{
	struct text name, text;

	image_set_property(image, clean(key, &name), clean(value, &text), r->exception);
}

static void set_format(struct reading *r, Image *image, const char *key, const char *format, ...)
	OZR_PRINTF(4, 5);
static void set_format(struct reading *r, Image *image, const char *key, const char *format, ...)
{
	char value[PATH_EXTENT];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	set(r, image, key, value);
}

/* Behind it, " micrometer". */
static void set_number(struct reading *r, Image *image, const char *key, double number,
		       const char *unit)
{
	char digits[40];

	for (int n = 15; n <= 17;
	     n++) { /* no more than give it back: 0.1, not 0.10000000000000001 */
		(void)FormatLocaleString(digits, sizeof(digits), "%.*g", n, number);
		if (InterpretLocaleValue(digits, NULL) == number)
			break;
	}
	set_format(r, image, key, "%s%s%s", digits, *unit ? " " : "", unit);
}

/* "2x3x512x512" */
static int add_shape(struct text *text, const uint64_t *shape, unsigned rank)
{
	size_t before = text->n;

	for (unsigned d = 0; d < rank; d++)
		if (!add(text, "%s%" PRIu64, d ? "x" : "", shape[d])) {
			text->n = before;
			text->at[before] = '\0';
			return 0;
		}
	return 1;
}

/* --- Physical size ------------------------------------------------------------ */

/* Centimetres in a unit of length as OME-NGFF has them; 0: another unit. */
static double centimetres(const char *unit)
{
	static const struct {
		const char *name;
		double size;
	} units[] = {
		{"angstrom", 1e-8},    {"attometer", 1e-16},  {"centimeter", 1},
		{"decimeter", 10},     {"exameter", 1e20},    {"femtometer", 1e-13},
		{"foot", 30.48},       {"gigameter", 1e11},   {"hectometer", 1e4},
		{"inch", 2.54},        {"kilometer", 1e5},    {"megameter", 1e8},
		{"meter", 100},        {"micrometer", 1e-4},  {"mile", 160934.4},
		{"millimeter", 0.1},   {"nanometer", 1e-7},   {"parsec", 3.0856775814913673e18},
		{"petameter", 1e17},   {"picometer", 1e-10},  {"terameter", 1e14},
		{"yard", 91.44},       {"yoctometer", 1e-22}, {"yottameter", 1e26},
		{"zeptometer", 1e-19}, {"zettameter", 1e23},
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (strcmp(units[i].name, unit) == 0)
			return units[i].size;
	return 0;
}

static void set_resolution(const struct reading *r, Image *image, const double *scale)
{
	const struct plan *plan = &r->plan;
	double x = scale[plan->x_axis] * centimetres(plan->info.axes[plan->x_axis].unit);
	double y = scale[plan->y_axis] * centimetres(plan->info.axes[plan->y_axis].unit);

	if (!(x > 0 && y > 0 && isfinite(1 / x) && isfinite(1 / y)))
		return;
	image_set_density(image, 1 / x, 1 / y);
	image->units = PixelsPerCentimeterResolution;
}

/* --- Axes ----------------------------------------------------------------------- */

static int is_color_axis(const struct plan *plan, unsigned d)
{
	return plan->view != VIEW_GRAY && (int)d == plan->channel_axis;
}

/* Scale, place and index on an axis. */
static void set_axis(struct reading *r, Image *image, unsigned d, const uint64_t *index,
		     const double *scale, const double *translation)
{
	const struct plan *plan = &r->plan;
	const struct ozr_axis *axis = &plan->info.axes[d];
	char key[64];

	if (d != plan->y_axis && d != plan->x_axis && !is_color_axis(plan, d)) {
		(void)FormatLocaleString(key, sizeof(key), "omezarr:%s", axis->name);
		set_format(r, image, key, "%" PRIu64, index[d]);
	}
	if (axis->kind == OZR_AXIS_CHANNEL)
		return; /* a number of a channel is no place */
	(void)FormatLocaleString(key, sizeof(key), "omezarr:scale-%s", axis->name);
	set_number(r, image, key, scale[d], axis->unit);
	(void)FormatLocaleString(key, sizeof(key), "omezarr:position-%s", axis->name);
	set_number(r, image, key, translation[d] + scale[d] * (double)index[d], axis->unit);
}

/* "tczyx"; names of several letters stand apart: "time,y,x". */
static void set_axes(struct reading *r, Image *image)
{
	const struct ozr_image_info *info = &r->plan.info;
	struct text text = {.n = 0};
	int letters = 1;

	for (unsigned d = 0; d < info->rank; d++)
		letters = letters && strlen(info->axes[d].name) == 1;
	for (unsigned d = 0; d < info->rank; d++)
		(void)add(&text, "%s%s", d && !letters ? "," : "", info->axes[d].name);
	set(r, image, "omezarr:axes", text.at);
	text.n = 0;
	if (add_shape(&text, r->plan.shape, info->rank))
		set(r, image, "omezarr:shape", text.at);
}

static void set_levels(struct reading *r, Image *image)
{
	const struct plan *plan = &r->plan;
	struct text text = {.n = 0};

	set_format(r, image, "omezarr:level", "%u/%u", plan->level, plan->info.levels);
	for (unsigned i = 0; i < plan->info.levels; i++) {
		struct ozr_array *array = ozr_image_level(r->source.image, i);
		struct ozr_array_info a;

		if (!array)
			break;
		ozr_array_get_info(array, &a);
		if ((i && !add(&text, " ")) || !add_shape(&text, a.shape, a.rank))
			break;
	}
	set(r, image, "omezarr:levels", text.at);
}

/* The channel of a gray image, and where a plane of many is, to be shown: "DAPI z=60". Not as
 * the property `label`, which montage would write below it unasked. */
static void set_labels(struct reading *r, Image *image, const uint64_t *index)
{
	const struct plan *plan = &r->plan;
	struct ozr_channel channel;
	struct text text = {.n = 0};

	for (unsigned d = 0; d < plan->info.rank; d++) {
		const char *blank = text.n ? " " : "";

		if (d == plan->y_axis || d == plan->x_axis || is_color_axis(plan, d))
			continue;
		if ((int)d == plan->channel_axis && index[d] < plan->info.channels &&
		    ozr_image_channel(r->source.image, (unsigned)index[d], &channel, NULL) ==
			    OZR_OK &&
		    *channel.label) {
			set(r, image, "omezarr:channel", channel.label);
			(void)add(&text, "%s%s", blank, channel.label);
		} else {
			(void)add(&text, "%s%s=%" PRIu64, blank, plan->info.axes[d].name, index[d]);
		}
	}
	if (plan->planes > 1)
		set(r, image, "omezarr:plane", text.at);
}

/* --- All ------------------------------------------------------------------------ */

static void set_source(struct reading *r, Image *image)
{
	if (*r->source.lineage)
		set(r, image, "omezarr:source", r->source.lineage);
	if (!r->plan.whole)
		set(r, image, "omezarr:part", "true");
}

/* Signed integers are moved up by half of their range: by how much. */
static void set_offset(struct reading *r, Image *image, uint64_t channel)
{
	double low, high;

	mapping_ends(r->dtype, &low, &high);
	if (low < 0 && r->plan.view != VIEW_COMPOSITE && r->options.window == WINDOW_DEFAULT &&
	    !window_is_raw(r, channel))
		set_number(r, image, "omezarr:offset", -low, "");
}

static void set_type(struct reading *r, Image *image, uint64_t channel)
{
	set(r, image, "omezarr:dtype", ozr_dtype_name(r->dtype));
	set_offset(r, image, channel);
	if ((r->dtype == OZR_FLOAT32 || r->dtype == OZR_FLOAT64) && r->plan.view != VIEW_COMPOSITE)
		set(r, image, "quantum:format", "floating-point");
}

static void set_warnings(struct reading *r, Image *image)
{
	struct text text = {.n = 0};
	const char *warning;

	for (unsigned i = 0; (warning = ozr_image_warning(r->source.image, i)) != NULL; i++)
		if (!add(&text, "%s%s", i ? "; " : "", warning))
			break;
	if (text.n)
		set(r, image, "omezarr:warnings", text.at);
}

/* A region is a part of a canvas, as if the whole had been read and cropped. */
static void set_page(const struct plan *plan, Image *image)
{
	if (plan->columns == plan->shape[plan->x_axis] && plan->rows == plan->shape[plan->y_axis])
		return;
	image->page.width = (size_t)plan->shape[plan->x_axis];
	image->page.height = (size_t)plan->shape[plan->y_axis];
	image->page.x = (ssize_t)plan->x;
	image->page.y = (ssize_t)plan->y;
}

void properties_set(struct reading *r, size_t item)
{
	const struct plan *plan = &r->plan;
	Image *image = r->image[item];
	double scale[OZR_MAX_RANK], translation[OZR_MAX_RANK];
	uint64_t index[OZR_MAX_RANK];

	plan_position(plan, plan->list[item], 0, index);
	ozr_image_transform(r->source.image, plan->level, scale, translation);
	set_page(plan, image);
	set_resolution(r, image, scale);
	/* axes first: one may have the name of something else */
	for (unsigned d = 0; d < plan->info.rank; d++)
		set_axis(r, image, d, index, scale, translation);
	set_axes(r, image);
	set_levels(r, image);
	set_labels(r, image, index);
	set_type(r, image, plan->channel_axis < 0 ? 0 : index[plan->channel_axis]);
	set_source(r, image);
	if (*plan->info.name)
		set(r, image, "omezarr:name", plan->info.name);
	set_warnings(r, image);
}
