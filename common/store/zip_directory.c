/* SPDX-License-Identifier: MIT */
/*
 * The central directory of a zip archive, record by record, and the local
 * headers, which must repeat it. Memory is taken for the entries that the
 * directory really has room for, after its size was checked by the caller.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/ckd.h"
#include "base/ctx.h"
#include "base/mem.h"
#include "store/zip.h"

/* Deflate cannot do better than 1032 to 1. */
enum { DEFLATE_RATIO = 1032, DEFLATE_SLACK = 1024 };

/* --- Extra fields ---------------------------------------------------------- */

int ozr_zip_extra_ok(const unsigned char *extra, size_t len)
{
	size_t at = 0;
	while (len - at >= 4) {
		size_t n = ozr_zip_u16(extra + at + 2);
		if (n > len - at - 4)
			return 0;
		at += 4 + n;
	}
	return 1; /* zipalign of old leaves up to 3 bytes */
}

const unsigned char *ozr_zip_extra(const unsigned char *extra, size_t len, unsigned tag,
				   size_t *found)
{
	for (size_t at = 0; len - at >= 4;) {
		*found = ozr_zip_u16(extra + at + 2);
		if (ozr_zip_u16(extra + at) == tag)
			return extra + at + 4;
		at += 4 + *found;
	}
	*found = 0;
	return NULL;
}

/* Numbers that are "see the ZIP64 field" in a header, replaced by it. Returns 1 when it has none. */
static int take64(const unsigned char **p, size_t *left, uint64_t *value)
{
	if (*value != UINT32_MAX)
		return 0;
	if (*left < 8)
		return 1;
	*value = ozr_zip_u64(*p);
	*p += 8;
	*left -= 8;
	return 0;
}

/* --- Central records ------------------------------------------------------- */

struct record {
	const unsigned char *head, *name, *extra;
	size_t name_len, extra_len;
	uint64_t size, packed, offset, disk;
};

/* The record at p, in left bytes; returns its bytes, 0 after a failure. */
static size_t split(const unsigned char *p, size_t left, struct record *r)
{
	if (left < OZR_ZIP_CENTRAL_BYTES || ozr_zip_u32(p) != OZR_ZIP_CENTRAL)
		return 0;
	size_t comment = ozr_zip_u16(p + 32);
	*r = (struct record){.head = p,
			     .name = p + OZR_ZIP_CENTRAL_BYTES,
			     .name_len = ozr_zip_u16(p + 28),
			     .extra_len = ozr_zip_u16(p + 30),
			     .packed = ozr_zip_u32(p + 20),
			     .size = ozr_zip_u32(p + 24),
			     .disk = ozr_zip_u16(p + 34),
			     .offset = ozr_zip_u32(p + 42)};
	r->extra = r->name + r->name_len;
	size_t n = OZR_ZIP_CENTRAL_BYTES + r->name_len + r->extra_len + comment;
	return n <= left ? n : 0;
}

static int resolve64(struct record *r, struct ozr_err *err)
{
	size_t left;
	if (!ozr_zip_extra_ok(r->extra, r->extra_len))
		return ozr_fail(err, OZR_CORRUPT, "malformed extra fields");
	const unsigned char *p = ozr_zip_extra(r->extra, r->extra_len, OZR_ZIP_EXTRA_64, &left);
	if (take64(&p, &left, &r->size) || take64(&p, &left, &r->packed) ||
	    take64(&p, &left, &r->offset))
		return ozr_fail(err, OZR_CORRUPT, "a ZIP64 size is announced and missing");
	if (r->disk == UINT16_MAX && left >= 4)
		r->disk = ozr_zip_u32(p);
	if (r->disk)
		return ozr_fail(err, OZR_UNSUPPORTED, "lies on disk %" PRIu64, r->disk);
	return OZR_OK;
}

/* Sizes that cannot be: more data than deflate can make, or stored data of another size. */
static int check_sizes(const struct record *r, unsigned method, unsigned flags, struct ozr_err *err)
{
	if (r->size > INT64_MAX || r->packed > INT64_MAX || r->offset > INT64_MAX)
		return ozr_fail(err, OZR_CORRUPT,
				"%" PRIu64 " bytes in %" PRIu64 " at %" PRIu64 ", more than 2^63-1",
				r->size, r->packed, r->offset);
	if (method == OZR_ZIP_STORED && !(flags & OZR_ZIP_ENCRYPTED) && r->size != r->packed)
		return ozr_fail(err, OZR_CORRUPT,
				"stored, but %" PRIu64 " bytes are declared to be %" PRIu64,
				r->packed, r->size);
	if (method == OZR_ZIP_DEFLATE && r->size / DEFLATE_RATIO > r->packed + DEFLATE_SLACK)
		return ozr_fail(err, OZR_CORRUPT,
				"%" PRIu64
				" bytes are declared, deflate cannot make them of %" PRIu64,
				r->size, r->packed);
	return OZR_OK;
}

