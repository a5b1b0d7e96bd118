/* SPDX-License-Identifier: MIT */
/*
 * A synthetic image with all its levels, computed by plain loops from the
 * rules in ozr/pyramid.h: what the pyramid tests compare with. It can be
 * pulled from (every element must be asked for once) and compared with what
 * an image stores.
 */
#ifndef OZR_TESTS_SCENE_H
#define OZR_TESTS_SCENE_H

#include <math.h>
#include <pthread.h>

#include "check.h"
#include "ozr/ozr.h"

enum { SCENE_LEVELS = 12, SCENE_WINDOW = 256 };

struct scene {
	struct ozr_image_options opt;
	unsigned levels, size; /* size: bytes of an element */
	struct ozr_level_plan plan[SCENE_LEVELS];
	unsigned char *want[SCENE_LEVELS]; /* C order */
	unsigned char *asked;              /* times each element of level 0 was read */
	struct ozr_source source;
	unsigned long reads;
	size_t largest_read; /* bytes */
};

MAYBE_UNUSED static size_t scene_elements(const struct scene *s, unsigned level)
{
	size_t n = 1;
	for (unsigned d = 0; d < s->opt.rank; d++)
		n *= (size_t)s->plan[level].shape[d];
	return n;
}

/* Next position below `count`, C order; 0 at the end. */
MAYBE_UNUSED static int scene_step(uint64_t *at, const uint64_t *count, unsigned rank)
{
	while (rank-- > 0) {
		if (++at[rank] < count[rank])
			return 1;
		at[rank] = 0;
	}
	return 0;
}

MAYBE_UNUSED static size_t scene_index(const uint64_t *at, const uint64_t *shape, unsigned rank)
{
	size_t i = 0;
	for (unsigned d = 0; d < rank; d++)
		i = i * (size_t)shape[d] + (size_t)at[d];
	return i;
}

static double scene_load(const void *p, enum ozr_dtype t)
{
	uint16_t u16;
	int16_t i16;
	float f32;
	switch (t) {
	case OZR_UINT16:
		memcpy(&u16, p, 2);
		return u16;
	case OZR_INT16:
		memcpy(&i16, p, 2);
		return i16;
	case OZR_FLOAT32:
		memcpy(&f32, p, 4);
		return (double)f32;
	default:
		CHECK(t == OZR_UINT8);
		return *(const unsigned char *)p;
	}
}

static void scene_store(void *p, enum ozr_dtype t, double v)
{
	const uint16_t u16 = (uint16_t)v;
	const int16_t i16 = (int16_t)v;
	const float f32 = (float)v;
	switch (t) {
	case OZR_UINT16:
		memcpy(p, &u16, 2);
		break;
	case OZR_INT16:
		memcpy(p, &i16, 2);
		break;
	case OZR_FLOAT32:
		memcpy(p, &f32, 4);
		break;
	default:
		*(unsigned char *)p = (unsigned char)v;
	}
}

static double scene_mean(const struct scene *s, const double *v, size_t n)
{
	const double nodata = scene_load(s->opt.nodata, s->opt.dtype);
	double sum = 0;
	float sum32 = 0;
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		if (isnan(v[i]) || (s->opt.has_nodata && v[i] == nodata))
			continue;
		sum += v[i];
		sum32 += (float)v[i];
		kept++;
	}
	if (kept == 0)
		return s->opt.has_nodata ? nodata : v[0];
	if (s->opt.dtype == OZR_FLOAT32)
		return (double)(sum32 / (float)kept);
	return nearbyint(sum / (double)kept); /* exact: small sums; ties to even */
}

static double scene_mode(const double *v, size_t n)
{
	double best = 0;
	size_t best_count = 0;
	for (size_t i = 0; i < n; i++) {
		size_t count = 0;
		for (size_t j = 0; j < n; j++)
			count += v[j] == v[i];
		if (count > best_count || (count == best_count && v[i] < best)) {
			best = v[i];
			best_count = count;
		}
	}
	return best;
}

