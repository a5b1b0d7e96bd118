/* SPDX-License-Identifier: MIT */
/*
 * Array metadata: tables of good and bad documents of both formats (single
 * quotes stand for double ones), with what must be read from them or said
 * about them; and documents that we write, read again.
 */
#include <math.h>

#include "array/dtype.h"
#include "array/meta.h"
#include "support/check.h"

static struct ozr_err err;
static struct ozr_ctx *ctx;

static char *quoted(const char *text)
{
	static char buf[8][8192];
	static unsigned turn;
	char *out = buf[turn++ % 8];
	CHECK(strlen(text) < sizeof(buf[0]));
	for (size_t i = 0; i <= strlen(text); i++)
		out[i] = (char)(text[i] == '\'' ? '"' : text[i]);
	return out;
}

/* The document with one member replaced by `with` ("" removes nothing and adds it). */
static const char *edited(const char *const *member, size_t n, const char *name, const char *with)
{
	static char out[8192];
	size_t at = 0;
	int found = 0;
	at += (size_t)snprintf(out, sizeof(out), "{");
	for (size_t i = 0; i < n; i++) {
		int is = name && strncmp(member[i] + 1, name, strlen(name)) == 0 &&
			 member[i][1 + strlen(name)] == '\'';
		found |= is;
		const char *text = is ? with : member[i];
		if (*text)
			at += (size_t)snprintf(out + at, sizeof(out) - at, "%s%s",
					       at > 1 ? "," : "", text);
	}
	if (name && !found)
		at += (size_t)snprintf(out + at, sizeof(out) - at, ",%s", with);
	snprintf(out + at, sizeof(out) - at, "}");
	return out;
}

static const char *const v3[] = {
	"'zarr_format':3",
	"'node_type':'array'",
	"'shape':[100,200]",
	"'data_type':'uint16'",
	"'chunk_grid':{'name':'regular','configuration':{'chunk_shape':[10,20]}}",
	"'chunk_key_encoding':{'name':'default','configuration':{'separator':'/'}}",
	"'fill_value':0",
	"'codecs':[{'name':'bytes','configuration':{'endian':'little'}}]",
	"'attributes':{}",
};
enum { V3 = sizeof(v3) / sizeof(v3[0]) };

static const char *const v2[] = {
	"'zarr_format':2",   "'shape':[100,200]", "'chunks':[10,20]", "'dtype':'<u2'",
	"'compressor':null", "'fill_value':0",    "'order':'C'",      "'filters':null",
};
enum { V2 = sizeof(v2) / sizeof(v2[0]) };

static int parse(int format, const char *text, const char *zattrs, struct ozr_meta *m)
{
	const char *doc = quoted(text), *attrs = zattrs ? quoted(zattrs) : NULL;
	memset(m, 0, sizeof(*m));
	if (format == 3)
		return ozr_meta_parse_v3(ctx, doc, strlen(doc), m, &err);
	return ozr_meta_parse_v2(ctx, doc, strlen(doc), attrs, attrs ? strlen(attrs) : 0, m, &err);
}

struct bad {
	int format;
	const char *name, *with; /* replaces this member */
	int code;
	const char *says;
};

