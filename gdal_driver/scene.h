/* SPDX-License-Identifier: MIT */
/*
 * What a dataset shows: an open image, which of its axes is the bands, where
 * the other axes are fixed, and what is stored about it for GDAL. Made by
 * open.cpp or create.cpp and shared by the dataset and its overviews. Read-only
 * scenes are constant and may be used from any thread. A scene that is written
 * belongs to one thread: setters change `stored`, and the first flush of a new
 * image exchanges `image`, so nobody may keep what is borrowed from it.
 */
#ifndef OZR_GDAL_SCENE_H
#define OZR_GDAL_SCENE_H

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "labels.h"
#include "store.h"
#include "stored.h"

struct CloseImage {
	void operator()(ozr_image *image) const
	{
		ozr_image_close(image);
	}
};
using ImageInfo = ozr_image_info;
using ArrayInfo = ozr_array_info;
using Image = std::unique_ptr<ozr_image, CloseImage>;

using Indices = std::array<uint64_t, OZR_MAX_RANK>;

struct View {
	unsigned x = 0, y = 0;
	int band_axis = -1;                         /* -1: one band, or BANDS=ALL */
	unsigned level = 0;                         /* shown at full size */
	std::array<bool, OZR_MAX_RANK> chosen = {}; /* axes that Z=, T= or C= fixes */
	bool bands_chosen = false;                  /* BANDS=C, Z or T was given */
	std::vector<Indices>
		planes; /* of each band: the index on every axis but x and y, in level 0 */
};

enum class Access {
	READ,
	UPDATE,
	CREATING /* by Create(), and nothing of it is at the target yet */
};

class Update;

struct Scene {
	Scene();
	~Scene();
	std::string name; /* as the user wrote it */
	std::string folder, inner;
	std::string vsi;      /* the folder as GDAL's file functions call it */
	bool network = false; /* looking costs requests */
	bool zipped = false;  /* the folder is a zip archive, a single file */
	std::string twin;     /* "" or what was found out about a file that is a TIFF, too */
	bool itself = false;  /* opened as one of its own subdatasets: lists none again */
	Store store;          /* that holds the image at inner */
	Image image;
	ImageInfo info = {};
	View view;
	Stored stored;
	std::unique_ptr<LabelTable> labels; /* nullptr: nothing is known about values */
	unsigned threads = 0;
	Access access = Access::READ;
	bool rules_changed = false;     /* setters were called: settle_level_rules() */
	bool method_is_default = false; /* of a new image: nobody has said how to make levels */
	std::unique_ptr<Update> update; /* nullptr: read-only */

	bool writable() const
	{
		return access != Access::READ;
	}
};

/* What setters have changed in scene.stored into the store, or into the image that is being
 * created; nothing is written when nothing has changed. False after CPLError(); all that has
 * changed is still marked then. */
bool save_stored(Scene &scene);
/* level_rules.cpp: tell the image how levels that are still to be built should be made, after
 * what is stored has changed. False after CPLError(). */
bool settle_level_rules(Scene &scene);
/* windows.cpp: what viewers show of the channels of a new image, from its pixels. False after
 * CPLError(). */
bool settle_windows(Scene &scene);
/* The nodata value that all bands have, as an element; false when they have none in common. */
bool common_nodata(const Scene &scene, unsigned char element[8]);
/* What is stored about a band (from 1), or nullptr: then OME's metadata may say something. */
const StoredBand *find_band(const Scene &scene, int band);
/* The same, to be changed: made when there is none, with what OME says, and marked. */
StoredBand &change_band(Scene &scene, int band);

/* From the open options; false after CPLError(). Warns when planes are hidden that the options
 * do not choose. */
bool choose_view(Scene &scene, CSLConstList options);
/* x and y alone; false after CPLError(). */
bool choose_plane_axes(Scene &scene);
/* Axis by its letter (c, z or t), or -1. */
int axis_by_letter(const Scene &scene, char letter);
/* Index of element `index` of level 0 on an axis of another level. */
uint64_t index_in_level(const Scene &scene, unsigned level, unsigned axis, uint64_t index);

#endif