/* One element of level `level` from the level before. */
static double scene_window(const struct scene *s, unsigned level, const uint64_t *at)
{
	const struct ozr_level_plan *p = &s->plan[level], *before = p - 1;
	const unsigned rank = s->opt.rank;
	uint64_t in[OZR_MAX_RANK] = {0}, count[OZR_MAX_RANK], from[OZR_MAX_RANK];
	double v[SCENE_WINDOW];
	size_t n = 0;
	for (unsigned d = 0; d < rank; d++) {
		const uint64_t rest = before->shape[d] - at[d] * p->factor[d];
		count[d] = rest < p->factor[d] ? rest : p->factor[d];
	}
	do {
		for (unsigned d = 0; d < rank; d++)
			from[d] = at[d] * p->factor[d] + in[d];
		CHECK(n < SCENE_WINDOW);
		v[n++] = scene_load(s->want[level - 1] +
					    scene_index(from, before->shape, rank) * s->size,
				    s->opt.dtype);
	} while (scene_step(in, count, rank));
	if (s->opt.method == OZR_NEAREST)
		return v[0];
	return s->opt.method == OZR_MODE ? scene_mode(v, n) : scene_mean(s, v, n);
}

MAYBE_UNUSED static void scene_levels(struct scene *s)
{
	for (unsigned l = 1; l < s->levels; l++) {
		uint64_t at[OZR_MAX_RANK] = {0};
		size_t i = 0;
		do {
			scene_store(s->want[l] + i++ * s->size, s->opt.dtype,
				    scene_window(s, l, at));
		} while (scene_step(at, s->plan[l].shape, s->opt.rank));
	}
}

/* Fill level 0 and compute the others. */
MAYBE_UNUSED static void scene_paint(struct scene *s, uint64_t seed)
{
	const size_t n = scene_elements(s, 0);
	for (size_t i = 0; i < n; i++) {
		uint64_t state = seed * 77 + i, r = next_random(&state);
		double v = (double)(r % 251);
		if (s->opt.method == OZR_MODE)
			v = (double)(r % 3);
		else if (s->opt.dtype == OZR_FLOAT32)
			v = r % 97 ? (double)(float)((double)r * 1e-13) : (double)NAN;
		else if (s->opt.dtype == OZR_INT16)
			v = (double)(int16_t)r;
		else if (s->opt.dtype == OZR_UINT16)
			v = (double)(uint16_t)r;
		scene_store(s->want[0] + i * s->size, s->opt.dtype, v);
	}
	scene_levels(s);
}

static int scene_read(void *user, const struct ozr_box *box, struct ozr_err *err)
{
	struct scene *s = user;
	const unsigned rank = s->opt.rank;
	uint64_t at[OZR_MAX_RANK] = {0}, from[OZR_MAX_RANK];
	size_t n = 0;
	(void)err;
	do {
		unsigned char *to = box->data;
		for (unsigned d = 0; d < rank; d++) {
			from[d] = box->start[d] + at[d];
			CHECK(from[d] < s->plan[0].shape[d]);
			to += (int64_t)at[d] * box->stride[d];
		}
		const size_t i = scene_index(from, s->plan[0].shape, rank);
		memcpy(to, s->want[0] + i * s->size, s->size);
		s->asked[i]++;
		n++;
	} while (scene_step(at, box->count, rank));
	s->reads++;
	if (n * s->size > s->largest_read)
		s->largest_read = n * s->size;
	return OZR_OK;
}

/* Opens a scene for options; everything is 0 until scene_paint(). */
MAYBE_UNUSED static void scene_open(struct scene *s, const struct ozr_image_options *opt)
{
	struct ozr_err err;
	memset(s, 0, sizeof *s);
	s->opt = *opt;
	s->size = ozr_dtype_size(opt->dtype);
	CHECK_OK(ozr_image_plan(opt, s->plan, SCENE_LEVELS, &s->levels, &err));
	for (unsigned l = 0; l < s->levels; l++) {
		s->want[l] = calloc(scene_elements(s, l), s->size);
		CHECK(s->want[l]);
	}
	s->asked = calloc(scene_elements(s, 0), 1);
	CHECK(s->asked);
	s->source.user = s;
	s->source.read = scene_read;
}

