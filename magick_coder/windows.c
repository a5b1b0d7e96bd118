/* SPDX-License-Identifier: MIT */
/*
 * What is black and what is white: by default the ends of the type, so that
 * numbers are kept; a window only where the user asks for one. An exception
 * are whole numbers of 32 and 64 bits that are labels, or small by what omero
 * says: as a part of their type's range all of them would be black.
 */
#include "reading.h"

#include <inttypes.h>
#include <math.h>

#include "words.h"

static int is_float(enum ozr_dtype dtype)
{
	return dtype == OZR_FLOAT32 || dtype == OZR_FLOAT64;
}

/* Is a type too wide for its range to be shown? */
static int is_wide(enum ozr_dtype dtype)
{
	return dtype == OZR_INT32 || dtype == OZR_UINT32 || dtype == OZR_INT64 ||
	       dtype == OZR_UINT64;
}

/* The omero metadata of a channel; 0: there are none. */
static int omero(const struct reading *r, uint64_t channel, struct ozr_channel *out)
{
	return channel < r->plan.info.channels &&
	       ozr_image_channel(r->source.image, (unsigned)channel, out, NULL) == OZR_OK;
}

static int fits_16(const struct reading *r, uint64_t channel)
{
	struct ozr_channel c;

	return omero(r, channel, &c) && c.has_window && c.start >= 0 && c.start <= UINT16_MAX &&
	       c.end >= 0 && c.end <= UINT16_MAX;
}

int window_is_raw(const struct reading *r, uint64_t channel)
{
	if (r->options.window != WINDOW_DEFAULT)
		return r->options.window == WINDOW_RAW;
	return is_wide(r->dtype) && (r->source.is_label || fits_16(r, channel));
}

static int omero_window(const struct reading *r, uint64_t channel, double *low, double *high,
			struct ozr_err *err)
{
	struct ozr_channel c;

	if (!omero(r, channel, &c) || !c.has_window || !isfinite(c.start) || !isfinite(c.end))
		return ozr_fail(err, OZR_BAD_ARG,
				"-define omezarr:window=omero: channel %" PRIu64
				" has no omero window",
				channel);
	*low = c.start;
	*high = c.end;
	return OZR_OK;
}

/* As ImageMagick has it for floats of other formats: 0 unless it is a number. */
static int number_of(const struct reading *r, const char *key, double *out)
{
	const char *text = GetImageOption(r->info, key);

	return text && word_number(word_of(text), out);
}

/* What ImageMagick's own option makes of floats. */
static void quantum_window(const struct reading *r, double *low, double *high)
{
	int has_low = number_of(r, "quantum:minimum", low);
	int has_high = number_of(r, "quantum:maximum", high);

	if (has_low + has_high > 0 && *low == *high)
		*low = 0;
}

int window_choose(const struct reading *r, uint64_t channel, struct mapping *out,
		  struct ozr_err *err)
{
	double low, high;

	if (window_is_raw(r, channel)) {
		mapping_raw(out, r->dtype);
		return OZR_OK;
	}
	switch (r->options.window) {
	case WINDOW_MINMAX:
		if (!r->found_range)
			break;
		/* fall through */
	case WINDOW_GIVEN:
		mapping_window(out, r->dtype, r->options.low, r->options.high);
		return OZR_OK;
	case WINDOW_OMERO: {
		int rc = omero_window(r, channel, &low, &high, err);

		if (rc)
			return rc;
		mapping_window(out, r->dtype, low, high);
		return OZR_OK;
	}
	default:
		break;
	}
	if (!is_float(r->dtype)) {
		mapping_full(out, r->dtype);
		return OZR_OK;
	}
	mapping_ends(r->dtype, &low, &high);
	quantum_window(r, &low, &high);
	mapping_window(out, r->dtype, low, high);
	return OZR_OK;
}

int window_of_color(const struct reading *r, uint64_t channel, double *start, double *end,
		    unsigned char rgb[3], int *active, struct ozr_err *err)
{
	struct ozr_channel c;

	if (!omero(r, channel, &c))
		return ozr_fail(err, OZR_BAD_ARG, "channel %" PRIu64 " has no omero metadata",
				channel);
	*active = c.active;
	for (unsigned i = 0; i < 3; i++)
		rgb[i] = c.has_color ? c.rgb[i] : 255;
	mapping_ends(r->dtype, start, end);
	if (r->options.window == WINDOW_GIVEN || r->found_range) {
		*start = r->options.low;
		*end = r->options.high;
	} else if (r->options.window == WINDOW_RAW) {
		*start = 0;
		*end = UINT16_MAX;
	} else if (c.has_window && isfinite(c.start) && isfinite(c.end)) {
		*start = c.start;
		*end = c.end;
	}
	return OZR_OK;
}
