/* SPDX-License-Identifier: MIT */
/*
 * Metadata of groups that are no images: which kind a group is, and what a
 * reader asks of plates and wells. Pure functions over parsed JSON: no I/O.
 */
#ifndef OZR_OME_PLATE_H
#define OZR_OME_PLATE_H

#include "ome/group.h"
#include "ome/notes.h"
#include "ozr/collection.h"

/* The object with this member: /ome (0.5 and later), or else the attributes themselves. */
struct ozr_jref ozr_ome_holder(const struct ozr_jref *attributes, const char *member);
enum ozr_kind ozr_node_kind(const struct ozr_node *node);
/* The labels list of a group's attributes: an array of text, or .v NULL. holder is filled: the
 * place of the result refers to it. */
struct ozr_jref ozr_labels_list(const struct ozr_jref *attributes, struct ozr_jref *holder);

/* An error is what leaves no way to a field: no list of wells (or images), or one without a
 * path. Whatever else the specification forbids is a note. notes may be NULL. */
int ozr_plate_check(const struct ozr_jref *plate, struct ozr_notes *notes,
		    struct ozr_err *err) OZR_MUST_CHECK;
int ozr_well_check(const struct ozr_jref *well, struct ozr_notes *notes,
		   struct ozr_err *err) OZR_MUST_CHECK;

#endif
