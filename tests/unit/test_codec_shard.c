/* SPDX-License-Identifier: MIT */
/*
 * Shard indices that lie, filters around whole shards, and checksums that are
 * looked at once: windows and objects remember what was verified.
 */
#include "support/codec.h"

static struct ozr_err err;
static struct codec_env env;
static struct guarded src;

/* --- Shards ------------------------------------------------------------------------- */

enum { ENTRIES = 6, SHARD_SIZE = 1000 };

static struct ozr_chain *shard_chain(const char *endian, int crc, const char *where)
{
	struct ozr_chunk_spec spec = codec_spec(&env, OZR_UINT8, 2, (const uint64_t[]){20, 30});
	char text[1024];
	snprintf(text, sizeof(text),
		 "[{'name':'sharding_indexed','configuration':{'chunk_shape':[10,10],'codecs':"
		 "['bytes'],'index_codecs':[{'name':'bytes','configuration':{'endian':'%s'}}%s],"
		 "'index_location':'%s'}}]",
		 endian, crc ? ",'crc32c'" : "", where);
	return codec_chain(&env, text, &spec);
}

static int index_code(const struct ozr_shard_layout *l, const struct ozr_shard_entry *e,
		      uint64_t size)
{
	struct ozr_shard_entry out[ENTRIES];
	unsigned char *p = src.end - l->index_bytes;
	ozr_shard_index_encode(l, e, p);
	int code = ozr_shard_index_decode(l, p, size, out, &err);
	CHECK(code == OZR_OK || code == OZR_CORRUPT);
	if (code == OZR_OK)
		CHECK(memcmp(e, out, sizeof(out)) == 0);
	return code;
}

static void check_index(const char *endian, int crc, const char *where)
{
	struct ozr_chain *c = shard_chain(endian, crc, where);
	const struct ozr_shard_layout *l = ozr_chain_shard(c);
	uint64_t from = *where == 's' ? l->index_bytes : 0;
	uint64_t to = *where == 's' ? SHARD_SIZE : SHARD_SIZE - l->index_bytes;
	struct ozr_shard_entry good[ENTRIES] = {{from, 100},       {UINT64_MAX, UINT64_MAX},
						{to - 1, 1},       {to, 0},
						{from, to - from}, {from + 7, 3}};
	const struct ozr_shard_entry bad[] = {{from, to - from + 1},
					      {to, 1},
					      {to + 1, 0},
					      {UINT64_MAX, 1},
					      {UINT64_MAX - 3, 8},
					      {1, UINT64_MAX},
					      {UINT64_MAX, UINT64_MAX - 1},
					      {0, SHARD_SIZE},
					      {UINT64_C(1) << 63, UINT64_C(1) << 63}};
	CHECK(l->entries == ENTRIES && l->index_bytes == ENTRIES * 16 + (crc ? 4 : 0));
	CHECK(index_code(l, good, SHARD_SIZE) == OZR_OK);
	CHECK(index_code(l, good, l->index_bytes - 1) == OZR_CORRUPT);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		for (unsigned k = 0; k < ENTRIES; k++) {
			struct ozr_shard_entry e[ENTRIES];
			char number[40];
			memcpy(e, good, sizeof(e));
			e[k] = bad[i];
			CHECK(index_code(l, e, SHARD_SIZE) == OZR_CORRUPT);
			snprintf(number, sizeof(number), "chunk %u has ", k);
			CHECK(strstr(err.msg, number));
		}
	}
	for (size_t i = 0; crc && i < l->index_bytes; i++) {
		struct ozr_shard_entry out[ENTRIES];
		unsigned char *p = src.end - l->index_bytes;
		ozr_shard_index_encode(l, good, p);
		p[i] ^= 1;
		CHECK(ozr_shard_index_decode(l, p, SHARD_SIZE, out, &err) == OZR_CORRUPT);
		CHECK(strstr(err.msg, "shard index: crc32c"));
	}
	ozr_chain_free(c);
}

/* The bytes of an index as other writers make them. */
static void test_index_bytes(void)
{
	struct ozr_chain *c = shard_chain("little", 1, "end");
	const struct ozr_shard_layout *l = ozr_chain_shard(c);
	struct ozr_shard_entry e[ENTRIES];
	unsigned char p[ENTRIES * 16 + 4], want[ENTRIES * 16];
	memset(e, 0xff, sizeof(e));
	memset(want, 0xff, sizeof(want));
	e[1] = (struct ozr_shard_entry){0x0102, 0x030405};
	memcpy(want + 16, "\x02\x01\x00\x00\x00\x00\x00\x00\x05\x04\x03\x00\x00\x00\x00\x00", 16);
	ozr_shard_index_encode(l, e, p);
	CHECK(memcmp(p, want, sizeof(want)) == 0);
	uint32_t crc = ozr_crc32c(0, want, sizeof(want));
	for (int k = 0; k < 4; k++)
		CHECK(p[ENTRIES * 16 + k] == (unsigned char)(crc >> 8 * k));
	ozr_chain_free(c);
}

