/* SPDX-License-Identifier: MIT */
/*
 * Accounted memory: every size class, resizing across them, the limit, what
 * gives way before the limit is reached, failures, and texts that outlive
 * their context. Growable buffers.
 */
#include "base/cache.h"
#include "base/mem.h"
#include "base/pool.h"
#include "support/check.h"
#include "support/fault.h"

#define MI ((uint64_t)1 << 20)

static struct ozr_ctx *new_ctx(uint64_t memory, size_t cache)
{
	struct ozr_ctx_options opt = {.threads = 2, .cache_bytes = cache, .sys = &fault_sys};
	struct ozr_ctx *ctx;
	struct ozr_err err;
	opt.limits.memory_bytes = memory;
	CHECK_OK(ozr_ctx_new(&opt, &ctx, &err));
	return ctx;
}

static uint64_t live(struct ozr_ctx *ctx)
{
	struct ozr_stats s;
	ozr_ctx_stats(ctx, &s);
	CHECK(s.memory_peak >= s.memory_bytes);
	return s.memory_bytes;
}

static void test_sizes(void)
{
	static const uint64_t sizes[] = {
		0, 1, 15, 4096, 1 << 20, (4 << 20) - 1, 4 << 20, (4 << 20) + 1, 9000001};
	enum { N = sizeof(sizes) / sizeof(sizes[0]) };
	struct ozr_ctx *ctx = new_ctx(0, 1);
	uint64_t before = live(ctx), sum = 0;
	struct ozr_err err;
	char *p[N];

	for (size_t i = 0; i < N; i++) {
		p[i] = ozr_alloc(ctx, sizes[i], &err);
		CHECK(p[i] && (uintptr_t)p[i] % 16 == 0);
		fill_bytes(p[i], sizes[i], i);
		sum += sizes[i];
		CHECK(live(ctx) >= before + sum && live(ctx) <= before + sum + 64 * (i + 1));
	}
	for (size_t i = 0; i < N; i++) {
		char *want = malloc(sizes[i] + 1);
		CHECK(want);
		fill_bytes(want, sizes[i], i);
		CHECK(memcmp(want, p[i], sizes[i]) == 0);
		free(want);
		ozr_free(ctx, p[i]);
	}
	CHECK(live(ctx) == before);
	ozr_free(ctx, NULL);

	/* To each size from each size, contents kept. */
	for (size_t a = 0; a < N; a++) {
		for (size_t b = 0; b < N; b++) {
			size_t kept = sizes[a] < sizes[b] ? sizes[a] : sizes[b];
			char *q = ozr_resize(ctx, NULL, sizes[a], &err);
			CHECK(q);
			fill_bytes(q, sizes[a], 99);
			q = ozr_resize(ctx, q, sizes[b], &err);
			CHECK(q && (uintptr_t)q % 16 == 0);
			char *want = malloc(kept + 1);
			CHECK(want);
			fill_bytes(want, kept, 99);
			CHECK(memcmp(want, q, kept) == 0);
			free(want);
			ozr_free(ctx, q);
			CHECK(live(ctx) == before);
		}
	}
	char *zero = ozr_calloc(ctx, 5, 1 << 20, &err);
	CHECK(zero);
	for (size_t i = 0; i < 5 << 20; i++)
		CHECK(zero[i] == 0);
	ozr_free(ctx, zero);
	CHECK(!ozr_calloc(ctx, UINT64_MAX / 2, 3, &err) && err.code == OZR_LIMIT);
	CHECK(!ozr_alloc(ctx, UINT64_MAX, &err) && err.code == OZR_LIMIT);
	CHECK(!ozr_alloc(ctx, UINT64_MAX, NULL));
	ozr_ctx_unref(ctx);
}

static void test_limit(void)
{
	struct ozr_ctx *ctx = new_ctx(8 * MI, 1);
	struct ozr_err err;
	uint64_t before = live(ctx);

	CHECK(!ozr_alloc(ctx, 9 * MI, &err) && err.code == OZR_LIMIT);
	CHECK(strstr(err.msg, "memory_bytes"));
	char *a = ozr_alloc(ctx, 5 * MI, &err);
	CHECK(a);
	CHECK(!ozr_alloc(ctx, 5 * MI, &err) && err.code == OZR_LIMIT);
	char *b = ozr_alloc(ctx, MI, &err);
	CHECK(b);
	memset(b, 7, MI);
	CHECK(!ozr_resize(ctx, b, 3 * MI, &err) && err.code == OZR_LIMIT && b[MI - 1] == 7);
	ozr_free(ctx, b);
	ozr_free(ctx, a);
	CHECK(live(ctx) == before);
	ozr_ctx_unref(ctx);
}

static void fill_cache(struct ozr_ctx *ctx, uint64_t n)
{
	struct ozr_err err;
	for (uint64_t i = 0; i < n; i++) {
		struct ozr_entry *e;
		int fill;
		CHECK_OK(ozr_cache_get(ctx, (struct ozr_cache_key){i, i}, MI, &e, &fill, &err));
		CHECK(fill);
		ozr_cache_publish(e);
		ozr_entry_release(e);
	}
}

