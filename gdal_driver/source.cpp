/* SPDX-License-Identifier: MIT */
/*
 * The source of a copy: any GDAL dataset, read once, in the boxes that the
 * library asks for. GDAL's block cache is kept small meanwhile: every pixel is
 * read once, and memory must not grow with the image.
 */
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "create.h"
#include "dataset.h"

constexpr GIntBig cache_ceiling = 64 << 20;
constexpr uint64_t read_ceiling = 32 << 20; /* bytes between two looks at the cache */

static void trim_block_cache()
{
	while (GDALGetCacheUsed64() > cache_ceiling && GDALFlushCacheBlock())
		;
}

/* Of an overview: band by band, since its dataset may not be one that can be read. */
static bool read_overview(Source &source, const ozr_box &box, GDALDataType type,
			  const std::vector<int> &bands, uint64_t first, uint64_t count)
{
	GByte *data =
		static_cast<GByte *>(box.data) + static_cast<int64_t>(first) * box.stride[source.y];
	int width = static_cast<int>(box.count[source.x]), height = static_cast<int>(count);
	int64_t step = source.band_axis < 0 ? 0 : box.stride[source.band_axis];
	for (size_t i = 0; i < bands.size(); i++) {
		GDALRasterBand *band = source.level[static_cast<size_t>(bands[i]) - 1];
		if (band->RasterIO(GF_Read, static_cast<int>(box.start[source.x]),
				   static_cast<int>(box.start[source.y] + first), width, height,
				   data + static_cast<int64_t>(i) * step, width, height, type,
				   box.stride[source.x], box.stride[source.y], nullptr) != CE_None)
			return false;
	}
	return true;
}

/* Some lines of a box, all its bands. */
static bool read_lines(Source &source, const ozr_box &box, GDALDataType type,
		       std::vector<int> &bands, uint64_t first, uint64_t count)
{
	if (!source.level.empty())
		return read_overview(source, box, type, bands, first, count);
	GByte *data =
		static_cast<GByte *>(box.data) + static_cast<int64_t>(first) * box.stride[source.y];
	int width = static_cast<int>(box.count[source.x]), height = static_cast<int>(count);
	GSpacing band = source.band_axis < 0 ? 0 : box.stride[source.band_axis];
	CPLErr rc = source.dataset->RasterIO(
		GF_Read, static_cast<int>(box.start[source.x]),
		static_cast<int>(box.start[source.y] + first), width, height, data, width, height,
		type, static_cast<int>(bands.size()), bands.data(), box.stride[source.x],
		box.stride[source.y], band, nullptr);
	return rc == CE_None;
}

static int read_box(void *user, const ozr_box *box, ozr_err *err)
{
	Source &source = *static_cast<Source *>(user);
	uint64_t first = 0, n = 1, lines = box->count[source.y];
	if (source.band_axis >= 0) {
		first = box->start[source.band_axis];
		n = box->count[source.band_axis];
	}
	std::vector<int> bands;
	for (uint64_t i = 0; i < n; i++)
		bands.push_back(static_cast<int>(first + i) + 1);
	GDALDataType type = box->dtype == OZR_INT8 ? source.type : gdal_type(box->dtype);
	uint64_t line = n * box->count[source.x] * ozr_dtype_size(box->dtype);
	uint64_t step = std::max<uint64_t>(1, read_ceiling / line);
	for (uint64_t done = 0; done < lines; done += step) {
		if (!read_lines(source, *box, type, bands, done, std::min(step, lines - done))) {
			*source.failed = CPLGetLastErrorType() == CE_Failure;
			return ozr_fail(err, OZR_IO, "the source cannot be read");
		}
		trim_block_cache();
	}
	return OZR_OK;
}

/* What a VRT says of the blocks of its first source: its own say nothing about them.
 * Without that, whole lines, which suits raw files and strips, and tiles not badly. */
static void vrt_block_size(GDALDataset *vrt, int &width, int &height)
{
	width = vrt->GetRasterXSize();
	height = 1;
	const char *const *xml = vrt->GetMetadata("xml:VRT");
	if (xml == nullptr || xml[0] == nullptr)
		return;
	const char *x = strstr(xml[0], "BlockXSize=\""), *y = strstr(xml[0], "BlockYSize=\"");
	if (x == nullptr || y == nullptr)
		return;
	int found_x = static_cast<int>(std::strtol(x + strlen("BlockXSize=\""), nullptr, 10));
	int found_y = static_cast<int>(std::strtol(y + strlen("BlockYSize=\""), nullptr, 10));
	if (found_x > 0 && found_y > 0) {
		width = std::min(found_x, width);
		height = std::min(found_y, vrt->GetRasterYSize());
	}
}

