/* SPDX-License-Identifier: MIT */
/*
 * Layouts that are rare: blocks that end inside rows, single large chunks that
 * several threads share, shards in shards, shards that are compressed as a
 * whole (composed here by hand), and what can be asked of an array and is
 * refused when making one.
 */
#include <zstd.h>

#include "array/grid.h"
#include "codec/chain.h"
#include "support/model.h"

static struct ozr_err err;
static struct ozr_ctx *ctx;

static struct ozr_stats stats(void)
{
	struct ozr_stats s;
	ozr_ctx_stats(ctx, &s);
	return s;
}

/* --- linear runs as boxes -------------------------------------------------------- */

struct marks {
	const struct ozr_grid *g;
	unsigned char *count;
	uint64_t last;
	unsigned boxes;
};

static void mark_box(void *arg, const struct ozr_run_box *box)
{
	struct marks *m = arg;
	uint64_t at[OZR_MAX_RANK];
	m->boxes++;
	for (uint64_t i = 0; i < m->g->elements; i++) {
		int inside = 1;
		for (unsigned d = 0; d < m->g->rank; d++) {
			at[d] = i / m->g->mem_stride[d] % m->g->chunk[d];
			inside &= at[d] >= box->lo[d] && at[d] < box->hi[d];
		}
		m->count[i] = (unsigned char)(m->count[i] + inside);
	}
}

/* Every element of the run exactly once, nothing else, in few boxes. */
static void check_runs(void)
{
	uint64_t random = 3;
	for (int round = 0; round < 600; round++) {
		struct ozr_grid g = {.rank = (unsigned)(next_random(&random) % 5), .elements = 1};
		unsigned char count[1 << 12] = {0};
		for (unsigned k = g.rank; k-- > 0;) {
			unsigned d = (k + (unsigned)round) % g.rank; /* some order of axes */
			g.mem_axis[k] = d;
			g.chunk[d] = next_random(&random) % 7 + 1;
			g.mem_stride[d] = g.elements;
			g.elements *= g.chunk[d];
		}
		uint64_t lo = next_random(&random) % g.elements;
		uint64_t hi = lo + next_random(&random) % (g.elements - lo + 1);
		struct marks m = {&g, count, 0, 0};
		ozr_grid_run(&g, lo, hi, mark_box, &m);
		for (uint64_t i = 0; i < g.elements; i++)
			CHECK(count[i] == (i >= lo && i < hi));
		CHECK(m.boxes <= (g.rank ? 2 * g.rank - 1 : 1));
	}
}

/* --- large chunks ------------------------------------------------------------------- */

/* A chunk of which several threads decode blocks; its rows do not fit blocks. */
static void check_large(int sharded, const char *codec)
{
	struct ozr_array_options opt = {
		.dtype = OZR_UINT16, .rank = 3, .shape = {50, 140, 170}, .chunk = {37, 131, 151}};
	struct model m = {.ctx = ctx, .random = 9};
	struct ozr_store *store;
	struct ozr_box b = {.count = {50, 140, 170}, .dtype = OZR_UINT16};
	for (unsigned d = 0; sharded && d < 3; d++)
		opt.shard[d] = opt.chunk[d] * 2;
	strcpy(opt.codec.codec, codec);
	CHECK_OK(ozr_store_open_mem(ctx, &store, &err));
	CHECK_OK(ozr_array_create(store, "large", &opt, &m.array, &err));
	model_init(&m, &opt);
	for (size_t i = 0; i < m.elements; i++) {
		uint16_t v = (uint16_t)(i / 3 % 5000 + next_random(&m.random) % 8);
		memcpy(m.bytes + 2 * i, &v, 2);
	}
	b.data = m.bytes;
	ozr_box_contiguous(&b, 3);
	CHECK_OK(ozr_array_write(m.array, 1, &b, NULL, &err));
	CHECK_OK(ozr_array_flush(m.array, NULL, &err));
	struct ozr_box one = {.count = {37, 131, 151}, .dtype = OZR_UINT16}; /* one chunk, dense */
	struct ozr_stats before = stats();
	model_check(&m, &one, 0);
	struct ozr_stats after = stats();
	CHECK(after.bytes_decoded - before.bytes_decoded == 37 * 131 * 151 * 2);
	if (strncmp(codec, "blosc", 5) == 0)
		CHECK(after.blocks_decoded - before.blocks_decoded > 1);
	for (int round = 0; round < 25; round++) {
		struct ozr_box w = round == 0 ? b : round == 1 ? one : model_box(&m, round % 2);
		if (round == 2)
			w.dtype = OZR_FLOAT32;
		model_check(&m, &w, round < 2 ? 0 : (unsigned)round % 4);
	}
	model_close(&m);
	ozr_store_unref(store);
}

