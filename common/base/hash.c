/* SPDX-License-Identifier: MIT */
/*
 * A 64-bit hash in the manner of MurmurHash: eight bytes a step, a final
 * mixer that spreads every bit. For cache keys and fingerprints, not against
 * adversaries.
 */
#include <string.h>

#include "base/ctx.h"

static uint64_t mix(uint64_t h)
{
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}

static uint64_t absorb(uint64_t h, uint64_t v)
{
	v *= UINT64_C(0x87c37b91114253d5);
	v = v << 31 | v >> 33;
	h ^= v * UINT64_C(0x4cf5ad432745937f);
	h = h << 27 | h >> 37;
	return h * 5 + UINT64_C(0x52dce729);
}

uint64_t ozr_hash(uint64_t seed, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	uint64_t h = mix(seed ^ UINT64_C(0x9e3779b97f4a7c15));
	uint64_t v;

	for (size_t left = n; left > 0; left -= left < 8 ? left : 8, p += 8) {
		v = 0;
		memcpy(&v, p, left < 8 ? left : 8);
		h = absorb(h, v);
	}
	return mix(h ^ n);
}