/* The cache and idle scratch make room for what is asked for. */
static void test_giving_way(void)
{
	struct ozr_ctx *ctx = new_ctx(64 * MI, 30 * MI);
	struct ozr_err err;

	fill_cache(ctx, 29);
	CHECK(live(ctx) > 29 * MI);
	struct ozr_worker *w = ozr_worker_lease(ctx, &err);
	CHECK(w && ozr_worker_scratch(w, OZR_SCRATCH_DECODED, 20 * MI, &err));
	ozr_worker_return(w);
	CHECK(live(ctx) > 49 * MI);
	char *p = ozr_alloc(ctx, 60 * MI, &err);
	CHECK(p && live(ctx) <= 64 * MI);
	/* With that held, only small things fit; scratch says so too. */
	w = ozr_worker_lease(ctx, &err);
	CHECK(w && !ozr_worker_scratch(w, OZR_SCRATCH_DECODED, 20 * MI, &err));
	CHECK(err.code == OZR_LIMIT);
	ozr_worker_return(w);
	ozr_free(ctx, p);
	fill_cache(ctx, 29); /* CHECKs that all were evicted */
	ozr_ctx_unref(ctx);
}

static void test_failures(void)
{
	struct ozr_ctx *ctx = new_ctx(0, 1);
	struct ozr_err err;
	uint64_t before = live(ctx);

	fault_arm(FAULT_ALLOC, 1, ENOMEM, 1);
	CHECK(!ozr_alloc(ctx, 100, &err) && err.code == OZR_NO_MEMORY);
	CHECK(!ozr_alloc(ctx, 5 * MI, &err) && err.code == OZR_NO_MEMORY);
	CHECK(!ozr_calloc(ctx, 1, 100, NULL));
	CHECK(!ozr_strdup(ctx, "x", &err) && err.code == OZR_NO_MEMORY);
	CHECK(fault_disarm());
	CHECK(live(ctx) == before);

	char *p = ozr_strdup(ctx, "kept", &err);
	fault_arm(FAULT_RESIZE, 1, ENOMEM, 1);
	CHECK(p && !ozr_resize(ctx, p, 1000, &err) && err.code == OZR_NO_MEMORY);
	CHECK(fault_disarm() && strcmp(p, "kept") == 0);
	fault_arm(FAULT_ALLOC, 1, ENOMEM, 1);
	CHECK(!ozr_resize(ctx, p, 5 * MI, &err) && strcmp(p, "kept") == 0);
	CHECK(fault_disarm());
	ozr_free(ctx, p);
	CHECK(live(ctx) == before);
	ozr_ctx_unref(ctx);
}

static void test_text_outlives_context(void)
{
	struct ozr_ctx *ctx = new_ctx(0, 1);
	struct ozr_err err;
	char *a = ozr_text_new(ctx, 6, &err), *b = ozr_text_new(ctx, 6 * MI, &err);
	CHECK(a && b);
	memcpy(a, "hello", 6);
	ozr_ctx_unref(ctx);
	CHECK(strcmp(a, "hello") == 0);
	b[6 * MI - 1] = 1;
	ozr_text_free(a);
	ozr_text_free(b); /* the leak checker sees whether the account went with it */
	ozr_text_free(NULL);
}

static void test_buf(void)
{
	struct ozr_ctx *ctx = new_ctx(0, 1);
	struct ozr_buf b;
	struct ozr_err err;
	char bytes[1000];

	fill_bytes(bytes, sizeof(bytes), 5);
	ozr_buf_init(&b, ctx, 1500);
	CHECK_OK(ozr_buf_append(&b, bytes, 0, &err));
	CHECK_OK(ozr_buf_append(&b, bytes, 1000, &err));
	CHECK_CODE(OZR_LIMIT, ozr_buf_append(&b, bytes, 501, &err));
	CHECK_CODE(OZR_LIMIT, ozr_buf_append(&b, bytes, SIZE_MAX, &err));
	CHECK(b.len == 1000 && memcmp(b.data, bytes, 1000) == 0);
	CHECK_OK(ozr_buf_append(&b, bytes, 500, &err));
	CHECK(b.len == 1500 && memcmp(b.data + 1000, bytes, 500) == 0);
	CHECK_CODE(OZR_LIMIT, ozr_buf_reserve(&b, 1501, &err));
	ozr_buf_release(&b);

	ozr_buf_init(&b, ctx, 1 << 20);
	for (int i = 0; i < 10000; i++)
		CHECK_OK(ozr_buf_printf(&b, &err, "%d,", i));
	size_t at = 0;
	for (int i = 0; i < 10000; i++) {
		char want[16];
		int n = snprintf(want, sizeof(want), "%d,", i);
		CHECK(memcmp(b.data + at, want, (size_t)n) == 0);
		at += (size_t)n;
	}
	CHECK(at == b.len);
	fault_arm(FAULT_RESIZE, 1, ENOMEM, 1);
	CHECK_CODE(OZR_NO_MEMORY, ozr_buf_reserve(&b, 1 << 20, &err));
	CHECK(fault_disarm() && b.len == at);
	ozr_buf_release(&b);
	ozr_ctx_unref(ctx);
}

/* Each allocation that making a context needs, failed in turn. */
static void test_new_sweep(void)
{
	struct ozr_ctx_options opt = {.sys = &fault_sys};
	struct ozr_ctx *ctx = NULL;
	struct ozr_err err;
	long n = 1;

	for (;; n++) {
		fault_arm(FAULT_ALLOC, n, ENOMEM, 0);
		int code = ozr_ctx_new(&opt, &ctx, &err);
		if (!fault_disarm()) {
			CHECK_OK(code);
			break;
		}
		CHECK_CODE(OZR_NO_MEMORY, code);
		CHECK(!ctx);
	}
	CHECK(n > 4);
	ozr_ctx_unref(ctx);
	ozr_ctx_unref(NULL);
}

int main(void)
{
	test_sizes();
	test_limit();
	test_giving_way();
	test_failures();
	test_text_outlives_context();
	test_buf();
	test_new_sweep();
	return 0;
}
