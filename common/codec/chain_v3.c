/* SPDX-License-Identifier: MIT */
/*
 * Zarr v3 "codecs" to a chain: array-to-array codecs (transpose, composed into
 * one order), one array-to-bytes codec (bytes, sharding_indexed), then filters.
 * What a name or a value means is decided here; unknown members of a
 * configuration are left alone, unknown codecs are refused by name: nothing can
 * be decoded past them, whatever their must_understand says.
 */
#include <string.h>

#include "base/ctx.h"
#include "codec/chain_impl.h"

/* Where parsing a list of codecs has got to. */
struct state {
	struct ozr_chain *c;
	int has_bytes; /* the array-to-bytes codec was met */
	unsigned depth;
};

static int parse_chain(struct ozr_ctx *ctx, const struct ozr_jref *codecs,
		       const struct ozr_chunk_spec *spec, unsigned depth, struct ozr_chain **out,
		       struct ozr_err *err);

/* --- array to array, array to bytes ------------------------------------------ */

static int parse_transpose(struct state *s, const struct ozr_jref *conf, struct ozr_err *err)
{
	struct ozr_jref order = ozr_jget(conf, "order");
	unsigned rank = s->c->spec.rank, n = rank, before[OZR_MAX_RANK], seen = 0;
	uint64_t p[OZR_MAX_RANK] = {0};
	if (ozr_jis(&order, OZR_JSON_STRING)) {
		const char *name;
		int rc = ozr_jstring(&order, &name, err);
		if (rc)
			return rc;
		if (strcmp(name, "C") != 0 && strcmp(name, "F") != 0)
			return ozr_jfail(&order, err, OZR_BAD_FORMAT,
					 "must be a list, \"C\" or \"F\"");
		for (unsigned d = 0; d < rank; d++)
			p[d] = *name == 'C' ? d : rank - 1 - d;
	} else if (rank > 0) {
		int rc = ozr_ju64_list(&order, 0, rank - 1, rank, &n, p, err);
		if (rc)
			return rc;
	}
	for (unsigned d = 0; d < n; d++)
		seen |= 1u << p[d];
	if (n != rank || seen != (1u << rank) - 1)
		return ozr_jfail(&order, err, OZR_BAD_FORMAT,
				 "must be a permutation of the %u axes", rank);
	memcpy(before, s->c->order, sizeof(before));
	for (unsigned d = 0; d < rank; d++)
		s->c->order[d] = before[p[d]];
	return OZR_OK;
}

/* Is the byte order of a `bytes` codec big? Missing is fine for items of one byte. */
static int parse_endian(const struct ozr_jref *conf, unsigned item, int *big, struct ozr_err *err)
{
	struct ozr_jref endian = ozr_jget(conf, "endian");
	const char *name;
	if (!endian.v && item == 1) {
		*big = 0;
		return OZR_OK;
	}
	int rc = ozr_jstring(&endian, &name, err);
	if (rc)
		return rc;
	if (strcmp(name, "little") != 0 && strcmp(name, "big") != 0)
		return ozr_jfail(&endian, err, OZR_BAD_FORMAT, "must be \"little\" or \"big\"");
	*big = *name == 'b' && item > 1;
	return OZR_OK;
}

/* Name and configuration of a codec: an object, or the name alone. */
static int open_codec(const struct ozr_jref *r, const char **name, struct ozr_jref *conf,
		      struct ozr_err *err)
{
	*conf = ozr_jget(r, "configuration");
	if (ozr_jis(r, OZR_JSON_STRING))
		return ozr_jstring(r, name, err);
	int rc = ozr_jneed(r, OZR_JSON_OBJECT, err);
	if (rc)
		return rc;
	struct ozr_jref n = ozr_jget(r, "name");
	rc = ozr_jstring(&n, name, err);
	if (rc == OZR_OK && conf->v)
		rc = ozr_jneed(conf, OZR_JSON_OBJECT, err);
	return rc;
}

static int is_bytes(const char *name)
{
	return strcmp(name, "bytes") == 0 || strcmp(name, "endian") == 0;
}

/* The index's codecs: its size must be known before it is read. */
static int parse_index_codecs(struct ozr_shard_layout *l, const struct ozr_jref *codecs,
			      struct ozr_err *err)
{
	struct ozr_jref it;
	unsigned at = 0;
	int rc = ozr_jneed(codecs, OZR_JSON_ARRAY, err);
	if (rc)
		return rc;
	l->index_crc = 0;
	for (int more = ozr_jfirst(codecs, &it); more; more = ozr_jnext(&it), at++) {
		const char *name = "";
		struct ozr_jref conf;
		rc = open_codec(&it, &name, &conf, err);
		if (rc)
			return rc;
		if (at == 0 && is_bytes(name)) {
			rc = parse_endian(&conf, 8, &l->index_big_endian, err);
			if (rc)
				return rc;
		} else if (at == 1 && strcmp(name, "crc32c") == 0) {
			l->index_crc = 1;
		} else {
			return ozr_jfail(&it, err, OZR_UNSUPPORTED,
					 "index codecs must be bytes, then crc32c or nothing");
		}
	}
	if (at == 0)
		return ozr_jfail(codecs, err, OZR_BAD_FORMAT, "must begin with the codec bytes");
	ozr_shard_size_index(l);
	return OZR_OK;
}

