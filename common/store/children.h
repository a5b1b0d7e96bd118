/* SPDX-License-Identifier: MIT */
/*
 * The direct children of a prefix, for stores that know their keys as a set:
 * each key is noted, then the children are told in byte order, each once.
 */
#ifndef OZR_STORE_CHILDREN_H
#define OZR_STORE_CHILDREN_H

#include "base/mem.h"
#include "ozr/store.h"

struct ozr_children {
	struct ozr_buf names; /* "p" or "v" (prefix, value), the name, NUL; each */
	size_t count;
};

void ozr_children_init(struct ozr_children *c, struct ozr_ctx *ctx);
void ozr_children_release(struct ozr_children *c);
/* Note the child of prefix ("" for the root) that key is, or lies below; other keys are passed. */
int ozr_children_note(struct ozr_children *c, const char *key, const char *prefix,
		      struct ozr_err *err) OZR_MUST_CHECK;
/* Call fn as ozr_store_ops.list does. A value and a prefix of one name are two. */
int ozr_children_tell(const struct ozr_children *c,
		      int (*fn)(void *arg, const char *name, int is_prefix), void *arg,
		      struct ozr_err *err);

#endif
