/* SPDX-License-Identifier: MIT */
/*
 * The cache against a model: hits give the bytes that were filled in, the
 * bound holds, scans do not empty it, one filler for each key, waiters,
 * abandoned fills, entries that outlive their eviction, no memory.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/cache.h"
#include "base/ctx.h"
#include "base/mem.h"
#include "base/pool.h"
#include "support/check.h"
#include "support/fault.h"

static struct ozr_ctx *new_ctx(size_t cache)
{
	struct ozr_ctx_options opt = {.threads = 4, .cache_bytes = cache, .sys = &fault_sys};
	struct ozr_ctx *ctx;
	struct ozr_err err;
	CHECK_OK(ozr_ctx_new(&opt, &ctx, &err));
	return ctx;
}

static struct ozr_cache_key key_of(uint64_t k)
{
	return (struct ozr_cache_key){ozr_hash(1, &k, sizeof(k)), ozr_hash(2, &k, sizeof(k))};
}

static uint64_t live(struct ozr_ctx *ctx)
{
	struct ozr_stats s;
	ozr_ctx_stats(ctx, &s);
	return s.memory_bytes;
}

static void check_bytes(struct ozr_entry *e, uint64_t k, size_t n)
{
	unsigned char *p = ozr_entry_bytes(e);
	CHECK(ozr_entry_size(e) == n);
	for (size_t i = 0; i < n; i += n / 16 + 1)
		CHECK(p[i] == (unsigned char)(k * 7 + i));
}

static void fill_entry(struct ozr_entry *e, uint64_t k, size_t n)
{
	unsigned char *p = ozr_entry_bytes(e);
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)(k * 7 + i);
}

/* Get, fill when asked to, check, release; whether it was a hit. */
static int use(struct ozr_ctx *ctx, uint64_t k, size_t n)
{
	struct ozr_entry *e;
	struct ozr_err err;
	int fill;
	CHECK_OK(ozr_cache_get(ctx, key_of(k), n, &e, &fill, &err));
	if (fill) {
		fill_entry(e, k, n);
		ozr_cache_publish(e);
	}
	check_bytes(e, k, n);
	ozr_entry_release(e);
	return !fill;
}

static void test_hits_and_bound(void)
{
	struct ozr_ctx *ctx = new_ctx(1 << 20);
	uint64_t base = live(ctx), random = 3, hits = 0;
	struct ozr_stats s;

	CHECK(ozr_cache_capacity(ctx) == 1 << 20);
	for (int i = 0; i < 20000; i++) {
		uint64_t k = next_random(&random) % 500;
		size_t n = (size_t)(k * k * 31 % 9000);
		hits += (uint64_t)use(ctx, k, n);
		CHECK(live(ctx) <= base + (1 << 20));
	}
	ozr_ctx_stats(ctx, &s);
	CHECK(s.cache_hits == hits && hits > 4000 && hits < 19500);
	/* What fits stays: the same ten again and again. */
	for (uint64_t k = 1000; k < 1010; k++)
		use(ctx, k, 5000);
	for (int i = 0; i < 100; i++)
		CHECK(use(ctx, 1000 + (uint64_t)i % 10, 5000));
	ozr_ctx_unref(ctx);
}

/* What was used twice survives a scan of five times the capacity, but not for ever. */
static void test_scan(void)
{
	struct ozr_ctx *ctx = new_ctx(1 << 20);
	for (int round = 0; round < 2; round++)
		for (uint64_t k = 0; k < 50; k++)
			CHECK(use(ctx, k, 10000) == round);
	for (uint64_t k = 1000; k < 1500; k++)
		CHECK(!use(ctx, k, 10000));
	for (uint64_t k = 0; k < 50; k++)
		CHECK(use(ctx, k, 10000));
	/* New favourites, more than what is left beside the old ones, replace them. */
	int kept = 0;
	for (int round = 0; round < 15; round++) {
		kept = 0;
		for (uint64_t k = 5000; k < 5090; k++)
			kept += use(ctx, k, 10000);
	}
	CHECK(kept == 90);
	ozr_ctx_unref(ctx);
}

static void test_private(void)
{
	struct ozr_ctx *none = new_ctx(1), *some = new_ctx(100000);
	struct ozr_entry *a, *b;
	struct ozr_err err;
	int fill;

	CHECK(ozr_cache_capacity(none) == 0);
	for (int i = 0; i < 2; i++) {
		struct ozr_ctx *ctx = i ? some : none;
		uint64_t base = live(ctx);
		CHECK_OK(ozr_cache_get(ctx, key_of(1), 200000, &a, &fill, &err));
		CHECK(fill);
		fill_entry(a, 1, 200000);
		ozr_cache_publish(a);
		CHECK_OK(ozr_cache_get(ctx, key_of(1), 200000, &b, &fill, &err));
		CHECK(fill && a != b && !ozr_cache_peek(ctx, key_of(1)));
		ozr_cache_abandon(b);
		check_bytes(a, 1, 200000);
		ozr_entry_release(a);
		CHECK(live(ctx) == base);
	}
	/* Room for one that is being filled only: the second one stays private. */
	CHECK_OK(ozr_cache_get(some, key_of(1), 90000, &a, &fill, &err));
	CHECK_OK(ozr_cache_get(some, key_of(2), 90000, &b, &fill, &err));
	CHECK(fill);
	ozr_cache_publish(a);
	ozr_cache_publish(b);
	ozr_entry_release(b);
	CHECK(!ozr_cache_peek(some, key_of(2)));
	ozr_entry_release(a);
	a = ozr_cache_peek(some, key_of(1));
	CHECK(a);
	ozr_entry_release(a);
	ozr_entry_release(NULL);
	ozr_ctx_unref(none);
	ozr_ctx_unref(some);
}

