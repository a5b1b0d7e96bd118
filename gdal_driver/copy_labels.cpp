/* SPDX-License-Identifier: MIT */
/*
 * The labels of an image that is copied: each is an image of its own, copied
 * with the same storage options, cut like its image. What else stands beside
 * the image in the store (tables, series, ...) stays behind, which is said.
 */
#include <cstring>

#include "copy_image.h"
#include "copy_levels.h"
#include "ozr/labels.h"
#include "subdatasets.h"

static bool fail(const ozr_err &err)
{
	report(err);
	return false;
}

/* Axis of an image by its name, or -1. */
static int axis_named(unsigned rank, const ozr_axis *axes, const char *name)
{
	for (unsigned d = 0; d < rank; d++)
		if (EQUAL(axes[d].name, name))
			return static_cast<int>(d);
	return -1;
}

/* --- which part ---------------------------------------------------------------------------- */

/* The level of a label whose pixels are those of the image's level; -1: there is none. */
static int level_of(const ImageCopy &copy, ozr_image *label)
{
	const Scene &scene = copy.source.scene();
	ImageInfo info = {};
	ArrayInfo mine = {}, theirs = {};
	ozr_image_get_info(label, &info);
	ozr_array_get_info(ozr_image_level(scene.image.get(), copy.part.level), &theirs);
	for (unsigned n = 0; n < info.levels; n++) {
		bool fits = true;
		ozr_array_get_info(ozr_image_level(label, n), &mine);
		for (unsigned d = 0; d < info.rank; d++) {
			int axis = axis_named(scene.info.rank, scene.info.axes, info.axes[d].name);
			if (axis >= 0 && info.axes[d].kind == OZR_AXIS_SPACE &&
			    copy.part.cut[axis] == 0)
				fits = fits && mine.shape[d] == theirs.shape[axis];
		}
		if (fits)
			return static_cast<int>(n);
	}
	return -1;
}

static void cut_axes(const ImageCopy &copy, ozr_image *label, ozr_part &part)
{
	const Scene &scene = copy.source.scene();
	ImageInfo info = {};
	ArrayInfo array = {};
	ozr_image_get_info(label, &info);
	ozr_array_get_info(ozr_image_level(label, 0), &array);
	for (unsigned d = 0; d < info.rank; d++) {
		int axis = axis_named(scene.info.rank, scene.info.axes, info.axes[d].name);
		if (axis < 0 || copy.part.cut[axis] == 0)
			continue;
		part.cut[d] = 1; /* one that is there once holds for all */
		part.index[d] = std::min(copy.part.index[axis], array.shape[d] - 1);
	}
}

/* --- options --------------------------------------------------------------------------------- */

/* Storage, units and pixel size as the image gets them, where the label has the same axis. */
static void plan_storage(const ImageCopy &copy, LabelCopy &label)
{
	const ImageOptions &image = copy.plan.image;
	ImageOptions &own = label.options;
	own.ome_version = image.ome_version;
	own.codec = image.codec;
	own.no_shards = image.no_shards;
	for (unsigned i = 0; i < own.rank; i++) {
		int d = axis_named(image.rank, image.axes, own.axes[i].name);
		if (d < 0)
			continue;
		bool larger = image.chunk[d] > own.shape[i];
		own.chunk[i] = larger ? own.shape[i] : image.chunk[d];
		own.shard[i] = larger && image.shard[d] != 0 ? own.shape[i] : image.shard[d];
		memcpy(own.axes[i].unit, image.axes[d].unit, sizeof(own.axes[i].unit));
		if (copy.plan.has_size && image.axes[d].kind == OZR_AXIS_SPACE) {
			own.scale[i] = image.scale[d];
			own.translation[i] = image.translation[d];
		}
	}
}

