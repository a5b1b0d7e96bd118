/* SPDX-License-Identifier: MIT */
/*
 * Building pyramids by pull and push: whatever the source's blocks, the order
 * of the boxes, the threads and the budget, every level equals the model of
 * scene.h; failures and cancelling leave nothing behind.
 */
#include "../support/fault.h"
#include "../support/scene.h"
#include "ome/image_impl.h"

static uint64_t seed = 11;

static uint64_t below(uint64_t n)
{
	return next_random(&seed) % n;
}

static struct ozr_image_options volume(enum ozr_dtype t)
{
	const uint64_t shape[] = {70, 90, 131}, chunk[] = {16, 32, 32};
	return scene_options(t, 3, shape, chunk);
}

static struct ozr_image_options plane(enum ozr_dtype t)
{
	const uint64_t shape[] = {517, 1001}, chunk[] = {64, 96};
	return scene_options(t, 2, shape, chunk);
}

static struct ozr_image_options channels(enum ozr_dtype t)
{
	static const unsigned factors[] = {1, 1, 2, 3, 1, 2, 2, 2};
	const uint64_t shape[] = {3, 20, 75, 64}, chunk[] = {1, 8, 16, 32};
	struct ozr_image_options opt = scene_options(t, 4, shape, chunk);
	opt.factors = factors;
	opt.factor_sets = 2;
	return opt;
}

static void pull_once(struct scene *s, unsigned threads, size_t budget, const uint64_t *block)
{
	struct ozr_ctx *ctx = scene_ctx(threads, NULL);
	struct ozr_store *store = scene_store_mem(ctx);
	struct ozr_image *img = scene_image(s, store);
	const struct ozr_call call = {.budget = budget};
	struct ozr_err err;
	for (unsigned d = 0; d < s->opt.rank; d++)
		s->source.block[d] = block[d];
	CHECK_OK(ozr_pyramid_pull(img, &s->source, &call, &err));
	scene_asked_once(s);
	CHECK_OK(ozr_image_commit(img, NULL, &err));
	scene_compare(s, img);
	ozr_image_close(img);
	ozr_store_unref(store);
	ozr_ctx_unref(ctx);
}

static void pull_blocks(const struct ozr_image_options *opt)
{
	static const size_t budgets[] = {0, 1 << 20, 200000, 1};
	struct scene s;
	scene_open(&s, opt);
	CHECK(s.levels > 2);
	scene_paint(&s, 1);
	for (unsigned i = 0; i < 24; i++) {
		uint64_t block[OZR_MAX_RANK] = {0};
		for (unsigned d = 0; d < opt->rank; d++) {
			const uint64_t full = opt->shape[d];
			const int fast = d + 2 >= opt->rank;
			const uint64_t by_kind[] = {0,
						    d + 1 == opt->rank ? full : 1,
						    fast ? full : 1,
						    fast ? 32 : 1,
						    7,
						    1 + below(full)};
			block[d] = by_kind[i % 6];
		}
		pull_once(&s, i % 3 ? 4 : 1, budgets[i / 6], block);
	}
	scene_close(&s);
}

static void test_pull(void)
{
	struct ozr_image_options opt = volume(OZR_UINT16);
	pull_blocks(&opt);
	opt = plane(OZR_UINT8);
	pull_blocks(&opt);
	opt = channels(OZR_FLOAT32);
	pull_blocks(&opt);
	opt = volume(OZR_UINT8);
	opt.method = OZR_MODE;
	pull_blocks(&opt);
	opt = plane(OZR_INT16);
	opt.method = OZR_NEAREST;
	pull_blocks(&opt);
	opt = volume(OZR_UINT8);
	opt.has_nodata = 1;
	opt.nodata[0] = 3;
	pull_blocks(&opt);
	opt = volume(OZR_UINT16); /* shards */
	opt.no_shards = 0;
	opt.shard[0] = 32;
	opt.shard[1] = opt.shard[2] = 64;
	pull_blocks(&opt);
	opt = volume(OZR_UINT16);
	opt.ome_version = 4;
	pull_blocks(&opt);
}

