/* SPDX-License-Identifier: MIT */
/*
 * What building overviews means for an image: which of its levels are named by
 * factors (as GDAL's GeoTIFF driver compares them), which stay, and what is
 * written about the new ones.
 */
#include <cmath>
#include <set>

#include "driver.h"
#include "overviews.h"

static ArrayInfo array_of(const Scene &scene, unsigned level)
{
	ArrayInfo info = {};
	ozr_array_get_info(ozr_image_level(scene.image.get(), level), &info);
	return info;
}

/* How much coarser a level is, as GDAL guesses it from the sizes. */
static int factor_of(const View &view, const ArrayInfo &first, const ArrayInfo &level)
{
	return GDALComputeOvFactor(
		static_cast<int>(level.shape[view.x]), static_cast<int>(first.shape[view.x]),
		static_cast<int>(level.shape[view.y]), static_cast<int>(first.shape[view.y]));
}

static uint64_t reduced(uint64_t extent, int factor)
{
	uint64_t f = static_cast<uint64_t>(factor);
	return extent / f + (extent % f != 0);
}

static bool is_named(const View &view, const ArrayInfo &first, const ArrayInfo &level, int factor)
{
	int found = factor_of(view, first, level);
	return found == factor ||
	       found == GDALOvLevelAdjust2(factor, static_cast<int>(first.shape[view.x]),
					   static_cast<int>(first.shape[view.y])) ||
	       (level.shape[view.x] == reduced(first.shape[view.x], factor) &&
		level.shape[view.y] == reduced(first.shape[view.y], factor));
}

static bool reduces_other_axes(const View &view, const ArrayInfo &first, const ArrayInfo &level)
{
	for (unsigned d = 0; d < first.rank; d++)
		if (d != view.x && d != view.y && level.shape[d] != first.shape[d])
			return true;
	return false;
}

bool plan_overviews(const Scene &scene, int count, const int *factors, OverviewPlan &plan)
{
	const View &view = scene.view;
	ArrayInfo first = array_of(scene, 0);
	std::set<int> wanted(factors, factors + count);
	plan.keep.assign(scene.info.levels, 0);
	for (int factor : wanted) {
		ozr_new_level level = {};
		if (factor < 2) {
			CPLError(CE_Failure, CPLE_IllegalArg,
				 "'%s': overview factor %d: must be 2 or more", scene.name.c_str(),
				 factor);
			return false;
		}
		for (unsigned d = 0; d < first.rank; d++)
			level.factor[d] =
				d == view.x || d == view.y ? static_cast<unsigned>(factor) : 1;
		plan.add.push_back(level);
	}
	for (unsigned n = 1; n < scene.info.levels && count > 0; n++) {
		ArrayInfo level = array_of(scene, n);
		bool named = false;
		for (int factor : wanted)
			named |= is_named(view, first, level, factor);
		bool other = reduces_other_axes(view, first, level);
		plan.also_reduced += other ? 1 : 0;
		plan.keep[n] = !named && !other && scene.update->owns_levels();
		plan.keeps_any |= plan.keep[n] != 0;
	}
	return true;
}

std::vector<unsigned> levels_with_factors(const Scene &scene, int count, const int *factors)
{
	ArrayInfo first = array_of(scene, 0);
	std::vector<unsigned> out;
	for (unsigned n = 1; n < scene.info.levels; n++)
		for (int i = 0; i < count; i++)
			if (is_named(scene.view, first, array_of(scene, n), factors[i])) {
				out.push_back(n);
				break;
			}
	return out;
}

/* --- what is written ------------------------------------------------------------------ */

static CPLJSONDocument parse(int rc, char *text)
{
	CPLErrorStateBackuper state;
	CPLErrorHandlerPusher mute(CPLQuietErrorHandler);
	CPLJSONDocument out;
	if (rc != OZR_OK)
		return out;
	if (!out.LoadMemory(std::string(text)))
		out = CPLJSONDocument();
	ozr_text_free(text);
	return out;
}

