/* SPDX-License-Identifier: MIT */
/*
 * Where the tiles of a page lie. Both arrays are read in pieces, never whole;
 * a tile that is not inside the file, or that begins in its header, is an
 * error, and one of no bytes is a tile that is not stored.
 */
#include <inttypes.h>

#include "base/ckd.h"
#include "tiff/tiff.h"

enum { PIECE = 256 }; /* tiles at once */

static int check_tile(const struct ozr_tiff *t, uint64_t tile, const struct ozr_range *r,
		      struct ozr_err *err)
{
	const uint64_t size = t->file->size, head = t->big ? 16 : 8;
	if (r->offset < head || r->offset > size || r->length > size - r->offset)
		return ozr_fail(err, OZR_CORRUPT,
				"tile %" PRIu64 ": %" PRIu64 " bytes at %" PRIu64
				" are not inside of the file of %" PRIu64 " bytes",
				tile, r->length, r->offset, size);
	return OZR_OK;
}

static int piece(struct ozr_tiff *t, struct ozr_tiff_window *w,
		 const struct ozr_tiff_field field[2], uint64_t first, size_t n,
		 struct ozr_range *out, struct ozr_err *err)
{
	uint64_t v[2][PIECE];
	int code = OZR_OK;
	for (int k = 0; k < 2 && !code; k++)
		code = ozr_tiff_integers(t, w, &field[k], first, n, v[k], err);
	for (size_t i = 0; i < n && !code; i++) {
		out[i] = (struct ozr_range){v[1][i] ? v[0][i] : 0, v[1][i]};
		if (out[i].length)
			code = check_tile(t, first + i, &out[i], err);
	}
	return code;
}

int ozr_tiff_tiles(struct ozr_tiff *t, size_t page, unsigned sub, uint64_t first, size_t n,
		   struct ozr_range *out, struct ozr_err *err)
{
	struct ozr_tiff_field field[2]; /* offsets, sizes */
	struct ozr_tiff_window w;
	struct ozr_tiff_page p;
	uint64_t ifd = 0;
	ozr_tiff_window_init(&w);
	int code = ozr_tiff_locate(t, &w, page, sub, &ifd, err);
	if (code)
		return code;
	code = ozr_tiff_describe(t, &w, ifd, &p, &field[0], &field[1], err);
	if (!code && (first > p.tiles || n > p.tiles - first))
		code = ozr_fail(err, OZR_BAD_ARG,
				"%zu tiles from %" PRIu64 " on are asked for, there are %" PRIu64,
				n, first, p.tiles);
	for (size_t done = 0; done < n && !code;) {
		const size_t some = (size_t)ozr_min_u64(n - done, PIECE);
		code = piece(t, &w, field, first + done, some, out + done, err);
		done += some;
	}
	return code ? ozr_tiff_context(t, ifd, code, err) : OZR_OK;
}