/* Shapes and chunks that do not go together. */
static void test_odd_shapes(void)
{
	for (int round = 0; round < 40; round++) {
		uint64_t shape[4], chunk[4], block[4];
		unsigned factors[4];
		const unsigned rank = 2 + (unsigned)below(3);
		for (unsigned d = 0; d < rank; d++) {
			shape[d] = 1 + below(rank == 4 ? 20 : 60);
			chunk[d] = 1 + below(12);
			block[d] = below(20);
			factors[d] = 1 + (unsigned)below(4);
		}
		struct ozr_image_options opt = scene_options(OZR_UINT16, rank, shape, chunk);
		opt.levels = 2 + (int)below(3);
		opt.factors = factors;
		opt.factor_sets = 1;
		if (rank == 4)
			factors[0] = 1;
		struct scene s;
		scene_open(&s, &opt);
		scene_paint(&s, (uint64_t)round);
		pull_once(&s, 2, round % 2 ? 0 : 3000, block);
		scene_close(&s);
	}
}

/* --- push ---------------------------------------------------------------------------- */

/* Boxes that cover level 0, in random order, pushed by several threads. */
struct pushing {
	struct scene *s;
	struct ozr_image *img;
	struct ozr_box *box;
	size_t n;
	_Atomic size_t next;
	size_t budget;
};

static void cut(struct pushing *p, const uint64_t *step)
{
	const struct scene *s = p->s;
	uint64_t grid[OZR_MAX_RANK], at[OZR_MAX_RANK] = {0};
	size_t most = 1;
	for (unsigned d = 0; d < s->opt.rank; d++) {
		grid[d] = (s->opt.shape[d] + step[d] - 1) / step[d];
		most *= (size_t)grid[d];
	}
	p->box = calloc(most, sizeof *p->box);
	CHECK(p->box);
	p->n = 0;
	do {
		struct ozr_box *b = &p->box[p->n++];
		struct ozr_box all = {.dtype = s->opt.dtype};
		size_t offset = 0;
		memcpy(all.count, s->opt.shape, sizeof all.count);
		ozr_box_contiguous(&all, s->opt.rank);
		b->dtype = s->opt.dtype;
		for (unsigned d = 0; d < s->opt.rank; d++) {
			const uint64_t rest = s->opt.shape[d] - at[d] * step[d];
			b->start[d] = at[d] * step[d];
			b->count[d] = rest < step[d] ? rest : step[d];
			b->stride[d] = all.stride[d];
			offset += (size_t)b->start[d] * (size_t)all.stride[d];
		}
		b->data = s->want[0] + offset;
	} while (scene_step(at, grid, s->opt.rank));
	for (size_t i = p->n; i > 1; i--) {
		const size_t j = (size_t)below(i);
		const struct ozr_box swap = p->box[i - 1];
		p->box[i - 1] = p->box[j];
		p->box[j] = swap;
	}
}

static void *push_some(void *arg)
{
	struct pushing *p = arg;
	const struct ozr_call call = {.budget = p->budget};
	struct ozr_err err;
	for (;;) {
		const size_t i = atomic_fetch_add(&p->next, 1);
		if (i >= p->n)
			return NULL;
		CHECK_OK(ozr_pyramid_push(p->img, &p->box[i], &call, &err));
	}
}

static void push_all(struct pushing *p, unsigned threads)
{
	pthread_t id[8];
	p->next = 0;
	for (unsigned i = 0; i < threads; i++)
		CHECK(pthread_create(&id[i], NULL, push_some, p) == 0);
	for (unsigned i = 0; i < threads; i++)
		pthread_join(id[i], NULL);
}

