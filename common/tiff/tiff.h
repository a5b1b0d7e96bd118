/* SPDX-License-Identifier: MIT */
/*
 * The inside of the TIFF reader. file.c opens a file and walks the chain of its
 * IFDs, ifd.c finds fields in an IFD and reads their values, names.c has the
 * words for messages, page.c says what an IFD describes and where its tiles
 * lie.
 *
 * Nothing of an IFD is kept: it is looked up whenever somebody asks, through a
 * window on the file that belongs to the caller. So memory does not grow with
 * what a file claims, and a file can be read from any thread.
 */
#ifndef OZR_TIFF_TIFF_H
#define OZR_TIFF_TIFF_H

#include "ozr/tiff.h"
#include "tiff/tags.h"

struct ozr_tiff {
	struct ozr_ctx *ctx;     /* the store's */
	struct ozr_store *store; /* owned reference */
	struct ozr_object *file; /* one version of it */
	char *name;              /* the key, for messages */
	uint64_t *ifd;           /* offsets of the main chain */
	size_t ifds, room;       /* how many there are, and have room */
	int big, big_endian;
};

enum {
	OZR_TIFF_WINDOW = 4096,  /* bytes that are read at once */
	OZR_TIFF_ENTRIES = 4096, /* of one IFD, at most */
	OZR_TIFF_SUB_IFDS = 1024 /* of one page, at most */
};

/* Bytes of the file that were read last. */
struct ozr_tiff_window {
	uint64_t offset;
	size_t len;
	unsigned char bytes[OZR_TIFF_WINDOW];
};
static inline void ozr_tiff_window_init(struct ozr_tiff_window *w)
{
	w->offset = w->len = 0;
}

/* A field as its entry has it. count 0: there is none. */
struct ozr_tiff_field {
	uint16_t tag, type;
	uint64_t count;
	uint64_t offset; /* of the value, be it in the entry itself */
};

/* --- file.c --- */

/* The same as ozr_tiff_open(), for the first `most` pages only: the chain is not walked further. */
int ozr_tiff_open_first(struct ozr_store *parent, const char *key, size_t most,
			struct ozr_tiff **out, struct ozr_err *err) OZR_MUST_CHECK;
/* len (at most OZR_TIFF_WINDOW) bytes at offset; valid until the window is used again. */
int ozr_tiff_peek(struct ozr_tiff *t, struct ozr_tiff_window *w, uint64_t offset, size_t len,
		  const unsigned char **out, struct ozr_err *err) OZR_MUST_CHECK;
uint16_t ozr_tiff_u16(const struct ozr_tiff *t, const unsigned char *p);
uint32_t ozr_tiff_u32(const struct ozr_tiff *t, const unsigned char *p);
uint64_t ozr_tiff_u64(const struct ozr_tiff *t, const unsigned char *p);
/* How many entries the IFD has, and where the next one is (0: none). */
int ozr_tiff_ifd_end(struct ozr_tiff *t, struct ozr_tiff_window *w, uint64_t ifd, uint64_t *entries,
		     uint64_t *next, struct ozr_err *err) OZR_MUST_CHECK;
/* Put file and IFD in front of a message. Returns code. */
int ozr_tiff_context(const struct ozr_tiff *t, uint64_t ifd, int code, struct ozr_err *err);

/* --- page.c --- */

/* Where the IFD of a page, or of a SubIFD of it, is. Messages have their context. */
int ozr_tiff_locate(struct ozr_tiff *t, struct ozr_tiff_window *w, size_t page, unsigned sub,
		    uint64_t *ifd, struct ozr_err *err) OZR_MUST_CHECK;

/* What the IFD at this offset describes. offsets, counts: the fields of its tiles or strips; may
 * be NULL. */
int ozr_tiff_describe(struct ozr_tiff *t, struct ozr_tiff_window *w, uint64_t ifd,
		      struct ozr_tiff_page *out, struct ozr_tiff_field *offsets,
		      struct ozr_tiff_field *counts, struct ozr_err *err) OZR_MUST_CHECK;

/* --- ifd.c --- */

/* Find fields, out[i] for tag[i] (n <= 32), in one walk over the entries. A tag that is there twice
 * is an error, whichever it is: readers differ in which one they take. */
int ozr_tiff_find(struct ozr_tiff *t, struct ozr_tiff_window *w, uint64_t ifd, const uint16_t *tag,
		  size_t n, struct ozr_tiff_field *out, struct ozr_err *err) OZR_MUST_CHECK;
/* n values of a field of unsigned integers, from value `first` on. */
int ozr_tiff_integers(struct ozr_tiff *t, struct ozr_tiff_window *w, const struct ozr_tiff_field *f,
		      uint64_t first, size_t n, uint64_t *out, struct ozr_err *err) OZR_MUST_CHECK;
/* The single value of a field, or `otherwise` when there is no such field. */
int ozr_tiff_integer(struct ozr_tiff *t, struct ozr_tiff_window *w, const struct ozr_tiff_field *f,
		     uint64_t otherwise, uint64_t *out, struct ozr_err *err) OZR_MUST_CHECK;

/* --- names.c --- */

enum { OZR_TIFF_NAME = 32 };
/* "TileOffsets", or "tag 12345", into buf where it must be made. */
const char *ozr_tiff_tag_name(char buf[OZR_TIFF_NAME], unsigned tag);

#endif
