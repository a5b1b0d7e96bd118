/* SPDX-License-Identifier: MIT */
/*
 * Reading: each chunk (or block) is decoded once, requests of many boxes
 * included; only what is needed is opened; damage and failures are errors and
 * only absence is fill, as long as the array is still there.
 */
#include <blosc.h>

#include "support/fault.h"
#include "support/model.h"

static struct ozr_err err;

static struct ozr_stats stats(const struct ozr_ctx *ctx)
{
	struct ozr_stats s;
	ozr_ctx_stats(ctx, &s);
	return s;
}

struct env {
	struct ozr_ctx *ctx;
	struct ozr_store *store;
	struct model m;
};

/* An array with values everywhere, in a directory, opened by a fresh context. */
static void make(struct env *e, const char *dir, const struct ozr_array_options *opt, size_t cache,
		 unsigned threads)
{
	struct ozr_ctx_options co = {.threads = threads, .cache_bytes = cache, .sys = &fault_sys};
	struct ozr_box b;
	memset(e, 0, sizeof(*e));
	memset(&b, 0, sizeof(b));
	model_init(&e->m, opt);
	for (size_t i = 0; i < e->m.elements; i++) {
		double v = (double)(i / 7 % 1000 + (i * 2654435761u >> 7) % 16);
		ozr_convert(&v, OZR_FLOAT64, 0, e->m.bytes + i * e->m.item, e->m.dtype, 0, 1);
	}
	memcpy(b.count, opt->shape, sizeof(b.count));
	b.dtype = opt->dtype;
	b.data = e->m.bytes;
	ozr_box_contiguous(&b, opt->rank);
	CHECK_OK(ozr_ctx_new(&co, &e->ctx, &err));
	CHECK_OK(ozr_store_open_dir(e->ctx, dir, OZR_UPDATE, OZR_FLUSH_NONE, &e->store, &err));
	CHECK_OK(ozr_array_create(e->store, "a", opt, &e->m.array, &err));
	CHECK_OK(ozr_array_write(e->m.array, 1, &b, NULL, &err));
	CHECK_OK(ozr_array_flush(e->m.array, NULL, &err));
	ozr_array_close(e->m.array);
	ozr_store_unref(e->store);
	ozr_ctx_unref(e->ctx);
	CHECK_OK(ozr_ctx_new(&co, &e->ctx, &err));
	CHECK_OK(ozr_store_open_dir(e->ctx, dir, OZR_READ, OZR_FLUSH_NONE, &e->store, &err));
	CHECK_OK(ozr_array_open(e->store, "a", OZR_READ, &e->m.array, &err));
}

static void unmake(struct env *e, const char *dir)
{
	model_close(&e->m);
	ozr_store_unref(e->store);
	ozr_ctx_unref(e->ctx);
	remove_tree(join(dir, "a"));
}

static struct ozr_array_options volume(const char *codec, int sharded)
{
	struct ozr_array_options opt = {
		.dtype = OZR_UINT16, .rank = 3, .shape = {70, 130, 150}, .chunk = {64, 64, 64}};
	strcpy(opt.codec.codec, codec);
	for (unsigned d = 0; sharded && d < 3; d++)
		opt.shard[d] = 128;
	return opt;
}
enum { CHUNKS = 2 * 3 * 3, CHUNK_BYTES = 64 * 64 * 64 * 2 };

/* --- each chunk once ---------------------------------------------------------- */

static void check_whole(const char *dir, const char *codec, int sharded, unsigned threads)
{
	struct ozr_array_options opt = volume(codec, sharded);
	struct env e;
	make(&e, dir, &opt, 1, threads);
	struct ozr_stats before = stats(e.ctx);
	model_check_all(&e.m);
	struct ozr_stats after = stats(e.ctx);
	uint64_t decoded = after.bytes_decoded - before.bytes_decoded;
	/* blocks beyond the edge of the array are left out */
	CHECK(decoded <= CHUNKS * CHUNK_BYTES && decoded >= e.m.elements * 2);
	/* a task and the one that opens ahead may meet at the same object */
	uint64_t opened = after.objects_opened - before.objects_opened;
	CHECK(sharded ? opened == 4 : opened >= CHUNKS && opened <= 2 * CHUNKS);
	unmake(&e, dir);
}

