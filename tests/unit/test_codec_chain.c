/* SPDX-License-Identifier: MIT */
/*
 * Chains both ways: what we encode is decoded by c-blosc, libzstd and zlib,
 * what they encode is decoded by us, and a chunk read block by block is the
 * chunk read whole.
 */
#include <blosc.h>
#include <zlib.h>
#include <zstd.h>

#include "support/codec.h"

static struct ozr_err err;
static struct codec_env env;

enum { MAX_BYTES = 3 << 20 };
static unsigned char data[MAX_BYTES], got[MAX_BYTES + 1], spare[MAX_BYTES];

/* --- Parts ------------------------------------------------------------------------ */

/* Each block alone, from its own range only, gives that part of the chunk. */
static void check_blocks(const struct ozr_chain *c, const struct ozr_buf *enc, size_t bytes)
{
	struct ozr_bytes_at at = ozr_bytes_at_memory(enc->data, enc->len);
	struct ozr_blocks b;
	CHECK_OK(ozr_blocks_open(c, env.w, &at, &b, &err));
	CHECK(b.count == (bytes + b.block_bytes - 1) / b.block_bytes);
	memset(got, 0x5a, bytes);
	for (uint64_t k = b.count; k-- > 0;) { /* backwards: no block needs another one */
		struct ozr_range r = b.range[k];
		CHECK(r.offset + r.length <= enc->len);
		void *part = malloc(r.length); /* an overrun is seen by sanitizers */
		CHECK_OK(at.read(&at, 1, &r, &part, &err));
		CHECK_OK(ozr_block_decode(c, env.w, &b, k, part, r.length, got + k * b.block_bytes,
					  &err));
		free(part);
	}
	CHECK(memcmp(got, data, bytes) == 0);
	ozr_blocks_release(&b);
}

static void check_whole(const struct ozr_chain *c, const void *src, size_t len, size_t bytes)
{
	got[bytes] = 0x77;
	CHECK_OK(ozr_chain_decode(c, env.w, src, len, got, &err));
	CHECK(memcmp(got, data, bytes) == 0 && got[bytes] == 0x77);
}

/* --- What others make of our bytes ---------------------------------------------- */

static size_t inflated(const void *src, size_t len, void *dst, size_t cap, int window)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)src,
		      .avail_in = (uInt)len,
		      .next_out = dst,
		      .avail_out = (uInt)cap};
	CHECK(inflateInit2(&z, window) == Z_OK);
	CHECK(inflate(&z, Z_FINISH) == Z_STREAM_END && z.avail_in == 0);
	inflateEnd(&z);
	return z.total_out;
}

static void check_oracle(char kind, const void *src, size_t len, size_t bytes)
{
	size_t n = 0, validated = 0;
	memset(spare, 0x5a, bytes);
	if (kind == 'b') {
		CHECK(blosc_cbuffer_validate(src, len, &validated) == 0 && validated == bytes);
		n = (size_t)blosc_decompress_ctx(src, spare, bytes, 1);
	} else if (kind == 'z') {
		n = ZSTD_decompress(spare, bytes, src, len);
	} else if (kind == 'g' || kind == 'd') {
		n = inflated(src, len, spare, bytes, kind == 'g' ? 31 : 15);
	} else {
		CHECK(len == bytes);
		memcpy(spare, src, n = len);
	}
	CHECK(n == bytes && memcmp(spare, data, bytes) == 0);
}

/* --- Round trips ------------------------------------------------------------------ */

struct codec_case {
	char kind; /* b blosc, z zstd, g gzip, d zlib, r raw; 0: no oracle */
	int sums;  /* crc32c at the end */
	const char *filters;
};

#define BLOSC(cname, level, shuffle, more)                                                         \
	"{'name':'blosc','configuration':{'cname':'" cname "','clevel':" level                     \
	",'shuffle':'" shuffle "'" more "}}"
#define CRC "'crc32c'"

