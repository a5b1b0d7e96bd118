/* SPDX-License-Identifier: MIT */
/*
 * Publishing what waits: everything (flush), or the shards that a read is
 * about to touch and cannot read where they are (settle).
 */
#include "array/writer.h"

#include <stdlib.h>
#include <string.h>

struct flushing {
	struct ozr_writer *w;
	struct ozr_open_shard **shard;
	size_t n;
};

int ozr_shard_touched(const struct ozr_grid *g, const struct ozr_open_shard *s, size_t n,
		      const struct ozr_box *boxes)
{
	for (size_t i = 0; i < n; i++) {
		int all = 1;
		for (unsigned d = 0; d < g->rank && all; d++) {
			uint64_t lo = s->coord[d] * g->shard[d], first, end;
			ozr_box_range(&boxes[i], d, lo, lo + g->shard[d], &first, &end);
			all = first < end;
		}
		if (all)
			return 1;
	}
	return 0;
}

/* Lock held. boxes NULL: all. *others: somebody else is publishing one that is wanted. */
static size_t collect(struct ozr_writer *w, size_t n, const struct ozr_box *boxes,
		      struct ozr_open_shard **list, int *others)
{
	size_t found = 0;

	*others = 0;
	for (size_t i = 0; i < w->slots; i++) {
		for (struct ozr_open_shard *s = w->table[i]; s; s = s->chain) {
			if (boxes && !ozr_shard_touched(&w->a->meta.grid, s, n, boxes))
				continue;
			if (s->closing) {
				*others = 1;
			} else {
				s->closing = 1; /* no new users */
				list[found++] = s;
			}
		}
	}
	return found;
}

static int in_order(const void *x, const void *y)
{
	const struct ozr_open_shard *a = *(struct ozr_open_shard *const *)x;
	const struct ozr_open_shard *b = *(struct ozr_open_shard *const *)y;

	for (unsigned d = 0; d < OZR_MAX_RANK; d++)
		if (a->coord[d] != b->coord[d])
			return a->coord[d] < b->coord[d] ? -1 : 1;
	return 0;
}

static int publish_task(void *arg, size_t i, struct ozr_worker *worker, struct ozr_err *err)
{
	struct flushing *f = arg;

	return ozr_shard_publish(f->w, f->shard[i], worker, err);
}

/* One round: those that nobody else is publishing. */
static int publish_round(struct ozr_writer *w, size_t n, const struct ozr_box *boxes,
			 const struct ozr_call *call, int drop, int *again, struct ozr_err *err)
{
	struct ozr_ctx *ctx = w->a->ctx;
	struct flushing f = {.w = w};
	size_t room = atomic_load(&w->pending) + 64;

	f.shard = ozr_alloc(ctx, room * sizeof(*f.shard), err);
	if (!f.shard)
		return ozr_alloc_code(err);
	pthread_mutex_lock(&w->lock);
	*again = w->shards > room; /* grew meanwhile */
	if (!*again) {
		f.n = collect(w, n, boxes, f.shard, again);
		for (size_t i = 0; i < f.n; i++)
			ozr_writer_close_shard(w, f.shard[i]);
		if (f.n == 0 && *again)
			pthread_cond_wait(&w->changed, &w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	qsort(f.shard, f.n, sizeof(*f.shard), in_order);
	int rc = ozr_pool_for(ctx, call, f.n, publish_task, &f, err);
	for (size_t i = 0; i < f.n; i++) {
		if (f.shard[i]->published || drop) {
			ozr_writer_drop(w, f.shard[i]);
			continue;
		}
		/* a read that was cancelled, or failed elsewhere, loses nothing that waits */
		pthread_mutex_lock(&w->lock);
		f.shard[i]->closing = 0;
		pthread_cond_broadcast(&w->changed);
		pthread_mutex_unlock(&w->lock);
	}
	ozr_free(ctx, f.shard);
	return rc;
}

void ozr_writer_discard(struct ozr_writer *w, struct ozr_open_shard *s)
{
	int mine;

	pthread_mutex_lock(&w->lock);
	s->streaming = 0;
	mine = !s->closing;
	if (mine)
		ozr_writer_close_shard(w, s);
	s->broken = 1;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	if (mine)
		ozr_writer_drop(w, s);
}

int ozr_writer_settle(struct ozr_writer *w, size_t n, const struct ozr_box *boxes,
		      const struct ozr_call *call, struct ozr_err *err)
{
	int again = 1, rc = OZR_OK;

	while (rc == OZR_OK && again && atomic_load(&w->pending) > 0) {
		rc = ozr_writer_check(w, err);
		if (rc == OZR_OK)
			rc = publish_round(w, n, boxes, call, 0, &again, err);
	}
	return rc;
}

int ozr_array_flush(struct ozr_array *a, const struct ozr_call *call, struct ozr_err *err)
{
	struct ozr_writer *w = a->writer;
	int again = 1, rc = OZR_OK;

	ozr_ctx_enter(a->ctx);
	while (w && rc == OZR_OK && again && atomic_load(&w->pending) > 0) {
		rc = ozr_writer_check(w, err);
		if (rc == OZR_OK)
			rc = publish_round(w, 0, NULL, call, 1, &again, err);
	}
	return ozr_array_context(a, rc, err);
}
