/* SPDX-License-Identifier: MIT */
/*
 * Levels that follow changes of level 0: refreshing regions gives what a full
 * build gives, extending by any steps gives what building at once gives; the
 * memory of a build stays within its budget, and its bytes do not depend on
 * threads or on the way it was built.
 */
#include "../support/scene.h"

static uint64_t seed = 3;

static uint64_t below(uint64_t n)
{
	return next_random(&seed) % n;
}

static struct ozr_image_options volume(enum ozr_dtype t)
{
	const uint64_t shape[] = {45, 70, 99}, chunk[] = {8, 16, 32};
	return scene_options(t, 3, shape, chunk);
}

static struct ozr_image_options sharded(enum ozr_dtype t)
{
	struct ozr_image_options opt = volume(t);
	opt.no_shards = 0;
	opt.shard[0] = 16;
	opt.shard[1] = 32;
	opt.shard[2] = 64;
	return opt;
}

static void build(struct scene *s, struct ozr_store *store)
{
	struct ozr_image *img = scene_image(s, store);
	struct ozr_err err;
	CHECK_OK(ozr_pyramid_pull(img, &s->source, NULL, &err));
	CHECK_OK(ozr_image_commit(img, NULL, &err));
	ozr_image_close(img);
}

static struct ozr_image *reopen(struct ozr_store *store, int flags)
{
	struct ozr_image *img = NULL;
	struct ozr_err err;
	CHECK_OK(ozr_image_open(store, "", flags, &img, &err));
	return img;
}

/* The part of the scene's level 0 at a box. */
static void point_at(const struct scene *s, struct ozr_box *box)
{
	struct ozr_box all = {.dtype = s->opt.dtype};
	unsigned char *p = s->want[0];
	memcpy(all.count, s->plan[0].shape, sizeof all.count);
	ozr_box_contiguous(&all, s->opt.rank);
	box->dtype = s->opt.dtype;
	for (unsigned d = 0; d < s->opt.rank; d++) {
		box->stride[d] = all.stride[d];
		p += (int64_t)box->start[d] * all.stride[d];
	}
	box->data = p;
}

/* Change a random region of level 0, in the scene and in the image. */
static void change(struct scene *s, struct ozr_image *img, struct ozr_box *box)
{
	uint64_t at[OZR_MAX_RANK] = {0};
	struct ozr_err err;
	memset(box, 0, sizeof *box);
	for (unsigned d = 0; d < s->opt.rank; d++) {
		const uint64_t n = s->plan[0].shape[d];
		box->start[d] = below(n);
		box->count[d] = 1 + below(n - box->start[d]);
	}
	point_at(s, box);
	do {
		unsigned char *p = box->data;
		for (unsigned d = 0; d < s->opt.rank; d++)
			p += (int64_t)at[d] * box->stride[d];
		scene_store(p, s->opt.dtype, (double)below(200));
	} while (scene_step(at, box->count, s->opt.rank));
	CHECK_OK(ozr_array_write(ozr_image_level(img, 0), 1, box, NULL, &err));
	scene_levels(s);
}

static void refresh(const struct ozr_image_options *opt)
{
	struct ozr_ctx *ctx = scene_ctx(3, NULL);
	struct ozr_store *store = scene_store_mem(ctx);
	struct ozr_err err;
	struct scene s;
	scene_open(&s, opt);
	scene_paint(&s, 4);
	build(&s, store);
	struct ozr_image *img = reopen(store, OZR_UPDATE);
	for (int round = 0; round < 10; round++) {
		const size_t budgets[] = {0, 70000, 1 << 20};
		const struct ozr_call call = {.budget = budgets[round % 3],
					      .threads = (unsigned)round % 4};
		struct ozr_box box;
		change(&s, img, &box);
		if (round == 5) /* everything */
			CHECK_OK(ozr_pyramid_refresh(img, 0, NULL, NULL, &call, &err));
		else
			CHECK_OK(ozr_pyramid_refresh(img, 0, box.start, box.count, &call, &err));
		scene_compare(&s, img);
	}
	ozr_image_close(img);
	img = reopen(store, OZR_READ);
	scene_compare(&s, img);
	ozr_image_close(img);
	ozr_store_unref(store);
	ozr_ctx_unref(ctx);
	scene_close(&s);
}

