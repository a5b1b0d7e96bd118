/* SPDX-License-Identifier: MIT */
/*
 * The records of an archive that we write. They are always ZIP64, so that the
 * length of a header does not depend on what is known only after the data; dates are the
 * earliest there is, so that equal input gives equal bytes; the data is pushed
 * to its alignment by an extra field.
 */
#include <string.h>

#include "store/zip_writer.h"

enum {
	VERSION = 45,             /* ZIP64 */
	MADE_BY = 3 << 8,         /* Unix: the mode is in the external attributes */
	DATE = 0x21,              /* 1980-01-01 */
	EXTRA64_LOCAL = 4 + 16,   /* tag, length, size, packed size */
	EXTRA64_CENTRAL = 4 + 24, /* and the offset */
	EXTRA_ALIGN_LEAST = 6
};
static const uint32_t FILE_MODE = 0100644u << 16;

/* A record on its way into a buffer. */
struct record {
	unsigned char bytes[128];
	size_t len;
};

static void put(struct record *r, unsigned size, uint64_t v)
{
	for (unsigned i = 0; i < size; i++)
		r->bytes[r->len++] = (unsigned char)(v >> 8 * i);
}

static unsigned name_flags(const char *key)
{
	for (; *key; key++)
		if ((unsigned char)*key >= 0x80)
			return OZR_ZIP_UTF8;
	return 0;
}

void ozr_zip_place(struct ozr_zip_member *m, uint64_t offset, unsigned alignment)
{
	const uint64_t end = offset + OZR_ZIP_LOCAL_BYTES + strlen(m->key) + EXTRA64_LOCAL;
	m->header = offset;
	m->pad = (unsigned)(-end & (alignment - 1));
	while (m->pad && m->pad < EXTRA_ALIGN_LEAST)
		m->pad += alignment;
	m->data = end + m->pad;
}

int ozr_zip_put_local(struct ozr_buf *b, const struct ozr_zip_member *m, unsigned alignment,
		      struct ozr_err *err)
{
	static const char zeros[512];
	const size_t name = strlen(m->key);
	struct record r = {.len = 0}, x = {.len = 0};
	put(&r, 4, OZR_ZIP_LOCAL);
	put(&r, 2, VERSION);
	put(&r, 2, name_flags(m->key));
	put(&r, 2, OZR_ZIP_STORED);
	put(&r, 2, 0);
	put(&r, 2, DATE);
	put(&r, 4, m->crc);
	put(&r, 4, UINT32_MAX);
	put(&r, 4, UINT32_MAX);
	put(&r, 2, name);
	put(&r, 2, EXTRA64_LOCAL + m->pad);
	put(&x, 2, OZR_ZIP_EXTRA_64);
	put(&x, 2, EXTRA64_LOCAL - 4);
	put(&x, 8, m->size);
	put(&x, 8, m->size);
	unsigned pad = m->pad;
	if (pad) {
		put(&x, 2, OZR_ZIP_EXTRA_ALIGN);
		put(&x, 2, pad - 4);
		put(&x, 2, alignment);
		pad -= EXTRA_ALIGN_LEAST;
	}
	int code = ozr_buf_append(b, r.bytes, r.len, err);
	if (!code)
		code = ozr_buf_append(b, m->key, name, err);
	if (!code)
		code = ozr_buf_append(b, x.bytes, x.len, err);
	while (pad && !code) {
		const unsigned n = pad < sizeof zeros ? pad : (unsigned)sizeof zeros;
		code = ozr_buf_append(b, zeros, n, err);
		pad -= n;
	}
	return code;
}

int ozr_zip_put_central(struct ozr_buf *b, const struct ozr_zip_member *m, struct ozr_err *err)
{
	const size_t name = strlen(m->key);
	struct record r = {.len = 0}, x = {.len = 0};
	put(&r, 4, OZR_ZIP_CENTRAL);
	put(&r, 2, MADE_BY | VERSION);
	put(&r, 2, VERSION);
	put(&r, 2, name_flags(m->key));
	put(&r, 2, OZR_ZIP_STORED);
	put(&r, 2, 0);
	put(&r, 2, DATE);
	put(&r, 4, m->crc);
	put(&r, 4, UINT32_MAX);
	put(&r, 4, UINT32_MAX);
	put(&r, 2, name);
	put(&r, 2, EXTRA64_CENTRAL);
	put(&r, 2, 0); /* comment */
	put(&r, 2, 0); /* disk */
	put(&r, 2, 0);
	put(&r, 4, FILE_MODE);
	put(&r, 4, UINT32_MAX);
	put(&x, 2, OZR_ZIP_EXTRA_64);
	put(&x, 2, EXTRA64_CENTRAL - 4);
	put(&x, 8, m->size);
	put(&x, 8, m->size);
	put(&x, 8, m->header);
	int code = ozr_buf_append(b, r.bytes, r.len, err);
	if (!code)
		code = ozr_buf_append(b, m->key, name, err);
	return code ? code : ozr_buf_append(b, x.bytes, x.len, err);
}

int ozr_zip_put_end(struct ozr_buf *b, const struct ozr_zip_place *p, const char *comment,
		    struct ozr_err *err)
{
	struct record r = {.len = 0}, e = {.len = 0};
	put(&r, 4, OZR_ZIP_END64);
	put(&r, 8, OZR_ZIP_END64_BYTES - 12);
	put(&r, 2, MADE_BY | VERSION);
	put(&r, 2, VERSION);
	put(&r, 8, 0); /* disks */
	put(&r, 8, p->count);
	put(&r, 8, p->count);
	put(&r, 8, p->bytes);
	put(&r, 8, p->offset);
	put(&r, 4, OZR_ZIP_LOCATOR);
	put(&r, 4, 0);
	put(&r, 8, p->end);
	put(&r, 4, 1);
	put(&e, 4, OZR_ZIP_END);
	put(&e, 4, 0); /* disks */
	put(&e, 2, p->count < UINT16_MAX ? p->count : UINT16_MAX);
	put(&e, 2, p->count < UINT16_MAX ? p->count : UINT16_MAX);
	put(&e, 4, p->bytes < UINT32_MAX ? p->bytes : UINT32_MAX);
	put(&e, 4, p->offset < UINT32_MAX ? p->offset : UINT32_MAX);
	put(&e, 2, strlen(comment));
	int code = ozr_buf_append(b, r.bytes, r.len, err);
	if (!code)
		code = ozr_buf_append(b, e.bytes, e.len, err);
	return code ? code : ozr_buf_append(b, comment, strlen(comment), err);
}

static int is_zarr_json(const char *key)
{
	const char *slash = strrchr(key, '/');
	return strcmp(slash ? slash + 1 : key, "zarr.json") == 0;
}

static unsigned depth(const char *key)
{
	unsigned n = 0;
	for (; *key; key++)
		n += *key == '/';
	return n;
}

int ozr_zip_compare_documents(const struct ozr_zip_member *a, const struct ozr_zip_member *b)
{
	const int x = is_zarr_json(a->key), y = is_zarr_json(b->key);
	if (x != y)
		return y - x;
	const unsigned deep = depth(a->key), other = depth(b->key);
	return deep != other ? (deep > other ? 1 : -1) : ozr_zip_compare(a->key, b->key);
}
