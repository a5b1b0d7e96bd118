/* SPDX-License-Identifier: MIT */
/*
 * TIFFs made by hand, byte by byte, in the four variants (classic and BigTIFF,
 * either byte order), so that tests can make any of their fields lie.
 */
#ifndef OZR_TESTS_TIFF_H
#define OZR_TESTS_TIFF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { TIFF_ROOM = 1 << 18 };

struct tiff_image {
	unsigned char bytes[TIFF_ROOM];
	size_t len;
	int big, big_endian;
	size_t link; /* where the offset of the next main IFD goes */
};

/* values: count of them, or NULL: text (count bytes) or the single value v. */
struct tiff_entry {
	unsigned tag, type;
	uint64_t count, v;
	const uint64_t *values;
	const char *text;
};

static void tiff_set(struct tiff_image *z, size_t at, unsigned size, uint64_t v)
{
	for (unsigned i = 0; i < size; i++)
		z->bytes[at + (z->big_endian ? size - 1 - i : i)] = (unsigned char)(v >> 8 * i);
}

static size_t tiff_put(struct tiff_image *z, unsigned size, uint64_t v)
{
	tiff_set(z, z->len, size, v);
	z->len += size;
	return z->len - size;
}

__attribute__((unused)) static void tiff_begin(struct tiff_image *z, int big, int big_endian)
{
	memset(z, 0, sizeof *z);
	z->big = big;
	z->big_endian = big_endian;
	memcpy(z->bytes, big_endian ? "MM" : "II", 2);
	z->len = 2;
	tiff_put(z, 2, big ? 43 : 42);
	if (big)
		tiff_put(z, 4, big_endian ? 8 << 16 : 8);
	z->link = tiff_put(z, big ? 8 : 4, 0);
}

/* Bytes of data; where they are. */
__attribute__((unused)) static size_t tiff_bytes(struct tiff_image *z, const void *bytes, size_t n)
{
	memcpy(z->bytes + z->len, bytes, n);
	z->len += n;
	return z->len - n;
}

static unsigned tiff_size(unsigned type)
{
	static const unsigned char size[] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4,
					     8, 4, 8, 4, 0, 0, 8, 8, 8};
	return type < sizeof size && size[type] ? size[type] : 1;
}

static void tiff_values(struct tiff_image *z, size_t at, const struct tiff_entry *e)
{
	const unsigned size = tiff_size(e->type);
	const unsigned half = e->type == 5 || e->type == 10; /* two numbers each */
	for (uint64_t i = 0; i < e->count << half; i++)
		tiff_set(z, at + (size_t)i * (size >> half), size >> half,
			 e->text     ? (unsigned char)e->text[i]
			 : e->values ? e->values[i]
				     : e->v);
}

/* An IFD with these entries, its larger values before it; where it is. It is not linked. */
__attribute__((unused)) static size_t tiff_alone(struct tiff_image *z, const struct tiff_entry *e,
						 size_t n)
{
	const unsigned word = z->big ? 8 : 4;
	size_t place[64] = {0};
	for (size_t i = 0; i < n; i++) {
		const size_t bytes = (size_t)e[i].count * tiff_size(e[i].type);
		if (bytes <= word)
			continue;
		z->len += z->len & 1;
		place[i] = z->len;
		tiff_values(z, z->len, &e[i]);
		z->len += bytes;
	}
	z->len += z->len & 1;
	const size_t ifd = tiff_put(z, z->big ? 8 : 2, n);
	for (size_t i = 0; i < n; i++) {
		tiff_put(z, 2, e[i].tag);
		tiff_put(z, 2, e[i].type);
		tiff_put(z, word, e[i].count);
		const size_t at = tiff_put(z, word, place[i]);
		if (!place[i])
			tiff_values(z, at, &e[i]);
	}
	tiff_put(z, word, 0);
	return ifd;
}

/* The same, as the next page. */
__attribute__((unused)) static size_t tiff_page(struct tiff_image *z, const struct tiff_entry *e,
						size_t n)
{
	const size_t ifd = tiff_alone(z, e, n);
	const unsigned word = z->big ? 8 : 4;
	tiff_set(z, z->link, word, ifd);
	z->link = z->len - word;
	return ifd;
}

#endif
