/* SPDX-License-Identifier: MIT */
/*
 * GDAL's overview kernels, plane by plane. A plane's source is the band that the
 * user sees, so that masks, nodata and colors count as in any other format; planes
 * that the view hides (other time points, ...) are read directly, with the looks
 * of the band that shows their channel.
 *
 * Planes that differ in the channel only are bands of one raster: alpha is
 * found among them.
 */
#include <functional>
#include <map>
#include <set>

#include "overviews.h"
#include "planes.h"

namespace
{
/* Planes of the image that are bands of one raster, in level 0. */
using Group = std::vector<Indices>;

struct Job {
	Dataset &dataset;
	const std::vector<ozr_array *> &levels;
	const char *method;
	bool skip_equal;
	Progress progress;
	double done = 0, all = 1; /* pixels that are read */
};
} // namespace

static int group_axis(const Scene &scene)
{
	for (unsigned d = 0; d < scene.info.rank; d++)
		if (d != scene.view.x && d != scene.view.y &&
		    scene.stored.band_axis == scene.info.axes[d].name)
			return static_cast<int>(d);
	return axis_by_letter(scene, 'c');
}

/* Step `at` through all combinations of the axes but x, y and `skip`; false at the end. */
static bool next_plane(const Scene &scene, const ArrayInfo &array, int skip, Indices &at)
{
	for (unsigned d = array.rank; d-- > 0;) {
		if (d == scene.view.x || d == scene.view.y || static_cast<int>(d) == skip)
			continue;
		if (++at[d] < array.shape[d])
			return true;
		at[d] = 0;
	}
	return false;
}

static std::map<Indices, int> bands_of(const Scene &scene)
{
	std::map<Indices, int> out;
	for (size_t i = 0; i < scene.view.planes.size(); i++)
		out.emplace(scene.view.planes[i], static_cast<int>(i) + 1);
	return out;
}

/* For each plane of a group the band that shows it, or one with its looks. */
static std::vector<GDALRasterBand *> models_of(Dataset &dataset,
					       const std::map<Indices, int> &bands,
					       const Group &group, std::vector<bool> &shown)
{
	const Scene &scene = dataset.scene();
	int axis = group_axis(scene);
	std::map<uint64_t, int> by_index; /* along the axis */
	for (size_t i = scene.view.planes.size(); axis >= 0 && i-- > 0;)
		by_index[scene.view.planes[i][axis]] = static_cast<int>(i) + 1;
	std::vector<GDALRasterBand *> out;
	for (const Indices &plane : group) {
		auto it = bands.find(plane);
		int band = it != bands.end() ? it->second : axis < 0 ? 1 : 0;
		shown.push_back(it != bands.end());
		if (band == 0 && by_index.count(plane[axis]) != 0)
			band = by_index[plane[axis]];
		out.push_back(band != 0 ? dataset.GetRasterBand(band) : nullptr);
	}
	return out;
}

/* Kernels do not look at what their last report is answered. */
struct Watched {
	GDALProgressFunc fn;
	void *data;
	bool stopped = false;
};

static int CPL_STDCALL watch(double done, const char *text, void *data)
{
	auto &w = *static_cast<Watched *>(data);
	w.stopped = w.stopped || !w.fn(done, text, w.data);
	return !w.stopped;
}

/* A part of the work as GDAL reports on it. */
static CPLErr run(Job &job, double weight,
		  const std::function<CPLErr(GDALProgressFunc, void *)> &kernel)
{
	const Progress &p = job.progress;
	double scale = (p.to - p.from) / job.all, from = p.from + scale * job.done;
	job.done += weight;
	if (p.fn == nullptr)
		return kernel(GDALDummyProgress, nullptr);
	Watched watched = {p.fn, p.data};
	void *scaled = GDALCreateScaledProgress(from, from + scale * weight, watch, &watched);
	CPLErr rc = kernel(GDALScaledProgress, scaled);
	GDALDestroyScaledProgress(scaled);
	if (rc == CE_None && watched.stopped)
		CPLError(CE_Failure, CPLE_UserInterrupt, "User terminated");
	return watched.stopped ? CE_Failure : rc;
}

/* Whether a GeoTIFF's bands (pixel by pixel, its default) would be made by the kernel for several
 * bands, which makes each level from the one before. */
static bool is_for_multi_band(const char *method, GDALRasterBand *source)
{
	if (source->GetColorTable() != nullptr && !EQUAL(method, "NEAREST"))
		return false;
	for (const char *known : {"NEAREST", "AVERAGE", "RMS", "GAUSS", "CUBIC", "CUBICSPLINE",
				  "LANCZOS", "BILINEAR", "MODE"})
		if (EQUAL(method, known))
			return true;
	return false;
}

/* Each level from the one before, unless a mask that only level 0 has decides what counts. */
static bool cascades(GDALRasterBand *source)
{
	int flags = source->GetMaskFlags();
	return flags == GMF_ALL_VALID || flags == GMF_NODATA || (flags & GMF_ALPHA) != 0;
}

using Targets = std::vector<std::unique_ptr<Planes>>;

