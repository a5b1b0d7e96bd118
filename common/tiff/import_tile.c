/* SPDX-License-Identifier: MIT */
/*
 * One tile becomes one chunk: read, given the header that its codec wants,
 * closed by the checksums that the array has, and handed over. A zstd tile
 * that is not one plain frame is decoded and written as pixels instead.
 */
#include "tiff/import.h"

#include <inttypes.h>
#include <string.h>

#include "base/ckd.h"
#include "base/mem.h"
#include "codec/chain.h"
#include "codec/filter.h"
#include "codec/repack.h"
#include "ozr/store.h"

enum { FRONT = 4 }; /* what a zstd header mostly grows by: read behind it, nothing has to move */

static void place_of(const struct ozr_importing *im, const struct ozr_import_tile *tile,
		     uint64_t *chunk)
{
	for (unsigned d = 0; d < im->info.rank; d++)
		chunk[d] = im->what->at[d] / im->info.chunk[d];
	chunk[im->what->y_axis] = tile->y;
	chunk[im->what->x_axis] = tile->x;
	if (im->what->channel_axis >= 0)
		chunk[im->what->channel_axis] += tile->plane;
}

static int check_size(const struct ozr_importing *im, uint64_t len, struct ozr_err *err)
{
	const uint64_t most = ozr_sat_mul(im->bytes, 2) | 4095;

	if (im->encoding.kind == OZR_ENCODING_NONE && len != im->bytes)
		return ozr_fail(err, OZR_CORRUPT, "%" PRIu64 " bytes, must be %" PRIu64, len,
				im->bytes);
	if (len > most)
		return ozr_fail(err, OZR_CORRUPT,
				"%" PRIu64 " bytes, for %" PRIu64 " encoded at most %" PRIu64
				" are taken",
				len, im->bytes, most);
	return OZR_OK;
}

static int read_tile(const struct ozr_importing *im, const struct ozr_import_tile *tile, void *dst,
		     struct ozr_err *err)
{
	return ozr_object_read(im->t->file, 1, &tile->at, &dst, err);
}

/* --- pixels ------------------------------------------------------------------------------ */

static int recode(struct ozr_importing *im, const struct ozr_import_tile *tile, const void *src,
		  struct ozr_worker *worker, const char *why, struct ozr_err *err)
{
	const struct ozr_import *w = im->what;
	const unsigned item = ozr_dtype_size(im->page.dtype);
	struct ozr_box box = {.dtype = im->page.dtype};
	size_t made = 0;
	void *pixels = ozr_worker_scratch(worker, OZR_SCRATCH_DECODED, im->bytes, err);

	if (!pixels)
		return ozr_alloc_code(err);
	int rc = ozr_zstd_unpack(worker, src, (size_t)tile->at.length, pixels, (size_t)im->bytes,
				 &made, err);
	if (rc == OZR_FILTER_FULL)
		return ozr_fail(err, OZR_CORRUPT, "zstd: holds more than %" PRIu64 " bytes",
				im->bytes);
	if (rc)
		return ozr_err_context(err, rc, "the tile %s", why);
	if (made != im->bytes)
		return ozr_fail(err, OZR_CORRUPT, "zstd: holds %zu bytes, must be %" PRIu64, made,
				im->bytes);
	for (unsigned d = 0; d < im->info.rank; d++) {
		box.start[d] = im->what->at[d];
		box.count[d] = 1;
		box.stride[d] = (int64_t)(im->encoding.mem_stride[d] * item);
	}
	box.start[w->y_axis] = tile->y * im->page.tile_height;
	box.start[w->x_axis] = tile->x * im->page.tile_width;
	if (w->channel_axis >= 0) {
		box.start[w->channel_axis] += tile->plane;
		box.count[w->channel_axis] = im->info.chunk[w->channel_axis];
	}
	for (int k = 0; k < 2; k++) {
		const unsigned d = k ? w->x_axis : w->y_axis;
		box.count[d] = ozr_min_u64(im->info.chunk[d], im->info.shape[d] - box.start[d]);
	}
	if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ && item > 1)
		ozr_bytes_swap(pixels, pixels, (size_t)im->bytes, item);
	box.data = pixels;
	atomic_fetch_add(&im->recoded, 1);
	return ozr_array_write(im->a, 1, &box, &im->inner, err);
}

