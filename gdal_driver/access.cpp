/* SPDX-License-Identifier: MIT */
/*
 * What programs ask and tell about pixels without reading them: which windows
 * hold any, how blocks are best walked, what will be read soon.
 */
#include "create.h"
#include "dataset.h"
#include "vsi_place.h"

/* Whether pixels that are not stored read as what GDAL takes empty blocks for: nodata, else 0. */
static bool missing_is_empty(const ArrayInfo &array, const StoredBand *known)
{
	unsigned char empty[8] = {};
	if (known != nullptr && !known->nodata.empty() &&
	    !element_from_text(known->nodata, array.dtype, empty))
		return false;
	return std::equal(empty, empty + ozr_dtype_size(array.dtype), array.fill);
}

bool Dataset::presence(const Window &window, int band, unsigned stop, ozr_presence &out) const
{
	constexpr uint64_t most_objects = 100000; /* half a second's worth of files */
	ozr_err err = {};
	bool remote = !scene_->store || (scene_->store->caps & OZR_STORE_REMOTE) != 0;
	if (scene_->writable() || remote || !missing_is_empty(info_, find_band(*scene_, band)))
		return false;
	std::vector<ozr_box> list = boxes(window, &band, 1, {}, info_.dtype);
	return ozr_array_presence(array_handle(), list.size(), list.data(), stop, most_objects,
				  &out, &err) == OZR_OK;
}

int Band::IGetDataCoverageStatus(int x, int y, int width, int height, int stop, double *percent)
{
	ozr_presence found = {};
	unsigned until = 0;
	if ((stop & GDAL_DATA_COVERAGE_STATUS_DATA) != 0)
		until |= OZR_STOP_STORED;
	if ((stop & GDAL_DATA_COVERAGE_STATUS_EMPTY) != 0)
		until |= OZR_STOP_MISSING;
	if (!dataset()->presence({x, y, width, height}, nBand, until, found))
		return GDALRasterBand::IGetDataCoverageStatus(x, y, width, height, stop, percent);
	if (percent != nullptr)
		*percent = found.complete
				   ? 100.0 * static_cast<double>(found.stored) /
					     static_cast<double>(found.stored + found.missing)
				   : -1.0;
	return (found.stored > 0 ? GDAL_DATA_COVERAGE_STATUS_DATA : 0) |
	       (found.missing > 0 ? GDAL_DATA_COVERAGE_STATUS_EMPTY : 0);
}

/* Shards are whole files: the more of one at a time, the better. */
GDALSuggestedBlockAccessPattern Band::GetSuggestedBlockAccessPattern() const
{
	const ArrayInfo &array = dataset()->array();
	bool sharded = !std::equal(array.chunk, array.chunk + array.rank, array.shard);
	return sharded ? GSBAP_LARGEST_CHUNK_POSSIBLE : GSBAP_RANDOM;
}

CPLErr Dataset::AdviseRead(int x, int y, int width, int height, int buffer_width, int buffer_height,
			   GDALDataType, int count, int *bands, string_list)
{
	Window window = {x, y, width, height};
	Dataset *level = this;
	std::vector<int> all;
	if (count < 1 || nBands == 0 || scene_->writable())
		return CE_None;
	for (int i = 1; bands == nullptr && i <= std::min(count, nBands); i++)
		all.push_back(i);
	const int *chosen = bands != nullptr ? bands : all.data();
	Muted mute; /* the read will say what is wrong */
	if (buffer_width < width || buffer_height < height) {
		int overview = GDALBandGetBestOverviewLevel2(GetRasterBand(chosen[0]), window.x,
							     window.y, window.width, window.height,
							     buffer_width, buffer_height, nullptr);
		if (overview >= 0 && overview < overview_count())
			level = this->overview(overview);
	}
	std::vector<ozr_box> list = level->boxes(window, chosen, count, {}, info_.dtype);
	ozr_array_advise(level->array_handle(), list.size(), list.data());
	return CE_None;
}

CPLErr Band::AdviseRead(int x, int y, int width, int height, int buffer_width, int buffer_height,
			GDALDataType type, string_list options)
{
	return dataset()->AdviseRead(x, y, width, height, buffer_width, buffer_height, type, 1,
				     &nBand, options);
}