static const struct codec_case cases[] = {
	{'r', 0, NULL},
	{'r', 1, CRC},
	{'r', 2, CRC "," CRC},
	{'z', 0, "{'name':'zstd','configuration':{'level':1,'checksum':false}}"},
	{'z', 0, "{'name':'zstd','configuration':{'level':-5,'checksum':true}}"},
	{'z', 1, "{'name':'zstd','configuration':{'level':3}}," CRC},
	{'g', 0, "{'name':'gzip','configuration':{'level':1}}"},
	{'g', 1, "{'name':'numcodecs.gzip','configuration':{'level':0}}," CRC},
	{'d', 0, "{'name':'numcodecs.zlib','configuration':{'level':6}}"},
	{0, 0, CRC ",{'name':'gzip','configuration':{'level':1}}"},
	{0, 0,
	 "{'name':'gzip','configuration':{'level':1}}," CRC
	 ",{'name':'zstd','configuration':{'level':1}}," BLOSC("lz4", "1", "shuffle", "")},
	{'b', 0, BLOSC("zstd", "3", "shuffle", "")},
	{'b', 1, BLOSC("zstd", "3", "shuffle", "") "," CRC},
	{'b', 0, BLOSC("zstd", "1", "noshuffle", "")},
	{'b', 0, BLOSC("zstd", "5", "shuffle", ",'blocksize':5000")},
	{'b', 0, BLOSC("zstd", "2", "shuffle", ",'typesize':3,'blocksize':40000")},
	{'b', 1, BLOSC("zstd", "0", "shuffle", "") "," CRC},
	{'b', 0, BLOSC("lz4", "5", "shuffle", "")},
	{'b', 1, BLOSC("lz4", "9", "noshuffle", ",'blocksize':129") "," CRC},
	{'b', 0, BLOSC("lz4", "1", "shuffle", ",'typesize':17")},
	{'b', 0, BLOSC("lz4hc", "3", "shuffle", "")},
	{'b', 0, BLOSC("blosclz", "5", "shuffle", "")},
	{'b', 0, BLOSC("zlib", "1", "shuffle", ",'blocksize':30000")},
	{'b', 1, BLOSC("zstd", "3", "bitshuffle", "") "," CRC},
	{'b', 0, BLOSC("lz4", "5", "bitshuffle", ",'blocksize':50000")},
	{'b', 0,
	 "{'name':'numcodecs.blosc','configuration':{'cname':'zstd','clevel':4,"
	 "'shuffle':-1,'blocksize':0}}"},
};

static void round_trip(const struct codec_case *k, const char *endian, enum ozr_dtype t,
		       size_t count, enum pattern p)
{
	unsigned item = (unsigned[]){1, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8}[t];
	struct ozr_chunk_spec spec = codec_spec(&env, t, 1, (const uint64_t[]){count});
	size_t bytes = count * item;
	char text[1024];
	snprintf(text, sizeof(text), "[{'name':'bytes','configuration':{'endian':'%s'}}%s%s]",
		 endian, k->filters ? "," : "", k->filters ? k->filters : "");
	struct ozr_chain *c = codec_chain(&env, text, &spec);
	struct ozr_buf enc;
	CHECK(bytes <= MAX_BYTES);
	codec_fill(data, count, item, p);
	ozr_buf_init(&enc, env.ctx, 1 << 30);
	CHECK_OK(ozr_buf_append(&enc, "front", 5, &err)); /* encoders append */
	CHECK_OK(ozr_chain_encode(c, env.w, data, &enc, &err));
	CHECK(memcmp(enc.data, "front", 5) == 0);
	memmove(enc.data, enc.data + 5, enc.len -= 5);
	check_whole(c, enc.data, enc.len, bytes);
	check_blocks(c, &enc, bytes);
	if (k->kind && *endian == 'l')
		check_oracle(k->kind, enc.data, enc.len - 4 * (size_t)k->sums, bytes);
	ozr_buf_release(&enc);
	ozr_chain_free(c);
}