/* Plane by plane along an axis: with room in the cache, each block or chunk once. */
static void check_planes(const char *dir, const char *codec, int sharded, unsigned axis,
			 unsigned threads)
{
	struct ozr_array_options opt = volume(codec, sharded);
	struct env e;
	make(&e, dir, &opt, 64 << 20, threads);
	struct ozr_stats before = stats(e.ctx);
	for (uint64_t k = 0; k < opt.shape[axis]; k++) {
		struct ozr_box b;
		memset(&b, 0, sizeof(b));
		memcpy(b.count, opt.shape, sizeof(b.count));
		b.start[axis] = k;
		b.count[axis] = 1;
		b.dtype = opt.dtype;
		model_check(&e.m, &b, 0);
	}
	struct ozr_stats after = stats(e.ctx);
	uint64_t decoded = after.bytes_decoded - before.bytes_decoded;
	/* parts of edge chunks that no plane touches need not be decoded */
	if (strcmp(codec, "none") != 0) /* raw blocks cost no more than a look at the cache */
		CHECK(decoded <= CHUNKS * CHUNK_BYTES);
	CHECK(decoded >= e.m.elements * 2);
	if (strcmp(codec, "zstd") == 0)
		CHECK(after.chunks_decoded - before.chunks_decoded == CHUNKS);
	unmake(&e, dir);
}

/* 15 "bands" in one request, without a cache: a chunk that all of them want is decoded once. */
static void check_bands(const char *dir, int sharded)
{
	struct ozr_array_options opt = {
		.dtype = OZR_UINT8, .rank = 3, .shape = {15, 200, 200}, .chunk = {15, 64, 64}};
	struct ozr_box b[15];
	void *memory[15];
	struct env e;
	for (unsigned d = 0; sharded && d < 3; d++)
		opt.shard[d] = opt.chunk[d] * (d ? 2 : 1);
	make(&e, dir, &opt, 1, 2);
	for (int i = 0; i < 15; i++) {
		memset(&b[i], 0, sizeof(b[i]));
		b[i].start[0] = (uint64_t)i;
		b[i].count[0] = 1;
		b[i].start[1] = 10;
		b[i].count[1] = 150;
		b[i].count[2] = 200;
		b[i].dtype = i % 2 ? OZR_UINT8 : OZR_FLOAT32;
		memory[i] = model_layout(&e.m, &b[i], (unsigned)i % 4);
	}
	struct ozr_stats before = stats(e.ctx);
	CHECK_OK(ozr_array_read(e.m.array, 15, b, NULL, &err));
	struct ozr_stats after = stats(e.ctx);
	CHECK(after.bytes_decoded - before.bytes_decoded <= 12 * 15 * 64 * 64);
	for (int i = 0; i < 15; i++) {
		CHECK(model_equals(&e.m, &b[i]));
		free(memory[i]);
	}
	unmake(&e, dir);
}

/* A small window opens and decodes what it touches. */
static void check_window(const char *dir)
{
	struct ozr_array_options opt = volume("blosc-zstd", 0);
	struct ozr_box b = {.start = {10, 60, 70}, .count = {1, 3, 20}, .dtype = OZR_UINT16};
	struct env e;
	make(&e, dir, &opt, 1, 1);
	struct ozr_stats before = stats(e.ctx);
	model_check(&e.m, &b, 0);
	struct ozr_stats after = stats(e.ctx);
	CHECK(after.objects_opened - before.objects_opened == 1);
	CHECK(after.bytes_decoded - before.bytes_decoded < CHUNK_BYTES / 2); /* a block of it */
	unmake(&e, dir);
}

/* --- failures ------------------------------------------------------------------ */

static struct ozr_box all_of(const struct ozr_array_options *opt)
{
	struct ozr_box b;
	memset(&b, 0, sizeof(b));
	memcpy(b.count, opt->shape, sizeof(b.count));
	b.dtype = opt->dtype;
	return b;
}

