/* SPDX-License-Identifier: MIT */
/*
 * Publishing a shard (or an unsharded chunk) with one atomic put. A complete
 * one is written from what is held. An incomplete one is merged with what is
 * stored: chunks that nobody touched are copied as encoded bytes, partly
 * covered ones are decoded, overlaid and encoded again; where nothing is
 * stored, elements that were never written are fill. When all is fill, the key
 * is deleted.
 *
 * Arrays opened for update are merged under the store's lock of the key, so
 * that processes that update different elements lose nothing; whole shards are
 * replaced under it too, because a merge of another process may be under way.
 *
 * Whoever watches the array is told where the chunks lie once that is certain.
 */
#include "array/writer.h"

#include <string.h>

#include "array/dtype.h"
#include "array/read.h"

enum {
	PIECE = 4 << 20, /* of an old chunk copied at once */
	TOLD = 64        /* chunks that a watch is told of at once */
};

struct publishing {
	struct ozr_writer *w;
	struct ozr_open_shard *s;
	struct ozr_worker *worker;
	const struct ozr_grid *g;
	struct ozr_shard old;          /* .object NULL: there is none, or it is not needed */
	struct ozr_shard_entry *entry; /* by place in the index; unsharded: one */
	uint64_t present, size;        /* chunks to store, and what they take */
	int stored;                    /* committed */
};

static void chunk_of(const struct publishing *p, uint64_t inner, uint64_t *chunk)
{
	ozr_grid_chunk_at(p->g, p->s->coord, inner, chunk);
}

static uint64_t place_of(const struct publishing *p, uint64_t inner)
{
	uint64_t chunk[OZR_MAX_RANK];

	chunk_of(p, inner, chunk);
	return p->g->depth ? ozr_grid_entry(p->g, 0, chunk) : 0;
}

/* --- partly covered chunks ------------------------------------------------------ */

/* The stored elements of a chunk into dst, fill where there are none. */
static int decode_old(struct publishing *p, const uint64_t *chunk, void *dst, struct ozr_err *err)
{
	struct ozr_bytes_at at = {0};
	struct ozr_range all = {0, 0};
	uint64_t limit = ozr_ctx_limits(p->w->a->ctx)->object_bytes;
	int rc = ozr_shard_find(&p->old, chunk, p->worker, &at, err);

	if (rc)
		return rc;
	if (!at.read) {
		ozr_fill_memory(dst, p->g->fill, p->g->item, (size_t)p->g->elements);
		return OZR_OK;
	}
	if (at.size > limit)
		return ozr_fail(err, OZR_LIMIT,
				"chunk has %llu encoded bytes, the limit (object_bytes) is %llu",
				(unsigned long long)at.size, (unsigned long long)limit);
	void *bytes = ozr_worker_scratch(p->worker, OZR_SCRATCH_ENCODED, at.size, err);
	if (!bytes)
		return ozr_alloc_code(err);
	all.length = at.size;
	rc = at.read(&at, 1, &all, &bytes, err);
	if (rc == OZR_OK)
		rc = ozr_chain_decode(p->g->leaf, p->worker, bytes, (size_t)at.size, dst, err);
	return rc;
}

static int finish_raw(struct publishing *p, uint64_t inner, struct ozr_err *err)
{
	struct ozr_chunk_slot *c = &p->s->slot[inner];
	uint64_t chunk[OZR_MAX_RANK], length;
	void *bytes;
	void *base = ozr_worker_scratch(p->worker, OZR_SCRATCH_DECODED, p->g->elements * p->g->item,
					err);

	if (!base)
		return ozr_alloc_code(err);
	chunk_of(p, inner, chunk);
	int rc = decode_old(p, chunk, base, err);
	if (rc == OZR_OK)
		rc = ozr_raw_overlay(p->w, c->u.raw, p->worker, base, err);
	if (rc == OZR_OK)
		rc = ozr_chunk_encode(p->w, p->worker, base, &bytes, &length, err);
	if (rc == OZR_OK)
		ozr_chunk_deliver(p->w, p->s, c, bytes, length);
	return rc;
}

/* --- where everything goes ---------------------------------------------------------- */

