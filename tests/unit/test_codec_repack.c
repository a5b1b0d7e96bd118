/* SPDX-License-Identifier: MIT */
/*
 * Frames and streams of other writers made into ours: what comes out is read
 * by libzstd and zlib themselves, and holds the same bytes. Then frames that
 * are something else, and hostile bytes in memory that ends where they do.
 */
#define ZSTD_STATIC_LINKING_ONLY
#include <zlib.h>
#include <zstd.h>

#include "codec/repack.h"
#include "support/codec.h"

static struct ozr_err err;
static struct codec_env env;
static struct guarded page;

enum { BYTES = 300000, ROOM = 400000 };
static unsigned char data[BYTES], got[BYTES], enc[ROOM], made[ROOM];

/* A stream as libtiff makes it: nobody says how long it will be. */
static size_t stream(size_t n, int level, int checksum, void *dst)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	ZSTD_inBuffer in = {data, n, 0};
	ZSTD_outBuffer out = {dst, ROOM, 0};
	ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, checksum);
	/* the end is told apart from the bytes, or libzstd would know their number */
	CHECK(!ZSTD_isError(ZSTD_compressStream2(c, &out, &in, ZSTD_e_continue)));
	CHECK(in.pos == n && ZSTD_compressStream2(c, &out, &in, ZSTD_e_end) == 0);
	ZSTD_freeCCtx(c);
	CHECK(n == 0 || ZSTD_getFrameContentSize(dst, out.pos) == ZSTD_CONTENTSIZE_UNKNOWN);
	return out.pos;
}

/* The bytes with the header that they should have. */
static size_t reheaded(const struct ozr_frame *f, const void *src, size_t len)
{
	CHECK(f->state == OZR_FRAME_HEADER && f->old <= len && f->len <= OZR_FRAME_HEADER_MAX);
	memcpy(made, f->header, f->len);
	memcpy(made + f->len, (const char *)src + f->old, len - f->old);
	return f->len + len - f->old;
}

static void check_made(size_t len, size_t n)
{
	struct ozr_frame again;
	ZSTD_frameHeader head;
	CHECK(ZSTD_getFrameContentSize(made, len) == n);
	CHECK(ZSTD_getFrameHeader(&head, made, len) == 0 && head.dictID == 0);
	CHECK(ZSTD_findFrameCompressedSize(made, len) == len);
	memset(got, 0x5a, n);
	CHECK(ZSTD_decompress(got, n, made, len) == n && memcmp(got, data, n) == 0);
	ozr_zstd_frame_look(made, len, n, &again);
	CHECK(again.state == OZR_FRAME_READY);
}

static void check_headers(void)
{
	static const size_t sizes[] = {1, 200, 255, 256, 65791, 65792, 131072, 131073, BYTES};
	for (int p = 0; p < PATTERNS; p++) {
		codec_fill(data, BYTES / 2, 2, (enum pattern)p);
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			for (int how = 0; how < 8; how++) {
				static const int levels[] = {1, 3, 9, 19};
				const int level = levels[how / 2], sum = how % 2;
				struct ozr_frame f;
				ZSTD_frameHeader a, b;
				if (level == 19 && i < 8)
					continue;
				size_t n = sizes[i], len = stream(n, level, sum, enc);
				ozr_zstd_frame_look(enc, len, n, &f);
				CHECK(f.checksum == sum);
				len = reheaded(&f, enc, len);
				check_made(len, n);
				CHECK(ZSTD_getFrameHeader(&a, enc, ROOM) == 0);
				CHECK(ZSTD_getFrameHeader(&b, made, len) == 0);
				CHECK(a.windowSize == b.windowSize);
				CHECK(a.checksumFlag == b.checksumFlag);
			}
	}
}

/* Sizes of more than 32 bits need another field. */
static void check_large(void)
{
	const uint64_t n = UINT64_C(0x123456789a);
	struct ozr_frame f;
	size_t len = stream(1000, 3, 0, enc);
	ozr_zstd_frame_look(enc, len, n, &f);
	len = reheaded(&f, enc, len);
	CHECK(ZSTD_getFrameContentSize(made, len) == n);
	CHECK(ZSTD_findFrameCompressedSize(made, len) == len);
}

