/* SPDX-License-Identifier: MIT */
/*
 * What of some boxes is stored: by the existence of objects and by the indices
 * of shards.
 */
#include "array/read.h"
#include "base/key.h"

struct counting {
	struct ozr_array *a;
	struct ozr_worker *w;
	unsigned stop;
	uint64_t left; /* objects that may still be looked at */
	struct ozr_presence found;
};

static int is_enough(const struct counting *c)
{
	return ((c->stop & OZR_STOP_STORED) && c->found.stored > 0) ||
	       ((c->stop & OZR_STOP_MISSING) && c->found.missing > 0);
}

/* The jobs [first, end) of a plan, which are all in one stored object. */
static int count_object(struct counting *c, const struct ozr_plan *plan, size_t first, size_t end,
			struct ozr_err *err)
{
	uint64_t coord[OZR_MAX_RANK];
	char key[OZR_KEY_MAX + 1];
	struct ozr_shard shard;

	if (c->left == 0)
		return ozr_fail(err, OZR_LIMIT, "more stored objects than may be looked at");
	c->left--;
	ozr_plan_shard_at(plan, plan->job[first].shard, coord);
	int rc = ozr_shard_open(&shard, c->a, coord, err);
	for (size_t i = first; rc == OZR_OK && i < end && !is_enough(c); i++) {
		uint64_t chunk[OZR_MAX_RANK], wanted = 0;
		struct ozr_bytes_at at;
		ozr_grid_chunk_at(plan->grid, coord, plan->job[i].inner, chunk);
		for (size_t k = 0; k < plan->job[i].count; k++)
			wanted += ozr_box_wants(plan->grid,
						&plan->box[plan->piece[plan->job[i].first + k].box],
						chunk);
		rc = ozr_shard_find(&shard, chunk, c->w, &at, err);
		if (rc == OZR_OK && at.read)
			c->found.stored += wanted;
		else if (rc == OZR_OK)
			c->found.missing += wanted;
	}
	ozr_shard_close(&shard);
	if (rc && rc != OZR_NO_MEMORY && !ozr_meta_key(&c->a->meta, "", coord, key, NULL))
		rc = ozr_err_context(err, rc, "%s", key);
	return rc;
}

static int count_plan(void *arg, const struct ozr_plan *plan, struct ozr_err *err)
{
	struct counting *c = arg;
	int rc = OZR_OK;

	for (size_t i = 0, end; rc == OZR_OK && i < plan->jobs && !is_enough(c); i = end) {
		for (end = i + 1; end < plan->jobs; end++)
			if (plan->job[end].shard != plan->job[i].shard)
				break;
		rc = count_object(c, plan, i, end, err);
	}
	return rc;
}

int ozr_array_presence(struct ozr_array *a, size_t n, const struct ozr_box *boxes, unsigned stop,
		       uint64_t max_objects, struct ozr_presence *out, struct ozr_err *err)
{
	struct counting c = {.a = a, .stop = stop, .left = max_objects};

	ozr_ctx_enter(a->ctx);
	if (a->writer)
		return ozr_array_context(
			a,
			ozr_fail(err, OZR_UNSUPPORTED, "what is stored is not known while writing"),
			err);
	int rc = ozr_boxes_check(&a->meta.grid, n, boxes, OZR_BOX_LOOK, err);
	if (rc == OZR_OK) {
		c.w = ozr_worker_lease(a->ctx, err);
		rc = c.w ? ozr_plan_each(a->ctx, &a->meta.grid, n, boxes, count_plan, &c, err)
			 : ozr_alloc_code(err);
		if (c.w)
			ozr_worker_return(c.w);
	}
	if (rc == OZR_OK && c.found.missing > 0)
		rc = ozr_array_still_there(a, err);
	c.found.complete = !is_enough(&c);
	*out = c.found;
	return ozr_array_context(a, rc, err);
}
