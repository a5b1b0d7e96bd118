/* SPDX-License-Identifier: MIT */
/*
 * The inside of a twin being written: twin.c learns where the tiles lie while
 * the image is written, pages.c turns that into IFDs.
 */
#ifndef OZR_TWIN_TWIN_IMPL_H
#define OZR_TWIN_TWIN_IMPL_H

#include <stdatomic.h>

#include "ozr/twin.h"
#include "tiff/write.h"
#include "twin/geometry.h"
#include "twin/table.h"

struct ozr_twin;

/* What the array of a level reports to. */
struct ozr_twin_watch {
	struct ozr_twin *twin;
	unsigned level;
	char *path; /* of the array in the archive; owned */
};

struct ozr_twin {
	struct ozr_ctx *ctx;      /* owned reference */
	struct ozr_store *zip;    /* borrowed */
	struct ozr_image *img;    /* borrowed */
	char *description;        /* the caller's; owned; or NULL */
	struct ozr_tiff_tag *tag; /* [tags], with their values behind; owned */
	unsigned tags;
	unsigned char fill[8];
	int rgb;
	unsigned alpha; /* 1 + sample; 0: none */
	struct ozr_twin_geometry geometry;
	struct ozr_twin_watch watch[OZR_TWIN_LEVELS_MOST];
	struct ozr_tile_table *table;
	_Atomic uint64_t stored; /* tiles */
	int ended;
};

/* The key of the shard that holds a chunk. key: OZR_KEY_MAX + 1 bytes. */
int ozr_twin_key(const struct ozr_twin *t, unsigned level, const uint64_t *chunk, char *key,
		 struct ozr_err *err) OZR_MUST_CHECK;
/* pages.c: all IFDs into out. description: or NULL. *first: where the first IFD lies. */
int ozr_twin_write_pages(struct ozr_twin *t, struct ozr_tiff_out *out, const char *description,
			 const struct ozr_call *call, uint64_t *first,
			 struct ozr_err *err) OZR_MUST_CHECK;
/* pages.c: is it a tag that the writer sets itself? */
int ozr_twin_is_own_tag(unsigned tag);

#endif
