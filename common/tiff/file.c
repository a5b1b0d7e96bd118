/* SPDX-License-Identifier: MIT */
/*
 * Opening a TIFF: its header, and the chain of its main IFDs, of which only
 * the offsets are kept. Each IFD is entered once: a chain that comes back to
 * where it was is found by a marker that is moved on at each power of two
 * (Brent), so in time that the true length of the chain bounds.
 */
#include <inttypes.h>
#include <string.h>

#include "base/ckd.h"
#include "base/mem.h"
#include "ozr/store.h"
#include "tiff/tiff.h"

/* --- Bytes -------------------------------------------------------------------- */

uint16_t ozr_tiff_u16(const struct ozr_tiff *t, const unsigned char *p)
{
	return (uint16_t)(t->big_endian ? p[0] << 8 | p[1] : p[1] << 8 | p[0]);
}

uint32_t ozr_tiff_u32(const struct ozr_tiff *t, const unsigned char *p)
{
	const uint32_t a = ozr_tiff_u16(t, p), b = ozr_tiff_u16(t, p + 2);
	return t->big_endian ? a << 16 | b : b << 16 | a;
}

uint64_t ozr_tiff_u64(const struct ozr_tiff *t, const unsigned char *p)
{
	const uint64_t a = ozr_tiff_u32(t, p), b = ozr_tiff_u32(t, p + 4);
	return t->big_endian ? a << 32 | b : b << 32 | a;
}

int ozr_tiff_peek(struct ozr_tiff *t, struct ozr_tiff_window *w, uint64_t offset, size_t len,
		  const unsigned char **out, struct ozr_err *err)
{
	const uint64_t size = t->file->size;
	if (offset > size || len > size - offset)
		return ozr_fail(err, OZR_CORRUPT,
				"%zu bytes at %" PRIu64 " are outside of the file of %" PRIu64
				" bytes",
				len, offset, size);
	if (offset < w->offset || offset - w->offset > w->len ||
	    len > w->len - (size_t)(offset - w->offset)) {
		const struct ozr_range r = {offset, ozr_min_u64(sizeof w->bytes, size - offset)};
		void *dst = w->bytes;
		w->len = 0;
		int code = ozr_object_read(t->file, 1, &r, &dst, err);
		if (code)
			return code;
		w->offset = offset;
		w->len = (size_t)r.length;
	}
	*out = w->bytes + (offset - w->offset);
	return OZR_OK;
}

int ozr_tiff_context(const struct ozr_tiff *t, uint64_t ifd, int code, struct ozr_err *err)
{
	return ozr_err_context(err, code, "'%s': IFD at %" PRIu64, t->name, ifd);
}

/* --- The chain ------------------------------------------------------------------ */

int ozr_tiff_ifd_end(struct ozr_tiff *t, struct ozr_tiff_window *w, uint64_t ifd, uint64_t *entries,
		     uint64_t *next, struct ozr_err *err)
{
	const unsigned char *p;
	const size_t head = t->big ? 8 : 2, entry = t->big ? 20 : 12, link = t->big ? 8 : 4;
	int code = ozr_tiff_peek(t, w, ifd, head, &p, err);
	if (code)
		return code;
	const uint64_t n = t->big ? ozr_tiff_u64(t, p) : ozr_tiff_u16(t, p);
	if (n == 0)
		return ozr_fail(err, OZR_BAD_FORMAT, "has no entries");
	if (n > OZR_TIFF_ENTRIES)
		return ozr_fail(err, OZR_UNSUPPORTED, "%" PRIu64 " entries, must be at most %d", n,
				OZR_TIFF_ENTRIES);
	*entries = n;
	code = ozr_tiff_peek(t, w, ifd + head + n * entry, link, &p, err);
	if (code)
		return ozr_err_context(err, code, "%" PRIu64 " entries", n);
	*next = t->big ? ozr_tiff_u64(t, p) : ozr_tiff_u32(t, p);
	return OZR_OK;
}

static int keep(struct ozr_tiff *t, uint64_t ifd, struct ozr_err *err)
{
	const uint64_t limit = ozr_ctx_limits(t->ctx)->tiff_ifds;
	if (t->ifds >= limit)
		return ozr_fail(err, OZR_LIMIT, "more IFDs than tiff_ifds (%" PRIu64 ")", limit);
	if (t->ifds == t->room) {
		const size_t room = t->room ? 2 * t->room : 8;
		uint64_t *more = ozr_resize(t->ctx, t->ifd, room * sizeof *more, err);
		if (!more)
			return ozr_alloc_code(err);
		t->ifd = more;
		t->room = room;
	}
	t->ifd[t->ifds++] = ifd;
	return OZR_OK;
}

static int walk(struct ozr_tiff *t, struct ozr_tiff_window *w, uint64_t first, size_t most,
		struct ozr_err *err)
{
	uint64_t ifd = first, next = 0, entries, marker = 0;
	int code = OZR_OK;
	for (; ifd && t->ifds < most && !code; ifd = next) {
		if (ifd == marker)
			return ozr_fail(err, OZR_BAD_FORMAT,
					"the chain of IFDs comes back to the one at %" PRIu64, ifd);
		if ((t->ifds & (t->ifds + 1)) == 0) /* 1, 3, 7, ...: all after the next one */
			marker = ifd;
		code = keep(t, ifd, err);
		if (code)
			break;
		code = ozr_tiff_ifd_end(t, w, ifd, &entries, &next, err);
		if (code)
			code = ozr_err_context(err, code, "IFD at %" PRIu64, ifd);
	}
	return code;
}

