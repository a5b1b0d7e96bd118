/* SPDX-License-Identifier: MIT */
/*
 * Codec metadata: what is accepted and what it means, what is refused and how
 * the message names it, what writers get, and that a chain written and parsed
 * again is the same.
 */
#include "support/codec.h"

static struct ozr_err err;
static struct codec_env env;
static const uint64_t shape[] = {4, 6, 8};

#define BYTES "{'name':'bytes','configuration':{'endian':'little'}}"

static struct ozr_chunk_spec spec_of(enum ozr_dtype t)
{
	return codec_spec(&env, t, 3, shape);
}

/* --- Written metadata ------------------------------------------------------------- */

static void check_json(struct ozr_json *v, const char *want)
{
	char *text, expected[2048];
	size_t len, n = strlen(want);
	CHECK(v && n < sizeof(expected));
	for (size_t i = 0; i <= n; i++)
		expected[i] = (char)(want[i] == '\'' ? '"' : want[i]);
	CHECK_OK(ozr_json_print(env.ctx, v, 0, &text, &len, &err));
	if (strcmp(text, expected) != 0)
		fprintf(stderr, "found    %s\nexpected %s\n", text, expected);
	CHECK(strcmp(text, expected) == 0);
	ozr_text_free(text);
	ozr_json_free(v);
}

/* Parsing `text` and writing it gives `want` (NULL: the same text). */
static void same_v3(enum ozr_dtype t, const char *text, const char *want)
{
	struct ozr_chunk_spec spec = spec_of(t);
	struct ozr_chain *c;
	CHECK_OK(codec_parse(&env, 3, text, 0, &spec, &c, &err));
	check_json(ozr_chain_to_v3(c), want ? want : text);
	ozr_chain_free(c);
}

static void test_v3(void)
{
	same_v3(OZR_UINT16, "[" BYTES "]", NULL);
	same_v3(OZR_UINT16, "[{'name':'endian','configuration':{'endian':'big'}}]",
		"[{'name':'bytes','configuration':{'endian':'big'}}]");
	same_v3(OZR_UINT8, "['bytes']", "[{'name':'bytes'}]");
	same_v3(OZR_INT8, "[{'name':'bytes','configuration':{'endian':'big'}},'crc32c']",
		"[{'name':'bytes'},{'name':'crc32c'}]");
	same_v3(OZR_FLOAT32,
		"[{'name':'transpose','configuration':{'order':[2,0,1]}}," BYTES
		",{'name':'zstd','configuration':{'level':-7,'checksum':true}}]",
		NULL);
	same_v3(OZR_UINT16,
		"[" BYTES ",{'name':'blosc','configuration':{'typesize':2,'cname':'lz4hc',"
		"'clevel':9,'shuffle':'bitshuffle','blocksize':0}},{'name':'crc32c'}]",
		NULL);
	same_v3(OZR_UINT16,
		"[" BYTES ",{'name':'numcodecs.zlib','configuration':{'level':1}},"
		"{'name':'numcodecs.blosc','configuration':{'cname':'zstd','clevel':2,"
		"'shuffle':0,'blocksize':512}}]",
		NULL);
	same_v3(OZR_UINT16,
		"[{'name':'sharding_indexed','configuration':{'chunk_shape':[2,3,8],'codecs':["
		"{'name':'transpose','configuration':{'order':[2,1,0]}}," BYTES
		",{'name':'gzip','configuration':{'level':5}}],'index_codecs':["
		"{'name':'bytes','configuration':{'endian':'big'}}],'index_location':'start'}},"
		"{'name':'zstd','configuration':{'level':1,'checksum':false}}]",
		NULL);
}

