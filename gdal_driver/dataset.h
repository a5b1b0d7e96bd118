/* SPDX-License-Identifier: MIT */
/*
 * The dataset and its bands: one level of an image, seen through a View. A
 * dataset owns those of the coarser levels, whose bands are its bands'
 * overviews. Both kinds of read (a band's, all bands at once) end in
 * Dataset::read(), which hands the library one list of boxes, so that a chunk
 * that holds several bands is decoded once.
 *
 * No PAM: what belongs to the image is in the store, and nothing is written
 * beside it.
 */
#ifndef OZR_GDAL_DATASET_H
#define OZR_GDAL_DATASET_H

#include <set>

#include "scene.h"

struct Window {
	int x, y, width, height;
};

/* Memory of a caller; steps in bytes. */
struct Pixels {
	void *data;
	GDALDataType type;
	GSpacing pixel, line, band;
};

class Dataset final : public DatasetBase
{
      public:
	Dataset(std::shared_ptr<Scene> scene, unsigned level);
	~Dataset() override;
	/* Overviews, metadata: for the dataset that a user sees. */
	void complete();

	const Scene &scene() const
	{
		return *scene_;
	}
	Scene &scene()
	{
		return *scene_;
	}
	unsigned level() const
	{
		return level_;
	}
	const ArrayInfo &array() const
	{
		return info_;
	}
	/* Over a network levels are looked for when somebody wants them. False after CPLError(). */
	bool find_overviews() const;
	int overview_count() const
	{
		find_overviews();
		return static_cast<int>(overviews_.size());
	}
	Dataset *overview(int i) const; /* made when asked for: bands x levels may be millions */
	/* bands: numbers from 1. extra may be NULL. */
	CPLErr read(const Window &window, const int *bands, int count, const Pixels &pixels,
		    GDALRasterIOExtraArg *extra);
	/* pixels are not changed. */
	CPLErr write(const Window &window, const int *bands, int count, const Pixels &pixels,
		     GDALRasterIOExtraArg *extra);
	/* Files are made beside the image, so it must be at its target. False after CPLError(). */
	bool prepare_mask();
	/* Before pixels are read or written by way of GDAL's block cache, whose blocks of levels and
	 * of level 0 would else contradict each other. False after CPLError(). */
	bool settle(GDALRWFlag flag);
	/* Everything that was written is in the store, and levels follow: for who reads the image
	 * past this dataset. False after CPLError(). */
	bool complete_levels();
	/* A block goes to GDAL's cache. */
	void block_is_cached();

	const OGRSpatialReference *GetSpatialRef() const override;
	int GetGCPCount() override;
	const GDAL_GCP *GetGCPs() override;
	const OGRSpatialReference *GetGCPSpatialRef() const override;
	/* Setters (setters.cpp) change the scene's `stored`, which publish() and finish() save. */
	CPLErr SetSpatialRef(const OGRSpatialReference *srs) override;
	CPLErr SetGCPs(int count, const GDAL_GCP *points, const OGRSpatialReference *srs) override;
	using DatasetBase::SetGCPs;
	CPLErr SetMetadata(string_list items, const char *domain) override;
	CPLErr SetMetadataItem(const char *name, const char *value, const char *domain) override;
	void ClearStatistics() override;
	/* Whether what is stored may be changed through this dataset, a user's that is open for
	 * update; if not, false after CPLError(). */
	bool may_change(const char *what);
	/* One warning for metadata that cannot be stored, the first time. */
	void warn_of_memory();
	/* A read-only handle has new statistics of a band; they are saved with it. */
	void statistics_changed(int band)
	{
		statistics_.insert(band);
	}
	bool is_main() const
	{
		return is_main_;
	}
	/* bands: numbers from 1, or nullptr for the first `count`. */
	CPLErr AdviseRead(int x, int y, int width, int height, int buffer_width, int buffer_height,
			  GDALDataType type, int count, int *bands, string_list options) override;
	/* How much of a band's window is stored; false when it is not known, or costs too much. */
	bool presence(const Window &window, int band, unsigned stop, ozr_presence &out) const;
	CPLErr CreateMaskBand(int flags) override;
	char **GetFileList() override;
	char **GetMetadataDomainList() override;
	string_list GetMetadata(const char *domain) override;
	const char *GetMetadataItem(const char *name, const char *domain) override;
	CPLErr IBuildOverviews(const char *resampling, int count, const int *factors, int bands,
			       const int *band_list, GDALProgressFunc progress, void *data,
			       CSLConstList options) override;

      protected:
	bool geotransform(double gt[6]) const override;
	CPLErr set_geotransform(const double gt[6]) override;
	bool publish() override;
	bool finish(GDALProgressFunc progress, void *data) override;
	CPLErr IRasterIO(GDALRWFlag flag, int x, int y, int width, int height, void *data,
			 int buffer_width, int buffer_height, GDALDataType type, int count,
			 band_map bands, GSpacing pixel, GSpacing line, GSpacing band,
			 GDALRasterIOExtraArg *extra) override;

