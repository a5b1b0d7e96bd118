/* SPDX-License-Identifier: MIT */
/*
 * Fields of an IFD: entries are looked through in one walk, values are read in
 * the pieces that somebody asks for. What an entry claims is believed only as
 * far as it lies inside the file.
 */
#include <inttypes.h>
#include <string.h>

#include "base/ckd.h"
#include "base/mem.h"
#include "ozr/store.h"
#include "tiff/tiff.h"

/* --- Entries -------------------------------------------------------------------- */

/* The entry at p, which lies at `at`. Its value may be anywhere: that is looked at when it is read. */
static struct ozr_tiff_field parse(const struct ozr_tiff *t, const unsigned char *p, uint64_t at)
{
	struct ozr_tiff_field f = {.tag = ozr_tiff_u16(t, p), .type = ozr_tiff_u16(t, p + 2)};
	const unsigned size = ozr_tiff_type_size(f.type);
	const unsigned inside = t->big ? 8 : 4;
	f.count = t->big ? ozr_tiff_u64(t, p + 4) : ozr_tiff_u32(t, p + 4);
	const unsigned char *value = p + (t->big ? 12 : 8);
	if (size == 0 || f.count <= inside / size)
		f.offset = at + (t->big ? 12 : 8);
	else
		f.offset = t->big ? ozr_tiff_u64(t, value) : ozr_tiff_u32(t, value);
	return f;
}

/* Tags that were met. They are to come in rising order, but what does not is harmless. */
struct seen {
	unsigned char bit[UINT16_MAX / 8 + 1];
};

static int seen_before(struct seen *s, uint16_t tag)
{
	const unsigned char bit = (unsigned char)(1u << tag % 8);
	const int before = s->bit[tag / 8] & bit;
	s->bit[tag / 8] |= bit;
	return before;
}

int ozr_tiff_find(struct ozr_tiff *t, struct ozr_tiff_window *w, uint64_t ifd, const uint16_t *tag,
		  size_t n, struct ozr_tiff_field *out, struct ozr_err *err)
{
	const size_t head = t->big ? 8 : 2, size = t->big ? 20 : 12;
	struct seen seen = {{0}};
	char name[OZR_TIFF_NAME];
	const unsigned char *p;
	uint64_t entries, next;
	int code = ozr_tiff_ifd_end(t, w, ifd, &entries, &next, err);
	for (size_t i = 0; i < n; i++)
		out[i] = (struct ozr_tiff_field){.tag = tag[i]};
	for (uint64_t i = 0; i < entries && !code; i++) {
		const uint64_t at = ifd + head + i * size;
		code = ozr_tiff_peek(t, w, at, size, &p, err);
		if (code)
			break;
		const struct ozr_tiff_field f = parse(t, p, at);
		if (seen_before(&seen, f.tag))
			return ozr_fail(err, OZR_BAD_FORMAT, "%s is there twice",
					ozr_tiff_tag_name(name, f.tag));
		for (size_t k = 0; k < n; k++)
			if (f.tag == tag[k])
				out[k] = f;
	}
	return code;
}

/* --- Values ----------------------------------------------------------------------- */

static int wrong_type(const struct ozr_tiff_field *f, const char *wanted, struct ozr_err *err)
{
	char name[OZR_TIFF_NAME];
	return ozr_fail(err, OZR_BAD_FORMAT, "%s has the type %u, must be %s",
			ozr_tiff_tag_name(name, f->tag), (unsigned)f->type, wanted);
}

/* Where n values from `first` on lie; all values of the field are inside the file. */
static int extent(const struct ozr_tiff *t, const struct ozr_tiff_field *f, uint64_t first,
		  uint64_t n, uint64_t *offset, struct ozr_err *err)
{
	const uint64_t size = ozr_tiff_type_size(f->type), file = t->file->size;
	char name[OZR_TIFF_NAME];
	uint64_t bytes;
	if (ozr_ckd_mul(f->count, size, &bytes) || bytes > file || f->offset > file - bytes)
		return ozr_fail(err, OZR_CORRUPT,
				"%s: %" PRIu64 " values of %" PRIu64 " bytes at %" PRIu64
				" are outside of the file of %" PRIu64 " bytes",
				ozr_tiff_tag_name(name, f->tag), f->count, size, f->offset, file);
	if (first > f->count || n > f->count - first)
		return ozr_fail(err, OZR_BAD_FORMAT,
				"%s has %" PRIu64 " values, must have %" PRIu64,
				ozr_tiff_tag_name(name, f->tag), f->count, first + n);
	*offset = f->offset + first * size;
	return OZR_OK;
}

