/* SPDX-License-Identifier: MIT */
/*
 * CRC-32C (Castagnoli), the checksum of Zarr's crc32c codec and shard indices.
 *
 * The processor's instruction has a latency of three cycles, so three streams
 * run side by side and are joined by a carry-less multiplication that moves a
 * checksum past the bytes of the streams behind it. Elsewhere: slicing by 8.
 */
#include <string.h>

#include "codec/chain.h"
#include "codec/filter.h"

#if defined(__x86_64__)
#include <immintrin.h>

enum { STREAM = 2048 }; /* bytes; what K1 and K2 are made for */
/* x^(8 * STREAM - 33) and x^(16 * STREAM - 33) modulo the polynomial, bits reflected. */
static const uint64_t K1 = 0xa51b6135, K2 = 0x82f89c77;

static inline uint64_t load64(const unsigned char *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

/* The part of x * k that a last instruction reduces: x moved past k's bytes. */
__attribute__((target("sse4.2,pclmul"))) static inline uint64_t moved(uint64_t x, uint64_t k)
{
	__m128i v = _mm_clmulepi64_si128(_mm_cvtsi64_si128((int64_t)x),
					 _mm_cvtsi64_si128((int64_t)k), 0);
	return (uint64_t)_mm_cvtsi128_si64(v);
}

__attribute__((target("sse4.2,pclmul"))) static uint32_t
crc_hardware(uint32_t crc, const unsigned char *p, size_t n)
{
	uint64_t a = crc;
	for (; n >= 3 * STREAM; n -= 3 * STREAM, p += 3 * STREAM) {
		uint64_t b = 0, c = 0;
		for (size_t i = 0; i < STREAM; i += 8) {
			a = _mm_crc32_u64(a, load64(p + i));
			b = _mm_crc32_u64(b, load64(p + i + STREAM));
			c = _mm_crc32_u64(c, load64(p + i + 2 * STREAM));
		}
		a = _mm_crc32_u64(0, moved(a, K2) ^ moved(b, K1)) ^ c;
	}
	for (; n >= 8; n -= 8, p += 8)
		a = _mm_crc32_u64(a, load64(p));
	for (; n; n--, p++)
		a = _mm_crc32_u8((uint32_t)a, *p);
	return (uint32_t)a;
}

static int has_hardware(void)
{
	return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
}
#else
static uint32_t crc_hardware(uint32_t crc, const unsigned char *p, size_t n)
{
	(void)p, (void)n;
	return crc;
}

static int has_hardware(void)
{
	return 0;
}
#endif

/* A checksum is linear: an entry is the sum of the entries of its bits. */
#define BIT(i, k, v) ((0u - ((unsigned)(i) >> (k)&1u)) & (v))
#define E1(i, a, b, c, d, e, f, g, h)                                                              \
	BIT(i, 0, a) ^ BIT(i, 1, b) ^ BIT(i, 2, c) ^ BIT(i, 3, d) ^ BIT(i, 4, e) ^ BIT(i, 5, f) ^  \
		BIT(i, 6, g) ^ BIT(i, 7, h)
#define E4(i, ...)                                                                                 \
	E1(i, __VA_ARGS__), E1(i + 1, __VA_ARGS__), E1(i + 2, __VA_ARGS__), E1(i + 3, __VA_ARGS__)
#define E16(i, ...)                                                                                \
	E4(i, __VA_ARGS__), E4(i + 4, __VA_ARGS__), E4(i + 8, __VA_ARGS__), E4(i + 12, __VA_ARGS__)
#define E64(i, ...)                                                                                \
	E16(i, __VA_ARGS__), E16(i + 16, __VA_ARGS__), E16(i + 32, __VA_ARGS__),                   \
		E16(i + 48, __VA_ARGS__)
#define E256(...)                                                                                  \
	{                                                                                          \
		E64(0, __VA_ARGS__), E64(64, __VA_ARGS__), E64(128, __VA_ARGS__),                  \
			E64(192, __VA_ARGS__)                                                      \
	}

/* table[k][b]: byte b followed by k zero bytes. */
static const uint32_t table[8][256] = {
	E256(0xf26b8303, 0xe13b70f7, 0xc79a971f, 0x8ad958cf, 0x105ec76f, 0x20bd8ede, 0x417b1dbc,
	     0x82f63b78),
	E256(0x13a29877, 0x274530ee, 0x4e8a61dc, 0x9d14c3b8, 0x3fc5f181, 0x7f8be302, 0xff17c604,
	     0xfbc3faf9),
	E256(0xa541927e, 0x4f6f520d, 0x9edea41a, 0x38513ec5, 0x70a27d8a, 0xe144fb14, 0xc76580d9,
	     0x8b277743),
	E256(0xdd45aab8, 0xbf672381, 0x7b2231f3, 0xf64463e6, 0xe964b13d, 0xd725148b, 0xaba65fe7,
	     0x52a0c93f),
	E256(0x38116fac, 0x7022df58, 0xe045beb0, 0xc5670b91, 0x8f2261d3, 0x1ba8b557, 0x37516aae,
	     0x6ea2d55c),
	E256(0xef306b19, 0xdb8ca0c3, 0xb2f53777, 0x6006181f, 0xc00c303e, 0x85f4168d, 0x0e045beb,
	     0x1c08b7d6),
	E256(0x68032cc8, 0xd0065990, 0xa5e0c5d1, 0x4e2dfd53, 0x9c5bfaa6, 0x3d5b83bd, 0x7ab7077a,
	     0xf56e0ef4),
	E256(0x493c7d27, 0x9278fa4e, 0x211d826d, 0x423b04da, 0x847609b4, 0x0d006599, 0x1a00cb32,
	     0x34019664),
};

uint32_t ozr_crc32c_tables(uint32_t crc, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	crc = ~crc;
	for (; n >= 8; n -= 8, p += 8) {
		uint32_t lo = ozr_load_le32(p) ^ crc, hi = ozr_load_le32(p + 4);
		crc = table[7][lo & 255] ^ table[6][lo >> 8 & 255] ^ table[5][lo >> 16 & 255] ^
		      table[4][lo >> 24] ^ table[3][hi & 255] ^ table[2][hi >> 8 & 255] ^
		      table[1][hi >> 16 & 255] ^ table[0][hi >> 24];
	}
	for (; n; n--, p++)
		crc = crc >> 8 ^ table[0][(crc ^ *p) & 255];
	return ~crc;
}

uint32_t ozr_crc32c(uint32_t crc, const void *bytes, size_t n)
{
	if (has_hardware())
		return ~crc_hardware(~crc, bytes, n);
	return ozr_crc32c_tables(crc, bytes, n);
}

int ozr_crc32c_check(const void *src, size_t len, size_t *out, struct ozr_err *err)
{
	if (len < 4)
		return ozr_fail(err, OZR_CORRUPT, "crc32c: %zu bytes, needs at least 4", len);
	uint32_t stored = ozr_load_le32((const unsigned char *)src + len - 4);
	uint32_t found = ozr_crc32c(0, src, len - 4);
	if (stored != found)
		return ozr_fail(err, OZR_CORRUPT, "crc32c: checksum 0x%08x, the bytes have 0x%08x",
				(unsigned)stored, (unsigned)found);
	*out = len - 4;
	return OZR_OK;
}

int ozr_crc32c_append(struct ozr_buf *dst, size_t from, struct ozr_err *err)
{
	unsigned char b[4];
	ozr_store_le32(b, ozr_crc32c(0, dst->data + from, dst->len - from));
	return ozr_buf_append(dst, b, sizeof(b), err);
}