static void check_damage(const char *dir, int sharded)
{
	struct ozr_array_options opt = volume("blosc-zstd", sharded);
	const char *victim = sharded ? "a/c/0/0/1" : "a/c/1/2/0";
	struct ozr_box b = all_of(&opt);
	struct stat st;
	struct env e;
	make(&e, dir, &opt, 0, 2);
	void *memory = model_layout(&e.m, &b, 0);
	char *path = strdup(join(dir, victim));
	CHECK(stat(path, &st) == 0);
	unsigned char *bytes = malloc((size_t)st.st_size);
	CHECK(read_file(path, bytes, (size_t)st.st_size) == st.st_size);

	write_file(path, bytes, (size_t)st.st_size - 1);
	CHECK_CODE(OZR_CORRUPT, ozr_array_read(e.m.array, 1, &b, NULL, &err));
	CHECK(strstr(err.msg, victim + 2));
	write_file(path, bytes, 0);
	CHECK_CODE(OZR_CORRUPT, ozr_array_read(e.m.array, 1, &b, NULL, &err));
	bytes[st.st_size / 3] ^= 4;
	write_file(path, bytes, (size_t)st.st_size);
	CHECK_CODE(OZR_CORRUPT, ozr_array_read(e.m.array, 1, &b, NULL, &err));
	bytes[st.st_size / 3] ^= 4;
	write_file(path, bytes, (size_t)st.st_size);
	CHECK_OK(ozr_array_read(e.m.array, 1, &b, NULL, &err));
	CHECK(model_equals(&e.m, &b));
	free(bytes);
	free(path);
	free(memory);
	unmake(&e, dir);
}

/* With all of them damaged, the first one is named, whichever thread is faster. */
static int cut(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)ftw;
	if (type == FTW_F && !strstr(path, "zarr.json"))
		CHECK(truncate(path, st->st_size - 1) == 0);
	return 0;
}

static void check_first_damage(const char *dir, int sharded)
{
	struct ozr_array_options opt = volume("blosc-zstd", sharded);
	struct ozr_box b = all_of(&opt);
	struct env e;
	make(&e, dir, &opt, 0, 4);
	void *memory = model_layout(&e.m, &b, 0);
	CHECK(nftw(join(dir, "a"), cut, 16, FTW_PHYS) == 0);
	for (int round = 0; round < 60; round++) {
		CHECK_CODE(OZR_CORRUPT, ozr_array_read(e.m.array, 1, &b, NULL, &err));
		CHECK(strstr(err.msg, "c/0/0/0"));
	}
	free(memory);
	unmake(&e, dir);
}

/* Whatever fails, at any call: an error or the truth, never fill. */
static void check_faults(const char *dir, int sharded)
{
	static const int calls[] = {FAULT_OPEN_BENEATH, FAULT_PREAD, FAULT_FSTAT, FAULT_ALLOC};
	struct ozr_array_options opt = volume("zstd", sharded);
	struct ozr_box b = all_of(&opt);
	struct env e;
	make(&e, dir, &opt, 1, 1);
	void *memory = model_layout(&e.m, &b, 0);
	for (size_t c = 0; c < 4; c++) {
		int failures = 0;
		for (long at = 1; at < 60; at++) {
			fault_arm(calls[c], at, EIO, 0);
			int rc = ozr_array_read(e.m.array, 1, &b, NULL, &err);
			int hit = fault_disarm();
			CHECK(rc == OZR_OK ? model_equals(&e.m, &b) : err.msg[0] != 0);
			if (rc)
				CHECK(rc == (calls[c] == FAULT_ALLOC ? OZR_NO_MEMORY : OZR_IO));
			failures += rc != OZR_OK;
			if (!hit)
				break;
		}
		CHECK(failures > 0 || calls[c] == FAULT_ALLOC);
	}
	CHECK_OK(ozr_array_read(e.m.array, 1, &b, NULL, &err));
	free(memory);
	unmake(&e, dir);
}

