/* SPDX-License-Identifier: MIT */
/*
 * Zarr v2 "compressor", "filters" and "order" to a chain, and the way numcodecs
 * configures codecs (which v3 borrows for its numcodecs.* names).
 */
#include <string.h>

#include "base/ctx.h"
#include "codec/chain_impl.h"

const char *ozr_filter_numcodecs_id(const struct ozr_filter *f)
{
	return f->kind == OZR_FILTER_CRC32C ? NULL : ozr_filter_name(f);
}

static int parse_level(const struct ozr_jref *conf, int64_t min, int64_t max, int64_t otherwise,
		       int *out, struct ozr_err *err)
{
	struct ozr_jref level = ozr_jget(conf, "level");
	int64_t n = otherwise;
	int rc = level.v ? ozr_ji64(&level, min, max, &n, err) : OZR_OK;
	*out = (int)n;
	return rc;
}

static int parse_blosc(const struct ozr_jref *conf, unsigned item, struct ozr_filter *f,
		       struct ozr_err *err)
{
	struct ozr_jref cname = ozr_jget(conf, "cname"), clevel = ozr_jget(conf, "clevel"),
			shuffle = ozr_jget(conf, "shuffle"), block = ozr_jget(conf, "blocksize");
	const char *name = "lz4";
	uint64_t level = 5, blocksize = 0;
	int64_t mode = 1;
	int rc = cname.v ? ozr_jstring(&cname, &name, err) : OZR_OK;
	if (rc == OZR_OK && ozr_blosc_codec_find(name, &f->cname))
		rc = ozr_jfail(&cname, err, OZR_UNSUPPORTED,
			       "must be blosclz, lz4, lz4hc, snappy, zlib or zstd");
	if (rc == OZR_OK && clevel.v)
		rc = ozr_ju64(&clevel, 0, 9, &level, err);
	if (rc == OZR_OK && shuffle.v) /* -1: automatic, by the size of the items */
		rc = ozr_ji64(&shuffle, -1, 2, &mode, err);
	if (rc == OZR_OK && block.v)
		rc = ozr_ju64(&block, 0, INT_MAX, &blocksize, err);
	if (mode < 0)
		mode = item == 1 ? OZR_BLOSC_BITSHUFFLE : OZR_BLOSC_SHUFFLE;
	f->level = (int)level;
	f->shuffle = (enum ozr_blosc_shuffle)mode;
	f->typesize = item;
	f->blocksize = (uint32_t)blocksize;
	return rc;
}

int ozr_filter_from_numcodecs(const char *id, const struct ozr_jref *conf, unsigned item,
			      struct ozr_filter *out, struct ozr_err *err)
{
	struct ozr_filter f = {0};
	char quoted[OZR_QUOTE_MAX];
	int rc;
	if (strcmp(id, "blosc") == 0) {
		f.kind = OZR_FILTER_BLOSC;
		rc = parse_blosc(conf, item, &f, err);
	} else if (strcmp(id, "zstd") == 0) {
		struct ozr_jref sum = ozr_jget(conf, "checksum");
		f.kind = OZR_FILTER_ZSTD;
		rc = parse_level(conf, -131072, ozr_zstd_max_level(), 1, &f.level, err);
		if (rc == OZR_OK && sum.v)
			rc = ozr_jbool(&sum, &f.checksum, err);
	} else if (strcmp(id, "gzip") == 0 || strcmp(id, "zlib") == 0) {
		f.kind = *id == 'g' ? OZR_FILTER_GZIP : OZR_FILTER_ZLIB;
		rc = parse_level(conf, -1, 9, 1, &f.level, err);
		if (f.level < 0)
			f.level = 6; /* zlib's name for its default */
	} else {
		rc = ozr_jfail(conf, err, OZR_UNSUPPORTED, "codec '%s' is not supported",
			       ozr_quote(quoted, id, strlen(id)));
	}
	if (rc == OZR_OK)
		*out = f;
	return rc;
}

/* "filters": null or an empty list; others by their id. */
static int refuse_filters(const struct ozr_jref *zarray, struct ozr_err *err)
{
	struct ozr_jref filters = ozr_jget(zarray, "filters"), first, id;
	char quoted[OZR_QUOTE_MAX];
	const char *name;
	if (ozr_jtype(&filters) == OZR_JSON_NULL)
		return OZR_OK;
	int rc = ozr_jneed(&filters, OZR_JSON_ARRAY, err);
	if (rc || !ozr_jfirst(&filters, &first))
		return rc;
	id = ozr_jget(&first, "id");
	rc = ozr_jstring(&id, &name, err);
	return rc ? rc
		  : ozr_jfail(&first, err, OZR_UNSUPPORTED, "filter '%s' is not supported",
			      ozr_quote(quoted, name, strlen(name)));
}

static int parse_order(const struct ozr_jref *zarray, struct ozr_chain *c, struct ozr_err *err)
{
	struct ozr_jref order = ozr_jget(zarray, "order");
	char q[OZR_QUOTE_MAX];
	const char *name = "C";
	int rc = order.v ? ozr_jstring(&order, &name, err) : OZR_OK;
	if (rc)
		return rc;
	if (strcmp(name, "C") != 0 && strcmp(name, "F") != 0)
		return ozr_jfail(&order, err, OZR_BAD_FORMAT, "must be \"C\" or \"F\", found %s",
				 ozr_jquote(q, &order));
	for (unsigned d = 0; *name == 'F' && d < c->spec.rank; d++)
		c->order[d] = c->spec.rank - 1 - d;
	return OZR_OK;
}

static int parse_compressor(const struct ozr_jref *zarray, struct ozr_chain *c, struct ozr_err *err)
{
	struct ozr_jref conf = ozr_jget(zarray, "compressor"), id;
	struct ozr_filter f;
	const char *name;
	if (ozr_jtype(&conf) == OZR_JSON_NULL)
		return OZR_OK;
	int rc = ozr_jneed(&conf, OZR_JSON_OBJECT, err);
	if (rc)
		return rc;
	id = ozr_jget(&conf, "id");
	rc = ozr_jstring(&id, &name, err);
	if (rc == OZR_OK)
		rc = ozr_filter_from_numcodecs(name, &conf, ozr_item_size(&c->spec), &f, err);
	return rc ? rc : ozr_chain_add(c, &f, err);
}

int ozr_chain_from_v2(struct ozr_ctx *ctx, const struct ozr_jref *zarray, int big_endian,
		      const struct ozr_chunk_spec *spec, struct ozr_chain **out,
		      struct ozr_err *err)
{
	struct ozr_chain *c = NULL;
	int rc = ozr_chain_alloc(ctx, spec, &c, err);
	if (rc)
		return rc;
	c->big_endian = big_endian && ozr_item_size(spec) > 1;
	rc = parse_order(zarray, c, err);
	if (rc == OZR_OK)
		rc = refuse_filters(zarray, err);
	if (rc == OZR_OK)
		rc = parse_compressor(zarray, c, err);
	if (rc == OZR_OK)
		rc = ozr_chain_finish(c, err);
	if (rc)
		ozr_chain_free(c);
	else
		*out = c;
	return rc;
}
