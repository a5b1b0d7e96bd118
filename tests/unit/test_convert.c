/* SPDX-License-Identifier: MIT */
/*
 * Conversions between all pairs of types against a plain model in long double,
 * on special values, bounds and random bits, dense and with steps; and strided
 * n-d copies against a loop over elements.
 */
#include <float.h>
#include <math.h>

#include "array/copy_nd.h"
#include "ozr/array.h"
#include "support/check.h"

static const long double lowest[] = {0, INT8_MIN, 0, INT16_MIN, 0, INT32_MIN, 0, INT64_MIN, 0};
static const long double highest[] = {1,         INT8_MAX,   UINT8_MAX, INT16_MAX, UINT16_MAX,
				      INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX};

static long double load(const void *p, enum ozr_dtype t)
{
#define LOAD(T)                                                                                    \
	do {                                                                                       \
		T v;                                                                               \
		memcpy(&v, p, sizeof(v));                                                          \
		return (long double)v;                                                             \
	} while (0)
	switch (t) {
	case OZR_BOOL:
		return *(const unsigned char *)p != 0;
	case OZR_INT8:
		LOAD(int8_t);
	case OZR_UINT8:
		LOAD(uint8_t);
	case OZR_INT16:
		LOAD(int16_t);
	case OZR_UINT16:
		LOAD(uint16_t);
	case OZR_INT32:
		LOAD(int32_t);
	case OZR_UINT32:
		LOAD(uint32_t);
	case OZR_INT64:
		LOAD(int64_t);
	case OZR_UINT64:
		LOAD(uint64_t);
	case OZR_FLOAT32:
		LOAD(float);
	default:
		LOAD(double);
	}
}

static int is_float(enum ozr_dtype t)
{
	return t == OZR_FLOAT32 || t == OZR_FLOAT64;
}

/* The value that the destination must hold. */
static long double expected(long double v, enum ozr_dtype from, enum ozr_dtype to)
{
	if (to == OZR_BOOL)
		return v < 0 || v > 0;
	if (to == OZR_FLOAT64)
		return (long double)(double)v;
	if (to == OZR_FLOAT32) {
		if (from == OZR_FLOAT64 && fabsl(v) > (long double)FLT_MAX)
			return v > 0 ? (long double)INFINITY : -(long double)INFINITY;
		return (long double)(float)v;
	}
	if (isnan(v))
		return 0;
	if (from == OZR_FLOAT32) { /* the half is added in the source's precision */
		volatile float f = (float)v + (v >= 0 ? 0.5f : -0.5f);
		v = truncl((long double)f);
	} else if (from == OZR_FLOAT64) {
		volatile double d = (double)v + (v >= 0 ? 0.5 : -0.5);
		v = truncl((long double)d);
	}
	return v < lowest[to] ? lowest[to] : v > highest[to] ? highest[to] : v;
}

static int same(long double a, long double b)
{
	return (isnan(a) && isnan(b)) || (a == b && signbit(a) == signbit(b)) || (a == 0 && b == 0);
}

enum { N = 512 };

/* Special values, then random bits. */
static void make_values(unsigned char *src, enum ozr_dtype t, uint64_t *random)
{
	static const double special[] = {
		0.0,        -0.0,         0.49999997,    0.5,          -0.5,     1.5,
		-1.5,       2.5,          254.5,         255.4,        255.5,    256,
		-128.4,     -128.6,       127.5,         32767.5,      -32768.6, 65535.5,
		2147483647, 2147483648.5, -2147483649.0, 4294967295.5, 9.3e18,   1.9e19,
		-9.3e18,    3.5e38,       -3.5e38,       1e300,        1e-300,   0.0,
		8388609.5,  16777217.0,
	};
	unsigned item = ozr_dtype_size(t);
	for (size_t i = 0; i < N; i++) {
		uint64_t bits = next_random(random);
		memcpy(src + i * item, &bits, item);
		if (t == OZR_BOOL)
			src[i] &= 1;
	}
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		ozr_convert(&special[i], OZR_FLOAT64, 0, src + i * item, t, 0, 1);
	if (is_float(t)) {
		double odd[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
		for (size_t i = 0; i < 3; i++)
			ozr_convert(&odd[i], OZR_FLOAT64, 0, src + (40 + i) * item, t, 0, 1);
	}
}

static void check_pair(enum ozr_dtype from, enum ozr_dtype to, uint64_t *random)
{
	unsigned si = ozr_dtype_size(from), di = ozr_dtype_size(to);
	unsigned char src[N * 8], wide[N * 24 + 1], dst[N * 8], back[N * 24 + 1];
	make_values(src, from, random);
	ozr_convert(src, from, si, dst, to, di, N);
	for (size_t i = 0; i < N; i++) {
		long double v = load(src + i * si, from);
		long double got = load(dst + i * di, to), want = expected(v, from, to);
		if (!same(got, want)) {
			fprintf(stderr, "%s %.20Lg to %s: %.20Lg, expected %.20Lg\n",
				ozr_dtype_name(from), v, ozr_dtype_name(to), got, want);
			CHECK(0);
		}
		memcpy(wide + 1 + i * 24, src + i * si, si);
	}
	/* with steps, unaligned, and backwards */
	memset(back, 0x11, sizeof(back));
	ozr_convert(wide + 1, from, 24, back + 1 + (N - 1) * 24, to, -24, N);
	for (size_t i = 0; i < N; i++)
		CHECK(memcmp(back + 1 + (N - 1 - i) * 24, dst + i * di, di) == 0);
	for (size_t i = 1 + di; i < 25; i++)
		CHECK(back[i] == 0x11);
}

static void check_exact(void)
{
	/* what GDAL does, by hand */
	static const struct {
		double in;
		int u8, i16;
	} known[] = {{0.49, 0, 0},      {0.5, 1, 1},      {1.5, 2, 2},       {-0.49, 0, 0},
		     {-0.5, 0, -1},     {-1.5, 0, -2},    {254.5, 255, 255}, {300, 255, 300},
		     {1e9, 255, 32767}, {-1e9, 0, -32768}};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		uint8_t u;
		int16_t s;
		ozr_convert(&known[i].in, OZR_FLOAT64, 8, &u, OZR_UINT8, 1, 1);
		ozr_convert(&known[i].in, OZR_FLOAT64, 8, &s, OZR_INT16, 2, 1);
		CHECK(u == known[i].u8 && s == known[i].i16);
	}
}

