/* SPDX-License-Identifier: MIT */
/*
 * Watching where chunks come to lie: what a watch is told is what
 * ozr_array_locate() finds, for shards, unsharded chunks, chunks that stream
 * into their shard, chunks that came encoded and chunks copied from an older
 * shard; from several threads; and its failure fails the write.
 */
#include <pthread.h>

#include "support/model.h"

enum { THREADS = 4, SIDE = 100, CHUNK = 16, GRID = 7, STORED_MAX = GRID * GRID };

struct told {
	pthread_mutex_t lock;
	unsigned times[STORED_MAX]; /* by chunk */
	uint64_t offset[STORED_MAX], size[STORED_MAX];
	char key[STORED_MAX][64];
	unsigned calls, all, fail_at; /* fail_at: the call that fails, from 1 */
};

static int stored(void *user, const char *key, size_t n, const struct ozr_stored_chunk *chunks,
		  struct ozr_err *err)
{
	struct told *t = user;
	int fails;
	pthread_mutex_lock(&t->lock);
	fails = ++t->calls == t->fail_at;
	for (size_t i = 0; i < n; i++) {
		const uint64_t *c = chunks[i].chunk;
		CHECK(c[0] < GRID && c[1] < GRID && strlen(key) < sizeof(t->key[0]));
		size_t at = c[0] * GRID + c[1];
		t->times[at]++;
		t->all++;
		t->offset[at] = chunks[i].offset;
		t->size[at] = chunks[i].size;
		memcpy(t->key[at], key, strlen(key) + 1);
	}
	pthread_mutex_unlock(&t->lock);
	if (!fails)
		return OZR_OK;
	err->code = OZR_LIMIT;
	snprintf(err->msg, sizeof(err->msg), "the watch had enough");
	return OZR_LIMIT;
}

/* Chunk (1, 1) stays fill, chunk (2, 2) is written by nobody. */
static uint32_t value_at(uint64_t y, uint64_t x, uint32_t seed)
{
	return y / CHUNK == 1 && x / CHUNK == 1 ? 0
						: (uint32_t)(y * 7919 + x * seed + 1) * 2654435761u;
}

struct job {
	struct ozr_array *a;
	unsigned number;
	size_t budget;
	uint32_t seed;
	int code;
};

/* Every THREADS-th row, in pieces that end at chunks. */
static void *write_rows(void *arg)
{
	struct job *j = arg;
	struct ozr_call call = {.budget = j->budget, .threads = 2};
	struct ozr_err err;
	uint32_t row[SIDE];
	for (uint64_t y = j->number; y < SIDE; y += THREADS)
		for (uint64_t x = 0; x < SIDE; x += CHUNK) {
			struct ozr_box b = {.start = {y, x},
					    .count = {1, x + CHUNK > SIDE ? SIDE - x : CHUNK},
					    .data = row,
					    .dtype = OZR_UINT32};
			ozr_box_contiguous(&b, 2);
			if (y / CHUNK == 2 && x / CHUNK == 2)
				continue;
			for (uint64_t i = 0; i < b.count[1]; i++)
				row[i] = value_at(y, x + i, j->seed);
			j->code |= ozr_array_write(j->a, 1, &b, &call, &err);
		}
	return NULL;
}

