/* SPDX-License-Identifier: MIT */
/*
 * An ordinary store out of one that has grown: the same image with chunks that
 * join planes, and levels that are reduced along z.
 */
#ifndef MAGICK_CODER_RECHUNK_H
#define MAGICK_CODER_RECHUNK_H

#include "writing.h"

/* Replace the store at the target of w by one with the chunks of omezarr:rechunk, or the default
 * ones. The caller sees to it that nobody appends meanwhile. */
int rechunk(struct writing *w, struct ozr_err *err);

#endif
