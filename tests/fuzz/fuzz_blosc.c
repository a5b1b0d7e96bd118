/* SPDX-License-Identifier: MIT */
/*
 * Headers of blosc frames: what is taken describes blocks that cover the decoded
 * bytes exactly, and decoding never writes more than there is room for, however
 * large the frame says that it is.
 */
#include <blosc.h>

#include "codec/blosc.h"
#include "fuzz.h"

enum { ROOM = 20000, KINDS = 18 };

size_t fuzz_seed(unsigned i, uint8_t *out, size_t room)
{
	static const char *const names[] = {"blosclz", "lz4", "zstd"};
	static uint8_t bytes[ROOM];
	if (i >= KINDS)
		return 0;
	for (unsigned k = 0; k < ROOM; k++)
		bytes[k] = (uint8_t)(i % 2 ? k / 16 : k * k * 31 >> 7);
	int n = blosc_compress_ctx(i % 6 < 5 ? 5 : 0, (int)(i % 3), 1 + i % 4, ROOM - i, bytes, out,
				   room, names[i / 6], i % 4 == 3 ? 1024 : 0, 1);
	return n > 0 ? (size_t)n : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ozr_blosc_head h;
	struct ozr_err err;
	size_t got = 0;
	uint8_t *dst = malloc(ROOM);
	FUZZ_CHECK(dst);
	uint8_t head[16] = {0};
	memcpy(head, data, size < 16 ? size : 16);
	/* as if the frame were longer than what is here */
	if (ozr_blosc_head_parse(head, size < 16 ? size : size + 1000000, &h, &err) == OZR_OK) {
		uint64_t sum = 0;
		for (uint32_t i = 0; i < h.blocks && i < 100000; i++)
			sum += ozr_blosc_block_bytes(&h, i);
		FUZZ_CHECK(h.blocks >= 100000 || sum == h.bytes);
		FUZZ_CHECK(h.encoded <= size + 1000000);
	}
	int rc = ozr_blosc_decode(fuzz_worker(), data, size, dst, ROOM, &got, &err);
	if (rc == OZR_FILTER_FULL) /* it says how much it needs, without a message */
		FUZZ_CHECK(got > ROOM);
	else if (rc)
		fuzz_check_error(rc, &err);
	else
		FUZZ_CHECK(got <= ROOM);
	free(dst);
	return 0;
}
