/* SPDX-License-Identifier: MIT */
/*
 * Which axes are x, y and bands, and where the others are fixed.
 *
 * Bands are the channels when there is a channel axis, else z, else t. What
 * remains is one plane of a stack: the one the image names as its default, or
 * the first, or the one that the open options Z, T and C choose.
 */
#include <cmath>
#include <cstdlib>

#include "driver.h"
#include "scene.h"

int axis_by_letter(const Scene &scene, char letter)
{
	const View &view = scene.view;
	ozr_axis_kind kind = letter == 'c'   ? OZR_AXIS_CHANNEL
			     : letter == 't' ? OZR_AXIS_TIME
					     : OZR_AXIS_SPACE;
	for (unsigned d = 0; d < scene.info.rank; d++)
		if (scene.info.axes[d].kind == kind && d != view.x && d != view.y)
			return static_cast<int>(d);
	return -1;
}

bool choose_plane_axes(Scene &scene)
{
	View &view = scene.view;
	const ImageInfo &info = scene.info;
	if (info.rank < 2) {
		CPLError(CE_Failure, CPLE_NotSupported,
			 "open '%s': has %u axis, a raster needs at least 2", scene.name.c_str(),
			 info.rank);
		return false;
	}
	view.x = info.rank - 1;
	view.y = info.rank - 2;
	for (unsigned d = 0; d < info.rank; d++) {
		if (info.axes[d].kind != OZR_AXIS_SPACE)
			continue;
		if (EQUAL(info.axes[d].name, "x"))
			view.x = d;
		else if (EQUAL(info.axes[d].name, "y"))
			view.y = d;
	}
	if (view.x == view.y) /* only one of them has its usual name, in the other's place */
		view.y = view.x == 0 ? 1 : view.x - 1;
	return true;
}

/* One of Z=, T= and C=: -1 when not given, -2 after CPLError(). */
static int64_t chosen_index(const Scene &scene, CSLConstList options, char letter, int axis,
			    uint64_t extent)
{
	char key[2] = {static_cast<char>(letter - 'a' + 'A'), 0}, *end = nullptr;
	const char *text = CSLFetchNameValue(options, key);
	if (text == nullptr)
		return -1;
	if (axis < 0) {
		CPLError(CE_Failure, CPLE_IllegalArg, "open '%s': %s=%s, but there is no %c axis",
			 scene.name.c_str(), key, text, letter);
		return -2;
	}
	long long value = std::strtoll(text, &end, 10);
	if (end == text || *end != '\0' || value < 0 || static_cast<uint64_t>(value) >= extent) {
		CPLError(CE_Failure, CPLE_IllegalArg,
			 "open '%s': %s=%s: must be a whole number from 0 to %llu",
			 scene.name.c_str(), key, text,
			 static_cast<unsigned long long>(extent - 1));
		return -2;
	}
	return value;
}

namespace
{
/* The axes that are neither x nor y, while bands are being chosen. */
struct Rest {
	Indices fixed = {};
	std::array<bool, OZR_MAX_RANK> given = {}; /* by an open option */
	std::array<uint64_t, OZR_MAX_RANK> extent = {};
};
} // namespace

static bool fix_axes(const Scene &scene, CSLConstList options, Rest &rest)
{
	for (char letter : {'c', 'z', 't'}) {
		int axis = axis_by_letter(scene, letter);
		uint64_t extent = axis < 0 ? 0 : rest.extent[axis];
		int64_t index = chosen_index(scene, options, letter, axis, extent);
		if (index == -2)
			return false;
		if (axis < 0)
			continue;
		if (index >= 0) {
			rest.fixed[axis] = static_cast<uint64_t>(index);
			rest.given[axis] = true;
		} else if (letter == 'z' && scene.info.has_default_z) {
			rest.fixed[axis] = std::min(scene.info.default_z, extent - 1);
		} else if (letter == 't' && scene.info.has_default_t) {
			rest.fixed[axis] = std::min(scene.info.default_t, extent - 1);
		}
	}
	return true;
}

/* BANDS=AUTO. */
static int natural_band_axis(const Scene &scene, const Rest &rest)
{
	int channel = axis_by_letter(scene, 'c');
	if (channel >= 0 && !rest.given[channel])
		return channel;
	for (char letter : {'z', 't'}) {
		int axis = axis_by_letter(scene, letter);
		if (axis >= 0 && !rest.given[axis] && rest.extent[axis] > 1)
			return axis;
	}
	for (unsigned d = scene.info.rank; d-- > 0;)
		if (d != scene.view.x && d != scene.view.y && !rest.given[d] && rest.extent[d] > 1)
			return static_cast<int>(d);
	for (unsigned d = scene.info.rank; d-- > 0;)
		if (d != scene.view.x && d != scene.view.y && !rest.given[d])
			return static_cast<int>(d);
	return -1;
}

/* Every combination of the axes that vary, the last one fastest. */
static bool list_planes(Scene &scene, const Rest &rest, const std::array<bool, OZR_MAX_RANK> &vary)
{
	constexpr uint64_t most = 65536;
	uint64_t count = 1;
	for (unsigned d = 0; d < scene.info.rank; d++) {
		if (vary[d] && rest.extent[d] > most / count) {
			CPLError(CE_Failure, CPLE_NotSupported,
				 "open '%s': more than %d bands; choose some with BANDS=, Z=, T= "
				 "and C=",
				 scene.name.c_str(), static_cast<int>(most));
			return false;
		}
		if (vary[d])
			count *= rest.extent[d];
	}
	scene.view.planes.assign(count, rest.fixed);
	for (uint64_t i = 0; i < count; i++) {
		uint64_t left = i;
		for (unsigned d = scene.info.rank; d-- > 0;)
			if (vary[d]) {
				scene.view.planes[i][d] = left % rest.extent[d];
				left /= rest.extent[d];
			}
	}
	return true;
}