ozr_source as_ozr_source(Source &source)
{
	ozr_source out = {};
	out.user = &source;
	out.read = read_box;
	int width = 0, height = 0;
	GDALDriver *driver = source.dataset->GetDriver();
	if (!source.level.empty())
		source.level[0]->GetBlockSize(&width, &height);
	else if (driver != nullptr && EQUAL(driver->GetDescription(), "VRT"))
		vrt_block_size(source.dataset, width, height);
	else
		source.dataset->GetRasterBand(1)->GetBlockSize(&width, &height);
	out.block[source.x] = static_cast<uint64_t>(width);
	out.block[source.y] = static_cast<uint64_t>(height);
	const char *interleave = source.dataset->GetMetadataItem("INTERLEAVE", "IMAGE_STRUCTURE");
	if (source.band_axis >= 0)
		out.block[source.band_axis] =
			interleave != nullptr && EQUAL(interleave, "PIXEL")
				? static_cast<uint64_t>(source.dataset->GetRasterCount())
				: 1;
	return out;
}

static ozr_dtype stored_type(GDALDataType type)
{
	for (int t = OZR_INT8; t < OZR_DTYPES; t++)
		if (gdal_type(static_cast<ozr_dtype>(t)) == type &&
		    (has_int8 || t != OZR_INT8)) /* Byte is uint8 unless something says otherwise */
			return static_cast<ozr_dtype>(t);
	return OZR_DTYPES;
}

/* Bytes that are signed in fact: by request, or in a version that has no other name for them. */
static bool has_signed_bytes(GDALDataset *dataset, CSLConstList options)
{
	const char *asked = CSLFetchNameValue(options, "PIXELTYPE");
	if (asked != nullptr && !EQUAL(asked, "DEFAULT"))
		return true; /* it has been checked */
	if (has_int8)
		return false;
	for (int i = 1; i <= dataset->GetRasterCount(); i++) {
		GDALRasterBand *band = dataset->GetRasterBand(i);
		const char *kind = band->GetMetadataItem("PIXELTYPE", "IMAGE_STRUCTURE");
		if ((kind == nullptr || !EQUAL(kind, "SIGNEDBYTE")) && !vrt_of_signed_bytes(band))
			return false;
	}
	return true;
}

static bool choose_type(GDALDataset *dataset, int strict, CSLConstList options, Source &out)
{
	const char *kind = CSLFetchNameValueDef(options, "PIXELTYPE", "DEFAULT");
	if (!EQUAL(kind, "DEFAULT") && !EQUAL(kind, "SIGNEDBYTE")) {
		CPLError(CE_Failure, CPLE_IllegalArg, "PIXELTYPE=%s: must be DEFAULT or SIGNEDBYTE",
			 kind);
		return false;
	}
	out.type = dataset->GetRasterBand(1)->GetRasterDataType();
	for (int i = 2; i <= dataset->GetRasterCount(); i++) {
		GDALDataType other = dataset->GetRasterBand(i)->GetRasterDataType();
		if (other == out.type)
			continue;
		GDALDataType both = GDALDataTypeUnion(out.type, other);
		CPLError(strict ? CE_Failure : CE_Warning, CPLE_NotSupported,
			 "band %d is %s, those before are %s: an image has one type%s%s", i,
			 GDALGetDataTypeName(other), GDALGetDataTypeName(out.type),
			 strict ? "" : ", it becomes ", strict ? "" : GDALGetDataTypeName(both));
		if (strict)
			return false;
		out.type = both;
	}
	out.dtype = stored_type(out.type);
	if (out.type == GDT_Byte && has_signed_bytes(dataset, options))
		out.dtype = OZR_INT8;
	if (out.dtype == OZR_DTYPES)
		CPLError(CE_Failure, CPLE_NotSupported, "pixels of type %s cannot be stored",
			 GDALGetDataTypeName(out.type));
	return out.dtype != OZR_DTYPES;
}