static uint64_t integer(const struct ozr_tiff *t, unsigned type, const unsigned char *p)
{
	switch (type) {
	case OZR_TIFF_BYTE:
		return *p;
	case OZR_TIFF_SHORT:
		return ozr_tiff_u16(t, p);
	case OZR_TIFF_LONG:
	case OZR_TIFF_IFD:
		return ozr_tiff_u32(t, p);
	default:
		return ozr_tiff_u64(t, p);
	}
}

static int is_integer(unsigned type)
{
	return type == OZR_TIFF_BYTE || type == OZR_TIFF_SHORT || type == OZR_TIFF_LONG ||
	       type == OZR_TIFF_IFD || type == OZR_TIFF_LONG8 || type == OZR_TIFF_IFD8;
}

int ozr_tiff_integers(struct ozr_tiff *t, struct ozr_tiff_window *w, const struct ozr_tiff_field *f,
		      uint64_t first, size_t n, uint64_t *out, struct ozr_err *err)
{
	const size_t size = ozr_tiff_type_size(f->type);
	const unsigned char *p;
	uint64_t at;
	if (!is_integer(f->type))
		return wrong_type(f, "an unsigned integer", err);
	int code = extent(t, f, first, n, &at, err);
	for (size_t done = 0; done < n && !code;) {
		const size_t some = (size_t)ozr_min_u64(n - done, OZR_TIFF_WINDOW / size);
		code = ozr_tiff_peek(t, w, at + done * size, some * size, &p, err);
		for (size_t i = 0; i < some && !code; i++)
			out[done + i] = integer(t, f->type, p + i * size);
		done += some;
	}
	return code;
}

int ozr_tiff_integer(struct ozr_tiff *t, struct ozr_tiff_window *w, const struct ozr_tiff_field *f,
		     uint64_t otherwise, uint64_t *out, struct ozr_err *err)
{
	char name[OZR_TIFF_NAME];
	if (f->count == 0) {
		*out = otherwise;
		return OZR_OK;
	}
	if (f->count != 1)
		return ozr_fail(err, OZR_BAD_FORMAT, "%s has %" PRIu64 " values, must have 1",
				ozr_tiff_tag_name(name, f->tag), f->count);
	return ozr_tiff_integers(t, w, f, 0, 1, out, err);
}

static float float_of(uint32_t bits)
{
	float v;
	memcpy(&v, &bits, sizeof v);
	return v;
}

static double double_of(uint64_t bits)
{
	double v;
	memcpy(&v, &bits, sizeof v);
	return v;
}

static double number(const struct ozr_tiff *t, unsigned type, const unsigned char *p)
{
	switch (type) {
	case OZR_TIFF_SBYTE:
		return (signed char)*p;
	case OZR_TIFF_SSHORT:
		return (int16_t)ozr_tiff_u16(t, p);
	case OZR_TIFF_SLONG:
		return (int32_t)ozr_tiff_u32(t, p);
	case OZR_TIFF_SLONG8:
		return (double)(int64_t)ozr_tiff_u64(t, p);
	case OZR_TIFF_RATIONAL:
		return (double)ozr_tiff_u32(t, p) / ozr_tiff_u32(t, p + 4);
	case OZR_TIFF_SRATIONAL:
		return (double)(int32_t)ozr_tiff_u32(t, p) / (int32_t)ozr_tiff_u32(t, p + 4);
	case OZR_TIFF_FLOAT:
		return (double)float_of(ozr_tiff_u32(t, p));
	case OZR_TIFF_DOUBLE:
		return double_of(ozr_tiff_u64(t, p));
	default:
		return (double)integer(t, type, p);
	}
}

/* --- What callers see --------------------------------------------------------------- */

