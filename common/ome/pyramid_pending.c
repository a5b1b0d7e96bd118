/* SPDX-License-Identifier: MIT */
/*
 * Cells that wait for elements: a hash table by level and position. Room for
 * a part is reserved under the lock, filled without it, and counted under it
 * again; who brings the last part owns the cell from then on. Parts are
 * disjoint; `reserved` keeps a caller who breaks that from harming more than
 * the result.
 *
 * A cell whose memory does not fit into the budget when it is opened keeps a
 * log instead (pyramid_log.c): records of start and count within the cell,
 * as 32-bit numbers, and the elements in C order.
 */
#include "ome/pyramid_impl.h"

enum { CHAINS = 4096 };

static struct ozr_cell **chain(struct ozr_build *b, unsigned level, const uint64_t *at)
{
	const uint64_t h = ozr_hash(level, at, b->g.rank * sizeof *at);
	return &b->table[h % CHAINS];
}

int ozr_pending_init(struct ozr_build *b, struct ozr_err *err)
{
	struct ozr_err mine;
	b->table = ozr_calloc(b->ctx, CHAINS, sizeof *b->table, &mine);
	return b->table ? OZR_OK : ozr_fail(err, mine.code, "%s", mine.msg);
}

void ozr_pending_release(struct ozr_build *b)
{
	for (size_t i = 0; b->table && i < CHAINS; i++)
		while (b->table[i]) {
			struct ozr_cell *c = b->table[i];
			b->table[i] = c->next;
			ozr_cell_free(b, c);
		}
	ozr_free(b->ctx, b->table);
}

/* Lock held. The link that leads to the cell; *link is NULL when there is none. */
static struct ozr_cell **find(struct ozr_build *b, unsigned level, const uint64_t *at)
{
	struct ozr_cell **link = chain(b, level, at);
	while (*link &&
	       ((*link)->level != level || memcmp((*link)->at, at, b->g.rank * sizeof *at) != 0))
		link = &(*link)->next;
	return link;
}

/* Lock held. The bit of a cell of level 0: 1 when it was set before. */
static int test_done(const struct ozr_build *b, const uint64_t *at, int set)
{
	uint64_t i = 0;
	if (!b->done)
		return 0;
	for (unsigned d = 0; d < b->g.rank; d++)
		i = i * b->g.level[0].grid[d] + at[d];
	const unsigned char bit = (unsigned char)(1 << (i & 7));
	const int was = (b->done[i >> 3] & bit) != 0;
	if (set)
		b->done[i >> 3] |= bit;
	return was;
}

int ozr_pending_is_done(struct ozr_build *b, const uint64_t *at)
{
	pthread_mutex_lock(&b->lock);
	const int done = test_done(b, at, 0);
	pthread_mutex_unlock(&b->lock);
	return done;
}

static int pushed_twice(struct ozr_err *err)
{
	return ozr_fail(err, OZR_BAD_ARG, "an element came twice");
}

int ozr_pending_whole(struct ozr_build *b, const uint64_t *at, struct ozr_err *err)
{
	pthread_mutex_lock(&b->lock);
	const int twice = *find(b, 0, at) != NULL || test_done(b, at, 1);
	pthread_mutex_unlock(&b->lock);
	return twice ? pushed_twice(err) : OZR_OK;
}

static void fill_memory(const struct ozr_geometry *g, unsigned char *p, size_t bytes)
{
	size_t done = bytes < g->size ? bytes : g->size;
	memcpy(p, g->fill, done);
	while (done < bytes) {
		const size_t part = done < bytes - done ? done : bytes - done;
		memcpy(p + done, p, part);
		done += part;
	}
}

/* Lock held. */
static void hold(struct ozr_build *b, const struct ozr_cell *c, size_t bytes)
{
	b->direct_held += bytes;
	if (c->level)
		b->upper_held += bytes;
}

/* May the cell have memory of its own? */
static void charge(struct ozr_build *b, struct ozr_cell *c, size_t bytes)
{
	pthread_mutex_lock(&b->lock);
	const int fits = bytes <= b->direct_limit && b->direct_held <= b->direct_limit - bytes;
	const int upper = bytes <= b->upper_limit && b->upper_held <= b->upper_limit - bytes;
	if (fits && (upper || c->level == 0)) {
		c->charged = bytes;
		hold(b, c, bytes);
	}
	pthread_mutex_unlock(&b->lock);
}