static void check_other(const void *src, size_t len, size_t n, const char *why)
{
	struct ozr_frame f;
	memcpy(page.end - len, src, len);
	ozr_zstd_frame_look(page.end - len, len, n, &f);
	if (f.state != OZR_FRAME_OTHER || strcmp(f.why, why) != 0)
		fprintf(stderr, "state %d, '%s' instead of '%s'\n", (int)f.state,
			f.why ? f.why : "", why);
	CHECK(f.state == OZR_FRAME_OTHER && strcmp(f.why, why) == 0);
}

static void check_others(void)
{
	const size_t n = 5000;
	struct ozr_frame f;
	codec_fill(data, BYTES / 2, 2, P_CAMERA);
	size_t len = ZSTD_compress(enc, ROOM, data, n, 3);
	ozr_zstd_frame_look(enc, len, n, &f);
	CHECK(f.state == OZR_FRAME_READY && !f.why && !f.checksum);
	check_other(enc, len, n + 1, "declares another size");
	check_other(enc, len, n - 1, "declares another size");
	enc[len] = 0;
	check_other(enc, len + 1, n, "has more behind the first frame");
	size_t second = ZSTD_compress(enc + len, ROOM - len, data, n, 1);
	check_other(enc, len + second, 2 * n, "has more behind the first frame");
	check_other(enc, 0, n, "is too short for a frame");
	check_other(enc, 4, n, "is too short for a frame");
	check_other(enc, 6, n, "ends within its header");
	check_other(enc, len - 1, n, "is cut off or damaged");
	enc[0] ^= 1;
	check_other(enc, len, n, "does not begin like a frame");
	const unsigned char skippable[] = {0x5a, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9};
	check_other(skippable, sizeof(skippable), n, "begins with a skippable frame");

	len = ZSTD_compress(enc, ROOM, data, n, 3);
	enc[4] |= 8;
	check_other(enc, len, n, "has an unknown kind of header");
	len = stream(n, 3, 0, enc);
	enc[5] = 17 << 3;
	ozr_zstd_frame_look(enc, len, n, &f);
	CHECK(f.state == OZR_FRAME_HEADER);
	enc[5] |= 1;
	check_other(enc, len, n, "has a window of more than 128 MiB");
	ZSTD_CCtx *c = ZSTD_createCCtx();
	len = ZSTD_compress_usingDict(c, enc, ROOM, data, n, data, 4000, 3);
	ZSTD_freeCCtx(c);
	ozr_zstd_frame_look(enc, len, n, &f); /* a raw dictionary has no number: nobody can know */
	CHECK(f.state == OZR_FRAME_READY);
	/* the same frame with the number of a dictionary */
	memcpy(made, enc, 5);
	made[4] |= 1;
	made[5] = 77;
	memcpy(made + 6, enc + 5, len - 5);
	CHECK(ZSTD_getDictID_fromFrame(made, len + 1) == 77);
	check_other(made, len + 1, n, "needs a dictionary");
	/* every way to be cut off */
	len = stream(n, 3, 1, enc);
	for (size_t cut = 0; cut < len; cut++) {
		memcpy(page.end - cut, enc, cut);
		ozr_zstd_frame_look(page.end - cut, cut, n, &f);
		CHECK(f.state == OZR_FRAME_OTHER);
	}
}

/* Changed frames: what passes is a frame to libzstd, too, as far as block headers tell. */
static void check_hostile_frames(void)
{
	uint64_t random = 11;
	unsigned passed = 0, refused = 0;
	for (int round = 0; round < 60000; round++) {
		const size_t n = 100 + next_random(&random) % 3000;
		struct ozr_frame f;
		codec_fill(data, n, 1, (enum pattern)(round % PATTERNS));
		size_t len = round % 2 ? ZSTD_compress(enc, ROOM, data, n, 1)
				       : stream(n, 1, round % 4 == 0, enc);
		for (int k = round % 3; k >= 0; k--)
			enc[next_random(&random) % (k == 0 ? 14 : len)] ^=
				(unsigned char)(1u << next_random(&random) % 8);
		memcpy(page.end - len, enc, len);
		ozr_zstd_frame_look(page.end - len, len, n, &f);
		const int whole = ZSTD_findFrameCompressedSize(enc, len) == len;
		passed += f.state != OZR_FRAME_OTHER;
		refused += f.state == OZR_FRAME_OTHER;
		if (f.state != OZR_FRAME_OTHER)
			CHECK(whole);
		if (f.state == OZR_FRAME_READY)
			CHECK(ZSTD_getFrameContentSize(enc, len) == n);
		if (f.state == OZR_FRAME_HEADER) {
			len = reheaded(&f, enc, len);
			CHECK(ZSTD_getFrameContentSize(made, len) == n);
			(void)ZSTD_decompress(got, n, made, len);
		}
	}
	CHECK(passed > 1000 && refused > 1000);
}

