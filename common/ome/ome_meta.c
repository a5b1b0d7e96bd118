/* SPDX-License-Identifier: MIT */
/*
 * Parsing the multiscales metadata. An error is what leaves the pixels without
 * a place or a meaning (no datasets, a path outside, a vector of the wrong
 * length); everything else that the specification forbids is a note.
 */
#include "ome/ome_meta.h"

#include <string.h>

#include "base/key.h"
#include "ome/axes.h"
#include "ome/omero.h"

/* --- where the metadata is --------------------------------------------------- */

static int has_datasets(const struct ozr_jref *multiscales)
{
	struct ozr_jref first;

	if (!ozr_jis(multiscales, OZR_JSON_ARRAY) || !ozr_jfirst(multiscales, &first))
		return 0;
	struct ozr_jref datasets = ozr_jget(&first, "datasets");
	return datasets.v != NULL;
}

int ozr_ome_is_image(const struct ozr_jref *attributes)
{
	struct ozr_jref ome = ozr_jget(attributes, "ome");
	struct ozr_jref inner = ozr_jget(&ome, "multiscales");
	struct ozr_jref outer = ozr_jget(attributes, "multiscales");

	return ozr_jis(&inner, OZR_JSON_ARRAY) || has_datasets(&outer);
}

/* The object that holds "multiscales": /ome, or the attributes themselves. An `ome` whose
 * multiscales is broken still counts, so that the error speaks of it. */
static struct ozr_jref find_holder(const struct ozr_jref *attributes, int zarr_format,
				   struct ozr_notes *notes)
{
	struct ozr_jref ome = ozr_jget(attributes, "ome");
	struct ozr_jref inner = ozr_jget(&ome, "multiscales");
	struct ozr_jref outer = ozr_jget(attributes, "multiscales");

	if (inner.v == NULL && has_datasets(&outer)) {
		if (zarr_format == 3)
			ozr_note(notes, "multiscales stands in the attributes, where 0.5 wants it "
					"under 'ome'");
		return *attributes;
	}
	if (ome.v == NULL && zarr_format == 2)
		return *attributes;
	if (zarr_format == 2)
		ozr_note(notes, "multiscales stands under 'ome', which begins with Zarr v3");
	return ome;
}

/* --- parts -------------------------------------------------------------------- */

static const char *text_of(const struct ozr_jref *obj, const char *name)
{
	struct ozr_jref r = ozr_jget(obj, name);
	const char *text;

	return r.v != NULL && ozr_jstring(&r, &text, NULL) == OZR_OK ? text : NULL;
}

/* Without a version string, what the shape of the metadata says. */
static const char *version_by_shape(const struct ozr_jref *multiscale, int under_ome)
{
	struct ozr_jref systems = ozr_jget(multiscale, "coordinateSystems"), first;
	struct ozr_jref axes = ozr_jget(multiscale, "axes");

	if (systems.v != NULL)
		return "0.6";
	if (under_ome)
		return "0.5";
	if (!ozr_jfirst(&axes, &first))
		return "0.1";
	return ozr_jis(&first, OZR_JSON_STRING) ? "0.3" : "0.4";
}

static void parse_version(const struct ozr_jref *holder, const struct ozr_jref *multiscale,
			  int under_ome, struct ozr_notes *notes, char out[16])
{
	const char *outer = text_of(holder, "version"), *inner = text_of(multiscale, "version");
	const char *version = under_ome && outer != NULL ? outer : inner;

	if (under_ome && outer != NULL && inner != NULL && strcmp(outer, inner) != 0)
		ozr_note(notes, "ome says version '%.15s', its multiscales '%.15s'", outer, inner);
	if (version == NULL)
		version = version_by_shape(multiscale, under_ome);
	ozr_text_fit(out, 16, version);
}

int ozr_ome_method(const char *type, enum ozr_method *out)
{
	static const struct {
		const char *type;
		enum ozr_method method;
	} known[] = {
		{"mean", OZR_MEAN},       {"local_mean", OZR_MEAN}, {"average", OZR_MEAN},
		{"nearest", OZR_NEAREST}, {"stride", OZR_NEAREST},  {"mode", OZR_MODE},
		{"majority", OZR_MODE},
	};

	for (size_t i = 0; type != NULL && i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(type, known[i].type) == 0) {
			*out = known[i].method;
			return 1;
		}
	return 0;
}

