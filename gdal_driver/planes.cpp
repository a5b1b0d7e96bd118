/* SPDX-License-Identifier: MIT */
/*
 * See planes.h. Kernels ask for whole windows at the array's own resolution, in
 * types of their own (float for most methods), and bring them in any order.
 */
#include "planes.h"

#include "driver.h"
#include "update.h"

namespace
{
class Plane final : public GDALRasterBand
{
      public:
	Plane(Planes *dataset, int number, const ArrayInfo &array, const View &view,
	      GDALRasterBand *model)
	    : model_(model)
	{
		poDS = dataset;
		nBand = number;
		eAccess = GA_Update;
		eDataType = gdal_type(array.dtype);
		nRasterXSize = dataset->GetRasterXSize();
		nRasterYSize = dataset->GetRasterYSize();
		nBlockXSize = static_cast<int>(
			std::min<uint64_t>(array.chunk[view.x], array.shape[view.x]));
		nBlockYSize = static_cast<int>(
			std::min<uint64_t>(array.chunk[view.y], array.shape[view.y]));
		if (array.dtype == OZR_BOOL)
			SetMetadataItem("NBITS", "1", "IMAGE_STRUCTURE");
		if (array.dtype == OZR_INT8 && !has_int8)
			SetMetadataItem("PIXELTYPE", "SIGNEDBYTE", "IMAGE_STRUCTURE");
	}

	CPLErr IReadBlock(int x, int y, void *data) override
	{
		Window window = {x * nBlockXSize, y * nBlockYSize, nBlockXSize, nBlockYSize};
		GSpacing size = GDALGetDataTypeSizeBytes(eDataType);
		window.width = std::min(window.width, nRasterXSize - window.x);
		window.height = std::min(window.height, nRasterYSize - window.y);
		return planes()->transfer(GF_Read, window, nBand,
					  {data, eDataType, size, size * nBlockXSize, 0});
	}

	double GetNoDataValue(int *success) override
	{
		return model_ != nullptr ? model_->GetNoDataValue(success)
					 : GDALRasterBand::GetNoDataValue(success);
	}
	int64_t GetNoDataValueAsInt64(int *success) override
	{
		return model_ != nullptr ? model_->GetNoDataValueAsInt64(success)
					 : GDALRasterBand::GetNoDataValueAsInt64(success);
	}
	uint64_t GetNoDataValueAsUInt64(int *success) override
	{
		return model_ != nullptr ? model_->GetNoDataValueAsUInt64(success)
					 : GDALRasterBand::GetNoDataValueAsUInt64(success);
	}
	GDALColorInterp GetColorInterpretation() override
	{
		return model_ != nullptr ? model_->GetColorInterpretation() : GCI_Undefined;
	}
	GDALColorTable *GetColorTable() override
	{
		return model_ != nullptr ? model_->GetColorTable() : nullptr;
	}

      protected:
	CPLErr IRasterIO(GDALRWFlag flag, int x, int y, int width, int height, void *data,
			 int buffer_width, int buffer_height, GDALDataType type, GSpacing pixel,
			 GSpacing line, GDALRasterIOExtraArg *extra) override
	{
		if (width == buffer_width && height == buffer_height)
			return planes()->transfer(flag, {x, y, width, height}, nBand,
						  {data, type, pixel, line, 0});
		return GDALRasterBand::IRasterIO(flag, x, y, width, height, data, buffer_width,
						 buffer_height, type, pixel, line, extra);
	}

      private:
	Planes *planes() const
	{
		return static_cast<Planes *>(poDS);
	}
	GDALRasterBand *model_;
};
} // namespace

Planes::Planes(const Scene &scene, ozr_array *array, const std::vector<Indices> &planes,
	       const std::vector<GDALRasterBand *> &models, bool skip_equal)
    : scene_(scene), array_(array), planes_(planes), skip_equal_(skip_equal)
{
	ozr_array_get_info(array, &info_);
	nRasterXSize = static_cast<int>(info_.shape[scene.view.x]);
	nRasterYSize = static_cast<int>(info_.shape[scene.view.y]);
	eAccess = GA_Update;
	for (size_t i = 0; i < planes.size(); i++) {
		int number = static_cast<int>(i) + 1;
		SetBand(number, new Plane(this, number, info_, scene.view, models[i]));
	}
}

Planes::~Planes() = default;

