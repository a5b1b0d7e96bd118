/* SPDX-License-Identifier: MIT */
/*
 * New labels of an image that is there: CreateCopy() and Create() with the
 * target OMEZARR:"scan.ome.zarr":labels/nuclei. What differs from an image is
 * planned here; the library stages the label and lists it with its commit.
 */
#include "plan.h"
#include "scene.h"
#include "store.h"

static bool refuse(const Name &target, const char *why)
{
	CPLError(CE_Failure, CPLE_AppDefined, "create '%s' in '%s': %s", target.inner.c_str(),
		 target.folder.c_str(), why);
	return false;
}

/* The image that it belongs to; nullptr after CPLError(). */
static Image open_image(const Name &target, const std::string &of)
{
	ozr_err err = {};
	ozr_image *image = nullptr;
	Store store = open_store(target, OZR_READ, nullptr, &err);
	int rc = store ? ozr_image_open(store.get(), of.c_str(), OZR_READ, &image, &err) : err.code;
	if (rc != OZR_OK) {
		ozr_err_context(&err, rc, "create '%s' in '%s'", target.inner.c_str(),
				target.folder.c_str());
		report(err);
	}
	return Image(image);
}

/* Axes with the same name and extent: pixels lie on each other. */
static void take_place(ozr_image *image, const ImageInfo &info, Plan &plan)
{
	ArrayInfo array = {};
	double scale[OZR_MAX_RANK], translation[OZR_MAX_RANK];
	int axis[OZR_MAX_RANK];
	ozr_array_get_info(ozr_image_level(image, 0), &array);
	ozr_image_transform(image, 0, scale, translation);
	for (unsigned i = 0; i < plan.image.rank; i++) {
		axis[i] = -1;
		for (unsigned d = 0; d < info.rank; d++)
			if (EQUAL(info.axes[d].name, plan.image.axes[i].name) &&
			    array.shape[d] == plan.image.shape[i])
				axis[i] = static_cast<int>(d);
		if (axis[i] < 0 && plan.image.axes[i].kind == OZR_AXIS_SPACE)
			return;
	}
	for (unsigned i = 0; i < plan.image.rank; i++) {
		if (axis[i] < 0)
			continue;
		plan.image.scale[i] = scale[axis[i]];
		plan.image.translation[i] = translation[axis[i]];
		copy_text(plan.image.axes[i].unit, info.axes[axis[i]].unit,
			  sizeof(plan.image.axes[i].unit));
	}
	plan.has_size = true;
}

bool plan_as_label(const Name &target, CSLConstList options, bool placed_by_image, Plan &plan)
{
	std::string of, label;
	if (!target.is_label(of, label))
		return true;
	Image opened = open_image(target, of);
	ImageInfo image = {};
	if (!opened)
		return false;
	ozr_image_get_info(opened.get(), &image);
	int version = strcmp(image.version, "0.5") == 0 ? 5 : 4;
	if (CSLFetchNameValue(options, "OME_VERSION") == nullptr)
		plan.image.ome_version = version;
	if (image.is_bare || image.is_label)
		return refuse(target, "only images have labels");
	if (plan.image.ome_version != version)
		return refuse(target,
			      version == 5
				      ? "OME_VERSION: the image is 0.5, and so are its labels"
				      : "OME_VERSION: the image is 0.4, and so are its labels");
	if (plan.deferred)
		return refuse(target, "PYRAMID=DEFER: many cannot make one label");
	if (CSLFetchNameValue(options, "RESAMPLING") == nullptr)
		plan.image.method = OZR_MODE;
	plan.image.is_label = 1;
	plan.image.omero = 0;
	plan.image.channel = nullptr;
	plan.image.channels = 0;
	plan.image.alpha = 0;
	plan.image.grouped_levels = 0;
	if (placed_by_image && !plan.has_size)
		take_place(opened.get(), image, plan);
	return true;
}
