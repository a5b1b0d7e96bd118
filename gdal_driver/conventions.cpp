/* SPDX-License-Identifier: MIT */
/*
 * The zarr-conventions that stand beside OME's metadata: the list of those that
 * a node follows, and the multiscales from which GDAL's own Zarr driver (3.13)
 * takes overviews.
 */
#include "georef.h"

#include <cmath>
#include <cstring>

namespace
{
struct Convention {
	unsigned bit;
	const char *uuid, *name, *repository, *description;
};
} // namespace

static const Convention known[] = {
	{PROJ, "f17cb550-5864-4468-aeb7-f3180cfb622f", "proj:", "zarr-experimental/geo-proj",
	 "Coordinate reference system information for geospatial data"},
	{SPATIAL, "689b58e2-cf7b-45e0-9fff-9cfc0883d6b4", "spatial:", "zarr-conventions/spatial",
	 "Spatial coordinate information"},
	{MULTISCALES, "d35379db-88df-4056-af3a-620245f8e347", "multiscales",
	 "zarr-conventions/multiscales", "Multiscale layout of zarr datasets"},
};

static CPLJSONObject describe(const Convention &convention)
{
	std::string raw = std::string("https://raw.githubusercontent.com/") + convention.repository;
	std::string page = std::string("https://github.com/") + convention.repository;
	CPLJSONObject entry;
	entry.Add("schema_url", raw + "/refs/tags/v1/schema.json");
	entry.Add("spec_url", page + "/blob/v1/README.md");
	entry.Add("uuid", convention.uuid);
	entry.Add("name", convention.name);
	entry.Add("description", convention.description);
	return entry;
}

static unsigned bit_of(const CPLJSONObject &entry)
{
	if (entry.GetType() != CPLJSONObject::Type::Object)
		return NONE;
	for (const Convention &one : known)
		if (entry.GetString("uuid") == one.uuid)
			return one.bit;
	return NONE;
}

void list_conventions(const CPLJSONObject &attributes, unsigned present, unsigned absent,
		      CPLJSONObject &out)
{
	CPLJSONArray before = attributes.GetArray("zarr_conventions"), after;
	unsigned listed = NONE;
	for (int i = 0; before.IsValid() && i < before.Size(); i++) {
		unsigned bit = bit_of(before[i]);
		if ((bit & (absent | listed)) != 0)
			continue;
		after.Add(before[i]);
		listed |= bit;
	}
	for (const Convention &one : known)
		if ((one.bit & present & ~listed) != 0)
			after.Add(describe(one));
	if (after.Size() > 0)
		out.Add("zarr_conventions", after);
	else
		out.AddNull("zarr_conventions");
}

static std::string group_of(const char *path)
{
	const char *slash = strchr(path, '/');
	return slash == nullptr || strchr(slash + 1, '/') != nullptr
		       ? ""
		       : std::string(path, static_cast<size_t>(slash - path));
}

bool has_grouped_levels(ozr_image *image)
{
	ozr_image_info info = {};
	ozr_image_get_info(image, &info);
	for (unsigned n = 0; n < info.levels; n++)
		if (group_of(ozr_image_level_path(image, n)).empty())
			return false;
	return !info.is_bare;
}

bool spatial_would_crash(ozr_image *image, const CPLJSONObject &attributes)
{
	return !has_grouped_levels(image) && attributes.GetObj("multiscales/layout").IsValid();
}

CPLJSONObject convention_multiscales(ozr_image *image)
{
	ozr_image_info info = {};
	double before[OZR_MAX_RANK], now[OZR_MAX_RANK], ignored[OZR_MAX_RANK];
	CPLJSONArray layout;
	ozr_image_get_info(image, &info);
	for (unsigned n = 0; n < info.levels; n++) {
		CPLJSONObject item, transform;
		CPLJSONArray scale, translation;
		ozr_image_transform(image, n, now, ignored);
		for (unsigned d = 0; d < info.rank; d++) {
			double ratio = n == 0 ? 1.0 : now[d] / before[d], whole = std::round(ratio);
			scale.Add(std::fabs(ratio - whole) < 1e-9 * whole ? whole : ratio);
			translation.Add(0.0);
		}
		std::copy(now, now + OZR_MAX_RANK, before);
		item.Add("asset", group_of(ozr_image_level_path(image, n)));
		if (n > 0)
			item.Add("derived_from", group_of(ozr_image_level_path(image, n - 1)));
		transform.Add("scale", scale);
		transform.Add("translation", translation);
		item.Add("transform", transform);
		layout.Add(item);
	}
	CPLJSONObject out;
	out.Add("layout", layout);
	return out;
}