static void test_refresh(void)
{
	struct ozr_image_options opt = volume(OZR_UINT16);
	refresh(&opt);
	opt.ome_version = 4;
	refresh(&opt);
	opt = sharded(OZR_UINT8);
	refresh(&opt);
	opt = sharded(OZR_FLOAT32);
	refresh(&opt);
	opt = volume(OZR_UINT8);
	opt.method = OZR_MODE;
	opt.is_label = 1;
	refresh(&opt);
}

static void test_refresh_mistakes(void)
{
	struct ozr_image_options opt = volume(OZR_UINT16);
	const uint64_t start[] = {0, 0, 0}, count[] = {1, 1, 100};
	struct ozr_ctx *ctx = scene_ctx(2, NULL);
	struct ozr_store *store = scene_store_mem(ctx);
	struct ozr_err err;
	struct scene s;
	scene_open(&s, &opt);
	build(&s, store);
	struct ozr_image *img = reopen(store, OZR_UPDATE);
	CHECK_CODE(OZR_BAD_ARG, ozr_pyramid_refresh(img, 9, NULL, NULL, NULL, &err));
	CHECK_CODE(OZR_BAD_ARG, ozr_pyramid_refresh(img, 0, start, count, NULL, &err));
	CHECK_OK(ozr_pyramid_refresh(img, 3, NULL, NULL, NULL, &err));
	CHECK_OK(ozr_pyramid_refresh(img, 0, start, start, NULL, &err)); /* nothing */
	ozr_image_close(img);
	ozr_store_unref(store);
	ozr_ctx_unref(ctx);
	scene_close(&s);
}

/* --- extend --------------------------------------------------------------------------- */

/* The scene's first `n` elements along an axis, as a scene of its own. */
static void cut_scene(const struct scene *s, unsigned axis, uint64_t n, struct scene *part)
{
	struct ozr_image_options opt = s->opt;
	struct ozr_box from = {.start = {0}};
	uint64_t at[OZR_MAX_RANK] = {0};
	size_t i = 0;
	opt.shape[axis] = n;
	scene_open(part, &opt);
	point_at(s, &from);
	do {
		const unsigned char *p = from.data;
		for (unsigned d = 0; d < opt.rank; d++)
			p += (int64_t)at[d] * from.stride[d];
		memcpy(part->want[0] + i++ * s->size, p, s->size);
	} while (scene_step(at, opt.shape, opt.rank));
	scene_levels(part);
}

/* The scene as a source, box by box. */
static int read_scene(void *user, const struct ozr_box *box, struct ozr_err *err)
{
	const struct scene *s = user;
	struct ozr_box from = {.start = {0}};
	uint64_t at[OZR_MAX_RANK] = {0};
	(void)err;
	memcpy(from.start, box->start, sizeof from.start);
	point_at(s, &from);
	do {
		const unsigned char *p = from.data;
		unsigned char *q = box->data;
		for (unsigned d = 0; d < s->opt.rank; d++) {
			p += (int64_t)at[d] * from.stride[d];
			q += (int64_t)at[d] * box->stride[d];
		}
		memcpy(q, p, s->size);
	} while (scene_step(at, box->count, s->opt.rank));
	return OZR_OK;
}

/* By boxes of all sizes: a small budget cuts them. */
static int extend_somehow(struct ozr_image *img, unsigned axis, struct scene *all,
			  const struct ozr_box *box, struct ozr_err *err)
{
	const struct ozr_source src = {.user = all, .read = read_scene};
	const struct ozr_call call = {.budget = below(2) ? 0 : (size_t)below(1 << 18) + 1};
	if (below(2))
		return ozr_pyramid_extend(img, axis, box, NULL, err);
	return ozr_pyramid_extend_pull(img, axis, box->count[axis], &src, &call, err);
}

