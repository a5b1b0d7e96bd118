/* SPDX-License-Identifier: MIT */
/*
 * See read_options.h.
 */
#include "read_options.h"

#include <string.h>

#include "scenes.h"
#include "words.h"

static int bad(const char *key, const char *value, const char *allowed, struct ozr_err *err)
{
	char q[OZR_QUOTE_MAX];

	return ozr_fail(err, OZR_BAD_ARG, "-define %s=%s: must be %s", key,
			ozr_quote(q, value, strlen(value)), allowed);
}

static int parse_level(const char *key, const char *value, struct read_options *out,
		       struct ozr_err *err)
{
	if (word_integer(word_of(value), &out->level) != 1)
		return bad(key, value,
			   "the number of a level (0 is the largest image, -1 the smallest)", err);
	out->has_level = 1;
	return OZR_OK;
}

static int parse_channels(const char *key, const char *value, struct read_options *out,
			  struct ozr_err *err)
{
	struct word word = word_of(value);

	if (word_is(word, "separate"))
		out->channels = CHANNELS_SEPARATE;
	else if (word_is(word, "rgb"))
		out->channels = CHANNELS_RGB;
	else if (word_is(word, "composite"))
		out->channels = CHANNELS_COMPOSITE;
	else
		return bad(key, value, "separate, rgb or composite", err);
	return OZR_OK;
}

static int parse_window(const char *key, const char *value, struct read_options *out,
			struct ozr_err *err)
{
	struct word rest = word_of(value), low;

	if (word_is(rest, "omero"))
		out->window = WINDOW_OMERO;
	else if (word_is(rest, "minmax"))
		out->window = WINDOW_MINMAX;
	else if (word_is(rest, "raw"))
		out->window = WINDOW_RAW;
	else {
		struct word high = {NULL, 0};

		(void)word_take(&rest, ',', &low);
		if (!word_take(&rest, ',', &high) || rest.at || !word_number(low, &out->low) ||
		    !word_number(high, &out->high) || out->low == out->high)
			return bad(key, value,
				   "two different numbers black,white, or omero, minmax or raw",
				   err);
		out->window = WINDOW_GIVEN;
	}
	return OZR_OK;
}

static int parse_axes(const char *key, const char *value, struct read_options *out,
		      struct ozr_err *err)
{
	int rc;

	if (!strchr(value, '='))
		return OZR_OK; /* "tczyx" is for writing; it may stand before the input too */
	rc = selection_parse(value, &out->selection, out->label, err);
	return rc ? ozr_err_context(err, rc, "-define %s", key) : OZR_OK;
}

static int parse_max_planes(const char *key, const char *value, struct read_options *out,
			    struct ozr_err *err)
{
	int64_t n;

	if (word_integer(word_of(value), &n) != 1 || n < 1 || n > MOST_PLANES)
		return bad(key, value, "a number from 1 to 16777216", err);
	out->max_planes = (uint64_t)n;
	return OZR_OK;
}

int read_options_parse(const struct defines *defines, struct read_options *out, struct ozr_err *err)
{
	static const struct {
		const char *key;
		int (*parse)(const char *key, const char *value, struct read_options *out,
			     struct ozr_err *err);
	} known[] = {
		{"omezarr:level", parse_level},           {"omezarr:channels", parse_channels},
		{"omezarr:window", parse_window},         {"omezarr:axes", parse_axes},
		{"omezarr:max-planes", parse_max_planes},
	};
	struct read_options made;

	memset(&made, 0, sizeof(made));
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		const char *value = defines->get(defines->user, known[i].key);
		int rc = value ? known[i].parse(known[i].key, value, &made, err) : OZR_OK;

		if (rc)
			return rc;
	}
	if (made.has_level && made.selection.has_level)
		return ozr_fail(err, OZR_BAD_ARG,
				"a level is given by -define omezarr:level and by omezarr:axes");
	*out = made;
	return OZR_OK;
}
