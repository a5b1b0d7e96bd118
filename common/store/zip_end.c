/* SPDX-License-Identifier: MIT */
/*
 * The end records of a zip archive: the last one is looked for from the end
 * of the file, no further than a comment can push it away. When a ZIP64
 * locator stands before it, both records must say the same.
 */
#include <inttypes.h>
#include <string.h>

#include "base/ckd.h"
#include "store/zip.h"

/* The end record whose comment ends with the file, or NULL. */
static const unsigned char *find_end(const unsigned char *tail, size_t len)
{
	if (len < OZR_ZIP_END_BYTES)
		return NULL;
	for (size_t i = 0; i <= len - OZR_ZIP_END_BYTES && i <= OZR_ZIP_COMMENT_MAX; i++) {
		const unsigned char *p = tail + len - OZR_ZIP_END_BYTES - i;
		if (ozr_zip_u32(p) == OZR_ZIP_END && ozr_zip_u16(p + 20) == i)
			return p;
	}
	return NULL;
}

/* The directory must lie before the records. */
static int check_place(const struct ozr_zip_place *p, struct ozr_err *err)
{
	uint64_t end;
	if (ozr_ckd_add(p->offset, p->bytes, &end) || end > p->end)
		return ozr_fail(err, OZR_CORRUPT,
				"the central directory (%" PRIu64 " bytes at %" PRIu64
				") does not end before its end record at %" PRIu64,
				p->bytes, p->offset, p->end);
	if (p->count > p->bytes / OZR_ZIP_CENTRAL_BYTES)
		return ozr_fail(err, OZR_CORRUPT,
				"%" PRIu64
				" entries do not fit into a central directory of %" PRIu64 " bytes",
				p->count, p->bytes);
	return OZR_OK;
}

static int one_disk(uint64_t disk, uint64_t start, uint64_t here, uint64_t all, struct ozr_err *err)
{
	if (disk || start || here != all)
		return ozr_fail(err, OZR_UNSUPPORTED,
				"a part of an archive in several files (disk %" PRIu64
				", directory on disk %" PRIu64 ", %" PRIu64 " of %" PRIu64
				" entries)",
				disk, start, here, all);
	return OZR_OK;
}

/* A field of the old record: the same number, or "see the other record". */
static int same(uint64_t old, uint64_t mask, uint64_t now)
{
	return old == mask || old == now;
}

int ozr_zip_end64(const unsigned char *r, uint64_t offset, struct ozr_zip_place *out,
		  struct ozr_err *err)
{
	if (ozr_zip_u32(r) != OZR_ZIP_END64 || ozr_zip_u64(r + 4) < OZR_ZIP_END64_BYTES - 12)
		return ozr_fail(err, OZR_CORRUPT, "no ZIP64 end record at %" PRIu64, offset);
	const struct ozr_zip_place now = {ozr_zip_u64(r + 48), ozr_zip_u64(r + 40),
					  ozr_zip_u64(r + 32), offset};
	int code = one_disk(ozr_zip_u32(r + 16), ozr_zip_u32(r + 20), ozr_zip_u64(r + 24),
			    now.count, err);
	if (code)
		return code;
	if (!same(out->count, UINT16_MAX, now.count) || !same(out->bytes, UINT32_MAX, now.bytes) ||
	    !same(out->offset, UINT32_MAX, now.offset))
		return ozr_fail(err, OZR_CORRUPT,
				"the two end records differ: %" PRIu64 " entries, %" PRIu64
				" bytes at %" PRIu64 "; ZIP64: %" PRIu64 " entries, %" PRIu64
				" bytes at %" PRIu64,
				out->count, out->bytes, out->offset, now.count, now.bytes,
				now.offset);
	*out = now;
	return check_place(out, err);
}

/* The locator before the end record at `end` says where the ZIP64 record is. */
static int find_end64(const unsigned char *locator, uint64_t end, uint64_t *record64,
		      struct ozr_err *err)
{
	uint64_t at = ozr_zip_u64(locator + 8), behind;
	if (ozr_zip_u32(locator + 4) || ozr_zip_u32(locator + 16) > 1)
		return ozr_fail(err, OZR_UNSUPPORTED,
				"a part of an archive in several files (%u of them)",
				(unsigned)ozr_zip_u32(locator + 16));
	if (!at || ozr_ckd_add(at, OZR_ZIP_END64_BYTES + OZR_ZIP_LOCATOR_BYTES, &behind) ||
	    behind > end)
		return ozr_fail(err, OZR_CORRUPT,
				"a ZIP64 end record at %" PRIu64
				" is announced, the end record is at %" PRIu64,
				at, end);
	*record64 = at;
	return OZR_OK;
}

int ozr_zip_end(const unsigned char *tail, size_t len, uint64_t size, struct ozr_zip_place *out,
		uint64_t *record64, struct ozr_err *err)
{
	const unsigned char *p = find_end(tail, len);
	*record64 = 0;
	if (!p)
		return ozr_fail(err, OZR_BAD_FORMAT,
				"not a zip archive: no end record in the last %zu of %" PRIu64
				" bytes",
				len, size);
	const uint64_t first = size - len, end = first + (uint64_t)(p - tail);
	*out = (struct ozr_zip_place){ozr_zip_u32(p + 16), ozr_zip_u32(p + 12), ozr_zip_u16(p + 10),
				      end};
	const unsigned char *locator = p - OZR_ZIP_LOCATOR_BYTES;
	if (p - tail < OZR_ZIP_LOCATOR_BYTES || ozr_zip_u32(locator) != OZR_ZIP_LOCATOR) {
		int code = one_disk(ozr_zip_u16(p + 4), ozr_zip_u16(p + 6), ozr_zip_u16(p + 8),
				    out->count, err);
		return code ? code : check_place(out, err);
	}
	uint64_t at = 0;
	int code = find_end64(locator, end, &at, err);
	if (code)
		return code;
	if (at >= first)
		return ozr_zip_end64(tail + (at - first), at, out, err);
	*record64 = at;
	return OZR_OK;
}
