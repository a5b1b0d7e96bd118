/* SPDX-License-Identifier: MIT */
/*
 * From the pixels of an image to numbers of a data type: the inverse of what
 * the reader does. As a part of the whole range, f = quantum / QuantumRange:
 *
 *   uint8, uint16, ...     f * 255, f * 65535, ..., rounded
 *   int8, int16, ...       the same minus 128, 32768, ... (offset binary)
 *   float32, float64       f; with a black and a white of their own black + f * (white - black)
 *   labels of 32, 64 bits  f * 65535, the number that a Q16 shows: ids up to 65535 survive
 *
 * What is out of the type's range (in HDRI) becomes its end; NaN becomes 0 in
 * integers.
 */
#ifndef MAGICK_CODER_EXPORT_H
#define MAGICK_CODER_EXPORT_H

#include "coder.h"

struct export_rule {
	enum ozr_dtype dtype;
	double scale, offset, low, high; /* integer = quantum * scale + offset */
	double black, white;             /* of floats */
	uint64_t clamped;                /* numbers so far */
};

void export_rule_make(enum ozr_dtype dtype, int is_label, struct export_rule *out);
/* Are the numbers quanta as they are? */
int export_is_plain(const struct export_rule *rule);
/* n numbers at out, step bytes apart, each aligned as dtype wants. */
void export_numbers(struct export_rule *rule, const Quantum *in, size_t n, void *out,
		    ptrdiff_t step);

#endif
