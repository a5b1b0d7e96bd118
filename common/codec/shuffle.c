/* SPDX-License-Identifier: MIT */
/*
 * Byte shuffle: all first bytes of the items, then all second ones, and so on.
 * Vectors for items of 2, 4 and 8 bytes (SSE2, or AVX2 where the processor has
 * it, asked at each call), plain loops for the rest.
 */
#include <string.h>

#include "codec/blosc.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define NAME(x) x##_sse2
#define TARGET
#define VEC         __m128i
#define LOAD(p)     _mm_loadu_si128((const __m128i *)(const void *)(p))
#define STORE(p, v) _mm_storeu_si128((__m128i *)(void *)(p), v)
#define SPLIT(a, b, even, odd)                                                                     \
	do {                                                                                       \
		__m128i m_ = _mm_set1_epi16(0xff);                                                 \
		__m128i e_ = _mm_packus_epi16(_mm_and_si128(a, m_), _mm_and_si128(b, m_));         \
		odd = _mm_packus_epi16(_mm_srli_epi16(a, 8), _mm_srli_epi16(b, 8));                \
		even = e_;                                                                         \
	} while (0)
#define JOIN(even, odd, a, b)                                                                      \
	do {                                                                                       \
		__m128i a_ = _mm_unpacklo_epi8(even, odd);                                         \
		b = _mm_unpackhi_epi8(even, odd);                                                  \
		a = a_;                                                                            \
	} while (0)
#include "codec/shuffle_kernels.h"

/* The 256-bit instructions work on two halves: quarters are put in order before or after. */
#define NAME(x)     x##_avx2
#define TARGET      __attribute__((target("avx2")))
#define VEC         __m256i
#define LOAD(p)     _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define STORE(p, v) _mm256_storeu_si256((__m256i *)(void *)(p), v)
#define ORDER(v)    _mm256_permute4x64_epi64(v, 0xd8)
#define SPLIT(a, b, even, odd)                                                                     \
	do {                                                                                       \
		__m256i m_ = _mm256_set1_epi16(0xff);                                              \
		__m256i e_ =                                                                       \
			_mm256_packus_epi16(_mm256_and_si256(a, m_), _mm256_and_si256(b, m_));     \
		__m256i o_ =                                                                       \
			_mm256_packus_epi16(_mm256_srli_epi16(a, 8), _mm256_srli_epi16(b, 8));     \
		even = ORDER(e_);                                                                  \
		odd = ORDER(o_);                                                                   \
	} while (0)
#define JOIN(even, odd, a, b)                                                                      \
	do {                                                                                       \
		__m256i e_ = ORDER(even), o_ = ORDER(odd);                                         \
		a = _mm256_unpacklo_epi8(e_, o_);                                                  \
		b = _mm256_unpackhi_epi8(e_, o_);                                                  \
	} while (0)
#include "codec/shuffle_kernels.h"

static size_t shuffle_fast(unsigned item, size_t count, const unsigned char *s, unsigned char *d)
{
	return __builtin_cpu_supports("avx2") ? shuffle_avx2(item, count, s, d)
					      : shuffle_sse2(item, count, s, d);
}

static size_t unshuffle_fast(unsigned item, size_t count, const unsigned char *s, unsigned char *d)
{
	return __builtin_cpu_supports("avx2") ? unshuffle_avx2(item, count, s, d)
					      : unshuffle_sse2(item, count, s, d);
}
#else
static size_t shuffle_fast(unsigned item, size_t count, const unsigned char *s, unsigned char *d)
{
	(void)item, (void)count, (void)s, (void)d;
	return 0;
}

static size_t unshuffle_fast(unsigned item, size_t count, const unsigned char *s, unsigned char *d)
{
	(void)item, (void)count, (void)s, (void)d;
	return 0;
}
#endif

void ozr_shuffle(unsigned item, size_t n, const void *src, void *dst)
{
	const unsigned char *s = src;
	unsigned char *d = dst;
	size_t count = n / item, whole = count * item;
	size_t done = shuffle_fast(item, count, s, d);
	for (unsigned k = 0; k < item; k++)
		for (size_t i = done; i < count; i++)
			d[k * count + i] = s[i * item + k];
	memcpy(d + whole, s + whole, n - whole);
}

void ozr_unshuffle(unsigned item, size_t n, const void *src, void *dst)
{
	const unsigned char *s = src;
	unsigned char *d = dst;
	size_t count = n / item, whole = count * item;
	for (size_t i = unshuffle_fast(item, count, s, d); i < count; i++)
		for (unsigned k = 0; k < item; k++)
			d[i * item + k] = s[k * count + i];
	memcpy(d + whole, s + whole, n - whole);
}
