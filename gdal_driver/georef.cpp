/* SPDX-License-Identifier: MIT */
/*
 * Geotransforms. They are stored verbatim in the attributes of the convention
 * "spatial:", because arithmetic with scale and translation does not give the
 * same numbers back. Without them the OME transform is shown north up: y of
 * the image is minus the geographic y.
 */
#include "georef.h"

#include <cmath>

/* spatial:transform is [xx, xy, x0, yx, yy, y0]; where each number goes in GDAL's order. */
static const int place[6] = {1, 2, 0, 4, 5, 3};

static bool parse_numbers(const CPLJSONArray &list, const int order[6], double gt[6])
{
	if (!list.IsValid() || list.Size() != 6)
		return false;
	for (int i = 0; i < 6; i++) {
		gt[order[i]] = list[i].ToDouble(NAN);
		if (!std::isfinite(gt[order[i]]))
			return false;
	}
	return true;
}

static bool parse_transform(const CPLJSONObject &attributes, double gt[6])
{
	static const int in_order[6] = {0, 1, 2, 3, 4, 5};
	if (parse_numbers(attributes.GetObj("gdal").GetArray("geotransform"), in_order, gt))
		return true;
	if (attributes.GetString("spatial:transform_type", "affine") != "affine" ||
	    !parse_numbers(attributes.GetArray("spatial:transform"), place, gt))
		return false;
	if (attributes.GetString("spatial:registration") == "node") {
		gt[0] -= 0.5 * (gt[1] + gt[2]); /* it gives the centre of the first pixel */
		gt[3] -= 0.5 * (gt[4] + gt[5]);
	}
	return true;
}

void read_georeferencing(const CPLJSONObject &attributes, Stored &out)
{
	double gt[6];
	if (!out.has_geotransform && parse_transform(attributes, gt)) {
		std::copy(gt, gt + 6, out.geotransform);
		out.has_geotransform = true;
	}
	if (out.srs.IsEmpty())
		read_srs(attributes, out.srs);
}

void default_geotransform(ozr_image *image, unsigned x, unsigned y, Stored &out)
{
	double scale[OZR_MAX_RANK], translation[OZR_MAX_RANK];
	ozr_image_transform(image, 0, scale, translation);
	double *gt = out.geotransform;
	gt[0] = translation[x] - scale[x] / 2;
	gt[1] = scale[x];
	gt[2] = 0;
	gt[3] = -(translation[y] - scale[y] / 2);
	gt[4] = 0;
	gt[5] = -scale[y];
	out.has_geotransform = out.geotransform_is_ome = true;
}

void coarser_geotransform(const double gt[6], double fx, double fy, double out[6])
{
	out[0] = gt[0];
	out[1] = gt[1] * fx;
	out[2] = gt[2] * fy;
	out[3] = gt[3];
	out[4] = gt[4] * fx;
	out[5] = gt[5] * fy;
}

bool ome_place(const double gt[6], OmePlace &x, OmePlace &y)
{
	double cx = gt[0] + (gt[1] + gt[2]) / 2, cy = gt[3] + (gt[4] + gt[5]) / 2;
	x.scale = std::hypot(gt[1], gt[4]);
	y.scale = std::hypot(gt[2], gt[5]);
	x.translation = cx;
	y.translation = gt[5] > 0 ? cy : -cy;
	return std::isfinite(x.scale) && std::isfinite(y.scale) && x.scale > 0 && y.scale > 0 &&
	       std::isfinite(cx) && std::isfinite(cy);
}

void write_spatial(const Stored &stored, double fx, double fy, const char *x, const char *y,
		   CPLJSONObject &attributes)
{
	if (!stored.has_geotransform || stored.geotransform_is_ome) {
		for (const char *name :
		     {"spatial:dimensions", "spatial:transform_type", "spatial:transform",
		      "spatial:registration", "spatial:shape", "spatial:bbox"})
			attributes.AddNull(name);
		return;
	}
	double gt[6];
	coarser_geotransform(stored.geotransform, fx, fy, gt);
	CPLJSONArray dimensions, transform;
	dimensions.Add(y);
	dimensions.Add(x);
	for (int i : place)
		transform.Add(gt[i]);
	attributes.Add("spatial:dimensions", dimensions);
	attributes.Add("spatial:transform_type", "affine");
	attributes.Add("spatial:transform", transform);
	for (const char *name : {"spatial:registration", "spatial:bbox"})
		attributes.AddNull(name); /* of an older transform */
}
