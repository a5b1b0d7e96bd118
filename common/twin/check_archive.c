/* SPDX-License-Identifier: MIT */
/*
 * What happened to a twin as a whole: bytes behind the archive's end (TIFF
 * programs append the IFDs that they change), an end that is missing (cut off),
 * members that moved (zip programs write archives anew), a header or IFDs that
 * were changed in place. Nothing here looks at pixels.
 */
#include <inttypes.h>
#include <string.h>

#include "base/ckd.h"
#include "base/mem.h"
#include "twin/check.h"

/* --- The end --------------------------------------------------------------------- */

enum { PIECE = 1 << 20, PIECES = 64, END_BYTES = 22, COMMENT_MOST = 65535 };

static unsigned load16(const unsigned char *p)
{
	return p[0] | (unsigned)p[1] << 8;
}

/* The last end record that begins in buf[0, len) and whose comment ends before the file does; `at`
 * is where buf begins in the file. 0: none. */
static uint64_t end_in(const struct ozr_twin_checking *c, const unsigned char *buf, size_t len,
		       uint64_t at)
{
	static const unsigned char mark[] = {'P', 'K', 5, 6};
	for (size_t i = len; i-- > 0;) {
		if (buf[i] != 'P' || at + i > c->size - END_BYTES ||
		    memcmp(buf + i, mark, sizeof mark) != 0)
			continue;
		const uint64_t end = at + i + END_BYTES + load16(buf + i + 20);
		/* Of one disk, and with the locator of a ZIP64 record before it, as ours have. */
		if (end < c->size && load16(buf + i + 4) == 0 && i >= 20 &&
		    memcmp(buf + i - 20, "PK\6\7", 4) == 0)
			return end;
	}
	return 0;
}

/* Where the archive ended before something was appended; looked for in the last 64 MiB. */
static int find_old_end(const struct ozr_twin_checking *c, uint64_t *end, struct ozr_err *err)
{
	const size_t overlap = END_BYTES + 20;
	struct ozr_object *o = NULL;
	uint64_t last = c->size;
	*end = 0;
	if (c->size < overlap)
		return OZR_OK;
	void *buf = ozr_alloc(c->ctx, ozr_min_u64(PIECE + overlap, c->size), err);
	if (!buf)
		return ozr_alloc_code(err);
	int code = ozr_object_open(c->parent, c->key, &o, err);
	for (int i = 0; i < PIECES && last > 0 && !*end && !code; i++) {
		const uint64_t first = last > PIECE ? last - PIECE : 0;
		const struct ozr_range r = {first, ozr_min_u64(PIECE + overlap, c->size - first)};
		code = ozr_object_read(o, 1, &r, &buf, err);
		/* What begins in the last bytes is cut off in this piece, and whole in the one
		 * that was before it. */
		if (!code && r.length > END_BYTES)
			*end = end_in(c, buf, (size_t)r.length - END_BYTES, first);
		last = first;
	}
	ozr_object_close(o);
	ozr_free(c->ctx, buf);
	return code;
}

/* Is there an IFD in the chain behind this? */
static int ifd_behind(const struct ozr_twin_checking *c, uint64_t end)
{
	if (c->first_ifd >= end)
		return 1;
	for (size_t i = 0; c->tiff && i < c->tiff->ifds; i++)
		if (c->tiff->ifd[i] >= end)
			return 1;
	return 0;
}

int ozr_twin_explain_end(struct ozr_twin_checking *c, struct ozr_err *err)
{
	uint64_t end = 0;
	if (c->first_ifd >= c->size)
		return ozr_twin_damaged(c,
					"the file is cut off: it has %" PRIu64
					" bytes, and its first IFD begins at %" PRIu64,
					c->size, c->first_ifd);
	int code = find_old_end(c, &end, err);
	if (code)
		return ozr_twin_blames_file(code) ? ozr_twin_damaged(c, "the file changes") : code;
	if (end && ifd_behind(c, end))
		return ozr_twin_damaged(c,
					"%" PRIu64 " bytes with IFDs were appended behind the end "
					"of the archive at %" PRIu64
					": a TIFF program has changed its tags or pixels",
					c->size - end, end);
	if (end)
		return ozr_twin_damaged(c,
					"%" PRIu64
					" bytes were appended behind the end of the archive "
					"at %" PRIu64 ": a TIFF program has changed pixels, "
					"or something else",
					c->size - end, end);
	return ozr_twin_damaged(c,
				"%s; the file is cut off, or was changed at its end; the TIFF "
				"side %s",
				c->zip_try.err.msg,
				c->report->tiff_side ? "can be read" : c->tiff_try.err.msg);
}

/* --- The header ---------------------------------------------------------------------- */

/* Above this the checksum is left to checks that are not quick. */
static const uint64_t quick_crc = 16 << 20;

int ozr_twin_check_header(struct ozr_twin_checking *c, struct ozr_err *err)
{
	const struct ozr_placement *ifds = &c->ifds;
	struct ozr_err why;
	if (!ifds->size)
		return ozr_twin_damaged(c, "the archive has no member " OZR_TWIN_IFD_KEY
					   " with the IFDs: a zip program has removed it");
	if (!c->has_header)
		return ozr_twin_damaged(c, "the file does not begin with the header of a BigTIFF: "
					   "a zip program has rewritten the archive, or it was "
					   "edited");
	if (c->first_ifd < ifds->offset || c->first_ifd - ifds->offset >= ifds->size)
		return ozr_twin_damaged(c,
					"the TIFF's header points to an IFD at %" PRIu64
					", the IFDs are in " OZR_TWIN_IFD_KEY " at %" PRIu64 ": %s",
					c->first_ifd, ifds->offset,
					c->tiff_try.code ? "a zip program has moved the members"
							 : "a TIFF program has changed the header");
	if (ifds->size <= quick_crc || c->depth > OZR_TWIN_QUICK) {
		int code = ozr_zip_verify(c->zip, OZR_TWIN_IFD_KEY, c->call, &why);
		if (code && !ozr_twin_blames_file(code)) {
			*err = why;
			return code;
		}
		if (code)
			return ozr_twin_damaged(
				c,
				"%s: a TIFF program has changed the IFDs in place, or the file "
				"is damaged",
				why.msg);
	}
	/* What the member holds is as it was: then it is not where it was. */
	if (c->tiff_try.code)
		return ozr_twin_damaged(c, "%s: a zip program has moved the members",
					c->tiff_try.err.msg);
	return OZR_OK;
}