static const struct bad bad[] = {
	{3, "zarr_format", "'zarr_format':2", OZR_BAD_FORMAT, "zarr.json: /zarr_format: "},
	{3, "zarr_format", "", OZR_BAD_FORMAT, "/zarr_format: "},
	{3, "node_type", "'node_type':'group'", OZR_BAD_FORMAT, "is a group"},
	{3, "node_type", "'node_type':'thing'", OZR_BAD_FORMAT, "\"thing\""},
	{3, "shape", "'shape':[100]", OZR_BAD_FORMAT, "chunk_shape"},
	{3, "shape", "'shape':[100,-1]", OZR_BAD_FORMAT, "/shape/1: "},
	{3, "shape", "'shape':[100,1.5]", OZR_BAD_FORMAT, "/shape/1: "},
	{3, "shape", "'shape':[100,9223372036854775808]", OZR_BAD_FORMAT, "9223372036854775808"},
	{3, "shape", "'shape':[100,1e30]", OZR_BAD_FORMAT, "/shape/1: "},
	{3, "shape", "'shape':[100,'200']", OZR_BAD_FORMAT, "/shape/1: "},
	{3, "shape", "'shape':100", OZR_BAD_FORMAT, "/shape: "},
	{3, "shape", "'shape':[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", OZR_LIMIT, "17 dimensions"},
	{3, "chunk_grid", "'chunk_grid':{'name':'regular','configuration':{'chunk_shape':[10,0]}}",
	 OZR_BAD_FORMAT, "/chunk_grid/configuration/chunk_shape/1: "},
	{3, "chunk_grid",
	 "'chunk_grid':{'name':'regular','configuration':{'chunk_shape':[4611686018427387904,"
	 "4611686018427387904]}}",
	 OZR_LIMIT, ""},
	{3, "chunk_grid",
	 "'chunk_grid':{'name':'regular','configuration':{'chunk_shape':[65536,65536]}}", OZR_LIMIT,
	 "chunk_bytes"},
	{3, "chunk_grid", "'chunk_grid':{'name':'rectilinear','configuration':{}}", OZR_UNSUPPORTED,
	 "rectilinear"},
	{3, "chunk_grid", "'chunk_grid':{'name':'regular'}", OZR_BAD_FORMAT,
	 "/chunk_grid/configuration: "},
	{3, "data_type", "'data_type':'complex64'", OZR_UNSUPPORTED, "complex64"},
	{3, "data_type", "'data_type':7", OZR_BAD_FORMAT, "/data_type: "},
	{3, "chunk_key_encoding", "'chunk_key_encoding':{'name':'suffix'}", OZR_UNSUPPORTED,
	 "suffix"},
	{3, "chunk_key_encoding",
	 "'chunk_key_encoding':{'name':'default','configuration':{'separator':'-'}}",
	 OZR_BAD_FORMAT, "/chunk_key_encoding/configuration/separator: "},
	{3, "chunk_key_encoding", "", OZR_BAD_FORMAT, "/chunk_key_encoding"},
	{3, "fill_value", "", OZR_BAD_FORMAT, "/fill_value: is missing"},
	{3, "fill_value", "'fill_value':null", OZR_BAD_FORMAT, "/fill_value: "},
	{3, "fill_value", "'fill_value':65536", OZR_BAD_FORMAT, "65536"},
	{3, "fill_value", "'fill_value':-1", OZR_BAD_FORMAT, "/fill_value: "},
	{3, "fill_value", "'fill_value':'NaN'", OZR_BAD_FORMAT, "/fill_value: "},
	{3, "codecs", "'codecs':[{'name':'mystery'}]", OZR_UNSUPPORTED, "mystery"},
	{3, "codecs", "'codecs':[]", OZR_BAD_FORMAT, "/codecs"},
	{3, "attributes", "'attributes':[]", OZR_BAD_FORMAT, "/attributes: "},
	{3, "storage_transformers", "'storage_transformers':[{'name':'x'}]", OZR_UNSUPPORTED,
	 "/storage_transformers: "},
	{3, "dimension_names", "'dimension_names':['y']", OZR_BAD_FORMAT, "/dimension_names: "},
	{3, "dimension_names", "'dimension_names':['y',3]", OZR_BAD_FORMAT, "/dimension_names/1: "},
	{3, "extra", "'extra':{'name':'x'}", OZR_UNSUPPORTED, "/extra: "},
	{3, "extra", "'extra':{'name':'x','must_understand':true}", OZR_UNSUPPORTED, "/extra: "},
	{3, "extra", "'extra':1", OZR_UNSUPPORTED, "/extra: "},
	{2, "zarr_format", "'zarr_format':3", OZR_BAD_FORMAT, ".zarray: /zarr_format: "},
	{2, "chunks", "'chunks':[10]", OZR_BAD_FORMAT, "/chunks: "},
	{2, "chunks", "'chunks':[10,0]", OZR_BAD_FORMAT, "/chunks/1: "},
	{2, "chunks", "'chunks':[65536,65536]", OZR_LIMIT, "chunk_bytes"},
	{2, "shape", "'shape':[100,-200]", OZR_BAD_FORMAT, "/shape/1: "},
	{2, "dtype", "'dtype':'<c16'", OZR_UNSUPPORTED, "<c16"},
	{2, "dtype", "'dtype':'|O'", OZR_UNSUPPORTED, "|O"},
	{2, "dtype", "'dtype':'|u2'", OZR_UNSUPPORTED, "|u2"},
	{2, "dtype", "'dtype':[['a','<u2']]", OZR_UNSUPPORTED, "/dtype: "},
	{2, "dtype", "'dtype':'<M8[ns]'", OZR_UNSUPPORTED, "<M8[ns]"},
	{2, "dtype", "", OZR_BAD_FORMAT, "/dtype: "},
	{2, "compressor", "'compressor':{'id':'mystery'}", OZR_UNSUPPORTED, "mystery"},
	{2, "filters", "'filters':[{'id':'delta'}]", OZR_UNSUPPORTED, "delta"},
	{2, "order", "'order':'K'", OZR_BAD_FORMAT, "/order: "},
	{2, "dimension_separator", "'dimension_separator':'_'", OZR_BAD_FORMAT,
	 "/dimension_separator: "},
	{2, "fill_value", "'fill_value':70000", OZR_BAD_FORMAT, "/fill_value: "},
};

