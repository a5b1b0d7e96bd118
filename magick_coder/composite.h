/* SPDX-License-Identifier: MIT */
/*
 * Channels as light: each has a color, and a window of values between nothing
 * and all of it; what is seen is the sum, at most white.
 */
#ifndef MAGICK_CODER_COMPOSITE_H
#define MAGICK_CODER_COMPOSITE_H

#include <ozr/ozr.h>

#include "compat.h"

struct light {
	double start, end; /* end may be below start */
	double rgb[3];     /* 0 to 1 */
	int active;
};

enum { COMPOSITE_BLOCK = 512 };

/* n <= COMPOSITE_BLOCK pixels: channel j's values are at values + j * size bytes. */
void composite_apply(const struct light *light, unsigned channels, enum ozr_dtype dtype,
		     const unsigned char *values, size_t size, size_t n,
		     Quantum rgb[3][COMPOSITE_BLOCK]);

#endif
