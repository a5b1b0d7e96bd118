/* SPDX-License-Identifier: MIT */
/*
 * CreateCopy: level 0 and all others in one pass over the source, built in a
 * sibling folder that takes the target's name when it is complete. Until then,
 * and when the copy fails or is cancelled, what was at the target is still there.
 */
#include "copy_image.h"
#include "copy_levels.h"
#include "import.h"

/* What GDAL knows about the source. The plan has scale, translation, units and channels. */
static bool describe(ozr_image *image, const Source &source)
{
	const Georef &georef = source.georef;
	Stored stored = collect_stored(source.dataset, source.band_axis_name, georef.is_wanted);
	stored.has_geotransform = georef.has_geotransform;
	stored.geotransform_is_ome = !georef.has_geotransform && !georef.is_absent;
	return write_stored(image, source.x, source.y, stored);
}

static bool copy_raster(const CopyRequest &request, GDALDataset *dataset)
{
	Source source;
	Plan plan;
	if (!look_at_source(dataset, request.strict, request.options, source) ||
	    !make_plan(source, request.target, request.options, plan) ||
	    refuse_levels(request.options, plan))
		return false;
	Import import;
	if (!import.look(source, request, plan))
		return false;
	Creation creation(request);
	std::vector<Source> overviews;
	std::vector<ozr_source> levels;
	if (!take_levels(source, plan, overviews, levels) || !creation.begin(plan) ||
	    !describe(creation.image(), source))
		return false;
	bool filled = import.is_wanted()
			      ? import.run(creation, source, overviews, levels)
			      : creation.pull(creation.image(), levels, 1, source.failed.get());
	return filled && creation.commit();
}

/* Which planes are hidden was said when the source was opened. */
static GDALDataset *open_result(const Name &target, const char *name)
{
	std::string text = target.inner.empty() ? target.folder : name;
	GDALDataset *dataset = nullptr;
	{
		CPLErrorStateBackuper state;
		CPLErrorHandlerPusher mute(CPLQuietErrorHandler);
		dataset = open_by_name(text, nullptr);
	}
	return dataset != nullptr ? dataset : open_by_name(text, nullptr);
}

/* Where there is no staging, what is overwritten goes first: then it must not be what is copied. */
static bool would_lose_source(const CopyRequest &request, GDALDataset *dataset)
{
	const Name &target = request.target;
	bool overwrite = false;
	if (!target.remote || target.zipped ||
	    !fetch_bool(request.options, "OVERWRITE", overwrite) || !overwrite)
		return false; /* a wrong value is reported later */
	CPLStringList files(dataset->GetFileList());
	for (int i = 0; i < files.size(); i++)
		if (is_inside(files[i], target.vsi)) {
			CPLError(
				CE_Failure, CPLE_NotSupported,
				"create '%s': the source is there, and it would have to be removed "
				"first; write to another name",
				target.folder.c_str());
			return true;
		}
	return false;
}

GDALDataset *create_copy(const char *name, GDALDataset *dataset, int strict, string_list options,
			 GDALProgressFunc progress, void *progress_data)
{
	CopyRequest request = {Name(name), strict, options,
			       progress != nullptr ? progress : GDALDummyProgress, progress_data};
	if (refuse_target(request.target) || would_lose_source(request, dataset))
		return nullptr;
	Copied copied = copy_image(request, dataset);
	if (copied == Copied::NOT_AN_IMAGE)
		copied = copy_raster(request, dataset) ? Copied::YES : Copied::FAILED;
	if (copied == Copied::FAILED)
		return nullptr;
	remove_side_files(request.target);
	request.progress(1.0, "", progress_data);
	return open_result(request.target, name);
}
