/* SPDX-License-Identifier: MIT */
/*
 * The range of the elements of a box, without NaN and nodata. Lines run along
 * the axis with the smallest stride. Each of 32 lanes keeps extremes of its
 * own, which is what lets the compiler vectorise comparisons of floats too.
 * Compiled for the base instruction set and for AVX2, chosen at run time.
 */
#include <float.h>
#include <math.h>

#include "ome/pyramid_impl.h"

enum { LANES = 32 };

struct line {
	const char *first;
	int64_t step; /* bytes */
	size_t n;
	const void *nodata; /* NULL: none */
};

/* Extremes of one lane after the other, in the type of the elements. */
struct lanes {
	_Alignas(32) unsigned char low[LANES * 8];
	_Alignas(32) unsigned char high[LANES * 8];
};

#define INLINE static inline __attribute__((always_inline))

/* What is left out never wins: the comparison is masked. A NaN wins no comparison. */
#define RANGE(name, type)                                                                          \
	INLINE void name##_one(type v, int use, type *low, type *high)                             \
	{                                                                                          \
		*low = (v < *low) & use ? v : *low;                                                \
		*high = (v > *high) & use ? v : *high;                                             \
	}                                                                                          \
	INLINE void name##_body(struct lanes *lanes, const struct line *l)                         \
	{                                                                                          \
		type low[LANES], high[LANES], nodata = 0, v;                                       \
		const int all = l->nodata == NULL;                                                 \
		size_t i = 0;                                                                      \
		memcpy(low, lanes->low, sizeof low);                                               \
		memcpy(high, lanes->high, sizeof high);                                            \
		if (!all)                                                                          \
			memcpy(&nodata, l->nodata, sizeof nodata);                                 \
		for (; l->step == (int64_t)sizeof v && l->n - i >= LANES; i += LANES)              \
			for (unsigned k = 0; k < LANES; k++) {                                     \
				memcpy(&v, l->first + (i + k) * sizeof v, sizeof v);               \
				name##_one(v, all | (v != nodata), &low[k], &high[k]);             \
			}                                                                          \
		for (; i < l->n; i++) {                                                            \
			memcpy(&v, l->first + (int64_t)i * l->step, sizeof v);                     \
			name##_one(v, all | (v != nodata), &low[0], &high[0]);                     \
		}                                                                                  \
		memcpy(lanes->low, low, sizeof low);                                               \
		memcpy(lanes->high, high, sizeof high);                                            \
	}

RANGE(u8, uint8_t)
RANGE(i8, int8_t)
RANGE(u16, uint16_t)
RANGE(i16, int16_t)
RANGE(u32, uint32_t)
RANGE(i32, int32_t)
RANGE(u64, uint64_t)
RANGE(i64, int64_t)
RANGE(f32, float)
RANGE(f64, double)

typedef void (*kernel)(struct lanes *lanes, const struct line *l);

#define KERNEL(attribute, name, tag)                                                               \
	attribute static void name##_##tag(struct lanes *lanes, const struct line *l)              \
	{                                                                                          \
		name##_body(lanes, l);                                                             \
	}
#define KERNELS(attribute, tag)                                                                    \
	KERNEL(attribute, u8, tag)                                                                 \
	KERNEL(attribute, i8, tag)                                                                 \
	KERNEL(attribute, u16, tag)                                                                \
	KERNEL(attribute, i16, tag)                                                                \
	KERNEL(attribute, u32, tag)                                                                \
	KERNEL(attribute, i32, tag)                                                                \
	KERNEL(attribute, u64, tag)                                                                \
	KERNEL(attribute, i64, tag)                                                                \
	KERNEL(attribute, f32, tag)                                                                \
	KERNEL(attribute, f64, tag)                                                                \
	static const kernel kernels_##tag[OZR_DTYPES] = {                                          \
		[OZR_BOOL] = u8_##tag,     [OZR_INT8] = i8_##tag,     [OZR_UINT8] = u8_##tag,      \
		[OZR_INT16] = i16_##tag,   [OZR_UINT16] = u16_##tag,  [OZR_INT32] = i32_##tag,     \
		[OZR_UINT32] = u32_##tag,  [OZR_INT64] = i64_##tag,   [OZR_UINT64] = u64_##tag,    \
		[OZR_FLOAT32] = f32_##tag, [OZR_FLOAT64] = f64_##tag,                              \
	};

KERNELS(, base)
#if defined(__x86_64__)
KERNELS(__attribute__((target("avx2"))), avx2)
#endif

static kernel pick(enum ozr_dtype t)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2"))
		return kernels_avx2[t];
#endif
	return kernels_base[t];
}

