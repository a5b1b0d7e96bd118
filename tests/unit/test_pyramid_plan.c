/* SPDX-License-Identifier: MIT */
/*
 * The plan of a pull: every element of level 0 in one box, no box above the
 * limit, source blocks read once where they fit, whole cells where they can.
 */
#include "../support/check.h"
#include "ome/pyramid_impl.h"

static uint64_t seed = 5;

static uint64_t below(uint64_t n)
{
	return next_random(&seed) % n;
}

struct set_up {
	struct ozr_geometry g;
	struct ozr_build_level level[2];
	uint64_t block[OZR_MAX_RANK];
};

static void set(struct set_up *u, unsigned rank, unsigned size, const uint64_t *shape,
		const uint64_t *cell, const uint64_t *block)
{
	memset(u, 0, sizeof *u);
	u->g.rank = rank;
	u->g.size = size;
	u->g.levels = 2;
	u->g.level = u->level;
	for (unsigned d = 0; d < rank; d++) {
		u->level[0].shape[d] = shape[d];
		u->level[0].cell[d] = cell[d] < shape[d] ? cell[d] : shape[d];
		u->level[0].chunk[d] = u->level[0].shard[d] = u->level[0].cell[d];
		u->level[0].factor[d] = shape[d] > 1 ? 2 : 1;
		u->level[1].factor[d] = 1;
		u->block[d] = block[d];
	}
}

static uint64_t box_bytes(const struct set_up *u, const struct ozr_read_walk *w)
{
	uint64_t bytes = u->g.size;
	for (unsigned d = 0; d < u->g.rank; d++)
		bytes *= w->count[d];
	return bytes;
}

/* Small random images, element by element. */
static void check_all(const struct set_up *u, uint64_t whole, uint64_t thin)
{
	const unsigned rank = u->g.rank;
	struct ozr_read_plan plan;
	struct ozr_read_walk walk = {0};
	uint64_t n = 1;
	ozr_read_plan_make(&u->g, u->block, whole, thin, 2, &plan);
	for (unsigned d = 0; d < rank; d++)
		n *= u->level[0].shape[d];
	unsigned char *seen = calloc(n, 1);
	CHECK(seen);
	while (ozr_read_plan_next(&plan, &walk)) {
		uint64_t at[OZR_MAX_RANK] = {0}, last[OZR_MAX_RANK];
		const uint64_t none[OZR_MAX_RANK] = {0};
		CHECK(box_bytes(u, &walk) <= plan.box_bytes);
		CHECK(plan.box_bytes <= (plan.whole ? whole : thin < u->g.size ? u->g.size : thin));
		for (unsigned d = 0; d < rank; d++) {
			const uint64_t end = walk.start[d] + walk.count[d];
			CHECK(walk.count[d] > 0 && end <= u->level[0].shape[d]);
			last[d] = walk.count[d] - 1;
			if (!plan.whole)
				continue;
			CHECK(walk.start[d] % u->level[0].cell[d] == 0);
			CHECK(end % u->level[0].cell[d] == 0 || end == u->level[0].shape[d]);
		}
		do {
			uint64_t i = 0;
			for (unsigned d = 0; d < rank; d++)
				i = i * u->level[0].shape[d] + walk.start[d] + at[d];
			CHECK(seen[i]++ == 0);
		} while (ozr_odometer(at, none, last, rank));
	}
	for (uint64_t i = 0; i < n; i++)
		CHECK(seen[i]);
	free(seen);
}

static void test_random(void)
{
	for (int round = 0; round < 600; round++) {
		struct set_up u;
		uint64_t shape[4], cell[4], block[4];
		const unsigned rank = 1 + (unsigned)below(4), size = 1u << below(4);
		for (unsigned d = 0; d < rank; d++) {
			shape[d] = 1 + below(rank > 2 ? 24 : 90);
			cell[d] = 1 + below(16);
			block[d] = below(3) ? below(40) : shape[d];
		}
		set(&u, rank, size, shape, cell, block);
		check_all(&u, 1 + below(20000), 1 + below(4000));
		if (below(2)) /* nothing is reduced: row by row */
			for (unsigned d = 0; d < rank; d++)
				u.level[0].factor[d] = 1;
		check_all(&u, UINT64_MAX, 1);
		check_all(&u, 0, 1 + below(4000));
	}
}

/* How many boxes touch each source block: 1 when blocks are read once. */
static unsigned most_touched(const struct set_up *u, const struct ozr_read_plan *plan)
{
	const unsigned rank = u->g.rank;
	uint64_t grid[OZR_MAX_RANK], n = 1;
	struct ozr_read_walk walk = {0};
	unsigned most = 0;
	for (unsigned d = 0; d < rank; d++) {
		grid[d] = ozr_ceil_div(u->level[0].shape[d], u->block[d]);
		n *= grid[d];
	}
	unsigned char *seen = calloc(n, 1);
	CHECK(seen);
	while (ozr_read_plan_next(plan, &walk)) {
		uint64_t first[OZR_MAX_RANK], at[OZR_MAX_RANK], last[OZR_MAX_RANK];
		for (unsigned d = 0; d < rank; d++) {
			first[d] = at[d] = walk.start[d] / u->block[d];
			last[d] = (walk.start[d] + walk.count[d] - 1) / u->block[d];
		}
		do {
			uint64_t i = 0;
			for (unsigned d = 0; d < rank; d++)
				i = i * grid[d] + at[d];
			if (++seen[i] > most)
				most = seen[i];
		} while (ozr_odometer(at, first, last, rank));
	}
	free(seen);
	return most;
}

static void test_large(void)
{
	static const struct {
		const char *what;
		unsigned rank;
		uint64_t shape[3], cell[3], block[3];
		int whole;
	} cases[] = {
		{"strips", 2, {65536, 131072}, {512, 512}, {64, 131072}, 0},
		{"narrow strips", 2, {65536, 32768}, {512, 512}, {1, 32768}, 1},
		{"strips of bands", 3, {2048, 2048, 2048}, {128, 128, 128}, {1, 16, 2048}, 0},
		{"pages", 3, {2048, 2048, 2048}, {128, 128, 128}, {1, 2048, 2048}, 0},
		{"tiles", 2, {65536, 65536}, {512, 512}, {256, 256}, 1},
		{"tiles of bands", 3, {512, 4096, 4096}, {128, 128, 128}, {1, 256, 256}, 1},
		{"odd tiles", 2, {20000, 20000}, {512, 512}, {240, 240}, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct set_up u;
		struct ozr_read_plan plan;
		set(&u, cases[i].rank, 2, cases[i].shape, cases[i].cell, cases[i].block);
		ozr_read_plan_make(&u.g, u.block, 48 << 20, 24 << 20, 2, &plan);
		fprintf(stderr, "%s: boxes of %llu x %llu x %llu, %llu MiB, %s, %llu MiB wait\n",
			cases[i].what, (unsigned long long)plan.box[0],
			(unsigned long long)plan.box[1], (unsigned long long)plan.box[2],
			(unsigned long long)(plan.box_bytes >> 20), plan.whole ? "whole" : "thin",
			(unsigned long long)(plan.front_bytes >> 20));
		CHECK(plan.whole == cases[i].whole);
		CHECK(most_touched(&u, &plan) == 1);
		CHECK(plan.box_bytes >= 4 << 20);
	}
}

int main(void)
{
	test_random();
	test_large();
	return 0;
}
