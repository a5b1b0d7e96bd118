/* SPDX-License-Identifier: MIT */
/*
 * A chain as metadata: the v3 "codecs" array, and what v2's .zarray says of it.
 * A builder that ran out of memory passes NULL along; the last call tells.
 */
#include "codec/chain_impl.h"

static struct ozr_json *codec(const char *name, struct ozr_json *conf)
{
	struct ozr_json *o = ozr_json_object();
	if (ozr_json_set_text(o, "name", name) == 0 &&
	    (!conf || ozr_json_set(o, "configuration", conf) == 0))
		return o;
	ozr_json_free(o);
	return NULL;
}

static struct ozr_json *bytes_codec(int big_endian, unsigned item)
{
	struct ozr_json *conf = item > 1 ? ozr_json_object() : NULL;
	if (item > 1 && ozr_json_set_text(conf, "endian", big_endian ? "big" : "little")) {
		ozr_json_free(conf);
		return NULL;
	}
	return codec("bytes", conf);
}

static int set_u64(struct ozr_json *o, const char *name, uint64_t v)
{
	return ozr_json_set(o, name, ozr_json_u64(v));
}

static int set_i64(struct ozr_json *o, const char *name, int64_t v)
{
	return ozr_json_set(o, name, ozr_json_i64(v));
}

static int blosc_conf(const struct ozr_filter *f, struct ozr_json *conf)
{
	static const char *const shuffles[] = {"noshuffle", "shuffle", "bitshuffle"};
	return set_u64(conf, "typesize", f->typesize) ||
	       ozr_json_set_text(conf, "cname", ozr_blosc_codec_name(f->cname)) ||
	       set_i64(conf, "clevel", f->level) ||
	       ozr_json_set_text(conf, "shuffle", shuffles[f->shuffle]) ||
	       set_u64(conf, "blocksize", f->blocksize);
}

int ozr_filter_to_numcodecs(const struct ozr_filter *f, struct ozr_json *conf)
{
	if (f->kind == OZR_FILTER_BLOSC)
		return ozr_json_set_text(conf, "cname", ozr_blosc_codec_name(f->cname)) ||
		       set_i64(conf, "clevel", f->level) ||
		       set_i64(conf, "shuffle", (int)f->shuffle) ||
		       set_u64(conf, "blocksize", f->blocksize);
	if (f->kind == OZR_FILTER_ZSTD && f->checksum &&
	    ozr_json_set(conf, "checksum", ozr_json_bool(1)))
		return -1;
	return set_i64(conf, "level", f->level);
}

static struct ozr_json *filter_codec(const struct ozr_filter *f)
{
	static const char *const foreign[] = {"numcodecs.blosc", "numcodecs.zstd", "numcodecs.gzip",
					      "numcodecs.zlib", NULL};
	struct ozr_json *conf;
	int bad;
	if (f->kind == OZR_FILTER_CRC32C)
		return codec("crc32c", NULL);
	conf = ozr_json_object();
	if (f->numcodecs)
		bad = ozr_filter_to_numcodecs(f, conf);
	else if (f->kind == OZR_FILTER_BLOSC)
		bad = blosc_conf(f, conf);
	else
		bad = set_i64(conf, "level", f->level) ||
		      (f->kind == OZR_FILTER_ZSTD &&
		       ozr_json_set(conf, "checksum", ozr_json_bool(f->checksum)));
	if (bad) {
		ozr_json_free(conf);
		return NULL;
	}
	return codec(f->numcodecs ? foreign[f->kind] : ozr_filter_name(f), conf);
}

static struct ozr_json *shard_codec(const struct ozr_chain *c)
{
	const struct ozr_shard_layout *l = &c->shard;
	struct ozr_json *conf = ozr_json_object(), *index = ozr_json_array();
	int bad = ozr_json_append(index, bytes_codec(l->index_big_endian, 8)) ||
		  (l->index_crc && ozr_json_append(index, codec("crc32c", NULL)));
	if (bad) {
		ozr_json_free(index);
		index = NULL;
	}
	bad = ozr_json_set_u64s(conf, "chunk_shape", l->inner->spec.shape, c->spec.rank) ||
	      ozr_json_set(conf, "codecs", ozr_chain_to_v3(l->inner));
	if (bad) {
		ozr_json_free(index);
		index = NULL;
	}
	if (ozr_json_set(conf, "index_codecs", index) ||
	    ozr_json_set_text(conf, "index_location", l->index_at_start ? "start" : "end")) {
		ozr_json_free(conf);
		return NULL;
	}
	return codec("sharding_indexed", conf);
}

static int in_natural_order(const struct ozr_chain *c)
{
	for (unsigned d = 0; d < c->spec.rank; d++)
		if (c->order[d] != d)
			return 0;
	return 1;
}

static struct ozr_json *transpose_codec(const struct ozr_chain *c)
{
	struct ozr_json *conf = ozr_json_object();
	uint64_t order[OZR_MAX_RANK];
	for (unsigned d = 0; d < c->spec.rank; d++)
		order[d] = c->order[d];
	if (ozr_json_set_u64s(conf, "order", order, c->spec.rank)) {
		ozr_json_free(conf);
		return NULL;
	}
	return codec("transpose", conf);
}

struct ozr_json *ozr_chain_to_v3(const struct ozr_chain *c)
{
	struct ozr_json *a = ozr_json_array();
	int bad = !in_natural_order(c) && ozr_json_append(a, transpose_codec(c));
	if (!bad)
		bad = ozr_json_append(
			a, c->sharded ? shard_codec(c)
				      : bytes_codec(c->big_endian, ozr_item_size(&c->spec)));
	for (unsigned i = 0; i < c->filters && !bad; i++)
		bad = ozr_json_append(a, filter_codec(&c->filter[i]));
	if (bad) {
		ozr_json_free(a);
		return NULL;
	}
	return a;
}

int ozr_chain_to_v2(const struct ozr_chain *c, struct ozr_json *zarray)
{
	struct ozr_json *conf = NULL;
	const char *order = in_natural_order(c) ? "C" : "F";
	if (c->sharded || c->filters > 1)
		return -1;
	if (c->filters == 0)
		conf = ozr_json_null();
	else {
		const char *id = ozr_filter_numcodecs_id(&c->filter[0]);
		conf = ozr_json_object();
		if (!id || ozr_json_set_text(conf, "id", id) ||
		    ozr_filter_to_numcodecs(&c->filter[0], conf)) {
			ozr_json_free(conf);
			return -1;
		}
	}
	return ozr_json_set(zarray, "compressor", conf) ||
			       ozr_json_set(zarray, "filters", ozr_json_null()) ||
			       ozr_json_set_text(zarray, "order", order)
		       ? -1
		       : 0;
}
