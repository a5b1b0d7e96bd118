/* SPDX-License-Identifier: MIT */
/*
 * Writing the omero member. 0.4 and 0.5 want a color and a complete window for
 * every channel, so what nobody gave is made up: the usual colors, and windows
 * from the true range of the data, or from the type when nothing was seen.
 * Where there is an omero already (a copy of an image), what is good in it
 * stays as it is.
 */
#include "ome/omero.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

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

/* What base says of channel i, as far as it makes sense. */
struct known {
	struct ozr_channel *channel; /* [count] owned */
	unsigned count;
	struct ozr_jref list; /* of base's channels */
};

static int parse_base(const struct ozr_omero_source *src, struct known *out, struct ozr_err *err)
{
	struct ozr_jref root = ozr_jroot(src->base);
	struct ozr_image_info info = {0};

	memset(out, 0, sizeof(*out));
	if (src->base == NULL || !ozr_jis(&root, OZR_JSON_OBJECT))
		return OZR_OK;
	out->list = ozr_jget(&root, "channels");
	out->list.up = NULL; /* root ends here */
	int rc = ozr_omero_parse(src->ctx, &root, NULL, &info, &out->channel, err);
	out->count = info.channels;
	return rc;
}

/* Element i of a list; .v is NULL when there is none. */
static struct ozr_jref element(const struct ozr_jref *list, unsigned i)
{
	struct ozr_jref it = {0};
	int more = ozr_jis(list, OZR_JSON_ARRAY) && ozr_jfirst(list, &it);

	while (more && i-- > 0)
		more = ozr_jnext(&it);
	if (!more)
		it.v = NULL;
	return it;
}

/* What is given of a channel wins. */
static void overlay(const struct ozr_channel *given, struct ozr_channel *c)
{
	c->active = given->active;
	if (given->label[0] != '\0')
		memcpy(c->label, given->label, sizeof(c->label));
	if (given->has_color) {
		c->has_color = 1;
		memcpy(c->rgb, given->rgb, sizeof(c->rgb));
	}
	if (given->has_window) {
		c->has_window = 1;
		c->min = given->min;
		c->max = given->max;
		c->start = given->start;
		c->end = given->end;
	}
}