static void check_bad(void)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct bad *b = &bad[i];
		struct ozr_meta m;
		const char *text =
			edited(b->format == 3 ? v3 : v2, b->format == 3 ? (size_t)V3 : (size_t)V2,
			       b->name, b->with);
		int rc = parse(b->format, text, NULL, &m);
		if (rc != b->code || !strstr(err.msg, b->says)) {
			fprintf(stderr, "%s\n%s: %s\nexpected %s: %s\n", text, ozr_code_name(rc),
				rc ? err.msg : "", ozr_code_name(b->code), b->says);
			CHECK(0);
		}
		CHECK(!m.doc && !m.chain); /* untouched */
	}
	struct ozr_meta m;
	CHECK_CODE(OZR_BAD_FORMAT, parse(3, "", NULL, &m));
	CHECK_CODE(OZR_BAD_FORMAT, parse(3, "[]", NULL, &m));
	CHECK_CODE(OZR_BAD_FORMAT, parse(2, "{", NULL, &m));
	CHECK_CODE(OZR_BAD_FORMAT, parse(2, edited(v2, V2, NULL, NULL), "[1]", &m));
	CHECK(strstr(err.msg, ".zattrs: "));
}

static void check_fill(int format, const char *dtype, const char *fill, const void *want)
{
	char type[64], value[64];
	const char *const *doc = format == 3 ? v3 : v2;
	const char *members[16];
	size_t n = format == 3 ? V3 : V2;
	struct ozr_meta m;
	snprintf(type, sizeof(type), format == 3 ? "'data_type':'%s'" : "'dtype':'%s'", dtype);
	snprintf(value, sizeof(value), "'fill_value':%s", fill);
	for (size_t i = 0; i < n; i++)
		members[i] = strncmp(doc[i], "'data_type'", 11) == 0 ||
					     strncmp(doc[i], "'dtype'", 7) == 0
				     ? type
				     : doc[i];
	CHECK_OK(parse(format, edited(members, n, "fill_value", value), NULL, &m));
	if (memcmp(m.grid.fill, want, ozr_dtype_size(m.grid.dtype)) != 0) {
		fprintf(stderr, "fill %s of %s\n", fill, dtype);
		CHECK(0);
	}
	/* and what we write of it reads the same */
	struct ozr_json *j = ozr_fill_json(m.grid.fill, m.grid.dtype, format);
	struct ozr_jref r = ozr_jroot(j);
	unsigned char again[8];
	CHECK_OK(ozr_fill_parse(&r, m.grid.dtype, format, again, &err));
	CHECK(memcmp(again, m.grid.fill, 8) == 0);
	ozr_json_free(j);
	ozr_meta_release(&m);
}

static void check_fills(void)
{
	const uint8_t one = 1, zero = 0;
	const int8_t low = -128;
	const uint16_t u16 = 65535;
	const int64_t i64 = INT64_MIN;
	const uint64_t u64 = UINT64_MAX;
	const float f = 1.5f, inf = INFINITY;
	const double d = 0.1, minus = -(double)INFINITY;
	const uint32_t nan32 = 0x7fc00000, odd32 = 0x7fc00001;
	const uint64_t nan64 = 0x7ff8000000000000u, odd64 = 0xfff8000000000123u;
	check_fill(3, "bool", "true", &one);
	check_fill(3, "bool", "false", &zero);
	check_fill(3, "int8", "-128", &low);
	check_fill(3, "uint16", "65535", &u16);
	check_fill(3, "int64", "-9223372036854775808", &i64);
	check_fill(3, "uint64", "18446744073709551615", &u64);
	check_fill(3, "float32", "1.5", &f);
	check_fill(3, "float32", "'Infinity'", &inf);
	check_fill(3, "float32", "'NaN'", &nan32);
	check_fill(3, "float32", "'0x7fc00001'", &odd32);
	check_fill(3, "float64", "0.1", &d);
	check_fill(3, "float64", "'-Infinity'", &minus);
	check_fill(3, "float64", "'NaN'", &nan64);
	check_fill(3, "float64", "'0xfff8000000000123'", &odd64);
	check_fill(2, "|b1", "true", &one);
	check_fill(2, "|b1", "null", &zero);
	check_fill(2, "<u2", "65535", &u16);
	check_fill(2, ">u2", "65535", &u16);
	check_fill(2, "<f4", "'NaN'", &nan32);
	check_fill(2, "<f8", "'-Infinity'", &minus);
	check_fill(2, "<u8", "18446744073709551615", &u64);
}