/* BAND_AXIS: asked for, as it was in an image of ours, or channels; none with one band. */
static bool choose_axes(GDALDataset *dataset, CSLConstList options, Source &out)
{
	const char *axis = CSLFetchNameValueDef(options, "BAND_AXIS", "AUTO");
	if (EQUAL(axis, "AUTO")) {
		const char *before = dataset->GetMetadataItem("BAND_AXIS", "OME");
		if (before != nullptr && (EQUAL(before, "z") || EQUAL(before, "t")))
			axis = EQUAL(before, "z") ? "z" : "t";
		else
			axis = dataset->GetRasterCount() > 1 ? "c" : "";
	} else if (!EQUAL(axis, "C") && !EQUAL(axis, "Z") && !EQUAL(axis, "T")) {
		CPLError(CE_Failure, CPLE_IllegalArg, "BAND_AXIS=%s: must be AUTO, C, Z or T",
			 axis);
		return false;
	}
	out.band_axis_name = CPLString(axis).tolower();
	out.band_axis = out.band_axis_name.empty() ? -1 : 0;
	out.y = out.band_axis < 0 ? 0 : 1;
	out.x = out.y + 1;
	return true;
}

std::string common_nodata(GDALDataset *dataset)
{
	std::string common, text;
	for (int i = 1; i <= dataset->GetRasterCount(); i++) {
		if (!nodata_text(dataset->GetRasterBand(i), text) || (i > 1 && text != common))
			return "";
		common = text;
	}
	return common;
}

unsigned alpha_band(GDALDataset *dataset)
{
	for (int i = 1; i <= dataset->GetRasterCount() && dataset->GetRasterCount() > 1; i++)
		if (dataset->GetRasterBand(i)->GetColorInterpretation() == GCI_AlphaBand)
			return static_cast<unsigned>(i);
	return 0;
}

/* What has no place in the new image. */
static bool check_losses(GDALDataset *dataset, int strict)
{
	bool lossless = true;
	auto lose = [&](const char *what) {
		CPLError(strict ? CE_Failure : CE_Warning, CPLE_NotSupported,
			 "OME-Zarr cannot keep %s of '%s'", what, dataset->GetDescription());
		lossless = false;
	};
	for (int i = 1; i <= dataset->GetRasterCount(); i++) {
		int flags = dataset->GetRasterBand(i)->GetMaskFlags();
		if ((flags & (GMF_ALL_VALID | GMF_NODATA | GMF_ALPHA)) == 0) {
			lose("the mask");
			break;
		}
	}
	return lossless || !strict;
}

bool look_at_source(GDALDataset *dataset, int strict, CSLConstList options, Source &out)
{
	out.dataset = dataset;
	if (dataset->GetRasterCount() == 0) {
		CPLError(CE_Failure, CPLE_NotSupported, "'%s' has no bands",
			 dataset->GetDescription());
		return false;
	}
	if (!choose_type(dataset, strict, options, out) || !choose_axes(dataset, options, out) ||
	    !check_losses(dataset, strict))
		return false;
	out.nodata = common_nodata(dataset);
	if (!fetch_bool(options, "GEOREF", out.georef.is_wanted))
		return false;
	if (out.georef.is_wanted) {
		out.georef.has_geotransform = GDALGetGeoTransform(GDALDataset::ToHandle(dataset),
								  out.georef.gt) == CE_None;
		out.georef.srs = dataset->GetSpatialRef();
	}
	out.georef.is_absent = !out.georef.has_geotransform;
	return true;
}

bool element_from_text(const std::string &text, ozr_dtype type, unsigned char out[8])
{
	memset(out, 0, 8);
	if (text.empty())
		return false;
	if (type == OZR_INT64) {
		int64_t value = std::strtoll(text.c_str(), nullptr, 10);
		memcpy(out, &value, sizeof(value));
		return true;
	}
	if (type == OZR_UINT64) {
		uint64_t value = std::strtoull(text.c_str(), nullptr, 10);
		memcpy(out, &value, sizeof(value));
		return true;
	}
	double value = CPLAtof(text.c_str()), back = 0;
	ozr_convert(&value, OZR_FLOAT64, 8, out, type, 8, 1);
	ozr_convert(out, type, 8, &back, OZR_FLOAT64, 8, 1);
	/* Text of a float32 has more digits than the type. */
	return back == value || (std::isnan(back) && std::isnan(value)) ||
	       (type == OZR_FLOAT32 && static_cast<float>(value) == static_cast<float>(back));
}