static int parse_shard(struct state *s, const struct ozr_jref *conf, struct ozr_err *err)
{
	struct ozr_jref shape = ozr_jget(conf, "chunk_shape"), codecs = ozr_jget(conf, "codecs"),
			index = ozr_jget(conf, "index_codecs"),
			where = ozr_jget(conf, "index_location");
	struct ozr_chunk_spec spec = s->c->spec;
	struct ozr_chain *inner = NULL;
	const char *location = "end";
	unsigned n = spec.rank;
	if (s->depth == OZR_SHARD_DEPTH)
		return ozr_jfail(conf, err, OZR_UNSUPPORTED, "shards nested more than %d deep",
				 OZR_SHARD_DEPTH);
	int rc = ozr_ju64_list(&shape, 1, INT64_MAX, spec.rank, &n, spec.shape, err);
	if (rc == OZR_OK && n != spec.rank)
		rc = ozr_jfail(&shape, err, OZR_BAD_FORMAT, "must have %u numbers, found %u",
			       spec.rank, n);
	if (rc == OZR_OK && where.v)
		rc = ozr_jstring(&where, &location, err);
	if (rc == OZR_OK && strcmp(location, "end") != 0 && strcmp(location, "start") != 0)
		rc = ozr_jfail(&where, err, OZR_BAD_FORMAT, "must be \"start\" or \"end\"");
	if (rc == OZR_OK)
		rc = parse_chain(s->c->ctx, &codecs, &spec, s->depth + 1, &inner, err);
	if (rc)
		return rc;
	rc = ozr_chain_set_shard(s->c, inner, err);
	if (rc)
		return ozr_err_context(err, rc, "sharding_indexed");
	s->c->shard.index_at_start = *location == 's';
	return parse_index_codecs(&s->c->shard, &index, err);
}

/* --- bytes to bytes ------------------------------------------------------------ */

static int parse_shuffle(const struct ozr_jref *r, enum ozr_blosc_shuffle *out, struct ozr_err *err)
{
	static const char *const names[] = {"noshuffle", "shuffle", "bitshuffle"};
	const char *name;
	int rc = ozr_jstring(r, &name, err);
	for (unsigned i = 0; rc == OZR_OK && i < 3; i++) {
		if (strcmp(name, names[i]) == 0) {
			*out = (enum ozr_blosc_shuffle)i;
			return OZR_OK;
		}
	}
	return rc ? rc
		  : ozr_jfail(r, err, OZR_BAD_FORMAT,
			      "must be \"noshuffle\", \"shuffle\" or \"bitshuffle\"");
}

static int parse_blosc(const struct ozr_jref *conf, unsigned item, struct ozr_filter *f,
		       struct ozr_err *err)
{
	struct ozr_jref cname = ozr_jget(conf, "cname"), clevel = ozr_jget(conf, "clevel"),
			shuffle = ozr_jget(conf, "shuffle"), type = ozr_jget(conf, "typesize"),
			block = ozr_jget(conf, "blocksize");
	const char *name;
	uint64_t level = 0, typesize = item, blocksize = 0;
	int rc = ozr_jstring(&cname, &name, err);
	if (rc == OZR_OK && ozr_blosc_codec_find(name, &f->cname))
		rc = ozr_jfail(&cname, err, OZR_UNSUPPORTED,
			       "must be blosclz, lz4, lz4hc, snappy, zlib or zstd");
	if (rc == OZR_OK)
		rc = ozr_ju64(&clevel, 0, 9, &level, err);
	if (rc == OZR_OK)
		rc = parse_shuffle(&shuffle, &f->shuffle, err);
	if (rc == OZR_OK && type.v)
		rc = ozr_ju64(&type, 1, 255, &typesize, err);
	if (rc == OZR_OK && block.v)
		rc = ozr_ju64(&block, 0, INT_MAX, &blocksize, err);
	f->level = (int)level;
	f->typesize = (unsigned)typesize;
	f->blocksize = (uint32_t)blocksize;
	return rc;
}

static int parse_zstd(const struct ozr_jref *conf, struct ozr_filter *f, struct ozr_err *err)
{
	struct ozr_jref level = ozr_jget(conf, "level"), sum = ozr_jget(conf, "checksum");
	int64_t n = 3;
	int rc = level.v ? ozr_ji64(&level, -131072, ozr_zstd_max_level(), &n, err) : OZR_OK;
	if (rc == OZR_OK && sum.v)
		rc = ozr_jbool(&sum, &f->checksum, err);
	f->level = (int)n;
	return rc;
}

