/* SPDX-License-Identifier: MIT */
/*
 * Copying images: an origin is an image, or a part of one, seen as what a new
 * image is made of. It gives the options and the attributes of an image like
 * it, and its levels as sources of pixels:
 *
 *   ozr_origin_new(img, NULL, &o, err);
 *   ozr_origin_options(o, &opt);          change what is to be different
 *   ozr_origin_attributes(o, version, &text, err);     for opt.attributes
 *   ozr_image_create...(&opt, &made, err);
 *   ozr_origin_source(o, 0, 0, &src);
 *   ozr_pyramid_pull(made, &src, NULL, err);
 *
 * All axes come along in the order that the specification wants, named, with
 * units and transformation; in what is not said the copy gets the defaults.
 * Threads: an origin belongs to one thread; the image must outlive it.
 */
#ifndef OZR_COPY_H
#define OZR_COPY_H

#include "pyramid.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What of an image is meant. */
struct ozr_part {
	unsigned level;               /* it becomes level 0 */
	int cut[OZR_MAX_RANK];        /* 1: of this axis only element `index`; the axis goes */
	uint64_t index[OZR_MAX_RANK]; /* in level 0 of the image */
};

struct ozr_origin;

/* part NULL: all of it. OZR_UNSUPPORTED when no image with these axes can be written. */
OZR_API OZR_MUST_CHECK int ozr_origin_new(struct ozr_image *img, const struct ozr_part *part,
					  struct ozr_origin **out, struct ozr_err *err);
OZR_API void ozr_origin_free(struct ozr_origin *o); /* NULL is fine */
/* Version (0.4 and older: 4), name, type, axes, shape, transformation, fill, nodata, method,
 * whether it is a label, and levels with their factors where windows of these factors make
 * their shapes (else they are left to the defaults). Pointers are borrowed from the origin. */
OZR_API void ozr_origin_options(const struct ozr_origin *o, struct ozr_image_options *out);
/* Let opt's image have the levels of the origin, all of them, exactly where they are, to be pulled
 * from their sources. OZR_UNSUPPORTED when whole factors do not relate them. Borrowed too. */
OZR_API OZR_MUST_CHECK int
ozr_origin_take_levels(struct ozr_origin *o, struct ozr_image_options *opt, struct ozr_err *err);
/* The group's attributes as a copy should have them, in the form of version 4 (0.4) or 5 (0.5):
 * everything but what describes levels and collections. omero and image-label stand where that
 * version wants them; creating completes them. JSON text; take. */
OZR_API OZR_MUST_CHECK int ozr_origin_attributes(const struct ozr_origin *o, int ome_version,
						 char **json, struct ozr_err *err);
/* Levels that the origin has, and the shape of one. */
OZR_API unsigned ozr_origin_levels(const struct ozr_origin *o);
OZR_API void ozr_origin_shape(const struct ozr_origin *o, unsigned level,
			      uint64_t shape[OZR_MAX_RANK]);
/* Axis of the image that axis `axis` of the origin is. */
OZR_API unsigned ozr_origin_axis(const struct ozr_origin *o, unsigned axis);
/* A level as a source, whose boxes are read with so many threads (0: all); borrowed from the
 * origin, one for each level. */
OZR_API void ozr_origin_source(struct ozr_origin *o, unsigned level, unsigned threads,
			       struct ozr_source *out);

#ifdef __cplusplus
}
#endif
#endif
