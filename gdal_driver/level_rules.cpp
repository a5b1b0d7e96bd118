/* SPDX-License-Identifier: MIT */
/*
 * Setters that change what levels should be: the mean leaves nodata out and
 * weighs colors by their alpha, and of a palette it would make colors that
 * nobody has chosen. They hold for levels that are still to be built; those that
 * are there keep the rules that they were built by, so that a refresh of a
 * part fits the rest. gdaladdo builds them anew.
 */
#include "create.h"
#include "scene.h"

bool common_nodata(const Scene &scene, unsigned char element[8])
{
	std::string text;
	for (size_t i = 1; i <= scene.view.planes.size(); i++) {
		const StoredBand *band = find_band(scene, static_cast<int>(i));
		if (band == nullptr || band->nodata.empty() || (i > 1 && band->nodata != text))
			return false;
		text = band->nodata;
	}
	return element_from_text(text, scene.info.dtype, element);
}

/* 1 + index of the alpha channel beside others; 0: none. */
static uint64_t alpha_channel(const Scene &scene)
{
	int axis = axis_by_letter(scene, 'c');
	for (size_t i = 1; axis >= 0 && i <= scene.view.planes.size(); i++) {
		const StoredBand *band = find_band(scene, static_cast<int>(i));
		if (band != nullptr && band->has_color_interpretation &&
		    band->color_interpretation == GCI_AlphaBand)
			return scene.view.planes[i - 1][static_cast<size_t>(axis)] + 1;
	}
	return 0;
}

bool settle_level_rules(Scene &scene)
{
	ozr_level_rules rules = {}, before = {};
	ozr_image_changes changes = {};
	ozr_err err = {};
	bool to_be_built = scene.access == Access::CREATING || scene.stored.overviews.deferred;
	if (!scene.rules_changed)
		return true;
	scene.rules_changed = false;
	if (!scene.writable() || (!to_be_built && scene.info.levels > 1))
		return true;
	ozr_image_rules(scene.image.get(), &before);
	rules.method = before.method;
	if (scene.method_is_default) {
		const StoredBand *first = find_band(scene, 1);
		rules.method = first != nullptr && first->colors != nullptr ? OZR_MODE : OZR_MEAN;
	}
	rules.alpha =
		scene.info.rank > 2 && scene.view.planes.size() > 1 ? alpha_channel(scene) : 0;
	rules.has_nodata = common_nodata(scene, rules.nodata);
	if (rules.method == before.method && rules.alpha == before.alpha &&
	    rules.has_nodata == before.has_nodata &&
	    (!rules.has_nodata || memcmp(rules.nodata, before.nodata, sizeof(rules.nodata)) == 0))
		return true;
	changes.rules = &rules;
	if (ozr_image_change(scene.image.get(), &changes, &err) == OZR_OK)
		return true;
	scene.rules_changed = true;
	report(err);
	return false;
}