/* --- gzip ------------------------------------------------------------------------- */

static size_t zlib_of(size_t n, int level)
{
	uLongf len = ROOM;
	CHECK(compress2(enc, &len, data, n, level) == Z_OK);
	return len;
}

static int wrap(size_t len, size_t content, struct ozr_buf *out)
{
	unsigned char *p = page.end - len;
	memcpy(p, enc, len);
	ozr_buf_init(out, env.ctx, SIZE_MAX);
	int rc = ozr_zlib_to_gzip(env.w, p, len, content, out, &err);
	CHECK(rc || out->len > 18);
	return rc;
}

static void check_gzip(const struct ozr_buf *b, size_t n)
{
	z_stream z = {.next_in = (Bytef *)b->data,
		      .avail_in = (uInt)b->len,
		      .next_out = got,
		      .avail_out = BYTES};
	memset(got, 0x5a, n);
	CHECK(inflateInit2(&z, 31) == Z_OK);
	CHECK(inflate(&z, Z_FINISH) == Z_STREAM_END && z.avail_in == 0 && z.total_out == n);
	inflateEnd(&z);
	CHECK(memcmp(got, data, n) == 0);
}

static void check_gzips(void)
{
	static const size_t sizes[] = {0, 1, 100, 65536, BYTES};
	struct ozr_buf b;
	for (int p = 0; p < PATTERNS; p++) {
		codec_fill(data, BYTES / 2, 2, (enum pattern)p);
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			for (int level = 0; level <= 9; level += 3) {
				size_t n = sizes[i], len = zlib_of(n, level);
				CHECK_OK(wrap(len, n, &b));
				CHECK(b.len == len + 12);
				check_gzip(&b, n);
				ozr_buf_release(&b);
				memset(enc + len, 0, 3); /* padding */
				CHECK_OK(wrap(len + 3, n, &b));
				check_gzip(&b, n);
				ozr_buf_release(&b);
			}
	}
}

static void check_bad_gzips(void)
{
	struct ozr_buf b;
	const size_t n = 4000;
	codec_fill(data, BYTES / 2, 2, P_CAMERA);
	const size_t len = zlib_of(n, 6);
	CHECK_CODE(OZR_CORRUPT, wrap(len, n - 1, &b));
	CHECK(strstr(err.msg, "more than 3999"));
	CHECK_CODE(OZR_CORRUPT, wrap(len, n + 1, &b));
	CHECK(strstr(err.msg, "holds 4000 bytes, must be 4001"));
	for (size_t cut = 0; cut < len; cut++)
		CHECK_CODE(OZR_CORRUPT, wrap(cut, n, &b));
	for (size_t i = 0; i < len; i++) /* a checksum or the header notices every bit */
		for (int bit = 0; bit < 8; bit++) {
			enc[i] ^= (unsigned char)(1u << bit);
			int rc = wrap(len, n, &b);
			/* a few bits of the header say how it was compressed, and their sum 31 divides */
			if (rc == OZR_OK)
				check_gzip(&b, n);
			else
				CHECK(rc == OZR_CORRUPT || rc == OZR_UNSUPPORTED);
			ozr_buf_release(&b);
			enc[i] ^= (unsigned char)(1u << bit);
		}
	enc[1] = (unsigned char)(enc[1] | 0x20);
	enc[1] = (unsigned char)(enc[1] & ~31u);
	enc[1] = (unsigned char)(enc[1] + 31 - (enc[0] * 256u + enc[1]) % 31);
	CHECK_CODE(OZR_UNSUPPORTED, wrap(len, n, &b));
	uint64_t random = 3;
	for (int round = 0; round < 20000; round++) {
		size_t k = next_random(&random) % 300;
		fill_bytes(enc, k, (uint64_t)round);
		if (k > 2) {
			enc[0] = 0x78;
			enc[1] = 0x01;
		}
		CHECK(wrap(k, n, &b) != OZR_OK);
	}
}

int main(void)
{
	env = codec_env_open();
	page = guarded_open(ROOM);
	check_headers();
	check_large();
	check_others();
	check_hostile_frames();
	check_gzips();
	check_bad_gzips();
	guarded_close(&page);
	codec_env_close(&env);
	return 0;
}
