/* SPDX-License-Identifier: MIT */
/*
 * Setters of the dataset. They change what the scene holds; it goes into the
 * store with the pixels, by FlushCache() or at the end. Nothing ever goes to
 * an .aux.xml.
 *
 * Statistics are the exception to "read-only": who asks for them, asks for
 * having them the next time too. They are saved by a short update of the
 * attributes when the store is a local folder that may be written, and else
 * kept in memory. Without PAM (GDAL_PAM_ENABLED=NO) nothing is saved.
 */
#include <cmath>

#include "dataset.h"
#include "driver.h"
#include "georef.h"
#include "update.h"

bool Dataset::may_change(const char *what)
{
	if (scene_->update != nullptr && scene_->update->is_lost())
		return scene_->update->say_lost((std::string("set ") + what + " of").c_str());
	if (is_main_ && scene_->writable())
		return true;
	if (is_main_)
		CPLError(CE_Failure, CPLE_NoWriteAccess,
			 "set %s of '%s': it is open for reading only", what, scene_->name.c_str());
	else
		CPLError(CE_Failure, CPLE_NotSupported,
			 "set %s of an overview of '%s': set that of the image", what,
			 scene_->name.c_str());
	return false;
}

void Dataset::warn_of_memory()
{
	if (!warned_)
		CPLError(CE_Warning, CPLE_NoWriteAccess,
			 "'%s' is open for reading only: metadata are kept in memory",
			 scene_->name.c_str());
	warned_ = true;
}

/* --- georeferencing ------------------------------------------------------------------- */

/* What GDAL says where there is no geotransform. */
static bool is_default(const double gt[6])
{
	static const double identity[6] = {0, 1, 0, 0, 0, 1}, zeros[6] = {};
	return std::equal(gt, gt + 6, identity) || std::equal(gt, gt + 6, zeros);
}

CPLErr Dataset::set_geotransform(const double gt[6])
{
	Stored &stored = scene_->stored;
	const View &view = scene_->view;
	double fine[OZR_MAX_RANK], coarse[OZR_MAX_RANK], ignored[OZR_MAX_RANK], full[6];
	if (!may_change("the geotransform"))
		return CE_Failure;
	if (!std::all_of(gt, gt + 6, [](double number) { return std::isfinite(number); })) {
		CPLError(CE_Failure, CPLE_IllegalArg,
			 "set the geotransform of '%s': its numbers must be finite",
			 scene_->name.c_str());
		return CE_Failure;
	}
	ozr_image_transform(scene_->image.get(), 0, fine, ignored);
	ozr_image_transform(scene_->image.get(), level_, coarse, ignored);
	coarser_geotransform(gt, fine[view.x] / coarse[view.x], fine[view.y] / coarse[view.y],
			     full);
	bool has = !is_default(gt);
	if (has && stored.has_geotransform && !stored.geotransform_is_ome &&
	    std::equal(full, full + 6, stored.geotransform))
		return CE_None;
	std::copy(full, full + 6, stored.geotransform);
	stored.has_geotransform = has;
	stored.geotransform_is_ome = false;
	stored.changes.geotransform = stored.changes.place = true;
	return CE_None;
}

CPLErr Dataset::SetSpatialRef(const OGRSpatialReference *srs)
{
	Stored &stored = scene_->stored;
	if (!may_change("the coordinate system"))
		return CE_Failure;
	bool empty = srs == nullptr || srs->IsEmpty();
	if (empty && stored.srs.IsEmpty())
		return CE_None;
	stored.srs = empty ? OGRSpatialReference() : *srs;
	stored.changes.srs = stored.changes.unit = true;
	return CE_None;
}

