/* SPDX-License-Identifier: MIT */
/*
 * Chunks that come encoded: taken out of one array as bytes and put into
 * another, in any order and from several threads, they make the same array,
 * byte for byte, and no codec runs. What makes no sense is refused; every
 * allocation and write fails once.
 */
#include <pthread.h>

#include "support/fault.h"
#include "support/model.h"

static struct ozr_err err;

enum { ROWS = 70, COLS = 45, CHUNK = 16, UP = 5, ACROSS = 3, CHUNKS = UP * ACROSS };

static uint16_t values[ROWS * COLS], got[ROWS * COLS];

/* The encoded chunks of an array. */
struct parts {
	char *bytes[CHUNKS];
	size_t len[CHUNKS];
};

static struct ozr_array_options options(const char *codec, int format, int sharded)
{
	struct ozr_array_options opt = {.dtype = OZR_UINT16,
					.zarr_format = format,
					.rank = 2,
					.shape = {ROWS, COLS},
					.chunk = {CHUNK, CHUNK}};
	strcpy(opt.codec.codec, codec);
	for (unsigned d = 0; sharded && d < 2; d++)
		opt.shard[d] = 2 * CHUNK;
	return opt;
}

static struct ozr_box all_of(void *data)
{
	struct ozr_box b = {.count = {ROWS, COLS}, .data = data, .dtype = OZR_UINT16};
	ozr_box_contiguous(&b, 2);
	return b;
}

static struct ozr_array *source_of(struct ozr_store *store, const struct ozr_array_options *opt)
{
	struct ozr_box b = all_of(values);
	struct ozr_array *a;
	CHECK_OK(ozr_array_create(store, "source", opt, &a, &err));
	CHECK_OK(ozr_array_write(a, 1, &b, NULL, &err));
	CHECK_OK(ozr_array_flush(a, NULL, &err));
	return a;
}

static void at(unsigned i, uint64_t *chunk)
{
	chunk[0] = i / ACROSS;
	chunk[1] = i % ACROSS;
}

static void take_apart(struct ozr_store *store, struct ozr_array *a, struct parts *p)
{
	char key[1100];
	for (unsigned i = 0; i < CHUNKS; i++) {
		uint64_t chunk[2], offset, size;
		struct ozr_object *o;
		at(i, chunk);
		CHECK_OK(ozr_array_locate(a, chunk, key, &offset, &size, &err));
		CHECK_OK(ozr_object_open(store, key, &o, &err));
		p->bytes[i] = malloc(size);
		p->len[i] = size;
		struct ozr_range r = {offset, size};
		void *dst = p->bytes[i];
		CHECK_OK(ozr_object_read(o, 1, &r, &dst, &err));
		ozr_object_close(o);
	}
}

static void free_parts(struct parts *p)
{
	for (unsigned i = 0; i < CHUNKS; i++)
		free(p->bytes[i]);
}

static int put_part(struct ozr_array *a, const struct parts *p, unsigned i, size_t budget)
{
	struct ozr_call call = {.budget = budget};
	uint64_t chunk[2];
	at(i, chunk);
	return ozr_array_write_encoded(a, chunk, p->bytes[i], p->len[i], &call, &err);
}

static void check_values(struct ozr_array *a)
{
	struct ozr_box b = all_of(got);
	memset(got, 0x5a, sizeof(got));
	CHECK_OK(ozr_array_read(a, 1, &b, NULL, &err));
	CHECK(memcmp(got, values, sizeof(values)) == 0);
}

struct told {
	unsigned chunks;
	uint64_t bytes;
};

static int count_told(void *user, const char *key, size_t n, const struct ozr_stored_chunk *chunks,
		      struct ozr_err *e)
{
	struct told *t = user;
	(void)e;
	CHECK(strncmp(key, "copy/", 5) == 0);
	for (size_t i = 0; i < n; i++)
		t->bytes += chunks[i].size;
	t->chunks += (unsigned)n;
	return OZR_OK;
}

static int same_value(const char *key, struct ozr_store *store)
{
	char *a = NULL, *b = NULL, other[1200];
	size_t n, m;
	snprintf(other, sizeof(other), "copy/%s", key + strlen("source/"));
	CHECK_OK(ozr_store_get(store, key, 1 << 20, &a, &n, NULL, &err));
	CHECK_OK(ozr_store_get(store, other, 1 << 20, &b, &m, NULL, &err));
	int same = n == m && memcmp(a, b, n) == 0;
	ozr_text_free(a);
	ozr_text_free(b);
	return same;
}

