/* SPDX-License-Identifier: MIT */
/*
 * What `-define omezarr:...` says about reading. Values are checked strictly;
 * the message names define, value and what is allowed. Nothing here touches a
 * file or ImageMagick: defines come through a function.
 */
#ifndef MAGICK_CODER_READ_OPTIONS_H
#define MAGICK_CODER_READ_OPTIONS_H

#include "location.h"

/* get(user, "omezarr:level"): the value, or NULL. */
struct defines {
	const char *(*get)(void *user, const char *key);
	void *user;
};

enum channel_mode {
	CHANNELS_AUTO,     /* colors when omero is pure red, green, blue (, alpha), else separate */
	CHANNELS_SEPARATE, /* "separate": one gray image for each */
	CHANNELS_RGB,      /* "rgb": the first three (four: alpha) are colors */
	CHANNELS_COMPOSITE /* "composite": by omero windows and colors */
};

enum window_mode {
	WINDOW_DEFAULT, /* the policy of each data type */
	WINDOW_GIVEN,   /* "a,b": a is black, b is white */
	WINDOW_OMERO,   /* "omero": start and end of the channel */
	WINDOW_MINMAX,  /* "minmax": smallest and largest value of what is read */
	WINDOW_RAW      /* "raw": the number itself, 0 to 65535 of a Q16 */
};

struct read_options {
	struct selection
		selection; /* omezarr:axes=t=3,c=1 (without "=" it is for writing: ignored) */
	char label[256];   /* omezarr:axes=label=nuclei */
	int has_level;
	int64_t level; /* omezarr:level; negative: from the smallest */
	enum channel_mode channels;
	enum window_mode window;
	double low, high;    /* of WINDOW_GIVEN */
	uint64_t max_planes; /* omezarr:max-planes; 0: not given */
};

int read_options_parse(const struct defines *defines, struct read_options *out,
		       struct ozr_err *err);

#endif
