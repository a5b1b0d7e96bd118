/* SPDX-License-Identifier: MIT */
/*
 * Checked arithmetic for everything that comes from outside. Each function
 * returns 1 on overflow (result untouched), 0 otherwise.
 */
#ifndef OZR_BASE_CKD_H
#define OZR_BASE_CKD_H

#include <stddef.h>
#include <stdint.h>

static inline int ozr_ckd_add(uint64_t a, uint64_t b, uint64_t *out)
{
	uint64_t r;
	if (__builtin_add_overflow(a, b, &r))
		return 1;
	*out = r;
	return 0;
}

static inline int ozr_ckd_mul(uint64_t a, uint64_t b, uint64_t *out)
{
	uint64_t r;
	if (__builtin_mul_overflow(a, b, &r))
		return 1;
	*out = r;
	return 0;
}

/* UINT64_MAX when it does not fit. */
static inline uint64_t ozr_sat_mul(uint64_t a, uint64_t b)
{
	uint64_t r;
	return __builtin_mul_overflow(a, b, &r) ? UINT64_MAX : r;
}

/* Product of n extents times item; 1 on overflow. */
static inline int ozr_ckd_product(const uint64_t *extent, unsigned n, uint64_t item, uint64_t *out)
{
	uint64_t r = item;
	for (unsigned d = 0; d < n; d++)
		if (ozr_ckd_mul(r, extent[d], &r))
			return 1;
	*out = r;
	return 0;
}

static inline int ozr_ckd_size(uint64_t a, size_t *out)
{
	if (a > SIZE_MAX / 2)
		return 1;
	*out = (size_t)a;
	return 0;
}

static inline uint64_t ozr_ceil_div(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
}

static inline uint64_t ozr_min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t ozr_max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

#endif
