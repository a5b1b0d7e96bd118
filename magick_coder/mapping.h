/* SPDX-License-Identifier: MIT */
/*
 * Values of a store as quanta of ImageMagick, a row at a time: `low` becomes
 * black, `high` becomes white, in between it is linear. By default these are
 * the ends of the type (0 and 1 for floats), so that uint8 and uint16 keep
 * every bit, and signed integers are offset binary.
 *
 * A quantum that cannot hold a value gets the nearest it can, NaN becomes 0;
 * both are counted, since they are lost. With HDRI all finite values are kept.
 */
#ifndef MAGICK_CODER_MAPPING_H
#define MAGICK_CODER_MAPPING_H

#include <ozr/ozr.h>

#include "compat.h"

struct mapping {
	enum ozr_dtype dtype;
	int exact16; /* a 16-bit type whose values are quanta of 16 bits (less an offset) */
	double low, scale;
	Quantum table[256];      /* of 8-bit types */
	unsigned char lost[256]; /* is the entry counted? */
	int loses;               /* is any of them? */
	int exact8;              /* uint8, each value a multiple of one quantum */
};

/* The ends of a type: 0 and 255, -32768 and 32767, 0 and 1 for floats. */
void mapping_ends(enum ozr_dtype dtype, double *low, double *high);
/* low may be above high. Equal: all is black. */
void mapping_window(struct mapping *out, enum ozr_dtype dtype, double low, double high);
/* The window of the type's ends. */
void mapping_full(struct mapping *out, enum ozr_dtype dtype);
/* The number itself, as a quantum of 16 bits (of 8 where there are no more). */
void mapping_raw(struct mapping *out, enum ozr_dtype dtype);
/* n values to row, or the values themselves where they are quanta already. lost: counted up. */
const Quantum *mapping_apply(const struct mapping *mapping, const void *values, size_t n,
			     Quantum *row, uint64_t *lost);

/* A number of 0 to QuantumRange (beyond with HDRI) as a quantum; counts up what is lost. */
Quantum mapping_quantum(double value, uint64_t *lost);

#endif
