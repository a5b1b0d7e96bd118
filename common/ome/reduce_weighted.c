/* SPDX-License-Identifier: MIT */
/*
 * The mean of windows in which each element counts as much as another one says:
 * colors by their alpha, so that what is not seen does not tint the levels.
 * Integers are summed exactly and rounded to nearest, ties to even; floats in
 * double, in C order of the window. NaN and nodata are left out, weights that
 * are negative or NaN count as 0. A window without weight gets the plain mean.
 */
#include "ome/reduce_impl.h"

int ozr_reduce_weighs(enum ozr_dtype t)
{
	return t == OZR_UINT8 || t == OZR_UINT16 || t == OZR_FLOAT32 || t == OZR_FLOAT64;
}

static inline uint64_t divide_even(uint64_t sum, uint64_t n)
{
	const uint64_t q = sum / n, r = sum % n;
	return q + (r > n - r || (r == n - r && (q & 1)));
}

/* Products stay below 2^32 and windows below 2^31 elements, so sums of integers below 2^63. */
#define WEIGHTED(name, type, sum_type, is_nan, weight_of, divide)                                  \
	static int name(const struct ozr_line *l, size_t i, int64_t to_weight, void *out)          \
	{                                                                                          \
		const int skip = l->how->has_nodata;                                               \
		const int64_t start = (int64_t)i * l->factor * l->src_step;                        \
		const unsigned w = ozr_line_window(l, i);                                          \
		sum_type sum = 0, all = 0;                                                         \
		type nodata, v, a;                                                                 \
		memcpy(&nodata, l->how->nodata, sizeof nodata);                                    \
		for (uint64_t k = 0; k < l->rows; k++) {                                           \
			const char *p = ozr_line_row(l, k) + start;                                \
			for (unsigned j = 0; j < w; j++, p += l->src_step) {                       \
				memcpy(&v, p, sizeof v);                                           \
				memcpy(&a, p + to_weight, sizeof a);                               \
				if ((is_nan) || (skip && v == nodata))                             \
					continue;                                                  \
				sum += (sum_type)v * (sum_type)(weight_of);                        \
				all += (sum_type)(weight_of);                                      \
			}                                                                          \
		}                                                                                  \
		if (!(all > 0))                                                                    \
			return 0;                                                                  \
		v = (type)(divide);                                                                \
		memcpy(out, &v, sizeof v);                                                         \
		return 1;                                                                          \
	}

WEIGHTED(weighted_u8, uint8_t, uint64_t, 0, a, divide_even(sum, all))
WEIGHTED(weighted_u16, uint16_t, uint64_t, 0, a, divide_even(sum, all))
WEIGHTED(weighted_f32, float, double, v != v, a > 0 ? a : 0, sum / all)
WEIGHTED(weighted_f64, double, double, v != v, a > 0 ? a : 0, sum / all)

void ozr_reduce_weighted(const struct ozr_line *l, int64_t to_weight)
{
	int (*one)(const struct ozr_line *, size_t, int64_t, void *) =
		l->how->dtype == OZR_UINT8     ? weighted_u8
		: l->how->dtype == OZR_UINT16  ? weighted_u16
		: l->how->dtype == OZR_FLOAT32 ? weighted_f32
					       : weighted_f64;
	struct ozr_line plain = *l;
	for (size_t i = 0; i < l->n; i++) {
		if (one(l, i, to_weight, l->dst + (int64_t)i * l->dst_step))
			continue;
		plain.n = i + 1;
		ozr_reduce_mean(&plain, i);
	}
}
