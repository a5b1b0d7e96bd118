/* SPDX-License-Identifier: MIT */
/*
 * A change of an image's levels, between levels.c (its life), levels_doc.c (the
 * group's metadata) and levels_sweep.c (what is removed).
 */
#ifndef OZR_OME_LEVELS_IMPL_H
#define OZR_OME_LEVELS_IMPL_H

#include "ome/group.h"
#include "ome/image_impl.h"
#include "ozr/levels.h"

/* A level of the image to be. */
struct ozr_next {
	int old;                /* index in the image, or -1 */
	int added;              /* index in add[], or -1 */
	struct ozr_level level; /* of old ones: shallow, the image owns it until commit */
	/* Relative to level 0: what the metadata of a new level says. */
	double ratio[OZR_MAX_RANK];
};

struct ozr_levels {
	struct ozr_image *img; /* borrowed */
	int64_t pid;
	void *lock;            /* of the store, or NULL */
	struct ozr_next *next; /* [count], level 0 first */
	unsigned count, added;
	char *type, *method, *version; /* owned; NULL: as they are */
	struct ozr_json *group;        /* owned; more attributes, or NULL */
	char **gone;                   /* owned: paths of dropped levels, [gone_count] */
	unsigned gone_count;
	int noted;                /* the attribute ozr_pending_levels names what we make */
	struct ozr_level *levels; /* [count] room for the image's new list */
};

extern const char ozr_pending_member[];

/* --- levels_doc.c: edits for ozr_node_rewrite(); arg is the struct ozr_levels ----- */

/* Note the paths of new levels as pending. Fails where the document is not one to add to, or
 * lists other levels than the image has. */
int ozr_levels_note(void *arg, struct ozr_node *node, struct ozr_json *attributes,
		    struct ozr_err *err) OZR_MUST_CHECK;
/* List the new levels; those that are gone become the pending ones. */
int ozr_levels_list(void *arg, struct ozr_node *node, struct ozr_json *attributes,
		    struct ozr_err *err) OZR_MUST_CHECK;
/* Nothing is pending. */
int ozr_levels_clear(void *arg, struct ozr_node *node, struct ozr_json *attributes,
		     struct ozr_err *err) OZR_MUST_CHECK;
/* The object that holds `multiscales`: attributes or its member `ome`. */
struct ozr_json *ozr_levels_holder(struct ozr_json *attributes);

/* --- levels_sweep.c --------------------------------------------------------------- */

/* Is path (below the image) free for a new array? */
int ozr_level_is_free(struct ozr_image *img, const char *path, int *yes,
		      struct ozr_err *err) OZR_MUST_CHECK;
/* Remove an array that is no level, and the groups above it that hold nothing else. */
int ozr_level_remove(struct ozr_image *img, const char *path, struct ozr_err *err) OZR_MUST_CHECK;
/* Remove what an unfinished change has left. */
int ozr_levels_sweep(struct ozr_image *img, struct ozr_err *err) OZR_MUST_CHECK;
/* Whether the group's metadata lists an array at path or below it, in any multiscales. */
int ozr_levels_lists(const struct ozr_jref *attributes, const char *path);

#endif
