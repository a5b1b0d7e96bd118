/* SPDX-License-Identifier: MIT */
/*
 * Writes. A request at the resolution of the level goes to the library, which
 * collects chunks and shards; so do blocks that GDAL's cache gives back. What
 * needs resampling goes through that cache. Between the two paths stands
 * sync_blocks(): a request that goes past the cache first lets it write the
 * blocks that have changed, and makes it forget those that it overwrites.
 */
#include "dataset.h"
#include "driver.h"
#include "update.h"

CPLErr Dataset::write_boxes(const Window &window, const int *bands, int count, const Pixels &pixels,
			    ozr_dtype type, GDALRasterIOExtraArg *extra)
{
	if (!scene_->update->prepare())
		return CE_Failure;
	std::vector<ozr_box> list = boxes(window, bands, count, pixels, type);
	Progress progress;
	if (extra != nullptr) {
		progress.fn = extra->pfnProgress;
		progress.data = extra->pProgressData;
	}
	ozr_err err = {};
	ozr_call call = library_call(*scene_, &progress);
	if (level_ == scene_->view.level)
		scene_->update->announce(list.data(), list.size());
	int rc = ozr_array_write(array_handle(), list.size(), list.data(), &call, &err);
	if (level_ == scene_->view.level)
		scene_->update->touched(list.data(), list.size());
	if (rc == OZR_OK)
		return CE_None;
	if (rc != OZR_CANCELLED && rc != OZR_BAD_ARG)
		scene_->update->spoil(err.msg);
	ozr_err_context(&err, rc, "write '%s': level %u", scene_->name.c_str(), level_);
	report(err);
	return CE_Failure;
}

/* From a type that only GDAL knows, by way of the image's own, some lines at a time. */
CPLErr Dataset::write_converted(const Window &window, const int *bands, int count,
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
		CPLError(CE_Failure, CPLE_OutOfMemory, "write '%s': no memory for %d lines",
			 scene_->name.c_str(), static_cast<int>(lines));
		return CE_Failure;
	}
	for (int y = 0; y < window.height; y += static_cast<int>(lines)) {
		int n = std::min(static_cast<int>(lines), window.height - y);
		Pixels part = {scratch.data(), native, static_cast<GSpacing>(size),
			       static_cast<GSpacing>(line), static_cast<GSpacing>(line * lines)};
		for (int i = 0; i < count; i++)
			for (int row = 0; row < n; row++)
				GDALCopyWords64(static_cast<GByte *>(pixels.data) +
							i * pixels.band + (y + row) * pixels.line,
						pixels.type, static_cast<int>(pixels.pixel),
						scratch.data() + i * part.band + row * part.line,
						native, static_cast<int>(size), window.width);
		CPLErr rc = write_boxes({window.x, window.y + y, window.width, n}, bands, count,
					part, type, extra);
		if (rc != CE_None)
			return rc;
	}
	return CE_None;
}

/* Bands that are one plane (a band named twice, or planes of a coarser level that fell together)
 * are written one after the other: the last one stays. */
bool Dataset::names_plane_twice(const int *bands, int count) const
{
	if (count < 2)
		return false;
	std::vector<const Indices *> planes;
	for (int i = 0; i < count; i++)
		planes.push_back(&planes_[bands[i] - 1]);
	std::sort(planes.begin(), planes.end(),
		  [](const Indices *a, const Indices *b) { return *a < *b; });
	return std::adjacent_find(planes.begin(), planes.end(),
				  [](const Indices *a, const Indices *b) { return *a == *b; }) !=
	       planes.end();
}

CPLErr Dataset::write(const Window &window, const int *bands, int count, const Pixels &pixels,
		      GDALRasterIOExtraArg *extra)
{
	ozr_dtype type;
	if (is_gone())
		return CE_Failure;
	if (names_plane_twice(bands, count)) {
		CPLErr rc = CE_None;
		for (int n = 0; n < count && rc == CE_None; n++) {
			Pixels one = pixels;
			one.data = static_cast<GByte *>(pixels.data) + n * pixels.band;
			rc = write(window, bands + n, 1, one, extra);
		}
		return rc;
	}
	if (!scene_->writable()) {
		CPLError(CE_Failure, CPLE_NoWriteAccess, "write '%s': it is open for reading only",
			 scene_->name.c_str());
		return CE_Failure;
	}
	if (engine_type(pixels.type, info_.dtype, type))
		return write_boxes(window, bands, count, pixels, type, extra);
	return write_converted(window, bands, count, pixels, extra);
}

/* --- GDAL's block cache -------------------------------------------------------------- */

