/* SPDX-License-Identifier: MIT */
/*
 * Coverage bitmaps: marking boxes run by run, and copying what is marked.
 */
#include "array/coverage.h"

#include <string.h>

uint64_t ozr_coverage_bytes(uint64_t elements)
{
	return elements / 8 + 1;
}

static unsigned set_bits(unsigned char *byte, unsigned mask)
{
	unsigned fresh = mask & ~(unsigned)*byte;

	*byte |= (unsigned char)mask;
	return (unsigned)__builtin_popcount(fresh);
}

/* Mark [from, to). */
static uint64_t mark_run(unsigned char *bits, uint64_t from, uint64_t to)
{
	uint64_t fresh = 0, first = from / 8, last = (to - 1) / 8;
	unsigned head = 0xffu << from % 8 & 0xffu, tail = 0xffu >> (7 - (to - 1) % 8);

	if (first == last)
		return set_bits(&bits[first], head & tail);
	fresh += set_bits(&bits[first], head);
	for (uint64_t i = first + 1; i < last; i++)
		fresh += set_bits(&bits[i], 0xff);
	return fresh + set_bits(&bits[last], tail);
}

uint64_t ozr_coverage_mark(const struct ozr_grid *g, unsigned char *bits,
			   const struct ozr_run_box *box)
{
	uint64_t at[OZR_MAX_RANK] = {0}, origin = 0, run = 1, fresh = 0;
	unsigned outer = g->rank; /* axes of memory that are walked; the rest is one run */

	for (unsigned d = 0; d < g->rank; d++) {
		if (box->lo[d] >= box->hi[d])
			return 0;
		origin += box->lo[d] * g->mem_stride[d];
	}
	while (outer > 0) {
		unsigned d = g->mem_axis[outer - 1];
		run *= box->hi[d] - box->lo[d];
		outer--;
		if (box->hi[d] - box->lo[d] != g->chunk[d])
			break;
	}
	for (;;) {
		fresh += mark_run(bits, origin, origin + run);
		unsigned k = outer;
		for (;;) {
			if (k == 0)
				return fresh;
			unsigned d = g->mem_axis[--k];
			origin += g->mem_stride[d];
			if (++at[k] < box->hi[d] - box->lo[d])
				break;
			origin -= at[k] * g->mem_stride[d];
			at[k] = 0;
		}
	}
}

static int marked(const unsigned char *bits, uint64_t i)
{
	return bits[i / 8] >> i % 8 & 1;
}

/* The first element from i on whose mark is `value`, or the end. */
static uint64_t next_mark(const unsigned char *bits, uint64_t i, uint64_t end, int value)
{
	unsigned char other = value ? 0 : 0xff;

	while (i < end && marked(bits, i) != value) {
		if (i % 8 == 0 && bits[i / 8] == other)
			i += 8;
		else
			i++;
	}
	return i < end ? i : end;
}

void ozr_coverage_overlay(const unsigned char *bits, uint64_t elements, unsigned item,
			  const void *src, void *dst)
{
	uint64_t from = next_mark(bits, 0, elements, 1);

	while (from < elements) {
		uint64_t to = next_mark(bits, from, elements, 0);
		memcpy((char *)dst + from * item, (const char *)src + from * item,
		       (size_t)(to - from) * item);
		from = next_mark(bits, to, elements, 1);
	}
}

/* Boxes that grow by whole runs along the next axis of memory while these are alike. */
struct growing {
	struct ozr_run_box box;
	unsigned axis; /* along which it grows; rank: it does not */
	int any;
	void (*fn)(void *arg, const struct ozr_run_box *box);
	void *arg;
};

static void emit(struct growing *b)
{
	if (b->any)
		b->fn(b->arg, &b->box);
	b->any = 0;
}

static void grow(const struct ozr_grid *g, struct growing *b, const struct ozr_run_box *run)
{
	int joins = b->any && b->axis < g->rank;

	for (unsigned d = 0; d < g->rank && joins; d++) {
		if (d == b->axis)
			joins = b->box.hi[d] == run->lo[d];
		else
			joins = b->box.lo[d] == run->lo[d] && b->box.hi[d] == run->hi[d];
	}
	if (joins) {
		b->box.hi[b->axis] = run->hi[b->axis];
		return;
	}
	emit(b);
	b->box = *run;
	b->any = 1;
}

/* The marked runs of one row: all coordinates but the fastest one are run's. */
static void each_in_row(const struct ozr_grid *g, const unsigned char *bits, struct growing *b,
			const struct ozr_run_box *part, struct ozr_run_box *run)
{
	unsigned fast = g->mem_axis[g->rank - 1];
	uint64_t origin = 0;

	for (unsigned d = 0; d < g->rank; d++)
		origin += d == fast ? 0 : run->lo[d] * g->mem_stride[d];
	uint64_t end = origin + part->hi[fast];
	uint64_t from = next_mark(bits, origin + part->lo[fast], end, 1);
	while (from < end) {
		uint64_t to = next_mark(bits, from, end, 0);
		run->lo[fast] = from - origin;
		run->hi[fast] = to - origin;
		grow(g, b, run);
		from = next_mark(bits, to, end, 1);
	}
}

/* The next row of part in memory; 0 at the end. */
static int next_row(const struct ozr_grid *g, const struct ozr_run_box *part,
		    struct ozr_run_box *run)
{
	for (unsigned k = g->rank - 1; k-- > 0;) {
		unsigned d = g->mem_axis[k];
		int more = ++run->lo[d] < part->hi[d];
		if (!more)
			run->lo[d] = part->lo[d];
		run->hi[d] = run->lo[d] + 1;
		if (more)
			return 1;
	}
	return 0;
}

void ozr_coverage_each(const struct ozr_grid *g, const unsigned char *bits,
		       const struct ozr_run_box *part,
		       void (*fn)(void *arg, const struct ozr_run_box *box), void *arg)
{
	struct growing b = {.axis = g->rank, .fn = fn, .arg = arg};
	struct ozr_run_box run = *part;

	if (g->rank == 0) {
		if (marked(bits, 0))
			fn(arg, part);
		return;
	}
	if (g->rank > 1)
		b.axis = g->mem_axis[g->rank - 2];
	for (unsigned d = 0; d < g->rank; d++) {
		if (part->lo[d] >= part->hi[d])
			return;
		run.hi[d] = run.lo[d] + 1;
	}
	do {
		each_in_row(g, bits, &b, part, &run);
	} while (next_row(g, part, &run));
	emit(&b);
}