/* Levels: the label's own, unless options want others for the image. */
static void plan_levels(const ImageCopy &copy, LabelCopy &label)
{
	const ImageOptions &image = copy.plan.image;
	ImageOptions &own = label.options;
	bool asked = false;
	for (const char *key : {"PYRAMID", "LEVELS", "FACTORS"})
		asked = asked || CSLFetchNameValue(copy.request.options, key) != nullptr;
	asked = asked || copy.plan.overviews == Overviews::NONE;
	if (!asked)
		return;
	own.levels = image.levels;
	own.factors = nullptr;
	own.factor_sets = 0;
	for (unsigned row = 0; row < image.factor_sets; row++)
		for (unsigned i = 0; i < own.rank; i++) {
			int d = axis_named(image.rank, image.axes, own.axes[i].name);
			label.factors.push_back(
				d < 0 ? 1
				      : image.factors[row * image.rank + static_cast<unsigned>(d)]);
		}
	if (!label.factors.empty()) {
		own.factors = label.factors.data();
		own.factor_sets = image.factor_sets;
	}
}

static bool take_attributes(const ImageCopy &copy, LabelCopy &label)
{
	char *text = nullptr;
	ozr_err err = {};
	if (ozr_origin_attributes(label.origin.get(), copy.plan.image.ome_version, &text, &err) !=
	    OZR_OK)
		return fail(err);
	label.attributes = text;
	ozr_text_free(text);
	return true;
}

/* why is filled when this label stays behind. */
static bool plan_label(const ImageCopy &copy, const std::string &path, LabelCopy &label,
		       std::string &why)
{
	const Scene &scene = copy.source.scene();
	std::string inner = scene.inner + (scene.inner.empty() ? "" : "/") + path;
	ozr_image *image = nullptr;
	ozr_origin *origin = nullptr;
	ozr_err err = {};
	if (ozr_image_open(scene.store.get(), inner.c_str(), OZR_READ, &image, &err) != OZR_OK)
		return fail(err);
	label.image.reset(image);
	label.name = path.substr(path.rfind('/') + 1);
	ozr_part part = {};
	int level = level_of(copy, image);
	if (level < 0) {
		why = "its pixels are not those of the image";
		return true;
	}
	part.level = static_cast<unsigned>(level);
	cut_axes(copy, image, part);
	int rc = ozr_origin_new(image, &part, &origin, &err);
	label.origin.reset(origin);
	if (rc == OZR_UNSUPPORTED)
		why = err.msg;
	if (rc != OZR_OK)
		return rc == OZR_UNSUPPORTED ? true : fail(err);
	ozr_origin_options(origin, &label.options);
	label.size = 1;
	for (unsigned d = 0; d < label.options.rank; d++)
		label.size *= static_cast<double>(label.options.shape[d]);
	plan_storage(copy, label);
	plan_levels(copy, label);
	return take_levels(origin, copy.plan.overviews, label.options, copy.plan.threads,
			   label.levels) &&
	       take_attributes(copy, label);
}

/* --- what stays behind -------------------------------------------------------------------- */

namespace
{
/* Folders beside the levels. */
struct Beside {
	ozr_store *store;
	std::string root;
	ozr_image *image;
	std::string names;
};
} // namespace

static int is_foreign(void *arg, const char *name, int is_prefix)
{
	bool tiff = is_prefix == 0 && EQUAL(name, "tiff.ifd");
	*static_cast<bool *>(arg) = !tiff;
	return tiff ? 0 : 1;
}

/* The TIFF side of a twin, which has its folder for itself. A copy that is one makes its own. */
static bool is_tiff_side(const Beside &beside, const char *name)
{
	bool foreign = true;
	std::string folder = beside.root + (beside.root.empty() ? "" : "/") + name;
	return EQUAL(name, "OME") &&
	       ozr_store_list(beside.store, folder.c_str(), is_foreign, &foreign, nullptr) ==
		       OZR_OK &&
	       !foreign;
}

