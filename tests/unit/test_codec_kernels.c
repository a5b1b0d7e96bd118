/* SPDX-License-Identifier: MIT */
/*
 * The inner loops of the codecs against plain ones: byte shuffle, byte order,
 * CRC-32C. Lengths around every vector width, and unaligned starts.
 */
#include "codec/blosc.h"
#include "codec/chain.h"
#include "support/check.h"

enum { MAX = 4096 };

static unsigned char src[MAX + 64], dst[MAX + 64], back[MAX + 64];

static void shuffle_plain(unsigned item, size_t n, const unsigned char *s, unsigned char *d)
{
	size_t count = n / item;
	for (size_t i = 0; i < n; i++)
		d[i < count * item ? i % item * count + i / item : i] = s[i];
}

static void test_shuffle(void)
{
	static const unsigned items[] = {1, 2, 3, 4, 5, 7, 8, 12, 16, 17, 255};
	static unsigned char want[MAX];
	for (size_t k = 0; k < sizeof(items) / sizeof(items[0]); k++) {
		for (size_t n = 0; n < 1200; n += n < 300 ? 1 : 13) {
			size_t off = n % 16;
			fill_bytes(src, sizeof(src), n + k);
			memset(dst, 0xee, sizeof(dst));
			memset(back, 0xee, sizeof(back));
			shuffle_plain(items[k], n, src + off, want);
			ozr_shuffle(items[k], n, src + off, dst + 1);
			CHECK(memcmp(dst + 1, want, n) == 0);
			CHECK(dst[0] == 0xee && dst[n + 1] == 0xee);
			ozr_unshuffle(items[k], n, dst + 1, back + off);
			CHECK(memcmp(back + off, src + off, n) == 0 && back[off + n] == 0xee);
		}
	}
}

static void test_swap(void)
{
	for (unsigned item = 1; item <= 8; item *= 2) {
		for (size_t count = 0; count < 70; count++) {
			size_t n = count * item;
			fill_bytes(src, sizeof(src), count);
			memset(dst, 0xee, sizeof(dst));
			ozr_bytes_swap(dst + 1, src + 3, n, item);
			for (size_t i = 0; i < n; i++)
				CHECK(dst[1 + i] == src[3 + i / item * item + item - 1 - i % item]);
			CHECK(dst[0] == 0xee && dst[n + 1] == 0xee);
			ozr_bytes_swap(dst + 1, dst + 1, n, item);
			CHECK(memcmp(dst + 1, src + 3, n) == 0);
		}
	}
}

static uint32_t crc_plain(uint32_t crc, const unsigned char *p, size_t n)
{
	crc = ~crc;
	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

static void test_crc(void)
{
	static unsigned char big[100003];
	/* RFC 3720, B.4 */
	unsigned char zeros[32] = {0}, ones[32];
	memset(ones, 0xff, sizeof(ones));
	CHECK(ozr_crc32c(0, zeros, 32) == 0x8a9136aau);
	CHECK(ozr_crc32c(0, ones, 32) == 0x62a8ab43u);
	CHECK(ozr_crc32c(0, "123456789", 9) == 0xe3069283u);
	CHECK(ozr_crc32c(0, NULL, 0) == 0);
	fill_bytes(big, sizeof(big), 5);
	for (size_t n = 0; n < sizeof(big); n += n < 40 ? 1 : n / 7) {
		uint32_t want = crc_plain(0, big + n % 9, n - n / 11);
		CHECK(ozr_crc32c(0, big + n % 9, n - n / 11) == want);
		CHECK(ozr_crc32c_tables(0, big + n % 9, n - n / 11) == want);
		/* in two parts */
		size_t first = n / 3, all = n - n / 11;
		first = first < all ? first : all;
		uint32_t part = ozr_crc32c(0, big + n % 9, first);
		CHECK(ozr_crc32c(part, big + n % 9 + first, all - first) == want);
	}
}

int main(void)
{
	test_shuffle();
	test_swap();
	test_crc();
	return 0;
}
