/* SPDX-License-Identifier: MIT */
/*
 * Writing the IFDs of a BigTIFF, little endian, as a stream: nothing that was
 * written is touched again. Whoever writes knows where everything will lie, since
 * the size of an IFD follows from the types and counts of its fields alone.
 *
 * An IFD takes its entries and the offset of the next one, then the values that
 * do not fit into the entries, each at a multiple of 8. Values that many IFDs
 * share can be written once and referred to.
 *
 * Threads: one at a time.
 */
#ifndef OZR_TIFF_WRITE_H
#define OZR_TIFF_WRITE_H

#include "ozr/context.h"
#include "tiff/tags.h"

enum { OZR_TIFF_HEADER = 16, OZR_TIFF_BUFFER = 1 << 16 };

/* Where the bytes go, with a buffer. Zero-initialise, then set the first three. */
struct ozr_tiff_out {
	int (*write)(void *user, const void *bytes, size_t n, struct ozr_err *err);
	void *user;
	uint64_t at; /* where the next byte will lie in the file */
	size_t held;
	unsigned char buffer[OZR_TIFF_BUFFER];
};
int ozr_tiff_put(struct ozr_tiff_out *o, const void *bytes, size_t n,
		 struct ozr_err *err) OZR_MUST_CHECK;
/* Zeros up to a multiple of 8. */
int ozr_tiff_put_align(struct ozr_tiff_out *o, struct ozr_err *err) OZR_MUST_CHECK;
/* count values of a field type, in the byte order of the host. */
int ozr_tiff_put_values(struct ozr_tiff_out *o, unsigned type, uint64_t count, const void *values,
			struct ozr_err *err) OZR_MUST_CHECK;
/* Give what the buffer holds to write(). */
int ozr_tiff_flush(struct ozr_tiff_out *o, struct ozr_err *err) OZR_MUST_CHECK;

/* Where a field has its values from: the first of these that is set. */
struct ozr_ifd_field {
	uint16_t tag, type;
	uint64_t count;
	uint64_t at;       /* they lie there already (not for values that fit into the entry) */
	const void *value; /* count of them, in the byte order of the host */
	/* LONG8 and the like only: some at a time, from `first` on */
	int (*bring)(void *arg, uint64_t first, size_t n, uint64_t *values, struct ozr_err *err);
	void *arg;
	uint64_t number; /* one unsigned integer; count is 1 */
};
/* Bytes of the IFD with these fields and its values. A multiple of 8. */
uint64_t ozr_ifd_bytes(const struct ozr_ifd_field *field, unsigned n);
/* Begins at o->at, a multiple of 8. Fields rise by tag. next: the next IFD in the chain, 0: none. */
int ozr_ifd_write(struct ozr_tiff_out *o, const struct ozr_ifd_field *field, unsigned n,
		  uint64_t next, struct ozr_err *err) OZR_MUST_CHECK;

/* The bytes of a file's header. */
void ozr_tiff_header(unsigned char header[OZR_TIFF_HEADER], uint64_t first_ifd);

/* The closest fraction of two 32-bit numbers; 0 when v is no number from 2^-32 to 2^32. */
int ozr_tiff_rational(double v, uint32_t fraction[2]);

/* One tile of `elements` equal elements, as bytes in a file: *bytes is to be freed. compression:
 * OZR_TIFF_NONE or OZR_TIFF_ZSTD. Not one of Zarr's chunks: there is no checksum behind it. */
int ozr_tiff_fill_tile(struct ozr_ctx *ctx, unsigned compression, unsigned dtype, uint64_t elements,
		       const unsigned char fill[8], void **bytes, size_t *len,
		       struct ozr_err *err) OZR_MUST_CHECK;

#endif
