/* SPDX-License-Identifier: MIT */
/*
 * Reduction kernels against a model that gathers each window by itself: all
 * methods and types, random shapes, factors and strides, ragged ends, NaN and
 * nodata. Results must be equal bit by bit (any NaN equals any NaN).
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ozr/pyramid.h"

__extension__ typedef __int128 wide;

static uint64_t seed = 88172645463325252u;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static unsigned below(unsigned n)
{
	return (unsigned)(rnd() % n);
}

/* One element, in every reading. */
struct value {
	wide i;
	double f;
	int is_float, is_nan;
	unsigned char raw[8];
};

static struct value load(const void *p, enum ozr_dtype t)
{
	struct value v = {0};
	memcpy(v.raw, p, ozr_dtype_size(t));
	switch (t) {
#define CASE(tag, type)                                                                            \
	case tag: {                                                                                \
		type x;                                                                            \
		memcpy(&x, p, sizeof x);                                                           \
		v.i = (wide)x;                                                                     \
		break;                                                                             \
	}
		CASE(OZR_BOOL, uint8_t)
		CASE(OZR_INT8, int8_t)
		CASE(OZR_UINT8, uint8_t)
		CASE(OZR_INT16, int16_t)
		CASE(OZR_UINT16, uint16_t)
		CASE(OZR_INT32, int32_t)
		CASE(OZR_UINT32, uint32_t)
		CASE(OZR_INT64, int64_t)
		CASE(OZR_UINT64, uint64_t)
	case OZR_FLOAT32: {
		float x;
		memcpy(&x, p, sizeof x);
		v.f = (double)x;
		v.is_float = 1;
		break;
	}
	default:
		memcpy(&v.f, p, sizeof v.f);
		v.is_float = 1;
	}
	v.is_nan = v.is_float && isnan(v.f);
	return v;
}

static int equal(const struct value *a, const struct value *b)
{
	if (a->is_nan || b->is_nan)
		return a->is_nan && b->is_nan;
	return a->is_float ? a->f == b->f : a->i == b->i;
}

static int less(const struct value *a, const struct value *b)
{
	if (a->is_nan || b->is_nan)
		return b->is_nan && !a->is_nan;
	return a->is_float ? a->f < b->f : a->i < b->i;
}

static void put_int(wide x, enum ozr_dtype t, unsigned char *out)
{
	const uint64_t bits = (uint64_t)x; /* little endian: the low bytes are the element */
	memcpy(out, &bits, ozr_dtype_size(t));
}

static void model_mean(const struct value *v, size_t n, const struct ozr_reduce *how,
		       unsigned char *out)
{
	const struct value nodata = load(how->nodata, how->dtype);
	wide sum = 0;
	float f32 = 0;
	double f64 = 0;
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		if (v[i].is_nan || (how->has_nodata && equal(&v[i], &nodata)))
			continue;
		sum += v[i].i;
		f32 += (float)v[i].f;
		f64 += v[i].f;
		kept++;
	}
	if (!kept) {
		memcpy(out, how->has_nodata ? how->nodata : v[0].raw, 8);
	} else if (how->dtype == OZR_FLOAT32) {
		f32 /= (float)kept;
		memcpy(out, &f32, sizeof f32);
	} else if (how->dtype == OZR_FLOAT64) {
		f64 /= (double)kept;
		memcpy(out, &f64, sizeof f64);
	} else {
		/* Twice the sum, shifted up to be positive: no signed division to think about. */
		const wide m = (wide)kept, up = ((wide)1 << 66) * m;
		const wide q = (sum + up) / m, r = (sum + up) % m;
		wide even = q;
		if (2 * r > m || (2 * r == m && (q & 1)))
			even++;
		put_int(even - ((wide)1 << 66), how->dtype, out);
	}
}

static void model_mode(const struct value *v, size_t n, unsigned char *out)
{
	const struct value *best = NULL;
	size_t best_count = 0;
	for (size_t i = 0; i < n; i++) {
		size_t count = 0;
		const struct value *pick = &v[i];
		for (size_t j = 0; j < n; j++)
			if (equal(&v[i], &v[j])) {
				count++;
				if (v[j].is_float && !signbit(v[j].f))
					pick = &v[j];
			}
		if (count > best_count || (count == best_count && less(pick, best))) {
			best_count = count;
			best = pick;
		}
	}
	memcpy(out, best->raw, 8);
}

