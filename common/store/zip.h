/* SPDX-License-Identifier: MIT */
/*
 * The inside of the zip store: the layout of zip records, and the directory of
 * an archive as it is held in memory. zip_end.c finds the central directory,
 * zip_directory.c parses it, zip_names.c turns stored names into keys,
 * zip_index.c orders and checks what was parsed, store_zip.c reads values.
 * The writer: zip_sink.c (where bytes go), zip_record.c (what the records look
 * like), zip_write.c (puts), zip_finish.c (metadata, directory, publication).
 *
 * Parsers see one buffer and do no I/O.
 */
#ifndef OZR_STORE_ZIP_H
#define OZR_STORE_ZIP_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/key.h"
#include "ozr/store.h"

enum {
	OZR_ZIP_LOCAL = 0x04034b50,
	OZR_ZIP_CENTRAL = 0x02014b50,
	OZR_ZIP_SIGNATURE = 0x05054b50, /* digital signature behind the directory */
	OZR_ZIP_END = 0x06054b50,
	OZR_ZIP_END64 = 0x06064b50,
	OZR_ZIP_LOCATOR = 0x07064b50,

	OZR_ZIP_LOCAL_BYTES = 30,
	OZR_ZIP_CENTRAL_BYTES = 46,
	OZR_ZIP_END_BYTES = 22,
	OZR_ZIP_END64_BYTES = 56,
	OZR_ZIP_LOCATOR_BYTES = 20,
	OZR_ZIP_COMMENT_MAX = 65535,

	OZR_ZIP_EXTRA_64 = 0x0001,
	OZR_ZIP_EXTRA_ALIGN = 0xd935, /* as Android's zipalign pads */
	OZR_ZIP_EXTRA_PATH = 0x7075,  /* Info-ZIP: the name in UTF-8 */

	OZR_ZIP_ENCRYPTED = 1 << 0,
	OZR_ZIP_DESCRIPTOR = 1 << 3, /* sizes and CRC follow the data */
	OZR_ZIP_STRONG = 1 << 6,
	OZR_ZIP_UTF8 = 1 << 11,
	OZR_ZIP_MASKED = 1 << 13,
	OZR_ZIP_UNIX = 1 << 16, /* not in the file: made there, says another field */

	OZR_ZIP_STORED = 0,
	OZR_ZIP_DEFLATE = 8
};

static inline uint16_t ozr_zip_u16(const void *p)
{
	const unsigned char *b = p;
	return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t ozr_zip_u32(const void *p)
{
	const unsigned char *b = p;
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline uint64_t ozr_zip_u64(const void *p)
{
	const unsigned char *b = p;
	return ozr_zip_u32(b) | (uint64_t)ozr_zip_u32(b + 4) << 32;
}

/* One member, as the central directory has it. */
struct ozr_zip_entry {
	const char *key; /* in the directory's names */
	uint64_t header; /* where its local header begins */
	uint64_t end;    /* where the next thing begins: nothing of this one may pass it */
	uint64_t packed, size;
	uint64_t name_hash;    /* of the name's bytes, which the local header repeats */
	_Atomic uint64_t data; /* where its bytes begin; 0: the local header was not seen yet */
	uint32_t crc;
	uint16_t name_len; /* bytes of the name as it is stored */
	uint16_t method, flags;
	int is_link; /* a symbolic link, made on Unix */
};

struct ozr_zip_directory {
	struct ozr_ctx *ctx; /* borrowed */
	struct ozr_zip_entry *entry;
	size_t count;
	char *names;                   /* keys, each with its NUL */
	struct ozr_zip_entry **sorted; /* by key, '/' before all other bytes */
	uint32_t *slot;                /* hash table: 1 + index of an entry, 0: free */
	size_t slots;                  /* a power of two */
	uint64_t seed;
	int crowded; /* some entries found no slot: look among the sorted ones too */
};

/* Where the central directory lies. */
struct ozr_zip_place {
	uint64_t offset, bytes, count;
	uint64_t end; /* where the end records begin */
};

/* --- zip_end.c --- */

/* Bytes at the end of an archive in which the end records are looked for. */
#define OZR_ZIP_TAIL                                                                               \
	(OZR_ZIP_END_BYTES + OZR_ZIP_COMMENT_MAX + OZR_ZIP_LOCATOR_BYTES + OZR_ZIP_END64_BYTES)

/* What the last len bytes of a file of size bytes say. *record64 is not 0 when the ZIP64 record
 * lies there, before these bytes: *out then waits for ozr_zip_end64(). */
int ozr_zip_end(const unsigned char *tail, size_t len, uint64_t size, struct ozr_zip_place *out,
		uint64_t *record64, struct ozr_err *err) OZR_MUST_CHECK;
/* The ZIP64 record at its offset: OZR_ZIP_END64_BYTES bytes. */
int ozr_zip_end64(const unsigned char *record, uint64_t offset, struct ozr_zip_place *out,
		  struct ozr_err *err) OZR_MUST_CHECK;

/* --- zip_directory.c --- */

/* Parse the central directory. Released by ozr_zip_directory_release(), also after a failure. */
int ozr_zip_directory_parse(struct ozr_ctx *ctx, const unsigned char *bytes,
			    const struct ozr_zip_place *place, struct ozr_zip_directory *out,
			    struct ozr_err *err) OZR_MUST_CHECK;
void ozr_zip_directory_release(struct ozr_zip_directory *d);
/* The extra field with this tag: its bytes, or NULL. The list must be well-formed. */
const unsigned char *ozr_zip_extra(const unsigned char *extra, size_t len, unsigned tag,
				   size_t *found);
/* Is the list of extra fields well-formed? Up to 3 bytes of padding are taken. */
int ozr_zip_extra_ok(const unsigned char *extra, size_t len);
/* Does the local header, len bytes of it with its name and extra fields, say what the directory
 * says? *data gets the offset of the bytes. */
int ozr_zip_local_check(const struct ozr_zip_entry *e, const unsigned char *header, size_t len,
			uint64_t *data, struct ozr_err *err) OZR_MUST_CHECK;

/* --- zip_names.c --- */

enum { OZR_ZIP_NAME_MAX = OZR_KEY_MAX + 2 }; /* a key, the '/' of a directory, NUL */
/* The name of an entry in UTF-8. *is_dir: it ends with '/', which is left out. */
int ozr_zip_name(const unsigned char *name, size_t len, unsigned flags, const unsigned char *extra,
		 size_t extra_len, char out[OZR_ZIP_NAME_MAX], int *is_dir,
		 struct ozr_err *err) OZR_MUST_CHECK;

/* --- store_zip.c --- */

int ozr_zip_is_reader(const struct ozr_store *s);
/* ozr_zip_placement() of an archive that is read. */
int ozr_zip_member_place(struct ozr_store *s, const char *key, struct ozr_placement *out,
			 struct ozr_err *err) OZR_MUST_CHECK;

/* --- zip_index.c --- */

/* Order the entries, refuse duplicates and overlaps, build the table. limit: where the central
 * directory begins. */
int ozr_zip_index(struct ozr_zip_directory *d, uint64_t limit, struct ozr_err *err) OZR_MUST_CHECK;
struct ozr_zip_entry *ozr_zip_find(const struct ozr_zip_directory *d, const char *key);
/* The first sorted entry at or behind key. */
size_t ozr_zip_lower_bound(const struct ozr_zip_directory *d, const char *key);
/* Order of keys with '/' before all other bytes. */
int ozr_zip_compare(const char *a, const char *b);

#endif