static bool run_level(Job &job, GDALRasterBand *base, const Targets &targets, size_t level,
		      int band)
{
	GDALRasterBand *target = targets[level]->GetRasterBand(band), *source = base;
	GDALRasterBand *const *list = &target;
	if (level > 0 && cascades(base) &&
	    targets[level - 1]->GetRasterXSize() > targets[level]->GetRasterXSize())
		source = targets[level - 1]->GetRasterBand(band);
	double weight = static_cast<double>(source->GetXSize()) * source->GetYSize();
	return run(job, weight, [&](GDALProgressFunc fn, void *data) {
		       return GDALRegenerateOverviewsMultiBand(1, &source, 1, &list, job.method, fn,
							       data, nullptr);
	       }) == CE_None;
}

static bool run_band(Job &job, GDALRasterBand *source, const Targets &targets, int band)
{
	std::vector<GDALRasterBandH> list;
	for (const auto &target : targets)
		list.push_back(target->GetRasterBand(band));
	double weight = static_cast<double>(source->GetXSize()) * source->GetYSize();
	return run(job, weight * (1 + 1 / 3.0), [&](GDALProgressFunc fn, void *data) {
		       return GDALRegenerateOverviewsEx(source, static_cast<int>(list.size()),
							list.data(), job.method, fn, data, nullptr);
	       }) == CE_None;
}

static bool run_group(Job &job, const std::map<Indices, int> &bands, const Group &group,
		      const std::vector<bool> *wanted)
{
	const Scene &scene = job.dataset.scene();
	std::vector<bool> shown;
	std::vector<GDALRasterBand *> models = models_of(job.dataset, bands, group, shown);
	Targets targets;
	for (ozr_array *level : job.levels)
		targets.push_back(
			std::make_unique<Planes>(scene, level, group, models, job.skip_equal));
	Planes hidden(scene, ozr_image_level(scene.image.get(), 0), group, models, false);
	const char *nodata = job.dataset.GetMetadataItem("NODATA_VALUES", "");
	for (size_t i = 0; nodata != nullptr && i <= targets.size(); i++)
		(i < targets.size() ? *targets[i] : hidden)
			.SetMetadataItem("NODATA_VALUES", nodata);
	auto source = [&](size_t i) {
		return shown[i] ? models[i] : hidden.GetRasterBand(static_cast<int>(i) + 1);
	};
	auto is_wanted = [&](size_t i) { return wanted == nullptr || (*wanted)[i]; };
	/* All bands of a level before the next one: alpha may be among them. */
	for (size_t level = 0; level < targets.size(); level++)
		for (size_t i = 0; i < group.size(); i++)
			if (is_wanted(i) && is_for_multi_band(job.method, source(i)) &&
			    !run_level(job, source(i), targets, level, static_cast<int>(i) + 1))
				return false;
	for (size_t i = 0; i < group.size(); i++)
		if (is_wanted(i) && !is_for_multi_band(job.method, source(i)) &&
		    !run_band(job, source(i), targets, static_cast<int>(i) + 1))
			return false;
	return true;
}

/* Which planes of a group are chosen; whether any is. */
static bool choose_planes(const std::set<Indices> &chosen, const Group &group,
			  std::vector<bool> &wanted)
{
	wanted.clear();
	for (const Indices &plane : group)
		wanted.push_back(chosen.count(plane) != 0);
	return std::find(wanted.begin(), wanted.end(), true) != wanted.end();
}

static double plane_count(const Scene &scene, const ArrayInfo &array)
{
	double n = 1;
	for (unsigned d = 0; d < array.rank; d++)
		if (d != scene.view.x && d != scene.view.y)
			n *= static_cast<double>(array.shape[d]);
	return n;
}

/* For the levels of one plane, about. */
static double pixels_read(const Scene &scene, const std::vector<ozr_array *> &levels)
{
	ArrayInfo info = {};
	ozr_array_get_info(ozr_image_level(scene.image.get(), 0), &info);
	double n = 0;
	for (size_t i = 0; i < levels.size(); i++) {
		if (i > 0)
			ozr_array_get_info(levels[i - 1], &info);
		n += static_cast<double>(info.shape[scene.view.x]) *
		     static_cast<double>(info.shape[scene.view.y]);
	}
	return std::max(n, 1.0);
}

bool regenerate(Dataset &dataset, const std::vector<ozr_array *> &levels, const char *method,
		const std::vector<int> *bands, bool skip_equal, Progress progress)
{
	const Scene &scene = dataset.scene();
	std::map<Indices, int> shown = bands_of(scene);
	Job job = {dataset, levels, method, skip_equal, progress};
	int axis = group_axis(scene);
	ArrayInfo array = {};
	ozr_array_get_info(ozr_image_level(scene.image.get(), 0), &array);
	std::set<Indices> chosen;
	for (size_t i = 0; bands != nullptr && i < bands->size(); i++)
		chosen.insert(scene.view.planes[static_cast<size_t>((*bands)[i]) - 1]);
	job.all =
		pixels_read(scene, levels) *
		(bands != nullptr ? static_cast<double>(chosen.size()) : plane_count(scene, array));
	Indices at = {};
	do {
		Group group;
		std::vector<bool> wanted;
		for (uint64_t i = 0; i < (axis < 0 ? 1 : array.shape[axis]); i++) {
			group.push_back(at);
			if (axis >= 0)
				group.back()[axis] = i;
		}
		if (bands != nullptr && !choose_planes(chosen, group, wanted))
			continue;
		if (!run_group(job, shown, group, bands != nullptr ? &wanted : nullptr))
			return false;
	} while (next_plane(scene, array, axis, at));
	return true;
}