struct box {
	struct ozr_reduce how;
	uint64_t out[OZR_MAX_RANK];
	unsigned char *src, *dst; /* allocations */
	unsigned char *first;     /* element 0 of the source */
};

static const unsigned char *source_at(const struct box *b, const uint64_t *at)
{
	const unsigned char *p = b->first;
	for (unsigned d = 0; d < b->how.rank; d++)
		p += (int64_t)at[d] * b->how.src_stride[d];
	return p;
}

/* Next position below `count`, C order; 0 at the end. */
static int step(uint64_t *at, const uint64_t *count, unsigned rank)
{
	while (rank-- > 0) {
		if (++at[rank] < count[rank])
			return 1;
		at[rank] = 0;
	}
	return 0;
}

static void model(const struct box *b, const uint64_t *o, unsigned char *out)
{
	static struct value v[1 << 13];
	uint64_t count[OZR_MAX_RANK], at[OZR_MAX_RANK] = {0}, p[OZR_MAX_RANK];
	size_t n = 0;
	for (unsigned d = 0; d < b->how.rank; d++) {
		const uint64_t rest = b->how.count[d] - o[d] * b->how.factor[d];
		count[d] = rest < b->how.factor[d] ? rest : b->how.factor[d];
	}
	do {
		for (unsigned d = 0; d < b->how.rank; d++)
			p[d] = o[d] * b->how.factor[d] + at[d];
		assert_true(n < sizeof v / sizeof *v);
		v[n++] = load(source_at(b, p), b->how.dtype);
	} while (step(at, count, b->how.rank));
	int copy = b->how.method == OZR_NEAREST;
	int ones = 1;
	for (unsigned d = 0; d < b->how.rank; d++)
		ones &= b->how.factor[d] == 1;
	if (copy || ones)
		memcpy(out, v[0].raw, 8);
	else if (b->how.method == OZR_MODE)
		model_mode(v, n, out);
	else
		model_mean(v, n, &b->how, out);
}

static void fill_source(unsigned char *p, size_t bytes, enum ozr_dtype t)
{
	const unsigned style = below(3), size = ozr_dtype_size(t);
	for (size_t i = 0; i + size <= bytes; i += size) {
		uint64_t r = rnd();
		float f32 = (float)(int)(r % 7) - 3.0f;
		double f64 = (double)f32;
		if (style == 0 || t == OZR_BOOL)
			r %= t == OZR_BOOL ? 2 : 4;
		else if (style == 1) /* the extremes, where sums overflow first */
			r = r % 3 == 0   ? UINT64_MAX
			    : r % 3 == 1 ? (uint64_t)1 << (8 * size - 1)
					 : r;
		if (style) {
			f32 = ldexpf((float)(int32_t)rnd(), (int)below(60) - 30);
			f64 = ldexp((double)(int64_t)rnd(), (int)below(60) - 30);
		}
		if (style == 2 && below(9) == 0)
			f32 = NAN, f64 = (double)NAN;
		if (style == 0 && f32 == 0.0f && (r & 1))
			f32 = -0.0f, f64 = -0.0;
		if (t == OZR_FLOAT32)
			memcpy(p + i, &f32, size);
		else if (t == OZR_FLOAT64)
			memcpy(p + i, &f64, size);
		else
			memcpy(p + i, &r, size);
	}
}

/* Strides of an array with the given extents: some axis order, some padding, some axes
 * walking down. Returns bytes needed; *origin is where element 0 lies. */
static size_t layout(unsigned rank, const uint64_t *count, unsigned size, int plain,
		     int64_t *stride, size_t *origin)
{
	unsigned order[OZR_MAX_RANK];
	size_t bytes = size;
	*origin = 0;
	for (unsigned d = 0; d < rank; d++)
		order[d] = rank - 1 - d;
	for (unsigned d = 0; d < rank && !plain; d++) {
		const unsigned e = below(rank), swap = order[d];
		order[d] = order[e];
		order[e] = swap;
	}
	for (unsigned d = 0; d < rank; d++) {
		const unsigned axis = order[d];
		stride[axis] = (int64_t)bytes;
		if (!plain && below(5) == 0) {
			*origin += bytes * (size_t)(count[axis] - 1);
			stride[axis] = -(int64_t)bytes;
		}
		bytes *= (size_t)count[axis];
		if (!plain && below(3) == 0)
			bytes += size * (1 + below(3));
	}
	return bytes;
}