static int look_beside(void *arg, const char *name, int is_prefix)
{
	auto &beside = *static_cast<Beside *>(arg);
	ImageInfo info = {};
	ozr_image_get_info(beside.image, &info);
	bool known =
		!is_prefix || name[0] == '.' || EQUAL(name, "labels") || is_tiff_side(beside, name);
	for (unsigned n = 0; n < info.levels && !known; n++) {
		const char *path = ozr_image_level_path(beside.image, n);
		size_t first = strcspn(path, "/");
		known = strlen(name) == first && strncmp(name, path, first) == 0;
	}
	if (!known)
		beside.names += std::string(beside.names.empty() ? "'" : ", '") + name + "'";
	return 0;
}

/* Only where listing a store costs nothing. */
static std::string find_beside(const Scene &scene)
{
	ozr_store *store = scene.store.get();
	Beside beside = {store, scene.inner, scene.image.get(), ""};
	if ((store->caps & OZR_STORE_LIST) != 0 && (store->caps & OZR_STORE_REMOTE) == 0 &&
	    !scene.info.is_bare &&
	    ozr_store_list(store, scene.inner.c_str(), look_beside, &beside, nullptr) != OZR_OK)
		CPLDebug("OMEZarr", "'%s' cannot be listed", scene.name.c_str());
	return beside.names;
}

static bool say_what_stays(const ImageCopy &copy, const std::string &names)
{
	if (names.empty())
		return true;
	CPLError(copy.request.strict ? CE_Failure : CE_Warning, CPLE_NotSupported,
		 "'%s': not copied: %s", copy.source.scene().name.c_str(), names.c_str());
	return copy.request.strict == 0;
}

bool plan_labels(const ImageCopy &copy, std::vector<LabelCopy> &out)
{
	const Scene &scene = copy.source.scene();
	std::string lost = find_beside(scene);
	ozr_collection *opened = nullptr;
	ozr_err err = {};
	int rc = scene.info.is_bare || scene.info.is_label || copy.plan.image.is_label != 0
			 ? static_cast<int>(OZR_UNSUPPORTED)
			 : ozr_collection_open(scene.store.get(), scene.inner.c_str(), 4096,
					       nullptr, &opened, &err);
	if (rc == OZR_UNSUPPORTED)
		return say_what_stays(copy, lost);
	if (rc != OZR_OK)
		return fail(err);
	Collection collection(opened);
	for (size_t i = 0; i < ozr_collection_count(opened); i++) {
		std::string path = ozr_collection_member(opened, i)->path, why;
		LabelCopy label;
		if (!plan_label(copy, path, label, why))
			return false;
		if (why.empty())
			out.push_back(std::move(label));
		else
			lost += (lost.empty() ? "'" : ", '") + path + "' (" + why + ")";
	}
	for (unsigned i = 0; ozr_collection_warning(opened, i) != nullptr; i++)
		CPLError(CE_Warning, CPLE_AppDefined, "'%s': %s", scene.name.c_str(),
			 ozr_collection_warning(opened, i));
	return say_what_stays(copy, lost);
}

/* --- copying --------------------------------------------------------------------------------- */

static const char *attributes_of(void *user, int level, const char *, const uint64_t *,
				 const double *, const double *)
{
	return level < 0 ? static_cast<LabelCopy *>(user)->attributes.c_str() : nullptr;
}

bool copy_label(const ImageCopy &copy, LabelCopy &label, Creation &creation, double until)
{
	ozr_image *made = nullptr;
	ozr_err err = {};
	label.options.attributes = attributes_of;
	label.options.user = &label;
	if (!label.factors.empty()) /* the vector may have moved */
		label.options.factors = label.factors.data();
	int rc =
		ozr_label_create(creation.image(), label.name.c_str(), &label.options, &made, &err);
	if (rc != OZR_OK)
		return report_creation(copy.request.target, err, rc);
	Image image(made);
	if (!creation.pull(made, label.levels, until, nullptr))
		return false;
	rc = ozr_image_commit(made, nullptr, &err);
	return rc == OZR_OK || report_creation(copy.request.target, err, rc);
}
