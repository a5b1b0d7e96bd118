/* SPDX-License-Identifier: MIT */
/*
 * Coordinate transformations that are a scale and a translation per axis:
 * physical = scale * index + translation. No I/O.
 */
#ifndef OZR_OME_TRANSFORM_H
#define OZR_OME_TRANSFORM_H

#include "base/json.h"
#include "ome/notes.h"
#include "ozr/array.h"

struct ozr_transform {
	unsigned scales; /* how many scale transformations went into it */
	double scale[OZR_MAX_RANK], translation[OZR_MAX_RANK];
};

void ozr_transform_identity(struct ozr_transform *t);
/* Apply a coordinateTransformations list after what t does already: scale, translation,
 * identity and sequences of them; other types are noted and left out. A scale of 0 is taken
 * as 1 and a negative one without its sign, with notes. */
int ozr_transform_parse(const struct ozr_jref *list, unsigned rank, struct ozr_notes *notes,
			struct ozr_transform *t, struct ozr_err *err) OZR_MUST_CHECK;
/* The list that says t: one scale and one translation. NULL when out of memory. */
struct ozr_json *ozr_transform_write(unsigned rank, const double *scale, const double *translation);

#endif
