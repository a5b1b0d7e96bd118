/* SPDX-License-Identifier: MIT */
/*
 * zstd, with contexts kept per worker: making one costs more than decoding a
 * small block. The one-shot decoder takes concatenated and skippable frames
 * and frames without a content size, needs no window, and verifies checksums.
 */
#define ZSTD_STATIC_LINKING_ONLY /* ZSTD_c_literalCompressionMode: a number, no extra symbol */
#include <zstd.h>
#include <zstd_errors.h>

#include "codec/filter.h"

/* Two compression contexts: one that searches, by level, and one for noise, whose
 * parameters are set once. */
struct pack {
	struct ozr_ctx *ctx;
	ZSTD_CCtx *search, *noise;
};

static void free_unpack(void *p)
{
	ZSTD_freeDCtx(p);
}

static void free_pack(void *p)
{
	struct pack *k = p;
	ZSTD_freeCCtx(k->search);
	ZSTD_freeCCtx(k->noise);
	ozr_free(k->ctx, k);
}

/* A search that takes runs and gives up early elsewhere; zstd's own negative levels, which are
 * faster by little, store literals as they are. */
static ZSTD_CCtx *new_noise(void)
{
	static const struct {
		ZSTD_cParameter name;
		int value;
	} set[] = {
		{ZSTD_c_compressionLevel, 1}, {ZSTD_c_strategy, ZSTD_fast},
		{ZSTD_c_targetLength, 4},     {ZSTD_c_minMatch, 7},
		{ZSTD_c_hashLog, 12},         {ZSTD_c_literalCompressionMode, ZSTD_ps_enable},
	};
	ZSTD_CCtx *c = ZSTD_createCCtx();
	for (size_t i = 0; c && i < sizeof(set) / sizeof(set[0]); i++)
		(void)ZSTD_CCtx_setParameter(c, set[i].name, set[i].value);
	return c;
}

static struct pack *get_pack(struct ozr_worker *w, struct ozr_err *err)
{
	void **slot = ozr_worker_slot(w, OZR_SLOT_ZSTD_C, free_pack);
	if (*slot)
		return *slot;
	struct pack *k = ozr_calloc(ozr_worker_ctx(w), 1, sizeof(*k), err);
	if (!k)
		return NULL;
	k->ctx = ozr_worker_ctx(w);
	k->search = ZSTD_createCCtx();
	k->noise = new_noise();
	if (!k->search || !k->noise) {
		free_pack(k);
		ozr_fail(err, OZR_NO_MEMORY, "zstd: no memory for a compression context");
		return NULL;
	}
	*slot = k;
	return k;
}

static int pack_error(size_t r, struct ozr_err *err)
{
	int code =
		ZSTD_getErrorCode(r) == ZSTD_error_memory_allocation ? OZR_NO_MEMORY : OZR_BAD_ARG;
	return ozr_fail(err, code, "zstd: %s", ZSTD_getErrorName(r));
}

int ozr_zstd_max_level(void)
{
	return ZSTD_maxCLevel();
}

/* What the first frame says, for a message: 0 when it says nothing. */
static size_t declared_size(const void *src, size_t len)
{
	unsigned long long n = ZSTD_getFrameContentSize(src, len);
	if (n == ZSTD_CONTENTSIZE_UNKNOWN || n == ZSTD_CONTENTSIZE_ERROR || n > SIZE_MAX)
		return 0;
	return (size_t)n;
}

int ozr_zstd_unpack(struct ozr_worker *w, const void *src, size_t len, void *dst, size_t cap,
		    size_t *out, struct ozr_err *err)
{
	void **slot = ozr_worker_slot(w, OZR_SLOT_ZSTD_D, free_unpack);
	if (!*slot)
		*slot = ZSTD_createDCtx();
	if (!*slot)
		return ozr_fail(err, OZR_NO_MEMORY, "zstd: no memory for a context");
	size_t r = ZSTD_decompressDCtx(*slot, dst, cap, src, len);
	if (!ZSTD_isError(r)) {
		*out = r;
		return OZR_OK;
	}
	switch (ZSTD_getErrorCode(r)) {
	case ZSTD_error_dstSize_tooSmall: {
		size_t declared = declared_size(src, len);
		*out = declared > cap ? declared : 0;
		return OZR_FILTER_FULL;
	}
	case ZSTD_error_memory_allocation:
		return ozr_fail(err, OZR_NO_MEMORY, "zstd: %s", ZSTD_getErrorName(r));
	case ZSTD_error_dictionary_wrong:
		return ozr_fail(err, OZR_UNSUPPORTED, "zstd: frame needs a dictionary");
	default:
		return ozr_fail(err, OZR_CORRUPT, "zstd: %s in %zu bytes", ZSTD_getErrorName(r),
				len);
	}
}

int ozr_zstd_pack(struct ozr_worker *w, int level, const void *src, size_t len, void *dst,
		  size_t cap, size_t *out, struct ozr_err *err)
{
	struct pack *k = get_pack(w, err);
	if (!k)
		return ozr_alloc_code(err);
	size_t r = level == OZR_ZSTD_NOISE
			   ? ZSTD_compress2(k->noise, dst, cap, src, len)
			   : ZSTD_compressCCtx(k->search, dst, cap, src, len, level);
	if (!ZSTD_isError(r))
		*out = r;
	else if (ZSTD_getErrorCode(r) == ZSTD_error_dstSize_tooSmall)
		*out = 0;
	else
		return pack_error(r, err);
	return OZR_OK;
}

int ozr_zstd_encode(const struct ozr_filter *f, struct ozr_worker *w, const void *src, size_t len,
		    struct ozr_buf *dst, struct ozr_err *err)
{
	struct pack *k = get_pack(w, err);
	if (!k)
		return ozr_alloc_code(err);
	size_t bound = ZSTD_compressBound(len);
	int rc = ozr_buf_reserve(dst, dst->len + bound + OZR_ENCODE_SLACK, err);
	if (rc)
		return rc;
	ZSTD_CCtx_reset(k->search, ZSTD_reset_session_and_parameters);
	size_t r = ZSTD_CCtx_setParameter(k->search, ZSTD_c_compressionLevel, f->level);
	if (!ZSTD_isError(r))
		r = ZSTD_CCtx_setParameter(k->search, ZSTD_c_checksumFlag, f->checksum);
	if (!ZSTD_isError(r))
		r = ZSTD_compress2(k->search, dst->data + dst->len, bound, src, len);
	if (ZSTD_isError(r))
		return pack_error(r, err);
	dst->len += r;
	return OZR_OK;
}