static void test_outlives_eviction(void)
{
	struct ozr_ctx *ctx = new_ctx(100000);
	struct ozr_entry *held, *again;
	struct ozr_err err;
	int fill;

	CHECK_OK(ozr_cache_get(ctx, key_of(1), 30000, &held, &fill, &err));
	CHECK(!ozr_cache_peek(ctx, key_of(1))); /* not yet filled */
	fill_entry(held, 1, 30000);
	ozr_cache_publish(held);
	again = ozr_cache_peek(ctx, key_of(1));
	CHECK(again == held);
	for (uint64_t k = 100; k < 200; k++) {
		use(ctx, k, 30000);
		use(ctx, k, 30000);
	}
	CHECK(!ozr_cache_peek(ctx, key_of(1)));
	check_bytes(held, 1, 30000);
	ozr_entry_release(held);
	check_bytes(again, 1, 30000);
	ozr_entry_release(again);
	/* A second entry of the key is independent of the evicted one. */
	CHECK(!use(ctx, 1, 30000));
	CHECK_CODE(OZR_BAD_ARG, ozr_cache_get(ctx, key_of(1), 30001, &again, &fill, &err));
	CHECK(use(ctx, 1, 30000));
	ozr_ctx_unref(ctx);
}

/* --- threads --------------------------------------------------------------- */

struct crowd {
	struct ozr_ctx *ctx;
	_Atomic int fillers, abandoned, filling_now;
	int give_up; /* the first so many fillers abandon */
	pthread_barrier_t start;
};

static void *want_one(void *arg)
{
	struct crowd *c = arg;
	struct ozr_entry *e;
	struct ozr_err err;
	int fill;

	pthread_barrier_wait(&c->start);
	CHECK_OK(ozr_cache_get(c->ctx, key_of(77), 5000, &e, &fill, &err));
	if (fill) {
		CHECK(atomic_fetch_add(&c->filling_now, 1) == 0); /* one at a time */
		nanosleep(&(struct timespec){0, 3000000}, NULL);
		c->filling_now--;
		if (atomic_fetch_add(&c->fillers, 1) < c->give_up) {
			c->abandoned++;
			ozr_cache_abandon(e);
			return NULL;
		}
		fill_entry(e, 77, 5000);
		ozr_cache_publish(e);
	}
	check_bytes(e, 77, 5000);
	ozr_entry_release(e);
	return NULL;
}

static void test_one_filler(void)
{
	for (int give_up = 0; give_up <= 8; give_up += 2) {
		struct crowd c = {.ctx = new_ctx(1 << 20), .give_up = give_up};
		pthread_t t[8];
		pthread_barrier_init(&c.start, NULL, 8);
		for (int i = 0; i < 8; i++)
			CHECK(pthread_create(&t[i], NULL, want_one, &c) == 0);
		for (int i = 0; i < 8; i++)
			pthread_join(t[i], NULL);
		pthread_barrier_destroy(&c.start);
		CHECK(c.abandoned == give_up);
		CHECK(c.fillers == (give_up < 8 ? give_up + 1 : 8));
		ozr_ctx_unref(c.ctx);
	}
}

static int use_many(void *arg, size_t i, struct ozr_worker *w, struct ozr_err *err)
{
	struct ozr_ctx *ctx = ozr_worker_ctx(w);
	struct ozr_entry *e;
	uint64_t random = i;
	int fill;
	(void)arg;

	for (int n = 0; n < 200; n++) {
		uint64_t k = next_random(&random) % 60;
		size_t size = (size_t)(1000 + k % 5 * 1000);
		CHECK(!ozr_cache_get(ctx, key_of(k), size, &e, &fill, err));
		if (fill && next_random(&random) % 10 == 0) {
			ozr_cache_abandon(e);
			continue;
		}
		if (fill) {
			fill_entry(e, k, size);
			ozr_cache_publish(e);
		}
		check_bytes(e, k, size);
		if (n % 50 == 0) { /* while one is held, others come and go */
			struct ozr_entry *other = ozr_cache_peek(ctx, key_of(k + 1));
			if (other)
				check_bytes(other, k + 1, ozr_entry_size(other));
			ozr_entry_release(other);
		}
		ozr_entry_release(e);
	}
	return OZR_OK;
}

static void test_stress(void)
{
	struct ozr_ctx *ctx = new_ctx(100000); /* half of the keys fit */
	uint64_t base = live(ctx);
	CHECK(!ozr_pool_for(ctx, NULL, 64, use_many, NULL, NULL));
	CHECK(live(ctx) <= base + 100000 + 8192); /* 8 KiB: workers */
	ozr_ctx_unref(ctx);
}

/* Each allocation of a mixed use failed in turn: an error or success, no leak, no lost key. */
static void test_no_memory(void)
{
	for (long n = 1; n < 60; n++) {
		struct ozr_ctx *ctx = new_ctx(50000);
		fault_arm(FAULT_ALLOC, n, ENOMEM, 0);
		for (uint64_t i = 0; i < 40; i++) {
			struct ozr_entry *e;
			struct ozr_err err;
			int fill;
			int code = ozr_cache_get(ctx, key_of(i % 13), 7000, &e, &fill, &err);
			CHECK(code == OZR_OK || code == OZR_NO_MEMORY);
			if (code)
				continue;
			if (fill) {
				fill_entry(e, i % 13, 7000);
				ozr_cache_publish(e);
			}
			check_bytes(e, i % 13, 7000);
			ozr_entry_release(e);
		}
		fault_disarm();
		ozr_ctx_unref(ctx);
	}
}

int main(void)
{
	test_hits_and_bound();
	test_scan();
	test_private();
	test_outlives_eviction();
	test_one_filler();
	test_stress();
	test_no_memory();
	return 0;
}
