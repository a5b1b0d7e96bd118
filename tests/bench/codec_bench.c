/* SPDX-License-Identifier: MIT */
/*
 * Our blosc frames against c-blosc's of the same inner codec and level: bytes,
 * encoding, decoding. One thread, CPU time, the two taken in turn, medians of
 * the ratios. c-blosc decodes what we wrote; every byte is compared.
 *
 *   codec_bench [CHUNKS]      chunks of 128^3 items, default 4
 */
#include <blosc.h>
#include <time.h>

#include "codec/chain.h"
#include "specimen.h"
#include "support/codec.h"

enum { SIDE = 128, ITEMS = SIDE * SIDE * SIDE, ROUNDS = 5, CELL = 40 };

static struct codec_env env;
static struct ozr_err err;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static double median(const double v[ROUNDS])
{
	double s[ROUNDS];
	memcpy(s, v, sizeof(s));
	qsort(s, ROUNDS, sizeof(s[0]), compare);
	return s[ROUNDS / 2];
}

/* --- Inputs ----------------------------------------------------------------- */

static uint64_t point(int64_t z, int64_t y, int64_t x)
{
	uint64_t s = (uint64_t)(z * 1000003 + y * 1009 + x + 77);
	return next_random(&s);
}

/* The nearest of the points scattered one in each cell: its hash, and how far it is (squared). */
static uint64_t nearest(int64_t z, int64_t y, int64_t x, int64_t *distance)
{
	uint64_t best = 0;
	*distance = INT64_MAX;
	for (int64_t k = 0; k < 27; k++) {
		int64_t cz = z / CELL + k / 9 - 1, cy = y / CELL + k / 3 % 3 - 1,
			cx = x / CELL + k % 3 - 1;
		uint64_t h = point(cz, cy, cx);
		int64_t dz = cz * CELL + (int64_t)(h % CELL) - z,
			dy = cy * CELL + (int64_t)(h / CELL % CELL) - y,
			dx = cx * CELL + (int64_t)(h / CELL / CELL % CELL) - x;
		int64_t d = dz * dz + dy * dy + dx * dx;
		if (d < *distance) {
			*distance = d;
			best = h;
		}
	}
	return best;
}

/* Cells that fill space ("dense"), or blobs far apart ("sparse"), as label images have them. */
static void labels(uint16_t *out, int64_t z0, int sparse)
{
	for (int64_t i = 0; i < ITEMS; i++) {
		int64_t d;
		uint64_t h =
			nearest(z0 + i / SIDE / SIDE, i / SIDE % SIDE + CELL, i % SIDE + CELL, &d);
		int keep = sparse ? h >> 20 & 1 && d < 30 : (h >> 20) % 8 > 0;
		out[i] = (uint16_t)(keep ? 1 + (h >> 40) % 60000 : 0);
	}
}

static void heart(uint16_t *out, int64_t k)
{
	struct specimen s = {{806, 629, 629}, 1};
	int64_t start[] = {128 + 128 * (k / 3), k % 3 * 128, k * 5 % 4 * 128};
	int64_t count[] = {SIDE, SIDE, SIDE};
	specimen_box(&s, start, count, out);
}

enum input { HEART, DENSE, SPARSE, HEART_U8, HEART_F32, INPUTS };
static const char *const input_names[] = {"heart u16", "dense u16", "sparse u16", "heart u8",
					  "heart f32"};
static const enum ozr_dtype input_types[] = {OZR_UINT16, OZR_UINT16, OZR_UINT16, OZR_UINT8,
					     OZR_FLOAT32};

static void make(enum input in, size_t k, void *out)
{
	uint16_t *u16 = in == HEART_U8 || in == HEART_F32 ? malloc(ITEMS * 2) : out;
	if (in == DENSE || in == SPARSE)
		labels(u16, (int64_t)k * SIDE + CELL, in == SPARSE);
	else
		heart(u16, (int64_t)k);
	for (size_t i = 0; in == HEART_U8 && i < ITEMS; i++)
		((uint8_t *)out)[i] = (uint8_t)(u16[i] >> 5);
	for (size_t i = 0; in == HEART_F32 && i < ITEMS; i++)
		((float *)out)[i] = (float)u16[i] / 65535.0f;
	if (u16 != out)
		free(u16);
}

/* --- One line ---------------------------------------------------------------- */

struct bench {
	size_t chunks, bytes; /* of one chunk */
	unsigned item;
	unsigned char *src, *ref, *back;
	size_t *ref_len;
	struct ozr_buf *own;
	struct ozr_chain *chain;
};

static double encode_ref(struct bench *b, const char *cname, int level)
{
	double t = now();
	for (size_t i = 0; i < b->chunks; i++) {
		int n = blosc_compress_ctx(level, 1, b->item, b->bytes, b->src + i * b->bytes,
					   b->ref + i * (b->bytes + 16), b->bytes + 16, cname, 0,
					   1);
		CHECK(n > 0);
		b->ref_len[i] = (size_t)n;
	}
	return now() - t;
}

