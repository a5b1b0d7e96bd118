/* SPDX-License-Identifier: MIT */
/*
 * The mean by vector code: contiguous rows, factor 1 or 2 along the row, and
 * windows of 1, 2 or 4 rows, which is what pyramids of volumes and planes
 * need. Plain loops that the compiler vectorises; each is compiled twice, for
 * the base instruction set and for AVX2, and chosen at run time. Bit for bit
 * equal to reduce_mean.c, which also takes what is left over here.
 *
 * Integers of 8 and 16 bits are summed in 32 bits. Where elements may be left
 * out the divisor differs from window to window; the float quotient is exact
 * enough then: sums are below 2^20 and divisors at most 8, so a quotient that
 * is not a tie is at least 1/16 from one, and ties are exact.
 */
#include <math.h>

#include "ome/reduce_impl.h"

enum { MOST_ROWS = 4, FLOAT_BLOCK = 256 };

/* One line of whole windows: at most MOST_ROWS rows, `factor` * n elements each. */
struct job {
	const void *row[MOST_ROWS];
	void *out;
	size_t n;
	unsigned rows, factor;
	const void *nodata; /* NULL: none */
};

#define INLINE static inline __attribute__((always_inline))

/* Expand body(job, rows, factor) with constants, so that the inner loops unroll. */
#define EACH_SHAPE(body, j)                                                                        \
	switch ((j)->rows << 2 | (j)->factor) {                                                    \
	case 1 << 2 | 2:                                                                           \
		body(j, (j)->out, 1, 2);                                                           \
		break;                                                                             \
	case 2 << 2 | 1:                                                                           \
		body(j, (j)->out, 2, 1);                                                           \
		break;                                                                             \
	case 2 << 2 | 2:                                                                           \
		body(j, (j)->out, 2, 2);                                                           \
		break;                                                                             \
	case 4 << 2 | 1:                                                                           \
		body(j, (j)->out, 4, 1);                                                           \
		break;                                                                             \
	case 4 << 2 | 2:                                                                           \
		body(j, (j)->out, 4, 2);                                                           \
		break;                                                                             \
	default:                                                                                   \
		body(j, (j)->out, 1, 1);                                                           \
	}

#define ROWS(type, j)                                                                              \
	const type *const r[MOST_ROWS] = {(j)->row[0], (j)->row[1], (j)->row[2], (j)->row[3]};     \
	const size_t n = (j)->n

/* The sum of two neighbours. Bytes are taken as one word: the compiler splits words well. */
INLINE uint16_t pair_u8(const uint8_t *p)
{
	uint16_t w;
	memcpy(&w, p, sizeof w);
	return (uint16_t)((w & 0xff) + (w >> 8));
}

INLINE int16_t pair_i8(const int8_t *p)
{
	uint16_t w;
	memcpy(&w, p, sizeof w);
	return (int16_t)((int16_t)((int16_t)(w << 8) >> 8) + (int16_t)((int16_t)w >> 8));
}

INLINE uint32_t pair_u16(const uint16_t *p)
{
	return (uint32_t)p[0] + (uint32_t)p[1];
}

INLINE int32_t pair_i16(const int16_t *p)
{
	return (int32_t)p[0] + (int32_t)p[1];
}

INLINE uint64_t pair_u32(const uint32_t *p)
{
	return (uint64_t)p[0] + (uint64_t)p[1];
}

INLINE int64_t pair_i32(const int32_t *p)
{
	return (int64_t)p[0] + (int64_t)p[1];
}