static struct ozr_cell *new_cell(struct ozr_build *b, unsigned level, const uint64_t *at,
				 struct ozr_err *err)
{
	const struct ozr_geometry *g = &b->g;
	struct ozr_cell *c = ozr_calloc(b->ctx, 1, sizeof *c, err);
	if (!c)
		return NULL;
	c->level = level;
	memcpy(c->at, at, g->rank * sizeof *at);
	ozr_cell_bounds(g, level, at, c->box.start, c->box.count);
	c->box.dtype = g->how.dtype;
	ozr_box_contiguous(&c->box, g->rank);
	c->elements = ozr_box_elements(&c->box, g->rank);
	const size_t bytes = (size_t)c->elements * g->size;
	charge(b, c, bytes);
	if (!c->charged)
		return c;
	c->box.data = ozr_alloc(b->ctx, bytes, err);
	if (!c->box.data) {
		ozr_cell_free(b, c);
		return NULL;
	}
	if (b->prefill)
		fill_memory(g, c->box.data, bytes);
	return c;
}

int ozr_pending_empty(struct ozr_build *b, const uint64_t *at, struct ozr_cell **out,
		      struct ozr_err *err)
{
	struct ozr_err mine;
	struct ozr_cell *c = new_cell(b, 0, at, &mine);
	if (!c)
		return ozr_fail(err, mine.code, "%s", mine.msg);
	*out = c;
	return OZR_OK;
}

/* The waiting cell, opened when there is none, with `n` of its elements reserved. */
static int open_cell(struct ozr_build *b, unsigned level, const uint64_t *at, uint64_t n,
		     struct ozr_cell **out, struct ozr_err *err)
{
	struct ozr_err mine;
	struct ozr_cell *fresh = NULL;
	int twice = 0;
	pthread_mutex_lock(&b->lock);
	struct ozr_cell **link = find(b, level, at);
	if (!*link) {
		pthread_mutex_unlock(&b->lock);
		fresh = new_cell(b, level, at, &mine);
		if (!fresh)
			return ozr_fail(err, mine.code, "%s", mine.msg);
		pthread_mutex_lock(&b->lock);
		link = find(b, level, at);
		twice = level == 0 && test_done(b, at, 0);
		if (!*link && !twice) {
			*link = fresh;
			fresh = NULL;
		}
	}
	struct ozr_cell *c = *link;
	if (!c || c->reserved > c->elements - n)
		twice = 1;
	else
		c->reserved += n;
	pthread_mutex_unlock(&b->lock);
	if (fresh)
		ozr_cell_free(b, fresh);
	if (twice)
		return pushed_twice(err);
	*out = c;
	return OZR_OK;
}

/* A record in the log: a header, and room for the elements. */
static int open_record(struct ozr_build *b, struct ozr_cell *c, const uint64_t *start,
		       const uint64_t *count, struct ozr_room *room, struct ozr_err *err)
{
	const unsigned rank = b->g.rank;
	const size_t header = 2 * rank * sizeof(uint32_t);
	unsigned char *p;
	room->to = c->box;
	for (unsigned d = 0; d < rank; d++)
		room->to.count[d] = count[d];
	ozr_box_contiguous(&room->to, rank);
	const size_t bytes = (size_t)ozr_box_elements(&room->to, rank) * b->g.size;
	int rc = ozr_log_reserve(b, c, header + (bytes + 7) / 8 * 8, &p, &room->block, err);
	if (rc)
		return rc;
	for (unsigned d = 0; d < rank; d++) {
		const uint32_t box[2] = {(uint32_t)(start[d] - c->box.start[d]),
					 (uint32_t)count[d]};
		memcpy(p + d * sizeof box, box, sizeof box);
		room->to.start[d] = start[d];
	}
	room->to.data = p + header;
	return OZR_OK;
}