static void parse_method(const struct ozr_jref *multiscale, struct ozr_ome *out)
{
	struct ozr_jref metadata = ozr_jget(multiscale, "metadata");
	struct ozr_jref nodata = ozr_jget(&metadata, "nodata");
	struct ozr_jref alpha = ozr_jget(&metadata, "alpha");

	if (alpha.v != NULL && ozr_ju64(&alpha, 0, UINT32_MAX, &out->alpha, NULL) == OZR_OK)
		out->alpha++;
	out->nodata = nodata.v;
	out->method = out->info.is_label ? OZR_MODE : OZR_MEAN;
	out->method_known = ozr_ome_method(text_of(multiscale, "type"), &out->method);
}

/* 0.6: the axes of the system that the datasets lead into, or else of the first one. */
static int parse_systems(const struct ozr_jref *systems, const struct ozr_jref *datasets,
			 struct ozr_notes *notes, struct ozr_image_info *info, struct ozr_err *err)
{
	struct ozr_jref dataset, transforms, transform, it, chosen = {0};
	const char *name = NULL;

	if (ozr_jfirst(datasets, &dataset)) {
		transforms = ozr_jget(&dataset, "coordinateTransformations");
		if (ozr_jfirst(&transforms, &transform)) {
			struct ozr_jref output = ozr_jget(&transform, "output");
			name = text_of(&transform, "output");
			if (name == NULL)
				name = text_of(&output, "name");
		}
	}
	int rc = ozr_jneed(systems, OZR_JSON_ARRAY, err);
	if (rc != OZR_OK)
		return rc;
	for (int more = ozr_jfirst(systems, &it); more; more = ozr_jnext(&it)) {
		const char *own = text_of(&it, "name");
		if (chosen.v == NULL || (name != NULL && own != NULL && strcmp(own, name) == 0))
			chosen = it;
	}
	struct ozr_jref axes = ozr_jget(&chosen, "axes");
	if (chosen.v == NULL)
		return ozr_jfail(systems, err, OZR_BAD_FORMAT, "must not be empty");
	return ozr_axes_parse(&axes, notes, &info->rank, info->axes, err);
}

static int parse_axes(const struct ozr_jref *multiscale, struct ozr_notes *notes,
		      struct ozr_image_info *info, struct ozr_err *err)
{
	struct ozr_jref axes = ozr_jget(multiscale, "axes");
	struct ozr_jref systems = ozr_jget(multiscale, "coordinateSystems");
	struct ozr_jref datasets = ozr_jget(multiscale, "datasets");

	if (axes.v != NULL)
		return ozr_axes_parse(&axes, notes, &info->rank, info->axes, err);
	if (systems.v != NULL)
		return parse_systems(&systems, &datasets, notes, info, err);
	if (strcmp(info->version, "0.1") != 0 && strcmp(info->version, "0.2") != 0)
		ozr_note(notes, "axes are missing, guessed from the number of dimensions");
	return OZR_OK;
}

/* One dataset: its path, and its own transformations followed by those of the multiscale. */
static int parse_dataset(const struct ozr_jref *dataset, const struct ozr_jref *common,
			 struct ozr_notes *notes, struct ozr_ome *o, struct ozr_dataset *out,
			 struct ozr_err *err)
{
	struct ozr_jref path = ozr_jget(dataset, "path");
	struct ozr_jref own = ozr_jget(dataset, "coordinateTransformations");
	struct ozr_err why;
	const char *text;

	int rc = ozr_jneed(dataset, OZR_JSON_OBJECT, err);
	if (rc == OZR_OK)
		rc = ozr_jstring(&path, &text, err);
	if (rc != OZR_OK)
		return rc;
	if (ozr_key_check(text, &why) != OZR_OK)
		return ozr_jfail(&path, err, OZR_BAD_FORMAT, "%s", why.msg);
	ozr_transform_identity(&out->t);
	if (o->info.rank == 0) {
		if (own.v != NULL || common->v != NULL)
			ozr_note(notes, "coordinateTransformations without axes are ignored");
	} else {
		if (own.v != NULL)
			rc = ozr_transform_parse(&own, o->info.rank, notes, &out->t, err);
		if (rc == OZR_OK && out->t.scales != 1 && strcmp(o->info.version, "0.4") >= 0)
			ozr_note(notes, "dataset '%.40s': has %u scales, the specification wants 1",
				 text, out->t.scales);
		if (rc == OZR_OK && common->v != NULL)
			rc = ozr_transform_parse(common, o->info.rank, notes, &out->t, err);
		if (rc != OZR_OK)
			return rc;
	}
	out->path = ozr_strdup(o->ctx, text, err);
	return out->path != NULL ? OZR_OK : ozr_alloc_failed(err);
}

