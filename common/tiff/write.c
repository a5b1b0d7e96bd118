/* SPDX-License-Identifier: MIT */
/*
 * IFDs as bytes: see write.h. Numbers are taken apart by shifts, so that the
 * byte order of the host does not matter.
 */
#include "tiff/write.h"

#include <math.h>
#include <string.h>

#include "base/ckd.h"
#include "base/ctx.h"

enum { ENTRY = 20, INLINE = 8, PIECE = 512 };

static void put_number(unsigned char *p, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (unsigned char)(v >> (8 * i));
}

/* One number of 1, 2, 4 or 8 bytes, in the byte order of the host. */
static uint64_t take_number(const unsigned char *p, unsigned bytes)
{
	uint16_t two;
	uint32_t four;
	uint64_t eight;

	switch (bytes) {
	case 2:
		memcpy(&two, p, 2);
		return two;
	case 4:
		memcpy(&four, p, 4);
		return four;
	case 8:
		memcpy(&eight, p, 8);
		return eight;
	default:
		return *p;
	}
}

/* Bytes of what is stored as one number: a fraction is two. */
static unsigned number_size(unsigned type)
{
	return type == OZR_TIFF_RATIONAL || type == OZR_TIFF_SRATIONAL ? 4
								       : ozr_tiff_type_size(type);
}

/* --- the stream --------------------------------------------------------------------- */

int ozr_tiff_flush(struct ozr_tiff_out *o, struct ozr_err *err)
{
	size_t n = o->held;

	o->held = 0;
	return n > 0 ? o->write(o->user, o->buffer, n, err) : OZR_OK;
}

int ozr_tiff_put(struct ozr_tiff_out *o, const void *bytes, size_t n, struct ozr_err *err)
{
	int rc = OZR_OK;

	o->at += n;
	if (n > sizeof(o->buffer) - o->held)
		rc = ozr_tiff_flush(o, err);
	if (rc == OZR_OK && n > sizeof(o->buffer))
		return o->write(o->user, bytes, n, err);
	if (rc == OZR_OK && n > 0) {
		memcpy(o->buffer + o->held, bytes, n);
		o->held += n;
	}
	return rc;
}

int ozr_tiff_put_align(struct ozr_tiff_out *o, struct ozr_err *err)
{
	static const unsigned char zeros[8];

	return ozr_tiff_put(o, zeros, (8 - o->at % 8) % 8, err);
}

int ozr_tiff_put_values(struct ozr_tiff_out *o, unsigned type, uint64_t count, const void *values,
			struct ozr_err *err)
{
	const unsigned char *from = values;
	unsigned size = number_size(type);
	unsigned char part[PIECE * 8];
	uint64_t left = count * (ozr_tiff_type_size(type) / size);
	int rc = OZR_OK;

	if (size == 1)
		return ozr_tiff_put(o, values, (size_t)count, err);
	while (rc == OZR_OK && left > 0) {
		size_t n = (size_t)ozr_min_u64(left, PIECE);
		for (size_t i = 0; i < n; i++)
			put_number(part + i * size, take_number(from + i * size, size), size);
		rc = ozr_tiff_put(o, part, n * size, err);
		from += n * size;
		left -= n;
	}
	return rc;
}

/* --- IFDs --------------------------------------------------------------------------- */

static uint64_t value_bytes(const struct ozr_ifd_field *f)
{
	return f->count * ozr_tiff_type_size(f->type);
}

/* Bytes behind the entries, with what aligns the next. */
static uint64_t outside_bytes(const struct ozr_ifd_field *f)
{
	uint64_t n = value_bytes(f);

	return f->at != 0 || n <= INLINE ? 0 : (n + 7) / 8 * 8;
}

static uint64_t entries_bytes(unsigned n)
{
	return (8 + (uint64_t)n * ENTRY + 8 + 7) / 8 * 8;
}

uint64_t ozr_ifd_bytes(const struct ozr_ifd_field *field, unsigned n)
{
	uint64_t bytes = entries_bytes(n);

	for (unsigned i = 0; i < n; i++)
		bytes += outside_bytes(&field[i]);
	return bytes;
}

/* The last 8 bytes of an entry whose values fit into it. */
static int inline_value(const struct ozr_ifd_field *f, unsigned char cell[INLINE],
			struct ozr_err *err)
{
	unsigned size = number_size(f->type);
	const unsigned char *from = f->value;
	uint64_t number = f->number;

	memset(cell, 0, INLINE);
	if (from != NULL) {
		for (unsigned i = 0; i < value_bytes(f) / size; i++)
			put_number(cell + (size_t)i * size,
				   take_number(from + (size_t)i * size, size), size);
		return OZR_OK;
	}
	if (f->bring != NULL) {
		int rc = f->bring(f->arg, 0, 1, &number, err);
		if (rc != OZR_OK)
			return rc;
	}
	put_number(cell, number, size);
	return OZR_OK;
}

static int check_field(const struct ozr_ifd_field *f, const struct ozr_ifd_field *before,
		       struct ozr_err *err)
{
	unsigned size = ozr_tiff_type_size(f->type);