static double encode_own(struct bench *b)
{
	double t = now();
	for (size_t i = 0; i < b->chunks; i++) {
		b->own[i].len = 0;
		CHECK_OK(
			ozr_chain_encode(b->chain, env.w, b->src + i * b->bytes, &b->own[i], &err));
	}
	return now() - t;
}

static double decode_ref(struct bench *b, int ours)
{
	double t = now();
	for (size_t i = 0; i < b->chunks; i++) {
		const void *frame = ours ? (void *)b->own[i].data : b->ref + i * (b->bytes + 16);
		CHECK(blosc_decompress_ctx(frame, b->back, b->bytes, 1) == (int)b->bytes);
		if (ours)
			CHECK(memcmp(b->back, b->src + i * b->bytes, b->bytes) == 0);
	}
	return now() - t;
}

static double decode_own(struct bench *b, int ours)
{
	double t = now();
	for (size_t i = 0; i < b->chunks; i++) {
		const void *frame = ours ? (void *)b->own[i].data : b->ref + i * (b->bytes + 16);
		size_t n = ours ? b->own[i].len : b->ref_len[i];
		CHECK_OK(ozr_chain_decode(b->chain, env.w, frame, n, b->back, &err));
	}
	t = now() - t;
	CHECK(memcmp(b->back, b->src + (b->chunks - 1) * b->bytes, b->bytes) == 0);
	return t;
}

static void line(struct bench *b, enum input in, const char *cname, int level)
{
	double enc[2][ROUNDS], dec[2][ROUNDS], same[ROUNDS], enc_x[ROUNDS], dec_x[ROUNDS];
	struct ozr_codec_options opt = {.level = level, .no_checksum = 1, .shuffle = 2};
	struct ozr_chunk_spec spec =
		codec_spec(&env, input_types[in], 3, (const uint64_t[]){SIDE, SIDE, SIDE});
	size_t ref = 0, own = 0;
	snprintf(opt.codec, sizeof(opt.codec), "blosc-%s", cname);
	CHECK_OK(ozr_chain_new(env.ctx, &opt, 3, NULL, &spec, NULL, &b->chain, &err));
	for (int r = 0; r < ROUNDS; r++) {
		enc[0][r] = encode_ref(b, cname, level);
		enc[1][r] = encode_own(b);
		if (r == 0)
			decode_ref(b, 1);
		dec[0][r] = decode_ref(b, 0);
		dec[1][r] = decode_own(b, 1);
		same[r] = decode_own(b, 0) / dec[0][r];
		enc_x[r] = enc[0][r] / enc[1][r];
		dec_x[r] = dec[0][r] / dec[1][r];
		same[r] = 1 / same[r];
	}
	for (size_t i = 0; i < b->chunks; i++) {
		ref += b->ref_len[i];
		own += b->own[i].len;
	}
	double mb = (double)(b->chunks * b->bytes) / 1e6;
	printf("| %-10s | %s-%d | %7.2f %7.2f (%+5.1f %%) | %5.0f %5.0f **%.2f** | %5.0f %5.0f "
	       "**%.2f** "
	       "| %.2f |\n",
	       input_names[in], cname, level, mb * 1e6 / (double)ref, mb * 1e6 / (double)own,
	       100.0 * (double)own / (double)ref - 100, mb / median(enc[0]), mb / median(enc[1]),
	       median(enc_x), mb / median(dec[0]), mb / median(dec[1]), median(dec_x),
	       median(same));
	fflush(stdout);
	ozr_chain_free(b->chain);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *cname;
		int level;
	} codecs[] = {{"zstd", 1}, {"zstd", 3}, {"zstd", 5}, {"lz4", 5}};
	struct bench b = {.chunks = argc > 1 ? strtoul(argv[1], NULL, 10) : 4};
	env = codec_env_open();
	b.ref_len = calloc(b.chunks, sizeof(*b.ref_len));
	b.own = calloc(b.chunks, sizeof(*b.own));
	printf("c-blosc %s; MB/s of one thread: c-blosc, ours, **ratio**\n",
	       blosc_get_version_string());
	printf("| data | codec | ratio of c-blosc, ours (bytes) | encode | decode own frames | "
	       "decode "
	       "c-blosc's |\n|---|---|---|---|---|---|\n");
	for (int in = 0; in < INPUTS; in++) {
		b.item = ozr_dtype_size(input_types[in]);
		b.bytes = (size_t)ITEMS * b.item;
		b.src = malloc(b.chunks * b.bytes);
		b.ref = malloc(b.chunks * (b.bytes + 16));
		b.back = malloc(b.bytes);
		CHECK(b.src && b.ref && b.back && b.own && b.ref_len);
		for (size_t i = 0; i < b.chunks; i++) {
			make((enum input)in, i, b.src + i * b.bytes);
			ozr_buf_init(&b.own[i], env.ctx, 1 << 30);
		}
		for (size_t k = 0; k < sizeof(codecs) / sizeof(codecs[0]); k++)
			line(&b, (enum input)in, codecs[k].cname, codecs[k].level);
		for (size_t i = 0; i < b.chunks; i++)
			ozr_buf_release(&b.own[i]);
		free(b.src);
		free(b.ref);
		free(b.back);
	}
	codec_env_close(&env);
	return 0;
}
