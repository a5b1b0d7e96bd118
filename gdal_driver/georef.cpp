/* SPDX-License-Identifier: MIT */
/*
 * Georeferencing. Geotransform and CRS are stored verbatim in the attributes
 * of the zarr-conventions "spatial:" and "geo-proj", because arithmetic with
 * scale and translation does not give the same numbers back. Without them the
 * OME transform is shown north up: y of the image is minus the geographic y.
 */
#include <cmath>

#include "stored.h"

/* spatial:transform is [xx, xy, x0, yx, yy, y0]; where each number goes in GDAL's order. */
static const int place[6] = {1, 2, 0, 4, 5, 3};

static bool parse_transform(const CPLJSONObject &attributes, double gt[6])
{
	CPLJSONArray list = attributes.GetArray("spatial:transform");
	std::string type = attributes.GetString("spatial:transform_type", "affine");
	if (!list.IsValid() || list.Size() != 6 || type != "affine")
		return false;
	for (int i = 0; i < 6; i++) {
		gt[place[i]] = list[i].ToDouble(NAN);
		if (!std::isfinite(gt[place[i]]))
			return false;
	}
	if (attributes.GetString("spatial:registration") == "node") {
		gt[0] -= 0.5 * (gt[1] + gt[2]); /* it gives the centre of the first pixel */
		gt[3] -= 0.5 * (gt[4] + gt[5]);
	}
	return true;
}

static bool import_srs(const std::string &text, OGRSpatialReference &srs)
{
	srs.Clear();
	srs.SetAxisMappingStrategy(OAMS_TRADITIONAL_GIS_ORDER);
	return !text.empty() &&
	       srs.SetFromUserInput(text.c_str(),
				    OGRSpatialReference::SET_FROM_USER_INPUT_LIMITATIONS_get()) ==
		       OGRERR_NONE;
}

/* The CRS from the form that gives exactly the one that was stored, else from any. */
static bool parse_srs(const CPLJSONObject &attributes, OGRSpatialReference &srs)
{
	CPLJSONObject more = attributes.GetObj("gdal").GetObj("srs");
	CPLJSONObject json = attributes.GetObj("proj:projjson");
	if (import_srs(more.GetString("wkt"), srs))
		return true;
	std::string best = more.GetString("exact");
	if ((best == "proj:code" || best == "proj:wkt2") &&
	    import_srs(attributes.GetString(best), srs))
		return true;
	return import_srs(attributes.GetString("proj:code"), srs) ||
	       import_srs(attributes.GetString("proj:wkt2"), srs) ||
	       (json.IsValid() && json.GetType() == CPLJSONObject::Type::Object &&
		import_srs(json.Format(CPLJSONObject::PrettyFormat::Plain), srs));
}

static void parse_axes_and_epoch(const CPLJSONObject &attributes, OGRSpatialReference &srs)
{
	CPLJSONObject more = attributes.GetObj("gdal").GetObj("srs");
	CPLJSONArray axes = more.GetArray("data_axes");
	if (axes.IsValid() && axes.Size() >= 2 && axes.Size() <= 4) {
		std::vector<int> mapping;
		for (int i = 0; i < axes.Size(); i++)
			mapping.push_back(axes[i].ToInteger());
		srs.SetDataAxisToSRSAxisMapping(mapping);
	}
	double epoch = more.GetDouble("epoch");
	if (epoch > 0)
		srs.SetCoordinateEpoch(epoch);
}

