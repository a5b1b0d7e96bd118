/* SPDX-License-Identifier: MIT */
/*
 * Bytes that lie: truncated and changed frames, tables that point elsewhere,
 * shard indices that leave the shard. Every one ends in an error that says
 * what was found, or in the right number of bytes; never outside the memory
 * given, which ends at a page that faults.
 */
#include <blosc.h>
#include <zstd.h>

#include "support/codec.h"

static struct ozr_err err;
static struct codec_env env;

/* Small chunks make many rounds cheap; only larger ones are read in parts. */
enum { ITEM = 2, SMALL = 12000, LARGE = 150000, ENCODED_MAX = LARGE + 8192 };

static unsigned char data[LARGE];
static size_t bytes = SMALL; /* of the chunk */
static struct guarded src, dst;

#define CHAIN(filters) "[{'name':'bytes','configuration':{'endian':'little'}}" filters "]"
#define BLOSC(cname, level, shuffle, more)                                                         \
	",{'name':'blosc','configuration':{'cname':'" cname "','clevel':" level                    \
	",'shuffle':'" shuffle "'" more "}}"

static struct ozr_chain *chain_of(const char *filters)
{
	struct ozr_chunk_spec spec =
		codec_spec(&env, OZR_UINT16, 1, (const uint64_t[]){bytes / ITEM});
	char text[1024];
	snprintf(text, sizeof(text), CHAIN("%s"), filters);
	return codec_chain(&env, text, &spec);
}

static struct ozr_buf encode(const struct ozr_chain *c)
{
	struct ozr_buf b;
	ozr_buf_init(&b, env.ctx, 1 << 30);
	CHECK_OK(ozr_chain_encode(c, env.w, data, &b, &err));
	CHECK(b.len <= ENCODED_MAX);
	return b;
}

static void check_code(int code)
{
	CHECK(code == OZR_OK || code == OZR_CORRUPT || code == OZR_UNSUPPORTED ||
	      code == OZR_LIMIT || code == OZR_NO_MEMORY);
	CHECK(code == OZR_OK || (err.code == code && err.msg[0]));
}

/* Decode from and to the edge of what may be touched. */
static int decode(const struct ozr_chain *c, const void *enc, size_t len)
{
	unsigned char *s = src.end - len;
	memmove(s, enc, len);
	int code = ozr_chain_decode(c, env.w, s, len, dst.end - bytes, &err);
	check_code(code);
	return code;
}

/* Block by block; OZR_OK when all of them decode. */
static int decode_blocks(const struct ozr_chain *c, const void *enc, size_t len, unsigned char *out)
{
	struct ozr_bytes_at at = ozr_bytes_at_memory(enc, len);
	struct ozr_blocks b;
	int code = ozr_blocks_open(c, env.w, &at, &b, &err);
	check_code(code);
	if (code)
		return code;
	for (uint64_t i = 0; i < b.count; i++) {
		uint64_t from = i * b.block_bytes;
		size_t n = bytes - from < b.block_bytes ? bytes - from : b.block_bytes;
		struct ozr_range r = b.range[i];
		CHECK(from < bytes && r.length <= len && r.offset <= len - r.length);
		unsigned char *s = src.end - r.length;
		memcpy(s, (const char *)enc + r.offset, r.length);
		int rc = ozr_block_decode(c, env.w, &b, i, s, r.length, dst.end - n, &err);
		check_code(rc);
		if (rc)
			code = rc;
		else
			memcpy(out + from, dst.end - n, n);
	}
	ozr_blocks_release(&b);
	return code;
}

/* --- Mutations --------------------------------------------------------------------- */

static const char *const chains[] = {
	"",
	",'crc32c'",
	",{'name':'zstd','configuration':{'level':1}}",
	",{'name':'zstd','configuration':{'level':1,'checksum':true}}",
	",{'name':'gzip','configuration':{'level':1}}",
	",{'name':'numcodecs.zlib','configuration':{'level':1}}",
	",{'name':'zstd','configuration':{'level':1}},{'name':'gzip','configuration':{'level':1}}",
	BLOSC("zstd", "3", "shuffle", ",'blocksize':4000"),
	BLOSC("zstd", "3", "noshuffle", ",'blocksize':1000"),
	BLOSC("lz4", "5", "shuffle", ",'blocksize':2000"),
	BLOSC("lz4", "5", "shuffle", ",'typesize':7,'blocksize':5000"),
	BLOSC("blosclz", "5", "shuffle", ",'blocksize':4000"),
	BLOSC("zlib", "5", "shuffle", ",'blocksize':5000"),
	BLOSC("zstd", "3", "bitshuffle", ",'blocksize':4000"),
	BLOSC("lz4", "0", "shuffle", ""),
	BLOSC("zstd", "3", "shuffle", ",'blocksize':4000") ",'crc32c'",
};
enum { CHAINS = sizeof(chains) / sizeof(chains[0]) };

