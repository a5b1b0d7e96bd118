/* SPDX-License-Identifier: MIT */
/*
 * Changing what an image says about itself: where its pixels are, how its
 * channels are named and shown, by which rules levels are made. In an image that
 * is stored the members are edited in place, so that what others keep beside
 * them survives; one that is being created writes them with its commit.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/ctx.h"
#include "ome/axes.h"
#include "ome/group.h"
#include "ome/making.h"
#include "ome/ome_meta.h"
#include "ome/omero.h"

struct edit {
	struct ozr_image *img;
	const struct ozr_image_changes *c;
	const struct ozr_json *members;                              /* c->attributes, or NULL */
	double (*scale)[OZR_MAX_RANK], (*translation)[OZR_MAX_RANK]; /* [levels]; NULL: as before */
};

static int no_memory(struct ozr_err *err)
{
	return ozr_fail(err, OZR_NO_MEMORY, "no memory for the metadata of the image");
}

/* The object that has multiscales and omero: `ome`, or the attributes themselves. */
static struct ozr_json *holder_of(struct ozr_json *attributes)
{
	struct ozr_json *ome = ozr_json_child(attributes, "ome");
	struct ozr_jref r = ozr_jroot(ome);

	return ome != NULL && ozr_jis(&r, OZR_JSON_OBJECT) &&
			       ozr_json_child(ome, "multiscales") != NULL
		       ? ome
		       : attributes;
}

/* --- transformations -------------------------------------------------------------- */

/* Where level l lies in level 0: how much coarser, and how far pixel 0 moves, in its pixels. A
 * level made of windows of f pixels moves by (f - 1) / 2; rounding must not hide that. */
static void relation(const struct ozr_level *base, const struct ozr_level *l, unsigned d, double *f,
		     double *shift)
{
	double usual;

	*f = l->scale[d] / base->scale[d];
	*shift = (l->translation[d] - base->translation[d]) / base->scale[d];
	if (fabs(*f - round(*f)) < 1e-9 * *f)
		*f = round(*f);
	usual = (*f - 1.0) / 2.0;
	if (fabs(*shift - usual) * base->scale[d] <=
	    1e-6 * base->scale[d] + 1e-12 * fabs(base->translation[d]))
		*shift = usual;
}

static int place_levels(const struct edit *e, struct ozr_err *err)
{
	const double *scale = e->c->scale, *translation = e->c->translation;
	const struct ozr_image *img = e->img;

	for (unsigned i = 0; i < img->info.levels; i++)
		for (unsigned d = 0; d < img->info.rank; d++) {
			double f = 1.0, shift = 0.0;
			if (i > 0)
				relation(&img->level[0], &img->level[i], d, &f, &shift);
			e->scale[i][d] = scale[d] * f;
			e->translation[i][d] = translation[d] + scale[d] * shift;
			if (!isfinite(e->scale[i][d]) || e->scale[i][d] <= 0.0 ||
			    !isfinite(e->translation[i][d]))
				return ozr_fail(err, OZR_BAD_ARG,
						"axis '%s': scale %g and translation %g cannot be "
						"stored for level %u",
						img->info.axes[d].name, scale[d], translation[d],
						i);
		}
	return OZR_OK;
}

static int check_units(const struct edit *e, struct ozr_err *err)
{
	const struct ozr_image *img = e->img;
	const char *const *unit = e->c->unit;
	int rc = OZR_OK;

	for (unsigned d = 0; rc == OZR_OK && unit != NULL && d < img->info.rank; d++) {
		if (unit[d] == NULL)
			continue;
		rc = ozr_text_check("the unit of an axis", unit[d], err);
		if (rc == OZR_OK && strlen(unit[d]) >= sizeof(img->info.axes[d].unit))
			rc = ozr_fail(err, OZR_BAD_ARG,
				      "axis '%s': the unit has %zu bytes, the limit is %zu",
				      img->info.axes[d].name, strlen(unit[d]),
				      sizeof(img->info.axes[d].unit) - 1);
	}
	return rc;
}

