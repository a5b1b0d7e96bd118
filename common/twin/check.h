/* SPDX-License-Identifier: MIT */
/*
 * The inside of the checker. check.c opens both sides and decides in which
 * order they are looked at; check_archive.c says what happened to an archive
 * whose end or header does not fit, check_pages.c compares IFDs with arrays,
 * check_tiles.c tiles with chunks, check_members.c what is in the archive's directory
 * with what is in the archive.
 *
 * Functions return OZR_OK, an error of reading, or OZR_TWIN_STOP: something is wrong, the
 * report says what, and the rest need not be looked at.
 */
#ifndef OZR_TWIN_CHECK_H
#define OZR_TWIN_CHECK_H

#include "ozr/twin.h"
#include "tiff/tiff.h"
#include "twin/geometry.h"

enum { OZR_TWIN_STOP = 1 };

#define OZR_TWIN_IFD_KEY "OME/tiff.ifd"

/* One side or one part of it: opened, or why not. */
struct ozr_twin_attempt {
	int code;
	struct ozr_err err;
};

struct ozr_twin_checking {
	struct ozr_ctx *ctx;
	struct ozr_store *parent;
	const char *key;
	enum ozr_twin_depth depth;
	const struct ozr_call *call;
	struct ozr_twin_report *report;

	int brief;     /* each read is a round trip: the first page alone, no local headers */
	uint64_t size; /* of the file */
	unsigned char head[OZR_TWIN_HEAD + 4];
	int has_header, has_entry; /* BigTIFF's; a zip entry behind it */
	uint64_t first_ifd;        /* as the header says */

	struct ozr_store *zip;
	struct ozr_image *img;
	struct ozr_tiff *tiff;
	struct ozr_twin_attempt zip_try, img_try, tiff_try;
	struct ozr_placement ifds;         /* OME/tiff.ifd; size 0: there is none */
	unsigned levels;                   /* of the image */
	struct ozr_twin_geometry geometry; /* in a brief check of level 0 alone */
	struct ozr_array_info info;        /* of level 0 */
	struct ozr_range fill;             /* a tile that was found to hold the fill value */
	uint64_t decoded;                  /* by a quick check, bytes */
};

/* --- check.c --- */

/* Write the report; a second thing that is wrong is not told. Returns OZR_TWIN_STOP. */
int ozr_twin_damaged(struct ozr_twin_checking *c, const char *fmt, ...) OZR_PRINTF(2, 3);
/* Does this code speak about the file, not about reading it? */
int ozr_twin_blames_file(int code);
/* What a failed call means: the report, with its message, or the error itself. */
int ozr_twin_outcome(struct ozr_twin_checking *c, int code, const struct ozr_err *err);
/* Cancelled? Tell progress: the part of the members that were looked at, then of the tiles. */
int ozr_twin_poll(const struct ozr_twin_checking *c, double members, double tiles,
		  struct ozr_err *err) OZR_MUST_CHECK;

/* --- check_archive.c --- */

/* The archive cannot be opened: say what has become of its end. */
int ozr_twin_explain_end(struct ozr_twin_checking *c, struct ozr_err *err) OZR_MUST_CHECK;
/* The archive is fine; do the TIFF's header and IFDs belong to it? */
int ozr_twin_check_header(struct ozr_twin_checking *c, struct ozr_err *err) OZR_MUST_CHECK;

/* --- check_pages.c --- */

/* Geometry from both sides, then pages against arrays: all, or in a quick check the first and the
 * last. */
int ozr_twin_check_pages(struct ozr_twin_checking *c, struct ozr_err *err) OZR_MUST_CHECK;

/* --- check_tiles.c --- */

/* Tiles of a page's level against the chunks. */
int ozr_twin_check_tiles(struct ozr_twin_checking *c, size_t page, unsigned level, uint64_t first,
			 uint64_t n, struct ozr_err *err) OZR_MUST_CHECK;

/* --- check_members.c --- */

/* The local headers of the archive's members, unless there are too many for a quick check; in a
 * check of all bytes their checksums too. */
int ozr_twin_check_members(struct ozr_twin_checking *c, struct ozr_err *err) OZR_MUST_CHECK;

#endif
