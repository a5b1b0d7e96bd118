/* SPDX-License-Identifier: MIT */
/*
 * Nodes of a hierarchy and their attributes, Zarr v2 (.zgroup, .zarray,
 * .zattrs) and v3 (zarr.json): reading what a path holds, writing groups, and
 * changing attributes so that every other key survives.
 *
 * Threads: a struct ozr_node belongs to one thread.
 */
#ifndef OZR_OME_GROUP_H
#define OZR_OME_GROUP_H

#include "base/json.h"
#include "base/key.h"
#include "ozr/store.h"

/* What a path holds. */
struct ozr_node {
	int zarr_format; /* 2 or 3 */
	int is_array;
	struct ozr_json *doc;      /* owned: the zarr.json, or the .zattrs (empty when missing) */
	char key[OZR_KEY_MAX + 1]; /* the key of doc */
	struct ozr_jref root;      /* of doc: the place in messages; node must not move */
	struct ozr_jref attributes;
};

/* OZR_NOT_FOUND when there is no node. Fills *out in place (its places point into it);
 * on failure there is nothing to release. Messages begin with the key. */
int ozr_node_read(struct ozr_store *s, const char *path, struct ozr_node *out,
		  struct ozr_err *err) OZR_MUST_CHECK;
void ozr_node_release(struct ozr_node *n); /* zeroed is fine */
/* Prefix a message that begins with a place in doc ("/attributes/...") by the key of doc
 * below path. */
int ozr_node_context(const struct ozr_node *n, const char *path, struct ozr_err *err, int code);

/* 0 when nothing is at path, else 2 or 3 (with *is_array). Only looks which keys exist. */
int ozr_node_exists(struct ozr_store *s, const char *path, int *format, int *is_array,
		    struct ozr_err *err) OZR_MUST_CHECK;
/* Write a group's metadata. attributes (an object, or NULL for none) is copied. */
int ozr_group_write(struct ozr_store *s, const char *path, int zarr_format,
		    const struct ozr_json *attributes, struct ozr_err *err) OZR_MUST_CHECK;
/* Make groups of all proper ancestors of path that are not there; OZR_EXISTS when one is an
 * array. */
int ozr_group_make_parents(struct ozr_store *s, const char *path, int zarr_format,
			   struct ozr_err *err) OZR_MUST_CHECK;
/* A JSON object that a caller gave; take. */
int ozr_attributes_parse(struct ozr_ctx *ctx, const char *json, struct ozr_json **out,
			 struct ozr_err *err) OZR_MUST_CHECK;
/* Merge changes into attributes (both objects): null members delete, `ome` is merged member by
 * member, all else is put as it is. */
int ozr_attributes_merge(struct ozr_ctx *ctx, struct ozr_json *attributes,
			 const struct ozr_json *changes, struct ozr_err *err) OZR_MUST_CHECK;
/* Change the node at path as it is stored now, under the store's lock where it has locks: edit
 * may change node->doc and its attributes object. Copies in consolidated metadata stay. */
int ozr_node_rewrite(struct ozr_store *s, const char *path,
		     int (*edit)(void *arg, struct ozr_node *node, struct ozr_json *attributes,
				 struct ozr_err *err),
		     void *arg, struct ozr_err *err) OZR_MUST_CHECK;
/* Change the attributes of the node at path, under the store's lock where it has locks;
 * consolidated metadata that would say otherwise is dropped. edit gets the attributes object as it
 * is in the store and changes it; check, which may be NULL, sees the node as it will be and may
 * refuse it. When one of them fails nothing is written. */
struct ozr_node_change {
	int (*edit)(void *arg, struct ozr_json *attributes, struct ozr_err *err);
	int (*check)(void *arg, const struct ozr_node *node, struct ozr_err *err);
	void *arg; /* of both */
};
int ozr_node_edit(struct ozr_store *s, const char *path, const struct ozr_node_change *change,
		  struct ozr_err *err) OZR_MUST_CHECK;
/* The same with ozr_attributes_merge() as the change. */
int ozr_node_merge(struct ozr_store *s, const char *path, const struct ozr_json *changes,
		   int (*check)(void *arg, const struct ozr_node *node, struct ozr_err *err),
		   void *arg, struct ozr_err *err) OZR_MUST_CHECK;
/* Remove consolidated copies of the metadata of the node at path, at it and its ancestors. */
int ozr_consolidated_drop(struct ozr_store *s, const char *path,
			  struct ozr_err *err) OZR_MUST_CHECK;
/* Remove all that is below path ("" for all of the store), metadata first. Stores that cannot
 * list or delete: OZR_UNSUPPORTED. */
int ozr_tree_clear(struct ozr_store *s, const char *path, struct ozr_err *err) OZR_MUST_CHECK;

#endif