static void extend(const struct ozr_image_options *opt, unsigned axis, uint64_t first)
{
	struct ozr_ctx *ctx = scene_ctx(3, NULL);
	struct ozr_store *store = scene_store_mem(ctx);
	struct ozr_err err;
	struct scene all, part;
	scene_open(&all, opt);
	scene_paint(&all, 9);
	cut_scene(&all, axis, first, &part);
	build(&part, store);
	struct ozr_image *img = reopen(store, OZR_UPDATE);
	for (uint64_t n = first; n < opt->shape[axis];) {
		const uint64_t rest = opt->shape[axis] - n;
		const uint64_t more = 1 + below(rest < 17 ? rest : 17);
		struct ozr_box box = {.start = {0}};
		memcpy(box.count, opt->shape, sizeof box.count);
		box.start[axis] = n;
		box.count[axis] = more;
		point_at(&all, &box);
		struct ozr_image *old = reopen(store, OZR_READ);
		CHECK_OK(extend_somehow(img, axis, &all, &box, &err));
		n += more;
		struct ozr_array_info info;
		ozr_array_get_info(ozr_image_level(old, 0), &info);
		CHECK(info.shape[axis] == n - more);
		scene_compare_level(&part, old, 0);
		ozr_image_close(old);
		scene_close(&part);
		cut_scene(&all, axis, n, &part);
		scene_compare(&part, img);
		if (below(3) == 0) {
			ozr_image_close(img);
			img = reopen(store, OZR_UPDATE);
			scene_compare(&part, img);
		}
	}
	struct ozr_box wrong = {.count = {1, 1, 1}};
	CHECK_CODE(OZR_BAD_ARG, ozr_pyramid_extend(img, axis, &wrong, NULL, &err));
	CHECK_CODE(OZR_BAD_ARG, ozr_pyramid_extend(img, 7, &wrong, NULL, &err));
	const struct ozr_source src = {.user = &all, .read = read_scene};
	CHECK_CODE(OZR_BAD_ARG, ozr_pyramid_extend_pull(img, 7, 1, &src, NULL, &err));
	CHECK_CODE(OZR_BAD_ARG, ozr_pyramid_extend_pull(img, axis, 0, &src, NULL, &err));
	ozr_image_close(img);
	img = reopen(store, OZR_READ);
	scene_compare(&all, img);
	ozr_image_close(img);
	ozr_store_unref(store);
	ozr_ctx_unref(ctx);
	scene_close(&part);
	scene_close(&all);
}

static void test_extend(void)
{
	static const unsigned planes[] = {1, 2, 2}, halves[] = {2, 2, 2};
	struct ozr_image_options opt = volume(OZR_UINT16);
	opt.factors = planes;
	opt.factor_sets = 1;
	extend(&opt, 0, 1);
	opt = sharded(OZR_UINT8);
	opt.factors = halves;
	opt.factor_sets = 1;
	extend(&opt, 0, 11);
	extend(&opt, 1, 33);
	opt = volume(OZR_FLOAT32);
	opt.factors = halves;
	opt.factor_sets = 1;
	opt.ome_version = 4;
	extend(&opt, 2, 64);
}

/* --- memory and bytes ------------------------------------------------------------------ */

static int noise(void *user, const struct ozr_box *box, struct ozr_err *err)
{
	const uint64_t rows = box->count[0] * box->count[1];
	(void)user, (void)err;
	for (uint64_t i = 0; i < rows; i++) {
		uint16_t *row = (uint16_t *)box->data + i * box->count[2];
		uint64_t state = box->start[0] * 7919 + i;
		for (uint64_t x = 0; x < box->count[2]; x++)
			row[x] = (uint16_t)((x & 7 ? (uint64_t)row[x - 1] : next_random(&state)) +
					    3);
	}
	return OZR_OK;
}