static void push_scene(struct scene *s, const uint64_t *step, size_t budget, unsigned threads,
		       size_t skip)
{
	struct ozr_ctx *ctx = scene_ctx(3, NULL);
	struct ozr_store *store = scene_store_mem(ctx);
	struct pushing p = {.s = s, .img = scene_image(s, store), .budget = budget};
	struct ozr_err err;
	cut(&p, step);
	p.n -= skip;
	push_all(&p, threads);
	/* What was not pushed is the fill value; the levels above follow. */
	for (size_t i = p.n; i < p.n + skip; i++) {
		uint64_t at[OZR_MAX_RANK] = {0};
		do {
			unsigned char *to = p.box[i].data;
			for (unsigned d = 0; d < s->opt.rank; d++)
				to += (int64_t)at[d] * p.box[i].stride[d];
			memcpy(to, s->opt.fill, s->size);
		} while (scene_step(at, p.box[i].count, s->opt.rank));
	}
	if (skip)
		scene_levels(s);
	if (budget % 2) /* commit finishes, too */
		CHECK_OK(ozr_pyramid_finish(p.img, NULL, &err));
	CHECK_OK(ozr_image_commit(p.img, NULL, &err));
	scene_compare(s, p.img);
	free(p.box);
	ozr_image_close(p.img);
	ozr_store_unref(store);
	ozr_ctx_unref(ctx);
}

static void test_push(void)
{
	const struct ozr_image_options opts[] = {volume(OZR_UINT16), channels(OZR_FLOAT32),
						 plane(OZR_UINT8)};
	for (size_t i = 0; i < 3; i++) {
		struct scene s;
		scene_open(&s, &opts[i]);
		scene_paint(&s, i);
		for (int round = 0; round < 8; round++) {
			const size_t budgets[] = {0, 1, 100001, 1 << 20};
			uint64_t step[OZR_MAX_RANK];
			for (unsigned d = 0; d < s.opt.rank; d++)
				step[d] = round == 0 ? s.opt.chunk[d]
						     : s.opt.shape[d] / 7 + 1 + below(40);
			push_scene(&s, step, budgets[round % 4], 1 + (unsigned)round % 4, 0);
		}
		scene_close(&s);
	}
}

static void test_push_incomplete(void)
{
	for (int round = 0; round < 8; round++) {
		struct ozr_image_options opt =
			round % 2 ? channels(OZR_FLOAT32) : volume(OZR_UINT8);
		const float fill = 0.1f; /* no mean of itself */
		struct scene s;
		uint64_t step[OZR_MAX_RANK];
		if (round % 2)
			memcpy(opt.fill, &fill, sizeof fill);
		else
			opt.fill[0] = 9;
		scene_open(&s, &opt);
		scene_paint(&s, 3);
		for (unsigned d = 0; d < opt.rank; d++)
			step[d] = opt.shape[d] / 4 + 1 + below(8);
		push_scene(&s, step, round < 4 ? 0 : 5001, 2, 1 + (size_t)below(20));
		scene_close(&s);
	}
}

/* Boxes of another type are converted by ozr_convert()'s rules. */
static void test_push_converts(void)
{
	struct ozr_image_options opt = plane(OZR_UINT8);
	struct ozr_ctx *ctx = scene_ctx(2, NULL);
	struct ozr_store *store = scene_store_mem(ctx);
	struct ozr_err err;
	struct scene s;
	scene_open(&s, &opt);
	scene_paint(&s, 1);
	struct ozr_image *img = scene_image(&s, store);
	const size_t n = scene_elements(&s, 0);
	double *values = malloc(n * sizeof *values);
	CHECK(values);
	for (size_t i = 0; i < n; i++)
		values[i] = s.want[0][i] + (i % 3 ? 0.25 : -0.25);
	struct ozr_box box = {.data = values, .dtype = OZR_FLOAT64};
	memcpy(box.count, opt.shape, sizeof box.count);
	ozr_box_contiguous(&box, 2);
	for (size_t i = 0; i < n; i++)
		s.want[0][i] = values[i] < 0 ? 0 : s.want[0][i];
	CHECK_OK(ozr_pyramid_push(img, &box, NULL, &err));
	CHECK_OK(ozr_image_commit(img, NULL, &err));
	scene_compare(&s, img);
	free(values);
	ozr_image_close(img);
	ozr_store_unref(store);
	ozr_ctx_unref(ctx);
	scene_close(&s);
}

