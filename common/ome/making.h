/* SPDX-License-Identifier: MIT */
/*
 * An image that is being created: what making.c, image_create.c, image_commit.c,
 * image_attributes.c and image_edit.c keep until commit or close.
 */
#ifndef OZR_OME_MAKING_H
#define OZR_OME_MAKING_H

#include "ome/image_impl.h"

struct ozr_making {
	enum ozr_create_mode mode;
	int ome_version, zarr_format; /* 4 and 2, or 5 and 3 */
	int omero;                    /* write the omero member */
	int grouped;                  /* levels are at s0/image, ... */
	int taken;                    /* levels are not what the method makes of level 0 */
	struct ozr_stage *stage;      /* STAGE: owned */
	char *target;                 /* STAGE: owned; the folder to be */
	enum ozr_durability durability;
	int began;     /* something may have been written at path */
	int published; /* PUBLISH_EMPTY: the image is there, closing must not remove it */

	/* A label: the image that is being created with it, or else the group that must list it. */
	struct ozr_image *label_of;  /* borrowed; NULL: it is there already, or this is no label */
	struct ozr_store *list;      /* owned reference; NULL: nothing to list */
	char *list_path, *list_name; /* owned; the group, and the label's name in it */
	int list_staged;             /* the group does not exist: it is staged with the label */
	int replaces;                /* STAGE: what is at target may be exchanged */
	/* Labels that were committed while this image is being created: an array, or NULL. */
	struct ozr_json *labels; /* owned */

	struct ozr_json *attributes; /* owned; of the group, without our own members */
	struct ozr_channel *given;   /* owned; [given_count] as the caller described them */
	unsigned given_count;
};

/* Nothing of it is in the store yet: changes wait for the commit. */
static inline int ozr_image_is_pending(const struct ozr_image *img)
{
	return img->making != NULL && img->making->mode != OZR_CREATE_PUBLISH_EMPTY;
}
/* making.c: the group's attributes with everything of ours in it; take. */
int ozr_making_document(struct ozr_image *img, struct ozr_json **out,
			struct ozr_err *err) OZR_MUST_CHECK;
/* making.c: the omero member alone, with the windows that are known now, as a change of the
 * group's attributes; take. */
int ozr_making_windows(struct ozr_image *img, struct ozr_json **out,
		       struct ozr_err *err) OZR_MUST_CHECK;
/* making.c: write group metadata: groups of levels, parents, the image's group last. */
int ozr_making_publish(struct ozr_image *img, struct ozr_err *err) OZR_MUST_CHECK;
/* making.c: in a store where values lie in the order in which they come, put the metadata as they
 * are known now, for the commit to replace: so they lie before the pixels. */
int ozr_making_place(struct ozr_image *img, struct ozr_err *err) OZR_MUST_CHECK;
/* image_create.c: a new making; then the image of it, over s, which takes m. opt is complete. */
struct ozr_making *ozr_making_new(struct ozr_ctx *ctx, enum ozr_create_mode mode,
				  struct ozr_err *err) OZR_MUST_CHECK;
int ozr_making_start(struct ozr_store *s, const char *path, struct ozr_making *m,
		     const struct ozr_image_options *opt, struct ozr_image **out,
		     struct ozr_err *err) OZR_MUST_CHECK;
/* image_create.c: OZR_EXISTS when something is at path, or when it lies below an array. */
int ozr_making_check_free(struct ozr_store *s, const char *path,
			  struct ozr_err *err) OZR_MUST_CHECK;
/* label_create.c: list a label that is complete; of an image being created: note it for later.
 * Called while what is staged is still so (staged), and when it is in place. */
int ozr_label_list(struct ozr_image *img, int staged, struct ozr_err *err) OZR_MUST_CHECK;
/* label_create.c: the group of the labels of an image that is being created. */
int ozr_label_publish(struct ozr_image *img, struct ozr_err *err) OZR_MUST_CHECK;
/* making.c: free m and what it holds. */
void ozr_making_free(struct ozr_ctx *ctx, struct ozr_making *m);

#endif
