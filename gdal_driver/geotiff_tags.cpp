/* SPDX-License-Identifier: MIT */
/*
 * GeoTIFF's tags for a raster: GDAL's GeoTIFF driver writes a file of one pixel
 * with the same metadata into memory, and its tags are read back. So they say what
 * GDAL says, in every version of it.
 */
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

/* A struct and a function of one name are C's way, which C++ has a warning for. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#include "ozr/tiff.h"
#pragma GCC diagnostic pop

#include "store.h"
#include "twin_plan.h"
#include "vsi_store.h"

namespace
{
/* Types as in TIFF 6.0. */
enum Type : uint16_t { ASCII = 2, SHORT = 3, DOUBLE = 12 };
struct Known {
	uint16_t tag;
	Type type;
};
struct CloseTiff {
	void operator()(ozr_tiff *t) const
	{
		ozr_tiff_close(t);
	}
};
using Tiff = std::unique_ptr<ozr_tiff, CloseTiff>;
} // namespace

static const Known wanted[] = {{33550, DOUBLE}, {33922, DOUBLE}, {34264, DOUBLE}, {34735, SHORT},
			       {34736, DOUBLE}, {34737, ASCII},  {42112, ASCII},  {42113, ASCII}};
constexpr int most_bands = 256; /* whose names are told */

/* --- the file ----------------------------------------------------------------------------- */

static void describe_place(GDALDataset *source, GDALDataset *file)
{
	double gt[6];
	const OGRSpatialReference *srs = source->GetSpatialRef();
	if (source->GetGCPCount() > 0) {
		file->SetGCPs(source->GetGCPCount(), source->GetGCPs(), source->GetGCPSpatialRef());
		return;
	}
	if (GDALGetGeoTransform(GDALDataset::ToHandle(source), gt) == CE_None)
		GDALSetGeoTransform(GDALDataset::ToHandle(file), gt);
	if (srs != nullptr)
		file->SetSpatialRef(srs);
	const char *point = source->GetMetadataItem(GDALMD_AREA_OR_POINT);
	if (point != nullptr)
		file->SetMetadataItem(GDALMD_AREA_OR_POINT, point);
}

static void describe_bands(GDALDataset *source, GDALDataset *file)
{
	int has = 0;
	GDALRasterBand *first = source->GetRasterBand(1);
	if (first->GetRasterDataType() == GDT_Int64) {
		int64_t nodata = first->GetNoDataValueAsInt64(&has);
		if (has != 0)
			file->GetRasterBand(1)->SetNoDataValueAsInt64(nodata);
	} else if (first->GetRasterDataType() == GDT_UInt64) {
		uint64_t nodata = first->GetNoDataValueAsUInt64(&has);
		if (has != 0)
			file->GetRasterBand(1)->SetNoDataValueAsUInt64(nodata);
	} else {
		double nodata = first->GetNoDataValue(&has);
		if (has != 0)
			file->GetRasterBand(1)->SetNoDataValue(nodata);
	}
	for (int i = 1; i <= file->GetRasterCount(); i++) {
		GDALRasterBand *from = source->GetRasterBand(i), *to = file->GetRasterBand(i);
		double scale = from->GetScale(&has);
		if (has != 0 && scale != 1)
			to->SetScale(scale);
		double offset = from->GetOffset(&has);
		if (has != 0 && offset != 0)
			to->SetOffset(offset);
		if (*from->GetUnitType() != '\0')
			to->SetUnitType(from->GetUnitType());
		to->SetDescription(from->GetDescription());
	}
}

static bool write_file(GDALDriver *driver, GDALDataset *source, bool georef, int bands,
		       const std::string &path)
{
	std::unique_ptr<GDALDataset> file(driver->Create(
		path.c_str(), 1, 1, bands, source->GetRasterBand(1)->GetRasterDataType(), nullptr));
	if (!file)
		return false;
	if (georef)
		describe_place(source, file.get());
	describe_bands(source, file.get());
	return true;
}

/* --- its tags ------------------------------------------------------------------------------- */

static bool read_tag(ozr_tiff *file, const Known &known, std::string &bytes, uint64_t &count)
{
	if (known.type == ASCII) {
		char *text = nullptr;
		size_t n = 0;
		if (ozr_tiff_text(file, 0, 0, known.tag, &text, &n, nullptr) != OZR_OK)
			return false;
		bytes.assign(text);
		ozr_text_free(text);
		bytes.push_back('\0');
		count = bytes.size();
		return true;
	}
	std::vector<double> values(1 << 16);
	if (ozr_tiff_numbers(file, 0, 0, known.tag, values.data(), values.size(), &count,
			     nullptr) != OZR_OK ||
	    count > values.size())
		return false;
	if (known.type == DOUBLE) {
		bytes.assign(reinterpret_cast<const char *>(values.data()), count * sizeof(double));
		return true;
	}
	for (uint64_t i = 0; i < count; i++) {
		auto number = static_cast<uint16_t>(values[i]);
		bytes.append(reinterpret_cast<const char *>(&number), sizeof(number));
	}
	return true;
}

static void read_tags(const std::string &folder, const std::string &key, TwinPlan &twin)
{
	ozr_store *opened = nullptr;
	ozr_tiff *file = nullptr;
	ozr_err err = {};
	int rc = open_vsi_store(Driver::get()->context(), folder, VsiOptions(), &opened, &err);
	Store store(opened);
	if (rc == OZR_OK)
		rc = ozr_tiff_open(opened, key.c_str(), &file, &err);
	Tiff tiff(file);
	if (rc != OZR_OK) {
		CPLError(CE_Warning, CPLE_AppDefined, "GeoTIFF tags cannot be had: %s", err.msg);
		return;
	}
	for (const Known &known : wanted) {
		std::string bytes;
		uint64_t count = 0;
		if (!read_tag(file, known, bytes, count))
			continue;
		twin.values.push_back(bytes);
		twin.tags.push_back({known.tag, known.type, count, twin.values.back().data()});
	}
	twin.how.tags = static_cast<unsigned>(twin.tags.size());
	twin.how.tag = twin.tags.data();
}

void add_geotiff_tags(GDALDataset *source, bool georef, TwinPlan &twin)
{
	GDALDriver *driver = GetGDALDriverManager()->GetDriverByName("GTiff");
	static const char folder[] = "/vsimem/ozr-twin";
	std::string key = std::to_string(Driver::get()->serial()) + ".tif";
	std::string path = std::string(folder) + "/" + key;
	int bands = twin.how.samples == OZR_TWIN_PLANES || twin.how.samples == OZR_TWIN_PIXELS
			    ? std::min(source->GetRasterCount(), most_bands)
			    : 1;
	bool written = false;
	twin.tags.clear();
	twin.values.clear();
	if (driver != nullptr) {
		Muted mute;
		LocalOption no_pam("GDAL_PAM_ENABLED", "NO");
		written = write_file(driver, source, georef, bands, path);
	}
	if (written)
		read_tags(folder, key, twin);
	else
		CPLError(CE_Warning, CPLE_AppDefined,
			 "GDAL's GeoTIFF driver is not at hand: the TIFF side has no GeoTIFF tags");
	VSIUnlink(path.c_str());
}