static void test_push_mistakes(void)
{
	struct ozr_image_options opt = plane(OZR_UINT8);
	const struct ozr_call call = {.threads = 1};
	struct ozr_ctx *ctx = scene_ctx(2, NULL);
	struct ozr_err err;
	struct scene s;
	scene_open(&s, &opt);
	for (int kind = 0; kind < 4; kind++) {
		struct ozr_store *store = scene_store_mem(ctx);
		struct ozr_image *img = scene_image(&s, store);
		struct ozr_box box = {.data = s.want[0],
				      .dtype = OZR_UINT8,
				      .count = {517, 1001},
				      .stride = {1001, 1}};
		if (kind == 0) { /* outside */
			box.start[1] = 1;
			CHECK_CODE(OZR_BAD_ARG, ozr_pyramid_push(img, &box, &call, &err));
			box.count[1] = 1000;
			CHECK_OK(ozr_pyramid_push(img, &box, &call, &err));
		} else { /* all and all, all and one, one and all */
			box.count[0] = kind == 3 ? 1 : 517;
			CHECK_OK(ozr_pyramid_push(img, &box, &call, &err));
			box.count[0] = kind == 2 ? 1 : 517;
			CHECK_CODE(OZR_BAD_ARG, ozr_pyramid_push(img, &box, &call, &err));
			CHECK(strstr(err.msg, "twice"));
			CHECK_CODE(OZR_BAD_ARG, ozr_pyramid_finish(img, &call, &err));
		}
		ozr_image_close(img);
		ozr_store_unref(store);
	}
	ozr_ctx_unref(ctx);
	scene_close(&s);
}

/* --- statistics ---------------------------------------------------------------------- */

static void test_range(void)
{
	struct ozr_image_options opt = channels(OZR_FLOAT32);
	const float nodata = -5;
	struct ozr_ctx *ctx = scene_ctx(2, NULL);
	struct ozr_store *store = scene_store_mem(ctx);
	struct ozr_err err;
	struct scene s;
	opt.omero = 1;
	opt.has_nodata = 1;
	memcpy(opt.nodata, &nodata, sizeof nodata);
	scene_open(&s, &opt);
	scene_paint(&s, 8);
	const size_t third = scene_elements(&s, 0) / 3;
	float *v = (float *)(void *)s.want[0];
	v[third / 2] = -5;
	for (size_t i = 0; i < 2 * third; i++)
		v[i] += i < third ? 0.0f : 10.0f;
	v[third + 7] = -3;
	scene_levels(&s);
	struct ozr_image *img = scene_image(&s, store);
	CHECK(img->stats_count == 3);
	CHECK_OK(ozr_pyramid_pull(img, &s.source, NULL, &err));
	for (size_t c = 0; c < 3; c++) {
		double low = HUGE_VAL, high = -HUGE_VAL;
		for (size_t i = c * third; i < (c + 1) * third; i++) {
			if (isnan(v[i]) || v[i] == nodata)
				continue;
			low = (double)v[i] < low ? (double)v[i] : low;
			high = (double)v[i] > high ? (double)v[i] : high;
		}
		CHECK(img->stats[c].any && img->stats[c].min == low && img->stats[c].max == high);
	}
	CHECK(img->stats[1].min == -3);
	CHECK_OK(ozr_image_commit(img, NULL, &err));
	scene_compare(&s, img);
	ozr_image_close(img);
	ozr_store_unref(store);
	ozr_ctx_unref(ctx);
	scene_close(&s);
}

/* --- failures ------------------------------------------------------------------------ */

static int failing_read(void *user, const struct ozr_box *box, struct ozr_err *err)
{
	struct scene *s = user;
	if (s->reads == 3)
		return ozr_fail(err, OZR_CORRUPT, "the source is damaged");
	return scene_read(user, box, err);
}

static void test_source_fails(void)
{
	struct ozr_image_options opt = volume(OZR_UINT16);
	const struct ozr_call call = {.budget = 1 << 20};
	struct ozr_ctx *ctx = scene_ctx(3, NULL);
	struct ozr_store *store = scene_store_mem(ctx);
	struct ozr_err err;
	struct scene s;
	scene_open(&s, &opt);
	struct ozr_image *img = scene_image(&s, store);
	s.source.read = failing_read;
	CHECK_CODE(OZR_CORRUPT, ozr_pyramid_pull(img, &s.source, &call, &err));
	CHECK(strstr(err.msg, "the source is damaged"));
	CHECK_CODE(OZR_BAD_ARG, ozr_pyramid_pull(img, &s.source, &call, &err));
	CHECK_CODE(OZR_CORRUPT, ozr_image_commit(img, NULL, &err));
	ozr_image_close(img);
	CHECK(ozr_image_probe(store, "") == 0);
	ozr_store_unref(store);
	ozr_ctx_unref(ctx);
	scene_close(&s);
}

