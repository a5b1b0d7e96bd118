/* SPDX-License-Identifier: MIT */
/*
 * The mean of windows, for any factor, stride and type: the reference that
 * the vector code must equal. Integers are summed exactly (64 bits, or 128
 * for 64-bit elements) and rounded to nearest, ties to even; floats are
 * summed in their own type from +0.0 on, one rounding an addition, in C order
 * of the window, then divided. NaN and nodata are left out; a window of
 * nothing else gives nodata, or its first NaN where there is no nodata.
 */
#include "ome/reduce_impl.h"

enum { BLOCK = 128 }; /* outputs summed at a time */

__extension__ typedef __int128 wide;

static inline wide divide_even(wide sum, uint64_t n)
{
	const wide d = (wide)n;
	wide q = sum / d, r = sum % d;
	if (r < 0) {
		r += d;
		q--;
	}
	return q + (2 * r + (q & 1) > d);
}

/* Where both fit in 64 bits, which divides ten times faster. */
static inline int64_t divide_even64(int64_t sum, uint64_t n)
{
	const int64_t d = (int64_t)n;
	int64_t q = sum / d, r = sum % d;
	if (r < 0) {
		r += d;
		q--;
	}
	return q + (2 * r + (q & 1) > d);
}

#define MEAN(name, type, sum_type, is_nan, divide)                                                 \
	static void name(const struct ozr_line *l, size_t first, size_t n)                         \
	{                                                                                          \
		const int skip = l->how->has_nodata;                                               \
		sum_type sum[BLOCK] = {0};                                                         \
		uint64_t kept[BLOCK] = {0};                                                        \
		type nodata, v;                                                                    \
		memcpy(&nodata, l->how->nodata, sizeof nodata);                                    \
		const int64_t start = (int64_t)first * l->factor * l->src_step;                    \
		for (uint64_t k = 0; k < l->rows; k++) {                                           \
			const char *p = ozr_line_row(l, k) + start;                                \
			for (size_t i = 0; i < n; i++) {                                           \
				const unsigned w = ozr_line_window(l, first + i);                  \
				for (unsigned j = 0; j < w; j++, p += l->src_step) {               \
					memcpy(&v, p, sizeof v);                                   \
					if ((is_nan) || (skip && v == nodata))                     \
						continue;                                          \
					sum[i] += v;                                               \
					kept[i]++;                                                 \
				}                                                                  \
			}                                                                          \
		}                                                                                  \
		for (size_t i = 0; i < n; i++) {                                                   \
			const int64_t at = (int64_t)(first + i);                                   \
			if (kept[i])                                                               \
				v = (type)(divide);                                                \
			else if (skip)                                                             \
				v = nodata;                                                        \
			else                                                                       \
				memcpy(&v, l->src + at * l->factor * l->src_step, sizeof v);       \
			memcpy(l->dst + at * l->dst_step, &v, sizeof v);                           \
		}                                                                                  \
	}

MEAN(mean_u8, uint8_t, int64_t, 0, divide_even64(sum[i], kept[i]))
MEAN(mean_i8, int8_t, int64_t, 0, divide_even64(sum[i], kept[i]))
MEAN(mean_u16, uint16_t, int64_t, 0, divide_even64(sum[i], kept[i]))
MEAN(mean_i16, int16_t, int64_t, 0, divide_even64(sum[i], kept[i]))
MEAN(mean_u32, uint32_t, int64_t, 0, divide_even64(sum[i], kept[i]))
MEAN(mean_i32, int32_t, int64_t, 0, divide_even64(sum[i], kept[i]))
MEAN(mean_u64, uint64_t, wide, 0, divide_even(sum[i], kept[i]))
MEAN(mean_i64, int64_t, wide, 0, divide_even(sum[i], kept[i]))
MEAN(mean_f32, float, float, v != v, sum[i] / (float)kept[i])
MEAN(mean_f64, double, double, v != v, sum[i] / (double)kept[i])

void ozr_reduce_mean(const struct ozr_line *l, size_t first)
{
	static void (*const by_type[OZR_DTYPES])(const struct ozr_line *, size_t, size_t) = {
		[OZR_BOOL] = mean_u8,     [OZR_INT8] = mean_i8,     [OZR_UINT8] = mean_u8,
		[OZR_INT16] = mean_i16,   [OZR_UINT16] = mean_u16,  [OZR_INT32] = mean_i32,
		[OZR_UINT32] = mean_u32,  [OZR_INT64] = mean_i64,   [OZR_UINT64] = mean_u64,
		[OZR_FLOAT32] = mean_f32, [OZR_FLOAT64] = mean_f64,
	};
	for (; first < l->n; first += BLOCK)
		by_type[l->how->dtype](l, first, l->n - first < BLOCK ? l->n - first : BLOCK);
}
