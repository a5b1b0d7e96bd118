/* SPDX-License-Identifier: MIT */
/*
 * The key grammar, checked in this one place: 1 to 1024 bytes of UTF-8;
 * segments of 1 to 255 bytes separated by '/'; no segment "." or "..", none
 * that starts with ".ozr-" (ours: temporary names, locks) or looks like a
 * drive ("c:"); no '\\', no control bytes.
 */
#ifndef OZR_BASE_KEY_H
#define OZR_BASE_KEY_H

#include "ozr/error.h"

enum { OZR_KEY_MAX = 1024 };

/* OZR_BAD_FORMAT with the key and what is wrong. */
int ozr_key_check(const char *key, struct ozr_err *err) OZR_MUST_CHECK;
/* The same for a prefix, which may be empty. */
int ozr_prefix_check(const char *prefix, struct ozr_err *err) OZR_MUST_CHECK;
/* "a" + "b" -> "a/b"; an empty prefix gives the name. out: OZR_KEY_MAX + 1 bytes. */
int ozr_key_join(char *out, const char *prefix, const char *name,
		 struct ozr_err *err) OZR_MUST_CHECK;

#endif
