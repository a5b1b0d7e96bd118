/* SPDX-License-Identifier: MIT */
/*
 * The writer of an array: its table of open shards, and who may do what with
 * one when (writer.h has the rules).
 */
#include "array/writer.h"

#include <string.h>
#include <unistd.h>

enum { FIRST_SLOTS = 64, DEFAULT_BUDGET = 256 << 20 };

int ozr_writer_new(struct ozr_array *a, struct ozr_err *err)
{
	struct ozr_writer *w = ozr_calloc(a->ctx, 1, sizeof(*w), err);

	if (!w)
		return ozr_alloc_code(err);
	w->table = ozr_calloc(a->ctx, FIRST_SLOTS, sizeof(*w->table), err);
	if (!w->table) {
		ozr_free(a->ctx, w);
		return ozr_alloc_code(err);
	}
	w->slots = FIRST_SLOTS;
	w->a = a;
	w->pid = getpid();
	w->budget = DEFAULT_BUDGET;
	int rc = ozr_spool_new(a->ctx, &w->spool, err);
	if (rc == OZR_OK &&
	    (pthread_mutex_init(&w->lock, NULL) || pthread_cond_init(&w->changed, NULL)))
		rc = ozr_fail(err, OZR_NO_MEMORY, "no memory for a lock");
	if (rc) {
		ozr_spool_free(w->spool);
		ozr_free(a->ctx, w->table);
		ozr_free(a->ctx, w);
		return rc;
	}
	a->writer = w;
	return OZR_OK;
}

void ozr_slot_clear(struct ozr_writer *w, struct ozr_open_shard *s, struct ozr_chunk_slot *c)
{
	switch (c->state) {
	case OZR_SLOT_RAW:
		ozr_raw_free(w, c->u.raw);
		break;
	case OZR_SLOT_ENCODED:
		ozr_free(w->a->ctx, c->u.bytes);
		s->encoded -= c->length;
		w->encoded -= c->length;
		break;
	case OZR_SLOT_SPOOLED:
		ozr_spool_drop(w->spool, c->u.spooled);
		break;
	default:
		break;
	}
	c->state = OZR_SLOT_EMPTY;
	c->u.raw = NULL;
	c->length = 0;
}

void ozr_slot_seize(struct ozr_writer *w, struct ozr_chunk_slot *c)
{
	pthread_mutex_lock(&w->lock);
	while (c->busy || c->users > 0)
		pthread_cond_wait(&w->changed, &w->lock);
	c->busy = 1;
	pthread_mutex_unlock(&w->lock);
}

/* What the parent's threads were at in the middle of the fork stays as it is, and is lost. */
static int abandon(struct ozr_writer *w)
{
	ozr_spool_forked(w->spool);
	if (ozr_lock_forked(&w->lock))
		return 0;
	w->slots = 0; /* the table may be half-changed */
	return 1;
}

void ozr_array_watch(struct ozr_array *a, const struct ozr_chunk_watch *watch)
{
	if (a->writer)
		a->writer->watch = watch ? *watch : (struct ozr_chunk_watch){NULL, NULL};
}

void ozr_writer_free(struct ozr_writer *w)
{
	if (!w)
		return;
	struct ozr_ctx *ctx = w->a->ctx;
	int forked = w->pid != getpid();
	int abandoned = forked && abandon(w);

	for (size_t i = 0; i < w->slots; i++) {
		while (w->table[i]) {
			struct ozr_open_shard *s = w->table[i];
			w->table[i] = s->chain;
			for (uint64_t k = 0; k < w->a->meta.grid.inner_total; k++)
				ozr_slot_clear(w, s, &s->slot[k]);
			if (!forked) /* else its file belongs to the parent, which goes on */
				ozr_put_abort(s->put);
			ozr_free(ctx, s);
		}
	}
	ozr_spool_free(w->spool);
	if (!forked) {
		pthread_mutex_destroy(&w->lock);
		pthread_cond_destroy(&w->changed);
	}
	if (!abandoned)
		ozr_free(ctx, w->table);
	ozr_free(ctx, w);
}

int ozr_writer_owned(const struct ozr_writer *w, struct ozr_err *err)
{
	if (w->pid == getpid())
		return OZR_OK;
	return ozr_fail(err, OZR_BAD_ARG,
			"the handle was opened for writing by the process that this one was "
			"forked from");
}

int ozr_writer_check(const struct ozr_writer *w, struct ozr_err *err)
{
	const struct ozr_grid *g;

	if (!w)
		return ozr_fail(err, OZR_BAD_ARG, "the array is open for reading only");
	int rc = ozr_writer_owned(w, err);
	if (rc)
		return rc;
	g = &w->a->meta.grid;
	if (g->depth > 1)
		return ozr_fail(err, OZR_UNSUPPORTED, "writing to nested shards is not supported");
	if (g->depth == 1 && g->level[0].layout->has_filters)
		return ozr_fail(err, OZR_UNSUPPORTED,
				"writing to shards that are encoded as a whole is not supported");
	return OZR_OK;
}

/* --- the table; lock held ------------------------------------------------------- */

static struct ozr_open_shard **slot_of(struct ozr_writer *w, const uint64_t *coord)
{
	uint64_t h = ozr_hash(0, coord, w->a->meta.grid.rank * sizeof(coord[0]));

	return &w->table[h & (w->slots - 1)];
}

struct ozr_open_shard *ozr_writer_find(struct ozr_writer *w, const uint64_t *coord)
{
	struct ozr_open_shard *s = *slot_of(w, coord);

