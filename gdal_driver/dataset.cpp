/* SPDX-License-Identifier: MIT */
/*
 * The dataset: levels as overviews, georeferencing, metadata.
 */
#include "dataset.h"

#include <cmath>

#include "driver.h"
#include "georef.h"
#include "overviews.h"
#include "subdatasets.h"
#include "vsi_place.h"

Dataset::Dataset(std::shared_ptr<Scene> scene, unsigned level)
    : scene_(std::move(scene)), level_(level)
{
	const View &view = scene_->view;
	ozr_array_get_info(array_handle(), &info_);
	nRasterXSize = static_cast<int>(info_.shape[view.x]);
	nRasterYSize = static_cast<int>(info_.shape[view.y]);
	eAccess = scene_->writable() ? GA_Update : GA_ReadOnly;
	show_level(level);
	for (size_t i = 0; i < planes_.size(); i++)
		SetBand(static_cast<int>(i) + 1, new Band(this, static_cast<int>(i) + 1));
	SetDescription(scene_->name.c_str());
}

void Dataset::show_level(unsigned level)
{
	const View &view = scene_->view;
	level_ = level;
	ozr_array_get_info(array_handle(), &info_);
	planes_ = view.planes;
	for (unsigned d = 0; d < info_.rank; d++)
		if (d != view.x && d != view.y)
			for (Indices &plane : planes_)
				plane[d] = index_in_level(*scene_, level, d, plane[d]);
	for (int i = 1; i <= nBands; i++) /* blocks of the level that it was */
		GetRasterBand(i)->FlushCache(false);
}

void Dataset::complete()
{
	is_main_ = true;
	if (scene_->update != nullptr) {
		scene_->update->drop_cached_levels = [this] { drop_cached_levels(); };
		scene_->update->flush_changed_blocks = [this] { return flush_changed_blocks(); };
		scene_->update->rebuild = [this](const std::vector<int> &bands, Progress progress) {
			return rebuild_overviews(*this, bands, progress);
		};
	}
	if (!scene_->network)
		find_overviews();
	set_structure();
	set_metadata();
	for (int i = 1; i <= nBands; i++)
		static_cast<Band *>(GetRasterBand(i))->complete();
	/* An image without levels of its own may have some beside it (x.zarr.ovr). */
	if (!scene_->network && overviews_.empty())
		oOvManager.Initialize(this, scene_->folder.c_str());
}

/* Over a network only when somebody asks: each level is a request. */
bool Dataset::find_overviews() const
{
	ozr_err err = {};
	if (has_looked_ || !is_main_)
		return true;
	/* deferred: nobody has built them yet */
	if (!scene_->stored.overviews.deferred &&
	    ozr_image_load(scene_->image.get(), &err) != OZR_OK) {
		report(err); /* who asks again will see whether it was for the moment */
		return false;
	}
	has_looked_ = true;
	if (scene_->stored.overviews.deferred)
		return true;
	for (unsigned n = level_ + 1; n < scene_->info.levels; n++) {
		ArrayInfo coarser = {};
		ozr_array_get_info(ozr_image_level(scene_->image.get(), n), &coarser);
		if (coarser.dtype != info_.dtype)
			continue;
		const unsigned x = scene_->view.x, y = scene_->view.y;
		if (coarser.shape[x] > info_.shape[x] || coarser.shape[y] > info_.shape[y] ||
		    (coarser.shape[x] == info_.shape[x] && coarser.shape[y] == info_.shape[y]))
			continue; /* reduced along other axes only: no overview of a plane */
		overviews_.emplace_back(n, nullptr);
	}
	return true;
}

static std::string join(const uint64_t *values, unsigned n)
{
	std::string out;
	for (unsigned i = 0; i < n; i++)
		out += (i > 0 ? "," : "") + std::to_string(values[i]);
	return out;
}

/* Whether some chunk holds pixels of several channels. Planes of a stack do not count: whoever
 * copies it wants the planes one after the other, and the chunk cache serves that order. */
static bool chunks_mix_channels(const Scene &scene, const ArrayInfo &array)
{
	int axis = scene.view.band_axis;
	if (axis < 0 || array.chunk[axis] < 2 || scene.view.planes.size() < 2)
		return false;
	return scene.info.axes[axis].kind == OZR_AXIS_CHANNEL;
}

/* What GeoTIFF calls the method, or nullptr. Software knows no other words for COMPRESSION: rasterio
 * fails on them, and hands these to whatever driver makes a copy. */