static void warn_hidden(const Scene &scene, const Rest &rest,
			const std::array<bool, OZR_MAX_RANK> &vary)
{
	std::string hidden;
	for (unsigned d = 0; d < scene.info.rank; d++) {
		if (vary[d] || rest.given[d] || d == scene.view.x || d == scene.view.y ||
		    rest.extent[d] < 2)
			continue;
		if (!hidden.empty())
			hidden += ", ";
		hidden += CPLSPrintf("%s (%llu, shown: %llu)", scene.info.axes[d].name,
				     static_cast<unsigned long long>(rest.extent[d]),
				     static_cast<unsigned long long>(rest.fixed[d]));
	}
	if (!hidden.empty())
		CPLError(CE_Warning, CPLE_AppDefined,
			 "'%s': one plane of these axes is shown: %s. Open options Z=, T=, C= "
			 "choose another, BANDS=Z, T or ALL shows them as bands",
			 scene.name.c_str(), hidden.c_str());
}

static bool choose_level(Scene &scene, CSLConstList options)
{
	const char *text = CSLFetchNameValueDef(options, "LEVEL", "0");
	char *end = nullptr;
	long value = std::strtol(text, &end, 10);
	if (end == text || *end != '\0' || value < 0 ||
	    static_cast<unsigned long>(value) >= scene.info.levels) {
		CPLError(CE_Failure, CPLE_IllegalArg,
			 "open '%s': LEVEL=%s: must be a whole number from 0 to %u",
			 scene.name.c_str(), text, scene.info.levels - 1);
		return false;
	}
	scene.view.level = static_cast<unsigned>(value);
	return true;
}

/* BANDS=: the axes that vary from band to band. */
static bool choose_bands(Scene &scene, CSLConstList options, const Rest &rest,
			 std::array<bool, OZR_MAX_RANK> &vary)
{
	const char *text = CSLFetchNameValueDef(options, "BANDS", "AUTO");
	if (EQUAL(text, "ALL")) {
		for (unsigned d = 0; d < scene.info.rank; d++)
			vary[d] = d != scene.view.x && d != scene.view.y && !rest.given[d];
		return true;
	}
	int axis = -1;
	if (EQUAL(text, "AUTO")) {
		axis = natural_band_axis(scene, rest);
	} else if (EQUAL(text, "C") || EQUAL(text, "Z") || EQUAL(text, "T")) {
		char letter = EQUAL(text, "C") ? 'c' : EQUAL(text, "Z") ? 'z' : 't';
		axis = axis_by_letter(scene, letter);
		if (axis < 0 || rest.given[axis]) {
			CPLError(CE_Failure, CPLE_IllegalArg, "open '%s': BANDS=%s, but %s",
				 scene.name.c_str(), text,
				 axis < 0 ? "there is no such axis" : "one plane of it is chosen");
			return false;
		}
	} else {
		CPLError(CE_Failure, CPLE_IllegalArg,
			 "open '%s': BANDS=%s: must be AUTO, C, Z, T or ALL", scene.name.c_str(),
			 text);
		return false;
	}
	scene.view.band_axis = axis;
	scene.view.bands_chosen = !EQUAL(text, "AUTO");
	if (axis >= 0)
		vary[axis] = true;
	return true;
}

bool choose_view(Scene &scene, CSLConstList options)
{
	ArrayInfo array = {};
	Rest rest;
	std::array<bool, OZR_MAX_RANK> vary = {};
	if (!choose_plane_axes(scene) || !choose_level(scene, options))
		return false;
	ozr_array_get_info(ozr_image_level(scene.image.get(), 0), &array);
	for (unsigned d = 0; d < array.rank; d++) {
		rest.extent[d] = array.shape[d];
		if (array.shape[d] == 0) {
			CPLError(CE_Failure, CPLE_NotSupported, "open '%s': axis '%s' is empty",
				 scene.name.c_str(), scene.info.axes[d].name);
			return false;
		}
	}
	if (!fix_axes(scene, options, rest) || !choose_bands(scene, options, rest, vary) ||
	    !list_planes(scene, rest, vary))
		return false;
	scene.view.chosen = rest.given;
	warn_hidden(scene, rest, vary);
	return true;
}

uint64_t index_in_level(const Scene &scene, unsigned level, unsigned axis, uint64_t index)
{
	ArrayInfo fine = {}, coarse = {};
	if (level == 0)
		return index;
	ozr_array_get_info(ozr_image_level(scene.image.get(), 0), &fine);
	ozr_array_get_info(ozr_image_level(scene.image.get(), level), &coarse);
	/* Sizes are rounded up: the factor is what scales and sizes agree on. */
	double scale0[OZR_MAX_RANK], scale[OZR_MAX_RANK], ignored[OZR_MAX_RANK];
	ozr_image_transform(scene.image.get(), 0, scale0, ignored);
	ozr_image_transform(scene.image.get(), level, scale, ignored);
	double ratio = std::round(scale[axis] / scale0[axis]);
	uint64_t factor = 1;
	if (ratio >= 1 && ratio < 1e9 && coarse.shape[axis] < fine.shape[axis])
		factor = static_cast<uint64_t>(ratio);
	return std::min(index / factor, coarse.shape[axis] - 1);
}
