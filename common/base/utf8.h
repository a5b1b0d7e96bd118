/* SPDX-License-Identifier: MIT */
/*
 * One step of strict UTF-8 (RFC 3629): no overlong forms, no surrogates,
 * nothing beyond U+10FFFF.
 */
#ifndef OZR_BASE_UTF8_H
#define OZR_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Decode the character at text (len > 0 bytes there): its length in bytes, 1 to 4, and its
 * code point in *c (unless NULL); 0 when these bytes are not UTF-8. */
size_t ozr_utf8_step(const char *text, size_t len, uint32_t *c);

#endif