static const char *common_name(const std::string &codec)
{
	if (codec == "blosc-zstd" || codec == "zstd")
		return "ZSTD";
	if (codec == "blosc-zlib" || codec == "gzip" || codec == "zlib")
		return "DEFLATE";
	return codec == "lzma" ? "LZMA" : nullptr;
}

void Dataset::set_structure()
{
	static const char domain[] = "IMAGE_STRUCTURE";
	bool mixed = chunks_mix_channels(*scene_, info_);
	std::string codec = info_.codec;
	if (const char *name = common_name(codec))
		DatasetBase::SetMetadataItem("COMPRESSION", name, domain);
	std::replace(codec.begin(), codec.end(), '-', '_');
	if (codec != "none")
		DatasetBase::SetMetadataItem("CODEC", CPLString(codec).toupper(), domain);
	DatasetBase::SetMetadataItem("INTERLEAVE", mixed ? "PIXEL" : "BAND", domain);
	DatasetBase::SetMetadataItem("CHUNK_SHAPE", join(info_.chunk, info_.rank).c_str(), domain);
	if (!std::equal(info_.chunk, info_.chunk + info_.rank, info_.shard))
		DatasetBase::SetMetadataItem("SHARD_SHAPE", join(info_.shard, info_.rank).c_str(),
					     domain);
	if (!scene_->twin.empty())
		DatasetBase::SetMetadataItem("TWIN", scene_->twin.c_str(), domain);
	DatasetBase::SetMetadataItem("LEVELS", std::to_string(scene_->info.levels).c_str(), domain);
	/* for those who build them; not over a network, where each level is a request */
	bool deferred = scene_->stored.overviews.deferred && !scene_->network;
	if (!deferred && DatasetBase::GetMetadataItem("PYRAMID", domain) == nullptr)
		return;
	CPLStringList regions = list_regions(*scene_);
	for (int i = 0; i < regions.size(); i++) {
		char *name = nullptr;
		const char *value = CPLParseNameValue(regions[i], &name);
		DatasetBase::SetMetadataItem(name, deferred ? value : nullptr, domain);
		CPLFree(name);
	}
}

static std::string join_doubles(const double *values, unsigned n)
{
	std::string out;
	for (unsigned i = 0; i < n; i++)
		out += CPLSPrintf("%s%.17g", i > 0 ? "," : "", values[i]);
	return out;
}

/* The domains OME (flat) and json:OME, and those that were stored. */
void Dataset::set_metadata()
{
	const ImageInfo &image = scene_->info;
	double scale[OZR_MAX_RANK], translation[OZR_MAX_RANK];
	CPLStringList ome;
	std::string axes, units, shape = join(info_.shape, info_.rank);
	ozr_image_transform(scene_->image.get(), level_, scale, translation);
	for (unsigned d = 0; d < image.rank; d++) {
		axes += std::string(d > 0 ? "," : "") + image.axes[d].name;
		units += std::string(d > 0 ? "," : "") + image.axes[d].unit;
	}
	if (*image.version != '\0')
		ome.SetNameValue("OME_VERSION", image.version);
	if (*image.name != '\0')
		ome.SetNameValue("NAME", image.name);
	ome.SetNameValue("AXES", axes.c_str());
	ome.SetNameValue("UNITS", units.c_str());
	ome.SetNameValue("SHAPE", shape.c_str());
	ome.SetNameValue("SCALE", join_doubles(scale, image.rank).c_str());
	ome.SetNameValue("TRANSLATION", join_doubles(translation, image.rank).c_str());
	if (scene_->view.band_axis >= 0)
		ome.SetNameValue("BAND_AXIS", image.axes[scene_->view.band_axis].name);
	DatasetBase::SetMetadata(ome.List(), "OME");

	CPLStringList json;
	json.AddString(scene_->stored.attributes.c_str());
	DatasetBase::SetMetadata(json.List(), "json:OME");
	for (const auto &domain : scene_->stored.metadata)
		DatasetBase::SetMetadata(CPLStringList(domain.second).List(), domain.first.c_str());
}

bool Dataset::geotransform(double gt[6]) const
{
	const Stored &stored = scene_->stored;
	const View &view = scene_->view;
	double fine[OZR_MAX_RANK], coarse[OZR_MAX_RANK], ignored[OZR_MAX_RANK];
	if (!stored.has_geotransform)
		return false;
	if (level_ == 0 || scene_->image == nullptr) {
		std::copy(stored.geotransform, stored.geotransform + 6, gt);
		return true;
	}
	ozr_image_transform(scene_->image.get(), 0, fine, ignored);
	ozr_image_transform(scene_->image.get(), level_, coarse, ignored);
	coarser_geotransform(stored.geotransform, coarse[view.x] / fine[view.x],
			     coarse[view.y] / fine[view.y], gt);
	return true;
}