/* Put together in some order; with a watch, and nothing coded. */
static void check_copy(const char *codec, int format, int sharded, size_t budget, unsigned step)
{
	struct ozr_array_options opt = options(codec, format, sharded);
	struct ozr_chunk_watch watch = {0};
	struct ozr_stats before, after;
	struct told told = {0, 0};
	struct ozr_array *from, *to;
	struct ozr_store *store;
	struct ozr_ctx *ctx;
	struct parts p;
	uint64_t bytes = 0;
	CHECK_OK(ozr_ctx_new(NULL, &ctx, &err));
	CHECK_OK(ozr_store_open_mem(ctx, &store, &err));
	from = source_of(store, &opt);
	take_apart(store, from, &p);
	CHECK_OK(ozr_array_create(store, "copy", &opt, &to, &err));
	watch.user = &told;
	watch.stored = count_told;
	ozr_array_watch(to, &watch);
	ozr_ctx_stats(ctx, &before);
	for (unsigned i = 0; i < CHUNKS; i++) {
		bytes += p.len[i * step % CHUNKS];
		CHECK_OK(put_part(to, &p, i * step % CHUNKS, budget));
	}
	CHECK_OK(ozr_array_flush(to, NULL, &err));
	ozr_ctx_stats(ctx, &after);
	CHECK(after.chunks_encoded == before.chunks_encoded);
	CHECK(after.bytes_encoded == before.bytes_encoded);
	CHECK(after.chunks_decoded == before.chunks_decoded);
	CHECK(after.blocks_decoded == before.blocks_decoded);
	CHECK(told.chunks == CHUNKS && told.bytes == bytes);
	check_values(to);
	for (unsigned i = 0; i < CHUNKS && budget == 0; i++) {
		uint64_t chunk[2], offset, size;
		char key[1100];
		at(i, chunk);
		CHECK_OK(ozr_array_locate(from, chunk, key, &offset, &size, &err));
		CHECK(same_value(key, store));
	}
	ozr_array_close(from);
	ozr_array_close(to);
	free_parts(&p);
	ozr_store_unref(store);
	ozr_ctx_unref(ctx);
}

/* --- what is refused, and what comes twice -------------------------------------------- */

static void check_refusals(struct ozr_store *store, struct ozr_array *a, const struct parts *p)
{
	const uint64_t below[] = {UP, 0}, beside[] = {0, ACROSS}, far[] = {0, UINT64_MAX};
	struct ozr_array *reader;
	uint64_t first[2] = {0, 0};
	CHECK_CODE(OZR_BAD_ARG, ozr_array_write_encoded(a, below, "x", 1, NULL, &err));
	CHECK(strcmp(err.msg, "array 'a': axis 0: chunk 5: the array has 5") == 0);
	CHECK_CODE(OZR_BAD_ARG, ozr_array_write_encoded(a, beside, "x", 1, NULL, &err));
	CHECK_CODE(OZR_BAD_ARG, ozr_array_write_encoded(a, far, "x", 1, NULL, &err));
	CHECK_CODE(OZR_BAD_ARG, ozr_array_write_encoded(a, first, "x", 0, NULL, &err));
	CHECK(strstr(err.msg, "at least one byte"));
	CHECK_OK(ozr_array_open(store, "a", OZR_READ, &reader, &err));
	CHECK_CODE(OZR_BAD_ARG, put_part(reader, p, 0, 0));
	CHECK(strstr(err.msg, "for reading only"));
	ozr_array_close(reader);
}

static void check_limit(void)
{
	struct ozr_ctx_options co = {.limits = {.object_bytes = 100}};
	struct ozr_array_options opt = options("none", 3, 0);
	uint64_t first[2] = {0, 0};
	struct ozr_store *store;
	struct ozr_array *a;
	struct ozr_ctx *ctx;
	char bytes[101] = {0};
	CHECK_OK(ozr_ctx_new(&co, &ctx, &err));
	CHECK_OK(ozr_store_open_mem(ctx, &store, &err));
	CHECK_OK(ozr_array_create(store, "a", &opt, &a, &err));
	CHECK_CODE(OZR_LIMIT, ozr_array_write_encoded(a, first, bytes, 101, NULL, &err));
	CHECK(strstr(err.msg, "object_bytes"));
	CHECK_OK(ozr_array_write_encoded(a, first, bytes, 100, NULL, &err));
	ozr_array_close(a);
	ozr_store_unref(store);
	ozr_ctx_unref(ctx);
}

