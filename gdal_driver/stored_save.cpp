/* SPDX-License-Identifier: MIT */
/*
 * What has changed in a Stored, into the image: first the arrays of the levels,
 * then the group's document in one write, so that a reader finds the old one or
 * the new one. Of the member `gdal` only the parts that have changed are
 * replaced: what another process has written beside them since stays.
 *
 * While the image is being created its document waits in memory for the commit.
 */
#include "georef.h"
#include "plan.h"
#include "scene.h"

namespace
{
/* An image, which of its axes are x and y, and what its documents say now. */
struct Target {
	ozr_image *image;
	unsigned x, y;
	ozr_image_info info;
	CPLJSONDocument group;
	bool verbatim; /* spatial: must not be written */
	bool grouped;
};

/* What OME has of it: scale, translation, units and channels. */
struct OmeChanges {
	ozr_image_changes changes;
	double scale[OZR_MAX_RANK], translation[OZR_MAX_RANK];
	const char *unit[OZR_MAX_RANK];
	std::vector<ozr_channel> channels;
};
} // namespace

static bool fail(const ozr_err &err)
{
	report(err);
	return false;
}

/* Text of a document that the library has checked already; empty when GDAL does not like it. */
static CPLJSONDocument parse(const std::string &text)
{
	CPLErrorStateBackuper state;
	CPLErrorHandlerPusher mute(CPLQuietErrorHandler);
	CPLJSONDocument document;
	return document.LoadMemory(text) ? document : CPLJSONDocument();
}

static bool look(Target &target)
{
	char *text = nullptr;
	ozr_err err = {};
	if (ozr_image_attributes(target.image, &text, &err) != OZR_OK)
		return fail(err);
	target.group = parse(text);
	ozr_text_free(text);
	ozr_image_get_info(target.image, &target.info);
	target.grouped = has_grouped_levels(target.image);
	target.verbatim = spatial_would_crash(target.image, target.group.GetRoot());
	return true;
}

/* --- spatial: and proj: --------------------------------------------------------- */

/* Of the group, or of a level that is fx and fy times coarser. before: the attributes that it
 * has. */
static void write_georeferencing(const Target &target, const Stored &stored, bool is_group,
				 double fx, double fy, const CPLJSONObject &before,
				 CPLJSONObject &out)
{
	unsigned present = NONE, absent = NONE;
	if (stored.changes.geotransform) {
		write_spatial(stored, fx, fy, target.info.axes[target.x].name,
			      target.info.axes[target.y].name, out);
		bool any = stored.has_geotransform && !stored.geotransform_is_ome;
		(any ? present : absent) |= SPATIAL;
	}
	if (stored.changes.srs) {
		write_srs(stored.srs, is_group, out);
		(stored.srs.IsEmpty() ? absent : present) |= PROJ;
	}
	if (is_group && target.grouped) {
		present |= MULTISCALES;
		out.Add("multiscales", convention_multiscales(target.image));
	}
	list_conventions(before, present, absent, out);
}

static bool write_level(const Target &target, const Stored &stored, unsigned level)
{
	double fine[OZR_MAX_RANK], coarse[OZR_MAX_RANK], ignored[OZR_MAX_RANK];
	char *text = nullptr;
	ozr_err err = {};
	CPLJSONObject change;
	if (ozr_array_attributes(ozr_image_level(target.image, level), &text, &err) != OZR_OK)
		return fail(err);
	CPLJSONDocument before = parse(text);
	ozr_text_free(text);
	ozr_image_transform(target.image, 0, fine, ignored);
	ozr_image_transform(target.image, level, coarse, ignored);
	write_georeferencing(target, stored, false, coarse[target.x] / fine[target.x],
			     coarse[target.y] / fine[target.y], before.GetRoot(), change);
	std::string json = change.Format(CPLJSONObject::PrettyFormat::Plain);
	return ozr_image_set_level_attributes(target.image, level, json.c_str(), &err) == OZR_OK ||
	       fail(err);
}

static bool write_levels(const Target &target, const Stored &stored)
{
	if ((!stored.changes.geotransform && !stored.changes.srs) || target.verbatim ||
	    target.info.is_bare)
		return true;
	for (unsigned n = 0; n < target.info.levels; n++)
		if (!write_level(target, stored, n))
			return false;
	return true;
}

/* --- OME ------------------------------------------------------------------------------ */