CPLErr Band::sync_blocks(GDALRWFlag flag, const Window &window)
{
	for (int y = window.y / nBlockYSize; y <= (window.y + window.height - 1) / nBlockYSize; y++)
		for (int x = window.x / nBlockXSize;
		     x <= (window.x + window.width - 1) / nBlockXSize; x++) {
			GDALRasterBlock *block = TryGetLockedBlockRef(x, y);
			if (block == nullptr)
				continue;
			CPLErr rc = block->GetDirty() ? block->Write() : CE_None;
			block->DropLock();
			if (rc != CE_None)
				return rc;
			if (flag == GF_Write)
				FlushBlock(x, y, FALSE);
		}
	return CE_None;
}

CPLErr Dataset::sync_blocks(GDALRWFlag flag, const Window &window, const int *bands, int count)
{
	CPLErr rc = CE_None;
	if (!scene_->writable())
		return rc;
	for (int i = 0; i < count && rc == CE_None; i++)
		rc = static_cast<Band *>(GetRasterBand(bands[i]))->sync_blocks(flag, window);
	return rc;
}

CPLErr Band::flush_changed_blocks()
{
	return may_have_dirty_blocks() ? FlushCache(false) : CE_None;
}

bool Dataset::flush_changed_blocks()
{
	bool done = true;
	for (int i = 1; i <= nBands && done; i++)
		done = static_cast<Band *>(GetRasterBand(i))->flush_changed_blocks() == CE_None;
	return done;
}

bool Dataset::settle(GDALRWFlag flag)
{
	Update *update = scene_->update.get();
	if (update == nullptr || update->is_lost())
		return true; /* others say so */
	if (level_ != scene_->view.level)
		return level_ == no_level || update->settle();
	if (flag == GF_Read)
		return true;
	/* before there are changed blocks, which any thread may write */
	if (!update->prepare())
		return false;
	update->forget_cached_levels();
	return true;
}

bool Dataset::complete_levels()
{
	if (scene_->update == nullptr)
		return true;
	return flush_blocks(false) == CE_None && scene_->update->publish() &&
	       scene_->update->settle();
}

void Dataset::block_is_cached()
{
	if (scene_->update != nullptr && level_ != scene_->view.level)
		scene_->update->level_was_cached();
}

/* By way of GDAL's block cache, where the new pixels stay for a while. */
CPLErr Band::Fill(double real, double imaginary)
{
	if (!dataset()->settle(GF_Write))
		return CE_Failure;
	return GDALRasterBand::Fill(real, imaginary);
}

void Dataset::drop_cached_levels()
{
	for (auto &one : overviews_)
		for (int i = 1; one.second && i <= one.second->GetRasterCount(); i++)
			one.second->GetRasterBand(i)->FlushCache(false);
}

CPLErr Band::IWriteBlock(int x, int y, void *data)
{
	int size = GDALGetDataTypeSizeBytes(eDataType);
	GSpacing line = static_cast<GSpacing>(nBlockXSize) * size;
	return dataset()->write(block_window(x, y), &nBand, 1, {data, eDataType, size, line, 0},
				nullptr);
}

/* --- masks, which are GDAL's own beside the image (.msk) ------------------------------ */

/* A new image removes what stands beside its place when it comes there. */
bool Dataset::prepare_mask()
{
	if (scene_->access != Access::CREATING || !oOvManager.IsInitialized())
		return true;
	if (!scene_->zipped)
		return flush_blocks(false) == CE_None && publish();
	CPLError(CE_Failure, CPLE_NotSupported,
		 "'%s': an archive that is being created has no masks beside it",
		 scene_->name.c_str());
	return false;
}

CPLErr Dataset::CreateMaskBand(int flags)
{
	return prepare_mask() ? DatasetBase::CreateMaskBand(flags) : CE_Failure;
}

CPLErr Band::CreateMaskBand(int flags)
{
	return dataset()->prepare_mask() ? GDALRasterBand::CreateMaskBand(flags) : CE_Failure;
}

/* --- the life of what was written ------------------------------------------------------ */

bool Dataset::publish()
{
	save_statistics();
	return !is_main_ || scene_->update == nullptr || scene_->update->publish();
}

bool Dataset::finish(GDALProgressFunc progress, void *data)
{
	/* Levels first: their blocks in GDAL's cache may have been written to. */
	for (auto &one : overviews_)
		if (one.second)
			one.second->end(nullptr, nullptr);
	save_statistics();
	if (!is_main_ || scene_->update == nullptr)
		return true;
	Progress p;
	p.fn = progress;
	p.data = data;
	return scene_->update->finish(p, bSuppressOnClose);
}

Dataset::~Dataset()
{
	end(nullptr, nullptr);
}