/* Shards inside shards, and compressed ones: read, not written. */
static void check_shards(struct ozr_store *store)
{
	static const char *const codecs[] = {
		"{\"name\":\"sharding_indexed\",\"configuration\":{\"chunk_shape\":[16],\"codecs\":"
		"[{\"name\":\"sharding_indexed\",\"configuration\":{\"chunk_shape\":[4],\"codecs\":"
		"[{\"name\":\"bytes\"}],\"index_codecs\":[{\"name\":\"bytes\",\"configuration\":"
		"{\"endian\":\"little\"}}]}}],\"index_codecs\":[{\"name\":\"bytes\","
		"\"configuration\":{\"endian\":\"little\"}}]}}",
		"{\"name\":\"sharding_indexed\",\"configuration\":{\"chunk_shape\":[16],\"codecs\":"
		"[{\"name\":\"bytes\"}],\"index_codecs\":[{\"name\":\"bytes\",\"configuration\":"
		"{\"endian\":\"little\"}}]}},{\"name\":\"gzip\",\"configuration\":{\"level\":1}}"};
	static const char *const why[] = {"nested shards", "encoded as a whole"};
	for (int i = 0; i < 2; i++) {
		char text[2000];
		uint64_t first[1] = {0};
		struct ozr_array *a;
		snprintf(text, sizeof(text),
			 "{\"zarr_format\":3,\"node_type\":\"array\",\"shape\":[64],\"data_type\":"
			 "\"uint8\",\"chunk_grid\":{\"name\":\"regular\",\"configuration\":"
			 "{\"chunk_shape\":[32]}},\"chunk_key_encoding\":{\"name\":\"default\"},"
			 "\"fill_value\":0,\"codecs\":[%s]}",
			 codecs[i]);
		CHECK_OK(ozr_store_put(store, "s/zarr.json", text, strlen(text), OZR_PUT_REPLACE,
				       &err));
		CHECK_OK(ozr_array_open(store, "s", OZR_UPDATE, &a, &err));
		CHECK_CODE(OZR_UNSUPPORTED, ozr_array_write_encoded(a, first, "x", 1, NULL, &err));
		CHECK(strstr(err.msg, why[i]));
		ozr_array_close(a);
	}
}

/* The last one counts: before its shard is stored, and afterwards; over waiting parts, too. */
static void check_twice(struct ozr_array *a, const struct parts *p, int sharded)
{
	uint16_t part[4] = {1, 2, 3, 4};
	struct ozr_box b = {.count = {2, 2}, .data = part, .dtype = OZR_UINT16};
	uint64_t first[2] = {0, 0};
	ozr_box_contiguous(&b, 2);
	CHECK_OK(ozr_array_write(a, 1, &b, NULL, &err));
	for (int round = 0; round < 3; round++) {
		CHECK_OK(ozr_array_write_encoded(a, first, p->bytes[1], p->len[1], NULL, &err));
		CHECK_OK(put_part(a, p, 0, 0));
		if (sharded && round == 0) {
			/* it waits, and a reader sees it */
			CHECK_OK(ozr_array_read(a, 1, &b, NULL, &err));
			CHECK(part[0] == values[0] && part[3] == values[COLS + 1]);
		}
		for (unsigned i = 1; i < CHUNKS; i++)
			CHECK_OK(put_part(a, p, i, round == 1 ? 1 : 0));
		if (round == 1)
			CHECK_OK(ozr_array_flush(a, NULL, &err));
	}
	CHECK_OK(ozr_array_flush(a, NULL, &err));
	check_values(a);
}

static void check_others(int sharded)
{
	struct ozr_array_options opt = options("zstd", 3, sharded);
	struct ozr_array *from, *a;
	struct ozr_store *store;
	struct ozr_ctx *ctx;
	struct parts p;
	CHECK_OK(ozr_ctx_new(NULL, &ctx, &err));
	CHECK_OK(ozr_store_open_mem(ctx, &store, &err));
	from = source_of(store, &opt);
	take_apart(store, from, &p);
	CHECK_OK(ozr_array_create(store, "a", &opt, &a, &err));
	check_refusals(store, a, &p);
	check_shards(store);
	check_twice(a, &p, sharded);
	ozr_array_close(a);
	ozr_array_close(from);
	free_parts(&p);
	ozr_store_unref(store);
	ozr_ctx_unref(ctx);
}

/* --- threads ---------------------------------------------------------------------------- */

enum { THREADS = 4 };

struct share {
	struct ozr_array *a;
	const struct parts *p;
	unsigned first;
	size_t budget;
	int rc;
};

static void *put_share(void *arg)
{
	struct share *s = arg;
	struct ozr_call call = {.budget = s->budget};
	struct ozr_err mine;
	for (unsigned i = s->first; i < CHUNKS && s->rc == OZR_OK; i += THREADS) {
		uint64_t chunk[2];
		at(i, chunk);
		s->rc = ozr_array_write_encoded(s->a, chunk, s->p->bytes[i], s->p->len[i], &call,
						&mine);
	}
	return NULL;
}