/* Orders: two transposes make one; C and F are names for two of them. */
static void test_order(void)
{
	struct ozr_chunk_spec spec = spec_of(OZR_UINT8);
	struct ozr_chain *c =
		codec_chain(&env,
			    "[{'name':'transpose','configuration':{'order':[1,2,0]}},"
			    "{'name':'transpose','configuration':{'order':[0,2,1]}},'bytes']",
			    &spec);
	const unsigned *o = ozr_chain_order(c);
	CHECK(o[0] == 1 && o[1] == 0 && o[2] == 2);
	ozr_chain_free(c);
	c = codec_chain(&env, "[{'name':'transpose','configuration':{'order':'F'}},'bytes']",
			&spec);
	o = ozr_chain_order(c);
	CHECK(o[0] == 2 && o[1] == 1 && o[2] == 0);
	ozr_chain_free(c);
	/* the inner chunks of a transposed shard are in transposed axes: 4, 6, 8 is seen as 8, 4, 6 */
	c = codec_chain(&env,
			"[{'name':'transpose','configuration':{'order':[2,0,1]}},"
			"{'name':'sharding_indexed','configuration':{'chunk_shape':[8,2,2],"
			"'codecs':['bytes'],'index_codecs':[" BYTES ",'crc32c']}}]",
			&spec);
	const struct ozr_shard_layout *l = ozr_chain_shard(c);
	CHECK(l && l->grid[0] == 1 && l->grid[1] == 2 && l->grid[2] == 3 && l->entries == 6);
	CHECK(l->index_bytes == 6 * 16 + 4 && !l->index_at_start && !l->has_filters);
	ozr_chain_free(c);
}

static void same_v2(enum ozr_dtype t, const char *text, const char *want, const char *name)
{
	struct ozr_chunk_spec spec = spec_of(t);
	struct ozr_chain *c;
	struct ozr_json *o = ozr_json_object();
	CHECK_OK(codec_parse(&env, 2, text, 1, &spec, &c, &err));
	CHECK(strcmp(ozr_chain_name(c), name) == 0);
	CHECK(ozr_chain_to_v2(c, o) == 0);
	check_json(o, want);
	ozr_chain_free(c);
}

static void test_v2(void)
{
	same_v2(OZR_UINT16, "{'compressor':null,'filters':null,'order':'C'}",
		"{'compressor':null,'filters':null,'order':'C'}", "none");
	same_v2(OZR_UINT16,
		"{'compressor':{'id':'blosc','cname':'lz4','clevel':5,'shuffle':1,'blocksize':0},"
		"'filters':[],'order':'F'}",
		"{'compressor':{'id':'blosc','cname':'lz4','clevel':5,'shuffle':1,'blocksize':0},"
		"'filters':null,'order':'F'}",
		"blosc-lz4");
	/* automatic shuffle: by bits for bytes */
	same_v2(OZR_UINT8, "{'compressor':{'id':'blosc','cname':'zstd','clevel':1,'shuffle':-1}}",
		"{'compressor':{'id':'blosc','cname':'zstd','clevel':1,'shuffle':2,'blocksize':0},"
		"'filters':null,'order':'C'}",
		"blosc-zstd");
	same_v2(OZR_UINT16, "{'compressor':{'id':'zlib','level':-1},'order':'C'}",
		"{'compressor':{'id':'zlib','level':6},'filters':null,'order':'C'}", "zlib");
	same_v2(OZR_UINT16, "{'compressor':{'id':'zstd','level':7,'checksum':false}}",
		"{'compressor':{'id':'zstd','level':7},'filters':null,'order':'C'}", "zstd");
}

/* --- Refusals -------------------------------------------------------------------- */

struct refusal {
	int zarr_format, code;
	const char *text, *message; /* a part of it */
};

#define SHARD(shape, codecs, index, more)                                                          \
	"[{'name':'sharding_indexed','configuration':{'chunk_shape':" shape ",'codecs':" codecs    \
	",'index_codecs':" index more "}}]"
#define INDEX       "[" BYTES ",'crc32c']"
#define NEST(inner) SHARD("[4,6,8]", inner, INDEX, "")

