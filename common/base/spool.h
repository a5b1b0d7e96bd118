/* SPDX-License-Identifier: MIT */
/*
 * A scratch file for what does not fit into a memory budget: values are put,
 * read in parts and dropped. The file lies in TMPDIR or /var/tmp, is made by
 * the first put and has no name, so that nothing is left behind however the
 * process ends. Space of dropped values is used again. Threads: any; calls
 * for one value in turn.
 */
#ifndef OZR_BASE_SPOOL_H
#define OZR_BASE_SPOOL_H

#include "base/sys.h"
#include "ozr/context.h"

struct ozr_spool;
struct ozr_spooled; /* one value in the file */

int ozr_spool_new(struct ozr_ctx *ctx, struct ozr_spool **out, struct ozr_err *err) OZR_MUST_CHECK;
/* In a forked child, before it does anything with the parent's spool: its locks are made anew. The
 * file is still the parent's, so dropping values and freeing the spool is all that may follow. */
void ozr_spool_forked(struct ozr_spool *s);
/* All values are gone with it. NULL is fine. */
void ozr_spool_free(struct ozr_spool *s);
int ozr_spool_put(struct ozr_spool *s, const void *bytes, size_t n, struct ozr_spooled **out,
		  struct ozr_err *err) OZR_MUST_CHECK;
/* n bytes from offset on; all of them were put. */
int ozr_spool_get(struct ozr_spool *s, const struct ozr_spooled *v, uint64_t offset, void *dst,
		  size_t n, struct ozr_err *err) OZR_MUST_CHECK;
void ozr_spool_drop(struct ozr_spool *s, struct ozr_spooled *v); /* NULL is fine */

/* A file without a name in the same place, for what is not values; the caller closes it. */
int ozr_scratch_open(const struct ozr_sys *sys, int *out, struct ozr_err *err) OZR_MUST_CHECK;

#endif