	while (s && memcmp(s->coord, coord, w->a->meta.grid.rank * sizeof(coord[0])) != 0)
		s = s->chain;
	return s;
}

static void insert(struct ozr_writer *w, struct ozr_open_shard *s)
{
	struct ozr_open_shard **slot = slot_of(w, s->coord);

	s->chain = *slot;
	*slot = s;
	atomic_store(&w->pending, ++w->shards);
}

/* Twice the slots, when memory allows. */
static void grow(struct ozr_writer *w)
{
	struct ozr_open_shard **table, **old = w->table;
	size_t slots = w->slots;

	if (w->shards < 2 * w->slots)
		return;
	table = ozr_calloc(w->a->ctx, 2 * w->slots, sizeof(*table), NULL);
	if (!table)
		return;
	w->table = table;
	w->slots = 2 * slots;
	w->shards = 0;
	for (size_t i = 0; i < slots; i++) {
		while (old[i]) {
			struct ozr_open_shard *s = old[i];
			old[i] = s->chain;
			insert(w, s);
		}
	}
	ozr_free(w->a->ctx, old);
}

/* --- users ------------------------------------------------------------------------ */

static struct ozr_open_shard *shard_new(struct ozr_writer *w, const uint64_t *coord,
					struct ozr_err *err)
{
	const struct ozr_grid *g = &w->a->meta.grid;
	struct ozr_open_shard *s;
	uint64_t bytes;

	if (ozr_ckd_mul(g->inner_total, sizeof(s->slot[0]), &bytes) ||
	    ozr_ckd_add(bytes, sizeof(*s), &bytes)) {
		ozr_fail(err, OZR_LIMIT, "a shard has too many chunks");
		return NULL;
	}
	s = ozr_calloc(w->a->ctx, 1, bytes, err);
	if (s) {
		memcpy(s->coord, coord, g->rank * sizeof(coord[0]));
		s->valid = ozr_grid_shard_chunks(g, coord);
	}
	return s;
}

int ozr_writer_enter(struct ozr_writer *w, const uint64_t *chunk, struct ozr_open_shard **out,
		     struct ozr_err *err)
{
	const struct ozr_grid *g = &w->a->meta.grid;
	struct ozr_open_shard *s, *made = NULL;
	uint64_t coord[OZR_MAX_RANK];

	for (unsigned d = 0; d < g->rank; d++)
		coord[d] = chunk[d] / g->inner[d];
	pthread_mutex_lock(&w->lock);
	for (;;) {
		s = ozr_writer_find(w, coord);
		if (s && !s->closing)
			break;
		if (s) { /* being published: then there will be a new one */
			pthread_cond_wait(&w->changed, &w->lock);
			continue;
		}
		if (made) {
			grow(w);
			insert(w, made);
			s = made;
			made = NULL;
			break;
		}
		pthread_mutex_unlock(&w->lock);
		made = shard_new(w, coord, err);
		if (!made)
			return ozr_alloc_code(err);
		pthread_mutex_lock(&w->lock);
	}
	s->users++;
	pthread_mutex_unlock(&w->lock);
	ozr_free(w->a->ctx, made);
	*out = s;
	return OZR_OK;
}

void ozr_writer_close_shard(struct ozr_writer *w, struct ozr_open_shard *s)
{
	s->closing = 1;
	while (s->users > 0 || s->streaming)
		pthread_cond_wait(&w->changed, &w->lock);
}

int ozr_writer_claim(struct ozr_writer *w, struct ozr_open_shard *s)
{
	int mine = s->done == s->valid && s->users == 0 && !s->closing && !s->streaming;

	if (mine)
		s->closing = 1;
	pthread_cond_broadcast(&w->changed);
	return mine;
}

static int publish_claimed(struct ozr_writer *w, struct ozr_open_shard *s, int mine,
			   struct ozr_worker *worker, struct ozr_err *err)
{
	if (!mine)
		return OZR_OK;
	int rc = ozr_shard_publish(w, s, worker, err);
	ozr_writer_drop(w, s);
	return rc;
}

int ozr_writer_leave(struct ozr_writer *w, struct ozr_open_shard *s, struct ozr_worker *worker,
		     struct ozr_err *err)
{
	pthread_mutex_lock(&w->lock);
	s->users--;
	int mine = ozr_writer_claim(w, s);
	pthread_mutex_unlock(&w->lock);
	return publish_claimed(w, s, mine, worker, err);
}

int ozr_writer_streamed(struct ozr_writer *w, struct ozr_open_shard *s, struct ozr_worker *worker,
			struct ozr_err *err)
{
	pthread_mutex_lock(&w->lock);
	s->streaming = 0;
	int mine = ozr_writer_claim(w, s);
	pthread_mutex_unlock(&w->lock);
	return publish_claimed(w, s, mine, worker, err);
}

void ozr_writer_drop(struct ozr_writer *w, struct ozr_open_shard *s)
{
	pthread_mutex_lock(&w->lock);
	struct ozr_open_shard **at = slot_of(w, s->coord);
	while (*at != s)
		at = &(*at)->chain;
	*at = s->chain;
	atomic_store(&w->pending, --w->shards);
	w->puts -= s->streams;
	for (uint64_t i = 0; i < w->a->meta.grid.inner_total; i++)
		ozr_slot_clear(w, s, &s->slot[i]);
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	ozr_put_abort(s->put);
	ozr_free(w->a->ctx, s);
}