/* Filters around a whole shard. */
static void test_unfilter(void)
{
	struct ozr_chunk_spec spec = codec_spec(&env, OZR_UINT8, 1, (const uint64_t[]){64});
	struct ozr_chain *c = codec_chain(
		&env,
		"[{'name':'sharding_indexed','configuration':{'chunk_shape':[8],'codecs':['bytes'],"
		"'index_codecs':[{'name':'bytes','configuration':{'endian':'little'}}]}},"
		"{'name':'gzip','configuration':{'level':1}},'crc32c']",
		&spec);
	static unsigned char zeros[30 << 20], m[1 << 20];
	struct ozr_chain *gz = codec_chain(&env,
					   "['bytes',{'name':'gzip','configuration':{'level':1}},"
					   "'crc32c']",
					   &(struct ozr_chunk_spec){.dtype = OZR_UINT8,
								    .rank = 1,
								    .shape = {sizeof(zeros)},
								    .bytes = sizeof(zeros)});
	struct ozr_buf enc, out;
	ozr_buf_init(&enc, env.ctx, 1 << 30);
	CHECK_OK(ozr_chain_encode(gz, env.w, zeros, &enc, &err));
	CHECK(enc.len < sizeof(m) && ozr_chain_shard(c)->has_filters);
	ozr_buf_init(&out, env.ctx, 1 << 30);
	CHECK_OK(ozr_shard_unfilter(c, env.w, enc.data, enc.len, &out, &err));
	CHECK(out.len == sizeof(zeros) && memcmp(out.data, zeros, out.len) == 0);
	ozr_buf_release(&out);
	ozr_buf_init(&out, env.ctx, 10 << 20);
	CHECK_CODE(OZR_LIMIT, ozr_shard_unfilter(c, env.w, enc.data, enc.len, &out, &err));
	ozr_buf_release(&out);
	memcpy(m, enc.data, enc.len);
	m[enc.len / 2] ^= 4;
	CHECK_CODE(OZR_CORRUPT, ozr_shard_unfilter(c, env.w, m, enc.len, &out, &err));
	ozr_buf_release(&out);
	ozr_buf_release(&enc);
	ozr_chain_free(gz);
	ozr_chain_free(c);
}

/* --- A checksum is looked at once --------------------------------------------------- */

static uint64_t bytes_read;

static int counting_read(const struct ozr_bytes_at *at, size_t n, const struct ozr_range *ranges,
			 void *const *to, struct ozr_err *e)
{
	(void)e;
	for (size_t i = 0; i < n; i++) {
		memcpy(to[i], (const char *)at->arg + at->base + ranges[i].offset,
		       ranges[i].length);
		bytes_read += ranges[i].length;
	}
	return OZR_OK;
}

static void test_verified_once(void)
{
	enum { COUNT = 1 << 20 };
	struct ozr_chunk_spec spec = codec_spec(&env, OZR_UINT16, 1, (const uint64_t[]){COUNT});
	struct ozr_codec_options opt = {0};
	struct ozr_chain *c = NULL;
	uint16_t *big = malloc(COUNT * 2);
	struct ozr_buf enc;
	struct ozr_blocks b;
	codec_fill(big, COUNT, 2, P_CAMERA);
	CHECK_OK(ozr_chain_new(env.ctx, &opt, 3, NULL, &spec, NULL, &c, &err));
	ozr_buf_init(&enc, env.ctx, 1 << 30);
	CHECK_OK(ozr_chain_encode(c, env.w, big, &enc, &err));
	struct ozr_bytes_at at = {.read = counting_read, .size = enc.len, .arg = enc.data};
	at.identity = 12345;
	for (int round = 0; round < 2; round++) {
		bytes_read = 0;
		CHECK_OK(ozr_blocks_open(c, env.w, &at, &b, &err));
		CHECK(b.count > 1 && b.cacheable);
		CHECK(round == 0 ? bytes_read >= enc.len : bytes_read <= 4096);
		ozr_blocks_release(&b);
	}
	enc.data[enc.len / 2] ^= 1; /* another version, another identity */
	at.identity = 54321;
	CHECK_CODE(OZR_CORRUPT, ozr_blocks_open(c, env.w, &at, &b, &err));
	CHECK_CODE(OZR_CORRUPT, ozr_blocks_open(c, env.w, &at, &b, &err));
	CHECK(strstr(err.msg, "crc32c: checksum 0x"));
	/* windows keep their own identity */
	struct ozr_bytes_at w1 = ozr_bytes_at_window(&at, 10, 20),
			    w2 = ozr_bytes_at_window(&w1, 5, 3);
	char three[3];
	void *to = three;
	CHECK_OK(w2.read(&w2, 1, &(struct ozr_range){0, 3}, &to, &err));
	CHECK(memcmp(three, enc.data + 15, 3) == 0 && w2.size == 3);
	CHECK(w1.identity != at.identity && w2.identity != w1.identity && w2.identity != 0);
	ozr_buf_release(&enc);
	ozr_chain_free(c);
	free(big);
}

int main(void)
{
	env = codec_env_open();
	src = guarded_open(4096);
	check_index("little", 1, "end");
	check_index("little", 0, "start");
	check_index("big", 1, "start");
	test_index_bytes();
	test_unfilter();
	test_verified_once();
	guarded_close(&src);
	codec_env_close(&env);
	return 0;
}
