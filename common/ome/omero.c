/* SPDX-License-Identifier: MIT */
/*
 * Reading the omero member. Channels keep their place even when one of them is
 * nonsense, since they are matched to the channel axis by position.
 */
#include "ome/omero.h"

#include <string.h>

#include "ome/axes.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* "FF8000", or with a leading '#' as some write it. */
static int parse_rgb(const char *text, unsigned char rgb[3])
{
	if (*text == '#')
		text++;
	if (strlen(text) != 6)
		return 0;
	for (unsigned i = 0; i < 3; i++) {
		int hi = hex_digit(text[2 * i]), lo = hex_digit(text[2 * i + 1]);
		if (hi < 0 || lo < 0)
			return 0;
		rgb[i] = (unsigned char)(hi * 16 + lo);
	}
	return 1;
}

static void parse_color(const struct ozr_jref *channel, unsigned i, struct ozr_notes *notes,
			struct ozr_channel *out)
{
	struct ozr_jref r = ozr_jget(channel, "color");
	char q[OZR_QUOTE_MAX];
	const char *text;

	if (r.v == NULL)
		return;
	if (ozr_jstring(&r, &text, NULL) == OZR_OK && parse_rgb(text, out->rgb))
		out->has_color = 1;
	else
		ozr_note(notes, "omero channel %u: color must be six hexadecimal digits, found %s",
			 i, ozr_jquote(q, &r));
}

/* A number of the window; 0 when it is missing or none. */
static int window_number(const struct ozr_jref *window, const char *name, unsigned i,
			 struct ozr_notes *notes, double *out)
{
	struct ozr_jref r = ozr_jget(window, name);
	char q[OZR_QUOTE_MAX];

	if (r.v == NULL)
		return 0;
	if (ozr_jdouble(&r, out, NULL) == OZR_OK)
		return 1;
	ozr_note(notes, "omero channel %u: window %s must be a number, found %s", i, name,
		 ozr_jquote(q, &r));
	return 0;
}

/* Either pair alone is enough: 0.9 makes start and end optional. */
static void parse_window(const struct ozr_jref *channel, unsigned i, struct ozr_notes *notes,
			 struct ozr_channel *out)
{
	struct ozr_jref r = ozr_jget(channel, "window");
	double min = 0.0, max = 0.0, start = 0.0, end = 0.0;

	if (r.v == NULL)
		return;
	int range =
		window_number(&r, "min", i, notes, &min) & window_number(&r, "max", i, notes, &max);
	int shown = window_number(&r, "start", i, notes, &start) &
		    window_number(&r, "end", i, notes, &end);
	if (!range && !shown) {
		ozr_note(notes, "omero channel %u: the window is incomplete, ignored", i);
		return;
	}
	out->has_window = 1;
	out->min = range ? min : start;
	out->max = range ? max : end;
	out->start = shown ? start : min;
	out->end = shown ? end : max;
}

static void parse_channel(const struct ozr_jref *channel, unsigned i, struct ozr_notes *notes,
			  struct ozr_channel *out)
{
	struct ozr_jref r = ozr_jget(channel, "label");
	const char *text;

	out->active = 1;
	if (!ozr_jis(channel, OZR_JSON_OBJECT)) {
		ozr_note(notes, "omero channel %u is not an object", i);
		return;
	}
	if (r.v != NULL && ozr_jstring(&r, &text, NULL) == OZR_OK)
		ozr_text_fit(out->label, sizeof(out->label), text);
	else if (r.v != NULL)
		ozr_note(notes, "omero channel %u: the label is not text", i);
	r = ozr_jget(channel, "active");
	if (r.v != NULL && ozr_jbool(&r, &out->active, NULL) != OZR_OK)
		ozr_note(notes, "omero channel %u: active is neither true nor false", i);
	parse_color(channel, i, notes, out);
	parse_window(channel, i, notes, out);
}

static void parse_default(const struct ozr_jref *rdefs, const char *name, struct ozr_notes *notes,
			  int *has, uint64_t *out)
{
	struct ozr_jref r = ozr_jget(rdefs, name);
	char q[OZR_QUOTE_MAX];

	if (r.v == NULL || ozr_jtype(&r) == OZR_JSON_NULL)
		return;
	if (ozr_ju64(&r, 0, UINT64_MAX, out, NULL) == OZR_OK)
		*has = 1;
	else
		ozr_note(notes, "omero rdefs: %s must be an integer from 0 up, found %s", name,
			 ozr_jquote(q, &r));
}

static int parse_channels(struct ozr_ctx *ctx, const struct ozr_jref *list, struct ozr_notes *notes,
			  unsigned *count, struct ozr_channel **out, struct ozr_err *err)
{
	size_t n = ozr_jcount(list);
	struct ozr_jref it;
	unsigned i = 0;

	if (!ozr_jis(list, OZR_JSON_ARRAY)) {
		ozr_note(notes, "omero has no list of channels");
		return OZR_OK;
	}
	if (n > OZR_OMERO_CHANNELS_MAX) {
		ozr_note(notes, "omero has %zu channels, only the first %d are kept", n,
			 OZR_OMERO_CHANNELS_MAX);
		n = OZR_OMERO_CHANNELS_MAX;
	}
	if (n == 0)
		return OZR_OK;
	struct ozr_channel *channel = ozr_calloc(ctx, n, sizeof(*channel), err);
	if (channel == NULL)
		return ozr_alloc_failed(err);
	for (int more = ozr_jfirst(list, &it); more && i < n; more = ozr_jnext(&it), i++)
		parse_channel(&it, i, notes, &channel[i]);
	*count = (unsigned)n;
	*out = channel;
	return OZR_OK;
}

int ozr_omero_parse(struct ozr_ctx *ctx, const struct ozr_jref *omero, struct ozr_notes *notes,
		    struct ozr_image_info *info, struct ozr_channel **channels, struct ozr_err *err)
{
	struct ozr_jref list = ozr_jget(omero, "channels"), rdefs = ozr_jget(omero, "rdefs");

	*channels = NULL;
	if (omero->v == NULL || ozr_jtype(omero) == OZR_JSON_NULL)
		return OZR_OK;
	if (!ozr_jis(omero, OZR_JSON_OBJECT)) {
		ozr_note(notes, "omero is not an object, ignored");
		return OZR_OK;
	}
	parse_default(&rdefs, "defaultZ", notes, &info->has_default_z, &info->default_z);
	parse_default(&rdefs, "defaultT", notes, &info->has_default_t, &info->default_t);
	return parse_channels(ctx, &list, notes, &info->channels, channels, err);
}