int ozr_pending_reserve(struct ozr_build *b, unsigned level, const uint64_t *at,
			const uint64_t *start, const uint64_t *count, struct ozr_room *room,
			struct ozr_err *err)
{
	uint64_t n = 1;
	for (unsigned d = 0; d < b->g.rank; d++)
		n *= count[d];
	int rc = open_cell(b, level, at, n, &room->cell, err);
	if (rc)
		return rc;
	room->block = NULL;
	if (!room->cell->box.data)
		return open_record(b, room->cell, start, count, room, err);
	room->to = ozr_box_part(&room->cell->box, b->g.rank, start, count);
	return OZR_OK;
}

int ozr_pending_arrived(struct ozr_build *b, const struct ozr_room *room,
			struct ozr_cell **complete, struct ozr_err *err)
{
	struct ozr_cell *c = room->cell;
	const uint64_t n = ozr_box_elements(&room->to, b->g.rank);
	*complete = NULL;
	pthread_mutex_lock(&b->lock);
	if (room->block)
		ozr_log_filled(room->block);
	c->arrived += n;
	if (c->arrived == c->elements) {
		struct ozr_cell **link = find(b, c->level, c->at);
		*link = c->next;
		c->next = NULL;
		if (c->level == 0)
			test_done(b, c->at, 1);
		ozr_log_seal(b, c);
		*complete = c;
	}
	pthread_mutex_unlock(&b->lock);
	int rc = room->block ? ozr_log_balance(b, err) : OZR_OK;
	if (rc && *complete) {
		ozr_cell_free(b, *complete);
		*complete = NULL;
	}
	return rc;
}

struct ozr_cell *ozr_pending_take(struct ozr_build *b, unsigned level)
{
	struct ozr_cell *taken = NULL;
	pthread_mutex_lock(&b->lock);
	for (size_t i = 0; i < CHAINS; i++)
		for (struct ozr_cell **link = &b->table[i]; *link;) {
			struct ozr_cell *c = *link;
			if (c->level != level) {
				link = &c->next;
				continue;
			}
			*link = c->next;
			if (level == 0)
				test_done(b, c->at, 1);
			ozr_log_seal(b, c);
			c->next = taken;
			taken = c;
		}
	pthread_mutex_unlock(&b->lock);
	return taken;
}

/* Copy the records of a block of a log into the cell's memory. */
static int copy_records(struct ozr_build *b, const struct ozr_cell *c, unsigned char *bytes,
			size_t n, struct ozr_err *err)
{
	const unsigned rank = b->g.rank;
	const size_t header = 2 * rank * sizeof(uint32_t);
	int rc = OZR_OK;
	for (size_t at = 0; at < n && !rc;) {
		struct ozr_box from = c->box;
		for (unsigned d = 0; d < rank; d++) {
			uint32_t box[2];
			memcpy(box, bytes + at + d * sizeof box, sizeof box);
			from.start[d] = c->box.start[d] + box[0];
			from.count[d] = box[1];
		}
		ozr_box_contiguous(&from, rank);
		from.data = bytes + at + header;
		const struct ozr_box to = ozr_box_part(&c->box, rank, from.start, from.count);
		rc = ozr_box_copy(&b->g, &from, &to, err);
		at += header + ((size_t)ozr_box_elements(&from, rank) * b->g.size + 7) / 8 * 8;
	}
	return rc;
}

int ozr_cell_load(struct ozr_build *b, struct ozr_cell *c, struct ozr_err *err)
{
	struct ozr_err mine;
	const size_t bytes = (size_t)c->elements * b->g.size;
	if (c->box.data)
		return OZR_OK;
	c->box.data = ozr_alloc(b->ctx, bytes, &mine);
	if (!c->box.data)
		return ozr_fail(err, mine.code, "%s", mine.msg);
	if (c->arrived < c->elements)
		fill_memory(&b->g, c->box.data, bytes);
	int rc = ozr_log_replay(b, c, copy_records, err);
	ozr_log_free(b, c);
	return rc;
}

void ozr_cell_free(struct ozr_build *b, struct ozr_cell *c)
{
	ozr_log_free(b, c);
	ozr_free(b->ctx, c->box.data);
	pthread_mutex_lock(&b->lock);
	hold(b, c, 0 - c->charged);
	pthread_mutex_unlock(&b->lock);
	ozr_free(b->ctx, c);
}