static int take_record(struct ozr_zip_directory *d, const struct record *r, size_t *used,
		       struct ozr_err *err)
{
	char key[OZR_ZIP_NAME_MAX], quoted[OZR_QUOTE_MAX];
	int is_dir;
	const unsigned flags = ozr_zip_u16(r->head + 8), method = ozr_zip_u16(r->head + 10);
	const unsigned host = r->head[5], unix_made = host == 3 || host == 19; /* 19: macOS */
	int code = ozr_zip_name(r->name, r->name_len, flags | (unix_made ? OZR_ZIP_UNIX : 0),
				r->extra, r->extra_len, key, &is_dir, err);
	if (code)
		return code;
	code = check_sizes(r, method, flags, err);
	if (!code && is_dir && r->size)
		code = ozr_fail(err, OZR_CORRUPT, "a directory of %" PRIu64 " bytes", r->size);
	if (code)
		return ozr_err_context(err, code, "entry '%s'",
				       ozr_quote(quoted, key, strlen(key)));
	if (is_dir)
		return OZR_OK;
	struct ozr_zip_entry *e = &d->entry[d->count++];
	size_t len = strlen(key) + 1;
	e->key = d->names + *used;
	memcpy(d->names + *used, key, len);
	*used += len;
	e->header = r->offset;
	e->packed = r->packed;
	e->size = r->size;
	e->name_hash = ozr_hash(0, r->name, r->name_len);
	e->name_len = (uint16_t)r->name_len;
	e->crc = ozr_zip_u32(r->head + 16);
	e->method = (uint16_t)method;
	e->flags = (uint16_t)flags;
	e->is_link = unix_made && (ozr_zip_u32(r->head + 38) >> 16 & S_IFMT) == S_IFLNK;
	return OZR_OK;
}

/* --- The whole ---------------------------------------------------------------- */

static int record_fault(const struct ozr_zip_place *place, uint64_t i, size_t at,
			struct ozr_err *err)
{
	return ozr_fail(err, OZR_CORRUPT,
			"the central directory has no whole record of entry %" PRIu64 " of %" PRIu64
			" at %" PRIu64,
			i + 1, place->count, place->offset + at);
}

/* Bytes that all keys with their NULs take at most; every record is looked at. */
static int measure(const unsigned char *bytes, const struct ozr_zip_place *place, uint64_t *names,
		   struct ozr_err *err)
{
	const size_t len = (size_t)place->bytes;
	size_t at = 0;
	*names = 1;
	for (uint64_t i = 0; i < place->count; i++) {
		struct record r;
		size_t n = split(bytes + at, len - at, &r);
		if (!n)
			return record_fault(place, i, at, err);
		at += n;
		/* A letter of code page 437 takes up to 3 bytes. */
		const uint64_t utf8 = 3 * (uint64_t)r.name_len + r.extra_len;
		*names += ozr_min_u64(utf8, OZR_ZIP_NAME_MAX) + 1;
	}
	if (at != len && (len - at < 6 || ozr_zip_u32(bytes + at) != OZR_ZIP_SIGNATURE))
		return ozr_fail(err, OZR_CORRUPT,
				"the central directory has %zu bytes behind its %" PRIu64
				" entries",
				len - at, place->count);
	return OZR_OK;
}

static int parse(struct ozr_zip_directory *d, const unsigned char *bytes,
		 const struct ozr_zip_place *place, struct ozr_err *err)
{
	uint64_t names;
	size_t at = 0, used = 0;
	int code = measure(bytes, place, &names, err);
	if (code)
		return code;
	if (place->count >= UINT32_MAX)
		return ozr_fail(err, OZR_LIMIT, "%" PRIu64 " entries, at most 2^32-2",
				place->count);
	d->entry = ozr_calloc(d->ctx, place->count + 1, sizeof *d->entry, err);
	d->names = d->entry ? ozr_alloc(d->ctx, names, err) : NULL;
	if (!d->names)
		return ozr_alloc_code(err);
	for (uint64_t i = 0; i < place->count && !code; i++) {
		struct record r;
		at += split(bytes + at, (size_t)place->bytes - at, &r);
		code = resolve64(&r, err);
		if (code) {
			char quoted[OZR_QUOTE_MAX];
			return ozr_err_context(err, code, "entry '%s'",
					       ozr_quote(quoted, (const char *)r.name, r.name_len));
		}
		code = take_record(d, &r, &used, err);
	}
	return code;
}

