/* SPDX-License-Identifier: MIT */
/*
 * Writing the omero member. 0.4 and 0.5 want a color and a complete window for
 * every channel, so what nobody gave is made up: the usual colors, and windows
 * from the true range of the data, or from the type when nothing was seen.
 */
#include "ome/omero.h"

#include <math.h>
#include <stdio.h>

/* One channel is gray, more take these in turn. */
static const unsigned char palette[][3] = {
	{0, 255, 0},   {255, 0, 0},   {0, 0, 255},     {255, 0, 255},
	{0, 255, 255}, {255, 255, 0}, {255, 255, 255},
};

static void type_range(enum ozr_dtype t, double *min, double *max)
{
	static const struct {
		double min, max;
	} range[OZR_DTYPES] = {
		[OZR_BOOL] = {0, 1},
		[OZR_INT8] = {-128, 127},
		[OZR_UINT8] = {0, 255},
		[OZR_INT16] = {-32768, 32767},
		[OZR_UINT16] = {0, 65535},
		[OZR_INT32] = {-2147483648.0, 2147483647.0},
		[OZR_UINT32] = {0, 4294967295.0},
		[OZR_INT64] = {-9223372036854775808.0, 9223372036854775808.0},
		[OZR_UINT64] = {0, 18446744073709551616.0},
		[OZR_FLOAT32] = {0, 1},
		[OZR_FLOAT64] = {0, 1},
	};
	*min = range[t].min;
	*max = range[t].max;
}

/* Fill what the channel's window lacks. */
static void complete_window(const struct ozr_omero_source *src, unsigned i, struct ozr_channel *c)
{
	if (c->has_window)
		return;
	c->has_window = 1;
	if (src->stats != NULL && src->stats[i].any && isfinite(src->stats[i].min) &&
	    isfinite(src->stats[i].max)) {
		c->min = src->stats[i].min;
		c->max = src->stats[i].max;
	} else {
		type_range(src->dtype, &c->min, &c->max);
	}
	c->start = c->min;
	c->end = c->max > c->min ? c->max : c->min + 1.0; /* viewers divide by the width */
}

static struct ozr_channel complete(const struct ozr_omero_source *src, unsigned i)
{
	struct ozr_channel c = {.active = 1};

	if (i < src->given_count)
		c = src->given[i];
	if (c.label[0] == '\0')
		snprintf(c.label, sizeof(c.label), "Channel %u", i);
	if (!c.has_color)
		for (unsigned k = 0; k < 3; k++)
			c.rgb[k] = src->n == 1
					   ? 255
					   : palette[i % (sizeof(palette) / sizeof(palette[0]))][k];
	complete_window(src, i, &c);
	return c;
}

static struct ozr_json *write_channel(const struct ozr_omero_source *src, unsigned i)
{
	struct ozr_channel c = complete(src, i);
	struct ozr_json *o = ozr_json_object(), *w = ozr_json_object();
	char color[8];

	snprintf(color, sizeof(color), "%02X%02X%02X", c.rgb[0], c.rgb[1], c.rgb[2]);
	int bad = ozr_json_set(w, "min", ozr_json_number(c.min)) |
		  ozr_json_set(w, "max", ozr_json_number(c.max)) |
		  ozr_json_set(w, "start", ozr_json_number(c.start)) |
		  ozr_json_set(w, "end", ozr_json_number(c.end));
	bad |= ozr_json_set(o, "active", ozr_json_bool(c.active)) |
	       ozr_json_set(o, "coefficient", ozr_json_number(1.0)) |
	       ozr_json_set_text(o, "color", color) | ozr_json_set_text(o, "family", "linear") |
	       ozr_json_set(o, "inverted", ozr_json_bool(0)) |
	       ozr_json_set_text(o, "label", c.label);
	bad |= ozr_json_set(o, "window", w);
	if (bad != 0) {
		ozr_json_free(o);
		return NULL;
	}
	return o;
}

struct ozr_json *ozr_omero_write(const struct ozr_omero_source *src)
{
	struct ozr_json *o = ozr_json_object(), *list = ozr_json_array();
	struct ozr_json *rdefs = ozr_json_object();
	int bad = 0;

	for (unsigned i = 0; i < src->n; i++)
		bad |= ozr_json_append(list, write_channel(src, i));
	bad |= ozr_json_set(rdefs, "defaultT", ozr_json_u64(0)) |
	       ozr_json_set(rdefs, "defaultZ", ozr_json_u64(src->default_z)) |
	       ozr_json_set_text(rdefs, "model", src->n == 1 ? "greyscale" : "color");
	if (src->version != NULL)
		bad |= ozr_json_set_text(o, "version", src->version);
	if (src->name != NULL && *src->name != '\0')
		bad |= ozr_json_set_text(o, "name", src->name);
	bad |= ozr_json_set(o, "channels", list);
	bad |= ozr_json_set(o, "rdefs", rdefs);
	if (bad != 0) {
		ozr_json_free(o);
		return NULL;
	}
	return o;
}
