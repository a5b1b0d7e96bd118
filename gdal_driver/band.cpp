/* SPDX-License-Identifier: MIT */
/*
 * A band: what is stored about it, and what follows from OME metadata where
 * nothing is stored (names and colors of channels).
 */
#include <cfloat>
#include <climits>
#include <cmath>
#include <cstdlib>

#include "dataset.h"
#include "update.h"

/* Chunks are the blocks, unless they are larger than the image or than GDAL allows. */
static int block_side(uint64_t chunk, int extent)
{
	return static_cast<int>(std::min(chunk, static_cast<uint64_t>(extent)));
}

Band::Band(Dataset *dataset, int number)
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
		GDALRasterBand::SetMetadataItem("NBITS", "1", "IMAGE_STRUCTURE");
	if (array.dtype == OZR_INT8 && !has_int8)
		GDALRasterBand::SetMetadataItem("PIXELTYPE", "SIGNEDBYTE", "IMAGE_STRUCTURE");
	color_ = default_color();
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

/* What follows from OME's metadata. */
GDALColorInterp Band::default_color() const
{
	const Scene &scene = dataset()->scene();
	int axis = axis_by_letter(scene, 'c');
	GDALColorInterp color = GCI_Undefined;
	if (scene.labels && scene.labels->colors)
		return GCI_PaletteIndex;
	if (axis >= 0)
		color = color_of_channel(scene, scene.view.planes[nBand - 1][axis]);
	if (color == GCI_Undefined && (axis < 0 || scene.view.planes.size() == 1))
		color = GCI_GrayIndex;
	return color;
}

void Band::complete()
{
	const Scene &scene = dataset()->scene();
	int axis = axis_by_letter(scene, 'c');
	uint64_t index = axis < 0 ? 0 : scene.view.planes[nBand - 1][axis];
	if (const StoredBand *known = stored()) {
		GDALRasterBand::SetDescription(known->description.c_str());
		for (const auto &domain : known->metadata)
			GDALRasterBand::SetMetadata(CPLStringList(domain.second).List(),
						    domain.first.c_str());
		return;
	}
	ozr_channel channel = {};
	if (index < scene.info.channels &&
	    ozr_image_channel(scene.image.get(), static_cast<unsigned>(index), &channel, nullptr) ==
		    OZR_OK)
		GDALRasterBand::SetDescription(channel.label);
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
	if (dataset()->scene().update && dataset()->scene().update->is_lost())
		return nullptr; /* there are no levels any more */
	if (i < 0 || i >= own)
		return nullptr;
	GDALRasterBand *band = dataset()->overview(i)->GetRasterBand(nBand);
	/* Some of GDAL's functions go to its block cache at once, with what that has. */
	if (Update *update = dataset()->scene().update.get()) {
		flush_changed_blocks();
		if (update->is_dirty())
			band->FlushCache(false);
	}
	return band;
}

/* Zarr's fill value is not nodata: zeros of an image are pixels. */
static const char *nodata_of(const StoredBand *known, bool wanted, int *success)
{
	bool has = known != nullptr && !known->nodata.empty() && wanted;
	if (success != nullptr)
		*success = has;
	return has ? known->nodata.c_str() : "0";
}

/* A float is what pixels are compared with. */
double Band::GetNoDataValue(int *success)
{
	double value = CPLAtof(nodata_of(stored(), true, success));
	bool is_float =
		eDataType == GDT_Float32 && std::fabs(value) <= static_cast<double>(FLT_MAX);
	return is_float ? static_cast<double>(static_cast<float>(value)) : value;
}

int64_t Band::GetNoDataValueAsInt64(int *success)
{
	return std::strtoll(nodata_of(stored(), eDataType == GDT_Int64, success), nullptr, 10);
}

uint64_t Band::GetNoDataValueAsUInt64(int *success)
{
	return std::strtoull(nodata_of(stored(), eDataType == GDT_UInt64, success), nullptr, 10);
}

GDALColorInterp Band::GetColorInterpretation()
{
	const StoredBand *known = stored();
	return known != nullptr && known->has_color_interpretation ? known->color_interpretation
								   : color_;
}

GDALColorTable *Band::GetColorTable()
{
	const StoredBand *known = stored();
	const LabelTable *labels = dataset()->scene().labels.get();
	return known != nullptr ? known->colors.get() : labels ? labels->colors.get() : nullptr;
}

GDALRasterAttributeTable *Band::GetDefaultRAT()
{
	const StoredBand *known = stored();
	const LabelTable *labels = dataset()->scene().labels.get();
	return known != nullptr ? known->table.get() : labels ? labels->table.get() : nullptr;
}

char **Band::GetCategoryNames()
{
	const StoredBand *known = stored();
	LabelTable *labels = dataset()->scene().labels.get();
	if (known != nullptr)
		return const_cast<CPLStringList &>(known->categories).List();
	return labels ? labels->categories.List() : nullptr;
}

const char *Band::GetUnitType()
{
	const StoredBand *known = stored();
	return known != nullptr ? known->unit.c_str() : "";
}

double Band::GetScale(int *success)
{
	const StoredBand *known = stored();
	if (success != nullptr)
		*success = known != nullptr && known->has_scale;
	return known != nullptr ? known->scale : 1.0;
}

double Band::GetOffset(int *success)
{
	const StoredBand *known = stored();
	if (success != nullptr)
		*success = known != nullptr && known->has_offset;
	return known != nullptr ? known->offset : 0.0;
}

CPLErr Band::GetDefaultHistogram(double *min, double *max, int *count, GUIntBig **counts, int force,
				 GDALProgressFunc progress, void *data)
{
	const StoredBand *known = stored();
	if (known == nullptr || known->histogram.counts.empty())
		return GDALRasterBand::GetDefaultHistogram(min, max, count, counts, force, progress,
							   data);
	const Histogram &histogram = known->histogram;
	size_t n = histogram.counts.size();
	*counts = static_cast<GUIntBig *>(VSI_MALLOC2_VERBOSE(n, sizeof(GUIntBig)));
	if (*counts == nullptr)
		return CE_Failure;
	std::copy(histogram.counts.begin(), histogram.counts.end(), *counts);
	*min = histogram.min;
	*max = histogram.max;
	*count = static_cast<int>(n);
	return CE_None;
}