/* Lanes that have seen nothing have low > high. */
#define BEGIN(tag, type, lowest, highest)                                                          \
	case tag:                                                                                  \
		for (unsigned k = 0; k < LANES; k++) {                                             \
			const type low = highest, high = lowest;                                   \
			memcpy(lanes->low + k * sizeof low, &low, sizeof low);                     \
			memcpy(lanes->high + k * sizeof high, &high, sizeof high);                 \
		}                                                                                  \
		break;
#define END(tag, type)                                                                             \
	case tag:                                                                                  \
		for (unsigned k = 0; k < LANES; k++) {                                             \
			type low, high;                                                            \
			memcpy(&low, lanes->low + k * sizeof low, sizeof low);                     \
			memcpy(&high, lanes->high + k * sizeof high, sizeof high);                 \
			if (low > high)                                                            \
				continue;                                                          \
			const struct ozr_range_stats one = {(double)low, (double)high, 1};         \
			ozr_range_merge(r, &one);                                                  \
		}                                                                                  \
		break;

static void begin(struct lanes *lanes, enum ozr_dtype t)
{
	switch (t) {
		BEGIN(OZR_BOOL, uint8_t, 0, UINT8_MAX)
		BEGIN(OZR_INT8, int8_t, INT8_MIN, INT8_MAX)
		BEGIN(OZR_UINT8, uint8_t, 0, UINT8_MAX)
		BEGIN(OZR_INT16, int16_t, INT16_MIN, INT16_MAX)
		BEGIN(OZR_UINT16, uint16_t, 0, UINT16_MAX)
		BEGIN(OZR_INT32, int32_t, INT32_MIN, INT32_MAX)
		BEGIN(OZR_UINT32, uint32_t, 0, UINT32_MAX)
		BEGIN(OZR_INT64, int64_t, INT64_MIN, INT64_MAX)
		BEGIN(OZR_UINT64, uint64_t, 0, UINT64_MAX)
		BEGIN(OZR_FLOAT32, float, -INFINITY, INFINITY)
	default:
		BEGIN(OZR_FLOAT64, double, (double)-INFINITY, (double)INFINITY)
	}
}

static void end(const struct lanes *lanes, enum ozr_dtype t, struct ozr_range_stats *r)
{
	switch (t) {
		END(OZR_BOOL, uint8_t)
		END(OZR_INT8, int8_t)
		END(OZR_UINT8, uint8_t)
		END(OZR_INT16, int16_t)
		END(OZR_UINT16, uint16_t)
		END(OZR_INT32, int32_t)
		END(OZR_UINT32, uint32_t)
		END(OZR_INT64, int64_t)
		END(OZR_UINT64, uint64_t)
		END(OZR_FLOAT32, float)
	default:
		END(OZR_FLOAT64, double)
	}
}

void ozr_range_merge(struct ozr_range_stats *into, const struct ozr_range_stats *more)
{
	if (!more->any)
		return;
	if (!into->any || more->min < into->min)
		into->min = more->min;
	if (!into->any || more->max > into->max)
		into->max = more->max;
	into->any = 1;
}

static uint64_t distance(int64_t stride)
{
	return stride < 0 ? 0 - (uint64_t)stride : (uint64_t)stride;
}

/* The axis along which to run: elements lie closest. */
static unsigned line_axis(const struct ozr_box *box, unsigned rank)
{
	unsigned best = rank - 1;
	for (unsigned d = rank; d-- > 0;)
		if (box->count[d] > 1 && (box->count[best] == 1 ||
					  distance(box->stride[d]) < distance(box->stride[best])))
			best = d;
	return best;
}

struct ozr_range_stats ozr_range_of(const struct ozr_box *box, unsigned rank, const void *nodata)
{
	const uint64_t none[OZR_MAX_RANK] = {0};
	uint64_t at[OZR_MAX_RANK] = {0}, last[OZR_MAX_RANK];
	const unsigned axis = line_axis(box, rank);
	const kernel k = pick(box->dtype);
	struct ozr_range_stats r = {0};
	struct line l = {
		.step = box->stride[axis], .n = (size_t)box->count[axis], .nodata = nodata};
	struct lanes lanes;
	begin(&lanes, box->dtype);
	for (unsigned d = 0; d < rank; d++)
		last[d] = d == axis ? 0 : box->count[d] - 1;
	/* Outer axes that follow without a gap make the line longer. */
	for (unsigned d = axis; d-- > 0 && box->stride[d] == l.step * (int64_t)l.n;) {
		l.n *= (size_t)box->count[d];
		last[d] = 0;
	}
	do {
		l.first = box->data;
		for (unsigned d = 0; d < rank; d++)
			l.first += (int64_t)at[d] * box->stride[d];
		k(&lanes, &l);
	} while (ozr_odometer(at, none, last, rank));
	end(&lanes, box->dtype, &r);
	return r;
}
