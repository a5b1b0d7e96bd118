/* SPDX-License-Identifier: MIT */
/*
 * See mapping.h. Types of 8 bits go through a table; uint16 in a build of 16
 * bits is copied or not even that; all else becomes a double (which holds
 * every integer of 32 bits) and is scaled.
 */
#include "mapping.h"

#include <float.h>

enum { HDRI = MAGICKCORE_HDRI_ENABLE, DEPTH = MAGICKCORE_QUANTUM_DEPTH, BLOCK = 512 };

static const double range = (double)QuantumRange;
static const double largest = (double)FLT_MAX;

void mapping_ends(enum ozr_dtype dtype, double *low, double *high)
{
	static const struct {
		double low, high;
	} ends[OZR_DTYPES] = {
		[OZR_BOOL] = {0, 1},
		[OZR_INT8] = {INT8_MIN, INT8_MAX},
		[OZR_UINT8] = {0, UINT8_MAX},
		[OZR_INT16] = {INT16_MIN, INT16_MAX},
		[OZR_UINT16] = {0, UINT16_MAX},
		[OZR_INT32] = {INT32_MIN, INT32_MAX},
		[OZR_UINT32] = {0, UINT32_MAX},
		[OZR_INT64] = {(double)INT64_MIN, (double)INT64_MAX},
		[OZR_UINT64] = {0, (double)UINT64_MAX},
		[OZR_FLOAT32] = {0, 1},
		[OZR_FLOAT64] = {0, 1},
	};

	*low = ends[dtype].low;
	*high = ends[dtype].high;
}

/* Without branches, for the sake of loops. A NaN fails every comparison. */
static inline Quantum to_quantum(double value, uint64_t *lost)
{
	double inside;
	int kept;

	if (HDRI) {
		kept = value >= -largest && value <= largest;
		inside = kept ? value : value > 0 ? range : 0;
		*lost += !kept;
		return (Quantum)inside;
	}
	kept = value > -0.5 && value < range + 0.5;
	inside = value > 0 ? value : 0;
	inside = inside < range ? inside : range;
	*lost += !kept;
	return (Quantum)(inside + 0.5);
}

Quantum mapping_quantum(double value, uint64_t *lost)
{
	return to_quantum(value, lost);
}

static void scale_doubles(const struct mapping *m, const double *value, size_t n, Quantum *row,
			  uint64_t *lost)
{
	const double low = m->low, scale = m->scale;
	uint64_t count = 0;

	for (size_t i = 0; i < n; i++)
		row[i] = to_quantum((value[i] - low) * scale, &count);
	*lost += count;
}

static void scale_any(const struct mapping *m, const unsigned char *values, size_t n, Quantum *row,
		      uint64_t *lost)
{
	const ptrdiff_t size = (ptrdiff_t)ozr_dtype_size(m->dtype);
	double value[BLOCK];

	for (size_t i = 0, k; i < n; i += k) {
		k = n - i < BLOCK ? n - i : BLOCK;
		ozr_convert(values + i * (size_t)size, m->dtype, size, value, OZR_FLOAT64,
			    sizeof(*value), k);
		scale_doubles(m, value, k, row + i, lost);
	}
}

static void fill_table(struct mapping *m)
{
	m->loses = 0;
	for (unsigned i = 0; i < 256; i++) {
		unsigned char value = m->dtype == OZR_BOOL ? i != 0 : (unsigned char)i;
		uint64_t lost = 0;

		scale_any(m, &value, 1, &m->table[i], &lost);
		m->lost[i] = lost != 0;
		m->loses = m->loses || lost;
	}
}

void mapping_window(struct mapping *out, enum ozr_dtype dtype, double low, double high)
{
	out->dtype = dtype;
	out->exact16 = out->exact8 = 0;
	out->low = low;
	out->scale = high != low ? range / (high - low) : 0;
	if (ozr_dtype_size(dtype) == 1)
		fill_table(out);
}

void mapping_full(struct mapping *out, enum ozr_dtype dtype)
{
	double low, high;

	mapping_ends(dtype, &low, &high);
	mapping_window(out, dtype, low, high);
	out->exact16 = DEPTH == 16 && (dtype == OZR_UINT16 || dtype == OZR_INT16);
	out->exact8 = dtype == OZR_UINT8;
}

void mapping_raw(struct mapping *out, enum ozr_dtype dtype)
{
	mapping_window(out, dtype, 0, DEPTH < 16 ? UINT8_MAX : UINT16_MAX);
	out->exact16 = DEPTH == 16 && dtype == OZR_UINT16;
}

static void look_up(const struct mapping *m, const unsigned char *values, size_t n, Quantum *row,
		    uint64_t *lost)
{
	static const Quantum step = QuantumRange / 255; /* of any depth a whole number */
	uint64_t count = 0;

	if (m->exact8)
		for (size_t i = 0; i < n; i++)
			row[i] = (Quantum)(values[i] * step);
	else
		for (size_t i = 0; i < n; i++)
			row[i] = m->table[values[i]];
	for (size_t i = 0; i < n && m->loses; i++)
		count += m->lost[values[i]];
	*lost += count;
}

static const Quantum *take_16(const struct mapping *m, const void *values, size_t n, Quantum *row)
{
	const uint16_t *value = values;

	if (m->dtype == OZR_INT16)
		for (size_t i = 0; i < n; i++)
			row[i] = (Quantum)(value[i] ^ 0x8000U);
	else if (HDRI)
		for (size_t i = 0; i < n; i++)
			row[i] = (Quantum)value[i];
	else
		return values;
	return row;
}

const Quantum *mapping_apply(const struct mapping *mapping, const void *values, size_t n,
			     Quantum *row, uint64_t *lost)
{
	if (mapping->exact16)
		return take_16(mapping, values, n, row);
	if (ozr_dtype_size(mapping->dtype) == 1)
		look_up(mapping, values, n, row, lost);
	else
		scale_any(mapping, values, n, row, lost);
	return row;
}
