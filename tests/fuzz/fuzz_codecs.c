/* SPDX-License-Identifier: MIT */
/*
 * Encoded chunks: decoding writes into memory of exactly the chunk's size or
 * fails with a reason. What is decoded whole and what is decoded by blocks is
 * the same where both succeed.
 */
#include "base/mem.h"
#include "chains.h"

#define LITTLE "{'name':'bytes','configuration':{'endian':'little'}}"
#define BLOSC(cname, shuffle)                                                                      \
	"{'name':'blosc','configuration':{'cname':'" cname "','clevel':5,'shuffle':'" shuffle      \
	"','typesize':2,'blocksize':0}}"
static const char *const chains[] = {
	"[" LITTLE "]",
	"[{'name':'bytes','configuration':{'endian':'big'}},'crc32c']",
	"[" LITTLE ",{'name':'zstd','configuration':{'level':3,'checksum':true}}]",
	"[" LITTLE ",{'name':'zstd','configuration':{'level':3,'checksum':false}}]",
	"[" LITTLE ",{'name':'gzip','configuration':{'level':3}}]",
	"[" LITTLE ",{'name':'numcodecs.zlib','configuration':{'level':1}}]",
	"[" LITTLE "," BLOSC("zstd", "shuffle") "]",
	"[" LITTLE "," BLOSC("zstd", "noshuffle") "]",
	"[" LITTLE "," BLOSC("lz4", "shuffle") "]",
	"[" LITTLE "," BLOSC("lz4", "bitshuffle") "]",
	"[" LITTLE "," BLOSC("zlib", "shuffle") "]",
	"[" LITTLE "," BLOSC("blosclz", "shuffle") "]",
	"[" LITTLE "," BLOSC("lz4hc", "shuffle") ",'crc32c']",
	"[" LITTLE "," BLOSC("zstd", "shuffle") ",{'name':'zstd','configuration':{'level':1}}]",
};
enum { CHAINS = sizeof chains / sizeof *chains, SIDE = 150, BYTES = SIDE * SIDE * 2, PATTERNS = 3 };

static const struct ozr_chain *chain(unsigned i)
{
	static struct ozr_chain *made[CHAINS];
	if (!made[i])
		made[i] = fuzz_chain(chains[i], OZR_UINT16, SIDE, SIDE);
	return made[i];
}

size_t fuzz_seed(unsigned i, uint8_t *out, size_t room)
{
	static uint16_t pixels[SIDE * SIDE];
	uint32_t noise = 1;
	struct ozr_buf buf;
	if (i >= CHAINS * PATTERNS)
		return 0;
	for (unsigned k = 0; k < SIDE * SIDE; k++) {
		noise = noise * 1664525 + 1013904223;
		pixels[k] = (uint16_t)(i % PATTERNS == 0   ? 7
				       : i % PATTERNS == 1 ? k / 3 + (noise >> 29)
							   : noise >> 16);
	}
	ozr_buf_init(&buf, fuzz_ctx(), 1 << 20);
	FUZZ_CHECK(ozr_chain_encode(chain(i / PATTERNS), fuzz_worker(), pixels, &buf, NULL) ==
		   OZR_OK);
	FUZZ_CHECK(buf.len + 1 <= room);
	out[0] = (uint8_t)(i / PATTERNS);
	memcpy(out + 1, buf.data, buf.len);
	size_t size = buf.len + 1;
	ozr_buf_release(&buf);
	return size;
}

/* All blocks into dst; 0 when one fails. */
static int by_blocks(const struct ozr_chain *c, const uint8_t *src, size_t len, uint8_t *dst)
{
	struct ozr_bytes_at at = ozr_bytes_at_memory(src, len);
	struct ozr_blocks b;
	struct ozr_err err;
	int rc = ozr_blocks_open(c, fuzz_worker(), &at, &b, &err);
	if (rc) {
		fuzz_check_error(rc, &err);
		return 0;
	}
	int good = 1;
	for (uint64_t i = 0; i < b.count; i++) {
		struct ozr_range r = b.count == 1 ? (struct ozr_range){0, len} : b.range[i];
		uint64_t first = i * b.block_bytes;
		FUZZ_CHECK(r.offset <= len && r.length <= len - r.offset && first < BYTES);
		uint64_t n = BYTES - first < b.block_bytes ? BYTES - first : b.block_bytes;
		uint8_t *exact = malloc((size_t)(b.count == 1 ? BYTES : n));
		FUZZ_CHECK(exact);
		rc = ozr_block_decode(c, fuzz_worker(), &b, i, src + r.offset, (size_t)r.length,
				      exact, &err);
		if (rc) {
			fuzz_check_error(rc, &err);
			good = 0;
		} else {
			memcpy(dst + first, exact, (size_t)(b.count == 1 ? BYTES : n));
		}
		free(exact);
	}
	ozr_blocks_release(&b);
	return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ozr_err err;
	if (size < 1)
		return 0;
	const struct ozr_chain *c = chain(data[0] % CHAINS);
	uint8_t *whole = malloc(BYTES), *parts = malloc(BYTES);
	FUZZ_CHECK(whole && parts);
	int rc = ozr_chain_decode(c, fuzz_worker(), data + 1, size - 1, whole, &err);
	if (rc)
		fuzz_check_error(rc, &err);
	int good = by_blocks(c, data + 1, size - 1, parts);
	if (rc == OZR_OK && good)
		FUZZ_CHECK(memcmp(whole, parts, BYTES) == 0);
	free(whole);
	free(parts);
	return 0;
}
