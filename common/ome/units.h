/* SPDX-License-Identifier: MIT */
/*
 * Units of axes: the names that OME-NGFF 0.4 suggests, what people write
 * instead of them, and their sizes. Pure functions.
 */
#ifndef OZR_OME_UNITS_H
#define OZR_OME_UNITS_H

#include "ozr/image.h"

enum ozr_unit_match {
	OZR_UNIT_UNKNOWN, /* kept as it is */
	OZR_UNIT_EXACT,   /* one of the specification's names for this kind of axis */
	OZR_UNIT_SYNONYM  /* another spelling of one */
};

/* name: the specification's name of unit, 32 bytes, filled unless unknown; factor: its size
 * in meters or seconds. Only space and time have units. */
enum ozr_unit_match ozr_unit_find(const char *unit, enum ozr_axis_kind kind, char name[32],
				  double *factor);

#endif
