/* SPDX-License-Identifier: MIT */
/*
 * Zip archives as stores: ".ozx" (OME-NGFF RFC-9) and ".zip". An archive is one
 * value of another store, so it may lie on a disk, in memory or in a host's
 * virtual file system. It is read in place by ranges, or written once from
 * beginning to end; what is finished is never changed.
 *
 * What is written: values stored without compression, each at a multiple of the
 * alignment; ZIP64 records throughout; the same bytes for the same calls. Metadata
 * (zarr.json and its kind) is held in memory and may be read, replaced and deleted until the
 * end; the first other value makes what is there then the beginning of the
 * file, the root's zarr.json first, the others level by level. The directory
 * lists metadata first in any case, which the comment says as RFC-9 wants.
 * Other values cannot be read before the archive is finished, nor replaced. What
 * is deleted is not listed; the space that it took in the file stays unused.
 *
 * An image is made in an archive by ozr_image_create(zip, "", OZR_CREATE_DIRECT, ...),
 * ozr_image_commit() and then ozr_zip_commit().
 *
 * Threads: as all stores. One value at a time streams into the archive; others
 * that are open meanwhile wait in memory, then in a scratch file.
 */
#ifndef OZR_ZIP_H
#define OZR_ZIP_H

#include "store.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The archive at key. It keeps one version of it open and a reference to parent. flags: OZR_UPDATE
 * is OZR_UNSUPPORTED, since archives are not changed in place. Limits: zip_directory,
 * and object_bytes for a compressed member, which is unpacked when it is first read. Symbolic links,
 * encrypted members and other compressions are OZR_UNSUPPORTED when they are opened. */
OZR_API OZR_MUST_CHECK int ozr_store_open_zip(struct ozr_store *parent, const char *key, int flags,
					      struct ozr_store **out, struct ozr_err *err);
/* The same for a local file; OZR_NOT_FOUND when it does not exist. */
OZR_API OZR_MUST_CHECK int ozr_store_open_zip_file(struct ozr_ctx *ctx, const char *path, int flags,
						   struct ozr_store **out, struct ozr_err *err);

/* Zeros are defaults. */
struct ozr_zip_options {
	unsigned alignment;     /* [64] of values: a power of two, at most 32768 */
	unsigned metadata_room; /* [4096] spaces left behind each document for a longer one */
	unsigned root_room;     /* [65536] for the root's zarr.json when data comes before it */
	unsigned head;          /* [0] bytes before the first entry: ozr_zip_patch() */
	const char *comment;    /* [as RFC-9 has it, for 0.5] UTF-8, at most 65535 bytes */
	enum ozr_put_mode mode; /* of the archive itself, checked when it is published */
	int read_only; /* 1: nobody may write to the published file, where the parent has such modes */
};

/* A new archive, for writing; nobody sees it before ozr_zip_commit(). The last unref without that
 * is ozr_zip_abort(). */
OZR_API OZR_MUST_CHECK int ozr_zip_create(struct ozr_store *parent, const char *key,
					  const struct ozr_zip_options *opt, struct ozr_store **out,
					  struct ozr_err *err);
OZR_API OZR_MUST_CHECK int ozr_zip_create_file(struct ozr_ctx *ctx, const char *path,
					       const struct ozr_zip_options *opt,
					       enum ozr_durability durability,
					       struct ozr_store **out, struct ozr_err *err);
/* Where the data of a value lies, in an archive that is read or written. While it is written, size
 * is 0 and offset too as long as that is not decided: metadata before the end, a value that waits
 * for another one. OZR_NOT_FOUND when there is no such value, or it was not committed;
 * OZR_UNSUPPORTED when it is compressed. */
OZR_API OZR_MUST_CHECK int ozr_zip_placement(struct ozr_store *zip, const char *key,
					     struct ozr_placement *out, struct ozr_err *err);
/* Compare the checksum of a value with its bytes, all of which are read: OZR_CORRUPT when they
 * differ. For archives that are read. Progress is not told. */
OZR_API OZR_MUST_CHECK int ozr_zip_verify(struct ozr_store *zip, const char *key,
					  const struct ozr_call *call, struct ozr_err *err);
/* Where the bytes of an open put will lie: 0 when it does not stream into the archive. */
OZR_API uint64_t ozr_zip_put_offset(const struct ozr_put *p);
/* Change bytes before the first entry (options.head). */
OZR_API OZR_MUST_CHECK int ozr_zip_patch(struct ozr_store *zip, uint64_t offset, const void *bytes,
					 size_t len, struct ozr_err *err);
/* Put all values of a store that lists into the archive, but not the IFDs of a twin (OME/tiff.ifd),
 * which are true in their own file only: documents first, then the others in the order of their
 * keys, piece by piece. A part of a store: ozr_store_open_sub(). What the archive
 * holds already stays. call may be NULL; progress is by values. */
OZR_API OZR_MUST_CHECK int ozr_zip_pack(struct ozr_store *zip, struct ozr_store *from,
					const struct ozr_call *call, struct ozr_err *err);
/* Write metadata and directory, then publish the archive. All puts must have ended. Whatever is
 * returned, nothing can be written afterwards, and the reference remains the caller's. */
OZR_API OZR_MUST_CHECK int ozr_zip_commit(struct ozr_store *zip, struct ozr_err *err);
/* Leave nothing. */
OZR_API void ozr_zip_abort(struct ozr_store *zip);

#ifdef __cplusplus
}
#endif
#endif