CPLErr Dataset::SetGCPs(int count, const GDAL_GCP *points, const OGRSpatialReference *srs)
{
	std::vector<GroundPoint> gcps;
	if (!may_change("the ground control points"))
		return CE_Failure;
	for (int i = 0; i < count; i++) {
		gcps.push_back(ground_point(points[i]));
		if (!is_finite(gcps.back())) {
			CPLError(CE_Failure, CPLE_IllegalArg,
				 "set the ground control points of '%s': the numbers of '%s' must "
				 "be finite",
				 scene_->name.c_str(), gcps.back().id.c_str());
			return CE_Failure;
		}
	}
	Stored &stored = scene_->stored;
	stored.gcps = gcps;
	stored.gcp_srs = srs == nullptr || gcps.empty() ? OGRSpatialReference() : *srs;
	stored.changes.gcps = true;
	return CE_None;
}

/* --- metadata ------------------------------------------------------------------------- */

CPLErr Dataset::SetMetadata(string_list items, const char *domain)
{
	std::string name = domain != nullptr ? domain : "";
	CPLStringList copy(CSLDuplicate(items)); /* they may be the ones that are replaced */
	CPLErr rc = DatasetBase::SetMetadata(copy.List(), name.c_str());
	if (rc != CE_None || !is_main_ || !is_stored_domain(name))
		return rc;
	if (scene_->writable())
		store_items(copy.List(), name, scene_->stored.metadata,
			    scene_->stored.changes.metadata);
	else
		warn_of_memory();
	return rc;
}

CPLErr Dataset::SetMetadataItem(const char *name, const char *value, const char *domain)
{
	std::string where = domain != nullptr ? domain : "";
	std::string key = name, text = value != nullptr ? value : ""; /* theirs may be replaced */
	name = key.c_str();
	value = value != nullptr ? text.c_str() : nullptr;
	CPLErr rc = DatasetBase::SetMetadataItem(name, value, where.c_str());
	if (rc != CE_None || !is_main_ || !is_stored_domain(where))
		return rc;
	if (scene_->writable())
		store_item(name, value, where, scene_->stored.metadata,
			   scene_->stored.changes.metadata);
	else
		warn_of_memory();
	return rc;
}

/* --- statistics ----------------------------------------------------------------------- */

void Dataset::ClearStatistics()
{
	for (int i = 1; is_main_ && i <= nBands; i++) {
		GDALRasterBand *band = GetRasterBand(i);
		CPLStringList items(CSLDuplicate(band->GetMetadata()));
		for (int k = 0; k < items.size(); k++) {
			std::string item = items[k];
			if (is_statistic(item.c_str()))
				band->SetMetadataItem(item.substr(0, item.find('=')).c_str(),
						      nullptr, "");
		}
	}
}

static void replace_statistics(GDALRasterBand *band, CPLStringList &items)
{
	CPLStringList kept;
	for (int i = 0; i < items.size(); i++)
		if (!is_statistic(items[i]))
			kept.AddString(items[i]);
	string_list now = band->GetMetadata();
	for (int i = 0; now != nullptr && now[i] != nullptr; i++)
		if (is_statistic(now[i]))
			kept.AddString(now[i]);
	items = kept;
}

/* Best effort, without a word: nobody has asked for writing. */
void Dataset::save_statistics()
{
	ozr_ctx *ctx = Driver::get()->context();
	std::set<int> bands;
	bands.swap(statistics_);
	if (bands.empty() || ctx == nullptr ||
	    !CPLTestBool(CPLGetConfigOption("GDAL_PAM_ENABLED", "YES")))
		return;
	CPLErrorStateBackuper state;
	CPLErrorHandlerPusher mute(CPLQuietErrorHandler);
	ozr_image *image = nullptr;
	ozr_err err = {};
	int rc = ozr_image_open_dir(ctx, scene_->folder.c_str(), scene_->inner.c_str(), OZR_UPDATE,
				    &image, &err);
	if (rc != OZR_OK) {
		CPLDebug("OMEZarr", "statistics are not saved: %s", err.msg);
		return;
	}
	Scene now;
	now.image.reset(image);
	now.view = scene_->view;
	ozr_image_get_info(image, &now.info);
	if (!read_stored(image, now.view.x, now.view.y, now.stored))
		return;
	for (int band : bands)
		replace_statistics(GetRasterBand(band), change_band(now, band).metadata[""]);
	save_stored(now);
}
