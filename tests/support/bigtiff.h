/* SPDX-License-Identifier: MIT */
/*
 * A small reader of little-endian BigTIFF in memory, written from the
 * specification and nothing of the library: an oracle of what is written. It trusts
 * nothing that lies outside of the bytes.
 */
#ifndef OZR_TESTS_BIGTIFF_H
#define OZR_TESTS_BIGTIFF_H

#include "support/check.h"

struct bigtiff {
	const unsigned char *bytes;
	uint64_t size;
};

MAYBE_UNUSED static uint64_t tiff_number(const struct bigtiff *t, uint64_t at, unsigned size)
{
	uint64_t v = 0;
	CHECK(at <= t->size && size <= t->size - at);
	for (unsigned i = size; i-- > 0;)
		v = v << 8 | t->bytes[at + i];
	return v;
}

/* Offset of the first IFD. */
MAYBE_UNUSED static uint64_t tiff_first(const struct bigtiff *t)
{
	CHECK(tiff_number(t, 0, 2) == 0x4949 && tiff_number(t, 2, 2) == 43);
	CHECK(tiff_number(t, 4, 2) == 8 && tiff_number(t, 6, 2) == 0);
	return tiff_number(t, 8, 8);
}

/* The next IFD of the chain, or 0. Checks that entries rise. */
MAYBE_UNUSED static uint64_t tiff_next(const struct bigtiff *t, uint64_t ifd)
{
	uint64_t n = tiff_number(t, ifd, 8);
	CHECK(ifd % 8 == 0 && n > 0 && n < 1000);
	for (uint64_t i = 1; i < n; i++)
		CHECK(tiff_number(t, ifd + 8 + 20 * i, 2) > tiff_number(t, ifd - 12 + 20 * i, 2));
	return tiff_number(t, ifd + 8 + 20 * n, 8);
}

struct tiff_field {
	unsigned type, size; /* size: bytes of a value, fractions count as two values */
	uint64_t count, at;  /* at: where the values lie */
};

/* 0 when the IFD has no such tag. */
MAYBE_UNUSED static int tiff_find(const struct bigtiff *t, uint64_t ifd, unsigned tag,
				  struct tiff_field *out)
{
	static const unsigned sizes[] = {0, 1, 1, 2, 4, 4, 1, 1, 2, 4, 4, 4, 8, 4, 0, 0, 8, 8, 8};
	for (uint64_t i = 0; i < tiff_number(t, ifd, 8); i++) {
		uint64_t entry = ifd + 8 + 20 * i;
		if (tiff_number(t, entry, 2) != tag)
			continue;
		out->type = (unsigned)tiff_number(t, entry + 2, 2);
		CHECK(out->type < sizeof sizes / sizeof sizes[0] && sizes[out->type] > 0);
		out->size = sizes[out->type];
		out->count = tiff_number(t, entry + 4, 8);
		uint64_t values = out->count * (out->type == 5 || out->type == 10 ? 2 : 1);
		CHECK(out->count > 0 && values <= t->size);
		out->at = entry + 12;
		if (values * out->size > 8)
			out->at = tiff_number(t, entry + 12, 8);
		CHECK(out->at <= t->size && values * out->size <= t->size - out->at);
		out->count = values;
		return 1;
	}
	return 0;
}

/* The i-th value of a tag that must be there. */
MAYBE_UNUSED static uint64_t tiff_value(const struct bigtiff *t, uint64_t ifd, unsigned tag,
					uint64_t i)
{
	struct tiff_field f;
	if (!tiff_find(t, ifd, tag, &f) || i >= f.count) {
		fprintf(stderr, "tag %u, value %llu is missing\n", tag, (unsigned long long)i);
		CHECK(0);
	}
	return tiff_number(t, f.at + i * f.size, f.size);
}

MAYBE_UNUSED static uint64_t tiff_count(const struct bigtiff *t, uint64_t ifd, unsigned tag)
{
	struct tiff_field f;
	return tiff_find(t, ifd, tag, &f) ? f.count : 0;
}

#endif