static const struct refusal refusals[] = {
	{3, OZR_BAD_FORMAT, "{}", ""},
	{3, OZR_BAD_FORMAT, "[]", "bytes or sharding_indexed"},
	{3, OZR_BAD_FORMAT, "['zstd']", "before bytes"},
	{3, OZR_BAD_FORMAT, "[7]", "/0"},
	{3, OZR_BAD_FORMAT, "[{'configuration':{}}]", "/0/name"},
	{3, OZR_BAD_FORMAT, "['bytes']", "/0"},
	{3, OZR_BAD_FORMAT, "[{'name':'bytes','configuration':{'endian':'middle'}}]", "little"},
	{3, OZR_BAD_FORMAT, "[" BYTES "," BYTES "]", "/1"},
	{3, OZR_BAD_FORMAT, "[" BYTES ",{'name':'transpose','configuration':{'order':[0,1,2]}}]",
	 "transpose"},
	{3, OZR_BAD_FORMAT, "[{'name':'transpose','configuration':{'order':[0,1]}}]",
	 "permutation"},
	{3, OZR_BAD_FORMAT, "[{'name':'transpose','configuration':{'order':[0,1,1]}}]",
	 "permutation"},
	{3, OZR_BAD_FORMAT, "[{'name':'transpose','configuration':{'order':[0,1,3]}}]", "order/2"},
	{3, OZR_BAD_FORMAT, "[{'name':'transpose','configuration':{'order':'A'}}]", "order"},
	{3, OZR_UNSUPPORTED, "[" BYTES ",{'name':'lz9','must_understand':false}]", "'lz9'"},
	{3, OZR_UNSUPPORTED, "[" BYTES ",{'name':'numcodecs.delta','configuration':{}}]",
	 "/1: codec 'numcodecs.delta'"},
	{3, OZR_UNSUPPORTED, "[" BYTES ",'numcodecs.crc32c']", "numcodecs.crc32c"},
	{3, OZR_UNSUPPORTED,
	 "[" BYTES ",'crc32c','crc32c','crc32c','crc32c','crc32c','crc32c','crc32c','crc32c',"
	 "'crc32c']",
	 "more than 8"},
	{3, OZR_BAD_FORMAT, "[" BYTES ",{'name':'gzip','configuration':{'level':10}}]", "level"},
	{3, OZR_BAD_FORMAT, "[" BYTES ",{'name':'zstd','configuration':{'level':23}}]", "level"},
	{3, OZR_BAD_FORMAT, "[" BYTES ",{'name':'zstd','configuration':{'checksum':1}}]",
	 "checksum"},
	{3, OZR_BAD_FORMAT, "[" BYTES ",{'name':'blosc','configuration':{}}]", "cname"},
	{3, OZR_UNSUPPORTED,
	 "[" BYTES ",{'name':'blosc','configuration':{'cname':'lzx','clevel':1,"
	 "'shuffle':'shuffle'}}]",
	 "cname"},
	{3, OZR_BAD_FORMAT,
	 "[" BYTES ",{'name':'blosc','configuration':{'cname':'lz4','clevel':1,'shuffle':1}}]",
	 "shuffle"},
	{3, OZR_BAD_FORMAT,
	 "[" BYTES ",{'name':'blosc','configuration':{'cname':'lz4','clevel':1,"
	 "'shuffle':'shuffle','typesize':0}}]",
	 "typesize"},
	{3, OZR_BAD_FORMAT, SHARD("[4,6]", "[" BYTES "]", INDEX, ""), "chunk_shape"},
	{3, OZR_BAD_FORMAT, SHARD("[4,6,0]", "[" BYTES "]", INDEX, ""), "chunk_shape/2"},
	{3, OZR_BAD_FORMAT, SHARD("[4,4,8]", "[" BYTES "]", INDEX, ""), "axis 1"},
	{3, OZR_BAD_FORMAT, SHARD("[4,6,16]", "[" BYTES "]", INDEX, ""), "axis 2"},
	{3, OZR_BAD_FORMAT, SHARD("[4,6,8]", "[]", INDEX, ""), "/0/configuration/codecs"},
	{3, OZR_BAD_FORMAT, SHARD("[4,6,8]", "[" BYTES "]", "[]", ""), "index_codecs"},
	{3, OZR_UNSUPPORTED, SHARD("[4,6,8]", "[" BYTES "]", "[" BYTES ",'zstd']", ""),
	 "index_codecs/1"},
	{3, OZR_BAD_FORMAT, SHARD("[4,6,8]", "[" BYTES "]", INDEX, ",'index_location':'middle'"),
	 "index_location"},
	{3, OZR_UNSUPPORTED, NEST(NEST(NEST(NEST(NEST("[" BYTES "]"))))), "nested"},
	{2, OZR_BAD_FORMAT, "{'compressor':7}", "/compressor"},
	{2, OZR_BAD_FORMAT, "{'compressor':{}}", "/compressor/id"},
	{2, OZR_UNSUPPORTED, "{'compressor':{'id':'bz2','level':1}}", "'bz2'"},
	{2, OZR_UNSUPPORTED, "{'compressor':null,'filters':[{'id':'delta','dtype':'<u2'}]}",
	 "/filters/0: filter 'delta'"},
	{2, OZR_BAD_FORMAT, "{'compressor':null,'filters':7}", "/filters"},
	{2, OZR_BAD_FORMAT, "{'compressor':null,'order':'A'}", "/order"},
	{2, OZR_BAD_FORMAT, "{'compressor':{'id':'blosc','clevel':11}}", "clevel"},
	{2, OZR_BAD_FORMAT, "{'compressor':{'id':'blosc','shuffle':3}}", "shuffle"},
};

