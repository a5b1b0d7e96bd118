/* SPDX-License-Identifier: MIT */
/*
 * Random boxes written to an array and to a flat model, in memory and in a
 * directory, with every layout, format, codec, budget and number of threads;
 * read back through the same handle, through a new one, and after updates.
 */
#include "base/ctx.h"
#include "support/model.h"

static struct ozr_err err;

static void write_random(struct model *m, const struct ozr_call *call, unsigned layout)
{
	struct ozr_box b = model_box(m, 0);
	if (next_random(&m->random) % 8 == 0)
		b.dtype = OZR_FLOAT64;
	void *memory = model_layout(m, &b, layout);
	model_values(m, &b, memory);
	CHECK_OK(ozr_array_write(m->array, 1, &b, call, &err));
	model_write(m, &b);
	free(memory);
}

static void read_random(struct model *m)
{
	struct ozr_box b = model_box(m, 1);
	if (next_random(&m->random) % 4 == 0)
		b.dtype = (enum ozr_dtype)(next_random(&m->random) % OZR_DTYPES);
	model_check(m, &b, (unsigned)(next_random(&m->random) % 4));
}

static void run_case(struct ozr_store *store, const struct ozr_array_options *opt, size_t budget,
		     uint64_t seed)
{
	struct model m = {.ctx = store->ctx, .store = store, .random = seed};
	struct ozr_call call = {.budget = budget};
	char path[32];
	snprintf(path, sizeof(path), "a%llu", (unsigned long long)seed);
	model_init(&m, opt);
	CHECK_OK(ozr_array_create(store, path, opt, &m.array, &err));
	for (int i = 0; i < 12; i++) {
		write_random(&m, &call, (unsigned)i % 4);
		if (i % 5 == 4)
			read_random(&m);
	}
	CHECK_OK(ozr_array_flush(m.array, NULL, &err));
	model_check_all(&m);
	ozr_array_close(m.array);

	CHECK_OK(ozr_array_open(store, path, OZR_UPDATE, &m.array, &err));
	for (int i = 0; i < 6; i++)
		read_random(&m);
	for (int i = 0; i < 6; i++) {
		write_random(&m, &call, (unsigned)i % 4);
		if (i % 2)
			read_random(&m);
	}
	CHECK_OK(ozr_array_flush(m.array, NULL, &err));
	ozr_array_close(m.array);
	CHECK_OK(ozr_array_open(store, path, OZR_READ, &m.array, &err));
	model_check_all(&m);
	model_close(&m);
}

static void set_options(struct ozr_array_options *opt, uint64_t *random)
{
	static const char *const codecs[] = {"blosc-zstd", "zstd", "gzip", "none", "blosc-lz4"};
	uint64_t r = next_random(random);
	memset(opt, 0, sizeof(*opt));
	opt->zarr_format = r % 3 == 0 ? 2 : 3;
	opt->dtype = (enum ozr_dtype)(r / 8 % OZR_DTYPES);
	opt->rank = (unsigned)(r / 128 % 4) + 1;
	strcpy(opt->codec.codec, codecs[r / 1024 % 5]);
	int sharded = opt->zarr_format == 3 && r / 16384 % 2;
	for (unsigned d = 0; d < opt->rank; d++) {
		static const uint64_t extents[] = {4000, 120, 33, 12};
		uint64_t n = extents[opt->rank - 1];
		opt->shape[d] = next_random(random) % n + 1;
		opt->chunk[d] = next_random(random) % (n / 2) + 1;
		if (sharded)
			opt->shard[d] = opt->chunk[d] * (next_random(random) % 3 + 1);
		opt->order[d] = d;
	}
	if (opt->zarr_format == 3 && opt->rank > 1 && r / 32768 % 2) {
		unsigned d = (unsigned)(r / 65536) % (opt->rank - 1), swap = opt->order[d];
		opt->order[d] = opt->order[d + 1];
		opt->order[d + 1] = swap;
	}
	if (r / 131072 % 2) {
		double fill = 7;
		ozr_convert(&fill, OZR_FLOAT64, 0, opt->fill, opt->dtype, 0, 1);
	}
}

static void run_random(struct ozr_store *store, uint64_t seed, int rounds)
{
	static const size_t budgets[] = {0, 1, 20000, 400000};
	uint64_t random = seed;
	for (int i = 0; i < rounds; i++) {
		struct ozr_array_options opt;
		set_options(&opt, &random);
		run_case(store, &opt, budgets[i % 4], seed * 1000 + (uint64_t)i);
	}
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 60;
	char dir[PATH_MAX];
	for (unsigned threads = 1; threads <= 3; threads += 2) {
		struct ozr_ctx_options co = {.threads = threads};
		struct ozr_ctx *ctx;
		struct ozr_store *store;
		CHECK_OK(ozr_ctx_new(&co, &ctx, &err));
		CHECK_OK(ozr_store_open_mem(ctx, &store, &err));
		run_random(store, threads, rounds);
		ozr_store_unref(store);
		temp_dir(dir);
		CHECK_OK(ozr_store_open_dir(ctx, dir, OZR_UPDATE, OZR_FLUSH_NONE, &store, &err));
		run_random(store, 10 + threads, rounds / 2);
		ozr_store_unref(store);
		remove_tree(dir);
		struct ozr_stats st;
		ozr_ctx_stats(ctx, &st);
		ozr_ctx_unref(ctx);
	}
	return 0;
}
