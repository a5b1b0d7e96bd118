/* SPDX-License-Identifier: MIT */
/*
 * The omero member: how channels are named and shown. "Transitional" in the
 * specification, so nothing in it makes an image unreadable: what is wrong is
 * noted and left out. No I/O.
 */
#ifndef OZR_OME_OMERO_H
#define OZR_OME_OMERO_H

#include "base/json.h"
#include "ome/image_impl.h"

enum { OZR_OMERO_CHANNELS_MAX = 4096 };

/* Fills info->channels, default_z, default_t and *channels (take; NULL when there are none).
 * Fails for lack of memory only. */
int ozr_omero_parse(struct ozr_ctx *ctx, const struct ozr_jref *omero, struct ozr_notes *notes,
		    struct ozr_image_info *info, struct ozr_channel **channels,
		    struct ozr_err *err) OZR_MUST_CHECK;

/* What to write for n channels: given ones (or NULL), completed by the ranges of the data
 * (or NULL) or else of the type. default_z: the plane that viewers show first. base: an omero
 * object (or NULL) whose members stay, but for those that given channels say; unknown ones too. */
struct ozr_omero_source {
	struct ozr_ctx *ctx;
	const struct ozr_json *base;
	const char *name; /* of the image, or NULL */
	const char *version;
	enum ozr_dtype dtype;
	unsigned n;
	const struct ozr_channel *given;
	unsigned given_count;
	const struct ozr_range_stats *stats;
	uint64_t default_z;
};
/* Give a channel of the omero member (an object) c's window; what others keep in it stays. Not 0
 * when out of memory. */
int ozr_omero_set_window(struct ozr_ctx *ctx, struct ozr_json *channel,
			 const struct ozr_channel *c);
/* NULL when out of memory. */
struct ozr_json *ozr_omero_write(const struct ozr_omero_source *src);

#endif
