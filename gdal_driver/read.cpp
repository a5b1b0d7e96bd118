/* SPDX-License-Identifier: MIT */
/*
 * Requests for pixels, and reads. A request at the resolution of the level goes to the library, which
 * converts into the caller's memory; one that wants fewer pixels goes to the
 * overview that GDAL chooses, and what is left of resampling to GDAL.
 */
#include "dataset.h"
#include "driver.h"
#include "update.h"

std::vector<ozr_box> Dataset::boxes(const Window &window, const int *bands, int count,
				    const Pixels &pixels, ozr_dtype type) const
{
	const View &view = scene_->view;
	std::vector<ozr_box> list(count);
	for (int i = 0; i < count; i++) {
		ozr_box &box = list[i];
		const Indices &plane = planes_[bands[i] - 1];
		for (unsigned d = 0; d < info_.rank; d++) {
			box.start[d] = plane[d];
			box.count[d] = 1;
		}
		box.start[view.x] = window.x;
		box.count[view.x] = window.width;
		box.stride[view.x] = pixels.pixel;
		box.start[view.y] = window.y;
		box.count[view.y] = window.height;
		box.stride[view.y] = pixels.line;
		box.data = static_cast<GByte *>(pixels.data) + i * pixels.band;
		box.dtype = type;
	}
	return list;
}

CPLErr Dataset::read_boxes(const Window &window, const int *bands, int count, const Pixels &pixels,
			   ozr_dtype type, GDALRasterIOExtraArg *extra)
{
	std::vector<ozr_box> list = boxes(window, bands, count, pixels, type);
	Progress progress;
	if (extra != nullptr) {
		progress.fn = extra->pfnProgress;
		progress.data = extra->pProgressData;
	}
	ozr_err err = {};
	ozr_call call = library_call(*scene_, &progress);
	int rc = ozr_array_read(array_handle(), list.size(), list.data(), &call, &err);
	if (rc == OZR_OK)
		return CE_None;
	ozr_err_context(&err, rc, "read '%s': level %u", scene_->name.c_str(), level_);
	report(err);
	return CE_Failure;
}

/* Into a type that only GDAL knows, by way of the image's own, some lines at a time. */
CPLErr Dataset::read_converted(const Window &window, const int *bands, int count,
			       const Pixels &pixels, GDALRasterIOExtraArg *extra)
{
	ozr_dtype type = info_.dtype == OZR_BOOL ? OZR_UINT8 : info_.dtype;
	GDALDataType native = gdal_type(type);
	size_t size = ozr_dtype_size(type);
	size_t line = size * static_cast<size_t>(window.width);
	size_t lines = std::max<size_t>(1, (16 << 20) / line / static_cast<size_t>(count));
	lines = std::min<size_t>(lines, window.height);
	std::vector<GByte> scratch;
	try {
		scratch.resize(line * lines * static_cast<size_t>(count));
	} catch (const std::exception &) {
		CPLError(CE_Failure, CPLE_OutOfMemory, "read '%s': no memory for %d lines",
			 scene_->name.c_str(), static_cast<int>(lines));
		return CE_Failure;
	}
	for (int y = 0; y < window.height; y += static_cast<int>(lines)) {
		int n = std::min(static_cast<int>(lines), window.height - y);
		Pixels part = {scratch.data(), native, static_cast<GSpacing>(size),
			       static_cast<GSpacing>(line), static_cast<GSpacing>(line * lines)};
		CPLErr rc = read_boxes({window.x, window.y + y, window.width, n}, bands, count,
				       part, type, extra);
		if (rc != CE_None)
			return rc;
		for (int i = 0; i < count; i++)
			for (int row = 0; row < n; row++)
				GDALCopyWords64(scratch.data() + i * part.band + row * part.line,
						native, static_cast<int>(size),
						static_cast<GByte *>(pixels.data) +
							i * pixels.band + (y + row) * pixels.line,
						pixels.type, static_cast<int>(pixels.pixel),
						window.width);
	}
	return CE_None;
}