static void check_threads(int sharded, size_t budget)
{
	struct ozr_array_options opt = options("gzip", 3, sharded);
	struct ozr_array *from, *a;
	struct ozr_store *store;
	struct ozr_ctx *ctx;
	struct parts p;
	CHECK_OK(ozr_ctx_new(NULL, &ctx, &err));
	CHECK_OK(ozr_store_open_mem(ctx, &store, &err));
	from = source_of(store, &opt);
	take_apart(store, from, &p);
	for (int round = 0; round < 40; round++) {
		pthread_t thread[THREADS];
		struct share share[THREADS];
		char name[16];
		snprintf(name, sizeof(name), "t%d", round);
		CHECK_OK(ozr_array_create(store, name, &opt, &a, &err));
		for (unsigned i = 0; i < THREADS; i++) {
			share[i] = (struct share){a, &p, i, budget, OZR_OK};
			CHECK(pthread_create(&thread[i], NULL, put_share, &share[i]) == 0);
		}
		for (unsigned i = 0; i < THREADS; i++)
			CHECK(pthread_join(thread[i], NULL) == 0 && share[i].rc == OZR_OK);
		CHECK_OK(ozr_array_flush(a, NULL, &err));
		check_values(a);
		ozr_array_close(a);
	}
	ozr_array_close(from);
	free_parts(&p);
	ozr_store_unref(store);
	ozr_ctx_unref(ctx);
}

/* --- faults ----------------------------------------------------------------------------- */

static int scenario(struct ozr_store *store, const struct parts *p, size_t budget)
{
	struct ozr_array *a = NULL;
	int rc = ozr_array_open(store, "a", OZR_UPDATE, &a, &err);
	for (unsigned i = 0; rc == OZR_OK && i < CHUNKS; i++)
		rc = put_part(a, p, i, budget);
	if (rc == OZR_OK)
		rc = ozr_array_flush(a, NULL, &err);
	ozr_array_close(a);
	return rc;
}

static void check_faults(const char *dir, int call, int sys, size_t budget)
{
	struct ozr_ctx_options co = {.threads = 1, .sys = &fault_sys};
	struct ozr_array_options opt = options("zstd", 3, 1);
	int failures = 0, hit = 1;
	for (long n = 1; hit; n++) {
		struct ozr_array *from, *a;
		struct ozr_store *store;
		struct ozr_ctx *ctx;
		struct parts p;
		CHECK_OK(ozr_ctx_new(&co, &ctx, &err));
		CHECK_OK(ozr_store_open_dir(ctx, dir, OZR_UPDATE, OZR_FLUSH_NONE, &store, &err));
		from = source_of(store, &opt);
		take_apart(store, from, &p);
		ozr_array_close(from);
		CHECK_OK(ozr_array_create(store, "a", &opt, &a, &err));
		ozr_array_close(a);
		err.msg[0] = 0;
		/* one allocation alone is tried again, after the cache has given way */
		fault_arm(call, n, sys, call == FAULT_ALLOC);
		int rc = scenario(store, &p, budget);
		hit = fault_disarm();
		CHECK(!rc || (err.msg[0] && err.code == rc));
		failures += rc != OZR_OK;
		CHECK(count_entries(join(dir, "a/c"), ".ozr") == 0);
		CHECK_OK(scenario(store, &p, budget));
		CHECK_OK(ozr_array_open(store, "a", OZR_READ, &a, &err));
		check_values(a);
		ozr_array_close(a);
		free_parts(&p);
		ozr_store_unref(store);
		ozr_ctx_unref(ctx);
		remove_tree(join(dir, "a"));
		remove_tree(join(dir, "source"));
	}
	CHECK(failures > 0);
}

int main(void)
{
	static const char *const codecs[] = {"zstd", "gzip", "none", "blosc-zstd"};
	char dir[PATH_MAX];
	for (size_t i = 0; i < ROWS * COLS; i++)
		values[i] = (uint16_t)(i * 7 + 1);
	for (int c = 0; c < 4; c++)
		for (int how = 0; how < 8; how++)
			check_copy(codecs[c], 3, how & 1, how & 2 ? 1 : 0, how & 4 ? 7 : 1);
	check_copy("zstd", 2, 0, 0, 7);
	check_others(0);
	check_others(1);
	check_limit();
	for (int how = 0; how < 4; how++)
		check_threads(how & 1, how & 2 ? 1 : 0);
	quick_temp_dir(dir);
	for (size_t budget = 0; budget < 2; budget++) {
		check_faults(dir, FAULT_ALLOC, 0, budget);
		check_faults(dir, FAULT_PWRITE, ENOSPC, budget);
		check_faults(dir, FAULT_LOCK, EIO, budget);
	}
	remove_tree(dir);
	return 0;
}
