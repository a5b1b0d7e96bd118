/* SPDX-License-Identifier: MIT */
/*
 * See plan_view.h. Colors are made without being asked for only where nothing
 * can be lost by it: three or four channels that are called pure red, green,
 * blue (and A), all shown from the lowest to the highest value of their type.
 */
#include "plan_view.h"

#include <inttypes.h>
#include <string.h>

#include "words.h"

double color_white(enum ozr_dtype dtype)
{
	switch (dtype) {
	case OZR_UINT8:
		return 255;
	case OZR_UINT16:
		return 65535;
	case OZR_UINT32:
		return 4294967295.0;
	case OZR_FLOAT32:
	case OZR_FLOAT64:
		return 1;
	default:
		return 0;
	}
}

static int is_pure(const struct ozr_channel *channel, unsigned component, double full)
{
	if (channel->has_window && (channel->start != 0 || channel->end != full))
		return 0;
	if (component == 3)
		return names_equal(channel->label, "A") || names_equal(channel->label, "alpha");
	for (unsigned i = 0; i < 3; i++)
		if (!channel->has_color || channel->rgb[i] != (i == component ? 255 : 0))
			return 0;
	return 1;
}

/* Are the channels colors by what the image says? */
static int are_colors(const struct plan *plan, uint64_t channels, struct ozr_image *img)
{
	double full = color_white(plan->info.dtype);
	struct ozr_channel channel;

	if (full == 0 || plan->info.is_label || (channels != 3 && channels != 4) ||
	    plan->info.channels != channels)
		return 0;
	for (unsigned i = 0; i < channels; i++)
		if (ozr_image_channel(img, i, &channel, NULL) != OZR_OK ||
		    !is_pure(&channel, i, full))
			return 0;
	return 1;
}

static int choose_rgb(struct plan *plan, struct ozr_err *err)
{
	uint64_t n = plan->channel_axis < 0 ? 1 : plan->count[plan->channel_axis];

	if (n < 3)
		return ozr_fail(err, OZR_BAD_ARG,
				"-define omezarr:channels=rgb: needs at least 3 channels, found "
				"%" PRIu64,
				n);
	plan->components = n == 4 ? 4 : 3;
	plan->view = n == 4 ? VIEW_RGBA : VIEW_RGB;
	return OZR_OK;
}

static int choose_composite(struct plan *plan, struct ozr_err *err)
{
	int d = plan->channel_axis;
	uint64_t n = d < 0 ? 1 : plan->count[d], highest = 0;

	if (d >= 0)
		highest = plan->backwards[d] ? plan->first[d] : plan->first[d] + (n - 1);
	if (highest >= plan->info.channels)
		return ozr_fail(err, OZR_BAD_ARG,
				"-define omezarr:channels=composite: channel %" PRIu64
				" has no omero metadata (%u channels have)",
				highest, plan->info.channels);
	plan->components = (unsigned)n;
	plan->view = VIEW_COMPOSITE;
	return OZR_OK;
}

int plan_choose_view(struct plan *plan, enum channel_mode mode, uint64_t channels,
		     struct ozr_image *img, struct ozr_err *err)
{
	int d = plan->channel_axis;

	plan->view = VIEW_GRAY;
	plan->components = 1;
	if (mode == CHANNELS_RGB)
		return choose_rgb(plan, err);
	if (mode == CHANNELS_COMPOSITE)
		return choose_composite(plan, err);
	if (mode == CHANNELS_SEPARATE || d < 0 || plan->count[d] != channels ||
	    plan->backwards[d] || !are_colors(plan, channels, img))
		return OZR_OK;
	plan->components = (unsigned)channels;
	plan->view = channels == 4 ? VIEW_RGBA : VIEW_RGB;
	return OZR_OK;
}
