/* SPDX-License-Identifier: MIT */
/*
 * Whole hierarchies as directories: where one is to be (a name in an open
 * parent directory), what is there, and removing it. Used by stage.c and by
 * ozr_tree_remove(). Symbolic links are never followed, walks are at most
 * OZR_TREE_DEPTH directories deep.
 */
#ifndef OZR_STORE_TREE_H
#define OZR_STORE_TREE_H

#include <limits.h>

#include "base/sys.h"
#include "ozr/store.h"

enum { OZR_TREE_DEPTH = 64 };

/* A place on a local file system: name in the directory dir. */
struct ozr_target {
	const struct ozr_sys *sys;
	int dir;                 /* readable descriptor of the parent directory */
	char name[NAME_MAX + 1]; /* neither empty nor "." or ".." */
};

/* Split path ("x.zarr", "a/x.zarr/", "/a/x.zarr/."), ask the host's policy, open the parent. */
int ozr_target_open(struct ozr_ctx *ctx, const char *path, struct ozr_target *out,
		    struct ozr_err *err) OZR_MUST_CHECK;
void ozr_target_close(struct ozr_target *t);

/* Is what lies at the target a Zarr hierarchy, and nothing else at its root? OZR_NOT_FOUND when
 * nothing is there, OZR_EXISTS with the reason when it is something else. *st (may be NULL)
 * identifies what was looked at. */
int ozr_target_check(const struct ozr_target *t, struct stat *st,
		     struct ozr_err *err) OZR_MUST_CHECK;

/* Names of files: metadata that makes a node, any metadata (of a whole key too), and whatever may
 * lie at the root of a hierarchy. */
int ozr_tree_is_root_metadata(const char *name);
int ozr_tree_is_document(const char *key);
int ozr_tree_is_known_file(const char *name);

/* The IFDs of a twin's TIFF side (ozr/twin.h): offsets into the file that they are in, and true there
 * only. Copies go without them, or a copy that is packed would look like a damaged twin. */
#define OZR_TREE_IFD_KEY "OME/tiff.ifd"

/* hierarchy.c: one value from one store to another, in pieces that the worker holds; nothing for
 * OZR_TREE_IFD_KEY. */
struct ozr_worker;
int ozr_hierarchy_copy_value(struct ozr_store *from, struct ozr_store *to, const char *key,
			     struct ozr_worker *w, struct ozr_err *err) OZR_MUST_CHECK;

/* Remove the directory name in dir with all that is below: metadata of every level first, then
 * the rest. What has gone meanwhile does not matter. Who cleans up after a failure may ignore the
 * result. */
int ozr_tree_drop(const struct ozr_sys *sys, int dir, const char *name, struct ozr_err *err);

#endif
