/* SPDX-License-Identifier: MIT */
/*
 * A band: what is stored about it, and what follows from OME metadata where
 * nothing is stored (names and colors of channels).
 */
#include <climits>
#include <cmath>
#include <cstdlib>

#include "dataset.h"

/* Chunks are the blocks, unless they are larger than the image or than GDAL allows. */
static int block_side(uint64_t chunk, int extent)
{
	return static_cast<int>(std::min(chunk, static_cast<uint64_t>(extent)));
}

Band::Band(Dataset *dataset, int number) : stored_(dataset->stored_band(number))
{
	const ArrayInfo &array = dataset->array();
	const View &view = dataset->scene().view;
	poDS = dataset;
	nBand = number;
	eAccess = dataset->GetAccess();
	eDataType = gdal_type(array.dtype);
	nRasterXSize = dataset->GetRasterXSize();
	nRasterYSize = dataset->GetRasterYSize();
	nBlockXSize = block_side(array.chunk[view.x], nRasterXSize);
	nBlockYSize = block_side(array.chunk[view.y], nRasterYSize);
	uint64_t most = INT_MAX / 8 / static_cast<uint64_t>(nBlockXSize);
	nBlockYSize = block_side(std::max<uint64_t>(1, most), nBlockYSize);
	if (array.dtype == OZR_BOOL)
		SetMetadataItem("NBITS", "1", "IMAGE_STRUCTURE");
	if (array.dtype == OZR_INT8 && !has_int8)
		SetMetadataItem("PIXELTYPE", "SIGNEDBYTE", "IMAGE_STRUCTURE");
	color_ = stored_ != nullptr ? stored_->color_interpretation : GCI_Undefined;
}

/* Red, green, blue and perhaps alpha, when the channels of a byte image have these colors. */
static GDALColorInterp color_of_channel(const Scene &scene, uint64_t index)
{
	static const unsigned char pure[3][3] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}};
	static const GDALColorInterp names[] = {GCI_RedBand, GCI_GreenBand, GCI_BlueBand,
						GCI_AlphaBand};
	const ImageInfo &info = scene.info;
	if ((info.channels != 3 && info.channels != 4) || index >= info.channels ||
	    (info.dtype != OZR_UINT8 && info.dtype != OZR_UINT16))
		return GCI_Undefined;
	for (unsigned i = 0; i < 3; i++) {
		ozr_channel channel = {};
		if (ozr_image_channel(scene.image.get(), i, &channel, nullptr) != OZR_OK ||
		    !channel.has_color || !std::equal(pure[i], pure[i] + 3, channel.rgb))
			return GCI_Undefined;
	}
	return names[index];
}

void Band::complete()
{
	const Scene &scene = dataset()->scene();
	int axis = axis_by_letter(scene, 'c');
	uint64_t index = axis < 0 ? 0 : scene.view.planes[nBand - 1][axis];
	if (stored_ == nullptr || !stored_->has_color_interpretation) {
		color_ = axis < 0 ? GCI_Undefined : color_of_channel(scene, index);
		if (color_ == GCI_Undefined && (axis < 0 || dataset()->GetRasterCount() == 1))
			color_ = GCI_GrayIndex;
	}
	if (stored_ != nullptr) {
		SetDescription(stored_->description.c_str());
		for (const auto &domain : stored_->metadata)
			SetMetadata(CPLStringList(domain.second).List(), domain.first.c_str());
		return;
	}
	ozr_channel channel = {};
	if (index < scene.info.channels &&
	    ozr_image_channel(scene.image.get(), static_cast<unsigned>(index), &channel, nullptr) ==
		    OZR_OK)
		SetDescription(channel.label);
}

int Band::GetOverviewCount()
{
	int own = dataset()->overview_count();
	return own > 0 ? own : GDALRasterBand::GetOverviewCount();
}

GDALRasterBand *Band::GetOverview(int i)
{
	int own = dataset()->overview_count();
	if (own == 0)
		return GDALRasterBand::GetOverview(i);
	return i >= 0 && i < own ? dataset()->overview(i)->GetRasterBand(nBand) : nullptr;
}

/* Zarr's fill value is not nodata: zeros of an image are pixels. */
double Band::GetNoDataValue(int *success)
{
	bool has = stored_ != nullptr && !stored_->nodata.empty();
	if (success != nullptr)
		*success = has;
	return has ? CPLAtof(stored_->nodata.c_str()) : 0.0;
}

int64_t Band::GetNoDataValueAsInt64(int *success)
{
	bool has = stored_ != nullptr && !stored_->nodata.empty() && eDataType == GDT_Int64;
	if (success != nullptr)
		*success = has;
	return has ? std::strtoll(stored_->nodata.c_str(), nullptr, 10) : 0;
}

uint64_t Band::GetNoDataValueAsUInt64(int *success)
{
	bool has = stored_ != nullptr && !stored_->nodata.empty() && eDataType == GDT_UInt64;
	if (success != nullptr)
		*success = has;
	return has ? std::strtoull(stored_->nodata.c_str(), nullptr, 10) : 0;
}

GDALColorInterp Band::GetColorInterpretation()
{
	return color_;
}

GDALColorTable *Band::GetColorTable()
{
	return stored_ != nullptr ? stored_->colors.get() : nullptr;
}

GDALRasterAttributeTable *Band::GetDefaultRAT()
{
	return stored_ != nullptr ? stored_->table.get() : nullptr;
}

char **Band::GetCategoryNames()
{
	return stored_ != nullptr ? const_cast<CPLStringList &>(stored_->categories).List()
				  : nullptr;
}

const char *Band::GetUnitType()
{
	return stored_ != nullptr ? stored_->unit.c_str() : "";
}

double Band::GetScale(int *success)
{
	if (success != nullptr)
		*success = stored_ != nullptr && stored_->has_scale;
	return stored_ != nullptr ? stored_->scale : 1.0;
}

double Band::GetOffset(int *success)
{
	if (success != nullptr)
		*success = stored_ != nullptr && stored_->has_offset;
	return stored_ != nullptr ? stored_->offset : 0.0;
}