static void check_absence(const char *dir, int format)
{
	struct ozr_array_options opt = volume("blosc-lz4", 0);
	const char *meta = format == 3 ? "a/zarr.json" : "a/.zarray";
	struct ozr_box b = all_of(&opt);
	struct env e;
	char text[4096];
	opt.zarr_format = format;
	make(&e, dir, &opt, 0, 2);
	void *memory = model_layout(&e.m, &b, 0);
	CHECK(unlink(join(dir, format == 3 ? "a/c/1/1/1" : "a/1/1/1")) == 0);
	for (uint64_t z = 64; z < 70; z++)
		for (uint64_t y = 64; y < 128; y++)
			memset(e.m.bytes + ((z * 130 + y) * 150 + 64) * 2, 0, 64 * 2);
	CHECK_OK(ozr_array_read(e.m.array, 1, &b, NULL, &err));
	CHECK(model_equals(&e.m, &b));

	ssize_t n = read_file(join(dir, meta), text, sizeof(text) - 1);
	CHECK(n > 0);
	text[n] = 0;
	char *extent = strstr(text, "130");
	CHECK(extent);
	memcpy(extent, "131", 3); /* it grew: chunks that we know are as they were */
	write_file(join(dir, meta), text, (size_t)n);
	CHECK_OK(ozr_array_read(e.m.array, 1, &b, NULL, &err));
	memcpy(extent, "129", 3);
	write_file(join(dir, meta), text, (size_t)n);
	CHECK_CODE(OZR_CHANGED, ozr_array_read(e.m.array, 1, &b, NULL, &err));
	CHECK(unlink(join(dir, meta)) == 0);
	CHECK_CODE(OZR_CHANGED, ozr_array_read(e.m.array, 1, &b, NULL, &err));
	free(memory);
	unmake(&e, dir);
}

static int always(void *user)
{
	(void)user;
	return 1;
}

static void check_arguments(const char *dir)
{
	struct ozr_array_options opt = volume("none", 0);
	struct ozr_call call = {.cancelled = always};
	struct env e;
	make(&e, dir, &opt, 0, 2);
	struct ozr_box good = all_of(&opt), b;
	void *memory = model_layout(&e.m, &good, 0);
	CHECK_CODE(OZR_CANCELLED, ozr_array_read(e.m.array, 1, &good, &call, &err));
	b = good;
	b.start[1] = 1;
	CHECK_CODE(OZR_BAD_ARG, ozr_array_read(e.m.array, 1, &b, NULL, &err));
	CHECK(strstr(err.msg, "axis 1"));
	b = good;
	b.step[0] = -1;
	CHECK_CODE(OZR_BAD_ARG, ozr_array_read(e.m.array, 1, &b, NULL, &err));
	b = good;
	b.step[2] = INT64_MAX;
	CHECK_CODE(OZR_BAD_ARG, ozr_array_read(e.m.array, 1, &b, NULL, &err));
	b.step[2] = INT64_MIN;
	CHECK_CODE(OZR_BAD_ARG, ozr_array_read(e.m.array, 1, &b, NULL, &err));
	b = good;
	b.dtype = OZR_DTYPES;
	CHECK_CODE(OZR_BAD_ARG, ozr_array_read(e.m.array, 1, &b, NULL, &err));
	b = good;
	b.stride[0] = 0;
	CHECK_CODE(OZR_BAD_ARG, ozr_array_read(e.m.array, 1, &b, NULL, &err));
	b = good;
	b.count[1] = 0;
	b.data = NULL;
	CHECK_OK(ozr_array_read(e.m.array, 1, &b, NULL, &err));
	CHECK_CODE(OZR_BAD_ARG, ozr_array_write(e.m.array, 1, &good, NULL, &err));
	CHECK_OK(ozr_array_read(e.m.array, 0, NULL, NULL, &err));
	ozr_array_advise(e.m.array, 1, &good);
	free(memory);
	unmake(&e, dir);
}

/* --- where chunks are ------------------------------------------------------------ */

