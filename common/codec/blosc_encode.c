/* SPDX-License-Identifier: MIT */
/*
 * Writing blosc frames that every blosc 1 reader takes, with contexts kept and
 * a plan (blosc_plan.c) instead of one setting for all data. "reference"
 * frames, bit shuffle and the rarer inner codecs come from c-blosc.
 */
#include <string.h>

#include "codec/blosc.h"

enum { COPY_BLOCK = 256 << 10 }; /* of frames that are not compressed */

static void put_head(unsigned char *p, unsigned flags, unsigned typesize, size_t bytes,
		     uint32_t blocksize, size_t encoded)
{
	p[0] = 2;
	p[1] = 1;
	p[2] = (unsigned char)flags;
	p[3] = (unsigned char)typesize;
	ozr_store_le32(p + 4, (uint32_t)bytes);
	ozr_store_le32(p + 8, blocksize);
	ozr_store_le32(p + 12, (uint32_t)encoded);
}

static unsigned flags_of(const struct ozr_blosc_plan *p)
{
	unsigned format = p->zstd ? OZR_BLOSC_FMT_ZSTD : OZR_BLOSC_FMT_LZ4;
	return format << 5 | (p->shuffle ? OZR_BLOSC_F_SHUFFLE : 0u) |
	       (p->split ? 0u : (unsigned)OZR_BLOSC_F_DONT_SPLIT);
}

static int append_copy(const struct ozr_filter *f, const void *src, size_t len, struct ozr_buf *dst,
		       struct ozr_err *err)
{
	int rc = ozr_buf_reserve(dst, dst->len + OZR_BLOSC_HEADER + len + OZR_ENCODE_SLACK, err);
	if (rc)
		return rc;
	unsigned char *p = (unsigned char *)dst->data + dst->len;
	unsigned format = f->cname == OZR_BLOSC_ZSTD ? OZR_BLOSC_FMT_ZSTD : OZR_BLOSC_FMT_LZ4;
	unsigned flags = format << 5 | OZR_BLOSC_F_MEMCPYED | OZR_BLOSC_F_DONT_SPLIT;
	uint32_t blocksize = len < COPY_BLOCK ? (uint32_t)len : COPY_BLOCK;
	put_head(p, flags, f->typesize, len, blocksize, OZR_BLOSC_HEADER + len);
	memcpy(p + OZR_BLOSC_HEADER, src, len);
	dst->len += OZR_BLOSC_HEADER + len;
	return OZR_OK;
}

/* One block to dst, which has room for it stored; *used is what it takes. */
static int encode_block(const struct ozr_blosc_plan *p, struct ozr_worker *w, unsigned typesize,
			const unsigned char *src, size_t n, unsigned char *dst, size_t *used,
			struct ozr_err *err)
{
	unsigned count = p->split && n == p->blocksize ? typesize : 1;
	size_t each = n / count, at = 0;
	if (p->shuffle) {
		unsigned char *planes = ozr_worker_scratch(w, OZR_SCRATCH_BLOCK, n, err);
		if (!planes)
			return ozr_alloc_code(err);
		ozr_shuffle(typesize, n, src, planes);
		src = planes;
	}
	for (unsigned k = 0; k < count; k++, src += each) {
		size_t out = 0;
		int level = count > 1 ? p->plane_level[k] : p->level;
		int rc = ozr_blosc_stream_pack(p, w, level, src, each, dst + at + 4, each - 1, &out,
					       err);
		if (rc)
			return rc;
		if (out == 0) {
			memcpy(dst + at + 4, src, each);
			out = each;
		}
		ozr_store_le32(dst + at, (uint32_t)out);
		at += 4 + out;
	}
	*used = at;
	return OZR_OK;
}

static int encode_blocks(const struct ozr_filter *f, struct ozr_worker *w,
			 const struct ozr_blosc_plan *p, const unsigned char *src, size_t len,
			 struct ozr_buf *dst, struct ozr_err *err)
{
	size_t blocks = (len - 1) / p->blocksize + 1;
	size_t at = OZR_BLOSC_HEADER + 4 * blocks;
	size_t room = at + len + 4 * blocks * (p->split ? f->typesize : 1);
	int rc = ozr_buf_reserve(dst, dst->len + room + OZR_ENCODE_SLACK, err);
	if (rc)
		return rc;
	unsigned char *frame = (unsigned char *)dst->data + dst->len;
	for (size_t i = 0; i < blocks; i++) {
		size_t from = i * p->blocksize, used = 0;
		size_t n = len - from < p->blocksize ? len - from : p->blocksize;
		ozr_store_le32(frame + OZR_BLOSC_HEADER + 4 * i, (uint32_t)at);
		rc = encode_block(p, w, f->typesize, src + from, n, frame + at, &used, err);
		if (rc)
			return rc;
		at += used;
	}
	if (at > len + OZR_BLOSC_HEADER)
		return append_copy(f, src, len, dst, err);
	put_head(frame, flags_of(p), f->typesize, len, p->blocksize, at);
	dst->len += at;
	return OZR_OK;
}

int ozr_blosc_encode(const struct ozr_filter *f, struct ozr_worker *w, const void *src, size_t len,
		     struct ozr_buf *dst, struct ozr_err *err)
{
	struct ozr_blosc_plan plan;
	if (len == 0 || len > OZR_BLOSC_MAX_BYTES)
		return ozr_fail(err, OZR_UNSUPPORTED, "blosc: %zu bytes, a frame has 1 to %d", len,
				OZR_BLOSC_MAX_BYTES);
	if (f->reference || f->shuffle == OZR_BLOSC_BITSHUFFLE ||
	    (f->cname != OZR_BLOSC_ZSTD && f->cname != OZR_BLOSC_LZ4))
		return ozr_blosc_lib_encode(f, w, src, len, dst, err);
	if (f->level == 0 || len < OZR_BLOSC_MIN_BYTES)
		return append_copy(f, src, len, dst, err);
	int rc = ozr_blosc_plan_make(f, w, src, len, &plan, err);
	return rc ? rc : encode_blocks(f, w, &plan, src, len, dst, err);
}
