/* SPDX-License-Identifier: MIT */
/*
 * What goes through c-blosc: bit shuffle, blosclz, snappy, zlib, lz4hc, and the
 * encoder whose bytes are the reference. Only the _ctx functions with one
 * thread: the others take a lock that is global to the process.
 */
#include <blosc.h>
#include <string.h>

#include "codec/blosc.h"

/* c-blosc takes scratch without looking whether it got it: look first, so that a frame with
 * a huge block fails here. */
static int room_for_block(struct ozr_worker *w, uint32_t blocksize, struct ozr_err *err)
{
	enum { SMALL = 1 << 20 };
	if (blocksize <= SMALL)
		return OZR_OK;
	void *p = ozr_alloc(ozr_worker_ctx(w), (uint64_t)blocksize * 2 + 1024, err);
	ozr_free(ozr_worker_ctx(w), p);
	return p ? OZR_OK : ozr_alloc_code(err);
}

int ozr_blosc_lib_decode(const struct ozr_blosc_head *h, struct ozr_worker *w, const void *src,
			 size_t len, void *dst, struct ozr_err *err)
{
	size_t bytes = 0;
	int rc = room_for_block(w, h->blocksize, err);
	if (rc)
		return rc;
	if (blosc_cbuffer_validate(src, len, &bytes) < 0 || bytes != h->bytes)
		return ozr_fail(err, OZR_CORRUPT, "blosc: header is not valid");
	int n = blosc_decompress_ctx(src, dst, h->bytes, 1);
	if (n < 0 || (uint32_t)n != h->bytes)
		return ozr_fail(err, OZR_CORRUPT, "blosc: malformed frame (c-blosc: %d)", n);
	return OZR_OK;
}

/* A block as a frame of its own: header, one start, the bytes. A last, shorter block is never
 * split, which the frame of one block has to say by its flag. */
int ozr_blosc_lib_block(const struct ozr_blosc_head *h, struct ozr_worker *w, uint32_t i,
			const void *src, size_t len, void *dst, struct ozr_err *err)
{
	enum { HEAD = OZR_BLOSC_HEADER + 4 };
	uint32_t bytes = ozr_blosc_block_bytes(h, i);
	struct ozr_blosc_head one = *h;
	if (len > INT_MAX - HEAD)
		return ozr_fail(err, OZR_CORRUPT, "blosc: block of %zu encoded bytes", len);
	unsigned char *f = ozr_worker_scratch(w, OZR_SCRATCH_OTHER, HEAD + len, err);
	if (!f)
		return ozr_alloc_code(err);
	one.bytes = one.blocksize = bytes;
	one.blocks = 1;
	one.encoded = (uint32_t)(HEAD + len);
	f[0] = 2;
	f[1] = 1;
	f[2] = (unsigned char)(h->flags | (bytes < h->blocksize ? OZR_BLOSC_F_DONT_SPLIT : 0));
	f[3] = (unsigned char)h->typesize;
	ozr_store_le32(f + 4, one.bytes);
	ozr_store_le32(f + 8, one.blocksize);
	ozr_store_le32(f + 12, one.encoded);
	ozr_store_le32(f + 16, HEAD);
	memcpy(f + HEAD, src, len);
	int rc = ozr_blosc_lib_decode(&one, w, f, HEAD + len, dst, err);
	return rc ? ozr_err_context(err, rc, "block %u of %u", (unsigned)i, (unsigned)h->blocks)
		  : OZR_OK;
}

int ozr_blosc_lib_encode(const struct ozr_filter *f, struct ozr_worker *w, const void *src,
			 size_t len, struct ozr_buf *dst, struct ozr_err *err)
{
	const char *name = ozr_blosc_codec_name(f->cname);
	if (blosc_compname_to_compcode(name) < 0)
		return ozr_fail(err, OZR_UNSUPPORTED, "blosc: c-blosc was built without %s", name);
	int rc = room_for_block(w, f->blocksize, err);
	if (rc)
		return rc;
	size_t room = len + BLOSC_MAX_OVERHEAD;
	rc = ozr_buf_reserve(dst, dst->len + room + OZR_ENCODE_SLACK, err);
	if (rc)
		return rc;
	int n = blosc_compress_ctx(f->level, (int)f->shuffle, f->typesize, len, src,
				   dst->data + dst->len, room, name, f->blocksize, 1);
	if (n <= 0)
		return ozr_fail(err, OZR_BAD_ARG, "blosc: c-blosc returned %d for %zu bytes", n,
				len);
	dst->len += (size_t)n;
	return OZR_OK;
}
