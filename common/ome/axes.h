/* SPDX-License-Identifier: MIT */
/*
 * Axes: reading them in the forms of all versions, guessing them where the
 * metadata has none, and the rules of 0.4 and 0.5 for writing. No I/O.
 */
#ifndef OZR_OME_AXES_H
#define OZR_OME_AXES_H

#include "base/json.h"
#include "ome/notes.h"
#include "ozr/image.h"

/* axes: array of strings (0.3) or objects (0.4 and later). On OZR_OK *rank and axes are set. */
int ozr_axes_parse(const struct ozr_jref *axes, struct ozr_notes *notes, unsigned *rank,
		   struct ozr_axis out[OZR_MAX_RANK], struct ozr_err *err) OZR_MUST_CHECK;
/* What an image of this rank without axes has: (y,x), (z,y,x), (c,z,y,x), (t,c,z,y,x), d0... */
void ozr_axes_default(unsigned rank, struct ozr_axis out[OZR_MAX_RANK]);
/* Axes from an array's dimension names; 0, and out untouched, when one of them says nothing. */
int ozr_axes_from_names(const struct ozr_array_info *array, struct ozr_axis out[OZR_MAX_RANK]);
/* t, c, z, y, x in any case, and "band" and the like; OZR_AXIS_OTHER for the rest. */
enum ozr_axis_kind ozr_axis_guess(const char *name);
/* The rules for writing; OZR_BAD_ARG. */
int ozr_axes_check(unsigned rank, const struct ozr_axis *axes, struct ozr_err *err) OZR_MUST_CHECK;
/* The first axis of a kind, or -1. */
int ozr_axes_index(unsigned rank, const struct ozr_axis *axes, enum ozr_axis_kind kind);
/* "space", "time", "channel"; NULL for others. */
const char *ozr_axis_type(enum ozr_axis_kind kind);

/* Text goes into JSON, which is UTF-8: other bytes would make a document that nobody reads.
 * OZR_BAD_ARG. */
int ozr_text_check(const char *what, const char *text, struct ozr_err *err) OZR_MUST_CHECK;
/* Copy text that may be longer than the room: cut between UTF-8 characters. */
void ozr_text_fit(char *dst, size_t room, const char *src);

#endif
