/* SPDX-License-Identifier: MIT */
/*
 * What viewers show of a new image. A copy knows the range of its pixels when
 * its metadata are written; an image that is filled bit by bit does not, and
 * the range of its type would show most of them as black. The coarsest level
 * tells at the end, with little to read; what a mean leaves out at the ends is
 * no loss for a window.
 */
#include <cmath>

#include "update.h"

static const uint64_t LIMIT = 16 << 20; /* elements that are looked at, of all channels */

static int channel_axis(const ImageInfo &info)
{
	for (unsigned d = 0; d < info.rank; d++)
		if (info.axes[d].kind == OZR_AXIS_CHANNEL)
			return static_cast<int>(d);
	return -1;
}

/* All of a level, or the middle of one that is large; of one channel. */
static ozr_box sample(const ImageInfo &image, const ArrayInfo &level, int c)
{
	ozr_box box = {};
	uint64_t elements = 1;
	uint64_t limit = std::max<uint64_t>(LIMIT / (c < 0 ? 1 : level.shape[c]), 4096);
	for (unsigned d = 0; d < image.rank; d++) {
		box.count[d] = static_cast<int>(d) == c ? 1 : level.shape[d];
		while (box.count[d] > 1 && box.count[d] > limit / elements)
			box.count[d] = (box.count[d] + 1) / 2;
		elements *= box.count[d];
		box.start[d] = static_cast<int>(d) == c ? 0 : (level.shape[d] - box.count[d]) / 2;
	}
	box.dtype = OZR_FLOAT64;
	ozr_box_contiguous(&box, image.rank);
	return box;
}

/* Nodata of all bands alike as a number; NaN: none. */
static double number_to_skip(const Scene &scene)
{
	const StoredBand *band = find_band(scene, 1);
	unsigned char element[8];
	bool any = band != nullptr && common_nodata(scene, element);
	return any ? CPLAtof(band->nodata.c_str()) : std::nan("");
}

static bool range_of(const std::vector<double> &values, double skip, ozr_channel &channel)
{
	channel.start = HUGE_VAL;
	channel.end = -HUGE_VAL;
	for (double value : values) {
		if (!std::isfinite(value) || value == skip)
			continue;
		channel.start = std::min(channel.start, value);
		channel.end = std::max(channel.end, value);
	}
	return channel.start < channel.end;
}

static bool complain(const ozr_err &err)
{
	report(err);
	return false;
}

bool settle_windows(Scene &scene)
{
	const ImageInfo &info = scene.info;
	/* Bytes are shown as they are, labels by their colors. */
	if (info.is_label || info.dtype == OZR_BOOL || info.dtype == OZR_UINT8 ||
	    info.dtype == OZR_INT8 || scene.stored.overviews.deferred)
		return true;
	ozr_array *level = ozr_image_level(scene.image.get(), info.levels - 1);
	ArrayInfo array = {};
	ozr_array_get_info(level, &array);
	int c = channel_axis(info);
	ozr_box box = sample(info, array, c);
	size_t elements = 1;
	for (unsigned d = 0; d < info.rank; d++)
		elements *= static_cast<size_t>(box.count[d]);
	std::vector<double> values(elements);
	std::vector<ozr_channel> channels(c < 0 ? 1 : static_cast<size_t>(array.shape[c]));
	ozr_err err = {};
	box.data = values.data();
	const double skip = number_to_skip(scene);
	for (size_t i = 0; i < channels.size(); i++) {
		ozr_call call = library_call(scene, nullptr);
		if (c >= 0)
			box.start[c] = i;
		if (ozr_array_read(level, 1, &box, &call, &err) != OZR_OK)
			return complain(err);
		channels[i].active = 1;
		if (ozr_image_channel(scene.image.get(), static_cast<unsigned>(i), &channels[i],
				      nullptr) != OZR_OK)
			channels[i].active = 1;
		channels[i].has_window = range_of(values, skip, channels[i]);
		channels[i].min = channels[i].start;
		channels[i].max = channels[i].end;
	}
	ozr_image_changes changes = {};
	changes.channels = static_cast<unsigned>(channels.size());
	changes.channel = channels.data();
	return ozr_image_change(scene.image.get(), &changes, &err) == OZR_OK || complain(err);
}