static void check_good(void)
{
	struct ozr_meta m;
	char key[1100];
	uint64_t at[] = {3, 4};

	CHECK_OK(parse(3, edited(v3, V3, NULL, NULL), NULL, &m));
	CHECK(m.grid.rank == 2 && m.grid.shape[0] == 100 && m.grid.chunk[1] == 20);
	CHECK(m.grid.depth == 0 && m.grid.mem_stride[0] == 20 && m.grid.mem_stride[1] == 1);
	CHECK_OK(ozr_meta_key(&m, "a/b", at, key, &err));
	CHECK(strcmp(key, "a/b/c/3/4") == 0);
	ozr_meta_release(&m);

	static const struct {
		const char *keys, *key;
	} encodings[] = {
		{"'chunk_key_encoding':'default'", "c/3/4"},
		{"'chunk_key_encoding':{'name':'default'}", "c/3/4"},
		{"'chunk_key_encoding':{'name':'default','configuration':{'separator':'.'}}",
		 "c.3.4"},
		{"'chunk_key_encoding':{'name':'v2'}", "3.4"},
		{"'chunk_key_encoding':{'name':'v2','configuration':{'separator':'/'}}", "3/4"},
	};
	for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++) {
		CHECK_OK(parse(3, edited(v3, V3, "chunk_key_encoding", encodings[i].keys), NULL,
			       &m));
		CHECK_OK(ozr_meta_key(&m, "", at, key, &err));
		CHECK(strcmp(key, encodings[i].key) == 0);
		ozr_meta_release(&m);
	}
	/* empty, very large, unknown but optional, names */
	CHECK_OK(parse(3, edited(v3, V3, "shape", "'shape':[0,9223372036854775807]"), NULL, &m));
	ozr_meta_release(&m);
	CHECK_OK(parse(3, edited(v3, V3, "later", "'later':{'must_understand':false,'x':1}"), NULL,
		       &m));
	ozr_meta_release(&m);
	CHECK_OK(parse(3, edited(v3, V3, "dimension_names", "'dimension_names':['y',null]"), NULL,
		       &m));
	CHECK(m.has_dim_names && strcmp(m.dim_names[0], "y") == 0 && m.dim_names[1][0] == 0);
	ozr_meta_release(&m);
	CHECK_OK(parse(3, edited(v3, V3, "data_type", "'data_type':{'name':'uint16'}"), NULL, &m));
	ozr_meta_release(&m);

	CHECK_OK(parse(2, edited(v2, V2, NULL, NULL), "{'_ARRAY_DIMENSIONS':['a','b'],'n':NaN}",
		       &m));
	CHECK(m.has_dim_names && strcmp(m.dim_names[1], "b") == 0 && !m.separator_given);
	CHECK_OK(ozr_meta_key(&m, "", at, key, &err));
	CHECK(strcmp(key, "3.4") == 0);
	ozr_meta_release(&m);
	CHECK_OK(parse(2, edited(v2, V2, "order", "'order':'F'"), NULL, &m));
	CHECK(m.grid.mem_stride[0] == 1 && m.grid.mem_stride[1] == 10);
	ozr_meta_release(&m);
	CHECK_OK(parse(2, edited(v2, V2, "dimension_separator", "'dimension_separator':'/'"), NULL,
		       &m));
	CHECK(m.separator_given && m.separator == '/');
	ozr_meta_release(&m);
}

static const char sharded[] = "'codecs':[{'name':'transpose','configuration':{'order':[1,0]}},"
			      "{'name':'sharding_indexed','configuration':{'chunk_shape':[5,2],"
			      "'codecs':[{'name':'transpose','configuration':{'order':[1,0]}},"
			      "{'name':'bytes','configuration':{'endian':'little'}}],"
			      "'index_codecs':[{'name':'bytes','configuration':{'endian':'little'}}"
			      ",{'name':'crc32c'}]}}]";