CPLErr Dataset::read(const Window &window, const int *bands, int count, const Pixels &pixels,
		     GDALRasterIOExtraArg *extra)
{
	ozr_dtype type;
	if (scene_->update != nullptr && !scene_->update->prepare_to_read())
		return CE_Failure;
	if (is_gone())
		return CE_Failure;
	/* Levels are brought up to date before anybody looks at them. */
	if (scene_->update != nullptr && level_ != scene_->view.level &&
	    !scene_->update->bring_up_to_date())
		return CE_Failure;
	if (engine_type(pixels.type, info_.dtype, type))
		return read_boxes(window, bands, count, pixels, type, extra);
	return read_converted(window, bands, count, pixels, extra);
}

/* Whether the pixels asked for are pixels of the level. */
static bool is_one_to_one(const Window &window, int buffer_width, int buffer_height,
			  const GDALRasterIOExtraArg *extra)
{
	if (window.width != buffer_width || window.height != buffer_height)
		return false;
	return extra == nullptr || !extra->bFloatingPointWindowValidity ||
	       extra->eResampleAlg == GRIORA_NearestNeighbour ||
	       (extra->dfXOff == window.x && extra->dfYOff == window.y);
}

CPLErr Dataset::IRasterIO(GDALRWFlag flag, int x, int y, int width, int height, void *data,
			  int buffer_width, int buffer_height, GDALDataType type, int count,
			  band_map bands, GSpacing pixel, GSpacing line, GSpacing band,
			  GDALRasterIOExtraArg *extra)
{
	Window window = {x, y, width, height};
	if (!settle(flag))
		return CE_Failure;
	if (is_one_to_one(window, buffer_width, buffer_height, extra)) {
		Pixels pixels = {data, type, pixel, line, band};
		CPLErr rc = sync_blocks(flag, window, bands, count);
		if (rc != CE_None)
			return rc;
		return flag == GF_Read ? read(window, bands, count, pixels, extra)
				       : write(window, bands, count, pixels, extra);
	}
	if (flag == GF_Read && (buffer_width < width || buffer_height < height) &&
	    AreOverviewsEnabled()) {
		int tried = FALSE;
		if (!find_overviews()) /* another level would give other pixels */
			return CE_Failure;
		CPLErr rc = TryOverviewRasterIO(flag, x, y, width, height, data, buffer_width,
						buffer_height, type, count, bands, pixel, line,
						band, extra, &tried);
		if (tried)
			return rc;
	}
	return DatasetBase::IRasterIO(flag, x, y, width, height, data, buffer_width, buffer_height,
				      type, count, bands, pixel, line, band, extra);
}

CPLErr Band::IRasterIO(GDALRWFlag flag, int x, int y, int width, int height, void *data,
		       int buffer_width, int buffer_height, GDALDataType type, GSpacing pixel,
		       GSpacing line, GDALRasterIOExtraArg *extra)
{
	Window window = {x, y, width, height};
	if (!dataset()->settle(flag))
		return CE_Failure;
	if (is_one_to_one(window, buffer_width, buffer_height, extra)) {
		Pixels pixels = {data, type, pixel, line, 0};
		CPLErr rc = dataset()->scene().writable() ? sync_blocks(flag, window) : CE_None;
		if (rc != CE_None)
			return rc;
		return flag == GF_Read ? dataset()->read(window, &nBand, 1, pixels, extra)
				       : dataset()->write(window, &nBand, 1, pixels, extra);
	}
	/* GDALRasterBand tries the overviews itself. */
	bool smaller = buffer_width < width || buffer_height < height;
	if (flag == GF_Read && smaller && !dataset()->find_overviews())
		return CE_Failure;
	return GDALRasterBand::IRasterIO(flag, x, y, width, height, data, buffer_width,
					 buffer_height, type, pixel, line, extra);
}

Window Band::block_window(int x, int y) const
{
	Window window = {x * nBlockXSize, y * nBlockYSize, 0, 0};
	window.width = std::min(nBlockXSize, nRasterXSize - window.x);
	window.height = std::min(nBlockYSize, nRasterYSize - window.y);
	return window;
}

CPLErr Band::IReadBlock(int x, int y, void *data)
{
	int size = GDALGetDataTypeSizeBytes(eDataType);
	Window window = block_window(x, y);
	GSpacing line = static_cast<GSpacing>(nBlockXSize) * size;
	if (window.width < nBlockXSize || window.height < nBlockYSize)
		memset(data, 0, static_cast<size_t>(line) * nBlockYSize);
	dataset()->block_is_cached();
	return dataset()->read(window, &nBand, 1, {data, eDataType, size, line, 0}, nullptr);
}