static void test_round_trips(void)
{
	static const enum ozr_dtype types[] = {OZR_UINT8, OZR_UINT16, OZR_FLOAT32, OZR_INT64};
	static const size_t counts[] = {1, 3, 63, 64, 129, 4099, 33000, 300001};
	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++)
		for (unsigned t = 0; t < 4; t++)
			for (unsigned n = 0; n < 8; n++)
				for (int p = 0; p < PATTERNS; p++)
					if (n < 7 || (p == P_CAMERA && t < 3) || p == P_LABELS)
						round_trip(&cases[k], "little", types[t], counts[n],
							   (enum pattern)p);
	for (unsigned t = 0; t < 4; t++)
		for (size_t k = 0; k < 14; k++)
			round_trip(&cases[k], "big", types[t], 70001, P_CAMERA);
}

/* --- What others write ------------------------------------------------------------ */

static void check_foreign(const char *filter, unsigned item, const void *src, size_t len,
			  size_t bytes)
{
	static const enum ozr_dtype types[] = {
		[1] = OZR_UINT8, [2] = OZR_INT16, [4] = OZR_INT32, [8] = OZR_FLOAT64};
	struct ozr_chunk_spec spec =
		codec_spec(&env, types[item], 1, (const uint64_t[]){bytes / item});
	struct ozr_buf enc;
	char text[512];
	snprintf(text, sizeof(text), "[{'name':'bytes','configuration':{'endian':'little'}},%s]",
		 filter);
	struct ozr_chain *c = codec_chain(&env, text, &spec);
	check_whole(c, src, len, bytes);
	ozr_buf_init(&enc, env.ctx, 1 << 30);
	CHECK_OK(ozr_buf_append(&enc, src, len, &err));
	check_blocks(c, &enc, bytes);
	ozr_buf_release(&enc);
	ozr_chain_free(c);
}

static void foreign_blosc(const char *cname, int level, int shuffle, unsigned item, size_t count,
			  size_t blocksize, int threads)
{
	size_t bytes = count * item;
	unsigned char *enc = malloc(bytes + BLOSC_MAX_OVERHEAD);
	int n = blosc_compress_ctx(level, shuffle, item, bytes, data, enc,
				   bytes + BLOSC_MAX_OVERHEAD, cname, blocksize, threads);
	CHECK(n > 0);
	/* forced splits of small blocks are beyond c-blosc's own decoder */
	if (blosc_decompress_ctx(enc, spare, bytes, 1) == (int)bytes)
		check_foreign(BLOSC("zstd", "3", "shuffle", ""), item, enc, (size_t)n, bytes);
	else
		CHECK(count < 128 && item > 1);
	free(enc);
}

static void test_foreign_blosc(void)
{
	static const char *const names[] = {"blosclz", "lz4", "lz4hc", "zlib", "zstd", "snappy"};
	static const size_t counts[] = {1, 100, 5001, 40000, 130003};
	for (int mode = BLOSC_ALWAYS_SPLIT; mode <= BLOSC_FORWARD_COMPAT_SPLIT; mode++) {
		blosc_set_splitmode(mode);
		for (unsigned k = 0; k < 6; k++) {
			if (blosc_compname_to_compcode(names[k]) < 0)
				continue;
			for (unsigned item = 1; item <= 8; item *= 2)
				for (int shuffle = 0; shuffle < 3; shuffle++)
					for (unsigned n = 0; n < 5; n++) {
						size_t count = counts[n];
						codec_fill(data, count, item,
							   (enum pattern)((n + item) % PATTERNS));
						foreign_blosc(names[k], 1 + (int)n, shuffle, item,
							      count, n == 3 ? 9000 : 0,
							      n == 4 ? 4 : 1);
					}
		}
	}
	blosc_set_splitmode(BLOSC_FORWARD_COMPAT_SPLIT);
}

