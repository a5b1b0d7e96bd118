/* SPDX-License-Identifier: MIT */
/*
 * A region, "512x512+100+200", exactly: ImageMagick's own parser takes offsets
 * modulo 2^31, and would show pixels from elsewhere in an image that is larger.
 * Nothing here touches a file or ImageMagick.
 */
#ifndef MAGICK_CODER_REGION_H
#define MAGICK_CODER_REGION_H

#include "plan.h"

/* 1: text is WIDTHxHEIGHT and two offsets with their signs, now in wish; numbers too large for
 * 64 bits are as large as possible. 0: it is something else; wish is as it was. */
int region_parse(const char *text, struct wish *wish);

#endif
