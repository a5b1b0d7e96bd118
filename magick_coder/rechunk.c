/* SPDX-License-Identifier: MIT */
/*
 * See rechunk.h. The new store is made beside the old one and takes its place
 * at the end; what the group says besides levels comes along.
 */
#include "rechunk.h"

#include "describe.h"

#include <stdio.h>

struct remade {
	struct ozr_origin *origin;
	char *attributes; /* of the group */
	unsigned factors[(MOST_LEVELS - 1) * OZR_MAX_RANK];
};

static const char *group_attributes(void *user, int level, const char *path, const uint64_t *shape,
				    const double *scale, const double *translation)
{
	const struct remade *r = user;

	(void)path, (void)shape, (void)scale, (void)translation;
	return level < 0 ? r->attributes : NULL;
}

/* The options of a store like it, with other chunks and levels. */
static int plan_again(const struct writing *w, struct ozr_image *image, struct remade *r,
		      struct ozr_image_options *o, struct ozr_err *err)
{
	struct ozr_array_info array;
	int rc, z = -1;

	ozr_array_get_info(ozr_image_level(image, 0), &array);
	ozr_origin_options(r->origin, o);
	o->codec = w->options.codec;
	if (!o->codec.codec[0] && strlen(array.codec) < sizeof(o->codec.codec))
		memcpy(o->codec.codec, array.codec, strlen(array.codec) + 1);
	o->no_shards = w->options.no_shards;
	o->levels = w->options.levels;
	o->factors = NULL;
	o->factor_sets = 0;
	o->attributes = group_attributes;
	o->user = r;
	rc = ozr_origin_attributes(r->origin, o->ome_version, &r->attributes, err);
	if (rc == OZR_OK)
		rc = describe_extents(&w->options.rechunk_to, "rechunk", o->rank, o->axes, o->chunk,
				      err);
	for (unsigned d = 0; d + 2 < o->rank; d++)
		if (strcmp(o->axes[d].name, "z") == 0)
			z = (int)d;
	/* 1 without a unit is what an unknown distance is written as */
	if (rc == OZR_OK && z >= 0 && o->scale[z] == 1 && !o->axes[z].unit[0])
		rc = describe_levels_as_cubes(o, r->factors, err);
	return rc;
}

static int copy_image(struct writing *w, struct ozr_image *image, struct remade *r,
		      struct ozr_err *err)
{
	struct ozr_image *made = NULL;
	struct ozr_image_options o;
	struct ozr_source source;
	struct ozr_call call;
	int rc = plan_again(w, image, r, &o, err);

	if (rc == OZR_OK)
		rc = ozr_image_create_dir(w->ctx, w->target.path, 1, OZR_FLUSH_NONE, &o, &made,
					  err);
	if (rc == OZR_OK) {
		ozr_origin_source(r->origin, 0, 0, &source);
		meter_call(&w->meter, &call);
		call.budget = writing_budget(0);
		rc = ozr_pyramid_pull(made, &source, &call, err);
	}
	if (rc == OZR_OK)
		rc = ozr_image_commit(made, NULL, err);
	ozr_image_close(made);
	return rc;
}

int rechunk(struct writing *w, struct ozr_err *err)
{
	struct ozr_image *image = NULL;
	struct remade *r = AcquireMagickMemory(sizeof(*r));
	int rc;

	if (!r)
		return ozr_fail(err, OZR_NO_MEMORY, "no memory for options");
	memset(r, 0, sizeof(*r));
	rc = ozr_image_open_dir(w->ctx, w->target.path, "", OZR_READ, &image, err);
	if (rc == OZR_OK)
		rc = ozr_origin_new(image, NULL, &r->origin, err);
	if (rc == OZR_OK)
		rc = copy_image(w, image, r, err);
	ozr_origin_free(r->origin);
	ozr_image_close(image);
	ozr_text_free(r->attributes);
	(void)RelinquishMagickMemory(r);
	return rc == OZR_OK ? rc : ozr_err_context(err, rc, "-define omezarr:rechunk");
}
