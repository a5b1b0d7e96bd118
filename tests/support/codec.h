/* SPDX-License-Identifier: MIT */
/*
 * What the codec tests share: a context with one worker, chains from metadata
 * text, data of several kinds, and memory that faults one byte past its end.
 */
#ifndef OZR_TESTS_CODEC_H
#define OZR_TESTS_CODEC_H

#include <sys/mman.h>

#include "base/ctx.h"
#include "codec/chain.h"
#include "support/check.h"

struct codec_env {
	struct ozr_ctx *ctx;
	struct ozr_worker *w;
};

MAYBE_UNUSED static struct codec_env codec_env_open(void)
{
	struct codec_env e;
	struct ozr_err err;
	CHECK_OK(ozr_ctx_new(NULL, &e.ctx, &err));
	e.w = ozr_worker_lease(e.ctx, &err);
	CHECK(e.w);
	return e;
}

MAYBE_UNUSED static void codec_env_close(struct codec_env *e)
{
	ozr_worker_return(e->w);
	struct ozr_stats st;
	ozr_ctx_stats(e->ctx, &st);
	ozr_ctx_unref(e->ctx);
}

MAYBE_UNUSED static struct ozr_chunk_spec codec_spec(struct codec_env *e, enum ozr_dtype t,
						     unsigned rank, const uint64_t *shape)
{
	struct ozr_chunk_spec s = {.dtype = t, .rank = rank};
	struct ozr_err err;
	memcpy(s.shape, shape, rank * sizeof(*shape));
	CHECK_OK(ozr_chunk_spec_check(e->ctx, &s, 0, &err));
	return s;
}

/* Parse text (single quotes stand for double ones) as v3 codecs, or as a .zarray. */
MAYBE_UNUSED static int codec_parse(struct codec_env *e, int zarr_format, const char *text,
				    int big_endian, const struct ozr_chunk_spec *spec,
				    struct ozr_chain **out, struct ozr_err *err)
{
	char json[4096];
	struct ozr_json *doc = NULL;
	size_t n = strlen(text);
	CHECK(n < sizeof(json));
	for (size_t i = 0; i <= n; i++)
		json[i] = (char)(text[i] == '\'' ? '"' : text[i]);
	*out = NULL;
	int rc = ozr_json_parse(e->ctx, json, n, 0, &doc, err);
	if (rc)
		return rc;
	struct ozr_jref root = ozr_jroot(doc);
	rc = zarr_format == 3 ? ozr_chain_from_v3(e->ctx, &root, spec, out, err)
			      : ozr_chain_from_v2(e->ctx, &root, big_endian, spec, out, err);
	ozr_json_free(doc);
	CHECK((rc == OZR_OK) == (*out != NULL));
	return rc;
}

MAYBE_UNUSED static struct ozr_chain *codec_chain(struct codec_env *e, const char *text,
						  const struct ozr_chunk_spec *spec)
{
	struct ozr_chain *c;
	struct ozr_err err;
	CHECK_OK(codec_parse(e, 3, text, 0, spec, &c, &err));
	return c;
}

/* --- Data -------------------------------------------------------------------- */

enum pattern { P_CONSTANT, P_RAMP, P_RANDOM, P_CAMERA, P_LABELS, P_SPARSE, PATTERNS };

/* count items of `item` bytes, little endian. */
MAYBE_UNUSED static void codec_fill(void *dst, size_t count, unsigned item, enum pattern p)
{
	unsigned char *d = dst;
	uint64_t s = 7 + (uint64_t)p, label = 1;
	for (size_t i = 0; i < count; i++) {
		uint64_t r = next_random(&s), v = 0;
		if (p == P_RAMP)
			v = i * 3;
		else if (p == P_RANDOM)
			v = r;
		else if (p == P_CAMERA)
			v = 20000 + i / 50 % 4000 + (r & 63) + (r >> 8 & 63);
		else if (p == P_LABELS)
			v = label = r % 37 == 0 ? r >> 20 : label;
		else if (p == P_SPARSE)
			v = r % 997 == 0 ? r >> 30 : 0;
		else
			v = 0x0102030405060708;
		for (unsigned k = 0; k < item; k++)
			d[i * item + k] = (unsigned char)(v >> 8 * k);
	}
}

/* --- Guarded memory ------------------------------------------------------------ */

/* Room for `size` bytes whose end is the end of what may be touched. */
struct guarded {
	unsigned char *end;
	size_t size, mapped;
};

MAYBE_UNUSED static struct guarded guarded_open(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (size + page - 1) / page * page;
	unsigned char *p = mmap(NULL, whole + page, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED && mprotect(p + whole, page, PROT_NONE) == 0);
	return (struct guarded){p + whole, whole, whole + page};
}

MAYBE_UNUSED static void guarded_close(struct guarded *g)
{
	munmap(g->end - g->size, g->mapped);
}

#endif