/* All elements count: the divisor is a power of two. */
#define PLAIN_INT(name, type, sum_type, pair)                                                      \
	INLINE void name(const struct job *j, type *restrict out, unsigned rows, unsigned factor)  \
	{                                                                                          \
		ROWS(type, j);                                                                     \
		const unsigned total = rows * factor;                                              \
		const int shift = total == 8 ? 3 : total == 4 ? 2 : total == 2 ? 1 : 0;            \
		const sum_type below = (sum_type)(total > 1 ? total / 2 - 1 : 0);                  \
		for (size_t i = 0; i < n; i++) {                                                   \
			sum_type sum = 0;                                                          \
			for (unsigned k = 0; k < rows; k++)                                        \
				sum = (sum_type)(sum + (factor == 2 ? pair(r[k] + 2 * i)           \
								    : (sum_type)r[k][i]));         \
			const sum_type odd = shift ? (sum_type)(sum >> shift & 1) : 0;             \
			out[i] = (type)((sum_type)(sum + below + odd) >> shift);                   \
		}                                                                                  \
	}

/* Elements equal to nodata are left out, by masks: a condition would stop the compiler.
 * Adding and taking 1.5 * 2^23 rounds to even. */
#define SKIP_INT(name, type)                                                                       \
	INLINE void name(const struct job *j, type *restrict out, unsigned rows, unsigned factor)  \
	{                                                                                          \
		ROWS(type, j);                                                                     \
		const float magic = 12582912.0f;                                                   \
		type nodata;                                                                       \
		memcpy(&nodata, j->nodata, sizeof nodata);                                         \
		for (size_t i = 0; i < n; i++) {                                                   \
			int32_t sum = 0, kept = 0;                                                 \
			for (unsigned k = 0; k < rows; k++)                                        \
				for (unsigned x = 0; x < factor; x++) {                            \
					const int32_t v = r[k][i * factor + x];                    \
					const int32_t use = -(v != nodata);                        \
					sum += v & use;                                            \
					kept -= use;                                               \
				}                                                                  \
			const int32_t none = -(kept == 0);                                         \
			const float mean = (float)sum / (float)(kept - none);                      \
			const int32_t even = (int32_t)((mean + magic) - magic);                    \
			out[i] = (type)((even & ~none) | (nodata & none));                         \
		}                                                                                  \
	}

#define PLAIN_FLOAT(name, type)                                                                    \
	INLINE void name(const struct job *j, type *restrict out, unsigned rows, unsigned factor)  \
	{                                                                                          \
		ROWS(type, j);                                                                     \
		for (size_t i = 0; i < n; i++) {                                                   \
			type sum = 0;                                                              \
			for (unsigned k = 0; k < rows; k++)                                        \
				for (unsigned x = 0; x < factor; x++)                              \
					sum += r[k][i * factor + x];                               \
			out[i] = sum / (type)(rows * factor);                                      \
		}                                                                                  \
	}

/* A float where the mask is all ones, +0.0 where it is 0. */
INLINE float mask_f32(float v, uint32_t mask)
{
	uint32_t bits;
	memcpy(&bits, &v, sizeof v);
	bits &= mask;
	memcpy(&v, &bits, sizeof v);
	return v;
}

INLINE float mask_f32_select(float yes, float no, uint32_t mask)
{
	uint32_t a, b;
	memcpy(&a, &yes, sizeof a);
	memcpy(&b, &no, sizeof b);
	a = (a & mask) | (b & ~mask);
	memcpy(&yes, &a, sizeof a);
	return yes;
}

INLINE double mask_f64(double v, uint64_t mask)
{
	uint64_t bits;
	memcpy(&bits, &v, sizeof v);
	bits &= mask;
	memcpy(&v, &bits, sizeof v);
	return v;
}

INLINE double mask_f64_select(double yes, double no, uint64_t mask)
{
	uint64_t a, b;
	memcpy(&a, &yes, sizeof a);
	memcpy(&b, &no, sizeof b);
	a = (a & mask) | (b & ~mask);
	memcpy(&yes, &a, sizeof a);
	return yes;
}

/* NaN and nodata (NaN when there is none) are left out. Adding +0.0 for them changes no sum,
 * for no sum is -0.0. */
