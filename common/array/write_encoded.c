/* SPDX-License-Identifier: MIT */
/*
 * Chunks that come encoded already. They enter their shard where an encoded
 * chunk of ours would: behind the codecs, so that everything that follows
 * (waiting, going ahead, publishing, merging) is the same.
 */
#include "array/encoding.h"

#include <inttypes.h>
#include <string.h>

#include "array/writer.h"
#include "codec/chain_impl.h"

static int check_place(const struct ozr_array *a, const uint64_t *chunk, struct ozr_err *err)
{
	const struct ozr_grid *g = &a->meta.grid;

	for (unsigned d = 0; d < g->rank; d++) {
		uint64_t chunks = ozr_ceil_div(g->shape[d], g->chunk[d]);
		if (chunk[d] >= chunks)
			return ozr_fail(err, OZR_BAD_ARG,
					"axis %u: chunk %" PRIu64 ": the array has %" PRIu64, d,
					chunk[d], chunks);
	}
	return OZR_OK;
}

static int check(const struct ozr_array *a, const uint64_t *chunk, size_t len, struct ozr_err *err)
{
	uint64_t most = ozr_ctx_limits(a->ctx)->object_bytes;
	int rc = ozr_writer_check(a->writer, err);

	if (rc == OZR_OK)
		rc = check_place(a, chunk, err);
	if (rc)
		return rc;
	if (len == 0)
		return ozr_fail(err, OZR_BAD_ARG, "an encoded chunk has at least one byte");
	if (len > most)
		return ozr_fail(err, OZR_LIMIT,
				"an encoded chunk of %zu bytes: object_bytes allows %" PRIu64, len,
				most);
	return OZR_OK;
}

struct arrival {
	struct ozr_writer *w;
	const uint64_t *chunk;
	void *bytes; /* NULL: delivered */
	size_t len;
};

static int deliver(void *arg, size_t i, struct ozr_worker *worker, struct ozr_err *err)
{
	struct arrival *in = arg;
	struct ozr_open_shard *s;
	struct ozr_chunk_slot *c;

	(void)i;
	int rc = ozr_writer_enter(in->w, in->chunk, &s, err);
	if (rc)
		return rc;
	c = &s->slot[ozr_grid_inner(&in->w->a->meta.grid, in->chunk)];
	ozr_slot_seize(in->w, c);
	ozr_chunk_deliver(in->w, s, c, in->bytes, in->len);
	in->bytes = NULL;
	rc = ozr_writer_leave(in->w, s, worker, err);
	return rc ? rc : ozr_writer_relieve(in->w, worker, err);
}

int ozr_array_take_encoded(struct ozr_array *a, const uint64_t *chunk, void *bytes, size_t len,
			   const struct ozr_call *call, struct ozr_err *err)
{
	struct arrival in = {a->writer, chunk, bytes, len};

	ozr_ctx_enter(a->ctx);
	int rc = check(a, chunk, len, err);
	if (rc == OZR_OK && call && call->budget) {
		pthread_mutex_lock(&a->writer->lock);
		a->writer->budget = call->budget;
		pthread_mutex_unlock(&a->writer->lock);
	}
	if (rc == OZR_OK)
		rc = ozr_pool_for(a->ctx, call, 1, deliver, &in, err);
	ozr_free(a->ctx, in.bytes);
	return ozr_array_context(a, rc, err);
}

int ozr_array_write_encoded(struct ozr_array *a, const uint64_t *chunk, const void *bytes,
			    size_t len, const struct ozr_call *call, struct ozr_err *err)
{
	ozr_ctx_enter(a->ctx);
	int rc = check(a, chunk, len, err);
	void *copy = rc ? NULL : ozr_alloc(a->ctx, len, err);

	if (rc == OZR_OK && !copy)
		rc = ozr_alloc_code(err);
	if (rc)
		return ozr_array_context(a, rc, err);
	memcpy(copy, bytes, len);
	return ozr_array_take_encoded(a, chunk, copy, len, call, err);
}

int ozr_array_encoding(const struct ozr_array *a, struct ozr_encoding *out, struct ozr_err *err)
{
	const struct ozr_grid *g = &a->meta.grid;
	const struct ozr_chain *c = g->leaf;
	unsigned sums = ozr_chain_outer_sums(c);
	const struct ozr_filter *f = c->filters > sums ? &c->filter[0] : NULL;

	memset(out, 0, sizeof(*out));
	if (c->filters > sums + 1 ||
	    (f && f->kind != OZR_FILTER_ZSTD && f->kind != OZR_FILTER_GZIP))
		return ozr_fail(err, OZR_UNSUPPORTED, "the array's codec is %s", ozr_chain_name(c));
	out->kind = !f                           ? OZR_ENCODING_NONE
		    : f->kind == OZR_FILTER_ZSTD ? OZR_ENCODING_ZSTD
						 : OZR_ENCODING_GZIP;
	out->sums = sums;
	out->checksum = f && f->kind == OZR_FILTER_ZSTD && f->checksum;
	out->big_endian = c->big_endian;
	out->elements = g->elements;
	memcpy(out->mem_stride, g->mem_stride, sizeof(out->mem_stride));
	return OZR_OK;
}
