/* SPDX-License-Identifier: MIT */
/*
 * Complete chunks: encoding them, handing them to their shard, and letting
 * encoded bytes go ahead of it when they exceed the budget: into the shard's
 * put (begun early, with what is there so far), or into the scratch file where
 * the index comes first or too many puts are open.
 */
#include "array/writer.h"

#include <string.h>

#include "array/dtype.h"
#include "base/ckd.h"

enum { MAX_PUTS = 32 };

int ozr_chunk_encode(struct ozr_writer *w, struct ozr_worker *worker, const void *elements,
		     void **bytes, uint64_t *length, struct ozr_err *err)
{
	const struct ozr_grid *g = &w->a->meta.grid;
	struct ozr_buf buf;

	*bytes = NULL;
	*length = 0;
	if (ozr_fill_only(elements, g->fill, g->item, (size_t)g->elements))
		return OZR_OK;
	ozr_buf_init(&buf, w->a->ctx, SIZE_MAX / 2);
	int rc = ozr_chain_encode(g->leaf, worker, elements, &buf, err);
	if (rc) {
		ozr_buf_release(&buf);
		return rc;
	}
	/* the room of the worst case is given back; failing to do so costs memory only */
	void *exact = ozr_resize(w->a->ctx, buf.data, buf.len, NULL);
	*bytes = exact ? exact : buf.data;
	*length = buf.len;
	return OZR_OK;
}

void ozr_chunk_deliver(struct ozr_writer *w, struct ozr_open_shard *s, struct ozr_chunk_slot *c,
		       void *bytes, uint64_t length)
{
	pthread_mutex_lock(&w->lock);
	if (c->state == OZR_SLOT_EMPTY || c->state == OZR_SLOT_RAW)
		s->done++;
	ozr_slot_clear(w, s, c);
	c->state = bytes ? OZR_SLOT_ENCODED : OZR_SLOT_FILL;
	c->u.bytes = bytes;
	c->length = length;
	s->encoded += length;
	w->encoded += length;
	c->busy = 0;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

/* --- relief -------------------------------------------------------------------- */

/* Lock held: the idle shard with the most encoded bytes, if there is need and any. */
static struct ozr_open_shard *heaviest(const struct ozr_writer *w)
{
	struct ozr_open_shard *best = NULL;

	if (w->raw + w->encoded <= w->budget)
		return NULL;
	for (size_t i = 0; i < w->slots; i++)
		for (struct ozr_open_shard *s = w->table[i]; s; s = s->chain)
			if (!s->closing && !s->streaming && s->readers == 0 &&
			    s->encoded > (best ? best->encoded : 0))
				best = s;
	return best;
}

/* Lock held: take the next encoded chunk from number *i on. */
static struct ozr_chunk_slot *next_encoded(const struct ozr_writer *w, struct ozr_open_shard *s,
					   uint64_t *i)
{
	for (; *i < w->a->meta.grid.inner_total; ++*i) {
		struct ozr_chunk_slot *c = &s->slot[*i];
		if (c->state == OZR_SLOT_ENCODED && !c->busy) {
			c->busy = 1;
			return c;
		}
	}
	return NULL;
}

static int move_out(struct ozr_writer *w, struct ozr_open_shard *s, struct ozr_chunk_slot *c,
		    struct ozr_err *err)
{
	struct ozr_spooled *spooled = NULL;
	uint64_t offset = s->put ? s->put->size : 0;
	int rc = s->put ? ozr_put_append(s->put, c->u.bytes, (size_t)c->length, err)
			: ozr_spool_put(w->spool, c->u.bytes, (size_t)c->length, &spooled, err);

	pthread_mutex_lock(&w->lock);
	if (rc == OZR_OK) {
		uint64_t length = c->length;
		ozr_slot_clear(w, s, c);
		c->length = length;
		c->state = s->put ? OZR_SLOT_STREAMED : OZR_SLOT_SPOOLED;
		if (s->put)
			c->u.offset = offset;
		else
			c->u.spooled = spooled;
	}
	c->busy = 0;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	return rc;
}

/* How many bytes a shard will have whose chunks are not compressed; 0: nobody can know. Chunks that
 * turn out to be fill, or are written again, make it another number. */
static uint64_t stream_size(struct ozr_writer *w, const struct ozr_open_shard *s)
{
	const struct ozr_grid *g = &w->a->meta.grid;
	uint64_t length = 0, stored = s->valid, size = 0;

	if (strcmp(ozr_chain_name(g->leaf), "none") != 0)
		return 0;
	pthread_mutex_lock(&w->lock);
	for (uint64_t i = 0; i < g->inner_total; i++) {
		if (s->slot[i].state == OZR_SLOT_FILL)
			stored--;
		if (s->slot[i].state == OZR_SLOT_ENCODED)
			length = s->slot[i].length;
	}
	pthread_mutex_unlock(&w->lock);
	if (ozr_ckd_mul(stored, length, &size) ||
	    ozr_ckd_add(size, g->level[0].layout->index_bytes, &size))
		return 0;
	return length > 0 ? size : 0;
}

static int begin_stream(struct ozr_writer *w, struct ozr_open_shard *s, struct ozr_err *err)
{
	char key[OZR_KEY_MAX + 1];
	int rc = ozr_meta_key(&w->a->meta, w->a->path, s->coord, key, err);

	return rc ? rc : ozr_put_begin(w->a->store, key, stream_size(w, s), &s->put, err);
}

static int move_all_out(struct ozr_writer *w, struct ozr_open_shard *s, struct ozr_err *err)
{
	int rc = s->streams && !s->put ? begin_stream(w, s, err) : OZR_OK;
	struct ozr_chunk_slot *c;

	for (uint64_t i = 0; rc == OZR_OK; i++) {
		pthread_mutex_lock(&w->lock);
		c = next_encoded(w, s, &i);
		pthread_mutex_unlock(&w->lock);
		if (!c)
			break;
		rc = move_out(w, s, c, err);
	}
	return rc;
}

int ozr_writer_relieve(struct ozr_writer *w, struct ozr_worker *worker, struct ozr_err *err)
{
	const struct ozr_grid *g = &w->a->meta.grid;
	struct ozr_open_shard *s;

	for (;;) {
		pthread_mutex_lock(&w->lock);
		s = heaviest(w);
		if (s) {
			s->streaming = 1;
			if (!s->streams && g->depth == 1 && !g->level[0].layout->index_at_start &&
			    w->puts < MAX_PUTS) {
				s->streams = 1;
				w->puts++;
			}
		}
		pthread_mutex_unlock(&w->lock);
		if (!s)
			return OZR_OK;
		int rc = move_all_out(w, s, err);
		if (rc == OZR_OK)
			rc = ozr_writer_streamed(w, s, worker, err);
		else
			ozr_writer_discard(w, s);
		if (rc)
			return rc;
	}
}
