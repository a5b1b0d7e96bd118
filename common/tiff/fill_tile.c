/* SPDX-License-Identifier: MIT */
/*
 * The tile that stands for all tiles which are not stored: TIFF's readers need
 * bytes for it, Zarr's do not. It is encoded by the codecs that encode the
 * others.
 */
#include <stdio.h>
#include <string.h>

#include "base/ckd.h"
#include "base/ctx.h"
#include "base/mem.h"
#include "codec/chain.h"
#include "tiff/write.h"

static int encode(struct ozr_ctx *ctx, const struct ozr_chain *chain,
		  const struct ozr_chunk_spec *spec, struct ozr_buf *out, struct ozr_err *err)
{
	size_t item = ozr_dtype_size(spec->dtype);
	struct ozr_worker *w = ozr_worker_lease(ctx, err);

	if (w == NULL)
		return ozr_alloc_code(err);
	char *elements = ozr_alloc(ctx, spec->bytes, err);
	int rc = elements != NULL ? OZR_OK : ozr_alloc_code(err);
	for (uint64_t at = 0; rc == OZR_OK && at < spec->bytes; at += item)
		memcpy(elements + at, spec->fill, item);
	if (rc == OZR_OK)
		rc = ozr_chain_encode(chain, w, elements, out, err);
	ozr_free(ctx, elements);
	ozr_worker_return(w);
	return rc;
}

int ozr_tiff_fill_tile(struct ozr_ctx *ctx, unsigned compression, unsigned dtype, uint64_t elements,
		       const unsigned char fill[8], void **bytes, size_t *len, struct ozr_err *err)
{
	struct ozr_codec_options opt = {.no_checksum = compression == OZR_TIFF_NONE};
	struct ozr_chunk_spec spec = {
		.dtype = (enum ozr_dtype)dtype, .rank = 1, .shape = {elements}};
	struct ozr_chain *chain = NULL;
	struct ozr_buf out;

	memcpy(spec.fill, fill, sizeof(spec.fill));
	snprintf(opt.codec, sizeof(opt.codec), compression == OZR_TIFF_NONE ? "none" : "zstd");
	ozr_buf_init(&out, ctx, SIZE_MAX / 2);
	int rc = ozr_chunk_spec_check(ctx, &spec, 1, err);
	if (rc == OZR_OK)
		rc = ozr_chain_new(ctx, &opt, 3, NULL, &spec, NULL, &chain, err);
	if (rc == OZR_OK)
		rc = encode(ctx, chain, &spec, &out, err);
	ozr_chain_free(chain);
	if (rc != OZR_OK) {
		ozr_buf_release(&out);
		return ozr_err_context(err, rc, "the tile of fill values");
	}
	*bytes = out.data;
	*len = out.len;
	return OZR_OK;
}