MAYBE_UNUSED static void scene_close(struct scene *s)
{
	for (unsigned l = 0; l < s->levels; l++)
		free(s->want[l]);
	free(s->asked);
}

/* Every element was read once. */
MAYBE_UNUSED static void scene_asked_once(struct scene *s)
{
	const size_t n = scene_elements(s, 0);
	for (size_t i = 0; i < n; i++)
		CHECK(s->asked[i] == 1);
	memset(s->asked, 0, n);
}

static void scene_compare_level(const struct scene *s, struct ozr_image *img, unsigned level)
{
	const struct ozr_level_plan *p = &s->plan[level];
	const size_t n = scene_elements(s, level);
	struct ozr_box box = {.dtype = s->opt.dtype};
	struct ozr_array_info info;
	struct ozr_err err;
	unsigned char *got = malloc(n * s->size + 1);
	CHECK(got);
	ozr_array_get_info(ozr_image_level(img, level), &info);
	for (unsigned d = 0; d < s->opt.rank; d++) {
		CHECK(info.shape[d] == p->shape[d]);
		box.count[d] = p->shape[d];
	}
	ozr_box_contiguous(&box, s->opt.rank);
	box.data = got;
	CHECK_OK(ozr_array_read(ozr_image_level(img, level), 1, &box, NULL, &err));
	for (size_t i = 0; i < n; i++) {
		const double a = scene_load(got + i * s->size, s->opt.dtype);
		const double b = scene_load(s->want[level] + i * s->size, s->opt.dtype);
		if (a == b || (isnan(a) && isnan(b)))
			continue;
		fprintf(stderr, "level %u, element %zu of %zu: %g instead of %g\n", level, i, n, a,
			b);
		CHECK(!"levels equal the model");
	}
	free(got);
}

MAYBE_UNUSED static void scene_compare(const struct scene *s, struct ozr_image *img)
{
	struct ozr_image_info info;
	ozr_image_get_info(img, &info);
	CHECK(info.levels == s->levels);
	for (unsigned l = 0; l < s->levels; l++)
		scene_compare_level(s, img, l);
}

/* An image in memory with no element yet. */
MAYBE_UNUSED static struct ozr_image *scene_image(const struct scene *s, struct ozr_store *store)
{
	struct ozr_image *img = NULL;
	struct ozr_err err;
	CHECK_OK(ozr_image_create(store, "", OZR_CREATE_DIRECT, &s->opt, &img, &err));
	return img;
}

MAYBE_UNUSED static struct ozr_ctx *scene_ctx(unsigned threads, const struct ozr_sys *sys)
{
	const struct ozr_ctx_options opt = {.threads = threads, .sys = sys};
	struct ozr_ctx *ctx = NULL;
	struct ozr_err err;
	CHECK_OK(ozr_ctx_new(&opt, &ctx, &err));
	return ctx;
}

MAYBE_UNUSED static struct ozr_store *scene_store_mem(struct ozr_ctx *ctx)
{
	struct ozr_store *store = NULL;
	struct ozr_err err;
	CHECK_OK(ozr_store_open_mem(ctx, &store, &err));
	return store;
}

/* Options for an image of spatial axes zyx, the last `rank` of czyx. */
MAYBE_UNUSED static struct ozr_image_options
scene_options(enum ozr_dtype t, unsigned rank, const uint64_t *shape, const uint64_t *chunk)
{
	static const struct ozr_axis axes[] = {{"c", OZR_AXIS_CHANNEL, ""},
					       {"z", OZR_AXIS_SPACE, "micrometer"},
					       {"y", OZR_AXIS_SPACE, "micrometer"},
					       {"x", OZR_AXIS_SPACE, "micrometer"}};
	struct ozr_image_options opt = {.dtype = t, .rank = rank, .codec = {.codec = "zstd"}};
	for (unsigned d = 0; d < rank; d++) {
		opt.axes[d] = axes[4 - rank + d];
		opt.shape[d] = shape[d];
		opt.chunk[d] = chunk[d];
	}
	opt.no_shards = 1;
	opt.levels = 4;
	return opt;
}

#endif
