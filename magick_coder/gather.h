/* SPDX-License-Identifier: MIT */
/*
 * The images to be written, looked at as one whole: sizes, colors, depth.
 * Every image of the list is looked at, none is trusted to be like the first.
 */
#ifndef MAGICK_CODER_GATHER_H
#define MAGICK_CODER_GATHER_H

#include "coder.h"
#include "layout.h"

struct gathered {
	size_t n;
	const Image **image; /* [n] borrowed, or owned */
	Image **owned;       /* [n] a copy in sRGB of what is in other colors, or NULL */
	struct listed list;
	size_t depth;  /* bits, of the deepest */
	int is_signed; /* all were signed numbers of signed_dtype when they were read */
	enum ozr_dtype signed_dtype;
	int is_float; /* quantum:format=floating-point, of the writer or of an image */
};

/* The list that begins with image, or with +adjoin that image alone. Free it in any case. */
int gather(const ImageInfo *info, Image *image, struct gathered *out, ExceptionInfo *exception,
	   struct ozr_err *err);
void gathered_free(struct gathered *g);

/* The data type that depth and format ask for. */
enum ozr_dtype gathered_dtype(const struct gathered *g);

#endif