static void random_box(struct box *b, enum ozr_dtype t)
{
	struct ozr_reduce *h = &b->how;
	const unsigned size = ozr_dtype_size(t);
	const int plain = below(2) == 0;
	size_t elements = 1, origin, zero;
	memset(b, 0, sizeof *b);
	h->dtype = t;
	h->method = (enum ozr_method)below(3);
	h->rank = 1 + below(4);
	for (unsigned d = h->rank; d-- > 0;) {
		const unsigned most = d == h->rank - 1 && below(3) == 0 ? 700 : 9;
		h->count[d] = 1 + below(most);
		h->factor[d] = below(3) ? 1 + below(2) : 1 + below(5);
		elements *= (size_t)h->count[d];
		b->out[d] = (h->count[d] + h->factor[d] - 1) / h->factor[d];
	}
	if (below(20) == 0) /* one window of everything */
		for (unsigned d = 0; d < h->rank && elements < 1 << 12; d++) {
			h->factor[d] = 1000;
			b->out[d] = 1;
		}
	const size_t bytes = layout(h->rank, h->count, size, plain, h->src_stride, &origin);
	b->src = malloc(bytes);
	b->dst = malloc(layout(h->rank, b->out, size, 1, h->dst_stride, &zero));
	assert_non_null(b->src);
	assert_non_null(b->dst);
	fill_source(b->src, bytes, t);
	b->first = b->src + origin;
	h->has_nodata = below(3) == 0;
	const uint64_t zeros[OZR_MAX_RANK] = {0};
	if (h->has_nodata)
		memcpy(h->nodata, source_at(b, zeros), size);
}

static void compare(const struct box *b)
{
	const unsigned size = ozr_dtype_size(b->how.dtype);
	uint64_t o[OZR_MAX_RANK] = {0};
	do {
		unsigned char want[8] = {0};
		const unsigned char *got = b->dst;
		for (unsigned d = 0; d < b->how.rank; d++)
			got += (int64_t)o[d] * b->how.dst_stride[d];
		model(b, o, want);
		const struct value w = load(want, b->how.dtype), g = load(got, b->how.dtype);
		if ((w.is_nan && g.is_nan) || memcmp(got, want, size) == 0)
			continue;
		print_message("%s method %d nodata %d rank %u, output %llu %llu %llu %llu\n",
			      ozr_dtype_name(b->how.dtype), (int)b->how.method, b->how.has_nodata,
			      b->how.rank, (unsigned long long)o[0], (unsigned long long)o[1],
			      (unsigned long long)o[2], (unsigned long long)o[3]);
		for (unsigned i = 0; i < size; i++)
			print_message("%02x/%02x ", got[i], want[i]);
		fail();
	} while (step(o, b->out, b->how.rank));
}

static void test_against_model(void **state)
{
	(void)state;
	for (int t = 0; t < OZR_DTYPES; t++)
		for (int round = 0; round < 400; round++) {
			struct box b;
			struct ozr_err err;
			random_box(&b, (enum ozr_dtype)t);
			assert_int_equal(ozr_reduce_box(&b.how, b.first, b.dst, &err), OZR_OK);
			compare(&b);
			free(b.src);
			free(b.dst);
		}
}

/* Volumes and planes with factors 1 and 2, contiguous: the vector code, on both sides of its
 * block sizes. */
