/* SPDX-License-Identifier: MIT */
/*
 * What a twin needs of an image's options: left open, it is filled in; given
 * otherwise, it is refused, before anything is made.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/ckd.h"
#include "base/ctx.h"
#include "twin/geometry.h"

enum { TILE = 512, TILE_UNIT = 16, SMALL = 256 };

/* What AUTO means. */
static enum ozr_twin_samples find_samples(const struct ozr_image_options *opt,
					  const struct ozr_twin_geometry *axes)
{
	unsigned n = opt->channels;
	int pixels = axes->c >= 0 && opt->channel != NULL &&
		     (opt->dtype == OZR_UINT8 || opt->dtype == OZR_UINT16) &&
		     opt->shape[axes->c] == n && ozr_twin_is_rgb(opt->channel, n) &&
		     (n == 3 || opt->alpha == 4);

	return pixels ? OZR_TWIN_PIXELS : OZR_TWIN_PAGES;
}

static void complete_chunk(struct ozr_image_options *opt, const struct ozr_twin_geometry *axes,
			   enum ozr_twin_samples samples)
{
	for (unsigned d = 0; d < opt->rank; d++) {
		if (opt->chunk[d] != 0)
			continue;
		opt->chunk[d] = 1;
		if (d == axes->y || d == axes->x)
			opt->chunk[d] = ozr_min_u64(TILE, ozr_ceil_div(opt->shape[d], TILE_UNIT) *
								  TILE_UNIT);
		else if ((int)d == axes->c && samples == OZR_TWIN_PIXELS)
			opt->chunk[d] = opt->shape[d];
	}
}

static void complete_order(struct ozr_image_options *opt, const struct ozr_twin_geometry *axes)
{
	unsigned n = 0;

	for (unsigned d = 0; d < opt->rank; d++)
		if (opt->order[d] != 0)
			return; /* given: the check of the geometry says whether it goes */
	for (unsigned d = 0; d < opt->rank; d++)
		if ((int)d != axes->c)
			opt->order[n++] = d;
	opt->order[n] = (unsigned)axes->c;
}

static int complete_factors(struct ozr_image_options *opt, const struct ozr_twin_geometry *axes,
			    struct ozr_twin_storage *storage, struct ozr_err *err)
{
	if (opt->level_plan != NULL)
		return OZR_OK;
	if (opt->factors == NULL) {
		for (unsigned d = 0; d < opt->rank; d++)
			storage->factors[d] =
				(d == axes->y || d == axes->x) && opt->shape[d] > 1 ? 2 : 1;
		opt->factors = storage->factors;
		opt->factor_sets = 1;
		return OZR_OK;
	}
	for (unsigned i = 0; i < opt->factor_sets; i++)
		for (unsigned d = 0; d < opt->rank; d++) {
			unsigned f = opt->factors[i * opt->rank + d];
			if (f > 1 && d != axes->y && d != axes->x)
				return ozr_fail(err, OZR_UNSUPPORTED,
						"axis '%s': a factor of %u; levels of a twin are "
						"smaller in y and x only",
						opt->axes[d].name, f);
		}
	return OZR_OK;
}

/* As many as make planes small: the depth of a stack does not count. */
static void complete_levels(struct ozr_image_options *opt, const struct ozr_twin_geometry *axes)
{
	uint64_t h = opt->shape[axes->y], w = opt->shape[axes->x];
	unsigned n = 1;

	if (opt->levels != 0 || opt->level_plan != NULL || opt->factor_sets == 0)
		return;
	while ((h > SMALL || w > SMALL) && n < OZR_TWIN_LEVELS_MOST) {
		unsigned row = n - 1 < opt->factor_sets ? n - 1 : opt->factor_sets - 1;
		const unsigned *f = opt->factors + (size_t)row * opt->rank;
		if ((f[axes->y] < 2 || h == 1) && (f[axes->x] < 2 || w == 1))
			break;
		h = ozr_ceil_div(h, ozr_max_u64(f[axes->y], 1));
		w = ozr_ceil_div(w, ozr_max_u64(f[axes->x], 1));
		n++;
	}
	opt->levels = (int)n;
}

/* Would the image that these options make have the right shape? */
static int check_result(const struct ozr_image_options *opt, enum ozr_twin_samples samples,
			struct ozr_err *err)
{
	struct ozr_level_plan plan[OZR_TWIN_LEVELS_MOST];
	struct ozr_twin_shape s = {.rank = opt->rank, .dtype = opt->dtype, .plain = 1};
	struct ozr_twin_geometry g;
	unsigned sum = 0;

	int rc = ozr_image_plan(opt, plan, OZR_TWIN_LEVELS_MOST, &s.levels, err);
	if (rc != OZR_OK)
		return rc;
	memcpy(s.axes, opt->axes, sizeof(s.axes));
	s.codec = opt->codec.codec;
	for (unsigned d = 0; d < opt->rank; d++)
		sum |= opt->order[d];
	for (unsigned d = 0; d < opt->rank; d++)
		s.order[d] = sum != 0 ? opt->order[d] : d;
	for (unsigned i = 0; i < s.levels; i++) {
		memcpy(s.shape[i], plan[i].shape, sizeof(s.shape[i]));
		memcpy(s.chunk[i], plan[i].chunk, sizeof(s.chunk[i]));
		memcpy(s.shard[i], plan[i].shard, sizeof(s.shard[i]));
	}
	return ozr_twin_geometry(&s, samples, &g, err);
}

static int complete(struct ozr_image_options *opt, const struct ozr_twin_options *how,
		    struct ozr_twin_storage *storage, struct ozr_err *err)
{
	enum ozr_twin_samples samples = how != NULL ? how->samples : OZR_TWIN_AUTO;
	struct ozr_twin_geometry axes;

	if (opt->ome_version != 0 && opt->ome_version != 5)
		return ozr_fail(err, OZR_UNSUPPORTED, "it is OME-Zarr 0.5, not %s",
				opt->ome_version == 4 ? "0.4" : "another version");
	int rc = ozr_twin_axes(opt->rank, opt->axes, &axes, err);
	if (rc != OZR_OK)
		return rc;
	if (samples == OZR_TWIN_AUTO)
		samples = find_samples(opt, &axes);
	if (axes.c < 0 || opt->shape[axes.c] == 1)
		samples = OZR_TWIN_PAGES; /* all the same */
	if (opt->codec.codec[0] == '\0')
		snprintf(opt->codec.codec, sizeof(opt->codec.codec), "zstd");
	complete_chunk(opt, &axes, samples);
	if (samples == OZR_TWIN_PIXELS)
		complete_order(opt, &axes);
	rc = complete_factors(opt, &axes, storage, err);
	if (rc != OZR_OK)
		return rc;
	complete_levels(opt, &axes);
	return check_result(opt, samples, err);
}

int ozr_twin_complete(struct ozr_image_options *opt, const struct ozr_twin_options *how,
		      struct ozr_twin_storage *storage, struct ozr_err *err)
{
	struct ozr_image_options o = *opt;

	int rc = complete(&o, how, storage, err);
	if (rc != OZR_OK)
		return ozr_err_context(err, rc, "a twin cannot be made");
	*opt = o;
	return OZR_OK;
}