/* A shard of 10 x 20, transposed to 20 x 10, holds chunks of 5 x 2: 2 x 5 in the array. */
static void check_shards(void)
{
	struct ozr_meta m;
	const uint64_t chunk[] = {3, 2}; /* in the shard: 3 of 5 along y, 2 of 4 along x */

	CHECK_OK(parse(3, edited(v3, V3, "codecs", sharded), NULL, &m));
	const struct ozr_grid *g = &m.grid;
	CHECK(g->depth == 1 && g->chunk[0] == 2 && g->chunk[1] == 5);
	CHECK(g->inner[0] == 5 && g->inner[1] == 4 && g->inner_total == 20);
	CHECK(ozr_grid_inner(g, chunk) == 3 * 4 + 2);
	CHECK(ozr_grid_entry(g, 0, chunk) == 2 * 5 + 3);
	/* transposed twice: C order again */
	CHECK(g->mem_stride[0] == 5 && g->mem_stride[1] == 1);
	CHECK(ozr_grid_shard_chunks(g, (const uint64_t[]){9, 9}) == 20);
	ozr_meta_release(&m);
}

static void check_written(void)
{
	struct ozr_array_options opt = {.dtype = OZR_FLOAT32,
					.rank = 3,
					.shape = {5, 60, 70},
					.chunk = {1, 16, 16},
					.shard = {5, 32, 32},
					.has_dim_names = 1,
					.dim_names = {"z", "y", "x"},
					.attributes =
						"{\"big\": 18446744073709551615, \"x\": [1.5]}"};
	const float fill = NAN;
	struct ozr_meta made, read;
	char *text;
	size_t len;
	memcpy(opt.fill, &fill, 4);
	for (int format = 2; format <= 3; format++) {
		opt.zarr_format = format;
		if (format == 2)
			memset(opt.shard, 0, sizeof(opt.shard));
		else
			memcpy(opt.shard, (uint64_t[]){5, 32, 32}, 24);
		CHECK_OK(ozr_meta_new(ctx, &opt, &made, &err));
		CHECK_OK(ozr_json_print(ctx, made.doc, 1, &text, &len, &err));
		char *attrs = NULL;
		size_t attrs_len = 0;
		if (format == 2) {
			CHECK_OK(ozr_json_print(ctx, made.attrs, 1, &attrs, &attrs_len, &err));
			CHECK(strstr(attrs, "18446744073709551615"));
			CHECK_OK(ozr_meta_parse_v2(ctx, text, len, attrs, attrs_len, &read, &err));
		} else {
			CHECK(strstr(text, "18446744073709551615"));
			CHECK_OK(ozr_meta_parse_v3(ctx, text, len, &read, &err));
		}
		CHECK(ozr_meta_compatible(ctx, &made, &read));
		CHECK(read.has_dim_names && strcmp(read.dim_names[2], "x") == 0);
		CHECK(memcmp(read.grid.chunk, opt.chunk, 24) == 0);
		/* growing is compatible, shrinking is not */
		CHECK_OK(ozr_meta_set_shape(&read, (uint64_t[]){6, 60, 70}, &err));
		CHECK(ozr_meta_compatible(ctx, &made, &read));
		CHECK(!ozr_meta_compatible(ctx, &read, &made));
		ozr_text_free(text);
		ozr_text_free(attrs);
		ozr_meta_release(&made);
		ozr_meta_release(&read);
	}
	opt.shard[0] = 3;
	opt.chunk[0] = 2;
	CHECK_CODE(OZR_BAD_ARG, ozr_meta_new(ctx, &opt, &made, &err));
	opt.shard[0] = 0;
	CHECK_CODE(OZR_BAD_ARG, ozr_meta_new(ctx, &opt, &made, &err));
	memset(opt.shard, 0, sizeof(opt.shard));
	opt.attributes = "[]";
	CHECK_CODE(OZR_BAD_FORMAT, ozr_meta_new(ctx, &opt, &made, &err));
	char name[32];
	ozr_meta_dim_name(name, "0123456789012345678901234567890");
	CHECK(strlen(name) == 31);
	ozr_meta_dim_name(name, "012345678901234567890123456789\xc3\xa4x");
	CHECK(strlen(name) == 30);
}

int main(void)
{
	CHECK_OK(ozr_ctx_new(NULL, &ctx, &err));
	check_bad();
	check_fills();
	check_good();
	check_shards();
	check_written();
	struct ozr_stats before, after;
	ozr_ctx_stats(ctx, &before);
	check_bad();
	ozr_ctx_stats(ctx, &after);
	CHECK(before.memory_bytes == after.memory_bytes);
	ozr_ctx_unref(ctx);
	return 0;
}
