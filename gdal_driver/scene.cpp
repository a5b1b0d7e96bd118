/* SPDX-License-Identifier: MIT */
/*
 * Which stored entry belongs to which band of a view: entries go along one axis
 * of the image, whatever the bands of the view are.
 */
#include "scene.h"

/* Index of a band's entry. */
static size_t entry_of(const Scene &scene, int band)
{
	for (unsigned d = 0; d < scene.info.rank; d++)
		if (scene.stored.band_axis == scene.info.axes[d].name)
			return scene.view.planes[static_cast<size_t>(band) - 1][d];
	return 0;
}

const StoredBand *find_band(const Scene &scene, int band)
{
	const StoredBands &bands = scene.stored.bands;
	size_t i = entry_of(scene, band);
	if (i >= bands.size())
		return scene.stored.every.get();
	return bands[i].known ? &bands[i] : nullptr;
}

/* The axis that entries go along, for an image that has none: what the bands are, or channels. */
static std::string choose_band_axis(const Scene &scene)
{
	int axis = scene.view.band_axis >= 0 ? scene.view.band_axis : axis_by_letter(scene, 'c');
	return axis < 0 ? "" : scene.info.axes[axis].name;
}

/* Until now OME told: the entry must not say that there is no name. */
static void take_from_ome(const Scene &scene, int band, StoredBand &entry)
{
	int axis = axis_by_letter(scene, 'c');
	uint64_t i = axis < 0 ? 0 : scene.view.planes[static_cast<size_t>(band) - 1][axis];
	ozr_channel channel = {};
	if (i < scene.info.channels &&
	    ozr_image_channel(scene.image.get(), static_cast<unsigned>(i), &channel, nullptr) ==
		    OZR_OK)
		entry.description = channel.label;
	if (!scene.labels)
		return;
	entry.categories = scene.labels->categories;
	if (scene.labels->colors)
		entry.colors.reset(scene.labels->colors->Clone());
	if (scene.labels->table)
		entry.table.reset(scene.labels->table->Clone());
}

StoredBand &change_band(Scene &scene, int band)
{
	Stored &stored = scene.stored;
	if (stored.bands.empty() && !stored.every)
		stored.band_axis = choose_band_axis(scene);
	size_t i = entry_of(scene, band);
	extend_bands(stored, i + 1);
	StoredBand &entry = stored.bands[i];
	if (!entry.known)
		take_from_ome(scene, band, entry);
	entry.known = entry.changed = true;
	stored.changes.bands = true;
	return entry;
}