static int scratch_fails(int n, int error)
{
	struct ozr_image_options opt = volume(OZR_UINT16);
	const struct ozr_call call = {.budget = 20000};
	struct ozr_ctx *ctx = scene_ctx(2, &fault_sys);
	struct ozr_store *store = scene_store_mem(ctx);
	struct ozr_err err;
	struct scene s;
	scene_open(&s, &opt);
	struct ozr_image *img = scene_image(&s, store);
	s.source.block[0] = 1;
	s.source.block[1] = opt.shape[1];
	s.source.block[2] = opt.shape[2];
	fault_arm(FAULT_PWRITE, n, error, 1);
	const int rc = ozr_pyramid_pull(img, &s.source, &call, &err);
	const int struck = fault_disarm();
	CHECK(struck == (rc != OZR_OK));
	CHECK(!rc || (rc == OZR_IO && err.sys == error));
	ozr_image_close(img);
	ozr_store_unref(store);
	ozr_ctx_unref(ctx);
	scene_close(&s);
	return rc;
}

/* A full disk under the scratch file. */
static void test_scratch_fails(void)
{
	int n = 1;
	while (n < 100000 && scratch_fails(n, ENOSPC))
		n *= 3;
	CHECK(n > 9 && n < 100000);
}

struct stopping {
	int after; /* calls of cancelled() or progress() */
	double last;
	int polls;
};

static int stop_cancelled(void *user)
{
	struct stopping *s = user;
	s->polls++;
	return s->after >= 0 && s->polls > s->after;
}

static int watch_progress(void *user, double fraction)
{
	struct stopping *s = user;
	CHECK(fraction >= s->last && fraction <= 1);
	s->last = fraction;
	return 0;
}

static int stop_progress(void *user, double fraction)
{
	struct stopping *s = user;
	watch_progress(user, fraction);
	return fraction * 1000 >= s->after;
}

static int cancelled_pull(int after, int by_progress)
{
	struct ozr_image_options opt = volume(OZR_UINT16);
	struct stopping stop = {.after = after};
	struct ozr_call call = {.user = &stop, .budget = 1 << 19};
	struct ozr_ctx *ctx = scene_ctx(3, NULL);
	struct ozr_image *img = NULL;
	char dir[PATH_MAX];
	struct ozr_err err;
	struct scene s;
	if (by_progress)
		call.progress = stop_progress;
	else
		call.cancelled = stop_cancelled;
	temp_dir(dir);
	scene_open(&s, &opt);
	s.source.block[0] = 1;
	CHECK_OK(ozr_image_create_dir(ctx, join(dir, "a.ome.zarr"), 0, OZR_FLUSH_NONE, &opt, &img,
				      &err));
	const int rc = ozr_pyramid_pull(img, &s.source, &call, &err);
	CHECK(rc == OZR_OK || rc == OZR_CANCELLED);
	ozr_image_close(img);
	CHECK(count_entries(dir, "") == 0);
	ozr_ctx_unref(ctx);
	remove_tree(dir);
	scene_close(&s);
	return rc;
}

static void test_cancel(void)
{
	int cancelled = 0;
	for (int after = 0; after < 1000; after = after * 3 + 1)
		cancelled += cancelled_pull(after, 0) == OZR_CANCELLED;
	CHECK(cancelled > 2);
	CHECK(cancelled_pull(0, 1) == OZR_CANCELLED);
	CHECK(cancelled_pull(10, 1) == OZR_CANCELLED);
	CHECK(cancelled_pull(500, 1) == OZR_CANCELLED);
	CHECK(cancelled_pull(1000, 1) == OZR_CANCELLED);
	CHECK(cancelled_pull(1001, 1) == OZR_OK);
}

int main(void)
{
	test_pull();
	test_odd_shapes();
	test_push();
	test_push_incomplete();
	test_push_converts();
	test_push_mistakes();
	test_range();
	test_source_fails();
	test_scratch_fails();
	test_cancel();
	return 0;
}
