/* SPDX-License-Identifier: MIT */
/*
 * Opening the levels of an image, which must fit together. Where each costs a
 * round trip and nobody writes, only level 0 is opened with the image, and the
 * others, together, when one of them is wanted: most readers of a window of
 * level 0 never ask. What an image is does not change by that; `later` tells
 * whether the levels above the first may be looked at.
 */
#include <math.h>
#include <sched.h>
#include <string.h>

#include "array/dtype.h"
#include "base/ckd.h"
#include "base/ctx.h"
#include "base/key.h"
#include "base/pool.h"
#include "ome/axes.h"
#include "ome/image_impl.h"

/* Open the array of a level and see whether it fits the image, of which nothing is changed. */
static int open_array(const struct ozr_image *img, unsigned i, struct ozr_array **out,
		      struct ozr_err *err)
{
	const struct ozr_level *l = &img->level[i];
	struct ozr_array_info a;
	char path[OZR_KEY_MAX + 1];

	int rc = ozr_key_join(path, img->path, l->path, err);
	if (rc == OZR_OK)
		rc = ozr_array_open(img->store, path, img->flags, out, err);
	if (rc == OZR_NOT_FOUND) /* the image promises it: not the same as "no image here" */
		rc = ozr_fail(err, OZR_BAD_FORMAT,
			      "no array there, but the metadata of the image "
			      "names it");
	if (rc != OZR_OK)
		return rc;
	ozr_array_get_info(*out, &a);
	if (img->info.rank != 0 && a.rank != img->info.rank)
		rc = ozr_fail(err, OZR_BAD_FORMAT, "has %u dimensions, the image has %u axes",
			      a.rank, img->info.rank);
	else if (i > 0 && a.dtype != img->info.dtype)
		rc = ozr_fail(err, OZR_BAD_FORMAT, "has data type %s, level 0 has %s",
			      ozr_dtype_name(a.dtype), ozr_dtype_name(img->info.dtype));
	if (rc != OZR_OK) {
		ozr_array_close(*out);
		*out = NULL;
	}
	return rc;
}

static int level_context(const struct ozr_image *img, unsigned i, int rc, struct ozr_err *err)
{
	char q[OZR_QUOTE_MAX];

	if (rc == OZR_OK)
		return rc;
	return ozr_err_context(err, rc, "level %u ('%s')", i,
			       ozr_quote(q, img->level[i].path, strlen(img->level[i].path)));
}

static void take_array(struct ozr_image *img, unsigned i, struct ozr_array *array)
{
	struct ozr_array_info a;

	ozr_array_get_info(array, &a);
	img->level[i].array = array;
	memcpy(img->level[i].shape, a.shape, sizeof(a.shape));
	if (i > 0)
		return;
	img->info.dtype = a.dtype;
	memcpy(img->fill, a.fill, sizeof(img->fill));
	if (img->info.rank == 0) { /* 0.1 and 0.2 have no axes */
		img->info.rank = a.rank;
		if (!ozr_axes_from_names(&a, img->info.axes))
			ozr_axes_default(a.rank, img->info.axes);
	}
}

static void note_names(struct ozr_image *img, unsigned i)
{
	struct ozr_array_info a;

	ozr_array_get_info(img->level[i].array, &a);
	for (unsigned d = 0; a.has_dim_names && d < a.rank; d++)
		if (a.dim_names[d][0] != '\0' &&
		    strcmp(a.dim_names[d], img->info.axes[d].name) != 0)
			ozr_note(&img->notes,
				 "level %u: dimension %u is named '%s', the axis of the image '%s'",
				 i, d, a.dim_names[d], img->info.axes[d].name);
}

static void note_sizes(struct ozr_image *img, unsigned i)
{
	for (unsigned d = 0; i > 0 && d < img->info.rank; d++)
		if (img->level[i].shape[d] > img->level[i - 1].shape[d])
			ozr_note(&img->notes, "level %u is larger than level %u on axis '%s'", i,
				 i - 1, img->info.axes[d].name);
}

static int fits(uint64_t before, uint64_t after, double factor)
{
	return factor >= 1.0 && factor <= 4294967295.0 &&
	       ozr_ceil_div(before, (uint64_t)factor) == after;
}

/* The whole number by which a level was made: from the scales where they agree with the
 * shapes, else from the shapes alone. */
static unsigned factor_between(const struct ozr_level *before, const struct ozr_level *l,
			       unsigned d)
{
	uint64_t from = before->shape[d], to = l->shape[d];
	double ratio = round(l->scale[d] / before->scale[d]);

	if (fits(from, to, ratio))
		return (unsigned)ratio;
	if (to == 0 || from <= to)
		return 1;
	uint64_t up = ozr_ceil_div(from, to);
	double f = fits(from, to, (double)up) ? (double)up : round((double)from / (double)to);
	return f < 4294967295.0 ? (unsigned)f : 4294967295u;
}

