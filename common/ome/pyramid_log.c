/* SPDX-License-Identifier: MIT */
/*
 * Logs of waiting cells: what arrives is appended to blocks of memory; when
 * all logs together exceed their limit the oldest blocks that nobody fills go
 * to the scratch file, so each byte is written at most once and read once, in
 * large pieces, in whatever order and size elements arrive.
 *
 * A block being written belongs to the thread that writes it: its cell counts
 * it in `spilling`. Whoever takes a cell seals its log: no block of it is
 * written any more, and those that are just being written are waited for.
 */
#include "ome/pyramid_impl.h"

enum { SMALLEST_BLOCK = 16 << 10, LARGEST_BLOCK = 1 << 20 };

struct ozr_block {
	struct ozr_block *next;            /* older, of the same cell */
	struct ozr_block *older, *younger; /* of all blocks in memory that may be spilled */
	struct ozr_cell *cell;
	unsigned char *mem; /* NULL when it is in the scratch file */
	size_t size, used;
	unsigned fillers; /* rooms handed out and not yet filled */
	int listed;       /* among all blocks in memory */
	struct ozr_spooled *out;
};

static void list(struct ozr_build *b, struct ozr_block *k)
{
	k->listed = 1;
	k->older = b->newest;
	k->younger = NULL;
	*(b->newest ? &b->newest->younger : &b->oldest) = k;
	b->newest = k;
	b->log_held += k->size;
}

static void unlist(struct ozr_build *b, struct ozr_block *k)
{
	k->listed = 0;
	*(k->older ? &k->older->younger : &b->oldest) = k->younger;
	*(k->younger ? &k->younger->older : &b->newest) = k->older;
	b->log_held -= k->size;
}

static struct ozr_block *new_block(struct ozr_build *b, size_t size, struct ozr_err *err)
{
	struct ozr_block *k = ozr_calloc(b->ctx, 1, sizeof *k, err);
	if (!k)
		return NULL;
	k->size = size;
	k->mem = ozr_alloc(b->ctx, size, err);
	if (!k->mem) {
		ozr_free(b->ctx, k);
		return NULL;
	}
	return k;
}

/* Lock held. */
static unsigned char *take(struct ozr_block *k, size_t bytes)
{
	unsigned char *p = k->mem + k->used;
	k->used += bytes;
	k->fillers++;
	return p;
}

int ozr_log_reserve(struct ozr_build *b, struct ozr_cell *c, size_t bytes, unsigned char **p,
		    struct ozr_block **block, struct ozr_err *err)
{
	struct ozr_err mine;
	size_t size = SMALLEST_BLOCK;
	pthread_mutex_lock(&b->lock);
	struct ozr_block *k = c->log;
	const int fits = k && k->listed && k->size - k->used >= bytes;
	if (fits)
		*p = take(k, bytes);
	else if (k)
		size = 2 * k->size < LARGEST_BLOCK ? 2 * k->size : LARGEST_BLOCK;
	pthread_mutex_unlock(&b->lock);
	if (!fits) {
		k = new_block(b, size > bytes ? size : bytes, &mine);
		if (!k)
			return ozr_fail(err, mine.code, "%s", mine.msg);
		pthread_mutex_lock(&b->lock);
		k->cell = c;
		k->next = c->log;
		c->log = k;
		list(b, k);
		*p = take(k, bytes);
		pthread_mutex_unlock(&b->lock);
	}
	*block = k;
	return OZR_OK;
}

void ozr_log_filled(struct ozr_block *block)
{
	block->fillers--;
}

/* Lock held. */
static struct ozr_block *victim(struct ozr_build *b)
{
	struct ozr_block *k = b->oldest;
	if (b->log_held <= b->log_limit)
		return NULL;
	while (k && k->fillers)
		k = k->younger;
	return k;
}

int ozr_log_balance(struct ozr_build *b, struct ozr_err *err)
{
	struct ozr_block *k;
	int rc = OZR_OK;
	pthread_mutex_lock(&b->lock);
	while (!rc && (k = victim(b))) {
		struct ozr_cell *c = k->cell;
		unsigned char *mem = k->mem;
		struct ozr_spooled *out = NULL;
		unlist(b, k);
		c->spilling++;
		pthread_mutex_unlock(&b->lock);
		rc = ozr_spool_put(b->spool, mem, k->used, &out, err);
		pthread_mutex_lock(&b->lock);
		k->out = out;
		if (!rc)
			k->mem = NULL;
		c->spilling--;
		pthread_cond_broadcast(&b->spilled);
		pthread_mutex_unlock(&b->lock);
		if (!rc)
			ozr_free(b->ctx, mem);
		pthread_mutex_lock(&b->lock);
	}
	pthread_mutex_unlock(&b->lock);
	return rc;
}

void ozr_log_seal(struct ozr_build *b, struct ozr_cell *c)
{
	for (struct ozr_block *k = c->log; k; k = k->next)
		if (k->listed)
			unlist(b, k);
	while (c->spilling)
		pthread_cond_wait(&b->spilled, &b->lock);
}

int ozr_log_replay(struct ozr_build *b, const struct ozr_cell *c,
		   int (*visit)(struct ozr_build *b, const struct ozr_cell *c, unsigned char *bytes,
				size_t n, struct ozr_err *err),
		   struct ozr_err *err)
{
	int rc = OZR_OK;
	for (struct ozr_block *k = c->log; k && !rc; k = k->next) {
		struct ozr_err mine;
		unsigned char *bytes = k->mem;
		if (!bytes) {
			bytes = ozr_alloc(b->ctx, k->used, &mine);
			if (!bytes)
				return ozr_fail(err, mine.code, "%s", mine.msg);
			rc = ozr_spool_get(b->spool, k->out, 0, bytes, k->used, err);
		}
		if (!rc)
			rc = visit(b, c, bytes, k->used, err);
		if (bytes != k->mem)
			ozr_free(b->ctx, bytes);
	}
	return rc;
}

/* Sealed, or nobody else is there. */
void ozr_log_free(struct ozr_build *b, struct ozr_cell *c)
{
	struct ozr_block *all = c->log;
	c->log = NULL;
	while (all) {
		struct ozr_block *k = all;
		all = k->next;
		ozr_spool_drop(b->spool, k->out);
		ozr_free(b->ctx, k->mem);
		ozr_free(b->ctx, k);
	}
}
