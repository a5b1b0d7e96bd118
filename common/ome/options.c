/* SPDX-License-Identifier: MIT */
/*
 * Checking what a caller asks for before anything is made, so that a wrong
 * option never leaves something half made.
 */
#include <math.h>
#include <string.h>

#include "base/utf8.h"
#include "ome/axes.h"
#include "ome/omero.h"
#include "ome/plan.h"

static int check_shape(const struct ozr_image_options *o, struct ozr_err *err)
{
	for (unsigned d = 0; d < o->rank; d++) {
		if (o->shape[d] == 0 || o->shape[d] > INT64_MAX)
			return ozr_fail(
				err, OZR_BAD_ARG,
				"axis '%s': the extent must be from 1 to 2^63-1, found %llu",
				o->axes[d].name, (unsigned long long)o->shape[d]);
		if (!isfinite(o->scale[d]) || o->scale[d] <= 0.0)
			return ozr_fail(err, OZR_BAD_ARG,
					"axis '%s': the scale must be a number above 0, found %g",
					o->axes[d].name, o->scale[d]);
		if (!isfinite(o->translation[d]))
			return ozr_fail(err, OZR_BAD_ARG,
					"axis '%s': the translation must be a number, found %g",
					o->axes[d].name, o->translation[d]);
	}
	return OZR_OK;
}

static int check_factors(const struct ozr_image_options *o, struct ozr_err *err)
{
	if (o->factors == NULL)
		return OZR_OK;
	if (o->factor_sets == 0)
		return ozr_fail(err, OZR_BAD_ARG, "factors are given, but no number of sets");
	for (unsigned i = 0; i < o->factor_sets; i++)
		for (unsigned d = 0; d < o->rank; d++) {
			unsigned f = o->factors[i * o->rank + d];
			if (f == 0)
				return ozr_fail(err, OZR_BAD_ARG,
						"axis '%s': the factor must be 1 or more, found 0",
						o->axes[d].name);
			if (f != 1 && o->axes[d].kind != OZR_AXIS_SPACE)
				return ozr_fail(err, OZR_BAD_ARG,
						"axis '%s': only space is reduced, found factor %u",
						o->axes[d].name, f);
		}
	return OZR_OK;
}

/* None at all, or each axis once. */
static int check_order(const struct ozr_image_options *o, struct ozr_err *err)
{
	uint32_t seen = 0;
	unsigned sum = 0;

	for (unsigned d = 0; d < o->rank; d++)
		sum |= o->order[d];
	if (sum == 0)
		return OZR_OK;
	if (o->ome_version == 4)
		return ozr_fail(err, OZR_UNSUPPORTED,
				"0.4 has no transpose codec: an order needs OME version 5");
	for (unsigned d = 0; d < o->rank; d++) {
		if (o->order[d] >= o->rank || seen >> o->order[d] & 1)
			return ozr_fail(err, OZR_BAD_ARG,
					"the order must name each axis from 0 to %u once, "
					"found %u at place %u",
					o->rank - 1, o->order[d], d);
		seen |= UINT32_C(1) << o->order[d];
	}
	return OZR_OK;
}

static int check_alpha(const struct ozr_image_options *o, struct ozr_err *err)
{
	int axis = ozr_axes_index(o->rank, o->axes, OZR_AXIS_CHANNEL);

	if (o->alpha == 0 || (axis >= 0 && o->alpha <= o->shape[axis]))
		return OZR_OK;
	return ozr_fail(err, OZR_BAD_ARG, "alpha: there is no channel %llu",
			(unsigned long long)(o->alpha - 1));
}

static int check_channels(const struct ozr_image_options *o, struct ozr_err *err)
{
	int axis = ozr_axes_index(o->rank, o->axes, OZR_AXIS_CHANNEL);
	uint64_t n = axis < 0 ? 1 : o->shape[axis];

	if (o->channels == 0)
		return OZR_OK;
	if (o->channel == NULL)
		return ozr_fail(err, OZR_BAD_ARG, "%u channels are announced, none is given",
				o->channels);
	if (o->channels != n)
		return ozr_fail(err, OZR_BAD_ARG, "%u channels are described, the image has %llu",
				o->channels, (unsigned long long)n);
	for (unsigned i = 0; i < o->channels; i++) {
		const struct ozr_channel *c = &o->channel[i];
		if (memchr(c->label, '\0', sizeof(c->label)) == NULL)
			return ozr_fail(err, OZR_BAD_ARG, "channel %u: the label has no end", i);
		if (c->has_window && !(isfinite(c->min) && isfinite(c->max) && isfinite(c->start) &&
				       isfinite(c->end)))
			return ozr_fail(err, OZR_BAD_ARG,
					"channel %u: the window must consist of numbers", i);
	}
	return OZR_OK;
}

static int is_float(enum ozr_dtype t)
{
	return t == OZR_FLOAT32 || t == OZR_FLOAT64;
}

static int check_scalars(const struct ozr_image_options *o, struct ozr_err *err)
{
	if (o->ome_version != 4 && o->ome_version != 5)
		return ozr_fail(err, OZR_BAD_ARG,
				"the OME version must be 4 (0.4) or 5 (0.5), found %d",
				o->ome_version);
	if ((unsigned)o->dtype >= OZR_DTYPES)
		return ozr_fail(err, OZR_BAD_ARG, "unknown data type %d", (int)o->dtype);
	if ((unsigned)o->method > OZR_MODE)
		return ozr_fail(err, OZR_BAD_ARG, "unknown method %d", (int)o->method);
	if (o->levels < 0)
		return ozr_fail(err, OZR_BAD_ARG,
				"the number of levels must be 0 or more, found %d", o->levels);
	if (o->is_label && is_float(o->dtype))
		return ozr_fail(err, OZR_BAD_ARG, "labels must be integers, the data type is %s",
				ozr_dtype_name(o->dtype));
	return OZR_OK;
}

static int check_texts(const struct ozr_image_options *o, struct ozr_err *err)
{
	int rc = ozr_text_check("the name", o->name, err);

	for (unsigned d = 0; rc == OZR_OK && d < o->rank; d++) {
		rc = ozr_text_check("the name of an axis", o->axes[d].name, err);
		if (rc == OZR_OK)
			rc = ozr_text_check("the unit of an axis", o->axes[d].unit, err);
	}
	for (unsigned i = 0; rc == OZR_OK && i < o->channels && o->channel != NULL; i++)
		rc = ozr_text_check("the label of a channel", o->channel[i].label, err);
	return rc;
}

int ozr_options_complete(const struct ozr_image_options *in, struct ozr_image_options *out,
			 struct ozr_err *err)
{
	struct ozr_image_options o = *in;

	if (o.ome_version == 0)
		o.ome_version = 5;
	if (o.is_label && o.method == OZR_MEAN)
		o.method = OZR_MODE; /* a mean of two ids is a third one */
	int rc = check_scalars(&o, err);
	if (rc == OZR_OK)
		rc = ozr_axes_check(o.rank, o.axes, err);
	if (rc == OZR_OK)
		rc = check_texts(&o, err);
	if (rc != OZR_OK)
		return rc;
	for (unsigned d = 0; d < o.rank; d++)
		if (o.scale[d] == 0.0)
			o.scale[d] = 1.0;
	rc = check_shape(&o, err);
	if (rc == OZR_OK)
		rc = check_factors(&o, err);
	if (rc == OZR_OK)
		rc = check_channels(&o, err);
	if (rc == OZR_OK)
		rc = check_alpha(&o, err);
	if (rc == OZR_OK)
		rc = check_order(&o, err);
	if (rc == OZR_OK)
		*out = o;
	return rc;
}