const OGRSpatialReference *Dataset::GetSpatialRef() const
{
	const OGRSpatialReference &srs = scene_->stored.srs;
	return srs.IsEmpty() ? nullptr : &srs;
}

int Dataset::GetGCPCount()
{
	return static_cast<int>(scene_->stored.gcps.size());
}

const GDAL_GCP *Dataset::GetGCPs()
{
	gcps_.clear();
	for (const GroundPoint &one : scene_->stored.gcps)
		gcps_.push_back({const_cast<char *>(one.id.c_str()),
				 const_cast<char *>(one.info.c_str()), one.pixel, one.line, one.x,
				 one.y, one.z});
	return gcps_.empty() ? nullptr : gcps_.data();
}

const OGRSpatialReference *Dataset::GetGCPSpatialRef() const
{
	const OGRSpatialReference &srs = scene_->stored.gcp_srs;
	return srs.IsEmpty() ? nullptr : &srs;
}

static bool is_opened(const ImageInfo &image, const ArrayInfo &array, const char *file)
{
	if (array.zarr_format == 3)
		return EQUAL(file, "zarr.json");
	return EQUAL(file, image.is_bare ? ".zarray" : ".zattrs");
}

/* The root's metadata; chunks may be millions. */
char **Dataset::GetFileList()
{
	CPLStringList files;
	if (scene_->zipped) {
		files.AddString(scene_->vsi.c_str());
		return files.StealList();
	}
	Place place(scene_->vsi.empty() ? scene_->folder : scene_->vsi);
	std::string inner = scene_->inner.empty() ? "" : scene_->inner + "/";
	for (const char *file : {"zarr.json", ".zgroup", ".zattrs", ".zarray"}) {
		VSIStatBufL stat;
		std::string path = place.file((inner + file).c_str());
		/* what was opened is there; to find out about more would take requests */
		bool there = scene_->network ? is_opened(scene_->info, info_, file)
					     : VSIStatL(path.c_str(), &stat) == 0;
		if (there)
			files.AddString(path.c_str());
	}
	return files.StealList();
}

/* What needs a look at other parts of the store waits until somebody asks for it. */
void Dataset::look_for(const char *domain)
{
	if (!is_main_ || domain == nullptr)
		return;
	if (EQUAL(domain, "SUBDATASETS") && !has_subdatasets_) {
		has_subdatasets_ = true;
		CPLStringList labels = list_labels(*scene_);
		if (!labels.empty())
			DatasetBase::SetMetadata(labels.List(), "SUBDATASETS");
	} else if (EQUAL(domain, "xml:OME") && !has_xml_ && scene_->store &&
		   scene_->stored.metadata.count("xml:OME") == 0) {
		has_xml_ = true;
		CPLStringList xml = find_ome_xml(scene_->store.get(), scene_->inner);
		if (!xml.empty())
			DatasetBase::SetMetadata(xml.List(), "xml:OME");
	}
}

char **Dataset::GetMetadataDomainList()
{
	look_for("SUBDATASETS");
	look_for("xml:OME");
	return DatasetBase::GetMetadataDomainList();
}

string_list Dataset::GetMetadata(const char *domain)
{
	look_for(domain);
	return DatasetBase::GetMetadata(domain);
}

/* Counters of the library, for tests and curious users: domain OZR_STATS. */
const char *Dataset::GetMetadataItem(const char *name, const char *domain)
{
	look_for(domain);
	if (domain == nullptr || !EQUAL(domain, "OZR_STATS"))
		return DatasetBase::GetMetadataItem(name, domain);
	ozr_stats stats = {};
	const struct {
		const char *name;
		uint64_t ozr_stats::*value;
	} known[] = {{"CHUNKS_DECODED", &ozr_stats::chunks_decoded},
		     {"BLOCKS_DECODED", &ozr_stats::blocks_decoded},
		     {"BYTES_DECODED", &ozr_stats::bytes_decoded},
		     {"OBJECTS_OPENED", &ozr_stats::objects_opened},
		     {"BYTES_READ", &ozr_stats::bytes_read},
		     {"CACHE_HITS", &ozr_stats::cache_hits},
		     {"MEMORY_PEAK", &ozr_stats::memory_peak}};
	ozr_ctx *ctx = Driver::get()->context();
	if (ctx == nullptr)
		return nullptr;
	ozr_ctx_stats(ctx, &stats);
	for (const auto &item : known)
		if (EQUAL(name, item.name)) {
			item_ = std::to_string(stats.*item.value);
			return item_.c_str();
		}
	return nullptr;
}