static int edit_axes(const struct edit *e, struct ozr_json *axes, struct ozr_err *err)
{
	const struct ozr_image *img = e->img;

	for (unsigned d = 0; d < img->info.rank; d++) {
		struct ozr_json *axis = ozr_json_element(axes, d);
		struct ozr_jref r = ozr_jroot(axis);
		if (!ozr_jis(&r, OZR_JSON_OBJECT))
			return ozr_fail(err, OZR_UNSUPPORTED,
					"the image has no axes as in 0.4 and 0.5");
		if (e->c->unit == NULL || e->c->unit[d] == NULL)
			continue;
		if (e->c->unit[d][0] == '\0')
			ozr_json_remove(axis, "unit");
		else if (ozr_json_set_text(axis, "unit", e->c->unit[d]) != 0)
			return no_memory(err);
	}
	return OZR_OK;
}

/* The transformations of the datasets say everything then: those that all levels share go. */
static int edit_placing(const struct edit *e, struct ozr_json *attributes, struct ozr_err *err)
{
	struct ozr_json *first =
		ozr_json_element(ozr_json_child(holder_of(attributes), "multiscales"), 0);
	struct ozr_json *datasets = ozr_json_child(first, "datasets");

	int rc = edit_axes(e, ozr_json_child(first, "axes"), err);
	if (rc != OZR_OK)
		return rc;
	for (unsigned i = 0; i < e->img->info.levels; i++) {
		struct ozr_json *dataset = ozr_json_element(datasets, i);
		struct ozr_jref r = ozr_jroot(dataset);
		if (!ozr_jis(&r, OZR_JSON_OBJECT))
			return ozr_fail(err, OZR_CHANGED, "the image has fewer levels now");
		if (ozr_json_set(dataset, "coordinateTransformations",
				 ozr_transform_write(e->img->info.rank, e->scale[i],
						     e->translation[i])) != 0)
			return no_memory(err);
	}
	ozr_json_remove(first, "coordinateTransformations");
	return OZR_OK;
}

static void take_placing(const struct edit *e)
{
	struct ozr_image *img = e->img;

	for (unsigned i = 0; i < img->info.levels; i++) {
		memcpy(img->level[i].scale, e->scale[i], sizeof(e->scale[i]));
		memcpy(img->level[i].translation, e->translation[i], sizeof(e->translation[i]));
	}
	for (unsigned d = 0; e->c->unit != NULL && d < img->info.rank; d++)
		if (e->c->unit[d] != NULL)
			ozr_text_fit(img->info.axes[d].unit, sizeof(img->info.axes[d].unit),
				     e->c->unit[d]);
}

/* --- channels ---------------------------------------------------------------------- */

static int edit_channel(const struct edit *e, struct ozr_json *channel, const struct ozr_channel *c)
{
	char color[8];
	int bad = ozr_json_set(channel, "active", ozr_json_bool(c->active));

	if (c->label[0] != '\0')
		bad |= ozr_json_set_text(channel, "label", c->label);
	if (c->has_color) {
		snprintf(color, sizeof(color), "%02X%02X%02X", c->rgb[0], c->rgb[1], c->rgb[2]);
		bad |= ozr_json_set_text(channel, "color", color);
	}
	if (c->has_window)
		bad |= ozr_omero_set_window(e->img->ctx, channel, c);
	return bad;
}

static int edit_naming(const struct edit *e, struct ozr_json *attributes, struct ozr_err *err)
{
	struct ozr_json *list =
		ozr_json_child(ozr_json_child(holder_of(attributes), "omero"), "channels");

	for (unsigned i = 0; i < e->c->channels; i++) {
		struct ozr_json *channel = ozr_json_element(list, i);
		struct ozr_jref r = ozr_jroot(channel);
		if (channel == NULL) /* no such channel, or no omero at all */
			return OZR_OK;
		if (ozr_jis(&r, OZR_JSON_OBJECT) &&
		    edit_channel(e, channel, &e->c->channel[i]) != 0)
			return no_memory(err);
	}
	return OZR_OK;
}

