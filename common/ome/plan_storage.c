/* SPDX-License-Identifier: MIT */
/*
 * Chunk and shard shapes. Chunks are what a viewer decodes at once: cubes of
 * 128 in volumes, squares of 512 in planes (1024 in 0.4, where each is a file).
 * Shards are files: about 32 MiB of pixels. Shapes that the caller gives are
 * taken as they are, on all levels; ours are cut to what a level needs.
 */
#include <string.h>

#include "base/ckd.h"
#include "ome/plan.h"

enum {
	VOLUME_SIDE = 128,
	PLANE_SIDE = 512,
	PLANE_SIDE_V2 = 1024,
	VOLUME_ELEMENTS = VOLUME_SIDE * VOLUME_SIDE * VOLUME_SIDE
};
static const uint64_t shard_enough = 32u << 20, shard_most = 64u << 20; /* bytes */

/* The axes in which chunks and shards extend, fastest to grow first: y, x, then z. */
static unsigned growth_order(const struct ozr_image_options *opt, unsigned order[OZR_MAX_RANK])
{
	unsigned n = 0;

	for (unsigned d = opt->rank; d-- > 0;)
		if (opt->axes[d].kind == OZR_AXIS_SPACE)
			order[n++] = d;
	if (n >= 2) {
		unsigned x = order[0];
		order[0] = order[1];
		order[1] = x;
	}
	return n;
}

/* A volume of few planes gets wider chunks, up to those of a plane, instead of small ones. */
static void widen(const struct ozr_image_options *opt, const unsigned *order, unsigned n,
		  uint64_t chunk[OZR_MAX_RANK])
{
	uint64_t elements = 1;

	for (unsigned i = 0; i < n; i++)
		elements *= ozr_min_u64(chunk[order[i]], VOLUME_ELEMENTS); /* three axes at most */
	for (unsigned i = 0; i < 2; i++)
		if (opt->chunk[order[i]] != 0)
			return;
	while (elements <= VOLUME_ELEMENTS / 4 && chunk[order[0]] < PLANE_SIDE) {
		chunk[order[0]] *= 2;
		chunk[order[1]] *= 2;
		elements *= 4;
	}
}

/* Of level 0, before it is cut to the extents of each level. */
static void base_chunk(const struct ozr_image_options *opt, uint64_t chunk[OZR_MAX_RANK])
{
	int volume = ozr_plan_is_volume(opt);
	uint64_t plane = opt->ome_version == 4 ? PLANE_SIDE_V2 : PLANE_SIDE;
	unsigned order[OZR_MAX_RANK] = {0}, n = growth_order(opt, order);

	for (unsigned d = 0; d < opt->rank; d++)
		chunk[d] = opt->chunk[d] != 0 ? opt->chunk[d] : 1;
	for (unsigned i = 0; i < n; i++) {
		unsigned d = order[i];
		if (opt->chunk[d] != 0)
			continue;
		chunk[d] = volume ? VOLUME_SIDE : i < 2 ? plane : 1;
		if (i >= 2 && opt->shard[d] == 0)
			chunk[d] = ozr_min_u64(chunk[d], opt->shape[d]);
	}
	if (volume)
		widen(opt, order, n, chunk);
}

/* Default shards of level 0: how many chunks per axis. */
static void grow_shard(const struct ozr_image_options *opt, const struct ozr_level_plan *l,
		       uint64_t bytes, uint64_t count[OZR_MAX_RANK])
{
	unsigned order[OZR_MAX_RANK] = {0}, n = growth_order(opt, order);
	int grown = 1;

	while (grown) {
		grown = 0;
		for (unsigned i = 0; i < n && bytes < shard_enough; i++) {
			unsigned d = order[i];
			uint64_t most = ozr_ceil_div(l->shape[d], l->chunk[d]);
			uint64_t next = ozr_min_u64(count[d] * 2, most);
			if (next == count[d] || bytes / count[d] * next > shard_most)
				continue;
			bytes = bytes / count[d] * next;
			count[d] = next;
			grown = 1;
		}
	}
}

/* count: chunks of a shard per axis; all 1: no shards. */
static int base_shard(const struct ozr_image_options *opt, const struct ozr_level_plan *l,
		      uint64_t count[OZR_MAX_RANK], struct ozr_err *err)
{
	uint64_t bytes;
	int given = 0;

	for (unsigned d = 0; d < opt->rank; d++) {
		count[d] = 1;
		given |= opt->shard[d] != 0;
	}
	if (ozr_ckd_product(l->chunk, opt->rank, ozr_dtype_size(opt->dtype), &bytes))
		return ozr_fail(err, OZR_BAD_ARG, "a chunk of this shape does not fit into memory");
	for (unsigned d = 0; d < opt->rank && given; d++) {
		if (opt->shard[d] == 0)
			continue;
		if (opt->shard[d] % l->chunk[d] != 0)
			return ozr_fail(
				err, OZR_BAD_ARG,
				"axis '%s': the shard must be a multiple of the chunk %llu, "
				"found %llu",
				opt->axes[d].name, (unsigned long long)l->chunk[d],
				(unsigned long long)opt->shard[d]);
		count[d] = opt->shard[d] / l->chunk[d];
	}
	if (opt->ome_version == 4) {
		for (unsigned d = 0; d < opt->rank; d++)
			if (count[d] != 1)
				return ozr_fail(
					err, OZR_BAD_ARG,
					"axis '%s': 0.4 has no shards, found a shard of %llu",
					opt->axes[d].name, (unsigned long long)opt->shard[d]);
		return OZR_OK;
	}
	if (opt->no_shards)
		for (unsigned d = 0; d < opt->rank; d++)
			count[d] = 1;
	else if (!given)
		grow_shard(opt, l, bytes, count);
	return OZR_OK;
}

/* Cut the chunk that we chose to the level's extent, but keep it a divisor of a given shard. */
static void cut_chunk(const struct ozr_image_options *opt, const uint64_t *base,
		      struct ozr_level_plan *l)
{
	for (unsigned d = 0; d < opt->rank; d++)
		l->chunk[d] = opt->chunk[d] != 0 || opt->shard[d] != 0
				      ? base[d]
				      : ozr_min_u64(base[d], l->shape[d]);
}

int ozr_plan_storage(const struct ozr_image_options *opt, struct ozr_level_plan *plan,
		     unsigned levels, struct ozr_err *err)
{
	uint64_t base[OZR_MAX_RANK] = {0}, count[OZR_MAX_RANK];

	base_chunk(opt, base);
	cut_chunk(opt, base, &plan[0]);
	int rc = base_shard(opt, &plan[0], count, err);
	if (rc != OZR_OK)
		return rc;
	for (unsigned i = 0; i < levels; i++) {
		struct ozr_level_plan *l = &plan[i];
		cut_chunk(opt, base, l);
		for (unsigned d = 0; d < opt->rank; d++) {
			uint64_t most = ozr_ceil_div(l->shape[d], l->chunk[d]);
			l->shard[d] = l->chunk[d] *
				      (opt->shard[d] != 0 ? count[d] : ozr_min_u64(count[d], most));
		}
	}
	return OZR_OK;
}

uint64_t ozr_plan_files(const struct ozr_level_plan *plan, unsigned levels, unsigned rank)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < levels; i++) {
		uint64_t n = 1;
		for (unsigned d = 0; d < rank; d++)
			if (ozr_ckd_mul(n, ozr_ceil_div(plan[i].shape[d], plan[i].shard[d]), &n))
				return UINT64_MAX;
		if (ozr_ckd_add(all, n, &all))
			return UINT64_MAX;
	}
	return all;
}