/* Interesting values for a 32-bit field. */
static uint32_t nasty(uint64_t r, size_t len)
{
	static const uint32_t values[] = {
		0,          1,          15,         16, 0x7fffffff, SMALL, SMALL + 1, LARGE,
		0x80000000, 0xffffffff, 0xfffffff0, 4,  20,         128,   4000,      2000};
	if (r % 5 == 0)
		return (uint32_t)(len + r / 5 % 9 - 4);
	return values[r / 5 % (sizeof(values) / sizeof(values[0]))];
}

static size_t mutate(unsigned char *p, size_t len, uint64_t *seed)
{
	unsigned times = 1 + next_random(seed) % 3;
	while (times--) {
		uint64_t r = next_random(seed);
		size_t where = r >> 8 & 1 ? r >> 16 & 63 : r >> 16; /* headers more often */
		if (len == 0)
			return 0;
		switch (r % 8) {
		case 0:
			len = where % len;
			break;
		case 1: {
			uint32_t v = nasty(r >> 40, len);
			if (len >= 4)
				memcpy(p + where % (len / 4) * 4, &v, 4);
			break;
		}
		case 2:
			memset(p + len, (int)(r >> 60), 16);
			len += 1 + (r >> 30) % 16;
			break;
		default:
			p[where % len] ^= (unsigned char)(1u << (r >> 50 & 7));
		}
	}
	return len;
}

static void mutate_chain(const char *filters, unsigned rounds, uint64_t seed)
{
	static unsigned char m[ENCODED_MAX + 256], whole[LARGE], parts[LARGE];
	struct ozr_chain *c = chain_of(filters);
	struct ozr_buf enc = encode(c);
	unsigned good = 0;
	CHECK(decode(c, enc.data, enc.len) == OZR_OK);
	for (unsigned i = 0; i < rounds; i++) {
		memcpy(m, enc.data, enc.len);
		size_t len = mutate(m, enc.len, &seed);
		int code = decode(c, m, len);
		memcpy(whole, dst.end - bytes, bytes);
		int by_parts = decode_blocks(c, m, len, parts);
		if (code == OZR_OK && by_parts == OZR_OK) {
			CHECK(memcmp(whole, parts, bytes) == 0);
			good++;
		}
		/* what decodes whole may have blocks that overlap, but not the other way round */
		CHECK(code == OZR_OK || by_parts != OZR_OK);
	}
	CHECK(good < rounds); /* the loop did change something */
	ozr_buf_release(&enc);
	ozr_chain_free(c);
}

/* A checksum at the end of the chain: no change goes unseen. */
static void test_every_bit(const char *filters)
{
	static unsigned char m[ENCODED_MAX], parts[LARGE];
	struct ozr_chain *c = chain_of(filters);
	struct ozr_buf enc = encode(c);
	for (size_t i = 0; i < enc.len; i++) {
		memcpy(m, enc.data, enc.len);
		m[i] ^= (unsigned char)(1u << i % 8);
		if (decode(c, m, enc.len) == OZR_OK)
			CHECK(memcmp(dst.end - bytes, data, bytes) == 0);
		if (decode_blocks(c, m, enc.len, parts) == OZR_OK)
			CHECK(memcmp(parts, data, bytes) == 0);
	}
	ozr_buf_release(&enc);
	ozr_chain_free(c);
}

static void test_truncated(const char *filters)
{
	static unsigned char parts[LARGE];
	struct ozr_chain *c = chain_of(filters);
	struct ozr_buf enc = encode(c);
	for (size_t len = 0; len < enc.len;
	     len += len < 64 || len + 64 > enc.len ? 1 : enc.len / 99) {
		CHECK(decode(c, enc.data, len) == OZR_CORRUPT);
		CHECK(decode_blocks(c, enc.data, len, parts) == OZR_CORRUPT);
	}
	ozr_buf_release(&enc);
	ozr_chain_free(c);
}

/* --- Said sizes -------------------------------------------------------------------- */

static void expect(const struct ozr_chain *c, const void *enc, size_t len, const char *message)
{
	int code = decode(c, enc, len);
	if (code != OZR_CORRUPT || !strstr(err.msg, message))
		fprintf(stderr, "%s: %s, expected: %s\n", ozr_code_name(code), err.msg, message);
	CHECK(code == OZR_CORRUPT && strstr(err.msg, message));
}