/* --- copies -------------------------------------------------------------------- */

static void check_copy(uint64_t *random)
{
	enum { ROOM = 1 << 16 };
	static unsigned char src[ROOM], dst[ROOM], want[ROOM];
	struct ozr_copy how = {.rank = (unsigned)(next_random(random) % 5)};
	unsigned order[2][8];
	size_t n = 1;
	how.src_type = (enum ozr_dtype)(next_random(random) % OZR_DTYPES);
	how.dst_type = next_random(random) % 2 ? how.src_type
					       : (enum ozr_dtype)(next_random(random) % OZR_DTYPES);
	for (unsigned d = 0; d < how.rank; d++) {
		how.count[d] = (size_t)(next_random(random) % 7 + (next_random(random) % 9 != 0));
		n *= how.count[d];
	}
	for (int side = 0; side < 2; side++) { /* axes in random order in memory, with gaps */
		ptrdiff_t step = ozr_dtype_size(side ? how.dst_type : how.src_type);
		for (unsigned d = 0; d < how.rank; d++)
			order[side][d] = d;
		for (unsigned d = how.rank; d > 1; d--) {
			unsigned k = (unsigned)(next_random(random) % d), t = order[side][k];
			order[side][k] = order[side][d - 1];
			order[side][d - 1] = t;
		}
		if (next_random(random) % 2)
			step *= 2;
		for (unsigned k = 0; k < how.rank; k++) {
			unsigned d = order[side][k];
			*(side ? &how.dst_step[d] : &how.src_step[d]) = step;
			step *= (ptrdiff_t)(how.count[d] ? how.count[d] : 1);
		}
		if (!side && next_random(random) % 8 == 0)
			memset(how.src_step, 0, sizeof(how.src_step)); /* one value for all */
	}
	for (size_t i = 0; i < ROOM; i++)
		src[i] = how.src_type == OZR_BOOL ? next_random(random) & 1
						  : (unsigned char)next_random(random);
	memset(dst, 0x5a, ROOM);
	memset(want, 0x5a, ROOM);
	size_t at[8] = {0};
	for (size_t i = 0; i < n; i++) {
		const unsigned char *s = src;
		unsigned char *t = want;
		for (unsigned d = 0; d < how.rank; d++) {
			s += how.src_step[d] * (ptrdiff_t)at[d];
			t += how.dst_step[d] * (ptrdiff_t)at[d];
		}
		ozr_convert(s, how.src_type, 0, t, how.dst_type, 0, 1);
		for (unsigned d = 0; d < how.rank; d++) {
			if (++at[d] < how.count[d])
				break;
			at[d] = 0;
		}
	}
	ozr_copy_nd(&how, src, dst);
	CHECK(memcmp(dst, want, ROOM) == 0);
}

int main(void)
{
	uint64_t random = 1;
	for (int round = 0; round < 20; round++)
		for (unsigned from = 0; from < OZR_DTYPES; from++)
			for (unsigned to = 0; to < OZR_DTYPES; to++)
				check_pair((enum ozr_dtype)from, (enum ozr_dtype)to, &random);
	check_exact();
	for (int i = 0; i < 4000; i++)
		check_copy(&random);
	return 0;
}
