/* SPDX-License-Identifier: MIT */
/*
 * What is to be made: pixel sizes, channels, chunks, levels.
 *
 * The size of a pixel comes from the define, from what the reader has noted,
 * or from density and units. Where the distance of planes is not known, they
 * are reduced along with the pixels, as if voxels were cubes; nothing else can
 * be guessed. An image that grows by planes has chunks, shards and reductions
 * that never take in two of them, so that a plane that was written stays as it
 * is.
 */
#include "describe.h"

#include <stdio.h>

#include "plan_view.h"
#include "restore.h"

enum { PLANE_SIDE = 512, PLANE_SIDE_V2 = 1024, SMALL_PLANE = 256 };
static const uint64_t most_shard = 64U << 20; /* bytes */

/* --- Sizes of pixels ----------------------------------------------------- */

static void set_scale(struct ozr_image_options *o, unsigned axis, double scale, const char *unit)
{
	o->scale[axis] = scale;
	(void)snprintf(o->axes[axis].unit, sizeof(o->axes[axis].unit), "%s", unit);
}

/* Micrometers of a pixel; 0: not known. */
static double density_size(const Image *image, int vertical)
{
	double x = 0, y = 0, unit;

	image_density(image, &x, &y);
	unit = image->units == PixelsPerInchResolution         ? 25400
	       : image->units == PixelsPerCentimeterResolution ? 10000
							       : 0;
	if (vertical)
		x = y;
	return x > 0 && unit / x < 1e300 && unit / x > 0 ? unit / x : 0;
}

/* 1: the distance of planes is known, or there are none. */
static int describe_scale(const struct write_options *options, const struct gathered *images,
			  const struct restored *restored, const struct layout *layout,
			  ExceptionInfo *exception, struct ozr_image_options *o)
{
	const char *unit = options->unit[0] ? options->unit : "micrometer";
	int known = layout_axis(layout, 'z') < 0;

	for (unsigned d = 0; d < layout->rank; d++) {
		const char name = layout->axes[d].name[0];
		const double pixel = name == 'x'   ? options->pixel_x
				     : name == 'y' ? options->pixel_y
				     : name == 'z' ? options->z_spacing
						   : 0;
		struct noted_place noted;
		const int is_noted = restore_place(images, restored, name, &noted, exception);

		if (pixel > 0)
			set_scale(o, d, pixel, unit);
		else if (is_noted)
			set_scale(o, d, noted.scale, noted.unit);
		else if ((name == 'x' || name == 'y') &&
			 density_size(images->image[0], name == 'y') > 0)
			set_scale(o, d, density_size(images->image[0], name == 'y'), "micrometer");
		if (is_noted && pixel == 0)
			o->translation[d] = noted.position;
		known = known || (name == 'z' && (pixel > 0 || is_noted));
	}
	return known;
}

/* --- Channels ------------------------------------------------------------ */

/* Red, green, blue and alpha in full windows. */
static void describe_colors(struct description *d, unsigned n)
{
	static const char *const label[] = {"R", "G", "B", "A"};
	const double full = color_white(d->image.dtype);

	for (unsigned i = 0; i < n; i++) {
		struct ozr_channel *c = &d->channel[i];

		(void)snprintf(c->label, sizeof(c->label), "%s", label[i]);
		c->has_color = 1;
		for (unsigned k = 0; k < 3; k++)
			c->rgb[k] = i == 3 || k == i ? 255 : 0;
		c->active = i < 3; /* viewers that know no alpha would add it as light */
		c->has_window = full > 0;
		c->max = c->end = full;
	}
	d->image.channels = n;
	d->image.channel = d->channel;
	if (n == 4 && d->image.dtype != OZR_UINT32 && full > 0)
		d->image.alpha = 4;
}

/* Gray channels: windows of their data, and labels that they had. */
static void describe_grays(struct description *d, const struct gathered *images,
			   const struct layout *layout, ExceptionInfo *exception)
{
	const int axis = layout_axis(layout, 'c');
	const uint64_t n = axis < 0 ? 1 : layout->shape[axis];
	int any = 0;

	d->image.omero = 1;
	if (axis < 0 || n > MOST_LABELS)
		return;
	for (unsigned i = 0; i < n; i++) {
		d->channel[i].active = 1;
		restore_label(images, i * layout->weight[axis], d->channel[i].label, exception);
		any = any || d->channel[i].label[0];
	}
	if (any) {
		d->image.channels = (unsigned)n;
		d->image.channel = d->channel;
	}
}

/* --- Chunks and levels --------------------------------------------------- */

int describe_extents(const struct extents *from, const char *key, unsigned rank,
		     const struct ozr_axis *axes, uint64_t out[OZR_MAX_RANK], struct ozr_err *err)
{
	if (from->n == 1) {
		for (unsigned d = 0; d < rank; d++)
			if (axes[d].kind == OZR_AXIS_SPACE)
				out[d] = from->size[0];
		return OZR_OK;
	}
	for (unsigned i = 0; i < from->n; i++) {
		if (i + rank >= from->n)
			out[i + rank - from->n] = from->size[i];
		else if (from->size[i] != 1)
			return ozr_fail(err, OZR_BAD_ARG,
					"-define omezarr:%s: %u numbers for an image of %u axes",
					key, from->n, rank);
	}
	return OZR_OK;
}