static int parse_datasets(const struct ozr_jref *multiscale, struct ozr_notes *notes,
			  struct ozr_ome *o, struct ozr_err *err)
{
	struct ozr_jref list = ozr_jget(multiscale, "datasets"), it;
	struct ozr_jref common = ozr_jget(multiscale, "coordinateTransformations");
	struct ozr_jref systems = ozr_jget(multiscale, "coordinateSystems");
	unsigned limit = ozr_ctx_limits(o->ctx)->levels;

	int rc = ozr_jneed(&list, OZR_JSON_ARRAY, err);
	if (rc != OZR_OK)
		return rc;
	if (ozr_jcount(&list) == 0)
		return ozr_jfail(&list, err, OZR_BAD_FORMAT, "must not be empty");
	if (ozr_jcount(&list) > limit)
		return ozr_jfail(&list, err, OZR_LIMIT, "has %zu levels, the limit (levels) is %u",
				 ozr_jcount(&list), limit);
	if (systems.v != NULL)
		common.v = NULL; /* 0.6: those lead to other coordinate systems */
	o->dataset = ozr_calloc(o->ctx, ozr_jcount(&list), sizeof(*o->dataset), err);
	if (o->dataset == NULL)
		return ozr_alloc_failed(err);
	for (int more = ozr_jfirst(&list, &it); more; more = ozr_jnext(&it)) {
		rc = parse_dataset(&it, &common, notes, o, &o->dataset[o->info.levels], err);
		if (rc != OZR_OK)
			return rc;
		o->info.levels++;
	}
	return OZR_OK;
}

static int parse_holder(const struct ozr_jref *holder, int under_ome, struct ozr_notes *notes,
			struct ozr_ome *o, struct ozr_err *err)
{
	struct ozr_jref list = ozr_jget(holder, "multiscales"), first;
	struct ozr_jref omero = ozr_jget(holder, "omero");
	struct ozr_jref label = ozr_jget(holder, "image-label");

	int rc = ozr_jneed(&list, OZR_JSON_ARRAY, err);
	if (rc != OZR_OK)
		return rc;
	if (!ozr_jfirst(&list, &first))
		return ozr_jfail(&list, err, OZR_BAD_FORMAT, "must not be empty");
	if (ozr_jcount(&list) > 1)
		ozr_note(notes, "the group has %zu multiscales, the first one is shown",
			 ozr_jcount(&list));
	rc = ozr_jneed(&first, OZR_JSON_OBJECT, err);
	if (rc != OZR_OK)
		return rc;
	o->info.is_label = label.v != NULL;
	parse_version(holder, &first, under_ome, notes, o->info.version);
	const char *name = text_of(&first, "name");
	ozr_text_fit(o->info.name, sizeof(o->info.name), name != NULL ? name : "");
	parse_method(&first, o);
	rc = parse_axes(&first, notes, &o->info, err);
	if (rc == OZR_OK)
		rc = parse_datasets(&first, notes, o, err);
	if (rc == OZR_OK)
		rc = ozr_omero_parse(o->ctx, &omero, notes, &o->info, &o->channel, err);
	return rc;
}

int ozr_ome_parse(struct ozr_ctx *ctx, const struct ozr_jref *attributes, int zarr_format,
		  struct ozr_notes *notes, struct ozr_ome *out, struct ozr_err *err)
{
	struct ozr_ome o = {.ctx = ctx};

	int rc = ozr_jneed(attributes, OZR_JSON_OBJECT, err);
	if (rc != OZR_OK)
		return rc;
	struct ozr_jref holder = find_holder(attributes, zarr_format, notes);
	struct ozr_jref multiscales = ozr_jget(&holder, "multiscales");
	if (multiscales.v == NULL) {
		struct ozr_jref plate = ozr_jget(&holder, "plate");
		return ozr_jfail(attributes, err, OZR_BAD_FORMAT,
				 "no multiscales: %s, not an image",
				 plate.v != NULL ? "a plate" : "a group");
	}
	rc = parse_holder(&holder, holder.v != attributes->v, notes, &o, err);
	if (rc != OZR_OK) {
		ozr_ome_release(&o);
		return rc;
	}
	*out = o;
	return OZR_OK;
}

void ozr_ome_release(struct ozr_ome *o)
{
	if (o->ctx == NULL)
		return;
	for (unsigned i = 0; o->dataset != NULL && i < o->info.levels; i++)
		ozr_free(o->ctx, o->dataset[i].path);
	ozr_free(o->ctx, o->dataset);
	ozr_free(o->ctx, o->channel);
	memset(o, 0, sizeof(*o));
}
