/* SPDX-License-Identifier: MIT */
/*
 * Numbers from quanta. A Q16 has uint8 and uint16 exactly in it, so these are
 * made by integers alone; all else goes through doubles.
 */
#include "export.h"

#include <math.h>

/* The highest number that a label has as a quantum. */
enum { MOST_RAW = MAGICKCORE_QUANTUM_DEPTH < 16 ? 255 : 65535 };
/* A quantum is a 16-bit integer. */
#define IS_Q16 (MAGICKCORE_QUANTUM_DEPTH == 16 && !MAGICKCORE_HDRI_ENABLE)

void export_rule_make(enum ozr_dtype dtype, int is_label, struct export_rule *out)
{
	/* The ends of integers, as doubles have them. */
	static const double ends[OZR_DTYPES][2] = {
		[OZR_BOOL] = {0, 1},
		[OZR_INT8] = {-128, 127},
		[OZR_UINT8] = {0, 255},
		[OZR_INT16] = {-32768, 32767},
		[OZR_UINT16] = {0, 65535},
		[OZR_INT32] = {-2147483648.0, 2147483647.0},
		[OZR_UINT32] = {0, 4294967295.0},
		[OZR_INT64] = {-9223372036854775808.0, 9223372036854774784.0},
		[OZR_UINT64] = {0, 18446744073709549568.0},
	};
	const double all = (double)QuantumRange;

	*out = (struct export_rule){
		.dtype = dtype, .low = ends[dtype][0], .high = ends[dtype][1], .white = 1};
	if (is_label && ozr_dtype_size(dtype) > 2) {
		out->scale = MOST_RAW / all;
	} else {
		out->scale = (out->high - out->low) / all;
		out->offset = out->low;
	}
}

int export_is_plain(const struct export_rule *rule)
{
	return IS_Q16 && rule->dtype == OZR_UINT16;
}

#if IS_Q16
/* 0 when the type needs more than this. */
static int export_shorts(const struct export_rule *rule, const Quantum *in, size_t n, void *out,
			 ptrdiff_t step)
{
	const unsigned half8 = rule->dtype == OZR_INT8 ? 128 : 0;
	const unsigned half16 = rule->dtype == OZR_INT16 ? 32768 : 0;
	unsigned char *to = out;

	switch (rule->dtype) {
	case OZR_UINT8:
	case OZR_INT8:
		for (size_t i = 0; i < n; i++, to += step) {
			unsigned v = in[i] + 128u; /* in / 257, as ImageMagick rounds it */

			*to = (unsigned char)(((v - (v >> 8)) >> 8) - half8);
		}
		return 1;
	case OZR_UINT16:
	case OZR_INT16:
		for (size_t i = 0; i < n; i++, to += step)
			*(uint16_t *)(void *)to = (uint16_t)(in[i] - half16);
		return 1;
	default:
		return 0;
	}
}
#endif

static double number(struct export_rule *rule, double quantum)
{
	double x;

	if (isnan(quantum))
		return 0;
	x = floor(quantum * rule->scale + rule->offset + 0.5);
	if (x >= rule->low && x <= rule->high)
		return x;
	/* white of 64 bits may be rounded up, beyond what they hold; it is white still */
	if (x < rule->low || x > rule->high * (1 + 1e-15))
		rule->clamped++;
	return x < rule->low ? rule->low : rule->high;
}

/* x as an integer of a small type, without branches. Beyond the ends by less than a half is
 * rounding. */
static inline int32_t nearest(double x, double low, double high, uint64_t *lost)
{
	double inside = x > low ? x : low;

	inside = inside < high ? inside : high;
	inside = x == x ? inside : 0; /* NaN */
	*lost += (x < low - 0.5) | (x >= high + 0.5);
	return (int32_t)(inside - low + 0.5) + (int32_t)low;
}

/* Types of up to 16 bits. Numbers that lie side by side are the rule: compilers make vectors of it. */
#define SMALL_INTEGERS(type)                                                                       \
	do {                                                                                       \
		const double scale = rule->scale, offset = rule->offset;                           \
		const double low = rule->low, high = rule->high;                                   \
		uint64_t lost = 0;                                                                 \
		type *row = out;                                                                   \
                                                                                                   \
		if (step == (ptrdiff_t)sizeof(type))                                               \
			for (size_t i = 0; i < n; i++)                                             \
				row[i] = (type)nearest((double)in[i] * scale + offset, low, high,  \
						       &lost);                                     \
		else                                                                               \
			for (size_t i = 0; i < n; i++, to += step)                                 \
				*(type *)(void *)to = (type)nearest(                               \
					(double)in[i] * scale + offset, low, high, &lost);         \
		rule->clamped += lost;                                                             \
	} while (0)

#define INTEGERS(type)                                                                             \
	do {                                                                                       \
		for (size_t i = 0; i < n; i++, to += step)                                         \
			*(type *)(void *)to = (type)number(rule, (double)in[i]);                   \
	} while (0)

#define FLOATS(type)                                                                               \
	do {                                                                                       \
		for (size_t i = 0; i < n; i++, to += step)                                         \
			*(type *)(void *)to =                                                      \
				(type)((double)in[i] / (double)QuantumRange * width + black);      \
	} while (0)

void export_numbers(struct export_rule *rule, const Quantum *in, size_t n, void *out,
		    ptrdiff_t step)
{
	const double black = rule->black, width = rule->white - rule->black;
	unsigned char *to = out;

#if IS_Q16
	if (export_shorts(rule, in, n, out, step))
		return;
#endif
	switch (rule->dtype) {
	case OZR_INT8:
		SMALL_INTEGERS(int8_t);
		break;
	case OZR_INT16:
		SMALL_INTEGERS(int16_t);
		break;
	case OZR_UINT16:
		SMALL_INTEGERS(uint16_t);
		break;
	case OZR_INT32:
		INTEGERS(int32_t);
		break;
	case OZR_UINT32:
		INTEGERS(uint32_t);
		break;
	case OZR_INT64:
		INTEGERS(int64_t);
		break;
	case OZR_UINT64:
		INTEGERS(uint64_t);
		break;
	case OZR_FLOAT32:
		FLOATS(float);
		break;
	case OZR_FLOAT64:
		FLOATS(double);
		break;
	default:
		SMALL_INTEGERS(uint8_t);
		break;
	}
}