int ozr_zip_directory_parse(struct ozr_ctx *ctx, const unsigned char *bytes,
			    const struct ozr_zip_place *place, struct ozr_zip_directory *out,
			    struct ozr_err *err)
{
	*out = (struct ozr_zip_directory){.ctx = ctx};
	int code = parse(out, bytes, place, err);
	return code ? code : ozr_zip_index(out, place->offset, err);
}

void ozr_zip_directory_release(struct ozr_zip_directory *d)
{
	ozr_free(d->ctx, d->entry);
	ozr_free(d->ctx, d->names);
	ozr_free(d->ctx, d->sorted);
	ozr_free(d->ctx, d->slot);
}

/* --- Local headers -------------------------------------------------------------- */

/* Sizes and checksum, unless they follow the data and are not told here. */
static int local_sizes(const struct ozr_zip_entry *e, const unsigned char *header,
		       const unsigned char *extra, size_t extra_len, struct ozr_err *err)
{
	const uint32_t crc = ozr_zip_u32(header + 14);
	uint64_t packed = ozr_zip_u32(header + 18), size = ozr_zip_u32(header + 22);
	size_t left;
	const unsigned char *p = ozr_zip_extra(extra, extra_len, OZR_ZIP_EXTRA_64, &left);
	const int later = (ozr_zip_u16(header + 6) & OZR_ZIP_DESCRIPTOR) != 0;
	if (take64(&p, &left, &size) || take64(&p, &left, &packed))
		return ozr_fail(err, OZR_CORRUPT,
				"the local header announces a ZIP64 size and has none");
	if ((size != e->size || packed != e->packed) && !(later && !size && !packed))
		return ozr_fail(err, OZR_CORRUPT,
				"the local header says %" PRIu64 " bytes in %" PRIu64
				", the directory %" PRIu64 " in %" PRIu64,
				size, packed, e->size, e->packed);
	if (crc != e->crc && !(later && !crc))
		return ozr_fail(err, OZR_CORRUPT,
				"the local header has the checksum 0x%08x, the directory 0x%08x",
				(unsigned)crc, (unsigned)e->crc);
	return OZR_OK;
}

static int local_fields(const struct ozr_zip_entry *e, const unsigned char *header, size_t len,
			struct ozr_err *err)
{
	const size_t name_len = ozr_zip_u16(header + 26), extra_len = ozr_zip_u16(header + 28);
	const unsigned char *name = header + OZR_ZIP_LOCAL_BYTES, *extra = name + name_len;
	char quoted[OZR_QUOTE_MAX];
	if (len < OZR_ZIP_LOCAL_BYTES + name_len + extra_len)
		return ozr_fail(err, OZR_CORRUPT, "the local header is cut off");
	if (name_len != e->name_len || ozr_hash(0, name, name_len) != e->name_hash)
		return ozr_fail(err, OZR_CORRUPT, "the local header has the name '%s'",
				ozr_quote(quoted, (const char *)name, name_len));
	if (ozr_zip_u16(header + 8) != e->method)
		return ozr_fail(err, OZR_CORRUPT,
				"the local header has method %u, the directory %u",
				(unsigned)ozr_zip_u16(header + 8), (unsigned)e->method);
	const unsigned told = OZR_ZIP_ENCRYPTED | OZR_ZIP_UTF8;
	if ((ozr_zip_u16(header + 6) & told) != (e->flags & told))
		return ozr_fail(err, OZR_CORRUPT,
				"the local header has the flags 0x%04x, the directory 0x%04x",
				(unsigned)ozr_zip_u16(header + 6), (unsigned)e->flags);
	if (!ozr_zip_extra_ok(extra, extra_len))
		return ozr_fail(err, OZR_CORRUPT, "malformed extra fields in the local header");
	return local_sizes(e, header, extra, extra_len, err);
}

int ozr_zip_local_check(const struct ozr_zip_entry *e, const unsigned char *header, size_t len,
			uint64_t *data, struct ozr_err *err)
{
	if (len < OZR_ZIP_LOCAL_BYTES || ozr_zip_u32(header) != OZR_ZIP_LOCAL)
		return ozr_fail(err, OZR_CORRUPT, "no local header at %" PRIu64, e->header);
	int code = local_fields(e, header, len, err);
	if (code)
		return code;
	const uint64_t head =
		OZR_ZIP_LOCAL_BYTES + (uint64_t)ozr_zip_u16(header + 26) + ozr_zip_u16(header + 28);
	if (head > e->end - e->header || e->packed > e->end - e->header - head)
		return ozr_fail(err, OZR_CORRUPT,
				"%" PRIu64 " bytes at %" PRIu64 " overlap what begins at %" PRIu64,
				e->packed, e->header + head, e->end);
	*data = e->header + head;
	return OZR_OK;
}
