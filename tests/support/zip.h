/* SPDX-License-Identifier: MIT */
/*
 * Zip archives made by hand, byte by byte, so that tests can make any of their
 * fields lie. The places of all records are kept.
 */
#ifndef OZR_TESTS_ZIP_H
#define OZR_TESTS_ZIP_H

#include <stdint.h>
#include <string.h>

enum { ZIP_ROOM = 1 << 16, ZIP_ENTRIES = 64 };

struct zip_entry {
	const void *name;
	size_t name_len;
	const void *data;    /* as it is stored */
	size_t packed, size; /* stored bytes, bytes of the value */
	uint32_t crc;
	unsigned method, flags;
	const void *extra; /* of both headers */
	size_t extra_len;
	int descriptor;                /* sizes and CRC behind the data, none in the local header */
	int zip64;                     /* sizes in extra fields of both headers */
	size_t local, central, stored; /* where they were put */
};

struct zip_image {
	unsigned char bytes[ZIP_ROOM];
	size_t len;
	struct zip_entry entry[ZIP_ENTRIES];
	size_t count, directory, end64, locator, end;
};

/* The CRC-32 of zip, bit by bit. */
__attribute__((unused)) static uint32_t zip_crc(const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	uint32_t crc = UINT32_MAX;
	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
	}
	return ~crc;
}

static void zip_set(struct zip_image *z, size_t at, unsigned size, uint64_t v)
{
	for (unsigned i = 0; i < size; i++)
		z->bytes[at + i] = (unsigned char)(v >> 8 * i);
}

static void zip_put(struct zip_image *z, unsigned size, uint64_t v)
{
	zip_set(z, z->len, size, v);
	z->len += size;
}

static void zip_bytes(struct zip_image *z, const void *bytes, size_t n)
{
	if (n)
		memcpy(z->bytes + z->len, bytes, n);
	z->len += n;
}

/* The data and its description. */
__attribute__((unused)) static struct zip_entry *zip_member(struct zip_image *z,
							    const struct zip_entry *from)
{
	struct zip_entry *e = &z->entry[z->count++];
	*e = *from;
	e->local = z->len;
	const int flags = (int)e->flags | (e->descriptor ? 8 : 0);
	zip_put(z, 4, 0x04034b50);
	zip_put(z, 2, 45);
	zip_put(z, 2, (uint64_t)flags);
	zip_put(z, 2, e->method);
	zip_put(z, 4, 0x210000);
	zip_put(z, 4, e->descriptor ? 0 : e->crc);
	zip_put(z, 4, e->descriptor ? 0 : e->zip64 ? UINT32_MAX : e->packed);
	zip_put(z, 4, e->descriptor ? 0 : e->zip64 ? UINT32_MAX : e->size);
	zip_put(z, 2, e->name_len);
	zip_put(z, 2, e->extra_len + (e->zip64 ? 20 : 0));
	zip_bytes(z, e->name, e->name_len);
	if (e->zip64) {
		zip_put(z, 4, 16u << 16 | 1);
		zip_put(z, 8, e->size);
		zip_put(z, 8, e->packed);
	}
	zip_bytes(z, e->extra, e->extra_len);
	e->stored = z->len;
	zip_bytes(z, e->data, e->packed);
	if (e->descriptor) {
		zip_put(z, 4, 0x08074b50);
		zip_put(z, 4, e->crc);
		zip_put(z, 4, e->packed);
		zip_put(z, 4, e->size);
	}
	return e;
}

/* A stored text. */
__attribute__((unused)) static struct zip_entry *zip_text(struct zip_image *z, const char *name,
							  const char *text)
{
	const size_t n = strlen(text);
	const struct zip_entry e = {.name = name,
				    .name_len = strlen(name),
				    .data = text,
				    .packed = n,
				    .size = n,
				    .crc = zip_crc(text, n)};
	return zip_member(z, &e);
}

static void zip_central(struct zip_image *z, struct zip_entry *e)
{
	const int flags = (int)e->flags | (e->descriptor ? 8 : 0);
	e->central = z->len;
	zip_put(z, 4, 0x02014b50);
	zip_put(z, 2, 45);
	zip_put(z, 2, 45);
	zip_put(z, 2, (uint64_t)flags);
	zip_put(z, 2, e->method);
	zip_put(z, 4, 0x210000);
	zip_put(z, 4, e->crc);
	zip_put(z, 4, e->zip64 ? UINT32_MAX : e->packed);
	zip_put(z, 4, e->zip64 ? UINT32_MAX : e->size);
	zip_put(z, 2, e->name_len);
	zip_put(z, 2, e->extra_len + (e->zip64 ? 28 : 0));
	zip_put(z, 2, 0);
	zip_put(z, 2, 0);
	zip_put(z, 2, 0);
	zip_put(z, 4, 0);
	zip_put(z, 4, e->zip64 ? UINT32_MAX : e->local);
	zip_bytes(z, e->name, e->name_len);
	if (e->zip64) {
		zip_put(z, 4, 24u << 16 | 1);
		zip_put(z, 8, e->size);
		zip_put(z, 8, e->packed);
		zip_put(z, 8, e->local);
	}
	zip_bytes(z, e->extra, e->extra_len);
}

/* The directory and the end. */
__attribute__((unused)) static void zip_finish(struct zip_image *z, int zip64, const char *comment)
{
	z->directory = z->len;
	for (size_t i = 0; i < z->count; i++)
		zip_central(z, &z->entry[i]);
	const size_t bytes = z->len - z->directory;
	z->end64 = z->len;
	if (zip64) {
		zip_put(z, 4, 0x06064b50);
		zip_put(z, 8, 44);
		zip_put(z, 4, 45 << 16 | 45);
		zip_put(z, 8, 0);
		zip_put(z, 8, z->count);
		zip_put(z, 8, z->count);
		zip_put(z, 8, bytes);
		zip_put(z, 8, z->directory);
		z->locator = z->len;
		zip_put(z, 4, 0x07064b50);
		zip_put(z, 4, 0);
		zip_put(z, 8, z->end64);
		zip_put(z, 4, 1);
	}
	z->end = z->len;
	zip_put(z, 4, 0x06054b50);
	zip_put(z, 4, 0);
	zip_put(z, 2, zip64 ? UINT16_MAX : z->count);
	zip_put(z, 2, zip64 ? UINT16_MAX : z->count);
	zip_put(z, 4, zip64 ? UINT32_MAX : bytes);
	zip_put(z, 4, zip64 ? UINT32_MAX : z->directory);
	zip_put(z, 2, strlen(comment));
	zip_bytes(z, comment, strlen(comment));
}

#endif