int describe_levels_as_cubes(struct ozr_image_options *image, unsigned *factors,
			     struct ozr_err *err)
{
	struct ozr_image_options as_cubes = *image;
	const unsigned rank = image->rank;
	struct ozr_level_plan *plan = AcquireQuantumMemory(MOST_LEVELS, sizeof(*plan));
	unsigned levels = 0;
	int rc;

	if (!plan)
		return ozr_fail(err, OZR_NO_MEMORY, "no memory for the levels");
	for (unsigned d = 0; d + 2 < rank; d++)
		if (image->axes[d].kind == OZR_AXIS_SPACE)
			set_scale(&as_cubes, d, image->scale[rank - 1], image->axes[rank - 1].unit);
	rc = ozr_image_plan(&as_cubes, plan, MOST_LEVELS, &levels, err);
	for (unsigned i = 1; rc == OZR_OK && i < levels; i++)
		memcpy(&factors[(size_t)(i - 1) * rank], plan[i].factor, rank * sizeof(*factors));
	plan = RelinquishMagickMemory(plan);
	if (rc != OZR_OK || levels < 2)
		return rc;
	image->levels = (int)levels;
	image->factors = factors;
	image->factor_sets = levels - 1;
	return OZR_OK;
}

/* --- Images that grow ---------------------------------------------------- */

static void default_to(uint64_t *extent, uint64_t value)
{
	if (*extent == 0)
		*extent = value;
}

/* One element on the axes before y and x, unless more is asked for; always on the one that grows. */
static void plane_chunks(struct ozr_image_options *o, unsigned axis)
{
	const uint64_t side = o->ome_version == 4 ? PLANE_SIDE_V2 : PLANE_SIDE;
	const unsigned y = o->rank - 2;

	o->chunk[axis] = 1;
	for (unsigned d = 0; d < y; d++)
		default_to(&o->chunk[d], 1);
	for (unsigned d = y; d < o->rank; d++)
		default_to(&o->chunk[d], o->shape[d] < side ? o->shape[d] : side);
}

/* A plane is one file, unless that is too large. */
static void plane_shards(struct ozr_image_options *o, unsigned axis)
{
	const unsigned y = o->rank - 2, x = o->rank - 1;
	const uint64_t columns = (o->shape[x] + o->chunk[x] - 1) / o->chunk[x];
	uint64_t rows = (o->shape[y] + o->chunk[y] - 1) / o->chunk[y], bytes;

	o->shard[axis] = 1;
	for (unsigned d = 0; d < y; d++)
		default_to(&o->shard[d], o->chunk[d]);
	default_to(&o->shard[x], columns * o->chunk[x]);
	bytes = o->chunk[y] * o->shard[x] * ozr_dtype_size(o->dtype); /* of a row of chunks */
	while (rows > 1 && rows > most_shard / bytes)
		rows = (rows + 1) / 2;
	default_to(&o->shard[y], rows * o->chunk[y]);
}

/* Nothing of two planes in one chunk, shard or pixel of a level. */
static void keep_planes_apart(struct description *d, unsigned axis)
{
	struct ozr_image_options *o = &d->image;
	const unsigned y = o->rank - 2;
	uint64_t size = o->shape[y] > o->shape[y + 1] ? o->shape[y] : o->shape[y + 1];

	plane_chunks(o, axis);
	if (o->ome_version != 4 && !o->no_shards)
		plane_shards(o, axis);
	for (unsigned a = 0; a < o->rank; a++)
		d->factors[a] = a < y ? 1 : 2;
	o->factors = d->factors;
	o->factor_sets = 1;
	if (o->levels == 0)
		for (o->levels = 1; size > SMALL_PLANE; size = (size + 1) / 2)
			o->levels++;
}

int describe(const struct write_options *options, const struct gathered *images,
	     const struct restored *restored, const struct layout *layout, enum ozr_dtype dtype,
	     const char *title, ExceptionInfo *exception, struct description *out,
	     struct ozr_err *err)
{
	struct ozr_image_options *o = &out->image;
	int known, rc;

	memset(out, 0, sizeof(*out));
	(void)snprintf(out->name, sizeof(out->name), "%s", *options->name ? options->name : title);
	o->name = out->name;
	o->ome_version = options->ome_version ? options->ome_version : 5;
	o->dtype = dtype;
	o->rank = layout->rank;
	memcpy(o->axes, layout->axes, sizeof(o->axes));
	memcpy(o->shape, layout->shape, sizeof(o->shape));
	known = describe_scale(options, images, restored, layout, exception, o);
	o->no_shards = options->no_shards;
	o->codec = options->codec;
	o->levels = options->levels;
	o->method = options->has_method ? options->method : OZR_MEAN;
	o->is_label = options->label;
	if (layout->components > 1)
		describe_colors(out, layout->components);
	else if (!options->label)
		describe_grays(out, images, layout, exception);
	rc = describe_extents(&options->chunk, "chunk", o->rank, o->axes, o->chunk, err);
	if (rc == OZR_OK)
		rc = describe_extents(&options->shard, "shard", o->rank, o->axes, o->shard, err);
	if (rc == OZR_OK && options->append)
		keep_planes_apart(out, (unsigned)growing_axis(o->rank, o->axes));
	else if (rc == OZR_OK && !known)
		rc = describe_levels_as_cubes(o, out->factors, err);
	return rc;
}