static void check_locate(const char *dir, int sharded)
{
	struct ozr_array_options opt = volume("none", sharded);
	const uint64_t chunk[] = {0, 1, 2}, outside[] = {2, 0, 0};
	char key[1100];
	uint64_t offset, size;
	struct env e;
	opt.codec.no_checksum = 1;
	make(&e, dir, &opt, 0, 1);
	CHECK_OK(ozr_array_locate(e.m.array, chunk, key, &offset, &size, &err));
	CHECK(strcmp(key, sharded ? "a/c/0/0/1" : "a/c/0/1/2") == 0);
	CHECK(size == CHUNK_BYTES && (sharded || offset == 0));
	uint16_t *raw = malloc(CHUNK_BYTES), *model = (uint16_t *)(void *)e.m.bytes;
	int fd = open(join(dir, key), O_RDONLY);
	CHECK(fd >= 0 && pread(fd, raw, CHUNK_BYTES, (off_t)offset) == CHUNK_BYTES);
	close(fd);
	for (size_t z = 0; z < 64; z++)
		CHECK(memcmp(raw + z * 4096, model + (z * 130 + 64) * 150 + 128, 22 * 2) == 0);
	free(raw);
	CHECK_CODE(OZR_BAD_ARG, ozr_array_locate(e.m.array, outside, key, &offset, &size, &err));
	CHECK(unlink(join(dir, key)) == 0);
	CHECK_CODE(OZR_NOT_FOUND, ozr_array_locate(e.m.array, chunk, key, &offset, &size, &err));
	unmake(&e, dir);
}

/* --- odd ones --------------------------------------------------------------------- */

static void check_scalar(const char *dir)
{
	for (int format = 2; format <= 3; format++) {
		struct ozr_array_options opt = {.zarr_format = format, .dtype = OZR_INT32};
		struct env e;
		struct ozr_box b = {.dtype = OZR_INT64};
		make(&e, dir, &opt, 0, 1);
		model_check(&e.m, &b, 0);
		CHECK(exists(join(dir, format == 3 ? "a/c" : "a/0")) || e.m.bytes[0] == 0);
		unmake(&e, dir);
	}
}

/* v2 without dimension_separator: both styles are read. */
static void check_separators(const char *dir)
{
	static const char zarray[] =
		"{\"zarr_format\":2,\"shape\":[4,4],\"chunks\":[2,2],\"dtype\":\"|u1\","
		"\"compressor\":null,\"fill_value\":9,\"order\":\"C\",\"filters\":null}";
	for (int nested = 0; nested < 2; nested++) {
		struct ozr_ctx *ctx;
		struct ozr_store *store;
		struct ozr_array *a;
		unsigned char got[16];
		struct ozr_box b = {.count = {4, 4}, .dtype = OZR_UINT8, .data = got};
		CHECK(mkdir(join(dir, "a"), 0777) == 0);
		if (nested)
			CHECK(mkdir(join(dir, "a/0"), 0777) == 0);
		write_file(join(dir, "a/.zarray"), zarray, sizeof(zarray) - 1);
		write_file(join(dir, nested ? "a/0/0" : "a/0.0"), "\1\2\3\4", 4);
		CHECK_OK(ozr_ctx_new(NULL, &ctx, &err));
		CHECK_OK(ozr_store_open_dir(ctx, dir, OZR_READ, OZR_FLUSH_NONE, &store, &err));
		CHECK_OK(ozr_array_open(store, "a", OZR_READ, &a, &err));
		ozr_box_contiguous(&b, 2);
		CHECK_OK(ozr_array_read(a, 1, &b, NULL, &err));
		CHECK(memcmp(got, "\1\2\11\11\3\4\11\11\11\11\11\11\11\11\11\11", 16) == 0);
		ozr_array_close(a);
		ozr_store_unref(store);
		ozr_ctx_unref(ctx);
		remove_tree(join(dir, "a"));
	}
}

