/* SPDX-License-Identifier: MIT */
/*
 * An image as what another one is made of: its options, and its levels as
 * sources. Axes are put into the order that the specification wants (old
 * images have others), and those that are cut go: boxes are translated when
 * they are read.
 */
#include "ome/origin.h"

#include <stdlib.h>
#include <string.h>

#include "ome/axes.h"

/* --- axes ---------------------------------------------------------------------------- */

static unsigned place_of(enum ozr_axis_kind kind)
{
	return kind == OZR_AXIS_TIME ? 0 : kind == OZR_AXIS_SPACE ? 2 : 1;
}

static int choose_axes(struct ozr_origin *o, struct ozr_err *err)
{
	const struct ozr_image_info *info = &o->img->info;
	struct ozr_axis axes[OZR_MAX_RANK];

	for (unsigned place = 0; place < 3; place++)
		for (unsigned d = 0; d < info->rank; d++)
			if (!o->part.cut[d] && place_of(info->axes[d].kind) == place)
				o->axis[o->rank++] = d;
	for (unsigned i = 0; i < o->rank; i++)
		axes[i] = info->axes[o->axis[i]];
	int rc = ozr_axes_check(o->rank, axes, err);
	if (rc == OZR_BAD_ARG && err != NULL)
		err->code = OZR_UNSUPPORTED;
	return rc == OZR_BAD_ARG ? OZR_UNSUPPORTED : rc;
}

static int check_part(const struct ozr_origin *o, struct ozr_err *err)
{
	const struct ozr_image *img = o->img;

	if (o->part.level >= img->info.levels)
		return ozr_fail(err, OZR_BAD_ARG, "level %u, the image has %u", o->part.level,
				img->info.levels);
	for (unsigned d = 0; d < img->info.rank; d++)
		if (o->part.cut[d] && o->part.index[d] >= img->level[0].shape[d])
			return ozr_fail(err, OZR_BAD_ARG, "axis '%s': element %llu of %llu",
					img->info.axes[d].name,
					(unsigned long long)o->part.index[d],
					(unsigned long long)img->level[0].shape[d]);
	return OZR_OK;
}

/* --- levels -------------------------------------------------------------------------- */

static int step_fits(const struct ozr_origin *o, unsigned level)
{
	const struct ozr_level *before = o->level[level - 1].level, *l = o->level[level].level;

	for (unsigned i = 0; i < o->rank; i++) {
		unsigned d = o->axis[i], f = l->factor[d];
		if (f == 0 || (before->shape[d] + f - 1) / f != l->shape[d] ||
		    (f > 1 && o->img->info.axes[d].kind != OZR_AXIS_SPACE))
			return 0;
	}
	return 1;
}

static int list_levels(struct ozr_origin *o, struct ozr_err *err)
{
	struct ozr_ctx *ctx = o->img->ctx;

	o->levels = o->img->info.levels - o->part.level;
	o->level = ozr_calloc(ctx, o->levels, sizeof(*o->level), err);
	if (o->level == NULL)
		return ozr_alloc_failed(err);
	for (unsigned n = 0; n < o->levels; n++) {
		o->level[n].o = o;
		o->level[n].level = &o->img->level[o->part.level + n];
	}
	for (unsigned n = 1; n < o->levels; n++)
		if (!step_fits(o, n))
			return OZR_OK;
	if (o->levels == 1)
		return OZR_OK;
	o->factors = ozr_calloc(ctx, (uint64_t)(o->levels - 1) * o->rank, sizeof(*o->factors), err);
	if (o->factors == NULL)
		return ozr_alloc_failed(err);
	for (unsigned n = 1; n < o->levels; n++)
		for (unsigned i = 0; i < o->rank; i++)
			o->factors[(n - 1) * o->rank + i] = o->level[n].level->factor[o->axis[i]];
	return OZR_OK;
}

int ozr_origin_new(struct ozr_image *img, const struct ozr_part *part, struct ozr_origin **out,
		   struct ozr_err *err)
{
	struct ozr_err local;

	if (err == NULL)
		err = &local;
	struct ozr_origin *o = ozr_calloc(img->ctx, 1, sizeof(*o), err);
	if (o == NULL)
		return ozr_alloc_failed(err);
	o->img = img;
	if (part != NULL)
		o->part = *part;
	int rc = ozr_image_load(img, err);
	if (rc == OZR_OK)
		rc = check_part(o, err);
	if (rc == OZR_OK)
		rc = choose_axes(o, err);
	if (rc == OZR_OK)
		rc = list_levels(o, err);
	if (rc != OZR_OK) {
		ozr_origin_free(o);
		return ozr_err_context(err, rc, "copy '%s'", img->store->location);
	}
	*out = o;
	return OZR_OK;
}

void ozr_origin_free(struct ozr_origin *o)
{
	if (o == NULL)
		return;
	struct ozr_ctx *ctx = o->img->ctx;
	ozr_free(ctx, o->level);
	ozr_free(ctx, o->factors);
	ozr_free(ctx, o->plan);
	ozr_free(ctx, o);
}

/* --- options -------------------------------------------------------------------------- */