/* --- shards in shards, and around them ---------------------------------------------- */

static void copy_value(struct ozr_store *from, const char *key, struct ozr_buf *out)
{
	char *bytes;
	size_t len;
	CHECK_OK(ozr_store_get(from, key, 1 << 24, &bytes, &len, NULL, &err));
	CHECK_OK(ozr_buf_append(out, bytes, len, &err));
	ozr_text_free(bytes);
}

static const char inner_codecs[] =
	"{\"name\":\"sharding_indexed\",\"configuration\":{\"chunk_shape\":[4,5],"
	"\"codecs\":[{\"name\":\"bytes\",\"configuration\":{\"endian\":\"little\"}},"
	"{\"name\":\"zstd\",\"configuration\":{\"level\":3,\"checksum\":true}}],"
	"\"index_codecs\":[{\"name\":\"bytes\",\"configuration\":{\"endian\":\"little\"}},"
	"{\"name\":\"crc32c\"}],\"index_location\":\"end\"}}";

/* The objects of a sharded array (16 x 20 shards) become inner shards of one object of
 * 32 x 40: filters as asked around the inner ones (bit 0) and the outer one (bit 1). */
static void compose(struct ozr_store *store, int filters)
{
	struct ozr_buf outer;
	unsigned char index[4 * 16 + 4];
	char key[32], doc[2048];
	ozr_buf_init(&outer, ctx, 1 << 24);
	for (unsigned i = 0; i < 4; i++) {
		struct ozr_buf part;
		char packed[8192];
		uint64_t entry[2] = {outer.len, 0};
		ozr_buf_init(&part, ctx, 1 << 20);
		snprintf(key, sizeof(key), "flat/c/%u/%u", i / 2, i % 2);
		if (i == 3) { /* absent */
			entry[0] = entry[1] = UINT64_MAX;
		} else {
			copy_value(store, key, &part);
			const void *bytes = part.data;
			entry[1] = part.len;
			if (filters & 1) {
				entry[1] = ZSTD_compress(packed, sizeof(packed), part.data,
							 part.len, 1);
				CHECK(!ZSTD_isError(entry[1]));
				bytes = packed;
			}
			CHECK_OK(ozr_buf_append(&outer, bytes, entry[1], &err));
		}
		memcpy(index + 16 * i, entry, 16);
		ozr_buf_release(&part);
	}
	uint32_t sum = ozr_crc32c(0, index, 64);
	memcpy(index + 64, &sum, 4);
	CHECK_OK(ozr_buf_append(&outer, index, sizeof(index), &err));
	char *packed = malloc(ZSTD_compressBound(outer.len));
	size_t n = ZSTD_compress(packed, ZSTD_compressBound(outer.len), outer.data, outer.len, 1);
	CHECK(!ZSTD_isError(n));
	if (filters & 2)
		CHECK_OK(ozr_store_put(store, "deep/c/0/0", packed, n, OZR_PUT_REPLACE, &err));
	else
		CHECK_OK(ozr_store_put(store, "deep/c/0/0", outer.data, outer.len, OZR_PUT_REPLACE,
				       &err));
	free(packed);
	ozr_buf_release(&outer);
	static const char zstd[] =
		",{\"name\":\"zstd\",\"configuration\":{\"level\":1,\"checksum\":false}}";
	snprintf(doc, sizeof(doc),
		 "{\"zarr_format\":3,\"node_type\":\"array\",\"shape\":[30,38],"
		 "\"data_type\":\"int16\",\"fill_value\":7,\"chunk_grid\":{\"name\":\"regular\","
		 "\"configuration\":{\"chunk_shape\":[32,40]}},\"chunk_key_encoding\":\"default\","
		 "\"codecs\":[{\"name\":\"sharding_indexed\",\"configuration\":{"
		 "\"chunk_shape\":[16,20],\"codecs\":[%s%s],\"index_codecs\":[{\"name\":\"bytes\","
		 "\"configuration\":{\"endian\":\"little\"}},{\"name\":\"crc32c\"}],"
		 "\"index_location\":\"end\"}}%s]}",
		 inner_codecs, filters & 1 ? zstd : "", filters & 2 ? zstd : "");
	CHECK_OK(ozr_store_put(store, "deep/zarr.json", doc, strlen(doc), OZR_PUT_REPLACE, &err));
}

