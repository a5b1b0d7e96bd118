/* SPDX-License-Identifier: MIT */
/*
 * Memory, accounted to a context and bounded by limits.memory_bytes.
 * Blocks from 4 MiB up ask for huge pages (first touch is 8 times cheaper).
 * Allocation of zero bytes gives a valid pointer. Threads: any.
 */
#ifndef OZR_BASE_MEM_H
#define OZR_BASE_MEM_H

#include "ozr/context.h"

/* NULL on failure, with err filled: OZR_NO_MEMORY, or OZR_LIMIT that names memory_bytes. */
void *ozr_alloc(struct ozr_ctx *ctx, uint64_t n, struct ozr_err *err) OZR_MUST_CHECK;
/* The code of the allocation that just failed with this err. */
static inline int ozr_alloc_code(const struct ozr_err *err)
{
	return err ? err->code : OZR_NO_MEMORY;
}
void *ozr_calloc(struct ozr_ctx *ctx, uint64_t count, uint64_t size,
		 struct ozr_err *err) OZR_MUST_CHECK;
/* p may be NULL. On failure NULL, and p is still valid. */
void *ozr_resize(struct ozr_ctx *ctx, void *p, uint64_t n, struct ozr_err *err) OZR_MUST_CHECK;
void ozr_free(struct ozr_ctx *ctx, void *p);
char *ozr_strdup(struct ozr_ctx *ctx, const char *s, struct ozr_err *err) OZR_MUST_CHECK;
/* n bytes that the library's caller will own and give to ozr_text_free(), be it after the
 * context is gone. */
char *ozr_text_new(struct ozr_ctx *ctx, uint64_t n, struct ozr_err *err) OZR_MUST_CHECK;

/* Growable bytes with a ceiling of their own. Zero-initialise by ozr_buf_init(). */
struct ozr_buf {
	struct ozr_ctx *ctx;
	char *data;
	size_t len, cap;
	size_t limit; /* growing beyond it is OZR_LIMIT */
};
void ozr_buf_init(struct ozr_buf *b, struct ozr_ctx *ctx, size_t limit);
void ozr_buf_release(struct ozr_buf *b);
int ozr_buf_reserve(struct ozr_buf *b, size_t cap, struct ozr_err *err) OZR_MUST_CHECK;
int ozr_buf_append(struct ozr_buf *b, const void *bytes, size_t n,
		   struct ozr_err *err) OZR_MUST_CHECK;
int ozr_buf_printf(struct ozr_buf *b, struct ozr_err *err, const char *fmt, ...)
	OZR_PRINTF(3, 4) OZR_MUST_CHECK;

#endif
