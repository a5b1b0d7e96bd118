/* SPDX-License-Identifier: MIT */
/*
 * The mode of windows: the most frequent element, the smallest of equals.
 * Works on sort keys (unsigned integers in the order of the values), so that
 * all types share the code. All NaN are one value, greater than any other;
 * -0.0 and +0.0 are one value. Nodata is a value like any other: a label is
 * never invented.
 */
#include "base/ckd.h"
#include "ome/reduce_impl.h"

enum { KEYS = 512 }; /* windows up to this size are sorted; larger ones are scanned repeatedly */

struct kind {
	unsigned bits;
	int is_signed, is_float;
	uint64_t sign, nan; /* sign bit; smallest magnitude that is NaN */
};

static struct kind kind_of(enum ozr_dtype t)
{
	struct kind k = {.bits = 8 * ozr_dtype_size(t)};
	k.sign = (uint64_t)1 << (k.bits - 1);
	k.is_float = t == OZR_FLOAT32 || t == OZR_FLOAT64;
	k.is_signed = t == OZR_INT8 || t == OZR_INT16 || t == OZR_INT32 || t == OZR_INT64;
	k.nan = t == OZR_FLOAT32 ? UINT64_C(0x7f800001) : UINT64_C(0x7ff0000000000001);
	return k;
}

static inline uint64_t to_key(const struct kind *k, uint64_t raw)
{
	const uint64_t all = k->sign | (k->sign - 1);
	if (k->is_signed)
		return raw ^ k->sign;
	if (!k->is_float)
		return raw;
	if ((raw & ~k->sign) >= k->nan)
		return all;
	return raw & k->sign ? ~raw & all : raw | k->sign;
}

static inline uint64_t from_key(const struct kind *k, uint64_t key)
{
	const uint64_t all = k->sign | (k->sign - 1);
	if (k->is_signed)
		return key ^ k->sign;
	if (!k->is_float)
		return key;
	if (key == all) /* the quiet NaN with an empty payload */
		return k->nan + (k->bits == 32 ? UINT64_C(0x3fffff) : UINT64_C(0x7ffffffffffff));
	return key & k->sign ? key & ~k->sign : ~key & all;
}

/* Two keys that count as one value: equal, or the two zeros (whose keys are neighbours). */
static inline int same(const struct kind *k, uint64_t low, uint64_t high)
{
	return low == high || (k->is_float && high == k->sign && low == k->sign - 1);
}

static void sort(uint64_t *key, size_t n)
{
	static const size_t gaps[] = {132, 57, 23, 10, 4, 1};
	for (size_t g = n > 16 ? 0 : 5; g < sizeof gaps / sizeof *gaps; g++)
		for (size_t i = gaps[g]; i < n; i++) {
			const uint64_t v = key[i];
			size_t j = i;
			for (; j >= gaps[g] && key[j - gaps[g]] > v; j -= gaps[g])
				key[j] = key[j - gaps[g]];
			key[j] = v;
		}
}

static uint64_t most_frequent(const struct kind *k, uint64_t *key, size_t n)
{
	size_t best = 0, best_run = 1, run = 1;
	sort(key, n);
	for (size_t i = 1; i < n; i++) {
		run = same(k, key[i - 1], key[i]) ? run + 1 : 1;
		if (run > best_run) {
			best_run = run;
			best = i;
		}
	}
	return key[best];
}

static inline uint64_t load(const char *p, size_t size)
{
	uint64_t v64;
	uint32_t v32;
	uint16_t v16;
	switch (size) {
	case 1:
		return (unsigned char)*p;
	case 2:
		memcpy(&v16, p, 2);
		return v16;
	case 4:
		memcpy(&v32, p, 4);
		return v32;
	default:
		memcpy(&v64, p, 8);
		return v64;
	}
}

static inline void store(char *p, uint64_t v, size_t size)
{
	const uint32_t v32 = (uint32_t)v;
	const uint16_t v16 = (uint16_t)v;
	switch (size) {
	case 1:
		*p = (char)(unsigned char)v;
		break;
	case 2:
		memcpy(p, &v16, 2);
		break;
	case 4:
		memcpy(p, &v32, 4);
		break;
	default:
		memcpy(p, &v, 8);
	}
}

/* The smallest key of a large window from `floor` on; *count elements have this value (0: there
 * is none), *top is the greatest of their keys. */
static uint64_t next_value(const struct ozr_line *l, const struct kind *k, size_t i, size_t size,
			   uint64_t floor, uint64_t *count, uint64_t *top)
{
	const int64_t from = (int64_t)i * l->factor * l->src_step;
	const unsigned w = ozr_line_window(l, i);
	uint64_t low = UINT64_MAX;
	*count = 0;
	for (int pass = 0; pass < 2; pass++)
		for (uint64_t row = 0; row < l->rows; row++) {
			const char *p = ozr_line_row(l, row) + from;
			for (unsigned j = 0; j < w; j++, p += l->src_step) {
				const uint64_t key = to_key(k, load(p, size));
				if (pass == 0 && key >= floor && key < low)
					low = key;
				if (pass == 0 || key < floor || !same(k, low, key))
					continue;
				*top = *count && *top > key ? *top : key;
				++*count;
			}
		}
	return low;
}

/* A window that is too large to be sorted: count value after value, in rising order. */
static uint64_t scan(const struct ozr_line *l, const struct kind *k, size_t i, size_t size)
{
	uint64_t best = 0, best_count = 0, floor = 0, count, top = 0;
	do {
		next_value(l, k, i, size, floor, &count, &top);
		if (count > best_count) {
			best_count = count;
			best = top;
		}
		floor = top + 1;
	} while (count && top != UINT64_MAX);
	return best;
}

/* The bits of the result for output i. Windows of one value, most of a label image, are
 * found without sorting. */
static inline uint64_t mode_of(const struct ozr_line *l, const struct kind *k, size_t i,
			       size_t size)
{
	const int64_t from = (int64_t)i * l->factor * l->src_step;
	const unsigned w = ozr_line_window(l, i);
	const uint64_t first = load(l->src + from, size);
	uint64_t raw[KEYS], different = 0;
	size_t n = 0;
	if (l->rows * w > KEYS)
		return from_key(k, scan(l, k, i, size));
	for (uint64_t row = 0; row < l->rows; row++) {
		const char *p = ozr_line_row(l, row) + from;
		for (unsigned j = 0; j < w; j++, p += l->src_step)
			different |= first ^ (raw[n++] = load(p, size));
	}
	if (!different)
		return first;
	for (size_t j = 0; j < n; j++)
		raw[j] = to_key(k, raw[j]);
	return from_key(k, most_frequent(k, raw, n));
}

static inline void mode_line(const struct ozr_line *l, size_t size)
{
	const struct kind k = kind_of(l->how->dtype);
	char *q = l->dst;
	for (size_t i = 0; i < l->n; i++, q += l->dst_step)
		store(q, mode_of(l, &k, i, size), size);
}

void ozr_reduce_mode(const struct ozr_line *l)
{
	switch (ozr_dtype_size(l->how->dtype)) {
	case 1:
		mode_line(l, 1);
		break;
	case 2:
		mode_line(l, 2);
		break;
	case 4:
		mode_line(l, 4);
		break;
	default:
		mode_line(l, 8);
	}
}
