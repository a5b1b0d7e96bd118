/* SPDX-License-Identifier: MIT */
/*
 * The inside of import: import.c checks what goes where, import_walk.c visits
 * the tiles in the order in which they fill shards, import_tile.c makes one
 * tile a chunk.
 */
#ifndef OZR_TIFF_IMPORT_H
#define OZR_TIFF_IMPORT_H

#include <stdatomic.h>

#include "array/encoding.h"
#include "base/pool.h"
#include "tiff/tiff.h"

struct ozr_importing {
	struct ozr_tiff *t;
	struct ozr_array *a;
	const struct ozr_import *what;
	const struct ozr_call *call;
	struct ozr_call inner; /* for writes within a task: budget only */
	struct ozr_tiff_page page;
	struct ozr_array_info info;
	struct ozr_encoding encoding;
	uint64_t across, down, planes; /* tiles of a row, rows, planes of samples */
	uint64_t bytes;                /* of a tile, decoded */
	_Atomic uint64_t tiles, inflated, recoded, missing, written;
};

/* A tile: its number in the file, its place among the tiles of its plane, and where it lies. */
struct ozr_import_tile {
	uint64_t number, plane, y, x;
	struct ozr_range at;
};

/* import_walk.c: all tiles of the page. */
int ozr_import_walk(struct ozr_importing *im, struct ozr_err *err) OZR_MUST_CHECK;
/* import_tile.c: one tile that is stored. */
int ozr_import_tile(struct ozr_importing *im, const struct ozr_import_tile *tile,
		    struct ozr_worker *worker, struct ozr_err *err) OZR_MUST_CHECK;

#endif