void ozr_image_complete_levels(struct ozr_image *img)
{
	unsigned levels = atomic_load(&img->later) == OZR_LEVELS_LATER ? 1 : img->info.levels;

	for (unsigned i = 0; i < levels; i++) {
		struct ozr_level *l = &img->level[i];
		for (unsigned d = 0; d < img->info.rank; d++) {
			if (l->scale[d] == 0.0) /* not given */
				l->scale[d] = l->shape[d] == 0
						      ? 1.0
						      : img->level[0].scale[d] *
								(double)img->level[0].shape[d] /
								(double)l->shape[d];
			l->factor[d] = i == 0 ? 1 : factor_between(&img->level[i - 1], l, d);
		}
	}
}

/* --- all but the first -------------------------------------------------------------- */

struct rest {
	const struct ozr_image *img;
	struct ozr_array **array; /* [levels]; the first stays NULL */
};

static int open_task(void *arg, size_t i, struct ozr_worker *w, struct ozr_err *err)
{
	const struct rest *r = arg;
	unsigned level = (unsigned)i + 1;

	(void)w;
	return level_context(r->img, level, open_array(r->img, level, &r->array[level], err), err);
}

/* By as many threads as the store takes requests. */
static int open_rest(const struct ozr_image *img, struct ozr_array **array, struct ozr_err *err)
{
	struct rest r = {img, array};
	unsigned wide = img->store->caps & OZR_STORE_REMOTE ? img->store->io_width : 1;

	return ozr_pool_for_wide(img->ctx, NULL, wide, img->info.levels - 1, open_task, &r, err);
}

static void take_rest(struct ozr_image *img, struct ozr_array **array)
{
	for (unsigned i = 1; i < img->info.levels; i++) {
		take_array(img, i, array[i]);
		array[i] = NULL;
		note_names(img, i);
		note_sizes(img, i);
	}
}

static void drop_rest(const struct ozr_image *img, struct ozr_array **array)
{
	for (unsigned i = 1; array != NULL && i < img->info.levels; i++)
		ozr_array_close(array[i]);
	ozr_free(img->ctx, array);
}

int ozr_image_load(struct ozr_image *img, struct ozr_err *err)
{
	int later = OZR_LEVELS_LATER;
	struct ozr_err local;

	if (err == NULL)
		err = &local;
	if (atomic_load(&img->later) == OZR_LEVELS_THERE)
		return OZR_OK;
	ozr_ctx_enter(img->ctx);
	struct ozr_array **array = ozr_calloc(img->ctx, img->info.levels, sizeof(*array), err);
	if (array == NULL)
		return ozr_alloc_failed(err);
	int rc = open_rest(img, array, err);
	/* No lock over I/O: of several threads the first to be ready wins, which costs the others
	 * some requests once. */
	if (rc == OZR_OK &&
	    atomic_compare_exchange_strong(&img->later, &later, OZR_LEVELS_COMING)) {
		take_rest(img, array);
		ozr_image_complete_levels(img);
		atomic_store(&img->later, OZR_LEVELS_THERE);
	}
	while (rc == OZR_OK && atomic_load(&img->later) != OZR_LEVELS_THERE)
		sched_yield(); /* the winner copies some hundred bytes */
	drop_rest(img, array);
	return rc == OZR_OK ? rc : ozr_err_context(err, rc, "open '%s'", img->store->location);
}

int ozr_image_open_levels(struct ozr_image *img, struct ozr_err *err)
{
	struct ozr_array *first = NULL, **array = NULL;
	int remote = (img->store->caps & OZR_STORE_REMOTE) != 0;

	int rc = level_context(img, 0, open_array(img, 0, &first, err), err);
	if (rc != OZR_OK)
		return rc;
	take_array(img, 0, first);
	note_names(img, 0);
	if (img->info.levels > 1 && remote && !(img->flags & OZR_UPDATE)) {
		atomic_store(&img->later, OZR_LEVELS_LATER);
	} else if (img->info.levels > 1) {
		array = ozr_calloc(img->ctx, img->info.levels, sizeof(*array), err);
		rc = array == NULL ? ozr_alloc_failed(err) : open_rest(img, array, err);
		if (rc == OZR_OK)
			take_rest(img, array);
		drop_rest(img, array);
	}
	if (rc == OZR_OK)
		ozr_image_complete_levels(img);
	return rc;
}