/* Of a build of 64 MiB: what the library holds beyond what it held before. */
static size_t peak_of_build(const uint64_t *block, size_t budget, int shards)
{
	const uint64_t shape[] = {64, 512, 1024}, chunk[] = {32, 64, 64};
	struct ozr_image_options opt = scene_options(OZR_UINT16, 3, shape, chunk);
	const struct ozr_ctx_options ctx_opt = {.threads = 2, .cache_bytes = 1};
	struct ozr_source source = {.read = noise, .block = {block[0], block[1], block[2]}};
	const struct ozr_call call = {.budget = budget};
	struct ozr_stats before, after;
	struct ozr_image *img = NULL;
	struct ozr_ctx *ctx = NULL;
	struct ozr_err err;
	char dir[PATH_MAX];
	temp_dir(dir);
	opt.no_shards = !shards;
	CHECK_OK(ozr_ctx_new(&ctx_opt, &ctx, &err));
	ozr_ctx_stats(ctx, &before);
	CHECK_OK(ozr_image_create_dir(ctx, join(dir, "a"), 0, OZR_FLUSH_NONE, &opt, &img, &err));
	CHECK_OK(ozr_pyramid_pull(img, &source, &call, &err));
	CHECK_OK(ozr_image_commit(img, &call, &err));
	ozr_ctx_stats(ctx, &after);
	ozr_image_close(img);
	ozr_ctx_unref(ctx);
	remove_tree(dir);
	return (size_t)(after.memory_peak - before.memory_bytes);
}

static void test_memory(void)
{
	static const uint64_t blocks[][3] = {
		{0, 0, 0}, {1, 8, 1024}, {1, 1024, 1024}, {1, 100, 100}};
	for (size_t i = 0; i < 4; i++)
		for (int shards = 0; shards < 2; shards++) {
			const size_t budget = 8 << 20,
				     peak = peak_of_build(blocks[i], budget, shards);
			fprintf(stderr, "blocks %zu%s: %zu KiB\n", i, shards ? ", shards" : "",
				peak >> 10);
			CHECK(peak <= budget + (3 << 20));
		}
}

struct names {
	char *name[4000];
	size_t n;
	struct ozr_store *store;
	const char *prefix;
};

static int add_name(void *arg, const char *name, int is_prefix)
{
	struct names *all = arg;
	char key[1100];
	struct ozr_err err;
	snprintf(key, sizeof key, "%s%s%s", all->prefix, *all->prefix ? "/" : "", name);
	if (is_prefix) {
		const char *saved = all->prefix;
		all->prefix = key;
		CHECK_OK(ozr_store_list(all->store, key, add_name, all, &err));
		all->prefix = saved;
		return 0;
	}
	CHECK(all->n < 4000);
	all->name[all->n] = strdup(key);
	CHECK(all->name[all->n++]);
	return 0;
}

static void test_same_bytes(void)
{
	for (int kind = 0; kind < 2; kind++) {
		struct ozr_image_options opt = kind ? sharded(OZR_UINT16) : volume(OZR_UINT16);
		struct ozr_ctx *one = scene_ctx(1, NULL), *four = scene_ctx(4, NULL);
		struct ozr_store *a = scene_store_mem(one), *b = scene_store_mem(four);
		struct names names = {.store = a, .prefix = ""};
		struct ozr_err err;
		struct scene s;
		scene_open(&s, &opt);
		scene_paint(&s, 5);
		build(&s, a);
		s.source.block[0] = 1; /* another way through the data */
		s.source.block[1] = 7;
		build(&s, b);
		CHECK_OK(ozr_store_list(a, "", add_name, &names, &err));
		CHECK(names.n > 20);
		for (size_t i = 0; i < names.n; i++) {
			char *x, *y;
			size_t nx, ny;
			CHECK_OK(
				ozr_store_get(a, names.name[i], SIZE_MAX / 4, &x, &nx, NULL, &err));
			CHECK_OK(
				ozr_store_get(b, names.name[i], SIZE_MAX / 4, &y, &ny, NULL, &err));
			CHECK(nx == ny && memcmp(x, y, nx) == 0);
			ozr_text_free(x);
			ozr_text_free(y);
			free(names.name[i]);
		}
		ozr_store_unref(a);
		ozr_store_unref(b);
		ozr_ctx_unref(one);
		ozr_ctx_unref(four);
		scene_close(&s);
	}
}

int main(void)
{
	test_refresh();
	test_refresh_mistakes();
	test_extend();
	test_same_bytes();
	test_memory();
	return 0;
}
