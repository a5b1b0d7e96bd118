/* SPDX-License-Identifier: MIT */
/*
 * Geometry: from a chain (with transposes and shards at any level) to strides
 * in the array's own axes, and the arithmetic on chunk coordinates. Products
 * cannot overflow after ozr_grid_init(), which checked that the bytes of a
 * whole shard fit 64 bits.
 */
#include "array/grid.h"

#include <string.h>

/* Extents of a spec, whose axis i is the array's axis[i], in the array's axes. */
static void unpermute(const uint64_t *from, const unsigned *axis, unsigned rank, uint64_t *to)
{
	for (unsigned i = 0; i < rank; i++)
		to[axis[i]] = from[i];
}

/* Descend into one sharding level: axis[] becomes the inside's. */
static void init_level(struct ozr_grid *g, const struct ozr_chain *chain, unsigned *axis)
{
	struct ozr_grid_level *l = &g->level[g->depth++];
	const unsigned *order = ozr_chain_order(chain);
	unsigned inside[OZR_MAX_RANK];
	uint64_t stride = 1;

	l->chain = chain;
	l->layout = ozr_chain_shard(chain);
	for (unsigned i = 0; i < g->rank; i++)
		inside[i] = axis[order[i]];
	memcpy(axis, inside, sizeof(inside[0]) * g->rank);
	unpermute(ozr_chain_spec(l->layout->inner)->shape, axis, g->rank, l->chunk);
	for (unsigned i = g->rank; i-- > 0;) {
		l->entry_stride[axis[i]] = stride;
		stride *= l->layout->grid[i];
	}
}

static void init_leaf(struct ozr_grid *g, const unsigned *axis)
{
	const unsigned *order = ozr_chain_order(g->leaf);
	uint64_t stride = 1;

	unpermute(ozr_chain_spec(g->leaf)->shape, axis, g->rank, g->chunk);
	for (unsigned k = g->rank; k-- > 0;) {
		g->mem_axis[k] = axis[order[k]];
		g->mem_stride[g->mem_axis[k]] = stride;
		stride *= g->chunk[g->mem_axis[k]];
	}
	g->elements = stride;
	g->inner_total = 1;
	for (unsigned d = 0; d < g->rank; d++) {
		g->inner[d] = g->shard[d] / g->chunk[d];
		g->inner_total *= g->inner[d];
	}
}

int ozr_grid_init(struct ozr_grid *g, struct ozr_ctx *ctx, const uint64_t *shape,
		  const struct ozr_chain *chain, struct ozr_err *err)
{
	const struct ozr_chunk_spec *spec = ozr_chain_spec(chain);
	struct ozr_chunk_spec leaf;
	unsigned axis[OZR_MAX_RANK];

	memset(g, 0, sizeof(*g));
	g->dtype = spec->dtype;
	g->item = ozr_dtype_size(spec->dtype);
	g->rank = spec->rank;
	memcpy(g->fill, spec->fill, sizeof(g->fill));
	for (unsigned d = 0; d < g->rank; d++) {
		axis[d] = d;
		g->shape[d] = shape[d];
		g->shard[d] = spec->shape[d];
	}
	while (ozr_chain_shard(chain)) {
		if (g->depth == OZR_MAX_NESTING)
			return ozr_fail(err, OZR_LIMIT, "shards are nested more than %d deep",
					OZR_MAX_NESTING);
		init_level(g, chain, axis);
		chain = g->level[g->depth - 1].layout->inner;
	}
	g->leaf = chain;
	leaf = *ozr_chain_spec(chain);
	int rc = ozr_chunk_spec_check(ctx, &leaf, 1, err);
	if (rc)
		return rc;
	init_leaf(g, axis);
	return OZR_OK;
}

void ozr_grid_chunk_at(const struct ozr_grid *g, const uint64_t *shard, uint64_t inner,
		       uint64_t *chunk)
{
	for (unsigned d = g->rank; d-- > 0;) {
		chunk[d] = shard[d] * g->inner[d] + inner % g->inner[d];
		inner /= g->inner[d];
	}
}

