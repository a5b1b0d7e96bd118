/* SPDX-License-Identifier: MIT */
/*
 * Writing label images: images of ids that belong to an image and stand in
 * its group `labels`, which lists them. The options are those of any image;
 * is_label is set, and the version is that of the image they belong to
 * (ome_version 0, or OZR_BAD_ARG).
 *
 * What is added is data first, metadata last: the list comes after the label.
 */
#ifndef OZR_LABELS_H
#define OZR_LABELS_H

#include "image.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A label of an image that is being created (the label appears with it: commit the label first,
 * close its handle before the image's) or that is open for update (it appears with its own
 * commit). OZR_EXISTS when there is one of this name. */
OZR_API OZR_MUST_CHECK int ozr_label_create(struct ozr_image *of, const char *name,
					    const struct ozr_image_options *opt,
					    struct ozr_image **out, struct ozr_err *err);
/* A label of the image at path in a local folder, staged: nothing is there until commit. replace:
 * one of this name is exchanged at commit. OZR_NOT_FOUND when there is no image. */
OZR_API OZR_MUST_CHECK int ozr_label_create_dir(struct ozr_ctx *ctx, const char *dir,
						const char *path, const char *name, int replace,
						enum ozr_durability durability,
						const struct ozr_image_options *opt,
						struct ozr_image **out, struct ozr_err *err);

#ifdef __cplusplus
}
#endif
#endif
