/* SPDX-License-Identifier: MIT */
/*
 * Shard indices: each entry of one that is taken lies inside the shard and
 * outside the index, and encodes to the same bytes again.
 */
#include "chains.h"

#define INNER "'codecs':['bytes','zstd'],'chunk_shape':[16,32]"
static const char *const layouts[] = {
	"[{'name':'sharding_indexed','configuration':{" INNER
	",'index_codecs':[{'name':'bytes','configuration':{'endian':'little'}}]}}]",
	"[{'name':'sharding_indexed','configuration':{" INNER
	",'index_location':'start','index_codecs':[{'name':'bytes','configuration':{'endian':"
	"'big'}}]}}]",
	"[{'name':'sharding_indexed','configuration':{" INNER
	",'index_codecs':[{'name':'bytes','configuration':{'endian':'little'}},'crc32c']}}]",
};
enum { LAYOUTS = sizeof layouts / sizeof *layouts, ENTRIES = 4 * 2, SIZE = 5000 };

static const struct ozr_shard_layout *layout(unsigned i)
{
	static struct ozr_chain *chain[LAYOUTS];
	if (!chain[i])
		chain[i] = fuzz_chain(layouts[i], OZR_UINT8, 64, 64);
	return ozr_chain_shard(chain[i]);
}

size_t fuzz_seed(unsigned i, uint8_t *out, size_t room)
{
	struct ozr_shard_entry entry[ENTRIES];
	if (i >= LAYOUTS * 2)
		return 0;
	const struct ozr_shard_layout *l = layout(i / 2);
	uint64_t at = l->index_at_start ? l->index_bytes : 0;
	FUZZ_CHECK(l->entries == ENTRIES && room > 2 + l->index_bytes);
	for (unsigned k = 0; k < ENTRIES; k++, at += 100) {
		int absent = i % 2 && k % 3 == 1;
		entry[k].offset = absent ? UINT64_MAX : at;
		entry[k].length = absent ? UINT64_MAX : 100;
	}
	out[0] = (uint8_t)(i / 2);
	out[1] = 0;
	ozr_shard_index_encode(l, entry, out + 2);
	return (size_t)(2 + l->index_bytes);
}

/* Byte 0: the layout; byte 1: how much smaller the shard is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ozr_shard_entry entry[ENTRIES];
	unsigned char again[2 + ENTRIES * 16 + 4];
	struct ozr_err err;
	if (size < 2)
		return 0;
	const struct ozr_shard_layout *l = layout(data[0] % LAYOUTS);
	uint64_t shard = SIZE - 19 * (uint64_t)data[1];
	if (size < 2 + l->index_bytes)
		return 0;
	uint8_t *exact = malloc((size_t)l->index_bytes);
	FUZZ_CHECK(exact);
	memcpy(exact, data + 2, (size_t)l->index_bytes);
	int rc = ozr_shard_index_decode(l, exact, shard, entry, &err);
	if (rc)
		fuzz_check_error(rc, &err);
	for (unsigned k = 0; rc == OZR_OK && k < ENTRIES; k++) {
		const struct ozr_shard_entry *e = &entry[k];
		if (e->offset == UINT64_MAX && e->length == UINT64_MAX)
			continue;
		FUZZ_CHECK(e->offset <= shard && e->length <= shard - e->offset);
		FUZZ_CHECK(l->index_at_start ? e->offset >= l->index_bytes
					     : e->offset + e->length <= shard - l->index_bytes);
	}
	if (rc == OZR_OK) {
		ozr_shard_index_encode(l, entry, again);
		FUZZ_CHECK(memcmp(again, exact, (size_t)l->index_bytes) == 0);
	}
	free(exact);
	return 0;
}
