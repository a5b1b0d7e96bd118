/* SPDX-License-Identifier: MIT */
/*
 * Reading blosc frames. Nothing in a frame is believed: sizes must agree with
 * the bytes there are, and each block is decoded into exactly its place.
 */
#include <string.h>

#include "codec/blosc.h"

/* c-blosc's own bound: it needs three blocks of scratch below 2 GiB. */
enum { MAX_BLOCKSIZE = (INT_MAX - 255 * 4) / 3 };

static int check_flags(const unsigned char *p, const struct ozr_blosc_head *h, struct ozr_err *err)
{
	unsigned both = OZR_BLOSC_F_SHUFFLE | OZR_BLOSC_F_BITSHUFFLE;
	if (p[0] != 2)
		return ozr_fail(err, OZR_CORRUPT, "blosc: frame format %u, must be 2", p[0]);
	if (h->flags & OZR_BLOSC_F_RESERVED || (h->flags & both) == both)
		return ozr_fail(err, OZR_CORRUPT, "blosc: flags 0x%02x are not valid", h->flags);
	if (h->typesize == 0)
		return ozr_fail(err, OZR_CORRUPT, "blosc: type size 0");
	if (h->flags & OZR_BLOSC_F_MEMCPYED)
		return OZR_OK;
	if (h->format > OZR_BLOSC_FMT_ZSTD || p[1] != 1)
		return ozr_fail(err, OZR_CORRUPT, "blosc: inner codec %u, version %u, not known",
				h->format, p[1]);
	return OZR_OK;
}

int ozr_blosc_head_parse(const void *src, uint64_t size, struct ozr_blosc_head *out,
			 struct ozr_err *err)
{
	const unsigned char *p = src;
	if (size < OZR_BLOSC_HEADER)
		return ozr_fail(err, OZR_CORRUPT, "blosc: %llu bytes, a frame has at least 16",
				(unsigned long long)size);
	struct ozr_blosc_head h = {.flags = p[2],
				   .format = p[2] >> 5,
				   .typesize = p[3],
				   .bytes = ozr_load_le32(p + 4),
				   .blocksize = ozr_load_le32(p + 8),
				   .encoded = ozr_load_le32(p + 12)};
	int rc = check_flags(p, &h, err);
	if (rc)
		return rc;
	if (h.encoded != size)
		return ozr_fail(err, OZR_CORRUPT, "blosc: header says %u encoded bytes, found %llu",
				(unsigned)h.encoded, (unsigned long long)size);
	if (h.bytes == 0 || h.bytes > OZR_BLOSC_MAX_BYTES)
		return ozr_fail(err, OZR_CORRUPT, "blosc: header says %u decoded bytes",
				(unsigned)h.bytes);
	if (h.blocksize == 0 || h.blocksize > h.bytes || h.blocksize > MAX_BLOCKSIZE)
		return ozr_fail(err, OZR_CORRUPT, "blosc: block size %u in a frame of %u bytes",
				(unsigned)h.blocksize, (unsigned)h.bytes);
	h.blocks = (h.bytes - 1) / h.blocksize + 1;
	if (h.flags & OZR_BLOSC_F_MEMCPYED) {
		if (h.encoded != h.bytes + OZR_BLOSC_HEADER)
			return ozr_fail(err, OZR_CORRUPT, "blosc: %u bytes stored as %u",
					(unsigned)h.bytes, (unsigned)h.encoded);
	} else if (h.blocks > (h.encoded - OZR_BLOSC_HEADER) / 4) {
		return ozr_fail(err, OZR_CORRUPT, "blosc: %u blocks in %u encoded bytes",
				(unsigned)h.blocks, (unsigned)h.encoded);
	}
	*out = h;
	return OZR_OK;
}

uint32_t ozr_blosc_block_bytes(const struct ozr_blosc_head *h, uint32_t i)
{
	uint32_t rest = h->bytes - i * h->blocksize;
	return rest < h->blocksize ? rest : h->blocksize;
}

/* Frames that c-blosc decodes for us. */
static int foreign(const struct ozr_blosc_head *h)
{
	return h->flags & OZR_BLOSC_F_BITSHUFFLE ||
	       (h->format != OZR_BLOSC_FMT_ZSTD && h->format != OZR_BLOSC_FMT_LZ4);
}

/* How many streams block i consists of. Small ones were not split before there was a flag. */
static unsigned streams(const struct ozr_blosc_head *h, uint32_t bytes)
{
	int split = !(h->flags & OZR_BLOSC_F_DONT_SPLIT) && bytes == h->blocksize &&
		    h->typesize <= OZR_BLOSC_MAX_SPLITS &&
		    bytes / h->typesize >= OZR_BLOSC_MIN_BYTES;
	return split ? h->typesize : 1;
}