static void test_foreign_zstd(void)
{
	static const char filter[] = "{'name':'zstd','configuration':{'level':1}}";
	const size_t bytes = 300000, third = 100000;
	size_t cap = ZSTD_compressBound(bytes) + 1000, n = 0;
	unsigned char *enc = malloc(cap);
	codec_fill(data, bytes, 1, P_LABELS);
	/* several frames with a skippable one between them, the last one without its size */
	n += ZSTD_compress(enc, cap, data, third, 1);
	memcpy(enc + n, "\x50\x2a\x4d\x18\x03\x00\x00\x00xyz", 11);
	n += 11;
	n += ZSTD_compress(enc + n, cap - n, data + third, third, 19);
	ZSTD_CCtx *z = ZSTD_createCCtx();
	ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
	ZSTD_inBuffer in = {data + 2 * third, third, 0};
	ZSTD_outBuffer out = {enc, cap, n};
	CHECK(ZSTD_compressStream2(z, &out, &in, ZSTD_e_flush) == 0);
	CHECK(ZSTD_compressStream2(z, &out, &in, ZSTD_e_end) == 0);
	ZSTD_freeCCtx(z);
	CHECK(ZSTD_getFrameContentSize(enc, out.pos) == third);
	check_foreign(filter, 1, enc, out.pos, bytes);
	free(enc);
}

static void test_foreign_gzip(void)
{
	static const char filter[] = "{'name':'gzip','configuration':{'level':1}}";
	const size_t bytes = 200000;
	unsigned char *enc = calloc(1, 2 * bytes);
	size_t len = 0;
	codec_fill(data, bytes, 1, P_CAMERA);
	for (int member = 0; member < 2; member++) {
		z_stream z = {.next_in = data + (size_t)member * bytes / 2,
			      .avail_in = (uInt)bytes / 2,
			      .next_out = enc + len,
			      .avail_out = (uInt)(2 * bytes - len)};
		CHECK(deflateInit2(&z, 1 + 8 * member, Z_DEFLATED, 31, 8, 0) == Z_OK);
		CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
		deflateEnd(&z);
		len += z.total_out;
	}
	check_foreign(filter, 1, enc, len, bytes);
	check_foreign(filter, 1, enc, len + 512, bytes); /* padded with zeros */
	free(enc);
}

/* "reference" gives c-blosc's bytes; the other mode is not larger than it by much. */
static void test_reference(void)
{
	struct ozr_chunk_spec spec = codec_spec(&env, OZR_UINT16, 1, (const uint64_t[]){500000});
	size_t bytes = 1000000;
	unsigned char *want = malloc(bytes + 16);
	for (int p = 0; p < PATTERNS; p++) {
		struct ozr_buf own[2];
		codec_fill(data, bytes / 2, 2, (enum pattern)p);
		int n = blosc_compress_ctx(3, 1, 2, bytes, data, want, bytes + 16, "zstd", 0, 1);
		for (int reference = 0; reference < 2; reference++) {
			struct ozr_codec_options opt = {.no_checksum = 1, .reference = reference};
			struct ozr_chain *c = NULL;
			ozr_buf_init(&own[reference], env.ctx, 1 << 30);
			CHECK_OK(ozr_chain_new(env.ctx, &opt, 3, NULL, &spec, NULL, &c, &err));
			CHECK_OK(ozr_chain_encode(c, env.w, data, &own[reference], &err));
			ozr_chain_free(c);
		}
		CHECK(own[1].len == (size_t)n && memcmp(own[1].data, want, own[1].len) == 0);
		CHECK(own[0].len <= own[1].len + own[1].len / 30);
		check_oracle('b', own[0].data, own[0].len, bytes);
		ozr_buf_release(&own[0]);
		ozr_buf_release(&own[1]);
	}
	free(want);
}

int main(void)
{
	env = codec_env_open();
	test_round_trips();
	test_foreign_blosc();
	test_foreign_zstd();
	test_foreign_gzip();
	test_reference();
	codec_env_close(&env);
	return 0;
}
