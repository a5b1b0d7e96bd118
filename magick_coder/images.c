/* SPDX-License-Identifier: MIT */
/*
 * The list of images of a read: made before a pixel is read, so that
 * ImageMagick's limits speak first.
 */
#include "reading.h"

#include <stdlib.h>

/* How many bits a channel has: what other formats will write. Nothing reads whole numbers of 64 bits
 * again, nor are there so many bits without HDRI. */
static size_t depth_of(const struct reading *r, uint64_t channel)
{
	const size_t bits = 8 * (size_t)ozr_dtype_size(r->dtype);
	const size_t deepest = MAGICKCORE_QUANTUM_DEPTH < 16 ? MAGICKCORE_QUANTUM_DEPTH : 16;

	if (r->plan.view == VIEW_COMPOSITE)
		return deepest;
	if (r->dtype == OZR_BOOL && r->options.window == WINDOW_DEFAULT)
		return 1;
	if (window_is_raw(r, channel) && r->dtype != OZR_FLOAT32 && r->dtype != OZR_FLOAT64)
		return deepest;
	return bits <= 32 || (r->dtype == OZR_FLOAT64 && MAGICKCORE_HDRI_ENABLE) ? bits : 32;
}

static MagickBooleanType set_up(struct reading *r, size_t item)
{
	const struct plan *plan = &r->plan;
	Image *image = r->image[item];
	uint64_t index[OZR_MAX_RANK];

	plan_position(plan, plan->list[item], 0, index);
	image->columns = (size_t)plan->columns;
	image->rows = (size_t)plan->rows;
	image->scene = (size_t)plan->list[item];
	image->depth = depth_of(r, plan->channel_axis < 0 ? 0 : index[plan->channel_axis]);
	image_set_alpha(image, plan->view == VIEW_RGBA);
	/* Its own colors before its size: version 7 then takes one channel and not three. */
	if (plan->view == VIEW_GRAY &&
	    image_set_colorspace(image, GRAYColorspace, r->exception) == MagickFalse)
		return MagickFalse;
	if (image_set_extent(image, image->columns, image->rows, r->exception) == MagickFalse)
		return MagickFalse;
	properties_set(r, item);
	return MagickTrue;
}

/* ImageMagick looks at a file: its date and size are the image's, and the handler of `stream` is
 * attached. Its policy on paths and links is asked too. */
static MagickBooleanType open_document(struct reading *r, Image *image)
{
	char name[PATH_EXTENT];
	MagickBooleanType status;

	(void)CopyMagickString(name, image->filename, sizeof(name));
	if (CopyMagickString(image->filename, r->source.document, PATH_EXTENT) >= PATH_EXTENT) {
		struct ozr_err err;

		(void)CopyMagickString(image->filename, name, PATH_EXTENT);
		return report(r->exception, r->name,
			      ozr_fail(&err, OZR_LIMIT, "the path is longer than %d bytes",
				       PATH_EXTENT - 1),
			      &err);
	}
	status = OpenBlob(r->info, image, READ_BINARY, r->exception);
	(void)CopyMagickString(image->filename, name, PATH_EXTENT);
	return status;
}

static MagickBooleanType make_all(struct reading *r)
{
	for (size_t i = 0; i < r->plan.n; i++) {
		r->image[i] = i == 0 ? image_acquire(r->info, r->exception)
				     : image_acquire_next(r->info, r->image[i - 1], r->exception);
		if (!r->image[i])
			return MagickFalse;
		if (i == 0 && open_document(r, r->image[0]) == MagickFalse)
			return MagickFalse;
		if (set_up(r, i) == MagickFalse)
			return MagickFalse;
		if (i > 0 && SetImageProgress(r->image[0], "Load/Images", (MagickOffsetType)i,
					      r->plan.n) == MagickFalse) {
			struct ozr_err err;

			return report(r->exception, r->name,
				      ozr_fail(&err, OZR_CANCELLED, "cancelled"), &err);
		}
	}
	return MagickTrue;
}

MagickBooleanType images_make(struct reading *r)
{
	struct ozr_err err;

	r->image = calloc(r->plan.n, sizeof(*r->image));
	if (!r->image)
		return report(r->exception, r->name,
			      ozr_fail(&err, OZR_NO_MEMORY, "a list of %zu images", r->plan.n),
			      &err);
	if (make_all(r) != MagickFalse)
		return MagickTrue;
	if (r->exception->severity < ErrorException) /* it has not said why */
		return report(
			r->exception, r->name,
			ozr_fail(&err, OZR_NO_MEMORY, "an image of %zu cannot be made", r->plan.n),
			&err);
	return MagickFalse;
}

void images_destroy(struct reading *r)
{
	if (!r->image || !r->image[0])
		return;
	(void)DestroyImageList(r->image[0]);
	r->image[0] = NULL;
}