static struct ozr_channel complete(const struct ozr_omero_source *src, const struct known *known,
				   unsigned i)
{
	struct ozr_channel c = {.active = 1};

	if (i < known->count)
		c = known->channel[i];
	if (i < src->given_count)
		overlay(&src->given[i], &c);
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

/* A copy of an object's member that is an object, or a new one. */
static struct ozr_json *start_from(struct ozr_ctx *ctx, const struct ozr_jref *r)
{
	if (!ozr_jis(r, OZR_JSON_OBJECT))
		return ozr_json_object();
	return ozr_json_copy(ctx, r->v, NULL);
}

static int set_missing(struct ozr_json *o, const char *name, struct ozr_json *v)
{
	if (v != NULL && ozr_json_child(o, name) != NULL) {
		ozr_json_free(v);
		return 0;
	}
	return ozr_json_set(o, name, v);
}

static int write_window(struct ozr_json *w, const struct ozr_channel *c)
{
	return ozr_json_set(w, "min", ozr_json_number(c->min)) |
	       ozr_json_set(w, "max", ozr_json_number(c->max)) |
	       ozr_json_set(w, "start", ozr_json_number(c->start)) |
	       ozr_json_set(w, "end", ozr_json_number(c->end));
}

int ozr_omero_set_window(struct ozr_ctx *ctx, struct ozr_json *channel, const struct ozr_channel *c)
{
	struct ozr_jref root = ozr_jroot(channel), before = ozr_jget(&root, "window");
	struct ozr_json *w = start_from(ctx, &before);

	return write_window(w, c) | ozr_json_set(channel, "window", w);
}

/* Whether base's channel has a window with all four numbers, as they are spelled there. */
static int has_whole_window(const struct ozr_jref *window)
{
	static const char *const names[] = {"min", "max", "start", "end"};
	double number;

	for (size_t i = 0; i < 4; i++) {
		struct ozr_jref r = ozr_jget(window, names[i]);
		if (r.v == NULL || ozr_jdouble(&r, &number, NULL) != OZR_OK)
			return 0;
	}
	return 1;
}

/* Color, label, active and window, where base has nothing that is good (or others are given). */
static int write_known(const struct ozr_omero_source *src, const struct known *known, unsigned i,
		       const struct ozr_jref *base, struct ozr_json *o)
{
	struct ozr_channel c = complete(src, known, i);
	const struct ozr_channel none = {0};
	const struct ozr_channel *given = i < src->given_count ? &src->given[i] : &none;
	const struct ozr_channel *there = i < known->count ? &known->channel[i] : &none;
	int bad = 0;
	struct ozr_jref window = ozr_jget(base, "window"), label = ozr_jget(base, "label");
	char color[8];

	snprintf(color, sizeof(color), "%02X%02X%02X", c.rgb[0], c.rgb[1], c.rgb[2]);
	if (given->has_color || !there->has_color)
		bad |= ozr_json_set_text(o, "color", color);
	if (given->label[0] != '\0' || there->label[0] == '\0' || !ozr_jis(&label, OZR_JSON_STRING))
		bad |= ozr_json_set_text(o, "label", c.label);
	bad |= ozr_json_set(o, "active", ozr_json_bool(c.active));
	if (!given->has_window && has_whole_window(&window))
		return bad;
	return bad | ozr_omero_set_window(src->ctx, o, &c);
}

static struct ozr_json *write_channel(const struct ozr_omero_source *src, const struct known *known,
				      unsigned i)
{
	struct ozr_jref base = element(&known->list, i);
	struct ozr_json *o = start_from(src->ctx, &base);
	int bad = write_known(src, known, i, &base, o);

	bad |= set_missing(o, "coefficient", ozr_json_number(1.0)) |
	       set_missing(o, "family", ozr_json_text("linear")) |
	       set_missing(o, "inverted", ozr_json_bool(0));
	if (bad != 0) {
		ozr_json_free(o);
		return NULL;
	}
	return o;
}

static struct ozr_json *write_rdefs(const struct ozr_omero_source *src, const struct ozr_jref *base)
{
	struct ozr_json *rdefs = start_from(src->ctx, base);
	int bad = set_missing(rdefs, "defaultT", ozr_json_u64(0)) |
		  set_missing(rdefs, "defaultZ", ozr_json_u64(src->default_z)) |
		  set_missing(rdefs, "model", ozr_json_text(src->n == 1 ? "greyscale" : "color"));

	if (bad != 0) {
		ozr_json_free(rdefs);
		return NULL;
	}
	return rdefs;
}

static struct ozr_json *write_all(const struct ozr_omero_source *src, const struct known *known)
{
	struct ozr_jref root = ozr_jroot(src->base), rdefs = ozr_jget(&root, "rdefs");
	struct ozr_json *o = start_from(src->ctx, &root), *list = ozr_json_array();
	int bad = list == NULL;

	for (unsigned i = 0; i < src->n && bad == 0; i++)
		bad |= ozr_json_append(list, write_channel(src, known, i));
	if (src->version != NULL)
		bad |= ozr_json_set_text(o, "version", src->version);
	if (src->name != NULL && *src->name != '\0')
		bad |= ozr_json_set_text(o, "name", src->name);
	bad |= ozr_json_set(o, "channels", list);
	bad |= ozr_json_set(o, "rdefs", write_rdefs(src, &rdefs));
	if (bad != 0) {
		ozr_json_free(o);
		return NULL;
	}
	return o;
}

struct ozr_json *ozr_omero_write(const struct ozr_omero_source *src)
{
	struct ozr_json *o = NULL;
	struct known known;

	if (parse_base(src, &known, NULL) == OZR_OK)
		o = write_all(src, &known);
	ozr_free(src->ctx, known.channel);
	return o;
}
