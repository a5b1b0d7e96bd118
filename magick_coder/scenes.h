/* SPDX-License-Identifier: MIT */
/*
 * Scene lists, "10-20", "0,3", "12-10,3,3", "-1": order and duplicates count,
 * negative numbers count from the end. The list is not expanded before it is
 * known to be short. Nothing here touches a file or ImageMagick.
 */
#ifndef MAGICK_CODER_SCENES_H
#define MAGICK_CODER_SCENES_H

#include <ozr/ozr.h>

/* No list is longer, whatever is allowed: an image in memory takes 24 KB before its first pixel. */
enum { MOST_PLANES = 1 << 24 };

/* The plane numbers that text asks for, of `planes` there are. NULL or "": all. At most max, and MOST_PLANES
 * (OZR_LIMIT: the message names the form [a-b] and omezarr:max-planes). A number that is not
 * there is OZR_BAD_ARG. *out: take, free(). */
int scenes_parse(const char *text, uint64_t planes, uint64_t max, uint64_t **out, size_t *n,
		 struct ozr_err *err);

#endif