static int find_one(struct ozr_tiff *t, struct ozr_tiff_window *w, uint64_t ifd, unsigned tag,
		    struct ozr_tiff_field *f, struct ozr_err *err)
{
	char name[OZR_TIFF_NAME];
	const uint16_t number = (uint16_t)tag;
	if (tag > UINT16_MAX)
		return ozr_fail(err, OZR_BAD_ARG, "tag %u, must be at most 65535", tag);
	int code = ozr_tiff_find(t, w, ifd, &number, 1, f, err);
	if (!code && f->count == 0)
		return ozr_fail(err, OZR_NOT_FOUND, "has no %s", ozr_tiff_tag_name(name, tag));
	return code;
}

static int text_of(struct ozr_tiff *t, const struct ozr_tiff_field *f, char **text, size_t *len,
		   struct ozr_err *err)
{
	const uint64_t limit = ozr_ctx_limits(t->ctx)->json_bytes;
	char name[OZR_TIFF_NAME];
	struct ozr_range r = {.length = f->count};
	if (f->type != OZR_TIFF_ASCII && f->type != OZR_TIFF_UNDEFINED && f->type != OZR_TIFF_BYTE)
		return wrong_type(f, "ASCII, UNDEFINED or BYTE", err);
	int code = extent(t, f, 0, f->count, &r.offset, err);
	if (code)
		return code;
	if (f->count > limit)
		return ozr_fail(err, OZR_LIMIT,
				"%s has %" PRIu64 " bytes, more than json_bytes (%" PRIu64 ")",
				ozr_tiff_tag_name(name, f->tag), f->count, limit);
	char *bytes = ozr_text_new(t->ctx, f->count + 1, err);
	if (!bytes)
		return ozr_alloc_code(err);
	void *dst = bytes;
	code = ozr_object_read(t->file, 1, &r, &dst, err);
	if (code) {
		ozr_text_free(bytes);
		return code;
	}
	bytes[f->count] = '\0';
	*text = bytes;
	*len = (size_t)f->count;
	return OZR_OK;
}

int ozr_tiff_text(struct ozr_tiff *t, size_t page, unsigned sub, unsigned tag, char **text,
		  size_t *len, struct ozr_err *err)
{
	struct ozr_tiff_window w;
	struct ozr_tiff_field f;
	uint64_t ifd = 0;
	ozr_tiff_window_init(&w);
	int code = ozr_tiff_locate(t, &w, page, sub, &ifd, err);
	if (code)
		return code;
	code = find_one(t, &w, ifd, tag, &f, err);
	if (!code)
		code = text_of(t, &f, text, len, err);
	return code ? ozr_tiff_context(t, ifd, code, err) : OZR_OK;
}

static int numbers_of(struct ozr_tiff *t, struct ozr_tiff_window *w, const struct ozr_tiff_field *f,
		      double *v, size_t n, struct ozr_err *err)
{
	const size_t size = ozr_tiff_type_size(f->type);
	const unsigned char *p;
	uint64_t at;
	if (size == 0 || f->type == OZR_TIFF_ASCII || f->type == OZR_TIFF_UNDEFINED)
		return wrong_type(f, "a number", err);
	int code = extent(t, f, 0, n, &at, err);
	for (size_t i = 0; i < n && !code; i++) {
		code = ozr_tiff_peek(t, w, at + i * size, size, &p, err);
		if (!code)
			v[i] = number(t, f->type, p);
	}
	return code;
}

int ozr_tiff_numbers(struct ozr_tiff *t, size_t page, unsigned sub, unsigned tag, double *v,
		     size_t n, uint64_t *count, struct ozr_err *err)
{
	struct ozr_tiff_window w;
	struct ozr_tiff_field f;
	uint64_t ifd = 0;
	ozr_tiff_window_init(&w);
	int code = ozr_tiff_locate(t, &w, page, sub, &ifd, err);
	if (code)
		return code;
	code = find_one(t, &w, ifd, tag, &f, err);
	if (!code)
		code = numbers_of(t, &w, &f, v, (size_t)ozr_min_u64(n, f.count), err);
	if (code)
		return ozr_tiff_context(t, ifd, code, err);
	*count = f.count;
	return OZR_OK;
}
