/* SPDX-License-Identifier: MIT */
/*
 * The `bytes` codec: byte order. Plain loops that compilers vectorise.
 */
#include <string.h>

#include "codec/filter.h"

#define SWAP_LOOP(type, swap)                                                                      \
	for (size_t i = 0; i + sizeof(type) <= n; i += sizeof(type)) {                             \
		type v;                                                                            \
		memcpy(&v, s + i, sizeof(v));                                                      \
		v = swap(v);                                                                       \
		memcpy(d + i, &v, sizeof(v));                                                      \
	}

void ozr_bytes_swap(void *dst, const void *src, size_t n, unsigned item)
{
	unsigned char *d = dst;
	const unsigned char *s = src;
	if (item == 2)
		SWAP_LOOP(uint16_t, __builtin_bswap16)
	else if (item == 4)
		SWAP_LOOP(uint32_t, __builtin_bswap32)
	else if (item == 8)
		SWAP_LOOP(uint64_t, __builtin_bswap64)
	else if (d != s)
		memcpy(d, s, n);
}
