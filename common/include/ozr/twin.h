/* SPDX-License-Identifier: MIT */
/*
 * Twins: one file that is a zipped OME-Zarr 0.5 (".ozx", RFC-9) and an OME-TIFF
 * pyramid (BigTIFF), with no pixel stored twice: the TIFF's tiles are the
 * chunks in the archive's shards. docs/twin-layout.md has the bytes.
 *
 *   ozr_twin_complete(&opt, &how, err);               what a twin needs of the image
 *   ozr_zip_create(parent, key, &zip_options, &zip, err);   head = OZR_TWIN_HEAD
 *   ozr_image_create(zip, "", OZR_CREATE_DIRECT, &opt, &img, err);
 *   ozr_twin_begin(zip, img, &how, &twin, err);       before the first pixel
 *   ozr_pyramid_pull(img, ...);
 *   ozr_image_commit(img, ...);
 *   ozr_twin_finish(twin, call, err);                 the IFDs
 *   ozr_zip_commit(zip, err);
 *
 * Any way to write the image is fine: push, pull, ozr_tiff_import().
 * Threads: as an image being written.
 */
#ifndef OZR_TWIN_H
#define OZR_TWIN_H

#include "image.h"
#include "zip.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { OZR_TWIN_HEAD = 16 }; /* bytes of the BigTIFF header */

/* What a page of the TIFF side holds. Pages come in the order of the array's planes, x and y
 * aside: the last axis fastest. */
enum ozr_twin_samples {
	OZR_TWIN_AUTO, /* PIXELS for 3 or 4 channels of 1 or 2 bytes whose colors are pure red, green, blue
			  * (and an alpha channel), else PAGES */
	OZR_TWIN_PAGES,  /* one channel */
	OZR_TWIN_PIXELS, /* all channels, pixel-interleaved: a chunk holds all of them */
	OZR_TWIN_PLANES  /* all channels, in planes (PlanarConfiguration 2) */
};

/* One field for the IFD of each full-resolution page, e.g. GeoTIFF's. Copied by ozr_twin_begin(). */
struct ozr_tiff_tag {
	uint16_t tag, type; /* type: as in TIFF 6.0 and BigTIFF, 1 to 18 */
	uint64_t count;
	const void *value; /* in the byte order of the host */
};

/* Zeros are defaults. */
struct ozr_twin_options {
	enum ozr_twin_samples samples;
	unsigned tags;
	const struct ozr_tiff_tag *tag; /* of those that the writer does not set itself */
	const char
		*description; /* [OME-XML of the image; none for int64 and uint64] ImageDescription
				  * of the first page */
};

/* Fill in what a twin needs and the caller has left open: chunks of one plane (512 x 512), zstd,
 * factors in y and x only, the order of PIXELS. What is given and does not go (another codec than zstd
 * and none, tile sides that are no multiples of 16, chunks with z, other axes than t, c, z, y, x) is
 * OZR_UNSUPPORTED and named. storage: factors may be kept there; it must live as long as opt. */
struct ozr_twin_storage {
	unsigned factors[2 * OZR_MAX_RANK];
};
OZR_API OZR_MUST_CHECK int ozr_twin_complete(struct ozr_image_options *opt,
					     const struct ozr_twin_options *how,
					     struct ozr_twin_storage *storage, struct ozr_err *err);

struct ozr_twin;
/* zip: with a head of OZR_TWIN_HEAD bytes and no value yet; img: being created at its root. Both
 * must outlive the twin. samples AUTO is what the chunks are made for: PIXELS if they hold all
 * channels. What ozr_twin_complete() refuses is refused here, too. */
OZR_API OZR_MUST_CHECK int ozr_twin_begin(struct ozr_store *zip, struct ozr_image *img,
					  const struct ozr_twin_options *how, struct ozr_twin **out,
					  struct ozr_err *err);
/* Write the IFDs and the header; after ozr_image_commit(), and once. Warns of numbers that many
 * programs cannot read (call->warn). After a failure the archive is to be aborted. */
OZR_API OZR_MUST_CHECK int ozr_twin_finish(struct ozr_twin *twin, const struct ozr_call *call,
					   struct ozr_err *err);
OZR_API void ozr_twin_free(struct ozr_twin *twin); /* NULL is fine */

/* --- Checking ------------------------------------------------------------------- */

enum ozr_twin_state {
	OZR_TWIN_NONE,   /* neither side claims to be a twin: a plain archive, a plain TIFF */
	OZR_TWIN_INTACT, /* both sides show the same pixels, as far as was looked */
	OZR_TWIN_DAMAGED /* one side is broken, or they differ */
};
enum ozr_twin_depth {
	OZR_TWIN_QUICK, /* header, directory, IFDs: what a reader can afford at every open */
	OZR_TWIN_TILES, /* and every tile against the chunk of the Zarr side */
	OZR_TWIN_BYTES  /* and the CRC of every member */
};
struct ozr_twin_report {
	enum ozr_twin_state state;
	int zarr_side, tiff_side; /* 1: still readable by itself */
	uint64_t pages, tiles;    /* looked at */
	char problem[512]; /* the first thing that is wrong, and what most likely did it; or "" */
};
/* Say whether both sides of the file at key still agree. A file that is damaged is a report, not
 * an error; errors are of reading it. QUICK looks at the first and the last page, of each level at
 * its first and last tile; at the checksum of the IFDs up to 16 MiB, at tiles of fill values up to
 * 64 MiB, and at the local headers of up to 256 members; in a store where each read is a round trip
 * at less: the first page of level 0. Progress is told, cancelling asked for. */
OZR_API OZR_MUST_CHECK int ozr_twin_check(struct ozr_store *parent, const char *key,
					  enum ozr_twin_depth depth, const struct ozr_call *call,
					  struct ozr_twin_report *out, struct ozr_err *err);
OZR_API OZR_MUST_CHECK int ozr_twin_check_file(struct ozr_ctx *ctx, const char *path,
					       enum ozr_twin_depth depth,
					       const struct ozr_call *call,
					       struct ozr_twin_report *out, struct ozr_err *err);

#ifdef __cplusplus
}
#endif
#endif