static void check_nested(void)
{
	struct ozr_array_options opt = {.dtype = OZR_INT16,
					.rank = 2,
					.shape = {30, 38},
					.chunk = {4, 5},
					.shard = {16, 20},
					.codec = {.codec = "zstd"}};
	const int16_t fill = 7;
	memcpy(opt.fill, &fill, 2);
	for (int filters = 0; filters < 4; filters++) {
		struct model m = {.ctx = ctx, .random = 4};
		struct ozr_store *store;
		struct ozr_box b = {.count = {30, 38}, .dtype = OZR_INT16};
		char key[1100];
		uint64_t offset, size;
		model_init(&m, &opt);
		for (size_t y = 0; y < 30; y++) /* one inner shard stays fill, and some chunks */
			for (size_t x = 0; x < 38; x++)
				if ((y < 16 || x < 20) && (y / 4 + x / 5) % 3)
					m.bytes[(y * 38 + x) * 2] = (unsigned char)(y * 7 + x);
		b.data = m.bytes;
		ozr_box_contiguous(&b, 2);
		CHECK_OK(ozr_store_open_mem(ctx, &store, &err));
		CHECK_OK(ozr_array_create(store, "flat", &opt, &m.array, &err));
		CHECK_OK(ozr_array_write(m.array, 1, &b, NULL, &err));
		CHECK_OK(ozr_array_flush(m.array, NULL, &err));
		ozr_array_close(m.array);
		compose(store, filters);
		CHECK_OK(ozr_array_open(store, "deep", OZR_UPDATE, &m.array, &err));
		struct ozr_array_info info;
		ozr_array_get_info(m.array, &info);
		CHECK(info.shard[0] == 32 && info.shard[1] == 40 && info.chunk[0] == 4 &&
		      info.chunk[1] == 5);
		model_check_all(&m);
		for (int i = 0; i < 30; i++) {
			struct ozr_box w = model_box(&m, 1);
			model_check(&m, &w, (unsigned)i % 4);
		}
		int rc = ozr_array_locate(m.array, (const uint64_t[]){2, 5}, key, &offset, &size,
					  &err);
		CHECK(rc == (filters ? OZR_UNSUPPORTED : OZR_OK));
		CHECK_CODE(OZR_UNSUPPORTED, ozr_array_write(m.array, 1, &b, NULL, &err));
		model_close(&m);
		ozr_store_unref(store);
	}
}

/* --- asking and making --------------------------------------------------------------- */

static void check_asking(void)
{
	struct ozr_array_options opt = {.dtype = OZR_INT8,
					.rank = 2,
					.shape = {5, 6},
					.chunk = {2, 3},
					.has_dim_names = 1,
					.dim_names = {"y", ""},
					.attributes = "{\"a\":[1,2.50,18446744073709551615]}"};
	struct ozr_store *store;
	struct ozr_array *a, *other;
	struct ozr_array_info info;
	char *text;
	CHECK_OK(ozr_store_open_mem(ctx, &store, &err));
	for (opt.zarr_format = 2; opt.zarr_format <= 3; opt.zarr_format++) {
		const char *path = opt.zarr_format == 2 ? "old" : "new";
		opt.publish_later = 1;
		CHECK_OK(ozr_array_create(store, path, &opt, &a, &err));
		CHECK_CODE(OZR_NOT_FOUND, ozr_array_open(store, path, OZR_READ, &other, &err));
		CHECK(strstr(err.msg, path));
		CHECK_OK(ozr_array_publish(a, &err));
		CHECK_OK(ozr_array_open(store, path, OZR_READ, &other, &err));
		ozr_array_get_info(other, &info);
		CHECK(info.zarr_format == opt.zarr_format && info.dtype == OZR_INT8);
		CHECK(info.rank == 2 && info.shape[1] == 6 && info.shard[1] == 3);
		CHECK(info.has_dim_names && strcmp(info.dim_names[0], "y") == 0);
		CHECK(strcmp(info.codec, "blosc-zstd") == 0);
		CHECK_OK(ozr_array_attributes(other, &text, &err));
		CHECK(strstr(text, "18446744073709551615"));
		ozr_text_free(text);
		CHECK_CODE(OZR_BAD_ARG, ozr_array_publish(other, &err));
		CHECK_CODE(OZR_BAD_ARG, ozr_array_resize(other, info.shape, &err));
		ozr_array_close(other);

		/* somebody adds an attribute; our new shape does not take it away */
		const char *key = opt.zarr_format == 2 ? "old/.zarray" : "new/zarr.json";
		size_t len;
		char doc[4096];
		CHECK_OK(ozr_store_get(store, key, 4000, &text, &len, NULL, &err));
		snprintf(doc, sizeof(doc), "%.*s", (int)(strrchr(text, '}') - text), text);
		ozr_text_free(text);
		strcat(doc, ",\"more\":{\"must_understand\":false}}");
		CHECK_OK(ozr_store_put(store, key, doc, strlen(doc), OZR_PUT_REPLACE, &err));
		CHECK_OK(ozr_array_resize(a, (const uint64_t[]){9, 9}, &err));
		CHECK_OK(ozr_array_publish(a, &err));
		CHECK_OK(ozr_store_get(store, key, 4000, &text, &len, NULL, &err));
		CHECK(strstr(text, "must_understand") && strstr(text, "9,"));
		ozr_text_free(text);
		ozr_array_close(a);
		CHECK_CODE(OZR_EXISTS, ozr_array_create(store, path, &opt, &a, &err));
	}
	CHECK_OK(ozr_store_put(store, "g/.zgroup", "{}", 2, OZR_PUT_REPLACE, &err));
	CHECK_CODE(OZR_BAD_FORMAT, ozr_array_open(store, "g", OZR_READ, &a, &err));
	CHECK(strstr(err.msg, "is a group"));
	ozr_store_unref(store);
}

