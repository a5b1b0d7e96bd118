/* SPDX-License-Identifier: MIT */
/*
 * The metadata of one multiscale image, parsed from a group's attributes, and
 * written. Parsed by shape: under `ome` (0.5 and later) or directly
 * (0.1 to 0.4), axes as objects, strings, coordinate systems or none at all;
 * the version string only chooses words. No I/O.
 */
#ifndef OZR_OME_META_H
#define OZR_OME_META_H

#include "ome/image_impl.h"
#include "ome/transform.h"

struct ozr_dataset {
	char *path; /* owned; checked by the grammar of keys */
	struct ozr_transform t;
};

struct ozr_ome {
	struct ozr_ctx *ctx;        /* borrowed */
	struct ozr_image_info info; /* rank 0: the metadata have no axes; no dtype, levels filled */
	struct ozr_dataset *dataset; /* [info.levels] */
	struct ozr_channel *channel; /* [info.channels] */
	enum ozr_method method;
	int method_known;
	uint64_t alpha;                /* as in struct ozr_image */
	const struct ozr_json *nodata; /* borrowed from the document, or NULL */
};

/* Does this attributes object hold a multiscale image? What probing and opening ask. */
int ozr_ome_is_image(const struct ozr_jref *attributes);
/* doc attributes: the attributes object. zarr_format of the group, for messages. */
int ozr_ome_parse(struct ozr_ctx *ctx, const struct ozr_jref *attributes, int zarr_format,
		  struct ozr_notes *notes, struct ozr_ome *out, struct ozr_err *err) OZR_MUST_CHECK;
/* The method that a multiscale's type names; 0, and *out untouched, when it is none of ours. */
int ozr_ome_method(const char *type, enum ozr_method *out);
void ozr_ome_release(struct ozr_ome *o); /* zeroed is fine */

/* image_attributes.c. What a change leaves behind must still be this image (arg): a check for
 * ozr_node_rewrite(). */
struct ozr_node;
int ozr_image_still_opens(void *arg, const struct ozr_node *node,
			  struct ozr_err *err) OZR_MUST_CHECK;
/* Channels and name again, which may have changed. Best effort: the store has the truth. */
void ozr_image_refresh_info(struct ozr_image *img);

/* Put what says how img's levels are made into a multiscale (an object): `type`, and of
 * `metadata` the members that are ours. Not 0 when out of memory. */
int ozr_ome_write_rules(struct ozr_json *multiscale, const struct ozr_image *img);
/* Put the image's metadata into a group's attributes (an object): under `ome` for 0.5,
 * directly for 0.4; other members stay. omero may be NULL; taken. */
int ozr_ome_write(struct ozr_json *attributes, int ome_version, const struct ozr_image *img,
		  struct ozr_json *omero, struct ozr_err *err) OZR_MUST_CHECK;

#endif