	if (before != NULL && before->tag >= f->tag)
		return ozr_fail(err, OZR_BAD_ARG, "tag %u comes after tag %u", f->tag, before->tag);
	if (size == 0)
		return ozr_fail(err, OZR_BAD_ARG, "tag %u: there is no field type %u", f->tag,
				f->type);
	if (f->count == 0 || f->count > (UINT64_MAX >> 8) / size)
		return ozr_fail(err, OZR_BAD_ARG, "tag %u: a count of %llu", f->tag,
				(unsigned long long)f->count);
	if (f->at == 0 && f->value == NULL && f->bring == NULL && f->count > 1)
		return ozr_fail(err, OZR_BAD_ARG, "tag %u: %llu values are missing", f->tag,
				(unsigned long long)f->count);
	return OZR_OK;
}

static int write_entry(struct ozr_tiff_out *o, const struct ozr_ifd_field *f, uint64_t *outside,
		       struct ozr_err *err)
{
	unsigned char entry[ENTRY];
	int rc = OZR_OK;

	put_number(entry, f->tag, 2);
	put_number(entry + 2, f->type, 2);
	put_number(entry + 4, f->count, 8);
	if (value_bytes(f) <= INLINE) {
		rc = inline_value(f, entry + 12, err);
	} else {
		put_number(entry + 12, f->at != 0 ? f->at : *outside, 8);
		*outside += outside_bytes(f);
	}
	return rc != OZR_OK ? rc : ozr_tiff_put(o, entry, sizeof(entry), err);
}

/* Values that somebody brings as they are needed. */
static int write_brought(struct ozr_tiff_out *o, const struct ozr_ifd_field *f, struct ozr_err *err)
{
	uint64_t part[PIECE];
	int rc = OZR_OK;

	for (uint64_t first = 0; rc == OZR_OK && first < f->count; first += PIECE) {
		size_t n = (size_t)ozr_min_u64(f->count - first, PIECE);
		rc = f->bring(f->arg, first, n, part, err);
		if (rc == OZR_OK)
			rc = ozr_tiff_put_values(o, OZR_TIFF_LONG8, n, part, err);
	}
	return rc;
}

int ozr_ifd_write(struct ozr_tiff_out *o, const struct ozr_ifd_field *field, unsigned n,
		  uint64_t next, struct ozr_err *err)
{
	uint64_t outside = o->at + entries_bytes(n), number = n;
	int rc = OZR_OK;

	if (o->at % 8 != 0)
		return ozr_fail(err, OZR_BAD_ARG, "an IFD at %llu", (unsigned long long)o->at);
	for (unsigned i = 0; rc == OZR_OK && i < n; i++)
		rc = check_field(&field[i], i > 0 ? &field[i - 1] : NULL, err);
	if (rc == OZR_OK)
		rc = ozr_tiff_put_values(o, OZR_TIFF_LONG8, 1, &number, err);
	for (unsigned i = 0; rc == OZR_OK && i < n; i++)
		rc = write_entry(o, &field[i], &outside, err);
	if (rc == OZR_OK)
		rc = ozr_tiff_put_values(o, OZR_TIFF_LONG8, 1, &next, err);
	if (rc == OZR_OK)
		rc = ozr_tiff_put_align(o, err);
	for (unsigned i = 0; rc == OZR_OK && i < n; i++) {
		const struct ozr_ifd_field *f = &field[i];
		if (outside_bytes(f) == 0)
			continue;
		rc = f->value != NULL ? ozr_tiff_put_values(o, f->type, f->count, f->value, err)
				      : write_brought(o, f, err);
		if (rc == OZR_OK)
			rc = ozr_tiff_put_align(o, err);
	}
	return rc;
}

void ozr_tiff_header(unsigned char header[OZR_TIFF_HEADER], uint64_t first_ifd)
{
	static const unsigned char start[8] = {'I', 'I', 43, 0, 8, 0, 0, 0};

	memcpy(header, start, sizeof(start));
	put_number(header + 8, first_ifd, 8);
}

/* --- fractions ---------------------------------------------------------------------- */

/* By continued fractions: the last one of which both numbers fit. */
int ozr_tiff_rational(double v, uint32_t fraction[2])
{
	double num[2] = {1.0, 0.0}, den[2] = {0.0, 1.0}, rest = v; /* the last and the one before */

	if (!(v >= 0x1p-32 && v < 0x1p32))
		return 0;
	for (int i = 0; i < 40; i++) {
		double whole = floor(rest);
		double n = whole * num[0] + num[1], d = whole * den[0] + den[1];
		if (n > UINT32_MAX || d > UINT32_MAX)
			break;
		num[1] = num[0];
		den[1] = den[0];
		num[0] = n;
		den[0] = d;
		if (n / d == v || rest == whole)
			break;
		rest = 1.0 / (rest - whole);
	}
	if (num[0] == 0.0 || den[0] == 0.0) /* what comes after 0 did not fit */
		num[0] = 1.0, den[0] = UINT32_MAX;
	fraction[0] = (uint32_t)num[0];
	fraction[1] = (uint32_t)den[0];
	return 1;
}
