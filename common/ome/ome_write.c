/* SPDX-License-Identifier: MIT */
/*
 * Writing the metadata of an image: 0.4 into the attributes of a Zarr v2
 * group, 0.5 under `ome` in those of a v3 group. Members that are there and
 * are not ours stay.
 */
#include <string.h>

#include "array/dtype.h"
#include "ome/axes.h"
#include "ome/making.h"
#include "ome/ome_meta.h"
#include "ozr/ozr.h"

static struct ozr_json *write_axes(const struct ozr_image_info *info)
{
	struct ozr_json *list = ozr_json_array();
	int bad = 0;

	for (unsigned d = 0; d < info->rank; d++) {
		struct ozr_json *axis = ozr_json_object();
		const char *type = ozr_axis_type(info->axes[d].kind);
		bad |= ozr_json_set_text(axis, "name", info->axes[d].name);
		if (type != NULL)
			bad |= ozr_json_set_text(axis, "type", type);
		if (info->axes[d].unit[0] != '\0')
			bad |= ozr_json_set_text(axis, "unit", info->axes[d].unit);
		bad |= ozr_json_append(list, axis);
	}
	if (bad != 0) {
		ozr_json_free(list);
		return NULL;
	}
	return list;
}

static struct ozr_json *write_datasets(const struct ozr_image *img)
{
	struct ozr_json *list = ozr_json_array();
	int bad = 0;

	for (unsigned i = 0; i < img->info.levels; i++) {
		const struct ozr_level *l = &img->level[i];
		struct ozr_json *dataset = ozr_json_object();
		bad |= ozr_json_set_text(dataset, "path", l->path);
		bad |= ozr_json_set(dataset, "coordinateTransformations",
				    ozr_transform_write(img->info.rank, l->scale, l->translation));
		bad |= ozr_json_append(list, dataset);
	}
	if (bad != 0) {
		ozr_json_free(list);
		return NULL;
	}
	return list;
}

/* How the levels were made: what a later refresh needs to make the same bytes again. */
static int write_method(struct ozr_json *o, const struct ozr_image *img)
{
	static const char *const methods[] = {
		[OZR_MEAN] = "ozr mean of the elements inside, ties to even",
		[OZR_NEAREST] = "ozr first element",
		[OZR_MODE] = "ozr most frequent element, the smallest of equals",
	};
	const char *how = img->making != NULL && img->making->taken
				  ? "none: the levels were taken as they were"
				  : methods[img->method];
	int bad = ozr_json_set_text(o, "method", how) |
		  ozr_json_set_text(o, "version", ozr_version());

	ozr_json_remove(o, "alpha");
	ozr_json_remove(o, "nodata");
	if (img->alpha > 0 && img->method == OZR_MEAN)
		bad |= ozr_json_set(o, "alpha", ozr_json_u64(img->alpha - 1));
	if (img->has_nodata)
		bad |= ozr_json_set(o, "nodata", ozr_fill_json(img->nodata, img->info.dtype, 3));
	return bad;
}

int ozr_ome_write_rules(struct ozr_json *multiscale, const struct ozr_image *img)
{
	static const char *const types[] = {
		[OZR_MEAN] = "mean", [OZR_NEAREST] = "nearest", [OZR_MODE] = "mode"};
	struct ozr_json *metadata = ozr_json_child(multiscale, "metadata");
	struct ozr_jref r = ozr_jroot(metadata);
	int bad = ozr_json_set_text(multiscale, "type", types[img->method]);

	if (metadata == NULL || !ozr_jis(&r, OZR_JSON_OBJECT)) {
		bad |= ozr_json_set(multiscale, "metadata", ozr_json_object());
		metadata = ozr_json_child(multiscale, "metadata");
	}
	return bad != 0 ? bad : write_method(metadata, img);
}

static struct ozr_json *write_multiscales(const struct ozr_image *img, const char *version)
{
	struct ozr_json *list = ozr_json_array(), *o = ozr_json_object();
	int bad = ozr_json_set_text(o, "name", img->info.name);

	if (version != NULL)
		bad |= ozr_json_set_text(o, "version", version);
	bad |= ozr_json_set(o, "axes", write_axes(&img->info)) |
	       ozr_json_set(o, "datasets", write_datasets(img));
	bad |= ozr_ome_write_rules(o, img);
	bad |= ozr_json_append(list, o);
	if (bad != 0) {
		ozr_json_free(list);
		return NULL;
	}
	return list;
}

/* What is there stays (a copied label has its colors there); what it lacks is added. */
static int write_label(struct ozr_json *holder, const struct ozr_image *img, const char *version)
{
	struct ozr_json *o = ozr_json_child(holder, "image-label");
	struct ozr_jref r = ozr_jroot(o);

	if (o == NULL || !ozr_jis(&r, OZR_JSON_OBJECT)) {
		if (ozr_json_set(holder, "image-label", ozr_json_object()) != 0)
			return -1;
		o = ozr_json_child(holder, "image-label");
	}
	int bad = version != NULL ? ozr_json_set_text(o, "version", version) : 0;
	int is_placed = strstr(img->path, "labels/") != NULL ||
			(img->making != NULL && img->making->list_name != NULL);
	if (is_placed && ozr_json_child(o, "source") == NULL) {
		struct ozr_json *source = ozr_json_object(); /* "../../" is the image */
		bad |= ozr_json_set_text(source, "image", "../../");
		bad |= ozr_json_set(o, "source", source);
	}
	return bad;
}

/* The object that takes multiscales: attributes, or its member `ome`, made when missing. */
static struct ozr_json *holder_of(struct ozr_json *attributes, int ome_version)
{
	if (ome_version == 4)
		return attributes;
	struct ozr_json *ome = ozr_json_child(attributes, "ome");
	struct ozr_jref r = ozr_jroot(ome);
	if (ome != NULL && ozr_jis(&r, OZR_JSON_OBJECT))
		return ome;
	if (ozr_json_set(attributes, "ome", ozr_json_object()) != 0)
		return NULL;
	return ozr_json_child(attributes, "ome");
}

int ozr_ome_write(struct ozr_json *attributes, int ome_version, const struct ozr_image *img,
		  struct ozr_json *omero, struct ozr_err *err)
{
	struct ozr_json *holder = holder_of(attributes, ome_version);
	const char *inner = ome_version == 4 ? "0.4" : NULL; /* 0.5 has one version only */
	int bad = holder == NULL;

	if (ome_version != 4)
		bad |= ozr_json_set_text(holder, "version", "0.5");
	bad |= ozr_json_set(holder, "multiscales", write_multiscales(img, inner));
	if (img->info.is_label)
		bad |= write_label(holder, img, inner);
	if (omero != NULL)
		bad |= ozr_json_set(holder, "omero", omero);
	return bad != 0 ? ozr_fail(err, OZR_NO_MEMORY, "no memory for the metadata of the image")
			: OZR_OK;
}
