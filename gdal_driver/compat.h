/* SPDX-License-Identifier: MIT */
/*
 * GDAL 3.6 to 3.13 in one place: every difference between versions that the
 * driver meets is settled here, so that no other file has an #if.
 */
#ifndef OZR_GDAL_COMPAT_H
#define OZR_GDAL_COMPAT_H

#include <cpl_error.h>
#include <cpl_json.h>
#include <gdal_priv.h>
#include <gdal_rat.h>
#include <ogr_spatialref.h>

#include <algorithm>
#include <string>

#define OZR_GDAL_IS(major, minor) (GDAL_VERSION_NUM >= GDAL_COMPUTE_VERSION(major, minor, 0))

#if OZR_GDAL_IS(3, 13)
using string_list = CSLConstList;
#else
using string_list = char **;
#endif

#ifdef BANDMAP_TYPE
using band_map = BANDMAP_TYPE;
#else
using band_map = int *;
#endif

/* 3.6 has no signed byte: it calls it Byte and says PIXELTYPE=SIGNEDBYTE. */
#if OZR_GDAL_IS(3, 7)
constexpr bool has_int8 = true;
constexpr GDALDataType type_int8 = GDT_Int8;
constexpr const char *type_names =
	"Byte Int8 UInt16 Int16 UInt32 Int32 UInt64 Int64 Float32 Float64";
inline bool vrt_of_signed_bytes(GDALRasterBand *)
{
	return false;
}
#else
constexpr bool has_int8 = false;
constexpr GDALDataType type_int8 = GDT_Byte;
constexpr const char *type_names = "Byte UInt16 Int16 UInt32 Int32 UInt64 Int64 Float32 Float64";
/* Whether a VRT's band shows signed bytes unchanged, though the VRT does not say so. */
bool vrt_of_signed_bytes(GDALRasterBand *band);
#endif

/* GDALDataset with geotransform() and set_geotransform() instead of the two shapes of each, and with
 * publish() and finish() instead of the shapes of FlushCache() and Close(). The most derived
 * destructor must call end(). */
class DatasetBase : public GDALDataset
{
      protected:
	/* false: there is none. */
	virtual bool geotransform(double gt[6]) const = 0;
	virtual CPLErr set_geotransform(const double gt[6]) = 0;
	/* What was written so far to the store; false after CPLError(). */
	virtual bool publish() = 0;
	/* The same for the last time; called once. */
	virtual bool finish(GDALProgressFunc progress, void *data) = 0;

	CPLErr end(GDALProgressFunc progress, void *data)
	{
		if (ended_)
			return CE_None;
		ended_ = true;
		CPLErr rc = flush_blocks(true);
		if (!finish(progress, data))
			rc = CE_Failure;
		return rc;
	}

      private:
	bool ended_ = false;

      public:
#if OZR_GDAL_IS(3, 7)
	CPLErr FlushCache(bool at_closing) override
	{
		CPLErr rc = flush_blocks(at_closing);
		return publish() ? rc : CE_Failure;
	}
#if OZR_GDAL_IS(3, 13)
	CPLErr Close(GDALProgressFunc progress, void *data) override
	{
		CPLErr rc = end(progress, data);
		return GDALDataset::Close(progress, data) == CE_None ? rc : CE_Failure;
	}
#else
	CPLErr Close() override
	{
		CPLErr rc = end(nullptr, nullptr);
		return GDALDataset::Close() == CE_None ? rc : CE_Failure;
	}
#endif
#else
	void FlushCache(bool at_closing) override
	{
		flush_blocks(at_closing);
		publish();
	}
#endif
#if OZR_GDAL_IS(3, 12)
	CPLErr GetGeoTransform(GDALGeoTransform &gt) const override
	{
		double values[6];
		if (!geotransform(values))
			return GDALDataset::GetGeoTransform(gt);
		std::copy(values, values + 6, gt.data());
		return CE_None;
	}
	CPLErr SetGeoTransform(const GDALGeoTransform &gt) override
	{
		return set_geotransform(gt.data());
	}
#else
	CPLErr GetGeoTransform(double *gt) override
	{
		return geotransform(gt) ? CE_None : GDALDataset::GetGeoTransform(gt);
	}
	CPLErr SetGeoTransform(double *gt) override
	{
		return set_geotransform(gt);
	}
#endif