static void test_sizes(void)
{
	static unsigned char m[2 * ENCODED_MAX];
	struct ozr_chain *zstd = chain_of(chains[2]), *gzip = chain_of(chains[4]),
			 *raw = chain_of(chains[0]), *blosc = chain_of(chains[7]);
	size_t n = ZSTD_compress(m, sizeof(m), data, 100, 1);
	expect(zstd, m, n, "zstd: decodes to 100 bytes, expected 12000");
	n = ZSTD_compress(m, sizeof(m), data, bytes, 1);
	n += ZSTD_compress(m + n, sizeof(m) - n, data, 100, 1);
	expect(zstd, m, n, "zstd: decodes to more than 12000 bytes");
	/* a bomb: 4 GiB of zeros in a few bytes */
	memcpy(m, "\x28\xb5\x2f\xfd\xe0\x00\x00\x00\x00\x01\x00\x00\x00", 13);
	for (n = 13; n + 4 < sizeof(m); n += 4)
		memcpy(m + n, "\x02\x00\x10\x00", 4);
	expect(zstd, m, n, "zstd: decodes to 4294967296 bytes, expected 12000");
	expect(raw, data, bytes - 1, "11999 bytes, expected 12000");
	struct ozr_buf enc = encode(gzip);
	memcpy(m, enc.data, enc.len);
	memcpy(m + enc.len, enc.data, enc.len);
	expect(gzip, m, 2 * enc.len, "gzip: decodes to more than 12000 bytes");
	memset(m + enc.len, 1, 3);
	expect(gzip, m, enc.len + 3, "gzip: malformed");
	ozr_buf_release(&enc);
	n = (size_t)blosc_compress_ctx(3, 1, 2, bytes - 2, data, m, sizeof(m), "lz4", 0, 1);
	expect(blosc, m, n, "blosc: decodes to 11998 bytes, expected 12000");
	expect(blosc, m, n - 1, "encoded bytes, found");
	ozr_chain_free(zstd);
	ozr_chain_free(gzip);
	ozr_chain_free(raw);
	ozr_chain_free(blosc);
}

/* One field of a good frame at a time. */
static void test_blosc_fields(void)
{
	static unsigned char m[ENCODED_MAX], parts[LARGE];
	static const struct {
		size_t at;
		int bytes;
		uint32_t value;
		const char *message;
	} fields[] = {
		{0, 1, 1, "format 1"},
		{0, 1, 5, "format 5"},
		{1, 1, 2, "inner codec"},
		{2, 1, 0x89, "flags"},
		{2, 1, 0x85, "flags"},
		{2, 1, 0xa1, "inner codec 5"},
		{2, 1, 0x83, "stored as"},
		{3, 1, 0, "type size 0"},
		{4, 4, 0, "0 decoded bytes"},
		{4, 4, 0x80000000, "decoded bytes"},
		{4, 4, LARGE + 2, "expected 150000"},
		{8, 4, 0, "block size 0"},
		{8, 4, LARGE + 1, "block size 150001"},
		{8, 4, 0xffffffff, "block size"},
		{8, 4, 1, "150000 blocks"},
		{12, 4, 0, "0 encoded bytes"},
		{12, 4, 0xffffffff, "encoded bytes"},
		{16, 4, 0, "block 0 starts at 0"},
		{16, 4, 27, "block 0 starts at 27"},
		{20, 4, 0xffffffff, "block 1 starts at 4294967295"},
		{24, 4, 0x7fffffff, "block 2 starts at 2147483647"},
		{28, 4, 0xffffffff, "stream 0 has 4294967295 bytes"},
		{28, 4, 1, "block 0 of 3"},
	};
	bytes = LARGE;
	struct ozr_chain *c = chain_of(BLOSC("zstd", "3", "noshuffle", ",'blocksize':50000"));
	struct ozr_buf enc = encode(c);
	CHECK(((unsigned char *)enc.data)[28] != 1);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		memcpy(m, enc.data, enc.len);
		for (int k = 0; k < fields[i].bytes; k++)
			m[fields[i].at + (size_t)k] = (unsigned char)(fields[i].value >> 8 * k);
		expect(c, m, enc.len, fields[i].message);
		CHECK(decode_blocks(c, m, enc.len, parts) == OZR_CORRUPT);
	}
	ozr_buf_release(&enc);
	ozr_chain_free(c);
	bytes = SMALL;
}

static void mutate_all(unsigned rounds)
{
	for (int i = 0; i < CHAINS; i++) {
		codec_fill(data, bytes / ITEM, ITEM, P_CAMERA);
		test_truncated(chains[i]);
		mutate_chain(chains[i], rounds, 1000u + (unsigned)i);
		codec_fill(data, bytes / ITEM, ITEM, P_LABELS);
		mutate_chain(chains[i], rounds, 2000u + (unsigned)i);
	}
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 6000;
	env = codec_env_open();
	src = guarded_open(2 * ENCODED_MAX);
	dst = guarded_open(LARGE);
	codec_fill(data, LARGE / ITEM, ITEM, P_CAMERA);
	test_sizes();
	test_blosc_fields();
	mutate_all(rounds);
	test_every_bit(chains[1]);
	test_every_bit(chains[3]);
	test_every_bit(chains[4]);
	test_every_bit(chains[15]);
	bytes = LARGE;
	mutate_all(rounds / 100);
	guarded_close(&src);
	guarded_close(&dst);
	codec_env_close(&env);
	return 0;
}