static int plan_chunk(struct publishing *p, uint64_t inner, struct ozr_err *err)
{
	const struct ozr_chunk_slot *c = &p->s->slot[inner];
	struct ozr_shard_entry *e = &p->entry[place_of(p, inner)];
	uint64_t chunk[OZR_MAX_RANK];
	struct ozr_bytes_at at = {0};

	*e = (struct ozr_shard_entry){UINT64_MAX, UINT64_MAX};
	switch (c->state) {
	case OZR_SLOT_FILL:
		return OZR_OK;
	case OZR_SLOT_STREAMED:
		*e = (struct ozr_shard_entry){c->u.offset, c->length};
		p->present++;
		return OZR_OK;
	case OZR_SLOT_EMPTY:
		chunk_of(p, inner, chunk);
		int rc = ozr_shard_find(&p->old, chunk, p->worker, &at, err);
		if (rc || !at.read)
			return rc;
		e->length = at.size;
		break;
	default:
		e->length = c->length;
	}
	e->offset = p->size;
	p->size += e->length;
	p->present++;
	return OZR_OK;
}

static int plan_shard(struct publishing *p, struct ozr_err *err)
{
	const struct ozr_shard_layout *layout = p->g->depth ? p->g->level[0].layout : NULL;
	int rc = OZR_OK;

	p->entry = ozr_alloc(p->w->a->ctx, p->g->inner_total * sizeof(*p->entry), err);
	if (!p->entry)
		return ozr_alloc_code(err);
	p->size = p->s->put ? p->s->put->size : 0;
	if (layout && layout->index_at_start)
		p->size += layout->index_bytes;
	for (uint64_t i = 0; rc == OZR_OK && i < p->g->inner_total; i++)
		rc = plan_chunk(p, i, err);
	if (layout && !layout->index_at_start)
		p->size += layout->index_bytes;
	return rc;
}

/* --- writing ---------------------------------------------------------------------------- */

static int append_old(struct publishing *p, uint64_t inner, struct ozr_err *err)
{
	uint64_t chunk[OZR_MAX_RANK];
	struct ozr_bytes_at at = {0};

	chunk_of(p, inner, chunk);
	int rc = ozr_shard_find(&p->old, chunk, p->worker, &at, err);
	void *bytes = ozr_worker_scratch(p->worker, OZR_SCRATCH_ENCODED,
					 ozr_min_u64(at.size, PIECE), err);
	if (rc == OZR_OK && !bytes)
		rc = ozr_alloc_code(err);
	for (uint64_t done = 0; rc == OZR_OK && done < at.size;) {
		struct ozr_range r = {done, ozr_min_u64(at.size - done, PIECE)};
		rc = at.read(&at, 1, &r, &bytes, err);
		if (rc == OZR_OK)
			rc = ozr_put_append(p->s->put, bytes, (size_t)r.length, err);
		done += r.length;
	}
	return rc;
}

static int append_chunk(struct publishing *p, uint64_t inner, struct ozr_err *err)
{
	const struct ozr_chunk_slot *c = &p->s->slot[inner];
	void *bytes;

	if (p->entry[place_of(p, inner)].offset == UINT64_MAX)
		return OZR_OK;
	switch (c->state) {
	case OZR_SLOT_ENCODED:
		return ozr_put_append(p->s->put, c->u.bytes, (size_t)c->length, err);
	case OZR_SLOT_SPOOLED:
		bytes = ozr_worker_scratch(p->worker, OZR_SCRATCH_ENCODED, c->length, err);
		if (!bytes)
			return ozr_alloc_code(err);
		int rc = ozr_spool_get(p->w->spool, c->u.spooled, 0, bytes, (size_t)c->length, err);
		return rc ? rc : ozr_put_append(p->s->put, bytes, (size_t)c->length, err);
	case OZR_SLOT_EMPTY:
		return append_old(p, inner, err);
	default: /* streamed */
		return OZR_OK;
	}
}

static int append_index(struct publishing *p, int at_start, struct ozr_err *err)
{
	const struct ozr_shard_layout *layout = p->g->depth ? p->g->level[0].layout : NULL;

	if (!layout || !layout->index_at_start != !at_start)
		return OZR_OK;
	void *bytes = ozr_worker_scratch(p->worker, OZR_SCRATCH_ENCODED, layout->index_bytes, err);
	if (!bytes)
		return ozr_alloc_code(err);
	ozr_shard_index_encode(layout, p->entry, bytes);
	return ozr_put_append(p->s->put, bytes, (size_t)layout->index_bytes, err);
}

static int put_shard(struct publishing *p, const char *key, enum ozr_put_mode mode,
		     struct ozr_err *err)
{
	struct ozr_put *put;
	int rc = OZR_OK;

	if (!p->s->put)
		rc = ozr_put_begin(p->w->a->store, key, p->size, &p->s->put, err);
	if (rc == OZR_OK)
		rc = append_index(p, 1, err);
	for (uint64_t i = 0; rc == OZR_OK && i < p->g->inner_total; i++)
		rc = append_chunk(p, i, err);
	if (rc == OZR_OK)
		rc = append_index(p, 0, err);
	if (rc)
		return rc; /* the put is aborted with the shard */
	put = p->s->put;
	p->s->put = NULL;
	rc = ozr_put_commit(put, mode, NULL, err);
	p->stored = rc == OZR_OK;
	return rc;
}