/* --- The header ------------------------------------------------------------------- */

static int not_tiff(const unsigned char *p, size_t len, struct ozr_err *err)
{
	if (len < 8)
		return ozr_fail(err, OZR_BAD_FORMAT, "not a TIFF: %zu bytes", len);
	return ozr_fail(err, OZR_BAD_FORMAT, "not a TIFF: it begins with %02x %02x %02x %02x", p[0],
			p[1], p[2], p[3]);
}

static int header(struct ozr_tiff *t, struct ozr_tiff_window *w, uint64_t *first,
		  struct ozr_err *err)
{
	const unsigned char *p;
	const size_t len = (size_t)ozr_min_u64(t->file->size, 16);
	int code = ozr_tiff_peek(t, w, 0, len, &p, err);
	if (code)
		return code;
	if (len < 8 || p[0] != p[1] || (p[0] != 'I' && p[0] != 'M'))
		return not_tiff(p, len, err);
	t->big_endian = p[0] == 'M';
	const unsigned version = ozr_tiff_u16(t, p + 2);
	if (version != 42 && version != 43)
		return not_tiff(p, len, err);
	t->big = version == 43;
	if (!t->big) {
		*first = ozr_tiff_u32(t, p + 4);
	} else if (len < 16) {
		return ozr_fail(err, OZR_CORRUPT, "the header of a BigTIFF is cut off");
	} else if (ozr_tiff_u16(t, p + 4) != 8 || ozr_tiff_u16(t, p + 6) != 0) {
		return ozr_fail(err, OZR_BAD_FORMAT,
				"BigTIFF with offsets of %u bytes and the constant %u, must be 8 "
				"and 0",
				ozr_tiff_u16(t, p + 4), ozr_tiff_u16(t, p + 6));
	} else {
		*first = ozr_tiff_u64(t, p + 8);
	}
	if (*first == 0)
		return ozr_fail(err, OZR_BAD_FORMAT, "a TIFF without any IFD");
	return OZR_OK;
}

static int load(struct ozr_tiff *t, const char *key, size_t most, struct ozr_err *err)
{
	const struct ozr_hint hint = {OZR_FIRST_HEAD, OZR_TIFF_WINDOW};
	struct ozr_tiff_window w;
	uint64_t first;
	ozr_tiff_window_init(&w);
	int code = ozr_object_open_for(t->store, key, &hint, &t->file, err);
	if (code)
		return code;
	code = header(t, &w, &first, err);
	if (!code)
		code = walk(t, &w, first, most, err);
	if (code == OZR_NOT_FOUND) /* it was there */
		code = ozr_fail(err, OZR_CHANGED, "was removed while it was opened");
	return code;
}

int ozr_tiff_open_first(struct ozr_store *parent, const char *key, size_t most,
			struct ozr_tiff **out, struct ozr_err *err)
{
	char quoted[OZR_QUOTE_MAX];
	struct ozr_tiff *t = ozr_calloc(parent->ctx, 1, sizeof *t, err);
	if (!t)
		return ozr_alloc_code(err);
	t->ctx = parent->ctx;
	t->store = ozr_store_ref(parent);
	ozr_quote(quoted, key, strlen(key));
	t->name = ozr_strdup(t->ctx, quoted, err);
	int code = t->name ? load(t, key, most, err) : ozr_alloc_code(err);
	if (code) {
		ozr_tiff_close(t);
		return ozr_err_context(err, code, "'%s'", quoted);
	}
	*out = t;
	return OZR_OK;
}

int ozr_tiff_open(struct ozr_store *parent, const char *key, struct ozr_tiff **out,
		  struct ozr_err *err)
{
	return ozr_tiff_open_first(parent, key, SIZE_MAX, out, err);
}

int ozr_tiff_open_file(struct ozr_ctx *ctx, const char *path, struct ozr_tiff **out,
		       struct ozr_err *err)
{
	char name[OZR_NAME_MAX];
	struct ozr_store *folder = NULL;
	int code = ozr_store_open_folder_of(ctx, path, name, &folder, err);
	if (!code)
		code = ozr_tiff_open(folder, name, out, err);
	ozr_store_unref(folder);
	return code;
}

void ozr_tiff_close(struct ozr_tiff *t)
{
	if (!t)
		return;
	struct ozr_ctx *ctx = ozr_ctx_ref(t->ctx);
	ozr_object_close(t->file);
	ozr_store_unref(t->store);
	ozr_free(ctx, t->ifd);
	ozr_free(ctx, t->name);
	ozr_free(ctx, t);
	ozr_ctx_unref(ctx);
}

int ozr_tiff_is_big(const struct ozr_tiff *t)
{
	return t->big;
}

int ozr_tiff_is_big_endian(const struct ozr_tiff *t)
{
	return t->big_endian;
}

size_t ozr_tiff_pages(const struct ozr_tiff *t)
{
	return t->ifds;
}
