/* SPDX-License-Identifier: MIT */
/*
 * One handle, many threads: writers of disjoint boxes that share chunks and
 * shards, readers of what is complete, and small budgets, so that chunks are
 * spilled and shards streamed meanwhile. Meant for the thread sanitizer, too.
 */
#include <pthread.h>

#include "support/model.h"

enum { THREADS = 4, SIDE = 80, DEPTH = 24 };

struct job {
	struct model *m;
	unsigned number;
	size_t budget;
	int failed;
};

static int32_t value_at(uint64_t z, uint64_t y, uint64_t x)
{
	return (int32_t)(z * 10000 + y * 100 + x + 1);
}

/* Thread n writes the planes z with z % THREADS == n, in strips; every chunk is shared. */
static void *write_planes(void *arg)
{
	struct job *j = arg;
	struct ozr_call call = {.budget = j->budget, .threads = 2};
	struct ozr_err err;
	int32_t strip[10 * SIDE];
	for (uint64_t z = j->number; z < DEPTH; z += THREADS) {
		for (uint64_t y = 0; y < SIDE; y += 10) {
			struct ozr_box b = {.start = {z, y, 0},
					    .count = {1, 10, SIDE},
					    .data = strip,
					    .dtype = OZR_INT32};
			ozr_box_contiguous(&b, 3);
			for (uint64_t i = 0; i < 10 * SIDE; i++)
				strip[i] = value_at(z, y + i / SIDE, i % SIDE);
			if (ozr_array_write(j->m->array, 1, &b, &call, &err)) {
				fprintf(stderr, "%s\n", err.msg);
				j->failed = 1;
			}
		}
	}
	return NULL;
}

/* Whatever is read is what was written, or fill. */
static void *read_boxes(void *arg)
{
	struct job *j = arg;
	struct ozr_err err;
	uint64_t random = j->number;
	int32_t *got = malloc(sizeof(*got) * DEPTH * SIDE * SIDE);
	for (int round = 0; round < 30; round++) {
		struct ozr_box b = {.dtype = OZR_INT32, .data = got};
		for (unsigned d = 0; d < 3; d++) {
			uint64_t n = d ? SIDE : DEPTH;
			b.start[d] = next_random(&random) % n;
			b.count[d] = next_random(&random) % (n - b.start[d]) + 1;
		}
		ozr_box_contiguous(&b, 3);
		if (ozr_array_read(j->m->array, 1, &b, NULL, &err)) {
			fprintf(stderr, "%s\n", err.msg);
			j->failed = 1;
			break;
		}
		size_t i = 0;
		for (uint64_t z = 0; z < b.count[0]; z++)
			for (uint64_t y = 0; y < b.count[1]; y++)
				for (uint64_t x = 0; x < b.count[2]; x++, i++)
					j->failed |=
						got[i] != 0 &&
						got[i] != value_at(b.start[0] + z, b.start[1] + y,
								   b.start[2] + x);
	}
	free(got);
	return NULL;
}

static void run(struct ozr_store *store, const char *path, int sharded, size_t budget, int readers)
{
	struct ozr_array_options opt = {
		.dtype = OZR_INT32, .rank = 3, .shape = {DEPTH, SIDE, SIDE}, .chunk = {8, 16, 16}};
	struct model m = {.ctx = store->ctx};
	struct job job[2 * THREADS];
	pthread_t thread[2 * THREADS];
	struct ozr_err err;
	unsigned n = readers ? 2 * THREADS : THREADS;
	for (unsigned d = 0; sharded && d < 3; d++)
		opt.shard[d] = opt.chunk[d] * 3;
	model_init(&m, &opt);
	CHECK_OK(ozr_array_create(store, path, &opt, &m.array, &err));
	for (unsigned i = 0; i < n; i++) {
		job[i] = (struct job){&m, i % THREADS, budget, 0};
		CHECK(pthread_create(&thread[i], NULL, i < THREADS ? write_planes : read_boxes,
				     &job[i]) == 0);
	}
	for (unsigned i = 0; i < n; i++) {
		CHECK(pthread_join(thread[i], NULL) == 0);
		CHECK(!job[i].failed);
	}
	CHECK_OK(ozr_array_flush(m.array, NULL, &err));
	for (uint64_t z = 0; z < DEPTH; z++) {
		for (uint64_t y = 0; y < SIDE; y++) {
			for (uint64_t x = 0; x < SIDE; x++) {
				int32_t v = value_at(z, y, x);
				memcpy(m.bytes + ((z * SIDE + y) * SIDE + x) * 4, &v, 4);
			}
		}
	}
	model_check_all(&m);
	model_close(&m);
}

int main(void)
{
	static const size_t budgets[] = {0, 1, 60000};
	struct ozr_ctx_options co = {.threads = 3, .cache_bytes = 1 << 20};
	char dir[PATH_MAX], path[16];
	struct ozr_ctx *ctx;
	struct ozr_store *store[2];
	struct ozr_err err;
	temp_dir(dir);
	CHECK_OK(ozr_ctx_new(&co, &ctx, &err));
	CHECK_OK(ozr_store_open_mem(ctx, &store[0], &err));
	CHECK_OK(ozr_store_open_dir(ctx, dir, OZR_UPDATE, OZR_FLUSH_NONE, &store[1], &err));
	for (int i = 0; i < 24; i++) {
		snprintf(path, sizeof(path), "a%d", i);
		run(store[i % 2], path, i / 2 % 2, budgets[i / 4 % 3], i / 12 % 2);
	}
	ozr_store_unref(store[0]);
	ozr_store_unref(store[1]);
	ozr_ctx_unref(ctx);
	remove_tree(dir);
	return 0;
}