static void test_refusals(void)
{
	struct ozr_chunk_spec spec = spec_of(OZR_UINT16);
	struct ozr_chain *c;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *r = &refusals[i];
		int code = codec_parse(&env, r->zarr_format, r->text, 0, &spec, &c, &err);
		if (code != r->code || !strstr(err.msg, r->message))
			fprintf(stderr, "%s\n%s: %s\n", r->text, ozr_code_name(code), err.msg);
		CHECK(code == r->code && strstr(err.msg, r->message));
	}
	CHECK_OK(codec_parse(&env, 3, NEST(NEST(NEST(NEST("[" BYTES "]")))), 0, &spec, &c, &err));
	CHECK(strcmp(ozr_chain_name(c), "none") == 0);
	ozr_chain_free(c);
}

static void test_spec(void)
{
	struct ozr_chunk_spec s = {.dtype = OZR_FLOAT64, .rank = 2, .shape = {3, 5}};
	CHECK_OK(ozr_chunk_spec_check(env.ctx, &s, 1, &err));
	CHECK(s.bytes == 120);
	s.shape[1] = 0;
	CHECK_CODE(OZR_BAD_FORMAT, ozr_chunk_spec_check(env.ctx, &s, 1, &err));
	s.shape[0] = s.shape[1] = UINT64_C(1) << 40;
	CHECK_CODE(OZR_LIMIT, ozr_chunk_spec_check(env.ctx, &s, 0, &err));
	s.shape[0] = 1;
	CHECK_CODE(OZR_LIMIT, ozr_chunk_spec_check(env.ctx, &s, 1, &err));
	CHECK(strstr(err.msg, "chunk_bytes"));
	CHECK_OK(ozr_chunk_spec_check(env.ctx, &s, 0, &err));
	s.rank = 17;
	CHECK_CODE(OZR_LIMIT, ozr_chunk_spec_check(env.ctx, &s, 0, &err));
	/* entries of a shard are limited before anything is taken for them */
	struct ozr_chunk_spec big = {.dtype = OZR_UINT8, .rank = 1, .shape = {UINT64_C(1) << 40}};
	struct ozr_chain *c;
	CHECK_CODE(OZR_LIMIT,
		   codec_parse(&env, 3, SHARD("[1]", "['bytes']", INDEX, ""), 0, &big, &c, &err));
	CHECK(strstr(err.msg, "shard_entries"));
}

/* --- What writers get -------------------------------------------------------------- */

static void check_new(const struct ozr_codec_options *opt, int zarr_format, enum ozr_dtype t,
		      int shard, const char *want)
{
	struct ozr_chunk_spec inner = spec_of(t), outer = inner;
	struct ozr_chain *c = NULL;
	outer.shape[0] = 8;
	CHECK_OK(ozr_chunk_spec_check(env.ctx, &outer, 0, &err));
	CHECK_OK(ozr_chain_new(env.ctx, opt, zarr_format, NULL, &inner, shard ? &outer : NULL, &c,
			       &err));
	if (zarr_format == 3) {
		check_json(ozr_chain_to_v3(c), want);
	} else {
		struct ozr_json *o = ozr_json_object();
		CHECK(ozr_chain_to_v2(c, o) == 0);
		check_json(o, want);
	}
	ozr_chain_free(c);
}