void read_georeferencing(const CPLJSONObject &attributes, Stored &out)
{
	if (!out.has_geotransform)
		out.has_geotransform = parse_transform(attributes, out.geotransform);
	if (out.srs.IsEmpty()) {
		if (parse_srs(attributes, out.srs))
			parse_axes_and_epoch(attributes, out.srs);
		else
			out.srs.Clear();
	}
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
	out.has_geotransform = true;
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

CPLJSONObject convention(const char *uuid, const char *name, const char *repository,
			 const char *description)
{
	std::string raw = std::string("https://raw.githubusercontent.com/") + repository;
	std::string page = std::string("https://github.com/") + repository;
	CPLJSONObject entry;
	entry.Add("schema_url", raw + "/refs/tags/v1/schema.json");
	entry.Add("spec_url", page + "/blob/v1/README.md");
	entry.Add("uuid", uuid);
	entry.Add("name", name);
	entry.Add("description", description);
	return entry;
}

static std::string export_wkt(const OGRSpatialReference &srs, const char *format)
{
	char *text = nullptr;
	const char *const options[] = {format, nullptr};
	CPLErrorStateBackuper quiet;
	CPLErrorHandlerPusher mute(CPLQuietErrorHandler);
	srs.exportToWkt(&text, format != nullptr ? options : nullptr);
	std::string wkt = text != nullptr ? text : "";
	CPLFree(text);
	return wkt;
}

static std::string authority_code(const OGRSpatialReference &srs)
{
	const char *authority = srs.GetAuthorityName(nullptr);
	const char *code = srs.GetAuthorityCode(nullptr);
	return authority != nullptr && code != nullptr ? std::string(authority) + ":" + code : "";
}

static const char wkt2[] = "FORMAT=WKT2_2019";

static bool gives_back(const std::string &text, const OGRSpatialReference &srs)
{
	OGRSpatialReference back;
	CPLErrorStateBackuper state;
	CPLErrorHandlerPusher mute(CPLQuietErrorHandler);
	return import_srs(text, back) && export_wkt(back, nullptr) == export_wkt(srs, nullptr) &&
	       export_wkt(back, wkt2) == export_wkt(srs, wkt2);
}

void write_srs_details(const OGRSpatialReference &srs, CPLJSONObject &out)
{
	CPLJSONArray axes;
	if (gives_back(authority_code(srs), srs))
		out.Add("exact", "proj:code");
	else if (gives_back(export_wkt(srs, wkt2), srs))
		out.Add("exact", "proj:wkt2");
	else
		out.Add("wkt", export_wkt(srs, nullptr));
	for (int axis : srs.GetDataAxisToSRSAxisMapping())
		axes.Add(axis);
	out.Add("data_axes", axes);
	if (srs.GetCoordinateEpoch() > 0)
		out.Add("epoch", srs.GetCoordinateEpoch());
}

/* all: in every form; else in one that identifies it, for the arrays of the levels. */
static void write_srs(const OGRSpatialReference &srs, bool all, CPLJSONObject &attributes)
{
	std::string code = authority_code(srs), wkt = export_wkt(srs, wkt2);
	char *json = nullptr;
	CPLJSONDocument document;
	if (!code.empty())
		attributes.Add("proj:code", code);
	if (!wkt.empty() && (all || code.empty()))
		attributes.Add("proj:wkt2", wkt);
	CPLErrorStateBackuper state;
	CPLErrorHandlerPusher mute(CPLQuietErrorHandler);
	if (all && srs.exportToPROJJSON(&json, nullptr) == OGRERR_NONE && json != nullptr &&
	    document.LoadMemory(reinterpret_cast<const GByte *>(json)))
		attributes.Add("proj:projjson", document.GetRoot());
	CPLFree(json);
}

void write_georeferencing(const Georef &georef, const About &level, CPLJSONObject &attributes,
			  CPLJSONArray &conventions)
{
	if (georef.srs != nullptr) {
		write_srs(*georef.srs, level.is_group, attributes);
		conventions.Add(
			convention("f17cb550-5864-4468-aeb7-f3180cfb622f",
				   "proj:", "zarr-experimental/geo-proj",
				   "Coordinate reference system information for geospatial data"));
	}
	if (!georef.has_geotransform)
		return;
	double gt[6];
	coarser_geotransform(georef.gt, level.fx, level.fy, gt);
	CPLJSONArray dimensions, transform;
	dimensions.Add("y");
	dimensions.Add("x");
	for (int i : place)
		transform.Add(gt[i]);
	attributes.Add("spatial:dimensions", dimensions);
	attributes.Add("spatial:transform_type", "affine");
	attributes.Add("spatial:transform", transform);
	conventions.Add(convention("689b58e2-cf7b-45e0-9fff-9cfc0883d6b4", "spatial:",
				   "zarr-conventions/spatial", "Spatial coordinate information"));
}