      private:
	ozr_array *array_handle() const
	{
		return ozr_image_level(scene_->image.get(), level_);
	}
	std::vector<ozr_box> boxes(const Window &window, const int *bands, int count,
				   const Pixels &pixels, ozr_dtype type) const;
	CPLErr read_boxes(const Window &window, const int *bands, int count, const Pixels &pixels,
			  ozr_dtype type, GDALRasterIOExtraArg *extra);
	CPLErr write_boxes(const Window &window, const int *bands, int count, const Pixels &pixels,
			   ozr_dtype type, GDALRasterIOExtraArg *extra);
	bool names_plane_twice(const int *bands, int count) const;
	CPLErr write_converted(const Window &window, const int *bands, int count,
			       const Pixels &pixels, GDALRasterIOExtraArg *extra);
	CPLErr sync_blocks(GDALRWFlag flag, const Window &window, const int *bands, int count);
	bool flush_changed_blocks();
	void drop_cached_levels();
	CPLErr read_converted(const Window &window, const int *bands, int count,
			      const Pixels &pixels, GDALRasterIOExtraArg *extra);
	/* Which level this is, of an image whose levels have changed. */
	void show_level(unsigned level);
	CPLErr build_beside(const char *resampling, int count, const int *factors, int bands,
			    const int *band_list, GDALProgressFunc progress, void *data,
			    CSLConstList options);
	void take_new_levels();
	/* After CPLError(): this overview was replaced. */
	bool is_gone() const;
	void set_structure();
	void set_metadata();
	void look_for(const char *domain);

	static constexpr unsigned no_level = ~0u; /* one that is there no more */
	std::shared_ptr<Scene> scene_;
	unsigned level_;
	bool is_main_ = false; /* the one that a user sees, whose end is the scene's */
	ArrayInfo info_ = {};
	std::vector<Indices> planes_;     /* of each band, in this level */
	mutable bool has_looked_ = false; /* for overviews */
	mutable std::vector<std::pair<unsigned, std::unique_ptr<Dataset>>> overviews_;
	void save_statistics();
	bool warned_ = false;        /* warn_of_memory() */
	std::set<int> statistics_;   /* bands with statistics to save, of a read-only handle */
	std::vector<GDAL_GCP> gcps_; /* what GetGCPs() returned last: texts are the scene's */
	bool has_subdatasets_ = false, has_xml_ = false; /* looked for already */
	std::vector<std::unique_ptr<Dataset>> retired_;  /* overviews that somebody may hold */
	std::string item_; /* what GetMetadataItem() returned last, when made for the call */
};

class Band final : public BandBase
{
      public:
	Band(Dataset *dataset, int number);
	void complete();

	CPLErr IReadBlock(int x, int y, void *data) override;
	CPLErr IWriteBlock(int x, int y, void *data) override;
	/* What GDAL's block cache has of a window: changed blocks go to the array; for a write
	 * that goes past the cache all are dropped. */
	CPLErr sync_blocks(GDALRWFlag flag, const Window &window);
	/* All changed blocks in GDAL's cache to the array; none is kept in it then. */
	CPLErr flush_changed_blocks();
	CPLErr Fill(double real, double imaginary) override;
	CPLErr CreateMaskBand(int flags) override;
	CPLErr AdviseRead(int x, int y, int width, int height, int buffer_width, int buffer_height,
			  GDALDataType type, string_list options) override;
	int IGetDataCoverageStatus(int x, int y, int width, int height, int stop,
				   double *percent) override;
	GDALSuggestedBlockAccessPattern GetSuggestedBlockAccessPattern() const override;
	int GetOverviewCount() override;
	GDALRasterBand *GetOverview(int i) override;
	double GetNoDataValue(int *success) override;
	int64_t GetNoDataValueAsInt64(int *success) override;
	uint64_t GetNoDataValueAsUInt64(int *success) override;
	GDALColorInterp GetColorInterpretation() override;
	GDALColorTable *GetColorTable() override;
	GDALRasterAttributeTable *GetDefaultRAT() override;
	char **GetCategoryNames() override;
	const char *GetUnitType() override;
	double GetScale(int *success) override;
	double GetOffset(int *success) override;
	CPLErr GetDefaultHistogram(double *min, double *max, int *count, GUIntBig **counts,
				   int force, GDALProgressFunc progress, void *data) override;
	/* band_setters.cpp */
	void SetDescription(const char *text) override;
	CPLErr SetMetadata(string_list items, const char *domain) override;
	CPLErr SetMetadataItem(const char *name, const char *value, const char *domain) override;
	CPLErr SetNoDataValue(double value) override;
	CPLErr SetNoDataValueAsInt64(int64_t value) override;
	CPLErr SetNoDataValueAsUInt64(uint64_t value) override;
	CPLErr DeleteNoDataValue() override;
	CPLErr SetColorInterpretation(GDALColorInterp color) override;
	CPLErr SetColorTable(GDALColorTable *table) override;
	CPLErr SetCategoryNames(char **names) override;
	CPLErr SetDefaultRAT(const GDALRasterAttributeTable *table) override;
	CPLErr SetUnitType(const char *unit) override;
	CPLErr SetScale(double scale) override;
	CPLErr SetOffset(double offset) override;
	CPLErr SetDefaultHistogram(double min, double max, int count, GUIntBig *counts) override;

      protected:
	CPLErr IRasterIO(GDALRWFlag flag, int x, int y, int width, int height, void *data,
			 int buffer_width, int buffer_height, GDALDataType type, GSpacing pixel,
			 GSpacing line, GDALRasterIOExtraArg *extra) override;

      private:
	Dataset *dataset() const
	{
		return static_cast<Dataset *>(poDS);
	}
	Window block_window(int x, int y) const;
	/* What is stored about it; nullptr: nothing. */
	const StoredBand *stored() const
	{
		return find_band(dataset()->scene(), nBand);
	}
	CPLErr set_nodata(const std::string &text);
	/* Marks the entry and lets fn change it. */
	template <typename F> CPLErr change(const char *what, F fn);
	GDALColorInterp default_color() const;
	GDALColorInterp color_ = GCI_Undefined; /* where none is stored */
};

/* types.cpp. GDAL's type for pixels of a type of ours, and back; false when there is none. */
GDALDataType gdal_type(ozr_dtype type);
bool engine_type(GDALDataType type, ozr_dtype array, ozr_dtype &out);

#endif