#define SKIP_FLOAT(name, type, bits_type, int_type, keep)                                          \
	INLINE void name(const struct job *j, type *restrict out, unsigned rows, unsigned factor)  \
	{                                                                                          \
		ROWS(type, j);                                                                     \
		const bits_type has = j->nodata ? ~(bits_type)0 : 0;                               \
		type nodata = (type)NAN;                                                           \
		if (has)                                                                           \
			memcpy(&nodata, j->nodata, sizeof nodata);                                 \
		for (size_t i = 0; i < n; i++) {                                                   \
			type sum = 0;                                                              \
			int_type kept = 0;                                                         \
			for (unsigned k = 0; k < rows; k++)                                        \
				for (unsigned x = 0; x < factor; x++) {                            \
					const type v = r[k][i * factor + x];                       \
					const int_type use =                                       \
						-(int_type)((v == v) & (v != nodata));             \
					sum += keep(v, (bits_type)use);                            \
					kept -= use;                                               \
				}                                                                  \
			const int_type none = -(int_type)(kept == 0);                              \
			const type empty = keep##_select(nodata, r[0][i * factor], has);           \
			const type mean = sum / (type)(kept - none);                               \
			out[i] = keep##_select(empty, mean, (bits_type)none);                      \
		}                                                                                  \
	}

typedef void (*kernel)(const struct job *j);

#define KERNEL(attribute, body, name)                                                              \
	attribute static void name(const struct job *j)                                            \
	{                                                                                          \
		EACH_SHAPE(body, j)                                                                \
	}