/* spatial:transform is [xx, xy, x0, yx, yy, y0]; the origin is a corner, or a centre with
 * registration "node". */
static bool coarser_transform(const CPLJSONObject &from, double fx, double fy, CPLJSONArray &out)
{
	CPLJSONArray list = from.GetArray("spatial:transform");
	if (!list.IsValid() || list.Size() != 6)
		return false;
	bool node = from.GetString("spatial:registration") == "node";
	for (int row = 0; row < 6; row += 3) {
		double x = list[row].ToDouble(), y = list[row + 1].ToDouble();
		double origin = list[row + 2].ToDouble();
		if (node)
			origin += (x * (fx - 1) + y * (fy - 1)) / 2;
		out.Add(x * fx);
		out.Add(y * fy);
		out.Add(origin);
	}
	return true;
}

std::string coarser_attributes(const Scene &scene, double fx, double fy, const uint64_t *shape)
{
	char *text = nullptr;
	int rc = ozr_array_attributes(ozr_image_level(scene.image.get(), 0), &text, nullptr);
	CPLJSONDocument document = parse(rc, text);
	CPLJSONObject from = document.GetRoot(), out;
	bool any = false;
	if (!from.IsValid() || from.GetType() != CPLJSONObject::Type::Object)
		return "";
	for (const CPLJSONObject &member : from.GetChildren()) {
		std::string name = member.GetName();
		CPLJSONArray list;
		if (name == "spatial:transform") {
			if (!coarser_transform(from, fx, fy, list))
				continue;
			out.AddNoSplitName(name, list);
		} else if (name == "spatial:shape") {
			list.Add(static_cast<GInt64>(shape[scene.view.y]));
			list.Add(static_cast<GInt64>(shape[scene.view.x]));
			out.AddNoSplitName(name, list);
		} else if (STARTS_WITH(name.c_str(), "spatial:") ||
			   STARTS_WITH(name.c_str(), "proj:") || name == "zarr_conventions") {
			out.AddNoSplitName(name, member);
		} else {
			continue;
		}
		any = true;
	}
	return any ? out.Format(CPLJSONObject::PrettyFormat::Plain) : "";
}

std::string multiscale_type(const Scene &scene)
{
	CPLErrorStateBackuper state;
	CPLErrorHandlerPusher mute(CPLQuietErrorHandler);
	CPLJSONDocument document;
	if (!document.LoadMemory(scene.stored.attributes))
		return "";
	CPLJSONObject root = document.GetRoot(), ome = root.GetObj("ome");
	CPLJSONArray list = (ome.IsValid() ? ome : root).GetArray("multiscales");
	return list.IsValid() && list.Size() > 0 ? list[0].GetString("type") : "";
}

std::string overview_record(const Scene &scene, const StoredOverviews &overviews)
{
	char *text = nullptr;
	int rc = ozr_image_attributes(scene.image.get(), &text, nullptr);
	CPLJSONDocument document = parse(rc, text);
	CPLJSONObject root = document.GetRoot(), change;
	if (!root.IsValid() || root.GetType() != CPLJSONObject::Type::Object)
		return "";
	CPLJSONObject own = root.GetObj("gdal");
	bool is_new = !own.IsValid() || own.GetType() != CPLJSONObject::Type::Object;
	if (is_new && !overviews.by_gdal)
		return "";
	if (is_new) {
		own = CPLJSONObject();
		own.Add("version", 1);
	}
	own.Delete("pyramid");
	own.Delete("overviews");
	if (overviews.by_gdal) {
		CPLJSONObject record;
		record.Add("method", overviews.method);
		record.Add("by", "gdal");
		own.Add("overviews", record);
	}
	change.Add("gdal", own);
	return change.Format(CPLJSONObject::PrettyFormat::Plain);
}