/* --- bytes --------------------------------------------------------------------------------- */

/* b holds the chunk but for its checksums; takes b. */
static int hand_over(struct ozr_importing *im, const struct ozr_import_tile *tile,
		     struct ozr_buf *b, struct ozr_err *err)
{
	uint64_t chunk[OZR_MAX_RANK];
	unsigned char sum[4];
	int rc = OZR_OK;

	for (unsigned i = 0; rc == OZR_OK && i < im->encoding.sums; i++) {
		ozr_store_le32(sum, ozr_crc32c(0, b->data, b->len));
		rc = ozr_buf_append(b, sum, sizeof(sum), err);
	}
	if (rc) {
		ozr_buf_release(b);
		return rc;
	}
	place_of(im, tile, chunk);
	atomic_fetch_add(&im->tiles, 1);
	atomic_fetch_add(&im->written, b->len);
	return ozr_array_take_encoded(im->a, chunk, b->data, b->len, &im->inner, err);
}

static int import_zstd(struct ozr_importing *im, const struct ozr_import_tile *tile,
		       struct ozr_buf *b, struct ozr_worker *worker, struct ozr_err *err)
{
	const size_t len = (size_t)tile->at.length;
	char *frame = b->data + FRONT;
	struct ozr_frame f;

	int rc = read_tile(im, tile, frame, err);
	if (rc == OZR_OK)
		ozr_zstd_frame_look(frame, len, im->bytes, &f);
	if (rc == OZR_OK && f.state == OZR_FRAME_OTHER)
		rc = recode(im, tile, frame, worker, f.why, err);
	if (rc || f.state == OZR_FRAME_OTHER) {
		ozr_buf_release(b);
		return rc;
	}
	if (b->data + f.len != frame + f.old)
		memmove(b->data + f.len, frame + f.old, len - f.old);
	memcpy(b->data, f.header, f.len);
	b->len = f.len + len - f.old;
	return hand_over(im, tile, b, err);
}

static int import_deflate(struct ozr_importing *im, const struct ozr_import_tile *tile,
			  struct ozr_buf *b, struct ozr_worker *worker, struct ozr_err *err)
{
	void *stream = ozr_worker_scratch(worker, OZR_SCRATCH_ENCODED, tile->at.length, err);
	int rc = stream ? read_tile(im, tile, stream, err) : ozr_alloc_code(err);

	if (rc == OZR_OK)
		rc = ozr_zlib_to_gzip(worker, stream, (size_t)tile->at.length, im->bytes, b, err);
	if (rc) {
		ozr_buf_release(b);
		return rc;
	}
	atomic_fetch_add(&im->inflated, 1);
	return hand_over(im, tile, b, err);
}

static int import_none(struct ozr_importing *im, const struct ozr_import_tile *tile,
		       struct ozr_buf *b, struct ozr_err *err)
{
	int rc = read_tile(im, tile, b->data, err);

	if (rc) {
		ozr_buf_release(b);
		return rc;
	}
	b->len = (size_t)tile->at.length;
	return hand_over(im, tile, b, err);
}

int ozr_import_tile(struct ozr_importing *im, const struct ozr_import_tile *tile,
		    struct ozr_worker *worker, struct ozr_err *err)
{
	const uint64_t room = tile->at.length + 2 * OZR_ENCODE_SLACK + 4 * im->encoding.sums;
	struct ozr_buf b;
	int rc = check_size(im, tile->at.length, err);

	if (rc)
		return rc;
	ozr_buf_init(&b, im->t->ctx, SIZE_MAX / 2);
	rc = ozr_buf_reserve(&b, (size_t)room, err);
	if (rc)
		return rc;
	switch (im->encoding.kind) {
	case OZR_ENCODING_ZSTD:
		return import_zstd(im, tile, &b, worker, err);
	case OZR_ENCODING_GZIP:
		return import_deflate(im, tile, &b, worker, err);
	default:
		return import_none(im, tile, &b, err);
	}
}