/* Two elements very far apart: planned without walking between them. */
static void check_far(const char *dir)
{
	const uint64_t huge = INT64_MAX;
	struct ozr_array_options opt = {.dtype = OZR_UINT8, .rank = 3, .chunk = {1, 1, 1}};
	struct ozr_ctx *ctx;
	struct ozr_store *store;
	struct ozr_array *a;
	unsigned char got[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct ozr_box b[3];
	memset(b, 0, sizeof(b));
	CHECK_OK(ozr_ctx_new(NULL, &ctx, &err));
	CHECK_OK(ozr_store_open_dir(ctx, dir, OZR_UPDATE, OZR_FLUSH_NONE, &store, &err));
	for (unsigned d = 0; d < 3; d++) {
		opt.shape[d] = huge;
		b[0].count[d] = b[1].count[d] = 1;
		b[1].start[d] = huge - 1;
		b[2].count[d] = 2; /* the corners, by one step */
		b[2].step[d] = (int64_t)huge - 1;
		b[2].stride[d] = 1 << d;
		b[0].stride[d] = b[1].stride[d] = 1;
	}
	b[0].data = &got[0];
	b[1].data = &got[1];
	b[2].data = got;
	b[0].dtype = b[1].dtype = b[2].dtype = OZR_UINT8;
	CHECK_OK(ozr_array_create(store, "a", &opt, &a, &err));
	CHECK_OK(ozr_array_write(a, 2, b, NULL, &err));
	memset(got, 0, sizeof(got));
	CHECK_OK(ozr_array_read(a, 1, &b[2], NULL, &err));
	CHECK(memcmp(got, "\1\0\0\0\0\0\0\2", 8) == 0);
	ozr_array_close(a);
	ozr_store_unref(store);
	ozr_ctx_unref(ctx);
	remove_tree(join(dir, "a"));
}

/* A real store, against c-blosc on its chunk files. */
static void check_heart(void)
{
	const char *shared = getenv("OZR_SHARED");
	char dir[PATH_MAX];
	enum { C = 64, Z = 120, Y = 120, X = 139 };
	snprintf(dir, sizeof(dir), "%s/data/hoa_heart.zarr", shared ? shared : "../shared");
	if (!exists(dir)) {
		fprintf(stderr, "no %s: skipped\n", dir);
		return;
	}
	struct ozr_ctx *ctx;
	struct ozr_store *store;
	struct ozr_array *a;
	struct ozr_box b = {.count = {Z, Y, X}, .dtype = OZR_UINT8};
	unsigned char *got = malloc(Z * Y * X), *file = malloc(1 << 20), *chunk = malloc(C * C * C);
	b.data = got;
	ozr_box_contiguous(&b, 3);
	CHECK_OK(ozr_ctx_new(NULL, &ctx, &err));
	CHECK_OK(ozr_store_open_dir(ctx, dir, OZR_READ, OZR_FLUSH_NONE, &store, &err));
	CHECK_OK(ozr_array_open(store, "", OZR_READ, &a, &err));
	CHECK_OK(ozr_array_read(a, 1, &b, NULL, &err));
	for (size_t i = 0; i < 12; i++) {
		size_t z = i / 6, y = i / 3 % 2, x = i % 3;
		char name[16];
		snprintf(name, sizeof(name), "%zu.%zu.%zu", z, y, x);
		CHECK(read_file(join(dir, name), file, 1 << 20) > 0);
		CHECK(blosc_decompress_ctx(file, chunk, C * C * C, 1) == C * C * C);
		for (size_t k = 0; k < C && z * C + k < Z; k++)
			for (size_t j = 0; j < C && y * C + j < Y; j++)
				CHECK(memcmp(got + ((z * C + k) * Y + y * C + j) * X + x * C,
					     chunk + (k * C + j) * C,
					     x * C + C <= X ? C : X - x * C) == 0);
	}
	free(got);
	free(file);
	free(chunk);
	ozr_array_close(a);
	ozr_store_unref(store);
	ozr_ctx_unref(ctx);
}

int main(void)
{
	static const char *const codecs[] = {"blosc-zstd", "zstd", "none", "blosc-lz4", "gzip"};
	char dir[PATH_MAX];
	temp_dir(dir);
	for (int sharded = 0; sharded < 2; sharded++) {
		for (unsigned c = 0; c < 5; c++)
			check_whole(dir, codecs[c], sharded, 1 + 3 * (c % 2));
		for (unsigned c = 0; c < 3; c++)
			for (unsigned axis = 0; axis < 3; axis++)
				check_planes(dir, codecs[c], sharded, axis, 1 + axis);
		check_bands(dir, sharded);
		check_damage(dir, sharded);
		check_first_damage(dir, sharded);
		check_faults(dir, sharded);
		check_locate(dir, sharded);
	}
	check_window(dir);
	check_absence(dir, 2);
	check_absence(dir, 3);
	check_arguments(dir);
	check_scalar(dir);
	check_separators(dir);
	check_far(dir);
	remove_tree(dir);
	check_heart();
	return 0;
}