/* Pixel size and position; without a geotransform pixels count themselves. */
static void place(const Target &target, const Stored &stored, OmeChanges &ome)
{
	OmePlace x = {1, 0}, y = {1, 0};
	if (stored.has_geotransform && !ome_place(stored.geotransform, x, y))
		return;
	ozr_image_transform(target.image, 0, ome.scale, ome.translation);
	ome.scale[target.x] = x.scale;
	ome.scale[target.y] = y.scale;
	ome.translation[target.x] = x.translation;
	ome.translation[target.y] = y.translation;
	ome.changes.scale = ome.scale;
	ome.changes.translation = ome.translation;
}

static void measure(const Target &target, const Stored &stored, OmeChanges &ome)
{
	if (ome.changes.scale == nullptr)
		ozr_image_transform(target.image, 0, ome.scale, ome.translation);
	ome.changes.scale = ome.scale;
	ome.changes.translation = ome.translation;
	ome.changes.unit = ome.unit;
	ome.unit[target.x] = ome.unit[target.y] = ome_unit(stored.srs);
}

static int channel_axis(const Target &target)
{
	for (unsigned d = 0; d < target.info.rank; d++)
		if (target.info.axes[d].kind == OZR_AXIS_CHANNEL)
			return static_cast<int>(d);
	return -1;
}

static void describe(const StoredBand &band, ozr_channel &channel)
{
	if (!band.description.empty() && CPLIsUTF8(band.description.c_str(), -1))
		copy_text(channel.label, band.description.c_str(), sizeof(channel.label));
	if (!band.has_color_interpretation)
		return;
	int part = band.color_interpretation - GCI_RedBand;
	bool alpha = band.color_interpretation == GCI_AlphaBand;
	channel.active = alpha ? 0 : channel.active;
	if ((part < 0 || part > 2) && !alpha)
		return;
	channel.has_color = 1;
	for (int i = 0; i < 3; i++)
		channel.rgb[i] = alpha || i == part ? 255 : 0;
}

/* Names and colors, where bands are channels (or there is one band, and one channel). */
static void name_channels(const Target &target, const Stored &stored, OmeChanges &ome)
{
	int axis = channel_axis(target);
	if (stored.band_axis != (axis < 0 ? "" : target.info.axes[axis].name))
		return;
	size_t n = std::min<size_t>(stored.bands.size(), target.info.channels);
	for (size_t i = 0; i < n; i++) {
		ozr_channel channel = {};
		if (ozr_image_channel(target.image, static_cast<unsigned>(i), &channel, nullptr) !=
		    OZR_OK)
			return;
		channel.has_window = 0; /* it stays, as it is spelled */
		if (stored.bands[i].changed)
			describe(stored.bands[i], channel);
		ome.channels.push_back(channel);
	}
	ome.changes.channels = static_cast<unsigned>(ome.channels.size());
	ome.changes.channel = ome.channels.data();
}

/* --- all of it ------------------------------------------------------------------------ */

static std::string group_change(const Target &target, const Stored &stored)
{
	CPLJSONObject root = target.group.GetRoot(), own = root.GetObj("gdal"), change;
	if (!own.IsValid() || own.GetType() != CPLJSONObject::Type::Object)
		own = CPLJSONObject();
	write_members(stored, target.verbatim, axis_extent(target.image, stored.band_axis), own);
	change.Add("gdal", own);
	if ((stored.changes.geotransform || stored.changes.srs) && !target.verbatim)
		write_georeferencing(target, stored, true, 1, 1, root, change);
	return change.Format(CPLJSONObject::PrettyFormat::Plain);
}

static bool write_group(const Target &target, const Stored &stored)
{
	OmeChanges ome = {};
	ozr_err err = {};
	if (stored.changes.place)
		place(target, stored, ome);
	if (stored.changes.unit)
		measure(target, stored, ome);
	if (stored.changes.channels)
		name_channels(target, stored, ome);
	std::string json = group_change(target, stored);
	ome.changes.attributes = json.c_str();
	int rc = ozr_image_change(target.image, &ome.changes, &err);
	if (rc == OZR_UNSUPPORTED && ome.changes.scale != nullptr) {
		/* an older or a later form of OME's metadata: `gdal` and spatial: say it exactly */
		ome.changes.scale = ome.changes.translation = nullptr;
		rc = ozr_image_change(target.image, &ome.changes, &err);
	}
	return rc == OZR_OK || fail(err);
}

bool write_stored(ozr_image *image, unsigned x, unsigned y, Stored &stored)
{
	Target target = {image, x, y, {}, {}, false, false};
	if (!stored.changes.any())
		return true;
	if (!look(target) || !write_levels(target, stored) || !write_group(target, stored))
		return false;
	stored.changes = {};
	for (StoredBand &band : stored.bands)
		band.changed = false;
	return true;
}

bool save_stored(Scene &scene)
{
	return write_stored(scene.image.get(), scene.view.x, scene.view.y, scene.stored);
}
