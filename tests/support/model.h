/* SPDX-License-Identifier: MIT */
/*
 * What the array tests share: an array and, beside it, a flat C-order model of
 * its elements in plain memory. Boxes are written to both and read from both
 * by loops that know nothing of chunks.
 */
#ifndef OZR_TESTS_MODEL_H
#define OZR_TESTS_MODEL_H

#include "ozr/array.h"
#include "support/check.h"

struct model {
	struct ozr_ctx *ctx;
	struct ozr_store *store;
	struct ozr_array *array;
	unsigned rank;
	uint64_t shape[OZR_MAX_RANK];
	enum ozr_dtype dtype;
	unsigned item;
	size_t elements;
	unsigned char *bytes;
	uint64_t random;
};

MAYBE_UNUSED static size_t model_index(const struct model *m, const uint64_t *at)
{
	size_t i = 0;
	for (unsigned d = 0; d < m->rank; d++)
		i = i * m->shape[d] + at[d];
	return i;
}

/* All fill. */
MAYBE_UNUSED static void model_init(struct model *m, const struct ozr_array_options *opt)
{
	m->rank = opt->rank;
	m->dtype = opt->dtype;
	m->item = ozr_dtype_size(opt->dtype);
	m->elements = 1;
	for (unsigned d = 0; d < m->rank; d++) {
		m->shape[d] = opt->shape[d];
		m->elements *= opt->shape[d];
	}
	m->bytes = malloc(m->elements * m->item + 1);
	CHECK(m->bytes);
	for (size_t i = 0; i < m->elements; i++)
		memcpy(m->bytes + i * m->item, opt->fill, m->item);
}

MAYBE_UNUSED static struct ozr_box model_box(struct model *m, int stepped)
{
	struct ozr_box b;
	memset(&b, 0, sizeof(b));
	for (unsigned d = 0; d < m->rank; d++) {
		uint64_t n = m->shape[d];
		int64_t step = stepped ? (int64_t)(next_random(&m->random) % 7) - 3 : 1;
		uint64_t by = (uint64_t)(step < 0 ? -step : step ? step : 1);
		uint64_t a = next_random(&m->random) % n;
		uint64_t most = step < 0 ? a / by + 1 : (n - 1 - a) / by + 1;
		uint64_t r = next_random(&m->random);
		b.step[d] = step;
		b.start[d] = a;
		b.count[d] = r % 4 == 0 ? most : r / 4 % most + 1;
		if (!stepped && r % 8 == 1) { /* all of it */
			b.start[d] = 0;
			b.count[d] = n;
		}
	}
	b.dtype = m->dtype;
	return b;
}

MAYBE_UNUSED static size_t box_elements(const struct ozr_box *b, unsigned rank)
{
	size_t n = 1;
	for (unsigned d = 0; d < rank; d++)
		n *= b->count[d];
	return n;
}

/* Call fn for each element of a box: index in the model, address in the box. */
MAYBE_UNUSED static void model_each(const struct model *m, const struct ozr_box *b,
				    void (*fn)(void *arg, size_t index, char *p), void *arg)
{
	uint64_t i[OZR_MAX_RANK] = {0}, at[OZR_MAX_RANK];
	size_t n = box_elements(b, m->rank);
	for (size_t k = 0; k < n; k++) {
		char *p = b->data;
		for (unsigned d = 0; d < m->rank; d++) {
			at[d] = b->start[d] + i[d] * (uint64_t)(b->step[d] ? b->step[d] : 1);
			p += (int64_t)i[d] * b->stride[d];
		}
		fn(arg, model_index(m, at), p);
		for (unsigned d = m->rank; d-- > 0;) {
			if (++i[d] < b->count[d])
				break;
			i[d] = 0;
		}
	}
}

struct model_compare {
	const struct model *m;
	const struct ozr_box *b;
	size_t wrong;
};

MAYBE_UNUSED static void model_compare_one(void *arg, size_t index, char *p)
{
	struct model_compare *c = arg;
	unsigned char want[8];
	ozr_convert(c->m->bytes + index * c->m->item, c->m->dtype, 0, want, c->b->dtype, 0, 1);
	c->wrong += memcmp(want, p, ozr_dtype_size(c->b->dtype)) != 0;
}

/* What was read into b equals the model. */
MAYBE_UNUSED static int model_equals(const struct model *m, const struct ozr_box *b)
{
	struct model_compare c = {m, b, 0};
	model_each(m, b, model_compare_one, &c);
	return c.wrong == 0;
}

MAYBE_UNUSED static void model_store_one(void *arg, size_t index, char *p)
{
	struct model_compare *c = arg;
	ozr_convert(p, c->b->dtype, 0, c->m->bytes + index * c->m->item, c->m->dtype, 0, 1);
}

MAYBE_UNUSED static void model_write(const struct model *m, const struct ozr_box *b)
{
	struct model_compare c = {m, b, 0};
	model_each(m, b, model_store_one, &c);
}

/* A box and memory for it, with its bytes set to something else; free(memory). Layouts: 0 C
 * order, 1 Fortran order, 2 C order with gaps, 3 backwards. */
MAYBE_UNUSED static void *model_layout(const struct model *m, struct ozr_box *b, unsigned layout)
{
	int64_t stride = ozr_dtype_size(b->dtype);
	size_t bytes = box_elements(b, m->rank) * (size_t)stride * 2 + 64;
	char *memory = malloc(bytes);
	CHECK(memory);
	memset(memory, 0xa5, bytes);
	b->data = memory;
	if (layout == 2)
		stride *= 2;
	for (unsigned k = 0; k < m->rank; k++) {
		unsigned d = layout == 1 ? k : m->rank - 1 - k;
		b->stride[d] = stride;
		stride *= (int64_t)b->count[d];
	}
	for (unsigned d = 0; layout == 3 && d < m->rank; d++) {
		b->data = (char *)b->data + (int64_t)(b->count[d] - 1) * b->stride[d];
		b->stride[d] = -b->stride[d];
	}
	return memory;
}

/* Read a box and compare it. */
MAYBE_UNUSED static void model_check(struct model *m, struct ozr_box *b, unsigned layout)
{
	struct ozr_err err;
	void *memory = model_layout(m, b, layout);
	CHECK_OK(ozr_array_read(m->array, 1, b, NULL, &err));
	CHECK(model_equals(m, b));
	free(memory);
}

MAYBE_UNUSED static void model_check_all(struct model *m)
{
	struct ozr_box b;
	memset(&b, 0, sizeof(b));
	memcpy(b.count, m->shape, sizeof(b.count));
	b.dtype = m->dtype;
	model_check(m, &b, 0);
}

/* Values for a box: random, smooth, or the same everywhere. */
MAYBE_UNUSED static void model_values(struct model *m, struct ozr_box *b, void *memory)
{
	size_t n = box_elements(b, m->rank) * 2 + 1, item = ozr_dtype_size(b->dtype);
	uint64_t kind = next_random(&m->random) % 4, base = next_random(&m->random);
	for (size_t i = 0; i < n; i++) {
		double v = kind == 0   ? (double)(next_random(&m->random) % 256)
			   : kind == 1 ? (double)((base + i / 3) % 200)
			   : kind == 2 ? (double)(base % 100)
				       : 0.0;
		ozr_convert(&v, OZR_FLOAT64, 0, (char *)memory + i * item, b->dtype, 0, 1);
	}
}

MAYBE_UNUSED static void model_close(struct model *m)
{
	ozr_array_close(m->array);
	m->array = NULL;
	free(m->bytes);
	m->bytes = NULL;
}

#endif
