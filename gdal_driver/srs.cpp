/* SPDX-License-Identifier: MIT */
/*
 * Coordinate reference systems as JSON: the convention "geo-proj" for everybody,
 * and for GDAL which of its forms gives exactly the CRS that was stored.
 */
#include <cmath>

#include "georef.h"

static const char wkt2[] = "FORMAT=WKT2_2019";

static bool import(const std::string &text, OGRSpatialReference &srs)
{
	srs.Clear();
	srs.SetAxisMappingStrategy(OAMS_TRADITIONAL_GIS_ORDER);
	return !text.empty() &&
	       srs.SetFromUserInput(text.c_str(),
				    OGRSpatialReference::SET_FROM_USER_INPUT_LIMITATIONS_get()) ==
		       OGRERR_NONE;
}

static bool is_object(const CPLJSONObject &value)
{
	return value.IsValid() && value.GetType() == CPLJSONObject::Type::Object;
}

/* The CRS from the form that gives exactly the one that was stored, else from any. */
static bool parse(const CPLJSONObject &attributes, OGRSpatialReference &srs)
{
	CPLJSONObject more = attributes.GetObj("gdal").GetObj("srs");
	CPLJSONObject json = attributes.GetObj("proj:projjson");
	if (import(more.GetString("wkt"), srs))
		return true;
	std::string best = more.GetString("exact");
	if ((best == "proj:code" || best == "proj:wkt2") && import(attributes.GetString(best), srs))
		return true;
	return import(attributes.GetString("proj:code"), srs) ||
	       import(attributes.GetString("proj:wkt2"), srs) ||
	       (is_object(json) && import(json.Format(CPLJSONObject::PrettyFormat::Plain), srs));
}

static void parse_axes_and_epoch(const CPLJSONObject &details, OGRSpatialReference &srs)
{
	CPLJSONArray axes = details.GetArray("data_axes");
	if (axes.IsValid() && axes.Size() >= 2 && axes.Size() <= 4) {
		std::vector<int> mapping;
		for (int i = 0; i < axes.Size(); i++)
			mapping.push_back(axes[i].ToInteger());
		srs.SetDataAxisToSRSAxisMapping(mapping);
	}
	double epoch = details.GetDouble("epoch");
	if (epoch > 0)
		srs.SetCoordinateEpoch(epoch);
}

void read_srs(const CPLJSONObject &attributes, OGRSpatialReference &srs)
{
	if (parse(attributes, srs))
		parse_axes_and_epoch(attributes.GetObj("gdal").GetObj("srs"), srs);
	else
		srs.Clear();
}

void read_srs_alone(const CPLJSONObject &details, OGRSpatialReference &srs)
{
	if (import(details.GetString("wkt"), srs))
		parse_axes_and_epoch(details, srs);
	else
		srs.Clear();
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

static bool gives_back(const std::string &text, const OGRSpatialReference &srs)
{
	OGRSpatialReference back;
	CPLErrorStateBackuper state;
	CPLErrorHandlerPusher mute(CPLQuietErrorHandler);
	return import(text, back) && export_wkt(back, nullptr) == export_wkt(srs, nullptr) &&
	       export_wkt(back, wkt2) == export_wkt(srs, wkt2);
}

CPLJSONObject srs_details(const OGRSpatialReference &srs, bool alone)
{
	CPLJSONObject out;
	CPLJSONArray axes;
	std::string modern = export_wkt(srs, wkt2);
	if (!alone && gives_back(authority_code(srs), srs))
		out.Add("exact", "proj:code");
	else if (!alone && gives_back(modern, srs))
		out.Add("exact", "proj:wkt2");
	else
		out.Add("wkt",
			alone && gives_back(modern, srs) ? modern : export_wkt(srs, nullptr));
	for (int axis : srs.GetDataAxisToSRSAxisMapping())
		axes.Add(axis);
	out.Add("data_axes", axes);
	if (srs.GetCoordinateEpoch() > 0)
		write_number(out, "epoch", srs.GetCoordinateEpoch());
	return out;
}

void write_srs(const OGRSpatialReference &srs, bool is_group, CPLJSONObject &attributes)
{
	for (const char *form : {"proj:code", "proj:wkt2", "proj:projjson"})
		attributes.AddNull(form); /* until replaced: an older one must not stay */
	if (srs.IsEmpty())
		return;
	std::string code = authority_code(srs), wkt = export_wkt(srs, wkt2);
	auto put = [&](const char *form, const CPLJSONObject &value) {
		attributes.Delete(form);
		attributes.Add(form, value);
	};
	CPLJSONArray texts; /* the one way to a text value without a name */
	texts.Add(code);
	texts.Add(wkt);
	if (!code.empty())
		put("proj:code", texts[0]);
	if (!wkt.empty() && (is_group || code.empty()))
		put("proj:wkt2", texts[1]);
	char *json = nullptr;
	CPLJSONDocument document;
	CPLErrorStateBackuper state;
	CPLErrorHandlerPusher mute(CPLQuietErrorHandler);
	if (is_group && srs.exportToPROJJSON(&json, nullptr) == OGRERR_NONE && json != nullptr &&
	    document.LoadMemory(reinterpret_cast<const GByte *>(json)))
		put("proj:projjson", document.GetRoot());
	CPLFree(json);
}

const char *ome_unit(const OGRSpatialReference &srs)
{
	if (srs.IsEmpty() || srs.IsGeographic())
		return "";
	double meters = srs.GetLinearUnits();
	return std::fabs(meters - 1) < 1e-12               ? "meter"
	       : std::fabs(meters - 1000) < 1e-9           ? "kilometer"
	       : std::fabs(meters - 0.3048) < 1e-12        ? "foot"
	       : std::fabs(meters - 1200.0 / 3937) < 1e-12 ? "foot"
							   : "";
}