/* Everything is fill: no object. */
static int remove_key(struct publishing *p, const char *key, struct ozr_err *err)
{
	struct ozr_store *store = p->w->a->store;
	struct ozr_object *o = NULL;

	if (store->caps & OZR_STORE_DELETE)
		return ozr_store_del(store, key, err);
	int rc = ozr_object_open(store, key, &o, err);
	ozr_object_close(o);
	if (rc == OZR_NOT_FOUND)
		return OZR_OK;
	return rc ? rc : ozr_fail(err, OZR_UNSUPPORTED, "%s: the store cannot delete", key);
}

static int publish_locked(struct publishing *p, const char *key, struct ozr_err *err)
{
	const struct ozr_array *a = p->w->a;
	int complete = p->s->done == p->s->valid;
	int guarded = a->fresh || (a->store->caps & OZR_STORE_LOCK);
	enum ozr_put_mode mode = OZR_PUT_REPLACE;
	int rc = OZR_OK;

	if (!complete) {
		rc = ozr_shard_open(&p->old, a, p->s->coord, err);
		if (rc == OZR_OK && p->old.object && !guarded)
			return ozr_fail(err, OZR_UNSUPPORTED,
					"%s: a %s store has no locks, which updating a part of "
					"what is stored needs",
					key, a->store->ops->name);
		if (!p->old.object && !guarded)
			mode = OZR_PUT_CREATE_ONLY;
	} else {
		p->old.a = a;
	}
	for (uint64_t i = 0; rc == OZR_OK && i < p->g->inner_total; i++)
		if (p->s->slot[i].state == OZR_SLOT_RAW)
			rc = finish_raw(p, i, err);
	if (rc == OZR_OK)
		rc = plan_shard(p, err);
	if (rc)
		return rc;
	if (p->present > 0)
		return put_shard(p, key, mode, err);
	return complete || p->old.object ? remove_key(p, key, err) : OZR_OK;
}

/* --- who wants to know ------------------------------------------------------------------ */

static int is_inside(const struct ozr_grid *g, const uint64_t *chunk)
{
	for (unsigned d = 0; d < g->rank; d++)
		if (chunk[d] >= ozr_ceil_div(g->shape[d], g->chunk[d]))
			return 0;
	return 1;
}

static int tell_watch(struct publishing *p, const char *key, struct ozr_err *err)
{
	const struct ozr_chunk_watch *watch = &p->w->watch;
	uint64_t coord[TOLD][OZR_MAX_RANK];
	struct ozr_stored_chunk chunk[TOLD];
	size_t n = 0;
	int rc = OZR_OK;

	for (uint64_t i = 0; rc == OZR_OK && i < p->g->inner_total; i++) {
		chunk_of(p, i, coord[n]);
		const struct ozr_shard_entry *e = &p->entry[place_of(p, i)];
		if (e->offset != UINT64_MAX && is_inside(p->g, coord[n])) {
			chunk[n] = (struct ozr_stored_chunk){coord[n], e->offset, e->length};
			n++;
		}
		if (n == TOLD || (n > 0 && i + 1 == p->g->inner_total)) {
			rc = watch->stored(watch->user, key, n, chunk, err);
			n = 0;
		}
	}
	return rc;
}

int ozr_shard_publish(struct ozr_writer *w, struct ozr_open_shard *s, struct ozr_worker *worker,
		      struct ozr_err *err)
{
	struct publishing p = {.w = w, .s = s, .worker = worker, .g = &w->a->meta.grid};
	char key[OZR_KEY_MAX + 1];
	void *token = NULL;
	int locks = (!w->a->fresh || atomic_load(&w->a->meta_version) != 0) &&
		    (w->a->store->caps & OZR_STORE_LOCK);
	int rc = ozr_meta_key(&w->a->meta, w->a->path, s->coord, key, err);

	s->published = 1; /* or lost: this is the one attempt */
	if (rc == OZR_OK && s->broken)
		rc = ozr_fail(err, OZR_IO, "%s: was not written because of an earlier error", key);
	if (rc == OZR_OK && locks)
		rc = ozr_store_lock(w->a->store, key, &token, err);
	if (rc)
		return rc;
	rc = publish_locked(&p, key, err);
	if (locks)
		ozr_store_unlock(w->a->store, token);
	if (rc == OZR_OK && p.stored && w->watch.stored)
		rc = tell_watch(&p, key, err);
	ozr_shard_close(&p.old);
	ozr_free(w->a->ctx, p.entry);
	return rc;
}
