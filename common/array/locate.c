/* SPDX-License-Identifier: MIT */
/*
 * Where chunks are stored, and reading ahead.
 */
#include "array/read.h"

#include <stdio.h>
#include <string.h>

#include "base/key.h"

static int locate(struct ozr_array *a, const uint64_t *chunk, char *key, uint64_t *offset,
		  uint64_t *size, struct ozr_worker *w, struct ozr_err *err)
{
	const struct ozr_grid *g = &a->meta.grid;
	uint64_t coord[OZR_MAX_RANK];
	char found[OZR_KEY_MAX + 1];
	struct ozr_bytes_at at = {0};
	struct ozr_shard shard = {0};

	for (unsigned d = 0; d < g->rank; d++) {
		coord[d] = chunk[d] / g->inner[d];
		if (chunk[d] >= ozr_ceil_div(g->shape[d], g->chunk[d]))
			return ozr_fail(err, OZR_BAD_ARG, "axis %u has no chunk %llu", d,
					(unsigned long long)chunk[d]);
	}
	for (unsigned l = 0; l < g->depth; l++)
		if (g->level[l].layout->has_filters)
			return ozr_fail(err, OZR_UNSUPPORTED,
					"chunks of a shard that is encoded as a whole have no "
					"place of their own");
	int rc = ozr_meta_key(&a->meta, a->path, coord, found, err);
	if (rc == OZR_OK)
		rc = ozr_shard_open(&shard, a, coord, err);
	if (rc == OZR_OK)
		rc = ozr_shard_find(&shard, chunk, w, &at, err);
	if (rc == OZR_OK && !at.read)
		rc = ozr_fail(err, OZR_NOT_FOUND, "%s: the chunk is not stored", found);
	if (rc == OZR_OK) {
		memcpy(key, found, strlen(found) + 1);
		*offset = at.base;
		*size = at.size;
	}
	ozr_shard_close(&shard);
	return rc;
}

int ozr_array_locate(struct ozr_array *a, const uint64_t *chunk, char *key, uint64_t *offset,
		     uint64_t *size, struct ozr_err *err)
{
	struct ozr_worker *w;

	ozr_ctx_enter(a->ctx);
	w = ozr_worker_lease(a->ctx, err);
	if (!w)
		return ozr_alloc_code(err);
	int rc = locate(a, chunk, key, offset, size, w, err);
	ozr_worker_return(w);
	return ozr_array_context(a, rc, err);
}

/* --- reading ahead ------------------------------------------------------------------- */

struct advising {
	struct ozr_array *a;
	size_t left; /* objects that may still be opened */
};

static void advise_object(struct ozr_array *a, const uint64_t *shard)
{
	char key[OZR_KEY_MAX + 1];
	struct ozr_object *o;

	if (ozr_meta_key(&a->meta, a->path, shard, key, NULL) ||
	    ozr_object_open(a->store, key, &o, NULL))
		return;
	struct ozr_range all = {0, o->size};
	ozr_object_advise(o, 1, &all);
	ozr_object_close(o);
}

static int advise_plan(void *arg, const struct ozr_plan *plan, struct ozr_err *err)
{
	struct advising *v = arg;
	uint64_t coord[OZR_MAX_RANK];

	for (size_t i = 0; i < plan->jobs && v->left > 0; i++) {
		if (i > 0 && plan->job[i].shard == plan->job[i - 1].shard)
			continue;
		ozr_plan_shard_at(plan, plan->job[i].shard, coord);
		advise_object(v->a, coord);
		v->left--;
	}
	return v->left ? OZR_OK : ozr_fail(err, OZR_CANCELLED, "enough");
}

void ozr_array_advise(struct ozr_array *a, size_t n, const struct ozr_box *boxes)
{
	enum { AHEAD = 32 };
	struct advising v = {a, AHEAD};
	struct ozr_err ignored;

	ozr_ctx_enter(a->ctx);
	if (!a->store->ops->advise) /* opening objects would cost, and bring nothing */
		return;
	if (ozr_boxes_check(&a->meta.grid, n, boxes, OZR_BOX_LOOK, &ignored) == OZR_OK &&
	    ozr_plan_each(a->ctx, &a->meta.grid, n, boxes, advise_plan, &v, &ignored) != OZR_OK)
		return; /* best effort */
}