      protected:
	/* The blocks of GDAL's cache that were written, to IWriteBlock(). */
	CPLErr flush_blocks(bool at_closing)
	{
#if OZR_GDAL_IS(3, 7)
		return GDALDataset::FlushCache(at_closing);
#else
		CPLErr rc = CE_None; /* 3.6's dataset does not say */
		for (int i = 1; i <= GetRasterCount(); i++)
			if (GetRasterBand(i)->FlushCache(at_closing) != CE_None)
				rc = CE_Failure;
		return rc;
#endif
	}
};

/* GDALRasterBand with what a version does not tell. */
class BandBase : public GDALRasterBand
{
      protected:
	/* Blocks in GDAL's cache that IWriteBlock() has not seen. */
	bool may_have_dirty_blocks() const
	{
#if OZR_GDAL_IS(3, 10)
		return HasDirtyBlocks();
#else
		return true;
#endif
	}
};

/* From 3.8 on programs can ask a driver for the parts of a subdataset's name. */
using split_name = bool (*)(const char *text, std::string &folder, std::string &inner);
#if OZR_GDAL_IS(3, 8)
#include <gdalsubdatasetinfo.h>

template <split_name split> class SubdatasetInfo final : public GDALSubdatasetInfo
{
      public:
	explicit SubdatasetInfo(const char *text) : GDALSubdatasetInfo(text)
	{
	}

      private:
	void parseFileName() override
	{
		std::string folder, inner;
		if (!split(m_fileName.c_str(), folder, inner))
			return;
		m_driverPrefixComponent = "OMEZARR";
		m_pathComponent = quote(folder);
		m_subdatasetComponent = inner;
	}
};

template <split_name split> void tell_subdatasets(GDALDriver *driver)
{
	driver->pfnGetSubdatasetInfoFunc = [](const char *text) -> GDALSubdatasetInfo * {
		std::string folder, inner;
		return split(text, folder, inner) ? new SubdatasetInfo<split>(text) : nullptr;
	};
}
#else
template <split_name split> void tell_subdatasets(GDALDriver *)
{
}
#endif

/* What a driver says about update mode. */
inline void declare_update(GDALDriver *driver)
{
#ifdef GDAL_DCAP_FLUSHCACHE_CONSISTENT_STATE
	driver->SetMetadataItem(GDAL_DCAP_FLUSHCACHE_CONSISTENT_STATE, "YES");
#endif
#ifdef GDAL_DMD_UPDATE_ITEMS
	driver->SetMetadataItem(GDAL_DCAP_UPDATE, "YES");
	driver->SetMetadataItem(GDAL_DMD_UPDATE_ITEMS,
				"GeoTransform SRS GCPs NoData ColorInterpretation RasterValues "
				"DatasetMetadata BandMetadata");
#else
	(void)driver;
#endif
}

/* Whether errors go to GDAL's own silent handler now. 3.6 does not tell: it is taken as yes. */
constexpr bool muting_is_known = OZR_GDAL_IS(3, 7);
inline bool errors_are_muted()
{
#if OZR_GDAL_IS(3, 7)
	return CPLGetErrorHandler(nullptr) == CPLQuietErrorHandler;
#else
	return true;
#endif
}

/* Whether GDAL asks what a name is, rather than opening it. */
inline bool is_identification(const GDALOpenInfo *info)
{
	return info->nOpenFlags == 0 ||
	       info->nOpenFlags == (GDAL_OF_KIND_MASK & ~GDAL_OF_MULTIDIM_RASTER);
}

/* Whether CreateCopy() opens an existing target, then identifies it, and then deletes what it is
 * identified as, folders included. Older versions identify only, and leave folders alone. */
constexpr bool copy_opens_target = OZR_GDAL_IS(3, 10);

/* Whether Create() deletes, aloud, whatever is at its target. Older versions leave folders alone, and
 * of archives we keep it so. */
constexpr bool create_deletes = OZR_GDAL_IS(3, 12);

#endif