/* What the commit writes into omero, as long as the image is being created. */
static int take_naming(const struct edit *e, struct ozr_err *err)
{
	struct ozr_image *img = e->img;
	struct ozr_making *m = img->making;
	unsigned all = (unsigned)img->stats_count;
	unsigned k = e->c->channels < all ? e->c->channels : all;
	struct ozr_channel *given;

	if (!m->omero || k == 0)
		return OZR_OK;
	if (k > m->given_count) {
		given = ozr_resize(img->ctx, m->given, k * sizeof(*given), err);
		if (given == NULL)
			return ozr_alloc_failed(err);
		memset(given + m->given_count, 0, (k - m->given_count) * sizeof(*given));
		m->given = given;
		m->given_count = k;
	}
	for (unsigned i = 0; i < k; i++) {
		struct ozr_channel *to = &m->given[i];
		const struct ozr_channel *from = &e->c->channel[i];
		to->active = from->active;
		if (from->label[0] != '\0')
			memcpy(to->label, from->label, sizeof(to->label));
		if (from->has_color) {
			to->has_color = 1;
			memcpy(to->rgb, from->rgb, sizeof(to->rgb));
		}
		if (from->has_window) {
			to->has_window = 1;
			to->min = from->min;
			to->max = from->max;
			to->start = from->start;
			to->end = from->end;
		}
	}
	struct ozr_channel *shown =
		ozr_resize(img->ctx, img->channel, m->given_count * sizeof(*shown), err);
	if (shown == NULL)
		return ozr_alloc_failed(err);
	memcpy(shown, m->given, m->given_count * sizeof(*shown));
	img->channel = shown;
	img->info.channels = m->given_count;
	return OZR_OK;
}

/* --- rules ----------------------------------------------------------------------------- */

static void take_rules(struct ozr_image *img, const struct ozr_level_rules *rules)
{
	img->method = rules->method;
	img->method_known = 1;
	img->alpha = rules->alpha;
	img->has_nodata = rules->has_nodata;
	memset(img->nodata, 0, sizeof(img->nodata));
	if (rules->has_nodata)
		memcpy(img->nodata, rules->nodata, ozr_dtype_size(img->info.dtype));
}

static int edit_rules(const struct edit *e, struct ozr_json *attributes, struct ozr_err *err)
{
	struct ozr_json *first =
		ozr_json_element(ozr_json_child(holder_of(attributes), "multiscales"), 0);
	struct ozr_image as_if = *e->img;

	take_rules(&as_if, e->c->rules);
	return ozr_ome_write_rules(first, &as_if) == 0 ? OZR_OK : no_memory(err);
}

void ozr_image_rules(const struct ozr_image *img, struct ozr_level_rules *out)
{
	memset(out, 0, sizeof(*out));
	out->method = img->method;
	out->alpha = img->alpha;
	out->has_nodata = img->has_nodata;
	memcpy(out->nodata, img->nodata, sizeof(out->nodata));
}

/* --- all of it ------------------------------------------------------------------------- */

static int edit_all(void *arg, struct ozr_json *attributes, struct ozr_err *err)
{
	const struct edit *e = arg;
	int rc = OZR_OK;

	if (e->scale != NULL)
		rc = edit_placing(e, attributes, err);
	if (rc == OZR_OK && e->c->channels > 0 && !e->img->info.is_bare)
		rc = edit_naming(e, attributes, err);
	if (rc == OZR_OK && e->c->rules != NULL && !e->img->info.is_bare)
		rc = edit_rules(e, attributes, err);
	if (rc == OZR_OK && e->members != NULL)
		rc = ozr_attributes_merge(e->img->ctx, attributes, e->members, err);
	return rc;
}

static int check_all(void *arg, const struct ozr_node *node, struct ozr_err *err)
{
	const struct edit *e = arg;

	return ozr_image_still_opens(e->img, node, err);
}

static int check_window(const struct ozr_channel *c, unsigned i, struct ozr_err *err)
{
	if (!c->has_window || (isfinite(c->min) && isfinite(c->max) && c->min <= c->max &&
			       isfinite(c->start) && isfinite(c->end) && c->start < c->end))
		return OZR_OK;
	return ozr_fail(err, OZR_BAD_ARG, "channel %u: the window %g to %g in %g to %g is not one",
			i, c->start, c->end, c->min, c->max);
}