static void check_refused(void)
{
	const struct ozr_array_options good = {
		.dtype = OZR_INT8, .rank = 2, .shape = {5, 6}, .chunk = {2, 3}};
	struct ozr_array_options o;
	struct ozr_store *store;
	struct ozr_array *a;
	CHECK_OK(ozr_store_open_mem(ctx, &store, &err));
#define REFUSED(code, change)                                                                      \
	do {                                                                                       \
		o = good;                                                                          \
		change;                                                                            \
		CHECK_CODE(code, ozr_array_create(store, "x", &o, &a, &err));                      \
	} while (0)
	REFUSED(OZR_BAD_ARG, o.zarr_format = 4);
	REFUSED(OZR_BAD_ARG, o.dtype = OZR_DTYPES);
	REFUSED(OZR_LIMIT, o.rank = 17);
	REFUSED(OZR_BAD_ARG, o.shape[0] = UINT64_MAX);
	REFUSED(OZR_BAD_ARG, o.chunk[1] = 0);
	REFUSED(OZR_LIMIT, o.chunk[1] = INT64_MAX);
	REFUSED(OZR_BAD_ARG, o.shard[0] = 2);
	REFUSED(OZR_BAD_ARG, (o.shard[0] = 3, o.shard[1] = 3));
	REFUSED(OZR_UNSUPPORTED, (o.zarr_format = 2, o.shard[0] = 2, o.shard[1] = 3));
	REFUSED(OZR_BAD_ARG, strcpy(o.codec.codec, "rot13"));
	REFUSED(OZR_BAD_FORMAT, o.attributes = "{");
	o = good;
	CHECK_OK(ozr_array_create(store, "x", &o, &a, &err));
	int8_t v = 1;
	struct ozr_box b = {.count = {1, 1}, .data = &v, .dtype = OZR_INT8, .step = {2, 1}};
	CHECK_CODE(OZR_BAD_ARG, ozr_array_write(a, 1, &b, NULL, &err));
	b.step[0] = 1;
	b.data = NULL;
	CHECK_CODE(OZR_BAD_ARG, ozr_array_write(a, 1, &b, NULL, &err));
	ozr_array_close(a);
	ozr_store_unref(store);
}

int main(void)
{
	struct ozr_ctx_options co = {.threads = 4, .cache_bytes = 8 << 20};
	CHECK_OK(ozr_ctx_new(&co, &ctx, &err));
	check_runs();
	for (int sharded = 0; sharded < 2; sharded++) {
		check_large(sharded, "blosc-zstd");
		check_large(sharded, "blosc-lz4");
		check_large(sharded, "zstd");
		check_large(sharded, "none");
	}
	check_nested();
	check_asking();
	check_refused();
	ozr_ctx_unref(ctx);
	return 0;
}
