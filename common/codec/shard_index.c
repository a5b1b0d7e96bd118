/* SPDX-License-Identifier: MIT */
/*
 * The index of a shard: offset and length of each inner chunk, 16 bytes an
 * entry. A pure function of bytes; nothing in them is believed.
 */
#include <string.h>

#include "base/ckd.h"
#include "codec/chain_impl.h"

static uint64_t load64(const unsigned char *p, int big_endian)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < 8; i++)
		v |= (uint64_t)p[i] << 8 * (big_endian ? 7 - i : i);
	return v;
}

static void store64(unsigned char *p, int big_endian, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (unsigned char)(v >> 8 * (big_endian ? 7 - i : i));
}

/* Inside the shard and outside its index; [from, to) is where chunks may lie. */
static int check_entry(const struct ozr_shard_entry *e, uint64_t i, uint64_t from, uint64_t to,
		       struct ozr_err *err)
{
	uint64_t end;
	if (e->offset == UINT64_MAX && e->length == UINT64_MAX)
		return OZR_OK;
	if (e->offset < from || ozr_ckd_add(e->offset, e->length, &end) || end > to)
		return ozr_fail(err, OZR_CORRUPT,
				"shard index: chunk %llu has %llu bytes at %llu, chunks lie from "
				"%llu to %llu",
				(unsigned long long)i, (unsigned long long)e->length,
				(unsigned long long)e->offset, (unsigned long long)from,
				(unsigned long long)to);
	return OZR_OK;
}

int ozr_shard_index_decode(const struct ozr_shard_layout *l, const void *src, uint64_t shard_size,
			   struct ozr_shard_entry *entry, struct ozr_err *err)
{
	const unsigned char *p = src;
	size_t bytes = (size_t)l->index_bytes;
	if (shard_size < l->index_bytes)
		return ozr_fail(err, OZR_CORRUPT, "shard of %llu bytes, its index alone has %llu",
				(unsigned long long)shard_size, (unsigned long long)l->index_bytes);
	if (l->index_crc) {
		int rc = ozr_crc32c_check(src, bytes, &bytes, err);
		if (rc)
			return ozr_err_context(err, rc, "shard index");
	}
	uint64_t from = l->index_at_start ? l->index_bytes : 0;
	uint64_t to = l->index_at_start ? shard_size : shard_size - l->index_bytes;
	for (uint64_t i = 0; i < l->entries; i++, p += 16) {
		struct ozr_shard_entry e = {load64(p, l->index_big_endian),
					    load64(p + 8, l->index_big_endian)};
		int rc = check_entry(&e, i, from, to, err);
		if (rc)
			return rc;
		entry[i] = e;
	}
	return OZR_OK;
}

void ozr_shard_index_encode(const struct ozr_shard_layout *l, const struct ozr_shard_entry *entry,
			    void *dst)
{
	unsigned char *p = dst;
	for (uint64_t i = 0; i < l->entries; i++, p += 16) {
		store64(p, l->index_big_endian, entry[i].offset);
		store64(p + 8, l->index_big_endian, entry[i].length);
	}
	if (l->index_crc)
		ozr_store_le32(p, ozr_crc32c(0, dst, (size_t)l->entries * 16));
}