#define KERNELS(attribute, tag)                                                                    \
	KERNEL(attribute, plain_u8_body, plain_u8_##tag)                                           \
	KERNEL(attribute, plain_i8_body, plain_i8_##tag)                                           \
	KERNEL(attribute, plain_u16_body, plain_u16_##tag)                                         \
	KERNEL(attribute, plain_i16_body, plain_i16_##tag)                                         \
	KERNEL(attribute, plain_u32_body, plain_u32_##tag)                                         \
	KERNEL(attribute, plain_i32_body, plain_i32_##tag)                                         \
	KERNEL(attribute, plain_f32_body, plain_f32_##tag)                                         \
	KERNEL(attribute, plain_f64_body, plain_f64_##tag)                                         \
	KERNEL(attribute, skip_u8_body, skip_u8_##tag)                                             \
	KERNEL(attribute, skip_i8_body, skip_i8_##tag)                                             \
	KERNEL(attribute, skip_u16_body, skip_u16_##tag)                                           \
	KERNEL(attribute, skip_i16_body, skip_i16_##tag)                                           \
	KERNEL(attribute, skip_f32_body, skip_f32_##tag)                                           \
	KERNEL(attribute, skip_f64_body, skip_f64_##tag)                                           \
	static const kernel kernels_##tag[2][OZR_DTYPES] = {                                       \
		{[OZR_BOOL] = plain_u8_##tag,                                                      \
		 [OZR_INT8] = plain_i8_##tag,                                                      \
		 [OZR_UINT8] = plain_u8_##tag,                                                     \
		 [OZR_INT16] = plain_i16_##tag,                                                    \
		 [OZR_UINT16] = plain_u16_##tag,                                                   \
		 [OZR_INT32] = plain_i32_##tag,                                                    \
		 [OZR_UINT32] = plain_u32_##tag,                                                   \
		 [OZR_FLOAT32] = plain_f32_##tag,                                                  \
		 [OZR_FLOAT64] = plain_f64_##tag},                                                 \
		{[OZR_BOOL] = skip_u8_##tag,                                                       \
		 [OZR_INT8] = skip_i8_##tag,                                                       \
		 [OZR_UINT8] = skip_u8_##tag,                                                      \
		 [OZR_INT16] = skip_i16_##tag,                                                     \
		 [OZR_UINT16] = skip_u16_##tag,                                                    \
		 [OZR_FLOAT32] = skip_f32_##tag,                                                   \
		 [OZR_FLOAT64] = skip_f64_##tag},                                                  \
	};

PLAIN_INT(plain_u8_body, uint8_t, uint16_t, pair_u8)
PLAIN_INT(plain_i8_body, int8_t, int16_t, pair_i8)
PLAIN_INT(plain_u16_body, uint16_t, uint32_t, pair_u16)
PLAIN_INT(plain_i16_body, int16_t, int32_t, pair_i16)
PLAIN_INT(plain_u32_body, uint32_t, uint64_t, pair_u32)
PLAIN_INT(plain_i32_body, int32_t, int64_t, pair_i32)
SKIP_INT(skip_u8_body, uint8_t)
SKIP_INT(skip_i8_body, int8_t)
SKIP_INT(skip_u16_body, uint16_t)
SKIP_INT(skip_i16_body, int16_t)
PLAIN_FLOAT(plain_f32_body, float)
PLAIN_FLOAT(plain_f64_body, double)
SKIP_FLOAT(skip_f32_body, float, uint32_t, int32_t, mask_f32)
SKIP_FLOAT(skip_f64_body, double, uint64_t, int64_t, mask_f64)

KERNELS(, base)
#if defined(__x86_64__)
KERNELS(__attribute__((target("avx2"))), avx2)
#endif

static kernel pick(int skip, enum ozr_dtype t)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2"))
		return kernels_avx2[skip][t];
#endif
	return kernels_base[skip][t];
}

static int any_nan(const struct job *j, enum ozr_dtype t)
{
	int nan = 0;
	if (t == OZR_FLOAT32)
		for (size_t i = 0; i < j->n; i++)
			nan |= ((const float *)j->out)[i] != ((const float *)j->out)[i];
	else
		for (size_t i = 0; i < j->n; i++)
			nan |= ((const double *)j->out)[i] != ((const double *)j->out)[i];
	return nan;
}

/* Floats without nodata: assume that there is no NaN; a sum that took one (or infinities of
 * both signs) is NaN, and the block is made again with care. */
static void float_blocks(struct job *j, enum ozr_dtype t, kernel plain, kernel skip)
{
	const size_t n = j->n, size = ozr_dtype_size(t);
	for (size_t done = 0; done < n; done += j->n) {
		j->n = n - done < FLOAT_BLOCK ? n - done : FLOAT_BLOCK;
		plain(j);
		if (any_nan(j, t))
			skip(j);
		for (unsigned k = 0; k < j->rows; k++)
			j->row[k] = (const char *)j->row[k] + j->n * j->factor * size;
		j->out = (char *)j->out + j->n * size;
	}
}

size_t ozr_reduce_mean_fast(const struct ozr_line *l)
{
	const enum ozr_dtype t = l->how->dtype;
	const int64_t size = (int64_t)ozr_dtype_size(t);
	const int skip = l->how->has_nodata != 0;
	const kernel k = pick(skip, t);
	struct job j = {.out = l->dst, .n = (size_t)(l->width / l->factor)};
	if (!k || l->src_step != size || l->dst_step != size || l->factor > 2 ||
	    (l->rows != 1 && l->rows != 2 && l->rows != 4) || j.n == 0)
		return 0;
	/* Typed loads want aligned rows. */
	uintptr_t bits = (uintptr_t)l->dst;
	for (unsigned i = 0; i < MOST_ROWS; i++) {
		j.row[i] = ozr_line_row(l, i < l->rows ? i : 0);
		bits |= (uintptr_t)j.row[i];
	}
	if (bits & (uintptr_t)(size - 1))
		return 0;
	const size_t n = j.n;
	j.rows = (unsigned)l->rows;
	j.factor = l->factor;
	j.nodata = skip ? l->how->nodata : NULL;
	if (!skip && (t == OZR_FLOAT32 || t == OZR_FLOAT64))
		float_blocks(&j, t, k, pick(1, t));
	else
		k(&j);
	return n;
}