uint64_t ozr_grid_inner(const struct ozr_grid *g, const uint64_t *chunk)
{
	uint64_t inner = 0;

	for (unsigned d = 0; d < g->rank; d++)
		inner = inner * g->inner[d] + chunk[d] % g->inner[d];
	return inner;
}

uint64_t ozr_grid_entry(const struct ozr_grid *g, unsigned l, const uint64_t *chunk)
{
	const struct ozr_grid_level *level = &g->level[l];
	uint64_t entry = 0;

	for (unsigned d = 0; d < g->rank; d++) {
		/* the outside of this level, in elements */
		uint64_t around = l == 0 ? g->shard[d] : g->level[l - 1].chunk[d];
		uint64_t at = chunk[d] * g->chunk[d] % around;
		entry += at / level->chunk[d] * level->entry_stride[d];
	}
	return entry;
}

uint64_t ozr_grid_valid(const struct ozr_grid *g, const uint64_t *chunk, uint64_t *extent)
{
	uint64_t n = 1;

	for (unsigned d = 0; d < g->rank; d++) {
		uint64_t start = chunk[d] * g->chunk[d];
		extent[d] = start < g->shape[d] ? ozr_min_u64(g->chunk[d], g->shape[d] - start) : 0;
		n *= extent[d];
	}
	return n;
}

uint64_t ozr_grid_shard_chunks(const struct ozr_grid *g, const uint64_t *shard)
{
	uint64_t n = 1;

	for (unsigned d = 0; d < g->rank; d++) {
		uint64_t all = ozr_ceil_div(g->shape[d], g->chunk[d]);
		uint64_t first = shard[d] * g->inner[d];
		n *= first < all ? ozr_min_u64(g->inner[d], all - first) : 0;
	}
	return n;
}

/* The box of all elements whose first `fixed` memory coordinates are at[], the next one in
 * [from, to), and all others anything. */
static void emit(const struct ozr_grid *g, const uint64_t *at, unsigned fixed, uint64_t from,
		 uint64_t to, void (*fn)(void *arg, const struct ozr_run_box *box), void *arg)
{
	struct ozr_run_box box;

	if (from >= to)
		return;
	for (unsigned k = 0; k < g->rank; k++) {
		unsigned d = g->mem_axis[k];
		box.lo[d] = k < fixed ? at[k] : k == fixed ? from : 0;
		box.hi[d] = k < fixed ? at[k] + 1 : k == fixed ? to : g->chunk[d];
	}
	fn(arg, &box);
}

static void split(const struct ozr_grid *g, uint64_t linear, uint64_t *at)
{
	for (unsigned k = 0; k < g->rank; k++) {
		at[k] = linear / g->mem_stride[g->mem_axis[k]];
		linear %= g->mem_stride[g->mem_axis[k]];
	}
}

void ozr_grid_run(const struct ozr_grid *g, uint64_t lo, uint64_t hi,
		  void (*fn)(void *arg, const struct ozr_run_box *box), void *arg)
{
	uint64_t a[OZR_MAX_RANK], b[OZR_MAX_RANK]; /* first and last element, inclusive */
	unsigned k = 0;

	if (lo >= hi)
		return;
	if (g->rank == 0) {
		fn(arg, &(struct ozr_run_box){0});
		return;
	}
	split(g, lo, a);
	split(g, hi - 1, b);
	while (k + 1 < g->rank && a[k] == b[k])
		k++;
	/* A side on which everything below axis k is covered belongs to the middle. */
	unsigned last = g->rank - 1, a_from = last, b_from = last;
	while (a_from > k && a[a_from] == 0)
		a_from--;
	while (b_from > k && b[b_from] == g->chunk[g->mem_axis[b_from]] - 1)
		b_from--;
	/* up from the first element, the middle, down to the last element */
	for (unsigned j = a_from; j > k; j--)
		emit(g, a, j, j == a_from ? a[j] : a[j] + 1, g->chunk[g->mem_axis[j]], fn, arg);
	emit(g, a, k, a_from == k ? a[k] : a[k] + 1, b_from == k ? b[k] + 1 : b[k], fn, arg);
	for (unsigned j = k + 1; j <= b_from; j++)
		emit(g, b, j, 0, j == b_from ? b[j] + 1 : b[j], fn, arg);
}
