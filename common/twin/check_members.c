/* SPDX-License-Identifier: MIT */
/*
 * What the archive's directory says against what is in the archive. A member
 * whose name was changed in the directory alone would be a chunk that is
 * missing; its local header knows better. Each costs a read, so a quick check
 * does this for small archives only. In a check of all bytes all members are
 * compared with their checksums.
 */
#include <string.h>

#include "base/ckd.h"
#include "base/key.h"
#include "twin/check.h"

enum { QUICK_MEMBERS = 256, ENOUGH = 2, DEEPEST = 32 };

struct walk {
	struct ozr_twin_checking *c;
	const char *prefix;
	struct ozr_err *err;
	uint64_t *count, *bytes; /* so far */
	int count_only;
	int depth; /* of folders */
};

static int look_at(const struct walk *w, const char *key)
{
	struct ozr_twin_checking *c = w->c;
	struct ozr_object *o = NULL;
	struct ozr_err why;
	int code = ozr_object_open(c->zip, key, &o, &why);
	if (!code) {
		*w->bytes += o->size;
		if (c->depth == OZR_TWIN_BYTES)
			code = ozr_zip_verify(c->zip, key, c->call, &why);
	}
	ozr_object_close(o);
	if (!code)
		return ozr_twin_poll(c, (double)ozr_min_u64(*w->bytes, c->size) / (double)c->size,
				     0, w->err);
	*w->err = why;
	if (ozr_twin_blames_file(code))
		return ozr_twin_damaged(c, "%s: the file was changed, or is damaged", why.msg);
	return code;
}

static int visit(void *arg, const char *name, int is_prefix)
{
	const struct walk *w = arg;
	char key[OZR_KEY_MAX + 1];
	int code = ozr_key_join(key, w->prefix, name, w->err);
	if (code)
		return ozr_twin_outcome(w->c, code, w->err);
	if (is_prefix) {
		struct walk below = *w;
		below.prefix = key;
		if (++below.depth > DEEPEST)
			return ozr_twin_damaged(w->c, "the archive has folders %d deep", DEEPEST);
		return ozr_store_list(w->c->zip, key, visit, &below, w->err);
	}
	if (w->count_only)
		return ++*w->count > QUICK_MEMBERS ? ENOUGH : OZR_OK;
	return look_at(w, key);
}

int ozr_twin_check_members(struct ozr_twin_checking *c, struct ozr_err *err)
{
	uint64_t count = 0, bytes = 0;
	struct walk w = {c, "", err, &count, &bytes, c->depth == OZR_TWIN_QUICK, 0};
	if (c->brief)
		return OZR_OK;
	if (w.count_only) {
		int code = ozr_store_list(c->zip, "", visit, &w, err);
		if (code == ENOUGH)
			return OZR_OK;
		if (code)
			return code;
	}
	w.count_only = 0;
	return ozr_store_list(c->zip, "", visit, &w, err);
}
