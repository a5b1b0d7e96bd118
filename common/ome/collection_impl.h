/* SPDX-License-Identifier: MIT */
/*
 * The inside of a collection, for the files of ome/ that fill it:
 * collection.c (life, labels, series) and collection_plate.c (plates, wells).
 *
 * Threads: being filled, it belongs to one thread; tasks of the pool write to
 * what is theirs only.
 */
#ifndef OZR_OME_COLLECTION_IMPL_H
#define OZR_OME_COLLECTION_IMPL_H

#include "base/mem.h"
#include "ome/plate.h"

enum { OZR_MEMBERS_MAX = 4096 };

struct ozr_collection {
	struct ozr_ctx *ctx;         /* owned reference */
	struct ozr_store *store;     /* owned reference */
	const struct ozr_call *call; /* while it is being opened */
	char *path;                  /* owned */
	enum ozr_kind kind;
	char name[256];
	struct ozr_notes notes;
	struct ozr_member *member; /* [max]; their paths are owned */
	size_t count, max;
	int more; /* some did not fit */
};

/* Append prefix/text; what is no key, or is there already, is left out with a note. A full
 * collection takes no more. */
int ozr_collection_add(struct ozr_collection *c, const char *prefix, const char *text,
		       struct ozr_err *err) OZR_MUST_CHECK;
/* A note when only some of a list of n members fit. */
void ozr_collection_note_rest(struct ozr_collection *c, const char *what, uint64_t n);
/* Fill from the group's own node; messages have the place in the document in front. */
int ozr_collection_fill_plate(struct ozr_collection *c, const struct ozr_node *node,
			      struct ozr_err *err) OZR_MUST_CHECK;
int ozr_collection_fill_well(struct ozr_collection *c, const struct ozr_node *node,
			     struct ozr_err *err) OZR_MUST_CHECK;

#endif