static void test_vector_shapes(void **state)
{
	static const unsigned widths[] = {1,   2,   3,   31,  32,  63,  64,
					  127, 255, 256, 511, 512, 513, 1026};
	(void)state;
	for (int t = 0; t < OZR_DTYPES; t++)
		for (unsigned k = 0; k < 8 * sizeof widths / sizeof *widths; k++) {
			struct box b = {.how = {.dtype = (enum ozr_dtype)t, .rank = 3}};
			size_t origin;
			const unsigned size = ozr_dtype_size(b.how.dtype);
			b.how.count[0] = 1 + below(3);
			b.how.count[1] = 1 + below(5);
			b.how.count[2] = widths[k / 8];
			for (unsigned d = 0; d < 3; d++) {
				b.how.factor[d] = 1 + (k >> d & 1);
				b.out[d] = (b.how.count[d] + b.how.factor[d] - 1) / b.how.factor[d];
			}
			const size_t n = layout(3, b.how.count, size, 1, b.how.src_stride, &origin);
			b.src = b.first = malloc(n);
			b.dst = malloc(layout(3, b.out, size, 1, b.how.dst_stride, &origin));
			assert_true(b.src && b.dst);
			fill_source(b.src, n, b.how.dtype);
			memcpy(b.how.nodata, b.src, size);
			for (b.how.has_nodata = 0; b.how.has_nodata < 2; b.how.has_nodata++) {
				assert_int_equal(ozr_reduce_box(&b.how, b.src, b.dst, NULL),
						 OZR_OK);
				compare(&b);
			}
			free(b.src);
			free(b.dst);
		}
}

static void test_known_values(void **state)
{
	const uint8_t ties[] = {0, 1, 1, 2, 2, 3, 3, 4, 254, 255, 255, 255, 7};
	const uint8_t even[] = {0, 2, 2, 4, 254, 255, 7};
	const int8_t negative[] = {-1, 0, -1, -2, -128, -127, -3, -2};
	const int8_t negative_even[] = {0, -2, -128, -2};
	const uint64_t large[] = {UINT64_MAX, UINT64_MAX - 1, UINT64_MAX, UINT64_MAX};
	const uint64_t large_even[] = {UINT64_MAX - 1, UINT64_MAX};
	struct ozr_reduce h = {.rank = 1, .factor = {2}};
	unsigned char out[64];
	(void)state;
	h.dtype = OZR_UINT8;
	h.count[0] = sizeof ties;
	h.src_stride[0] = h.dst_stride[0] = 1;
	assert_int_equal(ozr_reduce_box(&h, ties, out, NULL), OZR_OK);
	assert_memory_equal(out, even, sizeof even);
	h.dtype = OZR_INT8;
	h.count[0] = sizeof negative;
	assert_int_equal(ozr_reduce_box(&h, negative, out, NULL), OZR_OK);
	assert_memory_equal(out, negative_even, sizeof negative_even);
	h.dtype = OZR_UINT64;
	h.count[0] = 4;
	h.src_stride[0] = h.dst_stride[0] = 8;
	assert_int_equal(ozr_reduce_box(&h, large, out, NULL), OZR_OK);
	assert_memory_equal(out, large_even, sizeof large_even);
}

static void test_bad_arguments(void **state)
{
	const unsigned char one[8] = {0};
	unsigned char out[8];
	struct ozr_err err;
	struct ozr_reduce h = {.rank = 1, .factor = {2}, .count = {1}, .src_stride = {1}};
	(void)state;
	h.dtype = OZR_UINT8;
	h.factor[0] = 0;
	assert_int_equal(ozr_reduce_box(&h, one, out, &err), OZR_BAD_ARG);
	h.factor[0] = 2;
	h.rank = 0;
	assert_int_equal(ozr_reduce_box(&h, one, out, &err), OZR_BAD_ARG);
	h.rank = OZR_MAX_RANK + 1;
	assert_int_equal(ozr_reduce_box(&h, one, out, &err), OZR_BAD_ARG);
	h.rank = 1;
	h.dtype = OZR_DTYPES;
	assert_int_equal(ozr_reduce_box(&h, one, out, &err), OZR_BAD_ARG);
	h.dtype = OZR_UINT8;
	h.method = (enum ozr_method)9;
	assert_int_equal(ozr_reduce_box(&h, one, out, &err), OZR_BAD_ARG);
	h.method = OZR_MEAN;
	h.count[0] = UINT64_MAX;
	h.factor[0] = UINT32_MAX;
	assert_int_equal(ozr_reduce_box(&h, one, out, &err), OZR_LIMIT);
	h.count[0] = 0;
	assert_int_equal(ozr_reduce_box(&h, NULL, NULL, &err), OZR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_model),
		cmocka_unit_test(test_vector_shapes),
		cmocka_unit_test(test_known_values),
		cmocka_unit_test(test_bad_arguments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
