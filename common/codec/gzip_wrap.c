/* SPDX-License-Identifier: MIT */
/*
 * From zlib (RFC 1950) to gzip (RFC 1952): the deflate data between header
 * and trailer is the same, but the checksums differ: Adler-32 there, CRC-32
 * and the size here. So the bytes are decoded once, and encoded not at all.
 */
#include <inttypes.h>
#include <libdeflate.h>

#include "codec/filter.h"
#include "codec/repack.h"

enum { ZLIB_HEAD = 2, ZLIB_TAIL = 4, GZIP_HEAD = 10, GZIP_TAIL = 8 };

static void free_unpack(void *p)
{
	libdeflate_free_decompressor(p);
}

static int check_header(const unsigned char *p, size_t len, struct ozr_err *err)
{
	if (len < ZLIB_HEAD + ZLIB_TAIL)
		return ozr_fail(err, OZR_CORRUPT, "zlib: %zu bytes are too short for a stream",
				len);
	if ((p[0] & 15) != 8 || p[0] >> 4 > 7 || (p[0] << 8 | p[1]) % 31 != 0)
		return ozr_fail(err, OZR_CORRUPT, "zlib: begins with %02x %02x: not a header", p[0],
				p[1]);
	if (p[1] & 0x20)
		return ozr_fail(err, OZR_UNSUPPORTED, "zlib: the stream needs a dictionary");
	return OZR_OK;
}

/* used: bytes of the stream; crc: of what it holds. */
static int decode(struct ozr_worker *w, const void *src, size_t len, uint64_t content, size_t *used,
		  uint32_t *crc, struct ozr_err *err)
{
	void **slot = ozr_worker_slot(w, OZR_SLOT_DEFLATE_D, free_unpack);
	void *bytes = ozr_worker_scratch(w, OZR_SCRATCH_BLOCK, content, err);
	size_t made = 0;

	if (!bytes)
		return ozr_alloc_code(err);
	if (!*slot)
		*slot = libdeflate_alloc_decompressor();
	if (!*slot)
		return ozr_fail(err, OZR_NO_MEMORY, "deflate: no memory for a context");
	enum libdeflate_result r =
		libdeflate_zlib_decompress_ex(*slot, src, len, bytes, (size_t)content, used, &made);
	if (r == LIBDEFLATE_INSUFFICIENT_SPACE)
		return ozr_fail(err, OZR_CORRUPT, "zlib: holds more than %" PRIu64 " bytes",
				content);
	if (r != LIBDEFLATE_SUCCESS)
		return ozr_fail(err, OZR_CORRUPT, "zlib: malformed or damaged data in %zu bytes",
				len);
	if (made != content)
		return ozr_fail(err, OZR_CORRUPT, "zlib: holds %zu bytes, must be %" PRIu64, made,
				content);
	*crc = libdeflate_crc32(0, bytes, made);
	return OZR_OK;
}

int ozr_zlib_to_gzip(struct ozr_worker *w, const void *src, size_t len, uint64_t content,
		     struct ozr_buf *dst, struct ozr_err *err)
{
	/* no name, no time, no flags, an unknown system */
	static const char head[GZIP_HEAD] = {0x1f, (char)0x8b, 8, 0, 0, 0, 0, 0, 0, (char)0xff};
	unsigned char tail[GZIP_TAIL];
	uint32_t crc = 0;
	size_t used = 0;
	int rc = check_header(src, len, err);

	if (rc == OZR_OK)
		rc = decode(w, src, len, content, &used, &crc, err);
	if (rc)
		return rc;
	const size_t body = used - ZLIB_HEAD - ZLIB_TAIL;
	ozr_store_le32(tail, crc);
	ozr_store_le32(tail + 4, (uint32_t)content);
	rc = ozr_buf_reserve(dst, dst->len + GZIP_HEAD + body + GZIP_TAIL + OZR_ENCODE_SLACK, err);
	if (rc == OZR_OK)
		rc = ozr_buf_append(dst, head, sizeof(head), err);
	if (rc == OZR_OK)
		rc = ozr_buf_append(dst, (const char *)src + ZLIB_HEAD, body, err);
	return rc ? rc : ozr_buf_append(dst, tail, sizeof(tail), err);
}