static int check_changes(const struct edit *e, struct ozr_err *err)
{
	const struct ozr_image_changes *c = e->c;
	int rc = OZR_OK;

	if ((e->img->flags & OZR_UPDATE) == 0)
		return ozr_fail(err, OZR_BAD_ARG, "the image is not open for update");
	rc = ozr_image_owned(e->img, err);
	if (rc != OZR_OK)
		return rc;
	if ((c->scale == NULL) != (c->translation == NULL))
		return ozr_fail(err, OZR_BAD_ARG, "scale and translation belong together");
	if (c->scale != NULL && e->img->info.is_bare)
		return ozr_fail(err, OZR_UNSUPPORTED, "a bare array has no transformation");
	if (c->rules != NULL && e->img->build != NULL)
		return ozr_fail(err, OZR_BAD_ARG, "the levels are being built already");
	if (c->rules != NULL && (c->rules->method < OZR_MEAN || c->rules->method > OZR_MODE))
		return ozr_fail(err, OZR_BAD_ARG, "method %d is not known", (int)c->rules->method);
	for (unsigned i = 0; rc == OZR_OK && i < c->channels; i++) {
		rc = check_window(&c->channel[i], i, err);
		if (rc != OZR_OK)
			break;
		const char *label = c->channel[i].label;
		rc = memchr(label, '\0', sizeof(c->channel[i].label)) == NULL
			     ? ozr_fail(err, OZR_BAD_ARG, "channel %u: the label has no end", i)
			     : ozr_text_check("the label of a channel", label, err);
	}
	return rc == OZR_OK && c->scale != NULL ? check_units(e, err) : rc;
}

static int prepare(struct edit *e, struct ozr_json **members, struct ozr_err *err)
{
	struct ozr_ctx *ctx = e->img->ctx;
	unsigned levels = e->img->info.levels;
	int rc = check_changes(e, err);

	if (rc == OZR_OK && e->c->scale != NULL) {
		e->scale = ozr_calloc(ctx, levels, sizeof(*e->scale), err);
		e->translation = ozr_calloc(ctx, levels, sizeof(*e->translation), err);
		rc = e->scale != NULL && e->translation != NULL ? place_levels(e, err)
								: ozr_alloc_failed(err);
	}
	if (rc == OZR_OK && e->c->attributes != NULL)
		rc = ozr_attributes_parse(ctx, e->c->attributes, members, err);
	e->members = *members;
	return rc;
}

/* What has changed in the store, or will at the commit, in this handle too. */
static int take_all(const struct edit *e, struct ozr_err *err)
{
	struct ozr_image *img = e->img;
	int rc = OZR_OK;

	if (img->making != NULL && e->c->channels > 0)
		rc = take_naming(e, err);
	if (rc == OZR_OK && ozr_image_is_pending(img) && e->members != NULL)
		rc = ozr_attributes_merge(img->ctx, img->making->attributes, e->members, err);
	if (rc != OZR_OK)
		return rc;
	if (e->scale != NULL)
		take_placing(e);
	if (e->c->rules != NULL)
		take_rules(img, e->c->rules);
	if (!ozr_image_is_pending(img))
		ozr_image_refresh_info(img);
	return OZR_OK;
}

int ozr_image_change(struct ozr_image *img, const struct ozr_image_changes *changes,
		     struct ozr_err *err)
{
	struct edit e = {.img = img, .c = changes};
	const struct ozr_node_change change = {edit_all, check_all, &e};
	struct ozr_json *members = NULL;
	struct ozr_err local;

	if (err == NULL)
		err = &local;
	ozr_ctx_enter(img->ctx);
	int rc = prepare(&e, &members, err);
	if (rc == OZR_OK && !ozr_image_is_pending(img))
		rc = ozr_node_edit(img->store, img->path, &change, err);
	if (rc == OZR_OK)
		rc = take_all(&e, err);
	if (rc == OZR_OK)
		rc = ozr_making_place(img, err);
	ozr_json_free(members);
	ozr_free(img->ctx, e.scale);
	ozr_free(img->ctx, e.translation);
	return rc == OZR_OK ? rc : ozr_err_context(err, rc, "change the image");
}

int ozr_image_set_attributes(struct ozr_image *img, const char *json, struct ozr_err *err)
{
	const struct ozr_image_changes changes = {.attributes = json};

	return ozr_image_change(img, &changes, err);
}
