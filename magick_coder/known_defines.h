/* SPDX-License-Identifier: MIT */
/*
 * The names behind `-define omezarr:`, of reader and writer alike: what
 * neither knows was mistyped, and would be ignored without a word.
 */
#ifndef MAGICK_CODER_KNOWN_DEFINES_H
#define MAGICK_CODER_KNOWN_DEFINES_H

#include "compat.h"
#include "read_options.h"

/* One warning for each unknown one. */
void known_defines_check(const ImageInfo *info, const char *file, ExceptionInfo *exception);
/* The defines of info, as the options' parsers take them; info lives as long. */
struct defines defines_of(const ImageInfo *info);

#endif