static void write_all(struct ozr_array *a, size_t budget, uint32_t seed)
{
	struct job job[THREADS];
	pthread_t thread[THREADS];
	struct ozr_err err;
	for (unsigned i = 0; i < THREADS; i++) {
		job[i] = (struct job){a, i, budget, seed, 0};
		CHECK(pthread_create(&thread[i], NULL, write_rows, &job[i]) == 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		CHECK(pthread_join(thread[i], NULL) == 0);
		CHECK(job[i].code == OZR_OK);
	}
	CHECK_OK(ozr_array_flush(a, NULL, &err));
}

/* What was told is what is there; as many chunks as there are. */
static void compare(struct ozr_store *store, const char *path, const struct told *t, unsigned want)
{
	struct ozr_array *a;
	struct ozr_err err;
	unsigned found = 0;
	CHECK_OK(ozr_array_open(store, path, OZR_READ, &a, &err));
	for (uint64_t at = 0; at < STORED_MAX; at++) {
		uint64_t chunk[OZR_MAX_RANK] = {at / GRID, at % GRID}, offset, size;
		char key[1100];
		int rc = ozr_array_locate(a, chunk, key, &offset, &size, &err);
		if (rc == OZR_NOT_FOUND) {
			CHECK(t->times[at] == 0);
			continue;
		}
		CHECK_OK(rc);
		CHECK(t->times[at] > 0 && t->offset[at] == offset && t->size[at] == size &&
		      strcmp(t->key[at], key) == 0);
		found++;
	}
	CHECK(found == want);
	ozr_array_close(a);
}

static void run(struct ozr_store *store, const char *path, int sharded, size_t budget,
		const char *codec)
{
	struct ozr_array_options opt = {
		.dtype = OZR_UINT32, .rank = 2, .shape = {SIDE, SIDE}, .chunk = {CHUNK, CHUNK}};
	struct told *t = calloc(1, sizeof(*t));
	struct ozr_chunk_watch watch = {t, stored};
	struct ozr_array *a;
	struct ozr_err err;
	CHECK(t && pthread_mutex_init(&t->lock, NULL) == 0);
	snprintf(opt.codec.codec, sizeof(opt.codec.codec), "%s", codec);
	for (unsigned d = 0; sharded && d < 2; d++)
		opt.shard[d] = 3 * CHUNK; /* the last ones reach beyond the array */
	CHECK_OK(ozr_array_create(store, path, &opt, &a, &err));
	ozr_array_watch(a, &watch);
	write_all(a, budget, 31);
	CHECK(t->all == STORED_MAX - 2);
	compare(store, path, t, STORED_MAX - 2);
	ozr_array_close(a);

	/* One element of the middle: its shard's other chunks are copied, and told again. */
	memset(t->times, 0, sizeof(t->times));
	t->all = 0;
	uint32_t one = 12345;
	struct ozr_box b = {.start = {50, 50}, .count = {1, 1}, .data = &one, .dtype = OZR_UINT32};
	ozr_box_contiguous(&b, 2);
	CHECK_OK(ozr_array_open(store, path, OZR_UPDATE, &a, &err));
	ozr_array_watch(a, &watch);
	CHECK_OK(ozr_array_write(a, 1, &b, NULL, &err));
	CHECK_OK(ozr_array_flush(a, NULL, &err));
	CHECK(t->all == (sharded ? 9u : 1u));
	/* nobody, from now on */
	ozr_array_watch(a, NULL);
	CHECK_OK(ozr_array_write(a, 1, &b, NULL, &err));
	CHECK_OK(ozr_array_flush(a, NULL, &err));
	CHECK(t->all == (sharded ? 9u : 1u));
	ozr_array_close(a);
	for (unsigned i = 0; i < STORED_MAX; i++) /* what was not told has not moved */
		t->times[i] = t->size[i] > 0;
	compare(store, path, t, STORED_MAX - 2);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* Chunks that come encoded already are told like others. */
static void test_encoded(struct ozr_store *store)
{
	struct ozr_array_options opt = {.dtype = OZR_UINT8,
					.rank = 2,
					.shape = {SIDE, SIDE},
					.chunk = {CHUNK, CHUNK},
					.shard = {3 * CHUNK, 3 * CHUNK},
					.codec = {.codec = "none", .no_checksum = 1}};
	struct told *t = calloc(1, sizeof(*t));
	struct ozr_chunk_watch watch = {t, stored};
	unsigned char bytes[CHUNK * CHUNK];
	struct ozr_array *a;
	struct ozr_err err;
	CHECK(t && pthread_mutex_init(&t->lock, NULL) == 0);
	memset(bytes, 5, sizeof(bytes));
	CHECK_OK(ozr_array_create(store, "encoded", &opt, &a, &err));
	ozr_array_watch(a, &watch);
	for (uint64_t i = 0; i < GRID; i++)
		CHECK_OK(ozr_array_write_encoded(a, (uint64_t[]){i, GRID - 1 - i}, bytes,
						 sizeof(bytes), NULL, &err));
	CHECK_OK(ozr_array_flush(a, NULL, &err));
	ozr_array_close(a);
	CHECK(t->all == GRID);
	compare(store, "encoded", t, GRID);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static void test_failure(struct ozr_store *store)
{
	struct ozr_array_options opt = {
		.dtype = OZR_UINT8, .rank = 2, .shape = {SIDE, SIDE}, .chunk = {CHUNK, CHUNK}};
	struct told *t = calloc(1, sizeof(*t));
	struct ozr_chunk_watch watch = {t, stored};
	unsigned char *pixels = malloc(SIDE * SIDE);
	struct ozr_box b = {.count = {SIDE, SIDE}, .data = pixels, .dtype = OZR_UINT8};
	struct ozr_array *a;
	struct ozr_err err;
	CHECK(t && pixels && pthread_mutex_init(&t->lock, NULL) == 0);
	memset(pixels, 9, SIDE * SIDE);
	t->fail_at = 5;
	ozr_box_contiguous(&b, 2);
	CHECK_OK(ozr_array_create(store, "failing", &opt, &a, &err));
	ozr_array_watch(a, &watch);
	CHECK_CODE(OZR_LIMIT, ozr_array_write(a, 1, &b, NULL, &err));
	CHECK(strstr(err.msg, "the watch had enough"));
	ozr_array_close(a);
	pthread_mutex_destroy(&t->lock);
	free(pixels);
	free(t);
}

int main(void)
{
	static const size_t budgets[] = {0, 1};
	struct ozr_ctx_options co = {.threads = 3};
	struct ozr_ctx *ctx;
	struct ozr_store *store;
	struct ozr_err err;
	char path[16];
	CHECK_OK(ozr_ctx_new(&co, &ctx, &err));
	CHECK_OK(ozr_store_open_mem(ctx, &store, &err));
	for (int i = 0; i < 8; i++) {
		snprintf(path, sizeof(path), "a%d", i);
		run(store, path, i % 2, budgets[i / 2 % 2], i / 4 ? "zstd" : "none");
	}
	test_encoded(store);
	test_failure(store);
	ozr_store_unref(store);
	ozr_ctx_unref(ctx);
	return 0;
}
