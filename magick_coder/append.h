/* SPDX-License-Identifier: MIT */
/*
 * A store that grows by the planes of each call, in constant memory and time:
 * omezarr:append=true. Its chunks, shards and levels never join planes
 * (describe.c); rechunk makes an ordinary store of it in the end.
 */
#ifndef MAGICK_CODER_APPEND_H
#define MAGICK_CODER_APPEND_H

#include "writing.h"

/* Can what is about to be created grow? */
int append_check_axes(const struct writing *w, struct ozr_err *err);
/* Add the images to the store that is there, which must be like them. */
int append_planes(struct writing *w, struct ozr_err *err);
/* Replace the store by one of the same image with default (or the given) chunks and levels; nobody
 * appends meanwhile. */
int append_rechunk(struct writing *w, struct ozr_err *err);

#endif