static void test_new(void)
{
	struct ozr_codec_options none = {0}, zstd = {.codec = "zstd", .level = 5},
				 raw = {.codec = "none"},
				 zero = {.codec = "gzip", .level = INT_MIN},
				 bare = {.codec = "blosc-lz4",
					 .level = 9,
					 .shuffle = 3,
					 .no_checksum = 1};
	check_new(&none, 3, OZR_UINT16, 0,
		  "[" BYTES ",{'name':'blosc','configuration':{'typesize':2,'cname':'zstd',"
		  "'clevel':3,'shuffle':'shuffle','blocksize':0}},{'name':'crc32c'}]");
	check_new(&none, 3, OZR_UINT8, 1,
		  "[{'name':'sharding_indexed','configuration':{'chunk_shape':[4,6,8],'codecs':["
		  "{'name':'bytes'},{'name':'blosc','configuration':{'typesize':1,'cname':'zstd',"
		  "'clevel':3,'shuffle':'noshuffle','blocksize':0}},{'name':'crc32c'}],"
		  "'index_codecs':[" BYTES ",{'name':'crc32c'}],'index_location':'end'}}]");
	check_new(&zstd, 3, OZR_UINT16, 0,
		  "[" BYTES ",{'name':'zstd','configuration':{'level':5,'checksum':true}}]");
	check_new(&raw, 3, OZR_UINT16, 0, "[" BYTES ",{'name':'crc32c'}]");
	check_new(&zero, 3, OZR_UINT16, 0,
		  "[" BYTES ",{'name':'gzip','configuration':{'level':0}},{'name':'crc32c'}]");
	check_new(&bare, 3, OZR_FLOAT32, 0,
		  "[" BYTES ",{'name':'blosc','configuration':{'typesize':4,'cname':'lz4',"
		  "'clevel':9,'shuffle':'bitshuffle','blocksize':0}}]");
	check_new(&none, 2, OZR_UINT16, 0,
		  "{'compressor':{'id':'blosc','cname':'zstd','clevel':3,'shuffle':1,"
		  "'blocksize':0},'filters':null,'order':'C'}");
	check_new(&zstd, 2, OZR_UINT16, 0,
		  "{'compressor':{'id':'zstd','level':5},'filters':null,'order':'C'}");
	check_new(&raw, 2, OZR_UINT16, 0, "{'compressor':null,'filters':null,'order':'C'}");
}

static void refuse_new(const char *codec, int level, int shuffle, const char *message)
{
	struct ozr_codec_options opt = {.level = level, .shuffle = shuffle};
	struct ozr_chunk_spec spec = spec_of(OZR_UINT16);
	struct ozr_chain *c = NULL;
	snprintf(opt.codec, sizeof(opt.codec), "%s", codec);
	CHECK_CODE(OZR_BAD_ARG, ozr_chain_new(env.ctx, &opt, 3, NULL, &spec, NULL, &c, &err));
	CHECK(c == NULL && strstr(err.msg, message));
}

static void test_new_refusals(void)
{
	struct ozr_codec_options opt = {0};
	struct ozr_chunk_spec spec = spec_of(OZR_UINT16), shard = spec;
	struct ozr_chain *c = NULL;
	refuse_new("lzma", 0, 0, "'lzma'");
	refuse_new("blosc-lzx", 0, 0, "blosc-lzx");
	refuse_new("blosc-zstd", 10, 0, "from 0 to 9, found 10");
	refuse_new("zstd", 23, 0, "from -7 to 22");
	refuse_new("gzip", -1, 0, "from 0 to 9");
	refuse_new("", 0, 4, "shuffle");
	CHECK_CODE(OZR_BAD_ARG, ozr_chain_new(env.ctx, &opt, 2, NULL, &spec, &shard, &c, &err));
	CHECK_CODE(OZR_BAD_ARG, ozr_chain_new(env.ctx, &opt, 3, (const unsigned[]){1, 1, 0}, &spec,
					      NULL, &c, &err));
	CHECK_CODE(OZR_BAD_ARG, ozr_chain_new(env.ctx, &opt, 2, (const unsigned[]){1, 0, 2}, &spec,
					      NULL, &c, &err));
	shard.shape[0] = 6;
	CHECK_CODE(OZR_BAD_FORMAT, ozr_chain_new(env.ctx, &opt, 3, NULL, &spec, &shard, &c, &err));
	CHECK_OK(ozr_chain_new(env.ctx, &opt, 2, (const unsigned[]){2, 1, 0}, &spec, NULL, &c,
			       &err));
	CHECK(ozr_chain_order(c)[0] == 2);
	ozr_chain_free(c);
}

int main(void)
{
	env = codec_env_open();
	test_v3();
	test_order();
	test_v2();
	test_refusals();
	test_spec();
	test_new();
	test_new_refusals();
	codec_env_close(&env);
	return 0;
}
