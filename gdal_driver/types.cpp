/* SPDX-License-Identifier: MIT */
/*
 * Pixel types. GDAL 3.6 has no int8: there the bytes are shown as Byte with
 * PIXELTYPE=SIGNEDBYTE, and, as GDAL does with such bands, taken as unsigned
 * when they become another type.
 */
#include "dataset.h"

GDALDataType gdal_type(ozr_dtype type)
{
	switch (type) {
	case OZR_BOOL:
	case OZR_UINT8:
		return GDT_Byte;
	case OZR_INT8:
		return type_int8;
	case OZR_INT16:
		return GDT_Int16;
	case OZR_UINT16:
		return GDT_UInt16;
	case OZR_INT32:
		return GDT_Int32;
	case OZR_UINT32:
		return GDT_UInt32;
	case OZR_INT64:
		return GDT_Int64;
	case OZR_UINT64:
		return GDT_UInt64;
	case OZR_FLOAT32:
		return GDT_Float32;
	case OZR_FLOAT64:
		return GDT_Float64;
	case OZR_DTYPES:
		break;
	}
	return GDT_Unknown;
}

bool engine_type(GDALDataType type, ozr_dtype array, ozr_dtype &out)
{
	if (!has_int8 && array == OZR_INT8) {
		out = OZR_INT8;
		return type == GDT_Byte;
	}
	for (ozr_dtype t : {OZR_UINT8, OZR_INT16, OZR_UINT16, OZR_INT32, OZR_UINT32, OZR_INT64,
			    OZR_UINT64, OZR_FLOAT32, OZR_FLOAT64, OZR_INT8})
		if (gdal_type(t) == type) {
			out = t;
			return true;
		}
	return false;
}

#if !OZR_GDAL_IS(3, 7)
#include <vrtdataset.h>

/* Sources that give the bytes as they are: not scaled, looked up or masked. */
static bool is_plain_source(VRTSource *source)
{
	CPLXMLNode *xml = source->SerializeToXML("");
	bool plain = xml != nullptr;
	for (const char *change : {"ScaleOffset", "ScaleRatio", "Exponent", "LUT", "NODATA",
				   "ColorTableComponent", "UseMaskBand", "Kernel"})
		plain = plain && CPLGetXMLNode(xml, change) == nullptr;
	CPLDestroyXMLNode(xml);
	return plain;
}

static bool shows_signed_bytes(GDALRasterBand *band, int depth)
{
	const char *kind = band->GetMetadataItem("PIXELTYPE", "IMAGE_STRUCTURE");
	if (kind != nullptr)
		return EQUAL(kind, "SIGNEDBYTE");
	auto *vrt = dynamic_cast<VRTSourcedRasterBand *>(band);
	if (vrt == nullptr || vrt->nSources == 0 || depth == 0)
		return false;
	for (int i = 0; i < vrt->nSources; i++) {
		auto *source = dynamic_cast<VRTSimpleSource *>(vrt->papoSources[i]);
		if (source == nullptr || !is_plain_source(source) ||
		    source->GetRasterBand() == nullptr ||
		    !shows_signed_bytes(source->GetRasterBand(), depth - 1))
			return false;
	}
	return true;
}

bool vrt_of_signed_bytes(GDALRasterBand *band)
{
	return shows_signed_bytes(band, 8);
}
#endif