ozr_box Planes::box(const Window &window, int band, const Pixels &pixels, ozr_dtype type) const
{
	const View &view = scene_.view;
	const Indices &plane = planes_[static_cast<size_t>(band) - 1];
	ozr_box out = {};
	for (unsigned d = 0; d < info_.rank; d++) {
		out.start[d] = plane[d];
		out.count[d] = 1;
	}
	out.start[view.x] = static_cast<uint64_t>(window.x);
	out.count[view.x] = static_cast<uint64_t>(window.width);
	out.stride[view.x] = pixels.pixel;
	out.start[view.y] = static_cast<uint64_t>(window.y);
	out.count[view.y] = static_cast<uint64_t>(window.height);
	out.stride[view.y] = pixels.line;
	out.data = pixels.data;
	out.dtype = type;
	return out;
}

CPLErr Planes::move(GDALRWFlag flag, const Window &window, int band, const Pixels &pixels,
		    ozr_dtype type)
{
	ozr_box one = box(window, band, pixels, type);
	ozr_err err = {};
	ozr_call call = library_call(scene_, nullptr);
	int rc = flag == GF_Read ? ozr_array_read(array_, 1, &one, &call, &err)
				 : ozr_array_write(array_, 1, &one, &call, &err);
	if (rc == OZR_OK)
		return CE_None;
	ozr_err_context(&err, rc, "'%s': overviews", scene_.name.c_str());
	report(err);
	return CE_Failure;
}

/* The smallest window that holds all pixels that are not there yet. native: the array's type. */
CPLErr Planes::write_difference(const Window &window, int band, const Pixels &native)
{
	size_t size = GDALGetDataTypeSizeBytes(native.type), line = size * window.width;
	std::vector<GByte> old(line * window.height);
	Pixels there = {old.data(), native.type, static_cast<GSpacing>(size),
			static_cast<GSpacing>(line), 0};
	ozr_dtype type = info_.dtype == OZR_BOOL ? OZR_UINT8 : info_.dtype;
	if (move(GF_Read, window, band, there, type) != CE_None)
		return CE_Failure;
	const GByte *fresh = static_cast<const GByte *>(native.data);
	int top = window.height, bottom = -1, left = window.width, right = -1;
	for (int y = 0; y < window.height; y++)
		for (int x = 0; x < window.width; x++) {
			size_t at = y * line + x * size;
			if (memcmp(fresh + at, old.data() + at, size) == 0)
				continue;
			top = std::min(top, y);
			bottom = y;
			left = std::min(left, x);
			right = std::max(right, x);
		}
	if (bottom < 0)
		return CE_None;
	Pixels part = native;
	part.data = static_cast<GByte *>(native.data) + top * line + left * size;
	return move(GF_Write, {window.x + left, window.y + top, right - left + 1, bottom - top + 1},
		    band, part, type);
}

/* Some lines at a time where the library cannot convert by itself, or must be compared with. */
CPLErr Planes::transfer(GDALRWFlag flag, const Window &window, int band, const Pixels &pixels)
{
	ozr_dtype type;
	bool compare = flag == GF_Write && skip_equal_;
	bool is_bit = info_.dtype == OZR_BOOL && pixels.type != GDT_Byte; /* 0.3 is no 1 */
	if (!compare && !is_bit && engine_type(pixels.type, info_.dtype, type))
		return move(flag, window, band, pixels, type);
	type = info_.dtype == OZR_BOOL ? OZR_UINT8 : info_.dtype;
	GDALDataType native = gdal_type(type);
	int size = GDALGetDataTypeSizeBytes(native);
	size_t line = static_cast<size_t>(size) * window.width;
	int lines = static_cast<int>(std::max<size_t>(1, (4 << 20) / line));
	std::vector<GByte> scratch(line * std::min(lines, window.height));
	Pixels buffer = {scratch.data(), native, size, static_cast<GSpacing>(line), 0};
	CPLErr rc = CE_None;
	for (int y = 0; y < window.height && rc == CE_None; y += lines) {
		int n = std::min(lines, window.height - y);
		Window part = {window.x, window.y + y, window.width, n};
		GByte *outside = static_cast<GByte *>(pixels.data) + y * pixels.line;
		if (flag == GF_Read)
			rc = move(flag, part, band, buffer, type);
		for (int i = 0; i < n && rc == CE_None; i++) {
			GByte *inside = scratch.data() + i * line;
			GByte *row = outside + i * pixels.line;
			int step = static_cast<int>(pixels.pixel);
			if (flag == GF_Read)
				GDALCopyWords64(inside, native, size, row, pixels.type, step,
						window.width);
			else
				GDALCopyWords64(row, pixels.type, step, inside, native, size,
						window.width);
		}
		if (flag == GF_Write && rc == CE_None)
			rc = compare ? write_difference(part, band, buffer)
				     : move(flag, part, band, buffer, type);
	}
	return rc;
}