static int unpack(const struct ozr_blosc_head *h, struct ozr_worker *w, const void *src, size_t len,
		  void *dst, size_t n, struct ozr_err *err)
{
	size_t out = 0;
	if (len == n) {
		memcpy(dst, src, n);
		return OZR_OK;
	}
	int rc = h->format == OZR_BLOSC_FMT_ZSTD ? ozr_zstd_unpack(w, src, len, dst, n, &out, err)
						 : ozr_lz4_unpack(src, len, dst, n, &out, err);
	if (rc == OZR_FILTER_FULL)
		return ozr_fail(err, OZR_CORRUPT, "stream decodes to more than %zu bytes", n);
	if (rc == OZR_OK && out != n)
		return ozr_fail(err, OZR_CORRUPT, "stream decodes to %zu bytes, expected %zu", out,
				n);
	return rc;
}

static int decode_streams(const struct ozr_blosc_head *h, struct ozr_worker *w, uint32_t bytes,
			  const unsigned char *src, size_t len, unsigned char *dst,
			  struct ozr_err *err)
{
	unsigned count = streams(h, bytes);
	size_t each = bytes / count;
	if (each * count != bytes)
		return ozr_fail(err, OZR_CORRUPT, "%u bytes in %u streams", (unsigned)bytes, count);
	for (unsigned k = 0; k < count; k++) {
		if (len < 4)
			return ozr_fail(err, OZR_CORRUPT, "stream %u lies behind the end", k);
		size_t n = ozr_load_le32(src);
		src += 4;
		len -= 4;
		if (n > len)
			return ozr_fail(err, OZR_CORRUPT, "stream %u has %zu bytes, %zu are left",
					k, n, len);
		int rc = unpack(h, w, src, n, dst + k * each, each, err);
		if (rc)
			return rc;
		src += n;
		len -= n;
	}
	return OZR_OK;
}

int ozr_blosc_block_decode(const struct ozr_blosc_head *h, struct ozr_worker *w, uint32_t i,
			   const void *src, size_t len, void *dst, struct ozr_err *err)
{
	uint32_t bytes = ozr_blosc_block_bytes(h, i);
	int shuffled = h->flags & OZR_BLOSC_F_SHUFFLE && h->typesize > 1;
	int rc;
	if (foreign(h))
		return ozr_blosc_lib_block(h, w, i, src, len, dst, err);
	void *planes = dst;
	if (shuffled) {
		planes = ozr_worker_scratch(w, OZR_SCRATCH_BLOCK, bytes, err);
		if (!planes)
			return ozr_alloc_code(err);
	}
	rc = decode_streams(h, w, bytes, src, len, planes, err);
	if (rc)
		return ozr_err_context(err, rc, "blosc: block %u of %u", (unsigned)i,
				       (unsigned)h->blocks);
	if (shuffled)
		ozr_unshuffle(h->typesize, bytes, planes, dst);
	return OZR_OK;
}

static int decode_blocks(const struct ozr_blosc_head *h, struct ozr_worker *w,
			 const unsigned char *src, unsigned char *dst, struct ozr_err *err)
{
	size_t first = OZR_BLOSC_HEADER + (size_t)h->blocks * 4;
	for (uint32_t i = 0; i < h->blocks; i++) {
		size_t at = ozr_load_le32(src + OZR_BLOSC_HEADER + (size_t)i * 4);
		if (at < first || at > h->encoded)
			return ozr_fail(err, OZR_CORRUPT,
					"blosc: block %u starts at %zu, must be from %zu to %u",
					(unsigned)i, at, first, (unsigned)h->encoded);
		int rc = ozr_blosc_block_decode(h, w, i, src + at, h->encoded - at,
						dst + (size_t)i * h->blocksize, err);
		if (rc)
			return rc;
	}
	return OZR_OK;
}

int ozr_blosc_decode(struct ozr_worker *w, const void *src, size_t len, void *dst, size_t cap,
		     size_t *out, struct ozr_err *err)
{
	struct ozr_blosc_head h;
	int rc = ozr_blosc_head_parse(src, len, &h, err);
	if (rc)
		return rc;
	if (h.bytes > cap) {
		*out = h.bytes;
		return OZR_FILTER_FULL;
	}
	if (h.flags & OZR_BLOSC_F_MEMCPYED)
		memcpy(dst, (const unsigned char *)src + OZR_BLOSC_HEADER, h.bytes);
	else if (foreign(&h))
		rc = ozr_blosc_lib_decode(&h, w, src, len, dst, err);
	else
		rc = decode_blocks(&h, w, src, dst, err);
	if (rc == OZR_OK)
		*out = h.bytes;
	return rc;
}
