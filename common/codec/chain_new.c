/* SPDX-License-Identifier: MIT */
/*
 * The chain a writer asks for: from struct ozr_codec_options.
 *
 * v3 chains end in a checksum unless told otherwise: zstd's own, else crc32c,
 * which bounds the damage of a flipped bit to an error message. v2 has no
 * checksum that its readers understand.
 */
#include <string.h>

#include "base/ctx.h"
#include "codec/chain_impl.h"

static int pick_level(const struct ozr_codec_options *opt, int min, int max, int *out,
		      struct ozr_err *err)
{
	int level = opt->level == 0 ? 3 : opt->level == INT_MIN ? 0 : opt->level;
	if (level < min || level > max)
		return ozr_fail(err, OZR_BAD_ARG, "level of %s must be from %d to %d, found %d",
				opt->codec[0] ? opt->codec : "blosc-zstd", min, max, level);
	*out = level;
	return OZR_OK;
}

static int pick_blosc(const struct ozr_codec_options *opt, const char *cname, unsigned item,
		      struct ozr_filter *f, struct ozr_err *err)
{
	char quoted[OZR_QUOTE_MAX];
	f->kind = OZR_FILTER_BLOSC;
	f->typesize = item;
	f->reference = opt->reference != 0;
	if (ozr_blosc_codec_find(cname, &f->cname))
		return ozr_fail(err, OZR_BAD_ARG, "no codec blosc-%s",
				ozr_quote(quoted, cname, strlen(cname)));
	if (opt->shuffle < 0 || opt->shuffle > 3)
		return ozr_fail(err, OZR_BAD_ARG, "shuffle must be from 0 to 3, found %d",
				opt->shuffle);
	if (opt->shuffle == 0)
		f->shuffle = item > 1 ? OZR_BLOSC_SHUFFLE : OZR_BLOSC_NOSHUFFLE;
	else
		f->shuffle = (enum ozr_blosc_shuffle)(opt->shuffle - 1);
	return pick_level(opt, 0, 9, &f->level, err);
}

static int pick_filter(const struct ozr_codec_options *opt, unsigned item, struct ozr_filter *f,
		       struct ozr_err *err)
{
	const char *name = opt->codec[0] ? opt->codec : "blosc-zstd";
	char quoted[OZR_QUOTE_MAX];
	if (memchr(opt->codec, 0, sizeof(opt->codec)) == NULL)
		return ozr_fail(err, OZR_BAD_ARG, "name of the codec is too long");
	if (strncmp(name, "blosc-", 6) == 0)
		return pick_blosc(opt, name + 6, item, f, err);
	if (strcmp(name, "zstd") == 0) {
		f->kind = OZR_FILTER_ZSTD;
		return pick_level(opt, -7, ozr_zstd_max_level(), &f->level, err);
	}
	if (strcmp(name, "gzip") == 0) {
		f->kind = OZR_FILTER_GZIP;
		return pick_level(opt, 0, 9, &f->level, err);
	}
	return ozr_fail(err, OZR_BAD_ARG,
			"no codec '%s': must be blosc-zstd, blosc-lz4, blosc-lz4hc, blosc-zlib, "
			"blosc-blosclz, zstd, gzip or none",
			ozr_quote(quoted, name, strlen(name)));
}

static int set_order(struct ozr_chain *c, const unsigned *order, int zarr_format,
		     struct ozr_err *err)
{
	unsigned rank = c->spec.rank, seen = 0;
	int none = 1, natural = 1, reversed = 1;
	for (unsigned d = 0; order && d < rank; d++)
		none = none && order[d] == 0;
	for (unsigned d = 0; !none && d < rank; d++) {
		if (order[d] >= rank || seen >> order[d] & 1)
			return ozr_fail(err, OZR_BAD_ARG, "order is not a permutation of 0 to %u",
					rank - 1);
		seen |= 1u << order[d];
		natural = natural && order[d] == d;
		reversed = reversed && order[d] == rank - 1 - d;
		c->order[d] = order[d];
	}
	if (zarr_format == 2 && !none && !natural && !reversed)
		return ozr_fail(err, OZR_BAD_ARG, "Zarr v2 knows the orders C and F only");
	return OZR_OK;
}

/* Chain of the chunks themselves. */
static int new_plain(struct ozr_ctx *ctx, const struct ozr_codec_options *opt, int zarr_format,
		     const unsigned *order, const struct ozr_chunk_spec *spec,
		     struct ozr_chain **out, struct ozr_err *err)
{
	struct ozr_filter f = {0}, crc = {.kind = OZR_FILTER_CRC32C};
	struct ozr_chain *c = NULL;
	int sum = zarr_format == 3 && !opt->no_checksum;
	int rc = ozr_chain_alloc(ctx, spec, &c, err);
	if (rc)
		return rc;
	rc = set_order(c, order, zarr_format, err);
	if (rc == OZR_OK && strcmp(opt->codec, "none") != 0) {
		rc = pick_filter(opt, ozr_item_size(spec), &f, err);
		if (f.kind == OZR_FILTER_ZSTD) {
			f.checksum = sum;
			sum = 0;
		}
		if (rc == OZR_OK)
			rc = ozr_chain_add(c, &f, err);
	}
	if (rc == OZR_OK && sum)
		rc = ozr_chain_add(c, &crc, err);
	if (rc == OZR_OK)
		rc = ozr_chain_finish(c, err);
	if (rc)
		ozr_chain_free(c);
	else
		*out = c;
	return rc;
}

int ozr_chain_new(struct ozr_ctx *ctx, const struct ozr_codec_options *opt, int zarr_format,
		  const unsigned *order, const struct ozr_chunk_spec *chunk,
		  const struct ozr_chunk_spec *shard, struct ozr_chain **out, struct ozr_err *err)
{
	struct ozr_chain *inner = NULL, *c = NULL;
	if (shard && zarr_format != 3)
		return ozr_fail(err, OZR_BAD_ARG, "Zarr v2 has no shards");
	int rc = new_plain(ctx, opt, zarr_format, order, chunk, &inner, err);
	if (rc || !shard) {
		if (rc == OZR_OK)
			*out = inner;
		return rc;
	}
	rc = ozr_chain_alloc(ctx, shard, &c, err);
	if (rc) {
		ozr_chain_free(inner);
		return rc;
	}
	rc = ozr_chain_set_shard(c, inner, err);
	if (rc == OZR_OK)
		rc = ozr_chain_finish(c, err);
	if (rc)
		ozr_chain_free(c);
	else
		*out = c;
	return rc;
}