void ozr_origin_options(const struct ozr_origin *o, struct ozr_image_options *out)
{
	const struct ozr_image *img = o->img;
	const struct ozr_level *l = o->level[0].level;
	struct ozr_image_options opt = {.ome_version = 5, .rank = o->rank};

	/* Bare arrays have no version, but a format. */
	struct ozr_array_info a;
	ozr_array_get_info(l->array, &a);
	if (a.zarr_format == 2)
		opt.ome_version = 4;
	opt.name = img->info.name[0] != '\0' ? img->info.name : NULL;
	opt.dtype = img->info.dtype;
	for (unsigned i = 0; i < o->rank; i++) {
		unsigned d = o->axis[i];
		opt.axes[i] = img->info.axes[d];
		opt.shape[i] = l->shape[d];
		opt.scale[i] = l->scale[d];
		opt.translation[i] = l->translation[d];
	}
	memcpy(opt.fill, img->fill, sizeof(opt.fill));
	opt.method = img->method_known || img->info.is_label ? img->method : OZR_MEAN;
	if (img->channel_axis >= 0 && !o->part.cut[img->channel_axis] &&
	    img->alpha <= l->shape[img->channel_axis])
		opt.alpha = img->alpha;
	opt.has_nodata = img->has_nodata;
	memcpy(opt.nodata, img->nodata, sizeof(opt.nodata));
	opt.is_label = img->info.is_label;
	opt.omero = !opt.is_label;
	if (o->factors != NULL) {
		opt.levels = (int)o->levels;
		opt.factors = o->factors;
		opt.factor_sets = o->levels - 1;
	}
	*out = opt;
}

/* A factor by which level n may come from the one before it; 0: none does. */
static unsigned factor_of(const struct ozr_origin *o, unsigned n, unsigned d)
{
	const struct ozr_level *l = o->level[n].level, *before = o->level[n - 1].level;
	unsigned f = l->factor[d];
	uint64_t up;

	if (f == 0 || l->shape[d] == 0)
		return 0;
	up = (before->shape[d] + f - 1) / f;
	return l->shape[d] == up || l->shape[d] == before->shape[d] / f ? f : 0;
}

int ozr_origin_take_levels(struct ozr_origin *o, struct ozr_image_options *opt, struct ozr_err *err)
{
	const struct ozr_image *img = o->img;

	if (o->plan == NULL)
		o->plan = ozr_calloc(img->ctx, o->levels, sizeof(*o->plan), err);
	if (o->plan == NULL)
		return ozr_alloc_failed(err);
	for (unsigned n = 0; n < o->levels; n++)
		for (unsigned i = 0; i < o->rank; i++) {
			unsigned d = o->axis[i], f = n == 0 ? 1 : factor_of(o, n, d);
			const struct ozr_level *l = o->level[n].level;
			if (f == 0 || (f > 1 && img->info.axes[d].kind != OZR_AXIS_SPACE))
				return ozr_fail(err, OZR_UNSUPPORTED,
						"level %u cannot be taken as it is: axis '%s' has "
						"%llu elements, the level before %llu",
						o->part.level + n, img->info.axes[d].name,
						(unsigned long long)l->shape[d],
						(unsigned long long)l[-1].shape[d]);
			o->plan[n].shape[i] = l->shape[d];
			o->plan[n].factor[i] = f;
			o->plan[n].scale[i] = l->scale[d];
			o->plan[n].translation[i] = l->translation[d];
		}
	opt->levels = (int)o->levels;
	opt->level_plan = o->plan;
	opt->taken_levels = o->levels > 1;
	return OZR_OK;
}

unsigned ozr_origin_levels(const struct ozr_origin *o)
{
	return o->levels;
}

void ozr_origin_shape(const struct ozr_origin *o, unsigned level, uint64_t shape[OZR_MAX_RANK])
{
	for (unsigned i = 0; i < OZR_MAX_RANK; i++)
		shape[i] = i < o->rank && level < o->levels
				   ? o->level[level].level->shape[o->axis[i]]
				   : 0;
}

unsigned ozr_origin_axis(const struct ozr_origin *o, unsigned axis)
{
	return axis < o->rank ? o->axis[axis] : 0;
}

/* --- pixels ----------------------------------------------------------------------------- */

/* Element `index` of level 0 in another level: planes of a level that is reduced along this axis
 * stand for several. */
static uint64_t index_in(const struct ozr_image *img, const struct ozr_level *l, unsigned d,
			 uint64_t index)
{
	for (const struct ozr_level *step = img->level + 1; step <= l; step++)
		index /= step->factor[d] > 0 ? step->factor[d] : 1;
	return index < l->shape[d] ? index : l->shape[d] - 1;
}

static int read_box(void *user, const struct ozr_box *box, struct ozr_err *err)
{
	const struct ozr_origin_level *from = user;
	const struct ozr_origin *o = from->o;
	struct ozr_call call = {.threads = from->threads};
	struct ozr_box all = {.data = box->data, .dtype = box->dtype};

	for (unsigned d = 0; d < o->img->info.rank; d++) {
		all.start[d] =
			o->part.cut[d] ? index_in(o->img, from->level, d, o->part.index[d]) : 0;
		all.count[d] = 1;
		all.stride[d] = ozr_dtype_size(box->dtype);
	}
	for (unsigned i = 0; i < o->rank; i++) {
		all.start[o->axis[i]] = box->start[i];
		all.count[o->axis[i]] = box->count[i];
		all.step[o->axis[i]] = box->step[i];
		all.stride[o->axis[i]] = box->stride[i];
	}
	int rc = ozr_array_read(from->level->array, 1, &all, &call, err);
	return rc == OZR_OK ? rc : ozr_err_context(err, rc, "copy '%s'", o->img->store->location);
}

void ozr_origin_source(struct ozr_origin *o, unsigned level, unsigned threads,
		       struct ozr_source *out)
{
	struct ozr_array_info a;

	memset(out, 0, sizeof(*out));
	if (level >= o->levels)
		return;
	o->level[level].threads = threads;
	out->user = &o->level[level];
	out->read = read_box;
	ozr_array_get_info(o->level[level].level->array, &a);
	for (unsigned i = 0; i < o->rank; i++)
		out->block[i] = a.chunk[o->axis[i]];
}
