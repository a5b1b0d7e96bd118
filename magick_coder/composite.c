/* SPDX-License-Identifier: MIT */
/*
 * See composite.h.
 */
#include "composite.h"

#include "mapping.h"

/* 0 to 1; NaN is 0. Without a width the window is a step. */
static void weigh(const struct light *light, double *value, size_t n)
{
	const double width = light->end - light->start;

	for (size_t i = 0; i < n; i++) {
		double part = width != 0               ? (value[i] - light->start) / width
			      : value[i] >= light->end ? 1
						       : 0;

		part = part > 0 ? part : 0;
		value[i] = part < 1 ? part : 1;
	}
}

void composite_apply(const struct light *light, unsigned channels, enum ozr_dtype dtype,
		     const unsigned char *values, size_t size, size_t n,
		     Quantum rgb[3][COMPOSITE_BLOCK])
{
	const ptrdiff_t step = (ptrdiff_t)ozr_dtype_size(dtype);
	double sum[3][COMPOSITE_BLOCK] = {{0}}, value[COMPOSITE_BLOCK];
	uint64_t lost = 0; /* nothing: sums are cut at white */

	for (unsigned j = 0; j < channels; j++) {
		if (!light[j].active)
			continue;
		ozr_convert(values + j * size, dtype, step, value, OZR_FLOAT64, sizeof(*value), n);
		weigh(&light[j], value, n);
		for (unsigned k = 0; k < 3; k++)
			if (light[j].rgb[k] != 0)
				for (size_t i = 0; i < n; i++)
					sum[k][i] += light[j].rgb[k] * value[i];
	}
	for (unsigned k = 0; k < 3; k++)
		for (size_t i = 0; i < n; i++)
			rgb[k][i] = mapping_quantum(
				(sum[k][i] < 1 ? sum[k][i] : 1) * (double)QuantumRange, &lost);
}
