/* SPDX-License-Identifier: MIT */
/*
 * The plan of a read: which level, which planes in which order, which
 * rectangle of them, and how channels become colors. Made from what the image
 * says about itself and what the user asks for, without touching pixels.
 *
 * Planes are numbered in C order over the axes before y and x, without the
 * channel axis when channels become colors, and within the selection where
 * there is one. When the user names a level, planes are that level's. When the
 * level is chosen by size, numbers are level 0's, and plane k of it is shown by
 * plane floor(k / factor).
 *
 * y and x are the axes of space with these names, else the last two of space,
 * else the last two: they may be anywhere. A selection in the file's name comes
 * before one of -define omezarr:axes. A region is never read from a level that
 * was chosen by size: its pixels would not be the ones that the user named.
 */
#ifndef MAGICK_CODER_PLAN_H
#define MAGICK_CODER_PLAN_H

#include "read_options.h"

/* What is asked for besides defines. */
struct wish {
	const char *scenes;     /* "10-20"; NULL or "": all planes */
	int has_region;         /* in pixels of the level */
	int64_t x, y;           /* may be negative; cut at the border */
	uint64_t columns, rows; /* 0: up to the border */
	uint64_t least_columns,
		least_rows;  /* the smallest level that is at least this large; 0: level 0 */
	uint64_t max_planes; /* unless omezarr:max-planes says otherwise */
};

/* Of a composite every channel has omero metadata (colors and windows may be missing there). */
enum view { VIEW_GRAY, VIEW_RGB, VIEW_RGBA, VIEW_COMPOSITE };

struct plan {
	unsigned level;
	struct ozr_image_info info;
	uint64_t shape[OZR_MAX_RANK]; /* of the level */
	uint64_t chunk[OZR_MAX_RANK]; /* of the level */
	unsigned y_axis, x_axis;
	int channel_axis; /* -1: none */
	enum view view;
	unsigned components;          /* boxes to read for a plane: 1, or the channels of a view */
	uint64_t x, y, columns, rows; /* the rectangle */
	uint64_t planes;              /* how many there are */
	uint64_t *list;               /* n plane numbers, in the order asked for */
	size_t n;
	int whole; /* all planes, channels and pixels of level 0, in their order */
	/* For plan_position(): the selection, resolved, on each axis. */
	uint64_t first[OZR_MAX_RANK], count[OZR_MAX_RANK];
	int backwards[OZR_MAX_RANK];
	uint64_t
		factor[OZR_MAX_RANK]; /* from the numbering level to `level`; 1 when they are one */
};

/* out is filled only on success; free it. */
int plan_make(struct ozr_image *img, const struct selection *selection,
	      const struct read_options *options, const struct wish *wish, struct plan *out,
	      struct ozr_err *err);
void plan_free(struct plan *plan);
/* Where plane `number` is: index on every axis of the level, with y and x at the rectangle's corner and
 * the channel axis at `component` in views of several. */
void plan_position(const struct plan *plan, uint64_t number, unsigned component,
		   uint64_t index[OZR_MAX_RANK]);

#endif