static int parse_gzip(const struct ozr_jref *conf, struct ozr_filter *f, struct ozr_err *err)
{
	struct ozr_jref level = ozr_jget(conf, "level");
	uint64_t n = 6;
	int rc = level.v ? ozr_ju64(&level, 0, 9, &n, err) : OZR_OK;
	f->level = (int)n;
	return rc;
}

static int parse_filter(struct state *s, const struct ozr_jref *r, const char *name,
			const struct ozr_jref *conf, struct ozr_err *err)
{
	struct ozr_filter f = {0};
	char quoted[OZR_QUOTE_MAX];
	unsigned item = ozr_item_size(&s->c->spec);
	int rc = OZR_OK;
	if (strcmp(name, "blosc") == 0) {
		f.kind = OZR_FILTER_BLOSC;
		rc = parse_blosc(conf, item, &f, err);
	} else if (strcmp(name, "zstd") == 0) {
		f.kind = OZR_FILTER_ZSTD;
		rc = parse_zstd(conf, &f, err);
	} else if (strcmp(name, "gzip") == 0) {
		f.kind = OZR_FILTER_GZIP;
		rc = parse_gzip(conf, &f, err);
	} else if (strcmp(name, "crc32c") == 0) {
		f.kind = OZR_FILTER_CRC32C;
	} else if (strncmp(name, "numcodecs.", 10) == 0) {
		rc = ozr_filter_from_numcodecs(name + 10, conf, item, &f, err);
		if (rc == OZR_UNSUPPORTED)
			return ozr_jfail(r, err, rc, "codec '%s' is not supported",
					 ozr_quote(quoted, name, strlen(name)));
		f.numcodecs = 1;
	} else {
		rc = ozr_jfail(r, err, OZR_UNSUPPORTED, "codec '%s' is not supported",
			       ozr_quote(quoted, name, strlen(name)));
	}
	return rc ? rc : ozr_chain_add(s->c, &f, err);
}

/* --- the list ---------------------------------------------------------------------- */

static int parse_codec(struct state *s, const struct ozr_jref *r, struct ozr_err *err)
{
	struct ozr_jref conf;
	const char *name = "";
	int rc = open_codec(r, &name, &conf, err);
	if (rc)
		return rc;
	int shard = strcmp(name, "sharding_indexed") == 0, to_bytes = shard || is_bytes(name);
	if (strcmp(name, "transpose") == 0 || to_bytes) {
		if (s->has_bytes)
			return ozr_jfail(r, err, OZR_BAD_FORMAT,
					 "codec %s after the array became bytes", name);
		s->has_bytes = to_bytes;
		if (!to_bytes)
			return parse_transpose(s, &conf, err);
		return shard ? parse_shard(s, &conf, err)
			     : parse_endian(&conf, ozr_item_size(&s->c->spec), &s->c->big_endian,
					    err);
	}
	rc = parse_filter(s, r, name, &conf, err);
	if (rc == OZR_OK && !s->has_bytes)
		return ozr_jfail(r, err, OZR_BAD_FORMAT,
				 "codec %s before bytes or sharding_indexed", name);
	return rc;
}

static int parse_chain(struct ozr_ctx *ctx, const struct ozr_jref *codecs,
		       const struct ozr_chunk_spec *spec, unsigned depth, struct ozr_chain **out,
		       struct ozr_err *err)
{
	struct state s = {.depth = depth};
	struct ozr_jref it;
	int rc = ozr_jneed(codecs, OZR_JSON_ARRAY, err);
	if (rc == OZR_OK)
		rc = ozr_chain_alloc(ctx, spec, &s.c, err);
	if (rc)
		return rc;
	for (int more = ozr_jfirst(codecs, &it); more && rc == OZR_OK; more = ozr_jnext(&it))
		rc = parse_codec(&s, &it, err);
	if (rc == OZR_OK && !s.has_bytes)
		rc = ozr_jfail(codecs, err, OZR_BAD_FORMAT,
			       "no codec makes bytes of the array (bytes or sharding_indexed)");
	if (rc == OZR_OK)
		rc = ozr_chain_finish(s.c, err);
	if (rc)
		ozr_chain_free(s.c);
	else
		*out = s.c;
	return rc;
}

int ozr_chain_from_v3(struct ozr_ctx *ctx, const struct ozr_jref *codecs,
		      const struct ozr_chunk_spec *spec, struct ozr_chain **out,
		      struct ozr_err *err)
{
	struct ozr_chunk_spec checked = *spec;
	int rc = ozr_chunk_spec_check(ctx, &checked, 0, err);
	return rc ? rc : parse_chain(ctx, codecs, &checked, 0, out, err);
}
