/* SPDX-License-Identifier: MIT */
/*
 * Removing what an unfinished image has left in a store: all metadata first,
 * from the top down, so that nothing half removed looks like an image; then
 * the data.
 */
#include <string.h>

#include "ome/group.h"

enum { MAX_DEPTH = 64 /* of keys, far beyond rank + groups */ };

struct sweep {
	struct ozr_store *store;
	const char *prefix;
	unsigned depth;
	int metadata_only;
	int code; /* first failure */
	struct ozr_err *err;
};

static int is_metadata(const char *name)
{
	static const char *const names[] = {"zarr.json", ".zmetadata", ".zgroup", ".zattrs",
					    ".zarray"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return 1;
	return 0;
}

static int sweep_child(void *arg, const char *name, int is_prefix)
{
	struct sweep *w = arg;
	char key[OZR_KEY_MAX + 1];

	if (!is_prefix && w->metadata_only && !is_metadata(name))
		return 0;
	w->code = ozr_key_join(key, w->prefix, name, w->err);
	if (w->code != OZR_OK)
		return 1;
	if (!is_prefix) {
		w->code = ozr_store_del(w->store, key, w->err);
		return w->code != OZR_OK;
	}
	if (w->depth == MAX_DEPTH) {
		w->code = ozr_fail(w->err, OZR_LIMIT, "'%s' is nested too deep", key);
		return 1;
	}
	struct sweep below = *w;
	below.prefix = key;
	below.depth++;
	int rc = ozr_store_list(w->store, key, sweep_child, &below, w->err);
	w->code = below.code != OZR_OK ? below.code : rc;
	return w->code != OZR_OK;
}

int ozr_tree_clear(struct ozr_store *s, const char *path, struct ozr_err *err)
{
	if ((s->caps & OZR_STORE_LIST) == 0 || (s->caps & OZR_STORE_DELETE) == 0)
		return ozr_fail(err, OZR_UNSUPPORTED, "the store cannot list and delete");
	if (*path != '\0' && s->ops->clear != NULL) { /* else one key after the other */
		int rc = s->ops->clear(s, path, err);
		if (rc != OZR_UNSUPPORTED)
			return rc;
	}
	for (int metadata_only = 1; metadata_only >= 0; metadata_only--) {
		struct sweep w = {s, path, 0, metadata_only, OZR_OK, err};
		int rc = ozr_store_list(s, path, sweep_child, &w, err);
		if (w.code != OZR_OK || rc != OZR_OK)
			return w.code != OZR_OK ? w.code : rc;
	}
	return OZR_OK;
}
